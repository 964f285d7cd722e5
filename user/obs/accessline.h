/* SPDX-License-Identifier: Apache-2.0 */
/* Formats one access-log line into a buffer. */
#ifndef HDL_OBS_ACCESSLINE_H
#define HDL_OBS_ACCESSLINE_H

#include <stddef.h>
#include <stdint.h>
#include "obs/accesslog.h"

/* The text of the last start time's second, so that the calendar is worked out once a second. */
struct hdl_access_stamp {
	uint64_t second;
	char text[20]; /* "2026-08-19T10:11:12" */
};

/* Bytes written, line feed included; 0 when room does not suffice. */
size_t hdl_access_line_text(const struct hdl_access_format *format, const struct hdl_access_record *record,
			    struct hdl_access_stamp *stamp, char *p, size_t room);
size_t hdl_access_line_json(const struct hdl_access_record *record, struct hdl_access_stamp *stamp, char *p,
			    size_t room);

#endif
