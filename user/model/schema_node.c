/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of NodeConfig. */
#include "model/check.h"
#include "model/schema.h"

#define MAX_UINT32 4294967295
#define MAX_INT32 2147483647

static const struct hdl_enum_value outbound_mode[] = { { "ALLOW_ANY", HDL_NC_ALLOW_ANY },
						       { "REGISTRY_ONLY", HDL_NC_REGISTRY_ONLY },
						       { NULL, 0 } };
static const struct hdl_field exemption_fields[] = {
	HDL_STRING(struct hdl_nc_exemption, ns, "namespace", "of the pods (any)"),
	HDL_STRING_MAP(struct hdl_nc_exemption, labels, "labels", "that the pods have (any)"),
};
static const struct hdl_message exemption =
	HDL_MESSAGE_TABLE("exempt", struct hdl_nc_exemption, exemption_fields, hdl_check_nc_exemption);

static const struct hdl_field outbound_fields[] = {
	HDL_ENUM(
		struct hdl_nc_outbound, mode, "mode", outbound_mode,
		"destinations that no service has: let through (ALLOW_ANY) or refused (REGISTRY_ONLY) (ALLOW_ANY)",
		.note = "Refused are connections and datagrams of pods (EPERM), and requests whose Host no service has where requests are read (502). Loopback, addresses of the node, groups and port 53 stay open; processes of the node are not asked"),
	HDL_MESSAGES(
		struct hdl_nc_outbound, exempt, "exempt", &exemption, "pods that REGISTRY_ONLY is not for", .max = 100,
		.note = "Of this node, whoever says REGISTRY_ONLY: this NodeConfig, meshConfig or a Sidecar. An extension of Heddle"),
};
static const struct hdl_message outbound =
	HDL_MESSAGE_TABLE("outboundTrafficPolicy", struct hdl_nc_outbound, outbound_fields, NULL);

static const struct hdl_enum_value log_encoding[] = { { "TEXT", HDL_NC_LOG_TEXT },
						      { "JSON", HDL_NC_LOG_JSON },
						      { NULL, 0 } };
static const struct hdl_field access_log_fields[] = {
	HDL_STRING(struct hdl_nc_access_log, path, "path", "file of the access log; - is standard output"),
	HDL_ENUM(struct hdl_nc_access_log, encoding, "encoding", log_encoding, "lines of text or JSON objects (TEXT)"),
	HDL_STRING(struct hdl_nc_access_log, format, "format",
		   "fields of a TEXT line, with the command operators of Envoy (the format of Istio)"),
};
static const struct hdl_message access_log =
	HDL_MESSAGE_TABLE("accessLog", struct hdl_nc_access_log, access_log_fields, hdl_check_nc_access_log);

static const struct hdl_field retry_budget_fields[] = {
	HDL_INT(struct hdl_nc_retry_budget, percent, "percent", 0, 100,
		"retries that may be under way, in percent of the active requests (20)"),
	HDL_INT(struct hdl_nc_retry_budget, min_retries, "minRetries", 0, MAX_UINT32,
		"retries that may always be under way (3)"),
};
static const struct hdl_message retry_budget =
	HDL_MESSAGE_TABLE("retryBudget", struct hdl_nc_retry_budget, retry_budget_fields, NULL);

static const struct hdl_enum_value sockmap[] = { { "off", HDL_NC_SOCKMAP_OFF },
						 { "auto", HDL_NC_SOCKMAP_AUTO },
						 { NULL, 0 } };
static const struct hdl_enum_value redirect[] = { { "off", HDL_NC_REDIRECT_OFF },
						  { "peer", HDL_NC_REDIRECT_PEER },
						  { NULL, 0 } };
static const struct hdl_field acceleration_fields[] = {
	HDL_ENUM(struct hdl_nc_acceleration, redirect, "redirect", redirect,
		 "packets between pods of this node past the stack and the filter rules of the host (off)"),
	HDL_ENUM(struct hdl_nc_acceleration, sockmap, "sockmap", sockmap,
		 "short cut between two sockets of the node, where the kernel passes the self-test at the start (off)"),
};
static const struct hdl_message acceleration =
	HDL_MESSAGE_TABLE("acceleration", struct hdl_nc_acceleration, acceleration_fields, NULL);

