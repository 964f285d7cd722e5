/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the explanation of one connection or request (GET /api/v1/why) share. */
#ifndef HDL_ADMIN_WHY_H
#define HDL_ADMIN_WHY_H

#include "admin/page.h"
#include "heddle/abi_verdict.h"
#include "http/message.h"

#define HDL_WHY_HEADERS_MAX 32
#define HDL_WHY_PATH_MAX 4096
#define HDL_WHY_ANSWERS_MAX 64    /* ports of one service */
#define HDL_WHY_ENDPOINTS_MAX 256 /* listed of one destination; all are counted */

/* Who asks and what was dialled. */
struct hdl_why {
	struct hdl_jsonw *w;
	const struct hdl_admin_view *view;
	const struct hdl_ir_workload *client; /* NULL: no known pod */
	struct hdl_ir_client sees;
	struct hdl_addr address; /* zero: of the service that is asked for, whichever comes first */
	uint16_t number;         /* dialled; 0: any */
	bool udp;
	enum hdl_family family;
	/* an example request; head.method_text empty: none was given */
	struct hdl_http_head head;
	struct hdl_http_header lines[HDL_WHY_HEADERS_MAX];
	char method[32], path[HDL_WHY_PATH_MAX], authority[300];
	char normal[HDL_WHY_PATH_MAX]; /* the path, normalised in place */
};

/* Members verdict, flag and meaning. */
void hdl_why_put_verdict(struct hdl_jsonw *w, unsigned int verdict);

/*
 * The member "destinations": each with its share, its cluster's policy and its endpoints, with why those that are passed
 * over are. Returns what happens at the destination with the largest share.
 */
enum hdl_verdict hdl_why_destinations(const struct hdl_why *why, const struct hdl_ir_destination *destinations,
				      size_t n, bool request);

/* The member "request": which route takes the example, and what is in force there. */
void hdl_why_request(struct hdl_why *why, const struct hdl_ir_service_port *port);
/* The same for a Host at a gateway. False: no gateway has it. */
bool hdl_why_gateway(struct hdl_why *why);

/* One answer: an object for the port (NULL: the address is no service), as the client gets it. */
void hdl_why_port(struct hdl_why *why, const struct hdl_ir_service_port *port);

#endif
