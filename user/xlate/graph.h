/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What depends on what: sources (resources in force) are members of cells (lists by key), units are made from cells and
 * from other units, and remember what they read. What is read and changes makes its readers dirty.
 */
#ifndef HDL_XLATE_GRAPH_H
#define HDL_XLATE_GRAPH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "ir/generation.h"
#include "model/diag.h"

struct hdl_resource;
struct hdl_xl;
struct hdl_xl_client;
struct hdl_xl_unit;
struct hdl_xl_cell;

/* "unit has read this". */
struct hdl_xl_edge {
	struct hdl_xl_unit *unit;
	struct hdl_xl_head *head;
	struct hdl_xl_edge *next, **at; /* of the readers of head */
	struct hdl_xl_edge *next_read;  /* of what unit has read */
};

/* Something that can be read: a cell, a unit or a flag. */
struct hdl_xl_head {
	struct hdl_xl_edge *readers;
	struct hdl_xl_cell *cell; /* it is the head of; NULL: none */
};

/* How many there are of something; its readers only know whether there is any. */
struct hdl_xl_flag {
	struct hdl_xl_head head;
	size_t count;
};

enum hdl_xl_index {
	HDL_XL_SERVICES,    /* fqdn -> Services */
	HDL_XL_ALIASES,     /* fqdn -> ExternalName Services that stand for it */
	HDL_XL_ALIAS_NAMES, /* fqdn -> the ExternalName Services of that name */
	HDL_XL_SERVICE_IPS, /* address -> Services that ask for it */
	HDL_XL_NODE_PORTS,  /* "30080", "30053/udp" -> Services that ask for it */
	HDL_XL_BARE_NAMES,  /* "port name" -> Services with an http port of that number */
	HDL_XL_SLICES,      /* fqdn of the service -> EndpointSlices */
	HDL_XL_PODS,        /* "ns/name" -> Pods */
	HDL_XL_POD_GROUPS,  /* "ns/name" without its last part -> nothing, but who looks for a pod that is not there */
	HDL_XL_NODES,       /* name -> Nodes */
	HDL_XL_POD_IPS,     /* address -> Pods that ask for it */
	HDL_XL_WORKLOADS,   /* ns -> Pods and WorkloadEntries, which a ServiceEntry may select */
	HDL_XL_RULES,       /* "ns/host" and "/host" -> DestinationRules */
	HDL_XL_RULE_SETS,   /* "ns/host namespaces that see it" -> DestinationRules, which are merged */
	HDL_XL_SELECTORS,   /* ns -> DestinationRules for some of its pods; the unit says which these are */
	HDL_XL_VS_NAMES,    /* "ns/name" -> VirtualServices */
	HDL_XL_CLAIMS,      /* host -> VirtualServices for it in the mesh */
	HDL_XL_GATEWAYS,    /* "" -> Gateways */
	HDL_XL_GATEWAY_USERS, /* "" -> VirtualServices that name gateways */
	HDL_XL_DOMAINS,       /* "port[.address] host" -> nothing, but the unit of it */
};

/* The sources of one key, in document order. */
struct hdl_xl_cell {
	struct hdl_xl_head head;
	struct hdl_xl_cell *next; /* of the hash chain */
	struct hdl_xl_unit *unit; /* made of the members together; NULL: none */
	union {
		struct hdl_xl_source *one;   /* n <= 1 */
		struct hdl_xl_source **many; /* n > 1 */
	};
	uint32_t n;
	enum hdl_xl_index index;
	uint64_t hash;
	char key[];
};

struct hdl_xl_source {
	const struct hdl_resource *res;
	uint64_t label; /* grows with the place in the list of resources */
	struct hdl_xl_cell **cell;
	uint32_t cells;
	struct hdl_xl_unit *unit, *front; /* made of it; NULL: none */
	void *data;                       /* of its kind: struct hdl_xl_vs, struct hdl_xl_registration */
};

