/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus text format: the sum of the workers' counters, the request series, TCP series from the caller. */
#ifndef HDL_OBS_PROM_H
#define HDL_OBS_PROM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "obs/series.h"
#include "obs/stats.h"

/* One label set of istio_tcp_*; labels that are NULL are left out (response_code and grpc_response_status). */
struct hdl_prom_tcp {
	struct hdl_labels labels;
	uint64_t opened, closed;
	uint64_t sent_bytes;     /* response direction */
	uint64_t received_bytes; /* request direction */
};

struct hdl_prom_input {
	const struct hdl_stats *const *workers;
	size_t worker_count;
	/* Label of heddle_codec_errors_total for each index; NULL: the metric is left out. */
	const char *(*codec_error_label)(int error);
	int codec_error_count;
	/* i-th TCP series (i counts from 0); false past the end. Called several times over. NULL: none. */
	bool (*tcp)(void *data, size_t i, struct hdl_prom_tcp *ret);
	void *tcp_data;
};

/* Appends to buf; its `failed` says whether all fitted. */
void hdl_prom_render(const struct hdl_prom_input *in, struct hdl_buf *buf);

/* Building blocks for metrics of other parts. type: "counter", "gauge", "histogram". */
void hdl_prom_head(struct hdl_buf *buf, const char *name, const char *type, const char *help);
/* value with backslash, quote and newline escaped, without quotes around it */
void hdl_prom_escape(struct hdl_buf *buf, const char *value);
/* name{key="value"} number; key NULL: no label */
void hdl_prom_sample(struct hdl_buf *buf, const char *name, const char *key, const char *value, uint64_t number);

#endif
