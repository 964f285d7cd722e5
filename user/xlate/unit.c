/* SPDX-License-Identifier: Apache-2.0 */
/* Making of units: their memory, their diagnostics, and what they read. */
#include "xlate/priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "xlate/assemble.h"
#include "xlate/regex.h"

#define PAGE_BYTES 10240u        /* a page is full beyond this */
#define BLOCK_BYTES 1024u        /* of a page: half of one is left over */
#define DIAGS_PER_UNIT_MAX 1000u /* later ones are counted */

static int (*const makers[])(struct hdl_xl *xl, struct hdl_xl_unit *unit) = {
	[HDL_XL_NODE] = hdl_xl_make_node,       [HDL_XL_WORKLOAD] = hdl_xl_make_workload,
	[HDL_XL_RULE] = hdl_xl_make_rule,       [HDL_XL_CLIENTS] = hdl_xl_make_clients,
	[HDL_XL_BACKEND] = hdl_xl_make_backend, [HDL_XL_MERGED] = hdl_xl_make_merged,
	[HDL_XL_TARGETS] = hdl_xl_make_targets, [HDL_XL_ROUTES] = hdl_xl_make_routes,
	[HDL_XL_FRONT] = hdl_xl_make_front,     [HDL_XL_OUTSIDE] = hdl_xl_make_outside,
	[HDL_XL_INGRESS] = hdl_xl_make_ingress, [HDL_XL_DOMAIN] = hdl_xl_make_domain,
};

/* ---- memory ---- */

void hdl_xl_budget_unref(struct hdl_xl_budget *budget)
{
	if (budget && atomic_fetch_sub_explicit(&budget->references, 1, memory_order_acq_rel) == 1)
		hdl_ir_free(budget);
}

void hdl_xl_page_unref(struct hdl_xl_page *page)
{
	if (!page || atomic_fetch_sub_explicit(&page->references, 1, memory_order_acq_rel) != 1)
		return;
	atomic_fetch_sub_explicit(&page->budget->bytes, page->bytes, memory_order_relaxed);
	hdl_xl_budget_unref(page->budget);
	hdl_arena_free(page->arena);
	hdl_ir_free(page);
}

/* What the page took since the last time. */
static void count_bytes(struct hdl_xl_page *page)
{
	size_t used = hdl_arena_used_bytes(page->arena);

	atomic_fetch_add_explicit(&page->budget->bytes, used - page->bytes, memory_order_relaxed);
	page->bytes = used;
}

static struct hdl_xl_page *page_new(struct hdl_xl *xl)
{
	size_t bytes = atomic_load_explicit(&xl->budget->bytes, memory_order_relaxed);
	struct hdl_xl_page *page;

	if (bytes >= xl->bytes_max) {
		xl->too_large = true;
		return NULL;
	}
	page = hdl_ir_alloc(1, sizeof(*page));
	if (!page)
		return NULL;
	page->arena = hdl_arena_new_small(xl->bytes_max - bytes, BLOCK_BYTES);
	if (!page->arena) {
		hdl_ir_free(page);
		return NULL;
	}
	page->budget = xl->budget;
	atomic_fetch_add_explicit(&xl->budget->references, 1, memory_order_relaxed);
	atomic_init(&page->references, 1);
	return page;
}

/* The page for the next product; texts are found again only within a page. */
static int take_page(struct hdl_xl *xl)
{
	if (xl->page && hdl_arena_used_bytes(xl->page->arena) <= PAGE_BYTES)
		return 0;
	hdl_xl_page_unref(xl->page);
	xl->page = NULL;
	xl->strings = (struct hdl_xl_map){ 0 };
	hdl_arena_reset(xl->names);
	xl->page = page_new(xl);
	return xl->page ? 0 : -ENOMEM;
}

static void free_product(struct hdl_ir_retired *retired)
{
	struct hdl_xl_product *product = (struct hdl_xl_product *)retired;

	if (product->done)
		product->done(product);
	hdl_xl_regexes_leave(product->regexes);
	hdl_xl_page_unref(product->page);
}

