/* SPDX-License-Identifier: Apache-2.0 */
/* Admin pages against user/admin/api.md: routing, methods, who may change things, and the JSON of each path. */
#include "unit/admin/scene.h"
#include "health/outlier.h"

#include <stdio.h>

/* One request; the status. The body is in *ret_body for the caller to free. */
static unsigned int ask(struct scene *scene, enum hdl_http_method method, const char *target, const char *body,
			bool trusted, char **ret_body)
{
	struct hdl_admin_ops ops = scene_ops(scene);
	const char *query = strchr(target, '?');
	struct hdl_admin_request request = { .method = method,
					     .path = { target, query ? (size_t)(query - target) : strlen(target) },
					     .query = hdl_str_of(query ? query + 1 : ""),
					     .body = hdl_str_of(body),
					     .trusted = trusted,
					     .call = 42 };
	struct hdl_admin_answer answer = { 0 };

	hdl_admin_route(&ops, &request, &answer);
	assert_false(answer.body.failed);
	assert_non_null(answer.type);
	if (ret_body)
		*ret_body = strdup(answer.body.p ? answer.body.p : "");
	hdl_buf_done(&answer.body);
	return answer.later ? 0 : answer.status;
}

static unsigned int status(struct scene *scene, enum hdl_http_method method, const char *target, bool trusted)
{
	return ask(scene, method, target, "", trusted, NULL);
}

/* A GET that must answer 200 with JSON. */
static json_t *get(struct scene *scene, const char *target)
{
	json_error_t error;
	json_t *json;
	char *body;

	assert_int_equal(ask(scene, HDL_HTTP_GET, target, "", false, &body), 200);
	json = json_loads(body, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		fail_msg("%s: %s in %s", target, error.text, body);
	free(body);
	return json;
}

static const char *text_at(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	if (!text)
		fail_msg("no string %s", key);
	return text;
}

static long long number_at(const json_t *json, const char *key)
{
	if (!json_is_integer(json_object_get(json, key)))
		fail_msg("no number %s", key);
	return json_integer_value(json_object_get(json, key));
}

static const json_t *row(const json_t *json, const char *list, size_t i)
{
	const json_t *found = json_array_get(json_object_get(json, list), i);

	if (!found)
		fail_msg("no %s[%zu]", list, i);
	return found;
}

static void test_routing(void **state)
{
	static const struct {
		enum hdl_http_method method;
		const char *target;
		bool trusted;
		unsigned int status; /* 0: answers later */
	} cases[] = {
		{ HDL_HTTP_GET, "/", false, 200 },
		{ HDL_HTTP_HEAD, "/", false, 200 },
		{ HDL_HTTP_GET, "/ready", false, 200 },
		{ HDL_HTTP_GET, "/metrics", false, 200 },
		{ HDL_HTTP_GET, "/stats/prometheus", false, 200 },
		{ HDL_HTTP_GET, "/clusters", false, 200 },
		{ HDL_HTTP_GET, "/listeners", false, 200 },
		{ HDL_HTTP_GET, "/config_dump", false, 200 },
		{ HDL_HTTP_GET, "/api/v1/status", false, 200 },
		{ HDL_HTTP_GET, "/api/v1/proxy-status", false, 200 },
		{ HDL_HTTP_GET, "/api/v1/wait", false, 200 },
		{ HDL_HTTP_GET, "/api/v1/maps", false, 200 },
		{ HDL_HTTP_GET, "/api/v1/maps/nonsense", false, 404 },
		{ HDL_HTTP_GET, "/api/v1/maps/vip?offset=x", false, 400 },
		{ HDL_HTTP_GET, "/api/v1/routes?port=x", false, 400 },
		{ HDL_HTTP_GET, "/nonsense", false, 404 },
		{ HDL_HTTP_GET, "/ready/", false, 404 },
		{ HDL_HTTP_POST, "/ready", true, 405 },
		{ HDL_HTTP_DELETE, "/api/v1/status", true, 405 },
		{ HDL_HTTP_GET, "/api/v1/reload", true, 405 },
		/* 127.0.0.1 is open to every local user */
		{ HDL_HTTP_POST, "/api/v1/reload", false, 403 },
		{ HDL_HTTP_POST, "/api/v1/drain", false, 403 },
		{ HDL_HTTP_POST, "/api/v1/endpoint/eject", false, 403 },
		{ HDL_HTTP_POST, "/api/v1/reload", true, 0 },
		{ HDL_HTTP_POST, "/api/v1/drain", true, 202 },
		{ HDL_HTTP_POST, "/api/v1/endpoint/eject", true, 400 },
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		unsigned int got = status(scene, cases[i].method, cases[i].target, cases[i].trusted);

		if (got != cases[i].status)
			fail_msg("%s: %u", cases[i].target, got);
	}
	assert_int_equal(scene->reload_call, 42);
	assert_int_equal(scene->drains, 1);
	scene->reload_result = -1;
	assert_int_equal(status(scene, HDL_HTTP_POST, "/api/v1/reload", true), 503);
}

static void test_states(void **state)
{
	struct scene *scene = *state;
	char *body;

	scene->state = HDL_ADMIN_STARTING;
	assert_int_equal(status(scene, HDL_HTTP_GET, "/ready", false), 503);
	assert_int_equal(ask(scene, HDL_HTTP_GET, "/api/v1/wait", "", false, &body), 503);
	assert_non_null(strstr(body, "\"ready\": false"));
	free(body);
	scene->state = HDL_ADMIN_DRAINING;
	assert_int_equal(ask(scene, HDL_HTTP_GET, "/ready", "", false, &body), 503);
	assert_string_equal(body, "DRAINING\n");
	free(body);
}

/* Before the first publication no page may fall over what is not there yet. */
static void test_nothing_yet(void **state)
{
	static const char *const targets[] = { "/metrics",          "/clusters",      "/listeners",
					       "/config_dump",      "/api/v1/status", "/api/v1/proxy-status",
					       "/api/v1/listeners", "/api/v1/routes", "/api/v1/clusters",
					       "/api/v1/endpoints", "/api/v1/maps",   "/api/v1/diagnostics" };
	struct scene empty = { .now_ns = 5 };

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(targets); i++)
		assert_int_equal(status(&empty, HDL_HTTP_GET, targets[i], false), 200);
	assert_int_equal(status(&empty, HDL_HTTP_GET, "/api/v1/maps/vip", false), 503);
	assert_int_equal(
		ask(&empty, HDL_HTTP_POST, "/api/v1/endpoint/eject", "{\"address\":\"1.2.3.4:5\"}", true, NULL), 404);
}

