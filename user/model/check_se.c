/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of ServiceEntry and WorkloadEntry (specification A.10). */
#include "model/check.h"

#include <stdio.h>
#include <string.h>
#include "model/names.h"
#include "model/registry.h"

#define UNIX "unix://"
#define MAX_PORTS 128 /* of a workload, by the CRD schema */

/* ---- parts ---- */

/* An absolute path to a file, or "@" and a name. */
static void check_unix(struct hdl_decode *d, const struct hdl_text *text, const char *field)
{
	const char *path = text->s + strlen(UNIX);

	if (*path != '@' && (*path != '/' || path[strlen(path) - 1] == '/'))
		hdl_decode_error(d, text->pos, field, "\"%.100s\" needs an absolute path to a socket, or @name",
				 text->s);
}

static bool is_unix(const char *s)
{
	return !strncmp(s, UNIX, strlen(UNIX));
}

void hdl_check_bind(struct hdl_decode *d, const struct hdl_text *text, const char *field)
{
	if (!text->s || !*text->s)
		return;
	if (is_unix(text->s))
		check_unix(d, text, field);
	else if (!hdl_name_is_ip(text->s))
		hdl_decode_error(d, text->pos, field, "\"%.100s\" is not an address", text->s);
}

static void check_port_name(struct hdl_decode *d, struct hdl_pos pos, const char *field, const char *name)
{
	if (!hdl_name_is_label(name))
		hdl_decode_error(d, pos, field, "\"%.60s\" is not a port name: letters, digits and '-', at most 63",
				 name);
}

void hdl_check_se_port(struct hdl_decode *d, void *object)
{
	struct hdl_se_port *port = object;

	if (port->name.s)
		check_port_name(d, port->name.pos, "name", port->name.s);
	port->protocol_value = hdl_check_protocol(d, &port->protocol, "protocol");
}

void hdl_check_selector_labels(struct hdl_decode *d, struct hdl_pos pos, const struct hdl_kvs *labels,
			       const char *field)
{
	if (!labels->n && hdl_decode_clean(d))
		hdl_decode_warning(d, pos, NULL, "has no labels, so it selects every workload of the namespace");
	for (size_t i = 0; i < labels->n; i++) {
		const struct hdl_kv *kv = &labels->at[i];

		if (!*kv->key)
			hdl_decode_error(d, kv->pos, field, "a key must not be empty");
		else if (strchr(kv->key, '*') || strchr(kv->value, '*'))
			hdl_decode_error(d, kv->pos, field, "\"%.60s: %.60s\" must not have a wildcard", kv->key,
					 kv->value);
	}
}

void hdl_check_se_selector(struct hdl_decode *d, void *object)
{
	const struct hdl_se_workload_selector *selector = object;

	hdl_check_selector_labels(d, selector->pos, &selector->labels, "labels");
}

/* ---- workloads ---- */

enum address_kinds { ADDRESS_IP_OR_UNIX, ADDRESS_IP_OR_NAME, ADDRESS_ANY };

static void check_address(struct hdl_decode *d, const struct hdl_workload_entry *w, const char *at,
			  enum address_kinds kinds)
{
	const struct hdl_text *address = &w->address;
	char field[64];

	snprintf(field, sizeof(field), "%saddress", at);
	if (!address->s || !*address->s) {
		if (kinds == ADDRESS_IP_OR_NAME || !w->network.s || !*w->network.s)
			hdl_decode_error(d, address->s ? address->pos : w->pos, field, "is required");
		else
			hdl_decode_warning(d, w->pos, field, "is not set, so only network \"%.60s\" is known",
					   w->network.s);
		return;
	}
	if (is_unix(address->s) && kinds != ADDRESS_IP_OR_NAME) {
		check_unix(d, address, field);
		if (w->ports.n)
			hdl_decode_error(d, w->ports.at[0].pos, field, "a Unix socket excludes ports");
		return;
	}
	if (hdl_name_is_ip(address->s) || (kinds != ADDRESS_IP_OR_UNIX && hdl_name_is_host(address->s, false)))
		return;
	hdl_decode_error(d, address->pos, field, "\"%.100s\" is not an address%s", address->s,
			 kinds == ADDRESS_IP_OR_UNIX ? " or unix:///path, as resolution STATIC needs" :
						       " or a host name");
}

