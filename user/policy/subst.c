/* SPDX-License-Identifier: Apache-2.0 */
/* Runs compiled header values: literals and Envoy's substitution commands. */
#include "policy/subst.h"

#include <errno.h>

#include "policy/timefmt.h"

struct out {
	char *p;
	size_t room, n;
	bool full;
};

static void put(struct out *out, struct hdl_str s)
{
	out->full |= s.n > out->room - out->n;
	if (out->full || s.n == 0)
		return;
	memcpy(out->p + out->n, s.p, s.n);
	out->n += s.n;
}

static void put_u64(struct out *out, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	put(out, (struct hdl_str){ digits + at, sizeof(digits) - at });
}

/* Names of headers are kept in lower case. False: not there. */
static bool request_value(const struct hdl_http_head *head, struct hdl_str name, struct hdl_str *ret)
{
	const struct hdl_http_header *h;

	if (hdl_str_eq(name, HDL_STR(":method")))
		*ret = head->method_text;
	else if (hdl_str_eq(name, HDL_STR(":authority")) || hdl_str_eq(name, HDL_STR("host")))
		*ret = head->authority;
	else if (hdl_str_eq(name, HDL_STR(":scheme"))) /* B.2: x-forwarded-proto is the scheme */
		*ret = hdl_http_headers_has(&head->headers, HDL_HTTP_H_X_FORWARDED_PROTO) ?
			       hdl_http_headers_value(&head->headers, HDL_HTTP_H_X_FORWARDED_PROTO) :
			       head->scheme;
	else if ((h = hdl_http_headers_find(&head->headers, name)))
		*ret = h->value;
	else
		return false;
	return true;
}

static void put_cut(struct out *out, struct hdl_str value, uint32_t *left)
{
	if (value.n > *left)
		value.n = *left;
	*left -= (uint32_t)value.n;
	put(out, value);
}

/* All lines of the header, joined as Envoy joins them. */
static bool put_lines(struct out *out, const struct hdl_http_headers *list, struct hdl_str name, uint32_t max)
{
	const struct hdl_http_header *h = hdl_http_headers_find(list, name);
	uint32_t left = max ? max : UINT32_MAX;

	if (!h)
		return false;
	put_cut(out, h->value, &left);
	while ((h = hdl_http_headers_next(list, h))) {
		put_cut(out, HDL_STR(","), &left);
		put_cut(out, h->value, &left);
	}
	return true;
}

static bool put_request(struct out *out, const struct hdl_http_head *head, struct hdl_str name, uint32_t max)
{
	uint32_t left = max ? max : UINT32_MAX;
	struct hdl_str value;

	if (hdl_str_eq(name, HDL_STR(":path"))) {
		put_cut(out, head->path, &left);
		if (head->has_query) {
			put_cut(out, HDL_STR("?"), &left);
			put_cut(out, head->query, &left);
		}
		return head->path.n > 0;
	}
	if (name.n && name.p[0] != ':' && !hdl_str_eq(name, HDL_STR("host")))
		return put_lines(out, &head->headers, name, max);
	if (!request_value(head, name, &value))
		return false;
	put_cut(out, value, &left);
	return true;
}

static bool put_response(struct out *out, const struct hdl_subst_facts *facts, struct hdl_str name, uint32_t max)
{
	if (hdl_str_eq(name, HDL_STR(":status"))) {
		if (facts->response_code)
			put_u64(out, facts->response_code);
		return facts->response_code != 0;
	}
	return facts->response && put_lines(out, facts->response, name, max);
}

static void put_header(struct out *out, const struct hdl_subst_part *part, const struct hdl_subst_facts *facts)
{
	if (part->command == HDL_SUBST_REQ) {
		if (!put_request(out, facts->request, part->text, part->bytes_max) && part->instead.n)
			put_request(out, facts->request, part->instead, part->bytes_max);
	} else if (!put_response(out, facts, part->text, part->bytes_max) && part->instead.n) {
		put_response(out, facts, part->instead, part->bytes_max);
	}
}

/* Where the port begins behind its colon. */
static size_t port_at(struct hdl_str address)
{
	size_t i = address.n;

	while (i > 0 && address.p[i - 1] != ':')
		i--;
	return i;
}

/* Without brackets, as Envoy prints it. */
static void put_address(struct out *out, struct hdl_str address)
{
	size_t at = port_at(address);

	if (at == 0)
		return;
	address.n = at - 1;
	if (address.n >= 2 && address.p[0] == '[')
		address = (struct hdl_str){ address.p + 1, address.n - 2 };
	put(out, address);
}

static void put_port(struct out *out, struct hdl_str address)
{
	size_t at = port_at(address);

	if (at > 0)
		put(out, (struct hdl_str){ address.p + at, address.n - at });
}

