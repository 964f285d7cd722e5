/* SPDX-License-Identifier: Apache-2.0 */
/* Checks what becomes of Gateway API objects: precedence, listeners, references, mesh routes and conditions (F.2 to F.8). */
#include "unit/xlate/load.h"

#include <errno.h>
#include <stdlib.h>
#include "model/gwapi.h"
#include "model/istio.h"
#include "xlate/gwapi.h"

#define OBJECT(kind, ns, name, spec)                                                                               \
	"---\napiVersion: gateway.networking.k8s.io/v1\nkind: " kind "\nmetadata: {name: " name ", namespace: " ns \
	"}\nspec: " spec "\n"
#define GATEWAY(listeners) OBJECT("Gateway", "a", "g", "{gatewayClassName: c, listeners: [" listeners "]}")
#define HTTP "{name: http, port: 80, protocol: HTTP}"
#define ROUTE(name, spec) OBJECT("HTTPRoute", "a", name, spec)
#define SERVICE(ns, name)                                                               \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: " ns \
	"}\nspec: {clusterIP: None, ports: "                                            \
	"[{name: http, port: 80}, {name: https, port: 443}]}\n"
#define ENTRY                                                                                                            \
	"---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: e, namespace: a}\nspec: {hosts: " \
	"[a.io, b], ports: [{number: 80, name: http, protocol: HTTP}], resolution: NONE}\n"
#define TO(name) "rules: [{backendRefs: [{name: " name ", port: 80}]}]"
#define GRANT(from_kind, from_ns, to_kind, rest)                                                                        \
	"---\napiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata: {name: r, namespace: b}\n" \
	"spec: {from: [{group: gateway.networking.k8s.io, kind: " from_kind ", namespace: " from_ns                     \
	"}], to: [{group: \"\", kind: " to_kind rest "}]}\n"

struct derived {
	struct load load;
	struct hdl_arena *arena;
	const struct hdl_resource *const *list;
	size_t n;
	struct hdl_gwapi_statuses statuses;
	struct hdl_diags diags;
};

static void derive(struct derived *d, const char *text)
{
	load_resources(&d->load, text);
	for (size_t i = 0; i < d->load.diags.n; i++)
		if (d->load.diags.at[i].severity == HDL_ERROR)
			fail_msg("%s\n%s: %s", text, d->load.diags.at[i].field, d->load.diags.at[i].message);
	d->arena = hdl_arena_new(0);
	d->diags = (struct hdl_diags){ 0 };
	assert_int_equal(hdl_gwapi_derive(d->arena, d->load.list->at, d->load.list->n, &d->diags, &d->list, &d->n,
					  &d->statuses),
			 0);
}

static void derived_done(struct derived *d)
{
	hdl_arena_free(d->arena);
	hdl_diags_done(&d->diags);
	load_done(&d->load);
}

/* ---- conditions ---- */

static void print_conditions(struct hdl_buf *buf, const struct hdl_resource *res, const char *what,
			     const struct hdl_gwapi_conditions *list)
{
	for (size_t i = 0; i < list->n; i++)
		hdl_buf_printf(buf, "%s %s %s=%s %s\n", res->name, what, list->at[i].type,
			       list->at[i].status ? "True" : "False", list->at[i].reason);
}

/* "g http Accepted=True Accepted" by line; of parents the number; of listeners also "g http routes=1 kinds=2". */
static char *conditions_text(const struct hdl_gwapi_statuses *statuses)
{
	struct hdl_buf buf = { 0 };

	for (size_t i = 0; i < statuses->n; i++) {
		const struct hdl_gwapi_status *s = &statuses->at[i];

		print_conditions(&buf, s->res, "-", &s->conditions);
		for (size_t k = 0; k < s->listener_count; k++) {
			hdl_buf_printf(&buf, "%s %s routes=%u kinds=%zu\n", s->res->name, s->listeners[k].name,
				       s->listeners[k].attached, s->listeners[k].kind_count);
			print_conditions(&buf, s->res, s->listeners[k].name, &s->listeners[k].conditions);
		}
		for (size_t k = 0; k < s->parent_count; k++) {
			char what[24];

			snprintf(what, sizeof(what), "%zu", k);
			print_conditions(&buf, s->res, what, &s->parents[k].conditions);
		}
	}
	hdl_buf_add(&buf, "", 1);
	return buf.p;
}

