/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that waits for grace periods. */
#include "dp/grace.h"

#include <pthread.h>
#include <stdlib.h>

struct hdl_grace {
	struct hdl_dp_maps *maps;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t asked_more, ended;
	uint64_t asked, over, failed; /* numbers: the last of each */
	bool stop;
};

static void *run(void *data)
{
	struct hdl_grace *grace = data;

	pthread_mutex_lock(&grace->lock);
	while (!grace->stop) {
		uint64_t number = grace->asked;
		struct hdl_err err;
		int r;

		if (number == grace->over || number == grace->failed) {
			pthread_cond_wait(&grace->asked_more, &grace->lock);
			continue;
		}
		pthread_mutex_unlock(&grace->lock);
		r = hdl_dp_grace(grace->maps, &err);
		pthread_mutex_lock(&grace->lock);
		*(r == 0 ? &grace->over : &grace->failed) = number;
		pthread_cond_broadcast(&grace->ended);
	}
	pthread_mutex_unlock(&grace->lock);
	return NULL;
}

struct hdl_grace *hdl_grace_new(struct hdl_dp_maps *maps)
{
	struct hdl_grace *grace = calloc(1, sizeof(*grace));

	if (!grace)
		return NULL;
	grace->maps = maps;
	pthread_mutex_init(&grace->lock, NULL);
	pthread_cond_init(&grace->asked_more, NULL);
	pthread_cond_init(&grace->ended, NULL);
	if (pthread_create(&grace->thread, NULL, run, grace) == 0)
		return grace;
	pthread_cond_destroy(&grace->asked_more);
	pthread_cond_destroy(&grace->ended);
	pthread_mutex_destroy(&grace->lock);
	free(grace);
	return NULL;
}

struct hdl_grace *hdl_grace_free(struct hdl_grace *grace)
{
	if (!grace)
		return NULL;
	pthread_mutex_lock(&grace->lock);
	grace->stop = true;
	pthread_cond_signal(&grace->asked_more);
	pthread_mutex_unlock(&grace->lock);
	pthread_join(grace->thread, NULL);
	pthread_cond_destroy(&grace->asked_more);
	pthread_cond_destroy(&grace->ended);
	pthread_mutex_destroy(&grace->lock);
	free(grace);
	return NULL;
}

uint64_t hdl_grace_begin(struct hdl_grace *grace)
{
	uint64_t number;

	pthread_mutex_lock(&grace->lock);
	number = ++grace->asked;
	pthread_cond_signal(&grace->asked_more);
	pthread_mutex_unlock(&grace->lock);
	return number;
}

bool hdl_grace_is_over(struct hdl_grace *grace, uint64_t number)
{
	bool over;

	pthread_mutex_lock(&grace->lock);
	over = grace->over >= number || grace->failed >= number;
	pthread_mutex_unlock(&grace->lock);
	return over;
}

int hdl_grace_wait(struct hdl_grace *grace, uint64_t number, struct hdl_err *err)
{
	bool over;

	pthread_mutex_lock(&grace->lock);
	while (grace->over < number && grace->failed < number)
		pthread_cond_wait(&grace->ended, &grace->lock);
	over = grace->over >= number;
	pthread_mutex_unlock(&grace->lock);
	/* what failed is tried once more, for the reason */
	return over ? 0 : hdl_dp_grace(grace->maps, err);
}
