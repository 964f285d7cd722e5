/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of events (include/heddle/abi_event.h) as the control thread reads it: the last ones are kept, each with the
 * names that its ids had when it was read. Not thread-safe.
 */
#ifndef HDL_DP_EVENTS_H
#define HDL_DP_EVENTS_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "heddle/abi_event.h"

#define HDL_DP_EVENTS_KEPT 4096  /* the oldest go first */
#define HDL_DP_EVENTS_BATCH 1024 /* read at a time: a storm does not hold up the thread */

/* What the ids of an event mean; "" = not known. */
struct hdl_dp_event_names {
	char client[320];   /* "demo/sleep-1", or "" for a process that is in no known pod */
	char service[320];  /* "reviews.demo.svc.cluster.local:9080" */
	char cluster[512];  /* "outbound|9080|v1|reviews.demo.svc.cluster.local" */
	char endpoint[320]; /* pod: "demo/reviews-v1" */
	char rule[1024];    /* "VirtualService demo/reviews vs.yaml:12" */
};

struct hdl_dp_event {
	uint64_t sequence; /* 1 for the first that this process read */
	uint64_t wall_ns;  /* since 1970 */
	struct hdl_event event;
	const char *client, *service, *cluster, *endpoint, *rule;
};

struct hdl_dp_events;

/* fd: of the map, -1 = there is none and no event ever comes. Negative errno with text. */
int hdl_dp_events_new(int fd, struct hdl_dp_events **ret, struct hdl_err *err);
struct hdl_dp_events *hdl_dp_events_free(struct hdl_dp_events *events); /* accepts NULL, returns NULL */

/*
 * Takes what is in the ring, at most HDL_DP_EVENTS_BATCH. names() fills in what it knows of an event; all are "" before.
 * mono_ns, wall_ns: now. Returns how many were taken.
 */
typedef void hdl_dp_event_names_fn(void *data, const struct hdl_event *event, struct hdl_dp_event_names *ret);
size_t hdl_dp_events_read(struct hdl_dp_events *events, uint64_t mono_ns, uint64_t wall_ns,
			  hdl_dp_event_names_fn *names, void *data);

/* The first kept one whose sequence is over `after`; NULL when there is none. Borrowed until the next reading. */
const struct hdl_dp_event *hdl_dp_events_after(const struct hdl_dp_events *events, uint64_t after);
uint64_t hdl_dp_events_last(const struct hdl_dp_events *events);    /* sequence of the newest; 0 = none yet */
uint64_t hdl_dp_events_unknown(const struct hdl_dp_events *events); /* records of another version, passed over */

#endif
