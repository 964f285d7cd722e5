/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of GatewayClass, Gateway, ReferenceGrant and BackendTLSPolicy (specification F.1, F.6). */
#include "model/check_gwapi.h"

#include <stdio.h>
#include <string.h>
#include "model/check.h"
#include "model/names.h"

/* ---- helpers ---- */

void hdl_check_gwapi_length(struct hdl_decode *d, const struct hdl_text *text, const char *field, size_t min,
			    size_t max)
{
	size_t n = text->s ? strlen(text->s) : min;

	if (n < min)
		hdl_decode_error(d, text->pos, field, "must not be empty");
	else if (n > max)
		hdl_decode_error(d, text->pos, field, "has %zu characters, at most %zu are allowed", n, max);
}

static bool has_upper(const char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			return true;
	return false;
}

void hdl_check_gwapi_hostname(struct hdl_decode *d, const struct hdl_text *text, const char *field, bool wildcard)
{
	const char *name = text->s;
	bool star = name && wildcard && !strncmp(name, "*.", 2);

	if (!name)
		return;
	if (hdl_name_is_ip(name))
		hdl_decode_error(d, text->pos, field, "\"%.100s\" is an address; a host name is needed", name);
	else if (!hdl_name_is_subdomain(star ? name + 2 : name) || has_upper(name))
		hdl_decode_error(
			d, text->pos, field,
			"\"%.100s\" is not a host name: labels of lower-case letters, digits and '-', joined by "
			"dots, without a port%s",
			name, wildcard ? "; \"*.\" may come first" : "");
}

void hdl_check_gwapi_section(struct hdl_decode *d, const struct hdl_text *text, const char *field)
{
	if (text->s && !hdl_name_is_subdomain(text->s))
		hdl_decode_error(d, text->pos, field,
				 "\"%.100s\" is not a name: lower-case letters, digits, '-' and '.', at most 253",
				 text->s);
}

bool hdl_gwapi_same_text(const struct hdl_text *a, const struct hdl_text *b, const char *absent)
{
	return !strcmp(hdl_gwapi_text(a, absent), hdl_gwapi_text(b, absent));
}

static bool is_kind(const char *s)
{
	size_t n = strlen(s);
	bool letter = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');

	return letter && n <= 63 && hdl_name_is_label(s);
}

static bool is_group(const char *s)
{
	return !*s || hdl_name_is_subdomain(s);
}

void hdl_check_gwapi_ref(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_ref *ref = object;

	if (ref->group.s && !is_group(ref->group.s))
		hdl_decode_error(d, ref->group.pos, "group", "\"%.100s\" is not an API group", ref->group.s);
	if (ref->kind.s && !is_kind(ref->kind.s))
		hdl_decode_error(d, ref->kind.pos, "kind", "\"%.100s\" is not a kind", ref->kind.s);
	hdl_check_gwapi_length(d, &ref->name, "name", 1, 253);
	if (ref->ns.s && !hdl_name_is_namespace(ref->ns.s))
		hdl_decode_error(d, ref->ns.pos, "namespace", "\"%.100s\" is not a namespace", ref->ns.s);
	hdl_check_gwapi_section(d, &ref->section_name, "sectionName");
}

void hdl_check_gwapi_requirement(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_requirement *r = object;
	bool set, exists;

	if (r->key.s && !hdl_name_is_label_key(r->key.s))
		hdl_decode_error(d, r->key.pos, "key", "\"%.100s\" is not a label key", r->key.s);
	if (!r->op.s)
		return;
	set = !strcmp(r->op.s, "In") || !strcmp(r->op.s, "NotIn");
	exists = !strcmp(r->op.s, "Exists") || !strcmp(r->op.s, "DoesNotExist");
	if (!set && !exists)
		hdl_decode_error(d, r->op.pos, "operator",
				 "must be one of In, NotIn, Exists, DoesNotExist, not \"%.60s\"", r->op.s);
	else if (set && !r->values.n)
		hdl_decode_error(d, r->op.pos, "values", "is required with %s", r->op.s);
	else if (exists && r->values.n)
		hdl_decode_error(d, r->op.pos, "values", "must not be set with %s", r->op.s);
}

