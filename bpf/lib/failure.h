/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From an endpoint to the rules of its cluster, and what a failure there means. */
#ifndef HDL_BPF_FAILURE_H
#define HDL_BPF_FAILURE_H

#include "bpf/lib/lookup.h"
#include "heddle/core/outlier.h"

/* The balance record of an endpoint's cluster; NULL when the endpoint is gone. *ret_cluster: its id. */
HDL_CORE struct hdl_balance *hdl_failure_balance(__u32 id, __u32 generation, __u32 *ret_cluster)
{
	const struct hdl_endpoint *record = bpf_map_lookup_elem(&endpoint, &id);

	if (!record || *(const volatile __u32 *)&record->generation != generation)
		return NULL;
	*ret_cluster = record->cluster;
	return hdl_tables_balance(NULL, *ret_cluster);
}

/*
 * Reports an event to outlier detection, by the rules of the epoch in force. Returns enum hdl_outlier_verdict. A global
 * function: the verifier looks at it once.
 */
__noinline int hdl_failure_report(__u32 endpoint, __u32 generation, __u32 event)
{
	const struct hdl_cluster_version *rules;
	const struct hdl_state *state = hdl_state();
	struct hdl_outlier o = { .generation = generation };
	__u32 cluster = 0;

	o.balance = hdl_failure_balance(endpoint, generation, &cluster);
	o.health = hdl_tables_health(NULL, endpoint);
	if (!state || !o.balance || !o.health)
		return HDL_OUTLIER_NOTHING;
	rules = hdl_lookup_cluster(cluster, hdl_load_acquire(&state->epoch));
	if (!rules || !(rules->flags & HDL_CLUSTER_OUTLIER))
		return HDL_OUTLIER_NOTHING;
	hdl_core_outlier_rules(&o, rules);
	o.now_ns = bpf_ktime_get_ns();
	return hdl_core_outlier(&o, event, 0);
}

#endif
