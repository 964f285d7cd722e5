/* SPDX-License-Identifier: Apache-2.0 */
/* ServiceEntries as services: their ports, addresses and endpoints (specification A.10, D.1). */
#include "xlate/priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/registry.h"

static enum hdl_ir_protocol protocol_of(enum hdl_gw_protocol protocol)
{
	switch (protocol) {
	case HDL_GW_HTTP:
	case HDL_GW_GRPC_WEB:
		return HDL_IR_HTTP;
	case HDL_GW_HTTP2:
		return HDL_IR_HTTP2;
	case HDL_GW_GRPC:
		return HDL_IR_GRPC;
	case HDL_GW_HTTPS:
	case HDL_GW_TLS:
		return HDL_IR_TLS;
	case HDL_GW_UDP:
		return HDL_IR_UDP;
	case HDL_GW_MONGO:
	case HDL_GW_TCP:
	case HDL_GW_MYSQL:
	case HDL_GW_REDIS:
		return HDL_IR_TCP;
	default:
		return HDL_IR_AUTO;
	}
}

/* ---- what it says ---- */

static int describe_ports(const struct hdl_service_entry *spec, struct hdl_xl_registration *r)
{
	r->ports = hdl_ir_alloc(spec->ports.n, sizeof(*r->ports));
	if (!r->ports)
		return -ENOMEM;
	r->ports_of_all_protocols = spec->ports.n;
	for (size_t i = 0; i < spec->ports.n; i++) {
		const struct hdl_se_port *port = &spec->ports.at[i];

		if (i == 0)
			r->first_port = (uint16_t)port->number.value;
		r->ports[r->port_count++] = (struct hdl_xl_port_spec){
			.name = port->name.s,
			.port = (uint16_t)port->number.value,
			.target_port = (uint16_t)(port->target_port.has ? port->target_port : port->number).value,
			.protocol = protocol_of(port->protocol_value),
			.passthrough = spec->resolution.value == HDL_SE_NONE,
			.pos = port->pos,
		};
	}
	return 0;
}

/* A.10: those that Istio gave it are of one of its hosts each. */
static bool is_for(const struct hdl_se_status_address *address, const struct hdl_xl_registration *r)
{
	return address->value.s && (!address->host.s || strcmp(address->host.s, r->fqdn) == 0);
}

/*
 * Its ranges. One without any address is dialled at whatever its names are resolved to: which connection is meant for it
 * only the bytes say that it sends, so any address is known at its ports.
 */
static int describe_subnets(const struct hdl_service_entry *spec, struct hdl_xl_registration *r)
{
	r->subnets = hdl_ir_alloc(1 + spec->addresses.n, sizeof(*r->subnets));
	if (!r->subnets)
		return -ENOMEM;
	for (size_t i = 0; i < spec->addresses.n; i++)
		if (strchr(spec->addresses.at[i].s, '/') &&
		    hdl_xl_subnet(spec->addresses.at[i].s, &r->subnets[r->subnet_count]) == 0)
			r->subnet_count++;
	if (!r->subnet_count && !r->address_count)
		r->subnets[r->subnet_count++] = (struct hdl_ir_subnet){ .prefix = 0 };
	return 0;
}

static int describe_addresses(const struct hdl_service_entry *spec, struct hdl_xl_registration *r)
{
	size_t given = spec->status ? spec->status->addresses.n : 0;

	r->addresses = hdl_ir_alloc(spec->addresses.n + given, sizeof(*r->addresses));
	if (!r->addresses)
		return -ENOMEM;
	for (size_t i = 0; i < spec->addresses.n; i++)
		if (!strchr(spec->addresses.at[i].s, '/'))
			r->addresses[r->address_count++] = &spec->addresses.at[i];
	for (size_t i = 0; i < given && !spec->addresses.n; i++)
		if (is_for(&spec->status->addresses.at[i], r))
			r->addresses[r->address_count++] = &spec->status->addresses.at[i].value;
	r->external_from = r->address_count;
	return describe_subnets(spec, r);
}

