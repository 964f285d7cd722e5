/* SPDX-License-Identifier: Apache-2.0 */
/* Route configurations of snapshots, of the mesh and of gateways, each shared while its virtual hosts are the same. */
#ifndef HDL_XLATE_CONFIGS_H
#define HDL_XLATE_CONFIGS_H

#include "xlate/order.h"
#include "xlate/priv.h"

/* After all labels of sources: hosts that no service has come last. */
#define HDL_XL_OUTSIDE_LABEL (1ull << 63)

struct hdl_xl_config_ir;

/* The virtual hosts of a port of the mesh. */
struct hdl_xl_config {
	uint16_t port;
	struct hdl_xl_order vhosts;
	struct hdl_xl_config_ir *ir; /* NULL: no service has the port */
	struct hdl_xl_config *next;  /* by port */
};

struct hdl_xl_listeners;

struct hdl_xl_configs {
	struct hdl_xl_config *mesh;
	struct hdl_xl_config_ir **gateway; /* parallel to listeners */
	size_t gateways;
	struct hdl_xl_listeners *listeners;
	bool ingress_changed; /* since the last patch */
	bool of_view;         /* ports need no service */
};

/* Virtual hosts that a unit has (set) or has no more. 0 or -ENOMEM. */
int hdl_xl_configs_set(struct hdl_xl_configs *configs, uint64_t label, const struct hdl_xl_vhost *v, size_t n,
		       bool set);
/* Makes what changed anew; *ret_changed: something did. 0 or -ENOMEM. */
int hdl_xl_configs_patch(struct hdl_xl *xl, struct hdl_xl_configs *configs, bool *ret_changed);
/* All of them, those of the mesh first; at may be NULL. Returns how many. */
size_t hdl_xl_configs_list(const struct hdl_xl_configs *configs, void **at);
struct hdl_ir_gateway_listener *hdl_xl_configs_listeners(const struct hdl_xl_configs *configs);
/* What snapshots have goes with the newest generation. */
void hdl_xl_configs_done(struct hdl_xl *xl, struct hdl_xl_configs *configs);

#endif
