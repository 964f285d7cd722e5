/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory the maps take: read from their pins, since the kernel tells it to root only. */
#include <string.h>
#include <unistd.h>

#include "dp/peek.h"
#include "heddlectl/ctl.h"

static json_t *find_row(json_t *rows, const char *name)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (strcmp(ctl_str(row, "name"), name) == 0)
			return row;
	}
	return NULL;
}

long long ctl_add_memory(json_t *rows, const char *bpffs, bool all)
{
	long long sum = 0;
	const char *name;

	for (unsigned int i = 0; *bpffs && (name = hdl_dp_peek_name(i)); i++) {
		json_t *row = find_row(rows, name);
		uint64_t bytes = 0;
		struct hdl_err err;
		int fd = hdl_dp_peek_open(bpffs, name, &err);

		if (fd < 0)
			continue;
		if (!row && all) {
			uint32_t entries = hdl_dp_peek_entries(fd);

			row = entries ? json_pack("{s:s, s:n, s:I}", "name", name, "used", "capacity",
						  (json_int_t)entries) :
					json_pack("{s:s, s:n, s:n}", "name", name, "used", "capacity");
			json_array_append_new(rows, row);
		}
		if (hdl_dp_peek_memory(fd, &bytes) == 0) {
			sum += (long long)bytes;
			if (row)
				json_object_set_new(row, "memory_bytes", json_integer((json_int_t)bytes));
		}
		if (row && json_is_null(json_object_get(row, "capacity")) && hdl_dp_peek_entries(fd))
			json_object_set_new(row, "capacity", json_integer(hdl_dp_peek_entries(fd)));
		close(fd);
	}
	return sum;
}