void hdl_xl_product_retire(struct hdl_xl *xl, struct hdl_xl_product *product)
{
	if (product)
		hdl_ir_generation_retire(xl->generation, &product->retired, free_product);
}

void *hdl_xl_product_new(struct hdl_xl *xl, size_t size)
{
	struct hdl_xl_product *product = hdl_arena_alloc(xl->arena, size);

	if (!product)
		return NULL;
	product->retired.born = hdl_ir_generation_next(xl->generation);
	product->page = xl->build->page;
	atomic_fetch_add_explicit(&product->page->references, 1, memory_order_relaxed);
	xl->build->product = product;
	return product;
}

void hdl_xl_keep_product(struct hdl_xl *xl)
{
	xl->build->keep = true;
}

/* ---- diagnostics ---- */

static void add_note(struct hdl_xl_build *b, struct hdl_xl_note note, bool *no_memory)
{
	struct hdl_xl_notes *notes = b->notes;

	if (notes->n == notes->capacity) {
		size_t capacity = notes->capacity ? 2 * notes->capacity : 2;
		struct hdl_xl_note *more = hdl_ir_realloc(notes->at, capacity, sizeof(*more));

		if (!more) {
			*no_memory = true;
			hdl_ir_free(note.key);
			return;
		}
		notes->at = more;
		notes->capacity = capacity;
	}
	notes->at[notes->n++] = note;
}

/* Notes for the diagnostics since the last time: as the step, the place and the key have been. */
static void settle(struct hdl_xl *xl)
{
	struct hdl_xl_build *b = xl->build;

	for (; b->noted < b->notes->diags.n; b->noted++) {
		add_note(b, (struct hdl_xl_note){ b->phase, b->label, b->key, b->noted, NULL }, &xl->no_memory);
		b->key = NULL;
	}
	hdl_ir_free(b->key);
	b->key = NULL;
}

void hdl_xl_phase(struct hdl_xl *xl, enum hdl_xl_phase phase)
{
	settle(xl);
	xl->build->phase = phase;
}

void hdl_xl_label_at(struct hdl_xl *xl, uint64_t label)
{
	settle(xl);
	xl->build->label = label;
}

bool hdl_xl_first_time(struct hdl_xl *xl, const char *fmt, ...)
{
	struct hdl_xl_build *b = xl->build;
	char text[XL_NAME_MAX * 2];
	char *key;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	settle(xl);
	if (hdl_xl_map_get(&b->said, text))
		return false;
	key = hdl_arena_strdup(xl->scratch, text);
	b->key = hdl_ir_alloc(1, strlen(text) + 1);
	if (!key || !b->key || hdl_xl_map_put(&b->said, xl->scratch, key, key) < 0) {
		xl->no_memory = true;
		return true;
	}
	memcpy(b->key, text, strlen(text) + 1);
	return true;
}

/* ---- making ---- */

static void leave(struct hdl_xl *xl)
{
	struct hdl_xl_build *outer = xl->build->outer;

	hdl_ir_free(xl->build->key);
	xl->build = outer;
	xl->arena = outer ? outer->page->arena : NULL;
	xl->diags = outer ? &outer->notes->diags : NULL;
	if (outer)
		xl->at = outer->at;
}

static bool is_good(const struct hdl_xl *xl, const struct hdl_xl_build *b)
{
	return !xl->no_memory && !xl->too_large && !xl->graph.no_memory && !b->notes->diags.no_memory;
}

/* Memory that is out, or the limit: which of the two is told by too_large. */
static int fail(struct hdl_xl *xl, const struct hdl_xl_build *b)
{
	if (hdl_arena_limit_met(b->page->arena) || hdl_arena_limit_met(xl->scratch))
		xl->too_large = true;
	if (b->product)
		hdl_xl_product_retire(xl, b->product);
	hdl_xl_notes_free(b->notes);
	return -ENOMEM;
}

