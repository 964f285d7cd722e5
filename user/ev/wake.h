/* SPDX-License-Identifier: Apache-2.0 */
/* Mailbox of a loop: other threads leave messages, the loop's thread carries them out in order. */
#ifndef HDL_EV_WAKE_H
#define HDL_EV_WAKE_H

#include <pthread.h>
#include "base/list.h"
#include "ev/loop.h"

/* Embedded in the sender's message, which belongs to the mailbox until run() is called. */
struct hdl_message {
	struct hdl_list link;
	/* In the loop's thread; frees the message. data: of the mailbox. NULL data: the mailbox is going away. */
	void (*run)(struct hdl_message *message, void *data);
};

struct hdl_mailbox {
	struct hdl_io io;
	pthread_mutex_t mutex;
	struct hdl_list messages;
	void *data;
};

/* 0 or negative errno. */
int hdl_mailbox_init(struct hdl_mailbox *mailbox, struct hdl_loop *loop, void *data);
/* Gives waiting messages back to their senders by run(message, NULL). */
void hdl_mailbox_done(struct hdl_mailbox *mailbox, struct hdl_loop *loop);
/* Any thread; never fails. */
void hdl_mailbox_send(struct hdl_mailbox *mailbox, struct hdl_message *message);
/* Carries out what waits; also called by the loop when it is woken. */
void hdl_mailbox_run(struct hdl_mailbox *mailbox);

#endif
