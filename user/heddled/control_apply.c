/* SPDX-License-Identifier: Apache-2.0 */
/* From a pass over the configuration to what is in force. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/hash.h"
#include "base/log.h"
#include "dp/maps.h"
#include "heddled/control_state.h"
#include "heddled/options.h"
#include "proxy/breaker.h"

static struct hdl_msg_setup setup_of(const struct hdl_ir_node *node)
{
	return (struct hdl_msg_setup){
		.packet_mark = node->packet_mark,
		.packet_mask = node->packet_mask,
		.route_table = node->route_table,
		.capacity_services = node->capacity_services,
		.capacity_endpoints = node->capacity_endpoints,
		.capacity_flows = node->capacity_flows,
		.sockmap = node->sockmap,
		.drain_timeout_ms = (uint32_t)(node->drain_timeout_ns / HDL_NS_PER_MS),
	};
}

static void tell_setup(struct hdl_control *control, const struct hdl_snapshot *snapshot)
{
	struct hdl_msg msg = { .type = HDL_MSG_SETUP };

	msg.setup = setup_of(&snapshot->node);
	if (control->setup_sent && memcmp(&msg.setup, &control->setup, sizeof(msg.setup)) == 0)
		return;
	control->setup = msg.setup;
	control->setup_sent = true;
	hdl_control_send(control, &msg);
}

/* All addresses of all pods, in parts; only when the list is another than before. */
static void tell_pods(struct hdl_control *control, const struct hdl_snapshot *snapshot)
{
	bool same = snapshot->changes.base && snapshot->changes.base == control->pods_generation &&
		    !snapshot->changes.workload_count;
	struct hdl_addr *all;
	size_t n = 0, sent = 0;
	uint64_t hash;

	control->pods_generation = snapshot->generation;
	if (same)
		return;
	all = calloc(snapshot->workload_count * HDL_FAMILIES + 1, sizeof(*all));
	if (!all) {
		control->pods_generation = 0;
		hdl_log_error("list of pods: out of memory");
		return;
	}
	for (size_t i = 0; i < snapshot->workload_count; i++)
		for (unsigned int f = 0; f < HDL_FAMILIES; f++)
			if (!hdl_addr_is_zero(&snapshot->workloads[i]->address[f]) && n < HDL_MSG_POD_ADDRESSES_MAX)
				all[n++] = snapshot->workloads[i]->address[f];
	hash = hdl_hash64(all, n * sizeof(*all), 0);
	if (!control->pods_sent || hash != control->pods_hash) {
		if (n == HDL_MSG_POD_ADDRESSES_MAX)
			hdl_log_error("more than %d addresses of pods: those over it are not looked for on this node",
				      HDL_MSG_POD_ADDRESSES_MAX);
		do {
			struct hdl_msg msg = { .type = HDL_MSG_PODS };
			size_t part = n - sent < HDL_MSG_PODS_MAX ? n - sent : HDL_MSG_PODS_MAX;

			msg.pods.first = (uint32_t)sent;
			msg.pods.count = (uint32_t)part;
			memcpy(msg.pods.address, all + sent, part * sizeof(*all));
			sent += part;
			msg.pods.more = sent < n;
			hdl_control_send(control, &msg);
		} while (sent < n);
		control->pods_sent = true;
		control->pods_hash = hash;
	}
	free(all);
}

static void tell_access_log(struct hdl_control *control, const struct hdl_ir_node *node)
{
	struct hdl_msg msg = { .type = HDL_MSG_ACCESS_LOG_PATH };

	if (control->access_log_sent && strcmp(control->access_log, node->access_log_path) == 0)
		return;
	if (hdl_msg_set_text(msg.access_log.path, sizeof(msg.access_log.path), node->access_log_path) < 0) {
		hdl_log_error("NodeConfig accessLog.path is too long");
		return;
	}
	memcpy(control->access_log, msg.access_log.path, sizeof(control->access_log));
	control->access_log_sent = true;
	hdl_control_send(control, &msg);
}

static bool same_gateway(const struct hdl_msg_gateway *a, const struct hdl_addr *address, uint16_t port)
{
	return a->port == port && hdl_addr_equal(&a->address, address);
}

