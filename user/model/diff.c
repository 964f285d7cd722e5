/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two versions of an object, field by field. */
#include "model/print.h"

#include <errno.h>
#include <stdlib.h>
#include "model/field.h"

#define NAMED_MAX 1000 /* longer lists are compared by position, to bound the work */

struct diff {
	struct hdl_arena *arena;
	struct hdl_field_change *at;
	size_t n, capacity;
	bool cut, no_memory;
	struct hdl_buf path;
	struct hdl_pos was_pos, now_pos; /* of the innermost message */
};

/* ---- path ---- */

/* Returns the length to go back to. */
static size_t enter(struct diff *d, const char *name)
{
	size_t n = d->path.n;

	hdl_buf_printf(&d->path, "%s%s", n ? "." : "", name);
	return n;
}

static size_t enter_element(struct diff *d, const char *key, size_t index)
{
	size_t n = d->path.n;

	if (key)
		hdl_buf_printf(&d->path, "[%s]", key);
	else
		hdl_buf_printf(&d->path, "[%zu]", index);
	return n;
}

static void leave(struct diff *d, size_t n)
{
	d->path.n = n;
	if (d->path.p)
		d->path.p[n] = '\0';
}

/* ---- changes ---- */

static struct hdl_field_change *new_change(struct diff *d)
{
	struct hdl_field_change *at;

	if (d->n == HDL_FIELD_CHANGES_MAX) {
		d->cut = true;
		return NULL;
	}
	if (d->n == d->capacity) {
		d->capacity = d->capacity ? 2 * d->capacity : 8;
		at = hdl_arena_calloc(d->arena, d->capacity, sizeof(*at));
		if (!at) {
			d->no_memory = true;
			return NULL;
		}
		if (d->n)
			memcpy(at, d->at, d->n * sizeof(*at));
		d->at = at;
	}
	return &d->at[d->n];
}

/* Copies what was written, NULL when nothing was, and ends a text that met its bound. */
static const char *take_text(struct diff *d, struct hdl_buf *text)
{
	size_t n = text->n < HDL_FIELD_CHANGE_TEXT ? text->n : HDL_FIELD_CHANGE_TEXT;
	bool cut = text->n > HDL_FIELD_CHANGE_TEXT;
	char *copy;

	if (text->failed) {
		d->no_memory = true;
		return "";
	}
	while (cut && n > 0 && (text->p[n] & 0xc0) == 0x80) /* not within a character */
		n--;
	copy = hdl_arena_printf(d->arena, "%.*s%s", (int)n, text->p ? text->p : "", cut ? "..." : "");
	d->no_memory = d->no_memory || !copy;
	return copy;
}

static void add(struct diff *d, struct hdl_buf *was, struct hdl_buf *now, struct hdl_pos was_pos,
		struct hdl_pos now_pos)
{
	struct hdl_field_change *change = new_change(d);

	if (change) {
		change->path = d->path.failed ? NULL : hdl_arena_strdup(d->arena, d->path.p ? d->path.p : "");
		change->was = was ? take_text(d, was) : NULL;
		change->now = now ? take_text(d, now) : NULL;
		change->was_pos = was_pos.line ? was_pos : d->was_pos;
		change->now_pos = now_pos.line ? now_pos : d->now_pos;
		d->no_memory = d->no_memory || !change->path;
		d->n++;
	}
	if (was)
		hdl_buf_done(was);
	if (now)
		hdl_buf_done(now);
}

static void add_field(struct diff *d, const struct hdl_field *field, const void *was, const void *now)
{
	struct hdl_pos none = { 0, 0 };
	struct hdl_buf text[2] = { { 0 }, { 0 } };
	struct hdl_emit e;

	hdl_emit_init(&e, &text[0], HDL_EMIT_LINE);
	if (was)
		hdl_field_emit(&e, field, was, false);
	hdl_emit_init(&e, &text[1], HDL_EMIT_LINE);
	if (now)
		hdl_field_emit(&e, field, now, false);
	add(d, was ? &text[0] : NULL, now ? &text[1] : NULL, was ? hdl_field_pos(field, was) : none,
	    now ? hdl_field_pos(field, now) : none);
}

