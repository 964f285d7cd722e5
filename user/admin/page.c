/* SPDX-License-Identifier: Apache-2.0 */
/* Which page answers which path. */
#include "admin/page.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const state_names[] = { "starting", "ready", "draining" };

void hdl_admin_error(struct hdl_admin_answer *answer, unsigned int status, const char *fmt, ...)
{
	char text[512];
	struct hdl_jsonw w;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	hdl_buf_done(&answer->body);
	answer->body = (struct hdl_buf){ 0 };
	answer->status = status;
	answer->type = HDL_ADMIN_JSON;
	hdl_jsonw_init(&w, &answer->body, false);
	hdl_jsonw_object(&w);
	hdl_jsonw_kstr(&w, "error", text);
	hdl_jsonw_object_end(&w);
	hdl_buf_adds(&answer->body, "\n");
}

/* What a page gets to see. */
struct context {
	const struct hdl_admin_ops *ops;
	const struct hdl_admin_request *request;
	struct hdl_admin_view view;
	struct hdl_admin_answer *answer;
};

static void text_page(struct context *context)
{
	context->answer->type = HDL_ADMIN_TEXT;
}

static void page_index(struct context *context);

static void page_ready(struct context *context)
{
	static const char *const texts[] = { "INITIALIZING\n", "LIVE\n", "DRAINING\n" };

	text_page(context);
	context->answer->status = context->view.state == HDL_ADMIN_READY ? 200 : 503;
	hdl_buf_adds(&context->answer->body, texts[context->view.state]);
}

static void page_metrics(struct context *context)
{
	context->answer->type = "text/plain; version=0.0.4; charset=utf-8";
	context->ops->refresh(context->ops->data);
	hdl_admin_metrics(&context->answer->body, &context->view);
}

static void page_clusters(struct context *context)
{
	text_page(context);
	hdl_admin_text_clusters(&context->answer->body, &context->view);
}

static void page_listeners(struct context *context)
{
	text_page(context);
	hdl_admin_text_listeners(&context->answer->body, &context->view);
}

static void page_config_dump(struct context *context)
{
	hdl_admin_config_dump(&context->answer->body, &context->view);
}

static void json_begin(struct context *context, struct hdl_jsonw *w)
{
	hdl_jsonw_init(w, &context->answer->body, true);
	hdl_jsonw_object(w);
}

static void json_end(struct context *context, struct hdl_jsonw *w)
{
	hdl_jsonw_object_end(w);
	hdl_buf_adds(&context->answer->body, "\n");
}

static void api_status(struct context *context)
{
	struct hdl_jsonw w;

	json_begin(context, &w);
	hdl_admin_json_status(&w, &context->view);
	json_end(context, &w);
}

static void api_proxy_status(struct context *context)
{
	struct hdl_jsonw w;

	json_begin(context, &w);
	hdl_admin_json_proxy_status(&w, &context->view);
	json_end(context, &w);
}

static void api_diagnostics(struct context *context)
{
	struct hdl_jsonw w;

	json_begin(context, &w);
	hdl_admin_json_diagnostics(&w, &context->view);
	json_end(context, &w);
}

static void api_wait(struct context *context)
{
	bool ready = context->view.state == HDL_ADMIN_READY;
	struct hdl_jsonw w;

	context->answer->status = ready ? 200 : 503;
	json_begin(context, &w);
	hdl_jsonw_kbool(&w, "ready", ready);
	hdl_jsonw_kstr(&w, "state", state_names[context->view.state]);
	hdl_jsonw_ku64(&w, "epoch", context->view.snapshot ? context->view.snapshot->epoch : 0);
	json_end(context, &w);
}

static void list_page(struct context *context, void (*list)(struct hdl_jsonw *w, const struct hdl_admin_view *view,
							    const struct hdl_admin_filter *filter))
{
	struct hdl_admin_filter filter;
	struct hdl_jsonw w;

	if (!hdl_admin_filter_parse(context->request->query, &filter)) {
		hdl_admin_error(context->answer, 400,
				"a filter is malformed: fqdn, port (a number), subset, name and from are known");
		return;
	}
	json_begin(context, &w);
	hdl_jsonw_ku64(&w, "epoch", context->view.snapshot ? context->view.snapshot->epoch : 0);
	list(&w, &context->view, &filter);
	json_end(context, &w);
}

static void api_listeners(struct context *context)
{
	list_page(context, hdl_admin_json_listeners);
}

static void api_routes(struct context *context)
{
	list_page(context, hdl_admin_json_routes);
}

static void api_clusters(struct context *context)
{
	list_page(context, hdl_admin_json_clusters);
}

static void api_endpoints(struct context *context)
{
	list_page(context, hdl_admin_json_endpoints);
}

static void api_maps(struct context *context)
{
	struct hdl_jsonw w;

	json_begin(context, &w);
	hdl_jsonw_key(&w, "maps");
	hdl_admin_json_fill(&w, &context->view);
	json_end(context, &w);
}

