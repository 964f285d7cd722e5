/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of the Gateway API's GatewayClass, Gateway, ReferenceGrant and BackendTLSPolicy (specification F.1). */
#include "model/check_gwapi.h"
#include "model/schema.h"

#define ACCEPTED .support = HDL_ACCEPTED
#define REQUIRED .flags = HDL_FIELD_REQUIRED

/* ---- references ---- */

#define REF_GROUP HDL_STRING(struct hdl_gwapi_ref, group, "group", "API group of the object")
#define REF_KIND HDL_STRING(struct hdl_gwapi_ref, kind, "kind", "kind of the object", REQUIRED)
#define REF_NAME HDL_STRING(struct hdl_gwapi_ref, name, "name", "name of the object", REQUIRED)
#define REF_OTHER_NS \
	HDL_STRING(struct hdl_gwapi_ref, ns, "namespace", "namespace; another one needs a ReferenceGrant there")

static const struct hdl_field parameters_ref_fields[] = {
	REF_GROUP,
	REF_KIND,
	REF_NAME,
	HDL_STRING(struct hdl_gwapi_ref, ns, "namespace", "namespace of the object"),
};
static const struct hdl_message parameters_ref =
	HDL_MESSAGE_TABLE("ParametersReference", struct hdl_gwapi_ref, parameters_ref_fields, hdl_check_gwapi_ref);

static const struct hdl_field local_parameters_ref_fields[] = {
	REF_GROUP,
	REF_KIND,
	REF_NAME,
};
static const struct hdl_message local_parameters_ref = HDL_MESSAGE_TABLE(
	"LocalParametersReference", struct hdl_gwapi_ref, local_parameters_ref_fields, hdl_check_gwapi_ref);

static const struct hdl_field local_object_ref_fields[] = {
	REF_GROUP,
	REF_KIND,
	REF_NAME,
};
static const struct hdl_message local_object_ref =
	HDL_MESSAGE_TABLE("LocalObjectReference", struct hdl_gwapi_ref, local_object_ref_fields, hdl_check_gwapi_ref);

static const struct hdl_field secret_ref_fields[] = {
	HDL_STRING(struct hdl_gwapi_ref, group, "group", "API group of the object (core)"),
	HDL_STRING(struct hdl_gwapi_ref, kind, "kind", "kind of the object (Secret)"),
	REF_NAME,
	REF_OTHER_NS,
};
static const struct hdl_message secret_ref =
	HDL_MESSAGE_TABLE("SecretObjectReference", struct hdl_gwapi_ref, secret_ref_fields, hdl_check_gwapi_ref);

static const struct hdl_field object_ref_fields[] = {
	REF_GROUP,
	REF_KIND,
	REF_NAME,
	REF_OTHER_NS,
};
static const struct hdl_message object_ref =
	HDL_MESSAGE_TABLE("ObjectReference", struct hdl_gwapi_ref, object_ref_fields, hdl_check_gwapi_ref);

/* ---- selectors ---- */

static const struct hdl_field requirement_fields[] = {
	HDL_STRING(struct hdl_gwapi_requirement, key, "key", "key of a label", REQUIRED),
	HDL_STRING(struct hdl_gwapi_requirement, op, "operator", "In, NotIn, Exists or DoesNotExist", REQUIRED),
	HDL_STRINGS(struct hdl_gwapi_requirement, values, "values", "values, for In and NotIn"),
};
static const struct hdl_message requirement = HDL_MESSAGE_TABLE(
	"LabelSelectorRequirement", struct hdl_gwapi_requirement, requirement_fields, hdl_check_gwapi_requirement);

static const struct hdl_field selector_fields[] = {
	HDL_STRING_MAP(struct hdl_gwapi_selector, match_labels, "matchLabels", "labels that must be there"),
	HDL_MESSAGES(struct hdl_gwapi_selector, match_expressions, "matchExpressions", &requirement, "conditions"),
};
static const struct hdl_message selector =
	HDL_MESSAGE_TABLE("LabelSelector", struct hdl_gwapi_selector, selector_fields, hdl_check_gwapi_selector);

