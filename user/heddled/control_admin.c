/* SPDX-License-Identifier: Apache-2.0 */
/* What the admin pages see of the control thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "admin/page.h"
#include "base/log.h"
#include "heddled/control_state.h"
#include "heddled/options.h"

static const char *tcp_label(void *data, const struct hdl_traffic_key *key)
{
	struct hdl_control *control = data;

	return hdl_admin_tcp_label(control->publisher, key, control->tcp_label, sizeof(control->tcp_label));
}

static bool service_name(void *data, uint32_t service, char name[HDL_DP_SERVICE_NAME_MAX])
{
	struct hdl_control *control = data;

	return hdl_admin_service_name(&control->maps, hdl_publisher_current(control->publisher), service, name);
}

void hdl_control_read_traffic(struct hdl_control *control)
{
	control->traffic_ns = hdl_clock_mono_ns() + HDL_CONTROL_TRAFFIC_NS;
	/* before the first publication no row means anything */
	if (!hdl_publisher_current(control->publisher))
		return;
	if (hdl_dp_totals_read(control->totals, &control->maps, tcp_label, control) < 0)
		hdl_log_debug("traffic map could not be read");
	if (control->service_counts &&
	    hdl_dp_service_counts_read(control->service_counts, &control->maps, service_name, control) < 0)
		hdl_log_debug("map service_verdict could not be read");
}

static void event_names(void *data, const struct hdl_event *event, struct hdl_dp_event_names *ret)
{
	struct hdl_control *control = data;

	hdl_admin_event_names(control->publisher, event, ret);
}

/* Before a publication changes what the ids mean, and ten times a second. */
void hdl_control_read_events(struct hdl_control *control)
{
	if (control->events && control->publisher)
		hdl_dp_events_read(control->events, hdl_clock_mono_ns(), hdl_clock_wall_ns(), event_names, control);
}

static bool file_at(void *data, size_t i, struct hdl_admin_file *ret)
{
	struct hdl_control *control = data;
	struct hdl_store_file file;

	if (!hdl_resource_store_file(hdl_config_store(control->config), i, &file))
		return false;
	control->file_reason[0] = '\0';
	for (size_t j = 0; file.diags && j < file.diags->n; j++) {
		struct hdl_buf text = { 0 };

		if (file.diags->at[j].severity != HDL_ERROR)
			continue;
		hdl_diag_print(&text, &file.diags->at[j]);
		snprintf(control->file_reason, sizeof(control->file_reason), "%s", text.p ? text.p : "");
		hdl_buf_done(&text);
		break;
	}
	*ret = (struct hdl_admin_file){ .path = file.path,
					.documents = file.documents,
					.accepted = file.accepted,
					.refused = file.refused,
					.kept = file.kept,
					.reason = control->file_reason };
	return true;
}

static bool diag_at(void *data, size_t i, struct hdl_admin_diag *ret)
{
	struct hdl_control *control = data;
	const struct hdl_diags *diags = hdl_config_diags(control->config);
	const struct hdl_diag *diag;

	if (i >= diags->n)
		return false;
	diag = &diags->at[i];
	hdl_buf_done(&control->diag_text);
	control->diag_text = (struct hdl_buf){ 0 };
	hdl_diag_print(&control->diag_text, diag);
	*ret = (struct hdl_admin_diag){ .severity = hdl_severity_name(diag->severity),
					.file = diag->file,
					.kind = diag->kind,
					.ns = diag->ns,
					.name = diag->name,
					.field = diag->field && diag->field[0] ? diag->field : NULL,
					.message = diag->message,
					.line = diag->pos.line,
					.column = diag->pos.col,
					.text = control->diag_text.p ? control->diag_text.p : "" };
	return true;
}

static void view_texts(const struct hdl_control_text *texts, size_t n, struct hdl_admin_feature *ret)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = (struct hdl_admin_feature){ texts[i].name, texts[i].detail, texts[i].in_force };
}

static enum hdl_admin_state state_of(const struct hdl_control *control)
{
	if (control->phase >= HDL_CONTROL_DRAINING)
		return HDL_ADMIN_DRAINING;
	return control->phase == HDL_CONTROL_READY ? HDL_ADMIN_READY : HDL_ADMIN_STARTING;
}

