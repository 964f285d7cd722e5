/* SPDX-License-Identifier: Apache-2.0 */
/* Requests whose outcome differs: every rule of both sides yields an example, and both sides are asked about it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "plan/priv.h"

/* Names of a virtual host under which an example for one of its rules is looked for. */
#define DOMAINS_MAX 4

struct comparison {
	struct hdl_preview *preview;
	const struct hdl_snapshot *before, *after;
	/* rows that there are: hash of what differs, so that one difference is shown once */
	uint64_t *seen;
	size_t seen_slots, seen_count;
	const struct hdl_ir_route_config **before_config, **after_config; /* sorted by name */
	/* virtual hosts of ports that are decided per connection: nobody reads requests there (sorted by address) */
	const struct hdl_ir_vhost **before_l4, **after_l4;
	size_t before_l4_count, after_l4_count;
};

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (const struct hdl_ir_vhost *const *)a,
		  y = (uintptr_t) * (const struct hdl_ir_vhost *const *)b;

	return x < y ? -1 : x > y;
}

static const struct hdl_ir_vhost **l4_vhosts(const struct hdl_snapshot *snapshot, size_t *ret_n)
{
	const struct hdl_ir_vhost **vhosts =
		calloc(snapshot->service_port_count + 1, sizeof(const struct hdl_ir_vhost *));
	size_t n = 0;

	*ret_n = 0;
	if (!vhosts)
		return NULL;
	for (size_t i = 0; i < snapshot->service_port_count; i++)
		if (snapshot->service_ports[i]->label == HDL_LABEL_L4 && snapshot->service_ports[i]->vhost)
			vhosts[n++] = snapshot->service_ports[i]->vhost;
	qsort(vhosts, n, sizeof(const struct hdl_ir_vhost *), by_address);
	*ret_n = n;
	return vhosts;
}

static bool is_l4(const struct comparison *c, bool of_after, const struct hdl_ir_vhost *vhost)
{
	return bsearch(&vhost, of_after ? c->after_l4 : c->before_l4, of_after ? c->after_l4_count : c->before_l4_count,
		       sizeof(vhost), by_address) != NULL;
}

static int by_config(const void *a, const void *b)
{
	const struct hdl_ir_route_config *x = *(const struct hdl_ir_route_config *const *)a,
					 *y = *(const struct hdl_ir_route_config *const *)b;

	return x->gateway != y->gateway ? (int)x->gateway - (int)y->gateway : strcmp(x->name, y->name);
}

static const struct hdl_ir_route_config **sorted_configs(const struct hdl_snapshot *snapshot)
{
	size_t n = snapshot->route_config_count;
	const struct hdl_ir_route_config **configs = calloc(n + 1, sizeof(const struct hdl_ir_route_config *));

	for (size_t i = 0; configs && i < n; i++)
		configs[i] = snapshot->route_configs[i];
	if (configs && n)
		qsort(configs, n, sizeof(const struct hdl_ir_route_config *), by_config);
	return configs;
}

/* Once for each; out of memory: shown again. */
static bool is_new(struct comparison *c, uint64_t hash)
{
	size_t i;

	hash |= 1;
	if (c->seen_count * 2 >= c->seen_slots) {
		size_t slots = c->seen_slots ? c->seen_slots * 2 : 1024;
		uint64_t *seen = calloc(slots, sizeof(*seen));

		if (!seen)
			return true;
		for (size_t k = 0; k < c->seen_slots; k++) {
			if (!c->seen[k])
				continue;
			for (i = c->seen[k] & (slots - 1); seen[i]; i = (i + 1) & (slots - 1))
				;
			seen[i] = c->seen[k];
		}
		free(c->seen);
		c->seen = seen;
		c->seen_slots = slots;
	}
	for (i = hash & (c->seen_slots - 1); c->seen[i]; i = (i + 1) & (c->seen_slots - 1))
		if (c->seen[i] == hash)
			return false;
	c->seen[i] = hash;
	c->seen_count++;
	return true;
}

/* What one side says. */
struct answer {
	const struct hdl_ir_route_config *config; /* NULL: nothing listens */
	const struct hdl_ir_vhost *vhost;         /* NULL: no virtual host has the name */
	const struct hdl_ir_http_route *route;    /* NULL: none matches */
	const struct hdl_ir_http_match *match;
	struct hdl_buf text;
};

static void ask(const struct hdl_snapshot *side, const struct hdl_ir_route_config *config,
		const struct hdl_preview_request *request, const struct hdl_ir_workload *client, struct answer *ret)
{
	*ret = (struct answer){ .config = config };
	if (config)
		ret->route = hdl_preview_request_ask(side, config, request, client, &ret->vhost, &ret->match);
	if (ret->route)
		hdl_ir_dump_outcome(ret->route, &ret->text);
	else
		hdl_buf_adds(&ret->text, !config     ? "nothing listens for it\n" :
					 !ret->vhost ? "no virtual host of that name\n" :
						       "no route: 404\n");
}

