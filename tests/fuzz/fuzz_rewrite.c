/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: expression, replacement and path on three lines: rewritten, normalised in all ways, and in a Location. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/path.h"
#include "re/re.h"
#include "route/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char buf[1 << 18], again[1 << 18];

static void require(bool condition)
{
	if (!condition)
		abort();
}

static struct hdl_str line(struct hdl_str *rest)
{
	const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	struct hdl_str s = { rest->p, end ? (size_t)(end - rest->p) : rest->n };

	rest->p += s.n + (end != NULL);
	rest->n -= s.n + (end != NULL);
	return s;
}

static void rewrite(const struct hdl_ir_path_change *change, const struct hdl_ir_http_match *match, struct hdl_str path)
{
	const struct hdl_ir_redirect redirect = { .scheme = "", .host = "", .port = 81, .path = *change };
	struct hdl_http_head head = { .path = path, .authority = path };
	const struct hdl_route_asked asked = { &head, match, 80 };
	long n = hdl_route_rewrite(change, match, path, buf, sizeof(buf));

	if (n < 0)
		return;
	require(hdl_route_rewrite(change, match, path, again, (size_t)n) == n);
	require(n == 0 || memcmp(buf, again, (size_t)n) == 0);
	require(n == 0 || hdl_route_rewrite(change, match, path, again, (size_t)n - 1) < 0);
	n = hdl_route_location(&redirect, &asked, buf, sizeof(buf));
	require(n < 0 || (n >= 7 && memcmp(buf, "http://", 7) == 0));
}

static void normalize(struct hdl_str path)
{
	for (int how = HDL_HTTP_NORMALIZE_BASE; how <= HDL_HTTP_NORMALIZE_DECODE_AND_MERGE_SLASHES; how++) {
		char *own = malloc(path.n + 1);
		struct hdl_str got;

		require(own != NULL);
		own[0] = '/';
		if (path.n)
			memcpy(own + 1, path.p, path.n);
		if (hdl_http_path_normalize_as((struct hdl_str){ own, path.n + 1 }, (enum hdl_http_normalization)how,
					       &got) == 0) {
			require(got.n >= 1 && got.n <= path.n + 1 && got.p[0] == '/');
			for (size_t i = 1; how >= HDL_HTTP_NORMALIZE_MERGE_SLASHES && i < got.n; i++)
				require(got.p[i] != '/' || got.p[i - 1] != '/');
		}
		free(own);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hdl_str rest = { (const char *)data, size }, pattern = line(&rest), text = line(&rest), path = rest;
	struct hdl_ir_http_match match = { .uri = { .value = pattern } };
	struct hdl_re *re = NULL;

	normalize(path);
	if (hdl_str_starts(path, pattern))
		for (int kind = HDL_IR_MATCH_UNSET; kind <= HDL_IR_MATCH_SEGMENTS; kind++) {
			match.uri.kind = (enum hdl_ir_match_kind)kind;
			rewrite(&(struct hdl_ir_path_change){ HDL_IR_PATH_MATCHED, text, NULL }, &match, path);
		}
	rewrite(&(struct hdl_ir_path_change){ HDL_IR_PATH_WHOLE, text, NULL }, NULL, path);
	if (hdl_re_compile(pattern, &re, NULL) == 0 && hdl_re_check_rewrite(re, text, NULL) == 0)
		rewrite(&(struct hdl_ir_path_change){ HDL_IR_PATH_REGEX, text, re }, NULL, path);
	hdl_re_free(re);
	return 0;
}
