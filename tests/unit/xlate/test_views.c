/* SPDX-License-Identifier: Apache-2.0 */
/* What clients of one namespace see: exportTo, DestinationRules of their own, Sidecars (specification A.1, A.4, A.7, D.2). */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "unit/unit.h"
#include "unit/xlate/load.h"

#define SERVICE(name, ns, more)                                                                    \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: " ns more "}\n" \
	"spec: {clusterIP: None, ports: [{name: http, port: 80}]}\n"
#define VS(name, ns, host, export, to, seconds)                                                                    \
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " name ", namespace: " ns \
	"}\nspec: {hosts: [\"" host "\"], exportTo: [" export "], http: [{route: [{destination: {host: " to        \
							      "}}], timeout: " seconds "s}]}\n"
#define RULE(name, ns, host, export, policy)                                                                        \
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " name ", namespace: " ns \
	"}\nspec: {host: \"" host "\", exportTo: [" export "], trafficPolicy: {loadBalancer: {simple: " policy "}}}\n"
#define SIDECAR(name, ns, spec)                                                                             \
	"---\napiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: " name ", namespace: " ns \
	"}\nspec: {" spec "}\n"
#define REGISTRY_ONLY                                                                                                        \
	"---\napiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: mesh, namespace: istio-system}\n" \
	"spec: {meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}}\n"
#define S "s.n.svc.cluster.local"
#define T "t.n.svc.cluster.local"
#define POD(ns, ip)                                                                                          \
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: " ns "}\nstatus: {podIP: 10.1.0." ip \
	", phase: Running}\n"
#define SUBSET(name, ns, export)                                                                                    \
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " name ", namespace: " ns \
	"}\nspec: {host: " S ", exportTo: [" export "], subsets: [{name: v1, labels: {v: \"1\"}}]}\n"
#define V1 S ", subset: v1"
#define BOTH SERVICE("s", "n", "") SERVICE("t", "n", "")

static const struct hdl_ir_vhost *vhost_in(const struct hdl_ir_route_config *config, const char *host)
{
	for (size_t i = 0; config && i < config->vhost_count; i++)
		for (size_t d = 0; d < config->vhosts[i]->domain_count; d++)
			if (strcmp(config->vhosts[i]->domains[d], host) == 0)
				return config->vhosts[i];
	return NULL;
}

/* "timeout cluster policy [own]", "-" for a host that the client does not see, "404", "NC". */
static void say(const struct hdl_snapshot *s, const char *client, const char *host, char *to, size_t size)
{
	const struct hdl_ir_label label = { "app", "x" };
	/* "ns+" has the label */
	struct hdl_ir_workload w = { .labels = { &label, strchr(client, '+') != NULL } };
	const struct hdl_ir_http_route *route;
	const struct hdl_ir_vhost *vhost;
	const struct hdl_ir_view *view;
	char ns[32];

	snprintf(ns, sizeof(ns), "%.*s", (int)strcspn(client, "+"), client);
	w.ns = ns;
	view = hdl_snapshot_find_view(s, &w);
	vhost = vhost_in(hdl_ir_view_route_config(view, 80), host);
	if (!vhost && (!view || !view->narrowed))
		vhost = vhost_in(hdl_snapshot_route_config(s, 80), host);
	if (!vhost) {
		snprintf(to, size, "%s", (view ? view->registry_only : s->node.registry_only) ? "502" : "-");
		return;
	}
	route = vhost->route_count ? &vhost->routes[0] : NULL;
	if (!route || !route->destinations[0].cluster) {
		snprintf(to, size, "%s", route ? "NC" : "404");
		return;
	}
	snprintf(to, size, "%u %.1s %s%s", (unsigned int)(route->timeout_ns / HDL_NS_PER_S),
		 route->destinations[0].cluster->fqdn,
		 route->destinations[0].cluster->policy == HDL_POLICY_RANDOM      ? "random" :
		 route->destinations[0].cluster->policy == HDL_POLICY_ROUND_ROBIN ? "robin" :
										    "least",
		 route->destinations[0].cluster->client[0] ? " own" : "");
}

static const struct {
	const char *text, *client, *host, *wanted;
} cases[] = {
	/* A.1: exportTo of a VirtualService */
	{ BOTH VS("v", "n", S, "\".\"", S, "1"), "n", S, "1 s least" },
	{ BOTH VS("v", "n", S, "\".\"", S, "1"), "m", S, "0 s least" },
	{ BOTH VS("v", "n", S, "m", S, "1"), "m", S, "1 s least" },
	{ BOTH VS("v", "n", S, "m", S, "1"), "n", S, "0 s least" },
	{ BOTH VS("v", "n", S, "\"*\"", S, "1"), "m", S, "1 s least" },
	/* A.4: private ones, those exported by name, public ones; whatever their age */
	{ BOTH VS("a", "n", S, "\"*\"", S, "1") VS("b", "n", S, "m", S, "2") VS("c", "m", S, "\".\"", S, "3"), "m", S,
	  "3 s least" },
	{ BOTH VS("a", "n", S, "\"*\"", S, "1") VS("b", "n", S, "m", S, "2"), "m", S, "2 s least" },
	{ BOTH VS("a", "n", S, "\"*\"", S, "1") VS("b", "n", S, "m", S, "2"), "o", S, "1 s least" },
	/* A.4: one of the client's namespace is private even when others see it, too */
	{ BOTH VS("a", "m", S, "n", S, "1") VS("b", "n", S, "\".\", m", S, "2"), "n", S, "2 s least" },
	{ BOTH VS("a", "n", S, "m", S, "1") VS("b", "n", S, "\".\", m", S, "2"), "m", S, "1 s least" },
	/* A.4: the more specific host comes before all that */
	{ BOTH VS("a", "n", S, "\"*\"", S, "1") VS("c", "m", "*.n.svc.cluster.local", "\".\"", S, "3"), "m", S,
	  "1 s least" },
	{ BOTH VS("a", "n", S, "\"*\"", S, "1") VS("c", "m", "*.n.svc.cluster.local", "\".\"", S, "3"), "m", T,
	  "3 s least" },
	{ BOTH VS("a", "n", S, "o", S, "1") VS("c", "m", "*.n.svc.cluster.local", "\".\"", S, "3"), "m", S,
	  "3 s least" }, /* who does not see the more specific one */
	/* hosts that no service has */
	{ BOTH VS("a", "n", "x.io", "\".\"", S, "1"), "n", "x.io", "1 s least" },
	{ BOTH VS("a", "n", "x.io", "\".\"", S, "1"), "m", "x.io", "-" },
	{ BOTH VS("a", "n", "x.io", "\"*\"", S, "1") VS("b", "m", "x.io", "\".\"", S, "2"), "m", "x.io", "2 s least" },
	/* A.1: exportTo of a Service */
	{ SERVICE("s", "n", ", annotations: {networking.istio.io/exportTo: m}"), "m", S, "0 s least" },
	{ SERVICE("s", "n", ", annotations: {networking.istio.io/exportTo: m}"), "n", S, "-" },
	{ SERVICE("s", "n", ", annotations: {networking.istio.io/exportTo: \"~\"}"), "n", S, "-" },
	/* A.8: a destination that the client does not see is no cluster */
	{ SERVICE("s", "n", ", annotations: {networking.istio.io/exportTo: m}") SERVICE("t", "n", "")
		  VS("v", "n", T, "\"*\"", S, "1"),
	  "n", T, "NC" },
	{ SERVICE("s", "n", ", annotations: {networking.istio.io/exportTo: m}") SERVICE("t", "n", "")
		  VS("v", "n", T, "\"*\"", S, "1"),
	  "m", T, "1 s least" },
	/* A.7: the client's namespace, then the service's, then the root namespace; the first with any is used alone */
	{ BOTH RULE("r", "m", S, "\"*\"", "RANDOM"), "m", S, "0 s random own" },
	{ BOTH RULE("r", "m", S, "\"*\"", "RANDOM"), "o", S, "0 s least" },
	{ BOTH RULE("r", "n", S, "\"*\"", "RANDOM"), "o", S, "0 s random" },
	{ BOTH RULE("r", "n", S, "\".\"", "RANDOM"), "n", S, "0 s random own" },
	{ BOTH RULE("r", "n", S, "\".\"", "RANDOM"), "o", S, "0 s least" },
	{ BOTH RULE("r", "n", S, "m", "RANDOM"), "m", S, "0 s random own" },
	{ BOTH RULE("r", "istio-system", S, "\"*\"", "RANDOM"), "o", S, "0 s random" },
	{ BOTH RULE("r", "istio-system", S, "m", "RANDOM"), "o", S, "0 s least" },
	{ BOTH RULE("r", "istio-system", S, "m", "RANDOM"), "m", S, "0 s random own" },
	{ BOTH RULE("r", "m", "*.cluster.local", "\"*\"", "RANDOM") RULE("q", "n", S, "\"*\"", "ROUND_ROBIN"), "m", S,
	  "0 s random own" },
	{ BOTH RULE("r", "m", "*.cluster.local", "\"*\"", "RANDOM") RULE("q", "n", S, "\"*\"", "ROUND_ROBIN"), "o", S,
	  "0 s robin" },
	{ BOTH RULE("r", "m", S, "o", "RANDOM"), "m", S, "0 s least" }, /* not for its own namespace */
	{ BOTH RULE("r", "istio-system", S, "\"*\"", "RANDOM") RULE("q", "n", S, "istio-system", "ROUND_ROBIN"),
	  "istio-system", S, "0 s robin own" }, /* the root namespace comes last for its own clients, too */
	{ BOTH RULE("r", "n", S, "\"*\"", "RANDOM") SUBSET("q", "n", "\"*\"") VS("v", "n", S, "\"*\"", V1, "1"), "o", S,
	  "1 s random" }, /* rules for one host and the same clients are one, in whatever order these are listed */
	{ BOTH RULE("r", "n", S, "\".\", m", "RANDOM") SUBSET("q", "n", "m, n") VS("v", "n", S, "\"*\"", V1, "1"), "m",
	  S, "1 s random own" },
	{ BOTH RULE("r", "n", S, "m", "RANDOM") SUBSET("q", "n", "\"*\"") VS("v", "n", S, "\"*\"", V1, "1"), "m", S,
	  "NC" },
	/* a subset of the service's namespace, and of the client's */
	{ BOTH SUBSET("q", "n", "\"*\"") VS("v", "n", S, "\"*\"", V1, "1") RULE("r", "m", S, "\"*\"", "RANDOM"), "m", S,
	  "NC" },
	{ BOTH SUBSET("q", "n", "\"*\"") VS("v", "n", S, "\"*\"", V1, "1") RULE("r", "m", S, "\"*\"", "RANDOM"), "o", S,
	  "1 s least" },
	/* a rule for all, of which a destination differs */
	{ BOTH VS("v", "n", T, "\"*\"", S, "1") RULE("r", "m", S, "\"*\"", "RANDOM"), "m", T, "1 s random own" },
	{ BOTH VS("v", "n", T, "\"*\"", S, "1") RULE("r", "m", S, "\"*\"", "RANDOM"), "o", T, "1 s least" },
	/* A.4: Sidecars */
	{ BOTH SIDECAR("x", "m", "egress: [{hosts: [\"n/s.n.svc.cluster.local\"]}]"), "m", S, "0 s least" },
	{ BOTH SIDECAR("x", "m", "egress: [{hosts: [\"n/s.n.svc.cluster.local\"]}]"), "m", T, "-" },
	{ BOTH SIDECAR("x", "m", "egress: [{hosts: [\"n/s.n.svc.cluster.local\"]}]"), "o", T, "0 t least" },
	{ BOTH SIDECAR("x", "m", "egress: [{hosts: [\"./*\"]}]"), "m", S, "-" },
	{ BOTH SIDECAR("x", "n", "egress: [{hosts: [\"./*\"]}]"), "n", S, "0 s least" },
	{ BOTH SIDECAR("x", "n", "egress: [{hosts: [\"~/*\"]}]"), "n", S, "-" },
	{ BOTH SIDECAR("x", "m", "egress: [{hosts: [\"*/*.n.svc.cluster.local\"]}]"), "m", S, "0 s least" },
	{ BOTH SIDECAR("x", "m", "egress: [{hosts: [\"n/*\"]}]") VS("v", "n", S, "\"*\"", S, "1"), "m", S,
	  "1 s least" },
	{ BOTH SIDECAR("x", "m", "egress: [{hosts: [\"n/*\"]}]") VS("v", "o", S, "\"*\"", S, "1"), "m", S,
	  "0 s least" },
	{ BOTH SIDECAR("x", "m", "egress: [{hosts: [\"n/*\"]}]") RULE("r", "m", S, "\"*\"", "RANDOM"), "m", S,
	  "0 s random own" },
	{ BOTH SIDECAR("x", "m", "egress: [{port: {number: 90, protocol: HTTP, name: p}, hosts: [\"n/*\"]}]"), "m", S,
	  "-" },
	{ BOTH SIDECAR("x", "m",
		       "egress: [{port: {number: 80, protocol: HTTP, name: p}, hosts: [\"./*\"]}, {hosts: [\"n/*\"]}]"),
	  "m", S, "-" }, /* the listener of the port, not the one for all */
	{ BOTH SIDECAR("x", "m",
		       "egress: [{port: {number: 80, protocol: HTTP, name: p}, hosts: [\"n/*\"]}, {hosts: [\"./*\"]}]"),
	  "m", S, "0 s least" },
	{ BOTH SIDECAR("x", "m", "egress: [{hosts: [\"n/s.n.svc.cluster.local\"]}]")
		  VS("v", "n", "*.n.svc.cluster.local", "\"*\"", S, "1"),
	  "m", S, "1 s least" }, /* a wildcard of the rule covers what is shown */
	{ SERVICE("s", "n", ", annotations: {networking.istio.io/exportTo: o}")
		  SIDECAR("x", "m", "egress: [{hosts: [\"*/*\"]}]"),
	  "m", S, "-" }, /* shows nothing that is not exported */
	/* those for some workloads come first */
	{ BOTH SIDECAR("x", "m", "workloadSelector: {labels: {app: x}}, egress: [{hosts: [\"./*\"]}]"), "m+", S, "-" },
	{ BOTH SIDECAR("x", "m", "workloadSelector: {labels: {app: x}}, egress: [{hosts: [\"./*\"]}]"), "m", S,
	  "0 s least" },
	{ BOTH SIDECAR("a", "m", "egress: [{hosts: [\"./*\"]}]")
		  SIDECAR("x", "m", "workloadSelector: {labels: {app: x}}, egress: [{hosts: [\"n/*\"]}]"),
	  "m+", S, "0 s least" },
	/* D.2 */
	{ BOTH SIDECAR("x", "m", "egress: [{hosts: [\"./*\"]}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}"), "m", S,
	  "502" },
	{ BOTH SIDECAR("x", "m", "outboundTrafficPolicy: {}"), "m", "x.io", "502" },
	{ BOTH SIDECAR("x", "m", "outboundTrafficPolicy: {}"), "m", S, "0 s least" },
	{ BOTH SIDECAR("x", "m", "outboundTrafficPolicy: {}"), "o", "x.io", "-" },
	{ BOTH REGISTRY_ONLY, "m", "x.io", "502" },
	{ BOTH REGISTRY_ONLY SIDECAR("x", "m", "egress: [{hosts: [\"./*\"]}]"), "m", S, "502" },
	{ BOTH REGISTRY_ONLY SIDECAR("x", "m", "outboundTrafficPolicy: {mode: ALLOW_ANY}"), "m", "x.io", "-" },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct load l;
		char got[64];

		load(&l, cases[i].text);
		if (l.diags.errors)
			print_error("case %zu: %s\n%s", i, l.diags.at[0].message, cases[i].text);
		assert_int_equal(l.diags.errors, 0);
		say(l.snapshot, cases[i].client, cases[i].host, got, sizeof(got));
		if (strcmp(got, cases[i].wanted) != 0)
			print_error("case %zu: %s, not %s\n%s", i, got, cases[i].wanted, cases[i].text);
		assert_string_equal(got, cases[i].wanted);
		load_done(&l);
	}
}

/* Clusters of one name that differ by client have identities of their own, which stay. */
static void test_identities(void **state)
{
	struct load l, again;
	uint64_t hash[3];

	(void)state;
	load(&l, BOTH RULE("r", "m", S, "\"*\"", "RANDOM") RULE("r", "o", S, "\"*\"", "RANDOM"));
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(l.snapshot->clusters[i]->name, "outbound|80||" S);
		assert_string_equal(l.snapshot->clusters[i]->client, i == 0 ? "" : i == 1 ? "m" : "o");
		hash[i] = l.snapshot->clusters[i]->name_hash;
	}
	assert_ptr_equal(hdl_snapshot_find_cluster(l.snapshot, "outbound|80||" S), l.snapshot->clusters[0]);
	assert_true(hash[0] != hash[1] && hash[1] != hash[2] && hash[0] != hash[2]);
	load(&again, BOTH RULE("r", "o", S, "\"*\"", "RANDOM"));
	assert_true(again.snapshot->clusters[0]->name_hash == hash[0] &&
		    again.snapshot->clusters[1]->name_hash == hash[2]);
	load_done(&again);
	load_done(&l);
}

/* A.4, J 7: who does not see the service gets it without the rules of others. */
static void test_plain(void **state)
{
	const struct hdl_ir_vhost *plain;
	struct load l;

	(void)state;
	load(&l, BOTH VS("v", "n", S, "\"*\"", T, "1") SIDECAR("x", "m", "egress: [{hosts: [\"./*\"]}]"));
	plain = l.snapshot->services[0]->ports[0].plain_vhost;
	assert_non_null(plain);
	assert_string_equal(plain->routes[0].destinations[0].cluster->fqdn, S);
	assert_null(l.snapshot->services[1]->ports[0].plain_vhost);
	load_done(&l);
}

/* D.2: the proxy refuses, so connections of those who do not see the service have to go there. */
static void test_refused(void **state)
{
	struct load l;

	(void)state;
	for (int refused = 0; refused < 2; refused++) {
		load(&l, refused ? SERVICE("s", "n", ", annotations: {networking.istio.io/exportTo: \"~\"}")
					   REGISTRY_ONLY :
				   SERVICE("s", "n", ", annotations: {networking.istio.io/exportTo: \"~\"}"));
		assert_int_equal(l.snapshot->services[0]->ports[0].label, refused ? HDL_LABEL_REQUEST : HDL_LABEL_L4);
		load_done(&l);
	}
}

/* A.4: the Sidecar of the root namespace is for namespaces without one. */
static void test_root_sidecar(void **state)
{
	struct load l;

	(void)state;
	load(&l, BOTH SIDECAR("x", "m", "egress: [{hosts: [\"n/*\"]}]")
			 SIDECAR("root", "istio-system", "egress: [{hosts: [\"./*\"]}]") POD("m", "1") POD("o", "2"));
	assert_int_equal(l.snapshot->view_count, 3);
	assert_string_equal(l.snapshot->views[1]->ns, "m");
	assert_string_equal(l.snapshot->views[1]->name, "x");
	assert_string_equal(l.snapshot->views[2]->ns, "o");
	assert_string_equal(l.snapshot->views[2]->name, "root");
	load_done(&l);
}

/* A.8: a rule for all may lack its subset for clients of one namespace alone, which is then said. */
static void test_message(void **state)
{
	struct load l;
	bool said = false;

	(void)state;
	load(&l, BOTH SUBSET("q", "n", "\"*\"") VS("v", "n", S, "\"*\"", V1, "1") RULE("r", "m", S, "\"*\"", "RANDOM"));
	for (size_t i = 0; i < l.diags.n; i++)
		if (strstr(l.diags.at[i].message, "defines subset v1")) {
			assert_non_null(strstr(l.diags.at[i].message, "clients of namespace m"));
			said = true;
		}
	assert_true(said);
	load_done(&l);
}

#define TCP(name)                                                                        \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: n}\n" \
	"spec: {clusterIP: None, ports: [{name: tcp, port: 80}]}\n"
#define TCP_ROUTE(export)                                                                                          \
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v, namespace: n}\nspec: " \
	"{hosts: [" S "], exportTo: [" export "], tcp: [{route: [{destination: {host: " T "}}]}]}\n"

/* What only requests can tell apart is said of ports that have none. */
static void test_tcp(void **state)
{
	static const struct {
		const char *text;
		size_t wanted;
	} tcp[] = {
		{ TCP("s") TCP("t") TCP_ROUTE("\"*\""), 0 },
		{ TCP("s") TCP("t") TCP_ROUTE("m"), 1 },
		{ TCP("s") TCP("t") RULE("r", "m", S, "\"*\"", "RANDOM"), 1 },
		/* of the service itself and of that to which it leads */
		{ TCP("s") TCP("t") TCP_ROUTE("\"*\"") RULE("r", "m", T, "\"*\"", "RANDOM"), 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tcp) / sizeof(tcp[0]); i++) {
		struct load l;
		size_t n = 0;

		load(&l, tcp[i].text);
		for (size_t d = 0; d < l.diags.n; d++)
			n += strstr(l.diags.at[d].message, "not carried out for those of namespace m alone") != NULL;
		assert_int_equal(n, tcp[i].wanted);
		load_done(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),   cmocka_unit_test(test_identities),   cmocka_unit_test(test_plain),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_root_sidecar), cmocka_unit_test(test_message),
		cmocka_unit_test(test_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
