/* SPDX-License-Identifier: Apache-2.0 */
/* A small world of documents, one per file, of which random ones change: for tests of the translator over time. */
#ifndef HDL_TESTS_UNIT_XLATE_EDITS_H
#define HDL_TESTS_UNIT_XLATE_EDITS_H

#include <stdio.h>
#include <string.h>

#include "unit/unit.h"
#include "base/buf.h"
#include "model/store.h"
#include "xlate/xlate.h"

enum edit_kind {
	EDIT_SERVICE,
	EDIT_SLICE,
	EDIT_POD,
	EDIT_RULE,
	EDIT_VS,
	EDIT_GATEWAY,
	EDIT_KUBE_GATEWAY,
	EDIT_HTTP_ROUTE,
	EDIT_ROUTE, /* of gRPC, TLS or TCP */
	EDIT_GRANT,
	EDIT_SECRET,
	EDIT_TLS_POLICY,
	EDIT_ENTRY,
	EDIT_WORKLOAD,
	EDIT_SIDECAR,
	EDIT_NODE,
	EDIT_KUBE_NODE,
	EDIT_KINDS
};

/* How many documents of each kind there may be. */
static const unsigned int edit_count[EDIT_KINDS] = { 8, 10, 14, 7, 12, 2, 1, 3, 3, 1, 1, 1, 4, 4, 3, 1, 2 };

struct edits {
	struct hdl_resource_store *store;
	uint64_t random;
};

static inline unsigned int edit_draw(struct edits *e, unsigned int n)
{
	e->random = e->random * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned int)(e->random >> 33) % n;
}

static inline const char *edit_pick(struct edits *e, const char *const *from, size_t n)
{
	return from[edit_draw(e, (unsigned int)n)];
}

