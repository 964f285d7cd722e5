/* SPDX-License-Identifier: Apache-2.0 */
/* Pods to workloads, with the label values of specification E.2. */
#include "xlate/priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *label_or(const struct hdl_ir_labels *labels, const char *key, const char *otherwise)
{
	const char *value = hdl_xl_label(labels, key);

	return value && value[0] ? value : otherwise;
}

/* The owner is not read; its name is the pod's without what the controller appended. */
static const char *owner_name(struct hdl_xl *xl, const struct hdl_ir_workload *w)
{
	const char *hash = hdl_xl_label(&w->labels, "pod-template-hash");
	const char *job = label_or(&w->labels, "batch.kubernetes.io/job-name", label_or(&w->labels, "job-name", NULL));
	char middle[80];
	const char *end;

	if (hash && hash[0]) {
		snprintf(middle, sizeof(middle), "-%s-", hash);
		end = strstr(w->name, middle);
		if (end && end != w->name)
			return hdl_xl_internf(xl, "%.*s", (int)(end - w->name), w->name);
	}
	if (job)
		return job;
	/* the revision is of a StatefulSet or a DaemonSet: "db-0", "agent-x7k2p" */
	end = strrchr(w->name, '-');
	if (end && end != w->name &&
	    (hdl_xl_label(&w->labels, "statefulset.kubernetes.io/pod-name") ||
	     hdl_xl_label(&w->labels, "controller-revision-hash")))
		return hdl_xl_internf(xl, "%.*s", (int)(end - w->name), w->name);
	return w->name;
}

static void names(struct hdl_xl *xl, struct hdl_ir_workload *w)
{
	const struct hdl_ir_labels *l = &w->labels;

	w->workload_name = owner_name(xl, w);
	w->app = label_or(l, "app", "unknown");
	w->version = label_or(l, "version", "unknown");
	w->canonical_service = label_or(l, "service.istio.io/canonical-name",
					label_or(l, "app.kubernetes.io/name", label_or(l, "app", w->workload_name)));
	w->canonical_revision = label_or(l, "service.istio.io/canonical-revision",
					 label_or(l, "app.kubernetes.io/version", label_or(l, "version", "latest")));
}

struct hdl_ir_locality hdl_xl_node_locality(struct hdl_xl *xl, const char *node)
{
	/* not to be remembered: Nodes that change make everything anew */
	const struct hdl_xl_cell *cell = node && node[0] ? hdl_xl_cell(&xl->graph, HDL_XL_NODES, node, false) : NULL;
	struct hdl_locality_names names = { "", "", "" };

	if (cell && cell->n)
		names = hdl_node_locality(&hdl_xl_member(cell, 0)->res->labels);
	return (struct hdl_ir_locality){ hdl_xl_intern(xl, names.region), hdl_xl_intern(xl, names.zone),
					 hdl_xl_intern(xl, names.subzone) };
}

/* C.4: the pod's own label, which has dots where slashes are not allowed, else its node, else what its labels say. */
static struct hdl_ir_locality locality_of(struct hdl_xl *xl, const struct hdl_ir_workload *w)
{
	const char *own = hdl_xl_label(&w->labels, "istio-locality");
	struct hdl_ir_locality node;

	if (own && own[0]) {
		char *text = hdl_arena_strdup(xl->scratch, own);

		if (!text) {
			xl->no_memory = true;
			return (struct hdl_ir_locality){ "", "", "" };
		}
		/* a locality with slashes has none that stand for something else */
		for (char *c = strchr(own, '/') ? NULL : strchr(text, '.'); c; c = strchr(c, '.'))
			*c = '/';
		return hdl_xl_locality(xl, text);
	}
	node = hdl_xl_node_locality(xl, w->node);
	if (node.region[0] || node.zone[0])
		return node;
	return (struct hdl_ir_locality){
		.region = label_or(&w->labels, "topology.kubernetes.io/region", ""),
		.zone = label_or(&w->labels, "topology.kubernetes.io/zone", ""),
		.subzone = label_or(&w->labels, "topology.istio.io/subzone", ""),
	};
}

static int family_of(const struct hdl_addr *address)
{
	return hdl_addr_is_v4(address) ? HDL_FAMILY_V4 : HDL_FAMILY_V6;
}