/* at: the path to the workload with a dot behind it, or "". */
static void check_workload(struct hdl_decode *d, const struct hdl_workload_entry *w, const char *at,
			   enum address_kinds kinds)
{
	char field[64];

	check_address(d, w, at, kinds);
	snprintf(field, sizeof(field), "%sports", at);
	if (w->ports.n > MAX_PORTS)
		hdl_decode_error(d, w->ports.at[MAX_PORTS].pos, field, "has %zu pairs, at most %d are allowed",
				 w->ports.n, MAX_PORTS);
	for (size_t i = 0; i < w->ports.n; i++)
		check_port_name(d, w->ports.at[i].pos, field, w->ports.at[i].key);
	snprintf(field, sizeof(field), "%slabels", at);
	hdl_check_labels(d, &w->labels, field);
	snprintf(field, sizeof(field), "%slocality", at);
	if (w->locality.s && *w->locality.s && !hdl_name_is_locality(w->locality.s))
		hdl_decode_warning(d, w->locality.pos, field,
				   "\"%.100s\" is not region/zone/subzone: what is beyond has no effect",
				   w->locality.s);
}

void hdl_check_workload_entry(struct hdl_decode *d, void *object)
{
	const struct hdl_workload_entry *w = object;

	check_workload(d, w, "", ADDRESS_ANY);
	hdl_check_annotations(d);
}

/* ---- the parts of a ServiceEntry together ---- */

static const char *resolution_name(const struct hdl_service_entry *se)
{
	static const char *const names[] = { "NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS" };

	return names[se->resolution.value];
}

static void check_host(struct hdl_decode *d, const struct hdl_text *host, size_t i)
{
	char field[32];

	if (!host->s)
		return;
	snprintf(field, sizeof(field), "hosts[%zu]", i);
	if (!strcmp(host->s, "*"))
		hdl_decode_error(d, host->pos, field, "\"*\" alone is not allowed; write a domain, such as *.example");
	else if (!hdl_name_is_host(host->s, true))
		hdl_decode_error(d, host->pos, field,
				 "\"%.100s\" is not a host name (labels joined by dots, * only at the beginning)",
				 host->s);
	else if (*host->s == '*' && host->s[1] != '.')
		hdl_decode_warning(d, host->pos, field, "partial wildcard \"%.100s\"; only *.domain is reliable",
				   host->s);
}

static void check_addresses(struct hdl_decode *d, const struct hdl_service_entry *se)
{
	for (size_t i = 0; i < se->addresses.n; i++) {
		const struct hdl_text *address = &se->addresses.at[i];

		if (!address->s)
			continue;
		if (!hdl_name_is_subnet(address->s))
			hdl_decode_error(d, address->pos, "addresses", "\"%.100s\" is not an address or address/bits",
					 address->s);
		else if (strchr(address->s, '/') && se->resolution.value != HDL_SE_NONE &&
			 se->resolution.value != HDL_SE_STATIC)
			hdl_decode_error(d, address->pos, "addresses",
					 "\"%.60s\": address/bits is allowed only with resolution NONE and STATIC",
					 address->s);
	}
}

static void check_ports(struct hdl_decode *d, const struct hdl_service_entry *se)
{
	for (size_t i = 0; i < se->ports.n; i++) {
		const struct hdl_se_port *port = &se->ports.at[i];
		char field[64];

		for (size_t j = 0; j < i; j++) {
			const struct hdl_se_port *other = &se->ports.at[j];

			if (port->name.s && other->name.s && !strcmp(port->name.s, other->name.s))
				hdl_decode_error(d, port->name.pos, "ports",
						 "name \"%.60s\" is used twice, first at line %u", port->name.s,
						 other->name.pos.line);
			if (port->number.has && other->number.has && port->number.value == other->number.value)
				hdl_decode_error(d, port->number.pos, "ports",
						 "number %lld is used twice, first at line %u",
						 (long long)port->number.value, other->number.pos.line);
		}
		snprintf(field, sizeof(field), "ports[%zu].targetPort", i);
		if (port->target_port.has && se->resolution.value == HDL_SE_NONE)
			hdl_decode_warning(d, port->target_port.pos, field,
					   "has no effect in Istio by default with resolution NONE");
	}
}

