/* SPDX-License-Identifier: Apache-2.0 */
/* CORS as Envoy's filter does it for Istio (specification B.6). */
#include "policy/cors.h"

#include "re/re.h"

static const struct hdl_str allow_origin = { "access-control-allow-origin", 27 };
static const struct hdl_str allow_credentials = { "access-control-allow-credentials", 32 };
static const struct hdl_str allow_methods = { "access-control-allow-methods", 28 };
static const struct hdl_str allow_headers = { "access-control-allow-headers", 28 };
static const struct hdl_str expose_headers = { "access-control-expose-headers", 29 };
static const struct hdl_str max_age = { "access-control-max-age", 22 };

static bool origin_matches(const struct hdl_ir_string_match *m, struct hdl_str origin)
{
	switch (m->kind) {
	case HDL_IR_MATCH_EXACT:
		return hdl_str_eq(origin, m->value);
	case HDL_IR_MATCH_PREFIX:
		return hdl_str_starts(origin, m->value);
	case HDL_IR_MATCH_REGEX:
		return hdl_re_full_match(m->re, origin);
	default:
		return false;
	}
}

static bool is_allowed(const struct hdl_ir_cors *cors, struct hdl_str origin)
{
	if (cors->any_origin)
		return true;
	for (size_t i = 0; i < cors->origin_count; i++)
		if (origin_matches(&cors->origins[i], origin))
			return true;
	return false;
}

enum hdl_cors_verdict hdl_cors_judge(const struct hdl_ir_cors *cors, const struct hdl_http_head *request)
{
	struct hdl_str origin = hdl_http_headers_value(&request->headers, HDL_HTTP_H_ORIGIN);
	bool preflight = request->method == HDL_HTTP_OPTIONS &&
			 hdl_http_headers_value(&request->headers, HDL_HTTP_H_AC_REQUEST_METHOD).n > 0;

	if (origin.n == 0)
		return HDL_CORS_NONE;
	if (is_allowed(cors, origin))
		return preflight ? HDL_CORS_PREFLIGHT : HDL_CORS_ACTUAL;
	return preflight && cors->ignore_unmatched ? HDL_CORS_UNMATCHED : HDL_CORS_NONE;
}

static int set(struct hdl_http_headers *list, struct hdl_str name, struct hdl_str value)
{
	return hdl_http_headers_set(list, name, value);
}

/* The configured list, or what was asked for. */
static int set_list(struct hdl_http_headers *list, struct hdl_str name, struct hdl_str configured, bool any,
		    struct hdl_str asked)
{
	if (any)
		return set(list, name, asked.p ? asked : HDL_STR(""));
	return configured.n ? set(list, name, configured) : 0;
}

int hdl_cors_actual(const struct hdl_ir_cors *cors, struct hdl_str origin, struct hdl_http_headers *answer)
{
	bool star = cors->answer_star && cors->any_origin && !cors->credentials;
	int r = set(answer, allow_origin, star ? HDL_STR("*") : origin);

	if (r == 0 && cors->credentials)
		r = set(answer, allow_credentials, HDL_STR("true"));
	if (r == 0 && cors->expose.n)
		r = set(answer, expose_headers, cors->expose);
	return r;
}

int hdl_cors_preflight(const struct hdl_ir_cors *cors, const struct hdl_http_head *request, bool allowed,
		       struct hdl_http_headers *answer)
{
	const struct hdl_http_headers *asked = &request->headers;
	int r = 0;

	if (!allowed &&
	    cors->answer_star) /* HTTPRoute, F.4: no header of CORS; Istio's IGNORE has methods and headers */
		return 0;
	if (allowed)
		r = hdl_cors_actual(cors, hdl_http_headers_value(asked, HDL_HTTP_H_ORIGIN), answer);
	if (r == 0)
		r = set_list(answer, allow_methods, cors->methods, cors->any_method,
			     hdl_http_headers_value(asked, HDL_HTTP_H_AC_REQUEST_METHOD));
	if (r == 0)
		r = set_list(answer, allow_headers, cors->headers, cors->any_header,
			     hdl_http_headers_value(asked, HDL_HTTP_H_AC_REQUEST_HEADERS));
	if (r == 0 && allowed && cors->max_age.n)
		r = set(answer, max_age, cors->max_age);
	return r;
}
