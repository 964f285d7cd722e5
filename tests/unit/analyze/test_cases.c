/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table of cases for every code (specification A.11): in cases/, NAME.yaml gives exactly the messages of NAME.out,
 * among them some of the code that the name begins with; NAME-ok.yaml gives none of that code. HDL_GOLDEN_WRITE=1
 * records what is found now.
 */
#include "unit/analyze/analysis.h"

#include <dirent.h>

#define CASES "tests/unit/analyze/cases"

/* "ist0101-host.yaml" is about IST0101. */
static void code_of(const char *name, char code[8])
{
	for (size_t i = 0; i < 7; i++)
		code[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - ('a' - 'A') : name[i]);
	code[7] = '\0';
}

/*
 * "# call-chain: a,b,c" in the first line is an option. strict: what the translator would refuse is refused; without
 * it the analyzers of what it cannot do yet can be tested.
 */
static void analyze_case(struct found *found, const char *text, bool strict)
{
	static char chain[200];
	static const char *const chains[] = { chain };
	struct hdl_an_options options = { .now_s = TEST_NOW_S, .chain = chains };

	if (sscanf(text, "# call-chain: %199[^\n]", chain) == 1)
		options.chain_count = 1;
	found_begin(found);
	if (!strict)
		hdl_resource_store_set_check(found->store, NULL);
	found_put(found, "f.yaml", text);
	found_end(found, &options);
}

/* What is not enforced yet is of interest to its own case only. */
static char *print_found(const struct found *found, const char *code)
{
	struct hdl_buf buf = { 0 };

	hdl_buf_adds(&buf, "");
	for (size_t i = 0; i < found->n; i++)
		if (found->at[i].type != HDL_AN_NOT_ENFORCED || strcmp(code, "HDL0016") == 0)
			hdl_an_print_text(&found->at[i], false, &buf);
	assert_false(buf.failed);
	return buf.p;
}

static void record(const char *path, const char *text)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

static void check_fires(const struct found *found, const char *name, const char *code, const char *path)
{
	char *printed = print_found(found, code), *expected;
	char out[600];

	if (!found_count(found, code))
		fail_msg("%s: no %s among:\n%s", name, code, printed);
	snprintf(out, sizeof(out), "%.*s.out", (int)(strlen(path) - 5), path);
	if (getenv("HDL_GOLDEN_WRITE"))
		record(out, printed);
	expected = read_text(out);
	if (!expected || strcmp(expected, printed) != 0)
		fail_msg("%s: expected:\n%s\nfound:\n%s", name, expected ? expected : "(no file)", printed);
	free(expected);
	free(printed);
}

static void check_case(const char *name)
{
	bool ok = strstr(name, "-ok.yaml") != NULL;
	struct found found;
	char path[512], code[8];
	char *text;

	snprintf(path, sizeof(path), CASES "/%.200s", name);
	code_of(name, code);
	assert_true(hdl_an_code_known(code));
	text = read_text(path);
	assert_non_null(text);
	analyze_case(&found, text, strcmp(code, "IST0106") == 0);
	if (!ok) {
		check_fires(&found, name, code, path);
	} else if (found_count(&found, code)) {
		char *printed = print_found(&found, code);

		fail_msg("%s: %s is a false alarm in:\n%s", name, code, printed);
	}
	found_done(&found);
	free(text);
}

static int is_case(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 12 && strcmp(entry->d_name + n - 5, ".yaml") == 0;
}

static void test_each_case(void **state)
{
	struct dirent **entry;
	int n = scandir(CASES, &entry, is_case, alphasort);

	(void)state;
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		check_case(entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
}

static bool has_case(const char *code, bool ok)
{
	struct dirent **entry;
	int n = scandir(CASES, &entry, is_case, alphasort);
	bool found = false;

	for (int i = 0; i < n; i++) {
		char of_case[8];

		code_of(entry[i]->d_name, of_case);
		found = found || (strcmp(of_case, code) == 0 && !!strstr(entry[i]->d_name, "-ok.yaml") == ok);
		free(entry[i]);
	}
	free(entry);
	return found;
}

static void test_every_code_has_a_case_of_both_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < HDL_AN_TYPES; i++) {
		if (i == HDL_AN_NAMESPACE_NOT_INJECTED)
			continue; /* never reported */
		if (i == HDL_AN_LIMIT)
			continue; /* takes a large input: test_limits.c */
		if (i == HDL_AN_UNVERIFIED_TLS || i == HDL_AN_UNVERIFIED_TLS_PORT)
			continue; /* the model refuses TLS to endpoints for now: test_print.c */
		if (!has_case(hdl_an_codes[i].code, false) || !has_case(hdl_an_codes[i].code, true))
			fail_msg("%s has no case that fires, or none that does not", hdl_an_codes[i].code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_case),
		cmocka_unit_test(test_every_code_has_a_case_of_both_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
