/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision core against an independent model (specification C.1 to C.7): random cases with what the core makes of
 * them go as lines of JSON to model.py, which judges them. CASES (200000) says how many decisions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rand.h"
#include "heddle/core/tables_user.h"
#include "heddle/core/outlier.h"
#include "heddle/core/pick.h"
#include "lb/maglev.h"
#include "lb/ring.h"
#include "lb/turns.h"

#define ENDPOINTS 64
#define SLOTS 8192
#define PICKS 250 /* of one world */
#define NOW 1000000000000ull
#define KEY_MAX 64

static struct hdl_health health[ENDPOINTS];
static struct hdl_balance balance[2];
static struct hdl_endpoint endpoint[ENDPOINTS];
static struct hdl_group group[HDL_GROUPS_MAX];
static struct hdl_ring_entry ring[SLOTS];
static __u32 slot[SLOTS];
static struct hdl_tables tables = { .health = health,
				    .balance = balance,
				    .slot = slot,
				    .health_count = ENDPOINTS,
				    .balance_count = 2,
				    .slot_count = SLOTS,
				    .endpoint = endpoint,
				    .group = group,
				    .ring = ring,
				    .group_count = HDL_GROUPS_MAX,
				    .ring_count = SLOTS };
static struct hdl_rand rnd;
static FILE *to;
static unsigned long decisions;

static uint32_t below(uint32_t limit)
{
	return (uint32_t)((hdl_rand_u64(&rnd) >> 32) * limit >> 32);
}

static void print_list(const char *name, const uint32_t *values, size_t n)
{
	fprintf(to, ",\"%s\":[", name);
	for (size_t i = 0; i < n; i++)
		fprintf(to, "%s%u", i ? "," : "", values[i]);
	fputc(']', to);
}

/* Weights that differ in every third world. */
static void draw_weights(uint32_t *weights, uint32_t n, bool differ)
{
	uint32_t all = 1 + below(9);

	for (uint32_t i = 0; i < n; i++)
		weights[i] = differ ? 1 + below(12) : all;
	print_list("weights", weights, n);
}

/* Endpoints 1 to n, some ejected; hosts of the model are ids less 1. */
static void scatter(uint32_t n, uint32_t percent)
{
	uint32_t out[ENDPOINTS], count = 0;

	memset(health, 0, sizeof(health));
	memset(balance, 0, sizeof(balance));
	for (uint32_t i = 0; i < n; i++) {
		endpoint[i + 1] = (struct hdl_endpoint){ .generation = 1, .weight = 1 };
		health[i + 1].generation = 1;
		if (below(100) >= percent)
			continue;
		health[i + 1].ejected_until_ns = NOW + 1 + below(100);
		out[count++] = i;
	}
	balance[1].ejected = count;
	print_list("out", out, count);
}

/* The host, or -1. */
static int picked(const struct hdl_cluster_version *v, const uint64_t *hash)
{
	struct hdl_pick pick = { .tables = &tables, .now_ns = NOW, .cluster = 1 };

	pick.random = hdl_rand_u64(&rnd);
	pick.has_hash = hash != NULL;
	pick.hash = hash ? *hash : 0;
	hdl_core_pick_from(&pick, v, HDL_FAMILY_V4);
	decisions++;
	return hdl_core_pick(&pick) == HDL_VERDICT_BALANCED ? (int)pick.endpoint - 1 : -1;
}

static void print_host(const char *before, int host)
{
	if (host < 0)
		fprintf(to, "%snull", before);
	else
		fprintf(to, "%s%d", before, host);
}

static struct hdl_cluster_version world(uint32_t n, uint8_t policy)
{
	struct hdl_cluster_version v = { .policy = policy, .endpoint_count = n, .healthy_count = n };

	for (uint32_t i = 0; i < n; i++)
		slot[i] = i + 1;
	v.member[HDL_FAMILY_V4].count = n;
	return v;
}

