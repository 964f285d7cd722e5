/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled regular expressions, one for equal patterns, shared by the products that use them. */
#ifndef HDL_XLATE_REGEX_H
#define HDL_XLATE_REGEX_H

#include <stddef.h>

struct hdl_re;
struct hdl_xl_regexes;
struct hdl_xl_regex_use;

struct hdl_xl_regexes *hdl_xl_regexes_new(void);
/* Those in use stay with their users. Accepts NULL. */
void hdl_xl_regexes_free(struct hdl_xl_regexes *regexes);
/* Any thread. */
void hdl_xl_regexes_leave(struct hdl_xl_regex_use *uses);

#endif
