/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replaces pinned maps by others of another size or another ABI while the hooks go on working on the old ones. The new
 * set is pinned in directory next/ beside the old; once all of it is in force (published), `next/ready` is made, the
 * links get the new programs one by one, and the new pins take the names of the old, `state` last. A start that finds
 * next/ready goes on there, one that finds next/ alone begins anew: at no time do hooks run on maps that are incomplete.
 */
#ifndef HDL_DP_RENEW_H
#define HDL_DP_RENEW_H

#include <bpf/libbpf.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "heddle/abi_lb.h"

#define HDL_RENEW_DIR "next"

/* hdl_state.renewing */
enum hdl_renewing {
	HDL_RENEWING_NO,
	HDL_RENEWING_NOW,         /* who adopts the new set must not count anew what the hooks count in the old one */
	HDL_RENEWING_INTERRUPTED, /* what they counted there meanwhile is lost: count anew */
};

/* For a moment health.active stands on this much: no endpoint has so many connections. */
#define HDL_RENEW_PLINTH (1u << 24)

enum hdl_renew_kind {
	HDL_RENEW_NONE,    /* the pinned maps are as they should be */
	HDL_RENEW_COPY,    /* same ABI, nothing smaller: contents and ids go over */
	HDL_RENEW_REBUILD, /* published anew; the epoch goes on, so that no generation is used twice */
};

struct hdl_renew {
	enum hdl_renew_kind kind;
	struct hdl_state old; /* as far as its ABI says the same */
	int old_state_fd, old_health_fd, old_balance_fd;
	void *health, *balance; /* of the old maps, as far as the new ones have it */
	uint32_t *lifted;       /* generations of records whose count of connections stands on a plinth */
	uint32_t health_count, balance_count;
	char why[256]; /* "cluster 1024 (was 512), ..." */
};

void hdl_renew_init(struct hdl_renew *renew);
void hdl_renew_done(struct hdl_renew *renew);

/* What a start that was interrupted left: finished or thrown away. */
int hdl_renew_recover(const char *bpffs, struct hdl_err *err);
/* The pinned state record, of any ABI. 1 = there is one, 0 = none. */
int hdl_renew_read_state(const char *bpffs, struct hdl_state *ret, struct hdl_err *err);
/* Compares the pinned maps with those of the object, whose sizes are set: what is to be done. */
int hdl_renew_choose(struct hdl_renew *renew, const struct bpf_object *object, const char *bpffs, struct hdl_err *err);
/* Whether the object may go on using the pinned map of that name, when others are made anew. */
bool hdl_renew_keeps(const struct bpf_map *map, const char *bpffs);
/* After loading: copies what goes over, and pins the new set in next/. */
int hdl_renew_stage(struct hdl_renew *renew, struct bpf_object *object, const char *bpffs, struct hdl_err *err);
/* From here on an interrupted start is finished by the next one. */
int hdl_renew_ready(const char *bpffs, struct hdl_err *err);
/* Before the links, and after them and a grace period: adds what changed in the old maps since they were copied. */
void hdl_renew_lift(struct hdl_renew *renew, const struct bpf_object *object, const char *bpffs);
void hdl_renew_merge(struct hdl_renew *renew, const struct bpf_object *object, const char *bpffs);
/* The new pins take the place of the old. */
int hdl_renew_commit(const char *bpffs, struct hdl_err *err);
/* Removes next/ and all in it: for --uninstall, too. */
int hdl_renew_discard(const char *bpffs, struct hdl_err *err);

#endif
