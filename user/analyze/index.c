/* SPDX-License-Identifier: Apache-2.0 */
/* Indexes over the resources, so that no analyzer walks all of them for each of them. */
#include "analyze/an.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/meshconfig.h"
#include "model/nodeconfig.h"

/* ---- lists ---- */

int an_list_add(struct an *an, struct an_list *list, const struct hdl_resource *res)
{
	if (list->n == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 4;
		const struct hdl_resource **at = hdl_arena_calloc(an->arena, capacity, sizeof(*at));

		if (!at) {
			an->no_memory = true;
			return -ENOMEM;
		}
		if (list->n)
			memcpy(at, list->at, list->n * sizeof(*at));
		list->at = at;
		list->capacity = capacity;
	}
	list->at[list->n++] = res;
	return 0;
}

struct an_list *an_list_of(struct hdl_xl_map *map, const char *key)
{
	return hdl_xl_map_get(map, key);
}

static void add_to(struct an *an, struct hdl_xl_map *map, const char *key, const struct hdl_resource *res)
{
	struct an_list *list = hdl_xl_map_get(map, key);

	if (!list) {
		list = hdl_arena_alloc(an->arena, sizeof(*list));
		if (!list || hdl_xl_map_put(map, an->arena, an_strdup(an, key), list) < 0) {
			an->no_memory = true;
			return;
		}
	}
	an_list_add(an, list, res);
}

static void put(struct an *an, struct hdl_xl_map *map, const char *key, void *value)
{
	if (hdl_xl_map_put(map, an->arena, key, value) < 0)
		an->no_memory = true;
}

/* ---- hosts ---- */

static void add_host(struct an *an, struct an_host *host)
{
	struct an_host *first = hdl_xl_map_get(&an->hosts, host->fqdn);

	an->host_wildcards += host->fqdn[0] == '*';
	for (const char *dot = strchr(host->fqdn, '.'); dot; dot = strchr(dot + 1, '.'))
		if (!hdl_xl_map_get(&an->suffixes, dot))
			put(an, &an->suffixes, dot, host);
	if (!first) {
		host->last = host;
		put(an, &an->hosts, host->fqdn, host);
		return;
	}
	first->last->next = host;
	first->last = host;
}

static struct an_host *new_host(struct an *an, const struct hdl_resource *res, const char *fqdn, size_t ports,
				uint16_t **ret_ports)
{
	struct an_host *host = hdl_arena_alloc(an->arena, sizeof(*host));
	uint16_t *numbers = hdl_arena_calloc(an->arena, ports + 1, sizeof(*numbers));

	if (!host || !numbers) {
		an->no_memory = true;
		return NULL;
	}
	*host = (struct an_host){ .fqdn = fqdn, .res = res, .ports = numbers };
	*ret_ports = numbers;
	return host;
}

static void index_selector(struct an *an, const struct hdl_resource *res)
{
	const struct hdl_kvs *selector = &res->service->selector;
	const struct hdl_kv *first = NULL;
	char key[AN_KEY_MAX];

	for (size_t i = 0; i < selector->n; i++) {
		const struct hdl_kv *kv = &selector->at[i];

		snprintf(key, sizeof(key), "%s=%s", kv->key, kv->value);
		add_to(an, &an->selectors, key, res);
		if (!first || strcmp(kv->key, first->key) < 0)
			first = kv;
	}
	if (first) {
		snprintf(key, sizeof(key), "%s=%s", first->key, first->value);
		add_to(an, &an->first_selectors, key, res);
	}
}

static void index_service(struct an *an, const struct hdl_resource *res)
{
	const struct hdl_kube_service *service = res->service;
	uint16_t *ports;
	struct an_host *host = new_host(an, res, an_fqdn(an, res->name, res->ns), service->ports.n, &ports);

	if (!host)
		return;
	for (size_t i = 0; i < service->ports.n; i++)
		ports[host->port_count++] = (uint16_t)service->ports.at[i].port.value;
	add_host(an, host);
	put(an, &an->services, an_resource_name(an, res), host);
	index_selector(an, res);
}

