/* SPDX-License-Identifier: Apache-2.0 */
/* Whose BPF program is it, and the last words of libbpf. */
#include "dp/owned.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"

#define MAPS_OF_PROGRAM 64

static char said[512];
static uint32_t stands, former; /* ids; the keeper has one thread */

static void keep(const char *line)
{
	size_t n = strlen(said);

	if (n + 3 >= sizeof(said))
		return;
	snprintf(said + n, sizeof(said) - n, "%s%.*s", n ? "; " : "", (int)strcspn(line, "\n"), line);
}

static int print(enum libbpf_print_level level, const char *format, va_list ap)
{
	char line[1024]; /* a verifier log is cut: its beginning says which program, the kernel keeps the rest */

	if (level == LIBBPF_DEBUG && !hdl_log_enabled(HDL_LOG_DEBUG))
		return 0;
	vsnprintf(line, sizeof(line), format, ap);
	if (level == LIBBPF_WARN)
		keep(strncmp(line, "libbpf: ", 8) == 0 ? line + 8 : line);
	hdl_log_debug("%.*s", (int)strcspn(line, "\n"), line);
	return 0;
}

void hdl_dp_libbpf_listen(void)
{
	said[0] = '\0';
	libbpf_set_print(print);
}

const char *hdl_dp_libbpf_said(void)
{
	return said;
}

uint32_t hdl_dp_map_id(int map_fd)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(map_fd, &info, &size) == 0 ? info.id : 0;
}

void hdl_dp_map_stands_for(int map_fd, int former_fd)
{
	stands = hdl_dp_map_id(map_fd);
	former = hdl_dp_map_id(former_fd);
}

static bool program_info(uint32_t program_id, struct bpf_prog_info *info)
{
	int fd = bpf_prog_get_fd_by_id(program_id);
	__u32 size = sizeof(*info);
	int r;

	if (fd < 0)
		return false;
	r = bpf_obj_get_info_by_fd(fd, info, &size);
	close(fd);
	return r == 0;
}

bool hdl_dp_program_uses(uint32_t program_id, uint32_t map_id)
{
	__u32 ids[MAPS_OF_PROGRAM];
	struct bpf_prog_info info = { .nr_map_ids = MAPS_OF_PROGRAM, .map_ids = (__u64)(unsigned long)ids };

	if (map_id == 0 || !program_info(program_id, &info))
		return false;
	for (__u32 i = 0; i < info.nr_map_ids && i < MAPS_OF_PROGRAM; i++) {
		if (ids[i] == map_id || (map_id == stands && ids[i] == former))
			return true;
	}
	return false;
}

void hdl_dp_program_name(uint32_t program_id, char name[16])
{
	struct bpf_prog_info info = {};

	name[0] = '\0';
	if (program_info(program_id, &info))
		snprintf(name, 16, "%s", info.name);
}
