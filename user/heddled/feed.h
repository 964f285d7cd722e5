/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the worker process supplied with the configuration: scans, opens what changed, passes the descriptors.
 *
 * A pass begins at the first sign of a change, at most every HDL_FEED_GAP_NS, and not before the worker has answered the
 * one before, so that a burst is taken together. Events that name files lead to a pass over those files alone; all others,
 * requests, and the clock lead to a walk over everything.
 *
 * What decides about a file that is not as it was:
 *  - someone writes it in place: it is as before until it is closed (see watch.h for how long at most), because half of
 *    a file may look like a whole one in which objects are missing;
 *  - it is gone, or empty and was not: as before for HDL_FEED_HOLD_NS, because editors do that for a moment;
 *  - it, or a directory above it, is there but cannot be read: what was accepted from it stays, and the reason is shown;
 *  - it ends in the middle of a document: the document is refused, and what it may have held stays (model/store.h).
 * A file that was closed after half of it, at the end of a document, is what it says: nothing tells it from an edit.
 * A pass on request does not wait for any of that.
 */
#ifndef HDL_HEDDLED_FEED_H
#define HDL_HEDDLED_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/err.h"
#include "heddled/proc.h"

#define HDL_FEED_GAP_NS (50 * HDL_NS_PER_MS)
#define HDL_FEED_HOLD_NS (150 * HDL_NS_PER_MS)
#define HDL_FEED_RESCAN_NS (5 * HDL_NS_PER_S)        /* file systems without events */
#define HDL_FEED_RESCAN_LOCAL_NS (60 * HDL_NS_PER_S) /* with them: hard links that are written elsewhere */
#define HDL_FEED_AGAIN_NS HDL_NS_PER_S
#define HDL_FEED_AGAIN_DOUBLED_MAX 6
#define HDL_FEED_REQUESTS_MAX 64 /* requests that may wait; more are answered with the next pass */

struct hdl_feed;

struct hdl_feed_conf {
	const char *const *paths; /* live as long as the feed */
	size_t path_count;
	const char *node_path;     /* NULL = none */
	uint64_t (*wall_ns)(void); /* clock of time stamps; NULL = CLOCK_REALTIME */
};

struct hdl_feed *hdl_feed_new(const struct hdl_feed_conf *conf, struct hdl_err *err);
struct hdl_feed *hdl_feed_free(struct hdl_feed *feed);
int hdl_feed_fd(const struct hdl_feed *feed); /* readable: call hdl_feed_turn() */

/* A new worker process: it knows nothing yet. */
void hdl_feed_restart(struct hdl_feed *feed);
/* The worker (or SIGHUP, with request 0) wants a pass over what is on disk now. */
void hdl_feed_request(struct hdl_feed *feed, uint64_t request);
/*
 * The worker answered the pass with that sequence number. again: it could not take it, for want of memory. All of it is
 * told once more after HDL_FEED_AGAIN_NS, with what changed since; the wait doubles with each such answer in a row.
 */
void hdl_feed_synced(struct hdl_feed *feed, uint64_t sequence, bool again);

/*
 * Does what is due: call it when the descriptor is readable, when the channel has room again, and at *ret_next_ns.
 * 0, or the channel's failure.
 */
int hdl_feed_turn(struct hdl_feed *feed, struct hdl_channel *channel, uint64_t now_ns, uint64_t *ret_next_ns,
		  struct hdl_err *err);

#endif
