/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between keeper and worker process (promise P4): each survives encoding, and whatever is malformed, too long, out
 * of range, of another version or meant for the other side is refused before anything is made of it.
 */
#include "unit/unit.h"
#include "heddled/msg.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include "heddled/options.h"

static struct hdl_msg setup_message(void)
{
	return (struct hdl_msg){ .type = HDL_MSG_SETUP,
				 .setup = { .packet_mark = 0x4ed00,
					    .packet_mask = 0xfffff,
					    .route_table = 1000,
					    .capacity_services = 10000,
					    .capacity_endpoints = 100000,
					    .drain_timeout_ms = 30000 } };
}

static struct hdl_msg file_message(void)
{
	struct hdl_msg msg = { .type = HDL_MSG_CONFIG_FILE, .fd_count = 1, .fd = { 7 } };

	hdl_msg_set_text(msg.config_file.path, sizeof(msg.config_file.path), "/etc/heddle/a.yaml");
	return msg;
}

static enum hdl_msg_side side_of(uint32_t type)
{
	return type < 64 ? HDL_MSG_TO_WORKER : HDL_MSG_TO_KEEPER;
}

static void test_round_trip(void **state)
{
	struct hdl_msg messages[] = {
		{ .type = HDL_MSG_HELLO, .hello = { .worker_count = 2, .keeper_pid = 11, .mode = HDL_MODE_PROXY } },
		{ .type = HDL_MSG_CONFIG_BEGIN, .config_mark = { .sequence = 3, .event_ns = 5, .partial = 1 } },
		file_message(),
		{ .type = HDL_MSG_MAPS, .maps.present = 5, .fd_count = 2, .fd = { 8, 9 } },
		{ .type = HDL_MSG_LISTENERS, .listeners = { 1, 2, { 0, 4000 } }, .fd_count = 1, .fd = { 3 } },
		{ .type = HDL_MSG_POD, .pod = { .netns_cookie = 77, .flags = HDL_MSG_POD_TC } },
		{ .type = HDL_MSG_DRAIN },
		{ .type = HDL_MSG_PING },
		{ .type = HDL_MSG_PONG },
		{ .type = HDL_MSG_STATE, .state.present = 2, .fd_count = 1, .fd = { 4 } },
		{ .type = HDL_MSG_STATE_WRITTEN },
		setup_message(),
		{ .type = HDL_MSG_PODS, .pods = { .count = 1, .more = 1, .address = { { .byte = { 1 } } } } },
		{ .type = HDL_MSG_GATEWAY_LISTEN, .gateway = { .port = 80 } },
		{ .type = HDL_MSG_FAILED, .failed = { 3, "because" } },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(messages); i++) {
		enum hdl_msg_side side = side_of(messages[i].type);
		char wire[HDL_MSG_WIRE_MAX], again[HDL_MSG_WIRE_MAX];
		struct hdl_msg back;
		struct hdl_err err;
		int n = hdl_msg_encode(&messages[i], side, wire, sizeof(wire), &err);

		if (n < 0)
			fail_msg("%s: %s", hdl_msg_name(messages[i].type), err.text);
		assert_int_equal(
			hdl_msg_decode(wire, (size_t)n, messages[i].fd, messages[i].fd_count, side, &back, &err), 0);
		assert_int_equal(back.type, messages[i].type);
		assert_int_equal(back.fd_count, messages[i].fd_count);
		for (unsigned int f = 0; f < back.fd_count; f++)
			assert_int_equal(back.fd[f], messages[i].fd[f]);
		assert_int_equal(hdl_msg_encode(&back, side, again, sizeof(again), &err), n);
		assert_memory_equal(wire, again, (size_t)n);
		/* never for the other side */
		assert_int_equal(hdl_msg_decode(wire, (size_t)n, messages[i].fd, messages[i].fd_count,
						side == HDL_MSG_TO_WORKER ? HDL_MSG_TO_KEEPER : HDL_MSG_TO_WORKER,
						&back, &err),
				 -EPROTO);
	}
}

