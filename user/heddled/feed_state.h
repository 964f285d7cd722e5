/* SPDX-License-Identifier: Apache-2.0 */
/* State of the feed, shared by its source files only. */
#ifndef HDL_HEDDLED_FEED_STATE_H
#define HDL_HEDDLED_FEED_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/scan.h"
#include "heddled/feed.h"

/* What the worker was told of a file. */
struct hdl_feed_known {
	char *path;
	bool node, settled;
	bool again; /* the worker could not take what it was told last */
	int error;
	struct hdl_scan_stamp stamp;
	uint64_t gone_since_ns;  /* 0 = there */
	uint64_t empty_since_ns; /* 0 = not empty, or empty for good */
	uint64_t told;           /* pass that told of it last */
};

/* One file of a pass. */
struct hdl_feed_item {
	struct hdl_feed_known known;
	bool send; /* otherwise passed as the same */
	bool gone; /* in a partial pass */
};

struct hdl_feed {
	struct hdl_feed_conf conf;
	struct hdl_watch *watch;
	struct hdl_feed_known *known; /* sorted by path */
	size_t known_count, known_capacity;
	struct hdl_feed_item *item; /* of the pass that runs; NULL = none */
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
	bool all;              /* the pass must be sent even if nothing changed, without holding anything */
	bool fresh;            /* the worker knows nothing */
	unsigned int failures; /* passes in a row that the worker could not take */
	uint64_t request[HDL_FEED_REQUESTS_MAX]; /* waiting for the next pass */
	unsigned int request_count;
	uint64_t serving[HDL_FEED_REQUESTS_MAX]; /* answered by the pass that runs */
	unsigned int serving_count;
};

/* feed.c */
void hdl_feed_drop_items(struct hdl_feed *feed);

/* feed_plan.c: which files go into a pass, and what is held back. */

/* Where the path is among those known, or where it belongs. */
size_t hdl_feed_place(const struct hdl_feed *feed, const char *path, bool *ret_found);
/* Merges what the worker knows with what the scan found. Returns 1 if there is something to tell, 0, or -ENOMEM. */
int hdl_feed_plan(struct hdl_feed *feed, struct hdl_scan *scan, uint64_t now_ns, bool hold);
/*
 * From the names to the items; those that are held back stay among the names. 1: there is a pass; 0: not now;
 * -EAGAIN: a walk is needed; -ENOMEM.
 */
int hdl_feed_plan_partial(struct hdl_feed *feed, uint64_t now_ns);

#endif
