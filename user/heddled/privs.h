/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities of the keeper, and the user that its worker process runs as. */
#ifndef HDL_HEDDLED_PRIVS_H
#define HDL_HEDDLED_PRIVS_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/err.h"
#include "heddled/options.h"

/* The user of Istio's sidecar: what a mesh exempts there is exempt here. */
#define HDL_WORKER_UID_DEFAULT 1337
#define HDL_WORKER_USER "heddle"

struct hdl_worker_user {
	bool change; /* the keeper is root: the worker process gets another user */
	uid_t uid;
	gid_t gid;
};

/* User `heddle` if there is one, else the default; without root the keeper's own. */
void hdl_privs_worker_user(struct hdl_worker_user *ret);
/* 0, or -EPERM with the names of the capabilities that mode needs and that are missing. */
int hdl_privs_check(enum hdl_mode mode, struct hdl_err *err);
/* Gives up all but what the keeper needs from here on, also for whatever it may start. */
int hdl_privs_reduce(enum hdl_mode mode, struct hdl_err *err);
/* Raises the limit of open files to what is allowed, for the worker's connections. */
void hdl_privs_raise_files(void);
/* In a child process, for good: no capability, the given user, no new privileges. */
int hdl_privs_drop(const struct hdl_worker_user *user, struct hdl_err *err);
/* -EPERM if this process has any capability. */
int hdl_privs_check_none(struct hdl_err *err);

#endif
