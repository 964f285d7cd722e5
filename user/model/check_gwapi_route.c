/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of the Gateway API's routes (specification F.1, F.8), as their CRD schemas have them. */
#include "model/check_gwapi.h"

#include <stdio.h>
#include <string.h>
#include "base/duration.h"
#include "base/str.h"
#include "model/check.h"
#include "model/names.h"

#define MAX_MATCHES 128 /* over all rules of a route */

/* ---- durations ---- */

/* One to four numbers of at most five digits, each with a unit: no fractions, unlike Go. */
static bool is_duration(const char *s)
{
	size_t parts = 0;

	for (; *s; parts++) {
		size_t digits = strspn(s, "0123456789");

		if (digits < 1 || digits > 5 || parts == 4)
			return false;
		s += digits;
		if (!strncmp(s, "ms", 2))
			s += 2;
		else if (*s == 'h' || *s == 'm' || *s == 's')
			s++;
		else
			return false;
	}
	return parts > 0;
}

static int64_t duration(struct hdl_decode *d, const struct hdl_text *text, const char *field)
{
	int64_t ns = 0;

	if (!text->s)
		return 0;
	if (!is_duration(text->s) || hdl_duration_parse(hdl_str_of(text->s), &ns) < 0)
		hdl_decode_error(
			d, text->pos, field,
			"\"%.40s\" is not a duration such as 1m30s or 100ms: one to four whole numbers of at most "
			"five digits, each with h, m, s or ms",
			text->s);
	return ns;
}

void hdl_check_gwapi_timeouts(struct hdl_decode *d, void *object)
{
	struct hdl_gwapi_timeouts *timeouts = object;

	timeouts->request_ns = duration(d, &timeouts->request, "request");
	timeouts->backend_request_ns = duration(d, &timeouts->backend_request, "backendRequest");
	if (timeouts->request_ns && timeouts->backend_request_ns > timeouts->request_ns && hdl_decode_clean(d))
		hdl_decode_error(d, timeouts->backend_request.pos, "backendRequest",
				 "backendRequest timeout cannot be longer than request timeout");
}

void hdl_check_gwapi_retry(struct hdl_decode *d, void *object)
{
	struct hdl_gwapi_retry *retry = object;

	retry->backoff_ns = duration(d, &retry->backoff, "backoff");
}

void hdl_check_gwapi_session(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_session_persistence *s = object;
	const char *type = hdl_gwapi_text(&s->type, "Cookie");
	const char *lifetime =
		s->cookie_config ? hdl_gwapi_text(&s->cookie_config->lifetime_type, "Session") : "Session";

	hdl_check_gwapi_length(d, &s->session_name, "sessionName", 0, 128);
	if (s->session_name.s && *s->session_name.s && !hdl_name_is_token(s->session_name.s))
		hdl_decode_error(d, s->session_name.pos, "sessionName",
				 "\"%.100s\" is not a name of a cookie or header", s->session_name.s);
	duration(d, &s->absolute_timeout, "absoluteTimeout");
	duration(d, &s->idle_timeout, "idleTimeout");
	if (strcmp(type, "Cookie") && strcmp(type, "Header"))
		hdl_decode_error(d, s->type.pos, "type", "must be Cookie or Header, not \"%.60s\"", type);
	if (strcmp(lifetime, "Session") && strcmp(lifetime, "Permanent"))
		hdl_decode_error(d, s->cookie_config->lifetime_type.pos, "cookieConfig.lifetimeType",
				 "must be Session or Permanent, not \"%.60s\"", lifetime);
	if (!strcmp(lifetime, "Permanent") && !s->absolute_timeout.s)
		hdl_decode_error(d, s->pos, "absoluteTimeout",
				 "AbsoluteTimeout must be specified when cookie lifetimeType is Permanent");
	if (!strcmp(type, "Header") && s->cookie_config)
		hdl_decode_error(d, s->cookie_config->pos, "cookieConfig",
				 "cookieConfig can only be set with type Cookie");
}

/* ---- matches ---- */

