/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes of clients (specification A.2, A.4, D.2): what a pod gets at an address, read from the maps as the programs
 * do; ids that stay; records for what differs and no others. On plain memory.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/wait.h>
#include <unistd.h>
#include "dp/client.h"
#include "unit/dp/world.h"

static const struct hdl_dp_capacity small = { .services = 64, .endpoints = 128, .flows = 16 };

struct fixture {
	struct hdl_dp_maps maps;
	struct hdl_publisher *publisher;
	struct hdl_err err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(hdl_dp_maps_memory(&f->maps, &small, &f->err), 0);
	f->publisher = hdl_publisher_new(&f->maps, &f->err);
	assert_non_null(f->publisher);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	hdl_publisher_free(f->publisher);
	hdl_dp_maps_close(&f->maps);
	free(f);
	return 0;
}

/* --- a configuration ----------------------------------------------------------------------------------------------- */

/* Service `echo`: port 80 by cluster 0; clients with app=canary by cluster 1; from namespace `other` by cluster 2. */
struct conf {
	uint8_t range; /* prefix of what `direct` is; 0 = an address */
	bool no_rules, udp, external, node_port, direct, direct_again, internal_local;
	bool view;      /* namespace `blind` sees nothing of it */
	bool private;   /* and nobody else either: the reverse */
	bool elsewhere; /* the pods are on another node */
	bool registry_only;
	unsigned int pods;        /* bit i: pod i is there */
	const char *subnet_first; /* connections to the first address by cluster 3 */
};

static const struct {
	const char *ns, *name, *app;
} pods[] = {
	{ "demo", "plain", "web" },  { "demo", "canary", "canary" }, { "demo", "canary-2", "canary" },
	{ "other", "alien", "web" }, { "other", "both", "canary" },  { "blind", "mole", "web" },
};
#define PODS (sizeof(pods) / sizeof(pods[0]))

static struct hdl_ir_labels app_label(struct hdl_snapshot *s, const char *app)
{
	struct hdl_ir_label *label = world_alloc(s, 1, sizeof(*label));

	*label = (struct hdl_ir_label){ "app", app };
	return (struct hdl_ir_labels){ label, 1 };
}

static const struct hdl_ir_destination *to_cluster(struct hdl_snapshot *s, unsigned int i)
{
	struct hdl_ir_destination *d = world_alloc(s, 1, sizeof(*d));

	*d = (struct hdl_ir_destination){
		.cluster = s->clusters[i], .cluster_name = "c", .weight = 1, .threshold = 1ull << 32
	};
	return d;
}

static void add_rules(struct hdl_snapshot *s, const struct conf *c, struct hdl_ir_service_port *port)
{
	struct hdl_ir_l4_route *routes = world_alloc(s, 3, sizeof(*routes));
	struct hdl_ir_l4_match *match = world_alloc(s, 3, sizeof(*match));
	struct hdl_ir_subnet *subnet = world_alloc(s, 1, sizeof(*subnet));
	size_t n = 0;

	if (c->subnet_first) {
		*subnet = (struct hdl_ir_subnet){ port->service->addresses[0], 128 };
		match[n] = (struct hdl_ir_l4_match){ .subnets = subnet, .subnet_count = 1, .source_namespace = "" };
		routes[n] = (struct hdl_ir_l4_route){ &match[n], 1, to_cluster(s, 3), 1, { .kind = NULL } };
		n++;
	}
	if (!c->no_rules) {
		match[n] = (struct hdl_ir_l4_match){ .source_labels = app_label(s, "canary"), .source_namespace = "" };
		routes[n] = (struct hdl_ir_l4_route){ &match[n], 1, to_cluster(s, 1), 1, { .kind = NULL } };
		n++;
		match[n] = (struct hdl_ir_l4_match){ .source_namespace = "other" };
		routes[n] = (struct hdl_ir_l4_route){ &match[n], 1, to_cluster(s, 2), 1, { .kind = NULL } };
		n++;
	}
	port->l4_routes = routes;
	port->l4_route_count = n;
}

static struct hdl_ir_service_port *add_port(struct hdl_snapshot *s, struct hdl_ir_service *service,
					    enum hdl_ir_protocol protocol)
{
	struct hdl_ir_service_port *port = &service->ports[service->port_count++];

