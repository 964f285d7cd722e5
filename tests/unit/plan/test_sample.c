/* SPDX-License-Identifier: Apache-2.0 */
/* Example texts for regular expressions: what is made must match, as RE2 says. */
#include "unit/unit.h"
#include "plan/preview.h"
#include "re/re.h"

#include <string.h>

static const struct {
	const char *regex;
	bool found;
} rows[] = {
	{ "", true },
	{ "/api/v[0-9]+/users", true },
	{ "^/a$", true },
	{ "/(a|b|c)/.*", true },
	{ "(?i)/Admin(/.*)?", true },
	{ "[^/]+", true },
	{ "[^a-zA-Z0-9]", true },
	{ "[]x]y", true },
	{ "a{3}b{2,5}c{0,}", true },
	{ "\\d\\w\\s\\.\\/\\D\\W\\S", true },
	{ "(?:x(?P<name>y)+)*z", true },
	{ "[[:alpha:]]+-[[:digit:]]*", true },
	{ "(a+?b*?|)c", true },
	{ ".+\\.example\\.com", true },
	{ "((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))", false }, /* too deep */
	{ "a{900}", false }, /* longer than there is room for */
	{ "(unclosed", false },
	{ "[unclosed", false },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(rows); i++) {
		struct hdl_str regex = hdl_str_of(rows[i].regex);
		struct hdl_err err;
		char text[256];
		bool found = hdl_preview_sample(regex, text, sizeof(text));
		struct hdl_re *re = NULL;

		if (found != rows[i].found)
			fail_msg("%s: %s", rows[i].regex, found ? text : "nothing found");
		if (!found)
			continue;
		if (hdl_re_compile(regex, &re, &err) < 0)
			fail_msg("%s: %s", rows[i].regex, err.text);
		if (!hdl_re_full_match(re, hdl_str_of(text)))
			fail_msg("%s: \"%s\" does not match", rows[i].regex, text);
		hdl_re_free(re);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
