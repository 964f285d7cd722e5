/* SPDX-License-Identifier: Apache-2.0 */
/* Unsent bytes keep their order and their bounds whatever the socket takes; bodies are cut out of blocks as slices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/rand.h"
#include "proxy/private.h"

static struct hdl_worker worker;
static struct hdl_conn conn;
static int peer;

static int start(void **state)
{
	int fds[2], small = 4096;

	(void)state;
	memset(&worker, 0, sizeof(worker));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	assert_int_equal(hdl_loop_init(&worker.loop), 0);
	conn = (struct hdl_conn){ .io = { fds[0], NULL },
				  .worker = &worker,
				  .received_bytes = &worker.stats.downstream_received_bytes,
				  .sent_bytes = &worker.stats.downstream_sent_bytes };
	peer = fds[1];
	return 0;
}

static int stop(void **state)
{
	(void)state;
	hdl_conn_close(&conn, false);
	close(peer);
	hdl_blocks_free(&worker);
	hdl_loop_done(&worker.loop);
	return 0;
}

/* Pieces of all sizes, sent while the peer reads now and then: what arrives is what was sent. */
static void order(void **state)
{
	static unsigned char text[3000000], got[sizeof(text)];
	struct hdl_rand rnd;
	size_t at = 0, have = 0;

	(void)state;
	hdl_rand_seed(&rnd, 7);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)hdl_rand_u32(&rnd);
	while (have < sizeof(text)) {
		struct iovec iov[5];
		int n = (int)(hdl_rand_u32(&rnd) % 5) + 1, k = 0;
		ssize_t r;

		for (; k < n && at < sizeof(text); k++) {
			size_t piece = hdl_rand_u32(&rnd) % (hdl_rand_u32(&rnd) % 4 ? 900 : 30000);

			piece = piece < sizeof(text) - at ? piece : sizeof(text) - at;
			iov[k] = (struct iovec){ text + at, piece };
			at += piece;
		}
		assert_int_equal(hdl_conn_send(&conn, iov, k), 0);
		if (hdl_rand_u32(&rnd) % 2)
			assert_int_equal(hdl_conn_flush(&conn), 0);
		r = read(peer, got + have, hdl_rand_u32(&rnd) % 60000 + 1);
		if (r > 0)
			have += (size_t)r;
	}
	assert_memory_equal(got, text, sizeof(text));
	assert_false(hdl_conn_is_blocked(&conn));
	assert_int_equal(conn.sent, sizeof(text));
}

static void broken(void **state)
{
	struct iovec iov = { (void *)(uintptr_t) "x", 1 };

	(void)state;
	close(peer);
	assert_int_equal(hdl_conn_send(&conn, &iov, 1), -EPIPE);
	peer = -1;
}

static void reading(void **state)
{
	static char text[HDL_BLOCK_BYTES + 100];

	(void)state;
	conn.readable = true;
	assert_int_equal(hdl_conn_read(&conn), -EAGAIN);
	assert_false(conn.readable);
	assert_int_equal(write(peer, text, 100), 100);
	conn.readable = true;
	assert_int_equal(hdl_conn_read(&conn), 100);
	assert_false(conn.readable); /* came back short: empty */
	/* a FIN was announced together with the bytes: it still has to be read */
	assert_int_equal(write(peer, text, 50), 50);
	shutdown(peer, SHUT_WR);
	hdl_conn_events(&conn, EPOLLIN | EPOLLRDHUP);
	assert_int_equal(hdl_conn_read(&conn), 50);
	assert_true(conn.readable);
	assert_int_equal(hdl_conn_read(&conn), 0);
	/* no room */
	conn.in->end = conn.in->capacity;
	assert_int_equal(hdl_conn_read(&conn), -ENOBUFS);
	/* moving makes some: what is fixed stays, what is consumed goes */
	conn.in->begin = 150;
	memset(conn.in->data, 'h', 100);
	conn.in->end = conn.in->capacity;
	conn.in->data[150] = 'b';
	hdl_conn_compact(&conn, 100);
	assert_int_equal(conn.in->begin, 100);
	assert_int_equal(conn.in->end, conn.in->capacity - 50);
	assert_int_equal(conn.in->data[99], 'h');
	assert_int_equal(conn.in->data[100], 'b');
}