static void close_gateways(struct hdl_control *control, const struct hdl_snapshot *snapshot)
{
	for (size_t i = 0; i < control->gateway_count;) {
		struct hdl_msg msg = { .type = HDL_MSG_GATEWAY_CLOSE, .gateway = control->gateway[i] };
		bool wanted = false;

		for (size_t j = 0; j < snapshot->gateway_listener_count; j++)
			wanted |= same_gateway(&control->gateway[i], &snapshot->gateway_listeners[j].address,
					       snapshot->gateway_listeners[j].port);
		if (wanted) {
			i++;
			continue;
		}
		for (unsigned int w = 0; w < control->worker_count; w++)
			if (hdl_worker_remove_gateway(control->worker[w].worker, &msg.gateway.address,
						      msg.gateway.port) < 0)
				hdl_log_error("gateway port %u: out of memory", msg.gateway.port);
		control->gateway[i] = control->gateway[--control->gateway_count];
		hdl_control_send(control, &msg);
	}
}

static void tell_gateways(struct hdl_control *control, const struct hdl_snapshot *snapshot)
{
	close_gateways(control, snapshot);
	for (size_t j = 0; j < snapshot->gateway_listener_count; j++) {
		const struct hdl_ir_gateway_listener *listener = &snapshot->gateway_listeners[j];
		struct hdl_msg msg = { .type = HDL_MSG_GATEWAY_LISTEN };
		bool known = false;

		for (size_t i = 0; i < control->gateway_count; i++)
			known |= same_gateway(&control->gateway[i], &listener->address, listener->port);
		if (known)
			continue;
		if (control->gateway_count == HDL_MSG_GATEWAYS_MAX) {
			hdl_log_error("gateways listen on more than %d ports: the rest is left out",
				      HDL_MSG_GATEWAYS_MAX);
			return;
		}
		msg.gateway.address = listener->address;
		msg.gateway.port = listener->port;
		control->gateway[control->gateway_count++] = msg.gateway;
		hdl_control_send(control, &msg);
	}
}

void hdl_control_tell_wishes(struct hdl_control *control, const struct hdl_snapshot *snapshot)
{
	tell_setup(control, snapshot);
	if (control->hello.mode == HDL_MODE_FULL) {
		hdl_control_tell_interfaces(control, &snapshot->node);
		hdl_control_tell_edge(control, snapshot);
		tell_pods(control, snapshot);
	}
	tell_access_log(control, &snapshot->node);
	tell_gateways(control, snapshot);
}

static void set_refusal(struct hdl_control *control, const char *text)
{
	free(control->refusal);
	control->refusal = text ? strdup(text) : NULL;
	control->retry = text != NULL;
}

static void tell_audit(struct hdl_control *control)
{
	const struct hdl_dp_audit *audit = hdl_publisher_audit(control->publisher);

	if (!audit->done || control->told_audit)
		return;
	control->told_audit = true;
	hdl_log(audit->repaired ? HDL_LOG_WARN : HDL_LOG_INFO,
		"pinned maps: %llu records checked, %llu of another configuration changed, %llu repaired, %llu strays removed",
		(unsigned long long)audit->checked, (unsigned long long)audit->changed,
		(unsigned long long)audit->repaired, (unsigned long long)audit->strays);
}

/* Into the maps, then to the workers. Takes the reference. 0, or negative errno with text: the former one stays. */
static int publish(struct hdl_control *control, struct hdl_snapshot *snapshot, struct hdl_err *err)
{
	int r;

	/* rows of endpoints that go now could not be named any more */
	if (control->totals)
		hdl_control_read_traffic(control);
	hdl_control_read_events(control);
	hdl_control_hook_first(control, snapshot);
	r = hdl_publish(control->publisher, snapshot, err);
	if (r < 0) {
		hdl_snapshot_unref(snapshot);
		return r;
	}
	for (unsigned int i = 0; i < control->worker_count; i++)
		if (hdl_worker_set_snapshot(control->worker[i].worker, snapshot) < 0)
			hdl_log_error("worker %u: out of memory, it serves from the epoch before", i);
	control->changes_in_force++;
	control->last_change_ns = hdl_clock_mono_ns();
	if (control->event_ns)
		hdl_admin_latency_add(&control->latency, control->last_change_ns - control->event_ns);
	control->event_ns = 0;
	hdl_log_info("epoch %llu in force: %zu services, %zu clusters, %zu pods", (unsigned long long)snapshot->epoch,
		     snapshot->service_count, snapshot->cluster_count, snapshot->workload_count);
	tell_audit(control);
	hdl_control_note_epoch(control, snapshot->epoch);
	hdl_snapshot_unref(snapshot);
	hdl_control_pods_refresh(control);
	return 0;
}

