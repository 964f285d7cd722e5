/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 of RFC 4648: its test vectors both ways, padding, what is refused. */
#include "unit/unit.h"
#include "base/base64.h"

#include <errno.h>
#include <stdlib.h>

static void test_decode(void **state)
{
	static const struct {
		const char *text, *bytes; /* bytes NULL: refused */
		size_t n;
	} rows[] = {
		{ "", "", 0 },
		{ "Zg==", "f", 1 },
		{ "Zm8=", "fo", 2 },
		{ "Zm9v", "foo", 3 },
		{ "Zm9vYg==", "foob", 4 },
		{ "Zm9vYmE=", "fooba", 5 },
		{ "Zm9vYmFy", "foobar", 6 },
		{ "Zm9v\nYmFy\r\n", "foobar", 6 },
		{ "AP/+", "\0\xff\xfe", 3 },
		{ "AP_-", NULL, 0 },
		{ "Zm9vYg", NULL, 0 },
		{ "Zh==", NULL, 0 }, /* bits left over */
		{ "Z", NULL, 0 },
		{ "Zm9vY", NULL, 0 },
		{ "Zg=", NULL, 0 },
		{ "Zg===", NULL, 0 },
		{ "====", NULL, 0 },
		{ "Zg==Zg==", NULL, 0 },
		{ "Zm 8=", NULL, 0 },
		{ "Zm8\xc4", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hdl_str text = hdl_str_of(rows[i].text);
		unsigned char *out = malloc(hdl_base64_bound(text.n)); /* exact, for the sanitizer */
		size_t n = 99;
		int r = hdl_base64_decode(text, out, &n);

		assert_non_null(out);
		if (r != (rows[i].bytes ? 0 : -EINVAL) ||
		    (rows[i].bytes && (n != rows[i].n || memcmp(out, rows[i].bytes, n))))
			fail_msg("\"%s\": %d, %zu bytes", rows[i].text, r, n);
		free(out);
	}
}

static void test_print(void **state)
{
	static const char *const rows[][2] = { { "", "" },
					       { "f", "Zg==" },
					       { "fo", "Zm8=" },
					       { "foo", "Zm9v" },
					       { "foob", "Zm9vYg==" },
					       { "fooba", "Zm9vYmE=" },
					       { "\xff\xfe", "//4=" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hdl_buf buf = { 0 };

		hdl_base64_print(&buf, (const unsigned char *)rows[i][0], strlen(rows[i][0]));
		assert_int_equal(buf.n, strlen(rows[i][1]));
		assert_memory_equal(buf.p ? buf.p : "", rows[i][1], buf.n);
		hdl_buf_done(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_decode), cmocka_unit_test(test_print) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
