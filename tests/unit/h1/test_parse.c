/* SPDX-License-Identifier: Apache-2.0 */
/* Parser details that vectors cannot show: error texts, verbatim lines, exact limits, a moving buffer, trailers. */
#include "unit/unit.h"

#include <stdlib.h>

#include "h1/body.h"
#include "h1/parse.h"

static const struct hdl_h1_limits limits = { 61440, 100, 8192 };

/* Specification B.11: each reason has its own label and a status that can be answered. */
static void test_errors(void **state)
{
	(void)state;
	for (int e = 1; e < HDL_H1_E_COUNT; e++) {
		assert_in_range(hdl_h1_error_status(e), 400, 505);
		assert_int_equal(hdl_h1_error_status(-e), hdl_h1_error_status(e));
		assert_true(hdl_h1_error_details(-e)[0]);
		for (int other = 1; other < e; other++)
			assert_string_not_equal(hdl_h1_error_label(e), hdl_h1_error_label(other));
	}
	assert_string_equal(hdl_h1_error_details(-HDL_H1_E_HOST_MISSING), "missing_host_header");
	assert_int_equal(hdl_h1_error_status(-HDL_H1_E_CODING_UNKNOWN), 501);
	assert_int_equal(hdl_h1_error_status(HDL_H1_E_COUNT), 0);
}

static void test_verbatim(void **state)
{
	static const struct {
		const char *line;
		bool verbatim;
	} cases[] = {
		{ "X: a", true }, { "X:a", false }, { "X:  a", false }, { "X: a ", false }, { "X:\ta", false },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct hdl_http_header v[4];
		struct hdl_http_head head = { .headers = { .v = v, .capacity = 4 } };
		struct hdl_h1_scan scan = { 0 };
		char data[128] = "GET / HTTP/1.1\r\nHost: h\r\n";
		size_t n = strlen(data);

		memcpy(data + n, cases[i].line, strlen(cases[i].line));
		n += strlen(cases[i].line);
		memcpy(data + n, "\r\n\r\n", 4);
		assert_int_equal(hdl_h1_parse_request(data, n + 4, &scan, &limits, &head), n + 4);
		assert_int_equal(v[1].flags & HDL_HTTP_HEADER_VERBATIM ? true : false, cases[i].verbatim);
		assert_true(hdl_str_eq(v[1].value, HDL_STR("a")));
	}
}

/* B.11: 61,440 bytes are a head, one more is 431; the array of the caller bounds the lines as well. */
static void test_limits(void **state)
{
	size_t max = limits.head_bytes_max;
	char *data = malloc(max + 1);
	struct hdl_http_header v[2];
	struct hdl_http_head head = { .headers = { .v = v, .capacity = 2 } };
	struct hdl_h1_scan scan = { 0 };

	(void)state;
	assert_non_null(data);
	memset(data, 'x', max + 1);
	memcpy(data, "GET / HTTP/1.1\r\nHost: h\r\nX: ", 28);
	memcpy(data + max - 4, "\r\n\r\n", 4);
	assert_int_equal(hdl_h1_parse_request(data, max, &scan, &limits, &head), max);
	memset(&scan, 0, sizeof(scan));
	assert_int_equal(hdl_h1_parse_request(data, max + 1, &scan, &limits, &head), max);

	memset(data + max - 4, 'x', 4);
	memcpy(data + max - 3, "\r\n\r\n", 4);
	memset(&scan, 0, sizeof(scan));
	assert_int_equal(hdl_h1_parse_request(data, max - 1, &scan, &limits, &head), 0);
	assert_int_equal(hdl_h1_parse_request(data, max + 1, &scan, &limits, &head), -HDL_H1_E_HEAD_TOO_LARGE);

	memset(&scan, 0, sizeof(scan));
	head.headers.capacity = 1;
	memcpy(data, "GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n", 34);
	assert_int_equal(hdl_h1_parse_request(data, 34, &scan, &limits, &head), -HDL_H1_E_TOO_MANY_HEADERS);
	free(data);
}

/* The scan never looks at a byte twice: a head in n pieces costs as much as one in one piece. */
static void test_scan_is_linear(void **state)
{
	const char *text = "GET / HTTP/1.1\r\nHost: h\r\nX: yyyyyyyyyyyyyyyyyyyy\r\n\r\n";
	size_t n = strlen(text);
	struct hdl_http_header v[4];
	struct hdl_http_head head = { .headers = { .v = v, .capacity = 4 } };
	struct hdl_h1_scan scan = { 0 };

	(void)state;
	for (size_t have = 1; have < n; have++) {
		char *moved = malloc(have);

		memcpy(moved, text, have);
		/* what the scan has passed is not read again before the head is complete; only a CR may be looked back at */
		for (size_t j = scan.start_end + 2; scan.start_line_ok && j + 1 < scan.at; j++)
			moved[j] = '\n';
		assert_int_equal(hdl_h1_parse_request(moved, have, &scan, &limits, &head), 0);
		assert_in_range(scan.at, have - 1, have);
		free(moved);
	}
}

/* Trailers that nobody wants are still checked. */
static void test_trailers_without_list(void **state)
{
	struct hdl_http_head head = { .framing = HDL_HTTP_BODY_CHUNKED };
	struct hdl_h1_body body;
	struct hdl_str slice;
	size_t consumed;
	char good[] = "0\r\nA: b\r\n\r\nrest", bad[] = "0\r\nA : b\r\n\r\n";

	(void)state;
	hdl_h1_body_init(&body, &head, &limits, NULL);
	assert_int_equal(hdl_h1_body_feed(&body, good, sizeof(good) - 1, &consumed, &slice), HDL_H1_BODY_END);
	assert_int_equal(consumed, 11);
	assert_true(hdl_h1_body_is_done(&body));
	assert_int_equal(hdl_h1_body_feed(&body, good, 0, &consumed, &slice), HDL_H1_BODY_END);
	hdl_h1_body_init(&body, &head, &limits, NULL);
	assert_int_equal(hdl_h1_body_feed(&body, bad, sizeof(bad) - 1, &consumed, &slice),
			 -HDL_H1_E_BLANK_BEFORE_COLON);
	assert_int_equal(consumed, 0);
}

static void test_body_ends_without_input(void **state)
{
	struct hdl_http_head head = { .framing = HDL_HTTP_BODY_LENGTH, .content_length = 2 };
	struct hdl_h1_body body;
	struct hdl_str slice;
	size_t consumed;
	char data[] = "abc";

	(void)state;
	hdl_h1_body_init(&body, &head, &limits, NULL);
	assert_int_equal(hdl_h1_body_feed(&body, data, 0, &consumed, &slice), HDL_H1_BODY_MORE);
	assert_int_equal(hdl_h1_body_feed(&body, data, 3, &consumed, &slice), HDL_H1_BODY_DATA);
	assert_int_equal(slice.n, 2);
	assert_int_equal(consumed, 2);
	assert_true(hdl_h1_body_is_done(&body));
	assert_int_equal(hdl_h1_body_eof(&body), HDL_H1_BODY_END);
	assert_int_equal(hdl_h1_body_feed(&body, data, 0, &consumed, &slice), HDL_H1_BODY_END);
	head.framing = HDL_HTTP_BODY_NONE;
	hdl_h1_body_init(&body, &head, &limits, NULL);
	assert_int_equal(hdl_h1_body_feed(&body, data, 3, &consumed, &slice), HDL_H1_BODY_END);
	assert_int_equal(consumed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_verbatim),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_scan_is_linear),
		cmocka_unit_test(test_trailers_without_list),
		cmocka_unit_test(test_body_ends_without_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
