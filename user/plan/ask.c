/* SPDX-License-Identifier: Apache-2.0 */
/* What one side says to an example request, by whoever sends it. */
#include <string.h>
#include "plan/priv.h"
#include "route/table.h"

/* Without the query: what a match can hold, "/" before it, and what a variation adds. */
#define PATH_MAX_BYTES (4000 + 16)

/* A request as the proxy has it. */
struct asked {
	struct hdl_http_header lines[HDL_PREVIEW_HEADERS_MAX];
	struct hdl_http_head head;
	struct hdl_str path; /* normalised */
	char space[PATH_MAX_BYTES];
};

static bool make_head(const struct hdl_snapshot *side, const struct hdl_preview_request *request, struct asked *ret)
{
	const char *mark = strchr(request->path, '?');
	struct hdl_http_head *head = &ret->head;

	*head = (struct hdl_http_head){ .is_request = true, .version = HDL_HTTP_1_1 };
	head->path = hdl_str_of(request->path);
	if (mark) {
		head->path.n = (size_t)(mark - request->path);
		head->has_query = true;
		head->query = hdl_str_of(mark + 1);
	}
	head->method_text = hdl_str_of(request->method);
	head->method = (uint8_t)hdl_http_method_of(head->method_text);
	head->authority = hdl_str_of(request->authority);
	head->scheme = hdl_str_of(request->scheme);
	head->target = hdl_str_of(request->path);
	hdl_http_headers_init(&head->headers, ret->lines, HDL_PREVIEW_HEADERS_MAX);
	for (size_t i = 0; i < request->header_count; i++)
		hdl_http_headers_add(&head->headers, hdl_str_of(request->header[i].name),
				     hdl_str_of(request->header[i].value));
	if (head->path.n > sizeof(ret->space))
		return false;
	memcpy(ret->space, head->path.p, head->path.n);
	ret->path = (struct hdl_str){ ret->space, head->path.n };
	return hdl_route_path(&side->node, ret->path, &ret->path) == 0;
}

bool hdl_preview_meets(const struct hdl_snapshot *side, uint16_t port, const struct hdl_preview_request *request,
		       const struct hdl_ir_workload *client, const struct hdl_ir_http_match *match)
{
	const struct hdl_ir_http_route route = { .matches = match, .match_count = 1 };
	const struct hdl_ir_vhost vhost = { .routes = &route, .route_count = 1 };
	struct hdl_route_client who = { client, port };
	struct asked asked;

	return make_head(side, request, &asked) && hdl_route_match(&vhost, &asked.head, asked.path, &who, NULL);
}

static const struct hdl_ir_route_config *find_config(const struct hdl_preview_index *side,
						     const struct hdl_preview_place *place)
{
	const struct hdl_ir_route_config key = { .gateway = place->gateway, .name = place->config };
	size_t low = 0, high = side->snapshot->route_config_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = hdl_preview_order_configs(side->configs[middle], &key);

		if (r == 0)
			return side->configs[middle];
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void ask_gateway(const struct hdl_preview_index *side, const struct hdl_preview_place *place,
			const struct asked *asked, struct hdl_preview_answer *ret)
{
	const struct hdl_ir_route_config *config = find_config(side, place);

	if (!config)
		ret->refusal = "nothing listens for it";
	else
		ret->vhost = hdl_route_find_vhost(config->table, asked->head.authority);
}

/* The service that was dialled is not one of those that the side, or the client, knows: only names count. */
static void ask_names(const struct hdl_preview_index *side, const struct hdl_preview_place *place,
		      const struct hdl_ir_view *view, const struct asked *asked, struct hdl_preview_answer *ret)
{
	const struct hdl_ir_route_config *own = hdl_ir_view_route_config(view, place->port), *all = NULL;
	const struct hdl_route_table *tables[2];
	size_t n = 0;

	if (!view || !view->narrowed)
		all = find_config(side, place);
	if (own)
		tables[n++] = own->table;
	if (all)
		tables[n++] = all->table;
	if (n)
		ret->vhost = hdl_route_find_vhost_in(tables, n, asked->head.authority);
	else
		ret->refusal = "nothing listens for it";
}

static void ask_mesh(const struct hdl_preview_index *side, const struct hdl_preview_place *place,
		     const struct hdl_ir_workload *client, const struct asked *asked, struct hdl_preview_answer *ret)
{
	const struct hdl_ir_view *view = hdl_snapshot_find_view(side->snapshot, client);
	const struct hdl_ir_service_port *port =
		place->fqdn ? hdl_preview_find_port(side, place->fqdn, place->port, false) : NULL;

	if (port && !hdl_ir_seen_port(view, port))
		ret->refusal = hdl_snapshot_client(side->snapshot, client).registry_only ?
				       "the client sees no such service: refused" :
				       "the client sees no such service: to the address that it dialled";
	else if (port && port->vhost)
		ret->vhost = hdl_route_ask(side->snapshot, view, client, port, asked->head.authority);
	else
		ask_names(side, place, view, asked, ret);
}

void hdl_preview_ask(const struct hdl_preview_index *side, const struct hdl_preview_place *place,
		     const struct hdl_preview_request *request, const struct hdl_ir_workload *client,
		     struct hdl_preview_answer *ret)
{
	struct hdl_route_client who = { client, place->port };
	struct asked asked;

	*ret = (struct hdl_preview_answer){ 0 };
	if (!make_head(side->snapshot, request, &asked)) {
		ret->refusal = "its path is refused";
		return;
	}
	if (place->gateway)
		ask_gateway(side, place, &asked, ret);
	else
		ask_mesh(side, place, client, &asked, ret);
	if (ret->vhost)
		ret->route = hdl_route_match(ret->vhost, &asked.head, asked.path, &who, &ret->match);
}
