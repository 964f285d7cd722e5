/* SPDX-License-Identifier: Apache-2.0 */
/* istio_requests_total and istio_request_duration_milliseconds by label set (specification E.2). */
#ifndef HDL_OBS_SERIES_H
#define HDL_OBS_SERIES_H

#include <stdint.h>
#include "obs/stats.h"

/* clang-format off */
/* X(ID, name) in the order in which Istio prints them */
#define HDL_LABELS(X) \
	X(REPORTER, "reporter") X(SOURCE_WORKLOAD, "source_workload") \
	X(SOURCE_CANONICAL_SERVICE, "source_canonical_service") \
	X(SOURCE_CANONICAL_REVISION, "source_canonical_revision") \
	X(SOURCE_WORKLOAD_NAMESPACE, "source_workload_namespace") X(SOURCE_PRINCIPAL, "source_principal") \
	X(SOURCE_APP, "source_app") X(SOURCE_VERSION, "source_version") X(SOURCE_CLUSTER, "source_cluster") \
	X(DESTINATION_WORKLOAD, "destination_workload") \
	X(DESTINATION_WORKLOAD_NAMESPACE, "destination_workload_namespace") \
	X(DESTINATION_PRINCIPAL, "destination_principal") X(DESTINATION_APP, "destination_app") \
	X(DESTINATION_VERSION, "destination_version") X(DESTINATION_SERVICE, "destination_service") \
	X(DESTINATION_CANONICAL_SERVICE, "destination_canonical_service") \
	X(DESTINATION_CANONICAL_REVISION, "destination_canonical_revision") \
	X(DESTINATION_SERVICE_NAME, "destination_service_name") \
	X(DESTINATION_SERVICE_NAMESPACE, "destination_service_namespace") X(DESTINATION_CLUSTER, "destination_cluster") \
	X(REQUEST_PROTOCOL, "request_protocol") X(RESPONSE_CODE, "response_code") \
	X(GRPC_RESPONSE_STATUS, "grpc_response_status") X(RESPONSE_FLAGS, "response_flags") \
	X(CONNECTION_SECURITY_POLICY, "connection_security_policy")
/* clang-format on */

enum hdl_label_id {
#define X(id, name) HDL_LABEL_ID_##id,
	HDL_LABELS(X)
#undef X
		HDL_LABEL_ID_COUNT
};

/* Upper bounds: 0.5, 1, 5, 10, ... 3600000 ms; above the last is +Inf. */
#define HDL_DURATION_BUCKETS 19
extern const uint64_t hdl_duration_bucket_us[HDL_DURATION_BUCKETS];

/* Label values; NULL leaves a label out. */
struct hdl_labels {
	const char *value[HDL_LABEL_ID_COUNT];
};

/* One label set; lives as long as the stats. Same writer and readers as struct hdl_stats. */
struct hdl_series {
	struct hdl_series *next_hash;
	uint64_t hash;
	const char *text; /* reporter="source",source_workload="...": escaped, without braces */
	uint64_t bucket[HDL_DURATION_BUCKETS + 1]; /* not cumulative; the last is +Inf. Their sum is the request count. */
	uint64_t sum_us;
};

/* Finds or makes; only the stats' writer. NULL (and limit_metric_series counted) when the table is full. */
struct hdl_series *hdl_series_get(struct hdl_stats *stats, const struct hdl_labels *labels);
void hdl_series_observe(struct hdl_series *series, uint64_t duration_ns);
/* The i-th series for readers, NULL past the end; any thread. */
const struct hdl_series *hdl_series_at(const struct hdl_stats *stats, uint32_t i);

#endif
