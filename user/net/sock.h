/* SPDX-License-Identifier: Apache-2.0 */
/* Non-blocking TCP sockets with addresses as struct hdl_addr. */
#ifndef HDL_NET_SOCK_H
#define HDL_NET_SOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "heddle/abi_addr.h"

struct hdl_endpoint_addr {
	struct hdl_addr address;
	uint16_t port; /* host order */
};

/* Begins a connection. Descriptor (not blocking, TCP_NODELAY), with *ret_done true if it stands already; or -errno. */
int hdl_sock_connect(const struct hdl_endpoint_addr *to, bool *ret_done);
/* Result of a connect that was in progress: 0 or -errno. */
int hdl_sock_error(int fd);
/* Probes when nothing was heard for time_s seconds; 0: as the system has it. */
void hdl_sock_keepalive(int fd, unsigned int time_s, unsigned int interval_s, unsigned int probes);
/* accept4() without waiting. Descriptor or -errno; -EAGAIN: nobody waits. */
int hdl_sock_accept(int listener_fd, struct hdl_endpoint_addr *ret_peer);
/* getsockname(). 0 or -errno. */
int hdl_sock_local(int fd, struct hdl_endpoint_addr *ret);

/* Bytes, 0 at the end, or -errno (-EAGAIN: nothing there). */
ssize_t hdl_sock_read(int fd, void *p, size_t n);
/* Bytes taken (0 if the buffer is full), or -errno. Never raises SIGPIPE. */
ssize_t hdl_sock_write(int fd, const struct iovec *iov, int n);

/* Bytes that the peer's kernel has acknowledged since the connection was made; UINT64_MAX if unknown. */
uint64_t hdl_sock_acked_bytes(int fd);

/* Closes with a reset: what was sent but not acknowledged is dropped. */
void hdl_sock_abort(int fd);

#endif
