/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule does besides routing: redirect, fixed answer, rewrite, CORS (specification B.3, B.4, B.6). */
#include "xlate/priv.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "re/re.h"

static bool given(const struct hdl_text *text)
{
	return text->s && text->s[0];
}

static struct hdl_str interned(struct hdl_xl *xl, const struct hdl_text *text)
{
	return hdl_str_of(hdl_xl_intern(xl, text->s));
}

/*
 * B.3: a port that is the default of the scheme is none, as Istio's translation has it; FROM_REQUEST_PORT is the port of
 * the listener. F.4 wants the port as it was given.
 */
static uint16_t redirect_port(const struct hdl_vs_redirect *spec, uint16_t listener_port)
{
	bool https = given(&spec->scheme) && strcmp(spec->scheme.s, "https") == 0;
	uint16_t port = (uint16_t)spec->port.value;

	if (spec->derive_port.has && spec->derive_port.value == HDL_DERIVE_REQUEST_PORT)
		port = listener_port;
	return !spec->gateway_api && port == (https ? 443 : 80) ? 0 : port;
}

static int set_redirect(struct hdl_xl *xl, const struct hdl_vs_redirect *spec, uint16_t listener_port,
			struct hdl_ir_http_route *route)
{
	struct hdl_ir_redirect *redirect = hdl_arena_alloc(xl->arena, sizeof(*redirect));
	uint32_t code = hdl_xl_number(&spec->redirect_code, 301);

	if (!redirect)
		return -ENOMEM;
	*redirect = (struct hdl_ir_redirect){
		.status = (uint16_t)(code ? code : 301),
		.scheme = hdl_xl_intern(xl, spec->scheme.s),
		.host = hdl_xl_intern(xl, spec->authority.s),
		.port = redirect_port(spec, listener_port),
		.port_of_listener = spec->gateway_api,
	};
	if (given(&spec->uri))
		redirect->path = (struct hdl_ir_path_change){ HDL_IR_PATH_WHOLE, interned(xl, &spec->uri), NULL };
	else if (spec->prefix_rewrite.s && (spec->gateway_api || spec->prefix_rewrite.s[0]))
		redirect->path =
			(struct hdl_ir_path_change){ HDL_IR_PATH_MATCHED, interned(xl, &spec->prefix_rewrite), NULL };
	route->redirect = redirect;
	return 0;
}

static int set_direct_response(struct hdl_xl *xl, const struct hdl_vs_direct_response *spec,
			       struct hdl_ir_http_route *route)
{
	struct hdl_ir_direct_response *direct = hdl_arena_alloc(xl->arena, sizeof(*direct));
	size_t n = spec->body && spec->body->data ? spec->body->data_n : 0;

	if (!direct)
		return -ENOMEM;
	*direct = (struct hdl_ir_direct_response){ .status = (uint16_t)spec->status.value, .body = { "", 0 } };
	if (n) {
		char *copy = hdl_arena_alloc(xl->arena, n);

		if (!copy)
			return -ENOMEM;
		memcpy(copy, spec->body->data, n);
		direct->body = (struct hdl_str){ copy, n };
	}
	route->direct_response = direct;
	return 0;
}

/* 0; -EINVAL: the expression does not compile or has not so many groups. */
static int set_rewrite(struct hdl_xl *xl, const struct hdl_vs_rewrite *spec, struct hdl_ir_http_route *route)
{
	const struct hdl_vs_regex_rewrite *regex = spec->uri_regex_rewrite;
	struct hdl_ir_path_change *change = &route->rewrite;
	int r;

	if (regex) {
		*change = (struct hdl_ir_path_change){ HDL_IR_PATH_REGEX, interned(xl, &regex->rewrite), NULL };
		r = hdl_xl_regex(xl, hdl_xl_intern(xl, regex->match.s), &change->re);
		return r == 0 ? hdl_re_check_rewrite(change->re, change->text, NULL) : r;
	}
	if (given(&spec->uri) || (spec->whole_path && spec->uri.s))
		*change = (struct hdl_ir_path_change){ spec->whole_path ? HDL_IR_PATH_WHOLE : HDL_IR_PATH_MATCHED,
						       interned(xl, &spec->uri), NULL };
	return 0;
}

