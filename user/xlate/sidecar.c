/* SPDX-License-Identifier: Apache-2.0 */
/* Sidecars: whose clients they are for, and what of the mesh these see (specification A.4, D.2). */
#include "model/sidecar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/meshconfig.h"
#include "xlate/priv.h"

/* ---- what they show ---- */

static bool is_for_namespace(const struct hdl_xl_scope *scope, const char *text, const char *ns)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : 0;

	if (n == 1 && text[0] == '*')
		return true;
	if (n == 1 && text[0] == '.')
		return strcmp(scope->client.ns, ns) == 0;
	return strlen(ns) == n && strncmp(text, ns, n) == 0;
}

static bool covers(const char *text, const char *host, bool either)
{
	const char *name = strchr(text, '/');

	name = name ? name + 1 : text;
	return hdl_xl_host_covers(name, host) || (either && hdl_xl_host_covers(host, name));
}

/* The list for a port: that of its own number, else the one without. NULL: the port is not reached. */
static const struct hdl_texts *hosts_of_port(const struct hdl_sidecar *spec, uint16_t port)
{
	const struct hdl_texts *all = NULL;

	for (size_t i = 0; i < spec->egress.n; i++) {
		const struct hdl_sidecar_egress *egress = &spec->egress.at[i];

		if (!egress->port)
			all = &egress->hosts;
		else if (egress->port->number.value == port)
			return &egress->hosts;
	}
	return all;
}

static bool shows(const struct hdl_xl_scope *scope, const char *ns, const char *host, uint16_t port, bool either)
{
	const struct hdl_sidecar *spec = scope->res->sidecar;
	const struct hdl_texts *hosts;

	if (!spec->egress.n)
		return true;
	hosts = hosts_of_port(spec, port);
	for (size_t i = 0; hosts && i < hosts->n; i++)
		if (is_for_namespace(scope, hosts->at[i].s, ns) && covers(hosts->at[i].s, host, either))
			return true;
	return false;
}

bool hdl_xl_sidecar_shows(const struct hdl_xl_scope *scope, const char *ns, const char *host, uint16_t port)
{
	return shows(scope, ns, host, port, false);
}

/* One with any host that is seen; wildcards on either side may overlap. */
bool hdl_xl_sidecar_shows_vs(const struct hdl_xl_scope *scope, const struct hdl_xl_vs *vs, uint16_t port)
{
	for (size_t i = 0; i < vs->spec->hosts.n; i++)
		if (shows(scope, vs->res->ns, vs->hosts[i], port, true))
			return true;
	return false;
}

/* ---- whose they are ---- */

static bool is_general(const struct hdl_resource *res)
{
	const struct hdl_sidecar_selector *selector = res->sidecar->workload_selector;

	return !selector || !selector->labels.n;
}

static const struct hdl_resource *general_of(const struct hdl_xl *xl, const char *ns)
{
	for (size_t i = 0; i < xl->n; i++)
		if (xl->res[i]->kind == HDL_KIND_SIDECAR && strcmp(xl->res[i]->ns, ns) == 0 && is_general(xl->res[i]))
			return xl->res[i];
	return NULL;
}

static bool is_registry_only(const struct hdl_xl *xl, const struct hdl_sidecar *spec)
{
	const struct hdl_outbound_policy *policy = spec->outbound_traffic_policy;

	if (!policy)
		return xl->ir_node.registry_only;
	return !policy->mode.has || policy->mode.value == HDL_OUTBOUND_REGISTRY_ONLY;
}

static void report(struct hdl_xl *xl, const struct hdl_resource *res)
{
	const struct hdl_sidecar *spec = res->sidecar;

	if (spec->outbound_traffic_policy && spec->outbound_traffic_policy->egress_proxy)
		hdl_xl_report(xl->diags, HDL_WARNING, res, spec->outbound_traffic_policy->egress_proxy->pos,
			      "spec.outboundTrafficPolicy.egressProxy",
			      "unknown destinations are reached directly: no egress proxy is used");
}

