/* SPDX-License-Identifier: Apache-2.0 */
/* Services: names, addresses and ports with their protocols (specification D.3, D.4). */
#include "xlate/priv.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *word;
	enum hdl_ir_protocol protocol;
} protocol_words[] = {
	/* grpc-web is HTTP of either version; before grpc, of which it is a name with a suffix */
	{ "grpc-web", HDL_IR_HTTP }, { "http", HDL_IR_HTTP }, { "https", HDL_IR_TLS }, { "http2", HDL_IR_HTTP2 },
	{ "grpc", HDL_IR_GRPC },     { "tcp", HDL_IR_TCP },   { "tls", HDL_IR_TLS },   { "mongo", HDL_IR_TCP },
	{ "mysql", HDL_IR_TCP },     { "redis", HDL_IR_TCP },
};

static const struct {
	const char *word;
	enum hdl_ir_protocol protocol;
} kubernetes_words[] = {
	{ "kubernetes.io/h2c", HDL_IR_HTTP2 },
	{ "kubernetes.io/ws", HDL_IR_HTTP },
	{ "kubernetes.io/wss", HDL_IR_TLS },
};

/* The whole word, or (prefix) what is before a '-'. */
static bool find_word(const char *s, bool prefix, enum hdl_ir_protocol *ret)
{
	for (size_t i = 0; i < sizeof(protocol_words) / sizeof(protocol_words[0]); i++) {
		size_t n = strlen(protocol_words[i].word);

		if (strncasecmp(s, protocol_words[i].word, n) == 0 && (s[n] == '\0' || (prefix && s[n] == '-'))) {
			*ret = protocol_words[i].protocol;
			return true;
		}
	}
	return false;
}

/* Specification D.3; a port that speaks first must not wait for the client's first bytes. */
static enum hdl_ir_protocol protocol_of(const struct hdl_service_port *port)
{
	enum hdl_ir_protocol protocol;

	if (port->app_protocol.s) {
		for (size_t i = 0; i < sizeof(kubernetes_words) / sizeof(kubernetes_words[0]); i++)
			if (strcasecmp(port->app_protocol.s, kubernetes_words[i].word) == 0)
				return kubernetes_words[i].protocol;
		if (find_word(port->app_protocol.s, false, &protocol))
			return protocol;
	}
	if (port->name.s && find_word(port->name.s, true, &protocol))
		return protocol;
	switch (port->port.value) {
	case 25:
	case 53:
	case 3306:
	case 27017:
		return HDL_IR_TCP;
	default:
		return HDL_IR_AUTO;
	}
}

static int add_ports(struct hdl_xl *xl, struct hdl_xl_service *service)
{
	const struct hdl_kube_service *spec = service->res->service;
	struct hdl_ir_service *ir = service->ir;

	ir->ports = hdl_arena_calloc(xl->arena, spec->ports.n, sizeof(*ir->ports));
	service->ports = hdl_arena_calloc(xl->scratch, spec->ports.n, sizeof(*service->ports));
	if (!ir->ports || !service->ports)
		return -ENOMEM;
	for (size_t i = 0; i < spec->ports.n; i++) {
		const struct hdl_service_port *port = &spec->ports.at[i];
		struct hdl_ir_service_port *p = &ir->ports[ir->port_count];

		/* UDP and SCTP are not captured: they stay with whoever served them before */
		if (port->protocol.value != HDL_PORT_TCP)
			continue;
		service->ports[ir->port_count++] = (struct hdl_xl_port){ .ir = p, .spec = port };
		*p = (struct hdl_ir_service_port){
			.service = ir,
			.name = hdl_xl_intern(xl, port->name.s),
			.port = (uint16_t)port->port.value,
			.protocol = protocol_of(port),
			.fail_mode = xl->snapshot->node.fail_mode,
		};
	}
	return 0;
}

/* An address and port is one service's: the earlier one's. Reported once per address. */
static int claim_address(struct hdl_xl *xl, struct hdl_xl_map *owners, struct hdl_xl_service *service,
			 const struct hdl_text *text)
{
	char printed[HDL_ADDR_TEXT_MAX];
	struct hdl_addr address, *addresses = (struct hdl_addr *)service->ir->addresses;

	if (hdl_addr_parse(hdl_str_of(text->s), &address) < 0 || hdl_addr_is_zero(&address)) {
		hdl_xl_report(xl->diags, HDL_ERROR, service->res, text->pos, NULL, "%s is not an address", text->s);
		return 0;
	}
	hdl_addr_print(&address, printed);
	for (size_t i = 0; i < service->ir->address_count; i++)
		if (hdl_addr_equal(&addresses[i], &address))
			return 0;
	for (size_t i = 0; i < service->ir->port_count; i++) {
		unsigned int port = service->ir->ports[i].port;
		const struct hdl_xl_service *owner =
			hdl_xl_map_get(owners, hdl_xl_scratchf(xl, "%s %u", printed, port));

		if (!owner || owner == service)
			continue;
		if (!hdl_xl_first_time(xl, "address %s %s", service->ir->fqdn, printed)) /* clusterIP and clusterIPs */
			return 0;
		hdl_xl_report(
			xl->diags, HDL_ERROR, service->res, text->pos, NULL,
			"address %s with port %u is already that of Service %s/%s at %s:%u: this service does not get "
			"the address",
			printed, port, owner->res->ns, owner->res->name, owner->res->file, owner->res->pos.line);
		return 0;
	}
	for (size_t i = 0; i < service->ir->port_count; i++)
		if (hdl_xl_map_put(owners, xl->scratch,
				   hdl_xl_scratchf(xl, "%s %u", printed, service->ir->ports[i].port), service) < 0)
			return -ENOMEM;
	addresses[service->ir->address_count++] = address;
	return 0;
}

