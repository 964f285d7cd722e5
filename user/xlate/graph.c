/* SPDX-License-Identifier: Apache-2.0 */
/* Cells with their members, units, and who has read what. */
#include "xlate/graph.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"

#define EDGES_PER_BLOCK 256

struct hdl_xl_edge_block {
	struct hdl_xl_edge_block *next;
	struct hdl_xl_edge edge[EDGES_PER_BLOCK];
};

void hdl_xl_graph_init(struct hdl_xl_graph *g)
{
	*g = (struct hdl_xl_graph){ 0 };
	for (int k = 0; k < HDL_XL_KINDS; k++)
		g->dirty_end[k] = &g->dirty[k];
}

static void free_cell(struct hdl_xl_cell *cell)
{
	if (cell->n > 1)
		hdl_ir_free(cell->many);
	hdl_ir_free(cell);
}

void hdl_xl_graph_done(struct hdl_xl_graph *g)
{
	for (size_t i = 0; i < g->buckets; i++)
		for (struct hdl_xl_cell *cell = g->bucket[i], *next; cell; cell = next) {
			next = cell->next;
			free_cell(cell);
		}
	hdl_ir_free(g->bucket);
	for (struct hdl_xl_edge_block *block = g->edge_blocks, *next; block; block = next) {
		next = block->next;
		hdl_ir_free(block);
	}
	*g = (struct hdl_xl_graph){ 0 };
}

/* ---- cells ---- */

static int grow(struct hdl_xl_graph *g)
{
	size_t buckets = g->buckets ? g->buckets * 2 : 64;
	struct hdl_xl_cell **bucket = hdl_ir_alloc(buckets, sizeof(struct hdl_xl_cell *));

	if (!bucket)
		return -ENOMEM;
	for (size_t i = 0; i < g->buckets; i++)
		for (struct hdl_xl_cell *cell = g->bucket[i], *next; cell; cell = next) {
			next = cell->next;
			cell->next = bucket[cell->hash & (buckets - 1)];
			bucket[cell->hash & (buckets - 1)] = cell;
		}
	hdl_ir_free(g->bucket);
	g->bucket = bucket;
	g->buckets = buckets;
	return 0;
}

struct hdl_xl_cell *hdl_xl_cell(struct hdl_xl_graph *g, enum hdl_xl_index index, const char *key, bool create)
{
	size_t n = strlen(key);
	uint64_t hash = hdl_hash64(key, n, hdl_hash_process_seed() + index);
	struct hdl_xl_cell *cell = g->buckets ? g->bucket[hash & (g->buckets - 1)] : NULL;

	while (cell && (cell->hash != hash || cell->index != index || strcmp(cell->key, key) != 0))
		cell = cell->next;
	if (cell || !create)
		return cell;
	if (g->cells >= g->buckets && grow(g) < 0)
		return NULL;
	cell = hdl_ir_alloc(1, sizeof(*cell) + n + 1);
	if (!cell)
		return NULL;
	memcpy(cell->key, key, n + 1);
	cell->head.cell = cell;
	cell->hash = hash;
	cell->index = index;
	cell->next = g->bucket[hash & (g->buckets - 1)];
	g->bucket[hash & (g->buckets - 1)] = cell;
	g->cells++;
	return cell;
}

void hdl_xl_drop_idle_cell(struct hdl_xl_graph *g, struct hdl_xl_cell *cell)
{
	struct hdl_xl_cell **at;

	if (cell->n || cell->head.readers || cell->unit)
		return;
	for (at = &g->bucket[cell->hash & (g->buckets - 1)]; *at != cell; at = &(*at)->next)
		;
	*at = cell->next;
	g->cells--;
	free_cell(cell);
}

struct hdl_xl_source *hdl_xl_member(const struct hdl_xl_cell *cell, size_t i)
{
	return cell->n > 1 ? cell->many[i] : cell->one;
}

