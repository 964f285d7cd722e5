/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several ServiceEntries for one host (specification D.1): one service, in which the oldest has each port, with the
 * endpoints of all that resolve it alike.
 */
#include "xlate/priv.h"

#include <errno.h>
#include <string.h>

#include "model/registry.h"

/* D.1: of several sources for one name a Kubernetes Service has it, else the first. */
struct hdl_xl_source *hdl_xl_name_owner(const struct hdl_xl_cell *services)
{
	for (uint32_t i = 0; i < services->n; i++)
		if (hdl_xl_member(services, i)->res->kind == HDL_KIND_SERVICE)
			return hdl_xl_member(services, i);
	return services->n ? hdl_xl_member(services, 0) : NULL;
}

struct hdl_xl_source *hdl_xl_service_source(struct hdl_xl *xl, const struct hdl_xl_source *source)
{
	const struct hdl_xl_registration *r = source->data, *other;
	const struct hdl_xl_cell *cell = hdl_xl_read(xl, HDL_XL_SERVICES, r->fqdn);
	struct hdl_xl_source *owner = cell ? hdl_xl_name_owner(cell) : NULL;

	if (!owner || owner == source)
		return owner;
	other = owner->data;
	return r->host && other->host &&
			       strcmp(hdl_xl_export_text(xl, source->res), hdl_xl_export_text(xl, owner->res)) == 0 ?
		       owner :
		       NULL;
}

bool hdl_xl_same_port(const struct hdl_xl_port_spec *a, const struct hdl_xl_port_spec *b)
{
	return a->port == b->port && hdl_xl_is_udp(a->protocol) == hdl_xl_is_udp(b->protocol);
}

const struct hdl_xl_port_spec *hdl_xl_find_port(const struct hdl_xl_registration *r,
						const struct hdl_xl_port_spec *port)
{
	for (size_t i = 0; i < r->port_count; i++)
		if (hdl_xl_same_port(&r->ports[i], port))
			return &r->ports[i];
	return NULL;
}

/* ---- what would come between two services ---- */

/* Another service that asks for the address has one of these ports, or would get it from an entry that joins it. */
static const struct hdl_xl_source *rival(struct hdl_xl *xl, const struct hdl_xl_source *owner,
					 const struct hdl_text *address, const struct hdl_xl_port_spec *ports, size_t n)
{
	struct hdl_addr parsed;
	char printed[HDL_ADDR_TEXT_MAX];
	const struct hdl_xl_cell *cell;

	if (hdl_addr_parse(hdl_str_of(address->s), &parsed) < 0)
		return NULL;
	cell = hdl_xl_read(xl, HDL_XL_SERVICE_IPS, hdl_addr_print(&parsed, printed));
	for (uint32_t i = 0; cell && i < cell->n; i++) {
		const struct hdl_xl_source *member = hdl_xl_member(cell, i), *of = hdl_xl_service_source(xl, member);
		const struct hdl_xl_cell *same =
			of && of != owner ?
				hdl_xl_read(xl, HDL_XL_SERVICES, ((const struct hdl_xl_registration *)of->data)->fqdn) :
				NULL;

		for (uint32_t k = 0; same && k < same->n; k++)
			for (size_t p = 0; p < n; p++)
				if (hdl_xl_service_source(xl, hdl_xl_member(same, k)) == of &&
				    hdl_xl_find_port(hdl_xl_member(same, k)->data, &ports[p]))
					return hdl_xl_member(same, k);
	}
	return NULL;
}

static void report_rival(struct hdl_xl *xl, const struct hdl_xl_source *source, struct hdl_pos pos, const char *field,
			 const char *what, const struct hdl_xl_source *other)
{
	const struct hdl_xl_registration *r = source->data, *of_other = other->data;

	hdl_xl_report(xl->diags, HDL_WARNING, source->res, pos, field,
		      "%s does not become one of %s: %s %s/%s at %s:%u has an address and port in common, for %s", what,
		      r->fqdn, hdl_kind_name(other->res->kind), other->res->ns, other->res->name, other->res->file,
		      other->res->pos.line, of_other->fqdn);
}

/* ---- the joined registration ---- */

