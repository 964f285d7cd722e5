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

/* ---- annotations of a Service ---- */

#define EXPORT_TO "networking.istio.io/exportTo"
#define DISTRIBUTION "networking.istio.io/traffic-distribution"
#define EXPORT_TO_MAX 1000 /* namespaces of one annotation */

static const struct hdl_kv *annotation(const struct hdl_decode *d, const char *key)
{
	const struct hdl_kvs *annotations = &d->metadata->annotations;

	for (size_t i = 0; i < annotations->n; i++)
		if (annotations->at[i].key && !strcmp(annotations->at[i].key, key))
			return &annotations->at[i];
	return NULL;
}

/* Next part of a list with commas, without the blanks around it; NULL at the end. */
static const char *next_part(struct hdl_decode *d, const char **rest)
{
	struct hdl_str part;
	const char *comma;
	char *copy;

	if (!*rest)
		return NULL;
	part = hdl_str_trim((struct hdl_str){ *rest, strcspn(*rest, ",") });
	comma = strchr(*rest, ',');
	*rest = comma ? comma + 1 : NULL;
	copy = hdl_arena_strndup(d->arena, part.p, part.n);
	d->no_memory = d->no_memory || !copy;
	return copy;
}

/* An annotation is a remark to others: what is wrong in it is a warning and does not count. */
static void read_export_to(struct hdl_decode *d, struct hdl_kube_service *service)
{
	const struct hdl_kv *kv = annotation(d, EXPORT_TO);
	const char *rest = kv ? kv->value : NULL, *part;
	struct hdl_text *at;
	size_t n = 1;

	if (!rest)
		return;
	for (const char *c = rest; *c; c++)
		n += *c == ',';
	if (n > EXPORT_TO_MAX) {
		hdl_decode_warning(d, kv->pos, NULL, "annotation " EXPORT_TO " has more than %d parts and is ignored",
				   EXPORT_TO_MAX);
		return;
	}
	at = hdl_arena_calloc(d->arena, n, sizeof(*at));
	d->no_memory = d->no_memory || !at;
	n = 0;
	while (at && (part = next_part(d, &rest)) != NULL) {
		if (!strcmp(part, ".") || !strcmp(part, "*") || !strcmp(part, "~") || hdl_name_is_namespace(part))
			at[n++] = (struct hdl_text){ part, kv->pos };
		else if (*part)
			hdl_decode_warning(d, kv->pos, NULL,
					   "annotation " EXPORT_TO
					   ": \"%.100s\" is not \".\", \"*\", \"~\" or a namespace",
					   part);
	}
	service->export_to = (struct hdl_texts){ n ? at : NULL, n };
}

static void read_distribution(struct hdl_decode *d, struct hdl_kube_service *service)
{
	static const char *const name[] = { "PreferClose", "PreferSameZone", "PreferSameNode" };
	const struct hdl_kv *kv = annotation(d, DISTRIBUTION);

	service->effective_distribution = (enum hdl_traffic_distribution)service->traffic_distribution.value;
	if (service->traffic_distribution.has || !kv || !kv->value || !*kv->value)
		return;
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if (hdl_str_eq_nocase(hdl_str_of(kv->value), hdl_str_of(name[i])))
			service->effective_distribution =
				i < 2 ? HDL_DISTRIBUTION_SAME_ZONE : HDL_DISTRIBUTION_SAME_NODE;
	if (service->effective_distribution == HDL_DISTRIBUTION_ANY)
		hdl_decode_warning(d, kv->pos, NULL,
				   "annotation " DISTRIBUTION
				   ": \"%.100s\" is not PreferClose, PreferSameZone or PreferSameNode",
				   kv->value);
}

/* ---- Service ---- */

void hdl_check_ingress_address(struct hdl_decode *d, void *object)
{
	const struct hdl_ingress_address *address = object;

	check_address(d, &address->ip, "ip", false);
}

static void check_external_name(struct hdl_decode *d, const struct hdl_kube_service *service)
{
	bool external = service->type.value == HDL_SERVICE_EXTERNAL_NAME;

	if (!external || !hdl_decode_clean(d))
		return;
	if (!service->external_name.s || !*service->external_name.s)
		hdl_decode_error(d, service->type.pos, "externalName", "is required for type ExternalName");
	else if (!hdl_name_is_host(service->external_name.s, false))
		hdl_decode_error(d, service->external_name.pos, "externalName", "\"%.100s\" is not a host name",
				 service->external_name.s);
	if (service->cluster_ip.s && !strcmp(service->cluster_ip.s, "None"))
		hdl_decode_error(d, service->cluster_ip.pos, "clusterIP", "must not be None for type ExternalName");
}

