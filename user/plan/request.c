/* SPDX-License-Identifier: Apache-2.0 */
/* Example requests: one that a match block takes, and what the block leaves open. */
#include <errno.h>
#include <string.h>
#include "plan/priv.h"

#define TEXT_MAX 4000

/* A value that the condition takes, into the arena. 1; 0: none found; -ENOMEM. */
static int value_for(struct hdl_arena *arena, const struct hdl_ir_string_match *match, const char *otherwise,
		     const char **ret)
{
	char text[TEXT_MAX];

	switch (match->kind) {
	case HDL_IR_MATCH_EXACT:
	case HDL_IR_MATCH_PREFIX:
	case HDL_IR_MATCH_SEGMENTS:
		*ret = hdl_arena_strndup(arena, match->value.p, match->value.n);
		return *ret ? 1 : -ENOMEM;
	case HDL_IR_MATCH_REGEX:
		if (!hdl_preview_sample(match->value, text, sizeof(text)))
			return 0;
		*ret = hdl_arena_strdup(arena, text);
		return *ret ? 1 : -ENOMEM;
	default:
		*ret = otherwise;
		return 1;
	}
}

static int path_for(struct hdl_arena *arena, const struct hdl_ir_http_match *match, const char **ret)
{
	int r = match ? value_for(arena, &match->uri, "/", ret) : 1;

	if (!match)
		*ret = "/";
	if (r > 0 && (*ret)[0] != '/')
		*ret = hdl_arena_printf(arena, "/%s", *ret);
	return r > 0 && !*ret ? -ENOMEM : r;
}

static int add_query(struct hdl_arena *arena, const struct hdl_ir_http_match *match, const char **path)
{
	for (size_t i = 0; i < match->query_count; i++) {
		const struct hdl_ir_named_match *query = &match->query[i];
		const char *value;
		int r = value_for(arena, &query->match, "1", &value);

		if (r <= 0)
			return r;
		*path = hdl_arena_printf(arena, "%s%c" HDL_STR_FMT "=%s", *path, i ? '&' : '?',
					 HDL_STR_ARG(query->name), value);
		if (!*path)
			return -ENOMEM;
	}
	return 1;
}

static int add_headers(struct hdl_arena *arena, const struct hdl_ir_http_match *match,
		       struct hdl_preview_request *request)
{
	for (size_t i = 0; i < match->header_count; i++) {
		const struct hdl_ir_named_match *from = &match->headers[i];
		struct hdl_preview_header *header = &request->header[request->header_count];
		int r;

		if (request->header_count == HDL_PREVIEW_HEADERS_MAX)
			return 0;
		r = value_for(arena, &from->match, "1", &header->value);
		if (r <= 0)
			return r;
		header->name = hdl_arena_strndup(arena, from->name.p, from->name.n);
		if (!header->name)
			return -ENOMEM;
		request->header_count++;
	}
	return 1;
}

static int authority_for(struct hdl_arena *arena, const char *domain, const struct hdl_ir_http_match *match,
			 const char **ret)
{
	if (match && match->authority.kind != HDL_IR_MATCH_UNSET)
		return value_for(arena, &match->authority, "", ret);
	*ret = domain[0] == '*' ? hdl_arena_printf(arena, "example%s", domain[1] ? domain + 1 : ".com") : domain;
	return *ret ? 1 : -ENOMEM;
}

/* A value of a header ends in blanks no more when it arrives. */
static bool is_field_value(const char *p)
{
	size_t n = strlen(p);

	if (n && (p[0] == ' ' || p[n - 1] == ' '))
		return false;
	while (*p && (unsigned char)*p >= ' ' && *p != 0x7f)
		p++;
	return !*p;
}

static bool has_no(const char *p, const char *others)
{
	while ((unsigned char)*p > ' ' && *p != 0x7f && !strchr(others, *p))
		p++;
	return !*p;
}

/* A condition may ask for what no request can have, such as a blank in a query. */
static bool can_be_sent(const struct hdl_preview_request *request)
{
	if (!*request->method || !has_no(request->method, "/:") || !*request->authority ||
	    !has_no(request->authority, "/?#@") || !has_no(request->path, "#"))
		return false;
	for (size_t i = 0; i < request->header_count; i++)
		if (!is_field_value(request->header[i].value))
			return false;
	return true;
}

/* Who sends it. 1, 0 or -ENOMEM. */
static int add_client(struct hdl_arena *arena, const struct hdl_preview_wanted *wanted,
		      const struct hdl_ir_http_match *match, struct hdl_preview_request *request,
		      const struct hdl_ir_workload **ret)
{
	static const struct hdl_ir_labels none;
	const struct hdl_ir_workload *client;
	int r = hdl_preview_client_for(arena, wanted, match ? &match->source_labels : &none,
				       match ? match->source_namespace : "", &client);

	if (r <= 0)
		return r;
	if (client)
		request->client = hdl_preview_client_text(arena, client);
	else if (wanted->not_for != wanted->until)
		request->client = "no pod";
	*ret = client;
	return request->client ? 1 : -ENOMEM;
}

