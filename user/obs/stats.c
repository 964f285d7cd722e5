/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of a worker and its table of request series. */
#include "obs/stats.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "obs/series.h"

#define CHUNK_SERIES 64

const uint64_t hdl_duration_bucket_us[HDL_DURATION_BUCKETS] = {
	500,     1000,    5000,     10000,    25000,    50000,     100000,    250000,     500000,     1000000,
	2500000, 5000000, 10000000, 30000000, 60000000, 300000000, 600000000, 1800000000, 3600000000,
};

/*
 * Series never move and never go away before the table does. Readers see the first `count` of them: the count is
 * stored (release) after the series is complete.
 */
struct hdl_series_table {
	uint32_t count, max, buckets; /* buckets: a power of two */
	struct hdl_series **bucket;   /* the writer's hash table */
	struct hdl_series **chunk;    /* max / CHUNK_SERIES pointers */
};

int hdl_stats_init(struct hdl_stats *stats, uint32_t series_max)
{
	struct hdl_series_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->max = series_max ? series_max : 1;
	t->buckets = 64;
	while (t->buckets < t->max)
		t->buckets *= 2;
	t->bucket = calloc(t->buckets, sizeof(struct hdl_series *));
	t->chunk = calloc(t->max / CHUNK_SERIES + 1, sizeof(struct hdl_series *));
	if (!t->bucket || !t->chunk) {
		free(t->bucket);
		free(t->chunk);
		free(t);
		return -ENOMEM;
	}
	*stats = (struct hdl_stats){ .series = t };
	return 0;
}

void hdl_stats_done(struct hdl_stats *stats)
{
	struct hdl_series_table *t = stats->series;

	if (!t)
		return;
	for (uint32_t i = 0; i < t->count; i++)
		free((void *)(uintptr_t)t->chunk[i / CHUNK_SERIES][i % CHUNK_SERIES].text);
	for (uint32_t i = 0; i <= t->max / CHUNK_SERIES; i++)
		free(t->chunk[i]);
	free(t->chunk);
	free(t->bucket);
	free(t);
	stats->series = NULL;
}

static const char *const label_name[HDL_LABEL_ID_COUNT] = {
#define X(id, name) name,
	HDL_LABELS(X)
#undef X
};

static size_t escaped_bytes(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == '"' || *s == '\\' || *s == '\n' ? 2 : 1;
	return n;
}

static char *escape(char *p, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\' || *s == '\n')
			*p++ = '\\';
		*p++ = *s == '\n' ? 'n' : *s;
	}
	return p;
}

/* reporter="source",...; NULL when out of memory */
static char *labels_text(const struct hdl_labels *labels)
{
	size_t n = 1;
	char *text, *p;

	for (int i = 0; i < HDL_LABEL_ID_COUNT; i++)
		if (labels->value[i])
			n += strlen(label_name[i]) + 4 + escaped_bytes(labels->value[i]);
	text = p = malloc(n);
	if (!text)
		return NULL;
	for (int i = 0; i < HDL_LABEL_ID_COUNT; i++) {
		size_t name_bytes = strlen(label_name[i]);

		if (!labels->value[i])
			continue;
		if (p != text)
			*p++ = ',';
		memcpy(p, label_name[i], name_bytes);
		p += name_bytes;
		*p++ = '=';
		*p++ = '"';
		p = escape(p, labels->value[i]);
		*p++ = '"';
	}
	*p = '\0';
	return text;
}

static struct hdl_series *append(struct hdl_stats *stats, const char *text, uint64_t hash)
{
	struct hdl_series_table *t = stats->series;
	struct hdl_series **chunk = &t->chunk[t->count / CHUNK_SERIES], *series;

	if (t->count >= t->max) {
		hdl_stat_inc(&stats->limit_metric_series);
		return NULL;
	}
	if (!*chunk) {
		struct hdl_series *fresh = calloc(CHUNK_SERIES, sizeof(*fresh));

		if (!fresh) {
			hdl_stat_inc(&stats->limit_memory);
			return NULL;
		}
		__atomic_store_n(chunk, fresh, __ATOMIC_RELAXED);
	}
	series = &(*chunk)[t->count % CHUNK_SERIES];
	series->text = text;
	series->hash = hash;
	series->next_hash = t->bucket[hash & (t->buckets - 1)];
	t->bucket[hash & (t->buckets - 1)] = series;
	__atomic_store_n(&t->count, t->count + 1, __ATOMIC_RELEASE);
	hdl_stat_inc(&stats->metric_series);
	return series;
}

struct hdl_series *hdl_series_get(struct hdl_stats *stats, const struct hdl_labels *labels)
{
	struct hdl_series_table *t = stats->series;
	char *text = labels_text(labels);
	struct hdl_series *s;
	uint64_t hash;

	if (!text) {
		hdl_stat_inc(&stats->limit_memory);
		return NULL;
	}
	hash = hdl_hash64(text, strlen(text), hdl_hash_process_seed());
	for (s = t->bucket[hash & (t->buckets - 1)]; s; s = s->next_hash)
		if (s->hash == hash && strcmp(s->text, text) == 0)
			break;
	if (s) {
		free(text);
		return s;
	}
	s = append(stats, text, hash);
	if (!s)
		free(text);
	return s;
}

void hdl_series_observe(struct hdl_series *series, uint64_t duration_ns)
{
	uint64_t us = duration_ns / 1000;
	int i = 0;

	while (i < HDL_DURATION_BUCKETS && us > hdl_duration_bucket_us[i])
		i++;
	hdl_stat_inc(&series->bucket[i]);
	hdl_stat_add(&series->sum_us, us);
}

const struct hdl_series *hdl_series_at(const struct hdl_stats *stats, uint32_t i)
{
	const struct hdl_series_table *t = stats->series;

	if (!t || i >= __atomic_load_n(&t->count, __ATOMIC_ACQUIRE))
		return NULL;
	return &__atomic_load_n(&t->chunk[i / CHUNK_SERIES], __ATOMIC_RELAXED)[i % CHUNK_SERIES];
}
