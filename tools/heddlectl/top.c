/* SPDX-License-Identifier: Apache-2.0 */
/* heddlectl top: which services are busy, by what the kernel counted between two looks. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "heddlectl/ctl.h"

#define ROWS_DEFAULT 20
#define INTERVAL_DEFAULT_MS 1000

struct top {
	struct ctl *ctl;
	bool once;
	unsigned long rows, interval_ms;
};

/* Of one service, per second. */
struct line {
	const char *service;
	double connections, punted, failures, refused, sent, received;
	long long open;
	const char *most; /* the commonest refusal */
};

static const char usage_text[] = "usage: heddlectl top [--once] [--interval S] [--rows N] [-o text|json]\n"
				 "\n"
				 "  --once          one picture, and the end; as without a terminal\n"
				 "  --interval S    seconds between two looks, 0.1 to 60 (default 1)\n"
				 "  --rows N        the busiest N services (default 20)\n"
				 "  -o json         one picture, all services\n";

/* 0, 1 when help was asked for, or -EINVAL. */
static int parse(struct top *top)
{
	static const struct option options[] = {
		{ "once", no_argument, NULL, '1' },
		{ "interval", required_argument, NULL, 'i' },
		{ "rows", required_argument, NULL, 'n' },
		{ "output", required_argument, NULL, 'o' },
		{ "run-dir", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	optind = 0;
	while ((option = getopt_long(top->ctl->argc, top->ctl->argv, "o:h", options, NULL)) != -1) {
		char *end = NULL;

		if (option == '1') {
			top->once = true;
		} else if (option == 'i') {
			double seconds = strtod(optarg, &end);

			if (*end || end == optarg || !(seconds >= 0.1 && seconds <= 60)) {
				fprintf(stderr, "heddlectl: --interval %s: 0.1 to 60 is allowed\n", optarg);
				return -EINVAL;
			}
			top->interval_ms = (unsigned long)(seconds * 1000);
		} else if (option == 'n') {
			top->rows = strtoul(optarg, &end, 10);
			if (*end || *optarg < '1' || *optarg > '9' || top->rows > 65536) {
				fprintf(stderr, "heddlectl: --rows %s: 1 to 65536 is allowed\n", optarg);
				return -EINVAL;
			}
		} else if (option == 'o' && (strcmp(optarg, "json") == 0 || strcmp(optarg, "text") == 0)) {
			top->ctl->format = *optarg == 'j' ? CTL_JSON : CTL_TEXT;
		} else if (option == 'r') {
			top->ctl->run_dir = optarg;
		} else {
			return option == 'h' ? 1 : -EINVAL;
		}
	}
	return optind < top->ctl->argc ? -EINVAL : 0;
}

/* Per second; what fell belongs to endpoints that went. */
static double rate(const json_t *before, const json_t *after, const char *key, double seconds)
{
	long long more = ctl_int(after, key) - ctl_int(before, key);

	return more > 0 ? (double)more / seconds : 0;
}

static const char *commonest(const json_t *before, const json_t *after)
{
	const json_t *old = json_object_get(before, "verdicts");
	long long most = 0;
	const char *found = "", *key;
	json_t *value;

	json_object_foreach(json_object_get(after, "verdicts"), key, value)
	{
		long long more = json_integer_value(value) - ctl_int(old, key);

		if (strncmp(key, "punted", 6) == 0 || more <= most)
			continue;
		most = more;
		found = key;
	}
	return found;
}

static int busier(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	double first = x->connections + x->punted + x->refused + x->failures,
	       second = y->connections + y->punted + y->refused + y->failures;

	if (first == second)
		first = x->sent + x->received, second = y->sent + y->received;
	if (first == second)
		return strcmp(x->service, y->service);
	return first < second ? 1 : -1;
}

static json_t *by_name(const json_t *answer)
{
	json_t *index = json_object(), *row;
	size_t i;

	json_array_foreach(json_object_get(answer, "services"), i, row)
		json_object_set(index, ctl_str(row, "service"), row);
	return index;
}

static size_t compare(const json_t *before, const json_t *after, struct line **ret)
{
	const json_t *services = json_object_get(after, "services");
	double seconds = (double)(ctl_int(after, "now_ms") - ctl_int(before, "now_ms")) / 1000;
	struct line *lines = calloc(json_array_size(services) + 1, sizeof(*lines));
	json_t *row, *index = by_name(before);
	size_t i, n = 0;

	if (seconds <= 0)
		seconds = 0.001;
	json_array_foreach(services, i, row)
	{
		const json_t *old = json_object_get(index, ctl_str(row, "service"));

		if (!lines)
			break;
		lines[n++] = (struct line){
			.service = ctl_str(row, "service"),
			.connections = rate(old, row, "connections", seconds),
			.punted = rate(old, row, "punted", seconds),
			.failures = rate(old, row, "connect_failures", seconds),
			.refused = rate(old, row, "refused", seconds),
			.sent = rate(old, row, "sent_bytes", seconds),
			.received = rate(old, row, "received_bytes", seconds),
			.open = ctl_int(row, "connections") - ctl_int(row, "closed"),
			.most = commonest(old, row),
		};
	}
	json_decref(index);
	if (n)
		qsort(lines, n, sizeof(*lines), busier);
	*ret = lines;
	return n;
}

static void print_text(const struct top *top, const struct line *lines, size_t n)
{
	static const char *const headings[] = { "SERVICE", "CONN/S",    "PROXIED/S",     "FAILED/S", "REFUSED/S",
						"WHY",     "SENT KB/S", "RECEIVED KB/S", "OPEN" };
	struct ctl_table *table = ctl_table_new(headings, sizeof(headings) / sizeof(headings[0]));

	for (size_t i = 0; i < n && i < top->rows; i++) {
		const struct line *line = &lines[i];

		ctl_table_cell(table, "%s", line->service);
		ctl_table_cell(table, "%.1f", line->connections);
		ctl_table_cell(table, "%.1f", line->punted);
		ctl_table_cell(table, "%.1f", line->failures);
		ctl_table_cell(table, "%.1f", line->refused);
		ctl_table_cell(table, "%s", *line->most ? line->most : "-");
		ctl_table_cell(table, "%.1f", line->sent / 1000);
		ctl_table_cell(table, "%.1f", line->received / 1000);
		ctl_table_cell(table, "%lld", line->open > 0 ? line->open : 0);
	}
	ctl_table_print(table);
}

static int print_json(const struct top *top, const struct line *lines, size_t n)
{
	json_t *rows = json_array();
	int result;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			rows, json_pack("{s:s, s:f, s:f, s:f, s:f, s:s, s:f, s:f, s:I}", "service", lines[i].service,
					"connections_per_s", lines[i].connections, "punted_per_s", lines[i].punted,
					"connect_failures_per_s", lines[i].failures, "refused_per_s", lines[i].refused,
					"why", lines[i].most, "sent_bytes_per_s", lines[i].sent, "received_bytes_per_s",
					lines[i].received, "open", (json_int_t)lines[i].open));
	result = ctl_print_value(top->ctl, rows);
	json_decref(rows);
	return result;
}

static int show(const struct top *top, const json_t *before, const json_t *after, bool clear)
{
	struct line *lines;
	size_t n = compare(before, after, &lines);
	int result = CTL_OK;

	if (top->ctl->format == CTL_JSON) {
		result = print_json(top, lines, n);
	} else {
		if (clear)
			fputs("\033[H\033[2J", stdout);
		print_text(top, lines, n);
		result = fflush(stdout) == 0 ? CTL_OK : CTL_FAILED;
	}
	free(lines);
	return result;
}

int ctl_top(struct ctl *ctl)
{
	struct top top = { .ctl = ctl, .rows = ROWS_DEFAULT, .interval_ms = INTERVAL_DEFAULT_MS };
	int parsed = parse(&top), result = CTL_OK;
	struct timespec pause;
	json_t *before, *after;

	if (parsed) {
		fputs(usage_text, parsed < 0 ? stderr : stdout);
		return parsed < 0 ? CTL_USAGE : CTL_OK;
	}
	pause = (struct timespec){ .tv_sec = (time_t)(top.interval_ms / 1000),
				   .tv_nsec = (long)(top.interval_ms % 1000) * 1000000L };
	top.once = top.once || ctl->format == CTL_JSON || !isatty(STDOUT_FILENO);
	before = ctl_ask(ctl, "/api/v1/services", NULL);
	while (before && result == CTL_OK) {
		nanosleep(&pause, NULL);
		after = ctl_ask(ctl, "/api/v1/services", NULL);
		result = after ? show(&top, before, after, !top.once) : CTL_FAILED;
		json_decref(before);
		before = after;
		if (top.once)
			break;
	}
	if (!before)
		result = CTL_FAILED;
	json_decref(before);
	return result;
}
