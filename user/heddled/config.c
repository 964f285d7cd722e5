/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what the keeper opened, keeps the resources, translates them. */
#include "heddled/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "base/hash.h"
#include "base/scan.h"
#include "model/resource.h"
#include "route/table.h"
#include "xlate/xlate.h"

struct file {
	char *path;
	bool node;     /* the one of --node-config */
	bool seen;     /* in the pass that runs */
	uint64_t hash; /* of its content; of the error when it could not be read */
};

struct hdl_config {
	struct hdl_resource_store *store;
	char *access_log;
	bool node_given;
	char node_name[sizeof(((struct utsname *)0)->nodename)];
	struct file *file; /* sorted by path */
	size_t n, capacity;
	struct hdl_resource_list *list;   /* of the files, as of the last pass */
	const struct hdl_config_set *set; /* that the last snapshot was made of */
	struct hdl_xlator *xlator;
	const struct hdl_config_set *translated; /* by its last run: it compares with these resources */
	struct hdl_snapshot *compiled;           /* the last one: the next shares its route tables */
	bool partial;                            /* the pass that runs */
	size_t lacking;                          /* files of it that could not be taken */
	bool node_changed;                       /* another file is the one of --node-config */
	struct hdl_diags diags, translation;
};

struct hdl_config *hdl_config_new(const struct hdl_config_options *options, struct hdl_err *err)
{
	struct hdl_config *config = calloc(1, sizeof(*config));
	struct utsname names;

	if (!config)
		goto no_memory;
	config->store = hdl_resource_store_new();
	if (!config->store)
		goto no_memory;
	hdl_resource_store_set_check(config->store, hdl_xlate_check);
	config->node_given = options->node_given;
	if (options->access_log) {
		config->access_log = strdup(options->access_log);
		if (!config->access_log)
			goto no_memory;
	}
	if (uname(&names) == 0)
		memcpy(config->node_name, names.nodename, sizeof(config->node_name));
	config->xlator = hdl_xlator_new(
		&(struct hdl_xlate_options){ .node_name = config->node_name, .access_log_path = config->access_log });
	if (!config->xlator)
		goto no_memory;
	return config;
no_memory:
	hdl_err_set(err, -ENOMEM, "out of memory");
	return hdl_config_free(config);
}

struct hdl_config *hdl_config_free(struct hdl_config *config)
{
	if (!config)
		return NULL;
	for (size_t i = 0; i < config->n; i++)
		free(config->file[i].path);
	free(config->file);
	hdl_snapshot_unref(config->compiled);
	hdl_xlator_free(config->xlator);
	hdl_config_set_unref(config->translated);
	hdl_diags_done(&config->diags);
	hdl_diags_done(&config->translation);
	hdl_config_set_unref(config->set);
	hdl_resource_list_unref(config->list);
	hdl_resource_store_free(config->store);
	free(config->access_log);
	free(config);
	return NULL;
}

void hdl_config_set_recall(struct hdl_config *config, hdl_resource_recall_fn *recall, void *data)
{
	hdl_resource_store_set_recall(config->store, recall, data);
}

void hdl_config_begin(struct hdl_config *config, bool partial)
{
	config->partial = partial;
	config->lacking = 0;
	for (size_t i = 0; i < config->n && !partial; i++)
		config->file[i].seen = false;
}

