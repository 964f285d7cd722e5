/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that are never used because earlier ones are wider, and rules that are missing at the end (HDL0004, HDL0005). */
#include "analyze/an.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- is every value that b allows allowed by a ---- */

static bool starts_with(const char *s, const char *prefix, bool no_case)
{
	size_t n = strlen(prefix);

	return no_case ? strncasecmp(s, prefix, n) == 0 : strncmp(s, prefix, n) == 0;
}

static bool has_letters(const char *s)
{
	return strpbrk(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL;
}

static bool equal(const char *a, const char *b, bool no_case)
{
	return no_case ? strcasecmp(a, b) == 0 : strcmp(a, b) == 0;
}

/* a and b: conditions on one value; no_case of a. b NULL: none. */
static bool string_covers(const struct hdl_string_match *a, const struct hdl_string_match *b, bool no_case)
{
	if (!a || (a->regex.s && strcmp(a->regex.s, ".*") == 0) || (a->prefix.s && !*a->prefix.s))
		return true;
	if (!b)
		return false;
	switch (hdl_string_match_kind(a)) {
	case HDL_MATCH_PRESENT:
		return true;
	case HDL_MATCH_EXACT:
		return b->exact.s && equal(b->exact.s, a->exact.s, no_case);
	case HDL_MATCH_PREFIX:
		return (b->exact.s && starts_with(b->exact.s, a->prefix.s, no_case)) ||
		       (b->prefix.s && starts_with(b->prefix.s, a->prefix.s, no_case));
	case HDL_MATCH_REGEX:
		return b->regex.s && strcmp(b->regex.s, a->regex.s) == 0;
	}
	return false;
}

static bool uri_covers(const struct hdl_vs_match *a, const struct hdl_vs_match *b)
{
	/* every path begins with it */
	if (!a->uri || (a->uri->prefix.s && strcmp(a->uri->prefix.s, "/") == 0))
		return true;
	/* a with case, b without: letters of the other case are b's alone */
	if (b->uri && b->ignore_uri_case.value && !a->ignore_uri_case.value &&
	    has_letters(hdl_string_match_value(a->uri)))
		return false;
	return string_covers(a->uri, b->uri, a->ignore_uri_case.value);
}

static const struct hdl_string_match *find(const struct hdl_keyed_matches *list, const char *key, bool no_case)
{
	for (size_t i = 0; i < list->n; i++)
		if (equal(list->at[i].key, key, no_case))
			return &list->at[i].match;
	return NULL;
}

static bool matches_cover(const struct hdl_keyed_matches *a, const struct hdl_keyed_matches *b, bool no_case)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct hdl_string_match *other = find(b, a->at[i].key, no_case);

		if (!other || !string_covers(&a->at[i].match, other, false))
			return false;
	}
	return true;
}

/* What a excludes, b excludes in the same words. */
static bool withouts_cover(const struct hdl_keyed_matches *a, const struct hdl_keyed_matches *b)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct hdl_string_match *other = find(b, a->at[i].key, true);

		if (!other || hdl_string_match_kind(other) != hdl_string_match_kind(&a->at[i].match) ||
		    strcmp(hdl_string_match_value(other), hdl_string_match_value(&a->at[i].match)) != 0)
			return false;
	}
	return true;
}

static bool has_text(const struct hdl_texts *texts, const char *s)
{
	for (size_t i = 0; i < texts->n; i++)
		if (strcmp(texts->at[i].s, s) == 0)
			return true;
	return false;
}

/* A.4: gateways of a match replace those of the VirtualService, and then nothing else about the client counts. */
static bool clients_cover(const struct hdl_virtual_service *spec, const struct hdl_vs_match *a,
			  const struct hdl_vs_match *b)
{
	const struct hdl_texts *of_b = b->gateways.n ? &b->gateways : &spec->gateways;

	if (a->gateways.n) {
		if (!of_b->n)
			return has_text(&a->gateways, "mesh");
		for (size_t i = 0; i < of_b->n; i++)
			if (!has_text(&a->gateways, of_b->at[i].s))
				return false;
		return true;
	}
	for (size_t i = 0; i < b->gateways.n; i++)
		if (!(spec->gateways.n ? has_text(&spec->gateways, b->gateways.at[i].s) :
					 strcmp(b->gateways.at[i].s, "mesh") == 0))
			return false;
	if (b->gateways.n)
		return !a->source_labels.n && !a->source_namespace.s;
	return an_labels_contain(&b->source_labels, &a->source_labels) &&
	       (!a->source_namespace.s ||
		(b->source_namespace.s && strcmp(a->source_namespace.s, b->source_namespace.s) == 0));
}

static bool covers(const struct hdl_virtual_service *spec, const struct hdl_vs_match *a, const struct hdl_vs_match *b)
{
	return uri_covers(a, b) && (!a->port.has || (b->port.has && a->port.value == b->port.value)) &&
	       string_covers(a->method, b->method, false) && string_covers(a->scheme, b->scheme, false) &&
	       string_covers(a->authority, b->authority, true) && matches_cover(&a->headers, &b->headers, true) &&
	       matches_cover(&a->query_params, &b->query_params, false) &&
	       withouts_cover(&a->without_headers, &b->without_headers) && clients_cover(spec, a, b);
}

