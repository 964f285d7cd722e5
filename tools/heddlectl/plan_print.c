/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a comparison of two configurations as text, JSON or YAML. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "heddlectl/plan.h"
#include "model/history.h"
#include "model/print.h"
#include "model/schema.h"

/* "12.5": exact to four places, as many as are needed. */
static const char *percent(const struct hdl_preview_share *share, char text[32])
{
	size_t n = (size_t)snprintf(text, 32, "%.4f",
				    share->whole ? 100.0 * (double)share->part / (double)share->whole : 0.0);

	while (n && text[n - 1] == '0')
		text[--n] = '\0';
	if (n && text[n - 1] == '.')
		text[--n] = '\0';
	return text;
}

static json_t *share_value(const struct hdl_preview_share *share)
{
	char text[32];

	return json_pack("{s:s, s:I, s:I}", "percent", percent(share, text), "part", (json_int_t)share->part, "whole",
			 (json_int_t)share->whole);
}

static json_t *origin_value(const struct hdl_ir_origin *origin)
{
	if (!origin)
		return json_null();
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "kind", origin->kind, "namespace", origin->ns, "name",
			 origin->name, "file", origin->file ? origin->file : "", "line", (int)origin->line, "column",
			 (int)origin->column);
}

static json_t *lines_value(const char *text)
{
	json_t *lines = json_array();

	while (*text) {
		size_t n = strcspn(text, "\n");

		json_array_append_new(lines, json_stringn(text, n));
		text += n + (text[n] == '\n');
	}
	return lines;
}

/* ---- rows ---- */

static json_t *fields_value(const struct hdl_object_change *change)
{
	struct hdl_arena *arena = hdl_arena_new(0);
	struct hdl_field_changes changes = { 0 };
	json_t *fields = json_array();

	if (arena && hdl_resource_diff(arena, change->before, change->after, &changes) == 0)
		for (size_t i = 0; i < changes.n; i++)
			json_array_append_new(fields, json_pack("{s:s, s:s?, s:s?}", "field", changes.at[i].path, "was",
								changes.at[i].was, "now", changes.at[i].now));
	hdl_arena_free(arena);
	return fields;
}

static json_t *object_value(const struct hdl_object_change *change)
{
	const struct hdl_resource *resource = change->after ? change->after : change->before;
	enum hdl_change what = !change->before ? HDL_CHANGE_ADDED :
			       !change->after  ? HDL_CHANGE_REMOVED :
						 HDL_CHANGE_CHANGED;
	json_t *value = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "change", hdl_change_name(what), "kind",
				  hdl_kind_name(resource->kind), "group", hdl_kind_schemas[resource->kind].group,
				  "namespace", resource->ns, "name", resource->name, "file",
				  resource->file ? resource->file : "", "line", (int)resource->pos.line);

	if (value && what == HDL_CHANGE_CHANGED)
		json_object_set_new(value, "fields", fields_value(change));
	return value;
}

static json_t *request_value(const struct hdl_preview_route *route)
{
	const struct hdl_preview_request *request = &route->request;
	json_t *headers = json_array();

	for (size_t i = 0; i < request->header_count; i++)
		json_array_append_new(headers, json_pack("{s:s, s:s}", "name", request->header[i].name, "value",
							 request->header[i].value));
	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:o, s:s}", "method", request->method, "scheme", request->scheme,
			 "host", request->authority, "port", (int)route->port, "path", request->path, "headers",
			 headers, "client", request->client);
}

static json_t *route_value(const struct hdl_preview_route *route)
{
	return json_pack("{s:s, s:o, s:{s:o, s:o}, s:{s:o, s:o}, s:o, s:o}", "route", route->config, "request",
			 request_value(route), "before", "outcome", lines_value(route->before_text), "origin",
			 origin_value(route->before_origin), "after", "outcome", lines_value(route->after_text),
			 "origin", origin_value(route->after_origin), "endpoints", lines_value(route->endpoints_text),
			 "moved", share_value(&route->moved));
}

static const char *label_name(const struct hdl_ir_service_port *port)
{
	return port->label == HDL_LABEL_L4 ? "l4" : port->label == HDL_LABEL_DIRECT ? "direct" : "request";
}

