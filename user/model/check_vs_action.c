/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of what a VirtualService does to requests: headers, CORS, redirect, rewrite, fixed answers (A.3). */
#include "model/check.h"

#include <string.h>
#include "base/base64.h"
#include "base/str.h"
#include "model/names.h"

#define LARGE_BODY_BYTES 102400
#define MAX_BODY_BYTES 1048576

static bool given(const struct hdl_text *text)
{
	return text->s && *text->s;
}

/* ---- headers ---- */

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " ");
}

/* After the opening '[' of a list of JSON strings: to what follows its ']'. NULL: not well formed. */
static const char *skip_string_list(const char *s)
{
	for (;;) {
		s = skip_blanks(s);
		if (*s++ != '"')
			return NULL;
		for (; *s && *s != '"'; s++)
			if (*s == '\\' && s[1])
				s++;
		if (!*s)
			return NULL;
		s = skip_blanks(s + 1);
		if (*s == ']')
			return s + 1;
		if (*s++ != ',')
			return NULL;
	}
}

/* After the opening '(': to what follows ')'. */
static const char *skip_arguments(const char *s)
{
	s = skip_blanks(s);
	if (*s == '[') {
		s = skip_string_list(s + 1);
		if (!s)
			return NULL;
		s = skip_blanks(s);
		return *s == ')' ? s + 1 : NULL;
	}
	for (; *s && *s != ')'; s++)
		if (*s == '\\' && s[1])
			s++;
	return *s ? s + 1 : NULL;
}

/* %NAME%, %NAME(argument)%, %NAME(argument):20%, %NAME(["a", "b"])%; "%%" is a percent sign. Which names there are is not the question. */
static const char *format_fault(const char *s)
{
	while ((s = strchr(s, '%'))) {
		s++;
		if (*s == '%') {
			s++;
			continue;
		}
		s += strcspn(s, "%(");
		if (*s == '(') {
			s = skip_arguments(s + 1);
			if (!s)
				return "has an operator whose arguments do not end";
			s = skip_blanks(s);
			if (*s == ':') /* %REQ(name):20% is cut there */
				s += 1 + strspn(s + 1, "0123456789");
		}
		if (*s++ != '%')
			return "has a % that is neither %% nor the begin or end of an operator";
	}
	return NULL;
}

bool hdl_check_header_value(struct hdl_decode *d, struct hdl_pos pos, const char *field, const char *value)
{
	const char *fault = format_fault(value);

	for (const char *s = value; *s; s++)
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
			fault = "has a control character";
	if (fault)
		hdl_decode_error(d, pos, field, "the value \"%.60s\" %s", value, fault);
	return !fault;
}

static bool is_authority(const char *name)
{
	struct hdl_str s = hdl_str_of(name);

	return hdl_str_eq_nocase(s, HDL_STR(":authority")) || hdl_str_eq_nocase(s, HDL_STR("host"));
}

/* authority: Host may be changed here. */
static void check_operation(struct hdl_decode *d, struct hdl_pos pos, const char *field, const char *name,
			    bool authority)
{
	if (!*name)
		hdl_decode_error(d, pos, field, "a header name must not be empty");
	else if (is_authority(name) && !authority)
		hdl_decode_error(d, pos, field, "\"%.60s\" can only be set or added in a request", name);
	else if (is_authority(name))
		return;
	else if (*name == ':')
		hdl_decode_error(d, pos, field, "\"%.60s\" must not begin with \":\"", name);
	else if (!hdl_name_is_token(name))
		hdl_decode_error(d, pos, field, "\"%.60s\" is not a header name", name);
}

static void check_pairs(struct hdl_decode *d, const struct hdl_kvs *pairs, const char *field, bool authority)
{
	for (size_t i = 0; i < pairs->n; i++) {
		check_operation(d, pairs->at[i].pos, field, pairs->at[i].key, authority);
		hdl_check_header_value(d, pairs->at[i].pos, field, pairs->at[i].value);
	}
}