static const struct hdl_ir_origin *origin_of(const struct answer *answer)
{
	const struct hdl_ir_origin *origin = answer->match && answer->match->origin.kind ? &answer->match->origin :
					     answer->route                               ? &answer->route->origin :
					     answer->vhost                               ? &answer->vhost->origin :
											   NULL;

	return origin && origin->kind ? origin : NULL;
}

static bool same_text(const struct hdl_buf *a, const struct hdl_buf *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

/* The lines of an outcome without the blanks before them, and without what a draw is compared with. */
static const char *outcome_text(struct hdl_arena *arena, const struct hdl_buf *text)
{
	static const char threshold[] = " threshold ";
	char *to = hdl_arena_alloc(arena, text->n + 1);
	size_t n = 0, length = sizeof(threshold) - 1;
	bool begin = true;

	for (size_t i = 0; to && i < text->n; i++) {
		if (begin && text->p[i] == ' ')
			continue;
		if (text->n - i > length && memcmp(text->p + i, threshold, length) == 0) {
			i += length;
			while (i < text->n && text->p[i] >= '0' && text->p[i] <= '9')
				i++;
			if (i == text->n)
				break;
		}
		begin = text->p[i] == '\n';
		to[n++] = text->p[i];
	}
	return to;
}

static int moved(struct hdl_arena *arena, const struct answer *before, const struct answer *after,
		 struct hdl_preview_share *ret, const char **ret_text)
{
	const struct hdl_ir_http_route *a = before->route, *b = after->route;

	*ret = (struct hdl_preview_share){ a || b, 1 };
	*ret_text = "";
	if (!a || !b)
		return 0;
	return hdl_preview_moved(arena, a->destinations, a->destination_count, b->destinations, b->destination_count,
				 ret, ret_text);
}

static int add_row(struct comparison *c, const struct hdl_ir_route_config *config,
		   const struct hdl_preview_request *request, const struct answer *before, const struct answer *after,
		   const struct hdl_preview_share *share, const char *endpoints)
{
	struct hdl_preview *preview = c->preview;
	struct hdl_preview_route *row;
	int r = 0;

	row = hdl_preview_row(preview, (void **)&preview->route, &preview->route_count, sizeof(*row), &r);
	if (!row)
		return r;
	*row = (struct hdl_preview_route){
		.config = config->name,
		.port = config->port,
		.request = *request,
		.before = before->route,
		.after = after->route,
		.before_origin = origin_of(before),
		.after_origin = origin_of(after),
		.before_text = outcome_text(preview->arena, &before->text),
		.after_text = outcome_text(preview->arena, &after->text),
		.moved = *share,
		.endpoints_text = endpoints,
	};
	return row->before_text && row->after_text ? 0 : -ENOMEM;
}

/* Both sides about one request. */
static int compare(struct comparison *c, const struct hdl_ir_route_config *before,
		   const struct hdl_ir_route_config *after, const struct hdl_preview_request *request,
		   const struct hdl_ir_workload *client)
{
	struct hdl_preview_share share;
	const char *endpoints;
	struct answer a, b;
	int r;

	c->preview->tried++;
	ask(c->before, before, request, client, &a);
	ask(c->after, after, request, client, &b);
	r = moved(c->preview->arena, &a, &b, &share, &endpoints);
	if (a.text.failed || b.text.failed)
		r = -ENOMEM;
	if (r == 0 && (!same_text(&a.text, &b.text) || *endpoints)) {
		const void *key[] = { before, after, a.vhost, b.vhost, a.route, b.route };

		if (is_new(c, hdl_hash64(key, sizeof(key), 0)))
			r = add_row(c, after ? after : before, request, &a, &b, &share, endpoints);
	}
	hdl_buf_done(&a.text);
	hdl_buf_done(&b.text);
	return r;
}

/*
 * A request that the block takes there: by itself, or varied as long as a rule before it takes it. *ret_by is who takes it:
 * when it is not the route, then another one does. 1; 0: none; -ENOMEM.
 */
static int find_example(struct comparison *c, const struct hdl_snapshot *side, const struct hdl_ir_route_config *config,
			const struct hdl_ir_vhost *vhost, const struct hdl_ir_http_route *route,
			const struct hdl_ir_http_match *match, struct hdl_preview_request *ret,
			const struct hdl_ir_workload **ret_client, const struct hdl_ir_http_route **ret_by)
{
	size_t domains = vhost->domain_count < DOMAINS_MAX ? vhost->domain_count : DOMAINS_MAX;
	unsigned int variations = route ? HDL_PREVIEW_VARIATIONS : 1;
	bool found = false;

	for (size_t i = 0; i < domains * variations; i++) {
		const struct hdl_ir_http_match *block;
		const struct hdl_ir_workload *client;
		struct hdl_preview_request request;
		const struct hdl_ir_http_route *by;
		const struct hdl_ir_vhost *in;
		int r = hdl_preview_request_make(c->preview->arena, side, config, vhost->domains[i / variations], match,
						 &request, &client);

		if (r > 0 && i % variations)
			r = hdl_preview_request_vary(c->preview->arena, vhost, route, match,
						     (unsigned int)(i % variations), &request);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		by = hdl_preview_request_ask(side, config, &request, client, &in, &block);
		if (found ? by != route : !by && route)
			continue;
		*ret = request;
		*ret_client = client;
		*ret_by = by;
		found = true;
		/* what no condition holds back takes everything behind it */
		if (by == route || (by && by->match_count == 0))
			break;
	}
	return found;
}

/* An example for one block of one rule of one side. */
static int try_block(struct comparison *c, const struct hdl_ir_route_config *before,
		     const struct hdl_ir_route_config *after, bool of_after, const struct hdl_ir_vhost *vhost,
		     const struct hdl_ir_http_route *route, const struct hdl_ir_http_match *match)
{
	const struct hdl_ir_route_config *config = of_after ? after : before;
	const struct hdl_ir_http_route *by = NULL;
	const struct hdl_ir_workload *client;
	struct hdl_preview_request request;
	int r;

	if (match && match->port && match->port != config->port)
		return 0;
	r = find_example(c, of_after ? c->after : c->before, config, vhost, route, match, &request, &client, &by);
	if (r < 0)
		return r;
	/* a rule behind one without conditions is never taken: that is no lack of an example */
	if (r == 0 || (route && by != route && by->match_count))
		c->preview->no_example++;
	return r == 0 ? 0 : compare(c, before, after, &request, client);
}

static int try_vhost(struct comparison *c, const struct hdl_ir_route_config *before,
		     const struct hdl_ir_route_config *after, bool of_after, const struct hdl_ir_vhost *vhost)
{
	int r = 0;

	for (size_t i = 0; i < vhost->route_count && r == 0; i++) {
		const struct hdl_ir_http_route *route = &vhost->routes[i];

		if (route->match_count == 0)
			r = try_block(c, before, after, of_after, vhost, route, NULL);
		for (size_t k = 0; k < route->match_count && r == 0; k++)
			r = try_block(c, before, after, of_after, vhost, route, &route->matches[k]);
	}
	/* what no rule takes */
	if (r == 0)
		r = try_block(c, before, after, of_after, vhost, NULL, NULL);
	return r;
}

/* Virtual hosts of one side; those that both sides share cannot differ. */
static int try_config(struct comparison *c, const struct hdl_ir_route_config *before,
		      const struct hdl_ir_route_config *after, bool of_after)
{
	const struct hdl_ir_route_config *config = of_after ? after : before;
	int r = 0;

	if (!config || before == after)
		return 0;
	for (size_t i = 0; i < config->vhost_count && r == 0; i++)
		if (config->vhosts[i]->domain_count && !is_l4(c, of_after, config->vhosts[i]))
			r = try_vhost(c, before, after, of_after, config->vhosts[i]);
	return r;
}

static int compare_all(struct comparison *c)
{
	size_t i = 0, j = 0, n = c->before->route_config_count, m = c->after->route_config_count;
	int r = 0;

	while (r == 0 && (i < n || j < m)) {
		int order = i == n ? 1 : j == m ? -1 : by_config(&c->before_config[i], &c->after_config[j]);
		const struct hdl_ir_route_config *before = order <= 0 ? c->before_config[i++] : NULL;
		const struct hdl_ir_route_config *after = order >= 0 ? c->after_config[j++] : NULL;

		/* the rules that come first, so that an example is one of what will be */
		r = try_config(c, before, after, true);
		if (r == 0)
			r = try_config(c, before, after, false);
	}
	return r;
}

int hdl_preview_routes(struct hdl_preview *preview, const struct hdl_snapshot *before, const struct hdl_snapshot *after)
{
	struct comparison c = { .preview = preview, .before = before, .after = after };
	int r = -ENOMEM;

	c.before_config = sorted_configs(before);
	c.after_config = sorted_configs(after);
	c.before_l4 = l4_vhosts(before, &c.before_l4_count);
	c.after_l4 = l4_vhosts(after, &c.after_l4_count);
	if (c.before_config && c.after_config && c.before_l4 && c.after_l4)
		r = compare_all(&c);
	free(c.before_l4);
	free(c.after_l4);
	free(c.before_config);
	free(c.after_config);
	free(c.seen);
	return r;
}
