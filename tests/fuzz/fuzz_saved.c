/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the state file. The input is a row of records without their heads (a byte for the type, two for the length,
 * the payload), so that mutations are not all stopped by the hash; what is read is asked for everything.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "model/saved.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void add_record(struct hdl_buf *file, uint32_t type, const uint8_t *payload, uint32_t n)
{
	uint64_t hash = hdl_hash64(payload, n, (uint64_t)type << 32 | n);

	hdl_buf_add(file, &type, sizeof(type));
	hdl_buf_add(file, &n, sizeof(n));
	hdl_buf_add(file, &hash, sizeof(hash));
	if (n)
		hdl_buf_add(file, payload, n);
}

static void ask(const struct hdl_saved *saved, const struct hdl_history *history)
{
	struct hdl_history_index index;
	struct hdl_yaml_chunk *chunk;
	size_t n;

	for (size_t i = 0; i < saved->n; i++) {
		const struct hdl_saved_object *o = &saved->object[i];

		require(hdl_saved_find(saved, o->kind, o->group, o->ns, o->name) == o);
		if (!o->version.text)
			continue;
		require(strlen(o->version.text) == o->version.bytes);
		require(hdl_saved_of_file(saved, o->version.file, &chunk, &n) == 0 && n > 0);
		free(chunk);
	}
	require(history->n <= HDL_HISTORY_EPOCHS_MAX);
	for (size_t i = 0; i < history->n; i++) {
		struct hdl_former *former;

		require(i == 0 || history->record[i - 1].meta.epoch <= history->record[i].meta.epoch);
		if (hdl_history_former(history, history->record[i].meta.epoch, &former, &n) == 0)
			free(former);
	}
	require(hdl_history_index_make(history, &index) == 0);
	hdl_history_index_done(&index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hdl_saved saved = { 0 };
	struct hdl_history history;
	struct hdl_buf file = { 0 };
	struct hdl_err err;
	int r;

	hdl_saved_write_head(&file);
	for (size_t at = 0; size - at >= 3;) {
		uint32_t n = (uint32_t)data[at + 1] | (uint32_t)data[at + 2] << 8;

		if (n > size - at - 3)
			n = (uint32_t)(size - at - 3);
		add_record(&file, data[at], data + at + 3, n);
		at += 3 + n;
	}
	hdl_history_init(&history);
	r = hdl_saved_read((struct hdl_str){ file.p, file.n }, &saved, &history, &err);
	require(r >= 0 || (saved.n == 0 && history.n == 0));
	if (r >= 0) {
		require(saved.good_bytes <= file.n && (r == 1 || saved.good_bytes == file.n));
		ask(&saved, &history);
	}
	hdl_saved_done(&saved);
	hdl_history_done(&history);
	require(history.bytes == 0);
	hdl_buf_done(&file);
	return 0;
}
