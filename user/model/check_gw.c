/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of Istio's Gateway (specification A.9). */
#include "model/check.h"

#include <stdio.h>
#include <string.h>
#include "base/str.h"
#include "model/names.h"

static const char *const protocols[] = {
	[HDL_GW_HTTP] = "HTTP",   [HDL_GW_HTTPS] = "HTTPS", [HDL_GW_GRPC] = "GRPC", [HDL_GW_GRPC_WEB] = "GRPC-WEB",
	[HDL_GW_HTTP2] = "HTTP2", [HDL_GW_MONGO] = "MONGO", [HDL_GW_TCP] = "TCP",   [HDL_GW_TLS] = "TLS",
	[HDL_GW_MYSQL] = "MYSQL", [HDL_GW_REDIS] = "REDIS",
};

void hdl_check_gw_port(struct hdl_decode *d, void *object)
{
	struct hdl_gw_port *port = object;

	port->protocol_value = hdl_check_protocol(d, &port->protocol, "protocol");
	if (port->protocol_value == HDL_GW_UDP || (port->protocol.s && !*port->protocol.s))
		hdl_decode_error(d, port->protocol.pos, "protocol",
				 "must be one of HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP, TLS, not \"%.60s\"",
				 port->protocol.s);
	if (port->name.s && !*port->name.s)
		hdl_decode_error(d, port->name.pos, "name", "must not be empty");
	if (port->target_port.has)
		hdl_decode_error(d, port->target_port.pos, "targetPort", "must not be used");
}

static bool file_or_secret(const struct hdl_gw_tls *tls)
{
	return (tls->server_certificate.s && tls->private_key.s) || tls->credential_name.s || tls->credential_names.n ||
	       tls->tls_certificates.n;
}

static void check_certificates(struct hdl_decode *d, const struct hdl_gw_tls *tls, enum hdl_gw_tls_mode mode)
{
	bool own = tls->server_certificate.s || tls->private_key.s;
	bool verify = mode == HDL_GW_TLS_MUTUAL || mode == HDL_GW_TLS_OPTIONAL_MUTUAL;

	if (own + !!tls->credential_name.s + (tls->credential_names.n > 0) + (tls->tls_certificates.n > 0) > 1)
		hdl_decode_error(
			d, tls->pos, NULL,
			"has more than one of serverCertificate with privateKey, credentialName, credentialNames "
			"and tlsCertificates");
	if ((mode == HDL_GW_TLS_SIMPLE || verify) && !file_or_secret(tls))
		hdl_decode_error(d, tls->pos, NULL, "needs serverCertificate and privateKey, or credentialName");
	if (verify && !tls->ca_certificates.s && !tls->ca_cert_credential_name.s && !tls->credential_name.s &&
	    !tls->credential_names.n)
		hdl_decode_error(d, tls->pos, NULL, "needs caCertificates to verify clients");
	if (mode == HDL_GW_TLS_ISTIO_MUTUAL && (own || tls->ca_certificates.s || tls->credential_name.s))
		hdl_decode_error(d, tls->pos, NULL, "ISTIO_MUTUAL excludes certificates");
	if (tls->ca_crl.s && (mode == HDL_GW_TLS_SIMPLE || tls->credential_name.s))
		hdl_decode_error(d, tls->ca_crl.pos, "caCrl", "excludes mode SIMPLE and credentialName");
	if ((mode == HDL_GW_TLS_PASSTHROUGH || mode == HDL_GW_TLS_AUTO_PASSTHROUGH) && (own || tls->ca_certificates.s))
		hdl_decode_warning(d, tls->pos, NULL, "certificates have no effect in this mode");
}

void hdl_check_gw_tls(struct hdl_decode *d, void *object)
{
	const struct hdl_gw_tls *tls = object;

	if (tls->min_protocol_version.value && tls->max_protocol_version.value &&
	    tls->max_protocol_version.value < tls->min_protocol_version.value)
		hdl_decode_error(d, tls->max_protocol_version.pos, "maxProtocolVersion", "is below minProtocolVersion");
	if (tls->min_protocol_version.value == HDL_TLSV1_0 || tls->min_protocol_version.value == HDL_TLSV1_1)
		hdl_decode_warning(d, tls->min_protocol_version.pos, "minProtocolVersion",
				   "versions below 1.2 are weak");
	if (tls->mode.has && hdl_decode_clean(d))
		check_certificates(d, tls, (enum hdl_gw_tls_mode)tls->mode.value);
}

