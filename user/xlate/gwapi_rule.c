/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of HTTPRoute and GRPCRoute as http rules of a VirtualService, one for each match (specification F.2 to F.5). */
#include "xlate/gwapi_priv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/*
 * F.5: a retry block asks for retries of connection errors too, and of tries that the backend does not answer in time;
 * the token reset covers both.
 */
#define RETRY_ON "connect-failure,refused-stream,unavailable,cancelled,reset"
#define DEFAULT_ATTEMPTS 2
#define CORS_MAX_AGE_S 5
#define NS_PER_S 1000000000ll

struct build {
	struct hdl_gw *g;
	const struct hdl_resource *route;
	const struct hdl_gwapi_rule *rule;
	size_t index; /* of the rule */
	bool grpc;
};

static struct hdl_text text_at(const char *s, struct hdl_pos pos)
{
	return (struct hdl_text){ s, pos };
}

static struct hdl_opt_int int_at(int64_t value, struct hdl_pos pos)
{
	return (struct hdl_opt_int){ true, value, pos };
}

/* ---- matches ---- */

static struct hdl_string_match *string_match(struct hdl_gw *g, struct hdl_pos pos)
{
	struct hdl_string_match *m = hdl_gw_take(g, 1, sizeof(*m));

	if (m)
		m->pos = pos;
	return m;
}

static void set_path(struct hdl_gw *g, const struct hdl_gwapi_path_match *path, struct hdl_vs_match *m)
{
	const char *value = hdl_gwapi_path_value(path);
	struct hdl_pos pos = path ? path->pos : m->pos;
	size_t n = strlen(value);

	m->uri = string_match(g, pos);
	if (!m->uri)
		return;
	switch (hdl_gwapi_path_type(path)) {
	case HDL_GWAPI_EXACT:
		m->uri->exact = text_at(value, pos);
		return;
	case HDL_GWAPI_REGEX:
		m->uri->regex = text_at(value, pos);
		return;
	case HDL_GWAPI_PATH_PREFIX:
		/* a final slash does not count; "/" is "" */
		m->uri->prefix =
			text_at(hdl_gw_text(g, "%.*s", (int)(n && value[n - 1] == '/' ? n - 1 : n), value), pos);
		m->by_segments = true;
		return;
	}
}

/* F.8: /service/method. A regular expression of one part goes with any other part. */
static void set_grpc_path(struct hdl_gw *g, const struct hdl_gwapi_method_match *method, struct hdl_vs_match *m)
{
	const char *service = method ? method->service.s : NULL, *name = method ? method->method.s : NULL;
	struct hdl_pos pos = method ? method->pos : m->pos;
	bool regex = method && method->type.value == HDL_GWAPI_REGEX;

	m->uri = string_match(g, pos);
	if (!m->uri)
		return;
	if (!service && !name)
		m->uri->prefix = text_at("/", pos);
	else if (regex || !service)
		m->uri->regex = text_at(
			hdl_gw_text(g, "/(?:%s)/(?:%s)", service ? service : "[^/]+", name ? name : "[^/]+"), pos);
	else if (!name)
		m->uri->prefix = text_at(hdl_gw_text(g, "/%s/", service), pos);
	else
		m->uri->exact = text_at(hdl_gw_text(g, "/%s/%s", service, name), pos);
}

/* Of entries with one name the first counts; names of headers compare without case. */
static bool is_repeated(const struct hdl_gwapi_named_matches *list, size_t i, bool header)
{
	for (size_t j = 0; j < i; j++)
		if (header ? !strcasecmp(list->at[i].name.s, list->at[j].name.s) :
			     !strcmp(list->at[i].name.s, list->at[j].name.s))
			return true;
	return false;
}

