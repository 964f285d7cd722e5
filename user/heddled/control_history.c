/* SPDX-License-Identifier: Apache-2.0 */
/* What each epoch changed, going back to one, and keeping it all for a restart. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/log.h"
#include "heddled/control_state.h"
#include "model/compare.h"
#include "model/print.h"
#include "model/schema.h"
#include "model/store_objects.h"

static uint64_t epoch_in_force(const struct hdl_control *control)
{
	struct hdl_snapshot *snapshot = control->publisher ? hdl_publisher_current(control->publisher) : NULL;

	return snapshot ? snapshot->epoch : 0;
}

void hdl_control_on_state_timer(struct hdl_timer *timer)
{
	struct hdl_control *control = HDL_CONTAINER_OF(timer, struct hdl_control, state_timer);
	uint64_t now_ns = hdl_clock_mono_ns();
	bool more = false;

	if (control->set && hdl_kept_turn(&control->state, control->set, epoch_in_force(control),
					  hdl_config_files_hash(control->config), now_ns, &more))
		hdl_control_send_plain(control, HDL_MSG_STATE_WRITTEN);
	hdl_timer_set(&control->loop.timers, timer,
		      hdl_clock_mono_ns() + (more ? HDL_CONTROL_STATE_PAUSE_NS : HDL_CONTROL_STATE_TICK_NS));
}

/* What differs between the set in force and another one, for the history. 0 or -ENOMEM. */
static int print_changes(struct hdl_control *control, const struct hdl_config_set *to, struct hdl_arena *arena,
			 struct hdl_epoch_meta *meta, struct hdl_epoch_change **ret, size_t *ret_n)
{
	struct hdl_object_changes changes = { 0 };
	int r = hdl_resources_compare(control->set->at, control->set->n, to->at, to->n, &changes);

	if (r == 0)
		r = hdl_history_print(arena, &changes, meta, ret, ret_n);
	hdl_object_changes_done(&changes);
	return r;
}

static void note(struct hdl_control *control, const struct hdl_config_set *to, struct hdl_epoch_meta *meta)
{
	struct hdl_arena *arena = hdl_arena_new(0);
	struct hdl_epoch_change *change = NULL;
	size_t n = 0;

	if (!arena || (to && print_changes(control, to, arena, meta, &change, &n) < 0)) {
		/* what the file says is not what is in force any more */
		hdl_log_error("history: out of memory, epoch %" PRIu64 " cannot be undone", meta->epoch);
		(void)hdl_history_add(&control->state.history, meta, NULL, 0, true);
		hdl_kept_lost(&control->state);
		hdl_arena_free(arena);
		return;
	}
	for (size_t i = 0; meta->refused && i < n; i++)
		change[i].before.text = change[i].after.text = NULL;
	hdl_kept_epoch(&control->state, meta, hdl_config_files_hash(control->config), change, n);
	hdl_arena_free(arena);
}

void hdl_control_note_epoch(struct hdl_control *control, uint64_t epoch)
{
	const struct hdl_config_set *set = hdl_config_set(control->config);
	struct hdl_epoch_meta meta = { .epoch = epoch,
				       .wall_ns = hdl_clock_wall_ns(),
				       .rolled_back_to = set->rolled_back_to };

	if (control->set)
		note(control, set, &meta);
	else
		hdl_kept_start(&control->state, set, epoch, meta.wall_ns, hdl_config_files_hash(control->config));
	hdl_config_set_ref(set);
	hdl_config_set_unref(control->set);
	control->set = set;
	hdl_statuses_update(&control->statuses, set, (int64_t)meta.wall_ns);
	/* the files of this process are read: what the one before had accepted is not asked for any more */
	hdl_config_set_recall(control->config, NULL, NULL);
	hdl_timer_set(&control->loop.timers, &control->state_timer, hdl_clock_mono_ns() + HDL_CONTROL_STATE_PAUSE_NS);
}

void hdl_control_note_refusal(struct hdl_control *control, bool changed, const char *reason)
{
	const struct hdl_history *history = &control->state.history;
	const struct hdl_epoch_record *last = history->n ? &history->record[history->n - 1] : NULL;
	struct hdl_epoch_meta meta = { .epoch = epoch_in_force(control),
				       .wall_ns = hdl_clock_wall_ns(),
				       .refused = reason };

	/* said once: what is tried again is refused again */
	if (!control->set || (last && last->meta.refused && strcmp(last->meta.refused, reason) == 0))
		return;
	note(control, changed ? hdl_config_set(control->config) : NULL, &meta);
}

