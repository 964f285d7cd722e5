/* SPDX-License-Identifier: Apache-2.0 */
/* Pods on the node: found by address, hooked at the host side of their veth pairs. */
#include "heddled/podwatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "dp/attach.h"
#include "dp/podmaps.h"
#include "dp/pods.h"
#include "dp/shortcut.h"

/* What the worker was told of a namespace. */
struct told {
	struct hdl_msg_pod pod;
	bool seen; /* in the scan that runs */
};

/* What an interface carries. */
enum mode {
	MODE_NONE,
	MODE_PUNT,    /* packets of punted connections go to their workers */
	MODE_PACKETS, /* and those to services are translated */
};

struct hooked {
	int ifindex;
	enum mode mode; /* wanted, and there if ok */
	bool ok;
	bool seen;
};

struct hdl_podwatch {
	struct hdl_pods *pods;
	struct hdl_addr *wanted, *coming; /* sorted; coming: parts of a list that is not complete */
	size_t wanted_count, coming_count;
	bool have_list; /* the worker named its pods: until then nothing is unhooked */
	struct hdl_msg_interfaces patterns;
	struct told *told;
	size_t told_count, told_capacity;
	struct hooked *hooked;
	size_t hooked_count, hooked_capacity;
	bool adopted;
	bool wishes_new;           /* `patterns` is not carried out yet */
	bool told_maps;            /* that the maps of pods could not be kept */
	uint64_t answer;           /* sequence that waits for its HOOKED; 0 = none */
	uint64_t scan_ns, full_ns; /* when the next ones are due */
	unsigned int burst;        /* short intervals left: addresses come some time after the link */
};

int hdl_podwatch_new(struct hdl_podwatch **ret, struct hdl_err *err)
{
	struct hdl_podwatch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	r = hdl_pods_new(&watch->pods, err);
	if (r < 0) {
		free(watch);
		return r;
	}
	*ret = watch;
	return 0;
}

struct hdl_podwatch *hdl_podwatch_free(struct hdl_podwatch *watch)
{
	if (!watch)
		return NULL;
	hdl_pods_free(watch->pods);
	free(watch->wanted);
	free(watch->coming);
	free(watch->told);
	free(watch->hooked);
	free(watch);
	return NULL;
}

int hdl_podwatch_fd(const struct hdl_podwatch *watch)
{
	return hdl_pods_fd(watch->pods);
}

uint64_t hdl_podwatch_host_cookie(const struct hdl_podwatch *watch)
{
	return hdl_pods_host_cookie(watch->pods);
}

void hdl_podwatch_restart(struct hdl_podwatch *watch)
{
	watch->told_count = 0;
	watch->have_list = false;
	free(watch->coming);
	watch->coming = NULL;
	watch->coming_count = 0;
}

void hdl_podwatch_look_again(struct hdl_podwatch *watch)
{
	watch->scan_ns = watch->full_ns = 0;
}

static int by_address(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hdl_addr));
}

int hdl_podwatch_want(struct hdl_podwatch *watch, const struct hdl_msg_pods *part, struct hdl_err *err)
{
	struct hdl_addr *more;

	if (part->first == 0)
		watch->coming_count = 0;
	if (part->first != watch->coming_count)
		return hdl_err_set(err, -EPROTO, "parts of the list of pods out of order");
	more = reallocarray(watch->coming, watch->coming_count + part->count + 1, sizeof(*more));
	if (!more)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	watch->coming = more;
	memcpy(more + watch->coming_count, part->address, part->count * sizeof(*more));
	watch->coming_count += part->count;
	if (part->more)
		return 0;
	if (watch->coming_count)
		qsort(watch->coming, watch->coming_count, sizeof(*watch->coming), by_address);
	free(watch->wanted);
	watch->wanted = watch->coming;
	watch->wanted_count = watch->coming_count;
	watch->coming = NULL;
	watch->coming_count = 0;
	watch->have_list = true;
	watch->scan_ns = 0;
	return 0;
}

void hdl_podwatch_interfaces(struct hdl_podwatch *watch, const struct hdl_msg_interfaces *patterns)
{
	watch->patterns = *patterns;
	watch->wishes_new = true;
	watch->answer = patterns->sequence;
	watch->scan_ns = 0;
}

void hdl_podwatch_edge(struct hdl_podwatch *watch, struct hdl_hostside *host, const struct hdl_msg_edge *wish)
{
	hdl_edgewatch_want(hdl_hostside_edge(host), wish);
	watch->scan_ns = 0;
}

int hdl_podwatch_cgroup(struct hdl_podwatch *watch, const char *path)
{
	return hdl_pods_cgroup(watch->pods, path);
}

static bool is_wanted(const struct hdl_podwatch *watch, const struct hdl_addr *address)
{
	return watch->wanted_count &&
	       bsearch(address, watch->wanted, watch->wanted_count, sizeof(*address), by_address) != NULL;
}

