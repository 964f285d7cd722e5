/* SPDX-License-Identifier: Apache-2.0 */
/* Each request leaves one line in the log and one count per reporter, with the labels of specification E.2. */
#include "lab.h"

#include "obs/prom.h"

static const char *log_format = "";
static bool log_json;

static struct hdl_snapshot *configure(void)
{
	struct sb b = lab_builder();
	struct hdl_ir_cluster *one = lab_cluster(&b, "v1", 0, 0);
	struct hdl_ir_http_route *r;

	b.s->node.access_log_format = log_format;
	b.s->node.access_log_json = log_json;
	sb_route(&b, "/abort", one)->fault = (struct hdl_ir_fault){ .abort_per_million = 1000000, .abort_status = 503 };
	r = sb_route(&b, "/named", one);
	r->name = "canary";
	((struct hdl_ir_http_match *)(uintptr_t)r->matches)->name = "first";
	sb_route(&b, "/ok", one)->retry =
		(struct hdl_ir_retry){ .attempts = 3, .on = HDL_IR_RETRY_5XX, .backoff_ns = 1000 };
	return lab_finish(&b);
}

static int start(void **state)
{
	(void)state;
	lab_start(configure);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	lab_stop();
	log_format = "";
	log_json = false;
	return 0;
}

static char *metrics(void)
{
	const struct hdl_stats *workers[] = { hdl_worker_stats(lab.worker) };
	struct hdl_prom_input in = { .workers = workers, .worker_count = 1 };
	static struct hdl_buf buf;

	hdl_buf_done(&buf);
	memset(&buf, 0, sizeof(buf));
	hdl_prom_render(&in, &buf);
	assert_false(buf.failed);
	return buf.p;
}

/* Sum of istio_requests_total over the lines that have all of the given labels. */
static int count(const char *a, const char *b, const char *c)
{
	int n = 0;

	for (char *line = metrics(), *end; line && *line; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		if (end)
			*end = '\0';
		if (strncmp(line, "istio_requests_total{", 21) == 0 && strstr(line, a) && strstr(line, b) &&
		    strstr(line, c))
			n += (int)strtol(strrchr(line, ' ') + 1, NULL, 10);
	}
	return n;
}

static void one_count_per_reporter(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask("/ok", ""), 200);
	eventually(count("reporter=\"source\"", "", "") == 5);
	assert_int_equal(count("reporter=\"destination\"", "", ""), 5);
	assert_int_equal(count("reporter=\"source\",source_workload=\"client\",source_canonical_service=\"client\","
			       "source_canonical_revision=\"v0\",source_workload_namespace=\"demo\","
			       "source_principal=\"unknown\",source_app=\"client\",source_version=\"v0\","
			       "source_cluster=\"Kubernetes\",destination_workload=\"a\",",
			       "destination_workload_namespace=\"demo\",destination_principal=\"unknown\","
			       "destination_app=\"a\",destination_version=\"v1\","
			       "destination_service=\"reviews.demo.svc.cluster.local\","
			       "destination_canonical_service=\"a\",destination_canonical_revision=\"v1\","
			       "destination_service_name=\"reviews\",destination_service_namespace=\"demo\","
			       "destination_cluster=\"Kubernetes\",",
			       "request_protocol=\"http\",response_code=\"200\",grpc_response_status=\"\","
			       "response_flags=\"-\",connection_security_policy=\"unknown\""),
			 5);
	assert_int_equal(
		count("reporter=\"destination\"", "response_code=\"200\"", "connection_security_policy=\"none\""), 5);
	/* A retried request counts once, by its final result. */
	assert_int_equal(ask("/ok", "x-do: status=500\r\n"), 500);
	eventually(count("reporter=\"source\"", "response_code=\"500\"", "response_flags=\"URX\"") == 1);
	assert_int_equal(count("reporter=\"destination\"", "response_code=\"500\"", "response_flags=\"-\""), 1);
	/* A fault never reaches the destination, whose workload is unknown. */
	assert_int_equal(ask("/abort", ""), 503);
	eventually(count("reporter=\"source\"", "destination_workload=\"unknown\"", "response_flags=\"FI\"") == 1);
	assert_int_equal(count("destination_service=\"reviews.demo.svc.cluster.local\"", "response_flags=\"FI\"", ""),
			 1);
	/* No route */
	assert_int_equal(ask("/other", ""), 404);
	eventually(count("reporter=\"source\"", "response_code=\"404\"", "response_flags=\"NR\"") == 1);
	/* A client that left */
	{
		int fd = dial();

		send_text(fd, "GET /ok HTTP/1.1\r\nHost: reviews\r\nx-do: stall\r\n\r\n");
		eventually(requests_of(0) == 5 + 4 + 1);
		close(fd);
		eventually(count("reporter=\"source\"", "response_code=\"0\"", "response_flags=\"DC\"") == 1);
	}
	/* gRPC */
	assert_int_equal(ask("/ok", "x-do: grpc-14\r\ncontent-type: application/grpc\r\n"), 200);
	eventually(count("reporter=\"source\"", "request_protocol=\"grpc\"", "grpc_response_status=\"14\"") == 1);
	/* durations: one observation each */
	assert_non_null(strstr(metrics(), "\nistio_request_duration_milliseconds_count{reporter=\"source\","));
}