static bool port_is_declared(const struct hdl_service_entry *se, const char *name)
{
	for (size_t i = 0; i < se->ports.n; i++)
		if (se->ports.at[i].name.s && !strcmp(se->ports.at[i].name.s, name))
			return true;
	return false;
}

static void check_endpoints(struct hdl_decode *d, const struct hdl_service_entry *se)
{
	bool is_static = se->resolution.value == HDL_SE_STATIC;

	for (size_t i = 0; i < se->endpoints.n; i++) {
		const struct hdl_workload_entry *w = &se->endpoints.at[i];
		char at[40];

		snprintf(at, sizeof(at), "endpoints[%zu].", i);
		check_workload(d, w, at, is_static ? ADDRESS_IP_OR_UNIX : ADDRESS_IP_OR_NAME);
		for (size_t j = 0; j < w->ports.n; j++)
			if (!port_is_declared(se, w->ports.at[j].key))
				hdl_decode_error(d, w->ports.at[j].pos, "endpoints",
						 "port \"%.60s\" is none of the service's ports", w->ports.at[j].key);
		if (is_static && w->address.s && is_unix(w->address.s) && se->ports.n != 1)
			hdl_decode_error(d, w->address.pos, "endpoints",
					 "a Unix socket needs exactly one port of the service, there are %zu",
					 se->ports.n);
	}
}

static bool is_http(enum hdl_gw_protocol protocol)
{
	return protocol == HDL_GW_HTTP || protocol == HDL_GW_HTTP2 || protocol == HDL_GW_GRPC ||
	       protocol == HDL_GW_GRPC_WEB;
}

static bool is_tls(enum hdl_gw_protocol protocol)
{
	return protocol == HDL_GW_HTTPS || protocol == HDL_GW_TLS;
}

static void check_dns(struct hdl_decode *d, const struct hdl_service_entry *se)
{
	for (size_t i = 0; !se->endpoints.n && i < se->hosts.n; i++)
		if (se->hosts.at[i].s && !hdl_name_is_host(se->hosts.at[i].s, false))
			hdl_decode_error(d, se->hosts.at[i].pos, "hosts",
					 "\"%.100s\" cannot be resolved: without endpoints resolution %s needs full "
					 "names",
					 se->hosts.at[i].s, resolution_name(se));
	if (se->resolution.value == HDL_SE_DNS_ROUND_ROBIN && se->endpoints.n > 1)
		hdl_decode_error(d, se->endpoints.at[1].pos, "endpoints",
				 "resolution DNS_ROUND_ROBIN allows one endpoint, there are %zu", se->endpoints.n);
	for (size_t i = 0; se->addresses.n && se->hosts.n > 1 && i < se->ports.n; i++)
		if (se->ports.at[i].protocol_value == HDL_GW_TCP) {
			hdl_decode_warning(d, se->ports.at[i].pos, "hosts",
					   "more than one host with addresses and a TCP port: connections do not tell "
					   "which host is meant");
			break;
		}
}

