/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes first: cmocka with the headers that it wants before itself. */
#ifndef HDL_TESTS_UNIT_H
#define HDL_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define HDL_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
