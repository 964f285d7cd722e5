/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics page: the workers' counters, istio_tcp_* of the kernel's flows, the daemon's own. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "admin/page.h"
#include "base/clock.h"
#include "h1/error.h"
#include "heddle/abi_verdict.h"
#include "obs/prom.h"

static const char *codec_error_label(int error)
{
	return hdl_h1_error_label(error);
}

static const char *or_unknown(const char *value)
{
	return value && value[0] ? value : "unknown";
}

static void source_labels(const char *value[HDL_LABEL_ID_COUNT], const struct hdl_ir_workload *workload)
{
	value[HDL_LABEL_ID_SOURCE_WORKLOAD] = or_unknown(workload ? workload->workload_name : NULL);
	value[HDL_LABEL_ID_SOURCE_CANONICAL_SERVICE] = or_unknown(workload ? workload->canonical_service : NULL);
	value[HDL_LABEL_ID_SOURCE_CANONICAL_REVISION] = workload ? or_unknown(workload->canonical_revision) : "latest";
	value[HDL_LABEL_ID_SOURCE_WORKLOAD_NAMESPACE] = or_unknown(workload ? workload->ns : NULL);
	value[HDL_LABEL_ID_SOURCE_PRINCIPAL] = "unknown";
	value[HDL_LABEL_ID_SOURCE_APP] = or_unknown(workload ? workload->app : NULL);
	value[HDL_LABEL_ID_SOURCE_VERSION] = or_unknown(workload ? workload->version : NULL);
	value[HDL_LABEL_ID_SOURCE_CLUSTER] = workload ? "Kubernetes" : "unknown";
}

static void destination_labels(const char *value[HDL_LABEL_ID_COUNT], const struct hdl_ir_workload *workload,
			       const struct hdl_ir_service *service)
{
	value[HDL_LABEL_ID_DESTINATION_WORKLOAD] = or_unknown(workload ? workload->workload_name : NULL);
	value[HDL_LABEL_ID_DESTINATION_WORKLOAD_NAMESPACE] = or_unknown(workload ? workload->ns : NULL);
	value[HDL_LABEL_ID_DESTINATION_PRINCIPAL] = "unknown";
	value[HDL_LABEL_ID_DESTINATION_APP] = or_unknown(workload ? workload->app : NULL);
	value[HDL_LABEL_ID_DESTINATION_VERSION] = or_unknown(workload ? workload->version : NULL);
	value[HDL_LABEL_ID_DESTINATION_SERVICE] = service->fqdn;
	value[HDL_LABEL_ID_DESTINATION_CANONICAL_SERVICE] = or_unknown(workload ? workload->canonical_service : NULL);
	value[HDL_LABEL_ID_DESTINATION_CANONICAL_REVISION] =
		workload ? or_unknown(workload->canonical_revision) : "latest";
	value[HDL_LABEL_ID_DESTINATION_SERVICE_NAME] = service->name;
	value[HDL_LABEL_ID_DESTINATION_SERVICE_NAMESPACE] = service->ns;
	value[HDL_LABEL_ID_DESTINATION_CLUSTER] = workload ? "Kubernetes" : "unknown";
}

static const char *const label_names[] = {
#define NAME(id, name) name,
	HDL_LABELS(NAME)
#undef NAME
};

