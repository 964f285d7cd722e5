/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/why against user/admin/api.md: what is refused, and the explanation of the scene's service. */
#include "unit/admin/scene.h"

static unsigned int ask(struct scene *scene, const char *query, json_t **ret)
{
	struct hdl_admin_ops ops = scene_ops(scene);
	struct hdl_admin_request request = { .method = HDL_HTTP_GET,
					     .path = hdl_str_of("/api/v1/why"),
					     .query = hdl_str_of(query),
					     .body = hdl_str_of("") };
	struct hdl_admin_answer answer = { 0 };

	hdl_admin_route(&ops, &request, &answer);
	*ret = json_loads(answer.body.p, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(*ret);
	hdl_buf_done(&answer.body);
	return answer.status;
}

static const char *text_at(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	if (!text)
		fail_msg("no string %s", key);
	return text;
}

static void test_refused(void **state)
{
	static const struct {
		const char *query;
		unsigned int status;
	} cases[] = {
		{ "", 400 },
		{ "service=reviews:0", 400 },
		{ "service=reviews:x", 400 },
		{ "service=reviews:65536", 400 },
		{ "address=10.0.0.1", 400 },
		{ "service=reviews&header=x", 400 },
		{ "service=reviews&header=:x", 400 },
		{ "service=reviews&path=x", 400 },
		{ "service=reviews&path=%zz", 400 },
		{ "service=reviews&cookie=x", 400 },
		{ "service=reviews&verdict=256", 400 },
		{ "service=nobody", 404 },
		{ "service=reviews:1", 404 },
		{ "service=reviews&from=demo/nobody", 404 },
		{ "service=reviews&from=nobody", 404 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *json;
		unsigned int status = ask(*state, cases[i].query, &json);

		if (status != cases[i].status)
			fail_msg("%s: %u", cases[i].query, status);
		assert_true(text_at(json, "error")[0] != '\0');
		json_decref(json);
	}
}

static void test_service(void **state)
{
	static const char *const queries[] = {
		"service=reviews",         "service=reviews:9080",
		"service=reviews.demo",    "service=reviews.demo.svc.cluster.local",
		"address=10.96.0.16:9080",
	};

	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		const json_t *one;
		json_t *json;

		assert_int_equal(ask(*state, queries[i], &json), 200);
		assert_int_equal(json_array_size(json_object_get(json, "answers")), 1);
		one = json_array_get(json_object_get(json, "answers"), 0);
		assert_string_equal(text_at(one, "service"), "reviews.demo.svc.cluster.local:9080");
		assert_string_equal(text_at(one, "label"), "request");
		assert_string_equal(text_at(one, "verdict"), "punted_host");
		assert_int_equal(json_integer_value(json_object_get(json_object_get(one, "label_origin"), "line")), 12);
		json_decref(json);
	}
}

static void test_address_of_nobody(void **state)
{
	const json_t *one;
	json_t *json;

	assert_int_equal(ask(*state, "address=192.0.2.1:80", &json), 200);
	one = json_array_get(json_object_get(json, "answers"), 0);
	assert_string_equal(text_at(one, "type"), "address");
	assert_string_equal(text_at(one, "verdict"), "pass");
	json_decref(json);
}

/* What a socket's record says, with names: of an endpoint that is gone none. */
static void test_decided(void **state)
{
	const json_t *decided;
	json_t *json;

	assert_int_equal(
		ask(*state,
		    "address=10.96.0.16:9080&verdict=1&epoch=7&endpoint=9999&generation=1&to=10.0.0.1:9080&age_ms=5",
		    &json),
		200);
	decided = json_object_get(json, "decided");
	assert_string_equal(text_at(decided, "verdict"), "balanced");
	assert_string_equal(text_at(decided, "endpoint"), "10.0.0.1:9080");
	assert_int_equal(json_integer_value(json_object_get(decided, "epoch")), 7);
	assert_false(json_is_true(json_object_get(decided, "endpoint_in_force")));
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_refused, scene_setup, scene_teardown),
		cmocka_unit_test_setup_teardown(test_service, scene_setup, scene_teardown),
		cmocka_unit_test_setup_teardown(test_address_of_nobody, scene_setup, scene_teardown),
		cmocka_unit_test_setup_teardown(test_decided, scene_setup, scene_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
