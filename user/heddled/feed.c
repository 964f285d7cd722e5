/* SPDX-License-Identifier: Apache-2.0 */
/* Passes the configuration files to the worker process, as descriptors, whenever they change. */
#include "heddled/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "base/scan.h"
#include "heddled/watch.h"

/* A change within this time of an earlier one may have left the same time stamps (they move with the timer tick). */
#define STAMP_SETTLES_NS (100 * (int64_t)HDL_NS_PER_MS)

/* What the worker was told of a file. */
struct known {
	char *path;
	bool node, settled;
	int error;
	struct hdl_scan_stamp stamp;
	uint64_t gone_since_ns;  /* 0 = there */
	uint64_t empty_since_ns; /* 0 = not empty, or empty for good */
};

/* One file of a pass. */
struct item {
	struct known known;
	bool send; /* otherwise passed as the same */
	bool gone; /* in a partial pass */
};

struct hdl_feed {
	struct hdl_feed_conf conf;
	struct hdl_watch *watch;
	struct known *known; /* sorted by path */
	size_t known_count, known_capacity;
	struct item *item; /* of the pass that runs; NULL = none */
	size_t item_count, cursor;
	bool partial; /* the pass that runs */
	char **dirty; /* files that changed and were not told yet, sorted */
	size_t dirty_count;
	uint64_t dirty_ns;         /* when to look at them again, because all are held back; 0 = now */
	uint64_t event_ns;         /* the first sign of what was not told yet; 0 = none */
	uint64_t sequence, synced; /* last pass begun, last one answered */
	uint64_t begun_ns;         /* when the last pass began */
	uint64_t due_ns;           /* next pass, if nothing happens */
	bool changed;
	bool all;   /* the pass must be sent even if nothing changed, without holding anything */
	bool fresh; /* the worker knows nothing */
	uint64_t request[HDL_FEED_REQUESTS_MAX]; /* waiting for the next pass */
	unsigned int request_count;
	uint64_t serving[HDL_FEED_REQUESTS_MAX]; /* answered by the pass that runs */
	unsigned int serving_count;
};

struct hdl_feed *hdl_feed_new(const struct hdl_feed_conf *conf, struct hdl_err *err)
{
	struct hdl_feed *feed = calloc(1, sizeof(*feed));

