/* SPDX-License-Identifier: Apache-2.0 */
/* heddlectl why: what was decided about connections that are open, or what would be about one that is not. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "heddle/abi_verdict.h"
#include "heddlectl/ctl.h"
#include "heddlectl/why.h"

#define HEADERS_MAX 32
#define REFUSALS_SHOWN 5 /* of a process, the newest */
#define EVENTS_MAX 4096  /* that the daemon keeps */

struct why {
	struct ctl *ctl;
	const char *service, *from, *path, *method, *authority, *header[HEADERS_MAX];
	size_t header_count;
	bool six;
	char bpffs[4096]; /* "" = the daemon has no maps */
	json_t *answers;  /* collected for -o json and yaml */
};

static const char usage_text[] =
	"usage: heddlectl why PID | ADDRESS:PORT | --service HOST[:PORT] [OPTIONS] [-o text|json|yaml]\n"
	"\n"
	"  PID                the connections that this process has open, and what was refused it lately\n"
	"  ADDRESS:PORT       the connection that has this address and port on the client's side\n"
	"  --service HOST[:PORT]\n"
	"                     what would happen: HOST is the name or address of a service, or a Host at a gateway\n"
	"\n"
	"with --service:\n"
	"  --from NS/POD      asked by this pod; without it by no known pod, as by a process of the node\n"
	"  -6                 over IPv6\n"
	"  --path P           a request for this path (default /)\n"
	"  --method M         with this method (default GET)\n"
	"  --authority H      with this Host (default HOST)\n"
	"  --header K:V       and this header; may be repeated\n";

/* 0, 1 when help was asked for, or -EINVAL. */
static int parse(struct why *why)
{
	static const struct option options[] = {
		{ "service", required_argument, NULL, 's' }, { "from", required_argument, NULL, 'F' },
		{ "header", required_argument, NULL, 'H' },  { "path", required_argument, NULL, 'p' },
		{ "method", required_argument, NULL, 'm' },  { "authority", required_argument, NULL, 'a' },
		{ "output", required_argument, NULL, 'o' },  { "run-dir", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },          { NULL, 0, NULL, 0 },
	};
	static const char *const formats[] = { "text", "json", "yaml" };
	int option;

	optind = 0;
	while ((option = getopt_long(why->ctl->argc, why->ctl->argv, "6o:h", options, NULL)) != -1) {
		size_t f = 0;

		switch (option) {
		case 's':
			why->service = optarg;
			break;
		case 'F':
			why->from = optarg;
			break;
		case 'H':
			if (why->header_count == HEADERS_MAX || !strchr(optarg, ':')) {
				fprintf(stderr, "heddlectl: --header %s: K:V, at most %d\n", optarg, HEADERS_MAX);
				return -EINVAL;
			}
			why->header[why->header_count++] = optarg;
			break;
		case 'p':
			why->path = optarg;
			break;
		case 'm':
			why->method = optarg;
			break;
		case 'a':
			why->authority = optarg;
			break;
		case '6':
			why->six = true;
			break;
		case 'o':
			while (f < 3 && strcmp(optarg, formats[f]) != 0)
				f++;
			if (f == 3) {
				fprintf(stderr, "heddlectl: -o %s: text, json or yaml is allowed\n", optarg);
				return -EINVAL;
			}
			why->ctl->format = (enum ctl_format)f;
			break;
		case 'r':
			why->ctl->run_dir = optarg;
			break;
		default:
			return option == 'h' ? 1 : -EINVAL;
		}
	}
	why->ctl->argv += optind;
	why->ctl->argc -= optind;
	if (why->service ? why->ctl->argc != 0 : why->ctl->argc != 1)
		return -EINVAL;
	return 0;
}

static void add(struct hdl_buf *path, const char *name, const char *value)
{
	if (!value)
		return;
	hdl_buf_printf(path, "%c%s=", memchr(path->p, '?', path->n) ? '&' : '?', name);
	ctl_add_encoded(path, value);
}

static void add_number(struct hdl_buf *path, const char *name, uint64_t value)
{
	hdl_buf_printf(path, "&%s=%llu", name, (unsigned long long)value);
}

/* Asks, and shows or collects the answer; extra members (stolen) come into it. */
static int explain(struct why *why, struct hdl_buf *path, json_t *extra)
{
	json_t *answer = path->failed ? NULL : ctl_ask(why->ctl, path->p, NULL);

	hdl_buf_done(path);
	if (!answer) {
		json_decref(extra);
		return CTL_FAILED;
	}
	if (extra)
		json_object_update(answer, extra);
	json_decref(extra);
	if (why->ctl->format == CTL_TEXT)
		why_print(answer);
	json_array_append_new(why->answers, answer);
	return CTL_OK;
}

static int explain_service(struct why *why)
{
	struct hdl_buf path = { 0 };

	hdl_buf_adds(&path, "/api/v1/why");
	add(&path, "service", why->service);
	add(&path, "from", why->from);
	add(&path, "family", why->six ? "6" : NULL);
	add(&path, "path", why->path);
	add(&path, "method", why->method);
	add(&path, "authority", why->authority);
	for (size_t i = 0; i < why->header_count; i++)
		add(&path, "header", why->header[i]);
	return explain(why, &path, NULL);
}

