/* SPDX-License-Identifier: Apache-2.0 */
/* What the BPF tests share: mapping arrays, running programs, skipping where BPF is not permitted. */
#ifndef HDL_TESTS_BPF_KERNEL_H
#define HDL_TESTS_BPF_KERNEL_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define HDL_TEST_SKIP 77

static inline __attribute__((unused)) void hdl_test_need_bpf(void)
{
	if (geteuid() != 0) {
		printf("needs root\n");
		exit(HDL_TEST_SKIP);
	}
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
}

static inline __attribute__((unused)) size_t hdl_test_mapping_size(const struct bpf_map *map)
{
	size_t element = (bpf_map__value_size(map) + 7) / 8 * 8, page = (size_t)sysconf(_SC_PAGESIZE);

	return (element * bpf_map__max_entries(map) + page - 1) / page * page;
}

/* Maps an mmapable array; ends the program when that fails. */
static inline __attribute__((unused)) void *hdl_test_map(const struct bpf_map *map)
{
	void *at = mmap(NULL, hdl_test_mapping_size(map), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (at == MAP_FAILED) {
		printf("Bail out! mmap of %s: %s\n", bpf_map__name(map), strerror(errno));
		exit(1);
	}
	return at;
}

#endif
