/* SPDX-License-Identifier: Apache-2.0 */
/* Value tree of one YAML or JSON document, each node with its place in the file. */
#ifndef HDL_CONF_NODE_H
#define HDL_CONF_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hdl_node_kind { HDL_NODE_SCALAR, HDL_NODE_LIST, HDL_NODE_MAP };

/*
 * What a plain scalar means, after the resolver that kubectl uses: "yes" and "on" are booleans, "1.10" is a number. "y"
 * and "n" are strings here, which hdl_node_bool() takes all the same: the field decides.
 */
enum hdl_scalar_type { HDL_SCALAR_NULL, HDL_SCALAR_BOOL, HDL_SCALAR_INT, HDL_SCALAR_FLOAT, HDL_SCALAR_STRING };

struct hdl_node;

struct hdl_node_member {
	struct hdl_node *key; /* always a scalar */
	struct hdl_node *value;
};

/*
 * Owned by the arena of the document and immutable once parsed. An alias is a second pointer to the anchored node, so
 * a walk may meet a node more than once; hdl_yaml_parse_document() has bounded the length of the whole walk.
 */
struct hdl_node {
	enum hdl_node_kind kind;
	bool quoted;        /* scalar: quoted, block style or tagged !!str: a string whatever it looks like */
	bool block;         /* scalar in block style: its lines are lines of the file, behind `line` */
	uint8_t height;     /* levels of the tree from here, aliases followed: 1 for a scalar */
	uint32_t line, col; /* 1-based, col counts characters */
	uint32_t n;         /* elements, members, or bytes of text */
	uint32_t expanded;  /* nodes that a walk from here meets, aliases followed */
	union {
		const char *text; /* NUL-terminated; may hold NUL bytes inside when quoted, then strlen() < n */
		struct hdl_node **item;
		struct hdl_node_member *member; /* in the order of the file, keys unique */
	};
};

/* Value of a member, or NULL when the node is no map or has no such key. */
const struct hdl_node *hdl_node_get(const struct hdl_node *map, const char *key);
enum hdl_scalar_type hdl_node_scalar_type(const struct hdl_node *node); /* node must be a scalar */
static inline bool hdl_node_is_null(const struct hdl_node *node)
{
	return node->kind == HDL_NODE_SCALAR && hdl_node_scalar_type(node) == HDL_SCALAR_NULL;
}
/* 0; -EINVAL not of that type (or an octal or underscored number, which readers disagree about); -ERANGE too large. */
int hdl_node_bool(const struct hdl_node *node, bool *ret);
int hdl_node_int(const struct hdl_node *node, int64_t *ret);
int hdl_node_double(const struct hdl_node *node, double *ret); /* integers too; infinities and NaN are -EINVAL */

#endif
