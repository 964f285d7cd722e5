/* SPDX-License-Identifier: Apache-2.0 */
/* The resources that a snapshot is made of: what the files say, or what an earlier epoch was. */
#ifndef HDL_HEDDLED_CONFIG_SET_H
#define HDL_HEDDLED_CONFIG_SET_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "model/history.h"
#include "model/store.h"

/* In creation order. Immutable; on the control thread only. */
struct hdl_config_set {
	const struct hdl_resource *const *at;
	size_t n;
	uint64_t rolled_back_to; /* 0: the files' */
};

/* What the list holds; takes a reference of its own. NULL: out of memory. */
const struct hdl_config_set *hdl_config_set_new(struct hdl_resource_list *list);
/*
 * What `now` becomes when each object of former is what it was. files: what the files say; resources are shared with it,
 * and all others decoded from their texts. NULL with the reason: a document that this version does not accept, or memory.
 */
const struct hdl_config_set *hdl_config_set_former(struct hdl_resource_list *files, const struct hdl_config_set *now,
						   const struct hdl_former *former, size_t n, uint64_t rolled_back_to,
						   struct hdl_err *err);
const struct hdl_config_set *hdl_config_set_ref(const struct hdl_config_set *set);
/* Accepts NULL. Returns NULL. */
const struct hdl_config_set *hdl_config_set_unref(const struct hdl_config_set *set);

#endif