static void check_operations(struct hdl_decode *d, const struct hdl_vs_header_ops *ops, bool request)
{
	const char *const *field = request ? (const char *const[]){ "request.set", "request.add", "request.remove" } :
					     (const char *const[]){ "response.set", "response.add", "response.remove" };

	if (!ops)
		return;
	check_pairs(d, &ops->set, field[0], request);
	check_pairs(d, &ops->add, field[1], request);
	for (size_t i = 0; i < ops->remove.n; i++)
		if (ops->remove.at[i].s)
			check_operation(d, ops->remove.at[i].pos, field[2], ops->remove.at[i].s, false);
}

static size_t count_authority(const struct hdl_kvs *pairs, struct hdl_pos *ret_last)
{
	size_t n = 0;

	for (size_t i = 0; i < pairs->n; i++)
		if (is_authority(pairs->at[i].key) && *pairs->at[i].value) {
			n++;
			*ret_last = pairs->at[i].pos;
		}
	return n;
}

/* Host can be set in one place: rewrite (may be NULL), or one entry of set or add. */
void hdl_check_vs_authority(struct hdl_decode *d, const struct hdl_vs_rewrite *rewrite,
			    const struct hdl_vs_headers *headers)
{
	const struct hdl_vs_header_ops *request = headers ? headers->request : NULL;
	struct hdl_pos pos = { 0, 0 };
	size_t n = rewrite && given(&rewrite->authority);

	if (!request)
		return;
	n += count_authority(&request->set, &pos);
	n += count_authority(&request->add, &pos);
	if (n > 1)
		hdl_decode_error(d, pos, rewrite ? "headers" : NULL,
				 "Host is set more than once, in rewrite.authority or in request.set and request.add");
}

void hdl_check_vs_headers(struct hdl_decode *d, void *object)
{
	const struct hdl_vs_headers *headers = object;

	check_operations(d, headers->request, true);
	check_operations(d, headers->response, false);
	hdl_check_vs_authority(d, NULL, headers);
}

/* ---- CORS ---- */

static void check_methods(struct hdl_decode *d, const struct hdl_texts *methods)
{
	static const char *const known[] = { "GET",     "HEAD",    "POST",  "PUT", "PATCH", "DELETE",
					     "CONNECT", "OPTIONS", "TRACE", "*",   NULL };

	for (size_t i = 0; i < methods->n; i++) {
		const char *const *name = known;

		while (methods->at[i].s && *name && strcmp(*name, methods->at[i].s))
			name++;
		if (!*name)
			hdl_decode_error(d, methods->at[i].pos, "allowMethods",
					 "\"%.60s\" is not a method of HTTP (upper case) or \"*\"", methods->at[i].s);
	}
}

static void check_names(struct hdl_decode *d, const struct hdl_texts *names, const char *field)
{
	for (size_t i = 0; i < names->n; i++)
		if (names->at[i].s && !hdl_name_is_token(names->at[i].s))
			hdl_decode_error(d, names->at[i].pos, field, "\"%.60s\" is not a header name", names->at[i].s);
}

void hdl_check_vs_cors(struct hdl_decode *d, void *object)
{
	const struct hdl_vs_cors *cors = object;

	for (size_t i = 0; i < cors->allow_origins.n && hdl_decode_clean(d); i++) {
		const struct hdl_string_match *origin = &cors->allow_origins.at[i];

		if (!given(&origin->exact) && !given(&origin->prefix) && !given(&origin->regex))
			hdl_decode_error(d, origin->pos, "allowOrigins",
					 "an origin needs an exact, prefix or regex that is not empty");
	}
	check_methods(d, &cors->allow_methods);
	check_names(d, &cors->allow_headers, "allowHeaders");
	check_names(d, &cors->expose_headers, "exposeHeaders");
}

/* ---- redirect, fixed answer, rewrite ---- */

