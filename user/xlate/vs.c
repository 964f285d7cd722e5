/* SPDX-License-Identifier: Apache-2.0 */
/* VirtualServices: which one owns which host in the mesh (specification A.1, A.4). */
#include "xlate/priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "xlate/delegate.h"

const char *hdl_xl_gateway_name(struct hdl_xl *xl, const char *reference, const char *ns)
{
	const char *slash = strchr(reference, '/'), *dot = strchr(reference, '.');

	if (strcmp(reference, "mesh") == 0)
		return "mesh";
	if (slash && strncmp(reference, "./", 2) == 0)
		return hdl_xl_internf(xl, "%s/%s", ns, slash + 1);
	if (slash)
		return hdl_xl_intern(xl, reference);
	if (dot) { /* the old form: name.namespace[.svc.domain] */
		const char *end = strchr(dot + 1, '.');
		int n = end ? (int)(end - dot - 1) : (int)strlen(dot + 1);

		return hdl_xl_internf(xl, "%.*s/%.*s", n, dot + 1, (int)(dot - reference), reference);
	}
	return hdl_xl_internf(xl, "%s/%s", ns, reference);
}

static bool in_mesh(struct hdl_xl *xl, const struct hdl_xl_vs *vs)
{
	for (size_t i = 0; i < vs->spec->gateways.n; i++)
		if (strcmp(hdl_xl_gateway_name(xl, vs->spec->gateways.at[i].s, vs->res->ns), "mesh") == 0)
			return true;
	return vs->spec->gateways.n == 0;
}

/* The host as given, or the first of two that say the same. */
static int claim(struct hdl_xl *xl, struct hdl_xl_vs *vs, size_t host)
{
	struct hdl_xl_claim *first = hdl_xl_map_get(&xl->claims, vs->hosts[host]), *claim;

	if (first && first->last->vs == vs)
		return 0;
	claim = hdl_arena_alloc(xl->scratch, sizeof(*claim));
	if (!claim)
		return -ENOMEM;
	*claim = (struct hdl_xl_claim){ .vs = vs, .last = claim };
	if (first) {
		const struct hdl_resource *owner = first->vs->res;

		first->last->next = claim;
		first->last = claim;
		if (vs->spec->derived && first->vs->spec->derived) /* those for other clients */
			return 0;
		hdl_xl_report(
			xl->diags, HDL_WARNING, vs->res, vs->spec->hosts.at[host].pos, "spec.hosts",
			"host %s is already that of VirtualService %s/%s at %s:%u: the rules here apply only to ports "
			"and clients for which it has none",
			vs->hosts[host], owner->ns, owner->name, owner->file, owner->pos.line);
		return 0;
	}
	vs->claimed[host] = true;
	xl->claim_wildcards += hdl_xl_is_wildcard(vs->hosts[host]);
	return hdl_xl_map_put(&xl->claims, xl->scratch, vs->hosts[host], claim);
}

/* VirtualServices by "ns/name", and which of them somebody delegates to. */
struct names {
	struct hdl_xl *xl;
	struct hdl_xl_map all, used;
};

static const struct hdl_resource *find_delegate(void *user, const char *ns, const char *name)
{
	struct names *names = user;
	const char *key = hdl_xl_scratchf(names->xl, "%s/%s", ns, name);
	struct hdl_resource *res = hdl_xl_map_get(&names->all, key);

	if (res && hdl_xl_map_put(&names->used, names->xl->scratch, key, res) < 0)
		names->xl->no_memory = true;
	return res;
}

static int name_all(struct names *names)
{
	struct hdl_xl *xl = names->xl;

	for (size_t i = 0; i < xl->n; i++)
		if (xl->res[i]->kind == HDL_KIND_VIRTUAL_SERVICE &&
		    hdl_xl_map_put(&names->all, xl->scratch,
				   hdl_xl_scratchf(xl, "%s/%s", xl->res[i]->ns, xl->res[i]->name),
				   (void *)(uintptr_t)xl->res[i]) < 0)
			return -ENOMEM;
	return 0;
}

static void report_unused_delegates(struct names *names)
{
	struct hdl_xl *xl = names->xl;

	for (size_t i = 0; i < xl->n; i++) {
		const struct hdl_resource *res = xl->res[i];

		if (res->kind == HDL_KIND_VIRTUAL_SERVICE && res->virtual_service->hosts.n == 0 &&
		    !hdl_xl_map_get(&names->used, hdl_xl_scratchf(xl, "%s/%s", res->ns, res->name)))
			hdl_xl_report(xl->diags, HDL_WARNING, res, res->pos, NULL,
				      "has no hosts, and no VirtualService delegates to it: it has no effect");
	}
}

