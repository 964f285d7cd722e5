/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the whole mesh: spec.meshConfig of an IstioOperator. */
#ifndef HDL_MODEL_MESHCONFIG_H
#define HDL_MODEL_MESHCONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/istio.h"
#include "model/sidecar.h"
#include "model/value.h"

enum hdl_mesh_inbound_mode { HDL_INBOUND_PASSTHROUGH, HDL_INBOUND_LOCALHOST };

struct hdl_mesh_inbound_policy {
	struct hdl_pos pos;
	struct hdl_opt_enum mode; /* enum hdl_mesh_inbound_mode */
};

enum hdl_path_normalization {
	HDL_PATH_DEFAULT, /* = BASE */
	HDL_PATH_NONE,
	HDL_PATH_BASE,
	HDL_PATH_MERGE_SLASHES,
	HDL_PATH_DECODE_AND_MERGE_SLASHES,
};

struct hdl_mesh_path_normalization {
	struct hdl_pos pos;
	struct hdl_opt_enum normalization; /* enum hdl_path_normalization */
};

enum hdl_mesh_h2_upgrade { HDL_MESH_H2_DO_NOT_UPGRADE, HDL_MESH_H2_UPGRADE };
enum hdl_mesh_log_encoding { HDL_MESH_LOG_TEXT, HDL_MESH_LOG_JSON };

struct hdl_mesh_service_settings_flags {
	struct hdl_pos pos;
	struct hdl_opt_bool cluster_local;
};

struct hdl_mesh_service_settings {
	struct hdl_pos pos;
	struct hdl_mesh_service_settings_flags *settings;
	struct hdl_texts hosts;
};

struct hdl_mesh_traffic_policy {
	struct hdl_pos pos;
	struct hdl_dr_connection_pool *connection_pool;
	struct hdl_dr_outlier *outlier_detection;
};

/* TLS versions: enum hdl_tls_version, AUTO, 1.2 or 1.3. */
struct hdl_mesh_tls {
	struct hdl_pos pos;
	struct hdl_opt_enum min_protocol_version;
	struct hdl_texts ecdh_curves, cipher_suites;
};

/* What Istio takes when a field is absent stands in specification D.5. */
struct hdl_mesh_config {
	struct hdl_pos pos;
	struct hdl_outbound_policy *outbound_traffic_policy;
	struct hdl_mesh_inbound_policy *inbound_traffic_policy;
	struct hdl_vs_retry *default_http_retry_policy;
	struct hdl_mesh_traffic_policy *default_traffic_policy;
	struct hdl_dr_locality_lb *locality_lb_setting;
	struct hdl_texts default_service_export_to, default_virtual_service_export_to;
	struct hdl_texts default_destination_rule_export_to;
	struct hdl_opt_duration connect_timeout; /* 1ms..1h */
	struct hdl_dr_keepalive *tcp_keepalive;
	struct hdl_text root_namespace;
	struct hdl_text trust_domain;
	struct hdl_texts trust_domain_aliases;
	struct hdl_mesh_path_normalization *path_normalization;
	struct hdl_opt_duration protocol_detection_timeout;
	struct hdl_opt_enum h2_upgrade_policy; /* enum hdl_mesh_h2_upgrade */
	struct hdl_text access_log_file;       /* "": none */
	struct hdl_text access_log_format;
	struct hdl_opt_enum access_log_encoding; /* enum hdl_mesh_log_encoding */
	struct hdl_opt_bool enable_auto_mtls;
	struct hdl_opt_bool enable_tracing;
	struct hdl_opt_bool verify_certificate_at_client;
	struct hdl_opt_duration dns_refresh_rate;
	struct hdl_text inbound_cluster_stat_name, outbound_cluster_stat_name;
	struct hdl_opt_int proxy_listen_port, proxy_inbound_listen_port, proxy_http_port;
	HDL_ARRAY_OF(struct hdl_mesh_service_settings) service_settings;
	struct hdl_mesh_tls *mesh_mtls, *tls_defaults;
};

struct hdl_istio_operator {
	struct hdl_pos pos;
	struct hdl_mesh_config *mesh_config; /* NULL: nothing for us */
};

struct hdl_config_map;
struct hdl_decode;
struct hdl_node;
struct hdl_resource;

/* The object is a ConfigMap that has the settings of a mesh, if it is in the root namespace: `istio` with the key `mesh`. */
bool hdl_mesh_is_map(const struct hdl_node *object, const char *name);
/* Reads them: positions are lines of the file, and columns of the text. What is wrong is reported. 0 or -ENOMEM. */
int hdl_mesh_decode_map(struct hdl_decode *d, const struct hdl_node *object, struct hdl_config_map *map);

/*
 * The settings that a document has; NULL: none. Of a ConfigMap only in the root namespace: node_root (of NodeConfig; NULL
 * or "": not given), else the rootNamespace of the settings, else istio-system.
 */
const struct hdl_mesh_config *hdl_mesh_of(const struct hdl_resource *resource, const char *node_root);
/* One document of a set counts, all of it: a ConfigMap before an IstioOperator, then the earlier one. */
bool hdl_mesh_comes_before(const struct hdl_resource *resource, const struct hdl_resource *other);
/* Path of the settings in it, for messages. */
const char *hdl_mesh_field(const struct hdl_resource *resource);

#endif
