/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains of calls: retries that multiply, and callers that give up too early (HDL0001, HDL0002, HDL0015).
 *
 * Who calls whom is known from three places: rules whose match.sourceLabels name the pods of a service, the annotation
 * heddle.io/calls of a Service, and chains given by the user. The hop into the first service of a chain is taken by
 * callers that are not known: every rule for it may apply.
 */
#include "analyze/an.h"

#include <stdio.h>
#include <string.h>

#define CALLS "heddle.io/calls"
/* Known calls. Stops a selector that every service has from making a graph of all with all. */
#define EDGES_MAX 50000
#define PRODUCT_MAX 1000000000

struct an_edge {
	struct an_node *from, *to;
	struct an_edge *next_out, *next_in;
};

struct an_node {
	const char *fqdn;
	const struct an_host *host; /* NULL: not in the registry */
	struct an_edge *out, *in;
	/* of the walk: */
	bool seen;
	struct an_edge *next; /* to be walked */
	struct an_node *above;
	/* worst case of a request on its way into it: */
	int64_t product;
	unsigned int asking;       /* hops whose rule says retries itself */
	const struct an_edge *via; /* NULL: callers that are not known */
	const struct hdl_vs_http *rule;
};

struct graph {
	struct an *an;
	struct hdl_xl_map nodes, edges;
	struct an_node **node;
	size_t nodes_n, capacity, edges_n;
	bool limited;
};

/* ---- making ---- */

static struct an_node *node_of(struct graph *g, const char *fqdn, const char *ns)
{
	struct an_node *node = hdl_xl_map_get(&g->nodes, fqdn);

	if (node)
		return node;
	node = hdl_arena_alloc(g->an->arena, sizeof(*node));
	if (!node || hdl_xl_map_put(&g->nodes, g->an->arena, fqdn, node) < 0) {
		g->an->no_memory = true;
		return NULL;
	}
	*node = (struct an_node){ .fqdn = fqdn, .host = an_find_host(g->an, fqdn, ns) };
	if (g->nodes_n == g->capacity) {
		size_t capacity = g->capacity ? g->capacity * 2 : 64;
		struct an_node **more = hdl_arena_calloc(g->an->arena, capacity, sizeof(*more));

		if (!more) {
			g->an->no_memory = true;
			return NULL;
		}
		if (g->nodes_n)
			memcpy(more, g->node, g->nodes_n * sizeof(*more));
		g->node = more;
		g->capacity = capacity;
	}
	g->node[g->nodes_n++] = node;
	return node;
}

static void add_edge(struct graph *g, const char *from, const char *to, const char *ns)
{
	struct an_node *a = node_of(g, from, ns), *b = node_of(g, to, ns);
	const char *key = an_printf(g->an, "%s\n%s", from, to);
	struct an_edge *edge;

	if (!a || !b || a == b || hdl_xl_map_get(&g->edges, key))
		return;
	if (g->edges_n++ >= EDGES_MAX) {
		g->limited = true;
		return;
	}
	edge = hdl_arena_alloc(g->an->arena, sizeof(*edge));
	if (!edge || hdl_xl_map_put(&g->edges, g->an->arena, key, edge) < 0) {
		g->an->no_memory = true;
		return;
	}
	*edge = (struct an_edge){ .from = a, .to = b, .next_out = a->out, .next_in = b->in };
	a->out = edge;
	b->in = edge;
}

/* Pods with these labels are of the service: one set of pairs contains the other. */
static bool labels_name(const struct hdl_resource *service, const struct hdl_kvs *labels)
{
	const struct hdl_kvs *selector = &service->service->selector;

	return selector->n && labels->n && (an_labels_contain(selector, labels) || an_labels_contain(labels, selector));
}

/* Adds calls from the services that the labels name, in ns as far as it is given. How many there are. */
static size_t add_from(struct graph *g, const struct hdl_kvs *labels, const char *ns, const char *to,
		       const char *rule_ns)
{
	size_t found = 0;
	char key[AN_KEY_MAX];

	for (size_t i = 0; i < labels->n && !g->limited; i++) {
		const struct an_list *list;

		snprintf(key, sizeof(key), "%s=%s", labels->at[i].key, labels->at[i].value);
		list = an_list_of(&g->an->selectors, key);
		for (size_t k = 0; list && k < list->n && !g->limited; k++) {
			const struct hdl_resource *service = list->at[k];

			if ((ns && strcmp(service->ns, ns) != 0) || !labels_name(service, labels))
				continue;
			add_edge(g, an_fqdn(g->an, service->name, service->ns), to, rule_ns);
			found++;
		}
	}
	return found;
}

