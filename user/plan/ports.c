/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that go elsewhere: every rule of layer 4 of both sides yields one, and both sides are asked about it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "base/hash.h"
#include "plan/priv.h"

struct comparison {
	struct hdl_preview *preview;
	const struct hdl_preview_sides *sides;
	struct hdl_preview_seen seen;
};

/* One port, as the clients of a viewpoint see it on both sides. */
struct pair {
	const struct hdl_ir_service_port *before, *after; /* NULL: nothing, or there is none */
	const struct hdl_ir_view *before_view, *after_view;
	const struct hdl_ir_workload *client; /* NULL: anybody */
};

/* A connection that both sides are asked about. */
struct connection {
	const struct hdl_ir_workload *client;
	struct hdl_addr address;
	bool has_address, matters; /* matters: a rule decides by it, or by the client */
};

/* What one side does with it. */
struct answer {
	const struct hdl_ir_service_port *port;
	const struct hdl_ir_l4_route *route;
	const struct hdl_ir_destination *destinations;
	size_t n;
};

static struct answer ask(const struct hdl_ir_service_port *port, const struct connection *connection)
{
	struct answer answer = { .port = port };

	if (!port)
		return answer;
	answer.route = hdl_ir_l4_route_for(port, &connection->address, connection->client);
	answer.destinations = answer.route ? answer.route->destinations : port->destinations;
	answer.n = answer.route ? answer.route->destination_count : port->destination_count;
	return answer;
}

static bool same_destinations(const struct answer *a, const struct answer *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->destinations[i].weight != b->destinations[i].weight ||
		    strcmp(a->destinations[i].cluster_name, b->destinations[i].cluster_name) != 0)
			return false;
	return true;
}

static int add_row(struct comparison *c, const struct connection *connection, const struct answer *before,
		   const struct answer *after, const struct hdl_preview_share *share, const char *endpoints)
{
	struct hdl_preview *preview = c->preview;
	struct hdl_preview_port *row;
	char text[HDL_ADDR_PORT_TEXT_MAX];
	int r = 0;

	row = hdl_preview_row(preview, (void **)&preview->port, &preview->port_count, sizeof(*row), &r);
	if (!row)
		return r;
	*row = (struct hdl_preview_port){ .before = before->port,
					  .after = after->port,
					  .before_route = before->route,
					  .after_route = after->route,
					  .client = "",
					  .address = "",
					  .moved = *share,
					  .endpoints_text = endpoints };
	if (connection->client)
		row->client = hdl_preview_client_text(preview->arena, connection->client);
	if (connection->matters && connection->has_address)
		row->address = hdl_arena_strdup(
			preview->arena, hdl_addr_port_print(&connection->address,
							    (after->port ? after->port : before->port)->port, text));
	return row->client && row->address ? 0 : -ENOMEM;
}

/* Both sides about one connection. */
static int compare(struct comparison *c, const struct pair *pair, const struct connection *connection)
{
	struct answer before = ask(pair->before, connection), after = ask(pair->after, connection);
	const void *key[] = { pair->before_view, pair->after_view, before.port, after.port, before.route, after.route };
	struct hdl_preview_share share = { 1, 1 };
	const char *endpoints = "";
	int r = 0;

	c->preview->tried++;
	if (before.port && after.port)
		r = hdl_preview_moved(c->preview->arena, before.destinations, before.n, after.destinations, after.n,
				      &share, &endpoints);
	if (r < 0 || (before.port && after.port && before.port->label == after.port->label &&
		      same_destinations(&before, &after) && !*endpoints))
		return r;
	if (!hdl_preview_is_new(&c->seen, hdl_hash64(key, sizeof(key), 0)))
		return 0;
	return add_row(c, connection, &before, &after, &share, endpoints);
}

/* ---- which connections ---- */

static bool is_in(const struct hdl_ir_l4_match *match, const struct hdl_addr *address)
{
	for (size_t i = 0; i < match->subnet_count; i++)
		if (hdl_ir_subnet_has(&match->subnets[i], address))
			return true;
	return match->subnet_count == 0;
}

