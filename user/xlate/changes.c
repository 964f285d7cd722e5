/* SPDX-License-Identifier: Apache-2.0 */
/* Compares two lists of resources by pointers; labels keep the places of sources without counting all anew. */
#include "xlate/changes.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"

/* Between neighbours of a new list, and between those that come later: room for many to come in between. */
#define LABEL_STEP (1ull << 36)
#define LABEL_SMALL_STEP (1ull << 18)

static int source_new(struct hdl_xl *xl, const struct hdl_resource *res, uint64_t label, struct hdl_xl_source **ret)
{
	struct hdl_xl_source *source = hdl_ir_alloc(1, sizeof(*source));

	if (!source)
		return -ENOMEM;
	source->res = res;
	source->label = label;
	*ret = source;
	return hdl_xl_source_enter(xl, source);
}

void hdl_xl_source_free(struct hdl_xl *xl, struct hdl_xl_source *source)
{
	if (!source)
		return;
	hdl_xl_source_exit(xl, source);
	hdl_ir_free(source);
}

/* Room for a list; what was there is given up. */
static int take_lists(struct hdl_xl *xl, size_t n)
{
	xl->source = hdl_ir_alloc(n, sizeof(struct hdl_xl_source *));
	xl->res = hdl_ir_alloc(n, sizeof(const struct hdl_resource *));
	if (!xl->source || !xl->res)
		return -ENOMEM;
	xl->n = n;
	return 0;
}

