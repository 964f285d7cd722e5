/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service ports of a plan: a record for each place at which one is dialled, and for each class of clients that gets
 * something else there. A place is a service's own: two services with one address are refused. Not so the addresses that
 * are known and left as they are: a pod is a member of many headless services, and its record stays as long as one has it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "base/addr.h"
#include "base/hash.h"
#include "dp/publisher.h"

/* --- places -------------------------------------------------------------------------------------------------------- */

struct place {
	struct hdl_vip_key key; /* class 0 */
	uint32_t flags;         /* enum hdl_service_flags */
	bool direct;            /* left as it is */
};

static bool is_own_address(const struct hdl_ir_service *service, const struct hdl_addr *address)
{
	for (size_t i = 0; i < service->address_count; i++)
		if (hdl_addr_equal(&service->addresses[i], address))
			return true;
	return false;
}

static uint32_t external_flags(const struct hdl_ir_service *service)
{
	return HDL_SERVICE_EXTERNAL | (service->external_local ? HDL_SERVICE_EXTERNAL_LOCAL : 0u);
}

static size_t place_count(const struct hdl_ir_service_port *port)
{
	const struct hdl_ir_service *service = port->service;

	return service->address_count + service->external_address_count + service->direct_count + 1;
}

/* False: there is none with this number. */
static bool place_at(const struct hdl_ir_service_port *port, size_t i, struct place *ret)
{
	const struct hdl_ir_service *service = port->service;

	*ret = (struct place){ .key = { .port = htons(port->port), .protocol = IPPROTO_TCP } };
	if (port->protocol == HDL_IR_UDP)
		ret->key.protocol = IPPROTO_UDP;
	if (i < service->address_count) {
		ret->key.address = service->addresses[i];
		ret->flags = service->internal_local ? HDL_SERVICE_INTERNAL_LOCAL : 0;
		return true;
	}
	i -= service->address_count;
	if (i < service->external_address_count) {
		ret->key.address = service->external_addresses[i];
		ret->flags = external_flags(service);
		return !is_own_address(service, &ret->key.address);
	}
	i -= service->external_address_count;
	if (i < service->direct_count) {
		ret->key.address = service->direct[i].address;
		ret->direct = true;
		if (service->direct[i].prefix == 0)
			ret->key.address = hdl_addr_every();
		else if (service->direct[i].prefix < 128)
			ret->key.prefix = service->direct[i].prefix;
		return ret->key.prefix || !is_own_address(service, &ret->key.address);
	}
	ret->key.port = htons(port->node_port);
	ret->flags = external_flags(service);
	return port->node_port != 0;
}

struct hdl_vip_key hdl_plan_vip_key(const struct hdl_ir_service_port *port, size_t a)
{
	struct place place;

	place_at(port, a, &place);
	return place.key;
}

/* --- what clients of a class get there ----------------------------------------------------------------------------- */

struct outcome {
	const struct hdl_ir_service_port *seen; /* NULL: nothing */
	const struct hdl_ir_l4_route *rule;     /* NULL: seen->destinations */
};

static struct outcome outcome_of(const struct hdl_client_class *class, const struct hdl_ir_service_port *port,
				 const struct place *place)
{
	struct outcome o = { .seen = hdl_client_seen(class, port) };

	if (o.seen && !place->direct)
		o.rule = hdl_ir_l4_route_for(o.seen, &place->key.address, class ? class->example : NULL);
	return o;
}

static bool same_outcome(const struct outcome *a, const struct outcome *b)
{
	return a->seen == b->seen && a->rule == b->rule;
}

/* --- numbers ------------------------------------------------------------------------------------------------------- */

