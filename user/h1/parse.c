/* SPDX-License-Identifier: Apache-2.0 */
/* Start lines, and finding the end of a head in linear time however it is cut. */
#include "h1/parse.h"

#include "h1/internal.h"

/* Goes on to the blank line. End of the section, 0, or -error. Every LF that it passes follows a CR. */
static int scan_lines(const char *data, size_t n, struct hdl_h1_scan *scan, uint32_t bytes_max)
{
	size_t end = n < bytes_max ? n : bytes_max;
	const char *lf;

	while (scan->at < end && (lf = memchr(data + scan->at, '\n', end - scan->at))) {
		uint32_t i = (uint32_t)(lf - data);

		if (i == 0 || data[i - 1] != '\r')
			return -HDL_H1_E_BARE_LF;
		if (i - 1 == scan->line)
			return (int)(i + 1);
		scan->at = scan->line = i + 1;
	}
	scan->at = (uint32_t)end;
	return n >= bytes_max ? -HDL_H1_E_HEAD_TOO_LARGE : 0;
}

/* The CR of the start line: > 0 and scan->start_end set; 0: not there yet; or -error. */
static int scan_start_line(const char *data, size_t n, struct hdl_h1_scan *scan, uint32_t bytes_max)
{
	size_t end = n < bytes_max ? n : bytes_max;
	const char *lf = scan->at < end ? memchr(data + scan->at, '\n', end - scan->at) : NULL;
	uint32_t i;

	if (!lf) {
		scan->at = (uint32_t)end;
		return n >= bytes_max ? -HDL_H1_E_HEAD_TOO_LARGE : 0;
	}
	i = (uint32_t)(lf - data);
	if (i == scan->start || data[i - 1] != '\r')
		return -HDL_H1_E_BARE_LF;
	scan->start_end = i - 1;
	scan->at = scan->line = i + 1;
	return 1;
}

/* 1: go on; 0: more needed; -error. */
static int begin_request(const char *data, size_t n, struct hdl_h1_scan *scan)
{
	if (n == 0)
		return 0;
	if (data[0] == '\n')
		return -HDL_H1_E_BARE_LF;
	if (data[0] == '\r') {
		if (n == 1)
			return 0;
		if (data[1] != '\n')
			return -HDL_H1_E_BARE_CR;
		scan->start = 2;
	}
	scan->at = scan->line = scan->start;
	scan->started = 1;
	return 1;
}

/*
 * Bytes that are no HTTP at all (TLS, SSH, Redis) are known by the first few: a peer that waits for us to speak must not
 * wait for the header time-out (specification J.2).
 */
static int check_method_prefix(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == ' ' && i > 0)
			return 0;
		if (i >= HDL_HTTP_METHOD_BYTES_MAX || !((p[i] >= 'A' && p[i] <= 'Z') || p[i] == '-'))
			return -HDL_H1_E_METHOD;
	}
	return 0;
}

/* "HTTP/1.1" */
static int parse_version(const char *p, struct hdl_http_head *head, int malformed)
{
	if (memcmp(p, "HTTP/1.1", 8) == 0)
		head->version = HDL_HTTP_1_1;
	else if (memcmp(p, "HTTP/1.0", 8) == 0)
		head->version = HDL_HTTP_1_0;
	else if (memcmp(p, "HTTP/", 5) == 0 && p[5] >= '0' && p[5] <= '9' && p[6] == '.' && p[7] >= '0' && p[7] <= '9')
		return -HDL_H1_E_VERSION;
	else
		return malformed;
	return 0;
}

static void split_path(struct hdl_http_head *head, struct hdl_str s)
{
	const char *hash = memchr(s.p, '#', s.n), *question;

	if (hash)
		s.n = (size_t)(hash - s.p);
	question = memchr(s.p, '?', s.n);
	head->path = s;
	if (question) {
		head->has_query = true;
		head->path.n = (size_t)(question - s.p);
		head->query = (struct hdl_str){ question + 1, s.n - head->path.n - 1 };
	}
}