	*port = (struct hdl_ir_service_port){ .service = service,
					      .name = "",
					      .port = 80,
					      .protocol = protocol,
					      .label = HDL_LABEL_L4,
					      .destinations = to_cluster(s, 0),
					      .destination_count = 1 };
	s->service_ports[s->service_port_count++] = port;
	return port;
}

static struct hdl_ir_service *add_service(struct hdl_snapshot *s, const char *fqdn, unsigned int host, size_t n)
{
	struct hdl_ir_service *service = world_alloc(s, 1, sizeof(*service));
	struct hdl_addr *addresses = world_alloc(s, n, sizeof(*addresses));

	for (unsigned int i = 0; i < n; i++)
		addresses[i] = world_v4(172, host + i);
	*service = (struct hdl_ir_service){ .fqdn = fqdn, .ns = "demo", .addresses = addresses, .address_count = n };
	service->ports = world_alloc(s, 4, sizeof(*service->ports));
	s->services[s->service_count++] = service;
	return service;
}

static void add_pods(struct hdl_snapshot *s, const struct conf *c)
{
	s->workloads = world_alloc(s, PODS, sizeof(struct hdl_ir_workload *));
	for (unsigned int i = 0; i < PODS; i++) {
		struct hdl_ir_workload *w = world_alloc(s, 1, sizeof(*w));

		if (!(c->pods & 1u << i))
			continue;
		*w = (struct hdl_ir_workload){ .ns = pods[i].ns,
					       .name = pods[i].name,
					       .labels = app_label(s, pods[i].app),
					       .node = c->elsewhere ? "node-2" : "node-1" };
		s->workloads[s->workload_count++] = w;
	}
}

static void add_view(struct hdl_snapshot *s, const struct conf *c, struct hdl_ir_service *service)
{
	struct hdl_ir_view *view = world_alloc(s, 1, sizeof(*view));
	const struct hdl_ir_view **views = world_alloc(s, 1, sizeof(struct hdl_ir_view *));
	struct hdl_ir_view_port *ports = world_alloc(s, 8, sizeof(*ports));

	*view = (struct hdl_ir_view){ .ns = "blind", .name = "", .ports = ports };
	for (size_t i = 0; i < service->port_count; i++) {
		struct hdl_ir_service_port *seen = world_alloc(s, 1, sizeof(*seen));

		*seen = service->ports[i];
		if (c->private)
			service->ports[i].label = HDL_LABEL_NONE;
		ports[i] = (struct hdl_ir_view_port){ &service->ports[i], c->private ? seen : NULL };
		view->port_count++;
	}
	views[0] = view;
	s->views = views;
	s->view_count = 1;
}

static struct hdl_snapshot *snapshot_of(const struct conf *c)
{
	struct world w = { .cluster = { { true, false, 1, 0 },
					{ true, false, 2, 0 },
					{ true, false, 4, 0 },
					{ true, false, 8, 0 } } };
	struct hdl_snapshot *s = world_snapshot(&w);
	struct hdl_ir_service *service = add_service(s, "echo.demo.svc.cluster.local", 1, 2);
	struct hdl_addr *external = world_alloc(s, 1, sizeof(*external));
	struct hdl_ir_subnet *direct = world_alloc(s, 1, sizeof(*direct));

	s->node.node_name = "node-1";
	s->node.registry_only = c->registry_only;
	service->internal_local = c->internal_local;
	if (c->external) {
		*external = world_v4(192, 1);
		service->external_addresses = external;
		service->external_address_count = 1;
		service->external_local = true;
	}
	*direct = c->range ? (struct hdl_ir_subnet){ hdl_addr_from_v4(htonl(10u << 24)), c->range } :
			     (struct hdl_ir_subnet){ world_v4(10, 77), 128 };
	if (c->direct) {
		service->direct = direct;
		service->direct_count = 1;
	}
	add_rules(s, c, add_port(s, service, HDL_IR_TCP));
	if (c->node_port)
		service->ports[0].node_port = 30080;
	if (c->udp)
		add_port(s, service, HDL_IR_UDP);
	if (c->direct_again) {
		struct hdl_ir_service *headless = add_service(s, "headless.demo.svc.cluster.local", 0, 0);

		headless->direct = direct;
		headless->direct_count = 1;
		add_port(s, headless, HDL_IR_TCP);
	}
	if (c->view || c->private)
		add_view(s, c, service);
	add_pods(s, c);
	return s;
}

