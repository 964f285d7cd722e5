/* SPDX-License-Identifier: Apache-2.0 */
/* UTC calendar and its conversions, without the C library's locale and clock. */
#include "policy/timefmt.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define NS_PER_S 1000000000ull

struct moment {
	uint64_t second, ns;
	unsigned int year, month, day, hour, minute, sec, weekday,
		yearday; /* month and day from 1, weekday from Sunday */
};

struct out {
	char *p;
	size_t room, n;
	bool full;
};

static const char *const weekdays[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
static const char *const months[] = { "January", "February", "March",     "April",   "May",      "June",
				      "July",    "August",   "September", "October", "November", "December" };

static void put(struct out *out, const char *s, size_t n)
{
	out->full |= n > out->room - out->n;
	if (out->full)
		return;
	memcpy(out->p + out->n, s, n);
	out->n += n;
}

static void put_digits(struct out *out, uint64_t value, int width, char fill)
{
	char digits[24];
	int at = sizeof(digits);

	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	while ((int)sizeof(digits) - at < width)
		digits[--at] = fill;
	put(out, digits + at, sizeof(digits) - (size_t)at);
}

/* The first n digits of the fraction. */
static void put_fraction(struct out *out, uint64_t ns, int n)
{
	for (int i = n; i < 9; i++)
		ns /= 10;
	put_digits(out, ns, n, '0');
}

/* Days since 1970-01-01 to the civil date: eras of 400 years that begin on 1 March. */
static void set_date(struct moment *m, uint64_t days)
{
	uint64_t z = days + 719468, era = z / 146097, doe = z % 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	static const unsigned int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	bool leap;

	m->day = (unsigned int)(doy - (153 * mp + 2) / 5 + 1);
	m->month = (unsigned int)(mp < 10 ? mp + 3 : mp - 9);
	m->year = (unsigned int)(yoe + era * 400 + (m->month <= 2));
	m->weekday = (unsigned int)((days + 4) % 7);
	leap = (m->year % 4 == 0 && m->year % 100 != 0) || m->year % 400 == 0;
	m->yearday = before[m->month - 1] + m->day + (leap && m->month > 2);
}

static struct moment moment_of(uint64_t wall_ns)
{
	struct moment m = { .second = wall_ns / NS_PER_S, .ns = wall_ns % NS_PER_S };
	uint64_t day_second = m.second % 86400;

	m.hour = (unsigned int)(day_second / 3600);
	m.minute = (unsigned int)(day_second / 60 % 60);
	m.sec = (unsigned int)(day_second % 60);
	set_date(&m, m.second / 86400);
	return m;
}

static void put_format(struct out *out, struct hdl_str format, const struct moment *m);

static bool put_number(struct out *out, char c, const struct moment *m)
{
	unsigned int hour12 = m->hour % 12 ? m->hour % 12 : 12;

	switch (c) {
	case 'Y':
		put_digits(out, m->year, 4, '0');
		return true;
	case 'C':
		put_digits(out, m->year / 100, 2, '0');
		return true;
	case 'y':
		put_digits(out, m->year % 100, 2, '0');
		return true;
	case 'm':
		put_digits(out, m->month, 2, '0');
		return true;
	case 'd':
		put_digits(out, m->day, 2, '0');
		return true;
	case 'e':
		put_digits(out, m->day, 2, ' ');
		return true;
	case 'j':
		put_digits(out, m->yearday, 3, '0');
		return true;
	case 'H':
		put_digits(out, m->hour, 2, '0');
		return true;
	case 'I':
		put_digits(out, hour12, 2, '0');
		return true;
	case 'M':
		put_digits(out, m->minute, 2, '0');
		return true;
	case 'S':
		put_digits(out, m->sec, 2, '0');
		return true;
	case 'u':
		put_digits(out, m->weekday ? m->weekday : 7, 1, '0');
		return true;
	case 'w':
		put_digits(out, m->weekday, 1, '0');
		return true;
	case 's':
		put_digits(out, m->second, 1, '0');
		return true;
	case 'f':
		put_fraction(out, m->ns, 9);
		return true;
	default:
		return false;
	}
}

static bool put_word(struct out *out, char c, const struct moment *m)
{
	const char *weekday = weekdays[m->weekday], *month = months[m->month - 1];

	switch (c) {
	case 'a':
		put(out, weekday, 3);
		return true;
	case 'A':
		put(out, weekday, strlen(weekday));
		return true;
	case 'b':
	case 'h':
		put(out, month, 3);
		return true;
	case 'B':
		put(out, month, strlen(month));
		return true;
	case 'p':
		put(out, m->hour < 12 ? "AM" : "PM", 2);
		return true;
	case 'z':
		put(out, "+0000", 5);
		return true;
	case 'Z':
		put(out, "UTC", 3);
		return true;
	case 'n':
	case 't': /* a header's value has no line end */
		put(out, " ", 1);
		return true;
	case '%':
		put(out, "%", 1);
		return true;
	default:
		return false;
	}
}

static bool put_composed(struct out *out, char c, const struct moment *m)
{
	static const struct {
		char c;
		struct hdl_str format;
	} composed[] = {
		{ 'D', { "%m/%d/%y", 8 } },
		{ 'F', { "%Y-%m-%d", 8 } },
		{ 'T', { "%H:%M:%S", 8 } },
		{ 'R', { "%H:%M", 5 } },
		{ 'c', { "%a %b %e %H:%M:%S %Y", 20 } },
		{ 'x', { "%m/%d/%y", 8 } },
		{ 'X', { "%H:%M:%S", 8 } },
	};

	for (size_t i = 0; i < sizeof(composed) / sizeof(composed[0]); i++)
		if (composed[i].c == c) {
			put_format(out, composed[i].format, m);
			return true;
		}
	return false;
}

static bool is_1_to_9(char c)
{
	return c >= '1' && c <= '9';
}

/* Bytes of format that were used up behind the percent sign; 0: no conversion. */
static size_t put_conversion(struct out *out, struct hdl_str format, const struct moment *m)
{
	char c = format.p[0];

	if (format.n >= 2 && is_1_to_9(c) && format.p[1] == 'f') {
		put_fraction(out, m->ns, c - '0');
		return 2;
	}
	if (format.n >= 3 && c == 'E' && is_1_to_9(format.p[1]) && format.p[2] == 'S') {
		put_digits(out, m->sec, 2, '0');
		put(out, ".", 1);
		put_fraction(out, m->ns, format.p[1] - '0');
		return 3;
	}
	return put_number(out, c, m) || put_word(out, c, m) || put_composed(out, c, m);
}

static void put_format(struct out *out, struct hdl_str format, const struct moment *m)
{
	for (size_t i = 0; i < format.n; i++) {
		struct hdl_str rest = { format.p + i + 1, format.n - i - 1 };
		size_t used = format.p[i] == '%' && rest.n ? put_conversion(out, rest, m) : 0;

		if (used)
			i += used;
		else
			put(out, &format.p[i], 1);
	}
}

long hdl_time_format(struct hdl_str format, uint64_t wall_ns, char *buf, size_t room)
{
	struct moment m = moment_of(wall_ns);
	struct out out = { .p = buf, .room = room };

	put_format(&out, format.n ? format : HDL_STR("%Y-%m-%dT%H:%M:%E3SZ"), &m);
	return out.full ? -ENOSPC : (long)out.n;
}
