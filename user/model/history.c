/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded history of epochs: each record holds what an epoch changed, and is undone by the versions before. */
#include "model/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/hash.h"
#include "model/index.h"
#include "model/print.h"
#include "model/schema.h"

const char *hdl_change_name(enum hdl_change change)
{
	static const char *const names[] = { "added", "changed", "removed", "moved" };

	return names[change];
}

struct hdl_object_id hdl_named_id(const char *kind, const char *group, const char *ns, const char *name)
{
	uint64_t number = hdl_hash64(kind, strlen(kind), hdl_hash64(group, strlen(group), 0));

	return (struct hdl_object_id){ (enum hdl_kind)(number & INT32_MAX), ns, name };
}

void hdl_history_init(struct hdl_history *history)
{
	*history = (struct hdl_history){ .bytes_max = HDL_HISTORY_BYTES_MAX };
}

static void record_done(struct hdl_history *history, struct hdl_epoch_record *record)
{
	if (record->arena)
		history->bytes -= hdl_arena_used_bytes(record->arena);
	hdl_arena_free(record->arena);
	*record = (struct hdl_epoch_record){ .cut = true };
}

void hdl_history_done(struct hdl_history *history)
{
	for (size_t i = 0; i < history->n; i++)
		record_done(history, &history->record[i]);
	history->n = 0;
}

static bool copy_text(struct hdl_arena *arena, const char **text)
{
	if (*text)
		*text = hdl_arena_strdup(arena, *text);
	return *text != NULL;
}

static int copy_version(struct hdl_arena *arena, struct hdl_version *version, bool with_text)
{
	if (version->file && !copy_text(arena, &version->file))
		return -ENOMEM;
	if (!with_text)
		version->text = NULL;
	if (!version->text)
		return 0;
	version->text = hdl_arena_strndup(arena, version->text, version->bytes);
	return version->text ? 0 : -ENOMEM;
}

static int copy_change(struct hdl_arena *arena, const struct hdl_epoch_change *from, struct hdl_epoch_change *ret,
		       bool with_text)
{
	*ret = *from;
	if (!copy_text(arena, &ret->kind) || !copy_text(arena, &ret->group) || !copy_text(arena, &ret->ns) ||
	    !copy_text(arena, &ret->name) || copy_version(arena, &ret->before, with_text) < 0)
		return -ENOMEM;
	return copy_version(arena, &ret->after, false);
}

/* A record with all changes, or with the first ones and without texts. */
static int make_record(const struct hdl_epoch_meta *meta, const struct hdl_epoch_change *change, size_t n, bool cut,
		       struct hdl_epoch_record *ret)
{
	struct hdl_epoch_record record = { .meta = *meta, .cut = cut, .arena = hdl_arena_new(0) };
	struct hdl_epoch_change *copy;
	int r = 0;

	if (!record.arena)
		return -ENOMEM;
	copy = hdl_arena_calloc(record.arena, n + 1, sizeof(*copy));
	if (!copy || (meta->refused && !copy_text(record.arena, &record.meta.refused)))
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < n && !(cut && record.n == HDL_HISTORY_LISTED_MAX); i++) {
		if (cut && change[i].what == HDL_CHANGE_MOVED)
			continue;
		r = copy_change(record.arena, &change[i], &copy[record.n++], !cut);
	}
	if (r < 0) {
		hdl_arena_free(record.arena);
		return r;
	}
	record.change = copy;
	*ret = record;
	return 0;
}

static void cut_record(struct hdl_history *history, struct hdl_epoch_record *record)
{
	struct hdl_epoch_record less;

	if (make_record(&record->meta, record->change, record->n, true, &less) < 0) {
		less = (struct hdl_epoch_record){ .meta = record->meta, .cut = true };
		less.meta.refused = record->meta.refused ? "" : NULL;
	}
	record_done(history, record);
	*record = less;
	if (less.arena)
		history->bytes += hdl_arena_used_bytes(less.arena);
	history->cuts++;
}

/* The oldest give way. The newest too when it alone is too large. */
static void keep_limit(struct hdl_history *history)
{
	for (size_t i = 0; i < history->n && history->bytes > history->bytes_max; i++)
		if (!history->record[i].cut)
			cut_record(history, &history->record[i]);
}

