/* SPDX-License-Identifier: Apache-2.0 */
/* Delegation as Istio merges it: blocks crossed, conflicts dropped, what the delegate leaves out taken from the root. */
#include "xlate/delegate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "xlate/priv.h"

/* One entry of the root that names a delegate. */
struct entry {
	const struct hdl_delegates *d;
	const struct hdl_resource *root, *delegate;
	const struct hdl_vs_http *http; /* of the root */
	size_t conditions;              /* of its blocks */
	size_t *left;                   /* pairs of conditions that may still be looked at for this root */
};

struct rules {
	struct hdl_vs_http *at;
	size_t n, capacity;
};

bool hdl_has_delegates(const struct hdl_virtual_service *root)
{
	for (size_t i = 0; i < root->http.n; i++)
		if (root->http.at[i].delegate)
			return true;
	return false;
}

static bool given(const struct hdl_text *text)
{
	return text->s && text->s[0];
}

/* ---- conflicts ---- */

static bool starts(const struct hdl_text *s, const struct hdl_text *prefix)
{
	return strncmp(s->s, prefix->s, strlen(prefix->s)) == 0;
}

/* The delegate's must be a part of the root's; expressions cannot be compared, and presence is not, as in Istio. */
static bool strings_conflict(const struct hdl_string_match *root, const struct hdl_string_match *leaf)
{
	if (!root || !leaf)
		return false;
	if (given(&root->regex) || given(&leaf->regex))
		return true;
	if (given(&root->exact))
		return !given(&leaf->exact) || given(&leaf->prefix) || strcmp(root->exact.s, leaf->exact.s) != 0;
	if (given(&root->prefix) && given(&leaf->prefix))
		return !starts(&leaf->prefix, &root->prefix);
	if (given(&root->prefix) && given(&leaf->exact))
		return !starts(&leaf->exact, &root->prefix);
	return true;
}

static const struct hdl_keyed_match *find_key(const struct hdl_keyed_matches *list, const char *key, bool any_case)
{
	for (size_t i = 0; i < list->n; i++)
		if (any_case ? hdl_str_eq_nocase(hdl_str_of(list->at[i].key), hdl_str_of(key)) :
			       strcmp(list->at[i].key, key) == 0)
			return &list->at[i];
	return NULL;
}

static bool maps_conflict(const struct hdl_keyed_matches *root, const struct hdl_keyed_matches *leaf, bool any_case)
{
	for (size_t i = 0; i < leaf->n; i++) {
		const struct hdl_keyed_match *other = find_key(root, leaf->at[i].key, any_case);

		if (other && strings_conflict(&other->match, &leaf->at[i].match))
			return true;
	}
	return false;
}

static bool labels_conflict(const struct hdl_kvs *root, const struct hdl_kvs *leaf)
{
	for (size_t i = 0; i < leaf->n; i++) {
		const char *value = hdl_kvs_get(root, leaf->at[i].key);

		if (value && strcmp(value, leaf->at[i].value) != 0)
			return true;
	}
	return false;
}

/* The namespace and the name of a reference to a gateway; those of the old form with dots stand for themselves. */
static struct hdl_str gateway_part(const char *reference, const char *ns, struct hdl_str *ret_ns)
{
	const char *slash = strchr(reference, '/');

	*ret_ns = hdl_str_of(strcmp(reference, "mesh") == 0 || strchr(reference, '.') ? "" : ns);
	if (!slash)
		return hdl_str_of(reference);
	*ret_ns = (struct hdl_str){ reference, (size_t)(slash - reference) };
	if (hdl_str_eq(*ret_ns, HDL_STR(".")))
		*ret_ns = hdl_str_of(ns);
	return hdl_str_of(slash + 1);
}

static bool same_gateway(const char *a, const char *ns_a, const char *b, const char *ns_b)
{
	struct hdl_str of_a, of_b, name_a = gateway_part(a, ns_a, &of_a), name_b = gateway_part(b, ns_b, &of_b);

	return hdl_str_eq(name_a, name_b) && hdl_str_eq(of_a, of_b);
}

