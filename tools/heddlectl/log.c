/* SPDX-License-Identifier: Apache-2.0 */
/* heddlectl log: what the kernel told last, and goes on telling. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "heddlectl/ctl.h"

#define LINES_DEFAULT 20
#define LINES_MAX 4096
#define PAUSE_MS 200 /* between two questions of -f; the daemon looks ten times a second */

struct log {
	struct ctl *ctl;
	unsigned long lines, sample;
	bool follow, set_sample;
};

static const char usage_text[] =
	"usage: heddlectl log [-f] [--lines N] [--sample N] [-o text|json]\n"
	"\n"
	"  -f, --follow    go on with what comes\n"
	"  --lines N       begin with the last N events (default 20, at most 4096)\n"
	"  --sample N      from now on have one of N decisions without error told, too; 0 = none (the default)\n"
	"  -o json         one JSON object on each line\n";

static int parse_number(const char *name, const char *text, unsigned long most, unsigned long *ret)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || value > most) {
		fprintf(stderr, "heddlectl: --%s %s: a number from 0 to %lu is allowed\n", name, text, most);
		return -EINVAL;
	}
	*ret = value;
	return 0;
}

static int parse_format(struct ctl *ctl, const char *text)
{
	if (strcmp(text, "text") != 0 && strcmp(text, "json") != 0) {
		fprintf(stderr, "heddlectl: -o %s: text or json is allowed\n", text);
		return -EINVAL;
	}
	ctl->format = *text == 'j' ? CTL_JSON : CTL_TEXT;
	return 0;
}

/* 0, 1 when help was asked for, or -EINVAL. */
static int parse(struct log *log)
{
	static const struct option options[] = {
		{ "follow", no_argument, NULL, 'f' },
		{ "lines", required_argument, NULL, 'l' },
		{ "sample", required_argument, NULL, 's' },
		{ "output", required_argument, NULL, 'o' },
		{ "run-dir", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option, r = 0;

	optind = 0;
	while (r == 0 && (option = getopt_long(log->ctl->argc, log->ctl->argv, "fo:h", options, NULL)) != -1) {
		if (option == 'f') {
			log->follow = true;
		} else if (option == 'l') {
			r = parse_number("lines", optarg, LINES_MAX, &log->lines);
		} else if (option == 's') {
			log->set_sample = true;
			r = parse_number("sample", optarg, UINT32_MAX, &log->sample);
		} else if (option == 'o') {
			r = parse_format(log->ctl, optarg);
		} else if (option == 'r') {
			log->ctl->run_dir = optarg;
		} else {
			r = option == 'h' ? 1 : -EINVAL;
		}
	}
	return r == 0 && optind < log->ctl->argc ? -EINVAL : r;
}

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

static void print_time(long long time_us)
{
	time_t seconds = (time_t)(time_us / 1000000);
	char text[32] = "-";
	struct tm tm;

	if (localtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) == 0)
		text[0] = '\0';
	printf("%s.%03lld", text, time_us / 1000 % 1000);
}

/* "demo/sleep -> reviews...:9080 (10.96.0.10:9080) at demo/reviews-v1 (10.244.0.12:9080)" */
static void print_way(const json_t *row)
{
	const char *client = ctl_str(row, "client");

	if (*client)
		printf(" %s", client);
	else if (ctl_int(row, "pid"))
		printf(" pid %lld", ctl_int(row, "pid"));
	else
		printf(" netns %lld", ctl_int(row, "netns_cookie"));
	printf(" -> %s (%s)", or_dash(ctl_str(row, "service")), or_dash(ctl_str(row, "address")));
	if (*ctl_str(row, "endpoint"))
		printf(" at %s (%s)", or_dash(ctl_str(row, "pod")), ctl_str(row, "endpoint"));
}

void ctl_print_event(const json_t *row)
{
	const char *kind = ctl_str(row, "kind");

	print_time(ctl_int(row, "time_us"));
	printf(" %s", strcmp(kind, "verdict") == 0 ? ctl_str(row, "verdict") : kind);
	if (strcmp(ctl_str(row, "flag"), "-") != 0)
		printf(" %s", ctl_str(row, "flag"));
	print_way(row);
	if (*ctl_str(row, "error"))
		printf(": %s", ctl_str(row, "error"));
	if (ctl_int(row, "timeouts_in_a_row"))
		printf(": no answer, %lld times in a row", ctl_int(row, "timeouts_in_a_row"));
	if (ctl_int(row, "ejected_for_ms"))
		printf(": for %.1f s from %s", (double)ctl_int(row, "ejected_for_ms") / 1000, ctl_str(row, "cluster"));
	if (*ctl_str(row, "rule"))
		printf(" [%s]", ctl_str(row, "rule"));
	printf("\n");
}

static void print_row(const struct ctl *ctl, const json_t *row)
{
	char *text;

	if (ctl->format != CTL_JSON) {
		ctl_print_event(row);
		return;
	}
	text = json_dumps(row, JSON_COMPACT | JSON_PRESERVE_ORDER);
	if (text)
		puts(text);
	free(text);
}

/* One question and its answer. *after: sequence of the last event seen, -1 = none was asked for yet. */
static int ask(const struct log *log, long long *after)
{
	unsigned long limit = *after < 0 ? log->lines : LINES_MAX;
	char path[96];
	json_t *answer, *row;
	size_t i;

	if (*after < 0)
		snprintf(path, sizeof(path), "/api/v1/events?limit=%lu", limit);
	else
		snprintf(path, sizeof(path), "/api/v1/events?after=%lld&limit=%lu", *after, limit);
	answer = ctl_ask(log->ctl, path, NULL);
	if (!answer)
		return CTL_FAILED;
	/* another worker process counts from 1 again */
	if (ctl_int(answer, "last") < *after) {
		*after = 0;
		json_decref(answer);
		return CTL_OK;
	}
	json_array_foreach(json_object_get(answer, "events"), i, row)
	{
		if (*after >= 0 && ctl_int(row, "sequence") > *after + 1)
			fprintf(stderr, "heddlectl: %lld events were gone before they could be read\n",
				ctl_int(row, "sequence") - *after - 1);
		*after = ctl_int(row, "sequence");
		print_row(log->ctl, row);
	}
	if (*after < 0)
		*after = ctl_int(answer, "last");
	json_decref(answer);
	return CTL_OK;
}

static int set_sample(const struct log *log)
{
	char text[24];
	json_t *answer;

	snprintf(text, sizeof(text), "%lu", log->sample);
	answer = ctl_ask(log->ctl, "/api/v1/events/sample", json_pack("{s:s}", "sample", text));
	json_decref(answer);
	return answer ? CTL_OK : CTL_FAILED;
}

int ctl_log(struct ctl *ctl)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	struct log log = { .ctl = ctl, .lines = LINES_DEFAULT };
	long long after = -1;
	int parsed = parse(&log), r = CTL_OK;

	if (parsed) {
		fputs(usage_text, parsed < 0 ? stderr : stdout);
		return parsed < 0 ? CTL_USAGE : CTL_OK;
	}
	if (log.set_sample)
		r = set_sample(&log);
	if (r == CTL_OK)
		r = ask(&log, &after);
	while (r == CTL_OK && log.follow) {
		if (fflush(stdout) != 0)
			return CTL_FAILED;
		nanosleep(&pause, NULL);
		r = ask(&log, &after);
	}
	return r;
}
