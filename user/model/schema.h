/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that describe every message of every kind: they drive decoding, and may drive printing and documentation. */
#ifndef HDL_MODEL_SCHEMA_H
#define HDL_MODEL_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/istio.h"
#include "model/kube.h"
#include "model/nodeconfig.h"
#include "model/resource.h"
#include "model/value.h"

/* Each names the type of the struct member that it fills. */
enum hdl_field_type {
	HDL_FIELD_STRING,        /* struct hdl_text, at most max characters (0: no bound) */
	HDL_FIELD_BOOL,          /* struct hdl_opt_bool */
	HDL_FIELD_INT,           /* struct hdl_opt_int, min..max */
	HDL_FIELD_DOUBLE,        /* struct hdl_opt_double, min..max */
	HDL_FIELD_DURATION,      /* struct hdl_opt_duration, min..max ns (max 0: no bound), a multiple of step ns */
	HDL_FIELD_ENUM,          /* struct hdl_opt_enum */
	HDL_FIELD_INT_OR_STRING, /* struct hdl_opt_int_or_string */
	HDL_FIELD_LOCALITY,      /* three struct hdl_text in a row: region, zone, subzone */
	HDL_FIELD_STRINGS,       /* struct hdl_texts, at most max (0: HDL_LIST_MAX) */
	HDL_FIELD_INTS,          /* HDL_ARRAY_OF(struct hdl_opt_int), each min..max */
	HDL_FIELD_STRING_MAP,    /* struct hdl_kvs, at most max pairs (0: no bound) */
	HDL_FIELD_INT_MAP,       /* HDL_ARRAY_OF(struct hdl_kint), each min..max */
	HDL_FIELD_MATCH_MAP,     /* struct hdl_keyed_matches */
	HDL_FIELD_BYTES_MAP,     /* struct hdl_kbytes_list, values in base64 */
	HDL_FIELD_TIME,          /* struct hdl_opt_time, RFC 3339 */
	HDL_FIELD_MESSAGE,       /* pointer to the message's struct */
	HDL_FIELD_MESSAGES,      /* HDL_ARRAY_OF(the message's struct), at most max (0: HDL_LIST_MAX) */
	HDL_FIELD_INLINE,        /* a message whose fields are members of this struct itself */
	HDL_FIELD_ANY,           /* known, not looked at; not printed */
};

enum hdl_support {
	HDL_SUPPORTED,
	HDL_ACCEPTED, /* kept, with a warning that this version does not enforce it */
	HDL_REFUSED,  /* the document is refused: this version cannot do it */
};

#define HDL_FIRST_VERSION "0.1.0"

enum hdl_field_flag {
	HDL_FIELD_REQUIRED = 1,   /* must be there; a list or map must not be empty */
	HDL_FIELD_DEPRECATED = 2, /* a warning */
	HDL_FIELD_ALIAS = 4,      /* second spelling of the field before it in the table */
	HDL_FIELD_SECRET = 8,     /* its values appear in no output */
	HDL_FIELD_QUANTITY = 16,  /* an integer that may also be written as 64Ki or 1M */
};

struct hdl_enum_value {
	const char *name;
	int value;
};

struct hdl_message;

struct hdl_field {
	const char *name; /* as in YAML */
	uint8_t name_n;
	uint8_t type, support, flags;
	uint16_t offset, element; /* element: size of what a list or pointer holds */
	uint32_t step;            /* ns, durations */
	int64_t min, max;
	union {
		const struct hdl_message *message;
		const struct hdl_enum_value *values; /* ends with name NULL */
	};
	const char *doc;   /* one phrase for people who write the YAML */
	const char *note;  /* how it behaves where Istio or the Gateway API leave it open; or NULL */
	const char *since; /* version that read it first; NULL: HDL_FIRST_VERSION */
};

struct hdl_decode;

/* The struct of a message begins with struct hdl_pos pos. */
struct hdl_message {
	const char *name;
	size_t size;
	const struct hdl_field *fields;
	size_t n_fields; /* at most 64 */
	/* Rules that more than one field takes part in, and syntax; after the fields, also when some of them failed. */
	void (*check)(struct hdl_decode *d, void *object);
	bool open; /* fields not in the table are skipped */
};

