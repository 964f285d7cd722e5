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
 * A translator lives on and makes a snapshot of each list of resources that it is given, anew only what depends on what
 * changed since the list before: a resource that is the same pointer in both did not. Not thread-safe.
 */
struct hdl_xlator;

struct hdl_resource_list; /* model/store.h */

/* options may be NULL; its texts must live as long as the translator. NULL when out of memory. */
struct hdl_xlator *hdl_xlator_new(const struct hdl_xlate_options *options);
/* Accepts NULL. Snapshots live on. Returns NULL. */
struct hdl_xlator *hdl_xlator_free(struct hdl_xlator *xlator);
/*
 * Resources in creation order (A.0), as hdl_resource_list gives them; they must live until the next call has returned:
 * keep is the list that holds them, which the translator refers to meanwhile, or NULL when the caller sees to it. 0 and
 * a snapshot with one reference, with epoch 0 and without the fields that dp sets, for as far as it shares nothing with
 * the one before (ir/snapshot.h); what could not be carried out is in diags, all of it, not only what is new, and the
 * snapshot then holds the rest as specification A.4 and A.8 say. -ENOMEM: nothing was made. -E2BIG: as well, a limit
 * above is met, and the last diagnostic is an error that says which and names the object at hand. After either the next
 * call makes everything anew. Route tables are not compiled: hdl_route_compile() of route/table.h does that.
 */
int hdl_xlator_run(struct hdl_xlator *xlator, const struct hdl_resource *const *resources, size_t n,
		   struct hdl_resource_list *keep, struct hdl_diags *diags, struct hdl_snapshot **ret_snapshot);
/* How many units the last run made, and what its snapshots take that are still alive: for tests. */
size_t hdl_xlator_built(const struct hdl_xlator *xlator);
size_t hdl_xlator_bytes(const struct hdl_xlator *xlator);

/* One run of a translator; the resources are not kept. */
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
