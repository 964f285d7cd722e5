/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to the service manager (sd_notify) without its library. */
#ifndef HDL_HEDDLED_NOTIFY_H
#define HDL_HEDDLED_NOTIFY_H

/* Sends e.g. "READY=1" to $NOTIFY_SOCKET; nothing happens without one. 1 sent, 0 no socket, negative errno. */
int hdl_notify(const char *state);

#endif