static bool has_any(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (strstr(s, *list))
			return true;
	return false;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_path(const char *s)
{
	static const char *const plain =
		"-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._~!$&'()*+,;=:@";

	while (*s)
		if (strchr(plain, *s))
			s++;
		else if (*s == '%' && is_hex(s[1]) && is_hex(s[2]))
			s += 3;
		else
			return false;
	return true;
}

void hdl_check_gwapi_path_match(struct hdl_decode *d, void *object)
{
	static const char *const forbidden[] = { "//", "/./", "/../", "%2f", "%2F", "#", NULL };
	const struct hdl_gwapi_path_match *path = object;
	const char *value = path->value.s;

	hdl_check_gwapi_length(d, &path->value, "value", 0, 1024);
	if (!value || hdl_gwapi_path_type(path) == HDL_GWAPI_REGEX || !hdl_decode_clean(d))
		return;
	if (value[0] != '/')
		hdl_decode_error(
			d, path->value.pos, "value",
			"value must be an absolute path and start with '/' when type one of ['Exact', 'PathPrefix']");
	for (const char *const *bad = forbidden; *bad; bad++) {
		const char *const one[] = { *bad, NULL };

		if (has_any(value, one))
			hdl_decode_error(d, path->value.pos, "value",
					 "must not contain '%s' when type one of ['Exact', 'PathPrefix']", *bad);
	}
	if (ends_with(value, "/..") || ends_with(value, "/."))
		hdl_decode_error(d, path->value.pos, "value",
				 "must not end with '/..' or '/.' when type one of ['Exact', 'PathPrefix']");
	if (!is_path(value) && !strchr(value, '#'))
		hdl_decode_error(
			d, path->value.pos, "value",
			"must only contain valid characters: letters, digits, -/._~!$&'()*+,;=:@ and percent-escapes");
}

void hdl_check_gwapi_named_match(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_named_match *match = object;

	hdl_check_gwapi_length(d, &match->name, "name", 1, 256);
	hdl_check_gwapi_length(d, &match->value, "value", 1, 4096);
	if (match->name.s && *match->name.s && !hdl_name_is_token(match->name.s))
		hdl_decode_error(d, match->name.pos, "name", "\"%.100s\" is not a name of a header or parameter",
				 match->name.s);
}

/* The API server refuses two entries of one list with the same key, letters of either case being different. */
static void check_unique_names(struct hdl_decode *d, const struct hdl_gwapi_named_matches *list, const char *field)
{
	for (size_t i = 0; i < list->n; i++)
		for (size_t j = 0; j < i; j++)
			if (list->at[i].name.s && list->at[j].name.s &&
			    !strcmp(list->at[i].name.s, list->at[j].name.s)) {
				hdl_decode_error(d, list->at[i].pos, field, "names \"%.100s\" twice, first at line %u",
						 list->at[i].name.s, list->at[j].pos.line);
				break;
			}
}

static bool is_method(const char *s)
{
	static const char *const methods[] = { "GET",     "HEAD",    "POST",  "PUT",  "DELETE",
					       "CONNECT", "OPTIONS", "TRACE", "PATCH" };

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!strcmp(s, methods[i]))
			return true;
	return false;
}

void hdl_check_gwapi_match(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_match *match = object;

	check_unique_names(d, &match->headers, "headers");
	check_unique_names(d, &match->query_params, "queryParams");
	for (size_t i = 0; i < match->query_params.n; i++)
		hdl_check_gwapi_length(d, &match->query_params.at[i].value, "queryParams.value", 1, 1024);
	if (match->http_method.s && !is_method(match->http_method.s))
		hdl_decode_error(
			d, match->http_method.pos, "method",
			"must be one of GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH, not \"%.60s\"",
			match->http_method.s);
}

/* [.]name(.name)*, or with dots false one name. */
static bool is_identifier(const char *s, bool dots)
{
	static const char *const first = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";

	if (dots && *s == '.')
		s++;
	for (;;) {
		size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");

		if (!n || !strchr(first, *s))
			return false;
		s += n;
		if (!*s)
			return true;
		if (!dots || *s++ != '.')
			return false;
	}
}

void hdl_check_gwapi_method_match(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_method_match *m = object;
	bool exact = m->type.value == HDL_GWAPI_EXACT;

	hdl_check_gwapi_length(d, &m->service, "service", 0, 1024);
	hdl_check_gwapi_length(d, &m->method, "method", 0, 1024);
	if (!m->service.s && !m->method.s && hdl_decode_clean(d))
		hdl_decode_error(d, m->pos, NULL, "One or both of 'service' or 'method' must be specified");
	if (exact && m->service.s && !is_identifier(m->service.s, true))
		hdl_decode_error(d, m->service.pos, "service", "service must only contain valid characters");
	if (exact && m->method.s && !is_identifier(m->method.s, false))
		hdl_decode_error(d, m->method.pos, "method", "method must only contain valid characters");
}

