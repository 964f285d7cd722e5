/* SPDX-License-Identifier: Apache-2.0 */
/* Method names to numbers and back. */
#include "http/method.h"

static const struct hdl_str names[HDL_HTTP_METHOD_COUNT] = { [HDL_HTTP_METHOD_UNKNOWN] = { "", 0 },
#define X(id, text) [HDL_HTTP_##id] = { text, sizeof(text) - 1 },
							     HDL_HTTP_METHODS(X)
#undef X
};

enum hdl_http_method hdl_http_method_of(struct hdl_str text)
{
	if (text.n == 3 && memcmp(text.p, "GET", 3) == 0)
		return HDL_HTTP_GET;
	for (int i = HDL_HTTP_METHOD_UNKNOWN + 1; i < HDL_HTTP_METHOD_COUNT; i++)
		if (hdl_str_eq(names[i], text))
			return (enum hdl_http_method)i;
	return HDL_HTTP_METHOD_UNKNOWN;
}

struct hdl_str hdl_http_method_text(enum hdl_http_method method)
{
	return (unsigned int)method < HDL_HTTP_METHOD_COUNT ? names[method] : names[HDL_HTTP_METHOD_UNKNOWN];
}

bool hdl_http_method_is_idempotent(enum hdl_http_method method)
{
	switch (method) {
	case HDL_HTTP_GET:
	case HDL_HTTP_HEAD:
	case HDL_HTTP_PUT:
	case HDL_HTTP_DELETE:
	case HDL_HTTP_OPTIONS:
	case HDL_HTTP_TRACE:
		return true;
	default:
		return false;
	}
}