static int service_entry_endpoints(struct hdl_xl *xl, const struct hdl_xl_service *service, struct hdl_xl_port *port);

/* Of several hosts each is a service: the others are derived resources with one host (derive.c). */
int hdl_xl_register_service_entry(struct hdl_xl *xl, struct hdl_xl_source *source)
{
	const struct hdl_service_entry *spec = source->res->service_entry;
	struct hdl_xl_registration *r =
		hdl_xl_registration_new(source, hdl_xl_host(xl, spec->hosts.at[0].s, source->res->ns));

	if (!r)
		return -ENOMEM;
	r->host = true;
	r->endpoints = service_entry_endpoints;
	if (describe_ports(spec, r) < 0 || describe_addresses(spec, r) < 0 ||
	    hdl_xl_add_unit(xl, HDL_XL_BACKEND, source, NULL, &source->unit) < 0)
		return -ENOMEM;
	return hdl_xl_enter_service(xl, source);
}

/* ---- endpoints ---- */

struct hdl_ir_locality hdl_xl_locality(struct hdl_xl *xl, const char *text)
{
	const char *zone = strchrnul(text, '/'), *subzone = *zone ? strchrnul(zone + 1, '/') : zone;

	return (struct hdl_ir_locality){
		.region = hdl_xl_internf(xl, "%.*s", (int)(zone - text), text),
		.zone = *zone ? hdl_xl_internf(xl, "%.*s", (int)(subzone - zone - 1), zone + 1) : "",
		.subzone = hdl_xl_intern(xl, *subzone ? subzone + 1 : ""),
	};
}

/* The port of an entry: its own number for the port's name, else the service's target port. */
static uint16_t number_of(const struct hdl_workload_entry *entry, const struct hdl_xl_port_spec *port)
{
	for (size_t i = 0; i < entry->ports.n; i++)
		if (strcmp(entry->ports.at[i].key, port->name) == 0)
			return (uint16_t)entry->ports.at[i].value;
	return port->target_port;
}

static void report_address(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_workload_entry *entry)
{
	const char *address = entry->address.s;

	if (!address || !hdl_xl_first_time(xl, "endpoint %s", address))
		return;
	hdl_xl_report(xl->diags, HDL_WARNING, res, entry->address.pos, NULL,
		      strncmp(address, "unix:", 5) == 0 ?
			      "endpoint %s is a socket of the file system, to which nobody connects yet" :
			      "endpoint %s is a name, which is not resolved yet: it gets no connection",
		      address);
}

struct build {
	struct hdl_xl_port *port;
	const struct hdl_xl_port_spec *spec; /* of the entry whose endpoints are added */
	struct hdl_xl_map known;             /* endpoints by addresses and port */
};

/* Unless it is there: a selector may meet thousands of workloads. */
static int add_once(struct hdl_xl *xl, struct build *b, const struct hdl_ir_endpoint *e)
{
	char v4[HDL_ADDR_TEXT_MAX], v6[HDL_ADDR_TEXT_MAX];
	const char *key = hdl_xl_scratchf(xl, "%s %s %u", hdl_addr_print(&e->address[HDL_FAMILY_V4], v4),
					  hdl_addr_print(&e->address[HDL_FAMILY_V6], v6), e->port);
	struct hdl_ir_endpoint *to = &b->port->endpoints[b->port->endpoint_count];

	if (hdl_xl_map_get(&b->known, key))
		return 0;
	*to = *e;
	b->port->endpoint_count++;
	return hdl_xl_map_put(&b->known, xl->scratch, key, to);
}

