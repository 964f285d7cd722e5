/* SPDX-License-Identifier: Apache-2.0 */
/* Reads per-CPU maps and keeps totals beyond the life of their rows. */
#include "dp/counters.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "dp/maps.h"
#include "dp/registry.h"

int hdl_dp_verdicts(const struct hdl_dp_maps *maps, uint64_t ret[HDL_VERDICT_COUNT])
{
	unsigned int cpus = hdl_dp_cpus(maps);
	uint64_t sum[HDL_VERDICT_COUNT] = { 0 };
	__u64 *values;

	if (!maps->memory && cpus == 0)
		return -EIO;
	if (!maps->memory) {
		values = calloc(cpus, sizeof(*values));
		if (!values)
			return -ENOMEM;
		for (__u32 i = 0; i < HDL_VERDICT_COUNT; i++) {
			if (bpf_map_lookup_elem(maps->verdict_fd, &i, values) != 0) {
				free(values);
				return -errno;
			}
			for (unsigned int cpu = 0; cpu < cpus; cpu++)
				sum[i] += values[cpu];
		}
		free(values);
	}
	memcpy(ret, sum, sizeof(sum));
	return 0;
}

static struct hdl_traffic sum_of(const struct hdl_traffic *values, unsigned int cpus)
{
	struct hdl_traffic sum = { 0 };

	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		sum.opened += values[cpu].opened;
		sum.closed += values[cpu].closed;
		sum.sent_bytes += values[cpu].sent_bytes;
		sum.received_bytes += values[cpu].received_bytes;
	}
	return sum;
}