static void test_every_type_is_named_and_fits(void **state)
{
	(void)state;
#define CHECK(number, name, side, body, min, max)                                                       \
	assert_string_equal(hdl_msg_name(number), #name);                                               \
	assert_true(sizeof(struct hdl_msg_header) + sizeof(struct hdl_msg_##body) <= HDL_MSG_WIRE_MAX); \
	assert_true((max) <= HDL_MSG_FDS_MAX);                                                          \
	assert_int_equal(side_of(number), HDL_MSG_##side);
	HDL_MSGS(CHECK)
#undef CHECK
	assert_null(hdl_msg_name(0));
	assert_null(hdl_msg_name(63));
	assert_null(hdl_msg_name(65535));
}

/* Every length but the right one, and a broken header. */
static void test_wire_form(void **state)
{
	struct hdl_msg msg = setup_message(), back = { .type = 4711 };
	char wire[HDL_MSG_WIRE_MAX] = { 0 };
	struct hdl_msg_header header;
	struct hdl_err err;
	int n = hdl_msg_encode(&msg, HDL_MSG_TO_KEEPER, wire, sizeof(wire), &err);

	(void)state;
	assert_true(n > 0);
	for (size_t length = 0; length <= sizeof(wire); length++)
		if (length != (size_t)n)
			assert_int_equal(hdl_msg_decode(wire, length, NULL, 0, HDL_MSG_TO_KEEPER, &back, &err),
					 -EPROTO);
	memcpy(&header, wire, sizeof(header));
	for (unsigned int i = 0; i < 4; i++) {
		struct hdl_msg_header broken = header;

		if (i == 0)
			broken.version++;
		else if (i == 1)
			broken.type = 9999;
		else if (i == 2)
			broken.body_bytes++;
		else
			broken.type = HDL_MSG_PODS;
		memcpy(wire, &broken, sizeof(broken));
		assert_int_equal(hdl_msg_decode(wire, (size_t)n, NULL, 0, HDL_MSG_TO_KEEPER, &back, &err), -EPROTO);
	}
	assert_int_equal(back.type, 4711);
	assert_int_equal(hdl_msg_encode(&msg, HDL_MSG_TO_KEEPER, wire, (size_t)n - 1, &err), -EINVAL);
	msg.type = 9999;
	assert_int_equal(hdl_msg_encode(&msg, HDL_MSG_TO_KEEPER, wire, sizeof(wire), &err), -EINVAL);
}

static void refuse(const struct hdl_msg *msg, const char *what)
{
	char wire[HDL_MSG_WIRE_MAX];
	struct hdl_err err;

	if (hdl_msg_encode(msg, side_of(msg->type), wire, sizeof(wire), &err) != -EINVAL)
		fail_msg("accepted: %s", what);
}

#define REFUSE(message, change)             \
	do {                                \
		struct hdl_msg m = message; \
		change;                     \
		refuse(&m, #change);        \
	} while (0)

static void test_content(void **state)
{
	struct hdl_msg hello = { .type = HDL_MSG_HELLO, .hello.worker_count = 1 };
	struct hdl_msg maps = { .type = HDL_MSG_MAPS, .maps.present = 1, .fd_count = 1 };
	struct hdl_msg listeners = { .type = HDL_MSG_LISTENERS, .listeners.present = 1, .fd_count = 1 };
	struct hdl_msg pods = { .type = HDL_MSG_PODS };
	struct hdl_msg gateway = { .type = HDL_MSG_GATEWAY_LISTEN, .gateway.port = 80 };
	struct hdl_msg socket = { .type = HDL_MSG_GATEWAY_SOCKET, .gateway.port = 80, .fd_count = 1 };
	struct hdl_msg interfaces = { .type = HDL_MSG_INTERFACES };
	struct hdl_msg edge = { .type = HDL_MSG_EDGE, .edge.port_first = 1024, .edge.port_last = 65535 };
	struct hdl_msg path = { .type = HDL_MSG_ACCESS_LOG_PATH };
	struct hdl_msg failed = { .type = HDL_MSG_FAILED, .failed.status = 1 };
	struct hdl_msg pod = { .type = HDL_MSG_POD };
	struct hdl_msg begin = { .type = HDL_MSG_CONFIG_BEGIN };
	struct hdl_msg kept = { .type = HDL_MSG_STATE, .state.present = 3, .fd_count = 2 };

	(void)state;
	REFUSE(hello, m.hello.mode = 2);
	REFUSE(hello, m.hello.worker_count = 0);
	REFUSE(hello, m.hello.worker_count = HDL_WORKERS_MAX + 1);
	REFUSE(hello, memset(m.hello.access_log, 'x', sizeof(m.hello.access_log)));
	REFUSE(file_message(), m.config_file.path[0] = '\0');
	REFUSE(file_message(), memset(m.config_file.path, 'x', sizeof(m.config_file.path)));
	REFUSE(file_message(), m.config_file.error = 2);
	REFUSE(file_message(), m.config_file.same = 1);
	REFUSE(file_message(), m.fd_count = 0);
	REFUSE(file_message(), m.fd_count = 2);
	REFUSE(file_message(), m.config_file.gone = 1);
	REFUSE(begin, m.config_mark.partial = 2);
	REFUSE(kept, m.state.present = 7);
	REFUSE(kept, m.fd_count = 1);
	REFUSE(kept, m.state.present = 1);
	REFUSE(maps, m.maps.present = 3);
	REFUSE(maps, m.maps.present = 1u << HDL_MSG_MAP_FDS);
	REFUSE(listeners, m.listeners.worker = HDL_WORKERS_MAX);
	REFUSE(listeners, m.listeners.present = 4);
	REFUSE(pods, m.pods.count = HDL_MSG_PODS_MAX + 1);
	REFUSE(pods, m.pods.count = 1); /* an address of zeroes */
	REFUSE(pods, m.pods.first = HDL_MSG_POD_ADDRESSES_MAX + 1);
	REFUSE(pods, m.pods.first = UINT32_MAX);
	REFUSE(gateway, m.gateway.port = 0);
	REFUSE(gateway, m.gateway.worker = 1);
	REFUSE(gateway, m.fd_count = 1);
	REFUSE(socket, m.gateway.worker = HDL_WORKERS_MAX);
	REFUSE(socket, m.gateway.error = 98);
	REFUSE(socket, m.fd_count = 0);
	REFUSE(interfaces, m.interfaces.count = HDL_MSG_PATTERNS_MAX + 1);
	REFUSE(interfaces, m.interfaces.count = 1);
	REFUSE(edge, m.edge.count = 1); /* an empty name */
	REFUSE(edge, m.edge.count = HDL_MSG_EDGES_MAX + 1);
	REFUSE(edge, m.edge.xdp = HDL_MSG_XDP_OFF + 1);
	REFUSE(edge, m.edge.port_first = 1023);
	REFUSE(edge, m.edge.port_last = 1023);
	REFUSE(edge, (m.edge.count = 1, memset(m.edge.name[0], 'x', sizeof(m.edge.name[0]))));
	REFUSE(path, memset(m.access_log.path, 'x', sizeof(m.access_log.path)));
	REFUSE(path, m.access_log.error = 1);
	REFUSE(failed, m.failed.status = 0);
	REFUSE(failed, memset(m.failed.text, 'x', sizeof(m.failed.text)));
	REFUSE(pod, m.pod.netns_cookie = 0);
	REFUSE(setup_message(), m.setup.packet_mark = 0);
	REFUSE(setup_message(), m.setup.packet_mark = 0x100000);
	REFUSE(setup_message(), m.setup.packet_mask = 0);
	REFUSE(setup_message(), m.setup.route_table = 0);
	REFUSE(setup_message(), m.setup.route_table = 254);
	REFUSE(setup_message(), m.setup.capacity_endpoints = 1u << 25);
	REFUSE(setup_message(), m.setup.drain_timeout_ms = 3600001);
	REFUSE(setup_message(), m.setup.sockmap = 2);
}

static void test_text(void **state)
{
	char field[4];

	(void)state;
	assert_int_equal(hdl_msg_set_text(field, sizeof(field), "abc"), 0);
	assert_string_equal(field, "abc");
	assert_int_equal(hdl_msg_set_text(field, sizeof(field), "abcd"), -ENAMETOOLONG);
	assert_string_equal(field, "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_every_type_is_named_and_fits),
		cmocka_unit_test(test_wire_form),  cmocka_unit_test(test_content),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
