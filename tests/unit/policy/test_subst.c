/* SPDX-License-Identifier: Apache-2.0 */
/* Values with substitution commands for one request (specification B.5). */
#include "unit/unit.h"

#include <errno.h>

#include "policy/subst.h"
#include "policy/timefmt.h"

#define START_NS 1795261980123456789ull /* 2026-11-21 11:53:00 UTC */

static struct hdl_http_header request_lines[8], response_lines[8];

static void make(struct hdl_http_head *request, struct hdl_http_headers *response, struct hdl_subst_facts *facts)
{
	*request = (struct hdl_http_head){ .method_text = HDL_STR("GET"),
					   .path = HDL_STR("/a"),
					   .has_query = true,
					   .query = HDL_STR("b=1"),
					   .authority = HDL_STR("h:80"),
					   .scheme = HDL_STR("http") };
	hdl_http_headers_init(&request->headers, request_lines, 8);
	hdl_http_headers_add(&request->headers, HDL_STR("x-a"), HDL_STR("one"));
	hdl_http_headers_add(&request->headers, HDL_STR("x-b"), HDL_STR("1"));
	hdl_http_headers_add(&request->headers, HDL_STR("x-a"), HDL_STR("two"));
	hdl_http_headers_add(&request->headers, HDL_STR("x-empty"), HDL_STR(""));
	hdl_http_headers_add(&request->headers, HDL_STR("x-forwarded-proto"), HDL_STR("https"));
	hdl_http_headers_init(response, response_lines, 8);
	hdl_http_headers_add(response, HDL_STR("etag"), HDL_STR("\"x\""));
	*facts = (struct hdl_subst_facts){
		.request = request,
		.response = response,
		.response_code = 503,
		.start_wall_ns = START_NS,
		.duration_ms = 7,
		.bytes_received = 0,
		.attempts = 2,
		.protocol = HDL_STR("HTTP/1.1"),
		.hostname = HDL_STR("node-1"),
		.route_name = HDL_STR("r"),
		.details = HDL_STR("via_upstream"),
		.flags = HDL_STR("URX,UF"),
		.cluster = HDL_STR("outbound|80||x"),
		.upstream_remote = HDL_STR("[2001:db8::1]:9080"),
		.upstream_local = HDL_STR("10.0.0.1:5"),
		.downstream_remote = HDL_STR("10.1.0.2:40000"),
		.downstream_local = HDL_STR("[::1]:80"),
	};
}

