/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts and gateways of VirtualServices (IST0101, IST0109, IST0132, IST0165, HDL0006, HDL0015). */
#include "analyze/an.h"

#include <stdio.h>
#include <string.h>

#include "model/gwapi.h"

/* ---- one host in several VirtualServices of the mesh ---- */

static bool exports_to_all(const struct an_vs *vs)
{
	for (size_t i = 0; i < vs->spec->export_to.n; i++)
		if (strcmp(vs->spec->export_to.at[i].s, "*") == 0)
			return true;
	return vs->spec->export_to.n == 0;
}

/* Some namespace sees both. */
static bool scopes_meet(const struct an_vs *a, const struct an_vs *b)
{
	if (exports_to_all(a) || exports_to_all(b))
		return true;
	for (size_t i = 0; i < a->spec->export_to.n; i++) {
		const char *ns = a->spec->export_to.at[i].s;

		if (an_exported(&b->spec->export_to, b->res->ns, strcmp(ns, ".") == 0 ? a->res->ns : ns))
			return true;
	}
	return false;
}

/* The scope of the host in istioctl's words: "*", or the first namespace that the VirtualService is exported to. */
static const char *scope_of(const struct an_vs *vs)
{
	const char *ns;

	if (exports_to_all(vs))
		return "*";
	ns = vs->spec->export_to.at[0].s;
	return strcmp(ns, ".") == 0 ? vs->res->ns : ns;
}

static void add_name(struct hdl_buf *buf, const struct hdl_resource *res, size_t n, size_t *named)
{
	if (*named < HDL_AN_NAMES_MAX)
		hdl_buf_printf(buf, "%s%s/%s", *named ? "," : "", res->ns, res->name);
	else if (*named == HDL_AN_NAMES_MAX)
		hdl_buf_printf(buf, ", and more of %zu", n);
	(*named)++;
}

static size_t count_claims(const struct an_vs_claim *claim)
{
	size_t n = 0;

	for (; claim; claim = claim->next)
		n++;
	return n;
}

/* Those that conflict with vs, itself included, by name; NULL: none does. */
static const char *conflicts_of(struct an *an, const struct an_vs_claim *first, const struct an_vs *vs, size_t n)
{
	struct hdl_buf buf = { 0 };
	const char *text = NULL;
	size_t named = 0;

	for (const struct an_vs_claim *claim = first; claim && named <= HDL_AN_NAMES_MAX; claim = claim->next)
		if (claim->vs->mesh && (claim->vs == vs || scopes_meet(vs, claim->vs)))
			add_name(&buf, claim->vs->res, n, &named);
	if (named > 1)
		text = buf.failed ? "" : an_strdup(an, buf.p);
	an->no_memory = an->no_memory || buf.failed;
	hdl_buf_done(&buf);
	return text;
}

static bool all_for_all(const struct an_vs_claim *first)
{
	for (const struct an_vs_claim *claim = first; claim; claim = claim->next)
		if (claim->vs->mesh && !exports_to_all(claim->vs))
			return false;
	return true;
}

static void check_mesh_conflict(struct an *an, const struct an_vs_claim *first, const char *host)
{
	size_t n = count_claims(first);
	/* the usual case needs one list for all of them */
	bool same = all_for_all(first);
	const char *names = NULL;

	if (n < 2)
		return;
	if (!same && n > HDL_AN_BLOCKS_MAX) {
		an_say_limit(an, first->vs->res,
			     an_printf(an, "%zu VirtualServices name host %s, with exportTo: they are not compared", n,
				       host));
		return;
	}
	for (const struct an_vs_claim *claim = first; claim; claim = claim->next) {
		struct an_vs *vs = claim->vs;

		if (!vs->mesh)
			continue;
		if (!same || !names)
			names = conflicts_of(an, first, vs, n);
		if (!names)
			continue;
		/* one message for each VirtualService, as istioctl has it */
		if (!vs->conflict)
			an_report(an, HDL_AN_MESH_HOST_CONFLICT, vs->res, an_name_pos(vs->res), names,
				  an_printf(an, "%s/%s", scope_of(vs), host));
		vs->conflict = true;
	}
}

/* ---- one host in several VirtualServices of a gateway ---- */