/* "name", "ns/name", "./name", "*" "/name" */
static bool is_server_host(const char *s)
{
	const char *slash = strchr(s, '/');
	char ns[64];

	if (slash) {
		if ((size_t)(slash - s) >= sizeof(ns))
			return false;
		snprintf(ns, sizeof(ns), "%.*s", (int)(slash - s), s);
		if (strcmp(ns, "*") && strcmp(ns, ".") && !hdl_name_is_label(ns))
			return false;
		s = slash + 1;
	}
	return hdl_name_is_host(s, true) || hdl_name_is_ip(s);
}

static bool only_redirect(const struct hdl_gw_tls *tls)
{
	return !tls->mode.has && !tls->server_certificate.s && !tls->private_key.s && !tls->ca_certificates.s &&
	       !tls->ca_crl.s && !tls->credential_name.s && !tls->ca_cert_credential_name.s &&
	       !tls->credential_names.n && !tls->tls_certificates.n && !tls->subject_alt_names.n &&
	       !tls->verify_certificate_spki.n && !tls->verify_certificate_hash.n && !tls->cipher_suites.n &&
	       !tls->min_protocol_version.has && !tls->max_protocol_version.has;
}

static void check_server_tls(struct hdl_decode *d, const struct hdl_gw_server *server)
{
	enum hdl_gw_protocol protocol = server->port ? server->port->protocol_value : 0;
	bool secure = protocol == HDL_GW_HTTPS || protocol == HDL_GW_TLS;

	if (!protocol || !hdl_decode_clean(d))
		return;
	if (secure && !server->tls)
		hdl_decode_error(d, server->pos, "tls", "is required for protocol %s", protocols[protocol]);
	if (!server->tls)
		return;
	if (!secure && protocol != HDL_GW_HTTP)
		hdl_decode_error(d, server->tls->pos, "tls", "protocol %s allows no tls", protocols[protocol]);
	else if (!secure && !only_redirect(server->tls))
		hdl_decode_error(d, server->tls->pos, "tls", "protocol HTTP allows only httpsRedirect");
	if (server->tls->https_redirect.value && protocol != HDL_GW_HTTP)
		hdl_decode_warning(d, server->tls->https_redirect.pos, "tls.httpsRedirect",
				   "acts on protocol HTTP only");
	else if (server->tls->https_redirect.value)
		hdl_decode_unsupported(d, server->tls->https_redirect.pos, "tls.httpsRedirect");
}

void hdl_check_gw_server(struct hdl_decode *d, void *object)
{
	const struct hdl_gw_server *server = object;

	for (size_t i = 0; i < server->hosts.n; i++) {
		const struct hdl_text *host = &server->hosts.at[i];
		char field[32];

		snprintf(field, sizeof(field), "hosts[%zu]", i);
		if (host->s && !is_server_host(host->s))
			hdl_decode_error(d, host->pos, field, "\"%.100s\" is not a host name or namespace/host name",
					 host->s);
	}
	if (server->bind.s && *server->bind.s && !hdl_name_is_ip(server->bind.s))
		hdl_decode_error(d, server->bind.pos, "bind", "\"%.100s\" is not an address", server->bind.s);
	check_server_tls(d, server);
}

void hdl_check_gw(struct hdl_decode *d, void *object)
{
	const struct hdl_gateway *gateway = object;

	for (size_t i = 0; i < gateway->servers.n; i++) {
		const struct hdl_gw_port *port = gateway->servers.at[i].port;

		for (size_t j = 0; port && port->name.s && j < i; j++) {
			const struct hdl_gw_port *other = gateway->servers.at[j].port;

			if (other && other->name.s && !strcmp(port->name.s, other->name.s)) {
				hdl_decode_error(d, port->name.pos, "servers",
						 "port name \"%.60s\" is used twice, first at line %u", port->name.s,
						 other->name.pos.line);
				break;
			}
		}
	}
	hdl_check_labels(d, &gateway->selector, "selector");
}
