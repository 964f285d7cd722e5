/* SPDX-License-Identifier: Apache-2.0 */
/* What happens, or happened, to a connection to an address or service: label, rule, destinations, verdict. */
#include "admin/why.h"

#include <stdio.h>
#include <string.h>
#include "base/addr.h"
#include "dp/maps.h"
#include "heddle/core/subset.h"

void hdl_why_put_verdict(struct hdl_jsonw *w, unsigned int verdict)
{
	struct hdl_admin_verdict words = hdl_admin_verdict_words(verdict);

	hdl_jsonw_kstr(w, "verdict", words.label);
	hdl_jsonw_kstr(w, "flag", words.flag);
	hdl_jsonw_kstr(w, "meaning", words.sentence);
}

static bool is_direct(const struct hdl_ir_service *service, const struct hdl_why *why)
{
	for (size_t i = 0; i < service->direct_count; i++) {
		if (service->direct[i].prefix) {
			if (hdl_ir_subnet_has(&service->direct[i], &why->address))
				return true;
			continue;
		}
		for (size_t k = 0; k < service->port_count; k++)
			if (service->ports[k].port == why->number)
				return true;
	}
	return false;
}

/* Whose members or ranges have the address; NULL: nobody's. */
static const struct hdl_ir_service *find_direct(const struct hdl_why *why)
{
	const struct hdl_snapshot *snapshot = why->view->snapshot;

	for (size_t i = 0; i < snapshot->service_count; i++)
		if (is_direct(snapshot->services[i], why))
			return snapshot->services[i];
	return NULL;
}

/* Specification D.2: where REGISTRY_ONLY refuses nothing: loopback, multicast, DNS, the node and the pod itself. */
static bool is_open(const struct hdl_why *why)
{
	static const struct hdl_addr loopback6 = { .byte = { [15] = 1 } };
	const struct hdl_addr *address = &why->address;
	uint8_t first = address->byte[12];

	if (why->number == 53 || hdl_addr_equal(address, &loopback6))
		return true;
	if (hdl_addr_is_v4(address) ? first == 127 || (first & 0xf0) == 0xe0 || address->word[3] == 0xffffffff :
				      address->byte[0] == 0xff)
		return true;
	for (int f = 0; why->client && f < HDL_FAMILIES; f++)
		if (hdl_addr_equal(address, &why->client->address[f]))
			return true;
	return hdl_dp_is_node_address(why->view->maps, address);
}

static void put_address(struct hdl_jsonw *w, const struct hdl_why *why, uint16_t number)
{
	char text[HDL_ADDR_PORT_TEXT_MAX];

	hdl_jsonw_kstr(w, "address",
		       hdl_addr_is_zero(&why->address) ? "" : hdl_addr_port_print(&why->address, number, text));
	hdl_jsonw_kstr(w, "protocol", why->udp ? "UDP" : "TCP");
}

static void put_unknown(struct hdl_why *why, const struct hdl_ir_service_port *hidden)
{
	const struct hdl_ir_service *direct = hidden ? NULL : find_direct(why);
	const struct hdl_ir_node *node = &why->view->snapshot->node;
	const struct hdl_ir_view *sees = why->sees.view;
	bool denied = why->sees.registry_only && !direct && !is_open(why);

	hdl_jsonw_kstr(why->w, "type", "address");
	hdl_jsonw_kstr(why->w, "service", direct ? direct->fqdn : "");
	put_address(why->w, why, why->number);
	hdl_jsonw_kstr(why->w, "label", direct ? "direct" : "none");
	hdl_jsonw_kstr(why->w, "reason",
		       hidden ? "these clients see no service there" :
		       direct ? "an address of a headless service or an external host is left as it was" :
				"no service has the address and port");
	hdl_admin_json_origin(why->w, "label_origin",
			      direct         ? &direct->origin :
			      hidden && sees ? &sees->origin :
			      denied && sees ? &sees->origin :
			      hidden         ? &hidden->label_origin :
					       NULL);
	hdl_jsonw_kstr(why->w, "outbound_policy",
		       why->sees.registry_only ? "REGISTRY_ONLY" :
		       node->registry_only || (sees && sees->registry_only) ?
						 "ALLOW_ANY: exempt, or a process of the node" :
						 "ALLOW_ANY");
	hdl_why_put_verdict(why->w, denied ? HDL_VERDICT_REGISTRY_ONLY :
				    direct ? HDL_VERDICT_DIRECT :
					     HDL_VERDICT_PASS);
}

