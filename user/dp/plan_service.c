/* SPDX-License-Identifier: Apache-2.0 */
/* Service ports of a plan: their numbers, their rows in `route`, and a record for each address. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include "base/addr.h"
#include "base/hash.h"
#include "dp/publisher.h"

/* Headless services are dialled at their endpoints; datagrams are not translated. */
bool hdl_plan_is_dialled(const struct hdl_ir_service_port *port)
{
	return port->service->address_count && port->protocol != HDL_IR_UDP && port->label != HDL_LABEL_NONE;
}

struct hdl_vip_key hdl_plan_vip_key(const struct hdl_ir_service_port *port, size_t a)
{
	return (struct hdl_vip_key){
		.address = port->service->addresses[a],
		.port = htons(port->port),
		.protocol = IPPROTO_TCP,
	};
}

static bool same_port(const struct hdl_ir_service_port *a, const struct hdl_ir_service_port *b)
{
	return a->port == b->port && strcmp(a->service->fqdn, b->service->fqdn) == 0;
}

/* As with pods: the number stays with who has it, and who goes leaves it to the same port only. */
static bool may_have(const struct hdl_plan *plan, const struct hdl_ir_service_port *port, uint32_t id)
{
	const struct hdl_publisher *p = plan->publisher;
	const struct hdl_ir_service_port *holder = p->port[id].at;

	if (p->port_marks.wanted[id] == plan->serial)
		return false;
	return !holder || (p->port_marks.left[id] == plan->serial && same_port(holder, port));
}

static int intern_service_port(struct hdl_plan *plan, const struct hdl_ir_service_port *port, uint32_t *ret_number,
			       uint32_t *ret_id, bool *ret_fresh)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_plan_port *item;
	char name[600];
	uint32_t number;
	int r;

	snprintf(name, sizeof(name), "%s:%u", port->service->fqdn, port->port);
	number = (uint32_t)hdl_hash64(name, strlen(name), 0);
	for (;; number++) {
		if (number == 0)
			continue;
		r = hdl_plan_intern(plan, &p->service_port, &number, &plan->fresh_ports, "service", "service port",
				    name, ret_id, ret_fresh);
		if (r < 0)
			return r;
		if (*ret_fresh || may_have(plan, port, *ret_id))
			break;
	}
	item = hdl_plan_item(plan, sizeof(*item));
	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_port){ .next = plan->ports, .id = *ret_id, .port = port };
	plan->ports = item;
	p->port_marks.wanted[*ret_id] = plan->serial;
	*ret_number = number;
	return 0;
}

static int build_rows(struct hdl_plan *plan, const struct hdl_ir_service_port *port, struct hdl_route_row **ret)
{
	struct hdl_route_row *rows;

	if (port->destination_count > HDL_ROUTE_DESTINATIONS_MAX)
		return hdl_err_set(plan->err, -ENOSPC,
				   "service %s:%u has %zu weighted destinations, at most %u are possible",
				   port->service->fqdn, port->port, port->destination_count,
				   HDL_ROUTE_DESTINATIONS_MAX);
	rows = hdl_arena_calloc(plan->arena, port->destination_count ? port->destination_count : 1, sizeof(*rows));
	if (!rows)
		return hdl_err_set(plan->err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < port->destination_count; i++) {
		const struct hdl_ir_destination *d = &port->destinations[i];

		rows[i].threshold = d->threshold;
		rows[i].cluster = d->cluster ? d->cluster->id : HDL_CLUSTER_NONE;
	}
	*ret = rows;
	return 0;
}

static int push_route(struct hdl_plan *plan, uint32_t service_port, struct hdl_range range)
{
	struct hdl_plan_route *item = hdl_plan_item(plan, sizeof(*item));

	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_route){ .next = plan->routes, .service_port = service_port, .range = range };
	plan->routes = item;
	return 0;
}

/* The route of a service port: the range it has, if the rows are the same, else a new one. */
static int plan_route(struct hdl_plan *plan, const struct hdl_ir_service_port *port, uint32_t id, bool fresh,
		      struct hdl_range *ret)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_range old = { 0, 0 }, range = { 0, 0 };
	uint32_t count = (uint32_t)port->destination_count;
	struct hdl_route_row *rows = NULL;
	int r = build_rows(plan, port, &rows);

	if (r < 0)
		return r;
	if (!fresh)
		old = p->port[id].route;
	if (old.count == count &&
	    (count == 0 || memcmp(p->maps->route + old.offset, rows, count * sizeof(*rows)) == 0)) {
		*ret = old;
		return fresh ? push_route(plan, id, old) : 0;
	}
	if (count) {
		r = hdl_ranges_alloc(&p->route_ranges, count, &range);
		if (r == -ENOSPC)
			return hdl_err_set(plan->err, r, "map route is full (%u of %u free): no room for service %s:%u",
					   p->route_ranges.free, p->route_ranges.total, port->service->fqdn,
					   port->port);
		if (r == 0) {
			r = hdl_plan_push_range(plan, &plan->rows, range, rows);
			if (r < 0)
				hdl_ranges_free(&p->route_ranges, range);
		}
		if (r < 0)
			return hdl_err_set(plan->err, r, "out of memory");
	}
	r = hdl_plan_retire_range(plan, &plan->retired_rows, old, 0);
	if (r == 0)
		r = push_route(plan, id, range);
	*ret = range;
	return r;
}

/* Two services with one address: the other wants it too, or has it and stays. */
static bool is_taken(const struct hdl_plan *plan, uint32_t id, bool fresh)
{
	const struct hdl_publisher *p = plan->publisher;

	if (fresh)
		return false;
	return p->service_marks.wanted[id] == plan->serial ||
	       (p->service_at[id] && p->service_marks.left[id] != plan->serial);
}

