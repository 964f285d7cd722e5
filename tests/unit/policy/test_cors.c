/* SPDX-License-Identifier: Apache-2.0 */
/* Preflights, actual requests and their answers (specification B.6, F.4; checklist H 25). */
#include "unit/unit.h"

#include <stdio.h>

#include <errno.h>

#include "policy/cors.h"
#include "re/re.h"

static struct hdl_re *expression;

struct row {
	const char *what;
	struct hdl_ir_cors policy;
	const char *method, *origin, *request_method, *request_headers; /* NULL: no such header */
	enum hdl_cors_verdict verdict;
	const char *answer; /* "name=value;..." without the prefix access-control- */
};

static struct hdl_ir_string_match origins[] = {
	{ .kind = HDL_IR_MATCH_EXACT, .value = { "https://a.example", 17 } },
	{ .kind = HDL_IR_MATCH_PREFIX, .value = { "https://b.", 10 } },
	{ .kind = HDL_IR_MATCH_REGEX, .value = { "https://[cd][.]example", 22 } },
};

/* clang-format off */
#define ORIGINS .origins = origins, .origin_count = 3
#define FULL ORIGINS, .credentials = true, .methods = { "GET,POST", 8 }, .headers = { "x-a", 3 }, \
	.expose = { "x-b,x-c", 7 }, .max_age = { "86400", 5 }
#define A "https://a.example"
#define NOBODY "https://nobody.example"
#define FULL_ANSWER "allow-origin=" A ";allow-credentials=true;expose-headers=x-b,x-c;" \
	"allow-methods=GET,POST;allow-headers=x-a;max-age=86400;"

static const struct row rows[] = {
	{ "no Origin", { FULL }, "GET", NULL, NULL, NULL, HDL_CORS_NONE, "" },
	{ "empty Origin", { FULL }, "GET", "", NULL, NULL, HDL_CORS_NONE, "" },
	{ "preflight", { FULL }, "OPTIONS", A, "PUT", "x-q", HDL_CORS_PREFLIGHT, FULL_ANSWER },
	{ "exact is case-sensitive", { FULL }, "OPTIONS", "https://A.example", "PUT", NULL, HDL_CORS_NONE, "" },
	{ "exact is the whole origin", { FULL }, "GET", A ":80", NULL, NULL, HDL_CORS_NONE, "" },
	{ "prefix", { ORIGINS }, "GET", "https://b.example", NULL, NULL, HDL_CORS_ACTUAL, "allow-origin=https://b.example;" },
	{ "regex is anchored", { ORIGINS }, "GET", "https://c.example.org", NULL, NULL, HDL_CORS_NONE, "" },
	{ "regex", { ORIGINS }, "GET", "https://d.example", NULL, NULL, HDL_CORS_ACTUAL, "allow-origin=https://d.example;" },
	{ "actual request", { FULL }, "POST", A, NULL, NULL, HDL_CORS_ACTUAL,
	  "allow-origin=" A ";allow-credentials=true;expose-headers=x-b,x-c;" },
	{ "OPTIONS without the method asked for", { FULL }, "OPTIONS", A, NULL, NULL, HDL_CORS_ACTUAL,
	  "allow-origin=" A ";allow-credentials=true;expose-headers=x-b,x-c;" },
	{ "OPTIONS with an empty one", { ORIGINS }, "OPTIONS", A, "", NULL, HDL_CORS_ACTUAL, "allow-origin=" A ";" },
	{ "* echoes the origin", { .any_origin = true }, "GET", NOBODY, NULL, NULL, HDL_CORS_ACTUAL,
	  "allow-origin=" NOBODY ";" },
	{ "* of methods and headers", { .any_origin = true, .any_method = true, .any_header = true }, "OPTIONS", A, "PUT",
	  "x-q,x-r", HDL_CORS_PREFLIGHT, "allow-origin=" A ";allow-methods=PUT;allow-headers=x-q,x-r;" },
	{ "* of headers, none asked for", { .any_origin = true, .any_header = true }, "OPTIONS", A, "PUT", NULL,
	  HDL_CORS_PREFLIGHT, "allow-origin=" A ";allow-headers=;" },
	{ "other origin, FORWARD", { FULL }, "OPTIONS", NOBODY, "PUT", NULL, HDL_CORS_NONE, "" },
	{ "other origin, IGNORE", { FULL, .ignore_unmatched = true }, "OPTIONS", NOBODY, "PUT", NULL, HDL_CORS_UNMATCHED,
	  "allow-methods=GET,POST;allow-headers=x-a;" },
	{ "other origin, IGNORE, actual", { FULL, .ignore_unmatched = true }, "GET", NOBODY, NULL, NULL, HDL_CORS_NONE, "" },
	{ "HTTPRoute: *", { .any_origin = true, .answer_star = true }, "GET", A, NULL, NULL, HDL_CORS_ACTUAL,
	  "allow-origin=*;" },
	{ "HTTPRoute: * with credentials", { .any_origin = true, .answer_star = true, .credentials = true }, "GET", A, NULL,
	  NULL, HDL_CORS_ACTUAL, "allow-origin=" A ";allow-credentials=true;" },
	{ "HTTPRoute: other origin", { FULL, .answer_star = true, .ignore_unmatched = true }, "OPTIONS", NOBODY, "PUT", NULL,
	  HDL_CORS_UNMATCHED, "" },
	{ "HTTPRoute: listed origins", { ORIGINS, .answer_star = true }, "GET", A, NULL, NULL, HDL_CORS_ACTUAL,
	  "allow-origin=" A ";" },
};
/* clang-format on */

