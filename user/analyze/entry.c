/* SPDX-License-Identifier: Apache-2.0 */
/* ServiceEntries (IST0127, IST0134, IST0177). */
#include "analyze/an.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- addresses ---- */

/* Entries without addresses get one of their own when their names are resolved (A.10). */
static bool is_allocated(const struct hdl_service_entry *entry)
{
	return entry->status && entry->status->addresses.n;
}

static void check_addresses(struct an *an, const struct hdl_resource *res)
{
	const struct hdl_service_entry *entry = res->service_entry;

	if (entry->addresses.n || is_allocated(entry))
		return;
	for (size_t i = 0; i < entry->ports.n; i++) {
		const char *protocol = entry->ports.at[i].protocol.s;

		if (!protocol || !*protocol || strcasecmp(protocol, "TCP") == 0)
			an_report(an, HDL_AN_ADDRESSES_REQUIRED, res, entry->ports.at[i].pos);
	}
}

static void check_selector(struct an *an, const struct hdl_resource *res)
{
	const struct hdl_se_workload_selector *selector = res->service_entry->workload_selector;

	if (selector && selector->labels.n && !an_find_workload(an, res->ns, &selector->labels, NULL))
		an_report(an, HDL_AN_NO_WORKLOADS, res, selector->pos, an_selector_text(an, &selector->labels));
}

/* ---- protocols of one port ---- */

struct port {
	const struct hdl_resource *res;
	const struct hdl_se_port *spec;
	const char *host;
	struct port *next;
};

static void add_port(struct an *an, struct hdl_xl_map *ports, const struct hdl_resource *res, const char *host,
		     const struct hdl_se_port *spec)
{
	const char *key = an_printf(an, "%s:%lld", host, (long long)spec->number.value);
	struct port *port = hdl_arena_alloc(an->arena, sizeof(*port));

	if (!port) {
		an->no_memory = true;
		return;
	}
	*port = (struct port){ res, spec, host, hdl_xl_map_get(ports, key) };
	if (hdl_xl_map_put(ports, an->arena, key, port) < 0)
		an->no_memory = true;
}

static bool exports_to_all(const struct hdl_resource *res)
{
	return an_exported(&res->service_entry->export_to, res->ns, "*");
}

static bool scopes_meet(const struct hdl_resource *a, const struct hdl_resource *b)
{
	const struct hdl_texts *to = &a->service_entry->export_to;

	if (exports_to_all(a) || exports_to_all(b))
		return true;
	for (size_t i = 0; i < to->n; i++)
		if (an_exported(&b->service_entry->export_to, b->ns,
				strcmp(to->at[i].s, ".") == 0 ? a->ns : to->at[i].s))
			return true;
	return false;
}

static const char *protocol_of(const struct port *port)
{
	return port->spec->protocol.s ? port->spec->protocol.s : "";
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *joined(struct an *an, const char **words, size_t n)
{
	struct hdl_buf buf = { 0 };
	const char *text;

	qsort(words, n, sizeof(*words), by_text);
	for (size_t i = 0; i < n; i++)
		if (!i || strcmp(words[i], words[i - 1]) != 0)
			hdl_buf_printf(&buf, "%s%s", buf.n ? ", " : "", words[i]);
	text = buf.p && !buf.failed ? an_strdup(an, buf.p) : "";
	hdl_buf_done(&buf);
	return text;
}

static const char *upper(struct an *an, const char *s)
{
	char *copy = hdl_arena_strdup(an->arena, s);

	if (!copy) {
		an->no_memory = true;
		return "";
	}
	for (char *p = copy; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - ('a' - 'A'));
	return copy;
}

static void check_protocols(struct an *an, const struct port *port, const struct port *first)
{
	const char *names[HDL_AN_NAMES_MAX], *protocols[HDL_AN_NAMES_MAX];
	size_t n = 0, seen = 0;
	bool differ = false;

	for (const struct port *other = first; other && n < HDL_AN_NAMES_MAX && seen < HDL_AN_BLOCKS_MAX;
	     other = other->next, seen++) {
		if (other != port && !scopes_meet(port->res, other->res))
			continue;
		differ = differ || strcasecmp(protocol_of(port), protocol_of(other)) != 0;
		names[n] = an_resource_name(an, other->res);
		protocols[n++] = upper(an, protocol_of(other));
	}
	if (differ)
		an_report(an, HDL_AN_ENTRY_PROTOCOLS, port->res, an_name_pos(port->res), joined(an, names, n),
			  port->host, (int64_t)port->spec->number.value, joined(an, protocols, n));
}

static void check_all_protocols(struct an *an, const struct an_list *list)
{
	struct hdl_xl_map ports = { 0 };

	for (size_t i = 0; i < list->n && !an->no_memory; i++) {
		const struct hdl_service_entry *entry = list->at[i]->service_entry;

		for (size_t h = 0; h < entry->hosts.n; h++)
			for (size_t k = 0; k < entry->ports.n; k++)
				add_port(an, &ports, list->at[i], entry->hosts.at[h].s, &entry->ports.at[k]);
	}
	for (size_t i = 0; i < ports.slots && !an->no_memory; i++)
		for (const struct port *port = ports.slot[i].value; port; port = port->next)
			if (port->next || port != ports.slot[i].value)
				check_protocols(an, port, ports.slot[i].value);
}

void an_entries(struct an *an)
{
	const struct an_list *list = &an->kind[HDL_KIND_SERVICE_ENTRY];

	for (size_t i = 0; i < list->n && !an->no_memory; i++) {
		check_addresses(an, list->at[i]);
		check_selector(an, list->at[i]);
	}
	check_all_protocols(an, list);
}