bool an_match_is_open(const struct hdl_vs_match *m)
{
	static const struct hdl_virtual_service any;
	static const struct hdl_vs_match all;

	return covers(&any,
		      &(struct hdl_vs_match){ .uri = m->uri,
					      .ignore_uri_case = m->ignore_uri_case,
					      .method = m->method,
					      .scheme = m->scheme,
					      .authority = m->authority,
					      .headers = m->headers,
					      .query_params = m->query_params,
					      .without_headers = m->without_headers },
		      &all);
}

/* ---- rules behind wider ones ---- */

struct cover {
	const struct an_vs *vs;
	size_t blocks; /* compared so far, against HDL_AN_BLOCKS_MAX squared */
	bool limited;
};

/* The match block of an earlier rule that covers b; *ret_rule says which. */
static const struct hdl_vs_match *covering(struct cover *cover, size_t rule, const struct hdl_vs_match *b,
					   size_t *ret_rule)
{
	const struct hdl_virtual_service *spec = cover->vs->spec;

	for (size_t i = 0; i < rule; i++) {
		const struct hdl_vs_http *http = &spec->http.at[i];

		/* what a delegate does not match goes on to the rules behind */
		for (size_t k = 0; k < http->match.n && !http->delegate; k++) {
			if (++cover->blocks > (size_t)HDL_AN_BLOCKS_MAX * HDL_AN_BLOCKS_MAX) {
				cover->limited = true;
				return NULL;
			}
			if (covers(spec, &http->match.at[k], b)) {
				*ret_rule = i;
				return &http->match.at[k];
			}
		}
	}
	return NULL;
}

static const char *uri_text(struct an *an, const struct hdl_vs_match *m)
{
	static const char *const words[] = { "", "exact", "prefix", "regex" };

	if (!m->uri && m->headers.n)
		return an_printf(an, "headers.%s", m->headers.at[0].key);
	if (!m->uri)
		return "without uri";
	return an_printf(an, "uri.%s: %s", words[hdl_string_match_kind(m->uri)], hdl_string_match_value(m->uri));
}

static void check_rule(struct an *an, struct cover *cover, size_t index)
{
	static const struct hdl_vs_match all;
	const struct an_vs *vs = cover->vs;
	const struct hdl_vs_http *http = &vs->spec->http.at[index];
	struct an_finding finding = { .type = HDL_AN_COVERED_RULE, .res = vs->res, .pos = http->pos };
	const char *name = an_rule_name(an, &http->name, index), *first = NULL;
	size_t n = http->match.n ? http->match.n : 1;

	for (size_t k = 0; k < n; k++) {
		const struct hdl_vs_match *m = http->match.n ? &http->match.at[k] : &all, *wider;
		size_t rule = 0;

		wider = covering(cover, index, m, &rule);
		if (!wider)
			return;
		if (!first)
			first = an_rule_name(an, &vs->spec->http.at[rule].name, rule);
		an_place(an, &finding, vs->res, wider->pos, "rule %s, %s",
			 an_rule_name(an, &vs->spec->http.at[rule].name, rule), uri_text(an, wider));
		an_place(an, &finding, vs->res, http->match.n ? m->pos : http->pos, "rule %s, %s", name,
			 http->match.n ? uri_text(an, m) : "without match");
	}
	finding.text = an_printf(an, "Rule %s is never used: every request that it matches is taken by rule %s%s", name,
				 first, n > 1 ? " and others before it" : "");
	finding.suggestion = an_printf(an, "move rule %s before rule %s, or remove it", name, first);
	an_say(an, &finding);
}

/* ---- the last rule ---- */

static bool has_catch_all(const struct hdl_virtual_service *spec)
{
	for (size_t i = 0; i < spec->http.n; i++) {
		const struct hdl_vs_http *http = &spec->http.at[i];

		if (!http->match.n)
			return true;
		for (size_t k = 0; k < http->match.n; k++)
			if (an_match_is_open(&http->match.at[k]))
				return true;
	}
	return false;
}

static void check_last(struct an *an, const struct an_vs *vs)
{
	const struct hdl_virtual_service *spec = vs->spec;
	const struct hdl_vs_http *last = spec->http.n ? &spec->http.at[spec->http.n - 1] : NULL;
	struct an_finding finding = { .type = HDL_AN_NO_CATCH_ALL, .res = vs->res, .info = !vs->mesh };

	/* a delegate has no hosts: the root has the last rule */
	if (!last || !spec->hosts.n || has_catch_all(spec))
		return;
	finding.pos = last->pos;
	finding.text = an_printf(an,
				 "Every http rule for %s has conditions: a request that meets none of them gets 404 "
				 "with the flag NR",
				 spec->hosts.at[0].s);
	finding.suggestion = an_printf(an, "a last rule without match: - route: [{destination: {host: %s}}]",
				       last->route.n ? last->route.at[0].destination->host.s : spec->hosts.at[0].s);
	for (size_t i = 0; i < spec->http.n && i < 8; i++)
		an_place(an, &finding, vs->res, spec->http.at[i].match.at[0].pos, "spec.http[%zu].match", i);
	an_say(an, &finding);
}

void an_vs_coverage(struct an *an, const struct an_vs *vs, const bool *unreachable)
{
	struct cover cover = { .vs = vs };

	for (size_t i = 1; i < vs->spec->http.n && !an->no_memory && !cover.limited; i++)
		if (!unreachable[i])
			check_rule(an, &cover, i);
	if (cover.limited)
		an_say_limit(an, vs->res,
			     "It has too many matches: not all of them are compared with the earlier ones");
	check_last(an, vs);
}
