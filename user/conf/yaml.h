/* SPDX-License-Identifier: Apache-2.0 */
/* YAML 1.1/1.2 and JSON text to value trees, document by document, bounded and with positions. */
#ifndef HDL_CONF_YAML_H
#define HDL_CONF_YAML_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/str.h"
#include "conf/node.h"

/* Limits on what a file may ask of us; each refusal names the limit. */
#define HDL_YAML_MAX_FILE_BYTES (64u << 20)     /* time of one read of a file */
#define HDL_YAML_MAX_DOCUMENTS 1000000u         /* per file: each costs a parser */
#define HDL_YAML_MAX_DOCUMENT_BYTES (10u << 20) /* memory and time of one parse */
#define HDL_YAML_MAX_DEPTH 64                   /* recursion of every walk over the tree */
#define HDL_YAML_MAX_NODES 1000000u             /* per document, aliases followed: alias bombs */

struct hdl_yaml_error {
	uint32_t line, col; /* 1-based */
	char text[400];     /* without the position */
};

/* One document of a stream as a slice of the file's text. */
struct hdl_yaml_chunk {
	struct hdl_str text;
	uint32_t index;      /* 0-based, empty documents count */
	uint32_t first_line; /* 1-based line of the file at which text begins */
};

struct hdl_yaml_stream {
	struct hdl_str rest;
	uint32_t next_index, next_line;
};

/*
 * Cuts a file into its documents. A line that begins with "---" or "..." ends a document wherever YAML is well formed,
 * so the cut needs no parser, and an error in one document hides neither those before nor those after it.
 */
void hdl_yaml_stream_init(struct hdl_yaml_stream *stream, struct hdl_str text);
bool hdl_yaml_stream_next(struct hdl_yaml_stream *stream, struct hdl_yaml_chunk *ret);

/*
 * Parses one document. 0 and *ret_root (NULL for an empty or comments-only document). -EBADMSG: refused, *ret_error
 * says why and where. -ENOMEM. The nodes live in the arena; what a refused document took of it stays taken.
 */
int hdl_yaml_parse_document(struct hdl_arena *arena, const struct hdl_yaml_chunk *chunk, struct hdl_node **ret_root,
			    struct hdl_yaml_error *ret_error);

struct hdl_yaml_document {
	const char *file;
	const struct hdl_yaml_chunk *chunk;
	struct hdl_node *root;              /* NULL when error is set */
	const struct hdl_yaml_error *error; /* NULL when the document is good */
};

/* Not 0 ends the parse with that value. May reset the arena: the document is not used again. */
typedef int hdl_yaml_document_fn(void *data, const struct hdl_yaml_document *document);

/*
 * Calls each() for every document of the file in order, also for the refused ones, not for empty ones. 0, -EFBIG (over
 * HDL_YAML_MAX_FILE_BYTES, nothing was read), -ENOMEM, or what each() returned.
 */
int hdl_yaml_parse(struct hdl_arena *arena, const char *file, struct hdl_str text, hdl_yaml_document_fn *each,
		   void *data);

#endif
