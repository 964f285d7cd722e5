/* SPDX-License-Identifier: Apache-2.0 */
/* Methods (specification B.2: unknown and lower-case names are not methods), reason phrases, version texts. */
#include "unit/unit.h"

#include "http/message.h"
#include "http/status.h"

static void test_methods(void **state)
{
	(void)state;
	for (unsigned int m = 1; m < HDL_HTTP_METHOD_COUNT; m++) {
		struct hdl_str text = hdl_http_method_text(m);

		assert_int_equal(hdl_http_method_of(text), m);
		assert_in_range(text.n, 1, HDL_HTTP_METHOD_BYTES_MAX);
	}
	assert_int_equal(hdl_http_method_of(HDL_STR("get")), HDL_HTTP_METHOD_UNKNOWN);
	assert_int_equal(hdl_http_method_of(HDL_STR("GETS")), HDL_HTTP_METHOD_UNKNOWN);
	assert_int_equal(hdl_http_method_of(HDL_STR("")), HDL_HTTP_METHOD_UNKNOWN);
	assert_int_equal(hdl_http_method_text(HDL_HTTP_METHOD_UNKNOWN).n, 0);
	assert_int_equal(hdl_http_method_text(HDL_HTTP_METHOD_COUNT).n, 0);
	assert_true(hdl_http_method_is_idempotent(HDL_HTTP_PUT));
	assert_false(hdl_http_method_is_idempotent(HDL_HTTP_POST));
	assert_false(hdl_http_method_is_idempotent(HDL_HTTP_PATCH));
}

static void test_reasons(void **state)
{
	static const struct {
		unsigned int status;
		const char *reason;
	} cases[] = {
		{ 100, "Continue" },
		{ 200, "OK" },
		{ 302, "Found" },
		{ 404, "Not Found" },
		{ 413, "Payload Too Large" },
		{ 431, "Request Header Fields Too Large" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 299, "Unknown" },
		{ 499, "Unknown" },
		{ 599, "Unknown" },
		{ 0, "Unknown" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++)
		assert_true(hdl_str_eq(hdl_http_status_reason(cases[i].status), hdl_str_of(cases[i].reason)));
}

static void test_versions(void **state)
{
	(void)state;
	assert_true(hdl_str_eq(hdl_http_version_text(HDL_HTTP_1_0), HDL_STR("HTTP/1.0")));
	assert_true(hdl_str_eq(hdl_http_version_text(HDL_HTTP_1_1), HDL_STR("HTTP/1.1")));
	assert_true(hdl_str_eq(hdl_http_version_text(HDL_HTTP_2), HDL_STR("HTTP/2")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
