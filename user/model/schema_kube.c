/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of metadata, Service, Pod and EndpointSlice, as far as they are used. */
#include "model/check.h"
#include "model/schema.h"

#define REQUIRED .flags = HDL_FIELD_REQUIRED

/* ---- metadata ---- */

static const struct hdl_field owner_fields[] = {
	HDL_STRING(struct hdl_owner, api_version, "apiVersion", "API group and version of the owner", REQUIRED),
	HDL_STRING(struct hdl_owner, kind, "kind", "kind of the owner", REQUIRED),
	HDL_STRING(struct hdl_owner, name, "name", "name of the owner", REQUIRED),
	HDL_BOOL(struct hdl_owner, controller, "controller", "the owner manages the object"),
	HDL_ANY("uid", "not read"),
	HDL_ANY("blockOwnerDeletion", "not read"),
};
static const struct hdl_message owner = HDL_MESSAGE_TABLE("OwnerReference", struct hdl_owner, owner_fields, NULL);

static const struct hdl_field metadata_fields[] = {
	HDL_STRING(struct hdl_metadata, name, "name", "name of the object", REQUIRED),
	HDL_STRING(struct hdl_metadata, ns, "namespace", "namespace of the object (default)"),
	HDL_STRING_MAP(struct hdl_metadata, labels, "labels", "labels"),
	HDL_STRING_MAP(struct hdl_metadata, annotations, "annotations", "annotations"),
	HDL_TIME(struct hdl_metadata, created, "creationTimestamp", "of two rules that both have one the older counts"),
	HDL_ANY("deletionGracePeriodSeconds", "not read"),
	HDL_TIME(struct hdl_metadata, deleted, "deletionTimestamp", "when the object is to go"),
	HDL_ANY("finalizers", "not read"),
	HDL_ANY("generateName", "not read"),
	HDL_INT(struct hdl_metadata, generation, "generation", 0, INT64_MAX, "number of the version of the spec"),
	HDL_ANY("managedFields", "not read"),
	HDL_MESSAGES(struct hdl_metadata, owners, "ownerReferences", &owner, "objects that this one belongs to",
		     .max = 1000),
	HDL_ANY("resourceVersion", "not read"),
	HDL_ANY("selfLink", "not read"),
	HDL_ANY("uid", "not read"),
	HDL_ANY("clusterName", "not read"),
};
const struct hdl_message hdl_schema_metadata =
	HDL_MESSAGE_TABLE("ObjectMeta", struct hdl_metadata, metadata_fields, hdl_check_metadata);

/* ---- Service ---- */

static const struct hdl_enum_value port_protocol[] = {
	{ "TCP", HDL_PORT_TCP }, { "UDP", HDL_PORT_UDP }, { "SCTP", HDL_PORT_SCTP }, { NULL, 0 }
};
static const struct hdl_enum_value service_type[] = {
	{ "ClusterIP", HDL_SERVICE_CLUSTER_IP },
	{ "NodePort", HDL_SERVICE_NODE_PORT },
	{ "LoadBalancer", HDL_SERVICE_LOAD_BALANCER },
	{ "ExternalName", HDL_SERVICE_EXTERNAL_NAME },
	{ NULL, 0 },
};
static const struct hdl_enum_value affinity[] = { { "None", HDL_AFFINITY_NONE },
						  { "ClientIP", HDL_AFFINITY_CLIENT_IP },
						  { NULL, 0 } };
static const struct hdl_enum_value traffic_policy[] = { { "Cluster", HDL_TRAFFIC_CLUSTER },
							{ "Local", HDL_TRAFFIC_LOCAL },
							{ NULL, 0 } };

static const struct hdl_field service_port_fields[] = {
	HDL_STRING(struct hdl_service_port, name, "name", "name of the port; its first part is the protocol"),
	HDL_INT(struct hdl_service_port, port, "port", 1, 65535, "port of the service", REQUIRED),
	HDL_INT_OR_STRING(struct hdl_service_port, target_port, "targetPort", "port of the pods", .min = 0,
			  .max = 65535),
	HDL_INT(struct hdl_service_port, node_port, "nodePort", 0, 65535, "port of the nodes"),
	HDL_ENUM(struct hdl_service_port, protocol, "protocol", port_protocol, "TCP, UDP or SCTP (TCP)"),
	HDL_STRING(struct hdl_service_port, app_protocol, "appProtocol", "protocol spoken on the port"),
};
static const struct hdl_message service_port =
	HDL_MESSAGE_TABLE("ServicePort", struct hdl_service_port, service_port_fields, NULL);

