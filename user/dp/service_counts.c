/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of map `service_verdict` by service port and outcome. */
#include "dp/service_counts.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "dp/maps.h"
#include "dp/registry.h"

/* More rows than the map has at a time: those that came and went are released. */
#define ROWS_MAX 65536u

/* A row of the map: what it had when it was last read, and where that was added. */
struct row {
	uint64_t value;
	uint32_t sum;
};

struct sum {
	char *service;
	uint32_t verdict;
	uint64_t count;
};

struct hdl_dp_service_counts {
	struct hdl_registry rows; /* struct hdl_service_verdict_key to index of row[] */
	struct row *row;
	uint32_t row_capacity;
	struct hdl_registry names; /* hash of service and outcome to index of sum[] */
	struct sum *sum;
	uint32_t sum_capacity;
	int failure; /* of one reading */
};

struct hdl_dp_service_counts *hdl_dp_service_counts_new(void)
{
	struct hdl_dp_service_counts *counts = calloc(1, sizeof(*counts));

	if (counts) {
		hdl_registry_init(&counts->rows, sizeof(struct hdl_service_verdict_key), ROWS_MAX);
		hdl_registry_init(&counts->names, sizeof(uint64_t), HDL_DP_SERVICE_COUNTS_MAX);
	}
	return counts;
}

struct hdl_dp_service_counts *hdl_dp_service_counts_free(struct hdl_dp_service_counts *counts)
{
	if (!counts)
		return NULL;
	for (uint32_t id = 1; id < counts->names.next; id++)
		if (hdl_registry_is_linked(&counts->names, id))
			free(counts->sum[id].service);
	free(counts->sum);
	free(counts->row);
	hdl_registry_done(&counts->rows);
	hdl_registry_done(&counts->names);
	free(counts);
	return NULL;
}

static int grow(void **array, uint32_t *capacity, uint32_t wanted, size_t size)
{
	void *bigger;

	if (wanted <= *capacity)
		return 0;
	bigger = reallocarray(*array, wanted, size);
	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	*capacity = wanted;
	return 0;
}

static int find_sum(struct hdl_dp_service_counts *counts, const char *service, uint32_t verdict, uint32_t *ret)
{
	uint64_t key = hdl_hash64(service, strlen(service), verdict);
	uint32_t id = hdl_registry_find(&counts->names, &key);
	char *name;
	int r;

	if (id) {
		*ret = id;
		return 0;
	}
	name = strdup(service);
	if (!name)
		return -ENOMEM;
	r = hdl_registry_insert(&counts->names, &key, &id);
	if (r == 0) {
		r = grow((void **)&counts->sum, &counts->sum_capacity, counts->names.capacity, sizeof(*counts->sum));
		if (r < 0)
			hdl_registry_release(&counts->names, id);
	}
	if (r < 0) {
		free(name);
		return r;
	}
	counts->sum[id] = (struct sum){ .service = name, .verdict = verdict };
	*ret = id;
	return 0;
}

/* The row's note, made on first sight. 0 = there is none: nobody has the id, or (failure) there is no room. */
static uint32_t note(struct hdl_dp_service_counts *counts, const struct hdl_service_verdict_key *key, const char *name)
{
	uint32_t id = hdl_registry_find(&counts->rows, key), sum;
	int r;

	if (id == 0 && !name)
		return 0;
	/* whose the id was, what was counted since the last reading was his: readings come before publications */
	if (id && (!name || strcmp(counts->sum[counts->row[id].sum].service, name) == 0))
		return id;
	r = find_sum(counts, name, key->verdict, &sum);
	if (r == 0 && id == 0) {
		r = hdl_registry_insert(&counts->rows, key, &id);
		if (r == 0) {
			r = grow((void **)&counts->row, &counts->row_capacity, counts->rows.capacity,
				 sizeof(*counts->row));
			if (r < 0)
				hdl_registry_release(&counts->rows, id);
		}
		if (r == 0)
			counts->row[id] = (struct row){ .value = 0 };
	}
	if (r < 0) {
		counts->failure = r;
		return 0;
	}
	counts->row[id].sum = sum;
	return id;
}

bool hdl_dp_service_counts_take(struct hdl_dp_service_counts *counts, const struct hdl_service_verdict_key *key,
				uint64_t value, hdl_dp_service_name_fn *name, void *data)
{
	char text[HDL_DP_SERVICE_NAME_MAX];
	bool known = name(data, key->service, text);
	uint32_t id = note(counts, key, known ? text : NULL);
	struct row *row;

	if (id == 0)
		return !known;
	row = &counts->row[id];
	/* less than before: the row is another one */
	counts->sum[row->sum].count += value >= row->value ? value - row->value : value;
	row->value = value;
	if (known)
		return false;
	hdl_registry_release(&counts->rows, id);
	return true;
}

int hdl_dp_service_counts_read(struct hdl_dp_service_counts *counts, const struct hdl_dp_maps *maps,
			       hdl_dp_service_name_fn *name, void *data)
{
	unsigned int cpus = hdl_dp_cpus(maps);
	struct hdl_service_verdict_key key, next;
	uint64_t *values, value;
	bool more;

	counts->failure = 0;
	if (maps->memory)
		return 0;
	if (cpus == 0)
		return -EIO;
	values = calloc(cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	more = bpf_map_get_next_key(maps->service_verdict_fd, NULL, &next) == 0;
	for (unsigned int i = 0; more && i < ROWS_MAX; i++) {
		key = next;
		/* before the row may go: a key that is gone would start the walk anew */
		more = bpf_map_get_next_key(maps->service_verdict_fd, &key, &next) == 0;
		if (bpf_map_lookup_elem(maps->service_verdict_fd, &key, values) != 0)
			continue;
		value = 0;
		for (unsigned int cpu = 0; cpu < cpus; cpu++)
			value += values[cpu];
		if (hdl_dp_service_counts_take(counts, &key, value, name, data))
			bpf_map_delete_elem(maps->service_verdict_fd, &key);
	}
	free(values);
	return counts->failure;
}

void hdl_dp_service_counts_each(const struct hdl_dp_service_counts *counts,
				void (*each)(void *data, const char *service, uint32_t verdict, uint64_t count),
				void *data)
{
	for (uint32_t id = 1; id < counts->names.next; id++)
		if (hdl_registry_is_linked(&counts->names, id))
			each(data, counts->sum[id].service, counts->sum[id].verdict, counts->sum[id].count);
}