static const struct hdl_enum_value from[] = { { "Same", HDL_GWAPI_FROM_SAME },
					      { "All", HDL_GWAPI_FROM_ALL },
					      { "Selector", HDL_GWAPI_FROM_SELECTOR },
					      { "None", HDL_GWAPI_FROM_NONE },
					      { NULL, 0 } };
static const struct hdl_field namespaces_fields[] = {
	HDL_ENUM(struct hdl_gwapi_namespaces, from, "from", from, "which namespaces"),
	HDL_MESSAGE(struct hdl_gwapi_namespaces, selector, "selector", &selector, "labels of namespaces, for Selector"),
};
static const struct hdl_message namespaces = HDL_MESSAGE_TABLE("RouteNamespaces", struct hdl_gwapi_namespaces,
							       namespaces_fields, hdl_check_gwapi_namespaces);

/* ---- GatewayClass ---- */

static const struct hdl_field class_fields[] = {
	HDL_STRING(struct hdl_gateway_class, controller_name, "controllerName",
		   "who serves its Gateways; Heddle is " HDL_GWAPI_CONTROLLER, REQUIRED),
	HDL_MESSAGE(struct hdl_gateway_class, parameters_ref, "parametersRef", &parameters_ref,
		    "settings of the controller; Heddle has none"),
	HDL_STRING(struct hdl_gateway_class, description, "description", "text for people"),
};
static const struct hdl_message class_spec =
	HDL_MESSAGE_TABLE("GatewayClass", struct hdl_gateway_class, class_fields, hdl_check_gwapi_class);

static const struct hdl_field class_object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &class_spec, "the class", REQUIRED),
	HDL_ANY("status", "not read"),
};
const struct hdl_message hdl_schema_gateway_class =
	HDL_MESSAGE_TABLE("GatewayClass", struct hdl_gateway_class, class_object_fields, NULL);

/* ---- Gateway ---- */

static const struct hdl_enum_value tls_mode[] = { { "Terminate", HDL_GWAPI_TERMINATE },
						  { "Passthrough", HDL_GWAPI_PASSTHROUGH },
						  { NULL, 0 } };
static const struct hdl_field listener_tls_fields[] = {
	HDL_ENUM(struct hdl_gwapi_listener_tls, mode, "mode", tls_mode, "Terminate or Passthrough (Terminate)"),
	HDL_MESSAGES(struct hdl_gwapi_listener_tls, certificate_refs, "certificateRefs", &secret_ref,
		     "Secrets with the certificates", .max = 64),
	HDL_STRING_MAP(struct hdl_gwapi_listener_tls, options, "options", "settings of implementations"),
};
static const struct hdl_message listener_tls = HDL_MESSAGE_TABLE("ListenerTLSConfig", struct hdl_gwapi_listener_tls,
								 listener_tls_fields, hdl_check_gwapi_listener_tls);

static const struct hdl_field route_kind_fields[] = {
	HDL_STRING(struct hdl_gwapi_route_kind, group, "group", "API group (gateway.networking.k8s.io)"),
	HDL_STRING(struct hdl_gwapi_route_kind, kind, "kind", "kind of route", REQUIRED),
};
static const struct hdl_message route_kind =
	HDL_MESSAGE_TABLE("RouteGroupKind", struct hdl_gwapi_route_kind, route_kind_fields, NULL);

static const struct hdl_field allowed_routes_fields[] = {
	HDL_MESSAGE(struct hdl_gwapi_allowed_routes, namespaces, "namespaces", &namespaces,
		    "namespaces whose routes may attach (Same)"),
	HDL_MESSAGES(struct hdl_gwapi_allowed_routes, kinds, "kinds", &route_kind,
		     "kinds of routes that may attach (those of the protocol)", .max = 8),
};
static const struct hdl_message allowed_routes =
	HDL_MESSAGE_TABLE("AllowedRoutes", struct hdl_gwapi_allowed_routes, allowed_routes_fields, NULL);

