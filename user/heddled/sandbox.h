/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker process may still ask of the kernel. */
#ifndef HDL_HEDDLED_SANDBOX_H
#define HDL_HEDDLED_SANDBOX_H

#include "base/err.h"

/*
 * Not dumpable, no new privileges, and a seccomp filter for this and all later threads: a list of system calls that
 * event loops, sockets and memory need. Opening files fails with EACCES; executable memory fails with EPERM; everything
 * else ends the process with SIGSYS after its number was logged. Builds with a sanitizer may also read files, trace
 * themselves and map executable memory, because the sanitizers do.
 */
int hdl_sandbox_enter(struct hdl_err *err);

#endif