/* Everything but the reporter and what follows from it, ready for the exposition: the same row serves both reporters. */
const char *hdl_admin_tcp_label(const struct hdl_publisher *publisher, const struct hdl_traffic_key *key, char *to,
				size_t size)
{
	const char *value[HDL_LABEL_ID_COUNT] = { NULL };
	const struct hdl_ir_cluster *cluster;
	const struct hdl_ir_endpoint *endpoint =
		hdl_publisher_find_endpoint(publisher, key->endpoint, key->generation, &cluster);
	struct hdl_buf text = { .limit_bytes = size };

	if (!endpoint)
		return NULL;
	source_labels(value, hdl_publisher_find_workload(publisher, key->workload));
	destination_labels(value, endpoint->workload, cluster->service);
	value[HDL_LABEL_ID_REQUEST_PROTOCOL] = "tcp";
	value[HDL_LABEL_ID_RESPONSE_FLAGS] = key->verdict == HDL_VERDICT_CONNECT_FAILED ? "UF" : "-";
	for (unsigned int i = 0; i < HDL_LABEL_ID_COUNT; i++) {
		if (!value[i])
			continue;
		hdl_buf_printf(&text, ",%s=\"", label_names[i]);
		hdl_prom_escape(&text, value[i]);
		hdl_buf_adds(&text, "\"");
	}
	if (text.failed || text.n >= size) {
		hdl_buf_done(&text);
		return NULL;
	}
	memcpy(to, text.p, text.n + 1);
	hdl_buf_done(&text);
	return to;
}

struct tcp {
	struct hdl_buf *buf;
	const char *name;
	size_t offset; /* of the number in struct hdl_traffic */
};

static void tcp_sample(void *data, const char *label, const struct hdl_traffic *sum)
{
	const struct tcp *tcp = data;
	__u64 number;

	memcpy(&number, (const char *)sum + tcp->offset, sizeof(number));
	for (unsigned int i = 0; i < 2; i++) {
		hdl_buf_adds(tcp->buf, tcp->name);
		if (i == 0)
			hdl_buf_printf(tcp->buf,
				       "{reporter=\"source\"%s,connection_security_policy=\"unknown\"} %" PRIu64 "\n",
				       label, (uint64_t)number);
		else
			hdl_buf_printf(tcp->buf,
				       "{reporter=\"destination\"%s,connection_security_policy=\"none\"} %" PRIu64 "\n",
				       label, (uint64_t)number);
	}
}

static void tcp_metrics(struct hdl_buf *buf, const struct hdl_admin_view *view)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} metrics[] = {
		{ "istio_tcp_connections_opened_total", "Connections opened", offsetof(struct hdl_traffic, opened) },
		{ "istio_tcp_connections_closed_total", "Connections closed", offsetof(struct hdl_traffic, closed) },
		{ "istio_tcp_sent_bytes_total", "Bytes of responses", offsetof(struct hdl_traffic, sent_bytes) },
		{ "istio_tcp_received_bytes_total", "Bytes of requests", offsetof(struct hdl_traffic, received_bytes) },
	};

	for (size_t i = 0; view->totals && i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		struct tcp tcp = { buf, metrics[i].name, metrics[i].offset };

		hdl_prom_head(buf, metrics[i].name, "counter", metrics[i].help);
		hdl_dp_totals_each(view->totals, tcp_sample, &tcp);
	}
}

static void single(struct hdl_buf *buf, const char *name, const char *type, const char *help, uint64_t value)
{
	hdl_prom_head(buf, name, type, help);
	hdl_prom_sample(buf, name, NULL, NULL, value);
}

static void verdict_metrics(struct hdl_buf *buf, const struct hdl_admin_view *view)
{
	uint64_t counts[HDL_VERDICT_COUNT] = { 0 };

	if (!view->full || !view->maps || hdl_dp_verdicts(view->maps, counts) < 0)
		return;
	hdl_prom_head(buf, "heddle_verdicts_total", "counter", "Decisions of the kernel, by outcome");
#define SAMPLE(number, name, label, flag, sentence) \
	hdl_prom_sample(buf, "heddle_verdicts_total", "verdict", label, counts[number]);
	HDL_VERDICTS(SAMPLE)
#undef SAMPLE
}

