/* SPDX-License-Identifier: Apache-2.0 */
/* Which pods of the node are clients of which class, and for which ports that makes a difference. */
#include "dp/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/hash.h"
#include "heddle/abi_conn.h"

/* --- pointers ------------------------------------------------------------------------------------------------------ */

int hdl_ptrmap_init(struct hdl_ptrmap *map, struct hdl_arena *arena, size_t max)
{
	*map = (struct hdl_ptrmap){ .size = 16 };
	while (map->size < 2 * max)
		map->size *= 2;
	map->key = hdl_arena_calloc(arena, map->size, sizeof(*map->key));
	map->value = hdl_arena_calloc(arena, map->size, sizeof(*map->value));
	return map->key && map->value ? 0 : -ENOMEM;
}

static size_t place_of(const struct hdl_ptrmap *map, const void *key)
{
	size_t i = (size_t)(((uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15u) >> 20) & (map->size - 1);

	while (map->key[i] && map->key[i] != key)
		i = (i + 1) & (map->size - 1);
	return i;
}

bool hdl_ptrmap_add(struct hdl_ptrmap *map, const void *key, const void *value)
{
	size_t i = place_of(map, key);

	if (map->key[i])
		return false;
	map->key[i] = key;
	map->value[i] = value;
	map->count++;
	return true;
}

bool hdl_ptrmap_get(const struct hdl_ptrmap *map, const void *key, const void **ret_value)
{
	size_t i;

	if (map->count == 0)
		return false;
	i = place_of(map, key);
	if (!map->key[i])
		return false;
	*ret_value = map->value[i];
	return true;
}

/* --- conditions about sources -------------------------------------------------------------------------------------- */

static bool is_about_source(const struct hdl_ir_l4_match *match)
{
	return match->source_labels.n || match->source_namespace[0];
}

static bool is_sourced(const struct hdl_ir_service_port *port)
{
	for (size_t i = 0; i < port->l4_route_count; i++)
		for (size_t k = 0; k < port->l4_routes[i].match_count; k++)
			if (is_about_source(&port->l4_routes[i].matches[k]))
				return true;
	return false;
}

struct condition {
	const char *text;
	const struct hdl_ir_l4_match *match;
};

struct conditions {
	struct condition *at;
	size_t n, max;
};

/* Names and values have no control characters. */
static void print_labels(struct hdl_buf *text, const struct hdl_ir_labels *labels)
{
	for (size_t i = 0; i < labels->n; i++)
		hdl_buf_printf(text, "\t%s=%s", labels->v[i].key, labels->v[i].value);
}

static const char *condition_text(struct hdl_arena *arena, const struct hdl_ir_l4_match *match)
{
	struct hdl_buf text = { 0 };
	const char *copy;

	hdl_buf_printf(&text, "\n%s", match->source_namespace);
	print_labels(&text, &match->source_labels);
	copy = text.p ? hdl_arena_strdup(arena, text.p) : NULL;
	hdl_buf_done(&text);
	return copy;
}

static int add_conditions(struct conditions *to, struct hdl_arena *arena, const struct hdl_ir_service_port *port)
{
	for (size_t i = 0; i < port->l4_route_count; i++) {
		for (size_t k = 0; k < port->l4_routes[i].match_count; k++) {
			const struct hdl_ir_l4_match *match = &port->l4_routes[i].matches[k];
			const char *text;

			if (!is_about_source(match))
				continue;
			if (to->n == to->max) {
				size_t max = to->max ? 2 * to->max : 16;
				struct condition *more = reallocarray(to->at, max, sizeof(*more));

				if (!more)
					return -ENOMEM;
				to->at = more;
				to->max = max;
			}
			text = condition_text(arena, match);
			if (!text)
				return -ENOMEM;
			to->at[to->n++] = (struct condition){ text, match };
		}
	}
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct condition *)a)->text, ((const struct condition *)b)->text);
}

static void sort_conditions(struct conditions *c)
{
	size_t kept = 0;

	if (c->n)
		qsort(c->at, c->n, sizeof(*c->at), by_text);
	for (size_t i = 0; i < c->n; i++)
		if (kept == 0 || strcmp(c->at[kept - 1].text, c->at[i].text) != 0)
			c->at[kept++] = c->at[i];
	c->n = kept;
}