/* Outcomes that differ in the status alone, one behind the other at the same endpoint, are counted apart. */
static void outcomes_apart(void **state)
{
	static const int statuses[] = { 200, 404, 500, 201, 503, 404, 429, 502 };
	char what[64], code[64];

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
			snprintf(what, sizeof(what), "x-do: status=%d\r\n", statuses[i]);
			assert_int_equal(ask("/named", what), statuses[i]);
		}
	}
	eventually(count("reporter=\"source\"", "", "") == 16);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		snprintf(code, sizeof(code), "response_code=\"%d\"", statuses[i]);
		assert_int_equal(count("reporter=\"source\"", code, "flags=\"-\""), statuses[i] == 404 ? 4 : 2);
		assert_int_equal(count("reporter=\"destination\"", code, "flags=\"-\""), statuses[i] == 404 ? 4 : 2);
	}
}

/* What a client calls the original path is neither logged nor passed on; a fault's line has id and address (B.1, B.9). */
static void client_cannot_pretend(void **state)
{
	char last[LAB_BYTES];

	(void)state;
	assert_int_equal(ask("/ok", "x-envoy-original-path: /spoof\r\nx-request-id: me\r\n"), 200);
	assert_non_null(strstr(log_line(1), "\"GET /ok HTTP/1.1\" 200 - via_upstream"));
	pthread_mutex_lock(&lab.backend[0].mutex);
	snprintf(last, sizeof(last), "%s", lab.backend[0].last);
	pthread_mutex_unlock(&lab.backend[0].mutex);
	assert_null(strstr(last, "spoof"));
	assert_int_equal(ask("/abort", "x-request-id: me\r\nx-envoy-original-path: /spoof\r\n"), 503);
	assert_non_null(strstr(log_line(2), "\"GET /abort HTTP/1.1\" 503 FI fault_filter_abort"));
	assert_non_null(strstr(log_line(2), " \"127.0.0.1\" \"-\" \"me\" "));
	assert_int_equal(ask("/other", "x-request-id: me2\r\n"), 404);
	assert_non_null(strstr(log_line(3), " \"127.0.0.1\" \"-\" \"me2\" "));
}

/* A reload makes no new label sets. */
static void series_survive_reloads(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(ask("/ok", ""), 200);
		lab_reload(configure);
	}
	eventually(count("reporter=\"source\"", "", "") == 5);
	assert_int_equal(stat_of(metric_series), 2);
}

static void names_of_routes(void **state)
{
	(void)state;
	assert_int_equal(ask("/named", ""), 200);
	assert_non_null(strstr(log_line(1), " - canary.first"));
	assert_int_equal(ask("/ok", ""), 200);
	assert_non_null(strstr(log_line(2), " - -"));
}

static int start_format(void **state)
{
	log_format = "%REQ(X-Tenant)% %RESPONSE_CODE% %ROUTE_NAME%\n";
	return start(state);
}

static void own_format(void **state)
{
	(void)state;
	assert_int_equal(ask("/ok", "X-Tenant: blue\r\n"), 200);
	assert_string_equal(log_line(1), "blue 200 -");
	/* A reload changes it; what is not supported is refused and leaves the default. */
	log_format = "%RESP(X-FOO)%";
	lab_reload(configure);
	assert_int_equal(ask("/ok", ""), 200);
	assert_non_null(strstr(log_line(2), "\"GET /ok HTTP/1.1\" 200 - via_upstream"));
	log_format = "";
	log_json = true;
	lab_reload(configure);
	assert_int_equal(ask("/ok", ""), 200);
	assert_non_null(strstr(log_line(3), "\"response_code\":200,\"response_flags\":\"-\""));
}

/* A new descriptor takes over: the lines before it are in the old file, those after it in the new one. */
static void reopened(void **state)
{
	char name[] = "/tmp/heddle-test-XXXXXX";
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	unlink(name);
	assert_int_equal(ask("/ok", ""), 200);
	assert_int_equal(hdl_worker_set_access_log(lab.worker, dup(fd)), 0);
	eventually(log_lines() == 1);
	close(lab.log_fd);
	lab.log_fd = fd;
	assert_int_equal(ask("/named", ""), 200);
	assert_non_null(strstr(log_line(1), "GET /named"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_count_per_reporter, start, stop),
		cmocka_unit_test_setup_teardown(outcomes_apart, start, stop),
		cmocka_unit_test_setup_teardown(client_cannot_pretend, start, stop),
		cmocka_unit_test_setup_teardown(series_survive_reloads, start, stop),
		cmocka_unit_test_setup_teardown(names_of_routes, start, stop),
		cmocka_unit_test_setup_teardown(own_format, start_format, stop),
		cmocka_unit_test_setup_teardown(reopened, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
