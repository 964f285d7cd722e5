/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the mesh in a ConfigMap, as Istio keeps them, and which of several documents with settings counts. */
#include "model/meshconfig.h"

#include <errno.h>
#include <string.h>
#include "model/decode.h"
#include "model/kube.h"

#define MAP_NAME "istio"
#define MAP_KEY "mesh"
#define DEFAULT_ROOT "istio-system"

bool hdl_mesh_is_map(const struct hdl_node *object, const char *name)
{
	const struct hdl_node *data = hdl_node_get(object, "data");

	return name && !strcmp(name, MAP_NAME) && data && hdl_node_get(data, MAP_KEY);
}

/* A text that does not stand in lines of its own in the file has one place there. */
static void move_to(struct hdl_node *node, uint32_t line, uint32_t col)
{
	node->line = line;
	node->col = col;
	for (uint32_t i = 0; node->kind != HDL_NODE_SCALAR && i < node->n; i++) {
		if (node->kind == HDL_NODE_LIST) {
			move_to(node->item[i], line, col);
			continue;
		}
		move_to(node->member[i].key, line, col);
		move_to(node->member[i].value, line, col);
	}
}

static bool is_blank(struct hdl_str text)
{
	struct hdl_yaml_stream stream;
	struct hdl_yaml_chunk chunk;

	hdl_yaml_stream_init(&stream, text);
	return !hdl_yaml_stream_next(&stream, &chunk);
}

/* Its own tree, in the scratch arena. */
static void decode_text(struct hdl_decode *d, struct hdl_arena *scratch, const struct hdl_node *text,
			struct hdl_mesh_config *mesh)
{
	struct hdl_yaml_stream stream;
	struct hdl_yaml_error error;
	struct hdl_yaml_chunk chunk;
	struct hdl_node *root;
	int r;

	hdl_yaml_stream_init(&stream, (struct hdl_str){ text->text, text->n });
	stream.next_line = text->line + text->block;
	if (!hdl_yaml_stream_next(&stream, &chunk))
		return;
	r = hdl_yaml_parse_document(scratch, &chunk, &root, &error);
	if (r == -EBADMSG)
		hdl_decode_error(d, (struct hdl_pos){ text->block ? error.line : text->line, error.col }, NULL, "%s",
				 error.text);
	else if (r < 0)
		d->no_memory = true;
	else if (!is_blank(stream.rest))
		hdl_decode_error(d, mesh->pos, NULL, "holds more than one document");
	if (r < 0 || !root)
		return;
	if (!text->block)
		move_to(root, text->line, text->col);
	hdl_decode_message(d, &hdl_schema_mesh_config, root, mesh);
}

int hdl_mesh_decode_map(struct hdl_decode *d, const struct hdl_node *object, struct hdl_config_map *map)
{
	const struct hdl_node *text = hdl_node_get(hdl_node_get(object, "data"), MAP_KEY);
	struct hdl_mesh_config *mesh;
	struct hdl_arena *scratch;
	bool open = d->open;

	/* what is wrong with the value itself was said */
	if (text->kind != HDL_NODE_SCALAR || hdl_node_scalar_type(text) != HDL_SCALAR_STRING)
		return 0;
	mesh = hdl_arena_calloc(d->arena, 1, sizeof(*mesh));
	scratch = hdl_arena_new(0);
	if (!mesh || !scratch) {
		hdl_arena_free(scratch);
		return -ENOMEM;
	}
	mesh->pos = (struct hdl_pos){ text->line, text->col };
	d->open = false;
	d->step[0] = (struct hdl_step){ .name = "data", .kind = HDL_STEP_FIELD };
	d->step[1] = (struct hdl_step){ .name = MAP_KEY, .kind = HDL_STEP_KEY };
	d->steps = 2;
	decode_text(d, scratch, text, mesh);
	d->steps = 0;
	d->open = open;
	map->mesh = mesh;
	hdl_arena_free(scratch);
	return d->no_memory ? -ENOMEM : 0;
}

const struct hdl_mesh_config *hdl_mesh_of(const struct hdl_resource *resource, const char *node_root)
{
	const struct hdl_mesh_config *mesh;
	const char *root;

	if (resource->kind == HDL_KIND_ISTIO_OPERATOR)
		return resource->istio_operator->mesh_config;
	if (resource->kind != HDL_KIND_CONFIG_MAP || !resource->config_map->mesh)
		return NULL;
	mesh = resource->config_map->mesh;
	root = node_root && *node_root                           ? node_root :
	       mesh->root_namespace.s && *mesh->root_namespace.s ? mesh->root_namespace.s :
								   DEFAULT_ROOT;
	return strcmp(resource->ns, root) == 0 ? mesh : NULL;
}

bool hdl_mesh_comes_before(const struct hdl_resource *resource, const struct hdl_resource *other)
{
	return !other || (resource->kind == HDL_KIND_CONFIG_MAP && other->kind != HDL_KIND_CONFIG_MAP);
}

const char *hdl_mesh_field(const struct hdl_resource *resource)
{
	return resource->kind == HDL_KIND_CONFIG_MAP ? "data[\"" MAP_KEY "\"]" : "spec.meshConfig";
}
