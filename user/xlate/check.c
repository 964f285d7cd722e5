/* SPDX-License-Identifier: Apache-2.0 */
/* What can be refused in one document before it meets the others. */
#include "xlate/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "re/re.h"
#include "xlate/gwapi.h"

void hdl_xl_check_regex(struct hdl_xl_check *c, const struct hdl_text *text, const char *at)
{
	struct hdl_err err;
	struct hdl_re *re;
	int r;

	if (c->regex_bytes > HDL_XLATE_DOCUMENT_REGEX_BYTES_MAX)
		return;
	r = hdl_re_compile(hdl_str_of(text->s), &re, &err);
	if (r == 0) {
		c->regex_bytes += hdl_re_bytes(re);
		hdl_re_free(re);
		if (c->regex_bytes <= HDL_XLATE_DOCUMENT_REGEX_BYTES_MAX)
			return;
		hdl_err_set(&err, -E2BIG, "the regular expressions up to this one take more than %zu MiB",
			    HDL_XLATE_DOCUMENT_REGEX_BYTES_MAX >> 20);
	}
	if (r == -ENOMEM) {
		c->no_memory = true;
		return;
	}
	hdl_xl_report(c->diags, HDL_ERROR, c->res, text->pos, at, "%s", err.text);
	c->refused = true;
}

static void regex(struct hdl_xl_check *c, const struct hdl_string_match *m, const char *field, const char *key)
{
	char at[XL_FIELD_MAX * 2];

	if (!m || !m->regex.s)
		return;
	snprintf(at, sizeof(at), "%s%s%s%s.regex", field, key ? "[" : "", key ? key : "", key ? "]" : "");
	hdl_xl_check_regex(c, &m->regex, at);
}

static void regexes(struct hdl_xl_check *c, const struct hdl_keyed_matches *list, bool without, const char *block,
		    const char *name)
{
	char field[XL_FIELD_MAX + 32];

	snprintf(field, sizeof(field), "%s.%s", block, name);
	for (size_t i = 0; i < list->n; i++) {
		const struct hdl_string_match *m = &list->at[i].match;

		/* A.3: presence */
		if (!without || !m->regex.s || strcmp(m->regex.s, "*") != 0)
			regex(c, m, field, list->at[i].key);
	}
}

static void match_block(struct hdl_xl_check *c, const struct hdl_vs_match *m, const char *block)
{
	static const char *const names[] = { "uri", "scheme", "method", "authority" };
	const struct hdl_string_match *parts[] = { m->uri, m->scheme, m->method, m->authority };
	char field[XL_FIELD_MAX + 32];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(field, sizeof(field), "%s.%s", block, names[i]);
		regex(c, parts[i], field, NULL);
	}
	regexes(c, &m->headers, false, block, "headers");
	regexes(c, &m->without_headers, true, block, "withoutHeaders");
	regexes(c, &m->query_params, false, block, "queryParams");
}

static void action_regexes(struct hdl_xl_check *c, const struct hdl_vs_http *http, size_t index)
{
	char field[XL_FIELD_MAX];

	if (http->rewrite && http->rewrite->uri_regex_rewrite) {
		snprintf(field, sizeof(field), "spec.http[%zu].rewrite.uriRegexRewrite.match", index);
		hdl_xl_check_regex(c, &http->rewrite->uri_regex_rewrite->match, field);
	}
	for (size_t k = 0; http->cors_policy && k < http->cors_policy->allow_origins.n; k++) {
		snprintf(field, sizeof(field), "spec.http[%zu].corsPolicy.allowOrigins[%zu]", index, k);
		regex(c, &http->cors_policy->allow_origins.at[k], field, NULL);
	}
}

