/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of Istio's Sidecar. */
#include "model/check.h"

#include <stdio.h>
#include <string.h>
#include "base/addr.h"
#include "base/str.h"
#include "model/names.h"
#include "model/sidecar.h"

#define UNIX "unix://"

static bool is_unix(const struct hdl_text *text)
{
	return text->s && !strncmp(text->s, UNIX, strlen(UNIX));
}

void hdl_check_sidecar_selector(struct hdl_decode *d, void *object)
{
	const struct hdl_sidecar_selector *selector = object;

	hdl_check_selector_labels(d, selector->pos, &selector->labels, "labels");
}

void hdl_check_sidecar_port(struct hdl_decode *d, void *object)
{
	struct hdl_sidecar_port *port = object;

	if (port->name.s && *port->name.s && !hdl_name_is_label(port->name.s))
		hdl_decode_error(d, port->name.pos, "name",
				 "\"%.60s\" is not a port name: letters, digits and '-', at most 63", port->name.s);
	if (port->target_port.value)
		hdl_decode_error(d, port->target_port.pos, "targetPort", "must not be used");
	port->protocol_value = hdl_check_protocol(d, &port->protocol, "protocol");
}

void hdl_check_outbound_policy(struct hdl_decode *d, void *object)
{
	const struct hdl_outbound_policy *policy = object;

	if (!policy->egress_proxy || !hdl_decode_clean(d))
		return;
	if (policy->mode.value != HDL_OUTBOUND_ALLOW_ANY)
		hdl_decode_error(d, policy->egress_proxy->pos, "egressProxy", "needs mode ALLOW_ANY");
	if (!policy->egress_proxy->port)
		hdl_decode_error(d, policy->egress_proxy->pos, "egressProxy.port", "is required");
}

/* ---- ingress ---- */

/* Where an application listens: its own loopback, or all addresses. */
static bool is_default_endpoint(const char *s)
{
	static const char *const hosts[] = { "127.0.0.1", "0.0.0.0", "[::1]", "[::]", "" };
	const char *colon = strrchr(s, ':');
	uint64_t port;

	if (!colon || hdl_str_u64(hdl_str_of(colon + 1), 65535, &port) < 0 || port == 0)
		return false;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (strlen(hosts[i]) == (size_t)(colon - s) && !memcmp(hosts[i], s, (size_t)(colon - s)))
			return true;
	return false;
}

static void check_ingress_tls(struct hdl_decode *d, const struct hdl_gw_tls *tls)
{
	if (tls->subject_alt_names.n)
		hdl_decode_error(d, tls->pos, "tls.subjectAltNames", "is not possible in a Sidecar");
	if (tls->https_redirect.value)
		hdl_decode_error(d, tls->https_redirect.pos, "tls.httpsRedirect", "is not possible in a Sidecar");
	if (tls->credential_name.s && *tls->credential_name.s)
		hdl_decode_error(d, tls->credential_name.pos, "tls.credentialName", "is not possible in a Sidecar");
	if (tls->mode.value == HDL_GW_TLS_ISTIO_MUTUAL || tls->mode.value == HDL_GW_TLS_AUTO_PASSTHROUGH)
		hdl_decode_error(d, tls->mode.pos, "tls.mode",
				 "ISTIO_MUTUAL and AUTO_PASSTHROUGH are not possible in a Sidecar");
}

static bool is_http(enum hdl_gw_protocol protocol)
{
	return protocol == HDL_GW_HTTP || protocol == HDL_GW_HTTP2 || protocol == HDL_GW_GRPC ||
	       protocol == HDL_GW_GRPC_WEB;
}