static const struct {
	const char *section, *text;
	const char *said[4];
} conditions[] = {
	/* GatewayClass, Gateway, listeners */
	{ "F.6",
	  OBJECT("GatewayClass", "a", "c", "{controllerName: heddle.io/gateway-controller}"),
	  { "c - Accepted=True Accepted\n" } },
	{ "F.6",
	  OBJECT("GatewayClass", "a", "c",
		 "{controllerName: heddle.io/gateway-controller, parametersRef: {kind: K, name: n}}"),
	  { "c - Accepted=False InvalidParameters\n" } },
	{ "F.6",
	  GATEWAY(HTTP),
	  { "g - Accepted=True Accepted\n", "g - Programmed=True Programmed\n", "g http routes=0 kinds=2\n",
	    "g http Conflicted=False NoConflicts\n" } },
	{ "F.6",
	  GATEWAY("{name: x, port: 53, protocol: UDP}, " HTTP),
	  { "g x Accepted=False UnsupportedProtocol\n", "g x Programmed=False Invalid\n",
	    "g - Accepted=True ListenersNotValid\n", "g x routes=0 kinds=0\n" } },
	{ "F.6",
	  GATEWAY("{name: x, port: 53, protocol: UDP}"),
	  { "g - Accepted=False ListenersNotValid\n", "g - Programmed=False Invalid\n" } },
	{ "F.6",
	  GATEWAY("{name: x, port: 80, protocol: TCP}, " HTTP),
	  { "g x Conflicted=True ProtocolConflict\n", "g http Conflicted=True ProtocolConflict\n",
	    "g http Accepted=False ProtocolConflict\n", "g - Accepted=False ListenersNotValid\n" } },
	{ "F.6",
	  GATEWAY("{name: x, port: 443, protocol: TLS, hostname: a.b, tls: {mode: Passthrough}}, {name: y, port: 443, protocol: HTTPS, hostname: a.b, tls: {options: {a: b}}}"),
	  { "g x Conflicted=True HostnameConflict\n", "g y Conflicted=True HostnameConflict\n" } },
	{ "F.6",
	  GATEWAY("{name: x, port: 443, protocol: TLS, tls: {mode: Passthrough}}"),
	  { "g x Accepted=True Accepted\n", "g x Programmed=False Invalid\n", "g x routes=0 kinds=1\n" } },
	{ "F.6",
	  GATEWAY("{name: x, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: s}]}}"),
	  { "g x ResolvedRefs=False InvalidCertificateRef\n" } },
	{ "F.6",
	  GATEWAY("{name: x, port: 443, protocol: HTTPS, tls: {certificateRefs: [{kind: Key, name: s}]}}"),
	  { "g x ResolvedRefs=False InvalidCertificateRef\n" } },
	{ "F.6",
	  GATEWAY("{name: x, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: s, namespace: b}]}}"),
	  { "g x ResolvedRefs=False RefNotPermitted\n" } },
	{ "F.6",
	  GATEWAY("{name: x, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: s, namespace: b}]}}") GRANT(
		  "Gateway", "a", "Secret",
		  "") "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: b}\nstringData: {tls.crt: c, tls.key: k}\n",
	  { "g x ResolvedRefs=True ResolvedRefs\n" } },
	{ "F.6",
	  GATEWAY("{name: x, port: 80, protocol: HTTP, allowedRoutes: {kinds: [{kind: TCPRoute}, {kind: HTTPRoute}]}}"),
	  { "g x ResolvedRefs=False InvalidRouteKinds\n", "g x routes=0 kinds=1\n",
	    "g x Programmed=True Programmed\n" } },
	{ "F.6",
	  OBJECT("Gateway", "a", "g",
		 "{gatewayClassName: c, listeners: [" HTTP "], addresses: [{type: Hostname, value: a.b}]}"),
	  { "g - Accepted=False UnsupportedAddress\n", "g - Programmed=False Invalid\n" } },
	{ "F.6",
	  OBJECT("Gateway", "a", "g",
		 "{gatewayClassName: c, listeners: [" HTTP "], addresses: [{value: 127.0.0.1}, {value: ''}]}"),
	  { "g - Programmed=True Programmed\n" } },
	{ "F.6",
	  OBJECT("Gateway", "a", "g",
		 "{gatewayClassName: c, listeners: [" HTTP
		 "], infrastructure: {parametersRef: {group: x.io, kind: K, name: n}}}"),
	  { "g - Accepted=False InvalidParameters\n", "g - Programmed=False Invalid\n" } },
	{ "F.6",
	  GATEWAY(HTTP) OBJECT("Gateway", "a", "h", "{gatewayClassName: c, listeners: [" HTTP "]}"),
	  { "g http Accepted=True Accepted\n", "h http Accepted=False PortUnavailable\n" } },
	{ "F.6",
	  GATEWAY(HTTP) "---\napiVersion: heddle.io/v1alpha1\nkind: NodeConfig\nmetadata: {name: n}\nspec: {gateways: [b/g]}\n",
	  { "g - Accepted=True Accepted\n", "g - Programmed=False Pending\n" } },
	/* parents of routes */
	{ "F.6",
	  GATEWAY(HTTP) SERVICE("a", "s") ROUTE("r", "{parentRefs: [{name: g}], " TO("s") "}"),
	  { "r 0 Accepted=True Accepted\n", "r 0 ResolvedRefs=True ResolvedRefs\n", "g http routes=1 kinds=2\n" } },
	{ "F.6", ROUTE("r", "{parentRefs: [{name: g}]}"), { "r 0 Accepted=False NoMatchingParent\n" } },
	{ "F.6",
	  GATEWAY(HTTP) ROUTE("r", "{parentRefs: [{name: g, namespace: b}]}"),
	  { "r 0 Accepted=False NoMatchingParent\n" } },
	{ "F.6",
	  GATEWAY(HTTP) ROUTE("r", "{parentRefs: [{name: g, sectionName: other}]}"),
	  { "r 0 Accepted=False NoMatchingParent\n", "g http routes=0" } },
	{ "F.6",
	  GATEWAY(HTTP) ROUTE("r", "{parentRefs: [{name: g, port: 81}]}"),
	  { "r 0 Accepted=False NoMatchingParent\n" } },
	{ "F.6",
	  GATEWAY(HTTP) ROUTE("r", "{parentRefs: [{name: g, sectionName: http, port: 81}]}"),
	  { "r 0 Accepted=False NoMatchingParent\n" } },
	{ "F.6",
	  GATEWAY(HTTP) ROUTE("r", "{parentRefs: [{name: g, port: 80}, {name: g, namespace: a, port: 80}]}"),
	  { "r 0 Accepted=True", "r 1 Accepted=True", "g http routes=1" } },
	{ "F.6",
	  GATEWAY(HTTP) ROUTE("r", "{parentRefs: [{kind: Ingress, group: x.io, name: g}]}"),
	  { "r 0 Accepted=False NoMatchingParent\n" } },
	{ "F.6",
	  GATEWAY(HTTP) OBJECT("HTTPRoute", "b", "r", "{parentRefs: [{name: g, namespace: a}]}"),
	  { "r 0 Accepted=False NotAllowedByListeners\n" } },
	{ "F.6",
	  GATEWAY("{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}")
		  OBJECT("HTTPRoute", "b", "r", "{parentRefs: [{name: g, namespace: a}]}"),
	  { "r 0 Accepted=True Accepted\n" } },
	{ "F.6",
	  GATEWAY("{name: http, port: 80, protocol: HTTP, allowedRoutes: {kinds: [{kind: GRPCRoute}]}}")
		  ROUTE("r", "{parentRefs: [{name: g}]}"),
	  { "r 0 Accepted=False NotAllowedByListeners\n" } },
	{ "F.6",
	  GATEWAY(HTTP) OBJECT("TCPRoute", "a", "r", "{parentRefs: [{name: g}], " TO("s") "}"),
	  { "r 0 Accepted=False NotAllowedByListeners\n" } },
	{ "F.6",
	  GATEWAY("{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {team: x}}}}}") "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b, labels: {team: x}}\n" OBJECT(
		  "HTTPRoute", "b", "r", "{parentRefs: [{name: g, namespace: a}]}")
		  OBJECT("HTTPRoute", "c", "q", "{parentRefs: [{name: g, namespace: a}]}"),
	  { "r 0 Accepted=True Accepted\n", "q 0 Accepted=False NotAllowedByListeners\n" } },
	{ "F.6",
	  GATEWAY("{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchExpressions: "
		  "[{key: kubernetes.io/metadata.name, operator: In, values: [b, d]}, {key: gone, operator: DoesNotExist}]}}}}")
		  OBJECT("HTTPRoute", "b", "r", "{parentRefs: [{name: g, namespace: a}]}")
			  OBJECT("HTTPRoute", "c", "q", "{parentRefs: [{name: g, namespace: a}]}"),
	  { "r 0 Accepted=True Accepted\n", "q 0 Accepted=False NotAllowedByListeners\n" } },
	{ "F.2",
	  GATEWAY("{name: http, port: 80, protocol: HTTP, hostname: '*.x.io'}")
		  ROUTE("r", "{parentRefs: [{name: g}], hostnames: [x.io, a.y.io]}")
			  ROUTE("q", "{parentRefs: [{name: g}], hostnames: [a.b.x.io]}"),
	  { "r 0 Accepted=False NoMatchingListenerHostname\n", "q 0 Accepted=True Accepted\n", "g http routes=1" } },
	/* references */
	{ "F.3",
	  GATEWAY(HTTP) ROUTE("r", "{parentRefs: [{name: g}], " TO("s") "}"),
	  { "r 0 ResolvedRefs=False BackendNotFound\n", "r 0 Accepted=True", "g http routes=1" } },
	{ "F.3",
	  GATEWAY(HTTP) SERVICE("a", "s")
		  ROUTE("r", "{parentRefs: [{name: g}], rules: [{backendRefs: [{name: s, port: 81}]}]}"),
	  { "r 0 ResolvedRefs=False BackendNotFound\n" } },
	{ "F.3",
	  GATEWAY(HTTP)
		  ROUTE("r", "{parentRefs: [{name: g}], rules: [{backendRefs: [{group: x.io, kind: Pool, name: s}]}]}"),
	  { "r 0 ResolvedRefs=False InvalidKind\n" } },
	{ "F.3",
	  GATEWAY(HTTP) SERVICE("b", "s")
		  ROUTE("r", "{parentRefs: [{name: g}], rules: [{backendRefs: [{name: s, namespace: b, port: 80}]}]}"),
	  { "r 0 ResolvedRefs=False RefNotPermitted\n" } },
	{ "F.3",
	  GATEWAY(HTTP) SERVICE("b", "s")
		  ROUTE("r", "{parentRefs: [{name: g}], rules: [{backendRefs: [{name: s, namespace: b, port: 80}]}]}")
			  GRANT("HTTPRoute", "a", "Service", ""),
	  { "r 0 ResolvedRefs=True ResolvedRefs\n" } },
	{ "F.3",
	  GATEWAY(HTTP) SERVICE("b", "s")
		  ROUTE("r", "{parentRefs: [{name: g}], rules: [{backendRefs: [{name: s, namespace: b, port: 80}]}]}")
			  GRANT("HTTPRoute", "a", "Service", ", name: other"),
	  { "r 0 ResolvedRefs=False RefNotPermitted\n" } },
	{ "F.3",
	  GATEWAY(HTTP) SERVICE("b", "s")
		  ROUTE("r", "{parentRefs: [{name: g}], rules: [{backendRefs: [{name: s, namespace: b, port: 80}]}]}")
			  GRANT("HTTPRoute", "c", "Service", ""),
	  { "r 0 ResolvedRefs=False RefNotPermitted\n" } },
	{ "F.3",
	  GATEWAY(HTTP) SERVICE("b", "s")
		  ROUTE("r", "{parentRefs: [{name: g}], rules: [{backendRefs: [{name: s, namespace: b, port: 80}]}]}")
			  GRANT("GRPCRoute", "a", "Service", ""),
	  { "r 0 ResolvedRefs=False RefNotPermitted\n" } },
	{ "F.3",
	  GATEWAY(HTTP) SERVICE("a", "s")
		  ROUTE("r", "{parentRefs: [{name: g}], rules: [{filters: [{type: RequestMirror, requestMirror: "
			     "{backendRef: {name: gone, port: 80}}}], backendRefs: [{name: s, port: 80}]}]}"),
	  { "r 0 ResolvedRefs=False BackendNotFound\n" } },
	{ "F.3",
	  GATEWAY(HTTP) SERVICE("a", "s") ROUTE("r", "{parentRefs: [{name: g}], " TO("s") "}") OBJECT(
		  "BackendTLSPolicy", "a", "p",
		  "{targetRefs: [{kind: Service, name: s, sectionName: http}], validation: {hostname: a.b, wellKnownCACertificates: System}}"),
	  { "r 0 ResolvedRefs=False UnsupportedProtocol\n", "p 0 Accepted=False Invalid\n" } },
	{ "F.3",
	  GATEWAY(HTTP) SERVICE("a", "s") ROUTE("r", "{parentRefs: [{name: g}], " TO("s") "}") OBJECT(
		  "BackendTLSPolicy", "a", "p",
		  "{targetRefs: [{kind: Service, name: s, sectionName: https}], validation: {hostname: a.b, caCertificateRefs: [{kind: ConfigMap, name: m}]}}"),
	  { "r 0 ResolvedRefs=True ResolvedRefs\n", "p 0 ResolvedRefs=False InvalidCACertificateRef\n" } },
	/* gRPC to what only speaks HTTP/1.1 yet */
	{ "F.8",
	  GATEWAY(HTTP) SERVICE("a", "s") OBJECT("GRPCRoute", "a", "r", "{parentRefs: [{name: g}], " TO("s") "}"),
	  { "r 0 Accepted=True Accepted\n", "r 0 ResolvedRefs=False UnsupportedProtocol\n" } },
	/* rules that cannot be carried out */
	{ "F.4",
	  GATEWAY(HTTP) ROUTE(
		  "r",
		  "{parentRefs: [{name: g}], rules: [{filters: [{type: ExtensionRef, extensionRef: {kind: K, name: n}}]}, {}]}"),
	  { "r 0 Accepted=True Accepted\n", "r 0 PartiallyInvalid=True UnsupportedValue\n" } },
	{ "F.4",
	  GATEWAY(HTTP)
		  ROUTE("r", "{parentRefs: [{name: g}], rules: [{filters: [{type: ExternalAuth, externalAuth: {}}]}]}"),
	  { "r 0 Accepted=False UnsupportedValue\n" } },
	/* the mesh */
	{ "F.7",
	  ENTRY ROUTE("r", "{parentRefs: [{group: networking.istio.io, kind: ServiceEntry, name: e, port: 80}]}")
		  ROUTE("q", "{parentRefs: [{group: networking.istio.io, kind: ServiceEntry, name: e, port: 81}]}"),
	  { "r 0 Accepted=True Accepted\n", "q 0 Accepted=False NoMatchingParent\n" } },
	{ "F.7",
	  SERVICE("a", "s") ROUTE("r", "{parentRefs: [{group: '', kind: Service, name: s}], " TO("s") "}"),
	  { "r 0 Accepted=True Accepted\n" } },
	{ "F.7",
	  ROUTE("r", "{parentRefs: [{group: '', kind: Service, name: s}]}"),
	  { "r 0 Accepted=False NoMatchingParent\n" } },
	{ "F.7",
	  SERVICE("a", "s") ROUTE("r", "{parentRefs: [{group: '', kind: Service, name: s, port: 81}]}"),
	  { "r 0 Accepted=False NoMatchingParent\n" } },
	{ "F.7",
	  SERVICE("a", "s") ROUTE("r", "{parentRefs: [{group: '', kind: Service, name: s, port: 80}], " TO("s") "}")
		  OBJECT("GRPCRoute", "a", "q", "{parentRefs: [{group: '', kind: Service, name: s}], " TO("s") "}")
			  OBJECT("GRPCRoute", "a", "p",
				 "{parentRefs: [{group: '', kind: Service, name: s, port: 443}], " TO("s") "}"),
	  { "r 0 Accepted=True", "q 0 Accepted=False UnsupportedValue\n", "p 0 Accepted=True Accepted\n" } },
	{ "F.8",
	  SERVICE("a", "s")
		  OBJECT("TLSRoute", "a", "r",
			 "{parentRefs: [{group: '', kind: Service, name: s}], hostnames: [a.b], " TO("s") "}"),
	  { "r 0 Accepted=False UnsupportedValue\n" } },
	{ "F.8",
	  SERVICE("a", "s") OBJECT("TCPRoute", "b", "r",
				   "{parentRefs: [{group: '', kind: Service, name: s, namespace: a}], " TO("s") "}"),
	  { "r 0 Accepted=False UnsupportedValue\n" } },
	{ "F.8",
	  GATEWAY("{name: x, port: 443, protocol: TLS, tls: {mode: Passthrough}}, {name: y, port: 90, protocol: TCP}")
		  SERVICE("a", "s")
			  OBJECT("TLSRoute", "a", "r", "{parentRefs: [{name: g}], hostnames: [a.b], " TO("s") "}")
				  OBJECT("TCPRoute", "a", "q", "{parentRefs: [{name: g}], " TO("s") "}"),
	  { "r 0 Accepted=True Accepted\n", "q 0 Accepted=True Accepted\n", "g x routes=1 kinds=1\n",
	    "g y routes=1 kinds=1\n" } },
};

