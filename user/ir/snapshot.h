/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled configuration: what xlate makes of the resources, what dp writes into the maps and what the proxy
 * serves from. Immutable once published. Fields marked "set by dp" are filled by the publisher before any other thread
 * sees the snapshot. Strings are NUL-terminated and never NULL unless said so.
 *
 * Sharing. Snapshots of one translator follow one another (generation n, n + 1, ...) and share what did not change:
 *  - shared objects are workloads, services (with their ports), clusters (with their endpoints), vhosts (with their
 *    routes), route configurations (with their table), and each of the arrays below that list them. What such an object
 *    points to is of the same age: a cluster that changed has new routes to it, a vhost that changed is in a new route
 *    configuration. So an equal pointer means: nothing in it and nothing behind it changed, and it keeps its "set by dp"
 *    fields, which are set once, when the object first appears (nothing is stored that is there already: other threads
 *    read shared objects). Not behind it: cluster->service, which has names and addresses only;
 *  - an object lives as long as a snapshot that has it is referred to. So pointers of the snapshot that one holds may be
 *    compared with those of any later one: no address of its objects is used again meanwhile;
 *  - what changed: `changes` when changes.base is the generation that one comes from; otherwise (one was skipped, or
 *    base is 0: everything was made anew) compare: first the arrays themselves, then their elements.
 * Nobody but the translator frees shared objects. What others derive from them and share too is given to
 * hdl_snapshot_retire() when it is replaced.
 */
#ifndef HDL_IR_SNAPSHOT_H
#define HDL_IR_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/subst.h"
#include "heddle/abi_addr.h"
#include "heddle/abi_lb.h"

struct hdl_re;          /* re/re.h */
struct hdl_route_table; /* route/table.h */

/* The object and line that caused something (promise P6). kind is NULL for what Heddle made by itself. */
struct hdl_ir_origin {
	const char *kind, *ns, *name; /* "VirtualService", "demo", "reviews" */
	const char *file;
	uint32_t line, column;
};

struct hdl_ir_label {
	const char *key, *value;
};

struct hdl_ir_labels {
	const struct hdl_ir_label *v; /* sorted by key */
	size_t n;
};

struct hdl_ir_locality {
	const char *region, *zone, *subzone; /* "" = unknown */
};

/* A pod. */
struct hdl_ir_workload {
	uint32_t id; /* set by dp: stable while the pod stays; 0 before */
	const char *ns, *name, *service_account;
	struct hdl_ir_labels labels;
	struct hdl_addr address[HDL_FAMILIES]; /* zero = none */
	struct hdl_ir_locality locality;
	const char *node; /* that it is on; "" = unknown */
	/* Label values of specification E.2; "unknown" where they say so. */
	const char *workload_name, *app, *version, *canonical_service, *canonical_revision;
	struct hdl_ir_origin origin;
};

enum hdl_ir_endpoint_status { HDL_IR_HEALTHY, HDL_IR_UNHEALTHY, HDL_IR_DRAINING };

struct hdl_ir_endpoint {
	struct hdl_addr address[HDL_FAMILIES];  /* both addresses of one pod are one endpoint; zero = none */
	uint16_t port;                          /* target port, host order */
	uint16_t weight;                        /* at least 1 */
	enum hdl_ir_endpoint_status status;     /* only HEALTHY ones get an id and are ever chosen */
	const struct hdl_ir_workload *workload; /* NULL = no pod known */
	struct hdl_ir_labels labels;            /* of one that is no pod: a WorkloadEntry's */
	struct hdl_ir_locality locality;
	const char *node;        /* that it is on; NULL = unknown */
	uint32_t priority;       /* specification C.4; 0 first */
	bool standby;            /* has no part in the traffic at present: gets an id only for the edge */
	bool local;              /* on this node */
	bool edge;               /* serves connections from outside of the node (externalTrafficPolicy) */
	uint32_t id, generation; /* set by dp: index and generation of the `endpoint` and `health` records */
};

