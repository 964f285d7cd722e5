/* SPDX-License-Identifier: Apache-2.0 */
/* Checks times of RFC 3339 against known ones, their bounds, and that printing is the inverse of reading. */
#include "unit/unit.h"
#include <errno.h>
#include "base/rfc3339.h"

#define S 1000000000ll

static void times(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t ns;
		const char *printed; /* NULL: as text */
	} row[] = {
		{ "1970-01-01T00:00:00Z", 0, 0, NULL },
		{ "2024-05-06T07:08:09Z", 0, 1714979289 * S, NULL },
		{ "2000-02-29T23:59:59Z", 0, 951868799 * S, NULL },
		{ "1969-12-31T23:59:59.5Z", 0, -S / 2, NULL },
		{ "1900-03-01T00:00:00Z", 0, -2203891200 * S, NULL },
		{ "1678-01-01T00:00:00Z", 0, -9214560000 * S, NULL },
		{ "2261-12-31T23:59:59.999999999Z", 0, 9214646399 * S + 999999999, NULL },
		{ "2024-05-06t07:08:09z", 0, 1714979289 * S, "2024-05-06T07:08:09Z" },
		{ "2024-05-06 07:08:09Z", 0, 1714979289 * S, "2024-05-06T07:08:09Z" },
		{ "2024-05-06T09:38:09+02:30", 0, 1714979289 * S, "2024-05-06T07:08:09Z" },
		{ "2024-05-05T23:08:09-08:00", 0, 1714979289 * S, "2024-05-06T07:08:09Z" },
		{ "2024-05-06T07:08:09.120Z", 0, 1714979289 * S + 120000000, "2024-05-06T07:08:09.12Z" },
		{ "2024-05-06T07:08:09.1234567891234Z", 0, 1714979289 * S + 123456789,
		  "2024-05-06T07:08:09.123456789Z" },
		{ "2016-12-31T23:59:60Z", 0, 1483228800 * S, "2017-01-01T00:00:00Z" },
		{ "", -EINVAL, 0, NULL },
		{ "2024-05-06", -EINVAL, 0, NULL },
		{ "2024-05-06T07:08:09", -EINVAL, 0, NULL },
		{ "2024-05-06T07:08Z", -EINVAL, 0, NULL },
		{ "2024-05-06T07:08:09.Z", -EINVAL, 0, NULL },
		{ "2024-05-06T07:08:09ZZ", -EINVAL, 0, NULL },
		{ "2024-05-06T07:08:09+0230", -EINVAL, 0, NULL },
		{ "2024-05-06T07:08:09+24:00", -EINVAL, 0, NULL },
		{ "2024-13-06T07:08:09Z", -EINVAL, 0, NULL },
		{ "2024-00-06T07:08:09Z", -EINVAL, 0, NULL },
		{ "2024-04-31T07:08:09Z", -EINVAL, 0, NULL },
		{ "1900-02-29T07:08:09Z", -EINVAL, 0, NULL },
		{ "2024-05-06T24:08:09Z", -EINVAL, 0, NULL },
		{ "2024-05-06T07:60:09Z", -EINVAL, 0, NULL },
		{ "2024-05-06T07:08:61Z", -EINVAL, 0, NULL },
		{ "24-05-06T07:08:09Z", -EINVAL, 0, NULL },
		{ "+024-05-06T07:08:09Z", -EINVAL, 0, NULL },
		{ "1677-12-31T23:59:59Z", -ERANGE, 0, NULL },
		{ "9999-12-31T23:59:59Z", -ERANGE, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		struct hdl_buf buf = { 0 };
		int64_t ns = 42;
		int r = hdl_rfc3339_parse(hdl_str_of(row[i].text), &ns);

		if (r != row[i].r || (r == 0 ? ns != row[i].ns : ns != 42))
			fail_msg("%s: %d %lld", row[i].text, r, (long long)ns);
		if (r)
			continue;
		hdl_rfc3339_print(&buf, ns);
		assert_string_equal(buf.p, row[i].printed ? row[i].printed : row[i].text);
		hdl_buf_done(&buf);
	}
}

static void every_day(void **state)
{
	(void)state;
	for (int64_t day = -106000; day < 106000; day += 13) { /* 1679..2260 */
		struct hdl_buf buf = { 0 };
		int64_t ns;

		hdl_rfc3339_print(&buf, day * 86400 * S + 1);
		assert_int_equal(hdl_rfc3339_parse((struct hdl_str){ buf.p, buf.n }, &ns), 0);
		assert_int_equal(ns, day * 86400 * S + 1);
		hdl_buf_done(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(times), cmocka_unit_test(every_day) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
