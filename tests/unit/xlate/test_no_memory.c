/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of a translation fails once: -ENOMEM, nothing lost, nothing used after it was freed. */
#include "unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static int countdown = -1; /* allocations until the one that fails; -1: none does, or it was */
static bool failed;

/*
 * An arena in place of base/arena.c, with one allocation per object: each of them can fail, and AddressSanitizer sees
 * the bounds of each.
 */
#include "base/arena.h"
#include "base/buf.h"

struct object {
	struct object *next;
	_Alignas(16) char data[];
};

struct hdl_arena {
	struct object *first;
};

/* Only one fails and the next succeed again: a failure that is not passed on is not hidden by later ones. */
static bool fails(void)
{
	if (countdown < 0 || countdown-- > 0)
		return false;
	failed = true;
	return true;
}

struct hdl_arena *hdl_arena_new(size_t limit_bytes)
{
	(void)limit_bytes;
	return fails() ? NULL : calloc(1, sizeof(struct hdl_arena));
}

struct hdl_arena *hdl_arena_new_small(size_t limit_bytes, size_t block_bytes)
{
	(void)block_bytes;
	return hdl_arena_new(limit_bytes);
}

void hdl_arena_reset(struct hdl_arena *arena)
{
	while (arena->first) {
		struct object *next = arena->first->next;

		free(arena->first);
		arena->first = next;
	}
}

struct hdl_arena *hdl_arena_free(struct hdl_arena *arena)
{
	if (arena)
		hdl_arena_reset(arena);
	free(arena);
	return NULL;
}

void *hdl_arena_alloc(struct hdl_arena *arena, size_t size_bytes)
{
	struct object *o = fails() ? NULL : calloc(1, sizeof(*o) + size_bytes + 1);

	if (!o)
		return NULL;
	o->next = arena->first;
	arena->first = o;
	return o->data;
}

void *hdl_arena_calloc(struct hdl_arena *arena, size_t n, size_t size_bytes)
{
	return hdl_arena_alloc(arena, n * size_bytes);
}

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

char *hdl_arena_strndup(struct hdl_arena *arena, const char *s, size_t n)
{
	char *copy = hdl_arena_alloc(arena, n + 1);

	return copy ? memcpy(copy, s, n) : NULL;
}

char *hdl_arena_strdup(struct hdl_arena *arena, const char *s)
{
	return hdl_arena_strndup(arena, s, strlen(s));
}

char *hdl_arena_printf(struct hdl_arena *arena, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return hdl_arena_strdup(arena, text);
}

size_t hdl_arena_used_bytes(const struct hdl_arena *arena)
{
	(void)arena;
	return 0;
}

bool hdl_arena_limit_met(const struct hdl_arena *arena)
{
	(void)arena;
	return false;
}

/* In place of ir/mem.c. */
#include "ir/generation.h"

void *hdl_ir_alloc(size_t n, size_t size)
{
	return fails() ? NULL : calloc(n ? n : 1, size ? size : 1);
}

void *hdl_ir_realloc(void *p, size_t n, size_t size)
{
	return fails() ? NULL : reallocarray(p, n ? n : 1, size ? size : 1);
}

void hdl_ir_free(void *p)
{
	free(p);
}

#include "unit/xlate/load.h"

