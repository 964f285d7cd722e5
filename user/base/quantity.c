/* SPDX-License-Identifier: Apache-2.0 */
/* Quantities of Kubernetes, in integers only. */
#include "base/quantity.h"

#include <errno.h>
#include <stdbool.h>

#define DIGITS_MAX 38      /* of the number without its zeros in front: what 128 bits hold */
#define EXPONENT_MAX 10000 /* beyond it nothing fits, whatever the digits */

struct quantity {
	unsigned __int128 digits;
	int digits_n;      /* counted from the first that is not 0 */
	int64_t exponent;  /* of 10 */
	unsigned int twos; /* of 2 */
	bool lost;         /* digits that did not fit and were not 0 */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip(struct hdl_str *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

/* Returns how many digits there were. */
static size_t take_digits(struct hdl_str *s, struct quantity *q, bool fraction)
{
	size_t n = 0;

	for (; s->n > 0 && is_digit(s->p[0]); skip(s, 1), n++) {
		unsigned int digit = (unsigned int)(s->p[0] - '0');

		if (q->digits_n == DIGITS_MAX) {
			q->lost = q->lost || digit;
			q->exponent += !fraction;
			continue;
		}
		q->digits = q->digits * 10 + digit;
		q->digits_n += q->digits != 0;
		q->exponent -= fraction;
	}
	return n;
}

/* "e3", "E-3": false when it is no exponent; "E" alone is a suffix. */
static bool take_exponent(struct hdl_str *s, struct quantity *q)
{
	struct hdl_str rest = { s->p + 1, s->n - 1 };
	bool negative = rest.n > 0 && rest.p[0] == '-';
	int64_t value = 0;

	if (rest.n > 0 && (rest.p[0] == '-' || rest.p[0] == '+'))
		skip(&rest, 1);
	if (rest.n == 0)
		return false;
	for (; rest.n > 0; skip(&rest, 1)) {
		if (!is_digit(rest.p[0]))
			return false;
		if (value < EXPONENT_MAX)
			value = value * 10 + (rest.p[0] - '0');
	}
	q->exponent += negative ? -value : value;
	*s = rest;
	return true;
}

static bool take_suffix(struct hdl_str *s, struct quantity *q)
{
	static const char powers[] = "kMGTPE", binary[] = "KMGTPE", small[] = "mun";
	char c = s->p[0];
	const char *found;

	if (s->n == 2 && s->p[1] == 'i' && (found = memchr(binary, c, sizeof(binary) - 1)) != NULL)
		q->twos = 10 * (unsigned int)(found - binary + 1);
	else if (s->n == 1 && (found = memchr(powers, c, sizeof(powers) - 1)) != NULL)
		q->exponent += 3 * (found - powers + 1);
	else if (s->n == 1 && (found = memchr(small, c, sizeof(small) - 1)) != NULL)
		q->exponent -= 3 * (found - small + 1);
	else
		return false;
	return true;
}

/* Rounded up. Returns false when it is over limit. */
static bool evaluate(const struct quantity *q, unsigned __int128 limit, unsigned __int128 *ret)
{
	unsigned __int128 value = q->digits;
	unsigned int twos = q->twos;
	int64_t exponent = q->exponent;
	bool rest = q->lost;

	if (value == 0) {
		*ret = 0;
		return true;
	}
	/* multiply and divide in turn, so that what fits at the end fits all the time */
	for (; exponent < 0 && value; exponent++) {
		while (twos > 0 && value < (unsigned __int128)1 << 120) {
			value *= 2;
			twos--;
		}
		rest = rest || value % 10;
		value /= 10;
	}
	for (; exponent > 0 && value <= limit; exponent--)
		value *= 10;
	for (; twos > 0 && value <= limit; twos--)
		value *= 2;
	value += rest;
	*ret = value;
	return value <= limit;
}

int hdl_quantity_parse(struct hdl_str s, int64_t *ret)
{
	struct quantity q = { 0 };
	unsigned __int128 value;
	bool negative = s.n > 0 && s.p[0] == '-';
	size_t digits;

	if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
		skip(&s, 1);
	digits = take_digits(&s, &q, false);
	if (s.n > 0 && s.p[0] == '.') {
		skip(&s, 1);
		digits += take_digits(&s, &q, true);
	}
	if (digits == 0)
		return -EINVAL;
	if (s.n > 0 && !((s.p[0] == 'e' || s.p[0] == 'E') && take_exponent(&s, &q)) && !take_suffix(&s, &q))
		return -EINVAL;
	if (!evaluate(&q, (unsigned __int128)INT64_MAX + negative, &value))
		return -ERANGE;
	*ret = negative ? (int64_t)(0 - (uint64_t)value) : (int64_t)value;
	return 0;
}