static void check_dynamic_dns(struct hdl_decode *d, const struct hdl_service_entry *se)
{
	for (size_t i = 0; i < se->hosts.n; i++)
		if (se->hosts.at[i].s && *se->hosts.at[i].s != '*')
			hdl_decode_error(d, se->hosts.at[i].pos, "hosts",
					 "\"%.100s\": resolution DYNAMIC_DNS is for wildcard hosts only",
					 se->hosts.at[i].s);
	if (se->addresses.n)
		hdl_decode_error(d, se->addresses.at[0].pos, "addresses", "resolution DYNAMIC_DNS excludes addresses");
	if (se->endpoints.n)
		hdl_decode_error(d, se->endpoints.at[0].pos, "endpoints", "resolution DYNAMIC_DNS excludes endpoints");
	if (se->location.value == HDL_SE_MESH_INTERNAL)
		hdl_decode_error(d, se->location.pos, "location", "resolution DYNAMIC_DNS needs MESH_EXTERNAL");
	for (size_t i = 0; i < se->ports.n; i++) {
		enum hdl_gw_protocol protocol = se->ports.at[i].protocol_value;

		if (protocol != HDL_GW_HTTP && protocol != HDL_GW_HTTP2 && protocol != HDL_GW_GRPC &&
		    protocol != HDL_GW_TLS)
			hdl_decode_error(d, se->ports.at[i].pos, "ports",
					 "resolution DYNAMIC_DNS needs protocol HTTP, HTTP2, GRPC or TLS");
	}
}

static void check_resolution(struct hdl_decode *d, const struct hdl_service_entry *se)
{
	enum hdl_se_resolution resolution = (enum hdl_se_resolution)se->resolution.value;

	if (resolution == HDL_SE_NONE && se->endpoints.n)
		hdl_decode_error(d, se->endpoints.at[0].pos, "endpoints", "resolution NONE excludes endpoints");
	if (resolution != HDL_SE_STATIC && se->workload_selector)
		hdl_decode_warning(d, se->workload_selector->pos, "workloadSelector",
				   "is meant for resolution STATIC, not %s", resolution_name(se));
	if (resolution == HDL_SE_DNS || resolution == HDL_SE_DNS_ROUND_ROBIN)
		check_dns(d, se);
	if (resolution == HDL_SE_DYNAMIC_DNS)
		check_dynamic_dns(d, se);
}

/* By HTTP and TLS the host is known, by a plain connection it is not. */
static void check_protocols(struct hdl_decode *d, const struct hdl_service_entry *se)
{
	/* status.addresses and D.1: Istio gives an address to what is resolved and has no wildcard */
	bool given_address = se->addresses.n > 0 || se->resolution.value != HDL_SE_NONE;

	for (size_t i = 0; i < se->hosts.n; i++)
		if (se->hosts.at[i].s && *se->hosts.at[i].s == '*' && !se->addresses.n)
			given_address = false;
	for (size_t i = 0; i < se->ports.n; i++) {
		const struct hdl_se_port *port = &se->ports.at[i];
		enum hdl_gw_protocol protocol = port->protocol_value;

		if (!given_address && (!protocol || protocol == HDL_GW_TCP))
			hdl_decode_warning(d, port->pos, "addresses",
					   "is empty: port %lld of protocol %s takes all connections to that port",
					   (long long)port->number.value, protocol ? "TCP" : "unknown");
		if (se->resolution.value != HDL_SE_NONE && se->hosts.n > 1 && !is_http(protocol) && !is_tls(protocol)) {
			hdl_decode_error(d, port->pos, "hosts",
					 "more than one host needs protocol HTTP, HTTP2, GRPC, HTTPS or TLS on every "
					 "port, or resolution NONE");
			break;
		}
	}
}

void hdl_check_service_entry(struct hdl_decode *d, void *object)
{
	const struct hdl_service_entry *se = object;

	if (se->workload_selector && se->endpoints.n)
		hdl_decode_error(d, se->workload_selector->pos, "workloadSelector", "excludes endpoints");
	for (size_t i = 0; i < se->hosts.n; i++)
		check_host(d, &se->hosts.at[i], i);
	check_addresses(d, se);
	check_ports(d, se);
	if (se->resolution.value != HDL_SE_NONE && se->resolution.value != HDL_SE_DYNAMIC_DNS)
		check_endpoints(d, se);
	if (hdl_decode_clean(d)) {
		check_resolution(d, se);
		check_protocols(d, se);
	}
	hdl_check_export_list(d, &se->export_to, "exportTo", HDL_EXPORT_NONE);
	hdl_check_annotations(d);
}
