/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the rules of the Gateway API's CRD schemas (F.1, F.8): each row a specification, and what is said about it. */
#include "unit/model/model.h"
#include "model/gwapi.h"
#include "model/print.h"
#include "model/schema.h"

#define V1 "gateway.networking.k8s.io/v1"

/* ---- GatewayClass ---- */

static const struct rule class_rules[] = {
	{ "F.6", "{controllerName: heddle.io/gateway-controller}", NULL },
	{ "F.6",
	  "{controllerName: a.b/c, description: d, parametersRef: {group: g.io, kind: K, name: n, namespace: s}}",
	  NULL },
	{ "F.6", "{}", "spec.controllerName: is required" },
	{ "F.6", "{controllerName: heddle}", "is not a domain, a slash and a path" },
	{ "F.6", "{controllerName: a_b/c}", "is not a domain, a slash and a path" },
	{ "F.6", "{controllerName: a.b/}", "is not a domain, a slash and a path" },
	{ "F.6", "{controllerName: a.b/c, parametersRef: {kind: K}}", "parametersRef.name: is required" },
	{ "F.6",
	  "{controllerName: a.b/c, description: "
	  "'01234567890123456789012345678901234567890123456789012345678901234'}",
	  "description: has 65 characters, at most 64" },
	{ "F.6", "{controllerNam: a.b/c}", "unknown field; did you mean controllerName?" },
};

/* ---- Gateway ---- */

#define GATEWAY(listeners, rest) "{gatewayClassName: c, listeners: [" listeners "]" rest "}"
#define LISTENER(rest) "{name: a, port: 80, protocol: HTTP" rest "}"
#define TLS(protocol, tls) "{name: a, port: 443, protocol: " protocol ", tls: " tls "}"

