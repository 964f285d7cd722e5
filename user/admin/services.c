/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel counts by service port: connections, bytes and outcomes, as a list and as metrics. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "admin/page.h"
#include "base/hash.h"
#include "dp/registry.h"
#include "heddle/abi_verdict.h"
#include "heddle/core/subset.h"
#include "obs/prom.h"

bool hdl_admin_service_name(const struct hdl_dp_maps *maps, const struct hdl_snapshot *snapshot, uint32_t service,
			    char name[HDL_DP_SERVICE_NAME_MAX])
{
	const struct hdl_service_version *v = service < maps->service_count ? maps->service[service].version : NULL;
	int at = v ? hdl_core_version(v[0].epoch, v[1].epoch, __atomic_load_n(&maps->state->epoch, __ATOMIC_ACQUIRE)) :
		     -1;
	const struct hdl_ir_service_port *port;
	uint16_t number;

	if (at < 0 || !snapshot || (v[at].label == HDL_LABEL_NONE && !(v[at].flags & HDL_SERVICE_HIDDEN)))
		return false;
	number = __builtin_bswap16(v[at].key.port);
	port = v[at].key.protocol == 17 ? hdl_snapshot_find_udp(snapshot, &v[at].key.address, number) :
					  hdl_snapshot_find_vip(snapshot, &v[at].key.address, number);
	if (port)
		snprintf(name, HDL_DP_SERVICE_NAME_MAX, "%s:%u", port->service->fqdn, port->port);
	return port != NULL;
}

struct line {
	char *name;
	uint64_t opened, closed, failed, sent_bytes, received_bytes;
	uint64_t outcome[HDL_VERDICT_COUNT];
};

struct lines {
	const struct hdl_admin_view *view;
	struct hdl_registry names; /* hash of the name to index of at[] */
	struct line *at;
	uint32_t capacity;
	bool failed;
};

#define LINES_MAX 65536

/* That of the name, made on first sight; NULL: out of memory, or there are too many. */
static struct line *line_of(struct lines *lines, const char *name)
{
	uint64_t key = hdl_hash64(name, strlen(name), 0);
	uint32_t id = hdl_registry_find(&lines->names, &key);
	struct line *bigger;
	char *copy;

	if (id)
		return &lines->at[id];
	copy = strdup(name);
	if (!copy || hdl_registry_insert(&lines->names, &key, &id) < 0) {
		free(copy);
		lines->failed = true;
		return NULL;
	}
	if (id >= lines->capacity) {
		bigger = reallocarray(lines->at, lines->names.capacity, sizeof(*bigger));
		if (!bigger) {
			hdl_registry_release(&lines->names, id);
			free(copy);
			lines->failed = true;
			return NULL;
		}
		lines->at = bigger;
		lines->capacity = lines->names.capacity;
	}
	lines->at[id] = (struct line){ .name = copy };
	return &lines->at[id];
}

static bool traffic_row(void *data, const struct hdl_traffic_key *key, const struct hdl_traffic *value)
{
	struct lines *lines = data;
	const struct hdl_ir_cluster *cluster;
	char name[HDL_DP_SERVICE_NAME_MAX];
	struct line *line;

	if (!hdl_publisher_find_endpoint(lines->view->publisher, key->endpoint, key->generation, &cluster))
		return false;
	snprintf(name, sizeof(name), "%s:%u", cluster->fqdn, cluster->port);
	line = line_of(lines, name);
	if (!line)
		return false;
	if (key->verdict == HDL_VERDICT_CONNECT_FAILED)
		line->failed += value->opened;
	else
		line->opened += value->opened;
	line->closed += value->closed;
	line->sent_bytes += value->sent_bytes;
	line->received_bytes += value->received_bytes;
	return false;
}

static void outcome(void *data, const char *service, uint32_t verdict, uint64_t count)
{
	struct line *line = line_of(data, service);

	if (line && verdict < HDL_VERDICT_COUNT)
		line->outcome[verdict] = count;
}

static void put_line(struct hdl_jsonw *w, const struct line *line)
{
	uint64_t refused = 0;

	for (unsigned int i = 0; i < HDL_VERDICT_COUNT; i++)
		if (hdl_admin_verdict_words(i).flag[0] != '-' || i == HDL_VERDICT_NO_STORAGE)
			refused += line->outcome[i];
	hdl_jsonw_object(w);
	hdl_jsonw_kstr(w, "service", line->name);
	hdl_jsonw_ku64(w, "connections", line->opened);
	hdl_jsonw_ku64(w, "closed", line->closed);
	hdl_jsonw_ku64(w, "connect_failures", line->failed);
	hdl_jsonw_ku64(w, "sent_bytes", line->sent_bytes);
	hdl_jsonw_ku64(w, "received_bytes", line->received_bytes);
	hdl_jsonw_ku64(w, "punted", line->outcome[HDL_VERDICT_PUNTED] + line->outcome[HDL_VERDICT_PUNTED_HOST]);
	hdl_jsonw_ku64(w, "refused", refused);
	hdl_jsonw_key(w, "verdicts");
	hdl_jsonw_object(w);
	for (unsigned int i = 0; i < HDL_VERDICT_COUNT; i++)
		if (line->outcome[i])
			hdl_jsonw_ku64(w, hdl_admin_verdict_words(i).label, line->outcome[i]);
	hdl_jsonw_object_end(w);
	hdl_jsonw_object_end(w);
}

void hdl_admin_json_services(struct hdl_jsonw *w, const struct hdl_admin_view *view)
{
	struct lines lines = { .view = view };

	hdl_registry_init(&lines.names, sizeof(uint64_t), LINES_MAX);
	if (view->maps && view->publisher)
		(void)hdl_dp_traffic(view->maps, traffic_row, &lines);
	if (view->service_counts)
		hdl_dp_service_counts_each(view->service_counts, outcome, &lines);
	hdl_jsonw_ku64(w, "epoch", view->snapshot ? view->snapshot->epoch : 0);
	hdl_jsonw_ku64(w, "now_ms", view->now_ns / 1000000);
	hdl_jsonw_kbool(w, "truncated", lines.failed);
	hdl_jsonw_key(w, "services");
	hdl_jsonw_array(w);
	for (uint32_t id = 1; id < lines.names.next; id++) {
		if (!hdl_registry_is_linked(&lines.names, id))
			continue;
		put_line(w, &lines.at[id]);
		free(lines.at[id].name);
	}
	hdl_jsonw_array_end(w);
	free(lines.at);
	hdl_registry_done(&lines.names);
}

static void sample(void *data, const char *service, uint32_t verdict, uint64_t count)
{
	const char *colon = strrchr(service, ':');
	struct hdl_buf *buf = data;
	char host[HDL_DP_SERVICE_NAME_MAX];

	snprintf(host, sizeof(host), "%.*s", (int)(colon ? colon - service : 0), service);
	hdl_buf_adds(buf, "heddle_service_verdicts_total{service=\"");
	hdl_prom_escape(buf, host);
	hdl_buf_printf(buf, "\",port=\"%s\",reason=\"%s\"} %llu\n", colon ? colon + 1 : "",
		       hdl_admin_verdict_words(verdict).label, (unsigned long long)count);
}

void hdl_admin_service_metrics(struct hdl_buf *buf, const struct hdl_admin_view *view)
{
	if (!view->service_counts)
		return;
	hdl_prom_head(
		buf, "heddle_service_verdicts_total", "counter",
		"Decisions of the kernel by service port and outcome; those that were balanced are in istio_tcp_*");
	hdl_dp_service_counts_each(view->service_counts, sample, buf);
}