int hdl_control_apply(struct hdl_control *control, struct hdl_snapshot *snapshot, bool files, struct hdl_err *err)
{
	int r = publish(control, snapshot, err);

	if (r < 0) {
		control->changes_refused++;
		hdl_control_note_refusal(control, true, err->text);
		if (files)
			set_refusal(control, err->text);
		hdl_log_error("change refused, the configuration before it stays in force: %s", err->text);
		return r;
	}
	set_refusal(control, NULL);
	hdl_control_tell_wishes(control, hdl_publisher_current(control->publisher));
	return 0;
}

static void log_diags(const struct hdl_diags *diags)
{
	size_t shown = 0;

	for (size_t i = 0; i < diags->n && shown < HDL_CONTROL_LOGGED_DIAGS_MAX; i++) {
		struct hdl_buf text = { 0 };

		if (diags->at[i].severity == HDL_INFO)
			continue;
		hdl_diag_print(&text, &diags->at[i]);
		hdl_log(diags->at[i].severity == HDL_ERROR ? HDL_LOG_ERROR : HDL_LOG_WARN, "%s", text.p ? text.p : "");
		hdl_buf_done(&text);
		shown++;
	}
	if (diags->errors + diags->warnings > shown)
		hdl_log_warn("%zu errors and %zu warnings in all: see `heddlectl status` and /api/v1/diagnostics",
			     diags->errors, diags->warnings);
}

static void tell_synced(struct hdl_control *control, enum hdl_msg_type type)
{
	struct hdl_snapshot *current = control->publisher ? hdl_publisher_current(control->publisher) : NULL;
	struct hdl_msg msg = { .type = type };

	msg.synced.sequence = control->pass_sequence;
	msg.synced.epoch = current ? current->epoch : 0;
	msg.synced.refused = control->refusal != NULL;
	msg.synced.again = control->lacking;
	msg.synced.errors = (uint32_t)hdl_config_diags(control->config)->errors;
	hdl_control_send(control, &msg);
}

/* The first snapshot: the keeper must load maps by what it says. */
static void hold_first(struct hdl_control *control, struct hdl_snapshot *snapshot)
{
	const struct hdl_diags *diags = hdl_config_diags(control->config);

	if (control->hello.strict && diags->errors) {
		struct hdl_err err;

		hdl_err_set(&err, 0, "--strict: the configuration has %zu errors", diags->errors);
		hdl_snapshot_unref(snapshot);
		hdl_control_fail(control, 3, err.text);
		return;
	}
	hdl_snapshot_unref(control->waiting);
	control->waiting = snapshot;
	tell_setup(control, snapshot);
}

void hdl_control_finish_pass(struct hdl_control *control, const struct hdl_msg_config_mark *mark)
{
	struct hdl_snapshot *snapshot = NULL;
	struct hdl_err err;
	int r;

	/* the same pass, ended once more for another reload that waits for it */
	if (!control->in_pass && mark->sequence == control->pass_sequence) {
		hdl_control_answer_reload(control, mark->request);
		return;
	}
	control->in_pass = false;
	control->pass_sequence = mark->sequence;
	r = hdl_config_end(control->config, control->retry && (mark->request || control->lacking), &snapshot, &err);
	if (r < 0) {
		hdl_log_error("%s", err.text);
		hdl_control_note_refusal(control, false, err.text);
		set_refusal(control, err.text);
		control->changes_refused++;
	}
	if (r > 0)
		log_diags(hdl_config_diags(control->config));
	if (!control->publisher) {
		if (r > 0) {
			hdl_control_roll_back_again(control, &snapshot);
			hold_first(control, snapshot);
		} else if (r < 0)
			hdl_control_fail(control, r == -E2BIG && control->hello.strict ? 3 : 1, err.text);
		return;
	}
	if (r > 0)
		r = hdl_control_apply(control, snapshot, true, &err);
	control->lacking = r == -ENOMEM;
	hdl_control_answer_reload(control, mark->request);
	tell_synced(control, HDL_MSG_SYNCED);
}

