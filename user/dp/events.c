/* SPDX-License-Identifier: Apache-2.0 */
/* Consumes the BPF ring buffer `events` through its mapping, and keeps the last events in a ring of its own. */
#include "dp/events.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The layout that the kernel documents: a page with the consumer's position, one with the producer's, the data twice. */
#define HEAD_BYTES 8u /* of a record: length and flags, and the kernel's own word */
#define FLAG_BUSY (1u << 31)
#define FLAG_DISCARDED (1u << 30)

struct hdl_dp_events {
	unsigned long *consumer;
	const unsigned long *producer;
	const uint8_t *data;
	size_t page, bytes; /* of the data, a power of two; 0 = no map */
	uint64_t next;      /* sequence of the next event */
	uint64_t unknown;
	struct hdl_dp_event kept[HDL_DP_EVENTS_KEPT]; /* at sequence % HDL_DP_EVENTS_KEPT */
	char *text[HDL_DP_EVENTS_KEPT];               /* the names of each, one after the other */
};

static int map_ring(struct hdl_dp_events *events, int fd, struct hdl_err *err)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	void *p;

	if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0)
		return hdl_err_set(err, -errno, "map events: %s", strerror(errno));
	if (info.type != BPF_MAP_TYPE_RINGBUF || info.max_entries == 0 || info.max_entries & (info.max_entries - 1))
		return hdl_err_set(err, -EPROTO, "map events is no ring buffer");
	events->page = (size_t)sysconf(_SC_PAGESIZE);
	p = mmap(NULL, events->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return hdl_err_set(err, -errno, "map events: %s", strerror(errno));
	events->consumer = p;
	p = mmap(NULL, events->page + 2 * (size_t)info.max_entries, PROT_READ, MAP_SHARED, fd, (off_t)events->page);
	if (p == MAP_FAILED) {
		int r = -errno;

		munmap(events->consumer, events->page);
		return hdl_err_set(err, r, "map events: %s", strerror(-r));
	}
	events->producer = p;
	events->data = (const uint8_t *)p + events->page;
	events->bytes = info.max_entries;
	return 0;
}

int hdl_dp_events_new(int fd, struct hdl_dp_events **ret, struct hdl_err *err)
{
	struct hdl_dp_events *events = calloc(1, sizeof(*events));
	int r = 0;

	if (!events)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	events->next = 1;
	if (fd >= 0)
		r = map_ring(events, fd, err);
	if (r < 0) {
		free(events);
		return r;
	}
	*ret = events;
	return 0;
}

struct hdl_dp_events *hdl_dp_events_free(struct hdl_dp_events *events)
{
	if (!events)
		return NULL;
	if (events->bytes) {
		munmap(events->consumer, events->page);
		munmap((void *)events->producer, events->page + 2 * events->bytes);
	}
	for (size_t i = 0; i < HDL_DP_EVENTS_KEPT; i++)
		free(events->text[i]);
	free(events);
	return NULL;
}

/* The names one after the other in *ret_text; without memory an event has none. */
static void keep_names(struct hdl_dp_event *kept, const struct hdl_dp_event_names *names, char **ret_text)
{
	const char *from[] = { names->client, names->service, names->cluster, names->endpoint, names->rule };
	const char **to[] = { &kept->client, &kept->service, &kept->cluster, &kept->endpoint, &kept->rule };
	size_t total = 0, at = 0;
	char *text;

	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++)
		total += strlen(from[i]) + 1;
	text = malloc(total);
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		size_t n = strlen(from[i]) + 1;

		*to[i] = "";
		if (!text)
			continue;
		memcpy(text + at, from[i], n);
		*to[i] = text + at;
		at += n;
	}
	*ret_text = text;
}

struct reading {
	uint64_t mono_ns, wall_ns;
	hdl_dp_event_names_fn *names;
	void *data;
};

static void take(struct hdl_dp_events *events, const struct reading *reading, const void *record, size_t bytes)
{
	size_t at = events->next % HDL_DP_EVENTS_KEPT;
	struct hdl_dp_event *kept = &events->kept[at];
	static const struct hdl_dp_event_names none;
	struct hdl_dp_event_names names = none;
	struct hdl_event event = { .version = 0 };
	uint64_t age_ns;

	memcpy(&event, record, bytes < sizeof(event) ? bytes : sizeof(event));
	if (event.version != HDL_EVENT_VERSION) {
		events->unknown++;
		return;
	}
	age_ns = reading->mono_ns > event.time_ns ? reading->mono_ns - event.time_ns : 0;
	free(events->text[at]);
	events->text[at] = NULL;
	*kept = (struct hdl_dp_event){ .sequence = events->next,
				       .wall_ns = reading->wall_ns > age_ns ? reading->wall_ns - age_ns : 0,
				       .event = event };
	reading->names(reading->data, &event, &names);
	keep_names(kept, &names, &events->text[at]);
	events->next++;
}

size_t hdl_dp_events_read(struct hdl_dp_events *events, uint64_t mono_ns, uint64_t wall_ns,
			  hdl_dp_event_names_fn *names, void *data)
{
	struct reading reading = { mono_ns, wall_ns, names, data };
	unsigned long at, end;
	size_t n = 0;

	if (events->bytes == 0)
		return 0;
	at = __atomic_load_n(events->consumer, __ATOMIC_RELAXED);
	end = __atomic_load_n(events->producer, __ATOMIC_ACQUIRE);
	while (at != end && n < HDL_DP_EVENTS_BATCH) {
		const uint8_t *head = events->data + (at & (events->bytes - 1));
		uint32_t length = __atomic_load_n((const uint32_t *)(const void *)head, __ATOMIC_ACQUIRE);
		uint32_t bytes = length & ~(FLAG_BUSY | FLAG_DISCARDED);

		/* One that is still being written; or no record at all: never read past the data. */
		if ((length & FLAG_BUSY) || bytes > events->bytes - HEAD_BYTES)
			break;
		if (!(length & FLAG_DISCARDED))
			take(events, &reading, head + HEAD_BYTES, bytes);
		at += (bytes + HEAD_BYTES + 7) / 8 * 8;
		__atomic_store_n(events->consumer, at, __ATOMIC_RELEASE);
		n++;
	}
	return n;
}

const struct hdl_dp_event *hdl_dp_events_after(const struct hdl_dp_events *events, uint64_t after)
{
	uint64_t oldest = events->next > HDL_DP_EVENTS_KEPT ? events->next - HDL_DP_EVENTS_KEPT : 1;
	uint64_t wanted = after + 1 > oldest ? after + 1 : oldest;

	if (after >= events->next - 1)
		return NULL;
	return &events->kept[wanted % HDL_DP_EVENTS_KEPT];
}

uint64_t hdl_dp_events_last(const struct hdl_dp_events *events)
{
	return events->next - 1;
}

uint64_t hdl_dp_events_unknown(const struct hdl_dp_events *events)
{
	return events->unknown;
}
