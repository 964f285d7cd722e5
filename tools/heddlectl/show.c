/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that show: status, proxy-status, proxy-config, maps. Columns as istioctl prints them, then Heddle's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "heddlectl/ctl.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

static const char *yes_no(bool value)
{
	return value ? "yes" : "no";
}

/* "VirtualService demo/reviews vs.yaml:12", or "-" */
static void origin_text(const json_t *row, char *text, size_t size)
{
	const json_t *origin = json_object_get(row, "origin");
	const char *file = ctl_str(origin, "file"), *base = strrchr(file, '/');

	if (!*ctl_str(origin, "kind"))
		snprintf(text, size, "-");
	else
		snprintf(text, size, "%s %s/%s %s:%lld", ctl_str(origin, "kind"), ctl_str(origin, "namespace"),
			 ctl_str(origin, "name"), base ? base + 1 : file, ctl_int(origin, "line"));
}

/* The first address, and how many more: istioctl's form. */
static void first_and_more(const json_t *array, char *text, size_t size)
{
	size_t n = json_array_size(array);
	const char *first = json_string_value(json_array_get(array, 0));

	if (n <= 1)
		snprintf(text, size, "%s", first ? first : "-");
	else
		snprintf(text, size, "%s + %zu more...", first ? first : "-", n - 1);
}

static void show_listeners(const json_t *rows)
{
	static const char *const headings[] = { "ADDRESSES", "PORT", "NODEPORT", "MATCH", "DESTINATION",
						"LABEL",     "FROM", "REASON",   "ORIGIN" };
	struct ctl_table *table = ctl_table_new(headings, COUNT(headings));
	char addresses[256], origin[512];
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		first_and_more(json_object_get(row, "addresses"), addresses, sizeof(addresses));
		origin_text(row, origin, sizeof(origin));
		ctl_table_cell(table, "%s", addresses);
		ctl_table_cell(table, "%lld%s", ctl_int(row, "port"),
			       strcmp(ctl_str(row, "protocol"), "UDP") == 0 ? "/udp" : "");
		if (ctl_int(row, "node_port"))
			ctl_table_cell(table, "%lld", ctl_int(row, "node_port"));
		else
			ctl_table_cell(table, "-");
		ctl_table_cell(table, "%s", ctl_str(row, "match"));
		ctl_table_cell(table, "%s", ctl_str(row, "destination"));
		ctl_table_cell(table, "%s", ctl_str(row, "label"));
		ctl_table_cell(table, "%s%s%s", or_dash(ctl_str(row, "from")), ctl_str(row, "sidecar")[0] ? "/" : "",
			       ctl_str(row, "sidecar"));
		ctl_table_cell(table, "%s", ctl_str(row, "reason"));
		ctl_table_cell(table, "%s", origin);
	}
	ctl_table_print(table);
}

static void show_routes(const json_t *rows)
{
	static const char *const headings[] = { "NAME",       "VHOST NAME", "DOMAINS", "MATCH", "VIRTUAL SERVICE",
						"CONDITIONS", "ACTION",     "FROM",    "ORIGIN" };
	struct ctl_table *table = ctl_table_new(headings, COUNT(headings));
	char domains[256], origin[512];
	json_t *row, *condition;
	size_t i, j;

	json_array_foreach(rows, i, row)
	{
		struct hdl_buf conditions = { 0 };

		first_and_more(json_object_get(row, "domains"), domains, sizeof(domains));
		origin_text(row, origin, sizeof(origin));
		json_array_foreach(json_object_get(row, "conditions"), j, condition)
			hdl_buf_printf(&conditions, "%s%s", j ? ", " : "", json_string_value(condition));
		ctl_table_cell(table, "%s", ctl_str(row, "name"));
		ctl_table_cell(table, "%s", ctl_str(row, "vhost"));
		ctl_table_cell(table, "%s", domains);
		ctl_table_cell(table, "%s", ctl_str(row, "match"));
		ctl_table_cell(table, "%s", or_dash(ctl_str(row, "virtual_service")));
		ctl_table_cell(table, "%s", conditions.n ? conditions.p : "-");
		ctl_table_cell(table, "%s", or_dash(ctl_str(row, "action")));
		ctl_table_cell(table, "%s%s%s", or_dash(ctl_str(row, "from")), ctl_str(row, "sidecar")[0] ? "/" : "",
			       ctl_str(row, "sidecar"));
		ctl_table_cell(table, "%s", origin);
		hdl_buf_done(&conditions);
	}
	ctl_table_print(table);
}

