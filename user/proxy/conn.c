/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, gathering and writing for both kinds of connection. */
#include "proxy/conn.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/sock.h"
#include "proxy/private.h"

/* Small answers are sent from one piece of memory: send() is cheaper than sendmsg() by more than the copy costs. */
#define FLAT_BYTES 4096
/* Less room than this in a read buffer is not worth a read. */
#define READ_ROOM_BYTES 4096

struct hdl_block *hdl_block_get(struct hdl_worker *worker, uint32_t at_least)
{
	struct hdl_block *block = worker->free_blocks;
	uint32_t capacity = at_least > HDL_BLOCK_BYTES ? at_least : HDL_BLOCK_BYTES;

	if (block && capacity == HDL_BLOCK_BYTES) {
		worker->free_blocks = block->next;
		worker->free_block_count--;
	} else {
		block = malloc(sizeof(*block) + capacity);
		if (!block) {
			hdl_stat_inc(&worker->stats.limit_memory);
			return NULL;
		}
		block->capacity = capacity;
		hdl_stat_add(&worker->stats.buffer_bytes, capacity);
	}
	block->next = NULL;
	block->begin = block->end = 0;
	return block;
}

void hdl_block_put(struct hdl_worker *worker, struct hdl_block *block)
{
	if (!block)
		return;
	if (block->capacity == HDL_BLOCK_BYTES && worker->free_block_count < HDL_BLOCKS_KEPT) {
		block->next = worker->free_blocks;
		worker->free_blocks = block;
		worker->free_block_count++;
		return;
	}
	hdl_stat_add(&worker->stats.buffer_bytes, -(uint64_t)block->capacity);
	free(block);
}

void hdl_blocks_free(struct hdl_worker *worker)
{
	while (worker->free_blocks) {
		struct hdl_block *block = worker->free_blocks;

		worker->free_blocks = block->next;
		free(block);
	}
	worker->free_block_count = 0;
}

void hdl_conn_events(struct hdl_conn *conn, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		conn->readable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		conn->peer_closed = true;
	if (events & (EPOLLHUP | EPOLLERR))
		conn->broken = true;
}

int hdl_conn_read(struct hdl_conn *conn)
{
	struct hdl_block *in = conn->in;
	ssize_t n;
	size_t room;

	if (!in) {
		in = conn->in = hdl_block_get(conn->worker, 0);
		if (!in)
			return -ENOMEM;
	}
	room = in->capacity - in->end;
	if (room == 0)
		return -ENOBUFS;
	n = hdl_sock_read(conn->io.fd, in->data + in->end, room);
	if (n > 0) {
		in->end += (uint32_t)n;
		hdl_stat_add(conn->received_bytes, (uint64_t)n);
	}
	/* Less than there was room for means that the socket is empty; a FIN behind it has been announced already. */
	if (n == -EAGAIN || (n > 0 && (size_t)n < room && !conn->peer_closed))
		conn->readable = false;
	return (int)n;
}

void hdl_conn_compact(struct hdl_conn *conn, uint32_t fixed)
{
	struct hdl_block *in = conn->in;
	uint32_t used;

	if (!in || in->begin <= fixed)
		return;
	used = in->end - in->begin;
	if (used > 0 && in->capacity - in->end >= READ_ROOM_BYTES)
		return;
	memmove(in->data + fixed, in->data + in->begin, used);
	in->begin = fixed;
	in->end = fixed + used;
}

static size_t iov_bytes(const struct iovec *iov, int n)
{
	size_t total = 0;

	for (int i = 0; i < n; i++)
		total += iov[i].iov_len;
	return total;
}

/* Appends iov without its first `skip` bytes, which are sent. */
static int keep(struct hdl_conn *conn, const struct iovec *iov, int n, size_t skip)
{
	size_t left = iov_bytes(iov, n) - skip, used = conn->out ? conn->out->end - conn->out->begin : 0;
	struct hdl_block *out = conn->out;

	if (left == 0)
		return 0;
	if (left + used > UINT32_MAX / 2)
		return -ENOMEM;
	if (!out || out->capacity - out->end < left) {
		struct hdl_block *bigger = hdl_block_get(conn->worker, (uint32_t)(left + used));

		if (!bigger)
			return -ENOMEM;
		if (out)
			memcpy(bigger->data, out->data + out->begin, used);
		bigger->end = (uint32_t)used;
		hdl_block_put(conn->worker, out);
		conn->out = out = bigger;
	}
	for (int i = 0; i < n; i++) {
		size_t gone = skip < iov[i].iov_len ? skip : iov[i].iov_len;

		skip -= gone;
		if (iov[i].iov_len > gone)
			memcpy(out->data + out->end, (const char *)iov[i].iov_base + gone, iov[i].iov_len - gone);
		out->end += (uint32_t)(iov[i].iov_len - gone);
	}
	return 0;
}

