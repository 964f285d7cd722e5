/* SPDX-License-Identifier: Apache-2.0 */
/* Retries of single rules: against their timeout, and of requests that must not be repeated (HDL0003, HDL0010). */
#include "analyze/an.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "re/re.h"

struct an_tries an_tries_of(const struct an *an, const struct hdl_vs_http *http)
{
	const struct hdl_vs_retry *retry = http->retries;
	struct an_tries tries = { .retries = an->default_retries };

	if (http->timeout.has)
		tries.timeout_ns = http->timeout.ns;
	if (retry) {
		tries.retries = retry->attempts.value;
		tries.explicit_retries = retry->attempts.value > 0;
		/* a per-try timeout that is not shorter than the whole has no effect */
		if (retry->per_try_timeout.has && (!tries.timeout_ns || retry->per_try_timeout.ns < tries.timeout_ns))
			tries.per_try_ns = retry->per_try_timeout.ns;
	}
	tries.bound_ns = tries.timeout_ns ? tries.timeout_ns : tries.per_try_ns * (tries.retries + 1);
	return tries;
}

/* ---- the timeout of a rule ---- */

static void check_timeout(struct an *an, const struct an_vs *vs, const struct hdl_vs_http *http, size_t index)
{
	const struct hdl_vs_retry *retry = http->retries;
	struct an_finding finding = { .type = HDL_AN_TIMEOUT_BELOW_TRIES, .res = vs->res };
	int64_t tries, needed;

	if (!retry || !http->timeout.has || !retry->per_try_timeout.has || retry->attempts.value <= 0 ||
	    retry->attempts.value > 1000)
		return;
	tries = retry->attempts.value + 1;
	if (retry->per_try_timeout.ns > INT64_MAX / tries)
		return;
	needed = retry->per_try_timeout.ns * tries;
	if (http->timeout.ns >= needed)
		return;
	finding.pos = http->timeout.pos;
	finding.info = http->timeout.ns > needed - retry->per_try_timeout.ns;
	finding.text = an_printf(
		an, "The timeout of %s in rule %s is shorter than perTryTimeout x (attempts + 1) = %s x %lld = %s: %s",
		an_duration(an, http->timeout.ns), an_rule_name(an, &http->name, index),
		an_duration(an, retry->per_try_timeout.ns), (long long)tries, an_duration(an, needed),
		finding.info ? "the last try is cut short" : "not every try can take place");
	finding.suggestion = an_printf(an, "timeout: %s, or retries.attempts: %lld", an_duration(an, needed),
				       (long long)(http->timeout.ns / retry->per_try_timeout.ns > 0 ?
							   http->timeout.ns / retry->per_try_timeout.ns - 1 :
							   0));
	an_place(an, &finding, vs->res, http->timeout.pos, "timeout: %s", an_duration(an, http->timeout.ns));
	an_place(an, &finding, vs->res, retry->attempts.pos, "retries.attempts: %lld",
		 (long long)retry->attempts.value);
	an_place(an, &finding, vs->res, retry->per_try_timeout.pos, "retries.perTryTimeout: %s",
		 an_duration(an, retry->per_try_timeout.ns));
	an_say(an, &finding);
}

/* ---- requests that must not be repeated ---- */

/* The condition holds only when the request did not reach an application. */
static bool is_safe_token(const char *token, size_t n)
{
	static const char *const safe[] = { "connect-failure", "refused-stream", "reset-before-request",
					    "envoy-ratelimited" };

	for (size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++)
		if (strlen(safe[i]) == n && strncmp(token, safe[i], n) == 0)
			return true;
	return false;
}

/* The first condition under which a request may have taken effect already; NULL: none. */
static const char *unsafe_token(struct an *an, const struct hdl_vs_retry *retry)
{
	const char *list = retry->retry_on.s;

	/* the default list: connections, and answers of gRPC that say that nothing was done */
	if (!list || !*list)
		return NULL;
	for (const char *p = list; *p;) {
		size_t n = strcspn(p, ",");

		if (n && !is_safe_token(p, n))
			return an_printf(an, "%.*s", (int)n, p);
		p += n + (p[n] == ',');
	}
	return NULL;
}

static bool regex_allows(const char *regex, const char *method)
{
	struct hdl_re *re;
	bool matches;

	if (hdl_re_compile(hdl_str_of(regex), &re, NULL) < 0)
		return false;
	matches = hdl_re_full_match(re, hdl_str_of(method));
	hdl_re_free(re);
	return matches;
}

/* A method that the match names and that must not be repeated; NULL: none. */
static const char *unsafe_method(const struct hdl_string_match *m)
{
	static const char *const methods[] = { "POST", "PATCH" };

	for (size_t i = 0; m && i < sizeof(methods) / sizeof(methods[0]); i++)
		if ((m->exact.s && strcmp(m->exact.s, methods[i]) == 0) ||
		    (m->prefix.s && *m->prefix.s && strncmp(methods[i], m->prefix.s, strlen(m->prefix.s)) == 0) ||
		    (m->regex.s && strcmp(m->regex.s, ".*") != 0 && regex_allows(m->regex.s, methods[i])))
			return methods[i];
	return NULL;
}

static bool asks_for_key(const struct hdl_vs_match *m)
{
	for (size_t i = 0; i < m->headers.n; i++)
		if (strcasestr(m->headers.at[i].key, "idempotency"))
			return true;
	return false;
}

static void check_method(struct an *an, const struct an_vs *vs, const struct hdl_vs_http *http, size_t index,
			 const struct hdl_vs_match *m, const char *token)
{
	struct an_finding finding = { .type = HDL_AN_UNSAFE_RETRY, .res = vs->res };
	const char *method = unsafe_method(m->method);

	if (!method || asks_for_key(m))
		return;
	finding.pos = http->retries->pos;
	finding.text = an_printf(an,
				 "Rule %s retries %s %lld times on \"%s\", when the first try may have taken effect: "
				 "the request may be carried out twice",
				 an_rule_name(an, &http->name, index), method, (long long)http->retries->attempts.value,
				 token);
	finding.suggestion = "attempts: 0, or retryOn: connect-failure,refused-stream,reset-before-request";
	an_place(an, &finding, vs->res, m->method->pos, "match.method: %s", method);
	an_place(an, &finding, vs->res, http->retries->attempts.pos, "retries.attempts: %lld",
		 (long long)http->retries->attempts.value);
	an_place(an, &finding, vs->res, http->retries->retry_on.pos, "retries.retryOn: %s", http->retries->retry_on.s);
	an_say(an, &finding);
}

static void check_methods(struct an *an, const struct an_vs *vs, const struct hdl_vs_http *http, size_t index)
{
	const char *token;

	if (!http->retries || http->retries->attempts.value <= 0)
		return;
	token = unsafe_token(an, http->retries);
	for (size_t i = 0; token && i < http->match.n; i++)
		check_method(an, vs, http, index, &http->match.at[i], token);
}

void an_vs_retries(struct an *an)
{
	for (size_t i = 0; i < an->vs_count && !an->no_memory; i++) {
		const struct an_vs *vs = &an->vs[i];

		for (size_t k = 0; k < vs->spec->http.n; k++) {
			check_timeout(an, vs, &vs->spec->http.at[k], k);
			check_methods(an, vs, &vs->spec->http.at[k], k);
		}
	}
}
