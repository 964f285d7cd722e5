/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a connection goes at layer 4 (specification A.2, A.4, C.9, D.4, F.8): from documents through the translator to the
 * question that publisher and preview ask, for a client and an address.
 */
#include "unit/unit.h"
#include "unit/xlate/load.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"

#define SERVICES                                                                                              \
	"apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: a}\nspec: {clusterIP: 10.0.0.1, "     \
	"externalIPs: [192.0.2.1], clusterIPs: [10.0.0.1, \"fd00::1\"], ports: [{name: tcp, port: 90, "       \
	"nodePort: 30090}, {name: tcp-b, port: 91}, {name: u, protocol: UDP, port: 90}]}\n"                   \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: a}\nspec: {clusterIP: 10.0.0.2, " \
	"ports: [{name: tcp, port: 90}]}\n"                                                                   \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: y, namespace: a}\nspec: {clusterIP: 10.0.0.3, " \
	"ports: [{name: tcp, port: 90}]}\n"
#define VS(name, more, tcp)                                                                                         \
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " name ", namespace: a}\n" \
	"spec: {hosts: [db]" more ", tcp: [" tcp "]}\n"
#define X "route: [{destination: {host: x}}]"
#define Y "route: [{destination: {host: y}}]"
#define DB "route: [{destination: {host: db}}]"
#define ONLY_FOR(ns, labels) VS("v-" ns, ", exportTo: [" ns "]", "{match: [{sourceLabels: " labels "}], " X "}")
#define TO_X(match) VS("v", "", "{match: [" match "], " X "}")

