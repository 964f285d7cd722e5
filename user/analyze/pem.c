/* SPDX-License-Identifier: Apache-2.0 */
/* As much of PEM and X.509 as it takes to see that a certificate is there and until when it is valid. */
#include "analyze/an.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

static struct hdl_str find(struct hdl_str s, const char *text)
{
	const char *at = s.n ? memmem(s.p, s.n, text, strlen(text)) : NULL;

	return at ? (struct hdl_str){ at, (size_t)(s.p + s.n - at) } : (struct hdl_str){ 0 };
}

/* The text between the lines that begin and end a block; n 0: there is none. */
static struct hdl_str block(struct hdl_str pem, const char *begin, const char *end)
{
	struct hdl_str from = find(pem, begin), to;

	if (!from.n)
		return from;
	from.p += strlen(begin);
	from.n -= strlen(begin);
	to = find(from, end);
	return to.n ? (struct hdl_str){ from.p, (size_t)(to.p - from.p) } : (struct hdl_str){ 0 };
}

bool an_pem_key(struct hdl_str pem)
{
	struct hdl_str begin = find(pem, " PRIVATE KEY-----"), plain = find(pem, "-----BEGIN PRIVATE KEY-----");

	return (begin.n || plain.n) && find(begin.n ? begin : plain, "-----END ").n;
}

/* ---- DER ---- */

struct der {
	const unsigned char *p;
	size_t n;
};

/* Takes one element off d: its tag, or -1. */
static int take(struct der *d, struct der *ret)
{
	size_t n, header = 2;
	int tag;

	if (d->n < 2)
		return -1;
	tag = d->p[0];
	n = d->p[1];
	if (n & 0x80) {
		size_t bytes = n & 0x7f;

		if (bytes == 0 || bytes > 4 || d->n < 2 + bytes)
			return -1;
		n = 0;
		for (size_t i = 0; i < bytes; i++)
			n = n << 8 | d->p[2 + i];
		header += bytes;
	}
	if (n > d->n - header)
		return -1;
	*ret = (struct der){ d->p + header, n };
	d->p += header + n;
	d->n -= header + n;
	return tag;
}

enum { DER_INTEGER = 0x02, DER_SEQUENCE = 0x30, DER_UTC_TIME = 0x17, DER_TIME = 0x18, DER_VERSION = 0xa0 };

static int two_digits(const unsigned char *p)
{
	return (p[0] - '0') * 10 + p[1] - '0';
}

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t era = y / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool time_of(int tag, struct der d, int64_t *ret_s)
{
	size_t digits = tag == DER_UTC_TIME ? 12 : 14;
	int64_t year;

	if ((tag != DER_UTC_TIME && tag != DER_TIME) || d.n != digits + 1 || d.p[digits] != 'Z')
		return false;
	for (size_t i = 0; i < digits; i++)
		if (d.p[i] < '0' || d.p[i] > '9')
			return false;
	year = two_digits(d.p);
	if (tag == DER_UTC_TIME) {
		year += year < 50 ? 2000 : 1900;
	} else {
		year = year * 100 + two_digits(d.p + 2);
		d.p += 2;
	}
	d.p += 2;
	*ret_s = days_of(year, two_digits(d.p), two_digits(d.p + 2)) * 86400 + two_digits(d.p + 4) * 3600 +
		 two_digits(d.p + 6) * 60 + two_digits(d.p + 8);
	return true;
}

/* RFC 5280 section 4.1: serial number, signature, issuer, then the validity. */
static bool not_after(struct der d, int64_t *ret_s)
{
	struct der certificate, body, skipped, validity, from, to;

	if (take(&d, &certificate) != DER_SEQUENCE || take(&certificate, &body) != DER_SEQUENCE)
		return false;
	if (body.n && body.p[0] == DER_VERSION && take(&body, &skipped) < 0)
		return false;
	if (take(&body, &skipped) != DER_INTEGER || take(&body, &skipped) != DER_SEQUENCE ||
	    take(&body, &skipped) != DER_SEQUENCE || take(&body, &validity) != DER_SEQUENCE)
		return false;
	return take(&validity, &from) > 0 && time_of(take(&validity, &to), to, ret_s);
}

bool an_pem_certificate(struct hdl_str pem, int64_t *ret_not_after_s)
{
	struct hdl_str text = block(pem, "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
	unsigned char *bytes;
	size_t n;
	bool good;

	if (!text.n)
		return false;
	bytes = malloc(hdl_base64_bound(text.n));
	if (!bytes)
		return false;
	good = hdl_base64_decode(text, bytes, &n) == 0 && not_after((struct der){ bytes, n }, ret_not_after_s);
	free(bytes);
	return good;
}
