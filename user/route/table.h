/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled routes of one port: Host to virtual host by hash, then the first matching rule in file order. */
#ifndef HDL_ROUTE_TABLE_H
#define HDL_ROUTE_TABLE_H

#include <stdint.h>
#include "base/str.h"
#include "http/message.h"
#include "ir/snapshot.h"

struct hdl_route_table;

/* Compiles config (which must outlive the table). NULL when out of memory. */
struct hdl_route_table *hdl_route_table_new(const struct hdl_ir_route_config *config);
/* Accepts NULL. */
void hdl_route_table_free(struct hdl_route_table *table);
/* Makes the tables of all route configurations of an unpublished snapshot, which then owns them. 0 or -ENOMEM. */
int hdl_route_compile(struct hdl_snapshot *snapshot);

/* Who asks, and where the request arrived. */
struct hdl_route_client {
	const struct hdl_ir_workload *workload; /* NULL = not a known pod */
	uint16_t port;                          /* listener (service) port */
};

/*
 * Virtual host for a Host header value (any case, port ignored; specification A.1): exact, longest "*suffix", "*".
 * NULL when nothing matches.
 */
const struct hdl_ir_vhost *hdl_route_find_vhost(const struct hdl_route_table *table, struct hdl_str host);

/*
 * First route of vhost whose match holds (specification B.2), NULL if none does (404 NR). path is the normalised path
 * without query. ret_match (may be NULL) gets the block that matched, NULL for a route without matches. A client that
 * all source filters of the vhost exclude gets the routes of vhost->otherwise (A.4).
 */
const struct hdl_ir_http_route *hdl_route_match(const struct hdl_ir_vhost *vhost, const struct hdl_http_head *head,
						struct hdl_str path, const struct hdl_route_client *client,
						const struct hdl_ir_http_match **ret_match);

/* Destination for a 32-bit draw. */
const struct hdl_ir_destination *hdl_route_destination(const struct hdl_ir_http_route *route, uint32_t draw);

#endif
