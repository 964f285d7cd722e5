/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From an address to the records of one epoch (abi_lb.h, "Identity and versions").
 *
 * Programs run inside an RCU read-side section and the daemon reuses nothing before a grace period, so the version that
 * counts can be read in place: it is immutable as long as this program runs.
 */
#ifndef HDL_BPF_LOOKUP_H
#define HDL_BPF_LOOKUP_H

#include <bpf/bpf_endian.h>
#include "bpf/lib/tables.h"

struct hdl_found {
	__u32 service; /* id; 0 = the address is in no table */
	__u64 epoch;   /* all records of this decision belong to it */
};

HDL_CORE int hdl_vip_key_equal(const struct hdl_vip_key *a, const struct hdl_vip_key *b)
{
	return hdl_addr_equal(&a->address, &b->address) && a->port == b->port && a->protocol == b->protocol &&
	       a->prefix == b->prefix && a->class_id == b->class_id;
}

/* What holds for the clients of a namespace at the epoch; NULL: class 0 and no flags. */
HDL_CORE const struct hdl_client_version *hdl_lookup_client(const struct hdl_workload *who, __u64 epoch)
{
	__u32 id = who ? who->client : 0;
	const struct hdl_client *record = bpf_map_lookup_elem(&client, &id);
	const struct hdl_client_version *at;
	int version;

	if (!record)
		return NULL;
	version = hdl_core_version(*(const volatile __u64 *)&record->version[0].epoch,
				   *(const volatile __u64 *)&record->version[1].epoch, epoch);
	if (version < 0)
		return NULL;
	at = version ? &record->version[1] : &record->version[0];
	return id == 0 || at->workload == who->id ? at : NULL;
}

HDL_CORE const struct hdl_service_version *hdl_lookup_service_version(__u32 id, __u64 epoch)
{
	const struct hdl_service *record = bpf_map_lookup_elem(&service, &id);
	int version;

	if (!record)
		return NULL;
	version = hdl_core_version(*(const volatile __u64 *)&record->version[0].epoch,
				   *(const volatile __u64 *)&record->version[1].epoch, epoch);
	if (version < 0)
		return NULL;
	return version ? &record->version[1] : &record->version[0];
}

/*
 * The version that counts in found->epoch, or NULL: no service address (found->service is 0) or none in this epoch. A
 * hash element may be recycled while it is read, so that the id can be another service's: the version's own key tells,
 * and *ret_stale says so.
 */
HDL_CORE const struct hdl_service_version *hdl_lookup_service_at(const struct hdl_vip_key *key, struct hdl_found *found,
								 int *ret_stale)
{
	const struct hdl_service_version *version;
	const __u32 *id = bpf_map_lookup_elem(&vip, key);

	*ret_stale = 0;
	found->service = 0;
	if (!id)
		return NULL;
	found->service = *(const volatile __u32 *)id;
	version = hdl_lookup_service_version(found->service, found->epoch);
	if (!version || hdl_vip_key_equal(&version->key, key))
		return version;
	hdl_count(HDL_VERDICT_STALE_RECORD);
	found->service = 0;
	*ret_stale = 1;
	return NULL;
}

/* The service version in force; sets found->epoch, to which all further look-ups of the decision keep. */
HDL_CORE const struct hdl_service_version *hdl_lookup_service(const struct hdl_state *state,
							      const struct hdl_vip_key *key, struct hdl_found *found)
{
	const struct hdl_service_version *version = NULL;
	int stale = 1;

	found->service = 0;
	for (int attempt = 0; attempt < 2 && stale; attempt++) {
		found->epoch = hdl_load_acquire(&state->epoch);
		version = hdl_lookup_service_at(key, found, &stale);
	}
	return version;
}

/* The version for clients of a class in found->epoch; NULL where they have none of their own. */
HDL_CORE const struct hdl_service_version *hdl_lookup_class(struct hdl_vip_key *key, const struct hdl_workload *client,
							    struct hdl_found *found)
{
	const struct hdl_client_version *who = hdl_lookup_client(client, found->epoch);
	struct hdl_found own = { .epoch = found->epoch };
	const struct hdl_service_version *version;
	int stale;

