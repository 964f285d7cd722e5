/* SPDX-License-Identifier: Apache-2.0 */
/* Events of the kernel: the names of what they are about, the list of the last ones, and how many are sampled. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "admin/page.h"
#include "base/addr.h"
#include "base/clock.h"
#include "heddle/abi_verdict.h"

#define LIMIT_DEFAULT 100
#define NS_PER_US 1000

static void name_origin(const struct hdl_ir_origin *origin, char *to, size_t size)
{
	const char *base;

	if (!origin || !origin->kind || !origin->file)
		return;
	base = strrchr(origin->file, '/');
	snprintf(to, size, "%s %s/%s %s:%u", origin->kind, origin->ns ? origin->ns : "",
		 origin->name ? origin->name : "", base ? base + 1 : origin->file, origin->line);
}

/* The service port that was dialled, as those without a view see it. */
static const struct hdl_ir_service_port *find_port(const struct hdl_snapshot *snapshot, const struct hdl_event *event)
{
	static const struct hdl_addr node_port;
	uint16_t port = __builtin_bswap16(event->port);
	bool udp = event->protocol == 17;
	const struct hdl_ir_service_port *found = udp ? hdl_snapshot_find_udp(snapshot, &event->address, port) :
							hdl_snapshot_find_vip(snapshot, &event->address, port);

	if (found || event->service == 0)
		return found;
	return udp ? hdl_snapshot_find_udp(snapshot, &node_port, port) :
		     hdl_snapshot_find_vip(snapshot, &node_port, port);
}

void hdl_admin_event_names(const struct hdl_publisher *publisher, const struct hdl_event *event,
			   struct hdl_dp_event_names *ret)
{
	const struct hdl_snapshot *snapshot = hdl_publisher_current(publisher);
	const struct hdl_ir_workload *client = hdl_publisher_find_workload(publisher, event->workload);
	const struct hdl_ir_service_port *port = snapshot ? find_port(snapshot, event) : NULL;
	const struct hdl_ir_cluster *cluster = NULL;
	const struct hdl_ir_endpoint *endpoint =
		hdl_publisher_find_endpoint(publisher, event->endpoint, event->generation, &cluster);

	if (client)
		snprintf(ret->client, sizeof(ret->client), "%s/%s", client->ns, client->name);
	if (endpoint && endpoint->workload)
		snprintf(ret->endpoint, sizeof(ret->endpoint), "%s/%s", endpoint->workload->ns,
			 endpoint->workload->name);
	if (!cluster)
		cluster = hdl_publisher_find_cluster(publisher, event->cluster);
	if (cluster)
		snprintf(ret->cluster, sizeof(ret->cluster), "%s", cluster->name);
	if (port && port->service)
		snprintf(ret->service, sizeof(ret->service), "%s:%u", port->service->fqdn, port->port);
	/* ejected, or limited, by a DestinationRule; decided by what made the route or the label */
	if (cluster && (event->kind == HDL_EVENT_EJECTED || event->kind == HDL_EVENT_EJECTION_OVERFLOW ||
			(event->kind == HDL_EVENT_VERDICT && event->verdict == HDL_VERDICT_OVERFLOW)))
		name_origin(&cluster->rule, ret->rule, sizeof(ret->rule));
	else if (port)
		name_origin(port->route_origin.kind ? &port->route_origin : &port->label_origin, ret->rule,
			    sizeof(ret->rule));
}

static const char *kind_name(unsigned int kind)
{
	static const char *const names[HDL_EVENT_KINDS] = {
#define NAME(number, id, label, sentence) [number] = label,
		HDL_EVENTS(NAME)
#undef NAME
	};

	return kind < HDL_EVENT_KINDS && names[kind] ? names[kind] : "unknown";
}

struct hdl_admin_verdict hdl_admin_verdict_words(unsigned int verdict)
{
	static const struct hdl_admin_verdict words[HDL_VERDICT_COUNT] = {
#define WORDS(number, id, label, flag, sentence) [number] = { label, flag, sentence },
		HDL_VERDICTS(WORDS)
#undef WORDS
	};
	static const struct hdl_admin_verdict unknown = { "unknown", "-", "" };

	return verdict < HDL_VERDICT_COUNT && words[verdict].label ? words[verdict] : unknown;
}

static void write_address(struct hdl_jsonw *w, const char *key, const struct hdl_addr *address, __be16 port)
{
	char text[HDL_ADDR_PORT_TEXT_MAX];

	hdl_jsonw_kstr(w, key,
		       hdl_addr_is_zero(address) ? "" : hdl_addr_port_print(address, __builtin_bswap16(port), text));
}