/* Endpoints of one priority, or of one locality with a share of its own (specification C.4); none is standby. */
struct hdl_ir_group {
	uint32_t priority;
	uint32_t weight;       /* share of the locality; 0: the priority is one group */
	uint32_t first, count; /* of cluster->endpoints */
	uint32_t healthy;      /* of those, with status HEALTHY */
};

#define HDL_IR_GROUPS_MAX HDL_GROUPS_MAX

/* Specification C.7. */
struct hdl_ir_outlier {
	bool enabled;
	bool split_local_origin;
	uint32_t consecutive_5xx;          /* 0 = off */
	uint32_t consecutive_gateway;      /* 0 = off */
	uint32_t consecutive_local_origin; /* 0 = off; acts only when split */
	uint64_t interval_ns, base_ejection_ns;
	uint8_t max_ejection_percent, min_health_percent;
};

/* connectionPool, beside what the proxy's own pools do; 0 everywhere: no limit, or not set. Specification C.5. */
struct hdl_ir_pool {
	uint32_t max_connections, max_pending_requests, max_requests, max_retries, max_concurrent_streams;
	uint64_t max_connection_duration_ns; /* upstream connections are not used again when they are older */
};

/* Slow start of endpoints that are new (specification C.2). */
struct hdl_ir_warmup {
	uint64_t duration_ns; /* 0 = none */
	uint32_t aggression;  /* 16.16 fixed point */
	uint8_t min_percent;
};

/* Probes of upstream connections. */
struct hdl_ir_keepalive {
	bool on;
	uint32_t probes, time_s, interval_s; /* 0: as the system does */
};

enum hdl_ir_hash_source {
	HDL_IR_HASH_NONE,
	HDL_IR_HASH_SOURCE_IP,
	HDL_IR_HASH_HEADER,
	HDL_IR_HASH_COOKIE,
	HDL_IR_HASH_QUERY
};

struct hdl_ir_service;

/* One subset of one service port, as one client sees it: Envoy's cluster. */
struct hdl_ir_cluster {
	uint32_t id;      /* set by dp */
	const char *name; /* "outbound|9080|v1|reviews.demo.svc.cluster.local"; of a UDP port "outbound|53/udp||..." */
	/* Whose alone it is: "ns", or "ns key=value,..." of its pods with these labels; "": of all others. */
	const char *client;
	uint64_t name_hash;        /* XXH64 of name, seed 0; for some clients the seed is XXH64 of `client`, seed 0 */
	const char *fqdn, *subset; /* subset "" = whole service */
	uint16_t port;
	const struct hdl_ir_service *service; /* NULL never; its names and addresses: ports are not there */
	struct hdl_ir_endpoint *endpoints;
	size_t endpoint_count;
	size_t healthy_count;              /* endpoints with status HEALTHY that are not standby */
	const struct hdl_ir_group *groups; /* by priority; the endpoints are in their order, those on standby last */
	size_t group_count;                /* 0: all endpoints are alike; else at most HDL_IR_GROUPS_MAX */
	enum hdl_policy policy;
	enum hdl_ir_hash_source hash_source;
	const char *hash_name; /* header (lower case), cookie or parameter name; "" otherwise */
	uint32_t table_size;   /* Maglev: prime; ring hash: minimumRingSize; 0 = no table */
	struct hdl_ir_warmup warmup;
	struct hdl_cluster_version record; /* set by dp: as it is in map `cluster`, without epoch */
	struct hdl_ir_outlier outlier;
	uint64_t connect_timeout_ns; /* 10 s unless configured */
	uint64_t idle_timeout_ns;    /* upstream connection without a request; 1 h unless configured; 0 = never */
	uint32_t max_requests_per_connection; /* 0 = unlimited */
	struct hdl_ir_pool pool;
	struct hdl_ir_keepalive keepalive;
	uint32_t affinity_timeout_s; /* of a Service with sessionAffinity, where that decides; 0: it does not */
	struct hdl_ir_origin rule;   /* the DestinationRule; kind NULL = none */
};