static struct hdl_str joined(struct hdl_xl *xl, const struct hdl_texts *texts)
{
	size_t n = 0, at = 0;
	char *p;

	for (size_t i = 0; i < texts->n; i++)
		n += strlen(texts->at[i].s) + 1;
	p = hdl_arena_alloc(xl->arena, n + 1);
	if (!p) {
		xl->no_memory = true;
		return HDL_STR("");
	}
	for (size_t i = 0; i < texts->n; i++) {
		size_t length = strlen(texts->at[i].s);

		if (i)
			p[at++] = ',';
		memcpy(p + at, texts->at[i].s, length);
		at += length;
	}
	return (struct hdl_str){ p, at };
}

/* 0; -EINVAL: an expression does not compile. */
static int origins(struct hdl_xl *xl, const struct hdl_vs_cors *spec, struct hdl_ir_cors *cors)
{
	size_t n = spec->allow_origins.n ? spec->allow_origins.n : spec->allow_origin.n;
	struct hdl_ir_string_match *m = hdl_arena_calloc(xl->arena, n, sizeof(*m));
	int r = m ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct hdl_string_match old = { 0 };

		if (!spec->allow_origins.n)
			old.exact = spec->allow_origin.at[i];
		r = hdl_xl_string_match(xl, spec->allow_origins.n ? &spec->allow_origins.at[i] : &old, &m[i]);
		cors->any_origin |= m[i].kind == HDL_IR_MATCH_EXACT && hdl_str_eq(m[i].value, HDL_STR("*"));
	}
	cors->origins = m;
	cors->origin_count = n;
	return r;
}

static int set_cors(struct hdl_xl *xl, const struct hdl_vs_cors *spec, struct hdl_ir_http_route *route)
{
	struct hdl_ir_cors *cors = hdl_arena_alloc(xl->arena, sizeof(*cors));
	int r;

	if (!cors)
		return -ENOMEM;
	*cors = (struct hdl_ir_cors){
		.answer_star = spec->answer_star,
		.credentials = spec->allow_credentials.value,
		.ignore_unmatched = spec->unmatched_preflights.value == HDL_PREFLIGHT_IGNORE,
		.methods = joined(xl, &spec->allow_methods),
		.headers = joined(xl, &spec->allow_headers),
		.expose = joined(xl, &spec->expose_headers),
		.max_age = HDL_STR(""),
	};
	cors->any_method = hdl_str_eq(cors->methods, HDL_STR("*"));
	cors->any_header = hdl_str_eq(cors->headers, HDL_STR("*"));
	if (spec->max_age.has)
		cors->max_age = hdl_str_of(hdl_xl_internf(
			xl, "%llu", (unsigned long long)spec->max_age.ns / (unsigned long long)HDL_NS_PER_S));
	r = origins(xl, spec, cors);
	if (r < 0)
		return r;
	route->cors = cors;
	return 0;
}

int hdl_xl_actions(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_http *http,
		   uint16_t listener_port, struct hdl_ir_http_route *route)
{
	/* B.5: those of an only destination come behind the route's, in one list */
	const struct hdl_vs_headers *only = http->route.n == 1 ? http->route.at[0].headers : NULL;
	const char *authority = http->rewrite && given(&http->rewrite->authority) ? http->rewrite->authority.s : NULL;
	int r = 0;

	if (http->redirect)
		r = set_redirect(xl, http->redirect, listener_port, route);
	else if (http->direct_response)
		r = set_direct_response(xl, http->direct_response, route);
	if (r == 0 && http->rewrite)
		r = set_rewrite(xl, http->rewrite, route);
	if (r == 0 && http->cors_policy)
		r = set_cors(xl, http->cors_policy, route);
	return r == 0 ? hdl_xl_headers(xl, res, http->headers, only, authority, &route->headers) : r;
}