/* The entry's labels and those of its object, which win, as in Istio. Scratch memory. */
static int labels_of(struct hdl_xl *xl, const struct hdl_resource *res, struct hdl_kvs *ret)
{
	const struct hdl_kvs *own = &res->workload_entry->labels, *outer = &res->labels;
	struct hdl_kvs all = { .at = hdl_arena_calloc(xl->scratch, own->n + outer->n, sizeof(*all.at)) };

	if (!all.at)
		return -ENOMEM;
	for (size_t i = 0; i < outer->n; i++)
		all.at[all.n++] = outer->at[i];
	for (size_t i = 0; i < own->n; i++)
		if (!hdl_kvs_get(outer, own->at[i].key))
			all.at[all.n++] = own->at[i];
	*ret = all;
	return 0;
}

static int add_entry(struct hdl_xl *xl, struct build *b, const struct hdl_resource *res,
		     const struct hdl_workload_entry *entry, const struct hdl_kvs *labels)
{
	struct hdl_ir_endpoint e = { .port = number_of(entry, b->spec), .weight = 1 };
	char printed[HDL_ADDR_TEXT_MAX];
	struct hdl_addr address;

	if (!entry->address.s || hdl_addr_parse(hdl_str_of(entry->address.s), &address) < 0 ||
	    hdl_addr_is_zero(&address)) {
		report_address(xl, res, entry);
		return 0;
	}
	e.address[hdl_addr_is_v4(&address) ? HDL_FAMILY_V4 : HDL_FAMILY_V6] = address;
	if (entry->weight.has && entry->weight.value)
		e.weight = (uint16_t)(entry->weight.value < UINT16_MAX ? entry->weight.value : UINT16_MAX);
	e.workload = hdl_xl_read_address(xl, hdl_addr_print(&address, printed));
	e.node = e.workload && e.workload->node[0] ? e.workload->node : NULL;
	if (hdl_xl_labels(xl, labels, &e.labels) < 0)
		return -ENOMEM;
	e.locality = entry->locality.s ? hdl_xl_locality(xl, entry->locality.s) :
		     e.workload        ? e.workload->locality :
					 (struct hdl_ir_locality){ "", "", "" };
	return add_once(xl, b, &e);
}

static int add_pod(struct hdl_xl *xl, struct build *b, const struct hdl_resource *res)
{
	const struct hdl_ir_workload *w = hdl_xl_read_pod(xl, hdl_xl_scratchf(xl, "%s/%s", res->ns, res->name));
	struct hdl_ir_endpoint e = { .port = b->spec->target_port, .weight = 1, .workload = w };

	if (!w || (hdl_addr_is_zero(&w->address[HDL_FAMILY_V4]) && hdl_addr_is_zero(&w->address[HDL_FAMILY_V6])))
		return 0;
	memcpy(e.address, w->address, sizeof(e.address));
	e.locality = w->locality;
	e.node = w->node[0] ? w->node : NULL;
	return add_once(xl, b, &e);
}

static bool selects(const struct hdl_kvs *selector, const struct hdl_kvs *labels)
{
	for (size_t i = 0; i < selector->n; i++) {
		const char *value = hdl_kvs_get(labels, selector->at[i].key);

		if (!value || strcmp(value, selector->at[i].value) != 0)
			return false;
	}
	return true;
}