static void test_conditions(void **state)
{
	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(conditions); i++) {
		struct derived d;
		char *said;

		derive(&d, conditions[i].text);
		said = conditions_text(&d.statuses);
		for (size_t k = 0; k < HDL_ARRAY_SIZE(conditions[i].said) && conditions[i].said[k]; k++)
			if (!strstr(said, conditions[i].said[k]))
				fail_msg("%s: %s\nnot said: %s\nbut: %s", conditions[i].section, conditions[i].text,
					 conditions[i].said[k], said);
		free(said);
		derived_done(&d);
	}
}

/* ---- precedence ---- */

/* Rules a and b of one route or of two: the first of each row comes first, in whatever order they are written. */
static const struct {
	const char *section, *first, *second;
} precedence[] = {
	{ "F.2", "path: {type: Exact, value: /a}", "path: {value: /abcdef}" },
	{ "F.2", "path: {value: /ab}", "path: {value: /a}, method: GET, headers: [{name: h, value: v}]" },
	{ "F.2", "path: {value: /a}", "path: {type: RegularExpression, value: '/abcdef.*'}" },
	{ "F.2", "path: {type: RegularExpression, value: '/a'}", "path: {value: /}" },
	{ "F.2", "path: {value: /a}, method: GET",
	  "path: {value: /a}, headers: [{name: h, value: v}, {name: i, value: v}]" },
	{ "F.2", "headers: [{name: h, value: v}, {name: i, value: v}]",
	  "headers: [{name: h, value: v}], queryParams: [{name: q, value: v}, {name: r, value: v}]" },
	{ "F.2", "headers: [{name: h, value: v}]", "headers: [], queryParams: [{name: q, value: v}]" },
	{ "F.2", "queryParams: [{name: q, value: v}, {name: r, value: v}]", "queryParams: [{name: q, value: v}]" },
	{ "F.2", "method: GET", "path: {value: /}" },
};