int hdl_conn_send(struct hdl_conn *conn, const struct iovec *iov, int n)
{
	size_t total = iov_bytes(iov, n), at = 0;
	char flat[FLAT_BYTES];
	ssize_t sent;

	if (total == 0)
		return 0;
	if (conn->out)
		return keep(conn, iov, n, 0);
	if (n > 1 && total <= sizeof(flat)) {
		struct iovec one = { flat, total };

		for (int i = 0; i < n; i++) {
			memcpy(flat + at, iov[i].iov_base, iov[i].iov_len);
			at += iov[i].iov_len;
		}
		sent = hdl_sock_write(conn->io.fd, &one, 1);
	} else {
		sent = hdl_sock_write(conn->io.fd, iov, n);
	}
	if (sent < 0)
		return (int)sent;
	conn->sent += (uint64_t)sent;
	hdl_stat_add(conn->sent_bytes, (uint64_t)sent);
	return keep(conn, iov, n, (size_t)sent);
}

int hdl_conn_flush(struct hdl_conn *conn)
{
	struct hdl_block *out = conn->out;
	struct iovec one;
	ssize_t sent;

	if (!out)
		return 0;
	one = (struct iovec){ out->data + out->begin, out->end - out->begin };
	sent = hdl_sock_write(conn->io.fd, &one, 1);
	if (sent < 0)
		return (int)sent;
	conn->sent += (uint64_t)sent;
	hdl_stat_add(conn->sent_bytes, (uint64_t)sent);
	out->begin += (uint32_t)sent;
	if (out->begin == out->end) {
		conn->out = NULL;
		hdl_block_put(conn->worker, out);
	}
	return 0;
}

void hdl_conn_release_in(struct hdl_conn *conn)
{
	if (conn->in && conn->in->begin == conn->in->end) {
		hdl_block_put(conn->worker, conn->in);
		conn->in = NULL;
	}
}

void hdl_conn_close(struct hdl_conn *conn, bool reset)
{
	if (conn->io.fd >= 0) {
		hdl_loop_remove(&conn->worker->loop, &conn->io);
		if (reset)
			hdl_sock_abort(conn->io.fd);
		else
			close(conn->io.fd);
		conn->io.fd = -1;
	}
	hdl_block_put(conn->worker, conn->in);
	hdl_block_put(conn->worker, conn->out);
	conn->in = conn->out = NULL;
	conn->readable = false;
}

void hdl_gather_init(struct hdl_gather *g)
{
	g->n = 0;
	g->chunk_at = -1;
	g->body_bytes = 0;
}

void hdl_gather_add(struct hdl_gather *g, const void *p, size_t n)
{
	if (n > 0)
		g->iov[g->n++] = (struct iovec){ (void *)(uintptr_t)p, n };
}

void hdl_gather_chunk_begin(struct hdl_gather *g)
{
	g->chunk_at = g->n++;
}

void hdl_gather_chunk_end(struct hdl_gather *g)
{
	size_t bytes = iov_bytes(&g->iov[g->chunk_at + 1], g->n - g->chunk_at - 1);

	if (bytes == 0) {
		g->n = g->chunk_at;
	} else {
		g->iov[g->chunk_at] =
			(struct iovec){ g->chunk_header, hdl_h1_write_chunk_header(bytes, g->chunk_header) };
		hdl_gather_add(g, HDL_H1_CHUNK_END.p, HDL_H1_CHUNK_END.n);
	}
	g->chunk_at = -1;
}

/*
 * How much may be looked at so that no more than `limit` bytes of data come out. Framing is not counted: a limit that
 * ends within a chunk line or the trailers would keep them from ever being understood.
 */
static uint32_t window(const struct hdl_h1_body *body, uint32_t available, uint32_t limit)
{
	if (available <= limit)
		return available;
	switch (body->state) {
	case HDL_H1_BODY_S_LENGTH:
	case HDL_H1_BODY_S_CHUNK:
	case HDL_H1_BODY_S_CLOSE:
		return limit;
	case HDL_H1_BODY_S_TRAILERS:
	case HDL_H1_BODY_S_DONE:
		return available;
	default:
		return 1; /* data may begin behind any byte of a chunk line */
	}
}

int hdl_gather_body(struct hdl_gather *g, struct hdl_h1_body *body, struct hdl_block *block, uint32_t limit)
{
	static char nothing[1];
	bool more;
	int r;

	do {
		uint32_t available = block ? block->end - block->begin : 0, part = window(body, available, limit);
		struct hdl_str data;
		size_t consumed;

		r = hdl_h1_body_feed(body, block ? block->data + block->begin : nothing, part, &consumed, &data);
		if (r < 0)
			return r;
		if (block)
			block->begin += (uint32_t)consumed;
		if (r == HDL_H1_BODY_DATA) {
			hdl_gather_add(g, data.p, data.n);
			g->body_bytes += data.n;
			limit -= (uint32_t)data.n;
		}
		more = r == HDL_H1_BODY_DATA || (r == HDL_H1_BODY_MORE && consumed > 0 && part < available);
	} while (more && !hdl_gather_is_full(g));
	return r == HDL_H1_BODY_DATA ? HDL_H1_BODY_MORE : r;
}
