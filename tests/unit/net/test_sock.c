/* SPDX-License-Identifier: Apache-2.0 */
/* Listening, connecting and accepting over both families, with addresses as the maps hold them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/addr.h"
#include "net/listen.h"

static void wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	assert_int_equal(poll(&p, 1, 5000), 1);
}

static void both_families(void **state)
{
	static const struct {
		const char *listen, *connect;
	} cases[] = { { "127.0.0.1", "127.0.0.1" }, { "::1", "::1" }, { "::", "127.0.0.1" }, { "::", "::1" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hdl_endpoint_addr at = { 0 }, to, peer, local;
		struct hdl_listen_options options = { .reuse_port = true };
		struct iovec out[2] = { { (void *)(uintptr_t) "ab", 2 }, { (void *)(uintptr_t) "c", 1 } };
		struct hdl_err err;
		int listener, client, server;
		char text[4] = { 0 };
		bool done;

		assert_int_equal(hdl_addr_parse(hdl_str_of(cases[i].listen), &at.address), 0);
		listener = hdl_listen(&at, &options, &err);
		if (listener == -EADDRNOTAVAIL) {
			print_message("no IPv6 here: case left out\n");
			continue;
		}
		assert_true(listener >= 0);
		assert_int_equal(hdl_sock_local(listener, &at), 0);
		assert_int_equal(hdl_addr_parse(hdl_str_of(cases[i].connect), &to.address), 0);
		to.port = at.port;
		assert_int_equal(hdl_sock_accept(listener, &peer), -EAGAIN);
		client = hdl_sock_connect(&to, &done);
		assert_true(client >= 0);
		wait_for(client, POLLOUT);
		assert_int_equal(hdl_sock_error(client), 0);
		wait_for(listener, POLLIN);
		server = hdl_sock_accept(listener, &peer);
		assert_true(server >= 0);
		assert_int_equal(hdl_sock_local(client, &local), 0);
		assert_true(hdl_addr_equal(&local.address, &peer.address));
		assert_int_equal(local.port, peer.port);
		assert_int_equal(hdl_sock_local(server, &local), 0);
		assert_true(hdl_addr_equal(&local.address, &to.address));
		assert_int_equal(hdl_sock_read(server, text, 3), -EAGAIN);
		assert_int_equal(hdl_sock_write(client, out, 2), 3);
		wait_for(server, POLLIN);
		assert_int_equal(hdl_sock_read(server, text, 3), 3);
		assert_string_equal(text, "abc");
		hdl_sock_abort(client);
		wait_for(server, POLLIN);
		assert_int_equal(hdl_sock_read(server, text, 3), -ECONNRESET);
		assert_int_equal(hdl_sock_write(server, out, 1), -EPIPE);
		close(server);
		close(listener);
	}
}

static void refused(void **state)
{
	struct hdl_endpoint_addr at = { 0 };
	struct hdl_listen_options options = { 0 };
	struct hdl_err err;
	int listener, fd;
	bool done;

	(void)state;
	assert_int_equal(hdl_addr_parse(HDL_STR("127.0.0.1"), &at.address), 0);
	listener = hdl_listen(&at, &options, &err);
	assert_true(listener >= 0);
	assert_int_equal(hdl_sock_local(listener, &at), 0);
	assert_int_equal(hdl_listen(&at, &options, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, "cannot listen on 127.0.0.1:"));
	close(listener);
	fd = hdl_sock_connect(&at, &done);
	if (fd >= 0) {
		wait_for(fd, POLLOUT);
		assert_int_equal(hdl_sock_error(fd), -ECONNREFUSED);
		close(fd);
	} else {
		assert_int_equal(fd, -ECONNREFUSED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_families),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
