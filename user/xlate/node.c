/* SPDX-License-Identifier: Apache-2.0 */
/* NodeConfig and its defaults. */
#include "xlate/priv.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "heddle/abi_edge.h"

/*
 * Bit 13 is not used by kube-proxy (14, 15), Istio (0x539, 0x111), Cilium (8 to 11 and above 15), Calico (16 to 31),
 * Tailscale (18 to 23) or AWS VPC CNI (7). The table number only has to be free, which the start-up checks.
 */
#define DEFAULT_MARK 0x2000u
#define DEFAULT_MASK 0x2000u
#define DEFAULT_TABLE 18500u

#define DEFAULT_SERVICES 16384u
#define DEFAULT_ENDPOINTS 131072u
#define DEFAULT_FLOWS 65536u

static const char *text(struct hdl_xl *xl, const struct hdl_text *value, const char *absent)
{
	return hdl_xl_intern(xl, value->s ? value->s : absent);
}

/* As the names made with it are compared: lower case, without a final dot. */
static const char *domain(struct hdl_xl *xl, const char *s)
{
	const char *name = hdl_xl_lower(xl, s);
	size_t n = strlen(name);

	return n > 1 && name[n - 1] == '.' ? hdl_xl_internf(xl, "%.*s", (int)(n - 1), name) : name;
}

static void choose(struct hdl_xl *xl)
{
	xl->node = NULL;
	xl->node_res = NULL;
	for (size_t i = 0; i < xl->n; i++) {
		if (xl->res[i]->kind != HDL_KIND_NODE_CONFIG)
			continue;
		if (!xl->node) {
			xl->node = xl->res[i]->node_config;
			xl->node_res = xl->res[i];
			continue;
		}
		hdl_xl_report(xl->diags, HDL_WARNING, xl->res[i], xl->res[i]->pos, NULL,
			      "there is a NodeConfig already, %s at %s:%u: this one is ignored", xl->node_res->name,
			      xl->node_res->file, xl->node_res->pos.line);
	}
}

/* What NodeConfig leaves open, its Node object says. Nodes that change make everything anew. */
static void locality(struct hdl_xl *xl, struct hdl_ir_node *node, const struct hdl_node_config *c)
{
	node->locality =
		(struct hdl_ir_locality){ text(xl, &c->region, ""), text(xl, &c->zone, ""), text(xl, &c->subzone, "") };
	if (node->locality.region[0] || node->locality.zone[0] || !node->node_name[0])
		return;
	for (size_t i = 0; i < xl->n; i++) {
		struct hdl_locality_names names;

		if (xl->res[i]->kind != HDL_KIND_NODE || strcmp(xl->res[i]->name, node->node_name) != 0)
			continue;
		names = hdl_node_locality(&xl->res[i]->labels);
		node->locality =
			(struct hdl_ir_locality){ hdl_xl_intern(xl, names.region), hdl_xl_intern(xl, names.zone),
						  hdl_xl_intern(xl, names.subzone) };
		return;
	}
}

static void limits(struct hdl_ir_node *node, const struct hdl_nc_limits *l)
{
	node->max_request_headers_bytes = hdl_xl_number(&l->max_header_bytes, 60 * 1024);
	node->max_request_headers_count = hdl_xl_number(&l->max_headers, 100);
	node->max_connections = hdl_xl_number(&l->max_connections, 0);
	node->retry_buffer_bytes = hdl_xl_number(&l->retry_buffer_bytes, 1024 * 1024);
	node->request_headers_timeout_ns = hdl_xl_duration(&l->header_timeout, 60 * HDL_NS_PER_S);
	node->downstream_idle_timeout_ns = hdl_xl_duration(&l->idle_timeout, 3600 * HDL_NS_PER_S);
	node->drain_timeout_ns = hdl_xl_duration(&l->drain_timeout, 30 * HDL_NS_PER_S);
}

