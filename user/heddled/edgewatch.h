/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the interfaces of the edge served: attaches when they come, makes right what others changed, says how. */
#ifndef HDL_HEDDLED_EDGEWATCH_H
#define HDL_HEDDLED_EDGEWATCH_H

#include <stdbool.h>
#include <stddef.h>
#include "dp/edge.h"
#include "dp/load.h"
#include "heddled/msg.h"

struct hdl_edgewatch;

struct hdl_edgewatch *hdl_edgewatch_new(void);                         /* NULL: out of memory */
struct hdl_edgewatch *hdl_edgewatch_free(struct hdl_edgewatch *watch); /* programs stay; accepts NULL, returns NULL */

/* What the worker wishes. Until the first time what a former daemon attached stays as it is. */
void hdl_edgewatch_want(struct hdl_edgewatch *watch, const struct hdl_msg_edge *wish);
/* Looks at all of them. True: something is another than it was said to be. */
bool hdl_edgewatch_turn(struct hdl_edgewatch *watch, const struct hdl_load *load, const char *bpffs);

/* The i-th interface for `heddlectl status`; false past the end. */
bool hdl_edgewatch_row(const struct hdl_edgewatch *watch, size_t i, const char **ret_name, const char **ret_text,
		       bool *ret_served);

#endif
