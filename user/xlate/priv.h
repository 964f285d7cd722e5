/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the translator share.
 *
 * A run (xlate.c) compares the list of resources with that of the last run (changes.c). A resource that came is a
 * source: it enters cells, lists of sources by key (graph.h), and gets units (source.c). A unit is made by the function
 * of its kind (unit.c: makers) into a product, which is immutable and shared by all snapshots until it is made anew.
 * While it is made, it reads cells, flags and other units by hdl_xl_read*(): what it read is remembered, and when that
 * changes the unit is made again in the same run. So nobody has to say what depends on what, but
 *  - all that a maker uses beside its own source comes through hdl_xl_read*(), or from xl->ir_node, xl->node, xl->options
 *    and the like, which do not change without everything being made anew;
 *  - a unit reads only units of kinds that come before its own in enum hdl_xl_kind (HDL_XL_ROUTES are made when read);
 *  - what a product points to in another product must be read in the same making, so that both are of one age;
 *  - everything of a product is in xl->arena, and of hdl_xl_product_new(), called first; xl->scratch is for the time of
 *    making. Nothing of a resource's memory may be in what snapshots see;
 *  - diagnostics of a maker go to xl->diags, after hdl_xl_phase() said of which step they are. What several units would
 *    say goes after hdl_xl_first_time(key), directly before the one report that the key is for;
 *  - what is out of memory returns -ENOMEM, or sets xl->no_memory; the run then gives everything up.
 *
 * A further kind of resource: list it in hdl_xl_is_incremental(), and enter it in source.c with the cells by whose key
 * others look for it (a new enum hdl_xl_index). Without that a change of it makes everything anew, and makers may walk
 * over xl->res. A further kind of unit: enum hdl_xl_kind at its place in the order, its maker, hdl_xl_add_unit() where
 * its source enters (it exits with source->unit and source->front), and in assemble.c what of it is in which list.
 * A service that is not a Service: fill a struct hdl_xl_registration in source->data (service.c: enter()); of several
 * sources for one fqdn the first has it. What some clients see otherwise than others is part of the product
 * of its front (view_front.c), by scopes; views.c makes the views of them.
 */
#ifndef HDL_XLATE_PRIV_H
#define HDL_XLATE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "ir/snapshot.h"
#include "model/diag.h"
#include "model/istio.h"
#include "model/kube.h"
#include "model/meshconfig.h"
#include "model/nodeconfig.h"
#include "model/resource.h"
#include "xlate/derive.h"
#include "xlate/graph.h"
#include "xlate/map.h"
#include "xlate/xlate.h"

#define XL_FIELD_MAX 200
#define XL_NAME_MAX 600 /* of a key made of a namespace, a host and numbers */

/* The port whose routes are also of hosts that no service has (A.1). */
#define HDL_XL_OUTSIDE_PORT 80

struct hdl_xl;

/* A cluster and what layer 4 cannot do for it. */
struct hdl_xl_cluster {
	struct hdl_ir_cluster ir;
	const char *http_reason; /* DestinationRule setting that needs requests; NULL: none */
	struct hdl_ir_origin http_origin;
	const char *l4_idle; /* one without effect at layer 4; NULL: none */
	const struct hdl_resource *l4_idle_res;
	struct hdl_pos l4_idle_pos;
	const struct hdl_resource *max_connections_res; /* maxConnections is set; NULL: it is not */
	struct hdl_pos max_connections_pos;
};

/* Several DestinationRules of one host in one namespace, merged (A.7). */
struct hdl_xl_subset {
	const struct hdl_resource *res;
	const struct hdl_dr_subset *spec;
	struct hdl_xl_subset *next;
};

struct hdl_xl_rule {
	struct hdl_xl_product product;
	const struct hdl_resource *res; /* the first of them */
	const char *host;               /* resolved */
	const struct hdl_resource *policy_res;
	const struct hdl_dr_policy *policy; /* NULL: none */
	struct hdl_ir_labels selector;      /* only for pods of its namespace that have these; none: for all */
	struct hdl_xl_subset *subsets, *last_subset;
	struct hdl_xl_map subset_names; /* -> struct hdl_xl_subset */
};

struct hdl_xl_workload {
	struct hdl_xl_product product;
	struct hdl_ir_workload ir;
};

/* A port of a service as its source says it. */
struct hdl_xl_port_spec {
	const char *name;           /* "" = unnamed */
	uint16_t port, target_port; /* target 0: not a number */
	uint16_t node_port;         /* 0 = none */
	enum hdl_ir_protocol protocol;
	bool passthrough; /* connections go where they were dialled (ServiceEntry, resolution NONE) */
	struct hdl_pos pos;
	const struct hdl_xl_source *source; /* the first to have it, of several that are joined; NULL: there is one */
};

/* A port number of TCP is not the same one of UDP. */
static inline bool hdl_xl_is_udp(enum hdl_ir_protocol protocol)
{
	return protocol == HDL_IR_UDP;
}

struct hdl_xl_service;
struct hdl_xl_port;

/*
 * What the registry knows of a service, whatever kind of resource it comes from. Made once when the source comes, with
 * the strings of the resource.
 */
