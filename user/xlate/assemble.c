/* SPDX-License-Identifier: Apache-2.0 */
/* The lists and tables of snapshots: patched by what changed, and shared when nothing did. */
#include "xlate/assemble.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ir/lookup.h"
#include "xlate/configs.h"
#include "xlate/views.h"
#include "xlate/order.h"

/* A list as snapshots have it. */
struct array {
	struct hdl_ir_retired retired;
	size_t n;
	void *at[];
};

struct hdl_xl_state {
	struct hdl_xl_order workloads, services, clusters;
	struct hdl_xl_configs configs;
	struct hdl_xl_views views;
	struct array *workload, *service, *service_port, *cluster, *config, *view;
	struct hdl_ir_pmap *vips, *addresses;
	uint64_t generation; /* of the last snapshot; 0: there is none */
};

struct hdl_xl_state *hdl_xl_state_new(void)
{
	return hdl_ir_alloc(1, sizeof(struct hdl_xl_state));
}

static void free_array(struct hdl_ir_retired *array)
{
	hdl_ir_free(array);
}

static void retire_array(struct hdl_xl *xl, struct array *array)
{
	if (array)
		hdl_ir_generation_retire(xl->generation, &array->retired, free_array);
}

void hdl_xl_state_free(struct hdl_xl *xl, struct hdl_xl_state *s)
{
	if (!s)
		return;
	hdl_xl_order_done(&s->workloads);
	hdl_xl_order_done(&s->services);
	hdl_xl_order_done(&s->clusters);
	hdl_xl_configs_done(xl, &s->configs);
	hdl_xl_views_done(xl, &s->views);
	retire_array(xl, s->workload);
	retire_array(xl, s->service);
	retire_array(xl, s->service_port);
	retire_array(xl, s->cluster);
	retire_array(xl, s->config);
	retire_array(xl, s->view);
	hdl_ir_pmap_free(s->vips, xl->generation);
	hdl_ir_pmap_free(s->addresses, xl->generation);
	hdl_ir_free(s);
}

/* ---- what units became ---- */

static int set_one(struct hdl_xl_order *order, struct hdl_xl_place at, void *object, bool set)
{
	return hdl_xl_order_set(order, at, set ? NULL : object, set ? object : NULL);
}

static int set_clusters(struct hdl_xl_state *s, const struct hdl_xl_service *service, bool set)
{
	for (size_t p = 0; p < service->port_count; p++)
		for (size_t i = 0; i < service->ports[p].cluster_count; i++) {
			struct hdl_ir_cluster *ir = &service->ports[p].clusters[i]->ir;

			if (set_one(&s->clusters, (struct hdl_xl_place){ .name = ir->name, .client = ir->client }, ir,
				    set) < 0)
				return -ENOMEM;
		}
	for (size_t i = 0; i < service->view_count; i++)
		if (set_clusters(s, &service->views[i], set) < 0)
			return -ENOMEM;
	return 0;
}

static int set_product(struct hdl_xl *xl, struct hdl_xl_state *s, const struct hdl_xl_unit *unit,
		       const struct hdl_xl_product *product, bool set)
{
	struct hdl_xl_place at = { .label = unit->label };

	switch (unit->kind) {
	case HDL_XL_WORKLOAD:
		return set_one(&s->workloads, at, &((struct hdl_xl_workload *)product)->ir, set);
	case HDL_XL_BACKEND:
		return set_clusters(s, (const struct hdl_xl_service *)product, set);
	case HDL_XL_FRONT: {
		struct hdl_xl_front *front = (struct hdl_xl_front *)product;

		if (set_one(&s->services, at, &front->ir, set) < 0)
			return -ENOMEM;
		if (hdl_xl_views_set(xl, &s->views, unit->label, front->views, front->view_count, set) < 0 ||
		    hdl_xl_views_set(xl, &s->views, unit->label, front->port_views, front->port_view_count, set) < 0)
			return -ENOMEM;
		return hdl_xl_configs_set(&s->configs, unit->label, front->vhosts, front->vhost_count, set);
	}
	case HDL_XL_OUTSIDE: {
		const struct hdl_xl_outside *outside = (const struct hdl_xl_outside *)product;

		at.label |= HDL_XL_OUTSIDE_LABEL;
		if (hdl_xl_views_set(xl, &s->views, at.label, outside->views, outside->view_count, set) < 0)
			return -ENOMEM;
		return hdl_xl_configs_set(&s->configs, at.label, outside->vhosts, outside->vhost_count, set);
	}
	case HDL_XL_INGRESS:
	case HDL_XL_DOMAIN:
		s->configs.ingress_changed = true;
		return 0;
	default:
		return 0;
	}
}