static bool gateways_conflict(const struct entry *e, const struct hdl_texts *root, const struct hdl_texts *leaf)
{
	for (size_t i = 0; root->n && i < leaf->n; i++) {
		bool found = false;

		for (size_t k = 0; k < root->n; k++)
			found |= same_gateway(root->at[k].s, e->root->ns, leaf->at[i].s, e->delegate->ns);
		if (!found)
			return true;
	}
	return false;
}

static bool blocks_conflict(const struct entry *e, const struct hdl_vs_match *root, const struct hdl_vs_match *leaf)
{
	return strings_conflict(root->uri, leaf->uri) || strings_conflict(root->scheme, leaf->scheme) ||
	       strings_conflict(root->method, leaf->method) || strings_conflict(root->authority, leaf->authority) ||
	       maps_conflict(&root->headers, &leaf->headers, true) ||
	       maps_conflict(&root->without_headers, &leaf->without_headers, true) ||
	       maps_conflict(&root->query_params, &leaf->query_params, false) ||
	       root->ignore_uri_case.value != leaf->ignore_uri_case.value ||
	       (root->port.has && leaf->port.has && root->port.value != leaf->port.value) ||
	       (given(&root->source_namespace) && given(&leaf->source_namespace) &&
		strcmp(root->source_namespace.s, leaf->source_namespace.s) != 0) ||
	       labels_conflict(&root->source_labels, &leaf->source_labels) ||
	       gateways_conflict(e, &root->gateways, &leaf->gateways);
}

/* ---- merging ---- */

static int join_names(struct hdl_arena *arena, const struct hdl_text *root, struct hdl_text *leaf)
{
	const char *text;

	if (!given(leaf)) {
		*leaf = *root;
		return 0;
	}
	if (!given(root))
		return 0;
	text = hdl_arena_printf(arena, "%s-%s", root->s, leaf->s);
	if (!text)
		return -ENOMEM;
	leaf->s = text;
	return 0;
}

/* The elements of leaf, and room for those of root. NULL when out of memory. */
static void *with_room(struct hdl_arena *arena, const void *leaf, size_t leaf_n, size_t root_n, size_t size)
{
	void *at = hdl_arena_calloc(arena, root_n + leaf_n, size);

	return at && leaf_n ? memcpy(at, leaf, leaf_n * size) : at;
}

static int unite(struct hdl_arena *arena, const struct hdl_keyed_matches *root, bool any_case,
		 struct hdl_keyed_matches *leaf)
{
	struct hdl_keyed_match *at;
	size_t n = leaf->n;

	if (root->n == 0)
		return 0;
	at = with_room(arena, leaf->at, leaf->n, root->n, sizeof(*at));
	if (!at)
		return -ENOMEM;
	for (size_t i = 0; i < root->n; i++)
		if (!find_key(leaf, root->at[i].key, any_case))
			at[n++] = root->at[i];
	*leaf = (struct hdl_keyed_matches){ at, n };
	return 0;
}

static int unite_labels(struct hdl_arena *arena, const struct hdl_kvs *root, struct hdl_kvs *leaf)
{
	struct hdl_kv *at;
	size_t n = leaf->n;

	if (root->n == 0)
		return 0;
	at = with_room(arena, leaf->at, leaf->n, root->n, sizeof(*at));
	if (!at)
		return -ENOMEM;
	for (size_t i = 0; i < root->n; i++)
		if (!hdl_kvs_get(leaf, root->at[i].key))
			at[n++] = root->at[i];
	*leaf = (struct hdl_kvs){ at, n };
	return 0;
}

/* With their namespace, since they are looked up from the root's. */
static int resolve_gateways(struct hdl_arena *arena, const char *ns, struct hdl_texts *gateways)
{
	struct hdl_text *at = hdl_arena_calloc(arena, gateways->n, sizeof(*at));

	if (!at)
		return -ENOMEM;
	for (size_t i = 0; i < gateways->n; i++) {
		struct hdl_str of, name = gateway_part(gateways->at[i].s, ns, &of);

		at[i] = gateways->at[i];
		if (of.n)
			at[i].s = hdl_arena_printf(arena, HDL_STR_FMT "/" HDL_STR_FMT, HDL_STR_ARG(of),
						   HDL_STR_ARG(name));
		if (!at[i].s)
			return -ENOMEM;
	}
	gateways->at = at;
	return 0;
}