/* Memory of neighbouring products; goes with the last of them. */
struct hdl_xl_page {
	atomic_uint references;
	struct hdl_arena *arena;
	struct hdl_xl_budget *budget;
	size_t bytes; /* counted in budget */
};

/* What all pages take; outlives the translator while snapshots do. */
struct hdl_xl_budget {
	atomic_uint references;
	atomic_size_t bytes;
};

struct hdl_xl_regex_use;

/* What a unit was made into: first member of a structure of its kind, in the memory of a page. Snapshots share it. */
struct hdl_xl_product {
	struct hdl_ir_retired retired;
	void (*done)(struct hdl_xl_product *product); /* of its kind, before the memory goes; NULL: nothing */
	struct hdl_xl_page *page;
	struct hdl_xl_regex_use *regexes;
};

/* Order of the diagnostics: of a full translation step by step. */
enum hdl_xl_phase {
	HDL_XL_PHASE_NODE,
	HDL_XL_PHASE_WORKLOADS,
	HDL_XL_PHASE_SERVICES,
	HDL_XL_PHASE_ENDPOINTS,
	HDL_XL_PHASE_RULES,
	HDL_XL_PHASE_RULE_OF,
	HDL_XL_PHASE_UNUSED_RULES,
	HDL_XL_PHASE_CLUSTERS,
	HDL_XL_PHASE_CLAIMS,
	HDL_XL_PHASE_IDLE_RULES,
	HDL_XL_PHASE_OUTSIDE,
	HDL_XL_PHASE_UNUSED_DELEGATES,
	HDL_XL_PHASE_MESH,
	HDL_XL_PHASE_MESH_OUTSIDE,
	HDL_XL_PHASE_LABELS,
	HDL_XL_PHASE_GATEWAY_REFERENCES,
	HDL_XL_PHASE_GATEWAYS,
	HDL_XL_PHASE_GATEWAY_ROUTES,
};

/* One diagnostic of a unit, or (include) all those of another that it has read, at their first place. */
struct hdl_xl_note {
	enum hdl_xl_phase phase;
	uint64_t label;
	char *key; /* said once in all; NULL: whenever */
	size_t diag;
	struct hdl_xl_unit *include;
};

struct hdl_xl_notes {
	struct hdl_diags diags;
	struct hdl_xl_note *at;
	size_t n, capacity;
};

/* In the order in which they are made: a unit reads only units of kinds before its own. */
enum hdl_xl_kind {
	HDL_XL_NODE,     /* of the NodeConfig; one */
	HDL_XL_WORKLOAD, /* of a Pod */
	HDL_XL_RULE,     /* of the DestinationRules of one host in one namespace */
	HDL_XL_CLIENTS,  /* of a namespace with rules for some of its pods: which of these labels they have */
	HDL_XL_BACKEND,  /* of a service: its names, endpoints and clusters */
	HDL_XL_MERGED,   /* of a VirtualService with delegates: all rules; of one without hosts: whether it is one */
	HDL_XL_TARGETS,  /* of a VirtualService: its destinations that are not the same for all clients */
	HDL_XL_ROUTES,   /* of a VirtualService for one port and gateway; made when it is read */
	HDL_XL_FRONT,    /* of a service: ports, labels, virtual hosts */
	HDL_XL_OUTSIDE,  /* of a VirtualService: virtual hosts that no service has */
	HDL_XL_INGRESS,  /* of all Gateways: listeners and their domains */
	HDL_XL_DOMAIN,   /* of a domain of a listener: its virtual host */
	HDL_XL_KINDS,
};

