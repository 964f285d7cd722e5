/* SPDX-License-Identifier: Apache-2.0 */
/* Requests whose outcome differs: every rule of both sides yields an example, and both sides are asked about it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "plan/priv.h"

/* Names of a virtual host under which an example for one of its rules is looked for. */
#define DOMAINS_MAX 4

struct comparison {
	struct hdl_preview *preview;
	const struct hdl_preview_sides *sides;
	struct hdl_arena *scratch; /* of one example */
	/* of what differs, so that one difference is shown once: by the rules, and by what comes of them */
	struct hdl_preview_seen rules, outcomes;
};

/* Virtual hosts of one side, for clients of one view. */
struct ground {
	bool after;
	const struct hdl_ir_route_config *config;
	const struct hdl_ir_view *view;       /* NULL: of clients without one */
	const struct hdl_ir_workload *client; /* who asks when no condition says who; NULL: anybody */
};

/* A rule of it, or one of its `otherwise`. */
struct rule {
	const struct hdl_ir_vhost *vhost;      /* that has the domains */
	const struct hdl_ir_vhost *owner;      /* that has the rule */
	const struct hdl_ir_http_route *route; /* NULL: what no rule takes */
	const struct hdl_ir_http_match *match; /* NULL: without conditions */
};

static const struct hdl_preview_index *side_of(const struct comparison *c, const struct ground *ground)
{
	return ground->after ? &c->sides->after : &c->sides->before;
}

static struct hdl_preview_place place_of(const struct ground *ground, const struct rule *rule)
{
	return (struct hdl_preview_place){
		.config = ground->config->name,
		.port = ground->config->port,
		.gateway = ground->config->gateway,
		.fqdn = rule->vhost->service ? rule->vhost->service->fqdn : NULL,
	};
}

static const struct hdl_ir_origin *origin_of(const struct hdl_preview_answer *answer)
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

static int moved(struct hdl_arena *arena, const struct hdl_preview_answer *before,
		 const struct hdl_preview_answer *after, struct hdl_preview_share *ret, const char **ret_text)
{
	const struct hdl_ir_http_route *a = before->route, *b = after->route;

	*ret = (struct hdl_preview_share){ a || b, 1 };
	*ret_text = "";
	if (!a || !b)
		return 0;
	return hdl_preview_moved(arena, a->destinations, a->destination_count, b->destinations, b->destination_count,
				 ret, ret_text);
}

static void print_answer(const struct hdl_preview_answer *answer, struct hdl_buf *to)
{
	if (answer->route)
		hdl_ir_dump_outcome(answer->route, to);
	else
		hdl_buf_printf(to, "%s\n",
			       answer->refusal ? answer->refusal :
			       !answer->vhost  ? "no virtual host of that name" :
						 "no route: 404");
}

/* What both sides say to one request. */
struct outcome {
	struct hdl_preview_answer before, after;
	struct hdl_buf before_text, after_text;
	struct hdl_preview_share moved;
	const char *endpoints;
};

static int add_row(struct comparison *c, const struct hdl_preview_place *place,
		   const struct hdl_preview_request *request, const struct outcome *outcome)
{
	struct hdl_preview *preview = c->preview;
	struct hdl_preview_route *row;
	int r = 0;

	row = hdl_preview_row(preview, (void **)&preview->route, &preview->route_count, sizeof(*row), &r);
	if (!row)
		return r;
	*row = (struct hdl_preview_route){
		.config = place->config,
		.port = place->port,
		.before = outcome->before.route,
		.after = outcome->after.route,
		.before_origin = origin_of(&outcome->before),
		.after_origin = origin_of(&outcome->after),
		.before_text = outcome_text(preview->arena, &outcome->before_text),
		.after_text = outcome_text(preview->arena, &outcome->after_text),
		.moved = outcome->moved,
		.endpoints_text = outcome->endpoints,
	};
	r = hdl_preview_request_copy(preview->arena, request, &row->request);
	return r == 0 && row->before_text && row->after_text ? 0 : -ENOMEM;
}

