/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of shared objects and of what finds them. */
#include <stdlib.h>
#include "ir/generation.h"

void *hdl_ir_alloc(size_t n, size_t size)
{
	return calloc(n ? n : 1, size ? size : 1);
}

void *hdl_ir_realloc(void *p, size_t n, size_t size)
{
	return reallocarray(p, n ? n : 1, size ? size : 1);
}

void hdl_ir_free(void *p)
{
	free(p);
}