/* Pods and WorkloadEntries of the namespace. */
static int add_selected(struct hdl_xl *xl, struct build *b, const struct hdl_resource *res)
{
	const struct hdl_xl_cell *cell = hdl_xl_read(xl, HDL_XL_WORKLOADS, res->ns);

	for (uint32_t i = 0; cell && i < cell->n; i++) {
		const struct hdl_resource *at = hdl_xl_member(cell, i)->res;
		struct hdl_kvs labels = at->labels;

		if (at->kind == HDL_KIND_WORKLOAD_ENTRY && labels_of(xl, at, &labels) < 0)
			return -ENOMEM;
		if (!selects(&res->service_entry->workload_selector->labels, &labels))
			continue;
		if (at->kind == HDL_KIND_POD ? add_pod(xl, b, at) < 0 :
					       add_entry(xl, b, at, at->workload_entry, &labels) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* D.1: the name itself is the endpoint of such an entry. */
static void report_unresolved(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_xl_service *service)
{
	if (hdl_xl_first_time(xl, "unresolved %s", service->ir.fqdn))
		hdl_xl_report(xl->diags, HDL_WARNING, res, res->service_entry->resolution.pos, "spec.resolution",
			      "%s is not resolved yet: the service has no endpoint (503 UH)", service->ir.fqdn);
}

/* Connections to a range go where they were dialled: with resolution NONE that is what is asked for. */
static void report_ranges(struct hdl_xl *xl, const struct hdl_resource *res)
{
	const struct hdl_texts *addresses = &res->service_entry->addresses;

	for (size_t i = 0; i < addresses->n; i++)
		if (strchr(addresses->at[i].s, '/') &&
		    hdl_xl_first_time(xl, "range %s/%s %s", res->ns, res->name, addresses->at[i].s))
			hdl_xl_report(xl->diags, HDL_WARNING, res, addresses->at[i].pos, "spec.addresses",
				      "connections to the range %s go where they were dialled: only single addresses "
				      "lead to endpoints",
				      addresses->at[i].s);
}

static size_t most_of(struct hdl_xl *xl, const struct hdl_resource *res)
{
	const struct hdl_xl_cell *cell =
		res->service_entry->workload_selector ? hdl_xl_read(xl, HDL_XL_WORKLOADS, res->ns) : NULL;

	return cell ? cell->n : res->service_entry->endpoints.n;
}

/* Those of one entry, at the port as that says it. */
static int add_part(struct hdl_xl *xl, struct build *b, const struct hdl_xl_service *service,
		    const struct hdl_resource *res, const struct hdl_xl_port_spec *port)
{
	const struct hdl_service_entry *spec = res->service_entry;

	if (!port->passthrough)
		report_ranges(xl, res);
	if (port->passthrough)
		return 0;
	b->spec = port;
	if (spec->workload_selector)
		return add_selected(xl, b, res);
	for (size_t i = 0; i < spec->endpoints.n; i++)
		if (add_entry(xl, b, res, &spec->endpoints.at[i], &spec->endpoints.at[i].labels) < 0)
			return -ENOMEM;
	if (!spec->endpoints.n && spec->resolution.value != HDL_SE_STATIC)
		report_unresolved(xl, res, service);
	return 0;
}

/* The entry's own port, if its endpoints are for the port of the service; NULL: they are not. */
static const struct hdl_xl_port_spec *port_of(const struct hdl_xl_part *part, const struct hdl_xl_port_spec *port)
{
	const struct hdl_xl_port_spec *own = hdl_xl_find_port(part->spec, port);

	return own && hdl_xl_joins_port(port->source, part->source) ? own : NULL;
}

static int service_entry_endpoints(struct hdl_xl *xl, const struct hdl_xl_service *service, struct hdl_xl_port *port)
{
	const struct hdl_xl_registration *r = service->spec;
	struct build b = { .port = port };
	size_t most = r->part_count ? 0 : most_of(xl, service->res);

	for (size_t i = 0; i < r->part_count; i++)
		most += port_of(&r->parts[i], port->spec) ? most_of(xl, r->parts[i].source->res) : 0;
	port->endpoints = hdl_arena_calloc(xl->scratch, most, sizeof(*port->endpoints));
	if (!port->endpoints)
		return -ENOMEM;
	if (!r->part_count)
		return add_part(xl, &b, service, service->res, port->spec);
	for (size_t i = 0; i < r->part_count; i++) {
		const struct hdl_xl_port_spec *own = port_of(&r->parts[i], port->spec);

		if (own && add_part(xl, &b, service, r->parts[i].source->res, own) < 0)
			return -ENOMEM;
	}
	return 0;
}
