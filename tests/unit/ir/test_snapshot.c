/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: look-ups by service address, pod address and cluster name; what they own goes with the last reference. */
#include "unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "ir/snapshot.h"

static struct hdl_addr addr(const char *text)
{
	struct hdl_addr a;

	assert_int_equal(hdl_addr_parse(hdl_str_of(text), &a), 0);
	return a;
}

static int freed;
static char order[8];

static void count_free(void *object)
{
	order[freed++] = *(char *)object;
}

static void ownership(void **state)
{
	struct hdl_snapshot *s = hdl_snapshot_new();
	char a = 'a', b = 'b';

	(void)state;
	freed = 0;
	assert_non_null(s);
	assert_int_equal(hdl_snapshot_own(s, &a, count_free), 0);
	assert_int_equal(hdl_snapshot_own(s, &b, count_free), 0);
	assert_ptr_equal(hdl_snapshot_ref(s), s);
	assert_null(hdl_snapshot_unref(s));
	assert_int_equal(freed, 0);
	assert_null(hdl_snapshot_unref(s));
	assert_int_equal(freed, 2);
	assert_memory_equal(order, "ba", 2);
	assert_null(hdl_snapshot_unref(NULL));
}

/* An empty snapshot answers every question with nothing. */
static void empty(void **state)
{
	struct hdl_snapshot *s = hdl_snapshot_new();
	struct hdl_addr zero = { 0 }, some = addr("10.0.0.1");

	(void)state;
	assert_int_equal(hdl_snapshot_seal(s), 0);
	assert_null(hdl_snapshot_find_vip(s, &some, 80));
	assert_null(hdl_snapshot_find_workload(s, &zero));
	assert_null(hdl_snapshot_find_cluster(s, ""));
	hdl_snapshot_unref(s);
}

#define MANY 5000

/* Many of each, so that chains of the hash tables are walked. */
static void look_ups(void **state)
{
	static struct hdl_ir_service service[MANY];
	static struct hdl_ir_service_port port[MANY][2];
	static struct hdl_addr address[MANY][2];
	static struct hdl_ir_workload workload[MANY];
	static struct hdl_ir_cluster cluster[MANY];
	static struct hdl_ir_service *services[MANY];
	static struct hdl_ir_workload *workloads[MANY];
	static struct hdl_ir_cluster *clusters[MANY];
	static char name[MANY][32];
	struct hdl_snapshot *s = hdl_snapshot_new();
	struct hdl_addr none = addr("192.0.2.1");

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		char text[64];

		snprintf(text, sizeof(text), "10.1.%u.%u", i / 250, i % 250);
		address[i][0] = addr(text);
		snprintf(text, sizeof(text), "fd96::%x", i + 1);
		address[i][1] = addr(text);
		port[i][0].port = 80;
		port[i][1].port = 8080;
		port[i][0].service = port[i][1].service = &service[i];
		service[i] = (struct hdl_ir_service){
			.addresses = address[i], .address_count = 2, .ports = port[i], .port_count = 2
		};
		services[i] = &service[i];
		workload[i].address[HDL_FAMILY_V4] = address[i][0];
		workload[i].address[HDL_FAMILY_V6] = i % 2 ? address[i][1] : (struct hdl_addr){ 0 };
		workloads[i] = &workload[i];
		snprintf(name[i], sizeof(name[i]), "outbound|80||s%04u", i);
		cluster[i].name = name[i];
		clusters[i] = &cluster[i];
	}
	s->services = services;
	s->workloads = workloads;
	s->clusters = clusters;
	s->service_count = s->workload_count = s->cluster_count = MANY;
	assert_int_equal(hdl_snapshot_seal(s), 0);
	for (unsigned i = 0; i < MANY; i++) {
		assert_ptr_equal(hdl_snapshot_find_vip(s, &address[i][0], 80), &port[i][0]);
		assert_ptr_equal(hdl_snapshot_find_vip(s, &address[i][1], 8080), &port[i][1]);
		assert_null(hdl_snapshot_find_vip(s, &address[i][0], 81));
		assert_null(hdl_snapshot_find_udp(s, &address[i][0], 80));
		assert_ptr_equal(hdl_snapshot_find_workload(s, &address[i][0]), &workload[i]);
		assert_ptr_equal(hdl_snapshot_find_workload(s, &address[i][1]), i % 2 ? &workload[i] : NULL);
		assert_ptr_equal(hdl_snapshot_find_cluster(s, name[i]), &cluster[i]);
	}
	assert_null(hdl_snapshot_find_vip(s, &none, 80));
	assert_null(hdl_snapshot_find_workload(s, &none));
	assert_null(hdl_snapshot_find_cluster(s, "outbound|80||s"));
	hdl_snapshot_unref(s);
}

/* One number of TCP and of UDP, external addresses, NodePorts: each place is of one port. */
static void places(void **state)
{
	struct hdl_addr own[] = { addr("10.0.0.1") }, external[] = { addr("192.0.2.1") }, node = addr("172.16.0.9");
	struct hdl_addr second = addr("10.0.0.2");
	struct hdl_ir_service services[2];
	struct hdl_ir_service_port ports[3] = {
		{ .service = &services[0], .port = 53, .node_port = 30053, .protocol = HDL_IR_UDP },
		{ .service = &services[0], .port = 53, .node_port = 30053, .protocol = HDL_IR_TCP },
		{ .service = &services[1], .port = 80, .protocol = HDL_IR_TCP },
	};
	struct hdl_ir_service *list[] = { &services[0], &services[1] };
	struct hdl_snapshot *s = hdl_snapshot_new();
	struct hdl_addr zero = { 0 };

	(void)state;
	services[0] = (struct hdl_ir_service){ .addresses = own,
					       .address_count = 1,
					       .external_addresses = external,
					       .external_address_count = 1,
					       .ports = ports,
					       .port_count = 2 };
	services[1] = (struct hdl_ir_service){
		.addresses = &second, .address_count = 1, .ports = &ports[2], .port_count = 1
	};
	s->services = list;
	s->service_count = 2;
	assert_int_equal(hdl_snapshot_seal(s), 0);
	assert_ptr_equal(hdl_snapshot_find_udp(s, &own[0], 53), &ports[0]);
	assert_ptr_equal(hdl_snapshot_find_vip(s, &own[0], 53), &ports[1]);
	assert_ptr_equal(hdl_snapshot_find_udp(s, &external[0], 53), &ports[0]);
	assert_ptr_equal(hdl_snapshot_find_vip(s, &external[0], 53), &ports[1]);
	assert_ptr_equal(hdl_snapshot_find_udp(s, &zero, 30053), &ports[0]);
	assert_ptr_equal(hdl_snapshot_find_vip(s, &zero, 30053), &ports[1]);
	assert_null(hdl_snapshot_find_vip(s, &zero, 53));
	assert_null(hdl_snapshot_find_vip(s, &zero, 0));
	assert_null(hdl_snapshot_find_udp(s, &second, 80));
	assert_ptr_equal(hdl_snapshot_find_dialled(s, &own[0], 53), &ports[1]);
	assert_ptr_equal(hdl_snapshot_find_dialled(s, &node, 30053), &ports[1]);
	assert_null(hdl_snapshot_find_dialled(s, &node, 53));
	hdl_snapshot_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ownership),
		cmocka_unit_test(empty),
		cmocka_unit_test(look_ups),
		cmocka_unit_test(places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