static const struct hdl_virtual_service *first_vs(const struct derived *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->list[i]->kind == HDL_KIND_VIRTUAL_SERVICE)
			return d->list[i]->virtual_service;
	fail_msg("no VirtualService");
	return NULL;
}

static void check_order(const char *section, const char *text, const char *first, const char *second)
{
	const struct hdl_virtual_service *vs;
	struct derived d;

	derive(&d, text);
	vs = first_vs(&d);
	assert_int_equal(vs->http.n, 2);
	if (strcmp(vs->http.at[0].name.s, first) != 0 || strcmp(vs->http.at[1].name.s, second) != 0)
		fail_msg("%s: %s\n%s comes before %s", section, text, vs->http.at[0].name.s, vs->http.at[1].name.s);
	derived_done(&d);
}

static void test_precedence(void **state)
{
	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(precedence); i++)
		for (int turn = 0; turn < 2; turn++) {
			struct hdl_buf text = { 0 };

			hdl_buf_printf(
				&text,
				GATEWAY(HTTP) ROUTE(
					"r",
					"{parentRefs: [{name: g}], rules: [{name: %s, matches: [{%s}]}, {name: %s, matches: [{%s}]}]}"),
				turn ? "second" : "first", turn ? precedence[i].second : precedence[i].first,
				turn ? "first" : "second", turn ? precedence[i].first : precedence[i].second);
			hdl_buf_add(&text, "", 1);
			check_order(precedence[i].section, text.p, "a.r.first", "a.r.second");
			hdl_buf_done(&text);
		}
	/* ties: the older route, then the rule that comes first, also when its name comes later */
	check_order("F.2",
		    GATEWAY(HTTP) ROUTE("z", "{parentRefs: [{name: g}], rules: [{matches: [{path: {value: /a}}]}]}")
			    ROUTE("b", "{parentRefs: [{name: g}], rules: [{matches: [{path: {value: /a/}}]}]}"),
		    "a.z.0", "a.b.0");
	check_order(
		"F.2",
		GATEWAY(HTTP) ROUTE(
			"r",
			"{parentRefs: [{name: g}], rules: [{name: z, matches: [{path: {value: /b}}]}, {name: b, matches: [{path: {value: /a}}]}]}"),
		"a.r.z", "a.r.b");
	/* F.8: of gRPC the longest service, then the longest method, then the most headers */
	check_order(
		"F.8",
		GATEWAY(HTTP) OBJECT(
			"GRPCRoute", "a", "r",
			"{parentRefs: [{name: g}], rules: [{name: b, matches: [{method: {service: a, method: Loooong}}]}, {name: a, matches: [{method: {service: ab}}]}]}"),
		"a.r.a", "a.r.b");
}