/* Place of path in the sorted list: where it is, or where it belongs. */
static size_t place(const struct hdl_config *config, const char *path)
{
	size_t low = 0, high = config->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(config->file[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int note_file(struct hdl_config *config, const char *path, bool node)
{
	size_t at = place(config, path);
	char *copy;

	if (at < config->n && strcmp(config->file[at].path, path) == 0) {
		config->node_changed |= config->file[at].node != node;
		config->file[at].node = node;
		config->file[at].seen = true;
		return 0;
	}
	if (config->n == config->capacity) {
		size_t capacity = config->capacity ? config->capacity * 2 : 64;
		struct file *more = reallocarray(config->file, capacity, sizeof(*more));

		if (!more)
			return -ENOMEM;
		config->file = more;
		config->capacity = capacity;
	}
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	memmove(&config->file[at + 1], &config->file[at], (config->n - at) * sizeof(*config->file));
	config->file[at] = (struct file){ copy, node, true, 0 };
	config->n++;
	return 0;
}

/* The whole content; the file may grow or shrink meanwhile. 0, -EFBIG, -ENOMEM or the error of read(). */
static int read_all(int fd, char **ret_text, size_t *ret_n)
{
	struct stat st;
	size_t capacity, n = 0;
	char *text;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > (off_t)HDL_SCAN_FILE_BYTES_MAX)
		return -EFBIG;
	capacity = (size_t)st.st_size + 1;
	text = malloc(capacity);
	while (text) {
		ssize_t got = pread(fd, text + n, capacity - n, (off_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || n + (size_t)got > HDL_SCAN_FILE_BYTES_MAX) {
			int code = got < 0 ? -errno : -EFBIG;

			free(text);
			return code;
		}
		n += (size_t)got;
		if (got == 0) {
			*ret_text = text;
			*ret_n = n;
			return 0;
		}
		if (n == capacity) {
			char *more = realloc(text, capacity *= 2);

			if (!more)
				free(text);
			text = more;
		}
	}
	return -ENOMEM;
}

static const char *reason_of(int error)
{
	switch (error) {
	case EFBIG:
		return "larger than 10 MiB";
	case E2BIG:
		return "too many files or directories: the rest is not read";
	case ELOOP:
		return "directories too deep, or a loop of links";
	case EINVAL:
		return "not a regular file";
	default:
		return strerror(error);
	}
}

static int take_file(struct hdl_config *config, const char *path, bool node, int fd, int error, bool same)
{
	char *text = NULL;
	size_t n = 0;
	int r = note_file(config, path, node);

	if (r < 0 || same)
		return r;
	if (error == 0)
		error = -read_all(fd, &text, &n);
	config->file[place(config, path)].hash = error ? (uint64_t)error : hdl_hash64(text, n, 0);
	if (error == 0) {
		r = hdl_resource_store_put(config->store, path, (struct hdl_str){ text, n });
		free(text);
		if (r != -EFBIG)
			return r;
		error = EFBIG;
	}
	if (error == ENOMEM)
		return -ENOMEM;
	return hdl_resource_store_unreadable(config->store, path, reason_of(error));
}

int hdl_config_file(struct hdl_config *config, const char *path, bool node, int fd, int error, bool same)
{
	int r = take_file(config, path, node, fd, error, same);

	config->lacking += r < 0;
	return r;
}

void hdl_config_gone(struct hdl_config *config, const char *path)
{
	size_t at = place(config, path);

	if (at == config->n || strcmp(config->file[at].path, path) != 0)
		return;
	hdl_resource_store_delete(config->store, path);
	free(config->file[at].path);
	memmove(&config->file[at], &config->file[at + 1], (--config->n - at) * sizeof(*config->file));
}

static void drop_unseen(struct hdl_config *config)
{
	size_t kept = 0;

	for (size_t i = 0; i < config->n; i++) {
		if (config->file[i].seen) {
			config->file[kept++] = config->file[i];
			continue;
		}
		hdl_resource_store_delete(config->store, config->file[i].path);
		free(config->file[i].path);
	}
	config->n = kept;
}

static bool is_node_file(const struct hdl_config *config, const char *path)
{
	size_t at = place(config, path);

	return at < config->n && strcmp(config->file[at].path, path) == 0 && config->file[at].node;
}

/* With --node-config the NodeConfigs of other files do not count; they are reported. */
static size_t select_resources(struct hdl_config *config, const struct hdl_config_set *set,
			       const struct hdl_resource **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		const struct hdl_resource *resource = set->at[i];

		if (config->node_given && resource->kind == HDL_KIND_NODE_CONFIG &&
		    !is_node_file(config, resource->file)) {
			struct hdl_diag where = { .severity = HDL_WARNING,
						  .file = resource->file,
						  .pos = resource->pos,
						  .kind = hdl_kind_name(resource->kind),
						  .ns = resource->ns,
						  .name = resource->name };

			hdl_diags_add(&config->translation, &where, "not used: --node-config names another file");
			continue;
		}
		ret[n++] = resource;
	}
	return n;
}

/* Route tables, of those of the snapshot before. One without a table is derived of none: the next is made anew. */
static int compile(struct hdl_config *config, struct hdl_snapshot *snapshot)
{
	int r = hdl_route_compile_next(snapshot, config->compiled);

	hdl_snapshot_unref(config->compiled);
	config->compiled = r < 0 ? NULL : hdl_snapshot_ref(snapshot);
	return r;
}

static int translate(struct hdl_config *config, const struct hdl_config_set *set, struct hdl_snapshot **ret)
{
	const struct hdl_resource **resources = calloc(set->n + 1, sizeof(*resources));
	struct hdl_snapshot *snapshot;
	size_t n;
	int r;

	if (!resources)
		return -ENOMEM;
	hdl_diags_done(&config->translation);
	config->translation = (struct hdl_diags){ .limit = 10000 };
	n = select_resources(config, set, resources);
	r = hdl_xlator_run(config->xlator, resources, n, NULL, &config->translation, &snapshot);
	free(resources);
	/* which is another one than config->set when what came of it was not wanted */
	hdl_config_set_unref(config->translated);
	config->translated = r < 0 ? NULL : hdl_config_set_ref(set);
	if (r < 0)
		return r;
	r = compile(config, snapshot);
	if (r < 0) {
		hdl_snapshot_unref(snapshot);
		return r;
	}
	*ret = snapshot;
	return 0;
}

static void collect_diags(struct hdl_config *config)
{
	hdl_diags_done(&config->diags);
	config->diags = (struct hdl_diags){ .limit = 10000 };
	hdl_resource_store_diags(config->store, &config->diags);
	hdl_diags_append(&config->diags, &config->translation);
}

/* Over a limit of the translator: until the configuration changes, the former one stays. */
static int refuse_large(struct hdl_config *config, struct hdl_err *err)
{
	const struct hdl_diags *diags = &config->translation;
	struct hdl_buf reason = { .limit_bytes = 800 };

	if (diags->n && !diags->dropped) /* it comes last */
		hdl_diag_print(&reason, &diags->at[diags->n - 1]);
	hdl_err_set(err, -E2BIG, "configuration: %s", reason.p ? reason.p : "it is too large");
	hdl_buf_done(&reason);
	collect_diags(config);
	config->node_changed = false;
	return -E2BIG;
}

/* A snapshot of the set, which is taken over. 0 or negative errno with text. */
static int make_snapshot(struct hdl_config *config, const struct hdl_config_set *set, struct hdl_snapshot **ret,
			 struct hdl_err *err)
{
	int r = set ? translate(config, set, ret) : -ENOMEM;

	if (r < 0) {
		hdl_config_set_unref(set);
		if (r == -E2BIG)
			return refuse_large(config, err);
		/* the next pass tries again */
		config->node_changed = true;
		return hdl_err_set(err, r, "configuration: %s", strerror(-r));
	}
	hdl_config_set_unref(config->set);
	config->set = set;
	config->node_changed = false;
	return 0;
}

int hdl_config_end(struct hdl_config *config, bool again, struct hdl_snapshot **ret, struct hdl_err *err)
{
	struct hdl_resource_list *list;
	bool files_changed, changed;
	int r;

	if (config->lacking)
		return hdl_err_set(err, -ENOMEM, "configuration: out of memory: %zu changed files could not be read",
				   config->lacking);
	if (!config->partial)
		drop_unseen(config);
	r = hdl_resource_store_commit(config->store, &list);
	if (r < 0)
		return hdl_err_set(err, r, "configuration: %s", strerror(-r));
	files_changed = !config->list || list->generation != config->list->generation;
	changed = files_changed || config->node_changed || again;
	hdl_resource_list_unref(config->list);
	config->list = list;
	if (changed) {
		/* what was had again stays until the files change */
		bool stays = config->set && config->set->rolled_back_to && !files_changed;

		r = make_snapshot(config, stays ? hdl_config_set_ref(config->set) : hdl_config_set_new(list), ret, err);
		if (r < 0)
			return r;
	}
	collect_diags(config);
	return changed;
}

int hdl_config_again(struct hdl_config *config, struct hdl_snapshot **ret, struct hdl_err *err)
{
	int r;

	if (!config->set)
		return hdl_err_set(err, -ENOENT, "no configuration was read yet");
	r = make_snapshot(config, hdl_config_set_ref(config->set), ret, err);
	collect_diags(config);
	return r < 0 ? r : 0;
}

int hdl_config_roll_back(struct hdl_config *config, const struct hdl_config_set *now, const struct hdl_former *former,
			 size_t n, uint64_t epoch, struct hdl_snapshot **ret, struct hdl_err *err)
{
	const struct hdl_config_set *set = hdl_config_set_former(config->list, now, former, n, epoch, err);
	int r = set ? make_snapshot(config, set, ret, err) : -EINVAL;

	if (r == 0)
		collect_diags(config);
	return r;
}

void hdl_config_stay(struct hdl_config *config, const struct hdl_config_set *set)
{
	hdl_config_set_ref(set);
	hdl_config_set_unref(config->set);
	config->set = set;
}

const struct hdl_config_set *hdl_config_set(const struct hdl_config *config)
{
	return config->set;
}

uint64_t hdl_config_files_hash(const struct hdl_config *config)
{
	uint64_t hash = 1;

	for (size_t i = 0; i < config->n; i++) {
		const struct file *file = &config->file[i];

		hash = hdl_hash64(file->path, strlen(file->path), hash) + file->node;
		hash = hdl_hash64(&file->hash, sizeof(file->hash), hash);
	}
	return hash;
}

const struct hdl_resource_store *hdl_config_store(const struct hdl_config *config)
{
	return config->store;
}

const struct hdl_diags *hdl_config_diags(const struct hdl_config *config)
{
	return &config->diags;
}