enum hdl_ir_match_kind {
	HDL_IR_MATCH_UNSET = 0, /* condition absent: always true */
	HDL_IR_MATCH_EXACT,
	HDL_IR_MATCH_PREFIX,
	HDL_IR_MATCH_REGEX,   /* full match */
	HDL_IR_MATCH_PRESENT, /* headers and query parameters only */
	/* uri only: whole elements of the path (HTTPRoute PathPrefix, F.2); the value has no final slash, "/" is "" */
	HDL_IR_MATCH_SEGMENTS,
};

struct hdl_ir_string_match {
	enum hdl_ir_match_kind kind;
	struct hdl_str value; /* exact and prefix text, or the regex's text */
	const struct hdl_re *re;
};

struct hdl_ir_named_match {
	struct hdl_str name; /* headers: lower case */
	struct hdl_ir_string_match match;
};

/* One match block: all conditions hold (specification B.2). */
struct hdl_ir_http_match {
	const char *name; /* "" = unnamed */
	struct hdl_ir_string_match uri, scheme, method, authority;
	bool ignore_uri_case;
	const struct hdl_ir_named_match *headers, *without_headers, *query;
	size_t header_count, without_header_count, query_count;
	uint16_t port;                      /* listener port; 0 = any */
	struct hdl_ir_labels source_labels; /* of the client pod; n 0 = any */
	const char *source_namespace;       /* "" = any */
	struct hdl_ir_origin origin;
};

/* One header of `set` or `add`. */
struct hdl_ir_header_value {
	struct hdl_str name; /* lower case */
	const struct hdl_subst_part *parts;
	size_t part_count; /* 0: empty, and so never added */
};

/* Specification B.5, in this order. Host and :authority are not here (hdl_ir_headers.host). */
struct hdl_ir_header_ops {
	const struct hdl_str *remove; /* lower case */
	const struct hdl_ir_header_value *set, *add;
	size_t remove_count, set_count, add_count;
};

struct hdl_ir_headers {
	struct hdl_ir_header_ops request, response;
	const char *host; /* in place of Host; "" = as it came */
};

struct hdl_ir_destination {
	const struct hdl_ir_cluster *cluster; /* NULL: unknown host or subset, answers 503 NC */
	bool unresolved;                      /* cluster is NULL, and a Gateway API route asked: 500 (F.3) */
	const char *cluster_name;             /* also when unknown */
	uint32_t weight;
	uint64_t threshold; /* core/subset.h: over the destinations of the route */
	/* Applied before the route's; NULL = none. Those of an only destination are folded into the route's (B.5). */
	const struct hdl_ir_headers *headers;
};

/* Conditions of retryOn (specification B.9). */
enum hdl_ir_retry_on {
	HDL_IR_RETRY_5XX = 1 << 0,
	HDL_IR_RETRY_GATEWAY_ERROR = 1 << 1,
	HDL_IR_RETRY_RESET = 1 << 2,
	HDL_IR_RETRY_RESET_BEFORE_REQUEST = 1 << 3,
	HDL_IR_RETRY_CONNECT_FAILURE = 1 << 4,
	HDL_IR_RETRY_RETRIABLE_4XX = 1 << 5,
	HDL_IR_RETRY_REFUSED_STREAM = 1 << 6,
	HDL_IR_RETRY_STATUS_CODES = 1 << 7,
	HDL_IR_RETRY_RATELIMITED = 1 << 8,
	HDL_IR_RETRY_GRPC_CANCELLED = 1 << 9,
	HDL_IR_RETRY_GRPC_DEADLINE_EXCEEDED = 1 << 10,
	HDL_IR_RETRY_GRPC_INTERNAL = 1 << 11,
	HDL_IR_RETRY_GRPC_RESOURCE_EXHAUSTED = 1 << 12,
	HDL_IR_RETRY_GRPC_UNAVAILABLE = 1 << 13,
};

struct hdl_ir_retry {
	uint32_t attempts; /* retries after the first try; 0 = off */
	uint32_t on;       /* enum hdl_ir_retry_on */
	const uint16_t *codes;
	size_t code_count;
	uint64_t per_try_timeout_ns; /* 0 = none */
	uint64_t backoff_ns;         /* base, 25 ms unless configured; the maximum is ten times that */
	bool avoid_previous_hosts;
};

