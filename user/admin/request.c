/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of a query, filters, and small JSON bodies. */
#include <errno.h>
#include <string.h>
#include "admin/page.h"

struct hdl_str hdl_admin_parameter(struct hdl_str query, const char *name)
{
	size_t n = strlen(name);

	for (size_t at = 0; at < query.n;) {
		const char *p = query.p + at, *end = memchr(p, '&', query.n - at);
		size_t length = end ? (size_t)(end - p) : query.n - at;

		if (length > n && p[n] == '=' && memcmp(p, name, n) == 0)
			return (struct hdl_str){ p + n + 1, length - n - 1 };
		at += length + 1;
	}
	return (struct hdl_str){ NULL, 0 };
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hdl_admin_parameter_text(struct hdl_str query, const char *name, char *to, size_t size)
{
	struct hdl_str from = hdl_admin_parameter(query, name);
	size_t n = 0;

	to[0] = '\0';
	if (!from.p)
		return false;
	for (size_t i = 0; i < from.n; i++) {
		char c = from.p[i];

		if (c == '%') {
			int high = i + 2 < from.n ? hex(from.p[i + 1]) : -1,
			    low = i + 2 < from.n ? hex(from.p[i + 2]) : -1;

			if (high < 0 || low < 0 || (high == 0 && low == 0)) {
				to[0] = '\0';
				return false;
			}
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		if (n + 1 >= size) {
			to[0] = '\0';
			return false;
		}
		to[n++] = c;
	}
	to[n] = '\0';
	return true;
}

/* A filter that is there must be right; one that is not there is empty. */
static bool filter_text(struct hdl_str query, const char *name, char *to, size_t size)
{
	return hdl_admin_parameter_text(query, name, to, size) || !hdl_admin_parameter(query, name).p;
}

bool hdl_admin_filter_parse(struct hdl_str query, struct hdl_admin_filter *ret)
{
	struct hdl_str port = hdl_admin_parameter(query, "port");
	struct hdl_admin_filter filter = { 0 };

	if (!filter_text(query, "fqdn", filter.fqdn, sizeof(filter.fqdn)) ||
	    !filter_text(query, "subset", filter.subset, sizeof(filter.subset)) ||
	    !filter_text(query, "name", filter.name, sizeof(filter.name)) ||
	    !filter_text(query, "from", filter.from, sizeof(filter.from)))
		return false;
	if (port.n && hdl_str_u64(port, 65535, &filter.port) < 0)
		return false;
	*ret = filter;
	return true;
}

struct json {
	const char *p, *end;
};

static void skip_blanks(struct json *json)
{
	while (json->p < json->end && strchr(" \t\r\n", *json->p) && *json->p)
		json->p++;
}

static bool take(struct json *json, char c)
{
	skip_blanks(json);
	if (json->p == json->end || *json->p != c)
		return false;
	json->p++;
	return true;
}

/* After the backslash. -1: not an escape that counts here. */
static int escape(struct json *json)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	int value = 0;

	if (json->p == json->end || *json->p == '\0')
		return -1;
	found = strchr(from, *json->p);
	if (found) {
		json->p++;
		return to[found - from];
	}
	if (*json->p != 'u' || json->end - json->p < 5)
		return -1;
	for (int i = 1; i <= 4; i++) {
		int digit = hex(json->p[i]);

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	json->p += 5;
	return value > 0 && value < 128 ? value : -1;
}

static bool take_string(struct json *json, char *to, size_t size)
{
	size_t n = 0;

	if (!take(json, '"'))
		return false;
	while (json->p < json->end) {
		int c = (unsigned char)*json->p++;

		if (c == '"') {
			to[n] = '\0';
			return true;
		}
		if (c < 32)
			return false;
		if (c == '\\')
			c = escape(json);
		if (c < 0 || n + 1 >= size)
			return false;
		to[n++] = (char)c;
	}
	return false;
}

int hdl_admin_parse_object(struct hdl_str text, bool (*member)(void *data, const char *key, const char *value),
			   void *data)
{
	struct json json = { text.p, text.p + text.n };
	char key[64], value[512];

	if (!text.p || !take(&json, '{'))
		return -EINVAL;
	if (!take(&json, '}')) {
		do {
			if (!take_string(&json, key, sizeof(key)) || !take(&json, ':') ||
			    !take_string(&json, value, sizeof(value)) || !member(data, key, value))
				return -EINVAL;
		} while (take(&json, ','));
		if (!take(&json, '}'))
			return -EINVAL;
	}
	skip_blanks(&json);
	return json.p == json.end ? 0 : -EINVAL;
}
