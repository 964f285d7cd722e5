/* SPDX-License-Identifier: Apache-2.0 */
/* DestinationRules (IST0128, IST0129, IST0173, IST0174, HDL0007 to HDL0009, HDL0018, HDL0019). */
#include "analyze/an.h"

#include <stdio.h>
#include <string.h>

/* At most so many endpoints can all be ejected by one bad deployment. */
#define FEW_ENDPOINTS 10
#define EAGER_ERRORS 2
#define DEFAULT_EJECTION_PERCENT 10

/* ---- TLS ---- */

static bool verifies(const struct hdl_destination_rule *rule, const struct hdl_dr_tls *tls)
{
	bool mode = tls && (tls->mode.value == HDL_DR_TLS_SIMPLE || tls->mode.value == HDL_DR_TLS_MUTUAL);

	return !mode || (tls->ca_certificates.s && *tls->ca_certificates.s) || tls->insecure_skip_verify.value ||
	       (tls->credential_name.s && *tls->credential_name.s && rule->workload_selector);
}

static const char *tls_mode(const struct hdl_dr_tls *tls)
{
	return tls->mode.value == HDL_DR_TLS_SIMPLE ? "SIMPLE" : "MUTUAL";
}

static void check_tls(struct an *an, const struct hdl_resource *res)
{
	const struct hdl_destination_rule *rule = res->destination_rule;
	const struct hdl_dr_policy *policy = rule->traffic_policy;
	const char *name = an_resource_name(an, res);

	if (!policy)
		return;
	if (!verifies(rule, policy->tls))
		an_report(an, HDL_AN_UNVERIFIED_TLS, res, policy->tls->pos, name, res->ns, tls_mode(policy->tls),
			  rule->host.s);
	for (size_t i = 0; i < policy->port_level_settings.n; i++) {
		const struct hdl_dr_port_policy *port = &policy->port_level_settings.at[i];

		if (!verifies(rule, port->tls))
			an_report(an, HDL_AN_UNVERIFIED_TLS_PORT, res, port->tls->pos, name, res->ns,
				  tls_mode(port->tls), rule->host.s,
				  an_printf(an, "number:%lld", (long long)port->port->number.value));
	}
}

/* ---- hosts and subsets ---- */

/* A wildcard is about every service that it covers: one is enough. */
static struct an_host *host_of(struct an *an, const char *fqdn, const char *ns)
{
	struct an_host *host = an_find_host(an, fqdn, ns);

	return host || fqdn[0] != '*' ? host : an_find_covered(an, fqdn);
}

static void check_subsets(struct an *an, const struct hdl_resource *res, const struct an_host *host)
{
	const struct hdl_destination_rule *rule = res->destination_rule;

	for (size_t i = 0; i < rule->subsets.n; i++) {
		const struct hdl_dr_subset *subset = &rule->subsets.at[i];

		if (!an_subset_has_endpoint(an, host, &subset->labels))
			an_report(an, HDL_AN_EMPTY_SUBSET, res, subset->pos, subset->name.s);
	}
}

/* ---- outlier detection ---- */

/* A place where policies are: the whole rule, a port of it, a subset. */
struct place {
	const struct hdl_resource *res;
	const struct an_host *host; /* NULL: not known */
	const struct hdl_dr_subset *subset;
	const char *field; /* "spec.trafficPolicy" */
};

/* Endpoints that the settings at this place act on; 0: not known. */
static size_t endpoint_count(struct an *an, const struct place *place)
{
	const struct an_host *host = place->host;
	size_t n;

	if (!host)
		return 0;
	if (place->subset && host->res->kind == HDL_KIND_SERVICE)
		return an_find_workloads(an, host->res->ns, &host->res->service->selector, &place->subset->labels, NULL,
					 NULL);
	n = host->endpoints > host->endpoints6 ? host->endpoints : host->endpoints6;
	return n || host->res->kind != HDL_KIND_SERVICE ?
		       n :
		       an_find_workloads(an, host->res->ns, &host->res->service->selector, NULL, NULL, NULL);
}