static void show_clusters(const json_t *rows)
{
	static const char *const headings[] = { "SERVICE FQDN",     "PORT",   "SUBSET", "DIRECTION", "TYPE",
						"DESTINATION RULE", "POLICY", "FROM",   "HEALTHY" };
	struct ctl_table *table = ctl_table_new(headings, COUNT(headings));
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		ctl_table_cell(table, "%s", ctl_str(row, "fqdn"));
		ctl_table_cell(table, "%lld", ctl_int(row, "port"));
		ctl_table_cell(table, "%s", or_dash(ctl_str(row, "subset")));
		ctl_table_cell(table, "%s", ctl_str(row, "direction"));
		ctl_table_cell(table, "%s", ctl_str(row, "type"));
		ctl_table_cell(table, "%s", or_dash(ctl_str(row, "destination_rule")));
		ctl_table_cell(table, "%s", ctl_str(row, "policy"));
		ctl_table_cell(table, "%s", or_dash(ctl_str(row, "from")));
		ctl_table_cell(table, "%lld/%lld", ctl_int(row, "healthy") - ctl_int(row, "ejected"),
			       ctl_int(row, "endpoints"));
	}
	ctl_table_print(table);
}

static void show_endpoints(const json_t *rows)
{
	static const char *const headings[] = { "ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER",    "POD",
						"ID",       "ACTIVE", "EJECTIONS",     "EJECTED FOR" };
	struct ctl_table *table = ctl_table_new(headings, COUNT(headings));
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		ctl_table_cell(table, "%s", ctl_str(row, "endpoint"));
		ctl_table_cell(table, "%s", ctl_str(row, "status"));
		ctl_table_cell(table, "%s", ctl_str(row, "outlier_check"));
		ctl_table_cell(table, "%s", ctl_str(row, "cluster"));
		ctl_table_cell(table, "%s", or_dash(ctl_str(row, "pod")));
		ctl_table_cell(table, "%lld", ctl_int(row, "id"));
		ctl_table_cell(table, "%lld", ctl_int(row, "active"));
		ctl_table_cell(table, "%lld", ctl_int(row, "ejections"));
		if (ctl_bool(row, "ejected_by_hand"))
			ctl_table_cell(table, "until restored");
		else if (ctl_bool(row, "ejected"))
			ctl_table_cell(table, "%.1fs", (double)ctl_int(row, "ejected_for_ms") / 1000);
		else
			ctl_table_cell(table, "-");
	}
	ctl_table_print(table);
}

static const struct view {
	const char *name, *alias;
	void (*show)(const json_t *rows);
} views[] = {
	{ "listeners", "listener", show_listeners },
	{ "routes", "route", show_routes },
	{ "clusters", "cluster", show_clusters },
	{ "endpoints", "endpoint", show_endpoints },
};

void ctl_add_encoded(struct hdl_buf *path, const char *value)
{
	for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
		if (strchr("-._*|:", *c) || (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') ||
		    (*c >= 'A' && *c <= 'Z'))
			hdl_buf_printf(path, "%c", *c);
		else
			hdl_buf_printf(path, "%%%02X", *c);
	}
}

static void add_filter(struct hdl_buf *path, const char *name, const char *value)
{
	if (!value)
		return;
	hdl_buf_printf(path, "%c%s=", memchr(path->p, '?', path->n) ? '&' : '?', name);
	ctl_add_encoded(path, value);
}

