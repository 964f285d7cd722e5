/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding of single values: texts, numbers, durations, times, names out of a list, localities. */
#include <errno.h>
#include <string.h>
#include "base/buf.h"
#include "base/duration.h"
#include "base/quantity.h"
#include "base/rfc3339.h"
#include "model/decode_impl.h"

const char *hdl_decode_kind_of(const struct hdl_node *node)
{
	static const char *const scalar[] = { "null", "a boolean", "a number", "a number", "a string" };

	if (node->kind == HDL_NODE_SCALAR)
		return scalar[hdl_node_scalar_type(node)];
	return node->kind == HDL_NODE_MAP ? "a map" : "a list";
}

const char *hdl_decode_text_of(struct hdl_decode *d, const struct hdl_node *node)
{
	char *text;

	if (node->kind != HDL_NODE_SCALAR || hdl_node_scalar_type(node) != HDL_SCALAR_STRING) {
		bool quote = node->kind == HDL_NODE_SCALAR && !hdl_node_is_null(node) && !d->secret;

		hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "must be a string, not %s%s%.60s%s",
				 hdl_decode_kind_of(node), quote ? " (write \"" : "", quote ? node->text : "",
				 quote ? "\")" : "");
		return NULL;
	}
	if (memchr(node->text, '\0', node->n)) {
		hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "must not contain a NUL character");
		return NULL;
	}
	text = hdl_arena_strndup(d->arena, node->text, node->n);
	if (!text) {
		hdl_decode_out_of_memory(d);
	}
	return text;
}

void hdl_decode_string(struct hdl_decode *d, const struct hdl_node *node, struct hdl_text *ret)
{
	ret->pos = hdl_decode_pos_of(node);
	ret->s = hdl_decode_text_of(d, node);
}

void hdl_decode_check_length(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_text *text)
{
	int64_t n = 0;

	for (const char *s = text->s ? text->s : ""; field->max && *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	if (field->max && n > field->max)
		hdl_decode_error(d, text->pos, NULL, "has %lld characters, at most %lld are allowed", (long long)n,
				 (long long)field->max);
}

void hdl_decode_bool(struct hdl_decode *d, const struct hdl_node *node, struct hdl_opt_bool *ret)
{
	ret->pos = hdl_decode_pos_of(node);
	ret->has = hdl_node_bool(node, &ret->value) == 0;
	if (!ret->has)
		hdl_decode_error(d, ret->pos, NULL, "must be true or false, not %s", hdl_decode_kind_of(node));
}

bool hdl_decode_int_value(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
			  int64_t *ret)
{
	int64_t value;
	int r = hdl_node_int(node, &value);

	if (r == -EINVAL && (field->flags & HDL_FIELD_QUANTITY) && node->kind == HDL_NODE_SCALAR &&
	    hdl_node_scalar_type(node) != HDL_SCALAR_INT) /* 010 stays refused */
		r = hdl_quantity_parse((struct hdl_str){ node->text, node->n }, &value);
	if (r == 0 && value >= field->min && value <= field->max) {
		*ret = value;
		return true;
	}
	if (r == 0 || r == -ERANGE)
		hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "must be %lld..%lld, not %.40s",
				 (long long)field->min, (long long)field->max, node->text);
	else if (node->kind == HDL_NODE_SCALAR && hdl_node_scalar_type(node) == HDL_SCALAR_STRING)
		hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "must be a whole number, not a string%s",
				 node->quoted ? " (remove the quotes)" : "");
	else if (node->kind == HDL_NODE_SCALAR && hdl_node_scalar_type(node) == HDL_SCALAR_INT)
		hdl_decode_error(d, hdl_decode_pos_of(node), NULL,
				 "must be written as a decimal or 0x number, not %.40s", node->text);
	else if (node->kind == HDL_NODE_SCALAR && hdl_node_scalar_type(node) == HDL_SCALAR_FLOAT)
		hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "must be a whole number, not %.40s", node->text);
	else
		hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "must be a whole number, not %s",
				 hdl_decode_kind_of(node));
	return false;
}

void hdl_decode_int(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
		    struct hdl_opt_int *ret)
{
	ret->pos = hdl_decode_pos_of(node);
	ret->has = hdl_decode_int_value(d, field, node, &ret->value);
}

void hdl_decode_double(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
		       struct hdl_opt_double *ret)
{
	double value;
	int r = hdl_node_double(node, &value);

	ret->pos = hdl_decode_pos_of(node);
	if (r == 0 && value >= (double)field->min && value <= (double)field->max) {
		ret->has = true;
		ret->value = value;
	} else if (r == 0 || r == -ERANGE) {
		hdl_decode_error(d, ret->pos, NULL, "must be %lld..%lld, not %.40s", (long long)field->min,
				 (long long)field->max, node->text);
	} else {
		hdl_decode_error(d, ret->pos, NULL, "must be a number, not %s%s", hdl_decode_kind_of(node),
				 node->kind == HDL_NODE_SCALAR && node->quoted ? " (remove the quotes)" : "");
	}
}

void hdl_decode_duration(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
			 struct hdl_opt_duration *ret)
{
	int64_t ns = 0;
	int r;