#define EDIT_PICK(e, ...)                                    \
	edit_pick((e), (const char *const[]){ __VA_ARGS__ }, \
		  sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

static inline const char *edit_ns(unsigned int i)
{
	static const char *const names[] = { "a", "b", "istio-system" };

	return names[i % 3];
}

static inline void edit_head(struct hdl_buf *text, const char *version, const char *kind, const char *name,
			     unsigned int i, const char *ns)
{
	hdl_buf_printf(text, "apiVersion: %s\nkind: %s\nmetadata:\n  name: %s%u\n  namespace: %s\n", version, kind,
		       name, i, ns);
}

static inline void edit_service(struct edits *e, struct hdl_buf *text, unsigned int i)
{
	edit_head(text, "v1", "Service", "s", i % 5, edit_ns(i / 5));
	if (edit_draw(e, 6) == 0)
		hdl_buf_printf(text, "  annotations: {networking.istio.io/exportTo: \"%s\"}\n",
			       EDIT_PICK(e, ".", "~", "a", "b"));
	if (edit_draw(e, 10) == 0) {
		hdl_buf_adds(text, "spec: {type: ExternalName, externalName: x.example}\n");
		return;
	}
	if (edit_draw(e, 6) == 0)
		hdl_buf_adds(text, "spec:\n  clusterIP: None\n");
	else
		hdl_buf_printf(text, "spec:\n  clusterIP: 10.0.0.%u\n", 1 + edit_draw(e, 3) * 4 + i % 4);
	if (edit_draw(e, 5) == 0)
		hdl_buf_adds(text, "  sessionAffinity: ClientIP\n");
	if (edit_draw(e, 6) == 0)
		hdl_buf_printf(text, "  %sTrafficPolicy: Local\n", EDIT_PICK(e, "internal", "external"));
	if (edit_draw(e, 5) == 0)
		hdl_buf_printf(text, "  externalIPs: [192.0.2.%u, 10.0.0.%u]\n", edit_draw(e, 4), 1 + edit_draw(e, 12));
	hdl_buf_printf(text, "  ports:\n  - {name: %s, port: %s}\n",
		       EDIT_PICK(e, "http", "http", "http", "grpc", "tcp", "x"), EDIT_PICK(e, "80", "80", "8080"));
	if (edit_draw(e, 2))
		hdl_buf_printf(text, "  - {name: %s-2, port: 9000%s}\n", EDIT_PICK(e, "http", "tcp"),
			       EDIT_PICK(e, "", "", ", nodePort: 30000", ", nodePort: 30001"));
	if (edit_draw(e, 3) == 0)
		hdl_buf_printf(text, "  - {name: udp, protocol: UDP, port: %s%s}\n", EDIT_PICK(e, "80", "53"),
			       EDIT_PICK(e, "", ", nodePort: 30000"));
}

static inline void edit_slice(struct edits *e, struct hdl_buf *text, unsigned int i)
{
	edit_head(text, "discovery.k8s.io/v1", "EndpointSlice", "e", i, edit_ns(i % 8 / 5));
	hdl_buf_printf(text, "  labels: {kubernetes.io/service-name: s%u}\naddressType: IPv4\nports:\n", i % 8 % 5);
	if (edit_draw(e, 3) == 0)
		hdl_buf_adds(text, "- {name: udp, protocol: UDP, port: 5353}\n");
	hdl_buf_printf(text, "- {name: %s, port: 8080}\n- {name: http-2, port: 9000}\nendpoints:\n",
		       EDIT_PICK(e, "http", "http", "tcp", "grpc"));
	for (unsigned int n = edit_draw(e, 4); n; n--) {
		hdl_buf_printf(text, "- addresses: [10.1.0.%u]\n  conditions: {ready: %s}\n", edit_draw(e, 16),
			       EDIT_PICK(e, "true", "true", "false"));
		if (edit_draw(e, 2))
			hdl_buf_printf(text, "  targetRef: {kind: Pod, name: p%u, namespace: a}\n", edit_draw(e, 14));
		if (edit_draw(e, 3) == 0)
			hdl_buf_adds(text, "  zone: z1\n");
		if (edit_draw(e, 3) == 0)
			hdl_buf_printf(text, "  nodeName: %s\n", EDIT_PICK(e, "here", "there"));
	}
}

static inline void edit_pod(struct edits *e, struct hdl_buf *text, unsigned int i)
{
	edit_head(text, "v1", "Pod", "p", i, i > 11 ? "c" : "a");
	hdl_buf_printf(text, "  labels: {app: x, version: %s}\n", EDIT_PICK(e, "v1", "v2"));
	if (edit_draw(e, 12) == 0)
		hdl_buf_adds(text, "spec: {hostNetwork: true}\n");
	else if (edit_draw(e, 2))
		hdl_buf_printf(text, "spec: {nodeName: %s}\n", EDIT_PICK(e, "here", "there"));
	hdl_buf_printf(text, "status:\n  podIP: 10.1.0.%u\n  phase: %s\n", edit_draw(e, 3) ? i : edit_draw(e, 16),
		       EDIT_PICK(e, "Running", "Running", "Running", "Failed"));
}

static inline void edit_export(struct edits *e, struct hdl_buf *text)
{
	if (edit_draw(e, 3) == 0)
		hdl_buf_printf(text, "  exportTo: [%s]\n", EDIT_PICK(e, "\".\"", "\"*\"", "c", "a, c"));
}

static inline void edit_sidecar(struct edits *e, struct hdl_buf *text, unsigned int i)
{
	edit_head(text, "networking.istio.io/v1", "Sidecar", "sc", i, edit_ns(i));
	hdl_buf_adds(text, "spec:\n");
	if (edit_draw(e, 3) == 0)
		hdl_buf_printf(text, "  workloadSelector: {labels: {version: %s}}\n", EDIT_PICK(e, "v1", "v2"));
	if (edit_draw(e, 4))
		hdl_buf_printf(text, "  egress: [{hosts: [\"%s\"]}]\n",
			       EDIT_PICK(e, "./*", "*/*", "a/*", "*/s1.a.svc.cluster.local", "~/*"));
	if (edit_draw(e, 2))
		hdl_buf_printf(text, "  outboundTrafficPolicy: {mode: %s}\n",
			       EDIT_PICK(e, "REGISTRY_ONLY", "ALLOW_ANY"));
	else
		hdl_buf_adds(text, "  ingress: []\n");
}

static inline void edit_rule(struct edits *e, struct hdl_buf *text, unsigned int i)
{
	edit_head(text, "networking.istio.io/v1", "DestinationRule", "d", i, edit_ns(i));
	hdl_buf_printf(text, "spec:\n  host: \"%s\"\n",
		       EDIT_PICK(e, "s0", "s1", "s2", "s3.a.svc.cluster.local", "*.a.svc.cluster.local", "*",
				 "*3.local", "none"));
	if (edit_draw(e, 3) == 0)
		hdl_buf_printf(text, "  workloadSelector: {matchLabels: {%s}}\n",
			       EDIT_PICK(e, "version: v1", "app: x", "app: x, version: v2", "version: gone", ""));
	else
		edit_export(e, text);
	if (edit_draw(e, 2))
		hdl_buf_printf(
			text, "  trafficPolicy:\n    %s\n",
			EDIT_PICK(e, "outlierDetection: {}", "loadBalancer: {simple: ROUND_ROBIN}",
				  "loadBalancer: {localityLbSetting: {distribute: [{from: r/*, to: {r/z1: 100}}]}}",
				  "loadBalancer: {consistentHash: {useSourceIp: true, minimumRingSize: 9}}",
				  "loadBalancer: {consistentHash: {httpCookie: {name: c, ttl: 1s}}}",
				  "connectionPool: {tcp: {connectTimeout: 2s}}"));
	if (edit_draw(e, 4))
		hdl_buf_printf(
			text,
			"  subsets:\n  - {name: v1, labels: {version: v1}}\n  - {name: %s, labels: {version: v2}}\n",
			EDIT_PICK(e, "v2", "v2", "v3"));
}

static inline const char *edit_host(struct edits *e)
{
	return EDIT_PICK(e, "s0", "s1", "s2", "s3", "s4", "s1.a", "s2.a.svc", "s0.b.svc.cluster.local", "api.example",
			 "*.b.svc.cluster.local", "*.example", "*", "10.0.0.1", "s0.", "*.s1.a",
			 "*4.a.svc.cluster.local");
}

static inline void edit_destination(struct edits *e, struct hdl_buf *text)
{
	hdl_buf_printf(text, "{destination: {host: %s%s}",
		       EDIT_PICK(e, "s0", "s1", "s2.a.svc.cluster.local", "s3", "gone"),
		       EDIT_PICK(e, "", "", ", subset: v1", ", subset: v2", ", port: {number: 9000}"));
	hdl_buf_printf(text, ", weight: %u}", 1 + edit_draw(e, 3));
}

static inline void edit_http(struct edits *e, struct hdl_buf *text)
{
	if (edit_draw(e, 2))
		hdl_buf_printf(text, "  - match: [{%s}]\n    route: [",
			       EDIT_PICK(e, "uri: {prefix: /x}", "sourceNamespace: a", "port: 80",
					 "uri: {regex: \"/a+\"}", "headers: {x: {exact: y}}", "gateways: [g0]",
					 "gateways: [mesh], uri: {exact: /m}"));
	else
		hdl_buf_adds(text, "  - route: [");
	edit_destination(e, text);
	if (edit_draw(e, 3) == 0) {
		hdl_buf_adds(text, ", ");
		edit_destination(e, text);
	}
	hdl_buf_adds(text, "]\n");
	if (edit_draw(e, 4) == 0)
		hdl_buf_adds(text, "    retries: {attempts: 2, retryOn: \"5xx,503,http3-post-connect-failure\"}\n");
	if (edit_draw(e, 6) == 0)
		hdl_buf_adds(text, "    mirror: {host: s1}\n");
}

static inline void edit_tcp(struct edits *e, struct hdl_buf *text)
{
	hdl_buf_adds(text, "  - route: [");
	edit_destination(e, text);
	if (edit_draw(e, 3) == 0) {
		hdl_buf_adds(text, ", ");
		edit_destination(e, text);
	}
	hdl_buf_adds(text, "]\n");
	if (edit_draw(e, 4))
		hdl_buf_printf(text, "    match: [{%s}, {%s}]\n",
			       EDIT_PICK(e, "port: 9000", "port: 80", "gateways: [mesh]", "gateways: [g0]",
					 "sourceLabels: {version: v1}", "sourceNamespace: c",
					 "destinationSubnets: [10.0.0.0/29]",
					 "destinationSubnets: [10.0.0.1, 10.0.0.8/30]"),
			       EDIT_PICK(e, "port: 8080", "sourceLabels: {app: y}, sourceNamespace: a",
					 "destinationSubnets: [fd00::/8], port: 9000", "gateways: [g1]"));
}

static inline void edit_vs(struct edits *e, struct hdl_buf *text, unsigned int i)
{
	bool root = edit_draw(e, 8) == 0;

	edit_head(text, "networking.istio.io/v1", "VirtualService", "v", i, edit_ns(i));
	hdl_buf_adds(text, "spec:\n");
	edit_export(e, text);
	if (i >= 10) { /* a delegate */
		hdl_buf_adds(text, "  http:\n");
		edit_http(e, text);
		return;
	}
	hdl_buf_printf(text, "  hosts: [\"%s\"", edit_host(e));
	for (unsigned int n = edit_draw(e, 3); n; n--)
		hdl_buf_printf(text, ", \"%s\"", edit_host(e));
	hdl_buf_printf(text, "]\n  gateways: [%s]\n",
		       root ? "mesh" : EDIT_PICK(e, "mesh", "mesh", "mesh, g0", "g0", "a/g0, mesh", "nobody"));
	hdl_buf_adds(text, "  http:\n");
	if (root)
		hdl_buf_printf(text, "  - {match: [{uri: {prefix: /d}}], delegate: {name: v%u, namespace: %s}}\n",
			       10 + edit_draw(e, 2), edit_ns(10 + edit_draw(e, 2)));
	for (unsigned int n = 1 + edit_draw(e, 2); n; n--)
		edit_http(e, text);
	if (edit_draw(e, 3) == 0) {
		hdl_buf_adds(text, "  tcp:\n");
		for (unsigned int n = 1 + edit_draw(e, 3); n; n--)
			edit_tcp(e, text);
	}
}

static inline void edit_gateway(struct edits *e, struct hdl_buf *text, unsigned int i)
{
	edit_head(text, "networking.istio.io/v1", "Gateway", "g", i, "a");
	hdl_buf_printf(text,
		       "spec:\n  servers:\n  - {port: {number: %s, name: http, protocol: HTTP}, hosts: [\"%s\"]}\n",
		       EDIT_PICK(e, "80", "8080"), EDIT_PICK(e, "*", "*.example", "./*", "b/api.example"));
}

static inline void edit_kube(struct edits *e, struct hdl_buf *text, bool gateway, unsigned int i)
{
	if (gateway) {
		edit_head(text, "gateway.networking.k8s.io/v1", "GatewayClass", "c", 0, "a");
		hdl_buf_adds(text, "spec: {controllerName: heddle.io/gateway-controller}\n---\n");
		edit_head(text, "gateway.networking.k8s.io/v1", "Gateway", "k", i, "a");
		hdl_buf_printf(text,
			       "spec:\n  gatewayClassName: c0\n  listeners:\n"
			       "  - {name: l, port: %s, protocol: HTTP, allowedRoutes: {namespaces: {from: %s}}}\n"
			       "  - {name: s, port: 8443, protocol: %s}\n",
			       EDIT_PICK(e, "80", "8081"), EDIT_PICK(e, "Same", "All"),
			       EDIT_PICK(e, "HTTPS, tls: {certificateRefs: [{name: cert}]}", "TCP",
					 "TLS, tls: {mode: Passthrough}"));
		return;
	}
	edit_head(text, "gateway.networking.k8s.io/v1", "HTTPRoute", "h", i, edit_ns(i % 2));
	hdl_buf_printf(text, "spec:\n  parentRefs: [{%s}]\n  rules: [{backendRefs: [{name: s%u, port: 80%s}]}]\n",
		       EDIT_PICK(e, "name: k0", "name: k0, namespace: a", "kind: Service, group: \"\", name: s1",
				 "kind: Service, group: \"\", name: s1, namespace: a"),
		       edit_draw(e, 3), EDIT_PICK(e, "", ", namespace: a", ", namespace: b"));
}

static inline void edit_route(struct edits *e, struct hdl_buf *text, unsigned int i)
{
	static const char *const kinds[] = { "GRPCRoute", "TLSRoute", "TCPRoute" };

	edit_head(text, i ? "gateway.networking.k8s.io/v1alpha2" : "gateway.networking.k8s.io/v1", kinds[i % 3], "r", i,
		  "a");
	hdl_buf_printf(text, "spec:\n  parentRefs: [{%s}]\n%s  rules: [{backendRefs: [{name: s%u, port: %s}]}]\n",
		       EDIT_PICK(e, "name: k0", "name: k0, sectionName: s", "kind: Service, group: \"\", name: s2"),
		       i == 1 ? "  hostnames: [api.example]\n" : "", edit_draw(e, 3), EDIT_PICK(e, "80", "9000"));
}

/* What routes and listeners name besides services. */
static inline void edit_named(struct edits *e, struct hdl_buf *text, enum edit_kind kind, unsigned int i)
{
	if (kind == EDIT_GRANT) {
		edit_head(text, "gateway.networking.k8s.io/v1beta1", "ReferenceGrant", "rg", i, EDIT_PICK(e, "a", "b"));
		hdl_buf_printf(text,
			       "spec:\n  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: %s}]\n"
			       "  to: [{group: \"\", kind: Service}]\n",
			       EDIT_PICK(e, "a", "b"));
	} else if (kind == EDIT_SECRET) {
		hdl_buf_printf(text,
			       "apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: a}\n"
			       "type: kubernetes.io/tls\nstringData: {tls.crt: x, tls.key: y}\n",
			       EDIT_PICK(e, "cert", "other"));
	} else {
		edit_head(text, "gateway.networking.k8s.io/v1", "BackendTLSPolicy", "bt", i, "a");
		hdl_buf_printf(text,
			       "spec:\n  targetRefs: [{group: \"\", kind: Service, name: s%u}]\n"
			       "  validation: {hostname: x.example, wellKnownCACertificates: System}\n",
			       edit_draw(e, 3));
	}
}

static inline void edit_entry(struct edits *e, struct hdl_buf *text, unsigned int i)
{
	bool none = edit_draw(e, 8) == 0, selects = edit_draw(e, 2);

	edit_head(text, "networking.istio.io/v1", "ServiceEntry", "x", i, edit_ns(i));
	hdl_buf_printf(text, "spec:\n  hosts: [%s%s]\n  location: MESH_INTERNAL\n  resolution: %s\n",
		       EDIT_PICK(e, "api.example", "api.example", "x.example", "s1.a.svc.cluster.local"),
		       EDIT_PICK(e, "", "", ", y.example"), none ? "NONE" : "STATIC");
	if (edit_draw(e, 3) == 0)
		hdl_buf_printf(text, "  exportTo: [%s]\n", EDIT_PICK(e, "\".\"", "a, b", "b, a"));
	hdl_buf_printf(text, "  ports:\n  - {number: %s, name: %s, protocol: %s}\n", EDIT_PICK(e, "80", "80", "81"),
		       EDIT_PICK(e, "http", "p"), EDIT_PICK(e, "HTTP", "HTTP", "TCP"));
	if (edit_draw(e, 2))
		hdl_buf_printf(text, "  - {number: 9000, name: q, protocol: %s, targetPort: %s}\n",
			       EDIT_PICK(e, "HTTP", "TCP"), EDIT_PICK(e, "9000", "9001"));
	if (edit_draw(e, 2))
		hdl_buf_printf(text, "  addresses: [10.0.0.%u]\n", 1 + edit_draw(e, 12));
	if (!none && selects)
		hdl_buf_adds(text, "  workloadSelector: {labels: {app: x}}\n");
	else if (!none)
		hdl_buf_printf(text, "  endpoints: [{address: 10.2.0.%u, labels: {version: v1}}]\n", edit_draw(e, 8));
}

static inline void edit_workload(struct edits *e, struct hdl_buf *text, unsigned int i)
{
	edit_head(text, "networking.istio.io/v1", "WorkloadEntry", "w", i, "a");
	hdl_buf_printf(text, "spec: {address: 10.2.0.%u, labels: {app: %s, version: %s}}\n", edit_draw(e, 8),
		       EDIT_PICK(e, "x", "x", "y"), EDIT_PICK(e, "v1", "v2"));
}

static inline void edit_kube_node(struct edits *e, struct hdl_buf *text, unsigned int i)
{
	hdl_buf_printf(
		text,
		"apiVersion: v1\nkind: Node\nmetadata:\n  name: %s\n  labels: {topology.kubernetes.io/region: r, "
		"topology.kubernetes.io/zone: %s}\n",
		i ? "there" : "here", EDIT_PICK(e, "z1", "z2"));
}

static inline void edit_text(struct edits *e, enum edit_kind kind, unsigned int i, struct hdl_buf *text)
{
	switch (kind) {
	case EDIT_SERVICE:
		edit_service(e, text, i);
		break;
	case EDIT_SLICE:
		edit_slice(e, text, i);
		break;
	case EDIT_POD:
		edit_pod(e, text, i);
		break;
	case EDIT_RULE:
		edit_rule(e, text, i);
		break;
	case EDIT_VS:
		edit_vs(e, text, i);
		break;
	case EDIT_GATEWAY:
		edit_gateway(e, text, i);
		break;
	case EDIT_KUBE_GATEWAY:
	case EDIT_HTTP_ROUTE:
		edit_kube(e, text, kind == EDIT_KUBE_GATEWAY, i);
		break;
	case EDIT_SIDECAR:
		edit_sidecar(e, text, i);
		break;
	case EDIT_ROUTE:
		edit_route(e, text, i);
		break;
	case EDIT_GRANT:
	case EDIT_SECRET:
	case EDIT_TLS_POLICY:
		edit_named(e, text, kind, i);
		break;
	case EDIT_ENTRY:
		edit_entry(e, text, i);
		break;
	case EDIT_WORKLOAD:
		edit_workload(e, text, i);
		break;
	case EDIT_KUBE_NODE:
		edit_kube_node(e, text, i);
		break;
	default:
		hdl_buf_printf(
			text, "apiVersion: heddle.io/v1alpha1\nkind: NodeConfig\nmetadata: {name: n}\nspec: {%s}\n",
			EDIT_PICK(e, "outboundTrafficPolicy: {mode: REGISTRY_ONLY}", "failMode: Open",
				  "httpDefault: request", "nodeName: here", "nodeName: here",
				  "locality: {region: r, zone: z2}", "nodeName: here, interfaces: {edge: [eth0]}",
				  "outboundTrafficPolicy: {mode: REGISTRY_ONLY, exempt: [{namespace: a}]}",
				  "outboundTrafficPolicy: {exempt: [{labels: {app: x}}]}"));
	}
	if (edit_draw(e, 25) == 0)
		hdl_buf_adds(text, "  unknown: {\n"); /* not YAML */
	assert_false(text->failed);
}

/* Places of files are not in the order of kinds, so that what comes first changes. */
static inline void edit_path(enum edit_kind kind, unsigned int i, char path[32])
{
	snprintf(path, 32, "f%02u-%u.yaml", i * 7 % 16, (unsigned int)kind);
}

static inline void edit_one(struct edits *e, enum edit_kind kind, unsigned int i)
{
	struct hdl_buf text = { 0 };
	char path[32];

	edit_path(kind, i, path);
	if (edit_draw(e, 4) == 0) {
		hdl_resource_store_delete(e->store, path);
		return;
	}
	edit_text(e, kind, i, &text);
	assert_int_equal(hdl_resource_store_put(e->store, path, (struct hdl_str){ text.p, text.n }), 0);
	hdl_buf_done(&text);
}

/* What changes most in practice, changes most here. */
static inline void edit_any(struct edits *e)
{
	static const enum edit_kind often[] = { EDIT_SLICE,    EDIT_SLICE, EDIT_POD,     EDIT_POD,     EDIT_VS,
						EDIT_VS,       EDIT_VS,    EDIT_RULE,    EDIT_SERVICE, EDIT_ENTRY,
						EDIT_WORKLOAD, EDIT_RULE,  EDIT_GATEWAY, EDIT_SERVICE };
	unsigned int n = edit_draw(e, 65);
	enum edit_kind kind = n < 56  ? often[n % HDL_ARRAY_SIZE(often)] :
			      n == 56 ? EDIT_NODE :
			      n == 57 ? EDIT_KUBE_GATEWAY :
			      n == 58 ? EDIT_KUBE_NODE :
			      n == 59 ? EDIT_GRANT :
			      n == 60 ? EDIT_SECRET :
			      n == 61 ? EDIT_TLS_POLICY :
			      n == 62 ? EDIT_ROUTE :
					EDIT_HTTP_ROUTE;

	edit_one(e, kind, edit_draw(e, edit_count[kind]));
}

/* All documents, each in some version. */
static inline void edit_begin(struct edits *e, uint64_t seed)
{
	*e = (struct edits){ .store = hdl_resource_store_new(), .random = seed };
	assert_non_null(e->store);
	hdl_resource_store_set_check(e->store, hdl_xlate_check);
	for (int kind = 0; kind < EDIT_KINDS; kind++)
		for (unsigned int i = 0; i < edit_count[kind]; i++)
			edit_one(e, (enum edit_kind)kind, i);
}

#endif