static json_t *ask_view(const struct ctl *ctl, const struct view *view)
{
	struct hdl_buf path = { 0 };
	json_t *answer;

	hdl_buf_printf(&path, "/api/v1/%s", view->name);
	add_filter(&path, "fqdn", ctl->fqdn);
	add_filter(&path, "port", ctl->port);
	add_filter(&path, "subset", ctl->subset);
	add_filter(&path, "name", ctl->name);
	add_filter(&path, "from", ctl->from);
	answer = path.failed ? NULL : ctl_ask(ctl, path.p, NULL);
	hdl_buf_done(&path);
	return answer;
}

static int show_view(const struct ctl *ctl, const struct view *view)
{
	json_t *answer = ask_view(ctl, view);
	int result = CTL_OK;

	if (!answer)
		return CTL_FAILED;
	if (ctl->format == CTL_TEXT)
		view->show(json_object_get(answer, view->name));
	else
		result = ctl_print_value(ctl, json_object_get(answer, view->name));
	json_decref(answer);
	return result;
}

static int show_all(const struct ctl *ctl)
{
	json_t *all = json_object();
	int result = CTL_OK;

	for (size_t i = 0; i < COUNT(views) && result == CTL_OK; i++) {
		if (ctl->format == CTL_TEXT) {
			if (i)
				putchar('\n');
			result = show_view(ctl, &views[i]);
			continue;
		}
		json_t *answer = ask_view(ctl, &views[i]);

		if (!answer)
			result = CTL_FAILED;
		else
			json_object_set(all, views[i].name, json_object_get(answer, views[i].name));
		json_decref(answer);
	}
	if (ctl->format != CTL_TEXT && result == CTL_OK)
		result = ctl_print_value(ctl, all);
	json_decref(all);
	return result;
}

int ctl_proxy_config(struct ctl *ctl)
{
	if (ctl->argc == 1) {
		if (strcmp(ctl->argv[0], "all") == 0)
			return show_all(ctl);
		for (size_t i = 0; i < COUNT(views); i++)
			if (strcmp(ctl->argv[0], views[i].name) == 0 || strcmp(ctl->argv[0], views[i].alias) == 0)
				return show_view(ctl, &views[i]);
	}
	fputs("usage: heddlectl proxy-config listeners|routes|clusters|endpoints|all\n", stderr);
	return CTL_USAGE;
}

static void show_fill(const json_t *maps, long long sum)
{
	static const char *const headings[] = { "MAP", "USED", "CAPACITY", "MEMORY KB" };
	struct ctl_table *table = ctl_table_new(headings, COUNT(headings));
	json_t *row;
	size_t i;

	json_array_foreach(maps, i, row)
	{
		ctl_table_cell(table, "%s", ctl_str(row, "name"));
		for (size_t k = 0; k < 2; k++) {
			const json_t *number = json_object_get(row, k ? "capacity" : "used");

			if (json_is_integer(number))
				ctl_table_cell(table, "%lld", json_integer_value(number));
			else
				ctl_table_cell(table, "-");
		}
		if (json_object_get(row, "memory_bytes"))
			ctl_table_cell(table, "%.1f", (double)ctl_int(row, "memory_bytes") / 1000);
		else
			ctl_table_cell(table, "-");
	}
	ctl_table_cell(table, "all");
	ctl_table_cell(table, "-");
	ctl_table_cell(table, "-");
	ctl_table_cell(table, "%.1f", (double)sum / 1000);
	ctl_table_print(table);
}

/* Where the maps are pinned, into text; "" = nowhere, or not known. */
static void ask_bpffs(struct ctl *ctl, char *text, size_t size)
{
	json_t *status = ctl_ask(ctl, "/api/v1/status", NULL);

	snprintf(text, size, "%s", ctl_str(status, "bpffs"));
	json_decref(status);
}

