/* SPDX-License-Identifier: Apache-2.0 */
/* Match blocks of http rules (specification B.2) as the request path reads them. */
#include "xlate/priv.h"

#include <errno.h>
#include <string.h>

#include "re/re.h"

int hdl_xl_string_match(struct hdl_xl *xl, const struct hdl_string_match *spec, struct hdl_ir_string_match *ret)
{
	static const enum hdl_ir_match_kind kinds[] = {
		[HDL_MATCH_PRESENT] = HDL_IR_MATCH_PRESENT,
		[HDL_MATCH_EXACT] = HDL_IR_MATCH_EXACT,
		[HDL_MATCH_PREFIX] = HDL_IR_MATCH_PREFIX,
		[HDL_MATCH_REGEX] = HDL_IR_MATCH_REGEX,
	};

	if (!spec)
		return 0;
	ret->kind = kinds[hdl_string_match_kind(spec)];
	ret->value = hdl_str_of(hdl_xl_intern(xl, hdl_string_match_value(spec)));
	return ret->kind == HDL_IR_MATCH_REGEX ? hdl_xl_regex(xl, ret->value.p, &ret->re) : 0;
}

static bool is_star(const struct hdl_string_match *m)
{
	return m->regex.s && strcmp(m->regex.s, "*") == 0;
}

static int named_matches(struct hdl_xl *xl, const struct hdl_keyed_matches *spec, bool header, bool without,
			 const struct hdl_ir_named_match **ret, size_t *ret_n)
{
	struct hdl_ir_named_match *m = hdl_arena_calloc(xl->arena, spec->n, sizeof(*m));
	int r = m ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < spec->n; i++) {
		const struct hdl_keyed_match *keyed = &spec->at[i];

		m[i].name = hdl_str_of(header ? hdl_xl_lower(xl, keyed->key) : hdl_xl_intern(xl, keyed->key));
		m[i].match.kind = HDL_IR_MATCH_PRESENT;
		m[i].match.value = HDL_STR("");
		if (!without || !is_star(&keyed->match))
			r = hdl_xl_string_match(xl, &keyed->match, &m[i].match);
	}
	*ret = m;
	*ret_n = spec->n;
	return r;
}

static int source(struct hdl_xl *xl, const struct hdl_vs_match *spec, struct hdl_ir_http_match *m)
{
	static const struct hdl_ir_label none;

	m->source_namespace = "";
	m->source_labels.v = &none;
	if (spec->gateways.n) /* A.4: a block that names its gateways is not about clients */
		return 0;
	m->source_namespace = hdl_xl_intern(xl, spec->source_namespace.s);
	return hdl_xl_labels(xl, &spec->source_labels, &m->source_labels);
}

static int block(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_match *spec,
		 struct hdl_ir_http_match *m)
{
	int r;

	m->name = hdl_xl_intern(xl, spec->name.s);
	m->ignore_uri_case = spec->ignore_uri_case.value;
	m->port = (uint16_t)spec->port.value;
	m->origin = hdl_xl_origin(xl, res, spec->pos);
	if ((r = hdl_xl_string_match(xl, spec->uri, &m->uri)) < 0 ||
	    (r = hdl_xl_string_match(xl, spec->scheme, &m->scheme)) < 0 ||
	    (r = hdl_xl_string_match(xl, spec->method, &m->method)) < 0 ||
	    (r = hdl_xl_string_match(xl, spec->authority, &m->authority)) < 0)
		return r;
	if (spec->by_segments && m->uri.kind == HDL_IR_MATCH_PREFIX) {
		m->uri.kind = HDL_IR_MATCH_SEGMENTS;
		if (m->uri.value.n && m->uri.value.p[m->uri.value.n - 1] == '/')
			m->uri.value.n--;
	}
	r = named_matches(xl, &spec->headers, true, false, &m->headers, &m->header_count);
	if (r == 0)
		r = named_matches(xl, &spec->without_headers, true, true, &m->without_headers,
				  &m->without_header_count);
	if (r == 0)
		r = named_matches(xl, &spec->query_params, false, false, &m->query, &m->query_count);
	return r == 0 ? source(xl, spec, m) : r;
}

/*
 * A.4: the block's own gateways replace those of the VirtualService, which were checked before, and then its source
 * filters do not count. At a gateway the source is the gateway, which is no pod here.
 */
static bool applies(struct hdl_xl *xl, const struct hdl_xl_vs *vs, const struct hdl_vs_match *spec, uint16_t port,
		    const char *gateway)
{
	if (spec->port.has && spec->port.value != port)
		return false;
	for (size_t i = 0; i < spec->gateways.n; i++)
		if (strcmp(hdl_xl_gateway_name(xl, spec->gateways.at[i].s, vs->res->ns), gateway ? gateway : "mesh") ==
		    0)
			return true;
	if (gateway && (spec->source_labels.n || (spec->source_namespace.s && spec->source_namespace.s[0])))
		return false;
	return spec->gateways.n == 0;
}

int hdl_xl_matches(struct hdl_xl *xl, const struct hdl_xl_vs *vs, const struct hdl_vs_http *http, uint16_t port,
		   const char *gateway, struct hdl_ir_http_route *route, bool *ret_applies)
{
	struct hdl_ir_http_match *m = hdl_arena_calloc(xl->arena, http->match.n, sizeof(*m));
	const struct hdl_resource *res = http->source ? http->source : vs->res;

	if (!m)
		return -ENOMEM;
	route->matches = m;
	for (size_t i = 0; i < http->match.n; i++) {
		int r;

		if (!applies(xl, vs, &http->match.at[i], port, gateway))
			continue;
		r = block(xl, res, &http->match.at[i], &m[route->match_count]);
		if (r == -ENOMEM)
			return r;
		if (r < 0) {
			hdl_xl_report(xl->diags, HDL_ERROR, res, http->match.at[i].pos, NULL,
				      "a regular expression of this block does not compile: the block is left out");
			memset(&m[route->match_count], 0, sizeof(*m));
			continue;
		}
		route->match_count++;
	}
	*ret_applies = http->match.n == 0 || route->match_count > 0;
	return 0;
}

/* "/" and ".*" stand for every path: all paths begin with a slash. */
bool hdl_xl_is_any_path(const struct hdl_ir_string_match *m)
{
	switch (m->kind) {
	case HDL_IR_MATCH_UNSET:
		return true;
	case HDL_IR_MATCH_PREFIX:
		return m->value.n == 0 || hdl_str_eq(m->value, HDL_STR("/"));
	case HDL_IR_MATCH_SEGMENTS:
		return m->value.n == 0;
	case HDL_IR_MATCH_REGEX:
		return hdl_str_eq(m->value, HDL_STR(".*"));
	default:
		return false;
	}
}

bool hdl_xl_match_is_empty(const struct hdl_ir_http_match *m)
{
	return hdl_xl_is_any_path(&m->uri) && m->scheme.kind == HDL_IR_MATCH_UNSET &&
	       m->method.kind == HDL_IR_MATCH_UNSET && m->authority.kind == HDL_IR_MATCH_UNSET &&
	       m->header_count == 0 && m->without_header_count == 0 && m->query_count == 0 && m->source_labels.n == 0 &&
	       !m->source_namespace[0];
}

size_t hdl_xl_blocks_before_all(const struct hdl_ir_http_route *route)
{
	size_t i = 0;

	while (i < route->match_count && !hdl_xl_match_is_empty(&route->matches[i]))
		i++;
	return i;
}

bool hdl_xl_is_catch_all(const struct hdl_ir_http_route *route)
{
	return route->match_count == 0 || hdl_xl_blocks_before_all(route) < route->match_count;
}
