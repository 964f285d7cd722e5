/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual host of a request by who asks: what its view has, then what all have (specification A.1, A.4, D.2). */
#include <stdio.h>
#include <string.h>

#include "route/table.h"

/* Names of Kubernetes objects have at most 253 bytes. */
#define FQDN_MAX 1024

static const struct hdl_ir_direct_response blocked = { .status = 502, .body = { "", 0 } };
static const struct hdl_ir_http_route block_route = { .name = "block_all", .direct_response = &blocked };
static const struct hdl_ir_vhost block_all = { .name = "block_all", .routes = &block_route, .route_count = 1 };

/* What the client sees of the port, its view first. */
struct tables {
	const struct hdl_route_table *at[2];
	size_t n;
};

static void add(struct tables *tables, const struct hdl_ir_route_config *config)
{
	if (config && config->table)
		tables->at[tables->n++] = config->table;
}

static struct tables tables_of(const struct hdl_snapshot *snapshot, const struct hdl_ir_view *view, uint16_t port)
{
	struct tables tables = { .n = 0 };

	add(&tables, hdl_ir_view_route_config(view, port));
	if (!view || !view->narrowed)
		add(&tables, hdl_snapshot_route_config(snapshot, port));
	return tables;
}

static struct hdl_str without_port(struct hdl_str host)
{
	const char *colon = memchr(host.p, ':', host.n);

	return colon ? (struct hdl_str){ host.p, (size_t)(colon - host.p) } : host;
}

/* "reviews" of a client in demo is reviews.demo.svc.cluster.local. */
static const struct hdl_ir_vhost *find(const struct hdl_snapshot *snapshot, const struct tables *tables,
				       const struct hdl_ir_workload *client, struct hdl_str host)
{
	struct hdl_str name = client && host.n ? without_port(host) : (struct hdl_str){ host.p, 0 };
	char fqdn[FQDN_MAX];
	int n;

	/* neither a dot nor the address of IPv6 */
	if (!name.n || memchr(name.p, '.', name.n) || name.p[0] == '[')
		return hdl_route_find_vhost_in(tables->at, tables->n, host);
	n = snprintf(fqdn, sizeof(fqdn), HDL_STR_FMT ".%s.svc.%s", HDL_STR_ARG(name), client->ns,
		     snapshot->node.domain);
	return n > 0 && (size_t)n < sizeof(fqdn) ?
		       hdl_route_find_vhost_in(tables->at, tables->n, (struct hdl_str){ fqdn, (size_t)n }) :
		       NULL;
}

const struct hdl_ir_vhost *hdl_route_ask(const struct hdl_snapshot *snapshot, const struct hdl_ir_view *view,
					 const struct hdl_ir_workload *client, const struct hdl_ir_service_port *port,
					 struct hdl_str host)
{
	const struct hdl_ir_vhost *vhost;
	struct tables tables;

	if (!port || !port->vhost)
		return NULL;
	tables = tables_of(snapshot, view, port->port);
	vhost = find(snapshot, &tables, client, host);
	if (vhost)
		return vhost;
	if ((view ? view->registry_only : snapshot->node.registry_only) && !hdl_ir_is_exempt(&snapshot->node, client))
		return &block_all;
	/* the service dialled, as the client sees it */
	vhost = hdl_route_find_vhost_in(tables.at, tables.n, hdl_str_of(port->service->fqdn));
	if (vhost && vhost->service == port->vhost->service)
		return vhost;
	return view && view->narrowed && port->plain_vhost ? port->plain_vhost : port->vhost;
}
