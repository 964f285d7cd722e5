/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of the messages that a table entry cannot express; called by the decoder after the fields of a message. */
#ifndef HDL_MODEL_CHECK_H
#define HDL_MODEL_CHECK_H

#include "model/decode.h"

#define HDL_REGEX_BYTES_MAX 1024 /* of the text of an expression (A.3) */

/* Helpers: report what does not fit. field is the path below the message at hand. */
void hdl_check_labels(struct hdl_decode *d, const struct hdl_kvs *labels, const char *field);
/* "~" beside ".", "*" and namespaces. */
enum hdl_export_flag { HDL_EXPORT_NONE = 1 };
void hdl_check_export_list(struct hdl_decode *d, const struct hdl_texts *list, const char *field, unsigned int flags);
/* Annotations by which Istio refuses an object of any kind. */
void hdl_check_annotations(struct hdl_decode *d);
const char *hdl_check_own_namespace(const struct hdl_decode *d);
/* Name of a protocol, letters of either case. 0: absent, "" or, after an error, unknown. */
enum hdl_gw_protocol hdl_check_protocol(struct hdl_decode *d, const struct hdl_text *protocol, const char *field);
/* Addresses, and address/bits. */
void hdl_check_subnets(struct hdl_decode *d, const struct hdl_texts *subnets, const char *field);
/* "mesh", "name", "ns/name", or the old dotted form (a warning). */
void hdl_check_gateway_refs(struct hdl_decode *d, const struct hdl_texts *gateways, const char *field);

/* Text with %OPERATORS% that may stand in a header. */
bool hdl_check_header_value(struct hdl_decode *d, struct hdl_pos pos, const char *field, const char *value);

void hdl_check_metadata(struct hdl_decode *d, void *object);
void hdl_check_string_match(struct hdl_decode *d, void *object);

void hdl_check_vs(struct hdl_decode *d, void *object);
void hdl_check_vs_destination(struct hdl_decode *d, void *object);
void hdl_check_vs_match(struct hdl_decode *d, void *object);
void hdl_check_vs_retry(struct hdl_decode *d, void *object);
void hdl_check_vs_delay(struct hdl_decode *d, void *object);
void hdl_check_vs_abort(struct hdl_decode *d, void *object);
void hdl_check_vs_fault(struct hdl_decode *d, void *object);
void hdl_check_vs_headers(struct hdl_decode *d, void *object);
void hdl_check_vs_authority(struct hdl_decode *d, const struct hdl_vs_rewrite *rewrite,
			    const struct hdl_vs_headers *headers);
void hdl_check_vs_cors(struct hdl_decode *d, void *object);
void hdl_check_vs_regex_rewrite(struct hdl_decode *d, void *object);
void hdl_check_vs_redirect(struct hdl_decode *d, void *object);
void hdl_check_vs_body(struct hdl_decode *d, void *object);
void hdl_check_vs_rewrite(struct hdl_decode *d, void *object);
void hdl_check_vs_http(struct hdl_decode *d, void *object);
void hdl_check_vs_delegate(struct hdl_decode *d, void *object);
void hdl_check_vs_l4_match(struct hdl_decode *d, void *object);
void hdl_check_vs_l4_route(struct hdl_decode *d, void *object);

void hdl_check_dr(struct hdl_decode *d, void *object);
void hdl_check_dr_subset(struct hdl_decode *d, void *object);
void hdl_check_dr_policy(struct hdl_decode *d, void *object);
void hdl_check_dr_port_policy(struct hdl_decode *d, void *object);
void hdl_check_dr_load_balancer(struct hdl_decode *d, void *object);
void hdl_check_dr_consistent_hash(struct hdl_decode *d, void *object);
void hdl_check_dr_cookie(struct hdl_decode *d, void *object);
void hdl_check_dr_cookie_attribute(struct hdl_decode *d, void *object);
void hdl_check_dr_maglev(struct hdl_decode *d, void *object);
void hdl_check_dr_locality(struct hdl_decode *d, void *object);
void hdl_check_dr_zone_aware(struct hdl_decode *d, void *object);
void hdl_check_dr_selector(struct hdl_decode *d, void *object);
void hdl_check_dr_distribute(struct hdl_decode *d, void *object);
void hdl_check_dr_failover(struct hdl_decode *d, void *object);
void hdl_check_dr_connection_pool(struct hdl_decode *d, void *object);
void hdl_check_dr_pool_http(struct hdl_decode *d, void *object);
void hdl_check_dr_outlier(struct hdl_decode *d, void *object);
void hdl_check_dr_tls(struct hdl_decode *d, void *object);
void hdl_check_dr_tunnel(struct hdl_decode *d, void *object);

void hdl_check_gw(struct hdl_decode *d, void *object);
void hdl_check_gw_server(struct hdl_decode *d, void *object);
void hdl_check_gw_port(struct hdl_decode *d, void *object);
void hdl_check_gw_tls(struct hdl_decode *d, void *object);

/* address, or unix:///path */
void hdl_check_bind(struct hdl_decode *d, const struct hdl_text *text, const char *field);
void hdl_check_selector_labels(struct hdl_decode *d, struct hdl_pos pos, const struct hdl_kvs *labels,
			       const char *field);

void hdl_check_service_entry(struct hdl_decode *d, void *object);
void hdl_check_se_port(struct hdl_decode *d, void *object);
void hdl_check_se_selector(struct hdl_decode *d, void *object);
void hdl_check_workload_entry(struct hdl_decode *d, void *object);

void hdl_check_sidecar(struct hdl_decode *d, void *object);
void hdl_check_sidecar_port(struct hdl_decode *d, void *object);
void hdl_check_sidecar_ingress(struct hdl_decode *d, void *object);
void hdl_check_sidecar_egress(struct hdl_decode *d, void *object);
void hdl_check_sidecar_selector(struct hdl_decode *d, void *object);
void hdl_check_outbound_policy(struct hdl_decode *d, void *object);

void hdl_check_mesh_config(struct hdl_decode *d, void *object);
void hdl_check_mesh_service_settings(struct hdl_decode *d, void *object);

void hdl_check_service(struct hdl_decode *d, void *object);
void hdl_check_pod_ip(struct hdl_decode *d, void *object);
void hdl_check_pod_status(struct hdl_decode *d, void *object);
void hdl_check_endpoint_slice(struct hdl_decode *d, void *object);
void hdl_check_ingress_address(struct hdl_decode *d, void *object);
void hdl_check_node(struct hdl_decode *d, void *object);
void hdl_check_node_address(struct hdl_decode *d, void *object);
void hdl_check_secret(struct hdl_decode *d, void *object);
void hdl_check_config_map(struct hdl_decode *d, void *object);

void hdl_check_node_config(struct hdl_decode *d, void *object);
void hdl_check_nc_access_log(struct hdl_decode *d, void *object);
void hdl_check_nc_packet_mark(struct hdl_decode *d, void *object);
void hdl_check_nc_interfaces(struct hdl_decode *d, void *object);
void hdl_check_nc_source_ports(struct hdl_decode *d, void *object);
void hdl_check_nc_edge(struct hdl_decode *d, void *object);
void hdl_check_nc_exemption(struct hdl_decode *d, void *object);

#endif
