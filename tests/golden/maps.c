/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what the maps hold when resource files are in force, as a BPF program would read it: published into plain memory,
 * and once more after something else was in force, which must give the same text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "dp/dump.h"
#include "model/store.h"
#include "xlate/xlate.h"

static int put(struct hdl_resource_store *store, const char *path)
{
	struct hdl_buf text = { .limit_bytes = 1 << 20 };
	FILE *f = fopen(path, "rb");
	char part[4096];
	size_t n;
	int r;

	if (!f) {
		perror(path);
		return -1;
	}
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		hdl_buf_add(&text, part, n);
	fclose(f);
	r = hdl_resource_store_put(store, path, (struct hdl_str){ text.p, text.n });
	hdl_buf_done(&text);
	return r;
}

/* NULL: an empty configuration. */
static int publish(struct hdl_publisher *publisher, const struct hdl_resource_list *list)
{
	struct hdl_snapshot *snapshot = NULL;
	struct hdl_diags diags = { 0 };
	struct hdl_err err = { "no snapshot" };
	int r = list ? hdl_xlate(list->at, list->n, NULL, &diags, &snapshot) :
		       hdl_xlate(NULL, 0, NULL, &diags, &snapshot);

	if (r == 0)
		r = hdl_publish(publisher, snapshot, &err);
	if (r < 0)
		fprintf(stderr, "%s\n", err.text);
	hdl_snapshot_unref(snapshot);
	hdl_diags_done(&diags);
	hdl_publisher_reap(publisher);
	return r;
}

static int run(struct hdl_dp_maps *maps, struct hdl_publisher *publisher, const struct hdl_resource_list *list)
{
	struct hdl_buf first = { 0 }, second = { 0 };
	int status = 1;

	if (publish(publisher, list) == 0) {
		hdl_dp_dump(maps, publisher, &first);
		if (publish(publisher, NULL) == 0 && publish(publisher, list) == 0)
			hdl_dp_dump(maps, publisher, &second);
		if (first.n == second.n && (first.n == 0 || memcmp(first.p, second.p, first.n) == 0))
			status = 0;
		else
			fprintf(stderr, "another text when published again:\n%s", second.p);
		if (first.n) /* else first.p is NULL */
			fwrite(first.p, 1, first.n, stdout);
	}
	hdl_buf_done(&first);
	hdl_buf_done(&second);
	return status;
}

int main(int argc, char **argv)
{
	const struct hdl_dp_capacity capacity = { 0 };
	struct hdl_resource_store *store = hdl_resource_store_new();
	struct hdl_resource_list *list = NULL;
	struct hdl_publisher *publisher;
	struct hdl_dp_maps maps;
	struct hdl_err err;
	int status = 1;

	if (!store || argc < 2) {
		fprintf(stderr, "usage: maps FILE...\n");
		return 2;
	}
	hdl_resource_store_set_check(store, hdl_xlate_check);
	for (int i = 1; i < argc; i++)
		if (put(store, argv[i]) < 0)
			return 1;
	if (hdl_resource_store_commit(store, &list) < 0 || hdl_dp_maps_memory(&maps, &capacity, &err) < 0)
		return 1;
	publisher = hdl_publisher_new(&maps, &err);
	if (publisher)
		status = run(&maps, publisher, list);
	hdl_publisher_free(publisher);
	hdl_dp_maps_close(&maps);
	hdl_resource_list_unref(list);
	hdl_resource_store_free(store);
	return status;
}