static void publish(struct fixture *f, const struct conf *c)
{
	struct hdl_snapshot *s = snapshot_of(c);

	if (hdl_publish(f->publisher, s, &f->err) != 0)
		fail_msg("publish: %s", f->err.text);
	hdl_snapshot_unref(s);
}

/* --- a reader, as the programs read -------------------------------------------------------------------------------- */

static uint32_t number_of(const struct fixture *f, unsigned int pod)
{
	struct hdl_snapshot *s = hdl_publisher_current(f->publisher);

	for (size_t i = 0; i < s->workload_count; i++)
		if (strcmp(s->workloads[i]->name, pods[pod].name) == 0)
			return s->workloads[i]->id;
	return 0;
}

static const struct hdl_client_version *client_of(const struct fixture *f, int pod)
{
	uint32_t number = pod < 0 ? 0 : number_of(f, (unsigned int)pod);
	uint32_t id = number ? hdl_publisher_client(f->publisher, number) : 0;
	const struct hdl_client_version *v = f->maps.client[id].version;
	int at = hdl_core_version(v[0].epoch, v[1].epoch, f->maps.state->epoch);

	if (at < 0 || v[at].workload != (id ? number : 0))
		return NULL;
	return &v[at];
}

static const struct hdl_service_version *find(const struct fixture *f, const struct hdl_vip_key *key)
{
	const struct hdl_service_version *v;
	uint32_t id;
	int at;

	if (hdl_dp_vip_get(&f->maps, key, &id) < 0)
		return NULL;
	v = f->maps.service[id].version;
	at = hdl_core_version(v[0].epoch, v[1].epoch, f->maps.state->epoch);
	if (at < 0 || memcmp(&v[at].key, key, sizeof(*key)) != 0 ||
	    (v[at].label == HDL_LABEL_NONE && !(v[at].flags & HDL_SERVICE_HIDDEN)))
		return NULL;
	return &v[at];
}

/* What a pod (-1: a client that is none) gets: first endpoint of the route's cluster, 0 = nothing, -1 = left as it is. */
static int sees_at(const struct fixture *f, int pod, struct hdl_vip_key key)
{
	const struct hdl_service_version *v = find(f, &key), *own = NULL;
	const struct hdl_client_version *client = client_of(f, pod);
	const struct hdl_cluster_version *c;
	const struct hdl_route_row *row;

	if (v && (v->flags & HDL_SERVICE_CLASSES) && client && client->class_id) {
		key.class_id = client->class_id;
		own = find(f, &key);
	}
	v = own ? own : v;
	if (!v || v->label == HDL_LABEL_NONE)
		return 0;
	if (v->label == HDL_LABEL_DIRECT)
		return -1;
	assert_int_equal(v->route_count, 1);
	row = &f->maps.route[v->route_offset];
	c = f->maps.cluster[row->cluster].version;
	c = &c[hdl_core_version(c[0].epoch, c[1].epoch, f->maps.state->epoch)];
	return f->maps.endpoint[f->maps.slot[c->member[0].offset]].address[0].byte[15];
}

static struct hdl_vip_key echo_key(unsigned int address, uint8_t protocol)
{
	return (struct hdl_vip_key){ .address = world_v4(172, 1 + address), .port = htons(80), .protocol = protocol };
}

static int sees(const struct fixture *f, int pod)
{
	return sees_at(f, pod, echo_key(0, IPPROTO_TCP));
}

static unsigned int records(const struct fixture *f)
{
	struct hdl_vip_key key;
	unsigned int n = 0;

	for (int r = hdl_dp_vip_next(&f->maps, NULL, &key); r == 0; r = hdl_dp_vip_next(&f->maps, &key, &key))
		n++;
	return n;
}

/* --- tests --------------------------------------------------------------------------------------------------------- */

