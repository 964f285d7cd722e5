/* SPDX-License-Identifier: Apache-2.0 */
/* What is decided and changed about a request before it is sent: path, route, headers, hash. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "http/path.h"
#include "lb/hash.h"
#include "proxy/stream.h"

static void no_route(struct hdl_stream *s)
{
	hdl_stat_inc(&s->worker->stats.no_route);
	hdl_stream_flag(s, HDL_FLAG_NR);
	hdl_reply(s, 404, "", "route_not_found");
}

static const struct hdl_ir_vhost *find_vhost(const struct hdl_stream *s)
{
	const struct hdl_down *down = s->down;

	if (down->port)
		return hdl_route_ask(s->generation->snapshot, down->view, down->client, down->port,
				     s->request.authority);
	return down->routes && down->routes->table ? hdl_route_find_vhost(down->routes->table, s->request.authority) :
						     NULL;
}

static void set_route_name(struct hdl_stream *s, const struct hdl_ir_http_match *match)
{
	size_t a = strlen(s->route->name), b;
	char *text;

	s->route_name = s->route->name;
	if (!match || !match->name || !match->name[0] || strcmp(s->route->name, "-") == 0)
		return;
	b = strlen(match->name);
	text = hdl_stream_text(s, a + b + 2);
	if (!text)
		return;
	memcpy(text, s->route->name, a);
	text[a] = '.';
	memcpy(text + a + 1, match->name, b + 1);
	s->route_name = text;
}

int hdl_request_route(struct hdl_stream *stream)
{
	struct hdl_http_head *head = &stream->request;
	struct hdl_down *down = stream->down;
	struct hdl_route_client client = { down->client, down->gateway ? down->listener.port : down->local.port };
	const struct hdl_ir_http_match *match = NULL;

	if (head->target_form == HDL_HTTP_TARGET_ASTERISK) {
		hdl_reply(stream, 404, "", "absolute_path_rejected");
		return -1;
	}
	if (head->target_form == HDL_HTTP_TARGET_AUTHORITY) {
		no_route(stream);
		return -1;
	}
	/* In place: the target is not needed as sent any more. */
	if (hdl_route_path(&stream->generation->snapshot->node, head->path, &head->path) < 0) {
		hdl_reply(stream, 400, "", "path_normalization_failed");
		return -1;
	}
	stream->vhost = find_vhost(stream);
	if (stream->vhost)
		stream->route = hdl_route_match(stream->vhost, head, head->path, &client, &match);
	if (!stream->route) {
		no_route(stream);
		return -1;
	}
	stream->match = match;
	set_route_name(stream, match);
	return 0;
}

/* Headers by which a client could steer Envoy's router, or pretend to be a proxy: without effect (B.9). */
static bool is_steering(const struct hdl_http_header *h)
{
	static const struct hdl_str others[] = {
		{ "upstream-rq-timeout-alt-response", 32 },
		{ "ip-tags", 7 },
		{ "original-url", 12 },
	};
	const uint64_t known =
		1ull << HDL_HTTP_H_ENVOY_ORIGINAL_PATH | 1ull << HDL_HTTP_H_ENVOY_ORIGINAL_HOST |
		1ull << HDL_HTTP_H_ENVOY_INTERNAL | 1ull << HDL_HTTP_H_ENVOY_EXTERNAL_ADDRESS |
		1ull << HDL_HTTP_H_ENVOY_ATTEMPT_COUNT | 1ull << HDL_HTTP_H_ENVOY_EXPECTED_RQ_TIMEOUT_MS |
		1ull << HDL_HTTP_H_ENVOY_UPSTREAM_RQ_TIMEOUT_MS |
		1ull << HDL_HTTP_H_ENVOY_UPSTREAM_RQ_PER_TRY_TIMEOUT_MS |
		1ull << HDL_HTTP_H_ENVOY_UPSTREAM_ALT_STAT_NAME | 1ull << HDL_HTTP_H_ENVOY_MAX_RETRIES |
		1ull << HDL_HTTP_H_ENVOY_RETRY_ON | 1ull << HDL_HTTP_H_ENVOY_RETRY_GRPC_ON |
		1ull << HDL_HTTP_H_ENVOY_RETRIABLE_STATUS_CODES | 1ull << HDL_HTTP_H_ENVOY_RETRIABLE_HEADER_NAMES |
		1ull << HDL_HTTP_H_ENVOY_IS_TIMEOUT_RETRY | 1ull << HDL_HTTP_H_ENVOY_HEDGE_ON_PER_TRY_TIMEOUT |
		1ull << HDL_HTTP_H_ENVOY_DECORATOR_OPERATION | 1ull << HDL_HTTP_H_ENVOY_PEER_METADATA |
		1ull << HDL_HTTP_H_ENVOY_PEER_METADATA_ID | 1ull << HDL_HTTP_H_ENVOY_FORCE_TRACE;
	const struct hdl_str prefix = HDL_STR("x-envoy-");

	if (h->known != HDL_HTTP_H_OTHER)
		return known >> h->known & 1;
	if (h->name.n <= prefix.n || memcmp(h->name.p, prefix.p, prefix.n) != 0)
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (hdl_str_eq((struct hdl_str){ h->name.p + prefix.n, h->name.n - prefix.n }, others[i]))
			return true;
	return false;
}

