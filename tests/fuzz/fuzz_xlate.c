/* SPDX-License-Identifier: Apache-2.0 */
/* YAML to snapshot and a request through it: nothing crashes or leaks, and what all readers of a snapshot rely on holds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "heddle/core/subset.h"
#include "http/message.h"
#include "model/store.h"
#include "route/table.h"
#include "xlate/xlate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_destinations(const struct hdl_ir_destination *d, size_t n)
{
	REQUIRE(n > 0 && n <= HDL_ROUTE_DESTINATIONS_MAX && d[n - 1].threshold == 1ull << 32);
	for (size_t i = 0; i < n; i++) {
		REQUIRE(d[i].cluster_name[0] && (i == 0 || d[i].threshold >= d[i - 1].threshold));
		REQUIRE(!d[i].cluster || strcmp(d[i].cluster->name, d[i].cluster_name) == 0);
	}
}

/* A route sends on, or answers by itself. */
static void check_route(const struct hdl_ir_http_route *route)
{
	if (route->redirect || route->direct_response)
		REQUIRE(route->destination_count == 0 && !(route->redirect && route->direct_response));
	else
		check_destinations(route->destinations, route->destination_count);
}

static void check_vhost(const struct hdl_ir_vhost *vhost, uint16_t port)
{
	static const struct hdl_http_head head = {
		.is_request = true,
		.method = HDL_HTTP_GET,
		.method_text = { "GET", 3 },
		.path = { "/api/v1", 7 },
		.query = { "a=1&b", 5 },
		.authority = { "s:80", 4 },
		.scheme = { "http", 4 },
	};
	const struct hdl_route_client client = { .port = port };

	for (const struct hdl_ir_vhost *v = vhost; v; v = v->otherwise)
		for (size_t i = 0; i < v->route_count; i++)
			check_route(&v->routes[i]);
	hdl_route_match(vhost, &head, head.path, &client, NULL);
}

static void check_config(const struct hdl_ir_route_config *config)
{
	for (size_t i = 0; i < config->vhost_count; i++) {
		const struct hdl_ir_vhost *vhost = config->vhosts[i];

		check_vhost(vhost, config->port);
		/* every domain leads somewhere, an exact one here */
		for (size_t d = 0; d < vhost->domain_count; d++)
			REQUIRE(vhost->domains[d][0] == '*' ||
				hdl_route_find_vhost(config->table, hdl_str_of(vhost->domains[d])) == vhost);
	}
}

/* Those before the last ask something of a connection, and each of them takes some. */
static void check_l4(const struct hdl_ir_service_port *port)
{
	for (size_t i = 0; i < port->l4_route_count; i++) {
		const struct hdl_ir_l4_route *route = &port->l4_routes[i];

		REQUIRE(route->match_count > 0);
		check_destinations(route->destinations, route->destination_count);
		for (size_t k = 0; k < route->match_count; k++) {
			const struct hdl_ir_l4_match *m = &route->matches[k];

			REQUIRE(m->subnet_count || m->source_labels.n || m->source_namespace[0]);
			for (size_t s = 0; s < m->subnet_count; s++)
				REQUIRE(m->subnets[s].prefix <= 128 &&
					hdl_ir_subnet_has(&m->subnets[s], &m->subnets[s].address));
		}
	}
}

static void check_port(const struct hdl_ir_service_port *port)
{
	REQUIRE(port->service && port->cluster && port->label_reason);
	check_l4(port);
	REQUIRE(port->label != HDL_LABEL_REQUEST || (port->vhost && port->route_name));
	/* a port whose last rule answers by itself has nowhere to send connections while no worker lives */
	if (port->destination_count || port->label != HDL_LABEL_REQUEST)
		check_destinations(port->destinations, port->destination_count);
}

/* What clients of a view get is of the same port, and there is no second row for it. */
static void check_view(const struct hdl_ir_view *view)
{
	for (size_t i = 0; i < view->port_count; i++) {
		const struct hdl_ir_view_port *p = &view->ports[i];

		REQUIRE(hdl_ir_seen_port(view, p->port) == p->seen);
		REQUIRE(p->seen || view->registry_only);
		if (!p->seen)
			continue;
		check_port(p->seen);
		REQUIRE(p->seen->service == p->port->service && p->seen->port == p->port->port &&
			p->seen->label != HDL_LABEL_NONE);
	}
}

static void check_snapshot(struct hdl_snapshot *snapshot)
{
	struct hdl_buf text = { 0 };

	for (size_t i = 0; i < snapshot->service_port_count; i++)
		check_port(snapshot->service_ports[i]);
	for (size_t i = 0; i < snapshot->cluster_count; i++)
		/* those for clients of one namespace have the name of the others' */
		REQUIRE(snapshot->clusters[i]->client[0] ||
			hdl_snapshot_find_cluster(snapshot, snapshot->clusters[i]->name) == snapshot->clusters[i]);
	for (size_t i = 0; i < snapshot->route_config_count; i++)
		check_config(snapshot->route_configs[i]);
	for (size_t i = 0; i < snapshot->view_count; i++)
		check_view(snapshot->views[i]);
	for (size_t i = 0; i < snapshot->gateway_listener_count; i++)
		REQUIRE(snapshot->gateway_listeners[i].route_config);
	hdl_snapshot_dump(snapshot, &text);
	hdl_buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct hdl_xlate_options options = { .node_name = "node", .bytes_max = 64 << 20 };
	struct hdl_resource_store *store = hdl_resource_store_new();
	struct hdl_resource_list *list = NULL;
	struct hdl_snapshot *snapshot = NULL;
	struct hdl_diags diags = { 0 };

	REQUIRE(store);
	hdl_resource_store_set_check(store, hdl_xlate_check);
	REQUIRE(hdl_resource_store_put(store, "f", (struct hdl_str){ (const char *)data, size }) == 0);
	REQUIRE(hdl_resource_store_commit(store, &list) == 0);
	if (hdl_xlate(list->at, list->n, &options, &diags, &snapshot) == 0) {
		REQUIRE(hdl_route_compile(snapshot) == 0);
		check_snapshot(snapshot);
	}
	hdl_diags_done(&diags);
	hdl_snapshot_unref(snapshot);
	hdl_resource_list_unref(list);
	hdl_resource_store_free(store);
	return 0;
}
