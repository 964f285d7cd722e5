/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of generations that keeps shared objects alive. */
#include "ir/generation.h"

#include <stdatomic.h>

struct hdl_ir_generation {
	atomic_uint references; /* of its snapshot, of the generation before, of the one who makes them */
	struct hdl_ir_generation *next;
	struct hdl_ir_retired *retired;
};

struct hdl_ir_generation *hdl_ir_generation_new(void)
{
	struct hdl_ir_generation *g = hdl_ir_alloc(1, sizeof(*g));

	if (g)
		atomic_init(&g->references, 1);
	return g;
}

struct hdl_ir_generation *hdl_ir_generation_ref(struct hdl_ir_generation *g)
{
	atomic_fetch_add_explicit(&g->references, 1, memory_order_relaxed);
	return g;
}

struct hdl_ir_generation *hdl_ir_generation_unref(struct hdl_ir_generation *g)
{
	while (g && atomic_fetch_sub_explicit(&g->references, 1, memory_order_acq_rel) == 1) {
		struct hdl_ir_generation *next = g->next;

		for (struct hdl_ir_retired *o = g->retired, *after; o; o = after) {
			after = o->next;
			o->free_object(o);
		}
		hdl_ir_free(g);
		g = next;
	}
	return NULL;
}

void hdl_ir_generation_retire(struct hdl_ir_generation *g, struct hdl_ir_retired *object,
			      void (*free_object)(struct hdl_ir_retired *object))
{
	object->free_object = free_object;
	object->next = g->retired;
	g->retired = object;
}

void hdl_ir_generation_follow(struct hdl_ir_generation *g, struct hdl_ir_generation *next)
{
	g->next = hdl_ir_generation_ref(next);
	hdl_ir_generation_unref(g);
}