static const struct hdl_addr *address_among(const struct hdl_ir_l4_match *match, const struct hdl_addr *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_in(match, &at[i]))
			return &at[i];
	return NULL;
}

/* An address that lies in both: the narrower one's own. */
static const struct hdl_addr *address_in_direct(const struct hdl_ir_l4_match *match,
						const struct hdl_ir_service *service)
{
	for (size_t i = 0; i < service->direct_count; i++) {
		const struct hdl_ir_subnet *direct = &service->direct[i];

		if (is_in(match, &direct->address))
			return &direct->address;
		for (size_t k = 0; k < match->subnet_count; k++)
			if (hdl_ir_subnet_has(direct, &match->subnets[k].address))
				return &match->subnets[k].address;
	}
	return NULL;
}

/* An address of the service that the block takes; false: nobody can dial one. */
static bool find_address(const struct hdl_ir_l4_match *match, const struct hdl_ir_service *service,
			 struct connection *connection)
{
	const struct hdl_addr *address = address_among(match, service->addresses, service->address_count);

	if (!address)
		address = address_among(match, service->external_addresses, service->external_address_count);
	if (!address)
		address = address_in_direct(match, service);
	if (address)
		connection->address = *address;
	connection->has_address = address != NULL;
	return address || match->subnet_count == 0;
}

/* An example for one block of one side. */
static int try_block(struct comparison *c, const struct pair *pair, bool of_after, const struct hdl_ir_l4_match *match)
{
	const struct hdl_ir_service_port *port = of_after ? pair->after : pair->before;
	struct hdl_preview_wanted wanted = {
		.side = (of_after ? &c->sides->after : &c->sides->before)->snapshot,
		.view = of_after ? pair->after_view : pair->before_view,
		.client = pair->client,
	};
	struct connection connection = { .matters = true };
	int r = hdl_preview_client_for(c->preview->arena, &wanted, &match->source_labels, match->source_namespace,
				       &connection.client);

	if (r < 0)
		return r;
	if (r == 0 || !find_address(match, port->service, &connection)) {
		c->preview->no_example++;
		return 0;
	}
	return compare(c, pair, &connection);
}

static int try_side(struct comparison *c, const struct pair *pair, bool of_after)
{
	const struct hdl_ir_service_port *port = of_after ? pair->after : pair->before;
	int r = 0;

	for (size_t i = 0; port && i < port->l4_route_count && r == 0; i++)
		for (size_t k = 0; k < port->l4_routes[i].match_count && r == 0; k++)
			r = try_block(c, pair, of_after, &port->l4_routes[i].matches[k]);
	return r;
}

/* Two blocks at once: of rules that overlap another one may come first. 0 or -ENOMEM. */
static int try_both(struct comparison *c, const struct pair *pair, bool of_after, const struct hdl_ir_l4_match *a,
		    const struct hdl_ir_l4_match *b)
{
	const struct hdl_ir_service_port *port = of_after ? pair->after : pair->before;
	struct hdl_preview_wanted wanted = {
		.side = (of_after ? &c->sides->after : &c->sides->before)->snapshot,
		.view = of_after ? pair->after_view : pair->before_view,
		.client = pair->client,
	};
	struct connection connection = { .matters = true };
	struct hdl_ir_labels labels;
	int r = hdl_preview_both_labels(c->preview->arena, &a->source_labels, &b->source_labels, &labels);

	if (r < 0 || !find_address(a->subnet_count ? a : b, port->service, &connection))
		return r;
	r = hdl_preview_client_for(c->preview->arena, &wanted, &labels,
				   a->source_namespace[0] ? a->source_namespace : b->source_namespace,
				   &connection.client);
	if (r <= 0 || !hdl_ir_l4_match_holds(a, &connection.address, connection.client) ||
	    !hdl_ir_l4_match_holds(b, &connection.address, connection.client))
		return r < 0 ? r : 0;
	return compare(c, pair, &connection);
}