static void index_slice(struct an *an, const struct hdl_resource *res)
{
	const char *service = hdl_kvs_get(&res->labels, "kubernetes.io/service-name");
	struct an_host *host;
	char key[AN_KEY_MAX];

	if (!service)
		return;
	snprintf(key, sizeof(key), "%s/%s", res->ns, service);
	host = hdl_xl_map_get(&an->services, key);
	/* addresses of both families are of the same endpoints */
	if (host && res->endpoint_slice->address_type.value != HDL_ADDRESS_IPV6)
		host->endpoints += res->endpoint_slice->endpoints.n;
	else if (host)
		host->endpoints6 += res->endpoint_slice->endpoints.n;
}

static void index_entry(struct an *an, const struct hdl_resource *res)
{
	const struct hdl_service_entry *entry = res->service_entry;
	uint16_t *ports = NULL;

	for (size_t i = 0; i < entry->hosts.n && !an->no_memory; i++) {
		/* not completed by the namespace (A.1) */
		const char *name = an_fqdn(an, an_printf(an, "%s.", entry->hosts.at[i].s), "");
		struct an_host *host = new_host(an, res, name, entry->ports.n, &ports);

		if (!host)
			return;
		for (size_t k = 0; k < entry->ports.n; k++)
			ports[host->port_count++] = (uint16_t)entry->ports.at[k].number.value;
		host->endpoints = entry->endpoints.n;
		add_host(an, host);
	}
}

static bool host_is_visible(const struct an_host *host, const char *ns)
{
	const struct hdl_resource *res = host->res;

	return an_exported(res->kind == HDL_KIND_SERVICE ? &res->service->export_to : &res->service_entry->export_to,
			   res->ns, ns);
}

static struct an_host *visible_of(struct an_host *host, const char *ns)
{
	while (host && !host_is_visible(host, ns))
		host = host->next;
	return host;
}

struct an_host *an_find_covered(const struct an *an, const char *wildcard)
{
	if (wildcard[1] == '.')
		return hdl_xl_map_get(&an->suffixes, wildcard + 1);
	/* "*" alone, or one within a label, which is rare */
	for (size_t i = 0; i < an->hosts.slots; i++)
		if (an->hosts.slot[i].key && an_hosts_match(wildcard, an->hosts.slot[i].key))
			return an->hosts.slot[i].value;
	return NULL;
}

struct an_host *an_find_host(struct an *an, const char *fqdn, const char *ns)
{
	struct an_host *host = visible_of(hdl_xl_map_get(&an->hosts, fqdn), ns);
	char key[AN_KEY_MAX];

	for (size_t i = fqdn[0] == '*'; an->host_wildcards && !host && fqdn[i]; i++) {
		snprintf(key, sizeof(key), "*%s", fqdn + i + 1);
		host = visible_of(hdl_xl_map_get(&an->hosts, key), ns);
	}
	return host;
}

/* ---- workloads: Pods and WorkloadEntries ---- */

const struct hdl_kvs *an_workload_labels(const struct hdl_resource *res)
{
	return res->kind == HDL_KIND_WORKLOAD_ENTRY ? &res->workload_entry->labels : &res->labels;
}

static void index_workload(struct an *an, const struct hdl_resource *res)
{
	const struct hdl_kvs *labels = an_workload_labels(res);
	char key[AN_KEY_MAX];

	snprintf(key, sizeof(key), "%s/", res->ns);
	add_to(an, &an->workloads, key, res);
	add_to(an, &an->workloads, "/", res);
	for (size_t i = 0; i < labels->n; i++) {
		const struct hdl_kv *kv = &labels->at[i];

		snprintf(key, sizeof(key), "%s/%s=%s", res->ns, kv->key, kv->value);
		add_to(an, &an->workloads, key, res);
		snprintf(key, sizeof(key), "/%s=%s", kv->key, kv->value);
		add_to(an, &an->workloads, key, res);
	}
}

/* Labels of a place come from the node, as Istio adds them to the workload. */
static bool is_of_the_node(const char *key)
{
	return strcmp(key, "topology.kubernetes.io/region") == 0 || strcmp(key, "topology.kubernetes.io/zone") == 0 ||
	       strcmp(key, "topology.istio.io/subzone") == 0 || strcmp(key, "kubernetes.io/hostname") == 0;
}

