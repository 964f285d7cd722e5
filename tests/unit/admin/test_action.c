/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of what a route does besides sending requests on. */
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "admin/page.h"

static void expect(const struct hdl_ir_http_route *route, const char *wanted)
{
	struct hdl_buf buf = { 0 };
	struct hdl_jsonw w;

	hdl_jsonw_init(&w, &buf, false);
	hdl_jsonw_object(&w);
	hdl_admin_json_actions(&w, route);
	hdl_jsonw_object_end(&w);
	assert_string_equal(buf.p, wanted);
	hdl_buf_done(&buf);
}

static void test_answers(void **state)
{
	static const struct hdl_ir_redirect redirect = {
		.status = 308,
		.scheme = "https",
		.host = "o",
		.port = 8443,
		.path = { HDL_IR_PATH_WHOLE, { "/y", 2 }, NULL },
	};
	static const struct hdl_ir_redirect bare = { .status = 301, .scheme = "", .host = "o" };
	static const struct hdl_ir_direct_response direct = { 418, { "tea", 3 } };

	(void)state;
	expect(&(struct hdl_ir_http_route){ .redirect = &redirect },
	       "{\"action\":\"redirect 308\",\"redirect\":{\"status\":308,\"scheme\":\"https\",\"host\":\"o\","
	       "\"port\":8443,\"in_place_of\":\"path\",\"text\":\"/y\"}}");
	expect(&(struct hdl_ir_http_route){ .redirect = &bare },
	       "{\"action\":\"redirect 301\",\"redirect\":{\"status\":301,\"host\":\"o\"}}");
	expect(&(struct hdl_ir_http_route){ .direct_response = &direct },
	       "{\"action\":\"answer 418\",\"direct_response\":{\"status\":418,\"body_bytes\":3}}");
	expect(&(struct hdl_ir_http_route){ 0 }, "{\"action\":\"route\"}");
}

static void test_changes(void **state)
{
	static const struct hdl_subst_part parts[] = {
		{ HDL_SUBST_LITERAL, 0, { "a", 1 }, { "", 0 } },
		{ HDL_SUBST_REQ, 20, { "x", 1 }, { "y", 1 } },
		{ HDL_SUBST_PROTOCOL, 0, { "", 0 }, { "", 0 } },
	};
	static const struct hdl_ir_header_value value = { { "n", 1 }, parts, 3 };
	static const struct hdl_str remove = { "r", 1 };
	static const struct hdl_ir_headers headers = {
		.request = { .remove = &remove, .remove_count = 1, .set = &value, .set_count = 1 },
		.response = { .add = &value, .add_count = 1 },
		.host = "h",
	};
	static const struct hdl_ir_string_match origin = { HDL_IR_MATCH_PREFIX, { "https://", 8 }, NULL };
	static const struct hdl_ir_cors cors = {
		.origins = &origin, .origin_count = 1, .methods = { "GET", 3 }, .max_age = { "60", 2 }
	};

	(void)state;
	expect(&(struct hdl_ir_http_route){ .headers = &headers,
					    .rewrite = { HDL_IR_PATH_MATCHED, { "/v2", 3 }, NULL },
					    .cors = &cors },
	       "{\"action\":\"route, rewrite, headers, cors\",\"rewrite\":{\"in_place_of\":\"match\",\"text\":\"/v2\"},"
	       "\"headers\":{\"request\":{\"remove\":[\"r\"],\"set\":[{\"name\":\"n\",\"value\":"
	       "\"a%REQ(x?y):20%%PROTOCOL%\"}]},\"response\":{\"add\":[{\"name\":\"n\",\"value\":"
	       "\"a%REQ(x?y):20%%PROTOCOL%\"}]},\"host\":\"h\"},\"cors\":{\"origins\":[{\"prefix\":\"https://\"}],"
	       "\"methods\":\"GET\",\"max_age_s\":\"60\",\"credentials\":false,\"unmatched_preflights\":\"FORWARD\"}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