struct hdl_xl_registration {
	const char *fqdn;               /* with this in its memory */
	struct hdl_xl_port_spec *ports; /* TCP and UDP */
	size_t port_count;
	size_t ports_of_all_protocols;
	uint16_t first_port;               /* of those */
	const struct hdl_text **addresses; /* that it asks for, as written */
	size_t address_count;
	size_t external_from;          /* those from here on are external ones */
	struct hdl_ir_subnet *subnets; /* left as they are when they are dialled, and known */
	size_t subnet_count;
	bool headless, publish_not_ready, client_ip_affinity;
	uint32_t affinity_timeout_s;
	bool host;                 /* of a ServiceEntry: its only name is fqdn, which may begin with "*." */
	struct hdl_pos local_only; /* internalTrafficPolicy: Local; line 0: endpoints of all nodes are used */
	bool external_local;       /* externalTrafficPolicy: Local */
	/* Endpoints of a port, to port->endpoints in scratch memory. */
	int (*endpoints)(struct hdl_xl *xl, const struct hdl_xl_service *service, struct hdl_xl_port *port);
	const struct hdl_xl_part *parts; /* what it is joined of, the oldest first; none: it is one source's */
	size_t part_count;
};

/* One of several ServiceEntries for a host. */
struct hdl_xl_part {
	const struct hdl_xl_source *source;
	const struct hdl_xl_registration *spec; /* of it alone */
	const struct hdl_text **addresses;      /* those of it that the service asks for */
	size_t address_count;
};

struct hdl_xl_port {
	const struct hdl_xl_port_spec *spec;
	uint16_t target_port;
	struct hdl_ir_endpoint *endpoints; /* all of the port, in scratch memory while the service is made */
	size_t endpoint_count;
	struct hdl_xl_cluster **clusters; /* the first: whole service; then its subsets */
	size_t cluster_count;
};

/* Clients for whom the same rules hold. */
struct hdl_xl_client {
	const char *ns;              /* NULL: all that have none of their own */
	struct hdl_ir_labels labels; /* that they have, of those that a workloadSelector asks for; sorted */
};

/* HDL_XL_BACKEND; also one of its views, which differs in its rule and clusters */
struct hdl_xl_service {
	struct hdl_xl_product product;
	struct hdl_ir_service ir; /* without ports: what clusters point to */
	const struct hdl_resource *res;
	const struct hdl_xl_registration *spec;
	uint64_t label;
	struct hdl_xl_port *ports; /* parallel to spec->ports */
	size_t port_count;
	struct hdl_xl_client client;    /* who see it so; labels: those of the rule */
	const struct hdl_xl_rule *rule; /* NULL: none */
	bool everywhere;                /* exported to all namespaces */
	bool *node_port;                /* parallel to ports: it is not another's */
	size_t shared;                  /* addresses that another host of the same ServiceEntry has; while it is made */
	struct hdl_xl_service *views;   /* for clients with another rule for it; those with labels come first */
	size_t view_count;
	const char *const *clients; /* namespaces for which there is a view, or that see what others do not */
	size_t client_count;
};

struct hdl_xl_vhost {
	struct hdl_ir_vhost *ir;
	uint16_t port;
	uint32_t place; /* among those of its unit */
};

struct hdl_xl_front_port {
	struct hdl_ir_service_port *ir;
	const struct hdl_xl_port *base;
};

/* VirtualServices that name a host, as clients of one namespace see them: the first has it (A.4). Scratch memory. */
struct hdl_xl_claims {
	struct hdl_xl_vs **v;
	size_t n;
};

/* What clients of one view see of a service or of hosts that no service has. */
struct hdl_xl_front_view {
	const struct hdl_xl_scope *scope;
	struct hdl_xl_vhost *vhosts;
	size_t vhost_count;
	struct hdl_ir_view_port *ports;
	size_t port_count;
};

/* Namespaces, sorted. Scratch memory. */
struct hdl_xl_names {
	const char **at;
	size_t n, capacity;
};

/* Clients with a view of their own: of a namespace, or those that a Sidecar is for, and among them those with labels. */
struct hdl_xl_scope {
	struct hdl_xl_client client;
	const struct hdl_resource *res; /* the Sidecar; NULL: none */
	struct hdl_ir_labels selector;  /* all labels that they have; none: all of the namespace that have no other */
	bool registry_only;
	struct hdl_ir_origin origin;
};

/* HDL_XL_CLIENTS: of a namespace, beside its pods with none of the labels and its Sidecars. */
struct hdl_xl_clients {
	struct hdl_xl_product product;
	const struct hdl_xl_scope **scopes; /* without Sidecar, and with the one that they have */
	const char **texts;                 /* parallel: equal for equal ones */
	size_t n;
};

/* HDL_XL_FRONT */
struct hdl_xl_front {
	struct hdl_xl_product product;
	struct hdl_ir_service ir;
	const struct hdl_xl_service *base;
	struct hdl_xl_front_port *ports; /* parallel to ir.ports */
	struct hdl_xl_claims claims;     /* while it is made: VirtualServices for its routes in the mesh */
	struct hdl_xl_vhost *vhosts;
	size_t vhost_count;
	struct hdl_xl_front_view *views; /* for clients who see it otherwise */
	size_t view_count;
	struct hdl_xl_front_view *port_views; /* the same of layer 4: ports */
	size_t port_view_count;
};