static void set_named(struct hdl_gw *g, const struct hdl_gwapi_named_matches *list, bool header,
		      struct hdl_keyed_matches *ret)
{
	ret->at = hdl_gw_take(g, list->n, sizeof(*ret->at));
	for (size_t i = 0; ret->at && i < list->n; i++) {
		const struct hdl_gwapi_named_match *spec = &list->at[i];
		struct hdl_keyed_match *m = &ret->at[ret->n];

		if (is_repeated(list, i, header))
			continue;
		ret->n++;
		*m = (struct hdl_keyed_match){ .pos = spec->pos, .key = spec->name.s, .match = { .pos = spec->pos } };
		*(spec->type.value == HDL_GWAPI_REGEX ? &m->match.regex : &m->match.exact) = spec->value;
	}
}

static void set_match(const struct build *b, const struct hdl_gwapi_match *spec, struct hdl_vs_http *http)
{
	static const struct hdl_gwapi_match any;
	struct hdl_vs_match *m = hdl_gw_take(b->g, 1, sizeof(*m));

	if (!m)
		return;
	m->pos = spec ? spec->pos : b->rule->pos;
	spec = spec ? spec : &any;
	if (b->grpc)
		set_grpc_path(b->g, spec->grpc_method, m);
	else
		set_path(b->g, spec->path, m);
	set_named(b->g, &spec->headers, true, &m->headers);
	set_named(b->g, &spec->query_params, false, &m->query_params);
	if (spec->http_method.s) {
		m->method = string_match(b->g, spec->http_method.pos);
		if (m->method)
			m->method->exact = spec->http_method;
	}
	http->match.at = m;
	http->match.n = 1;
}

/* Exact, prefix, regular expression (F.2); what everything meets comes last, since nothing gets past it. */
static uint32_t path_rank(const struct hdl_gwapi_path_match *path, const struct hdl_vs_match *m)
{
	switch (hdl_gwapi_path_type(path)) {
	case HDL_GWAPI_EXACT:
		return 3;
	case HDL_GWAPI_PATH_PREFIX:
		return m->uri && !m->uri->prefix.s[0] && !m->headers.n && !m->query_params.n && !m->method ? 0 : 2;
	default:
		return 1;
	}
}

/* F.2, F.8. */
static void set_rank(const struct build *b, const struct hdl_gwapi_match *spec, const struct hdl_vs_http *http,
		     struct hdl_gw_rule *rule)
{
	const struct hdl_gwapi_method_match *m = spec ? spec->grpc_method : NULL;

	if (!http->match.n || !http->match.at->uri)
		return;
	if (b->grpc) {
		rule->rank[0] = m && m->type.value == HDL_GWAPI_EXACT;
		rule->rank[1] = m && m->service.s ? (uint32_t)strlen(m->service.s) : 0;
		rule->rank[2] = m && m->method.s ? (uint32_t)strlen(m->method.s) : 0;
		rule->rank[3] = (uint32_t)http->match.at->headers.n;
		return;
	}
	rule->rank[0] = path_rank(spec ? spec->path : NULL, http->match.at);
	/* without the final slash of a prefix, which does not count */
	rule->rank[1] = (uint32_t)strlen(hdl_string_match_value(http->match.at->uri));
	rule->rank[2] = spec && spec->http_method.s;
	rule->rank[3] = (uint32_t)http->match.at->headers.n;
	rule->rank[4] = (uint32_t)http->match.at->query_params.n;
}

/* ---- header operations ---- */

/* In VirtualServices "%" begins an operator; values here are literal. */
static const char *literal(struct hdl_gw *g, const char *value)
{
	size_t n = 0;
	char *copy, *to;

	for (const char *p = value; *p; p++)
		n += *p == '%';
	if (!n)
		return value;
	copy = to = hdl_gw_take(g, strlen(value) + n + 1, 1);
	if (!copy)
		return "";
	for (const char *p = value; *p; p++) {
		*to++ = *p;
		if (*p == '%')
			*to++ = '%';
	}
	return copy;
}

