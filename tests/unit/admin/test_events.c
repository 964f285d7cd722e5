/* SPDX-License-Identifier: Apache-2.0 */
/* Events of the kernel: names for their ids, the query of the list, and how many are sampled. */
#include "unit/unit.h"

#include "heddle/abi_verdict.h"
#include "unit/admin/scene.h"

static const struct hdl_dp_event_names nothing;

static struct hdl_event dialled(uint16_t port)
{
	return (struct hdl_event){ .version = HDL_EVENT_VERSION,
				   .kind = HDL_EVENT_VERDICT,
				   .protocol = 6,
				   .address = scene_v4(0x600010),
				   .port = __builtin_bswap16(port) };
}

static void test_names(void **state)
{
	struct scene *scene = *state;
	const struct hdl_ir_endpoint *endpoint = &scene->snapshot->clusters[1]->endpoints[0];
	struct hdl_dp_event_names names = nothing;
	struct hdl_event event = dialled(9080);

	/* what was dialled, and the rule that made the way */
	hdl_admin_event_names(scene->publisher, &event, &names);
	assert_string_equal(names.service, "reviews.demo.svc.cluster.local:9080");
	assert_string_equal(names.rule, "VirtualService demo/reviews vs.yaml:12");
	assert_string_equal(names.cluster, "");
	assert_string_equal(names.client, "");
	/* an ejection: the cluster, and the rule that ejects */
	names = nothing;
	event.kind = HDL_EVENT_EJECTED;
	event.endpoint = endpoint->id;
	event.generation = endpoint->generation;
	hdl_admin_event_names(scene->publisher, &event, &names);
	assert_string_equal(names.cluster, "outbound|9080|v1|reviews.demo.svc.cluster.local");
	assert_string_equal(names.rule, "DestinationRule demo/reviews dr.yaml:2");
	assert_string_equal(names.endpoint, "");
	/* another use of the id, ids out of range, and an address of nobody: no names */
	names = nothing;
	event = dialled(9081);
	event.endpoint = endpoint->id;
	event.generation = endpoint->generation + 1;
	event.workload = UINT32_MAX;
	hdl_admin_event_names(scene->publisher, &event, &names);
	assert_memory_equal(&names, &nothing, sizeof(names));
	event.endpoint = UINT32_MAX;
	event.protocol = 17;
	event.service = 1;
	hdl_admin_event_names(scene->publisher, &event, &names);
	assert_memory_equal(&names, &nothing, sizeof(names));
}

static void test_query(void **state)
{
	static const struct {
		const char *query;
		bool right;
		uint64_t after, limit;
	} cases[] = {
		{ "", true, UINT64_MAX, 100 },     { "limit=4096", true, UINT64_MAX, 4096 },
		{ "after=0&limit=1", true, 0, 1 }, { "after=9223372036854775807", true, INT64_MAX, 100 },
		{ "limit=4097", false, 0, 0 },     { "limit=-1", false, 0, 0 },
		{ "after=", false, 0, 0 },         { "after=9223372036854775808", false, 0, 0 },
		{ "after=x", false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t after, limit;

		if (hdl_admin_events_query(hdl_str_of(cases[i].query), &after, &limit) != cases[i].right)
			fail_msg("%s", cases[i].query);
		if (!cases[i].right)
			continue;
		assert_int_equal(after, cases[i].after);
		assert_int_equal(limit, cases[i].limit);
	}
}

static void test_sample(void **state)
{
	static const struct {
		const char *body;
		unsigned int status;
		uint32_t sample;
	} cases[] = {
		{ "{\"sample\": \"100\"}", 200, 100 },
		{ "{\"sample\": \"0\"}", 200, 0 },
		{ "{\"sample\": \"4294967295\"}", 200, ~0u },
		{ "{\"sample\": \"4294967296\"}", 400, ~0u },
		{ "{\"other\": \"1\"}", 400, ~0u },
		{ "{}", 400, ~0u },
		{ "", 400, ~0u },
		{ "{\"sample\": \"-1\"}", 400, ~0u },
	};
	struct scene *scene = *state;
	struct hdl_admin_view view = { .full = true, .maps = &scene->maps };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hdl_admin_answer answer = { .status = 200 };

		hdl_admin_event_sample(&view, hdl_str_of(cases[i].body), &answer);
		if (answer.status != cases[i].status || scene->maps.state->event_sample != cases[i].sample)
			fail_msg("%s: %u, %u", cases[i].body, answer.status, scene->maps.state->event_sample);
		hdl_buf_done(&answer.body);
	}
	/* without a kernel side nobody would tell */
	for (int i = 0; i < 2; i++) {
		struct hdl_admin_answer answer = { .status = 200 };

		view.full = i == 1;
		view.maps = i == 1 ? NULL : &scene->maps;
		hdl_admin_event_sample(&view, hdl_str_of("{\"sample\": \"1\"}"), &answer);
		assert_int_equal(answer.status, 503);
		hdl_buf_done(&answer.body);
	}
}

static void test_empty_list(void **state)
{
	struct scene *scene = *state;
	struct hdl_admin_view view = { .full = true, .maps = &scene->maps };
	struct hdl_dp_events *events;
	struct hdl_err err;

	assert_int_equal(hdl_dp_events_new(-1, &events, &err), 0);
	for (int i = 0; i < 2; i++) {
		struct hdl_buf buf = { 0 };
		struct hdl_jsonw w;

		view.events = i ? events : NULL;
		hdl_jsonw_init(&w, &buf, false);
		hdl_jsonw_object(&w);
		hdl_admin_json_events(&w, &view, i ? UINT64_MAX : 0, 10);
		hdl_jsonw_object_end(&w);
		assert_string_equal(buf.p, "{\"last\":0,\"lost\":0,\"sample\":0,\"events\":[]}");
		hdl_buf_done(&buf);
	}
	hdl_dp_events_free(events);
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { T(names), T(query), T(sample), T(empty_list) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