bool hdl_xl_weights_ok(struct hdl_diags *diags, const struct hdl_resource *res, const struct hdl_vs_route *route,
		       size_t n, const char *field)
{
	char at[XL_FIELD_MAX + 32];
	uint64_t total = 0;

	snprintf(at, sizeof(at), "%s.route", field);
	for (size_t i = 0; i < n; i++)
		total += (uint64_t)route[i].weight.value;
	if (n > HDL_ROUTE_DESTINATIONS_MAX)
		hdl_xl_report(diags, HDL_ERROR, res, route[0].pos, at, "%zu destinations: at most %d are possible", n,
			      HDL_ROUTE_DESTINATIONS_MAX);
	else if (total > UINT32_MAX)
		hdl_xl_report(diags, HDL_ERROR, res, route[0].pos, at,
			      "the weights sum to %llu: at most %u is possible", (unsigned long long)total, UINT32_MAX);
	else if (total == 0 && n > 1)
		hdl_xl_report(diags, HDL_ERROR, res, route[0].pos, at, "the weights sum to 0");
	else
		return true;
	return false;
}

static void virtual_service(struct hdl_xl_check *c)
{
	const struct hdl_virtual_service *vs = c->res->virtual_service;
	char field[XL_FIELD_MAX];

	for (size_t i = 0; i < vs->http.n; i++) {
		const struct hdl_vs_http *http = &vs->http.at[i];

		snprintf(field, sizeof(field), "spec.http[%zu]", i);
		c->refused |= !hdl_xl_weights_ok(c->diags, c->res, http->route.at, http->route.n, field);
		c->refused |= !hdl_xl_actions_ok(c->diags, c->res, http, field);
		action_regexes(c, http, i);
		for (size_t k = 0; k < http->match.n; k++) {
			snprintf(field, sizeof(field), "spec.http[%zu].match[%zu]", i, k);
			match_block(c, &http->match.at[k], field);
		}
	}
	for (size_t i = 0; i < vs->tcp.n; i++) {
		snprintf(field, sizeof(field), "spec.tcp[%zu]", i);
		c->refused |=
			!hdl_xl_weights_ok(c->diags, c->res, vs->tcp.at[i].route.at, vs->tcp.at[i].route.n, field);
	}
	for (size_t i = 0; i < vs->tls.n; i++) {
		snprintf(field, sizeof(field), "spec.tls[%zu]", i);
		c->refused |=
			!hdl_xl_weights_ok(c->diags, c->res, vs->tls.at[i].route.at, vs->tls.at[i].route.n, field);
	}
}

static void not_served(struct hdl_diags *diags, const struct hdl_resource *res, size_t index, struct hdl_pos pos,
		       const char *field, const char *why)
{
	char at[XL_FIELD_MAX];

	snprintf(at, sizeof(at), "spec.servers[%zu].%s", index, field);
	hdl_xl_report(diags, HDL_WARNING, res, pos, at, "%s: this server is not served, the others are", why);
}

bool hdl_xl_gateway_server_ok(struct hdl_diags *diags, const struct hdl_resource *res, size_t index)
{
	const struct hdl_gw_server *server = &res->gateway->servers.at[index];
	struct hdl_addr address;

	if (server->port->protocol_value != HDL_GW_HTTP) {
		not_served(diags, res, index, server->port->protocol.pos, "port.protocol",
			   "only plain HTTP is supported yet");
		return false;
	}
	if (server->tls && server->tls->https_redirect.value) {
		/* serving in clear what was to be redirected would be worse than not serving */
		not_served(diags, res, index, server->tls->https_redirect.pos, "tls.httpsRedirect",
			   "the redirect is not supported yet");
		return false;
	}
	if (server->bind.s && server->bind.s[0] && hdl_addr_parse(hdl_str_of(server->bind.s), &address) < 0) {
		not_served(diags, res, index, server->bind.pos, "bind", "a Unix socket is not supported");
		return false;
	}
	return true;
}

int hdl_xlate_check(const struct hdl_resource *resource, struct hdl_diags *diags)
{
	struct hdl_xl_check c = { .res = resource, .diags = diags };

	if (resource->kind == HDL_KIND_VIRTUAL_SERVICE)
		virtual_service(&c);
	else
		return hdl_gwapi_check(resource, diags);
	if (c.no_memory)
		return -ENOMEM;
	return c.refused ? -EINVAL : 0;
}
