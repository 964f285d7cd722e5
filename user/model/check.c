/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that several kinds share: labels, exportTo, gateway references, StringMatch (specification A.1, A.3). */
#include "model/check.h"

#include <stdio.h>
#include <string.h>
#include "base/str.h"
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

const char *hdl_check_own_namespace(const struct hdl_decode *d)
{
	return d->metadata && d->metadata->ns.s && *d->metadata->ns.s ? d->metadata->ns.s : "default";
}

static const char *exported_to(const struct hdl_decode *d, const struct hdl_text *text)
{
	return text->s && !strcmp(text->s, ".") ? hdl_check_own_namespace(d) : text->s;
}

void hdl_check_export_list(struct hdl_decode *d, const struct hdl_texts *list, const char *field, unsigned int flags)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct hdl_text *text = &list->at[i];
		const char *ns = exported_to(d, text);

		if (!ns)
			continue;
		if ((!strcmp(ns, "*") || (!strcmp(ns, "~") && flags & HDL_EXPORT_NONE)) && list->n > 1)
			hdl_decode_error(d, text->pos, field, "\"%s\" must stand alone", ns);
		else if (!strcmp(ns, "~") && !(flags & HDL_EXPORT_NONE))
			hdl_decode_error(d, text->pos, field, "\"~\" is for ServiceEntry and Service only");
		else if (strcmp(ns, "*") && strcmp(ns, "~") && !hdl_name_is_label(ns))
			hdl_decode_error(d, text->pos, field, "\"%.100s\" is not \".\", \"*\" or a namespace", ns);
		for (size_t j = 0; j < i; j++) {
			const char *other = exported_to(d, &list->at[j]);

			if (other && !strcmp(ns, other)) {
				hdl_decode_error(d, text->pos, field, "names \"%.100s\" twice", ns);
				break;
			}
		}
	}
}

void hdl_check_annotations(struct hdl_decode *d)
{
	for (size_t i = 0; d->metadata && i < d->metadata->annotations.n; i++) {
		const struct hdl_kv *kv = &d->metadata->annotations.at[i];

		if (!strcmp(kv->key, "istio.io/always-reject"))
			hdl_decode_error(d, kv->pos, NULL, "the annotation istio.io/always-reject asks for refusal");
		else if (!strcmp(kv->key, "istio.io/dry-run"))
			hdl_decode_error(d, kv->pos, NULL,
					 "the annotation istio.io/dry-run is for AuthorizationPolicy only");
		else if (!strncmp(kv->key, "internal.istio.io/", 18))
			hdl_decode_error(d, kv->pos, NULL, "the annotation %.100s is internal to Istio", kv->key);
	}
}

enum hdl_gw_protocol hdl_check_protocol(struct hdl_decode *d, const struct hdl_text *protocol, const char *field)
{
	static const char *const names[] = {
		[HDL_GW_HTTP] = "HTTP",         [HDL_GW_HTTPS] = "HTTPS", [HDL_GW_GRPC] = "GRPC",
		[HDL_GW_GRPC_WEB] = "GRPC-WEB", [HDL_GW_HTTP2] = "HTTP2", [HDL_GW_MONGO] = "MONGO",
		[HDL_GW_TCP] = "TCP",           [HDL_GW_TLS] = "TLS",     [HDL_GW_MYSQL] = "MYSQL",
		[HDL_GW_REDIS] = "REDIS",       [HDL_GW_UDP] = "UDP"
	};

	if (!protocol->s || !*protocol->s)
		return 0;
	for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		if (hdl_str_eq_nocase(hdl_str_of(protocol->s), hdl_str_of(names[i])))
			return (enum hdl_gw_protocol)i;
	hdl_decode_error(d, protocol->pos, field,
			 "must be one of HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP, TLS, not \"%.60s\"",
			 protocol->s);
	return 0;
}

void hdl_check_subnets(struct hdl_decode *d, const struct hdl_texts *subnets, const char *field)
{
	for (size_t i = 0; i < subnets->n; i++)
		if (subnets->at[i].s && !hdl_name_is_subnet(subnets->at[i].s))
			hdl_decode_error(d, subnets->at[i].pos, field, "\"%.60s\" is not an address or address/bits",
					 subnets->at[i].s);
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
	return hdl_name_is_label(ns) && hdl_name_is_label(slash + 1);
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
