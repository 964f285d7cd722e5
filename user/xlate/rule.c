/* SPDX-License-Identifier: Apache-2.0 */
/* DestinationRules: merging of those for one host, and which one a service gets (specification A.7). */
#include "xlate/priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int add_subset(struct hdl_xl *xl, struct hdl_xl_rule *rule, const struct hdl_resource *res,
		      const struct hdl_dr_subset *spec)
{
	struct hdl_xl_subset *subset = hdl_xl_map_get(&rule->subset_names, spec->name.s);

	if (subset) {
		hdl_xl_report(
			xl->diags, HDL_WARNING, res, spec->name.pos, "spec.subsets",
			"subset %s of %s is already defined by DestinationRule %s/%s at %s:%u: this one is ignored",
			spec->name.s, rule->host, subset->res->ns, subset->res->name, subset->res->file,
			subset->spec->name.pos.line);
		return 0;
	}
	subset = hdl_arena_alloc(xl->arena, sizeof(*subset));
	if (!subset)
		return -ENOMEM;
	*subset = (struct hdl_xl_subset){ .res = res, .spec = spec };
	if (rule->last_subset)
		rule->last_subset->next = subset;
	else
		rule->subsets = subset;
	rule->last_subset = subset;
	return hdl_xl_map_put(&rule->subset_names, xl->arena, spec->name.s, subset);
}

static void merge_policy(struct hdl_xl *xl, struct hdl_xl_rule *rule, const struct hdl_resource *res)
{
	const struct hdl_dr_policy *policy = res->destination_rule->traffic_policy;

	if (!policy)
		return;
	if (!rule->policy) {
		rule->policy = policy;
		rule->policy_res = res;
		return;
	}
	hdl_xl_report(xl->diags, HDL_WARNING, res, policy->pos, "spec.trafficPolicy",
		      "DestinationRule %s/%s at %s:%u already sets the policy of %s: this one is ignored",
		      rule->policy_res->ns, rule->policy_res->name, rule->policy_res->file, rule->policy->pos.line,
		      rule->host);
}

/* "ns/host", "/host" for the clients of other namespaces, and those that are merged: who are for the same clients. */
static const char *set_key(struct hdl_xl *xl, const struct hdl_resource *res, const char *host)
{
	const struct hdl_dr_workload_selector *selector = res->destination_rule->workload_selector;
	struct hdl_xl_client client = { .ns = res->ns };

	if (!selector)
		return hdl_xl_scratchf(xl, "%s/%s %s", res->ns, host, hdl_xl_export_text(xl, res));
	if (hdl_xl_scratch_labels(xl, &selector->match_labels, &client.labels) < 0)
		xl->no_memory = true;
	/* exported to its own namespace, and without a comma at the end as none without selector is */
	return hdl_arena_printf(xl->scratch, "%s/%s %s", res->ns, host, hdl_xl_client_text(xl, &client));
}

/* The labels that its pods have: which sets of them there are is found again. */
static int enter_selector(struct hdl_xl *xl, struct hdl_xl_source *source)
{
	struct hdl_xl_cell *cell;

	if (!source->res->destination_rule->workload_selector)
		return 0;
	hdl_xl_flag_add(&xl->graph, &xl->selectors, 1);
	if (hdl_xl_enter_cell(xl, source, HDL_XL_SELECTORS, source->res->ns, &cell) < 0)
		return -ENOMEM;
	return cell->unit ? 0 : hdl_xl_add_unit(xl, HDL_XL_CLIENTS, NULL, cell, &cell->unit);
}

static void leave_selector(struct hdl_xl *xl, struct hdl_xl_source *source)
{
	if (!source->res->destination_rule->workload_selector)
		return;
	for (uint32_t i = 0; i < source->cells; i++)
		if (source->cell[i]->index == HDL_XL_SELECTORS) {
			hdl_xl_flag_add(&xl->graph, &xl->selectors, -1);
			if (source->cell[i]->n == 1)
				hdl_xl_drop_unit(xl, &source->cell[i]->unit);
		}
}

int hdl_xl_register_rule(struct hdl_xl *xl, struct hdl_xl_source *source)
{
	const struct hdl_resource *res = source->res;
	const char *host = hdl_xl_host(xl, res->destination_rule->host.s, res->ns), *key = set_key(xl, res, host);
	struct hdl_xl_cell *cell;

	if (hdl_xl_enter_cell(xl, source, HDL_XL_RULES, hdl_xl_scratchf(xl, "%s/%s", res->ns, host), NULL) < 0 ||
	    hdl_xl_enter_cell(xl, source, HDL_XL_RULES, hdl_xl_scratchf(xl, "/%s", host), NULL) < 0 || !key ||
	    hdl_xl_enter_cell(xl, source, HDL_XL_RULE_SETS, key, &cell) < 0 || enter_selector(xl, source) < 0)
		return -ENOMEM;
	hdl_xl_count_wildcard(xl, &xl->rule_wildcards, &xl->odd_rule_wildcards, host, 1);
	if (cell->unit) {
		hdl_xl_mark(&xl->graph, cell->unit);
		return 0;
	}
	return hdl_xl_add_unit(xl, HDL_XL_RULE, NULL, cell, &cell->unit);
}

