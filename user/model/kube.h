/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of Kubernetes' core resources that Heddle uses; their other fields are skipped. */
#ifndef HDL_MODEL_KUBE_H
#define HDL_MODEL_KUBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "model/value.h"

enum hdl_port_protocol { HDL_PORT_TCP, HDL_PORT_UDP, HDL_PORT_SCTP };

struct hdl_service_port {
	struct hdl_pos pos;
	struct hdl_text name;
	struct hdl_opt_int port;                  /* present, 1..65535 */
	struct hdl_opt_int_or_string target_port; /* number, name of a container port, or absent: port */
	struct hdl_opt_int node_port;
	struct hdl_opt_enum protocol; /* enum hdl_port_protocol */
	struct hdl_text app_protocol;
};

enum hdl_service_type {
	HDL_SERVICE_CLUSTER_IP,
	HDL_SERVICE_NODE_PORT,
	HDL_SERVICE_LOAD_BALANCER,
	HDL_SERVICE_EXTERNAL_NAME,
};

enum hdl_session_affinity { HDL_AFFINITY_NONE, HDL_AFFINITY_CLIENT_IP };
enum hdl_traffic_policy { HDL_TRAFFIC_CLUSTER, HDL_TRAFFIC_LOCAL };

enum hdl_traffic_distribution {
	HDL_DISTRIBUTION_ANY,
	HDL_DISTRIBUTION_SAME_ZONE, /* PreferClose, PreferSameZone */
	HDL_DISTRIBUTION_SAME_NODE, /* PreferSameNode */
};

struct hdl_client_ip_affinity {
	struct hdl_pos pos;
	struct hdl_opt_int timeout_seconds; /* 1..86400; absent: 10800 */
};

struct hdl_session_affinity_config {
	struct hdl_pos pos;
	struct hdl_client_ip_affinity *client_ip;
};

struct hdl_ingress_address {
	struct hdl_pos pos;
	struct hdl_text ip, hostname;
};

struct hdl_load_balancer_status {
	struct hdl_pos pos;
	HDL_ARRAY_OF(struct hdl_ingress_address) ingress;
};

struct hdl_kube_service {
	struct hdl_pos pos;
	struct hdl_opt_enum type;   /* enum hdl_service_type */
	struct hdl_text cluster_ip; /* "None": headless; "" or absent: none yet */
	struct hdl_texts cluster_ips;
	struct hdl_texts external_ips;
	struct hdl_kvs selector;
	HDL_ARRAY_OF(struct hdl_service_port) ports;
	struct hdl_opt_enum session_affinity; /* enum hdl_session_affinity */
	struct hdl_opt_bool publish_not_ready_addresses;
	struct hdl_text external_name;
	struct hdl_opt_enum internal_traffic_policy, external_traffic_policy; /* enum hdl_traffic_policy */
	struct hdl_session_affinity_config *session_affinity_config;
	struct hdl_texts load_balancer_source_ranges; /* prefixes, or none: all */
	struct hdl_opt_enum traffic_distribution;     /* enum hdl_traffic_distribution, of the spec */
	/* status */
	struct hdl_load_balancer_status *load_balancer;
	/* from annotations: */
	struct hdl_texts export_to;                           /* networking.istio.io/exportTo; none: to all */
	enum hdl_traffic_distribution effective_distribution; /* of the spec, else of the annotation */
};

struct hdl_container_port {
	struct hdl_pos pos;
	struct hdl_text name;
	struct hdl_opt_int container_port;
	struct hdl_opt_enum protocol;
};

struct hdl_container {
	struct hdl_pos pos;
	struct hdl_text name;
	HDL_ARRAY_OF(struct hdl_container_port) ports;
	struct hdl_text restart_policy; /* "Always" on an init container: it runs beside the others */
};

struct hdl_pod_ip {
	struct hdl_pos pos;
	struct hdl_text ip;
};

struct hdl_pod_condition {
	struct hdl_pos pos;
	struct hdl_text type, status;
};

struct hdl_pod {
	struct hdl_pos pos;
	/* spec */
	struct hdl_text node_name, service_account_name;
	struct hdl_opt_bool host_network;
	HDL_ARRAY_OF(struct hdl_container) containers;
	HDL_ARRAY_OF(struct hdl_container) init_containers;
	/* status */
	struct hdl_text phase;
	struct hdl_text pod_ip;
	HDL_ARRAY_OF(struct hdl_pod_ip) pod_ips; /* both families; addresses that parse */
	HDL_ARRAY_OF(struct hdl_pod_condition) conditions;
};

