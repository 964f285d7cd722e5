/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the translator share: the state of one translation. */
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
#include "model/nodeconfig.h"
#include "model/resource.h"
#include "xlate/map.h"
#include "xlate/xlate.h"

#define XL_FIELD_MAX 200
#define XL_NAME_MAX 600 /* of a key made of a namespace, a host and numbers */

struct hdl_xl_vs;

/* A cluster and what layer 4 cannot do for it. */
struct hdl_xl_cluster {
	struct hdl_ir_cluster *ir;
	const char *http_reason; /* DestinationRule setting that needs requests; NULL: none */
	struct hdl_ir_origin http_origin;
	const char *l4_idle; /* one without effect at layer 4; NULL: none */
	const struct hdl_resource *l4_idle_res;
	struct hdl_pos l4_idle_pos;
};

struct hdl_xl_slice {
	const struct hdl_resource *res;
	struct hdl_xl_slice *next;
};

/* Several DestinationRules of one host in one namespace, merged (A.7). */
struct hdl_xl_subset {
	const struct hdl_resource *res;
	const struct hdl_dr_subset *spec;
	struct hdl_xl_subset *next;
};

struct hdl_xl_rule {
	const struct hdl_resource *res; /* the first of them */
	const char *host;               /* resolved */
	const struct hdl_resource *policy_res;
	const struct hdl_dr_policy *policy; /* NULL: none */
	struct hdl_xl_subset *subsets, *last_subset;
	struct hdl_xl_map subset_names; /* -> struct hdl_xl_subset */
	bool used, reported;
	struct hdl_xl_rule *next; /* all rules, in document order */
};

struct hdl_xl_port {
	struct hdl_ir_service_port *ir;
	const struct hdl_service_port *spec;
	struct hdl_ir_endpoint *endpoints; /* all of the port, in scratch memory */
	size_t endpoint_count;
	const struct hdl_xl_cluster *cluster; /* whole service */
};

struct hdl_xl_service {
	struct hdl_ir_service *ir;
	const struct hdl_resource *res;
	struct hdl_xl_port *ports; /* parallel to ir->ports */
	struct hdl_xl_slice *slices, *last_slice;
	struct hdl_xl_claim *claim; /* of the VirtualServices for its routes in the mesh; NULL: none */
	bool headless;
};

struct hdl_xl_vs {
	const struct hdl_resource *res;
	const struct hdl_virtual_service *spec;
	size_t index;
	const char **hosts; /* resolved, parallel to spec->hosts */
	bool mesh;          /* named by, or by default */
	bool *claimed;      /* parallel to hosts: it is the first to claim the host in the mesh */
	bool *matched;      /* parallel to hosts: a registered service is behind */
};

/* The VirtualServices of one host in the mesh, the first of them in force (A.4) as far as it has rules. */
struct hdl_xl_claim {
	struct hdl_xl_vs *vs;
	struct hdl_xl_claim *next;
	struct hdl_xl_claim *last; /* of the list, in the first of it */
};

/* Compiled http rules of a VirtualService for one port of the mesh or of a gateway. */
struct hdl_xl_routes {
	struct hdl_ir_http_route *v;
	const struct hdl_vs_http **source; /* parallel */
	size_t n;
};

struct hdl_xl {
	const struct hdl_resource *const *res;
	size_t n;
	const struct hdl_xlate_options *options;
	struct hdl_diags *diags;
	struct hdl_snapshot *snapshot;
	struct hdl_arena *arena;   /* the snapshot's */
	struct hdl_arena *scratch; /* gone at the end */
	bool no_memory;            /* sticky: a text could not be copied */
	size_t regex_bytes, regex_bytes_max;
	const struct hdl_resource *at; /* whose translation is under way, to name it when it meets a limit */
	const struct hdl_node_config *node;
	struct hdl_ir_retry mesh_retry; /* for routes that say nothing of retries (B.9) */
	const struct hdl_resource *node_res;

	struct hdl_xl_map strings;   /* copies in arena */
	struct hdl_xl_map regexes;   /* pattern -> struct hdl_re */
	struct hdl_xl_map said;      /* what was reported already */
	struct hdl_xl_map pods;      /* "ns/name" -> struct hdl_ir_workload */
	struct hdl_xl_map addresses; /* address text -> struct hdl_ir_workload */
	struct hdl_xl_map services;  /* FQDN -> struct hdl_xl_service */
	struct hdl_xl_map rules;     /* "ns/host" -> struct hdl_xl_rule; "/host": the first of any namespace */
	struct hdl_xl_map clusters;  /* name -> struct hdl_xl_cluster */
	struct hdl_xl_map claims;    /* host -> struct hdl_xl_claim, in the mesh */
	struct hdl_xl_map routes;    /* scope -> struct hdl_xl_routes */
	size_t rule_wildcards, claim_wildcards;