static void check_ejects_all(struct an *an, const struct place *place, const struct hdl_dr_outlier *outlier, size_t n)
{
	struct an_finding finding = { .type = HDL_AN_EJECTS_ALL, .res = place->res };

	if (outlier->max_ejection_percent.value < 100 || outlier->min_health_percent.value > 0 || n > FEW_ENDPOINTS)
		return;
	finding.pos = outlier->max_ejection_percent.pos;
	finding.text =
		n ? an_printf(an,
			      "maxEjectionPercent 100 lets all %zu endpoints of %s be ejected: a partial failure "
			      "becomes a full one",
			      n, place->res->destination_rule->host.s) :
		    an_printf(an,
			      "maxEjectionPercent 100 lets every endpoint of %s be ejected (how many there are, "
			      "these files do not say): a partial failure becomes a full one",
			      place->res->destination_rule->host.s);
	finding.suggestion = "maxEjectionPercent: 50, minHealthPercent: 30";
	an_place(an, &finding, place->res, finding.pos, "%s.outlierDetection.maxEjectionPercent: 100", place->field);
	an_say(an, &finding);
}

static void check_ejects_none(struct an *an, const struct place *place, const struct hdl_dr_outlier *outlier, size_t n)
{
	struct an_finding finding = { .type = HDL_AN_EJECTS_NONE, .res = place->res };
	int64_t percent =
		outlier->max_ejection_percent.has ? outlier->max_ejection_percent.value : DEFAULT_EJECTION_PERCENT;

	if (!n || percent <= 0 || (int64_t)n * percent >= 100)
		return;
	finding.pos = outlier->max_ejection_percent.has ? outlier->max_ejection_percent.pos : outlier->pos;
	finding.text = an_printf(an, "maxEjectionPercent %lld%s of %zu endpoints is less than one: none is ejected",
				 (long long)percent, outlier->max_ejection_percent.has ? "" : " (the default)", n);
	finding.suggestion = an_printf(an, "maxEjectionPercent: %zu or more", (100 + n - 1) / n);
	an_place(an, &finding, place->res, finding.pos, "%s.outlierDetection", place->field);
	an_say(an, &finding);
}

static void check_errors(struct an *an, const struct place *place, const struct hdl_opt_int *errors, const char *name)
{
	struct an_finding finding = { .type = HDL_AN_EAGER_EJECTION, .res = place->res, .pos = errors->pos };

	if (!errors->has || errors->value < 1 || errors->value > EAGER_ERRORS)
		return;
	finding.text = an_printf(an, "%s %lld ejects an endpoint of %s after %s, as they come after every deployment",
				 name, (long long)errors->value, place->res->destination_rule->host.s,
				 errors->value == 1 ? "a single error" : "two errors in a row");
	finding.suggestion = an_printf(an, "%s: 5", name);
	an_place(an, &finding, place->res, errors->pos, "%s.outlierDetection.%s: %lld", place->field, name,
		 (long long)errors->value);
	an_say(an, &finding);
}

static void check_outlier(struct an *an, const struct place *place, const struct hdl_dr_outlier *outlier)
{
	size_t n;

	if (!outlier)
		return;
	n = endpoint_count(an, place);
	check_ejects_all(an, place, outlier, n);
	check_ejects_none(an, place, outlier, n);
	check_errors(an, place, &outlier->consecutive_5xx_errors, "consecutive5xxErrors");
	check_errors(an, place, &outlier->consecutive_gateway_errors, "consecutiveGatewayErrors");
}

/* ---- locality ---- */

#define REGION "topology.kubernetes.io/region"
#define ZONE "topology.kubernetes.io/zone"

static void check_priority(struct an *an, const struct place *place, const struct hdl_dr_locality_lb *locality)
{
	struct an_finding finding = { .type = HDL_AN_PRIORITY_ORDER, .res = place->res };
	const struct hdl_text *zone = NULL, *region = NULL;

	for (size_t i = 0; i < locality->failover_priority.n; i++) {
		const struct hdl_text *label = &locality->failover_priority.at[i];

		if (strcmp(label->s, ZONE) == 0 && !zone)
			zone = label;
		if (strcmp(label->s, REGION) == 0 && !region)
			region = label;
	}
	if (!zone || !region || region < zone)
		return;
	finding.pos = zone->pos;
	finding.text =
		an_printf(an,
			  "failoverPriority of %s names the zone before the region: endpoints of another zone in "
			  "the same region come last, with those of other regions",
			  place->res->destination_rule->host.s);
	finding.suggestion = "failoverPriority: [" REGION ", " ZONE "]";
	an_place(an, &finding, place->res, zone->pos, "failoverPriority: " ZONE);
	an_place(an, &finding, place->res, region->pos, "failoverPriority: " REGION);
	an_say(an, &finding);
}