static const struct hdl_field listener_fields[] = {
	HDL_STRING(struct hdl_gwapi_listener, name, "name", "name of the listener", REQUIRED),
	HDL_STRING(
		struct hdl_gwapi_listener, hostname, "hostname", "host that is served (all)",
		.note = "Of the listeners of a port the most specific one alone has a request, also when none of its routes is for it"),
	HDL_INT(struct hdl_gwapi_listener, port, "port", 1, 65535, "port to listen on", REQUIRED),
	HDL_STRING(struct hdl_gwapi_listener, protocol, "protocol", "HTTP, HTTPS, TLS, TCP or UDP", REQUIRED,
		   .note = "Only HTTP is served yet: the others are checked, and their status says Programmed False"),
	HDL_MESSAGE(struct hdl_gwapi_listener, tls, "tls", &listener_tls, "TLS of the listener"),
	HDL_MESSAGE(struct hdl_gwapi_listener, allowed_routes, "allowedRoutes", &allowed_routes,
		    "routes that may attach"),
};
static const struct hdl_message listener =
	HDL_MESSAGE_TABLE("Listener", struct hdl_gwapi_listener, listener_fields, hdl_check_gwapi_listener);

static const struct hdl_field address_fields[] = {
	HDL_STRING(struct hdl_gwapi_address, type, "type", "IPAddress, Hostname or a domain/path (IPAddress)"),
	HDL_STRING(struct hdl_gwapi_address, value, "value", "the address"),
};
static const struct hdl_message address =
	HDL_MESSAGE_TABLE("GatewaySpecAddress", struct hdl_gwapi_address, address_fields, hdl_check_gwapi_address);

static const struct hdl_field infrastructure_fields[] = {
	HDL_STRING_MAP(struct hdl_gwapi_infrastructure, labels, "labels", "labels of what is made for the Gateway"),
	HDL_STRING_MAP(struct hdl_gwapi_infrastructure, annotations, "annotations",
		       "annotations of what is made for the Gateway"),
	HDL_MESSAGE(struct hdl_gwapi_infrastructure, parameters_ref, "parametersRef", &local_parameters_ref,
		    "settings of the controller; Heddle has none"),
};
static const struct hdl_message infrastructure =
	HDL_MESSAGE_TABLE("GatewayInfrastructure", struct hdl_gwapi_infrastructure, infrastructure_fields, NULL);

static const struct hdl_field allowed_listeners_fields[] = {
	HDL_MESSAGE(struct hdl_gwapi_allowed_listeners, namespaces, "namespaces", &namespaces,
		    "namespaces whose ListenerSets may attach (None)"),
};
static const struct hdl_message allowed_listeners =
	HDL_MESSAGE_TABLE("AllowedListeners", struct hdl_gwapi_allowed_listeners, allowed_listeners_fields, NULL);

static const struct hdl_enum_value validation_mode[] = { { "AllowValidOnly", HDL_GWAPI_ALLOW_VALID_ONLY },
							 { "AllowInsecureFallback", HDL_GWAPI_ALLOW_INSECURE_FALLBACK },
							 { NULL, 0 } };
static const struct hdl_field frontend_validation_fields[] = {
	HDL_MESSAGES(struct hdl_gwapi_frontend_validation, ca_certificate_refs, "caCertificateRefs", &object_ref,
		     "trusted certificates of clients", REQUIRED, .max = 8),
	HDL_ENUM(struct hdl_gwapi_frontend_validation, mode, "mode", validation_mode,
		 "AllowValidOnly or AllowInsecureFallback (AllowValidOnly)"),
};
static const struct hdl_message frontend_validation = HDL_MESSAGE_TABLE(
	"FrontendTLSValidation", struct hdl_gwapi_frontend_validation, frontend_validation_fields, NULL);

static const struct hdl_field frontend_tls_fields[] = {
	HDL_MESSAGE(struct hdl_gwapi_frontend_tls, validation, "validation", &frontend_validation,
		    "how clients are verified"),
};
static const struct hdl_message frontend_tls =
	HDL_MESSAGE_TABLE("TLSConfig", struct hdl_gwapi_frontend_tls, frontend_tls_fields, NULL);

static const struct hdl_field port_tls_fields[] = {
	HDL_INT(struct hdl_gwapi_port_tls, port, "port", 1, 65535, "port of listeners", REQUIRED),
	HDL_MESSAGE(struct hdl_gwapi_port_tls, tls, "tls", &frontend_tls, "TLS of that port", REQUIRED),
};
static const struct hdl_message port_tls =
	HDL_MESSAGE_TABLE("TLSPortConfig", struct hdl_gwapi_port_tls, port_tls_fields, NULL);

