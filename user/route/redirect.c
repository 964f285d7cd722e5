/* SPDX-License-Identifier: Apache-2.0 */
/* Location of a redirect, as Envoy composes it for Istio (specification B.3) and as the Gateway API wants it (F.4). */
#include <errno.h>
#include <string.h>

#include "route/rewrite.h"

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

static void put_port(struct out *out, uint16_t port)
{
	char digits[6];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + port % 10);
	while (port /= 10);
	digits[--at] = ':';
	put(out, (struct hdl_str){ digits + at, sizeof(digits) - at });
}

struct hdl_str hdl_route_scheme(const struct hdl_http_head *head)
{
	struct hdl_str forwarded = hdl_http_headers_value(&head->headers, HDL_HTTP_H_X_FORWARDED_PROTO);

	if (forwarded.n)
		return forwarded;
	return head->scheme.n ? head->scheme : HDL_STR("http");
}

/* Anybody can send x-forwarded-proto: nothing else may get into a Location. */
static struct hdl_str safe_scheme(struct hdl_str scheme)
{
	return hdl_str_eq_nocase(scheme, HDL_STR("https")) ? HDL_STR("https") : HDL_STR("http");
}

/* Where the port of "host:port" or "[::1]:port" begins with its colon; the end when there is none. */
static size_t port_at(struct hdl_str authority)
{
	size_t i = authority.n;

	while (i > 0 && authority.p[i - 1] >= '0' && authority.p[i - 1] <= '9')
		i--;
	if (i == 0 || authority.p[i - 1] != ':')
		return authority.n;
	/* an address without brackets has no port */
	if (authority.p[0] != '[' && memchr(authority.p, ':', i - 1))
		return authority.n;
	return i - 1;
}

static uint16_t default_port(struct hdl_str scheme)
{
	return hdl_str_eq(scheme, HDL_STR("https")) ? 443 : 80;
}

/* F.4: the host without its port, then that of the redirect, of the scheme, or of the listener. */
static void put_gateway_api_host(struct out *out, const struct hdl_ir_redirect *redirect, struct hdl_str authority,
				 struct hdl_str scheme, uint16_t listener_port)
{
	uint16_t port = redirect->port ? redirect->port : redirect->scheme[0] ? default_port(scheme) : listener_port;

	put(out, (struct hdl_str){ authority.p, port_at(authority) });
	if (port != default_port(scheme))
		put_port(out, port);
}

/* B.3: the port of the request's host stays unless another one is given, or it is the default of the scheme left. */
static void put_istio_host(struct out *out, const struct hdl_ir_redirect *redirect, struct hdl_str authority,
			   struct hdl_str scheme, struct hdl_str old_scheme)
{
	size_t at = port_at(authority);
	struct hdl_str port = { authority.p + at, authority.n - at };
	bool is_default = hdl_str_eq(port, hdl_str_eq(old_scheme, HDL_STR("https")) ? HDL_STR(":443") : HDL_STR(":80"));

	if (redirect->port || (!redirect->host[0] && is_default && !hdl_str_eq(scheme, old_scheme)))
		authority.n = at;
	put(out, authority);
	if (redirect->port)
		put_port(out, redirect->port);
}

/* "login", or "." in place of a matched prefix, would go on with the name of the host. */
static bool lacks_slash(const struct hdl_ir_path_change *change)
{
	return change->kind != HDL_IR_PATH_KEEP && change->text.n && !memchr("/?#", change->text.p[0], 3);
}

static void put_path(struct out *out, const struct hdl_ir_redirect *redirect, const struct hdl_route_asked *asked)
{
	const struct hdl_http_head *head = asked->head;
	const struct hdl_ir_path_change *change = &redirect->path;
	long n;

	if (lacks_slash(change))
		put(out, HDL_STR("/"));
	n = out->full ? -ENOSPC :
			hdl_route_rewrite(change, asked->match, head->path, out->p + out->n, out->room - out->n);
	if (n < 0) {
		out->full = true;
		return;
	}
	out->n += (size_t)n;
	if (!head->has_query ||
	    (change->kind == HDL_IR_PATH_WHOLE && change->text.n && memchr(change->text.p, '?', change->text.n)))
		return;
	put(out, HDL_STR("?"));
	put(out, head->query);
}

long hdl_route_location(const struct hdl_ir_redirect *redirect, const struct hdl_route_asked *asked, char *buf,
			size_t room)
{
	struct out out = { .p = buf, .room = room };
	struct hdl_str old_scheme = safe_scheme(hdl_route_scheme(asked->head));
	struct hdl_str scheme = redirect->scheme[0] ? hdl_str_of(redirect->scheme) : old_scheme;
	struct hdl_str authority = redirect->host[0] ? hdl_str_of(redirect->host) : asked->head->authority;

	/* "https:///x/y" leads clients that forgive much to host x, which whoever asked has chosen */
	if (authority.n == 0)
		return -EDESTADDRREQ;
	put(&out, scheme);
	put(&out, HDL_STR("://"));
	if (redirect->port_of_listener)
		put_gateway_api_host(&out, redirect, authority, scheme, asked->listener_port);
	else
		put_istio_host(&out, redirect, authority, scheme, old_scheme);
	put_path(&out, redirect, asked);
	return out.full ? -ENOSPC : (long)out.n;
}