static bool meets(const struct hdl_ir_l4_match *match, const struct hdl_ir_workload *pod)
{
	return (!match->source_namespace[0] || strcmp(match->source_namespace, pod->ns) == 0) &&
	       hdl_ir_has_labels(&pod->labels, &match->source_labels);
}

/* --- what concerns clients ----------------------------------------------------------------------------------------- */

static bool may_be_here(const struct hdl_client_input *in, const struct hdl_ir_workload *pod)
{
	const char *name = in->next->node.node_name;

	return !pod->node || !pod->node[0] || !name || !name[0] || strcmp(pod->node, name) == 0 ||
	       (in->is_here && in->is_here(in->data, pod->id));
}

static bool same_labels(const struct hdl_ir_labels *a, const struct hdl_ir_labels *b)
{
	return a->n == b->n && hdl_ir_has_labels(a, b);
}

static bool same_node(const struct hdl_ir_node *a, const struct hdl_ir_node *b)
{
	if (a->registry_only != b->registry_only || a->exempt_count != b->exempt_count ||
	    strcmp(a->node_name ? a->node_name : "", b->node_name ? b->node_name : "") != 0)
		return false;
	for (size_t i = 0; i < a->exempt_count; i++)
		if (strcmp(a->exempt[i].ns, b->exempt[i].ns) != 0 ||
		    !same_labels(&a->exempt[i].labels, &b->exempt[i].labels))
			return false;
	return true;
}

static bool same_views(const struct hdl_snapshot *a, const struct hdl_snapshot *b)
{
	if (a->view_count != b->view_count)
		return false;
	return a->views == b->views || a->view_count == 0 ||
	       memcmp(a->views, b->views, a->view_count * sizeof(*a->views)) == 0;
}

static bool has_sourced(void *const *ports, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_sourced(ports[i]))
			return true;
	return false;
}

static bool has_pod_here(const struct hdl_client_input *in)
{
	for (size_t i = 0; i < in->pods->came_count; i++)
		if (may_be_here(in, in->pods->came[i]))
			return true;
	for (size_t i = 0; i < in->pods->gone_count; i++)
		if (may_be_here(in, in->pods->gone[i]))
			return true;
	return false;
}

/* --- making a table ------------------------------------------------------------------------------------------------ */

struct making {
	const struct hdl_client_input *in;
	struct hdl_client_table *table;
	struct hdl_arena *arena;
	struct conditions conditions;
	bool anew; /* views, conditions or policy are not what they were: every pod is looked at */
	struct hdl_client_pod *pods, *fresh;
	struct hdl_client_class *classes;
	size_t class_max;
};

/* Those of the table before that stay, and those that came; all of the snapshot when there is no table. */
static int collect_sourced(struct making *m)
{
	const struct hdl_client_input *in = m->in;
	size_t max = in->ports->came_count + (in->table ? in->table->sourced_count : 0), n = 0;
	const struct hdl_ir_service_port **list;
	struct hdl_ptrmap gone;
	const void *none;

	list = hdl_arena_calloc(m->arena, max ? max : 1, sizeof(*list));
	if (!list || hdl_ptrmap_init(&gone, m->arena, in->ports->gone_count) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < in->ports->gone_count; i++)
		hdl_ptrmap_add(&gone, in->ports->gone[i], NULL);
	for (size_t i = 0; in->table && i < in->table->sourced_count; i++)
		if (!hdl_ptrmap_get(&gone, in->table->sourced[i], &none))
			list[n++] = in->table->sourced[i];
	for (size_t i = 0; i < in->ports->came_count; i++)
		if (is_sourced(in->ports->came[i]))
			list[n++] = in->ports->came[i];
	m->table->sourced = list;
	m->table->sourced_count = n;
	return 0;
}

/* Views of other nodes' clients count too: that costs a comparison of texts, and spares knowing who is here first. */
static int collect_conditions(struct making *m)
{
	const struct hdl_snapshot *next = m->in->next;
	const char **texts;
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->table->sourced_count; i++)
		r = add_conditions(&m->conditions, m->arena, m->table->sourced[i]);
	for (size_t i = 0; r == 0 && i < next->view_count; i++)
		for (size_t k = 0; r == 0 && k < next->views[i]->port_count; k++)
			if (next->views[i]->ports[k].seen)
				r = add_conditions(&m->conditions, m->arena, next->views[i]->ports[k].seen);
	if (r < 0)
		return r;
	sort_conditions(&m->conditions);
	texts = hdl_arena_calloc(m->arena, m->conditions.n ? m->conditions.n : 1, sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	for (size_t i = 0; i < m->conditions.n; i++)
		texts[i] = m->conditions.at[i].text;
	m->table->conditions = texts;
	m->table->condition_count = m->conditions.n;
	return 0;
}

