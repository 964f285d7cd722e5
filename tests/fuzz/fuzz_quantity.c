/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: a quantity's value is itself a quantity of that value, and its sign turns it round. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/quantity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t value, again;
	char text[256];
	int r = hdl_quantity_parse((struct hdl_str){ (const char *)data, size }, &value), n;

	if (r != 0 && r != -EINVAL && r != -ERANGE)
		abort();
	if (r != 0)
		return 0;
	n = snprintf(text, sizeof(text), "%lld", (long long)value);
	if (hdl_quantity_parse((struct hdl_str){ text, (size_t)n }, &again) != 0 || again != value)
		abort();
	if (size > 200 || data[0] == '-' || data[0] == '+')
		return 0;
	n = snprintf(text, sizeof(text), "-%.*s", (int)size, (const char *)data);
	if (hdl_quantity_parse((struct hdl_str){ text, (size_t)n }, &again) != 0 || again != -value)
		abort();
	return 0;
}
