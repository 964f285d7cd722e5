/* SPDX-License-Identifier: Apache-2.0 */
/* What a route does besides sending requests on, in the JSON of the route list. */
#include <stdio.h>

#include "admin/page.h"

static void kstrn(struct hdl_jsonw *w, const char *key, struct hdl_str value)
{
	if (value.n == 0)
		return;
	hdl_jsonw_key(w, key);
	hdl_jsonw_strn(w, value);
}

static void kgiven(struct hdl_jsonw *w, const char *key, const char *value)
{
	if (value[0])
		hdl_jsonw_kstr(w, key, value);
}

static void write_path(struct hdl_jsonw *w, const struct hdl_ir_path_change *change)
{
	static const char *const kinds[] = {
		[HDL_IR_PATH_MATCHED] = "match",
		[HDL_IR_PATH_WHOLE] = "path",
		[HDL_IR_PATH_REGEX] = "regex",
	};

	if (change->kind == HDL_IR_PATH_KEEP)
		return;
	hdl_jsonw_kstr(w, "in_place_of", kinds[change->kind]);
	hdl_jsonw_key(w, "text");
	hdl_jsonw_strn(w, change->text);
}

static void write_redirect(struct hdl_jsonw *w, const struct hdl_ir_redirect *redirect)
{
	hdl_jsonw_key(w, "redirect");
	hdl_jsonw_object(w);
	hdl_jsonw_ku64(w, "status", redirect->status);
	kgiven(w, "scheme", redirect->scheme);
	kgiven(w, "host", redirect->host);
	if (redirect->port)
		hdl_jsonw_ku64(w, "port", redirect->port);
	write_path(w, &redirect->path);
	hdl_jsonw_object_end(w);
}

static void write_direct_response(struct hdl_jsonw *w, const struct hdl_ir_direct_response *direct)
{
	hdl_jsonw_key(w, "direct_response");
	hdl_jsonw_object(w);
	hdl_jsonw_ku64(w, "status", direct->status);
	hdl_jsonw_ku64(w, "body_bytes", direct->body.n);
	hdl_jsonw_object_end(w);
}

/* As it was written in the YAML, near enough for people. */
static void write_value(struct hdl_jsonw *w, const struct hdl_ir_header_value *value)
{
	struct hdl_buf text = { 0 };

	for (size_t i = 0; i < value->part_count; i++) {
		const struct hdl_subst_part *p = &value->parts[i];

		if (p->command == HDL_SUBST_LITERAL) {
			hdl_buf_printf(&text, HDL_STR_FMT, HDL_STR_ARG(p->text));
			continue;
		}
		hdl_buf_printf(&text, "%%" HDL_STR_FMT, HDL_STR_ARG(hdl_subst_name(p->command)));
		if (p->text.n)
			hdl_buf_printf(&text, "(" HDL_STR_FMT "%s" HDL_STR_FMT ")", HDL_STR_ARG(p->text),
				       p->instead.n ? "?" : "", HDL_STR_ARG(p->instead));
		if (p->bytes_max)
			hdl_buf_printf(&text, ":%u", p->bytes_max);
		hdl_buf_adds(&text, "%");
	}
	hdl_jsonw_strn(w, (struct hdl_str){ text.p ? text.p : "", text.n });
	hdl_buf_done(&text);
}

static void write_values(struct hdl_jsonw *w, const char *key, const struct hdl_ir_header_value *v, size_t n)
{
	if (n == 0)
		return;
	hdl_jsonw_key(w, key);
	hdl_jsonw_array(w);
	for (size_t i = 0; i < n; i++) {
		hdl_jsonw_object(w);
		kstrn(w, "name", v[i].name);
		hdl_jsonw_key(w, "value");
		write_value(w, &v[i]);
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
}

static void write_ops(struct hdl_jsonw *w, const char *key, const struct hdl_ir_header_ops *ops)
{
	if (ops->remove_count + ops->set_count + ops->add_count == 0)
		return;
	hdl_jsonw_key(w, key);
	hdl_jsonw_object(w);
	if (ops->remove_count) {
		hdl_jsonw_key(w, "remove");
		hdl_jsonw_array(w);
		for (size_t i = 0; i < ops->remove_count; i++)
			hdl_jsonw_strn(w, ops->remove[i]);
		hdl_jsonw_array_end(w);
	}
	write_values(w, "set", ops->set, ops->set_count);
	write_values(w, "add", ops->add, ops->add_count);
	hdl_jsonw_object_end(w);
}

void hdl_admin_json_headers(struct hdl_jsonw *w, const struct hdl_ir_headers *headers)
{
	if (!headers)
		return;
	hdl_jsonw_key(w, "headers");
	hdl_jsonw_object(w);
	write_ops(w, "request", &headers->request);
	write_ops(w, "response", &headers->response);
	kgiven(w, "host", headers->host);
	hdl_jsonw_object_end(w);
}

static void write_cors(struct hdl_jsonw *w, const struct hdl_ir_cors *cors)
{
	static const char *const kinds[] = {
		[HDL_IR_MATCH_EXACT] = "exact",
		[HDL_IR_MATCH_PREFIX] = "prefix",
		[HDL_IR_MATCH_REGEX] = "regex",
	};

	hdl_jsonw_key(w, "cors");
	hdl_jsonw_object(w);
	hdl_jsonw_key(w, "origins");
	hdl_jsonw_array(w);
	for (size_t i = 0; i < cors->origin_count; i++) {
		hdl_jsonw_object(w);
		hdl_jsonw_key(w, kinds[cors->origins[i].kind]);
		hdl_jsonw_strn(w, cors->origins[i].value);
		hdl_jsonw_object_end(w);
	}
	hdl_jsonw_array_end(w);
	kstrn(w, "methods", cors->methods);
	kstrn(w, "headers", cors->headers);
	kstrn(w, "expose", cors->expose);
	kstrn(w, "max_age_s", cors->max_age);
	hdl_jsonw_kbool(w, "credentials", cors->credentials);
	hdl_jsonw_kstr(w, "unmatched_preflights", cors->ignore_unmatched ? "IGNORE" : "FORWARD");
	hdl_jsonw_object_end(w);
}

/* For people: what happens to a request, in two words. */
static void write_summary(struct hdl_jsonw *w, const struct hdl_ir_http_route *route)
{
	char text[64] = "route";

	if (route->redirect)
		snprintf(text, sizeof(text), "redirect %u", route->redirect->status);
	else if (route->direct_response)
		snprintf(text, sizeof(text), "answer %u", route->direct_response->status);
	else
		snprintf(text, sizeof(text), "route%s%s%s", route->rewrite.kind != HDL_IR_PATH_KEEP ? ", rewrite" : "",
			 route->headers ? ", headers" : "", route->cors ? ", cors" : "");
	hdl_jsonw_kstr(w, "action", text);
}

void hdl_admin_json_actions(struct hdl_jsonw *w, const struct hdl_ir_http_route *route)
{
	write_summary(w, route);
	if (route->redirect)
		write_redirect(w, route->redirect);
	if (route->direct_response)
		write_direct_response(w, route->direct_response);
	if (route->rewrite.kind != HDL_IR_PATH_KEEP) {
		hdl_jsonw_key(w, "rewrite");
		hdl_jsonw_object(w);
		write_path(w, &route->rewrite);
		hdl_jsonw_object_end(w);
	}
	hdl_admin_json_headers(w, route->headers);
	if (route->cors)
		write_cors(w, route->cors);
}