/* What a VirtualService says by itself. */
struct hdl_xl_vs {
	size_t references;            /* of its source, and of the fronts that it claims */
	struct hdl_xl_source *source; /* NULL: gone */
	const struct hdl_resource *res;
	const struct hdl_virtual_service *spec; /* once HDL_XL_MERGED units are made: with the rules of delegates */
	struct hdl_xl_unit *merged;             /* NULL: there are none */
	struct hdl_xl_unit *targets;            /* NULL: has no hosts */
	const char **hosts;                     /* resolved, parallel to spec->hosts */
	size_t *matched;                        /* parallel to hosts: registered services behind */
	bool *repeats;                          /* parallel to hosts: in the mesh, one that an earlier one says too */
	bool mesh;                              /* named by, or by default */
	bool gateways;                          /* some are named */
	struct hdl_xl_unit *routes;             /* made of it, by next_routes */
};

/* HDL_XL_TARGETS */
struct hdl_xl_targets {
	struct hdl_xl_product product;
	const struct hdl_xl_service **at; /* those with clients of their own, or that some do not see */
	size_t n;
};

/* HDL_XL_ROUTES: compiled http rules of a VirtualService for one port of the mesh or of a gateway. */
struct hdl_xl_routes {
	struct hdl_xl_product product;
	struct hdl_ir_http_route *v;
	const struct hdl_vs_http **source; /* parallel */
	size_t n;
};

/* HDL_XL_OUTSIDE */
struct hdl_xl_outside {
	struct hdl_xl_product product;
	struct hdl_xl_vhost *vhosts; /* of port 80 */
	size_t vhost_count;
	struct hdl_xl_front_view *views;
	size_t view_count;
};

/* HDL_XL_INGRESS: the listeners, without their routes, and the names of these. */
struct hdl_xl_ingress {
	struct hdl_xl_product product;
	struct hdl_ir_gateway_listener *listeners;
	const char **names;
	size_t n;
};

/* HDL_XL_DOMAIN */
struct hdl_xl_gateway_vhost {
	struct hdl_xl_product product;
	struct hdl_ir_vhost *ir;
};

/* A unit being made. */
struct hdl_xl_build {
	struct hdl_xl_unit *unit;
	struct hdl_xl_page *page;
	struct hdl_xl_product *product;
	struct hdl_xl_notes *notes;
	size_t noted; /* diagnostics that have a note */
	enum hdl_xl_phase phase;
	uint64_t label;
	char *key;
	const struct hdl_resource *at;
	struct hdl_xl_map said;
	bool keep; /* it comes out as it was */
	struct hdl_xl_build *outer;
};

struct hdl_xl_regexes;
struct hdl_xl_state; /* assemble.h */

struct hdl_xl {
	struct hdl_xlate_options options;
	size_t bytes_max, regex_bytes_max;
	struct hdl_xl_graph graph;
	struct hdl_xl_source **source; /* parallel to the resources of the last run */
	const struct hdl_resource **res;
	size_t n;
	struct hdl_resource_list *keep;
	struct hdl_xl_derivation derivation; /* of the resources of the last run */
	struct hdl_xl_unit *node_unit;
	struct hdl_ir_node ir_node; /* its strings are in the memory of node_unit's product */
	const struct hdl_node_config *node;
	struct hdl_ir_retry mesh_retry; /* for routes that say nothing of retries (B.9) */
	/* of meshConfig; NULL: nothing */
	const struct hdl_mesh_config *mesh;
	const struct hdl_resource *mesh_res;
	const struct hdl_dr_locality_lb *mesh_locality;
	const struct hdl_resource *node_res;
	/* where a resource says nothing (meshConfig); NULL: to all */
	const struct hdl_texts *service_exports, *vs_exports, *rule_exports;
	struct hdl_xl_scope *sidecars; /* in the memory of node_unit's product */
	size_t sidecar_count;
	struct hdl_xl_flag claim_wildcards, odd_claim_wildcards, rule_wildcards, odd_rule_wildcards;
	struct hdl_xl_flag outside_port; /* services with http on port 80 */
	struct hdl_xl_flag selectors;    /* DestinationRules for some pods */
	struct hdl_xl_unit *ingress;
	struct hdl_xl_plan *plan; /* made by it; NULL before */
	struct hdl_xl_regexes *regexes;
	struct hdl_xl_budget *budget;
	struct hdl_ir_generation *generation;
	struct hdl_xl_state *state; /* of the last snapshot */
	uint64_t serial;            /* of runs */
	uint32_t port_ids;
	bool valid;   /* a run succeeded, and the state is that of it */
	size_t built; /* units made in this run */