static bool same_port(const struct hdl_ir_service_port *a, const struct hdl_ir_service_port *b)
{
	return a->port == b->port && (a->protocol == HDL_IR_UDP) == (b->protocol == HDL_IR_UDP) &&
	       strcmp(a->service->fqdn, b->service->fqdn) == 0;
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

static int number_port(struct hdl_plan *plan, const struct hdl_ir_service_port *port, uint32_t *ret_number)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_plan_port *item;
	char name[600];
	uint32_t number, id;
	bool fresh;
	int r;

	snprintf(name, sizeof(name), "%s:%u%s", port->service->fqdn, port->port,
		 port->protocol == HDL_IR_UDP ? "/udp" : "");
	number = (uint32_t)hdl_hash64(name, strlen(name), 0);
	for (;; number++) {
		if (number == 0)
			continue;
		r = hdl_plan_intern(plan, &p->service_port, &number, &plan->fresh_ports, "service", "service port",
				    name, &id, &fresh);
		if (r < 0)
			return r;
		if (fresh || may_have(plan, port, id))
			break;
	}
	item = hdl_plan_item(plan, sizeof(*item));
	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_port){ .next = plan->ports, .id = id, .port = port };
	plan->ports = item;
	p->port_marks.wanted[id] = plan->serial;
	*ret_number = number;
	return 0;
}

/* --- records ------------------------------------------------------------------------------------------------------- */

/* The plan's note on a record that the difference touches, made on demand. */
static struct hdl_plan_service *touch(struct hdl_plan *plan, uint32_t id, bool fresh)
{
	struct hdl_publisher_service *info = &plan->publisher->service_at[id];

	if (info->touched == plan->serial && !fresh)
		return info->item;
	info->item = hdl_plan_item(plan, sizeof(*info->item));
	if (!info->item)
		return NULL;
	*info->item = (struct hdl_plan_service){ .next = plan->touched, .id = id, .fresh = fresh };
	memcpy(&info->item->version.key, hdl_registry_key(&plan->publisher->service, id),
	       sizeof(info->item->version.key));
	info->touched = plan->serial;
	plan->touched = info->item;
	return info->item;
}

static int touch_key(struct hdl_plan *plan, const struct hdl_ir_service_port *port, const struct hdl_vip_key *key,
		     struct hdl_plan_service **ret)
{
	char name[HDL_ADDR_PORT_TEXT_MAX];
	uint32_t id;
	bool fresh;
	int r;

	hdl_addr_port_print(&key->address, ntohs(key->port), name);
	r = hdl_plan_intern(plan, &plan->publisher->service, key, &plan->fresh_services, "service", "service address",
			    name, &id, &fresh);
	if (r < 0)
		return r;
	*ret = touch(plan, id, fresh);
	if (!*ret)
		return -ENOMEM;
	if (!(*ret)->port)
		(*ret)->port = port;
	return 0;
}

/* Two services with one address: the other wants it too, or has it and stays. */
static bool is_taken(const struct hdl_plan *plan, const struct hdl_plan_service *item)
{
	const struct hdl_publisher *p = plan->publisher;

	if (item->fresh || item->claimed)
		return item->claimed;
	return p->service_at[item->id].at && p->service_marks.left[item->id] != plan->serial;
}

static int claim(struct hdl_plan *plan, const struct hdl_ir_service_port *port,
		 const struct hdl_service_version *version, uint32_t route)
{
	char name[HDL_ADDR_PORT_TEXT_MAX];
	struct hdl_plan_service *item;
	int r = touch_key(plan, port, &version->key, &item);

	if (r < 0)
		return r;
	if (is_taken(plan, item))
		return hdl_err_set(plan->err, -EEXIST, "service address %s of %s belongs to another service too",
				   hdl_addr_port_print(&version->key.address, ntohs(version->key.port), name),
				   port->service->fqdn);
	item->claimed = true;
	item->port = port;
	item->version = *version;
	item->route = route;
	plan->publisher->service_marks.wanted[item->id] = plan->serial;
	return 0;
}

