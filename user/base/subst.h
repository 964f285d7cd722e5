/* SPDX-License-Identifier: Apache-2.0 */
/* Envoy's substitution commands in header values (specification B.5): the list of them, and their parser. */
#ifndef HDL_BASE_SUBST_H
#define HDL_BASE_SUBST_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* X(ID, name, argument): argument NONE, HEADER ("(name?alternative)", required) or TIME ("(format)", optional) */
/* clang-format off */
#define HDL_SUBST_COMMANDS(X) \
	X(REQ, "REQ", HEADER) X(RESP, "RESP", HEADER) X(START_TIME, "START_TIME", TIME) X(PROTOCOL, "PROTOCOL", NONE) \
	X(HOSTNAME, "HOSTNAME", NONE) X(REQUESTED_SERVER_NAME, "REQUESTED_SERVER_NAME", NONE) \
	X(ROUTE_NAME, "ROUTE_NAME", NONE) X(RESPONSE_CODE, "RESPONSE_CODE", NONE) \
	X(RESPONSE_CODE_DETAILS, "RESPONSE_CODE_DETAILS", NONE) X(RESPONSE_FLAGS, "RESPONSE_FLAGS", NONE) \
	X(BYTES_RECEIVED, "BYTES_RECEIVED", NONE) X(DURATION, "DURATION", NONE) \
	X(DOWNSTREAM_REMOTE_ADDRESS, "DOWNSTREAM_REMOTE_ADDRESS", NONE) \
	X(DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT, "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", NONE) \
	X(DOWNSTREAM_REMOTE_PORT, "DOWNSTREAM_REMOTE_PORT", NONE) \
	X(DOWNSTREAM_DIRECT_REMOTE_ADDRESS, "DOWNSTREAM_DIRECT_REMOTE_ADDRESS", NONE) \
	X(DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT, "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", NONE) \
	X(DOWNSTREAM_DIRECT_REMOTE_PORT, "DOWNSTREAM_DIRECT_REMOTE_PORT", NONE) \
	X(DOWNSTREAM_LOCAL_ADDRESS, "DOWNSTREAM_LOCAL_ADDRESS", NONE) \
	X(DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT, "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", NONE) \
	X(DOWNSTREAM_LOCAL_PORT, "DOWNSTREAM_LOCAL_PORT", NONE) \
	X(UPSTREAM_HOST, "UPSTREAM_HOST", NONE) X(UPSTREAM_REMOTE_ADDRESS, "UPSTREAM_REMOTE_ADDRESS", NONE) \
	X(UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT, "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", NONE) \
	X(UPSTREAM_REMOTE_PORT, "UPSTREAM_REMOTE_PORT", NONE) \
	X(UPSTREAM_LOCAL_ADDRESS, "UPSTREAM_LOCAL_ADDRESS", NONE) \
	X(UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT, "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", NONE) \
	X(UPSTREAM_LOCAL_PORT, "UPSTREAM_LOCAL_PORT", NONE) X(UPSTREAM_CLUSTER, "UPSTREAM_CLUSTER", NONE) \
	X(UPSTREAM_CLUSTER_RAW, "UPSTREAM_CLUSTER_RAW", NONE) \
	X(UPSTREAM_REQUEST_ATTEMPT_COUNT, "UPSTREAM_REQUEST_ATTEMPT_COUNT", NONE) \
	X(UPSTREAM_TRANSPORT_FAILURE_REASON, "UPSTREAM_TRANSPORT_FAILURE_REASON", NONE)
/* clang-format on */

enum hdl_subst_command {
	HDL_SUBST_LITERAL,
#define X(id, name, argument) HDL_SUBST_##id,
	HDL_SUBST_COMMANDS(X)
#undef X
};

/* A piece of a value; the slices point into the text that was parsed. */
struct hdl_subst_part {
	uint8_t command;        /* enum hdl_subst_command */
	uint32_t bytes_max;     /* ":n" behind REQ and RESP; 0 = all */
	struct hdl_str text;    /* literal; name of a header as written; format of a time, "" = the default */
	struct hdl_str instead; /* the second header of "name?instead"; "" = none */
};

/*
 * Takes the first part off *rest: 1; 0 at the end; -EINVAL with what is wrong and, for an unknown command, what there is.
 * `%%` is a literal percent sign. err may be NULL.
 */
int hdl_subst_next(struct hdl_str *rest, struct hdl_subst_part *ret, struct hdl_err *err);
/* "REQ"; "" for a literal. */
struct hdl_str hdl_subst_name(unsigned int command);
/* 0 or -EINVAL, for a whole value. err may be NULL. */
int hdl_subst_check(struct hdl_str value, struct hdl_err *err);

#endif
