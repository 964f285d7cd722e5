/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of a plan: the table of classes, a record in `client` for each pod, and ports whose meaning changed for some. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dp/publisher.h"
#include "heddle/core/subset.h"

int hdl_publisher_client_version(const struct hdl_publisher *p, uint32_t id)
{
	const struct hdl_client_version *v = p->maps->client[id].version;

	return hdl_core_version(v[0].epoch, v[1].epoch, p->maps->state->epoch);
}

/* Ports that stay as they are, and are not for all clients what they were: they are planned anew. */
static int add_ports(struct hdl_plan *plan)
{
	struct hdl_diff *diff = &plan->port_diff;
	const struct hdl_ir_service_port **ports = NULL;
	void **gone, **came;
	size_t n = 0;

	if (hdl_client_changed_ports(plan->publisher->clients, plan->clients, diff, plan->arena, &ports, &n) < 0)
		return hdl_err_set(plan->err, -ENOMEM, "out of memory");
	if (n == 0)
		return 0;
	gone = hdl_arena_calloc(plan->arena, diff->gone_count + n, sizeof(*gone));
	came = hdl_arena_calloc(plan->arena, diff->came_count + n, sizeof(*came));
	if (!gone || !came)
		return hdl_err_set(plan->err, -ENOMEM, "out of memory");
	if (diff->gone_count)
		memcpy(gone, diff->gone, diff->gone_count * sizeof(*gone));
	if (diff->came_count)
		memcpy(came, diff->came, diff->came_count * sizeof(*came));
	for (size_t i = 0; i < n; i++)
		gone[diff->gone_count++] = came[diff->came_count++] = (void *)(uintptr_t)ports[i];
	diff->gone = gone;
	diff->came = came;
	return 0;
}

/* A record when it differs from the one in force. id 0 is there from the beginning. */
static int plan_record(struct hdl_plan *plan, uint32_t id, bool fresh, const struct hdl_client_version *version)
{
	const struct hdl_publisher *p = plan->publisher;
	int at = fresh ? -1 : hdl_publisher_client_version(p, id);
	struct hdl_plan_client *item;

	if (at >= 0 && memcmp((const char *)version + sizeof(version->epoch),
			      (const char *)&p->maps->client[id].version[at] + sizeof(version->epoch),
			      sizeof(*version) - sizeof(version->epoch)) == 0)
		return 0;
	item = hdl_plan_item(plan, sizeof(*item));
	if (!item)
		return -ENOMEM;
	*item = (struct hdl_plan_client){ .next = plan->client_records, .id = id, .version = *version };
	plan->client_records = item;
	return 0;
}

static int plan_pod(struct hdl_plan *plan, const struct hdl_client_pod *pod)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_client_version version = { .class_id = pod->class_id,
					      .flags = pod->flags,
					      .workload = pod->pod->id };
	char name[600];
	uint32_t id;
	bool fresh;
	int r;

	snprintf(name, sizeof(name), "%s/%s", pod->pod->ns, pod->pod->name);
	r = hdl_plan_intern(plan, &p->client, &pod->pod->id, &plan->fresh_clients, "client", "pod", name, &id, &fresh);
	if (r < 0)
		return r;
	p->client_marks.wanted[id] = plan->serial;
	return plan_record(plan, id, fresh, &version);
}

static int plan_gone(struct hdl_plan *plan, bool all)
{
	struct hdl_publisher *p = plan->publisher;
	static const struct hdl_client_version nobody;
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->workload_diff.gone_count; i++) {
		const struct hdl_ir_workload *pod = plan->workload_diff.gone[i];

		r = hdl_plan_leave(plan, &p->client_marks, hdl_registry_find(&p->client, &pod->id),
				   &plan->gone_clients);
	}
	if (r == 0 && (all || !hdl_publisher_current(p)))
		r = hdl_plan_leave_unwanted(plan, &p->client, &p->client_marks, &plan->gone_clients);
	for (const struct hdl_plan_id *i = plan->gone_clients; r == 0 && i; i = i->next)
		r = plan_record(plan, i->id, true, &nobody);
	return r;
}

static bool is_found(void *data, uint32_t number)
{
	const struct hdl_publisher *p = data;

	for (size_t i = 0; i < p->found_count; i++)
		if (p->found[i] == number)
			return true;
	return false;
}

static const char *name_of(const struct hdl_snapshot *snapshot)
{
	return snapshot->node.node_name ? snapshot->node.node_name : "";
}

int hdl_plan_clients(struct hdl_plan *plan)
{
	struct hdl_publisher *p = plan->publisher;
	struct hdl_client_input in = {
		.now = hdl_publisher_current(p),
		.next = plan->snapshot,
		.table = p->clients,
		.pods = &plan->workload_diff,
		.ports = &plan->port_diff,
		.is_here = is_found,
		.data = p,
		.all = p->found_changed,
	};
	struct hdl_client_version unknown = { .flags = 0 };
	int r;

	/* Another node's name: who was here may be elsewhere. */
	in.all |= in.now && strcmp(name_of(in.now), name_of(in.next)) != 0;
	r = hdl_client_table_make(&in, &plan->clients);
	if (r < 0)
		return hdl_err_set(plan->err, r, "out of memory");
	if (plan->clients) {
		r = add_ports(plan);
		for (size_t i = 0; r == 0 && i < plan->clients->fresh_count; i++)
			r = plan_pod(plan, &plan->clients->fresh[i]);
	}
	if (r == 0 && hdl_snapshot_client(plan->snapshot, NULL).registry_only)
		unknown.flags = HDL_CLIENT_REGISTRY_ONLY;
	if (r == 0)
		r = plan_record(plan, 0, false, &unknown);
	return r == 0 ? plan_gone(plan, in.all) : r;
}

const struct hdl_client_table *hdl_plan_client_table(const struct hdl_plan *plan)
{
	return plan->clients ? plan->clients : plan->publisher->clients;
}

uint32_t hdl_publisher_client(const struct hdl_publisher *p, uint32_t number)
{
	return hdl_registry_find(&p->client, &number);
}

/* Some pods of the node: a few that another node's name hides, or none. */
int hdl_publisher_found(struct hdl_publisher *p, uint32_t number)
{
	uint32_t *more;

	if (number == 0 || hdl_publisher_client(p, number) || is_found(p, number))
		return 0;
	more = reallocarray(p->found, p->found_count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	p->found = more;
	p->found[p->found_count++] = number;
	p->found_changed = true;
	return 1;
}