/* One more or less of those to whom the place is known (or hidden), and who leave it as it is. */
static int share(struct hdl_plan *plan, const struct hdl_ir_service_port *port, const struct hdl_vip_key *key,
		 bool visible, int change)
{
	struct hdl_plan_service *item;
	struct hdl_publisher_service *info;
	struct hdl_plan_use *use;
	int r = touch_key(plan, port, key, &item);

	if (r < 0)
		return r;
	use = hdl_plan_item(plan, sizeof(*use));
	if (!use)
		return -ENOMEM;
	*use = (struct hdl_plan_use){ .next = plan->service_uses, .id = item->id };
	use->change[!visible] = change;
	plan->service_uses = use;
	info = &plan->publisher->service_at[item->id];
	info->visible += (uint32_t)use->change[0];
	info->hidden += (uint32_t)use->change[1];
	return 0;
}

static int share_place(struct hdl_plan *plan, const struct hdl_client_table *table,
		       const struct hdl_ir_service_port *port, const struct place *place, int change)
{
	bool matters = hdl_client_matters(table, port), visible = hdl_client_seen(NULL, port) != NULL, any = visible;
	struct hdl_vip_key key = place->key;
	int r = 0;

	for (size_t c = 0; matters && r == 0 && c < table->class_count; c++) {
		bool seen = hdl_client_seen(&table->classes[c], port) != NULL;

		if (seen == visible)
			continue;
		any = true;
		key.class_id = table->classes[c].id;
		r = share(plan, port, &key, seen, change);
	}
	return r == 0 && any ? share(plan, port, &place->key, visible, change) : r;
}

static int make_version(struct hdl_plan *plan, const struct hdl_ir_service_port *port, const struct place *place,
			const struct outcome *outcome, uint32_t number, struct hdl_service_version *ret,
			uint32_t *ret_route)
{
	const struct hdl_ir_service_port *seen = outcome->seen;
	int r;

	*ret = (struct hdl_service_version){ .key = place->key, .flags = place->flags, .service_port = number };
	*ret_route = 0;
	if (!seen) {
		ret->flags |= HDL_SERVICE_HIDDEN;
		return 0;
	}
	ret->label = (__u8)seen->label;
	ret->fail_mode = (__u8)seen->fail_mode;
	ret->affinity_timeout_s = seen->affinity_timeout_s;
	if (outcome->rule)
		r = hdl_plan_route(plan, port, outcome->rule->destinations, outcome->rule->destination_count,
				   ret_route);
	else
		r = hdl_plan_route(plan, port, seen->destinations, seen->destination_count, ret_route);
	if (r == 0 && *ret_route) {
		struct hdl_range range = plan->publisher->route_at[*ret_route].range;

		ret->route_offset = range.offset;
		ret->route_count = (__u16)range.count;
		ret->only_cluster = hdl_plan_route_only(plan, *ret_route);
	}
	return r;
}

/* All but the key. */
static bool same_version(const struct hdl_service_version *a, const struct hdl_service_version *b)
{
	return memcmp((const char *)a + offsetof(struct hdl_service_version, route_offset),
		      (const char *)b + offsetof(struct hdl_service_version, route_offset),
		      sizeof(*a) - offsetof(struct hdl_service_version, route_offset)) == 0;
}

/* Only classes that get something else than most have a record of their own. */
static int claim_place(struct hdl_plan *plan, const struct hdl_ir_service_port *port, const struct place *place,
		       uint32_t *number)
{
	const struct hdl_client_table *table = hdl_plan_client_table(plan);
	struct outcome most = outcome_of(NULL, port, place);
	bool matters = hdl_client_matters(table, port), others = false;
	struct hdl_service_version base, version;
	uint32_t route, own;
	int r = 0;

	if (!most.seen && !matters)
		return 0;
	if (*number == 0)
		r = number_port(plan, port, number);
	if (r == 0)
		r = make_version(plan, port, place, &most, *number, &base, &route);
	for (size_t c = 0; matters && r == 0 && c < table->class_count; c++) {
		struct outcome o = outcome_of(&table->classes[c], port, place);

		if (same_outcome(&o, &most))
			continue;
		r = make_version(plan, port, place, &o, *number, &version, &own);
		if (r < 0 || same_version(&version, &base))
			continue;
		version.key.class_id = table->classes[c].id;
		r = claim(plan, port, &version, own);
		others = true;
	}
	if (r < 0 || (!most.seen && !others))
		return r;
	if (others)
		base.flags |= HDL_SERVICE_CLASSES;
	return claim(plan, port, &base, route);
}

