/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of tests/vectors/h1 (smuggling shapes and good ones) give the recorded outcome, however they are cut. */
#include "unit/unit.h"

#include <dirent.h>
#include <stdio.h>

#include "unit/h1/outcome.h"

struct vector {
	char name[128], kind[32];
	struct hdl_buf data, expected;
};

static int from_hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void unescape(struct hdl_buf *out, const char *p, const char *end);

/* N*TEXT* */
static const char *repeat(struct hdl_buf *out, const char *p)
{
	char *text;
	unsigned long times = strtoul(p, &text, 10);
	const char *end = strchr(text + 1, '*');

	assert_non_null(end);
	while (times--)
		unescape(out, text + 1, end);
	return end + 1;
}

/* \r \n \t \\ \xHH, and \*N*TEXT* repeats a text, for what is long. */
static void unescape(struct hdl_buf *out, const char *p, const char *end)
{
	while (p < end) {
		char c = *p++;

		if (c == '\\') {
			c = *p++;
			if (c == '*') {
				p = repeat(out, p);
				continue;
			}
			if (c == 'x') {
				assert_true(from_hex(p[0]) >= 0 && from_hex(p[1]) >= 0);
				c = (char)(from_hex(p[0]) * 16 + from_hex(p[1]));
				p += 2;
			} else {
				assert_true(c && strchr("rnt\\", c));
				c = c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c;
			}
		}
		hdl_buf_add(out, &c, 1);
	}
}

static void run(struct outcome *o, const struct vector *v, size_t first, size_t piece)
{
	bool responses = strncmp(v->kind, "response", 8) == 0;

	outcome_init(o, responses, strcmp(v->kind, "response HEAD") == 0 ? HDL_HTTP_HEAD : HDL_HTTP_GET);
	outcome_run(o, v->data.p, v->data.n, first, piece);
}

static void check(const struct vector *v)
{
	size_t stride = v->data.n > 2000 ? v->data.n / 50 : 1;
	struct outcome o;

	run(&o, v, v->data.n, 1);
	if (strcmp(o.text.p ? o.text.p : "", v->expected.p ? v->expected.p : "") != 0)
		fail_msg("%s:\n--- got\n%s--- expected\n%s", v->name, o.text.p, v->expected.p);
	outcome_done(&o);
	/* cut once at every position, then byte by byte */
	for (size_t first = 0; first <= v->data.n; first += stride) {
		run(&o, v, first, first == 0 ? stride : v->data.n);
		if (strcmp(o.text.p ? o.text.p : "", v->expected.p ? v->expected.p : "") != 0)
			fail_msg("%s cut at %zu:\n--- got\n%s--- expected\n%s", v->name, first, o.text.p,
				 v->expected.p);
		outcome_done(&o);
	}
}

static void reset(struct vector *v)
{
	hdl_buf_done(&v->data);
	hdl_buf_done(&v->expected);
	memset(v, 0, sizeof(*v));
}

/* `= name`, `request` or `response [HEAD]`, `> data`, `< expected line`; an empty line ends the case. */
static unsigned int check_file(const char *path)
{
	char line[4096];
	struct vector v = { 0 };
	unsigned int n = 0;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	for (bool more = true; more;) {
		more = fgets(line, sizeof(line), f);
		if (!more)
			line[0] = 0;
		line[strcspn(line, "\n")] = 0;
		if (line[0] == '#')
			continue;
		if (line[0] == 0) {
			if (v.name[0]) {
				check(&v);
				n++;
			}
			reset(&v);
		} else if (line[0] == '=') {
			snprintf(v.name, sizeof(v.name), "%.127s", line + 2);
		} else if (line[0] == '>') {
			unescape(&v.data, line[1] ? line + 2 : line + 1, line + strlen(line));
		} else if (line[0] == '<') {
			hdl_buf_printf(&v.expected, "%s\n", line + 2);
		} else {
			assert_true(strncmp(line, "request", 7) == 0 || strncmp(line, "response", 8) == 0);
			snprintf(v.kind, sizeof(v.kind), "%.31s", line);
		}
	}
	fclose(f);
	return n;
}

static void test_vectors(void **state)
{
	const char *root = getenv("HDL_ROOT");
	char directory[1024], path[2048];
	unsigned int n = 0;
	struct dirent *entry;
	DIR *dir;

	(void)state;
	snprintf(directory, sizeof(directory), "%s/tests/vectors/h1", root ? root : ".");
	dir = opendir(directory);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		size_t length = strlen(entry->d_name);

		if (length < 4 || strcmp(entry->d_name + length - 4, ".txt") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		n += check_file(path);
	}
	closedir(dir);
	assert_true(n >= 100); /* a reader that finds nothing must not pass */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
