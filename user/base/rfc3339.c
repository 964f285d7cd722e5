/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3339 times to and from nanoseconds, by the calendar's arithmetic alone. */
#include "base/rfc3339.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

#define NS_PER_S 1000000000ll
#define S_PER_DAY 86400ll

/* Days since 1970-01-01 of the proleptic Gregorian calendar; years begin in March, so that leap days end them. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400, of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;

	*day = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = y + era * 400 + (*month <= 2);
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes n digits, then one of the characters of end; "" for none. */
static bool take(struct hdl_str *s, int n, const char *end, int *ret)
{
	if (s->n < (size_t)n + (*end ? 1 : 0))
		return false;
	*ret = 0;
	for (int i = 0; i < n; i++) {
		if (!is_digit(s->p[i]))
			return false;
		*ret = *ret * 10 + (s->p[i] - '0');
	}
	if (*end && (!s->p[n] || !strchr(end, s->p[n])))
		return false;
	s->p += n + (*end ? 1 : 0);
	s->n -= (size_t)n + (*end ? 1 : 0);
	return true;
}

/* ".5" of a second in ns; digits beyond the ninth do not count. */
static bool take_fraction(struct hdl_str *s, int64_t *ret)
{
	int64_t scale = NS_PER_S / 10;
	size_t digits = 0;

	*ret = 0;
	if (s->n == 0 || s->p[0] != '.')
		return true;
	for (s->p++, s->n--; s->n && is_digit(s->p[0]); s->p++, s->n--, digits++) {
		*ret += (s->p[0] - '0') * scale;
		scale /= 10;
	}
	return digits > 0;
}

/* "Z", "+02:00": seconds east of UTC. */
static bool take_zone(struct hdl_str *s, int *ret)
{
	int hours, minutes, sign;

	*ret = 0;
	if (s->n == 1 && (s->p[0] == 'Z' || s->p[0] == 'z'))
		return true;
	if (s->n != 6 || (s->p[0] != '+' && s->p[0] != '-'))
		return false;
	sign = s->p[0] == '-' ? -1 : 1;
	s->p++;
	s->n--;
	if (!take(s, 2, ":", &hours) || !take(s, 2, "", &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret = sign * (hours * 3600 + minutes * 60);
	return true;
}

int hdl_rfc3339_parse(struct hdl_str s, int64_t *ret_unix_ns)
{
	int year, month, day, hour, minute, second, zone;
	int64_t fraction, total;

	if (!take(&s, 4, "-", &year) || !take(&s, 2, "-", &month) || !take(&s, 2, "Tt ", &day) ||
	    !take(&s, 2, ":", &hour) || !take(&s, 2, ":", &minute) || !take(&s, 2, "", &second) ||
	    !take_fraction(&s, &fraction) || !take_zone(&s, &zone))
		return -EINVAL;
	if (month < 1 || month > 12 || day < 1 || day > month_days(year, month) || hour > 23 || minute > 59 ||
	    second > 60)
		return -EINVAL;
	if (year < 1678 || year > 2261)
		return -ERANGE;
	total = days_of(year, month, day) * S_PER_DAY + hour * 3600 + minute * 60 + second - zone;
	*ret_unix_ns = total * NS_PER_S + fraction;
	return 0;
}

void hdl_rfc3339_print(struct hdl_buf *buf, int64_t unix_ns)
{
	int64_t fraction = unix_ns % NS_PER_S, seconds = unix_ns / NS_PER_S, of_day, year;
	int month, day, digits = 9;

	if (fraction < 0) {
		fraction += NS_PER_S;
		seconds--;
	}
	of_day = seconds % S_PER_DAY;
	if (of_day < 0)
		of_day += S_PER_DAY;
	date_of((seconds - of_day) / S_PER_DAY, &year, &month, &day);
	hdl_buf_printf(buf, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d", year, month, day, (int)(of_day / 3600),
		       (int)(of_day / 60 % 60), (int)(of_day % 60));
	if (fraction) {
		while (fraction % 10 == 0) {
			fraction /= 10;
			digits--;
		}
		hdl_buf_printf(buf, ".%0*" PRId64, digits, fraction);
	}
	hdl_buf_adds(buf, "Z");
}
