/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of every document in examples/ and tests/golden/, and thousands of mutations, that accepted ones print alike. */
/* timeout: 240 */
#include "unit/unit.h"
#include <dirent.h>
#include <sys/stat.h>
#include "lib/mutate.h"
#include "lib/roundtrip.h"

#define MUTATIONS 300     /* of each document */
#define DOCUMENT_MAX 8192 /* longer documents are not mutated: they cost more than they show */

struct totals {
	size_t files, documents, accepted, mutated_accepted, mutated_refused;
};

static char *read_file(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	char *text;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	text = malloc((size_t)st.st_size + 1);
	assert_non_null(text);
	*ret_n = fread(text, 1, (size_t)st.st_size, f);
	fclose(f);
	return text;
}

static void run(const char *path, struct hdl_str text, struct hdl_round_trip *t)
{
	hdl_round_trip_run(t, text);
	if (t->complaint.n)
		fail_msg("%s: %s\n%.*s", path, t->complaint.p, (int)(text.n < 2000 ? text.n : 2000), text.p);
}

static void mutate(const char *path, struct hdl_str document, uint64_t seed, struct totals *totals)
{
	char text[2 * DOCUMENT_MAX];

	if (document.n > DOCUMENT_MAX)
		return;
	for (uint64_t i = 0; i < MUTATIONS; i++) {
		struct hdl_mutate m = { seed * 1000003 + i, text, document.n, sizeof(text) };
		struct hdl_round_trip t = { 0 };

		memcpy(text, document.p, document.n);
		for (uint64_t k = 0; k <= i % 4; k++)
			hdl_mutate(&m);
		run(path, (struct hdl_str){ text, m.n }, &t);
		totals->mutated_accepted += t.accepted;
		totals->mutated_refused += t.refused;
		hdl_round_trip_done(&t);
	}
}

static void check_file(const char *path, struct totals *totals)
{
	size_t n;
	char *text = read_file(path, &n);
	struct hdl_yaml_stream stream;
	struct hdl_yaml_chunk chunk;
	struct hdl_round_trip t = { 0 };

	totals->files++;
	run(path, (struct hdl_str){ text, n }, &t);
	totals->accepted += t.accepted;
	hdl_round_trip_done(&t);
	hdl_yaml_stream_init(&stream, (struct hdl_str){ text, n });
	while (hdl_yaml_stream_next(&stream, &chunk))
		mutate(path, chunk.text, totals->documents++, totals);
	free(text);
}

static bool is_document(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml") || !strcmp(dot, ".json"));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void check_directory(const char *directory, struct totals *totals)
{
	struct dirent **entry;
	int n = scandir(directory, &entry, NULL, by_name);

	assert_true(n >= 0);
	for (int i = 0; i < n; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", directory, entry[i]->d_name);
		if (entry[i]->d_type == DT_DIR && entry[i]->d_name[0] != '.')
			check_directory(path, totals);
		else if (is_document(entry[i]->d_name))
			check_file(path, totals);
		free(entry[i]);
	}
	free(entry);
}

static void documents(void **state)
{
	const char *root = getenv("HDL_ROOT");
	static const char *const directory[] = { "examples", "tests/golden" };
	struct totals totals = { 0 };
	char path[4096];

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(directory); i++) {
		snprintf(path, sizeof(path), "%s/%s", root ? root : ".", directory[i]);
		check_directory(path, &totals);
	}
	print_message("%zu files, %zu documents, %zu accepted; mutations: %zu accepted, %zu refused\n", totals.files,
		      totals.documents, totals.accepted, totals.mutated_accepted, totals.mutated_refused);
	assert_true(totals.accepted > 100);
	assert_true(totals.mutated_accepted > 1000 && totals.mutated_refused > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(documents) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