/* ---- what a rule becomes ---- */

#define ONE(rule) \
	GATEWAY(HTTP) SERVICE("a", "s") SERVICE("a", "t") ROUTE("r", "{parentRefs: [{name: g}], rules: [{" rule "}]}")
#define BACKENDS "backendRefs: [{name: s, port: 80}]"

static void test_matches(void **state)
{
	struct derived d;
	const struct hdl_vs_match *m;

	(void)state;
	derive(&d, ONE("matches: [{path: {value: /abc/}, headers: [{name: A, value: x}, {name: a, value: y}]}]"));
	m = first_vs(&d)->http.at[0].match.at;
	assert_true(m->by_segments); /* F.2: whole elements, a final slash does not count, the first of a name counts */
	assert_string_equal(m->uri->prefix.s, "/abc");
	assert_int_equal(m->headers.n, 1);
	assert_string_equal(m->headers.at[0].match.exact.s, "x");
	derived_done(&d);
	derive(&d,
	       GATEWAY(HTTP) OBJECT(
		       "GRPCRoute", "a", "r",
		       "{parentRefs: [{name: g}], rules: [{matches: [{method: {service: a.B, method: C}}, {method: {service: a.B}}, {method: {method: C}}]}]}"));
	m = first_vs(&d)->http.at[0].match.at; /* F.8 */
	assert_string_equal(m->uri->exact.s, "/a.B/C");
	assert_string_equal(first_vs(&d)->http.at[1].match.at->uri->prefix.s, "/a.B/");
	assert_string_equal(first_vs(&d)->http.at[2].match.at->uri->regex.s, "/(?:[^/]+)/(?:C)");
	derived_done(&d);
}

