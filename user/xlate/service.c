/* SPDX-License-Identifier: Apache-2.0 */
/* Services: names, addresses and ports with their protocols (specification D.3, D.4). */
#include "xlate/priv.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "model/registry.h"

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

/* ---- what a Service says ---- */

static int describe_ports(const struct hdl_kube_service *spec, struct hdl_xl_registration *r)
{
	r->ports = hdl_ir_alloc(spec->ports.n, sizeof(*r->ports));
	if (!r->ports)
		return -ENOMEM;
	r->ports_of_all_protocols = spec->ports.n;
	for (size_t i = 0; i < spec->ports.n; i++) {
		const struct hdl_service_port *port = &spec->ports.at[i];

		if (i == 0)
			r->first_port = (uint16_t)port->port.value;
		/* SCTP is not captured: it stays with whoever served it before */
		if (port->protocol.value == HDL_PORT_SCTP)
			continue;
		r->ports[r->port_count++] = (struct hdl_xl_port_spec){
			.name = port->name.s ? port->name.s : "",
			.port = (uint16_t)port->port.value,
			.target_port =
				port->target_port.has && !port->target_port.s ? (uint16_t)port->target_port.number : 0,
			.node_port = (uint16_t)hdl_xl_number(&port->node_port, 0),
			.protocol = port->protocol.value == HDL_PORT_UDP ? HDL_IR_UDP : protocol_of(port),
			.pos = port->pos,
		};
	}
	return 0;
}

static int describe_addresses(const struct hdl_kube_service *spec, struct hdl_xl_registration *r)
{
	const struct hdl_texts single = { .at = (struct hdl_text *)&spec->cluster_ip, .n = spec->cluster_ip.s != NULL };
	const struct hdl_texts *lists[] = { &single, &spec->cluster_ips, &spec->external_ips };
	size_t given = spec->load_balancer ? spec->load_balancer->ingress.n : 0;

	r->addresses = hdl_ir_alloc(1 + spec->cluster_ips.n + spec->external_ips.n + given, sizeof(*r->addresses));
	if (!r->addresses)
		return -ENOMEM;
	for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
		if (lists[l] == &spec->external_ips)
			r->external_from = r->address_count;
		for (size_t i = 0; i < lists[l]->n; i++) {
			const struct hdl_text *text = &lists[l]->at[i];

			if (strcmp(text->s, "None") == 0)
				r->headless = true;
			else if (text->s[0])
				r->addresses[r->address_count++] = text;
		}
	}
	for (size_t i = 0; i < given; i++)
		if (spec->load_balancer->ingress.at[i].ip.s)
			r->addresses[r->address_count++] = &spec->load_balancer->ingress.at[i].ip;
	return 0;
}

struct hdl_xl_registration *hdl_xl_registration_new(struct hdl_xl_source *source, const char *fqdn)
{
	struct hdl_xl_registration *r = hdl_ir_alloc(1, sizeof(*r) + strlen(fqdn) + 1);

	if (!r)
		return NULL;
	source->data = r;
	r->fqdn = memcpy(r + 1, fqdn, strlen(fqdn) + 1);
	return r;
}

static int describe(struct hdl_xl_source *source, const char *fqdn)
{
	const struct hdl_kube_service *spec = source->res->service;
	struct hdl_xl_registration *r = hdl_xl_registration_new(source, fqdn);

	if (!r)
		return -ENOMEM;
	r->endpoints = hdl_xl_slice_endpoints;
	r->publish_not_ready = spec->publish_not_ready_addresses.value;
	r->client_ip_affinity = spec->session_affinity.value == HDL_AFFINITY_CLIENT_IP;
	r->affinity_timeout_s = 10800;
	if (spec->session_affinity_config && spec->session_affinity_config->client_ip)
		r->affinity_timeout_s =
			hdl_xl_number(&spec->session_affinity_config->client_ip->timeout_seconds, 10800);
	if (spec->internal_traffic_policy.value == HDL_TRAFFIC_LOCAL)
		r->local_only = spec->internal_traffic_policy.pos;
	r->external_local = spec->external_traffic_policy.value == HDL_TRAFFIC_LOCAL;
	return describe_ports(spec, r) < 0 || describe_addresses(spec, r) < 0 ? -ENOMEM : 0;
}

