/* SPDX-License-Identifier: Apache-2.0 */
/* What a route does with a request before any endpoint is asked: CORS, redirects, fixed answers (B.1, B.3, B.6). */
#include <errno.h>

#include "policy/cors.h"
#include "proxy/stream.h"
#include "route/rewrite.h"

static void too_long(struct hdl_stream *s)
{
	hdl_stat_inc(&s->worker->stats.limit_rewritten_path);
	hdl_reply(s, 500, "", "rewritten_path_too_long");
}

/* Location of the answer; p NULL: it could not be made, and the request was answered. */
static struct hdl_str location(struct hdl_stream *s, const struct hdl_ir_redirect *redirect)
{
	const struct hdl_down *down = s->down;
	struct hdl_route_asked asked = { &s->request, s->match,
					 down->gateway ? down->listener.port : down->local.port };
	struct hdl_worker *worker = s->worker;
	long n = hdl_route_location(redirect, &asked, worker->scratch,
				    HDL_ROUTE_PATH_BYTES_MAX < worker->scratch_bytes ? HDL_ROUTE_PATH_BYTES_MAX :
										       worker->scratch_bytes);
	char *text = n < 0 ? NULL : hdl_stream_text(s, (size_t)n);

	if (n == -EDESTADDRREQ) {
		hdl_reply(s, 400, "", "redirect_without_host");
	} else if (n < 0) {
		too_long(s);
	} else if (!text) {
		hdl_stream_flag(s, HDL_FLAG_LR);
		hdl_reply(s, 503, "", "no_memory_for_headers");
	} else {
		__builtin_memcpy(text, worker->scratch, (size_t)n);
	}
	return (struct hdl_str){ text, n < 0 ? 0 : (size_t)n };
}

static void redirect(struct hdl_stream *s)
{
	struct hdl_local_reply reply = { .status = s->route->redirect->status,
					 .details = "direct_response",
					 .head_is_chunked = true };

	reply.location = location(s, s->route->redirect);
	if (!reply.location.p)
		return;
	hdl_stat_inc(&s->worker->stats.redirects);
	hdl_reply_with(s, &reply);
}

/* A status of a redirect leads to where the request was (B.3). */
static void fixed_answer(struct hdl_stream *s)
{
	static const struct hdl_ir_redirect nowhere_else = { .scheme = "", .host = "" };
	const struct hdl_ir_direct_response *direct = s->route->direct_response;
	struct hdl_local_reply reply = { .status = direct->status, .body = direct->body, .details = "direct_response" };

	if (direct->status >= 300 && direct->status < 400) {
		reply.location = location(s, &nowhere_else);
		if (!reply.location.p)
			return;
	}
	hdl_stat_inc(&s->worker->stats.direct_responses);
	hdl_reply_with(s, &reply);
}

static void preflight(struct hdl_stream *s, bool allowed)
{
	hdl_stat_inc(&s->worker->stats.cors_preflights);
	hdl_reply_with(s, &(struct hdl_local_reply){ .status = 200,
						     .details = "cors_response",
						     .preflight = allowed ? HDL_PREFLIGHT_ANSWER_ALLOWED :
									    HDL_PREFLIGHT_ANSWER_REFUSED });
}

/* True: answered. */
static bool cors_answers(struct hdl_stream *s)
{
	switch (hdl_cors_judge(s->route->cors, &s->request)) {
	case HDL_CORS_PREFLIGHT:
		preflight(s, true);
		return true;
	case HDL_CORS_UNMATCHED:
		preflight(s, false);
		return true;
	case HDL_CORS_ACTUAL:
		s->origin = hdl_http_headers_value(&s->request.headers, HDL_HTTP_H_ORIGIN);
		return false;
	case HDL_CORS_NONE:
		break;
	}
	return false;
}

void hdl_action_run(struct hdl_stream *stream)
{
	const struct hdl_ir_http_route *route = stream->route;

	if (route->cors && cors_answers(stream))
		return;
	if (route->redirect)
		redirect(stream);
	else if (route->direct_response)
		fixed_answer(stream);
	else
		hdl_try_first(stream);
}

bool hdl_action_prepare(struct hdl_stream *stream)
{
	const struct hdl_ir_http_route *route = stream->route;
	int r;

	if (!route->headers && route->rewrite.kind == HDL_IR_PATH_KEEP && !stream->destination->headers)
		return true;
	r = hdl_headers_of_request(stream);
	if (r == -ENAMETOOLONG) {
		too_long(stream);
	} else if (r < 0) {
		hdl_stream_flag(stream, HDL_FLAG_LR);
		hdl_reply(stream, 503, "", "no_memory_for_headers");
	}
	return r == 0;
}
