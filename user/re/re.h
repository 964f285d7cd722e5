/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions with RE2 syntax and semantics, as Istio users write them; a C face on RE2. */
#ifndef HDL_RE_RE_H
#define HDL_RE_RE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* Istio refuses longer ones (specification A.3). Linear time is RE2's promise; this bounds the factor. */
#define HDL_RE_PATTERN_BYTES_MAX 1024
/* Bound of RE2's program and of its lazily built automata, per expression. Stops `(((a{100}){100}){100})`. */
#define HDL_RE_MEMORY_BYTES_MAX (1u << 20)

/* Immutable; may be used by several threads at the same time. */
struct hdl_re;

/*
 * 0; -EINVAL (syntax, with RE2's text in err), -E2BIG (longer than HDL_RE_PATTERN_BYTES_MAX or the program would not
 * fit), -ENOMEM. err may be NULL. ret is untouched on error.
 */
int hdl_re_compile(struct hdl_str pattern, struct hdl_re **ret, struct hdl_err *err);
/* The whole text must match (anchored at both ends), case-sensitive, `.` does not match a newline. */
bool hdl_re_full_match(const struct hdl_re *re, struct hdl_str text);
/*
 * Whether hdl_re_replace_all() can use it: `\\` is a backslash, `\0` the whole match, `\1` to `\9` the groups, of which
 * there must be so many. 0 or -EINVAL. err may be NULL.
 */
int hdl_re_check_rewrite(const struct hdl_re *re, struct hdl_str rewrite, struct hdl_err *err);
/*
 * text with `rewrite` in place of every match that does not overlap the one before, in buf. Its bytes, or -ENOSPC;
 * also when no match was found. Without memory for a decision text is copied as it is.
 */
long hdl_re_replace_all(const struct hdl_re *re, struct hdl_str text, struct hdl_str rewrite, char *buf, size_t room);
/* What the program takes, for bounds on the sum of many; the automata that matching builds come on top. */
size_t hdl_re_bytes(const struct hdl_re *re);
/* Accepts NULL. Returns NULL. */
struct hdl_re *hdl_re_free(struct hdl_re *re);

#endif