/* The name of the application, by the usual labels; NULL: they do not say it. */
static const char *app_of(const struct hdl_kvs *labels)
{
	static const char *const keys[] = { "app", "app.kubernetes.io/name", "service.istio.io/canonical-name",
					    "k8s-app" };
	const char *value = NULL;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !value; i++)
		value = hdl_kvs_get(labels, keys[i]);
	return value && *value ? value : NULL;
}

/* Without the Services in the files: a host that is called like the application. */
static void add_from_app(struct graph *g, const struct hdl_kvs *labels, const char *ns, const char *to)
{
	const char *app = app_of(labels), *from = app ? an_fqdn(g->an, app, ns) : NULL;

	if (from && hdl_xl_map_get(&g->an->vs_hosts, from))
		add_edge(g, from, to, ns);
}

static void add_callers(struct graph *g, const struct an_vs *vs, const struct hdl_vs_match *m)
{
	for (size_t i = 0; i < vs->spec->hosts.n; i++) {
		if (vs->hosts[i][0] == '*')
			continue;
		if (m->source_namespace.s) {
			if (!add_from(g, &m->source_labels, m->source_namespace.s, vs->hosts[i], vs->res->ns))
				add_from_app(g, &m->source_labels, m->source_namespace.s, vs->hosts[i]);
			continue;
		}
		/* of the same name in several namespaces those beside the rule are meant */
		if (!add_from(g, &m->source_labels, vs->res->ns, vs->hosts[i], vs->res->ns) &&
		    !add_from(g, &m->source_labels, NULL, vs->hosts[i], vs->res->ns))
			add_from_app(g, &m->source_labels, vs->res->ns, vs->hosts[i]);
	}
}

static void from_rules(struct graph *g)
{
	for (size_t i = 0; i < g->an->vs_count && !g->an->no_memory; i++) {
		const struct an_vs *vs = &g->an->vs[i];

		for (size_t k = 0; vs->mesh && k < vs->spec->http.n; k++)
			for (size_t m = 0; m < vs->spec->http.at[k].match.n; m++)
				if (vs->spec->http.at[k].match.at[m].source_labels.n)
					add_callers(g, vs, &vs->spec->http.at[k].match.at[m]);
	}
}

/* The next name of a list with commas, which may have blanks around them; NULL: none is left. */
static const char *next_name(struct an *an, const char **list)
{
	const char *p = *list + strspn(*list, ", \t"), *name;
	size_t n = strcspn(p, ", \t");

	if (!n)
		return NULL;
	name = an_printf(an, "%.*s", (int)n, p);
	*list = p + n;
	return name;
}

static void from_annotation(struct graph *g, const struct hdl_resource *res, const struct hdl_kv *kv)
{
	const char *from = an_fqdn(g->an, res->name, res->ns), *list = kv->value, *name;

	while ((name = next_name(g->an, &list))) {
		const char *to = an_fqdn(g->an, name, res->ns);

		add_edge(g, from, to, res->ns);
		an_check_registered(g->an, res, kv->pos, CALLS, to);
	}
}

static void from_annotations(struct graph *g)
{
	const struct an_list *list = &g->an->kind[HDL_KIND_SERVICE];

	for (size_t i = 0; i < list->n && !g->an->no_memory; i++)
		for (size_t k = 0; k < list->at[i]->annotations.n; k++)
			if (strcmp(list->at[i]->annotations.at[k].key, CALLS) == 0)
				from_annotation(g, list->at[i], &list->at[i]->annotations.at[k]);
}

static void from_options(struct graph *g)
{
	const struct hdl_an_options *options = g->an->options;
	const char *ns = options->default_ns ? options->default_ns : "default";

	for (size_t i = 0; i < options->chain_count && !g->an->no_memory; i++) {
		const char *list = options->chain[i], *from = NULL, *name;

		while ((name = next_name(g->an, &list))) {
			const char *to = an_fqdn(g->an, name, ns);

			if (from)
				add_edge(g, from, to, ns);
			from = to;
		}
	}
}

/* ---- the rules of a hop ---- */

