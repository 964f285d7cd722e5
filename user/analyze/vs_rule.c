/* SPDX-License-Identifier: Apache-2.0 */
/* Rules and matches that repeat earlier ones, by the rules of Istio's webhook (IST0130, IST0131). */
#include "analyze/an.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *an_rule_name(struct an *an, const struct hdl_text *name, size_t index)
{
	return name && name->s && *name->s ? an_printf(an, "\"%s\"", name->s) : an_printf(an, "#%zu", index);
}

/* ---- a match as text, the same for equal matches ---- */

static void add_string(struct hdl_buf *buf, const char *field, const struct hdl_string_match *m)
{
	if (m)
		hdl_buf_printf(buf, "%s %d %zu:%s\n", field, (int)hdl_string_match_kind(m),
			       strlen(hdl_string_match_value(m)), hdl_string_match_value(m));
}

static void add_text(struct hdl_buf *buf, const char *field, const char *s)
{
	if (s && *s)
		hdl_buf_printf(buf, "%s %zu:%s\n", field, strlen(s), s);
}

static void add_texts(struct hdl_buf *buf, const char *field, const struct hdl_texts *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		add_text(buf, field, texts->at[i].s);
}

static int by_match_key(const void *a, const void *b)
{
	return strcmp((*(const struct hdl_keyed_match *const *)a)->key,
		      (*(const struct hdl_keyed_match *const *)b)->key);
}