static bool same_conditions(const struct hdl_client_table *a, const struct hdl_client_table *b)
{
	if (a->condition_count != b->condition_count)
		return false;
	for (size_t i = 0; i < a->condition_count; i++)
		if (strcmp(a->conditions[i], b->conditions[i]) != 0)
			return false;
	return true;
}

static struct hdl_client_class *find_class(const struct making *m, uint32_t id)
{
	for (size_t i = 0; i < m->table->class_count; i++)
		if (m->classes[i].id == id)
			return &m->classes[i];
	return NULL;
}

/* Names are made by users: two that have one hash must not have one class. io_id: the number to begin with. */
static bool has_class(const struct making *m, uint64_t identity, uint32_t *io_id)
{
	for (;; ++*io_id) {
		const struct hdl_client_class *class;

		if (*io_id == 0)
			continue;
		class = find_class(m, *io_id);
		if (!class || class->identity == identity)
			return class != NULL;
	}
}

static int add_class(struct making *m, struct hdl_client_pod *pod, const struct hdl_ir_view *view)
{
	if (pod->identity == 0 || has_class(m, pod->identity, &pod->class_id))
		return 0;
	if (m->table->class_count == m->class_max) {
		size_t max = m->class_max ? 2 * m->class_max : 16;
		struct hdl_client_class *more = hdl_arena_calloc(m->arena, max, sizeof(*more));

		if (!more)
			return -ENOMEM;
		if (m->table->class_count)
			memcpy(more, m->classes, m->table->class_count * sizeof(*more));
		m->classes = more;
		m->class_max = max;
	}
	m->classes[m->table->class_count++] = (struct hdl_client_class){
		.id = pod->class_id, .identity = pod->identity, .view = view, .example = pod->pod
	};
	return 0;
}

/* A view without a port of its own is like none. */
static const struct hdl_ir_view *layer4_view(const struct hdl_ir_client *client)
{
	return client->view && client->view->port_count ? client->view : NULL;
}

static int look_at(struct making *m, struct hdl_client_pod *pod)
{
	struct hdl_ir_client client = hdl_snapshot_client(m->in->next, pod->pod);
	const struct hdl_ir_view *view = layer4_view(&client);
	struct hdl_buf identity = { 0 };
	int r;

	/* views of one namespace without a Sidecar differ by their labels */
	if (view) {
		hdl_buf_printf(&identity, "%s/%s", view->ns, view->name);
		print_labels(&identity, &view->selector);
	}
	for (size_t i = 0; i < m->conditions.n; i++)
		if (meets(m->conditions.at[i].match, pod->pod))
			hdl_buf_adds(&identity, m->conditions.at[i].text);
	pod->flags = client.registry_only ? HDL_CLIENT_REGISTRY_ONLY : 0;
	pod->identity = 0;
	if (identity.n) {
		pod->identity = hdl_hash64(identity.p, identity.n, 0);
		pod->identity += pod->identity == 0;
	}
	pod->class_id = (uint32_t)pod->identity;
	r = identity.failed ? -ENOMEM : add_class(m, pod, view);
	hdl_buf_done(&identity);
	return r;
}

/* A pod that stays keeps its class, when nothing but pods changed. */
static int keep_pod(struct making *m, struct hdl_client_pod *pod)
{
	struct hdl_ir_client client;

	if (pod->identity == 0 || has_class(m, pod->identity, &pod->class_id))
		return 0;
	client = hdl_snapshot_client(m->in->next, pod->pod);
	return add_class(m, pod, layer4_view(&client));
}

static int put_pod(struct making *m, const struct hdl_ir_workload *pod, const struct hdl_client_pod *before)
{
	struct hdl_client_table *t = m->table;
	struct hdl_client_pod *to = &m->pods[t->pod_count++];
	int r;

	if (before && !m->anew) {
		*to = *before;
		r = keep_pod(m, to);
	} else {
		to->pod = pod;
		r = look_at(m, to);
		if (!before || before->class_id != to->class_id || before->flags != to->flags)
			m->fresh[t->fresh_count++] = *to;
	}
	t->registry_only |= (to->flags & HDL_CLIENT_REGISTRY_ONLY) != 0;
	return r;
}

