/* SPDX-License-Identifier: Apache-2.0 */
/* The conditions of two match blocks as those of one, for a request that meets both. */
#include <errno.h>
#include <string.h>
#include "plan/priv.h"

/* The narrower one where both ask for something; whether the other holds too is seen when it is tried. */
static const struct hdl_ir_string_match *narrower(const struct hdl_ir_string_match *a,
						  const struct hdl_ir_string_match *b)
{
	if (a->kind == HDL_IR_MATCH_UNSET || a->kind == HDL_IR_MATCH_PRESENT)
		return b->kind == HDL_IR_MATCH_UNSET ? a : b;
	return b->kind == HDL_IR_MATCH_EXACT ? b : a;
}

static int all_named(struct hdl_arena *arena, const struct hdl_ir_named_match *a, size_t an,
		     const struct hdl_ir_named_match *b, size_t bn, const struct hdl_ir_named_match **ret,
		     size_t *ret_n)
{
	struct hdl_ir_named_match *all = hdl_arena_calloc(arena, an + bn + 1, sizeof(*all));
	size_t n = an;

	if (!all)
		return -ENOMEM;
	if (an)
		memcpy(all, a, an * sizeof(*all));
	for (size_t i = 0; i < bn; i++) {
		size_t k = 0;

		while (k < an && !hdl_str_eq(all[k].name, b[i].name))
			k++;
		if (k < an)
			all[k].match = *narrower(&all[k].match, &b[i].match);
		else
			all[n++] = b[i];
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

int hdl_preview_both_labels(struct hdl_arena *arena, const struct hdl_ir_labels *a, const struct hdl_ir_labels *b,
			    struct hdl_ir_labels *ret)
{
	struct hdl_ir_label *v = hdl_arena_calloc(arena, a->n + b->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	if (a->n)
		memcpy(v, a->v, a->n * sizeof(*v));
	if (b->n)
		memcpy(v + a->n, b->v, b->n * sizeof(*v));
	ret->v = v;
	ret->n = a->n + b->n;
	return 0;
}

int hdl_preview_both(struct hdl_arena *arena, const struct hdl_ir_http_match *a, const struct hdl_ir_http_match *b,
		     bool other_path, struct hdl_ir_http_match *ret)
{
	struct hdl_ir_http_match both = *a;
	int r;

	if (a->uri.kind == HDL_IR_MATCH_UNSET || (other_path && b->uri.kind != HDL_IR_MATCH_UNSET)) {
		both.uri = b->uri;
		both.ignore_uri_case = b->ignore_uri_case;
	}
	both.method = *narrower(&a->method, &b->method);
	both.scheme = *narrower(&a->scheme, &b->scheme);
	both.authority = *narrower(&a->authority, &b->authority);
	both.port = a->port ? a->port : b->port;
	if (!a->source_namespace[0])
		both.source_namespace = b->source_namespace;
	r = all_named(arena, a->headers, a->header_count, b->headers, b->header_count, &both.headers,
		      &both.header_count);
	if (r == 0)
		r = all_named(arena, a->query, a->query_count, b->query, b->query_count, &both.query,
			      &both.query_count);
	if (r == 0)
		r = hdl_preview_both_labels(arena, &a->source_labels, &b->source_labels, &both.source_labels);
	if (r == 0)
		*ret = both;
	return r;
}
