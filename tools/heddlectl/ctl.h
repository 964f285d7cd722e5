/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of heddlectl share: options, exit statuses, requests to the daemon, output. */
#ifndef HDL_HEDDLECTL_CTL_H
#define HDL_HEDDLECTL_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CTL_OK = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

#define CTL_FILES_MAX 64

enum ctl_format { CTL_TEXT, CTL_JSON, CTL_YAML };

struct ctl {
	const char *run_dir;
	enum ctl_format format;
	const char *fqdn, *port, *subset, *name, *from; /* filters; NULL = none */
	const char *cluster;                            /* of endpoint eject|restore; NULL = all */
	const char *ns;                                 /* namespace; NULL = all */
	const char *file[CTL_FILES_MAX];                /* of -f: work on these, without a daemon */
	size_t file_count;
	const char *against;    /* of plan: files in place of what the daemon has; NULL = the daemon */
	bool whole, overlay;    /* of plan: what PATH means */
	unsigned int timeout_s; /* of wait */
	uint64_t answer_ns;     /* how long one answer may take; 0 = the usual */
	int argc;               /* words behind the command */
	char **argv;
};

/*
 * One request over the daemon's socket. body NULL: GET, otherwise POST with that JSON. On success (any HTTP status with
 * a JSON body) 0 with *ret_status and *ret (caller decrefs). Negative errno with the reason in why otherwise:
 * -ENOENT, -ECONNREFUSED and -EACCES mean that no daemon could be reached.
 */
int ctl_request(const struct ctl *ctl, const char *path, json_t *body, int *ret_status, json_t **ret, char *why,
		size_t why_size);

/* As ctl_request(), but tells the user what failed and what to do. NULL then. */
json_t *ctl_ask(const struct ctl *ctl, const char *path, json_t *body);

/* Prints value as JSON or YAML. */
int ctl_print_value(const struct ctl *ctl, const json_t *value);

/* Columns of text, each as wide as its widest cell, two blanks apart; the last one is not padded. */
struct ctl_table;
struct ctl_table *ctl_table_new(const char *const *headings, size_t columns);
void ctl_table_cell(struct ctl_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ctl_table_print(struct ctl_table *table); /* and frees it */

/* Members of a JSON object with a default: "" and 0 when absent or of another type. */
const char *ctl_str(const json_t *object, const char *key);
long long ctl_int(const json_t *object, const char *key);
bool ctl_bool(const json_t *object, const char *key);

int ctl_status(struct ctl *ctl);
int ctl_proxy_status(struct ctl *ctl);
int ctl_proxy_config(struct ctl *ctl);
int ctl_config(struct ctl *ctl);
int ctl_config_show(struct ctl *ctl);
int ctl_analyze(struct ctl *ctl);
int ctl_maps(struct ctl *ctl);
int ctl_endpoint(struct ctl *ctl);
int ctl_wait(struct ctl *ctl);
int ctl_reload(struct ctl *ctl);
int ctl_drain(struct ctl *ctl);
int ctl_plan(struct ctl *ctl);
int ctl_history(struct ctl *ctl);
int ctl_rollback(struct ctl *ctl);
int ctl_log(struct ctl *ctl);
int ctl_why(struct ctl *ctl);
int ctl_top(struct ctl *ctl);

/*
 * Adds memory_bytes to rows of /api/v1/maps whose map is pinned in bpffs (all: rows for the other pinned maps too).
 * Returns the sum of all maps.
 */
long long ctl_add_memory(json_t *rows, const char *bpffs, bool all);

/* One of the events of /api/v1/events as a line. */
void ctl_print_event(const json_t *event);
/* Behind the '=' of a query: everything but letters, digits and -._*|: as %XX. */
struct hdl_buf;
void ctl_add_encoded(struct hdl_buf *path, const char *value);

#endif