	struct hdl_xl_service *service; /* in document order */
	size_t service_count;
	struct hdl_xl_rule *first_rule, *last_rule;
	struct hdl_xl_vs *vs;
	size_t vs_count;
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
 * Value of the most specific key for host (A.1): prefix + host, else the longest prefix + "*suffix", else prefix + "*".
 * wildcards: whether any wildcard key is in the map at all.
 */
void *hdl_xl_most_specific(const struct hdl_xl_map *map, const char *prefix, const char *host, bool wildcards);
/* Sorted by key. */
int hdl_xl_labels(struct hdl_xl *xl, const struct hdl_kvs *kvs, struct hdl_ir_labels *ret);
const char *hdl_xl_label(const struct hdl_ir_labels *labels, const char *key); /* NULL: none */
/* "VirtualService demo/reviews" */
const char *hdl_xl_resource_text(const struct hdl_resource *res, char text[XL_NAME_MAX]);

/* ---- the steps; 0 or -ENOMEM ---- */

int hdl_xl_node(struct hdl_xl *xl);             /* node.c */
int hdl_xl_mesh_config(struct hdl_xl *xl);      /* mesh_config.c: what of meshConfig concerns routes */
int hdl_xl_workloads(struct hdl_xl *xl);        /* workload.c */
int hdl_xl_services(struct hdl_xl *xl);         /* service.c: names, addresses and ports */
int hdl_xl_endpoints(struct hdl_xl *xl);        /* endpoint.c: EndpointSlices to the ports of services */
int hdl_xl_rules(struct hdl_xl *xl);            /* rule.c: DestinationRules by host */
int hdl_xl_clusters(struct hdl_xl *xl);         /* cluster.c */
int hdl_xl_virtual_services(struct hdl_xl *xl); /* vs.c: who owns which host */
int hdl_xl_mesh(struct hdl_xl *xl);             /* mesh.c: route configurations of the service ports */
int hdl_xl_labels_of_ports(struct hdl_xl *xl);  /* label.c: l4 or request, and the route of layer 4 */
int hdl_xl_gateways(struct hdl_xl *xl);         /* gateway.c */

/* ---- shared between steps ---- */

/* rule.c: the rule for a service (A.7), NULL: none. */
struct hdl_xl_rule *hdl_xl_rule_of(struct hdl_xl *xl, const struct hdl_xl_service *service);
void hdl_xl_report_unused_rules(struct hdl_xl *xl);
/* endpoint.c: endpoints with these labels, in the snapshot's memory. labels NULL: all. */
int hdl_xl_select_endpoints(struct hdl_xl *xl, const struct hdl_xl_port *port, const struct hdl_kvs *labels,
			    struct hdl_ir_cluster *cluster);
/* destination.c: weighted destinations with thresholds; what is unknown is reported. 0, -ENOMEM, or -E2BIG: refused. */
int hdl_xl_destinations(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_route *route, size_t n,
			uint16_t listener_port, const char *field, const struct hdl_ir_destination **ret);
int hdl_xl_destination(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_destination *spec,
		       uint16_t listener_port, const char *field, struct hdl_ir_destination *ret);
/* The only destination of a route. */
int hdl_xl_single_destination(struct hdl_xl *xl, const struct hdl_ir_cluster *cluster,
			      const struct hdl_ir_destination **ret);
const struct hdl_xl_cluster *hdl_xl_cluster_of(const struct hdl_xl *xl, const struct hdl_ir_cluster *ir);
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
/* match.c: an expression of the snapshot, equal ones once. 0, -EINVAL: not an expression. -ENOMEM also over the limit. */
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
int hdl_xl_http_routes(struct hdl_xl *xl, const struct hdl_xl_vs *vs, uint16_t port, const char *gateway,
		       const struct hdl_xl_routes **ret);
int hdl_xl_default_route(struct hdl_xl *xl, const struct hdl_ir_cluster *cluster, const struct hdl_ir_http_route **ret);
/*
 * vs.c: the first claim, from claim on, whose VirtualService has rules for the port, and those; NULL: none has. The
 * others are as if they did not claim the host (A.4).
 */
int hdl_xl_rules_in_force(struct hdl_xl *xl, const struct hdl_xl_claim *claim, uint16_t port,
			  const struct hdl_xl_claim **ret_claim, const struct hdl_xl_routes **ret_routes);
/* "ns/name" of a reference in the list of gateways, or "mesh". Interned. */
const char *hdl_xl_gateway_name(struct hdl_xl *xl, const char *reference, const char *ns);
/* check.c: what hdl_xlate_check() says of parts, for the translator to skip them; false: refused and reported. */
bool hdl_xl_gateway_server_ok(struct hdl_diags *diags, const struct hdl_resource *res, size_t index);
/* check_action.c */
bool hdl_xl_actions_ok(struct hdl_diags *diags, const struct hdl_resource *res, const struct hdl_vs_http *http,
		       const char *field);
bool hdl_xl_weights_ok(struct hdl_diags *diags, const struct hdl_resource *res, const struct hdl_vs_route *route,
		       size_t n, const char *field);

#endif