/* After the members; in place of indexes the ids. */
static void set_turns(struct hdl_cluster_version *v, const uint32_t *weights, uint32_t n)
{
	bool scaled;
	uint32_t count = hdl_turns_count(weights, n, SLOTS - ENDPOINTS, &scaled);

	v->turns[HDL_FAMILY_V4] = (struct hdl_range){ ENDPOINTS, count };
	if (count)
		assert_int_equal(hdl_turns_build(weights, n, SLOTS - ENDPOINTS, slot + ENDPOINTS), 0);
	for (uint32_t i = 0; i < count; i++)
		slot[ENDPOINTS + i]++;
}

static void pick_case(void)
{
	static const char *const names[] = { "least_request", "round_robin", "random" };
	uint8_t policy = (uint8_t)below(3);
	uint32_t n = 1 + below(12), weights[ENDPOINTS], active[ENDPOINTS] = { 0 };
	bool differ = below(3) == 0;
	struct hdl_cluster_version v = world(n, policy);

	v.min_health_percent = (uint8_t)(below(3) ? 0 : below(2) ? below(101) : 100 * below(n + 1) / n);
	fprintf(to, "{\"kind\":\"pick\",\"policy\":\"%s\",\"n\":%u,\"threshold\":%u", names[policy], n,
		v.min_health_percent);
	scatter(n, below(2) ? 0 : below(101));
	draw_weights(weights, n, differ);
	set_turns(&v, weights, n);
	for (uint32_t i = 0; i < n; i++) {
		endpoint[i + 1].weight = (__u16)weights[i];
		active[i] = v.turns[HDL_FAMILY_V4].count ? 0 : below(4);
		health[i + 1].active = active[i];
	}
	print_list("active", active, n);
	balance[1].turn = below(1000);
	fprintf(to, ",\"turn\":%llu,\"picks\":[", (unsigned long long)balance[1].turn);
	for (int i = 0; i < PICKS; i++)
		print_host(i ? "," : "", picked(&v, NULL));
	fputs("]}\n", to);
}

static void turns_case(void)
{
	uint32_t n = 2 + below(10), weights[ENDPOINTS], order[SLOTS];
	bool scaled;
	uint32_t count;

	fputs("{\"kind\":\"turns\"", to);
	for (uint32_t i = 0; i < n; i++)
		weights[i] = 1 + below(12);
	weights[0] += weights[0] == weights[1]; /* all equal have no order */
	print_list("weights", weights, n);
	count = hdl_turns_count(weights, n, SLOTS, &scaled);
	assert_int_equal(hdl_turns_build(weights, n, SLOTS, order), 0);
	print_list("order", order, count);
	fputs("}\n", to);
	decisions++;
}

struct hosts {
	char text[ENDPOINTS][KEY_MAX];
	const char *key[ENDPOINTS];
	uint32_t weights[ENDPOINTS], n;
};

static void draw_hosts(struct hosts *h)
{
	uint32_t from = below(200);

	h->n = 1 + below(8);
	fputs(",\"keys\":[", to);
	for (uint32_t i = 0; i < h->n; i++) {
		if (from % 4)
			snprintf(h->text[i], KEY_MAX, "10.0.%u.%u:%u", from, 1 + i, 8080 + from);
		else
			snprintf(h->text[i], KEY_MAX, "[fd00:0:%x::%x]:%u", from, 1 + i, 8080 + from);
		h->key[i] = h->text[i];
		fprintf(to, "%s\"%s\"", i ? "," : "", h->text[i]);
	}
	fputc(']', to);
	draw_weights(h->weights, h->n, below(2));
	scatter(h->n, below(2) ? 0 : below(101));
}

static void print_hashed(const struct hdl_cluster_version *v)
{
	fputs(",\"picks\":[", to);
	for (int i = 0; i < PICKS; i++) {
		uint64_t hash = hdl_rand_u64(&rnd) >> (below(8) ? 0 : below(64));

		fprintf(to, "%s[%llu", i ? "," : "", (unsigned long long)hash);
		print_host(",", picked(v, &hash));
		fputc(']', to);
	}
	fputs("]}\n", to);
}

