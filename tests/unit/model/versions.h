/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of resources from one text, for the tests of what is compared and kept between them. */
#ifndef HDL_TESTS_UNIT_MODEL_VERSIONS_H
#define HDL_TESTS_UNIT_MODEL_VERSIONS_H

#include "unit/model/model.h"
#include "model/store.h"

#define RULE(name, host)                                                                                              \
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " name ", namespace: ns}\n" \
	"spec: {host: h" host "}\n"

/* A list of the documents, in the one file of the store. The caller unrefs. */
static inline struct hdl_resource_list *list_of(struct hdl_resource_store *store, const char *text)
{
	struct hdl_resource_list *list;

	assert_int_equal(hdl_resource_store_put(store, "f.yaml", hdl_str_of(text)), 0);
	assert_int_equal(hdl_resource_store_commit(store, &list), 0);
	return list;
}

#endif
