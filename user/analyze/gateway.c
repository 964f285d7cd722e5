/* SPDX-License-Identifier: Apache-2.0 */
/* Gateways: selectors, ports, certificates, conflicts (IST0101, IST0138, IST0145, IST0161, IST0162). */
#include "analyze/an.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- conflicts: one selector, one port, one host ---- */

struct server {
	const struct hdl_resource *res;
	const struct hdl_gw_server *spec;
	struct server *next;
};

static const char *bare_host(const char *host)
{
	const char *slash = strchr(host, '/');

	return slash ? slash + 1 : host;
}

static bool binds_meet(const struct hdl_gw_server *a, const struct hdl_gw_server *b)
{
	const char *x = a->bind.s ? a->bind.s : "", *y = b->bind.s ? b->bind.s : "";

	return strcmp(x, y) == 0;
}

/* Servers with equal hosts; equal host names with other namespaces before them are other hosts. */
static bool hosts_meet(const struct hdl_gw_server *a, const struct hdl_gw_server *b)
{
	for (size_t i = 0; i < a->hosts.n; i++)
		for (size_t k = 0; k < b->hosts.n; k++)
			if (strcmp(bare_host(a->hosts.at[i].s), bare_host(b->hosts.at[k].s)) == 0)
				return true;
	return false;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *joined(struct an *an, const char **names, size_t n)
{
	struct hdl_buf buf = { 0 };
	const char *text;

	if (n)
		qsort(names, n, sizeof(*names), by_text);
	for (size_t i = 0; i < n; i++)
		if (!i || strcmp(names[i], names[i - 1]) != 0)
			hdl_buf_printf(&buf, "%s%s", buf.n ? "," : "", names[i]);
	text = buf.p && !buf.failed ? an_strdup(an, buf.p) : "";
	hdl_buf_done(&buf);
	return text;
}

static const char *server_hosts(struct an *an, const struct hdl_gw_server *server)
{
	struct hdl_buf buf = { 0 };
	const char *text;

	for (size_t i = 0; i < server->hosts.n && i < HDL_AN_NAMES_MAX; i++)
		hdl_buf_printf(&buf, "%s%s", i ? "," : "", server->hosts.at[i].s);
	text = buf.p && !buf.failed ? an_strdup(an, buf.p) : "";
	hdl_buf_done(&buf);
	return text;
}

static void check_conflict(struct an *an, const struct server *server, const struct server *first, const char *selector)
{
	const char *names[HDL_AN_NAMES_MAX];
	size_t n = 0, seen = 0;

	for (const struct server *other = first; other && n < HDL_AN_NAMES_MAX && seen < HDL_AN_BLOCKS_MAX;
	     other = other->next, seen++)
		if (other->res != server->res && binds_meet(server->spec, other->spec) &&
		    hosts_meet(server->spec, other->spec))
			names[n++] = an_resource_name(an, other->res);
	if (n)
		an_report(an, HDL_AN_GATEWAY_CONFLICT, server->res, server->spec->pos, joined(an, names, n), selector,
			  an_printf(an, "%lld", (long long)server->spec->port->number.value),
			  server_hosts(an, server->spec));
}

static void add_server(struct an *an, struct hdl_xl_map *servers, const struct hdl_resource *res,
		       const struct hdl_gw_server *spec)
{
	const char *key = an_printf(an, "%s~%lld", an_selector_text(an, &res->gateway->selector),
				    (long long)spec->port->number.value);
	struct server *server = hdl_arena_alloc(an->arena, sizeof(*server));

	if (!server) {
		an->no_memory = true;
		return;
	}
	*server = (struct server){ res, spec, hdl_xl_map_get(servers, key) };
	if (hdl_xl_map_put(servers, an->arena, key, server) < 0)
		an->no_memory = true;
}

static void check_conflicts(struct an *an, const struct an_list *list)
{
	struct hdl_xl_map servers = { 0 };

	for (size_t i = 0; i < list->n && !an->no_memory; i++)
		for (size_t k = 0; k < list->at[i]->gateway->servers.n; k++)
			add_server(an, &servers, list->at[i], &list->at[i]->gateway->servers.at[k]);
	for (size_t i = 0; i < servers.slots && !an->no_memory; i++) {
		const char *key = servers.slot[i].key;
		const struct server *first = servers.slot[i].value;

		for (const struct server *server = key ? first : NULL; server; server = server->next)
			check_conflict(an, server, first, an_printf(an, "%.*s", (int)strcspn(key, "~"), key));
	}
}

/* ---- certificates that several Gateways show ---- */

static const char *certificate_of(struct an *an, const struct hdl_gw_tls *tls)
{
	if (!tls)
		return NULL;
	if (tls->credential_name.s && *tls->credential_name.s)
		return an_printf(an, "credential\n%s", tls->credential_name.s);
	if (tls->server_certificate.s && *tls->server_certificate.s && tls->private_key.s && *tls->private_key.s)
		return an_printf(an, "file\n%s\n%s", tls->server_certificate.s, tls->private_key.s);
	return NULL;
}

static void report_duplicates(struct an *an, const struct an_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		for (size_t k = 0, named = 0; k < list->n && named < HDL_AN_NAMES_MAX; k++) {
			const struct hdl_resource *a = list->at[i], *b = list->at[k];

			/* a's workload is among b's */
			if (a == b || !an_labels_contain(&b->gateway->selector, &a->gateway->selector))
				continue;
			an_report(an, HDL_AN_DUPLICATE_CERTIFICATE, a, an_name_pos(a),
				  an_printf(an, "[%s %s]", an_resource_name(an, a), an_resource_name(an, b)));
			named++;
		}
}

static void check_certificates(struct an *an, const struct an_list *list)
{
	struct hdl_xl_map certificates = { 0 };

	for (size_t i = 0; i < list->n && !an->no_memory; i++)
		for (size_t k = 0; k < list->at[i]->gateway->servers.n; k++) {
			const char *key = certificate_of(an, list->at[i]->gateway->servers.at[k].tls);
			struct an_list *of_it = key ? hdl_xl_map_get(&certificates, key) : NULL;

			if (key && !of_it) {
				of_it = hdl_arena_alloc(an->arena, sizeof(*of_it));
				if (!of_it || hdl_xl_map_put(&certificates, an->arena, key, of_it) < 0) {
					an->no_memory = true;
					return;
				}
			}
			if (key && (!of_it->n || of_it->at[of_it->n - 1] != list->at[i]) &&
			    of_it->n < HDL_AN_BLOCKS_MAX)
				an_list_add(an, of_it, list->at[i]);
		}
	for (size_t i = 0; i < certificates.slots; i++)
		if (certificates.slot[i].key)
			report_duplicates(an, certificates.slot[i].value);
}

/* ---- selectors and ports ---- */

/* Istio's own ingress gateway is taken to be there, as istioctl does. */
#define DEFAULT_SELECTOR "istio=ingressgateway"

static bool service_leads_to(const struct hdl_resource *service, const struct hdl_resource *pod, int64_t port)
{
	if (strcmp(service->ns, pod->ns) != 0 ||
	    !an_labels_contain(an_workload_labels(pod), &service->service->selector))
		return false;
	for (size_t i = 0; i < service->service->ports.n; i++) {
		const struct hdl_service_port *p = &service->service->ports.at[i];
		bool number = p->target_port.has && !p->target_port.s && p->target_port.number;

		if (p->protocol.value == HDL_PORT_TCP && (number ? p->target_port.number : p->port.value) == port)
			return true;
	}
	return false;
}

/* A Service that selects the pod has the port. */
static bool pod_is_exposed(struct an *an, const struct hdl_resource *pod, int64_t port)
{
	const struct hdl_kvs *labels = an_workload_labels(pod);
	char key[AN_KEY_MAX];

	for (size_t i = 0; i < labels->n; i++) {
		const struct an_list *services;

		snprintf(key, sizeof(key), "%s=%s", labels->at[i].key, labels->at[i].value);
		services = an_list_of(&an->first_selectors, key);
		for (size_t k = 0; services && k < services->n; k++)
			if (service_leads_to(services->at[k], pod, port))
				return true;
	}
	return false;
}

/* The Secret is looked for beside the gateway's pods, in the Gateway's namespace, and in the root namespace. */
static const struct hdl_resource *secret_of(struct an *an, const struct hdl_resource *res,
					    const struct hdl_resource *pod, const char *name)
{
	const char *const places[] = { pod ? pod->ns : res->ns, res->ns, an->root_ns };
	const struct hdl_resource *secret = NULL;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !secret; i++)
		secret = an_object(an, HDL_KIND_SECRET, an_full_name(an, name, places[i]));
	return secret;
}