static const char *shared_gateway(struct an *an, const struct an_vs *a, const struct an_vs *b)
{
	for (size_t i = 0; i < a->spec->gateways.n; i++)
		for (size_t k = 0; k < b->spec->gateways.n; k++) {
			const char *x = a->spec->gateways.at[i].s, *y = b->spec->gateways.at[k].s;

			if (strcmp(x, "mesh") == 0 || strcmp(y, "mesh") == 0)
				continue;
			x = an_gateway_name(an, x, a->res->ns);
			if (strcmp(x, an_gateway_name(an, y, b->res->ns)) == 0)
				return x;
		}
	return NULL;
}

/* Reported at the later ones: the first is where the others belong. */
static void check_scattered(struct an *an, const struct an_vs_claim *claim, const char *host)
{
	const struct an_vs *first = claim->vs;

	for (claim = claim->next; claim; claim = claim->next) {
		struct an_vs *vs = claim->vs;
		struct an_finding finding = { .type = HDL_AN_SCATTERED_HOST, .res = vs->res };
		const char *gateway;

		if (vs->conflict || vs == first)
			continue;
		gateway = shared_gateway(an, first, vs);
		if (!gateway)
			continue;
		finding.pos = vs->spec->hosts.at[claim->host].pos;
		finding.text = an_printf(an,
					 "Host %s is also in VirtualService %s at gateway %s: the order in which their "
					 "rules are tried depends on which object was made first",
					 host, an_resource_name(an, first->res), gateway);
		finding.suggestion = an_printf(an, "move the rules into VirtualService %s, in the order that you want",
					       an_resource_name(an, first->res));
		an_place(an, &finding, first->res,
			 first->spec->hosts.n ? first->spec->hosts.at[0].pos : first->res->pos, "VirtualService %s",
			 an_resource_name(an, first->res));
		an_place(an, &finding, vs->res, finding.pos, "VirtualService %s", an_resource_name(an, vs->res));
		an_say(an, &finding);
	}
}

/* In creation order, each host once: at the first VirtualService that names it. */
static void check_shared_hosts(struct an *an)
{
	for (size_t i = 0; i < an->vs_count && !an->no_memory; i++)
		for (size_t k = 0; k < an->vs[i].spec->hosts.n; k++) {
			const struct an_vs_claim *claim = hdl_xl_map_get(&an->vs_hosts, an->vs[i].hosts[k]);

			if (!claim->next || claim->vs != &an->vs[i] || claim->host != k)
				continue;
			check_mesh_conflict(an, claim, an->vs[i].hosts[k]);
			check_scattered(an, claim, an->vs[i].hosts[k]);
		}
}

/* ---- gateways ---- */

/* "./host", "ns/host" and "star/host" of a server, for a VirtualService of namespace ns. NULL: not for it. */
static const char *server_host(const char *host, const char *gateway_ns, const char *ns)
{
	const char *slash = strchr(host, '/');
	size_t n;

	if (!slash)
		return host;
	n = (size_t)(slash - host);
	if ((n == 1 && host[0] == '*') || (n == 1 && host[0] == '.' && strcmp(gateway_ns, ns) == 0) ||
	    (strlen(ns) == n && strncmp(host, ns, n) == 0))
		return slash + 1;
	return NULL;
}

static bool listener_has_host(const struct hdl_kube_gateway *spec, const struct an_vs *vs)
{
	for (size_t i = 0; i < spec->listeners.n; i++) {
		const char *host = spec->listeners.at[i].hostname.s;

		if (!host || !*host)
			return true;
		for (size_t k = 0; k < vs->spec->hosts.n; k++)
			if (an_hosts_match(host, vs->spec->hosts.at[k].s))
				return true;
	}
	return false;
}

static bool gateway_has_host(const struct hdl_resource *gateway, const struct an_vs *vs)
{
	const struct hdl_gateway *spec = gateway->gateway;

	if (gateway->kind == HDL_KIND_KUBE_GATEWAY)
		return listener_has_host(gateway->kube_gateway, vs);
	for (size_t i = 0; i < spec->servers.n; i++)
		for (size_t k = 0; k < spec->servers.at[i].hosts.n; k++) {
			const char *host = server_host(spec->servers.at[i].hosts.at[k].s, gateway->ns, vs->res->ns);

			for (size_t m = 0; host && m < vs->spec->hosts.n; m++)
				if (an_hosts_match(host, vs->spec->hosts.at[m].s))
					return true;
		}
	return false;
}