static void test_listeners_and_routes(void **state)
{
	json_t *json = get(*state, "/api/v1/listeners");
	const json_t *r = row(json, "listeners", 0);

	assert_int_equal(number_at(json, "epoch"), 1);
	assert_string_equal(text_at(r, "service"), "reviews.demo.svc.cluster.local");
	assert_string_equal(json_string_value(json_array_get(json_object_get(r, "addresses"), 0)), "10.96.0.16");
	assert_string_equal(text_at(r, "label"), "request");
	assert_string_equal(text_at(r, "reason"), "rules about \"requests\"");
	assert_string_equal(text_at(r, "destination"), "Route: 9080");
	assert_string_equal(text_at(r, "match"), "App: HTTP");
	assert_int_equal(number_at(json_object_get(r, "origin"), "line"), 12);
	json_decref(json);
	json = get(*state, "/api/v1/routes");
	r = row(json, "routes", 0);
	assert_string_equal(text_at(r, "match"), "/admin*");
	assert_string_equal(json_string_value(json_array_get(json_object_get(r, "conditions"), 0)),
			    "header x-role exact \"admin\"");
	assert_string_equal(text_at(r, "virtual_service"), "reviews.demo");
	assert_string_equal(text_at(r, "route"), "canary");
	assert_int_equal(number_at(r, "timeout_ms"), 250);
	assert_int_equal(number_at(r, "retries"), 2);
	assert_false(json_is_true(json_object_get(row(r, "destinations", 1), "known")));
	json_decref(json);
	/* filters */
	json = get(*state, "/api/v1/routes?name=9081");
	assert_int_equal(json_array_size(json_object_get(json, "routes")), 0);
	json_decref(json);
	json = get(*state, "/api/v1/clusters?subset=v1");
	assert_int_equal(json_array_size(json_object_get(json, "clusters")), 1);
	assert_string_equal(text_at(row(json, "clusters", 0), "destination_rule"), "reviews.demo");
	json_decref(json);
	json = get(*state, "/api/v1/endpoints?fqdn=reviews.demo.svc.cluster.local&port=9080");
	assert_int_equal(json_array_size(json_object_get(json, "endpoints")), 3);
	json_decref(json);
}

