/* SPDX-License-Identifier: Apache-2.0 */
/* Which programs go together, and what is missing without them. */
#include "dp/optional.h"

#include <stdio.h>
#include <string.h>

#define PROGRAMS_MAX 3

static const struct group {
	const char *what;
	const char *programs[PROGRAMS_MAX];
} groups[HDL_OPTIONAL_GROUPS] = {
	{ "packet path (packetPath, acceleration.redirect)", { "hdl_tc_packet", "hdl_tc_reply" } },
	{ "edge (interfaces.edge)", { "hdl_tc_edge", "hdl_tc_edge_out", "hdl_xdp_edge" } },
	{ "edge by XDP", { "hdl_xdp_edge" } },
};

static bool has(const struct group *group, const char *name, size_t length)
{
	for (size_t i = 0; i < PROGRAMS_MAX && group->programs[i]; i++)
		if (strlen(group->programs[i]) == length && strncmp(group->programs[i], name, length) == 0)
			return true;
	return false;
}

/* "prog 'hdl_tc_edge': BPF program load failed: Invalid argument" */
hdl_optional_set hdl_optional_refused(const char *said)
{
	const char *name = strstr(said, "prog '"), *end;

	if (!name)
		return 0;
	name += strlen("prog '");
	end = strchr(name, '\'');
	/* the last that has it: without XDP the edge works */
	for (unsigned int i = HDL_OPTIONAL_GROUPS; end && i-- > 0;)
		if (has(&groups[i], name, (size_t)(end - name)))
			return 1u << i;
	return 0;
}

void hdl_optional_leave_out(struct bpf_object *object, hdl_optional_set set)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		const char *name = bpf_program__name(program);

		for (unsigned int i = 0; i < HDL_OPTIONAL_GROUPS; i++)
			if ((set & 1u << i) && has(&groups[i], name, strlen(name)))
				(void)bpf_program__set_autoload(program, false);
	}
}

void hdl_optional_describe(hdl_optional_set set, char *ret, size_t size)
{
	ret[0] = '\0';
	for (unsigned int i = 0; i < HDL_OPTIONAL_GROUPS; i++) {
		size_t n = strlen(ret);

		if (set & 1u << i)
			snprintf(ret + n, size - n, "%s%s", n ? "; " : "", groups[i].what);
	}
}
