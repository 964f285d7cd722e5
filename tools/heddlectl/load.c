/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files for commands that work without a daemon: a file, or all in a directory and below. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "heddlectl/load.h"

#define FILE_BYTES_MAX (10u << 20)
#define DEPTH_MAX 32

static int complain(const char *path, int error)
{
	fprintf(stderr, "heddlectl: %s: %s\n", path, strerror(error));
	return -error;
}

static int load_file(struct hdl_resource_store *store, const char *path)
{
	struct hdl_buf text = { .limit_bytes = FILE_BYTES_MAX };
	FILE *f = fopen(path, "rbe");
	char piece[65536];
	size_t n;
	int r;

	if (!f)
		return complain(path, errno);
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0 && !text.failed)
		hdl_buf_add(&text, piece, n);
	r = ferror(f) ? -EIO : text.failed ? -EFBIG : 0;
	fclose(f);
	if (r == 0)
		r = hdl_resource_store_put(store, path, (struct hdl_str){ text.p ? text.p : "", text.n });
	hdl_buf_done(&text);
	return r < 0 ? complain(path, -r) : 0;
}

static bool is_configuration(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml") || !strcmp(dot, ".json"));
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int load(struct hdl_resource_store *store, const char *path, unsigned int depth);

static int load_directory(struct hdl_resource_store *store, const char *path, unsigned int depth)
{
	struct dirent **entry;
	int n = depth > DEPTH_MAX ? (errno = ELOOP, -1) : scandir(path, &entry, visible, alphasort), r = 0;

	if (n < 0)
		return complain(path, errno);
	for (int i = 0; i < n; i++) {
		char *child = NULL;
		struct stat st;

		if (r == 0 && asprintf(&child, "%s/%s", path, entry[i]->d_name) < 0)
			r = complain(path, ENOMEM);
		if (r == 0 && stat(child, &st) < 0)
			r = complain(child, errno);
		else if (r == 0 && (S_ISDIR(st.st_mode) || is_configuration(entry[i]->d_name)))
			r = load(store, child, depth + 1);
		free(child);
		free(entry[i]);
	}
	free(entry);
	return r;
}

static int load(struct hdl_resource_store *store, const char *path, unsigned int depth)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return complain(path, errno);
	return S_ISDIR(st.st_mode) ? load_directory(store, path, depth) : load_file(store, path);
}

int ctl_load(struct hdl_resource_store *store, const char *path)
{
	return load(store, path, 0);
}
