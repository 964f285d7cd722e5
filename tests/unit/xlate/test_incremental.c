/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A translator that lives on against one that begins anew: after any edits both say the same, byte for byte; what did
 * not change stays the same object; snapshots say what changed; older snapshots stay as they were.
 */
#include "unit/unit.h"
#include "xlate/xlate.h"

#include "unit/xlate/edits.h"

#include <errno.h>
#include <stdlib.h>

#include "base/addr.h"

#define OLD 4

/* A snapshot that somebody still uses, and what it said when it was new. */
struct old {
	struct hdl_snapshot *snapshot;
	struct hdl_buf text;
};

static void print_diags(const struct hdl_diags *diags, struct hdl_buf *buf)
{
	for (size_t i = 0; i < diags->n; i++) {
		hdl_diag_print(buf, &diags->at[i]);
		hdl_buf_adds(buf, "\n");
	}
}

/* As assert_string_equal, and shows the place. */
static void check_same(const struct hdl_buf *got, const struct hdl_buf *expected)
{
	const char *g = got->p ? got->p : "", *x = expected->p ? expected->p : "";
	size_t i = 0, line = 0;

	for (; g[i] && g[i] == x[i]; i++)
		line = g[i] == '\n' ? i + 1 : line;
	if (g[i] != x[i])
		print_error("got:\n%.600s\nexpected:\n%.600s\n", g + line, x + line);
	assert_int_equal(g[i], x[i]);
}

static void drop(struct old *old)
{
	struct hdl_buf now = { 0 };

	if (!old->snapshot)
		return;
	hdl_snapshot_dump(old->snapshot, &now);
	check_same(&now, &old->text);
	hdl_buf_done(&now);
	hdl_buf_done(&old->text);
	old->snapshot = hdl_snapshot_unref(old->snapshot);
}

static const struct hdl_ir_service_port *dialled(const struct hdl_snapshot *s, const struct hdl_addr *address,
						 uint16_t number, const struct hdl_ir_service_port *port)
{
	return port->protocol == HDL_IR_UDP ? hdl_snapshot_find_udp(s, address, number) :
					      hdl_snapshot_find_vip(s, address, number);
}

/* Each address, also an external one, and each NodePort, is of one port. */
static void check_port(const struct hdl_snapshot *s, const struct hdl_ir_service_port *port)
{
	const struct hdl_ir_service *service = port->service;
	const struct hdl_addr zero = { 0 };

	assert_true(port->id != 0);
	for (size_t a = 0; a < service->address_count; a++)
		assert_ptr_equal(dialled(s, &service->addresses[a], port->port, port), port);
	for (size_t a = 0; a < service->external_address_count; a++)
		assert_ptr_equal(dialled(s, &service->external_addresses[a], port->port, port), port);
	if (port->node_port)
		assert_ptr_equal(dialled(s, &zero, port->node_port, port), port);
}

/* Ports of views are of this snapshot, and each is another than what all get. */
static void check_view(const struct hdl_snapshot *s, const struct hdl_ir_view *view)
{
	for (size_t i = 0; i < view->port_count; i++) {
		const struct hdl_ir_view_port *p = &view->ports[i];
		bool found = false;

		for (size_t k = 0; k < s->service_port_count; k++)
			found |= s->service_ports[k] == p->port;
		assert_true(found);
		assert_ptr_equal(hdl_ir_seen_port(view, p->port), p->seen);
		assert_true(!p->seen || (p->seen->port == p->port->port && p->seen->service == p->port->service &&
					 p->seen->id == p->port->id));
	}
}

static void check_look_ups(const struct hdl_snapshot *s)
{
	for (size_t i = 0; i < s->view_count; i++)
		check_view(s, s->views[i]);
	for (size_t i = 0; i < s->workload_count; i++)
		for (int f = 0; f < HDL_FAMILIES; f++)
			if (!hdl_addr_is_zero(&s->workloads[i]->address[f]))
				assert_ptr_equal(hdl_snapshot_find_workload(s, &s->workloads[i]->address[f]),
						 s->workloads[i]);
	for (size_t i = 0; i < s->cluster_count; i++)
		if (!s->clusters[i]->client[0])
			assert_ptr_equal(hdl_snapshot_find_cluster(s, s->clusters[i]->name), s->clusters[i]);
	for (size_t i = 0; i < s->service_port_count; i++)
		check_port(s, s->service_ports[i]);
	for (size_t i = 0; i < s->workload_count; i++) {
		const struct hdl_ir_view *view = hdl_snapshot_find_view(s, s->workloads[i]);

		assert_true(!view || strcmp(view->ns, s->workloads[i]->ns) == 0);
	}
}

