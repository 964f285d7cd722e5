/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of DestinationRule (specification A.6). */
#include "model/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model/names.h"

/* ---- load balancer ---- */

/* It becomes part of a Set-Cookie header, and must not end its attribute or the header. */
static void check_cookie_text(struct hdl_decode *d, const struct hdl_text *text, const char *field)
{
	for (const char *p = text->s; p && *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || *p == ';') {
			hdl_decode_error(d, text->pos, field, "must have no \";\" and no control character");
			return;
		}
}

void hdl_check_dr_cookie_attribute(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_cookie_attribute *attribute = object;

	if (attribute->name.s && !*attribute->name.s)
		hdl_decode_error(d, attribute->name.pos, "name", "must not be empty");
	check_cookie_text(d, &attribute->name, "name");
	check_cookie_text(d, &attribute->value, "value");
}

void hdl_check_dr_cookie(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_cookie *cookie = object;

	if (cookie->name.s && !hdl_name_is_token(cookie->name.s))
		hdl_decode_error(d, cookie->name.pos, "name", "\"%.100s\" is not a cookie name", cookie->name.s);
	check_cookie_text(d, &cookie->path, "path");
	for (size_t i = 0; i < cookie->attributes.n; i++)
		for (size_t j = 0; j < i; j++) {
			const char *a = cookie->attributes.at[i].name.s, *b = cookie->attributes.at[j].name.s;

			if (a && b && !strcmp(a, b))
				hdl_decode_error(d, cookie->attributes.at[i].pos, "attributes",
						 "names \"%.100s\" twice", a);
		}
}

void hdl_check_dr_maglev(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_maglev *maglev = object;
	int64_t size = maglev->table_size.value;
	bool prime = size > 1;

	for (int64_t i = 2; i * i <= size && prime; i++)
		prime = size % i != 0;
	if (maglev->table_size.has && !prime)
		hdl_decode_error(d, maglev->table_size.pos, "tableSize", "must be a prime number, %lld is not",
				 (long long)size);
}

void hdl_check_dr_consistent_hash(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_consistent_hash *hash = object;
	int keys = !!hash->http_header_name.s + !!hash->http_cookie + hash->use_source_ip.has +
		   !!hash->http_query_parameter_name.s;

	if (hdl_decode_clean(d) && keys > 1)
		hdl_decode_error(d, hash->pos, NULL,
				 "has more than one of httpHeaderName, httpCookie, useSourceIp and "
				 "httpQueryParameterName");
	if (hdl_decode_clean(d) && keys == 0)
		hdl_decode_warning(d, hash->pos, NULL,
				   "has none of httpHeaderName, httpCookie, useSourceIp and httpQueryParameterName, so "
				   "every request may go to another endpoint");
	if (hash->http_header_name.s && !hdl_name_is_token(hash->http_header_name.s))
		hdl_decode_error(d, hash->http_header_name.pos, "httpHeaderName", "\"%.100s\" is not a header name",
				 hash->http_header_name.s);
	if (hash->http_query_parameter_name.s && !*hash->http_query_parameter_name.s)
		hdl_decode_error(d, hash->http_query_parameter_name.pos, "httpQueryParameterName", "must not be empty");
	if (hash->ring_hash && hash->maglev)
		hdl_decode_error(d, hash->pos, NULL, "has both ringHash and maglev");
	if (hash->minimum_ring_size.value && (hash->ring_hash || hash->maglev))
		hdl_decode_error(d, hash->minimum_ring_size.pos, "minimumRingSize", "excludes ringHash and maglev");
}

#define MAX_SHARES 100 /* of at least 1 % each: what has more does not sum to 100 */

