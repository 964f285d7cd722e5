/* SPDX-License-Identifier: Apache-2.0 */
/* Reads links and addresses of the network namespace in which the calling thread is. */
#include "dp/pod_inside.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

static int info_attribute(const struct nlattr *attribute, void *data)
{
	if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
		((struct hdl_pod_link_seen *)data)->kind = mnl_attr_get_str(attribute);
	return MNL_CB_OK;
}

int hdl_pod_link_attribute(const struct nlattr *attribute, void *data)
{
	struct hdl_pod_link_seen *seen = data;

	switch (mnl_attr_get_type(attribute)) {
	case IFLA_LINK:
		seen->has_peer = true;
		seen->peer = (int)mnl_attr_get_u32(attribute);
		break;
	case IFLA_MASTER:
		seen->has_master = true;
		break;
	case IFLA_MTU:
		seen->mtu = mnl_attr_get_u32(attribute);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attribute) == sizeof(seen->mac))
			memcpy(seen->mac, mnl_attr_get_payload(attribute), sizeof(seen->mac));
		break;
	case IFLA_LINK_NETNSID:
		seen->nsid = (int32_t)mnl_attr_get_u32(attribute);
		seen->has_nsid = true;
		break;
	case IFLA_LINKINFO:
		mnl_attr_parse_nested(attribute, info_attribute, seen);
		break;
	}
	return MNL_CB_OK;
}

struct address_seen {
	struct hdl_pod *pod;
	const void *local, *address;
	uint8_t family;
};

static int address_attribute(const struct nlattr *attribute, void *data)
{
	struct address_seen *seen = data;
	size_t size = seen->family == AF_INET ? 4 : 16;

	if (mnl_attr_get_payload_len(attribute) < size)
		return MNL_CB_OK;
	if (mnl_attr_get_type(attribute) == IFA_LOCAL)
		seen->local = mnl_attr_get_payload(attribute);
	else if (mnl_attr_get_type(attribute) == IFA_ADDRESS)
		seen->address = mnl_attr_get_payload(attribute);
	return MNL_CB_OK;
}

/* Half of the room is for each family, so that many addresses of one do not hide those of the other. */
static bool has_room(const struct hdl_pod *pod, uint8_t family)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < pod->address_count; i++)
		n += hdl_addr_is_v4(&pod->address[i]) == (family == AF_INET);
	return n < HDL_POD_ADDRESSES_MAX / 2;
}

static int see_address(const struct nlmsghdr *message, void *data)
{
	struct hdl_pod *pod = data;
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	struct address_seen seen = { .pod = pod, .family = header->ifa_family };
	struct hdl_addr address = { .half = { 0, 0 } };
	const void *bytes;

	if ((header->ifa_family != AF_INET && header->ifa_family != AF_INET6) || header->ifa_scope >= RT_SCOPE_LINK ||
	    !has_room(pod, header->ifa_family))
		return MNL_CB_OK;
	mnl_attr_parse(message, sizeof(*header), address_attribute, &seen);
	bytes = seen.local ? seen.local : seen.address; /* of a point-to-point link, `address` is the peer's */
	if (!bytes)
		return MNL_CB_OK;
	if (header->ifa_family == AF_INET) {
		__be32 v4;

		memcpy(&v4, bytes, sizeof(v4));
		address = hdl_addr_from_v4(v4);
	} else {
		memcpy(address.byte, bytes, sizeof(address.byte));
	}
	pod->address[pod->address_count++] = address;
	return MNL_CB_OK;
}

static void reset_addresses(void *data)
{
	struct hdl_pod *pod = data;

	pod->address_count = 0;
	memset(pod->address, 0, sizeof(pod->address));
}

/* Of the namespace in which the calling thread is. */
static int read_addresses(struct hdl_pod *pod)
{
	struct ifaddrmsg *header;
	struct nlmsghdr *message;
	struct hdl_nl nl;
	int r = hdl_nl_open(&nl);

	if (r < 0)
		return r;
	message = hdl_nl_begin(&nl, RTM_GETADDR, NLM_F_DUMP, sizeof(*header), (void **)&header);
	header->ifa_family = AF_UNSPEC;
	reset_addresses(pod);
	r = hdl_nl_query(&nl, message, see_address, reset_addresses, pod);
	hdl_nl_close(&nl);
	return r;
}

/* The other ends of its pairs, and devices by which something else than a socket sends. */
static int see_inside(const struct nlmsghdr *message, void *data)
{
	struct hdl_pod *pod = data;
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct hdl_pod_link_seen seen = { .kind = NULL };

	mnl_attr_parse(message, sizeof(*header), hdl_pod_link_attribute, &seen);
	if (seen.kind && (strcmp(seen.kind, "tun") == 0 || strcmp(seen.kind, "macvtap") == 0))
		pod->unseen = true;
	for (uint32_t i = 0; i < pod->ifindex_count; i++) {
		struct hdl_pod_link *link = &pod->link[i];

		if (link->peer_ifindex != header->ifi_index)
			continue;
		memcpy(link->pod_mac, seen.mac, sizeof(link->pod_mac));
		link->plain = !seen.has_master && seen.kind && strcmp(seen.kind, "veth") == 0;
		if (seen.mtu < link->mtu)
			link->mtu = seen.mtu;
	}
	return MNL_CB_OK;
}

/* Of the namespace in which the calling thread is. */
static int read_links(struct hdl_pod *pod)
{
	struct ifinfomsg *header;
	struct nlmsghdr *message;
	struct hdl_nl nl;
	int r = hdl_nl_open(&nl);

	if (r < 0)
		return r;
	message = hdl_nl_begin(&nl, RTM_GETLINK, NLM_F_DUMP, sizeof(*header), (void **)&header);
	header->ifi_family = AF_UNSPEC;
	mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = hdl_nl_query(&nl, message, see_inside, NULL, pod);
	hdl_nl_close(&nl);
	return r;
}

int hdl_pod_read_inside(struct hdl_pod *pod)
{
	int r = read_links(pod);

	return r < 0 ? r : read_addresses(pod);
}
