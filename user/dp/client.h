/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes of clients: pods of this node for whom the same rules of layer 4 hold. A class is a view, and those of the
 * conditions in force about sources that its pods meet; class 0 has no view and meets none, as clients that are no known
 * pod. Its id is a hash of that, so that a class keeps its id over changes of others and over restarts; the next free
 * number when another class has it.
 */
#ifndef HDL_DP_CLIENT_H
#define HDL_DP_CLIENT_H

#include "base/arena.h"
#include "base/diff.h"
#include "ir/snapshot.h"

/* Pointers to pointers: open addressing, filled once. */
struct hdl_ptrmap {
	const void **key, **value;
	size_t size, count; /* size: a power of two, 0 = empty */
};
int hdl_ptrmap_init(struct hdl_ptrmap *map, struct hdl_arena *arena, size_t max);
/* False when it was there: its value stays. */
bool hdl_ptrmap_add(struct hdl_ptrmap *map, const void *key, const void *value);
bool hdl_ptrmap_get(const struct hdl_ptrmap *map, const void *key, const void **ret_value);

struct hdl_client_class {
	uint32_t id;                           /* not 0 */
	uint64_t identity;                     /* hash of what makes the class, 0 = class 0 */
	const struct hdl_ir_view *view;        /* NULL: none, or one that is the same as none at layer 4 */
	const struct hdl_ir_workload *example; /* one of its pods: what holds for it holds for all */
	const struct hdl_ptrmap *seen;         /* by port: hdl_ir_view_port.seen; NULL without a view */
};

struct hdl_client_pod {
	const struct hdl_ir_workload *pod;
	uint32_t class_id, flags; /* enum hdl_client_flags */
	uint64_t identity;        /* of the class */
};

/* Of one snapshot; immutable. */
struct hdl_client_table {
	struct hdl_arena *arena;
	const struct hdl_client_class *classes; /* by id; class 0 is not among them */
	size_t class_count;
	const struct hdl_client_pod *pods; /* all that may be on this node */
	size_t pod_count;
	const struct hdl_client_pod *fresh; /* of these, the ones that are not as in the table before */
	size_t fresh_count;
	const struct hdl_ir_service_port *const *sourced; /* ports of the snapshot with rules that ask for the source */
	size_t sourced_count;
	const char *const *conditions; /* in force about sources, sorted */
	size_t condition_count;
	bool registry_only; /* holds for some pod */
};

struct hdl_client_input {
	const struct hdl_snapshot *now, *next; /* now NULL: the first */
	const struct hdl_client_table *table;  /* of now; NULL: none */
	const struct hdl_diff *pods, *ports;   /* from now to next */
	/* Pods that were found on this node, whatever their spec says: by number (hdl_ir_workload.id). */
	bool (*is_here)(void *data, uint32_t number);
	void *data;
	bool all; /* who is here changed */
};

/* *ret: NULL when the table of now goes on to count. 0 or -ENOMEM. */
int hdl_client_table_make(const struct hdl_client_input *in, struct hdl_client_table **ret);
struct hdl_client_table *hdl_client_table_free(struct hdl_client_table *table);

/* What clients of the class (NULL: class 0) get instead of the port; NULL: nothing. */
const struct hdl_ir_service_port *hdl_client_seen(const struct hdl_client_class *class,
						  const struct hdl_ir_service_port *port);
/* Whether some class may get something else than class 0. */
bool hdl_client_matters(const struct hdl_client_table *table, const struct hdl_ir_service_port *port);
/* Ports in both snapshots and in no diff that some class sees otherwise now, each once. 0 or -ENOMEM. */
int hdl_client_changed_ports(const struct hdl_client_table *now, const struct hdl_client_table *next,
			     const struct hdl_diff *ports, struct hdl_arena *arena,
			     const struct hdl_ir_service_port ***ret, size_t *ret_count);

#endif
