/* SPDX-License-Identifier: Apache-2.0 */
/* Which VirtualServices each domain of each listener of the Gateways has: for the translator's own use, run to run. */
#ifndef HDL_XLATE_INGRESS_H
#define HDL_XLATE_INGRESS_H

#include "xlate/priv.h"

/* Rules that a domain has. */
struct hdl_xl_bound {
	struct hdl_xl_vs *vs;
	const char *gateway;
	struct hdl_xl_bound *next;
};

/* The VirtualServices of one domain, in their order. */
struct hdl_xl_domain {
	const char *name;
	uint16_t port;
	struct hdl_xl_bound *first, *last;
	size_t host;   /* of the first VirtualService: which of its hosts made it */
	uint64_t most; /* the last of them, by their order */
	struct hdl_xl_domain
		*like; /* the first of the listener with the same rules: it has them for all; may be itself */
	struct hdl_xl_unit *unit;
	struct hdl_xl_domain *next;
};

/* One address and port, which several Gateways may share. */
struct hdl_xl_listener {
	struct hdl_addr address; /* zero = all */
	uint16_t port;
	const char *key; /* "80", "80.10.0.0.1" */
	const struct hdl_resource *res;
	struct hdl_pos pos;
	struct hdl_xl_map domains; /* name -> struct hdl_xl_domain */
	struct hdl_xl_domain *first, *last;
	size_t domain_count;
	struct hdl_xl_map servers; /* "ns/host" of a server -> the Gateway that has it */
	struct hdl_xl_listener *next;
};

struct hdl_xl_plan {
	struct hdl_arena *arena;
	struct hdl_xl_listener *first, *last;
	size_t n;
	struct hdl_xl_map by_address;
	struct hdl_xl_map known; /* "ns/name" of every Gateway that was read */
};

void hdl_xl_plan_free(struct hdl_xl_plan *plan); /* accepts NULL */
/* Gives each domain of the plan its unit, dirty when what it has changed; drops those of no domain. 0 or -ENOMEM. */
int hdl_xl_plan_domains(struct hdl_xl *xl, struct hdl_xl_plan *plan);

#endif
