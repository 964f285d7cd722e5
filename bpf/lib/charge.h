/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Counting a socket at its endpoint (health.active) and its cluster (balance.connections), once, and giving it back,
 * once.
 *
 * A socket is charged while connect() holds it, and given back by whoever comes first: a new connect() of the same
 * socket, the kernel closing it, or the application. These can meet, hence the swap of `charged`.
 *
 * The cluster's budget (max_connections) is taken before there is a connection, so that never one more is open than
 * allowed; of two that compete for the last place both may be refused. All connections are counted, with and without a
 * limit: so a limit that is set later counts those that are open. A connect() that ends before a packet is sent (no
 * route, no free port) tells no hook: its place is given back by the next connect() of the socket, or by its close.
 */
#ifndef HDL_BPF_CHARGE_H
#define HDL_BPF_CHARGE_H

#include "bpf/lib/ctx_sock.h"
#include "heddle/abi_conn.h"

/* The health record of the socket's endpoint, or NULL when the endpoint is gone (its id may be another's). */
HDL_CORE struct hdl_health *hdl_charge_health(const struct hdl_sock *record)
{
	struct hdl_health *of_endpoint = hdl_tables_health(NULL, record->endpoint);

	if (!of_endpoint || *(const volatile __u32 *)&of_endpoint->generation != record->generation)
		return NULL;
	return of_endpoint;
}

/* The record of the flow's cluster; NULL: the id is about to be another's, and this cluster's count is gone. */
HDL_CORE struct hdl_balance *hdl_charge_balance(const struct hdl_flow *flow)
{
	struct hdl_balance *of_cluster = hdl_tables_balance(NULL, flow->cluster);

	if (!of_cluster || *(const volatile __u32 *)&of_cluster->generation != flow->cluster_generation)
		return NULL;
	return of_cluster;
}

/* Whether all places are taken: looked at before an endpoint is chosen, so that who is refused takes nobody's turn. */
HDL_CORE int hdl_charge_is_full(const struct hdl_flow *flow, __u32 max_connections)
{
	struct hdl_balance *of_cluster = hdl_charge_balance(flow);

	if (!of_cluster || max_connections == 0 || *(const volatile __u32 *)&of_cluster->connections < max_connections)
		return 0;
	hdl_add_u32(&of_cluster->connections_overflow, 1);
	return 1;
}

/* Takes a place in the flow's cluster. 0 = all are taken. */
HDL_CORE int hdl_charge_cluster(struct hdl_flow *flow, __u32 max_connections)
{
	struct hdl_balance *of_cluster = hdl_charge_balance(flow);
	__u32 before;

	if (!of_cluster)
		return 1;
	before = __sync_fetch_and_add(&of_cluster->connections, 1);
	/* below 0 only while maps are replaced: some that began in the old ones ended in these */
	if (max_connections && before >= max_connections && (__s32)before >= 0) {
		hdl_add_u32(&of_cluster->connections, -1);
		hdl_add_u32(&of_cluster->connections_overflow, 1);
		return 0;
	}
	flow->charged |= HDL_CHARGED_CLUSTER;
	return 1;
}

HDL_CORE void hdl_uncharge_cluster(__u32 cluster, __u32 generation)
{
	struct hdl_balance *of_cluster = hdl_tables_balance(NULL, cluster);

	if (of_cluster && *(const volatile __u32 *)&of_cluster->generation == generation)
		hdl_add_u32(&of_cluster->connections, -1);
}

/* Charges the endpoint too, and writes down what the socket holds from now on. */
HDL_CORE void hdl_charge(struct hdl_sock *record, __u32 charged)
{
	struct hdl_health *of_endpoint = hdl_charge_health(record);

	if (of_endpoint) {
		hdl_add_u32(&of_endpoint->active, 1);
		charged |= HDL_CHARGED_ENDPOINT;
	}
	record->charged = charged;
}

HDL_CORE void hdl_uncharge(struct hdl_sock *record)
{
	struct hdl_health *of_endpoint;
	__u32 charged;

	if (!record->charged)
		return;
	charged = __sync_lock_test_and_set(&record->charged, 0);
	if (charged & HDL_CHARGED_ENDPOINT) {
		of_endpoint = hdl_charge_health(record);
		if (of_endpoint && of_endpoint->active)
			hdl_add_u32(&of_endpoint->active, -1);
	}
	if (charged & HDL_CHARGED_CLUSTER)
		hdl_uncharge_cluster(record->cluster, record->cluster_generation);
}

#endif