/* region/zone/subzone, "*" only as the last used component. */
static bool is_locality(const char *s)
{
	int parts = 0;

	for (;;) {
		size_t n = strcspn(s, "/");

		if (n == 0 || ++parts > 3)
			return false;
		if (memchr(s, '*', n) && (n != 1 || s[1]))
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

/* One contains the other: equal as far as both go, "*" standing for the rest. */
static bool localities_overlap(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == '*' || *b == '*' || (!*a && (!*b || *b == '/')) || (!*b && *a == '/');
}

void hdl_check_dr_distribute(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_distribute *rule = object;
	int64_t sum = 0;

	if (!rule->from.s || !is_locality(rule->from.s))
		hdl_decode_error(d, rule->from.s ? rule->from.pos : rule->pos, "from",
				 "must be region/zone/subzone, with * only at the end");
	for (size_t i = 0; i < rule->to.n; i++) {
		const struct hdl_kint *to = &rule->to.at[i];

		sum += to->value;
		if (!is_locality(to->key))
			hdl_decode_error(d, to->pos, "to",
					 "\"%.100s\" must be region/zone/subzone, with * only at the end", to->key);
		for (size_t j = 0; j < i && i < MAX_SHARES; j++)
			if (localities_overlap(to->key, rule->to.at[j].key)) {
				hdl_decode_error(d, to->pos, "to", "\"%.100s\" and \"%.100s\" overlap", to->key,
						 rule->to.at[j].key);
				break;
			}
	}
	if (hdl_decode_clean(d) && sum != 100)
		hdl_decode_error(d, rule->pos, "to", "the weights must sum to 100, not %lld", (long long)sum);
}

void hdl_check_dr_failover(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_failover *rule = object;
	const struct hdl_text *const end[] = { &rule->from, &rule->to };

	for (size_t i = 0; i < 2; i++)
		if (!end[i]->s || !*end[i]->s || strpbrk(end[i]->s, "/*"))
			hdl_decode_error(d, end[i]->s ? end[i]->pos : rule->pos, i ? "to" : "from",
					 "must be a region, without / and *");
	if (rule->from.s && rule->to.s && !strcmp(rule->from.s, rule->to.s))
		hdl_decode_error(d, rule->pos, NULL, "from and to are the same region");
}

/* Where regions fail over as failover says, region, zone and subzone cannot have another order. */
static void check_priority(struct hdl_decode *d, const struct hdl_texts *labels)
{
	static const char *const topology[] = { "topology.kubernetes.io/region", "topology.kubernetes.io/zone",
						"topology.istio.io/subzone" };

	for (size_t i = 0; i < labels->n; i++)
		for (size_t k = 0; labels->at[i].s && k < sizeof(topology) / sizeof(topology[0]); k++)
			if (!strcmp(labels->at[i].s, topology[k]))
				hdl_decode_error(d, labels->at[i].pos, "failoverPriority",
						 "must not name %s together with failover", topology[k]);
}

void hdl_check_dr_locality(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_locality_lb *locality = object;

	if (locality->distribute.n && locality->failover.n)
		hdl_decode_error(d, locality->pos, NULL, "has both distribute and failover");
	for (size_t i = 0; i < locality->distribute.n && i < 1000; i++)
		for (size_t j = 0; j < i; j++) {
			const char *a = locality->distribute.at[i].from.s, *b = locality->distribute.at[j].from.s;

			if (a && b && localities_overlap(a, b)) {
				hdl_decode_error(d, locality->distribute.at[i].pos, "distribute",
						 "from overlaps with an earlier one");
				break;
			}
		}
	if (locality->failover.n)
		check_priority(d, &locality->failover_priority);
}

void hdl_check_dr_zone_aware(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_zone_aware_lb *zone_aware = object;

	if (zone_aware->failover.n)
		check_priority(d, &zone_aware->failover_priority);
}

void hdl_check_dr_load_balancer(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_load_balancer *lb = object;

	if (lb->simple.has && lb->consistent_hash)
		hdl_decode_error(d, lb->pos, NULL, "has both simple and consistentHash");
	if (lb->locality_lb_setting && lb->zone_aware_lb_setting)
		hdl_decode_error(d, lb->pos, NULL, "has both localityLbSetting and zoneAwareLbSetting");
}

/* ---- connection pool, outliers, TLS ---- */

void hdl_check_dr_connection_pool(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_connection_pool *pool = object;

	if (!pool->tcp && !pool->http && hdl_decode_clean(d))
		hdl_decode_error(d, pool->pos, NULL, "needs tcp or http");
}

void hdl_check_dr_pool_http(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_pool_http *http = object;

	if (http->h2_upgrade_policy.value == HDL_H2_UPGRADE && http->use_client_protocol.value)
		hdl_decode_error(d, http->pos, "useClientProtocol", "excludes h2UpgradePolicy UPGRADE");
}

void hdl_check_dr_outlier(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_outlier *outlier = object;

	if (outlier->consecutive_local_origin_failures.value > 0 &&
	    !outlier->split_external_local_origin_errors.value && hdl_decode_clean(d))
		hdl_decode_error(d, outlier->consecutive_local_origin_failures.pos, "consecutiveLocalOriginFailures",
				 "needs splitExternalLocalOriginErrors: true");
}

static bool given(const struct hdl_text *text)
{
	return text->s && *text->s;
}

static void check_certificates(struct hdl_decode *d, const struct hdl_dr_tls *tls)
{
	bool mutual = tls->mode.value == HDL_DR_TLS_MUTUAL, named = given(&tls->credential_name);
	bool files = given(&tls->client_certificate) || given(&tls->private_key) || given(&tls->ca_certificates) ||
		     given(&tls->ca_crl);

	if (!mutual && tls->mode.value != HDL_DR_TLS_SIMPLE)
		return;
	if (mutual && !named && (!given(&tls->client_certificate) || !given(&tls->private_key)))
		hdl_decode_error(d, tls->pos, NULL, "MUTUAL needs clientCertificate and privateKey, or credentialName");
	if (named && files)
		hdl_decode_error(d, tls->credential_name.pos, "credentialName",
				 "excludes clientCertificate, privateKey, caCertificates and caCrl");
	if (tls->insecure_skip_verify.value &&
	    (given(&tls->ca_certificates) || tls->subject_alt_names.n || (named && !mutual)))
		hdl_decode_error(d, tls->insecure_skip_verify.pos, "insecureSkipVerify",
				 "excludes what would be used to verify: caCertificates%s and subjectAltNames",
				 mutual ? "" : ", credentialName");
}

#define CONFIG_MAP "configmap://"

/* "configmap://name" or "configmap://namespace/name" of the namespace of the rule. */
static void check_config_map(struct hdl_decode *d, const struct hdl_text *name)
{
	const char *rest, *slash, *own = hdl_check_own_namespace(d);

	if (!name->s || strncmp(name->s, CONFIG_MAP, strlen(CONFIG_MAP)) != 0)
		return;
	rest = name->s + strlen(CONFIG_MAP);
	slash = strchr(rest, '/');
	if (slash && (strlen(own) != (size_t)(slash - rest) || memcmp(own, rest, (size_t)(slash - rest)) != 0))
		hdl_decode_error(d, name->pos, "credentialName",
				 "\"%.100s\" must be in the namespace of the rule, %.63s", name->s, own);
}

void hdl_check_dr_tls(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_tls *tls = object;

	check_certificates(d, tls);
	check_config_map(d, &tls->credential_name);
	if (tls->mode.value == HDL_DR_TLS_DISABLE)
		return;
	/* Carrying on without it would send in clear what is to be encrypted. */
	hdl_decode_error(d, tls->mode.pos, "mode",
			 "TLS to endpoints is not supported by this version, so the document is refused rather than "
			 "sending in clear");
	d->faults--; /* the value itself is right */
}

void hdl_check_dr_tunnel(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_tunnel *tunnel = object;
	const char *host = tunnel->target_host.s;

	if (tunnel->protocol.s && strcmp(tunnel->protocol.s, "CONNECT") && strcmp(tunnel->protocol.s, "POST"))
		hdl_decode_error(d, tunnel->protocol.pos, "protocol", "must be CONNECT or POST");
	if (host && !hdl_name_is_host(host, false) && !hdl_name_is_ip(host))
		hdl_decode_error(d, tunnel->target_host.pos, "targetHost", "\"%.100s\" is not a host name or address",
				 host);
}

/* ---- policies, subsets, the whole ---- */

static void warn_locality(struct hdl_decode *d, const struct hdl_dr_load_balancer *lb,
			  const struct hdl_dr_outlier *outlier)
{
	const struct hdl_dr_locality_lb *locality = lb ? lb->locality_lb_setting : NULL;

	if (locality && (locality->failover.n || locality->failover_priority.n) && !outlier)
		hdl_decode_warning(d, locality->pos, "loadBalancer.localityLbSetting",
				   "failover does not act without outlierDetection in the same policy");
}

void hdl_check_dr_port_policy(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_port_policy *policy = object;

	if (!policy->load_balancer && !policy->connection_pool && !policy->outlier_detection && !policy->tls &&
	    hdl_decode_clean(d))
		hdl_decode_error(d, policy->pos, NULL,
				 "needs one of loadBalancer, connectionPool, outlierDetection and tls");
	warn_locality(d, policy->load_balancer, policy->outlier_detection);
}

static int compare_ints(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void check_port_twice(struct hdl_decode *d, const struct hdl_dr_policy *policy)
{
	size_t n = policy->port_level_settings.n;
	int64_t *port = hdl_arena_calloc(d->arena, n ? n : 1, sizeof(*port));

	if (!port) {
		d->no_memory = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct hdl_port_selector *selector = policy->port_level_settings.at[i].port;

		port[i] = selector ? selector->number.value : 0;
	}
	qsort(port, n, sizeof(*port), compare_ints);
	for (size_t i = 1; i < n; i++)
		if (port[i] && port[i] == port[i - 1] && (i == 1 || port[i - 2] != port[i]))
			hdl_decode_warning(d, policy->pos, "portLevelSettings",
					   "names port %lld twice; the first counts", (long long)port[i]);
}

void hdl_check_dr_policy(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_policy *policy = object;

	if (!policy->load_balancer && !policy->connection_pool && !policy->outlier_detection && !policy->tls &&
	    !policy->port_level_settings.n && !policy->tunnel && !policy->proxy_protocol && !policy->retry_budget &&
	    hdl_decode_clean(d))
		hdl_decode_error(d, policy->pos, NULL, "has no field");
	if (policy->tunnel && policy->proxy_protocol)
		hdl_decode_error(d, policy->pos, NULL, "has both tunnel and proxyProtocol");
	check_port_twice(d, policy);
	warn_locality(d, policy->load_balancer, policy->outlier_detection);
}

void hdl_check_dr_subset(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_subset *subset = object;

	if (subset->name.s && !hdl_name_is_label(subset->name.s))
		hdl_decode_error(d, subset->name.pos, "name",
				 "\"%.100s\" is not a subset name: letters, digits and '-', at most 63",
				 subset->name.s);
	hdl_check_labels(d, &subset->labels, "labels");
}

static int compare_subsets(const void *a, const void *b)
{
	const struct hdl_dr_subset *x = *(const struct hdl_dr_subset *const *)a,
				   *y = *(const struct hdl_dr_subset *const *)b;
	int r = strcmp(x->name.s ? x->name.s : "", y->name.s ? y->name.s : "");

	return r ? r : x < y ? -1 : x > y;
}

static void check_subset_twice(struct hdl_decode *d, const struct hdl_destination_rule *rule)
{
	size_t n = rule->subsets.n;
	const struct hdl_dr_subset **sorted =
		hdl_arena_calloc(d->arena, n ? n : 1, sizeof(const struct hdl_dr_subset *));

	if (!sorted) {
		d->no_memory = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = &rule->subsets.at[i];
	qsort(sorted, n, sizeof(*sorted), compare_subsets);
	for (size_t i = 1; i < n; i++)
		if (sorted[i]->name.s && sorted[i - 1]->name.s && !strcmp(sorted[i]->name.s, sorted[i - 1]->name.s))
			hdl_decode_error(d, sorted[i]->name.pos, "subsets",
					 "duplicate subset \"%.100s\", first at line %u", sorted[i]->name.s,
					 sorted[i - 1]->name.pos.line);
}

void hdl_check_dr_selector(struct hdl_decode *d, void *object)
{
	const struct hdl_dr_workload_selector *selector = object;

	hdl_check_selector_labels(d, selector->pos, &selector->match_labels, "matchLabels");
}

/* A rule for some pods of a namespace is for this namespace only. */
static void check_selector_export(struct hdl_decode *d, const struct hdl_destination_rule *rule)
{
	const char *own = hdl_check_own_namespace(d);

	for (size_t i = 0; rule->workload_selector && i < rule->export_to.n; i++) {
		const struct hdl_text *text = &rule->export_to.at[i];

		if (text->s && strcmp(text->s, ".") != 0 && strcmp(text->s, own) != 0)
			hdl_decode_error(d, text->pos, "exportTo",
					 "\"%.100s\": a rule with workloadSelector must not be exported beyond its own "
					 "namespace",
					 text->s);
	}
}

void hdl_check_dr(struct hdl_decode *d, void *object)
{
	const struct hdl_destination_rule *rule = object;

	if (rule->host.s && !hdl_name_is_host(rule->host.s, true))
		hdl_decode_error(d, rule->host.pos, "host", "\"%.100s\" is not a host name", rule->host.s);
	check_subset_twice(d, rule);
	hdl_check_export_list(d, &rule->export_to, "exportTo", 0);
	check_selector_export(d, rule);
	hdl_check_annotations(d);
}