static const struct rule gateway_rules[] = {
	{ "F.6", GATEWAY(LISTENER(""), ""), NULL },
	{ "F.6", GATEWAY(LISTENER(", hostname: '*.example.com'"), ""), NULL },
	{ "F.6", GATEWAY(LISTENER(", hostname: ''"), ""), NULL },
	{ "F.6", "{listeners: [" LISTENER("") "]}", "gatewayClassName: is required" },
	{ "F.6", "{gatewayClassName: '', listeners: [" LISTENER("") "]}", "gatewayClassName: must not be empty" },
	{ "F.6", "{gatewayClassName: c}", "listeners: is required" },
	{ "F.6", GATEWAY("{port: 80, protocol: HTTP}", ""), "listeners[0].name: is required" },
	{ "F.6", GATEWAY("{name: A, port: 80, protocol: HTTP}", ""), "\"A\" is not a name" },
	{ "F.6", GATEWAY("{name: a, protocol: HTTP}", ""), "listeners[0].port: is required" },
	{ "F.6", GATEWAY("{name: a, port: 0, protocol: HTTP}", ""), "port: must be 1..65535" },
	{ "F.6", GATEWAY("{name: a, port: 80}", ""), "protocol: is required" },
	{ "F.6", GATEWAY("{name: a, port: 80, protocol: example.com/x}", ""),
	  "warning: Gateway ns/n: spec.listeners[0].protocol" },
	{ "F.6", GATEWAY("{name: a, port: 80, protocol: a b}", ""), "must be one of HTTP, HTTPS, TLS, TCP, UDP" },
	{ "F.6", GATEWAY(LISTENER(", hostname: 10.0.0.1"), ""), "is an address; a host name is needed" },
	{ "F.6", GATEWAY(LISTENER(", hostname: 'a.*.b'"), ""), "is not a host name" },
	{ "F.6", GATEWAY(LISTENER(", hostname: 'a.b:80'"), ""), "is not a host name" },
	{ "F.6", GATEWAY(LISTENER(", hostname: Example.com"), ""), "is not a host name" },
	{ "F.6", GATEWAY("{name: a, port: 80, protocol: TCP, hostname: a.b}", ""),
	  "hostname must not be specified for protocols TCP" },
	{ "F.6", GATEWAY("{name: a, port: 80, protocol: TCP}, {name: b, port: 80, protocol: UDP}", ""), NULL },
	{ "F.6", GATEWAY(LISTENER(", tls: {options: {a: b}}"), ""), "tls must not be specified for protocols HTTP" },
	{ "F.6", GATEWAY(TLS("HTTPS", "{certificateRefs: [{name: s}]}"), ""), NULL },
	{ "F.6", GATEWAY(TLS("HTTPS", "{options: {a.b/c: d}}"), ""), NULL },
	{ "F.6", GATEWAY(TLS("HTTPS", "{mode: Terminate}"), ""), "certificateRefs or options must be specified" },
	{ "F.6", GATEWAY(TLS("HTTPS", "{mode: Passthrough}"), ""), "tls mode must be Terminate for protocol HTTPS" },
	{ "F.6", GATEWAY("{name: a, port: 443, protocol: HTTPS}", ""), NULL },
	{ "F.6", GATEWAY(TLS("TLS", "{mode: Passthrough}"), ""), NULL },
	{ "F.6", GATEWAY(TLS("TLS", "{certificateRefs: [{name: s}]}"), ""), "tls mode must be set for protocol TLS" },
	{ "F.6", GATEWAY("{name: a, port: 443, protocol: TLS}", ""), "tls mode must be set for protocol TLS" },
	{ "F.6", GATEWAY(TLS("TLS", "{mode: Both}"), ""), "must be one of Terminate, Passthrough" },
	{ "F.6", GATEWAY(LISTENER("") ", " LISTENER(", hostname: a.b"), ""),
	  "Listener name must be unique within the Gateway" },
	{ "F.6", GATEWAY(LISTENER("") ", {name: b, port: 80, protocol: HTTP}", ""),
	  "Combination of port, protocol and hostname must be unique for each listener" },
	{ "F.6", GATEWAY(LISTENER("") ", {name: b, port: 80, protocol: HTTP, hostname: a.b}", ""), NULL },
	{ "F.6", GATEWAY(LISTENER(", allowedRoutes: {namespaces: {from: All}, kinds: [{kind: HTTPRoute}]}"), ""),
	  NULL },
	{ "F.6", GATEWAY(LISTENER(", allowedRoutes: {namespaces: {from: Selector}}"), ""),
	  "selector: is required when from is Selector" },
	{ "F.6",
	  GATEWAY(LISTENER(", allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {a: b}}}}"), ""),
	  NULL },
	{ "F.6", GATEWAY(LISTENER(", allowedRoutes: {namespaces: {from: Others}}"), ""),
	  "must be one of Same, All, Selector" },
	{ "F.6",
	  GATEWAY(LISTENER(
			  ", allowedRoutes: {namespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: In}]}}}"),
		  ""),
	  "values: is required with In" },
	{ "F.6",
	  GATEWAY(LISTENER(
			  ", allowedRoutes: {namespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}}"),
		  ""),
	  "values: must not be set with Exists" },
	{ "F.6",
	  GATEWAY(LISTENER(
			  ", allowedRoutes: {namespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: Like, values: [b]}]}}}"),
		  ""),
	  "must be one of In, NotIn, Exists, DoesNotExist" },
	{ "F.6", GATEWAY(LISTENER(", allowedRoutes: {kinds: [{group: g}]}"), ""), "kinds[0].kind: is required" },
	{ "F.6", GATEWAY(LISTENER(""), ", addresses: [{value: 10.0.0.1}, {type: IPAddress, value: 'fd00::1'}]"), NULL },
	{ "F.6", GATEWAY(LISTENER(""), ", addresses: [{type: Hostname, value: a.b}, {type: IPAddress}]"), NULL },
	{ "F.6", GATEWAY(LISTENER(""), ", addresses: [{value: a.b}]"),
	  "addresses[0].value: \"a.b\" is not an address" },
	{ "F.6", GATEWAY(LISTENER(""), ", addresses: [{type: Hostname, value: A_B}]"), "\"A_B\" is not a host name" },
	{ "F.6", GATEWAY(LISTENER(""), ", addresses: [{type: Named, value: a}]"),
	  "must be IPAddress, Hostname or a domain" },
	{ "F.6", GATEWAY(LISTENER(""), ", addresses: [{value: 10.0.0.1}, {value: 10.0.0.1}]"),
	  "IPAddress values must be unique" },
	{ "F.6",
	  GATEWAY(LISTENER(""),
		  ", infrastructure: {labels: {a: b}, annotations: {c: d}, parametersRef: {group: '', kind: ConfigMap, name: m}}"),
	  NULL },
	{ "F.6",
	  GATEWAY(LISTENER(""), ", infrastructure: {labels: {a: b, c: d, e: f, g: h, i: j, k: l, m: n, o: p, q: r}}"),
	  "infrastructure.labels: has 9 entries, at most 8" },
	{ "F.6", GATEWAY(LISTENER(""), ", allowedListeners: {namespaces: {from: None}}"), NULL },
	{ "F.6", GATEWAY(LISTENER(""), ", tls: {backend: {clientCertificateRef: {name: s}}}"), NULL },
	{ "F.6",
	  GATEWAY(LISTENER(""),
		  ", tls: {frontend: {default: {validation: {caCertificateRefs: [{kind: ConfigMap, name: m}]}}}}"),
	  NULL },
	{ "F.6",
	  GATEWAY(LISTENER(""), ", tls: {frontend: {default: {}, perPort: [{port: 1, tls: {}}, {port: 1, tls: {}}]}}"),
	  "Port for TLS configuration must be unique" },
	{ "F.6", GATEWAY(LISTENER(""), ", tls: {frontend: {perPort: []}}"), "default: is required" },
	{ "F.6", GATEWAY(LISTENER(""), ", defaultScope: Some"), "must be All or None" },
};

/* ---- HTTPRoute ---- */

#define RULE(text) "{rules: [{" text "}]}"
#define MATCH(text) RULE("matches: [{" text "}]")
#define PATH(type, value) MATCH("path: {type: " type ", value: '" value "'}")
#define FILTER(text) RULE("filters: [" text "]")
#define BACKEND(text) RULE("backendRefs: [{" text "}]")
#define REDIRECT(text) FILTER("{type: RequestRedirect, requestRedirect: {" text "}}")
#define HEADERS(text) FILTER("{type: RequestHeaderModifier, requestHeaderModifier: {" text "}}")
#define MIRROR(text) FILTER("{type: RequestMirror, requestMirror: {backendRef: {name: m, port: 80}" text "}}")
#define CORS(text) FILTER("{type: CORS, cors: {" text "}}")
#define REPLACE "path: {type: ReplacePrefixMatch, replacePrefixMatch: /x}"

