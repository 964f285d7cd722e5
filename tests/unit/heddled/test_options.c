/* SPDX-License-Identifier: Apache-2.0 */
/* Command line (interfaces): every option, its default, what is refused, and that help and manual page know them all. */
#include "unit/unit.h"
#include "heddled/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 200

static int parse(const char *line, struct hdl_options *ret, struct hdl_err *err)
{
	static char copy[8192];
	char *argv[ARGS_MAX] = { (char *)"heddled" }, *at = copy;
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	while (*at && argc < ARGS_MAX - 1) {
		argv[argc++] = at;
		at += strcspn(at, " ");
		if (*at)
			*at++ = '\0';
	}
	return hdl_options_parse(argc, argv, ret, err);
}

static void test_defaults(void **state)
{
	struct hdl_options o;
	struct hdl_err err;

	(void)state;
	assert_int_equal(parse("--config /etc/heddle", &o, &err), 0);
	assert_int_equal(o.action, HDL_ACTION_RUN);
	assert_int_equal(o.mode, HDL_MODE_FULL);
	assert_int_equal(o.config_count, 1);
	assert_string_equal(o.config[0], "/etc/heddle");
	assert_null(o.node_config);
	assert_null(o.cgroup);
	assert_null(o.access_log);
	assert_string_equal(o.bpffs, "/sys/fs/bpf/heddle");
	assert_string_equal(o.run_dir, "/run/heddle");
	assert_int_equal(o.admin_port, 15000);
	assert_int_equal(o.admin_address.byte[12], 127);
	assert_int_equal(o.workers, 0);
	assert_int_equal(o.log_level, HDL_LOG_INFO);
	assert_false(o.log_json);
	assert_false(o.strict);
}

static void test_all_given(void **state)
{
	struct hdl_options o;
	struct hdl_err err;

	(void)state;
	assert_int_equal(
		parse("--config a --config=b --node-config n --cgroup /c --bpffs /b --run-dir /r --admin [::1]:99 "
		      "--workers 3 --mode proxy --log-level debug --log-format json --access-log - --strict",
		      &o, &err),
		0);
	assert_int_equal(o.config_count, 2);
	assert_string_equal(o.config[1], "b");
	assert_string_equal(o.node_config, "n");
	assert_string_equal(o.cgroup, "/c");
	assert_string_equal(o.bpffs, "/b");
	assert_string_equal(o.run_dir, "/r");
	assert_int_equal(o.admin_port, 99);
	assert_int_equal(o.admin_address.byte[15], 1);
	assert_int_equal(o.workers, 3);
	assert_int_equal(o.mode, HDL_MODE_PROXY);
	assert_int_equal(o.log_level, HDL_LOG_DEBUG);
	assert_true(o.log_json);
	assert_string_equal(o.access_log, "-");
	assert_true(o.strict);
}

static void test_actions(void **state)
{
	static const struct {
		const char *line;
		enum hdl_action action;
	} cases[] = {
		{ "--help", HDL_ACTION_HELP },
		{ "--version", HDL_ACTION_VERSION },
		{ "--uninstall", HDL_ACTION_UNINSTALL },
		{ "--uninstall --help", HDL_ACTION_HELP },
		{ "--help --uninstall", HDL_ACTION_HELP },
		{ "--validate --config x", HDL_ACTION_VALIDATE },
		{ "--worker-fd 3", HDL_ACTION_WORKER },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct hdl_options o;
		struct hdl_err err;

		if (parse(cases[i].line, &o, &err) != 0 || o.action != cases[i].action)
			fail_msg("%s", cases[i].line);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *line, *says; /* part of the message */
	} cases[] = {
		{ "", "--config is missing" },
		{ "--validate", "--config is missing" },
		{ "--config", "needs a value" },
		{ "--config=", "empty" },
		{ "--nonsense", "--nonsense is not an option" },
		{ "-x", "-x is not an option" },
		{ "--config a b", "\"b\" is not an option" },
		{ "--config a --workers 0", "1 to 64" },
		{ "--config a --workers 65", "1 to 64" },
		{ "--config a --workers 2x", "1 to 64" },
		{ "--config a --workers -1", "1 to 64" },
		{ "--config a --mode half", "neither full nor proxy" },
		{ "--config a --admin 15000", "ADDR:PORT" },
		{ "--config a --admin 127.0.0.1:0", "ADDR:PORT" },
		{ "--config a --admin 127.0.0.1:65536", "ADDR:PORT" },
		{ "--config a --admin localhost:80", "ADDR:PORT" },
		{ "--config a --log-level loud", "error, warn, info, debug" },
		{ "--config a --log-format xml", "neither text nor json" },
		{ "--config a --validate --uninstall", "another action" },
		{ "--worker-fd 2", "--worker-fd" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct hdl_options o = { .workers = 4711 };
		struct hdl_err err = { "" };
		int r = parse(cases[i].line, &o, &err);

		if (r != -EINVAL || !strstr(err.text, cases[i].says) || o.workers != 4711)
			fail_msg("\"%s\": %d, %s", cases[i].line, r, err.text);
	}
}

static void test_limits(void **state)
{
	char line[8000] = "";
	struct hdl_options o;
	struct hdl_err err;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < HDL_OPTIONS_CONFIGS_MAX; i++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, "--config a ");
	assert_int_equal(parse(line, &o, &err), 0);
	assert_int_equal(o.config_count, HDL_OPTIONS_CONFIGS_MAX);
	snprintf(line + n, sizeof(line) - n, "--config a");
	assert_int_equal(parse(line, &o, &err), -EINVAL);
	n = (size_t)snprintf(line, sizeof(line), "--config ");
	memset(line + n, 'p', 5000);
	line[n + 5000] = '\0';
	assert_int_equal(parse(line, &o, &err), -EINVAL);
}

/* What people may use is in --help, and in the manual page where that can be found. */
static void test_documented(void **state)
{
	struct hdl_buf help = { 0 };
	char page[65536] = "";
	FILE *file = fopen("user/heddled/man/heddled.8", "r");

	(void)state;
	if (file) {
		page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
		fclose(file);
	}
	hdl_options_help(&help);
	assert_null(strstr(help.p, "worker-fd"));
	for (size_t i = 0; hdl_options_name(i); i++) {
		char option[64];

		snprintf(option, sizeof(option), "--%s", hdl_options_name(i));
		if (!strstr(help.p, option))
			fail_msg("%s is not in --help", option);
		snprintf(option, sizeof(option), ".It Fl -%s", hdl_options_name(i));
		if (file && !strstr(page, option))
			fail_msg("%s is not in heddled(8)", option);
	}
	hdl_buf_done(&help);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_all_given), cmocka_unit_test(test_actions),
		cmocka_unit_test(test_refused),  cmocka_unit_test(test_limits),    cmocka_unit_test(test_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
