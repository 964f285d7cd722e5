/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters of every service port and subset, with the policy that holds for each (specification A.7, A.8, C). */
#include "xlate/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

#define DEFAULT_CONNECT_TIMEOUT_NS (10 * HDL_NS_PER_S)
#define DEFAULT_IDLE_TIMEOUT_NS (3600 * HDL_NS_PER_S)
#define DEFAULT_RING_SIZE 1024
#define DEFAULT_WARMUP_PERCENT 10

/* The blocks in force and the documents they are from. */
struct policy {
	const struct hdl_dr_load_balancer *lb;
	const struct hdl_dr_connection_pool *pool;
	const struct hdl_dr_outlier *outlier;
	const struct hdl_resource *lb_res, *pool_res, *outlier_res;
};

static const struct hdl_dr_port_policy *port_policy(const struct hdl_dr_policy *p, uint16_t port)
{
	for (size_t i = 0; i < p->port_level_settings.n; i++)
		if (p->port_level_settings.at[i].port->number.value == port)
			return &p->port_level_settings.at[i];
	return NULL;
}

/* A.7: a port-level entry replaces all blocks, also those it does not have. */
static void apply(struct policy *policy, const struct hdl_resource *res, const struct hdl_dr_policy *p, uint16_t port)
{
	const struct hdl_dr_port_policy *level = port_policy(p, port);

	if (level) {
		*policy = (struct policy){
			level->load_balancer, level->connection_pool, level->outlier_detection, res, res, res
		};
		return;
	}
	if (p->load_balancer) {
		policy->lb = p->load_balancer;
		policy->lb_res = res;
	}
	if (p->connection_pool) {
		policy->pool = p->connection_pool;
		policy->pool_res = res;
	}
	if (p->outlier_detection) {
		policy->outlier = p->outlier_detection;
		policy->outlier_res = res;
	}
}

/* A.7: the mesh fills the blocks that are not there at all. */
static void fill(struct policy *policy, const struct hdl_xl *xl)
{
	const struct hdl_mesh_traffic_policy *mesh = xl->mesh ? xl->mesh->default_traffic_policy : NULL;

	if (mesh && mesh->connection_pool && !policy->pool) {
		policy->pool = mesh->connection_pool;
		policy->pool_res = xl->mesh_res;
	}
	if (mesh && mesh->outlier_detection && !policy->outlier) {
		policy->outlier = mesh->outlier_detection;
		policy->outlier_res = xl->mesh_res;
	}
}

static struct policy effective(const struct hdl_xl *xl, const struct hdl_xl_rule *rule,
			       const struct hdl_xl_subset *subset, uint16_t port)
{
	struct policy policy = { 0 };

	if (rule && rule->policy)
		apply(&policy, rule->policy_res, rule->policy, port);
	if (subset && subset->spec->traffic_policy)
		apply(&policy, subset->res, subset->spec->traffic_policy, port);
	fill(&policy, xl);
	return policy;
}

static void needs_requests(struct hdl_xl *xl, struct hdl_xl_cluster *c, const struct hdl_resource *res,
			   struct hdl_pos pos, const char *what)
{
	char text[XL_NAME_MAX];

	if (c->http_reason)
		return;
	c->http_reason = hdl_xl_internf(xl, "%s sets %s for %s", hdl_xl_resource_text(res, text), what, c->ir.name);
	c->http_origin = hdl_xl_origin(xl, res, pos);
}

static void idle_at_l4(struct hdl_xl_cluster *c, const struct hdl_resource *res, struct hdl_pos pos, const char *what)
{
	if (c->l4_idle)
		return;
	c->l4_idle = what;
	c->l4_idle_res = res;
	c->l4_idle_pos = pos;
}

/*
 * A table of its own size only where asked for. Otherwise one of few sizes, at least 100 slots per endpoint: a size
 * that followed every endpoint would move nearly all keys with each.
 */
static uint32_t table_size(const struct hdl_dr_consistent_hash *hash, size_t endpoints)
{
	if (hash && hash->maglev && hash->maglev->table_size.has)
		return (uint32_t)hash->maglev->table_size.value;
	if (endpoints <= 655)
		return 65537;
	return endpoints <= 6553 ? 655373 : 6553621;
}