static const struct hdl_field gateway_frontend_fields[] = {
	HDL_MESSAGE(struct hdl_gwapi_gateway_frontend, all, "default", &frontend_tls, "TLS of all HTTPS listeners",
		    REQUIRED),
	HDL_MESSAGES(struct hdl_gwapi_gateway_frontend, per_port, "perPort", &port_tls, "TLS by port, instead",
		     .max = 64),
};
static const struct hdl_message gateway_frontend = HDL_MESSAGE_TABLE(
	"FrontendTLSConfig", struct hdl_gwapi_gateway_frontend, gateway_frontend_fields, hdl_check_gwapi_frontend);

static const struct hdl_field gateway_backend_fields[] = {
	HDL_MESSAGE(struct hdl_gwapi_gateway_backend, client_certificate_ref, "clientCertificateRef", &secret_ref,
		    "certificate shown to backends"),
};
static const struct hdl_message gateway_backend =
	HDL_MESSAGE_TABLE("GatewayBackendTLS", struct hdl_gwapi_gateway_backend, gateway_backend_fields, NULL);

static const struct hdl_field gateway_tls_fields[] = {
	HDL_MESSAGE(struct hdl_gwapi_gateway_tls, backend, "backend", &gateway_backend, "TLS to backends", ACCEPTED),
	HDL_MESSAGE(struct hdl_gwapi_gateway_tls, frontend, "frontend", &gateway_frontend, "verification of clients",
		    ACCEPTED),
};
static const struct hdl_message gateway_tls =
	HDL_MESSAGE_TABLE("GatewayTLSConfig", struct hdl_gwapi_gateway_tls, gateway_tls_fields, NULL);

static const struct hdl_field gateway_fields[] = {
	HDL_STRING(struct hdl_kube_gateway, gateway_class_name, "gatewayClassName",
		   "name of a GatewayClass; every Gateway is served here", REQUIRED),
	HDL_MESSAGES(struct hdl_kube_gateway, listeners, "listeners", &listener, "what is listened on", REQUIRED,
		     .max = 64),
	HDL_MESSAGES(
		struct hdl_kube_gateway, addresses, "addresses", &address, "addresses asked for (all of the node)",
		.max = 16,
		.note = "All Gateways share the addresses of the node: of two with one hostname on one port the older one has it"),
	HDL_MESSAGE(struct hdl_kube_gateway, infrastructure, "infrastructure", &infrastructure,
		    "nothing is made for a Gateway here"),
	HDL_MESSAGE(struct hdl_kube_gateway, allowed_listeners, "allowedListeners", &allowed_listeners,
		    "ListenerSets that may attach; ListenerSets are not read", ACCEPTED),
	HDL_MESSAGE(struct hdl_kube_gateway, tls, "tls", &gateway_tls, "TLS of all listeners"),
	HDL_STRING(struct hdl_kube_gateway, default_scope, "defaultScope", "default Gateway for routes", ACCEPTED),
};
static const struct hdl_message gateway_spec =
	HDL_MESSAGE_TABLE("Gateway", struct hdl_kube_gateway, gateway_fields, hdl_check_gwapi_gateway);

static const struct hdl_field gateway_object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &gateway_spec, "the gateway", REQUIRED),
	HDL_ANY("status", "not read"),
};
const struct hdl_message hdl_schema_kube_gateway =
	HDL_MESSAGE_TABLE("Gateway", struct hdl_kube_gateway, gateway_object_fields, NULL);

/* ---- ReferenceGrant ---- */

static const struct hdl_field grant_from_fields[] = {
	REF_GROUP,
	REF_KIND,
	HDL_STRING(struct hdl_gwapi_ref, ns, "namespace", "namespace of the objects that may refer", REQUIRED),
};
static const struct hdl_message grant_from =
	HDL_MESSAGE_TABLE("ReferenceGrantFrom", struct hdl_gwapi_ref, grant_from_fields, hdl_check_gwapi_ref);