/* of_both: of a request that meets two rules, which have rows of their own where they change alone. */
static bool is_new(struct comparison *c, const struct hdl_preview_place *place, const struct hdl_ir_workload *client,
		   const struct outcome *o, bool of_both)
{
	const void *seen[] = { hdl_snapshot_find_view(c->sides->before.snapshot, client),
			       hdl_snapshot_find_view(c->sides->after.snapshot, client), o->before.vhost,
			       o->after.vhost };
	const void *rules[] = { o->before.route, o->after.route };
	uint64_t where = hdl_hash64(seen, sizeof(seen), hdl_hash64(place->config, strlen(place->config), 0)), texts;
	bool is_other;

	texts = hdl_hash64(o->before_text.p, o->before_text.n, where);
	texts = hdl_hash64(o->after_text.p, o->after_text.n, texts);
	is_other = hdl_preview_is_new(&c->outcomes, texts);
	return (is_other || !of_both) && hdl_preview_is_new(&c->rules, hdl_hash64(rules, sizeof(rules), where));
}

/* Both sides about one request. */
static int compare(struct comparison *c, const struct hdl_preview_place *place,
		   const struct hdl_preview_request *request, const struct hdl_ir_workload *client, bool of_both)
{
	struct outcome o = { .endpoints = "" };
	int r;

	c->preview->tried++;
	hdl_preview_ask(&c->sides->before, place, request, client, &o.before);
	hdl_preview_ask(&c->sides->after, place, request, client, &o.after);
	print_answer(&o.before, &o.before_text);
	print_answer(&o.after, &o.after_text);
	r = moved(c->preview->arena, &o.before, &o.after, &o.moved, &o.endpoints);
	if (o.before_text.failed || o.after_text.failed)
		r = -ENOMEM;
	if (r == 0 && (!same_text(&o.before_text, &o.after_text) || *o.endpoints) &&
	    is_new(c, place, client, &o, of_both))
		r = add_row(c, place, request, &o);
	hdl_buf_done(&o.before_text);
	hdl_buf_done(&o.after_text);
	return r;
}

/* What was found as an example. */
struct example {
	struct hdl_preview_request request;
	const struct hdl_ir_workload *client;
	const struct hdl_ir_http_route *by; /* who takes it */
};

static struct hdl_preview_wanted wanted_for(const struct comparison *c, const struct ground *ground,
					    const struct rule *rule)
{
	return (struct hdl_preview_wanted){
		.side = side_of(c, ground)->snapshot,
		.view = ground->view,
		.client = ground->client,
		.not_for = rule->vhost,
		.until = rule->owner,
	};
}

/*
 * A request that the block takes there: by itself, or varied as long as a rule before it takes it. When ret->by is not the
 * route, then another one takes it. 1; 0: none; -ENOMEM.
 */
static int find_example(struct comparison *c, const struct ground *ground, const struct rule *rule, struct example *ret)
{
	size_t domains = rule->vhost->domain_count < DOMAINS_MAX ? rule->vhost->domain_count : DOMAINS_MAX;
	unsigned int variations = rule->route ? HDL_PREVIEW_VARIATIONS : 1;
	struct hdl_preview_wanted wanted = wanted_for(c, ground, rule);
	struct hdl_preview_place place = place_of(ground, rule);
	bool found = false;

	for (size_t i = 0; i < domains * variations; i++) {
		struct hdl_preview_answer answer;
		struct example example;
		int r = hdl_preview_request_make(c->scratch, &wanted, place.port, rule->vhost->domains[i / variations],
						 rule->match, &example.request, &example.client);

		if (r > 0 && i % variations)
			r = hdl_preview_request_vary(c->scratch, rule->owner, rule->route, rule->match,
						     (unsigned int)(i % variations), &example.request);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		hdl_preview_ask(side_of(c, ground), &place, &example.request, example.client, &answer);
		example.by = answer.route;
		if (found ? example.by != rule->route : !example.by && rule->route)
			continue;
		*ret = example;
		found = true;
		/* what no condition holds back takes everything behind it */
		if (example.by == rule->route || (example.by && example.by->match_count == 0))
			break;
	}
	return found;
}