static void set_pairs(struct hdl_gw *g, const struct hdl_gwapi_headers *list, struct hdl_kvs *ret)
{
	ret->at = hdl_gw_take(g, list->n, sizeof(*ret->at));
	for (size_t i = 0; ret->at && i < list->n; i++) {
		bool repeated = false;

		for (size_t j = 0; j < i; j++)
			repeated |= !strcasecmp(list->at[i].name.s, list->at[j].name.s);
		if (!repeated)
			ret->at[ret->n++] =
				(struct hdl_kv){ list->at[i].pos, list->at[i].name.s, literal(g, list->at[i].value.s) };
	}
}

static struct hdl_vs_header_ops *header_ops(struct hdl_gw *g, const struct hdl_gwapi_header_filter *filter)
{
	struct hdl_vs_header_ops *ops = hdl_gw_take(g, 1, sizeof(*ops));

	if (!ops)
		return NULL;
	ops->pos = filter->pos;
	set_pairs(g, &filter->set, &ops->set);
	set_pairs(g, &filter->add, &ops->add);
	ops->remove = filter->remove;
	return ops;
}

static void set_headers(struct hdl_gw *g, const struct hdl_gwapi_filters *filters, struct hdl_vs_headers **ret)
{
	for (size_t i = 0; i < filters->n; i++) {
		const struct hdl_gwapi_filter *f = &filters->at[i];

		if (!f->request_headers && !f->response_headers)
			continue;
		if (!*ret)
			*ret = hdl_gw_take(g, 1, sizeof(**ret));
		if (!*ret)
			return;
		(*ret)->pos = f->pos;
		if (f->request_headers)
			(*ret)->request = header_ops(g, f->request_headers);
		else
			(*ret)->response = header_ops(g, f->response_headers);
	}
}

/* ---- the other filters ---- */

static int64_t mirror_share(const struct hdl_gwapi_mirror *m)
{
	int64_t denominator = m->fraction && m->fraction->denominator.has ? m->fraction->denominator.value : 100;

	if (m->fraction)
		return m->fraction->numerator.value * 1000000 / denominator;
	return (m->percent.has ? m->percent.value : 100) * 10000;
}

static void set_mirrors(const struct build *b, struct hdl_vs_http *http)
{
	const struct hdl_gwapi_filters *filters = &b->rule->filters;
	const char *message;

	http->mirrors.at = hdl_gw_take(b->g, filters->n, sizeof(*http->mirrors.at));
	for (size_t i = 0; http->mirrors.at && i < filters->n; i++) {
		const struct hdl_gwapi_mirror *m = filters->at[i].mirror;

		if (!m || hdl_gw_backend_fault(b->g, b->route, m->backend_ref, &message))
			continue;
		http->mirrors.at[http->mirrors.n++] = (struct hdl_vs_mirror){
			.pos = m->pos,
			.destination = hdl_gw_destination(b->g, b->route, m->backend_ref),
			.per_million = int_at(mirror_share(m), m->pos),
		};
	}
}

/* F.4: nothing and "/" replace alike; in a VirtualService nothing would be no rewrite. */
static struct hdl_text replacement(const struct hdl_text *text)
{
	return text->s && !*text->s ? text_at("/", text->pos) : *text;
}

static void set_redirect(struct hdl_gw *g, const struct hdl_gwapi_redirect *spec, struct hdl_vs_http *http)
{
	struct hdl_vs_redirect *r = hdl_gw_take(g, 1, sizeof(*r));

	if (!r)
		return;
	*r = (struct hdl_vs_redirect){
		.pos = spec->pos,
		.scheme = spec->scheme,
		.authority = spec->hostname,
		.port = spec->port,
		.redirect_code = int_at(spec->status_code.has ? spec->status_code.value : 302, spec->pos),
		.gateway_api = true,
	};
	if (spec->path && spec->path->replace_full_path.s)
		r->uri = replacement(&spec->path->replace_full_path);
	else if (spec->path)
		r->prefix_rewrite = replacement(&spec->path->replace_prefix_match);
	http->redirect = r;
}