static void add_matches(struct an *an, struct hdl_buf *buf, const char *field, const struct hdl_keyed_matches *list)
{
	const struct hdl_keyed_match **sorted;

	if (!list->n)
		return;
	sorted = hdl_arena_calloc(an->arena, list->n, sizeof(struct hdl_keyed_match *));
	if (!sorted) {
		an->no_memory = true;
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		sorted[i] = &list->at[i];
	qsort(sorted, list->n, sizeof(struct hdl_keyed_match *), by_match_key);
	for (size_t i = 0; i < list->n; i++) {
		hdl_buf_printf(buf, "%s %zu:", field, strlen(sorted[i]->key));
		add_string(buf, sorted[i]->key, &sorted[i]->match);
	}
}

static const char *take(struct an *an, struct hdl_buf *buf)
{
	const char *text = buf->p && !buf->failed ? an_strdup(an, buf->p) : "";

	an->no_memory = an->no_memory || buf->failed;
	hdl_buf_done(buf);
	return text;
}

static const char *http_key(struct an *an, const struct hdl_vs_match *m)
{
	struct hdl_buf buf = { 0 };

	add_string(&buf, "uri", m->uri);
	add_string(&buf, "scheme", m->scheme);
	add_string(&buf, "method", m->method);
	add_string(&buf, "authority", m->authority);
	add_matches(an, &buf, "header", &m->headers);
	add_matches(an, &buf, "query", &m->query_params);
	add_matches(an, &buf, "without", &m->without_headers);
	hdl_buf_printf(&buf, "port %lld case %d\n", (long long)m->port.value, m->ignore_uri_case.value);
	add_text(&buf, "labels", an_selector_text(an, &m->source_labels));
	add_text(&buf, "namespace", m->source_namespace.s);
	add_texts(&buf, "gateway", &m->gateways);
	add_text(&buf, "stat", m->stat_prefix.s);
	return take(an, &buf);
}

static const char *l4_key(struct an *an, const struct hdl_vs_l4_match *m)
{
	struct hdl_buf buf = { 0 };

	add_texts(&buf, "sni", &m->sni_hosts);
	add_texts(&buf, "subnet", &m->destination_subnets);
	hdl_buf_printf(&buf, "port %lld\n", (long long)m->port.value);
	add_text(&buf, "labels", an_selector_text(an, &m->source_labels));
	add_texts(&buf, "gateway", &m->gateways);
	add_text(&buf, "namespace", m->source_namespace.s);
	add_text(&buf, "source", m->source_subnet.s);
	return take(an, &buf);
}

/* ---- equal matches ---- */

/* A list of rules of one kind: http, tcp or tls. */
struct rules {
	const struct hdl_vs_http *http; /* NULL: l4 */
	const struct hdl_vs_l4_route *l4;
	size_t n;
	bool *unreachable; /* parallel */
};

static size_t match_count(const struct rules *rules, size_t i)
{
	return rules->http ? rules->http[i].match.n : rules->l4[i].match.n;
}

static const char *rule_name(struct an *an, const struct rules *rules, size_t i)
{
	return an_rule_name(an, rules->http ? &rules->http[i].name : NULL, i);
}

static void report_unused(struct an *an, const struct an_vs *vs, const struct rules *rules, size_t i, const char *why)
{
	an_report(an, HDL_AN_UNREACHABLE_RULE, vs->res, rules->http ? rules->http[i].pos : rules->l4[i].pos,
		  rule_name(an, rules, i), why);
	if (rules->unreachable)
		rules->unreachable[i] = true;
}

/* 1 the match repeats one of an earlier rule. */
static size_t check_match(struct an *an, const struct an_vs *vs, const struct rules *rules, struct hdl_xl_map *seen,
			  size_t i, size_t k)
{
	const struct hdl_vs_match *http = rules->http ? &rules->http[i].match.at[k] : NULL;
	const char *key = http ? http_key(an, http) : l4_key(an, &rules->l4[i].match.at[k]);
	const size_t *earlier = hdl_xl_map_get(seen, key);
	size_t *rule;

	if (earlier) {
		an_report(an, HDL_AN_INEFFECTIVE_MATCH, vs->res, http ? http->pos : rules->l4[i].match.at[k].pos,
			  rule_name(an, rules, i), an_rule_name(an, http ? &http->name : NULL, k),
			  rule_name(an, rules, *earlier));
		return 1;
	}
	rule = hdl_arena_alloc(an->arena, sizeof(*rule));
	if (!rule || hdl_xl_map_put(seen, an->arena, key, rule) < 0) {
		an->no_memory = true;
		return 0;
	}
	*rule = i;
	return 0;
}

static void check_equal(struct an *an, const struct an_vs *vs, const struct rules *rules)
{
	struct hdl_xl_map seen = { 0 };
	bool open = false; /* there was a rule without matches */

	for (size_t i = 0; i < rules->n && !an->no_memory; i++) {
		size_t n = match_count(rules, i), doubles = 0;

		if (n == 0 && open)
			report_unused(an, vs, rules, i, "only the last rule can have no matches");
		if (n && open)
			report_unused(an, vs, rules, i, "route without matches defined before");
		for (size_t k = 0; k < n && !open; k++)
			doubles += check_match(an, vs, rules, &seen, i, k);
		if (n && doubles == n)
			report_unused(an, vs, rules, i, "all matches used by prior rules");
		open = open || n == 0;
	}
}

/* ---- prefixes that begin with an earlier one ---- */

/* A match by prefix, in the form in which the webhook compares. */
struct prefix {
	const struct hdl_vs_match *match;
	const char *rule, *name, *prefix;
	const char *method, *authority; /* "ex VALUE", "pr VALUE" or "" */
};

static const char *tagged(struct an *an, const struct hdl_string_match *m)
{
	return m && m->exact.s && *m->exact.s   ? an_printf(an, "ex %s", m->exact.s) :
	       m && m->prefix.s && *m->prefix.s ? an_printf(an, "pr %s", m->prefix.s) :
						  "";
}

static bool starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static const struct hdl_string_match *find_match(const struct hdl_keyed_matches *list, const char *key)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->at[i].key, key) == 0)
			return &list->at[i].match;
	return NULL;
}

/* tagged(a) begins with tagged(b). */
static bool tagged_covers(const struct hdl_string_match *a, const struct hdl_string_match *b)
{
	bool exact = b->exact.s && *b->exact.s;
	const char *value = exact ? b->exact.s : b->prefix.s && *b->prefix.s ? b->prefix.s : NULL;
	const char *of_a = exact || (a->exact.s && *a->exact.s) ? a->exact.s : a->prefix.s;

	if (!value)
		return true;
	if (!exact && a->exact.s && *a->exact.s)
		return false;
	return of_a && starts_with(of_a, value);
}

