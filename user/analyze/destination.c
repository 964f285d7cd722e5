/* SPDX-License-Identifier: Apache-2.0 */
/* Destinations of VirtualServices: hosts, ports and subsets that are not there (IST0101, IST0112, IST0140). */
#include "analyze/an.h"

#include <stdio.h>
#include <string.h>

struct destination {
	const struct hdl_resource *res;
	const struct hdl_vs_destination *spec;
	const char *fqdn;
	bool mirror;
};

static const char *port_list(struct an *an, const struct an_host *host)
{
	struct hdl_buf buf = { 0 };
	const char *text;

	for (size_t i = 0; i < host->port_count; i++)
		hdl_buf_printf(&buf, "%s%u", i ? " " : "[", host->ports[i]);
	hdl_buf_adds(&buf, "]");
	text = buf.p && !buf.failed ? an_strdup(an, buf.p) : "";
	hdl_buf_done(&buf);
	return text;
}

static void check_port(struct an *an, const struct destination *to, const struct an_host *host)
{
	if (!to->spec->port) {
		if (host->port_count > 1)
			an_report(an, HDL_AN_PORT_REQUIRED, to->res, to->spec->host.pos, to->spec->host.s,
				  port_list(an, host));
		return;
	}
	for (size_t i = 0; i < host->port_count; i++)
		if (host->ports[i] == to->spec->port->number.value)
			return;
	an_report(an, HDL_AN_REFERENCE_NOT_FOUND, to->res, to->spec->host.pos, "host:port",
		  an_printf(an, "%s:%lld", to->spec->host.s, (long long)to->spec->port->number.value));
}

/* A DestinationRule of the host, or of a wildcard over it, declares the subset. */
static bool subset_exists(struct an *an, const char *fqdn, const char *subset)
{
	char key[AN_KEY_MAX];

	snprintf(key, sizeof(key), "%s\n%s", fqdn, subset);
	if (hdl_xl_map_get(&an->subsets, key))
		return true;
	for (size_t i = 1; an->rule_wildcards && fqdn[i - 1]; i++) {
		snprintf(key, sizeof(key), "*%s\n%s", fqdn + i, subset);
		if (hdl_xl_map_get(&an->subsets, key))
			return true;
	}
	return false;
}

static void check(struct an *an, const struct destination *to)
{
	const struct hdl_vs_destination *spec = to->spec;
	const struct an_host *host = an_find_host(an, to->fqdn, to->res->ns);

	if (host)
		check_port(an, to, host);
	else
		an_report(an, HDL_AN_REFERENCE_NOT_FOUND, to->res, spec->host.pos, to->mirror ? "mirror host" : "host",
			  spec->host.s);
	if (spec->subset.s && *spec->subset.s && !subset_exists(an, to->fqdn, spec->subset.s))
		an_report(an, HDL_AN_REFERENCE_NOT_FOUND, to->res, spec->host.pos,
			  to->mirror ? "mirror+subset in destinationrule" : "host+subset in destinationrule",
			  an_printf(an, "%s+%s", spec->host.s, spec->subset.s));
}

static void check_one(struct an *an, const struct hdl_resource *res, const struct hdl_vs_destination *spec, bool mirror)
{
	struct destination to = { res, spec, an_fqdn(an, spec->host.s, res->ns), mirror };

	check(an, &to);
}

/* A gateway's requests do not meet the rules that others have for the host. */
static void check_subset_elsewhere(struct an *an, const struct an_vs *vs, const struct hdl_vs_destination *spec)
{
	const struct an_vs_claim *claim;
	size_t named = 0;

	if (!vs->spec->gateways.n || (spec->subset.s && *spec->subset.s))
		return;
	claim = hdl_xl_map_get(&an->vs_hosts, an_fqdn(an, spec->host.s, vs->res->ns));
	for (; claim && named < HDL_AN_NAMES_MAX; claim = claim->next) {
		if (claim->vs == vs || !claim->to_subset)
			continue;
		an_report(an, HDL_AN_SUBSET_WITHOUT_EFFECT, vs->res, spec->host.pos,
			  an_resource_name(an, claim->vs->res), an_resource_name(an, vs->res));
		named++;
	}
}

static void check_http(struct an *an, const struct an_vs *vs, const struct hdl_vs_http *http)
{
	for (size_t i = 0; i < http->route.n; i++) {
		check_one(an, vs->res, http->route.at[i].destination, false);
		check_subset_elsewhere(an, vs, http->route.at[i].destination);
	}
	if (http->mirror)
		check_one(an, vs->res, http->mirror, true);
	for (size_t i = 0; i < http->mirrors.n; i++)
		check_one(an, vs->res, http->mirrors.at[i].destination, true);
}

void an_vs_destinations(struct an *an)
{
	for (size_t i = 0; i < an->vs_count && !an->no_memory; i++) {
		const struct an_vs *vs = &an->vs[i];

		for (size_t k = 0; k < vs->spec->http.n; k++)
			check_http(an, vs, &vs->spec->http.at[k]);
		for (size_t k = 0; k < vs->spec->tcp.n; k++)
			for (size_t m = 0; m < vs->spec->tcp.at[k].route.n; m++)
				check_one(an, vs->res, vs->spec->tcp.at[k].route.at[m].destination, false);
		for (size_t k = 0; k < vs->spec->tls.n; k++)
			for (size_t m = 0; m < vs->spec->tls.at[k].route.n; m++)
				check_one(an, vs->res, vs->spec->tls.at[k].route.at[m].destination, false);
	}
}
