/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive doubly linked list, after the kernel's. */
#ifndef HDL_BASE_LIST_H
#define HDL_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct hdl_list {
	struct hdl_list *next, *prev;
};

#define HDL_CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define HDL_LIST_FOR_EACH(pos, head) for (struct hdl_list *pos = (head)->next; pos != (head); pos = pos->next)
#define HDL_LIST_FOR_EACH_SAFE(pos, tmp, head) \
	for (struct hdl_list *pos = (head)->next, *tmp = pos->next; pos != (head); pos = tmp, tmp = pos->next)

static inline void hdl_list_init(struct hdl_list *l)
{
	l->next = l->prev = l;
}

static inline bool hdl_list_empty(const struct hdl_list *l)
{
	return l->next == l;
}

static inline void hdl_list_insert(struct hdl_list *at, struct hdl_list *item)
{
	item->next = at->next;
	item->prev = at;
	at->next->prev = item;
	at->next = item;
}

static inline void hdl_list_append(struct hdl_list *head, struct hdl_list *item)
{
	hdl_list_insert(head->prev, item);
}

/* Leaves item self-linked, so that removing twice is harmless. */
static inline void hdl_list_remove(struct hdl_list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	hdl_list_init(item);
}

#endif