static void test_filters(void **state)
{
	const struct hdl_vs_http *http;
	struct derived d;

	(void)state;
	derive(&d,
	       ONE("filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: 50%}]}}, {type: RequestMirror, requestMirror: "
		   "{backendRef: {name: t, port: 80}, fraction: {numerator: 1, denominator: 3}}}, {type: CORS, cors: {allowOrigins: ['https://*.a.b']}}], " BACKENDS));
	http = &first_vs(&d)->http.at[0];
	assert_string_equal(http->headers->request->set.at[0].value,
			    "50%%"); /* F.4: literal, where "%" is an operator */
	assert_int_equal(http->mirrors.at[0].per_million.value, 333333);
	assert_string_equal(http->cors_policy->allow_origins.at[0].regex.s, "https://[^/:?#@]+\\.a\\.b");
	assert_int_equal(http->cors_policy->max_age.ns, 5000000000);
	derived_done(&d);
	derive(&d, ONE("filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]"));
	http = &first_vs(&d)->http.at[0];
	assert_true(http->redirect->gateway_api && http->redirect->redirect_code.value == 302);
	derived_done(&d);
}

/* F.4: an empty replacement is one, as "/". */
static void test_empty_replacement(void **state)
{
	static const char *const types[] = { "ReplacePrefixMatch, replacePrefixMatch",
					     "ReplaceFullPath, replaceFullPath" };

	(void)state;
	for (int i = 0; i < 4; i++) {
		const struct hdl_vs_http *http;
		struct derived d;
		char text[1024];

		snprintf(text, sizeof(text), ONE("filters: [{type: %s: {path: {type: %s: ''}}}]%s"),
			 i & 1 ? "URLRewrite, urlRewrite" : "RequestRedirect, requestRedirect", types[i / 2],
			 i & 1 ? ", " BACKENDS : "");
		derive(&d, text);
		http = &first_vs(&d)->http.at[0];
		if (i & 1)
			assert_string_equal(http->rewrite->uri.s, "/");
		else
			assert_string_equal(i / 2 ? http->redirect->uri.s : http->redirect->prefix_rewrite.s, "/");
		derived_done(&d);
	}
}