static int plan_port(struct hdl_plan *plan, const struct hdl_ir_service_port *port)
{
	uint32_t number = 0;
	struct place place;
	int r = 0;

	for (size_t i = 0; r == 0 && i < place_count(port); i++) {
		if (!place_at(port, i, &place))
			continue;
		if (place.direct)
			r = share_place(plan, hdl_plan_client_table(plan), port, &place, 1);
		else
			r = claim_place(plan, port, &place, &number);
	}
	return r;
}

/* --- the difference ------------------------------------------------------------------------------------------------ */

/* A record that the port has, if it has this one. */
static int leave_record(struct hdl_plan *plan, const struct hdl_ir_service_port *port, const struct hdl_vip_key *key)
{
	struct hdl_publisher *p = plan->publisher;
	uint32_t id = hdl_registry_find(&p->service, key);
	int at;

	if (id == 0 || p->service_at[id].at != port)
		return 0;
	if (!touch(plan, id, false))
		return -ENOMEM;
	p->service_marks.left[id] = plan->serial;
	at = hdl_publisher_service_version(p, id);
	if (at >= 0)
		p->port_marks.left[hdl_registry_find(&p->service_port, &p->maps->service[id].version[at].service_port)] =
			plan->serial;
	return 0;
}

/* As plan_port() made them, by the classes that are in force. */
static int leave_port(struct hdl_plan *plan, const struct hdl_ir_service_port *port)
{
	const struct hdl_client_table *table = plan->publisher->clients;
	bool matters = hdl_client_matters(table, port);
	struct place place;
	int r = 0;

	for (size_t i = 0; r == 0 && i < place_count(port); i++) {
		if (!place_at(port, i, &place))
			continue;
		if (place.direct) {
			r = share_place(plan, table, port, &place, -1);
			continue;
		}
		r = leave_record(plan, port, &place.key);
		for (size_t c = 0; matters && r == 0 && c < table->class_count; c++) {
			place.key.class_id = table->classes[c].id;
			r = leave_record(plan, port, &place.key);
		}
	}
	return r;
}

int hdl_plan_services_left(struct hdl_plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->port_diff.gone_count; i++)
		r = leave_port(plan, plan->port_diff.gone[i]);
	return r;
}

int hdl_plan_services_came(struct hdl_plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->port_diff.came_count; i++)
		r = plan_port(plan, plan->port_diff.came[i]);
	return r;
}

/* --- what becomes of each record ----------------------------------------------------------------------------------- */

/* The record of those who share a place; false: nobody does. */
static bool shared_version(const struct hdl_publisher_service *info, struct hdl_service_version *version)
{
	if (info->visible)
		version->label = HDL_LABEL_DIRECT;
	else if (info->hidden)
		version->flags = HDL_SERVICE_HIDDEN;
	else
		return false;
	if (version->key.class_id == 0)
		version->flags |= HDL_SERVICE_CLASSES; /* whether there are any is not worth counting */
	return true;
}

static int stage_when_changed(struct hdl_plan *plan, struct hdl_plan_service *item)
{
	const struct hdl_publisher *p = plan->publisher;
	int at = item->fresh ? -1 : hdl_publisher_service_version(p, item->id), r;
	const struct hdl_service_version *now = at < 0 ? NULL : &p->maps->service[item->id].version[at];

	if (now && memcmp(&now->key, &item->version.key, sizeof(now->key)) == 0 && same_version(now, &item->version))
		return 0;
	r = hdl_plan_route_use(plan, item->route, 1);
	if (r == 0 && !item->fresh)
		r = hdl_plan_route_use(plan, p->service_at[item->id].route, -1);
	item->staged_next = plan->services;
	plan->services = item;
	return r;
}