static bool has(void *const *list, size_t n, const void *object)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == object)
			return true;
	return false;
}

struct lists {
	void *const *before, *const *after;
	size_t before_n, after_n;
	size_t gone, come; /* by the changes */
};

static void check_change(struct lists *l, const void *before, const void *after)
{
	assert_true(before != after);
	if (before) {
		assert_true(has(l->before, l->before_n, before));
		assert_false(has(l->after, l->after_n, before));
		l->gone++;
	}
	if (after) {
		assert_false(has(l->before, l->before_n, after));
		assert_true(has(l->after, l->after_n, after));
		l->come++;
	}
}

/* All differences are told, and no more. */
static void check_counts(const struct lists *l)
{
	size_t gone = 0, come = 0;

	for (size_t i = 0; i < l->before_n; i++)
		gone += !has(l->after, l->after_n, l->before[i]);
	for (size_t i = 0; i < l->after_n; i++)
		come += !has(l->before, l->before_n, l->after[i]);
	assert_int_equal(gone, l->gone);
	assert_int_equal(come, l->come);
}

static void check_changes(const struct hdl_snapshot *b, const struct hdl_snapshot *s)
{
	const struct hdl_ir_changes *c = &s->changes;
	struct lists w = {
		(void *const *)b->workloads, (void *const *)s->workloads, b->workload_count, s->workload_count, 0, 0
	};
	struct lists v = {
		(void *const *)b->services, (void *const *)s->services, b->service_count, s->service_count, 0, 0
	};
	struct lists k = {
		(void *const *)b->clusters, (void *const *)s->clusters, b->cluster_count, s->cluster_count, 0, 0
	};

	assert_true(c->base == 0 || c->base == b->generation);
	if (c->base == 0)
		return;
	for (size_t i = 0; i < c->workload_count; i++)
		check_change(&w, c->workloads[i].before, c->workloads[i].after);
	for (size_t i = 0; i < c->service_count; i++) {
		check_change(&v, c->services[i].before, c->services[i].after);
		if (c->services[i].before && c->services[i].after)
			assert_string_equal(c->services[i].before->fqdn, c->services[i].after->fqdn);
	}
	for (size_t i = 0; i < c->cluster_count; i++)
		check_change(&k, c->clusters[i].before, c->clusters[i].after);
	check_counts(&w);
	check_counts(&v);
	check_counts(&k);
	/* an unchanged list is the same one */
	assert_true((c->workload_count == 0) == (b->workloads == s->workloads));
	assert_true((c->service_count == 0) == (b->services == s->services));
	assert_true((c->cluster_count == 0) == (b->clusters == s->clusters));
}

static void check_against_anew(const struct hdl_resource_list *list, const struct hdl_snapshot *s,
			       const struct hdl_diags *diags, struct hdl_buf *ret_text)
{
	struct hdl_buf expected = { 0 }, expected_diags = { 0 }, got_diags = { 0 };
	struct hdl_diags all = { 0 };
	struct hdl_snapshot *anew;

	assert_int_equal(hdl_xlate(list->at, list->n, NULL, &all, &anew), 0);
	hdl_snapshot_dump(anew, &expected);
	hdl_snapshot_dump(s, ret_text);
	check_same(ret_text, &expected);
	print_diags(&all, &expected_diags);
	print_diags(diags, &got_diags);
	check_same(&got_diags, &expected_diags);
	assert_int_equal(diags->errors, all.errors);
	assert_int_equal(diags->warnings, all.warnings);
	hdl_snapshot_unref(anew);
	hdl_diags_done(&all);
	hdl_buf_done(&expected);
	hdl_buf_done(&expected_diags);
	hdl_buf_done(&got_diags);
}

