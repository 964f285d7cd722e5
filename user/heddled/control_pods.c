/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces of the node and the pods they are, in the workload map. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "dp/maps.h"
#include "heddled/control_state.h"

static struct hdl_admin_pod *find(struct hdl_control *control, uint64_t cookie)
{
	for (size_t i = 0; i < control->pod_count; i++)
		if (control->pod[i].cookie == cookie)
			return &control->pod[i];
	return NULL;
}

/* The pod's number in the snapshot in force; 0 = a namespace that no pod is known for. */
static uint32_t pod_number(struct hdl_control *control, const struct hdl_addr address[HDL_FAMILIES])
{
	struct hdl_snapshot *snapshot = control->publisher ? hdl_publisher_current(control->publisher) : NULL;

	for (unsigned int f = 0; snapshot && f < HDL_FAMILIES; f++) {
		const struct hdl_ir_workload *workload;

		if (hdl_addr_is_zero(&address[f]))
			continue;
		workload = hdl_snapshot_find_workload(snapshot, &address[f]);
		if (workload)
			return workload->id;
	}
	return 0;
}

/*
 * Number, and record of what holds for its clients. A pod whose spec names another node has none yet: it gets one with
 * the next change. True when something is another than before.
 */
static bool identify(struct hdl_control *control, struct hdl_workload *workload)
{
	uint32_t number = pod_number(control, workload->address), client = 0;
	bool changed;

	if (number) {
		client = hdl_publisher_client(control->publisher, number);
		if (!client && hdl_publisher_found(control->publisher, number) > 0)
			control->publish_again = true;
	}
	changed = number != workload->id || client != workload->client;
	workload->id = number;
	workload->client = client;
	return changed;
}

static void store(struct hdl_control *control, struct hdl_admin_pod *pod)
{
	int r = hdl_dp_workload_set(&control->maps, pod->cookie, &pod->workload);

	if (r == 0)
		return;
	if (control->pods_full++ == 0)
		hdl_log_error("workload map: %s; clients in further namespaces count as unknown", strerror(-r));
}

void hdl_control_pod(struct hdl_control *control, const struct hdl_msg_pod *msg)
{
	struct hdl_admin_pod *pod = find(control, msg->netns_cookie);

	if (!control->have_maps)
		return;
	if (!pod) {
		if (control->pod_count == HDL_CONTROL_PODS_MAX) {
			control->pods_full++;
			return;
		}
		if (control->pod_count == control->pod_capacity) {
			size_t capacity = control->pod_capacity ? control->pod_capacity * 2 : 64;
			struct hdl_admin_pod *more = reallocarray(control->pod, capacity, sizeof(*more));

			if (!more) {
				control->pods_full++;
				return;
			}
			control->pod = more;
			control->pod_capacity = capacity;
		}
		pod = &control->pod[control->pod_count++];
	}
	*pod = (struct hdl_admin_pod){ .cookie = msg->netns_cookie };
	pod->workload.cookie = msg->netns_cookie;
	pod->workload.flags = msg->flags & HDL_MSG_POD_TC ? HDL_WORKLOAD_TC : 0;
	memcpy(pod->workload.address, msg->address, sizeof(pod->workload.address));
	identify(control, &pod->workload);
	store(control, pod);
}

void hdl_control_pod_gone(struct hdl_control *control, uint64_t cookie)
{
	struct hdl_admin_pod *pod = find(control, cookie);

	if (!pod)
		return;
	*pod = control->pod[--control->pod_count];
	hdl_dp_workload_delete(&control->maps, cookie);
}

void hdl_control_pods_refresh(struct hdl_control *control)
{
	for (size_t i = 0; i < control->pod_count; i++) {
		struct hdl_admin_pod *pod = &control->pod[i];
		if (identify(control, &pod->workload))
			store(control, pod);
	}
}

static bool is_known(void *data, uint64_t cookie)
{
	return find(data, cookie) != NULL;
}

void hdl_control_pods_tick(struct hdl_control *control, uint64_t now_ns)
{
	unsigned int n;

	if (control->publish_again && !control->in_pass) {
		struct hdl_snapshot *snapshot;
		struct hdl_err err;

		control->publish_again = false;
		if (hdl_config_again(control->config, &snapshot, &err) < 0)
			hdl_log_error("clients of pods of another node's name: %s", err.text);
		else
			(void)hdl_control_apply(control, snapshot, false, &err);
	}
	if (control->prune_ns == 0 || now_ns < control->prune_ns)
		return;
	control->prune_ns = 0;
	n = hdl_dp_workload_prune(&control->maps, is_known, control);
	if (n)
		hdl_log_info("%u network namespaces of a former run are gone", n);
}