static void rules_about_the_source(void **state)
{
	struct fixture *f = *state;
	struct conf c = { .pods = 0x1f };
	uint32_t canary, both;

	publish(f, &c);
	assert_int_equal(sees(f, -1), 1);
	assert_int_equal(sees(f, 0), 1);
	assert_int_equal(sees(f, 1), 2);
	assert_int_equal(sees(f, 2), 2);
	assert_int_equal(sees(f, 3), 3);
	assert_int_equal(sees(f, 4), 2); /* the first rule that holds */
	assert_int_equal(client_of(f, 0)->class_id, 0);
	assert_int_equal(client_of(f, 1)->class_id, client_of(f, 2)->class_id);
	assert_int_not_equal(client_of(f, 1)->class_id, client_of(f, 4)->class_id);
	assert_true(f->maps.state->flags & HDL_STATE_CLASSES);
	/* two addresses, for all and for three classes */
	assert_int_equal(records(f), 2 * 4);
	canary = client_of(f, 1)->class_id;
	both = client_of(f, 4)->class_id;
	/* others come and go: a class keeps its id */
	c.pods = 0x12;
	publish(f, &c);
	assert_int_equal(client_of(f, 1)->class_id, canary);
	assert_int_equal(client_of(f, 4)->class_id, both);
	assert_int_equal(records(f), 2 * 3);
	assert_int_equal(sees(f, 1), 2);
	/* without rules there are no classes, and after a grace period no hint */
	c.no_rules = true;
	publish(f, &c);
	assert_int_equal(sees(f, 1), 1);
	assert_int_equal(records(f), 2);
	hdl_publisher_reap(f->publisher);
	assert_false(f->maps.state->flags & HDL_STATE_CLASSES);
}

static void a_rule_about_the_address(void **state)
{
	struct fixture *f = *state;
	struct conf c = { .pods = 3, .subnet_first = "yes" };

	publish(f, &c);
	assert_int_equal(sees(f, 0), 4);
	assert_int_equal(sees(f, 1), 4);
	assert_int_equal(sees_at(f, 0, echo_key(1, IPPROTO_TCP)), 1);
	assert_int_equal(sees_at(f, 1, echo_key(1, IPPROTO_TCP)), 2);
	/* only where it makes a difference */
	assert_int_equal(records(f), 3);
}

static void views(void **state)
{
	struct fixture *f = *state;
	struct conf c = { .pods = 0x21, .view = true, .no_rules = true, .direct = true };
	const struct hdl_vip_key direct = { world_v4(10, 77), htons(80), IPPROTO_TCP, 0, 0 };

	publish(f, &c);
	assert_int_equal(sees(f, 0), 1);
	assert_int_equal(sees(f, 5), 0);
	assert_int_equal(sees_at(f, 0, direct), -1);
	assert_int_equal(sees_at(f, 5, direct), 0);
	/* the reverse: most see nothing */
	c.view = false;
	c.private = true;
	publish(f, &c);
	assert_int_equal(sees(f, 0), 0);
	assert_int_equal(sees(f, -1), 0);
	assert_int_equal(sees(f, 5), 1);
	assert_int_equal(sees_at(f, 0, direct), 0);
	assert_int_equal(sees_at(f, 5, direct), -1);
	/* nobody of that view here: no records */
	c.pods = 1;
	publish(f, &c);
	assert_int_equal(records(f), 0);
	c.private = false;
	publish(f, &c);
	assert_int_equal(sees(f, 0), 1);
	assert_int_equal(records(f), 3);
}

