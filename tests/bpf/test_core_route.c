// SPDX-License-Identifier: Apache-2.0
/* Weighted destinations and hashes of addresses in both builds of the decision core (specification C.3, C.9). */
#include "tests/bpf/core_scene.h"

/* Exact shares: a weight of 0 never wins, the last row always takes what is left, shares are right to 2^-32. */
static void weights_are_exact(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint64_t weight[8], sum[9] = { 0 }, total, before = 0;
		uint32_t n = 1 + below(8);

		for (uint32_t i = 0; i < n; i++) {
			weight[i] = below(3) ? below(1u << (1 + below(28))) : 0;
			sum[i + 1] = sum[i] + weight[i];
		}
		if (sum[n] == 0)
			continue;
		total = sum[n];
		for (uint32_t i = 0; i < n; i++) {
			uint64_t threshold = hdl_core_threshold(sum[i + 1], total);
			__int128 share = (__int128)(threshold - before) * total, exact = (__int128)weight[i] << 32;

			assert_true(threshold >= before);
			assert_true(weight[i] != 0 || threshold == before);
			assert_true(share - exact < (__int128)total && exact - share < (__int128)total);
			before = threshold;
		}
		assert_true(before == 1ull << 32);
		assert_true(hdl_core_takes(before, 0xffffffffu) && !hdl_core_takes(0, 0));
	}
}

/* Every draw that matters of some weights, through both builds: the first and last of each row. */
static void weights_at_their_borders(void **state)
{
	static const uint32_t weight[] = { 0, 90, 0, 10, 0, 7, 0 };
	uint64_t sum = 0, before = 0;
	__u32 n = 0;

	(void)state;
	for (__u32 i = 0; i < 7; i++) {
		sum += weight[i];
		rows[i] = (struct hdl_route_row){ .threshold = hdl_core_threshold(sum, 107), .cluster = i };
	}
	for (__u32 i = 0; i < 7; before = rows[i++].threshold) {
		if (weight[i] == 0)
			continue;
		for (int last = 0; last < 2; last++)
			cases[n++] = (struct hdl_case){
				.kind = HDL_CASE_ROUTE,
				.route_count = 7,
				.argument = { 0, i, last ? rows[i].threshold - 1 : before },
			};
	}
	compare(n, 1);
	for (__u32 i = 0; i < n; i++)
		assert_int_equal(cases[i].result, cases[i].argument[1]);
}

/* Specification C.3: xxHash64, seed 0, of what inet_ntop prints; the published vector among them. */
static void address_hash_is_xxh64_of_text(void **state)
{
	static const char *const texts[] = { "192.168.1.10",
					     "0.0.0.1",
					     "255.255.255.255",
					     "::",
					     "::1",
					     "1::",
					     "fd00::1",
					     "2001:db8:0:1:1:1:1:1",
					     "2001:0:0:1::1",
					     "::1.2.3.4",
					     "::2:0:0:0:0",
					     "1:0:0:2:0:0:0:3",
					     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
					     "0:1::" };
	char text[INET6_ADDRSTRLEN];
	__u32 n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++, n++) {
		struct in_addr v4;

		memset(&cases[n], 0, sizeof(cases[n]));
		cases[n].kind = HDL_CASE_HASH;
		if (inet_pton(AF_INET, texts[i], &v4) == 1)
			cases[n].address = hdl_addr_from_v4(v4.s_addr);
		else
			assert_int_equal(inet_pton(AF_INET6, texts[i], &cases[n].address), 1);
	}
	for (; n < HDL_CASE_BATCH; n++) {
		memset(&cases[n], 0, sizeof(cases[n]));
		cases[n].kind = HDL_CASE_HASH;
		make_hash(&cases[n]);
	}
	compare(n, 1);
	assert_int_equal(cases[0].result, 0xa9a745ddd278c452ull);
	for (__u32 i = 0; i < n; i++) {
		if (hdl_addr_is_v4(&cases[i].address))
			inet_ntop(AF_INET, &cases[i].address.word[3], text, sizeof(text));
		else
			inet_ntop(AF_INET6, &cases[i].address, text, sizeof(text));
		assert_int_equal(cases[i].result, XXH64(text, strlen(text), 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights_are_exact),
		cmocka_unit_test(weights_at_their_borders),
		cmocka_unit_test(address_hash_is_xxh64_of_text),
	};

	hdl_test_need_bpf();
	return cmocka_run_group_tests(tests, setup, teardown);
}
