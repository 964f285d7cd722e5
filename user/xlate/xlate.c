/* SPDX-License-Identifier: Apache-2.0 */
/* A run of the translator: what changed in the list of resources, the units that this makes dirty, the snapshot. */
#include "xlate/priv.h"

#include <errno.h>
#include <string.h>
#include "xlate/gwapi.h"

#include "model/store.h"
#include "xlate/assemble.h"
#include "xlate/changes.h"
#include "xlate/ingress.h"
#include "xlate/regex.h"

struct hdl_xlator {
	struct hdl_xl xl;
};

/* ---- life ---- */

static void drop_units(struct hdl_xl *xl)
{
	for (int kind = 0; kind < HDL_XL_KINDS; kind++)
		while (xl->graph.first[kind]) {
			struct hdl_xl_unit *unit = xl->graph.first[kind];

			hdl_xl_drop_unit(xl, &unit);
		}
}

/* Back to the beginning: snapshots keep what they have. */
void hdl_xl_reset(struct hdl_xl *xl)
{
	struct hdl_xl_state *state = xl->state;

	xl->state = NULL; /* patching it is not worth while */
	xl->graph.closing = true;
	for (size_t i = 0; i < xl->n; i++)
		hdl_xl_source_free(xl, xl->source[i]);
	drop_units(xl);
	hdl_xl_state_free(xl, state);
	hdl_xl_graph_done(&xl->graph);
	hdl_xl_graph_init(&xl->graph);
	hdl_ir_free(xl->source);
	hdl_ir_free(xl->res);
	xl->source = NULL;
	xl->res = NULL;
	xl->n = 0;
	hdl_resource_list_unref(xl->keep);
	xl->keep = NULL;
	hdl_xl_plan_free(xl->plan);
	xl->plan = NULL;
	hdl_xl_page_unref(xl->page);
	xl->page = NULL;
	hdl_xl_budget_unref(xl->budget);
	xl->budget = NULL;
	hdl_xl_regexes_free(xl->regexes);
	xl->regexes = NULL;
	xl->ingress = xl->node_unit = NULL;
	xl->claim_wildcards = xl->odd_claim_wildcards = xl->rule_wildcards = xl->odd_rule_wildcards = xl->outside_port =
		xl->selectors = (struct hdl_xl_flag){ 0 };
	xl->valid = false;
}

struct hdl_xlator *hdl_xlator_new(const struct hdl_xlate_options *options)
{
	struct hdl_xlator *xlator = hdl_ir_alloc(1, sizeof(*xlator));
	struct hdl_xl *xl;

	if (!xlator)
		return NULL;
	xl = &xlator->xl;
	if (options)
		xl->options = *options;
	xl->bytes_max = xl->options.bytes_max ? xl->options.bytes_max : HDL_XLATE_BYTES_MAX;
	xl->regex_bytes_max = xl->options.regex_bytes_max ? xl->options.regex_bytes_max : HDL_XLATE_REGEX_BYTES_MAX;
	hdl_xl_graph_init(&xl->graph);
	xl->generation = hdl_ir_generation_new();
	xl->scratch = hdl_arena_new(xl->bytes_max);
	xl->names = hdl_arena_new(0);
	return xl->generation && xl->scratch && xl->names ? xlator : hdl_xlator_free(xlator);
}

struct hdl_xlator *hdl_xlator_free(struct hdl_xlator *xlator)
{
	if (!xlator)
		return NULL;
	hdl_xl_reset(&xlator->xl);
	hdl_xl_derivation_done(&xlator->xl.derivation);
	hdl_xl_graph_done(&xlator->xl.graph);
	hdl_arena_free(xlator->xl.scratch);
	hdl_arena_free(xlator->xl.names);
	hdl_ir_generation_unref(xlator->xl.generation);
	hdl_ir_free(xlator);
	return NULL;
}

/* ---- a run ---- */

