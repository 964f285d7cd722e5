/* SPDX-License-Identifier: Apache-2.0 */
/* Access-log lines have Istio's 23 fields or JSON keys (specification E.1), and no reader can hold up the writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <cmocka.h>

#include "obs/accesslog.h"

static struct hdl_stats stats;
static char seen[300000];

#define STR(s)                     \
	{                          \
		(s), sizeof(s) - 1 \
	}

/* The example of specification E.1. */
static const struct hdl_access_record example = {
	.start_wall_ns = 1787134272345678901,
	.method = STR("GET"),
	.path = STR("/api?x=1"),
	.protocol = STR("HTTP/1.1"),
	.response_code = 503,
	.flags = STR("UH"),
	.details = STR("no_healthy_upstream"),
	.bytes_sent = 19,
	.upstream_service_time_ms = -1,
	.user_agent = STR("curl/8.5"),
	.request_id = STR("3f1c"),
	.authority = STR("reviews:9080"),
	.upstream_cluster = STR("outbound|9080|v9|reviews.default.svc.cluster.local"),
	.downstream_local = STR("10.96.3.4:9080"),
	.downstream_remote = STR("10.244.0.7:40112"),
};

static int make_file(void)
{
	char name[] = "/tmp/heddle-test-XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	unlink(name);
	return fd;
}

static const char *written(int fd)
{
	ssize_t n = pread(fd, seen, sizeof(seen) - 1, 0);

	assert_true(n >= 0);
	seen[n] = '\0';
	return seen;
}

static struct hdl_accesslog *open_log(int fd)
{
	struct hdl_accesslog *log;

	assert_int_equal(hdl_stats_init(&stats, 1), 0);
	log = hdl_accesslog_new(&stats);
	assert_non_null(log);
	hdl_accesslog_set_fd(log, dup(fd));
	return log;
}

static void close_log(struct hdl_accesslog *log, int fd)
{
	hdl_accesslog_free(log);
	hdl_stats_done(&stats);
	close(fd);
}

static void text(void **state)
{
	int fd = make_file();
	struct hdl_accesslog *log = open_log(fd);
	struct hdl_access_record full = example;

	(void)state;
	hdl_accesslog_write(log, &example);
	assert_true(hdl_accesslog_pending(log));
	assert_string_equal(written(fd), "");
	hdl_accesslog_flush(log);
	assert_false(hdl_accesslog_pending(log));
	assert_string_equal(
		written(fd),
		"[2026-08-19T10:11:12.345Z] \"GET /api?x=1 HTTP/1.1\" 503 UH no_healthy_upstream - \"-\" 0 19 0 - \"-\" "
		"\"curl/8.5\" \"3f1c\" \"reviews:9080\" \"-\" outbound|9080|v9|reviews.default.svc.cluster.local - "
		"10.96.3.4:9080 10.244.0.7:40112 - -\n");
	assert_int_equal(ftruncate(fd, 0), 0);
	lseek(fd, 0, SEEK_SET);
	full.response_code = 0;
	full.flags = HDL_STR("DC");
	full.details = HDL_STR("downstream_remote_disconnect");
	full.transport_failure = HDL_STR("t");
	full.bytes_received = 12345678901;
	full.duration_ms = 42;
	full.upstream_service_time_ms = 41;
	full.forwarded_for = HDL_STR("10.0.0.1,10.0.0.2");
	full.upstream_host = HDL_STR("10.1.2.3:80");
	full.upstream_local = HDL_STR("10.1.2.1:5");
	full.server_name = HDL_STR("sni");
	full.route_name = HDL_STR("default");
	hdl_accesslog_write(log, &full);
	hdl_accesslog_flush(log);
	assert_string_equal(
		written(fd),
		"[2026-08-19T10:11:12.345Z] \"GET /api?x=1 HTTP/1.1\" 0 DC downstream_remote_disconnect - \"t\" "
		"12345678901 19 42 41 \"10.0.0.1,10.0.0.2\" \"curl/8.5\" \"3f1c\" \"reviews:9080\" \"10.1.2.3:80\" "
		"outbound|9080|v9|reviews.default.svc.cluster.local 10.1.2.1:5 10.96.3.4:9080 10.244.0.7:40112 sni "
		"default\n");
	assert_int_equal(stats.access_log_lines, 2);
	close_log(log, fd);
}

static void json(void **state)
{
	int fd = make_file();
	struct hdl_accesslog *log = open_log(fd);
	struct hdl_access_record r = example;

	(void)state;
	r.user_agent = (struct hdl_str)STR("a\"b\\c\t\xc3\xa4\xff");
	r.flags = (struct hdl_str){ 0 };
	r.upstream_service_time_ms = 7;
	hdl_accesslog_set_format(log, NULL, true);
	hdl_accesslog_write(log, &r);
	hdl_accesslog_flush(log);
	assert_string_equal(
		written(fd),
		"{\"start_time\":\"2026-08-19T10:11:12.345Z\",\"route_name\":null,\"method\":\"GET\",\"path\":\"/api?x=1\","
		"\"protocol\":\"HTTP/1.1\",\"response_code\":503,\"response_flags\":\"-\",\"response_code_details\":"
		"\"no_healthy_upstream\",\"connection_termination_details\":null,\"bytes_received\":0,\"bytes_sent\":19,"
		"\"duration\":0,\"upstream_service_time\":\"7\",\"x_forwarded_for\":null,\"user_agent\":"
		"\"a\\\"b\\\\c\\u0009\xc3\xa4\\ufffd\",\"request_id\":\"3f1c\",\"authority\":\"reviews:9080\","
		"\"upstream_host\":null,\"upstream_cluster\":\"outbound|9080|v9|reviews.default.svc.cluster.local\","
		"\"upstream_local_address\":null,\"downstream_local_address\":\"10.96.3.4:9080\","
		"\"downstream_remote_address\":\"10.244.0.7:40112\",\"requested_server_name\":null,"
		"\"upstream_transport_failure_reason\":null}\n");
	close_log(log, fd);
}

