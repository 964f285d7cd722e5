/* SPDX-License-Identifier: Apache-2.0 */
/* Which rule of layer 4 takes a connection (specification A.4, C.9). */
#include <string.h>

#include "ir/snapshot.h"

bool hdl_ir_subnet_has(const struct hdl_ir_subnet *subnet, const struct hdl_addr *address)
{
	const uint8_t *a = (const uint8_t *)address, *s = (const uint8_t *)&subnet->address;
	unsigned int whole = subnet->prefix / 8u, rest = subnet->prefix % 8u;

	if (memcmp(a, s, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ s[whole]) >> (8 - rest)) == 0;
}

static bool is_in_any(const struct hdl_ir_l4_match *match, const struct hdl_addr *address)
{
	for (size_t i = 0; i < match->subnet_count; i++)
		if (hdl_ir_subnet_has(&match->subnets[i], address))
			return true;
	return match->subnet_count == 0;
}

bool hdl_ir_l4_match_holds(const struct hdl_ir_l4_match *match, const struct hdl_addr *address,
			   const struct hdl_ir_workload *client)
{
	if (match->source_labels.n && (!client || !hdl_ir_has_labels(&client->labels, &match->source_labels)))
		return false;
	if (match->source_namespace[0] && (!client || strcmp(client->ns, match->source_namespace) != 0))
		return false;
	return is_in_any(match, address);
}

const struct hdl_ir_l4_route *hdl_ir_l4_route_for(const struct hdl_ir_service_port *port,
						  const struct hdl_addr *address, const struct hdl_ir_workload *client)
{
	for (size_t i = 0; i < port->l4_route_count; i++) {
		const struct hdl_ir_l4_route *route = &port->l4_routes[i];

		if (route->match_count == 0)
			return route;
		for (size_t k = 0; k < route->match_count; k++)
			if (hdl_ir_l4_match_holds(&route->matches[k], address, client))
				return route;
	}
	return NULL;
}
