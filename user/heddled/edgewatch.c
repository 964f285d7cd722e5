/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces of the edge: the wish, and what is there. */
#include "heddled/edgewatch.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"

struct edge {
	char name[HDL_MSG_EDGE_NAME_MAX];
	struct hdl_edge_state state;
	char told[256]; /* the text that was logged */
};

struct hdl_edgewatch {
	struct hdl_msg_edge wish;
	bool have_wish, adopted, told_ports;
	struct edge *edge; /* one for each name of the wish */
	size_t count;
};

struct hdl_edgewatch *hdl_edgewatch_new(void)
{
	return calloc(1, sizeof(struct hdl_edgewatch));
}

struct hdl_edgewatch *hdl_edgewatch_free(struct hdl_edgewatch *watch)
{
	if (watch)
		free(watch->edge);
	free(watch);
	return NULL;
}

void hdl_edgewatch_want(struct hdl_edgewatch *watch, const struct hdl_msg_edge *wish)
{
	watch->wish = *wish;
	watch->have_wish = true;
	watch->told_ports = false;
}

static struct edge *find(const struct hdl_edgewatch *watch, const char *name)
{
	for (size_t i = 0; i < watch->count; i++)
		if (strcmp(watch->edge[i].name, name) == 0)
			return &watch->edge[i];
	return NULL;
}

static void leave(const char *bpffs, const struct hdl_dp_maps *maps, int ifindex, const char *name)
{
	struct hdl_err err;
	int r = hdl_edge_leave(bpffs, maps->state_fd, maps->edge_interface_fd, ifindex, &err);

	if (r < 0 && r != -ENODEV)
		hdl_log_warn("edge: %s: %s", name, err.text);
	else if (r > 0)
		hdl_log_info("edge: %s is not served any more", name);
}

/* Makes the list that of the wish; those that are not in it any more are left. */
static bool follow(struct hdl_edgewatch *watch, const char *bpffs, const struct hdl_dp_maps *maps)
{
	struct edge *list = calloc(watch->wish.count + 1, sizeof(*list));
	size_t n = 0;
	bool changed;

	if (!list)
		return false; /* tried again with the next turn */
	for (uint32_t i = 0; i < watch->wish.count; i++) {
		const struct edge *former = find(watch, watch->wish.name[i]);
		bool twice = false;

		for (size_t k = 0; k < n; k++)
			twice = twice || strcmp(list[k].name, watch->wish.name[i]) == 0;
		if (twice)
			continue;
		if (former)
			list[n] = *former;
		memcpy(list[n++].name, watch->wish.name[i], sizeof(list->name));
	}
	changed = n != watch->count;
	for (size_t i = 0; i < watch->count; i++) {
		bool wanted = false;

		for (size_t k = 0; k < n; k++)
			wanted = wanted || strcmp(list[k].name, watch->edge[i].name) == 0;
		if (wanted || !watch->edge[i].state.ifindex)
			continue;
		changed = true;
		leave(bpffs, maps, watch->edge[i].state.ifindex, watch->edge[i].name);
	}
	free(watch->edge);
	watch->edge = list;
	watch->count = n;
	return changed;
}

/* What a daemon before this one served, and is none of ours. */
static void adopt(struct hdl_edgewatch *watch, const char *bpffs, const struct hdl_dp_maps *maps)
{
	struct hdl_err err;
	int *list = NULL;
	size_t n = 0;

	if (hdl_edge_list(bpffs, maps->state_fd, &list, &n, &err) < 0) {
		hdl_log_warn("edge of a former daemon: %s", err.text);
		return;
	}
	watch->adopted = true;
	for (size_t i = 0; i < n; i++) {
		char name[IF_NAMESIZE] = "";

		if (if_indextoname((unsigned int)list[i], name) && !find(watch, name))
			leave(bpffs, maps, list[i], name);
	}
	free(list);
}

static bool serve(const struct hdl_edgewatch *watch, const struct hdl_load *load, const char *bpffs, struct edge *edge)
{
	static const enum hdl_xdp_wish xdp[] = {
		[HDL_MSG_XDP_AUTO] = HDL_XDP_AUTO,
		[HDL_MSG_XDP_NATIVE] = HDL_XDP_WISH_NATIVE,
		[HDL_MSG_XDP_GENERIC] = HDL_XDP_WISH_GENERIC,
		[HDL_MSG_XDP_OFF] = HDL_XDP_OFF,
	};
	struct hdl_edge_wish wish = { xdp[watch->wish.xdp], watch->wish.syn_rate, watch->wish.syn_burst,
				      watch->wish.port_first, watch->wish.port_last };
	int ifindex = (int)if_nametoindex(edge->name);
	struct hdl_err err;

	if (ifindex != edge->state.ifindex)
		edge->state = (struct hdl_edge_state){ .ifindex = ifindex };
	if (ifindex == 0)
		snprintf(edge->state.text, sizeof(edge->state.text), "there is no such interface");
	else if (hdl_edge_serve(load, bpffs, &wish, &edge->state, &err) < 0)
		snprintf(edge->state.text, sizeof(edge->state.text), "%.250s", err.text);
	if (strcmp(edge->told, edge->state.text) == 0)
		return false;
	memcpy(edge->told, edge->state.text, sizeof(edge->told));
	hdl_log(edge->state.served ? HDL_LOG_INFO : HDL_LOG_WARN, "edge: %s: %s", edge->name, edge->state.text);
	return true;
}

bool hdl_edgewatch_turn(struct hdl_edgewatch *watch, const struct hdl_load *load, const char *bpffs)
{
	int ifindex[HDL_MSG_EDGES_MAX];
	struct hdl_dp_maps maps = { 0 };
	bool changed;

	if (!watch->have_wish)
		return false;
	hdl_load_fds(load, &maps);
	changed = follow(watch, bpffs, &maps);
	if (!watch->adopted)
		adopt(watch, bpffs, &maps);
	if (watch->count && !watch->told_ports && hdl_edge_ports_collide(watch->wish.port_first, watch->wish.port_last))
		hdl_log_warn(
			"edge: sockets of the node may get ports of %u-%u (net.ipv4.ip_local_port_range), which the edge uses for connections to other nodes: set NodeConfig edge.sourcePorts",
			watch->wish.port_first, watch->wish.port_last);
	watch->told_ports = true;
	for (size_t i = 0; i < watch->count; i++) {
		changed |= serve(watch, load, bpffs, &watch->edge[i]);
		ifindex[i] = watch->edge[i].state.ifindex;
	}
	hdl_edge_prune(maps.edge_interface_fd, ifindex, watch->count);
	return changed;
}

bool hdl_edgewatch_row(const struct hdl_edgewatch *watch, size_t i, const char **ret_name, const char **ret_text,
		       bool *ret_served)
{
	if (i >= watch->count)
		return false;
	*ret_name = watch->edge[i].name;
	*ret_text = watch->edge[i].state.text;
	*ret_served = watch->edge[i].state.served;
	return true;
}