static int run(struct hdl_xl *xl, struct hdl_xl_unit *unit, struct hdl_xl_build *b)
{
	int r;

	b->notes = hdl_ir_alloc(1, sizeof(*b->notes));
	if (!b->notes)
		return -ENOMEM;
	b->notes->diags.limit = DIAGS_PER_UNIT_MAX;
	xl->build = b;
	xl->arena = b->page->arena;
	xl->diags = &b->notes->diags;
	xl->at = unit->source ? unit->source->res : NULL;
	r = makers[unit->kind](xl, unit);
	b->at = xl->at;
	settle(xl);
	return r == 0 && is_good(xl, b) ? 0 : -ENOMEM;
}

int hdl_xl_make(struct hdl_xl *xl, struct hdl_xl_unit *unit)
{
	struct hdl_xl_build b = { .unit = unit, .label = unit->label, .outer = xl->build };
	int r;

	hdl_xl_unmark(&xl->graph, unit);
	hdl_xl_forget_reads(&xl->graph, unit);
	if (xl->build) {
		xl->build->at = xl->at;
	} else {
		hdl_arena_reset(xl->scratch);
		if (take_page(xl) < 0)
			return -ENOMEM;
	}
	/* one made within another shares its page, and so its texts */
	b.page = xl->build ? xl->build->page : xl->page;
	r = run(xl, unit, &b);
	if (r < 0) {
		r = b.notes ? fail(xl, &b) : -ENOMEM;
		if (xl->build == &b)
			xl->build = b.outer;
		hdl_ir_free(b.key);
		return r;
	}
	count_bytes(b.page);
	leave(xl);
	xl->built++;
	if (!b.keep) {
		if (hdl_xl_state_replace(xl, unit, unit->product, b.product) < 0)
			xl->no_memory = true;
		hdl_xl_product_retire(xl, unit->product);
		unit->product = b.product;
		hdl_xl_touch(&xl->graph, &unit->head);
	}
	if (b.notes->n == 0 && b.notes->diags.errors + b.notes->diags.warnings == 0) {
		hdl_xl_notes_free(b.notes);
		b.notes = NULL;
	}
	hdl_xl_unit_set_notes(&xl->graph, unit, b.notes);
	return xl->no_memory ? -ENOMEM : 0;
}

int hdl_xl_add_unit(struct hdl_xl *xl, enum hdl_xl_kind kind, struct hdl_xl_source *source, struct hdl_xl_cell *cell,
		    struct hdl_xl_unit **at)
{
	struct hdl_xl_unit *unit = hdl_xl_unit_new(&xl->graph, kind, source ? source->label : 0);

	if (!unit)
		return -ENOMEM;
	unit->source = source;
	unit->cell = cell;
	*at = unit;
	return 0;
}

void hdl_xl_drop_unit(struct hdl_xl *xl, struct hdl_xl_unit **at)
{
	struct hdl_xl_unit *unit = *at;

	if (!unit)
		return;
	*at = NULL;
	if (xl->state && hdl_xl_state_replace(xl, unit, unit->product, NULL) < 0)
		xl->no_memory = true;
	hdl_xl_product_retire(xl, unit->product);
	hdl_xl_unit_free(&xl->graph, unit);
}

void hdl_xl_drop_cell_unit(struct hdl_xl *xl, struct hdl_xl_cell *cell)
{
	hdl_xl_drop_unit(xl, &cell->unit);
	hdl_xl_drop_idle_cell(&xl->graph, cell);
}

/* ---- reading ---- */

static struct hdl_xl_unit *reader(const struct hdl_xl *xl)
{
	return xl->build ? xl->build->unit : NULL;
}

struct hdl_xl_cell *hdl_xl_read(struct hdl_xl *xl, enum hdl_xl_index index, const char *key)
{
	struct hdl_xl_cell *cell = hdl_xl_cell(&xl->graph, index, key, true);

	if (!cell) {
		xl->no_memory = true;
		return NULL;
	}
	hdl_xl_depend(&xl->graph, reader(xl), &cell->head);
	return cell;
}

bool hdl_xl_read_flag(struct hdl_xl *xl, struct hdl_xl_flag *flag)
{
	hdl_xl_depend(&xl->graph, reader(xl), &flag->head);
	return flag->count != 0;
}

