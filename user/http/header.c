/* SPDX-License-Identifier: Apache-2.0 */
/* Header list: look-up, changes, token lists and the hop-by-hop rule. */
#include "http/header.h"

#include <errno.h>

#define BIT(id) (1ull << (id))

struct hdl_http_header *hdl_http_headers_find_id(const struct hdl_http_headers *list, enum hdl_http_header_id id)
{
	if (!hdl_http_headers_has(list, id))
		return NULL;
	HDL_HTTP_HEADERS_EACH(list, h)
	if (h->known == id)
		return h;
	return NULL;
}

static bool same_name(const struct hdl_http_header *h, uint8_t known, struct hdl_str name)
{
	return h->known == known && (known != HDL_HTTP_H_OTHER || hdl_str_eq(h->name, name));
}

struct hdl_http_header *hdl_http_headers_find(const struct hdl_http_headers *list, struct hdl_str lower_name)
{
	enum hdl_http_header_id id = hdl_http_header_id_of(lower_name);

	if (id != HDL_HTTP_H_OTHER)
		return hdl_http_headers_find_id(list, id);
	HDL_HTTP_HEADERS_EACH(list, h)
	if (same_name(h, HDL_HTTP_H_OTHER, lower_name))
		return h;
	return NULL;
}

struct hdl_http_header *hdl_http_headers_next(const struct hdl_http_headers *list, const struct hdl_http_header *after)
{
	for (size_t i = (size_t)(after - list->v) + 1; i < list->n; i++)
		if (same_name(&list->v[i], after->known, after->name))
			return &list->v[i];
	return NULL;
}

struct hdl_str hdl_http_headers_value(const struct hdl_http_headers *list, enum hdl_http_header_id id)
{
	const struct hdl_http_header *h = hdl_http_headers_find_id(list, id);

	return h ? h->value : (struct hdl_str){ NULL, 0 };
}

static int append(struct hdl_http_headers *list, enum hdl_http_header_id id, struct hdl_str name, struct hdl_str value)
{
	if (list->n >= list->capacity)
		return -ENOSPC;
	list->v[list->n++] = (struct hdl_http_header){ .name = name, .value = value, .known = (uint8_t)id };
	if (id != HDL_HTTP_H_OTHER)
		list->present |= BIT(id);
	return 0;
}

int hdl_http_headers_add(struct hdl_http_headers *list, struct hdl_str lower_name, struct hdl_str value)
{
	return append(list, hdl_http_header_id_of(lower_name), lower_name, value);
}

int hdl_http_headers_add_id(struct hdl_http_headers *list, enum hdl_http_header_id id, struct hdl_str value)
{
	return append(list, id, hdl_http_header_name(id), value);
}

static void tombstone(struct hdl_http_header *h)
{
	*h = (struct hdl_http_header){ .known = HDL_HTTP_H_REMOVED };
}

static int set(struct hdl_http_headers *list, struct hdl_http_header *first, enum hdl_http_header_id id,
	       struct hdl_str name, struct hdl_str value)
{
	if (!first)
		return append(list, id, name, value);
	for (struct hdl_http_header *h; (h = hdl_http_headers_next(list, first));)
		tombstone(h);
	first->value = value;
	first->flags &= (uint8_t)~HDL_HTTP_HEADER_VERBATIM;
	return 0;
}

int hdl_http_headers_set(struct hdl_http_headers *list, struct hdl_str lower_name, struct hdl_str value)
{
	return set(list, hdl_http_headers_find(list, lower_name), hdl_http_header_id_of(lower_name), lower_name, value);
}

int hdl_http_headers_set_id(struct hdl_http_headers *list, enum hdl_http_header_id id, struct hdl_str value)
{
	return set(list, hdl_http_headers_find_id(list, id), id, hdl_http_header_name(id), value);
}

static unsigned int remove_same(struct hdl_http_headers *list, uint8_t known, struct hdl_str name)
{
	unsigned int removed = 0;

	HDL_HTTP_HEADERS_EACH(list, h)
	{
		if (same_name(h, known, name)) {
			tombstone(h);
			removed++;
		}
	}
	if (known != HDL_HTTP_H_OTHER)
		list->present &= ~BIT(known);
	return removed;
}

unsigned int hdl_http_headers_remove(struct hdl_http_headers *list, struct hdl_str lower_name)
{
	return remove_same(list, (uint8_t)hdl_http_header_id_of(lower_name), lower_name);
}

unsigned int hdl_http_headers_remove_id(struct hdl_http_headers *list, enum hdl_http_header_id id)
{
	if (!hdl_http_headers_has(list, id))
		return 0;
	return remove_same(list, (uint8_t)id, hdl_http_header_name(id));
}

int hdl_http_headers_copy(const struct hdl_http_headers *from, struct hdl_http_headers *to)
{
	uint32_t n = 0;

	HDL_HTTP_HEADERS_EACH(from, h)
	n++;
	if (n > to->capacity)
		return -ENOSPC;
	to->n = 0;
	HDL_HTTP_HEADERS_EACH(from, h)
	to->v[to->n++] = *h;
	to->present = from->present;
	return 0;
}

