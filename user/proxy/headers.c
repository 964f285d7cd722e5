/* SPDX-License-Identifier: Apache-2.0 */
/* Header operations, host and path of the route, applied to the request and to the answer (specification B.4, B.5). */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "policy/cors.h"
#include "policy/subst.h"
#include "proxy/stream.h"
#include "route/rewrite.h"

/* One run of operations: what values are made of, and how much they may still take. */
struct run {
	struct hdl_stream *s;
	struct hdl_http_headers *list;
	bool is_request;
	bool has_facts;
	struct hdl_subst_facts facts;
	char flags[64], transport[96], details[256];
	uint32_t room; /* bytes of names and values that are left */
};

/* Memory of the stream for n objects that need alignment. */
static void *stream_memory(struct hdl_stream *s, size_t n, size_t size)
{
	char *p = hdl_stream_text(s, n * size + _Alignof(max_align_t) - 1);

	return p ? (void *)(((uintptr_t)p + _Alignof(max_align_t) - 1) & ~(uintptr_t)(_Alignof(max_align_t) - 1)) :
		   NULL;
}

int hdl_headers_reserve(struct hdl_stream *stream, struct hdl_http_headers *list, size_t n)
{
	struct hdl_http_headers wider;
	struct hdl_http_header *v;
	size_t wanted = list->n + n + HDL_STREAM_HEADERS_EXTRA;

	if (n <= list->capacity - list->n)
		return 0;
	v = stream_memory(stream, wanted, sizeof(*v));
	if (!v)
		return -ENOMEM;
	hdl_http_headers_init(&wider, v, (uint32_t)wanted);
	(void)hdl_http_headers_copy(list, &wider); /* there is room */
	*list = wider;
	return 0;
}

/* Only for values that have commands. */
static void find_facts(struct run *run)
{
	struct hdl_stream *s = run->s;
	uint64_t duration_ns = hdl_worker_now(s->worker) - s->start_ns;

	run->has_facts = true;
	run->facts = (struct hdl_subst_facts){
		.request = &s->request,
		.start_wall_ns = hdl_clock_wall_ns() - duration_ns,
		.duration_ms = duration_ns / 1000000,
		.bytes_received = s->bytes_received,
		.attempts = s->tries,
		.protocol = hdl_http_version_text((enum hdl_http_version)s->client_version),
		.hostname = hdl_str_of(s->generation->snapshot->node.node_name),
		.route_name = hdl_str_of(strcmp(s->route_name, "-") == 0 ? "" : s->route_name),
		.cluster = hdl_str_of(s->cluster_name ? s->cluster_name : ""),
		.upstream_remote = hdl_str_of(s->tries ? s->upstream_text : ""),
		.upstream_local = hdl_str_of(s->tries ? s->upstream_local_text : ""),
		.downstream_remote = hdl_str_of(s->down->peer_text),
		.downstream_local = hdl_str_of(s->down->local_text),
	};
	if (run->is_request)
		return;
	run->facts.response = run->list;
	run->facts.response_code = s->status;
	hdl_record_flags(s, run->flags, sizeof(run->flags));
	run->facts.flags = hdl_str_of(strcmp(run->flags, "-") == 0 ? "" : run->flags);
	run->facts.details =
		hdl_record_details(s, run->transport, sizeof(run->transport), run->details, sizeof(run->details));
	run->facts.transport_failure = hdl_str_of(run->transport);
}

