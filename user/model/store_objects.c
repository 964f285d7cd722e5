/* SPDX-License-Identifier: Apache-2.0 */
/* Walk over the objects of all files of a store. */
#include "model/store_objects.h"

#include <string.h>
#include "model/store_impl.h"

static bool is_about(const struct hdl_diag *diag, struct hdl_object_id id)
{
	return diag->severity == HDL_ERROR && diag->kind && diag->name &&
	       strcmp(diag->kind, hdl_kind_name(id.kind)) == 0 && strcmp(diag->name, id.name) == 0 &&
	       strcmp(diag->ns ? diag->ns : "", id.ns) == 0;
}

/* What was said about the object; of one that is out of sight: about the file. */
static const struct hdl_diag *find_reason(const struct hdl_stored_file *file, const struct hdl_stored *object)
{
	const struct hdl_diag *first = NULL;

	for (size_t i = 0; i < file->diags.n; i++) {
		const struct hdl_diag *diag = &file->diags.at[i];

		if (is_about(diag, object->id))
			return diag;
		if (!first && diag->severity == HDL_ERROR && !diag->name)
			first = diag;
	}
	return first;
}

bool hdl_resource_store_next(const struct hdl_resource_store *store, struct hdl_store_cursor *cursor,
			     struct hdl_store_object *ret)
{
	const struct hdl_stored_file *file;
	const struct hdl_stored *object;

	while (cursor->file < store->files && cursor->object >= store->file[cursor->file]->objects) {
		cursor->file++;
		cursor->object = 0;
	}
	if (cursor->file >= store->files)
		return false;
	file = store->file[cursor->file];
	object = &file->object[cursor->object++];
	*ret = (struct hdl_store_object){
		.id = object->id,
		.file = file->path,
		.resource = object->owner ? object->resource : NULL,
		.accepted = object->owner && !object->refused && !object->orphan && !file->unreadable,
	};
	if (!ret->accepted)
		ret->reason = find_reason(file, object);
	return true;
}
