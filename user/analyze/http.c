/* SPDX-License-Identifier: Apache-2.0 */
/* Single http rules: regular expressions, faults, mirrors, weights (HDL0011 to HDL0014, HDL0020). */
#include "analyze/an.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MIRROR_SAFE "heddle.io/mirror-safe"

struct rule {
	const struct an_vs *vs;
	const struct hdl_vs_http *http;
	size_t index;
};

static struct an_finding finding_of(const struct rule *rule, enum hdl_an_type type, struct hdl_pos pos)
{
	return (struct an_finding){ .type = type, .res = rule->vs->res, .pos = pos };
}

static const char *name_of(struct an *an, const struct rule *rule)
{
	return an_rule_name(an, &rule->http->name, rule->index);
}

/* ---- regular expressions ---- */

/*
 * What a regular expression says without being one: a literal, then nothing or ".*". Escaped characters are themselves.
 * False: it needs to be one.
 */
static bool is_literal(const char *regex, char *literal, size_t room, bool *ret_prefix)
{
	size_t n = 0;
	const char *p = regex + (regex[0] == '^');

	for (; *p; p++) {
		if (strcmp(p, ".*") == 0 || strcmp(p, ".*$") == 0 || strcmp(p, "$") == 0)
			break;
		if (*p == '\\' && p[1] && strchr(".-/+*?()[]{}|^$\\", p[1]))
			p++;
		else if (strchr("\\.+*?()[]{}|^$", *p))
			return false;
		if (n + 1 >= room)
			return false;
		literal[n++] = *p;
	}
	literal[n] = '\0';
	*ret_prefix = p[0] == '.';
	return n > 0;
}

static void check_regex(struct an *an, const struct rule *rule, const struct hdl_string_match *m, const char *field)
{
	struct an_finding finding;
	char literal[1100];
	const char *word;
	bool prefix;

	if (!m || !m->regex.s || !is_literal(m->regex.s, literal, sizeof(literal), &prefix))
		return;
	word = prefix ? "prefix" : "exact";
	finding = finding_of(rule, HDL_AN_NEEDLESS_REGEX, m->regex.pos);
	finding.text = an_printf(an, "In rule %s regex \"%s\" of %s means %s: %s, which costs less", name_of(an, rule),
				 m->regex.s, field, word, literal);
	finding.suggestion = an_printf(an, "%s: {%s: \"%s\"}", field, word, literal);
	an_place(an, &finding, rule->vs->res, m->regex.pos, "%s.regex: %s", field, m->regex.s);
	an_say(an, &finding);
}

static void check_regexes(struct an *an, const struct rule *rule, const struct hdl_keyed_matches *list,
			  const char *field)
{
	for (size_t i = 0; i < list->n; i++)
		check_regex(an, rule, &list->at[i].match, an_printf(an, "%s.%s", field, list->at[i].key));
}

static void check_match(struct an *an, const struct rule *rule, const struct hdl_vs_match *m)
{
	check_regex(an, rule, m->uri, "uri");
	check_regex(an, rule, m->method, "method");
	check_regex(an, rule, m->scheme, "scheme");
	check_regex(an, rule, m->authority, "authority");
	check_regexes(an, rule, &m->headers, "headers");
	check_regexes(an, rule, &m->query_params, "queryParams");
}

/* ---- faults ---- */

static bool happens(const struct hdl_percent *percentage, int64_t percent)
{
	return percentage ? percentage->value.value > 0 : percent > 0;
}