int hdl_xl_state_replace(struct hdl_xl *xl, const struct hdl_xl_unit *unit, const struct hdl_xl_product *before,
			 const struct hdl_xl_product *after)
{
	if (before && set_product(xl, xl->state, unit, before, false) < 0)
		return -ENOMEM;
	return after ? set_product(xl, xl->state, unit, after, true) : 0;
}

/* ---- lists ---- */

static int replace_array(struct hdl_xl *xl, struct array **at, size_t n)
{
	struct array *array = hdl_ir_alloc(1, sizeof(*array) + n * sizeof(void *));

	if (!array)
		return -ENOMEM;
	array->retired.born = hdl_ir_generation_next(xl->generation);
	array->n = n;
	retire_array(xl, *at);
	*at = array;
	return 0;
}

static int list_objects(struct hdl_xl *xl, struct hdl_xl_order *order, struct array **at)
{
	if (hdl_xl_order_commit(order) < 0)
		return -ENOMEM;
	if (*at && !order->changes)
		return 0;
	if (replace_array(xl, at, order->n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < order->n; i++)
		(*at)->at[i] = order->entry[i].object;
	return 0;
}

static int list_service_ports(struct hdl_xl *xl, struct hdl_xl_state *s)
{
	size_t n = 0;

	if (s->service_port && !s->services.changes)
		return 0;
	for (size_t i = 0; i < s->service->n; i++)
		n += ((struct hdl_ir_service *)s->service->at[i])->port_count;
	if (replace_array(xl, &s->service_port, n) < 0)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < s->service->n; i++) {
		struct hdl_ir_service *service = s->service->at[i];

		for (size_t p = 0; p < service->port_count; p++)
			s->service_port->at[n++] = &service->ports[p];
	}
	return 0;
}

static int list_configs(struct hdl_xl *xl, struct hdl_xl_state *s)
{
	bool changed;

	if (hdl_xl_configs_patch(xl, &s->configs, &changed) < 0)
		return -ENOMEM;
	if (s->config && !changed)
		return 0;
	if (replace_array(xl, &s->config, hdl_xl_configs_list(&s->configs, NULL)) < 0)
		return -ENOMEM;
	hdl_xl_configs_list(&s->configs, s->config->at);
	return 0;
}

/* ---- tables ---- */

static int edit_vips(struct hdl_xl *xl, struct hdl_xl_state *s)
{
	struct hdl_ir_pmap_edit edit = { .map = s->vips, .serial = xl->serial, .generation = xl->generation };
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->services.changes; i++)
		if (s->services.change[i].before)
			r = hdl_ir_vips_remove(&edit, s->services.change[i].before);
	for (size_t i = 0; r == 0 && i < s->services.changes; i++)
		if (s->services.change[i].after)
			r = hdl_ir_vips_add(&edit, s->services.change[i].after);
	s->vips = edit.map;
	return r;
}

static int edit_addresses(struct hdl_xl *xl, struct hdl_xl_state *s)
{
	struct hdl_ir_pmap_edit edit = { .map = s->addresses, .serial = xl->serial, .generation = xl->generation };
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->workloads.changes; i++)
		if (s->workloads.change[i].before)
			r = hdl_ir_addresses_remove(&edit, s->workloads.change[i].before);
	for (size_t i = 0; r == 0 && i < s->workloads.changes; i++)
		if (s->workloads.change[i].after)
			r = hdl_ir_addresses_add(&edit, s->workloads.change[i].after);
	s->addresses = edit.map;
	return r;
}