int hdl_dp_traffic(const struct hdl_dp_maps *maps,
		   bool (*row)(void *data, const struct hdl_traffic_key *key, const struct hdl_traffic *value),
		   void *data)
{
	unsigned int cpus = hdl_dp_cpus(maps);
	struct hdl_traffic_key key, next;
	struct hdl_traffic *values, sum;
	bool more;

	if (maps->memory)
		return 0;
	if (cpus == 0)
		return -EIO;
	values = calloc(cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	more = bpf_map_get_next_key(maps->traffic_fd, NULL, &next) == 0;
	while (more) {
		key = next;
		/* Before the row may go: a key that is gone would start the walk anew. */
		more = bpf_map_get_next_key(maps->traffic_fd, &key, &next) == 0;
		if (bpf_map_lookup_elem(maps->traffic_fd, &key, values) != 0)
			continue;
		sum = sum_of(values, cpus);
		if (row(data, &key, &sum))
			bpf_map_delete_elem(maps->traffic_fd, &key);
	}
	free(values);
	return 0;
}

struct open_walk {
	const struct hdl_dp_maps *maps;
	uint32_t *open, count;
};

static bool open_row(void *data, const struct hdl_traffic_key *key, const struct hdl_traffic *value)
{
	struct open_walk *walk = data;

	if (key->endpoint < walk->count && value->opened > value->closed &&
	    walk->maps->health[key->endpoint].generation == key->generation)
		walk->open[key->endpoint] += (uint32_t)(value->opened - value->closed);
	return false;
}

int hdl_dp_open_connections(const struct hdl_dp_maps *maps, uint32_t *open, uint32_t count)
{
	struct open_walk walk = { .maps = maps, .open = open, .count = count };
	uint64_t verdicts[HDL_VERDICT_COUNT];
	int r = hdl_dp_verdicts(maps, verdicts);

	if (r < 0)
		return r;
	if (verdicts[HDL_VERDICT_TRAFFIC_FULL])
		return -EOVERFLOW;
	return hdl_dp_traffic(maps, open_row, &walk);
}

/* One row of the map as last read, and the label under which it is summed. */
struct total_row {
	struct hdl_traffic value; /* of this stay in the map */
	uint32_t label;
};

struct total_label {
	char *text;
	struct hdl_traffic gone; /* of rows that are deleted */
	struct hdl_traffic sum;
};

struct hdl_dp_totals {
	struct hdl_registry rows; /* struct hdl_traffic_key to index of row[] */
	struct total_row *row;
	uint32_t row_capacity;
	struct total_label *labels;
	size_t label_count, label_capacity;
	/* of one reading */
	const struct hdl_dp_maps *maps;
	hdl_dp_label_fn *label;
	void *data;
	int failure;
};

#define ROWS_MAX (1u << 24)
#define LABELS_MAX 65536 /* label sets; what comes after is not told apart any more */

struct hdl_dp_totals *hdl_dp_totals_new(void)
{
	struct hdl_dp_totals *totals = calloc(1, sizeof(*totals));

	if (totals)
		hdl_registry_init(&totals->rows, sizeof(struct hdl_traffic_key), ROWS_MAX);
	return totals;
}

struct hdl_dp_totals *hdl_dp_totals_free(struct hdl_dp_totals *totals)
{
	if (!totals)
		return NULL;
	for (size_t i = 0; i < totals->label_count; i++)
		free(totals->labels[i].text);
	free(totals->labels);
	free(totals->row);
	hdl_registry_done(&totals->rows);
	free(totals);
	return NULL;
}

static void add(struct hdl_traffic *to, const struct hdl_traffic *value)
{
	to->opened += value->opened;
	to->closed += value->closed;
	to->sent_bytes += value->sent_bytes;
	to->received_bytes += value->received_bytes;
}

static int label_index(struct hdl_dp_totals *totals, const char *text, uint32_t *ret)
{
	for (size_t i = 0; i < totals->label_count; i++) {
		if (strcmp(totals->labels[i].text, text) == 0) {
			*ret = (uint32_t)i;
			return 0;
		}
	}
	if (totals->label_count == LABELS_MAX)
		return -ENOSPC;
	if (totals->label_count == totals->label_capacity) {
		size_t capacity = totals->label_capacity ? totals->label_capacity * 2 : 16;
		struct total_label *bigger = realloc(totals->labels, capacity * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		totals->labels = bigger;
		totals->label_capacity = capacity;
	}
	totals->labels[totals->label_count] = (struct total_label){ .text = strdup(text) };
	if (!totals->labels[totals->label_count].text)
		return -ENOMEM;
	*ret = (uint32_t)totals->label_count++;
	return 0;
}

/* The row's note, made on first sight; NULL when its label is not known (yet). */
static struct total_row *note_row(struct hdl_dp_totals *totals, const struct hdl_traffic_key *key, uint32_t *ret_id)
{
	uint32_t id = hdl_registry_find(&totals->rows, key), label;
	const char *text;
	int r;

	*ret_id = id;
	if (id)
		return &totals->row[id];
	text = totals->label(totals->data, key);
	if (!text)
		return NULL;
	r = label_index(totals, text, &label);
	if (r == 0)
		r = hdl_registry_insert(&totals->rows, key, &id);
	if (r == 0 && id >= totals->row_capacity) {
		struct total_row *bigger = realloc(totals->row, totals->rows.capacity * sizeof(*bigger));

		if (bigger) {
			totals->row = bigger;
			totals->row_capacity = totals->rows.capacity;
		} else {
			hdl_registry_release(&totals->rows, id);
			r = -ENOMEM;
		}
	}
	if (r < 0) {
		totals->failure = r;
		return NULL;
	}
	totals->row[id] = (struct total_row){ .label = label };
	*ret_id = id;
	return &totals->row[id];
}

static bool read_row(void *data, const struct hdl_traffic_key *key, const struct hdl_traffic *value)
{
	struct hdl_dp_totals *totals = data;
	bool gone = key->endpoint >= totals->maps->endpoint_count ||
		    totals->maps->health[key->endpoint].generation != key->generation;
	uint32_t id;
	struct total_row *row = note_row(totals, key, &id);

	if (!row)
		return gone && totals->failure == 0; /* of a time before this daemon: nobody can say whose it was */
	/* Connections of an endpoint that is gone may go on; the row goes when all are closed. */
	if (gone && value->opened == value->closed) {
		add(&totals->labels[row->label].gone, value);
		hdl_registry_release(&totals->rows, id);
		return true;
	}
	row->value = *value;
	return false;
}

int hdl_dp_totals_read(struct hdl_dp_totals *totals, const struct hdl_dp_maps *maps, hdl_dp_label_fn *label, void *data)
{
	int r;

	totals->maps = maps;
	totals->label = label;
	totals->data = data;
	totals->failure = 0;
	r = hdl_dp_traffic(maps, read_row, totals);
	for (size_t i = 0; i < totals->label_count; i++)
		totals->labels[i].sum = totals->labels[i].gone;
	for (uint32_t id = 1; id < totals->rows.next; id++) {
		if (hdl_registry_is_linked(&totals->rows, id))
			add(&totals->labels[totals->row[id].label].sum, &totals->row[id].value);
	}
	return r < 0 ? r : totals->failure;
}

void hdl_dp_totals_each(const struct hdl_dp_totals *totals,
			void (*each)(void *data, const char *label, const struct hdl_traffic *sum), void *data)
{
	for (size_t i = 0; i < totals->label_count; i++)
		each(data, totals->labels[i].text, &totals->labels[i].sum);
}