static struct hdl_str either(const struct hdl_secret *secret, const char *key, const char *other)
{
	struct hdl_str value = hdl_secret_get(secret, key);

	return value.n ? value : hdl_secret_get(secret, other);
}

static bool secret_is_valid(const struct an *an, const struct hdl_secret *secret)
{
	int64_t not_after_s;

	return an_pem_key(either(secret, "tls.key", "key")) &&
	       an_pem_certificate(either(secret, "tls.crt", "cert"), &not_after_s) &&
	       (!an->options->now_s || not_after_s >= an->options->now_s);
}

static void check_credential(struct an *an, const struct hdl_resource *res, const struct hdl_resource *pod,
			     const struct hdl_text *name)
{
	const struct hdl_resource *secret = secret_of(an, res, pod, name->s);

	if (!secret)
		an_report(an, HDL_AN_REFERENCE_NOT_FOUND, res, name->pos, "credentialName", name->s);
	else if (!secret_is_valid(an, secret->secret))
		an_report(an, HDL_AN_INVALID_CREDENTIAL, res, name->pos, res->name, secret->ns);
}

static void check_credentials(struct an *an, const struct hdl_resource *res, const struct hdl_resource *pod)
{
	for (size_t i = 0; i < res->gateway->servers.n; i++) {
		const struct hdl_gw_tls *tls = res->gateway->servers.at[i].tls;

		if (tls && tls->credential_name.s && *tls->credential_name.s)
			check_credential(an, res, pod, &tls->credential_name);
		for (size_t k = 0; tls && k < tls->credential_names.n; k++)
			check_credential(an, res, pod, &tls->credential_names.at[k]);
	}
}