/* Users choose names: these two namespaces have one hash of 32 bits. Views of one namespace differ by their labels. */
static void classes_of_their_own(void **state)
{
	static const char *const spaces[] = { "blind", "blind", "n15848", "n89759" };
	struct conf c = { .view = true };
	struct hdl_snapshot *s = snapshot_of(&c);
	struct hdl_ir_view *views = world_alloc(s, 4, sizeof(*views));
	const struct hdl_ir_view **list = world_alloc(s, 4, sizeof(*list));
	struct hdl_ir_workload *made = world_alloc(s, 4, sizeof(*made));
	struct hdl_ir_workload **workloads = world_alloc(s, 4, sizeof(*workloads));
	struct hdl_diff none = { 0 };
	struct hdl_client_input in = { .next = s, .pods = &none, .ports = &none };
	struct hdl_client_table *table;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		views[i] = *s->views[0];
		views[i].ns = spaces[i];
		if (i == 0)
			views[i].selector = app_label(s, "picky");
		made[i] = (struct hdl_ir_workload){ .ns = spaces[i], .name = "p", .node = "node-1", .id = i + 1 };
		made[i].labels = app_label(s, i == 0 ? "picky" : "web");
		list[i] = &views[i];
		workloads[i] = &made[i];
	}
	s->views = list;
	s->view_count = 4;
	s->workloads = workloads;
	s->workload_count = 4;
	assert_int_equal(hdl_client_table_make(&in, &table), 0);
	assert_int_equal(table->class_count, 4);
	assert_int_equal((uint32_t)table->pods[2].identity, (uint32_t)table->pods[3].identity);
	for (unsigned int i = 0; i < 4; i++) {
		const struct hdl_client_class *class = table->classes;

		while (class->id != table->pods[i].class_id)
			class ++;
		assert_ptr_equal(class->view, &views[i]);
	}
	hdl_client_table_free(table);
	hdl_snapshot_unref(s);
}

static void pods_of_other_nodes(void **state)
{
	struct fixture *f = *state;
	struct conf c = { .pods = 3, .elsewhere = true };

	publish(f, &c);
	assert_int_equal(records(f), 2);
	assert_int_equal(hdl_publisher_client(f->publisher, number_of(f, 1)), 0);
	/* one is found here after all */
	assert_int_equal(hdl_publisher_found(f->publisher, number_of(f, 1)), 1);
	publish(f, &c);
	assert_int_equal(sees(f, 1), 2);
	assert_int_equal(records(f), 4);
	assert_int_equal(hdl_publisher_found(f->publisher, number_of(f, 1)), 0);
}

static void places(void **state)
{
	struct fixture *f = *state;
	struct conf c = { .pods = 3, .udp = true, .external = true, .node_port = true, .internal_local = true };
	struct hdl_vip_key external = { world_v4(192, 1), htons(80), IPPROTO_TCP, 0, 0 };
	struct hdl_vip_key node_port = { .port = htons(30080), .protocol = IPPROTO_TCP };
	struct hdl_vip_key inside = echo_key(0, IPPROTO_TCP);

	publish(f, &c);
	assert_int_equal(sees_at(f, 0, echo_key(0, IPPROTO_UDP)), 1);
	assert_int_equal(sees_at(f, 1, echo_key(0, IPPROTO_UDP)), 1);
	assert_int_equal(sees_at(f, 1, external), 2);
	assert_int_equal(sees_at(f, 1, node_port), 2);
	assert_int_equal(find(f, &inside)->flags, HDL_SERVICE_INTERNAL_LOCAL | HDL_SERVICE_CLASSES);
	assert_int_equal(find(f, &external)->flags,
			 HDL_SERVICE_EXTERNAL | HDL_SERVICE_EXTERNAL_LOCAL | HDL_SERVICE_CLASSES);
	assert_int_equal(find(f, &node_port)->flags, find(f, &external)->flags);
	assert_int_equal(f->maps.state->node_port_first, 30080);
	assert_int_equal(f->maps.state->node_port_last, 30080);
	c.node_port = false;
	publish(f, &c);
	assert_null(find(f, &node_port));
	hdl_publisher_reap(f->publisher);
	assert_int_equal(f->maps.state->node_port_last, 0);
}

/* A pod is a member of two headless services: its record stays while one has it. */
static void shared_places(void **state)
{
	struct fixture *f = *state;
	struct conf both = { .direct = true, .direct_again = true, .no_rules = true }, one = both, none = both;
	const struct hdl_vip_key direct = { world_v4(10, 77), htons(80), IPPROTO_TCP, 0, 0 };

	one.direct = false;
	none.direct = none.direct_again = false;
	for (unsigned int i = 0; i < 3; i++) {
		publish(f, &both);
		assert_int_equal(sees_at(f, -1, direct), -1);
		publish(f, &one);
		assert_int_equal(sees_at(f, -1, direct), -1);
		publish(f, &none);
		assert_null(find(f, &direct));
	}
}

