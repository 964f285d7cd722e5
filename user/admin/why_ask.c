/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/why: reads the question, finds client and ports, and has each explained. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "admin/why.h"
#include "base/addr.h"
#include "dp/maps.h"
#include "heddle/core/subset.h"

struct question {
	struct hdl_why why;
	char service[300], host[300]; /* HOST:PORT as given, and without the port */
	char from[520], source[HDL_ADDR_PORT_TEXT_MAX];
	uint64_t cookie;
	bool has_address;
	/* what a socket's record says was decided */
	bool decided, established;
	uint64_t verdict, epoch, endpoint, generation, age_ms;
	char to[HDL_ADDR_PORT_TEXT_MAX];
};

static bool number_of(struct hdl_str query, const char *name, uint64_t max, uint64_t *ret)
{
	struct hdl_str text = hdl_admin_parameter(query, name);

	return !text.p || hdl_str_u64(text, max, ret) == 0;
}

/* One that is there must be right; one that is not is "". */
static bool text_of(struct hdl_str query, const char *name, char *to, size_t size)
{
	return hdl_admin_parameter_text(query, name, to, size) || !hdl_admin_parameter(query, name).p;
}

/* Each header=NAME:VALUE; the texts are kept in *kept, which the caller frees. */
static const char *read_headers(struct hdl_str query, struct hdl_why *why, char **kept)
{
	char *to = malloc(query.n + 1);
	size_t room = query.n + 1;

	*kept = to;
	if (!to)
		return "out of memory";
	hdl_http_headers_init(&why->head.headers, why->lines, HDL_WHY_HEADERS_MAX);
	for (;;) {
		struct hdl_str found = hdl_admin_parameter(query, "header");
		char *colon;

		if (!found.p)
			return NULL;
		if (why->head.headers.n == HDL_WHY_HEADERS_MAX)
			return "too many headers";
		if (!hdl_admin_parameter_text(query, "header", to, room))
			return "a header is malformed";
		colon = strchr(to, ':');
		if (!colon || colon == to)
			return "a header is NAME:VALUE";
		for (char *c = to; c < colon; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c + 'a' - 'A');
		hdl_http_headers_add(&why->head.headers, (struct hdl_str){ to, (size_t)(colon - to) },
				     hdl_str_trim(hdl_str_of(colon + 1)));
		room -= strlen(to) + 1;
		to += strlen(to) + 1;
		query.n -= (size_t)(found.p + found.n - query.p);
		query.p = found.p + found.n;
	}
}

/* "HOST", "HOST:PORT", "ADDRESS", "[ADDRESS]:PORT". */
static const char *split_service(struct question *q)
{
	char *colon = strrchr(q->service, ':');
	uint64_t port = 0;

	snprintf(q->host, sizeof(q->host), "%s", q->service);
	if (hdl_addr_port_parse(hdl_str_of(q->service), &q->why.address, &q->why.number) == 0 ||
	    hdl_addr_parse(hdl_str_of(q->service), &q->why.address) == 0) {
		q->has_address = true;
		return NULL;
	}
	if (!colon)
		return NULL;
	if (hdl_str_u64(hdl_str_of(colon + 1), 65535, &port) < 0 || port == 0)
		return "the port of a service is a number from 1 to 65535";
	q->host[colon - q->service] = '\0';
	q->why.number = (uint16_t)port;
	return NULL;
}

static const char *read_request(struct hdl_str query, struct hdl_why *why, const char *host)
{
	struct hdl_http_head *head = &why->head;
	const char *mark;

	if (!text_of(query, "method", why->method, sizeof(why->method)) ||
	    !text_of(query, "path", why->path, sizeof(why->path)) ||
	    !text_of(query, "authority", why->authority, sizeof(why->authority)))
		return "method, path or authority is too long or malformed";
	if (!why->method[0])
		snprintf(why->method, sizeof(why->method), "GET");
	if (!why->path[0])
		snprintf(why->path, sizeof(why->path), "/");
	if (why->path[0] != '/')
		return "path begins with a slash";
	if (!why->authority[0])
		snprintf(why->authority, sizeof(why->authority), "%s", host);
	mark = strchr(why->path, '?');
	head->is_request = true;
	head->version = HDL_HTTP_1_1;
	head->method_text = hdl_str_of(why->method);
	head->method = (uint8_t)hdl_http_method_of(head->method_text);
	head->scheme = hdl_str_of("http");
	head->target = head->path = hdl_str_of(why->path);
	if (mark) {
		head->path.n = (size_t)(mark - why->path);
		head->has_query = true;
		head->query = hdl_str_of(mark + 1);
	}
	head->authority = hdl_str_of(why->authority);
	return NULL;
}

