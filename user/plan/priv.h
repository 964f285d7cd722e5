/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the comparison share. */
#ifndef HDL_PLAN_PRIV_H
#define HDL_PLAN_PRIV_H

#include "base/arena.h"
#include "plan/preview.h"

/* index.c: one side, with what is looked up in it. */
struct hdl_preview_index {
	const struct hdl_snapshot *snapshot;
	const struct hdl_ir_route_config **configs; /* those of gateways behind the mesh's, by name */
	const struct hdl_ir_service_port **ports;   /* by fqdn, number, and UDP behind TCP */
	const struct hdl_ir_vhost **l4_vhosts;      /* of ports that are decided per connection, by address */
	size_t l4_vhost_count;
};

int hdl_preview_index_make(const struct hdl_snapshot *snapshot, struct hdl_preview_index *ret); /* 0 or -ENOMEM */
void hdl_preview_index_done(struct hdl_preview_index *index);
int hdl_preview_order_configs(const struct hdl_ir_route_config *a, const struct hdl_ir_route_config *b);
int hdl_preview_order_ports(const struct hdl_ir_service_port *a, const struct hdl_ir_service_port *b);
const struct hdl_ir_service_port *hdl_preview_find_port(const struct hdl_preview_index *index, const char *fqdn,
							uint16_t port, bool udp);
bool hdl_preview_is_l4(const struct hdl_preview_index *index, const struct hdl_ir_vhost *vhost);

/* client.c: who asks. */

/* Clients that see something otherwise than others, on one side or on both. */
struct hdl_preview_viewpoint {
	const struct hdl_ir_workload *client;   /* one of them: a pod, or what such a pod would be */
	const struct hdl_ir_view *view, *other; /* on the side that it was found on, and on the other one; NULL: none */
};

/* Of the views of `side`. 0 or -ENOMEM. */
int hdl_preview_viewpoints(struct hdl_arena *arena, const struct hdl_snapshot *side, const struct hdl_snapshot *other,
			   struct hdl_preview_viewpoint **ret, size_t *ret_n);

/* Whom an example needs. */
struct hdl_preview_wanted {
	const struct hdl_snapshot *side;
	const struct hdl_ir_view *view;       /* that the client has there; NULL: none */
	const struct hdl_ir_workload *client; /* when no condition asks for another; NULL: anybody */
	const struct hdl_ir_vhost *not_for;   /* for whom none of its rules is, nor those of its `otherwise` ... */
	const struct hdl_ir_vhost *until;     /* ... up to this one; NULL: everybody */
};

/* That fits the source conditions too. 1: *ret, NULL for what is no pod; 0: there is none; -ENOMEM. */
int hdl_preview_client_for(struct hdl_arena *arena, const struct hdl_preview_wanted *wanted,
			   const struct hdl_ir_labels *labels, const char *ns, const struct hdl_ir_workload **ret);
/* "ns/pod"; of one that does not exist its namespace and labels; NULL: out of memory. */
const char *hdl_preview_client_text(struct hdl_arena *arena, const struct hdl_ir_workload *client);

/* request.c: fills *ret with a request for the match block (NULL: any) at the port. 1; 0: none can be made; -ENOMEM. */
int hdl_preview_request_make(struct hdl_arena *arena, const struct hdl_preview_wanted *wanted, uint16_t port,
			     const char *domain, const struct hdl_ir_http_match *match, struct hdl_preview_request *ret,
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
/* A copy whose texts lie in the arena. 0 or -ENOMEM. */
int hdl_preview_request_copy(struct hdl_arena *arena, const struct hdl_preview_request *request,
			     struct hdl_preview_request *ret);

/* ask.c: what a side says to a request. */

/* Where it arrives. */
struct hdl_preview_place {
	const char *config; /* name of the route configuration */
	uint16_t port;
	bool gateway;
	const char *fqdn; /* of the service that was dialled; NULL: none is known */
};

struct hdl_preview_answer {
	const char *refusal;                   /* why it comes to no virtual host; NULL: it does */
	const struct hdl_ir_vhost *vhost;      /* NULL: none has the name */
	const struct hdl_ir_http_route *route; /* NULL: none matches */
	const struct hdl_ir_http_match *match;
};

void hdl_preview_ask(const struct hdl_preview_index *side, const struct hdl_preview_place *place,
		     const struct hdl_preview_request *request, const struct hdl_ir_workload *client,
		     struct hdl_preview_answer *ret);
/* Whether the request, by that client, fulfils all conditions of the block. */
bool hdl_preview_meets(const struct hdl_snapshot *side, uint16_t port, const struct hdl_preview_request *request,
		       const struct hdl_ir_workload *client, const struct hdl_ir_http_match *match);

/* both.c: one block of conditions out of two; with other_path the path is b's where both ask for one. 0 or -ENOMEM. */
int hdl_preview_both(struct hdl_arena *arena, const struct hdl_ir_http_match *a, const struct hdl_ir_http_match *b,
		     bool other_path, struct hdl_ir_http_match *ret);
int hdl_preview_both_labels(struct hdl_arena *arena, const struct hdl_ir_labels *a, const struct hdl_ir_labels *b,
			    struct hdl_ir_labels *ret);

/* endpoints.c: shares that go to other destinations, or to other endpoints of the same. *ret_text: lines that say which
 * endpoints come and go, "" when none do. 0 or -ENOMEM. */
int hdl_preview_moved(struct hdl_arena *arena, const struct hdl_ir_destination *before, size_t before_n,
		      const struct hdl_ir_destination *after, size_t after_n, struct hdl_preview_share *ret,
		      const char **ret_text);

/* share.c */
struct hdl_preview_share hdl_preview_share_reduced(uint64_t part, uint64_t whole);
struct hdl_preview_share hdl_preview_share_of(const struct hdl_ir_destination *before, size_t before_n,
					      const struct hdl_ir_destination *after, size_t after_n);

/* Both sides, and who sees them. */
struct hdl_preview_sides {
	struct hdl_preview_index before, after;
	struct hdl_preview_viewpoint *before_views, *after_views; /* of the views of each */
	size_t before_view_count, after_view_count;
};

int hdl_preview_routes(struct hdl_preview *preview, const struct hdl_preview_sides *sides);
int hdl_preview_ports(struct hdl_preview *preview, const struct hdl_preview_sides *sides);
int hdl_preview_hashes(struct hdl_preview *preview, const struct hdl_preview_sides *sides);

/* Room for one more row; NULL: out of memory, or over the limit, which is counted. */
void *hdl_preview_row(struct hdl_preview *preview, void **rows, size_t *n, size_t size, int *ret_r);

/* Hashes of what was shown. */
struct hdl_preview_seen {
	uint64_t *at;
	size_t slots, count;
};

/* True once for each; out of memory: again. */
bool hdl_preview_is_new(struct hdl_preview_seen *seen, uint64_t hash);

#endif