static void marks(struct hdl_ir_node *node, const struct hdl_nc_packet_mark *m)
{
	node->packet_mark = hdl_xl_number(&m->mark, DEFAULT_MARK);
	/* a mark of one's own without a mask: just its bits */
	node->packet_mask = hdl_xl_number(&m->mask, m->mark.has ? node->packet_mark : DEFAULT_MASK);
	node->route_table = hdl_xl_number(&m->table, DEFAULT_TABLE);
}

static void access_log(struct hdl_xl *xl, struct hdl_ir_node *node, const struct hdl_nc_access_log *log)
{
	node->access_log_path = text(xl, &log->path, "");
	if (xl->options.access_log_path)
		node->access_log_path = hdl_xl_intern(xl, xl->options.access_log_path);
	node->access_log_json = log->encoding.value == HDL_NC_LOG_JSON;
	node->access_log_format = text(xl, &log->format, "");
}

static int interfaces(struct hdl_xl *xl, struct hdl_ir_node *node, const struct hdl_nc_interfaces *spec)
{
	const char **patterns = hdl_arena_calloc(xl->arena, spec->pods.n, sizeof(*patterns));

	if (!patterns)
		return -ENOMEM;
	for (size_t i = 0; i < spec->pods.n; i++)
		patterns[i] = hdl_xl_intern(xl, spec->pods.at[i].s);
	node->packet_path = xl->node->packet_path.value == HDL_NC_PACKETS_ON  ? HDL_IR_PACKETS_ON :
			    xl->node->packet_path.value == HDL_NC_PACKETS_OFF ? HDL_IR_PACKETS_OFF :
										HDL_IR_PACKETS_AUTO;
	node->sockmap = xl->node->acceleration && xl->node->acceleration->sockmap.value == HDL_NC_SOCKMAP_AUTO;
	node->redirect_peer = xl->node->acceleration && xl->node->acceleration->redirect.value == HDL_NC_REDIRECT_PEER;
	node->pod_interfaces = patterns;
	node->pod_interface_count = spec->pods.n;
	patterns = hdl_arena_calloc(xl->arena, spec->edge.n, sizeof(*patterns));
	if (!patterns)
		return -ENOMEM;
	for (size_t i = 0; i < spec->edge.n; i++)
		patterns[i] = hdl_xl_intern(xl, spec->edge.at[i].s);
	node->edge_interfaces = patterns;
	node->edge_interface_count = spec->edge.n;
	return 0;
}

static void edge(struct hdl_ir_node *node, const struct hdl_nc_edge *spec)
{
	static const struct hdl_nc_source_ports no_ports;
	const struct hdl_nc_source_ports *ports = spec->source_ports ? spec->source_ports : &no_ports;

	node->edge_xdp = spec->xdp.value == HDL_NC_XDP_OFF     ? HDL_IR_XDP_OFF :
			 spec->xdp.value == HDL_NC_XDP_NATIVE  ? HDL_IR_XDP_NATIVE :
			 spec->xdp.value == HDL_NC_XDP_GENERIC ? HDL_IR_XDP_GENERIC :
								 HDL_IR_XDP_AUTO;
	node->edge_syn_rate = hdl_xl_number(&spec->syn_rate_limit, 0);
	node->edge_syn_burst = hdl_xl_number(&spec->syn_burst, node->edge_syn_rate);
	node->edge_port_first = (uint16_t)hdl_xl_number(&ports->first, HDL_EDGE_PORT_FIRST);
	node->edge_port_last = (uint16_t)hdl_xl_number(&ports->last, HDL_EDGE_PORT_LAST);
}