static int merge_block(const struct entry *e, const struct hdl_vs_match *root, struct hdl_vs_match *leaf)
{
	struct hdl_arena *arena = e->d->arena;

	if (!leaf->uri)
		leaf->uri = root->uri;
	if (!leaf->scheme)
		leaf->scheme = root->scheme;
	if (!leaf->method)
		leaf->method = root->method;
	if (!leaf->authority)
		leaf->authority = root->authority;
	if (!leaf->port.has)
		leaf->port = root->port;
	if (!given(&leaf->source_namespace))
		leaf->source_namespace = root->source_namespace;
	if (!given(&leaf->stat_prefix))
		leaf->stat_prefix = root->stat_prefix;
	if (leaf->gateways.n == 0)
		leaf->gateways = root->gateways;
	else if (resolve_gateways(arena, e->delegate->ns, &leaf->gateways) < 0)
		return -ENOMEM;
	if (join_names(arena, &root->name, &leaf->name) < 0 || unite(arena, &root->headers, true, &leaf->headers) < 0 ||
	    unite(arena, &root->without_headers, true, &leaf->without_headers) < 0 ||
	    unite(arena, &root->query_params, false, &leaf->query_params) < 0)
		return -ENOMEM;
	return unite_labels(arena, &root->source_labels, &leaf->source_labels);
}

/* Every block of the delegate needs one of the root to be a part of. 1; 0: one has none; -ENOMEM. */
static int cross(const struct entry *e, struct hdl_vs_http *rule)
{
	const struct hdl_vs_match *root = e->http->match.at, *leaf = rule->match.at;
	size_t n = 0, pairs = e->http->match.n * rule->match.n;
	struct hdl_vs_match *at = hdl_arena_calloc(e->d->arena, pairs, sizeof(*at));

	if (!at)
		return -ENOMEM;
	for (size_t i = 0; i < rule->match.n; i++) {
		size_t before = n;

		for (size_t k = 0; k < e->http->match.n; k++) {
			if (blocks_conflict(e, &root[k], &leaf[i]))
				continue;
			at[n] = leaf[i];
			if (merge_block(e, &root[k], &at[n++]) < 0)
				return -ENOMEM;
		}
		if (n == before)
			return 0;
	}
	rule->match.at = at;
	rule->match.n = n;
	return 1;
}

/* Blocks of one side only: with the place of the rule, in whose file they are not, or with gateways spelled out. */
static int copy_blocks(const struct entry *e, struct hdl_vs_http *rule)
{
	bool of_root = rule->match.n == 0;
	size_t n = of_root ? e->http->match.n : rule->match.n;
	const struct hdl_vs_match *from = of_root ? e->http->match.at : rule->match.at;
	struct hdl_vs_match *at = hdl_arena_calloc(e->d->arena, n, sizeof(*at));

	if (!at)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		at[i] = from[i];
		if (of_root)
			at[i].pos = rule->pos;
		else if (resolve_gateways(e->d->arena, e->delegate->ns, &at[i].gateways) < 0)
			return -ENOMEM;
	}
	rule->match.at = at;
	rule->match.n = n;
	return 1;
}

/* A block counts as one, so that nothing is free. */
static size_t count_conditions(const struct hdl_vs_match *at, size_t blocks)
{
	size_t n = blocks;

	for (size_t i = 0; i < blocks; i++)
		n += at[i].headers.n + at[i].without_headers.n + at[i].query_params.n + at[i].source_labels.n +
		     at[i].gateways.n;
	return n;
}

static int merge_matches(const struct entry *e, struct hdl_vs_http *rule)
{
	size_t pairs, conditions = count_conditions(rule->match.at, rule->match.n);

	if (rule->match.n == 0 || e->http->match.n == 0)
		return copy_blocks(e, rule);
	if (__builtin_mul_overflow(rule->match.n, e->http->match.n, &pairs) || pairs > HDL_DELEGATE_PAIRS_MAX) {
		hdl_xl_report(e->d->diags, HDL_WARNING, e->delegate, rule->pos, rule->field,
			      "%zu match blocks of VirtualService %s/%s (%s:%u) and %zu of this rule are more than %d "
			      "pairs: the rule is dropped",
			      e->http->match.n, e->root->ns, e->root->name, e->root->file, e->http->pos.line,
			      rule->match.n, HDL_DELEGATE_PAIRS_MAX);
		return -EINVAL;
	}
	if (__builtin_mul_overflow(conditions, e->conditions, &pairs) || pairs > *e->left) {
		hdl_xl_report(e->d->diags, HDL_WARNING, e->delegate, rule->pos, rule->field,
			      "%zu conditions of VirtualService %s/%s (%s:%u) with %zu of this rule make more than %d "
			      "pairs for that VirtualService: the rule is dropped",
			      e->conditions, e->root->ns, e->root->name, e->root->file, e->http->pos.line, conditions,
			      HDL_DELEGATE_CONDITION_PAIRS_MAX);
		return -EINVAL;
	}
	*e->left -= pairs;
	return cross(e, rule);
}

