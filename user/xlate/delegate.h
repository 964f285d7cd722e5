/* SPDX-License-Identifier: Apache-2.0 */
/* Delegation of VirtualServices (specification A.4): a root and its delegates become one list of http rules. Pure. */
#ifndef HDL_XLATE_DELEGATE_H
#define HDL_XLATE_DELEGATE_H

#include "base/arena.h"
#include "model/diag.h"
#include "model/istio.h"
#include "model/resource.h"

/* Pairs of a root's and a delegate's match blocks that are looked at for one rule; with more the rule is dropped. */
#define HDL_DELEGATE_PAIRS_MAX 65536
/* Pairs of their conditions (headers, parameters, labels, gateways) that are looked at for one root: time and memory. */
#define HDL_DELEGATE_CONDITION_PAIRS_MAX 4194304

struct hdl_delegates {
	struct hdl_arena *arena; /* where merged rules are made */
	struct hdl_diags *diags;
	/* The VirtualService of that name, with hosts or without; NULL: there is none. */
	const struct hdl_resource *(*find)(void *user, const char *ns, const char *name);
	void *user;
};

bool hdl_has_delegates(const struct hdl_virtual_service *root);
/*
 * root's VirtualService with the rules of its delegates in place of the entries that name them; each rule has `source`
 * and `field` set. One diagnostic for each entry of the root and each rule of a delegate that is dropped. 0 or -ENOMEM.
 */
int hdl_delegates_merge(const struct hdl_delegates *d, const struct hdl_resource *root,
			const struct hdl_virtual_service **ret);

#endif