static void add_element(struct diff *d, const struct hdl_field *field, const void *was, const void *now)
{
	struct hdl_pos none = { 0, 0 };
	struct hdl_buf text[2] = { { 0 }, { 0 } };
	struct hdl_emit e;

	hdl_emit_init(&e, &text[0], HDL_EMIT_LINE);
	if (was)
		hdl_field_emit_element(&e, field, was, false);
	hdl_emit_init(&e, &text[1], HDL_EMIT_LINE);
	if (now)
		hdl_field_emit_element(&e, field, now, false);
	add(d, was ? &text[0] : NULL, now ? &text[1] : NULL, was ? hdl_field_element_pos(field, was) : none,
	    now ? hdl_field_element_pos(field, now) : none);
}

static void diff_message(struct diff *d, const struct hdl_message *message, const void *was, const void *now);

/* was or now may be NULL. */
static void diff_element(struct diff *d, const struct hdl_field *field, const void *was, const void *now)
{
	const void *a = was, *b = now;
	const struct hdl_message *message = NULL;

	if (was && now) {
		message = hdl_field_element_message(field, &a);
		hdl_field_element_message(field, &b);
	}
	if (message)
		diff_message(d, message, a, b);
	else
		add_element(d, field, was, now);
}

/* ---- lists ---- */

static const void *find_key(const struct hdl_field *field, struct hdl_field_array array, const char *key)
{
	size_t size = hdl_field_element_size(field);

	for (size_t i = 0; i < array.n; i++)
		if (!strcmp(hdl_field_element_key(field, array.at + i * size), key))
			return array.at + i * size;
	return NULL;
}

/* Every element has a name, and no two the same. */
static bool is_named(const struct hdl_field *field, struct hdl_field_array array)
{
	size_t size = hdl_field_element_size(field);

	if (array.n > NAMED_MAX)
		return false;
	for (size_t i = 0; i < array.n; i++) {
		const char *key = hdl_field_element_key(field, array.at + i * size);
		struct hdl_field_array before = { array.at, i };

		if (!key || !*key || find_key(field, before, key))
			return false;
	}
	return true;
}

static void print_keys(struct hdl_buf *buf, const struct hdl_field *field, struct hdl_field_array array)
{
	struct hdl_emit e;

	hdl_emit_init(&e, buf, HDL_EMIT_LINE);
	hdl_emit_list(&e);
	for (size_t i = 0; i < array.n; i++)
		hdl_emit_str(&e, hdl_field_element_key(field, array.at + i * hdl_field_element_size(field)));
	hdl_emit_end(&e);
}

/* The order of a list's elements that are in both counts: of routes the first that matches is taken. */
static void diff_order(struct diff *d, const struct hdl_field *field, struct hdl_field_array was,
		       struct hdl_field_array now)
{
	size_t size = hdl_field_element_size(field), enter_n;
	struct hdl_buf text[2] = { { 0 }, { 0 } };
	struct hdl_pos none = { 0, 0 };
	const char *last = NULL;
	bool moved = false;

	for (size_t i = 0; i < was.n; i++) {
		const char *at = find_key(field, now, hdl_field_element_key(field, was.at + i * size));

		moved = moved || (at && last && at < last);
		last = at ? at : last;
	}
	if (!moved)
		return;
	enter_n = enter(d, "(order)");
	print_keys(&text[0], field, was);
	print_keys(&text[1], field, now);
	add(d, &text[0], &text[1], none, none);
	leave(d, enter_n);
}

static void diff_named(struct diff *d, const struct hdl_field *field, struct hdl_field_array was,
		       struct hdl_field_array now)
{
	size_t size = hdl_field_element_size(field);