static const struct hdl_enum_value traffic_distribution[] = {
	{ "PreferClose", HDL_DISTRIBUTION_SAME_ZONE },
	{ "PreferSameZone", HDL_DISTRIBUTION_SAME_ZONE },
	{ "PreferSameNode", HDL_DISTRIBUTION_SAME_NODE },
	{ NULL, 0 },
};

static const struct hdl_field client_ip_fields[] = {
	HDL_INT(struct hdl_client_ip_affinity, timeout_seconds, "timeoutSeconds", 1, 86400,
		"how long a client is remembered (10800)"),
};
static const struct hdl_message client_ip =
	HDL_MESSAGE_TABLE("ClientIPConfig", struct hdl_client_ip_affinity, client_ip_fields, NULL);

static const struct hdl_field affinity_config_fields[] = {
	HDL_MESSAGE(struct hdl_session_affinity_config, client_ip, "clientIP", &client_ip, "of affinity ClientIP"),
};
static const struct hdl_message affinity_config =
	HDL_MESSAGE_TABLE("SessionAffinityConfig", struct hdl_session_affinity_config, affinity_config_fields, NULL);

static const struct hdl_field service_fields[] = {
	HDL_ENUM(struct hdl_kube_service, type, "type", service_type, "type of the service (ClusterIP)"),
	HDL_STRING(struct hdl_kube_service, cluster_ip, "clusterIP", "address, or None"),
	HDL_STRINGS(struct hdl_kube_service, cluster_ips, "clusterIPs", "addresses", .max = 2),
	HDL_STRINGS(struct hdl_kube_service, external_ips, "externalIPs", "further addresses"),
	HDL_STRING_MAP(struct hdl_kube_service, selector, "selector", "labels of the pods"),
	HDL_MESSAGES(struct hdl_kube_service, ports, "ports", &service_port, "ports", .max = 1000),
	HDL_ENUM(
		struct hdl_kube_service, session_affinity, "sessionAffinity", affinity, "None or ClientIP (None)",
		.note = "Honoured where no DestinationRule sets a load balancer. A hash of the client's address chooses; at "
			"layer 4 clients stay where they are, whatever it would choose now, until timeoutSeconds after "
			"their last connection"),
	HDL_BOOL(struct hdl_kube_service, publish_not_ready_addresses, "publishNotReadyAddresses",
		 "all pods count as ready"),
	HDL_STRING(struct hdl_kube_service, external_name, "externalName", "name that stands for the service"),
	HDL_ENUM(struct hdl_kube_service, internal_traffic_policy, "internalTrafficPolicy", traffic_policy,
		 "Cluster or Local",
		 .note = "Local: endpoints of this node only (NodeConfig nodeName); without one nothing is dialled"),
	HDL_ENUM(struct hdl_kube_service, external_traffic_policy, "externalTrafficPolicy", traffic_policy,
		 "Cluster or Local"),
	HDL_MESSAGE(struct hdl_kube_service, session_affinity_config, "sessionAffinityConfig", &affinity_config,
		    "details of sessionAffinity"),
	HDL_STRINGS(struct hdl_kube_service, load_balancer_source_ranges, "loadBalancerSourceRanges",
		    "clients of the load balancer's addresses", .max = 1000),
	HDL_ENUM(struct hdl_kube_service, traffic_distribution, "trafficDistribution", traffic_distribution,
		 "endpoints to prefer; PreferClose is PreferSameZone",
		 .note = "By the labels of Node objects, without outlierDetection. A localityLbSetting of a DestinationRule "
			 "comes before it"),
};
static const struct hdl_message service_spec =
	HDL_MESSAGE_TABLE("ServiceSpec", struct hdl_kube_service, service_fields, hdl_check_service);

static const struct hdl_field ingress_fields[] = {
	HDL_STRING(struct hdl_ingress_address, ip, "ip", "address"),
	HDL_STRING(struct hdl_ingress_address, hostname, "hostname", "name"),
};
static const struct hdl_message ingress =
	HDL_MESSAGE_TABLE("LoadBalancerIngress", struct hdl_ingress_address, ingress_fields, hdl_check_ingress_address);

static const struct hdl_field load_balancer_fields[] = {
	HDL_MESSAGES(struct hdl_load_balancer_status, ingress, "ingress", &ingress, "addresses of the load balancer",
		     .max = 1000),
};
static const struct hdl_message load_balancer =
	HDL_MESSAGE_TABLE("LoadBalancerStatus", struct hdl_load_balancer_status, load_balancer_fields, NULL);

