/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The short cut between two sockets of this node: whether this kernel is fit for it, found out with real sockets, and what
 * is in its maps. Used by the keeper.
 *
 * A socket that takes part is read by other code of the kernel than a TCP socket is. Where that code answers any call of an
 * application in another way than TCP does, no program of ours can make up for it: then there is no short cut.
 */
#ifndef HDL_DP_SHORTCUT_H
#define HDL_DP_SHORTCUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "dp/pods.h"

#define HDL_SHORTCUT_TRIAL_MS 2000 /* the self-test takes at most this long */

struct hdl_shortcut_trial {
	bool sound;
	char why[480]; /* what differs from TCP, or why it could not be tried */
};

/*
 * Runs the self-test: in a process and in network namespaces of its own, which are gone when it returns. Not sound unless
 * every case went as with TCP. joined: false = with sockets that do not take part, which is what it must agree with.
 */
void hdl_shortcut_try(bool joined, struct hdl_shortcut_trial *ret);

/* What the process of the self-test does; ends it. Tells about each case on fd: struct hdl_shortcut_line. */
struct hdl_shortcut_line {
	enum { HDL_SHORTCUT_BEGINS, HDL_SHORTCUT_DIFFERS, HDL_SHORTCUT_ENDS } kind;
	char text[112];
};
__attribute__((noreturn)) void hdl_shortcut_cases(int fd, bool joined);

/*
 * Brings map shortcut_owner to what the list of pods says, where an address that two namespaces have is left out; empties
 * it without a list. 0, or negative errno with text: the rest of the entries is right all the same.
 */
int hdl_shortcut_sync(int address_fd, const struct hdl_pod *list, size_t n, struct hdl_err *err);

#endif
