/* SPDX-License-Identifier: Apache-2.0 */
/* Parser of header values with substitution commands. */
#include "base/subst.h"

#include <errno.h>
#include <string.h>

enum argument { NONE, HEADER, TIME };

static const struct {
	struct hdl_str name;
	enum argument argument;
} commands[] = { [HDL_SUBST_LITERAL] = { { "", 0 }, NONE },
#define X(id, name, argument) [HDL_SUBST_##id] = { { name, sizeof(name) - 1 }, argument },
		 HDL_SUBST_COMMANDS(X)
#undef X
};

#define COUNT (sizeof(commands) / sizeof(commands[0]))
#define BYTES_MAX_MAX 1000000

static const char all_names[] =
#define X(id, name, argument) name ", "
	HDL_SUBST_COMMANDS(X)
#undef X
		"%%";

static int unknown(struct hdl_err *err, struct hdl_str name)
{
	return hdl_err_set(err, -EINVAL, "%%" HDL_STR_FMT "%% is no command that can be used here; there are: %s",
			   HDL_STR_ARG(name), all_names);
}

/* `n` bytes of token characters or the pseudo headers' colon in front */
static bool is_header(struct hdl_str s)
{
	static const char others[] = "!#$&'*+-.^_`|~";

	if (s.n > 1 && s.p[0] == ':') {
		s.p++;
		s.n--;
	}
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c && strchr(others, c))))
			return false;
	}
	return s.n > 0;
}

static int header_argument(struct hdl_str name, struct hdl_str argument, struct hdl_subst_part *part,
			   struct hdl_err *err)
{
	const char *mark = argument.n ? memchr(argument.p, '?', argument.n) : NULL;

	part->text = argument;
	if (mark) {
		part->text.n = (size_t)(mark - argument.p);
		part->instead = (struct hdl_str){ mark + 1, argument.n - part->text.n - 1 };
	}
	if (!is_header(part->text) || (mark && !is_header(part->instead)))
		return hdl_err_set(err, -EINVAL, "%%" HDL_STR_FMT "(" HDL_STR_FMT ")%% does not name a header",
				   HDL_STR_ARG(name), HDL_STR_ARG(argument));
	return 0;
}

/* The parenthesis that ends the argument; a time's format may hold other ones. */
static const char *closing(const char *p, const char *end)
{
	for (; p < end; p++)
		if (*p == ')' && p + 1 < end && (p[1] == '%' || p[1] == ':'))
			return p;
	return NULL;
}

static size_t name_bytes(struct hdl_str s)
{
	size_t n = 0;

	while (n < s.n && ((s.p[n] >= 'A' && s.p[n] <= 'Z') || (s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '_'))
		n++;
	return n;
}

static int set_command(struct hdl_str name, bool has_argument, struct hdl_str argument, struct hdl_subst_part *part,
		       struct hdl_err *err)
{
	size_t i = 1;

	while (i < COUNT && !hdl_str_eq(commands[i].name, name))
		i++;
	if (i == COUNT)
		return unknown(err, name);
	part->command = (uint8_t)i;
	if (commands[i].argument == HEADER)
		return header_argument(name, argument, part, err);
	if (commands[i].argument == NONE && has_argument)
		return hdl_err_set(err, -EINVAL, "%%" HDL_STR_FMT "%% takes no argument", HDL_STR_ARG(name));
	part->text = argument;
	return 0;
}

/* What stands between two percent signs; *rest begins behind the first. */
static int command(struct hdl_str *rest, struct hdl_subst_part *part, struct hdl_err *err)
{
	const char *end = rest->p + rest->n, *p, *close;
	struct hdl_str name = { rest->p, name_bytes(*rest) }, argument = { "", 0 }, digits;
	bool has_argument, has_max;
	uint64_t max = 0;

	p = name.p + name.n;
	has_argument = p < end && *p == '(';
	if (has_argument) {
		close = closing(p, end);
		if (!close)
			return hdl_err_set(err, -EINVAL, "%%" HDL_STR_FMT "( has no end", HDL_STR_ARG(name));
		argument = (struct hdl_str){ p + 1, (size_t)(close - p) - 1 };
		p = close + 1;
	}
	has_max = p < end && *p == ':';
	close = p < end ? memchr(p, '%', (size_t)(end - p)) : NULL;
	if (!close)
		return hdl_err_set(err, -EINVAL,
				   "a percent sign has no partner; a percent sign itself is written %%%%");
	digits = (struct hdl_str){ p + has_max, (size_t)(close - p) - has_max };
	if (!has_max && close != p)
		return unknown(err, (struct hdl_str){ name.p, (size_t)(close - name.p) });
	if (set_command(name, has_argument, argument, part, err) < 0)
		return -EINVAL;
	if (has_max &&
	    (commands[part->command].argument != HEADER || hdl_str_u64(digits, BYTES_MAX_MAX, &max) < 0 || !max))
		return hdl_err_set(err, -EINVAL, "%%" HDL_STR_FMT "%% cannot be cut to \"" HDL_STR_FMT "\"",
				   HDL_STR_ARG(name), HDL_STR_ARG(digits));
	part->bytes_max = (uint32_t)max;
	rest->n = (size_t)(end - close) - 1;
	rest->p = close + 1;
	return 1;
}

int hdl_subst_next(struct hdl_str *rest, struct hdl_subst_part *ret, struct hdl_err *err)
{
	struct hdl_subst_part part = { .command = HDL_SUBST_LITERAL, .text = { "", 0 }, .instead = { "", 0 } };
	const char *mark;
	int r = 1;

	if (rest->n == 0)
		return 0;
	mark = memchr(rest->p, '%', rest->n);
	if (mark == rest->p && rest->n > 1 && mark[1] == '%') {
		part.text = (struct hdl_str){ mark, 1 };
		rest->p += 2;
		rest->n -= 2;
	} else if (mark == rest->p) {
		rest->p++;
		rest->n--;
		r = command(rest, &part, err);
	} else {
		part.text = (struct hdl_str){ rest->p, mark ? (size_t)(mark - rest->p) : rest->n };
		rest->p += part.text.n;
		rest->n -= part.text.n;
	}
	if (r > 0)
		*ret = part;
	return r;
}

int hdl_subst_check(struct hdl_str value, struct hdl_err *err)
{
	struct hdl_subst_part part;
	int r;

	while ((r = hdl_subst_next(&value, &part, err)) > 0)
		;
	return r;
}

struct hdl_str hdl_subst_name(unsigned int command)
{
	return commands[command < COUNT ? command : HDL_SUBST_LITERAL].name;
}
