/* SPDX-License-Identifier: Apache-2.0 */
/* rtnetlink requests over libmnl. */
#include "dp/nl.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPEATS 5
#define BUFFER_BYTES 32768 /* what the kernel fills at most for one datagram of a dump */

int hdl_nl_open(struct hdl_nl *nl)
{
	int strict = 1;

	nl->sequence = 1;
	nl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl->socket)
		return -errno;
	/* Dumps then obey the filters in the request; kernels before 4.20 would ignore them. */
	(void)setsockopt(mnl_socket_get_fd(nl->socket), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &strict, sizeof(strict));
	if (mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int r = -errno;

		hdl_nl_close(nl);
		return r;
	}
	return 0;
}

void hdl_nl_close(struct hdl_nl *nl)
{
	if (nl->socket)
		mnl_socket_close(nl->socket);
	nl->socket = NULL;
}

struct nlmsghdr *hdl_nl_begin(struct hdl_nl *nl, uint16_t type, uint16_t flags, size_t size, void **ret_header)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(nl->request);

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	*ret_header = mnl_nlmsg_put_extra_header(message, size);
	return message;
}

static int receive(struct hdl_nl *nl, mnl_cb_t each, void *data)
{
	unsigned int port = mnl_socket_get_portid(nl->socket);
	char buffer[BUFFER_BYTES] __attribute__((aligned(16)));
	ssize_t n;
	int r;

	do {
		n = mnl_socket_recvfrom(nl->socket, buffer, sizeof(buffer));
		if (n < 0)
			return -errno;
		r = mnl_cb_run(buffer, (size_t)n, nl->sequence, port, each, data);
	} while (r > MNL_CB_STOP);
	return r < 0 ? -errno : 0;
}

static int send_message(struct hdl_nl *nl, struct nlmsghdr *message)
{
	message->nlmsg_seq = ++nl->sequence;
	return mnl_socket_sendto(nl->socket, message, message->nlmsg_len) < 0 ? -errno : 0;
}

int hdl_nl_acked(struct hdl_nl *nl, struct nlmsghdr *message)
{
	int r;

	message->nlmsg_flags |= NLM_F_ACK;
	r = send_message(nl, message);
	return r < 0 ? r : receive(nl, NULL, NULL);
}

/* After a failed dump the rest of its answers is still on the way; a new socket has none. */
static int reopen(struct hdl_nl *nl)
{
	struct mnl_socket *old = nl->socket;
	struct hdl_nl fresh = { .socket = NULL };
	int r = hdl_nl_open(&fresh);

	if (r < 0)
		return r;
	mnl_socket_close(old);
	nl->socket = fresh.socket;
	return 0;
}

int hdl_nl_query(struct hdl_nl *nl, struct nlmsghdr *message, mnl_cb_t each, void (*reset)(void *data), void *data)
{
	bool dump = (message->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	int r = 0;

	if (!dump)
		message->nlmsg_flags |= NLM_F_ACK; /* ends the answers */
	for (int i = 0; i < REPEATS; i++) {
		if (i && reset)
			reset(data);
		r = send_message(nl, message);
		if (r == 0)
			r = receive(nl, each, data);
		if (r < 0 && dump && reopen(nl) < 0)
			return r;
		if (r != -EINTR)
			return r;
	}
	return r;
}