void hdl_check_sidecar_ingress(struct hdl_decode *d, void *object)
{
	const struct hdl_sidecar_ingress *ingress = object;
	const struct hdl_text *end = &ingress->default_endpoint;

	if (ingress->port && !ingress->port->number.value && hdl_decode_clean(d))
		hdl_decode_error(d, ingress->port->pos, "port.number", "must be 1..65535");
	if (is_unix(&ingress->bind))
		hdl_decode_error(d, ingress->bind.pos, "bind", "\"%.100s\" is not an address", ingress->bind.s);
	else
		hdl_check_bind(d, &ingress->bind, "bind");
	if (is_unix(end))
		hdl_check_bind(d, end, "defaultEndpoint");
	else if (end->s && *end->s && !is_default_endpoint(end->s))
		hdl_decode_error(d, end->pos, "defaultEndpoint",
				 "\"%.60s\" must be 127.0.0.1:port, 0.0.0.0:port, [::1]:port, [::]:port or "
				 "unix:///path",
				 end->s);
	if (ingress->tls)
		check_ingress_tls(d, ingress->tls);
	if (ingress->connection_pool && ingress->connection_pool->http && ingress->port &&
	    !is_http(ingress->port->protocol_value))
		hdl_decode_warning(d, ingress->connection_pool->http->pos, "connectionPool.http",
				   "has no effect: the protocol of the port is not HTTP");
}

/* ---- egress ---- */

static void check_egress_host(struct hdl_decode *d, const struct hdl_text *text)
{
	const char *slash = strchr(text->s, '/'), *host = slash ? slash + 1 : text->s;
	char ns[64];

	if (!slash || slash == text->s || !*host) {
		hdl_decode_error(d, text->pos, "hosts", "\"%.100s\" must be namespace/name", text->s);
		return;
	}
	if ((size_t)(slash - text->s) >= sizeof(ns)) {
		hdl_decode_error(d, text->pos, "hosts", "\"%.100s\": the namespace is longer than 63", text->s);
		return;
	}
	snprintf(ns, sizeof(ns), "%.*s", (int)(slash - text->s), text->s);
	if (strcmp(ns, "*") && strcmp(ns, ".") && strcmp(ns, "~") && !hdl_name_is_label(ns))
		hdl_decode_error(d, text->pos, "hosts",
				 "\"%.100s\": the namespace must be a name, \"*\", \".\" or \"~\"", text->s);
	if (strcmp(host, "*") && !strchr(host, '.'))
		hdl_decode_error(d, text->pos, "hosts",
				 "\"%.100s\": a short name is not allowed; write name.namespace.svc.cluster.local",
				 text->s);
	else if (!hdl_name_is_host(host, true))
		hdl_decode_error(d, text->pos, "hosts", "\"%.100s\": \"%.100s\" is not a host name", text->s, host);
	else if (*host == '*' && host[1] && host[1] != '.')
		hdl_decode_error(d, text->pos, "hosts", "\"%.100s\": only \"*\" and \"*.domain\" are wildcards",
				 text->s);
}

/* In one namespace: the same name, or a name beside "*". */
static bool is_twice(const char *own, const char *a, const char *b)
{
	const char *x = strchr(a, '/'), *y = strchr(b, '/');
	size_t a_n = (size_t)(x - a), b_n = (size_t)(y - b);

	if (!strncmp(a, "./", 2)) {
		a = own;
		a_n = strlen(own);
	}
	if (!strncmp(b, "./", 2)) {
		b = own;
		b_n = strlen(own);
	}
	return a_n == b_n && !memcmp(a, b, a_n) && (!strcmp(x, y) || !strcmp(x, "/*") || !strcmp(y, "/*"));
}

/* Bounded, because it compares all with all and is advice only. */
#define COMPARED_HOSTS 100

static void warn_twice(struct hdl_decode *d, const struct hdl_texts *hosts)
{
	const char *own = hdl_check_own_namespace(d);
	bool all = false, other = false;
	size_t n = hosts->n < COMPARED_HOSTS ? hosts->n : COMPARED_HOSTS;

	for (size_t i = 0; i < n; i++) {
		const struct hdl_text *host = &hosts->at[i];

		*(!strcmp(host->s, "*/*") ? &all : &other) = true;
		for (size_t j = 0; j < i; j++)
			if (is_twice(own, host->s, hosts->at[j].s)) {
				hdl_decode_warning(d, host->pos, "hosts", "\"%.100s\" is already covered by \"%.100s\"",
						   host->s, hosts->at[j].s);
				break;
			}
	}
	if (all && other)
		hdl_decode_warning(d, hosts->at[0].pos, "hosts", "\"*/*\" is everything, so the others have no effect");
}

