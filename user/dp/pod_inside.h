/* SPDX-License-Identifier: Apache-2.0 */
/* What a network namespace says of its links and addresses. */
#ifndef HDL_DP_POD_INSIDE_H
#define HDL_DP_POD_INSIDE_H

#include <stdbool.h>
#include <stdint.h>
#include "dp/nl.h"
#include "dp/pods.h"

/* Of one message about a link. */
struct hdl_pod_link_seen {
	const char *kind;
	int32_t nsid;
	bool has_peer, has_nsid, has_master;
	uint32_t mtu;
	int peer;
	uint8_t mac[6];
};

/* For mnl_attr_parse() of such a message; data: struct hdl_pod_link_seen. */
int hdl_pod_link_attribute(const struct nlattr *attribute, void *data);
/* Links and addresses of the namespace in which the calling thread is. 0 or negative errno. */
int hdl_pod_read_inside(struct hdl_pod *pod);

#endif