static void blocks(void **state)
{
	struct hdl_block *a = hdl_block_get(&worker, 0), *b = hdl_block_get(&worker, 1000000);

	(void)state;
	assert_int_equal(a->capacity, HDL_BLOCK_BYTES);
	assert_int_equal(b->capacity, 1000000);
	assert_int_equal(worker.stats.buffer_bytes, HDL_BLOCK_BYTES + 1000000);
	hdl_block_put(&worker, a);
	hdl_block_put(&worker, b); /* odd sizes are not kept */
	hdl_block_put(&worker, NULL);
	assert_int_equal(worker.stats.buffer_bytes, HDL_BLOCK_BYTES);
	assert_ptr_equal(hdl_block_get(&worker, 0), a);
	hdl_block_put(&worker, a);
}

static size_t flat(const struct hdl_gather *g, char *text)
{
	size_t n = 0;

	for (int i = 0; i < g->n; i++) {
		memcpy(text + n, g->iov[i].iov_base, g->iov[i].iov_len);
		n += g->iov[i].iov_len;
	}
	text[n] = '\0';
	return n;
}

/* Chunks that came in one read go on as one chunk; a round without data makes none. */
static void chunks(void **state)
{
	const char *text = "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\nnext";
	struct hdl_http_head head = { .framing = HDL_HTTP_BODY_CHUNKED };
	struct hdl_h1_limits limits = HDL_H1_LIMITS_DEFAULT;
	struct hdl_block *block = hdl_block_get(&worker, 0);
	struct hdl_h1_body body;
	struct hdl_gather g;
	char out[256];

	(void)state;
	memcpy(block->data, text, strlen(text));
	block->end = 5; /* "3\r\nab" */
	hdl_h1_body_init(&body, &head, &limits, NULL);
	hdl_gather_init(&g);
	hdl_gather_add(&g, "head", 4);
	hdl_gather_chunk_begin(&g);
	assert_int_equal(hdl_gather_body(&g, &body, block, UINT32_MAX), HDL_H1_BODY_MORE);
	hdl_gather_chunk_end(&g);
	flat(&g, out);
	assert_string_equal(out, "head2\r\nab\r\n");
	block->end = 8; /* nothing but the end of the chunk */
	hdl_gather_init(&g);
	hdl_gather_chunk_begin(&g);
	block->begin = 6; /* "c" went elsewhere: the parser is told by its own count */
	body.remaining = 0;
	body.state = HDL_H1_BODY_S_CHUNK_CR;
	assert_int_equal(hdl_gather_body(&g, &body, block, UINT32_MAX), HDL_H1_BODY_MORE);
	hdl_gather_chunk_end(&g);
	assert_int_equal(g.n, 0);
	block->end = (uint32_t)strlen(text);
	hdl_gather_chunk_begin(&g);
	assert_int_equal(hdl_gather_body(&g, &body, block, UINT32_MAX), HDL_H1_BODY_END);
	hdl_gather_chunk_end(&g);
	flat(&g, out);
	assert_string_equal(out, "4\r\ndefg\r\n");
	assert_int_equal(g.body_bytes, 4);
	assert_memory_equal(block->data + block->begin, "next", 4); /* belongs to the next message */
	hdl_block_put(&worker, block);
}

/* More slices than one round holds: nothing is lost between rounds. */
static void many_slices(void **state)
{
	struct hdl_http_head head = { .framing = HDL_HTTP_BODY_CHUNKED };
	struct hdl_h1_limits limits = HDL_H1_LIMITS_DEFAULT;
	struct hdl_block *block = hdl_block_get(&worker, 0);
	struct hdl_h1_body body;
	size_t total = 0;
	int r, rounds = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		memcpy(block->data + block->end, "1\r\nx\r\n", 6);
		block->end += 6;
	}
	memcpy(block->data + block->end, "0\r\n\r\n", 5);
	block->end += 5;
	hdl_h1_body_init(&body, &head, &limits, NULL);
	do {
		struct hdl_gather g;

		hdl_gather_init(&g);
		r = hdl_gather_body(&g, &body, block, UINT32_MAX);
		total += g.body_bytes;
		rounds++;
		assert_true(g.n <= HDL_GATHER_SLICES);
	} while (r == HDL_H1_BODY_MORE);
	assert_int_equal(r, HDL_H1_BODY_END);
	assert_int_equal(total, 1000);
	assert_in_range(rounds, 17, 18);
	hdl_block_put(&worker, block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(order, start, stop),
		cmocka_unit_test_setup_teardown(broken, start, stop),
		cmocka_unit_test_setup_teardown(reading, start, stop),
		cmocka_unit_test_setup_teardown(blocks, start, stop),
		cmocka_unit_test_setup_teardown(chunks, start, stop),
		cmocka_unit_test_setup_teardown(many_slices, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