static int add(struct names *names, const struct hdl_resource *res)
{
	struct hdl_xl *xl = names->xl;
	struct hdl_xl_vs *vs = &xl->vs[xl->vs_count];

	if (res->virtual_service->hosts.n == 0) /* a delegate has none of its own */
		return 0;
	xl->at = res;
	*vs = (struct hdl_xl_vs){ .res = res, .spec = res->virtual_service, .index = xl->vs_count };
	xl->vs_count++;
	if (hdl_has_delegates(res->virtual_service)) {
		const struct hdl_delegates delegates = { xl->scratch, xl->diags, find_delegate, names };

		if (hdl_delegates_merge(&delegates, res, &vs->spec) < 0)
			return -ENOMEM;
	}
	vs->hosts = hdl_arena_calloc(xl->scratch, vs->spec->hosts.n, sizeof(*vs->hosts));
	vs->claimed = hdl_arena_calloc(xl->scratch, vs->spec->hosts.n, sizeof(*vs->claimed));
	vs->matched = hdl_arena_calloc(xl->scratch, vs->spec->hosts.n, sizeof(*vs->matched));
	if (!vs->hosts || !vs->claimed || !vs->matched)
		return -ENOMEM;
	vs->mesh = in_mesh(xl, vs);
	for (size_t i = 0; i < vs->spec->hosts.n; i++) {
		vs->hosts[i] = hdl_xl_host(xl, vs->spec->hosts.at[i].s, res->ns);
		if (vs->mesh && claim(xl, vs, i) < 0)
			return -ENOMEM;
	}
	return 0;
}

int hdl_xl_rules_in_force(struct hdl_xl *xl, const struct hdl_xl_claim *claim, uint16_t port,
			  const struct hdl_xl_claim **ret_claim, const struct hdl_xl_routes **ret_routes)
{
	*ret_routes = NULL;
	for (; claim; claim = claim->next) {
		if (hdl_xl_http_routes(xl, claim->vs, port, NULL, ret_routes) < 0)
			return -ENOMEM;
		if ((*ret_routes)->n)
			break;
	}
	*ret_claim = claim;
	return 0;
}

static void mark_matched(struct hdl_xl_vs *vs, const char *fqdn)
{
	for (size_t i = 0; i < vs->spec->hosts.n; i++)
		if (hdl_xl_host_covers(vs->hosts[i], fqdn))
			vs->matched[i] = true;
}

/* What does not act on any port must not go unnoticed. */
static void report_idle_rules(struct hdl_xl *xl, const struct hdl_xl_service *service)
{
	const struct hdl_xl_vs *vs = service->claim->vs;
	bool http = false, other = false;

	if (!service->ir->address_count && hdl_xl_first_time(xl, "no address %zu %s", vs->index, service->ir->fqdn))
		hdl_xl_report(xl->diags, HDL_WARNING, vs->res, vs->res->pos, "spec.hosts",
			      "service %s has no address: connections to its pods are left alone, and these rules act "
			      "only on requests for it that come by a port of another service",
			      service->ir->fqdn);
	for (size_t i = 0; i < service->ir->port_count; i++) {
		enum hdl_ir_protocol p = service->ir->ports[i].protocol;

		*(p == HDL_IR_HTTP || p == HDL_IR_HTTP2 || p == HDL_IR_GRPC ? &http : &other) = true;
	}
	if (vs->spec->http.n && !http && hdl_xl_first_time(xl, "no http %zu %s", vs->index, service->ir->fqdn))
		hdl_xl_report(
			xl->diags, HDL_WARNING, vs->res, vs->spec->http.at[0].pos, "spec.http",
			"service %s has no port that is declared http: these rules do not act on it (name the port "
			"http or http-..., or set appProtocol: http)",
			service->ir->fqdn);
	if (vs->spec->tcp.n && !other && hdl_xl_first_time(xl, "no tcp %zu %s", vs->index, service->ir->fqdn))
		hdl_xl_report(xl->diags, HDL_WARNING, vs->res, vs->spec->tcp.at[0].pos, "spec.tcp",
			      "all ports of service %s are declared http: these rules do not act on it",
			      service->ir->fqdn);
}

/* Often a host with one dot, which is not completed to a service's name. With a gateway it is what one expects. */
static void report_outside_hosts(struct hdl_xl *xl, const struct hdl_xl_vs *vs)
{
	bool gateway = false;

	for (size_t i = 0; i < vs->spec->gateways.n; i++)
		gateway |= strcmp(vs->spec->gateways.at[i].s, "mesh") != 0;
	for (size_t i = 0; !gateway && i < vs->spec->hosts.n; i++)
		if (vs->claimed[i] && !vs->matched[i])
			hdl_xl_report(
				xl->diags, hdl_xl_is_wildcard(vs->hosts[i]) ? HDL_INFO : HDL_WARNING, vs->res,
				vs->spec->hosts.at[i].pos, "spec.hosts",
				"no service is called %s: the rules act only on requests with that Host to port 80 of "
				"services whose requests are read",
				vs->hosts[i]);
}

int hdl_xl_virtual_services(struct hdl_xl *xl)
{
	struct names names = { .xl = xl };
	size_t n = 0;

	for (size_t i = 0; i < xl->n; i++)
		n += xl->res[i]->kind == HDL_KIND_VIRTUAL_SERVICE;
	xl->vs = hdl_arena_calloc(xl->scratch, n, sizeof(*xl->vs));
	if (!xl->vs || name_all(&names) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < xl->n; i++)
		if (xl->res[i]->kind == HDL_KIND_VIRTUAL_SERVICE && add(&names, xl->res[i]) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < xl->service_count; i++) {
		struct hdl_xl_service *service = &xl->service[i];

		service->claim = hdl_xl_most_specific(&xl->claims, "", service->ir->fqdn, xl->claim_wildcards != 0);
		if (!service->claim)
			continue;
		mark_matched(service->claim->vs, service->ir->fqdn);
		report_idle_rules(xl, service);
	}
	for (size_t i = 0; i < xl->vs_count; i++)
		report_outside_hosts(xl, &xl->vs[i]);
	report_unused_delegates(&names);
	return 0;
}
