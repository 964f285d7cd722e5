/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of MeshConfig, in an IstioOperator or a ConfigMap: what touches traffic is typed, the rest is known by name. */
#include "model/check.h"
#include "model/meshconfig.h"
#include "model/schema.h"

#define ACCEPTED .support = HDL_ACCEPTED
#define HOUR_NS (3600000ll * HDL_NS_MS)

static const struct hdl_enum_value outbound_mode[] = {
	{ "REGISTRY_ONLY", HDL_OUTBOUND_REGISTRY_ONLY },
	{ "ALLOW_ANY", HDL_OUTBOUND_ALLOW_ANY },
	{ "ALLOW_ANY_DYNAMIC_DNS", HDL_OUTBOUND_ALLOW_ANY_DYNAMIC_DNS },
	{ NULL, 0 },
};
static const struct hdl_field outbound_fields[] = {
	HDL_ENUM(struct hdl_outbound_policy, mode, "mode", outbound_mode,
		 "destinations that no service has: refused (REGISTRY_ONLY) or let through (ALLOW_ANY) (ALLOW_ANY)"),
};
static const struct hdl_message outbound =
	HDL_MESSAGE_TABLE("MeshConfig.OutboundTrafficPolicy", struct hdl_outbound_policy, outbound_fields, NULL);

static const struct hdl_enum_value inbound_mode[] = {
	{ "PASSTHROUGH", HDL_INBOUND_PASSTHROUGH },
	{ "LOCALHOST", HDL_INBOUND_LOCALHOST },
	{ NULL, 0 },
};
static const struct hdl_field inbound_fields[] = {
	HDL_ENUM(
		struct hdl_mesh_inbound_policy, mode, "mode", inbound_mode,
		"where the application listens: on the address of the pod (PASSTHROUGH) or on 127.0.0.1 (LOCALHOST) (PASSTHROUGH)"),
};
static const struct hdl_message inbound =
	HDL_MESSAGE_TABLE("MeshConfig.InboundTrafficPolicy", struct hdl_mesh_inbound_policy, inbound_fields, NULL);

static const struct hdl_enum_value normalization[] = {
	{ "DEFAULT", HDL_PATH_DEFAULT },
	{ "NONE", HDL_PATH_NONE },
	{ "BASE", HDL_PATH_BASE },
	{ "MERGE_SLASHES", HDL_PATH_MERGE_SLASHES },
	{ "DECODE_AND_MERGE_SLASHES", HDL_PATH_DECODE_AND_MERGE_SLASHES },
	{ NULL, 0 },
};
static const struct hdl_field path_normalization_fields[] = {
	HDL_ENUM(struct hdl_mesh_path_normalization, normalization, "normalization", normalization,
		 "what is done to the path before it is matched (DEFAULT = BASE: . and .. are resolved)"),
};
static const struct hdl_message path_normalization = HDL_MESSAGE_TABLE(
	"MeshConfig.ProxyPathNormalization", struct hdl_mesh_path_normalization, path_normalization_fields, NULL);

static const struct hdl_field flags_fields[] = {
	HDL_BOOL(struct hdl_mesh_service_settings_flags, cluster_local, "clusterLocal",
		 "clients reach only endpoints of their own cluster"),
};
static const struct hdl_message flags = HDL_MESSAGE_TABLE("MeshConfig.ServiceSettings.Settings",
							  struct hdl_mesh_service_settings_flags, flags_fields, NULL);
static const struct hdl_field service_settings_fields[] = {
	HDL_MESSAGE(struct hdl_mesh_service_settings, settings, "settings", &flags, "what holds for the services"),
	HDL_STRINGS(struct hdl_mesh_service_settings, hosts, "hosts", "names of the services, *.suffix for several"),
};
static const struct hdl_message service_settings =
	HDL_MESSAGE_TABLE("MeshConfig.ServiceSettings", struct hdl_mesh_service_settings, service_settings_fields,
			  hdl_check_mesh_service_settings);

static const struct hdl_field traffic_policy_fields[] = {
	HDL_MESSAGE(struct hdl_mesh_traffic_policy, connection_pool, "connectionPool", &hdl_schema_connection_pool,
		    "limits and timeouts of services whose DestinationRule sets none"),
	HDL_MESSAGE(struct hdl_mesh_traffic_policy, outlier_detection, "outlierDetection", &hdl_schema_outlier,
		    "ejection of failing endpoints of services whose DestinationRule sets none"),
};
static const struct hdl_message traffic_policy = HDL_MESSAGE_TABLE(
	"MeshConfig.DefaultTrafficPolicy", struct hdl_mesh_traffic_policy, traffic_policy_fields, NULL);

