/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the fields and rules of Istio's Gateway: each row a specification, its section, and what is said about it. */
#include "unit/model/model.h"
#include "model/istio.h"

#define SERVER(port, rest) "{servers: [{port: {" port "}, " rest "}]}"
#define HTTP(rest) SERVER("number: 80, name: http, protocol: HTTP", rest)
#define HTTPS(rest) SERVER("number: 443, name: https, protocol: HTTPS", "hosts: [a], " rest)

static const struct rule rules[] = {
	{ "A.9", HTTP("hosts: ['*']"), NULL },
	{ "A.9",
	  "{selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: a, protocol: http}, hosts: [a]}]}",
	  NULL },
	{ "A.9", "{selector: {a: b}}", "spec.servers: is required" },
	{ "A.9", "{servers: []}", "spec.servers: is required" },
	{ "A.9", HTTP("name: x"), "servers[0].hosts: is required" },
	{ "A.9", HTTP("hosts: [ns/a.b, ./a, '*/*', '*.foo.com', 10.0.0.1]"), NULL },
	{ "A.9", HTTP("hosts: [a/b/c]"), "servers[0].hosts[0]: \"a/b/c\" is not a host name" },
	{ "A.9", HTTP("hosts: [a_b]"), "is not a host name or namespace/host name" },
	{ "A.9", HTTP("hosts: [A_/b]"), "is not a host name or namespace/host name" },
	{ "A.9", "{servers: [{hosts: [a]}]}", "servers[0].port: is required" },
	{ "A.9", SERVER("number: 80, protocol: HTTP", "hosts: [a]"), "port.name: is required" },
	{ "A.9", SERVER("name: a, protocol: HTTP", "hosts: [a]"), "port.number: is required" },
	{ "A.9", SERVER("name: a, number: 80", "hosts: [a]"), "port.protocol: is required" },
	{ "A.9", SERVER("name: a, number: 0, protocol: HTTP", "hosts: [a]"), "port.number: must be 1..65535" },
	{ "A.9", SERVER("name: a, number: 80, protocol: SPDY", "hosts: [a]"), "protocol: must be one of HTTP, HTTPS" },
	{ "A.9", SERVER("name: a, number: 80, protocol: HTTP, targetPort: 1", "hosts: [a]"),
	  "targetPort: must not be used" },
	{ "A.9",
	  "{servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: [a]}, {port: {number: 81, name: a, protocol: "
	  "HTTP}, hosts: [a]}]}",
	  "spec.servers: port name \"a\" is used twice" },
	{ "A.9", HTTP("hosts: [a], bind: 127.0.0.1"), NULL },
	{ "A.9", HTTP("hosts: [a], bind: localhost"), "bind: \"localhost\" is not an address" },
	{ "A.9", HTTP("hosts: [a], defaultEndpoint: x"),
	  "warning: Gateway ns/n: spec.servers[0].defaultEndpoint: is accepted" },
	{ "A.9", HTTP("hosts: [a], tls: {httpsRedirect: true}"),
	  "tls.httpsRedirect: is not supported by this version" },
	{ "A.9", HTTP("hosts: [a], tls: {httpsRedirect: false}"), NULL },
	{ "A.9", HTTP("hosts: [a], tls: {mode: SIMPLE, credentialName: a}"),
	  "protocol HTTP allows only httpsRedirect" },
	{ "A.9", SERVER("number: 1, name: a, protocol: TCP", "hosts: [a], tls: {mode: PASSTHROUGH}"),
	  "protocol TCP allows no tls" },
	{ "A.9", SERVER("number: 443, name: a, protocol: HTTPS", "hosts: [a]"), "tls: is required for protocol HTTPS" },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, credentialName: a}"), NULL },
	{ "A.9", HTTPS("tls: {mode: SIMPLE}"), "needs serverCertificate and privateKey, or credentialName" },
	{ "A.9", HTTPS("tls: {mode: MUTUAL, serverCertificate: a, privateKey: b}"),
	  "needs caCertificates to verify clients" },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, serverCertificate: a, privateKey: b, credentialName: c}"),
	  "has more than one of" },
	{ "A.9", HTTPS("tls: {mode: ISTIO_MUTUAL, credentialName: c}"), "ISTIO_MUTUAL excludes certificates" },
	{ "A.9", HTTPS("tls: {mode: SIMPLE, credentialName: c, caCrl: d}"), "caCrl: excludes" },
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
	{ "A.9", "{selector: {-a: b}, servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: [a]}]}",
	  "is not a label key" },
};

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
				 "{servers: [{port: {number: 80, name: a, protocol: grpc-Web}, hosts: [a]}]}");

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