static void view(void *data, struct hdl_admin_view *ret)
{
	struct hdl_control *control = data;
	const struct hdl_diags *diags = hdl_config_diags(control->config);
	bool serving = control->publisher && hdl_publisher_current(control->publisher);

	hdl_control_read_events(control); /* what was told up to now */
	view_texts(control->feature, control->feature_count, control->feature_view);
	view_texts(control->hook, control->hook_count, control->hook_view);
	*ret = (struct hdl_admin_view){
		.state = state_of(control),
		.full = control->hello.mode == HDL_MODE_FULL,
		.now_ns = hdl_clock_mono_ns(),
		.start_ns = control->hello.start_ns,
		.kernel_release = control->kernel.release,
		.bpffs = control->hello.bpffs,
		.keeper_pid = control->hello.keeper_pid,
		.worker_pid = (uint64_t)getpid(),
		.worker_uid = getuid(),
		.worker_restarts = control->hello.restarts,
		.features = control->feature_view,
		.hooks = control->hook_view,
		.feature_count = control->feature_count,
		.hook_count = control->hook_count,
		.workers = control->worker,
		.worker_count = control->worker_count,
		.pods = control->pod,
		.pod_count = control->pod_count,
		.pods_full = control->pods_full,
		.maps = serving ? &control->maps : NULL,
		.publisher = serving ? control->publisher : NULL,
		.snapshot = serving ? hdl_publisher_current(control->publisher) : NULL,
		.totals = serving ? control->totals : NULL,
		.service_counts = serving ? control->service_counts : NULL,
		.events = control->events,
		.changes_in_force = control->changes_in_force,
		.changes_refused = control->changes_refused,
		.last_change_ns = control->last_change_ns,
		.last_refusal = control->refusal,
		.returned = control->sweep.returned,
		.file_count = hdl_resource_store_files(hdl_config_store(control->config)),
		.file = file_at,
		.file_epoch = hdl_control_file_epoch,
		.diag_count = diags->n,
		.diag_errors = diags->errors,
		.diag_warnings = diags->warnings,
		.diag_dropped = diags->dropped,
		.diag = diag_at,
		.latency = &control->latency,
		.rolled_back_to = control->set ? control->set->rolled_back_to : 0,
		.oldest_epoch = hdl_history_oldest(&control->state.history),
		.history_bytes = control->state.history.bytes,
		.history_cuts = control->state.history.cuts,
		.state_bytes = control->state.bytes,
		.state_failures = control->state.writes_failed,
		.state_reason = control->state.reason,
		.epoch_count = control->state.history.n,
		.epoch_at = hdl_control_epoch_at,
		.change_at = hdl_control_change_at,
		.object_at = hdl_control_object_at,
		.data = control,
	};
}

static void refresh(void *data)
{
	struct hdl_control *control = data;

	if (control->totals && control->publisher)
		hdl_control_read_traffic(control);
}

static void statuses(void *data, struct hdl_jsonw *w, const char *kind, const char *ns, const char *name)
{
	const struct hdl_control *control = data;
	const struct hdl_gwapi_filter_by by = { kind, ns, name };

	hdl_gwapi_print(w, &control->statuses.list, &by);
}

static int reload(void *data, uint64_t call)
{
	struct hdl_control *control = data;
	struct hdl_msg msg = { .type = HDL_MSG_RESCAN, .config_mark.request = call };

	if (control->phase >= HDL_CONTROL_DRAINING)
		return -ESHUTDOWN;
	hdl_control_send(control, &msg);
	return 0;
}

static void drain(void *data)
{
	hdl_control_send_plain(data, HDL_MSG_DRAIN_WANTED);
}

static void answer_reload(struct hdl_control *control, uint64_t call)
{
	struct hdl_snapshot *current = control->publisher ? hdl_publisher_current(control->publisher) : NULL;
	const struct hdl_diags *diags = hdl_config_diags(control->config);
	struct hdl_admin_reload answer = { .epoch = current ? current->epoch : 0,
					   .errors = diags->errors,
					   .warnings = diags->warnings,
					   .reason = control->refusal ? control->refusal : "" };
	struct hdl_store_file file;

	for (size_t i = 0; hdl_resource_store_file(hdl_config_store(control->config), i, &file); i++)
		answer.refused_documents += file.refused;
	answer.result = control->refusal ? "refused" : diags->errors ? "partly_refused" : "in_force";
	hdl_admin_finish_reload(control->admin, call, &answer);
}

/* The kernel reads a new epoch at once; a worker takes it over at the top of its loop. */
static bool workers_are_current(struct hdl_control *control)
{
	struct hdl_snapshot *current = control->publisher ? hdl_publisher_current(control->publisher) : NULL;

	for (unsigned int i = 0; current && i < control->worker_count; i++)
		if (hdl_worker_epoch(control->worker[i].worker) < current->epoch)
			return false;
	return true;
}

void hdl_control_on_reload_timer(struct hdl_timer *timer)
{
	struct hdl_control *control = HDL_CONTAINER_OF(timer, struct hdl_control, reload_timer);

	if (!workers_are_current(control)) {
		/* a worker that never does leaves the call to the time limit of the admin server */
		hdl_timer_set(&control->loop.timers, timer, hdl_clock_mono_ns() + HDL_NS_PER_MS);
		return;
	}
	for (unsigned int i = 0; i < control->reload_count; i++)
		answer_reload(control, control->reload_call[i]);
	control->reload_count = 0;
}

void hdl_control_answer_reload(struct hdl_control *control, uint64_t call)
{
	if (call == 0 || !control->admin)
		return;
	if (control->reload_count == HDL_CONTROL_RELOADS_MAX) {
		answer_reload(control, call);
		return;
	}
	control->reload_call[control->reload_count++] = call;
	hdl_control_on_reload_timer(&control->reload_timer);
}

int hdl_control_start_admin(struct hdl_control *control, struct hdl_err *err)
{
	struct hdl_admin_conf conf = { .loop = &control->loop,
				       .unix_fd = control->admin_fd[0],
				       .tcp_fd = control->admin_fd[1],
				       .ops = { .view = view,
						.refresh = refresh,
						.reload = reload,
						.drain = drain,
						.rollback = hdl_control_roll_back,
						.documents = hdl_control_documents,
						.statuses = statuses,
						.data = control } };

	control->admin = hdl_admin_new(&conf, err);
	return control->admin ? 0 : -ENOMEM;
}