static void check_fault(struct an *an, const struct rule *rule)
{
	const struct hdl_vs_fault *fault = rule->http->fault;
	struct an_finding finding;
	bool delay = fault->delay && happens(fault->delay->percentage, fault->delay->percent.value);
	bool abort = fault->abort && happens(fault->abort->percentage, 0);
	bool marked = rule->http->match.n > 0;

	for (size_t i = 0; i < rule->http->match.n; i++)
		marked = marked && rule->http->match.at[i].headers.n > 0;
	if (marked || (!delay && !abort))
		return;
	finding = finding_of(rule, HDL_AN_GLOBAL_FAULT, fault->pos);
	finding.text = an_printf(an,
				 "Rule %s injects faults into requests that no header marks as tests: users of %s meet "
				 "them",
				 name_of(an, rule), rule->vs->spec->hosts.n ? rule->vs->spec->hosts.at[0].s : "it");
	finding.suggestion = "match: [{headers: {x-chaos-test: {exact: \"true\"}}}] in this rule, and the same route "
			     "without fault in a rule behind it";
	an_place(an, &finding, rule->vs->res, rule->http->pos, "spec.http[%zu]%s", rule->index,
		 rule->http->match.n ? ".match: without headers" : ": without match");
	an_place(an, &finding, rule->vs->res, fault->pos, "fault");
	an_say(an, &finding);
}

static void check_delay(struct an *an, const struct rule *rule)
{
	const struct hdl_vs_delay *delay = rule->http->fault->delay;
	struct an_finding finding;

	if (!delay || !rule->http->timeout.has || delay->fixed_delay.ns < rule->http->timeout.ns)
		return;
	finding = finding_of(rule, HDL_AN_TIMED_FAULT, rule->http->timeout.pos);
	finding.text = an_printf(an,
				 "The timeout of %s in rule %s does not cut the injected delay of %s: it begins behind "
				 "the delay",
				 an_duration(an, rule->http->timeout.ns), name_of(an, rule),
				 an_duration(an, delay->fixed_delay.ns));
	finding.suggestion = "inject the delay into the hop behind, and keep the timeout here";
	an_place(an, &finding, rule->vs->res, delay->fixed_delay.pos, "fault.delay.fixedDelay: %s",
		 an_duration(an, delay->fixed_delay.ns));
	an_place(an, &finding, rule->vs->res, rule->http->timeout.pos, "timeout: %s",
		 an_duration(an, rule->http->timeout.ns));
	an_say(an, &finding);
}

/* ---- mirrors ---- */

static bool writes(const char *method)
{
	static const char *const methods[] = { "POST", "PUT", "PATCH", "DELETE" };

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(method, methods[i]) == 0)
			return true;
	return false;
}

/* -1 reads only, 0 every method, 1 methods that write. */
static int writing(const struct hdl_vs_http *http, struct hdl_pos *ret_pos)
{
	int most = http->match.n ? -1 : 0;

	*ret_pos = http->pos;
	for (size_t i = 0; i < http->match.n && most < 1; i++) {
		const struct hdl_string_match *method = http->match.at[i].method;
		int of_this = !method || !method->exact.s ? 0 : writes(method->exact.s) ? 1 : -1;

		if (method && method->regex.s)
			for (const char *p = method->regex.s; (p = strpbrk(p, "PD")); p++)
				of_this = of_this || strncmp(p, "POST", 4) == 0 || strncmp(p, "PUT", 3) == 0 ||
					  strncmp(p, "PATCH", 5) == 0 || strncmp(p, "DELETE", 6) == 0;
		if (of_this > most) {
			most = of_this;
			*ret_pos = method ? method->pos : http->match.at[i].pos;
		}
	}
	return most;
}

static bool is_mirror_safe(struct an *an, const struct hdl_resource *res, const struct hdl_vs_destination *to)
{
	const struct an_host *host = an_find_host(an, an_fqdn(an, to->host.s, res->ns), res->ns);
	const char *value = host ? hdl_kvs_get(&host->res->annotations, MIRROR_SAFE) : NULL;

	return value && strcasecmp(value, "true") == 0;
}

