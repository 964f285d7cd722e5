/* SPDX-License-Identifier: Apache-2.0 */
/* YAML to messages: nothing crashes or leaks, the order holds, and every message can be printed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/analyze.h"
#include "model/store.h"
#include "xlate/xlate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_messages(const struct hdl_an_message *messages, size_t n)
{
	const struct hdl_an_message **at = calloc(n + 1, sizeof(*at));
	struct hdl_buf buf = { 0 };

	REQUIRE(at);
	for (size_t i = 0; i < n; i++) {
		REQUIRE(messages[i].text && messages[i].type < HDL_AN_TYPES);
		REQUIRE(i == 0 || messages[i - 1].level <= messages[i].level);
		at[i] = &messages[i];
		hdl_an_print_text(at[i], true, &buf);
		hdl_an_suppressed(at[i], hdl_an_codes[at[i]->type].code, "V*S*/*");
	}
	hdl_an_print_json(at, n, &buf);
	hdl_an_print_yaml(at, n, &buf);
	REQUIRE(!buf.failed);
	hdl_buf_done(&buf);
	free(at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const chains[] = { "a,b,c", "b,a" };
	const struct hdl_an_options options = { .chain = chains, .chain_count = 2, .now_s = 1 };
	struct hdl_resource_store *store = hdl_resource_store_new();
	struct hdl_resource_list *list = NULL;
	struct hdl_analysis *analysis = NULL;
	const struct hdl_an_message *messages;
	struct hdl_diags diags = { 0 };
	size_t n;

	REQUIRE(store);
	/* the first byte says whether the translator's checks stand before the analyzers */
	if (size && data[0] % 2)
		hdl_resource_store_set_check(store, hdl_xlate_check);
	REQUIRE(hdl_resource_store_put(store, "f", (struct hdl_str){ (const char *)data, size }) == 0);
	REQUIRE(hdl_resource_store_commit(store, &list) == 0);
	hdl_resource_store_diags(store, &diags);
	REQUIRE(hdl_analyze(list->at, list->n, &diags, &options, &analysis) == 0);
	n = hdl_analysis_messages(analysis, &messages);
	check_messages(messages, n);
	hdl_analysis_free(analysis);
	hdl_diags_done(&diags);
	hdl_resource_list_unref(list);
	hdl_resource_store_free(store);
	return 0;
}
