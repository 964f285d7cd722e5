/* SPDX-License-Identifier: Apache-2.0 */
/* Analyzers: what is wrong, dangerous or without effect in a set of resources, as messages with a code each. */
#ifndef HDL_ANALYZE_ANALYZE_H
#define HDL_ANALYZE_ANALYZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/diag.h"

struct hdl_resource; /* model/resource.h */

/* In the order of istioctl's output: the worst first. */
enum hdl_an_level { HDL_AN_ERROR, HDL_AN_WARNING, HDL_AN_INFO };

/*
 * Kinds of messages. Those named IST... are istioctl's, with its code, level and wording (specification A.11); those
 * named HDL... are Heddle's own. The rest of each is in the table of codes.c, in this order.
 */
enum hdl_an_type {
	HDL_AN_DEPRECATED,
	HDL_AN_REFERENCE_NOT_FOUND,
	HDL_AN_NAMESPACE_NOT_INJECTED, /* never reported: known, so that --suppress takes the code */
	HDL_AN_SCHEMA_ERROR,
	HDL_AN_MISPLACED_ANNOTATION,
	HDL_AN_UNKNOWN_ANNOTATION,
	HDL_AN_MESH_HOST_CONFLICT,
	HDL_AN_SIDECAR_CONFLICT,
	HDL_AN_SIDECARS_WITHOUT_SELECTOR,
	HDL_AN_PORT_REQUIRED,
	HDL_AN_PORT_NAME,
	HDL_AN_INVALID_ANNOTATION,
	HDL_AN_NO_WORKLOADS,
	HDL_AN_UNVERIFIED_TLS,
	HDL_AN_UNVERIFIED_TLS_PORT,
	HDL_AN_UNREACHABLE_RULE,
	HDL_AN_INEFFECTIVE_MATCH,
	HDL_AN_HOST_NOT_IN_GATEWAY,
	HDL_AN_SCHEMA_WARNING,
	HDL_AN_ADDRESSES_REQUIRED,
	HDL_AN_DEPRECATED_ANNOTATION,
	HDL_AN_DUPLICATE_CERTIFICATE,
	HDL_AN_SUBSET_WITHOUT_EFFECT,
	HDL_AN_GATEWAY_CONFLICT,
	HDL_AN_EXTERNAL_NAME_PORT,
	HDL_AN_INVALID_CREDENTIAL,
	HDL_AN_GATEWAY_PORT,
	HDL_AN_INTERNAL_GATEWAY,
	HDL_AN_NEGATIVE_CONDITION,
	HDL_AN_EMPTY_SUBSET,
	HDL_AN_UNKNOWN_RULE_HOST,
	HDL_AN_ENTRY_PROTOCOLS,

	HDL_AN_RETRY_AMPLIFICATION,
	HDL_AN_OUTER_TIMEOUT,
	HDL_AN_TIMEOUT_BELOW_TRIES,
	HDL_AN_NO_CATCH_ALL,
	HDL_AN_COVERED_RULE,
	HDL_AN_SCATTERED_HOST,
	HDL_AN_LOCALITY_WITHOUT_OUTLIER,
	HDL_AN_EJECTS_ALL,
	HDL_AN_EAGER_EJECTION,
	HDL_AN_UNSAFE_RETRY,
	HDL_AN_NEEDLESS_REGEX,
	HDL_AN_GLOBAL_FAULT,
	HDL_AN_MIRRORED_WRITES,
	HDL_AN_WEIGHTS,
	HDL_AN_UNREGISTERED_HOST,
	HDL_AN_NOT_ENFORCED,
	HDL_AN_LIMIT,
	HDL_AN_PRIORITY_ORDER,
	HDL_AN_EJECTS_NONE,
	HDL_AN_TIMED_FAULT,
	HDL_AN_TYPES,
};