static const struct rule http_rules[] = {
	/* parentRefs, hostnames */
	{ "F.1", "{parentRefs: [{name: g}]}", NULL },
	{ "F.1", "{parentRefs: [{group: '', kind: Service, name: s, namespace: other, port: 80}]}", NULL },
	{ "F.1", "{parentRefs: [{sectionName: s}]}", "parentRefs[0].name: is required" },
	{ "F.1", "{parentRefs: [{name: g, port: 0}]}", "port: must be 1..65535" },
	{ "F.1",
	  "{parentRefs: [{name: g, sectionName: a, port: 2}, {name: g, sectionName: b, port: 1}, {name: g, sectionName: b, port: 2}]}",
	  NULL },
	{ "F.1", "{parentRefs: [{name: g, sectionName: a}, {name: g, sectionName: b, port: 1}]}",
	  "sectionName or port must be specified" },
	{ "F.1", "{parentRefs: [{name: g, sectionName: a}, {name: g}]}", "sectionName or port must be specified" },
	{ "F.1", "{parentRefs: [{name: g, sectionName: a}, {name: g, port: 1}]}",
	  "sectionName or port must be specified" },
	{ "F.1", "{parentRefs: [{name: g}, {name: g}]}", "sectionName or port must be specified" },
	{ "F.1", "{parentRefs: [{name: g}, {name: g, kind: Gateway}]}", "sectionName or port must be specified" },
	{ "F.1", "{parentRefs: [{name: g}, {name: g, namespace: ns}]}", NULL },
	{ "F.1", "{parentRefs: [{name: g}, {name: g, namespace: other}]}", NULL },
	{ "F.1", "{parentRefs: [{name: g, port: 1}, {name: g, port: 1}]}", "sectionName or port must be unique" },
	{ "F.1", "{hostnames: [a.example.com, '*.example.com', localhost]}", NULL },
	{ "F.1", "{hostnames: [10.0.0.1]}", "hostnames[0]: \"10.0.0.1\" is an address" },
	{ "F.1", "{hostnames: ['*']}", "\"*\" is not a host name" },
	{ "F.1", "{hostnames: ['a.b:80']}", "\"a.b:80\" is not a host name" },
	{ "F.1", "{hostnames: ['a.*.b']}", "\"a.*.b\" is not a host name" },
	{ "F.1", "{hostname: [a.b]}", "unknown field; did you mean hostnames?" },
	/* rules */
	{ "F.1", "{}", NULL },
	{ "F.1", "{rules: [{name: a}, {name: b}]}", NULL },
	{ "F.1", "{rules: [{name: a}, {name: a}]}", "Rule name must be unique within the route" },
	{ "F.1", RULE("name: A_"), "\"A_\" is not a name" },
	/* matches */
	{ "F.1", PATH("Exact", "/a/b%20c"), NULL },
	{ "F.1", MATCH("path: {}"), NULL },
	{ "F.1", PATH("PathPrefix", "a"), "value must be an absolute path and start with '/'" },
	{ "F.1", PATH("Exact", "/a//b"), "must not contain '//'" },
	{ "F.1", PATH("Exact", "/a/./b"), "must not contain '/./'" },
	{ "F.1", PATH("Exact", "/a/../b"), "must not contain '/../'" },
	{ "F.1", PATH("Exact", "/a%2fb"), "must not contain '%2f'" },
	{ "F.1", PATH("PathPrefix", "/a%2Fb"), "must not contain '%2F'" },
	{ "F.1", PATH("Exact", "/a#b"), "must not contain '#'" },
	{ "F.1", PATH("Exact", "/a/.."), "must not end with '/..'" },
	{ "F.1", PATH("Exact", "/a/."), "must not end with '/..' or '/.'" },
	{ "F.1", PATH("Exact", "/a b"), "must only contain valid characters" },
	{ "F.1", PATH("Exact", "/a%zz"), "must only contain valid characters" },
	{ "F.1", PATH("RegularExpression", "a//.*"), NULL },
	{ "F.1", PATH("Suffix", "/a"), "must be one of Exact, PathPrefix, RegularExpression" },
	{ "F.1", MATCH("headers: [{name: X-A, value: b}, {type: RegularExpression, name: c, value: .*}]"), NULL },
	{ "F.1", MATCH("headers: [{name: a b, value: c}]"), "is not a name of a header or parameter" },
	{ "F.1", MATCH("headers: [{name: '', value: c}]"), "name: must not be empty" },
	{ "F.1", MATCH("headers: [{name: a}]"), "value: is required" },
	{ "F.1", MATCH("headers: [{name: a, value: ''}]"), "value: must not be empty" },
	{ "F.1", MATCH("headers: [{name: a, value: b}, {name: a, value: c}]"), "headers: names \"a\" twice" },
	{ "F.1", MATCH("headers: [{type: PathPrefix, name: a, value: b}]"), "must be one of Exact, RegularExpression" },
	{ "F.1", MATCH("queryParams: [{name: a, value: b}]"), NULL },
	{ "F.1", MATCH("queryParams: [{name: a, value: b}, {name: a, value: c}]"), "queryParams: names \"a\" twice" },
	{ "F.1", MATCH("method: PATCH"), NULL },
	{ "F.1", MATCH("method: get"), "must be one of GET, HEAD, POST" },
	/* filters */
	{ "F.4", HEADERS("set: [{name: a, value: b}], add: [{name: a, value: c}], remove: [d]"), NULL },
	{ "F.4", HEADERS("set: [{name: a, value: b}, {name: a, value: c}]"), "set: names \"a\" twice" },
	{ "F.4", HEADERS("add: [{name: 'a:', value: b}]"), "\"a:\" is not a header name" },
	{ "F.4", HEADERS("add: [{name: a, value: \"b\\r\\nc: d\"}]"), "value: must not contain line ends" },
	{ "F.4", HEADERS("add: [{name: a, value: \"b\\x7f\"}]"),
	  "value: must not contain line ends and other control characters" },
	{ "F.4", HEADERS("add: [{name: a, value: \"b\\tc\"}]"), NULL },
	{ "F.4", HEADERS("remove: ['a b']"), "remove: \"a b\" is not a header name" },
	{ "F.4", FILTER("{requestMirror: {backendRef: {name: m, port: 1}}}"), "filters[0].type: is required" },
	{ "F.4", FILTER("{type: RequestMirror}"),
	  "filter.requestMirror must be specified for RequestMirror filter.type" },
	{ "F.4", FILTER("{type: CORS, cors: {}, urlRewrite: {hostname: a.b}}"),
	  "filter.urlRewrite must be nil if the filter.type is not URLRewrite" },
	{ "F.4", FILTER("{type: Rewrite}"), "must be one of RequestHeaderModifier" },
	{ "F.4",
	  FILTER("{type: RequestHeaderModifier, requestHeaderModifier: {}}, {type: RequestHeaderModifier, requestHeaderModifier: {}}"),
	  "RequestHeaderModifier filter cannot be repeated" },
	{ "F.4", FILTER("{type: CORS, cors: {}}, {type: CORS, cors: {}}"), "CORS filter cannot be repeated" },
	{ "F.4",
	  FILTER("{type: RequestMirror, requestMirror: {backendRef: {name: a, port: 1}}}, {type: RequestMirror, requestMirror: {backendRef: {name: b, port: 1}}}"),
	  NULL },
	{ "F.4", FILTER("{type: RequestRedirect, requestRedirect: {}}, {type: URLRewrite, urlRewrite: {}}"),
	  "May specify either RequestRedirect or URLRewrite, but not both" },
	{ "F.4", RULE("filters: [{type: RequestRedirect, requestRedirect: {}}], backendRefs: [{name: a, port: 1}]"),
	  "RequestRedirect filter must not be used together with backendRefs" },
	{ "F.4", REDIRECT("scheme: https, hostname: a.b, port: 8443, statusCode: 307"), NULL },
	{ "F.4", REDIRECT("scheme: ftp"), "scheme: must be http or https" },
	{ "F.4", REDIRECT("hostname: '*.a.b'"), "\"*.a.b\" is not a host name" },
	{ "F.4", REDIRECT("statusCode: 304"), "statusCode: must be 301, 302, 303, 307 or 308" },
	{ "F.4", REDIRECT("statusCode: 200"), "statusCode: must be 301..308" },
	{ "F.4", REDIRECT(REPLACE), NULL },
	{ "F.4", REDIRECT("path: {type: ReplaceFullPath, replaceFullPath: /x}"), NULL },
	{ "F.4", REDIRECT("path: {type: ReplaceFullPath, replaceFullPath: \"/x\\r\\ny: z\"}"),
	  "path.replaceFullPath: has a blank or a control character" },
	{ "F.4",
	  FILTER("{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: '/x HTTP/1.1'}}}"),
	  "path.replacePrefixMatch: has a blank or a control character" },
	{ "F.4", REDIRECT("path: {type: ReplaceFullPath}"),
	  "replaceFullPath must be specified when type is set to 'ReplaceFullPath'" },
	{ "F.4", REDIRECT("path: {type: ReplacePrefixMatch, replaceFullPath: /}"),
	  "replacePrefixMatch must be specified" },
	{ "F.4", REDIRECT("path: {type: ReplaceFullPath, replaceFullPath: /, replacePrefixMatch: /}"),
	  "type must be 'ReplacePrefixMatch' when replacePrefixMatch is set" },
	{ "F.4", RULE("matches: [{path: {value: /a}}], filters: [{type: URLRewrite, urlRewrite: {" REPLACE "}}]"),
	  NULL },
	{ "F.4",
	  RULE("matches: [{path: {type: Exact, value: /a}}], filters: [{type: URLRewrite, urlRewrite: {" REPLACE "}}]"),
	  "exactly one PathPrefix match must be specified" },
	{ "F.4",
	  RULE("matches: [{path: {value: /a}}, {path: {value: /b}}], filters: [{type: URLRewrite, urlRewrite: {" REPLACE
	       "}}]"),
	  "exactly one PathPrefix match must be specified" },
	{ "F.4",
	  RULE("matches: [{path: {value: /a}}, {path: {value: /b}}], backendRefs: [{name: a, port: 1, filters: [{type: URLRewrite, urlRewrite: {" REPLACE
	       "}}]}]"),
	  "exactly one PathPrefix match must be specified" },
	{ "F.4", MIRROR(", percent: 20"), NULL },
	{ "F.4", MIRROR(", fraction: {numerator: 1, denominator: 3}"), NULL },
	{ "F.4", MIRROR(", percent: 1, fraction: {numerator: 1}"), "Only one of percent or fraction" },
	{ "F.4", MIRROR(", percent: 101"), "percent: must be 0..100" },
	{ "F.4", MIRROR(", fraction: {numerator: 101}"), "numerator must be less than or equal to denominator" },
	{ "F.4", MIRROR(", fraction: {numerator: 1, denominator: 0}"), "denominator: must be 1.." },
	{ "F.4", FILTER("{type: RequestMirror, requestMirror: {backendRef: {name: m}}}"),
	  "Must have port for Service reference" },
	{ "F.4",
	  CORS("allowOrigins: ['https://*.example.com', 'http://a.b:8080'], allowMethods: [GET, PUT], allowHeaders: [x], exposeHeaders: [y], maxAge: 60, allowCredentials: true"),
	  NULL },
	{ "F.4", CORS("allowOrigins: ['*'], allowMethods: ['*'], allowHeaders: ['*']"), NULL },
	{ "F.4", CORS("allowOrigins: ['*', 'https://a.b']"),
	  "allowOrigins cannot contain '*' alongside other origins" },
	{ "F.4", CORS("allowMethods: ['*', GET]"), "allowMethods cannot contain '*' alongside other methods" },
	{ "F.4", CORS("allowHeaders: ['*', a]"), "allowHeaders cannot contain '*' alongside other headers" },
	{ "F.4", CORS("allowOrigins: [a.b]"), "\"a.b\" is not \"*\" or scheme://host[:port]" },
	{ "F.4", CORS("allowOrigins: ['https://a.b/path']"), "is not \"*\" or scheme://host[:port]" },
	{ "F.4", CORS("allowMethods: [GETS]"), "\"GETS\" is not a method" },
	{ "F.4", CORS("allowMethods: ['GET HEAD']"), "\"GET HEAD\" is not a method" },
	{ "F.4", CORS("allowHeaders: ['a b']"), "allowHeaders: \"a b\" is not a header name" },
	{ "F.4", CORS("maxAge: 0"), "maxAge: must be 1.." },
	{ "F.4", FILTER("{type: ExtensionRef, extensionRef: {group: g.io, kind: K, name: n}}"), NULL },
	{ "F.4", FILTER("{type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {name: a, port: 1}}}"), NULL },
	/* backends */
	{ "F.1", BACKEND("name: a, port: 80, weight: 0, namespace: other"), NULL },
	{ "F.1", BACKEND("name: a, port: 80, weight: 1000000"), NULL },
	{ "F.1", BACKEND("name: a, port: 80, weight: 1000001"), "weight: must be 0..1000000" },
	{ "F.1", BACKEND("name: a, port: 80, weight: -1"), "weight: must be 0..1000000" },
	{ "F.1", BACKEND("name: a"), "backendRefs[0].port: Must have port for Service reference" },
	{ "F.1", BACKEND("group: networking.istio.io, kind: Hostname, name: a.b"), NULL },
	{ "F.1", BACKEND("port: 80"), "backendRefs[0].name: is required" },
	{ "F.1", BACKEND("name: a, port: 80, namespace: A"), "\"A\" is not a namespace" },
	{ "F.1", BACKEND("name: a, port: 80, filters: [{type: CORS, cors: {}}, {type: CORS, cors: {}}]"),
	  "CORS filter cannot be repeated" },
	/* timeouts, retry, session persistence */
	{ "F.5", RULE("timeouts: {request: 1m30s, backendRequest: 100ms}"), NULL },
	{ "F.5", RULE("timeouts: {request: 0s, backendRequest: 10s}"), NULL },
	{ "F.5", RULE("timeouts: {request: 1s, backendRequest: 2s}"),
	  "backendRequest timeout cannot be longer than request timeout" },
	{ "F.5", RULE("timeouts: {request: 1.5s}"), "\"1.5s\" is not a duration" },
	{ "F.5", RULE("timeouts: {request: 123456s}"), "is not a duration" },
	{ "F.5", RULE("timeouts: {request: 1h1m1s1ms1ms}"), "is not a duration" },
	{ "F.5", RULE("timeouts: {request: 1d}"), "is not a duration" },
	{ "F.5", RULE("timeouts: {request: ''}"), "is not a duration" },
	{ "F.5", RULE("retry: {codes: [500, 503], attempts: 3, backoff: 100ms}"), NULL },
	{ "F.5", RULE("retry: {codes: [399]}"), "codes[0]: must be 400..599" },
	{ "F.5", RULE("retry: {codes: [600]}"), "must be 400..599" },
	{ "F.5", RULE("retry: {backoff: -1s}"), "is not a duration" },
	{ "F.5", RULE("sessionPersistence: {sessionName: \"s\\r\\nx: y\"}"), "is not a name of a cookie or header" },
	{ "F.5", RULE("sessionPersistence: {sessionName: s, type: Header, absoluteTimeout: 1h}"),
	  "warning: HTTPRoute" },
	{ "F.5", RULE("sessionPersistence: {cookieConfig: {lifetimeType: Permanent}}"),
	  "AbsoluteTimeout must be specified" },
	{ "F.5", RULE("sessionPersistence: {type: Header, cookieConfig: {}}"),
	  "cookieConfig can only be set with type Cookie" },
	{ "F.5", RULE("sessionPersistence: {type: Body}"), "must be Cookie or Header" },
};

