/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refuses a second daemon: one lock for each of bpffs directory, cgroup, packet mark and routing table. Locks go with
 * the process that holds them (kill -9 leaves none).
 */
#ifndef HDL_DP_LOCK_H
#define HDL_DP_LOCK_H

#include <stdint.h>
#include "base/err.h"

#define HDL_DP_LOCKS 4

struct hdl_dp_lock {
	int fd[HDL_DP_LOCKS]; /* -1 = not held */
};

/*
 * Takes the lock on the directory bpffs, before anything in it is read. -EBUSY: another daemon has it (err says so).
 * Set *lock to HDL_DP_LOCK_NONE before the first call.
 */
int hdl_dp_lock_bpffs(struct hdl_dp_lock *lock, const char *bpffs, struct hdl_err *err);
/* Takes the locks on cgroup, mark and table. -EBUSY names the collision. Marks that overlap
 * without being equal do no harm: the rules of both daemons deliver locally. */
int hdl_dp_lock_hooks(struct hdl_dp_lock *lock, const char *cgroup, uint32_t mark, uint32_t mask, uint32_t table,
		      struct hdl_err *err);
void hdl_dp_unlock(struct hdl_dp_lock *lock);

#define HDL_DP_LOCK_NONE ((struct hdl_dp_lock){ { -1, -1, -1, -1 } })

#endif