static struct hooked *find_hooked(struct hdl_podwatch *watch, int ifindex)
{
	for (size_t i = 0; i < watch->hooked_count; i++)
		if (watch->hooked[i].ifindex == ifindex)
			return &watch->hooked[i];
	return NULL;
}

static struct hooked *add_hooked(struct hdl_podwatch *watch, int ifindex)
{
	if (watch->hooked_count == watch->hooked_capacity) {
		size_t capacity = watch->hooked_capacity ? watch->hooked_capacity * 2 : 64;
		struct hooked *more = reallocarray(watch->hooked, capacity, sizeof(*more));

		if (!more)
			return NULL;
		watch->hooked = more;
		watch->hooked_capacity = capacity;
	}
	watch->hooked[watch->hooked_count] = (struct hooked){ .ifindex = ifindex };
	return &watch->hooked[watch->hooked_count++];
}

/* What a daemon before this one hooked: it gets the new program or is unhooked like our own. */
static void adopt(struct hdl_podwatch *watch, struct hdl_hostside *host)
{
	struct hdl_dp_maps maps = { 0 };
	struct hdl_err err;
	int *ifindex = NULL;
	size_t n = 0;

	watch->adopted = true;
	hdl_load_fds(hdl_hostside_load(host), &maps);
	if (hdl_attach_list(hdl_hostside_bpffs(host), maps.state_fd, &ifindex, &n, &err) < 0) {
		hdl_log_warn("filters of a former daemon: %s", err.text);
		return;
	}
	for (size_t i = 0; i < n; i++)
		add_hooked(watch, ifindex[i]);
	free(ifindex);
	hdl_attach_forget_gone(hdl_hostside_bpffs(host));
}

/* The programs of a mode. The way back comes first and goes last: nothing is translated without it. */
static int attach(struct hdl_hostside *host, int ifindex, enum mode mode, struct hdl_err *err)
{
	const struct hdl_load *load = hdl_hostside_load(host);
	const char *bpffs = hdl_hostside_bpffs(host);
	struct hdl_dp_maps maps = { 0 };
	int r = 0;

	hdl_load_fds(load, &maps);
	if (mode == MODE_PACKETS && hdl_load_tc_program(load, HDL_LOAD_TC_PACKET) < 0)
		mode = MODE_PUNT; /* the kernel refused it, and `heddlectl status` says so */
	if (mode == MODE_PACKETS)
		r = hdl_attach_tc(bpffs, maps.state_fd, ifindex, HDL_TC_EGRESS,
				  hdl_load_tc_program(load, HDL_LOAD_TC_REPLY), err);
	if (r == 0)
		r = hdl_attach_tc(
			bpffs, maps.state_fd, ifindex, HDL_TC_INGRESS,
			hdl_load_tc_program(load, mode == MODE_PACKETS ? HDL_LOAD_TC_PACKET : HDL_LOAD_TC_PUNT), err);
	if (r == 0 && mode != MODE_PACKETS)
		r = hdl_detach_tc_side(bpffs, maps.state_fd, ifindex, HDL_TC_EGRESS, err);
	return r;
}

/* Hooks one interface. True: packets from it are seen. */
static bool hook(struct hdl_podwatch *watch, struct hdl_hostside *host, int ifindex, enum mode mode, bool again)
{
	struct hooked *hooked = find_hooked(watch, ifindex);
	struct hdl_err err;
	bool was_ok;
	int r;

	if (!hooked)
		hooked = add_hooked(watch, ifindex);
	if (!hooked)
		return false;
	/* another pod of the same pair, or a pattern: more is asked for */
	if (hooked->seen && hooked->mode > mode)
		mode = hooked->mode;
	hooked->seen = true;
	if (hooked->ok && hooked->mode == mode && !again)
		return true;
	was_ok = hooked->ok;
	r = attach(host, ifindex, mode, &err);
	hooked->mode = mode;
	hooked->ok = r == 0;
	if (r < 0 && r != -ENODEV && (was_ok || again))
		hdl_log_warn("interface %d: %s", ifindex, err.text);
	return hooked->ok;
}

static void unhook_rest(struct hdl_podwatch *watch, struct hdl_hostside *host)
{
	struct hdl_dp_maps maps = { 0 };
	struct hdl_err err;

	hdl_load_fds(hdl_hostside_load(host), &maps);
	for (size_t i = 0; i < watch->hooked_count;) {
		struct hooked *hooked = &watch->hooked[i];

		if (hooked->seen) {
			i++;
			continue;
		}
		(void)hdl_detach_tc(hdl_hostside_bpffs(host), maps.state_fd, hooked->ifindex, &err);
		*hooked = watch->hooked[--watch->hooked_count];
	}
}

