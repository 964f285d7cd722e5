/* SPDX-License-Identifier: Apache-2.0 */
/* Generations in use, oldest first, each with what is in it and not in the one that came after it. */
#include "ir/generation.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Of all generations of one maker. */
struct chain {
	atomic_flag lock; /* held for a few stores: snapshots are let go on any thread */
	size_t members;
};

struct hdl_ir_generation {
	struct chain *chain;
	size_t references; /* of its snapshot, of the one who makes them */
	uint64_t number;
	struct hdl_ir_generation *older, *newer; /* that are in use */
	struct hdl_ir_retired *retired;
};

static void lock(struct chain *chain)
{
	while (atomic_flag_test_and_set_explicit(&chain->lock, memory_order_acquire))
		;
}

static void unlock(struct chain *chain)
{
	atomic_flag_clear_explicit(&chain->lock, memory_order_release);
}

struct hdl_ir_generation *hdl_ir_generation_new(void)
{
	struct hdl_ir_generation *g = hdl_ir_alloc(1, sizeof(*g));
	struct chain *chain = hdl_ir_alloc(1, sizeof(*chain));

	if (!g || !chain) {
		hdl_ir_free(g);
		hdl_ir_free(chain);
		return NULL;
	}
	atomic_flag_clear(&chain->lock);
	chain->members = 1;
	*g = (struct hdl_ir_generation){ .chain = chain, .references = 1, .number = 1 };
	return g;
}

struct hdl_ir_generation *hdl_ir_generation_ref(struct hdl_ir_generation *g)
{
	lock(g->chain);
	g->references++;
	unlock(g->chain);
	return g;
}

uint64_t hdl_ir_generation_next(const struct hdl_ir_generation *g)
{
	return g ? g->number + 1 : 0;
}

/* Nobody uses g any more: the next older one in use keeps what it has too; returns the rest. */
static struct hdl_ir_retired *leave(struct hdl_ir_generation *g)
{
	struct hdl_ir_generation *older = g->older;
	struct hdl_ir_retired *rest = NULL;

	for (struct hdl_ir_retired *o = g->retired, *after; o; o = after) {
		struct hdl_ir_retired **list = older && o->born <= older->number ? &older->retired : &rest;

		after = o->next;
		o->next = *list;
		*list = o;
	}
	if (older)
		older->newer = g->newer;
	if (g->newer)
		g->newer->older = older;
	return rest;
}

struct hdl_ir_generation *hdl_ir_generation_unref(struct hdl_ir_generation *g)
{
	struct hdl_ir_retired *rest;
	struct chain *chain;
	bool last;

	if (!g)
		return NULL;
	chain = g->chain;
	lock(chain);
	if (--g->references) {
		unlock(chain);
		return NULL;
	}
	rest = leave(g);
	last = --chain->members == 0;
	unlock(chain);
	for (struct hdl_ir_retired *after; rest; rest = after) {
		after = rest->next;
		rest->free_object(rest);
	}
	hdl_ir_free(g);
	if (last)
		hdl_ir_free(chain);
	return NULL;
}

void hdl_ir_generation_retire(struct hdl_ir_generation *g, struct hdl_ir_retired *object,
			      void (*free_object)(struct hdl_ir_retired *object))
{
	object->free_object = free_object;
	lock(g->chain);
	object->next = g->retired;
	g->retired = object;
	unlock(g->chain);
}

void hdl_ir_generation_follow(struct hdl_ir_generation *g, struct hdl_ir_generation *next)
{
	struct chain *chain = g->chain;

	hdl_ir_free(next->chain);
	lock(chain);
	next->chain = chain;
	next->number = g->number + 1;
	next->older = g;
	g->newer = next;
	chain->members++;
	unlock(chain);
	hdl_ir_generation_unref(g);
}
