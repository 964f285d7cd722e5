/* SPDX-License-Identifier: Apache-2.0 */
/* Istio's Sidecar: what the workloads of a namespace can reach. */
#ifndef HDL_MODEL_SIDECAR_H
#define HDL_MODEL_SIDECAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/istio.h"
#include "model/value.h"

enum hdl_outbound_mode { HDL_OUTBOUND_REGISTRY_ONLY, HDL_OUTBOUND_ALLOW_ANY, HDL_OUTBOUND_ALLOW_ANY_DYNAMIC_DNS };

/* Of a Sidecar and of MeshConfig. */
struct hdl_outbound_policy {
	struct hdl_pos pos;
	struct hdl_opt_enum
		mode; /* enum hdl_outbound_mode; absent in a Sidecar: REGISTRY_ONLY, in MeshConfig: ALLOW_ANY */
	struct hdl_vs_destination *egress_proxy; /* Sidecar with ALLOW_ANY only; with a port */
};

enum hdl_capture_mode { HDL_CAPTURE_DEFAULT, HDL_CAPTURE_IPTABLES, HDL_CAPTURE_NONE };

struct hdl_sidecar_port {
	struct hdl_pos pos;
	struct hdl_opt_int number; /* 1..65535; 0 or absent: a Unix socket */
	struct hdl_text protocol, name;
	struct hdl_opt_int target_port;      /* never set */
	enum hdl_gw_protocol protocol_value; /* decoded; 0: to be detected */
};

struct hdl_sidecar_ingress { /* kept, not used: inbound traffic is not taken over */
	struct hdl_pos pos;
	struct hdl_sidecar_port *port;    /* present, numbers are unique */
	struct hdl_text bind;             /* address */
	struct hdl_opt_enum capture_mode; /* enum hdl_capture_mode */
	struct hdl_text default_endpoint; /* loopback or any address and port, or unix:///path */
	struct hdl_gw_tls *tls;
	struct hdl_dr_connection_pool *connection_pool;
};

struct hdl_sidecar_egress {
	struct hdl_pos pos;
	struct hdl_sidecar_port *port;    /* absent: every port not named by an earlier one; only the last */
	struct hdl_text bind;             /* address, or unix:///path for port 0 */
	struct hdl_opt_enum capture_mode; /* enum hdl_capture_mode */
	struct hdl_texts hosts;           /* at least one: namespace/name, either "*"; "." own namespace; "~" none */
};

struct hdl_sidecar_selector {
	struct hdl_pos pos;
	struct hdl_kvs labels; /* none: every workload of the namespace */
};

struct hdl_sidecar {
	struct hdl_pos pos;
	struct hdl_sidecar_selector *workload_selector; /* absent: every workload of the namespace */
	HDL_ARRAY_OF(struct hdl_sidecar_ingress) ingress;
	HDL_ARRAY_OF(struct hdl_sidecar_egress) egress; /* none: no restriction */
	struct hdl_dr_connection_pool *inbound_connection_pool;
	struct hdl_outbound_policy *outbound_traffic_policy;
};

#endif