int hdl_preview_request_make(struct hdl_arena *arena, const struct hdl_preview_wanted *wanted, uint16_t port,
			     const char *domain, const struct hdl_ir_http_match *match, struct hdl_preview_request *ret,
			     const struct hdl_ir_workload **ret_client)
{
	struct hdl_preview_request request = { .method = "GET", .scheme = "http", .client = "" };
	int r = authority_for(arena, domain, match, &request.authority);

	if (match && match->port && match->port != port)
		return 0;
	if (r > 0)
		r = path_for(arena, match, &request.path);
	if (r > 0 && match)
		r = value_for(arena, &match->method, "GET", &request.method);
	if (r > 0 && match)
		r = value_for(arena, &match->scheme, "http", &request.scheme);
	if (r > 0 && match)
		r = add_query(arena, match, &request.path);
	if (r > 0 && match)
		r = add_headers(arena, match, &request);
	if (r > 0)
		r = add_client(arena, wanted, match, &request, ret_client);
	if (r > 0 && !can_be_sent(&request))
		return 0;
	if (r > 0)
		*ret = request;
	return r;
}

int hdl_preview_request_copy(struct hdl_arena *arena, const struct hdl_preview_request *request,
			     struct hdl_preview_request *ret)
{
	struct hdl_preview_request copy = *request;
	bool failed;

	copy.method = hdl_arena_strdup(arena, request->method);
	copy.authority = hdl_arena_strdup(arena, request->authority);
	copy.path = hdl_arena_strdup(arena, request->path);
	copy.scheme = hdl_arena_strdup(arena, request->scheme);
	copy.client = hdl_arena_strdup(arena, request->client);
	failed = !copy.method || !copy.authority || !copy.path || !copy.scheme || !copy.client;
	for (size_t i = 0; i < request->header_count; i++) {
		copy.header[i].name = hdl_arena_strdup(arena, request->header[i].name);
		copy.header[i].value = hdl_arena_strdup(arena, request->header[i].value);
		failed |= !copy.header[i].name || !copy.header[i].value;
	}
	if (failed)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

/* ---- variations ---- */

static bool is_named(const struct hdl_ir_named_match *conditions, size_t n, struct hdl_str name)
{
	for (size_t i = 0; i < n; i++)
		if (hdl_str_eq(conditions[i].name, name))
			return true;
	return false;
}

/* With the headers whose absence rules before this one ask for. 1; 0: there are none; -ENOMEM. */
static int add_missed(struct hdl_arena *arena, const struct hdl_ir_vhost *vhost, const struct hdl_ir_http_route *route,
		      const struct hdl_ir_http_match *match, struct hdl_preview_request *request)
{
	const struct hdl_ir_named_match *own = match ? match->without_headers : NULL;
	size_t own_count = match ? match->without_header_count : 0, before = request->header_count;

	for (const struct hdl_ir_http_route *r = vhost->routes; r <= route; r++)
		for (size_t i = 0; i < r->match_count; i++) {
			struct hdl_ir_http_match missed = { .headers = r->matches[i].without_headers };

			for (size_t k = 0; k < r->matches[i].without_header_count; k++, missed.headers++) {
				int done;

				if (is_named(own, own_count, missed.headers->name))
					continue;
				missed.header_count = 1;
				done = add_headers(arena, &missed, request);
				if (done <= 0)
					return done;
			}
		}
	return request->header_count != before && can_be_sent(request);
}

/* A longer path that the condition takes as well. 1, 0 or -ENOMEM. */
static int lengthen_path(struct hdl_arena *arena, const struct hdl_ir_http_match *match,
			 struct hdl_preview_request *request)
{
	size_t n = strcspn(request->path, "?");

	if (match && (match->uri.kind == HDL_IR_MATCH_EXACT || match->uri.kind == HDL_IR_MATCH_REGEX))
		return 0;
	request->path = hdl_arena_printf(arena, "%.*s%sexample%s", (int)n, request->path,
					 n && request->path[n - 1] == '/' ? "" : "/", request->path + n);
	return request->path ? 1 : -ENOMEM;
}

int hdl_preview_request_vary(struct hdl_arena *arena, const struct hdl_ir_vhost *vhost,
			     const struct hdl_ir_http_route *route, const struct hdl_ir_http_match *match,
			     unsigned int how, struct hdl_preview_request *request)
{
	int r = 1;

	if (how & HDL_PREVIEW_LONGER_PATH)
		r = lengthen_path(arena, match, request);
	if (r > 0 && (how & HDL_PREVIEW_OTHER_METHOD)) {
		r = !match || match->method.kind == HDL_IR_MATCH_UNSET;
		request->method = "POST";
	}
	if (r > 0 && (how & HDL_PREVIEW_MISSED_HEADERS))
		r = add_missed(arena, vhost, route, match, request);
	return r;
}