static void ring_case(void)
{
	uint32_t minimum = 1 + below(600), maximum = below(4) ? 2000 : 1 + below(600), count;
	struct hdl_cluster_version v;
	struct hosts h;

	fprintf(to, "{\"kind\":\"ring\",\"minimum\":%u,\"maximum\":%u", minimum, maximum);
	draw_hosts(&h);
	v = world(h.n, HDL_POLICY_RING_HASH);
	assert_true(hdl_ring_room(h.weights, h.n, minimum, maximum) <= SLOTS);
	assert_int_equal(hdl_ring_build(h.key, h.weights, h.n, minimum, maximum, ring, &count), 0);
	fputs(",\"ring\":[", to);
	for (uint32_t i = 0; i < count; i++) {
		fprintf(to, "%s[%llu,%u]", i ? "," : "", (unsigned long long)ring[i].hash, ring[i].endpoint);
		ring[i].endpoint++;
	}
	fputc(']', to);
	v.table[HDL_FAMILY_V4].count = count;
	print_hashed(&v);
}

static void maglev_case(void)
{
	static const uint32_t sizes[] = { 2, 11, 251, 1021 };
	uint32_t size = sizes[below(4)];
	struct hdl_cluster_version v;
	struct hosts h;

	fprintf(to, "{\"kind\":\"maglev\",\"size\":%u", size);
	draw_hosts(&h);
	v = world(h.n, HDL_POLICY_MAGLEV);
	v.table[HDL_FAMILY_V4] = (struct hdl_range){ ENDPOINTS, size };
	assert_int_equal(hdl_maglev_build(h.key, h.weights, h.n, size, slot + ENDPOINTS), 0);
	print_list("table", slot + ENDPOINTS, size);
	for (uint32_t i = 0; i < size; i++)
		slot[ENDPOINTS + i]++;
	print_hashed(&v);
}

/* Groups of a few endpoints; some are unhealthy by discovery (they have no record), some ejected. */
static void group_case(void)
{
	struct hdl_cluster_version v = { .group = { 0, 1 + below(5) }, .min_health_percent = (__u8)below(101) };
	struct hdl_core_groups g = { .tables = &tables };
	uint32_t used = 0, ejected = 0;

	if (below(2))
		v.min_health_percent = 0;
	if (below(3) == 0)
		v.flags = HDL_CLUSTER_SHARES;
	fprintf(to, "{\"kind\":\"group\",\"threshold\":%u,\"shares\":%s,\"groups\":[", v.min_health_percent,
		v.flags ? "true" : "false");
	memset(health, 0, sizeof(health));
	memset(balance, 0, sizeof(balance));
	for (uint32_t i = 0; i < v.group.count; i++) {
		uint32_t n = below(12), percent = below(3) ? 0 : below(101), out = 0;
		struct hdl_group *row = &group[i];

		*row = (struct hdl_group){ .priority = i, .healthy_count = n };
		row->weight = v.flags ? below(100) : 0;
		row->endpoint_count = n + (below(3) ? 0 : below(5));
		row->member[HDL_FAMILY_V4] = (struct hdl_range){ used, n };
		for (uint32_t k = 0; k < n; k++, used++) {
			slot[used] = 1 + used;
			health[1 + used].ejected_until_ns = below(100) < percent ? NOW + 1 : 0;
			out += health[1 + used].ejected_until_ns != 0;
		}
		ejected += out;
		fprintf(to, "%s{\"total\":%u,\"unhealthy\":%u,\"weight\":%u}", i ? "," : "", row->endpoint_count,
			row->endpoint_count - n + out, row->weight);
	}
	balance[1].ejected = ejected;
	hdl_core_group_from(&g, &v, &balance[1], NOW, HDL_FAMILY_V4, 0);
	/* of 100, the last few are what divisions leave over */
	g.draw = below(4) ? hdl_rand_u64(&rnd) : 96 + below(4);
	fprintf(to, "],\"draw\":%llu", (unsigned long long)g.draw);
	hdl_core_group_choose(&g);
	print_host(",\"chosen\":", g.chosen == HDL_CORE_GROUP_NONE ? -1 : (int)g.chosen);
	fprintf(to, ",\"panic\":%u}\n", g.panic);
	decisions++;
}