static void drop_steering(struct hdl_http_headers *list)
{
	HDL_HTTP_HEADERS_EACH(list, h)
	{
		if (is_steering(h))
			hdl_http_headers_remove(list, h->name);
	}
}

/* All lines joined, with the client's address behind. */
static int add_forwarded_for(struct hdl_stream *s)
{
	struct hdl_http_headers *list = &s->request.headers;
	struct hdl_str address = hdl_str_of(s->down->peer_address);
	const struct hdl_http_header *first = hdl_http_headers_find_id(list, HDL_HTTP_H_X_FORWARDED_FOR);
	size_t n = address.n, at = 0;
	char *text;

	if (!first)
		return hdl_http_headers_add_id(list, HDL_HTTP_H_X_FORWARDED_FOR, address);
	for (const struct hdl_http_header *h = first; h; h = hdl_http_headers_next(list, h))
		n += h->value.n + 1;
	text = hdl_stream_text(s, n);
	if (!text)
		return -ENOMEM;
	for (const struct hdl_http_header *h = first; h; h = hdl_http_headers_next(list, h)) {
		if (h->value.n == 0)
			continue;
		memcpy(text + at, h->value.p, h->value.n);
		at += h->value.n;
		text[at++] = ',';
	}
	memcpy(text + at, address.p, address.n);
	return hdl_http_headers_set_id(list, HDL_HTTP_H_X_FORWARDED_FOR, (struct hdl_str){ text, at + address.n });
}

/* UUID of version 4 */
static int add_request_id(struct hdl_stream *s)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t bits[2] = { hdl_rand_u64(&s->worker->rand), hdl_rand_u64(&s->worker->rand) };
	char *text = hdl_stream_text(s, 36);
	unsigned char byte[16];
	size_t at = 0;

	if (!text)
		return -ENOMEM;
	memcpy(byte, bits, 16);
	byte[6] = (byte[6] & 0x0f) | 0x40;
	byte[8] = (byte[8] & 0x3f) | 0x80;
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[at++] = '-';
		text[at++] = hex[byte[i] >> 4];
		text[at++] = hex[byte[i] & 15];
	}
	return hdl_http_headers_add_id(&s->request.headers, HDL_HTTP_H_X_REQUEST_ID, (struct hdl_str){ text, 36 });
}

int hdl_request_headers(struct hdl_stream *stream)
{
	struct hdl_http_head *head = &stream->request;
	int r;

	hdl_http_headers_strip_hop_by_hop(&head->headers);
	drop_steering(&head->headers);
	/* WebSocket is passed on; offers of other protocols (h2c) are not taken up, which every client must expect. */
	if (head->upgrade.n && !hdl_str_eq_nocase(head->upgrade, HDL_STR("websocket")))
		head->upgrade = (struct hdl_str){ 0 };
	r = add_forwarded_for(stream);
	if (r == 0 && !hdl_http_headers_has(&head->headers, HDL_HTTP_H_X_FORWARDED_PROTO))
		r = hdl_http_headers_add_id(&head->headers, HDL_HTTP_H_X_FORWARDED_PROTO, HDL_STR("http"));
	if (r == 0 && !hdl_http_headers_has(&head->headers, HDL_HTTP_H_X_REQUEST_ID))
		r = add_request_id(stream);
	head->version = HDL_HTTP_1_1;
	return r;
}

static void hash_header(struct hdl_stream *s)
{
	struct hdl_str values[HDL_LB_HASH_VALUES_MAX];
	const struct hdl_http_header *h = hdl_http_headers_find(&s->request.headers, hdl_str_of(s->cluster->hash_name));
	size_t n = 0;

	for (; h && n < HDL_LB_HASH_VALUES_MAX; h = hdl_http_headers_next(&s->request.headers, h))
		values[n++] = h->value;
	if (n == 0)
		return; /* no hash: a random endpoint */
	s->hash = hdl_lb_hash_values(values, n);
	s->has_hash = true;
}

static void hash_cookie(struct hdl_stream *s)
{
	const struct hdl_http_header *h = hdl_http_headers_find_id(&s->request.headers, HDL_HTTP_H_COOKIE);
	struct hdl_str value;

	for (; h && !s->has_hash; h = hdl_http_headers_next(&s->request.headers, h)) {
		if (!hdl_lb_cookie(h->value, hdl_str_of(s->cluster->hash_name), &value))
			continue;
		s->hash = hdl_lb_hash_text(value);
		s->has_hash = true;
	}
}

void hdl_request_hash(struct hdl_stream *stream)
{
	struct hdl_str value;

	switch (stream->cluster->hash_source) {
	case HDL_IR_HASH_NONE:
		break;
	case HDL_IR_HASH_SOURCE_IP:
		stream->hash = hdl_lb_hash_source(&stream->down->peer.address);
		stream->has_hash = true;
		break;
	case HDL_IR_HASH_HEADER:
		hash_header(stream);
		break;
	case HDL_IR_HASH_COOKIE:
		hash_cookie(stream);
		break;
	case HDL_IR_HASH_QUERY:
		if (hdl_http_query_get(stream->request.query, hdl_str_of(stream->cluster->hash_name), &value)) {
			stream->hash = hdl_lb_hash_text(value);
			stream->has_hash = true;
		}
		break;
	}
}