static int add_addresses(struct hdl_xl *xl, struct hdl_xl_map *owners, struct hdl_xl_service *service)
{
	const struct hdl_kube_service *spec = service->res->service;
	const struct hdl_texts single = { .at = (struct hdl_text *)&spec->cluster_ip, .n = spec->cluster_ip.s != NULL };
	const struct hdl_texts *lists[] = { &single, &spec->cluster_ips, &spec->external_ips };

	service->ir->addresses = hdl_arena_calloc(xl->arena, 1 + spec->cluster_ips.n + spec->external_ips.n,
						  sizeof(*service->ir->addresses));
	if (!service->ir->addresses)
		return -ENOMEM;
	for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++)
		for (size_t i = 0; i < lists[l]->n; i++) {
			const struct hdl_text *text = &lists[l]->at[i];

			if (strcmp(text->s, "None") == 0)
				service->headless = true;
			else if (text->s[0] && claim_address(xl, owners, service, text) < 0)
				return -ENOMEM;
		}
	return 0;
}

/* Not headless on purpose, and not refused its address either: often forgotten in a file that was written by hand. */
static void report_no_address(struct hdl_xl *xl, const struct hdl_xl_service *service)
{
	const struct hdl_kube_service *spec = service->res->service;

	if (!(spec->cluster_ip.s && spec->cluster_ip.s[0]) && !spec->cluster_ips.n && !spec->external_ips.n)
		hdl_xl_report(
			xl->diags, HDL_INFO, service->res, service->res->pos, "spec.clusterIP",
			"the service has no address: it can be a destination, but no connection is dialled to it");
}

static int add(struct hdl_xl *xl, struct hdl_xl_map *owners, const struct hdl_resource *res)
{
	struct hdl_xl_service *service = &xl->service[xl->service_count];

	service->res = res;
	service->ir = hdl_arena_alloc(xl->arena, sizeof(*service->ir));
	if (!service->ir)
		return -ENOMEM;
	service->ir->ns = hdl_xl_intern(xl, res->ns);
	service->ir->name = hdl_xl_intern(xl, res->name);
	service->ir->fqdn = hdl_xl_internf(xl, "%s.%s.svc.%s", res->name, res->ns, xl->snapshot->node.domain);
	service->ir->origin = hdl_xl_origin(xl, res, res->pos);
	if (add_ports(xl, service) < 0 || add_addresses(xl, owners, service) < 0)
		return -ENOMEM;
	report_no_address(xl, service);
	xl->service_count++;
	xl->snapshot->services[xl->snapshot->service_count++] = service->ir;
	return hdl_xl_map_put(&xl->services, xl->scratch, service->ir->fqdn, service);
}

static int collect_ports(struct hdl_xl *xl)
{
	struct hdl_snapshot *s = xl->snapshot;
	size_t n = 0;

	for (size_t i = 0; i < s->service_count; i++)
		n += s->services[i]->port_count;
	s->service_ports = hdl_arena_calloc(xl->arena, n, sizeof(*s->service_ports));
	if (!s->service_ports)
		return -ENOMEM;
	for (size_t i = 0; i < s->service_count; i++)
		for (size_t p = 0; p < s->services[i]->port_count; p++) {
			struct hdl_ir_service_port *port = &s->services[i]->ports[p];

			s->service_ports[s->service_port_count++] = port;
			port->id = (uint32_t)s->service_port_count;
		}
	return 0;
}

int hdl_xl_services(struct hdl_xl *xl)
{
	struct hdl_xl_map owners = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < xl->n; i++)
		n += xl->res[i]->kind == HDL_KIND_SERVICE;
	xl->service = hdl_arena_calloc(xl->scratch, n, sizeof(*xl->service));
	xl->snapshot->services = hdl_arena_calloc(xl->arena, n, sizeof(*xl->snapshot->services));
	if (!xl->service || !xl->snapshot->services)
		return -ENOMEM;
	for (size_t i = 0; i < xl->n; i++) {
		const struct hdl_resource *res = xl->res[i];

		if (res->kind != HDL_KIND_SERVICE)
			continue;
		if (res->service->type.value == HDL_SERVICE_EXTERNAL_NAME) {
			hdl_xl_report(xl->diags, HDL_WARNING, res, res->service->type.pos, "spec.type",
				      "ExternalName services are not supported: this one is left alone");
			continue;
		}
		if (add(xl, &owners, res) < 0)
			return -ENOMEM;
	}
	return collect_ports(xl);
}