static const char resources[] =
	"apiVersion: heddle.io/v1alpha1\nkind: NodeConfig\nmetadata: {name: n}\nspec: {interfaces: {pods: [\"v*\"]}}\n"
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\n"
	"spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}, {name: tcp, port: 81}]}\n"
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: t}\n"
	"spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]}\n"
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {version: v1}}\nstatus: {podIP: 10.1.0.1}\n"
	"---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
	"metadata: {name: e, labels: {kubernetes.io/service-name: s}}\naddressType: IPv4\n"
	"ports: [{name: http, port: 80}]\nendpoints: [{addresses: [10.1.0.1], zone: z}]\n"
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: s}\n"
	"spec: {host: s, subsets: [{name: v1, labels: {version: v1}}], trafficPolicy: {outlierDetection: {}}}\n"
	"---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\n"
	"spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [\"*\"]}]}\n"
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: s}\n"
	"spec:\n  hosts: [s, api.example.com]\n  gateways: [g, mesh]\n  http:\n"
	"  - match: [{uri: {regex: \"/a+\"}, headers: {X-A: {}}, sourceLabels: {a: b}}]\n"
	"    retries: {attempts: 1, retryOn: \"503\"}\n    mirror: {host: t}\n"
	"    route: [{destination: {host: s, subset: v1}}, {destination: {host: gone}, weight: 1}]\n"
	"  - match: [{name: r, uri: {prefix: /d}, queryParams: {a: {}}, gateways: [g, mesh]}]\n    name: r\n"
	"    delegate: {name: d}\n    mirrors: [{destination: {host: t}}]\n    timeout: 1s\n"
	"  - match: [{uri: {prefix: /r}}]\n    rewrite: {uriRegexRewrite: {match: \"(a)\", rewrite: '\\1'}, authority: x}\n"
	"    corsPolicy: {allowOrigins: [{regex: \"b+\"}], allowMethods: [GET], maxAge: 1s}\n"
	"    route: [{destination: {host: s}, weight: 1, headers: {response: {remove: [a]}}}, {destination: {host: t}, weight: 1}]\n"
	"  - match: [{uri: {prefix: /f}}]\n    directResponse: {status: 200, body: {string: x}}\n"
	"  - route: [{destination: {host: s}}]\n"
	"  tcp: [{route: [{destination: {host: s, port: {number: 81}}}]}]\n"
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: d}\n"
	"spec:\n  http:\n  - match: [{name: l, uri: {prefix: /d/e}, headers: {b: {}}, sourceLabels: {a: b}, gateways: [g]}]\n"
	"    name: l\n    headers: {request: {set: {x: \"%REQ(a?b)%\"}}}\n    route: [{destination: {host: s}}]\n"
	"  - match: [{uri: {prefix: /other}}]\n    route: [{destination: {host: s}}]\n"
	"---\napiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: o}\n"
	"spec: {meshConfig: {defaultHttpRetryPolicy: {attempts: 1, retryOn: \"500\"}}}\n"
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: t}\n"
	"spec:\n  hosts: [t, t.default]\n  gateways: [g, mesh]\n  http:\n"
	"  - match: [{sourceNamespace: x}]\n    route: [{destination: {host: t}}]\n"
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: t2}\n"
	"spec:\n  hosts: [t, api.example.com]\n  gateways: [g, mesh]\n  http:\n"
	"  - match: [{uri: {exact: /x}}, {}]\n    route: [{destination: {host: t}}]\n"
	"---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: k}\n"
	"spec: {gatewayClassName: c, addresses: [{value: 127.0.0.1}], listeners: [{name: a, port: 81, protocol: HTTP}, "
	"{name: b, port: 81, protocol: HTTP, hostname: b.io, allowedRoutes: {namespaces: {from: Selector, selector: "
	"{matchLabels: {a: b}}}}}, {name: c, port: 82, protocol: TCP}]}\n"
	"---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: h}\n"
	"spec:\n  parentRefs: [{name: k}, {group: \"\", kind: Service, name: s, port: 80}]\n  rules:\n"
	"  - matches: [{path: {value: /a/}, headers: [{name: a, value: b}], queryParams: [{name: a, value: b}], method: GET}]\n"
	"    timeouts: {backendRequest: 1s}\n    retry: {codes: [500]}\n    filters:\n"
	"    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b%}]}}\n"
	"    - {type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /}}}\n"
	"    - {type: RequestMirror, requestMirror: {backendRef: {name: t, port: 80}}}\n"
	"    - {type: CORS, cors: {allowOrigins: [\"http://*.a\"]}}\n"
	"    backendRefs: [{name: s, port: 80}, {name: gone, port: 80}]\n"
	"  - filters: [{type: RequestRedirect, requestRedirect: {}}]\n"
	"---\napiVersion: gateway.networking.k8s.io/v1\nkind: TCPRoute\nmetadata: {name: t}\n"
	"spec: {parentRefs: [{name: k}, {group: \"\", kind: Service, name: s}], rules: [{backendRefs: [{name: s, port: 81}]}]}\n"
	"---\napiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nmetadata: {name: p}\n"
	"spec: {targetRefs: [{kind: Service, name: t}], validation: {hostname: a.b, wellKnownCACertificates: System}}\n"
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: view, namespace: a}\n"
	"spec: {hosts: [s.default.svc.cluster.local, x.io], exportTo: [b, .], http: [{route: [{destination: {host: "
	"s.default.svc.cluster.local}}]}]}\n"
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: l4}\n"
	"spec: {hosts: [l4], tcp: [{match: [{destinationSubnets: [10.0.9.0/24], sourceLabels: {a: b}}, {port: 90, "
	"sourceNamespace: a}], route: [{destination: {host: l4, port: {number: 90}}}]}]}\n"
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: l4}\n"
	"spec: {clusterIP: 10.0.9.1, externalIPs: [192.0.2.1], ports: [{name: tcp, port: 90, nodePort: 30000}, {name: u, "
	"protocol: UDP, port: 90, nodePort: 30000}]}\n"
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: view-l4, namespace: b}\n"
	"spec: {host: l4.default.svc.cluster.local}\n"
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: view, namespace: b}\n"
	"spec: {host: s.default.svc.cluster.local}\n"
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: selected, namespace: istio-system}\n"
	"spec: {host: s.default.svc.cluster.local, workloadSelector: {matchLabels: {c: d}}}\n"
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: selected, namespace: istio-system, labels: {a: b, c: d}}\n"
	"---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: e}\n"
	"spec: {hosts: [e.io], addresses: [10.9.0.1], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], "
	"endpoints: [{address: 10.2.0.1}]}\n"
	"---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: f}\n"
	"spec: {hosts: [e.io], addresses: [10.9.0.2], resolution: STATIC, ports: [{number: 80, name: http, protocol: TCP}, "
	"{number: 81, name: t, protocol: TCP}], endpoints: [{address: 10.2.0.2}]}\n"
	"---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: g}\n"
	"spec: {hosts: [g.io], addresses: [10.9.0.1], resolution: NONE, ports: [{number: 81, name: t, protocol: TCP}]}\n"
	"---\napiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: view, namespace: istio-system}\n"
	"spec: {workloadSelector: {labels: {a: b}}, egress: [{hosts: [\"*/*\"]}]}\n"
	"---\napiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: root, namespace: istio-system}\n"
	"spec: {egress: [{hosts: [\"./*\"]}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}}\n";

