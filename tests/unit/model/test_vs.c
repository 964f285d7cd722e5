/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the fields and rules of VirtualService: each row a specification, its section, and what is said about it. */
#include "unit/model/model.h"
#include "model/istio.h"

#define DEST "route: [{destination: {host: reviews}}]"
#define HTTP(x) "{hosts: [reviews], http: [{" x "}]}"
#define MATCH(x) HTTP("match: [{" x "}], " DEST)
#define ROUTE(x) HTTP("route: [" x "]")
#define TOP(x) "{" x ", http: [{" DEST "}]}"

static const struct rule rules[] = {
	/* hosts and top level */
	{ "A.2", TOP("hosts: [reviews]"), NULL },
	{ "A.3", "{http: [{" DEST "}]}", NULL }, /* a delegate */
	{ "A.3", TOP("hosts: []"), NULL },
	{ "A.3", TOP("gateways: [mesh]"), "spec.gateways: must not be set without hosts" },
	{ "A.3", "{tcp: [{" DEST "}]}", "spec.tcp: must not be set without hosts" },
	{ "A.3", "{tls: [{match: [{sniHosts: [1.2.3.4]}], " DEST "}]}", "spec.tls: must not be set without hosts" },
	{ "A.3", "{http: [{delegate: {name: x}}]}",
	  "spec.http[0].delegate: a delegate (a VirtualService without hosts)" },
	{ "A.3", "{}", "spec: needs one of http, tls and tcp" },
	{ "A.3", TOP("hosts: reviews"), "spec.hosts: must be a list of strings, not a string" },
	{ "A.3", TOP("hosts: [null]"), "spec.hosts[0]: must not be null" },
	{ "A.3", TOP("hosts: [1]"), "spec.hosts[0]: must be a string, not a number (write \"1\")" },
	{ "A.3", TOP("hosts: ['*.foo.com', 'a.b.c.', 10.0.0.1, '2001:db8::1']"), NULL },
	{ "A.3", TOP("hosts: [a_b]"), "spec.hosts[0]: \"a_b\" is not a host name" },
	{ "A.3", TOP("hosts: [foo.123]"), "spec.hosts[0]: \"foo.123\" is not a host name" },
	{ "A.3", TOP("hosts: ['a.*.b']"), "is not a host name" },
	{ "A.3", TOP("hosts: ['*foo.com']"), NULL },
	{ "A.3", TOP("hosts: ['*']"),
	  "spec.hosts[0]: wildcard host * is not allowed for virtual services bound to the mesh" },
	{ "A.3", TOP("hosts: ['*'], gateways: [gw]"), NULL },
	{ "A.3", TOP("hosts: ['*'], gateways: [gw, mesh]"), "wildcard host * is not allowed" },
	{ "A.3", TOP("hosts: [a, b, a]"), "spec.hosts[2]: duplicate hosts in virtual service: a & a" },
	{ "A.3", TOP("hosts: ['*.foo.com', a.foo.com]"), "duplicate hosts in virtual service: *.foo.com & a.foo.com" },
	{ "A.1", TOP("hosts: ['*.foo.com', foo.com]"), NULL },
	{ "A.3", "{hosts: [a]}", "spec: needs one of http, tls and tcp" },
	{ "A.3", "{hosts: [a], http: []}", "needs one of http, tls and tcp" },
	{ "A.3", "{hosts: [a], http: [null]}", "spec.http[0]: must not be null" },
	{ "A.3", TOP("hosts: [a], gateways: [ns/gw, gw]"), NULL },
	{ "A.3", TOP("hosts: [a], gateways: [gw.ns.svc.cluster.local]"),
	  "warning: VirtualService ns/n: spec.gateways: " },
	{ "A.3", TOP("hosts: [a], gateways: [a/b/c]"), "spec.gateways: \"a/b/c\" is not mesh" },
	{ "A.3", TOP("hosts: [a], gateways: [/gw]"), "is not mesh, a gateway's name or namespace/name" },
	{ "A.3", TOP("hosts: [a], gateways: [ns/a.b]"), "is not mesh, a gateway's name or namespace/name" },
	{ "A.1", TOP("hosts: [a], exportTo: [.]"), NULL },
	{ "A.1", TOP("hosts: [a], exportTo: ['*']"), NULL },
	{ "A.1", TOP("hosts: [a], exportTo: [., other]"), NULL },
	{ "A.1", TOP("hosts: [a], exportTo: []"), NULL },
	{ "A.1", TOP("hosts: [a], exportTo: ['*', b]"), "spec.exportTo: \"*\" must stand alone" },
	{ "A.1", TOP("hosts: [a], exportTo: [., ns]"), "names \"ns\" twice" },
	{ "A.1", TOP("hosts: [a], exportTo: ['~']"), "is for ServiceEntry and Service only" },
	{ "A.1", TOP("hosts: [a], exportTo: [A_b]"), "is not \".\", \"*\" or a namespace" },
	{ "A.0", TOP("hosts: [a], htpp: []"), "spec.htpp: unknown field; did you mean http?" },
	{ "A.0", HTTP(DEST ", retry: {attempts: 1}"), "spec.http[0].retry: unknown field; did you mean retries?" },
	{ "A.0", TOP("hosts: [a], xyzzy: 1"), "spec.xyzzy: unknown field of VirtualService" },

	/* actions of an http route */
	{ "A.3", HTTP("name: x"), "spec.http[0].route: is required" },
	{ "A.3", HTTP("redirect: {uri: /x}, " DEST), "redirect: excludes route" },
	{ "A.3", HTTP("redirect: {uri: /x}, fault: {abort: {httpStatus: 500, percentage: {value: 1}}}"),
	  "excludes fault" },
	{ "A.3", HTTP("redirect: {uri: /x}, rewrite: {uri: /y}"), "excludes rewrite" },
	{ "A.3", HTTP("directResponse: {status: 200}, redirect: {uri: /x}"), "excludes redirect" },
	{ "A.3", HTTP("directResponse: {status: 200}, " DEST), "excludes route" },
	{ "A.3", HTTP("delegate: {name: x}, " DEST), "spec.http[0].delegate: excludes route and redirect" },
	{ "A.3", HTTP("delegate: {name: x}, redirect: {uri: /x}"), "delegate: excludes route and redirect" },
	{ "A.3", HTTP("delegate: {name: x, namespace: y}"), NULL },
	{ "A.3", HTTP("delegate: {name: x, timeout: 1s}"), "delegate.timeout: unknown field of Delegate" },
	{ "A.3", HTTP("delegate: {}"), "delegate.name: is required" },
	{ "A.3", HTTP("delegate: {name: a.b}"), "delegate.name: \"a.b\" is not a name of a delegate" },
	{ "A.3", HTTP("delegate: {name: a, namespace: a.b}"), "delegate.namespace: \"a.b\" is not a namespace" },
	{ "A.3", HTTP("directResponse: {status: 200}, fault: {abort: {httpStatus: 500, percentage: {value: 1}}}"),
	  "directResponse: excludes fault" },
	{ "A.3", HTTP("directResponse: {status: 200}, rewrite: {uri: /y}"), "directResponse: excludes rewrite" },

	/* header operations */
	{ "A.3",
	  HTTP("headers: {request: {set: {x-a: b, Host: h}, add: {x-c: 'a %REQ(x-b)% 100%%'}, remove: [x-d]}, "
	       "response: {set: {a: ''}, add: {b: '%HOSTNAME%'}, remove: [server]}}, " DEST),
	  NULL },
	{ "A.3", ROUTE("{destination: {host: a}, headers: {request: {set: {':authority': h}}}}"), NULL },
	{ "A.3", HTTP("headers: {request: {set: {a: null}}}, " DEST), "set[\"a\"]: must not be null" },
	{ "A.3", HTTP("headers: {request: {set: {a: [b]}}}, " DEST), "set[\"a\"]: must be a string, not a list" },
	{ "A.3", HTTP("headers: {request: {set: {'': b}}}, " DEST),
	  "headers.request.set: a header name must not be empty" },
	{ "A.3", HTTP("headers: {request: {add: {':path': b}}}, " DEST), "\":path\" must not begin with \":\"" },
	{ "A.3", HTTP("headers: {request: {remove: [':path']}}, " DEST), "\":path\" must not begin with \":\"" },
	{ "A.3", HTTP("headers: {request: {remove: [HOST]}}, " DEST),
	  "headers.request.remove: \"HOST\" can only be set or added in a request" },
	{ "A.3", HTTP("headers: {response: {set: {host: a}}}, " DEST), "can only be set or added in a request" },
	{ "A.3", HTTP("headers: {response: {add: {':authority': a}}}, " DEST),
	  "can only be set or added in a request" },
	{ "A.3", HTTP("headers: {response: {remove: [':status']}}, " DEST), "must not begin with \":\"" },
	{ "A.3", HTTP("headers: {response: {set: {'a b': c}}}, " DEST), "\"a b\" is not a header name" },
	{ "A.3", HTTP("headers: {request: {set: {a: 'abc%123'}}}, " DEST), "has a % that is neither" },
	{ "A.3", HTTP("headers: {request: {set: {a: '%'}}}, " DEST), "has a % that is neither" },
	{ "A.3", HTTP("headers: {request: {set: {a: '%START_TIME%%'}}}, " DEST), "has a % that is neither" },
	{ "A.3", HTTP("headers: {request: {set: {a: '%REQ(a%'}}}, " DEST), "arguments do not end" },
	{ "A.3", HTTP("headers: {request: {set: {a: '%REQ(a)x%'}}}, " DEST), "has a % that is neither" },
	{ "A.3", HTTP("headers: {request: {set: {a: '%UPSTREAM_METADATA([\"a\", \"b\\\"c\"])%'}}}, " DEST), NULL },
	{ "A.3", HTTP("headers: {request: {set: {a: '%UPSTREAM_METADATA([\"a\" \"b\"])%'}}}, " DEST),
	  "arguments do not end" },
	{ "A.3", HTTP("headers: {request: {set: {a: \"x\\ty\"}}}, " DEST), NULL },
	{ "A.3", HTTP("headers: {request: {set: {a: \"x\\ny\"}}}, " DEST), "has a control character" },
	{ "A.3", ROUTE("{destination: {host: a}, headers: {response: {add: {a: '%'}}}}"),
	  "spec.http[0].route[0].headers.response.add: the value" },
	{ "A.3", HTTP("rewrite: {authority: a}, headers: {request: {set: {':authority': b}}}, " DEST),
	  "headers: Host is set more than once" },
	{ "A.3", HTTP("headers: {request: {set: {host: a}, add: {Host: b}}}, " DEST), "Host is set more than once" },
	{ "A.3", ROUTE("{destination: {host: a}, headers: {request: {set: {host: a, ':authority': b}}}}"),
	  "route[0].headers: Host is set more than once" },
	{ "A.3",
	  HTTP("rewrite: {authority: a}, route: [{destination: {host: a}, headers: {request: {set: {host: b}}}}]"),
	  NULL },

	/* redirect */
	{ "A.3", HTTP("redirect: {uri: /x, authority: a, port: 8080, scheme: https, redirectCode: 308}"), NULL },
	{ "A.2", HTTP("redirect: {authority: a, derivePort: FROM_REQUEST_PORT}"), NULL },
	{ "A.3", HTTP("redirect: {redirectCode: 0, uri: /}"), NULL },
	{ "A.3", HTTP("redirect: {redirectCode: 200, uri: /}"), "redirectCode: must be 300..399, not 200" },
	{ "A.3", HTTP("redirect: {redirectCode: 400, uri: /}"), "redirectCode: must be 300..399, not 400" },
	{ "A.2", HTTP("redirect: {redirectCode: 304, uri: /}"),
	  "warning: VirtualService ns/n: spec.http[0].redirect.redirectCode: 304 is no redirect" },
	{ "A.2", HTTP("redirect: {redirectCode: 300, uri: /}"), "warning: VirtualService ns/n: spec.http[0].redirect" },
	{ "A.3", HTTP("redirect: {redirectCode: 301}"), "needs one of uri, prefixRewrite" },
	{ "A.3", HTTP("redirect: {uri: '', authority: ''}"), "needs one of uri, prefixRewrite" },
	{ "A.3", HTTP("redirect: {uri: /, prefixRewrite: /}"), "has both uri and prefixRewrite" },
	{ "A.3", HTTP("match: [{uri: {prefix: /a}}, {uri: {prefix: /b}}], redirect: {prefixRewrite: /c}"), NULL },
	{ "A.3", HTTP("redirect: {prefixRewrite: /c}"), "redirect.prefixRewrite: needs a match, and a prefix of uri" },
	{ "A.3", HTTP("match: [{uri: {prefix: /a}}, {uri: {exact: /b}}], redirect: {prefixRewrite: /c}"),
	  "redirect.prefixRewrite: needs a match, and a prefix of uri in every match" },
	{ "A.3", HTTP("match: [{method: {exact: GET}}], redirect: {prefixRewrite: /c}"),
	  "prefixRewrite: needs a match" },
	{ "A.3", HTTP("redirect: {scheme: ftp}"), "scheme: must be http or https" },
	{ "A.3", HTTP("redirect: {port: 0}"), "port: must be 1..65535, not 0" },
	{ "A.2", HTTP("redirect: {derivePort: FROM_PORT}"), "must be one of FROM_PROTOCOL_DEFAULT, FROM_REQUEST_PORT" },
	{ "A.2", HTTP("redirect: {port: 80, derivePort: FROM_REQUEST_PORT}"), "has both port and derivePort" },
	{ "A.2", HTTP("redirect: {urri: /x}"), "spec.http[0].redirect.urri: unknown field; did you mean uri?" },

	/* rewrite */
	{ "A.3", HTTP("rewrite: {uri: /, authority: a}, " DEST), NULL },
	{ "A.3", HTTP("rewrite: {uriRegexRewrite: {match: /a(.*), rewrite: '/b\\1'}}, " DEST), NULL },
	{ "A.3", HTTP("rewrite: {}, " DEST), "needs one of uri, authority and uriRegexRewrite" },
	{ "A.3", HTTP("rewrite: {uri: ''}, " DEST), "needs one of uri, authority and uriRegexRewrite" },
	{ "A.3", HTTP("rewrite: {uri: /, uriRegexRewrite: {match: a, rewrite: b}}, " DEST),
	  "has both uri and uriRegexRewrite" },
	{ "A.3", HTTP("rewrite: {uriRegexRewrite: {match: a}}, " DEST), "uriRegexRewrite.rewrite: is required" },
	{ "A.3", HTTP("rewrite: {uriRegexRewrite: {rewrite: a}}, " DEST), "uriRegexRewrite.match: is required" },
	{ "A.3", HTTP("rewrite: {uriRegexRewrite: {match: a, rewrite: ''}}, " DEST), "rewrite: must not be empty" },
	{ "A.3", HTTP("rewrite: {uriRegexRewrite: {match: '', rewrite: b}}, " DEST), "match: must not be empty" },

	/* fixed answers */
	{ "A.3", HTTP("directResponse: {status: 503, body: {string: unknown error}}"), NULL },
	{ "A.3", HTTP("directResponse: {status: 600, body: {bytes: AAD/}}"), NULL },
	{ "A.3", HTTP("directResponse: {}"), "directResponse.status: is required" },
	{ "A.3", HTTP("directResponse: {status: 99}"), "status: must be 200..600, not 99" },
	{ "A.3", HTTP("directResponse: {status: 601}"), "status: must be 200..600, not 601" },
	{ "A.2", HTTP("directResponse: {status: 200, body: {string: a, bytes: YQ==}}"), "has both string and bytes" },
	{ "A.2", HTTP("directResponse: {status: 200, body: {bytes: a}}"), "body.bytes: is not base64" },

	/* CORS */
	{ "A.3",
	  HTTP("corsPolicy: {allowOrigins: [{exact: 'https://a'}, {prefix: 'https://b'}, {regex: '.*'}], "
	       "allowMethods: [GET, '*'], allowHeaders: [x-a, '*'], exposeHeaders: [x-b], maxAge: 24h, "
	       "allowCredentials: true, unmatchedPreflights: IGNORE}, " DEST),
	  NULL },
	{ "A.2", HTTP("corsPolicy: {allowOrigin: ['*']}, " DEST),
	  "warning: VirtualService ns/n: spec.http[0].corsPolicy.allowOrigin: is deprecated" },
	{ "A.3", HTTP("corsPolicy: {allowOrigins: [{exact: ''}]}, " DEST),
	  "allowOrigins: an origin needs an exact, prefix or regex that is not empty" },
	{ "A.3", HTTP("corsPolicy: {allowOrigins: [{prefix: ''}]}, " DEST), "an origin needs an exact" },
	{ "A.3", HTTP("corsPolicy: {allowOrigins: [{}]}, " DEST), "an origin needs an exact" },
	{ "A.3", HTTP("corsPolicy: {allowOrigins: [{regex: ''}]}, " DEST), "regex: must not be empty" },
	{ "A.3", HTTP("corsPolicy: {allowMethods: [get]}, " DEST), "allowMethods: \"get\" is not a method" },
	{ "A.3", HTTP("corsPolicy: {allowMethods: [FETCH]}, " DEST), "allowMethods: \"FETCH\" is not a method" },
	{ "A.3", HTTP("corsPolicy: {allowHeaders: ['a b']}, " DEST), "allowHeaders: \"a b\" is not a header name" },
	{ "A.3", HTTP("corsPolicy: {exposeHeaders: ['']}, " DEST), "exposeHeaders: \"\" is not a header name" },
	{ "A.3", HTTP("corsPolicy: {maxAge: 1.5s}, " DEST), "maxAge: must be a whole number of seconds, not 1.5s" },
	{ "A.3", HTTP("corsPolicy: {maxAge: 0s}, " DEST), "maxAge: must be at least 1ms, not 0s" },
	{ "A.2", HTTP("corsPolicy: {unmatchedPreflights: DROP}, " DEST),
	  "must be one of UNSPECIFIED, FORWARD, IGNORE" },

	/* destinations and weights */
	{ "A.3", ROUTE("{weight: 1}"), "spec.http[0].route[0].destination: is required" },
	{ "A.3", ROUTE("{destination: {subset: v1}}"), "destination.host: is required" },
	{ "A.3", ROUTE("{destination: {host: '*'}}"), "\"*\" is not a destination" },
	{ "A.3", ROUTE("{destination: {host: a b}}"), "\"a b\" is not a host name" },
	{ "A.3", ROUTE("{destination: {host: a, subset: v_1}}"), "\"v_1\" is not a subset name" },
	{ "A.3", ROUTE("{destination: {host: a, port: {number: 0}}}"), "port.number: must be 1..65535, not 0" },
	{ "A.3", ROUTE("{destination: {host: a, port: {number: 65536}}}"), "must be 1..65535, not 65536" },
	{ "A.3", ROUTE("{destination: {host: a, port: {}}}"), "port.number: is required" },
	{ "A.3", ROUTE("{destination: {host: a, port: 80}}"), "port: must be a map, not a number" },
	{ "A.3", ROUTE("{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 3}"), NULL },
	{ "A.3", ROUTE("{destination: {host: a}, weight: 200}, {destination: {host: b}, weight: 100}"), NULL },
	{ "A.3", ROUTE("{destination: {host: a}, weight: -1}"), "weight: must be 0..2147483647, not -1" },
	{ "A.3", ROUTE("{destination: {host: a}, weight: '1'}"),
	  "must be a whole number, not a string (remove the quotes)" },
	{ "A.3", ROUTE("{destination: {host: a}, weight: 1.5}"), "must be a whole number, not 1.5" },
	{ "A.3", ROUTE("{destination: {host: a}, weight: 010}"), "must be written as a decimal or 0x number" },
	{ "A.3", ROUTE("{destination: {host: a}, weight: 99999999999999999999}"), "must be 0..2147483647" },
	{ "A.3", ROUTE("{destination: {host: a}, weight: 0}"), NULL },
	{ "A.3", ROUTE("{destination: {host: a}}, {destination: {host: b}}"), "total destination weight = 0" },
	{ "A.3", ROUTE("{destination: {host: a}, weight: 0}, {destination: {host: b}, weight: 0}"),
	  "spec.http[0].route: total destination weight = 0" },

	/* matches */
	{ "A.2",
	  MATCH("uri: {prefix: /a}, method: {exact: GET}, headers: {x: {regex: a+}}, queryParams: {q: {exact: ''}}"),
	  NULL },
	{ "A.3", MATCH("uri: {exact: a, prefix: b}"), "match[0].uri: has more than one of exact, prefix and regex" },
	{ "A.3", MATCH("uri: {regex: ''}"), "uri.regex: must not be empty" },
	{ "B.2", MATCH("uri: {prefix: ''}"), NULL },
	{ "B.2", MATCH("headers: {x: {}}"), NULL },
	{ "A.3", MATCH("headers: {x: null}"), "headers[\"x\"]: must not be null; {} asks for presence" },
	{ "A.3", MATCH("headers: {x: abc}"), "headers[\"x\"]: must be a map, not a string" },
	{ "A.3", MATCH("headers: {x: {exact: true}}"), "must be a string, not a boolean (write \"true\")" },
	{ "A.3", MATCH("headers: {'x y': {exact: a}}"), "\"x y\" is not a header name" },
	{ "A.3", MATCH("headers: {'@request.auth.claims.sub': {exact: a}}"),
	  "spec.http[0].match[0].headers: \"@request.auth.claims.sub\": claims of a JWT can be matched at gateways only" },
	{ "A.3", MATCH("withoutHeaders: {'@request.auth.claims[a]': {exact: a}}"),
	  "claims of a JWT can be matched at" },
	{ "A.3",
	  "{hosts: [a], gateways: [gw], http: [{match: [{headers: {'@request.auth.claims.sub': {exact: a}}}], " DEST
	  "}]}",
	  "warning: VirtualService ns/n: spec.http[0].match[0].headers: \"@request.auth.claims.sub\": no JWT is read" },
	{ "A.3",
	  "{hosts: [a], gateways: [gw, mesh], http: [{match: [{headers: {'@request.auth.claims.sub': {exact: a}}}], " DEST
	  "}]}",
	  "claims of a JWT can be matched at gateways only" },
	{ "A.3", MATCH("headers: {x: {prefix: ''}}"), "headers: prefix must not be empty" },
	{ "A.3", MATCH("withoutHeaders: {x: {prefix: ''}}"), "withoutHeaders: prefix must not be empty" },
	{ "A.3", MATCH("withoutHeaders: {x: {regex: '*'}}"), NULL },
	{ "A.3", MATCH("queryParams: {x: {prefix: ''}}"), "queryParams: prefix must not be empty" },
	{ "A.3", MATCH("method: {prefix: ''}"), "method: prefix must not be empty" },
	{ "A.2", MATCH("uri: {}"), "warning: VirtualService ns/n: spec.http[0].match[0].uri: has no exact" },
	{ "A.3", MATCH("port: 0"), "port: must be 1..65535, not 0" },
	{ "A.3", MATCH("port: 70000"), "port: must be 1..65535, not 70000" },
	{ "A.3", MATCH("sourceNamespace: A_"), "\"A_\" is not a namespace" },
	{ "A.3", MATCH("sourceLabels: {app: x, a/b: ''}"), NULL },
	{ "A.3", MATCH("sourceLabels: {-a: x}"), "\"-a\" is not a label key" },
	{ "A.3", MATCH("sourceLabels: {a: 'x y'}"), "\"x y\" is not a label value" },
	{ "A.2", MATCH("statPrefix: x"), NULL },
	{ "A.3", MATCH("port: 1, gateways: [ns/gw, mesh], sourceNamespace: a"), NULL },
	{ "A.3", MATCH("gateways: [a/b/c]"), "match[0].gateways: \"a/b/c\" is not mesh" },
	{ "A.2", MATCH("ignoreUriCase: maybe"), "must be true or false, not a string" },
	{ "A.2", MATCH("uri: {prefx: x}"), "uri.prefx: unknown field; did you mean prefix?" },

	/* timeouts, retries */
	{ "A.0", HTTP("timeout: 0.25s, " DEST), NULL },
	{ "A.0", HTTP("timeout: 1h2m3.5s, " DEST), NULL },
	{ "A.3", HTTP("timeout: 0s, " DEST), "spec.http[0].timeout: must be at least 1ms, not 0s" },
	{ "A.3", HTTP("timeout: 1.5ms, " DEST), "must be a whole number of milliseconds, not 1.5ms" },
	{ "A.3", HTTP("timeout: 5, " DEST), "must be a duration such as 1.5s or 100ms, not a number" },
	{ "A.3", HTTP("timeout: -1s, " DEST), "must be at least 1ms, not -1s" },
	{ "A.3", HTTP("timeout: fast, " DEST), "\"fast\" is not a duration" },
	{ "A.2",
	  HTTP("retries: {attempts: 3, perTryTimeout: 2s, retryOn: 'gateway-error,503,reset', backoff: 10ms, "
	       "retryIgnorePreviousHosts: false}, " DEST),
	  NULL },
	{ "B.9", HTTP("retries: {attempts: 0}, " DEST), NULL },
	{ "B.9", HTTP("retries: {}, " DEST), NULL },
	{ "A.3", HTTP("retries: {attempts: -1}, " DEST), "attempts: must be 0..2147483647, not -1" },
	{ "A.3", HTTP("retries: {attempts: 0, perTryTimeout: 1s}, " DEST),
	  "retries.attempts: 0 (or none) switches retries off" },
	{ "A.3", HTTP("retries: {retryOn: 5xx}, " DEST), "0 (or none) switches retries off" },
	{ "A.3", HTTP("retries: {attempts: 1, retryOn: '5xx, reset'}, " DEST), "\" reset\" is not a retry condition" },
	{ "A.3", HTTP("retries: {attempts: 1, retryOn: 'foo'}, " DEST), "\"foo\" is not a retry condition" },
	{ "A.3", HTTP("retries: {attempts: 1, retryOn: '5xx,'}, " DEST), "\"\" is not a retry condition" },
	{ "A.3", HTTP("retries: {attempts: 1, retryOn: '299'}, " DEST), "\"299\" is not a retry condition" },
	{ "A.3", HTTP("retries: {attempts: 1, retryOn: '418,429,511'}, " DEST), NULL },
	{ "A.3", HTTP("retries: {attempts: 1, perTryTimeout: 0s}, " DEST), "perTryTimeout: must be at least 1ms" },
	{ "A.2", HTTP("retries: {attempts: 1, retryRemoteLocalities: true}, " DEST), NULL },
	{ "A.3", HTTP("retries: {attempts: 0, retryRemoteLocalities: true}, " DEST), "switches retries off" },
	{ "A.3", HTTP("retries: {attempts: 1, backoff: 0.5ms}, " DEST), "backoff: must be at least 1ms" },

	/* faults */
	{ "A.2",
	  HTTP("fault: {delay: {percentage: {value: 50.0}, fixedDelay: 3s}, abort: {percentage: {value: 10}, "
	       "httpStatus: 503}}, " DEST),
	  NULL },
	{ "A.3", HTTP("fault: {}, " DEST), "fault: needs a delay or an abort" },
	{ "A.3", HTTP("fault: {delay: {percentage: {value: 1}}}, " DEST), "delay.fixedDelay: is required" },
	{ "A.3", HTTP("fault: {delay: {percentage: {value: 0.00001}, fixedDelay: 1s}}, " DEST),
	  "must be 0 or 0.0001..100" },
	{ "A.3", HTTP("fault: {delay: {percentage: {value: 0}, fixedDelay: 1s}}, " DEST), NULL },
	{ "A.3", HTTP("fault: {delay: {percentage: {value: 101}, fixedDelay: 1s}}, " DEST),
	  "value: must be 0..100, not 101" },
	{ "A.3", HTTP("fault: {delay: {percentage: {value: '5'}, fixedDelay: 1s}}, " DEST),
	  "must be a number, not a string" },
	{ "A.3", HTTP("fault: {delay: {percentage: 5, fixedDelay: 1s}}, " DEST),
	  "percentage: must be a map, not a number" },
	{ "A.3", HTTP("fault: {delay: {percent: 101, fixedDelay: 1s}}, " DEST), "percent: must be 0..100" },
	{ "A.2", HTTP("fault: {delay: {percent: 5, fixedDelay: 1s}}, " DEST),
	  "warning: VirtualService ns/n: spec.http[0].fault.delay.percent: is deprecated" },
	{ "A.2", HTTP("fault: {delay: {fixedDelay: 1s}}, " DEST),
	  "warning: VirtualService ns/n: spec.http[0].fault.delay: has no percentage" },
	{ "A.3", HTTP("fault: {delay: {exponentialDelay: 1s}}, " DEST),
	  "exponentialDelay: is not supported by this version, so the document is refused" },
	{ "A.3", HTTP("fault: {abort: {percentage: {value: 1}, httpStatus: 199}}, " DEST),
	  "httpStatus: must be 200..600, not 199" },
	{ "A.3", HTTP("fault: {abort: {percentage: {value: 1}, httpStatus: 600}}, " DEST), NULL },
	{ "A.2", HTTP("fault: {abort: {percent: 1, httpStatus: 500}}, " DEST), "fault.abort.percent: unknown field" },
	{ "A.3", HTTP("fault: {abort: {percentage: {value: 1}, http2Error: x}}, " DEST),
	  "http2Error: is not supported by this version, so the document is refused" },
	{ "A.3", HTTP("fault: {abort: {percentage: {value: 1}, grpcStatus: UNAVAILABLE}}, " DEST), NULL },
	{ "A.3", HTTP("fault: {abort: {percentage: {value: 1}, grpcStatus: DOWN}}, " DEST),
	  "grpcStatus: \"DOWN\" is not the name of a gRPC status" },
	{ "A.3", HTTP("fault: {abort: {percentage: {value: 1}, grpcStatus: OK, httpStatus: 500}}, " DEST),
	  "has more than one of httpStatus, grpcStatus and http2Error" },
	{ "A.3", HTTP("fault: {delay: {percentage: {value: 1}, fixedDelay: 0s}}, " DEST),
	  "fixedDelay: must be at least 1ms" },
	{ "A.3", HTTP("fault: {abort: {percentage: {value: 1}}}, " DEST),
	  "warning: VirtualService ns/n: spec.http[0].fault.abort: has no httpStatus" },

	/* mirrors */
	{ "A.2", HTTP("mirror: {host: a}, mirrorPercentage: {value: 20}, " DEST), NULL },
	{ "A.2", HTTP("mirrors: [{destination: {host: a}, percentage: {value: 1}}, {destination: {host: b}}], " DEST),
	  NULL },
	{ "A.3", HTTP("mirror: {host: a}, mirrors: [{destination: {host: a}}], " DEST), "mirror: excludes mirrors" },
	{ "A.3", HTTP("mirrors: [{percentage: {value: 1}}], " DEST), "mirrors[0].destination: is required" },
	{ "A.3", HTTP("mirror: {host: a}, mirrorPercentage: {value: 101}, " DEST),
	  "mirrorPercentage.value: must be 0..100" },
	{ "A.3", HTTP("mirror: {host: a}, mirrorPercent: 101, " DEST), "mirrorPercent: must be 0..100" },
	{ "A.3", HTTP("mirror: {host: a}, mirrorPercent: 5, " DEST),
	  "warning: VirtualService ns/n: spec.http[0].mirrorPercent: is deprecated" },
	{ "A.2", HTTP("mirror: {host: a}, mirror_percent: 5, " DEST),
	  "warning: VirtualService ns/n: spec.http[0].mirror_percent: is deprecated" },
	{ "A.2", HTTP("mirror: {host: a}, mirror_percent: 5, mirrorPercent: 6, " DEST), "is given twice" },
	{ "A.2", HTTP("mirrorPercentage: {value: 5}, " DEST),
	  "warning: VirtualService ns/n: spec.http[0].mirrorPercentage: has no effect" },
	{ "A.0", HTTP("mirror: {host: a}, mirrorPercentaeg: {value: 5}, " DEST),
	  "spec.http[0].mirrorPercentaeg: unknown field; did you mean mirrorPercentage?" },

	/* tcp and tls */
	{ "A.2",
	  "{hosts: [db], tcp: [{match: [{port: 6379}], route: [{destination: {host: db, subset: v1}, weight: 80}, "
	  "{destination: {host: db, subset: v2}, weight: 20}]}]}",
	  NULL },
	{ "A.3", "{hosts: [db], tcp: [{match: [{port: 6379}]}]}", "spec.tcp[0].route: is required" },
	{ "A.3", "{hosts: [db], tcp: [{route: [{destination: {host: a}}, {destination: {host: b}}]}]}",
	  "total destination weight = 0" },
	{ "A.2", "{hosts: [db], tcp: [{route: [{destination: {host: a}, headers: {}}]}]}",
	  "unknown field of RouteDestination" },
#define TCP(x) "{hosts: [db], tcp: [{match: [{" x "}], " DEST "}]}"
#define TLS(x) "{hosts: [db, '*.example.com'], tls: [{match: [{" x "}], " DEST "}]}"
	{ "A.3",
	  TCP("destinationSubnets: [10.0.0.0/8, 10.1.1.1, 2001:db8::/32], port: 1, sourceLabels: {a: b}, "
	      "gateways: [gw], sourceNamespace: x, sourceSubnet: 10.0.0.0/8"),
	  NULL },
	{ "A.3", TCP("destinationSubnets: [10.0.0.0/33]"),
	  "destinationSubnets: \"10.0.0.0/33\" is not an address or address/bits" },
	{ "A.3", TCP("destinationSubnets: [db]"), "\"db\" is not an address or address/bits" },
	{ "A.3", TCP("port: 70000"), "port: must be 1..65535" },
	{ "A.3", TCP("sourceLabels: {-a: b}"), "sourceLabels: \"-a\" is not a label key" },
	{ "A.3", TCP("gateways: [a/b/c]"), "gateways: \"a/b/c\" is not mesh" },
	{ "A.3", TCP("sourceNamespace: A_"), "\"A_\" is not a namespace" },
	{ "A.3", "{hosts: [db], tcp: [{match: [null], " DEST "}]}", "match[0]: must not be null" },
	{ "A.3", TLS("sniHosts: [db, a.example.com, '*.b.example.com'], destinationSubnets: [10.0.0.0/8], port: 443"),
	  NULL },
	{ "A.3", TLS("sniHosts: [other.org]"),
	  "spec.tls[0].match[0].sniHosts: \"other.org\" is not within any of the hosts" },
	{ "A.3", TLS("sniHosts: [example.com]"), "\"example.com\" is not within any of the hosts" },
	{ "A.3", TLS("sniHosts: ['*.com']"), "\"*.com\" is not within any of the hosts" },
	{ "A.3", TLS("sniHosts: ['a b']"), "\"a b\" is not a host name" },
	{ "A.3", TLS("sniHosts: [10.0.0.1]"),
	  "warning: VirtualService ns/n: spec.tls[0].match[0].sniHosts: \"10.0.0.1\"" },
	{ "A.3", TLS("port: 1"), "sniHosts: is required" },
	{ "A.3", TLS("sniHosts: []"), "sniHosts: is required" },
	{ "A.3", TLS("sniHosts: [db], destinationSubnets: [x]"), "is not an address or address/bits" },
#define SUBSET "outbound_.80_.v1_.reviews.default.svc.cluster.local"
	{ "A.8", "{hosts: [" SUBSET "], gateways: [gw], tls: [{match: [{sniHosts: [" SUBSET "]}], " DEST "}]}", NULL },
	{ "A.8", "{hosts: [" SUBSET "], tls: [{match: [{sniHosts: [" SUBSET "]}], " DEST "}]}",
	  "spec.hosts[0]: \"" SUBSET "\" is not a host name" },
	{ "A.8", "{hosts: ['*'], gateways: [gw], tls: [{match: [{sniHosts: ['outbound_.80_.a b']}], " DEST "}]}",
	  "sniHosts: \"outbound_.80_.a b\" is not a host name" },
	{ "A.3", "{hosts: [db], tls: [{" DEST "}]}", "spec.tls[0].match: is required" },
	{ "A.3", "{hosts: [db], tls: [{match: [{sniHosts: [db]}]}]}", "spec.tls[0].route: is required" },
	{ "A.2", TOP("hosts: [db], tls: []"), NULL },
};

