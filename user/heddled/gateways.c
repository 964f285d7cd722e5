/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets of gateway ports. */
#include "heddled/gateways.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/addr.h"
#include "base/log.h"

#define BACKLOG 4096

void hdl_gateways_init(struct hdl_gateways *gateways, unsigned int workers)
{
	*gateways = (struct hdl_gateways){ .workers = workers };
}

static void close_fds(struct hdl_gateway *gateway)
{
	for (unsigned int f = 0; f < HDL_FAMILIES; f++) {
		for (unsigned int w = 0; w < HDL_WORKERS_MAX; w++) {
			if (gateway->fd[f][w] >= 0)
				close(gateway->fd[f][w]);
			gateway->fd[f][w] = -1;
		}
	}
}

void hdl_gateways_done(struct hdl_gateways *gateways)
{
	for (size_t i = 0; i < gateways->n; i++)
		close_fds(&gateways->at[i]);
	free(gateways->at);
	gateways->at = NULL;
	gateways->n = 0;
}

static struct hdl_gateway *find(struct hdl_gateways *gateways, const struct hdl_msg_gateway *wanted)
{
	for (size_t i = 0; i < gateways->n; i++)
		if (gateways->at[i].port == wanted->port && hdl_addr_equal(&gateways->at[i].address, &wanted->address))
			return &gateways->at[i];
	return NULL;
}

/* The address of a family that is listened on; false: none of that family. */
static bool family_address(const struct hdl_gateway *gateway, int family, struct hdl_addr *ret)
{
	if (hdl_addr_is_zero(&gateway->address)) {
		*ret = family == HDL_FAMILY_V4 ? hdl_addr_from_v4(0) : (struct hdl_addr){ 0 };
		return true;
	}
	*ret = gateway->address;
	return hdl_addr_is_v4(ret) == (family == HDL_FAMILY_V4);
}

