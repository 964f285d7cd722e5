/* SPDX-License-Identifier: Apache-2.0 */
/* Command line of heddled. */
#include "heddled/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "base/addr.h"
#include "base/str.h"
#include "heddle/abi_limits.h"

enum option_id {
	OPT_CONFIG,
	OPT_NODE_CONFIG,
	OPT_CGROUP,
	OPT_BPFFS,
	OPT_RUN_DIR,
	OPT_ADMIN,
	OPT_WORKERS,
	OPT_MODE,
	OPT_LOG_LEVEL,
	OPT_LOG_FORMAT,
	OPT_ACCESS_LOG,
	OPT_VALIDATE,
	OPT_STRICT,
	OPT_UNINSTALL,
	OPT_HELP,
	OPT_VERSION,
	OPT_WORKER_FD,
	OPTIONS,
};

static const struct {
	const char *name;
	const char *argument; /* NULL = none */
	const char *help;     /* NULL = not for people */
} table[OPTIONS] = {
	[OPT_CONFIG] = { "config", "PATH",
			 "file or directory (recursive, *.yaml *.yml *.json), watched; may be repeated" },
	[OPT_NODE_CONFIG] = { "node-config", "FILE", "file with the NodeConfig (default: any NodeConfig in --config)" },
	[OPT_CGROUP] = { "cgroup", "PATH", "cgroup whose processes are in the mesh (default: the cgroup2 root)" },
	[OPT_BPFFS] = { "bpffs", "PATH", "where maps, programs and links are pinned (default: /sys/fs/bpf/heddle)" },
	[OPT_RUN_DIR] = { "run-dir", "PATH", "control socket and lock (default: /run/heddle)" },
	[OPT_ADMIN] = { "admin", "ADDR:PORT", "admin address (default: 127.0.0.1:15000)" },
	[OPT_WORKERS] = { "workers", "N", "proxy threads (default: one per CPU)" },
	[OPT_MODE] = { "mode", "full|proxy", "proxy: no BPF, no privilege, Gateway listeners only (default: full)" },
	[OPT_LOG_LEVEL] = { "log-level", "LEVEL", "error, warn, info or debug (default: info)" },
	[OPT_LOG_FORMAT] = { "log-format", "text|json", "format of the log on standard error (default: text)" },
	[OPT_ACCESS_LOG] = { "access-log", "FILE|-", "access log, instead of NodeConfig accessLog.path" },
	[OPT_VALIDATE] = { "validate", NULL, "check the configuration, report, exit 0 or 3" },
	[OPT_STRICT] = { "strict", NULL, "refuse to start on any invalid document (exit 3)" },
	[OPT_UNINSTALL] = { "uninstall", NULL, "remove every pin, link, route and rule of this --bpffs and --run-dir" },
	[OPT_HELP] = { "help", NULL, "this text" },
	[OPT_VERSION] = { "version", NULL, "print the version" },
	[OPT_WORKER_FD] = { "worker-fd", "N", NULL },
};

const char *hdl_options_name(size_t i)
{
	for (size_t at = 0; at < OPTIONS; at++)
		if (table[at].help && i-- == 0)
			return table[at].name;
	return NULL;
}

void hdl_options_help(struct hdl_buf *buf)
{
	hdl_buf_adds(buf, "usage: heddled --config PATH [option...]\n\n");
	for (size_t i = 0; i < OPTIONS; i++) {
		char left[64];

		if (!table[i].help)
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", table[i].name, table[i].argument ? " " : "",
			 table[i].argument ? table[i].argument : "");
		hdl_buf_printf(buf, "  %-24s %s\n", left, table[i].help);
	}
	hdl_buf_adds(buf, "\nexit status: 0 clean, 1 runtime failure, 2 usage, 3 invalid configuration,\n"
			  "             4 the kernel lacks something required. See heddled(8).\n");
}

static int parse_words(const char *name, const char *value, const char *first, const char *second, int *ret,
		       struct hdl_err *err)
{
	if (strcmp(value, first) == 0)
		*ret = 0;
	else if (strcmp(value, second) == 0)
		*ret = 1;
	else
		return hdl_err_set(err, -EINVAL, "--%s: \"%s\" is neither %s nor %s", name, value, first, second);
	return 0;
}

static int parse_path(const char *name, const char *value, const char **ret, struct hdl_err *err)
{
	if (value[0] == '\0')
		return hdl_err_set(err, -EINVAL, "--%s: the path is empty", name);
	/* room for what is appended: names of pins, of the socket, of files in a directory */
	if (strlen(value) > PATH_MAX - 512)
		return hdl_err_set(err, -EINVAL, "--%s: the path is too long", name);
	*ret = value;
	return 0;
}

static int parse_number(const char *name, const char *value, uint64_t min, uint64_t max, uint32_t *ret,
			struct hdl_err *err)
{
	uint64_t number;

	if (hdl_str_u64(hdl_str_of(value), max, &number) < 0 || number < min)
		return hdl_err_set(err, -EINVAL, "--%s: \"%s\" is not a number from %u to %u", name, value,
				   (unsigned int)min, (unsigned int)max);
	*ret = (uint32_t)number;
	return 0;
}

static int add_config(struct hdl_options *options, const char *value, struct hdl_err *err)
{
	if (options->config_count == HDL_OPTIONS_CONFIGS_MAX)
		return hdl_err_set(err, -EINVAL, "--config: given more than %d times", HDL_OPTIONS_CONFIGS_MAX);
	return parse_path("config", value, &options->config[options->config_count++], err);
}