static const char *read_decided(struct hdl_str query, struct question *q)
{
	uint64_t established = 0;

	q->decided = hdl_admin_parameter(query, "verdict").p != NULL;
	if (!number_of(query, "verdict", UINT8_MAX, &q->verdict) || !number_of(query, "epoch", INT64_MAX, &q->epoch) ||
	    !number_of(query, "endpoint", UINT32_MAX, &q->endpoint) ||
	    !number_of(query, "generation", UINT32_MAX, &q->generation) ||
	    !number_of(query, "age_ms", INT64_MAX, &q->age_ms) || !number_of(query, "established", 1, &established) ||
	    !text_of(query, "to", q->to, sizeof(q->to)))
		return "what was decided is malformed";
	q->established = established;
	return NULL;
}

static const char *read_question(struct hdl_str query, struct question *q, char **kept)
{
	char protocol[8], family[8], address[HDL_ADDR_PORT_TEXT_MAX];
	const char *bad;

	if (!text_of(query, "service", q->service, sizeof(q->service)) ||
	    !text_of(query, "from", q->from, sizeof(q->from)) ||
	    !text_of(query, "source", q->source, sizeof(q->source)) ||
	    !text_of(query, "protocol", protocol, sizeof(protocol)) ||
	    !text_of(query, "family", family, sizeof(family)) || !text_of(query, "address", address, sizeof(address)) ||
	    !number_of(query, "cookie", UINT64_MAX, &q->cookie))
		return "a parameter is malformed";
	q->why.udp = strcmp(protocol, "UDP") == 0;
	if (address[0]) {
		if (hdl_addr_port_parse(hdl_str_of(address), &q->why.address, &q->why.number) < 0)
			return "address is ADDRESS:PORT";
		q->has_address = true;
	} else if (q->service[0]) {
		bad = split_service(q);
		if (bad)
			return bad;
	} else {
		return "service=HOST:PORT or address=ADDRESS:PORT is needed";
	}
	q->why.family = strcmp(family, "6") == 0 ? HDL_FAMILY_V6 : HDL_FAMILY_V4;
	if (q->has_address)
		q->why.family = hdl_addr_is_v4(&q->why.address) ? HDL_FAMILY_V4 : HDL_FAMILY_V6;
	bad = read_decided(query, q);
	if (!bad)
		bad = read_headers(query, &q->why, kept);
	return bad ? bad : read_request(query, &q->why, address[0] ? address : q->host);
}

static const struct hdl_ir_workload *find_pod(const struct hdl_snapshot *snapshot, const char *name)
{
	const char *slash = strchr(name, '/');
	size_t n = slash ? (size_t)(slash - name) : 0;

	for (size_t i = 0; slash && i < snapshot->workload_count; i++) {
		const struct hdl_ir_workload *pod = snapshot->workloads[i];

		if (strlen(pod->ns) == n && memcmp(pod->ns, name, n) == 0 && strcmp(pod->name, slash + 1) == 0)
			return pod;
	}
	return NULL;
}

static const struct hdl_ir_workload *find_cookie(const struct hdl_admin_view *view, uint64_t cookie)
{
	for (size_t i = 0; i < view->pod_count; i++)
		if (view->pods[i].cookie == cookie)
			return hdl_publisher_find_workload(view->publisher, view->pods[i].workload.id);
	return NULL;
}

/* By name, network namespace or source address, whichever is given. False: there is no such pod. */
static bool find_client(struct question *q)
{
	const struct hdl_snapshot *snapshot = q->why.view->snapshot;
	struct hdl_addr source;
	uint16_t port;

	if (q->from[0])
		q->why.client = find_pod(snapshot, q->from);
	else if (q->cookie)
		q->why.client = find_cookie(q->why.view, q->cookie);
	else if (q->source[0] && hdl_addr_port_parse(hdl_str_of(q->source), &source, &port) == 0)
		q->why.client = hdl_snapshot_find_workload(snapshot, &source);
	q->why.sees = hdl_snapshot_client(snapshot, q->why.client);
	return !q->from[0] || q->why.client;
}

