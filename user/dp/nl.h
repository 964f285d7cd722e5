/* SPDX-License-Identifier: Apache-2.0 */
/* rtnetlink requests of the keeper: one at a time, answered before the call returns. */
#ifndef HDL_DP_NL_H
#define HDL_DP_NL_H

#include <libmnl/libmnl.h>
#include <stdint.h>
#include "base/err.h"

struct hdl_nl {
	struct mnl_socket *socket; /* NULL = not open */
	uint32_t sequence;
	char request[1024]; /* of the message being built */
};

int hdl_nl_open(struct hdl_nl *nl); /* in the present network namespace */
void hdl_nl_close(struct hdl_nl *nl);

/* Begins a message in nl->request: type and flags (NLM_F_REQUEST is added), then `size` bytes of fixed header. */
struct nlmsghdr *hdl_nl_begin(struct hdl_nl *nl, uint16_t type, uint16_t flags, size_t size, void **ret_header);
/* Sends it and waits for the acknowledgement. 0 or negative errno. */
int hdl_nl_acked(struct hdl_nl *nl, struct nlmsghdr *message);
/*
 * Sends it and calls each() for every answer. When the kernel says that the list changed while it was read, reset() is
 * called and the request repeated, a few times. each() returns MNL_CB_OK or MNL_CB_ERROR with errno set.
 */
int hdl_nl_query(struct hdl_nl *nl, struct nlmsghdr *message, mnl_cb_t each, void (*reset)(void *data), void *data);

#endif
