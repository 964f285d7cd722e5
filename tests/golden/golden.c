/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what becomes of resource files: how the documents fared, the diagnostics, and the snapshot as text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "model/store.h"
#include "xlate/xlate.h"

/* The whole file; NULL when it cannot be read. */
static char *read_file(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "rb");
	char *text = NULL;
	long n = -1;

	if (!f)
		return NULL;
	if (fseek(f, 0, SEEK_END) == 0 && (n = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0)
		text = malloc((size_t)n + 1);
	if (text && fread(text, 1, (size_t)n, f) != (size_t)n) {
		free(text);
		text = NULL;
	}
	fclose(f);
	*ret_n = (size_t)n;
	return text;
}

static int put(struct hdl_resource_store *store, const char *path)
{
	size_t n;
	char *text = read_file(path, &n);
	int r;

	if (!text) {
		perror(path);
		return -1;
	}
	r = hdl_resource_store_put(store, path, (struct hdl_str){ text, n });
	free(text);
	return r;
}

static void print(struct hdl_resource_store *store, const struct hdl_diags *diags, const struct hdl_snapshot *snapshot)
{
	struct hdl_buf buf = { 0 };
	struct hdl_store_file file;

	for (size_t i = 0; hdl_resource_store_file(store, i, &file); i++)
		hdl_buf_printf(&buf, "file %s documents %zu accepted %zu refused %zu skipped %zu\n", file.path,
			       file.documents, file.accepted, file.refused, file.skipped);
	for (size_t i = 0; i < diags->n; i++) {
		hdl_diag_print(&buf, &diags->at[i]);
		hdl_buf_adds(&buf, "\n");
	}
	hdl_buf_adds(&buf, "\n");
	hdl_snapshot_dump(snapshot, &buf);
	fwrite(buf.p, 1, buf.n, stdout);
	hdl_buf_done(&buf);
}

int main(int argc, char **argv)
{
	struct hdl_resource_store *store = hdl_resource_store_new();
	struct hdl_resource_list *list = NULL;
	struct hdl_snapshot *snapshot = NULL;
	struct hdl_diags diags = { 0 };
	int status = 1;

	if (!store || argc < 2) {
		fprintf(stderr, "usage: golden FILE...\n");
		return 2;
	}
	hdl_resource_store_set_check(store, hdl_xlate_check);
	for (int i = 1; i < argc; i++)
		if (put(store, argv[i]) < 0)
			goto out;
	if (hdl_resource_store_commit(store, &list) < 0)
		goto out;
	hdl_resource_store_diags(store, &diags);
	if (hdl_xlate(list->at, list->n, NULL, &diags, &snapshot) < 0)
		goto out;
	print(store, &diags, snapshot);
	status = 0;
out:
	hdl_snapshot_unref(snapshot);
	hdl_diags_done(&diags);
	hdl_resource_list_unref(list);
	hdl_resource_store_free(store);
	return status;
}
