/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between the keeper and its worker process: fixed-size records over a SOCK_SEQPACKET socket, descriptors
 * beside them. The worker reads what others wrote, so the keeper takes nothing from it on trust: type, direction,
 * version, size, number of descriptors, every string's end and every number's range are checked on receipt, on both
 * sides by the same code.
 */
#ifndef HDL_HEDDLED_MSG_H
#define HDL_HEDDLED_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "heddle/abi_addr.h"
#include "heddle/abi_limits.h"

#define HDL_MSG_VERSION 1
#define HDL_MSG_PATH_MAX 4096
#define HDL_MSG_NAME_MAX 64
#define HDL_MSG_TEXT_MAX 512
#define HDL_MSG_PODS_MAX 200 /* addresses in one message */
#define HDL_MSG_MAP_FDS 30   /* descriptors of struct hdl_dp_maps, in the order of hdl_dp_maps_fd() */
#define HDL_MSG_FDS_MAX 31
#define HDL_MSG_PATTERNS_MAX 32         /* interface name patterns */
#define HDL_MSG_POD_ADDRESSES_MAX 65536 /* of one node: bounds what the keeper remembers */
#define HDL_MSG_GATEWAYS_MAX 256        /* ports that gateways listen on */
#define HDL_MSG_EDGES_MAX 100           /* interfaces of the edge */
#define HDL_MSG_EDGE_NAME_MAX 16

enum hdl_msg_side { HDL_MSG_TO_WORKER, HDL_MSG_TO_KEEPER };

/* X(number, NAME, side, body, least descriptors, most descriptors) */
#define HDL_MSGS(X)                                            \
	X(1, HELLO, TO_WORKER, hello, 0, 0)                    \
	X(2, CONFIG_BEGIN, TO_WORKER, config_mark, 0, 0)       \
	X(3, CONFIG_FILE, TO_WORKER, config_file, 0, 1)        \
	X(4, CONFIG_END, TO_WORKER, config_mark, 0, 0)         \
	X(5, MAPS, TO_WORKER, maps, 0, HDL_MSG_MAP_FDS)        \
	X(6, LISTENERS, TO_WORKER, listeners, 0, HDL_FAMILIES) \
	X(7, ADMIN, TO_WORKER, admin, 0, 2)                    \
	X(8, ACCESS_LOG, TO_WORKER, access_log, 0, 1)          \
	X(9, POD, TO_WORKER, pod, 0, 0)                        \
	X(10, POD_GONE, TO_WORKER, pod, 0, 0)                  \
	X(11, GATEWAY_SOCKET, TO_WORKER, gateway, 0, 1)        \
	X(12, RUNNING, TO_WORKER, nothing, 0, 0)               \
	X(13, DRAIN, TO_WORKER, nothing, 0, 0)                 \
	X(14, TEXT, TO_WORKER, text, 0, 0)                     \
	X(15, REOPEN, TO_WORKER, nothing, 0, 0)                \
	X(16, STATE, TO_WORKER, state, 0, 2)                   \
	X(17, PING, TO_WORKER, nothing, 0, 0)                  \
	X(18, HOOKED, TO_WORKER, hooked, 0, 0)                 \
	X(64, SETUP, TO_KEEPER, setup, 0, 0)                   \
	X(65, PODS, TO_KEEPER, pods, 0, 0)                     \
	X(66, INTERFACES, TO_KEEPER, interfaces, 0, 0)         \
	X(67, GATEWAY_LISTEN, TO_KEEPER, gateway, 0, 0)        \
	X(68, GATEWAY_CLOSE, TO_KEEPER, gateway, 0, 0)         \
	X(69, ACCESS_LOG_PATH, TO_KEEPER, access_log, 0, 0)    \
	X(70, READY, TO_KEEPER, synced, 0, 0)                  \
	X(71, SYNCED, TO_KEEPER, synced, 0, 0)                 \
	X(72, RESCAN, TO_KEEPER, config_mark, 0, 0)            \
	X(73, DRAIN_WANTED, TO_KEEPER, nothing, 0, 0)          \
	X(74, DRAINED, TO_KEEPER, nothing, 0, 0)               \
	X(75, FAILED, TO_KEEPER, failed, 0, 0)                 \
	X(76, STATE_WRITTEN, TO_KEEPER, nothing, 0, 0)         \
	X(77, PONG, TO_KEEPER, nothing, 0, 0)                  \
	X(78, EDGE, TO_KEEPER, edge, 0, 0)