/* The labels name the application that the host is called like: "app: cart" and cart.shop.svc.cluster.local. */
static bool is_called_like(const char *fqdn, const struct hdl_vs_match *m)
{
	const char *app = app_of(&m->source_labels), *ns = m->source_namespace.s;
	size_t name = strcspn(fqdn, ".");

	if (m->source_labels.n && (!app || strlen(app) != name || strncmp(fqdn, app, name) != 0))
		return false;
	return !ns || (fqdn[name] == '.' && strcspn(fqdn + name + 1, ".") == strlen(ns) &&
		       strncmp(fqdn + name + 1, ns, strlen(ns)) == 0);
}

static bool applies(const struct hdl_vs_match *m, const struct an_node *caller)
{
	const struct hdl_resource *service;

	/* in the mesh only */
	if (!caller || m->gateways.n)
		return !m->gateways.n;
	if (!caller->host || caller->host->res->kind != HDL_KIND_SERVICE)
		return is_called_like(caller->fqdn, m);
	service = caller->host->res;
	return (!m->source_namespace.s || strcmp(m->source_namespace.s, service->ns) == 0) &&
	       (!m->source_labels.n || labels_name(service, &m->source_labels));
}

static bool rule_applies(const struct hdl_vs_http *http, const struct an_node *caller)
{
	for (size_t i = 0; i < http->match.n; i++)
		if (applies(&http->match.at[i], caller))
			return true;
	return http->match.n == 0;
}

/* The VirtualService in force for the host in the mesh: the first that names it. */
static const struct an_vs *vs_of(struct graph *g, const struct an_node *node)
{
	const struct an_vs_claim *claim = hdl_xl_map_get(&g->an->vs_hosts, node->fqdn);

	while (claim && (!claim->vs->mesh || !claim->vs->spec->http.n))
		claim = claim->next;
	return claim ? claim->vs : NULL;
}

/* The rule with the most tries; NULL: none, so that nothing is retried. */
static const struct hdl_vs_http *worst_rule(struct graph *g, const struct an_node *node, const struct an_node *caller)
{
	const struct an_vs *vs = vs_of(g, node);
	const struct hdl_vs_http *worst = NULL;
	struct an_tries most = { 0 };

	for (size_t i = 0; vs && i < vs->spec->http.n; i++) {
		const struct hdl_vs_http *http = &vs->spec->http.at[i];
		struct an_tries tries = an_tries_of(g->an, http);

		if (!http->route.n || !rule_applies(http, caller))
			continue;
		if (!worst || tries.retries > most.retries ||
		    (tries.retries == most.retries && tries.explicit_retries && !most.explicit_retries)) {
			worst = http;
			most = tries;
		}
	}
	return worst;
}

/* ---- retries that multiply ---- */

static int64_t times(int64_t a, int64_t b)
{
	return b > PRODUCT_MAX || a > PRODUCT_MAX / (b ? b : 1) ? PRODUCT_MAX : a * b;
}

static void consider(struct graph *g, struct an_node *node, const struct an_edge *via)
{
	const struct an_node *caller = via ? via->from : NULL;
	const struct hdl_vs_http *rule = worst_rule(g, node, caller);
	struct an_tries tries = rule ? an_tries_of(g->an, rule) : (struct an_tries){ 0 };
	int64_t product = times(caller ? caller->product : 1, tries.retries + 1);
	unsigned int asking = (caller ? caller->asking : 0) + tries.explicit_retries;

	if (node->product && product < node->product)
		return;
	if (product == node->product && asking <= node->asking)
		return;
	node->product = product;
	node->asking = asking;
	node->via = via;
	node->rule = rule;
}

/*
 * Walks along the calls from one node and puts the nodes into order[], from its end to its front: then callers stand
 * before those whom they call, but for calls that close a circle.
 */
static size_t walk(struct an_node *node, struct an_node **order, size_t free)
{
	node->seen = true;
	node->next = node->out;
	node->above = NULL;
	while (node) {
		struct an_edge *edge = node->next;

		if (!edge) {
			order[--free] = node;
			node = node->above;
			continue;
		}
		node->next = edge->next_out;
		if (!edge->to->seen) {
			edge->to->seen = true;
			edge->to->next = edge->to->out;
			edge->to->above = node;
			node = edge->to;
		}
	}
	return free;
}

