/* SPDX-License-Identifier: Apache-2.0 */
/* Gateway API to the resources that the translator knows, and the status of each object (specification F). */
#ifndef HDL_XLATE_GWAPI_H
#define HDL_XLATE_GWAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/jsonw.h"
#include "model/diag.h"
#include "model/gwapi.h"

struct hdl_resource; /* model/resource.h */

/* Strings live in the arena of the derivation, or are constants; also those of the resources. */
struct hdl_gwapi_condition {
	const char *type;   /* "Accepted" */
	bool status;        /* True or False; Unknown is never said */
	const char *reason; /* "NoMatchingParent" */
	const char *message;
	int64_t since_ns; /* wall clock; 0 until hdl_gwapi_carry() */
};

#define HDL_GWAPI_CONDITIONS 5

struct hdl_gwapi_conditions {
	struct hdl_gwapi_condition at[HDL_GWAPI_CONDITIONS];
	size_t n;
};

struct hdl_gwapi_listener_status {
	const char *name;
	const char *kinds[2]; /* of routes, that are supported and allowed */
	size_t kind_count;
	uint32_t attached;
	struct hdl_gwapi_conditions conditions; /* Accepted, ResolvedRefs, Programmed, Conflicted */
};

struct hdl_gwapi_parent_status {
	const struct hdl_gwapi_ref *ref; /* of a route; of a BackendTLSPolicy: the Gateway or NULL */
	struct hdl_gwapi_conditions conditions;
};

struct hdl_gwapi_status {
	const struct hdl_resource *res;
	struct hdl_gwapi_conditions conditions; /* GatewayClass, Gateway */
	struct hdl_gwapi_listener_status *listeners;
	size_t listener_count;
	struct hdl_gwapi_parent_status *parents; /* routes, BackendTLSPolicy */
	size_t parent_count;
};

/* In the order of the resources. ReferenceGrant has no status. */
struct hdl_gwapi_statuses {
	struct hdl_gwapi_status *at;
	size_t n;
};

/*
 * The resources, in their order, and after them what is derived of the Gateway API's: an Istio Gateway for each
 * listener, named "gateway~listener", and VirtualServices with the rules of the routes in their order of precedence
 * (F.2). Each derived one says of which it is (hdl_resource.derived_from). All that is returned lives in arena and
 * refers to the resources. Without any object of the Gateway API the list is the given one. diags: what cannot be
 * carried out. ret_statuses may be NULL. 0 or -ENOMEM.
 */
int hdl_gwapi_derive(struct hdl_arena *arena, const struct hdl_resource *const *resources, size_t n,
		     struct hdl_diags *diags, const struct hdl_resource *const **ret_list, size_t *ret_n,
		     struct hdl_gwapi_statuses *ret_statuses);

/* A kind on which a derivation depends: the Gateway API's, Service and what its references and selectors name. */
bool hdl_gwapi_depends_on(const struct hdl_resource *resource);

/* What hdl_xlate_check() says of a route: its regular expressions compile. 0, -EINVAL with diags, -ENOMEM. */
int hdl_gwapi_check(const struct hdl_resource *resource, struct hdl_diags *diags);

/* Gives each condition the time of before's where its status did not change, else now_ns. before may be NULL. */
void hdl_gwapi_carry(const struct hdl_gwapi_statuses *before, struct hdl_gwapi_statuses *statuses, int64_t now_ns);

/* Which statuses to print; NULL: all. kind compares without case and in the plural too. */
struct hdl_gwapi_filter_by {
	const char *kind, *ns, *name;
};

/* A List of {apiVersion, kind, metadata{name, namespace, generation}, status}. Returns how many. */
int hdl_gwapi_print(struct hdl_jsonw *json, const struct hdl_gwapi_statuses *statuses,
		    const struct hdl_gwapi_filter_by *by);

#endif
