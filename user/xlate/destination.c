/* SPDX-License-Identifier: Apache-2.0 */
/* Destinations of routes: which cluster (specification A.8) and exact shares (B.7). */
#include "xlate/priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "heddle/core/subset.h"
#include "xlate/check.h"

#define ALL (1ull << 32)

/* A.8: explicit; else the only port; else the one at which the request arrived. */
static uint16_t port_of(const struct hdl_vs_destination *spec, const struct hdl_xl_service *service,
			uint16_t listener_port)
{
	if (spec->port)
		return (uint16_t)spec->port->number.value;
	if (service && service->spec->ports_of_all_protocols == 1) /* UDP counts too, as in Istio */
		return service->spec->first_port;
	return listener_port;
}

static bool has_port(const struct hdl_xl_service *service, uint16_t port)
{
	for (size_t i = 0; i < service->port_count; i++)
		if (service->ports[i].spec->port == port && !hdl_xl_is_udp(service->ports[i].spec->protocol))
			return true;
	return false;
}

static const char *consequence(const char *field, const char *flag, bool used)
{
	if (!used)
		return "nothing is sent there while its weight is 0";
	if (strncmp(field, "spec.tcp", strlen("spec.tcp")) == 0)
		return "connections sent there are refused";
	if (strstr(field, ".mirror"))
		return "nothing is mirrored";
	return strcmp(flag, "NC") == 0 ? "requests sent there are answered 503 (NC)" :
					 "requests sent there are answered 503 (UH)";
}

static void report_unknown(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_destination *spec,
			   const struct hdl_xl_service *service, const char *fqdn, uint16_t port, bool used,
			   const char *client, const char *field)
{
	if (!hdl_xl_first_time(xl, "unknown %p %u %s", (const void *)spec, service ? port : 0, client ? client : ""))
		return;
	if (!service)
		hdl_xl_report(xl->diags, HDL_WARNING, res, spec->host.pos, field, "there is no service %s%s: %s", fqdn,
			      strchr(spec->host.s, '.') && !strstr(spec->host.s, ".svc.") ?
				      " (a host with a dot is taken as it is)" :
				      "",
			      consequence(field, "NC", used));
	else if (!has_port(service, port))
		hdl_xl_report(xl->diags, HDL_WARNING, res, spec->port ? spec->port->pos : spec->host.pos, field,
			      "service %s has no TCP port %u: %s", fqdn, port, consequence(field, "NC", used));
	else
		hdl_xl_report(xl->diags, HDL_WARNING, res, spec->subset.pos, field,
			      "no DestinationRule in force for %s%s%s defines subset %s: %s", fqdn,
			      client ? " and clients of namespace " : "", client ? client : "", spec->subset.s,
			      consequence(field, "NC", used));
}

/* The classic mistake: labels of a subset that no pod of the service has. */
static void report_empty(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_destination *spec,
			 const struct hdl_ir_cluster *cluster, const char *field)
{
	if (hdl_xl_first_time(xl, "empty %p %u", (const void *)spec, cluster->port))
		hdl_xl_report(xl->diags, HDL_WARNING, res, spec->subset.pos, field,
			      "no endpoint of %s has the labels of subset %s: %s", cluster->fqdn, cluster->subset,
			      consequence(field, "UH", true));
}

/* Often meant: a service of which other namespaces know nothing, for rules that others use. */
static void report_hidden(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_destination *spec,
			  const struct hdl_xl_service *service, bool used, const char *field)
{
	if (hdl_xl_first_time(xl, "hidden %p %s", (const void *)spec, xl->client ? xl->client->ns : ""))
		hdl_xl_report(xl->diags, HDL_INFO, res, spec->host.pos, field,
			      "service %s is not exported to %s%s: for clients there %s", service->ir.fqdn,
			      xl->client ? "namespace " : "all namespaces", xl->client ? xl->client->ns : "",
			      consequence(field, "NC", used));
}

/* Whose subset it is that is missing: a rule of the client's namespace takes the place of that for all. NULL: of all. */
static const char *client_without(struct hdl_xl *xl, const struct hdl_xl_service *known, uint16_t port,
				  const char *subset)
{
	const struct hdl_xl_service *of_all = hdl_xl_service_for(known, NULL);

	return xl->client && of_all && hdl_xl_find_cluster(of_all, port, subset) ? hdl_xl_client_text(xl, xl->client) :
										   NULL;
}

