/* SPDX-License-Identifier: Apache-2.0 */
/* Route configurations of snapshots: lists of the virtual hosts that units have made. */
#include "xlate/configs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "xlate/ingress.h"

/* As snapshots have it; its name comes behind the virtual hosts. */
struct hdl_xl_config_ir {
	struct hdl_ir_retired retired;
	struct hdl_ir_route_config ir;
	const struct hdl_ir_vhost *vhosts[];
};

struct hdl_xl_listeners {
	struct hdl_ir_retired retired;
	struct hdl_ir_gateway_listener at[];
};

static void free_config(struct hdl_ir_retired *retired)
{
	struct hdl_xl_config_ir *config = (struct hdl_xl_config_ir *)retired;

	if (config->ir.table)
		config->ir.free_table(config->ir.table);
	hdl_ir_free(config);
}

static void retire_config(struct hdl_xl *xl, struct hdl_xl_config_ir *config)
{
	if (config)
		hdl_ir_generation_retire(xl->generation, &config->retired, free_config);
}

static void free_listeners(struct hdl_ir_retired *retired)
{
	hdl_ir_free(retired);
}

static void retire_listeners(struct hdl_xl *xl, struct hdl_xl_listeners *listeners)
{
	if (listeners)
		hdl_ir_generation_retire(xl->generation, &listeners->retired, free_listeners);
}

static struct hdl_xl_config_ir *config_new(const struct hdl_xl *xl, const char *name, uint16_t port, bool gateway,
					   size_t n)
{
	struct hdl_xl_config_ir *config =
		hdl_ir_alloc(1, sizeof(*config) + n * sizeof(const struct hdl_ir_vhost *) + strlen(name) + 1);

	if (!config)
		return NULL;
	config->retired.born = hdl_ir_generation_next(xl->generation);
	config->ir.name = memcpy(&config->vhosts[n], name, strlen(name) + 1);
	config->ir.port = port;
	config->ir.gateway = gateway;
	config->ir.vhosts = config->vhosts;
	config->ir.vhost_count = n;
	return config;
}

void hdl_xl_configs_done(struct hdl_xl *xl, struct hdl_xl_configs *c)
{
	for (struct hdl_xl_config *config = c->mesh, *next; config; config = next) {
		next = config->next;
		retire_config(xl, config->ir);
		hdl_xl_order_done(&config->vhosts);
		hdl_ir_free(config);
	}
	for (size_t i = 0; i < c->gateways; i++)
		retire_config(xl, c->gateway[i]);
	hdl_ir_free(c->gateway);
	retire_listeners(xl, c->listeners);
	*c = (struct hdl_xl_configs){ 0 };
}

/* ---- mesh ---- */

static struct hdl_xl_config *config_of(struct hdl_xl_configs *c, uint16_t port)
{
	struct hdl_xl_config **at = &c->mesh, *config;

	while (*at && (*at)->port < port)
		at = &(*at)->next;
	if (*at && (*at)->port == port)
		return *at;
	config = hdl_ir_alloc(1, sizeof(*config));
	if (!config)
		return NULL;
	config->port = port;
	config->next = *at;
	*at = config;
	return config;
}

