/* SPDX-License-Identifier: Apache-2.0 */
/* Which files the next pass of the feed tells of, and what is held back for a moment. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "heddled/feed_state.h"
#include "heddled/watch.h"

static void sooner(struct hdl_feed *feed, uint64_t at_ns)
{
	if (at_ns < feed->due_ns)
		feed->due_ns = at_ns;
}

/* A file of the worker's that the scan did not find. True: it stays for now. */
static bool keep_gone(struct hdl_feed *feed, struct hdl_feed_known *known, uint64_t now_ns, bool hold)
{
	if (known->gone_since_ns == 0)
		known->gone_since_ns = now_ns;
	if (!hold || now_ns - known->gone_since_ns >= HDL_FEED_HOLD_NS)
		return false;
	sooner(feed, known->gone_since_ns + HDL_FEED_HOLD_NS);
	return true;
}

static bool is_settling(struct hdl_feed *feed, struct hdl_feed_known *known, const struct hdl_scan_file *file,
			uint64_t now_ns)
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
static bool must_send(struct hdl_feed *feed, struct hdl_feed_known *known, const struct hdl_scan_file *file,
		      uint64_t now_ns, bool hold)
{
	bool same;

	if (!known)
		return !hold || file->error || !is_settling(feed, known, file, now_ns);
	same = known->settled && !known->again && known->error == 0 && file->error == 0 && known->node == file->node &&
	       hdl_scan_stamp_equal(&known->stamp, &file->stamp);

	if (same || (known->error && known->error == file->error && !known->again)) {
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
		const struct hdl_feed_known *above = &feed->item[i].known;
		size_t n = above->error ? strlen(above->path) : 0;

		if (n && strncmp(path, above->path, n) == 0 && (path[n] == '/' || above->path[n - 1] == '/'))
			return true;
	}
	return false;
}

/* One file of both, or of one of them. 1: there is something to tell; 0; -ENOMEM. */
static int plan_file(struct hdl_feed *feed, struct hdl_scan *scan, struct hdl_feed_known *known,
		     struct hdl_scan_file *file, uint64_t now_ns, bool hold)
{
	struct hdl_feed_item item = { 0 };
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
			item.known = (struct hdl_feed_known){ .node = file->node,
							      .error = file->error,
							      .stamp = file->stamp };
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

int hdl_feed_plan(struct hdl_feed *feed, struct hdl_scan *scan, uint64_t now_ns, bool hold)
{
	size_t k = 0, s = 0;
	int tell = 0;

	feed->item = calloc(scan->n + feed->known_count + 1, sizeof(*feed->item));
	if (!feed->item)
		return -ENOMEM;
	while (k < feed->known_count || s < scan->n) {
		struct hdl_feed_known *known = k < feed->known_count ? &feed->known[k] : NULL;
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

size_t hdl_feed_place(const struct hdl_feed *feed, const char *path, bool *ret_found)
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
	struct hdl_feed_item item = { .send = true };
	struct hdl_feed_known *known;
	struct stat st;
	bool found;
	size_t at = hdl_feed_place(feed, path, &found);

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

int hdl_feed_plan_partial(struct hdl_feed *feed, uint64_t now_ns)
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
		hdl_feed_drop_items(feed);
	return r;
}