/* rules: every row of the table, in all three API versions */
static void rule_table(void **state)
{
	(void)state;
	check_rules("networking.istio.io/v1", "VirtualService", rules, HDL_ARRAY_SIZE(rules));
	check_rules("networking.istio.io/v1beta1", "VirtualService", rules, 1);
	check_rules("networking.istio.io/v1alpha3", "VirtualService", rules, 1);
}

/* a regex may have 1024 characters (A.3) */
static void regex_length(void **state)
{
	char regex[1026], spec[1400];

	(void)state;
	for (size_t n = 1024; n <= 1025; n++) {
		struct rule rule = { "A.3", spec, n > 1024 ? "uri.regex: is longer than 1024 characters" : NULL };

		memset(regex, 'a', n);
		regex[n] = '\0';
		snprintf(spec, sizeof(spec), MATCH("uri: {regex: '%s'}"), regex);
		check_rule("networking.istio.io/v1", "VirtualService", &rule);
	}
}

/* a body may have 1 MB, and more than 100 kB is worth a warning (A.3) */
static void body_size(void **state)
{
	static const struct {
		size_t n;
		const char *said;
	} rows[] = {
		{ 102400, NULL },
		{ 102401, "warning: VirtualService ns/n: spec.http[0].directResponse.body: is larger than 100 kB" },
		{ 1048576, "warning: VirtualService ns/n: spec.http[0].directResponse.body: is larger than 100 kB" },
		{ 1048577, "directResponse.body: is larger than 1 MB (1048577 bytes" },
	};
	char *spec = malloc(1048577 + 200);

	(void)state;
	assert_non_null(spec);
	for (size_t i = 0; i < HDL_ARRAY_SIZE(rows); i++) {
		struct rule rule = { "A.3", spec, rows[i].said };
		int n = snprintf(spec, 200, "{hosts: [a], http: [{directResponse: {status: 200, body: {string: '");

		memset(spec + n, 'a', rows[i].n);
		snprintf(spec + (size_t)n + rows[i].n, 100, "'}}}]}");
		check_rule("networking.istio.io/v1", "VirtualService", &rule);
	}
	free(spec);
}