static void registration_free(struct hdl_xl_registration *r)
{
	if (!r)
		return;
	hdl_ir_free(r->ports);
	hdl_ir_free(r->addresses);
	hdl_ir_free(r->subnets);
	hdl_ir_free(r);
}

/* ---- the cells of a registered service ---- */

static int join_addresses(struct hdl_xl *xl, struct hdl_xl_source *source, const struct hdl_xl_registration *r)
{
	for (size_t i = 0; i < r->address_count; i++) {
		char printed[HDL_ADDR_TEXT_MAX];
		struct hdl_addr address;

		if (hdl_addr_parse(hdl_str_of(r->addresses[i]->s), &address) == 0 && !hdl_addr_is_zero(&address) &&
		    hdl_xl_enter_cell(xl, source, HDL_XL_SERVICE_IPS, hdl_addr_print(&address, printed), NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int join_names(struct hdl_xl *xl, struct hdl_xl_source *source, const struct hdl_xl_registration *r)
{
	for (size_t i = 0; i < r->port_count; i++) {
		if (r->ports[i].protocol != HDL_IR_HTTP)
			continue;
		if (r->ports[i].port == HDL_XL_OUTSIDE_PORT)
			hdl_xl_flag_add(&xl->graph, &xl->outside_port, 1);
		if (!r->host &&
		    hdl_xl_enter_cell(xl, source, HDL_XL_BARE_NAMES,
				      hdl_xl_scratchf(xl, "%u %s", r->ports[i].port, source->res->name), NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

static const char *node_port_key(struct hdl_xl *xl, const struct hdl_xl_port_spec *port)
{
	return hdl_xl_scratchf(xl, "%u%s", port->node_port, hdl_xl_is_udp(port->protocol) ? "/udp" : "");
}

static int join_node_ports(struct hdl_xl *xl, struct hdl_xl_source *source, const struct hdl_xl_registration *r)
{
	for (size_t i = 0; i < r->port_count; i++)
		if (r->ports[i].node_port &&
		    hdl_xl_enter_cell(xl, source, HDL_XL_NODE_PORTS, node_port_key(xl, &r->ports[i]), NULL) < 0)
			return -ENOMEM;
	return 0;
}

int hdl_xl_enter_service(struct hdl_xl *xl, struct hdl_xl_source *source)
{
	const struct hdl_xl_registration *r = source->data;

	if (hdl_xl_enter_cell(xl, source, HDL_XL_SERVICES, r->fqdn, NULL) < 0 || join_addresses(xl, source, r) < 0 ||
	    join_names(xl, source, r) < 0 || join_node_ports(xl, source, r) < 0)
		return -ENOMEM;
	return hdl_xl_add_unit(xl, HDL_XL_FRONT, source, NULL, &source->front);
}

/* D.4: another name of a service: the names of both choose its routes. */
static int register_alias(struct hdl_xl *xl, struct hdl_xl_source *source, const char *fqdn)
{
	const char *target = hdl_xl_host(xl, source->res->service->external_name.s, source->res->ns);

	return hdl_xl_enter_cell(xl, source, HDL_XL_ALIASES, target, NULL) < 0 ?
		       -ENOMEM :
		       hdl_xl_enter_cell(xl, source, HDL_XL_ALIAS_NAMES, fqdn, NULL);
}

int hdl_xl_register_service(struct hdl_xl *xl, struct hdl_xl_source *source)
{
	const struct hdl_resource *res = source->res;
	const char *fqdn = hdl_xl_scratchf(xl, "%s.%s.svc.%s", res->name, res->ns, xl->ir_node.domain);

	if (hdl_xl_add_unit(xl, HDL_XL_BACKEND, source, NULL, &source->unit) < 0)
		return -ENOMEM;
	if (res->service->type.value == HDL_SERVICE_EXTERNAL_NAME)
		return register_alias(xl, source, fqdn);
	if (describe(source, fqdn) < 0)
		return -ENOMEM;
	return hdl_xl_enter_service(xl, source);
}

void hdl_xl_unregister_service(struct hdl_xl *xl, struct hdl_xl_source *source)
{
	struct hdl_xl_registration *r = source->data;

	for (size_t i = 0; r && r->ports && i < r->port_count; i++)
		if (r->ports[i].protocol == HDL_IR_HTTP && r->ports[i].port == HDL_XL_OUTSIDE_PORT)
			hdl_xl_flag_add(&xl->graph, &xl->outside_port, -1);
	registration_free(r);
	source->data = NULL;
}

/* ---- made of it ---- */

static bool shares_port(const struct hdl_xl_registration *a, const struct hdl_xl_registration *b, uint16_t *ret_port)
{
	for (size_t i = 0; i < b->port_count; i++)
		if (hdl_xl_find_port(a, &b->ports[i])) {
			*ret_port = b->ports[i].port;
			return true;
		}
	return false;
}

/* Who has one of the ports of `of`, and is no part of the same service, among the first n who got the address. */
static const struct hdl_xl_source *port_owner(struct hdl_xl *xl, struct hdl_xl_source *const *got, size_t n,
					      const struct hdl_xl_source *of, uint16_t *ret_port)
{
	for (size_t i = 0; i < n; i++)
		if (shares_port(got[i]->data, of->data, ret_port) &&
		    hdl_xl_service_source(xl, got[i]) != hdl_xl_service_source(xl, of))
			return got[i];
	return NULL;
}

/* An address and port is one service's: the earlier one's. NULL: source gets the address. */
static const struct hdl_xl_source *address_owner(struct hdl_xl *xl, const struct hdl_xl_cell *cell,
						 const struct hdl_xl_source *source, uint16_t *ret_port)
{
	struct hdl_xl_source **got;
	size_t n = 0;

	if (cell->n == 1)
		return NULL;
	got = hdl_arena_calloc(xl->scratch, cell->n, sizeof(struct hdl_xl_source *));
	if (!got) {
		xl->no_memory = true;
		return NULL;
	}
	for (uint32_t i = 0; i < cell->n; i++) {
		struct hdl_xl_source *member = hdl_xl_member(cell, i);

		if (member == source)
			break;
		/* one without the name of its service has no address either */
		if (!hdl_xl_service_source(xl, member) || port_owner(xl, got, n, member, ret_port))
			continue;
		got[n++] = member;
		/* as a rule that is all: those before it do not matter */
		if (port_owner(xl, &got[n - 1], 1, source, ret_port))
			return member;
	}
	return NULL;
}

/* Several hosts of one ServiceEntry. */
static bool same_entry(const struct hdl_resource *a, const struct hdl_resource *b)
{
	return (a->derived_from ? a->derived_from : a) == (b->derived_from ? b->derived_from : b);
}

static bool is_among(const struct hdl_addr *list, size_t n, const struct hdl_addr *address)
{
	for (size_t i = 0; i < n; i++)
		if (hdl_addr_equal(&list[i], address))
			return true;
	return false;
}

/* One that is both is its own: the edge serves both alike. */
static void add_address(struct hdl_ir_service *ir, const struct hdl_addr *address, bool external)
{
	if (external)
		((struct hdl_addr *)ir->external_addresses)[ir->external_address_count++] = *address;
	else
		((struct hdl_addr *)ir->addresses)[ir->address_count++] = *address;
}

/* Reported once per address. */
static void claim_address(struct hdl_xl *xl, struct hdl_xl_service *service, const struct hdl_xl_source *source,
			  const struct hdl_text *text, bool external)
{
	const struct hdl_xl_source *owner;
	struct hdl_addr address;
	char printed[HDL_ADDR_TEXT_MAX];
	struct hdl_xl_cell *cell;
	uint16_t port;

	if (hdl_addr_parse(hdl_str_of(text->s), &address) < 0 || hdl_addr_is_zero(&address)) {
		hdl_xl_report(xl->diags, HDL_ERROR, service->res, text->pos, NULL, "%s is not an address", text->s);
		return;
	}
	if (is_among(service->ir.addresses, service->ir.address_count, &address) ||
	    is_among(service->ir.external_addresses, service->ir.external_address_count, &address))
		return;
	cell = hdl_xl_read(xl, HDL_XL_SERVICE_IPS, hdl_addr_print(&address, printed));
	owner = cell ? address_owner(xl, cell, source, &port) : NULL;
	if (!owner)
		add_address(&service->ir, &address, external);
	else if (same_entry(owner->res, service->res)) {
		/* one for all of them: there may be hundreds, of hundreds of hosts */
		if (!service->shared++)
			hdl_xl_report(
				xl->diags, HDL_INFO, service->res, text->pos, NULL,
				"%s shares address %s with %s: they are told apart by Host where requests are read",
				service->ir.fqdn, printed, ((const struct hdl_xl_registration *)owner->data)->fqdn);
	} else if (hdl_xl_first_time(xl, "address %s %s", service->ir.fqdn, printed)) /* clusterIP and clusterIPs */
		hdl_xl_report(xl->diags, HDL_ERROR, service->res, text->pos, NULL,
			      "address %s with port %u is already that of %s %s/%s at %s:%u: this service does not get "
			      "the address",
			      printed, port, hdl_kind_name(owner->res->kind), owner->res->ns, owner->res->name,
			      owner->res->file, owner->res->pos.line);
}

/* Kubernetes gives a NodePort once; files may say what they like. */
static bool owns_node_port(struct hdl_xl *xl, const struct hdl_xl_service *service, const struct hdl_xl_source *source,
			   const struct hdl_xl_port_spec *port)
{
	const struct hdl_xl_cell *cell = hdl_xl_read(xl, HDL_XL_NODE_PORTS, node_port_key(xl, port));
	const struct hdl_xl_source *owner = cell && cell->n ? hdl_xl_member(cell, 0) : NULL;

	if (owner && owner != source)
		hdl_xl_report(xl->diags, HDL_ERROR, service->res, port->pos, "spec.ports",
			      "nodePort %u is already that of Service %s/%s at %s:%u: this service does not get it",
			      port->node_port, owner->res->ns, owner->res->name, owner->res->file,
			      owner->res->pos.line);
	return owner == source;
}

/* Twice in one service: the first has it. */
static bool is_repeated(const struct hdl_xl_service *service, size_t i)
{
	const struct hdl_xl_port_spec *port = service->ports[i].spec;

	for (size_t k = 0; k < i; k++)
		if (service->ports[k].spec->node_port == port->node_port &&
		    hdl_xl_is_udp(service->ports[k].spec->protocol) == hdl_xl_is_udp(port->protocol))
			return true;
	return false;
}

static int claim_node_ports(struct hdl_xl *xl, struct hdl_xl_service *service, const struct hdl_xl_source *source)
{
	service->node_port = hdl_arena_calloc(xl->arena, service->port_count, sizeof(*service->node_port));
	if (!service->node_port)
		return -ENOMEM;
	for (size_t i = 0; i < service->port_count; i++)
		service->node_port[i] = service->ports[i].spec->node_port && !is_repeated(service, i) &&
					owns_node_port(xl, service, source, service->ports[i].spec);
	return 0;
}

static int make_ports(struct hdl_xl *xl, struct hdl_xl_service *service)
{
	service->ports = hdl_arena_calloc(xl->arena, service->spec->port_count, sizeof(*service->ports));
	if (!service->ports)
		return -ENOMEM;
	service->port_count = service->spec->port_count;
	for (size_t i = 0; i < service->port_count; i++)
		service->ports[i].spec = &service->spec->ports[i];
	return 0;
}

static int make_addresses(struct hdl_xl *xl, struct hdl_xl_service *service, const struct hdl_xl_source *source)
{
	const struct hdl_xl_registration *spec = service->spec;

	service->ir.addresses = hdl_arena_calloc(xl->arena, spec->address_count, sizeof(*service->ir.addresses));
	service->ir.external_addresses =
		hdl_arena_calloc(xl->arena, spec->address_count, sizeof(*service->ir.external_addresses));
	if (!service->ir.addresses || !service->ir.external_addresses)
		return -ENOMEM;
	for (size_t i = 0; !spec->part_count && i < spec->address_count; i++)
		claim_address(xl, service, source, spec->addresses[i], i >= spec->external_from);
	for (size_t k = 0; k < spec->part_count; k++)
		for (size_t i = 0; i < spec->parts[k].address_count; i++)
			claim_address(xl, service, spec->parts[k].source, spec->parts[k].addresses[i], false);
	/* not headless on purpose, and not refused its address either: often forgotten in a file written by hand */
	if (!spec->address_count && !spec->headless)
		hdl_xl_report(
			xl->diags, HDL_INFO, service->res, service->res->pos,
			spec->host ? "spec.addresses" : "spec.clusterIP",
			"the service has no address: it can be a destination, but no connection is dialled to it");
	return 0;
}

/* Connections from outside of the node come to it: then the edge needs to know its endpoints. */
static bool is_external(const struct hdl_xl *xl, const struct hdl_xl_service *service, size_t port)
{
	return xl->ir_node.edge_interface_count && (service->ir.external_address_count || service->node_port[port]);
}

/* D.4, internalTrafficPolicy: an endpoint of which nobody says where it is, is elsewhere. */
static void place_endpoints(const struct hdl_xl *xl, const struct hdl_xl_service *service, size_t p)
{
	const char *node = xl->ir_node.node_name;
	bool external = is_external(xl, service, p);

	for (size_t i = 0; i < service->ports[p].endpoint_count; i++) {
		struct hdl_ir_endpoint *e = &service->ports[p].endpoints[i];

		e->local = node[0] && e->node && strcmp(e->node, node) == 0;
		e->edge = external && (e->local || !service->ir.external_local);
		e->standby = service->ir.internal_local && !e->local;
	}
}

static int make_endpoints(struct hdl_xl *xl, struct hdl_xl_service *service)
{
	for (size_t p = 0; p < service->port_count; p++) {
		struct hdl_xl_port *port = &service->ports[p];

		if (service->spec->endpoints(xl, service, port) < 0)
			return -ENOMEM;
		place_endpoints(xl, service, p);
		/* for display: what the service says, or what a named port came to be */
		port->target_port = port->spec->target_port ? port->spec->target_port :
				    port->endpoint_count    ? port->endpoints[0].port :
							      port->spec->port;
	}
	return 0;
}

static int add_member(struct hdl_xl *xl, struct hdl_ir_service *ir, struct hdl_xl_map *known,
		      const struct hdl_addr *address)
{
	struct hdl_ir_subnet *direct = (struct hdl_ir_subnet *)ir->direct;
	char printed[HDL_ADDR_TEXT_MAX];
	const char *key;

	if (hdl_addr_is_zero(address) || hdl_xl_map_get(known, hdl_addr_print(address, printed)))
		return 0;
	key = hdl_xl_scratchf(xl, "%s", printed);
	direct[ir->direct_count++] = (struct hdl_ir_subnet){ *address, 128 };
	return hdl_xl_map_put(known, xl->scratch, key, (void *)key);
}

/* The members of a headless service; what a ServiceEntry covers without an address for each. */
static int make_direct(struct hdl_xl *xl, struct hdl_xl_service *service)
{
	size_t most = service->spec->subnet_count;
	struct hdl_xl_map known = { 0 };

	for (size_t p = 0; service->spec->headless && p < service->port_count; p++)
		most += HDL_FAMILIES * service->ports[p].endpoint_count;
	service->ir.direct = hdl_arena_calloc(xl->arena, most, sizeof(*service->ir.direct));
	if (!service->ir.direct)
		return -ENOMEM;
	if (service->spec->subnet_count)
		memcpy((void *)service->ir.direct, service->spec->subnets,
		       service->spec->subnet_count * sizeof(*service->ir.direct));
	service->ir.direct_count = service->spec->subnet_count;
	for (size_t p = 0; service->spec->headless && p < service->port_count; p++)
		for (size_t i = 0; i < service->ports[p].endpoint_count; i++)
			for (int f = 0; f < HDL_FAMILIES; f++)
				if (add_member(xl, &service->ir, &known, &service->ports[p].endpoints[i].address[f]) <
				    0)
					return -ENOMEM;
	return 0;
}

static bool owns_name(struct hdl_xl *xl, const struct hdl_xl_source *source)
{
	const struct hdl_xl_registration *r = source->data;
	const struct hdl_xl_cell *cell = hdl_xl_read(xl, HDL_XL_SERVICES, r->fqdn);
	const struct hdl_xl_source *owner = cell ? hdl_xl_name_owner(cell) : NULL;

	if (owner && owner != source && r->host)
		hdl_xl_report_joined(xl, source);
	return owner == source;
}

static void report_alias(struct hdl_xl *xl, const struct hdl_resource *res)
{
	const struct hdl_text *target = &res->service->external_name;
	const struct hdl_xl_cell *cell = hdl_xl_read(xl, HDL_XL_SERVICES, hdl_xl_host(xl, target->s, res->ns));

	if (!cell || !cell->n)
		hdl_xl_report(xl->diags, HDL_INFO, res, target->pos, "spec.externalName",
			      "there is no service %s: connections go where the name leads", target->s);
}

int hdl_xl_make_backend(struct hdl_xl *xl, struct hdl_xl_unit *unit)
{
	const struct hdl_xl_source *source = unit->source;
	const struct hdl_resource *res = source->res;
	struct hdl_xl_service *service;

	hdl_xl_phase(xl, HDL_XL_PHASE_SERVICES);
	if (!source->data) {
		report_alias(xl, res);
		return 0;
	}
	if (!owns_name(xl, source))
		return 0;
	service = hdl_xl_product_new(xl, sizeof(*service));
	if (!service)
		return -ENOMEM;
	service->res = res;
	if (hdl_xl_join_entries(xl, source, &service->spec) < 0)
		return -ENOMEM;
	service->label = source->label;
	service->ir.ns = hdl_xl_intern(xl, res->ns);
	service->ir.name = hdl_xl_intern(xl, service->spec->host ? service->spec->fqdn : res->name);
	service->ir.fqdn = hdl_xl_intern(xl, service->spec->fqdn);
	service->ir.origin = hdl_xl_origin(xl, res, res->pos);
	service->ir.internal_local = service->spec->local_only.line && xl->ir_node.node_name[0];
	service->ir.external_local = service->spec->external_local;
	if (make_ports(xl, service) < 0 || make_addresses(xl, service, source) < 0 ||
	    claim_node_ports(xl, service, source) < 0)
		return -ENOMEM;
	hdl_xl_phase(xl, HDL_XL_PHASE_ENDPOINTS);
	if (make_endpoints(xl, service) < 0 || make_direct(xl, service) < 0)
		return -ENOMEM;
	hdl_xl_phase(xl, HDL_XL_PHASE_RULE_OF);
	service->rule = hdl_xl_rule_of(xl, service, NULL);
	hdl_xl_phase(xl, HDL_XL_PHASE_CLUSTERS);
	if (hdl_xl_clusters(xl, service, service->rule) < 0)
		return -ENOMEM;
	return hdl_xl_make_service_views(xl, service);
}
