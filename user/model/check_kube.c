/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of Service, Pod, EndpointSlice (specification D.4) and of NodeConfig. */
#include "model/check.h"

#include <stdio.h>
#include <string.h>
#include "base/addr.h"
#include "model/names.h"

/* "" stands for an address that Kubernetes has not given yet. */
static void check_address(struct hdl_decode *d, const struct hdl_text *text, const char *field, bool none)
{
	if (text->s && *text->s && !(none && !strcmp(text->s, "None")) && !hdl_name_is_ip(text->s))
		hdl_decode_error(d, text->pos, field, "\"%.100s\" is not an address%s", text->s,
				 none ? " or None" : "");
}

static void check_service_ports(struct hdl_decode *d, const struct hdl_kube_service *service)
{
	for (size_t i = 0; i < service->ports.n; i++) {
		const struct hdl_service_port *port = &service->ports.at[i];
		const char *name = port->name.s ? port->name.s : "";

		if (service->ports.n > 1 && !*name)
			hdl_decode_error(d, port->pos, "ports", "each port needs a name when there are several");
		for (size_t j = 0; j < i; j++) {
			const struct hdl_service_port *other = &service->ports.at[j];

			if (*name && other->name.s && !strcmp(name, other->name.s))
				hdl_decode_error(d, port->pos, "ports", "the name \"%.60s\" is used twice", name);
			if (port->port.has && port->port.value == other->port.value &&
			    port->protocol.value == other->protocol.value)
				hdl_decode_error(d, port->pos, "ports", "port %lld is used twice",
						 (long long)port->port.value);
		}
	}
}

void hdl_check_service(struct hdl_decode *d, void *object)
{
	const struct hdl_kube_service *service = object;

	check_address(d, &service->cluster_ip, "clusterIP", true);
	for (size_t i = 0; i < service->cluster_ips.n; i++)
		check_address(d, &service->cluster_ips.at[i], "clusterIPs", true);
	for (size_t i = 0; i < service->external_ips.n; i++)
		check_address(d, &service->external_ips.at[i], "externalIPs", false);
	check_service_ports(d, service);
}

void hdl_check_pod_ip(struct hdl_decode *d, void *object)
{
	const struct hdl_pod_ip *pod_ip = object;

	check_address(d, &pod_ip->ip, "ip", false);
}

void hdl_check_pod_status(struct hdl_decode *d, void *object)
{
	const struct hdl_pod *pod = object;

	check_address(d, &pod->pod_ip, "podIP", false);
}

bool hdl_pod_ready(const struct hdl_pod *pod)
{
	for (size_t i = 0; i < pod->conditions.n; i++) {
		const struct hdl_pod_condition *condition = &pod->conditions.at[i];

		if (condition->type.s && !strcmp(condition->type.s, "Ready"))
			return condition->status.s && !strcmp(condition->status.s, "True");
	}
	return false;
}

void hdl_check_endpoint_slice(struct hdl_decode *d, void *object)
{
	const struct hdl_endpoint_slice *slice = object;
	bool v4 = slice->address_type.value == HDL_ADDRESS_IPV4;

	if (!slice->address_type.has || slice->address_type.value == HDL_ADDRESS_FQDN)
		return;
	for (size_t i = 0; i < slice->endpoints.n; i++)
		for (size_t j = 0; j < slice->endpoints.at[i].addresses.n; j++) {
			const struct hdl_text *text = &slice->endpoints.at[i].addresses.at[j];
			struct hdl_addr addr;
			char field[64];

			if (!text->s ||
			    (hdl_addr_parse(hdl_str_of(text->s), &addr) == 0 && hdl_addr_is_v4(&addr) == v4))
				continue;
			snprintf(field, sizeof(field), "endpoints[%zu].addresses[%zu]", i, j);
			hdl_decode_error(d, text->pos, field, "\"%.100s\" is not an %s address", text->s,
					 v4 ? "IPv4" : "IPv6");
		}
}

/* ---- NodeConfig ---- */

void hdl_check_nc_access_log(struct hdl_decode *d, void *object)
{
	const struct hdl_nc_access_log *log = object;

	if (log->path.s && strlen(log->path.s) > 4095)
		hdl_decode_error(d, log->path.pos, "path", "is longer than 4095 bytes");
	if (log->encoding.value == HDL_NC_LOG_JSON && log->format.s && *log->format.s)
		hdl_decode_warning(d, log->format.pos, "format", "has no effect with encoding JSON");
}

void hdl_check_nc_packet_mark(struct hdl_decode *d, void *object)
{
	const struct hdl_nc_packet_mark *mark = object;

	if (mark->mask.has && !mark->mark.has && hdl_decode_clean(d))
		hdl_decode_error(d, mark->mask.pos, "mask", "needs mark");
	if (mark->mark.has && mark->mask.has && (mark->mark.value & ~mark->mask.value))
		hdl_decode_error(d, mark->mark.pos, "mark", "has bits outside mask");
	if (mark->table.has && mark->table.value >= 253 && mark->table.value <= 255)
		hdl_decode_error(d, mark->table.pos, "table", "%lld is a table of the kernel's own",
				 (long long)mark->table.value);
}

void hdl_check_nc_interfaces(struct hdl_decode *d, void *object)
{
	const struct hdl_nc_interfaces *interfaces = object;

	for (size_t i = 0; i < interfaces->pods.n; i++) {
		const struct hdl_text *text = &interfaces->pods.at[i];

		if (text->s && (!*text->s || strlen(text->s) > 63 || strpbrk(text->s, "/ \t[]\\")))
			hdl_decode_error(d, text->pos, "pods",
					 "\"%.60s\" is not an interface name or pattern (only * and ? are special)",
					 text->s);
	}
}

void hdl_check_nc_acceleration(struct hdl_decode *d, void *object)
{
	const struct hdl_nc_acceleration *acceleration = object;

	if (acceleration->sockmap.value == HDL_NC_SOCKMAP_AUTO)
		hdl_decode_warning(d, acceleration->sockmap.pos, "sockmap",
				   "auto is accepted but not enforced by this version");
}

void hdl_check_node_config(struct hdl_decode *d, void *object)
{
	const struct hdl_node_config *config = object;

	if (config->root_namespace.s && !hdl_name_is_namespace(config->root_namespace.s))
		hdl_decode_error(d, config->root_namespace.pos, "rootNamespace", "\"%.100s\" is not a namespace",
				 config->root_namespace.s);
	if (config->domain.s && !hdl_name_is_host(config->domain.s, false))
		hdl_decode_error(d, config->domain.pos, "domain", "\"%.100s\" is not a domain", config->domain.s);
	if (config->node_name.s && !hdl_name_is_subdomain(config->node_name.s))
		hdl_decode_error(d, config->node_name.pos, "nodeName", "\"%.100s\" is not the name of a node",
				 config->node_name.s);
	hdl_check_gateway_refs(d, &config->gateways, "gateways");
}
