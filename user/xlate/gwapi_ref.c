/* SPDX-License-Identifier: Apache-2.0 */
/* References of Gateway API objects: to backends, with ReferenceGrant and BackendTLSPolicy (specification F.3, F.6). */
#include "xlate/gwapi_priv.h"

#include <string.h>

#define SERVICE_KIND "Service"

bool hdl_gw_granted(const struct hdl_gw *g, const char *from_kind, const char *from_ns, const char *to_group,
		    const char *to_kind, const char *to_ns, const char *to_name)
{
	if (!strcmp(from_ns, to_ns))
		return true;
	for (size_t i = 0; i < g->grant_count; i++) {
		const struct hdl_reference_grant *grant = g->grants[i]->reference_grant;
		bool from = false, to = false;

		if (strcmp(g->grants[i]->ns, to_ns) != 0)
			continue;
		for (size_t k = 0; k < grant->from.n; k++) {
			const struct hdl_gwapi_ref *f = &grant->from.at[k];

			from |= !strcmp(hdl_gwapi_text(&f->group, ""), HDL_GWAPI_GROUP) &&
				!strcmp(f->kind.s, from_kind) && !strcmp(f->ns.s, from_ns);
		}
		for (size_t k = 0; k < grant->to.n; k++) {
			const struct hdl_gwapi_ref *t = &grant->to.at[k];

			to |= !strcmp(hdl_gwapi_text(&t->group, ""), to_group) && !strcmp(t->kind.s, to_kind) &&
			      (!t->name.s || !strcmp(t->name.s, to_name));
		}
		if (from && to)
			return true;
	}
	return false;
}

/* ---- label selectors ---- */

static bool requirement_holds(const struct hdl_gwapi_requirement *r, const struct hdl_kvs *labels)
{
	const char *value = hdl_kvs_get(labels, r->key.s);
	bool among = false;

	for (size_t i = 0; value && i < r->values.n; i++)
		among |= !strcmp(value, r->values.at[i].s);
	if (!strcmp(r->op.s, "In"))
		return among;
	if (!strcmp(r->op.s, "NotIn"))
		return !among;
	return (value != NULL) == !strcmp(r->op.s, "Exists");
}

bool hdl_gw_selects(const struct hdl_gwapi_selector *selector, const struct hdl_kvs *labels)
{
	for (size_t i = 0; i < selector->match_labels.n; i++) {
		const char *value = hdl_kvs_get(labels, selector->match_labels.at[i].key);

		if (!value || strcmp(value, selector->match_labels.at[i].value) != 0)
			return false;
	}
	for (size_t i = 0; i < selector->match_expressions.n; i++)
		if (!requirement_holds(&selector->match_expressions.at[i], labels))
			return false;
	return true;
}

/* ---- backends ---- */

static const struct hdl_service_port *port_of(const struct hdl_kube_service *service, int64_t number)
{
	for (size_t i = 0; i < service->ports.n; i++)
		if (service->ports.at[i].port.value == number)
			return &service->ports.at[i];
	return NULL;
}

/* A policy in the service's namespace that asks for TLS to the port; the oldest one that names it counts. */
static const struct hdl_resource *tls_policy_of(const struct hdl_gw *g, const struct hdl_resource *service,
						const struct hdl_service_port *port)
{
	for (size_t i = 0; i < g->tls_policy_count; i++) {
		const struct hdl_backend_tls_policy *policy = g->tls_policies[i]->backend_tls_policy;

		if (strcmp(g->tls_policies[i]->ns, service->ns) != 0)
			continue;
		for (size_t k = 0; k < policy->target_refs.n; k++) {
			const struct hdl_gwapi_ref *t = &policy->target_refs.at[k];

			if (!strcmp(hdl_gwapi_text(&t->group, ""), "") && !strcmp(t->kind.s, SERVICE_KIND) &&
			    !strcmp(t->name.s, service->name) &&
			    (!t->section_name.s || (port->name.s && !strcmp(t->section_name.s, port->name.s))))
				return g->tls_policies[i];
		}
	}
	return NULL;
}

static bool is_host_ref(const struct hdl_gwapi_ref *ref)
{
	return !strcmp(hdl_gwapi_text(&ref->group, ""), "networking.istio.io") &&
	       !strcmp(hdl_gwapi_text(&ref->kind, ""), "Hostname");
}

