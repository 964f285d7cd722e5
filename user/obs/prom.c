/* SPDX-License-Identifier: Apache-2.0 */
/* Renders counters and series as Prometheus text. */
#include "obs/prom.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct field {
	const char *name, *help;
	size_t offset;
};

static const struct field counters[] = {
#define X(field, help) { "heddle_" #field "_total", help, offsetof(struct hdl_stats, field) },
	HDL_STATS_COUNTERS(X)
#undef X
};

static const struct field gauges[] = {
#define X(field, help) { "heddle_" #field, help, offsetof(struct hdl_stats, field) },
	HDL_STATS_GAUGES(X)
#undef X
};

static const struct field limits[] = {
#define X(field, label, help) { label, help, offsetof(struct hdl_stats, field) },
	HDL_STATS_LIMITS(X)
#undef X
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

void hdl_prom_head(struct hdl_buf *buf, const char *name, const char *type, const char *help)
{
	hdl_buf_printf(buf, "# HELP %s ", name);
	for (; *help; help++) {
		if (*help == '\\' || *help == '\n')
			hdl_buf_adds(buf, *help == '\n' ? "\\n" : "\\\\");
		else
			hdl_buf_add(buf, help, 1);
	}
	hdl_buf_printf(buf, "\n# TYPE %s %s\n", name, type);
}

void hdl_prom_escape(struct hdl_buf *buf, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n')
			hdl_buf_adds(buf, "\\n");
		else if (*value == '"' || *value == '\\')
			hdl_buf_printf(buf, "\\%c", *value);
		else
			hdl_buf_add(buf, value, 1);
	}
}

void hdl_prom_sample(struct hdl_buf *buf, const char *name, const char *key, const char *value, uint64_t number)
{
	hdl_buf_adds(buf, name);
	if (key) {
		hdl_buf_printf(buf, "{%s=\"", key);
		hdl_prom_escape(buf, value);
		hdl_buf_adds(buf, "\"}");
	}
	hdl_buf_printf(buf, " %" PRIu64 "\n", number);
}

static uint64_t sum(const struct hdl_prom_input *in, size_t offset)
{
	uint64_t total = 0;

	for (size_t w = 0; w < in->worker_count; w++)
		total += hdl_stat_read((const uint64_t *)((const char *)in->workers[w] + offset));
	return total;
}

static void render_fields(const struct hdl_prom_input *in, struct hdl_buf *buf, const struct field *fields, size_t n,
			  const char *type)
{
	for (size_t i = 0; i < n; i++) {
		hdl_prom_head(buf, fields[i].name, type, fields[i].help);
		hdl_prom_sample(buf, fields[i].name, NULL, NULL, sum(in, fields[i].offset));
	}
}

static void render_limits(const struct hdl_prom_input *in, struct hdl_buf *buf)
{
	hdl_prom_head(buf, "heddle_limit_hits_total", "counter", "How often a limit was reached");
	for (size_t i = 0; i < COUNT(limits); i++)
		hdl_prom_sample(buf, "heddle_limit_hits_total", "limit", limits[i].name, sum(in, limits[i].offset));
}

static void render_codec_errors(const struct hdl_prom_input *in, struct hdl_buf *buf)
{
	if (!in->codec_error_label)
		return;
	hdl_prom_head(buf, "heddle_codec_errors_total", "counter",
		      "Requests refused because they were not proper HTTP/1");
	for (int i = 0; i < in->codec_error_count && i < HDL_STATS_CODEC_ERRORS_MAX; i++) {
		const char *label = in->codec_error_label(i);

		if (label && *label)
			hdl_prom_sample(buf, "heddle_codec_errors_total", "error", label,
					sum(in,
					    offsetof(struct hdl_stats, codec_errors) + (size_t)i * sizeof(uint64_t)));
	}
}

/* One label set, summed over the workers. */
struct merged {
	const struct hdl_series *series;
	uint64_t bucket[HDL_DURATION_BUCKETS + 1], count, sum_us;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct merged *)a)->series->text, ((const struct merged *)b)->series->text);
}