int ctl_maps(struct ctl *ctl)
{
	char path[128], bpffs[4096];
	json_t *answer, *entries, *entry;
	long long sum = 0;
	size_t i;
	int result = CTL_OK;

	if (ctl->argc > 1 ||
	    (ctl->argc == 1 && strspn(ctl->argv[0], "abcdefghijklmnopqrstuvwxyz_") != strlen(ctl->argv[0]))) {
		fputs("usage: heddlectl maps [NAME]\n", stderr);
		return CTL_USAGE;
	}
	snprintf(path, sizeof(path), "/api/v1/maps%s%.64s", ctl->argc ? "/" : "", ctl->argc ? ctl->argv[0] : "");
	answer = ctl_ask(ctl, path, NULL);
	if (!answer)
		return CTL_FAILED;
	entries = json_object_get(answer, "entries");
	if (!entries) {
		ask_bpffs(ctl, bpffs, sizeof(bpffs));
		sum = ctl_add_memory(json_object_get(answer, "maps"), bpffs, ctl->format == CTL_TEXT);
	}
	if (ctl->format != CTL_TEXT) {
		result = ctl_print_value(ctl, entries ? entries : json_object_get(answer, "maps"));
	} else if (!entries) {
		show_fill(json_object_get(answer, "maps"), sum);
	} else {
		json_array_foreach(entries, i, entry)
		{
			json_dumpf(json_object_get(entry, "key"), stdout, JSON_ENCODE_ANY);
			fputs("  ", stdout);
			json_dumpf(json_object_get(entry, "value"), stdout, JSON_ENCODE_ANY);
			putchar('\n');
		}
		if (ctl_bool(answer, "truncated"))
			fputs("heddlectl: there is more; bpftool map dump shows all of it\n", stderr);
	}
	json_decref(answer);
	return result;
}

/* Every object of the files: since which epoch it is in force, or why it is not. */
static int show_objects(struct ctl *ctl)
{
	static const char *const headings[] = { "OBJECT", "EPOCH", "STATUS", "FILE", "REASON" };
	json_t *answer = ctl_ask(ctl, "/api/v1/objects", NULL), *row;
	struct ctl_table *table;
	size_t i;
	int result = CTL_OK;

	if (!answer)
		return CTL_FAILED;
	if (ctl->format != CTL_TEXT) {
		result = ctl_print_value(ctl, answer);
	} else {
		table = ctl_table_new(headings, COUNT(headings));
		json_array_foreach(json_object_get(answer, "objects"), i, row)
		{
			const char *ns = ctl_str(row, "namespace");

			ctl_table_cell(table, "%s %s%s%s", ctl_str(row, "kind"), ns, *ns ? "/" : "",
				       ctl_str(row, "name"));
			ctl_table_cell(table, "%lld", ctl_int(row, "epoch"));
			ctl_table_cell(table, "%s", ctl_str(row, "status"));
			ctl_table_cell(table, "%s:%lld", ctl_str(row, "file"), ctl_int(row, "line"));
			ctl_table_cell(table, "%s", or_dash(ctl_str(row, "reason")));
		}
		ctl_table_print(table);
	}
	json_decref(answer);
	return result;
}

int ctl_proxy_status(struct ctl *ctl)
{
	static const char *const headings[] = { "NAME", "TYPE", "EPOCH", "STATUS", "REASON" };
	json_t *answer, *row;
	struct ctl_table *table;
	size_t i;
	int result = CTL_OK;

	if (ctl->argc > 1 || (ctl->argc == 1 && strcmp(ctl->argv[0], "objects") != 0)) {
		fputs("usage: heddlectl proxy-status [objects]\n", stderr);
		return CTL_USAGE;
	}
	if (ctl->argc == 1)
		return show_objects(ctl);
	answer = ctl_ask(ctl, "/api/v1/proxy-status", NULL);
	if (!answer)
		return CTL_FAILED;
	if (ctl->format != CTL_TEXT) {
		result = ctl_print_value(ctl, answer);
	} else {
		table = ctl_table_new(headings, COUNT(headings));
		json_array_foreach(json_object_get(answer, "rows"), i, row)
		{
			ctl_table_cell(table, "%s", ctl_str(row, "name"));
			ctl_table_cell(table, "%s", ctl_str(row, "type"));
			ctl_table_cell(table, "%lld", ctl_int(row, "epoch"));
			ctl_table_cell(table, "%s", ctl_str(row, "status"));
			ctl_table_cell(table, "%s", or_dash(ctl_str(row, "reason")));
		}
		ctl_table_print(table);
	}
	json_decref(answer);
	return result;
}

