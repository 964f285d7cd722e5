/* SPDX-License-Identifier: Apache-2.0 */
/* EndpointSlices to the endpoints of service ports (specification D.4). */
#include "xlate/priv.h"

#include <errno.h>
#include <string.h>

/* By name; an absent name is the empty one. */
static const struct hdl_endpoint_port *find_port(const struct hdl_endpoint_slice *slice,
						 const struct hdl_xl_port_spec *spec)
{
	enum hdl_port_protocol protocol = hdl_xl_is_udp(spec->protocol) ? HDL_PORT_UDP : HDL_PORT_TCP;

	for (size_t i = 0; i < slice->ports.n; i++) {
		const struct hdl_endpoint_port *port = &slice->ports.at[i];

		if (port->protocol.value == (int)protocol && port->port.has && port->port.value > 0 &&
		    strcmp(port->name.s ? port->name.s : "", spec->name) == 0)
			return port;
	}
	return NULL;
}

static enum hdl_ir_endpoint_status status_of(const struct hdl_kube_endpoint *e, bool publish_not_ready)
{
	const struct hdl_endpoint_conditions *c = e->conditions;

	if (!c || !c->ready.has || c->ready.value || publish_not_ready)
		return HDL_IR_HEALTHY;
	/* one that ends is no endpoint any more, whether it still serves or not */
	return c->terminating.value ? HDL_IR_DRAINING : HDL_IR_UNHEALTHY;
}

/* "ns/name" of the pod behind an endpoint; NULL: none is known. ret_workload is NULL when the pod itself is not. */
static const char *pod_of(struct hdl_xl *xl, const struct hdl_resource *slice, const struct hdl_kube_endpoint *e,
			  const char *address, const struct hdl_ir_workload **ret_workload)
{
	const struct hdl_object_ref *ref = e->target_ref;
	const struct hdl_ir_workload *w;
	const char *name;

	if (ref && ref->name.s && (!ref->kind.s || strcmp(ref->kind.s, "Pod") == 0)) {
		name = hdl_xl_scratchf(xl, "%s/%s", ref->ns.s ? ref->ns.s : slice->ns, ref->name.s);
		*ret_workload = hdl_xl_read_pod(xl, name);
		return name;
	}
	w = hdl_xl_read_address(xl, address);
	*ret_workload = w;
	return w ? hdl_xl_scratchf(xl, "%s/%s", w->ns, w->name) : NULL;
}

struct build {
	struct hdl_xl_port *port;
	struct hdl_xl_map known; /* "ns/name port" or "address port" -> struct hdl_ir_endpoint */
	bool publish_not_ready;
};

/* The endpoint under this key if it can take the address, else NULL. */
static struct hdl_ir_endpoint *find(const struct build *b, const char *key, const struct hdl_addr *address, int family)
{
	struct hdl_ir_endpoint *e = hdl_xl_map_get(&b->known, key);

	return e && (hdl_addr_is_zero(&e->address[family]) || hdl_addr_equal(&e->address[family], address)) ? e : NULL;
}

static int add_address(struct hdl_xl *xl, struct build *b, const struct hdl_resource *slice,
		       const struct hdl_kube_endpoint *e, const struct hdl_text *text, uint16_t number)
{
	enum hdl_ir_endpoint_status status = status_of(e, b->publish_not_ready);
	const struct hdl_ir_workload *workload = NULL;
	const char *pod, *pod_key, *address_key;
	char printed[HDL_ADDR_TEXT_MAX];
	struct hdl_ir_endpoint *ep;
	struct hdl_addr address;
	int family;

	if (hdl_addr_parse(hdl_str_of(text->s), &address) < 0 || hdl_addr_is_zero(&address)) {
		hdl_xl_report(xl->diags, HDL_ERROR, slice, text->pos, NULL, "%s is not an address", text->s);
		return 0;
	}
	family = hdl_addr_is_v4(&address) ? HDL_FAMILY_V4 : HDL_FAMILY_V6;
	hdl_addr_print(&address, printed);
	pod = pod_of(xl, slice, e, printed, &workload);
	address_key = hdl_xl_scratchf(xl, "%s %u", printed, number);
	pod_key = pod ? hdl_xl_scratchf(xl, "%s %u", pod, number) : address_key;
	/* the address first: the other slice may not name the pod */
	ep = find(b, address_key, &address, family);
	if (!ep)
		ep = find(b, pod_key, &address, family);
	if (!ep) {
		ep = &b->port->endpoints[b->port->endpoint_count++];
		*ep = (struct hdl_ir_endpoint){ .port = number, .weight = 1, .status = status };
		if (!hdl_xl_map_get(&b->known, pod_key) && hdl_xl_map_put(&b->known, xl->scratch, pod_key, ep) < 0)
			return -ENOMEM;
	}
	ep->address[family] = address;
	if (!ep->workload)
		ep->workload = workload;
	/* slices that disagree while a pod comes or goes: the better one */
	if (status == HDL_IR_HEALTHY || ep->status == HDL_IR_UNHEALTHY)
		ep->status = status;
	if (!ep->node && ep->workload && ep->workload->node[0])
		ep->node = ep->workload->node;
	if (!ep->node && e->node_name.s)
		ep->node = hdl_xl_intern(xl, e->node_name.s);
	if (!ep->locality.region)
		ep->locality = ep->workload ? ep->workload->locality : hdl_xl_node_locality(xl, e->node_name.s);
	if (e->zone.s)
		ep->locality.zone = hdl_xl_intern(xl, e->zone.s);
	return hdl_xl_map_put(&b->known, xl->scratch, address_key, ep);
}