struct hdl_ir_fault {
	uint32_t delay_per_million, abort_per_million; /* 0 = off */
	uint64_t delay_ns;
	uint16_t abort_status; /* 0: abort_grpc counts */
	uint8_t abort_grpc;    /* number of the gRPC status */
};

enum hdl_ir_path_change_kind {
	HDL_IR_PATH_KEEP,
	/*
	 * `text` in place of what the uri of the block that matched stands for: the prefix by its length, literally
	 * (B.4); the prefix of whole elements with the slashes put right (F.4); the whole path for exact and regex;
	 * the first slash when the block has no uri.
	 */
	HDL_IR_PATH_MATCHED,
	HDL_IR_PATH_WHOLE, /* `text` in place of the path; in a redirect it may have a query, which replaces the other */
	HDL_IR_PATH_REGEX, /* `text` with \0..\9 in place of everything that re finds */
};

struct hdl_ir_path_change {
	enum hdl_ir_path_change_kind kind;
	struct hdl_str text;
	const struct hdl_re *re;
};

/* Specification B.3, F.4. */
struct hdl_ir_redirect {
	uint16_t status;
	const char *scheme; /* "" = the request's */
	const char *host;   /* "" = the request's */
	uint16_t port;      /* 0 = none is put in */
	/*
	 * HTTPRoute (F.4, J 6): the request's own port never stays; one that is the default of the resulting scheme is
	 * left out; with port 0 the listener's counts unless a scheme is given.
	 */
	bool port_of_listener;
	struct hdl_ir_path_change path;
};

struct hdl_ir_direct_response {
	uint16_t status;
	struct hdl_str body;
};

/* Specification B.6. */
struct hdl_ir_cors {
	const struct hdl_ir_string_match *origins;
	size_t origin_count;
	bool any_origin;  /* `*` is among them */
	bool answer_star; /* HTTPRoute (F.4): `*` to every origin that any_origin allows, unless with credentials */
	bool credentials;
	bool ignore_unmatched;                   /* unmatchedPreflights IGNORE */
	struct hdl_str methods, headers, expose; /* joined by ","; "" = not given */
	bool any_method, any_header;             /* `*`: what was asked for comes back */
	struct hdl_str max_age;                  /* seconds; "" = not given */
};

struct hdl_ir_mirror {
	struct hdl_ir_destination destination;
	uint32_t per_million;
};

struct hdl_ir_http_route {
	const char *name; /* access log: "-" when unnamed, "default" for a service without VirtualService */
	const struct hdl_ir_http_match *matches;
	size_t match_count; /* 0 = matches everything */
	/* At most one of the two, and then no destinations. */
	const struct hdl_ir_redirect *redirect;
	const struct hdl_ir_direct_response *direct_response;
	const struct hdl_ir_destination *destinations;
	size_t destination_count;
	const struct hdl_ir_headers *headers; /* NULL = unchanged */
	struct hdl_ir_path_change rewrite;    /* of the path */
	const struct hdl_ir_cors *cors;       /* NULL = none */
	uint64_t timeout_ns;                  /* 0 = none */
	struct hdl_ir_retry retry;
	struct hdl_ir_fault fault;
	const struct hdl_ir_mirror *mirrors;
	size_t mirror_count;
	struct hdl_ir_origin origin;
};

/* Routes of one set of host names. */
struct hdl_ir_vhost {
	const char *name;           /* "reviews.demo.svc.cluster.local:9080" */
	const char *const *domains; /* lower case, without port; "*.suffix" and "*" are wildcards */
	size_t domain_count;
	const struct hdl_ir_http_route *routes;
	size_t route_count;
	const struct hdl_ir_service *service; /* NULL: no service behind (gateway, or host outside the registry) */
	/* Its routes count for a client that the source filters of all blocks here exclude (A.4); NULL: 404 NR. */
	const struct hdl_ir_vhost *otherwise; /* without domains */
	struct hdl_ir_origin origin;
};

