/* SPDX-License-Identifier: Apache-2.0 */
/* What the header lines mean for body, connection and host (RFC 9112 6 and 9; specification B.1, B.11, J.1, J.3). */
#include "h1/internal.h"

struct facts {
	unsigned int hosts, lengths, codings, upgrades;
	bool only_chunked; /* all Transfer-Encoding lines together say exactly `chunked` */
	bool coding_malformed;
	bool close, keep_alive, upgrade; /* named by Connection */
};

static bool is_host_char(unsigned char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c && memchr("-._~!$&'()*+,;=%", c, 16);
}

static bool is_port(struct hdl_str s)
{
	uint64_t port;

	return s.n == 0 || hdl_str_u64(s, 65535, &port) == 0;
}

bool hdl_h1_authority_is_valid(struct hdl_str a)
{
	size_t i = 0;

	if (a.n > 0 && a.p[0] == '[') {
		for (i = 1; i < a.n && a.p[i] != ']'; i++)
			if (!is_host_char((unsigned char)a.p[i]) && a.p[i] != ':')
				return false;
		if (i == a.n || i == 1)
			return false;
		i++;
	} else {
		while (i < a.n && is_host_char((unsigned char)a.p[i]))
			i++;
	}
	if (i == a.n)
		return true;
	return i > 0 && a.p[i] == ':' && is_port((struct hdl_str){ a.p + i + 1, a.n - i - 1 });
}

static void read_coding(struct facts *facts, struct hdl_str value)
{
	if (facts->codings++ == 0 && hdl_str_eq_nocase(value, HDL_STR("chunked"))) {
		facts->only_chunked = true;
		return;
	}
	facts->only_chunked = false;
	/* An unknown coding that is at least well-formed is "not implemented" rather than "bad". */
	while (value.n > 0) {
		const char *comma = memchr(value.p, ',', value.n);
		size_t n = comma ? (size_t)(comma - value.p) : value.n;
		struct hdl_str element = hdl_str_trim((struct hdl_str){ value.p, n });
		const char *semicolon = element.n > 0 ? memchr(element.p, ';', element.n) : NULL;

		if (semicolon)
			element = hdl_str_trim((struct hdl_str){ element.p, (size_t)(semicolon - element.p) });
		if (!hdl_http_is_token(element))
			facts->coding_malformed = true;
		n += comma ? 1 : 0;
		if (comma && n == value.n)
			facts->coding_malformed = true; /* list ends with a comma */
		value = (struct hdl_str){ value.p + n, value.n - n };
	}
}

static void read_connection(struct facts *facts, struct hdl_str value)
{
	/* The two values that nearly everybody sends need no list. */
	if (hdl_str_eq_nocase(value, HDL_STR("keep-alive"))) {
		facts->keep_alive = true;
		return;
	}
	if (hdl_http_value_has_token(value, HDL_STR("close")))
		facts->close = true;
	if (hdl_http_value_has_token(value, HDL_STR("keep-alive")))
		facts->keep_alive = true;
	if (hdl_http_value_has_token(value, HDL_STR("upgrade")))
		facts->upgrade = true;
}

static int read_lines(struct hdl_http_head *head, struct facts *facts)
{
	const uint64_t wanted = 1ull << HDL_HTTP_H_HOST | 1ull << HDL_HTTP_H_CONTENT_LENGTH |
				1ull << HDL_HTTP_H_TRANSFER_ENCODING | 1ull << HDL_HTTP_H_CONNECTION |
				1ull << HDL_HTTP_H_UPGRADE;

	if (!(head->headers.present & wanted))
		return 0;
	HDL_HTTP_HEADERS_EACH(&head->headers, h)
	{
		switch (h->known) {
		case HDL_HTTP_H_HOST:
			facts->hosts++;
			break;
		case HDL_HTTP_H_CONTENT_LENGTH:
			/* also refuses `5, 5` and `+5` */
			if (hdl_str_u64(h->value, INT64_MAX, &head->content_length) < 0)
				return -HDL_H1_E_LENGTH_INVALID;
			facts->lengths++;
			break;
		case HDL_HTTP_H_TRANSFER_ENCODING:
			read_coding(facts, h->value);
			break;
		case HDL_HTTP_H_CONNECTION:
			read_connection(facts, h->value);
			break;
		case HDL_HTTP_H_UPGRADE:
			facts->upgrades++;
			break;
		default:
			break;
		}
	}
	return 0;
}