void hdl_check_gwapi_selector(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_selector *selector = object;

	hdl_check_labels(d, &selector->match_labels, "matchLabels");
}

void hdl_check_gwapi_namespaces(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_namespaces *namespaces = object;

	if (namespaces->from.value == HDL_GWAPI_FROM_SELECTOR && !namespaces->selector && hdl_decode_clean(d))
		hdl_decode_error(d, namespaces->from.pos, "selector", "is required when from is Selector");
}

/* ---- GatewayClass ---- */

/* A domain, a slash and a path. */
static bool is_controller(const char *s)
{
	static const char *const path =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-._~%!$&'()*+,;=:";
	const char *slash = strchr(s, '/');
	char domain[254];

	if (!slash || slash - s > 253 || !slash[1] || strspn(slash + 1, path) != strlen(slash + 1))
		return false;
	snprintf(domain, sizeof(domain), "%.*s", (int)(slash - s), s);
	return hdl_name_is_subdomain(domain);
}

void hdl_check_gwapi_class(struct hdl_decode *d, void *object)
{
	const struct hdl_gateway_class *class = object;

	if (class->controller_name.s &&
	    (!is_controller(class->controller_name.s) || strlen(class->controller_name.s) > 253))
		hdl_decode_error(d, class->controller_name.pos, "controllerName",
				 "\"%.100s\" is not a domain, a slash and a path", class->controller_name.s);
	hdl_check_gwapi_length(d, &class->description, "description", 0, 64);
}

/* ---- Gateway ---- */

void hdl_check_gwapi_listener_tls(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_listener_tls *tls = object;

	if (tls->options.n > 16)
		hdl_decode_error(d, tls->pos, "options", "has %zu entries, at most 16 are allowed", tls->options.n);
	if (tls->mode.value == HDL_GWAPI_TERMINATE && !tls->certificate_refs.n && !tls->options.n &&
	    hdl_decode_clean(d))
		hdl_decode_error(d, tls->pos, NULL,
				 "certificateRefs or options must be specified when mode is Terminate");
}

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

static const char *const clear_protocols[] = { "HTTP", "TCP", "UDP", NULL };
static const char *const l4_protocols[] = { "TCP", "UDP", NULL };
static const char *const known_protocols[] = { "HTTP", "HTTPS", "TLS", "TCP", "UDP", NULL };

/* A name without a dot, or a domain with a name of an implementation. */
static bool is_protocol(const char *s)
{
	if (strlen(s) > 255 || !*s)
		return false;
	if (strchr(s, '/'))
		return is_controller(s);
	return hdl_name_is_label(s);
}

static void check_listener_tls(struct hdl_decode *d, const struct hdl_gwapi_listener *listener)
{
	const char *protocol = listener->protocol.s;

	if (listener->tls && is_one_of(protocol, clear_protocols))
		hdl_decode_error(d, listener->tls->pos, "tls",
				 "tls must not be specified for protocols HTTP, TCP and UDP");
	if (!strcmp(protocol, "HTTPS") && listener->tls && listener->tls->mode.value != HDL_GWAPI_TERMINATE)
		hdl_decode_error(d, listener->tls->mode.pos, "tls.mode",
				 "tls mode must be Terminate for protocol HTTPS");
	if (!strcmp(protocol, "TLS") && (!listener->tls || !listener->tls->mode.has))
		hdl_decode_error(d, listener->tls ? listener->tls->pos : listener->pos, "tls.mode",
				 "tls mode must be set for protocol TLS");
}

void hdl_check_gwapi_listener(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_listener *listener = object;

	hdl_check_gwapi_section(d, &listener->name, "name");
	if (listener->hostname.s && *listener->hostname.s)
		hdl_check_gwapi_hostname(d, &listener->hostname, "hostname", true);
	if (listener->protocol.s && !is_protocol(listener->protocol.s)) {
		hdl_decode_error(d, listener->protocol.pos, "protocol",
				 "must be one of HTTP, HTTPS, TLS, TCP, UDP, not \"%.60s\"", listener->protocol.s);
		return;
	}
	if (!listener->protocol.s || !hdl_decode_clean(d))
		return;
	if (!is_one_of(listener->protocol.s, known_protocols))
		hdl_decode_warning(
			d, listener->protocol.pos, "protocol",
			"\"%.60s\" is not a protocol that is served here: HTTP, HTTPS, TLS, TCP, UDP are known",
			listener->protocol.s);
	if (listener->hostname.s && *listener->hostname.s && is_one_of(listener->protocol.s, l4_protocols))
		hdl_decode_error(d, listener->hostname.pos, "hostname",
				 "hostname must not be specified for protocols TCP and UDP");
	check_listener_tls(d, listener);
}

