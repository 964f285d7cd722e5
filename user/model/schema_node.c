/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of NodeConfig. */
#include "model/check.h"
#include "model/schema.h"

#define ACCEPTED .support = HDL_ACCEPTED
#define MAX_UINT32 4294967295
#define MAX_INT32 2147483647

static const struct hdl_enum_value outbound_mode[] = { { "ALLOW_ANY", HDL_NC_ALLOW_ANY },
						       { "REGISTRY_ONLY", HDL_NC_REGISTRY_ONLY },
						       { NULL, 0 } };
static const struct hdl_field outbound_fields[] = {
	HDL_ENUM(struct hdl_nc_outbound, mode, "mode", outbound_mode, "destinations outside the registry (ALLOW_ANY)"),
};
static const struct hdl_message outbound =
	HDL_MESSAGE_TABLE("outboundTrafficPolicy", struct hdl_nc_outbound, outbound_fields, NULL);

static const struct hdl_enum_value log_encoding[] = { { "TEXT", HDL_NC_LOG_TEXT },
						      { "JSON", HDL_NC_LOG_JSON },
						      { NULL, 0 } };
static const struct hdl_field access_log_fields[] = {
	HDL_STRING(struct hdl_nc_access_log, path, "path", "file; - is standard output"),
	HDL_ENUM(struct hdl_nc_access_log, encoding, "encoding", log_encoding, "TEXT or JSON (TEXT)"),
	HDL_STRING(struct hdl_nc_access_log, format, "format", "fields of a TEXT line"),
};
static const struct hdl_message access_log =
	HDL_MESSAGE_TABLE("accessLog", struct hdl_nc_access_log, access_log_fields, hdl_check_nc_access_log);

static const struct hdl_field retry_budget_fields[] = {
	HDL_INT(struct hdl_nc_retry_budget, percent, "percent", 0, 100, "retries per active requests (20)"),
	HDL_INT(struct hdl_nc_retry_budget, min_retries, "minRetries", 0, MAX_UINT32, "always allowed (3)"),
};
static const struct hdl_message retry_budget =
	HDL_MESSAGE_TABLE("retryBudget", struct hdl_nc_retry_budget, retry_budget_fields, NULL);

static const struct hdl_enum_value sockmap[] = { { "off", HDL_NC_SOCKMAP_OFF },
						 { "auto", HDL_NC_SOCKMAP_AUTO },
						 { NULL, 0 } };
static const struct hdl_field acceleration_fields[] = {
	HDL_ENUM(struct hdl_nc_acceleration, sockmap, "sockmap", sockmap, "short cut between local sockets (off)"),
};
static const struct hdl_message acceleration =
	HDL_MESSAGE_TABLE("acceleration", struct hdl_nc_acceleration, acceleration_fields, hdl_check_nc_acceleration);

static const struct hdl_field packet_mark_fields[] = {
	HDL_INT(struct hdl_nc_packet_mark, mark, "mark", 1, MAX_UINT32, "mark of redirected packets"),
	HDL_INT(struct hdl_nc_packet_mark, mask, "mask", 1, MAX_UINT32, "bits of the mark that are ours"),
	HDL_INT(struct hdl_nc_packet_mark, table, "table", 1, MAX_UINT32, "routing table of redirected packets"),
};
static const struct hdl_message packet_mark =
	HDL_MESSAGE_TABLE("packetMark", struct hdl_nc_packet_mark, packet_mark_fields, hdl_check_nc_packet_mark);

static const struct hdl_field map_capacity_fields[] = {
	HDL_INT(struct hdl_nc_map_capacity, services, "services", 1, 1 << 20, "most service ports"),
	HDL_INT(struct hdl_nc_map_capacity, endpoints, "endpoints", 1, 1 << 21, "most endpoints"),
	HDL_INT(struct hdl_nc_map_capacity, flows, "flows", 1, 1 << 23, "most tracked flows"),
};
static const struct hdl_message map_capacity =
	HDL_MESSAGE_TABLE("mapCapacity", struct hdl_nc_map_capacity, map_capacity_fields, NULL);

static const struct hdl_field interfaces_fields[] = {
	HDL_STRINGS(struct hdl_nc_interfaces, pods, "pods", "patterns of the host side of pod interfaces", .max = 32),
	HDL_STRINGS(struct hdl_nc_interfaces, edge, "edge", "interfaces to the outside", ACCEPTED, .max = 100),
};
static const struct hdl_message interfaces =
	HDL_MESSAGE_TABLE("interfaces", struct hdl_nc_interfaces, interfaces_fields, hdl_check_nc_interfaces);