static json_t *port_side(const struct hdl_ir_service_port *port, const struct hdl_ir_l4_route *route)
{
	const struct hdl_ir_destination *at = route ? route->destinations : port ? port->destinations : NULL;
	size_t n = route ? route->destination_count : port ? port->destination_count : 0;
	const struct hdl_ir_origin *origin = route && route->origin.kind ? &route->origin : NULL;
	json_t *to = json_array();

	if (!port) {
		json_decref(to);
		return json_null();
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(to, json_pack("{s:s, s:I}", "cluster", at[i].cluster_name, "weight",
						    (json_int_t)at[i].weight));
	return json_pack("{s:s, s:s, s:o, s:o}", "label", label_name(port), "reason", port->label_reason,
			 "destinations", to, "origin", origin_value(origin));
}

static json_t *port_value(const struct hdl_preview_port *row)
{
	const struct hdl_ir_service_port *port = row->after ? row->after : row->before;

	return json_pack("{s:s, s:i, s:{s:s, s:s}, s:o, s:o, s:o, s:o}", "service", port->service->fqdn, "port",
			 (int)port->port, "connection", "client", row->client, "address", row->address, "before",
			 port_side(row->before, row->before_route), "after", port_side(row->after, row->after_route),
			 "endpoints", lines_value(row->endpoints_text), "moved", share_value(&row->moved));
}

static json_t *hash_value(const struct hdl_preview_hash *row)
{
	return json_pack("{s:s, s:s, s:i, s:i, s:o}", "cluster", row->after->name, "family",
			 row->family == HDL_FAMILY_V4 ? "IPv4" : "IPv6", "slots_before", (int)row->before->table_size,
			 "slots_after", (int)row->after->table_size, "moved", share_value(&row->moved));
}

static json_t *diag_value(const struct hdl_diag *diag)
{
	struct hdl_buf text = { 0 };
	json_t *value;

	hdl_diag_print(&text, diag);
	value = json_pack("{s:s, s:s?, s:i, s:i, s:s?, s:s?, s:s?, s:s?, s:s}", "severity",
			  hdl_severity_name(diag->severity), "file", diag->file, "line", (int)diag->pos.line, "column",
			  (int)diag->pos.col, "kind", diag->kind, "namespace", diag->ns, "name", diag->name, "field",
			  diag->field, "text", text.p ? text.p : "");
	hdl_buf_done(&text);
	return value;
}

static json_t *make_value(const struct hdl_preview *preview, const struct hdl_diags *diags, bool too_large)
{
	json_t *objects = json_array(), *routes = json_array(), *ports = json_array(), *hashes = json_array(),
	       *refused = json_array();

	for (size_t i = 0; i < preview->objects.n; i++)
		json_array_append_new(objects, object_value(&preview->objects.at[i]));
	for (size_t i = 0; i < preview->route_count; i++)
		json_array_append_new(routes, route_value(&preview->route[i]));
	for (size_t i = 0; i < preview->port_count; i++)
		json_array_append_new(ports, port_value(&preview->port[i]));
	for (size_t i = 0; i < preview->hash_count; i++)
		json_array_append_new(hashes, hash_value(&preview->hash[i]));
	for (size_t i = 0; i < diags->n; i++)
		if (diags->at[i].severity == HDL_ERROR)
			json_array_append_new(refused, diag_value(&diags->at[i]));
	return json_pack("{s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "differs",
			 (int)(!hdl_preview_is_empty(preview) || diags->errors), "refused_whole", (int)too_large,
			 "objects", objects, "routes", routes, "connections", ports, "hash_keys", hashes, "refused",
			 refused, "requests_tried", (json_int_t)preview->tried, "rules_without_example",
			 (json_int_t)preview->no_example, "pairs_not_tried", (json_int_t)preview->pairs_not_tried,
			 "not_shown", (json_int_t)preview->not_kept);
}

/* ---- text ---- */

static void text_objects(const json_t *rows)
{
	json_t *row, *field;
	size_t i, k;

	if (json_array_size(rows))
		puts("Objects:");
	json_array_foreach(rows, i, row)
	{
		const char *what = ctl_str(row, "change"), *ns = ctl_str(row, "namespace");

		printf("  %c %s %s%s%s  %s:%lld\n",
		       *what == 'a' ? '+' :
		       *what == 'r' ? '-' :
				      '~',
		       ctl_str(row, "kind"), ns, *ns ? "/" : "", ctl_str(row, "name"), ctl_str(row, "file"),
		       ctl_int(row, "line"));
		json_array_foreach(json_object_get(row, "fields"), k, field)
			printf("      %s: %s -> %s\n", ctl_str(field, "field"),
			       *ctl_str(field, "was") ? ctl_str(field, "was") : "(not set)",
			       *ctl_str(field, "now") ? ctl_str(field, "now") : "(not set)");
	}
}

static void text_origin(const json_t *side)
{
	const json_t *origin = json_object_get(side, "origin");

	if (json_is_object(origin))
		printf("      %-7s by %s %s/%s %s:%lld\n", "", ctl_str(origin, "kind"), ctl_str(origin, "namespace"),
		       ctl_str(origin, "name"), ctl_str(origin, "file"), ctl_int(origin, "line"));
}

static void text_outcome(const char *what, const json_t *side)
{
	json_t *line;
	size_t i;

	json_array_foreach(json_object_get(side, "outcome"), i, line)
		printf("      %-7s %s\n", i ? "" : what, json_string_value(line));
	text_origin(side);
}

static void text_endpoints(const json_t *row)
{
	json_t *line;
	size_t i;

	json_array_foreach(json_object_get(row, "endpoints"), i, line) printf("      %s\n", json_string_value(line));
}

static void text_routes(const json_t *rows)
{
	json_t *row, *header;
	size_t i, k;

	if (json_array_size(rows))
		puts("Requests with another outcome, with an example of each:");
	json_array_foreach(rows, i, row)
	{
		const json_t *request = json_object_get(row, "request"), *share = json_object_get(row, "moved");

		printf("  ~ %s %s://%s:%lld%s", ctl_str(request, "method"), ctl_str(request, "scheme"),
		       ctl_str(request, "host"), ctl_int(request, "port"), ctl_str(request, "path"));
		json_array_foreach(json_object_get(request, "headers"), k, header)
			printf("  %s: %s", ctl_str(header, "name"), ctl_str(header, "value"));
		if (*ctl_str(request, "client"))
			printf("  from %s", ctl_str(request, "client"));
		putchar('\n');
		text_outcome("before", json_object_get(row, "before"));
		text_outcome("after", json_object_get(row, "after"));
		text_endpoints(row);
		printf("      %s%% of them go elsewhere\n", ctl_str(share, "percent"));
	}
}

static void text_port_side(const char *what, const json_t *side)
{
	json_t *to;
	size_t i;

	if (!json_is_object(side)) {
		printf("      %-7s none\n", what);
		return;
	}
	printf("      %-7s %s: %s\n", what, ctl_str(side, "label"), ctl_str(side, "reason"));
	json_array_foreach(json_object_get(side, "destinations"), i, to)
		printf("      %-7s to %s weight %lld\n", "", ctl_str(to, "cluster"), ctl_int(to, "weight"));
	text_origin(side);
}

static void text_ports(const json_t *rows)
{
	json_t *row;
	size_t i;

	if (json_array_size(rows))
		puts("Ports decided per connection:");
	json_array_foreach(rows, i, row)
	{
		const json_t *before = json_object_get(row, "before"), *after = json_object_get(row, "after"),
			     *connection = json_object_get(row, "connection");

		printf("  %c %s:%lld",
		       !json_is_object(before) ? '+' :
		       !json_is_object(after)  ? '-' :
						 '~',
		       ctl_str(row, "service"), ctl_int(row, "port"));
		if (*ctl_str(connection, "client"))
			printf("  from %s", ctl_str(connection, "client"));
		if (*ctl_str(connection, "address"))
			printf("  to %s", ctl_str(connection, "address"));
		putchar('\n');
		text_port_side("before", before);
		text_port_side("after", after);
		text_endpoints(row);
		printf("      %s%% of %snew connections go elsewhere\n",
		       ctl_str(json_object_get(row, "moved"), "percent"),
		       *ctl_str(connection, "client") || *ctl_str(connection, "address") ? "such " : "");
	}
}

static void text_rest(const json_t *value)
{
	const json_t *rows = json_object_get(value, "hash_keys");
	json_t *row;
	size_t i;

	if (json_array_size(rows))
		puts("Hash keys that move to another endpoint:");
	json_array_foreach(rows, i, row) printf("  ~ %s %s: %s%%\n", ctl_str(row, "cluster"), ctl_str(row, "family"),
						ctl_str(json_object_get(row, "moved"), "percent"));
	rows = json_object_get(value, "refused");
	if (json_array_size(rows))
		puts(ctl_bool(value, "refused_whole") ? "The change would be refused as a whole:" :
							"Would be refused; what is in force of it would stay:");
	json_array_foreach(rows, i, row) printf("  %s\n", ctl_str(row, "text"));
}

static void text_summary(const json_t *value)
{
	size_t count[3] = { 0 }, i;
	json_t *row;

	json_array_foreach(json_object_get(value, "objects"), i, row) count[*ctl_str(row, "change") == 'a' ? 0 :
									    *ctl_str(row, "change") == 'c' ? 1 :
													     2]++;
	if (!ctl_bool(value, "differs")) {
		puts("No differences.");
		return;
	}
	printf("%zu to add, %zu to change, %zu to remove; %zu kinds of requests and %zu ports change; %zu errors",
	       count[0], count[1], count[2], json_array_size(json_object_get(value, "routes")),
	       json_array_size(json_object_get(value, "connections")),
	       json_array_size(json_object_get(value, "refused")));
	if (ctl_int(value, "rules_without_example"))
		printf("; no example for %lld rules", ctl_int(value, "rules_without_example"));
	if (ctl_int(value, "pairs_not_tried"))
		printf("; %lld pairs of rules were not tried together", ctl_int(value, "pairs_not_tried"));
	if (ctl_int(value, "not_shown"))
		printf("; %lld more rows are not shown", ctl_int(value, "not_shown"));
	putchar('\n');
}

int ctl_plan_print(const struct ctl *ctl, const struct hdl_preview *preview, const struct hdl_diags *diags,
		   bool too_large)
{
	json_t *value = make_value(preview, diags, too_large);
	int result = CTL_OK;

	if (!value) {
		fputs("heddlectl: out of memory\n", stderr);
		return CTL_FAILED;
	}
	if (ctl->format != CTL_TEXT) {
		result = ctl_print_value(ctl, value);
	} else {
		text_objects(json_object_get(value, "objects"));
		text_routes(json_object_get(value, "routes"));
		text_ports(json_object_get(value, "connections"));
		text_rest(value);
		text_summary(value);
	}
	json_decref(value);
	return result;
}
