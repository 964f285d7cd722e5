/* SPDX-License-Identifier: Apache-2.0 */
/* What the analyzers share: the state of one analysis, its indexes, and how a message is made. */
#ifndef HDL_ANALYZE_AN_H
#define HDL_ANALYZE_AN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/analyze.h"
#include "base/arena.h"
#include "model/istio.h"
#include "model/kube.h"
#include "model/registry.h"
#include "model/resource.h"
#include "model/sidecar.h"
#include "xlate/map.h"

#define AN_FIELD_MAX 200
#define AN_KEY_MAX 1024

struct an_list {
	const struct hdl_resource **at;
	size_t n, capacity;
};

/* A host of the registry: a Service, or one host of a ServiceEntry. */
struct an_host {
	const char *fqdn;
	const struct hdl_resource *res;
	const uint16_t *ports;
	size_t port_count;
	size_t endpoints, endpoints6; /* in slices, or inline: of either family */
	struct an_host *next, *last;  /* of the same name, in creation order; last: in the first only */
};

struct an_vs {
	const struct hdl_resource *res;
	const struct hdl_virtual_service *spec;
	const char **hosts; /* resolved, parallel to spec->hosts */
	bool mesh;
	bool conflict; /* IST0109 names it */
};

/* That a VirtualService names a host; of one host in creation order. */
struct an_vs_claim {
	struct an_vs *vs;
	size_t host;                     /* index of its hosts */
	bool to_subset;                  /* some http rule routes the host itself to a subset */
	struct an_vs_claim *next, *last; /* last: in the first only */
};

struct an_policy {
	const struct hdl_resource *res;
	struct hdl_pos pos;
};

struct an {
	const struct hdl_resource *const *res;
	size_t n;
	const struct hdl_an_options *options;
	struct hdl_arena *arena;
	bool no_memory; /* sticky */
	const char *domain, *root_ns;
	struct an_policy policy; /* of the mesh */
	int64_t default_retries; /* of a rule that says nothing */

	struct an_list kind[HDL_KINDS];

	struct hdl_xl_map objects; /* "Kind/ns/name" -> struct hdl_resource, of kinds that are referred to */
	struct hdl_xl_map hosts;   /* name -> struct an_host; wildcards too */
	size_t host_wildcards, rule_wildcards;
	struct hdl_xl_map suffixes;        /* ".svc.cluster.local" -> some struct an_host below it */
	struct hdl_xl_map services;        /* "ns/name" -> struct an_host */
	struct hdl_xl_map workloads;       /* "ns/key=value", "/key=value", "ns/" and "/" -> struct an_list */
	struct hdl_xl_map sidecars;        /* namespace -> struct hdl_resource, of Sidecars without selector */
	struct hdl_xl_map selectors;       /* "key=value" -> struct an_list of Services, by each pair of the selector */
	struct hdl_xl_map first_selectors; /* the same by the first pair only */
	struct hdl_xl_map vs_hosts;        /* name -> struct an_vs_claim */
	struct hdl_xl_map subsets;         /* "fqdn\nsubset" -> struct hdl_resource of a DestinationRule */
	struct an_vs *vs;
	size_t vs_count;

	struct hdl_an_message *message;
	size_t messages, capacity, dropped;
};

struct hdl_analysis {
	struct an an;
};

/* ---- names.c: hosts (A.1), selectors, texts in the arena ---- */

