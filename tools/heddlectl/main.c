/* SPDX-License-Identifier: Apache-2.0 */
/* heddlectl: options and the table of commands. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heddlectl/ctl.h"

#define WAIT_DEFAULT_S 30
#define WAIT_MAX_S 86400

struct command {
	const char *name, *alias;
	const char *arguments; /* NULL: everything behind the name is read by run() itself */
	const char *summary;
	int (*run)(struct ctl *ctl);
};

static const struct command commands[] = {
	{ "status", NULL, "", "version, kernel features, hooks, map fill, limits hit", ctl_status },
	{ "proxy-status", "ps", "[objects]", "epoch seen by the kernel, each worker and each source file",
	  ctl_proxy_status },
	{ "proxy-config", "pc",
	  "listeners|routes|clusters|endpoints|all [--fqdn H] [--port P] [--subset S] [--name R] [--from NS]",
	  "what is in force, in the order in which traffic meets it", ctl_proxy_config },
	{ "config", NULL, "status|show [KIND[/NAME]] [-n NS] [-f PATH]...",
	  "statuses of Gateway API objects, or all objects, in the daemon or (-f) in files", ctl_config },
	{ "analyze", NULL, NULL, "what is wrong, dangerous or without effect in resource files", ctl_analyze },
	{ "maps", NULL, "[NAME]", "fill of the BPF maps, or the decoded contents of one", ctl_maps },
	{ "endpoint", NULL, "eject|restore ADDR:PORT [--cluster NAME]",
	  "take an endpoint out of balancing, or bring it back", ctl_endpoint },
	{ "wait", NULL, "[--timeout S]", "return when the daemon serves (0) or the time is over (1)", ctl_wait },
	{ "reload", NULL, "", "read the configuration again; return when it is in force or refused", ctl_reload },
	{ "plan", NULL, "PATH [--against PATH] [--whole|--overlay]",
	  "what the files of PATH would change: objects, requests, shares of traffic, hash keys", ctl_plan },
	{ "history", NULL, "[EPOCH]", "what the last epochs changed, and which can be had again", ctl_history },
	{ "rollback", NULL, "EPOCH", "the configuration of an earlier epoch again, until the files change",
	  ctl_rollback },
	{ "log", NULL, NULL, "what the kernel told last: refusals, failures, ejections", ctl_log },
	{ "top", NULL, NULL, "connections, refusals and bytes per second of the busiest services", ctl_top },
	{ "why", NULL, NULL, "what was decided about a connection, or would be about a request, and why", ctl_why },
	{ "drain", NULL, "", "stop taking connections; the daemon ends when nothing is in flight", ctl_drain },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	fputs("usage: heddlectl [--run-dir PATH] COMMAND [ARGUMENTS] [-o text|json|yaml]\n\ncommands:\n", out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-13s %s\n", commands[i].name, commands[i].summary);
	fputs("\n--version        print the version\n"
	      "--run-dir PATH   run directory of the daemon (default /run/heddle)\n"
	      "heddlectl COMMAND --help shows the arguments of a command; heddlectl(8) has it all.\n",
	      out);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0 || (commands[i].alias && strcmp(commands[i].alias, name) == 0))
			return &commands[i];
	return NULL;
}

static int parse_format(const char *text, enum ctl_format *ret)
{
	static const char *const names[] = { [CTL_TEXT] = "text", [CTL_JSON] = "json", [CTL_YAML] = "yaml" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum ctl_format)i;
			return 0;
		}
	}
	fprintf(stderr, "heddlectl: -o %s: text, json or yaml is allowed\n", text);
	return -EINVAL;
}

static int parse_seconds(const char *text, unsigned int *ret)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (end != text && *end == 's')
		end++;
	if (errno || end == text || *end || *text == '-' || value > WAIT_MAX_S) {
		fprintf(stderr, "heddlectl: --timeout %s: whole seconds from 0 to %d are allowed\n", text, WAIT_MAX_S);
		return -EINVAL;
	}
	*ret = (unsigned int)value;
	return 0;
}

static int parse_port(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text >= '0' && *text <= '9' && *end == '\0' && value >= 1 && value <= 65535)
		return 0;
	fprintf(stderr, "heddlectl: --port %s: a number from 1 to 65535 is allowed\n", text);
	return -EINVAL;
}

static int add_file(struct ctl *ctl, const char *path)
{
	if (ctl->file_count == CTL_FILES_MAX) {
		fprintf(stderr, "heddlectl: -f: at most %d are allowed; name a directory\n", CTL_FILES_MAX);
		return -EINVAL;
	}
	ctl->file[ctl->file_count++] = path;
	return 0;
}