static const struct hdl_enum_value tls_version[] = {
	{ "TLS_AUTO", HDL_TLS_AUTO },
	{ "TLSV1_2", HDL_TLSV1_2 },
	{ "TLSV1_3", HDL_TLSV1_3 },
	{ NULL, 0 },
};
static const struct hdl_field tls_fields[] = {
	HDL_ENUM(struct hdl_mesh_tls, min_protocol_version, "minProtocolVersion", tls_version, "least version of TLS"),
	HDL_STRINGS(struct hdl_mesh_tls, ecdh_curves, "ecdhCurves", "curves for the key exchange"),
	HDL_STRINGS(struct hdl_mesh_tls, cipher_suites, "cipherSuites", "ciphers of TLS 1.2", .max = 100),
};
static const struct hdl_message tls = HDL_MESSAGE_TABLE("MeshConfig.TLSConfig", struct hdl_mesh_tls, tls_fields, NULL);

static const struct hdl_enum_value h2_upgrade[] = {
	{ "DO_NOT_UPGRADE", HDL_MESH_H2_DO_NOT_UPGRADE },
	{ "UPGRADE", HDL_MESH_H2_UPGRADE },
	{ NULL, 0 },
};
static const struct hdl_enum_value log_encoding[] = {
	{ "TEXT", HDL_MESH_LOG_TEXT },
	{ "JSON", HDL_MESH_LOG_JSON },
	{ NULL, 0 },
};