static void set_rewrite(struct hdl_gw *g, const struct hdl_gwapi_rewrite *spec, struct hdl_vs_http *http)
{
	struct hdl_vs_rewrite *r = hdl_gw_take(g, 1, sizeof(*r));

	if (!r)
		return;
	r->pos = spec->pos;
	r->authority = spec->hostname;
	if (spec->path && spec->path->replace_full_path.s) {
		r->uri = replacement(&spec->path->replace_full_path);
		r->whole_path = true;
	} else if (spec->path) {
		r->uri = replacement(&spec->path->replace_prefix_match);
	}
	if (r->uri.s || r->authority.s)
		http->rewrite = r;
}

#define ANY_HOST "[^/:?#@]+" /* one label or more */

/* Stars stand for any characters of a host name: the rest of the origin is literal. */
static const char *origin_regex(struct hdl_gw *g, const char *origin)
{
	char *regex = hdl_gw_take(g, strlen(ANY_HOST) * strlen(origin) + 1, 1), *to = regex;

	for (const char *p = origin; regex && *p; p++) {
		if (*p == '*') {
			memcpy(to, ANY_HOST, strlen(ANY_HOST));
			to += strlen(ANY_HOST);
			continue;
		}
		if (strchr(".+()[]{}|^$?\\", *p))
			*to++ = '\\';
		*to++ = *p;
	}
	return regex ? regex : "";
}

static void set_origins(struct hdl_gw *g, const struct hdl_gwapi_cors *spec, struct hdl_vs_cors *cors)
{
	cors->allow_origins.at = hdl_gw_take(g, spec->allow_origins.n, sizeof(*cors->allow_origins.at));
	for (size_t i = 0; cors->allow_origins.at && i < spec->allow_origins.n; i++) {
		const struct hdl_text *text = &spec->allow_origins.at[i];
		struct hdl_string_match *m = &cors->allow_origins.at[cors->allow_origins.n++];

		m->pos = text->pos;
		if (strchr(text->s, '*') && strcmp(text->s, "*") != 0)
			m->regex = text_at(origin_regex(g, text->s), text->pos);
		else
			m->exact = *text;
	}
}

static void set_cors(struct hdl_gw *g, const struct hdl_gwapi_cors *spec, struct hdl_vs_http *http)
{
	struct hdl_vs_cors *cors = hdl_gw_take(g, 1, sizeof(*cors));

	if (!cors)
		return;
	cors->pos = spec->pos;
	set_origins(g, spec, cors);
	cors->allow_methods = spec->allow_methods;
	cors->allow_headers = spec->allow_headers;
	cors->expose_headers = spec->expose_headers;
	cors->allow_credentials = spec->allow_credentials;
	cors->max_age =
		(struct hdl_opt_duration){ true, (spec->max_age.has ? spec->max_age.value : CORS_MAX_AGE_S) * NS_PER_S,
					   spec->pos };
	/* F.4: a preflight is the gateway's to answer, allowed or not */
	cors->unmatched_preflights = (struct hdl_opt_enum){ true, HDL_PREFLIGHT_IGNORE, spec->pos };
	cors->answer_star = true;
	http->cors_policy = cors;
}

static void set_filters(const struct build *b, struct hdl_vs_http *http)
{
	set_headers(b->g, &b->rule->filters, &http->headers);
	set_mirrors(b, http);
	for (size_t i = 0; i < b->rule->filters.n; i++) {
		const struct hdl_gwapi_filter *f = &b->rule->filters.at[i];

		if (f->redirect)
			set_redirect(b->g, f->redirect, http);
		if (f->rewrite)
			set_rewrite(b->g, f->rewrite, http);
		if (f->cors)
			set_cors(b->g, f->cors, http);
	}
}

/* ---- destinations ---- */