static int parse_log(struct hdl_options *options, enum option_id option, const char *value, struct hdl_err *err)
{
	int word = 0, r;

	if (option == OPT_LOG_LEVEL) {
		if (hdl_log_level_parse(value, &options->log_level) < 0)
			return hdl_err_set(err, -EINVAL, "--log-level: \"%s\" is none of error, warn, info, debug",
					   value);
		return 0;
	}
	r = parse_words("log-format", value, "text", "json", &word, err);
	if (r == 0)
		options->log_json = word == 1;
	return r;
}

static int parse_one(struct hdl_options *options, enum option_id option, const char *value, struct hdl_err *err)
{
	const char *name = table[option].name;
	uint32_t number;
	int word = 0, r;

	switch (option) {
	case OPT_CONFIG:
		return add_config(options, value, err);
	case OPT_NODE_CONFIG:
		return parse_path(name, value, &options->node_config, err);
	case OPT_CGROUP:
		return parse_path(name, value, &options->cgroup, err);
	case OPT_BPFFS:
		return parse_path(name, value, &options->bpffs, err);
	case OPT_RUN_DIR:
		return parse_path(name, value, &options->run_dir, err);
	case OPT_ACCESS_LOG:
		return parse_path(name, value, &options->access_log, err);
	case OPT_ADMIN:
		if (hdl_addr_port_parse(hdl_str_of(value), &options->admin_address, &options->admin_port) < 0 ||
		    options->admin_port == 0)
			return hdl_err_set(err, -EINVAL, "--admin: \"%s\" is not ADDR:PORT (a port from 1 to 65535)",
					   value);
		return 0;
	case OPT_WORKERS:
		return parse_number(name, value, 1, HDL_WORKERS_MAX, &options->workers, err);
	case OPT_MODE:
		r = parse_words(name, value, "full", "proxy", &word, err);
		options->mode = word == 1 ? HDL_MODE_PROXY : HDL_MODE_FULL;
		return r;
	case OPT_LOG_LEVEL:
	case OPT_LOG_FORMAT:
		return parse_log(options, option, value, err);
	case OPT_WORKER_FD:
		r = parse_number(name, value, 3, 1 << 20, &number, err);
		options->worker_fd = r == 0 ? (int)number : -1;
		options->action = HDL_ACTION_WORKER;
		return r;
	case OPT_STRICT:
		options->strict = true;
		return 0;
	default:
		return 0;
	}
}

static int set_action(struct hdl_options *options, enum option_id option, struct hdl_err *err)
{
	static const enum hdl_action actions[OPTIONS] = {
		[OPT_VALIDATE] = HDL_ACTION_VALIDATE,
		[OPT_UNINSTALL] = HDL_ACTION_UNINSTALL,
		[OPT_HELP] = HDL_ACTION_HELP,
		[OPT_VERSION] = HDL_ACTION_VERSION,
	};
	enum hdl_action action = actions[option];

	if (action == HDL_ACTION_RUN || options->action == HDL_ACTION_HELP)
		return 0;
	if (options->action != HDL_ACTION_RUN && options->action != action && action != HDL_ACTION_HELP)
		return hdl_err_set(err, -EINVAL, "--%s cannot be combined with another action", table[option].name);
	options->action = action;
	return 0;
}

static int check(const struct hdl_options *options, struct hdl_err *err)
{
	bool reads = options->action == HDL_ACTION_RUN || options->action == HDL_ACTION_VALIDATE;

	if (reads && options->config_count == 0)
		return hdl_err_set(err, -EINVAL, "--config is missing: name at least one file or directory");
	return 0;
}

static void defaults(struct hdl_options *options)
{
	*options = (struct hdl_options){
		.bpffs = "/sys/fs/bpf/heddle",
		.run_dir = "/run/heddle",
		.admin_address = hdl_addr_from_v4(__builtin_bswap32(0x7f000001)),
		.admin_port = 15000,
		.log_level = HDL_LOG_INFO,
		.worker_fd = -1,
	};
}

int hdl_options_parse(int argc, char **argv, struct hdl_options *ret, struct hdl_err *err)
{
	struct option options[OPTIONS + 1] = { 0 };
	struct hdl_options parsed;
	int at, r;

	defaults(&parsed);
	for (size_t i = 0; i < OPTIONS; i++)
		options[i] = (struct option){ table[i].name, table[i].argument ? required_argument : no_argument, NULL,
					      (int)i };
	optind = 0; /* start over, also in a test that parses many times */
	opterr = 0;
	for (;;) {
		int index = optind ? optind : 1;

		at = getopt_long(argc, argv, "+:", options, NULL);
		if (at == -1)
			break;
		if (at == ':')
			return hdl_err_set(err, -EINVAL, "%s needs a value", argv[index]);
		if (at == '?')
			return hdl_err_set(err, -EINVAL, "%s is not an option; heddled --help lists them", argv[index]);
		r = parse_one(&parsed, (enum option_id)at, optarg, err);
		if (r == 0)
			r = set_action(&parsed, (enum option_id)at, err);
		if (r < 0)
			return r;
	}
	if (optind < argc)
		return hdl_err_set(err, -EINVAL, "\"%s\" is not an option; paths are given by --config", argv[optind]);
	r = check(&parsed, err);
	if (r < 0)
		return r;
	*ret = parsed;
	return 0;
}