void hdl_check_gwapi_address(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_address *address = object;
	const char *type = hdl_gwapi_text(&address->type, "IPAddress"), *value = address->value.s;

	hdl_check_gwapi_length(d, &address->value, "value", 0, 253);
	if (!strcmp(type, "IPAddress")) {
		if (value && *value && !hdl_name_is_ip(value))
			hdl_decode_error(d, address->value.pos, "value", "\"%.100s\" is not an address", value);
	} else if (!strcmp(type, "Hostname")) {
		if (value && *value)
			hdl_check_gwapi_hostname(d, &address->value, "value", true);
	} else if (!is_controller(type)) {
		hdl_decode_error(d, address->type.pos, "type",
				 "must be IPAddress, Hostname or a domain with a path, not \"%.60s\"", type);
	}
}

static bool same_place(const struct hdl_gwapi_listener *a, const struct hdl_gwapi_listener *b)
{
	return a->port.value == b->port.value && hdl_gwapi_same_text(&a->protocol, &b->protocol, "") &&
	       hdl_gwapi_same_text(&a->hostname, &b->hostname, "");
}

static void check_unique_listeners(struct hdl_decode *d, const struct hdl_kube_gateway *gateway, size_t i)
{
	const struct hdl_gwapi_listener *listener = &gateway->listeners.at[i];
	char field[40];

	snprintf(field, sizeof(field), "listeners[%zu]", i);
	for (size_t j = 0; j < i; j++) {
		const struct hdl_gwapi_listener *other = &gateway->listeners.at[j];

		if (hdl_gwapi_same_text(&listener->name, &other->name, "")) {
			hdl_decode_error(
				d, listener->name.pos, field,
				"Listener name must be unique within the Gateway: \"%.60s\" is that of line %u",
				listener->name.s, other->pos.line);
			return;
		}
		if (same_place(listener, other)) {
			hdl_decode_error(d, listener->pos, field,
					 "Combination of port, protocol and hostname must be unique for each listener: "
					 "line %u has the same",
					 other->pos.line);
			return;
		}
	}
}

static void check_unique_addresses(struct hdl_decode *d, const struct hdl_kube_gateway *gateway)
{
	for (size_t i = 0; i < gateway->addresses.n; i++)
		for (size_t j = 0; j < i; j++) {
			const struct hdl_gwapi_address *a = &gateway->addresses.at[i], *b = &gateway->addresses.at[j];

			if (a->value.s && b->value.s && *a->value.s && !strcmp(a->value.s, b->value.s) &&
			    hdl_gwapi_same_text(&a->type, &b->type, "IPAddress"))
				hdl_decode_error(d, a->pos, "addresses", "%s values must be unique: \"%.100s\"",
						 hdl_gwapi_text(&a->type, "IPAddress"), a->value.s);
		}
}

void hdl_check_gwapi_gateway(struct hdl_decode *d, void *object)
{
	const struct hdl_kube_gateway *gateway = object;

	hdl_check_gwapi_length(d, &gateway->gateway_class_name, "gatewayClassName", 1, 253);
	for (size_t i = 0; i < gateway->listeners.n && hdl_decode_clean(d); i++)
		check_unique_listeners(d, gateway, i);
	check_unique_addresses(d, gateway);
	if (gateway->infrastructure && gateway->infrastructure->labels.n > 8)
		hdl_decode_error(d, gateway->infrastructure->pos, "infrastructure.labels",
				 "has %zu entries, at most 8 are allowed", gateway->infrastructure->labels.n);
	if (gateway->infrastructure && gateway->infrastructure->annotations.n > 8)
		hdl_decode_error(d, gateway->infrastructure->pos, "infrastructure.annotations",
				 "has %zu entries, at most 8 are allowed", gateway->infrastructure->annotations.n);
	if (gateway->default_scope.s && strcmp(gateway->default_scope.s, "All") &&
	    strcmp(gateway->default_scope.s, "None"))
		hdl_decode_error(d, gateway->default_scope.pos, "defaultScope", "must be All or None");
}