const char *an_strdup(struct an *an, const char *s);
const char *an_printf(struct an *an, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Full name of a host of a rule in namespace ns: lower case, without a final dot. */
const char *an_fqdn(struct an *an, const char *host, const char *ns);
bool an_host_covers(const char *pattern, const char *host);
bool an_hosts_match(const char *a, const char *b); /* host.Name.Matches of Istio */
/* Exported to namespace ns: an empty list is "*". */
bool an_exported(const struct hdl_texts *export_to, const char *own_ns, const char *ns);
/* "a=1,b=2" by key, as Kubernetes prints a selector. */
const char *an_selector_text(struct an *an, const struct hdl_kvs *selector);
bool an_labels_contain(const struct hdl_kvs *labels, const struct hdl_kvs *selector);
/* "ns/name", or "name" of namespace ns. */
const char *an_full_name(struct an *an, const char *reference, const char *ns);
/* The same of a Gateway, which may also be written as name.namespace and more. */
const char *an_gateway_name(struct an *an, const char *reference, const char *ns);
const char *an_resource_name(struct an *an, const struct hdl_resource *res);
const char *an_duration(struct an *an, int64_t ns);
bool an_is_external(const struct an *an, const char *fqdn); /* neither of the cluster's domain nor an address */
struct hdl_pos an_name_pos(const struct hdl_resource *res); /* of metadata.name */

/* ---- index.c ---- */

int an_index(struct an *an);
struct an_list *an_list_of(struct hdl_xl_map *map, const char *key);
int an_list_add(struct an *an, struct an_list *list, const struct hdl_resource *res);
/* The host's entry that a rule of namespace ns sees: exact, then the longest wildcard. NULL: none. */
struct an_host *an_find_host(struct an *an, const char *fqdn, const char *ns);
/* Some host that a wildcard covers; NULL: none. */
struct an_host *an_find_covered(const struct an *an, const char *wildcard);
const struct hdl_resource *an_object(struct an *an, enum hdl_kind kind, const char *full_name);
const struct hdl_resource *an_object_named(struct an *an, const char *kind, const char *ns, const char *name);
/* What REGISTRY_ONLY for a namespace stems from; res NULL: it does not hold. */
struct an_policy an_policy_of(struct an *an, const char *ns);

/* Workloads are Pods and WorkloadEntries. */
const struct hdl_kvs *an_workload_labels(const struct hdl_resource *res);
/* False ends the search. */
typedef bool an_workload_fn(void *data, const struct hdl_resource *res);
/* Those with all labels of both (more may be NULL) in ns, anywhere when it is NULL. How many were found. */
size_t an_find_workloads(struct an *an, const char *ns, const struct hdl_kvs *selector, const struct hdl_kvs *more,
			 an_workload_fn *each, void *data);
const struct hdl_resource *an_find_workload(struct an *an, const char *ns, const struct hdl_kvs *selector,
					    const struct hdl_kvs *more);
bool an_subset_has_endpoint(struct an *an, const struct an_host *host, const struct hdl_kvs *labels);

/* ---- report.c ---- */

/* A message about res at pos (line 0: its first line). Arguments as format says: %s and %q strings, %d int64_t. */
void an_report(struct an *an, enum hdl_an_type type, const struct hdl_resource *res, struct hdl_pos pos, ...);

/* Heddle's own: with places and a suggestion. Fill it, then an_say(). */
struct an_finding {
	enum hdl_an_type type;
	bool info; /* Info, whatever the level of the type */
	const struct hdl_resource *res;
	struct hdl_pos pos;
	const char *text, *suggestion;
	struct hdl_an_place place[2 * HDL_AN_CHAIN_MAX];
	size_t places;
};

void an_place(struct an *an, struct an_finding *finding, const struct hdl_resource *res, struct hdl_pos pos,
	      const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void an_say(struct an *an, const struct an_finding *finding);
void an_say_limit(struct an *an, const struct hdl_resource *res, const char *text);
/* What the model said of the documents. */
void an_report_diags(struct an *an, const struct hdl_diags *diags);
void an_sort(struct an *an);

/* ---- the analyzers ---- */

void an_vs_destinations(struct an *an);   /* destination.c */
void an_vs_hosts(struct an *an);          /* vs_host.c */
void an_vs_rules(struct an *an);          /* vs_rule.c */
void an_vs_http(struct an *an);           /* http.c */
void an_vs_retries(struct an *an);        /* retry.c */
void an_destination_rules(struct an *an); /* dr.c */
void an_gateways(struct an *an);          /* gateway.c */
void an_services(struct an *an);          /* service.c */
void an_annotations(struct an *an);       /* annotation.c */
void an_entries(struct an *an);           /* entry.c */
void an_sidecars(struct an *an);          /* sidecar.c */
void an_conditions(struct an *an);        /* condition.c */
void an_chains(struct an *an);            /* chain.c */

/* ---- shared by analyzers ---- */

/* cover.c: the same for one VirtualService; unreachable: rules of which IST0130 speaks already. */
void an_vs_coverage(struct an *an, const struct an_vs *vs, const bool *unreachable);
/* No condition on the request: what is left may be on who asks. */
bool an_match_is_open(const struct hdl_vs_match *match);

/* retry.c: how often a request is tried by the rule. */
struct an_tries {
	int64_t retries;       /* besides the first try */
	bool explicit_retries; /* the rule says so itself */
	int64_t per_try_ns;    /* 0: none, or without effect */
	int64_t timeout_ns;    /* 0: none */
	int64_t bound_ns;      /* 0: not bounded: the longest that a caller waits */
};
struct an_tries an_tries_of(const struct an *an, const struct hdl_vs_http *http);
/* vs_host.c: HDL0015, when REGISTRY_ONLY holds for the namespace of res and nothing registers the host. */
void an_check_registered(struct an *an, const struct hdl_resource *res, struct hdl_pos pos, const char *field,
			 const char *fqdn);
/* pem.c: there is a certificate that can be read; *ret_not_after_s: when it ends, in seconds since 1970. */
bool an_pem_certificate(struct hdl_str pem, int64_t *ret_not_after_s);
bool an_pem_key(struct hdl_str pem);
/* vs_rule.c: "#2", or the name in quotes. name may be NULL. */
const char *an_rule_name(struct an *an, const struct hdl_text *name, size_t index);

#endif