/* The node is the gateway, whatever the selector says: it can only be wrong about pods that are known. */
static void check_workload(struct an *an, const struct hdl_resource *res)
{
	const struct hdl_gateway *gateway = res->gateway;
	const char *selector = an_selector_text(an, &gateway->selector);
	const struct hdl_resource *pod = NULL;

	if (gateway->selector.n)
		pod = an_find_workload(an, NULL, &gateway->selector, NULL);
	if (gateway->selector.n && !pod && an->kind[HDL_KIND_POD].n && strcmp(selector, DEFAULT_SELECTOR) != 0)
		an_report(an, HDL_AN_REFERENCE_NOT_FOUND, res, gateway->selector.at[0].pos, "selector", selector);
	for (size_t i = 0; pod && i < gateway->servers.n; i++) {
		int64_t port = gateway->servers.at[i].port->number.value;

		if (!pod_is_exposed(an, pod, port))
			an_report(an, HDL_AN_GATEWAY_PORT, res, gateway->servers.at[i].port->pos, port, selector);
	}
	check_credentials(an, res, pod);
}

void an_gateways(struct an *an)
{
	const struct an_list *list = &an->kind[HDL_KIND_GATEWAY];

	for (size_t i = 0; i < list->n && !an->no_memory; i++)
		check_workload(an, list->at[i]);
	check_conflicts(an, list);
	check_certificates(an, list);
}