static int room_for_pods(struct making *m, size_t max)
{
	m->pods = hdl_arena_calloc(m->arena, max ? max : 1, sizeof(*m->pods));
	m->fresh = hdl_arena_calloc(m->arena, max ? max : 1, sizeof(*m->fresh));
	return m->pods && m->fresh ? 0 : -ENOMEM;
}

static int collect_all_pods(struct making *m)
{
	const struct hdl_snapshot *next = m->in->next;
	int r = room_for_pods(m, next->workload_count);

	for (size_t i = 0; r == 0 && i < next->workload_count; i++)
		if (may_be_here(m->in, next->workloads[i]))
			r = put_pod(m, next->workloads[i], NULL);
	return r;
}

static int collect_pods(struct making *m)
{
	const struct hdl_client_input *in = m->in;
	struct hdl_ptrmap gone;
	const void *none;
	int r;

	if (!in->table || in->all)
		return collect_all_pods(m);
	r = room_for_pods(m, in->table->pod_count + in->pods->came_count);
	if (r == 0)
		r = hdl_ptrmap_init(&gone, m->arena, in->pods->gone_count);
	for (size_t i = 0; r == 0 && i < in->pods->gone_count; i++)
		hdl_ptrmap_add(&gone, in->pods->gone[i], NULL);
	for (size_t i = 0; r == 0 && i < in->table->pod_count; i++)
		if (!hdl_ptrmap_get(&gone, in->table->pods[i].pod, &none))
			r = put_pod(m, in->table->pods[i].pod, &in->table->pods[i]);
	for (size_t i = 0; r == 0 && i < in->pods->came_count; i++)
		if (may_be_here(in, in->pods->came[i]))
			r = put_pod(m, in->pods->came[i], NULL);
	return r;
}

