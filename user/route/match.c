/* SPDX-License-Identifier: Apache-2.0 */
/* Matching of a request against the rules of a virtual host (specification B.2). */
#include "route/table.h"

#include "http/path.h"
#include "re/re.h"
#include "route/rewrite.h"

/*
 * A block is tried in two rounds, so that no regular expression runs for a request that a comparison rules out: first
 * everything else, then the expressions.
 */
enum round { ROUND_CHEAP, ROUND_REGEX };

static bool in_round(const struct hdl_ir_string_match *m, enum round round)
{
	return m->kind != HDL_IR_MATCH_UNSET && (m->kind == HDL_IR_MATCH_REGEX) == (round == ROUND_REGEX);
}

static bool value_matches(const struct hdl_ir_string_match *m, struct hdl_str value)
{
	switch (m->kind) {
	case HDL_IR_MATCH_EXACT:
		return hdl_str_eq(value, m->value);
	case HDL_IR_MATCH_PREFIX:
		return hdl_str_starts(value, m->value);
	case HDL_IR_MATCH_REGEX:
		return hdl_re_full_match(m->re, value);
	case HDL_IR_MATCH_SEGMENTS: /* F.2: /a has /a, /a/ and /a/b under it, but not /ab */
		return hdl_str_starts(value, m->value) && (value.n == m->value.n || value.p[m->value.n] == '/');
	case HDL_IR_MATCH_UNSET:
	case HDL_IR_MATCH_PRESENT:
		break;
	}
	return true;
}

static bool uri_matches(const struct hdl_ir_http_match *m, struct hdl_str path)
{
	if (m->ignore_uri_case && m->uri.kind == HDL_IR_MATCH_EXACT)
		return hdl_str_eq_nocase(path, m->uri.value);
	if (m->ignore_uri_case && m->uri.kind == HDL_IR_MATCH_PREFIX)
		return hdl_str_starts_nocase(path, m->uri.value);
	return value_matches(&m->uri, path);
}

/* Each line of the header on its own; any of them will do. */
static bool header_matches(const struct hdl_ir_named_match *m, const struct hdl_http_head *head)
{
	const struct hdl_http_header *line = hdl_http_headers_find(&head->headers, m->name);

	for (; line; line = hdl_http_headers_next(&head->headers, line))
		if (value_matches(&m->match, line->value))
			return true;
	return false;
}

/* A missing header counts as an empty text, except for presence. */
static bool without_header_matches(const struct hdl_ir_named_match *m, const struct hdl_http_head *head)
{
	if (header_matches(m, head))
		return false;
	if (m->match.kind == HDL_IR_MATCH_PRESENT || hdl_http_headers_find(&head->headers, m->name))
		return true;
	return !value_matches(&m->match, (struct hdl_str){ "", 0 });
}

static bool query_matches(const struct hdl_ir_named_match *m, const struct hdl_http_head *head)
{
	struct hdl_str value;

	return hdl_http_query_get(head->query, m->name, &value) && value_matches(&m->match, value);
}

/* wanted is a subset of labels; both are sorted by key. */
static bool labels_match(const struct hdl_ir_labels *wanted, const struct hdl_ir_labels *labels)
{
	size_t at = 0;

	for (size_t i = 0; i < wanted->n; i++) {
		while (at < labels->n && strcmp(labels->v[at].key, wanted->v[i].key) < 0)
			at++;
		if (at == labels->n || strcmp(labels->v[at].key, wanted->v[i].key) != 0 ||
		    strcmp(labels->v[at].value, wanted->v[i].value) != 0)
			return false;
	}
	return true;
}

static bool source_matches(const struct hdl_ir_http_match *m, const struct hdl_route_client *client)
{
	if (m->source_namespace[0] && (!client->workload || strcmp(client->workload->ns, m->source_namespace) != 0))
		return false;
	return m->source_labels.n == 0 ||
	       (client->workload && labels_match(&m->source_labels, &client->workload->labels));
}

static bool named_match(const struct hdl_ir_http_match *m, const struct hdl_http_head *head, enum round round)
{
	for (size_t i = 0; i < m->header_count; i++)
		if (in_round(&m->headers[i].match, round) && !header_matches(&m->headers[i], head))
			return false;
	for (size_t i = 0; i < m->without_header_count; i++)
		if (in_round(&m->without_headers[i].match, round) &&
		    !without_header_matches(&m->without_headers[i], head))
			return false;
	for (size_t i = 0; i < m->query_count; i++)
		if (in_round(&m->query[i].match, round) && !query_matches(&m->query[i], head))
			return false;
	return true;
}

static bool round_matches(const struct hdl_ir_http_match *m, const struct hdl_http_head *head, struct hdl_str path,
			  enum round round)
{
	if (in_round(&m->method, round) && !value_matches(&m->method, head->method_text))
		return false;
	if (in_round(&m->uri, round) && !uri_matches(m, path))
		return false;
	if (in_round(&m->authority, round) && !value_matches(&m->authority, head->authority))
		return false;
	if (in_round(&m->scheme, round) && !value_matches(&m->scheme, hdl_route_scheme(head)))
		return false;
	return named_match(m, head, round);
}

static bool block_matches(const struct hdl_ir_http_match *m, const struct hdl_http_head *head, struct hdl_str path,
			  const struct hdl_route_client *client)
{
	return (!m->port || m->port == client->port) && source_matches(m, client) &&
	       round_matches(m, head, path, ROUND_CHEAP) && round_matches(m, head, path, ROUND_REGEX);
}

static const struct hdl_ir_http_route *first_match(const struct hdl_ir_vhost *vhost, const struct hdl_http_head *head,
						   struct hdl_str path, const struct hdl_route_client *client,
						   const struct hdl_ir_http_match **ret_match)
{
	for (size_t i = 0; i < vhost->route_count; i++) {
		const struct hdl_ir_http_route *route = &vhost->routes[i];

		if (route->match_count == 0) {
			*ret_match = NULL;
			return route;
		}
		for (size_t k = 0; k < route->match_count; k++)
			if (block_matches(&route->matches[k], head, path, client)) {
				*ret_match = &route->matches[k];
				return route;
			}
	}
	return NULL;
}

/* Some rule is for this client, whatever it asks for. */
static bool has_rules_for(const struct hdl_ir_vhost *vhost, const struct hdl_route_client *client)
{
	for (size_t i = 0; i < vhost->route_count; i++) {
		if (vhost->routes[i].match_count == 0)
			return true;
		for (size_t k = 0; k < vhost->routes[i].match_count; k++)
			if (source_matches(&vhost->routes[i].matches[k], client))
				return true;
	}
	return false;
}

const struct hdl_ir_http_route *hdl_route_match(const struct hdl_ir_vhost *vhost, const struct hdl_http_head *head,
						struct hdl_str path, const struct hdl_route_client *client,
						const struct hdl_ir_http_match **ret_match)
{
	if (head->method == HDL_HTTP_CONNECT) /* only special routes take it, and there are none */
		return NULL;
	while (vhost) {
		const struct hdl_ir_http_match *match;
		const struct hdl_ir_http_route *route = first_match(vhost, head, path, client, &match);

		if (route && ret_match)
			*ret_match = match;
		if (route)
			return route;
		/* A.4: the VirtualService of which no rule is for this client does not have the host, as it sees it */
		vhost = vhost->otherwise && !has_rules_for(vhost, client) ? vhost->otherwise : NULL;
	}
	return NULL;
}