/* ---- filters ---- */

void hdl_check_gwapi_header(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_header *header = object;

	hdl_check_gwapi_length(d, &header->name, "name", 1, 256);
	hdl_check_gwapi_length(d, &header->value, "value", 1, 4096);
	if (header->name.s && *header->name.s && !hdl_name_is_token(header->name.s))
		hdl_decode_error(d, header->name.pos, "name", "\"%.100s\" is not a header name", header->name.s);
	for (const char *p = header->value.s; p && *p; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f) {
			hdl_decode_error(d, header->value.pos, "value",
					 "must not contain line ends and other control characters");
			break;
		}
}

static void check_unique_headers(struct hdl_decode *d, const struct hdl_gwapi_headers *list, const char *field)
{
	for (size_t i = 0; i < list->n; i++)
		for (size_t j = 0; j < i; j++)
			if (list->at[i].name.s && list->at[j].name.s &&
			    !strcmp(list->at[i].name.s, list->at[j].name.s)) {
				hdl_decode_error(d, list->at[i].pos, field, "names \"%.100s\" twice, first at line %u",
						 list->at[i].name.s, list->at[j].pos.line);
				break;
			}
}

void hdl_check_gwapi_header_filter(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_header_filter *filter = object;

	check_unique_headers(d, &filter->set, "set");
	check_unique_headers(d, &filter->add, "add");
	for (size_t i = 0; i < filter->remove.n; i++)
		if (filter->remove.at[i].s && !hdl_name_is_token(filter->remove.at[i].s))
			hdl_decode_error(d, filter->remove.at[i].pos, "remove", "\"%.100s\" is not a header name",
					 filter->remove.at[i].s);
}

void hdl_check_gwapi_fraction(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_fraction *fraction = object;
	int64_t denominator = fraction->denominator.has ? fraction->denominator.value : 100;

	if (fraction->numerator.value > denominator)
		hdl_decode_error(d, fraction->numerator.pos, "numerator",
				 "numerator must be less than or equal to denominator (%lld)", (long long)denominator);
}

void hdl_check_gwapi_mirror(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_mirror *mirror = object;

	if (mirror->percent.has && mirror->fraction)
		hdl_decode_error(d, mirror->percent.pos, "percent",
				 "Only one of percent or fraction may be specified in HTTPRequestMirrorFilter");
}

/* The schema lets everything pass; but what stands in a start line or a Location must not end it. */
static void check_replacement(struct hdl_decode *d, const struct hdl_text *text, const char *field)
{
	hdl_check_gwapi_length(d, text, field, 0, 1024);
	for (const char *p = text->s; p && *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f) {
			hdl_decode_error(d, text->pos, field,
					 "has a blank or a control character, which cannot be sent");
			break;
		}
}

void hdl_check_gwapi_path_modifier(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_path_modifier_spec *m = object;
	bool full = m->type.value == HDL_GWAPI_REPLACE_FULL_PATH;
	const struct hdl_text *own = full ? &m->replace_full_path : &m->replace_prefix_match;
	const struct hdl_text *other = full ? &m->replace_prefix_match : &m->replace_full_path;
	const char *own_name = full ? "replaceFullPath" : "replacePrefixMatch";
	const char *other_name = full ? "replacePrefixMatch" : "replaceFullPath";

	check_replacement(d, &m->replace_full_path, "replaceFullPath");
	check_replacement(d, &m->replace_prefix_match, "replacePrefixMatch");
	if (!m->type.has)
		return;
	if (!own->s)
		hdl_decode_error(d, m->type.pos, own_name, "%s must be specified when type is set to '%s'", own_name,
				 full ? "ReplaceFullPath" : "ReplacePrefixMatch");
	if (other->s)
		hdl_decode_error(d, other->pos, other_name, "type must be '%s' when %s is set",
				 full ? "ReplacePrefixMatch" : "ReplaceFullPath", other_name);
}

void hdl_check_gwapi_redirect(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_redirect *redirect = object;
	int64_t status = redirect->status_code.value;

	if (redirect->scheme.s && strcmp(redirect->scheme.s, "http") && strcmp(redirect->scheme.s, "https"))
		hdl_decode_error(d, redirect->scheme.pos, "scheme", "must be http or https, not \"%.60s\"",
				 redirect->scheme.s);
	hdl_check_gwapi_hostname(d, &redirect->hostname, "hostname", false);
	if (redirect->status_code.has && status > 303 && status < 307)
		hdl_decode_error(d, redirect->status_code.pos, "statusCode",
				 "must be 301, 302, 303, 307 or 308, not %lld", (long long)status);
}