/* Envoy's RouteConfiguration: all virtual hosts of a port. */
struct hdl_ir_route_config {
	const char *name; /* "9080" (mesh), "http.8080" (gateway) */
	uint16_t port;
	bool gateway;
	const struct hdl_ir_vhost *const *vhosts;
	size_t vhost_count;
	/* Compiled by route/table.c before publication; free_table(table) is called when the configuration is freed. */
	struct hdl_route_table *table;
	void (*free_table)(struct hdl_route_table *table);
};

struct hdl_ir_subnet {
	struct hdl_addr address; /* IPv4 in the mapped form, bits beyond the prefix 0 */
	uint8_t prefix;          /* bits, of 128 */
};

/* One match block of layer 4: all conditions hold (specification A.2, L4MatchAttributes). */
struct hdl_ir_l4_match {
	const struct hdl_ir_subnet *subnets; /* of the address that was dialled */
	size_t subnet_count;                 /* 0 = any */
	struct hdl_ir_labels source_labels;  /* of the client pod; n 0 = any */
	const char *source_namespace;        /* "" = any */
};

/* One rule of layer 4: of a VirtualService's tcp, or of a TCPRoute. */
struct hdl_ir_l4_route {
	const struct hdl_ir_l4_match *matches; /* any of them holds */
	size_t match_count;                    /* 0 = every connection */
	const struct hdl_ir_destination *destinations;
	size_t destination_count;
	struct hdl_ir_origin origin;
};

enum hdl_ir_protocol {
	HDL_IR_AUTO, /* undeclared */
	HDL_IR_HTTP,
	HDL_IR_HTTP2,
	HDL_IR_GRPC,
	HDL_IR_TCP,
	HDL_IR_TLS,
	HDL_IR_UDP,
};

struct hdl_ir_service_port {
	uint32_t id; /* not 0; the port of the service keeps it while it stays: only for explanations */
	const struct hdl_ir_service *service;
	const char *name; /* "" = unnamed */
	uint16_t port, target_port;
	enum hdl_ir_protocol protocol;
	enum hdl_label label;
	const char *label_reason; /* one sentence: which rule made it so */
	struct hdl_ir_origin label_origin;
	enum hdl_fail_mode fail_mode;
	/* Layer-4 route: for label L4, and for REQUEST in fail mode open. */
	const struct hdl_ir_destination *destinations;
	size_t destination_count;
	struct hdl_ir_origin route_origin;
	/* The first of these that matches takes a connection of layer 4; none: `destinations`. */
	const struct hdl_ir_l4_route *l4_routes;
	size_t l4_route_count;
	uint16_t node_port; /* 0 = none */
	/* sessionAffinity ClientIP, where all destinations ask for the same; 0 = none */
	uint32_t affinity_timeout_s;
	const struct hdl_ir_cluster *cluster; /* whole service */
	/* HTTP ports have routes, in hdl_snapshot_route_config(); this is the name of it. NULL: none. */
	const char *route_name;
	const struct hdl_ir_vhost *vhost; /* HTTP ports: takes a Host that names no service of the port */
	/* HTTP ports: the same for a client who sees nothing of the service; NULL: as vhost. */
	const struct hdl_ir_vhost *plain_vhost;
};

struct hdl_ir_service {
	const char *fqdn, *ns, *name;
	const struct hdl_addr *addresses; /* service addresses; empty for headless ones */
	size_t address_count;
	/* externalIPs and addresses of the load balancer: as `addresses`, and the edge serves them. */
	const struct hdl_addr *external_addresses;
	size_t external_address_count;
	bool internal_local, external_local; /* internalTrafficPolicy, externalTrafficPolicy: Local */
	/*
	 * Left as they are when they are dialled, and known all the same (REGISTRY_ONLY): members of a headless service,
	 * ranges of a ServiceEntry. prefix 0: any address, at the ports of the service: a ServiceEntry without addresses.
	 */
	const struct hdl_ir_subnet *direct;
	size_t direct_count;
	struct hdl_ir_service_port *ports;
	size_t port_count;
	struct hdl_ir_origin origin;
};