/* shared: one of several sockets of ours on the port. Descriptor or negative errno. */
static int open_socket(const struct hdl_addr *address, int family, uint16_t port, bool shared)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = __builtin_bswap16(port) };
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = in6.sin6_port,
				  .sin_addr.s_addr = address->word[3] };
	bool v4 = family == HDL_FAMILY_V4;
	int one = 1, fd, r;

	memcpy(&in6.sin6_addr, address->byte, 16);
	fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (shared)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	/* accepted sockets inherit it: an answer must not wait for the ACK of the one before */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!v4)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	r = v4 ? bind(fd, (struct sockaddr *)&in, sizeof(in)) : bind(fd, (struct sockaddr *)&in6, sizeof(in6));
	if (r == 0)
		r = listen(fd, BACKLOG);
	if (r < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static int open_family(struct hdl_gateway *gateway, int family, unsigned int workers)
{
	struct hdl_addr address;
	int fd;

	if (!family_address(gateway, family, &address))
		return 0;
	/* SO_REUSEPORT would share the port with a stranger of the same user without a word: see first whether it is free. */
	fd = open_socket(&address, family, gateway->port, false);
	if (fd == -EAFNOSUPPORT && hdl_addr_is_zero(&gateway->address))
		return 0; /* a machine without IPv6 */
	if (fd < 0)
		return fd;
	close(fd);
	for (unsigned int w = 0; w < workers; w++) {
		fd = open_socket(&address, family, gateway->port, true);
		if (fd < 0)
			return fd;
		gateway->fd[family][w] = fd;
	}
	return 0;
}

static void open_all(struct hdl_gateways *gateways, struct hdl_gateway *gateway)
{
	int before = gateway->error, r = 0;
	char text[HDL_ADDR_PORT_TEXT_MAX];

	for (int f = 0; f < HDL_FAMILIES && r == 0; f++)
		r = open_family(gateway, f, gateways->workers);
	if (r < 0)
		close_fds(gateway);
	gateway->error = -r;
	if (hdl_addr_is_zero(&gateway->address))
		snprintf(text, sizeof(text), "*:%u", gateway->port);
	else
		hdl_addr_port_print(&gateway->address, gateway->port, text);
	if (r < 0 && before != -r)
		hdl_log_error("gateway port %s: %s; it is tried again every second", text, strerror(-r));
	else if (r == 0)
		hdl_log_info("gateway port %s: listening", text);
}

/* One message per socket, or one with the error. */
static int tell(struct hdl_gateways *gateways, const struct hdl_gateway *gateway, struct hdl_channel *channel,
		struct hdl_err *err)
{
	struct hdl_msg msg = { .type = HDL_MSG_GATEWAY_SOCKET };

	msg.gateway.wanted = gateway->address;
	msg.gateway.port = gateway->port;
	msg.gateway.error = gateway->error;
	if (gateway->error)
		return hdl_channel_send(channel, &msg, err);
	for (int f = 0; f < HDL_FAMILIES; f++) {
		if (!family_address(gateway, f, &msg.gateway.address))
			continue;
		for (unsigned int w = 0; w < gateways->workers; w++) {
			int r;

			if (gateway->fd[f][w] < 0)
				continue;
			msg.gateway.worker = (uint16_t)w;
			msg.fd[0] = gateway->fd[f][w];
			msg.fd_count = 1;
			r = hdl_channel_send(channel, &msg, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static struct hdl_gateway *add(struct hdl_gateways *gateways, const struct hdl_msg_gateway *wanted)
{
	struct hdl_gateway *more, *gateway;

	if (gateways->n == HDL_MSG_GATEWAYS_MAX)
		return NULL;
	more = reallocarray(gateways->at, gateways->n + 1, sizeof(*more));
	if (!more)
		return NULL;
	gateways->at = more;
	gateway = &more[gateways->n++];
	*gateway = (struct hdl_gateway){ .address = wanted->address, .port = wanted->port };
	memset(gateway->fd, 0xff, sizeof(gateway->fd));
	return gateway;
}

int hdl_gateways_listen(struct hdl_gateways *gateways, const struct hdl_msg_gateway *wanted,
			struct hdl_channel *channel, struct hdl_err *err)
{
	struct hdl_gateway *gateway = find(gateways, wanted);

	if (!gateway) {
		gateway = add(gateways, wanted);
		if (!gateway) {
			hdl_log_error("gateway port %u: more than %d ports", wanted->port, HDL_MSG_GATEWAYS_MAX);
			return 0;
		}
		open_all(gateways, gateway);
	}
	gateway->used = true;
	return tell(gateways, gateway, channel, err);
}

void hdl_gateways_close(struct hdl_gateways *gateways, const struct hdl_msg_gateway *wanted)
{
	struct hdl_gateway *gateway = find(gateways, wanted);

	if (!gateway)
		return;
	close_fds(gateway);
	*gateway = gateways->at[--gateways->n];
}

int hdl_gateways_retry(struct hdl_gateways *gateways, struct hdl_channel *channel, bool *ret_more, struct hdl_err *err)
{
	bool more = false;

	for (size_t i = 0; i < gateways->n; i++) {
		struct hdl_gateway *gateway = &gateways->at[i];
		int r;

		if (gateway->error == 0)
			continue;
		open_all(gateways, gateway);
		if (gateway->error) {
			more = true;
			continue;
		}
		r = tell(gateways, gateway, channel, err);
		if (r < 0)
			return r;
	}
	*ret_more = more;
	return 0;
}

void hdl_gateways_restart(struct hdl_gateways *gateways)
{
	for (size_t i = 0; i < gateways->n; i++)
		gateways->at[i].used = false;
}

void hdl_gateways_drop_unused(struct hdl_gateways *gateways)
{
	for (size_t i = 0; i < gateways->n;) {
		if (gateways->at[i].used) {
			i++;
			continue;
		}
		close_fds(&gateways->at[i]);
		gateways->at[i] = gateways->at[--gateways->n];
	}
}