/* client: "ns", "ns label=value", or "" for one that is no pod; wanted: first letter of the service that is led to */
static const struct {
	const char *text, *client, *address;
	uint16_t port;
	const char *wanted;
} cases[] = {
	{ "", "a", "10.0.0.1", 90, "db" },
	{ VS("v", "", "{" X "}"), "a", "10.0.0.1", 90, "x" },
	/* port: that of the service */
	{ TO_X("{port: 90}"), "a", "10.0.0.1", 90, "x" },
	{ TO_X("{port: 90}"), "a", "10.0.0.1", 91, "db" },
	{ TO_X("{port: 30090}"), "a", "10.0.0.1", 90, "db" },
	/* destinationSubnets: addresses, prefixes, both families, whichever of the service is dialled */
	{ TO_X("{destinationSubnets: [10.0.0.1]}"), "a", "10.0.0.1", 90, "x" },
	{ TO_X("{destinationSubnets: [10.0.0.1]}"), "a", "fd00::1", 90, "db" },
	{ TO_X("{destinationSubnets: [10.0.0.0/30]}"), "a", "10.0.0.1", 90, "x" },
	{ TO_X("{destinationSubnets: [10.0.0.9/28]}"), "a", "10.0.0.1", 90, "x" }, /* bits beyond the prefix */
	{ TO_X("{destinationSubnets: [0.0.0.0/0]}"), "a", "192.0.2.1", 90, "x" },
	{ TO_X("{destinationSubnets: [0.0.0.0/0]}"), "a", "fd00::1", 90, "db" },
	{ TO_X("{destinationSubnets: [\"fd00::/8\", 10.1.0.0/16]}"), "a", "fd00::1", 90, "x" },
	{ TO_X("{destinationSubnets: [\"fd00::/8\", 10.1.0.0/16]}"), "a", "10.0.0.1", 90, "db" },
	{ TO_X("{destinationSubnets: [192.0.2.0/24]}"), "a", "192.0.2.1", 90, "x" },
	/* sourceLabels: all of them; sourceNamespace; none of them is of a client that is no pod */
	{ TO_X("{sourceLabels: {app: p}}"), "a app=p", "10.0.0.1", 90, "x" },
	{ TO_X("{sourceLabels: {app: p}}"), "a app=q", "10.0.0.1", 90, "db" },
	{ TO_X("{sourceLabels: {app: p, v: \"1\"}}"), "a app=p", "10.0.0.1", 90, "db" },
	{ TO_X("{sourceLabels: {app: p}}"), "", "10.0.0.1", 90, "db" },
	{ TO_X("{sourceNamespace: b}"), "b", "10.0.0.1", 90, "x" },
	{ TO_X("{sourceNamespace: b}"), "a", "10.0.0.1", 90, "db" },
	{ TO_X("{sourceNamespace: b}"), "", "10.0.0.1", 90, "db" },
	/* gateways: of the block and of the VirtualService; A.4: beside the other conditions, not in their place */
	{ TO_X("{gateways: [mesh]}"), "a", "10.0.0.1", 90, "x" },
	{ TO_X("{gateways: [g]}"), "a", "10.0.0.1", 90, "db" },
	{ TO_X("{gateways: [g, mesh]}"), "a", "10.0.0.1", 90, "x" },
	{ TO_X("{gateways: [mesh], sourceNamespace: b}"), "a", "10.0.0.1", 90, "db" },
	{ VS("v", ", gateways: [g]", "{" X "}"), "a", "10.0.0.1", 90, "db" },
	{ VS("v", ", gateways: [g, mesh]", "{" X "}"), "a", "10.0.0.1", 90, "x" },
	/* all conditions of a block, any block */
	{ TO_X("{port: 90, sourceNamespace: b, sourceLabels: {app: p}, destinationSubnets: [10.0.0.1]}"), "b app=p",
	  "10.0.0.1", 90, "x" },
	{ TO_X("{port: 90, sourceNamespace: b, sourceLabels: {app: p}, destinationSubnets: [10.0.0.1]}"), "b app=p",
	  "192.0.2.1", 90, "db" },
	{ TO_X("{sourceNamespace: b}, {destinationSubnets: [192.0.2.1]}"), "a", "192.0.2.1", 90, "x" },
	/* the first rule that holds, over all VirtualServices in their order */
	{ VS("v", "", "{match: [{sourceNamespace: b}], " X "}, {" Y "}"), "b", "10.0.0.1", 90, "x" },
	{ VS("v", "", "{match: [{sourceNamespace: b}], " X "}, {" Y "}"), "a", "10.0.0.1", 90, "y" },
	{ VS("v", "", "{" Y "}, {match: [{sourceNamespace: b}], " X "}"), "b", "10.0.0.1", 90, "y" },
	{ VS("v", "", "{match: [{sourceNamespace: b}], " X "}") VS("w", "", "{" Y "}"), "b", "10.0.0.1", 90, "x" },
	{ VS("v", "", "{match: [{sourceNamespace: b}], " X "}") VS("w", "", "{" Y "}"), "a", "10.0.0.1", 90, "y" },
	{ VS("v", "", "{match: [{port: 91}], " X "}") VS("w", "", "{" Y "}"), "a", "10.0.0.1", 90, "y" },
	/* exportTo */
	{ VS("v", ", exportTo: [b]", "{" X "}"), "b", "10.0.0.1", 90, "x" },
	{ VS("v", ", exportTo: [b]", "{" X "}"), "a", "10.0.0.1", 90, "db" },
	{ VS("v", ", exportTo: [b]", "{match: [{sourceLabels: {app: p}}], " X "}"), "b app=p", "10.0.0.1", 90, "x" },
	{ VS("v", ", exportTo: [b]", "{match: [{sourceLabels: {app: p}}], " X "}"), "b", "10.0.0.1", 90, "db" },
	/* of two that differ in one condition alone each client has its own */
	{ VS("v", "", "{match: [{sourceLabels: {app: p}}], " X "}")
		  VS("w", ", exportTo: [b]", "{match: [{sourceLabels: {app: q}}], " X "}"),
	  "b app=q", "10.0.0.1", 90, "x" },
	{ VS("v", "", "{match: [{sourceLabels: {app: p}}], " X "}")
		  VS("w", ", exportTo: [b]", "{match: [{sourceLabels: {app: q}}], " X "}"),
	  "a app=q", "10.0.0.1", 90, "db" },
	{ VS("v", "", "{match: [{sourceLabels: {app: p}}], " X "}")
		  VS("w", ", exportTo: [b]", "{match: [{sourceLabels: {app: q}}], " X "}"),
	  "b app=p", "10.0.0.1", 90, "x" }, /* after its own come those for all */
	{ VS("v", "", "{match: [{sourceLabels: {app: p}}], " X "}")
		  VS("w", ", exportTo: [b]", "{match: [{sourceLabels: {app: q}}], " X "}, {" DB "}"),
	  "b app=p", "10.0.0.1", 90, "db" },
	{ VS("v", "", "{match: [{destinationSubnets: [10.0.0.1]}], " X "}")
		  VS("w", ", exportTo: [b]", "{match: [{destinationSubnets: [192.0.2.1]}], " X "}, {" DB "}"),
	  "b", "10.0.0.1", 90, "db" },
	{ VS("v", "", "{match: [{sourceNamespace: b}], " X "}")
		  VS("w", ", exportTo: [b]", "{match: [{sourceNamespace: c}], " X "}, {" DB "}"),
	  "b", "10.0.0.1", 90, "db" },
	{ ONLY_FOR("a", "{app: p}") ONLY_FOR("b", "{app: q}"), "b app=p", "10.0.0.1", 90, "db" },
	{ ONLY_FOR("a", "{app: p}") ONLY_FOR("b", "{app: q}"), "a app=p", "10.0.0.1", 90, "x" },
	/* unknown: refused, not the service */
	{ VS("v", "", "{route: [{destination: {host: gone}}]}"), "a", "10.0.0.1", 90, "none" },
	/* F.8 */
	{ "---\napiVersion: gateway.networking.k8s.io/v1alpha2\nkind: TCPRoute\nmetadata: {name: r, namespace: a}\n"
	  "spec: {parentRefs: [{group: \"\", kind: Service, name: db, port: 90}], rules: [{backendRefs: [{name: x, port: "
	  "90}]}]}\n",
	  "a", "10.0.0.1", 90, "x" },
	{ "---\napiVersion: gateway.networking.k8s.io/v1alpha2\nkind: TCPRoute\nmetadata: {name: r, namespace: a}\n"
	  "spec: {parentRefs: [{group: \"\", kind: Service, name: db, port: 90}], rules: [{backendRefs: [{name: x, port: "
	  "90}]}]}\n",
	  "a", "10.0.0.1", 91, "db" },
};

