/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a translation, in the order in which they need one another. */
#include "xlate/priv.h"

#include <errno.h>
#include <string.h>

static int (*const steps[])(struct hdl_xl *xl) = {
	hdl_xl_node,     hdl_xl_workloads,        hdl_xl_services, hdl_xl_endpoints,       hdl_xl_rules,
	hdl_xl_clusters, hdl_xl_virtual_services, hdl_xl_mesh,     hdl_xl_labels_of_ports, hdl_xl_gateways,
};

static int translate(struct hdl_xl *xl)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int r = steps[i](xl);

		if (r < 0)
			return r;
		if (xl->no_memory)
			return -ENOMEM;
	}
	return hdl_snapshot_seal(xl->snapshot);
}

int hdl_xlate(const struct hdl_resource *const *resources, size_t n, const struct hdl_xlate_options *options,
	      struct hdl_diags *diags, struct hdl_snapshot **ret_snapshot)
{
	static const struct hdl_xlate_options no_options;
	struct hdl_xl xl = { .res = resources, .n = n, .options = options ? options : &no_options, .diags = diags };
	int r = -ENOMEM;

	xl.snapshot = hdl_snapshot_new();
	xl.scratch = hdl_arena_new(0);
	if (xl.snapshot && xl.scratch) {
		xl.arena = xl.snapshot->arena;
		r = translate(&xl);
	}
	hdl_arena_free(xl.scratch);
	if (r < 0) {
		hdl_snapshot_unref(xl.snapshot);
		return r;
	}
	*ret_snapshot = xl.snapshot;
	return 0;
}
