/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of Istio's Gateway (specification A.9). */
#include "model/check.h"

#include <stdio.h>
#include <string.h>
#include "model/names.h"

static bool given(const struct hdl_text *text)
{
	return text->s && *text->s;
}

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
	if (port->target_port.value)
		hdl_decode_error(d, port->target_port.pos, "targetPort", "must not be used");
}

/* ---- TLS ---- */

static void check_sources(struct hdl_decode *d, const struct hdl_gw_tls *tls)
{
	bool files = given(&tls->server_certificate) || given(&tls->private_key);

	if (files + given(&tls->credential_name) + (tls->credential_names.n > 0) + (tls->tls_certificates.n > 0) > 1)
		hdl_decode_error(
			d, tls->pos, NULL,
			"has more than one of serverCertificate with privateKey, credentialName, credentialNames "
			"and tlsCertificates");
}

static void check_own_certificate(struct hdl_decode *d, const struct hdl_gw_tls *tls, const char *mode)
{
	for (size_t i = 0; i < tls->tls_certificates.n; i++) {
		const struct hdl_gw_certificate *certificate = &tls->tls_certificates.at[i];

		if (!given(&certificate->server_certificate) || !given(&certificate->private_key))
			hdl_decode_error(d, certificate->pos, "tlsCertificates",
					 "an entry needs serverCertificate and privateKey");
	}
	if (tls->tls_certificates.n || tls->credential_names.n || given(&tls->credential_name))
		return;
	if (!given(&tls->server_certificate))
		hdl_decode_error(d, tls->pos, "serverCertificate", "is required by %s, or credentialName", mode);
	if (!given(&tls->private_key))
		hdl_decode_error(d, tls->pos, "privateKey", "is required by %s, or credentialName", mode);
}

static void check_certificates(struct hdl_decode *d, const struct hdl_gw_tls *tls, enum hdl_gw_tls_mode mode)
{
	static const char *const names[] = { "PASSTHROUGH",      "SIMPLE",       "MUTUAL",
					     "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL" };
	bool any = given(&tls->server_certificate) || given(&tls->private_key) || given(&tls->ca_certificates) ||
		   given(&tls->credential_name) || tls->credential_names.n || tls->tls_certificates.n;
	bool verify = mode == HDL_GW_TLS_MUTUAL || mode == HDL_GW_TLS_OPTIONAL_MUTUAL;

	if (mode == HDL_GW_TLS_ISTIO_MUTUAL) {
		if (any)
			hdl_decode_error(d, tls->pos, NULL, "ISTIO_MUTUAL excludes certificates");
		return;
	}
	check_sources(d, tls);
	if ((mode == HDL_GW_TLS_PASSTHROUGH || mode == HDL_GW_TLS_AUTO_PASSTHROUGH) && (any || given(&tls->ca_crl)))
		hdl_decode_warning(d, tls->pos, NULL, "certificates have no effect in mode %s", names[mode]);
	if (mode == HDL_GW_TLS_SIMPLE || verify)
		check_own_certificate(d, tls, names[mode]);
	if (verify && !given(&tls->ca_certificates) && !given(&tls->ca_cert_credential_name) &&
	    !given(&tls->credential_name) && !tls->credential_names.n)
		hdl_decode_error(d, tls->pos, "caCertificates", "is required by %s, to verify clients", names[mode]);
	if (given(&tls->ca_crl) && given(&tls->credential_name))
		hdl_decode_error(d, tls->ca_crl.pos, "caCrl", "excludes credentialName: it belongs into the Secret");
	else if (given(&tls->ca_crl) && mode == HDL_GW_TLS_SIMPLE)
		hdl_decode_error(d, tls->ca_crl.pos, "caCrl", "excludes mode SIMPLE, which does not verify clients");
}

/* What begins with a sign is an expression over ciphers, which is not looked into. */
static bool is_cipher(const char *s)
{
	static const char *const known[] = { "ALL",
					     "ECDHE-ECDSA-AES128-GCM-SHA256",
					     "ECDHE-RSA-AES128-GCM-SHA256",
					     "ECDHE-ECDSA-AES256-GCM-SHA384",
					     "ECDHE-RSA-AES256-GCM-SHA384",
					     "ECDHE-ECDSA-CHACHA20-POLY1305",
					     "ECDHE-RSA-CHACHA20-POLY1305",
					     "ECDHE-ECDSA-AES128-SHA",
					     "ECDHE-RSA-AES128-SHA",
					     "ECDHE-ECDSA-AES256-SHA",
					     "ECDHE-RSA-AES256-SHA",
					     "AES128-GCM-SHA256",
					     "AES256-GCM-SHA384",
					     "AES128-SHA",
					     "AES256-SHA",
					     "DES-CBC3-SHA" };

	if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", *s) || !*s)
		return true;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(s, known[i]))
			return true;
	return false;
}

