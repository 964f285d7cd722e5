/* SPDX-License-Identifier: Apache-2.0 */
/* Names of service ports (IST0118, IST0150). */
#include "analyze/an.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* D.3: the words of appProtocol and of the first part of a name. */
static bool is_protocol(const char *s, size_t n)
{
	static const char *const words[] = { "http", "https", "http2", "grpc",  "grpc-web", "tcp",
					     "tls",  "mongo", "mysql", "redis", "udp" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == n && strncasecmp(s, words[i], n) == 0)
			return true;
	return false;
}

static bool names_protocol(const struct hdl_service_port *port)
{
	static const char *const app[] = { "kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss" };
	const char *name = port->name.s ? port->name.s : "", *protocol = port->app_protocol.s;

	if (port->protocol.value != HDL_PORT_TCP)
		return true;
	for (size_t i = 0; protocol && i < sizeof(app) / sizeof(app[0]); i++)
		if (strcasecmp(protocol, app[i]) == 0)
			return true;
	if (protocol && is_protocol(protocol, strlen(protocol)))
		return true;
	/* well-known ports are TCP without a name */
	if (!*name)
		return port->port.value == 25 || port->port.value == 53 || port->port.value == 3306 ||
		       port->port.value == 27017;
	return is_protocol(name, strcspn(name, "-"));
}

static const char *target_of(struct an *an, const struct hdl_service_port *port)
{
	if (port->target_port.s)
		return port->target_port.s;
	return an_printf(an, "%lld", (long long)(port->target_port.has ? port->target_port.number : 0));
}

static void check_service(struct an *an, const struct hdl_resource *res)
{
	const struct hdl_kube_service *service = res->service;
	bool external = service->type.value == HDL_SERVICE_EXTERNAL_NAME;

	for (size_t i = 0; i < service->ports.n; i++) {
		const struct hdl_service_port *port = &service->ports.at[i];
		const char *name = port->name.s ? port->name.s : "";

		if (external && (!names_protocol(port) || strcmp(name, "tcp") == 0))
			an_report(an, HDL_AN_EXTERNAL_NAME_PORT, res, port->pos);
		else if (!external && !names_protocol(port))
			an_report(an, HDL_AN_PORT_NAME, res, port->pos, name, (int64_t)port->port.value,
				  target_of(an, port));
	}
}

/* What Istio and Kubernetes made themselves. */
static bool is_of_the_system(const struct an *an, const struct hdl_resource *res)
{
	return strcmp(res->ns, "kube-system") == 0 || strcmp(res->ns, "kube-public") == 0 ||
	       strcmp(res->ns, "kube-node-lease") == 0 || strcmp(res->ns, "local-path-storage") == 0 ||
	       hdl_kvs_get(&res->labels, "gateway.istio.io/managed") ||
	       (strcmp(res->ns, an->root_ns) == 0 && hdl_kvs_get(&res->labels, "istio"));
}

void an_services(struct an *an)
{
	const struct an_list *list = &an->kind[HDL_KIND_SERVICE];

	for (size_t i = 0; i < list->n && !an->no_memory; i++)
		if (!is_of_the_system(an, list->at[i]))
			check_service(an, list->at[i]);
}
