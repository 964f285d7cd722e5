/* SPDX-License-Identifier: Apache-2.0 */
/* Mutations of YAML documents that keep most of their structure: lines, values, keys, indentation, and some bytes. */
#ifndef HDL_TESTS_LIB_MUTATE_H
#define HDL_TESTS_LIB_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Values that readers of YAML, and fields of our kinds, find remarkable. */
static const char *const hdl_mutate_values[] = {
	"0",
	"1",
	"-1",
	"2",
	"80",
	"100",
	"101",
	"65535",
	"65536",
	"2147483647",
	"2147483648",
	"4294967295",
	"010",
	"0x10",
	"0b1",
	"0o7",
	"1_000",
	"1e3",
	"1.5",
	"50.0",
	".5",
	".inf",
	".nan",
	"-0",
	"9223372036854775807",
	"9223372036854775808",
	"123456789012345678901234567890",
	"true",
	"false",
	"yes",
	"no",
	"on",
	"off",
	"y",
	"n",
	"null",
	"~",
	"",
	"''",
	"\"\"",
	"'1'",
	"\"80\"",
	"'true'",
	"1s",
	"0s",
	"1.5h",
	"100ms",
	"1ms",
	"1us",
	"-1s",
	"1h2m3.5s",
	"10",
	"1d",
	"9999999h",
	"*",
	"\"*\"",
	"\"*.example.com\"",
	"\"*-a.b\"",
	".",
	"\".\"",
	"~",
	"\"~\"",
	"./*",
	"\"*/a\"",
	"a/b",
	"a/b/c",
	"/",
	"reviews",
	"reviews.default.svc.cluster.local",
	"10.0.0.1",
	"10.0.0.0/8",
	"\"::1\"",
	"fd00::/8",
	"2024-02-29T12:00:00Z",
	"2024-01-01",
	"12:30",
	"v1",
	"http",
	"HTTP",
	"TCP",
	"GRPC",
	"TLS",
	"[]",
	"{}",
	"[a]",
	"[1]",
	"{a: b}",
	"{a: 1}",
	"[[a]]",
	"[{}]",
	"{exact: a}",
	"{prefix: /}",
	"{regex: '.*'}",
	"&x a",
	"*x",
	"&x {a: b}",
	"<<",
	"\"\\u00e4\\u0085\\ufffe\"",
	"\"\\\\ # :\"",
	"'a: b'",
	"a#b",
	"\"a\\nb\\n\"",
	"|\n      x\n",
	"!!str 1",
	"!!int 1",
	"!x y",
	"\xc3\xa4",
	"\xff",
	"\x01",
	"ROUND_ROBIN",
	"PreferSameZone",
	"gold",
};

struct hdl_mutate {
	uint64_t state;
	char *text;
	size_t n, capacity;
};

static inline uint32_t hdl_mutate_random(struct hdl_mutate *m, size_t below)
{
	m->state = m->state * 6364136223846793005ull + 1442695040888963407ull;
	return below ? (uint32_t)((m->state >> 33) % below) : 0;
}

/* Replaces n bytes at place by others, as far as there is room. */
static inline void hdl_mutate_splice(struct hdl_mutate *m, size_t place, size_t n, const char *by, size_t by_n)
{
	if (m->n - n + by_n > m->capacity)
		return;
	memmove(m->text + place + by_n, m->text + place + n, m->n - place - n);
	if (by_n)
		memmove(m->text + place, by, by_n);
	m->n = m->n - n + by_n;
}

/* A line with its end. */
static inline size_t hdl_mutate_line(struct hdl_mutate *m, size_t *ret_n)
{
	size_t place = hdl_mutate_random(m, m->n), end = place;

	while (place > 0 && m->text[place - 1] != '\n')
		place--;
	while (end < m->n && m->text[end] != '\n')
		end++;
	*ret_n = end + (end < m->n) - place;
	return place;
}

/* Another line, copied out because the text is about to move; 0 when it is too long. */
static inline size_t hdl_mutate_other_line(struct hdl_mutate *m, char *copy, size_t size)
{
	size_t n, place = hdl_mutate_line(m, &n);

	if (n == 0 || n > size)
		return 0;
	memcpy(copy, m->text + place, n);
	return n;
}

static inline void hdl_mutate_value(struct hdl_mutate *m)
{
	const char *value = hdl_mutate_values[hdl_mutate_random(m, sizeof(hdl_mutate_values) / sizeof(char *))];
	size_t n, place = hdl_mutate_line(m, &n), begin = 0, end = n;

	/* after the last ": " or "- " of the line; in flow style after one of them */
	for (size_t i = 0; i + 1 < n; i++)
		if ((m->text[place + i] == ':' || m->text[place + i] == '-' || m->text[place + i] == '[' ||
		     m->text[place + i] == ',') &&
		    (m->text[place + i + 1] == ' ' || m->text[place + i] == '[') && hdl_mutate_random(m, 3))
			begin = i + (m->text[place + i] == '[' ? 1 : 2);
	if (!begin)
		return;
	end = begin;
	while (end < n && !strchr(",]}\n", m->text[place + end]))
		end++;
	hdl_mutate_splice(m, place + begin, end - begin, value, strlen(value));
}

static inline void hdl_mutate_bytes(struct hdl_mutate *m)
{
	size_t place = hdl_mutate_random(m, m->n);
	char c = (char)hdl_mutate_random(m, 256);

	switch (hdl_mutate_random(m, 4)) {
	case 0:
		hdl_mutate_splice(m, place, 1, NULL, 0);
		break;
	case 1:
		hdl_mutate_splice(m, place, 0, &c, 1);
		break;
	case 2:
		m->text[place] = c;
		break;
	default:
		c = "\n\t :-[]{}\"'#&*!|>%@,?"[hdl_mutate_random(m, 20)];
		hdl_mutate_splice(m, place, hdl_mutate_random(m, 2), &c, 1);
		break;
	}
}

/* One mutation of the text in place. */
static inline void hdl_mutate(struct hdl_mutate *m)
{
	size_t n, place;
	char copy[512];

	if (m->n == 0)
		return;
	switch (hdl_mutate_random(m, 12)) {
	case 0: /* a line less */
		place = hdl_mutate_line(m, &n);
		hdl_mutate_splice(m, place, n, NULL, 0);
		break;
	case 1: /* a line twice, here or elsewhere */
	case 2:
		n = hdl_mutate_other_line(m, copy, sizeof(copy));
		if (n) {
			size_t other, at = hdl_mutate_line(m, &other);

			hdl_mutate_splice(m, at, hdl_mutate_random(m, 2) ? other : 0, copy, n);
		}
		break;
	case 3: /* deeper or less deep */
		place = hdl_mutate_line(m, &n);
		if (hdl_mutate_random(m, 2))
			hdl_mutate_splice(m, place, 0, "  ", 2);
		else if (n > 2 && !memcmp(m->text + place, "  ", 2))
			hdl_mutate_splice(m, place, 2, NULL, 0);
		break;
	case 4:
		hdl_mutate_bytes(m);
		break;
	case 5:
		if (hdl_mutate_random(m, 8) == 0)
			m->n = hdl_mutate_random(m, m->n);
		break;
	default:
		hdl_mutate_value(m);
		break;
	}
}

#endif