/* Rows of views: who gets a port otherwise, and who gets nothing. */
static void test_listeners_of_views(void **state)
{
	struct scene *scene = *state;
	const struct hdl_ir_service_port *all = scene->snapshot->service_ports[0];
	struct hdl_ir_subnet net = { scene_v4(0), 120 };
	struct hdl_ir_label label = { "app", "x" };
	struct hdl_ir_l4_match match = {
		.subnets = &net, .subnet_count = 1, .source_labels = { &label, 1 }, .source_namespace = "b"
	};
	struct hdl_ir_l4_route rule = { .matches = &match, .match_count = 1 };
	struct hdl_ir_service_port own = *all;
	struct hdl_ir_view_port ports[2] = { { all, &own }, { all, NULL } };
	struct hdl_ir_view a = { .ns = "a", .name = "", .ports = &ports[0], .port_count = 1, .selector = { &label, 1 } };
	struct hdl_ir_view b = { .ns = "b", .name = "s", .ports = &ports[1], .port_count = 1 };
	const struct hdl_ir_view *views[] = { &a, &b };
	const json_t *r;
	json_t *json;

	own.label = HDL_LABEL_L4;
	own.l4_routes = &rule;
	own.l4_route_count = 1;
	scene->snapshot->views = views;
	scene->snapshot->view_count = 2;
	json = get(scene, "/api/v1/listeners?from=a");
	assert_int_equal(json_array_size(json_object_get(json, "listeners")), 1);
	r = row(json, "listeners", 0);
	assert_string_equal(text_at(r, "from"), "a");
	assert_string_equal(text_at(r, "label"), "l4");
	assert_string_equal(json_string_value(json_array_get(json_object_get(r, "labels"), 0)), "app=x");
	assert_string_equal(json_string_value(json_array_get(json_object_get(r, "address_kinds"), 0)), "service");
	r = json_array_get(json_object_get(row(r, "rules", 0), "match"), 0);
	assert_string_equal(json_string_value(json_array_get(r, 0)), "10.0.0.0/24");
	assert_string_equal(json_string_value(json_array_get(r, 1)), "source label app=x");
	assert_string_equal(json_string_value(json_array_get(r, 2)), "source namespace b");
	json_decref(json);
	json = get(scene, "/api/v1/listeners?from=b");
	r = row(json, "listeners", 0);
	assert_string_equal(text_at(r, "sidecar"), "s");
	assert_string_equal(text_at(r, "label"), "none");
	assert_string_equal(text_at(r, "destination"), "none");
	json_decref(json);
	scene->snapshot->views = NULL;
	scene->snapshot->view_count = 0;
}

static void test_eject_and_restore(void **state)
{
	static const struct {
		const char *action, *body;
		unsigned int status;
		long long changed;
		const char *check; /* of endpoint 0 of the whole service, afterwards */
	} steps[] = {
		{ "eject",
		  "{\"address\":\"10.0.0.1:9080\",\"cluster\":\"outbound|9080|v1|reviews.demo.svc.cluster.local\"}",
		  200, 1, "OK" },
		{ "eject", "{\"address\":\"10.0.0.1:9080\"}", 200, 1, "FAILED" }, /* the other one already was */
		{ "eject", "{\"address\":\"10.0.0.1:9080\"}", 200, 0, "FAILED" },
		{ "restore", "{\"address\":\"[fd77::1]:9080\"}", 200, 2, "OK" }, /* the same pod by its other address */
		{ "restore", "{\"address\":\"10.0.0.1:9080\"}", 200, 0, "OK" },
		{ "eject", "{\"address\":\"10.0.0.9:9080\"}", 404, 0, "OK" },
		{ "eject", "{\"address\":\"10.0.0.1:9081\"}", 404, 0, "OK" },
		{ "eject", "{\"address\":\"10.0.0.1:9080\",\"cluster\":\"x\"}", 404, 0, "OK" },
		{ "eject", "{\"address\":\"10.0.0.1\"}", 400, 0, "OK" },
		{ "eject", "{\"cluster\":\"x\"}", 400, 0, "OK" },
		{ "eject", "{\"address\":\"10.0.0.1:9080\",\"force\":\"yes\"}", 400, 0, "OK" },
		{ "eject", "", 400, 0, "OK" },
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < HDL_ARRAY_SIZE(steps); i++) {
		char target[64], *body;
		json_t *json;

		snprintf(target, sizeof(target), "/api/v1/endpoint/%s", steps[i].action);
		if (ask(scene, HDL_HTTP_POST, target, steps[i].body, true, &body) != steps[i].status)
			fail_msg("%s: %s", steps[i].body, body);
		json = json_loads(body, 0, NULL);
		assert_non_null(json);
		if (steps[i].status == 200)
			assert_int_equal(number_at(json, "changed"), steps[i].changed);
		else
			text_at(json, "error");
		json_decref(json);
		free(body);
		json = get(scene, "/api/v1/endpoints");
		assert_string_equal(text_at(row(json, "endpoints", 0), "outlier_check"), steps[i].check);
		json_decref(json);
	}
}