static struct hdl_vs_destination *rooted(const struct entry *e, const struct hdl_vs_destination *from)
{
	struct hdl_vs_destination *to = hdl_arena_alloc(e->d->arena, sizeof(*to));

	if (to) {
		*to = *from;
		if (!to->ns)
			to->ns = e->root->ns;
	}
	return to;
}

/* Mirrors of the root name hosts of its namespace. */
static int take_mirrors(const struct entry *e, struct hdl_vs_http *rule)
{
	const struct hdl_vs_http *root = e->http;

	if (!rule->mirror && root->mirror && !(rule->mirror = rooted(e, root->mirror)))
		return -ENOMEM;
	if (!rule->mirror_percent.has)
		rule->mirror_percent = root->mirror_percent;
	if (!rule->mirror_percentage)
		rule->mirror_percentage = root->mirror_percentage;
	if (rule->mirrors.n || root->mirrors.n == 0)
		return 0;
	rule->mirrors.at = hdl_arena_calloc(e->d->arena, root->mirrors.n, sizeof(*rule->mirrors.at));
	if (!rule->mirrors.at)
		return -ENOMEM;
	for (; rule->mirrors.n < root->mirrors.n; rule->mirrors.n++) {
		struct hdl_vs_mirror *m = &rule->mirrors.at[rule->mirrors.n];

		*m = root->mirrors.at[rule->mirrors.n];
		m->destination = rooted(e, m->destination);
		if (!m->destination)
			return -ENOMEM;
	}
	return 0;
}

/* What the delegate does not say is the root's; a redirect is not handed on. */
static int take_settings(const struct entry *e, struct hdl_vs_http *rule)
{
	const struct hdl_vs_http *root = e->http;

	if (!rule->rewrite)
		rule->rewrite = root->rewrite;
	if (!rule->direct_response)
		rule->direct_response = root->direct_response;
	if (!rule->timeout.has)
		rule->timeout = root->timeout;
	if (!rule->retries)
		rule->retries = root->retries;
	if (!rule->fault)
		rule->fault = root->fault;
	if (!rule->cors_policy)
		rule->cors_policy = root->cors_policy;
	if (!rule->headers)
		rule->headers = root->headers;
	return take_mirrors(e, rule);
}

/* 1; 0: dropped; -ENOMEM. */
static int merge_rule(const struct entry *e, struct hdl_vs_http *rule)
{
	int r = merge_matches(e, rule);

	if (r == 0)
		hdl_xl_report(e->d->diags, HDL_WARNING, e->delegate, rule->pos, rule->field,
			      "a match block of this rule has nothing in common with those of VirtualService %s/%s, "
			      "which delegates to it (%s:%u): the rule is dropped",
			      e->root->ns, e->root->name, e->root->file, e->http->pos.line);
	if (r <= 0)
		return r == -EINVAL ? 0 : r;
	if (join_names(e->d->arena, &e->http->name, &rule->name) < 0 || take_settings(e, rule) < 0)
		return -ENOMEM;
	return 1;
}

static struct hdl_vs_http *add_rule(const struct hdl_delegates *d, struct rules *rules, const struct hdl_vs_http *from,
				    const struct hdl_resource *source, size_t index)
{
	struct hdl_vs_http *rule = &rules->at[rules->n];

	*rule = *from;
	rule->source = source;
	rule->field = hdl_arena_printf(d->arena, "spec.http[%zu]", index);
	return rule->field ? rule : NULL;
}