const char *hdl_gw_backend_fault(struct hdl_gw *g, const struct hdl_resource *route, const struct hdl_gwapi_ref *ref,
				 const char **ret_message)
{
	const char *group = hdl_gwapi_text(&ref->group, ""), *kind = hdl_gwapi_text(&ref->kind, SERVICE_KIND);
	const char *ns = hdl_gwapi_text(&ref->ns, route->ns), *name = ref->name.s;
	const struct hdl_resource *service, *policy;
	const struct hdl_service_port *port;

	if (is_host_ref(ref) && ref->port.has)
		return NULL;
	if (*group || strcmp(kind, SERVICE_KIND) != 0) {
		*ret_message = hdl_gw_text(g, "backend %s is of kind %s%s%s: only Service is supported", name, group,
					   *group ? "/" : "", kind);
		return "InvalidKind";
	}
	if (!hdl_gw_granted(g, hdl_kind_name(route->kind), route->ns, "", SERVICE_KIND, ns, name)) {
		*ret_message = hdl_gw_text(g,
					   "backend %s/%s is in another namespace, where no ReferenceGrant lets %ss of "
					   "namespace %s refer to it",
					   ns, name, hdl_kind_name(route->kind), route->ns);
		return "RefNotPermitted";
	}
	service = hdl_gw_find(g, SERVICE_KIND, ns, name);
	port = service ? port_of(service->service, ref->port.value) : NULL;
	if (!port) {
		*ret_message = service ? hdl_gw_text(g, "Service %s/%s has no port %lld", ns, name,
						     (long long)ref->port.value) :
					 hdl_gw_text(g, "there is no Service %s/%s", ns, name);
		return "BackendNotFound";
	}
	policy = tls_policy_of(g, service, port);
	if (policy) {
		*ret_message =
			hdl_gw_text(g,
				    "BackendTLSPolicy %s/%s asks for TLS to Service %s/%s, which is not supported yet, "
				    "and nothing is sent to it in clear",
				    policy->ns, policy->name, ns, name);
		return "UnsupportedProtocol";
	}
	return NULL;
}

struct hdl_vs_destination *hdl_gw_destination(struct hdl_gw *g, const struct hdl_resource *route,
					      const struct hdl_gwapi_ref *ref)
{
	struct hdl_vs_destination *d = hdl_gw_take(g, 1, sizeof(*d));

	if (!d)
		return NULL;
	d->pos = ref->pos;
	d->host = (struct hdl_text){ ref->name.s, ref->name.pos };
	d->ns = hdl_gwapi_text(&ref->ns, route->ns);
	if (ref->port.has) {
		d->port = hdl_gw_take(g, 1, sizeof(*d->port));
		if (!d->port)
			return NULL;
		*d->port = (struct hdl_port_selector){ ref->port.pos, ref->port };
	}
	return d;
}

/* ---- BackendTLSPolicy ---- */

/* Only what is true: the policy is read, its effect is that routes do not send to the service (F.3). */
void hdl_gw_tls_policy(struct hdl_gw *g, const struct hdl_resource *res, struct hdl_gwapi_status *status)
{
	const struct hdl_backend_tls_policy *policy = res->backend_tls_policy;
	struct hdl_gwapi_conditions *c;

	status->parents = hdl_gw_take(g, 1, sizeof(*status->parents));
	if (!status->parents)
		return;
	status->parent_count = 1;
	c = &status->parents[0].conditions;
	hdl_gw_set(
		g, c, "Accepted", false, "Invalid",
		"TLS to backends is not supported yet: routes answer 500 in place of sending to the targets in clear");
	for (size_t i = 0; i < policy->validation->ca_certificate_refs.n; i++) {
		const struct hdl_gwapi_ref *ref = &policy->validation->ca_certificate_refs.at[i];

		if (*hdl_gwapi_text(&ref->group, "") || strcmp(ref->kind.s, "ConfigMap") != 0)
			hdl_gw_set(g, c, "ResolvedRefs", false, "InvalidKind",
				   "%s %s: only a ConfigMap can hold the certificates", ref->kind.s, ref->name.s);
		else if (!hdl_gw_find(g, "ConfigMap", res->ns, ref->name.s))
			hdl_gw_set(g, c, "ResolvedRefs", false, "InvalidCACertificateRef",
				   "there is no ConfigMap %s/%s", res->ns, ref->name.s);
	}
	if (!hdl_gw_condition(c, "ResolvedRefs"))
		hdl_gw_set(g, c, "ResolvedRefs", true, "ResolvedRefs", "all references are resolved");
	hdl_gw_warn(
		g, res, res->pos, "spec",
		"TLS to backends is not supported yet: routes answer 500 in place of sending to the targets in clear");
}