enum hdl_msg_type {
#define HDL_MSG_ENUM(number, name, side, body, fds_min, fds_max) HDL_MSG_##name = number,
	HDL_MSGS(HDL_MSG_ENUM)
#undef HDL_MSG_ENUM
};

struct hdl_msg_nothing {
	uint32_t unused;
};

/* First message to a worker process: what the command line said. */
struct hdl_msg_hello {
	uint32_t mode;                          /* enum hdl_mode */
	uint32_t log_level;                     /* enum hdl_log_level */
	uint8_t log_json, strict, unprivileged; /* unprivileged: the user was changed */
	uint8_t node_config_given;              /* --node-config: NodeConfigs of other files do not count */
	uint32_t worker_count;
	uint32_t restarts; /* worker processes before this one */
	uint64_t keeper_pid;
	uint64_t start_ns;                 /* of the keeper, CLOCK_MONOTONIC */
	char access_log[HDL_MSG_PATH_MAX]; /* of --access-log; "" = NodeConfig decides */
	char bpffs[HDL_MSG_PATH_MAX];      /* where the maps are pinned; "" in mode proxy */
};

/* One pass over the configuration: BEGIN, one FILE for each, END. */
struct hdl_msg_config_mark {
	uint64_t sequence;
	uint64_t request;  /* of the RESCAN that it answers; 0 = none */
	uint64_t event_ns; /* BEGIN: when the first change that it brings was seen, CLOCK_MONOTONIC; 0 = no event */
	uint8_t partial;   /* BEGIN: only files that changed are named */
	uint8_t padding[7];
};

enum hdl_msg_file_kind {
	HDL_MSG_FILE_CONFIG,
	HDL_MSG_FILE_NODE, /* the one of --node-config */
};

struct hdl_msg_config_file {
	uint32_t kind; /* enum hdl_msg_file_kind */
	int32_t error; /* errno of the attempt to open it; then no descriptor */
	uint8_t same;  /* as in the pass before: no descriptor */
	uint8_t gone;  /* in a partial pass: no descriptor */
	uint8_t padding[6];
	char path[HDL_MSG_PATH_MAX];
};

struct hdl_msg_maps {
	uint32_t present; /* bit i: descriptor of the i-th map of the list follows, in that order */
	uint32_t padding;
};

/* Transparent listeners of one proxy worker; bit 0 of present: IPv4, bit 1: IPv6. */
struct hdl_msg_listeners {
	uint32_t worker;
	uint32_t present;
	uint16_t port[HDL_FAMILIES];
};

struct hdl_msg_admin {
	uint32_t present; /* bit 0: unix socket, bit 1: TCP */
	uint32_t padding;
};

/* The state file: bit 0 of present: the one that is there; bit 1: an empty one to write. */
struct hdl_msg_state {
	uint32_t present;
	uint32_t padding;
};

/* To the keeper: the path wanted, "" = off. To the worker: the same with errno or a descriptor. */
struct hdl_msg_access_log {
	int32_t error;
	uint32_t padding;
	char path[HDL_MSG_PATH_MAX];
};

enum hdl_msg_pod_flags {
	HDL_MSG_POD_TC = 1, /* a tc program sees what the pod sends */
};

/*
 * A network namespace of the node: the addresses of the list that it has (zero = none of that family), or none at all when
 * only an interface of it was asked for. POD_GONE: by cookie alone.
 */
struct hdl_msg_pod {
	struct hdl_addr address[HDL_FAMILIES];
	uint64_t netns_cookie;
	uint32_t flags;
	uint32_t padding;
};

/* port in host order; worker and error only in the answer. */
struct hdl_msg_gateway {
	struct hdl_addr address; /* zero = all addresses; in the answer always one of a family */
	uint16_t port;
	uint16_t worker;
	int32_t error;          /* errno; then no descriptor */
	struct hdl_addr wanted; /* in the answer: the address that was asked for */
};

enum hdl_msg_text_kind {
	HDL_MSG_TEXT_FEATURE, /* of the kernel */
	HDL_MSG_TEXT_HOOK,    /* what is attached where */
};

/* For `heddlectl status`; index 0 starts the list of that kind anew. */
struct hdl_msg_text {
	uint32_t kind;
	uint32_t index;
	uint32_t in_force;
	uint32_t padding;
	char name[HDL_MSG_NAME_MAX];
	char detail[HDL_MSG_TEXT_MAX];
};