/* "ns/host namespaces" */
static const char *host_of(struct hdl_xl *xl, const struct hdl_xl_cell *cell)
{
	const char *host = strchr(cell->key, '/') + 1;

	return hdl_xl_internf(xl, "%.*s", (int)strcspn(host, " "), host);
}

static struct hdl_xl_cell *set_of(const struct hdl_xl_source *source)
{
	for (uint32_t i = 0; i < source->cells; i++)
		if (source->cell[i]->index == HDL_XL_RULE_SETS)
			return source->cell[i];
	return NULL;
}

/* Before the source leaves its cells. */
void hdl_xl_unregister_rule(struct hdl_xl *xl, struct hdl_xl_source *source)
{
	struct hdl_xl_cell *cell = set_of(source);
	char host[XL_NAME_MAX * 2];

	leave_selector(xl, source);
	if (!cell)
		return;
	snprintf(host, sizeof(host), "%s", strchr(cell->key, '/') + 1);
	host[strcspn(host, " ")] = '\0';
	hdl_xl_count_wildcard(xl, &xl->rule_wildcards, &xl->odd_rule_wildcards, host, -1);
	if (cell->n == 1)
		hdl_xl_drop_unit(xl, &cell->unit);
	else if (cell->unit)
		hdl_xl_mark(&xl->graph, cell->unit);
}

int hdl_xl_make_rule(struct hdl_xl *xl, struct hdl_xl_unit *unit)
{
	const struct hdl_xl_cell *cell = unit->cell;
	struct hdl_xl_rule *rule = hdl_xl_product_new(xl, sizeof(*rule));

	if (!rule)
		return -ENOMEM;
	hdl_xl_phase(xl, HDL_XL_PHASE_RULES);
	unit->label = hdl_xl_member(cell, 0)->label;
	rule->res = hdl_xl_member(cell, 0)->res;
	rule->host = host_of(xl, cell);
	if (rule->res->destination_rule->workload_selector &&
	    hdl_xl_labels(xl, &rule->res->destination_rule->workload_selector->match_labels, &rule->selector) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < cell->n; i++) {
		const struct hdl_xl_source *source = hdl_xl_member(cell, i);
		const struct hdl_destination_rule *spec = source->res->destination_rule;

		hdl_xl_label_at(xl, source->label);
		merge_policy(xl, rule, source->res);
		for (size_t s = 0; s < spec->subsets.n; s++)
			if (add_subset(xl, rule, source->res, &spec->subsets.at[s]) < 0)
				return -ENOMEM;
	}
	return 0;
}

/* It is for pods of a namespace, and these are among them. */
static bool selects(const struct hdl_resource *res, const struct hdl_xl_client *client)
{
	const struct hdl_kvs *labels = &res->destination_rule->workload_selector->match_labels;

	for (size_t i = 0; i < labels->n; i++) {
		const char *value = client ? hdl_xl_label(&client->labels, labels->at[i].key) : NULL;

		if (!value || strcmp(value, labels->at[i].value) != 0)
			return false;
	}
	return client != NULL;
}

/*
 * Of the rules of a host that these clients see the first for some pods that these are, else the first for all (A.7).
 * false: they see none; pods that none of them is for see them all the same.
 */
static bool choose(struct hdl_xl *xl, const struct hdl_xl_cell *cell, const struct hdl_xl_client *client,
		   const struct hdl_xl_source **ret)
{
	const struct hdl_xl_source *general = NULL;
	bool any = false;

	for (uint32_t i = 0; i < cell->n; i++) {
		const struct hdl_xl_source *source = hdl_xl_member(cell, i);

		if (!hdl_xl_is_exported(xl, source->res, client ? client->ns : NULL))
			continue;
		any = true;
		if (!source->res->destination_rule->workload_selector) {
			general = general ? general : source;
		} else if (selects(source->res, client)) {
			*ret = source;
			return true;
		}
	}
	*ret = general;
	return any;
}

/* That of the most specific host there of which these clients see any; false: there is none. */
static bool rule_in(struct hdl_xl *xl, const char *ns, const char *fqdn, const struct hdl_xl_client *client,
		    const struct hdl_xl_rule **ret)
{
	char prefix[XL_NAME_MAX];
	int n = snprintf(prefix, sizeof(prefix), "%s/", ns);
	const struct hdl_xl_source *source;
	const struct hdl_xl_cell *cell;
	size_t at = 0;

	if (n < 0 || (size_t)n >= sizeof(prefix))
		return false;
	while ((cell = hdl_xl_next_covering(xl, HDL_XL_RULES, prefix, fqdn, &xl->rule_wildcards,
					    &xl->odd_rule_wildcards, &at))) {
		struct hdl_xl_cell *set;

		if (!choose(xl, cell, client, &source))
			continue;
		if (!source)
			return true;
		set = set_of(source);
		hdl_xl_depend(&xl->graph, xl->build->unit, &set->head);
		*ret = hdl_xl_read_unit(xl, set->unit);
		return true;
	}
	return false;
}

