/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus text: workers are summed, labels escaped, histograms cumulative, series bounded (specification E.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "obs/prom.h"

static struct hdl_stats a, b;

static const char *label_of(int error)
{
	static const char *const labels[] = { "", "bare_lf" };

	return error < 2 ? labels[error] : NULL;
}

static bool tcp(void *data, size_t i, struct hdl_prom_tcp *ret)
{
	(void)data;
	if (i >= 1)
		return false;
	ret->labels.value[HDL_LABEL_ID_REPORTER] = "source";
	ret->labels.value[HDL_LABEL_ID_REQUEST_PROTOCOL] = "tcp";
	ret->opened = 5;
	ret->closed = 4;
	ret->sent_bytes = 300;
	ret->received_bytes = 200;
	return true;
}

static void assert_line(const struct hdl_buf *buf, const char *line)
{
	char text[1024];

	snprintf(text, sizeof(text), "\n%s\n", line);
	if (!strstr(buf->p, text))
		fail_msg("no line %s in\n%s", line, buf->p);
}

static void rendered(void **state)
{
	const struct hdl_stats *workers[] = { &a, &b };
	struct hdl_prom_input in = { workers, 2, label_of, 2, tcp, NULL };
	struct hdl_labels labels = { .value = { [HDL_LABEL_ID_REPORTER] = "source",
						[HDL_LABEL_ID_DESTINATION_SERVICE] = "a\"b\\c\nd",
						[HDL_LABEL_ID_GRPC_RESPONSE_STATUS] = "" } };
	struct hdl_buf buf = { 0 };

	(void)state;
	assert_int_equal(hdl_stats_init(&a, 100), 0);
	assert_int_equal(hdl_stats_init(&b, 100), 0);
	hdl_stat_add(&a.downstream_requests, 3);
	hdl_stat_add(&b.downstream_requests, 4);
	hdl_stat_inc(&b.limit_header_bytes);
	hdl_stat_inc(&a.codec_errors[1]);
	assert_ptr_equal(hdl_series_get(&a, &labels), hdl_series_get(&a, &labels));
	hdl_series_observe(hdl_series_get(&a, &labels), 500000); /* 0.5 ms: in the first bucket */
	hdl_series_observe(hdl_series_get(&b, &labels), 501000);
	hdl_series_observe(hdl_series_get(&b, &labels), 4000000000000); /* beyond the last */
	labels.value[HDL_LABEL_ID_REPORTER] = "destination";
	hdl_series_observe(hdl_series_get(&b, &labels), 1);
	hdl_prom_render(&in, &buf);
	assert_false(buf.failed);
	assert_line(&buf, "# TYPE istio_requests_total counter");
	assert_line(&buf, "istio_requests_total{reporter=\"source\",destination_service=\"a\\\"b\\\\c\\nd\","
			  "grpc_response_status=\"\"} 3");
	assert_line(&buf, "istio_requests_total{reporter=\"destination\",destination_service=\"a\\\"b\\\\c\\nd\","
			  "grpc_response_status=\"\"} 1");
#define S                                                                                                         \
	"istio_request_duration_milliseconds_bucket{reporter=\"source\",destination_service=\"a\\\"b\\\\c\\nd\"," \
	"grpc_response_status=\"\",le="
	assert_line(&buf, S "\"0.5\"} 1");
	assert_line(&buf, S "\"1\"} 2");
	assert_line(&buf, S "\"3600000\"} 2");
	assert_line(&buf, S "\"+Inf\"} 3");
	assert_line(&buf, "istio_request_duration_milliseconds_sum{reporter=\"source\",destination_service="
			  "\"a\\\"b\\\\c\\nd\",grpc_response_status=\"\"} 4000001.001");
	assert_line(&buf, "istio_tcp_connections_opened_total{reporter=\"source\",request_protocol=\"tcp\"} 5");
	assert_line(&buf, "istio_tcp_connections_closed_total{reporter=\"source\",request_protocol=\"tcp\"} 4");
	assert_line(&buf, "istio_tcp_sent_bytes_total{reporter=\"source\",request_protocol=\"tcp\"} 300");
	assert_line(&buf, "istio_tcp_received_bytes_total{reporter=\"source\",request_protocol=\"tcp\"} 200");
	assert_line(&buf, "heddle_downstream_requests_total 7");
	assert_line(&buf, "# TYPE heddle_downstream_connections_active gauge");
	assert_line(&buf, "heddle_limit_hits_total{limit=\"max_header_bytes\"} 1");
	assert_line(&buf, "heddle_limit_hits_total{limit=\"memory\"} 0");
	assert_line(&buf, "heddle_codec_errors_total{error=\"bare_lf\"} 1");
	hdl_buf_done(&buf);
	hdl_stats_done(&a);
	hdl_stats_done(&b);
}

static void bounded(void **state)
{
	struct hdl_labels labels = { 0 };
	char name[16];

	(void)state;
	assert_int_equal(hdl_stats_init(&a, 100), 0);
	for (int i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "w%d", i);
		labels.value[HDL_LABEL_ID_SOURCE_WORKLOAD] = name;
		assert_int_equal(hdl_series_get(&a, &labels) != NULL, i < 100);
	}
	assert_int_equal(a.limit_metric_series, 50);
	assert_int_equal(a.metric_series, 100);
	labels.value[HDL_LABEL_ID_SOURCE_WORKLOAD] = "w99"; /* known ones go on counting */
	assert_non_null(hdl_series_get(&a, &labels));
	hdl_stats_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rendered),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