static bool is_exported(const struct hdl_resource *delegate, const char *ns)
{
	const struct hdl_texts *list = &delegate->virtual_service->export_to;

	for (size_t i = 0; i < list->n; i++) {
		const char *to = list->at[i].s;

		if (strcmp(to, "*") == 0 || strcmp(to, ns) == 0 ||
		    (strcmp(to, ".") == 0 && strcmp(delegate->ns, ns) == 0))
			return true;
	}
	return list->n == 0;
}

/* NULL: there is none that may be used, and the entry is reported. */
static const struct hdl_resource *find_delegate(const struct hdl_delegates *d, const struct hdl_resource *root,
						const struct hdl_vs_http *http, const char *field)
{
	const struct hdl_vs_delegate *spec = http->delegate;
	const char *ns = given(&spec->ns) ? spec->ns.s : root->ns;
	const struct hdl_resource *delegate = d->find(d->user, ns, spec->name.s);
	const char *fault = NULL;

	if (!delegate)
		fault = "does not exist";
	else if (delegate->virtual_service->hosts.n)
		fault = "has hosts, and so is no delegate";
	else if (!is_exported(delegate, root->ns))
		fault = "is not exported to this namespace";
	if (!fault)
		return delegate;
	hdl_xl_report(d->diags, HDL_WARNING, root, spec->pos, field, "VirtualService %s/%s %s: this entry is dropped",
		      ns, spec->name.s, fault);
	return NULL;
}

static int expand(const struct hdl_delegates *d, const struct hdl_resource *root, const struct hdl_vs_http *http,
		  const struct hdl_resource *delegate, struct rules *rules, size_t *left)
{
	const struct hdl_virtual_service *vs = delegate->virtual_service;
	struct entry e = { d, root, delegate, http, count_conditions(http->match.at, http->match.n), left };

	for (size_t i = 0; i < vs->http.n; i++) {
		struct hdl_vs_http *rule = add_rule(d, rules, &vs->http.at[i], delegate, i);
		int r = rule ? merge_rule(&e, rule) : -ENOMEM;

		if (r < 0)
			return r;
		rules->n += (size_t)r;
	}
	return 0;
}

/* Which delegate stands for each entry of the root, and how many rules all of it makes at most. */
static int find_all(const struct hdl_delegates *d, const struct hdl_resource *root,
		    const struct hdl_resource **delegates, size_t *ret_n)
{
	const struct hdl_virtual_service *vs = root->virtual_service;
	size_t n = 0;

	for (size_t i = 0; i < vs->http.n; i++) {
		char field[XL_FIELD_MAX];

		if (!vs->http.at[i].delegate) {
			n++;
			continue;
		}
		snprintf(field, sizeof(field), "spec.http[%zu].delegate", i);
		delegates[i] = find_delegate(d, root, &vs->http.at[i], field);
		if (delegates[i] && __builtin_add_overflow(n, delegates[i]->virtual_service->http.n, &n))
			return -ENOMEM;
	}
	*ret_n = n;
	return 0;
}

int hdl_delegates_merge(const struct hdl_delegates *d, const struct hdl_resource *root,
			const struct hdl_virtual_service **ret)
{
	const struct hdl_virtual_service *vs = root->virtual_service;
	const struct hdl_resource **delegates = hdl_arena_calloc(d->arena, vs->http.n, sizeof(*delegates));
	struct hdl_virtual_service *merged = hdl_arena_alloc(d->arena, sizeof(*merged));
	size_t left = HDL_DELEGATE_CONDITION_PAIRS_MAX;
	struct rules rules = { 0 };

	if (!delegates || !merged || find_all(d, root, delegates, &rules.capacity) < 0)
		return -ENOMEM;
	rules.at = hdl_arena_calloc(d->arena, rules.capacity + 1, sizeof(*rules.at));
	if (!rules.at)
		return -ENOMEM;
	for (size_t i = 0; i < vs->http.n; i++) {
		if (delegates[i] && expand(d, root, &vs->http.at[i], delegates[i], &rules, &left) < 0)
			return -ENOMEM;
		if (vs->http.at[i].delegate)
			continue;
		if (!add_rule(d, &rules, &vs->http.at[i], root, i))
			return -ENOMEM;
		rules.n++;
	}
	*merged = *vs;
	merged->http.at = rules.at;
	merged->http.n = rules.n;
	*ret = merged;
	return 0;
}