/* The first member that does not come before the label. */
static uint32_t find_member(const struct hdl_xl_cell *cell, uint64_t label)
{
	uint32_t low = 0, high = cell->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (hdl_xl_member(cell, middle)->label < label)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int add_member(struct hdl_xl_cell *cell, struct hdl_xl_source *source, uint32_t at)
{
	struct hdl_xl_source **many;

	if (cell->n == 0) {
		cell->one = source;
		cell->n = 1;
		return 0;
	}
	/* room for a power of two */
	if (cell->n == 1) {
		many = hdl_ir_alloc(2, sizeof(struct hdl_xl_source *));
		if (!many)
			return -ENOMEM;
		many[0] = cell->one;
		cell->many = many;
	} else if ((cell->n & (cell->n - 1)) == 0) {
		many = hdl_ir_realloc(cell->many, 2 * (size_t)cell->n, sizeof(struct hdl_xl_source *));
		if (!many)
			return -ENOMEM;
		cell->many = many;
	}
	memmove(&cell->many[at + 1], &cell->many[at], (cell->n - at) * sizeof(struct hdl_xl_source *));
	cell->many[at] = source;
	cell->n++;
	return 0;
}

static void remove_member(struct hdl_xl_cell *cell, const struct hdl_xl_source *source)
{
	struct hdl_xl_source **many = cell->many;
	uint32_t at = find_member(cell, source->label);

	if (cell->n == 1) {
		cell->one = NULL;
		cell->n = 0;
		return;
	}
	cell->n--;
	memmove(&many[at], &many[at + 1], (cell->n - at) * sizeof(struct hdl_xl_source *));
	if (cell->n == 1) {
		cell->one = many[0];
		hdl_ir_free(many);
	}
}

int hdl_xl_join(struct hdl_xl_graph *g, struct hdl_xl_source *source, enum hdl_xl_index index, const char *key,
		struct hdl_xl_cell **ret_cell)
{
	struct hdl_xl_cell *cell = hdl_xl_cell(g, index, key, true);
	uint32_t at;

	if (!cell)
		return -ENOMEM;
	if (ret_cell)
		*ret_cell = cell;
	at = find_member(cell, source->label);
	if (at < cell->n && hdl_xl_member(cell, at) == source)
		return 0;
	if ((source->cells & (source->cells - 1)) == 0) {
		struct hdl_xl_cell **more = hdl_ir_realloc(source->cell, source->cells ? 2 * (size_t)source->cells : 1,
							   sizeof(struct hdl_xl_cell *));

		if (!more)
			return -ENOMEM;
		source->cell = more;
	}
	if (add_member(cell, source, at) < 0)
		return -ENOMEM;
	source->cell[source->cells++] = cell;
	hdl_xl_touch(g, &cell->head);
	return 0;
}

void hdl_xl_leave(struct hdl_xl_graph *g, struct hdl_xl_source *source)
{
	for (uint32_t i = 0; !g->closing && i < source->cells; i++) {
		remove_member(source->cell[i], source);
		hdl_xl_touch(g, &source->cell[i]->head);
		hdl_xl_drop_idle_cell(g, source->cell[i]);
	}
	hdl_ir_free(source->cell);
	source->cell = NULL;
	source->cells = 0;
}

/* ---- who has read what ---- */

static struct hdl_xl_edge *edge_new(struct hdl_xl_graph *g)
{
	struct hdl_xl_edge *edge = g->free_edges;

	if (!edge) {
		struct hdl_xl_edge_block *block = hdl_ir_alloc(1, sizeof(*block));

		if (!block)
			return NULL;
		block->next = g->edge_blocks;
		g->edge_blocks = block;
		for (int i = 0; i < EDGES_PER_BLOCK; i++) {
			block->edge[i].next_read = g->free_edges;
			g->free_edges = &block->edge[i];
		}
		edge = g->free_edges;
	}
	g->free_edges = edge->next_read;
	return edge;
}

void hdl_xl_depend(struct hdl_xl_graph *g, struct hdl_xl_unit *reader, struct hdl_xl_head *head)
{
	struct hdl_xl_edge *edge;

	/* the newest reader comes first */
	if (!reader || (head->readers && head->readers->unit == reader))
		return;
	edge = edge_new(g);
	if (!edge) {
		g->no_memory = true;
		return;
	}
	*edge = (struct hdl_xl_edge){
		.unit = reader,
		.head = head,
		.next = head->readers,
		.at = &head->readers,
		.next_read = reader->reads,
	};
	if (head->readers)
		head->readers->at = &edge->next;
	head->readers = edge;
	reader->reads = edge;
}

static void drop_edge(struct hdl_xl_graph *g, struct hdl_xl_edge *edge)
{
	if (edge->head) {
		*edge->at = edge->next;
		if (edge->next)
			edge->next->at = edge->at;
	}
	edge->next_read = g->free_edges;
	g->free_edges = edge;
}

void hdl_xl_forget_reads(struct hdl_xl_graph *g, struct hdl_xl_unit *unit)
{
	for (struct hdl_xl_edge *edge = unit->reads, *next; edge; edge = next) {
		struct hdl_xl_cell *cell = edge->head ? edge->head->cell : NULL;

		next = edge->next_read;
		drop_edge(g, edge);
		if (cell)
			hdl_xl_drop_idle_cell(g, cell);
	}
	unit->reads = NULL;
}

void hdl_xl_mark(struct hdl_xl_graph *g, struct hdl_xl_unit *unit)
{
	if (unit->dirty)
		return;
	unit->dirty = true;
	unit->next_dirty = NULL;
	unit->dirty_at = g->dirty_end[unit->kind];
	*unit->dirty_at = unit;
	g->dirty_end[unit->kind] = &unit->next_dirty;
}

void hdl_xl_touch(struct hdl_xl_graph *g, struct hdl_xl_head *head)
{
	for (struct hdl_xl_edge *edge = head->readers; edge; edge = edge->next)
		hdl_xl_mark(g, edge->unit);
}

void hdl_xl_flag_add(struct hdl_xl_graph *g, struct hdl_xl_flag *flag, int n)
{
	bool before = flag->count != 0;

	flag->count += (size_t)n;
	if (before != (flag->count != 0))
		hdl_xl_touch(g, &flag->head);
}

/* ---- units ---- */

struct hdl_xl_unit *hdl_xl_unit_new(struct hdl_xl_graph *g, enum hdl_xl_kind kind, uint64_t label)
{
	struct hdl_xl_unit *unit = hdl_ir_alloc(1, sizeof(*unit));

	if (!unit)
		return NULL;
	unit->kind = kind;
	unit->label = label;
	unit->next = g->first[kind];
	unit->at = &g->first[kind];
	if (unit->next)
		unit->next->at = &unit->next;
	g->first[kind] = unit;
	g->units++;
	hdl_xl_mark(g, unit);
	return unit;
}

void hdl_xl_unmark(struct hdl_xl_graph *g, struct hdl_xl_unit *unit)
{
	if (!unit->dirty)
		return;
	*unit->dirty_at = unit->next_dirty;
	if (unit->next_dirty)
		unit->next_dirty->dirty_at = unit->dirty_at;
	else
		g->dirty_end[unit->kind] = unit->dirty_at;
	unit->dirty = false;
}

void hdl_xl_unit_free(struct hdl_xl_graph *g, struct hdl_xl_unit *unit)
{
	hdl_xl_unmark(g, unit);
	hdl_xl_forget_reads(g, unit);
	hdl_xl_touch(g, &unit->head);
	/* they read it again, or what is in its place, when they are made again */
	for (struct hdl_xl_edge *edge = unit->head.readers; edge; edge = edge->next)
		edge->head = NULL;
	hdl_xl_unit_set_notes(g, unit, NULL);
	*unit->at = unit->next;
	if (unit->next)
		unit->next->at = unit->at;
	g->units--;
	hdl_ir_free(unit->gateway);
	hdl_ir_free(unit->client);
	hdl_ir_free(unit->claimed_by);
	hdl_ir_free(unit);
}

void hdl_xl_notes_free(struct hdl_xl_notes *notes)
{
	if (!notes)
		return;
	for (size_t i = 0; i < notes->n; i++)
		hdl_ir_free(notes->at[i].key);
	hdl_ir_free(notes->at);
	hdl_diags_done(&notes->diags);
	hdl_ir_free(notes);
}

void hdl_xl_unit_set_notes(struct hdl_xl_graph *g, struct hdl_xl_unit *unit, struct hdl_xl_notes *notes)
{
	hdl_xl_notes_free(unit->notes);
	unit->notes = notes;
	if (unit->noted && !notes) {
		*unit->noted_at = unit->next_noted;
		if (unit->next_noted)
			unit->next_noted->noted_at = unit->noted_at;
	} else if (!unit->noted && notes) {
		unit->next_noted = g->noted;
		unit->noted_at = &g->noted;
		if (g->noted)
			g->noted->noted_at = &unit->next_noted;
		g->noted = unit;
	}
	unit->noted = notes != NULL;
}