/* Without an algorithm a ring, as in Istio: minimumRingSize, 0 and none of which stand for 1024 (C.3). */
static uint32_t ring_size(const struct hdl_dr_consistent_hash *hash)
{
	uint32_t of_ring = hash->ring_hash ? hdl_xl_number(&hash->ring_hash->minimum_ring_size, 0) : 0;

	if (!hash->ring_hash)
		of_ring = hdl_xl_number(&hash->minimum_ring_size, 0);
	return of_ring ? of_ring : DEFAULT_RING_SIZE;
}

/* Without one there is nothing to hash, and endpoints are chosen as if the block were not there. */
static bool has_key(const struct hdl_dr_consistent_hash *hash)
{
	return hash->http_header_name.s || hash->http_cookie || hash->http_query_parameter_name.s ||
	       hash->use_source_ip.value;
}

static void set_hash(struct hdl_xl *xl, struct hdl_xl_cluster *c, const struct hdl_dr_consistent_hash *hash,
		     const struct hdl_resource *res)
{
	struct hdl_ir_cluster *ir = &c->ir;

	ir->policy = hash->maglev ? HDL_POLICY_MAGLEV : HDL_POLICY_RING_HASH;
	ir->table_size = hash->maglev ? table_size(hash, ir->endpoint_count) : ring_size(hash);
	if (hash->http_header_name.s) {
		ir->hash_source = HDL_IR_HASH_HEADER;
		ir->hash_name = hdl_xl_lower(xl, hash->http_header_name.s);
		needs_requests(xl, c, res, hash->pos, "loadBalancer.consistentHash.httpHeaderName");
	} else if (hash->http_cookie) {
		ir->hash_source = HDL_IR_HASH_COOKIE;
		ir->hash_name = hdl_xl_intern(xl, hash->http_cookie->name.s);
		needs_requests(xl, c, res, hash->pos, "loadBalancer.consistentHash.httpCookie");
	} else if (hash->http_query_parameter_name.s) {
		ir->hash_source = HDL_IR_HASH_QUERY;
		ir->hash_name = hdl_xl_intern(xl, hash->http_query_parameter_name.s);
		needs_requests(xl, c, res, hash->pos, "loadBalancer.consistentHash.httpQueryParameterName");
	} else {
		ir->hash_source = HDL_IR_HASH_SOURCE_IP;
		return;
	}
	idle_at_l4(c, res, hash->pos, "consistentHash by a part of the request");
}

/* Once for a block, which many clusters may have. */
static void report_hash(struct hdl_xl *xl, const struct hdl_dr_consistent_hash *hash, const struct hdl_resource *res)
{
	const struct hdl_dr_cookie *cookie = hash->http_cookie;

	if (cookie && cookie->ttl.has && hdl_xl_first_time(xl, "cookie %p", (const void *)hash))
		hdl_xl_report(
			xl->diags, HDL_WARNING, res, cookie->ttl.pos, NULL,
			"httpCookie.ttl is not enforced yet: no cookie is made for a client that sends no %s, and its "
			"requests are spread",
			cookie->name.s);
}

/* Specification C.2; without effect where endpoints are chosen by hash or at random. */
static void set_warmup(struct hdl_ir_cluster *ir, const struct hdl_dr_load_balancer *lb)
{
	const struct hdl_dr_warmup *w = lb->warmup;
	const struct hdl_opt_duration *duration = w ? &w->duration : &lb->warmup_duration_secs;
	double aggression = w && w->aggression.has ? w->aggression.value : 1;
	double percent = w && w->minimum_percent.has ? w->minimum_percent.value : DEFAULT_WARMUP_PERCENT;

	if (!duration->has || duration->ns <= 0 ||
	    (ir->policy != HDL_POLICY_ROUND_ROBIN && ir->policy != HDL_POLICY_LEAST_REQUEST))
		return;
	ir->warmup = (struct hdl_ir_warmup){
		.duration_ns = (uint64_t)duration->ns,
		.aggression = aggression < 65535 ? (uint32_t)(aggression * 65536) : UINT32_MAX,
		.min_percent = (uint8_t)(percent + 0.5),
	};
}