/* An example for one block of one rule of one side. */
static int try_rule(struct comparison *c, const struct ground *ground, const struct rule *rule)
{
	struct hdl_preview_place place = place_of(ground, rule);
	struct example example = { .by = NULL };
	int r;

	if (rule->match && rule->match->port && rule->match->port != place.port)
		return 0;
	r = find_example(c, ground, rule, &example);
	/* a rule behind one without conditions is never taken: that is no lack of an example */
	if (r == 0 || (r > 0 && rule->route && example.by != rule->route && example.by->match_count))
		c->preview->no_example++;
	if (r > 0)
		r = compare(c, &place, &example.request, example.client, false);
	hdl_arena_reset(c->scratch);
	return r;
}

/* ---- requests that meet the conditions of two rules ---- */

/* With the path of one of the two. 1: it was tried; 0: there is none; -ENOMEM. */
static int try_both_with(struct comparison *c, const struct ground *ground, const struct rule *rule,
			 const struct hdl_ir_http_match *other, bool other_path)
{
	const struct hdl_snapshot *side = side_of(c, ground)->snapshot;
	struct hdl_preview_wanted wanted = wanted_for(c, ground, rule);
	struct hdl_preview_place place = place_of(ground, rule);
	const struct hdl_ir_workload *client;
	struct hdl_preview_request request;
	struct hdl_ir_http_match both;
	int r = hdl_preview_both(c->scratch, rule->match, other, other_path, &both);

	if (r == 0)
		r = hdl_preview_request_make(c->scratch, &wanted, place.port, rule->vhost->domains[0], &both, &request,
					     &client);
	if (r <= 0)
		return r;
	if (!hdl_preview_meets(side, place.port, &request, client, rule->match) ||
	    !hdl_preview_meets(side, place.port, &request, client, other))
		return 0;
	r = compare(c, &place, &request, client, true);
	return r < 0 ? r : 1;
}

static int try_both(struct comparison *c, const struct ground *ground, const struct rule *rule,
		    const struct hdl_ir_http_match *other)
{
	int r = try_both_with(c, ground, rule, other, false);

	if (r == 0 && rule->match->uri.kind != HDL_IR_MATCH_UNSET && other->uri.kind != HDL_IR_MATCH_UNSET)
		r = try_both_with(c, ground, rule, other, true);
	hdl_arena_reset(c->scratch);
	return r < 0 ? r : 0;
}

/* Each block of a rule with each one of the rules behind it, as far as the limit goes. */
static int try_pairs_of(struct comparison *c, const struct ground *ground, const struct rule *rule, size_t *left)
{
	const struct hdl_ir_http_route *end = rule->owner->routes + rule->owner->route_count;
	int r = 0;

	for (const struct hdl_ir_http_route *route = rule->route + 1; route < end && r == 0; route++)
		for (size_t k = 0; k < route->match_count && r == 0; k++) {
			if (*left == 0)
				c->preview->pairs_not_tried++;
			else
				r = try_both(c, ground, rule, &route->matches[k]);
			*left -= *left != 0;
		}
	return r;
}

static int try_pairs(struct comparison *c, const struct ground *ground, const struct hdl_ir_vhost *vhost,
		     const struct hdl_ir_vhost *owner)
{
	size_t left = HDL_PREVIEW_PAIRS_MAX;
	int r = 0;

	for (size_t i = 0; i < owner->route_count && r == 0; i++)
		for (size_t k = 0; k < owner->routes[i].match_count && r == 0; k++) {
			struct rule rule = { vhost, owner, &owner->routes[i], &owner->routes[i].matches[k] };

			r = try_pairs_of(c, ground, &rule, &left);
		}
	return r;
}

/* ---- all of a side ---- */

