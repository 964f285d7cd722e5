/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of Kubernetes' core resources that Heddle uses; their other fields are skipped. */
#ifndef HDL_MODEL_KUBE_H
#define HDL_MODEL_KUBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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
	/* status */
	struct hdl_text phase;
	struct hdl_text pod_ip;
	HDL_ARRAY_OF(struct hdl_pod_ip) pod_ips; /* both families; addresses that parse */
	HDL_ARRAY_OF(struct hdl_pod_condition) conditions;
};

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

struct hdl_kube_endpoint {
	struct hdl_pos pos;
	struct hdl_texts addresses; /* at least one */
	struct hdl_endpoint_conditions *conditions;
	struct hdl_object_ref *target_ref;
	struct hdl_text node_name, zone, hostname;
};

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

#endif