static const struct hdl_field packet_mark_fields[] = {
	HDL_INT(struct hdl_nc_packet_mark, mark, "mark", 1, MAX_UINT32,
		"mark of packets that go to the proxy, within mask"),
	HDL_INT(struct hdl_nc_packet_mark, mask, "mask", 1, MAX_UINT32, "bits of the mark that belong to Heddle"),
	HDL_INT(struct hdl_nc_packet_mark, table, "table", 1, MAX_UINT32,
		"number of the routing table for packets that go to the proxy"),
};
static const struct hdl_message packet_mark =
	HDL_MESSAGE_TABLE("packetMark", struct hdl_nc_packet_mark, packet_mark_fields, hdl_check_nc_packet_mark);

static const struct hdl_field map_capacity_fields[] = {
	HDL_INT(struct hdl_nc_map_capacity, services, "services", 1, 1 << 20,
		"most ports of services in the tables of the kernel"),
	HDL_INT(struct hdl_nc_map_capacity, endpoints, "endpoints", 1, 1 << 21,
		"most endpoints in the tables of the kernel"),
	HDL_INT(struct hdl_nc_map_capacity, flows, "flows", 1, 1 << 23,
		"most connections that the kernel keeps in mind at a time"),
};
static const struct hdl_message map_capacity =
	HDL_MESSAGE_TABLE("mapCapacity", struct hdl_nc_map_capacity, map_capacity_fields, NULL);

static const struct hdl_field interfaces_fields[] = {
	HDL_STRINGS(struct hdl_nc_interfaces, pods, "pods",
		    "names of the host side of pod interfaces, with * and ? (found by the addresses of the pods)",
		    .max = 32),
	HDL_STRINGS(struct hdl_nc_interfaces, edge, "edge",
		    "names of the interfaces that connections from outside of the node come in by (none)", .max = 100),
};
static const struct hdl_message interfaces =
	HDL_MESSAGE_TABLE("interfaces", struct hdl_nc_interfaces, interfaces_fields, hdl_check_nc_interfaces);

static const struct hdl_enum_value xdp[] = { { "auto", HDL_NC_XDP_AUTO },
					     { "native", HDL_NC_XDP_NATIVE },
					     { "generic", HDL_NC_XDP_GENERIC },
					     { "off", HDL_NC_XDP_OFF },
					     { NULL, 0 } };
static const struct hdl_field source_ports_fields[] = {
	HDL_INT(struct hdl_nc_source_ports, first, "first", 1024, 65535, "first of them (61000)"),
	HDL_INT(struct hdl_nc_source_ports, last, "last", 1024, 65535, "last of them (65535)"),
};
static const struct hdl_message source_ports =
	HDL_MESSAGE_TABLE("sourcePorts", struct hdl_nc_source_ports, source_ports_fields, hdl_check_nc_source_ports);
static const struct hdl_field edge_fields[] = {
	HDL_ENUM(
		struct hdl_nc_edge, xdp, "xdp", xdp,
		"XDP before tc: in the driver where it can, but not on veth (auto); the same also on veth (native); in the kernel's generic way (generic); not at all (off) (auto)",
		.note = "tc does all of it in any case. generic works only where the interface merges no packets and their checksums are complete (ethtool -K DEVICE gro off, and tx off at the other end of a veth)"),
	HDL_INT(struct hdl_nc_edge, syn_rate_limit, "synRateLimit", 1, 1000000,
		"most SYNs a second that one source address may send to services by these interfaces (none)"),
	HDL_INT(struct hdl_nc_edge, syn_burst, "synBurst", 1, 1000000,
		"most of them at once (as many as synRateLimit)"),
	HDL_MESSAGE(struct hdl_nc_edge, source_ports, "sourcePorts", &source_ports,
		    "source ports of connections that go on to other nodes; no socket of the node may use them"),
};
static const struct hdl_message edge = HDL_MESSAGE_TABLE("edge", struct hdl_nc_edge, edge_fields, hdl_check_nc_edge);

static const struct hdl_field limits_fields[] = {
	HDL_INT(struct hdl_nc_limits, max_header_bytes, "maxHeaderBytes", 1024, 1048576,
		"largest header block of a request or answer, in bytes (60Ki)", .flags = HDL_FIELD_QUANTITY),
	HDL_INT(struct hdl_nc_limits, max_headers, "maxHeaders", 1, 10000, "most fields of a header block (100)"),
	HDL_INT(struct hdl_nc_limits, retry_buffer_bytes, "retryBufferBytes", 0, MAX_INT32,
		"largest body of a request that is kept for retries, in bytes (1Mi)", .flags = HDL_FIELD_QUANTITY),
	HDL_INT(struct hdl_nc_limits, max_connections, "maxConnections", 1, MAX_INT32,
		"most client connections of a worker (by the limit on descriptors)"),
	HDL_DURATION(struct hdl_nc_limits, header_timeout, "headerTimeout",
		     "time in which a client must send the head of a request (60s)"),
	HDL_DURATION(struct hdl_nc_limits, idle_timeout, "idleTimeout",
		     "idle time after which a client connection is closed (1h)"),
	HDL_DURATION(struct hdl_nc_limits, drain_timeout, "drainTimeout",
		     "time that requests have to end when the daemon does (30s)", .max = 3600000ll * HDL_NS_MS),
};
static const struct hdl_message limits = HDL_MESSAGE_TABLE("limits", struct hdl_nc_limits, limits_fields, NULL);