static const char *label_of(struct an *an, const struct hdl_resource *res, const char *key)
{
	const char *value = hdl_kvs_get(an_workload_labels(res), key), *name;
	const struct hdl_resource *node;

	if (value || res->kind != HDL_KIND_POD || !is_of_the_node(key))
		return value;
	name = res->pod->node_name.s;
	if (!name)
		return NULL;
	if (strcmp(key, "kubernetes.io/hostname") == 0)
		return name;
	node = an_object(an, HDL_KIND_NODE, name);
	return node ? hdl_kvs_get(&node->labels, key) : NULL;
}

static bool has_labels(struct an *an, const struct hdl_resource *res, const struct hdl_kvs *labels)
{
	for (size_t i = 0; labels && i < labels->n; i++) {
		const char *value = label_of(an, res, labels->at[i].key);

		/* without nodes in the files nobody can say */
		if (!value && is_of_the_node(labels->at[i].key) && !an->kind[HDL_KIND_NODE].n)
			continue;
		if (!value || strcmp(value, labels->at[i].value) != 0)
			return false;
	}
	return true;
}

/* The shortest of the lists of all the pairs; NULL: some pair has none. */
static const struct an_list *rarest(struct an *an, const char *ns, const struct hdl_kvs *labels,
				    const struct an_list *list)
{
	char key[AN_KEY_MAX];

	for (size_t i = 0; labels && list && i < labels->n; i++) {
		const struct an_list *of_pair;

		if (is_of_the_node(labels->at[i].key))
			continue;
		snprintf(key, sizeof(key), "%s/%s=%s", ns ? ns : "", labels->at[i].key, labels->at[i].value);
		of_pair = an_list_of(&an->workloads, key);
		if (!of_pair || of_pair->n < list->n)
			list = of_pair;
	}
	return list;
}

static const struct an_list *candidates(struct an *an, const char *ns, const struct hdl_kvs *selector,
					const struct hdl_kvs *more)
{
	char key[AN_KEY_MAX];
	const struct an_list *list;

	snprintf(key, sizeof(key), "%s/", ns ? ns : "");
	list = an_list_of(&an->workloads, key);
	return rarest(an, ns, more, rarest(an, ns, selector, list));
}

size_t an_find_workloads(struct an *an, const char *ns, const struct hdl_kvs *selector, const struct hdl_kvs *more,
			 an_workload_fn *each, void *data)
{
	const struct an_list *list = candidates(an, ns, selector, more);
	size_t n = 0;

	for (size_t i = 0; list && i < list->n; i++)
		if (has_labels(an, list->at[i], selector) && has_labels(an, list->at[i], more)) {
			n++;
			if (each && !each(data, list->at[i]))
				break;
		}
	return n;
}

static bool take_first(void *data, const struct hdl_resource *res)
{
	*(const struct hdl_resource **)data = res;
	return false;
}

const struct hdl_resource *an_find_workload(struct an *an, const char *ns, const struct hdl_kvs *selector,
					    const struct hdl_kvs *more)
{
	const struct hdl_resource *res = NULL;

	an_find_workloads(an, ns, selector, more, take_first, &res);
	return res;
}

/* Endpoints of the host itself, not of pods: labels of their own. */
static bool has_inline(const struct hdl_service_entry *entry, const struct hdl_kvs *labels)
{
	for (size_t i = 0; i < entry->endpoints.n; i++)
		if (an_labels_contain(&entry->endpoints.at[i].labels, labels))
			return true;
	return entry->endpoints.n == 0;
}

bool an_subset_has_endpoint(struct an *an, const struct an_host *host, const struct hdl_kvs *labels)
{
	const struct hdl_resource *res = host->res;

	if (res->kind == HDL_KIND_SERVICE)
		return an_find_workload(an, res->ns, &res->service->selector, labels) != NULL;
	if (res->service_entry->workload_selector)
		return an_find_workload(an, res->ns, &res->service_entry->workload_selector->labels, labels) != NULL;
	return has_inline(res->service_entry, labels);
}

/* ---- VirtualServices and DestinationRules ---- */

static bool is_for_mesh(const struct hdl_virtual_service *spec)
{
	for (size_t i = 0; i < spec->gateways.n; i++)
		if (strcmp(spec->gateways.at[i].s, "mesh") == 0)
			return true;
	return spec->gateways.n == 0;
}

