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
/*
 * The same, at the cost of what differs from an older configuration that has a table: with the same domains at each
 * virtual host that stays or is replaced, the look-up by Host is shared; else it is copied and changed. NULL when out
 * of memory.
 */
struct hdl_route_table *hdl_route_table_next(const struct hdl_ir_route_config *config,
					     const struct hdl_ir_route_config *before);
/* Any thread. Accepts NULL. */
void hdl_route_table_free(struct hdl_route_table *table);
/*
 * Makes the tables of the route configurations of an unpublished snapshot that have none yet; they are freed with their
 * configurations. before: a snapshot that the caller holds and whose tables are made, of which the new ones are derived
 * where a configuration has the same name and port; NULL: none. 0 or -ENOMEM.
 */
int hdl_route_compile_next(struct hdl_snapshot *snapshot, const struct hdl_snapshot *before);
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

/* The same in several tables: the more specific name, and for equal ones the earlier table. */
const struct hdl_ir_vhost *hdl_route_find_vhost_in(const struct hdl_route_table *const *tables, size_t n,
						   struct hdl_str host);

/*
 * Virtual host for a client in the mesh that dialled a port (view.c): as the client's view and all clients have it; a
 * name without a dot is of the client's namespace, where that is known (A.1). A Host that nobody has is that of the
 * service dialled (J 7), or refused with 502 where only the registry is open (D.2). NULL: not an http port.
 */
const struct hdl_ir_vhost *hdl_route_ask(const struct hdl_snapshot *snapshot, const struct hdl_ir_view *view,
					 const struct hdl_ir_workload *client, const struct hdl_ir_service_port *port,
					 struct hdl_str host);

/* What is matched as the path, in the memory of the one that came: normalised as the mesh says (B.1). 0 or -EINVAL. */
int hdl_route_path(const struct hdl_ir_node *node, struct hdl_str path, struct hdl_str *ret);

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
