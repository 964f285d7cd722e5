/* SPDX-License-Identifier: Apache-2.0 */
/* Translator: accepted resources to one immutable snapshot plus diagnostics; pure, the same code in every program. */
#ifndef HDL_XLATE_XLATE_H
#define HDL_XLATE_XLATE_H

#include <stddef.h>
#include <stdint.h>
#include "ir/snapshot.h"
#include "model/diag.h"

struct hdl_resource; /* model/resource.h */

/* What the command line says beyond the resources. All zero: nothing. */
struct hdl_xlate_options {
	const char *node_name;       /* of the host; NodeConfig nodeName wins. NULL: "" */
	const char *access_log_path; /* wins over NodeConfig accessLog.path; "-": standard output. NULL: NodeConfig's */
	size_t bytes_max;            /* in place of HDL_XLATE_BYTES_MAX; 0: that */
	size_t regex_bytes_max;      /* in place of HDL_XLATE_REGEX_BYTES_MAX; 0: that */
};

/*
 * Ports times subsets, ports times endpoints, rules times ports: a small file may ask for more than fits into any
 * machine. A snapshot may take this, and making it as much again; 10,000 services with 100,000 pods and rules for each
 * take a quarter.
 */
#define HDL_XLATE_BYTES_MAX ((size_t)512 << 20)
/* Programs of all regular expressions of a snapshot, and of a document: forty bytes of text can take 90 KiB and 2 ms. */
#define HDL_XLATE_REGEX_BYTES_MAX ((size_t)256 << 20)
#define HDL_XLATE_DOCUMENT_REGEX_BYTES_MAX ((size_t)16 << 20)

/*
 * Resources in creation order (A.0), as hdl_resource_list gives them; not kept. options may be NULL. 0 and a sealed
 * snapshot with one reference, with epoch 0 and without the fields that dp sets; what could not be carried out is in
 * diags, and the snapshot then holds the rest as specification A.4 and A.8 say. -ENOMEM: nothing was made. -E2BIG: as
 * well, a limit above is met, and the last diagnostic is an error that says which and names the object at hand.
 * Route tables are not compiled: hdl_route_compile() of route/table.h does that.
 */
int hdl_xlate(const struct hdl_resource *const *resources, size_t n, const struct hdl_xlate_options *options,
	      struct hdl_diags *diags, struct hdl_snapshot **ret_snapshot);

/*
 * What can be said of one decoded document alone and needs more than the model knows: every regex compiles (A.3),
 * and all of them are not too large, a route has at most HDL_ROUTE_DESTINATIONS_MAX destinations, Gateway servers are
 * such as can be served. 0: good.
 * -EINVAL: to be refused, with the reasons in diags; its last accepted version stays in force. -ENOMEM.
 */
int hdl_xlate_check(const struct hdl_resource *resource, struct hdl_diags *diags);

#endif
