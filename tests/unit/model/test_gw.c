/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the fields and rules of Istio's Gateway: each row a specification, its section, and what is said about it. */
#include "unit/model/model.h"
#include "model/istio.h"

#define SERVER(port, rest) "{servers: [{port: {" port "}, " rest "}]}"
#define HTTP(rest) SERVER("number: 80, name: http, protocol: HTTP", rest)
#define HTTPS(rest) SERVER("number: 443, name: https, protocol: HTTPS", "hosts: [a.b], " rest)

static const struct rule rules[] = {
	{ "A.9", HTTP("hosts: ['*']"), NULL },
	{ "A.9",
	  "{selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: a, protocol: http}, hosts: [a.b]}]}",
	  NULL },
	{ "A.9", "{selector: {a: b}}", "spec.servers: is required" },
	{ "A.9", "{servers: []}", "spec.servers: is required" },
	{ "A.9", HTTP("name: x"), "servers[0].hosts: is required" },
	{ "A.9", HTTP("hosts: [ns/a.b, ./a.b, '*/*', '*.foo.com', 10.0.0.1]"), NULL },
	{ "A.9", HTTP("hosts: [a/b/c]"), "servers[0].hosts[0]: \"a/b/c\": it is not a host name" },
	{ "A.9", HTTP("hosts: [short]"), "servers[0].hosts[0]: \"short\": a short name is not allowed" },
	{ "A.9", HTTP("hosts: [ns/short]"), "\"ns/short\": a short name is not allowed" },
	{ "A.9", HTTP("hosts: ['*foo.com']"), "\"*foo.com\": only \"*\" and \"*.domain\" are wildcards" },
	{ "A.9", HTTP("hosts: ['~/*']"), "\"~/*\": the namespace must be a name" },
	{ "A.9", HTTP("hosts: [/a.b]"), "\"/a.b\": the namespace must be a name" },
	{ "A.9", HTTP("hosts: ['2001:db8::1']"), NULL },
	{ "A.9", HTTP("hosts: [a_b]"), "it is not a host name or namespace/host name" },
	{ "A.9", HTTP("hosts: [A_/b.c]"), "the namespace must be a name" },
	{ "A.9", "{servers: [{hosts: [a.b]}]}", "servers[0].port: is required" },
	{ "A.9", SERVER("number: 80, protocol: HTTP", "hosts: [a.b]"), "port.name: is required" },
	{ "A.9", SERVER("name: a, protocol: HTTP", "hosts: [a.b]"), "port.number: must be 1..65535" },
	{ "A.9", SERVER("name: a, number: 70000, protocol: HTTP", "hosts: [a.b]"), "number: must be 0..65535" },
	{ "A.9", SERVER("name: a, number: 80, protocol: UDP", "hosts: [a.b]"), "protocol: must be one of HTTP, HTTPS" },
	{ "A.9", SERVER("name: a, number: 80, protocol: ''", "hosts: [a.b]"), "protocol: must be one of HTTP, HTTPS" },
	{ "A.9", SERVER("name: '', number: 80, protocol: TCP", "hosts: [a.b]"), "name: must not be empty" },
	{ "A.9", SERVER("name: a, number: 80, protocol: MySQL", "hosts: [a.b]"), NULL },
	{ "A.9", SERVER("name: a, number: 80, protocol: HTTP, targetPort: 0", "hosts: [a.b]"), NULL },
	{ "A.9", SERVER("name: a, number: 80", "hosts: [a.b]"), "port.protocol: is required" },
	{ "A.9", SERVER("name: a, number: 0, protocol: HTTP", "hosts: [a.b]"), "port.number: must be 1..65535" },
	{ "A.9", SERVER("name: a, number: 80, protocol: SPDY", "hosts: [a.b]"),
	  "protocol: must be one of HTTP, HTTPS" },
	{ "A.9", SERVER("name: a, number: 80, protocol: HTTP, targetPort: 1", "hosts: [a.b]"),
	  "targetPort: must not be used" },
	{ "A.9",
	  "{servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: [a.b]}, {port: {number: 81, name: a, protocol: "
	  "HTTP}, hosts: [a.b]}]}",
	  "spec.servers: port name \"a\" is used twice" },
	{ "A.9", HTTP("hosts: [a.b], bind: 127.0.0.1"), NULL },
	{ "A.9", HTTP("hosts: [a.b], bind: localhost"), "bind: \"localhost\" is not an address" },
	{ "A.9", SERVER("name: a, protocol: HTTP", "hosts: [a.b], bind: 'unix:///run/x'"), NULL },
	{ "A.9", SERVER("name: a, protocol: HTTP, number: 80", "hosts: [a.b], bind: 'unix:///run/x'"),
	  "port.number: must be 0 for a Unix socket" },
	{ "A.9", SERVER("name: a, protocol: HTTP", "hosts: [a.b], bind: 'unix://x'"), "needs an absolute path" },
	{ "A.9", HTTP("hosts: [a.b], defaultEndpoint: x"), NULL },
	{ "A.9", HTTP("hosts: [a.b], tls: {httpsRedirect: true}"), NULL },
	{ "A.9", HTTP("hosts: [a.b], tls: {httpsRedirect: true, mode: PASSTHROUGH}"), NULL },
	{ "A.9", SERVER("number: 1, name: a, protocol: GRPC", "hosts: [a.b], tls: {httpsRedirect: true}"), NULL },
	{ "A.9", SERVER("number: 1, name: a, protocol: HTTP2", "hosts: [a.b], tls: {mode: SIMPLE}"),
	  "serverCertificate: is required by SIMPLE" },
	{ "A.9", SERVER("number: 1, name: a, protocol: HTTP2", "hosts: [a.b], tls: {mode: SIMPLE, credentialName: a}"),
	  "protocol HTTP2 allows only httpsRedirect" },
	{ "A.9", HTTP("hosts: [a.b], tls: {httpsRedirect: false}"), NULL },
	{ "A.9", HTTP("hosts: [a.b], tls: {mode: SIMPLE, credentialName: a}"),
	  "protocol HTTP allows only httpsRedirect" },
	{ "A.9", SERVER("number: 1, name: a, protocol: TCP", "hosts: [a.b], tls: {mode: PASSTHROUGH}"),
	  "protocol TCP allows no tls" },
	{ "A.9", SERVER("number: 443, name: a, protocol: HTTPS", "hosts: [a.b]"),
	  "tls: is required for protocol HTTPS" },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, credentialName: a}"), NULL },
	{ "A.9", HTTPS("tls: {mode: SIMPLE}"), "tls.serverCertificate: is required by SIMPLE, or credentialName" },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, serverCertificate: a}"), "tls.privateKey: is required by SIMPLE" },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, serverCertificate: a, privateKey: b}"), NULL },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, tlsCertificates: [{serverCertificate: a, privateKey: b}]}"), NULL },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, tlsCertificates: [{serverCertificate: a}]}"),
	  "tlsCertificates: an entry needs serverCertificate and privateKey" },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, credentialNames: [a, b]}"), NULL },
	{ "A.9", HTTPS("tls: {mode: MUTUAL, serverCertificate: a, privateKey: b, caCertificates: c, caCrl: d}"), NULL },
	{ "A.9", HTTPS("tls: {mode: OPTIONAL_MUTUAL, credentialName: a}"), NULL },
	{ "A.9", HTTPS("tls: {mode: MUTUAL, serverCertificate: a, privateKey: b, caCertCredentialName: c}"), NULL },
	{ "A.9", HTTPS("tls: {mode: OPTIONAL_MUTUAL, serverCertificate: a, privateKey: b}"),
	  "tls.caCertificates: is required by OPTIONAL_MUTUAL" },
	{ "A.9", HTTPS("tls: {mode: MUTUAL, caCertificates: c}"), "serverCertificate: is required by MUTUAL" },
	{ "A.9", HTTPS("tls: {mode: ISTIO_MUTUAL}"), NULL },
	{ "A.9", HTTPS("tls: {mode: ISTIO_MUTUAL, caCertificates: c}"), "ISTIO_MUTUAL excludes certificates" },
	{ "A.9", HTTPS("tls: {mode: PASSTHROUGH}"), NULL },
	{ "A.9", HTTPS("tls: {mode: AUTO_PASSTHROUGH, credentialName: c}"),
	  "warning: Gateway ns/n: spec.servers[0].tls: certificates have no effect in mode AUTO_PASSTHROUGH" },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, serverCertificate: a, privateKey: b, caCrl: d}"),
	  "caCrl: excludes mode SIMPLE" },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, credentialName: c, cipherSuites: [ECDHE-RSA-AES128-GCM-SHA256, '-ALL']}"),
	  NULL },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, credentialName: c, cipherSuites: [ROT13]}"),
	  "warning: Gateway ns/n: spec.servers[0].tls.cipherSuites: \"ROT13\" is not a cipher" },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, credentialName: c, cipherSuites: [AES128-SHA, AES128-SHA]}"),
	  "warning: Gateway ns/n: spec.servers[0].tls.cipherSuites: names \"AES128-SHA\" twice" },
	{ "A.9", HTTPS("tls: {mode: MUTUAL, serverCertificate: a, privateKey: b}"),
	  "tls.caCertificates: is required by MUTUAL, to verify clients" },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, serverCertificate: a, privateKey: b, credentialName: c}"),
	  "has more than one of" },
	{ "A.9", HTTPS("tls: {mode: ISTIO_MUTUAL, credentialName: c}"), "ISTIO_MUTUAL excludes certificates" },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, credentialName: c, caCrl: d}"), "caCrl: excludes credentialName" },
	{ "A.9",
	  HTTPS("tls: {mode: SIMPLE, credentialName: c, minProtocolVersion: TLSV1_3, maxProtocolVersion: TLSV1_2}"),
	  "is below minProtocolVersion" },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, credentialName: c, minProtocolVersion: TLSV1_0}"),
	  "warning: Gateway ns/n: spec.servers[0].tls.minProtocolVersion" },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, credentialNames: [a, b, c]}"), "has 3 elements, at most 2 are allowed" },
	{ "A.9", HTTPS("tls: {mode: PASSTHROUGH, caCertificates: c}"),
	  "warning: Gateway ns/n: spec.servers[0].tls: certificates have no effect" },
	{ "A.9", HTTPS("tls: {mode: PASSTHROUGH, httpsRedirect: true}"),
	  "warning: Gateway ns/n: spec.servers[0].tls.httpsRedirect: acts on" },
	{ "A.9", HTTPS("tls: {credentialname: c}"), "tls.credentialname: unknown field; did you mean credentialName?" },
	{ "A.9", "{selector: {-a: b}, servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: [a.b]}]}",
	  "is not a label key" },
};

/* the name has no dots, so that VirtualServices can refer to it */
static void name(void **state)
{
	struct decoded decoded;

	(void)state;
	decode_text(&decoded,
		    "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: a.b}, spec: {servers: "
		    "[{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}}");
	assert_int_equal(decoded.r, -EINVAL);
	assert_non_null(strstr(decoded.diags.at[0].message, "must have no dots"));
	decoded_done(&decoded);
}

static void rule_table(void **state)
{
	(void)state;
	check_rules("networking.istio.io/v1", "Gateway", rules, HDL_ARRAY_SIZE(rules));
}

/* the protocol is decoded, letters of either case */
static void protocol(void **state)
{
	struct decoded decoded;
	char *text = document_of("networking.istio.io/v1", "Gateway",
				 "{servers: [{port: {number: 80, name: a, protocol: grpc-Web}, hosts: [a.b]}]}");

	(void)state;
	decode_text(&decoded, text);
	assert_int_equal(decoded.r, 0);
	assert_int_equal(decoded.resource->gateway->servers.at[0].port->protocol_value, HDL_GW_GRPC_WEB);
	decoded_done(&decoded);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_table),
		cmocka_unit_test(protocol),
		cmocka_unit_test(name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