static void check_mirror(struct an *an, const struct rule *rule, const struct hdl_vs_destination *to)
{
	const struct hdl_resource *res = rule->vs->res;
	struct an_finding finding;
	struct hdl_pos method;
	int kind = writing(rule->http, &method);

	if (kind < 0 || is_mirror_safe(an, res, to))
		return;
	finding = finding_of(rule, HDL_AN_MIRRORED_WRITES, to->pos);
	finding.info = kind == 0;
	finding.text = an_printf(an, "Rule %s mirrors %s to %s, where the copies write as well", name_of(an, rule),
				 kind ? "requests that write" : "requests of every method", to->host.s);
	finding.suggestion =
		an_printf(an,
			  "match method GET in a rule of its own with the mirror, or the annotation " MIRROR_SAFE
			  ": \"true\" on Service %s when it ignores writes",
			  to->host.s);
	an_place(an, &finding, res, method, kind ? "match.method" : "spec.http[%zu]: any method", rule->index);
	an_place(an, &finding, res, to->pos, "mirror: %s%s%s", to->host.s, to->subset.s ? " subset " : "",
		 to->subset.s ? to->subset.s : "");
	an_say(an, &finding);
}

static void check_mirrors(struct an *an, const struct rule *rule)
{
	const struct hdl_vs_http *http = rule->http;

	if (http->mirror && !(http->mirror_percentage && http->mirror_percentage->value.has &&
			      http->mirror_percentage->value.value == 0))
		check_mirror(an, rule, http->mirror);
	for (size_t i = 0; i < http->mirrors.n; i++)
		if (!http->mirrors.at[i].percentage || !http->mirrors.at[i].percentage->value.has ||
		    http->mirrors.at[i].percentage->value.value > 0)
			check_mirror(an, rule, http->mirrors.at[i].destination);
}

/* ---- weights ---- */

static void check_weights(struct an *an, const struct an_vs *vs, const struct hdl_vs_route *route, size_t n,
			  const char *field)
{
	struct an_finding finding = { .type = HDL_AN_WEIGHTS, .res = vs->res };
	int64_t sum = 0;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		sum += route[i].weight.value;
		any = any || route[i].weight.has;
	}
	if (!any || sum == 100 || (n == 1 && sum == 0))
		return;
	for (size_t i = 0; i < n && i < 16; i++)
		an_place(an, &finding, vs->res, route[i].weight.has ? route[i].weight.pos : route[i].pos,
			 "%s.route[%zu].weight: %lld, which is %.1f %%", field, i, (long long)route[i].weight.value,
			 n == 1 ? 100.0 : (double)route[i].weight.value * 100 / (double)sum);
	finding.pos = route[0].weight.has ? route[0].weight.pos : route[0].pos;
	finding.text = an_printf(an, "The weights of %s sum to %lld, not to 100: each share is weight / %lld", field,
				 (long long)sum, (long long)sum);
	finding.suggestion = "weights that sum to 100, in the shares that you want";
	an_say(an, &finding);
}

static void check_rule(struct an *an, const struct rule *rule)
{
	const struct hdl_vs_http *http = rule->http;

	for (size_t i = 0; i < http->match.n; i++)
		check_match(an, rule, &http->match.at[i]);
	if (http->fault) {
		check_fault(an, rule);
		check_delay(an, rule);
	}
	check_mirrors(an, rule);
	check_weights(an, rule->vs, http->route.at, http->route.n, an_printf(an, "spec.http[%zu]", rule->index));
}

void an_vs_http(struct an *an)
{
	for (size_t i = 0; i < an->vs_count && !an->no_memory; i++) {
		const struct an_vs *vs = &an->vs[i];

		for (size_t k = 0; k < vs->spec->http.n; k++)
			check_rule(an, &(struct rule){ vs, &vs->spec->http.at[k], k });
		for (size_t k = 0; k < vs->spec->tcp.n; k++)
			check_weights(an, vs, vs->spec->tcp.at[k].route.at, vs->spec->tcp.at[k].route.n,
				      an_printf(an, "spec.tcp[%zu]", k));
		for (size_t k = 0; k < vs->spec->tls.n; k++)
			check_weights(an, vs, vs->spec->tls.at[k].route.at, vs->spec->tls.at[k].route.n,
				      an_printf(an, "spec.tls[%zu]", k));
	}
}