/* A range is a key of its own; the hint says which prefixes are looked at, from before the first to after the last. */
static void ranges(void **state)
{
	struct fixture *f = *state;
	struct conf with = { .direct = true, .direct_again = true, .no_rules = true, .range = 104 }, one = with,
		    other = with, none = with;
	struct hdl_vip_key range = { hdl_addr_from_v4(htonl(10u << 24)), htons(80), IPPROTO_TCP, 104, 0 };
	const struct hdl_state *now = f->maps.state;

	one.direct = false;
	other.range = 40;
	none.direct = none.direct_again = false;
	for (unsigned int i = 0; i < 3; i++) {
		publish(f, &with);
		assert_int_equal(sees_at(f, -1, range), -1);
		assert_true(now->prefixes[0] == 0 && now->prefixes[1] == 1ull << (104 - 64));
		publish(f, &one);
		assert_int_equal(sees_at(f, -1, range), -1);
		range.prefix = 0;
		assert_null(find(f, &range));
		range.prefix = 104;
		publish(f, &other);
		assert_null(find(f, &range));
		assert_true(now->prefixes[0] == 1ull << 40 && now->prefixes[1] & 1ull << (104 - 64));
		publish(f, &none);
		publish(f, &none);
		hdl_publisher_reap(f->publisher);
		assert_true(now->prefixes[0] == 0 && now->prefixes[1] == 0);
	}
	assert_int_equal(now->node_port_last, 0);
}

static void who_may_leave_the_registry(void **state)
{
	struct fixture *f = *state;
	struct conf c = { .pods = 3, .no_rules = true, .registry_only = true };

	publish(f, &c);
	assert_int_equal(client_of(f, 0)->flags, HDL_CLIENT_REGISTRY_ONLY);
	assert_int_equal(client_of(f, -1)->flags, 0); /* not for the node's own processes */
	assert_int_equal(f->maps.state->flags, HDL_STATE_REGISTRY_ONLY);
	c.registry_only = false;
	publish(f, &c);
	assert_int_equal(client_of(f, 0)->flags, 0);
	hdl_publisher_reap(f->publisher);
	assert_int_equal(f->maps.state->flags, 0);
}

/* After a restart all is as it was, and the first publication writes nothing. */
static void a_restart_keeps_classes(void **state)
{
	struct fixture *f = *state;
	struct conf c = { .pods = 0x3f, .view = true, .udp = true, .external = true, .node_port = true, .direct = true };
	struct hdl_service *before = malloc(f->maps.service_count * sizeof(*before));
	uint32_t class_id, client;

	assert_non_null(before);
	publish(f, &c);
	class_id = client_of(f, 1)->class_id;
	client = hdl_publisher_client(f->publisher, number_of(f, 1));
	memcpy(before, f->maps.service, f->maps.service_count * sizeof(*before));
	hdl_publisher_free(f->publisher);
	f->publisher = hdl_publisher_new(&f->maps, &f->err);
	assert_non_null(f->publisher);
	assert_int_equal(f->maps.state->node_port_last, 30080);
	publish(f, &c);
	assert_int_equal(client_of(f, 1)->class_id, class_id);
	assert_int_equal(hdl_publisher_client(f->publisher, number_of(f, 1)), client);
	assert_memory_equal(before, f->maps.service, f->maps.service_count * sizeof(*before));
	assert_int_equal(sees(f, 1), 2);
	free(before);
}

/* What all clients get at all places. */
static bool same(const struct fixture *a, const struct fixture *b)
{
	const struct hdl_vip_key keys[] = {
		echo_key(0, IPPROTO_TCP),
		echo_key(1, IPPROTO_TCP),
		echo_key(0, IPPROTO_UDP),
		{ world_v4(192, 1), htons(80), IPPROTO_TCP, 0, 0 },
		{ .port = htons(30080), .protocol = IPPROTO_TCP },
		{ world_v4(10, 77), htons(80), IPPROTO_TCP, 0, 0 },
	};

	for (int pod = -1; pod < (int)PODS; pod++)
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			if (sees_at(a, pod, keys[k]) != sees_at(b, pod, keys[k]))
				return false;
	return records(a) == records(b);
}