static void merge_into(struct merged *to, const struct merged *from)
{
	for (int i = 0; i <= HDL_DURATION_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
	to->count += from->count;
	to->sum_us += from->sum_us;
}

static size_t series_count(const struct hdl_prom_input *in)
{
	size_t n = 0;

	for (size_t w = 0; w < in->worker_count; w++)
		n += hdl_stat_read(&in->workers[w]->metric_series);
	return n;
}

/* All label sets in order of their text; NULL with buf->failed set when out of memory. */
static struct merged *merge(const struct hdl_prom_input *in, struct hdl_buf *buf, size_t *ret_n)
{
	size_t capacity = series_count(in), n = 0, m = 0;
	struct merged *v = calloc(capacity + 1, sizeof(*v));

	if (!v) {
		buf->failed = true;
		return NULL;
	}
	for (size_t w = 0; w < in->worker_count; w++) {
		const struct hdl_series *s;

		for (uint32_t i = 0; n < capacity && (s = hdl_series_at(in->workers[w], i)); i++, n++) {
			v[n].series = s;
			v[n].sum_us = hdl_stat_read(&s->sum_us);
			for (int b = 0; b <= HDL_DURATION_BUCKETS; b++) {
				v[n].bucket[b] = hdl_stat_read(&s->bucket[b]);
				v[n].count += v[n].bucket[b];
			}
		}
	}
	qsort(v, n, sizeof(*v), by_text);
	for (size_t i = 0; i < n; i++) {
		if (m > 0 && strcmp(v[m - 1].series->text, v[i].series->text) == 0)
			merge_into(&v[m - 1], &v[i]);
		else
			v[m++] = v[i];
	}
	*ret_n = m;
	return v;
}

static void render_histogram(const struct merged *m, const char *name, struct hdl_buf *buf)
{
	uint64_t below = 0;

	for (int b = 0; b < HDL_DURATION_BUCKETS; b++) {
		below += m->bucket[b];
		hdl_buf_printf(buf, "%s_bucket{%s,le=\"%.10g\"} %" PRIu64 "\n", name, m->series->text,
			       (double)hdl_duration_bucket_us[b] / 1000, below);
	}
	hdl_buf_printf(buf, "%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", name, m->series->text, m->count);
	hdl_buf_printf(buf, "%s_sum{%s} %.3f\n", name, m->series->text, (double)m->sum_us / 1000);
	hdl_buf_printf(buf, "%s_count{%s} %" PRIu64 "\n", name, m->series->text, m->count);
}

static void render_requests(const struct hdl_prom_input *in, struct hdl_buf *buf)
{
	static const char name[] = "istio_request_duration_milliseconds";
	struct merged *v;
	size_t n;

	v = merge(in, buf, &n);
	if (!v)
		return;
	hdl_prom_head(buf, "istio_requests_total", "counter", "Requests by reporter, source, destination and response");
	for (size_t i = 0; i < n; i++)
		hdl_buf_printf(buf, "istio_requests_total{%s} %" PRIu64 "\n", v[i].series->text, v[i].count);
	hdl_prom_head(buf, name, "histogram", "From the first byte of the request to the last of the response");
	for (size_t i = 0; i < n; i++)
		render_histogram(&v[i], name, buf);
	free(v);
}

static const char *const label_name[HDL_LABEL_ID_COUNT] = {
#define X(id, name) name,
	HDL_LABELS(X)
#undef X
};

static void render_labels(const struct hdl_labels *labels, struct hdl_buf *buf)
{
	const char *separator = "";

	for (int i = 0; i < HDL_LABEL_ID_COUNT; i++) {
		if (!labels->value[i])
			continue;
		hdl_buf_printf(buf, "%s%s=\"", separator, label_name[i]);
		hdl_prom_escape(buf, labels->value[i]);
		hdl_buf_adds(buf, "\"");
		separator = ",";
	}
}

static void render_tcp(const struct hdl_prom_input *in, struct hdl_buf *buf)
{
	static const struct field fields[] = {
		{ "istio_tcp_connections_opened_total", "Connections opened", offsetof(struct hdl_prom_tcp, opened) },
		{ "istio_tcp_connections_closed_total", "Connections closed", offsetof(struct hdl_prom_tcp, closed) },
		{ "istio_tcp_sent_bytes_total", "Bytes in the direction of the response",
		  offsetof(struct hdl_prom_tcp, sent_bytes) },
		{ "istio_tcp_received_bytes_total", "Bytes in the direction of the request",
		  offsetof(struct hdl_prom_tcp, received_bytes) },
	};

	if (!in->tcp)
		return;
	for (size_t f = 0; f < COUNT(fields); f++) {
		struct hdl_prom_tcp tcp = { 0 };

		hdl_prom_head(buf, fields[f].name, "counter", fields[f].help);
		for (size_t i = 0; in->tcp(in->tcp_data, i, &tcp); i++) {
			hdl_buf_printf(buf, "%s{", fields[f].name);
			render_labels(&tcp.labels, buf);
			hdl_buf_printf(buf, "} %" PRIu64 "\n",
				       *(const uint64_t *)((const char *)&tcp + fields[f].offset));
			tcp = (struct hdl_prom_tcp){ 0 };
		}
	}
}

void hdl_prom_render(const struct hdl_prom_input *in, struct hdl_buf *buf)
{
	render_requests(in, buf);
	render_tcp(in, buf);
	render_fields(in, buf, counters, COUNT(counters), "counter");
	render_fields(in, buf, gauges, COUNT(gauges), "gauge");
	render_limits(in, buf);
	render_codec_errors(in, buf);
}