static int start_worker(struct hdl_control *control, unsigned int i, struct hdl_err *err)
{
	struct hdl_worker_conf conf = {
		.index = i,
		.workers = control->hello.worker_count,
		.listener_fd = { control->listener_fd[i][0], control->listener_fd[i][1] },
		.tables = hdl_dp_tables(&control->maps),
		.take_origin = hdl_dp_take_origin,
		.take_origin_data = &control->maps,
		.access_log_fd = -1,
		.snapshot = hdl_publisher_current(control->publisher),
	};
	struct hdl_worker *worker;
	int r;

	if (!control->breakers)
		control->breakers = calloc((size_t)conf.tables.balance_count + 1, sizeof(*control->breakers));
	conf.breakers = control->breakers; /* without memory each has its own */
	worker = hdl_worker_new(&conf, err);
	control->listener_fd[i][0] = control->listener_fd[i][1] = -1;
	if (!worker)
		return -ENOMEM;
	r = hdl_worker_start(worker, err);
	if (r < 0) {
		hdl_worker_free(worker);
		return r;
	}
	control->worker[i].worker = worker;
	for (unsigned int f = 0; f < HDL_FAMILIES; f++)
		control->worker[i].port[f] = control->listener_port[i][f];
	control->worker_count++;
	return 0;
}

/* In the thread of the heartbeat. Every worker's loop turns; the list of workers stays as it is while that runs. */
static bool workers_turn(void *data, uint64_t now_ns)
{
	const struct hdl_control *control = data;

	for (unsigned int i = 0; i < control->worker_count; i++)
		if (now_ns > hdl_worker_last_turn_ns(control->worker[i].worker) + HDL_CONTROL_STALE_NS)
			return false;
	return true;
}

void hdl_control_start(struct hdl_control *control)
{
	struct hdl_snapshot *snapshot = control->waiting;
	struct hdl_err err;
	int r = 0;

	if (!snapshot || control->publisher)
		return;
	control->waiting = NULL;
	control->publisher = hdl_publisher_new(&control->maps, &err);
	if (!control->publisher) {
		hdl_snapshot_unref(snapshot);
		hdl_control_fail(control, 1, err.text);
		return;
	}
	hdl_publisher_wait_aside(control->publisher);
	if (control->hello.mode == HDL_MODE_FULL) {
		control->totals = hdl_dp_totals_new();
		control->service_counts = hdl_dp_service_counts_new();
		if (hdl_dp_events_new(control->maps.events_fd, &control->events, &err) < 0)
			hdl_log_error("%s: events of the kernel are not read", err.text);
	}
	r = publish(control, snapshot, &err);
	for (unsigned int i = 0; i < control->hello.worker_count && r == 0; i++)
		r = start_worker(control, i, &err);
	if (r == 0)
		r = hdl_heartbeat_start(&control->maps, workers_turn, control, &control->heartbeat, &err);
	if (r < 0) {
		/* nothing that could serve: sweeps and admin pages need a snapshot in force */
		hdl_publisher_free(control->publisher);
		control->publisher = NULL;
		hdl_control_fail(control, 1, err.text);
		return;
	}
	hdl_control_enter(control, HDL_CONTROL_SERVING);
	hdl_dp_heartbeat(&control->maps, hdl_clock_mono_ns());
	control->sweep.last_ns = hdl_clock_mono_ns();
	control->prune_ns = hdl_clock_mono_ns() + HDL_CONTROL_PRUNE_NS;
	hdl_control_tell_wishes(control, hdl_publisher_current(control->publisher));
	tell_synced(control, HDL_MSG_READY);
	tell_synced(control, HDL_MSG_SYNCED);
	malloc_trim(0); /* what reading and translating all of it took for a while */
}
