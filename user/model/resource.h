/* SPDX-License-Identifier: Apache-2.0 */
/* A typed resource, from one document of a file, and sets of them. */
#ifndef HDL_MODEL_RESOURCE_H
#define HDL_MODEL_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "conf/node.h"
#include "model/diag.h"
#include "model/value.h"

/* The kinds that are read. The API version does not tell objects apart (v1 and v1beta1 are the same schema). */
enum hdl_kind {
	HDL_KIND_VIRTUAL_SERVICE,
	HDL_KIND_DESTINATION_RULE,
	HDL_KIND_GATEWAY, /* networking.istio.io */
	HDL_KIND_SERVICE,
	HDL_KIND_POD,
	HDL_KIND_ENDPOINT_SLICE,
	HDL_KIND_NODE_CONFIG,
	HDL_KIND_NODE,
	HDL_KIND_NAMESPACE,
	HDL_KIND_SECRET,
	HDL_KIND_CONFIG_MAP,
	HDL_KIND_SERVICE_ENTRY,
	HDL_KIND_WORKLOAD_ENTRY,
	HDL_KIND_SIDECAR,
	HDL_KIND_ISTIO_OPERATOR,
	/* gateway.networking.k8s.io */
	HDL_KIND_GATEWAY_CLASS,
	HDL_KIND_KUBE_GATEWAY, /* also called Gateway */
	HDL_KIND_HTTP_ROUTE,
	HDL_KIND_GRPC_ROUTE,
	HDL_KIND_TLS_ROUTE,
	HDL_KIND_TCP_ROUTE,
	HDL_KIND_UDP_ROUTE,
	HDL_KIND_REFERENCE_GRANT,
	HDL_KIND_BACKEND_TLS_POLICY,
	HDL_KINDS,
};

struct hdl_virtual_service;
struct hdl_destination_rule;
struct hdl_gateway;
struct hdl_kube_service;
struct hdl_pod;
struct hdl_endpoint_slice;
struct hdl_node_config;
struct hdl_kube_node;
struct hdl_namespace;
struct hdl_secret;
struct hdl_config_map;
struct hdl_gateway_class; /* model/gwapi.h */
struct hdl_kube_gateway;
struct hdl_gwapi_route;
struct hdl_reference_grant;
struct hdl_backend_tls_policy;
struct hdl_metadata;

/* Identity of an object. Those of the whole cluster have no namespace: "". */
struct hdl_object_id {
	enum hdl_kind kind;
	const char *ns, *name;
};

/* Immutable, with everything it points to in the arena it was decoded into. */
struct hdl_resource {
	enum hdl_kind kind;
	const char *api_version; /* "networking.istio.io/v1beta1" */
	const char *ns;          /* "default" when the document says nothing; "" for kinds of the whole cluster */
	const char *name;
	const char *file;
	struct hdl_pos pos; /* of the document's first field */
	uint32_t document;  /* 0-based in the file */
	uint64_t order;     /* within its file: by document, then item of a List; files count by name (A.0) */
	struct hdl_kvs labels, annotations;
	const struct hdl_metadata *metadata;
	const struct hdl_resource *derived_from; /* an object of the Gateway API; NULL: from a document */
	union {
		const void *spec;
		const struct hdl_virtual_service *virtual_service;
		const struct hdl_destination_rule *destination_rule;
		const struct hdl_gateway *gateway;
		const struct hdl_kube_service *service;
		const struct hdl_pod *pod;
		const struct hdl_endpoint_slice *endpoint_slice;
		const struct hdl_node_config *node_config;
		const struct hdl_kube_node *node;
		const struct hdl_namespace *namespace;
		const struct hdl_secret *secret;
		const struct hdl_config_map *config_map;
		const struct hdl_service_entry *service_entry;
		const struct hdl_workload_entry *workload_entry;
		const struct hdl_sidecar *sidecar;
		const struct hdl_istio_operator *istio_operator;
		const struct hdl_gateway_class *gateway_class;
		const struct hdl_kube_gateway *kube_gateway;
		const struct hdl_gwapi_route *route; /* HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute */
		const struct hdl_reference_grant *reference_grant;
		const struct hdl_backend_tls_policy *backend_tls_policy;
	};
};

const char *hdl_kind_name(enum hdl_kind kind); /* "VirtualService" */

/* Where a document came from. */
struct hdl_source {
	const char *file; /* copied into the arena of the resource */
	uint32_t document;
	uint32_t item; /* of a List, else 0 */
	bool stays;    /* file is in that arena already */
};

/*
 * Decodes and validates one object (not a List: see hdl_model_items()). 0 and *ret_resource: accepted, perhaps with
 * warnings. 1: a kind or API group that is not read, with a warning when it is one of Istio or the Gateway API.
 * -EINVAL: refused, the reasons are in diags. -ENOMEM.
 */
int hdl_model_decode(struct hdl_arena *arena, const struct hdl_source *source, const struct hdl_node *node,
		     struct hdl_resource **ret_resource, struct hdl_diags *diags);
/*
 * Reads only who an object is, also of one that would be refused. 0; 1 a kind that is not read; -EINVAL no identity
 * can be read. Strings are copied into the arena.
 */
int hdl_model_identify(struct hdl_arena *arena, const struct hdl_node *node, struct hdl_object_id *ret_id);
/*
 * The objects of a document: the items of a `kind: List` (what `kubectl get -o yaml` prints), else the document
 * itself. Returns how many; item i by hdl_model_item().
 */
size_t hdl_model_items(const struct hdl_node *root);
const struct hdl_node *hdl_model_item(const struct hdl_node *root, size_t i);

/* Resources in order, found by kind, namespace and name. Borrows the resources. All zero is an empty set. */
struct hdl_resource_set {
	const struct hdl_resource **at;
	size_t n, capacity;
	uint32_t *slot; /* open addressing: index into at, plus 1 */
	size_t slots;   /* power of two */
};

void hdl_resource_set_done(struct hdl_resource_set *set);
/*
 * 0 added; -EEXIST an object of that identity is in the set (see find), and a diagnostic naming both places was added
 * to diags (may be NULL); -ENOMEM.
 */
int hdl_resource_set_add(struct hdl_resource_set *set, const struct hdl_resource *resource, struct hdl_diags *diags);
/* The diagnostic about a second document for one object. */
void hdl_resource_duplicate(const struct hdl_resource *resource, const struct hdl_resource *other,
			    struct hdl_diags *diags);
const struct hdl_resource *hdl_resource_set_find(const struct hdl_resource_set *set, enum hdl_kind kind, const char *ns,
						 const char *name);

#endif