static void set_load_balancer(struct hdl_xl *xl, struct hdl_xl_cluster *c, const struct hdl_xl_service *service,
			      const struct hdl_xl_port *port, const struct policy *policy)
{
	static const enum hdl_policy simple[] = {
		[HDL_DR_LB_UNSPECIFIED] = HDL_POLICY_LEAST_REQUEST,
		[HDL_DR_LB_LEAST_CONN] = HDL_POLICY_LEAST_REQUEST,
		[HDL_DR_LB_RANDOM] = HDL_POLICY_RANDOM,
		[HDL_DR_LB_PASSTHROUGH] = HDL_POLICY_PASSTHROUGH,
		[HDL_DR_LB_ROUND_ROBIN] = HDL_POLICY_ROUND_ROBIN,
		[HDL_DR_LB_LEAST_REQUEST] = HDL_POLICY_LEAST_REQUEST,
	};
	const struct hdl_dr_load_balancer *lb = policy->lb;

	c->ir.hash_name = "";
	c->ir.policy = HDL_POLICY_LEAST_REQUEST;
	if (port->spec->passthrough) {
		c->ir.policy = HDL_POLICY_PASSTHROUGH;
	} else if (lb && lb->consistent_hash && has_key(lb->consistent_hash)) {
		report_hash(xl, lb->consistent_hash, policy->lb_res);
		set_hash(xl, c, lb->consistent_hash, policy->lb_res);
	} else if (lb) {
		c->ir.policy = simple[lb->simple.value];
		set_warmup(&c->ir, lb);
	} else if (service->spec->client_ip_affinity) {
		/* D.4: the Service's own wish counts while no DestinationRule says otherwise */
		c->ir.policy = HDL_POLICY_MAGLEV;
		c->ir.hash_source = HDL_IR_HASH_SOURCE_IP;
		c->ir.table_size = table_size(NULL, c->ir.endpoint_count);
		c->ir.affinity_timeout_s = service->spec->affinity_timeout_s;
	}
}

static uint32_t seconds(const struct hdl_opt_duration *d)
{
	/* the system counts in seconds; less than one is one */
	uint64_t s = d->has ? ((uint64_t)d->ns + HDL_NS_PER_S - 1) / HDL_NS_PER_S : 0;

	return s < INT32_MAX ? (uint32_t)s : INT32_MAX;
}

static void set_keepalive(struct hdl_ir_cluster *ir, const struct hdl_dr_keepalive *k)
{
	if (k)
		ir->keepalive = (struct hdl_ir_keepalive){ true, hdl_xl_number(&k->probes, 0), seconds(&k->time),
							   seconds(&k->interval) };
}

/* All that a block says; what is not set is that of the mesh, or none. */
static void set_limits(struct hdl_xl *xl, struct hdl_xl_cluster *c, const struct policy *policy)
{
	const struct hdl_dr_pool_tcp *tcp = policy->pool ? policy->pool->tcp : NULL;
	const struct hdl_dr_pool_http *http = policy->pool ? policy->pool->http : NULL;
	struct hdl_ir_pool *p = &c->ir.pool;

	set_keepalive(&c->ir, tcp && tcp->tcp_keepalive ? tcp->tcp_keepalive :
			      xl->mesh                  ? xl->mesh->tcp_keepalive :
							  NULL);
	if (tcp) {
		p->max_connections = hdl_xl_number(&tcp->max_connections, 0);
		c->max_connections_res = p->max_connections ? policy->pool_res : NULL;
		c->max_connections_pos = tcp->max_connections.pos;
		p->max_connection_duration_ns = hdl_xl_duration(&tcp->max_connection_duration, 0);
	}
	if (tcp && tcp->tcp_keepalive)
		idle_at_l4(c, policy->pool_res, tcp->tcp_keepalive->pos, "connectionPool.tcp.tcpKeepalive");
	if (tcp && tcp->max_connection_duration.has)
		idle_at_l4(c, policy->pool_res, tcp->max_connection_duration.pos,
			   "connectionPool.tcp.maxConnectionDuration");
	if (!http)
		return;
	p->max_pending_requests = hdl_xl_number(&http->http1_max_pending_requests, 0);
	p->max_requests = hdl_xl_number(&http->http2_max_requests, 0);
	p->max_retries = hdl_xl_number(&http->max_retries, 0);
	p->max_concurrent_streams = hdl_xl_number(&http->max_concurrent_streams, 0);
	if (p->max_requests)
		needs_requests(xl, c, policy->pool_res, http->http2_max_requests.pos,
			       "connectionPool.http.http2MaxRequests");
	if (p->max_retries)
		needs_requests(xl, c, policy->pool_res, http->max_retries.pos, "connectionPool.http.maxRetries");
}

