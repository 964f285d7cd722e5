/* SPDX-License-Identifier: Apache-2.0 */
/* Command line of heddled: one table for parsing, --help and the check against the manual page. */
#ifndef HDL_HEDDLED_OPTIONS_H
#define HDL_HEDDLED_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "heddle/abi_addr.h"

/* More --config than this is a mistake. */
#define HDL_OPTIONS_CONFIGS_MAX 64

enum hdl_mode {
	HDL_MODE_FULL,  /* BPF, needs root */
	HDL_MODE_PROXY, /* gateways only, needs nothing */
};

enum hdl_action {
	HDL_ACTION_RUN,
	HDL_ACTION_VALIDATE,
	HDL_ACTION_UNINSTALL,
	HDL_ACTION_HELP,
	HDL_ACTION_VERSION,
	HDL_ACTION_WORKER, /* not for people: the keeper starts its worker process with it */
};

/* Strings belong to argv or are literals. */
struct hdl_options {
	enum hdl_action action;
	enum hdl_mode mode;
	const char *config[HDL_OPTIONS_CONFIGS_MAX];
	size_t config_count;
	const char *node_config; /* NULL = any NodeConfig in --config */
	const char *cgroup;      /* NULL = the cgroup2 mount */
	const char *bpffs, *run_dir;
	const char *access_log; /* NULL = NodeConfig decides; "-" standard output */
	struct hdl_addr admin_address;
	uint16_t admin_port;
	uint32_t workers; /* 0 = one per CPU that the process may use */
	enum hdl_log_level log_level;
	bool log_json, strict;
	int worker_fd;
};

/* 0; -EINVAL with the reason. */
int hdl_options_parse(int argc, char **argv, struct hdl_options *ret, struct hdl_err *err);
void hdl_options_help(struct hdl_buf *buf);
/* Name of the i-th option that people may use, NULL past the end: for the test of the manual page. */
const char *hdl_options_name(size_t i);

#endif