static void drop_oldest(struct hdl_history *history)
{
	record_done(history, &history->record[0]);
	memmove(&history->record[0], &history->record[1], --history->n * sizeof(history->record[0]));
}

int hdl_history_add(struct hdl_history *history, const struct hdl_epoch_meta *meta,
		    const struct hdl_epoch_change *change, size_t n, bool cut)
{
	struct hdl_epoch_record record;
	size_t at;
	int r = make_record(meta, change, n, cut, &record);

	if (r < 0) {
		record = (struct hdl_epoch_record){ .meta = *meta, .cut = true };
		record.meta.refused = meta->refused ? "" : NULL;
	}
	if (history->n == HDL_HISTORY_EPOCHS_MAX)
		drop_oldest(history);
	at = history->n;
	while (at > 0 && history->record[at - 1].meta.epoch > meta->epoch)
		at--;
	memmove(&history->record[at + 1], &history->record[at], (history->n - at) * sizeof(record));
	history->record[at] = record;
	history->n++;
	if (record.arena)
		history->bytes += hdl_arena_used_bytes(record.arena);
	keep_limit(history);
	return r;
}

/* ---- going back ---- */

static bool is_epoch(const struct hdl_epoch_record *record)
{
	return !record->meta.refused;
}

uint64_t hdl_history_oldest(const struct hdl_history *history)
{
	uint64_t oldest = 0;

	for (size_t i = history->n; i-- > 0;) {
		if (!is_epoch(&history->record[i]))
			continue;
		oldest = history->record[i].meta.epoch;
		if (history->record[i].cut)
			break;
	}
	return oldest;
}

/* The first change after the epoch says what an object was; later ones of the same object do not count. */
struct formers {
	struct hdl_former *at;
	size_t n;
};

static struct hdl_object_id former_id(const void *base, uint32_t i)
{
	const struct hdl_former *former = &((const struct formers *)base)->at[i];

	return hdl_named_id(former->kind, former->group, former->ns, former->name);
}

static int gather(const struct hdl_history *history, size_t from, size_t total, struct formers *formers)
{
	struct hdl_index index = { 0 };
	int r = hdl_index_reserve(&index, total, former_id, formers);

	for (size_t i = from; r == 0 && i < history->n; i++) {
		const struct hdl_epoch_record *record = &history->record[i];

		for (size_t j = 0; is_epoch(record) && j < record->n; j++) {
			const struct hdl_epoch_change *change = &record->change[j];
			struct hdl_former former = { change->kind, change->group, change->ns, change->name,
						     change->before };
			struct hdl_object_id id = hdl_named_id(former.kind, former.group, former.ns, former.name);

			if (hdl_index_find(&index, id, former_id, formers) >= 0)
				continue;
			formers->at[formers->n] = former;
			hdl_index_add(&index, (uint32_t)formers->n++, former_id, formers);
		}
	}
	hdl_index_done(&index);
	return r;
}

int hdl_history_former(const struct hdl_history *history, uint64_t epoch, struct hdl_former **ret, size_t *ret_n)
{
	struct formers formers = { 0 };
	size_t from = 0, total = 0;
	int r;

	while (from < history->n && !(is_epoch(&history->record[from]) && history->record[from].meta.epoch == epoch))
		from++;
	if (from++ == history->n)
		return -ENOENT;
	for (size_t i = from; i < history->n; i++) {
		if (is_epoch(&history->record[i]) && history->record[i].cut)
			return -ESTALE;
		total += history->record[i].n;
	}
	formers.at = calloc(total + 1, sizeof(*formers.at));
	if (!formers.at)
		return -ENOMEM;
	r = gather(history, from, total, &formers);
	if (r < 0) {
		free(formers.at);
		return r;
	}
	*ret = formers.at;
	*ret_n = formers.n;
	return 0;
}

/* ---- which epoch brought it ---- */

static struct hdl_object_id change_id(const void *base, uint32_t i)
{
	const struct hdl_epoch_change *change = ((const struct hdl_history_index *)base)->change[i];

	return hdl_named_id(change->kind, change->group, change->ns, change->name);
}