static const struct hdl_field service_status_fields[] = {
	HDL_MESSAGE(struct hdl_kube_service, load_balancer, "loadBalancer", &load_balancer, "its load balancer"),
};
static const struct hdl_message service_status =
	HDL_MESSAGE_TABLE("ServiceStatus", struct hdl_kube_service, service_status_fields, NULL);

static const struct hdl_field service_object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &service_spec, "the service", REQUIRED),
	HDL_INLINE("status", &service_status, "its state"),
};
const struct hdl_message hdl_schema_service =
	HDL_MESSAGE_TABLE("Service", struct hdl_kube_service, service_object_fields, NULL);

/* ---- Pod ---- */

static const struct hdl_field container_port_fields[] = {
	HDL_STRING(struct hdl_container_port, name, "name", "name that a Service's targetPort may use"),
	HDL_INT(struct hdl_container_port, container_port, "containerPort", 1, 65535, "port"),
	HDL_ENUM(struct hdl_container_port, protocol, "protocol", port_protocol, "TCP, UDP or SCTP (TCP)"),
};
static const struct hdl_message container_port =
	HDL_MESSAGE_TABLE("ContainerPort", struct hdl_container_port, container_port_fields, NULL);

static const struct hdl_field container_fields[] = {
	HDL_STRING(struct hdl_container, name, "name", "name of the container"),
	HDL_MESSAGES(struct hdl_container, ports, "ports", &container_port, "ports", .max = 1000),
	HDL_STRING(struct hdl_container, restart_policy, "restartPolicy",
		   "Always makes an init container run beside the others"),
};
static const struct hdl_message container =
	HDL_MESSAGE_TABLE("Container", struct hdl_container, container_fields, NULL);

static const struct hdl_field pod_spec_fields[] = {
	HDL_STRING(struct hdl_pod, node_name, "nodeName", "node that the pod is on"),
	HDL_STRING(struct hdl_pod, service_account_name, "serviceAccountName", "identity"),
	HDL_BOOL(struct hdl_pod, host_network, "hostNetwork", "the pod uses the node's network"),
	HDL_MESSAGES(struct hdl_pod, containers, "containers", &container, "containers", .max = 1000),
	HDL_MESSAGES(struct hdl_pod, init_containers, "initContainers", &container, "containers that run first",
		     .max = 1000),
};
static const struct hdl_message pod_spec = HDL_MESSAGE_TABLE("PodSpec", struct hdl_pod, pod_spec_fields, NULL);

static const struct hdl_field pod_ip_fields[] = {
	HDL_STRING(struct hdl_pod_ip, ip, "ip", "address"),
};
static const struct hdl_message pod_ip = HDL_MESSAGE_TABLE("PodIP", struct hdl_pod_ip, pod_ip_fields, hdl_check_pod_ip);

static const struct hdl_field pod_condition_fields[] = {
	HDL_STRING(struct hdl_pod_condition, type, "type", "Ready and others"),
	HDL_STRING(struct hdl_pod_condition, status, "status", "True, False or Unknown"),
};
static const struct hdl_message pod_condition =
	HDL_MESSAGE_TABLE("PodCondition", struct hdl_pod_condition, pod_condition_fields, NULL);

static const struct hdl_field pod_status_fields[] = {
	HDL_STRING(struct hdl_pod, phase, "phase", "Running and others"),
	HDL_STRING(struct hdl_pod, pod_ip, "podIP", "address"),
	HDL_MESSAGES(struct hdl_pod, pod_ips, "podIPs", &pod_ip, "addresses of both families"),
	HDL_MESSAGES(struct hdl_pod, conditions, "conditions", &pod_condition, "conditions"),
};
static const struct hdl_message pod_status =
	HDL_MESSAGE_TABLE("PodStatus", struct hdl_pod, pod_status_fields, hdl_check_pod_status);

static const struct hdl_field pod_object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &pod_spec, "the pod"),
	HDL_INLINE("status", &pod_status, "its state"),
};
const struct hdl_message hdl_schema_pod = HDL_MESSAGE_TABLE("Pod", struct hdl_pod, pod_object_fields, NULL);

/* ---- EndpointSlice ---- */

static const struct hdl_enum_value address_type[] = {
	{ "IPv4", HDL_ADDRESS_IPV4 }, { "IPv6", HDL_ADDRESS_IPV6 }, { "FQDN", HDL_ADDRESS_FQDN }, { NULL, 0 }
};