	/* what is under way */
	struct hdl_xl_build *build;         /* NULL: no unit is */
	struct hdl_xl_page *page;           /* takes the next products */
	struct hdl_arena *arena;            /* of the product being made */
	struct hdl_arena *scratch;          /* until the next unit, at the longest */
	struct hdl_arena *names;            /* of the map of strings */
	const struct hdl_xl_client *client; /* that it is made for; NULL: all others */
	struct hdl_xl_map strings;          /* copies in arena */
	struct hdl_diags *diags;            /* of the unit being made */
	bool no_memory;                     /* sticky: a text could not be copied */
	bool too_large;                     /* sticky: a limit is met */
	bool regexes_too_large;             /* it is that of regular expressions */
	const struct hdl_resource *at;      /* whose translation is under way, to name it when it meets a limit */
};

static inline uint32_t hdl_xl_number(const struct hdl_opt_int *value, uint32_t absent)
{
	return value->has ? (uint32_t)value->value : absent;
}

static inline uint64_t hdl_xl_duration(const struct hdl_opt_duration *value, uint64_t absent_ns)
{
	return value->has ? (uint64_t)value->ns : absent_ns;
}

/* ---- names.c ---- */

/* One diagnostic about a resource; pos line 0: its first line; field NULL: the document as a whole. */
void hdl_xl_report(struct hdl_diags *diags, enum hdl_severity severity, const struct hdl_resource *res,
		   struct hdl_pos pos, const char *field, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* True the first time that this text is given. */
bool hdl_xl_first_time(struct hdl_xl *xl, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Copy in the snapshot's memory, one for equal texts; "" and no_memory set when memory is out. NULL becomes "". */
const char *hdl_xl_intern(struct hdl_xl *xl, const char *s);
/* The same of s with its ASCII letters in lower case. */
const char *hdl_xl_lower(struct hdl_xl *xl, const char *s);
const char *hdl_xl_internf(struct hdl_xl *xl, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Copy in scratch memory; "" and no_memory set when memory is out. */
const char *hdl_xl_scratchf(struct hdl_xl *xl, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct hdl_ir_origin hdl_xl_origin(struct hdl_xl *xl, const struct hdl_resource *res, struct hdl_pos pos);
/* Full name of a host of a rule in namespace ns (A.1): lower case, without a final dot. Interned. */
const char *hdl_xl_host(struct hdl_xl *xl, const char *host, const char *ns);
bool hdl_xl_is_wildcard(const char *host);
/* A.1: host equals pattern, or pattern is a wildcard that covers it (host may be a wildcard itself). */
bool hdl_xl_host_covers(const char *pattern, const char *host);
/*
 * The next cell with members of a key that covers host, the most specific first (A.1): prefix + host, then the longest
 * prefix + "*suffix", prefix + "*" last; NULL: no more. *at: 0 to begin with. wildcards, odd: of the index; odd ones
 * have more than a label before the first dot.
 */
struct hdl_xl_cell *hdl_xl_next_covering(struct hdl_xl *xl, enum hdl_xl_index index, const char *prefix,
					 const char *host, struct hdl_xl_flag *wildcards, struct hdl_xl_flag *odd,
					 size_t *at);
/* Sorted by key; with the texts of the resource. */
int hdl_xl_scratch_labels(struct hdl_xl *xl, const struct hdl_kvs *kvs, struct hdl_ir_labels *ret);
/* Sorted by key. */
int hdl_xl_labels(struct hdl_xl *xl, const struct hdl_kvs *kvs, struct hdl_ir_labels *ret);
const char *hdl_xl_label(const struct hdl_ir_labels *labels, const char *key); /* NULL: none */
/* "VirtualService demo/reviews" */
const char *hdl_xl_resource_text(const struct hdl_resource *res, char text[XL_NAME_MAX]);

/* ---- sources (source.c): the cells that a resource belongs to, and what is made of it ---- */

/* 0, -ENOMEM. */
int hdl_xl_source_enter(struct hdl_xl *xl, struct hdl_xl_source *source);
void hdl_xl_source_exit(struct hdl_xl *xl, struct hdl_xl_source *source);
/* Makes source a member of the cell of that key; ret_cell may be NULL. 0 or -ENOMEM. */
int hdl_xl_enter_cell(struct hdl_xl *xl, struct hdl_xl_source *source, enum hdl_xl_index index, const char *key,
		      struct hdl_xl_cell **ret_cell);
/* Exits and is freed. Accepts NULL. changes.c */
void hdl_xl_source_free(struct hdl_xl *xl, struct hdl_xl_source *source);
/* Back to the beginning: snapshots keep what they have. xlate.c */
void hdl_xl_reset(struct hdl_xl *xl);
/* Whether a change of this kind is carried out without making all anew. */
bool hdl_xl_is_incremental(const struct hdl_resource *resource);
int hdl_xl_register_service(struct hdl_xl *xl, struct hdl_xl_source *source); /* service.c */
/* What source->data is to be; zeroed. NULL: out of memory. */
struct hdl_xl_registration *hdl_xl_registration_new(struct hdl_xl_source *source, const char *fqdn);
/* Any kind of resource that registers services, once its registration is complete. */
int hdl_xl_enter_service(struct hdl_xl *xl, struct hdl_xl_source *source);
int hdl_xl_register_service_entry(struct hdl_xl *xl, struct hdl_xl_source *source); /* serviceentry.c */
/* "region/zone/subzone", of which the end may be missing. */
struct hdl_ir_locality hdl_xl_locality(struct hdl_xl *xl, const char *text);
void hdl_xl_unregister_service(struct hdl_xl *xl, struct hdl_xl_source *source);
int hdl_xl_register_pod(struct hdl_xl *xl, struct hdl_xl_source *source);  /* workload.c */
int hdl_xl_register_rule(struct hdl_xl *xl, struct hdl_xl_source *source); /* rule.c */
void hdl_xl_unregister_rule(struct hdl_xl *xl, struct hdl_xl_source *source);
void hdl_xl_count_wildcard(struct hdl_xl *xl, struct hdl_xl_flag *wildcards, struct hdl_xl_flag *odd, const char *host,
			   int n);
int hdl_xl_register_vs(struct hdl_xl *xl, struct hdl_xl_source *source); /* vs.c */
void hdl_xl_unregister_vs(struct hdl_xl *xl, struct hdl_xl_source *source);
/* A dirty unit of the source or (source NULL) of the cell. */
int hdl_xl_add_unit(struct hdl_xl *xl, enum hdl_xl_kind kind, struct hdl_xl_source *source, struct hdl_xl_cell *cell,
		    struct hdl_xl_unit **at);
/* Its product goes when no snapshot has it any more. */
void hdl_xl_drop_unit(struct hdl_xl *xl, struct hdl_xl_unit **at);
void hdl_xl_drop_cell_unit(struct hdl_xl *xl, struct hdl_xl_cell *cell);

/* ---- units (unit.c) ---- */

/* Makes the unit anew. 0 or -ENOMEM. */
int hdl_xl_make(struct hdl_xl *xl, struct hdl_xl_unit *unit);
/* The product of the unit being made, zeroed, size bytes with struct hdl_xl_product first; NULL when out of memory. */
void *hdl_xl_product_new(struct hdl_xl *xl, size_t size);
/* In place of a product: what there is already is what it would be, and its readers are not made again. */
void hdl_xl_keep_product(struct hdl_xl *xl);
void hdl_xl_product_retire(struct hdl_xl *xl, struct hdl_xl_product *product);
void hdl_xl_page_unref(struct hdl_xl_page *page);
void hdl_xl_budget_unref(struct hdl_xl_budget *budget);
/* Diagnostics from here on are of this step, and (label) of this place in it. */
void hdl_xl_phase(struct hdl_xl *xl, enum hdl_xl_phase phase);
void hdl_xl_label_at(struct hdl_xl *xl, uint64_t label);

/* ---- reading; the unit being made is made again when what it read changes ---- */

/* NULL only when out of memory, which is remembered. */
struct hdl_xl_cell *hdl_xl_read(struct hdl_xl *xl, enum hdl_xl_index index, const char *key);
bool hdl_xl_read_flag(struct hdl_xl *xl, struct hdl_xl_flag *flag);
/* What was made of it; NULL: nothing, or unit is NULL. */
void *hdl_xl_read_unit(struct hdl_xl *xl, struct hdl_xl_unit *unit);
/* The key of HDL_XL_POD_GROUPS. In scratch memory. */
const char *hdl_xl_pod_group(struct hdl_xl *xl, const char *full_name);
/* NULL: there is none. */
const struct hdl_ir_workload *hdl_xl_read_pod(struct hdl_xl *xl, const char *full_name);
const struct hdl_ir_workload *hdl_xl_read_address(struct hdl_xl *xl, const char *address);
const struct hdl_xl_service *hdl_xl_read_service(struct hdl_xl *xl, const char *fqdn);

/* ---- what units are made by: 0 or -ENOMEM ---- */

int hdl_xl_make_node(struct hdl_xl *xl, struct hdl_xl_unit *unit); /* node.c */
int hdl_xl_mesh_config(struct hdl_xl *xl); /* mesh_config.c: what of meshConfig concerns routes; of HDL_XL_NODE */
int hdl_xl_make_workload(struct hdl_xl *xl, struct hdl_xl_unit *unit); /* workload.c */
int hdl_xl_make_rule(struct hdl_xl *xl, struct hdl_xl_unit *unit);     /* rule.c */
int hdl_xl_make_clients(struct hdl_xl *xl, struct hdl_xl_unit *unit);  /* clients.c */
int hdl_xl_make_backend(struct hdl_xl *xl, struct hdl_xl_unit *unit);  /* service.c */
int hdl_xl_make_merged(struct hdl_xl *xl, struct hdl_xl_unit *unit);   /* vs.c */
int hdl_xl_make_targets(struct hdl_xl *xl, struct hdl_xl_unit *unit);  /* view.c */
int hdl_xl_make_routes(struct hdl_xl *xl, struct hdl_xl_unit *unit);   /* http.c */
int hdl_xl_make_front(struct hdl_xl *xl, struct hdl_xl_unit *unit);    /* mesh.c */
int hdl_xl_make_outside(struct hdl_xl *xl, struct hdl_xl_unit *unit);  /* vs.c */
int hdl_xl_make_ingress(struct hdl_xl *xl, struct hdl_xl_unit *unit);  /* gateway.c */
int hdl_xl_make_domain(struct hdl_xl *xl, struct hdl_xl_unit *unit);   /* domain.c */

/* ---- shared between them ---- */

/* joined.c */
struct hdl_xl_source *hdl_xl_name_owner(const struct hdl_xl_cell *services);
/* Whose unit makes the service that source is a part of, itself or an older entry for the host; NULL: nobody's. */
struct hdl_xl_source *hdl_xl_service_source(struct hdl_xl *xl, const struct hdl_xl_source *source);
bool hdl_xl_same_port(const struct hdl_xl_port_spec *a, const struct hdl_xl_port_spec *b);
const struct hdl_xl_port_spec *hdl_xl_find_port(const struct hdl_xl_registration *r,
						const struct hdl_xl_port_spec *port);
/* All that there is for the name that source owns, in the memory of the product. */
int hdl_xl_join_entries(struct hdl_xl *xl, const struct hdl_xl_source *owner, const struct hdl_xl_registration **ret);
/* The endpoints of a port that both have are joined. */
bool hdl_xl_joins_port(const struct hdl_xl_source *first, const struct hdl_xl_source *other);
/* What of a source is another's, which owns its name. */
void hdl_xl_report_joined(struct hdl_xl *xl, const struct hdl_xl_source *source);
/* workload.c: of a Node by its name; NULL or "": unknown. */
struct hdl_ir_locality hdl_xl_node_locality(struct hdl_xl *xl, const char *node);
/* endpoint.c */
int hdl_xl_slice_endpoints(struct hdl_xl *xl, const struct hdl_xl_service *service, struct hdl_xl_port *port);
/* rule.c: the rule for a service as these clients (NULL: all others) get it (A.7), NULL: none. */
const struct hdl_xl_rule *hdl_xl_rule_of(struct hdl_xl *xl, const struct hdl_xl_service *service,
					 const struct hdl_xl_client *client);
/* Who may get another: those with labels, by the order of the rules, then namespaces. In scratch memory. */
int hdl_xl_rule_clients(struct hdl_xl *xl, const struct hdl_xl_service *service, struct hdl_xl_client **ret,
			size_t *ret_n);
/* Of a rule that no service has. */
void hdl_xl_report_unused_rule(const struct hdl_xl *xl, struct hdl_diags *diags, const struct hdl_xl_rule *rule);
/* cluster.c: those of all ports of a service. */
int hdl_xl_clusters(struct hdl_xl *xl, struct hdl_xl_service *service, const struct hdl_xl_rule *rule);
/* endpoint.c: endpoints with these labels, in the snapshot's memory. labels NULL: all. */
int hdl_xl_select_endpoints(struct hdl_xl *xl, const struct hdl_xl_port *port, const struct hdl_kvs *labels,
			    struct hdl_ir_cluster *cluster);
/* What a WorkloadEntry says of it, or an entry of a ServiceEntry, counts before what the pod says that has the address. */
static inline const struct hdl_ir_labels *hdl_xl_endpoint_labels(const struct hdl_ir_endpoint *e)
{
	return e->labels.n || !e->workload ? &e->labels : &e->workload->labels;
}
/* Which endpoints of a cluster come first (C.4). */
struct hdl_xl_preference {
	const struct hdl_dr_locality_lb *setting; /* NULL: none */
	struct hdl_texts by;                      /* labels by which they come, in place of the setting's */
	bool off, failover_acts;
};
/* groups.c: of a DestinationRule's block (NULL: none), else of the Service, else of the mesh. */
struct hdl_xl_preference hdl_xl_preference(struct hdl_xl *xl, const struct hdl_xl_service *service,
					   const struct hdl_dr_load_balancer *lb, bool outlier);
/*
 * Puts endpoints in groups where they are not all alike. 0 or -ENOMEM. ret_crowded: whether there were more groups than
 * HDL_IR_GROUPS_MAX; the last has the endpoints of those beyond.
 */
int hdl_xl_group_endpoints(struct hdl_xl *xl, const struct hdl_xl_preference *preference,
			   struct hdl_ir_cluster *cluster, bool *ret_crowded);
/* NULL: no such port or subset. subset "": whole service. */
const struct hdl_xl_cluster *hdl_xl_find_cluster(const struct hdl_xl_service *service, uint16_t port,
						 const char *subset);
static inline const struct hdl_xl_cluster *hdl_xl_cluster_of(const struct hdl_ir_cluster *ir)
{
	return (const struct hdl_xl_cluster *)ir;
}
/* label.c: l4 or request, and the route of layer 4, for clients who see these claims. */
int hdl_xl_label_port(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct hdl_xl_claims *claims,
		      struct hdl_xl_front_port *port);
/*
 * l4.c: the tcp rules of all claims for a port, in their order, up to one that takes every connection: that one is the
 * port's own route; NULL: there is none. 0 or -ENOMEM.
 */
struct hdl_xl_l4 {
	struct hdl_ir_l4_route *routes;
	const char **text; /* parallel: "VirtualService demo/db spec.tcp[0]" */
	size_t n;
	struct hdl_ir_l4_route *rest;
	const char *rest_text;
};
int hdl_xl_l4_routes(struct hdl_xl *xl, const struct hdl_xl_claims *claims, const struct hdl_ir_service_port *port,
		     struct hdl_xl_l4 *ret);
/* "10.0.0.0/8" or an address; -EINVAL: neither. */
int hdl_xl_subnet(const char *text, struct hdl_ir_subnet *ret);
/* view_port.c: the ports as some clients get them otherwise than others; these have their labels. */
int hdl_xl_make_port_views(struct hdl_xl *xl, struct hdl_xl_front *front);
/* vs.c */
void hdl_xl_report_idle_rules(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct hdl_xl_vs *vs);
void hdl_xl_report_unused_delegate(struct hdl_diags *diags, const struct hdl_resource *res);
bool hdl_xl_is_unused_delegate(const struct hdl_xl_unit *unit); /* HDL_XL_MERGED */
/* The VirtualServices whose rules a front has, in any view; each once. 0 or -ENOMEM. */
int hdl_xl_set_claimed(struct hdl_xl *xl, struct hdl_xl_unit *front, const char *fqdn, struct hdl_xl_vs *const *vs,
		       size_t n);
/* mesh.c */
int hdl_xl_new_vhost(struct hdl_xl *xl, const char *host, uint16_t port, size_t domains, struct hdl_ir_vhost **ret);
/* The rules of the claims, each with those of the next for the clients that it excludes, then rest (NULL: nothing). */
int hdl_xl_add_rules(struct hdl_xl *xl, const struct hdl_xl_claims *claims, uint16_t port,
		     const struct hdl_ir_http_route *rest, struct hdl_ir_vhost *vhost);
/* IPv6 addresses have brackets in a Host header. */
const char *hdl_xl_domain(struct hdl_xl *xl, const char *host);
/* destination.c: weighted destinations with thresholds; what is unknown is reported. 0, -ENOMEM, or -E2BIG: refused. */
int hdl_xl_destinations(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_route *route, size_t n,
			uint16_t listener_port, const char *field, const struct hdl_ir_destination **ret);
int hdl_xl_destination(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_destination *spec,
		       uint16_t listener_port, const char *field, struct hdl_ir_destination *ret);
/* The only destination of a route. */
int hdl_xl_single_destination(struct hdl_xl *xl, const struct hdl_ir_cluster *cluster,
			      const struct hdl_ir_destination **ret);
/* match.c: the match blocks of a rule that apply; ret_applies false: there are blocks, and none does. */
int hdl_xl_matches(struct hdl_xl *xl, const struct hdl_xl_vs *vs, const struct hdl_vs_http *http, uint16_t port,
		   const char *gateway, struct hdl_ir_http_route *route, bool *ret_applies);
/* "/" and the like: all paths begin with a slash. */
bool hdl_xl_is_any_path(const struct hdl_ir_string_match *m);
/* A block that every request of its port meets. */
bool hdl_xl_match_is_empty(const struct hdl_ir_http_match *match);
bool hdl_xl_is_catch_all(const struct hdl_ir_http_route *route);
/* How many blocks come before one that every request meets. */
size_t hdl_xl_blocks_before_all(const struct hdl_ir_http_route *route);
/* regex.c: an expression, equal ones once. 0, -EINVAL: not an expression. -ENOMEM also over the limit. */
int hdl_xl_regex(struct hdl_xl *xl, const char *pattern, const struct hdl_re **ret);
int hdl_xl_string_match(struct hdl_xl *xl, const struct hdl_string_match *spec, struct hdl_ir_string_match *ret);
/*
 * headers.c: the operations of two levels, either of which may be NULL, in one list; authority (may be NULL) wins over
 * theirs for Host. *ret stays as it is when there is nothing to do. 0 or -ENOMEM.
 */
int hdl_xl_headers(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_headers *first,
		   const struct hdl_vs_headers *second, const char *authority, const struct hdl_ir_headers **ret);
/* http.c: the policy for routes without one; spec NULL: Istio's own. res: whose it is, for diagnostics. */
int hdl_xl_mesh_retry(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_retry *spec,
		      struct hdl_ir_retry *ret);
/* action.c: all but the destinations and what is done around them. -EINVAL: an expression of it does not compile. */
int hdl_xl_actions(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_http *http,
		   uint16_t listener_port, struct hdl_ir_http_route *route);
/* http.c: gateway is the "ns/name" of an Istio Gateway, NULL for the mesh. The same result for the same arguments. */
int hdl_xl_http_routes(struct hdl_xl *xl, struct hdl_xl_vs *vs, uint16_t port, const char *gateway,
		       const struct hdl_xl_routes **ret);
int hdl_xl_default_route(struct hdl_xl *xl, const struct hdl_ir_cluster *cluster, const struct hdl_ir_http_route **ret);
/*
 * vs.c: the first claim, from the from-th on, whose VirtualService has rules for the port, and those; NULL: none has.
 * The others are as if they did not claim the host (A.4).
 */
int hdl_xl_rules_in_force(struct hdl_xl *xl, const struct hdl_xl_claims *claims, size_t from, uint16_t port,
			  size_t *ret_at, const struct hdl_xl_routes **ret_routes);

/* ---- clients of one namespace (clients.c, export.c, view.c, sidecar.c) ---- */

bool hdl_xl_labels_have(const struct hdl_ir_labels *labels, const struct hdl_ir_labels *wanted);
bool hdl_xl_same_client(const struct hdl_xl_client *a, const struct hdl_xl_client *b);
/* "ns", "ns key=value,key=value": two clients that differ are two texts. In scratch memory, or that of the client. */
const char *hdl_xl_client_text(struct hdl_xl *xl, const struct hdl_xl_client *client);
int hdl_xl_copy_client(struct hdl_xl *xl, const struct hdl_xl_client *client, struct hdl_xl_client *ret);
/* In the memory of the product. NULL when out of memory. */
const struct hdl_xl_scope *hdl_xl_copy_scope(struct hdl_xl *xl, const struct hdl_xl_scope *scope);
/* Of a namespace with rules for some of its pods; of others: with none. */
const struct hdl_xl_clients *hdl_xl_read_clients(struct hdl_xl *xl, const char *ns);

/* Whether clients of a namespace (NULL: of all others) see the resource (A.1, exportTo). */
bool hdl_xl_is_exported(const struct hdl_xl *xl, const struct hdl_resource *res, const char *client);
/* "*", or the namespaces of the list in order. In scratch memory. */
const char *hdl_xl_export_text(struct hdl_xl *xl, const struct hdl_resource *res);
int hdl_xl_names_add(struct hdl_xl *xl, struct hdl_xl_names *names, const char *ns);
/* Those that see it although not all do. */
int hdl_xl_names_add_exports(struct hdl_xl *xl, struct hdl_xl_names *names, const struct hdl_resource *res);
/* What they see of a service: one of its views, or itself, or NULL: nothing. */
const struct hdl_xl_service *hdl_xl_service_for(const struct hdl_xl_service *service,
						const struct hdl_xl_client *client);
/* Its views and clients. */
int hdl_xl_make_service_views(struct hdl_xl *xl, struct hdl_xl_service *service);
/* The VirtualServices of the most specific host for fqdn that these clients see; of one host alone. */
int hdl_xl_claims_for(struct hdl_xl *xl, const struct hdl_xl_scope *scope, const char *fqdn, uint16_t port,
		      struct hdl_xl_claims *ret);
int hdl_xl_claims_of_host(struct hdl_xl *xl, const struct hdl_xl_scope *scope, const char *host, uint16_t port,
			  struct hdl_xl_claims *ret);
/* The first of those; NULL: they see none. */
struct hdl_xl_vs *hdl_xl_owner_of_host(struct hdl_xl *xl, const struct hdl_xl_scope *scope, const char *host,
				       uint16_t port);
/* Namespaces for which a VirtualService, or a destination of it, is not as for others; of all that name a host. */
int hdl_xl_vs_clients(struct hdl_xl *xl, const struct hdl_xl_vs *vs, struct hdl_xl_names *names);
int hdl_xl_claim_clients(struct hdl_xl *xl, const char *host, struct hdl_xl_names *names);
/*
 * All that clients of these namespaces, and those of Sidecars, may need a view each for: of a namespace first the one
 * for all of it. In scratch memory.
 */
int hdl_xl_list_scopes(struct hdl_xl *xl, const struct hdl_xl_names *names, const struct hdl_xl_scope ***ret,
		       size_t *ret_n);
/* Some destination is another, or seen by some only, than for others. Its rules are merged. */
bool hdl_xl_vs_differs(struct hdl_xl *xl, const struct hdl_xl_vs *vs, const struct hdl_xl_client *client,
		       const struct hdl_xl_client *others);
/* Those that may need one of a front. In scratch memory. */
int hdl_xl_front_scopes(struct hdl_xl *xl, const struct hdl_xl_front *front, const struct hdl_xl_scope ***ret,
			size_t *ret_n);
/* What clients see of a service otherwise than others. */
int hdl_xl_make_front_views(struct hdl_xl *xl, struct hdl_xl_front *front);
int hdl_xl_view_vhost(struct hdl_xl *xl, const struct hdl_xl_front *front, size_t port,
		      const struct hdl_xl_claims *claims, const struct hdl_xl_client *client,
		      struct hdl_ir_vhost **ret);
/* Scopes of Sidecars (A.4); of HDL_XL_NODE. */
int hdl_xl_make_sidecars(struct hdl_xl *xl);
/*
 * After resources came and went: whether the scopes are as they would be made of what there is now. That of the root
 * namespace has one for each namespace with workloads.
 */
bool hdl_xl_sidecars_hold(struct hdl_xl *xl, const struct hdl_resource *const *came, size_t n);
/* Whether a Sidecar lets its clients see a service or a VirtualService of a port. */
bool hdl_xl_sidecar_shows(const struct hdl_xl_scope *scope, const char *ns, const char *host, uint16_t port);
bool hdl_xl_sidecar_shows_vs(const struct hdl_xl_scope *scope, const struct hdl_xl_vs *vs, uint16_t port);
static inline struct hdl_xl_vs *hdl_xl_claimant(const struct hdl_xl_cell *claim, uint32_t i)
{
	return hdl_xl_member(claim, i)->data;
}
/* "ns/name" of a reference in the list of gateways, or "mesh". Interned. */
const char *hdl_xl_gateway_name(struct hdl_xl *xl, const char *reference, const char *ns);

#endif