int hdl_xl_configs_set(struct hdl_xl_configs *c, uint64_t label, const struct hdl_xl_vhost *v, size_t n, bool set)
{
	for (size_t i = 0; i < n; i++) {
		struct hdl_xl_config *config = config_of(c, v[i].port);
		struct hdl_xl_place at = { .label = label, .place = v[i].place };

		if (!config || hdl_xl_order_set(&config->vhosts, at, set ? NULL : v[i].ir, set ? v[i].ir : NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int patch_mesh(struct hdl_xl *xl, struct hdl_xl_config *config, bool of_view)
{
	const struct hdl_xl_order *o = &config->vhosts;
	struct hdl_xl_config_ir *made = NULL;
	char name[8];

	/* hosts that no service has need a port that a service has */
	if (o->n && (of_view || !(o->entry[0].at.label & HDL_XL_OUTSIDE_LABEL))) {
		snprintf(name, sizeof(name), "%u", config->port);
		made = config_new(xl, name, config->port, false, o->n);
		if (!made)
			return -ENOMEM;
		for (size_t i = 0; i < o->n; i++)
			made->vhosts[i] = o->entry[i].object;
	}
	retire_config(xl, config->ir);
	config->ir = made;
	return 0;
}

/* ---- gateways ---- */

/* The configuration of the listener: the one that there was, when its virtual hosts are the same; else a new one. */
static struct hdl_xl_config_ir *gateway_config(const struct hdl_xl *xl, const struct hdl_xl_configs *c,
					       const struct hdl_xl_listener *l, const char *name)
{
	struct hdl_xl_config_ir *made = config_new(xl, name, l->port, true, l->domain_count);
	size_t n = 0;

	if (!made)
		return NULL;
	for (const struct hdl_xl_domain *d = l->first; d; d = d->next)
		made->vhosts[n++] = ((const struct hdl_xl_gateway_vhost *)d->unit->product)->ir;
	for (size_t i = 0; i < c->gateways; i++) {
		struct hdl_xl_config_ir *before = c->gateway[i];

		if (strcmp(before->ir.name, name) == 0 && before->ir.vhost_count == n &&
		    (n == 0 || memcmp(before->vhosts, made->vhosts, n * sizeof(*made->vhosts)) == 0)) {
			hdl_ir_free(made);
			return before;
		}
	}
	return made;
}

static bool is_among(struct hdl_xl_config_ir *const *list, size_t n, const struct hdl_xl_config_ir *config)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == config)
			return true;
	return false;
}

/* Takes over the list. */
static void replace_gateways(struct hdl_xl *xl, struct hdl_xl_configs *c, struct hdl_xl_config_ir **list, size_t n)
{
	for (size_t i = 0; i < c->gateways; i++)
		if (!is_among(list, n, c->gateway[i]))
			retire_config(xl, c->gateway[i]);
	hdl_ir_free(c->gateway);
	c->gateway = list;
	c->gateways = n;
}

static int list_listeners(struct hdl_xl *xl, struct hdl_xl_configs *c, const struct hdl_xl_ingress *ingress)
{
	struct hdl_xl_listeners *made = hdl_ir_alloc(1, sizeof(*made) + ingress->n * sizeof(*made->at));

	if (!made)
		return -ENOMEM;
	made->retired.born = hdl_ir_generation_next(xl->generation);
	for (size_t i = 0; i < ingress->n; i++) {
		made->at[i] = ingress->listeners[i];
		made->at[i].route_config = &c->gateway[i]->ir;
	}
	retire_listeners(xl, c->listeners);
	c->listeners = made;
	return 0;
}

static int patch_gateways(struct hdl_xl *xl, struct hdl_xl_configs *c)
{
	const struct hdl_xl_ingress *ingress = (const struct hdl_xl_ingress *)xl->ingress->product;
	struct hdl_xl_config_ir **list = hdl_ir_alloc(ingress->n, sizeof(struct hdl_xl_config_ir *));
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	for (const struct hdl_xl_listener *l = xl->plan->first; l; l = l->next, n++) {
		list[n] = gateway_config(xl, c, l, ingress->names[n]);
		if (!list[n]) {
			/* those before are of this list or of the last one: all go with the state */
			for (size_t i = 0; i < n; i++)
				if (!is_among(c->gateway, c->gateways, list[i]))
					hdl_ir_free(list[i]);
			hdl_ir_free(list);
			return -ENOMEM;
		}
	}
	replace_gateways(xl, c, list, n);
	return list_listeners(xl, c, ingress);
}

/* ---- both ---- */

int hdl_xl_configs_patch(struct hdl_xl *xl, struct hdl_xl_configs *c, bool *ret_changed)
{
	bool changed = c->ingress_changed;

	for (struct hdl_xl_config *config = c->mesh; config; config = config->next) {
		if (hdl_xl_order_commit(&config->vhosts) < 0 ||
		    (config->vhosts.changes && patch_mesh(xl, config, c->of_view) < 0))
			return -ENOMEM;
		changed |= config->vhosts.changes != 0;
	}
	if (c->ingress_changed && patch_gateways(xl, c) < 0)
		return -ENOMEM;
	c->ingress_changed = false;
	*ret_changed = changed;
	return 0;
}

size_t hdl_xl_configs_list(const struct hdl_xl_configs *c, void **at)
{
	size_t n = 0;

	for (const struct hdl_xl_config *config = c->mesh; config; config = config->next) {
		if (config->ir && at)
			at[n] = &config->ir->ir;
		n += config->ir != NULL;
	}
	for (size_t i = 0; i < c->gateways; i++, n++)
		if (at)
			at[n] = &c->gateway[i]->ir;
	return n;
}

struct hdl_ir_gateway_listener *hdl_xl_configs_listeners(const struct hdl_xl_configs *c)
{
	return c->listeners->at;
}