/* F.3: 500 for what is not there, for its share; all of it when there is none. */
static void test_backends(void **state)
{
	const struct hdl_vs_http *http;
	struct derived d;

	(void)state;
	derive(&d,
	       ONE("backendRefs: [{name: s, port: 80, weight: 2}, {name: gone, port: 80}, {name: t, port: 80, weight: 0}]"));
	http = &first_vs(&d)->http.at[0];
	assert_int_equal(http->route.n, 2);
	assert_true(!http->route.at[0].unresolved && http->route.at[1].unresolved);
	assert_int_equal(http->route.at[0].weight.value, 2);
	derived_done(&d);
	derive(&d, ONE("backendRefs: [{name: s, port: 80, weight: 0}]"));
	http = &first_vs(&d)->http.at[0];
	assert_int_equal(http->direct_response->status.value, 500);
	assert_int_equal(http->route.n, 0);
	derived_done(&d);
	derive(&d, GATEWAY(HTTP) ROUTE("r", "{parentRefs: [{name: g}]}")); /* F.1: the default rule */
	assert_int_equal(first_vs(&d)->http.at[0].direct_response->status.value, 500);
	derived_done(&d);
}

/* F.5 */
static void test_timeouts(void **state)
{
	const struct hdl_vs_http *http;
	struct derived d;

	(void)state;
	derive(&d,
	       ONE("timeouts: {request: 10s, backendRequest: 2s}, retry: {codes: [503, 503, 500], attempts: 4, backoff: 1ms}, " BACKENDS));
	http = &first_vs(&d)->http.at[0];
	assert_int_equal(http->timeout.ns, 10000000000);
	assert_int_equal(http->retries->per_try_timeout.ns, 2000000000);
	assert_int_equal(http->retries->attempts.value, 4);
	assert_string_equal(http->retries->retry_on.s,
			    "connect-failure,refused-stream,unavailable,cancelled,reset,503,500");
	derived_done(&d);
	derive(&d, ONE("timeouts: {request: 0s}, " BACKENDS));
	http = &first_vs(&d)->http.at[0];
	assert_true(!http->timeout.has && !http->retries); /* the mesh default */
	derived_done(&d);
	derive(&d, ONE("timeouts: {backendRequest: 2s}, " BACKENDS));
	http = &first_vs(&d)->http.at[0];
	assert_int_equal(http->retries->per_try_timeout.ns, 2000000000);
	assert_null(http->retries->retry_on.s);
	derived_done(&d);
}

/* ---- hosts ---- */

/* Hosts of the derived VirtualServices with their number of rules, by line. */
static void check_hosts(const char *text, const char *expected)
{
	struct hdl_buf buf = { 0 };
	struct derived d;

	derive(&d, text);
	for (size_t i = 0; i < d.n; i++)
		if (d.list[i]->kind == HDL_KIND_VIRTUAL_SERVICE)
			hdl_buf_printf(&buf, "%s%s %s %zu", buf.n ? "; " : "",
				       d.list[i]->virtual_service->gateways.at[0].s,
				       d.list[i]->virtual_service->hosts.at[0].s, d.list[i]->virtual_service->http.n);
	hdl_buf_add(&buf, "", 1);
	if (strcmp(buf.p, expected) != 0)
		fail_msg("%s\n%s\nexpected %s", text, buf.p, expected);
	hdl_buf_done(&buf);
	derived_done(&d);
}

static void test_hosts(void **state)
{
	(void)state;
	check_hosts(GATEWAY(HTTP) ROUTE("r", "{parentRefs: [{name: g}]}"), "a/g~http * 1");
	check_hosts(GATEWAY("{name: http, port: 80, protocol: HTTP, hostname: '*.x.io'}")
			    ROUTE("r", "{parentRefs: [{name: g}], hostnames: [a.x.io, '*.io', b.y.io]}"),
		    "a/g~http a.x.io 1; a/g~http *.x.io 1");
	/* a name without a dot is no service's */
	check_hosts(GATEWAY(HTTP) ROUTE("r", "{parentRefs: [{name: g}], hostnames: [localhost]}"),
		    "a/g~http localhost. 1");
	/* F.2: the most specific listener alone has the requests, and 404 when no route of it is for them */
	check_hosts(GATEWAY(HTTP ", {name: x, port: 80, protocol: HTTP, hostname: '*.x.io'}")
			    ROUTE("r", "{parentRefs: [{name: g, sectionName: http}], hostnames: [a.x.io, y.io]}"),
		    "a/g~http y.io 1; a/g~x *.x.io 0");
	/* F.7: Istio's ServiceEntry as a parent, by each of its hosts */
	check_hosts(ENTRY ROUTE("r", "{parentRefs: [{group: networking.istio.io, kind: ServiceEntry, name: e}]}"),
		    "mesh a.io 1; mesh b. 1");
	/* rules of several routes for one host are one list */
	check_hosts(GATEWAY(HTTP) ROUTE("r", "{parentRefs: [{name: g}], hostnames: [a.io]}")
			    ROUTE("q", "{parentRefs: [{name: g}], hostnames: [a.io, b.io]}"),
		    "a/g~http a.io 2; a/g~http b.io 1");
}