/* One ejection, seen alike by every page. */
static void test_health_everywhere(void **state)
{
	struct scene *scene = *state;
	const struct hdl_ir_endpoint *endpoint = &scene->snapshot->clusters[0]->endpoints[1];
	struct hdl_health *health = &scene->maps.health[endpoint->id];
	json_t *json;
	char *body;

	health->ejected_until_ns = scene->now_ns + 1500 * HDL_NS_PER_MS;
	health->ejections = 1;
	health->active = 3;
	json = get(scene, "/api/v1/endpoints");
	assert_string_equal(text_at(row(json, "endpoints", 1), "outlier_check"), "FAILED");
	assert_int_equal(number_at(row(json, "endpoints", 1), "ejected_for_ms"), 1500);
	assert_int_equal(number_at(row(json, "endpoints", 1), "active"), 3);
	assert_false(json_is_true(json_object_get(row(json, "endpoints", 1), "ejected_by_hand")));
	json_decref(json);
	json = get(scene, "/api/v1/clusters");
	assert_int_equal(number_at(row(json, "clusters", 0), "ejected"), 1);
	json_decref(json);
	assert_int_equal(ask(scene, HDL_HTTP_GET, "/clusters", "", false, &body), 200);
	assert_non_null(strstr(
		body,
		"outbound|9080||reviews.demo.svc.cluster.local::10.0.0.2:9080::health_flags::/failed_outlier_check\n"));
	assert_non_null(
		strstr(body, "outbound|9080||reviews.demo.svc.cluster.local::10.0.0.1:9080::health_flags::healthy\n"));
	free(body);
	assert_int_equal(ask(scene, HDL_HTTP_GET, "/metrics", "", false, &body), 200);
	assert_non_null(strstr(body, "\nheddle_endpoints_ejected 1\n"));
	free(body);
	/* the time is over: chosen again although no sweep came by */
	scene->now_ns += 1500 * HDL_NS_PER_MS;
	json = get(scene, "/api/v1/endpoints");
	assert_string_equal(text_at(row(json, "endpoints", 1), "outlier_check"), "OK");
	json_decref(json);
}

static void test_status_and_diagnostics(void **state)
{
	json_t *json = get(*state, "/api/v1/status");

	assert_string_equal(text_at(json, "state"), "ready");
	assert_string_equal(text_at(json, "mode"), "proxy");
	assert_string_equal(text_at(json, "node"), "node-a");
	assert_int_equal(number_at(json, "uptime_ms"), 99000);
	assert_int_equal(number_at(json_object_get(json, "config"), "refused_documents"), 1);
	assert_true(json_is_null(json_object_get(json_object_get(json, "config"), "last_refusal")));
	json_decref(json);
	json = get(*state, "/api/v1/proxy-status");
	/* no kernel in mode proxy */
	assert_string_equal(text_at(row(json, "rows", 0), "type"), "source");
	assert_string_equal(text_at(row(json, "rows", 0), "status"), "STALE");
	assert_int_equal(number_at(row(json, "rows", 0), "kept"), 1);
	json_decref(json);
	json = get(*state, "/api/v1/diagnostics");
	assert_int_equal(number_at(json, "errors"), 1);
	assert_int_equal(number_at(row(json, "diagnostics", 0), "line"), 7);
	assert_true(json_is_null(json_object_get(row(json, "diagnostics", 0), "field")));
	json_decref(json);
}

