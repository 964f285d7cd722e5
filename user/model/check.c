/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that several kinds share: labels, exportTo, gateway references, StringMatch (specification A.1, A.3). */
#include "model/check.h"

#include <stdio.h>
#include <string.h>
#include "model/names.h"

void hdl_check_labels(struct hdl_decode *d, const struct hdl_kvs *labels, const char *field)
{
	for (size_t i = 0; i < labels->n; i++) {
		const struct hdl_kv *kv = &labels->at[i];

		if (kv->key && !hdl_name_is_label_key(kv->key))
			hdl_decode_error(d, kv->pos, field,
					 "\"%.100s\" is not a label key: [prefix/]name of letters, "
					 "digits, '-', '_' and '.'",
					 kv->key);
		if (kv->value && !hdl_name_is_label_value(kv->value))
			hdl_decode_error(d, kv->pos, field,
					 "\"%.100s\" is not a label value: at most 63 letters, digits, "
					 "'-', '_' and '.'",
					 kv->value);
	}
}

void hdl_check_metadata(struct hdl_decode *d, void *object)
{
	const struct hdl_metadata *metadata = object;

	if (metadata->name.s && !hdl_name_is_subdomain(metadata->name.s))
		hdl_decode_error(d, metadata->name.pos, "name",
				 "\"%.100s\" is not a name: lower-case letters, digits, '-' and '.', at most 253",
				 metadata->name.s);
	if (metadata->ns.s && *metadata->ns.s && !hdl_name_is_namespace(metadata->ns.s))
		hdl_decode_error(d, metadata->ns.pos, "namespace",
				 "\"%.100s\" is not a namespace: lower-case letters, digits and '-', at most 63",
				 metadata->ns.s);
}

void hdl_check_export_to(struct hdl_decode *d, const struct hdl_texts *list)
{
	const char *own = d->metadata && d->metadata->ns.s && *d->metadata->ns.s ? d->metadata->ns.s : "default";

	for (size_t i = 0; i < list->n; i++) {
		const struct hdl_text *text = &list->at[i];
		const char *ns = text->s && !strcmp(text->s, ".") ? own : text->s;

		if (!ns)
			continue;
		if (!strcmp(ns, "*") && list->n > 1)
			hdl_decode_error(d, text->pos, "exportTo", "\"*\" must stand alone");
		else if (!strcmp(ns, "~"))
			hdl_decode_error(d, text->pos, "exportTo", "\"~\" is for ServiceEntry and Service only");
		else if (strcmp(ns, "*") && !hdl_name_is_label(ns))
			hdl_decode_error(d, text->pos, "exportTo", "\"%.100s\" is not \".\", \"*\" or a namespace", ns);
		for (size_t j = 0; j < i; j++) {
			const char *other = list->at[j].s && !strcmp(list->at[j].s, ".") ? own : list->at[j].s;

			if (other && !strcmp(ns, other)) {
				hdl_decode_error(d, text->pos, "exportTo", "names \"%.100s\" twice", ns);
				break;
			}
		}
	}
}

static bool is_gateway_ref(const char *s, bool *ret_dotted)
{
	const char *slash = strchr(s, '/');
	char ns[64];

	*ret_dotted = !slash && strchr(s, '.');
	if (!slash)
		return *ret_dotted ? hdl_name_is_host(s, false) : hdl_name_is_label(s);
	if ((size_t)(slash - s) >= sizeof(ns))
		return false;
	snprintf(ns, sizeof(ns), "%.*s", (int)(slash - s), s);
	return hdl_name_is_label(ns) && hdl_name_is_subdomain(slash + 1);
}

void hdl_check_gateway_refs(struct hdl_decode *d, const struct hdl_texts *gateways, const char *field)
{
	for (size_t i = 0; i < gateways->n; i++) {
		const struct hdl_text *text = &gateways->at[i];
		bool dotted;

		if (!text->s)
			continue;
		if (!is_gateway_ref(text->s, &dotted))
			hdl_decode_error(d, text->pos, field,
					 "\"%.100s\" is not mesh, a gateway's name or namespace/name", text->s);
		else if (dotted)
			hdl_decode_warning(d, text->pos, field, "\"%.100s\" is the old form; write namespace/name",
					   text->s);
	}
}

/* What may be empty depends on where the match stands: see check_vs.c. */
void hdl_check_string_match(struct hdl_decode *d, void *object)
{
	const struct hdl_string_match *m = object;

	if (!!m->exact.s + !!m->prefix.s + !!m->regex.s > 1)
		hdl_decode_error(d, m->pos, NULL, "has more than one of exact, prefix and regex");
	if (m->regex.s && !*m->regex.s)
		hdl_decode_error(d, m->regex.pos, "regex", "must not be empty");
	if (m->regex.s && strlen(m->regex.s) > HDL_REGEX_BYTES_MAX)
		hdl_decode_error(d, m->regex.pos, "regex", "is longer than %d characters", HDL_REGEX_BYTES_MAX);
}
