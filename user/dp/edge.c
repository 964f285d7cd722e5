/* SPDX-License-Identifier: Apache-2.0 */
/* Programs and entries of the interfaces by which connections from outside come in. */
#include "dp/edge.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dp/attach.h"
#include "heddle/abi_edge.h"

/* An address that others can answer to. */
static bool address_of(const struct ifaddrs *entry, struct hdl_addr *ret)
{
	if (!entry->ifa_addr)
		return false;
	if (entry->ifa_addr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)entry->ifa_addr;
		uint32_t host = ntohl(in->sin_addr.s_addr);

		*ret = hdl_addr_from_v4(in->sin_addr.s_addr);
		return host != 0 && host >> 24 != 127 && host >> 16 != 0xa9fe;
	}
	if (entry->ifa_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)entry->ifa_addr;

		memcpy(ret, &in->sin6_addr, sizeof(*ret));
		return !IN6_IS_ADDR_LOOPBACK(&in->sin6_addr) && !IN6_IS_ADDR_LINKLOCAL(&in->sin6_addr) &&
		       !IN6_IS_ADDR_UNSPECIFIED(&in->sin6_addr);
	}
	return false;
}

/* The first address of each family; of an interface that has none, one of the node's others. */
static int find_addresses(const char *name, struct hdl_addr ret[HDL_FAMILIES])
{
	struct hdl_addr elsewhere[HDL_FAMILIES] = { 0 }, address;
	struct ifaddrs *all;

	memset(ret, 0, HDL_FAMILIES * sizeof(*ret));
	if (getifaddrs(&all) != 0)
		return -errno;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct hdl_addr *to;

		if (!address_of(i, &address))
			continue;
		to = strcmp(i->ifa_name, name) == 0 ? ret : elsewhere;
		to += hdl_addr_is_v4(&address) ? HDL_FAMILY_V4 : HDL_FAMILY_V6;
		if (hdl_addr_is_zero(to))
			*to = address;
	}
	freeifaddrs(all);
	for (unsigned int f = 0; f < HDL_FAMILIES; f++)
		if (hdl_addr_is_zero(&ret[f]))
			ret[f] = elsewhere[f];
	return 0;
}

/* Written only when it differs: packets read it meanwhile. */
static int put(int fd, int ifindex, const struct hdl_edge_interface *record)
{
	struct hdl_edge_interface present;

	if (bpf_map_lookup_elem(fd, &ifindex, &present) == 0 && memcmp(&present, record, sizeof(present)) == 0)
		return 0;
	return bpf_map_update_elem(fd, &ifindex, record, BPF_ANY) == 0 ? 0 : -errno;
}

static int attach_tc(const struct hdl_load *load, const char *bpffs, int state_fd, int ifindex, struct hdl_err *err)
{
	/* the way back comes first: nothing is translated without it */
	int r = hdl_attach_tc(bpffs, state_fd, ifindex, HDL_TC_EDGE_OUT,
			      hdl_load_tc_program(load, HDL_LOAD_TC_EDGE_OUT), err);

	return r < 0 ? r :
		       hdl_attach_tc(bpffs, state_fd, ifindex, HDL_TC_EDGE, hdl_load_tc_program(load, HDL_LOAD_TC_EDGE),
				     err);
}

static void describe(struct hdl_edge_state *state)
{
	const struct hdl_xdp_state *xdp = &state->xdp;

	if (xdp->mode == HDL_XDP_NONE)
		snprintf(state->text, sizeof(state->text), "tc; no XDP: %s", xdp->reason);
	else
		snprintf(state->text, sizeof(state->text), "tc, XDP %s, %s%s%s",
			 xdp->mode == HDL_XDP_NATIVE ? "native" : "generic",
			 xdp->dispatcher ? "in the dispatcher" : "alone", xdp->reason[0] ? ": " : "", xdp->reason);
}

int hdl_edge_serve(const struct hdl_load *load, const char *bpffs, const struct hdl_edge_wish *wish,
		   struct hdl_edge_state *io, struct hdl_err *err)
{
	struct hdl_edge_interface record = {
		.syn_rate = wish->syn_rate,
		.syn_burst = wish->syn_burst,
		.port_first = wish->port_first,
		.port_last = wish->port_last,
	};
	struct hdl_dp_maps maps = { 0 };
	char name[IF_NAMESIZE];
	int r;

