/* SPDX-License-Identifier: Apache-2.0 */
/* Header operations: the levels folded as Istio folds them, values compiled (specification B.5). */
#include "xlate/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the writers of messages make by themselves: operations on these change nothing. */
static const char *const own_headers[] = {
	"connection", "content-length", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
};

static bool is_host(const char *name)
{
	struct hdl_str s = hdl_str_of(name);

	return hdl_str_eq_nocase(s, HDL_STR(":authority")) || hdl_str_eq_nocase(s, HDL_STR("host"));
}

/* A response gets these behind the operations, so that removing them has no effect (B.5). */
static bool is_added_afterwards(const char *name)
{
	struct hdl_str s = hdl_str_of(name);

	return hdl_str_eq_nocase(s, HDL_STR("server")) || hdl_str_eq_nocase(s, HDL_STR("date"));
}

static void report_own(struct hdl_xl *xl, const struct hdl_resource *res, struct hdl_pos pos, const char *name)
{
	for (size_t i = 0; i < sizeof(own_headers) / sizeof(own_headers[0]); i++)
		if (hdl_str_eq_nocase(hdl_str_of(name), hdl_str_of(own_headers[i])) &&
		    hdl_xl_first_time(xl, "own header %s %u %u %s", res->file, pos.line, pos.col, own_headers[i]))
			hdl_xl_report(xl->diags, HDL_WARNING, res, pos, NULL,
				      "header %s is made by the proxy itself: this operation has no effect",
				      own_headers[i]);
}

static struct hdl_str lower(struct hdl_xl *xl, struct hdl_str name)
{
	return hdl_str_of(hdl_xl_lower(xl, hdl_xl_internf(xl, HDL_STR_FMT, HDL_STR_ARG(name))));
}

/* The parts point into the interned copy of the text. */
static int compile_value(struct hdl_xl *xl, const char *text, struct hdl_ir_header_value *value)
{
	struct hdl_str all = hdl_str_of(hdl_xl_intern(xl, text)), rest = all;
	struct hdl_subst_part part, *parts;
	size_t n = 0;

	while (hdl_subst_next(&rest, &part, NULL) > 0)
		n++;
	parts = hdl_arena_calloc(xl->arena, n, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	value->parts = parts;
	for (rest = all; value->part_count < n && hdl_subst_next(&rest, &part, NULL) > 0;) {
		if (part.command == HDL_SUBST_REQ || part.command == HDL_SUBST_RESP) {
			part.text = lower(xl, part.text);
			part.instead = lower(xl, part.instead);
		}
		parts[value->part_count++] = part;
	}
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct hdl_kv *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

/* The pairs of one level, sorted by key as Istio sorts them, behind those that are there already. */
static int add_pairs(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_kvs *kvs,
		     struct hdl_ir_header_value *list, size_t *n)
{
	const struct hdl_kv **sorted = hdl_arena_calloc(xl->scratch, kvs->n, sizeof(struct hdl_kv *));

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < kvs->n; i++)
		sorted[i] = &kvs->at[i];
	if (kvs->n > 1)
		qsort(sorted, kvs->n, sizeof(struct hdl_kv *), by_key);
	for (size_t i = 0; i < kvs->n; i++) {
		if (is_host(sorted[i]->key))
			continue;
		report_own(xl, res, sorted[i]->pos, sorted[i]->key);
		list[*n].name = hdl_str_of(hdl_xl_lower(xl, sorted[i]->key));
		if (compile_value(xl, sorted[i]->value, &list[*n]) < 0)
			return -ENOMEM;
		(*n)++;
	}
	return 0;
}

/* Operations of one direction of several levels in the order of application. */
static int fold(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_header_ops *const level[2],
		bool response, struct hdl_ir_header_ops *ret)
{
	struct hdl_ir_header_value *set, *add;
	size_t sets = 0, adds = 0, removes = 0;
	struct hdl_str *remove;

	for (int i = 0; i < 2; i++) {
		sets += level[i] ? level[i]->set.n : 0;
		adds += level[i] ? level[i]->add.n : 0;
		removes += level[i] ? level[i]->remove.n : 0;
	}
	set = hdl_arena_calloc(xl->arena, sets, sizeof(*set));
	add = hdl_arena_calloc(xl->arena, adds, sizeof(*add));
	remove = hdl_arena_calloc(xl->arena, removes, sizeof(*remove));
	if (!set || !add || !remove)
		return -ENOMEM;
	*ret = (struct hdl_ir_header_ops){ .set = set, .add = add, .remove = remove };
	for (int i = 0; i < 2; i++) {
		if (!level[i])
			continue;
		if (add_pairs(xl, res, &level[i]->set, set, &ret->set_count) < 0 ||
		    add_pairs(xl, res, &level[i]->add, add, &ret->add_count) < 0)
			return -ENOMEM;
		for (size_t k = 0; k < level[i]->remove.n; k++) {
			const struct hdl_text *name = &level[i]->remove.at[k];

			report_own(xl, res, name->pos, name->s);
			if (!response || !is_added_afterwards(name->s))
				remove[ret->remove_count++] = hdl_str_of(hdl_xl_lower(xl, name->s));
		}
	}
	return 0;
}

static const char *host_of(const struct hdl_vs_headers *headers)
{
	const struct hdl_vs_header_ops *ops = headers ? headers->request : NULL;

	for (size_t i = 0; ops && i < ops->set.n; i++)
		if (is_host(ops->set.at[i].key))
			return ops->set.at[i].value;
	for (size_t i = 0; ops && i < ops->add.n; i++)
		if (is_host(ops->add.at[i].key))
			return ops->add.at[i].value;
	return NULL;
}

int hdl_xl_headers(struct hdl_xl *xl, const struct hdl_resource *res, const struct hdl_vs_headers *first,
		   const struct hdl_vs_headers *second, const char *authority, const struct hdl_ir_headers **ret)
{
	const struct hdl_vs_header_ops *request[2] = { first ? first->request : NULL, second ? second->request : NULL };
	const struct hdl_vs_header_ops *response[2] = { first ? first->response : NULL,
							second ? second->response : NULL };
	const char *host = authority ? authority : host_of(first) ? host_of(first) : host_of(second);
	struct hdl_ir_headers *headers;

	if (!first && !second && !authority)
		return 0;
	headers = hdl_arena_alloc(xl->arena, sizeof(*headers));
	if (!headers || fold(xl, res, request, false, &headers->request) < 0 ||
	    fold(xl, res, response, true, &headers->response) < 0)
		return -ENOMEM;
	headers->host = hdl_xl_intern(xl, host);
	*ret = headers;
	return 0;
}
