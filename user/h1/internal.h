/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the HTTP/1 codec share among themselves. */
#ifndef HDL_H1_INTERNAL_H
#define HDL_H1_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "h1/error.h"
#include "h1/parse.h"
#include "http/message.h"

/* Lower-case byte if it is a token character (RFC 9110 5.6.2), 0 if not. */
extern const unsigned char hdl_h1_token_lower[256];

/* Bytes before the first control character other than TAB. */
size_t hdl_h1_span_value(const char *p, size_t n);
/* Bytes before the first that is not 0x21 to 0x7e. */
size_t hdl_h1_span_visible(const char *p, size_t n);

/*
 * Field lines data[at..end), the last of them blank; every LF in it follows a CR. 0 or -error. list may be NULL: the
 * lines are only checked.
 */
int hdl_h1_fields(char *data, size_t at, size_t end, uint32_t fields_max, struct hdl_http_headers *list);

/* uri-host [ ":" port ], RFC 3986 3.2; no userinfo. */
bool hdl_h1_authority_is_valid(struct hdl_str authority);

/* What the header lines say about body, connection and host. 0 or -error. */
int hdl_h1_finish_request(struct hdl_http_head *head);
int hdl_h1_finish_response(struct hdl_http_head *head, enum hdl_http_method method);

#endif
