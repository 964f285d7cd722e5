/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who keeps shared objects alive: a chain of generations, one per snapshot, each of which keeps the next. What a
 * generation has and the next has not is freed with it, that is when its snapshot and all before it are gone. So making
 * and freeing a snapshot costs what changed, not what it has.
 *
 * Price: one request that lasts for hours keeps all that was replaced since it began, also what came and went meanwhile
 * (1,000 endpoints a second are some GB an hour), and its thread frees it all. dp/retire.c shows a way out: what was
 * born after the snapshot of such a request, and is in no other that is in use, may go.
 */
#ifndef HDL_IR_GENERATION_H
#define HDL_IR_GENERATION_H

#include <stddef.h>

struct hdl_ir_generation;

/* First member of an object that can be given to a generation. */
struct hdl_ir_retired {
	struct hdl_ir_retired *next;
	void (*free_object)(struct hdl_ir_retired *object);
};

/* With one reference. NULL when out of memory. */
struct hdl_ir_generation *hdl_ir_generation_new(void);
struct hdl_ir_generation *hdl_ir_generation_ref(struct hdl_ir_generation *generation);
/* Any thread; frees what is due with the last reference. Accepts NULL. Returns NULL. */
struct hdl_ir_generation *hdl_ir_generation_unref(struct hdl_ir_generation *generation);
/* Only by the one who makes the generations, while it holds this one, the newest: the object is not in later ones. */
void hdl_ir_generation_retire(struct hdl_ir_generation *generation, struct hdl_ir_retired *object,
			      void (*free_object)(struct hdl_ir_retired *object));
/* Makes next the one after generation, and takes the caller's reference to generation. Once per generation. */
void hdl_ir_generation_follow(struct hdl_ir_generation *generation, struct hdl_ir_generation *next);

/* Memory of shared objects. Zeroed; NULL when out of memory. In a file of their own, for tests to take their place. */
void *hdl_ir_alloc(size_t n, size_t size);
/* As realloc(): what is beyond the old size is not zeroed. */
void *hdl_ir_realloc(void *p, size_t n, size_t size);
void hdl_ir_free(void *p);

#endif