/* ---- GRPCRoute, TLSRoute, TCPRoute ---- */

static const struct rule grpc_rules[] = {
	{ "F.8", MATCH("method: {service: a.B, method: Do}, headers: [{name: x, value: y}]"), NULL },
	{ "F.8", MATCH("method: {type: RegularExpression, service: 'a.*'}"), NULL },
	{ "F.8", MATCH("method: {}"), "One or both of 'service' or 'method' must be specified" },
	{ "F.8", MATCH("method: {service: a/b}"), "service must only contain valid characters" },
	{ "F.8", MATCH("method: {method: a.b}"), "method must only contain valid characters" },
	{ "F.8", MATCH("method: {service: 1a}"), "service must only contain valid characters" },
	{ "F.8", MATCH("path: {value: /}"), "unknown field" },
	{ "F.8", FILTER("{type: RequestRedirect}"),
	  "must be one of RequestHeaderModifier, ResponseHeaderModifier, RequestMirror, ExtensionRef" },
	{ "F.8", RULE("timeouts: {}"), "unknown field" },
	{ "F.8", BACKEND("name: a"), "Must have port for Service reference" },
};

static const struct rule tls_rules[] = {
	{ "F.8", "{hostnames: [a.b, '*.c.d'], rules: [{backendRefs: [{name: a, port: 1}]}]}", NULL },
	{ "F.8", "{rules: [{backendRefs: [{name: a, port: 1}]}]}", "hostnames: is required" },
	{ "F.8", "{hostnames: [10.0.0.1], rules: [{backendRefs: [{name: a, port: 1}]}]}", "is an address" },
	{ "F.8", "{hostnames: [a.b]}", "rules: is required" },
	{ "F.8", "{hostnames: [a.b], rules: [{backendRefs: []}]}", "backendRefs: is required" },
	{ "F.8",
	  "{hostnames: [a.b], rules: [{backendRefs: [{name: a, port: 1}]}, {backendRefs: [{name: a, port: 1}]}]}",
	  "at most 1" },
};

