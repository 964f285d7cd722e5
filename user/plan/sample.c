/* SPDX-License-Identifier: Apache-2.0 */
/* A short text that a regular expression is likely to match. */
#include <string.h>
#include "plan/preview.h"

/* Deeper groups are not worth an example. */
#define DEPTH_MAX 32

struct sampler {
	const char *p, *end;
	char *to;
	size_t n, size;
	unsigned int depth;
	bool bad;
};

static void put(struct sampler *s, char c)
{
	if (s->n + 1 >= s->size)
		s->bad = true;
	else
		s->to[s->n++] = c;
}

static char escaped(char c)
{
	switch (c) {
	case 'd':
		return '0';
	case 'w':
	case 'S':
	case 'D':
		return 'a';
	case 's':
	case 'W':
		return ' ';
	case 't':
		return '\t';
	default:
		return c;
	}
}

/* Behind the bracket. */
static void take_class(struct sampler *s)
{
	static const char candidates[] = "a0A/-_.~ bcdefghijklmnopqrstuvwxyz123456789!";
	bool negated = s->p < s->end && *s->p == '^', set[256] = { false };
	bool first = true;

	if (negated)
		s->p++;
	while (s->p < s->end && (*s->p != ']' || first)) {
		unsigned char low = (unsigned char)*s->p++, high;

		first = false;
		if (low == '[' && s->p < s->end && *s->p == ':') {
			/* [[:alpha:]] and such: one of the candidates will do */
			while (s->p < s->end && *s->p != ']')
				s->p++;
			s->p += s->p < s->end;
			set['a'] = true;
			continue;
		}
		if (low == '\\' && s->p < s->end)
			low = (unsigned char)escaped(*s->p++);
		high = low;
		if (s->end - s->p > 1 && s->p[0] == '-' && s->p[1] != ']') {
			high = (unsigned char)s->p[1];
			s->p += 2;
			if (high == '\\' && s->p < s->end)
				high = (unsigned char)*s->p++;
		}
		for (unsigned int c = low; c <= high; c++)
			set[c] = true;
	}
	s->bad |= s->p == s->end;
	s->p += s->p < s->end;
	for (const char *c = candidates; *c; c++)
		if (set[(unsigned char)*c] != negated) {
			put(s, *c);
			return;
		}
	for (unsigned int c = 33; c < 127; c++)
		if (set[c] != negated) {
			put(s, (char)c);
			return;
		}
	s->bad = true;
}

static void take_alternatives(struct sampler *s);

static void take_group(struct sampler *s)
{
	/* (?:  (?i)  (?P<name> */
	if (s->p < s->end && *s->p == '?') {
		s->p++;
		if (s->p < s->end && (*s->p == 'P' || *s->p == '<'))
			while (s->p < s->end && *s->p != '>')
				s->p++;
		else
			while (s->p < s->end && *s->p != ':' && *s->p != ')')
				s->p++;
		if (s->p < s->end && *s->p != ')')
			s->p++;
	}
	take_alternatives(s);
	s->bad |= s->p == s->end || *s->p != ')';
	s->p += s->p < s->end;
}

/* How often at least; behind an atom. */
static unsigned int take_count(struct sampler *s)
{
	unsigned int n = 1;

	if (s->p == s->end)
		return 1;
	if (*s->p == '*' || *s->p == '?') {
		s->p++;
		n = 0;
	} else if (*s->p == '+') {
		s->p++;
	} else if (*s->p == '{' && s->end - s->p > 1 && s->p[1] >= '0' && s->p[1] <= '9') {
		for (n = 0, s->p++; s->p < s->end && *s->p >= '0' && *s->p <= '9' && n < 1000; s->p++)
			n = n * 10 + (unsigned int)(*s->p - '0');
		while (s->p < s->end && *s->p != '}')
			s->p++;
		s->p += s->p < s->end;
	} else {
		return 1;
	}
	/* as few as possible, or not: that is all one here */
	if (s->p < s->end && *s->p == '?')
		s->p++;
	return n;
}

static void take_atom(struct sampler *s)
{
	size_t from = s->n, n;
	char c = *s->p++;
	unsigned int count;

	if (c == '(')
		take_group(s);
	else if (c == '[')
		take_class(s);
	else if (c == '\\' && s->p < s->end)
		put(s, escaped(*s->p++));
	else if (c == '.')
		put(s, 'x');
	else if (c != '^' && c != '$')
		put(s, c);
	n = s->n - from;
	count = take_count(s);
	if (count == 0)
		s->n = from;
	for (unsigned int i = 1; i < count && !s->bad; i++)
		for (size_t k = 0; k < n; k++)
			put(s, s->to[from + k]);
}

/* The first of them that yields something; the rest is passed over. */
static void take_alternatives(struct sampler *s)
{
	size_t best = s->n;
	bool first = true;

	if (++s->depth > DEPTH_MAX) {
		s->bad = true;
		s->p = s->end;
		return;
	}
	for (;;) {
		while (s->p < s->end && *s->p != '|' && *s->p != ')' && !s->bad)
			take_atom(s);
		if (first)
			best = s->n;
		else
			s->n = best;
		first = false;
		if (s->p == s->end || *s->p != '|' || s->bad)
			break;
		s->p++;
	}
	s->depth--;
}

bool hdl_preview_sample(struct hdl_str regex, char *to, size_t size)
{
	struct sampler s = { .p = regex.p, .end = regex.p + regex.n, .to = to, .size = size };

	take_alternatives(&s);
	if (s.bad || s.p != s.end)
		return false;
	to[s.n] = '\0';
	return true;
}
