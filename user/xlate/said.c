/* SPDX-License-Identifier: Apache-2.0 */
/* The diagnostics of all units, each once, in the order of a translation step by step. */
#include "xlate/assemble.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct said {
	const struct hdl_xl_note *note; /* NULL: of a rule that no service has */
	const struct hdl_xl_unit *unit;
	uint64_t label;
	size_t index;
};

/* Open addressing, at most half full. */
struct set {
	const void **slot;
	size_t n, slots; /* a power of two */
};

struct collection {
	struct said *at;
	size_t n, capacity;
	struct hdl_arena *arena; /* of keys and sets */
	struct hdl_xl_map keys;
	struct set included; /* units */
	struct set diag;     /* of those */
	struct hdl_diags *diags;
	bool no_memory;
};

static void collect(struct collection *c, struct said said)
{
	if (c->n == c->capacity) {
		size_t capacity = c->capacity ? 2 * c->capacity : 64;
		struct said *more = hdl_ir_realloc(c->at, capacity, sizeof(*more));

		if (!more) {
			c->no_memory = true;
			return;
		}
		c->at = more;
		c->capacity = capacity;
	}
	c->at[c->n++] = said;
}

static enum hdl_xl_phase phase_of(const struct said *said)
{
	return said->note                      ? said->note->phase :
	       said->unit->kind == HDL_XL_RULE ? HDL_XL_PHASE_UNUSED_RULES :
						 HDL_XL_PHASE_UNUSED_DELEGATES;
}

static int in_order(const void *a, const void *b)
{
	const struct said *x = a, *y = b;

	if (phase_of(x) != phase_of(y))
		return phase_of(x) < phase_of(y) ? -1 : 1;
	if (x->label != y->label)
		return x->label < y->label ? -1 : 1;
	if (x->unit->kind != y->unit->kind)
		return x->unit->kind < y->unit->kind ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static bool is_new(struct collection *c, const char *key)
{
	if (hdl_xl_map_get(&c->keys, key))
		return false;
	if (hdl_xl_map_put(&c->keys, c->arena, key, c) < 0)
		c->no_memory = true;
	return true;
}

static void append(struct hdl_diags *diags, struct hdl_diag *diag)
{
	const struct hdl_diags one = {
		.at = diag,
		.n = 1,
		.errors = diag->severity == HDL_ERROR,
		.warnings = diag->severity == HDL_WARNING,
	};

	hdl_diags_append(diags, &one);
}

static void say(struct collection *c, const struct hdl_xl_notes *notes, const struct hdl_xl_note *note)
{
	if (!note->key || is_new(c, note->key))
		append(c->diags, &notes->diags.at[note->diag]);
}

/* ---- what units say that others include ---- */

typedef uint64_t hash_fn(const void *entry);
typedef bool equal_fn(const void *a, const void *b);

static uint64_t unit_hash(const void *entry)
{
	return hdl_hash64(&entry, sizeof(entry), hdl_hash_process_seed());
}

static bool same_unit(const void *a, const void *b)
{
	return a == b;
}

static uint64_t diag_hash(const void *entry)
{
	const struct hdl_diag *diag = entry;

	return hdl_hash64(diag->message, strlen(diag->message),
			  hdl_hash_process_seed() ^ ((uint64_t)diag->pos.line << 32 | diag->pos.col));
}

static bool same_diag(const void *a, const void *b)
{
	const struct hdl_diag *x = a, *y = b;

	return x == y || (x->pos.line == y->pos.line && x->pos.col == y->pos.col && !strcmp(x->message, y->message) &&
			  !strcmp(x->file ? x->file : "", y->file ? y->file : ""));
}

/* Whether it was not in it. */
static bool set_put(struct set *set, const void *entry, hash_fn *hash, equal_fn *equal)
{
	size_t at = hash(entry) & (set->slots - 1);

	for (; set->slot[at]; at = (at + 1) & (set->slots - 1))
		if (equal(set->slot[at], entry))
			return false;
	set->slot[at] = entry;
	set->n++;
	return true;
}

static bool set_add(struct collection *c, struct set *set, const void *entry, hash_fn *hash, equal_fn *equal)
{
	struct set larger = { .slots = set->slots ? 4 * set->slots : 64 };

	if ((set->n + 1) * 2 <= set->slots)
		return set_put(set, entry, hash, equal);
	larger.slot = hdl_arena_calloc(c->arena, larger.slots, sizeof(*larger.slot));
	if (!larger.slot) {
		c->no_memory = true;
		return false;
	}
	for (size_t i = 0; i < set->slots; i++)
		if (set->slot[i])
			set_put(&larger, set->slot[i], hash, equal);
	*set = larger;
	return set_put(set, entry, hash, equal);
}

/* The same rules are made for several ports and views, which have the same to say. */
static void say_included(struct collection *c, const struct hdl_xl_unit *unit)
{
	if (!unit->notes || !set_add(c, &c->included, unit, unit_hash, same_unit))
		return;
	for (size_t i = 0; i < unit->notes->n; i++)
		if (set_add(c, &c->diag, &unit->notes->diags.at[unit->notes->at[i].diag], diag_hash, same_diag))
			say(c, unit->notes, &unit->notes->at[i]);
}

static void collect_unit(struct collection *c, const struct hdl_xl_unit *unit)
{
	if (unit->kind == HDL_XL_ROUTES) /* at the place of those who read it */
		return;
	for (size_t i = 0; i < unit->notes->n; i++)
		collect(c, (struct said){ &unit->notes->at[i], unit,
					  unit->kind == HDL_XL_DOMAIN ? unit->label : unit->notes->at[i].label, i });
}

int hdl_xl_collect_diags(const struct hdl_xl *xl, struct hdl_diags *diags)
{
	struct collection c = { .arena = hdl_arena_new(0), .diags = diags };

	if (!c.arena)
		return -ENOMEM;
	for (const struct hdl_xl_unit *unit = xl->graph.noted; unit; unit = unit->next_noted)
		collect_unit(&c, unit);
	for (const struct hdl_xl_unit *unit = xl->graph.first[HDL_XL_RULE]; unit; unit = unit->next)
		if (!unit->head.readers)
			collect(&c, (struct said){ NULL, unit, unit->label, 0 });
	for (const struct hdl_xl_unit *unit = xl->graph.first[HDL_XL_MERGED]; unit; unit = unit->next)
		if (hdl_xl_is_unused_delegate(unit))
			collect(&c, (struct said){ NULL, unit, unit->label, 0 });
	if (c.n && !c.no_memory)
		qsort(c.at, c.n, sizeof(*c.at), in_order);
	for (size_t i = 0; i < c.n && !c.no_memory; i++) {
		const struct said *said = &c.at[i];

		if (!said->note && said->unit->kind == HDL_XL_MERGED)
			hdl_xl_report_unused_delegate(diags, said->unit->source->res);
		else if (!said->note)
			hdl_xl_report_unused_rule(xl, diags, (const struct hdl_xl_rule *)said->unit->product);
		else if (said->note->include)
			say_included(&c, said->note->include);
		else
			say(&c, said->unit->notes, said->note);
	}
	hdl_ir_free(c.at);
	hdl_arena_free(c.arena);
	return c.no_memory ? -ENOMEM : 0;
}