void hdl_check_gwapi_rewrite(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_rewrite *rewrite = object;

	hdl_check_gwapi_hostname(d, &rewrite->hostname, "hostname", false);
}

/* "*", or scheme://host[:port] where the host may contain stars. */
static bool is_origin(const char *s)
{
	const char *sep = strstr(s, "://"), *host = sep ? sep + 3 : s, *end;

	if (!strcmp(s, "*"))
		return true;
	if (!sep || sep - s < 2 || !((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z')))
		return false;
	for (const char *p = s; p < sep; p++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-.", *p))
			return false;
	end = host + strcspn(host, ":/?#");
	if (end == host || (*end && *end != ':'))
		return false;
	return !*end || (end[1] && strlen(end + 1) <= 5 && strspn(end + 1, "0123456789") == strlen(end + 1));
}

static void check_star_alone(struct hdl_decode *d, const struct hdl_texts *list, const char *field, const char *what)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->at[i].s && !strcmp(list->at[i].s, "*") && list->n > 1) {
			hdl_decode_error(d, list->at[i].pos, field, "%s cannot contain '*' alongside other %s", field,
					 what);
			return;
		}
}

void hdl_check_gwapi_cors(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_cors *cors = object;

	for (size_t i = 0; i < cors->allow_origins.n; i++)
		if (cors->allow_origins.at[i].s && !is_origin(cors->allow_origins.at[i].s))
			hdl_decode_error(d, cors->allow_origins.at[i].pos, "allowOrigins",
					 "\"%.100s\" is not \"*\" or scheme://host[:port]",
					 cors->allow_origins.at[i].s);
	for (size_t i = 0; i < cors->allow_methods.n; i++) {
		const char *method = cors->allow_methods.at[i].s;

		if (method && strcmp(method, "*") && !is_method(method))
			hdl_decode_error(d, cors->allow_methods.at[i].pos, "allowMethods", "\"%.60s\" is not a method",
					 method);
	}
	for (size_t i = 0; i < cors->allow_headers.n + cors->expose_headers.n; i++) {
		bool allow = i < cors->allow_headers.n;
		const struct hdl_text *text =
			allow ? &cors->allow_headers.at[i] : &cors->expose_headers.at[i - cors->allow_headers.n];

		if (text->s && !hdl_name_is_token(text->s))
			hdl_decode_error(d, text->pos, allow ? "allowHeaders" : "exposeHeaders",
					 "\"%.100s\" is not a header name", text->s);
	}
	check_star_alone(d, &cors->allow_origins, "allowOrigins", "origins");
	check_star_alone(d, &cors->allow_methods, "allowMethods", "methods");
	check_star_alone(d, &cors->allow_headers, "allowHeaders", "headers");
	check_star_alone(d, &cors->expose_headers, "exposeHeaders", "headers");
}

void hdl_check_gwapi_filter(struct hdl_decode *d, void *object)
{
	static const char *const type_name[] = {
		[HDL_GWAPI_REQUEST_HEADERS] = "RequestHeaderModifier",
		[HDL_GWAPI_RESPONSE_HEADERS] = "ResponseHeaderModifier",
		[HDL_GWAPI_MIRROR] = "RequestMirror",
		[HDL_GWAPI_REDIRECT] = "RequestRedirect",
		[HDL_GWAPI_REWRITE] = "URLRewrite",
		[HDL_GWAPI_CORS] = "CORS",
		[HDL_GWAPI_EXTERNAL_AUTH] = "ExternalAuth",
		[HDL_GWAPI_EXTENSION] = "ExtensionRef",
	};
	const struct hdl_gwapi_filter *f = object;
	const struct {
		enum hdl_gwapi_filter_type type;
		const char *name;
		bool has;
	} member[] = {
		{ HDL_GWAPI_REQUEST_HEADERS, "requestHeaderModifier", f->request_headers },
		{ HDL_GWAPI_RESPONSE_HEADERS, "responseHeaderModifier", f->response_headers },
		{ HDL_GWAPI_MIRROR, "requestMirror", f->mirror },
		{ HDL_GWAPI_REDIRECT, "requestRedirect", f->redirect },
		{ HDL_GWAPI_REWRITE, "urlRewrite", f->rewrite },
		{ HDL_GWAPI_CORS, "cors", f->cors },
		{ HDL_GWAPI_EXTERNAL_AUTH, "externalAuth", f->external_auth },
		{ HDL_GWAPI_EXTENSION, "extensionRef", f->extension },
	};

	if (!f->type.has || !hdl_decode_clean(d))
		return;
	for (size_t i = 0; i < sizeof(member) / sizeof(member[0]); i++) {
		bool own = (int)member[i].type == f->type.value;

		if (own && !member[i].has)
			hdl_decode_error(d, f->pos, member[i].name, "filter.%s must be specified for %s filter.type",
					 member[i].name, type_name[f->type.value]);
		else if (!own && member[i].has)
			hdl_decode_error(d, f->pos, member[i].name,
					 "filter.%s must be nil if the filter.type is not %s", member[i].name,
					 type_name[member[i].type]);
	}
}

/* once: what may stand once in a list; a redirect and a rewrite exclude each other. */
static void check_filters(struct hdl_decode *d, const struct hdl_gwapi_filters *list, const char *field)
{
	static const char *const once[] = {
		[HDL_GWAPI_REQUEST_HEADERS] = "RequestHeaderModifier",
		[HDL_GWAPI_RESPONSE_HEADERS] = "ResponseHeaderModifier",
		[HDL_GWAPI_REDIRECT] = "RequestRedirect",
		[HDL_GWAPI_REWRITE] = "URLRewrite",
		[HDL_GWAPI_CORS] = "CORS",
		[HDL_GWAPI_EXTERNAL_AUTH] = "ExternalAuth",
		[HDL_GWAPI_EXTENSION] = NULL,
	};
	uint32_t seen = 0;

	for (size_t i = 0; i < list->n; i++) {
		int type = list->at[i].type.value;

		if (once[type] && (seen >> type & 1))
			hdl_decode_error(d, list->at[i].pos, field, "%s filter cannot be repeated", once[type]);
		seen |= 1u << type;
	}
	if ((seen >> HDL_GWAPI_REDIRECT & 1) && (seen >> HDL_GWAPI_REWRITE & 1))
		hdl_decode_error(d, list->at[0].pos, field,
				 "May specify either RequestRedirect or URLRewrite, but not both");
}

/* ---- backends ---- */

void hdl_check_gwapi_backend_ref(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_ref *ref = object;

	hdl_check_gwapi_ref(d, object);
	if (!ref->port.has && !*hdl_gwapi_text(&ref->group, "") &&
	    !strcmp(hdl_gwapi_text(&ref->kind, "Service"), "Service") && hdl_decode_clean(d))
		hdl_decode_error(d, ref->pos, "port", "Must have port for Service reference");
}

void hdl_check_gwapi_http_backend(struct hdl_decode *d, void *object)
{
	struct hdl_gwapi_backend *backend = object;

	backend->ref.pos = backend->pos;
	hdl_check_gwapi_backend_ref(d, &backend->ref);
	if (hdl_decode_clean(d))
		check_filters(d, &backend->filters, "filters");
}

/* ---- rules ---- */

static const struct hdl_gwapi_path_modifier_spec *modifier_of(const struct hdl_gwapi_filter *filter)
{
	return filter->redirect ? filter->redirect->path : filter->rewrite ? filter->rewrite->path : NULL;
}

static bool replaces_prefix(const struct hdl_gwapi_filters *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct hdl_gwapi_path_modifier_spec *m = modifier_of(&list->at[i]);

		if (m && m->replace_prefix_match.s)
			return true;
	}
	return false;
}

static bool has_filter(const struct hdl_gwapi_filters *list, enum hdl_gwapi_filter_type type)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->at[i].type.value == (int)type)
			return true;
	return false;
}