static int index_view(struct making *m, struct hdl_client_class *class)
{
	const struct hdl_ir_view *view = class->view;
	struct hdl_ptrmap *map;

	for (size_t i = 0; i < m->table->class_count; i++) {
		if (m->classes[i].view == view && m->classes[i].seen) {
			class->seen = m->classes[i].seen;
			return 0;
		}
	}
	map = hdl_arena_calloc(m->arena, 1, sizeof(*map));
	if (!map || hdl_ptrmap_init(map, m->arena, view->port_count) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < view->port_count; i++)
		hdl_ptrmap_add(map, view->ports[i].port, view->ports[i].seen);
	class->seen = map;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const struct hdl_client_class *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int make(struct making *m)
{
	const struct hdl_client_input *in = m->in;
	int r = collect_sourced(m);

	if (r == 0)
		r = collect_conditions(m);
	if (r < 0)
		return r;
	m->anew = !in->table || !same_conditions(in->table, m->table) || !same_views(in->now, in->next) ||
		  !same_node(&in->now->node, &in->next->node);
	r = collect_pods(m);
	if (r < 0)
		return r;
	if (m->table->class_count)
		qsort(m->classes, m->table->class_count, sizeof(*m->classes), by_id);
	for (size_t i = 0; r == 0 && i < m->table->class_count; i++)
		if (m->classes[i].view)
			r = index_view(m, &m->classes[i]);
	m->table->classes = m->classes;
	m->table->pods = m->pods;
	m->table->fresh = m->fresh;
	return r;
}

int hdl_client_table_make(const struct hdl_client_input *in, struct hdl_client_table **ret)
{
	struct making m = { .in = in };
	int r = -ENOMEM;

	*ret = NULL;
	if (in->table && !in->all && same_views(in->now, in->next) && same_node(&in->now->node, &in->next->node) &&
	    !has_pod_here(in) && !has_sourced(in->ports->gone, in->ports->gone_count) &&
	    !has_sourced(in->ports->came, in->ports->came_count))
		return 0;
	m.table = calloc(1, sizeof(*m.table));
	if (m.table)
		m.arena = m.table->arena = hdl_arena_new(0);
	if (m.arena)
		r = make(&m);
	free(m.conditions.at);
	if (r < 0) {
		hdl_client_table_free(m.table);
		return r;
	}
	*ret = m.table;
	return 0;
}

struct hdl_client_table *hdl_client_table_free(struct hdl_client_table *table)
{
	if (table && table->arena)
		hdl_arena_free(table->arena);
	free(table);
	return NULL;
}

/* --- what it means for ports --------------------------------------------------------------------------------------- */

const struct hdl_ir_service_port *hdl_client_seen(const struct hdl_client_class *class,
						  const struct hdl_ir_service_port *port)
{
	const struct hdl_ir_service_port *seen = port;
	const void *value;

	if (class && class->seen && hdl_ptrmap_get(class->seen, port, &value))
		seen = value;
	return seen && seen->label != HDL_LABEL_NONE ? seen : NULL;
}

bool hdl_client_matters(const struct hdl_client_table *table, const struct hdl_ir_service_port *port)
{
	const void *none;

	if (!table || table->class_count == 0)
		return false;
	if (is_sourced(port))
		return true;
	for (size_t i = 0; i < table->class_count; i++)
		if (table->classes[i].seen && hdl_ptrmap_get(table->classes[i].seen, port, &none))
			return true;
	return false;
}

struct changed {
	struct hdl_arena *arena;
	struct hdl_ptrmap listed; /* and those of the diff */
	const struct hdl_ir_service_port **list;
	size_t n, max;
	bool failed;
};

static void add_changed(struct changed *c, const struct hdl_ir_service_port *port)
{
	if (c->failed || !hdl_ptrmap_add(&c->listed, port, NULL))
		return;
	if (c->n == c->max) {
		c->failed = true;
		return;
	}
	c->list[c->n++] = port;
}

/* Ports that are in `a` and not the same in `b` (NULL: nothing is the same). */
static void add_difference(struct changed *c, const struct hdl_client_class *a, const struct hdl_client_class *b)
{
	const void *other;

	if (!a->view || (b && a->view == b->view))
		return;
	for (size_t i = 0; i < a->view->port_count; i++) {
		const struct hdl_ir_view_port *p = &a->view->ports[i];

		if (!b || !b->seen || !hdl_ptrmap_get(b->seen, p->port, &other) || other != p->seen)
			add_changed(c, p->port);
	}
}

static const struct hdl_client_class *class_of(const struct hdl_client_table *table, uint32_t id)
{
	struct hdl_client_class key = { .id = id };

	return table && table->class_count ? bsearch(&key, table->classes, table->class_count, sizeof(key), by_id) :
					     NULL;
}

static size_t count_ports(const struct hdl_client_table *table)
{
	size_t n = 0;

	for (size_t i = 0; table && i < table->class_count; i++)
		n += table->classes[i].view ? table->classes[i].view->port_count : 0;
	return n;
}

int hdl_client_changed_ports(const struct hdl_client_table *now, const struct hdl_client_table *next,
			     const struct hdl_diff *ports, struct hdl_arena *arena,
			     const struct hdl_ir_service_port ***ret, size_t *ret_count)
{
	struct changed c = { .arena = arena };
	bool other_classes = false;

	c.max = count_ports(now) + count_ports(next) + next->sourced_count;
	c.list = hdl_arena_calloc(arena, c.max ? c.max : 1, sizeof(*c.list));
	if (!c.list || hdl_ptrmap_init(&c.listed, arena, c.max + ports->came_count + ports->gone_count) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < ports->gone_count; i++)
		hdl_ptrmap_add(&c.listed, ports->gone[i], NULL);
	for (size_t i = 0; i < ports->came_count; i++)
		hdl_ptrmap_add(&c.listed, ports->came[i], NULL);
	for (size_t i = 0; now && i < now->class_count; i++) {
		const struct hdl_client_class *after = class_of(next, now->classes[i].id);

		other_classes |= !after;
		add_difference(&c, &now->classes[i], after);
	}
	for (size_t i = 0; i < next->class_count; i++) {
		const struct hdl_client_class *before = class_of(now, next->classes[i].id);

		other_classes |= !before;
		add_difference(&c, &next->classes[i], before);
	}
	for (size_t i = 0; other_classes && i < next->sourced_count; i++)
		add_changed(&c, next->sourced[i]);
	if (c.failed)
		return -ENOMEM;
	*ret = c.list;
	*ret_count = c.n;
	return 0;
}
