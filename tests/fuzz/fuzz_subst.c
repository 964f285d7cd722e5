/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: header values with substitution commands, parsed and run; what does not fit is refused, not cut. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/subst.h"
#include "policy/subst.h"

#define PARTS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void run(const struct hdl_subst_part *parts, size_t n, const struct hdl_subst_facts *facts)
{
	static char buf[1 << 16], again[1 << 16];
	long bytes = hdl_subst_value(parts, n, facts, buf, sizeof(buf));
	char *exact;

	if (bytes < 0)
		return;
	require((size_t)bytes <= sizeof(buf));
	exact = malloc((size_t)bytes ? (size_t)bytes : 1);
	require(exact && hdl_subst_value(parts, n, facts, exact, (size_t)bytes) == bytes);
	require(bytes == 0 || memcmp(exact, buf, (size_t)bytes) == 0);
	require(bytes == 0 || hdl_subst_value(parts, n, facts, again, (size_t)bytes - 1) < 0);
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hdl_http_header lines[2];
	struct hdl_http_head request = { .method_text = HDL_STR("GET"),
					 .path = HDL_STR("/a"),
					 .authority = HDL_STR("h") };
	struct hdl_subst_facts facts = {
		.request = &request,
		.response = &request.headers,
		.response_code = 200,
		.duration_ms = 1,
		.attempts = 1,
		.protocol = HDL_STR("HTTP/1.1"),
		.cluster = HDL_STR("c"),
		.upstream_remote = HDL_STR("[::1]:80"),
		.downstream_remote = HDL_STR("10.0.0.1:5"),
		.downstream_local = HDL_STR("x"),
	};
	struct hdl_str value = { (const char *)data, size }, rest = value;
	struct hdl_subst_part parts[PARTS_MAX];
	size_t n = 0, left = size + 1;
	int r = 1;

	hdl_http_headers_init(&request.headers, lines, 2);
	hdl_http_headers_add(&request.headers, HDL_STR("x"), HDL_STR("one"));
	hdl_http_headers_add(&request.headers, HDL_STR("x"), HDL_STR("two"));
	if (size >= 8)
		memcpy(&facts.start_wall_ns, data, 8);
	while (n < PARTS_MAX && (r = hdl_subst_next(&rest, &parts[n], NULL)) > 0) {
		require(rest.n < left); /* it gets on */
		left = rest.n;
		n++;
	}
	require(n == PARTS_MAX || (r == 0) == (hdl_subst_check(value, NULL) == 0));
	if (r >= 0)
		run(parts, n, &facts);
	return 0;
}
