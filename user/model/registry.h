/* SPDX-License-Identifier: Apache-2.0 */
/* Istio's services and workloads that are not Kubernetes': ServiceEntry and WorkloadEntry (specification A.10). */
#ifndef HDL_MODEL_REGISTRY_H
#define HDL_MODEL_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/istio.h"
#include "model/value.h"

/*
 * A WorkloadEntry object, or an endpoint of a ServiceEntry. The address is an IP address, "unix:///path" (resolution
 * STATIC), a host name (DNS), or absent when network is given.
 */
struct hdl_workload_entry {
	struct hdl_pos pos;
	struct hdl_text address;
	HDL_ARRAY_OF(struct hdl_kint) ports; /* name of the service's port to 1..65535 */
	struct hdl_kvs labels;
	struct hdl_text network;
	struct hdl_text locality; /* as written: region/zone/subzone */
	struct hdl_opt_int weight;
	struct hdl_text service_account;
};

enum hdl_se_location { HDL_SE_MESH_EXTERNAL, HDL_SE_MESH_INTERNAL };
enum hdl_se_resolution { HDL_SE_NONE, HDL_SE_STATIC, HDL_SE_DNS, HDL_SE_DNS_ROUND_ROBIN, HDL_SE_DYNAMIC_DNS };

struct hdl_se_port {
	struct hdl_pos pos;
	struct hdl_opt_int number;           /* present, 1..65535, unique */
	struct hdl_text protocol;            /* absent or "": to be detected */
	struct hdl_text name;                /* present, unique */
	struct hdl_opt_int target_port;      /* 1..65535; absent: number */
	enum hdl_gw_protocol protocol_value; /* decoded, letters of either case; 0: to be detected; UDP: HDL_GW_UDP */
};

struct hdl_se_workload_selector {
	struct hdl_pos pos;
	struct hdl_kvs labels; /* none: every workload of the namespace */
};

struct hdl_se_status_address {
	struct hdl_pos pos;
	struct hdl_text value, host;
};

struct hdl_se_status {
	struct hdl_pos pos;
	HDL_ARRAY_OF(struct hdl_se_status_address) addresses; /* that Istio gave it */
};

struct hdl_service_entry {
	struct hdl_pos pos;
	struct hdl_texts hosts;     /* at least one, never "*" alone; not completed by namespace (A.1) */
	struct hdl_texts addresses; /* addresses, with NONE and STATIC also address/bits */
	HDL_ARRAY_OF(struct hdl_se_port) ports;
	struct hdl_opt_enum location;   /* enum hdl_se_location; absent: MESH_EXTERNAL */
	struct hdl_opt_enum resolution; /* enum hdl_se_resolution; absent: NONE */
	HDL_ARRAY_OF(struct hdl_workload_entry) endpoints;
	struct hdl_se_workload_selector *workload_selector; /* not with endpoints */
	struct hdl_texts export_to;                         /* ".", "*" or "~" alone, or namespaces */
	struct hdl_texts subject_alt_names;
	struct hdl_se_status *status;
};

#endif
