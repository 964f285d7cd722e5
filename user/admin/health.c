/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints' health records: reading them, and ejecting and restoring by hand. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "admin/page.h"
#include "base/addr.h"
#include "health/outlier.h"

const char *hdl_admin_policy_name(enum hdl_policy policy)
{
	static const char *const names[] = { "LEAST_REQUEST", "ROUND_ROBIN", "RANDOM",
					     "MAGLEV",        "PASSTHROUGH", "RING_HASH" };

	return (unsigned int)policy < sizeof(names) / sizeof(names[0]) ? names[policy] : "UNKNOWN";
}

const char *hdl_admin_protocol_name(enum hdl_ir_protocol protocol)
{
	static const char *const names[] = { "AUTO", "HTTP", "HTTP2", "GRPC", "TCP", "TLS", "UDP" };

	return (unsigned int)protocol < sizeof(names) / sizeof(names[0]) ? names[protocol] : "UNKNOWN";
}

const char *hdl_admin_label_name(enum hdl_label label)
{
	return label == HDL_LABEL_REQUEST ? "request" :
	       label == HDL_LABEL_L4      ? "l4" :
	       label == HDL_LABEL_DIRECT  ? "direct" :
					    "none";
}

struct hdl_health *hdl_admin_health(const struct hdl_admin_view *view, const struct hdl_ir_endpoint *endpoint)
{
	struct hdl_health *health;

	if (!view->maps || endpoint->id == 0 || endpoint->id >= view->maps->endpoint_count)
		return NULL;
	health = &view->maps->health[endpoint->id];
	return __atomic_load_n(&health->generation, __ATOMIC_RELAXED) == endpoint->generation ? health : NULL;
}

struct hdl_balance *hdl_admin_balance(const struct hdl_admin_view *view, const struct hdl_ir_cluster *cluster)
{
	if (!view->maps || cluster->id == 0 || cluster->id >= view->maps->cluster_count)
		return NULL;
	return &view->maps->balance[cluster->id];
}

bool hdl_admin_is_ejected(const struct hdl_admin_view *view, const struct hdl_health *health)
{
	return health && hdl_outlier_is_ejected(health, view->now_ns);
}

struct command {
	char address[HDL_ADDR_PORT_TEXT_MAX], cluster[512];
	bool has_address;
};

static bool take_member(void *data, const char *key, const char *value)
{
	struct command *command = data;

	if (strcmp(key, "address") == 0 && strlen(value) < sizeof(command->address)) {
		snprintf(command->address, sizeof(command->address), "%s", value);
		command->has_address = true;
		return true;
	}
	if (strcmp(key, "cluster") == 0 && strlen(value) < sizeof(command->cluster)) {
		snprintf(command->cluster, sizeof(command->cluster), "%s", value);
		return true;
	}
	return false;
}

static bool is_at(const struct hdl_ir_endpoint *endpoint, const struct hdl_addr *address, uint16_t port)
{
	if (endpoint->port != port)
		return false;
	for (unsigned int f = 0; f < HDL_FAMILIES; f++)
		if (!hdl_addr_is_zero(&endpoint->address[f]) && hdl_addr_equal(&endpoint->address[f], address))
			return true;
	return false;
}

/* One record. True: its state changed. */
static bool change(const struct hdl_admin_view *view, const struct hdl_ir_cluster *cluster,
		   const struct hdl_ir_endpoint *endpoint, struct hdl_health *health, bool eject)
{
	struct hdl_balance *balance = hdl_admin_balance(view, cluster);

	if (!balance)
		return false;
	return eject ? hdl_outlier_eject_by_hand(health, endpoint->generation, balance) :
		       hdl_outlier_restore(health, endpoint->generation, balance, view->now_ns);
}

void hdl_admin_endpoint_command(const struct hdl_admin_view *view, bool eject, struct hdl_str body,
				struct hdl_admin_answer *answer)
{
	struct command command = { 0 };
	size_t found = 0, records = 0, changed = 0;
	struct hdl_addr address;
	struct hdl_jsonw w;
	uint16_t port;

	if (hdl_admin_parse_object(body, take_member, &command) < 0 || !command.has_address ||
	    hdl_addr_port_parse(hdl_str_of(command.address), &address, &port) < 0) {
		hdl_admin_error(
			answer, 400,
			"the body must be {\"address\": \"IP:PORT\"}, and may name a \"cluster\" (IPv6: \"[IP]:PORT\")");
		return;
	}
	hdl_jsonw_init(&w, &answer->body, true);
	hdl_jsonw_object(&w);
	hdl_jsonw_kstr(&w, "address", command.address);
	hdl_jsonw_key(&w, "clusters");
	hdl_jsonw_array(&w);
	for (size_t i = 0; view->snapshot && i < view->snapshot->cluster_count; i++) {
		const struct hdl_ir_cluster *cluster = view->snapshot->clusters[i];

		if (command.cluster[0] && strcmp(command.cluster, cluster->name) != 0)
			continue;
		for (size_t j = 0; j < cluster->endpoint_count; j++) {
			const struct hdl_ir_endpoint *endpoint = &cluster->endpoints[j];
			struct hdl_health *health;

			if (!is_at(endpoint, &address, port))
				continue;
			found++;
			health = hdl_admin_health(view, endpoint);
			if (!health)
				continue;
			records++;
			changed += change(view, cluster, endpoint, health, eject);
			hdl_jsonw_str(&w, cluster->name);
		}
	}
	hdl_jsonw_array_end(&w);
	hdl_jsonw_ku64(&w, "changed", changed);
	hdl_jsonw_object_end(&w);
	hdl_buf_adds(&answer->body, "\n");
	if (found == 0)
		hdl_admin_error(answer, 404, "no cluster%s%s has an endpoint %s; GET /api/v1/endpoints lists them",
				command.cluster[0] ? " " : "", command.cluster, command.address);
	else if (records == 0)
		hdl_admin_error(answer, 409, "%s is not healthy, so it is never chosen: there is nothing to change",
				command.address);
}
