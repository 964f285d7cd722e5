/* SPDX-License-Identifier: Apache-2.0 */
/* Where a connection or request may go: destinations with their shares, and each endpoint, used or passed over and why. */
#include <stdio.h>
#include <string.h>
#include "admin/why.h"
#include "base/addr.h"
#include "base/clock.h"
#include "heddle/core/pick.h"

/* Which part of a cluster's traffic each of its groups takes now. */
struct parts {
	size_t n; /* 0: all endpoints are alike */
	bool panic[HDL_GROUPS_MAX];
	uint32_t share[HDL_GROUPS_MAX], whole;
	bool shares;    /* of localities; otherwise by priority */
	bool all_panic; /* n 0 */
};

/* Localities: weight by health; in panic all groups by their numbers of endpoints. */
static void measure_shares(const struct hdl_core_groups *groups, const struct hdl_group *row, struct parts *ret)
{
	for (size_t i = 0; i < ret->n; i++) {
		bool empty = groups->capacity[i] == HDL_CORE_GROUP_EMPTY;

		if (groups->by_size)
			ret->share[i] = empty ? 0 : row[i].endpoint_count;
		else
			ret->share[i] = row[i].weight * hdl_core_group_capacity(groups, (__u32)i);
		ret->panic[i] = groups->panic;
		ret->whole += ret->share[i];
	}
}

static void measure_priorities(struct hdl_core_groups *groups, const struct hdl_group *row, struct parts *ret)
{
	bool low = groups->capacity_all < 100;

	ret->whole = 100;
	if ((groups->capacity[0] & ~HDL_CORE_GROUP_PANICKED) == 100) {
		ret->share[0] = 100;
		return;
	}
	if (groups->by_size) {
		measure_shares(groups, row, ret);
	} else if (groups->capacity_all) {
		groups->left = 100;
		for (size_t i = 0; i < ret->n; i++)
			ret->share[i] = hdl_core_group_load(groups, (__u32)i);
		for (size_t i = 0; i < ret->n && groups->left; i++) {
			if (ret->share[i] == 0)
				continue;
			ret->share[i] += groups->left;
			groups->left = 0;
		}
	} else {
		ret->share[0] = 100;
	}
	for (size_t i = 0; i < ret->n; i++)
		ret->panic[i] = low && (groups->capacity[i] & HDL_CORE_GROUP_PANICKED) != 0;
}

/* The core's own measure, at this moment. */
static void measure(const struct hdl_why *why, const struct hdl_ir_cluster *cluster, bool request, struct parts *ret)
{
	struct hdl_tables tables = hdl_dp_tables(why->view->maps);
	const struct hdl_cluster_version *record = &cluster->record;
	struct hdl_core_groups groups = { .tables = &tables };
	struct hdl_pick pick = { .tables = &tables, .cluster = cluster->id };

	memset(ret, 0, sizeof(*ret));
	ret->n = record->group.count < HDL_GROUPS_MAX ? record->group.count : HDL_GROUPS_MAX;
	if (ret->n == 0 || record->group.offset + ret->n > tables.group_count) {
		ret->n = 0;
		pick.endpoint_count = record->endpoint_count;
		pick.min_health_percent = record->min_health_percent;
		ret->all_panic = hdl_core_panic(&pick);
		return;
	}
	hdl_core_group_from(&groups, record, hdl_tables_balance(&tables, cluster->id), why->view->now_ns,
			    (__u8)why->family, !request);
	hdl_core_group_choose(&groups);
	ret->shares = groups.mode & HDL_CORE_GROUP_SHARES;
	if (ret->shares)
		measure_shares(&groups, &tables.group[record->group.offset], ret);
	else
		measure_priorities(&groups, &tables.group[record->group.offset], ret);
}

static size_t group_of(const struct hdl_ir_cluster *cluster, size_t endpoint)
{
	for (size_t i = 0; i < cluster->group_count; i++)
		if (endpoint >= cluster->groups[i].first &&
		    endpoint - cluster->groups[i].first < cluster->groups[i].count)
			return i;
	return HDL_GROUPS_MAX;
}

struct one {
	const struct hdl_ir_cluster *cluster;
	const struct hdl_ir_endpoint *endpoint;
	const struct hdl_health *health;
	size_t group;
	bool request; /* requests may take either family */
};

static void ejection_text(const struct hdl_why *why, const struct one *one, char *to, size_t size)
{
	uint64_t until_ns = __atomic_load_n(&one->health->ejected_until_ns, __ATOMIC_RELAXED),
		 now_ns = why->view->now_ns;

	if (until_ns == HDL_EJECTED_BY_HAND)
		snprintf(to, size, "ejected by hand, until restored");
	else
		snprintf(to, size, "ejected for another %.1f s (ejection %u)",
			 until_ns > now_ns ? (double)(until_ns - now_ns) / (double)HDL_NS_PER_S : 0.0,
			 one->health->ejections);
}