static void check_prefix_replacement(struct hdl_decode *d, const struct hdl_gwapi_rule *rule)
{
	bool one = rule->matches.n == 0 ||
		   (rule->matches.n == 1 && rule->matches.at[0].path &&
		    hdl_gwapi_path_type(rule->matches.at[0].path) == HDL_GWAPI_PATH_PREFIX) ||
		   (rule->matches.n == 1 && !rule->matches.at[0].path);
	const char *field = replaces_prefix(&rule->filters) ? "filters" : NULL;

	for (size_t i = 0; !field && i < rule->backends.n; i++)
		if (replaces_prefix(&rule->backends.at[i].filters))
			field = "backendRefs";
	if (field && !one)
		hdl_decode_error(d, rule->pos, field,
				 "When using path.replacePrefixMatch, exactly one PathPrefix match must be specified");
}

void hdl_check_gwapi_http_rule(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_rule *rule = object;

	hdl_check_gwapi_section(d, &rule->name, "name");
	if (!hdl_decode_clean(d))
		return;
	check_filters(d, &rule->filters, "filters");
	check_prefix_replacement(d, rule);
	if (has_filter(&rule->filters, HDL_GWAPI_REDIRECT) && rule->backends.n)
		hdl_decode_error(d, rule->pos, "filters",
				 "RequestRedirect filter must not be used together with backendRefs");
}