static void api_map(struct context *context, const char *name)
{
	struct hdl_str parameter = hdl_admin_parameter(context->request->query, "offset");
	uint64_t offset = 0;
	struct hdl_jsonw w;

	if (parameter.p && hdl_str_u64(parameter, UINT32_MAX, &offset) < 0) {
		hdl_admin_error(context->answer, 400, "offset is a number");
		return;
	}
	if (!context->view.maps) {
		hdl_admin_error(context->answer, 503, "the maps are not open yet");
		return;
	}
	json_begin(context, &w);
	if (hdl_admin_json_map(&w, &context->view, name, offset) < 0) {
		hdl_admin_error(context->answer, 404, "there is no map %s: GET /api/v1/maps lists them", name);
		return;
	}
	json_end(context, &w);
}

static void api_services(struct context *context)
{
	struct hdl_jsonw w;

	context->ops->refresh(context->ops->data);
	json_begin(context, &w);
	hdl_admin_json_services(&w, &context->view);
	json_end(context, &w);
}

static void api_reload(struct context *context)
{
	if (context->ops->reload(context->ops->data, context->request->call) < 0)
		hdl_admin_error(context->answer, 503, "the keeper cannot be asked now");
	else
		context->answer->later = true;
}

static void api_objects(struct context *context)
{
	struct hdl_jsonw w;

	json_begin(context, &w);
	hdl_admin_json_objects(&w, &context->view);
	json_end(context, &w);
}

static void api_history(struct context *context)
{
	struct hdl_str parameter = hdl_admin_parameter(context->request->query, "epoch");
	uint64_t only = 0;
	struct hdl_jsonw w;

	if (parameter.p && hdl_str_u64(parameter, INT64_MAX, &only) < 0) {
		hdl_admin_error(context->answer, 400, "epoch is a number");
		return;
	}
	json_begin(context, &w);
	hdl_admin_json_history(&w, &context->view, only);
	json_end(context, &w);
}

/* Secrets are in it. */
static void api_documents(struct context *context)
{
	struct hdl_jsonw w;

	if (!context->request->trusted) {
		hdl_admin_error(context->answer, 403,
				"documents are given on the unix socket in the run directory only");
		return;
	}
	hdl_jsonw_init(&w, &context->answer->body, false);
	hdl_jsonw_object(&w);
	context->ops->documents(context->ops->data, &w);
	json_end(context, &w);
}

static void api_statuses(struct context *context)
{
	struct hdl_str query = context->request->query;
	char kind[64], ns[64], name[256];
	struct hdl_jsonw w;

	if ((!hdl_admin_parameter_text(query, "kind", kind, sizeof(kind)) && hdl_admin_parameter(query, "kind").p) ||
	    (!hdl_admin_parameter_text(query, "namespace", ns, sizeof(ns)) &&
	     hdl_admin_parameter(query, "namespace").p) ||
	    (!hdl_admin_parameter_text(query, "name", name, sizeof(name)) && hdl_admin_parameter(query, "name").p)) {
		hdl_admin_error(context->answer, 400, "kind, namespace and name are names of objects");
		return;
	}
	hdl_jsonw_init(&w, &context->answer->body, false);
	context->ops->statuses(context->ops->data, &w, kind, ns, name);
	hdl_buf_adds(&context->answer->body, "\n");
}

static bool take_epoch(void *data, const char *key, const char *value)
{
	uint64_t *epoch = data;

	return strcmp(key, "epoch") == 0 && hdl_str_u64(hdl_str_of(value), INT64_MAX, epoch) == 0;
}

static void api_rollback(struct context *context)
{
	uint64_t epoch = 0;
	struct hdl_err err;
	int r;

	if (hdl_admin_parse_object(context->request->body, take_epoch, &epoch) < 0 || epoch == 0) {
		hdl_admin_error(context->answer, 400, "a body like {\"epoch\": \"12\"} is needed");
		return;
	}
	r = context->ops->rollback(context->ops->data, context->request->call, epoch, &err);
	if (r < 0)
		hdl_admin_error(context->answer, r == -ENOENT ? 404 : r == -ESHUTDOWN ? 503 : 409, "%s", err.text);
	else
		context->answer->later = true;
}

static void api_drain(struct context *context)
{
	struct hdl_jsonw w;

	context->ops->drain(context->ops->data);
	context->answer->status = 202;
	json_begin(context, &w);
	hdl_jsonw_kstr(&w, "state", state_names[HDL_ADMIN_DRAINING]);
	json_end(context, &w);
}

static void api_events(struct context *context)
{
	uint64_t after, limit;
	struct hdl_jsonw w;

	if (!hdl_admin_events_query(context->request->query, &after, &limit)) {
		hdl_admin_error(context->answer, 400, "after and limit are numbers, limit at most %d",
				HDL_DP_EVENTS_KEPT);
		return;
	}
	json_begin(context, &w);
	hdl_admin_json_events(&w, &context->view, after, limit);
	json_end(context, &w);
}

static void api_event_sample(struct context *context)
{
	hdl_admin_event_sample(&context->view, context->request->body, context->answer);
}