static uint64_t age_ms(uint64_t start_ns)
{
	uint64_t now_ns = hdl_clock_mono_ns();

	return start_ns && now_ns > start_ns ? (now_ns - start_ns) / HDL_NS_PER_MS : 0;
}

static int open_map(const struct why *why, const char *name)
{
	struct hdl_err err;

	return why->bpffs[0] ? hdl_dp_peek_open(why->bpffs, name, &err) : -ENOENT;
}

/* What the packet path, or the edge, has of a flow from there. 1 = found. */
static int find_flow(const struct why *why, const struct hdl_addr *source, uint16_t port, bool edge,
		     struct hdl_dp_peek_flow *ret)
{
	int map_fd = open_map(why, edge ? "edge_flow" : "flow"), r;

	if (map_fd < 0)
		return 0;
	r = hdl_dp_peek_flow(map_fd, edge, source, htons(port), ret);
	close(map_fd);
	return r == 0;
}

static void add_flow(struct hdl_buf *path, const struct hdl_dp_peek_flow *flow, bool edge)
{
	char to[HDL_ADDR_PORT_TEXT_MAX];

	add(path, "to", hdl_addr_port_print(&flow->address, ntohs(flow->port), to));
	add_number(path, "verdict", edge ? HDL_VERDICT_EDGE : HDL_VERDICT_BALANCED);
	add_number(path, "endpoint", flow->endpoint);
	add_number(path, "generation", flow->generation);
	add_number(path, "established", 1);
	add_number(path, "age_ms", age_ms(flow->start_ns));
}

static json_t *flow_member(const char *map, const char *local, const char *peer, bool udp)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "map", map, "local", local, "peer", peer, "protocol",
			 udp ? "UDP" : "TCP");
}

static int explain_socket(struct why *why, const struct why_socket *one)
{
	char address[HDL_ADDR_PORT_TEXT_MAX], source[HDL_ADDR_PORT_TEXT_MAX], to[HDL_ADDR_PORT_TEXT_MAX];
	const struct hdl_sock *record = &one->record;
	struct hdl_dp_peek_flow flow;
	struct hdl_buf path = { 0 };
	json_t *extra;

	hdl_addr_port_print(&one->peer, one->peer_port, address);
	hdl_addr_port_print(&one->local, one->local_port, source);
	extra = json_pack("{s:{s:i, s:s, s:s, s:s, s:s}}", "socket", "pid", one->pid, "command", one->command, "local",
			  source, "peer", address, "protocol", one->udp ? "UDP" : "TCP");
	hdl_buf_adds(&path, "/api/v1/why");
	add(&path, "address", address);
	add(&path, "source", source);
	add(&path, "protocol", one->udp ? "UDP" : "TCP");
	add_number(&path, "cookie", one->cookie);
	if (one->has_record) {
		add(&path, "to", hdl_addr_port_print(&record->address, ntohs(record->port), to));
		add_number(&path, "verdict", record->verdict);
		add_number(&path, "epoch", record->epoch);
		add_number(&path, "endpoint", record->endpoint);
		add_number(&path, "generation", record->generation);
		add_number(&path, "established", record->established ? 1 : 0);
		add_number(&path, "age_ms", age_ms(record->start_ns));
	} else if (find_flow(why, &one->local, one->local_port, false, &flow)) {
		add_flow(&path, &flow, false);
		json_object_set_new(extra, "flow", flow_member("flow", source, address, one->udp));
	}
	return explain(why, &path, extra);
}

/* What the daemon kept of what was refused a process, newest last. */
static size_t show_refusals(struct why *why, int pid)
{
	char path[64];
	json_t *answer, *row, *found = json_array();
	size_t i, n;

	snprintf(path, sizeof(path), "/api/v1/events?limit=%d", EVENTS_MAX);
	answer = ctl_ask(why->ctl, path, NULL);
	json_array_foreach(json_object_get(answer, "events"), i, row)
	{
		if (ctl_int(row, "pid") == pid && strcmp(ctl_str(row, "kind"), "verdict") == 0)
			json_array_append(found, row);
	}
	while (json_array_size(found) > REFUSALS_SHOWN)
		json_array_remove(found, 0);
	n = json_array_size(found);
	if (n && why->ctl->format == CTL_TEXT) {
		puts("told by the kernel about this process:");
		json_array_foreach(found, i, row)
		{
			fputs("  ", stdout);
			ctl_print_event(row);
		}
	}
	if (n && why->ctl->format != CTL_TEXT)
		json_array_append_new(why->answers, json_pack("{s:O}", "events", found));
	json_decref(found);
	json_decref(answer);
	return n;
}

static int explain_sockets(struct why *why, const struct why_sockets *sockets)
{
	int result = CTL_OK;

	for (size_t i = 0; i < sockets->n && result == CTL_OK; i++) {
		if (i && why->ctl->format == CTL_TEXT)
			putchar('\n');
		result = explain_socket(why, &sockets->at[i]);
	}
	if (sockets->dropped)
		fprintf(stderr, "heddlectl: there are more than %d sockets; the rest is left out\n", WHY_SOCKETS_MAX);
	return result;
}