enum {
	OPT_RUN_DIR = 256,
	OPT_FQDN,
	OPT_PORT,
	OPT_SUBSET,
	OPT_NAME,
	OPT_FROM,
	OPT_CLUSTER,
	OPT_TIMEOUT,
	OPT_AGAINST,
	OPT_WHOLE,
	OPT_OVERLAY,
	OPT_VERSION
};

static const struct option options[] = {
	{ "run-dir", required_argument, NULL, OPT_RUN_DIR },
	{ "output", required_argument, NULL, 'o' },
	{ "fqdn", required_argument, NULL, OPT_FQDN },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "subset", required_argument, NULL, OPT_SUBSET },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "cluster", required_argument, NULL, OPT_CLUSTER },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "against", required_argument, NULL, OPT_AGAINST },
	{ "whole", no_argument, NULL, OPT_WHOLE },
	{ "overlay", no_argument, NULL, OPT_OVERLAY },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "namespace", required_argument, NULL, 'n' },
	{ "file", required_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* order: "+" stops at the first word that is no option. 0, 1 when help was asked for, or -EINVAL. */
static int parse_options(int argc, char **argv, const char *order, struct ctl *ctl)
{
	int option, help = 0;
	char letters[16];

	snprintf(letters, sizeof(letters), "%so:n:f:h", order);
	while ((option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		switch (option) {
		case OPT_RUN_DIR:
			ctl->run_dir = optarg;
			break;
		case 'o':
			if (parse_format(optarg, &ctl->format))
				return -EINVAL;
			break;
		case OPT_FQDN:
			ctl->fqdn = optarg;
			break;
		case OPT_PORT:
			if (parse_port(optarg))
				return -EINVAL;
			ctl->port = optarg;
			break;
		case OPT_SUBSET:
			ctl->subset = optarg;
			break;
		case OPT_NAME:
			ctl->name = optarg;
			break;
		case OPT_FROM:
			ctl->from = optarg;
			break;
		case OPT_CLUSTER:
			ctl->cluster = optarg;
			break;
		case OPT_TIMEOUT:
			if (parse_seconds(optarg, &ctl->timeout_s))
				return -EINVAL;
			break;
		case OPT_AGAINST:
			ctl->against = optarg;
			break;
		case OPT_WHOLE:
			ctl->whole = true;
			break;
		case OPT_OVERLAY:
			ctl->overlay = true;
			break;
		case OPT_VERSION:
			printf("heddlectl %s\n", HDL_VERSION);
			exit(CTL_OK);
		case 'n':
			ctl->ns = optarg;
			break;
		case 'f':
			if (add_file(ctl, optarg))
				return -EINVAL;
			break;
		case 'h':
			help = 1;
			break;
		default:
			return -EINVAL;
		}
	}
	return help;
}

/* A command that reads its own words, behind options for all; optind is then at its name. NULL: another, or none. */
static const struct command *own_command(int argc, char **argv)
{
	const struct command *command = optind < argc ? find_command(argv[optind]) : NULL;

	return command && !command->arguments ? command : NULL;
}

int main(int argc, char **argv)
{
	const struct ctl fresh = { .run_dir = "/run/heddle", .timeout_s = WAIT_DEFAULT_S };
	struct ctl ctl = fresh;
	const struct command *command;
	int parsed = parse_options(argc, argv, "+", &ctl);

	command = parsed == 0 ? own_command(argc, argv) : NULL;
	if (command) {
		ctl.argc = argc - optind;
		ctl.argv = argv + optind;
		return command->run(&ctl);
	}
	if (parsed >= 0) {
		ctl = fresh;
		optind = 0;
		parsed = parse_options(argc, argv, "", &ctl);
	}
	if (parsed < 0) {
		usage(stderr);
		return CTL_USAGE;
	}
	if (optind >= argc) {
		usage(parsed ? stdout : stderr);
		return parsed ? CTL_OK : CTL_USAGE;
	}
	command = find_command(argv[optind]);
	if (!command) {
		fprintf(stderr, "heddlectl: %s: no such command\n", argv[optind]);
		usage(stderr);
		return CTL_USAGE;
	}
	if (parsed) {
		printf("usage: heddlectl %s %s\n%s\n", command->name,
		       command->arguments ? command->arguments : "[ARGUMENTS], see --help behind it", command->summary);
		return CTL_OK;
	}
	ctl.argc = argc - optind - 1;
	/* options are not in argv any more: whatever is left is one word too many */
	if (command->arguments[0] == '\0' && ctl.argc > 0) {
		fprintf(stderr, "usage: heddlectl %s\n", command->name);
		return CTL_USAGE;
	}
	ctl.argv = argv + optind + 1;
	return command->run(&ctl);
}