	for (size_t i = 0; i < was.n; i++) {
		const void *at = was.at + i * size, *other;
		const char *key = hdl_field_element_key(field, at);
		size_t n = enter_element(d, key, i);

		other = find_key(field, now, key);
		if (!other || !hdl_field_element_equal(field, at, other))
			diff_element(d, field, at, other);
		leave(d, n);
	}
	for (size_t i = 0; i < now.n; i++) {
		const void *at = now.at + i * size;
		const char *key = hdl_field_element_key(field, at);
		size_t n = enter_element(d, key, i);

		if (!find_key(field, was, key))
			diff_element(d, field, NULL, at);
		leave(d, n);
	}
	if (!hdl_field_is_map(field))
		diff_order(d, field, was, now);
}

/* By position, between the elements that are the same at both ends. */
static void diff_places(struct diff *d, const struct hdl_field *field, struct hdl_field_array was,
			struct hdl_field_array now)
{
	size_t size = hdl_field_element_size(field), begin = 0, end = 0;

	while (begin < was.n && begin < now.n &&
	       hdl_field_element_equal(field, was.at + begin * size, now.at + begin * size))
		begin++;
	while (end < was.n - begin && end < now.n - begin &&
	       hdl_field_element_equal(field, was.at + (was.n - 1 - end) * size, now.at + (now.n - 1 - end) * size))
		end++;
	for (size_t i = begin; i < was.n - end || i < now.n - end; i++) {
		const void *a = i < was.n - end ? was.at + i * size : NULL;
		const void *b = i < now.n - end ? now.at + i * size : NULL;
		size_t n =
			enter_element(d, hdl_field_is_map(field) ? hdl_field_element_key(field, a ? a : b) : NULL, i);

		if (!a || !b || !hdl_field_element_equal(field, a, b))
			diff_element(d, field, a, b);
		leave(d, n);
	}
}

static void diff_list(struct diff *d, const struct hdl_field *field, const void *was, const void *now)
{
	struct hdl_field_array a = hdl_field_array(was), b = hdl_field_array(now);

	if (is_named(field, a) && is_named(field, b))
		diff_named(d, field, a, b);
	else
		diff_places(d, field, a, b);
}

/* ---- messages ---- */

static void diff_field(struct diff *d, const struct hdl_field *field, const void *was, const void *now)
{
	bool a = hdl_field_is_given(field, was), b = hdl_field_is_given(field, now);
	size_t n;

	if ((!a && !b) || (a && b && hdl_field_equal(field, was, now)))
		return;
	n = enter(d, field->name);
	if (!a || !b)
		add_field(d, field, a ? was : NULL, b ? now : NULL);
	else if (field->type == HDL_FIELD_INLINE)
		diff_message(d, field->message, was, now);
	else if (field->type == HDL_FIELD_MESSAGE)
		diff_message(d, field->message, hdl_field_pointer((const char *)was + field->offset),
			     hdl_field_pointer((const char *)now + field->offset));
	else if (hdl_field_is_list(field))
		diff_list(d, field, (const char *)was + field->offset, (const char *)now + field->offset);
	else
		add_field(d, field, was, now);
	leave(d, n);
}

static void diff_message(struct diff *d, const struct hdl_message *message, const void *was, const void *now)
{
	struct hdl_pos was_pos = d->was_pos, now_pos = d->now_pos;

	memcpy(&d->was_pos, was, sizeof(d->was_pos));
	memcpy(&d->now_pos, now, sizeof(d->now_pos));
	for (size_t i = 0; i < message->n_fields && !d->no_memory; i++)
		diff_field(d, &message->fields[i], was, now);
	d->was_pos = was_pos;
	d->now_pos = now_pos;
}

int hdl_resource_diff(struct hdl_arena *arena, const struct hdl_resource *was, const struct hdl_resource *now,
		      struct hdl_field_changes *ret)
{
	struct diff d = { .arena = arena };
	size_t n = enter(&d, "metadata");

	diff_message(&d, &hdl_schema_metadata, was->metadata, now->metadata);
	leave(&d, n);
	diff_message(&d, hdl_kind_schemas[was->kind].message, was->spec, now->spec);
	if (d.path.failed)
		d.no_memory = true;
	hdl_buf_done(&d.path);
	if (d.no_memory)
		return -ENOMEM;
	*ret = (struct hdl_field_changes){ d.at, d.n, d.cut };
	return 0;
}
