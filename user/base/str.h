/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed byte slices. Never NUL-terminated by contract. */
#ifndef HDL_BASE_STR_H
#define HDL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hdl_str {
	const char *p;
	size_t n;
};

#define HDL_STR(literal) ((struct hdl_str){ (literal), sizeof(literal) - 1 })
#define HDL_STR_FMT "%.*s"
#define HDL_STR_ARG(s) (int)(s).n, (s).p

static inline struct hdl_str hdl_str_of(const char *c)
{
	return (struct hdl_str){ c, c ? strlen(c) : 0 };
}

static inline bool hdl_str_eq(struct hdl_str a, struct hdl_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool hdl_str_starts(struct hdl_str s, struct hdl_str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

/* ASCII case-insensitive. */
bool hdl_str_eq_nocase(struct hdl_str a, struct hdl_str b);
bool hdl_str_starts_nocase(struct hdl_str s, struct hdl_str prefix);
struct hdl_str hdl_str_trim(struct hdl_str s); /* blanks and tabs at both ends */
/* Decimal without sign. 0, -EINVAL (not a number), -ERANGE (over max). ret untouched on error. */
int hdl_str_u64(struct hdl_str s, uint64_t max, uint64_t *ret);

#endif