struct hdl_ir_view_port {
	const struct hdl_ir_service_port *port; /* of a service of the snapshot */
	/*
	 * What its clients get instead, same service and number; NULL: nothing, the address is one that no service has.
	 * Where those without a view get nothing, the port's own label is HDL_LABEL_NONE.
	 */
	const struct hdl_ir_service_port *seen;
};

/*
 * What some clients see otherwise than others. What it has comes before what all have; the more specific name first, as
 * ever. Shared as the objects above are.
 */
struct hdl_ir_view {
	const char *ns;                /* of the clients */
	const char *name;              /* of the Sidecar that it is of; "": of the namespace without one */
	struct hdl_ir_labels selector; /* labels that they have, too */
	bool narrowed;                 /* they see nothing beside what it has */
	bool registry_only;            /* as in hdl_ir_node */
	struct hdl_ir_route_config *const *route_configs; /* by port */
	size_t route_config_count;
	const struct hdl_ir_view_port *ports; /* layer 4: those that are otherwise for its clients */
	size_t port_count;
	struct hdl_ir_origin origin; /* the Sidecar; kind NULL: none */
};

/* A port on which an Istio Gateway listens. */
struct hdl_ir_gateway_listener {
	struct hdl_addr address; /* zero = all addresses of the node, both families */
	uint16_t port;
	const struct hdl_ir_route_config *route_config;
	struct hdl_ir_origin origin;
};

/* pathNormalization of the mesh (specification B.1). */
enum hdl_ir_path_normalization {
	HDL_IR_NORMALIZE_BASE,
	HDL_IR_NORMALIZE_NONE,
	HDL_IR_NORMALIZE_MERGE_SLASHES,
	HDL_IR_NORMALIZE_DECODE_AND_MERGE_SLASHES,
};

/* Pods that REGISTRY_ONLY is not for, whoever says it: NodeConfig, meshConfig or a Sidecar. */
struct hdl_ir_exemption {
	const char *ns;              /* "" = any */
	struct hdl_ir_labels labels; /* n 0 = any */
};

/* Of which pods packets are translated. */
enum hdl_ir_packet_path { HDL_IR_PACKETS_AUTO, HDL_IR_PACKETS_ON, HDL_IR_PACKETS_OFF };

/* XDP at the edge. */
enum hdl_ir_xdp { HDL_IR_XDP_AUTO, HDL_IR_XDP_NATIVE, HDL_IR_XDP_GENERIC, HDL_IR_XDP_OFF };

/* NodeConfig with its defaults applied. */
struct hdl_ir_node {
	const char *node_name, *domain, *root_namespace;
	struct hdl_ir_locality locality;
	enum hdl_fail_mode fail_mode;
	bool http_default_request;
	uint32_t packet_mark, packet_mask, route_table;
	uint32_t capacity_services, capacity_endpoints, capacity_flows;
	const char *const *pod_interfaces; /* patterns; none = host side of the veth of each known pod */
	size_t pod_interface_count;
	enum hdl_ir_packet_path packet_path;
	bool redirect_peer;          /* packets between pods of the node go past the stack of the host */
	bool sockmap;                /* the short cut between two sockets of the node, where the kernel is fit for it */
	const char *access_log_path; /* "" = off, "-" or "/dev/stdout" = standard output */
	bool access_log_json;
	const char *access_log_format; /* "" = Istio's default */
	uint32_t retry_budget_percent, retry_budget_min;
	/* limits {...}: see model/nodeconfig.h for names and defaults */
	uint32_t max_request_headers_bytes, max_request_headers_count, max_connections, retry_buffer_bytes;
	uint64_t request_headers_timeout_ns, downstream_idle_timeout_ns, drain_timeout_ns;
	enum hdl_ir_path_normalization path_normalization;
	/*
	 * outboundTrafficPolicy: a Host that no service has is answered with 502 (D.2), connections to addresses that no
	 * service has are refused. Not for those who are exempt: hdl_snapshot_client().
	 */
	bool registry_only;
	const struct hdl_ir_exemption *exempt;
	size_t exempt_count;
	const char *const *edge_interfaces; /* names; none: the node serves no connections from outside */
	size_t edge_interface_count;
	enum hdl_ir_xdp edge_xdp;
	uint32_t edge_syn_rate, edge_syn_burst;   /* of one source each second, at once; 0 = any */
	uint16_t edge_port_first, edge_port_last; /* source ports of what goes on to other nodes */
};