static void api_why(struct context *context)
{
	hdl_admin_why(&context->view, context->request->query, context->answer);
}

static void api_eject(struct context *context)
{
	hdl_admin_endpoint_command(&context->view, true, context->request->body, context->answer);
}

static void api_restore(struct context *context)
{
	hdl_admin_endpoint_command(&context->view, false, context->request->body, context->answer);
}

static const struct page {
	const char *path;
	bool post;
	void (*make)(struct context *context);
	const char *help;
} pages[] = {
	{ "/", false, page_index, "this list" },
	{ "/ready", false, page_ready, "200 when ready" },
	{ "/metrics", false, page_metrics, "metrics in Prometheus text format" },
	{ "/stats/prometheus", false, page_metrics, "the same" },
	{ "/clusters", false, page_clusters, "endpoints and their health, as Envoy prints them" },
	{ "/listeners", false, page_listeners, "listeners, as Envoy prints them" },
	{ "/config_dump", false, page_config_dump, "everything that is in force, JSON" },
	{ "/api/v1/status", false, api_status, "version, kernel, hooks, workers, maps, limits" },
	{ "/api/v1/proxy-status", false, api_proxy_status, "epoch of kernel, workers and sources" },
	{ "/api/v1/listeners", false, api_listeners, "service ports and gateways" },
	{ "/api/v1/routes", false, api_routes, "HTTP routes" },
	{ "/api/v1/clusters", false, api_clusters, "destinations" },
	{ "/api/v1/endpoints", false, api_endpoints, "endpoints with their health" },
	{ "/api/v1/maps", false, api_maps, "fill of the maps; /api/v1/maps/NAME: contents" },
	{ "/api/v1/services", false, api_services, "connections, bytes and refusals by service port" },
	{ "/api/v1/diagnostics", false, api_diagnostics, "what is wrong with the configuration" },
	{ "/api/v1/objects", false, api_objects, "each object of the files: in force since which epoch, or refused" },
	{ "/api/v1/history", false, api_history, "what the last epochs changed" },
	{ "/api/v1/statuses", false, api_statuses, "statuses of Gateway API objects (?kind= &namespace= &name=)" },
	{ "/api/v1/documents", false, api_documents, "the documents in force (unix socket only)" },
	{ "/api/v1/events", false, api_events, "what the kernel told last (?after= &limit=)" },
	{ "/api/v1/why", false, api_why, "what happens to a connection or request, and why (?service= or ?address=)" },
	{ "/api/v1/wait", false, api_wait, "200 when ready, JSON" },
	{ "/api/v1/reload", true, api_reload, "POST: reads the configuration again" },
	{ "/api/v1/rollback", true, api_rollback, "POST: the configuration of an earlier epoch again" },
	{ "/api/v1/drain", true, api_drain, "POST: finishes what is in flight and ends" },
	{ "/api/v1/events/sample", true, api_event_sample, "POST: one of how many decisions without error is told" },
	{ "/api/v1/endpoint/eject", true, api_eject, "POST: takes an endpoint out" },
	{ "/api/v1/endpoint/restore", true, api_restore, "POST: takes it back in" },
};

static void page_index(struct context *context)
{
	text_page(context);
	hdl_buf_printf(&context->answer->body, "heddled %s\n\n", HDL_VERSION);
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		hdl_buf_printf(&context->answer->body, "%-28s %s\n", pages[i].path, pages[i].help);
}

static bool method_fits(struct context *context, bool post)
{
	enum hdl_http_method method = context->request->method;

	if (post ? method != HDL_HTTP_POST : method != HDL_HTTP_GET && method != HDL_HTTP_HEAD) {
		hdl_admin_error(context->answer, 405, "this path answers %s", post ? "POST" : "GET");
		context->answer->allow = post ? "POST" : "GET, HEAD";
		return false;
	}
	if (post && !context->request->trusted) {
		hdl_admin_error(context->answer, 403,
				"changes are accepted on the unix socket in the run directory only");
		return false;
	}
	return true;
}

void hdl_admin_route(const struct hdl_admin_ops *ops, const struct hdl_admin_request *request,
		     struct hdl_admin_answer *answer)
{
	static const char maps[] = "/api/v1/maps/";
	struct context context = { .ops = ops, .request = request, .answer = answer };
	char path[128];

	answer->status = 200;
	answer->type = HDL_ADMIN_JSON;
	if (request->path.n >= sizeof(path) || memchr(request->path.p, '\0', request->path.n)) {
		hdl_admin_error(answer, 404, "no such page; GET / lists them");
		return;
	}
	memcpy(path, request->path.p, request->path.n);
	path[request->path.n] = '\0';
	ops->view(ops->data, &context.view);
	if (strncmp(path, maps, sizeof(maps) - 1) == 0) {
		if (method_fits(&context, false))
			api_map(&context, path + sizeof(maps) - 1);
		return;
	}
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (strcmp(pages[i].path, path) != 0)
			continue;
		if (method_fits(&context, pages[i].post))
			pages[i].make(&context);
		return;
	}
	hdl_admin_error(answer, 404, "no such page; GET / lists them");
}
