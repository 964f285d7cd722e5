/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the derivation from the Gateway API share. */
#ifndef HDL_XLATE_GWAPI_PRIV_H
#define HDL_XLATE_GWAPI_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/gwapi.h"
#include "model/istio.h"
#include "model/kube.h"
#include "model/registry.h"
#include "model/resource.h"
#include "xlate/gwapi.h"
#include "xlate/map.h"

/* A listener of a Gateway, and what it takes. */
struct hdl_gw_listener {
	const struct hdl_gwapi_listener *spec;
	struct hdl_gw_gateway *gateway;
	const char *hostname;          /* "*" when it has none */
	const char *name;              /* of the derived Gateway: "gateway~listener" */
	enum hdl_gw_protocol protocol; /* 0: not one that is known */
	bool taken;                    /* accepted: routes may attach */
	bool served;                   /* and the data plane carries it out */
	struct hdl_gwapi_listener_status *status;
};

struct hdl_gw_gateway {
	const struct hdl_resource *res;
	const struct hdl_kube_gateway *spec;
	struct hdl_gw_listener *listeners;
	size_t n;
	struct hdl_gwapi_status *status;
	bool on_node;           /* as NodeConfig gateways says */
	bool usable;            /* its addresses and parameters can be carried out */
	struct hdl_texts binds; /* addresses; none: all */
};

/* A rule for one match, with what decides on its place among the others (F.2). */
struct hdl_gw_rule {
	struct hdl_vs_http http;
	uint32_t rank[6]; /* greater comes first, in this order */
	size_t order;     /* of the route */
	uint32_t rule, match;
};

/* Rules of one host of one listener, or of one service for some clients. */
struct hdl_gw_group {
	const struct hdl_gw_listener *listener; /* NULL: mesh */
	const struct hdl_resource *service;     /* mesh */
	const char *client_ns;                  /* mesh: only clients of that namespace; NULL: all */
	const char *host;
	const struct hdl_resource *first; /* the oldest route */
	struct hdl_gw_rule *rules;
	size_t n, capacity;
	/* layer 4 and TLS: one per rule */
	struct hdl_vs_l4_route *tcp, *tls;
	size_t tcp_n, tls_n, tcp_capacity, tls_capacity;
	struct hdl_gw_group *next;
};

struct hdl_gw {
	struct hdl_arena *arena;
	const struct hdl_resource *const *res;
	size_t n;
	struct hdl_diags *diags;
	bool no_memory; /* sticky */
	const struct hdl_resource *node_config;

	struct hdl_xl_map objects;  /* "kind ns/name" -> resource: Service, Namespace, Secret, ConfigMap */
	struct hdl_xl_map gateways; /* "ns/name" -> struct hdl_gw_gateway */
	struct hdl_xl_map ports;    /* "port bind host" -> Gateway that has it first */
	struct hdl_xl_map groups;   /* key -> struct hdl_gw_group */
	struct hdl_gw_group *first_group, *last_group;
	const struct hdl_resource **grants, **tls_policies;
	size_t grant_count, tls_policy_count;
	struct hdl_gw_gateway *gateway;
	size_t gateway_count;
	struct hdl_gwapi_statuses statuses;
	const struct hdl_resource **list; /* the result */
	size_t list_n, list_capacity;
};

/* ---- gwapi.c ---- */

/* Zeroed; NULL and no_memory set when memory is out. */
void *hdl_gw_take(struct hdl_gw *g, size_t n, size_t size);
/* "" when memory is out. */
const char *hdl_gw_text(struct hdl_gw *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* An array with room for one more element; returns the new element, NULL when memory is out. */
void *hdl_gw_grow(struct hdl_gw *g, void **at, size_t *n, size_t *capacity, size_t size);
const struct hdl_resource *hdl_gw_find(const struct hdl_gw *g, const char *kind, const char *ns, const char *name);
void hdl_gw_append(struct hdl_gw *g, const struct hdl_resource *res);
/* Sets a condition; one that is False already stays as it is. */
void hdl_gw_set(struct hdl_gw *g, struct hdl_gwapi_conditions *list, const char *type, bool status, const char *reason,
		const char *fmt, ...) __attribute__((format(printf, 6, 7)));
const struct hdl_gwapi_condition *hdl_gw_condition(const struct hdl_gwapi_conditions *list, const char *type);
void hdl_gw_warn(struct hdl_gw *g, const struct hdl_resource *res, struct hdl_pos pos, const char *field,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
const char *hdl_gw_route_kind(enum hdl_kind kind); /* NULL: not a route */

/* ---- gwapi_gateway.c ---- */

void hdl_gw_classes(struct hdl_gw *g, const struct hdl_resource *res, struct hdl_gwapi_status *status);
void hdl_gw_gateways(struct hdl_gw *g);
/* The derived Gateways, and the conditions that depend on all. */
void hdl_gw_finish_gateways(struct hdl_gw *g);

/* A name without a dot is full too, unlike in a VirtualService: with a final dot. */
const char *hdl_gw_full_host(struct hdl_gw *g, const char *host);

/* ---- gwapi_ref.c ---- */

/* Whether a ReferenceGrant in to_ns lets objects of kind from in from_ns refer to the object. */
bool hdl_gw_granted(const struct hdl_gw *g, const char *from_kind, const char *from_ns, const char *to_group,
		    const char *to_kind, const char *to_ns, const char *to_name);
bool hdl_gw_selects(const struct hdl_gwapi_selector *selector, const struct hdl_kvs *labels);
/* What is wrong with a reference to a backend: a reason of ResolvedRefs, NULL: nothing. */
const char *hdl_gw_backend_fault(struct hdl_gw *g, const struct hdl_resource *route, const struct hdl_gwapi_ref *ref,
				 const char **ret_message);
struct hdl_vs_destination *hdl_gw_destination(struct hdl_gw *g, const struct hdl_resource *route,
					      const struct hdl_gwapi_ref *ref);
void hdl_gw_tls_policy(struct hdl_gw *g, const struct hdl_resource *res, struct hdl_gwapi_status *status);

/* ---- gwapi_route.c ---- */

void hdl_gw_route(struct hdl_gw *g, const struct hdl_resource *res, size_t order, struct hdl_gwapi_status *status);

/* ---- gwapi_rule.c ---- */

/* The rules of a route, one for each match, in the memory of g; NULL when memory is out. */
struct hdl_gw_rule *hdl_gw_rules(struct hdl_gw *g, const struct hdl_resource *route, size_t order, size_t *ret_n);
/* The weighted destinations of a rule of layer 4. */
bool hdl_gw_l4_rule(struct hdl_gw *g, const struct hdl_resource *route, const struct hdl_gwapi_rule *rule,
		    struct hdl_vs_l4_route *ret);
/* Why a rule cannot be carried out as a whole; NULL: it can. */
const char *hdl_gw_rule_fault(const struct hdl_gwapi_rule *rule);

/* ---- gwapi_group.c ---- */

struct hdl_gw_group *hdl_gw_group_of(struct hdl_gw *g, const struct hdl_gw_listener *listener,
				     const struct hdl_resource *service, const char *client_ns, const char *host,
				     const struct hdl_resource *route);
/* Copies of the rules; port 0: any, else that of the mesh. */
void hdl_gw_group_add(struct hdl_gw *g, struct hdl_gw_group *group, const struct hdl_gw_rule *rules, size_t n,
		      uint16_t port);
/* The VirtualServices of all groups, to the list. */
void hdl_gw_finish_groups(struct hdl_gw *g);

#endif
