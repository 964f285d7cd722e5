/* SPDX-License-Identifier: Apache-2.0 */
/* Access-log formats: the operators of Istio's default text format, and its JSON form (specification E.1). */
#include "obs/accessline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char hdl_access_format_default[] =
	"[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% "
	"%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "
	"\"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% "
	"%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" "
	"\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% "
	"%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% "
	"%ROUTE_NAME%\n";

/* X(ID, operator) */
#define PLAIN_OPERATORS(X)                                        \
	X(START_TIME, "START_TIME")                               \
	X(PROTOCOL, "PROTOCOL")                                   \
	X(RESPONSE_CODE, "RESPONSE_CODE")                         \
	X(RESPONSE_FLAGS, "RESPONSE_FLAGS")                       \
	X(DETAILS, "RESPONSE_CODE_DETAILS")                       \
	X(TERMINATION, "CONNECTION_TERMINATION_DETAILS")          \
	X(TRANSPORT_FAILURE, "UPSTREAM_TRANSPORT_FAILURE_REASON") \
	X(BYTES_RECEIVED, "BYTES_RECEIVED")                       \
	X(BYTES_SENT, "BYTES_SENT")                               \
	X(DURATION, "DURATION")                                   \
	X(SERVICE_TIME, "RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)")    \
	X(METHOD, "REQ(:METHOD)")                                 \
	X(PATH, "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)")               \
	X(PATH_ONLY, "REQ(:PATH)")                                \
	X(FORWARDED_FOR, "REQ(X-FORWARDED-FOR)")                  \
	X(USER_AGENT, "REQ(USER-AGENT)")                          \
	X(REQUEST_ID, "REQ(X-REQUEST-ID)")                        \
	X(AUTHORITY, "REQ(:AUTHORITY)")                           \
	X(UPSTREAM_HOST, "UPSTREAM_HOST")                         \
	X(CLUSTER_RAW, "UPSTREAM_CLUSTER_RAW")                    \
	X(CLUSTER, "UPSTREAM_CLUSTER")                            \
	X(UPSTREAM_LOCAL, "UPSTREAM_LOCAL_ADDRESS")               \
	X(DOWNSTREAM_LOCAL, "DOWNSTREAM_LOCAL_ADDRESS")           \
	X(DOWNSTREAM_REMOTE, "DOWNSTREAM_REMOTE_ADDRESS")         \
	X(SERVER_NAME, "REQUESTED_SERVER_NAME")                   \
	X(ROUTE_NAME, "ROUTE_NAME")

enum operator{
#define X(id, text) OP_##id,
	PLAIN_OPERATORS(X)
#undef X
		OP_REQ, /* any other request header */
	OP_LITERAL,
};

static const char *const operator_text[] = {
#define X(id, text) text,
	PLAIN_OPERATORS(X)
#undef X
};

#define PLAIN_COUNT (sizeof(operator_text) / sizeof(operator_text[0]))

struct item {
	enum operator op;
	struct hdl_str text;     /* literal, or lower-case header name */
	struct hdl_str fallback; /* REQ(text?fallback) */
};

struct hdl_access_format {
	char *text;      /* literals point here */
	char *lowercase; /* header names point here */
	struct item *items;
	size_t n;
};

/* ":method" and the like cannot be looked up as headers. */
static int parse_req(struct item *item, struct hdl_str inner)
{
	const char *mark = memchr(inner.p, '?', inner.n);

	item->op = OP_REQ;
	item->text = inner;
	item->fallback = (struct hdl_str){ 0 };
	if (mark) {
		item->text.n = (size_t)(mark - inner.p);
		item->fallback = (struct hdl_str){ mark + 1, inner.n - item->text.n - 1 };
	}
	if (!hdl_http_is_token(item->text) || (mark && !hdl_http_is_token(item->fallback)))
		return -EINVAL;
	return 0;
}

static int parse_operator(const struct hdl_access_format *format, struct item *item, struct hdl_str name)
{
	for (size_t i = 0; i < PLAIN_COUNT; i++) {
		if (hdl_str_eq_nocase(name, hdl_str_of(operator_text[i]))) {
			item->op = (enum operator)i;
			return 0;
		}
	}
	if (name.n > 5 && memcmp(name.p, "REQ(", 4) == 0 && name.p[name.n - 1] == ')') {
		size_t at = (size_t)(name.p - format->text) + 4;

		return parse_req(item, (struct hdl_str){ format->lowercase + at, name.n - 5 });
	}
	return -EINVAL;
}

static int parse_items(struct hdl_access_format *format, struct hdl_err *err)
{
	const char *p = format->text, *end = p + strlen(p);

	while (p < end) {
		struct item *item = &format->items[format->n++];
		const char *mark = memchr(p, '%', (size_t)(end - p)), *close;

		if (mark != p) {
			size_t n = mark ? (size_t)(mark - p) : (size_t)(end - p);

			*item = (struct item){ .op = OP_LITERAL, .text = { p, n } };
			p += n;
			continue;
		}
		close = memchr(p + 1, '%', (size_t)(end - p) - 1);
		if (!close)
			return hdl_err_set(err, -EINVAL, "access-log format: '%%' without its partner");
		if (close == p + 1)
			*item = (struct item){ .op = OP_LITERAL, .text = { p, 1 } };
		else if (parse_operator(format, item, (struct hdl_str){ p + 1, (size_t)(close - p) - 1 }) < 0)
			return hdl_err_set(err, -EINVAL, "access-log format: operator %.*s is not supported",
					   (int)(close - p) + 1, p);
		p = close + 1;
	}
	return 0;
}