static void put_time(struct out *out, struct hdl_str format, uint64_t wall_ns)
{
	long n = out->full ? -ENOSPC : hdl_time_format(format, wall_ns, out->p + out->n, out->room - out->n);

	if (n < 0)
		out->full = true;
	else
		out->n += (size_t)n;
}

static void put_unless_0(struct out *out, uint64_t value)
{
	if (value)
		put_u64(out, value);
}

static void put_cluster(struct out *out, struct hdl_str cluster)
{
	put(out, cluster);
	if (cluster.n)
		put(out, HDL_STR(";")); /* Istio's alternative statistics name */
}

static void put_command(struct out *out, const struct hdl_subst_part *part, const struct hdl_subst_facts *f)
{
	switch ((enum hdl_subst_command)part->command) {
	case HDL_SUBST_LITERAL:
		put(out, part->text);
		break;
	case HDL_SUBST_REQ:
	case HDL_SUBST_RESP:
		put_header(out, part, f);
		break;
	case HDL_SUBST_START_TIME:
		put_time(out, part->text, f->start_wall_ns);
		break;
	case HDL_SUBST_PROTOCOL:
		put(out, f->protocol);
		break;
	case HDL_SUBST_HOSTNAME:
		put(out, f->hostname);
		break;
	case HDL_SUBST_REQUESTED_SERVER_NAME:
		put(out, f->server_name);
		break;
	case HDL_SUBST_ROUTE_NAME:
		put(out, f->route_name);
		break;
	case HDL_SUBST_RESPONSE_CODE:
		put_unless_0(out, f->response_code);
		break;
	case HDL_SUBST_RESPONSE_CODE_DETAILS:
		put(out, f->details);
		break;
	case HDL_SUBST_RESPONSE_FLAGS:
		put(out, f->flags);
		break;
	case HDL_SUBST_BYTES_RECEIVED:
		put_u64(out, f->bytes_received);
		break;
	case HDL_SUBST_DURATION:
		put_u64(out, f->duration_ms);
		break;
	case HDL_SUBST_DOWNSTREAM_REMOTE_ADDRESS:
	case HDL_SUBST_DOWNSTREAM_DIRECT_REMOTE_ADDRESS:
		put(out, f->downstream_remote);
		break;
	case HDL_SUBST_DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT:
	case HDL_SUBST_DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT:
		put_address(out, f->downstream_remote);
		break;
	case HDL_SUBST_DOWNSTREAM_REMOTE_PORT:
	case HDL_SUBST_DOWNSTREAM_DIRECT_REMOTE_PORT:
		put_port(out, f->downstream_remote);
		break;
	case HDL_SUBST_DOWNSTREAM_LOCAL_ADDRESS:
		put(out, f->downstream_local);
		break;
	case HDL_SUBST_DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT:
		put_address(out, f->downstream_local);
		break;
	case HDL_SUBST_DOWNSTREAM_LOCAL_PORT:
		put_port(out, f->downstream_local);
		break;
	case HDL_SUBST_UPSTREAM_HOST:
	case HDL_SUBST_UPSTREAM_REMOTE_ADDRESS:
		put(out, f->upstream_remote);
		break;
	case HDL_SUBST_UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT:
		put_address(out, f->upstream_remote);
		break;
	case HDL_SUBST_UPSTREAM_REMOTE_PORT:
		put_port(out, f->upstream_remote);
		break;
	case HDL_SUBST_UPSTREAM_LOCAL_ADDRESS:
		put(out, f->upstream_local);
		break;
	case HDL_SUBST_UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT:
		put_address(out, f->upstream_local);
		break;
	case HDL_SUBST_UPSTREAM_LOCAL_PORT:
		put_port(out, f->upstream_local);
		break;
	case HDL_SUBST_UPSTREAM_CLUSTER:
		put_cluster(out, f->cluster);
		break;
	case HDL_SUBST_UPSTREAM_CLUSTER_RAW:
		put(out, f->cluster);
		break;
	case HDL_SUBST_UPSTREAM_REQUEST_ATTEMPT_COUNT:
		put_unless_0(out, f->attempts);
		break;
	case HDL_SUBST_UPSTREAM_TRANSPORT_FAILURE_REASON:
		put(out, f->transport_failure);
		break;
	}
}

long hdl_subst_value(const struct hdl_subst_part *parts, size_t n, const struct hdl_subst_facts *facts, char *buf,
		     size_t room)
{
	struct out out = { .p = buf, .room = room };

	for (size_t i = 0; i < n; i++)
		put_command(&out, &parts[i], facts);
	return out.full ? -ENOSPC : (long)out.n;
}
