/* SPDX-License-Identifier: Apache-2.0 */
/* Passes the configuration files to the worker process, as descriptors, whenever they change. */
#include "heddled/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "heddled/scan.h"
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
};

struct hdl_feed {
	struct hdl_feed_conf conf;
	struct hdl_watch *watch;
	struct known *known; /* sorted by path */
	size_t known_count;
	struct item *item; /* of the pass that runs; NULL = none */
	size_t item_count, cursor;
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
	feed->known_count = 0;
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
	feed->synced = feed->sequence;
	feed->begun_ns = 0;
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
	uint64_t since_ns;

	if (hdl_watch_is_writing(feed->watch, file->path, now_ns, HDL_FEED_HOLD_NS, &since_ns)) {
		sooner(feed, since_ns + HDL_FEED_HOLD_NS);
		return true;
	}
	if (file->stamp.size_bytes != 0 || known->stamp.size_bytes == 0)
		return false;
	if (known->empty_since_ns == 0)
		known->empty_since_ns = now_ns;
	if (now_ns - known->empty_since_ns >= HDL_FEED_HOLD_NS)
		return false;
	sooner(feed, known->empty_since_ns + HDL_FEED_HOLD_NS);
	return true;
}

/* A file that the worker knows and that is there: what to do with it now. */
static bool must_send(struct hdl_feed *feed, struct known *known, const struct hdl_scan_file *file, uint64_t now_ns,
		      bool hold)
{
	bool same = known->settled && known->error == 0 && file->error == 0 && known->node == file->node &&
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
		int order = !known ? 1 : !file ? -1 : strcmp(known->path, file->path);
		struct item item = { 0 };

		if (order < 0) {
			k++;
			if (!keep_gone(feed, known, now_ns, hold)) {
				tell = 1;
				continue;
			}
			item.known = *known;
			item.known.path = strdup(known->path);
		} else {
			s++;
			item.send = order > 0 || must_send(feed, known, file, now_ns, hold);
			if (order == 0) {
				item.known = *known;
				k++;
			}
			if (item.send) {
				item.known = (struct known){ .node = file->node,
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
	}
	return tell;
}

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
	if (item->send && item->known.error == 0) {
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

	return hdl_channel_send(channel, &msg, err);
}

/* The pass was sent whole: what was told is what is known now. */
static int finish_pass(struct hdl_feed *feed, struct hdl_channel *channel, struct hdl_err *err)
{
	struct known *known = calloc(feed->item_count + 1, sizeof(*known));
	int r = 0;

	if (!known)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < feed->item_count; i++) {
		known[i] = feed->item[i].known;
		feed->item[i].known.path = NULL;
	}
	drop_known(feed);
	feed->known = known;
	feed->known_count = feed->item_count;
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
		/* a file that has not settled may have changed without a new time stamp */
		if (feed->item[feed->cursor].send && !feed->item[feed->cursor].known.settled)
			sooner(feed, feed->begun_ns + 2 * HDL_FEED_HOLD_NS);
		feed->cursor++;
	}
	return finish_pass(feed, channel, err);
}

static int begin_pass(struct hdl_feed *feed, struct hdl_channel *channel, uint64_t now_ns, struct hdl_err *err)
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
	hdl_watch_begin(feed->watch);
	r = hdl_scan_run(&conf, &scan, err);
	hdl_watch_end(feed->watch);
	if (r < 0)
		return r;
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
	feed->sequence++;
	memcpy(feed->serving, feed->request, sizeof(feed->request));
	feed->serving_count = feed->request_count;
	feed->request_count = 0;
	r = send_mark(feed, channel, HDL_MSG_CONFIG_BEGIN, 0, err);
	return r < 0 ? r : continue_pass(feed, channel, err);
}

int hdl_feed_turn(struct hdl_feed *feed, struct hdl_channel *channel, uint64_t now_ns, uint64_t *ret_next_ns,
		  struct hdl_err *err)
{
	uint64_t next_ns;

	feed->changed |= hdl_watch_read(feed->watch, now_ns);
	if (feed->item) {
		/* woken by the channel when it has room */
		*ret_next_ns = UINT64_MAX;
		return continue_pass(feed, channel, err);
	}
	if (feed->synced != feed->sequence) {
		/* woken by the answer */
		*ret_next_ns = UINT64_MAX;
		return 0;
	}
	next_ns = feed->changed || feed->all ? feed->begun_ns + (feed->begun_ns ? HDL_FEED_GAP_NS : 0) : feed->due_ns;
	if (feed->all && !feed->changed)
		next_ns = 0;
	if (now_ns >= next_ns) {
		int r = begin_pass(feed, channel, now_ns, err);

		if (r < 0)
			return r;
		next_ns = feed->item || feed->synced != feed->sequence ? UINT64_MAX : feed->due_ns;
	}
	*ret_next_ns = next_ns;
	return 0;
}