/* One object that differs: before NULL: it is new; after NULL: it is gone. */
struct hdl_ir_workload_change {
	struct hdl_ir_workload *before, *after; /* of one namespace and name */
};

struct hdl_ir_service_change {
	struct hdl_ir_service *before, *after; /* of one fqdn */
};

struct hdl_ir_cluster_change {
	struct hdl_ir_cluster *before, *after; /* of one name */
};

struct hdl_ir_vhost_change {
	uint16_t port; /* of a route configuration of the mesh; those of gateways are not here */
	const struct hdl_ir_vhost *before, *after; /* of one place: before is gone, after (also) in its stead */
};

struct hdl_ir_changes {
	uint64_t base; /* the generation that these are relative to; 0: there is none */
	struct hdl_ir_workload_change *workloads;
	struct hdl_ir_service_change *services;
	struct hdl_ir_cluster_change *clusters;
	struct hdl_ir_vhost_change *vhosts;
	size_t workload_count, service_count, cluster_count, vhost_count;
};

struct hdl_snapshot_cleanup;
struct hdl_ir_generation; /* ir/generation.h */
struct hdl_ir_pmap;       /* ir/pmap.h */

struct hdl_snapshot {
	atomic_uint references;
	uint64_t epoch;      /* set by dp; 0 before */
	uint64_t generation; /* of the translator: grows; 0: shares nothing */
	struct hdl_ir_changes changes;
	struct hdl_arena *arena; /* of what is not shared */
	struct hdl_ir_node node;
	struct hdl_ir_workload **workloads;
	size_t workload_count;
	struct hdl_ir_service **services;
	size_t service_count;
	struct hdl_ir_service_port **service_ports; /* all ports of all services */
	size_t service_port_count;
	struct hdl_ir_cluster **clusters; /* sorted by name, then by client */
	size_t cluster_count;
	struct hdl_ir_route_config **route_configs; /* of the mesh by port, then those of gateways */
	size_t route_config_count;
	const struct hdl_ir_view *const *views; /* those with a selector before others of their namespace */
	size_t view_count;
	struct hdl_ir_gateway_listener *gateway_listeners;
	size_t gateway_listener_count;
	const struct hdl_ir_pmap *vips, *addresses; /* look-up tables */
	struct hdl_ir_generation *shared;           /* keeps shared objects alive; NULL: has none */
	struct hdl_snapshot_cleanup *cleanups;      /* what is not arena memory */
};

/* Empty snapshot with one reference. NULL when out of memory. */
struct hdl_snapshot *hdl_snapshot_new(void);
/* With an arena that holds at most bytes_max. */
struct hdl_snapshot *hdl_snapshot_new_bounded(size_t bytes_max);
struct hdl_snapshot *hdl_snapshot_ref(struct hdl_snapshot *snapshot);
/* Frees with the last reference; any thread. Accepts NULL. Returns NULL. */
struct hdl_snapshot *hdl_snapshot_unref(struct hdl_snapshot *snapshot);
/* Runs free_object(object) when the snapshot is freed. 0 or -ENOMEM (object is then freed at once). */
int hdl_snapshot_own(struct hdl_snapshot *snapshot, void *object, void (*free_object)(void *object));
/*
 * Runs free_object(object) when this snapshot and all older ones of its translator are freed: for what later snapshots
 * do not need any more. At once for a snapshot without shared objects when it is freed. 0 or -ENOMEM (then nothing was
 * done). On the thread of the translator, and only for a snapshot after which no other was made by it.
 */
