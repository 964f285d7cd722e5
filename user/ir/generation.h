/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who keeps shared objects alive: generations, one per snapshot. What a generation has and the one after it has not is
 * freed when no generation in use has it: not this one, and none that is older and not older than the object. So making
 * and freeing a snapshot costs what changed, not what it has, and a request that lasts for hours keeps what its snapshot
 * has, but nothing of what came and went meanwhile.
 */
#ifndef HDL_IR_GENERATION_H
#define HDL_IR_GENERATION_H

#include <stddef.h>
#include <stdint.h>

struct hdl_ir_generation;

/* First member of an object that can be given to a generation. */
struct hdl_ir_retired {
	struct hdl_ir_retired *next;
	void (*free_object)(struct hdl_ir_retired *object);
	uint64_t born; /* hdl_ir_generation_next() when it was made; 0: all that are older may have it */
};

/* With one reference. NULL when out of memory. */
struct hdl_ir_generation *hdl_ir_generation_new(void);
struct hdl_ir_generation *hdl_ir_generation_ref(struct hdl_ir_generation *generation);
/* Any thread; frees what is due with the last reference. Accepts NULL. Returns NULL. */
struct hdl_ir_generation *hdl_ir_generation_unref(struct hdl_ir_generation *generation);
/* Of the generation to come after this one, the newest: what is made now is in none before. generation NULL: 0. */
uint64_t hdl_ir_generation_next(const struct hdl_ir_generation *generation);
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