int hdl_access_format_new(const char *text, struct hdl_access_format **ret, struct hdl_err *err)
{
	struct hdl_access_format *format = calloc(1, sizeof(*format));
	int r;

	if (!*text)
		text = hdl_access_format_default;
	if (!format)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	format->text = strdup(text);
	format->lowercase = strdup(text);
	format->items = calloc(strlen(text) + 1, sizeof(*format->items));
	if (!format->text || !format->lowercase || !format->items) {
		hdl_access_format_free(format);
		return hdl_err_set(err, -ENOMEM, "out of memory");
	}
	hdl_http_lower(format->lowercase, strlen(text));
	r = parse_items(format, err);
	if (r < 0) {
		hdl_access_format_free(format);
		return r;
	}
	*ret = format;
	return 0;
}

void hdl_access_format_free(struct hdl_access_format *format)
{
	if (!format)
		return;
	free(format->text);
	free(format->lowercase);
	free(format->items);
	free(format);
}

/* Bounded writer: once it is full, `p` stays at NULL. */
struct out {
	char *p, *end;
};

static void put(struct out *o, const char *s, size_t n)
{
	if (!o->p || (size_t)(o->end - o->p) < n) {
		o->p = NULL;
		return;
	}
	memcpy(o->p, s, n);
	o->p += n;
}

static void put_str(struct out *o, struct hdl_str s)
{
	if (s.n == 0)
		put(o, "-", 1);
	else
		put(o, s.p, s.n);
}

static void put_u64(struct out *o, uint64_t v)
{
	char digits[20], *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	put(o, p, (size_t)(digits + sizeof(digits) - p));
}

