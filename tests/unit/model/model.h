/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers of the model's tests: decode a text, and compare what was diagnosed with a table row. */
#ifndef HDL_TESTS_UNIT_MODEL_H
#define HDL_TESTS_UNIT_MODEL_H

#include "unit/unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "conf/yaml.h"
#include "model/resource.h"

/* The last resource decoded and everything said about the documents. */
struct decoded {
	struct hdl_arena *arena;
	struct hdl_diags diags;
	const struct hdl_resource *resource;
	int r; /* of the last object */
	size_t objects;
};

static int decode_each(void *data, const struct hdl_yaml_document *document)
{
	struct decoded *decoded = data;

	if (document->error)
		fail_msg("line %u: %s", document->error->line, document->error->text);
	for (size_t i = 0; i < hdl_model_items(document->root); i++) {
		struct hdl_source source = { document->file, document->chunk->index, (uint32_t)i, false };
		struct hdl_resource *resource = NULL;

		decoded->r = hdl_model_decode(decoded->arena, &source, hdl_model_item(document->root, i), &resource,
					      &decoded->diags);
		decoded->resource = resource;
		decoded->objects++;
	}
	return 0;
}

static inline void decode_text(struct decoded *decoded, const char *text)
{
	*decoded = (struct decoded){ .arena = hdl_arena_new(0) };
	assert_non_null(decoded->arena);
	assert_int_equal(hdl_yaml_parse(decoded->arena, "f.yaml", hdl_str_of(text), decode_each, decoded), 0);
}

static inline void decoded_done(struct decoded *decoded)
{
	hdl_diags_done(&decoded->diags);
	hdl_arena_free(decoded->arena);
}

/* One object of that kind around a spec in flow style. */
static inline char *document_of(const char *api_version, const char *kind, const char *spec)
{
	struct hdl_buf buf = { 0 };

	hdl_buf_printf(&buf, "apiVersion: %s\nkind: %s\nmetadata: {name: n, namespace: ns}\nspec: %s\n", api_version,
		       kind, spec);
	assert_false(buf.failed);
	return buf.p;
}

static inline char *print_diags(const struct hdl_diags *diags)
{
	struct hdl_buf buf = { 0 };

	for (size_t i = 0; i < diags->n; i++) {
		hdl_diag_print(&buf, &diags->at[i]);
		hdl_buf_adds(&buf, "\n");
	}
	return buf.p ? buf.p : strdup("");
}

/* Whether the text of the diagnostics has a line that is not about what this version does not act on yet. */
static inline bool says_more(const char *said)
{
	for (const char *line = said; *line;) {
		const char *end = strchr(line, '\n'), *idle = strstr(line, "is accepted but not enforced");

		if (!idle || idle > end)
			return true;
		line = end + 1;
	}
	return false;
}

/*
 * said NULL: accepted without a word (but that a field is not acted on yet). Else it is part of one diagnostic, and the document is refused unless said begins
 * with "warning".
 */
struct rule {
	const char *section, *spec, *said;
};

static inline void check_rule(const char *api_version, const char *kind, const struct rule *rule)
{
	char *text = document_of(api_version, kind, rule->spec), *said;
	struct decoded decoded;
	bool accepted = !rule->said || !strncmp(rule->said, "warning", 7);

	decode_text(&decoded, text);
	said = print_diags(&decoded.diags);
	if (decoded.r != (accepted ? 0 : -EINVAL) || !!decoded.resource != accepted)
		fail_msg("%s: %s: %s\n%s", rule->section, rule->spec, accepted ? "refused" : "accepted", said);
	if (!rule->said && says_more(said))
		fail_msg("%s: %s: %s", rule->section, rule->spec, said);
	if (rule->said && !strstr(said, rule->said))
		fail_msg("%s: %s: not said: %s\nbut: %s", rule->section, rule->spec, rule->said, said);
	free(said);
	free(text);
	decoded_done(&decoded);
}

static inline void check_rules(const char *api_version, const char *kind, const struct rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_rule(api_version, kind, &rules[i]);
}

#endif
