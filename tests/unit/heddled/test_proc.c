/* SPDX-License-Identifier: Apache-2.0 */
/* The socket between keeper and worker process: order, descriptors, waiting, and input that no encoder made. */
#include "unit/unit.h"
#include "heddled/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
	struct hdl_channel keeper, worker;
};

static int setup(void **state)
{
	static struct pair pair;
	struct hdl_err err;
	int keeper, worker;

	assert_int_equal(hdl_channel_pair(&keeper, &worker, &err), 0);
	hdl_channel_init(&pair.keeper, keeper, HDL_MSG_TO_KEEPER);
	hdl_channel_init(&pair.worker, worker, HDL_MSG_TO_WORKER);
	*state = &pair;
	return 0;
}

static int teardown(void **state)
{
	struct pair *pair = *state;

	hdl_channel_done(&pair->keeper);
	hdl_channel_done(&pair->worker);
	return 0;
}

static unsigned int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static struct hdl_msg file_message(int fd)
{
	struct hdl_msg msg = { .type = HDL_MSG_CONFIG_FILE, .fd_count = 1, .fd = { fd } };

	hdl_msg_set_text(msg.config_file.path, sizeof(msg.config_file.path), "x.yaml");
	return msg;
}

static void test_descriptor_passes(void **state)
{
	struct pair *pair = *state;
	struct hdl_msg msg, got;
	struct hdl_err err;
	char text[3] = "";
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], "ab", 2), 2);
	msg = file_message(fd[0]);
	assert_int_equal(hdl_channel_receive(&pair->worker, &got, &err), 0);
	assert_int_equal(hdl_channel_send(&pair->keeper, &msg, &err), 0);
	close(fd[0]);
	close(fd[1]);
	assert_int_equal(hdl_channel_receive(&pair->worker, &got, &err), 1);
	assert_int_equal(got.type, HDL_MSG_CONFIG_FILE);
	assert_int_equal(fcntl(got.fd[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(read(got.fd[0], text, 2), 2);
	assert_string_equal(text, "ab");
	hdl_msg_close_fds(&got);
	assert_int_equal(hdl_channel_receive(&pair->worker, &got, &err), 0);
}

/* What does not fit into the socket waits, keeps its order and its descriptors. */
static void test_waits_in_order(void **state)
{
	struct pair *pair = *state;
	unsigned int before = open_descriptors(), sent = 0, received = 0;
	struct hdl_err err;
	struct hdl_msg got;

	while (pair->keeper.queued < 20) {
		struct hdl_msg msg = { .type = HDL_MSG_CONFIG_BEGIN, .config_mark = { .sequence = sent } };
		int null_fd = open("/dev/null", O_RDONLY);

		assert_true(null_fd >= 0);
		if (sent % 2) {
			msg = file_message(null_fd);
			msg.config_file.kind = HDL_MSG_FILE_CONFIG;
		}
		assert_int_equal(hdl_channel_send(&pair->keeper, &msg, &err), 0);
		close(null_fd);
		sent++;
	}
	while (received < sent) {
		int r = hdl_channel_receive(&pair->worker, &got, &err);

		assert_true(r >= 0);
		if (r == 0) {
			assert_int_equal(hdl_channel_flush(&pair->keeper, &err), 0);
			continue;
		}
		if (received % 2)
			assert_int_equal(got.type, HDL_MSG_CONFIG_FILE);
		else
			assert_int_equal(got.config_mark.sequence, received);
		hdl_msg_close_fds(&got);
		received++;
	}
	assert_false(hdl_channel_waiting(&pair->keeper));
	assert_int_equal(open_descriptors(), before);
}

static void test_reader_that_does_not_read(void **state)
{
	struct pair *pair = *state;
	struct hdl_err err;
	int r = 0;

	for (unsigned int i = 0; i < 100000 && r == 0; i++)
		r = hdl_channel_send_plain(&pair->keeper, HDL_MSG_DRAIN, &err);
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(pair->keeper.queued, HDL_CHANNEL_QUEUE_MAX);
}

static void test_gone(void **state)
{
	struct pair *pair = *state;
	struct hdl_err err;
	struct hdl_msg got;

	assert_int_equal(hdl_channel_send_plain(&pair->worker, HDL_MSG_DRAINED, &err), 0);
	hdl_channel_done(&pair->worker);
	/* what was said before the end is still heard */
	assert_int_equal(hdl_channel_receive(&pair->keeper, &got, &err), 1);
	assert_int_equal(got.type, HDL_MSG_DRAINED);
	assert_int_equal(hdl_channel_receive(&pair->keeper, &got, &err), -EPIPE);
	assert_int_equal(hdl_channel_send_plain(&pair->keeper, HDL_MSG_DRAIN, &err), -EPIPE);
	hdl_channel_done(&pair->keeper);
	assert_int_equal(hdl_channel_send_plain(&pair->keeper, HDL_MSG_DRAIN, &err), -EPIPE);
}

/* Sends bytes that no encoder made, with n descriptors. */
static void send_raw(int to, const void *data, size_t size, unsigned int n)
{
	char space[CMSG_SPACE(sizeof(int) * 64)] = { 0 };
	struct iovec iov = { (void *)data, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n) {
		struct cmsghdr *c;

		msg.msg_control = space;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n);
		for (unsigned int i = 0; i < n; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &(int){ STDIN_FILENO }, sizeof(int));
	}
	assert_int_equal(sendmsg(to, &msg, 0), (ssize_t)size);
}

/* Malformed input is refused, and no descriptor that came with it stays open. */
static void test_malformed(void **state)
{
	struct pair *pair = *state;
	struct hdl_msg good = file_message(0), got;
	char wire[HDL_MSG_WIRE_MAX + 64] = { 0 };
	unsigned int before = open_descriptors();
	struct hdl_err err;
	int n = hdl_msg_encode(&good, HDL_MSG_TO_WORKER, wire, HDL_MSG_WIRE_MAX, &err);
	const struct {
		size_t size;
		unsigned int fds;
	} cases[] = {
		{ 1, 0 },         { 1, 16 },        { (size_t)n - 1, 1 }, { (size_t)n + 1, 1 }, { sizeof(wire), 1 },
		{ (size_t)n, 0 }, { (size_t)n, 2 }, { (size_t)n, 17 },    { (size_t)n, 40 },
	};

	assert_true(n > 0);
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		send_raw(pair->keeper.fd, wire, cases[i].size, cases[i].fds);
		if (hdl_channel_receive(&pair->worker, &got, &err) != -EPROTO)
			fail_msg("accepted: %zu bytes, %u descriptors", cases[i].size, cases[i].fds);
		assert_int_equal(open_descriptors(), before);
	}
	/* and the channel goes on */
	send_raw(pair->keeper.fd, wire, (size_t)n, 1);
	assert_int_equal(hdl_channel_receive(&pair->worker, &got, &err), 1);
	hdl_msg_close_fds(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_descriptor_passes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waits_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reader_that_does_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