	ret->pos = hdl_decode_pos_of(node);
	if (node->kind != HDL_NODE_SCALAR || hdl_node_scalar_type(node) != HDL_SCALAR_STRING) {
		hdl_decode_error(d, ret->pos, NULL, "must be a duration such as 1.5s or 100ms, not %s",
				 hdl_decode_kind_of(node));
		return;
	}
	r = hdl_duration_parse((struct hdl_str){ node->text, node->n }, &ns);
	if (r < 0)
		hdl_decode_error(d, ret->pos, NULL, "\"%.40s\" is %s duration such as 1.5s or 100ms", node->text,
				 r == -ERANGE ? "too long for a" : "not a");
	else if (ns < field->min)
		hdl_decode_error(d, ret->pos, NULL, "must be at least %s, not %.40s", field->min ? "1ms" : "0s",
				 node->text);
	else if (field->max && ns > field->max)
		hdl_decode_error(d, ret->pos, NULL, "must be at most %llds, not %.40s",
				 (long long)(field->max / (1000 * HDL_NS_MS)), node->text);
	else if (field->step && ns % field->step)
		hdl_decode_error(d, ret->pos, NULL, "must be a whole number of %s, not %.40s",
				 field->step == HDL_NS_MS ? "milliseconds" : "seconds", node->text);
	else
		*ret = (struct hdl_opt_duration){ true, ns, ret->pos };
}

void hdl_decode_time(struct hdl_decode *d, const struct hdl_node *node, struct hdl_opt_time *ret)
{
	int64_t ns;
	int r = -EINVAL;

	ret->pos = hdl_decode_pos_of(node);
	if (node->kind == HDL_NODE_SCALAR && hdl_node_scalar_type(node) == HDL_SCALAR_STRING)
		r = hdl_rfc3339_parse((struct hdl_str){ node->text, node->n }, &ns);
	if (r == -ERANGE)
		hdl_decode_error(d, ret->pos, NULL, "must be a time of the years 1678 to 2261, not %.40s", node->text);
	else if (r < 0)
		hdl_decode_error(d, ret->pos, NULL, "must be a time such as 2024-05-06T07:08:09Z");
	else
		*ret = (struct hdl_opt_time){ true, ns, ret->pos };
}

static void refuse_enum(struct hdl_decode *d, const struct hdl_enum_value *values, const struct hdl_node *node)
{
	struct hdl_buf names = { .limit_bytes = 1024 };

	for (const struct hdl_enum_value *v = values; v->name; v++)
		hdl_buf_printf(&names, "%s%s", names.n ? ", " : "", v->name);
	if (node->kind == HDL_NODE_SCALAR)
		hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "must be one of %s, not \"%.60s\"",
				 names.p ? names.p : "", node->text);
	else
		hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "must be one of %s, not %s", names.p ? names.p : "",
				 hdl_decode_kind_of(node));
	hdl_buf_done(&names);
}

void hdl_decode_enum(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
		     struct hdl_opt_enum *ret)
{
	ret->pos = hdl_decode_pos_of(node);
	/* By text: "off" and "on" are names here although YAML has them as booleans. */
	for (const struct hdl_enum_value *v = field->values; v->name && node->kind == HDL_NODE_SCALAR; v++)
		if (strlen(v->name) == node->n && !strcmp(v->name, node->text)) {
			ret->has = true;
			ret->value = v->value;
			return;
		}
	refuse_enum(d, field->values, node);
}

void hdl_decode_int_or_string(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
			      struct hdl_opt_int_or_string *ret)
{
	ret->pos = hdl_decode_pos_of(node);
	if (node->kind == HDL_NODE_SCALAR && hdl_node_scalar_type(node) == HDL_SCALAR_INT) {
		ret->has = hdl_decode_int_value(d, field, node, &ret->number);
		return;
	}
	ret->s = hdl_decode_text_of(d, node);
	ret->has = ret->s;
}

void hdl_decode_locality(struct hdl_decode *d, const struct hdl_node *node, struct hdl_text *ret)
{
	static const char *const name[] = { "region", "zone", "subzone" };

	if (node->kind == HDL_NODE_MAP) {
		for (uint32_t i = 0; i < node->n; i++) {
			const struct hdl_node *key = node->member[i].key, *value = node->member[i].value;
			size_t j = 0;

			while (j < 3 && strcmp(key->text, name[j]))
				j++;
			if (j == 3)
				hdl_decode_error(d, hdl_decode_pos_of(key), key->text,
						 "unknown field; known are region, zone and subzone");
			else if (!hdl_node_is_null(value))
				hdl_decode_string(d, value, &ret[j]);
		}
		return;
	}
	hdl_decode_string(d, node, &ret[0]);
	for (size_t j = 0; j < 3 && ret[j].s; j++) {
		char *slash = strchr(ret[j].s, '/');

		if (slash && j == 2) {
			hdl_decode_error(d, hdl_decode_pos_of(node), NULL, "must be region/zone/subzone");
		} else if (slash) {
			*slash = '\0';
			ret[j + 1] = (struct hdl_text){ slash + 1, ret[j].pos };
		}
	}
}
