/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers of the analyzers' tests: analyze texts, and print what was found. */
#ifndef HDL_TESTS_UNIT_ANALYSIS_H
#define HDL_TESTS_UNIT_ANALYSIS_H

#include "unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "analyze/analyze.h"
#include "base/buf.h"
#include "model/store.h"
#include "xlate/xlate.h"

/* 2100-01-01: certificates of the tests end in 2026 and in 2126. */
#define TEST_NOW_S 4102444800

struct found {
	struct hdl_resource_store *store;
	struct hdl_resource_list *list;
	struct hdl_diags diags;
	struct hdl_analysis *analysis;
	const struct hdl_an_message *at;
	size_t n;
};

static inline void found_begin(struct found *found)
{
	*found = (struct found){ .store = hdl_resource_store_new() };
	assert_non_null(found->store);
	hdl_resource_store_set_check(found->store, hdl_xlate_check);
}

static inline void found_put(struct found *found, const char *name, const char *text)
{
	assert_int_equal(hdl_resource_store_put(found->store, name, hdl_str_of(text)), 0);
}

static inline void found_end(struct found *found, const struct hdl_an_options *options)
{
	assert_int_equal(hdl_resource_store_commit(found->store, &found->list), 0);
	hdl_resource_store_diags(found->store, &found->diags);
	assert_int_equal(hdl_analyze(found->list->at, found->list->n, &found->diags, options, &found->analysis), 0);
	found->n = hdl_analysis_messages(found->analysis, &found->at);
}

static inline void found_done(struct found *found)
{
	hdl_analysis_free(found->analysis);
	hdl_diags_done(&found->diags);
	hdl_resource_list_unref(found->list);
	hdl_resource_store_free(found->store);
}

static inline void found_text(struct found *found, const char *text)
{
	static const struct hdl_an_options options = { .now_s = TEST_NOW_S };

	found_begin(found);
	found_put(found, "f.yaml", text);
	found_end(found, &options);
}

static inline size_t found_count(const struct found *found, const char *code)
{
	size_t n = 0;

	for (size_t i = 0; i < found->n; i++)
		n += strcmp(hdl_an_codes[found->at[i].type].code, code) == 0;
	return n;
}

/* The whole file; NULL: it cannot be read. To be freed. */
static inline char *read_text(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct hdl_buf buf = { 0 };
	char piece[4096];
	size_t n;

	if (!f)
		return NULL;
	hdl_buf_adds(&buf, "");
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		hdl_buf_add(&buf, piece, n);
	fclose(f);
	assert_false(buf.failed);
	return buf.p;
}

#endif
