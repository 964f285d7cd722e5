/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of Istio's Gateway (specification A.9). */
#include "model/check.h"
#include "model/schema.h"

#define REQUIRED .flags = HDL_FIELD_REQUIRED

static const struct hdl_field port_fields[] = {
	HDL_INT(struct hdl_gw_port, number, "number", 0, 65535, "port to listen on; 0 with bind: unix:///path"),
	HDL_STRING(struct hdl_gw_port, protocol, "protocol",
		   "what clients speak: HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP or TLS", REQUIRED),
	HDL_STRING(struct hdl_gw_port, name, "name", "name of the port, once in a Gateway", REQUIRED),
	HDL_INT(struct hdl_gw_port, target_port, "targetPort", 0, 65535, "must not be used"),
};
static const struct hdl_message port = HDL_MESSAGE_TABLE("Port", struct hdl_gw_port, port_fields, hdl_check_gw_port);

static const struct hdl_field certificate_fields[] = {
	HDL_STRING(struct hdl_gw_certificate, server_certificate, "serverCertificate",
		   "file of the certificate of the server"),
	HDL_STRING(struct hdl_gw_certificate, private_key, "privateKey", "file of the key of that certificate"),
	HDL_STRING(struct hdl_gw_certificate, ca_certificates, "caCertificates",
		   "file of the authorities that clients are verified by"),
};
static const struct hdl_message certificate =
	HDL_MESSAGE_TABLE("ServerTLSSettings.TLSCertificate", struct hdl_gw_certificate, certificate_fields, NULL);

static const struct hdl_enum_value tls_mode[] = {
	{ "PASSTHROUGH", HDL_GW_TLS_PASSTHROUGH },
	{ "SIMPLE", HDL_GW_TLS_SIMPLE },
	{ "MUTUAL", HDL_GW_TLS_MUTUAL },
	{ "AUTO_PASSTHROUGH", HDL_GW_TLS_AUTO_PASSTHROUGH },
	{ "ISTIO_MUTUAL", HDL_GW_TLS_ISTIO_MUTUAL },
	{ "OPTIONAL_MUTUAL", HDL_GW_TLS_OPTIONAL_MUTUAL },
	{ NULL, 0 },
};
static const struct hdl_enum_value tls_version[] = {
	{ "TLS_AUTO", HDL_TLS_AUTO }, { "TLSV1_0", HDL_TLSV1_0 }, { "TLSV1_1", HDL_TLSV1_1 },
	{ "TLSV1_2", HDL_TLSV1_2 },   { "TLSV1_3", HDL_TLSV1_3 }, { NULL, 0 },
};
static const struct hdl_field tls_fields[] = {
	HDL_BOOL(struct hdl_gw_tls, https_redirect, "httpsRedirect", "every request is answered 301 to https (false)"),
	HDL_ENUM(struct hdl_gw_tls, mode, "mode", tls_mode,
		 "whether TLS is ended here, and whether clients show a certificate (PASSTHROUGH)"),
	HDL_STRING(struct hdl_gw_tls, server_certificate, "serverCertificate", "file of the certificate of the server"),
	HDL_STRING(struct hdl_gw_tls, private_key, "privateKey", "file of the key of that certificate"),
	HDL_STRING(struct hdl_gw_tls, ca_certificates, "caCertificates",
		   "file of the authorities that clients are verified by"),
	HDL_STRING(struct hdl_gw_tls, ca_crl, "caCrl", "file of the list of revoked certificates"),
	HDL_STRING(struct hdl_gw_tls, credential_name, "credentialName",
		   "Secret with certificate, key and authorities, in place of files"),
	HDL_STRINGS(struct hdl_gw_tls, credential_names, "credentialNames",
		    "Secrets with certificates of several kinds, at most two", .max = 2),
	HDL_STRING(struct hdl_gw_tls, ca_cert_credential_name, "caCertCredentialName",
		   "Secret with the authorities that clients are verified by"),
	HDL_MESSAGES(struct hdl_gw_tls, tls_certificates, "tlsCertificates", &certificate,
		     "files of certificates of several kinds, at most two", .max = 2),
	HDL_STRINGS(struct hdl_gw_tls, subject_alt_names, "subjectAltNames",
		    "names of which the certificate of a client must have one"),
	HDL_STRINGS(struct hdl_gw_tls, verify_certificate_spki, "verifyCertificateSpki",
		    "hashes of the keys that clients may have"),
	HDL_STRINGS(struct hdl_gw_tls, verify_certificate_hash, "verifyCertificateHash",
		    "hashes of the certificates that clients may have"),
	HDL_ENUM(struct hdl_gw_tls, min_protocol_version, "minProtocolVersion", tls_version,
		 "least version of TLS (TLSV1_2)"),
	HDL_ENUM(struct hdl_gw_tls, max_protocol_version, "maxProtocolVersion", tls_version,
		 "greatest version of TLS (TLSV1_3)"),
	HDL_STRINGS(struct hdl_gw_tls, cipher_suites, "cipherSuites",
		    "ciphers that may be used, by their OpenSSL names", .max = 100),
};
const struct hdl_message hdl_schema_server_tls =
	HDL_MESSAGE_TABLE("ServerTLSSettings", struct hdl_gw_tls, tls_fields, hdl_check_gw_tls);

static const struct hdl_field server_fields[] = {
	HDL_MESSAGE(struct hdl_gw_server, port, "port", &port, "port and protocol of the server", REQUIRED),
	HDL_STRING(struct hdl_gw_server, bind, "bind", "address to listen on, or unix:///path (all addresses)"),
	HDL_STRINGS(struct hdl_gw_server, hosts, "hosts",
		    "hosts that are served: [namespace/]name; namespace: of the VirtualServices, a name, . or * (*)",
		    REQUIRED, .max = 1000, .note = "A name without a dot is refused, as the webhook of Istio does"),
	HDL_MESSAGE(struct hdl_gw_server, tls, "tls", &hdl_schema_server_tls,
		    "how TLS is spoken; for HTTP only httpsRedirect"),
	HDL_STRING(struct hdl_gw_server, default_endpoint, "defaultEndpoint", "without effect, in Istio too",
		   .support = HDL_ACCEPTED),
	HDL_STRING(struct hdl_gw_server, name, "name", "name of the server, for people"),
};
static const struct hdl_message server =
	HDL_MESSAGE_TABLE("Server", struct hdl_gw_server, server_fields, hdl_check_gw_server);

static const struct hdl_field spec_fields[] = {
	HDL_MESSAGES(struct hdl_gateway, servers, "servers", &server,
		     "ports that are listened on, and what is served there", REQUIRED, .max = 1000,
		     .note = "A server that cannot be served is named in a warning; the others are served"),
	HDL_STRING_MAP(struct hdl_gateway, selector, "selector",
		       "labels of gateway pods; every Gateway is served by this node, unless NodeConfig names others"),
};
static const struct hdl_message spec = HDL_MESSAGE_TABLE("Gateway", struct hdl_gateway, spec_fields, hdl_check_gw);

static const struct hdl_field object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &spec, "the gateway", REQUIRED),
	HDL_ANY("status", "not read"),
};
const struct hdl_message hdl_schema_gateway = HDL_MESSAGE_TABLE("Gateway", struct hdl_gateway, object_fields, NULL);