static struct conf random_conf(unsigned int i)
{
	uint32_t x = (uint32_t)hdl_hash64(&i, sizeof(i), 0x5eed);
	struct conf c = { .no_rules = x & 1,
			  .udp = x & 2,
			  .external = x & 4,
			  .node_port = x & 8,
			  .direct = x & 16,
			  .direct_again = x & 32,
			  .view = x & 64,
			  .elsewhere = (x & 0x380) == 0x80,
			  .registry_only = x & 0x400,
			  .pods = (x >> 12) & 0x3f,
			  .subnet_first = x & 0x800 ? "yes" : NULL };

	if (!c.view)
		c.private = (x >> 20) & 1;
	return c;
}

/* A first publication of the configuration in maps of its own. */
static void make_fresh(struct fixture *fresh, const struct conf *c)
{
	assert_int_equal(hdl_dp_maps_memory(&fresh->maps, &small, &fresh->err), 0);
	fresh->publisher = hdl_publisher_new(&fresh->maps, &fresh->err);
	assert_non_null(fresh->publisher);
	publish(fresh, c);
}

static void free_fresh(struct fixture *fresh)
{
	hdl_publisher_free(fresh->publisher);
	hdl_dp_maps_close(&fresh->maps);
}

struct death {
	struct fixture *f, after; /* what comes of it */
	struct conf wanted;
	unsigned int steps;
};

/* The daemon dies here: what it leaves is adopted, and the next one makes of it what is wanted; nothing needs repair. */
static void die_here(void *data)
{
	struct death *death = data;
	struct fixture *f = death->f;
	struct hdl_snapshot *s;
	int status;
	pid_t child;

	death->steps++;
	child = fork();
	if (child != 0) {
		assert_int_equal(waitpid(child, &status, 0), child);
		if (status != 0)
			fail_msg("step %u: status %x", death->steps, (unsigned int)status);
		return;
	}
	f->publisher = hdl_publisher_new(&f->maps, &f->err);
	if (!f->publisher)
		_exit(1);
	s = snapshot_of(&death->wanted);
	if (hdl_publish(f->publisher, s, &f->err) != 0)
		_exit(2);
	if (!same(f, &death->after))
		_exit(3);
	if (hdl_publisher_audit(f->publisher)->repaired)
		_exit(4);
	hdl_publisher_reap(f->publisher);
	_exit(f->publisher->service.retired || f->publisher->client.retired ? 5 : 0);
}

static void a_daemon_may_die_at_any_step(void **state)
{
	struct death death = { .f = *state };
	struct conf c = random_conf(1000);

	publish(death.f, &c);
	for (unsigned int i = 1001; i < 1012; i++) {
		death.wanted = random_conf(i);
		make_fresh(&death.after, &death.wanted);
		hdl_publisher_set_step(death.f->publisher, die_here, &death);
		publish(death.f, &death.wanted);
		hdl_publisher_set_step(death.f->publisher, NULL, NULL);
		free_fresh(&death.after);
	}
	assert_true(death.steps > 100);
}

/* Any order of changes ends in what a first publication of the last makes; nothing is left of the others. */
static void any_order(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 400; i++) {
		struct conf c = random_conf(i);
		struct fixture fresh;

		publish(f, &c);
		make_fresh(&fresh, &c);
		if (!same(f, &fresh))
			fail_msg("configuration %u", i);
		free_fresh(&fresh);
	}
	hdl_publisher_reap(f->publisher);
	assert_true(f->publisher->route.linked <= 8);
	assert_int_equal(f->publisher->service.retired, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rules_about_the_source, setup, teardown),
		cmocka_unit_test_setup_teardown(a_rule_about_the_address, setup, teardown),
		cmocka_unit_test_setup_teardown(views, setup, teardown),
		cmocka_unit_test(classes_of_their_own),
		cmocka_unit_test_setup_teardown(pods_of_other_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(places, setup, teardown),
		cmocka_unit_test_setup_teardown(shared_places, setup, teardown),
		cmocka_unit_test_setup_teardown(ranges, setup, teardown),
		cmocka_unit_test_setup_teardown(who_may_leave_the_registry, setup, teardown),
		cmocka_unit_test_setup_teardown(a_restart_keeps_classes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_daemon_may_die_at_any_step, setup, teardown),
		cmocka_unit_test_setup_teardown(any_order, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