/* The address that a pod asks for in each family, and who says so; NULL: none. */
static void wanted(const struct hdl_pod *pod, struct hdl_addr address[HDL_FAMILIES],
		   const struct hdl_text *text[HDL_FAMILIES])
{
	struct hdl_addr parsed;

	memset(text, 0, HDL_FAMILIES * sizeof(*text));
	/* such a pod has the node's address, and shares it */
	if (pod->host_network.value)
		return;
	/* podIP is the same as the first of the list, unless there is no list */
	for (size_t i = 0; i < (pod->pod_ips.n ? pod->pod_ips.n : 1); i++) {
		const struct hdl_text *ip = pod->pod_ips.n ? &pod->pod_ips.at[i].ip : &pod->pod_ip;

		if (!ip->s || hdl_addr_parse(hdl_str_of(ip->s), &parsed) < 0 || text[family_of(&parsed)])
			continue;
		address[family_of(&parsed)] = parsed;
		text[family_of(&parsed)] = ip;
	}
}

/* A pod that ended has given back its address, which another may have by now. */
static bool has_ended(const struct hdl_pod *pod)
{
	return pod->phase.s && (strcmp(pod->phase.s, "Succeeded") == 0 || strcmp(pod->phase.s, "Failed") == 0);
}

int hdl_xl_register_pod(struct hdl_xl *xl, struct hdl_xl_source *source)
{
	const struct hdl_resource *res = source->res;
	const struct hdl_text *text[HDL_FAMILIES];
	struct hdl_addr address[HDL_FAMILIES];
	char key[HDL_ADDR_TEXT_MAX];
	struct hdl_xl_cell *group;
	const char *name;

	if (has_ended(res->pod))
		return 0;
	wanted(res->pod, address, text);
	name = hdl_xl_scratchf(xl, "%s/%s", res->ns, res->name);
	if (hdl_xl_enter_cell(xl, source, HDL_XL_PODS, name, NULL) < 0)
		return -ENOMEM;
	group = hdl_xl_cell(&xl->graph, HDL_XL_POD_GROUPS, hdl_xl_pod_group(xl, name), false);
	if (group)
		hdl_xl_touch(&xl->graph, &group->head);
	for (int f = 0; f < HDL_FAMILIES; f++)
		if (text[f] &&
		    hdl_xl_enter_cell(xl, source, HDL_XL_POD_IPS, hdl_addr_print(&address[f], key), NULL) < 0)
			return -ENOMEM;
	if (hdl_xl_enter_cell(xl, source, HDL_XL_WORKLOADS, res->ns, NULL) < 0)
		return -ENOMEM;
	return hdl_xl_add_unit(xl, HDL_XL_WORKLOAD, source, NULL, &source->unit);
}

static void claim_address(struct hdl_xl *xl, const struct hdl_xl_source *source, struct hdl_ir_workload *w,
			  const struct hdl_addr *address, const struct hdl_text *ip)
{
	char text[HDL_ADDR_TEXT_MAX];
	struct hdl_xl_cell *cell = hdl_xl_read(xl, HDL_XL_POD_IPS, hdl_addr_print(address, text));
	const struct hdl_resource *first;

	if (!cell)
		return;
	first = hdl_xl_member(cell, 0)->res;
	if (first == source->res)
		w->address[family_of(address)] = *address;
	else
		hdl_xl_report(xl->diags, HDL_WARNING, source->res, ip->pos, "status.podIPs",
			      "address %s is already that of Pod %s/%s at %s:%u, which keeps it", text, first->ns,
			      first->name, first->file, first->pos.line);
}

int hdl_xl_make_workload(struct hdl_xl *xl, struct hdl_xl_unit *unit)
{
	const struct hdl_resource *res = unit->source->res;
	struct hdl_xl_workload *made = hdl_xl_product_new(xl, sizeof(*made));
	const struct hdl_text *text[HDL_FAMILIES];
	struct hdl_addr address[HDL_FAMILIES];
	struct hdl_ir_workload *w;

	if (!made || hdl_xl_labels(xl, &res->labels, &made->ir.labels) < 0)
		return -ENOMEM;
	hdl_xl_phase(xl, HDL_XL_PHASE_WORKLOADS);
	w = &made->ir;
	w->ns = hdl_xl_intern(xl, res->ns);
	w->name = hdl_xl_intern(xl, res->name);
	w->service_account =
		hdl_xl_intern(xl, res->pod->service_account_name.s ? res->pod->service_account_name.s : "default");
	w->origin = hdl_xl_origin(xl, res, res->pos);
	names(xl, w);
	w->node = hdl_xl_intern(xl, res->pod->node_name.s ? res->pod->node_name.s : "");
	w->locality = locality_of(xl, w);
	wanted(res->pod, address, text);
	for (int f = 0; f < HDL_FAMILIES; f++)
		if (text[f])
			claim_address(xl, unit->source, w, &address[f], text[f]);
	return 0;
}