static void led_to(const struct hdl_snapshot *s, size_t i, char *to, size_t size)
{
	char ns[16] = "", key[16] = "", value[16] = "";
	int n = sscanf(cases[i].client, "%15s %15[^=]=%15s", ns, key, value);
	struct hdl_ir_label label = { key, value };
	struct hdl_ir_workload w = { .ns = ns, .labels = { &label, n == 3 } }, *client = ns[0] ? &w : NULL;
	const struct hdl_ir_service_port *port;
	const struct hdl_ir_destination *d;
	const struct hdl_ir_l4_route *rule;
	struct hdl_addr address;

	assert_int_equal(hdl_addr_parse(hdl_str_of(cases[i].address), &address), 0);
	port = hdl_snapshot_find_vip(s, &address, cases[i].port);
	assert_non_null(port);
	port = hdl_ir_seen_port(hdl_snapshot_client(s, client).view, port);
	assert_non_null(port);
	assert_int_equal(port->label, HDL_LABEL_L4);
	rule = hdl_ir_l4_route_for(port, &address, client);
	d = rule ? rule->destinations : port->destinations;
	snprintf(to, size, "%s", d->cluster ? d->cluster->service->name : "none");
}

static void conditions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[4096], got[32];
		struct load l;

		snprintf(text, sizeof(text), "%s%s", SERVICES, cases[i].text);
		load(&l, text);
		assert_int_equal(l.diags.errors, 0);
		led_to(l.snapshot, i, got, sizeof(got));
		if (strcmp(got, cases[i].wanted) != 0)
			print_error("case %zu: %s, not %s\n%s", i, got, cases[i].wanted, cases[i].text);
		assert_string_equal(got, cases[i].wanted);
		load_done(&l);
	}
}