static int begin_anew(struct hdl_xl *xl)
{
	xl->budget = hdl_ir_alloc(1, sizeof(*xl->budget));
	if (!xl->budget)
		return -ENOMEM;
	atomic_init(&xl->budget->references, 1);
	atomic_init(&xl->budget->bytes, 0);
	xl->regexes = hdl_xl_regexes_new();
	xl->state = hdl_xl_state_new();
	if (!xl->regexes || !xl->state || hdl_xl_add_unit(xl, HDL_XL_NODE, NULL, NULL, &xl->node_unit) < 0)
		return -ENOMEM;
	/* names are made with the domain that it has */
	if (hdl_xl_make(xl, xl->node_unit) < 0)
		return -ENOMEM;
	return hdl_xl_add_unit(xl, HDL_XL_INGRESS, NULL, NULL, &xl->ingress);
}

static int make_dirty_units(struct hdl_xl *xl)
{
	for (int kind = 0; kind < HDL_XL_KINDS; kind++)
		while (xl->graph.dirty[kind])
			if (hdl_xl_make(xl, xl->graph.dirty[kind]) < 0)
				return -ENOMEM;
	return 0;
}

/* Rules that nobody reads any more: of a port or a gateway that is gone. */
static void drop_unread_routes(struct hdl_xl *xl)
{
	for (struct hdl_xl_unit *unit = xl->graph.first[HDL_XL_ROUTES], *next; unit; unit = next) {
		struct hdl_xl_vs *vs = unit->source->data;
		struct hdl_xl_unit **at = &vs->routes;

		next = unit->next;
		if (unit->head.readers)
			continue;
		while (*at != unit)
			at = &(*at)->next_routes;
		*at = unit->next_routes;
		hdl_xl_drop_unit(xl, &unit);
	}
}

static int run(struct hdl_xl *xl, const struct hdl_resource *const *resources, size_t n,
	       const struct hdl_diags *derived, struct hdl_diags *diags, struct hdl_snapshot **ret)
{
	struct hdl_snapshot *snapshot;

	xl->no_memory = xl->too_large = xl->regexes_too_large = false;
	xl->graph.no_memory = false;
	xl->build = NULL;
	xl->at = NULL;
	xl->built = 0;
	xl->serial++;
	if (xl->valid && hdl_xl_changes_apply(xl, resources, n) < 0)
		return -ENOMEM;
	if (!xl->valid && hdl_xl_changes_begin(xl, resources, n, begin_anew) < 0)
		return -ENOMEM;
	xl->valid = true;
	if (make_dirty_units(xl) < 0)
		return -ENOMEM;
	drop_unread_routes(xl);
	xl->at = NULL;
	if (hdl_xl_assemble(xl, &snapshot) < 0)
		return -ENOMEM;
	hdl_diags_append(diags, derived);
	if (hdl_xl_collect_diags(xl, diags) < 0 || xl->no_memory) {
		hdl_snapshot_unref(snapshot);
		return -ENOMEM;
	}
	*ret = snapshot;
	return 0;
}

/* -E2BIG and a diagnostic. */
static int refuse(const struct hdl_xl *xl, struct hdl_diags *diags)
{
	struct hdl_diag where = { .severity = HDL_ERROR };

	if (xl->at)
		where = (struct hdl_diag){ HDL_ERROR,  xl->at->file, xl->at->pos, hdl_kind_name(xl->at->kind),
					   xl->at->ns, xl->at->name, NULL,        NULL };
	hdl_diags_add(diags, &where, "the configuration is refused as a whole: with this object %s %zu MiB",
		      xl->regexes_too_large ? "its regular expressions take more than" : "it takes more than",
		      (xl->regexes_too_large ? xl->regex_bytes_max : xl->bytes_max) >> 20);
	return -E2BIG;
}