static int try_pairs(struct comparison *c, const struct pair *pair, bool of_after)
{
	const struct hdl_ir_service_port *port = of_after ? pair->after : pair->before;
	size_t n = port ? port->l4_route_count : 0, left = HDL_PREVIEW_PAIRS_MAX;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			for (size_t k = 0; k < port->l4_routes[i].match_count; k++)
				for (size_t l = 0; l < port->l4_routes[j].match_count && r == 0; l++) {
					if (left == 0) {
						c->preview->pairs_not_tried++;
						continue;
					}
					left--;
					r = try_both(c, pair, of_after, &port->l4_routes[i].matches[k],
						     &port->l4_routes[j].matches[l]);
				}
	return r;
}

static bool is_decided(const struct hdl_ir_service_port *port)
{
	return port && port->label == HDL_LABEL_L4;
}

static int compare_pair(struct comparison *c, const struct pair *pair)
{
	const struct hdl_ir_service_port *port = pair->after ? pair->after : pair->before;
	struct connection connection = { .client = pair->client };
	int r;

	/* requests are compared one by one */
	if (pair->before == pair->after || (!is_decided(pair->before) && !is_decided(pair->after)))
		return 0;
	/* what no rule takes, as far as that shows */
	if (port->service->address_count) {
		connection.address = port->service->addresses[0];
		connection.has_address = true;
	}
	connection.matters =
		(pair->before && pair->before->l4_route_count) || (pair->after && pair->after->l4_route_count);
	r = compare(c, pair, &connection);
	if (r == 0)
		r = try_side(c, pair, true);
	if (r == 0)
		r = try_side(c, pair, false);
	if (r == 0)
		r = try_pairs(c, pair, true);
	return r == 0 ? try_pairs(c, pair, false) : r;
}

/* ---- which ports ---- */

static const struct hdl_ir_service_port *seen(const struct hdl_ir_view *view, const struct hdl_ir_service_port *port)
{
	return port ? hdl_ir_seen_port(view, port) : NULL;
}

static int compare_all(struct comparison *c)
{
	const struct hdl_preview_index *before = &c->sides->before, *after = &c->sides->after;
	size_t i = 0, j = 0, n = before->snapshot->service_port_count, m = after->snapshot->service_port_count;
	int r = 0;

	while (r == 0 && (i < n || j < m)) {
		int order = i == n ? 1 : j == m ? -1 : hdl_preview_order_ports(before->ports[i], after->ports[j]);
		struct pair pair = { .before = order <= 0 ? seen(NULL, before->ports[i]) : NULL,
				     .after = order >= 0 ? seen(NULL, after->ports[j]) : NULL };

		r = compare_pair(c, &pair);
		i += order <= 0;
		j += order >= 0;
	}
	return r;
}

/* Ports that clients of a view have otherwise than all others. */
static int compare_view(struct comparison *c, bool of_after, const struct hdl_preview_viewpoint *point)
{
	const struct hdl_preview_index *other = of_after ? &c->sides->before : &c->sides->after;
	int r = 0;

	for (size_t i = 0; i < point->view->port_count && r == 0; i++) {
		const struct hdl_ir_view_port *own = &point->view->ports[i];
		const struct hdl_ir_service_port *theirs =
			seen(point->other, hdl_preview_find_port(other, own->port->service->fqdn, own->port->port,
								 own->port->protocol == HDL_IR_UDP));
		struct pair pair = { of_after ? theirs : own->seen, of_after ? own->seen : theirs,
				     of_after ? point->other : point->view, of_after ? point->view : point->other,
				     point->client };

		r = compare_pair(c, &pair);
	}
	return r;
}

int hdl_preview_ports(struct hdl_preview *preview, const struct hdl_preview_sides *sides)
{
	struct comparison c = { .preview = preview, .sides = sides };
	int r = compare_all(&c);

	for (size_t i = 0; i < sides->after_view_count && r == 0; i++)
		r = compare_view(&c, true, &sides->after_views[i]);
	for (size_t i = 0; i < sides->before_view_count && r == 0; i++)
		r = compare_view(&c, false, &sides->before_views[i]);
	free(c.seen.at);
	return r;
}
