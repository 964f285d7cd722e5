/* SPDX-License-Identifier: Apache-2.0 */
/* Names (specification A.1), copies of texts, and places in files. */
#include "xlate/priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hdl_xl_report(struct hdl_diags *diags, enum hdl_severity severity, const struct hdl_resource *res,
		   struct hdl_pos pos, const char *field, const char *fmt, ...)
{
	struct hdl_diag where;
	va_list ap;

	if (res->derived_from)
		res = res->derived_from;
	where = (struct hdl_diag){
		.severity = severity,
		.file = res->file,
		.pos = pos.line ? pos : res->pos,
		.kind = hdl_kind_name(res->kind),
		.ns = res->ns,
		.name = res->name,
		.field = field,
	};
	va_start(ap, fmt);
	hdl_diags_vadd(diags, &where, fmt, ap);
	va_end(ap);
}

static const char *vprint(struct hdl_xl *xl, const char *fmt, va_list ap)
{
	char text[2048];
	const char *copy;

	vsnprintf(text, sizeof(text), fmt, ap);
	copy = hdl_arena_strdup(xl->scratch, text);
	if (!copy)
		xl->no_memory = true;
	return copy ? copy : "";
}

const char *hdl_xl_scratchf(struct hdl_xl *xl, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = vprint(xl, fmt, ap);
	va_end(ap);
	return text;
}

const char *hdl_xl_intern(struct hdl_xl *xl, const char *s)
{
	char *copy;

	if (!s || !s[0])
		return "";
	copy = hdl_xl_map_get(&xl->strings, s);
	if (copy)
		return copy;
	copy = hdl_arena_strdup(xl->arena, s);
	if (!copy || hdl_xl_map_put(&xl->strings, xl->names, copy, copy) < 0) {
		xl->no_memory = true;
		return "";
	}
	return copy;
}

const char *hdl_xl_internf(struct hdl_xl *xl, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return hdl_xl_intern(xl, text);
}

struct hdl_ir_origin hdl_xl_origin(struct hdl_xl *xl, const struct hdl_resource *res, struct hdl_pos pos)
{
	if (res->derived_from)
		res = res->derived_from;
	if (!pos.line)
		pos = res->pos;
	return (struct hdl_ir_origin){
		.kind = hdl_kind_name(res->kind),
		.ns = hdl_xl_intern(xl, res->ns),
		.name = hdl_xl_intern(xl, res->name),
		.file = hdl_xl_intern(xl, res->file),
		.line = pos.line,
		.column = pos.col,
	};
}

const char *hdl_xl_resource_text(const struct hdl_resource *res, char text[XL_NAME_MAX])
{
	if (res->derived_from)
		res = res->derived_from;
	snprintf(text, XL_NAME_MAX, "%s %s%s%s", hdl_kind_name(res->kind), res->ns, res->ns[0] ? "/" : "", res->name);
	return text;
}

const char *hdl_xl_lower(struct hdl_xl *xl, const char *s)
{
	char *copy = hdl_arena_strdup(xl->scratch, s);

	if (!copy) {
		xl->no_memory = true;
		return "";
	}
	for (char *p = copy; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
	return hdl_xl_intern(xl, copy);
}

const char *hdl_xl_host(struct hdl_xl *xl, const char *host, const char *ns)
{
	const char *name = hdl_xl_lower(xl, host);
	size_t n = strlen(name);

	if (n > 1 && name[n - 1] == '.') /* full, even when no other dot is left */
		return hdl_xl_internf(xl, "%.*s", (int)(n - 1), name);
	if (strpbrk(name, ".*:")) /* full names, wildcards, addresses */
		return name;
	return hdl_xl_internf(xl, "%s.%s.svc.%s", name, ns, xl->ir_node.domain);
}

bool hdl_xl_is_wildcard(const char *host)
{
	return host[0] == '*';
}

bool hdl_xl_host_covers(const char *pattern, const char *host)
{
	size_t suffix, n;

	if (strcmp(pattern, host) == 0)
		return true;
	if (!hdl_xl_is_wildcard(pattern))
		return false;
	suffix = strlen(pattern) - 1;
	n = strlen(host);
	return n > suffix && memcmp(host + n - suffix, pattern + 1, suffix) == 0;
}

static int by_key(const void *a, const void *b)
{
	const struct hdl_ir_label *x = a, *y = b;

	return strcmp(x->key, y->key);
}

int hdl_xl_scratch_labels(struct hdl_xl *xl, const struct hdl_kvs *kvs, struct hdl_ir_labels *ret)
{
	struct hdl_ir_label *v = hdl_arena_calloc(xl->scratch, kvs->n, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < kvs->n; i++)
		v[i] = (struct hdl_ir_label){ kvs->at[i].key, kvs->at[i].value };
	if (kvs->n)
		qsort(v, kvs->n, sizeof(*v), by_key);
	*ret = (struct hdl_ir_labels){ .v = v, .n = kvs->n };
	return 0;
}

int hdl_xl_labels(struct hdl_xl *xl, const struct hdl_kvs *kvs, struct hdl_ir_labels *ret)
{
	struct hdl_ir_label *v = hdl_arena_calloc(xl->arena, kvs->n, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < kvs->n; i++)
		v[i] = (struct hdl_ir_label){ hdl_xl_intern(xl, kvs->at[i].key), hdl_xl_intern(xl, kvs->at[i].value) };
	if (kvs->n)
		qsort(v, kvs->n, sizeof(*v), by_key);
	*ret = (struct hdl_ir_labels){ .v = v, .n = kvs->n };
	return 0;
}

const char *hdl_xl_label(const struct hdl_ir_labels *labels, const char *key)
{
	for (size_t i = 0; i < labels->n; i++)
		if (strcmp(labels->v[i].key, key) == 0)
			return labels->v[i].value;
	return NULL;
}
