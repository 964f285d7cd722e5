/* SPDX-License-Identifier: Apache-2.0 */
/* The list of all kinds. */
#include "model/schema.h"

static const char *const istio[] = { "v1", "v1beta1", "v1alpha3", NULL };
static const char *const v1[] = { "v1", NULL };
static const char *const v1_v1beta1[] = { "v1", "v1beta1", NULL };
static const char *const v1_v1alpha2[] = { "v1", "v1alpha2", NULL };
static const char *const v1_v1alpha3[] = { "v1", "v1alpha3", NULL };
static const char *const tls_route[] = { "v1", "v1alpha3", "v1alpha2", NULL };
static const char *const v1alpha1[] = { "v1alpha1", NULL };

#define KIND(n, g, v, m, ...)                                                                 \
	{                                                                                     \
		.name = n, .group = g, .versions = v, .message = &hdl_schema_##m, __VA_ARGS__ \
	}
#define NAMESPACED .namespaced = true
#define ISTIO(n, m) KIND(n, "networking.istio.io", istio, m, NAMESPACED)
#define GATEWAY_API(n, v, m, ...) KIND(n, "gateway.networking.k8s.io", v, m, __VA_ARGS__)
/* Others define these, and we use a part of them. */
#define CORE(n, g, m, ...) KIND(n, g, v1, m, .open = true, __VA_ARGS__)

const struct hdl_kind_schema hdl_kind_schemas[HDL_KINDS] = {
	[HDL_KIND_VIRTUAL_SERVICE] = ISTIO("VirtualService", virtual_service),
	[HDL_KIND_DESTINATION_RULE] = ISTIO("DestinationRule", destination_rule),
	[HDL_KIND_GATEWAY] = ISTIO("Gateway", gateway),
	[HDL_KIND_SERVICE_ENTRY] = ISTIO("ServiceEntry", service_entry),
	[HDL_KIND_WORKLOAD_ENTRY] = ISTIO("WorkloadEntry", workload_entry),
	[HDL_KIND_SIDECAR] = ISTIO("Sidecar", sidecar),
	[HDL_KIND_ISTIO_OPERATOR] = KIND("IstioOperator", "install.istio.io", v1alpha1, istio_operator, NAMESPACED,
					 .default_name = "installed-state"),
	[HDL_KIND_GATEWAY_CLASS] = GATEWAY_API("GatewayClass", v1_v1beta1, gateway_class),
	[HDL_KIND_KUBE_GATEWAY] = GATEWAY_API("Gateway", v1_v1beta1, kube_gateway, NAMESPACED),
	[HDL_KIND_HTTP_ROUTE] = GATEWAY_API("HTTPRoute", v1_v1beta1, http_route, NAMESPACED),
	[HDL_KIND_GRPC_ROUTE] = GATEWAY_API("GRPCRoute", v1_v1alpha2, grpc_route, NAMESPACED),
	[HDL_KIND_TLS_ROUTE] = GATEWAY_API("TLSRoute", tls_route, tls_route, NAMESPACED),
	[HDL_KIND_TCP_ROUTE] = GATEWAY_API("TCPRoute", v1_v1alpha2, tcp_route, NAMESPACED),
	[HDL_KIND_UDP_ROUTE] = GATEWAY_API("UDPRoute", v1_v1alpha2, udp_route, NAMESPACED),
	[HDL_KIND_REFERENCE_GRANT] = GATEWAY_API("ReferenceGrant", v1_v1beta1, reference_grant, NAMESPACED),
	[HDL_KIND_BACKEND_TLS_POLICY] = GATEWAY_API("BackendTLSPolicy", v1_v1alpha3, backend_tls_policy, NAMESPACED),
	[HDL_KIND_SERVICE] = CORE("Service", "", service, NAMESPACED),
	[HDL_KIND_POD] = CORE("Pod", "", pod, NAMESPACED),
	[HDL_KIND_ENDPOINT_SLICE] = CORE("EndpointSlice", "discovery.k8s.io", endpoint_slice, NAMESPACED),
	[HDL_KIND_NODE] = CORE("Node", "", node),
	[HDL_KIND_NAMESPACE] = CORE("Namespace", "", namespace),
	[HDL_KIND_SECRET] = CORE("Secret", "", secret, NAMESPACED),
	[HDL_KIND_CONFIG_MAP] = CORE("ConfigMap", "", config_map, NAMESPACED),
	[HDL_KIND_NODE_CONFIG] = KIND("NodeConfig", "heddle.io", v1alpha1, node_config),
};