static const struct {
	const char *value, *result;
} cases[] = {
	{ "plain", "plain" },
	{ "50%%", "50%" },
	{ "%REQ(x-b)%", "1" },
	{ "%REQ(x-a)%", "one,two" },
	{ "%REQ(x-a):5%", "one,t" },
	{ "%REQ(none)%", "" },
	{ "a%REQ(none)%b", "ab" },
	{ "%REQ(none?x-b)%", "1" },
	{ "%REQ(x-empty?x-b)%", "" }, /* it is there */
	{ "%REQ(:method)% %REQ(:path)% %REQ(:authority)% %REQ(host)% %REQ(:scheme)%", "GET /a?b=1 h:80 h:80 https" },
	{ "%REQ(:path):4%", "/a?b" },
	{ "%REQ(none?:path)%", "/a?b=1" },
	{ "%REQ(:none?x-b)%", "1" },
	{ "%RESP(etag)%", "\"x\"" },
	{ "%RESP(none?:status)%", "503" },
	{ "%START_TIME%", "2026-11-21T11:53:00.123Z" },
	{ "%START_TIME(%s.%3f)%", "1795261980.123" },
	{ "%PROTOCOL%", "HTTP/1.1" },
	{ "%HOSTNAME%", "node-1" },
	{ "%ROUTE_NAME%", "r" },
	{ "%REQUESTED_SERVER_NAME%", "" },
	{ "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS%", "503 via_upstream URX,UF" },
	{ "%BYTES_RECEIVED%/%DURATION%", "0/7" },
	{ "%DOWNSTREAM_REMOTE_ADDRESS%", "10.1.0.2:40000" },
	{ "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "10.1.0.2:40000" },
	{ "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "10.1.0.2" },
	{ "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_DIRECT_REMOTE_PORT%", "10.1.0.2 40000" },
	{ "%DOWNSTREAM_REMOTE_PORT%", "40000" },
	{ "%DOWNSTREAM_LOCAL_ADDRESS%", "[::1]:80" },
	{ "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_PORT%", "::1 80" },
	{ "%UPSTREAM_HOST%", "[2001:db8::1]:9080" },
	{ "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %UPSTREAM_REMOTE_PORT%", "2001:db8::1 9080" },
	{ "%UPSTREAM_REMOTE_ADDRESS%", "[2001:db8::1]:9080" },
	{ "%UPSTREAM_LOCAL_ADDRESS% %UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %UPSTREAM_LOCAL_PORT%",
	  "10.0.0.1:5 10.0.0.1 5" },
	{ "%UPSTREAM_CLUSTER%", "outbound|80||x;" },
	{ "%UPSTREAM_CLUSTER_RAW%", "outbound|80||x" },
	{ "%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "2" },
	{ "%UPSTREAM_TRANSPORT_FAILURE_REASON%", "" },
};

static size_t parse(const char *value, struct hdl_subst_part *parts, size_t room)
{
	struct hdl_str rest = hdl_str_of(value);
	size_t n = 0;

	while (n < room && hdl_subst_next(&rest, &parts[n], NULL) > 0)
		n++;
	assert_int_equal(rest.n, 0);
	return n;
}

static void test_values(void **state)
{
	struct hdl_subst_facts facts;
	struct hdl_http_headers response;
	struct hdl_http_head request;

	(void)state;
	make(&request, &response, &facts);
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct hdl_subst_part parts[12];
		size_t n = parse(cases[i].value, parts, 12), wanted = strlen(cases[i].result);
		char buf[128];
		long bytes = hdl_subst_value(parts, n, &facts, buf, sizeof(buf));

		if (bytes != (long)wanted || memcmp(buf, cases[i].result, wanted) != 0)
			fail_msg("%s: %.*s", cases[i].value, bytes < 0 ? 0 : (int)bytes, buf);
		for (size_t room = 0; room < wanted; room++)
			assert_int_equal(hdl_subst_value(parts, n, &facts, buf, room), -ENOSPC);
	}
}

/* Before there is an endpoint or an answer. */
static void test_nothing_known(void **state)
{
	struct hdl_http_head request = { .is_request = true };
	struct hdl_subst_facts facts = { .request = &request };
	static const char *const values[] = { "%UPSTREAM_HOST%",
					      "%UPSTREAM_CLUSTER%",
					      "%UPSTREAM_REMOTE_PORT%",
					      "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
					      "%RESPONSE_CODE%",
					      "%RESP(etag)%",
					      "%RESP(:status)%",
					      "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
					      "%REQ(:path)%" };

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(values); i++) {
		struct hdl_subst_part parts[1];
		char buf[8];

		assert_int_equal(hdl_subst_value(parts, parse(values[i], parts, 1), &facts, buf, sizeof(buf)), 0);
	}
}

static void test_times(void **state)
{
	static const struct {
		const char *format;
		uint64_t ns;
		const char *text;
	} times[] = {
		{ "", START_NS, "2026-11-21T11:53:00.123Z" },
		{ "%a, %d %b %Y %T GMT", START_NS, "Sat, 21 Nov 2026 11:53:00 GMT" },
		{ "%A %B %e %j %y %C", START_NS, "Saturday November 21 325 26 20" },
		{ "%D %F %R %c", START_NS, "11/21/26 2026-11-21 11:53 Sat Nov 21 11:53:00 2026" },
		{ "%I:%M %p %u %w %z %Z", START_NS, "11:53 AM 6 6 +0000 UTC" },
		{ "%f %1f %6f %9f %E3S", START_NS, "123456789 1 123456 123456789 00.123" },
		{ "%s%n%t%%", START_NS, "1795261980  %" },
		{ "%Q %E %", START_NS, "%Q %E %" },
		{ "%F %T %a %j", 0, "1970-01-01 00:00:00 Thu 001" },
		{ "%F %j", 951782400ull * 1000000000, "2000-02-29 060" },
		{ "%F %j", 4107542400ull * 1000000000, "2100-03-01 060" }, /* no leap year */
		{ "%I %p", 46800ull * 1000000000, "01 PM" },
		{ "%I %p", 0, "12 AM" },
		{ "%F", 18446744073709551615ull, "2554-07-21" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(times); i++) {
		char buf[128];
		size_t wanted = strlen(times[i].text);
		long n = hdl_time_format(hdl_str_of(times[i].format), times[i].ns, buf, sizeof(buf));

		if (n != (long)wanted || memcmp(buf, times[i].text, wanted) != 0)
			fail_msg("%s: %.*s", times[i].format, n < 0 ? 0 : (int)n, buf);
		assert_int_equal(hdl_time_format(hdl_str_of(times[i].format), times[i].ns, buf, wanted - 1), -ENOSPC);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
