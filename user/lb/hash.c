/* SPDX-License-Identifier: Apache-2.0 */
/* Hash input of consistent hashing: headers, cookies, query parameters, source address. */
#include "lb/hash.h"

#include <string.h>

#include "base/addr.h"
#include "base/hash.h"

static bool is_less(struct hdl_str a, struct hdl_str b)
{
	int r = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return r < 0 || (r == 0 && a.n < b.n);
}

uint64_t hdl_lb_hash_values(struct hdl_str *values, size_t n)
{
	uint64_t hash = 0;

	for (size_t i = 1; i < n; i++) {
		struct hdl_str v = values[i];
		size_t at = i;

		for (; at > 0 && is_less(v, values[at - 1]); at--)
			values[at] = values[at - 1];
		values[at] = v;
	}
	for (size_t i = 0; i < n; i++)
		hash = hdl_hash64(values[i].p, values[i].n, hash);
	return hash;
}

uint64_t hdl_lb_hash_text(struct hdl_str text)
{
	return hdl_hash64(text.p, text.n, 0);
}

uint64_t hdl_lb_hash_source(const struct hdl_addr *address)
{
	char text[HDL_ADDR_TEXT_MAX];

	hdl_addr_print(address, text);
	return hdl_hash64(text, strlen(text), 0);
}

bool hdl_lb_cookie(struct hdl_str header, struct hdl_str name, struct hdl_str *ret_value)
{
	const char *p = header.p, *end = p + header.n;

	while (p < end) {
		const char *stop = memchr(p, ';', (size_t)(end - p)), *equals;
		struct hdl_str pair = { p, (size_t)((stop ? stop : end) - p) }, key, value;

		p = stop ? stop + 1 : end;
		equals = memchr(pair.p, '=', pair.n);
		if (!equals)
			continue;
		key = hdl_str_trim((struct hdl_str){ pair.p, (size_t)(equals - pair.p) });
		if (!hdl_str_eq(key, name))
			continue;
		value = hdl_str_trim((struct hdl_str){ equals + 1, pair.n - (size_t)(equals - pair.p) - 1 });
		if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			value = (struct hdl_str){ value.p + 1, value.n - 2 };
		if (value.n == 0)
			return false;
		*ret_value = value;
		return true;
	}
	return false;
}
