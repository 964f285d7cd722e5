/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's hold on the kernel. */
#include "heddled/hostside.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "dp/features.h"
#include "dp/links.h"
#include "dp/lock.h"
#include "dp/nodeaddr.h"
#include "dp/punt.h"
#include "dp/shortcut.h"

/* SYNs and requests that wait while a worker process is replaced. The system's somaxconn may lower it. */
#define BACKLOG 4096
#define HOOKS_MAX 32

struct hdl_hostside {
	char bpffs[PATH_MAX], cgroup[PATH_MAX];
	uint32_t worker_uid;
	unsigned int workers;
	struct hdl_features features;
	struct hdl_dp_lock lock;
	struct hdl_msg_setup setup; /* in force */
	struct hdl_load *load;      /* NULL before setup */
	struct hdl_load_report report;
	struct hdl_shortcut_trial shortcut;
	bool attached, exposed, told_restart, told_addresses, told_repair;
	unsigned int repairs;
	struct hdl_edgewatch *edge;
	int listener_fd[HDL_WORKERS_MAX][HDL_FAMILIES]; /* -1 = none */
	uint16_t port[HDL_WORKERS_MAX][HDL_FAMILIES];
};

static int find_paths(struct hdl_hostside *host, const struct hdl_options *options, struct hdl_err *err)
{
	if (options->bpffs[0] != '/')
		return hdl_err_set(err, -EINVAL, "--bpffs %s: must be an absolute path", options->bpffs);
	snprintf(host->bpffs, sizeof(host->bpffs), "%s", options->bpffs);
	if (options->cgroup)
		snprintf(host->cgroup, sizeof(host->cgroup), "%s", options->cgroup);
	else if (hdl_features_cgroup_root(host->cgroup, sizeof(host->cgroup)) < 0)
		return hdl_err_set(err, -EOPNOTSUPP,
				   "no cgroup2 file system is mounted: mount one, or name a directory by --cgroup");
	return 0;
}

static int prepare(struct hdl_hostside *host, const struct hdl_options *options, struct hdl_err *err)
{
	int r = find_paths(host, options, err);

	if (r == 0)
		r = hdl_features_probe(NULL, host->cgroup, &host->features, err);
	if (r == 0)
		r = hdl_load_prepare_bpffs(host->bpffs, err);
	if (r == 0)
		r = hdl_dp_lock_bpffs(&host->lock, host->bpffs, err);
	return r;
}

int hdl_hostside_prepare(const struct hdl_options *options, const struct hdl_worker_user *user, unsigned int workers,
			 struct hdl_hostside **ret, struct hdl_err *err)
{
	struct hdl_hostside *host = calloc(1, sizeof(*host));
	int r;

	if (!host)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	host->edge = hdl_edgewatch_new();
	if (!host->edge) {
		free(host);
		return hdl_err_set(err, -ENOMEM, "out of memory");
	}
	host->lock = HDL_DP_LOCK_NONE;
	host->workers = workers;
	host->worker_uid = user->uid;
	memset(host->listener_fd, 0xff, sizeof(host->listener_fd));
	r = prepare(host, options, err);
	if (r < 0) {
		hdl_hostside_free(host);
		return r;
	}
	*ret = host;
	return 0;
}

struct hdl_hostside *hdl_hostside_free(struct hdl_hostside *host)
{
	if (!host)
		return NULL;
	for (unsigned int w = 0; w < HDL_WORKERS_MAX; w++)
		for (unsigned int f = 0; f < HDL_FAMILIES; f++)
			if (host->listener_fd[w][f] >= 0)
				close(host->listener_fd[w][f]);
	hdl_edgewatch_free(host->edge);
	hdl_load_free(host->load);
	hdl_dp_unlock(&host->lock);
	free(host);
	return NULL;
}