static void check_ciphers(struct hdl_decode *d, const struct hdl_texts *ciphers)
{
	for (size_t i = 0; i < ciphers->n; i++) {
		const struct hdl_text *cipher = &ciphers->at[i];

		if (!cipher->s)
			continue;
		if (!is_cipher(cipher->s))
			hdl_decode_warning(d, cipher->pos, "cipherSuites", "\"%.60s\" is not a cipher and is ignored",
					   cipher->s);
		for (size_t j = 0; j < i; j++)
			if (ciphers->at[j].s && !strcmp(ciphers->at[j].s, cipher->s)) {
				hdl_decode_warning(d, cipher->pos, "cipherSuites", "names \"%.60s\" twice", cipher->s);
				break;
			}
	}
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
	check_ciphers(d, &tls->cipher_suites);
	if (hdl_decode_clean(d))
		check_certificates(d, tls, (enum hdl_gw_tls_mode)tls->mode.value);
}

/* ---- servers ---- */

/* NULL: "name", "ns/name", "./name", or a star for either is well formed. */
static const char *host_fault(const char *s)
{
	const char *slash = strchr(s, '/');
	char ns[64];

	if (slash) {
		if (slash == s || (size_t)(slash - s) >= sizeof(ns))
			return "the namespace must be a name, \".\" or \"*\"";
		snprintf(ns, sizeof(ns), "%.*s", (int)(slash - s), s);
		if (strcmp(ns, "*") && strcmp(ns, ".") && !hdl_name_is_label(ns))
			return "the namespace must be a name, \".\" or \"*\"";
		s = slash + 1;
	}
	if (!strcmp(s, "*") || hdl_name_is_ip(s))
		return NULL;
	if (!hdl_name_is_host(s, true))
		return "it is not a host name or namespace/host name";
	if (!strchr(s, '.'))
		return "a short name is not allowed; write the full name that clients use";
	return *s == '*' && s[1] != '.' ? "only \"*\" and \"*.domain\" are wildcards" : NULL;
}

static bool only_redirect(const struct hdl_gw_tls *tls)
{
	return tls->mode.value == HDL_GW_TLS_PASSTHROUGH && !given(&tls->server_certificate) &&
	       !given(&tls->private_key) && !given(&tls->ca_certificates) && !given(&tls->ca_crl) &&
	       !given(&tls->credential_name) && !given(&tls->ca_cert_credential_name) && !tls->credential_names.n &&
	       !tls->tls_certificates.n && !tls->subject_alt_names.n && !tls->verify_certificate_spki.n &&
	       !tls->verify_certificate_hash.n && !tls->cipher_suites.n && !tls->min_protocol_version.has &&
	       !tls->max_protocol_version.has;
}

static void check_server_tls(struct hdl_decode *d, const struct hdl_gw_server *server)
{
	enum hdl_gw_protocol protocol = server->port->protocol_value;
	bool secure = protocol == HDL_GW_HTTPS || protocol == HDL_GW_TLS;
	bool http = protocol == HDL_GW_HTTP || protocol == HDL_GW_HTTP2 || protocol == HDL_GW_GRPC ||
		    protocol == HDL_GW_GRPC_WEB;

	if (secure && !server->tls)
		hdl_decode_error(d, server->pos, "tls", "is required for protocol %s", server->port->protocol.s);
	if (!server->tls)
		return;
	if (!secure && !http)
		hdl_decode_error(d, server->tls->pos, "tls", "protocol %s allows no tls", server->port->protocol.s);
	else if (!secure && !only_redirect(server->tls))
		hdl_decode_error(d, server->tls->pos, "tls", "protocol %s allows only httpsRedirect",
				 server->port->protocol.s);
	if (server->tls->https_redirect.value && !http)
		hdl_decode_warning(d, server->tls->https_redirect.pos, "tls.httpsRedirect",
				   "acts on protocol HTTP only");
}

static void check_address(struct hdl_decode *d, const struct hdl_gw_server *server)
{
	bool file = server->bind.s && !strncmp(server->bind.s, "unix://", 7);
	int64_t number = server->port->number.value;

	hdl_check_bind(d, &server->bind, "bind");
	if (!number && !file)
		hdl_decode_error(d, server->port->number.has ? server->port->number.pos : server->port->pos,
				 "port.number", "must be 1..65535");
	else if (number && file)
		hdl_decode_error(d, server->port->number.pos, "port.number", "must be 0 for a Unix socket");
}

void hdl_check_gw_server(struct hdl_decode *d, void *object)
{
	const struct hdl_gw_server *server = object;

	for (size_t i = 0; i < server->hosts.n; i++) {
		const struct hdl_text *host = &server->hosts.at[i];
		const char *fault = host->s ? host_fault(host->s) : NULL;
		char field[32];

		snprintf(field, sizeof(field), "hosts[%zu]", i);
		if (fault)
			hdl_decode_error(d, host->pos, field, "\"%.100s\": %s", host->s, fault);
	}
	if (!server->port)
		return;
	check_address(d, server);
	if (hdl_decode_clean(d))
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
	if (d->metadata && d->metadata->name.s && !hdl_name_is_label(d->metadata->name.s))
		hdl_decode_error(d, d->metadata->name.pos, NULL,
				 "the name \"%.100s\" must have no dots: VirtualServices could not refer to it",
				 d->metadata->name.s);
	hdl_check_annotations(d);
}
