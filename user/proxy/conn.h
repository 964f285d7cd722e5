/* SPDX-License-Identifier: Apache-2.0 */
/* What client and upstream connections have in common: a socket, one read buffer, one buffer of unsent bytes. */
#ifndef HDL_PROXY_CONN_H
#define HDL_PROXY_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include "base/str.h"
#include "ev/loop.h"
#include "h1/body.h"
#include "h1/serialize.h"

struct hdl_worker;

/* Ordinary size of a block. Most of a block is never touched, so it costs what really passes through it. */
#define HDL_BLOCK_BYTES 81920
/* Blocks that a worker keeps for reuse. */
#define HDL_BLOCKS_KEPT 256

/* A buffer: bytes [begin, end) of data are in use. */
struct hdl_block {
	struct hdl_block *next;
	uint32_t capacity, begin, end;
	char data[];
};

/* NULL (limit_memory counted) when out of memory. at_least 0: the ordinary size. */
struct hdl_block *hdl_block_get(struct hdl_worker *worker, uint32_t at_least);
void hdl_block_put(struct hdl_worker *worker, struct hdl_block *block); /* accepts NULL */
void hdl_blocks_free(struct hdl_worker *worker);

/*
 * Readiness is remembered because events are edges: `readable` stays true until a read came back short or empty.
 * Memory of a connection is bounded by its two blocks: nothing is read for it while `out` holds unsent bytes of what was
 * read before.
 */
struct hdl_conn {
	struct hdl_io io;
	struct hdl_worker *worker;
	struct hdl_block *in;  /* read but not consumed; NULL while empty */
	struct hdl_block *out; /* unsent; NULL while empty */
	bool readable;
	bool peer_closed;                      /* FIN or error seen by epoll: a read will end */
	bool broken;                           /* reset: what was not read yet is of no use any more */
	uint64_t sent;                         /* bytes that the socket took */
	uint64_t *received_bytes, *sent_bytes; /* counters */
};

/* Takes note of events. */
void hdl_conn_events(struct hdl_conn *conn, uint32_t events);
/* Reads once into `in` (made if needed). Bytes, 0 = end of stream, -EAGAIN, -ENOBUFS (no room), other -errno. */
int hdl_conn_read(struct hdl_conn *conn);
/* Makes room in `in` for at least a few KiB by moving its bytes to the front; fixed: bytes at the front that stay. */
void hdl_conn_compact(struct hdl_conn *conn, uint32_t fixed);
/* Writes what the socket takes and keeps the rest in `out`. 0 or -errno. */
int hdl_conn_send(struct hdl_conn *conn, const struct iovec *iov, int n);
/* Writes from `out`. 0 (also if some is left) or -errno. */
int hdl_conn_flush(struct hdl_conn *conn);
static inline bool hdl_conn_is_blocked(const struct hdl_conn *conn)
{
	return conn->out != NULL;
}
/* Gives `in` back if nothing is in it. */
void hdl_conn_release_in(struct hdl_conn *conn);
/* Out of the loop, closed, buffers given back. */
void hdl_conn_close(struct hdl_conn *conn, bool reset);

#define HDL_GATHER_SLICES 60

/* Output of one round: a head, body bytes with their framing, in the order in which they are to be sent. */
struct hdl_gather {
	struct iovec iov[HDL_GATHER_SLICES + 6];
	int n;
	int chunk_at; /* index kept for the chunk header; -1 = none */
	uint64_t body_bytes;
	char chunk_header[HDL_H1_CHUNK_HEADER_BYTES_MAX];
};

void hdl_gather_init(struct hdl_gather *g);
void hdl_gather_add(struct hdl_gather *g, const void *p, size_t n);
/* Opens and closes a chunk around the slices added in between; an empty one vanishes. */
void hdl_gather_chunk_begin(struct hdl_gather *g);
void hdl_gather_chunk_end(struct hdl_gather *g);
static inline bool hdl_gather_is_full(const struct hdl_gather *g)
{
	return g->n >= HDL_GATHER_SLICES;
}
/* Takes body bytes out of block as slices; limit: at most so many bytes of data. HDL_H1_BODY_MORE, _END, or -error. */
int hdl_gather_body(struct hdl_gather *g, struct hdl_h1_body *body, struct hdl_block *block, uint32_t limit);

#endif