static bool is_named(const struct question *q, const struct hdl_ir_service *service)
{
	const char *host = q->host;
	size_t n = strlen(service->name), m = strlen(service->ns);

	if (strcmp(service->fqdn, host) == 0)
		return true;
	if (strncmp(host, service->name, n) != 0)
		return false;
	if (host[n] == '\0') /* without a dot: of the client's namespace */
		return !q->why.client || strcmp(q->why.client->ns, service->ns) == 0;
	if (host[n] != '.' || strncmp(host + n + 1, service->ns, m) != 0)
		return false;
	return host[n + 1 + m] == '\0' || strcmp(host + n + 1 + m, ".svc") == 0;
}

/* Its address of the family that is asked for; without one the other. */
static void dial(struct hdl_why *why, const struct hdl_ir_service *service)
{
	enum hdl_family wanted = why->family;

	why->address = (struct hdl_addr){ 0 };
	for (size_t i = 0; i < service->address_count; i++) {
		const struct hdl_addr *address = &service->addresses[i];
		enum hdl_family family = hdl_addr_is_v4(address) ? HDL_FAMILY_V4 : HDL_FAMILY_V6;

		if (i == 0 || family == wanted) {
			why->address = *address;
			why->family = family;
		}
		if (family == wanted)
			break;
	}
}

static const struct hdl_ir_service_port *find_dialled(const struct question *q)
{
	static const struct hdl_addr node_port;
	const struct hdl_snapshot *snapshot = q->why.view->snapshot;
	const struct hdl_addr *at = &q->why.address;
	const struct hdl_ir_service_port *found = q->why.udp ? hdl_snapshot_find_udp(snapshot, at, q->why.number) :
							       hdl_snapshot_find_vip(snapshot, at, q->why.number);
	bool loopback = hdl_addr_is_v4(at) ? at->byte[12] == 127 :
					     hdl_addr_equal(at, &(struct hdl_addr){ .byte = { [15] = 1 } });

	if (found || !(loopback ? !q->why.client : hdl_dp_is_node_address(q->why.view->maps, at)))
		return found;
	return q->why.udp ? hdl_snapshot_find_udp(snapshot, &node_port, q->why.number) :
			    hdl_snapshot_find_vip(snapshot, &node_port, q->why.number);
}

static size_t answer_by_name(struct question *q)
{
	const struct hdl_snapshot *snapshot = q->why.view->snapshot;
	enum hdl_family family = q->why.family;
	uint16_t number = q->why.number;
	size_t n = 0;

	for (size_t i = 0; i < snapshot->service_port_count && n < HDL_WHY_ANSWERS_MAX; i++) {
		const struct hdl_ir_service_port *port = snapshot->service_ports[i];

		if (!is_named(q, port->service) || (number && port->port != number))
			continue;
		q->why.udp = port->protocol == HDL_IR_UDP;
		q->why.family = family;
		q->why.number = port->port;
		dial(&q->why, port->service);
		hdl_why_port(&q->why, port);
		n++;
	}
	q->why.number = number;
	return n;
}

/* An address without a port: all ports at it. */
static size_t answer_by_address(struct question *q)
{
	const struct hdl_snapshot *snapshot = q->why.view->snapshot;
	size_t n = 0;

	if (q->why.number) {
		hdl_why_port(&q->why, find_dialled(q));
		return 1;
	}
	for (size_t i = 0; i < snapshot->service_port_count && n < HDL_WHY_ANSWERS_MAX; i++) {
		const struct hdl_ir_service_port *port = snapshot->service_ports[i];
		bool udp = port->protocol == HDL_IR_UDP;

		if ((udp ? hdl_snapshot_find_udp(snapshot, &q->why.address, port->port) :
			   hdl_snapshot_find_vip(snapshot, &q->why.address, port->port)) != port)
			continue;
		q->why.udp = udp;
		q->why.number = port->port;
		hdl_why_port(&q->why, port);
		n++;
	}
	return n;
}

static void put_class(const struct hdl_why *why)
{
	const struct hdl_dp_maps *maps = why->view->maps;
	uint32_t id =
		why->client && why->view->publisher ? hdl_publisher_client(why->view->publisher, why->client->id) : 0;
	const struct hdl_client_version *v = id < maps->client_count ? maps->client[id].version : NULL;
	int at = v ? hdl_core_version(v[0].epoch, v[1].epoch, maps->state->epoch) : -1;

	hdl_jsonw_ku64(why->w, "class", at >= 0 ? v[at].class_id : 0);
}