static const struct hdl_field limits_fields[] = {
	HDL_INT(struct hdl_nc_limits, max_header_bytes, "maxHeaderBytes", 1024, 1048576,
		"size of a header block (60Ki)", .flags = HDL_FIELD_QUANTITY),
	HDL_INT(struct hdl_nc_limits, max_headers, "maxHeaders", 1, 10000, "fields of a header block (100)"),
	HDL_INT(struct hdl_nc_limits, retry_buffer_bytes, "retryBufferBytes", 0, MAX_INT32,
		"body kept for retries (1Mi)", .flags = HDL_FIELD_QUANTITY),
	HDL_INT(struct hdl_nc_limits, max_connections, "maxConnections", 1, MAX_INT32,
		"client connections of a worker"),
	HDL_DURATION(struct hdl_nc_limits, header_timeout, "headerTimeout", "time for a request head (60s)"),
	HDL_DURATION(struct hdl_nc_limits, idle_timeout, "idleTimeout", "idle time of a client connection (1h)"),
	HDL_DURATION(struct hdl_nc_limits, drain_timeout, "drainTimeout", "time to finish at the end (30s)",
		     .max = 3600000ll * HDL_NS_MS),
};
static const struct hdl_message limits = HDL_MESSAGE_TABLE("limits", struct hdl_nc_limits, limits_fields, NULL);

static const struct hdl_enum_value fail_mode[] = { { "open", HDL_NC_FAIL_OPEN },
						   { "closed", HDL_NC_FAIL_CLOSED },
						   { NULL, 0 } };
static const struct hdl_enum_value http_default[] = { { "l4", HDL_NC_HTTP_L4 },
						      { "request", HDL_NC_HTTP_REQUEST },
						      { NULL, 0 } };
static const struct hdl_field spec_fields[] = {
	HDL_STRING(struct hdl_node_config, node_name, "nodeName", "name of this node"),
	{ .name = "locality",
	  .name_n = sizeof("locality") - 1,
	  .type = HDL_FIELD_LOCALITY,
	  .offset = offsetof(struct hdl_node_config, region),
	  .doc = "region/zone/subzone, or a map of them" },
	HDL_MESSAGE(struct hdl_node_config, outbound_traffic_policy, "outboundTrafficPolicy", &outbound,
		    "destinations outside the registry"),
	HDL_ENUM(struct hdl_node_config, fail_mode, "failMode", fail_mode,
		 "services that need the proxy while it is down: open or closed (open)"),
	HDL_STRING(struct hdl_node_config, root_namespace, "rootNamespace",
		   "namespace of mesh-wide rules (istio-system)"),
	HDL_STRING(struct hdl_node_config, domain, "domain", "domain of the cluster (cluster.local)"),
	HDL_MESSAGE(struct hdl_node_config, access_log, "accessLog", &access_log, "access log"),
	HDL_MESSAGE(struct hdl_node_config, retry_budget, "retryBudget", &retry_budget, "bound on retries"),
	HDL_MESSAGE(struct hdl_node_config, acceleration, "acceleration", &acceleration, "optional short cuts"),
	HDL_ENUM(struct hdl_node_config, http_default, "httpDefault", http_default,
		 "http ports without rules: l4 or request (l4)"),
	HDL_MESSAGE(struct hdl_node_config, packet_mark, "packetMark", &packet_mark, "marks of redirected packets"),
	HDL_MESSAGE(struct hdl_node_config, map_capacity, "mapCapacity", &map_capacity, "size of the kernel's tables"),
	HDL_MESSAGE(struct hdl_node_config, interfaces, "interfaces", &interfaces, "network interfaces"),
	HDL_MESSAGE(struct hdl_node_config, limits, "limits", &limits, "bounds on what a peer may ask for"),
	HDL_STRINGS(struct hdl_node_config, gateways, "gateways", "Gateways of this node: [namespace/]name (all)",
		    .max = 1000),
};
static const struct hdl_message spec =
	HDL_MESSAGE_TABLE("NodeConfig", struct hdl_node_config, spec_fields, hdl_check_node_config);

static const struct hdl_field object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &spec, "the settings"),
};
const struct hdl_message hdl_schema_node_config =
	HDL_MESSAGE_TABLE("NodeConfig", struct hdl_node_config, object_fields, NULL);