/* Where both sides of a hop could disagree about the end of the message, it is refused (request smuggling). */
static int check_framing(struct hdl_http_head *head, const struct facts *facts)
{
	if (facts->lengths > 1)
		return -HDL_H1_E_LENGTH_DUPLICATE;
	if (facts->codings && facts->lengths)
		return -HDL_H1_E_LENGTH_WITH_CODING;
	if (facts->codings && head->version == HDL_HTTP_1_0)
		return -HDL_H1_E_CODING_HTTP10;
	if (facts->codings && facts->coding_malformed)
		return -HDL_H1_E_CODING_INVALID;
	if (facts->codings && !facts->only_chunked)
		return hdl_http_headers_value(&head->headers, HDL_HTTP_H_TRANSFER_ENCODING).n == 0 ?
			       -HDL_H1_E_CODING_INVALID :
			       -HDL_H1_E_CODING_UNKNOWN;
	head->has_content_length = facts->lengths > 0;
	head->has_chunked = facts->codings > 0;
	if (head->has_chunked)
		head->framing = HDL_HTTP_BODY_CHUNKED;
	else if (head->has_content_length)
		head->framing = HDL_HTTP_BODY_LENGTH;
	return 0;
}

static void set_connection(struct hdl_http_head *head, const struct facts *facts)
{
	head->keep_alive = !facts->close && (head->version == HDL_HTTP_1_1 || facts->keep_alive);
	if (facts->upgrade && facts->upgrades == 1 && head->version == HDL_HTTP_1_1)
		head->upgrade = hdl_http_headers_value(&head->headers, HDL_HTTP_H_UPGRADE);
	/* An upgraded h2c connection would carry requests past every rule; RFC 9113 3.1 dropped it. */
	if (hdl_http_value_has_token(head->upgrade, HDL_STR("h2c")))
		head->upgrade = (struct hdl_str){ NULL, 0 };
}

static int set_authority(struct hdl_http_head *head, const struct facts *facts)
{
	struct hdl_http_header *host;

	if (facts->hosts > 1)
		return -HDL_H1_E_HOST_DUPLICATE;
	if (facts->hosts == 0)
		return head->version == HDL_HTTP_1_1 ? -HDL_H1_E_HOST_MISSING : 0;
	host = hdl_http_headers_find_id(&head->headers, HDL_HTTP_H_HOST);
	if (!hdl_h1_authority_is_valid(host->value))
		return -HDL_H1_E_HOST_INVALID;
	if (head->authority.n > 0) { /* the target names the host: RFC 9112 3.2.2 */
		host->value = head->authority;
		host->flags &= (uint8_t)~HDL_HTTP_HEADER_VERBATIM;
	} else {
		head->authority = host->value;
	}
	return 0;
}

int hdl_h1_finish_request(struct hdl_http_head *head)
{
	struct facts facts = { 0 };
	int r = read_lines(head, &facts);

	if (r < 0)
		return r;
	r = set_authority(head, &facts);
	if (r < 0)
		return r;
	r = check_framing(head, &facts);
	if (r < 0)
		return r;
	set_connection(head, &facts);
	head->expect_continue = head->version == HDL_HTTP_1_1 &&
				(head->framing == HDL_HTTP_BODY_CHUNKED || head->content_length > 0) &&
				hdl_http_headers_have_token(&head->headers, HDL_HTTP_H_EXPECT, HDL_STR("100-continue"));
	return 0;
}

int hdl_h1_finish_response(struct hdl_http_head *head, enum hdl_http_method method)
{
	bool never_body = head->status < 200 || head->status == 204;
	struct facts facts = { 0 };
	int r = read_lines(head, &facts);

	if (r < 0)
		return r;
	head->framing = HDL_HTTP_BODY_UNTIL_CLOSE;
	r = check_framing(head, &facts);
	if (r < 0)
		return r;
	set_connection(head, &facts);
	if (never_body || head->status == 304 || method == HDL_HTTP_HEAD)
		head->framing = HDL_HTTP_BODY_NONE;
	if (head->framing == HDL_HTTP_BODY_UNTIL_CLOSE || head->status == 101)
		head->keep_alive = false;
	/* A server that announces a body where none may be perhaps sends one: do not wait to find out on the next request. */
	if (never_body && (head->has_chunked || (head->has_content_length && head->content_length > 0)))
		head->keep_alive = false;
	return 0;
}
