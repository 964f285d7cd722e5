/* SPDX-License-Identifier: Apache-2.0 */
/* Syntax of the names in resources. */
#include "model/names.h"

#include <string.h>
#include "base/addr.h"
#include "base/str.h"

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_lower(c) || is_upper(c) || is_digit(c);
}

static char lower(char c)
{
	return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

static bool label(const char *s, size_t n)
{
	if (n == 0 || n > 63 || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && s[i] != '-')
			return false;
	return true;
}

bool hdl_name_is_label(const char *s)
{
	return label(s, strlen(s));
}

bool hdl_name_is_namespace(const char *s)
{
	return hdl_name_is_label(s) && hdl_name_is_subdomain(s);
}

bool hdl_name_is_subdomain(const char *s)
{
	if (strlen(s) > 253)
		return false;
	for (;;) {
		size_t n = strcspn(s, ".");

		if (!label(s, n))
			return false;
		for (size_t i = 0; i < n; i++)
			if (is_upper(s[i]))
				return false;
		if (s[n] == '\0')
			return true;
		s += n + 1;
	}
}

static bool all_digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_digit(s[i]))
			return false;
	return n > 0;
}

/* "*", "*foo", "*-foo" */
static bool wildcard_label(const char *s, size_t n)
{
	if (n == 0 || s[0] != '*')
		return false;
	s++;
	n--;
	if (n > 1 && s[0] == '-') {
		s++;
		n--;
	}
	return n == 0 || label(s, n);
}

bool hdl_name_is_host(const char *s, bool wildcard)
{
	bool first = true;

	if (s[0] == '\0' || strlen(s) > 255)
		return false;
	for (;;) {
		size_t n = strcspn(s, ".");

		if (n == 0 && s[0] == '\0' && !first)
			return true; /* "istio.io." */
		if (!label(s, n) && !(first && wildcard && wildcard_label(s, n)))
			return false;
		if (s[n] == '\0')
			return !all_digits(s, n);
		s += n + 1;
		first = false;
	}
}

bool hdl_name_is_ip(const char *s)
{
	struct hdl_addr addr;

	return hdl_addr_parse(hdl_str_of(s), &addr) == 0;
}

static bool label_name(const char *s, size_t n)
{
	if (n == 0 || n > 63 || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && !strchr("-_.", s[i]))
			return false;
	return true;
}

bool hdl_name_is_subnet(const char *s)
{
	const char *slash = strchr(s, '/');
	struct hdl_addr addr;
	uint64_t bits;

	if (!slash)
		return hdl_name_is_ip(s);
	if (hdl_addr_parse((struct hdl_str){ s, (size_t)(slash - s) }, &addr) < 0)
		return false;
	return hdl_str_u64(hdl_str_of(slash + 1), memchr(s, ':', (size_t)(slash - s)) ? 128 : 32, &bits) == 0;
}

bool hdl_name_is_trust_domain(const char *s)
{
	if (!*s)
		return false;
	for (;;) {
		size_t n = strcspn(s, ".");

		if (n == 0 && !*s)
			return true;
		if (!label(s, n))
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

bool hdl_name_is_locality(const char *s)
{
	for (int parts = 1;; parts++) {
		size_t n = strcspn(s, "/");

		if (n == 0 || parts > 3)
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

bool hdl_name_is_label_key(const char *s)
{
	const char *slash = strchr(s, '/');
	char prefix[254];

	if (!slash)
		return label_name(s, strlen(s));
	if (slash == s || (size_t)(slash - s) >= sizeof(prefix))
		return false;
	memcpy(prefix, s, (size_t)(slash - s));
	prefix[slash - s] = '\0';
	return hdl_name_is_subdomain(prefix) && label_name(slash + 1, strlen(slash + 1));
}

bool hdl_name_is_label_value(const char *s)
{
	return *s == '\0' || label_name(s, strlen(s));
}

bool hdl_name_is_token(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s; s++)
		if (!is_alnum(*s) && !strchr("!#$%&'*+-.^_`|~", *s))
			return false;
	return true;
}

static bool ends_with_nocase(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && hdl_str_eq_nocase((struct hdl_str){ s + n - m, m }, (struct hdl_str){ suffix, m });
}

bool hdl_name_hosts_overlap(const char *a, const char *b)
{
	if (*a == '*' && *b == '*')
		return ends_with_nocase(a + 1, b + 1) || ends_with_nocase(b + 1, a + 1);
	if (*a == '*')
		return ends_with_nocase(b, a + 1) && strlen(b) >= strlen(a);
	if (*b == '*')
		return hdl_name_hosts_overlap(b, a);
	return hdl_str_eq_nocase(hdl_str_of(a), hdl_str_of(b));
}

/* Damerau-Levenshtein in the form with three rows. */
size_t hdl_name_distance(const char *a, const char *b, size_t limit)
{
	enum { MAX = 64 };
	size_t n = strlen(a), m = strlen(b), row[3][MAX + 1];

	if (n > MAX || m > MAX || (n > m ? n - m : m - n) > limit)
		return limit + 1;
	for (size_t j = 0; j <= m; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = last[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));

			best = last[j] + 1 < best ? last[j] + 1 : best;
			best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[n % 3][m] <= limit ? row[n % 3][m] : limit + 1;
}