static void test_history(void **state)
{
	struct scene *scene = *state;
	json_t *json = get(scene, "/api/v1/history"), *epochs = json_object_get(json, "epochs"), *changes;
	char *body;

	assert_int_equal(json_array_size(epochs), 2);
	assert_string_equal(text_at(json_array_get(epochs, 0), "outcome"), "refused");
	assert_string_equal(text_at(json_array_get(epochs, 0), "reason"), "the map is full");
	assert_true(json_is_false(json_object_get(json_array_get(epochs, 0), "can_roll_back")));
	assert_string_equal(text_at(json_array_get(epochs, 1), "outcome"), "in_force");
	assert_true(json_is_true(json_object_get(json_array_get(epochs, 1), "all_listed")));
	changes = json_object_get(json_array_get(epochs, 1), "changes");
	assert_int_equal(json_array_size(changes), 2);
	assert_string_equal(text_at(json_array_get(changes, 1), "change"), "removed");
	assert_string_equal(text_at(json_array_get(changes, 1), "file"), "a.yaml");
	assert_int_equal(number_at(json_array_get(changes, 1), "line"), 7);
	json_decref(json);
	json = get(scene, "/api/v1/history?epoch=2");
	assert_int_equal(json_array_size(json_object_get(json, "epochs")), 0);
	json_decref(json);
	assert_int_equal(status(scene, HDL_HTTP_GET, "/api/v1/history?epoch=x", false), 400);

	/* going back: POST on the unix socket, a number that is known */
	assert_int_equal(ask(scene, HDL_HTTP_POST, "/api/v1/rollback", "{\"epoch\": \"3\"}", true, NULL), 0);
	assert_int_equal(scene->reload_call, 42);
	assert_int_equal(ask(scene, HDL_HTTP_POST, "/api/v1/rollback", "{\"epoch\": \"3\"}", false, NULL), 403);
	assert_int_equal(ask(scene, HDL_HTTP_POST, "/api/v1/rollback", "{\"epoch\": \"4\"}", true, &body), 404);
	assert_non_null(strstr(body, "epoch 4 is not in the history"));
	free(body);
	assert_int_equal(ask(scene, HDL_HTTP_POST, "/api/v1/rollback", "{\"epoch\": \"-1\"}", true, NULL), 400);
	assert_int_equal(ask(scene, HDL_HTTP_POST, "/api/v1/rollback", "{}", true, NULL), 400);
	assert_int_equal(status(scene, HDL_HTTP_GET, "/api/v1/rollback", true), 405);
}

/* Secrets are among the documents: not for every user of the node. */
static void test_documents(void **state)
{
	struct scene *scene = *state;
	char *body;

	assert_int_equal(ask(scene, HDL_HTTP_GET, "/api/v1/documents", "", false, &body), 403);
	assert_null(strstr(body, "in the clear"));
	free(body);
	assert_int_equal(ask(scene, HDL_HTTP_GET, "/api/v1/documents", "", true, &body), 200);
	assert_non_null(strstr(body, "in the clear"));
	free(body);
}

static void test_objects(void **state)
{
	struct scene *scene = *state;
	json_t *json = get(scene, "/api/v1/objects"), *objects = json_object_get(json, "objects"), *rows, *row;
	bool object = false, rollback = false;
	size_t i;

	assert_int_equal(json_array_size(objects), 2);
	assert_string_equal(text_at(json_array_get(objects, 0), "status"), "SYNCED");
	assert_int_equal(number_at(json_array_get(objects, 0), "epoch"), 3);
	assert_string_equal(text_at(json_array_get(objects, 1), "status"), "STALE");
	assert_string_equal(text_at(json_array_get(objects, 1), "reason"), "bad");
	json_decref(json);
	scene->rolled_back_to = 2;
	json = get(scene, "/api/v1/proxy-status");
	rows = json_object_get(json, "rows");
	json_array_foreach(rows, i, row)
	{
		const char *type = text_at(row, "type");

		object |= strcmp(type, "object") == 0 && strcmp(text_at(row, "name"), "Service demo/web") == 0 &&
			  strstr(text_at(row, "reason"), "no version is in force: bad");
		rollback |= strcmp(type, "rollback") == 0 &&
			    strstr(text_at(row, "reason"), "rolled back to 2, files differ");
	}
	assert_true(object && rollback);
	assert_int_equal(number_at(json, "rolled_back_to"), 2);
	json_decref(json);
}