/* Addresses of the pod that the worker asked for, one per family. False: none. */
static bool match_addresses(const struct hdl_podwatch *watch, const struct hdl_pod *pod, struct hdl_msg_pod *ret)
{
	bool any = false;

	for (uint32_t i = 0; i < pod->address_count; i++) {
		const struct hdl_addr *address = &pod->address[i];
		struct hdl_addr *to = &ret->address[hdl_addr_is_v4(address) ? HDL_FAMILY_V4 : HDL_FAMILY_V6];

		if (!hdl_addr_is_zero(to) || !is_wanted(watch, address))
			continue;
		*to = *address;
		any = true;
	}
	return any;
}

static bool in_list(const int *list, size_t n, int ifindex)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == ifindex)
			return true;
	return false;
}

static int tell(struct hdl_podwatch *watch, const struct hdl_msg_pod *pod, struct hdl_channel *channel,
		struct hdl_err *err)
{
	struct hdl_msg msg = { .type = HDL_MSG_POD, .pod = *pod };

	for (size_t i = 0; i < watch->told_count; i++) {
		struct told *told = &watch->told[i];

		if (told->pod.netns_cookie != pod->netns_cookie)
			continue;
		told->seen = true;
		if (memcmp(&told->pod, pod, sizeof(*pod)) == 0)
			return 0;
		told->pod = *pod;
		return hdl_channel_send(channel, &msg, err);
	}
	if (watch->told_count == watch->told_capacity) {
		size_t capacity = watch->told_capacity ? watch->told_capacity * 2 : 64;
		struct told *more = reallocarray(watch->told, capacity, sizeof(*more));

		if (!more)
			return hdl_err_set(err, -ENOMEM, "out of memory");
		watch->told = more;
		watch->told_capacity = capacity;
	}
	watch->told[watch->told_count++] = (struct told){ .pod = *pod, .seen = true };
	return hdl_channel_send(channel, &msg, err);
}