/* ---- going back ---- */

static void finish_comparison(struct hdl_control *control)
{
	bool more;

	while (hdl_kept_comparing(&control->state))
		if (hdl_kept_turn(&control->state, control->set, epoch_in_force(control),
				  hdl_config_files_hash(control->config), hdl_clock_mono_ns(), &more))
			hdl_control_send_plain(control, HDL_MSG_STATE_WRITTEN);
}

static int refuse_epoch(const struct hdl_control *control, int code, uint64_t epoch, struct hdl_err *err)
{
	uint64_t oldest = hdl_history_oldest(&control->state.history);

	if (code == -ENOENT)
		return hdl_err_set(err, code,
				   "epoch %" PRIu64
				   " is not in the history, which holds the last %d; the oldest that can "
				   "be had again is %" PRIu64,
				   epoch, HDL_HISTORY_EPOCHS_MAX, oldest);
	if (code == -ESTALE)
		return hdl_err_set(err, code,
				   "the documents of epoch %" PRIu64
				   " are not all kept any more (%zu MiB are, of all epochs); "
				   "the oldest that can be had again is %" PRIu64,
				   epoch, control->state.history.bytes_max >> 20, oldest);
	return hdl_err_set(err, code, "%s", strerror(-code));
}

int hdl_control_roll_back(void *data, uint64_t call, uint64_t epoch, struct hdl_err *err)
{
	struct hdl_control *control = data;
	struct hdl_snapshot *snapshot;
	struct hdl_former *former;
	size_t n;
	int r;

	if (!control->set || control->phase >= HDL_CONTROL_DRAINING)
		return hdl_err_set(err, -ESHUTDOWN, "the daemon is not serving yet, or not any more");
	if (epoch == epoch_in_force(control))
		return hdl_err_set(err, -EALREADY, "epoch %" PRIu64 " is the one in force", epoch);
	finish_comparison(control);
	r = hdl_history_former(&control->state.history, epoch, &former, &n);
	if (r < 0)
		return refuse_epoch(control, r, epoch, err);
	r = hdl_config_roll_back(control->config, control->set, former, n, epoch, &snapshot, err);
	free(former);
	if (r < 0)
		return r;
	r = hdl_control_apply(control, snapshot, false, err);
	if (r < 0) {
		hdl_config_stay(control->config, control->set);
		return r;
	}
	hdl_log_info("rolled back to epoch %" PRIu64 ", until the files change", epoch);
	hdl_control_answer_reload(control, call);
	return 0;
}

void hdl_control_roll_back_again(struct hdl_control *control, struct hdl_snapshot **snapshot)
{
	uint64_t epoch = control->state.saved.rolled_back_to;
	const struct hdl_config_set *files = hdl_config_set(control->config);
	struct hdl_arena *arena = hdl_arena_new(0);
	struct hdl_former *former = NULL;
	struct hdl_snapshot *rolled = NULL;
	struct hdl_err err = { "out of memory" };
	size_t n = 0;
	int r = arena ? hdl_kept_rolled_back(&control->state, hdl_config_files_hash(control->config), files, arena,
					     &former, &n) :
			-ENOMEM;

	if (r > 0)
		r = hdl_config_roll_back(control->config, files, former, n, epoch, &rolled, &err);
	if (r < 0)
		hdl_log_error("the rollback to epoch %" PRIu64 " ends with the restart: %s", epoch, err.text);
	if (rolled) {
		hdl_log_info("rolled back to epoch %" PRIu64 " as before the restart, until the files change", epoch);
		hdl_snapshot_unref(*snapshot);
		*snapshot = rolled;
	}
	free(former);
	hdl_arena_free(arena);
}

/* ---- what the admin pages see ---- */

void hdl_control_documents(void *data, struct hdl_jsonw *w)
{
	struct hdl_control *control = data;
	const struct hdl_config_set *set = control->set;

	hdl_jsonw_ku64(w, "epoch", epoch_in_force(control));
	hdl_jsonw_kstr(w, "node", control->kernel.nodename);
	hdl_jsonw_key(w, "documents");
	hdl_jsonw_array(w);
	for (size_t i = 0; set && i < set->n; i++) {
		const struct hdl_resource *resource = set->at[i];
		struct hdl_buf text = { 0 };

		hdl_resource_print(resource, HDL_EMIT_LINE, HDL_PRINT_SECRETS, &text);
		w->buf->failed |= text.failed;
		hdl_jsonw_object(w);
		hdl_jsonw_kstr(w, "file", resource->file);
		hdl_jsonw_ku64(w, "line", resource->pos.line);
		hdl_jsonw_ku64(w, "document", resource->document);
		hdl_jsonw_key(w, "text");
		hdl_jsonw_strn(w, (struct hdl_str){ text.p ? text.p : "", text.n });
		hdl_jsonw_object_end(w);
		hdl_buf_done(&text);
	}
	hdl_jsonw_array_end(w);
}