struct hdl_xl_unit {
	enum hdl_xl_kind kind;
	bool dirty, noted;
	uint64_t label; /* of the first of its sources */
	struct hdl_xl_head head;
	struct hdl_xl_edge *reads;
	struct hdl_xl_product *product; /* NULL before the first build, and when there is nothing to make */
	struct hdl_xl_source *source;   /* NULL: of a cell */
	struct hdl_xl_cell *cell;       /* NULL: of a source */
	struct hdl_xl_notes *notes;     /* NULL: none */
	struct hdl_xl_unit *next_dirty, **dirty_at;
	struct hdl_xl_unit *next, **at; /* of all units of its kind */
	struct hdl_xl_unit *next_noted, **noted_at;
	uint16_t port;                   /* HDL_XL_ROUTES */
	char *gateway;                   /* HDL_XL_ROUTES; NULL: mesh */
	struct hdl_xl_client *client;    /* HDL_XL_ROUTES: in one block of memory; NULL: all others */
	struct hdl_xl_unit *next_routes; /* HDL_XL_ROUTES: of the same VirtualService */
	struct hdl_xl_domain *domain;    /* HDL_XL_DOMAIN: of the newest plan */
	uint64_t plan;                   /* HDL_XL_DOMAIN: the run that made it */
	struct hdl_xl_vs **claimed_by;   /* HDL_XL_FRONT: whose hosts count the service */
	size_t claimed_n;
};

struct hdl_xl_graph {
	struct hdl_xl_cell **bucket; /* chains */
	size_t buckets, cells;
	struct hdl_xl_edge *free_edges;
	struct hdl_xl_edge_block *edge_blocks;
	struct hdl_xl_unit *first[HDL_XL_KINDS];
	struct hdl_xl_unit *dirty[HDL_XL_KINDS], **dirty_end[HDL_XL_KINDS];
	struct hdl_xl_unit *noted;
	size_t units;
	bool closing;   /* all sources and units go: cells go with the graph */
	bool no_memory; /* sticky: what was read or is a member could not be remembered */
};

void hdl_xl_graph_init(struct hdl_xl_graph *graph);
/* Units must be gone. */
void hdl_xl_graph_done(struct hdl_xl_graph *graph);

/* The cell of the key; NULL: there is none (create false), or out of memory. */
struct hdl_xl_cell *hdl_xl_cell(struct hdl_xl_graph *graph, enum hdl_xl_index index, const char *key, bool create);
struct hdl_xl_source *hdl_xl_member(const struct hdl_xl_cell *cell, size_t i);
/* Puts source into the cell, once. Readers of the cell become dirty. 0 or -ENOMEM. */
int hdl_xl_join(struct hdl_xl_graph *graph, struct hdl_xl_source *source, enum hdl_xl_index index, const char *key,
		struct hdl_xl_cell **ret_cell);
/* Nobody cares about it: it goes. */
void hdl_xl_drop_idle_cell(struct hdl_xl_graph *graph, struct hdl_xl_cell *cell);
/* Takes source out of all cells. */
void hdl_xl_leave(struct hdl_xl_graph *graph, struct hdl_xl_source *source);

/* reader depends on head from now on until it is made again. */
void hdl_xl_depend(struct hdl_xl_graph *graph, struct hdl_xl_unit *reader, struct hdl_xl_head *head);
void hdl_xl_forget_reads(struct hdl_xl_graph *graph, struct hdl_xl_unit *unit);
void hdl_xl_touch(struct hdl_xl_graph *graph, struct hdl_xl_head *head);
void hdl_xl_mark(struct hdl_xl_graph *graph, struct hdl_xl_unit *unit);
void hdl_xl_unmark(struct hdl_xl_graph *graph, struct hdl_xl_unit *unit);
void hdl_xl_flag_add(struct hdl_xl_graph *graph, struct hdl_xl_flag *flag, int n);

/* A dirty unit. NULL when out of memory. */
struct hdl_xl_unit *hdl_xl_unit_new(struct hdl_xl_graph *graph, enum hdl_xl_kind kind, uint64_t label);
/* Its readers become dirty. The product is left to the caller. */
void hdl_xl_unit_free(struct hdl_xl_graph *graph, struct hdl_xl_unit *unit);
void hdl_xl_notes_free(struct hdl_xl_notes *notes);
void hdl_xl_unit_set_notes(struct hdl_xl_graph *graph, struct hdl_xl_unit *unit, struct hdl_xl_notes *notes);

#endif