/* F.7: routes for the clients of one namespace come first, and are for these alone. */
static void test_mesh(void **state)
{
	const struct hdl_virtual_service *vs;
	struct derived d;

	(void)state;
	derive(&d,
	       SERVICE("a", "s")
		       ROUTE("producer",
			     "{parentRefs: [{group: '', kind: Service, name: s}], hostnames: [x.io], " TO("s") "}")
			       OBJECT("HTTPRoute", "b", "consumer",
				      "{parentRefs: [{group: '', kind: Service, name: s, namespace: a, port: 80}]}"));
	vs = first_vs(&d);
	assert_string_equal(vs->hosts.at[0].s, "s");
	assert_string_equal(vs->gateways.at[0].s, "mesh");
	assert_string_equal(vs->http.at[0].match.at->source_namespace.s, "b");
	assert_int_equal(vs->http.at[0].match.at->port.value, 80);
	vs = d.list[d.n - 1]->virtual_service;
	assert_null(vs->http.at[0].match.at->source_namespace.s);
	assert_false(vs->http.at[0].match.at->port.has);
	assert_string_equal(d.list[d.n - 1]->derived_from->name, "producer");
	derived_done(&d);
}

/* ---- the rest ---- */

static void test_nothing(void **state)
{
	struct derived d;

	(void)state;
	derive(&d, SERVICE("a", "s"));
	assert_ptr_equal(d.list, d.load.list->at);
	assert_int_equal(d.statuses.n, 0);
	derived_done(&d);
}

static int64_t since(const struct derived *d, const char *type)
{
	for (size_t i = 0; i < d->statuses.n; i++)
		for (size_t k = 0; k < d->statuses.at[i].parent_count; k++) {
			const struct hdl_gwapi_conditions *c = &d->statuses.at[i].parents[k].conditions;

			for (size_t j = 0; j < c->n; j++)
				if (!strcmp(c->at[j].type, type))
					return c->at[j].since_ns;
		}
	return -1;
}

/* F.6: a condition keeps its time while its status does. */
static void test_times(void **state)
{
	struct derived before, after;

	(void)state;
	derive(&before, GATEWAY(HTTP) ROUTE("r", "{parentRefs: [{name: g}], " TO("s") "}"));
	hdl_gwapi_carry(NULL, &before.statuses, 1000);
	assert_int_equal(since(&before, "Accepted"), 1000);
	derive(&after, ROUTE("earlier", "{}") GATEWAY(HTTP) SERVICE("a", "s")
			       ROUTE("r", "{parentRefs: [{name: g}], " TO("s") "}"));
	hdl_gwapi_carry(&before.statuses, &after.statuses, 2000);
	assert_int_equal(since(&after, "Accepted"), 1000);
	assert_int_equal(since(&after, "ResolvedRefs"), 2000);
	derived_done(&before);
	derived_done(&after);
}

static void test_json(void **state)
{
	static const char *const said[] = {
		"\"kind\":\"HTTPRoute\"",
		"\"parentRef\":{\"group\":\"gateway.networking.k8s.io\",\"kind\":\"Gateway\",\"name\":\"g\",\"port\":80}",
		"\"controllerName\":\"heddle.io/gateway-controller\"",
		"\"observedGeneration\":0",
		"\"lastTransitionTime\":\"1970-01-01T00:00:07Z\"",
	};
	const struct hdl_gwapi_filter_by routes = { .kind = "httproutes", .ns = "a" }, none = { .name = "x" };
	struct hdl_buf buf = { 0 };
	struct hdl_jsonw w;
	struct derived d;

	(void)state;
	derive(&d, GATEWAY(HTTP) ROUTE("r", "{parentRefs: [{name: g, port: 80}]}"));
	hdl_gwapi_carry(NULL, &d.statuses, 7900000000);
	hdl_jsonw_init(&w, &buf, false);
	assert_int_equal(hdl_gwapi_print(&w, &d.statuses, &routes), 1);
	hdl_buf_add(&buf, "", 1);
	for (size_t i = 0; i < HDL_ARRAY_SIZE(said); i++)
		if (!strstr(buf.p, said[i]))
			fail_msg("F.6: not said: %s\nbut: %s", said[i], buf.p);
	hdl_jsonw_init(&w, &buf, false);
	assert_int_equal(hdl_gwapi_print(&w, &d.statuses, NULL), 2);
	hdl_jsonw_init(&w, &buf, false);
	assert_int_equal(hdl_gwapi_print(&w, &d.statuses, &none), 0);
	hdl_buf_done(&buf);
	derived_done(&d);
}

/* A regular expression that does not compile refuses the route with its line. */
static void test_regex(void **state)
{
	struct load l;

	(void)state;
	load_resources(&l, ROUTE("r", "{rules: [{matches: [{path: {type: RegularExpression, value: '(a'}}]}]}"));
	assert_int_equal(l.list->n, 0);
	assert_int_equal(l.diags.errors, 1);
	assert_string_equal(l.diags.at[0].field, "spec.rules[0].matches[0].path.value");
	load_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_empty_replacement),
		cmocka_unit_test(test_backends),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_mesh),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_regex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