static int plan_service_address(struct hdl_plan *plan, const struct hdl_ir_service_port *port, struct hdl_vip_key key,
				struct hdl_service_version version)
{
	struct hdl_publisher *p = plan->publisher;
	const struct hdl_service_version *now;
	struct hdl_plan_service *item;
	char name[HDL_ADDR_PORT_TEXT_MAX];
	uint32_t id;
	bool fresh;
	int r, at;

	hdl_addr_port_print(&key.address, port->port, name);
	r = hdl_plan_intern(plan, &p->service, &key, &plan->fresh_services, "service", "service address", name, &id,
			    &fresh);
	if (r < 0)
		return r;
	if (is_taken(plan, id, fresh))
		return hdl_err_set(plan->err, -EEXIST, "service address %s of %s belongs to another service too", name,
				   port->service->fqdn);
	p->service_marks.wanted[id] = plan->serial;
	version.key = key;
	at = fresh ? -1 : hdl_publisher_service_version(p, id);
	now = at < 0 ? NULL : &p->maps->service[id].version[at];
	if (now && memcmp((const char *)&version + sizeof(version.epoch), (const char *)now + sizeof(now->epoch),
			  sizeof(version) - sizeof(version.epoch)) == 0)
		return 0;
	item = hdl_plan_item(plan, sizeof(*item));
	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_service){ .next = plan->services, .id = id, .fresh = fresh, .version = version };
	plan->services = item;
	return 0;
}

static int plan_service_port(struct hdl_plan *plan, const struct hdl_ir_service_port *port)
{
	struct hdl_service_version version = { .label = (__u8)port->label, .fail_mode = (__u8)port->fail_mode };
	const struct hdl_ir_service *service = port->service;
	struct hdl_range route = { 0, 0 };
	uint32_t id;
	bool fresh;
	int r;

	if (!hdl_plan_is_dialled(port))
		return 0;
	plan->service_total += (uint32_t)service->address_count;
	if (plan->service_total > plan->publisher->capacity.services)
		return hdl_err_set(plan->err, -ENOSPC, "map vip: mapCapacity.services is %u, service %s:%u is over it",
				   plan->publisher->capacity.services, service->fqdn, port->port);
	r = intern_service_port(plan, port, &version.service_port, &id, &fresh);
	if (r == 0)
		r = plan_route(plan, port, id, fresh, &route);
	if (r < 0)
		return r;
	version.route_offset = route.offset;
	version.route_count = (__u16)route.count;
	for (size_t i = 0; r == 0 && i < service->address_count; i++)
		r = plan_service_address(plan, port, hdl_plan_vip_key(port, i), version);
	return r;
}

/* --- the difference ------------------------------------------------------------------------------------------------ */

/* Its id in the registry of ports, from the record of any of its addresses; 0 = none. */
static uint32_t id_of(const struct hdl_publisher *p, const struct hdl_ir_service_port *port)
{
	struct hdl_vip_key key = hdl_plan_vip_key(port, 0);
	uint32_t id = hdl_registry_find(&p->service, &key);
	int at = id ? hdl_publisher_service_version(p, id) : -1;

	return at < 0 ? 0 : hdl_registry_find(&p->service_port, &p->maps->service[id].version[at].service_port);
}

void hdl_plan_services_left(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;

	for (size_t i = 0; i < plan->port_diff.gone_count; i++) {
		const struct hdl_ir_service_port *port = plan->port_diff.gone[i];

		if (!hdl_plan_is_dialled(port))
			continue;
		plan->service_total -= (uint32_t)port->service->address_count;
		p->port_marks.left[id_of(p, port)] = plan->serial;
		for (size_t a = 0; a < port->service->address_count; a++) {
			struct hdl_vip_key key = hdl_plan_vip_key(port, a);

			p->service_marks.left[hdl_registry_find(&p->service, &key)] = plan->serial;
		}
	}
}

int hdl_plan_services_came(struct hdl_plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->port_diff.came_count; i++)
		r = plan_service_port(plan, plan->port_diff.came[i]);
	return r;
}

static int plan_gone_service(struct hdl_plan *plan, uint32_t id)
{
	struct hdl_plan_service *item = hdl_plan_item(plan, sizeof(*item));

	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_service){ .next = plan->services, .id = id };
	memcpy(&item->version.key, hdl_registry_key(&plan->publisher->service, id), sizeof(item->version.key));
	plan->services = item;
	return 0;
}

static int leave(struct hdl_plan *plan, const struct hdl_ir_service_port *port)
{
	struct hdl_publisher *p = plan->publisher;
	int r;

	if (!hdl_plan_is_dialled(port))
		return 0;
	r = hdl_plan_leave(plan, &p->port_marks, id_of(p, port), &plan->gone_ports);
	for (size_t a = 0; r == 0 && a < port->service->address_count; a++) {
		struct hdl_vip_key key = hdl_plan_vip_key(port, a);

		r = hdl_plan_leave(plan, &p->service_marks, hdl_registry_find(&p->service, &key), &plan->gone_services);
	}
	return r;
}

int hdl_plan_services_gone(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->port_diff.gone_count; i++)
		r = leave(plan, plan->port_diff.gone[i]);
	for (const struct hdl_plan_id *i = plan->gone_services; r == 0 && i; i = i->next)
		r = plan_gone_service(plan, i->id);
	for (const struct hdl_plan_id *i = plan->gone_ports; r == 0 && i; i = i->next)
		r = hdl_plan_retire_range(plan, &plan->retired_rows, p->port[i->id].route, 0);
	return r;
}
