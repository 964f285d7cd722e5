/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing, trimming and number parsing of byte slices. */
#include "base/str.h"

#include <errno.h>

/* Not tolower(): the answer must not depend on the locale. */
static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

static bool equal_nocase(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower((unsigned char)a[i]) != lower((unsigned char)b[i]))
			return false;
	return true;
}

bool hdl_str_eq_nocase(struct hdl_str a, struct hdl_str b)
{
	return a.n == b.n && equal_nocase(a.p, b.p, a.n);
}

bool hdl_str_starts_nocase(struct hdl_str s, struct hdl_str prefix)
{
	return s.n >= prefix.n && equal_nocase(s.p, prefix.p, prefix.n);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct hdl_str hdl_str_trim(struct hdl_str s)
{
	while (s.n > 0 && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

int hdl_str_u64(struct hdl_str s, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;
	bool over = false;

	if (s.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)((unsigned char)s.p[i] - '0');

		if (digit > 9)
			return -EINVAL;
		/* read on after an overflow: "99999999999999999999x" is not a number at all */
		if (over || value > (UINT64_MAX - digit) / 10)
			over = true;
		else
			value = value * 10 + digit;
	}
	if (over || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}
