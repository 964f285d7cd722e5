/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as requests or responses: same outcome however cut, and what is accepted survives being written and read. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h1/body.h"
#include "h1/parse.h"
#include "h1/serialize.h"
#include "http/path.h"
#include "tests/unit/h1/outcome.h"

#define CHECK(what)                                                                \
	do {                                                                       \
		if (!(what)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
			abort();                                                   \
		}                                                                  \
	} while (0)

#define INPUT_BYTES_MAX 8192

static bool same_fields(const struct hdl_http_headers *a, const struct hdl_http_headers *b)
{
	static const uint64_t own = 1ull << HDL_HTTP_H_HOST | 1ull << HDL_HTTP_H_CONNECTION |
				    1ull << HDL_HTTP_H_CONTENT_LENGTH | 1ull << HDL_HTTP_H_TRANSFER_ENCODING |
				    1ull << HDL_HTTP_H_UPGRADE | 1ull << HDL_HTTP_H_KEEP_ALIVE |
				    1ull << HDL_HTTP_H_PROXY_CONNECTION;
	uint32_t j = 0;

	for (uint32_t i = 0; i < a->n; i++) {
		if (own >> a->v[i].known & 1)
			continue;
		while (j < b->n && own >> b->v[j].known & 1)
			j++;
		if (j == b->n || !hdl_str_eq(a->v[i].name, b->v[j].name) || !hdl_str_eq(a->v[i].value, b->v[j].value))
			return false;
		j++;
	}
	while (j < b->n && own >> b->v[j].known & 1)
		j++;
	return j == b->n;
}

static void check_same(const struct hdl_http_head *a, const struct hdl_http_head *b)
{
	CHECK(a->version == b->version);
	CHECK(a->status == b->status);
	CHECK(a->method == b->method);
	CHECK(hdl_str_eq(a->path, b->path));
	CHECK(a->has_query == b->has_query && hdl_str_eq(a->query, b->query));
	CHECK(hdl_str_eq(a->authority, b->authority));
	CHECK(a->framing == b->framing);
	CHECK(a->framing != HDL_HTTP_BODY_LENGTH || a->content_length == b->content_length);
	CHECK(same_fields(&a->headers, &b->headers));
}

static void check_gather(const struct hdl_http_head *head, const char *written, size_t n)
{
	static struct hdl_str segments[256];
	static char scratch[INPUT_BYTES_MAX * 4], joined[INPUT_BYTES_MAX * 4];
	size_t total = 0, at = 0;
	int count = hdl_h1_gather_head(head, scratch, sizeof(scratch), segments, 256, &total);

	CHECK(count > 0 && total == n);
	for (int i = 0; i < count; at += segments[i++].n)
		memcpy(joined + at, segments[i].p, segments[i].n);
	CHECK(at == n && memcmp(joined, written, n) == 0);
}

/* Written and parsed again it is the same message, and one message: nothing is left behind its head. */
static void round_trip(struct outcome *o, void *arg)
{
	static struct hdl_http_header v[OUTCOME_HEADERS + 8];
	struct hdl_http_head again = { .headers = { .v = v, .capacity = OUTCOME_HEADERS + 8 } };
	struct hdl_h1_limits limits = { 1 << 20, OUTCOME_HEADERS + 8, 8192 };
	struct hdl_h1_scan scan = { 0 };
	size_t bound = hdl_h1_head_bytes_bound(&o->head);
	char *buf = malloc(bound);
	int n, r;

	(void)arg;
	CHECK(buf);
	/* CONNECT has no path: it is never forwarded */
	if (o->head.target_form != HDL_HTTP_TARGET_AUTHORITY || !o->head.is_request) {
		n = o->responses ? hdl_h1_write_response(&o->head, buf, bound) :
				   hdl_h1_write_request(&o->head, buf, bound);
		CHECK(n > 0);
		check_gather(&o->head, buf, (size_t)n);
		r = o->responses ? hdl_h1_parse_response(buf, (size_t)n, &scan, &limits, o->method, &again) :
				   hdl_h1_parse_request(buf, (size_t)n, &scan, &limits, &again);
		CHECK(r == n);
		check_same(&o->head, &again);
	}
	free(buf);
	hdl_http_headers_strip_hop_by_hop(&o->head.headers);
	CHECK(!hdl_http_headers_has(&o->head.headers, HDL_HTTP_H_CONNECTION));
}

/* The result is never longer, is in normal form, and keeps no dot segment. */
static void check_path(const char *data, size_t n)
{
	struct hdl_str path = { data, n }, once, twice;
	char *buf = malloc(n ? n : 1), *more = malloc(n ? n : 1);

	CHECK(buf && more);
	if (n > 0 && data[0] == '/' && !memchr(data, '?', n) && hdl_http_path_normalize(path, buf, n, &once) == 0) {
		CHECK(once.n <= n && once.n > 0 && once.p[0] == '/');
		CHECK(hdl_http_path_normalize(once, more, n, &twice) == 0);
		CHECK(hdl_str_eq(once, twice));
		CHECK(!memmem(once.p, once.n, "/../", 4) && !memmem(once.p, once.n, "/./", 3));
	}
	free(buf);
	free(more);
}

/* First byte: what it is and how it is cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct outcome whole, cut;
	bool responses;
	enum hdl_http_method method;
	const char *p;
	size_t n, first, piece;

	if (size < 2 || size > INPUT_BYTES_MAX)
		return 0;
	responses = data[0] & 1;
	method = data[0] & 2 ? HDL_HTTP_HEAD : HDL_HTTP_GET;
	piece = (size_t)(data[0] >> 2) + 1;
	p = (const char *)data + 1;
	n = size - 1;
	first = (size_t)data[size - 1] * n / 256;
	if (n > 1024) /* each piece copies what waits: bound the square */
		piece += n / 16;
	outcome_init(&whole, responses, method);
	outcome_run(&whole, p, n, n, 1);
	outcome_init(&cut, responses, method);
	cut.on_head = round_trip;
	outcome_run(&cut, p, n, first, piece);
	CHECK(whole.text.n == cut.text.n &&
	      memcmp(whole.text.p ? whole.text.p : "", cut.text.p ? cut.text.p : "", whole.text.n) == 0);
	outcome_done(&whole);
	outcome_done(&cut);
	check_path(p, n);
	return 0;
}
