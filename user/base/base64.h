/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 with the alphabet of RFC 4648 section 4, padded. */
#ifndef HDL_BASE_BASE64_H
#define HDL_BASE_BASE64_H

#include <stddef.h>
#include "base/buf.h"
#include "base/str.h"

/* Most bytes that n characters stand for. */
static inline size_t hdl_base64_bound(size_t n)
{
	return n / 4 * 3 + 3;
}

/*
 * Decodes into at, which has room for hdl_base64_bound(s.n) bytes. Line ends inside are skipped, as Go and Kubernetes
 * do. 0 and the number of bytes, or -EINVAL: a wrong character or length, or bits that are left over.
 */
int hdl_base64_decode(struct hdl_str s, unsigned char *at, size_t *ret_n);
void hdl_base64_print(struct hdl_buf *buf, const unsigned char *at, size_t n);

#endif
