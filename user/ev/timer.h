/* SPDX-License-Identifier: Apache-2.0 */
/* Hierarchical timer wheel: ticks of a millisecond, O(1) to set and to stop, never early. One thread. */
#ifndef HDL_EV_TIMER_H
#define HDL_EV_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/list.h"

#define HDL_TIMER_LEVELS 6
#define HDL_TIMER_SLOTS 64
#define HDL_TIMER_TICK_NS 1000000ull

struct hdl_timer {
	struct hdl_list link; /* self-linked while not set */
	void (*fire)(struct hdl_timer *timer);
	uint64_t deadline_ns;
	uint64_t tick; /* of the slot in which it lies: at most that of the deadline */
};

/*
 * Level l holds timers whose tick first differs from the current one in digit l (base 64); slot = that digit. A timer
 * moves to a lower level when the clock reaches its slot, and fires from level 0. Setting a timer that is set already to
 * a later time only notes the deadline: it is moved when its slot comes, so that pushing back an idle timer on every
 * request costs one store.
 */
struct hdl_timers {
	uint64_t tick; /* all earlier ones are done */
	bool running;  /* in a callback: what is set for the past waits for the next tick */
	uint64_t occupied[HDL_TIMER_LEVELS];
	struct hdl_list slot[HDL_TIMER_LEVELS][HDL_TIMER_SLOTS];
};

void hdl_timers_init(struct hdl_timers *timers, uint64_t now_ns);
static inline void hdl_timer_init(struct hdl_timer *timer, void (*fire)(struct hdl_timer *timer))
{
	hdl_list_init(&timer->link);
	timer->fire = fire;
}
static inline bool hdl_timer_is_set(const struct hdl_timer *timer)
{
	return !hdl_list_empty(&timer->link);
}
/* Fires once, at or after deadline_ns. May be called while set. */
void hdl_timer_set(struct hdl_timers *timers, struct hdl_timer *timer, uint64_t deadline_ns);
/* After this it will not fire; harmless when not set. */
void hdl_timer_stop(struct hdl_timers *timers, struct hdl_timer *timer);
/* Fires what is due. A callback may set and stop any timer. */
void hdl_timers_run(struct hdl_timers *timers, uint64_t now_ns);
/* Nanoseconds until run() has work; UINT64_MAX if no timer is set. */
uint64_t hdl_timers_next_ns(const struct hdl_timers *timers, uint64_t now_ns);

#endif
