/* SPDX-License-Identifier: Apache-2.0 */
/* Character classes of RFC 9110 5.5 and 5.6.2. */
#include "http/header.h"

bool hdl_http_is_token(struct hdl_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
			continue;
		/* memchr, not strchr: NUL is not in the set */
		if (!memchr("!#$%&'*+-.^_`|~", c, 15))
			return false;
	}
	return s.n > 0;
}

bool hdl_http_is_field_value(struct hdl_str s)
{
	if (hdl_str_trim(s).n != s.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

void hdl_http_lower(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + ('a' - 'A'));
}
