/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: a request, looked at once, becomes an answer. No sockets here. */
#ifndef HDL_ADMIN_PAGE_H
#define HDL_ADMIN_PAGE_H

#include <stdbool.h>
#include <stdint.h>
#include "admin/view.h"
#include "base/buf.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "http/method.h"

#define HDL_ADMIN_JSON "application/json"
#define HDL_ADMIN_TEXT "text/plain; charset=utf-8"

struct hdl_admin_request {
	enum hdl_http_method method;
	struct hdl_str path, query, body;
	bool trusted;  /* by the unix socket: may change things */
	uint64_t call; /* for answers that come later */
};

struct hdl_admin_answer {
	unsigned int status;
	const char *type;
	const char *allow; /* header of 405; NULL = none */
	bool later;        /* hdl_admin_finish_reload() will answer */
	struct hdl_buf body;
};

/* Makes the answer to any request. */
void hdl_admin_route(const struct hdl_admin_ops *ops, const struct hdl_admin_request *request,
		     struct hdl_admin_answer *answer);

/* Answers {"error": "..."}. */
void hdl_admin_error(struct hdl_admin_answer *answer, unsigned int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A parameter of the query, undecoded; {NULL, 0} when absent. */
struct hdl_str hdl_admin_parameter(struct hdl_str query, const char *name);
/* The same decoded (percent and plus) into to; false when absent, bad or too long (then *to is ""). */
bool hdl_admin_parameter_text(struct hdl_str query, const char *name, char *to, size_t size);
/*
 * A flat JSON object of string members, e.g. {"address": "1.2.3.4:80"}: calls member() for each, which returns false to
 * refuse it. 0 or -EINVAL. Escapes \uXXXX are limited to ASCII: names and addresses have no others.
 */
int hdl_admin_parse_object(struct hdl_str text, bool (*member)(void *data, const char *key, const char *value),
			   void *data);

/* Filters of the lists (?fqdn= &port= &subset= &name= &from=); empty = any. */
struct hdl_admin_filter {
	char fqdn[256], subset[128], name[512];
	char from[256]; /* namespace of the clients: what they alone see */
	uint64_t port;  /* 0 = any */
};
/* false: a filter is malformed. */
bool hdl_admin_filter_parse(struct hdl_str query, struct hdl_admin_filter *ret);

/* Members of an object that is open in w: {"epoch": N, "listeners": [...]} without the braces. */
void hdl_admin_json_origin(struct hdl_jsonw *w, const char *key, const struct hdl_ir_origin *origin);
void hdl_admin_json_listeners(struct hdl_jsonw *w, const struct hdl_admin_view *view,
			      const struct hdl_admin_filter *filter);
void hdl_admin_json_routes(struct hdl_jsonw *w, const struct hdl_admin_view *view,
			   const struct hdl_admin_filter *filter);
void hdl_admin_json_clusters(struct hdl_jsonw *w, const struct hdl_admin_view *view,
			     const struct hdl_admin_filter *filter);
void hdl_admin_json_endpoints(struct hdl_jsonw *w, const struct hdl_admin_view *view,
			      const struct hdl_admin_filter *filter);
void hdl_admin_json_destinations(struct hdl_jsonw *w, const struct hdl_ir_destination *destinations, size_t n);
/* Members of a route's object, for what it has: redirect, direct_response, rewrite, headers, cors. */
void hdl_admin_json_actions(struct hdl_jsonw *w, const struct hdl_ir_http_route *route);
void hdl_admin_json_headers(struct hdl_jsonw *w, const struct hdl_ir_headers *headers); /* NULL: nothing */
void hdl_admin_json_status(struct hdl_jsonw *w, const struct hdl_admin_view *view);
void hdl_admin_json_proxy_status(struct hdl_jsonw *w, const struct hdl_admin_view *view);
void hdl_admin_json_diagnostics(struct hdl_jsonw *w, const struct hdl_admin_view *view);
void hdl_admin_json_objects(struct hdl_jsonw *w, const struct hdl_admin_view *view);
/* only: that epoch, 0 = all. */
void hdl_admin_json_history(struct hdl_jsonw *w, const struct hdl_admin_view *view, uint64_t only);
void hdl_admin_json_fill(struct hdl_jsonw *w, const struct hdl_admin_view *view); /* array of the maps */
/* Contents of one map; -ENOENT for an unknown name. */
int hdl_admin_json_map(struct hdl_jsonw *w, const struct hdl_admin_view *view, const char *name, uint64_t offset);

/* Newest events; after: only those of a higher sequence, UINT64_MAX: the last `limit` ones. */
void hdl_admin_json_events(struct hdl_jsonw *w, const struct hdl_admin_view *view, uint64_t after, uint64_t limit);
bool hdl_admin_events_query(struct hdl_str query, uint64_t *ret_after, uint64_t *ret_limit); /* false: malformed */
void hdl_admin_event_sample(const struct hdl_admin_view *view, struct hdl_str body, struct hdl_admin_answer *answer);
/* What the ids of an event mean now. */
void hdl_admin_event_names(const struct hdl_publisher *publisher, const struct hdl_event *event,
			   struct hdl_dp_event_names *ret);

/* GET /api/v1/services: connections, bytes and outcomes by service port, since the maps were made. */
void hdl_admin_json_services(struct hdl_jsonw *w, const struct hdl_admin_view *view);
void hdl_admin_service_metrics(struct hdl_buf *buf, const struct hdl_admin_view *view);
/* What an id of map `service` is now: "reviews.demo.svc.cluster.local:9080". False: nothing. */
bool hdl_admin_service_name(const struct hdl_dp_maps *maps, const struct hdl_snapshot *snapshot, uint32_t service,
			    char name[HDL_DP_SERVICE_NAME_MAX]);

/* Words of include/heddle/abi_verdict.h, for any number. */
struct hdl_admin_verdict {
	const char *label, *flag, *sentence;
};
struct hdl_admin_verdict hdl_admin_verdict_words(unsigned int verdict);
/* GET /api/v1/why: what happens, or happened, to a connection or request. Fills the whole answer. */
void hdl_admin_why(const struct hdl_admin_view *view, struct hdl_str query, struct hdl_admin_answer *answer);

/* istioctl's text for the path of a match block: "/admin*", "/or", "regex a+b"; slash and star for any. */
void hdl_admin_match_text(struct hdl_buf *buf, const struct hdl_ir_http_match *match);

void hdl_admin_text_clusters(struct hdl_buf *buf, const struct hdl_admin_view *view);
void hdl_admin_text_listeners(struct hdl_buf *buf, const struct hdl_admin_view *view);
void hdl_admin_config_dump(struct hdl_buf *buf, const struct hdl_admin_view *view);
void hdl_admin_latency_metrics(struct hdl_buf *buf, const struct hdl_admin_latency *latency);
void hdl_admin_metrics(struct hdl_buf *buf, const struct hdl_admin_view *view);

/* Endpoint by hand: eject or restore. Fills the whole answer. */
void hdl_admin_endpoint_command(const struct hdl_admin_view *view, bool eject, struct hdl_str body,
				struct hdl_admin_answer *answer);

/* Labels of one row of the traffic map for istio_tcp_*; NULL: means nothing now. Into a buffer of the caller's. */
const char *hdl_admin_tcp_label(const struct hdl_publisher *publisher, const struct hdl_traffic_key *key, char *to,
				size_t size);

/* Shared by JSON and text. */
const char *hdl_admin_policy_name(enum hdl_policy policy);
const char *hdl_admin_protocol_name(enum hdl_ir_protocol protocol);
const char *hdl_admin_label_name(enum hdl_label label);
/* The health record of an endpoint of the snapshot; NULL when it has none. */
struct hdl_health *hdl_admin_health(const struct hdl_admin_view *view, const struct hdl_ir_endpoint *endpoint);
struct hdl_balance *hdl_admin_balance(const struct hdl_admin_view *view, const struct hdl_ir_cluster *cluster);
bool hdl_admin_is_ejected(const struct hdl_admin_view *view, const struct hdl_health *health);

#endif