/* Mean of what its endpoints' connections told last; 0 = nothing yet. */
static double cluster_rtt_s(const struct hdl_admin_view *view, const struct hdl_ir_cluster *cluster)
{
	uint64_t sum_us = 0, n = 0;

	for (size_t i = 0; i < cluster->endpoint_count; i++) {
		const struct hdl_health *health = hdl_admin_health(view, &cluster->endpoints[i]);

		if (health && health->rtt_us) {
			sum_us += health->rtt_us;
			n++;
		}
	}
	return n ? (double)sum_us / (double)n / 1000000 : 0;
}

/* Of layer 4, as the kernel counts it. What is 0 is left out: nearly all of it is, in nearly all clusters. */
static void cluster_metrics(struct hdl_buf *buf, const struct hdl_admin_view *view)
{
	static const struct {
		const char *name, *type, *help;
		size_t offset;
	} metrics[] = {
#define METRIC(field, suffix, type, help) \
	{ "heddle_cluster_" #field suffix, type, help, offsetof(struct hdl_balance, field) }
		METRIC(connections, "", "gauge", "Layer-4 connections open now"),
		METRIC(connections_overflow, "_total", "counter", "Connects refused because of maxConnections"),
		METRIC(connect_failures, "_total", "counter", "Connects that the kernel saw fail"),
		METRIC(timeouts, "_total", "counter", "Retransmission time-outs, those of SYNs included"),
		METRIC(retransmits, "_total", "counter", "Segments sent again"),
		METRIC(ejections, "_total", "counter", "Endpoints ejected by outlier detection"),
		METRIC(ejections_overflow, "_total", "counter", "Not ejected because of maxEjectionPercent"),
#undef METRIC
	};

	if (!view->full || !view->maps || !view->snapshot)
		return;
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		hdl_prom_head(buf, metrics[i].name, metrics[i].type, metrics[i].help);
		for (size_t c = 0; c < view->snapshot->cluster_count; c++) {
			const struct hdl_ir_cluster *cluster = view->snapshot->clusters[c];
			const struct hdl_balance *balance = hdl_admin_balance(view, cluster);
			__u32 number = 0;

			if (balance)
				memcpy(&number, (const char *)balance + metrics[i].offset, sizeof(number));
			if (number)
				hdl_prom_sample(buf, metrics[i].name, "cluster_name", cluster->name, number);
		}
	}
	hdl_prom_head(buf, "heddle_cluster_rtt_seconds", "gauge", "Round trip time, mean over the endpoints");
	for (size_t c = 0; c < view->snapshot->cluster_count; c++) {
		double rtt_s = cluster_rtt_s(view, view->snapshot->clusters[c]);

		if (rtt_s == 0)
			continue;
		hdl_buf_adds(buf, "heddle_cluster_rtt_seconds{cluster_name=\"");
		hdl_prom_escape(buf, view->snapshot->clusters[c]->name);
		hdl_buf_printf(buf, "\"} %.6f\n", rtt_s);
	}
}

static void fill_metrics(struct hdl_buf *buf, const struct hdl_admin_view *view)
{
	uint64_t used, capacity;
	const char *name;

	if (!view->publisher)
		return;
	hdl_prom_head(buf, "heddle_map_used", "gauge", "Entries in use");
	for (unsigned int i = 0; hdl_publisher_fill(view->publisher, i, &name, &used, &capacity); i++)
		hdl_prom_sample(buf, "heddle_map_used", "map", name, used);
	hdl_prom_head(buf, "heddle_map_capacity", "gauge", "Entries that there is room for");
	for (unsigned int i = 0; hdl_publisher_fill(view->publisher, i, &name, &used, &capacity); i++)
		hdl_prom_sample(buf, "heddle_map_capacity", "map", name, capacity);
}

static uint64_t count_ejected(const struct hdl_admin_view *view)
{
	uint64_t n = 0;

	for (size_t i = 0; view->snapshot && i < view->snapshot->cluster_count; i++) {
		const struct hdl_ir_cluster *cluster = view->snapshot->clusters[i];

		for (size_t j = 0; j < cluster->endpoint_count; j++)
			n += hdl_admin_is_ejected(view, hdl_admin_health(view, &cluster->endpoints[j]));
	}
	return n;
}

