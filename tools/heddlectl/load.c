/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files for commands that work without a daemon, by the rules of the daemon's --config. */
#include "heddlectl/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/scan.h"
#include "model/store.h"

#define READ_BYTES (256u << 10)

struct reading {
	struct hdl_resource_store *store;
	bool missing; /* something could not be read */
};

static void complain(struct reading *reading, const char *path, int error)
{
	if (error == EFBIG)
		fprintf(stderr, "heddlectl: %s: larger than %u MiB\n", path, HDL_SCAN_FILE_BYTES_MAX >> 20);
	else
		fprintf(stderr, "heddlectl: %s: %s\n", path, error == EINVAL ? "not a regular file" : strerror(error));
	reading->missing = true;
}

/* -EFBIG beyond the daemon's limit: what it would not read is not called sound. */
static int read_all(int fd, struct hdl_buf *text)
{
	char *piece = malloc(READ_BYTES);
	ssize_t n = 1;

	if (!piece)
		return -ENOMEM;
	while (n > 0 && text->n <= HDL_SCAN_FILE_BYTES_MAX) {
		n = read(fd, piece, READ_BYTES);
		if (n > 0)
			hdl_buf_add(text, piece, (size_t)n);
		if (n < 0 && errno == EINTR)
			n = 1;
	}
	n = n < 0 ? -errno : text->failed ? -ENOMEM : text->n > HDL_SCAN_FILE_BYTES_MAX ? -EFBIG : 0;
	free(piece);
	return (int)n;
}

/* The descriptor stays open. */
static int put(struct reading *reading, const char *path, int fd)
{
	struct hdl_buf text = { 0 };
	int r = read_all(fd, &text);

	if (r == 0) {
		r = hdl_resource_store_put(reading->store, path, (struct hdl_str){ text.p ? text.p : "", text.n });
	} else if (r != -ENOMEM) {
		complain(reading, path, -r);
		r = 0;
	}
	hdl_buf_done(&text);
	return r;
}

static int put_file(struct reading *reading, const char *path)
{
	int fd, r;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		complain(reading, path, errno);
		return 0;
	}
	r = put(reading, path, fd);
	close(fd);
	return r;
}

/* What the daemon would read of it. */
static int put_directory(struct reading *reading, const char *path)
{
	struct hdl_scan_conf conf = { .paths = &path, .path_count = 1 };
	struct hdl_scan scan;
	struct hdl_err err;
	int r = hdl_scan_run(&conf, &scan, &err);

	if (r < 0)
		return -ENOMEM;
	for (size_t i = 0; i < scan.n && r == 0; i++) {
		if (scan.file[i].error)
			complain(reading, scan.file[i].path, scan.file[i].error);
		else
			r = put_file(reading, scan.file[i].path);
	}
	hdl_scan_done(&scan);
	return r;
}

/* A path that is given may be a pipe, which the daemon would not read. */
static int put_path(struct reading *reading, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? put_directory(reading, path) : put_file(reading, path);
}

int ctl_load(struct hdl_resource_store *store, const char *path)
{
	struct reading reading = { .store = store };
	int r = strcmp(path, "-") == 0 ? put(&reading, "-", STDIN_FILENO) : put_path(&reading, path);

	if (r == -ENOMEM)
		fputs("heddlectl: out of memory\n", stderr);
	return r ? r : reading.missing ? -ENOENT : 0;
}