static const struct hdl_enum_value fail_mode[] = { { "open", HDL_NC_FAIL_OPEN },
						   { "closed", HDL_NC_FAIL_CLOSED },
						   { NULL, 0 } };
static const struct hdl_enum_value http_default[] = { { "l4", HDL_NC_HTTP_L4 },
						      { "request", HDL_NC_HTTP_REQUEST },
						      { NULL, 0 } };
static const struct hdl_enum_value packet_path[] = {
	{ "auto", HDL_NC_PACKETS_AUTO }, { "on", HDL_NC_PACKETS_ON }, { "off", HDL_NC_PACKETS_OFF }, { NULL, 0 }
};
static const struct hdl_field spec_fields[] = {
	HDL_STRING(struct hdl_node_config, node_name, "nodeName",
		   "name of this node, by which local pods and endpoints are known"),
	{ .name = "locality",
	  .name_n = sizeof("locality") - 1,
	  .type = HDL_FIELD_LOCALITY,
	  .offset = offsetof(struct hdl_node_config, region),
	  .doc = "where this node is: region/zone/subzone, or a map of the three" },
	HDL_MESSAGE(struct hdl_node_config, outbound_traffic_policy, "outboundTrafficPolicy", &outbound,
		    "destinations that no service has"),
	HDL_ENUM(
		struct hdl_node_config, fail_mode, "failMode", fail_mode,
		"connections that need the proxy while no worker lives: balanced without its rules (open) or refused (closed) (open)"),
	HDL_STRING(struct hdl_node_config, root_namespace, "rootNamespace",
		   "namespace whose rules are for the whole mesh (istio-system)"),
	HDL_STRING(struct hdl_node_config, domain, "domain",
		   "domain of the cluster, which completes short names (cluster.local)"),
	HDL_MESSAGE(struct hdl_node_config, access_log, "accessLog", &access_log,
		    "where and how requests and connections are logged"),
	HDL_MESSAGE(struct hdl_node_config, retry_budget, "retryBudget", &retry_budget,
		    "bound on the retries that are under way to one service"),
	HDL_MESSAGE(struct hdl_node_config, acceleration, "acceleration", &acceleration,
		    "short cuts that a kernel may offer"),
	HDL_ENUM(struct hdl_node_config, http_default, "httpDefault", http_default,
		 "ports declared http that no rule is about: balanced by connection (l4) or by request (l4)"),
	HDL_MESSAGE(struct hdl_node_config, packet_mark, "packetMark", &packet_mark,
		    "mark and routing table of packets that go to the proxy; two daemons need different ones"),
	HDL_MESSAGE(struct hdl_node_config, map_capacity, "mapCapacity", &map_capacity,
		    "sizes of the tables in the kernel"),
	HDL_MESSAGE(struct hdl_node_config, interfaces, "interfaces", &interfaces,
		    "network interfaces that traffic is taken from"),
	HDL_MESSAGE(struct hdl_node_config, edge, "edge", &edge,
		    "connections from outside to NodePorts and external addresses, by interfaces.edge"),
	HDL_ENUM(
		struct hdl_node_config, packet_path, "packetPath", packet_path,
		"pods whose packets to services are translated one by one: all (on), none (off), or those that send what the hooks at sockets may not see (auto)"),
	HDL_MESSAGE(struct hdl_node_config, limits, "limits", &limits, "bounds on what a peer may make the proxy hold"),
	HDL_STRINGS(struct hdl_node_config, gateways, "gateways",
		    "Gateways that this node serves: [namespace/]name (all)", .max = 1000),
};
static const struct hdl_message spec =
	HDL_MESSAGE_TABLE("NodeConfig", struct hdl_node_config, spec_fields, hdl_check_node_config);

static const struct hdl_field object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &spec, "the settings of this node"),
};
const struct hdl_message hdl_schema_node_config =
	HDL_MESSAGE_TABLE("NodeConfig", struct hdl_node_config, object_fields, NULL);