struct hdl_an_code {
	const char *code, *name; /* "IST0101", "ReferencedResourceNotFound" */
	enum hdl_an_level level; /* of its messages, as far as `about` does not say otherwise */
	const char *analyzer;    /* as `-L` lists it */
	const char *format;      /* of the message: %s, %q (in quotes) and %d */
	const char *about;       /* when it is reported, for the documentation */
	const char *remedy;      /* what to do, for the documentation */
};

extern const struct hdl_an_code hdl_an_codes[HDL_AN_TYPES];

struct hdl_an_analyzer {
	const char *name, *about;
};
extern const struct hdl_an_analyzer hdl_an_analyzers[]; /* by name; ends with name NULL */

/* A line of YAML that a message is about. */
struct hdl_an_place {
	const char *file;
	uint32_t line;
	const char *text; /* "spec.http[0].timeout: 1s" */
};

/* All strings live as long as the analysis and the resources. */
struct hdl_an_message {
	enum hdl_an_type type;
	enum hdl_an_level level;
	const struct hdl_resource *resource; /* NULL: about a document that was refused, or a file */
	const char *kind, *ns, *name;        /* NULL as far as they are not known */
	const char *file;
	uint32_t line; /* 0: the file as a whole */
	const char *text;
	const char *suggestion; /* NULL for istioctl's */
	const struct hdl_an_place *places;
	size_t place_count;
};

/* More messages than people can read; further ones are counted. */
#define HDL_AN_MESSAGES_MAX 100000
/* Match blocks of one VirtualService that are compared with one another: it takes the square of the time. */
#define HDL_AN_BLOCKS_MAX 2000
/* Names that one message lists. */
#define HDL_AN_NAMES_MAX 100
/* Hops of a chain of calls. */
#define HDL_AN_CHAIN_MAX 32

/* Memory of the indexes and messages of one analysis. */
#define HDL_AN_BYTES_MAX ((size_t)1 << 30)

struct hdl_an_options {
	/* Chains of calls known beforehand: "a,b,c" is a calls b, b calls c; short names are of default_ns. */
	const char *const *chain;
	size_t chain_count;
	const char *default_ns; /* NULL: "default" */
	int64_t now_s;          /* seconds since 1970, for the validity of certificates; 0: not checked */
	size_t bytes_max;       /* in place of HDL_AN_BYTES_MAX; 0: that */
};

struct hdl_analysis;

/*
 * Resources as accepted, in creation order, and what was said of the documents (may be NULL): both are kept by
 * reference until the analysis is freed. 0 or -ENOMEM, also when HDL_AN_BYTES_MAX is met.
 */
int hdl_analyze(const struct hdl_resource *const *resources, size_t n, const struct hdl_diags *diags,
		const struct hdl_an_options *options, struct hdl_analysis **ret);
struct hdl_analysis *hdl_analysis_free(struct hdl_analysis *analysis); /* accepts NULL, returns NULL */
/* By level, code, origin, text; each once; without those that annotations of the resources suppress. */
size_t hdl_analysis_messages(const struct hdl_analysis *analysis, const struct hdl_an_message **ret);

/* ---- choice and print ---- */

/* "VirtualService default/reviews"; "" when it is not known. */
void hdl_an_origin(const struct hdl_an_message *message, struct hdl_buf *buf);
/* code=ORIGIN with * in ORIGIN, as istioctl's --suppress. */
bool hdl_an_suppressed(const struct hdl_an_message *message, const char *code, const char *pattern);
bool hdl_an_code_known(const char *code);
const char *hdl_an_level_name(enum hdl_an_level level); /* "Error" */
int hdl_an_level_parse(const char *text, enum hdl_an_level *ret);

void hdl_an_print_text(const struct hdl_an_message *message, bool color, struct hdl_buf *buf);
void hdl_an_print_json(const struct hdl_an_message *const *messages, size_t n, struct hdl_buf *buf);
void hdl_an_print_yaml(const struct hdl_an_message *const *messages, size_t n, struct hdl_buf *buf);
void hdl_an_print_analyzers(struct hdl_buf *buf);
/* docs/analyze.md */
void hdl_an_print_markdown(struct hdl_buf *buf);

#endif