static void add_ports(struct hdl_xl *xl, const struct hdl_xl_source *owner, const struct hdl_xl_source *source,
		      struct hdl_xl_registration *r)
{
	const struct hdl_xl_registration *of_owner = owner->data, *spec = source->data;

	for (size_t p = 0; p < spec->port_count; p++) {
		const struct hdl_xl_port_spec *port = &spec->ports[p];
		const struct hdl_xl_source *other = NULL;

		if (hdl_xl_find_port(r, port))
			continue;
		for (size_t a = 0; a < of_owner->address_count && !other; a++)
			other = rival(xl, owner, of_owner->addresses[a], port, 1);
		if (other) {
			report_rival(xl, source, port->pos, "spec.ports", hdl_xl_scratchf(xl, "port %u", port->port),
				     other);
			continue;
		}
		r->ports[r->port_count] = *port;
		r->ports[r->port_count++].source = source;
		r->ports_of_all_protocols++;
	}
}

/* An address of a later entry is one for all ports. */
static void add_addresses(struct hdl_xl *xl, const struct hdl_xl_source *owner, const struct hdl_xl_source *source,
			  struct hdl_xl_registration *r, struct hdl_xl_part *part)
{
	const struct hdl_xl_registration *spec = source->data;
	struct hdl_xl_port_spec *others = hdl_arena_calloc(xl->scratch, r->port_count, sizeof(*others));
	size_t n = 0;

	if (!others) {
		xl->no_memory = true;
		return;
	}
	for (size_t p = 0; p < r->port_count; p++)
		if (!hdl_xl_find_port(spec, &r->ports[p]))
			others[n++] = r->ports[p];
	part->addresses = &r->addresses[r->address_count];
	for (size_t a = 0; a < spec->address_count; a++) {
		const struct hdl_xl_source *other = rival(xl, owner, spec->addresses[a], others, n);

		if (other)
			report_rival(xl, source, spec->addresses[a]->pos, "spec.addresses",
				     hdl_xl_scratchf(xl, "address %s", spec->addresses[a]->s), other);
		else
			r->addresses[r->address_count++] = spec->addresses[a];
	}
	part->address_count = (size_t)(&r->addresses[r->address_count] - part->addresses);
}

static void add_subnet(struct hdl_xl_registration *r, const struct hdl_ir_subnet *subnet)
{
	for (size_t i = 0; i < r->subnet_count; i++)
		if (r->subnets[i].prefix == subnet->prefix && hdl_addr_equal(&r->subnets[i].address, &subnet->address))
			return;
	r->subnets[r->subnet_count++] = *subnet;
}

static int allocate(struct hdl_xl *xl, const struct hdl_xl_source *owner, const struct hdl_xl_cell *cell,
		    struct hdl_xl_registration *r, struct hdl_xl_part **ret_parts)
{
	struct hdl_xl_part *parts = hdl_arena_calloc(xl->arena, cell->n, sizeof(*parts));
	size_t ports = 0, addresses = 0, subnets = 0;

	if (!parts)
		return -ENOMEM;
	for (uint32_t i = 0; i < cell->n; i++) {
		const struct hdl_xl_registration *spec = hdl_xl_member(cell, i)->data;

		if (hdl_xl_service_source(xl, hdl_xl_member(cell, i)) != owner)
			continue;
		parts[r->part_count++] = (struct hdl_xl_part){ .source = hdl_xl_member(cell, i), .spec = spec };
		ports += spec->port_count;
		addresses += spec->address_count;
		subnets += spec->subnet_count;
	}
	r->ports = hdl_arena_calloc(xl->arena, ports, sizeof(*r->ports));
	r->addresses = hdl_arena_calloc(xl->arena, addresses, sizeof(*r->addresses));
	r->subnets = hdl_arena_calloc(xl->arena, subnets, sizeof(*r->subnets));
	*ret_parts = parts;
	return r->ports && r->addresses && r->subnets ? 0 : -ENOMEM;
}