static const struct hdl_field grant_to_fields[] = {
	REF_GROUP,
	REF_KIND,
	HDL_STRING(struct hdl_gwapi_ref, name, "name", "name of the object (all)"),
};
static const struct hdl_message grant_to =
	HDL_MESSAGE_TABLE("ReferenceGrantTo", struct hdl_gwapi_ref, grant_to_fields, hdl_check_gwapi_ref);

static const struct hdl_field grant_fields[] = {
	HDL_MESSAGES(struct hdl_reference_grant, from, "from", &grant_from, "who may refer", REQUIRED, .max = 16),
	HDL_MESSAGES(struct hdl_reference_grant, to, "to", &grant_to, "to what in this namespace", REQUIRED, .max = 16),
};
static const struct hdl_message grant_spec =
	HDL_MESSAGE_TABLE("ReferenceGrant", struct hdl_reference_grant, grant_fields, NULL);

static const struct hdl_field grant_object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &grant_spec, "the grant", REQUIRED),
	HDL_ANY("status", "not read"),
};
const struct hdl_message hdl_schema_reference_grant =
	HDL_MESSAGE_TABLE("ReferenceGrant", struct hdl_reference_grant, grant_object_fields, NULL);

/* ---- BackendTLSPolicy ---- */

static const struct hdl_field target_ref_fields[] = {
	REF_GROUP,
	REF_KIND,
	REF_NAME,
	HDL_STRING(struct hdl_gwapi_ref, section_name, "sectionName", "name of a port of the service (all)"),
};
static const struct hdl_message target_ref = HDL_MESSAGE_TABLE(
	"LocalPolicyTargetReferenceWithSectionName", struct hdl_gwapi_ref, target_ref_fields, hdl_check_gwapi_ref);

static const struct hdl_field san_fields[] = {
	HDL_STRING(struct hdl_gwapi_san, type, "type", "Hostname or URI", REQUIRED),
	HDL_STRING(struct hdl_gwapi_san, hostname, "hostname", "name in the certificate"),
	HDL_STRING(struct hdl_gwapi_san, uri, "uri", "URI in the certificate"),
};
static const struct hdl_message san =
	HDL_MESSAGE_TABLE("SubjectAltName", struct hdl_gwapi_san, san_fields, hdl_check_gwapi_san);

static const struct hdl_field validation_fields[] = {
	HDL_MESSAGES(struct hdl_gwapi_backend_validation, ca_certificate_refs, "caCertificateRefs", &local_object_ref,
		     "trusted certificates", .max = 8),
	HDL_STRING(struct hdl_gwapi_backend_validation, well_known, "wellKnownCACertificates",
		   "System: those of the node"),
	HDL_STRING(struct hdl_gwapi_backend_validation, hostname, "hostname",
		   "server name, and name in the certificate", REQUIRED),
	HDL_MESSAGES(struct hdl_gwapi_backend_validation, subject_alt_names, "subjectAltNames", &san,
		     "names in the certificate, instead", .max = 5),
};
static const struct hdl_message validation =
	HDL_MESSAGE_TABLE("BackendTLSPolicyValidation", struct hdl_gwapi_backend_validation, validation_fields,
			  hdl_check_gwapi_backend_validation);

static const struct hdl_field backend_tls_fields[] = {
	HDL_MESSAGES(struct hdl_backend_tls_policy, target_refs, "targetRefs", &target_ref, "services", REQUIRED,
		     .max = 16),
	HDL_MESSAGE(struct hdl_backend_tls_policy, validation, "validation", &validation, "how the backend is verified",
		    REQUIRED),
	HDL_STRING_MAP(struct hdl_backend_tls_policy, options, "options", "settings of implementations"),
};
static const struct hdl_message backend_tls_spec = HDL_MESSAGE_TABLE("BackendTLSPolicy", struct hdl_backend_tls_policy,
								     backend_tls_fields, hdl_check_gwapi_backend_tls);

static const struct hdl_field backend_tls_object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &backend_tls_spec, "the policy", REQUIRED),
	HDL_ANY("status", "not read"),
};
const struct hdl_message hdl_schema_backend_tls_policy =
	HDL_MESSAGE_TABLE("BackendTLSPolicy", struct hdl_backend_tls_policy, backend_tls_object_fields, NULL);