static const struct rule tcp_rules[] = {
	{ "F.8", "{parentRefs: [{name: g}], rules: [{name: r, backendRefs: [{name: a, port: 1, weight: 2}]}]}", NULL },
	{ "F.8", "{parentRefs: [{name: g}]}", "rules: is required" },
	{ "F.8", "{hostnames: [a.b], rules: [{backendRefs: [{name: a, port: 1}]}]}", "unknown field" },
	{ "F.8", "{rules: [{backendRefs: [{name: a}]}]}", "Must have port for Service reference" },
};

/* ---- ReferenceGrant, BackendTLSPolicy ---- */

#define GRANT(from, to) "{from: [{" from "}], to: [{" to "}]}"
#define FROM "group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: a"

static const struct rule grant_rules[] = {
	{ "F.3", GRANT(FROM, "group: '', kind: Service"), NULL },
	{ "F.3", GRANT(FROM, "group: '', kind: Service, name: s"), NULL },
	{ "F.3", "{from: [], to: [{kind: Service}]}", "from: is required" },
	{ "F.3", "{from: [{" FROM "}]}", "to: is required" },
	{ "F.3", GRANT("group: g, kind: K", "kind: Service"), "from[0].namespace: is required" },
	{ "F.3", GRANT(FROM, "name: s"), "to[0].kind: is required" },
	{ "F.3", GRANT("group: G_, kind: K, namespace: a", "kind: Service"), "\"G_\" is not an API group" },
	{ "F.3", GRANT(FROM, "kind: 1x"), "\"1x\" is not a kind" },
};