static void put_client(const struct question *q)
{
	const struct hdl_ir_workload *client = q->why.client;
	const struct hdl_ir_view *sees = q->why.sees.view;
	struct hdl_jsonw *w = q->why.w;
	char pod[520] = "";

	if (client)
		snprintf(pod, sizeof(pod), "%s/%s", client->ns, client->name);
	hdl_jsonw_key(w, "client");
	hdl_jsonw_object(w);
	hdl_jsonw_kstr(w, "pod", pod);
	hdl_jsonw_kstr(w, "namespace", client ? client->ns : "");
	hdl_jsonw_kstr(w, "source", q->source);
	hdl_jsonw_ku64(w, "netns_cookie", q->cookie);
	put_class(&q->why);
	hdl_jsonw_kstr(w, "sidecar", sees ? sees->name : "");
	hdl_jsonw_kbool(w, "own_view", sees != NULL);
	hdl_admin_json_origin(w, "view_origin", sees ? &sees->origin : NULL);
	hdl_jsonw_kbool(w, "registry_only", q->why.sees.registry_only);
	hdl_jsonw_object_end(w);
}

/* What the socket's record says; names are those of now. */
static void put_decided(const struct question *q)
{
	struct hdl_jsonw *w = q->why.w;
	const struct hdl_ir_cluster *cluster = NULL;
	const struct hdl_ir_endpoint *endpoint;
	char pod[520] = "";

	hdl_jsonw_key(w, "decided");
	if (!q->decided) {
		hdl_jsonw_null(w);
		return;
	}
	endpoint = hdl_publisher_find_endpoint(q->why.view->publisher, (uint32_t)q->endpoint, (uint32_t)q->generation,
					       &cluster);
	if (endpoint && endpoint->workload)
		snprintf(pod, sizeof(pod), "%s/%s", endpoint->workload->ns, endpoint->workload->name);
	hdl_jsonw_object(w);
	hdl_why_put_verdict(w, (unsigned int)q->verdict);
	hdl_jsonw_ku64(w, "epoch", q->epoch);
	hdl_jsonw_ku64(w, "age_ms", q->age_ms);
	hdl_jsonw_kbool(w, "established", q->established);
	hdl_jsonw_kstr(w, "endpoint", q->to);
	hdl_jsonw_kstr(w, "pod", pod);
	hdl_jsonw_kstr(w, "cluster", endpoint ? cluster->name : "");
	hdl_jsonw_kstr(w, "subset", endpoint ? cluster->subset : "");
	hdl_jsonw_kbool(w, "endpoint_in_force", endpoint != NULL);
	hdl_jsonw_object_end(w);
}

static void answer_question(struct question *q, struct hdl_admin_answer *answer)
{
	struct hdl_jsonw w;
	size_t n;

	q->why.w = &w;
	hdl_jsonw_init(&w, &answer->body, true);
	hdl_jsonw_object(&w);
	hdl_jsonw_ku64(&w, "epoch", q->why.view->snapshot->epoch);
	put_client(q);
	put_decided(q);
	hdl_jsonw_key(&w, "answers");
	hdl_jsonw_array(&w);
	n = q->has_address ? answer_by_address(q) : answer_by_name(q);
	if (n == 0 && !q->has_address)
		n = hdl_why_gateway(&q->why);
	hdl_jsonw_array_end(&w);
	hdl_jsonw_object_end(&w);
	hdl_buf_adds(&answer->body, "\n");
	if (n == 0)
		hdl_admin_error(answer, 404, "no service and no gateway has %s", q->service);
}

void hdl_admin_why(const struct hdl_admin_view *view, struct hdl_str query, struct hdl_admin_answer *answer)
{
	struct question *q = calloc(1, sizeof(*q));
	char *kept = NULL;
	const char *bad;

	if (!q) {
		hdl_admin_error(answer, 500, "out of memory");
		return;
	}
	q->why.view = view;
	bad = read_question(query, q, &kept);
	if (bad)
		hdl_admin_error(answer, 400, "%s", bad);
	else if (!view->snapshot || !view->maps)
		hdl_admin_error(answer, 503, "no configuration is in force yet");
	else if (!find_client(q))
		hdl_admin_error(answer, 404, "no pod %s is known: NAMESPACE/NAME", q->from);
	else
		answer_question(q, answer);
	free(kept);
	free(q);
}