static void solve(struct graph *g)
{
	struct an_node **order = hdl_arena_calloc(g->an->arena, g->nodes_n + 1, sizeof(*order));
	size_t free = g->nodes_n;

	if (!order) {
		g->an->no_memory = true;
		return;
	}
	/* first where calls begin, then what is in circles only */
	for (size_t i = 0; i < g->nodes_n; i++)
		if (!g->node[i]->in)
			free = walk(g->node[i], order, free);
	for (size_t i = 0; i < g->nodes_n; i++)
		if (!g->node[i]->seen)
			free = walk(g->node[i], order, free);
	for (size_t i = 0; i < g->nodes_n && !g->an->no_memory; i++) {
		for (const struct an_edge *edge = order[i]->in; edge; edge = edge->next_in)
			if (edge->from->product)
				consider(g, order[i], edge);
		if (!order[i]->product)
			consider(g, order[i], NULL);
	}
}

static const char *short_name(struct graph *g, const char *fqdn)
{
	size_t n = strlen(fqdn), m = strlen(g->an->domain);

	if (n > m + 5 && strcmp(fqdn + n - m, g->an->domain) == 0)
		return an_printf(g->an, "%.*s", (int)(n - m - 5), fqdn);
	return fqdn;
}

static void place_hop(struct graph *g, struct an_finding *finding, const struct an_node *node)
{
	const struct an_vs *vs = vs_of(g, node);
	struct an_tries tries;

	if (!vs || !node->rule)
		return;
	tries = an_tries_of(g->an, node->rule);
	if (tries.explicit_retries)
		an_place(g->an, finding, vs->res, node->rule->retries->attempts.pos,
			 "calls of %s: retries.attempts: %lld, up to %lld tries", short_name(g, node->fqdn),
			 (long long)tries.retries, (long long)tries.retries + 1);
	else if (tries.retries)
		an_place(g->an, finding, vs->res, node->rule->pos,
			 "calls of %s: no retries, so the default of %lld, up to %lld tries", short_name(g, node->fqdn),
			 (long long)tries.retries, (long long)tries.retries + 1);
}

/* "a -> b -> c", and "3 x 3". */
static void describe(struct graph *g, const struct an_node *last, struct hdl_buf *path, struct hdl_buf *product)
{
	const struct an_node *hop[HDL_AN_CHAIN_MAX + 1];
	size_t n = 0;

	for (const struct an_node *node = last; node && n <= HDL_AN_CHAIN_MAX;
	     node = node->via ? node->via->from : NULL)
		hop[n++] = node;
	while (n--) {
		int64_t tries = hop[n]->rule ? an_tries_of(g->an, hop[n]->rule).retries + 1 : 1;

		hdl_buf_printf(path, "%s%s", path->n ? " -> " : "", short_name(g, hop[n]->fqdn));
		if (tries > 1)
			hdl_buf_printf(product, "%s%lld", product->n ? " x " : "", (long long)tries);
	}
}

static void report_product(struct graph *g, const struct an_node *last)
{
	const struct an_vs *vs = vs_of(g, last);
	struct an_finding finding = { .type = HDL_AN_RETRY_AMPLIFICATION };
	struct hdl_buf path = { 0 }, product = { 0 };

	if (!vs)
		return;
	finding.res = vs->res;
	finding.pos = last->rule->retries ? last->rule->retries->attempts.pos : last->rule->pos;
	describe(g, last, &path, &product);
	finding.text = an_printf(g->an, "Retries multiply to %lldx along the calls %s: %s requests reach %s for one",
				 (long long)last->product, path.p ? path.p : "", product.p ? product.p : "",
				 short_name(g, last->fqdn));
	finding.suggestion = an_printf(g->an,
				       "retries: {attempts: 0} in the rule for %s, and retries at the outermost "
				       "hop only",
				       short_name(g, last->fqdn));
	for (const struct an_node *node = last; node; node = node->via ? node->via->from : NULL)
		place_hop(g, &finding, node);
	if (path.failed || product.failed)
		g->an->no_memory = true;
	hdl_buf_done(&path);
	hdl_buf_done(&product);
	an_say(g->an, &finding);
}

static bool asks(struct graph *g, const struct an_node *node)
{
	return node->rule && an_tries_of(g->an, node->rule).explicit_retries;
}

/* A longer chain of the same kind goes through it. */
static bool goes_on(struct graph *g, const struct an_node *node)
{
	for (const struct an_edge *edge = node->out; edge; edge = edge->next_out)
		if (edge->to->via == edge && asks(g, edge->to))
			return true;
	return false;
}

/* ---- callers that give up too early ---- */