static void show_status_head(const json_t *status)
{
	const json_t *kernel = json_object_get(status, "kernel"), *pods = json_object_get(status, "pods"),
		     *config = json_object_get(status, "config");

	printf("heddled %s  %s  mode %s  node %s  epoch %lld  up %llds\n", ctl_str(status, "version"),
	       ctl_str(status, "state"), ctl_str(status, "mode"), or_dash(ctl_str(status, "node")),
	       ctl_int(status, "epoch"), ctl_int(status, "uptime_ms") / 1000);
	printf("keeper pid %lld  worker pid %lld uid %lld  worker restarts %lld\n", ctl_int(status, "keeper_pid"),
	       ctl_int(status, "worker_pid"), ctl_int(status, "worker_uid"), ctl_int(status, "worker_restarts"));
	printf("kernel %s\n", ctl_str(kernel, "release"));
	printf("pods: %lld known, %lld on this node, %lld with tc\n", ctl_int(pods, "known"), ctl_int(pods, "on_node"),
	       ctl_int(pods, "hooked"));
	printf("configuration: %lld files, %lld documents accepted, %lld refused, %lld warnings\n",
	       ctl_int(config, "files"), ctl_int(config, "accepted_documents"), ctl_int(config, "refused_documents"),
	       ctl_int(config, "warnings"));
	if (*ctl_str(config, "last_refusal"))
		printf("last change refused: %s\n", ctl_str(config, "last_refusal"));
}

static void show_status_tables(const json_t *status)
{
	static const char *const feature_headings[] = { "FEATURE", "IN FORCE", "DETAIL" };
	static const char *const hook_headings[] = { "HOOK", "STATE", "WHERE" };
	static const char *const limit_headings[] = { "LIMIT", "HITS" };
	struct ctl_table *table = ctl_table_new(feature_headings, COUNT(feature_headings));
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(json_object_get(status, "kernel"), "features"), i, row)
	{
		ctl_table_cell(table, "%s", ctl_str(row, "name"));
		ctl_table_cell(table, "%s", yes_no(ctl_bool(row, "in_force")));
		ctl_table_cell(table, "%s", or_dash(ctl_str(row, "detail")));
	}
	putchar('\n');
	ctl_table_print(table);
	table = ctl_table_new(hook_headings, COUNT(hook_headings));
	json_array_foreach(json_object_get(status, "hooks"), i, row)
	{
		ctl_table_cell(table, "%s", ctl_str(row, "name"));
		ctl_table_cell(table, "%s", ctl_str(row, "state"));
		ctl_table_cell(table, "%s", ctl_str(row, "where"));
	}
	putchar('\n');
	ctl_table_print(table);
	putchar('\n');
	show_fill(json_object_get(status, "maps"), ctl_int(status, "maps_memory_bytes"));
	table = ctl_table_new(limit_headings, COUNT(limit_headings));
	json_array_foreach(json_object_get(status, "limits"), i, row)
	{
		ctl_table_cell(table, "%s", ctl_str(row, "name"));
		ctl_table_cell(table, "%lld", ctl_int(row, "hits"));
	}
	putchar('\n');
	ctl_table_print(table);
}

int ctl_status(struct ctl *ctl)
{
	json_t *answer = ctl_ask(ctl, "/api/v1/status", NULL);
	int result = CTL_OK;

	if (!answer)
		return CTL_FAILED;
	json_object_set_new(
		answer, "maps_memory_bytes",
		json_integer(ctl_add_memory(json_object_get(answer, "maps"), ctl_str(answer, "bpffs"), true)));
	if (ctl->format != CTL_TEXT) {
		result = ctl_print_value(ctl, answer);
	} else {
		show_status_head(answer);
		show_status_tables(answer);
	}
	json_decref(answer);
	return result;
}
