/* SPDX-License-Identifier: Apache-2.0 */
/* Checks how diagnostics are kept, counted, bounded and printed. */
#include "unit/unit.h"
#include <stdlib.h>
#include <string.h>
#include "model/diag.h"

static void printed(void **state)
{
	static const struct {
		struct hdl_diag diag;
		const char *text;
	} row[] = {
		{ { HDL_ERROR, "d/vs.yaml", { 7, 5 }, "VirtualService", "demo", "reviews", "spec.hosts", "m" },
		  "d/vs.yaml:7:5: error: VirtualService demo/reviews: spec.hosts: m" },
		{ { HDL_WARNING, "f", { 0, 0 }, "NodeConfig", "", "n", "", "m" }, "f: warning: NodeConfig n: m" },
		{ { HDL_INFO, "f", { 1, 2 }, "Pod", "ns", NULL, NULL, "m" }, "f:1:2: info: Pod: m" },
		{ { HDL_ERROR, NULL, { 0, 0 }, NULL, NULL, NULL, NULL, "m" }, "error: m" },
	};

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(row); i++) {
		struct hdl_buf buf = { 0 };

		hdl_diag_print(&buf, &row[i].diag);
		assert_string_equal(buf.p, row[i].text);
		hdl_buf_done(&buf);
	}
}

static void bounded(void **state)
{
	struct hdl_diags diags = { .limit = 2 }, all = { 0 };
	struct hdl_diag where = { .severity = HDL_ERROR, .file = "f" };
	char file[] = "g";

	(void)state;
	for (int i = 0; i < 5; i++) {
		hdl_diags_add(&diags, &where, "number %d", i);
		where.severity = HDL_WARNING;
		where.file = file;
	}
	file[0] = 'x'; /* the list has its own copy */
	assert_int_equal(diags.n, 2);
	assert_int_equal(diags.errors, 1);
	assert_int_equal(diags.warnings, 4);
	assert_int_equal(diags.dropped, 3);
	assert_string_equal(diags.at[1].file, "g");
	assert_string_equal(diags.at[1].message, "number 1");
	hdl_diags_append(&all, &diags);
	hdl_diags_append(&all, &diags);
	assert_int_equal(all.n, 4);
	assert_int_equal(all.errors, 2);
	assert_int_equal(all.warnings, 8);
	assert_int_equal(all.dropped, 6);
	hdl_diags_done(&diags);
	assert_int_equal(diags.n, 0);
	assert_int_equal(diags.limit, 2);
	hdl_diags_done(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printed),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
