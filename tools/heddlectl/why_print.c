/* SPDX-License-Identifier: Apache-2.0 */
/* The text of `heddlectl why`. */
#include <stdio.h>
#include <string.h>

#include "heddlectl/ctl.h"
#include "heddlectl/why.h"

#define ENDPOINTS_SHOWN 20 /* of those that are used; all that are passed over are shown */

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

/* " [VirtualService demo/reviews /etc/heddle/vs.yaml:12]", or "" */
static const char *origin(const json_t *object, const char *key, char *text, size_t size)
{
	const json_t *from = json_object_get(object, key);

	text[0] = '\0';
	if (*ctl_str(from, "kind"))
		snprintf(text, size, " [%s %s/%s %s:%lld]", ctl_str(from, "kind"), ctl_str(from, "namespace"),
			 ctl_str(from, "name"), ctl_str(from, "file"), ctl_int(from, "line"));
	return text;
}

static void print_verdict(const json_t *object)
{
	const char *flag = ctl_str(object, "flag");

	printf("%s%s%s (%s)", ctl_str(object, "verdict"), strcmp(flag, "-") == 0 ? "" : " ",
	       strcmp(flag, "-") == 0 ? "" : flag, ctl_str(object, "meaning"));
}

static void print_client(const json_t *answer)
{
	const json_t *client = json_object_get(answer, "client");
	char text[1200];

	printf("client       %s", *ctl_str(client, "pod") ? ctl_str(client, "pod") : "no known pod");
	if (*ctl_str(client, "source"))
		printf(" at %s", ctl_str(client, "source"));
	printf(", class %lld", ctl_int(client, "class"));
	if (ctl_bool(client, "registry_only"))
		printf(", REGISTRY_ONLY");
	if (ctl_bool(client, "own_view"))
		printf(", sees what its namespace%s%s has%s", *ctl_str(client, "sidecar") ? " and Sidecar " : "",
		       ctl_str(client, "sidecar"), origin(client, "view_origin", text, sizeof(text)));
	putchar('\n');
}

static void print_socket(const json_t *answer)
{
	const json_t *socket = json_object_get(answer, "socket"), *flow = json_object_get(answer, "flow"),
		     *decided = json_object_get(answer, "decided");

	if (socket)
		printf("socket       %s %s -> %s of pid %lld (%s)\n", ctl_str(socket, "protocol"),
		       ctl_str(socket, "local"), ctl_str(socket, "peer"), ctl_int(socket, "pid"),
		       ctl_str(socket, "command"));
	if (flow && socket)
		printf("             its packets are translated (map %s)\n", ctl_str(flow, "map"));
	else if (flow)
		printf("flow         %s %s -> %s, translated packet by packet (map %s)\n", ctl_str(flow, "protocol"),
		       ctl_str(flow, "local"), ctl_str(flow, "peer"), ctl_str(flow, "map"));
	if (json_is_object(decided)) {
		printf("decided      ");
		print_verdict(decided);
		printf("\n             %.1f s ago", (double)ctl_int(decided, "age_ms") / 1000);
		if (ctl_int(decided, "epoch"))
			printf(" at epoch %lld (now %lld)", ctl_int(decided, "epoch"), ctl_int(answer, "epoch"));
		printf(": to %s", or_dash(ctl_str(decided, "endpoint")));
		if (*ctl_str(decided, "pod"))
			printf(" %s", ctl_str(decided, "pod"));
		if (*ctl_str(decided, "cluster"))
			printf(" of %s", ctl_str(decided, "cluster"));
		else if (strcmp(ctl_str(decided, "verdict"), "punted_host") != 0)
			printf(", which is no endpoint any more");
		printf("%s\n",
		       socket && !ctl_bool(decided, "established") && strcmp(ctl_str(socket, "protocol"), "TCP") == 0 ?
			       ", not established yet" :
			       "");
	} else if (socket) {
		printf("decided      left as it was: the kernel keeps no record of this socket\n");
	}
}

static void print_endpoint(const json_t *endpoint)
{
	printf("               %s %s", ctl_str(endpoint, "endpoint"), or_dash(ctl_str(endpoint, "pod")));
	if (ctl_int(endpoint, "weight") != 1)
		printf(" weight %lld", ctl_int(endpoint, "weight"));
	if (*ctl_str(endpoint, "locality"))
		printf(" in %s", ctl_str(endpoint, "locality"));
	if (!ctl_bool(endpoint, "used"))
		printf("  skipped: %s", ctl_str(endpoint, "why_not"));
	else if (ctl_bool(endpoint, "ejected"))
		printf("  ejected, but too few are healthy: used all the same");
	printf("  (%lld active", ctl_int(endpoint, "active"));
	if (ctl_int(endpoint, "connect_failures"))
		printf(", %lld connects failed", ctl_int(endpoint, "connect_failures"));
	if (ctl_int(endpoint, "rtt_us"))
		printf(", rtt %.3f ms", (double)ctl_int(endpoint, "rtt_us") / 1000);
	puts(")");
}

static void print_groups(const json_t *destination)
{
	const json_t *groups = json_object_get(destination, "groups");
	json_t *group;
	size_t i;

	json_array_foreach(groups, i, group)
		printf("               priority %lld: %lld endpoints, %.1f%%%s\n", ctl_int(group, "priority"),
		       ctl_int(group, "endpoints"), (double)ctl_int(group, "share_per_mille") / 10,
		       ctl_bool(group, "panic") ? ", too few are healthy: ejection is ignored" : "");
}