static const struct hdl_field endpoint_conditions_fields[] = {
	HDL_BOOL(struct hdl_endpoint_conditions, ready, "ready", "takes traffic (true)"),
	HDL_BOOL(struct hdl_endpoint_conditions, serving, "serving", "answers"),
	HDL_BOOL(struct hdl_endpoint_conditions, terminating, "terminating", "is going away"),
};
static const struct hdl_message endpoint_conditions =
	HDL_MESSAGE_TABLE("EndpointConditions", struct hdl_endpoint_conditions, endpoint_conditions_fields, NULL);

static const struct hdl_field object_ref_fields[] = {
	HDL_STRING(struct hdl_object_ref, kind, "kind", "kind of the object"),
	HDL_STRING(struct hdl_object_ref, ns, "namespace", "namespace of the object"),
	HDL_STRING(struct hdl_object_ref, name, "name", "name of the object"),
};
static const struct hdl_message object_ref =
	HDL_MESSAGE_TABLE("ObjectReference", struct hdl_object_ref, object_ref_fields, NULL);

static const struct hdl_field hint_fields[] = {
	HDL_STRING(struct hdl_hint, name, "name", "name of the zone or node", REQUIRED),
};
static const struct hdl_message hint = HDL_MESSAGE_TABLE("ForZone", struct hdl_hint, hint_fields, NULL);

static const struct hdl_field hints_fields[] = {
	HDL_MESSAGES(struct hdl_endpoint_hints, for_zones, "forZones", &hint, "zones whose clients should use it",
		     .max = 1000),
	HDL_MESSAGES(struct hdl_endpoint_hints, for_nodes, "forNodes", &hint, "nodes whose clients should use it",
		     .max = 1000),
};
static const struct hdl_message hints =
	HDL_MESSAGE_TABLE("EndpointHints", struct hdl_endpoint_hints, hints_fields, NULL);

static const struct hdl_field endpoint_fields[] = {
	HDL_STRINGS(struct hdl_kube_endpoint, addresses, "addresses", "addresses of the endpoint", REQUIRED,
		    .max = 100),
	HDL_MESSAGE(struct hdl_kube_endpoint, conditions, "conditions", &endpoint_conditions, "its state"),
	HDL_MESSAGE(struct hdl_kube_endpoint, target_ref, "targetRef", &object_ref, "pod behind it"),
	HDL_STRING(struct hdl_kube_endpoint, node_name, "nodeName", "node that it is on"),
	HDL_STRING(struct hdl_kube_endpoint, zone, "zone", "zone that it is in"),
	HDL_STRING(struct hdl_kube_endpoint, hostname, "hostname", "name in a headless service"),
	HDL_MESSAGE(struct hdl_kube_endpoint, hints, "hints", &hints, "clients that should use it",
		    .note = "Not looked at, as in Istio: trafficDistribution decides by where endpoints are"),
};
static const struct hdl_message endpoint =
	HDL_MESSAGE_TABLE("Endpoint", struct hdl_kube_endpoint, endpoint_fields, NULL);

static const struct hdl_field endpoint_port_fields[] = {
	HDL_STRING(struct hdl_endpoint_port, name, "name", "name of the service's port"),
	HDL_INT(struct hdl_endpoint_port, port, "port", 1, 65535, "port of the endpoints"),
	HDL_ENUM(struct hdl_endpoint_port, protocol, "protocol", port_protocol, "TCP, UDP or SCTP (TCP)"),
	HDL_STRING(struct hdl_endpoint_port, app_protocol, "appProtocol", "protocol spoken on the port"),
};
static const struct hdl_message endpoint_port =
	HDL_MESSAGE_TABLE("EndpointPort", struct hdl_endpoint_port, endpoint_port_fields, NULL);

static const struct hdl_field slice_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_ENUM(struct hdl_endpoint_slice, address_type, "addressType", address_type, "IPv4, IPv6 or FQDN", REQUIRED),
	HDL_MESSAGES(struct hdl_endpoint_slice, endpoints, "endpoints", &endpoint, "endpoints"),
	HDL_MESSAGES(struct hdl_endpoint_slice, ports, "ports", &endpoint_port, "ports of each endpoint", .max = 1000),
};
const struct hdl_message hdl_schema_endpoint_slice =
	HDL_MESSAGE_TABLE("EndpointSlice", struct hdl_endpoint_slice, slice_fields, hdl_check_endpoint_slice);
