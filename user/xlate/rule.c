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
	subset = hdl_arena_alloc(xl->scratch, sizeof(*subset));
	if (!subset)
		return -ENOMEM;
	*subset = (struct hdl_xl_subset){ .res = res, .spec = spec };
	if (rule->last_subset)
		rule->last_subset->next = subset;
	else
		rule->subsets = subset;
	rule->last_subset = subset;
	return hdl_xl_map_put(&rule->subset_names, xl->scratch, spec->name.s, subset);
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

static int new_rule(struct hdl_xl *xl, const struct hdl_resource *res, const char *host, struct hdl_xl_rule **ret)
{
	struct hdl_xl_rule *rule = hdl_arena_alloc(xl->scratch, sizeof(*rule));
	const char *any = hdl_xl_scratchf(xl, "/%s", host);

	if (!rule)
		return -ENOMEM;
	rule->res = res;
	rule->host = host;
	if (xl->last_rule)
		xl->last_rule->next = rule;
	else
		xl->first_rule = rule;
	xl->last_rule = rule;
	xl->rule_wildcards += hdl_xl_is_wildcard(host);
	if (hdl_xl_map_put(&xl->rules, xl->scratch, hdl_xl_scratchf(xl, "%s/%s", res->ns, host), rule) < 0)
		return -ENOMEM;
	if (!hdl_xl_map_get(&xl->rules, any) && hdl_xl_map_put(&xl->rules, xl->scratch, any, rule) < 0)
		return -ENOMEM;
	*ret = rule;
	return 0;
}

int hdl_xl_rules(struct hdl_xl *xl)
{
	for (size_t i = 0; i < xl->n; i++) {
		const struct hdl_resource *res = xl->res[i];
		const struct hdl_destination_rule *spec;
		struct hdl_xl_rule *rule;
		const char *host;

		if (res->kind != HDL_KIND_DESTINATION_RULE)
			continue;
		spec = res->destination_rule;
		if (spec->workload_selector) /* for some clients only: not for all, then */
			continue;
		host = hdl_xl_host(xl, spec->host.s, res->ns);
		rule = hdl_xl_map_get(&xl->rules, hdl_xl_scratchf(xl, "%s/%s", res->ns, host));
		if (!rule && new_rule(xl, res, host, &rule) < 0)
			return -ENOMEM;
		merge_policy(xl, rule, res);
		for (size_t s = 0; s < spec->subsets.n; s++)
			if (add_subset(xl, rule, res, &spec->subsets.at[s]) < 0)
				return -ENOMEM;
	}
	return 0;
}

static struct hdl_xl_rule *rule_in(struct hdl_xl *xl, const char *ns, const char *fqdn)
{
	char prefix[XL_NAME_MAX];
	int n = snprintf(prefix, sizeof(prefix), "%s/", ns);

	return n < 0 || (size_t)n >= sizeof(prefix) ?
		       NULL :
		       hdl_xl_most_specific(&xl->rules, prefix, fqdn, xl->rule_wildcards != 0);
}

/*
 * The table is shared by the clients of the node, so the look-up is the service's own: its namespace, then the root
 * namespace. A rule elsewhere (which Istio gives to the clients of that namespace) is better than none.
 */
struct hdl_xl_rule *hdl_xl_rule_of(struct hdl_xl *xl, const struct hdl_xl_service *service)
{
	struct hdl_xl_rule *rule = rule_in(xl, service->ir->ns, service->ir->fqdn);

	if (!rule)
		rule = rule_in(xl, xl->snapshot->node.root_namespace, service->ir->fqdn);
	if (!rule) {
		rule = rule_in(xl, "", service->ir->fqdn);
		if (rule && !rule->reported) {
			rule->reported = true;
			hdl_xl_report(
				xl->diags, HDL_INFO, rule->res, rule->res->destination_rule->host.pos, "spec.host",
				"neither namespace %s nor %s has a rule for %s: this one is used for the clients of "
				"every namespace",
				service->ir->ns, xl->snapshot->node.root_namespace, service->ir->fqdn);
		}
	}
	if (rule)
		rule->used = true;
	return rule;
}

void hdl_xl_report_unused_rules(struct hdl_xl *xl)
{
	for (struct hdl_xl_rule *rule = xl->first_rule; rule; rule = rule->next) {
		const struct hdl_text *host = &rule->res->destination_rule->host;

		if (rule->used)
			continue;
		if (hdl_xl_map_get(&xl->services, rule->host))
			hdl_xl_report(
				xl->diags, HDL_INFO, rule->res, host->pos, "spec.host",
				"a DestinationRule of another namespace comes first for %s: this one has no effect",
				rule->host);
		else if (hdl_xl_is_wildcard(rule->host))
			hdl_xl_report(xl->diags, HDL_INFO, rule->res, host->pos, "spec.host",
				      "no service without a more specific rule matches %s", rule->host);
		else
			hdl_xl_report(xl->diags, HDL_WARNING, rule->res, host->pos, "spec.host",
				      "there is no service %s: the rule has no effect", rule->host);
	}
}
