/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a translation, in the order in which they need one another. */
#include "xlate/priv.h"

#include <errno.h>
#include <string.h>
#include "xlate/gwapi.h"

static int (*const steps[])(struct hdl_xl *xl) = {
	hdl_xl_node,      hdl_xl_mesh_config,     hdl_xl_workloads, hdl_xl_services,
	hdl_xl_endpoints, hdl_xl_rules,           hdl_xl_clusters,  hdl_xl_virtual_services,
	hdl_xl_mesh,      hdl_xl_labels_of_ports, hdl_xl_gateways,
};

static int translate(struct hdl_xl *xl)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int r;

		xl->at = NULL;
		r = steps[i](xl);

		if (r < 0)
			return r;
		if (xl->no_memory)
			return -ENOMEM;
	}
	return hdl_snapshot_seal(xl->snapshot);
}

/* -ENOMEM, or -E2BIG and a diagnostic. */
static int refuse(const struct hdl_xl *xl, size_t bytes_max)
{
	struct hdl_diag where = { .severity = HDL_ERROR };
	bool regexes = xl->regex_bytes > xl->regex_bytes_max;

	if (!regexes && !(xl->arena && hdl_arena_limit_met(xl->arena)) &&
	    !(xl->scratch && hdl_arena_limit_met(xl->scratch)))
		return -ENOMEM;
	if (xl->at)
		where = (struct hdl_diag){ HDL_ERROR,  xl->at->file, xl->at->pos, hdl_kind_name(xl->at->kind),
					   xl->at->ns, xl->at->name, NULL,        NULL };
	hdl_diags_add(xl->diags, &where, "the configuration is refused as a whole: with this object %s %zu MiB",
		      regexes ? "its regular expressions take more than" : "it takes more than",
		      (regexes ? xl->regex_bytes_max : bytes_max) >> 20);
	return -E2BIG;
}

int hdl_xlate(const struct hdl_resource *const *resources, size_t n, const struct hdl_xlate_options *options,
	      struct hdl_diags *diags, struct hdl_snapshot **ret_snapshot)
{
	static const struct hdl_xlate_options no_options;
	struct hdl_xl xl = { .res = resources, .n = n, .options = options ? options : &no_options, .diags = diags };
	size_t bytes_max = xl.options->bytes_max ? xl.options->bytes_max : HDL_XLATE_BYTES_MAX;
	int r = -ENOMEM;

	xl.regex_bytes_max = xl.options->regex_bytes_max ? xl.options->regex_bytes_max : HDL_XLATE_REGEX_BYTES_MAX;
	xl.snapshot = hdl_snapshot_new_bounded(bytes_max);
	xl.scratch = hdl_arena_new(bytes_max);
	if (xl.snapshot && xl.scratch) {
		xl.arena = xl.snapshot->arena;
		r = hdl_gwapi_derive(xl.scratch, resources, n, diags, &xl.res, &xl.n, NULL);
		if (r == 0)
			r = translate(&xl);
	}
	if (r == -ENOMEM)
		r = refuse(&xl, bytes_max);
	hdl_arena_free(xl.scratch);
	if (r < 0) {
		hdl_snapshot_unref(xl.snapshot);
		return r;
	}
	*ret_snapshot = xl.snapshot;
	return 0;
}
