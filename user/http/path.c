/* SPDX-License-Identifier: Apache-2.0 */
/* Path normalisation (specification B.1, BASE) and raw query parameters (B.2). */
#include "http/path.h"

#include <errno.h>
#include <stdint.h>

static bool is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_' || c == '~';
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Needs work: an escape, a backslash, or a segment that begins with a dot (`/.` decides it in the slow path). */
static bool is_plain(struct hdl_str path)
{
	for (size_t i = 0; i < path.n; i++) {
		char c = path.p[i];

		if (c == '%' || c == '\\' || (c == '.' && i > 0 && path.p[i - 1] == '/'))
			return false;
	}
	return true;
}

/*
 * A broken escape is forwarded as it is. Nothing may be decoded right behind its `%`: `%%32e` would become `%2e`, an
 * escape that we have not looked at and that the next server resolves.
 */
static bool after_broken_escape(const char *buf, size_t n)
{
	return (n >= 1 && buf[n - 1] == '%') || (n >= 2 && buf[n - 2] == '%');
}

/* One byte of the decoded path from path.p[*i]; < 0 for %00. Escapes that stay are returned byte by byte. */
static int next_byte(struct hdl_str path, size_t *i, bool decode)
{
	char c = path.p[*i];

	(*i)++;
	if (c == '\\')
		return '/';
	if (c == '%' && *i + 1 < path.n) {
		int high = hex(path.p[*i]), low = hex(path.p[*i + 1]);

		if (high >= 0 && low >= 0) {
			int value = high << 4 | low;

			if (value == 0)
				return -EINVAL;
			if (decode && is_unreserved((unsigned char)value)) {
				*i += 2;
				return value;
			}
		}
	}
	return (unsigned char)c;
}

/*
 * The segment that ends at buf[n] began at buf[start] (behind its slash). Returns the new n: `.` goes, `..` takes the
 * segment before it along, both leave the slash before them.
 */
static size_t resolve_dots(const char *buf, size_t start, size_t n)
{
	size_t length = n - start;

	if (length == 1 && buf[start] == '.')
		return start;
	if (length == 2 && buf[start] == '.' && buf[start + 1] == '.') {
		n = start - 1; /* the slash before `..` */
		while (n > 0 && buf[n - 1] != '/')
			n--;
		return n > 0 ? n : 1; /* `/..` at the root stays at the root */
	}
	return n;
}

int hdl_http_path_normalize(struct hdl_str path, char *buf, size_t capacity, struct hdl_str *ret)
{
	size_t n = 0, start = 1;

	if (is_plain(path)) {
		*ret = path;
		return 0;
	}
	if (capacity < path.n)
		return -ENOSPC;
	for (size_t i = 0; i < path.n;) {
		int c = next_byte(path, &i, !after_broken_escape(buf, n));

		if (c < 0)
			return c;
		if (c == '/' && n > 0) {
			size_t resolved = resolve_dots(buf, start, n);

			start = resolved + 1;
			if (resolved != n) { /* its slash is there already */
				n = start = resolved;
				continue;
			}
		}
		buf[n++] = (char)c;
	}
	if (n > 0)
		n = resolve_dots(buf, start, n);
	*ret = (struct hdl_str){ buf, n };
	return 0;
}

/* `%2F` and `%5C`, letters of either case. The new length. */
static size_t decode_slashes(char *p, size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		int high = p[i] == '%' && n - i > 2 ? hex(p[i + 1]) : -1, low = high < 0 ? -1 : hex(p[i + 2]);
		int value = low < 0 ? 0 : high << 4 | low;

		if (value == '/' || value == '\\') {
			p[to++] = (char)value;
			i += 2;
		} else {
			p[to++] = p[i];
		}
	}
	return to;
}

static size_t merge_slashes(char *p, size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++)
		if (p[i] != '/' || to == 0 || p[to - 1] != '/')
			p[to++] = p[i];
	return to;
}

int hdl_http_path_normalize_as(struct hdl_str path, enum hdl_http_normalization how, struct hdl_str *ret)
{
	char *p = (char *)(uintptr_t)path.p;
	int r;

	if (how == HDL_HTTP_NORMALIZE_NONE) {
		*ret = path;
		return 0;
	}
	if (how == HDL_HTTP_NORMALIZE_DECODE_AND_MERGE_SLASHES)
		path.n = decode_slashes(p, path.n);
	r = hdl_http_path_normalize(path, p, path.n, &path);
	if (r < 0)
		return r;
	if (how != HDL_HTTP_NORMALIZE_BASE)
		path.n = merge_slashes(p, path.n);
	*ret = path;
	return 0;
}

bool hdl_http_query_get(struct hdl_str query, struct hdl_str key, struct hdl_str *ret)
{
	size_t at = 0;

	while (at < query.n) {
		const char *p = query.p + at;
		const char *end = memchr(p, '&', query.n - at);
		size_t n = end ? (size_t)(end - p) : query.n - at;
		const char *equals = memchr(p, '=', n);
		size_t name_n = equals ? (size_t)(equals - p) : n;

		if (hdl_str_eq((struct hdl_str){ p, name_n }, key)) {
			*ret = equals ? (struct hdl_str){ equals + 1, n - name_n - 1 } : (struct hdl_str){ p + n, 0 };
			return true;
		}
		at += n + 1;
	}
	return false;
}