/* ---- what changed ---- */

typedef int compare_fn(const void *a, const void *b);

static int by_workload_name(const void *a, const void *b)
{
	const struct hdl_ir_workload *x = *(struct hdl_ir_workload *const *)a, *y = *(struct hdl_ir_workload *const *)b;
	int r = strcmp(x->ns, y->ns);

	return r ? r : strcmp(x->name, y->name);
}

static int by_fqdn(const void *a, const void *b)
{
	return strcmp((*(struct hdl_ir_service *const *)a)->fqdn, (*(struct hdl_ir_service *const *)b)->fqdn);
}

/* Two sorted lists to pairs (before, after) of equal names. */
static size_t pair(void **gone, size_t gone_n, void **come, size_t come_n, compare_fn *compare, void *(*ret)[2])
{
	size_t g = 0, c = 0, n = 0;

	while (g < gone_n || c < come_n) {
		int r = g == gone_n ? 1 : c == come_n ? -1 : compare(&gone[g], &come[c]);

		ret[n][0] = r <= 0 ? gone[g++] : NULL;
		ret[n++][1] = r >= 0 ? come[c++] : NULL;
	}
	return n;
}

/* Changes by place to changes by name: an object may come to the place of another. */
static int pair_by_name(struct hdl_arena *arena, const struct hdl_xl_order *order, compare_fn *compare,
			void *(**ret)[2], size_t *ret_n)
{
	void **gone = hdl_arena_calloc(arena, order->changes, sizeof(void *));
	void **come = hdl_arena_calloc(arena, order->changes, sizeof(void *));
	size_t gone_n = 0, come_n = 0;

	*ret = hdl_arena_calloc(arena, 2 * order->changes, sizeof(void *[2]));
	if (!gone || !come || !*ret)
		return -ENOMEM;
	for (size_t i = 0; i < order->changes; i++) {
		if (order->change[i].before)
			gone[gone_n++] = order->change[i].before;
		if (order->change[i].after)
			come[come_n++] = order->change[i].after;
	}
	qsort(gone, gone_n, sizeof(void *), compare);
	qsort(come, come_n, sizeof(void *), compare);
	*ret_n = pair(gone, gone_n, come, come_n, compare, *ret);
	return 0;
}

static int list_vhost_changes(const struct hdl_xl_state *s, struct hdl_snapshot *snapshot)
{
	struct hdl_ir_changes *changes = &snapshot->changes;
	size_t n = 0;

	for (const struct hdl_xl_config *config = s->configs.mesh; config; config = config->next)
		n += config->vhosts.changes;
	changes->vhosts = hdl_arena_calloc(snapshot->arena, n, sizeof(*changes->vhosts));
	if (!changes->vhosts)
		return -ENOMEM;
	for (const struct hdl_xl_config *config = s->configs.mesh; config; config = config->next)
		for (size_t i = 0; i < config->vhosts.changes; i++) {
			const struct hdl_xl_change *c = &config->vhosts.change[i];

			changes->vhosts[changes->vhost_count++] =
				(struct hdl_ir_vhost_change){ config->port, c->before, c->after };
		}
	return 0;
}

