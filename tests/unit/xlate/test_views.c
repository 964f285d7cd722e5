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
#define SELECTED(name, ns, host, labels, policy)                                                                      \
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " name ", namespace: " ns   \
	"}\nspec: {host: \"" host "\", workloadSelector: {matchLabels: {" labels "}}, trafficPolicy: {loadBalancer: " \
	"{simple: " policy "}}}\n"
#define XPOD(name, ns, ip, labels)                                                                              \
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: " name ", namespace: " ns ", labels: {" labels "}}\n" \
	"status: {podIP: 10.1.1." ip ", phase: Running}\n"
#define PODS XPOD("px", "m", "1", "app: x") XPOD("pv", "m", "2", "app: x, v: \"1\"") XPOD("pn", "n", "3", "app: x")
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
	const struct hdl_ir_label label[] = { { "app", "x" }, { "v", "1" } };
	/* "ns+" has the first label, "ns++" has both */
	struct hdl_ir_workload w = { .labels = { label, strlen(client) - strcspn(client, "+") } };
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
	/* A.7: workloadSelector: pods of its namespace that have the labels */
	{ PODS BOTH SELECTED("r", "m", S, "app: x", "RANDOM"), "m+", S, "0 s random own" },
	{ PODS BOTH SELECTED("r", "m", S, "app: x", "RANDOM"), "m++", S, "0 s random own" },
	{ PODS BOTH SELECTED("r", "m", S, "app: x", "RANDOM"), "m", S, "0 s least" },
	{ PODS BOTH SELECTED("r", "m", S, "app: x", "RANDOM"), "o+", S, "0 s least" },
	{ PODS BOTH SELECTED("r", "n", S, "app: x", "RANDOM"), "n+", S, "0 s random own" },
	{ PODS BOTH SELECTED("r", "n", S, "app: x", "RANDOM"), "m+", S, "0 s least" },
	{ PODS BOTH SELECTED("r", "istio-system", S, "app: x", "RANDOM"), "m+", S, "0 s least" },
	{ BOTH SELECTED("r", "m", S, "app: x", "RANDOM"), "m+", S, "0 s least" }, /* no pod, no view */
	/* before those without, whatever their age */
	{ PODS BOTH RULE("q", "m", S, "\"*\"", "ROUND_ROBIN") SELECTED("r", "m", S, "app: x", "RANDOM"), "m+", S,
	  "0 s random own" },
	{ PODS BOTH RULE("q", "m", S, "\"*\"", "ROUND_ROBIN") SELECTED("r", "m", S, "app: x", "RANDOM"), "m", S,
	  "0 s robin own" },
	{ PODS BOTH SELECTED("r", "m", S, "app: x", "RANDOM") RULE("q", "m", S, "\"*\"", "ROUND_ROBIN"), "m", S,
	  "0 s robin own" },
	/* the most specific host of the first namespace with any is used alone, for others than those pods, too */
	{ PODS BOTH SELECTED("r", "m", "*.cluster.local", "app: x", "RANDOM") RULE("q", "m", S, "\"*\"", "ROUND_ROBIN"),
	  "m+", S, "0 s robin own" },
	{ PODS BOTH SELECTED("r", "m", "*.cluster.local", "app: x", "RANDOM") RULE("q", "m", S, "\"*\"", "ROUND_ROBIN"),
	  "m+", T, "0 t random own" },
	{ PODS BOTH SELECTED("r", "m", S, "app: x", "RANDOM") RULE("q", "n", S, "\"*\"", "ROUND_ROBIN"), "m+", S,
	  "0 s random own" },
	{ PODS BOTH SELECTED("r", "m", S, "app: x", "RANDOM") RULE("q", "n", S, "\"*\"", "ROUND_ROBIN"), "m", S,
	  "0 s least own" },
	{ PODS BOTH SELECTED("r", "m", S, "app: x", "RANDOM") RULE("q", "n", S, "\"*\"", "ROUND_ROBIN"), "o", S,
	  "0 s robin" },
	/* a pod has all that is for it in one view */
	{ PODS BOTH SELECTED("r", "m", S, "app: x", "RANDOM") SELECTED("q", "m", T, "v: \"1\"", "ROUND_ROBIN"), "m++",
	  S, "0 s random own" },
	{ PODS BOTH SELECTED("r", "m", S, "app: x", "RANDOM") SELECTED("q", "m", T, "v: \"1\"", "ROUND_ROBIN"), "m++",
	  T, "0 t robin own" },
	{ PODS BOTH SELECTED("r", "m", S, "app: x", "RANDOM") SELECTED("q", "m", T, "v: \"1\"", "ROUND_ROBIN"), "m+", T,
	  "0 t least" },
	{ PODS BOTH SELECTED("r", "m", S, "app: x", "RANDOM") VS("v", "m", T, "\".\"", T, "3"), "m+", T, "3 t least" },
	{ PODS BOTH SELECTED("r", "m", S, "app: x", "RANDOM") VS("v", "m", S, "\".\"", S, "3"), "m+", S,
	  "3 s random own" },
	/* of two that are for a pod the first */
	{ PODS BOTH SELECTED("a", "m", S, "app: x", "RANDOM") SELECTED("b", "m", S, "app: x, v: \"1\"", "ROUND_ROBIN"),
	  "m++", S, "0 s random own" },
	{ PODS BOTH SELECTED("b", "m", S, "app: x, v: \"1\"", "ROUND_ROBIN") SELECTED("a", "m", S, "app: x", "RANDOM"),
	  "m++", S, "0 s robin own" },
	{ PODS BOTH SELECTED("b", "m", S, "app: x, v: \"1\"", "ROUND_ROBIN") SELECTED("a", "m", S, "app: x", "RANDOM"),
	  "m+", S, "0 s random own" },
	/* through a rule for all, and one for a host that no service has */
	{ PODS BOTH VS("v", "n", T, "\"*\"", S, "1") SELECTED("r", "m", S, "app: x", "RANDOM"), "m+", T,
	  "1 s random own" },
	{ PODS BOTH VS("v", "n", T, "\"*\"", S, "1") SELECTED("r", "m", S, "app: x", "RANDOM"), "m", T, "1 s least" },
	{ PODS BOTH VS("v", "n", "x.io", "\"*\"", S, "1") SELECTED("r", "m", S, "app: x", "RANDOM"), "m+", "x.io",
	  "1 s random own" },
	{ PODS BOTH VS("v", "n", "x.io", "\"*\"", S, "1") SELECTED("r", "m", S, "app: x", "RANDOM"), "m", "x.io",
	  "1 s least" },
	/* with a Sidecar */
	{ PODS BOTH SIDECAR("x", "m", "egress: [{hosts: [\"n/*\"]}]") SELECTED("r", "m", S, "app: x", "RANDOM"), "m+",
	  S, "0 s random own" },
	{ PODS BOTH SIDECAR("x", "m", "egress: [{hosts: [\"n/*\"]}]") SELECTED("r", "m", S, "app: x", "RANDOM"), "m+",
	  T, "0 t least" },
	{ PODS BOTH SIDECAR("x", "m", "egress: [{hosts: [\"n/" T "\"]}]") SELECTED("r", "m", S, "app: x", "RANDOM"),
	  "m+", S, "-" },
	{ PODS BOTH SIDECAR("x", "m", "workloadSelector: {labels: {v: \"1\"}}, egress: [{hosts: [\"n/" T "\"]}]")
		  SELECTED("r", "m", T, "app: x", "RANDOM"),
	  "m++", T, "0 t random own" },
	{ PODS BOTH SIDECAR("x", "m", "workloadSelector: {labels: {v: \"1\"}}, egress: [{hosts: [\"n/" T "\"]}]")
		  SELECTED("r", "m", T, "app: x", "RANDOM"),
	  "m++", S, "-" },
	{ PODS BOTH SIDECAR("x", "m", "workloadSelector: {labels: {v: \"1\"}}, egress: [{hosts: [\"n/" T "\"]}]")
		  SELECTED("r", "m", T, "app: x", "RANDOM"),
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

static bool says(const struct load *l, const char *text)
{
	for (size_t i = 0; i < l->diags.n; i++)
		if (strstr(l->diags.at[i].message, text))
			return true;
	return false;
}

/* A.7: clusters for pods with some labels; what leaves others without a rule, or has no effect, is said. */
static void test_selectors(void **state)
{
	struct load l;

	(void)state;
	load(&l, PODS BOTH SELECTED("r", "m", S, "\"a=b\": \"c,d\"", "RANDOM") SELECTED("q", "m", S, "app: x", "RANDOM")
			 RULE("o", "n", S, "\"*\"", "RANDOM"));
	assert_string_equal(l.snapshot->clusters[0]->client, "");
	assert_string_equal(l.snapshot->clusters[1]->client, "m");
	assert_string_equal(l.snapshot->clusters[2]->client, "m a\\=b=c\\,d");
	assert_string_equal(l.snapshot->clusters[3]->client, "m app=x");
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < i; k++)
			assert_true(l.snapshot->clusters[i]->name_hash != l.snapshot->clusters[k]->name_hash);
	/* pods with app: x; all others of m, for whom the rule of n is not */
	assert_int_equal(l.snapshot->view_count, 2);
	assert_int_equal(l.snapshot->views[0]->selector.n, 1);
	assert_string_equal(l.snapshot->views[0]->selector.v[0].value, "x");
	assert_int_equal(l.snapshot->views[1]->selector.n, 0);
	assert_true(says(&l, "no pod of namespace m has these labels"));
	assert_true(
		says(&l, "pods of namespace m without these labels get no DestinationRule for " S ", not even n/o"));
	load_done(&l);
	load(&l, PODS BOTH SELECTED("q", "m", S, "app: x", "RANDOM"));
	assert_int_equal(l.diags.warnings, 0);
	assert_false(says(&l, "workloadSelector"));
	assert_int_equal(l.snapshot->view_count, 1);
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

/* D.2: with REGISTRY_ONLY nothing is at the address for those who do not see the service. */
static void test_refused(void **state)
{
	struct load l;

	(void)state;
	for (int refused = 0; refused < 2; refused++) {
		load(&l, refused ? SERVICE("s", "n", ", annotations: {networking.istio.io/exportTo: \"~\"}")
					   REGISTRY_ONLY :
				   SERVICE("s", "n", ", annotations: {networking.istio.io/exportTo: \"~\"}"));
		assert_int_equal(l.snapshot->services[0]->ports[0].label, refused ? HDL_LABEL_NONE : HDL_LABEL_L4);
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

/* What a client of "ns" or "ns+" (app: x) gets of the first service's port: "label destination policy", or "nothing". */
static void say_port(const struct hdl_snapshot *s, const char *client, char *to, size_t size)
{
	static const char *const labels[] = { "none", "l4", "request", "direct" };
	static const struct hdl_ir_label x = { "app", "x" };
	struct hdl_ir_workload w = { .labels = { &x, strchr(client, '+') != NULL } };
	const struct hdl_ir_service_port *port;
	const struct hdl_ir_cluster *c;
	char ns[32];

	snprintf(ns, sizeof(ns), "%.*s", (int)strcspn(client, "+"), client);
	w.ns = ns;
	port = hdl_ir_seen_port(hdl_snapshot_find_view(s, &w), &s->services[0]->ports[0]);
	c = port && port->destination_count ? port->destinations[0].cluster : NULL;
	if (!port)
		snprintf(to, size, "nothing");
	else
		snprintf(to, size, "%s %.1s%s%s", labels[port->label], c ? c->fqdn : "-",
			 c && c->policy == HDL_POLICY_RANDOM ? " random" : "", c && c->client[0] ? " own" : "");
}

#define ONLY_M SERVICE("s", "n", ", annotations: {networking.istio.io/exportTo: m}") SERVICE("t", "n", "")
#define HIDES(policy) SIDECAR("x", "m", "egress: [{hosts: [\"./*\"]}], outboundTrafficPolicy: {mode: " policy "}")
#define FAULTY(export)                                                                                                 \
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v, namespace: n}\nspec: "     \
	"{hosts: [" S "], exportTo: [" export "], http: [{route: [{destination: {host: " T "}}], retries: {attempts: " \
					      "1}}]}\n"

/* A.1, A.4, A.7, D.2 at layer 4: each client gets what is for it, and only those who need requests go to the proxy. */
static void test_ports(void **state)
{
	static const struct {
		const char *text, *client, *wanted;
	} ports[] = {
		{ TCP("s") TCP("t") TCP_ROUTE("\"*\""), "m", "l4 t" },
		{ TCP("s") TCP("t") TCP_ROUTE("m"), "m", "l4 t" },
		{ TCP("s") TCP("t") TCP_ROUTE("m"), "o", "l4 s" },
		{ TCP("s") TCP("t") RULE("r", "m", S, "\"*\"", "RANDOM"), "m", "l4 s random own" },
		{ TCP("s") TCP("t") RULE("r", "m", S, "\"*\"", "RANDOM"), "n", "l4 s" },
		{ TCP("s") TCP("t") TCP_ROUTE("\"*\"") RULE("r", "m", T, "\"*\"", "RANDOM"), "m", "l4 t random own" },
		{ TCP("s") TCP("t") TCP_ROUTE("\"*\"") RULE("r", "m", T, "\"*\"", "RANDOM"), "o", "l4 t" },
		{ PODS TCP("s") TCP("t") SELECTED("q", "m", S, "app: x", "RANDOM"), "m+", "l4 s random own" },
		{ PODS TCP("s") TCP("t") SELECTED("q", "m", S, "app: x", "RANDOM"), "m", "l4 s" },
		/* http: a view that needs requests gets them for its own clients */
		{ BOTH FAULTY("m"), "m", "request t" },
		{ BOTH FAULTY("m"), "o", "l4 s" },
		{ BOTH FAULTY("\"*\"") HIDES("ALLOW_ANY"), "o", "request t" },
		{ BOTH FAULTY("\"*\"") HIDES("ALLOW_ANY"), "m", "l4 s" },
		{ BOTH FAULTY("\"*\"") HIDES("REGISTRY_ONLY"), "m", "nothing" },
		{ BOTH RULE("r", "m", S, "\"*\"", "RANDOM"), "m", "l4 s random own" },
		{ BOTH RULE("r", "m", S, "\"*\"", "RANDOM"), "o", "l4 s" },
		/* exportTo of the service */
		{ ONLY_M, "m", "l4 s" },
		{ ONLY_M, "o", "l4 s" },
		{ ONLY_M REGISTRY_ONLY, "m", "l4 s" },
		{ ONLY_M REGISTRY_ONLY, "o", "nothing" },
		{ ONLY_M FAULTY("\"*\""), "m", "request t" },
		{ ONLY_M FAULTY("\"*\""), "o", "l4 s" },
		{ ONLY_M REGISTRY_ONLY SIDECAR("x", "o", "outboundTrafficPolicy: {mode: ALLOW_ANY}"), "o", "l4 s" },
		{ ONLY_M SIDECAR("x", "o", "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"), "o", "nothing" },
		{ ONLY_M SIDECAR("x", "o", "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"), "m", "l4 s" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		struct load l;
		char got[64];

		load(&l, ports[i].text);
		say_port(l.snapshot, ports[i].client, got, sizeof(got));
		if (strcmp(got, ports[i].wanted) != 0)
			print_error("case %zu: %s, not %s\n%s", i, got, ports[i].wanted, ports[i].text);
		assert_string_equal(got, ports[i].wanted);
		load_done(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),   cmocka_unit_test(test_identities),   cmocka_unit_test(test_plain),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_root_sidecar), cmocka_unit_test(test_message),
		cmocka_unit_test(test_ports),   cmocka_unit_test(test_selectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