/* ---- routes ---- */

/* As the schema compares: a namespace that is written is another one than none, even if it is the route's own. */
static bool same_parent(const struct hdl_gwapi_ref *a, const struct hdl_gwapi_ref *b)
{
	return hdl_gwapi_same_text(&a->group, &b->group, HDL_GWAPI_GROUP) &&
	       hdl_gwapi_same_text(&a->kind, &b->kind, "Gateway") && hdl_gwapi_same_text(&a->ns, &b->ns, "") &&
	       hdl_gwapi_same_text(&a->name, &b->name, "");
}

static bool given(const struct hdl_text *text)
{
	return text->s && *text->s;
}

/* Of several references to one parent all say sectionName or none does, likewise port, and no two say the same. */
static void check_parents(struct hdl_decode *d, const struct hdl_gwapi_route *route)
{
	for (size_t i = 0; i < route->parent_refs.n; i++)
		for (size_t j = 0; j < i; j++) {
			const struct hdl_gwapi_ref *a = &route->parent_refs.at[i], *b = &route->parent_refs.at[j];
			bool same_section = hdl_gwapi_same_text(&a->section_name, &b->section_name, "");
			bool same_fields =
				given(&a->section_name) == given(&b->section_name) && !a->port.value == !b->port.value;

			if (!same_parent(a, b) || (same_fields && (a->port.value != b->port.value || !same_section)))
				continue;
			hdl_decode_error(
				d, a->pos, "parentRefs",
				same_fields && (given(&a->section_name) || a->port.has) ?
					"sectionName or port must be unique when parentRefs includes 2 or more "
					"references to the same parent" :
					"sectionName or port must be specified when parentRefs includes 2 or more "
					"references to the same parent");
			break;
		}
}

static void check_rules(struct hdl_decode *d, const struct hdl_gwapi_route *route)
{
	size_t matches = 0;

	for (size_t i = 0; i < route->rules.n; i++) {
		const struct hdl_gwapi_rule *rule = &route->rules.at[i];

		matches += rule->matches.n ? rule->matches.n : 1; /* without one the schema puts in "/" */
		for (size_t j = 0; rule->name.s && j < i; j++)
			if (route->rules.at[j].name.s && !strcmp(rule->name.s, route->rules.at[j].name.s)) {
				hdl_decode_error(
					d, rule->name.pos, "rules",
					"Rule name must be unique within the route: \"%.60s\" is that of line %u",
					rule->name.s, route->rules.at[j].pos.line);
				break;
			}
	}
	if (matches > MAX_MATCHES)
		hdl_decode_error(
			d, route->pos, "rules",
			"While 16 rules and 64 matches per rule are allowed, the total number of matches across all "
			"rules must be %d or less",
			MAX_MATCHES);
}

void hdl_check_gwapi_route(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_route *route = object;
	char field[32];

	for (size_t i = 0; i < route->hostnames.n; i++) {
		snprintf(field, sizeof(field), "hostnames[%zu]", i);
		hdl_check_gwapi_hostname(d, &route->hostnames.at[i], field, true);
	}
	if (route->use_default_gateways.s && strcmp(route->use_default_gateways.s, "All") &&
	    strcmp(route->use_default_gateways.s, "None"))
		hdl_decode_error(d, route->use_default_gateways.pos, "useDefaultGateways", "must be All or None");
	if (!hdl_decode_clean(d))
		return;
	check_parents(d, route);
	check_rules(d, route);
}

void hdl_check_gwapi_tls_route(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_route *route = object;

	hdl_check_gwapi_route(d, object);
	/* v1alpha2 let it be empty; without a server name nothing tells its connections from others (F.8) */
	if (!route->hostnames.n && hdl_decode_clean(d))
		hdl_decode_error(d, route->pos, "hostnames", "is required: server names (SNI)");
}
