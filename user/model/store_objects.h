/* SPDX-License-Identifier: Apache-2.0 */
/* Each object of the files and what became of it. */
#ifndef HDL_MODEL_STORE_OBJECTS_H
#define HDL_MODEL_STORE_OBJECTS_H

#include "model/store.h"

struct hdl_store_object {
	struct hdl_object_id id;
	const char *file;
	const struct hdl_resource *resource; /* in force because of this file, perhaps an earlier version; NULL: none */
	bool accepted;                       /* its newest document is in force */
	const struct hdl_diag *reason;       /* of one that is not accepted, as far as one is kept */
};

/* In the order of the files, as of the last commit; valid until the next call that changes the store. */
struct hdl_store_cursor {
	size_t file, object;
};

bool hdl_resource_store_next(const struct hdl_resource_store *store, struct hdl_store_cursor *cursor,
			     struct hdl_store_object *ret);

#endif