/* what is derived: bytes of a body, number of a gRPC status */
static void derived(void **state)
{
	const struct hdl_virtual_service *vs;
	struct decoded decoded;

	(void)state;
	decode_text(&decoded, "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: n}, spec: "
			      "{hosts: [a], http: [{directResponse: {status: 200, body: {bytes: AAD/}}}, "
			      "{directResponse: {status: 200, body: {string: abc}}}, {directResponse: {status: 204}}, "
			      "{fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 1}}}, " DEST "}]}}");
	vs = decoded.resource ? decoded.resource->virtual_service : NULL;
	if (vs) { /* fixed answers may be refused by a version that cannot give them */
		assert_int_equal(vs->http.at[0].direct_response->body->data_n, 3);
		assert_memory_equal(vs->http.at[0].direct_response->body->data, "\0\0\xff", 3);
		assert_int_equal(vs->http.at[1].direct_response->body->data_n, 3);
		assert_memory_equal(vs->http.at[1].direct_response->body->data, "abc", 3);
		assert_null(vs->http.at[2].direct_response->body);
		assert_int_equal(vs->http.at[3].fault->abort->grpc_code, 14);
	}
	decoded_done(&decoded);
}

/* always-reject and internal annotations (A.3) */
static void annotations(void **state)
{
	static const char *const row[][2] = {
		{ "istio.io/always-reject: ''", "asks for refusal" },
		{ "internal.istio.io/parents: x", "internal to Istio" },
		{ "istio.io/dry-run: 'true'", "for AuthorizationPolicy only" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		struct decoded decoded;
		char text[400], *said;

		snprintf(text, sizeof(text),
			 "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: n, annotations: "
			 "{%s}}, spec: " TOP("hosts: [a]") "}",
			 row[i][0]);
		decode_text(&decoded, text);
		said = print_diags(&decoded.diags);
		assert_int_equal(decoded.r, -EINVAL);
		assert_non_null(strstr(said, row[i][1]));
		free(said);
		decoded_done(&decoded);
	}
}

static const char full[] = "apiVersion: networking.istio.io/v1beta1\n"
			   "kind: VirtualService\n"
			   "metadata:\n"
			   "  name: reviews\n"
			   "  namespace: demo\n"
			   "  labels: {a: b}\n"
			   "spec:\n"
			   "  hosts: [reviews, reviews.example.com]\n"
			   "  gateways: [mesh, gw]\n"
			   "  http:\n"
			   "  - name: first\n"
			   "    match:\n"
			   "    - uri: {prefix: /admin}\n"
			   "      headers:\n"
			   "        x-role: {exact: admin}\n"
			   "        x-any: {}\n"
			   "      withoutHeaders:\n"
			   "        x-no: {regex: '*'}\n"
			   "      queryParams: {q: {regex: a+}}\n"
			   "      port: 9080\n"
			   "      ignoreUriCase: true\n"
			   "    - method: {exact: GET}\n"
			   "      uri: {}\n"
			   "    timeout: 2.5s\n"
			   "    retries: {attempts: 3, perTryTimeout: 250ms, retryOn: 5xx}\n"
			   "    fault: {abort: {httpStatus: 503, percentage: {value: 12.5}}}\n"
			   "    mirror: {host: copy, port: {number: 81}}\n"
			   "    mirrorPercentage: {value: 20}\n"
			   "    route:\n"
			   "    - destination: {host: reviews, subset: v1}\n"
			   "      weight: 90\n"
			   "    - destination: {host: reviews, subset: v2, port: {number: 9081}}\n"
			   "      weight: 10\n";

/* every value of a document is where the translator looks for it */
static void values(void **state)
{
	struct decoded decoded;
	const struct hdl_virtual_service *vs;
	const struct hdl_vs_http *http;

	(void)state;
	decode_text(&decoded, full);
	assert_int_equal(decoded.r, 0);
	assert_string_equal(decoded.resource->ns, "demo");
	assert_string_equal(decoded.resource->name, "reviews");
	assert_string_equal(decoded.resource->api_version, "networking.istio.io/v1beta1");
	assert_string_equal(hdl_kvs_get(&decoded.resource->labels, "a"), "b");
	assert_null(hdl_kvs_get(&decoded.resource->labels, "c"));
	vs = decoded.resource->virtual_service;
	assert_int_equal(vs->hosts.n, 2);
	assert_string_equal(vs->hosts.at[1].s, "reviews.example.com");
	assert_int_equal(vs->gateways.n, 2);
	assert_int_equal(vs->http.n, 1);
	http = &vs->http.at[0];
	assert_int_equal(http->pos.line, 11);
	assert_string_equal(http->name.s, "first");
	assert_int_equal(http->match.n, 2);
	assert_int_equal(hdl_string_match_kind(http->match.at[0].uri), HDL_MATCH_PREFIX);
	assert_string_equal(hdl_string_match_value(http->match.at[0].uri), "/admin");
	assert_int_equal(http->match.at[0].headers.n, 2);
	assert_string_equal(http->match.at[0].headers.at[0].key, "x-role");
	assert_int_equal(hdl_string_match_kind(&http->match.at[0].headers.at[0].match), HDL_MATCH_EXACT);
	assert_int_equal(hdl_string_match_kind(&http->match.at[0].headers.at[1].match), HDL_MATCH_PRESENT);
	assert_int_equal(hdl_string_match_kind(&http->match.at[0].without_headers.at[0].match), HDL_MATCH_PRESENT);
	assert_int_equal(hdl_string_match_kind(&http->match.at[0].query_params.at[0].match), HDL_MATCH_REGEX);
	assert_int_equal(http->match.at[0].port.value, 9080);
	assert_true(http->match.at[0].ignore_uri_case.value);
	assert_null(http->match.at[1].uri);
	assert_int_equal(http->timeout.ns, 2500000000);
	assert_int_equal(http->retries->attempts.value, 3);
	assert_int_equal(http->retries->per_try_timeout.ns, 250000000);
	assert_false(http->retries->backoff.has);
	assert_false(http->retries->retry_ignore_previous_hosts.has);
	assert_true(http->fault->abort->percentage->value.value == 12.5);
	assert_null(http->fault->delay);
	assert_string_equal(http->mirror->host.s, "copy");
	assert_int_equal(http->mirror->port->number.value, 81);
	assert_true(http->mirror_percentage->value.value == 20);
	assert_int_equal(http->route.n, 2);
	assert_int_equal(http->route.at[0].weight.value, 90);
	assert_string_equal(http->route.at[1].destination->subset.s, "v2");
	assert_int_equal(http->route.at[1].destination->port->number.value, 9081);
	assert_null(http->route.at[0].destination->port);
	decoded_done(&decoded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_table), cmocka_unit_test(regex_length), cmocka_unit_test(body_size),
		cmocka_unit_test(derived),    cmocka_unit_test(annotations),  cmocka_unit_test(values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