static void check_egress_port(struct hdl_decode *d, const struct hdl_sidecar_egress *egress)
{
	bool file = is_unix(&egress->bind);

	if (egress->port->number.value) {
		if (file)
			hdl_decode_error(d, egress->bind.pos, "bind", "\"%.100s\" is not an address", egress->bind.s);
		return;
	}
	if (!file)
		hdl_decode_error(d, egress->port->pos, "port.number", "must be 1..65535, or 0 with bind: unix:///path");
	if (egress->capture_mode.value == HDL_CAPTURE_IPTABLES)
		hdl_decode_error(d, egress->capture_mode.pos, "captureMode",
				 "must be DEFAULT or NONE for a Unix socket");
}

void hdl_check_sidecar_egress(struct hdl_decode *d, void *object)
{
	const struct hdl_sidecar_egress *egress = object;

	for (size_t i = 0; i < egress->hosts.n; i++)
		if (egress->hosts.at[i].s)
			check_egress_host(d, &egress->hosts.at[i]);
	hdl_check_bind(d, &egress->bind, "bind");
	if (egress->port && hdl_decode_clean(d))
		check_egress_port(d, egress);
	if (hdl_decode_clean(d))
		warn_twice(d, &egress->hosts);
}

/* ---- the whole ---- */

static void check_ingress_twice(struct hdl_decode *d, const struct hdl_sidecar *sidecar)
{
	for (size_t i = 0; i < sidecar->ingress.n; i++)
		for (size_t j = 0; j < i; j++)
			if (sidecar->ingress.at[i].port->number.value == sidecar->ingress.at[j].port->number.value) {
				hdl_decode_error(d, sidecar->ingress.at[i].port->pos, "ingress",
						 "port %lld is used twice, first at line %u",
						 (long long)sidecar->ingress.at[i].port->number.value,
						 sidecar->ingress.at[j].port->pos.line);
				break;
			}
}

static bool same_listener(const struct hdl_sidecar_egress *a, const struct hdl_sidecar_egress *b)
{
	return a->port && b->port && a->port->number.value == b->port->number.value &&
	       (a->port->number.value || !strcmp(a->bind.s, b->bind.s));
}

static void check_egress_list(struct hdl_decode *d, const struct hdl_sidecar *sidecar)
{
	for (size_t i = 0; i < sidecar->egress.n; i++) {
		const struct hdl_sidecar_egress *egress = &sidecar->egress.at[i];

		if (!egress->port && i + 1 < sidecar->egress.n)
			hdl_decode_error(d, egress->pos, "egress", "only the last entry may be without port");
		for (size_t j = 0; j < i; j++)
			if (same_listener(egress, &sidecar->egress.at[j])) {
				hdl_decode_error(d, egress->pos, "egress",
						 "the same port or socket is used twice, first at line %u",
						 sidecar->egress.at[j].pos.line);
				break;
			}
	}
}

void hdl_check_sidecar(struct hdl_decode *d, void *object)
{
	const struct hdl_sidecar *sidecar = object;

	hdl_check_annotations(d);
	if (!hdl_decode_clean(d))
		return;
	if (!sidecar->egress.n && !sidecar->ingress.n && !sidecar->outbound_traffic_policy &&
	    !sidecar->inbound_connection_pool)
		hdl_decode_error(d, sidecar->pos, NULL,
				 "needs one of egress, ingress, outboundTrafficPolicy and inboundConnectionPool");
	check_ingress_twice(d, sidecar);
	check_egress_list(d, sidecar);
}
