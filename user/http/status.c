/* SPDX-License-Identifier: Apache-2.0 */
/* Reason phrases, worded as Envoy does, because clients and tests see them. */
#include "http/status.h"

#define P(status, text) \
	case status:    \
		return HDL_STR(text)

static struct hdl_str reason_4xx(unsigned int status)
{
	switch (status) {
		P(400, "Bad Request");
		P(401, "Unauthorized");
		P(402, "Payment Required");
		P(403, "Forbidden");
		P(404, "Not Found");
		P(405, "Method Not Allowed");
		P(406, "Not Acceptable");
		P(407, "Proxy Authentication Required");
		P(408, "Request Timeout");
		P(409, "Conflict");
		P(410, "Gone");
		P(411, "Length Required");
		P(412, "Precondition Failed");
		P(413, "Payload Too Large");
		P(414, "URI Too Long");
		P(415, "Unsupported Media Type");
		P(416, "Range Not Satisfiable");
		P(417, "Expectation Failed");
		P(421, "Misdirected Request");
		P(422, "Unprocessable Entity");
		P(423, "Locked");
		P(424, "Failed Dependency");
		P(425, "Too Early");
		P(426, "Upgrade Required");
		P(428, "Precondition Required");
		P(429, "Too Many Requests");
		P(431, "Request Header Fields Too Large");
	default:
		return HDL_STR("Unknown");
	}
}

static struct hdl_str reason_5xx(unsigned int status)
{
	switch (status) {
		P(500, "Internal Server Error");
		P(501, "Not Implemented");
		P(502, "Bad Gateway");
		P(503, "Service Unavailable");
		P(504, "Gateway Timeout");
		P(505, "HTTP Version Not Supported");
		P(506, "Variant Also Negotiates");
		P(507, "Insufficient Storage");
		P(508, "Loop Detected");
		P(510, "Not Extended");
		P(511, "Network Authentication Required");
	default:
		return HDL_STR("Unknown");
	}
}

struct hdl_str hdl_http_status_reason(unsigned int status)
{
	if (status >= 500)
		return reason_5xx(status);
	if (status >= 400)
		return reason_4xx(status);
	switch (status) {
		P(100, "Continue");
		P(101, "Switching Protocols");
		P(102, "Processing");
		P(103, "Early Hints");
		P(200, "OK");
		P(201, "Created");
		P(202, "Accepted");
		P(203, "Non-Authoritative Information");
		P(204, "No Content");
		P(205, "Reset Content");
		P(206, "Partial Content");
		P(207, "Multi-Status");
		P(208, "Already Reported");
		P(226, "IM Used");
		P(300, "Multiple Choices");
		P(301, "Moved Permanently");
		P(302, "Found");
		P(303, "See Other");
		P(304, "Not Modified");
		P(305, "Use Proxy");
		P(307, "Temporary Redirect");
		P(308, "Permanent Redirect");
	default:
		return HDL_STR("Unknown");
	}
}