static int try_rules(struct comparison *c, const struct ground *ground, const struct hdl_ir_vhost *vhost,
		     const struct hdl_ir_vhost *owner)
{
	int r = 0;

	for (size_t i = 0; i < owner->route_count && r == 0; i++) {
		const struct hdl_ir_http_route *route = &owner->routes[i];

		if (route->match_count == 0)
			r = try_rule(c, ground, &(struct rule){ vhost, owner, route, NULL });
		for (size_t k = 0; k < route->match_count && r == 0; k++)
			r = try_rule(c, ground, &(struct rule){ vhost, owner, route, &route->matches[k] });
	}
	return r;
}

static int try_vhost(struct comparison *c, const struct ground *ground, const struct hdl_ir_vhost *vhost)
{
	int r = 0;

	for (const struct hdl_ir_vhost *owner = vhost; owner && r == 0; owner = owner->otherwise)
		r = try_rules(c, ground, vhost, owner);
	/* what no rule takes */
	if (r == 0)
		r = try_rule(c, ground, &(struct rule){ vhost, vhost, NULL, NULL });
	for (const struct hdl_ir_vhost *owner = vhost; owner && r == 0; owner = owner->otherwise)
		r = try_pairs(c, ground, vhost, owner);
	return r;
}

static int try_config(struct comparison *c, const struct ground *ground)
{
	int r = 0;

	for (size_t i = 0; i < ground->config->vhost_count && r == 0; i++) {
		const struct hdl_ir_vhost *vhost = ground->config->vhosts[i];

		if (vhost->domain_count && !hdl_preview_is_l4(side_of(c, ground), vhost))
			r = try_vhost(c, ground, vhost);
	}
	return r;
}

/* What clients without a view have, and gateways. */
static int try_all(struct comparison *c, bool after)
{
	const struct hdl_snapshot *side = (after ? &c->sides->after : &c->sides->before)->snapshot;
	int r = 0;

	for (size_t i = 0; i < side->route_config_count && r == 0; i++)
		r = try_config(c, &(struct ground){ .after = after, .config = side->route_configs[i] });
	return r;
}

/* What clients of a view have there of their own; and what they do not see any more, or did not. */
static int try_viewpoint(struct comparison *c, bool after, const struct hdl_preview_viewpoint *point)
{
	const struct hdl_snapshot *other = (after ? &c->sides->before : &c->sides->after)->snapshot;
	struct ground ground = { .after = after, .view = point->view, .client = point->client };
	int r = 0;

	for (size_t i = 0; i < point->view->route_config_count && r == 0; i++) {
		ground.config = point->view->route_configs[i];
		r = try_config(c, &ground);
	}
	if (!point->view->narrowed || (point->other && point->other->narrowed))
		return r;
	ground = (struct ground){ .after = !after, .view = point->other, .client = point->client };
	for (size_t i = 0; i < other->route_config_count && r == 0; i++) {
		ground.config = other->route_configs[i];
		if (!ground.config->gateway)
			r = try_config(c, &ground);
	}
	return r;
}

/* The rules that come first, so that an example is one of what will be. */
static int compare_all(struct comparison *c)
{
	const struct hdl_preview_sides *sides = c->sides;
	int r = try_all(c, true);

	if (r == 0)
		r = try_all(c, false);
	for (size_t i = 0; i < sides->after_view_count && r == 0; i++)
		if (sides->after_views[i].view != sides->after_views[i].other)
			r = try_viewpoint(c, true, &sides->after_views[i]);
	for (size_t i = 0; i < sides->before_view_count && r == 0; i++)
		if (sides->before_views[i].view != sides->before_views[i].other)
			r = try_viewpoint(c, false, &sides->before_views[i]);
	return r;
}

int hdl_preview_routes(struct hdl_preview *preview, const struct hdl_preview_sides *sides)
{
	struct comparison c = { .preview = preview, .sides = sides, .scratch = hdl_arena_new(0) };
	int r = c.scratch && sides->before.snapshot != sides->after.snapshot ? compare_all(&c) :
		c.scratch                                                    ? 0 :
									       -ENOMEM;

	hdl_arena_free(c.scratch);
	free(c.rules.at);
	free(c.outcomes.at);
	return r;
}
