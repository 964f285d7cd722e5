/* SPDX-License-Identifier: Apache-2.0 */
/* After 101: bytes pass both ways unread until one side closes or nothing moves for the idle timeout. */
#include <errno.h>

#include "proxy/stream.h"

static void begin_idle_timeout(struct hdl_stream *s)
{
	uint64_t timeout_ns = s->generation->snapshot->node.downstream_idle_timeout_ns;

	if (timeout_ns)
		hdl_timer_set(&s->worker->loop.timers, &s->timer, hdl_worker_now(s->worker) + timeout_ns);
}

/* Moves bytes one way. 1 = moved, 0 = nothing now, -1 = `from` has ended and all is passed on, -2 = broken. */
static int move(struct hdl_stream *s, struct hdl_conn *from, struct hdl_conn *to, uint32_t fixed, uint64_t *bytes)
{
	struct hdl_block *in = from->in;
	int n;

	if (hdl_conn_is_blocked(to))
		return 0;
	if (in && in->end > in->begin) {
		struct iovec iov = { in->data + in->begin, in->end - in->begin };

		*bytes += iov.iov_len;
		in->begin = in->end;
		return hdl_conn_send(to, &iov, 1) < 0 ? -2 : 1;
	}
	if (!from->readable)
		return 0;
	hdl_conn_compact(from, fixed);
	n = hdl_conn_read(from);
	if (n == -EAGAIN)
		return 0;
	if (n > 0)
		begin_idle_timeout(s);
	return n > 0 ? 1 : n == 0 ? -1 : -2;
}

static void close_both(struct hdl_stream *s, bool reset)
{
	s->response_complete = !reset;
	s->up_keep = false;
	hdl_stream_finish(s, false, reset);
}

void hdl_tunnel_run(struct hdl_stream *stream)
{
	struct hdl_conn *down = &stream->down->conn, *up = &stream->up->conn;
	uint32_t fixed = stream->head_block ? 0 : stream->head_begin + stream->head_bytes;
	int a, b;

	if (!hdl_timer_is_set(&stream->timer))
		begin_idle_timeout(stream);
	do {
		a = move(stream, down, up, fixed, &stream->bytes_received);
		b = move(stream, up, down, 0, &stream->bytes_sent);
	} while (a > 0 || b > 0);
	if (a == -2 || b == -2) {
		if (a == -2 && !down->readable)
			hdl_stream_flag(stream, HDL_FLAG_UC);
		close_both(stream, true);
	} else if (b == -1 || (a == -1 && !hdl_conn_is_blocked(up))) {
		close_both(stream, false);
	}
}