static int settle(struct hdl_plan *plan, struct hdl_plan_service *item)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_publisher_service *info = &p->service_at[item->id];
	bool first = !hdl_publisher_current(p);

	if (!item->claimed && info->at && p->service_marks.left[item->id] != plan->serial)
		return 0; /* whose it is has not changed */
	if (item->claimed || shared_version(info, &item->version)) {
		p->service_marks.wanted[item->id] = plan->serial;
		item->came = item->fresh || first;
		plan->service_total += item->came;
		return stage_when_changed(plan, item);
	}
	item->gone = true;
	if (item->fresh) /* one who shares it came and went in one plan: harmless, and over with the flip */
		return hdl_plan_leave(plan, &p->service_marks, item->id, &plan->gone_services);
	plan->service_total -= !first;
	return hdl_plan_leave(plan, &p->service_marks, item->id, &plan->gone_services);
}

static int check_room(struct hdl_plan *plan)
{
	const struct hdl_publisher *p = plan->publisher;

	if (plan->service_total <= p->capacity.services)
		return 0;
	for (const struct hdl_plan_service *i = plan->touched; i; i = i->next)
		if (i->came && i->port)
			return hdl_err_set(plan->err, -ENOSPC,
					   "map vip: mapCapacity.services is %u, service %s:%u is over it",
					   p->capacity.services, i->port->service->fqdn, i->port->port);
	return hdl_err_set(plan->err, -ENOSPC, "map vip: mapCapacity.services is %u, %u are wanted",
			   p->capacity.services, plan->service_total);
}

int hdl_plan_services_settle(struct hdl_plan *plan)
{
	int r = 0;

	for (struct hdl_plan_service *i = plan->touched; r == 0 && i; i = i->next)
		r = settle(plan, i);
	return r == 0 ? check_room(plan) : r;
}

static int plan_gone_service(struct hdl_plan *plan, uint32_t id)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_plan_service *item = touch(plan, id, false);

	if (!item)
		return -ENOMEM;
	item->gone = true;
	item->version = (struct hdl_service_version){ .epoch = 0 };
	memcpy(&item->version.key, hdl_registry_key(&p->service, id), sizeof(item->version.key));
	item->staged_next = plan->services;
	plan->services = item;
	return hdl_plan_route_use(plan, p->service_at[id].route, -1);
}

int hdl_plan_services_gone(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;
	int r = 0;

	for (const struct hdl_plan_id *i = plan->gone_services; r == 0 && i; i = i->next)
		r = plan_gone_service(plan, i->id);
	for (size_t i = 0; r == 0 && i < plan->port_diff.gone_count; i++) {
		const struct hdl_ir_service_port *port = plan->port_diff.gone[i];

		r = hdl_plan_leave(plan, &p->port_marks, hdl_publisher_port_id(p, port), &plan->gone_ports);
	}
	return r == 0 ? hdl_plan_routes_gone(plan) : r;
}

/* Its id in the registry of ports, from a record that it has; 0 = it has none. */
uint32_t hdl_publisher_port_id(const struct hdl_publisher *p, const struct hdl_ir_service_port *port)
{
	struct place place;

	for (size_t i = 0; i < place_count(port); i++) {
		uint32_t id = place_at(port, i, &place) ? hdl_registry_find(&p->service, &place.key) : 0;
		int at = id && p->service_at[id].at == port ? hdl_publisher_service_version(p, id) : -1;

		if (at >= 0)
			return hdl_registry_find(&p->service_port, &p->maps->service[id].version[at].service_port);
	}
	return 0;
}