/* The rule of layer 4 that takes it, and where that leads. */
static enum hdl_verdict put_l4(const struct hdl_why *why, const struct hdl_ir_service_port *port)
{
	const struct hdl_ir_l4_route *route = hdl_ir_l4_route_for(port, &why->address, why->client);

	hdl_admin_json_origin(why->w, "rule",
			      route                   ? &route->origin :
			      port->route_origin.kind ? &port->route_origin :
							&port->label_origin);
	hdl_jsonw_kbool(why->w, "rule_for_some", route && route->match_count);
	if (route)
		return hdl_why_destinations(why, route->destinations, route->destination_count, false);
	return hdl_why_destinations(why, port->destinations, port->destination_count, false);
}

/* How connections of this client come to a worker. */
static enum hdl_verdict punted(const struct hdl_why *why, const struct hdl_ir_service_port *port)
{
	if (!why->client)
		return HDL_VERDICT_PUNTED_HOST;
	for (size_t i = 0; i < why->view->pod_count; i++)
		if (why->view->pods[i].workload.id == why->client->id)
			return why->view->pods[i].workload.flags & HDL_WORKLOAD_TC ? HDL_VERDICT_PUNTED :
			       port->fail_mode == HDL_FAIL_CLOSED                  ? HDL_VERDICT_FAILED_CLOSED :
										     HDL_VERDICT_FAILED_OPEN;
	return HDL_VERDICT_PUNTED; /* of another node: as it would be there */
}

static void put_service(struct hdl_why *why, const struct hdl_ir_service_port *port,
			const struct hdl_ir_service_port *seen)
{
	enum hdl_verdict verdict;
	char name[600];

	snprintf(name, sizeof(name), "%s:%u", port->service->fqdn, port->port);
	hdl_jsonw_kstr(why->w, "type", "service");
	hdl_jsonw_kstr(why->w, "service", name);
	put_address(why->w, why, why->number ? why->number : port->port);
	hdl_jsonw_kstr(why->w, "port_name", port->name);
	hdl_jsonw_kstr(why->w, "port_protocol", hdl_admin_protocol_name(port->protocol));
	hdl_jsonw_ku64(why->w, "node_port", port->node_port);
	hdl_jsonw_kstr(why->w, "label", hdl_admin_label_name(seen->label));
	hdl_jsonw_kstr(why->w, "reason", seen->label_reason);
	hdl_admin_json_origin(why->w, "label_origin", &seen->label_origin);
	hdl_jsonw_kstr(why->w, "fail_mode", seen->fail_mode == HDL_FAIL_CLOSED ? "closed" : "open");
	hdl_jsonw_kbool(why->w, "own_record", port != seen);
	if (seen->label == HDL_LABEL_DIRECT) {
		verdict = HDL_VERDICT_DIRECT;
	} else if (seen->label == HDL_LABEL_REQUEST) {
		verdict = punted(why, seen);
		hdl_why_request(why, seen);
	} else {
		verdict = put_l4(why, seen);
		if (seen->vhost && why->method[0])
			hdl_jsonw_kbool(why->w, "request_not_read", true);
	}
	hdl_why_put_verdict(why->w, verdict);
}

void hdl_why_port(struct hdl_why *why, const struct hdl_ir_service_port *port)
{
	const struct hdl_ir_service_port *seen = port ? hdl_ir_seen_port(why->sees.view, port) : NULL;

	hdl_jsonw_object(why->w);
	if (seen && seen->label != HDL_LABEL_NONE)
		put_service(why, port, seen);
	else
		put_unknown(why, port);
	hdl_jsonw_object_end(why->w);
}