static void print_event(struct hdl_outlier *o, uint32_t host)
{
	static const char *const names[] = { "response", "connect_failure", "connected",
					     "reset",    "timeout",         "connected_tcp" };
	static const uint32_t codes[] = { 200, 500, 503, 504, 502, 503, 404 };
	uint32_t event = below(6), code = codes[below(7)];
	struct hdl_health *at = &health[1 + host];
	int result;

	if (event == HDL_OUTLIER_CONNECT_OK || (event == HDL_OUTLIER_CONNECT_L4 && below(4)))
		event = HDL_OUTLIER_RESPONSE; /* or hardly anything would ever be ejected */
	o->health = at;
	result = hdl_core_outlier(o, event, code);
	fprintf(to, "[%llu,%u,\"%s\",%u,%d,%llu,[%u,%u,%u],%u]", (unsigned long long)o->now_ns, host, names[event],
		code, result, (unsigned long long)at->ejected_until_ns, at->consecutive_5xx, at->consecutive_gateway,
		at->consecutive_local_origin, balance[1].ejected);
	decisions++;
}

/* Everybody who comes by ends ejections that are over; here one does so before each event, as the sweep would. */
static void outlier_case(void)
{
	static const uint8_t percents[] = { 10, 33, 50, 100 };
	uint32_t hosts = 1 + below(6);
	struct hdl_outlier o = {
		.balance = &balance[1],
		.now_ns = NOW,
		.interval_ns = (1 + below(20)) * 500000000ull,
		.base_ejection_ns = (1 + below(400)) * 1000000000ull,
		.generation = 1,
		.endpoint_count = hosts,
		.consecutive_5xx = below(5),
		.consecutive_gateway = below(5),
		.consecutive_local_origin = below(4),
		.max_ejection_percent = percents[below(4)],
		.flags = (__u8)(HDL_CLUSTER_OUTLIER | (below(2) ? HDL_CLUSTER_SPLIT_LOCAL : 0)),
	};

	memset(health, 0, sizeof(health));
	memset(balance, 0, sizeof(balance));
	fprintf(to,
		"{\"kind\":\"outlier\",\"rules\":{\"hosts\":%u,\"interval\":%llu,\"base\":%llu,\"percent\":%u,\"5xx\":%u,"
		"\"gateway\":%u,\"local\":%u,\"split\":%s},\"events\":[",
		hosts, (unsigned long long)o.interval_ns, (unsigned long long)o.base_ejection_ns,
		o.max_ejection_percent, o.consecutive_5xx, o.consecutive_gateway, o.consecutive_local_origin,
		o.flags & HDL_CLUSTER_SPLIT_LOCAL ? "true" : "false");
	for (uint32_t i = 0; i < hosts; i++)
		health[1 + i].generation = 1;
	for (int i = 0; i < PICKS; i++) {
		o.now_ns += below(8) ? below(1000000000) : below(600) * 1000000000ull;
		for (uint32_t k = 0; k < hosts; k++)
			hdl_core_end_ejection(&health[1 + k], &balance[1], o.now_ns);
		fputs(i ? "," : "", to);
		print_event(&o, below(hosts));
	}
	fputs("]}\n", to);
}

static void agrees_with_the_model(void **state)
{
	const char *wanted = getenv("CASES"), *root = getenv("HDL_ROOT");
	unsigned long cases = wanted ? strtoul(wanted, NULL, 10) : 200000;
	char command[512];

	(void)state;
	hdl_rand_seed(&rnd, 20261121);
	/* what the model says goes to the log: on standard error it is not taken for results */
	snprintf(command, sizeof(command), "%s/tests/unit/lb/model.py 1>&2", root ? root : ".");
	to = popen(command, "w");
	assert_non_null(to);
	while (decisions < cases) {
		pick_case();
		outlier_case();
		if (below(4) == 0)
			ring_case();
		if (below(4) == 0)
			maglev_case();
		for (int i = 0; i < 8; i++)
			turns_case();
		for (int i = 0; i < PICKS; i++)
			group_case();
	}
	assert_int_equal(pclose(to), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
