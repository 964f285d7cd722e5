/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heartbeat has a thread of its own: translating a large configuration takes the control thread seconds, in which
 * the workers serve on; a heartbeat gone stale meanwhile would let the fail mode bypass them.
 */
#include "heddled/heartbeat.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"

#define PERIOD_NS (100 * HDL_NS_PER_MS)

struct hdl_heartbeat {
	struct hdl_dp_maps *maps;
	bool (*alive)(void *data, uint64_t now_ns);
	void *data;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool ended;
};

static void *run(void *data)
{
	struct hdl_heartbeat *heartbeat = data;

	pthread_mutex_lock(&heartbeat->mutex);
	while (!heartbeat->ended) {
		uint64_t now_ns = hdl_clock_mono_ns(), next_ns = now_ns + PERIOD_NS;
		struct timespec next = { (time_t)(next_ns / HDL_NS_PER_S), (long)(next_ns % HDL_NS_PER_S) };

		if (heartbeat->alive(heartbeat->data, now_ns))
			hdl_dp_heartbeat(heartbeat->maps, now_ns);
		pthread_cond_timedwait(&heartbeat->wake, &heartbeat->mutex, &next);
	}
	pthread_mutex_unlock(&heartbeat->mutex);
	return NULL;
}

static void destroy(struct hdl_heartbeat *heartbeat)
{
	pthread_cond_destroy(&heartbeat->wake);
	pthread_mutex_destroy(&heartbeat->mutex);
	free(heartbeat);
}

int hdl_heartbeat_start(struct hdl_dp_maps *maps, bool (*alive)(void *data, uint64_t now_ns), void *data,
			struct hdl_heartbeat **ret, struct hdl_err *err)
{
	struct hdl_heartbeat *heartbeat = calloc(1, sizeof(*heartbeat));
	pthread_condattr_t monotonic;
	int r;

	if (!heartbeat)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	heartbeat->maps = maps;
	heartbeat->alive = alive;
	heartbeat->data = data;
	pthread_mutex_init(&heartbeat->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&heartbeat->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	r = pthread_create(&heartbeat->thread, NULL, run, heartbeat);
	if (r != 0) {
		destroy(heartbeat);
		return hdl_err_set(err, -r, "heartbeat thread: %s", strerror(r));
	}
	*ret = heartbeat;
	return 0;
}

struct hdl_heartbeat *hdl_heartbeat_stop(struct hdl_heartbeat *heartbeat)
{
	if (!heartbeat)
		return NULL;
	pthread_mutex_lock(&heartbeat->mutex);
	heartbeat->ended = true;
	pthread_cond_signal(&heartbeat->wake);
	pthread_mutex_unlock(&heartbeat->mutex);
	pthread_join(heartbeat->thread, NULL);
	destroy(heartbeat);
	return NULL;
}