/* Filters of a backend beyond headers have no place in a weighted destination: its share is answered with 500. */
static bool has_other_filter(const struct hdl_gwapi_filters *filters)
{
	for (size_t i = 0; i < filters->n; i++)
		if (!filters->at[i].request_headers && !filters->at[i].response_headers)
			return true;
	return false;
}

const char *hdl_gw_rule_fault(const struct hdl_gwapi_rule *rule)
{
	for (size_t i = 0; i < rule->filters.n; i++)
		if (rule->filters.at[i].extension || rule->filters.at[i].external_auth)
			return rule->filters.at[i].extension ? "filter ExtensionRef is not supported" :
							       "filter ExternalAuth is not supported";
	for (size_t i = 0; i < rule->backends.n; i++)
		if (has_other_filter(&rule->backends.at[i].filters))
			return "filters of a backendRef other than RequestHeaderModifier and ResponseHeaderModifier are not "
			       "supported";
	return NULL;
}

static void set_answer(struct hdl_gw *g, struct hdl_pos pos, int status, struct hdl_vs_http *http)
{
	struct hdl_vs_direct_response *r = hdl_gw_take(g, 1, sizeof(*r));

	if (!r)
		return;
	r->pos = pos;
	r->status = int_at(status, pos);
	http->direct_response = r;
}

static void set_destination(const struct build *b, const struct hdl_gwapi_backend *backend, struct hdl_vs_route *ret)
{
	const char *message;

	ret->pos = backend->pos;
	ret->weight = int_at(hdl_gwapi_weight(backend), backend->pos);
	ret->destination = hdl_gw_destination(b->g, b->route, &backend->ref);
	ret->unresolved = hdl_gw_backend_fault(b->g, b->route, &backend->ref, &message) != NULL;
	set_headers(b->g, &backend->filters, &ret->headers);
}

/* Those with a share; without any, the answer is 500 (F.3); of gRPC UNAVAILABLE, which 503 stands for (F.8). */
static void set_destinations(const struct build *b, struct hdl_vs_http *http)
{
	const struct hdl_gwapi_backends *backends = &b->rule->backends;

	http->route.at = hdl_gw_take(b->g, backends->n, sizeof(*http->route.at));
	for (size_t i = 0; http->route.at && i < backends->n; i++)
		if (hdl_gwapi_weight(&backends->at[i]))
			set_destination(b, &backends->at[i], &http->route.at[http->route.n++]);
	if (!http->route.n)
		set_answer(b->g, b->rule->pos, b->grpc ? 503 : 500, http);
}

bool hdl_gw_l4_rule(struct hdl_gw *g, const struct hdl_resource *route, const struct hdl_gwapi_rule *rule,
		    struct hdl_vs_l4_route *ret)
{
	struct build b = { .g = g, .route = route, .rule = rule };

	*ret = (struct hdl_vs_l4_route){ .pos = rule->pos };
	ret->route.at = hdl_gw_take(g, rule->backends.n, sizeof(*ret->route.at));
	for (size_t i = 0; ret->route.at && i < rule->backends.n; i++)
		if (hdl_gwapi_weight(&rule->backends.at[i]))
			set_destination(&b, &rule->backends.at[i], &ret->route.at[ret->route.n++]);
	return ret->route.n > 0;
}

/* ---- timeouts and retries ---- */

static struct hdl_opt_duration duration(int64_t ns, struct hdl_pos pos)
{
	return (struct hdl_opt_duration){ ns != 0, ns, pos };
}

static const char *retry_on(struct hdl_gw *g, const struct hdl_gwapi_retry *retry)
{
	const char *text = RETRY_ON;
	bool seen[200] = { false }; /* 400..599 */

	for (size_t i = 0; i < retry->codes.n; i++) {
		bool *code = &seen[retry->codes.at[i].value - 400];

		if (!*code)
			text = hdl_gw_text(g, "%s,%d", text, (int)retry->codes.at[i].value);
		*code = true;
	}
	return text;
}