static void daemon_metrics(struct hdl_buf *buf, const struct hdl_admin_view *view)
{
	uint64_t hooked = 0;

	for (size_t i = 0; i < view->pod_count; i++)
		hooked += (view->pods[i].workload.flags & HDL_WORKLOAD_TC) != 0;
	hdl_prom_head(buf, "heddle_build_info", "gauge", "Always 1");
	hdl_prom_sample(buf, "heddle_build_info", "version", HDL_VERSION, 1);
	single(buf, "heddle_up", "gauge", "1 when ready", view->state == HDL_ADMIN_READY);
	single(buf, "heddle_uptime_seconds", "gauge", "Since the keeper started",
	       view->now_ns > view->start_ns ? (view->now_ns - view->start_ns) / HDL_NS_PER_S : 0);
	single(buf, "heddle_epoch", "gauge", "Epoch in force", view->snapshot ? view->snapshot->epoch : 0);
	single(buf, "heddle_worker_restarts_total", "counter", "Worker processes started again", view->worker_restarts);
	hdl_prom_head(buf, "heddle_config_changes_total", "counter", "Changes of the configuration, by result");
	hdl_prom_sample(buf, "heddle_config_changes_total", "result", "in_force", view->changes_in_force);
	hdl_prom_sample(buf, "heddle_config_changes_total", "result", "refused", view->changes_refused);
	if (view->latency)
		hdl_admin_latency_metrics(buf, view->latency);
	single(buf, "heddle_history_epochs", "gauge", "Epochs that the history holds", view->epoch_count);
	single(buf, "heddle_history_bytes", "gauge", "Earlier versions of documents in it", view->history_bytes);
	single(buf, "heddle_history_cuts_total", "counter",
	       "Epochs whose earlier versions were dropped for the limit of the history", view->history_cuts);
	single(buf, "heddle_state_file_bytes", "gauge", "Accepted documents and history, kept for a restart",
	       view->state_bytes);
	single(buf, "heddle_state_file_failures_total", "counter", "Writes of it that failed", view->state_failures);
	hdl_prom_head(buf, "heddle_config_diagnostics", "gauge", "What is wrong with the configuration now");
	hdl_prom_sample(buf, "heddle_config_diagnostics", "severity", "error", view->diag_errors);
	hdl_prom_sample(buf, "heddle_config_diagnostics", "severity", "warning", view->diag_warnings);
	single(buf, "heddle_config_files", "gauge", "Configuration files", view->file_count);
	single(buf, "heddle_pods_hooked", "gauge", "Pods of the node whose packets are seen", hooked);
	single(buf, "heddle_pods_without_room", "gauge", "Network namespaces that did not fit the workload map",
	       view->pods_full);
	single(buf, "heddle_endpoints_ejected", "gauge", "Endpoints ejected now", count_ejected(view));
	single(buf, "heddle_endpoints_returned_total", "counter", "Ejected endpoints that a sweep let back",
	       view->returned);
}

void hdl_admin_metrics(struct hdl_buf *buf, const struct hdl_admin_view *view)
{
	const struct hdl_stats *stats[HDL_WORKERS_MAX];
	struct hdl_prom_input input = { .workers = stats,
					.worker_count = view->worker_count,
					.codec_error_label = codec_error_label,
					.codec_error_count = HDL_H1_E_COUNT };

	for (size_t i = 0; i < view->worker_count; i++)
		stats[i] = hdl_worker_stats(view->workers[i].worker);
	hdl_prom_render(&input, buf);
	tcp_metrics(buf, view);
	verdict_metrics(buf, view);
	hdl_admin_service_metrics(buf, view);
	cluster_metrics(buf, view);
	fill_metrics(buf, view);
	daemon_metrics(buf, view);
}