void *hdl_xl_read_unit(struct hdl_xl *xl, struct hdl_xl_unit *unit)
{
	struct hdl_xl_build *b = xl->build;

	if (!unit)
		return NULL;
	hdl_xl_depend(&xl->graph, reader(xl), &unit->head);
	if (b && unit->kind == HDL_XL_ROUTES && unit->notes) {
		settle(xl);
		add_note(b, (struct hdl_xl_note){ b->phase, b->label, NULL, 0, unit }, &xl->no_memory);
	}
	return unit->product;
}

const char *hdl_xl_pod_group(struct hdl_xl *xl, const char *full_name)
{
	const char *end = strrchr(full_name, '-');

	return hdl_xl_scratchf(xl, "%.*s", end ? (int)(end - full_name) : (int)strcspn(full_name, "/"), full_name);
}

const struct hdl_ir_workload *hdl_xl_read_pod(struct hdl_xl *xl, const char *full_name)
{
	struct hdl_xl_cell *cell = hdl_xl_cell(&xl->graph, HDL_XL_PODS, full_name, false);
	const struct hdl_xl_workload *w;

	/* a node may know the pods of others by slices only: no cell for each of them */
	if (!cell || !cell->n) {
		hdl_xl_read(xl, HDL_XL_POD_GROUPS, hdl_xl_pod_group(xl, full_name));
		return NULL;
	}
	hdl_xl_depend(&xl->graph, reader(xl), &cell->head);
	w = hdl_xl_read_unit(xl, hdl_xl_member(cell, 0)->unit);
	return w ? &w->ir : NULL;
}

const struct hdl_ir_workload *hdl_xl_read_address(struct hdl_xl *xl, const char *address)
{
	struct hdl_xl_cell *cell = hdl_xl_read(xl, HDL_XL_POD_IPS, address);
	struct hdl_xl_workload *w = cell && cell->n ? hdl_xl_read_unit(xl, hdl_xl_member(cell, 0)->unit) : NULL;

	return w ? &w->ir : NULL;
}

const struct hdl_xl_service *hdl_xl_read_service(struct hdl_xl *xl, const char *fqdn)
{
	struct hdl_xl_cell *cell = hdl_xl_read(xl, HDL_XL_SERVICES, fqdn);

	if (cell && !cell->n) { /* D.4: an ExternalName Service stands for another; a chain of them for nothing */
		const struct hdl_xl_cell *alias = hdl_xl_read(xl, HDL_XL_ALIAS_NAMES, fqdn);
		const struct hdl_resource *res = alias && alias->n ? hdl_xl_member(alias, 0)->res : NULL;

		if (res)
			cell = hdl_xl_read(xl, HDL_XL_SERVICES,
					   hdl_xl_host(xl, res->service->external_name.s, res->ns));
	}
	return cell && cell->n ? hdl_xl_read_unit(xl, hdl_xl_name_owner(cell)->unit) : NULL;
}

static struct hdl_xl_cell *probe(struct hdl_xl *xl, enum hdl_xl_index index, const char *prefix, const char *star,
				 const char *suffix)
{
	char key[XL_NAME_MAX * 2];
	int n = snprintf(key, sizeof(key), "%s%s%s", prefix, star, suffix);
	struct hdl_xl_cell *cell = n >= 0 && (size_t)n < sizeof(key) ? hdl_xl_read(xl, index, key) : NULL;

	return cell && cell->n ? cell : NULL;
}

struct hdl_xl_cell *hdl_xl_next_covering(struct hdl_xl *xl, enum hdl_xl_index index, const char *prefix,
					 const char *host, struct hdl_xl_flag *wildcards, struct hdl_xl_flag *odd,
					 size_t *at)
{
	struct hdl_xl_cell *cell = *at == 0 ? probe(xl, index, prefix, "", host) : NULL;
	bool everywhere;

	*at += *at == 0;
	if (cell || !hdl_xl_read_flag(xl, wildcards))
		return cell;
	/* the star stands for at least one character; the longest suffix comes first, "*" last */
	everywhere = hdl_xl_read_flag(xl, odd);
	for (; !cell && host[*at - 1]; ++*at)
		if (everywhere || host[*at] == '.' || !host[*at])
			cell = probe(xl, index, prefix, "*", host + *at);
	return cell;
}
