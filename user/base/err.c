/* SPDX-License-Identifier: Apache-2.0 */
/* Formatting of error texts; a text that is too long is cut and marked. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int hdl_err_set(struct hdl_err *err, int code, const char *fmt, ...)
{
	char text[sizeof(err->text)]; /* so that an argument may be the old text */
	va_list ap;
	int n;

	if (!err)
		return code;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		text[0] = '\0';
	else if ((size_t)n >= sizeof(text))
		memcpy(text + sizeof(text) - 4, "...", 4);
	memcpy(err->text, text, sizeof(text));
	return code;
}