static void print_destination(const json_t *destination)
{
	char text[1200];
	json_t *endpoint;
	size_t i, used = 0, hidden = 0;

	printf("goes to      %s %.1f%%", ctl_str(destination, "cluster"),
	       (double)ctl_int(destination, "share_per_mille") / 10);
	if (*ctl_str(destination, "policy"))
		printf(" %s", ctl_str(destination, "policy"));
	if (ctl_int(destination, "max_connections"))
		printf(", %lld of %lld connections", ctl_int(destination, "connections"),
		       ctl_int(destination, "max_connections"));
	if (ctl_int(destination, "affinity_timeout_s"))
		printf(", clients keep theirs for %lld s", ctl_int(destination, "affinity_timeout_s"));
	printf("%s\n", origin(destination, "rule", text, sizeof(text)));
	if (strcmp(ctl_str(destination, "verdict"), "balanced") != 0) {
		printf("               ");
		print_verdict(destination);
		putchar('\n');
	}
	print_groups(destination);
	json_array_foreach(json_object_get(destination, "endpoints"), i, endpoint)
	{
		if (ctl_bool(endpoint, "used") && ++used > ENDPOINTS_SHOWN)
			hidden++;
		else
			print_endpoint(endpoint);
	}
	if (ctl_int(destination, "endpoint_count") > (long long)i)
		hidden += (size_t)ctl_int(destination, "endpoint_count") - i;
	if (hidden)
		printf("               and %zu more\n", hidden);
}

static void print_destinations(const json_t *object)
{
	json_t *destination;
	size_t i;

	json_array_foreach(json_object_get(object, "destinations"), i, destination) print_destination(destination);
}

static void print_in_force(const json_t *request)
{
	const json_t *retries = json_object_get(request, "retries"), *fault = json_object_get(request, "fault");
	json_t *word;
	size_t i;

	printf("in force     timeout ");
	if (ctl_int(request, "timeout_ms"))
		printf("%lld ms", ctl_int(request, "timeout_ms"));
	else
		printf("none");
	printf(", %lld retries", ctl_int(retries, "attempts"));
	json_array_foreach(json_object_get(retries, "on"), i, word)
		printf("%s%s", i ? "," : " on ", json_string_value(word));
	if (ctl_int(retries, "per_try_timeout_ms"))
		printf(", %lld ms for each try", ctl_int(retries, "per_try_timeout_ms"));
	if (ctl_int(fault, "delay_per_million"))
		printf(", %.4g%% wait %lld ms", (double)ctl_int(fault, "delay_per_million") / 10000,
		       ctl_int(fault, "delay_ms"));
	if (ctl_int(fault, "abort_per_million") && ctl_int(fault, "abort_status"))
		printf(", %.4g%% get %lld", (double)ctl_int(fault, "abort_per_million") / 10000,
		       ctl_int(fault, "abort_status"));
	else if (ctl_int(fault, "abort_per_million"))
		printf(", %.4g%% get gRPC status %lld", (double)ctl_int(fault, "abort_per_million") / 10000,
		       ctl_int(fault, "abort_grpc"));
	json_array_foreach(json_object_get(request, "mirrors"), i, word) printf(
		", %.4g%% mirrored to %s", (double)ctl_int(word, "per_million") / 10000, ctl_str(word, "cluster"));
	putchar('\n');
}

static void print_request(const json_t *answer)
{
	const json_t *request = json_object_get(answer, "request");
	char text[1200];

	if (!request)
		return;
	printf("request      %s http://%s%s\n", ctl_str(request, "method"), ctl_str(request, "authority"),
	       ctl_str(request, "path"));
	if (*ctl_str(request, "refusal")) {
		printf("refused      %s%s\n", ctl_str(request, "refusal"),
		       origin(request, "vhost_origin", text, sizeof(text)));
		return;
	}
	printf("route        %s (%s), %s%s\n", or_dash(ctl_str(request, "route")), ctl_str(request, "match"),
	       ctl_str(request, "action"), origin(request, "rule", text, sizeof(text)));
	print_in_force(request);
	print_destinations(request);
}

static void print_one(const json_t *one)
{
	const char *type = ctl_str(one, "type");
	char text[1200];

	if (strcmp(type, "gateway") == 0) {
		printf("gateway      %s, port %lld\n", ctl_str(one, "gateway"), ctl_int(one, "port"));
		print_request(one);
		return;
	}
	printf("dialled      %s %s", or_dash(ctl_str(one, "address")), ctl_str(one, "protocol"));
	if (*ctl_str(one, "service"))
		printf(" = %s", ctl_str(one, "service"));
	printf("\nlabel        %s: %s%s\n", ctl_str(one, "label"), ctl_str(one, "reason"),
	       origin(one, "label_origin", text, sizeof(text)));
	if (*ctl_str(one, "outbound_policy"))
		printf("policy       %s\n", ctl_str(one, "outbound_policy"));
	printf("verdict      ");
	print_verdict(one);
	putchar('\n');
	if (*origin(one, "rule", text, sizeof(text)))
		printf("rule        %s%s\n", text,
		       ctl_bool(one, "rule_for_some") ? ", which is for some connections only" : "");
	if (ctl_bool(one, "request_not_read"))
		puts("             requests are not read here: path, method and headers change nothing");
	print_destinations(one);
	print_request(one);
}

void why_print(const json_t *answer)
{
	json_t *one;
	size_t i;

	print_socket(answer);
	print_client(answer);
	json_array_foreach(json_object_get(answer, "answers"), i, one)
	{
		if (i)
			putchar('\n');
		print_one(one);
	}
}