/* used: some traffic goes there. */
static int find_cluster(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_destination *spec,
			uint16_t listener_port, bool used, const char *field, struct hdl_ir_destination *ret)
{
	const char *fqdn = hdl_xl_host(xl, spec->host.s, spec->ns ? spec->ns : res->ns);
	const struct hdl_xl_service *known = hdl_xl_read_service(xl, fqdn);
	const struct hdl_xl_service *service = hdl_xl_service_for(known, xl->client);
	uint16_t port = port_of(spec, service, listener_port);
	const char *subset = spec->subset.s ? spec->subset.s : "";
	const struct hdl_xl_cluster *cluster = service ? hdl_xl_find_cluster(service, port, subset) : NULL;

	if (xl->no_memory)
		return -ENOMEM;
	if (known && !service)
		report_hidden(xl, res, spec, known, used, field);
	else if (!cluster)
		report_unknown(xl, res, spec, service, fqdn, port, used, client_without(xl, known, port, subset),
			       field);
	else if (used && !cluster->ir.endpoint_count && cluster->ir.subset[0])
		report_empty(xl, res, spec, &cluster->ir, field);
	*ret = (struct hdl_ir_destination){
		.cluster = cluster ? &cluster->ir : NULL,
		.cluster_name =
			cluster ? cluster->ir.name : hdl_xl_internf(xl, "outbound|%u|%s|%s", port, subset, fqdn),
		.weight = 100,
		.threshold = ALL,
	};
	return 0;
}

int hdl_xl_destination(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_destination *spec,
		       uint16_t listener_port, const char *field, struct hdl_ir_destination *ret)
{
	return find_cluster(xl, res, spec, listener_port, true, field, ret);
}

/* A backend of an HTTPRoute that is not valid has its share all the same, and is no cluster (F.3). */
static int weighted(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_route *route,
		    uint16_t listener_port, bool used, const char *field, struct hdl_ir_destination *ret)
{
	if (!route->unresolved)
		return find_cluster(xl, res, route->destination, listener_port, used, field, ret);
	*ret = (struct hdl_ir_destination){
		.unresolved = true,
		.cluster_name = hdl_xl_intern(xl, route->destination->host.s),
		.weight = 100,
		.threshold = ALL,
	};
	return 0;
}

int hdl_xl_destinations(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_route *route, size_t n,
			uint16_t listener_port, const char *field, const struct hdl_ir_destination **ret)
{
	uint64_t total = 0, cumulative = 0;
	struct hdl_ir_destination *d;

	if (!hdl_xl_weights_ok(xl->diags, res, route, n, field))
		return -E2BIG;
	d = hdl_arena_calloc(xl->arena, n, sizeof(*d));
	if (!d)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		total += (uint64_t)route[i].weight.value;
	for (size_t i = 0; i < n; i++) {
		char at[XL_FIELD_MAX];

		snprintf(at, sizeof(at), "%s.route[%zu].destination", field, i);
		if (weighted(xl, res, &route[i], listener_port, n == 1 || route[i].weight.value > 0, at, &d[i]) < 0)
			return -ENOMEM;
		if (n == 1) /* gets everything, whatever its weight */
			break;
		if (hdl_xl_headers(xl, res, route[i].headers, NULL, NULL, &d[i].headers) < 0)
			return -ENOMEM;
		d[i].weight = (uint32_t)route[i].weight.value;
		cumulative += d[i].weight;
		d[i].threshold = hdl_core_threshold(cumulative, total);
	}
	*ret = d;
	return 0;
}

int hdl_xl_single_destination(struct hdl_xl *xl, const struct hdl_ir_cluster *cluster,
			      const struct hdl_ir_destination **ret)
{
	struct hdl_ir_destination *d = hdl_arena_alloc(xl->arena, sizeof(*d));

	if (!d)
		return -ENOMEM;
	*d = (struct hdl_ir_destination){
		.cluster = cluster,
		.cluster_name = cluster->name,
		.weight = 100,
		.threshold = ALL,
	};
	*ret = d;
	return 0;
}