static const struct hdl_epoch_record *record_at(const struct hdl_control *control, size_t i)
{
	const struct hdl_history *history = &control->state.history;

	return i < history->n ? &history->record[history->n - 1 - i] : NULL;
}

static size_t count_listed(const struct hdl_epoch_record *record)
{
	size_t n = 0;

	for (size_t i = 0; i < record->n; i++)
		n += record->change[i].what != HDL_CHANGE_MOVED;
	return n;
}

bool hdl_control_epoch_at(void *data, size_t i, struct hdl_admin_epoch *ret)
{
	const struct hdl_control *control = data;
	const struct hdl_epoch_record *record = record_at(control, i);
	const struct hdl_epoch_meta *meta;

	if (!record)
		return false;
	meta = &record->meta;
	*ret = (struct hdl_admin_epoch){
		.epoch = meta->epoch,
		.wall_ns = meta->wall_ns,
		.rolled_back_to = meta->rolled_back_to,
		.start = meta->start,
		.kept = !meta->refused && meta->epoch >= hdl_history_oldest(&control->state.history),
		.refused = meta->refused,
		.added = meta->added,
		.changed = meta->changed,
		.removed = meta->removed,
		.listed = count_listed(record),
	};
	return true;
}

bool hdl_control_change_at(void *data, size_t i, size_t j, struct hdl_admin_change *ret)
{
	const struct hdl_epoch_record *record = record_at(data, i);

	for (size_t k = 0; record && k < record->n; k++) {
		const struct hdl_epoch_change *change = &record->change[k];
		const struct hdl_version *place = change->what == HDL_CHANGE_REMOVED ? &change->before : &change->after;

		if (change->what == HDL_CHANGE_MOVED || j-- > 0)
			continue;
		*ret = (struct hdl_admin_change){
			hdl_change_name(change->what),  change->kind, change->group, change->ns, change->name,
			place->file ? place->file : "", place->line
		};
		return true;
	}
	return false;
}

static bool index_history(struct hdl_control *control)
{
	hdl_history_index_done(&control->object_index);
	return hdl_history_index_make(&control->state.history, &control->object_index) == 0;
}

uint64_t hdl_control_file_epoch(void *data, size_t i)
{
	struct hdl_control *control = data;
	struct hdl_store_cursor cursor = { .file = i };
	struct hdl_store_object object;
	uint64_t epoch = 0;

	if (i == 0 && !index_history(control))
		return 0;
	while (hdl_resource_store_next(hdl_config_store(control->config), &cursor, &object) && cursor.file == i) {
		uint64_t brought = object.resource ? hdl_history_index_epoch(&control->object_index, object.id) : 0;

		epoch = brought > epoch ? brought : epoch;
	}
	return epoch;
}

bool hdl_control_object_at(void *data, size_t i, struct hdl_admin_object *ret)
{
	struct hdl_control *control = data;
	struct hdl_store_object object;
	struct hdl_buf text = { 0 };

	/* asked for in turn, from 0 to the end */
	if (i == 0) {
		control->object_cursor = (struct hdl_store_cursor){ 0 };
		if (!index_history(control))
			return false;
	}
	if (!hdl_resource_store_next(hdl_config_store(control->config), &control->object_cursor, &object)) {
		hdl_history_index_done(&control->object_index);
		return false;
	}
	if (object.reason)
		hdl_diag_print(&text, object.reason);
	snprintf(control->object_reason, sizeof(control->object_reason), "%s",
		 text.p          ? text.p :
		 object.accepted ? "" :
				   "refused");
	hdl_buf_done(&text);
	*ret = (struct hdl_admin_object){ .kind = hdl_kind_name(object.id.kind),
					  .ns = object.id.ns,
					  .name = object.id.name,
					  .file = object.file,
					  .line = object.resource ? object.resource->pos.line : 0,
					  .accepted = object.accepted,
					  .epoch = object.resource ?
							   hdl_history_index_epoch(&control->object_index, object.id) :
							   0,
					  .reason = control->object_reason };
	return true;
}