int hdl_xl_changes_begin(struct hdl_xl *xl, const struct hdl_resource *const *resources, size_t n,
			 int (*begin)(struct hdl_xl *xl))
{
	if (take_lists(xl, n) < 0)
		return -ENOMEM;
	if (n)
		memcpy(xl->res, resources, n * sizeof(*resources));
	if (begin(xl) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (source_new(xl, resources[i], (i + 1) * LABEL_STEP, &xl->source[i]) < 0)
			return -ENOMEM;
	return 0;
}

/* ---- comparing ---- */

/* What is between the equal beginnings and the equal ends of both lists. */
struct middle {
	struct hdl_arena *arena; /* of the arrays here */
	size_t before;           /* how much is equal before it */
	size_t old_n, new_n;
	const struct hdl_resource *const *new_res;
	size_t *match; /* for each new one: index of it in the old middle plus 1; 0: none */
	bool *stays;   /* each old one is in the new list */
};

static void find_middle(const struct hdl_xl *xl, const struct hdl_resource *const *resources, size_t n,
			struct middle *m)
{
	size_t least = n < xl->n ? n : xl->n, before = 0, after = 0;

	while (before < least && xl->res[before] == resources[before])
		before++;
	while (after < least - before && xl->res[xl->n - 1 - after] == resources[n - 1 - after])
		after++;
	*m = (struct middle){
		.arena = m->arena,
		.before = before,
		.old_n = xl->n - before - after,
		.new_n = n - before - after,
		.new_res = resources + before,
	};
}

struct slot {
	const struct hdl_resource *res;
	size_t index;
};

static struct slot *find_slot(struct slot *slot, size_t mask, const struct hdl_resource *res)
{
	size_t at = hdl_hash64(&res, sizeof(res), 0) & mask;

	while (slot[at].res && slot[at].res != res)
		at = (at + 1) & mask;
	return &slot[at];
}

static int match_both(const struct hdl_xl *xl, struct middle *m)
{
	size_t slots = 8;
	struct slot *slot;

	while (slots < 2 * m->old_n)
		slots *= 2;
	slot = hdl_arena_calloc(m->arena, slots, sizeof(*slot));
	m->match = hdl_arena_calloc(m->arena, m->new_n, sizeof(*m->match));
	m->stays = hdl_arena_calloc(m->arena, m->old_n, sizeof(*m->stays));
	if (!slot || !m->match || !m->stays)
		return -ENOMEM;
	for (size_t i = 0; i < m->old_n; i++)
		*find_slot(slot, slots - 1, xl->res[m->before + i]) = (struct slot){ xl->res[m->before + i], i + 1 };
	for (size_t i = 0; i < m->new_n; i++) {
		m->match[i] = find_slot(slot, slots - 1, m->new_res[i])->index;
		if (m->match[i])
			m->stays[m->match[i] - 1] = true;
	}
	return 0;
}

/* Those that stay are in the order they had, and no change is of a kind that all else depends on. */
static bool is_small_change(const struct hdl_xl *xl, const struct middle *m)
{
	size_t last = 0;

	for (size_t i = 0; i < m->new_n; i++) {
		if (m->match[i] && m->match[i] <= last)
			return false;
		if (m->match[i])
			last = m->match[i];
		else if (!hdl_xl_is_incremental(m->new_res[i]))
			return false;
	}
	for (size_t i = 0; i < m->old_n; i++)
		if (!m->stays[i] && !hdl_xl_is_incremental(xl->res[m->before + i]))
			return false;
	return true;
}

/* ---- labels ---- */

/*
 * For n new ones between two that stay: first the labels of those that go from there, which keeps the place of one that
 * is replaced, then some from the gap behind. false: there is no room.
 */
static bool give_labels(uint64_t *label, size_t n, const uint64_t *gone, size_t gone_n, uint64_t low, uint64_t high)
{
	size_t i = 0;
	uint64_t step;

	for (; i < n && i < gone_n; i++)
		label[i] = gone[i];
	if (i == n)
		return true;
	if (i)
		low = label[i - 1];
	step = (high - low) / (n - i + 1);
	if (step > LABEL_SMALL_STEP && high != UINT64_MAX / 2)
		step = LABEL_SMALL_STEP;
	else if (step > LABEL_STEP)
		step = LABEL_STEP;
	for (; i < n && step; i++)
		label[i] = low += step;
	return step != 0;
}

/* Label of the old source there; of the ends of the list. */
static uint64_t old_label(const struct hdl_xl *xl, size_t i)
{
	return i < xl->n ? xl->source[i]->label : UINT64_MAX / 2;
}

static int label_new_ones(const struct hdl_xl *xl, const struct middle *m, uint64_t **ret)
{
	uint64_t *label = hdl_arena_calloc(m->arena, m->new_n, sizeof(*label));
	uint64_t *gone = hdl_arena_calloc(m->arena, m->old_n, sizeof(*gone));
	size_t old = 0;

	if (!label || !gone)
		return -ENOMEM;
	for (size_t i = 0; i < m->new_n;) {
		uint64_t low = m->before + old ? old_label(xl, m->before + old - 1) : 0;
		size_t n = 0, gone_n = 0;

		while (i + n < m->new_n && !m->match[i + n])
			n++;
		while (old < m->old_n && !m->stays[old])
			gone[gone_n++] = xl->source[m->before + old++]->label;
		if (!give_labels(&label[i], n, gone, gone_n, low, old_label(xl, m->before + old)))
			return -ERANGE;
		i += n + 1; /* and past the one that stays */
		old++;
	}
	*ret = label;
	return 0;
}

/* ---- applying ---- */

static void exit_gone(struct hdl_xl *xl, const struct middle *m)
{
	for (size_t i = 0; i < m->old_n; i++)
		if (!m->stays[i]) {
			hdl_xl_source_free(xl, xl->source[m->before + i]);
			xl->source[m->before + i] = NULL;
		}
}

/* On failure all sources are in one of the two lists: in xl's. */
static int enter_new(struct hdl_xl *xl, const struct middle *m, const uint64_t *label)
{
	struct hdl_xl_source **old = xl->source;
	size_t old_n = xl->n, n = old_n - m->old_n + m->new_n, after = old_n - m->before - m->old_n;
	struct hdl_xl_source **source = hdl_ir_alloc(n, sizeof(struct hdl_xl_source *));
	const struct hdl_resource **res = hdl_ir_alloc(n, sizeof(const struct hdl_resource *));

	if (!source || !res) {
		hdl_ir_free(source);
		hdl_ir_free(res);
		return -ENOMEM;
	}
	memcpy(source, old, m->before * sizeof(*old));
	memcpy(res, xl->res, m->before * sizeof(*res));
	for (size_t i = 0; i < m->new_n; i++)
		if (m->match[i])
			source[m->before + i] = old[m->before + m->match[i] - 1];
	memcpy(&res[m->before], m->new_res, m->new_n * sizeof(*res));
	memcpy(&source[m->before + m->new_n], &old[old_n - after], after * sizeof(*old));
	memcpy(&res[m->before + m->new_n], &xl->res[old_n - after], after * sizeof(*res));
	hdl_ir_free(xl->source);
	hdl_ir_free(xl->res);
	xl->source = source;
	xl->res = res;
	xl->n = n;
	for (size_t i = 0; i < m->new_n; i++)
		if (!m->match[i] && source_new(xl, m->new_res[i], label[i], &source[m->before + i]) < 0)
			return -ENOMEM;
	return 0;
}

static int apply(struct hdl_xl *xl, struct middle *m)
{
	uint64_t *label;
	int r;

	if (match_both(xl, m) < 0)
		return -ENOMEM;
	if (!is_small_change(xl, m))
		return -ERANGE;
	r = label_new_ones(xl, m, &label);
	if (r < 0)
		return r;
	exit_gone(xl, m);
	r = enter_new(xl, m, label);
	return r == 0 && !hdl_xl_sidecars_hold(xl, m->new_res, m->new_n) ? -ERANGE : r;
}

int hdl_xl_changes_apply(struct hdl_xl *xl, const struct hdl_resource *const *resources, size_t n)
{
	struct middle m = { .arena = hdl_arena_new(0) };
	int r;

	if (!m.arena)
		return -ENOMEM;
	find_middle(xl, resources, n, &m);
	r = apply(xl, &m);
	hdl_arena_free(m.arena);
	if (r == -ERANGE) {
		hdl_xl_reset(xl);
		r = 0;
	}
	return r;
}
