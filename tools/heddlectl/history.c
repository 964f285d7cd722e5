/* SPDX-License-Identifier: Apache-2.0 */
/* heddlectl history and rollback. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "heddlectl/ctl.h"

static bool is_epoch(const char *text)
{
	return *text && strlen(text) < 19 && strspn(text, "0123456789") == strlen(text) && strcmp(text, "0") != 0;
}

/* Local time to the second, as kubectl's age would hide what belongs together. */
static const char *time_text(long long time_ms, char text[32])
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(text, 32, "-");
	return text;
}

static const char *cause_text(const json_t *row, char text[64])
{
	if (ctl_int(row, "rolled_back_to"))
		snprintf(text, 64, "%s to %lld",
			 strcmp(ctl_str(row, "cause"), "start") == 0 ? "start, rolled back" : "rollback",
			 ctl_int(row, "rolled_back_to"));
	else
		snprintf(text, 64, "%s", ctl_str(row, "cause"));
	return text;
}

static void show_table(const json_t *answer)
{
	static const char *const headings[] = { "EPOCH",   "TIME",    "OUTCOME",       "CAUSE", "ADDED",
						"CHANGED", "REMOVED", "CAN ROLL BACK", "REASON" };
	struct ctl_table *table = ctl_table_new(headings, sizeof(headings) / sizeof(headings[0]));
	char time[32], cause[64];
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(answer, "epochs"), i, row)
	{
		bool current = ctl_int(row, "epoch") == ctl_int(answer, "epoch") && !*ctl_str(row, "reason");

		ctl_table_cell(table, "%lld%s", ctl_int(row, "epoch"), current ? " *" : "");
		ctl_table_cell(table, "%s", time_text(ctl_int(row, "time_ms"), time));
		ctl_table_cell(table, "%s", ctl_str(row, "outcome"));
		ctl_table_cell(table, "%s", cause_text(row, cause));
		ctl_table_cell(table, "%lld", ctl_int(row, "added"));
		ctl_table_cell(table, "%lld", ctl_int(row, "changed"));
		ctl_table_cell(table, "%lld", ctl_int(row, "removed"));
		ctl_table_cell(table, "%s", ctl_bool(row, "can_roll_back") ? "yes" : "no");
		ctl_table_cell(table, "%s", *ctl_str(row, "reason") ? ctl_str(row, "reason") : "-");
	}
	ctl_table_print(table);
}

static void show_epoch(const json_t *row)
{
	char time[32], cause[64];
	json_t *change;
	size_t i;

	printf("epoch %lld  %s  %s  %s\n", ctl_int(row, "epoch"), time_text(ctl_int(row, "time_ms"), time),
	       ctl_str(row, "outcome"), cause_text(row, cause));
	if (*ctl_str(row, "reason"))
		printf("  %s\n", ctl_str(row, "reason"));
	json_array_foreach(json_object_get(row, "changes"), i, change)
	{
		const char *ns = ctl_str(change, "namespace");

		printf("  %-7s  %s %s%s%s  %s:%lld\n", ctl_str(change, "change"), ctl_str(change, "kind"), ns,
		       *ns ? "/" : "", ctl_str(change, "name"), ctl_str(change, "file"), ctl_int(change, "line"));
	}
	if (!ctl_bool(row, "all_listed"))
		printf("  %lld objects in all; not each is listed\n",
		       ctl_int(row, "added") + ctl_int(row, "changed") + ctl_int(row, "removed"));
}

int ctl_history(struct ctl *ctl)
{
	char path[96] = "/api/v1/history";
	json_t *answer, *rows, *row;
	int result = CTL_OK;
	size_t i;

	if (ctl->argc > 1 || (ctl->argc == 1 && !is_epoch(ctl->argv[0]))) {
		fputs("usage: heddlectl history [EPOCH]\n", stderr);
		return CTL_USAGE;
	}
	if (ctl->argc)
		snprintf(path, sizeof(path), "/api/v1/history?epoch=%.20s", ctl->argv[0]);
	answer = ctl_ask(ctl, path, NULL);
	if (!answer)
		return CTL_FAILED;
	rows = json_object_get(answer, "epochs");
	if (ctl->argc && json_array_size(rows) == 0) {
		fprintf(stderr, "heddlectl: epoch %s is not in the history\n", ctl->argv[0]);
		result = CTL_FAILED;
	} else if (ctl->format != CTL_TEXT) {
		result = ctl_print_value(ctl, answer);
	} else if (ctl->argc) {
		json_array_foreach(rows, i, row) show_epoch(row);
	} else {
		show_table(answer);
	}
	json_decref(answer);
	return result;
}

int ctl_rollback(struct ctl *ctl)
{
	json_t *body, *answer;
	int result = CTL_OK;

	if (ctl->argc != 1 || !is_epoch(ctl->argv[0])) {
		fputs("usage: heddlectl rollback EPOCH   (heddlectl history lists them)\n", stderr);
		return CTL_USAGE;
	}
	body = json_pack("{s:s}", "epoch", ctl->argv[0]);
	answer = body ? ctl_ask(ctl, "/api/v1/rollback", body) : NULL;
	json_decref(body);
	if (!answer)
		return CTL_FAILED;
	if (ctl->format != CTL_TEXT)
		result = ctl_print_value(ctl, answer);
	else
		printf("epoch %lld in force, the configuration of epoch %s, until the files change\n",
		       ctl_int(answer, "epoch"), ctl->argv[0]);
	json_decref(answer);
	return result;
}
