/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of layer 4: of a VirtualService's tcp, and of a TCPRoute, which is derived into one (specification A.2, A.4, F.8). */
#include "xlate/priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int hdl_xl_subnet(const char *text, struct hdl_ir_subnet *ret)
{
	const char *slash = strchr(text, '/');
	struct hdl_str host = { text, slash ? (size_t)(slash - text) : strlen(text) };
	struct hdl_ir_subnet subnet = { .prefix = 128 };
	uint8_t *bytes = (uint8_t *)&subnet.address;
	unsigned int bits;
	char *end;

	if (hdl_addr_parse(host, &subnet.address) < 0)
		return -EINVAL;
	if (slash) {
		unsigned int width = hdl_addr_is_v4(&subnet.address) ? 32 : 128;
		unsigned long given = strtoul(slash + 1, &end, 10);

		if (end == slash + 1 || *end || given > width)
			return -EINVAL;
		bits = (unsigned int)given + 128 - width;
		subnet.prefix = (uint8_t)bits;
		for (; bits < 128; bits++)
			bytes[bits / 8] &= (uint8_t) ~(0x80u >> bits % 8);
	}
	*ret = subnet;
	return 0;
}

/* A.4: gateways and port have to hold; what is left is a question to each connection. */
static bool may_apply(const struct hdl_vs_l4_match *m, uint16_t port)
{
	bool mesh = m->gateways.n == 0;

	for (size_t i = 0; i < m->gateways.n; i++)
		mesh |= strcmp(m->gateways.at[i].s, "mesh") == 0;
	return mesh && (!m->port.has || m->port.value == port);
}

static bool asks_nothing(const struct hdl_ir_l4_match *m)
{
	return !m->subnet_count && !m->source_labels.n && !m->source_namespace[0];
}

static int make_match(struct hdl_xl *xl, const struct hdl_vs_l4_match *spec, struct hdl_ir_l4_match *m)
{
	static const struct hdl_ir_label none;
	struct hdl_ir_subnet *subnets = hdl_arena_calloc(xl->arena, spec->destination_subnets.n, sizeof(*subnets));

	if (!subnets)
		return -ENOMEM;
	*m = (struct hdl_ir_l4_match){
		.subnets = subnets,
		.source_namespace = hdl_xl_intern(xl, spec->source_namespace.s),
		.source_labels.v = &none,
	};
	for (size_t i = 0; i < spec->destination_subnets.n; i++)
		if (hdl_xl_subnet(spec->destination_subnets.at[i].s, &subnets[m->subnet_count]) == 0)
			m->subnet_count++;
	return hdl_xl_labels(xl, &spec->source_labels, &m->source_labels);
}

/* *ret_applies false: none of its blocks can hold. match_count 0: one of them always does. */
static int make_matches(struct hdl_xl *xl, const struct hdl_vs_l4_route *spec, uint16_t port,
			struct hdl_ir_l4_route *route, bool *ret_applies)
{
	struct hdl_ir_l4_match *m = hdl_arena_calloc(xl->arena, spec->match.n, sizeof(*m));

	if (!m)
		return -ENOMEM;
	route->matches = m;
	*ret_applies = spec->match.n == 0;
	for (size_t i = 0; i < spec->match.n; i++) {
		if (!may_apply(&spec->match.at[i], port))
			continue;
		*ret_applies = true;
		if (make_match(xl, &spec->match.at[i], &m[route->match_count]) < 0)
			return -ENOMEM;
		if (asks_nothing(&m[route->match_count++])) {
			route->match_count = 0;
			break;
		}
	}
	return 0;
}

/* Subnets that no address of the service is in: often a rule that is meant for another service. */
static void report_subnets(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_l4_route *spec,
			   const struct hdl_ir_l4_route *route, const struct hdl_ir_service *service)
{
	struct hdl_ir_workload nobody = { .ns = "" };

	for (size_t i = 0; i < route->match_count; i++) {
		struct hdl_ir_l4_match subnets = route->matches[i];
		bool any = subnets.subnet_count == 0;

		subnets.source_labels.n = 0;
		subnets.source_namespace = "";
		for (size_t a = 0; a < service->address_count; a++)
			any |= hdl_ir_l4_match_holds(&subnets, &service->addresses[a], &nobody);
		for (size_t a = 0; a < service->external_address_count; a++)
			any |= hdl_ir_l4_match_holds(&subnets, &service->external_addresses[a], &nobody);
		if (any)
			return;
	}
	if (route->match_count && service->address_count + service->external_address_count &&
	    hdl_xl_first_time(xl, "subnets %p %s", (const void *)spec, service->fqdn))
		hdl_xl_report(xl->diags, HDL_WARNING, res, spec->pos, "spec.tcp",
			      "no address of %s is in destinationSubnets: the rule takes none of its connections",
			      service->fqdn);
}

struct build {
	struct hdl_xl *xl;
	const struct hdl_ir_service_port *port;
	struct hdl_xl_l4 *l4;
};

/* 1: it takes all that is left. */
static int add_rule(struct build *b, const struct hdl_xl_vs *vs, size_t index)
{
	const struct hdl_vs_l4_route *spec = &vs->spec->tcp.at[index];
	struct hdl_ir_l4_route *route = &b->l4->routes[b->l4->n];
	char field[XL_FIELD_MAX], text[XL_NAME_MAX];
	bool applies;
	int r;

	*route = (struct hdl_ir_l4_route){ 0 };
	if (make_matches(b->xl, spec, b->port->port, route, &applies) < 0)
		return -ENOMEM;
	if (!applies)
		return 0;
	snprintf(field, sizeof(field), vs->spec->derived ? "spec.rules[%zu]" : "spec.tcp[%zu]", index);
	r = hdl_xl_destinations(b->xl, vs->res, spec->route.at, spec->route.n, b->port->port, field,
				&route->destinations);
	if (r < 0) /* refused and reported: the rule is as if it were not there */
		return r == -E2BIG ? 0 : r;
	route->destination_count = spec->route.n;
	route->origin = hdl_xl_origin(b->xl, vs->res, spec->pos);
	report_subnets(b->xl, vs->res, spec, route, b->port->service);
	b->l4->text[b->l4->n++] = hdl_xl_internf(b->xl, "%s %s", hdl_xl_resource_text(vs->res, text), field);
	return route->match_count == 0;
}

int hdl_xl_l4_routes(struct hdl_xl *xl, const struct hdl_xl_claims *claims, const struct hdl_ir_service_port *port,
		     struct hdl_xl_l4 *ret)
{
	struct build b = { xl, port, ret };
	size_t most = 0;
	int r = 0;

	*ret = (struct hdl_xl_l4){ 0 };
	for (size_t i = 0; i < claims->n; i++)
		most += claims->v[i]->spec->tcp.n;
	if (!most || hdl_xl_is_udp(port->protocol))
		return 0;
	ret->routes = hdl_arena_calloc(xl->arena, most, sizeof(*ret->routes));
	ret->text = hdl_arena_calloc(xl->scratch, most, sizeof(*ret->text));
	if (!ret->routes || !ret->text)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < claims->n; i++)
		for (size_t k = 0; r == 0 && k < claims->v[i]->spec->tcp.n; k++)
			r = add_rule(&b, claims->v[i], k);
	if (r > 0) {
		ret->n--;
		ret->rest = &ret->routes[ret->n];
		ret->rest_text = ret->text[ret->n];
	}
	return r < 0 ? r : 0;
}