void hdl_check_gwapi_frontend(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_gateway_frontend *frontend = object;

	for (size_t i = 0; i < frontend->per_port.n; i++)
		for (size_t j = 0; j < i; j++)
			if (frontend->per_port.at[i].port.value == frontend->per_port.at[j].port.value) {
				hdl_decode_error(d, frontend->per_port.at[i].pos, "perPort",
						 "Port for TLS configuration must be unique within the Gateway");
				break;
			}
}

/* ---- BackendTLSPolicy ---- */

void hdl_check_gwapi_san(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_san *san = object;
	bool hostname, uri;

	if (!san->type.s)
		return;
	hostname = !strcmp(san->type.s, "Hostname");
	uri = !strcmp(san->type.s, "URI");
	if (!hostname && !uri)
		hdl_decode_error(d, san->type.pos, "type", "must be Hostname or URI, not \"%.60s\"", san->type.s);
	else if (hostname != (san->hostname.s && *san->hostname.s))
		hdl_decode_error(d, san->pos, "hostname",
				 "SubjectAltName element must%s contain hostname if type is %s", hostname ? "" : " not",
				 san->type.s);
	else if (uri != (san->uri.s && *san->uri.s))
		hdl_decode_error(d, san->pos, "uri", "SubjectAltName element must%s contain uri if type is %s",
				 uri ? "" : " not", san->type.s);
	if (hostname && san->hostname.s && *san->hostname.s)
		hdl_check_gwapi_hostname(d, &san->hostname, "hostname", true);
}

void hdl_check_gwapi_backend_validation(struct hdl_decode *d, void *object)
{
	const struct hdl_gwapi_backend_validation *v = object;
	bool well_known = v->well_known.s && *v->well_known.s;

	hdl_check_gwapi_hostname(d, &v->hostname, "hostname", false);
	if (well_known && strcmp(v->well_known.s, "System") && !strchr(v->well_known.s, '/'))
		hdl_decode_error(d, v->well_known.pos, "wellKnownCACertificates", "must be System, not \"%.60s\"",
				 v->well_known.s);
	if (!hdl_decode_clean(d))
		return;
	if (well_known && v->ca_certificate_refs.n)
		hdl_decode_error(d, v->pos, NULL,
				 "must not contain both caCertificateRefs and wellKnownCACertificates");
	else if (!well_known && !v->ca_certificate_refs.n)
		hdl_decode_error(d, v->pos, NULL, "must specify either caCertificateRefs or wellKnownCACertificates");
}

void hdl_check_gwapi_backend_tls(struct hdl_decode *d, void *object)
{
	const struct hdl_backend_tls_policy *policy = object;

	for (size_t i = 0; i < policy->target_refs.n && hdl_decode_clean(d); i++)
		for (size_t j = 0; j < i; j++) {
			const struct hdl_gwapi_ref *a = &policy->target_refs.at[i], *b = &policy->target_refs.at[j];

			if (!hdl_gwapi_same_text(&a->group, &b->group, "") ||
			    !hdl_gwapi_same_text(&a->kind, &b->kind, "") ||
			    !hdl_gwapi_same_text(&a->name, &b->name, ""))
				continue;
			if (!a->section_name.s || !b->section_name.s)
				hdl_decode_error(d, a->pos, "targetRefs",
						 "sectionName must be specified when targetRefs includes 2 or more "
						 "references to the same target");
			else if (!strcmp(a->section_name.s, b->section_name.s))
				hdl_decode_error(d, a->pos, "targetRefs",
						 "sectionName must be unique when targetRefs includes 2 or more "
						 "references to the same target");
		}
	if (policy->options.n > 16)
		hdl_decode_error(d, policy->pos, "options", "has %zu entries, at most 16 are allowed",
				 policy->options.n);
}