/*
 * Number of the container port of that name and protocol, of the containers and of init containers that stay; 0: none.
 * This is how a targetPort that is a name becomes a number.
 */
uint16_t hdl_pod_port(const struct hdl_pod *pod, const char *name, enum hdl_port_protocol protocol);
/* Condition Ready is True. */
bool hdl_pod_ready(const struct hdl_pod *pod);

enum hdl_address_type { HDL_ADDRESS_IPV4, HDL_ADDRESS_IPV6, HDL_ADDRESS_FQDN };

struct hdl_endpoint_conditions {
	struct hdl_pos pos;
	struct hdl_opt_bool ready, serving, terminating; /* ready absent: true */
};

struct hdl_object_ref {
	struct hdl_pos pos;
	struct hdl_text kind, ns, name;
};

struct hdl_hint {
	struct hdl_pos pos;
	struct hdl_text name; /* present */
};

struct hdl_endpoint_hints {
	struct hdl_pos pos;
	HDL_ARRAY_OF(struct hdl_hint) for_zones;
	HDL_ARRAY_OF(struct hdl_hint) for_nodes;
};

struct hdl_kube_endpoint {
	struct hdl_pos pos;
	struct hdl_texts addresses; /* at least one */
	struct hdl_endpoint_conditions *conditions;
	struct hdl_object_ref *target_ref;
	struct hdl_text node_name, zone, hostname;
	struct hdl_endpoint_hints *hints;
};

/* It takes new traffic (D.4): ready is absent or true. */
static inline bool hdl_endpoint_ready(const struct hdl_kube_endpoint *endpoint)
{
	return !endpoint->conditions || !endpoint->conditions->ready.has || endpoint->conditions->ready.value;
}

/* It answers, new traffic or not: serving, or ready where serving is absent. */
static inline bool hdl_endpoint_serving(const struct hdl_kube_endpoint *endpoint)
{
	return endpoint->conditions && endpoint->conditions->serving.has ? endpoint->conditions->serving.value :
									   hdl_endpoint_ready(endpoint);
}

static inline bool hdl_endpoint_terminating(const struct hdl_kube_endpoint *endpoint)
{
	return endpoint->conditions && endpoint->conditions->terminating.has && endpoint->conditions->terminating.value;
}

struct hdl_endpoint_port {
	struct hdl_pos pos;
	struct hdl_text name; /* absent or "": matches the unnamed port of the service */
	struct hdl_opt_int port;
	struct hdl_opt_enum protocol; /* enum hdl_port_protocol */
	struct hdl_text app_protocol;
};

/* Belongs to the service named by the label kubernetes.io/service-name (D.4). */
struct hdl_endpoint_slice {
	struct hdl_pos pos;
	struct hdl_opt_enum address_type; /* present; enum hdl_address_type */
	HDL_ARRAY_OF(struct hdl_kube_endpoint) endpoints;
	HDL_ARRAY_OF(struct hdl_endpoint_port) ports;
};

/* ---- objects without traffic of their own ---- */

struct hdl_node_address {
	struct hdl_pos pos;
	struct hdl_text type; /* InternalIP, ExternalIP, Hostname, ... */
	struct hdl_text address;
};

/* Its locality is in labels of its metadata: hdl_node_locality(). */
struct hdl_kube_node {
	struct hdl_pos pos;
	/* spec */
	struct hdl_text pod_cidr;
	struct hdl_texts pod_cidrs; /* prefixes */
	struct hdl_opt_bool unschedulable;
	/* status */
	HDL_ARRAY_OF(struct hdl_node_address) addresses;
};

struct hdl_locality_names {
	const char *region, *zone, *subzone; /* "" when unknown */
};

struct hdl_locality_names hdl_node_locality(const struct hdl_kvs *labels);

struct hdl_namespace {
	struct hdl_pos pos;
	struct hdl_text phase;
};

struct hdl_secret {
	struct hdl_pos pos;
	struct hdl_text type; /* absent: "Opaque" */
	struct hdl_kbytes_list data;
	struct hdl_kvs string_data; /* in place of data with the same key */
};

struct hdl_mesh_config; /* model/meshconfig.h */

struct hdl_config_map {
	struct hdl_pos pos;
	struct hdl_kvs data;
	struct hdl_kbytes_list binary_data; /* no key of data */
	const struct hdl_mesh_config *mesh; /* of `istio` with the key `mesh`; NULL: not such a one */
};

/* Bytes under a key; p is NULL when there is no such key. They live as long as the object. */
struct hdl_str hdl_secret_get(const struct hdl_secret *secret, const char *key);
struct hdl_str hdl_config_map_get(const struct hdl_config_map *config_map, const char *key);

#endif