static void set_pool(struct hdl_xl *xl, struct hdl_xl_cluster *c, const struct policy *policy)
{
	const struct hdl_dr_pool_tcp *tcp = policy->pool ? policy->pool->tcp : NULL;
	const struct hdl_dr_pool_http *http = policy->pool ? policy->pool->http : NULL;
	struct hdl_ir_cluster *ir = &c->ir;

	ir->connect_timeout_ns = xl->mesh ? hdl_xl_duration(&xl->mesh->connect_timeout, DEFAULT_CONNECT_TIMEOUT_NS) :
					    DEFAULT_CONNECT_TIMEOUT_NS;
	ir->idle_timeout_ns = DEFAULT_IDLE_TIMEOUT_NS;
	if (tcp && tcp->connect_timeout.has) {
		ir->connect_timeout_ns = (uint64_t)tcp->connect_timeout.ns;
		idle_at_l4(c, policy->pool_res, tcp->connect_timeout.pos, "connectionPool.tcp.connectTimeout");
	}
	if (tcp && tcp->idle_timeout.has) {
		ir->idle_timeout_ns = (uint64_t)tcp->idle_timeout.ns;
		idle_at_l4(c, policy->pool_res, tcp->idle_timeout.pos, "connectionPool.tcp.idleTimeout");
	}
	if (!http)
		return;
	if (http->idle_timeout.has) {
		ir->idle_timeout_ns = (uint64_t)http->idle_timeout.ns;
		needs_requests(xl, c, policy->pool_res, http->idle_timeout.pos, "connectionPool.http.idleTimeout");
	}
	if (http->max_requests_per_connection.value) {
		ir->max_requests_per_connection = (uint32_t)http->max_requests_per_connection.value;
		needs_requests(xl, c, policy->pool_res, http->max_requests_per_connection.pos,
			       "connectionPool.http.maxRequestsPerConnection");
	}
}

/* Specification C.7. */
static void set_outlier(struct hdl_xl *xl, struct hdl_xl_cluster *c, const struct policy *policy)
{
	const struct hdl_dr_outlier *o = policy->outlier;

	if (!o)
		return;
	c->ir.outlier = (struct hdl_ir_outlier){
		.enabled = true,
		.split_local_origin = o->split_external_local_origin_errors.value,
		.consecutive_5xx = hdl_xl_number(&o->consecutive_5xx_errors, 5),
		.consecutive_gateway = hdl_xl_number(&o->consecutive_gateway_errors, 0),
		.consecutive_local_origin = hdl_xl_number(&o->consecutive_local_origin_failures, 5),
		.interval_ns = hdl_xl_duration(&o->interval, 10 * HDL_NS_PER_S),
		.base_ejection_ns = hdl_xl_duration(&o->base_ejection_time, 30 * HDL_NS_PER_S),
		.max_ejection_percent = (uint8_t)hdl_xl_number(&o->max_ejection_percent, 10),
		.min_health_percent = (uint8_t)hdl_xl_number(&o->min_health_percent, 0),
	};
	if (c->ir.outlier.consecutive_5xx || c->ir.outlier.consecutive_gateway)
		needs_requests(xl, c, policy->outlier_res, o->pos, "outlierDetection, which counts 5xx responses,");
}

/* Specification C.4. */
static int set_groups(struct hdl_xl *xl, struct hdl_xl_cluster *c, const struct hdl_xl_service *service,
		      const struct policy *policy)
{
	struct hdl_xl_preference p = hdl_xl_preference(xl, service, policy->lb, policy->outlier != NULL);
	const struct hdl_resource *res = p.by.n                         ? service->res :
					 p.setting == xl->mesh_locality ? xl->mesh_res :
									  policy->lb_res;
	struct hdl_pos pos = p.setting ? p.setting->pos : service->res->pos;
	bool crowded = false;
	int r;

	if (c->ir.policy == HDL_POLICY_PASSTHROUGH)
		return 0;
	if (!p.setting && !p.by.n) { /* the mesh's own habit: what outlierDetection brings */
		res = policy->outlier_res;
		pos = policy->outlier ? policy->outlier->pos : pos;
	}
	r = hdl_xl_group_endpoints(xl, &p, &c->ir, &crowded);
	if (crowded && hdl_xl_first_time(xl, "groups %s", c->ir.name))
		hdl_xl_report(xl->diags, HDL_WARNING, res, pos, NULL,
			      "%s: its endpoints are in more than %d priorities or localities: those beyond are taken "
			      "with the last",
			      c->ir.name, HDL_IR_GROUPS_MAX);
	return r;
}