/* False: the header is left out, being empty, over the limit, or without memory. */
static bool make_value(struct run *run, const struct hdl_ir_header_value *spec, struct hdl_str *ret)
{
	struct hdl_worker *worker = run->s->worker;
	size_t room = run->room > spec->name.n ? run->room - spec->name.n : 0;
	long n;
	char *text;

	if (spec->part_count == 1 && spec->parts[0].command == HDL_SUBST_LITERAL) {
		*ret = spec->parts[0].text; /* lives as long as the snapshot */
		n = (long)ret->n;
	} else {
		if (spec->part_count && !run->has_facts)
			find_facts(run);
		if (room > worker->scratch_bytes)
			room = worker->scratch_bytes;
		n = hdl_subst_value(spec->parts, spec->part_count, &run->facts, worker->scratch, room);
		if (n == 0)
			return false;
		text = n > 0 ? hdl_stream_text(run->s, (size_t)n) : NULL;
		if (n > 0 && !text)
			return false;
		if (n > 0)
			*ret = hdl_str_trim((struct hdl_str){ memcpy(text, worker->scratch, (size_t)n), (size_t)n });
	}
	if (n < 0 || (size_t)n > room) {
		hdl_stat_inc(&worker->stats.limit_header_values);
		return false;
	}
	run->room -= (uint32_t)(spec->name.n + (size_t)n);
	return ret->n > 0;
}

/* Headers of which there is one line at most: Envoy joins what is added (B.5). */
static bool is_single(const struct hdl_http_header *h)
{
	const uint64_t known =
		1ull << HDL_HTTP_H_ACCEPT | 1ull << HDL_HTTP_H_ACCEPT_ENCODING | 1ull << HDL_HTTP_H_CONTENT_TYPE |
		1ull << HDL_HTTP_H_USER_AGENT | 1ull << HDL_HTTP_H_ORIGIN | 1ull << HDL_HTTP_H_EXPECT |
		1ull << HDL_HTTP_H_TE | 1ull << HDL_HTTP_H_LOCATION | 1ull << HDL_HTTP_H_CACHE_CONTROL |
		1ull << HDL_HTTP_H_CONTENT_ENCODING | 1ull << HDL_HTTP_H_SERVER | 1ull << HDL_HTTP_H_DATE |
		1ull << HDL_HTTP_H_X_REQUEST_ID | 1ull << HDL_HTTP_H_X_FORWARDED_FOR |
		1ull << HDL_HTTP_H_X_FORWARDED_HOST | 1ull << HDL_HTTP_H_X_FORWARDED_PROTO |
		1ull << HDL_HTTP_H_GRPC_TIMEOUT | 1ull << HDL_HTTP_H_GRPC_STATUS | 1ull << HDL_HTTP_H_GRPC_MESSAGE;

	return h->known != HDL_HTTP_H_OTHER ? known >> h->known & 1 : hdl_str_eq(h->name, HDL_STR("via"));
}

static int add_line(struct run *run, struct hdl_str name, struct hdl_str value)
{
	struct hdl_http_header *first = hdl_http_headers_find(run->list, name);
	char *text;

	if (!first || !is_single(first))
		return hdl_http_headers_add(run->list, name, value);
	text = hdl_stream_text(run->s, first->value.n + 1 + value.n);
	if (!text)
		return -ENOMEM;
	if (first->value.n)
		memcpy(text, first->value.p, first->value.n);
	text[first->value.n] = ',';
	memcpy(text + first->value.n + 1, value.p, value.n);
	first->value = (struct hdl_str){ text, first->value.n + 1 + value.n };
	first->flags &= (uint8_t)~HDL_HTTP_HEADER_VERBATIM;
	return 0;
}

