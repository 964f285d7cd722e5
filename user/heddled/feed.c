/* SPDX-License-Identifier: Apache-2.0 */
/* Passes the configuration files to the worker process, as descriptors, whenever they change. */
#include "heddled/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "heddled/feed_state.h"
#include "heddled/watch.h"

/* A change within this time of an earlier one may have left the same time stamps (they move with the timer tick). */
#define STAMP_SETTLES_NS (100 * (int64_t)HDL_NS_PER_MS)

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

void hdl_feed_drop_items(struct hdl_feed *feed)
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
	hdl_feed_drop_items(feed);
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
	hdl_feed_drop_items(feed);
	drop_dirty(feed);
	feed->synced = feed->sequence;
	feed->begun_ns = feed->event_ns = 0;
	feed->failures = 0;
	feed->request_count = feed->serving_count = 0;
	feed->fresh = feed->changed = true;
}

void hdl_feed_request(struct hdl_feed *feed, uint64_t request)
{
	feed->all = true;
	if (request && feed->request_count < HDL_FEED_REQUESTS_MAX)
		feed->request[feed->request_count++] = request;
}

void hdl_feed_synced(struct hdl_feed *feed, uint64_t sequence, bool again)
{
	if (sequence <= feed->synced || sequence > feed->sequence)
		return;
	feed->synced = sequence;
	feed->failures = again ? feed->failures + 1 : 0;
	for (size_t i = 0; i < feed->known_count && again; i++)
		feed->known[i].again |= feed->known[i].told == sequence;
}

static void watch_directory(void *data, const char *path, bool any_name)
{
	hdl_watch_directory(data, path, any_name);
}

/* Into what is known: replaced, added or removed. 0 or -ENOMEM. */
static int settle_item(struct hdl_feed *feed, struct hdl_feed_item *item)
{
	bool found;
	size_t at = hdl_feed_place(feed, item->known.path, &found);

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
			struct hdl_feed_known *more = reallocarray(feed->known, capacity, sizeof(*more));

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
static int open_file(const struct hdl_feed *feed, struct hdl_feed_known *known)
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

static int send_item(const struct hdl_feed *feed, struct hdl_feed_item *item, struct hdl_channel *channel,
		     struct hdl_err *err)
{
	struct hdl_msg msg = { .type = HDL_MSG_CONFIG_FILE };
	int r;

	msg.config_file.kind = item->known.node ? HDL_MSG_FILE_NODE : HDL_MSG_FILE_CONFIG;
	if (hdl_msg_set_text(msg.config_file.path, sizeof(msg.config_file.path), item->known.path) < 0)
		return 0; /* the scan makes no path of that length */
	if (item->send)
		item->known.told = feed->sequence;
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
	struct hdl_feed_known *known;
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
	hdl_feed_drop_items(feed);
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
	bool all = feed->all || feed->fresh, must = all || feed->failures;
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
	r = hdl_feed_plan(feed, &scan, now_ns, !all);
	hdl_scan_done(&scan);
	if (r < 0) {
		hdl_feed_drop_items(feed);
		return hdl_err_set(err, r, "out of memory");
	}
	if (r == 0 && !must) {
		hdl_feed_drop_items(feed); /* what is held back is marked in known */
		return 0;
	}
	feed->fresh = false;
	return send_pass(feed, channel, false, err);
}

static int begin_partial(struct hdl_feed *feed, struct hdl_channel *channel, uint64_t now_ns, struct hdl_err *err)
{
	int r = hdl_feed_plan_partial(feed, now_ns);

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
	unsigned int doubled =
		feed->failures < HDL_FEED_AGAIN_DOUBLED_MAX ? feed->failures : HDL_FEED_AGAIN_DOUBLED_MAX;

	if (feed->failures)
		return feed->begun_ns + (HDL_FEED_AGAIN_NS << (doubled - 1));
	return feed->begun_ns ? feed->begun_ns + HDL_FEED_GAP_NS : 0;
}

static uint64_t next_full(const struct hdl_feed *feed)
{
	if (feed->all && !feed->changed)
		return 0;
	return feed->changed || feed->all || feed->failures ? not_before(feed) : feed->due_ns;
}

static uint64_t next_partial(const struct hdl_feed *feed)
{
	/* with what the worker lacks, or what goes together would come into force in parts */
	if (feed->dirty_count == 0 || feed->failures)
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
