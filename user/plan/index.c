/* SPDX-License-Identifier: Apache-2.0 */
/* One side of the comparison, sorted for look-ups; and the set of what was shown. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "plan/priv.h"

int hdl_preview_order_configs(const struct hdl_ir_route_config *a, const struct hdl_ir_route_config *b)
{
	return a->gateway != b->gateway ? (int)a->gateway - (int)b->gateway : strcmp(a->name, b->name);
}

int hdl_preview_order_ports(const struct hdl_ir_service_port *a, const struct hdl_ir_service_port *b)
{
	int r = strcmp(a->service->fqdn, b->service->fqdn);

	if (r == 0)
		r = (int)a->port - (int)b->port;
	return r ? r : (a->protocol == HDL_IR_UDP) - (b->protocol == HDL_IR_UDP);
}

static int by_config(const void *a, const void *b)
{
	return hdl_preview_order_configs(*(const struct hdl_ir_route_config *const *)a,
					 *(const struct hdl_ir_route_config *const *)b);
}

static int by_port(const void *a, const void *b)
{
	return hdl_preview_order_ports(*(const struct hdl_ir_service_port *const *)a,
				       *(const struct hdl_ir_service_port *const *)b);
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (const struct hdl_ir_vhost *const *)a,
		  y = (uintptr_t) * (const struct hdl_ir_vhost *const *)b;

	return x < y ? -1 : x > y;
}

static void note_l4(struct hdl_preview_index *index, const struct hdl_ir_service_port *port)
{
	if (port && port->label == HDL_LABEL_L4 && port->vhost)
		index->l4_vhosts[index->l4_vhost_count++] = port->vhost;
}

int hdl_preview_index_make(const struct hdl_snapshot *snapshot, struct hdl_preview_index *ret)
{
	size_t configs = snapshot->route_config_count, ports = snapshot->service_port_count, seen = ports;
	struct hdl_preview_index index = { .snapshot = snapshot };

	for (size_t i = 0; i < snapshot->view_count; i++)
		seen += snapshot->views[i]->port_count;
	index.configs = calloc(configs + 1, sizeof(const struct hdl_ir_route_config *));
	index.ports = calloc(ports + 1, sizeof(const struct hdl_ir_service_port *));
	index.l4_vhosts = calloc(seen + 1, sizeof(const struct hdl_ir_vhost *));
	if (!index.configs || !index.ports || !index.l4_vhosts) {
		hdl_preview_index_done(&index);
		return -ENOMEM;
	}
	for (size_t i = 0; i < configs; i++)
		index.configs[i] = snapshot->route_configs[i];
	for (size_t i = 0; i < ports; i++) {
		index.ports[i] = snapshot->service_ports[i];
		note_l4(&index, index.ports[i]);
	}
	for (size_t i = 0; i < snapshot->view_count; i++)
		for (size_t k = 0; k < snapshot->views[i]->port_count; k++)
			note_l4(&index, snapshot->views[i]->ports[k].seen);
	qsort(index.configs, configs, sizeof(const struct hdl_ir_route_config *), by_config);
	qsort(index.ports, ports, sizeof(const struct hdl_ir_service_port *), by_port);
	qsort(index.l4_vhosts, index.l4_vhost_count, sizeof(const struct hdl_ir_vhost *), by_address);
	*ret = index;
	return 0;
}

void hdl_preview_index_done(struct hdl_preview_index *index)
{
	free(index->configs);
	free(index->ports);
	free(index->l4_vhosts);
	*index = (struct hdl_preview_index){ 0 };
}

const struct hdl_ir_service_port *hdl_preview_find_port(const struct hdl_preview_index *index, const char *fqdn,
							uint16_t port, bool udp)
{
	struct hdl_ir_service service = { .fqdn = fqdn };
	struct hdl_ir_service_port key = { .service = &service,
					   .port = port,
					   .protocol = udp ? HDL_IR_UDP : HDL_IR_AUTO };
	size_t low = 0, high = index->snapshot->service_port_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = hdl_preview_order_ports(index->ports[middle], &key);

		if (r == 0)
			return index->ports[middle];
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool hdl_preview_is_l4(const struct hdl_preview_index *index, const struct hdl_ir_vhost *vhost)
{
	return bsearch(&vhost, index->l4_vhosts, index->l4_vhost_count, sizeof(vhost), by_address) != NULL;
}

bool hdl_preview_is_new(struct hdl_preview_seen *seen, uint64_t hash)
{
	size_t i;

	hash |= 1;
	if (seen->count * 2 >= seen->slots) {
		size_t slots = seen->slots ? seen->slots * 2 : 1024;
		uint64_t *at = calloc(slots, sizeof(*at));

		if (!at)
			return true;
		for (size_t k = 0; k < seen->slots; k++) {
			if (!seen->at[k])
				continue;
			for (i = seen->at[k] & (slots - 1); at[i]; i = (i + 1) & (slots - 1))
				;
			at[i] = seen->at[k];
		}
		free(seen->at);
		seen->at = at;
		seen->slots = slots;
	}
	for (i = hash & (seen->slots - 1); seen->at[i]; i = (i + 1) & (seen->slots - 1))
		if (seen->at[i] == hash)
			return false;
	seen->at[i] = hash;
	seen->count++;
	return true;
}
