/* SPDX-License-Identifier: Apache-2.0 */
/* Header values with substitution commands: how they are cut up, and what is refused (specification A.3, B.5). */
#include "unit/unit.h"

#include <stdio.h>

#include "base/subst.h"

struct accepted {
	const char *value;
	const char *text; /* command:text?instead/max, joined by blanks; literals as they are between quotes */
};

static void print(const struct hdl_subst_part *p, char *buf, size_t room)
{
	size_t n = strlen(buf);

	if (p->command == HDL_SUBST_LITERAL)
		snprintf(buf + n, room - n, "\"" HDL_STR_FMT "\" ", HDL_STR_ARG(p->text));
	else
		snprintf(buf + n, room - n, "%u:" HDL_STR_FMT "?" HDL_STR_FMT "/%u ", p->command, HDL_STR_ARG(p->text),
			 HDL_STR_ARG(p->instead), p->bytes_max);
}

static void test_accepted(void **state)
{
	static const struct accepted cases[] = {
		{ "", "" },
		{ "plain text", "\"plain text\" " },
		{ "50%% off", "\"50\" \"%\" \" off\" " },
		{ "%%", "\"%\" " },
		{ "%PROTOCOL%", "4:?/0 " },
		{ "a%PROTOCOL%b%HOSTNAME%", "\"a\" 4:?/0 \"b\" 5:?/0 " },
		{ "%REQ(X-A?:path):20%", "1:X-A?:path/20 " },
		{ "%RESP(server)%%REQ(:METHOD)%", "2:server?/0 1::METHOD?/0 " },
		{ "%START_TIME%", "3:?/0 " },
		{ "%START_TIME(%Y/%m/%d %H(%M))%!", "3:%Y/%m/%d %H(%M)?/0 \"!\" " },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct hdl_str rest = hdl_str_of(cases[i].value);
		struct hdl_subst_part part;
		char text[256] = "";
		int r;

		while ((r = hdl_subst_next(&rest, &part, NULL)) > 0)
			print(&part, text, sizeof(text));
		assert_int_equal(r, 0);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(hdl_subst_check(hdl_str_of(cases[i].value), NULL), 0);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *value, *text;
	} cases[] = {
		{ "100%", "has no partner" },
		{ "%PROTOCOL", "has no partner" },
		{ "a % b", "has no partner" },
		{ "a % b %", "% b % is no command" },
		{ "%UPSTREAM_METADATA([\"a\", \"b\"])%",
		  "%UPSTREAM_METADATA% is no command that can be used here; there are: "
		  "REQ, RESP, START_TIME, " },
		{ "%protocol%", "is no command" },
		{ "%PROTOCOL(x)%", "takes no argument" },
		{ "%REQ%", "does not name a header" },
		{ "%REQ()%", "does not name a header" },
		{ "%REQ(a b)%", "does not name a header" },
		{ "%REQ(a?)%", "does not name a header" },
		{ "%REQ(a?b?c)%", "does not name a header" },
		{ "%REQ(a", "has no end" },
		{ "%REQ(a):%", "cannot be cut" },
		{ "%REQ(a):0%", "cannot be cut" },
		{ "%REQ(a):x%", "cannot be cut" },
		{ "%REQ(a):1000001%", "cannot be cut" },
		{ "%PROTOCOL:3%", "cannot be cut" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct hdl_err err = { "" };

		if (hdl_subst_check(hdl_str_of(cases[i].value), &err) != -22 || !strstr(err.text, cases[i].text))
			fail_msg("%s: %s", cases[i].value, err.text);
	}
}

/* Every cut of a good value ends without reading on. */
static void test_cut_short(void **state)
{
	static const char value[] = "a%REQ(x?y):3%%%%START_TIME(%Y)%";
	struct hdl_subst_part part;

	(void)state;
	for (size_t n = 0; n < sizeof(value); n++) {
		char exact[sizeof(value)];
		struct hdl_str rest = { exact, n };
		int rounds = 0;

		memcpy(exact, value, n);
		while (hdl_subst_next(&rest, &part, NULL) > 0)
			assert_true(++rounds < 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