static void set_origin(struct hdl_xl *xl, struct hdl_ir_cluster *ir, const struct hdl_xl_rule *rule,
		       const struct hdl_xl_subset *subset)
{
	if (subset)
		ir->rule = hdl_xl_origin(xl, subset->res, subset->spec->pos);
	else if (rule && rule->policy)
		ir->rule = hdl_xl_origin(xl, rule->policy_res, rule->policy->pos);
	else if (rule)
		ir->rule = hdl_xl_origin(xl, rule->res, rule->res->destination_rule->host.pos);
}

static int add(struct hdl_xl *xl, const struct hdl_xl_service *service, struct hdl_xl_port *port,
	       const struct hdl_xl_rule *rule, const struct hdl_xl_subset *subset)
{
	struct policy policy = effective(xl, rule, subset, port->spec->port);
	struct hdl_xl_cluster *c = hdl_arena_alloc(xl->arena, sizeof(*c));
	struct hdl_ir_cluster *ir;

	if (!c)
		return -ENOMEM;
	ir = &c->ir;
	ir->fqdn = service->ir.fqdn;
	ir->subset = subset ? hdl_xl_intern(xl, subset->spec->name.s) : "";
	ir->port = port->spec->port;
	ir->service = &service->ir;
	ir->name = hdl_xl_internf(xl, "outbound|%u%s|%s|%s", ir->port,
				  hdl_xl_is_udp(port->spec->protocol) ? "/udp" : "", ir->subset, ir->fqdn);
	/* one of the same name for each view: told apart by its clients */
	ir->client = service->client.ns ? hdl_xl_intern(xl, hdl_xl_client_text(xl, &service->client)) : "";
	ir->name_hash = hdl_hash64(ir->name, strlen(ir->name),
				   hdl_hash64(ir->client, strlen(ir->client), 0) * (ir->client[0] != 0));
	if (hdl_xl_select_endpoints(xl, port, subset ? &subset->spec->labels : NULL, ir) < 0)
		return -ENOMEM;
	set_load_balancer(xl, c, service, port, &policy);
	if (set_groups(xl, c, service, &policy) < 0)
		return -ENOMEM;
	set_pool(xl, c, &policy);
	set_limits(xl, c, &policy);
	set_outlier(xl, c, &policy);
	set_origin(xl, ir, rule, subset);
	port->clusters[port->cluster_count++] = c;
	return 0;
}

static size_t count_subsets(const struct hdl_xl_rule *rule)
{
	size_t n = 0;

	for (const struct hdl_xl_subset *s = rule ? rule->subsets : NULL; s; s = s->next)
		n++;
	return n;
}

int hdl_xl_clusters(struct hdl_xl *xl, struct hdl_xl_service *service, const struct hdl_xl_rule *rule)
{
	size_t n = 1 + count_subsets(rule);

	for (size_t p = 0; p < service->port_count; p++) {
		struct hdl_xl_port *port = &service->ports[p];

		port->clusters = hdl_arena_calloc(xl->arena, n, sizeof(struct hdl_xl_cluster *));
		if (!port->clusters || add(xl, service, port, rule, NULL) < 0)
			return -ENOMEM;
		for (const struct hdl_xl_subset *s = rule ? rule->subsets : NULL; s; s = s->next)
			if (add(xl, service, port, rule, s) < 0)
				return -ENOMEM;
	}
	return 0;
}

const struct hdl_xl_cluster *hdl_xl_find_cluster(const struct hdl_xl_service *service, uint16_t port,
						 const char *subset)
{
	for (size_t p = 0; p < service->port_count; p++)
		for (size_t i = 0;
		     service->ports[p].spec->port == port && !hdl_xl_is_udp(service->ports[p].spec->protocol) &&
		     i < service->ports[p].cluster_count;
		     i++)
			if (strcmp(service->ports[p].clusters[i]->ir.subset, subset) == 0)
				return service->ports[p].clusters[i];
	return NULL;
}