static const char *host_list(struct an *an, const struct hdl_texts *hosts)
{
	struct hdl_buf buf = { 0 };
	const char *text;

	for (size_t i = 0; i < hosts->n && i < HDL_AN_NAMES_MAX; i++)
		hdl_buf_printf(&buf, "%s%s", i ? " " : "", hosts->at[i].s);
	text = an_printf(an, "[%s]", buf.p ? buf.p : "");
	hdl_buf_done(&buf);
	return text;
}

/* What Istio makes of a Gateway of the Gateway API: NAME-istio-autogenerated-k8s-gateway-LISTENER, once with ~. */
static bool is_internal(const char *reference)
{
	static const char middle[] = "istio-autogenerated-k8s-gateway";
	const char *slash = strchr(reference, '/'), *name = slash ? slash + 1 : reference;
	const char *at = strstr(name, middle);

	return at && at > name && at[-1] == at[sizeof(middle) - 1] && strchr("-~", at[-1]);
}

static void check_gateway(struct an *an, const struct an_vs *vs, const struct hdl_text *reference)
{
	const char *name = an_gateway_name(an, reference->s, vs->res->ns);
	const struct hdl_resource *gateway;

	if (is_internal(reference->s)) {
		an_report(an, HDL_AN_INTERNAL_GATEWAY, vs->res, reference->pos, an_resource_name(an, vs->res),
			  reference->s);
		return;
	}
	gateway = an_object(an, HDL_KIND_GATEWAY, name);
	if (!gateway)
		gateway = an_object(an, HDL_KIND_KUBE_GATEWAY, name);
	if (!gateway)
		an_report(an, HDL_AN_REFERENCE_NOT_FOUND, vs->res, reference->pos, "gateway", reference->s);
	if (!gateway || !gateway_has_host(gateway, vs))
		an_report(an, HDL_AN_HOST_NOT_IN_GATEWAY, vs->res, reference->pos, host_list(an, &vs->spec->hosts),
			  an_resource_name(an, vs->res), name);
}

/* ---- hosts that REGISTRY_ONLY blocks ---- */

static bool is_unregistered(struct an *an, const char *fqdn, const char *ns)
{
	return an_is_external(an, fqdn) && !an_find_host(an, fqdn, ns);
}

void an_check_registered(struct an *an, const struct hdl_resource *res, struct hdl_pos pos, const char *field,
			 const char *fqdn)
{
	const struct an_policy policy = an_policy_of(an, res->ns);
	struct an_finding finding = { .type = HDL_AN_UNREGISTERED_HOST, .res = res, .pos = pos };

	if (!policy.res || !is_unregistered(an, fqdn, res->ns))
		return;
	finding.text = an_printf(an,
				 "Host %s is outside the cluster and no ServiceEntry registers it, so REGISTRY_ONLY "
				 "blocks it",
				 fqdn);
	finding.suggestion =
		an_printf(an, "a ServiceEntry with hosts: [%s], location: MESH_EXTERNAL, resolution: DNS", fqdn);
	an_place(an, &finding, res, pos, "%s: %s", field, fqdn);
	an_place(an, &finding, policy.res, policy.pos, "outboundTrafficPolicy.mode: REGISTRY_ONLY");
	an_say(an, &finding);
}

static void check_registry(struct an *an, const struct an_vs *vs)
{
	for (size_t i = 0; vs->mesh && i < vs->spec->hosts.n; i++)
		an_check_registered(an, vs->res, vs->spec->hosts.at[i].pos, an_printf(an, "spec.hosts[%zu]", i),
				    vs->hosts[i]);
}

void an_vs_hosts(struct an *an)
{
	check_shared_hosts(an);
	for (size_t i = 0; i < an->vs_count && !an->no_memory; i++) {
		const struct an_vs *vs = &an->vs[i];

		for (size_t k = 0; k < vs->spec->gateways.n; k++)
			if (strcmp(vs->spec->gateways.at[k].s, "mesh") != 0)
				check_gateway(an, vs, &vs->spec->gateways.at[k]);
		check_registry(an, vs);
	}
}