static int add(struct hdl_xl *xl, const struct hdl_resource *res, const char *ns)
{
	struct hdl_xl_scope *scope = &xl->sidecars[xl->sidecar_count++];

	*scope = (struct hdl_xl_scope){
		.client = { .ns = hdl_xl_intern(xl, ns) },
		.res = res,
		.registry_only = is_registry_only(xl, res->sidecar),
		.origin = hdl_xl_origin(xl, res, res->pos),
	};
	return is_general(res) ? 0 : hdl_xl_labels(xl, &res->sidecar->workload_selector->labels, &scope->selector);
}

/* A second one for the same clients has no effect. */
static bool is_first(struct hdl_xl *xl, const struct hdl_resource *res)
{
	const struct hdl_resource *first = is_general(res) ? general_of(xl, res->ns) : res;

	if (first == res)
		return true;
	hdl_xl_report(xl->diags, HDL_WARNING, res, res->pos, NULL,
		      "Sidecar %s/%s at %s:%u is already for all workloads of the namespace: this one has no effect",
		      first->ns, first->name, first->file, first->pos.line);
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Namespaces without one get that of the root namespace. */
static int add_root(struct hdl_xl *xl, const struct hdl_resource *root, const char **ns, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((i == 0 || strcmp(ns[i - 1], ns[i]) != 0) && ns[i][0] && !general_of(xl, ns[i]) &&
		    add(xl, root, ns[i]) < 0)
			return -ENOMEM;
	return 0;
}

static const char *namespace_of(const struct hdl_resource *res)
{
	return res->kind == HDL_KIND_POD || res->kind == HDL_KIND_WORKLOAD_ENTRY ? res->ns : "";
}

int hdl_xl_make_sidecars(struct hdl_xl *xl)
{
	const struct hdl_resource *root = general_of(xl, xl->ir_node.root_namespace);
	const char **ns = hdl_arena_calloc(xl->scratch, xl->n, sizeof(*ns));
	size_t n = 0;

	xl->sidecar_count = 0;
	if (!ns)
		return -ENOMEM;
	for (size_t i = 0; i < xl->n; i++) {
		ns[i] = namespace_of(xl->res[i]);
		n += xl->res[i]->kind == HDL_KIND_SIDECAR;
	}
	if (!n)
		return 0;
	if (xl->n)
		qsort(ns, xl->n, sizeof(*ns), by_name);
	for (size_t i = 0; root && i < xl->n; i++)
		n += i == 0 || strcmp(ns[i - 1], ns[i]) != 0;
	xl->sidecars = hdl_arena_calloc(xl->arena, n, sizeof(*xl->sidecars));
	if (!xl->sidecars)
		return -ENOMEM;
	for (size_t i = 0; i < xl->n; i++) {
		const struct hdl_resource *res = xl->res[i];

		if (res->kind != HDL_KIND_SIDECAR)
			continue;
		report(xl, res);
		if (is_first(xl, res) && add(xl, res, res->ns) < 0)
			return -ENOMEM;
	}
	return root ? add_root(xl, root, ns, xl->n) : 0;
}

static bool is_inherited(const struct hdl_xl_scope *scope)
{
	return strcmp(scope->res->ns, scope->client.ns) != 0;
}

/* The root namespace has one for those without. */
static bool has_root(const struct hdl_xl *xl)
{
	for (size_t i = 0; i < xl->sidecar_count; i++)
		if (!xl->sidecars[i].selector.n && strcmp(xl->sidecars[i].client.ns, xl->ir_node.root_namespace) == 0)
			return true;
	return false;
}

static bool has_general(const struct hdl_xl *xl, const char *ns)
{
	for (size_t i = 0; i < xl->sidecar_count; i++)
		if (!xl->sidecars[i].selector.n && strcmp(xl->sidecars[i].client.ns, ns) == 0)
			return true;
	return false;
}

bool hdl_xl_sidecars_hold(struct hdl_xl *xl, const struct hdl_resource *const *came, size_t n)
{
	if (!has_root(xl))
		return true;
	for (size_t i = 0; i < n; i++)
		if (namespace_of(came[i])[0] && !has_general(xl, namespace_of(came[i])))
			return false;
	for (size_t i = 0; i < xl->sidecar_count; i++) {
		const struct hdl_xl_scope *scope = &xl->sidecars[i];
		const struct hdl_xl_cell *cell = hdl_xl_cell(&xl->graph, HDL_XL_WORKLOADS, scope->client.ns, false);

		if (is_inherited(scope) && (!cell || !cell->n))
			return false;
	}
	return true;
}
