/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-origin requests (specification B.6, F.4): what a request is, and the headers of its answer. Pure. */
#ifndef HDL_POLICY_CORS_H
#define HDL_POLICY_CORS_H

#include "http/message.h"
#include "ir/snapshot.h"

enum hdl_cors_verdict {
	HDL_CORS_NONE,      /* no origin, or one that is not allowed: as if there were no policy */
	HDL_CORS_ACTUAL,    /* goes on; its answer gets hdl_cors_actual() */
	HDL_CORS_PREFLIGHT, /* is answered with 200 and hdl_cors_preflight() */
	HDL_CORS_UNMATCHED, /* the same for an origin that is not allowed (unmatchedPreflights IGNORE) */
};

enum hdl_cors_verdict hdl_cors_judge(const struct hdl_ir_cors *cors, const struct hdl_http_head *request);

/* Most lines that either of these adds. */
#define HDL_CORS_LINES_MAX 6

/* Headers of the answer to a preflight; they point into policy and request. 0 or -ENOSPC. */
int hdl_cors_preflight(const struct hdl_ir_cors *cors, const struct hdl_http_head *request, bool allowed,
		       struct hdl_http_headers *answer);
/* What the answer to an actual request gets, over what the endpoint said. 0 or -ENOSPC. */
int hdl_cors_actual(const struct hdl_ir_cors *cors, struct hdl_str origin, struct hdl_http_headers *answer);

#endif