static int add_endpoint(struct hdl_xl *xl, struct build *b, const struct hdl_resource *slice,
			const struct hdl_kube_endpoint *e, uint16_t number)
{
	for (size_t i = 0; i < e->addresses.n; i++)
		if (add_address(xl, b, slice, e, &e->addresses.at[i], number) < 0)
			return -ENOMEM;
	return 0;
}

/* D.4: endpoints of this node only. */
static void report_local(struct hdl_xl *xl, const struct hdl_xl_service *service)
{
	if (service->spec->local_only.line && !service->ir.internal_local &&
	    hdl_xl_first_time(xl, "local %s", service->ir.fqdn))
		hdl_xl_report(
			xl->diags, HDL_WARNING, service->res, service->spec->local_only, "spec.internalTrafficPolicy",
			"the name of this node is not known (NodeConfig nodeName): endpoints of all nodes are used");
}

int hdl_xl_slice_endpoints(struct hdl_xl *xl, const struct hdl_xl_service *service, struct hdl_xl_port *port)
{
	const struct hdl_xl_cell *slices = hdl_xl_read(xl, HDL_XL_SLICES, service->ir.fqdn);
	struct build b = { .port = port, .publish_not_ready = service->spec->publish_not_ready };
	size_t most = 0;

	report_local(xl, service);
	for (uint32_t s = 0; slices && s < slices->n; s++) {
		const struct hdl_endpoint_slice *slice = hdl_xl_member(slices, s)->res->endpoint_slice;

		for (size_t i = 0; i < slice->endpoints.n; i++)
			most += slice->endpoints.at[i].addresses.n;
	}
	port->endpoints = hdl_arena_calloc(xl->scratch, most, sizeof(*port->endpoints));
	if (!port->endpoints)
		return -ENOMEM;
	for (uint32_t s = 0; slices && s < slices->n; s++) {
		const struct hdl_resource *res = hdl_xl_member(slices, s)->res;
		const struct hdl_endpoint_slice *slice = res->endpoint_slice;
		const struct hdl_endpoint_port *number = find_port(slice, port->spec);

		for (size_t i = 0; number && i < slice->endpoints.n; i++)
			if (add_endpoint(xl, &b, res, &slice->endpoints.at[i], (uint16_t)number->port.value) < 0)
				return -ENOMEM;
	}
	return 0;
}

static bool has_labels(const struct hdl_ir_endpoint *e, const struct hdl_kvs *labels)
{
	for (size_t i = 0; i < labels->n; i++) {
		const char *value = hdl_xl_label(hdl_xl_endpoint_labels(e), labels->at[i].key);

		if (!value || strcmp(value, labels->at[i].value) != 0)
			return false;
	}
	return true;
}

int hdl_xl_select_endpoints(struct hdl_xl *xl, const struct hdl_xl_port *port, const struct hdl_kvs *labels,
			    struct hdl_ir_cluster *cluster)
{
	size_t n = 0;

	for (size_t i = 0; i < port->endpoint_count; i++)
		n += !labels || has_labels(&port->endpoints[i], labels);
	cluster->endpoints = hdl_arena_calloc(xl->arena, n, sizeof(*cluster->endpoints));
	if (!cluster->endpoints)
		return -ENOMEM;
	for (size_t i = 0; i < port->endpoint_count; i++) {
		if (labels && !has_labels(&port->endpoints[i], labels))
			continue;
		cluster->endpoints[cluster->endpoint_count++] = port->endpoints[i];
		cluster->healthy_count += port->endpoints[i].status == HDL_IR_HEALTHY && !port->endpoints[i].standby;
	}
	return 0;
}