/* With what is derived of them, when something is: in one list, to be freed. */
static int join(const struct hdl_resource *const *resources, size_t n, const struct hdl_xl_derivation *d,
		const struct hdl_resource ***ret)
{
	const struct hdl_resource **list = hdl_ir_alloc(n + d->derived_n, sizeof(*list));

	if (!list)
		return -ENOMEM;
	memcpy(list, resources, n * sizeof(*list));
	memcpy(list + n, d->derived, d->derived_n * sizeof(*list));
	*ret = list;
	return 0;
}

static int run_twice(struct hdl_xl *xl, const struct hdl_resource *const *resources, size_t n,
		     const struct hdl_xl_derivation *d, struct hdl_diags *diags, struct hdl_snapshot **ret)
{
	const struct hdl_resource **list = NULL;
	bool anew = !xl->valid;
	int r;

	if (d->derived_n && join(resources, n, d, &list) < 0)
		return -ENOMEM;
	if (list)
		resources = list;
	r = run(xl, resources, n + d->derived_n, &d->diags, diags, ret);
	if (r < 0 && xl->too_large && !anew) {
		/* with what older snapshots still have: counted from zero it may be less */
		hdl_xl_reset(xl);
		r = run(xl, resources, n + d->derived_n, &d->diags, diags, ret);
	}
	hdl_ir_free(list);
	return r;
}

static int run_derived(struct hdl_xl *xl, const struct hdl_resource *const *resources, size_t n,
		       struct hdl_diags *diags, struct hdl_snapshot **ret)
{
	struct hdl_xl_derivation next;
	int r;

	if (xl->valid && hdl_xl_derivation_holds(xl->res, xl->derivation.given_n, resources, n)) {
		r = run_twice(xl, resources, n, &xl->derivation, diags, ret);
		xl->derivation.given_n = n;
		return r;
	}
	r = hdl_xl_derive(resources, n, xl->bytes_max, &next);
	if (r < 0) {
		xl->too_large = r == -E2BIG;
		xl->regexes_too_large = false;
		return -ENOMEM;
	}
	r = run_twice(xl, resources, n, &next, diags, ret);
	if (r < 0) {
		/* its resources are those of the sources */
		hdl_xl_reset(xl);
		hdl_xl_derivation_done(&next);
		return r;
	}
	hdl_xl_derivation_done(&xl->derivation);
	xl->derivation = next;
	return 0;
}

int hdl_xlator_run(struct hdl_xlator *xlator, const struct hdl_resource *const *resources, size_t n,
		   struct hdl_resource_list *keep, struct hdl_diags *diags, struct hdl_snapshot **ret_snapshot)
{
	struct hdl_xl *xl = &xlator->xl;
	int r;

	xl->too_large = false;
	xl->at = NULL;
	r = run_derived(xl, resources, n, diags, ret_snapshot);
	if (r < 0) {
		if (xl->too_large)
			r = refuse(xl, diags);
		hdl_xl_reset(xl);
		hdl_xl_derivation_done(&xl->derivation);
		return r;
	}
	if (keep)
		hdl_resource_list_ref(keep);
	hdl_resource_list_unref(xl->keep);
	xl->keep = keep;
	return 0;
}

size_t hdl_xlator_built(const struct hdl_xlator *xlator)
{
	return xlator->xl.built;
}

size_t hdl_xlator_bytes(const struct hdl_xlator *xlator)
{
	const struct hdl_xl_budget *budget = xlator->xl.budget;

	return budget ? atomic_load_explicit(&budget->bytes, memory_order_relaxed) : 0;
}

int hdl_xlate(const struct hdl_resource *const *resources, size_t n, const struct hdl_xlate_options *options,
	      struct hdl_diags *diags, struct hdl_snapshot **ret_snapshot)
{
	struct hdl_xlator *xlator = hdl_xlator_new(options);
	int r = xlator ? hdl_xlator_run(xlator, resources, n, NULL, diags, ret_snapshot) : -ENOMEM;

	hdl_xlator_free(xlator);
	return r;
}
