/* SPDX-License-Identifier: Apache-2.0 */
/* Pages in the form of Envoy's admin interface (specification E.5). */
#include <stdio.h>
#include <string.h>
#include "admin/page.h"
#include "base/addr.h"

static const char *address_of(const struct hdl_ir_endpoint *endpoint, char text[HDL_ADDR_PORT_TEXT_MAX])
{
	const struct hdl_addr *v4 = &endpoint->address[HDL_FAMILY_V4];

	return hdl_addr_port_print(hdl_addr_is_zero(v4) ? &endpoint->address[HDL_FAMILY_V6] : v4, endpoint->port, text);
}

static void write_flags(struct hdl_buf *buf, const struct hdl_ir_endpoint *endpoint, bool ejected)
{
	if (endpoint->status == HDL_IR_HEALTHY && !ejected)
		hdl_buf_adds(buf, "healthy");
	if (ejected)
		hdl_buf_adds(buf, "/failed_outlier_check");
	if (endpoint->status != HDL_IR_HEALTHY)
		hdl_buf_adds(buf, "/failed_eds_health");
	hdl_buf_adds(buf, "\n");
}

static void write_endpoint(struct hdl_buf *buf, const struct hdl_admin_view *view, const struct hdl_ir_cluster *cluster,
			   const struct hdl_ir_endpoint *endpoint)
{
	static const struct hdl_health none;
	const struct hdl_health *health = hdl_admin_health(view, endpoint);
	bool ejected = hdl_admin_is_ejected(view, health);
	char address[HDL_ADDR_PORT_TEXT_MAX];

	if (!health)
		health = &none;
	address_of(endpoint, address);
#define LINE(stat, format, value) hdl_buf_printf(buf, "%s::%s::" stat "::" format "\n", cluster->name, address, value)
	LINE("cx_connect_fail", "%u", health->connect_failures);
	LINE("cx_total", "%u", health->connects);
	/* one number for both: open connections at layer 4 plus requests in flight */
	LINE("rq_active", "%u", __atomic_load_n(&health->active, __ATOMIC_RELAXED));
	LINE("hostname", "%s", endpoint->workload ? endpoint->workload->name : "");
	hdl_buf_printf(buf, "%s::%s::health_flags::", cluster->name, address);
	write_flags(buf, endpoint, ejected);
	LINE("weight", "%u", endpoint->weight);
	LINE("region", "%s", endpoint->locality.region);
	LINE("zone", "%s", endpoint->locality.zone);
	LINE("sub_zone", "%s", endpoint->locality.subzone);
	LINE("canary", "%s", "false");
	LINE("priority", "%d", 0);
#undef LINE
}

void hdl_admin_text_clusters(struct hdl_buf *buf, const struct hdl_admin_view *view)
{
	for (size_t i = 0; view->snapshot && i < view->snapshot->cluster_count; i++) {
		const struct hdl_ir_cluster *cluster = view->snapshot->clusters[i];

		hdl_buf_printf(buf, "%s::observability_name::%s\n", cluster->name, cluster->name);
		hdl_buf_printf(buf, "%s::added_via_api::true\n", cluster->name);
		for (size_t j = 0; j < cluster->endpoint_count; j++)
			write_endpoint(buf, view, cluster, &cluster->endpoints[j]);
	}
}

void hdl_admin_text_listeners(struct hdl_buf *buf, const struct hdl_admin_view *view)
{
	const struct hdl_snapshot *snapshot = view->snapshot;
	char text[HDL_ADDR_PORT_TEXT_MAX];

	for (size_t i = 0; snapshot && i < snapshot->service_port_count; i++) {
		const struct hdl_ir_service_port *port = snapshot->service_ports[i];

		for (size_t j = 0; j < port->service->address_count; j++)
			hdl_buf_printf(buf, "%s:%u::%s\n", port->service->fqdn, port->port,
				       hdl_addr_port_print(&port->service->addresses[j], port->port, text));
	}
	for (size_t i = 0; snapshot && i < snapshot->gateway_listener_count; i++) {
		const struct hdl_ir_gateway_listener *listener = &snapshot->gateway_listeners[i];

		if (hdl_addr_is_zero(&listener->address))
			hdl_buf_printf(buf, "%s::0.0.0.0:%u\n%s::[::]:%u\n", listener->route_config->name,
				       listener->port, listener->route_config->name, listener->port);
		else
			hdl_buf_printf(buf, "%s::%s\n", listener->route_config->name,
				       hdl_addr_port_print(&listener->address, listener->port, text));
	}
}

