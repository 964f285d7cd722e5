/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of a plan: rows in `route`, one range for all services whose rows are the same, kept as long as one uses it. */
#include <errno.h>
#include <string.h>
#include "base/hash.h"
#include "dp/publisher.h"

static int build_rows(struct hdl_plan *plan, const struct hdl_ir_service_port *port,
		      const struct hdl_ir_destination *destinations, size_t count, struct hdl_route_row **ret)
{
	struct hdl_route_row *rows;

	if (count > HDL_ROUTE_DESTINATIONS_MAX)
		return hdl_err_set(plan->err, -ENOSPC,
				   "service %s:%u has %zu weighted destinations, at most %u are possible",
				   port->service->fqdn, port->port, count, HDL_ROUTE_DESTINATIONS_MAX);
	rows = hdl_arena_calloc(plan->arena, count, sizeof(*rows));
	if (!rows)
		return hdl_err_set(plan->err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		rows[i].threshold = destinations[i].threshold;
		rows[i].cluster = destinations[i].cluster ? destinations[i].cluster->id : HDL_CLUSTER_NONE;
	}
	*ret = rows;
	return 0;
}

/* What the range holds, or will once it is staged. */
static const struct hdl_route_row *rows_of(const struct hdl_publisher *p, const struct hdl_publisher_route *route)
{
	return route->content ? route->content : p->maps->route + route->range.offset;
}

static bool holds(const struct hdl_publisher *p, const struct hdl_publisher_route *route,
		  const struct hdl_route_row *rows, uint32_t count)
{
	return route->range.count == count && memcmp(rows_of(p, route), rows, count * sizeof(*rows)) == 0;
}

uint32_t hdl_plan_route_only(const struct hdl_plan *plan, uint32_t id)
{
	const struct hdl_publisher_route *route = &plan->publisher->route_at[id];
	const struct hdl_route_row *row = rows_of(plan->publisher, route);

	return route->range.count == 1 && row->threshold == 1ull << 32 ? row->cluster : 0;
}

static int new_range(struct hdl_plan *plan, const struct hdl_ir_service_port *port, const struct hdl_route_row *rows,
		     uint32_t count, struct hdl_publisher_route *route)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_range range;
	int r = hdl_ranges_alloc(&p->route_ranges, count, &range);

	if (r == -ENOSPC)
		return hdl_err_set(plan->err, r, "map route is full (%u of %u free): no room for service %s:%u",
				   p->route_ranges.free, p->route_ranges.total, port->service->fqdn, port->port);
	if (r == 0) {
		r = hdl_plan_push_range(plan, &plan->rows, range, rows);
		if (r < 0)
			hdl_ranges_free(&p->route_ranges, range);
	}
	if (r < 0)
		return hdl_err_set(plan->err, r, "out of memory");
	*route = (struct hdl_publisher_route){ .range = range, .content = rows };
	return 0;
}

int hdl_plan_route(struct hdl_plan *plan, const struct hdl_ir_service_port *port,
		   const struct hdl_ir_destination *destinations, size_t count, uint32_t *ret_id)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_route_row *rows = NULL;
	uint64_t hash;
	uint32_t id;
	bool fresh;
	int r;

	if (count == 0) {
		*ret_id = 0;
		return 0;
	}
	r = build_rows(plan, port, destinations, count, &rows);
	if (r < 0)
		return r;
	for (hash = hdl_hash64(rows, count * sizeof(*rows), 0);; hash++) {
		r = hdl_plan_intern(plan, &p->route, &hash, &plan->fresh_routes, "route", "the route of service",
				    port->service->fqdn, &id, &fresh);
		if (r < 0)
			return r;
		if (fresh) {
			p->route_at[id] = (struct hdl_publisher_route){ .content = rows };
			r = new_range(plan, port, rows, (uint32_t)count, &p->route_at[id]);
			if (r < 0)
				return r;
			break;
		}
		if (holds(p, &p->route_at[id], rows, (uint32_t)count))
			break;
	}
	*ret_id = id;
	return 0;
}

int hdl_plan_route_use(struct hdl_plan *plan, uint32_t id, int change)
{
	struct hdl_plan_use *item;

	if (id == 0)
		return 0;
	item = hdl_plan_item(plan, sizeof(*item));
	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_use){ .next = plan->route_uses, .id = id, .change = { change, 0 } };
	plan->route_uses = item;
	plan->publisher->route_at[id].uses += (uint32_t)change;
	return 0;
}

/* Those that nobody uses after this plan: each once. */
int hdl_plan_routes_gone(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;

	for (const struct hdl_plan_use *i = plan->route_uses; i; i = i->next) {
		struct hdl_publisher_route *route = &p->route_at[i->id];

		if (route->uses || route->going == plan->serial)
			continue;
		if (hdl_plan_push_id(plan, &plan->gone_routes, i->id) < 0 ||
		    hdl_plan_retire_range(plan, &plan->retired_rows, route->range, 0) < 0)
			return -ENOMEM;
		route->going = plan->serial;
	}
	return 0;
}
