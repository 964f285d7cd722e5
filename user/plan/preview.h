/* SPDX-License-Identifier: Apache-2.0 */
/* What a change of the configuration would do: to objects, to requests, to shares of traffic and to hash keys. */
#ifndef HDL_PLAN_PREVIEW_H
#define HDL_PLAN_PREVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ir/snapshot.h"
#include "model/compare.h"
#include "model/resource.h"

/* Rows of one kind that are kept; more are counted. */
#define HDL_PREVIEW_ROWS_MAX 1000
#define HDL_PREVIEW_HEADERS_MAX 16 /* of an example request */
#define HDL_PREVIEW_PAIRS_MAX \
	500 /* pairs of conditions of one virtual host that are tried together; more are counted */

/* One side of the comparison: resources in creation order and the snapshot of them, with route tables. */
struct hdl_preview_side {
	const struct hdl_resource *const *resources;
	size_t n;
	const struct hdl_snapshot *snapshot;
};

/* A share: part of whole, in lowest terms. Exact, or to a millionth where endpoints come or go. */
struct hdl_preview_share {
	uint64_t part, whole;
};

struct hdl_preview_header {
	const char *name, *value;
};

/* A request that both sides were asked about. */
struct hdl_preview_request {
	const char *method, *authority, *path; /* path with query */
	const char *scheme;
	struct hdl_preview_header header[HDL_PREVIEW_HEADERS_MAX];
	size_t header_count;
	const char *client; /* "ns/pod" whose request it must be, or what pods there would be; "" = any */
};

/* Where it went and where it would go; NULL: no route takes it (404). */
struct hdl_preview_route {
	const char *config; /* route configuration: "9080", "http.8080" */
	uint16_t port;
	struct hdl_preview_request request;
	const struct hdl_ir_http_route *before, *after;
	const struct hdl_ir_origin *before_origin, *after_origin; /* NULL: of no object */
	const char *before_text, *after_text;                     /* outcome, a line for each part of it */
	struct hdl_preview_share moved;                           /* of such requests: go elsewhere */
	const char *endpoints_text;                               /* which endpoints come and go, in lines */
};

/* Connections to a port that is decided for each of them, or would be: those that one rule takes. */
struct hdl_preview_port {
	const struct hdl_ir_service_port *before, *after; /* NULL: there is none */
	const struct hdl_ir_l4_route *before_route,
		*after_route;           /* NULL: none takes them, the port's destinations count */
	const char *client;             /* of the example, as in a request */
	const char *address;            /* "address:port" that it dials; "" = any of the port */
	struct hdl_preview_share moved; /* of new connections */
	const char *endpoints_text;     /* as above */
};

/* A cluster with consistent hashing on both sides. */
struct hdl_preview_hash {
	const struct hdl_ir_cluster *before, *after;
	int family;                     /* HDL_FAMILY_* */
	struct hdl_preview_share moved; /* slots of the table, or arcs of the ring, and so keys, with another owner */
};

struct hdl_preview {
	struct hdl_arena *arena;
	struct hdl_object_changes objects; /* moved ones are not in it */
	struct hdl_preview_route *route;
	struct hdl_preview_port *port;
	struct hdl_preview_hash *hash;
	size_t route_count, port_count, hash_count;
	size_t not_kept;   /* rows over the limit */
	size_t tried;      /* example requests */
	size_t no_example; /* rules for which none could be found: regular expressions, mostly */
	size_t pairs_not_tried;
};

/* Compares. Borrows both sides as long as the result lives. 0 or -ENOMEM. */
int hdl_preview_make(const struct hdl_preview_side *before, const struct hdl_preview_side *after,
		     struct hdl_preview **ret);
struct hdl_preview *hdl_preview_free(struct hdl_preview *preview); /* accepts NULL, returns NULL */
/* Nothing differs. */
bool hdl_preview_is_empty(const struct hdl_preview *preview);

/* A text that the regular expression may match, made from its own text; the caller tries it. false: none was found. */
bool hdl_preview_sample(struct hdl_str regex, char *to, size_t size);

#endif