static void step(struct edits *e, struct hdl_xlator *x, struct old *old, struct old *last)
{
	struct hdl_resource_list *list;
	struct hdl_diags diags = { 0 };
	struct hdl_snapshot *s;
	struct old now = { 0 };

	assert_int_equal(hdl_resource_store_commit(e->store, &list), 0);
	assert_int_equal(hdl_xlator_run(x, list->at, list->n, list, &diags, &s), 0);
	now.snapshot = s;
	check_against_anew(list, s, &diags, &now.text);
	hdl_resource_list_unref(list);
	check_look_ups(s);
	if (last->snapshot)
		check_changes(last->snapshot, s);
	/* the last one lives on for a while, or not */
	if (edit_draw(e, 2)) {
		unsigned int i = edit_draw(e, OLD);

		drop(&old[i]);
		old[i] = *last;
	} else {
		drop(last);
	}
	*last = now;
	hdl_diags_done(&diags);
}

#define SEEDS 12
#define STEPS 150

static void same_as_anew(void **state)
{
	size_t built = 0, steps = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct hdl_xlator *x = hdl_xlator_new(NULL);
		struct old old[OLD] = { 0 }, last = { 0 };
		struct edits e;

		assert_non_null(x);
		edit_begin(&e, seed);
		for (unsigned int i = 0; i < STEPS; i++) {
			step(&e, x, old, &last);
			built += i ? hdl_xlator_built(x) : 0;
			steps += i ? 1 : 0;
			for (unsigned int n = edit_draw(&e, 8) ? 1 : 5; n; n--)
				edit_any(&e);
		}
		/* snapshots outlive the translator */
		if (seed % 2)
			hdl_xlator_free(x);
		drop(&last);
		for (int i = 0; i < OLD; i++)
			drop(&old[i]);
		if (seed % 2 == 0)
			hdl_xlator_free(x);
		hdl_resource_store_free(e.store);
	}
	/* there are some 60 units */
	assert_true(built / steps < 20);
}

/* ---- what is shared ---- */

struct world {
	struct hdl_resource_store *store;
	struct hdl_xlator *x;
	struct hdl_snapshot *before, *now;
};

static void put(struct world *w, const char *path, const char *text)
{
	assert_int_equal(hdl_resource_store_put(w->store, path, hdl_str_of(text)), 0);
}

/* Translates what is in the store; returns how many units were made. */
static size_t next(struct world *w)
{
	struct hdl_resource_list *list;
	struct hdl_diags diags = { 0 };

	hdl_snapshot_unref(w->before);
	w->before = w->now;
	assert_int_equal(hdl_resource_store_commit(w->store, &list), 0);
	assert_int_equal(hdl_xlator_run(w->x, list->at, list->n, list, &diags, &w->now), 0);
	hdl_resource_list_unref(list);
	hdl_diags_done(&diags);
	return hdl_xlator_built(w->x);
}

static struct hdl_ir_cluster *cluster(const struct hdl_snapshot *s, const char *service)
{
	char name[100];

	snprintf(name, sizeof(name), "outbound|80||%s.default.svc.cluster.local", service);
	return hdl_snapshot_find_cluster(s, name);
}

static bool shares_cluster(const struct world *w, const char *service)
{
	return cluster(w->before, service) == cluster(w->now, service);
}

static const struct hdl_ir_vhost *vhost(const struct hdl_snapshot *s, const char *service)
{
	for (size_t i = 0; i < s->service_port_count; i++)
		if (strcmp(s->service_ports[i]->service->name, service) == 0)
			return s->service_ports[i]->vhost;
	return NULL;
}

static bool shares_vhost(const struct world *w, const char *service)
{
	return vhost(w->before, service) == vhost(w->now, service);
}

static uint32_t id(const struct hdl_snapshot *s, const char *service)
{
	for (size_t i = 0; i < s->service_port_count; i++)
		if (strcmp(s->service_ports[i]->service->name, service) == 0)
			return s->service_ports[i]->id;
	return 0;
}

#define SERVICE(name, ip)                                             \
	"apiVersion: v1\nkind: Service\nmetadata: {name: " name "}\n" \
	"spec: {clusterIP: 10.0.0." ip ", ports: [{name: http, port: 80}]}\n"
#define SLICE(service, ip)                                                                     \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"                               \
	"metadata: {name: e-" service ", labels: {kubernetes.io/service-name: " service "}}\n" \
	"addressType: IPv4\nports: [{name: http, port: 80}]\nendpoints: [{addresses: [10.1.0." ip "]}]\n"
#define ROUTE(weight)                                                                       \
	"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\n"   \
	"spec: {hosts: [a], http: [{route: [{destination: {host: a}, weight: " weight "}, " \
	"{destination: {host: b}, weight: 10}]}]}\n"