#define POLICY(refs, validation) "{targetRefs: [" refs "], validation: {" validation "}}"
#define TARGET(rest) "{group: '', kind: Service, name: s" rest "}"
#define VALID "hostname: a.b, wellKnownCACertificates: System"

static const struct rule policy_rules[] = {
	{ "F.1", POLICY(TARGET(""), VALID), NULL },
	{ "F.1",
	  POLICY(TARGET(""),
		 "hostname: a.b, caCertificateRefs: [{group: '', kind: ConfigMap, name: c}], subjectAltNames: [{type: URI, uri: 'spiffe://a'}]"),
	  NULL },
	{ "F.1", "{validation: {" VALID "}}", "targetRefs: is required" },
	{ "F.1", "{targetRefs: [" TARGET("") "]}", "validation: is required" },
	{ "F.1", POLICY(TARGET(""), "wellKnownCACertificates: System"), "hostname: is required" },
	{ "F.1", POLICY(TARGET(""), "hostname: a.b"),
	  "must specify either caCertificateRefs or wellKnownCACertificates" },
	{ "F.1", POLICY(TARGET(""), VALID ", caCertificateRefs: [{kind: ConfigMap, name: c}]"),
	  "must not contain both" },
	{ "F.1", POLICY(TARGET(""), "hostname: a.b, wellKnownCACertificates: Mine"), "must be System" },
	{ "F.1", POLICY(TARGET(""), "hostname: 10.0.0.1, wellKnownCACertificates: System"), "is an address" },
	{ "F.1", POLICY(TARGET(""), VALID ", subjectAltNames: [{type: Hostname}]"),
	  "must contain hostname if type is Hostname" },
	{ "F.1", POLICY(TARGET(""), VALID ", subjectAltNames: [{type: Hostname, hostname: a.b, uri: 'x:y'}]"),
	  "must not contain uri if type is Hostname" },
	{ "F.1", POLICY(TARGET(""), VALID ", subjectAltNames: [{type: IP}]"), "must be Hostname or URI" },
	{ "F.1", POLICY(TARGET("") ", " TARGET(""), VALID),
	  "sectionName must be specified when targetRefs includes 2 or more" },
	{ "F.1", POLICY(TARGET(", sectionName: a") ", " TARGET(", sectionName: a"), VALID),
	  "sectionName must be unique" },
	{ "F.1", POLICY(TARGET(", sectionName: a") ", " TARGET(", sectionName: b"), VALID), NULL },
};

