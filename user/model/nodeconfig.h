/* SPDX-License-Identifier: Apache-2.0 */
/* Heddle's own settings of one node: kind NodeConfig of heddle.io/v1alpha1. */
#ifndef HDL_MODEL_NODECONFIG_H
#define HDL_MODEL_NODECONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/value.h"

enum hdl_nc_outbound_mode { HDL_NC_ALLOW_ANY, HDL_NC_REGISTRY_ONLY };
enum hdl_nc_fail_mode { HDL_NC_FAIL_OPEN, HDL_NC_FAIL_CLOSED };
enum hdl_nc_log_encoding { HDL_NC_LOG_TEXT, HDL_NC_LOG_JSON };
enum hdl_nc_redirect { HDL_NC_REDIRECT_OFF, HDL_NC_REDIRECT_PEER };
enum hdl_nc_packet_path { HDL_NC_PACKETS_AUTO, HDL_NC_PACKETS_ON, HDL_NC_PACKETS_OFF };
enum hdl_nc_sockmap { HDL_NC_SOCKMAP_OFF, HDL_NC_SOCKMAP_AUTO };
enum hdl_nc_http_default { HDL_NC_HTTP_L4, HDL_NC_HTTP_REQUEST };

/* Pods that may go anywhere. */
struct hdl_nc_exemption {
	struct hdl_pos pos;
	struct hdl_text ns;    /* absent: of any namespace */
	struct hdl_kvs labels; /* none: whatever labels; one of the two is given */
};

struct hdl_nc_outbound {
	struct hdl_pos pos;
	struct hdl_opt_enum mode; /* enum hdl_nc_outbound_mode; absent: ALLOW_ANY */
	HDL_ARRAY_OF(struct hdl_nc_exemption) exempt;
};

struct hdl_nc_access_log {
	struct hdl_pos pos;
	struct hdl_text path;         /* "-": standard output */
	struct hdl_opt_enum encoding; /* enum hdl_nc_log_encoding; absent: TEXT */
	struct hdl_text format;       /* of encoding TEXT; absent or "": Istio's default */
};

struct hdl_nc_retry_budget {
	struct hdl_pos pos;
	struct hdl_opt_int percent;     /* 0..100; absent: 20 */
	struct hdl_opt_int min_retries; /* absent: 3 */
};

struct hdl_nc_acceleration {
	struct hdl_pos pos;
	struct hdl_opt_enum redirect; /* enum hdl_nc_redirect; absent: off */
	struct hdl_opt_enum sockmap;  /* enum hdl_nc_sockmap; absent: off */
};

struct hdl_nc_packet_mark {
	struct hdl_pos pos;
	struct hdl_opt_int mark, mask; /* 32 bits, not 0; no bit of mark outside mask */
	struct hdl_opt_int table;      /* routing table, 1..0xffffffff without the kernel's own 253..255 */
};

struct hdl_nc_map_capacity {
	struct hdl_pos pos;
	struct hdl_opt_int services, endpoints, flows; /* >= 1 */
};

struct hdl_nc_interfaces {
	struct hdl_pos pos;
	struct hdl_texts pods; /* name patterns with * and ?; none: the host side of the veth of each known pod */
	struct hdl_texts edge; /* names of those that connections from outside come in by */
};

enum hdl_nc_xdp { HDL_NC_XDP_AUTO, HDL_NC_XDP_NATIVE, HDL_NC_XDP_GENERIC, HDL_NC_XDP_OFF };

struct hdl_nc_source_ports {
	struct hdl_pos pos;
	struct hdl_opt_int first, last; /* absent: 61000, 65535 */
};

/* Connections from outside; where they come in: interfaces.edge. */
struct hdl_nc_edge {
	struct hdl_pos pos;
	struct hdl_opt_enum xdp;           /* enum hdl_nc_xdp; absent: auto */
	struct hdl_opt_int syn_rate_limit; /* of one source, each second; absent: none */
	struct hdl_opt_int syn_burst;      /* absent: the rate */
	struct hdl_nc_source_ports *source_ports;
};

/* What a peer may make a worker hold. */
struct hdl_nc_limits {
	struct hdl_pos pos;
	struct hdl_opt_int max_header_bytes;    /* of a header block; absent: 61440 */
	struct hdl_opt_int max_headers;         /* fields in a block; absent: 100 */
	struct hdl_opt_int retry_buffer_bytes;  /* absent: 1048576 */
	struct hdl_opt_int max_connections;     /* client connections per worker; absent: by the descriptor limit */
	struct hdl_opt_duration header_timeout; /* for a whole request head; absent: 60 s */
	struct hdl_opt_duration idle_timeout;   /* of a client connection; absent: 1 h */
	struct hdl_opt_duration drain_timeout;  /* absent: 30 s */
};

struct hdl_node_config {
	struct hdl_pos pos;
	struct hdl_text node_name;
	struct hdl_text region, zone, subzone; /* from locality: "region/zone/subzone" or a map of the three */
	struct hdl_nc_outbound *outbound_traffic_policy;
	struct hdl_opt_enum fail_mode;  /* enum hdl_nc_fail_mode; absent: open */
	struct hdl_text root_namespace; /* absent: "istio-system" */
	struct hdl_text domain;         /* absent: "cluster.local" */
	struct hdl_nc_access_log *access_log;
	struct hdl_nc_retry_budget *retry_budget;
	struct hdl_nc_acceleration *acceleration;
	struct hdl_opt_enum http_default; /* enum hdl_nc_http_default; absent: l4 */
	struct hdl_nc_packet_mark *packet_mark;
	struct hdl_nc_map_capacity *map_capacity;
	struct hdl_nc_interfaces *interfaces;
	struct hdl_nc_edge *edge;
	struct hdl_opt_enum packet_path; /* enum hdl_nc_packet_path; absent: auto */
	struct hdl_nc_limits *limits;
	struct hdl_texts gateways; /* "ns/name" or "name"; absent (at == NULL): every Gateway applies to this node */
};

#endif