/* Prometheus: buckets are cumulative, a value on a bound belongs to it. */
static void test_latency(void **state)
{
	struct scene *scene = *state;
	char *body;

	hdl_admin_latency_add(&scene->latency, HDL_NS_PER_MS);
	hdl_admin_latency_add(&scene->latency, HDL_NS_PER_MS + 1);
	hdl_admin_latency_add(&scene->latency, 2 * HDL_NS_PER_S);
	assert_int_equal(ask(scene, HDL_HTTP_GET, "/metrics", "", false, &body), 200);
	assert_non_null(strstr(body, "heddle_config_apply_seconds_bucket{le=\"0.001\"} 1\n"));
	assert_non_null(strstr(body, "heddle_config_apply_seconds_bucket{le=\"0.002\"} 2\n"));
	assert_non_null(strstr(body, "heddle_config_apply_seconds_bucket{le=\"1\"} 2\n"));
	assert_non_null(strstr(body, "heddle_config_apply_seconds_bucket{le=\"+Inf\"} 3\n"));
	assert_non_null(strstr(body, "heddle_config_apply_seconds_count 3\n"));
	free(body);
}

static void test_maps(void **state)
{
	static const struct {
		const char *name;
		size_t entries;
	} cases[] = {
		{ "state", 1 },    { "vip", 1 },      { "service", 1 }, { "route", 1 },
		{ "cluster", 2 },  { "endpoint", 3 }, { "health", 3 },  { "slot", 4 },
		{ "workload", 0 }, { "listener", 0 }, { "traffic", 0 }, { "verdict", HDL_VERDICT_COUNT },
	};

	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		char target[64];
		json_t *json;

		snprintf(target, sizeof(target), "/api/v1/maps/%s", cases[i].name);
		json = get(*state, target);
		if (json_array_size(json_object_get(json, "entries")) != cases[i].entries)
			fail_msg("%s: %zu entries", target, json_array_size(json_object_get(json, "entries")));
		assert_string_equal(text_at(json, "name"), cases[i].name);
		assert_true(json_is_false(json_object_get(json, "truncated")));
		json_decref(json);
	}
	{
		json_t *json = get(*state, "/api/v1/maps/endpoint?offset=2");

		assert_int_equal(json_array_size(json_object_get(json, "entries")), 1);
		json_decref(json);
	}
}

/* Every value in a label survives the trip, and the label is refused rather than cut. */
static void test_tcp_label(void **state)
{
	struct scene *scene = *state;
	const struct hdl_ir_endpoint *endpoint = &scene->snapshot->clusters[0]->endpoints[0];
	struct hdl_traffic_key key = { .endpoint = endpoint->id,
				       .generation = endpoint->generation,
				       .verdict = HDL_VERDICT_BALANCED };
	char label[4096];

	assert_non_null(hdl_admin_tcp_label(scene->publisher, &key, label, sizeof(label)));
	assert_non_null(strstr(label, ",destination_service=\"reviews.demo.svc.cluster.local\""));
	assert_non_null(strstr(label, ",destination_service_name=\"reviews\""));
	assert_non_null(strstr(label, ",request_protocol=\"tcp\""));
	assert_non_null(strstr(label, ",source_workload=\"unknown\""));
	assert_non_null(strstr(label, ",response_flags=\"-\""));
	assert_null(strstr(label, "response_code"));
	assert_null(hdl_admin_tcp_label(scene->publisher, &key, label, 100));
	key.verdict = HDL_VERDICT_CONNECT_FAILED;
	assert_non_null(hdl_admin_tcp_label(scene->publisher, &key, label, sizeof(label)));
	assert_non_null(strstr(label, ",response_flags=\"UF\""));
	key.generation++;
	assert_null(hdl_admin_tcp_label(scene->publisher, &key, label, sizeof(label)));
}

/* What is asked for comes decoded; what is not is "". */
static void test_statuses(void **state)
{
	json_t *json = get(*state, "/api/v1/statuses?kind=HTTPRoute&name=a%2db");

	assert_string_equal(text_at(json, "kind"), "HTTPRoute");
	assert_string_equal(text_at(json, "namespace"), "");
	assert_string_equal(text_at(json, "name"), "a-b");
	json_decref(json);
	assert_int_equal(status(*state, HDL_HTTP_GET, "/api/v1/statuses?kind=%zz", false), 400);
	assert_int_equal(status(*state, HDL_HTTP_POST, "/api/v1/statuses", true), 405);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, scene_setup, scene_teardown)
	const struct CMUnitTest tests[] = {
		T(routing),
		T(states),
		T(nothing_yet),
		T(listeners_and_routes),
		T(listeners_of_views),
		T(eject_and_restore),
		T(health_everywhere),
		T(status_and_diagnostics),
		T(history),
		T(documents),
		T(statuses),
		T(objects),
		T(latency),
		T(maps),
		T(tcp_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