static bool lacks_family(const struct hdl_why *why, const struct one *one)
{
	return !one->request && hdl_addr_is_zero(&one->endpoint->address[why->family]);
}

/* Why no new connection goes there; false: one may. */
static bool skipped(const struct hdl_why *why, const struct parts *parts, const struct one *one, char *to, size_t size)
{
	const struct hdl_ir_endpoint *endpoint = one->endpoint;
	bool grouped = parts->n && one->group < parts->n;
	bool panic = grouped ? parts->panic[one->group] : parts->all_panic;

	to[0] = '\0';
	if (endpoint->status != HDL_IR_HEALTHY)
		snprintf(to, size, "%s", endpoint->status == HDL_IR_DRAINING ? "terminating" : "not ready");
	else if (endpoint->standby && one->cluster->service->internal_local && !endpoint->local)
		snprintf(to, size, "on another node: internalTrafficPolicy Local");
	else if (endpoint->standby)
		snprintf(to, size, "its locality gets no traffic");
	else if (lacks_family(why, one))
		snprintf(to, size, "no %s address", why->family == HDL_FAMILY_V4 ? "IPv4" : "IPv6");
	else if (hdl_admin_is_ejected(why->view, one->health) && !panic)
		ejection_text(why, one, to, size);
	else if (grouped && parts->share[one->group] == 0 && parts->shares)
		snprintf(to, size, "its locality gets no traffic");
	else if (grouped && parts->share[one->group] == 0)
		snprintf(to, size, "priority %u: those before it serve everything", endpoint->priority);
	return to[0] != '\0';
}

static void put_locality(struct hdl_jsonw *w, const struct hdl_ir_locality *locality)
{
	char text[600] = "";

	if (locality->region && locality->region[0])
		snprintf(text, sizeof(text), "%s%s%s%s%s", locality->region, locality->zone[0] ? "/" : "",
			 locality->zone, locality->subzone[0] ? "/" : "", locality->subzone);
	hdl_jsonw_kstr(w, "locality", text);
}

static void put_endpoint(const struct hdl_why *why, const struct one *one, const char *reason)
{
	const struct hdl_ir_endpoint *endpoint = one->endpoint;
	const struct hdl_addr *other = &endpoint->address[why->family == HDL_FAMILY_V4 ? HDL_FAMILY_V6 : HDL_FAMILY_V4];
	const struct hdl_addr *address = &endpoint->address[why->family];
	static const struct hdl_health none;
	const struct hdl_health *health = one->health ? one->health : &none;
	char text[HDL_ADDR_PORT_TEXT_MAX], pod[520] = "";
	struct hdl_jsonw *w = why->w;

	if (endpoint->workload)
		snprintf(pod, sizeof(pod), "%s/%s", endpoint->workload->ns, endpoint->workload->name);
	hdl_jsonw_object(w);
	hdl_jsonw_kstr(w, "endpoint",
		       hdl_addr_port_print(hdl_addr_is_zero(address) ? other : address, endpoint->port, text));
	hdl_jsonw_kstr(w, "pod", pod);
	hdl_jsonw_kstr(w, "node", endpoint->node ? endpoint->node : "");
	put_locality(w, &endpoint->locality);
	hdl_jsonw_ku64(w, "weight", endpoint->weight);
	hdl_jsonw_ku64(w, "priority", endpoint->priority);
	hdl_jsonw_kbool(w, "used", reason[0] == '\0');
	hdl_jsonw_kstr(w, "why_not", reason);
	hdl_jsonw_kbool(w, "ejected", hdl_admin_is_ejected(why->view, one->health));
	hdl_jsonw_ku64(w, "active", health->active);
	hdl_jsonw_ku64(w, "connects", health->connects);
	hdl_jsonw_ku64(w, "connect_failures", health->connect_failures);
	hdl_jsonw_ku64(w, "rtt_us", health->rtt_us);
	hdl_jsonw_object_end(w);
}

struct counted {
	size_t used, of_family, all;
};