/* Takes the next element of a comma-separated list off *rest, without blanks around it. False at the end. */
static bool next_element(struct hdl_str *rest, struct hdl_str *ret)
{
	const char *comma;

	if (!rest->p)
		return false;
	comma = rest->n > 0 ? memchr(rest->p, ',', rest->n) : NULL;
	if (comma) {
		*ret = (struct hdl_str){ rest->p, (size_t)(comma - rest->p) };
		rest->n -= ret->n + 1;
		rest->p = comma + 1;
	} else {
		*ret = *rest;
		rest->p = NULL;
	}
	*ret = hdl_str_trim(*ret);
	return true;
}

bool hdl_http_value_has_token(struct hdl_str value, struct hdl_str token)
{
	struct hdl_str element;

	while (next_element(&value, &element)) {
		const char *semicolon = element.n > 0 ? memchr(element.p, ';', element.n) : NULL;

		if (semicolon)
			element = hdl_str_trim((struct hdl_str){ element.p, (size_t)(semicolon - element.p) });
		if (hdl_str_eq_nocase(element, token))
			return true;
	}
	return false;
}

bool hdl_http_headers_have_token(const struct hdl_http_headers *list, enum hdl_http_header_id id, struct hdl_str token)
{
	if (!hdl_http_headers_has(list, id))
		return false;
	HDL_HTTP_HEADERS_EACH(list, h)
	if (h->known == id && hdl_http_value_has_token(h->value, token))
		return true;
	return false;
}

/* Nominating these in Connection is an attack on whoever comes behind us (hop-by-hop header abuse). */
static bool is_protected(const struct hdl_http_header *h)
{
	switch (h->known) {
	case HDL_HTTP_H_HOST:
	case HDL_HTTP_H_CONTENT_LENGTH:
	case HDL_HTTP_H_EXPECT:
	case HDL_HTTP_H_X_REQUEST_ID:
		return true;
	default:
		return hdl_str_starts(h->name, HDL_STR("x-forwarded-")) || hdl_str_starts(h->name, HDL_STR("x-envoy-"));
	}
}

/*
 * Each field is compared with what Connection names, not the other way round: at most (number of headers) x (bytes of
 * Connection), both bounded by the limits of the head.
 */
static void strip_nominated(struct hdl_http_headers *list)
{
	HDL_HTTP_HEADERS_EACH(list, h)
	{
		/* TE has its own rule; Connection itself is still needed for the others. */
		if (h->known == HDL_HTTP_H_CONNECTION || h->known == HDL_HTTP_H_TE || is_protected(h))
			continue;
		if (hdl_http_headers_have_token(list, HDL_HTTP_H_CONNECTION, h->name))
			tombstone(h);
	}
	list->present = 0;
	HDL_HTTP_HEADERS_EACH(list, h)
	if (h->known != HDL_HTTP_H_OTHER)
		list->present |= BIT(h->known);
}

static bool names_only_close_or_keep_alive(const struct hdl_http_headers *list)
{
	HDL_HTTP_HEADERS_EACH(list, h)
	{
		if (h->known == HDL_HTTP_H_CONNECTION && !hdl_str_eq_nocase(h->value, HDL_STR("keep-alive")) &&
		    !hdl_str_eq_nocase(h->value, HDL_STR("close")))
			return false;
	}
	return true;
}

void hdl_http_headers_strip_hop_by_hop(struct hdl_http_headers *list)
{
	const uint64_t one_hop = BIT(HDL_HTTP_H_CONNECTION) | BIT(HDL_HTTP_H_KEEP_ALIVE) |
				 BIT(HDL_HTTP_H_PROXY_CONNECTION) | BIT(HDL_HTTP_H_TE) |
				 BIT(HDL_HTTP_H_TRANSFER_ENCODING) | BIT(HDL_HTTP_H_UPGRADE) |
				 BIT(HDL_HTTP_H_HTTP2_SETTINGS);

	if (!(list->present & one_hop))
		return;
	if (hdl_http_headers_has(list, HDL_HTTP_H_CONNECTION) && !names_only_close_or_keep_alive(list))
		strip_nominated(list);
	if (hdl_http_headers_have_token(list, HDL_HTTP_H_TE, HDL_STR("trailers")))
		(void)hdl_http_headers_set_id(list, HDL_HTTP_H_TE, HDL_STR("trailers"));
	else
		hdl_http_headers_remove_id(list, HDL_HTTP_H_TE);
	HDL_HTTP_HEADERS_EACH(list, h)
	if (h->known != HDL_HTTP_H_TE && (one_hop & ~(uint64_t)1) >> (h->known & 63) & 1)
		tombstone(h);
	list->present &= ~(one_hop & ~BIT(HDL_HTTP_H_TE));
}
