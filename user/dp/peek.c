/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in pinned maps by tools. */
#include "dp/peek.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/addr.h"

/* Of the largest map, and some more: LRU maps change under the walk. */
#define WALK_MAX 4000000u

int hdl_dp_peek_open(const char *bpffs, const char *name, struct hdl_err *err)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", bpffs, name);
	fd = bpf_obj_get(path);
	return fd < 0 ? hdl_err_set(err, -errno, "%s: %s", path, strerror(errno)) : fd;
}

int hdl_dp_peek_socket(int map_fd, int socket_fd, struct hdl_sock *ret)
{
	return bpf_map_lookup_elem(map_fd, &socket_fd, ret) == 0 ? 0 : -errno;
}

static bool is_source(const struct hdl_flow_key *key, const struct hdl_addr *source, __be16 port)
{
	return key->direction == HDL_FLOW_FORWARD && key->source_port == port && hdl_addr_equal(&key->source, source);
}

static int read_flow(int map_fd, bool edge, const struct hdl_flow_key *key, struct hdl_dp_peek_flow *ret)
{
	struct hdl_edge_record outside;
	struct hdl_flow_record inside;

	if (!edge) {
		if (bpf_map_lookup_elem(map_fd, key, &inside) != 0 || inside.check != hdl_flow_check(key))
			return -ENOENT;
		*ret = (struct hdl_dp_peek_flow){
			inside.address,  inside.port, inside.service, inside.endpoint, inside.generation,
			inside.start_ns, *key
		};
		return 0;
	}
	/* both ways have direction 0 there */
	if (bpf_map_lookup_elem(map_fd, key, &outside) != 0 || outside.check != hdl_flow_check(key) ||
	    outside.flags & HDL_EDGE_REPLY)
		return -ENOENT;
	*ret = (struct hdl_dp_peek_flow){ outside.destination,
					  outside.destination_port,
					  outside.service,
					  outside.endpoint,
					  outside.generation,
					  outside.start_ns,
					  *key };
	return 0;
}

int hdl_dp_peek_flow(int map_fd, bool edge, const struct hdl_addr *source, __be16 port, struct hdl_dp_peek_flow *ret)
{
	struct hdl_flow_key key, next;
	bool more = bpf_map_get_next_key(map_fd, NULL, &next) == 0;

	for (unsigned int i = 0; more && i < WALK_MAX; i++) {
		key = next;
		more = bpf_map_get_next_key(map_fd, &key, &next) == 0;
		if (is_source(&key, source, port) && read_flow(map_fd, edge, &key, ret) == 0)
			return 0;
	}
	return -ENOENT;
}

int hdl_dp_peek_memory(int map_fd, uint64_t *ret_bytes)
{
	char path[64], line[128];
	int r = -ENOENT;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map_fd);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (r && fgets(line, sizeof(line), file)) {
		unsigned long long bytes;
		char *end;

		if (strncmp(line, "memlock:", 8) != 0)
			continue;
		errno = 0;
		bytes = strtoull(line + 8, &end, 10);
		if (errno || end == line + 8)
			break;
		*ret_bytes = bytes;
		r = 0;
	}
	fclose(file);
	return r;
}

static const char *const names[] = {
#define HDL_MAP(name, ...) #name,
#define HDL_MAP_STORAGE(name, ...) #name,
#define HDL_MAP_RING(name, ...) #name,
#define HDL_MAP_OF_MAPS(name, ...) #name,
#include "maps/maps.def"
#undef HDL_MAP
#undef HDL_MAP_STORAGE
#undef HDL_MAP_RING
#undef HDL_MAP_OF_MAPS
};

const char *hdl_dp_peek_name(unsigned int i)
{
	return i < sizeof(names) / sizeof(names[0]) ? names[i] : NULL;
}

uint32_t hdl_dp_peek_entries(int map_fd)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(map_fd, &info, &size) == 0 ? info.max_entries : 0;
}