	if (!who || who->class_id == 0)
		return NULL;
	key->class_id = who->class_id;
	version = hdl_lookup_service_at(key, &own, &stale);
	if (stale)
		version = hdl_lookup_service_at(key, &own, &stale);
	if (version)
		found->service = own.service;
	return version;
}

/* What is asked about one place that services may know and leave as it is. */
struct hdl_known {
	struct hdl_addr address;
	__be16 port;
	__u8 protocol;
	__u8 prefix;
	__u32 class_id; /* the client's */
	__u64 epoch;
};

/* A global function: the verifier walks it once, not once for each prefix. */
__weak __noinline int hdl_lookup_known(const struct hdl_known *at)
{
	struct hdl_vip_key key = { .port = 0 };
	struct hdl_found found = { .epoch = 0 };
	const struct hdl_service_version *version, *own;
	int stale;

	if (!at)
		return 0;
	key.address = at->address;
	key.port = at->port;
	key.protocol = at->protocol;
	key.prefix = at->prefix;
	found.epoch = at->epoch;
	version = hdl_lookup_service_at(&key, &found, &stale);
	if (version && (version->flags & HDL_SERVICE_CLASSES) && at->class_id) {
		key.class_id = at->class_id;
		own = hdl_lookup_service_at(&key, &found, &stale);
		if (own && (own->label != HDL_LABEL_NONE || (own->flags & HDL_SERVICE_HIDDEN)))
			version = own;
	}
	return version && version->label == HDL_LABEL_DIRECT;
}

/* The address with the bits beyond the prefix taken away. */
__weak __noinline int hdl_lookup_mask(struct hdl_known *at, const struct hdl_addr *address, __u32 prefix)
{
	if (!at || !address)
		return 0;
	at->prefix = prefix;
	for (__u32 word = 0; word < 4; word++) {
		__u32 begin = word * 32, bits = prefix <= begin ? 0 : prefix - begin;

		at->address.word[word] = bits == 0  ? 0 :
					 bits >= 32 ? address->word[word] :
						      address->word[word] & bpf_htonl(~0u << (32 - bits));
	}
	return 1;
}

/*
 * Whether some service that the client sees is dialled at this port of whatever address: a ServiceEntry of names, which
 * the client resolves by itself; or of a range that the address is in.
 */
HDL_CORE int hdl_lookup_known_port(const struct hdl_vip_key *dialled, const struct hdl_workload *client, __u64 epoch)
{
	const struct hdl_client_version *who = hdl_lookup_client(client, epoch);
	struct hdl_known at = { .address = hdl_addr_every(),
				.port = dialled->port,
				.protocol = dialled->protocol,
				.class_id = who ? who->class_id : 0,
				.epoch = epoch };
	const struct hdl_state *state = hdl_state();

	if (hdl_lookup_known(&at))
		return 1;
	for (__u32 prefix = 1; state && prefix < 128; prefix++) {
		if (!(state->prefixes[prefix / 64] & 1ull << prefix % 64))
			continue;
		hdl_lookup_mask(&at, &dialled->address, prefix);
		if (hdl_lookup_known(&at))
			return 1;
	}
	return 0;
}

/* Cluster id of the weighted destination that takes the draw; HDL_CLUSTER_NONE also when the rows are out of range. */
HDL_CORE __u32 hdl_lookup_route(const struct hdl_service_version *version, __u32 draw)
{
	__u32 count = version->route_count, offset = version->route_offset;

	for (__u32 i = 0; i < HDL_ROUTE_DESTINATIONS_MAX; i++) {
		__u32 index = offset + i;
		const struct hdl_route_row *row;

		if (i >= count)
			break;
		row = bpf_map_lookup_elem(&route, &index);
		if (!row)
			break;
		if (hdl_core_takes(row->threshold, draw))
			return row->cluster;
	}
	return HDL_CLUSTER_NONE;
}

HDL_CORE const struct hdl_cluster_version *hdl_lookup_cluster(__u32 id, __u64 epoch)
{
	const struct hdl_cluster *record = bpf_map_lookup_elem(&cluster, &id);
	int version;

	if (!record)
		return NULL;
	version = hdl_core_version(*(const volatile __u64 *)&record->version[0].epoch,
				   *(const volatile __u64 *)&record->version[1].epoch, epoch);
	if (version < 0)
		return NULL;
	return version ? &record->version[1] : &record->version[0];
}

#endif
