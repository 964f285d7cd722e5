/* SPDX-License-Identifier: Apache-2.0 */
/* YAML text to snapshot, for the tests of the translator. */
#ifndef HDL_TESTS_UNIT_XLATE_LOAD_H
#define HDL_TESTS_UNIT_XLATE_LOAD_H

#include <stdio.h>
#include <string.h>

#include "unit/unit.h"
#include "base/buf.h"
#include "model/resource.h"
#include "model/store.h"
#include "xlate/xlate.h"

struct load {
	struct hdl_resource_store *store;
	struct hdl_resource_list *list;
	struct hdl_diags diags;
	struct hdl_snapshot *snapshot;
};

static inline void load_resources(struct load *l, const char *text)
{
	*l = (struct load){ .store = hdl_resource_store_new() };
	assert_non_null(l->store);
	hdl_resource_store_set_check(l->store, hdl_xlate_check);
	assert_int_equal(hdl_resource_store_put(l->store, "test.yaml", hdl_str_of(text)), 0);
	assert_int_equal(hdl_resource_store_commit(l->store, &l->list), 0);
	hdl_resource_store_diags(l->store, &l->diags);
}

static inline void load_done(struct load *l)
{
	hdl_snapshot_unref(l->snapshot);
	hdl_diags_done(&l->diags);
	hdl_resource_list_unref(l->list);
	hdl_resource_store_free(l->store);
}

static inline void load(struct load *l, const char *text)
{
	load_resources(l, text);
	assert_int_equal(hdl_xlate(l->list->at, l->list->n, NULL, &l->diags, &l->snapshot), 0);
}

#endif