	io->served = false;
	if (!if_indextoname((unsigned int)io->ifindex, name))
		return hdl_err_set(err, -ENODEV, "interface %d is gone", io->ifindex);
	if (hdl_load_tc_program(load, HDL_LOAD_TC_EDGE) < 0 || hdl_load_tc_program(load, HDL_LOAD_TC_EDGE_OUT) < 0)
		return hdl_err_set(err, -EOPNOTSUPP, "the kernel refuses the programs of the edge");
	hdl_load_fds(load, &maps);
	r = find_addresses(name, record.address);
	if (r < 0)
		return hdl_err_set(err, r, "addresses of %s: %s", name, strerror(-r));
	if (io->xdp.mode != HDL_XDP_NONE)
		record.flags = HDL_EDGE_INTERFACE_XDP;
	r = put(maps.edge_interface_fd, io->ifindex, &record);
	if (r < 0)
		return hdl_err_set(err, r, "%s: map edge_interface: %s", name, strerror(-r));
	r = attach_tc(load, bpffs, maps.state_fd, io->ifindex, err);
	if (r < 0)
		return r;
	hdl_xdp_attach(load, maps.state_fd, io->ifindex, wish->xdp, &io->xdp);
	record.flags = io->xdp.mode != HDL_XDP_NONE ? HDL_EDGE_INTERFACE_XDP : 0;
	(void)put(maps.edge_interface_fd, io->ifindex, &record);
	io->served = true;
	describe(io);
	return 0;
}

int hdl_edge_leave(const char *bpffs, int state_map_fd, int edge_interface_fd, int ifindex, struct hdl_err *err)
{
	bool there = hdl_attach_is_there(bpffs, state_map_fd, ifindex, HDL_TC_EDGE) ||
		     hdl_attach_is_there(bpffs, state_map_fd, ifindex, HDL_TC_EDGE_OUT);
	int r = hdl_xdp_detach(state_map_fd, ifindex, err), failed;

	if (edge_interface_fd >= 0)
		(void)bpf_map_delete_elem(edge_interface_fd, &ifindex);
	failed = hdl_detach_tc_edge(bpffs, state_map_fd, ifindex, r < 0 ? NULL : err);
	return r < 0 ? r : failed < 0 ? failed : (there || r > 0);
}

/* XDP alone shows that an interface is one of the edge, too: somebody may have taken the tc programs away. */
static bool is_edge(const char *bpffs, int state_map_fd, int ifindex)
{
	return hdl_attach_is_there(bpffs, state_map_fd, ifindex, HDL_TC_EDGE) ||
	       hdl_attach_is_there(bpffs, state_map_fd, ifindex, HDL_TC_EDGE_OUT) ||
	       hdl_xdp_is_there(state_map_fd, ifindex);
}

int hdl_edge_list(const char *bpffs, int state_map_fd, int **ret, size_t *ret_count, struct hdl_err *err)
{
	struct if_nameindex *interfaces = if_nameindex();
	size_t n = 0, count = 0;
	int *list;

	if (!interfaces)
		return hdl_err_set(err, -errno, "interfaces: %s", strerror(errno));
	while (interfaces[n].if_index)
		n++;
	list = calloc(n + 1, sizeof(*list));
	for (size_t i = 0; list && i < n; i++)
		if (is_edge(bpffs, state_map_fd, (int)interfaces[i].if_index))
			list[count++] = (int)interfaces[i].if_index;
	if_freenameindex(interfaces);
	if (!list)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	*ret = list;
	*ret_count = count;
	return 0;
}

void hdl_edge_prune(int edge_interface_fd, const int *ifindex, size_t n)
{
	int key, next;
	bool more = bpf_map_get_next_key(edge_interface_fd, NULL, &next) == 0;

	while (more) {
		bool wanted = false;

		key = next;
		more = bpf_map_get_next_key(edge_interface_fd, &key, &next) == 0;
		for (size_t i = 0; i < n; i++)
			wanted = wanted || ifindex[i] == key;
		if (!wanted)
			(void)bpf_map_delete_elem(edge_interface_fd, &key);
	}
}

bool hdl_edge_ports_collide(uint16_t first, uint16_t last)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	char line[64] = "", *end;
	unsigned long low, high;

	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	(void)fclose(f);
	low = strtoul(line, &end, 10);
	high = strtoul(end, NULL, 10);
	return low <= last && high >= first;
}