static void add(struct hdl_http_headers *list, enum hdl_http_header_id id, const char *value)
{
	if (value)
		assert_int_equal(hdl_http_headers_add_id(list, id, hdl_str_of(value)), 0);
}

static void print(const struct hdl_http_headers *list, char *buf, size_t room)
{
	size_t n = 0, prefix = strlen("access-control-");

	buf[0] = '\0';
	HDL_HTTP_HEADERS_EACH(list, h)
	{
		assert_true(h->name.n > prefix && memcmp(h->name.p, "access-control-", prefix) == 0);
		n += (size_t)snprintf(buf + n, room - n, "%.*s=" HDL_STR_FMT ";", (int)(h->name.n - prefix),
				      h->name.p + prefix, HDL_STR_ARG(h->value));
	}
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		struct hdl_http_header lines[4], answer_lines[HDL_CORS_LINES_MAX];
		struct hdl_http_head head = { .is_request = true,
					      .method = (uint8_t)hdl_http_method_of(hdl_str_of(r->method)) };
		struct hdl_http_headers answer;
		enum hdl_cors_verdict verdict;
		char text[512];

		hdl_http_headers_init(&head.headers, lines, 4);
		add(&head.headers, HDL_HTTP_H_ORIGIN, r->origin);
		add(&head.headers, HDL_HTTP_H_AC_REQUEST_METHOD, r->request_method);
		add(&head.headers, HDL_HTTP_H_AC_REQUEST_HEADERS, r->request_headers);
		hdl_http_headers_init(&answer, answer_lines, HDL_CORS_LINES_MAX);
		verdict = hdl_cors_judge(&r->policy, &head);
		if (verdict != r->verdict)
			fail_msg("%s: verdict %d", r->what, verdict);
		if (verdict == HDL_CORS_ACTUAL)
			assert_int_equal(hdl_cors_actual(&r->policy, hdl_str_of(r->origin), &answer), 0);
		else if (verdict != HDL_CORS_NONE)
			assert_int_equal(hdl_cors_preflight(&r->policy, &head, verdict == HDL_CORS_PREFLIGHT, &answer),
					 0);
		print(&answer, text, sizeof(text));
		if (strcmp(text, r->answer) != 0)
			fail_msg("%s: %s", r->what, text);
	}
}

/* What the endpoint said about it is replaced; and the list may be too small. */
static void test_over_the_endpoint(void **state)
{
	struct hdl_ir_cors policy = { ORIGINS, .credentials = true };
	struct hdl_http_header lines[3];
	struct hdl_http_headers answer;

	(void)state;
	hdl_http_headers_init(&answer, lines, 3);
	hdl_http_headers_add(&answer, HDL_STR("access-control-allow-origin"), HDL_STR("*"));
	hdl_http_headers_add(&answer, HDL_STR("access-control-allow-origin"), HDL_STR("x"));
	assert_int_equal(hdl_cors_actual(&policy, HDL_STR(A), &answer), 0);
	assert_int_equal(answer.n, 3);
	assert_true(hdl_str_eq(answer.v[0].value, HDL_STR(A)));
	assert_int_equal(answer.v[1].known, HDL_HTTP_H_REMOVED);
	hdl_http_headers_init(&answer, lines, 1);
	assert_int_equal(hdl_cors_actual(&policy, HDL_STR(A), &answer), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_over_the_endpoint),
	};
	int r;

	if (hdl_re_compile(origins[2].value, &expression, NULL) < 0)
		return 1;
	origins[2].re = expression;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	hdl_re_free(expression);
	return r;
}