	if (!feed) {
		hdl_err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	feed->conf = *conf;
	feed->watch = hdl_watch_new(err);
	if (!feed->watch)
		return hdl_feed_free(feed);
	hdl_feed_restart(feed);
	return feed;
}

static void drop_known(struct hdl_feed *feed)
{
	for (size_t i = 0; i < feed->known_count; i++)
		free(feed->known[i].path);
	free(feed->known);
	feed->known = NULL;
	feed->known_count = feed->known_capacity = 0;
}

static void drop_dirty(struct hdl_feed *feed)
{
	hdl_watch_free_names(feed->dirty, feed->dirty_count);
	feed->dirty = NULL;
	feed->dirty_count = 0;
}

static void drop_items(struct hdl_feed *feed)
{
	for (size_t i = 0; i < feed->item_count; i++)
		free(feed->item[i].known.path);
	free(feed->item);
	feed->item = NULL;
	feed->item_count = feed->cursor = 0;
}

struct hdl_feed *hdl_feed_free(struct hdl_feed *feed)
{
	if (!feed)
		return NULL;
	drop_known(feed);
	drop_items(feed);
	drop_dirty(feed);
	hdl_watch_free(feed->watch);
	free(feed);
	return NULL;
}

int hdl_feed_fd(const struct hdl_feed *feed)
{
	return hdl_watch_fd(feed->watch);
}

void hdl_feed_restart(struct hdl_feed *feed)
{
	drop_known(feed);
	drop_items(feed);
	drop_dirty(feed);
	feed->synced = feed->sequence;
	feed->begun_ns = feed->event_ns = 0;
	feed->request_count = feed->serving_count = 0;
	feed->fresh = feed->changed = true;
}

void hdl_feed_request(struct hdl_feed *feed, uint64_t request)
{
	feed->all = true;
	if (request && feed->request_count < HDL_FEED_REQUESTS_MAX)
		feed->request[feed->request_count++] = request;
}

void hdl_feed_synced(struct hdl_feed *feed, uint64_t sequence)
{
	if (sequence > feed->synced && sequence <= feed->sequence)
		feed->synced = sequence;
}

static void watch_directory(void *data, const char *path, bool any_name)
{
	hdl_watch_directory(data, path, any_name);
}

static void sooner(struct hdl_feed *feed, uint64_t at_ns)
{
	if (at_ns < feed->due_ns)
		feed->due_ns = at_ns;
}

/* A file of the worker's that the scan did not find. True: it stays for now. */
static bool keep_gone(struct hdl_feed *feed, struct known *known, uint64_t now_ns, bool hold)
{
	if (known->gone_since_ns == 0)
		known->gone_since_ns = now_ns;
	if (!hold || now_ns - known->gone_since_ns >= HDL_FEED_HOLD_NS)
		return false;
	sooner(feed, known->gone_since_ns + HDL_FEED_HOLD_NS);
	return true;
}

static bool is_settling(struct hdl_feed *feed, struct known *known, const struct hdl_scan_file *file, uint64_t now_ns)
{
	uint64_t until_ns;

	if (hdl_watch_is_writing(feed->watch, file->path, now_ns, &until_ns)) {
		sooner(feed, until_ns);
		return true;
	}
	if (!known || file->stamp.size_bytes != 0 || known->stamp.size_bytes == 0)
		return false;
	if (known->empty_since_ns == 0)
		known->empty_since_ns = now_ns;
	if (now_ns - known->empty_since_ns >= HDL_FEED_HOLD_NS)
		return false;
	sooner(feed, known->empty_since_ns + HDL_FEED_HOLD_NS);
	return true;
}

/* A file that is there: must the worker be told now? known: what it knows of it, or NULL. */
static bool must_send(struct hdl_feed *feed, struct known *known, const struct hdl_scan_file *file, uint64_t now_ns,
		      bool hold)
{
	bool same;

	if (!known)
		return !hold || file->error || !is_settling(feed, known, file, now_ns);
	same = known->settled && known->error == 0 && file->error == 0 && known->node == file->node &&
	       hdl_scan_stamp_equal(&known->stamp, &file->stamp);

	if (same || (known->error && known->error == file->error)) {
		known->gone_since_ns = known->empty_since_ns = 0;
		return false;
	}
	if (hold && file->error == 0 && known->error == 0 && is_settling(feed, known, file, now_ns))
		return false;
	/* a link that leads nowhere for a moment is a file that is gone for a moment */
	if (file->error == ENOENT && known->error == 0)
		return !keep_gone(feed, known, now_ns, hold);
	return true;
}

/* Below a directory that is there but cannot be listed: not gone, only out of sight. Its own item came before. */
static bool is_out_of_sight(const struct hdl_feed *feed, const struct hdl_scan *scan, const char *path)
{
	for (size_t i = 0; i < feed->item_count && scan->errors; i++) {
		const struct known *above = &feed->item[i].known;
		size_t n = above->error ? strlen(above->path) : 0;

		if (n && strncmp(path, above->path, n) == 0 && (path[n] == '/' || above->path[n - 1] == '/'))
			return true;
	}
	return false;
}

/* One file of both, or of one of them. 1: there is something to tell; 0; -ENOMEM. */
static int plan_file(struct hdl_feed *feed, struct hdl_scan *scan, struct known *known, struct hdl_scan_file *file,
		     uint64_t now_ns, bool hold)
{
	struct item item = { 0 };
	int tell = 0;

	if (!file) {
		/* of what could not be read nothing is lost by its going */
		if (known->error == ENOENT ||
		    (!is_out_of_sight(feed, scan, known->path) && !keep_gone(feed, known, now_ns, hold)))
			return 1;
		item.known = *known;
		item.known.path = strdup(known->path);
	} else {
		item.send = must_send(feed, known, file, now_ns, hold);
		/* made, and not whole yet: it does not exist so far */
		if (!known && !item.send)
			return 0;
		if (known)
			item.known = *known;
		if (item.send) {
			item.known = (struct known){ .node = file->node, .error = file->error, .stamp = file->stamp };
			tell = 1;
		}
		item.known.path = file->path;
		file->path = NULL;
	}
	if (!item.known.path)
		return -ENOMEM;
	feed->item[feed->item_count++] = item;
	return tell;
}

/* Merges what the worker knows with what the scan found. Returns 1 if there is something to tell, 0, or -ENOMEM. */
static int plan(struct hdl_feed *feed, struct hdl_scan *scan, uint64_t now_ns, bool hold)
{
	size_t k = 0, s = 0;
	int tell = 0;

	feed->item = calloc(scan->n + feed->known_count + 1, sizeof(*feed->item));
	if (!feed->item)
		return -ENOMEM;
	while (k < feed->known_count || s < scan->n) {
		struct known *known = k < feed->known_count ? &feed->known[k] : NULL;
		struct hdl_scan_file *file = s < scan->n ? &scan->file[s] : NULL;
		int order = !known ? 1 : !file ? -1 : strcmp(known->path, file->path), r;

		k += order <= 0;
		s += order >= 0;
		r = plan_file(feed, scan, order <= 0 ? known : NULL, order >= 0 ? file : NULL, now_ns, hold);
		if (r < 0)
			return r;
		tell |= r;
	}
	return tell;
}

/* ---- a pass over the files that changed ---- */

static size_t place(const struct hdl_feed *feed, const char *path, bool *ret_found)
{
	size_t low = 0, high = feed->known_count;

	*ret_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = strcmp(feed->known[middle].path, path);

		if (r == 0) {
			*ret_found = true;
			return middle;
		}
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Looks at one of the names. 1: it is in the pass; 0: held back, or as before; -EAGAIN: only a walk can tell; -ENOMEM. */
static int plan_dirty(struct hdl_feed *feed, const char *path, uint64_t now_ns, bool *ret_held)
{
	struct hdl_scan_file file = { .path = (char *)path };
	struct item item = { .send = true };
	struct known *known;
	struct stat st;
	bool found;
	size_t at = place(feed, path, &found);

	*ret_held = false;
	known = found ? &feed->known[at] : NULL;
	if (lstat(path, &st) < 0) {
		if (errno != ENOENT)
			return -EAGAIN;
		if (!known)
			return 0;
		*ret_held = keep_gone(feed, known, now_ns, true);
		if (*ret_held)
			return 0;
		item.gone = true;
	} else {
		uint64_t due_ns = feed->due_ns;

		if (S_ISLNK(st.st_mode))
			hdl_watch_not_writing(feed->watch, path);
		if (!S_ISREG(st.st_mode) || (known && known->node))
			return -EAGAIN;
		hdl_scan_stamp_of(&st, &file.stamp);
		if (!must_send(feed, known, &file, now_ns, true)) {
			*ret_held =
				feed->due_ns != due_ns || (known && (known->gone_since_ns || known->empty_since_ns));
			*ret_held |= hdl_watch_is_writing(feed->watch, path, now_ns, &due_ns);
			return 0;
		}
		item.known.stamp = file.stamp;
	}
	item.known.path = strdup(path);
	if (!item.known.path)
		return -ENOMEM;
	feed->item[feed->item_count++] = item;
	return 1;
}

/*
 * From the names to the items; those that are held back stay among the names. 1: there is a pass; 0: not now;
 * -EAGAIN: a walk is needed; -ENOMEM.
 */
static int plan_partial(struct hdl_feed *feed, uint64_t now_ns)
{
	uint64_t due_ns = feed->due_ns;
	size_t kept = 0;
	int r = 0;

	feed->item = calloc(feed->dirty_count + 1, sizeof(*feed->item));
	if (!feed->item)
		return -ENOMEM;
	feed->due_ns = UINT64_MAX;
	for (size_t i = 0; i < feed->dirty_count; i++) {
		bool held = r < 0;

		if (r >= 0)
			r = plan_dirty(feed, feed->dirty[i], now_ns, &held);
		if (held)
			feed->dirty[kept++] = feed->dirty[i];
		else
			free(feed->dirty[i]);
	}
	feed->dirty_count = kept;
	feed->dirty_ns = feed->due_ns;
	feed->due_ns = due_ns;
	if (r >= 0)
		r = feed->item_count != 0;
	if (r <= 0)
		drop_items(feed);
	return r;
}

/* Into what is known: replaced, added or removed. 0 or -ENOMEM. */
static int settle_item(struct hdl_feed *feed, struct item *item)
{
	bool found;
	size_t at = place(feed, item->known.path, &found);

	if (item->gone) {
		if (found) {
			free(feed->known[at].path);
			memmove(&feed->known[at], &feed->known[at + 1],
				(--feed->known_count - at) * sizeof(*feed->known));
		}
		return 0;
	}
	if (found) {
		free(feed->known[at].path);
	} else {
		if (feed->known_count == feed->known_capacity) {
			size_t capacity = feed->known_capacity ? feed->known_capacity * 2 : 64;
			struct known *more = reallocarray(feed->known, capacity, sizeof(*more));

			if (!more)
				return -ENOMEM;
			feed->known = more;
			feed->known_capacity = capacity;
		}
		memmove(&feed->known[at + 1], &feed->known[at], (feed->known_count++ - at) * sizeof(*feed->known));
	}
	feed->known[at] = item->known;
	item->known.path = NULL;
	return 0;
}

/* ---- telling ---- */

/* Opens for the worker. The type is checked again: the file may have been replaced since the scan. */
static int open_file(const struct hdl_feed *feed, struct known *known)
{
	int64_t now_ns;
	struct stat st;
	int fd = open(known->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		known->error = errno;
		return -1;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		known->error = EINVAL;
		close(fd);
		return -1;
	}
	hdl_scan_stamp_of(&st, &known->stamp);
	now_ns = (int64_t)(feed->conf.wall_ns ? feed->conf.wall_ns() : hdl_clock_wall_ns());
	known->settled = now_ns - known->stamp.changed_ns > STAMP_SETTLES_NS;
	return fd;
}

static int send_item(const struct hdl_feed *feed, struct item *item, struct hdl_channel *channel, struct hdl_err *err)
{
	struct hdl_msg msg = { .type = HDL_MSG_CONFIG_FILE };
	int r;

	msg.config_file.kind = item->known.node ? HDL_MSG_FILE_NODE : HDL_MSG_FILE_CONFIG;
	if (hdl_msg_set_text(msg.config_file.path, sizeof(msg.config_file.path), item->known.path) < 0)
		return 0; /* the scan makes no path of that length */
	msg.config_file.same = !item->send;
	msg.config_file.gone = item->gone;
	if (item->send && !item->gone && item->known.error == 0) {
		msg.fd[0] = open_file(feed, &item->known);
		msg.fd_count = item->known.error == 0;
	}
	msg.config_file.error = item->send ? item->known.error : 0;
	r = hdl_channel_send(channel, &msg, err);
	hdl_msg_close_fds(&msg);
	return r;
}

static int send_mark(struct hdl_feed *feed, struct hdl_channel *channel, enum hdl_msg_type type, uint64_t request,
		     struct hdl_err *err)
{
	struct hdl_msg msg = { .type = type, .config_mark = { .sequence = feed->sequence, .request = request } };

	if (type == HDL_MSG_CONFIG_BEGIN) {
		msg.config_mark.partial = feed->partial;
		msg.config_mark.event_ns = feed->event_ns;
		feed->event_ns = 0;
	}

	return hdl_channel_send(channel, &msg, err);
}

/* What was told is what is known now. 0 or -ENOMEM. */
static int settle_items(struct hdl_feed *feed)
{
	struct known *known;
	int r = 0;

	if (feed->partial) {
		for (size_t i = 0; i < feed->item_count && r == 0; i++)
			r = settle_item(feed, &feed->item[i]);
		return r;
	}
	known = calloc(feed->item_count + 1, sizeof(*known));
	if (!known)
		return -ENOMEM;
	for (size_t i = 0; i < feed->item_count; i++) {
		known[i] = feed->item[i].known;
		feed->item[i].known.path = NULL;
	}
	drop_known(feed);
	feed->known = known;
	feed->known_count = feed->item_count;
	feed->known_capacity = feed->item_count + 1;
	return 0;
}

/* The pass was sent whole. */
static int finish_pass(struct hdl_feed *feed, struct hdl_channel *channel, struct hdl_err *err)
{
	int r = settle_items(feed);

	if (r < 0)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	drop_items(feed);
	/* one END for each request, so that each gets its answer; the worker takes the first as the end of the pass */
	for (unsigned int i = 0; i < feed->serving_count && r == 0; i++)
		r = send_mark(feed, channel, HDL_MSG_CONFIG_END, feed->serving[i], err);
	if (feed->serving_count == 0)
		r = send_mark(feed, channel, HDL_MSG_CONFIG_END, 0, err);
	feed->serving_count = 0;
	return r;
}

/* Goes on where the socket was full. */
static int continue_pass(struct hdl_feed *feed, struct hdl_channel *channel, struct hdl_err *err)
{
	while (feed->cursor < feed->item_count) {
		int r;

		if (hdl_channel_waiting(channel))
			return 0;
		r = send_item(feed, &feed->item[feed->cursor], channel, err);
		if (r < 0)
			return r;
		feed->cursor++;
	}
	return finish_pass(feed, channel, err);
}

/* The items are there. */
static int send_pass(struct hdl_feed *feed, struct hdl_channel *channel, bool partial, struct hdl_err *err)
{
	int r;

	feed->partial = partial;
	feed->sequence++;
	memcpy(feed->serving, feed->request, sizeof(feed->request));
	feed->serving_count = partial ? 0 : feed->request_count;
	if (!partial)
		feed->request_count = 0;
	r = send_mark(feed, channel, HDL_MSG_CONFIG_BEGIN, 0, err);
	return r < 0 ? r : continue_pass(feed, channel, err);
}

/* A walk over everything. */
static int begin_full(struct hdl_feed *feed, struct hdl_channel *channel, uint64_t now_ns, struct hdl_err *err)
{
	struct hdl_scan_conf conf = { .paths = feed->conf.paths,
				      .path_count = feed->conf.path_count,
				      .node_path = feed->conf.node_path,
				      .directory = watch_directory,
				      .data = feed->watch };
	struct hdl_scan scan;
	bool all = feed->all || feed->fresh;
	int r;

	feed->due_ns = now_ns + HDL_FEED_RESCAN_NS;
	feed->begun_ns = now_ns;
	feed->changed = feed->all = false;
	drop_dirty(feed);
	hdl_watch_begin(feed->watch);
	r = hdl_scan_run(&conf, &scan, err);
	hdl_watch_end(feed->watch);
	if (r < 0)
		return r;
	if (hdl_watch_is_complete(feed->watch))
		feed->due_ns = now_ns + HDL_FEED_RESCAN_LOCAL_NS;
	r = plan(feed, &scan, now_ns, !all);
	hdl_scan_done(&scan);
	if (r < 0) {
		drop_items(feed);
		return hdl_err_set(err, r, "out of memory");
	}
	if (r == 0 && !all) {
		drop_items(feed); /* what is held back is marked in known */
		return 0;
	}
	feed->fresh = false;
	return send_pass(feed, channel, false, err);
}

static int begin_partial(struct hdl_feed *feed, struct hdl_channel *channel, uint64_t now_ns, struct hdl_err *err)
{
	int r = plan_partial(feed, now_ns);

	if (r == -EAGAIN) {
		feed->changed = true;
		return begin_full(feed, channel, now_ns, err);
	}
	if (r < 0)
		return hdl_err_set(err, r, "out of memory");
	if (r == 0) {
		if (feed->dirty_count == 0)
			feed->event_ns = 0; /* it came to nothing */
		return 0;
	}
	feed->begun_ns = now_ns;
	return send_pass(feed, channel, true, err);
}

/* Sorted names into the sorted ones that wait. */
static void add_dirty(struct hdl_feed *feed, char **names, size_t n)
{
	char **all;
	size_t i = 0, j = 0, m = 0;

	if (n == 0)
		return;
	feed->dirty_ns = 0;
	if (feed->dirty_count == 0) {
		free(feed->dirty);
		feed->dirty = names;
		feed->dirty_count = n;
		return;
	}
	all = calloc(feed->dirty_count + n, sizeof(*all));
	if (!all) {
		feed->changed = true;
		hdl_watch_free_names(names, n);
		return;
	}
	while (i < feed->dirty_count || j < n) {
		int order = i == feed->dirty_count ? 1 : j == n ? -1 : strcmp(feed->dirty[i], names[j]);

		if (order == 0)
			free(names[j++]);
		else
			all[m++] = order < 0 ? feed->dirty[i++] : names[j++];
	}
	free(feed->dirty);
	free(names);
	feed->dirty = all;
	feed->dirty_count = m;
}

static void take_events(struct hdl_feed *feed, uint64_t now_ns)
{
	char **names;
	size_t n;
	bool all;

	if (!hdl_watch_read(feed->watch, now_ns))
		return;
	if (feed->event_ns == 0)
		feed->event_ns = now_ns;
	hdl_watch_take(feed->watch, &names, &n, &all);
	feed->changed |= all;
	add_dirty(feed, names, n);
}

/* When the next pass may begin: at once, or so long after the last one that a burst is taken together. */
static uint64_t not_before(const struct hdl_feed *feed)
{
	return feed->begun_ns ? feed->begun_ns + HDL_FEED_GAP_NS : 0;
}

static uint64_t next_full(const struct hdl_feed *feed)
{
	if (feed->all && !feed->changed)
		return 0;
	return feed->changed || feed->all ? not_before(feed) : feed->due_ns;
}

static uint64_t next_partial(const struct hdl_feed *feed)
{
	if (feed->dirty_count == 0)
		return UINT64_MAX;
	return feed->dirty_ns > not_before(feed) ? feed->dirty_ns : not_before(feed);
}

int hdl_feed_turn(struct hdl_feed *feed, struct hdl_channel *channel, uint64_t now_ns, uint64_t *ret_next_ns,
		  struct hdl_err *err)
{
	int r = 0;

	take_events(feed, now_ns);
	/* woken by the channel when it has room, or by the answer */
	*ret_next_ns = UINT64_MAX;
	if (feed->item)
		return continue_pass(feed, channel, err);
	if (feed->synced != feed->sequence)
		return 0;
	if (now_ns >= next_full(feed))
		r = begin_full(feed, channel, now_ns, err);
	else if (now_ns >= next_partial(feed))
		r = begin_partial(feed, channel, now_ns, err);
	if (r < 0)
		return r;
	if (!feed->item && feed->synced == feed->sequence) {
		*ret_next_ns = next_full(feed);
		if (next_partial(feed) < *ret_next_ns)
			*ret_next_ns = next_partial(feed);
	}
	return 0;
}
