/* SPDX-License-Identifier: Apache-2.0 */
/* Routing rule and table that let tc hand packets to local sockets, and the transparent listeners that take them. */
#ifndef HDL_DP_PUNT_H
#define HDL_DP_PUNT_H

#include <stdint.h>
#include "base/err.h"

#define HDL_PUNT_PROTOCOL 72      /* rtm_protocol and rule protocol: marks what is ours */
#define HDL_PUNT_RULE_PRIORITY 90 /* after `local`, before what others add */

struct hdl_punt_conf {
	uint32_t mark, mask; /* no bit of mark outside mask, mark not 0 */
	uint32_t table;      /* 1..: not main, default or local */
};

/*
 * Makes `fwmark mark/mask lookup table` and `local default dev lo table table` for IPv4 and IPv6 (IPv6 is left out on a
 * machine without it). Repeating it is harmless. -EEXIST: a rule or route of somebody else collides (err says which);
 * nothing was changed then. -EINVAL: values that cannot work.
 */
int hdl_punt_setup(const struct hdl_punt_conf *conf, struct hdl_err *err);
/*
 * Removes what hdl_punt_setup() made with this mark and table; the route stays while another rule of ours needs it. 0
 * also when there was nothing. After a change of mark or table: first set up the new, then remove the old.
 */
int hdl_punt_remove(const struct hdl_punt_conf *conf, struct hdl_err *err);

/*
 * Listening TCP socket on 127.0.0.1 or ::1 and a free port that accepts connections to any address (IP_TRANSPARENT);
 * non-blocking, closed on exec. family: enum hdl_family. ret_port in host order. -EAFNOSUPPORT or -EADDRNOTAVAIL on a
 * machine without that family.
 */
int hdl_punt_listen(int family, int backlog, int *ret_fd, uint16_t *ret_port, struct hdl_err *err);

#endif