/* http://host:port/path?query */
static int parse_absolute(struct hdl_http_head *head)
{
	struct hdl_str t = head->target;
	size_t scheme_n = hdl_str_starts_nocase(t, HDL_STR("http://")) ? 4 : 5, at = scheme_n + 3, end;

	if (scheme_n == 5 && !hdl_str_starts_nocase(t, HDL_STR("https://")))
		return -HDL_H1_E_TARGET;
	for (end = at; end < t.n && t.p[end] != '/' && t.p[end] != '?' && t.p[end] != '#'; end++)
		;
	head->target_form = HDL_HTTP_TARGET_ABSOLUTE;
	head->scheme = (struct hdl_str){ t.p, scheme_n };
	head->authority = (struct hdl_str){ t.p + at, end - at };
	if (end == at || !hdl_h1_authority_is_valid(head->authority))
		return -HDL_H1_E_TARGET;
	split_path(head, (struct hdl_str){ t.p + end, t.n - end });
	if (head->path.n > 0)
		return 0;
	/* RFC 9112 3.2.4: the asterisk of a client that speaks to a proxy */
	if (head->method == HDL_HTTP_OPTIONS && !head->has_query) {
		head->target_form = HDL_HTTP_TARGET_ASTERISK;
		head->path = HDL_STR("*");
	} else {
		head->path = HDL_STR("/");
	}
	return 0;
}

static int parse_target(struct hdl_http_head *head)
{
	struct hdl_str t = head->target;

	if (head->method == HDL_HTTP_CONNECT) {
		head->target_form = HDL_HTTP_TARGET_AUTHORITY;
		head->authority = t;
		return hdl_h1_authority_is_valid(t) ? 0 : -HDL_H1_E_TARGET;
	}
	if (t.p[0] == '/') {
		head->target_form = HDL_HTTP_TARGET_ORIGIN;
		split_path(head, t);
		return 0;
	}
	if (t.p[0] == '*' && t.n == 1 && head->method == HDL_HTTP_OPTIONS) {
		head->target_form = HDL_HTTP_TARGET_ASTERISK;
		head->path = t;
		return 0;
	}
	return parse_absolute(head);
}

/* METHOD SP target SP HTTP/x.y, one blank each; p[0..n) is followed by CRLF. */
static int parse_request_line(const char *p, size_t n, struct hdl_http_head *head)
{
	const char *space = memchr(p, ' ', n);
	size_t method_n = space ? (size_t)(space - p) : 0, at = method_n + 1, end;
	int r;

	if (method_n == 0)
		return -HDL_H1_E_REQUEST_LINE;
	end = at + hdl_h1_span_visible(p + at, n - at);
	if (end == at || end == n)
		return -HDL_H1_E_REQUEST_LINE;
	if (p[end] != ' ')
		return p[end] == '\r' ? -HDL_H1_E_BARE_CR : p[end] == '\t' ? -HDL_H1_E_REQUEST_LINE : -HDL_H1_E_TARGET;
	if (n - end != 9)
		return -HDL_H1_E_REQUEST_LINE;
	r = parse_version(p + end + 1, head, -HDL_H1_E_REQUEST_LINE);
	if (r < 0)
		return r;
	head->method_text = (struct hdl_str){ p, method_n };
	head->method = (uint8_t)hdl_http_method_of(head->method_text);
	if (head->method == HDL_HTTP_METHOD_UNKNOWN)
		return -HDL_H1_E_METHOD;
	head->target = (struct hdl_str){ p + at, end - at };
	return parse_target(head);
}