const struct hdl_xl_rule *hdl_xl_rule_of(struct hdl_xl *xl, const struct hdl_xl_service *service,
					 const struct hdl_xl_client *client)
{
	const char *root = xl->ir_node.root_namespace, *ns = service->ir.ns, *fqdn = service->ir.fqdn;
	const struct hdl_xl_rule *rule = NULL;

	if (client && strcmp(client->ns, root) != 0 && strcmp(client->ns, ns) != 0 &&
	    rule_in(xl, client->ns, fqdn, client, &rule))
		return rule;
	if (!rule_in(xl, ns, fqdn, client, &rule))
		rule_in(xl, root, fqdn, client, &rule);
	return rule;
}

struct candidates {
	struct hdl_xl_client *at;
	size_t n, capacity;
};

static int add_candidate(struct hdl_xl *xl, struct candidates *c, struct hdl_xl_client client)
{
	for (size_t i = 0; i < c->n; i++)
		if (hdl_xl_same_client(&c->at[i], &client))
			return 0;
	if (c->n == c->capacity) {
		size_t capacity = c->capacity ? 2 * c->capacity : 4;
		struct hdl_xl_client *more = hdl_arena_calloc(xl->scratch, capacity, sizeof(*more));

		if (!more)
			return -ENOMEM;
		if (c->n)
			memcpy(more, c->at, c->n * sizeof(*more));
		c->at = more;
		c->capacity = capacity;
	}
	c->at[c->n++] = client;
	return 0;
}

/* Who is the rule for, and not for all? */
static int add_clients_of(struct hdl_xl *xl, const struct hdl_xl_service *service, const struct hdl_resource *res,
			  struct candidates *c, struct hdl_xl_names *names)
{
	const struct hdl_dr_workload_selector *selector = res->destination_rule->workload_selector;
	struct hdl_xl_client client = { .ns = res->ns };

	if (hdl_xl_names_add_exports(xl, names, res) < 0)
		return -ENOMEM;
	if (strcmp(res->ns, service->ir.ns) != 0 && strcmp(res->ns, xl->ir_node.root_namespace) != 0 &&
	    hdl_xl_names_add(xl, names, res->ns) < 0)
		return -ENOMEM;
	if (!selector || !selector->match_labels.n)
		return 0;
	return hdl_xl_scratch_labels(xl, &selector->match_labels, &client.labels) < 0 ? -ENOMEM :
											add_candidate(xl, c, client);
}

int hdl_xl_rule_clients(struct hdl_xl *xl, const struct hdl_xl_service *service, struct hdl_xl_client **ret,
			size_t *ret_n)
{
	struct hdl_xl_names names = { 0 };
	const struct hdl_xl_cell *cell;
	struct candidates c = { 0 };
	size_t at = 0;

	while ((cell = hdl_xl_next_covering(xl, HDL_XL_RULES, "/", service->ir.fqdn, &xl->rule_wildcards,
					    &xl->odd_rule_wildcards, &at)))
		for (uint32_t i = 0; i < cell->n; i++)
			if (add_clients_of(xl, service, hdl_xl_member(cell, i)->res, &c, &names) < 0)
				return -ENOMEM;
	for (size_t i = 0; i < names.n; i++)
		if (add_candidate(xl, &c, (struct hdl_xl_client){ .ns = names.at[i] }) < 0)
			return -ENOMEM;
	*ret = c.at;
	*ret_n = c.n;
	return 0;
}

void hdl_xl_report_unused_rule(const struct hdl_xl *xl, struct hdl_diags *diags, const struct hdl_xl_rule *rule)
{
	const struct hdl_text *host = &rule->res->destination_rule->host;
	struct hdl_xl_cell *cell = hdl_xl_cell((struct hdl_xl_graph *)&xl->graph, HDL_XL_SERVICES, rule->host, false);

	if (cell && cell->n)
		hdl_xl_report(diags, HDL_INFO, rule->res, host->pos, "spec.host",
			      "a DestinationRule of another namespace comes first for %s: this one has no effect",
			      rule->host);
	else if (hdl_xl_is_wildcard(rule->host))
		hdl_xl_report(diags, HDL_INFO, rule->res, host->pos, "spec.host",
			      "no service without a more specific rule matches %s", rule->host);
	else
		hdl_xl_report(diags, HDL_WARNING, rule->res, host->pos, "spec.host",
			      "there is no service %s: the rule has no effect", rule->host);
}