static void put_start(struct out *o, uint64_t wall_ns, struct hdl_access_stamp *stamp)
{
	uint64_t second = wall_ns / 1000000000, ms = wall_ns / 1000000 % 1000;
	char fraction[5] = { '.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10), 'Z' };

	if (second != stamp->second || !stamp->text[0]) {
		time_t t = (time_t)second;
		struct tm tm;

		if (!gmtime_r(&t, &tm) || strftime(stamp->text, sizeof(stamp->text), "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
			o->p = NULL;
			return;
		}
		stamp->second = second;
	}
	put(o, stamp->text, 19);
	put(o, fraction, 5);
}

static void put_header(struct out *o, const struct hdl_access_record *r, const struct item *item)
{
	const struct hdl_http_header *h = NULL;

	if (r->request_headers) {
		h = hdl_http_headers_find(r->request_headers, item->text);
		if (!h && item->fallback.n)
			h = hdl_http_headers_find(r->request_headers, item->fallback);
	}
	put_str(o, h ? h->value : (struct hdl_str){ 0 });
}

static struct hdl_str record_text(const struct hdl_access_record *r, enum operator op)
{
	switch (op) {
	case OP_PROTOCOL:
		return r->protocol;
	case OP_RESPONSE_FLAGS:
		return r->flags;
	case OP_DETAILS:
		return r->details;
	case OP_TERMINATION:
		return r->termination_details;
	case OP_TRANSPORT_FAILURE:
		return r->transport_failure;
	case OP_METHOD:
		return r->method;
	case OP_PATH:
	case OP_PATH_ONLY:
		return r->path;
	case OP_FORWARDED_FOR:
		return r->forwarded_for;
	case OP_USER_AGENT:
		return r->user_agent;
	case OP_REQUEST_ID:
		return r->request_id;
	case OP_AUTHORITY:
		return r->authority;
	case OP_UPSTREAM_HOST:
		return r->upstream_host;
	case OP_CLUSTER:
	case OP_CLUSTER_RAW:
		return r->upstream_cluster;
	case OP_UPSTREAM_LOCAL:
		return r->upstream_local;
	case OP_DOWNSTREAM_LOCAL:
		return r->downstream_local;
	case OP_DOWNSTREAM_REMOTE:
		return r->downstream_remote;
	case OP_SERVER_NAME:
		return r->server_name;
	case OP_ROUTE_NAME:
		return r->route_name;
	default:
		return (struct hdl_str){ 0 };
	}
}

size_t hdl_access_line_text(const struct hdl_access_format *format, const struct hdl_access_record *record,
			    struct hdl_access_stamp *stamp, char *p, size_t room)
{
	struct out o = { p, p + room };

	for (size_t i = 0; i < format->n; i++) {
		const struct item *item = &format->items[i];

		switch (item->op) {
		case OP_LITERAL:
			put(&o, item->text.p, item->text.n);
			break;
		case OP_START_TIME:
			put_start(&o, record->start_wall_ns, stamp);
			break;
		case OP_RESPONSE_CODE:
			put_u64(&o, record->response_code);
			break;
		case OP_BYTES_RECEIVED:
			put_u64(&o, record->bytes_received);
			break;
		case OP_BYTES_SENT:
			put_u64(&o, record->bytes_sent);
			break;
		case OP_DURATION:
			put_u64(&o, record->duration_ms);
			break;
		case OP_SERVICE_TIME:
			if (record->upstream_service_time_ms < 0)
				put(&o, "-", 1);
			else
				put_u64(&o, (uint64_t)record->upstream_service_time_ms);
			break;
		case OP_REQ:
			put_header(&o, record, item);
			break;
		default:
			put_str(&o, record_text(record, item->op));
		}
	}
	/* A format of the user's need not end its lines. */
	if (o.p && (o.p == p || o.p[-1] != '\n'))
		put(&o, "\n", 1);
	return o.p ? (size_t)(o.p - p) : 0;
}

/* Well-formed UTF-8 passes; every other byte above 0x7f becomes U+FFFD. Length of the sequence at p, 0 if bad. */
static size_t utf8_bytes(const unsigned char *p, size_t n)
{
	size_t need = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

	if (need == 0 || need > n)
		return 0;
	for (size_t i = 1; i < need; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return need;
}

static void put_json_text(struct out *o, struct hdl_str s)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n, *run = p;

	put(o, "\"", 1);
	while (p < end) {
		char escape[6] = { '\\', 'u', '0', '0', hex[*p >> 4], hex[*p & 15] };
		size_t sequence;

		if (*p >= 0x20 && *p != '"' && *p != '\\' && *p < 0x7f) {
			p++;
			continue;
		}
		sequence = *p >= 0x80 ? utf8_bytes(p, (size_t)(end - p)) : 0;
		if (sequence) {
			p += sequence;
			continue;
		}
		put(o, (const char *)run, (size_t)(p - run));
		if (*p == '"' || *p == '\\')
			put(o, (const char[]){ '\\', (char)*p }, 2);
		else if (*p >= 0x80)
			put(o, "\\ufffd", 6);
		else
			put(o, escape, 6);
		run = ++p;
	}
	put(o, (const char *)run, (size_t)(p - run));
	put(o, "\"", 1);
}

static void put_json_key(struct out *o, const char *key)
{
	put(o, ",\"", 2);
	put(o, key, strlen(key));
	put(o, "\":", 2);
}

static void put_json_str(struct out *o, const char *key, struct hdl_str s)
{
	put_json_key(o, key);
	if (s.n == 0)
		put(o, "null", 4);
	else
		put_json_text(o, s);
}

static void put_json_u64(struct out *o, const char *key, uint64_t v)
{
	put_json_key(o, key);
	put_u64(o, v);
}

size_t hdl_access_line_json(const struct hdl_access_record *r, struct hdl_access_stamp *stamp, char *p, size_t room)
{
	struct out o = { p, p + room };

	put(&o, "{\"start_time\":\"", 15);
	put_start(&o, r->start_wall_ns, stamp);
	put(&o, "\"", 1);
	put_json_str(&o, "route_name", r->route_name);
	put_json_str(&o, "method", r->method);
	put_json_str(&o, "path", r->path);
	put_json_str(&o, "protocol", r->protocol);
	put_json_u64(&o, "response_code", r->response_code);
	put_json_str(&o, "response_flags", r->flags.n ? r->flags : HDL_STR("-"));
	put_json_str(&o, "response_code_details", r->details);
	put_json_str(&o, "connection_termination_details", r->termination_details);
	put_json_u64(&o, "bytes_received", r->bytes_received);
	put_json_u64(&o, "bytes_sent", r->bytes_sent);
	put_json_u64(&o, "duration", r->duration_ms);
	if (r->upstream_service_time_ms >= 0) {
		char digits[24];
		int n = snprintf(digits, sizeof(digits), "%lld", (long long)r->upstream_service_time_ms);

		/* A header's value: a string in Istio's JSON. */
		put_json_str(&o, "upstream_service_time", (struct hdl_str){ digits, (size_t)n });
	} else {
		put_json_str(&o, "upstream_service_time", (struct hdl_str){ 0 });
	}
	put_json_str(&o, "x_forwarded_for", r->forwarded_for);
	put_json_str(&o, "user_agent", r->user_agent);
	put_json_str(&o, "request_id", r->request_id);
	put_json_str(&o, "authority", r->authority);
	put_json_str(&o, "upstream_host", r->upstream_host);
	put_json_str(&o, "upstream_cluster", r->upstream_cluster);
	put_json_str(&o, "upstream_local_address", r->upstream_local);
	put_json_str(&o, "downstream_local_address", r->downstream_local);
	put_json_str(&o, "downstream_remote_address", r->downstream_remote);
	put_json_str(&o, "requested_server_name", r->server_name);
	put_json_str(&o, "upstream_transport_failure_reason", r->transport_failure);
	put(&o, "}\n", 2);
	return o.p ? (size_t)(o.p - p) : 0;
}