/* An accepted document prints to one that says the same, and which prints to the same text. */
static void check_print(const char *api_version, const char *kind, const struct rule *rule)
{
	char *text = document_of(api_version, kind, rule->spec);
	struct hdl_buf first = { 0 }, second = { 0 };
	struct decoded given, again;

	decode_text(&given, text);
	if (given.resource) {
		hdl_resource_print(given.resource, HDL_EMIT_YAML, 0, &first);
		hdl_buf_add(&first, "", 1);
		decode_text(&again, first.p);
		if (!again.resource || !hdl_resource_equal(given.resource, again.resource))
			fail_msg("%s: %s: printed as\n%s", rule->section, rule->spec, first.p);
		hdl_resource_print(again.resource, HDL_EMIT_YAML, 0, &second);
		hdl_buf_add(&second, "", 1);
		assert_string_equal(first.p, second.p);
		decoded_done(&again);
	}
	hdl_buf_done(&first);
	hdl_buf_done(&second);
	decoded_done(&given);
	free(text);
}

static void check_kind(const char *api_version, const char *kind, const struct rule *rules, size_t n)
{
	check_rules(api_version, kind, rules, n);
	for (size_t i = 0; i < n; i++)
		check_print(api_version, kind, &rules[i]);
}

#define CHECK(version, kind, rules) check_kind("gateway.networking.k8s.io/" version, kind, rules, HDL_ARRAY_SIZE(rules))

static void test_gateway_class(void **state)
{
	(void)state;
	CHECK("v1", "GatewayClass", class_rules);
}

static void test_gateway(void **state)
{
	(void)state;
	CHECK("v1", "Gateway", gateway_rules);
}

static void test_http_route(void **state)
{
	(void)state;
	CHECK("v1", "HTTPRoute", http_rules);
}

static void test_other_routes(void **state)
{
	(void)state;
	CHECK("v1", "GRPCRoute", grpc_rules);
	CHECK("v1", "TLSRoute", tls_rules);
	CHECK("v1alpha2", "TCPRoute", tcp_rules);
	CHECK("v1alpha2", "UDPRoute", tcp_rules);
}

static void test_grant_and_policy(void **state)
{
	(void)state;
	CHECK("v1beta1", "ReferenceGrant", grant_rules);
	CHECK("v1", "BackendTLSPolicy", policy_rules);
}

/* ---- limits: one element more than allowed ---- */

static const struct {
	const char *kind, *before, *element, *after;
	size_t max;
	const char *said;
} limits[] = {
	{ "HTTPRoute", "{parentRefs: [", "{name: g%zu}", "]}", 32, "at most 32" },
	{ "HTTPRoute", "{hostnames: [", "h%zu.io", "]}", 16, "at most 16" },
	{ "HTTPRoute", "{rules: [", "{name: r%zu}", "]}", 16, "at most 16" },
	{ "HTTPRoute", "{rules: [{matches: [", "{path: {value: /%zu}}", "]}]}", 64, "at most 64" },
	{ "HTTPRoute", "{rules: [{backendRefs: [", "{name: b%zu, port: 1}", "]}]}", 16, "at most 16" },
	{ "HTTPRoute", "{rules: [{matches: [{headers: [", "{name: h%zu, value: v}", "]}]}]}", 16, "at most 16" },
	{ "HTTPRoute", "{rules: [{matches: [{queryParams: [", "{name: q%zu, value: v}", "]}]}]}", 16, "at most 16" },
	{ "HTTPRoute", "{rules: [{filters: [",
	  "{type: RequestMirror, requestMirror: {backendRef: {name: m%zu, port: 1}}}", "]}]}", 16, "at most 16" },
	{ "Gateway", "{gatewayClassName: c, listeners: [",
	  "{name: l%zu, port: 80, protocol: HTTP, hostname: h%1$zu.io}", "]}", 64, "at most 64" },
	{ "ReferenceGrant", "{from: [{" FROM "}], to: [", "{kind: Service, name: s%zu}", "]}", 16, "at most 16" },
};

static void check_limit(size_t row, size_t n)
{
	struct hdl_buf spec = { 0 };
	struct rule rule = { "F.1", NULL, n > limits[row].max ? limits[row].said : NULL };

	hdl_buf_adds(&spec, limits[row].before);
	for (size_t i = 0; i < n; i++) {
		char element[200];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(element, sizeof(element), limits[row].element, i);
#pragma GCC diagnostic pop
		hdl_buf_printf(&spec, "%s%s", i ? ", " : "", element);
	}
	hdl_buf_adds(&spec, limits[row].after);
	hdl_buf_add(&spec, "", 1);
	rule.spec = spec.p;
	check_rule(V1, limits[row].kind, &rule);
	hdl_buf_done(&spec);
}

static void test_limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(limits); i++) {
		check_limit(i, limits[i].max);
		check_limit(i, limits[i].max + 1);
	}
}