static bool maps_cover(const struct hdl_keyed_matches *a, const struct hdl_keyed_matches *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct hdl_string_match *other = find_match(b, a->at[i].key);

		if (!other || !tagged_covers(&a->at[i].match, other))
			return false;
	}
	return true;
}

static bool prefix_covers(const struct prefix *a, const struct prefix *b)
{
	return starts_with(b->prefix, a->prefix) && strcmp(a->prefix, b->prefix) != 0 &&
	       a->match->port.value == b->match->port.value && starts_with(a->method, b->method) &&
	       starts_with(a->authority, b->authority) && maps_cover(&a->match->headers, &b->match->headers) &&
	       maps_cover(&a->match->query_params, &b->match->query_params) &&
	       maps_cover(&a->match->without_headers, &b->match->without_headers);
}

static void report_covered(struct an *an, const struct an_vs *vs, const struct prefix *a, const struct prefix *b)
{
	an_report(an, HDL_AN_INEFFECTIVE_MATCH, vs->res, b->match->pos, b->rule,
		  an_printf(an, "%s of prefix %s", b->name, b->prefix),
		  an_printf(an, "%s of prefix %s on %s", a->name, a->prefix, a->rule));
}

static size_t count_matches(const struct hdl_virtual_service *spec)
{
	size_t n = 0;

	for (size_t i = 0; i < spec->http.n && n < HDL_AN_BLOCKS_MAX; i++)
		n += spec->http.at[i].match.n;
	return n < HDL_AN_BLOCKS_MAX ? n : HDL_AN_BLOCKS_MAX;
}

/* list has room for count_matches(). */
static size_t collect_prefixes(struct an *an, const struct an_vs *vs, struct prefix *list)
{
	size_t n = 0;

	for (size_t i = 0; i < vs->spec->http.n; i++) {
		const struct hdl_vs_http *http = &vs->spec->http.at[i];

		if (!http->match.n)
			break; /* nothing behind it is compared */
		for (size_t k = 0; k < http->match.n && n < HDL_AN_BLOCKS_MAX; k++) {
			const struct hdl_vs_match *m = &http->match.at[k];

			if (!m->uri || !m->uri->prefix.s || !*m->uri->prefix.s)
				continue;
			list[n++] = (struct prefix){
				.match = m,
				.rule = an_rule_name(an, &http->name, i),
				.name = an_rule_name(an, &m->name, k),
				.prefix = m->uri->prefix.s,
				.method = *tagged(an, m->method) ? tagged(an, m->method) : "ex GET",
				.authority = tagged(an, m->authority),
			};
		}
	}
	return n;
}

static void check_prefixes(struct an *an, const struct an_vs *vs)
{
	struct prefix *list = calloc(count_matches(vs->spec) + 1, sizeof(*list));
	size_t n;

	if (!list) {
		an->no_memory = true;
		return;
	}
	n = collect_prefixes(an, vs, list);
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n && !an->no_memory; k++)
			if (prefix_covers(&list[i], &list[k]))
				report_covered(an, vs, &list[i], &list[k]);
	free(list);
}

static void check_vs(struct an *an, const struct an_vs *vs)
{
	const struct hdl_virtual_service *spec = vs->spec;
	bool *unreachable = hdl_arena_calloc(an->arena, spec->http.n + 1, sizeof(*unreachable));

	if (!unreachable) {
		an->no_memory = true;
		return;
	}
	check_equal(an, vs, &(struct rules){ .http = spec->http.at, .n = spec->http.n, .unreachable = unreachable });
	check_equal(an, vs, &(struct rules){ .l4 = spec->tcp.at, .n = spec->tcp.n });
	check_equal(an, vs, &(struct rules){ .l4 = spec->tls.at, .n = spec->tls.n });
	if (spec->http.n > 1)
		check_prefixes(an, vs);
	an_vs_coverage(an, vs, unreachable);
}

void an_vs_rules(struct an *an)
{
	for (size_t i = 0; i < an->vs_count && !an->no_memory; i++)
		check_vs(an, &an->vs[i]);
}