int hdl_snapshot_retire(struct hdl_snapshot *snapshot, void *object, void (*free_object)(void *object));
/* Builds the look-up tables of a snapshot that shares nothing. 0 or -ENOMEM. */
int hdl_snapshot_seal(struct hdl_snapshot *snapshot);

/*
 * Look-ups; NULL if there is none. port in host order. A service's own or external address, or (address zero) a
 * NodePort, TCP and UDP apart; the port is what those without a view get.
 */
const struct hdl_ir_service_port *hdl_snapshot_find_udp(const struct hdl_snapshot *snapshot,
							const struct hdl_addr *address, uint16_t port);
const struct hdl_ir_service_port *hdl_snapshot_find_vip(const struct hdl_snapshot *snapshot,
							const struct hdl_addr *address, uint16_t port);
/* At the place at which a connection was dialled: a service address, else a NodePort of any address. */
const struct hdl_ir_service_port *hdl_snapshot_find_dialled(const struct hdl_snapshot *snapshot,
							    const struct hdl_addr *address, uint16_t port);
const struct hdl_ir_workload *hdl_snapshot_find_workload(const struct hdl_snapshot *snapshot,
							 const struct hdl_addr *address);
/* That of clients without a view. */
struct hdl_ir_cluster *hdl_snapshot_find_cluster(const struct hdl_snapshot *snapshot, const char *name);
/* The mesh's routes for requests to this service port number. */
struct hdl_ir_route_config *hdl_snapshot_route_config(const struct hdl_snapshot *snapshot, uint16_t port);

/* The view of a client; NULL: it sees what all see. */
const struct hdl_ir_view *hdl_snapshot_find_view(const struct hdl_snapshot *snapshot,
						 const struct hdl_ir_workload *client);
struct hdl_ir_route_config *hdl_ir_view_route_config(const struct hdl_ir_view *view, uint16_t port);

/* What holds for all connections of a client. */
struct hdl_ir_client {
	const struct hdl_ir_view *view; /* NULL: it sees what all see */
	bool registry_only;             /* addresses that no service has are refused */
};

/* client NULL: no known pod, as the node's own processes: the mesh's outbound policy is not for them. */
bool hdl_ir_is_exempt(const struct hdl_ir_node *node, const struct hdl_ir_workload *client);
struct hdl_ir_client hdl_snapshot_client(const struct hdl_snapshot *snapshot, const struct hdl_ir_workload *client);
/* What clients of a view (NULL: without one) get of a port of the snapshot; NULL: nothing. */
const struct hdl_ir_service_port *hdl_ir_seen_port(const struct hdl_ir_view *view,
						   const struct hdl_ir_service_port *port);
/* One of the labels is missing or another: false. */
bool hdl_ir_has_labels(const struct hdl_ir_labels *has, const struct hdl_ir_labels *wanted);

/* All conditions hold (A.4). client NULL: no known pod, which has no labels and no namespace. */
bool hdl_ir_l4_match_holds(const struct hdl_ir_l4_match *match, const struct hdl_addr *address,
			   const struct hdl_ir_workload *client);
bool hdl_ir_subnet_has(const struct hdl_ir_subnet *subnet, const struct hdl_addr *address);
/*
 * The first rule of the port for a client that dials the address; NULL: none, the port's `destinations` count. port is
 * what the client sees (hdl_ir_seen_port).
 */
const struct hdl_ir_l4_route *hdl_ir_l4_route_for(const struct hdl_ir_service_port *port,
						  const struct hdl_addr *address, const struct hdl_ir_workload *client);

/* Canonical text of the whole snapshot (ir/dump.c): stable across runs, without ids and epochs. For golden tests. */
void hdl_snapshot_dump(const struct hdl_snapshot *snapshot, struct hdl_buf *buf);
/* The part of it that says what happens to a request that takes the route, without its name, matches and place. */
void hdl_ir_dump_outcome(const struct hdl_ir_http_route *route, struct hdl_buf *buf);

#endif