/* Without a retry block the mesh default holds, with the limit of each try if there is one. */
static void set_retry(struct hdl_gw *g, const struct hdl_gwapi_rule *rule, struct hdl_vs_http *http)
{
	int64_t try_ns = rule->timeouts ? rule->timeouts->backend_request_ns : 0;
	struct hdl_vs_retry *r;

	if (rule->timeouts)
		http->timeout = duration(rule->timeouts->request_ns, rule->timeouts->pos);
	if (!rule->retry && !try_ns)
		return;
	r = hdl_gw_take(g, 1, sizeof(*r));
	if (!r)
		return;
	r->pos = rule->retry ? rule->retry->pos : rule->timeouts->pos;
	r->attempts = int_at(rule->retry && rule->retry->attempts.has ? rule->retry->attempts.value : DEFAULT_ATTEMPTS,
			     r->pos);
	r->per_try_timeout = duration(try_ns, r->pos);
	if (rule->retry) {
		r->retry_on = text_at(retry_on(g, rule->retry), r->pos);
		r->backoff = duration(rule->retry->backoff_ns, r->pos);
	}
	http->retries = r;
}

/* ---- rules ---- */

static void set_name(const struct build *b, struct hdl_vs_http *http)
{
	if (b->rule->name.s)
		http->name = text_at(hdl_gw_text(b->g, "%s.%s.%s", b->route->ns, b->route->name, b->rule->name.s),
				     b->rule->name.pos);
	else
		http->name =
			text_at(hdl_gw_text(b->g, "%s.%s.%zu", b->route->ns, b->route->name, b->index), b->rule->pos);
}

static void build(const struct build *b, struct hdl_vs_http *http)
{
	http->pos = b->rule->pos;
	http->source = b->route;
	http->field = hdl_gw_text(b->g, "spec.rules[%zu]", b->index);
	set_name(b, http);
	if (hdl_gw_rule_fault(b->rule)) {
		set_answer(b->g, b->rule->pos, b->grpc ? 503 : 500, http);
		return;
	}
	set_filters(b, http);
	if (http->redirect)
		return;
	set_destinations(b, http);
	if (http->direct_response) /* nothing is sent anywhere */
		*http = (struct hdl_vs_http){ .pos = http->pos,
					      .source = http->source,
					      .field = http->field,
					      .name = http->name,
					      .direct_response = http->direct_response };
	else
		set_retry(b->g, b->rule, http);
}

struct hdl_gw_rule *hdl_gw_rules(struct hdl_gw *g, const struct hdl_resource *route, size_t order, size_t *ret_n)
{
	static const struct hdl_gwapi_rule default_rule; /* of an HTTPRoute without rules: 500 for all */
	const struct hdl_gwapi_route *spec = route->route;
	bool grpc = route->kind == HDL_KIND_GRPC_ROUTE;
	bool none = spec->rules.n == 0 && !grpc;
	struct hdl_gw_rule *rules;
	size_t n = none;

	for (size_t i = 0; i < spec->rules.n; i++)
		n += spec->rules.at[i].matches.n ? spec->rules.at[i].matches.n : 1;
	rules = hdl_gw_take(g, n, sizeof(*rules));
	*ret_n = 0;
	for (size_t i = 0; rules && i < spec->rules.n + none; i++) {
		const struct hdl_gwapi_rule *rule = none ? &default_rule : &spec->rules.at[i];
		struct build b = { g, route, rule, i, grpc };
		struct hdl_vs_http http = { 0 };

		build(&b, &http);
		for (size_t k = 0; k < rule->matches.n || k == 0; k++) {
			const struct hdl_gwapi_match *match = rule->matches.n ? &rule->matches.at[k] : NULL;
			struct hdl_gw_rule *to = &rules[(*ret_n)++];

			*to = (struct hdl_gw_rule){
				.http = http, .order = order, .rule = (uint32_t)i, .match = (uint32_t)k
			};
			set_match(&b, match, &to->http);
			set_rank(&b, match, &to->http, to);
		}
	}
	return rules;
}
