/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into value trees: members, and what a plain scalar means. */
#include "conf/node.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct hdl_node *hdl_node_get(const struct hdl_node *map, const char *key)
{
	size_t n = strlen(key);

	if (map->kind != HDL_NODE_MAP)
		return NULL;
	for (uint32_t i = 0; i < map->n; i++) {
		const struct hdl_node *k = map->member[i].key;

		if (k->n == n && memcmp(k->text, key, n) == 0)
			return map->member[i].value;
	}
	return NULL;
}

/* 1 true, 0 false, -1 neither. */
static int plain_bool(const struct hdl_node *node)
{
	static const char *const yes[] = { "true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON" };
	static const char *const no[] = { "false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF" };

	if (node->n == 0 || node->n > 5 || !strchr("tTyYoOfFnN", node->text[0]))
		return -1; /* nearly all */
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (strcmp(node->text, yes[i]) == 0)
			return 1;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (strcmp(node->text, no[i]) == 0)
			return 0;
	return -1;
}

static bool plain_null(const struct hdl_node *node)
{
	return node->n == 0 || (node->n == 1 && node->text[0] == '~') ||
	       (node->n == 4 && (node->text[0] | 0x20) == 'n' &&
		(!strcmp(node->text, "null") || !strcmp(node->text, "Null") || !strcmp(node->text, "NULL")));
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Every spelling that some reader takes for an integer: 10, 0x1f, 0o17, 017, 0b11, 1_000. */
static bool looks_like_int(const char *s)
{
	const char *digits = "0123456789_";

	if (*s == '-' || *s == '+')
		s++;
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'o' || s[1] == 'b')) {
		digits = s[1] == 'x' ? "0123456789abcdefABCDEF_" : s[1] == 'o' ? "01234567_" : "01_";
		s += 2;
	} else if (!is_digit(*s)) {
		return false;
	}
	return *s && s[strspn(s, digits)] == '\0';
}

static bool looks_like_float(const char *s)
{
	size_t digits = 0;

	if (*s == '-' || *s == '+')
		s++;
	if (*s != '.' && !is_digit(*s))
		return false; /* nearly all */
	if (!strcmp(s, ".inf") || !strcmp(s, ".Inf") || !strcmp(s, ".INF") || !strcmp(s, ".nan") ||
	    !strcmp(s, ".NaN") || !strcmp(s, ".NAN"))
		return true;
	for (; is_digit(*s) || (*s == '_' && digits); s++)
		digits++;
	if (*s == '.')
		for (s++; is_digit(*s) || (*s == '_' && digits); s++)
			digits++;
	if (!digits)
		return false;
	if (*s == 'e' || *s == 'E') {
		s++;
		if (*s == '-' || *s == '+')
			s++;
		if (!is_digit(*s))
			return false;
		while (is_digit(*s))
			s++;
	}
	return *s == '\0';
}

/* Most scalars are names: one look at the first character tells. */
static bool may_be_special(const struct hdl_node *node)
{
	static const bool first[256] = {
		['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true, ['5'] = true,
		['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true, ['+'] = true, ['-'] = true,
		['.'] = true, ['~'] = true, ['t'] = true, ['T'] = true, ['y'] = true, ['Y'] = true,
		['o'] = true, ['O'] = true, ['f'] = true, ['F'] = true, ['n'] = true, ['N'] = true,
	};

	return node->n == 0 || first[(unsigned char)node->text[0]];
}

enum hdl_scalar_type hdl_node_scalar_type(const struct hdl_node *node)
{
	if (node->quoted || !may_be_special(node))
		return HDL_SCALAR_STRING;
	if (plain_null(node))
		return HDL_SCALAR_NULL;
	if (node->n > 1 && plain_bool(node) >= 0)
		return HDL_SCALAR_BOOL;
	if (looks_like_int(node->text))
		return HDL_SCALAR_INT;
	if (looks_like_float(node->text))
		return HDL_SCALAR_FLOAT;
	return HDL_SCALAR_STRING;
}

int hdl_node_bool(const struct hdl_node *node, bool *ret)
{
	int b;

	if (node->kind != HDL_NODE_SCALAR || node->quoted || (b = plain_bool(node)) < 0)
		return -EINVAL;
	*ret = b;
	return 0;
}

int hdl_node_int(const struct hdl_node *node, int64_t *ret)
{
	const char *s = node->text, *digits;
	int64_t value;
	char *end;

	if (node->kind != HDL_NODE_SCALAR || hdl_node_scalar_type(node) != HDL_SCALAR_INT)
		return -EINVAL;
	digits = s + (*s == '-' || *s == '+');
	if (strchr(s, '_') || (digits[0] == '0' && digits[1] && digits[1] != 'x'))
		return -EINVAL;
	errno = 0;
	value = strtoll(s, &end, digits[0] == '0' ? 0 : 10);
	if (*end)
		return -EINVAL;
	if (errno)
		return -ERANGE;
	*ret = value;
	return 0;
}

int hdl_node_double(const struct hdl_node *node, double *ret)
{
	enum hdl_scalar_type type;
	int64_t integer;
	double value;
	char *end;
	int r;

	if (node->kind != HDL_NODE_SCALAR)
		return -EINVAL;
	type = hdl_node_scalar_type(node);
	if (type == HDL_SCALAR_INT) {
		r = hdl_node_int(node, &integer);
		if (r < 0)
			return r;
		*ret = (double)integer;
		return 0;
	}
	if (type != HDL_SCALAR_FLOAT || strchr(node->text, '_'))
		return -EINVAL;
	value = strtod(node->text, &end);
	if (*end)
		return -EINVAL; /* .inf, .nan */
	if (!isfinite(value))
		return -ERANGE;
	*ret = value;
	return 0;
}
