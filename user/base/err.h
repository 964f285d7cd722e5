/* SPDX-License-Identifier: Apache-2.0 */
/* Text of a failure on its way up: libraries fill it and return a negative errno, the layer that decides logs it. */
#ifndef HDL_BASE_ERR_H
#define HDL_BASE_ERR_H

#include <assert.h>

struct hdl_err {
	char text[1024];
};

/* Sets the text (err may be NULL) and returns code, so that `return hdl_err_set(err, -EINVAL, ...)` reads well. */
int hdl_err_set(struct hdl_err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