/* C.9, B.7: shares of a rule with a condition; what takes every connection is the port's own route. */
static void weights(void **state)
{
	const struct hdl_ir_service_port *port;
	struct load l;

	(void)state;
	load(&l, SERVICES VS("v", "",
			     "{match: [{sourceNamespace: b}], route: [{destination: {host: x}, weight: 1}, "
			     "{destination: {host: y}, weight: 3}]}, {" Y "}, {" X "}"));
	port = &l.snapshot->services[0]->ports[0];
	assert_int_equal(port->l4_route_count, 1);
	assert_int_equal(port->l4_routes[0].destination_count, 2);
	assert_int_equal(port->l4_routes[0].destinations[0].threshold, 1ull << 30);
	assert_int_equal(port->l4_routes[0].destinations[1].threshold, 1ull << 32);
	assert_int_equal(port->destination_count, 1);
	assert_string_equal(port->destinations[0].cluster->service->name, "y");
	assert_int_equal(port->l4_routes[0].origin.line, port->route_origin.line);
	/* no rule is about datagrams (D.3) */
	assert_int_equal(l.snapshot->services[0]->ports[2].protocol, HDL_IR_UDP);
	assert_int_equal(l.snapshot->services[0]->ports[2].l4_route_count, 0);
	assert_string_equal(l.snapshot->services[0]->ports[2].destinations[0].cluster->name,
			    "outbound|90/udp||db.a.svc.cluster.local");
	load_done(&l);
}

#define POLICY(more) \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: p, namespace: a}\nspec: {clusterIP: 10.0.0.9, " more "}\n"
#define NODE(more) \
	"---\napiVersion: heddle.io/v1alpha1\nkind: NodeConfig\nmetadata: {name: n}\nspec: {nodeName: here" more "}\n"
#define SLICE                                                                                                           \
	"---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: e, namespace: a, labels: "         \
	"{kubernetes.io/service-name: p}}\naddressType: IPv4\nports: [{name: tcp, port: 80}]\nendpoints: [{addresses: " \
	"[10.1.0.1], nodeName: here}, {addresses: [10.1.0.2], nodeName: there}, {addresses: [10.1.0.3]}]\n"
#define EDGE ", interfaces: {edge: [eth0]}"
#define PORT "ports: [{name: tcp, port: 80, nodePort: 30000}]"

/* D.4: for each endpoint L(ocal), E(dge), S(tandby), or nothing of it. */
static void traffic_policies(void **state)
{
	static const struct {
		const char *text, *wanted;
	} policies[] = {
		{ POLICY(PORT) NODE("") SLICE, "L|||" },
		{ POLICY(PORT ", internalTrafficPolicy: Local") NODE("") SLICE, "L|S|S|" },
		{ POLICY(PORT ", internalTrafficPolicy: Local") SLICE, "|||" }, /* which node this is, nobody says */
		{ POLICY(PORT) NODE(EDGE) SLICE, "LE|E|E|" },
		{ POLICY(PORT ", externalTrafficPolicy: Local") NODE(EDGE) SLICE, "LE|||" },
		{ POLICY(PORT ", externalTrafficPolicy: Local") NODE("") SLICE, "L|||" },
		{ POLICY(PORT ", internalTrafficPolicy: Local") NODE(EDGE) SLICE, "LE|ES|ES|" },
		{ POLICY(PORT ", internalTrafficPolicy: Local, externalTrafficPolicy: Local") NODE(EDGE) SLICE,
		  "LE|S|S|" },
		/* not reached from outside */
		{ POLICY("ports: [{name: tcp, port: 80}]") NODE(EDGE) SLICE, "L|||" },
		{ POLICY("externalIPs: [192.0.2.9], ports: [{name: tcp, port: 80}]") NODE(EDGE) SLICE, "LE|E|E|" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		const struct hdl_ir_cluster *c;
		struct load l;
		char got[64];
		size_t n = 0, ready = 0;

		load(&l, policies[i].text);
		c = l.snapshot->services[0]->ports[0].cluster;
		for (size_t k = 0; k < c->endpoint_count; k++) {
			const struct hdl_ir_endpoint *e = &c->endpoints[k];

			n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s%s|", e->local ? "L" : "",
					      e->edge ? "E" : "", e->standby ? "S" : "");
			ready += !e->standby;
		}
		assert_string_equal(got, policies[i].wanted);
		assert_int_equal(c->healthy_count, ready);
		load_done(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions),
		cmocka_unit_test(weights),
		cmocka_unit_test(traffic_policies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
