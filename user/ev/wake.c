/* SPDX-License-Identifier: Apache-2.0 */
/* The mailbox: a list under a mutex and an eventfd. */
#include "ev/wake.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void take_all(struct hdl_mailbox *mailbox, struct hdl_list *ret)
{
	hdl_list_init(ret);
	pthread_mutex_lock(&mailbox->mutex);
	while (!hdl_list_empty(&mailbox->messages)) {
		struct hdl_list *first = mailbox->messages.next;

		hdl_list_remove(first);
		hdl_list_append(ret, first);
	}
	pthread_mutex_unlock(&mailbox->mutex);
}

static void run_all(struct hdl_mailbox *mailbox, void *data)
{
	struct hdl_list list;

	take_all(mailbox, &list);
	while (!hdl_list_empty(&list)) {
		struct hdl_message *m = HDL_CONTAINER_OF(list.next, struct hdl_message, link);

		hdl_list_remove(&m->link);
		m->run(m, data);
	}
}

void hdl_mailbox_run(struct hdl_mailbox *mailbox)
{
	run_all(mailbox, mailbox->data);
}

static void on_wake(struct hdl_io *io, uint32_t events)
{
	struct hdl_mailbox *mailbox = HDL_CONTAINER_OF(io, struct hdl_mailbox, io);
	uint64_t count;

	(void)events;
	/* Emptied before the list is taken: a message sent in between wakes the loop once more for nothing. */
	while (read(io->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	hdl_mailbox_run(mailbox);
}

int hdl_mailbox_init(struct hdl_mailbox *mailbox, struct hdl_loop *loop, void *data)
{
	int r;

	*mailbox = (struct hdl_mailbox){ .io.ready = on_wake, .data = data };
	hdl_list_init(&mailbox->messages);
	mailbox->io.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (mailbox->io.fd < 0)
		return -errno;
	r = pthread_mutex_init(&mailbox->mutex, NULL);
	if (r != 0) {
		close(mailbox->io.fd);
		return -r;
	}
	r = hdl_loop_add_level(loop, &mailbox->io);
	if (r < 0) {
		pthread_mutex_destroy(&mailbox->mutex);
		close(mailbox->io.fd);
	}
	return r;
}

void hdl_mailbox_done(struct hdl_mailbox *mailbox, struct hdl_loop *loop)
{
	run_all(mailbox, NULL);
	hdl_loop_remove(loop, &mailbox->io);
	close(mailbox->io.fd);
	pthread_mutex_destroy(&mailbox->mutex);
}

void hdl_mailbox_send(struct hdl_mailbox *mailbox, struct hdl_message *message)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&mailbox->mutex);
	hdl_list_append(&mailbox->messages, &message->link);
	pthread_mutex_unlock(&mailbox->mutex);
	/* EAGAIN means the counter is at its top: the loop is awake already. */
	while (write(mailbox->io.fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}
