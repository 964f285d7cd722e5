// SPDX-License-Identifier: Apache-2.0
/*
 * Every program loads with every option set, and costs the verifier about what tests/bpf/verified_insns.golden says for
 * this kernel (10 %): a jump is a loop or a path that got out of hand. HDL_GOLDEN_WRITE=1 records this kernel's numbers,
 * vmtest/run --record those of the other kernels. On a kernel without a record that part is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/utsname.h>
#include <cmocka.h>
#include "tests/bpf/kernel.h"
#include "heddle/abi_check.h"
#include "heddle.skel.h"

#define LINES_MAX 512
#define NAME_MAX_LENGTH 15 /* of a map, in the kernel */

struct line {
	char kernel[16], options[32], program[32];
	unsigned int insns;
};

static struct line golden[LINES_MAX], found[LINES_MAX];
static unsigned int golden_count, found_count;
static char kernel[16]; /* "6.18" */

static const char *golden_path(void)
{
	static char path[512];
	const char *root = getenv("HDL_ROOT");

	snprintf(path, sizeof(path), "%s/tests/bpf/verified_insns.golden", root ? root : ".");
	return path;
}

static void read_golden(void)
{
	FILE *file = fopen(golden_path(), "r");
	char text[256];

	while (file && golden_count < LINES_MAX && fgets(text, sizeof(text), file)) {
		struct line *line = &golden[golden_count];

		if (text[0] != '#' &&
		    sscanf(text, "%15s %31s %31s %u", line->kernel, line->options, line->program, &line->insns) == 4)
			golden_count++;
	}
	if (file)
		fclose(file);
}

static int write_golden(void)
{
	FILE *file = fopen(golden_path(), "w");

	if (!file)
		return -1;
	fprintf(file, "# Verified instructions: kernel, options, program, number. Written by `make golden`.\n");
	for (unsigned int i = 0; i < golden_count; i++)
		if (strcmp(golden[i].kernel, kernel) != 0)
			fprintf(file, "%s %s %s %u\n", golden[i].kernel, golden[i].options, golden[i].program,
				golden[i].insns);
	for (unsigned int i = 0; i < found_count; i++)
		fprintf(file, "%s %s %s %u\n", kernel, found[i].options, found[i].program, found[i].insns);
	return fclose(file);
}

static int setup(void **state)
{
	struct utsname name;
	unsigned int major = 0, minor = 0;

	(void)state;
	if (uname(&name) != 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return -1;
	snprintf(kernel, sizeof(kernel), "%u.%u", major, minor);
	read_golden();
	return 0;
}

static void load_with(const char *options, __u8 weak_memory, __u8 shortcut)
{
	struct hdl_bpf *skel = hdl_bpf__open();
	struct bpf_program *program;

	assert_non_null(skel);
	skel->rodata->hdl_config_weak_memory = weak_memory;
	skel->rodata->hdl_config_shortcut = shortcut;
	/* the others are the same without it */
	bpf_object__for_each_program(program, skel->obj) if (shortcut && program != skel->progs.hdl_sk_msg &&
							     program != skel->progs.hdl_sockops)
		bpf_program__set_autoload(program, false);
	assert_int_equal(hdl_bpf__load(skel), 0);
	bpf_object__for_each_program(program, skel->obj)
	{
		struct bpf_prog_info info = { 0 };
		__u32 size = sizeof(info);

		if (bpf_program__fd(program) < 0)
			continue;
		assert_int_equal(bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size), 0);
		assert_true(found_count < LINES_MAX);
		snprintf(found[found_count].options, sizeof(found[0].options), "%s", options);
		snprintf(found[found_count].program, sizeof(found[0].program), "%s", bpf_program__name(program));
		found[found_count++].insns = info.verified_insns;
	}
	hdl_bpf__destroy(skel);
}

static void loads_with_every_option(void **state)
{
	(void)state;
	load_with("weak_memory=0", 0, 0);
	load_with("weak_memory=1", 1, 0);
	load_with("shortcut=1", 0, 1);
}

static const struct line *golden_of(const struct line *line)
{
	for (unsigned int i = 0; i < golden_count; i++)
		if (strcmp(golden[i].kernel, kernel) == 0 && strcmp(golden[i].options, line->options) == 0 &&
		    strcmp(golden[i].program, line->program) == 0)
			return &golden[i];
	return NULL;
}

static void costs_the_verifier_as_recorded(void **state)
{
	bool known = false;

	(void)state;
	assert_true(found_count > 0);
	if (getenv("HDL_GOLDEN_WRITE")) {
		assert_int_equal(write_golden(), 0);
		return;
	}
	for (unsigned int i = 0; i < golden_count; i++)
		known |= strcmp(golden[i].kernel, kernel) == 0;
	for (unsigned int i = 0; i < found_count; i++) {
		const struct line *recorded = golden_of(&found[i]);
		unsigned int insns = found[i].insns;

		if (getenv("HDL_VERIFIED_RECORD"))
			print_message("record: %s %s %s %u\n", kernel, found[i].options, found[i].program, insns);
		if (!known || getenv("HDL_VERIFIED_RECORD"))
			continue;
		if (recorded && insns * 10 <= recorded->insns * 11 && insns * 10 >= recorded->insns * 9)
			continue;
		print_error("%s %s: %u verified instructions, recorded %u: look why, then make golden\n",
			    found[i].options, found[i].program, insns, recorded ? recorded->insns : 0);
		fail();
	}
	if (!known && !getenv("HDL_VERIFIED_RECORD")) {
		print_message("no record for %s: vmtest/run --record\n", kernel);
		skip();
	}
}

/* The object has the maps of maps.def, with its defaults. */
static void has_the_registered_maps(void **state)
{
	struct hdl_bpf *skel = hdl_bpf__open();
	unsigned int registered = 0;
	struct bpf_map *map;

	(void)state;
	assert_non_null(skel);
#define CHECK(name_, size, entries)                                    \
	do {                                                           \
		map = bpf_object__find_map_by_name(skel->obj, #name_); \
		assert_non_null(map);                                  \
		assert_int_equal(bpf_map__value_size(map), size);      \
		assert_int_equal(bpf_map__max_entries(map), entries);  \
		assert_true(strlen(#name_) <= NAME_MAX_LENGTH);        \
		registered++;                                          \
	} while (0);
#define HDL_MAP(name, kind, key, value, entries, ...) CHECK(name, sizeof(value), entries)
#define HDL_MAP_STORAGE(name, value, ...) CHECK(name, sizeof(value), 0)
#define HDL_MAP_RING(name, bytes, ...) CHECK(name, 0, bytes)
#define HDL_MAP_OF_MAPS(name, entries, ...) CHECK(name, sizeof(__u32), entries)
#include "maps/maps.def"
	bpf_object__for_each_map(map, skel->obj) registered -= !bpf_map__is_internal(map);
	assert_int_equal(registered, 0);
	hdl_bpf__destroy(skel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_the_registered_maps),
		cmocka_unit_test(loads_with_every_option),
		cmocka_unit_test(costs_the_verifier_as_recorded),
	};

	hdl_test_need_bpf();
	return cmocka_run_group_tests(tests, setup, NULL);
}
