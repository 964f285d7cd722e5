/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Counting a socket at its endpoint (health.active), once, and giving it back, once.
 *
 * A socket is charged while connect() holds it, and given back by whoever comes first: a new connect() of the same
 * socket, the kernel closing it, or the application. These can meet, hence the swap of `charged`.
 */
#ifndef HDL_BPF_CHARGE_H
#define HDL_BPF_CHARGE_H

#include "bpf/lib/tables.h"
#include "heddle/abi_conn.h"

/* The health record of the socket's endpoint, or NULL when the endpoint is gone (its id may be another's). */
HDL_CORE struct hdl_health *hdl_charge_health(const struct hdl_sock *record)
{
	struct hdl_health *of_endpoint = hdl_tables_health(NULL, record->endpoint);

	if (!of_endpoint || *(const volatile __u32 *)&of_endpoint->generation != record->generation)
		return NULL;
	return of_endpoint;
}

HDL_CORE void hdl_charge(struct hdl_sock *record)
{
	struct hdl_health *of_endpoint = hdl_charge_health(record);

	if (!of_endpoint)
		return;
	hdl_add_u32(&of_endpoint->active, 1);
	record->charged = 1;
}

HDL_CORE void hdl_uncharge(struct hdl_sock *record)
{
	struct hdl_health *of_endpoint;

	if (!record->charged || !__sync_lock_test_and_set(&record->charged, 0))
		return;
	of_endpoint = hdl_charge_health(record);
	if (of_endpoint && of_endpoint->active)
		hdl_add_u32(&of_endpoint->active, -1);
}

#endif