/* HTTP/x.y SP ddd [SP reason] */
static int parse_status_line(const char *p, size_t n, struct hdl_http_head *head)
{
	int r;

	if (n < 12)
		return -HDL_H1_E_STATUS_LINE;
	r = parse_version(p, head, -HDL_H1_E_STATUS_LINE);
	if (r < 0)
		return r;
	if (p[8] != ' ')
		return -HDL_H1_E_STATUS_LINE;
	for (int i = 9; i < 12; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -HDL_H1_E_STATUS_LINE;
		head->status = (uint16_t)(head->status * 10 + (p[i] - '0'));
	}
	/* Without reason phrase the blank behind the code is required too, but servers forget it. */
	if (head->status < 100 || (n > 12 && p[12] != ' '))
		return -HDL_H1_E_STATUS_LINE;
	if (n <= 13)
		return 0;
	head->reason = (struct hdl_str){ p + 13, n - 13 };
	return hdl_h1_span_value(p + 13, n - 13) == n - 13 ? 0 : -HDL_H1_E_STATUS_LINE;
}

static void reset_head(struct hdl_http_head *head)
{
	struct hdl_http_headers headers = { .v = head->headers.v, .capacity = head->headers.capacity };

	*head = (struct hdl_http_head){ .headers = headers };
}

static int start_line(char *data, const struct hdl_h1_scan *scan, bool is_request, struct hdl_http_head *head)
{
	const char *p = data + scan->start;
	size_t n = scan->start_end - scan->start;

	reset_head(head);
	head->is_request = is_request;
	return is_request ? parse_request_line(p, n, head) : parse_status_line(p, n, head);
}

/* Start line, then the rest. The start line is judged as soon as it is there. */
static int parse_head(char *data, size_t n, struct hdl_h1_scan *scan, const struct hdl_h1_limits *limits,
		      bool is_request, struct hdl_http_head *head)
{
	bool parsed = false;
	int end, r;

	if (!scan->start_line_ok) {
		r = scan_start_line(data, n, scan, limits->head_bytes_max);
		if (r <= 0)
			return r;
		r = start_line(data, scan, is_request, head);
		if (r < 0)
			return r;
		scan->start_line_ok = 1;
		parsed = true;
	}
	end = scan_lines(data, n, scan, limits->head_bytes_max);
	if (end <= 0)
		return end;
	if (!parsed)
		(void)start_line(data, scan, is_request, head); /* was good before; the buffer may have moved */
	r = hdl_h1_fields(data, scan->start_end + 2, (size_t)end, limits->headers_max, &head->headers);
	return r < 0 ? r : end;
}

int hdl_h1_parse_request(char *data, size_t n, struct hdl_h1_scan *scan, const struct hdl_h1_limits *limits,
			 struct hdl_http_head *head)
{
	int end, r;

	if (!scan->started) {
		r = begin_request(data, n, scan);
		if (r <= 0)
			return r;
	}
	if (!scan->start_line_ok) {
		r = check_method_prefix(data + scan->start, n - scan->start);
		if (r < 0)
			return r;
	}
	end = parse_head(data, n, scan, limits, true, head);
	if (end <= 0)
		return end;
	r = hdl_h1_finish_request(head);
	return r < 0 ? r : end;
}

int hdl_h1_parse_response(char *data, size_t n, struct hdl_h1_scan *scan, const struct hdl_h1_limits *limits,
			  enum hdl_http_method method, struct hdl_http_head *head)
{
	int end, r;

	if (n == 0)
		return 0;
	if (!scan->start_line_ok && memcmp(data, "HTTP/", n < 5 ? n : 5) != 0)
		return -HDL_H1_E_STATUS_LINE;
	end = parse_head(data, n, scan, limits, false, head);
	if (end <= 0)
		return end;
	r = hdl_h1_finish_response(head, method);
	return r < 0 ? r : end;
}

int hdl_h1_parse_fields(char *data, size_t n, struct hdl_h1_scan *scan, uint32_t bytes_max, uint32_t fields_max,
			struct hdl_http_headers *list)
{
	int end = scan_lines(data, n, scan, bytes_max), r;

	if (end <= 0)
		return end;
	r = hdl_h1_fields(data, 0, (size_t)end, fields_max, list);
	return r < 0 ? r : end;
}