struct hdl_kind_schema {
	const char *name, *group; /* group "" for v1 */
	const char *const *versions;
	bool namespaced;
	bool open; /* fields not in the table are skipped: kinds that others define and we use a part of */
	const struct hdl_message *message;
	const char *default_name; /* of an object without metadata; NULL: every object must have a name */
};

extern const struct hdl_kind_schema hdl_kind_schemas[HDL_KINDS];

extern const struct hdl_message hdl_schema_virtual_service, hdl_schema_destination_rule, hdl_schema_gateway;
extern const struct hdl_message hdl_schema_service, hdl_schema_pod, hdl_schema_endpoint_slice, hdl_schema_node_config;
extern const struct hdl_message hdl_schema_gateway_class, hdl_schema_kube_gateway, hdl_schema_reference_grant;
extern const struct hdl_message hdl_schema_http_route, hdl_schema_grpc_route, hdl_schema_tls_route;
extern const struct hdl_message hdl_schema_tcp_route, hdl_schema_udp_route, hdl_schema_backend_tls_policy;
extern const struct hdl_message hdl_schema_service_entry, hdl_schema_workload_entry, hdl_schema_sidecar;
extern const struct hdl_message hdl_schema_istio_operator, hdl_schema_mesh_config;
extern const struct hdl_message hdl_schema_node, hdl_schema_namespace, hdl_schema_secret, hdl_schema_config_map;
extern const struct hdl_message hdl_schema_metadata, hdl_schema_string_match, hdl_schema_percent;
extern const struct hdl_message hdl_schema_port_selector;
/* messages that more than one kind has */
extern const struct hdl_message hdl_schema_destination, hdl_schema_retry, hdl_schema_locality_lb;
extern const struct hdl_message hdl_schema_tcp_keepalive, hdl_schema_connection_pool, hdl_schema_outlier;
extern const struct hdl_message hdl_schema_server_tls;

struct hdl_owner {
	struct hdl_pos pos;
	struct hdl_text api_version, kind, name;
	struct hdl_opt_bool controller;
};

/* What the table of metadata fills. */
struct hdl_metadata {
	struct hdl_pos pos;
	struct hdl_text name, ns;
	struct hdl_kvs labels, annotations;
	struct hdl_opt_int generation;        /* what observedGeneration of a status refers to */
	struct hdl_opt_time created, deleted; /* deleted: when it is to go, while it still exists */
	HDL_ARRAY_OF(struct hdl_owner) owners;
};

/* ---- for tables ---- */

#define HDL_NS_MS 1000000
#define HDL_LIST_MAX 100000 /* elements of a list, where the table names no other bound */

/* 0, and a compile error when the member is not of that type. */
#define HDL_TYPE_CHECK(s, m, t) (0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((s *)0)->m), t) ? 1 : -1]))

#define HDL_FIELD_OF(n, t, s, m, mt, d, ...)                                                                        \
	{                                                                                                           \
		.name = n, .name_n = sizeof(n) - 1, .type = t, .offset = offsetof(s, m) + HDL_TYPE_CHECK(s, m, mt), \
		.doc = d, __VA_ARGS__                                                                               \
	}
#define HDL_STRING(s, m, n, d, ...) HDL_FIELD_OF(n, HDL_FIELD_STRING, s, m, struct hdl_text, d, __VA_ARGS__)
#define HDL_BOOL(s, m, n, d, ...) HDL_FIELD_OF(n, HDL_FIELD_BOOL, s, m, struct hdl_opt_bool, d, __VA_ARGS__)
#define HDL_INT(s, m, n, lo, hi, d, ...) \
	HDL_FIELD_OF(n, HDL_FIELD_INT, s, m, struct hdl_opt_int, d, .min = lo, .max = hi, __VA_ARGS__)