/* F.1: at most 128 matches over all rules; a rule without one has "/". */
static void test_matches_of_all_rules(void **state)
{
	(void)state;
	for (size_t extra = 0; extra < 3; extra++) {
		struct hdl_buf spec = { 0 };
		struct rule rule = { "F.1", NULL, extra ? "must be 128 or less" : NULL };

		hdl_buf_adds(&spec, "{rules: [");
		for (size_t r = 0; r < 3; r++) {
			hdl_buf_printf(&spec, "%s{matches: [", r ? ", " : "");
			for (size_t i = 0; i < (r < 2 ? 63 : extra == 1 ? 3 : 2); i++)
				hdl_buf_printf(&spec, "%s{path: {value: /%zu}}", i ? ", " : "", i);
			hdl_buf_adds(&spec, "]}");
		}
		hdl_buf_adds(&spec, extra == 2 ? ", {}]}" : "]}");
		hdl_buf_add(&spec, "", 1);
		rule.spec = spec.p;
		check_rule(V1, "HTTPRoute", &rule);
		hdl_buf_done(&spec);
	}
}

/* F.1: the value of a parameter has at most 1024 characters, that of a header 4096. */
static void test_value_lengths(void **state)
{
	static const struct {
		const char *list;
		int max;
	} rows[] = { { "queryParams", 1024 }, { "headers", 4096 } };

	(void)state;
	for (size_t i = 0; i < 2 * HDL_ARRAY_SIZE(rows); i++) {
		char spec[5000];
		struct rule rule = { "F.1", spec, i % 2 ? "characters, at most" : NULL };

		snprintf(spec, sizeof(spec), "{rules: [{matches: [{%s: [{name: a, value: %0*d}]}]}]}", rows[i / 2].list,
			 rows[i / 2].max + (int)(i % 2), 0);
		memset(strstr(spec, "value: ") + 7, 'v', (size_t)rows[i / 2].max);
		check_rule(V1, "HTTPRoute", &rule);
	}
}

/* ---- versions, kinds of one name, generation ---- */

static void test_versions(void **state)
{
	static const struct {
		const char *version, *kind, *spec;
		enum hdl_kind is;
	} rows[] = {
		{ "gateway.networking.k8s.io/v1beta1", "Gateway", GATEWAY(LISTENER(""), ""), HDL_KIND_KUBE_GATEWAY },
		{ "networking.istio.io/v1", "Gateway",
		  "{servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: ['*']}]}", HDL_KIND_GATEWAY },
		{ "gateway.networking.k8s.io/v1beta1", "HTTPRoute", "{}", HDL_KIND_HTTP_ROUTE },
		{ "gateway.networking.k8s.io/v1alpha2", "GRPCRoute", "{}", HDL_KIND_GRPC_ROUTE },
		{ "gateway.networking.k8s.io/v1alpha3", "TLSRoute",
		  "{hostnames: [a.b], rules: [{backendRefs: [{name: a, port: 1}]}]}", HDL_KIND_TLS_ROUTE },
		{ "gateway.networking.k8s.io/v1", "TCPRoute", "{rules: [{backendRefs: [{name: a, port: 1}]}]}",
		  HDL_KIND_TCP_ROUTE },
		{ "gateway.networking.k8s.io/v1alpha3", "BackendTLSPolicy", POLICY(TARGET(""), VALID),
		  HDL_KIND_BACKEND_TLS_POLICY },
	};
	struct rule refused = { "A.0", "{}", "version gateway.networking.k8s.io/v1alpha1 of HTTPRoute is not read" };

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(rows); i++) {
		char *text = document_of(rows[i].version, rows[i].kind, rows[i].spec);
		struct decoded d;

		decode_text(&d, text);
		if (!d.resource || d.resource->kind != rows[i].is)
			fail_msg("A.0: %s %s: %s", rows[i].version, rows[i].kind,
				 d.diags.n ? d.diags.at[0].message : "kind");
		decoded_done(&d);
		free(text);
	}
	check_rule("gateway.networking.k8s.io/v1alpha1", "HTTPRoute", &refused);
}

/* F.6: observedGeneration needs it. */
static void test_generation(void **state)
{
	struct decoded d;

	(void)state;
	decode_text(&d, "apiVersion: " V1 "\nkind: HTTPRoute\nmetadata: {name: n, generation: 7}\nspec: {}\n");
	assert_non_null(d.resource);
	assert_int_equal(d.resource->metadata->generation.value, 7);
	decoded_done(&d);
}

/* A slip in the name of a kind is refused with the kind that was meant; what nobody knows of the group too. */
static void test_kinds(void **state)
{
	struct rule slip = { "A.0", "{}", "has no kind HTTPRoutes; did you mean HTTPRoute?" };
	struct decoded d;

	(void)state;
	check_rule(V1, "HTTPRoutes", &slip);
	decode_text(&d, "apiVersion: " V1 "\nkind: ListenerSet\nmetadata: {name: n}\n");
	assert_int_equal(d.r, 1);
	assert_int_equal(d.diags.warnings, 1);
	decoded_done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gateway_class),
		cmocka_unit_test(test_gateway),
		cmocka_unit_test(test_http_route),
		cmocka_unit_test(test_other_routes),
		cmocka_unit_test(test_grant_and_policy),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_matches_of_all_rules),
		cmocka_unit_test(test_value_lengths),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_generation),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