/* All values are made of what is there after the removals, before any of them is put in. */
static int apply(struct run *run, const struct hdl_ir_header_ops *ops)
{
	size_t n = ops->set_count + ops->add_count;
	struct hdl_str *values;
	int r = 0;

	for (size_t i = 0; i < ops->remove_count; i++)
		hdl_http_headers_remove(run->list, ops->remove[i]);
	if (n == 0)
		return 0;
	values = stream_memory(run->s, n, sizeof(*values));
	if (!values || hdl_headers_reserve(run->s, run->list, n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct hdl_ir_header_value *spec =
			i < ops->set_count ? &ops->set[i] : &ops->add[i - ops->set_count];

		if (!make_value(run, spec, &values[i]))
			values[i] = (struct hdl_str){ 0 };
	}
	for (size_t i = 0; r == 0 && i < ops->set_count; i++)
		if (values[i].n)
			r = hdl_http_headers_set(run->list, ops->set[i].name, values[i]);
	for (size_t i = 0; r == 0 && i < ops->add_count; i++)
		if (values[ops->set_count + i].n)
			r = add_line(run, ops->add[i].name, values[ops->set_count + i]);
	return r;
}

static const struct hdl_ir_headers *destination_headers(const struct hdl_stream *s)
{
	return s->destination ? s->destination->headers : NULL;
}

static int change_host(struct hdl_stream *s)
{
	const struct hdl_ir_headers *route = s->route->headers, *destination = destination_headers(s);
	const char *host = route && route->host[0] ? route->host : destination ? destination->host : "";
	struct hdl_http_headers *list = &s->request.headers;
	int r = 0;

	if (!host[0])
		return 0;
	if (s->request.authority.n)
		r = hdl_http_headers_set_id(list, HDL_HTTP_H_ENVOY_ORIGINAL_HOST, s->request.authority);
	s->request.authority = hdl_str_of(host);
	return r == 0 ? hdl_http_headers_set_id(list, HDL_HTTP_H_HOST, s->request.authority) : r;
}

static int change_path(struct hdl_stream *s)
{
	const struct hdl_ir_path_change *change = &s->route->rewrite;
	struct hdl_str original;
	char *text;
	long n;

	if (change->kind == HDL_IR_PATH_KEEP)
		return 0;
	original = hdl_record_path(s);
	n = hdl_route_rewrite(change, s->match, s->request.path, s->worker->scratch,
			      HDL_ROUTE_PATH_BYTES_MAX < s->worker->scratch_bytes ? HDL_ROUTE_PATH_BYTES_MAX :
										    s->worker->scratch_bytes);
	if (n < 0)
		return -ENAMETOOLONG;
	text = hdl_stream_text(s, (size_t)n + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text, s->worker->scratch, (size_t)n);
	s->request.path = (struct hdl_str){ text, (size_t)n };
	if (n == 0) /* a start line needs something */
		s->request.path = HDL_STR("/");
	return hdl_http_headers_set_id(&s->request.headers, HDL_HTTP_H_ENVOY_ORIGINAL_PATH, original);
}

int hdl_headers_of_request(struct hdl_stream *stream)
{
	const struct hdl_ir_headers *route = stream->route->headers, *destination = destination_headers(stream);
	struct run run = {
		.s = stream, .list = &stream->request.headers, .is_request = true, .room = HDL_HEADER_VALUES_BYTES_MAX
	};
	int r = 0;

	if (destination)
		r = apply(&run, &destination->request);
	if (r == 0 && route)
		r = apply(&run, &route->request);
	if (r == 0)
		r = hdl_headers_reserve(stream, run.list, HDL_STREAM_HEADERS_EXTRA / 2);
	if (r == 0)
		r = change_host(stream);
	return r == 0 ? change_path(stream) : r;
}

static int change_response(struct hdl_stream *s, struct hdl_http_headers *list)
{
	const struct hdl_ir_headers *route = s->route->headers, *destination = destination_headers(s);
	struct run run = { .s = s, .list = list, .room = HDL_HEADER_VALUES_BYTES_MAX };
	int r = 0;

	if (destination)
		r = apply(&run, &destination->response);
	return r == 0 && route ? apply(&run, &route->response) : r;
}

int hdl_headers_of_response(struct hdl_stream *stream, struct hdl_http_headers *list)
{
	int r = 0;

	if (stream->route->headers || destination_headers(stream))
		r = change_response(stream, list);
	if (r < 0 || !stream->origin.n)
		return r;
	r = hdl_headers_reserve(stream, list, HDL_CORS_LINES_MAX);
	return r == 0 ? hdl_cors_actual(stream->route->cors, stream->origin, list) : r;
}
