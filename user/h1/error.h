/* SPDX-License-Identifier: Apache-2.0 */
/* Why an HTTP/1 message was refused: one number each, for answers, counters and logs. */
#ifndef HDL_H1_ERROR_H
#define HDL_H1_ERROR_H

/*
 * id, status of the answer if the peer is a client, counter label, response code details (Envoy's names where it has
 * one). From an upstream each of them is a protocol error (502, flag UPE). The body of the answer is the reason phrase
 * of the status, except HOST_MISSING: empty (specification B.11). After each of them the connection must be closed.
 */
/* clang-format off */
#define HDL_H1_ERRORS(X) \
	X(REQUEST_LINE, 400, "request_line", "http1.codec_error") \
	X(METHOD, 400, "method", "http1.codec_error") \
	X(TARGET, 400, "target", "http1.invalid_url") \
	X(VERSION, 505, "version", "http1.codec_error") \
	X(STATUS_LINE, 502, "status_line", "http1.codec_error") \
	X(BARE_LF, 400, "bare_lf", "http1.codec_error") \
	X(BARE_CR, 400, "bare_cr", "http1.codec_error") \
	X(OBS_FOLD, 400, "obs_fold", "http1.codec_error") \
	X(HEADER_NAME, 400, "header_name", "http1.codec_error") \
	X(BLANK_BEFORE_COLON, 400, "blank_before_colon", "http1.codec_error") \
	X(HEADER_VALUE, 400, "header_value", "http1.codec_error") \
	X(HEAD_TOO_LARGE, 431, "head_too_large", "http1.headers_too_large") \
	X(TOO_MANY_HEADERS, 431, "too_many_headers", "http1.too_many_headers") \
	X(HOST_MISSING, 400, "host_missing", "missing_host_header") \
	X(HOST_DUPLICATE, 400, "host_duplicate", "http1.codec_error") \
	X(HOST_INVALID, 400, "host_invalid", "http1.codec_error") \
	X(LENGTH_INVALID, 400, "length_invalid", "http1.codec_error") \
	X(LENGTH_DUPLICATE, 400, "length_duplicate", "http1.codec_error") \
	X(LENGTH_WITH_CODING, 400, "length_with_coding", "http1.content_length_and_chunked_not_allowed") \
	X(CODING_HTTP10, 400, "coding_http10", "http1.transfer_encoding_not_allowed") \
	X(CODING_INVALID, 400, "coding_invalid", "http1.invalid_transfer_encoding") \
	X(CODING_UNKNOWN, 501, "coding_unknown", "http1.invalid_transfer_encoding") \
	X(CHUNK_SIZE, 400, "chunk_size", "http1.codec_error") \
	X(CHUNK_EXTENSION, 400, "chunk_extension", "http1.codec_error") \
	X(CHUNK_END, 400, "chunk_end", "http1.codec_error") \
	X(TRAILER_TOO_LARGE, 431, "trailer_too_large", "http1.headers_too_large") \
	X(BODY_TRUNCATED, 400, "body_truncated", "http1.codec_error")
/* clang-format on */

enum hdl_h1_error {
	HDL_H1_E_NONE,
#define X(id, status, label, details) HDL_H1_E_##id,
	HDL_H1_ERRORS(X)
#undef X
		HDL_H1_E_COUNT,
};

/* All take the number with either sign. */
unsigned int hdl_h1_error_status(int error);
const char *hdl_h1_error_label(int error);
const char *hdl_h1_error_details(int error);

#endif
