/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that fails at the n-th call, for a test that includes the .c file under test after this header. */
#ifndef HDL_TESTS_FAILMALLOC_H
#define HDL_TESTS_FAILMALLOC_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int hdl_fail_after = -1; /* calls that still succeed; -1 = all */

static inline bool hdl_fail_now(void)
{
	if (hdl_fail_after < 0)
		return false;
	if (hdl_fail_after == 0)
		return true;
	hdl_fail_after--;
	return false;
}

static inline void *hdl_fail_malloc(size_t n)
{
	return hdl_fail_now() ? NULL : malloc(n);
}

static inline void *hdl_fail_calloc(size_t n, size_t size)
{
	return hdl_fail_now() ? NULL : calloc(n, size);
}

static inline void *hdl_fail_realloc(void *p, size_t n)
{
	return hdl_fail_now() ? NULL : realloc(p, n);
}

#define malloc hdl_fail_malloc
#define calloc hdl_fail_calloc
#define realloc hdl_fail_realloc

#endif