#define POD(name, ip, version)                                                                    \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: " name ", labels: {version: " version "}}\n" \
	"status: {podIP: 10.1.0." ip "}\n"

/* The routes of service a lead to a and b; c has nothing to do with them. */
static void begin(struct world *w)
{
	*w = (struct world){ .store = hdl_resource_store_new(), .x = hdl_xlator_new(NULL) };
	put(w, "a", SERVICE("a", "1") "---\n" SERVICE("b", "2") "---\n" SERVICE("c", "3"));
	put(w, "e-a", SLICE("a", "1"));
	put(w, "e-b", SLICE("b", "2"));
	put(w, "e-c", SLICE("c", "3"));
	put(w, "p-b", POD("b", "2", "v1"));
	put(w, "r", ROUTE("90"));
	next(w);
}

static void shares_the_rest(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	assert_int_equal(w.now->changes.base, 0);
	/* nothing at all */
	assert_int_equal(next(&w), 0);
	assert_true(w.now->services == w.before->services && w.now->route_configs == w.before->route_configs &&
		    w.now->workloads == w.before->workloads && w.now->clusters == w.before->clusters);
	/* an endpoint: its cluster, the services that lead there, their routes; whether all clients see the same there */
	put(&w, "e-b", SLICE("b", "4"));
	assert_int_equal(next(&w), 5);
	assert_true(shares_cluster(&w, "a") && !shares_cluster(&w, "b") && shares_cluster(&w, "c"));
	assert_true(!shares_vhost(&w, "a") && !shares_vhost(&w, "b") && shares_vhost(&w, "c"));
	assert_true(w.now->workloads == w.before->workloads);
	assert_int_equal(w.now->changes.cluster_count, 1);
	assert_int_equal(w.now->changes.service_count, 2);
	assert_int_equal(w.now->changes.vhost_count, 2);
	assert_int_equal(id(w.now, "b"), id(w.before, "b"));
	put(&w, "e-b", SLICE("b", "2"));
	next(&w);
	/* a weight: the VirtualService, its routes, its service */
	put(&w, "r", ROUTE("50"));
	assert_int_equal(next(&w), 4);
	assert_true(w.now->clusters == w.before->clusters);
	assert_true(!shares_vhost(&w, "a") && shares_vhost(&w, "b") && shares_vhost(&w, "c"));
	assert_int_equal(w.now->changes.service_count, 1);
	/* a pod: itself, the service whose endpoint it is, and as above */
	put(&w, "p-b", POD("b", "2", "v2"));
	assert_int_equal(next(&w), 6);
	assert_true(shares_cluster(&w, "a") && !shares_cluster(&w, "b"));
	assert_int_equal(w.now->changes.workload_count, 1);
	assert_non_null(w.now->changes.workloads[0].before);
	assert_non_null(w.now->changes.workloads[0].after);
	/* a pod that nobody has */
	put(&w, "p-x", POD("x", "9", "v1"));
	assert_int_equal(next(&w), 1);
	assert_true(w.now->clusters == w.before->clusters && w.now->services == w.before->services);
	hdl_snapshot_unref(w.before);
	hdl_snapshot_unref(w.now);
	hdl_xlator_free(w.x);
	hdl_resource_store_free(w.store);
}

#define TCP(name, ip, more)                                           \
	"apiVersion: v1\nkind: Service\nmetadata: {name: " name "}\n" \
	"spec: {clusterIP: 10.0.1." ip ", ports: [{name: tcp, port: 80" more "}]}\n"
#define TCP_RULE(subnet)                                                                  \
	"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: t}\n" \
	"spec: {hosts: [t], tcp: [{match: [{destinationSubnets: [" subnet                 \
	"]}], route: [{destination: {host: u}}]}]}\n"
#define OF_M(policy)                                                                                           \
	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: u, namespace: m}\nspec: " \
	"{host: u.default.svc.cluster.local, trafficPolicy: {loadBalancer: {simple: " policy "}}}\n"

static const struct hdl_ir_view *view_of(const struct hdl_snapshot *s, const char *ns)
{
	for (size_t i = 0; i < s->view_count; i++)
		if (strcmp(s->views[i]->ns, ns) == 0)
			return s->views[i];
	return NULL;
}