/* Some http rule routes the host itself to a subset. */
static bool routes_to_subset(struct an *an, const struct an_vs *vs, const char *host)
{
	for (size_t i = 0; i < vs->spec->http.n; i++)
		for (size_t k = 0; k < vs->spec->http.at[i].route.n; k++) {
			const struct hdl_vs_destination *to = vs->spec->http.at[i].route.at[k].destination;

			if (to->subset.s && *to->subset.s && strcmp(an_fqdn(an, to->host.s, vs->res->ns), host) == 0)
				return true;
		}
	return false;
}

static void index_vs(struct an *an, struct an_vs *vs, const struct hdl_resource *res)
{
	const struct hdl_virtual_service *spec = res->virtual_service;

	*vs = (struct an_vs){ .res = res, .spec = spec, .mesh = is_for_mesh(spec) };
	vs->hosts = hdl_arena_calloc(an->arena, spec->hosts.n + 1, sizeof(*vs->hosts));
	if (!vs->hosts) {
		an->no_memory = true;
		return;
	}
	for (size_t i = 0; i < spec->hosts.n; i++) {
		struct an_vs_claim *claim = hdl_arena_alloc(an->arena, sizeof(*claim)), *first;

		vs->hosts[i] = an_fqdn(an, spec->hosts.at[i].s, res->ns);
		if (!claim) {
			an->no_memory = true;
			return;
		}
		*claim = (struct an_vs_claim){ .vs = vs, .host = i, .last = claim };
		claim->to_subset = routes_to_subset(an, vs, vs->hosts[i]);
		first = hdl_xl_map_get(&an->vs_hosts, vs->hosts[i]);
		if (!first) {
			put(an, &an->vs_hosts, vs->hosts[i], claim);
		} else {
			first->last->next = claim;
			first->last = claim;
		}
	}
}

static void index_all_vs(struct an *an)
{
	const struct an_list *list = &an->kind[HDL_KIND_VIRTUAL_SERVICE];

	an->vs = hdl_arena_calloc(an->arena, list->n + 1, sizeof(*an->vs));
	if (!an->vs) {
		an->no_memory = true;
		return;
	}
	for (size_t i = 0; i < list->n && !an->no_memory; i++)
		index_vs(an, &an->vs[an->vs_count++], list->at[i]);
}

static void index_rule(struct an *an, const struct hdl_resource *res)
{
	const struct hdl_destination_rule *rule = res->destination_rule;
	const char *host = an_fqdn(an, rule->host.s, res->ns);

	for (size_t i = 0; i < rule->subsets.n; i++) {
		const char *key = an_printf(an, "%s\n%s", host, rule->subsets.at[i].name.s);

		an->rule_wildcards += host[0] == '*';
		if (!hdl_xl_map_get(&an->subsets, key))
			put(an, &an->subsets, key, (void *)res);
	}
}

/* ---- all ---- */

static void read_node_config(struct an *an)
{
	const struct an_list *list = &an->kind[HDL_KIND_NODE_CONFIG];
	const struct hdl_node_config *config;

	if (!list->n)
		return;
	config = list->at[0]->node_config;
	if (config->domain.s && *config->domain.s)
		an->domain = config->domain.s;
	if (config->root_namespace.s && *config->root_namespace.s)
		an->root_ns = config->root_namespace.s;
	if (config->outbound_traffic_policy && config->outbound_traffic_policy->mode.value == HDL_NC_REGISTRY_ONLY)
		an->policy = (struct an_policy){ list->at[0], config->outbound_traffic_policy->mode.pos };
}

static void read_mesh_config(struct an *an)
{
	static const enum hdl_kind kinds[] = { HDL_KIND_CONFIG_MAP, HDL_KIND_ISTIO_OPERATOR };
	const struct an_list *nodes = &an->kind[HDL_KIND_NODE_CONFIG];
	const char *root = nodes->n ? nodes->at[0]->node_config->root_namespace.s : NULL;
	const struct hdl_outbound_policy *policy;
	const struct hdl_resource *from = NULL;
	const struct hdl_mesh_config *mesh;

	an->default_retries = 2;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (size_t i = 0; i < an->kind[kinds[k]].n; i++)
			if (hdl_mesh_of(an->kind[kinds[k]].at[i], root) &&
			    hdl_mesh_comes_before(an->kind[kinds[k]].at[i], from))
				from = an->kind[kinds[k]].at[i];
	if (!from)
		return;
	mesh = hdl_mesh_of(from, root);
	policy = mesh->outbound_traffic_policy;
	if (mesh->root_namespace.s && *mesh->root_namespace.s)
		an->root_ns = mesh->root_namespace.s;
	if (mesh->default_http_retry_policy)
		an->default_retries = mesh->default_http_retry_policy->attempts.value;
	if (policy && policy->mode.has && policy->mode.value == HDL_OUTBOUND_REGISTRY_ONLY)
		an->policy = (struct an_policy){ from, policy->mode.pos };
}