static struct counted put_endpoints(const struct hdl_why *why, const struct hdl_ir_cluster *cluster,
				    const struct parts *parts, bool request)
{
	struct counted counted = { .all = cluster->endpoint_count };
	char reason[160];

	hdl_jsonw_key(why->w, "endpoints");
	hdl_jsonw_array(why->w);
	for (size_t i = 0; i < cluster->endpoint_count; i++) {
		struct one one = { .cluster = cluster,
				   .endpoint = &cluster->endpoints[i],
				   .health = hdl_admin_health(why->view, &cluster->endpoints[i]),
				   .group = group_of(cluster, i),
				   .request = request };

		counted.used += !skipped(why, parts, &one, reason, sizeof(reason));
		counted.of_family += !lacks_family(why, &one);
		if (i < HDL_WHY_ENDPOINTS_MAX)
			put_endpoint(why, &one, reason);
	}
	hdl_jsonw_array_end(why->w);
	hdl_jsonw_ku64(why->w, "endpoint_count", counted.all);
	hdl_jsonw_ku64(why->w, "used_count", counted.used);
	return counted;
}

static void put_groups(const struct hdl_why *why, const struct hdl_ir_cluster *cluster, const struct parts *parts)
{
	hdl_jsonw_key(why->w, "groups");
	hdl_jsonw_array(why->w);
	for (size_t i = 0; i < parts->n && i < cluster->group_count; i++) {
		hdl_jsonw_object(why->w);
		hdl_jsonw_ku64(why->w, "priority", cluster->groups[i].priority);
		hdl_jsonw_ku64(why->w, "endpoints", cluster->groups[i].count);
		hdl_jsonw_ku64(why->w, "share_per_mille",
			       parts->whole ? (uint64_t)parts->share[i] * 1000 / parts->whole : 0);
		hdl_jsonw_kbool(why->w, "panic", parts->panic[i]);
		hdl_jsonw_object_end(why->w);
	}
	hdl_jsonw_array_end(why->w);
}

static enum hdl_verdict put_cluster(const struct hdl_why *why, const struct hdl_ir_cluster *cluster, bool request)
{
	const struct hdl_balance *balance = hdl_admin_balance(why->view, cluster);
	uint32_t open = balance ? __atomic_load_n(&balance->connections, __ATOMIC_RELAXED) : 0;
	struct counted counted;
	struct parts parts;

	measure(why, cluster, request, &parts);
	hdl_jsonw_kstr(why->w, "policy", hdl_admin_policy_name(cluster->policy));
	hdl_admin_json_origin(why->w, "rule", &cluster->rule);
	hdl_jsonw_ku64(why->w, "connections", open);
	hdl_jsonw_ku64(why->w, "max_connections", cluster->pool.max_connections);
	hdl_jsonw_kbool(why->w, "outlier_detection", cluster->outlier.enabled);
	hdl_jsonw_ku64(why->w, "affinity_timeout_s", cluster->affinity_timeout_s);
	hdl_jsonw_kbool(why->w, "panic", parts.all_panic);
	put_groups(why, cluster, &parts);
	counted = put_endpoints(why, cluster, &parts, request);
	if (cluster->policy == HDL_POLICY_PASSTHROUGH)
		return HDL_VERDICT_PASS;
	if (counted.used == 0)
		return counted.all && counted.of_family == 0 ? HDL_VERDICT_NO_FAMILY : HDL_VERDICT_NO_HEALTHY;
	if (!request && cluster->pool.max_connections && open >= cluster->pool.max_connections)
		return HDL_VERDICT_OVERFLOW;
	return HDL_VERDICT_BALANCED;
}

enum hdl_verdict hdl_why_destinations(const struct hdl_why *why, const struct hdl_ir_destination *destinations,
				      size_t n, bool request)
{
	enum hdl_verdict found = HDL_VERDICT_NO_ROUTE, verdict;
	uint64_t all = 0, most = 0;

	for (size_t i = 0; i < n; i++)
		all += destinations[i].weight;
	hdl_jsonw_key(why->w, "destinations");
	hdl_jsonw_array(why->w);
	for (size_t i = 0; i < n; i++) {
		const struct hdl_ir_destination *destination = &destinations[i];
		uint64_t share = n == 1 ? 1000 : all ? (uint64_t)destination->weight * 1000 / all : 0;

		hdl_jsonw_object(why->w);
		hdl_jsonw_kstr(why->w, "cluster", destination->cluster_name);
		hdl_jsonw_ku64(why->w, "weight", destination->weight);
		hdl_jsonw_ku64(why->w, "share_per_mille", share);
		verdict =
			destination->cluster ? put_cluster(why, destination->cluster, request) : HDL_VERDICT_NO_CLUSTER;
		hdl_why_put_verdict(why->w, verdict);
		hdl_jsonw_object_end(why->w);
		if (i == 0 || share > most) {
			found = verdict;
			most = share;
		}
	}
	hdl_jsonw_array_end(why->w);
	return found;
}
