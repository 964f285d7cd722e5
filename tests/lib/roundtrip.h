/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of one text that it is accepted or refused, and that what is accepted prints to a text that means the same. */
#ifndef HDL_TESTS_LIB_ROUNDTRIP_H
#define HDL_TESTS_LIB_ROUNDTRIP_H

#include <stdio.h>
#include <stdlib.h>
#include "conf/yaml.h"
#include "model/print.h"

struct hdl_round_trip {
	struct hdl_arena *arena;
	const struct hdl_resource *last;
	struct hdl_diags diags;
	size_t accepted, refused, skipped;
	bool nested;              /* at a printed text: not printed again */
	struct hdl_buf complaint; /* empty: all is well */
};

static inline void hdl_round_trip_check(struct hdl_round_trip *t, const struct hdl_resource *resource);

static inline int hdl_round_trip_each(void *data, const struct hdl_yaml_document *document)
{
	struct hdl_round_trip *t = data;

	if (document->error) {
		t->refused++;
		if (!document->error->line || !document->error->col || !*document->error->text)
			hdl_buf_adds(&t->complaint, "an error without a place or words");
		if (t->nested)
			hdl_buf_printf(&t->complaint, "line %u: %s\n", document->error->line, document->error->text);
		return 0;
	}
	for (size_t i = 0; i < hdl_model_items(document->root) && i < 100; i++) {
		struct hdl_source source = { document->file, document->chunk->index, (uint32_t)i, false };
		struct hdl_resource *resource = NULL;
		int r = hdl_model_decode(t->arena, &source, hdl_model_item(document->root, i), &resource, &t->diags);

		t->skipped += r == 1;
		t->refused += r < 0;
		if (r < 0 && !t->diags.errors)
			hdl_buf_adds(&t->complaint, "refused without a reason\n");
		if (r == 0) {
			t->accepted++;
			t->last = resource;
			if (!t->nested)
				hdl_round_trip_check(t, resource);
		}
	}
	return 0;
}

static inline void hdl_round_trip_done(struct hdl_round_trip *t)
{
	hdl_diags_done(&t->diags);
	hdl_arena_free(t->arena);
	hdl_buf_done(&t->complaint);
}

static inline void hdl_round_trip_run(struct hdl_round_trip *t, struct hdl_str text)
{
	t->arena = hdl_arena_new(0);
	if (!t->arena)
		abort();
	hdl_yaml_parse(t->arena, "f", text, hdl_round_trip_each, t);
}

static inline void hdl_round_trip_format(struct hdl_round_trip *t, const struct hdl_resource *resource,
					 enum hdl_emit_format format)
{
	struct hdl_round_trip again = { .nested = true };
	struct hdl_buf text = { 0 }, second = { 0 };

	hdl_resource_print(resource, format, HDL_PRINT_SECRETS, &text);
	hdl_round_trip_run(&again, (struct hdl_str){ text.p, text.n });
	if (again.accepted != 1 || again.refused || again.complaint.n) {
		hdl_buf_printf(&t->complaint, "what is printed is refused: %.500s\n%s\n",
			       again.diags.n     ? again.diags.at[0].message :
			       again.complaint.p ? again.complaint.p :
						   "",
			       text.p);
	} else if (!hdl_resource_equal(resource, again.last)) {
		struct hdl_field_changes changes = { 0 };

		hdl_resource_diff(again.arena, resource, again.last, &changes);
		hdl_buf_printf(&t->complaint, "what is printed is not equal: %.300s\n%s\n",
			       changes.n ? changes.at[0].path : "?", text.p);
	} else {
		hdl_resource_print(again.last, format, HDL_PRINT_SECRETS, &second);
		if (second.n != text.n || memcmp(second.p, text.p, text.n))
			hdl_buf_printf(&t->complaint, "what is printed prints to another text:\n%s\n%s\n", text.p,
				       second.p);
	}
	hdl_buf_done(&text);
	hdl_buf_done(&second);
	hdl_round_trip_done(&again);
}

static inline void hdl_round_trip_check(struct hdl_round_trip *t, const struct hdl_resource *resource)
{
	struct hdl_field_changes changes = { 0 };

	if (!hdl_resource_equal(resource, resource))
		hdl_buf_adds(&t->complaint, "not equal to itself\n");
	if (hdl_resource_diff(t->arena, resource, resource, &changes) || changes.n)
		hdl_buf_adds(&t->complaint, "differs from itself\n");
	hdl_round_trip_format(t, resource, HDL_EMIT_YAML);
	hdl_round_trip_format(t, resource, HDL_EMIT_JSON);
	hdl_round_trip_format(t, resource, HDL_EMIT_LINE);
}

#endif
