/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files for commands that work without a daemon, by the rules of the daemon's --config. */
#include "heddlectl/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "conf/yaml.h"
#include "model/store.h"

#define DEPTH_MAX 16     /* directories below a path: a link that leads back up ends here */
#define FILES_MAX 100000 /* more is a wrong path, such as / */
#define READ_BYTES (256u << 10)

struct reading {
	struct hdl_resource_store *store;
	size_t files;
	bool missing; /* something could not be read */
};

static bool name_counts(const char *name)
{
	static const char *const suffixes[] = { ".yaml", ".yml", ".json" };
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]) && name[0] != '.'; i++) {
		size_t m = strlen(suffixes[i]);

		if (n > m && strcmp(name + n - m, suffixes[i]) == 0)
			return true;
	}
	return false;
}

static void complain(struct reading *reading, const char *path, int error)
{
	fprintf(stderr, "heddlectl: %s: %s\n", path, strerror(error));
	reading->missing = true;
}

/* Up to one byte more than the store takes, so that it can say that the file is too large. */
static int read_all(int fd, struct hdl_buf *text)
{
	char *piece = malloc(READ_BYTES);
	ssize_t n = 1;

	if (!piece)
		return -ENOMEM;
	while (n > 0 && text->n <= HDL_YAML_MAX_FILE_BYTES) {
		n = read(fd, piece, READ_BYTES);
		if (n > 0)
			hdl_buf_add(text, piece, (size_t)n);
		if (n < 0 && errno == EINTR)
			n = 1;
	}
	n = n < 0 ? -errno : text->failed ? -ENOMEM : 0;
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
		/* the store has said so in the diagnostics of the file */
		r = r == -EFBIG ? 0 : r;
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

	if (++reading->files > FILES_MAX) {
		fprintf(stderr, "heddlectl: there are more than %d files: is the path right?\n", FILES_MAX);
		return -E2BIG;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		complain(reading, path, errno);
		return 0;
	}
	r = put(reading, path, fd);
	close(fd);
	return r;
}

static int walk(struct reading *reading, const char *path, const char *name, unsigned int depth);

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int walk_directory(struct reading *reading, const char *path, unsigned int depth)
{
	struct dirent **entry = NULL;
	char child[PATH_MAX];
	int count, r = 0;

	if (depth > DEPTH_MAX) {
		complain(reading, path, ELOOP);
		return 0;
	}
	count = scandir(path, &entry, not_hidden, alphasort);
	if (count < 0) {
		if (errno == ENOMEM)
			return -ENOMEM;
		complain(reading, path, errno);
		return 0;
	}
	for (int i = 0; i < count; i++) {
		const char *slash = path[strlen(path) - 1] == '/' ? "" : "/";

		if ((size_t)snprintf(child, sizeof(child), "%s%s%s", path, slash, entry[i]->d_name) >= sizeof(child))
			complain(reading, path, ENAMETOOLONG);
		else if (r == 0)
			r = walk(reading, child, entry[i]->d_name, depth + 1);
		free(entry[i]);
	}
	free(entry);
	return r;
}

/* name: of an entry of a directory; NULL: a path that the user gave, which is taken whatever it is called. */
static int walk(struct reading *reading, const char *path, const char *name, unsigned int depth)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		/* a link that leads nowhere */
		if (!name || name_counts(name))
			complain(reading, path, errno);
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return walk_directory(reading, path, depth);
	if (name && (!name_counts(name) || !S_ISREG(st.st_mode)))
		return 0;
	return put_file(reading, path);
}

int ctl_load(struct hdl_resource_store *store, const char *path)
{
	struct reading reading = { .store = store };
	int r = strcmp(path, "-") == 0 ? put(&reading, "-", STDIN_FILENO) : walk(&reading, path, NULL, 0);

	if (r == -ENOMEM)
		fputs("heddlectl: out of memory\n", stderr);
	return r ? r : reading.missing ? -ENOENT : 0;
}
