/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that act or wait: endpoint, wait, reload, drain. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/addr.h"
#include "base/clock.h"
#include "heddlectl/ctl.h"

#define WAIT_POLL_NS (20 * 1000 * 1000)
#define WAIT_ANSWER_MIN_NS (250 * HDL_NS_PER_MS)

static int usage(const char *text)
{
	fprintf(stderr, "usage: heddlectl %s\n", text);
	return CTL_USAGE;
}

int ctl_endpoint(struct ctl *ctl)
{
	char path[64];
	json_t *body, *answer, *cluster;
	struct hdl_addr address;
	uint16_t port;
	size_t i;
	int result = CTL_OK;

	if (ctl->argc != 2 || (strcmp(ctl->argv[0], "eject") != 0 && strcmp(ctl->argv[0], "restore") != 0))
		return usage("endpoint eject|restore ADDR:PORT [--cluster NAME]");
	if (hdl_addr_port_parse(hdl_str_of(ctl->argv[1]), &address, &port) < 0) {
		fprintf(stderr, "heddlectl: %s: not ADDR:PORT (IPv6: [ADDR]:PORT)\n", ctl->argv[1]);
		return CTL_USAGE;
	}
	snprintf(path, sizeof(path), "/api/v1/endpoint/%s", ctl->argv[0]);
	body = json_pack("{s:s, s:s}", "address", ctl->argv[1], "cluster", ctl->cluster ? ctl->cluster : "");
	answer = body ? ctl_ask(ctl, path, body) : NULL;
	json_decref(body);
	if (!answer)
		return CTL_FAILED;
	if (ctl->format != CTL_TEXT) {
		result = ctl_print_value(ctl, answer);
	} else {
		printf("%s: %s in %lld of %zu clusters\n", ctl_str(answer, "address"),
		       strcmp(ctl->argv[0], "eject") == 0 ? "ejected" : "restored", ctl_int(answer, "changed"),
		       json_array_size(json_object_get(answer, "clusters")));
		json_array_foreach(json_object_get(answer, "clusters"), i, cluster)
			printf("  %s\n", json_string_value(cluster));
	}
	json_decref(answer);
	return result;
}

/* A daemon that is not there yet, or just went, is waited for like one that is not ready. */
int ctl_wait(struct ctl *ctl)
{
	uint64_t end_ns = hdl_clock_mono_ns() + ctl->timeout_s * HDL_NS_PER_S;
	char why[256] = "";

	if (ctl->argc)
		return usage("wait [--timeout S]");
	for (;;) {
		uint64_t now_ns = hdl_clock_mono_ns();
		json_t *answer = NULL;
		int status = 0, result;
		bool ready;

		/* a daemon that stands must not make this wait longer than was asked for */
		ctl->answer_ns = end_ns > now_ns + WAIT_ANSWER_MIN_NS ? end_ns - now_ns : WAIT_ANSWER_MIN_NS;
		result = ctl_request(ctl, "/api/v1/wait", NULL, &status, &answer, why, sizeof(why));
		ready = result == 0 && status == 200 && ctl_bool(answer, "ready");

		if (result == 0 && !ready)
			snprintf(why, sizeof(why), "the daemon is %s",
				 *ctl_str(answer, "state") ? ctl_str(answer, "state") : "not ready");
		json_decref(answer);
		if (ready)
			return CTL_OK;
		if (hdl_clock_mono_ns() >= end_ns)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = WAIT_POLL_NS }, NULL);
	}
	fprintf(stderr, "heddlectl: not ready after %u s: %s\n", ctl->timeout_s, why);
	return CTL_FAILED;
}

static void print_refusals(const struct ctl *ctl)
{
	json_t *answer = ctl_ask(ctl, "/api/v1/diagnostics", NULL), *row;
	size_t i;

	json_array_foreach(json_object_get(answer, "diagnostics"), i,
			   row) if (strcmp(ctl_str(row, "severity"), "error") == 0)
		fprintf(stderr, "%s\n", ctl_str(row, "text"));
	json_decref(answer);
}

int ctl_reload(struct ctl *ctl)
{
	json_t *body = json_object(), *answer;
	const char *outcome;
	int result;

	answer = ctl_ask(ctl, "/api/v1/reload", body);
	json_decref(body);
	if (!answer)
		return CTL_FAILED;
	outcome = ctl_str(answer, "result");
	result = strcmp(outcome, "in_force") == 0 ? CTL_OK : CTL_FAILED;
	if (ctl->format != CTL_TEXT) {
		ctl_print_value(ctl, answer);
	} else if (result == CTL_OK) {
		printf("epoch %lld in force\n", ctl_int(answer, "epoch"));
	} else if (strcmp(outcome, "refused") == 0) {
		fprintf(stderr, "heddlectl: refused, epoch %lld stays in force: %s\n", ctl_int(answer, "epoch"),
			ctl_str(answer, "reason"));
	} else {
		fprintf(stderr,
			"heddlectl: epoch %lld in force, with errors; %lld documents refused, their last good versions stay:\n",
			ctl_int(answer, "epoch"), ctl_int(answer, "refused_documents"));
		print_refusals(ctl);
	}
	json_decref(answer);
	return result;
}

int ctl_drain(struct ctl *ctl)
{
	json_t *body = json_object(), *answer;

	answer = ctl_ask(ctl, "/api/v1/drain", body);
	json_decref(body);
	if (!answer)
		return CTL_FAILED;
	printf("%s\n", ctl_str(answer, "state"));
	json_decref(answer);
	return CTL_OK;
}
