/* SPDX-License-Identifier: Apache-2.0 */
/* Builder of value trees, fed by a parser from the outside in; private to this layer. */
#ifndef HDL_CONF_BUILD_H
#define HDL_CONF_BUILD_H

#include "conf/yaml.h"

/* An anchor is found by walking the list; 256 keep the dearest document (all aliases) under a second. */
#define HDL_YAML_MAX_ANCHORS 256

struct hdl_place {
	uint32_t line, col; /* of the file, 1-based */
};

struct hdl_build_frame {
	struct hdl_node *node;
	size_t base;     /* first child on the stack of children */
	uint8_t height;  /* of the highest child */
	uint32_t anchor; /* index + 1 of the anchor that names the node, 0: none */
};

struct hdl_build_anchor {
	const char *name;
	struct hdl_node *node;
	bool open; /* still being built: an alias to it would be a cycle */
};

struct hdl_build {
	struct hdl_arena *arena;
	struct hdl_yaml_error *error;
	struct hdl_build_frame frame[HDL_YAML_MAX_DEPTH];
	unsigned int depth;
	struct hdl_node **child; /* children of all open containers, innermost last; keys and values alternate */
	size_t children, capacity;
	struct hdl_build_anchor anchor[HDL_YAML_MAX_ANCHORS];
	uint32_t anchors;
	uint64_t expanded;
	struct hdl_node *root;
};

/* NULL when out of memory. */
struct hdl_build *hdl_build_new(struct hdl_arena *arena, struct hdl_yaml_error *error);
struct hdl_build *hdl_build_free(struct hdl_build *b);

/* Fills the error. Returns -EBADMSG, as all below do for what is refused; else they return 0 or -ENOMEM. */
int hdl_build_refuse(struct hdl_build *b, struct hdl_place at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
enum hdl_build_style { HDL_BUILD_PLAIN, HDL_BUILD_QUOTED, HDL_BUILD_BLOCK };

/* tag and anchor may be NULL. The text is copied. */
int hdl_build_scalar(struct hdl_build *b, struct hdl_place at, struct hdl_str text, enum hdl_build_style style,
		     const char *tag, const char *anchor);
/* The same with a text that is in the arena already and ends with NUL. */
int hdl_build_own_scalar(struct hdl_build *b, struct hdl_place at, struct hdl_str text, bool quoted);
int hdl_build_open(struct hdl_build *b, struct hdl_place at, bool map, const char *tag, const char *anchor);
int hdl_build_close(struct hdl_build *b);
int hdl_build_alias(struct hdl_build *b, struct hdl_place at, const char *name);

/* Of json.c: 0; 1 the text is not JSON and nothing is said about it; -EBADMSG; -ENOMEM. */
int hdl_json_build(struct hdl_build *b, struct hdl_str text, uint32_t first_line);

#endif
