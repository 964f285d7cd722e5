/* SPDX-License-Identifier: Apache-2.0 */
/* Host names (specification A.1), label selectors, and texts that live as long as the analysis. */
#include "analyze/an.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/names.h"
#include "model/schema.h"

const char *an_strdup(struct an *an, const char *s)
{
	const char *copy = hdl_arena_strdup(an->arena, s);

	if (!copy)
		an->no_memory = true;
	return copy ? copy : "";
}

const char *an_printf(struct an *an, const char *fmt, ...)
{
	struct hdl_buf buf = { 0 };
	const char *copy;
	va_list ap;

	va_start(ap, fmt);
	hdl_buf_vprintf(&buf, fmt, ap);
	va_end(ap);
	if (buf.failed)
		an->no_memory = true;
	copy = buf.p && !buf.failed ? an_strdup(an, buf.p) : "";
	hdl_buf_done(&buf);
	return copy;
}

const char *an_fqdn(struct an *an, const char *host, const char *ns)
{
	size_t n = strlen(host);
	bool dotted = n > 1 && host[n - 1] == '.', full = dotted || strpbrk(host, ".*:") != NULL;
	char *name = full ? hdl_arena_strndup(an->arena, host, n - dotted) :
			    hdl_arena_printf(an->arena, "%s.%s.svc.%s", host, ns, an->domain);

	if (!name) {
		an->no_memory = true;
		return "";
	}
	for (char *p = name; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
	return name;
}

bool an_host_covers(const char *pattern, const char *host)
{
	size_t suffix, n;

	if (strcmp(pattern, host) == 0)
		return true;
	if (pattern[0] != '*')
		return false;
	suffix = strlen(pattern) - 1;
	n = strlen(host);
	return n > suffix && memcmp(host + n - suffix, pattern + 1, suffix) == 0;
}

static bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

bool an_hosts_match(const char *a, const char *b)
{
	if (a[0] == '*' && b[0] == '*')
		return ends_with(a + 1, b + 1) || ends_with(b + 1, a + 1);
	if (a[0] == '*')
		return ends_with(b, a + 1);
	if (b[0] == '*')
		return ends_with(a, b + 1);
	return strcmp(a, b) == 0;
}

bool an_exported(const struct hdl_texts *export_to, const char *own_ns, const char *ns)
{
	for (size_t i = 0; i < export_to->n; i++) {
		const char *to = export_to->at[i].s;

		if (strcmp(to, "*") == 0 || strcmp(strcmp(to, ".") == 0 ? own_ns : to, ns) == 0)
			return true;
	}
	return export_to->n == 0;
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const struct hdl_kv *const *)a)->key, (*(const struct hdl_kv *const *)b)->key);
}

const char *an_selector_text(struct an *an, const struct hdl_kvs *selector)
{
	const struct hdl_kv **sorted = hdl_arena_calloc(an->arena, selector->n + 1, sizeof(struct hdl_kv *));
	struct hdl_buf buf = { 0 };
	const char *text;

	if (!sorted) {
		an->no_memory = true;
		return "";
	}
	for (size_t i = 0; i < selector->n; i++)
		sorted[i] = &selector->at[i];
	if (selector->n)
		qsort(sorted, selector->n, sizeof(struct hdl_kv *), by_key);
	for (size_t i = 0; i < selector->n; i++)
		hdl_buf_printf(&buf, "%s%s=%s", i ? "," : "", sorted[i]->key, sorted[i]->value);
	if (buf.failed)
		an->no_memory = true;
	text = buf.p && !buf.failed ? an_strdup(an, buf.p) : "";
	hdl_buf_done(&buf);
	return text;
}

bool an_labels_contain(const struct hdl_kvs *labels, const struct hdl_kvs *selector)
{
	for (size_t i = 0; i < selector->n; i++) {
		const char *value = hdl_kvs_get(labels, selector->at[i].key);

		if (!value || strcmp(value, selector->at[i].value) != 0)
			return false;
	}
	return true;
}

const char *an_full_name(struct an *an, const char *reference, const char *ns)
{
	return strchr(reference, '/') ? reference : an_printf(an, "%s/%s", ns, reference);
}

const char *an_gateway_name(struct an *an, const char *reference, const char *ns)
{
	size_t name = strcspn(reference, "./");
	const char *rest = reference + name + 1;

	if (reference[name] != '.')
		return an_full_name(an, reference, ns);
	return an_printf(an, "%.*s/%.*s", (int)strcspn(rest, "."), rest, (int)name, reference);
}

const char *an_resource_name(struct an *an, const struct hdl_resource *res)
{
	return *res->ns ? an_printf(an, "%s/%s", res->ns, res->name) : res->name;
}

struct hdl_pos an_name_pos(const struct hdl_resource *res)
{
	return res->metadata ? res->metadata->name.pos : res->pos;
}

const char *an_duration(struct an *an, int64_t ns)
{
	if (ns % 1000000000 == 0)
		return an_printf(an, "%llds", (long long)(ns / 1000000000));
	if (ns % 100000000 == 0)
		return an_printf(an, "%lld.%llds", (long long)(ns / 1000000000),
				 (long long)(ns % 1000000000 / 100000000));
	return an_printf(an, "%lldms", (long long)(ns / 1000000));
}

bool an_is_external(const struct an *an, const char *fqdn)
{
	size_t n = strlen(fqdn), m = strlen(an->domain);

	return strchr(fqdn, '.') && !hdl_name_is_ip(fqdn) && strcmp(fqdn, "*") != 0 &&
	       !(n > m + 5 && strcmp(fqdn + n - m, an->domain) == 0 && strncmp(fqdn + n - m - 5, ".svc.", 5) == 0);
}