void hdl_check_vs_redirect(struct hdl_decode *d, void *object)
{
	const struct hdl_vs_redirect *redirect = object;
	int64_t code = redirect->redirect_code.value;

	if (given(&redirect->uri) && given(&redirect->prefix_rewrite))
		hdl_decode_error(d, redirect->pos, NULL, "has both uri and prefixRewrite");
	if (redirect->port.has && redirect->derive_port.has)
		hdl_decode_error(d, redirect->pos, NULL, "has both port and derivePort");
	if (given(&redirect->scheme) && strcmp(redirect->scheme.s, "http") && strcmp(redirect->scheme.s, "https"))
		hdl_decode_error(d, redirect->scheme.pos, "scheme", "must be http or https, not \"%.60s\"",
				 redirect->scheme.s);
	if (code && (code < 300 || code > 399))
		hdl_decode_error(d, redirect->redirect_code.pos, "redirectCode", "must be 300..399, not %lld",
				 (long long)code);
	else if (code && code > 303 && code != 307 && code != 308)
		hdl_decode_warning(d, redirect->redirect_code.pos, "redirectCode",
				   "%lld is no redirect: Istio knows only 301, 302, 303, 307 and 308", (long long)code);
	else if (code == 300)
		hdl_decode_warning(d, redirect->redirect_code.pos, "redirectCode",
				   "300 is no redirect: Istio knows only 301, 302, 303, 307 and 308");
	if (!given(&redirect->uri) && !given(&redirect->prefix_rewrite) && !given(&redirect->authority) &&
	    !given(&redirect->scheme) && !redirect->port.has && !redirect->derive_port.has && hdl_decode_clean(d))
		hdl_decode_error(d, redirect->pos, NULL,
				 "needs one of uri, prefixRewrite, authority, scheme, port and derivePort");
}

static void decode_bytes(struct hdl_decode *d, struct hdl_vs_body *body)
{
	struct hdl_str text = hdl_str_of(body->bytes.s);
	unsigned char *data = hdl_arena_alloc(d->arena, hdl_base64_bound(text.n));

	if (!data)
		d->no_memory = true;
	else if (hdl_base64_decode(text, data, &body->data_n) < 0)
		hdl_decode_error(d, body->bytes.pos, "bytes", "is not base64");
	else if (body->data_n)
		body->data = data;
}

void hdl_check_vs_body(struct hdl_decode *d, void *object)
{
	struct hdl_vs_body *body = object;
	struct hdl_pos pos = body->string.s ? body->string.pos : body->bytes.pos;

	if (body->string.s && body->bytes.s) {
		hdl_decode_error(d, body->pos, NULL, "has both string and bytes");
		return;
	}
	if (body->bytes.s)
		decode_bytes(d, body);
	if (given(&body->string)) {
		body->data = body->string.s;
		body->data_n = strlen(body->string.s);
	}
	if (body->data_n > MAX_BODY_BYTES)
		hdl_decode_error(d, pos, NULL, "is larger than 1 MB (%zu bytes, at most %d)", body->data_n,
				 MAX_BODY_BYTES);
	else if (body->data_n > LARGE_BODY_BYTES)
		hdl_decode_warning(d, pos, NULL, "is larger than 100 kB (%zu bytes)", body->data_n);
}

void hdl_check_vs_regex_rewrite(struct hdl_decode *d, void *object)
{
	const struct hdl_vs_regex_rewrite *rewrite = object;

	if (rewrite->match.s && !*rewrite->match.s)
		hdl_decode_error(d, rewrite->match.pos, "match", "must not be empty");
	if (rewrite->match.s && strlen(rewrite->match.s) > HDL_REGEX_BYTES_MAX)
		hdl_decode_error(d, rewrite->match.pos, "match", "is longer than %d characters", HDL_REGEX_BYTES_MAX);
	if (rewrite->rewrite.s && !*rewrite->rewrite.s)
		hdl_decode_error(d, rewrite->rewrite.pos, "rewrite", "must not be empty");
}

void hdl_check_vs_rewrite(struct hdl_decode *d, void *object)
{
	const struct hdl_vs_rewrite *rewrite = object;

	if (!given(&rewrite->uri) && !given(&rewrite->authority) && !rewrite->uri_regex_rewrite && hdl_decode_clean(d))
		hdl_decode_error(d, rewrite->pos, NULL, "needs one of uri, authority and uriRegexRewrite");
	if (given(&rewrite->uri) && rewrite->uri_regex_rewrite)
		hdl_decode_error(d, rewrite->pos, NULL, "has both uri and uriRegexRewrite");
}