void hdl_check_service(struct hdl_decode *d, void *object)
{
	struct hdl_kube_service *service = object;

	check_address(d, &service->cluster_ip, "clusterIP", true);
	for (size_t i = 0; i < service->cluster_ips.n; i++)
		check_address(d, &service->cluster_ips.at[i], "clusterIPs", true);
	for (size_t i = 0; i < service->external_ips.n; i++)
		check_address(d, &service->external_ips.at[i], "externalIPs", false);
	for (size_t i = 0; i < service->load_balancer_source_ranges.n; i++) {
		const struct hdl_text *text = &service->load_balancer_source_ranges.at[i];

		if (text->s && !hdl_name_is_subnet(text->s))
			hdl_decode_error(d, text->pos, "loadBalancerSourceRanges",
					 "\"%.100s\" is not an address prefix such as 10.0.0.0/8", text->s);
	}
	check_service_ports(d, service);
	check_external_name(d, service);
	if (d->metadata) {
		read_export_to(d, service);
		read_distribution(d, service);
	}
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

static uint16_t find_port(const struct hdl_container *container, const char *name, enum hdl_port_protocol protocol)
{
	for (size_t i = 0; i < container->ports.n; i++) {
		const struct hdl_container_port *port = &container->ports.at[i];

		if (port->name.s && !strcmp(port->name.s, name) && port->protocol.value == (int)protocol)
			return (uint16_t)port->container_port.value;
	}
	return 0;
}

uint16_t hdl_pod_port(const struct hdl_pod *pod, const char *name, enum hdl_port_protocol protocol)
{
	uint16_t port = 0;

	for (size_t i = 0; i < pod->containers.n && !port; i++)
		port = find_port(&pod->containers.at[i], name, protocol);
	for (size_t i = 0; i < pod->init_containers.n && !port; i++) {
		const struct hdl_container *container = &pod->init_containers.at[i];

		if (container->restart_policy.s && !strcmp(container->restart_policy.s, "Always"))
			port = find_port(container, name, protocol);
	}
	return port;
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
	for (size_t i = 0; i < interfaces->edge.n; i++) {
		const struct hdl_text *text = &interfaces->edge.at[i];

		if (text->s && (!*text->s || strlen(text->s) > 15 || strpbrk(text->s, "/ \t:*?[]\\")))
			hdl_decode_error(d, text->pos, "edge", "\"%.60s\" is not the name of an interface", text->s);
	}
}

void hdl_check_nc_source_ports(struct hdl_decode *d, void *object)
{
	const struct hdl_nc_source_ports *ports = object;
	int64_t first = ports->first.has ? ports->first.value : 61000;
	int64_t last = ports->last.has ? ports->last.value : 65535;

	if (first > last)
		hdl_decode_error(d, ports->pos, NULL, "first (%lld) is after last (%lld)", (long long)first,
				 (long long)last);
	else if (first <= 32767 && last >= 30000)
		hdl_decode_warning(d, ports->pos, NULL, "overlaps with 30000-32767, the usual range of NodePorts");
}

void hdl_check_nc_edge(struct hdl_decode *d, void *object)
{
	const struct hdl_nc_edge *edge = object;

	if (edge->syn_burst.has && !edge->syn_rate_limit.has && hdl_decode_clean(d))
		hdl_decode_error(d, edge->syn_burst.pos, "synBurst", "needs synRateLimit");
}

void hdl_check_nc_exemption(struct hdl_decode *d, void *object)
{
	const struct hdl_nc_exemption *exemption = object;

	if (!(exemption->ns.s && *exemption->ns.s) && !exemption->labels.n && hdl_decode_clean(d))
		hdl_decode_error(d, exemption->pos, NULL, "needs namespace or labels");
	if (exemption->ns.s && *exemption->ns.s && !hdl_name_is_label(exemption->ns.s))
		hdl_decode_error(d, exemption->ns.pos, "namespace", "\"%.100s\" is not a namespace", exemption->ns.s);
	hdl_check_labels(d, &exemption->labels, "labels");
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