/* The shortest that the callee may take by all rules for this caller; 0: some of them, or all, are not bounded. */
static int64_t inner_bound(struct graph *g, const struct an_edge *edge, const struct hdl_vs_http **ret_rule)
{
	const struct an_vs *vs = vs_of(g, edge->to);
	int64_t least = 0;

	for (size_t i = 0; vs && i < vs->spec->http.n; i++) {
		const struct hdl_vs_http *http = &vs->spec->http.at[i];
		int64_t bound = an_tries_of(g->an, http).bound_ns;

		if (!http->route.n || !rule_applies(http, edge->from) || !bound)
			continue;
		if (!least || bound < least) {
			least = bound;
			*ret_rule = http;
		}
	}
	return least;
}

static void report_timeout(struct graph *g, const struct an_edge *edge, const struct hdl_vs_http *outer,
			   int64_t outer_ns, struct hdl_pos pos, const struct hdl_vs_http *inner, int64_t inner_ns)
{
	const struct an_vs *vs = vs_of(g, edge->from), *inner_vs = vs_of(g, edge->to);
	bool try = pos.line != outer->timeout.pos.line || !outer->timeout.has;
	struct an_finding finding = { .type = HDL_AN_OUTER_TIMEOUT, .res = vs->res, .pos = pos };
	const char *from = short_name(g, edge->from->fqdn), *to = short_name(g, edge->to->fqdn);

	finding.text =
		an_printf(g->an,
			  "%s of %s are given up after %s%s, while %s itself waits up to %s%s for %s: it works on "
			  "for nobody",
			  try ? "Tries" : "Calls", from, an_duration(g->an, outer_ns),
			  try && outer->retries->attempts.value > 0 ? " and repeated" : "", from,
			  an_duration(g->an, inner_ns), inner->timeout.has ? "" : " (its retries counted)", to);
	finding.suggestion = an_printf(g->an, "%s: more than %s here, or a timeout below %s for %s",
				       try ? "perTryTimeout" : "timeout", an_duration(g->an, inner_ns),
				       an_duration(g->an, outer_ns), to);
	an_place(g->an, &finding, vs->res, pos, "calls of %s: %s: %s", from, try ? "retries.perTryTimeout" : "timeout",
		 an_duration(g->an, outer_ns));
	if (inner->timeout.has)
		an_place(g->an, &finding, inner_vs->res, inner->timeout.pos, "calls of %s: timeout: %s", to,
			 an_duration(g->an, inner_ns));
	else
		an_place(g->an, &finding, inner_vs->res, inner->retries->per_try_timeout.pos,
			 "calls of %s: retries.perTryTimeout: %s, %lld tries", to,
			 an_duration(g->an, inner->retries->per_try_timeout.ns),
			 (long long)an_tries_of(g->an, inner).retries + 1);
	an_say(g->an, &finding);
}

static void check_timeouts(struct graph *g, const struct an_edge *edge)
{
	const struct an_vs *vs = vs_of(g, edge->from);
	const struct hdl_vs_http *inner = NULL;
	int64_t inner_ns = inner_bound(g, edge, &inner);

	for (size_t i = 0; vs && inner_ns && i < vs->spec->http.n; i++) {
		const struct hdl_vs_http *outer = &vs->spec->http.at[i];
		struct an_tries tries = an_tries_of(g->an, outer);

		if (!outer->route.n)
			continue;
		if (tries.timeout_ns && tries.timeout_ns < inner_ns)
			report_timeout(g, edge, outer, tries.timeout_ns, outer->timeout.pos, inner, inner_ns);
		else if (tries.per_try_ns && tries.per_try_ns < inner_ns)
			report_timeout(g, edge, outer, tries.per_try_ns, outer->retries->per_try_timeout.pos, inner,
				       inner_ns);
	}
}

void an_chains(struct an *an)
{
	struct graph g = { .an = an };

	from_options(&g);
	from_annotations(&g);
	from_rules(&g);
	solve(&g);
	for (size_t i = 0; i < g.nodes_n && !an->no_memory; i++) {
		const struct an_node *node = g.node[i];

		if (node->asking >= 2 && asks(&g, node) && !goes_on(&g, node))
			report_product(&g, node);
		for (const struct an_edge *edge = node->out; edge; edge = edge->next_out)
			check_timeouts(&g, edge);
	}
	if (g.limited && an->vs_count)
		an_say_limit(an, an->vs[0].res,
			     an_printf(an,
				       "More than %d calls between services are known: those "
				       "beyond are not followed",
				       EDGES_MAX));
}
