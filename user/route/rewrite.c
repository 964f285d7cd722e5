/* SPDX-License-Identifier: Apache-2.0 */
/* The path that goes upstream: prefix, whole path or regular expression replaced (specification B.4, F.4). */
#include "route/rewrite.h"

#include <errno.h>
#include <string.h>

#include "re/re.h"

static long join(struct hdl_str a, struct hdl_str b, char *buf, size_t room)
{
	if (a.n > room || b.n > room - a.n)
		return -ENOSPC;
	if (a.n)
		memcpy(buf, a.p, a.n);
	if (b.n)
		memcpy(buf + a.n, b.p, b.n);
	return (long)(a.n + b.n);
}

static struct hdl_str behind(struct hdl_str path, size_t n)
{
	return n < path.n ? (struct hdl_str){ path.p + n, path.n - n } : (struct hdl_str){ "", 0 };
}

/* F.4: exactly one slash where the two meet, and never an empty path. */
static long replace_segments(struct hdl_str text, struct hdl_str rest, char *buf, size_t room)
{
	if (text.n && text.p[text.n - 1] == '/')
		text.n--;
	return text.n + rest.n ? join(text, rest, buf, room) : join(HDL_STR("/"), rest, buf, room);
}

static long replace_matched(struct hdl_str text, const struct hdl_ir_http_match *match, struct hdl_str path, char *buf,
			    size_t room)
{
	switch (match ? match->uri.kind : HDL_IR_MATCH_UNSET) {
	case HDL_IR_MATCH_PREFIX:
		return join(text, behind(path, match->uri.value.n), buf, room);
	case HDL_IR_MATCH_SEGMENTS:
		return replace_segments(text, behind(path, match->uri.value.n), buf, room);
	case HDL_IR_MATCH_EXACT:
	case HDL_IR_MATCH_REGEX:
		return join(text, HDL_STR(""), buf, room);
	default: /* the implicit prefix is "/" */
		return join(text, behind(path, 1), buf, room);
	}
}

long hdl_route_rewrite(const struct hdl_ir_path_change *change, const struct hdl_ir_http_match *match,
		       struct hdl_str path, char *buf, size_t room)
{
	switch (change->kind) {
	case HDL_IR_PATH_MATCHED:
		return replace_matched(change->text, match, path, buf, room);
	case HDL_IR_PATH_WHOLE:
		return join(change->text, HDL_STR(""), buf, room);
	case HDL_IR_PATH_REGEX:
		return hdl_re_replace_all(change->re, path, change->text, buf, room);
	case HDL_IR_PATH_KEEP:
		break;
	}
	return join(path, HDL_STR(""), buf, room);
}
