/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of Istio's Sidecar. */
#include "model/check.h"
#include "model/schema.h"
#include "model/sidecar.h"

#define ACCEPTED .support = HDL_ACCEPTED
#define REQUIRED .flags = HDL_FIELD_REQUIRED

static const struct hdl_field port_fields[] = {
	HDL_INT(struct hdl_sidecar_port, number, "number", 0, 65535, "port that clients dial; 0 with a Unix socket"),
	HDL_STRING(struct hdl_sidecar_port, protocol, "protocol", "HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS"),
	HDL_STRING(struct hdl_sidecar_port, name, "name", "name of the port"),
	HDL_INT(struct hdl_sidecar_port, target_port, "targetPort", 0, 65535, "must not be used"),
};
static const struct hdl_message port =
	HDL_MESSAGE_TABLE("SidecarPort", struct hdl_sidecar_port, port_fields, hdl_check_sidecar_port);

static const struct hdl_enum_value capture_mode[] = {
	{ "DEFAULT", HDL_CAPTURE_DEFAULT },
	{ "IPTABLES", HDL_CAPTURE_IPTABLES },
	{ "NONE", HDL_CAPTURE_NONE },
	{ NULL, 0 },
};

static const struct hdl_field ingress_fields[] = {
	HDL_MESSAGE(struct hdl_sidecar_ingress, port, "port", &port, "port of the workload", REQUIRED),
	HDL_STRING(struct hdl_sidecar_ingress, bind, "bind", "address to listen on"),
	HDL_ENUM(struct hdl_sidecar_ingress, capture_mode, "captureMode", capture_mode, "how traffic gets there"),
	HDL_STRING(struct hdl_sidecar_ingress, default_endpoint, "defaultEndpoint",
		   "where the application listens: 127.0.0.1:port, 0.0.0.0:port, [::1]:port or unix:///path"),
	HDL_MESSAGE(struct hdl_sidecar_ingress, tls, "tls", &hdl_schema_server_tls, "TLS of the listener"),
	HDL_MESSAGE(struct hdl_sidecar_ingress, connection_pool, "connectionPool", &hdl_schema_connection_pool,
		    "limits and timeouts of the listener"),
};
static const struct hdl_message ingress = HDL_MESSAGE_TABLE("IstioIngressListener", struct hdl_sidecar_ingress,
							    ingress_fields, hdl_check_sidecar_ingress);

static const struct hdl_field egress_fields[] = {
	HDL_MESSAGE(struct hdl_sidecar_egress, port, "port", &port,
		    "port that clients dial; without it the entry is for every port, and must be the last"),
	HDL_STRING(struct hdl_sidecar_egress, bind, "bind", "address that clients dial", ACCEPTED),
	HDL_ENUM(struct hdl_sidecar_egress, capture_mode, "captureMode", capture_mode, "how traffic is taken over",
		 ACCEPTED),
	HDL_STRINGS(struct hdl_sidecar_egress, hosts, "hosts",
		    "services that can be reached: namespace/name; namespace is a name, *, . or ~", REQUIRED,
		    .max = 10000),
};
static const struct hdl_message egress =
	HDL_MESSAGE_TABLE("IstioEgressListener", struct hdl_sidecar_egress, egress_fields, hdl_check_sidecar_egress);

static const struct hdl_field selector_fields[] = {
	HDL_STRING_MAP(struct hdl_sidecar_selector, labels, "labels", "labels that the workloads have", .max = 256),
};
static const struct hdl_message selector =
	HDL_MESSAGE_TABLE("WorkloadSelector", struct hdl_sidecar_selector, selector_fields, hdl_check_sidecar_selector);

static const struct hdl_enum_value outbound_mode[] = {
	{ "REGISTRY_ONLY", HDL_OUTBOUND_REGISTRY_ONLY },
	{ "ALLOW_ANY", HDL_OUTBOUND_ALLOW_ANY },
	{ NULL, 0 },
};
static const struct hdl_field outbound_fields[] = {
	HDL_ENUM(struct hdl_outbound_policy, mode, "mode", outbound_mode,
		 "destinations that no service has: refused (REGISTRY_ONLY) or let through (ALLOW_ANY) (REGISTRY_ONLY)"),
	HDL_MESSAGE(struct hdl_outbound_policy, egress_proxy, "egressProxy", &hdl_schema_destination,
		    "service that unknown destinations are sent to", ACCEPTED),
};
static const struct hdl_message outbound = HDL_MESSAGE_TABLE("OutboundTrafficPolicy", struct hdl_outbound_policy,
							     outbound_fields, hdl_check_outbound_policy);

static const struct hdl_field spec_fields[] = {
	HDL_MESSAGE(struct hdl_sidecar, workload_selector, "workloadSelector", &selector,
		    "pods that it is for (all of the namespace)"),
	HDL_MESSAGES(struct hdl_sidecar, ingress, "ingress", &ingress, "listeners for traffic to the workload",
		     ACCEPTED, .max = 1000,
		     .note = "Traffic to a pod is not taken over on its node, so there is no listener to set up"),
	HDL_MESSAGES(
		struct hdl_sidecar, egress, "egress", &egress, "what the workload can reach, by port", .max = 1000,
		.note = "The address of a service that is not seen leads to it without its rules; with REGISTRY_ONLY connections to it are refused (EPERM)"),
	HDL_MESSAGE(struct hdl_sidecar, inbound_connection_pool, "inboundConnectionPool", &hdl_schema_connection_pool,
		    "limits and timeouts of traffic to the workload", ACCEPTED),
	HDL_MESSAGE(
		struct hdl_sidecar, outbound_traffic_policy, "outboundTrafficPolicy", &outbound,
		"destinations that no service has, in place of the mesh's policy",
		.note = "Connections and datagrams to an address that no service has which the client sees are refused (EPERM); a request whose Host names no such service is answered with 502, where requests are read. Loopback, addresses of the node, groups and port 53 stay open"),
};
static const struct hdl_message spec = HDL_MESSAGE_TABLE("Sidecar", struct hdl_sidecar, spec_fields, hdl_check_sidecar);

static const struct hdl_field object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &spec, "the restrictions", REQUIRED),
	HDL_ANY("status", "not read"),
};
const struct hdl_message hdl_schema_sidecar = HDL_MESSAGE_TABLE("Sidecar", struct hdl_sidecar, object_fields, NULL);