static void each_allocation(void **state)
{
	struct load l;
	int n = 0, r;

	(void)state;
	load_resources(&l, resources);
	assert_int_equal(l.list->n, 28);
	do {
		countdown = n++;
		failed = false;
		r = hdl_xlate(l.list->at, l.list->n, NULL, &l.diags, &l.snapshot);
		countdown = -1;
		assert_int_equal(r, failed ? -ENOMEM : 0);
		assert_true(!failed || !l.snapshot);
	} while (failed);
	assert_true(n > 200); /* the test did what it says */
	assert_int_equal(l.snapshot->gateway_listener_count, 2);
	load_done(&l);
}

/* What an edit of the world above changes: a pod moves, a rule and a route say something else, a service goes. */
static const struct {
	const char *from, *to;
} changes[] = {
	{ "podIP: 10.1.0.1", "podIP: 10.1.0.2" },
	{ "attempts: 1", "attempts: 2" },
	{ "outlierDetection: {}", "loadBalancer: {simple: RANDOM}" },
	{ "metadata: {name: t2}", "metadata: {name: t3}" },
	{ "addresses: [10.1.0.1]", "addresses: [10.1.0.2]" },
	{ "metadata: {name: t}\nspec: {clusterIP: 10.0.0.1", "metadata: {name: u}\nspec: {clusterIP: 10.0.0.1" },
};

static char *edited(void)
{
	char *text = strdup(resources);

	for (size_t i = 0; i < HDL_ARRAY_SIZE(changes); i++) {
		char *at = strstr(text, changes[i].from), *longer = malloc(strlen(text) + strlen(changes[i].to) + 1);

		assert_non_null(at);
		snprintf(longer, strlen(text) + strlen(changes[i].to) + 1, "%.*s%s%s", (int)(at - text), text,
			 changes[i].to, at + strlen(changes[i].from));
		free(text);
		text = longer;
	}
	return text;
}

static void run(struct hdl_xlator *x, struct load *l, struct hdl_buf *ret)
{
	struct hdl_snapshot *s;

	assert_int_equal(hdl_xlator_run(x, l->list->at, l->list->n, l->list, &l->diags, &s), 0);
	hdl_diags_done(&l->diags);
	ret->n = 0;
	hdl_snapshot_dump(s, ret);
	hdl_snapshot_unref(s);
}

/* A second version of all in the same store, so that what did not change is the same resource. */
static void load_next(const struct load *first, const char *text, struct load *ret)
{
	*ret = (struct load){ .store = first->store };
	assert_int_equal(hdl_resource_store_put(ret->store, "test.yaml", hdl_str_of(text)), 0);
	assert_int_equal(hdl_resource_store_commit(ret->store, &ret->list), 0);
}

/* The same of a change: the next run makes all anew, and says what it should. */
static void each_allocation_of_a_change(void **state)
{
	struct hdl_buf first = { 0 }, second = { 0 }, now = { 0 };
	struct hdl_xlator *x = hdl_xlator_new(NULL);
	char *text = edited();
	struct load a, b;
	int n = 0, r;

	(void)state;
	load_resources(&a, resources);
	load_next(&a, text, &b);
	assert_int_equal(b.list->n, a.list->n);
	run(x, &a, &first);
	run(x, &b, &second);
	assert_string_not_equal(first.p, second.p);
	do {
		run(x, &a, &now);
		assert_string_equal(now.p, first.p);
		countdown = n++;
		failed = false;
		r = hdl_xlator_run(x, b.list->at, b.list->n, b.list, &b.diags, &b.snapshot);
		countdown = -1;
		hdl_diags_done(&b.diags);
		assert_int_equal(r, failed ? -ENOMEM : 0);
		hdl_snapshot_unref(r == 0 ? b.snapshot : NULL);
		run(x, &b, &now);
		assert_string_equal(now.p, second.p);
	} while (failed);
	assert_true(n > 100);
	hdl_xlator_free(x);
	hdl_resource_list_unref(b.list);
	load_done(&a);
	hdl_buf_done(&first);
	hdl_buf_done(&second);
	hdl_buf_done(&now);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation),
		cmocka_unit_test(each_allocation_of_a_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