static int tell_gone(struct hdl_podwatch *watch, struct hdl_channel *channel, struct hdl_err *err)
{
	for (size_t i = 0; i < watch->told_count;) {
		struct hdl_msg msg = { .type = HDL_MSG_POD_GONE };
		int r;

		if (watch->told[i].seen) {
			i++;
			continue;
		}
		msg.pod.netns_cookie = watch->told[i].pod.netns_cookie;
		watch->told[i] = watch->told[--watch->told_count];
		r = hdl_channel_send(channel, &msg, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * Which programs the interfaces of a pod get; pod NULL: of a namespace that could not be entered, which then counts as
 * one whose sockets are seen.
 */
static enum mode mode_of(const struct hdl_podwatch *watch, const struct hdl_pod *pod)
{
	const struct hdl_msg_interfaces *wish = &watch->patterns;

	if (wish->redirect || wish->packet_path == HDL_MSG_PACKETS_ON ||
	    (wish->packet_path == HDL_MSG_PACKETS_AUTO && pod && pod->unseen))
		return MODE_PACKETS;
	return wish->punt ? MODE_PUNT : MODE_NONE;
}

/* Without patterns the interfaces of known pods are hooked; with them those that match, whose ever they are. */
static int look_at(struct hdl_podwatch *watch, struct hdl_hostside *host, const struct hdl_pod *pod,
		   const int *matching, size_t matching_count, bool again, struct hdl_channel *channel,
		   struct hdl_err *err)
{
	struct hdl_msg_pod msg = { .netns_cookie = pod->cookie };
	bool known, all_hooked = pod->ifindex_count != 0, any_hooked = false;
	enum mode mode = mode_of(watch, pod);

	if (pod->host)
		return 0;
	known = match_addresses(watch, pod, &msg);
	for (uint32_t i = 0; i < pod->ifindex_count; i++) {
		bool wanted = watch->patterns.count ? in_list(matching, matching_count, pod->ifindex[i]) : known;
		bool ok = wanted && mode != MODE_NONE && hook(watch, host, pod->ifindex[i], mode, again);

		all_hooked &= ok;
		any_hooked |= ok;
	}
	if (!known && !any_hooked)
		return 0;
	/* a flow may leave by any of them: punting needs all */
	msg.flags = all_hooked ? HDL_MSG_POD_TC : 0;
	return tell(watch, &msg, channel, err);
}

static int pattern_list(struct hdl_podwatch *watch, int **ret, size_t *ret_count)
{
	const char *patterns[HDL_MSG_PATTERNS_MAX];

	for (uint32_t i = 0; i < watch->patterns.count; i++)
		patterns[i] = watch->patterns.pattern[i];
	return hdl_pods_match_interfaces(patterns, watch->patterns.count, ret, ret_count);
}

static int apply(struct hdl_podwatch *watch, struct hdl_hostside *host, bool again, struct hdl_channel *channel,
		 struct hdl_err *err)
{
	const struct hdl_pod *list;
	int *matching = NULL, r = 0;
	size_t n, matching_count = 0;

	if (watch->patterns.count && pattern_list(watch, &matching, &matching_count) < 0)
		return 0; /* tried again with the next scan */
	for (size_t i = 0; i < watch->hooked_count; i++)
		watch->hooked[i].seen = false;
	for (size_t i = 0; i < watch->told_count; i++)
		watch->told[i].seen = false;
	list = hdl_pods_list(watch->pods, &n);
	for (size_t i = 0; i < n && r == 0; i++)
		r = look_at(watch, host, &list[i], matching, matching_count, again, channel, err);
	/* interfaces of namespaces that could not be entered */
	for (size_t i = 0; i < matching_count && mode_of(watch, NULL) != MODE_NONE; i++)
		(void)hook(watch, host, matching[i], mode_of(watch, NULL), again);
	free(matching);
	if (r == 0)
		r = tell_gone(watch, channel, err);
	unhook_rest(watch, host);
	return r;
}

/* The addresses between which there is a short cut. */
static void sync_shortcut(struct hdl_podwatch *watch, struct hdl_hostside *host)
{
	int fd = hdl_load_shortcut_owners(hdl_hostside_load(host));
	struct hdl_err err;
	size_t n;
	const struct hdl_pod *list = hdl_pods_list(watch->pods, &n);

	if (fd >= 0 && hdl_shortcut_sync(fd, list, n, &err) < 0)
		hdl_log_warn("%s: connections of some pods stay with TCP", err.text);
}

/* The maps by which packets are told where they are from, and where a pod is. Before programs that need them. */
static void sync_maps(struct hdl_podwatch *watch, struct hdl_hostside *host)
{
	struct hdl_dp_maps maps = { 0 };
	struct hdl_err err;
	size_t n;
	const struct hdl_pod *list = hdl_pods_list(watch->pods, &n);

	hdl_load_fds(hdl_hostside_load(host), &maps);
	if (hdl_podmaps_sync(&maps, hdl_load_state(hdl_hostside_load(host)), list, n, watch->patterns.redirect, &err) ==
	    0)
		watch->told_maps = false;
	else if (!watch->told_maps) {
		watch->told_maps = true;
		hdl_log_warn("%s: packets of some pods are taken for those of unknown clients", err.text);
	}
	sync_shortcut(watch, host);
}

/* The interfaces are as the worker wished. */
static int answer(struct hdl_podwatch *watch, struct hdl_channel *channel, struct hdl_err *err)
{
	struct hdl_msg msg = { .type = HDL_MSG_HOOKED, .hooked = { .sequence = watch->answer } };

	watch->wishes_new = false;
	if (!watch->answer)
		return 0;
	watch->answer = 0;
	return hdl_channel_send(channel, &msg, err);
}

int hdl_podwatch_turn(struct hdl_podwatch *watch, struct hdl_hostside *host, struct hdl_channel *channel,
		      uint64_t now_ns, uint64_t *ret_next_ns, struct hdl_err *err)
{
	bool again;
	int r;

	if (hdl_pods_read(watch->pods)) {
		watch->burst = HDL_PODWATCH_BURST;
		if (watch->scan_ns > now_ns + HDL_PODWATCH_SETTLE_NS)
			watch->scan_ns = now_ns + HDL_PODWATCH_SETTLE_NS;
	}
	if (!watch->have_list) {
		*ret_next_ns = UINT64_MAX;
		return 0;
	}
	if (now_ns < watch->scan_ns) {
		*ret_next_ns = watch->scan_ns;
		return 0;
	}
	if (!watch->adopted)
		adopt(watch, host);
	again = now_ns >= watch->full_ns;
	hdl_hostside_addresses(host);
	r = hdl_pods_scan(watch->pods, again, err);
	if (r < 0) {
		hdl_log_warn("looking for pods: %s", err->text);
	} else {
		if (r > 0 || again || watch->wishes_new)
			sync_maps(watch, host);
		r = apply(watch, host, again, channel, err);
		if (r == 0)
			r = answer(watch, channel, err);
	}
	if (hdl_edgewatch_turn(hdl_hostside_edge(host), hdl_hostside_load(host), hdl_hostside_bpffs(host)) && r >= 0)
		r = hdl_hostside_send_hooks(host, channel, err);
	if (again)
		watch->full_ns = now_ns + HDL_PODWATCH_FULL_NS;
	watch->scan_ns = now_ns + (watch->burst ? HDL_PODWATCH_SCAN_NS >> watch->burst : HDL_PODWATCH_SCAN_NS);
	watch->burst -= watch->burst != 0;
	*ret_next_ns = watch->scan_ns;
	return r == -EPIPE || r == -ENOBUFS || r == -ENOMEM ? r : 0;
}
