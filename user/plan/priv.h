/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the comparison share. */
#ifndef HDL_PLAN_PRIV_H
#define HDL_PLAN_PRIV_H

#include "base/arena.h"
#include "plan/preview.h"

/* request.c: fills *ret with a request for the match block (NULL: any), on side. 1; 0: none can be made; -ENOMEM. */
int hdl_preview_request_make(struct hdl_arena *arena, const struct hdl_snapshot *side,
			     const struct hdl_ir_route_config *config, const char *domain,
			     const struct hdl_ir_http_match *match, struct hdl_preview_request *ret,
			     const struct hdl_ir_workload **ret_client);
/* When a rule before it takes the example: what else the block leaves open. Bits of `how`. */
enum {
	HDL_PREVIEW_LONGER_PATH = 1,
	HDL_PREVIEW_OTHER_METHOD = 2,
	HDL_PREVIEW_MISSED_HEADERS = 4, /* those whose absence rules before it ask for */
	HDL_PREVIEW_VARIATIONS = 8,
};
/* Changes *request, an example for the block of route (NULL: any). 1; 0: the block does not leave that open; -ENOMEM. */
int hdl_preview_request_vary(struct hdl_arena *arena, const struct hdl_ir_vhost *vhost,
			     const struct hdl_ir_http_route *route, const struct hdl_ir_http_match *match,
			     unsigned int how, struct hdl_preview_request *request);
/* The route that takes it. NULL: none. */
const struct hdl_ir_http_route *
hdl_preview_request_ask(const struct hdl_snapshot *side, const struct hdl_ir_route_config *config,
			const struct hdl_preview_request *request, const struct hdl_ir_workload *client,
			const struct hdl_ir_vhost **ret_vhost, const struct hdl_ir_http_match **ret_match);

/* endpoints.c: shares that go to other destinations, or to other endpoints of the same. *ret_text: lines that say which
 * endpoints come and go, "" when none do. 0 or -ENOMEM. */
int hdl_preview_moved(struct hdl_arena *arena, const struct hdl_ir_destination *before, size_t before_n,
		      const struct hdl_ir_destination *after, size_t after_n, struct hdl_preview_share *ret,
		      const char **ret_text);

/* share.c */
struct hdl_preview_share hdl_preview_share_reduced(uint64_t part, uint64_t whole);
struct hdl_preview_share hdl_preview_share_of(const struct hdl_ir_destination *before, size_t before_n,
					      const struct hdl_ir_destination *after, size_t after_n);
int hdl_preview_ports(struct hdl_preview *preview, const struct hdl_snapshot *before, const struct hdl_snapshot *after);
int hdl_preview_hashes(struct hdl_preview *preview, const struct hdl_snapshot *before,
		       const struct hdl_snapshot *after);

/* routes.c */
int hdl_preview_routes(struct hdl_preview *preview, const struct hdl_snapshot *before,
		       const struct hdl_snapshot *after);

/* Room for one more row; NULL: out of memory, or over the limit, which is counted. */
void *hdl_preview_row(struct hdl_preview *preview, void **rows, size_t *n, size_t size, int *ret_r);

#endif