#define HDL_DOUBLE(s, m, n, lo, hi, d, ...) \
	HDL_FIELD_OF(n, HDL_FIELD_DOUBLE, s, m, struct hdl_opt_double, d, .min = lo, .max = hi, __VA_ARGS__)
/* at least 1 ms, whole milliseconds (A.0) */
#define HDL_DURATION(s, m, n, d, ...) HDL_DURATION_MIN(s, m, n, HDL_NS_MS, HDL_NS_MS, d, __VA_ARGS__)
#define HDL_DURATION_MIN(s, m, n, lo, st, d, ...) \
	HDL_FIELD_OF(n, HDL_FIELD_DURATION, s, m, struct hdl_opt_duration, d, .min = lo, .step = st, __VA_ARGS__)
#define HDL_ENUM(s, m, n, v, d, ...) \
	HDL_FIELD_OF(n, HDL_FIELD_ENUM, s, m, struct hdl_opt_enum, d, .values = v, __VA_ARGS__)
#define HDL_INT_OR_STRING(s, m, n, d, ...) \
	HDL_FIELD_OF(n, HDL_FIELD_INT_OR_STRING, s, m, struct hdl_opt_int_or_string, d, __VA_ARGS__)
#define HDL_STRINGS(s, m, n, d, ...) HDL_FIELD_OF(n, HDL_FIELD_STRINGS, s, m, struct hdl_texts, d, __VA_ARGS__)
#define HDL_STRING_MAP(s, m, n, d, ...) HDL_FIELD_OF(n, HDL_FIELD_STRING_MAP, s, m, struct hdl_kvs, d, __VA_ARGS__)
#define HDL_TIME(s, m, n, d, ...) HDL_FIELD_OF(n, HDL_FIELD_TIME, s, m, struct hdl_opt_time, d, __VA_ARGS__)
#define HDL_BYTES_MAP(s, m, n, d, ...) \
	HDL_FIELD_OF(n, HDL_FIELD_BYTES_MAP, s, m, struct hdl_kbytes_list, d, __VA_ARGS__)
#define HDL_MATCH_MAP(s, m, n, d, ...) \
	HDL_FIELD_OF(n, HDL_FIELD_MATCH_MAP, s, m, struct hdl_keyed_matches, d, __VA_ARGS__)
#define HDL_ARRAY_FIELD(n, t, s, m, d, ...)                                                        \
	{                                                                                          \
		.name = n, .name_n = sizeof(n) - 1, .type = t, .offset = offsetof(s, m), .doc = d, \
		.element = sizeof(*((s *)0)->m.at), __VA_ARGS__                                    \
	}
#define HDL_MESSAGES(s, m, n, msg, d, ...) HDL_ARRAY_FIELD(n, HDL_FIELD_MESSAGES, s, m, d, .message = msg, __VA_ARGS__)
#define HDL_MESSAGE(s, m, n, msg, d, ...)                                                                          \
	{                                                                                                          \
		.name = n, .name_n = sizeof(n) - 1, .type = HDL_FIELD_MESSAGE, .offset = offsetof(s, m), .doc = d, \
		.element = sizeof(*((s *)0)->m), .message = msg, __VA_ARGS__                                       \
	}
#define HDL_INLINE(n, msg, d, ...)                                                                                  \
	{                                                                                                           \
		.name = n, .name_n = sizeof(n) - 1, .type = HDL_FIELD_INLINE, .message = msg, .doc = d, __VA_ARGS__ \
	}
#define HDL_ANY(n, d)                                                               \
	{                                                                           \
		.name = n, .name_n = sizeof(n) - 1, .type = HDL_FIELD_ANY, .doc = d \
	}

#define HDL_MESSAGE_TABLE(n, s, table, fn)                                         \
	{                                                                          \
		n, sizeof(s), table, sizeof(table) / sizeof((table)[0]), fn, false \
	}

/* What an object of every kind has besides its own fields. */
#define HDL_OBJECT_FIELDS                                                                      \
	HDL_ANY("apiVersion", "API group and version"), HDL_ANY("kind", "kind of the object"), \
		HDL_ANY("metadata", "name, namespace, labels and annotations")

#endif