static void write_event(struct hdl_jsonw *w, const struct hdl_dp_event *one)
{
	const struct hdl_event *event = &one->event;
	struct hdl_admin_verdict words = hdl_admin_verdict_words(event->verdict);

	hdl_jsonw_object(w);
	hdl_jsonw_ku64(w, "sequence", one->sequence);
	hdl_jsonw_ku64(w, "time_us", one->wall_ns / NS_PER_US);
	hdl_jsonw_kstr(w, "kind", kind_name(event->kind));
	hdl_jsonw_kstr(w, "verdict", words.label);
	hdl_jsonw_kstr(w, "flag", words.flag);
	hdl_jsonw_kstr(w, "meaning", words.sentence);
	hdl_jsonw_kbool(w, "sampled", event->sampled);
	hdl_jsonw_ku64(w, "errno", event->error > 0 ? (uint64_t)event->error : 0);
	hdl_jsonw_kstr(w, "error", event->error > 0 ? strerror(event->error) : "");
	hdl_jsonw_kstr(w, "client", one->client);
	hdl_jsonw_ku64(w, "netns_cookie", event->cookie);
	hdl_jsonw_ku64(w, "pid", event->pid);
	hdl_jsonw_ku64(w, "uid", event->uid);
	hdl_jsonw_kstr(w, "protocol", event->protocol == 17 ? "UDP" : "TCP");
	write_address(w, "address", &event->address, event->port);
	hdl_jsonw_kstr(w, "service", one->service);
	hdl_jsonw_kstr(w, "cluster", one->cluster);
	write_address(w, "endpoint", &event->endpoint_address, event->endpoint_port);
	hdl_jsonw_kstr(w, "pod", one->endpoint);
	hdl_jsonw_kstr(w, "rule", one->rule);
	hdl_jsonw_ku64(w, "epoch", event->epoch);
	hdl_jsonw_ku64(w, "timeouts_in_a_row", event->attempts);
	hdl_jsonw_ku64(w, "ejected_for_ms",
		       event->until_ns > event->time_ns ? (event->until_ns - event->time_ns) / HDL_NS_PER_MS : 0);
	hdl_jsonw_object_end(w);
}

void hdl_admin_json_events(struct hdl_jsonw *w, const struct hdl_admin_view *view, uint64_t after, uint64_t limit)
{
	uint64_t last = view->events ? hdl_dp_events_last(view->events) : 0, counts[HDL_VERDICT_COUNT] = { 0 };
	const struct hdl_dp_event *one;

	if (view->maps && hdl_dp_verdicts(view->maps, counts) < 0)
		counts[HDL_VERDICT_EVENT_LOST] = 0;
	hdl_jsonw_ku64(w, "last", last);
	hdl_jsonw_ku64(w, "lost", counts[HDL_VERDICT_EVENT_LOST]);
	hdl_jsonw_ku64(w, "sample", view->maps ? view->maps->state->event_sample : 0);
	hdl_jsonw_key(w, "events");
	hdl_jsonw_array(w);
	/* of the newest ones: those who look for the first time want the end of it */
	if (after == UINT64_MAX)
		after = last > limit ? last - limit : 0;
	for (uint64_t n = 0; view->events && n < limit; n++) {
		one = hdl_dp_events_after(view->events, after);
		if (!one)
			break;
		write_event(w, one);
		after = one->sequence;
	}
	hdl_jsonw_array_end(w);
}

bool hdl_admin_events_query(struct hdl_str query, uint64_t *ret_after, uint64_t *ret_limit)
{
	struct hdl_str after = hdl_admin_parameter(query, "after"), limit = hdl_admin_parameter(query, "limit");

	*ret_after = UINT64_MAX;
	*ret_limit = LIMIT_DEFAULT;
	if (after.p && hdl_str_u64(after, INT64_MAX, ret_after) < 0)
		return false;
	return !limit.p || hdl_str_u64(limit, HDL_DP_EVENTS_KEPT, ret_limit) == 0;
}

static bool take_sample(void *data, const char *key, const char *value)
{
	uint64_t *sample = data;

	return strcmp(key, "sample") == 0 && hdl_str_u64(hdl_str_of(value), UINT32_MAX, sample) == 0;
}

void hdl_admin_event_sample(const struct hdl_admin_view *view, struct hdl_str body, struct hdl_admin_answer *answer)
{
	uint64_t sample = UINT64_MAX;
	struct hdl_jsonw w;

	if (hdl_admin_parse_object(body, take_sample, &sample) < 0 || sample == UINT64_MAX) {
		hdl_admin_error(answer, 400, "a body like {\"sample\": \"100\"} is needed; \"0\" = errors only");
		return;
	}
	if (!view->maps || !view->full) {
		hdl_admin_error(answer, 503, "there is no kernel side that could tell of its decisions");
		return;
	}
	__atomic_store_n(&view->maps->state->event_sample, (__u32)sample, __ATOMIC_RELAXED);
	hdl_jsonw_init(&w, &answer->body, true);
	hdl_jsonw_object(&w);
	hdl_jsonw_ku64(&w, "sample", sample);
	hdl_jsonw_object_end(&w);
	hdl_buf_adds(&answer->body, "\n");
}
