/* SPDX-License-Identifier: Apache-2.0 */
/* What can be refused in one document by itself: hdl_xlate_check(), and the same asked again by the translator. */
#ifndef HDL_XLATE_CHECK_H
#define HDL_XLATE_CHECK_H

#include "xlate/priv.h"

/* One document being checked. */
struct hdl_xl_check {
	const struct hdl_resource *res;
	struct hdl_diags *diags;
	bool refused, no_memory;
	size_t regex_bytes; /* of its expressions so far; over the limit the others are not looked at */
};
/* Whether it compiles. field: of text. */
void hdl_xl_check_regex(struct hdl_xl_check *c, const struct hdl_text *text, const char *field);
/* check.c: what hdl_xlate_check() says of parts, for the translator to skip them; false: refused and reported. */
bool hdl_xl_gateway_server_ok(struct hdl_diags *diags, const struct hdl_resource *res, size_t index);
/* check_action.c */
bool hdl_xl_actions_ok(struct hdl_diags *diags, const struct hdl_resource *res, const struct hdl_vs_http *http,
		       const char *field);
bool hdl_xl_weights_ok(struct hdl_diags *diags, const struct hdl_resource *res, const struct hdl_vs_route *route,
		       size_t n, const char *field);

#endif