/* What NodeConfig says that only the keeper can do. */
struct hdl_msg_setup {
	uint32_t packet_mark, packet_mask, route_table;
	uint32_t capacity_services, capacity_endpoints, capacity_flows; /* 0 = default */
	uint32_t drain_timeout_ms;
	uint32_t sockmap; /* 1: the short cut, where the kernel is fit for it */
};

/* Addresses of the pods to find: BEGIN with first 0, `more` until the last part. */
struct hdl_msg_pods {
	uint32_t first, count;
	uint32_t more, padding;
	struct hdl_addr address[HDL_MSG_PODS_MAX];
};

enum hdl_msg_packet_path { HDL_MSG_PACKETS_AUTO, HDL_MSG_PACKETS_ON, HDL_MSG_PACKETS_OFF };

/* Which programs pods' interfaces get. The answer is HOOKED with the same sequence, when they have them. */
struct hdl_msg_interfaces {
	uint64_t sequence;
	uint32_t punt;        /* 1: some service port needs requests */
	uint32_t packet_path; /* enum hdl_msg_packet_path */
	uint32_t redirect;    /* 1: packets go straight into pods of this node */
	uint32_t count;       /* patterns; 0 = the interfaces of known pods */
	char pattern[HDL_MSG_PATTERNS_MAX][HDL_MSG_NAME_MAX];
};

enum hdl_msg_xdp { HDL_MSG_XDP_AUTO, HDL_MSG_XDP_NATIVE, HDL_MSG_XDP_GENERIC, HDL_MSG_XDP_OFF };

/* Interfaces by which connections from outside come in. */
struct hdl_msg_edge {
	uint32_t xdp; /* enum hdl_msg_xdp */
	uint32_t syn_rate, syn_burst;
	uint16_t port_first, port_last; /* host order */
	uint32_t count;
	char name[HDL_MSG_EDGES_MAX][HDL_MSG_EDGE_NAME_MAX];
};

struct hdl_msg_hooked {
	uint64_t sequence;
};

/* A pass over the configuration is in force, or refused. */
struct hdl_msg_synced {
	uint64_t sequence, epoch;
	uint32_t refused; /* the change as a whole did not fit */
	uint32_t errors;  /* of documents */
	uint32_t again;   /* it could not be taken, for want of memory: tell all of it once more */
	uint32_t padding;
};

struct hdl_msg_failed {
	uint32_t status; /* exit status: 1 or 3 */
	char text[HDL_MSG_TEXT_MAX];
};

struct hdl_msg {
	uint32_t type; /* enum hdl_msg_type */
	unsigned int fd_count;
	int fd[HDL_MSG_FDS_MAX];
	union {
		struct hdl_msg_nothing nothing;
		struct hdl_msg_hello hello;
		struct hdl_msg_config_mark config_mark;
		struct hdl_msg_config_file config_file;
		struct hdl_msg_maps maps;
		struct hdl_msg_listeners listeners;
		struct hdl_msg_admin admin;
		struct hdl_msg_state state;
		struct hdl_msg_access_log access_log;
		struct hdl_msg_pod pod;
		struct hdl_msg_gateway gateway;
		struct hdl_msg_text text;
		struct hdl_msg_setup setup;
		struct hdl_msg_pods pods;
		struct hdl_msg_interfaces interfaces;
		struct hdl_msg_hooked hooked;
		struct hdl_msg_edge edge;
		struct hdl_msg_synced synced;
		struct hdl_msg_failed failed;
	};
};

/* On the wire: this, then the body of exactly the type's size. */
struct hdl_msg_header {
	uint16_t version, type;
	uint32_t body_bytes;
};

#define HDL_MSG_WIRE_MAX (sizeof(struct hdl_msg_header) + sizeof(struct hdl_msg))

/* Name for logs; NULL when there is no such type. */
const char *hdl_msg_name(uint32_t type);
/* Bytes written; -EINVAL for what a receiver of that side would refuse. */
int hdl_msg_encode(const struct hdl_msg *msg, enum hdl_msg_side to, void *wire, size_t size, struct hdl_err *err);
/* Takes the descriptors into *ret on success only. -EPROTO with the reason. */
int hdl_msg_decode(const void *wire, size_t n, const int *fds, unsigned int fd_count, enum hdl_msg_side at,
		   struct hdl_msg *ret, struct hdl_err *err);
/* Copies a string into a field of a body. -ENAMETOOLONG. */
int hdl_msg_set_text(char *field, size_t size, const char *text);

#endif