/* A Sidecar without selector speaks for its namespace, that of the root namespace for all that have none. */
static const struct hdl_resource *sidecar_of(struct an *an, const char *ns)
{
	const struct hdl_resource *res = hdl_xl_map_get(&an->sidecars, ns);

	return res ? res : hdl_xl_map_get(&an->sidecars, an->root_ns);
}

struct an_policy an_policy_of(struct an *an, const char *ns)
{
	const struct hdl_resource *res = sidecar_of(an, ns);
	const struct hdl_outbound_policy *policy = res ? res->sidecar->outbound_traffic_policy : NULL;

	if (!policy)
		return an->policy;
	if (policy->mode.has && policy->mode.value != HDL_OUTBOUND_REGISTRY_ONLY)
		return (struct an_policy){ 0 };
	return (struct an_policy){ res, policy->mode.has ? policy->mode.pos : policy->pos };
}

static void index_sidecar(struct an *an, const struct hdl_resource *res)
{
	if (!res->sidecar->workload_selector && !hdl_xl_map_get(&an->sidecars, res->ns))
		put(an, &an->sidecars, res->ns, (void *)res);
}

const struct hdl_resource *an_object(struct an *an, enum hdl_kind kind, const char *full_name)
{
	char key[AN_KEY_MAX];

	snprintf(key, sizeof(key), "%d/%s", (int)kind, full_name);
	return hdl_xl_map_get(&an->objects, key);
}

const struct hdl_resource *an_object_named(struct an *an, const char *kind, const char *ns, const char *name)
{
	const struct hdl_resource *res = NULL;
	char full[AN_KEY_MAX - 16];

	snprintf(full, sizeof(full), "%s%s%s", ns ? ns : "", ns && *ns ? "/" : "", name);
	for (size_t i = 0; i < HDL_KINDS && !res; i++)
		if (strcmp(hdl_kind_name((enum hdl_kind)i), kind) == 0)
			res = an_object(an, (enum hdl_kind)i, full);
	return res;
}

static void index_object(struct an *an, const struct hdl_resource *res)
{
	const char *key = an_printf(an, "%d/%s", (int)res->kind, an_resource_name(an, res));

	put(an, &an->objects, key, (void *)res);
}

static void index_one(struct an *an, const struct hdl_resource *res)
{
	/* pods and slices are many, and nobody asks for one by name */
	if (res->kind != HDL_KIND_POD && res->kind != HDL_KIND_ENDPOINT_SLICE)
		index_object(an, res);
	switch (res->kind) {
	case HDL_KIND_SERVICE:
		index_service(an, res);
		break;
	case HDL_KIND_SERVICE_ENTRY:
		index_entry(an, res);
		break;
	case HDL_KIND_POD:
	case HDL_KIND_WORKLOAD_ENTRY:
		index_workload(an, res);
		break;
	case HDL_KIND_SIDECAR:
		index_sidecar(an, res);
		break;
	case HDL_KIND_DESTINATION_RULE:
		index_rule(an, res);
		break;
	default:
		break;
	}
}

int an_index(struct an *an)
{
	an->domain = "cluster.local";
	an->root_ns = "istio-system";
	for (size_t i = 0; i < an->n; i++)
		an_list_add(an, &an->kind[an->res[i]->kind], an->res[i]);
	read_mesh_config(an);
	read_node_config(an);
	for (size_t i = 0; i < an->n && !an->no_memory; i++)
		index_one(an, an->res[i]);
	for (size_t i = 0; i < an->kind[HDL_KIND_ENDPOINT_SLICE].n; i++)
		index_slice(an, an->kind[HDL_KIND_ENDPOINT_SLICE].at[i]);
	index_all_vs(an);
	return an->no_memory ? -ENOMEM : 0;
}
