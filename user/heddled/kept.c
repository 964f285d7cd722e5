/* SPDX-License-Identifier: Apache-2.0 */
/* Reads, appends to and rewrites the state file through descriptors that the keeper opened. */
#include "heddled/kept.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/log.h"
#include "model/schema.h"

#define PIECE_BYTES (256u << 10)
#define OBJECTS_PER_LOOK 32 /* at the clock */

/* A file that is being written. */
struct hdl_kept_rewrite {
	const struct hdl_config_set *set;
	uint64_t epoch, files, bytes;
	size_t next;          /* of set */
	struct hdl_buf queue; /* records of epochs since */
	/* First epoch of the process: what differs from what the process before left. */
	bool compare;
	struct hdl_epoch_meta start;
	struct hdl_arena *arena; /* of change */
	struct hdl_epoch_change *change;
	size_t n, capacity;
};

void hdl_kept_init(struct hdl_kept *state)
{
	*state = (struct hdl_kept){ .fd = -1, .new_fd = -1 };
	hdl_history_init(&state->history);
}

static void rewrite_free(struct hdl_kept *state)
{
	struct hdl_kept_rewrite *rewrite = state->rewrite;

	if (!rewrite)
		return;
	hdl_config_set_unref(rewrite->set);
	hdl_buf_done(&rewrite->queue);
	hdl_arena_free(rewrite->arena);
	free(rewrite->change);
	free(rewrite);
	state->rewrite = NULL;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void forget_saved(struct hdl_kept *state)
{
	hdl_saved_done(&state->saved);
	free(state->text);
	free(state->recalled);
	state->text = NULL;
	state->recalled = NULL;
}

void hdl_kept_done(struct hdl_kept *state)
{
	rewrite_free(state);
	forget_saved(state);
	hdl_history_done(&state->history);
	close_fd(&state->fd);
	close_fd(&state->new_fd);
}

/* ---- reading ---- */

static int read_all(int fd, char **ret, size_t *ret_n, struct hdl_err *err)
{
	struct stat st;
	size_t n = 0;
	char *text;

	if (fstat(fd, &st) < 0)
		return hdl_err_set(err, -errno, "%s", strerror(errno));
	if (st.st_size > (off_t)HDL_SAVED_BYTES_MAX)
		return hdl_err_set(err, -EFBIG, "it is larger than %zu MiB", HDL_SAVED_BYTES_MAX >> 20);
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	while (n < (size_t)st.st_size) {
		ssize_t got = pread(fd, text + n, (size_t)st.st_size - n, (off_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int r = hdl_err_set(err, -errno, "%s", strerror(errno));

			free(text);
			return r;
		}
		if (got == 0)
			break;
		n += (size_t)got;
	}
	*ret = text;
	*ret_n = n;
	return 0;
}

static void read_state(struct hdl_kept *state)
{
	struct hdl_err err;
	size_t n = 0;
	int r = read_all(state->fd, &state->text, &n, &err);

	if (r == 0 && n)
		r = hdl_saved_read((struct hdl_str){ state->text, n }, &state->saved, &state->history, &err);
	if (r > 0)
		hdl_log_warn("state file of the process before: %s", err.text);
	if (r < 0)
		hdl_log_error("state file of the process before is not used: %s", err.text);
	if (r < 0 || !state->saved.good_bytes) {
		forget_saved(state);
		close_fd(&state->fd);
		return;
	}
	state->bytes = state->whole_bytes = state->saved.good_bytes;
	/* what is appended must not stand behind something that is not read */
	if (ftruncate(state->fd, (off_t)state->bytes) < 0)
		close_fd(&state->fd);
	hdl_log_info("state file: epoch %llu with %zu objects, history of %zu", (unsigned long long)state->saved.epoch,
		     state->saved.n, state->history.n);
}

void hdl_kept_take(struct hdl_kept *state, int fd, int new_fd)
{
	if (fd >= 0) {
		close_fd(&state->fd);
		state->fd = fd;
		read_state(state);
	}
	if (new_fd >= 0) {
		rewrite_free(state);
		close_fd(&state->new_fd);
		state->new_fd = new_fd;
	}
}

int hdl_kept_recall(void *data, const char *path, const struct hdl_yaml_chunk **ret_chunks, size_t *ret_n)
{
	struct hdl_kept *state = data;
	struct hdl_yaml_chunk *chunk;
	size_t n = 0;
	int r;

	*ret_n = 0;
	if (!state->saved.n)
		return 0;
	r = hdl_saved_of_file(&state->saved, path, &chunk, &n);
	if (r < 0)
		return r;
	free(state->recalled);
	state->recalled = chunk;
	*ret_chunks = chunk;
	*ret_n = n;
	return 0;
}

static struct hdl_saved_object *find_saved(const struct hdl_kept *state, const struct hdl_resource *resource)
{
	const struct hdl_kind_schema *kind = &hdl_kind_schemas[resource->kind];

	return state->saved.n ? hdl_saved_find(&state->saved, kind->name, kind->group, resource->ns, resource->name) :
				NULL;
}

static bool same_text(const struct hdl_version *a, const struct hdl_version *b)
{
	return a->text && b->text && a->bytes == b->bytes && memcmp(a->text, b->text, a->bytes) == 0;
}

int hdl_kept_rolled_back(const struct hdl_kept *state, uint64_t files, const struct hdl_config_set *now,
			 struct hdl_arena *arena, struct hdl_former **ret, size_t *ret_n)
{
	const struct hdl_saved *saved = &state->saved;
	struct hdl_former *former;
	size_t n = 0;

	if (!saved->rolled_back_to || saved->files != files)
		return 0;
	former = calloc(saved->n + now->n + 1, sizeof(*former));
	if (!former)
		return -ENOMEM;
	for (size_t i = 0; i < saved->n; i++)
		saved->object[i].met = false;
	for (size_t i = 0; i < now->n; i++) {
		const struct hdl_resource *resource = now->at[i];
		const struct hdl_kind_schema *kind = &hdl_kind_schemas[resource->kind];
		struct hdl_saved_object *object = find_saved(state, resource);
		struct hdl_version version;

		if (hdl_version_print(arena, resource, &version) < 0) {
			free(former);
			return -ENOMEM;
		}
		if (object)
			object->met = same_text(&object->version, &version);
		else
			former[n++] =
				(struct hdl_former){ kind->name, kind->group, resource->ns, resource->name, { 0 } };
	}
	for (size_t i = 0; i < saved->n; i++) {
		const struct hdl_saved_object *object = &saved->object[i];

		if (!object->met)
			former[n++] = (struct hdl_former){ object->kind, object->group, object->ns, object->name,
							   object->version };
	}
	*ret = former;
	*ret_n = n;
	return 1;
}

/* ---- writing ---- */

static int write_at(int fd, const char *p, size_t n, uint64_t at)
{
	while (n) {
		ssize_t done = pwrite(fd, p, n, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		p += done;
		n -= (size_t)done;
		at += (uint64_t)done;
	}
	return 0;
}

static void fail(struct hdl_kept *state, const char *why, uint64_t now_ns)
{
	state->writes_failed++;
	if (strcmp(state->reason, why) != 0)
		hdl_log_error("state file: %s; what is in force now is not kept for a restart", why);
	snprintf(state->reason, sizeof(state->reason), "%s", why);
	state->retry_ns = now_ns + HDL_KEPT_RETRY_NS;
}

/*
 * Not synced: a process that is killed loses nothing that was written, and after a failure of the machine the record is
 * whole or left out, as its hash says.
 */
static void append(struct hdl_kept *state, const struct hdl_buf *record)
{
	int r;

	if (state->fd < 0)
		return;
	r = record->failed ? -ENOMEM : write_at(state->fd, record->p, record->n, state->bytes);
	if (r == 0) {
		state->bytes += record->n;
		return;
	}
	fail(state, strerror(-r), hdl_clock_mono_ns());
	/* as it was; if not even that can be done, the hash tells */
	if (ftruncate(state->fd, (off_t)state->bytes) < 0)
		hdl_log_debug("state file: %s", strerror(errno));
	close_fd(&state->fd);
}

void hdl_kept_epoch(struct hdl_kept *state, const struct hdl_epoch_meta *meta, uint64_t files,
		    const struct hdl_epoch_change *change, size_t n)
{
	struct hdl_buf record = { .limit_bytes = HDL_SAVED_BYTES_MAX };
	struct hdl_kept_rewrite *rewrite = state->rewrite;

	if (hdl_history_add(&state->history, meta, change, n, false) < 0)
		hdl_log_error("history: out of memory, epoch %llu cannot be undone", (unsigned long long)meta->epoch);
	hdl_saved_write_now(&record, meta, files, change, n);
	append(state, &record);
	if (rewrite && rewrite->queue.n + record.n > HDL_KEPT_QUEUE_BYTES_MAX && !rewrite->compare)
		rewrite_free(state); /* begun anew by the next turn */
	else if (rewrite && record.p)
		hdl_buf_add(&rewrite->queue, record.p, record.n);
	hdl_buf_done(&record);
}

/* ---- writing all of it ---- */

static int put_piece(struct hdl_kept *state, struct hdl_buf *piece)
{
	struct hdl_kept_rewrite *rewrite = state->rewrite;
	int r = piece->failed ? -ENOMEM : 0;

	if (r == 0 && rewrite->bytes + piece->n > HDL_SAVED_BYTES_MAX)
		r = -EFBIG;
	/* without a file the comparison goes on all the same */
	if (r == 0 && piece->n && state->new_fd >= 0)
		r = write_at(state->new_fd, piece->p, piece->n, rewrite->bytes);
	if (r == 0)
		rewrite->bytes += piece->n;
	hdl_buf_done(piece);
	*piece = (struct hdl_buf){ 0 };
	return r;
}

static int put_past(struct hdl_kept *state)
{
	struct hdl_buf piece = { 0 };
	int r = 0;

	hdl_saved_write_head(&piece);
	for (size_t i = 0; i < state->history.n && r == 0; i++) {
		hdl_saved_write_past(&piece, &state->history.record[i]);
		if (piece.n > PIECE_BYTES)
			r = put_piece(state, &piece);
	}
	return r == 0 ? put_piece(state, &piece) : r;
}

static struct hdl_kept_rewrite *rewrite_new(struct hdl_kept *state, const struct hdl_config_set *set, uint64_t epoch,
					    uint64_t files)
{
	struct hdl_kept_rewrite *rewrite = calloc(1, sizeof(*rewrite));

	if (!rewrite)
		return NULL;
	rewrite->set = hdl_config_set_ref(set);
	rewrite->epoch = epoch;
	rewrite->files = files;
	state->rewrite = rewrite;
	return rewrite;
}

static void give_up_rewrite(struct hdl_kept *state, int error, uint64_t now_ns)
{
	char why[128];

	if (error == -EFBIG)
		snprintf(why, sizeof(why), "the configuration is larger than the %zu MiB that are kept",
			 HDL_SAVED_BYTES_MAX >> 20);
	else if (error == -EBADF)
		snprintf(why, sizeof(why), "it could not be opened in the run directory");
	else
		snprintf(why, sizeof(why), "%s", strerror(-error));
	fail(state, why, now_ns);
	if (state->rewrite->compare)
		(void)hdl_history_add(&state->history, &state->rewrite->start, NULL, 0, true);
	forget_saved(state);
	rewrite_free(state);
	if (state->new_fd >= 0 && ftruncate(state->new_fd, 0) < 0)
		hdl_log_debug("state file: %s", strerror(errno));
}

void hdl_kept_start(struct hdl_kept *state, const struct hdl_config_set *set, uint64_t epoch, uint64_t wall_ns,
		    uint64_t files)
{
	struct hdl_kept_rewrite *rewrite;
	int r;

	/* other maps than those of the process before: its epochs mean nothing now */
	if (state->history.n && state->history.record[state->history.n - 1].meta.epoch >= epoch)
		hdl_history_done(&state->history);
	rewrite = rewrite_new(state, set, epoch, files);
	if (!rewrite || !(rewrite->arena = hdl_arena_new(0))) {
		rewrite_free(state);
		forget_saved(state);
		fail(state, "out of memory", hdl_clock_mono_ns());
		return;
	}
	rewrite->compare = true;
	rewrite->start = (struct hdl_epoch_meta){
		.epoch = epoch, .wall_ns = wall_ns, .rolled_back_to = set->rolled_back_to, .start = true
	};
	for (size_t i = 0; i < state->saved.n; i++)
		state->saved.object[i].met = false;
	/* now: epochs that come before the first slice are in the queue, and must not be in the file twice */
	r = put_past(state);
	if (r < 0)
		give_up_rewrite(state, r, hdl_clock_mono_ns());
}

static int note_change(struct hdl_kept_rewrite *rewrite, enum hdl_change what, const struct hdl_saved_object *object,
		       const struct hdl_version *before, const struct hdl_version *after)
{
	static const struct hdl_version none;
	struct hdl_epoch_change *change;

	if (rewrite->n == rewrite->capacity) {
		size_t capacity = rewrite->capacity ? rewrite->capacity * 2 : 64;

		change = reallocarray(rewrite->change, capacity, sizeof(*change));
		if (!change)
			return -ENOMEM;
		rewrite->change = change;
		rewrite->capacity = capacity;
	}
	change = &rewrite->change[rewrite->n++];
	*change = (struct hdl_epoch_change){ what,
					     object->kind,
					     object->group,
					     object->ns,
					     object->name,
					     before ? *before : none,
					     after ? *after : none };
	change->after.text = NULL;
	return 0;
}

/* With what the process before left. */
static int compare(struct hdl_kept *state, const struct hdl_resource *resource, const struct hdl_saved_object *now)
{
	struct hdl_kept_rewrite *rewrite = state->rewrite;
	struct hdl_saved_object *was = find_saved(state, resource);

	if (!state->saved.n) {
		rewrite->start.added++;
		return 0;
	}
	if (was && was->version.text) {
		was->met = true;
		if (same_text(&was->version, &now->version))
			return 0;
		rewrite->start.changed++;
		return note_change(rewrite, HDL_CHANGE_CHANGED, now, &was->version, &now->version);
	}
	rewrite->start.added++;
	return note_change(rewrite, HDL_CHANGE_ADDED, now, NULL, &now->version);
}

/* Objects from rewrite->next on, into one record, until the time of the slice is over. */
static int put_objects(struct hdl_kept *state, uint64_t until_ns)
{
	struct hdl_kept_rewrite *rewrite = state->rewrite;
	struct hdl_arena *arena = hdl_arena_new(0);
	struct hdl_saved_object *object = calloc(OBJECTS_PER_LOOK, sizeof(*object));
	struct hdl_buf piece = { 0 };
	int r = arena && object ? 0 : -ENOMEM;

	while (r == 0 && rewrite->next < rewrite->set->n && hdl_clock_mono_ns() < until_ns) {
		size_t n = 0;

		hdl_arena_reset(arena);
		for (; n < OBJECTS_PER_LOOK && rewrite->next < rewrite->set->n && r == 0; n++) {
			const struct hdl_resource *resource = rewrite->set->at[rewrite->next++];

			object[n] = (struct hdl_saved_object){ .kind = hdl_kind_schemas[resource->kind].name,
							       .group = hdl_kind_schemas[resource->kind].group,
							       .ns = resource->ns,
							       .name = resource->name };
			r = hdl_version_print(arena, resource, &object[n].version);
			if (r == 0 && rewrite->compare)
				r = compare(state, resource, &object[n]);
		}
		if (r == 0)
			hdl_saved_write_base(&piece, object, n);
		if (r == 0 && piece.n > PIECE_BYTES)
			r = put_piece(state, &piece);
	}
	if (r == 0)
		r = put_piece(state, &piece);
	hdl_buf_done(&piece);
	hdl_arena_free(arena);
	free(object);
	return r;
}

/* All objects are written. What the process before had and is gone completes what the start changed. */
static int finish_compare(struct hdl_kept *state)
{
	struct hdl_kept_rewrite *rewrite = state->rewrite;
	struct hdl_buf piece = { 0 };
	int r = 0;

	for (size_t i = 0; i < state->saved.n && r == 0; i++) {
		const struct hdl_saved_object *object = &state->saved.object[i];

		if (object->met || !object->version.text)
			continue;
		rewrite->start.removed++;
		r = note_change(rewrite, HDL_CHANGE_REMOVED, object, &object->version, NULL);
	}
	if (r == 0)
		r = hdl_history_add(&state->history, &rewrite->start, rewrite->change, rewrite->n, !state->saved.n);
	for (size_t i = 0; i < state->history.n && r == 0; i++) {
		const struct hdl_epoch_record *record = &state->history.record[i];

		if (record->meta.epoch == rewrite->epoch && record->meta.start)
			hdl_saved_write_past(&piece, record);
	}
	rewrite->compare = false;
	forget_saved(state);
	return r == 0 ? put_piece(state, &piece) : r;
}

static int finish_rewrite(struct hdl_kept *state)
{
	struct hdl_kept_rewrite *rewrite = state->rewrite;
	struct hdl_buf piece = { 0 };
	int r = rewrite->compare ? finish_compare(state) : 0;

	hdl_saved_write_base_end(&piece, rewrite->epoch, rewrite->set->rolled_back_to, rewrite->files);
	if (rewrite->queue.n)
		hdl_buf_add(&piece, rewrite->queue.p, rewrite->queue.n);
	piece.failed |= rewrite->queue.failed;
	if (r == 0)
		r = put_piece(state, &piece);
	hdl_buf_done(&piece);
	if (r == 0 && state->new_fd < 0)
		r = -EBADF;
	if (r == 0 && fdatasync(state->new_fd) < 0)
		r = -errno;
	if (r < 0)
		return r;
	close_fd(&state->fd);
	state->fd = state->new_fd;
	state->new_fd = -1;
	state->bytes = state->whole_bytes = rewrite->bytes;
	state->reason[0] = '\0';
	rewrite_free(state);
	return 0;
}

static bool must_rewrite(const struct hdl_kept *state, uint64_t now_ns)
{
	uint64_t most = state->whole_bytes * 2 > HDL_KEPT_GROWTH_BYTES ? state->whole_bytes * 2 : HDL_KEPT_GROWTH_BYTES;

	return state->new_fd >= 0 && now_ns >= state->retry_ns && (state->fd < 0 || state->bytes > most);
}

bool hdl_kept_comparing(const struct hdl_kept *state)
{
	return state->rewrite && state->rewrite->compare;
}

void hdl_kept_lost(struct hdl_kept *state)
{
	if (!hdl_kept_comparing(state))
		rewrite_free(state);
	close_fd(&state->fd);
}

bool hdl_kept_turn(struct hdl_kept *state, const struct hdl_config_set *set, uint64_t epoch, uint64_t files,
		   uint64_t now_ns, bool *ret_more)
{
	struct hdl_kept_rewrite *rewrite = state->rewrite;
	int r = 0;

	*ret_more = false;
	if (!rewrite && must_rewrite(state, now_ns))
		rewrite = rewrite_new(state, set, epoch, files);
	if (!rewrite)
		return false;
	if (rewrite->bytes == 0)
		r = put_past(state);
	if (r == 0)
		r = put_objects(state, now_ns + HDL_KEPT_SLICE_NS);
	if (r == 0 && rewrite->next < rewrite->set->n) {
		*ret_more = true;
		return false;
	}
	if (r == 0)
		r = finish_rewrite(state);
	if (r < 0)
		give_up_rewrite(state, r, now_ns);
	return r == 0;
}