/* Layer 4: t leads to u for some connections; v has nothing to do with them. */
static void layer_4_costs_what_it_touches(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	put(&w, "t", TCP("t", "1", "") "---\n" TCP("v", "3", ", nodePort: 30001"));
	put(&w, "u", TCP("u", "2", ""));
	put(&w, "tr", TCP_RULE("10.0.1.0/24"));
	put(&w, "m", OF_M("RANDOM"));
	next(&w);
	assert_int_equal(view_of(w.now, "m")->port_count, 2); /* u, and t, of which it is a destination */
	/* a tcp rule: the VirtualService's own hosts, its service */
	put(&w, "tr", TCP_RULE("10.0.1.1"));
	assert_int_equal(next(&w), 3); /* and what it leads to */
	assert_int_equal(w.now->changes.service_count, 1);
	assert_int_equal(w.now->changes.cluster_count, 0);
	assert_true(view_of(w.now, "m") != view_of(w.before, "m"));
	/* a NodePort: backend and front of the service, and who leads there */
	put(&w, "u", TCP("u", "2", ", nodePort: 30002"));
	assert_int_equal(next(&w), 4);
	assert_int_equal(w.now->changes.service_count, 2);
	/* one that v has: v, which asks whose it is, and nobody else */
	put(&w, "u", TCP("u", "2", ", nodePort: 30001"));
	assert_int_equal(next(&w), 6);
	put(&w, "u", TCP("u", "2", ""));
	next(&w);
	/* what is for clients of m: the rule, backend, front, and who leads there */
	put(&w, "m", OF_M("ROUND_ROBIN"));
	assert_int_equal(next(&w), 5);
	assert_true(view_of(w.now, "m") != view_of(w.before, "m"));
	/* nothing of it */
	put(&w, "p-x", POD("x", "9", "v1"));
	assert_int_equal(next(&w), 1);
	assert_ptr_equal(view_of(w.now, "m"), view_of(w.before, "m"));
	assert_true(w.now->views == w.before->views);
	hdl_snapshot_unref(w.before);
	hdl_snapshot_unref(w.now);
	hdl_xlator_free(w.x);
	hdl_resource_store_free(w.store);
}

/* What the resources of a change cannot carry is refused as when all is new, and the next run goes on. */
static void too_large(void **state)
{
	const struct hdl_xlate_options options = { .bytes_max = 1 << 20 };
	struct hdl_buf text = { 0 };
	struct hdl_resource_list *list;
	struct hdl_diags diags = { 0 };
	struct hdl_snapshot *s;
	struct world w;

	(void)state;
	begin(&w);
	hdl_xlator_free(w.x);
	w.x = hdl_xlator_new(&options);
	next(&w);
	hdl_buf_adds(&text, "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\n"
			    "spec:\n  host: a\n  subsets:\n");
	for (int i = 0; i < 3000; i++)
		hdl_buf_printf(&text, "  - {name: v%d}\n", i);
	put(&w, "d", text.p);
	hdl_buf_done(&text);
	assert_int_equal(hdl_resource_store_commit(w.store, &list), 0);
	assert_int_equal(hdl_xlator_run(w.x, list->at, list->n, list, &diags, &s), -E2BIG);
	assert_string_equal(diags.at[diags.n - 1].name, "a");
	hdl_diags_done(&diags);
	hdl_resource_list_unref(list);
	hdl_resource_store_delete(w.store, "d");
	assert_true(next(&w) > 10);
	assert_int_equal(next(&w), 0);
	hdl_snapshot_unref(w.before);
	hdl_snapshot_unref(w.now);
	hdl_xlator_free(w.x);
	hdl_resource_store_free(w.store);
}

/* Snapshots that are let go: a translator that runs for long does not grow. */
static void stays_small(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	for (int i = 0; i < 5000; i++) {
		put(&w, "e-b", i % 2 ? SLICE("b", "4") : SLICE("b", "2"));
		put(&w, "r", i % 3 ? ROUTE("50") : ROUTE("60"));
		next(&w);
	}
	/* far less than 5000 versions take, far more than two */
	assert_true(hdl_xlator_bytes(w.x) < 200000);
	hdl_snapshot_unref(w.before);
	hdl_snapshot_unref(w.now);
	hdl_xlator_free(w.x);
	hdl_resource_store_free(w.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_the_rest), cmocka_unit_test(layer_4_costs_what_it_touches),
		cmocka_unit_test(too_large),       cmocka_unit_test(stays_small),
		cmocka_unit_test(same_as_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