static void write_node(struct hdl_jsonw *w, const struct hdl_ir_node *node)
{
	hdl_jsonw_kstr(w, "node_name", node->node_name);
	hdl_jsonw_kstr(w, "domain", node->domain);
	hdl_jsonw_kstr(w, "root_namespace", node->root_namespace);
	hdl_jsonw_kstr(w, "fail_mode", node->fail_mode == HDL_FAIL_CLOSED ? "closed" : "open");
	hdl_jsonw_kstr(w, "http_default", node->http_default_request ? "request" : "l4");
	hdl_jsonw_ku64(w, "packet_mark", node->packet_mark);
	hdl_jsonw_ku64(w, "packet_mask", node->packet_mask);
	hdl_jsonw_ku64(w, "route_table", node->route_table);
	hdl_jsonw_kstr(w, "access_log_path", node->access_log_path);
	hdl_jsonw_kbool(w, "access_log_json", node->access_log_json);
	hdl_jsonw_ku64(w, "retry_budget_percent", node->retry_budget_percent);
	hdl_jsonw_ku64(w, "retry_budget_min", node->retry_budget_min);
	hdl_jsonw_ku64(w, "max_request_headers_bytes", node->max_request_headers_bytes);
	hdl_jsonw_ku64(w, "max_request_headers_count", node->max_request_headers_count);
	hdl_jsonw_ku64(w, "max_connections", node->max_connections);
	hdl_jsonw_ku64(w, "retry_buffer_bytes", node->retry_buffer_bytes);
}

void hdl_admin_config_dump(struct hdl_buf *buf, const struct hdl_admin_view *view)
{
	static const struct {
		const char *type;
		void (*write)(struct hdl_jsonw *w, const struct hdl_admin_view *view,
			      const struct hdl_admin_filter *filter);
	} parts[] = {
		{ "listeners", hdl_admin_json_listeners },
		{ "routes", hdl_admin_json_routes },
		{ "clusters", hdl_admin_json_clusters },
		{ "endpoints", hdl_admin_json_endpoints },
	};
	struct hdl_admin_filter all = { 0 };
	struct hdl_buf text = { 0 };
	struct hdl_jsonw w;

	hdl_jsonw_init(&w, buf, true);
	hdl_jsonw_object(&w);
	hdl_jsonw_ku64(&w, "epoch", view->snapshot ? view->snapshot->epoch : 0);
	hdl_jsonw_key(&w, "configs");
	hdl_jsonw_array(&w);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		hdl_jsonw_object(&w);
		hdl_jsonw_kstr(&w, "@type", parts[i].type);
		parts[i].write(&w, view, &all);
		hdl_jsonw_object_end(&w);
	}
	if (view->snapshot) {
		hdl_jsonw_object(&w);
		hdl_jsonw_kstr(&w, "@type", "node");
		write_node(&w, &view->snapshot->node);
		hdl_jsonw_object_end(&w);
		hdl_snapshot_dump(view->snapshot, &text);
		hdl_jsonw_object(&w);
		hdl_jsonw_kstr(&w, "@type", "snapshot");
		hdl_jsonw_key(&w, "text");
		hdl_jsonw_strn(&w, (struct hdl_str){ text.p ? text.p : "", text.n });
		hdl_jsonw_object_end(&w);
		hdl_buf_done(&text);
	}
	hdl_jsonw_array_end(&w);
	hdl_jsonw_object_end(&w);
	hdl_buf_adds(buf, "\n");
}