static int list_changes(const struct hdl_xl_state *s, struct hdl_snapshot *snapshot)
{
	struct hdl_ir_changes *changes = &snapshot->changes;
	void *(*workloads)[2], *(*services)[2];

	changes->base = s->generation;
	if (!changes->base)
		return 0;
	if (pair_by_name(snapshot->arena, &s->workloads, by_workload_name, &workloads, &changes->workload_count) < 0 ||
	    pair_by_name(snapshot->arena, &s->services, by_fqdn, &services, &changes->service_count) < 0)
		return -ENOMEM;
	changes->workloads = hdl_arena_calloc(snapshot->arena, changes->workload_count, sizeof(*changes->workloads));
	changes->services = hdl_arena_calloc(snapshot->arena, changes->service_count, sizeof(*changes->services));
	changes->clusters = hdl_arena_calloc(snapshot->arena, s->clusters.changes, sizeof(*changes->clusters));
	if (!changes->workloads || !changes->services || !changes->clusters)
		return -ENOMEM;
	for (size_t i = 0; i < changes->workload_count; i++)
		changes->workloads[i] = (struct hdl_ir_workload_change){ workloads[i][0], workloads[i][1] };
	for (size_t i = 0; i < changes->service_count; i++)
		changes->services[i] = (struct hdl_ir_service_change){ services[i][0], services[i][1] };
	for (size_t i = 0; i < s->clusters.changes; i++)
		changes->clusters[i] =
			(struct hdl_ir_cluster_change){ s->clusters.change[i].before, s->clusters.change[i].after };
	changes->cluster_count = s->clusters.changes;
	return list_vhost_changes(s, snapshot);
}

/* ---- the snapshot ---- */

static void fill(struct hdl_xl *xl, const struct hdl_xl_state *s, struct hdl_snapshot *snapshot)
{
	const struct hdl_xl_ingress *ingress = (const struct hdl_xl_ingress *)xl->ingress->product;

	snapshot->node = xl->ir_node;
	snapshot->workloads = (struct hdl_ir_workload **)s->workload->at;
	snapshot->workload_count = s->workload->n;
	snapshot->services = (struct hdl_ir_service **)s->service->at;
	snapshot->service_count = s->service->n;
	snapshot->service_ports = (struct hdl_ir_service_port **)s->service_port->at;
	snapshot->service_port_count = s->service_port->n;
	snapshot->clusters = (struct hdl_ir_cluster **)s->cluster->at;
	snapshot->cluster_count = s->cluster->n;
	snapshot->route_configs = (struct hdl_ir_route_config **)s->config->at;
	snapshot->route_config_count = s->config->n;
	snapshot->views = (const struct hdl_ir_view *const *)s->view->at;
	snapshot->view_count = s->view->n;
	snapshot->gateway_listeners = hdl_xl_configs_listeners(&s->configs);
	snapshot->gateway_listener_count = ingress->n;
	snapshot->vips = s->vips;
	snapshot->addresses = s->addresses;
}

static int list_views(struct hdl_xl *xl, struct hdl_xl_state *s)
{
	bool changed;

	if (hdl_xl_views_patch(xl, &s->views, &changed) < 0)
		return -ENOMEM;
	if (s->view && !changed)
		return 0;
	if (replace_array(xl, &s->view, hdl_xl_views_list(&s->views, NULL)) < 0)
		return -ENOMEM;
	hdl_xl_views_list(&s->views, s->view->at);
	return 0;
}

static int patch(struct hdl_xl *xl, struct hdl_xl_state *s)
{
	if (list_objects(xl, &s->workloads, &s->workload) < 0 || list_objects(xl, &s->services, &s->service) < 0 ||
	    list_objects(xl, &s->clusters, &s->cluster) < 0 || list_service_ports(xl, s) < 0 ||
	    list_configs(xl, s) < 0 || list_views(xl, s) < 0)
		return -ENOMEM;
	return edit_vips(xl, s) < 0 || edit_addresses(xl, s) < 0 ? -ENOMEM : 0;
}

int hdl_xl_assemble(struct hdl_xl *xl, struct hdl_snapshot **ret)
{
	struct hdl_ir_generation *next = hdl_ir_generation_new();
	struct hdl_snapshot *snapshot = hdl_snapshot_new_bounded(xl->bytes_max);
	struct hdl_xl_state *s = xl->state;

	if (!next || !snapshot || patch(xl, s) < 0 || list_changes(s, snapshot) < 0) {
		hdl_ir_generation_unref(next);
		hdl_snapshot_unref(snapshot);
		return -ENOMEM;
	}
	fill(xl, s, snapshot);
	s->generation = snapshot->generation = xl->serial;
	snapshot->shared = hdl_ir_generation_ref(next);
	hdl_ir_generation_follow(xl->generation, next);
	xl->generation = next;
	*ret = snapshot;
	return 0;
}