static void index_record(struct hdl_history_index *index, const struct hdl_epoch_record *record)
{
	index->oldest = record->meta.epoch;
	for (size_t j = 0; j < record->n; j++) {
		const struct hdl_epoch_change *change = &record->change[j];
		struct hdl_object_id id = hdl_named_id(change->kind, change->group, change->ns, change->name);

		if (change->what == HDL_CHANGE_MOVED || hdl_index_find(&index->index, id, change_id, index) >= 0)
			continue;
		index->change[index->n] = change;
		index->epoch[index->n] = record->meta.epoch;
		hdl_index_add(&index->index, (uint32_t)index->n++, change_id, index);
	}
}

int hdl_history_index_make(const struct hdl_history *history, struct hdl_history_index *ret)
{
	struct hdl_history_index index = { .history = history };
	size_t total = 0;

	for (size_t i = 0; i < history->n; i++)
		total += is_epoch(&history->record[i]) ? history->record[i].n : 0;
	index.change = calloc(total + 1, sizeof(*index.change));
	index.epoch = calloc(total + 1, sizeof(*index.epoch));
	if (!index.change || !index.epoch || hdl_index_reserve(&index.index, total, change_id, &index) < 0) {
		hdl_history_index_done(&index);
		return -ENOMEM;
	}
	for (size_t i = history->n; i-- > 0;)
		if (is_epoch(&history->record[i]))
			index_record(&index, &history->record[i]);
	*ret = index;
	return 0;
}

void hdl_history_index_done(struct hdl_history_index *index)
{
	free(index->change);
	free(index->epoch);
	hdl_index_done(&index->index);
	*index = (struct hdl_history_index){ 0 };
}

uint64_t hdl_history_index_epoch(const struct hdl_history_index *index, struct hdl_object_id id)
{
	const struct hdl_kind_schema *kind = &hdl_kind_schemas[id.kind];
	int64_t i =
		hdl_index_find(&index->index, hdl_named_id(kind->name, kind->group, id.ns, id.name), change_id, index);

	return i < 0 ? index->oldest : index->epoch[i];
}

/* ---- from resources ---- */

int hdl_version_print(struct hdl_arena *arena, const struct hdl_resource *resource, struct hdl_version *ret)
{
	struct hdl_buf text = { 0 };

	hdl_resource_print(resource, HDL_EMIT_LINE, HDL_PRINT_SECRETS, &text);
	*ret = (struct hdl_version){ .bytes = text.n,
				     .file = resource->file ? resource->file : "",
				     .line = resource->pos.line,
				     .document = resource->document };
	if (!text.failed && text.p)
		ret->text = hdl_arena_strndup(arena, text.p, text.n);
	hdl_buf_done(&text);
	return ret->text ? 0 : -ENOMEM;
}

int hdl_history_print(struct hdl_arena *arena, const struct hdl_object_changes *changes, struct hdl_epoch_meta *meta,
		      struct hdl_epoch_change **ret, size_t *ret_n)
{
	struct hdl_epoch_change *change = hdl_arena_calloc(arena, changes->n + 1, sizeof(*change));
	size_t count[HDL_CHANGES] = { 0 };

	if (!change)
		return -ENOMEM;
	for (size_t i = 0; i < changes->n; i++) {
		const struct hdl_object_change *from = &changes->at[i];
		const struct hdl_resource *resource = from->after ? from->after : from->before;

		change[i].what = !from->before ? HDL_CHANGE_ADDED :
				 !from->after  ? HDL_CHANGE_REMOVED :
				 from->moved   ? HDL_CHANGE_MOVED :
						 HDL_CHANGE_CHANGED;
		change[i].kind = hdl_kind_name(resource->kind);
		change[i].group = hdl_kind_schemas[resource->kind].group;
		change[i].ns = resource->ns;
		change[i].name = resource->name;
		if ((from->before && hdl_version_print(arena, from->before, &change[i].before) < 0) ||
		    (from->after && hdl_version_print(arena, from->after, &change[i].after) < 0))
			return -ENOMEM;
		count[change[i].what]++;
	}
	meta->added = count[HDL_CHANGE_ADDED];
	meta->changed = count[HDL_CHANGE_CHANGED];
	meta->removed = count[HDL_CHANGE_REMOVED];
	*ret = change;
	*ret_n = changes->n;
	return 0;
}