/* D.2, and Heddle's own: pods that may go anywhere. */
static int exemptions(struct hdl_xl *xl, struct hdl_ir_node *node, const struct hdl_nc_outbound *outbound)
{
	struct hdl_ir_exemption *exempt;

	if (!outbound)
		return 0;
	exempt = hdl_arena_calloc(xl->arena, outbound->exempt.n, sizeof(*exempt));
	if (!exempt)
		return -ENOMEM;
	for (size_t i = 0; i < outbound->exempt.n; i++) {
		exempt[i].ns = text(xl, &outbound->exempt.at[i].ns, "");
		if (hdl_xl_labels(xl, &outbound->exempt.at[i].labels, &exempt[i].labels) < 0)
			return -ENOMEM;
	}
	node->exempt = exempt;
	node->exempt_count = outbound->exempt.n;
	return 0;
}

/* D.2: of a Host that no service has; the node's own word comes before that of meshConfig. */
static void outbound(struct hdl_xl *xl)
{
	const struct hdl_nc_outbound *outbound = xl->node->outbound_traffic_policy;

	if (outbound && outbound->mode.has)
		xl->ir_node.registry_only = outbound->mode.value == HDL_NC_REGISTRY_ONLY;
}

int hdl_xl_make_node(struct hdl_xl *xl, struct hdl_xl_unit *unit)
{
	static const struct hdl_node_config no_config;
	static const struct hdl_nc_limits no_limits;
	static const struct hdl_nc_packet_mark no_mark;
	static const struct hdl_nc_map_capacity no_capacity;
	static const struct hdl_nc_interfaces no_interfaces;
	static const struct hdl_nc_access_log no_log;
	static const struct hdl_nc_edge no_edge;
	static const struct hdl_nc_retry_budget no_budget;
	struct hdl_ir_node *node = &xl->ir_node;
	const struct hdl_nc_map_capacity *capacity;
	const struct hdl_nc_retry_budget *budget;
	const struct hdl_node_config *c;

	(void)unit;
	if (!hdl_xl_product_new(xl, sizeof(struct hdl_xl_product)))
		return -ENOMEM;
	hdl_xl_phase(xl, HDL_XL_PHASE_NODE);
	*node = (struct hdl_ir_node){ 0 };
	choose(xl);
	if (!xl->node)
		xl->node = &no_config;
	c = xl->node;
	node->node_name = text(xl, &c->node_name, xl->options.node_name);
	node->domain = domain(xl, c->domain.s ? c->domain.s : "cluster.local");
	node->root_namespace = text(xl, &c->root_namespace, "istio-system");
	locality(xl, node, c);
	node->fail_mode = c->fail_mode.value == HDL_NC_FAIL_CLOSED ? HDL_FAIL_CLOSED : HDL_FAIL_OPEN;
	node->http_default_request = c->http_default.value == HDL_NC_HTTP_REQUEST;
	marks(node, c->packet_mark ? c->packet_mark : &no_mark);
	capacity = c->map_capacity ? c->map_capacity : &no_capacity;
	node->capacity_services = hdl_xl_number(&capacity->services, DEFAULT_SERVICES);
	node->capacity_endpoints = hdl_xl_number(&capacity->endpoints, DEFAULT_ENDPOINTS);
	node->capacity_flows = hdl_xl_number(&capacity->flows, DEFAULT_FLOWS);
	access_log(xl, node, c->access_log ? c->access_log : &no_log);
	budget = c->retry_budget ? c->retry_budget : &no_budget;
	node->retry_budget_percent = hdl_xl_number(&budget->percent, 20);
	node->retry_budget_min = hdl_xl_number(&budget->min_retries, 3);
	limits(node, c->limits ? c->limits : &no_limits);
	edge(node, c->edge ? c->edge : &no_edge);
	if (interfaces(xl, node, c->interfaces ? c->interfaces : &no_interfaces) < 0 ||
	    exemptions(xl, node, c->outbound_traffic_policy) < 0)
		return -ENOMEM;
	if (hdl_xl_mesh_config(xl) < 0)
		return -ENOMEM;
	outbound(xl);
	return hdl_xl_make_sidecars(xl);
}