static int explain_process(struct why *why, int pid)
{
	struct why_sockets sockets = { 0 };
	int map_fd = open_map(why, "sock"), r = why_sockets_of(pid, map_fd, &sockets), result = CTL_FAILED;
	size_t told;

	if (map_fd >= 0)
		close(map_fd);
	if (r < 0 && r != -ESRCH) {
		fprintf(stderr, "heddlectl: process %d: %s\n", pid, strerror(-r));
	} else {
		result = explain_sockets(why, &sockets);
		told = result == CTL_OK ? show_refusals(why, pid) : 0;
		if (result == CTL_OK && sockets.n == 0 && told == 0) {
			fprintf(stderr,
				r == -ESRCH ? "heddlectl: there is no process %d, and the kernel told nothing of it\n" :
					      "heddlectl: process %d has no connection to explain\n",
				pid);
			result = CTL_FAILED;
		}
	}
	why_sockets_done(&sockets);
	return result;
}

/* Connections whose sockets are elsewhere: of VMs, and from outside of the node. 1 = found and explained. */
static int explain_flow(struct why *why, const struct hdl_addr *source, uint16_t port, bool edge)
{
	char address[HDL_ADDR_PORT_TEXT_MAX], text[HDL_ADDR_PORT_TEXT_MAX];
	struct hdl_dp_peek_flow flow;
	struct hdl_buf path = { 0 };
	bool udp;

	if (!find_flow(why, source, port, edge, &flow))
		return 0;
	udp = flow.key.protocol == IPPROTO_UDP;
	hdl_addr_port_print(&flow.key.destination, ntohs(flow.key.destination_port), address);
	hdl_addr_port_print(source, port, text);
	hdl_buf_adds(&path, "/api/v1/why");
	add(&path, "address", address);
	add(&path, "source", text);
	add(&path, "protocol", udp ? "UDP" : "TCP");
	add_flow(&path, &flow, edge);
	return explain(why, &path,
		       json_pack("{s:o}", "flow", flow_member(edge ? "edge_flow" : "flow", text, address, udp))) ==
			       CTL_OK ?
		       1 :
		       -1;
}

static int explain_address(struct why *why, const struct hdl_addr *address, uint16_t port)
{
	struct why_sockets sockets = { 0 };
	int map_fd = open_map(why, "sock"), r = why_sockets_at(address, port, map_fd, &sockets), result, found;

	if (map_fd >= 0)
		close(map_fd);
	if (r < 0) {
		fprintf(stderr, "heddlectl: sockets cannot be looked at: %s\n", strerror(-r));
		why_sockets_done(&sockets);
		return CTL_FAILED;
	}
	result = explain_sockets(why, &sockets);
	if (sockets.n == 0) {
		found = explain_flow(why, address, port, false);
		if (found == 0)
			found = explain_flow(why, address, port, true);
		if (found == 0)
			fprintf(stderr,
				"heddlectl: %s: no %s on this node; heddlectl log has what was refused, --service what would happen\n",
				why->ctl->argv[0],
				sockets.seen ? "socket with this address connected anywhere (it was accepted)" :
					       "socket and no flow has this address");
		result = found > 0 ? CTL_OK : CTL_FAILED;
	}
	why_sockets_done(&sockets);
	return result;
}

static int ask_bpffs(struct why *why)
{
	json_t *status = ctl_ask(why->ctl, "/api/v1/status", NULL);

	if (!status)
		return CTL_FAILED;
	snprintf(why->bpffs, sizeof(why->bpffs), "%s", ctl_str(status, "bpffs"));
	json_decref(status);
	return CTL_OK;
}

static int explain_word(struct why *why, const char *word)
{
	struct hdl_addr address;
	uint16_t port;
	char *end;
	long pid = strtol(word, &end, 10);

	if (*end == '\0' && *word >= '1' && *word <= '9' && pid <= INT32_MAX)
		return ask_bpffs(why) ? CTL_FAILED : explain_process(why, (int)pid);
	if (hdl_addr_port_parse(hdl_str_of(word), &address, &port) == 0)
		return ask_bpffs(why) ? CTL_FAILED : explain_address(why, &address, port);
	fprintf(stderr, "heddlectl: why %s: a PID or ADDRESS:PORT is needed (IPv6: [ADDRESS]:PORT)\n", word);
	return CTL_USAGE;
}

int ctl_why(struct ctl *ctl)
{
	struct why why = { .ctl = ctl };
	int parsed = parse(&why), result;

	if (parsed) {
		fputs(usage_text, parsed < 0 ? stderr : stdout);
		return parsed < 0 ? CTL_USAGE : CTL_OK;
	}
	why.answers = json_array();
	result = why.service ? explain_service(&why) : explain_word(&why, ctl->argv[0]);
	if (result == CTL_OK && ctl->format != CTL_TEXT)
		result = ctl_print_value(ctl, why.answers);
	json_decref(why.answers);
	return result;
}
