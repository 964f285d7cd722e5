/* SPDX-License-Identifier: Apache-2.0 */
/* Writes HTTP/1 heads, chunk framing and trailers into a caller's buffer, or as a gather list for writev. */
#ifndef HDL_H1_SERIALIZE_H
#define HDL_H1_SERIALIZE_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "http/message.h"

/*
 * The writers own the fields that describe the connection and the body, and ignore those in the list:
 *   host               (requests) from head->authority, first line
 *   connection         "close" if !keep_alive; "keep-alive" for HTTP/1.0 if keep_alive; "upgrade" if head->upgrade
 *   upgrade            from head->upgrade (101 and requests)
 *   content-length     framing LENGTH, or NONE with has_content_length (HEAD, 304); never for 1xx and 204
 *   transfer-encoding  framing CHUNKED, or NONE with has_chunked (HEAD); never for 1xx, 204 and HTTP/1.0
 *   keep-alive, proxy-connection: never.
 * Everything else in the list is written in its order, names as they are (lower-case). Lines that lie unchanged in the
 * read buffer one behind the other (HDL_HTTP_HEADER_VERBATIM) are moved as one run. Names and values given by the caller
 * must be free of CR, LF and NUL; a violation gives -EINVAL rather than a split message.
 *
 * Requests: line is method, path, `?` query if has_query. Responses: reason phrase of the status; head->version is
 * written, so set it to what the client speaks.
 */

/* Bytes written, -ENOSPC, or -EINVAL (CR, LF, NUL or blank where none may be; status outside 100-999). */
int hdl_h1_write_request(const struct hdl_http_head *head, char *buf, size_t capacity);
int hdl_h1_write_response(const struct hdl_http_head *head, char *buf, size_t capacity);
/* A buffer of this size is always enough for the head. */
size_t hdl_h1_head_bytes_bound(const struct hdl_http_head *head);

/* Runs shorter than this are copied: a segment costs more than the copy. */
#define HDL_H1_GATHER_MIN_BYTES 512

/*
 * The same as segments (layout of struct iovec) that point into scratch and, for long runs and values, into the memory of
 * the head's slices, which must stay until all is sent. *ret_total is the sum. Returns the number of segments, -ENOSPC
 * if segments or scratch do not suffice, -EINVAL as above.
 */
int hdl_h1_gather_head(const struct hdl_http_head *head, char *scratch, size_t scratch_bytes, struct hdl_str *segments,
		       int segments_max, size_t *ret_total);

/* Longest chunk header: 16 digits and CRLF. */
#define HDL_H1_CHUNK_HEADER_BYTES_MAX 18
/* "1a\r\n" for a chunk of data_bytes (not 0); its length. Data follows, then HDL_H1_CHUNK_END. */
size_t hdl_h1_write_chunk_header(uint64_t data_bytes, char buf[static HDL_H1_CHUNK_HEADER_BYTES_MAX]);
#define HDL_H1_CHUNK_END HDL_STR("\r\n")
/* End of a chunked body without trailers. */
#define HDL_H1_LAST_CHUNK HDL_STR("0\r\n\r\n")
/* "0\r\n", the trailers without forbidden ones, "\r\n". Bytes written, -ENOSPC or -EINVAL. list may be NULL. */
int hdl_h1_write_last_chunk(const struct hdl_http_headers *list, char *buf, size_t capacity);

/* "HTTP/1.1 100 Continue\r\n\r\n" */
extern const struct hdl_str hdl_h1_continue;

/*
 * Framing towards a client of `version`: a body of unknown length becomes chunked for HTTP/1.1, and for HTTP/1.0 ends
 * with the connection (keep_alive is cleared). Sets version. Call it on the response head before
 * hdl_h1_write_response(), after keep_alive was set to what the client's connection shall do.
 */
void hdl_h1_adapt_response(struct hdl_http_head *head, enum hdl_http_version client_version);

#endif
