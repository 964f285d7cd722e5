/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads the BPF object, adopts or pins maps and programs under the bpffs path, and attaches the cgroup hooks by pinned
 * links (promise P3). Runs in the keeper, which is single-threaded and has the capabilities.
 *
 * Pins in the directory: each map by its name (`state` last: it marks a complete set), prog_NAME for every program,
 * link_NAME for every cgroup hook, qdisc/IFINDEX for each clsact qdisc that attach.c created.
 */
#ifndef HDL_DP_LOAD_H
#define HDL_DP_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "dp/publish.h"

struct bpf_object;

struct hdl_load_conf {
	const char *bpffs;  /* directory, absolute; created if it is not there */
	const char *cgroup; /* cgroup2 directory to attach to */
	struct hdl_dp_capacity capacity;
	uint32_t worker_uid; /* sockets of this user are exempt; 0 = nobody */
	uint32_t packet_mark, packet_mask, route_table;
	bool shortcut; /* between two sockets of this node: only where hdl_shortcut_try() found it sound */
	/* Tests: called with the object before each attempt to load it. */
	void (*before_load)(struct bpf_object *object);
};

/* What a start found and did, for the log and `heddlectl status`. */
struct hdl_load_report {
	bool adopted;            /* maps were pinned before: their contents stay */
	unsigned int links_kept; /* hooks that were attached and now run the new programs */
	unsigned int links_new;
	unsigned int sizes_kept; /* adopted maps whose size is not the configured one */
	char sizes[512];         /* these, as "endpoint 1024 (configured 4096), ..." */
	bool renewed;            /* other maps take the place of the pinned ones when the hooks are attached */
	bool rebuilt;            /* without what they held: health of endpoints and open connections count anew */
	char why[256];           /* "cluster 1024 (was 512), ..." */
	char left_out[128];      /* what there is not, since the kernel refused its programs: "edge by XDP" */
	char refused[512];       /* its words about the last of them */
	uint32_t old_packet_mark, old_packet_mask, old_route_table; /* of the adopted state; 0 = none or the same */
};

struct hdl_load;

/* Mounts bpf at /sys/fs/bpf if path is below it and nothing is mounted there, and creates the directory path. */
int hdl_load_prepare_bpffs(const char *path, struct hdl_err *err);

/*
 * Opens, sizes, loads and pins. Nothing is attached yet: the caller sets rules, routes and listeners first. Where the
 * pinned maps are of another size or ABI version, the new ones stay beside them until the hooks are attached: publish
 * into them first (dp/renew.h). -EPERM: BPF not permitted; else errno of libbpf
 * with its last words. Programs that are not needed (dp/optional.h) are left out where the kernel refuses them.
 */
int hdl_load_open(const struct hdl_load_conf *conf, struct hdl_load **ret, struct hdl_load_report *ret_report,
		  struct hdl_err *err);
/*
 * Attaches the cgroup hooks, or points the pinned links at the new programs, each atomically. On failure the links that
 * this call made are gone again. -EEXIST: a pinned link belongs to another cgroup; err names both.
 */
int hdl_load_attach(struct hdl_load *load, struct hdl_load_report *report, struct hdl_err *err);

/*
 * What others took away is put back: pins (also when the file system was unmounted) and hooks. 0 = nothing was missing,
 * else how many hooks were attached again (at least 1 when only pins were), with their names in ret_names; or negative
 * errno. Only after hdl_load_attach().
 */
int hdl_load_repair(struct hdl_load *load, char *ret_names, size_t size, struct hdl_err *err);

/* Fills the *_fd fields; they belong to load and are closed on exec. For SCM_RIGHTS and hdl_dp_maps_open(). */
void hdl_load_fds(const struct hdl_load *load, struct hdl_dp_maps *maps);
/* The same from the pins alone, without loading anything: for tools. Descriptors belong to the caller. */
int hdl_load_pinned_fds(const char *bpffs, struct hdl_dp_maps *maps, struct hdl_err *err);
#define HDL_DP_MAP_FDS 30 /* number of *_fd fields in struct hdl_dp_maps */
/* The i-th *_fd field, in a fixed order, so that keeper and worker pass them without naming each; NULL past the end. */
int *hdl_dp_maps_fd(struct hdl_dp_maps *maps, unsigned int i, const char **ret_name);

enum hdl_load_tc {
	HDL_LOAD_TC_PUNT,   /* ingress: packets of punted connections to their workers */
	HDL_LOAD_TC_PACKET, /* ingress: that, and the packet path */
	HDL_LOAD_TC_REPLY,  /* egress: its way back */
	HDL_LOAD_TC_EDGE,   /* ingress of the edge */
	HDL_LOAD_TC_EDGE_OUT,
};
/* For hdl_attach_tc(), owned by load; negative: it was left out. */
int hdl_load_tc_program(const struct hdl_load *load, enum hdl_load_tc which);

/* Map shortcut_owner, for hdl_shortcut_sync(); -1 where the short cut is off. */
int hdl_load_shortcut_owners(const struct hdl_load *load);

/* The XDP program of the edge, owned by load. */
int hdl_load_xdp_program(const struct hdl_load *load);
/*
 * The same once more, opened but not loaded, for those who load it in another way (an extension of a dispatcher); it uses
 * the maps of load. NULL with errno. bpf_object__close() it.
 */
struct bpf_object *hdl_load_open_xdp(const struct hdl_load *load);

/* Puts a listening socket into the `listener` map. family: enum hdl_family. 0 or negative errno. */
int hdl_load_set_listener(const struct hdl_load *load, unsigned int worker, int family, int listener_fd);
/* Takes it out: later flows of this worker find no listener. 0, also when there was none. */
int hdl_load_clear_listener(const struct hdl_load *load, unsigned int worker, int family);

/* The record itself, mapped: the keeper writes ports and worker count, reads the heartbeat. Owned by load. */
struct hdl_state *hdl_load_state(const struct hdl_load *load);

/* Closes descriptors; pins and hooks stay. Accepts NULL. Returns NULL. */
struct hdl_load *hdl_load_free(struct hdl_load *load);

#endif