static void formats(void **state)
{
	static const struct {
		const char *format, *line; /* line NULL: refused; format names the operator */
	} cases[] = {
		{ "%REQ(:METHOD)% 100%% %RESPONSE_CODE%\n", "GET 100% 503\n" },
		{ "%REQ(X-Tenant)%|%REQ(x-none?X-TENANT)%|%REQ(x-none)%", "blue|blue|-\n" },
		{ "plain", "plain\n" },
		{ "%RESP(X-FOO)%", NULL },
		{ "%UPSTREAM_METADATA(a)%", NULL },
		{ "%START_TIME(%s)%", NULL },
		{ "%REQ(:SCHEME)%", NULL },
		{ "100%", NULL },
	};
	struct hdl_http_header v[2];
	struct hdl_http_headers headers;

	(void)state;
	hdl_http_headers_init(&headers, v, 2);
	assert_int_equal(hdl_http_headers_add(&headers, HDL_STR("x-tenant"), HDL_STR("blue")), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hdl_access_record r = example;
		struct hdl_access_format *format = NULL;
		struct hdl_accesslog *log;
		struct hdl_err err = { 0 };
		int fd;

		if (!cases[i].line) {
			assert_int_equal(hdl_access_format_new(cases[i].format, &format, &err), -EINVAL);
			assert_non_null(strstr(err.text, "access-log format"));
			assert_null(format);
			continue;
		}
		assert_int_equal(hdl_access_format_new(cases[i].format, &format, &err), 0);
		fd = make_file();
		log = open_log(fd);
		hdl_accesslog_set_format(log, format, false);
		r.request_headers = &headers;
		hdl_accesslog_write(log, &r);
		hdl_accesslog_flush(log);
		assert_string_equal(written(fd), cases[i].line);
		close_log(log, fd);
	}
}

static void flushes_when_full(void **state)
{
	int fd = make_file();
	struct hdl_accesslog *log = open_log(fd);
	size_t n;

	(void)state;
	for (int i = 0; i < 200; i++)
		hdl_accesslog_write(log, &example);
	n = strlen(written(fd));
	assert_true(n >= HDL_ACCESSLOG_FLUSH_BYTES);
	assert_int_equal(seen[n - 1], '\n');
	close_log(log, fd);
}

static void full_disk(void **state)
{
	int fd = open("/dev/full", O_WRONLY);
	struct hdl_accesslog *log;

	(void)state;
	assert_true(fd >= 0);
	log = open_log(fd);
	for (int i = 0; i < 3; i++)
		hdl_accesslog_write(log, &example);
	hdl_accesslog_flush(log);
	assert_int_equal(stats.access_log_write_errors, 1);
	assert_int_equal(stats.access_log_lines_dropped, 3);
	assert_false(hdl_accesslog_pending(log));
	close_log(log, fd);
}

/* Nobody reads the pipe, which blocks: lines are dropped and counted, write() is never waited for. */
static void stuck_pipe(void **state)
{
	int fds[2];
	struct hdl_accesslog *log;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	log = open_log(fds[1]);
	for (int i = 0; i < 3000; i++)
		hdl_accesslog_write(log, &example);
	assert_true(stats.access_log_lines_dropped > 0);
	assert_int_equal(stats.access_log_lines + stats.access_log_lines_dropped, 3000);
	/* The reader comes back: what waits is whole lines. */
	for (int i = 0; i < 1000 && hdl_accesslog_pending(log); i++) {
		assert_true(read(fds[0], seen, sizeof(seen)) > 0);
		hdl_accesslog_flush(log);
	}
	assert_false(hdl_accesslog_pending(log));
	close(fds[0]);
	close_log(log, fds[1]);
}

static void too_long(void **state)
{
	int fd = make_file();
	struct hdl_accesslog *log = open_log(fd);
	struct hdl_access_record r = example;
	char *path = malloc(HDL_ACCESSLOG_BYTES_MAX);

	(void)state;
	memset(path, 'a', HDL_ACCESSLOG_BYTES_MAX);
	r.path = (struct hdl_str){ path, HDL_ACCESSLOG_BYTES_MAX };
	hdl_accesslog_write(log, &example);
	hdl_accesslog_write(log, &r);
	hdl_accesslog_write(log, &example);
	hdl_accesslog_flush(log);
	assert_int_equal(stats.access_log_lines, 2);
	assert_int_equal(stats.access_log_lines_dropped, 1);
	assert_int_equal(stats.limit_access_log_line, 1);
	free(path);
	close_log(log, fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),      cmocka_unit_test(json),
		cmocka_unit_test(formats),   cmocka_unit_test(flushes_when_full),
		cmocka_unit_test(full_disk), cmocka_unit_test(stuck_pipe),
		cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
