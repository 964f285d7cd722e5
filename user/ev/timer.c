/* SPDX-License-Identifier: Apache-2.0 */
/* The timer wheel. */
#include "ev/timer.h"

#define DIGIT_BITS 6
#define DIGIT_MASK (HDL_TIMER_SLOTS - 1)

void hdl_timers_init(struct hdl_timers *timers, uint64_t now_ns)
{
	timers->tick = now_ns / HDL_TIMER_TICK_NS;
	timers->running = false;
	for (int l = 0; l < HDL_TIMER_LEVELS; l++) {
		timers->occupied[l] = 0;
		for (int s = 0; s < HDL_TIMER_SLOTS; s++)
			hdl_list_init(&timers->slot[l][s]);
	}
}

static uint64_t tick_of(uint64_t deadline_ns)
{
	return deadline_ns / HDL_TIMER_TICK_NS + (deadline_ns % HDL_TIMER_TICK_NS != 0);
}

static unsigned int digit(uint64_t tick, int level)
{
	return (unsigned int)(tick >> (level * DIGIT_BITS)) & DIGIT_MASK;
}

static int level_of(uint64_t now, uint64_t tick)
{
	uint64_t differs = now ^ tick;
	int level = differs ? (63 - __builtin_clzll(differs)) / DIGIT_BITS : 0;

	return level < HDL_TIMER_LEVELS ? level : HDL_TIMER_LEVELS - 1;
}

/* tick is not before timers->tick. */
static void insert(struct hdl_timers *timers, struct hdl_timer *timer, uint64_t tick)
{
	/* Two years ahead is as good as never: such a timer lies at the horizon and is put on from there. */
	uint64_t horizon = timers->tick | ((1ull << (HDL_TIMER_LEVELS * DIGIT_BITS)) - 1);
	int level;

	if (tick > horizon)
		tick = horizon;
	level = level_of(timers->tick, tick);
	timer->tick = tick;
	timers->occupied[level] |= 1ull << digit(tick, level);
	hdl_list_append(&timers->slot[level][digit(tick, level)], &timer->link);
}

void hdl_timer_set(struct hdl_timers *timers, struct hdl_timer *timer, uint64_t deadline_ns)
{
	uint64_t tick = tick_of(deadline_ns), first = timers->tick + timers->running;

	timer->deadline_ns = deadline_ns;
	if (hdl_timer_is_set(timer)) {
		if (tick >= timer->tick)
			return;
		hdl_timer_stop(timers, timer);
	}
	insert(timers, timer, tick > first ? tick : first);
}

void hdl_timer_stop(struct hdl_timers *timers, struct hdl_timer *timer)
{
	struct hdl_list *next = timer->link.next;

	if (!hdl_timer_is_set(timer))
		return;
	hdl_list_remove(&timer->link);
	/* The last of its slot: its neighbour was the slot's head. */
	if (hdl_list_empty(next)) {
		size_t i = ((uintptr_t)next - (uintptr_t)timers->slot) / sizeof(struct hdl_list);

		/* or of a round of run_slot(), which is no slot */
		if (i < HDL_TIMER_LEVELS * HDL_TIMER_SLOTS)
			timers->occupied[i / HDL_TIMER_SLOTS] &= ~(1ull << (i % HDL_TIMER_SLOTS));
	}
}

/* First tick at which a slot comes up, not before timers->tick. False if there is none. */
static bool next_slot(const struct hdl_timers *timers, uint64_t *ret_tick, int *ret_level)
{
	for (int l = 0; l < HDL_TIMER_LEVELS; l++) {
		uint64_t ahead = timers->occupied[l] >> digit(timers->tick, l) << digit(timers->tick, l);
		uint64_t upper = timers->tick >> ((l + 1) * DIGIT_BITS) << ((l + 1) * DIGIT_BITS);

		if (!ahead)
			continue;
		*ret_tick = upper | (uint64_t)__builtin_ctzll(ahead) << (l * DIGIT_BITS);
		if (*ret_tick < timers->tick)
			*ret_tick = timers->tick;
		*ret_level = l;
		return true;
	}
	return false;
}

/* Timers of one slot: fires the due ones, moves the others on. A callback may change any of them. */
static void run_slot(struct hdl_timers *timers, int level, uint64_t now_ns)
{
	unsigned int s = digit(timers->tick, level);
	struct hdl_list *head = &timers->slot[level][s], due;

	hdl_list_init(&due);
	timers->occupied[level] &= ~(1ull << s);
	if (hdl_list_empty(head))
		return;
	/* Moved aside as a whole: a timer set anew by a callback must wait for the next round. */
	due.next = head->next;
	due.prev = head->prev;
	due.next->prev = due.prev->next = &due;
	hdl_list_init(head);
	while (!hdl_list_empty(&due)) {
		struct hdl_timer *timer = HDL_CONTAINER_OF(due.next, struct hdl_timer, link);

		hdl_list_remove(&timer->link);
		if (timer->deadline_ns <= now_ns) {
			timer->fire(timer);
		} else {
			uint64_t tick = tick_of(timer->deadline_ns);

			insert(timers, timer, tick > timers->tick ? tick : timers->tick);
		}
	}
}

void hdl_timers_run(struct hdl_timers *timers, uint64_t now_ns)
{
	uint64_t now = now_ns / HDL_TIMER_TICK_NS, tick;
	int level;

	timers->running = true;
	while (next_slot(timers, &tick, &level) && tick <= now) {
		timers->tick = tick;
		run_slot(timers, level, now_ns);
	}
	timers->running = false;
	if (now > timers->tick)
		timers->tick = now;
}

uint64_t hdl_timers_next_ns(const struct hdl_timers *timers, uint64_t now_ns)
{
	uint64_t tick;
	int level;

	if (!next_slot(timers, &tick, &level))
		return UINT64_MAX;
	return tick * HDL_TIMER_TICK_NS > now_ns ? tick * HDL_TIMER_TICK_NS - now_ns : 0;
}
