/* SPDX-License-Identifier: Apache-2.0 */
/* Durations as Go's time.ParseDuration reads and time.Duration.String writes them, in integers only. */
#include "base/duration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull
#define NS_PER_MIN (60 * NS_PER_S)
#define NS_PER_H (60 * NS_PER_MIN)
#define LIMIT_NS (1ull << 63) /* of the absolute value; only a negative duration may reach it */
#define FRACTION_DIGITS 18    /* further ones are below a nanosecond in every unit */

static const struct {
	struct hdl_str name;
	uint64_t ns;
} units[] = {
	{ { "ns", 2 }, 1 },
	{ { "us", 2 }, NS_PER_US },
	{ { "\xc2\xb5s", 3 }, NS_PER_US }, /* micro sign */
	{ { "\xce\xbcs", 3 }, NS_PER_US }, /* greek mu */
	{ { "ms", 2 }, NS_PER_MS },
	{ { "s", 1 }, NS_PER_S },
	{ { "m", 1 }, NS_PER_MIN },
	{ { "h", 1 }, NS_PER_H },
};

struct cursor {
	struct hdl_str rest;
	bool over; /* out of range; parsing goes on, since a syntax error weighs more */
};

static void skip(struct cursor *c, size_t n)
{
	c->rest.p += n;
	c->rest.n -= n;
}

static bool at_digit(const struct cursor *c)
{
	return c->rest.n > 0 && c->rest.p[0] >= '0' && c->rest.p[0] <= '9';
}

/* Returns the number of digits. */
static size_t take_integer(struct cursor *c, uint64_t *ret)
{
	size_t digits = 0;

	*ret = 0;
	for (; at_digit(c); skip(c, 1), digits++) {
		uint64_t digit = (uint64_t)(c->rest.p[0] - '0');

		if (*ret > (LIMIT_NS - digit) / 10)
			c->over = true;
		else
			*ret = *ret * 10 + digit;
	}
	return digits;
}

/* The digits after the point as *ret_fraction / *ret_scale. Returns the number of digits. */
static size_t take_fraction(struct cursor *c, uint64_t *ret_fraction, uint64_t *ret_scale)
{
	size_t digits = 0;

	*ret_fraction = 0;
	*ret_scale = 1;
	if (c->rest.n == 0 || c->rest.p[0] != '.')
		return 0;
	skip(c, 1);
	for (; at_digit(c); skip(c, 1), digits++) {
		if (digits >= FRACTION_DIGITS)
			continue;
		*ret_fraction = *ret_fraction * 10 + (uint64_t)(c->rest.p[0] - '0');
		*ret_scale *= 10;
	}
	return digits;
}

/* 0 = no unit that Go knows. The unit reaches to the next digit or point. */
static uint64_t take_unit(struct cursor *c)
{
	struct hdl_str name = { c->rest.p, 0 };

	while (c->rest.n > 0 && !at_digit(c) && c->rest.p[0] != '.') {
		name.n++;
		skip(c, 1);
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (hdl_str_eq(name, units[i].name))
			return units[i].ns;
	return 0;
}

int hdl_duration_parse(struct hdl_str s, int64_t *ret_ns)
{
	struct cursor c = { .rest = s };
	unsigned __int128 total = 0;
	bool negative;

	negative = s.n > 0 && s.p[0] == '-';
	if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
		skip(&c, 1);
	if (c.rest.n == 0)
		return -EINVAL;
	if (hdl_str_eq(c.rest, HDL_STR("0"))) { /* the only number that needs no unit */
		*ret_ns = 0;
		return 0;
	}
	while (c.rest.n > 0) {
		uint64_t integer, fraction, scale, unit;
		size_t digits = take_integer(&c, &integer);

		digits += take_fraction(&c, &fraction, &scale);
		unit = take_unit(&c);
		if (digits == 0 || unit == 0)
			return -EINVAL;
		total += (unsigned __int128)integer * unit + (unsigned __int128)fraction * unit / scale;
		if (total > LIMIT_NS) {
			c.over = true;
			total = 0;
		}
	}
	if (c.over || (!negative && total == LIMIT_NS))
		return -ERANGE;
	*ret_ns = (int64_t)(negative ? 0 - (uint64_t)total : (uint64_t)total);
	return 0;
}

/* value in parts of scale, with the zeros at the end of the fraction left out: 1500 of 1000 is 1.5. */
static void print_fraction(struct hdl_buf *buf, uint64_t value, uint64_t scale, const char *unit)
{
	uint64_t fraction = value % scale;
	int width = 0;

	hdl_buf_printf(buf, "%" PRIu64, value / scale);
	if (fraction) {
		while (scale > 1) {
			scale /= 10;
			width++;
		}
		while (fraction % 10 == 0) {
			fraction /= 10;
			width--;
		}
		hdl_buf_printf(buf, ".%0*" PRIu64, width, fraction);
	}
	hdl_buf_adds(buf, unit);
}

void hdl_duration_print(struct hdl_buf *buf, int64_t ns)
{
	uint64_t value = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

	if (ns < 0)
		hdl_buf_adds(buf, "-");
	if (value == 0) {
		hdl_buf_adds(buf, "0s");
	} else if (value < NS_PER_US) {
		print_fraction(buf, value, 1, "ns");
	} else if (value < NS_PER_MS) {
		print_fraction(buf, value, NS_PER_US, "\xc2\xb5s");
	} else if (value < NS_PER_S) {
		print_fraction(buf, value, NS_PER_MS, "ms");
	} else {
		if (value >= NS_PER_H)
			hdl_buf_printf(buf, "%" PRIu64 "h", (uint64_t)(value / NS_PER_H));
		if (value >= NS_PER_MIN)
			hdl_buf_printf(buf, "%" PRIu64 "m", (uint64_t)(value % NS_PER_H / NS_PER_MIN));
		print_fraction(buf, value % NS_PER_MIN, NS_PER_S, "s");
	}
}
