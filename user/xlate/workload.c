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
	w->locality = (struct hdl_ir_locality){
		.region = label_or(l, "topology.kubernetes.io/region", ""),
		.zone = label_or(l, "topology.kubernetes.io/zone", ""),
		.subzone = label_or(l, "topology.istio.io/subzone", ""),
	};
}

static int add_address(struct hdl_xl *xl, const struct hdl_resource *res, struct hdl_ir_workload *w,
		       const struct hdl_text *ip)
{
	char text[HDL_ADDR_TEXT_MAX];
	struct hdl_addr address, *slot;
	struct hdl_ir_workload *other;

	if (!ip->s || hdl_addr_parse(hdl_str_of(ip->s), &address) < 0)
		return 0;
	slot = &w->address[hdl_addr_is_v4(&address) ? HDL_FAMILY_V4 : HDL_FAMILY_V6];
	if (!hdl_addr_is_zero(slot))
		return 0;
	hdl_addr_print(&address, text);
	other = hdl_xl_map_get(&xl->addresses, text);
	if (other) {
		hdl_xl_report(xl->diags, HDL_WARNING, res, ip->pos, "status.podIPs",
			      "address %s is already that of Pod %s/%s at %s:%u, which keeps it", text, other->ns,
			      other->name, other->origin.file, other->origin.line);
		return 0;
	}
	*slot = address;
	return hdl_xl_map_put(&xl->addresses, xl->scratch, hdl_xl_intern(xl, text), w);
}

static int add_addresses(struct hdl_xl *xl, const struct hdl_resource *res, struct hdl_ir_workload *w)
{
	const struct hdl_pod *pod = res->pod;

	/* such a pod has the node's address, and shares it */
	if (pod->host_network.value)
		return 0;
	for (size_t i = 0; i < pod->pod_ips.n; i++)
		if (add_address(xl, res, w, &pod->pod_ips.at[i].ip) < 0)
			return -ENOMEM;
	/* the same as the first of the list, unless there is no list */
	return pod->pod_ips.n ? 0 : add_address(xl, res, w, &pod->pod_ip);
}

static int add(struct hdl_xl *xl, const struct hdl_resource *res)
{
	struct hdl_ir_workload *w = hdl_arena_alloc(xl->arena, sizeof(*w));

	if (!w || hdl_xl_labels(xl, &res->labels, &w->labels) < 0)
		return -ENOMEM;
	w->ns = hdl_xl_intern(xl, res->ns);
	w->name = hdl_xl_intern(xl, res->name);
	w->service_account =
		hdl_xl_intern(xl, res->pod->service_account_name.s ? res->pod->service_account_name.s : "default");
	w->origin = hdl_xl_origin(xl, res, res->pos);
	names(xl, w);
	xl->snapshot->workloads[xl->snapshot->workload_count++] = w;
	if (add_addresses(xl, res, w) < 0)
		return -ENOMEM;
	return hdl_xl_map_put(&xl->pods, xl->scratch, hdl_xl_scratchf(xl, "%s/%s", res->ns, res->name), w);
}

/* A pod that ended has given back its address, which another may have by now. */
static bool has_ended(const struct hdl_pod *pod)
{
	return pod->phase.s && (strcmp(pod->phase.s, "Succeeded") == 0 || strcmp(pod->phase.s, "Failed") == 0);
}

int hdl_xl_workloads(struct hdl_xl *xl)
{
	size_t n = 0;

	for (size_t i = 0; i < xl->n; i++)
		n += xl->res[i]->kind == HDL_KIND_POD;
	xl->snapshot->workloads = hdl_arena_calloc(xl->arena, n, sizeof(*xl->snapshot->workloads));
	if (!xl->snapshot->workloads)
		return -ENOMEM;
	for (size_t i = 0; i < xl->n; i++)
		if (xl->res[i]->kind == HDL_KIND_POD && !has_ended(xl->res[i]->pod) && add(xl, xl->res[i]) < 0)
			return -ENOMEM;
	return 0;
}