#define M struct hdl_mesh_config
static const struct hdl_field mesh_fields[] = {
	HDL_MESSAGE(M, outbound_traffic_policy, "outboundTrafficPolicy", &outbound, "destinations that no service has"),
	HDL_MESSAGE(M, inbound_traffic_policy, "inboundTrafficPolicy", &inbound, "where applications listen", ACCEPTED),
	HDL_MESSAGE(M, default_http_retry_policy, "defaultHttpRetryPolicy", &hdl_schema_retry,
		    "retries of routes that say nothing about them"),
	HDL_MESSAGE(M, default_traffic_policy, "defaultTrafficPolicy", &traffic_policy,
		    "limits and ejection for services whose DestinationRule sets none"),
	HDL_MESSAGE(M, locality_lb_setting, "localityLbSetting", &hdl_schema_locality_lb,
		    "preference by locality where a DestinationRule sets none"),
	HDL_STRINGS(M, default_service_export_to, "defaultServiceExportTo",
		    "namespaces that see a service without exportTo ([\"*\"])", .max = 1000),
	HDL_STRINGS(M, default_virtual_service_export_to, "defaultVirtualServiceExportTo",
		    "namespaces that see a VirtualService without exportTo ([\"*\"])", .max = 1000),
	HDL_STRINGS(M, default_destination_rule_export_to, "defaultDestinationRuleExportTo",
		    "namespaces that see a DestinationRule without exportTo ([\"*\"])", .max = 1000),
	HDL_DURATION(M, connect_timeout, "connectTimeout", "time to connect to an endpoint (10s)", .max = HOUR_NS),
	HDL_MESSAGE(M, tcp_keepalive, "tcpKeepalive", &hdl_schema_tcp_keepalive,
		    "keepalive probes of connections to endpoints (none)"),
	HDL_STRING(M, root_namespace, "rootNamespace", "namespace of mesh-wide rules (istio-system)"),
	HDL_STRING(M, trust_domain, "trustDomain", "trust domain of identities (cluster.local)", ACCEPTED),
	HDL_STRINGS(M, trust_domain_aliases, "trustDomainAliases", "other names of the trust domain", ACCEPTED),
	HDL_MESSAGE(M, path_normalization, "pathNormalization", &path_normalization,
		    "what is done to the path before it is matched"),
	HDL_DURATION_MIN(M, protocol_detection_timeout, "protocolDetectionTimeout", 0, HDL_NS_MS,
			 "how long the first bytes of an undeclared protocol are waited for (0s: without limit)",
			 ACCEPTED, .note = "Istio advises against any"),
	HDL_ENUM(M, h2_upgrade_policy, "h2UpgradePolicy", h2_upgrade, "HTTP/2 to endpoints (DO_NOT_UPGRADE)", ACCEPTED),
	HDL_STRING(M, access_log_file, "accessLogFile", "file of the access log; \"\": none"),
	HDL_STRING(M, access_log_format, "accessLogFormat", "fields of a line; \"\": the default format"),
	HDL_ENUM(M, access_log_encoding, "accessLogEncoding", log_encoding, "TEXT or JSON (TEXT)"),
	HDL_BOOL(M, enable_auto_mtls, "enableAutoMtls", "mutual TLS to endpoints that can do it (true)"),
	HDL_DURATION(M, dns_refresh_rate, "dnsRefreshRate", "time between resolutions of a name (60s)"),
	HDL_MESSAGES(M, service_settings, "serviceSettings", &service_settings, "settings of some services", ACCEPTED),
	HDL_INT(M, proxy_listen_port, "proxyListenPort", 1, 65535, "port of a sidecar; there is none here"),
	HDL_INT(M, proxy_inbound_listen_port, "proxyInboundListenPort", 0, 65535,
		"port of a sidecar; there is none here"),
	HDL_INT(M, proxy_http_port, "proxyHttpPort", 0, 65535, "port for requests of HTTP_PROXY (none)", ACCEPTED),
	HDL_MESSAGE(M, mesh_mtls, "meshMTLS", &tls, "TLS between workloads", ACCEPTED),
	HDL_MESSAGE(M, tls_defaults, "tlsDefaults", &tls, "TLS that is not between workloads", ACCEPTED),
	HDL_BOOL(M, verify_certificate_at_client, "verifyCertificateAtClient", "servers are verified (true)",
		 .flags = HDL_FIELD_DEPRECATED),
	HDL_STRING(M, inbound_cluster_stat_name, "inboundClusterStatName", "names in statistics", ACCEPTED),
	HDL_STRING(M, outbound_cluster_stat_name, "outboundClusterStatName", "names in statistics", ACCEPTED),
	/* without a meaning for traffic on a node */
	HDL_BOOL(M, enable_tracing, "enableTracing", "traces of sidecars; not for traffic"),
	HDL_ANY("ingressClass", "class of Ingress objects; not for traffic of a mesh"),
	HDL_ANY("ingressService", "service of Ingress objects; not for traffic of a mesh"),
	HDL_ANY("ingressControllerMode", "which Ingress objects are read; not for traffic of a mesh"),
	HDL_ANY("ingressSelector", "gateway of Ingress objects; not for traffic of a mesh"),
	HDL_ANY("enableEnvoyAccessLogService", "log service of sidecars; not for traffic"),
	HDL_ANY("disableEnvoyListenerLog", "log of sidecars; not for traffic"),
	HDL_ANY("defaultConfig", "settings of a sidecar's process; there is none here"),
	HDL_ANY("configSources", "where the control plane reads; not for traffic"),
	HDL_ANY("caCertificates", "roots of the control plane; not for traffic"),
	HDL_ANY("certificates", "certificates of the control plane; not for traffic"),
	HDL_ANY("ca", "authority of the control plane; not for traffic"),
	HDL_ANY("enablePrometheusMerge", "metrics of sidecars; not for traffic"),
	HDL_ANY("extensionProviders", "logging, tracing and authorization services; not for traffic"),
	HDL_ANY("defaultProviders", "logging and tracing services; not for traffic"),
	HDL_ANY("discoverySelectors", "namespaces that the control plane reads; not for traffic"),
	HDL_ANY("serviceScopeConfigs", "services seen by other clusters; not for traffic of a node"),
	HDL_ANY("compliancePolicy", "bounds on TLS of the control plane; not for traffic"),
};
#undef M
const struct hdl_message hdl_schema_mesh_config =
	HDL_MESSAGE_TABLE("MeshConfig", struct hdl_mesh_config, mesh_fields, hdl_check_mesh_config);

static const struct hdl_field spec_fields[] = {
	HDL_MESSAGE(struct hdl_istio_operator, mesh_config, "meshConfig", &hdl_schema_mesh_config,
		    "settings of the mesh; the other fields tell how Istio is installed and are skipped"),
};
static const struct hdl_message spec = {
	"IstioOperator", sizeof(struct hdl_istio_operator), spec_fields, sizeof(spec_fields) / sizeof(spec_fields[0]),
	.open = true,
};

static const struct hdl_field object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &spec, "the installation"),
	HDL_ANY("status", "not read"),
};
const struct hdl_message hdl_schema_istio_operator =
	HDL_MESSAGE_TABLE("IstioOperator", struct hdl_istio_operator, object_fields, NULL);