int hdl_xl_join_entries(struct hdl_xl *xl, const struct hdl_xl_source *owner, const struct hdl_xl_registration **ret)
{
	const struct hdl_xl_registration *own = owner->data;
	const struct hdl_xl_cell *cell = hdl_xl_read(xl, HDL_XL_SERVICES, own->fqdn);
	struct hdl_xl_registration *r;
	struct hdl_xl_part *parts;

	*ret = own;
	if (!cell)
		return -ENOMEM;
	if (!own->host || cell->n == 1)
		return 0;
	r = hdl_arena_alloc(xl->arena, sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = *own;
	r->part_count = r->port_count = r->address_count = r->subnet_count = 0;
	if (allocate(xl, owner, cell, r, &parts) < 0)
		return -ENOMEM;
	r->parts = parts;
	r->ports_of_all_protocols -= own->port_count;
	for (size_t i = 0; i < r->part_count; i++)
		add_ports(xl, owner, parts[i].source, r);
	for (size_t i = 0; i < r->part_count; i++) {
		const struct hdl_xl_registration *spec = parts[i].spec;

		add_addresses(xl, owner, parts[i].source, r, &parts[i]);
		for (size_t s = 0; s < spec->subnet_count; s++)
			add_subnet(r, &spec->subnets[s]);
	}
	r->external_from = r->address_count;
	*ret = r;
	return 0;
}

/* ---- what the others are told ---- */

static enum hdl_se_resolution resolution_of(const struct hdl_xl_source *source)
{
	return (enum hdl_se_resolution)source->res->service_entry->resolution.value;
}

bool hdl_xl_joins_port(const struct hdl_xl_source *first, const struct hdl_xl_source *other)
{
	return resolution_of(first) == resolution_of(other);
}

static void report_port(struct hdl_xl *xl, const struct hdl_xl_source *source, const struct hdl_xl_port_spec *port,
			const struct hdl_xl_source *first)
{
	const struct hdl_xl_registration *r = source->data;
	const struct hdl_xl_port_spec *theirs = hdl_xl_find_port(first->data, port);
	const struct hdl_resource *of = first->res;

	if (!hdl_xl_joins_port(first, source))
		hdl_xl_report(xl->diags, HDL_WARNING, source->res, port->pos, "spec.ports",
			      "port %u of %s is already that of ServiceEntry %s/%s at %s:%u, with another resolution: "
			      "this one adds no endpoints to it",
			      port->port, r->fqdn, of->ns, of->name, of->file, of->pos.line);
	else if (theirs->protocol != port->protocol)
		hdl_xl_report(
			xl->diags, HDL_WARNING, source->res, port->pos, "spec.ports",
			"port %u of %s is already that of ServiceEntry %s/%s at %s:%u, whose protocol counts; the "
			"endpoints are those of both",
			port->port, r->fqdn, of->ns, of->name, of->file, of->pos.line);
}

void hdl_xl_report_joined(struct hdl_xl *xl, const struct hdl_xl_source *source)
{
	const struct hdl_xl_registration *r = source->data;
	const struct hdl_xl_cell *cell = hdl_xl_read(xl, HDL_XL_SERVICES, r->fqdn);
	const struct hdl_xl_source *owner = cell ? hdl_xl_name_owner(cell) : NULL;
	bool joined = owner && hdl_xl_service_source(xl, source) == owner;

	if (owner && !joined)
		hdl_xl_report(xl->diags, HDL_WARNING, source->res, source->res->service_entry->hosts.at[0].pos,
			      "spec.hosts", "%s is already a host of %s %s/%s at %s:%u, which keeps it%s", r->fqdn,
			      hdl_kind_name(owner->res->kind), owner->res->ns, owner->res->name, owner->res->file,
			      owner->res->pos.line,
			      owner->res->kind == HDL_KIND_SERVICE ? "" : ", as it is for other clients (exportTo)");
	for (size_t p = 0; joined && p < r->port_count; p++)
		for (uint32_t i = 0; i < cell->n && hdl_xl_member(cell, i) != source; i++) {
			const struct hdl_xl_source *first = hdl_xl_member(cell, i);

			if (hdl_xl_service_source(xl, first) != owner || !hdl_xl_find_port(first->data, &r->ports[p]))
				continue;
			report_port(xl, source, &r->ports[p], first);
			break;
		}
}
