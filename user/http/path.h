/* SPDX-License-Identifier: Apache-2.0 */
/* Path normalisation and query parameters of a request target. */
#ifndef HDL_HTTP_PATH_H
#define HDL_HTTP_PATH_H

#include <stdbool.h>

#include "base/str.h"

/*
 * Specification B.1, BASE: decodes percent-escapes of unreserved characters, `\` becomes `/`, resolves `.` and `..`;
 * nothing else is decoded, `//` is not merged, case is kept. `path` begins with `/` and has no query.
 * When nothing has to change *ret is `path` itself and buf is not touched; otherwise it lies in buf, which needs
 * path.n bytes and may be path.p itself (the result is never longer).
 * 0; -EINVAL for `%00` (answer 400, details path_normalization_failed); -ENOSPC if capacity < path.n.
 */
int hdl_http_path_normalize(struct hdl_str path, char *buf, size_t capacity, struct hdl_str *ret);

/* Options of the mesh (specification B.1). */
enum hdl_http_normalization {
	HDL_HTTP_NORMALIZE_BASE,
	HDL_HTTP_NORMALIZE_NONE,
	HDL_HTTP_NORMALIZE_MERGE_SLASHES,            /* BASE, then `//` becomes `/` */
	HDL_HTTP_NORMALIZE_DECODE_AND_MERGE_SLASHES, /* `%2F` and `%5C` are decoded before that */
};

/* In place, in the memory of the path itself. 0 or -EINVAL as above; NONE never fails. */
int hdl_http_path_normalize_as(struct hdl_str path, enum hdl_http_normalization how, struct hdl_str *ret);

/*
 * Specification B.2: value of the first parameter of that name; raw, case-sensitive, nothing decoded. `?e` and `?e=`
 * have the empty value. False if there is none; ret is then untouched.
 */
bool hdl_http_query_get(struct hdl_str query, struct hdl_str key, struct hdl_str *ret);

#endif