static int listen_all(struct hdl_hostside *host, struct hdl_err *err)
{
	int one = 1;

	for (unsigned int w = 0; w < host->workers; w++) {
		for (int f = 0; f < HDL_FAMILIES; f++) {
			int r = hdl_punt_listen(f, BACKLOG, &host->listener_fd[w][f], &host->port[w][f], err);

			/* a machine without IPv6 */
			if (f == HDL_FAMILY_V6 && (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL))
				continue;
			if (r < 0)
				return r;
			/* accepted sockets inherit it: an answer must not wait for the ACK of the one before */
			(void)setsockopt(host->listener_fd[w][f], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		}
	}
	return 0;
}

static void log_report(const struct hdl_load_report *report)
{
	if (report->adopted)
		hdl_log_info("adopted the pinned maps: established connections and ejections stay");
	if (report->renewed)
		hdl_log_info("maps are replaced when the configuration is in force: %s%s", report->why,
			     report->rebuilt ? "; health of endpoints counts anew" : "");
	if (report->left_out[0])
		hdl_log_warn("not there, since this kernel refuses the programs: %s (%s)", report->left_out,
			     report->refused);
	if (report->sizes_kept)
		hdl_log_warn("maps whose size stays until `heddled --uninstall`: %s", report->sizes);
}

static int set_up_routes(struct hdl_hostside *host, struct hdl_err *err)
{
	struct hdl_punt_conf punt = { host->setup.packet_mark, host->setup.packet_mask, host->setup.route_table };
	struct hdl_punt_conf old = { host->report.old_packet_mark, host->report.old_packet_mask,
				     host->report.old_route_table };
	int r = hdl_punt_setup(&punt, err);

	if (r < 0 || old.mark == 0)
		return r;
	if (hdl_punt_remove(&old, err) < 0)
		hdl_log_warn("rule of the former packet mark: %s", err->text);
	return 0;
}

/* What a running daemon cannot change; said once per difference. */
static void compare(struct hdl_hostside *host, const struct hdl_msg_setup *setup)
{
	struct hdl_msg_setup other = *setup;

	other.drain_timeout_ms = host->setup.drain_timeout_ms;
	if (memcmp(&other, &host->setup, sizeof(other)) == 0)
		host->told_restart = false;
	else if (!host->told_restart) {
		host->told_restart = true;
		hdl_log_warn(
			"NodeConfig packetMark, mapCapacity or acceleration.sockmap changed: it takes effect when heddled is started again");
	}
	host->setup.drain_timeout_ms = setup->drain_timeout_ms;
}

/* Whether the short cut is in force, and why not. */
static void try_shortcut(struct hdl_hostside *host)
{
	if (!host->setup.sockmap) {
		snprintf(host->shortcut.why, sizeof(host->shortcut.why), "off: NodeConfig acceleration.sockmap");
		return;
	}
	hdl_shortcut_try(true, &host->shortcut);
	if (!host->shortcut.sound)
		hdl_log_warn("acceleration.sockmap is off, sockets of this kernel would not behave as with TCP: %s",
			     host->shortcut.why);
}

int hdl_hostside_setup(struct hdl_hostside *host, const struct hdl_msg_setup *setup, uint64_t host_netns_cookie,
		       struct hdl_err *err)
{
	struct hdl_load_conf conf = {
		.bpffs = host->bpffs,
		.cgroup = host->cgroup,
		.capacity = { setup->capacity_services, setup->capacity_endpoints, setup->capacity_flows },
		.worker_uid = host->worker_uid,
		.packet_mark = setup->packet_mark,
		.packet_mask = setup->packet_mask,
		.route_table = setup->route_table,
	};
	int r;

	if (host->load) {
		compare(host, setup);
		return 0;
	}
	r = hdl_dp_lock_hooks(&host->lock, host->cgroup, setup->packet_mark, setup->packet_mask, setup->route_table,
			      err);
	if (r < 0)
		return r;
	host->setup = *setup;
	try_shortcut(host);
	conf.shortcut = host->shortcut.sound;
	r = hdl_load_open(&conf, &host->load, &host->report, err);
	if (r < 0)
		return r;
	log_report(&host->report);
	hdl_load_state(host->load)->host_netns_cookie = host_netns_cookie;
	r = set_up_routes(host, err);
	if (r == 0)
		r = listen_all(host, err);
	return r;
}

bool hdl_hostside_is_set_up(const struct hdl_hostside *host)
{
	return host->load != NULL;
}

static int send_text(struct hdl_channel *channel, enum hdl_msg_text_kind kind, uint32_t index, const char *name,
		     const char *detail, bool in_force, struct hdl_err *err)
{
	struct hdl_msg msg = { .type = HDL_MSG_TEXT };

	msg.text.kind = kind;
	msg.text.index = index;
	msg.text.in_force = in_force;
	snprintf(msg.text.name, sizeof(msg.text.name), "%s", name);
	snprintf(msg.text.detail, sizeof(msg.text.detail), "%.*s", HDL_MSG_TEXT_MAX - 1, detail);
	return hdl_channel_send(channel, &msg, err);
}

/* What is not as it should be, or as it was asked for: after the features of the kernel. */
static int send_conditions(const struct hdl_hostside *host, struct hdl_channel *channel, struct hdl_err *err)
{
	const struct hdl_load_report *report = &host->report;
	uint32_t next = host->features.count;
	char text[128];
	int r;

	snprintf(text, sizeof(text), "hooks and pins that others took away were put back %u times", host->repairs);
	r = send_text(channel, HDL_MSG_TEXT_FEATURE, next++, "all programs",
		      report->left_out[0] ? report->left_out : "none was refused by the kernel", !report->left_out[0],
		      err);
	if (r == 0)
		r = send_text(
			channel, HDL_MSG_TEXT_FEATURE, next++, "configured sizes and mark",
			host->told_restart ?
				"mapCapacity, packetMark or acceleration.sockmap changed: takes effect at the next start" :
			report->sizes_kept ? report->sizes :
					     "as NodeConfig says",
			!host->told_restart && !report->sizes_kept, err);
	if (r == 0)
		r = send_text(channel, HDL_MSG_TEXT_FEATURE, next++, "hooks left alone",
			      host->repairs ? text : "nobody took hooks or pins away", host->repairs == 0, err);
	if (r == 0)
		r = send_text(channel, HDL_MSG_TEXT_FEATURE, next++, "short cut between sockets",
			      host->shortcut.sound ?
				      "acceleration.sockmap: the self-test found no difference from TCP" :
				      host->shortcut.why,
			      host->shortcut.sound, err);
	return r;
}

static int send_features(struct hdl_hostside *host, struct hdl_channel *channel, struct hdl_err *err)
{
	int r = 0;

	for (uint32_t i = 0; i < host->features.count && r == 0; i++) {
		const struct hdl_feature *feature = &host->features.feature[i];
		const char *detail = feature->present || !feature->fallback ? feature->need : feature->fallback;

		r = send_text(channel, HDL_MSG_TEXT_FEATURE, i, feature->name, detail, feature->present, err);
	}
	return r == 0 ? send_conditions(host, channel, err) : r;
}

int hdl_hostside_send_hooks(struct hdl_hostside *host, struct hdl_channel *channel, struct hdl_err *err)
{
	struct hdl_link_state hooks[HOOKS_MAX];
	size_t n = hdl_links_list(host->bpffs, hooks, HOOKS_MAX);
	const char *name, *text;
	uint32_t next = 0;
	bool served;
	int r = host->load ? send_conditions(host, channel, err) : 0;

	for (; next < n && next < HOOKS_MAX && r == 0; next++)
		r = send_text(channel, HDL_MSG_TEXT_HOOK, next, hooks[next].name, host->cgroup, hooks[next].attached,
			      err);
	for (size_t i = 0; r == 0 && hdl_edgewatch_row(host->edge, i, &name, &text, &served); i++) {
		char label[HDL_MSG_NAME_MAX];

		snprintf(label, sizeof(label), "edge %s", name);
		r = send_text(channel, HDL_MSG_TEXT_HOOK, next++, label, text, served, err);
	}
	return r;
}

static int send_maps(struct hdl_hostside *host, struct hdl_channel *channel, struct hdl_err *err)
{
	struct hdl_msg msg = { .type = HDL_MSG_MAPS };
	struct hdl_dp_maps maps = { 0 };

	_Static_assert(HDL_MSG_MAP_FDS == HDL_DP_MAP_FDS, "one message carries all maps");
	hdl_load_fds(host->load, &maps);
	for (unsigned int i = 0; i < HDL_DP_MAP_FDS; i++) {
		const int *fd = hdl_dp_maps_fd(&maps, i, NULL);

		if (!fd || *fd < 0)
			continue;
		msg.maps.present |= 1u << i;
		msg.fd[msg.fd_count++] = *fd;
	}
	return hdl_channel_send(channel, &msg, err);
}

int hdl_hostside_send(struct hdl_hostside *host, struct hdl_channel *channel, struct hdl_err *err)
{
	int r = send_features(host, channel, err);

	if (r == 0)
		r = hdl_hostside_send_hooks(host, channel, err);
	for (unsigned int w = 0; w < host->workers && r == 0; w++) {
		struct hdl_msg msg = { .type = HDL_MSG_LISTENERS, .listeners = { .worker = w } };

		for (unsigned int f = 0; f < HDL_FAMILIES; f++) {
			if (host->listener_fd[w][f] < 0)
				continue;
			msg.listeners.present |= 1u << f;
			msg.listeners.port[f] = host->port[w][f];
			msg.fd[msg.fd_count++] = host->listener_fd[w][f];
		}
		r = hdl_channel_send(channel, &msg, err);
	}
	/* last: with the maps in hand the worker starts */
	return r == 0 ? send_maps(host, channel, err) : r;
}

int hdl_hostside_expose(struct hdl_hostside *host, struct hdl_err *err)
{
	struct hdl_state *state = hdl_load_state(host->load);

	if (host->exposed)
		return 0;
	for (unsigned int w = 0; w < host->workers; w++) {
		for (unsigned int f = 0; f < HDL_FAMILIES; f++) {
			int r;

			if (host->listener_fd[w][f] < 0)
				continue;
			r = hdl_load_set_listener(host->load, w, (int)f, host->listener_fd[w][f]);
			if (r < 0)
				return hdl_err_set(err, r, "listener of worker %u: %s", w, strerror(-r));
			__atomic_store_n(&state->listener_port[w][f], __builtin_bswap16(host->port[w][f]),
					 __ATOMIC_RELAXED);
		}
	}
	__atomic_store_n(&state->worker_count, host->workers, __ATOMIC_RELEASE);
	host->exposed = true;
	return 0;
}

void hdl_hostside_withdraw(struct hdl_hostside *host)
{
	struct hdl_state *state;

	if (!host->load)
		return;
	state = hdl_load_state(host->load);
	__atomic_store_n(&state->worker_count, 0, __ATOMIC_RELEASE);
	for (unsigned int w = 0; w < HDL_WORKERS_MAX; w++)
		for (unsigned int f = 0; f < HDL_FAMILIES; f++)
			if (host->listener_fd[w][f] >= 0)
				(void)hdl_load_clear_listener(host->load, w, (int)f);
	host->exposed = false;
}

int hdl_hostside_attach(struct hdl_hostside *host, struct hdl_err *err)
{
	int r;

	if (host->attached)
		return 0;
	r = hdl_load_attach(host->load, &host->report, err);
	if (r < 0)
		return r;
	host->attached = true;
	hdl_log_info("hooks at %s: %u new, %u kept", host->cgroup, host->report.links_new, host->report.links_kept);
	return 0;
}

bool hdl_hostside_repair(struct hdl_hostside *host)
{
	char names[256];
	struct hdl_err err;
	int r;

	if (!host->attached)
		return false;
	r = hdl_load_repair(host->load, names, sizeof(names), &err);
	if (r > 0) {
		host->repairs++;
		if (names[0])
			hdl_log_warn(
				"hooks that somebody else had detached from %s are attached again: %s (%u times by now)",
				host->cgroup, names, host->repairs);
		else
			hdl_log_warn("pins that somebody else had removed from %s are there again (%u times by now)",
				     host->bpffs, host->repairs);
	} else if (r < 0 && !host->told_repair)
		hdl_log_error(
			"hooks or pins are missing, and cannot be put back: %s; start heddled again when that is settled",
			err.text);
	host->told_repair = r < 0;
	return r > 0;
}

void hdl_hostside_addresses(struct hdl_hostside *host)
{
	struct hdl_dp_maps maps = { 0 };
	struct hdl_err err;

	if (!host->load)
		return;
	hdl_load_fds(host->load, &maps);
	if (hdl_nodeaddr_sync(maps.node_address_fd, &err) >= 0)
		host->told_addresses = false;
	else if (!host->told_addresses) {
		host->told_addresses = true;
		hdl_log_warn("%s", err.text);
	}
}

const char *hdl_hostside_cgroup(const struct hdl_hostside *host)
{
	char root[PATH_MAX];
	size_t n;

	if (hdl_features_cgroup_root(root, sizeof(root)) < 0)
		return NULL;
	n = strlen(root);
	return strncmp(host->cgroup, root, n) == 0 && host->cgroup[n] == '/' && host->cgroup[n + 1] ? host->cgroup + n :
												      NULL;
}

struct hdl_edgewatch *hdl_hostside_edge(struct hdl_hostside *host)
{
	return host->edge;
}

struct hdl_load *hdl_hostside_load(struct hdl_hostside *host)
{
	return host->load;
}

const char *hdl_hostside_bpffs(const struct hdl_hostside *host)
{
	return host->bpffs;
}