static void check_locality(struct an *an, const struct place *place, const struct hdl_dr_load_balancer *lb,
			   const struct hdl_dr_outlier *outlier)
{
	const struct hdl_dr_locality_lb *locality = lb ? lb->locality_lb_setting : NULL;
	struct an_finding finding = { .type = HDL_AN_LOCALITY_WITHOUT_OUTLIER, .res = place->res };

	if (!locality || (locality->enabled.has && !locality->enabled.value))
		return;
	check_priority(an, place, locality);
	/* shares by distribute need no health */
	if (outlier || locality->distribute.n)
		return;
	finding.pos = locality->pos;
	finding.text = an_printf(an,
				 "localityLbSetting of %s has no outlierDetection beside it: nothing tells that "
				 "endpoints are unhealthy, so that failover never happens",
				 place->res->destination_rule->host.s);
	finding.suggestion =
		an_printf(an, "%s.outlierDetection: {consecutive5xxErrors: 5, interval: 10s, baseEjectionTime: 30s}",
			  place->field);
	an_place(an, &finding, place->res, locality->pos, "%s.loadBalancer.localityLbSetting", place->field);
	an_say(an, &finding);
}

/* ---- all places of a rule (A.7) ---- */

static void check_ports(struct an *an, const struct place *place, const struct hdl_dr_policy *policy)
{
	for (size_t i = 0; i < policy->port_level_settings.n; i++) {
		const struct hdl_dr_port_policy *port = &policy->port_level_settings.at[i];
		struct place of_port = *place;

		of_port.field = an_printf(an, "%s.portLevelSettings[%zu]", place->field, i);
		check_outlier(an, &of_port, port->outlier_detection);
		check_locality(an, &of_port, port->load_balancer, port->outlier_detection);
	}
}

static void check_policies(struct an *an, const struct hdl_resource *res, const struct an_host *host)
{
	const struct hdl_destination_rule *rule = res->destination_rule;
	const struct hdl_dr_policy *policy = rule->traffic_policy;
	struct place place = { res, host, NULL, "spec.trafficPolicy" };

	if (policy) {
		check_outlier(an, &place, policy->outlier_detection);
		check_locality(an, &place, policy->load_balancer, policy->outlier_detection);
		check_ports(an, &place, policy);
	}
	for (size_t i = 0; i < rule->subsets.n; i++) {
		const struct hdl_dr_policy *own = rule->subsets.at[i].traffic_policy;

		if (!own)
			continue;
		place.subset = &rule->subsets.at[i];
		place.field = an_printf(an, "spec.subsets[%zu].trafficPolicy", i);
		check_outlier(an, &place, own->outlier_detection);
		/* what the subset does not set is the rule's */
		check_locality(an, &place, own->load_balancer,
			       own->outlier_detection ? own->outlier_detection :
			       policy                 ? policy->outlier_detection :
							NULL);
		check_ports(an, &place, own);
	}
}

void an_destination_rules(struct an *an)
{
	const struct an_list *list = &an->kind[HDL_KIND_DESTINATION_RULE];

	for (size_t i = 0; i < list->n && !an->no_memory; i++) {
		const struct hdl_resource *res = list->at[i];
		const char *fqdn = an_fqdn(an, res->destination_rule->host.s, res->ns);
		const struct an_host *host = host_of(an, fqdn, res->ns);

		check_tls(an, res);
		check_policies(an, res, fqdn[0] == '*' ? NULL : host);
		if (!host)
			an_report(an, HDL_AN_UNKNOWN_RULE_HOST, res, res->destination_rule->host.pos,
				  res->destination_rule->host.s);
		else if (fqdn[0] != '*')
			check_subsets(an, res, host);
	}
}
