/* SPDX-License-Identifier: Apache-2.0 */
/* One object of a document to a typed resource: its kind, its metadata, its table. */
#include "model/resource.h"

#include <errno.h>
#include <string.h>
#include "model/decode.h"
#include "model/meshconfig.h"
#include "model/names.h"

const char *hdl_kind_name(enum hdl_kind kind)
{
	return hdl_kind_schemas[kind].name;
}

const char *hdl_kvs_get(const struct hdl_kvs *kvs, const char *key)
{
	for (size_t i = 0; i < kvs->n; i++)
		if (!strcmp(kvs->at[i].key, key))
			return kvs->at[i].value;
	return NULL;
}

/* Text of a member that is a string, or NULL. */
static const char *member_text(const struct hdl_node *map, const char *key)
{
	const struct hdl_node *node = map ? hdl_node_get(map, key) : NULL;

	if (!node || node->kind != HDL_NODE_SCALAR || hdl_node_scalar_type(node) != HDL_SCALAR_STRING ||
	    strlen(node->text) != node->n)
		return NULL;
	return node->text;
}

/* The part of apiVersion before the slash is the group, of "v1" it is "". */
static bool group_is(const char *api_version, const char *group)
{
	const char *slash = strchr(api_version, '/');
	size_t n = slash ? (size_t)(slash - api_version) : 0;

	return strlen(group) == n && !memcmp(api_version, group, n);
}

static bool version_is_read(const struct hdl_kind_schema *schema, const char *api_version)
{
	const char *slash = strchr(api_version, '/'), *version = slash ? slash + 1 : api_version;

	for (const char *const *v = schema->versions; *v; v++)
		if (!strcmp(*v, version))
			return true;
	return false;
}

/*
 * Kinds of Istio and the Gateway API that this version does not read. What else has their groups is a slip, or the
 * beginning of a name in a file that is still being written, and must not take away what is in force.
 */
static const char *const istio_others[] = { "WorkloadGroup", "EnvoyFilter", "ProxyConfig", NULL };
static const char *const gateway_api_others[] = {
	"ListenerSet", "XListenerSet", "XBackendTrafficPolicy", "BackendTrafficPolicy", "BackendLBPolicy", "XMesh", NULL
};
static const char *const none[] = { NULL };

static bool is_slip(const char *kind, const char *api_version)
{
	const char *const *other = group_is(api_version, "networking.istio.io")       ? istio_others :
				   group_is(api_version, "gateway.networking.k8s.io") ? gateway_api_others :
				   group_is(api_version, "heddle.io")                 ? none :
											NULL;

	while (other && *other && strcmp(*other, kind))
		other++;
	return other && !*other;
}

/* No object is without metadata: a name that ends too early, or whose API group does. */
static bool is_cut_off(const struct hdl_node *node, const char *kind)
{
	for (size_t i = 0; i < HDL_KINDS; i++)
		if (!strncmp(hdl_kind_schemas[i].name, kind, strlen(kind)))
			return !hdl_node_get(node, "metadata");
	return false;
}

/* 0, 1 a kind that is not read, -EINVAL no kind or apiVersion, or no such kind. */
static int find_kind(const struct hdl_node *node, enum hdl_kind *ret, const char **ret_api_version)
{
	const char *kind = member_text(node, "kind"), *api_version = member_text(node, "apiVersion");

	if (!kind || !api_version || !*kind || !*api_version)
		return -EINVAL;
	for (size_t i = 0; i < HDL_KINDS; i++)
		if (!strcmp(hdl_kind_schemas[i].name, kind) && group_is(api_version, hdl_kind_schemas[i].group)) {
			*ret = (enum hdl_kind)i;
			*ret_api_version = api_version;
			return 0;
		}
	return is_slip(kind, api_version) || is_cut_off(node, kind) ? -EINVAL : 1;
}

static const char *namespace_of(const struct hdl_kind_schema *schema, const char *ns)
{
	return !schema->namespaced ? "" : ns && *ns ? ns : "default";
}

/*
 * Name of an object whose kind may do without metadata, else NULL. One that has no spec either may be a file that is
 * still being written.
 */
static const char *name_without_metadata(const struct hdl_node *node, enum hdl_kind kind)
{
	const struct hdl_node *metadata = hdl_node_get(node, "metadata"), *spec = hdl_node_get(node, "spec");

	if ((metadata && !hdl_node_is_null(metadata)) || !spec || hdl_node_is_null(spec))
		return NULL;
	return hdl_kind_schemas[kind].default_name;
}

int hdl_model_identify(struct hdl_arena *arena, const struct hdl_node *node, struct hdl_object_id *ret_id)
{
	const struct hdl_node *metadata = hdl_node_get(node, "metadata");
	const char *api_version, *name = member_text(metadata, "name");
	struct hdl_object_id id;
	int r = find_kind(node, &id.kind, &api_version);

	if (r)
		return r;
	if (!name)
		name = name_without_metadata(node, id.kind);
	if (!name || !*name)
		return -EINVAL;
	id.name = hdl_arena_strdup(arena, name);
	id.ns = hdl_arena_strdup(arena, namespace_of(&hdl_kind_schemas[id.kind], member_text(metadata, "namespace")));
	if (!id.name || !id.ns)
		return -ENOMEM;
	*ret_id = id;
	return 0;
}

/* ---- lists ---- */

static const struct hdl_node *items_of(const struct hdl_node *root)
{
	const char *kind = member_text(root, "kind"), *api_version = member_text(root, "apiVersion");
	const struct hdl_node *items;

	if (!kind || strcmp(kind, "List") || !api_version || strcmp(api_version, "v1"))
		return NULL;
	items = hdl_node_get(root, "items");
	return items && items->kind == HDL_NODE_LIST ? items : NULL;
}

size_t hdl_model_items(const struct hdl_node *root)
{
	const struct hdl_node *items = items_of(root);

	return items ? items->n : 1;
}

const struct hdl_node *hdl_model_item(const struct hdl_node *root, size_t i)
{
	const struct hdl_node *items = items_of(root);

	return items ? items->item[i] : root;
}

/* ---- decoding ---- */

static void decode_metadata(struct hdl_decode *d, const struct hdl_node *node, enum hdl_kind kind,
			    struct hdl_metadata *metadata)
{
	const struct hdl_node *member = hdl_node_get(node, "metadata");
	struct hdl_pos pos = { node->line, node->col };

	metadata->name.s = name_without_metadata(node, kind);
	if (metadata->name.s)
		return;
	if (!member || hdl_node_is_null(member)) {
		hdl_decode_error(d, pos, "metadata", "is required: the name of the object");
		return;
	}
	d->step[0] = (struct hdl_step){ .name = "metadata", .kind = HDL_STEP_FIELD };
	d->steps = 1;
	hdl_decode_message(d, &hdl_schema_metadata, member, metadata);
	d->steps = 0;
}

static void refuse_kind(struct hdl_decode *d, const struct hdl_node *node, const char *api_version)
{
	const struct hdl_node *kind = hdl_node_get(node, "kind");
	struct hdl_pos pos = { kind->line, kind->col };
	const char *near = NULL;
	size_t best = 3 + 1;

	for (size_t i = 0; i < HDL_KINDS; i++) {
		size_t distance = hdl_name_distance(kind->text, hdl_kind_schemas[i].name, 3);

		if (group_is(api_version, hdl_kind_schemas[i].group) && distance < best) {
			best = distance;
			near = hdl_kind_schemas[i].name;
		}
	}
	if (near)
		hdl_decode_error(d, pos, "kind", "%.60s has no kind %.60s; did you mean %s?", api_version, kind->text,
				 near);
	else
		hdl_decode_error(d, pos, "kind", "%.60s has no kind %.60s", api_version, kind->text);
}

static int refuse_shape(struct hdl_decode *d, const struct hdl_node *node)
{
	const char *kind = member_text(node, "kind"), *api_version = member_text(node, "apiVersion");
	struct hdl_pos pos = { node->line, node->col };

	if (node->kind != HDL_NODE_MAP)
		hdl_decode_error(d, pos, NULL, "is not an object: a map with apiVersion, kind and metadata is needed");
	else if (!kind || !*kind)
		hdl_decode_error(d, pos, "kind", "is required: the kind of the object");
	else if (!api_version || !*api_version)
		hdl_decode_error(d, pos, "apiVersion", "is required: the API group and version of the object");
	else
		refuse_kind(d, node, api_version);
	return d->no_memory ? -ENOMEM : -EINVAL;
}

/* Kinds of others are none of our business, but rules for traffic that do nothing must not go unnoticed. */
static void report_skipped(struct hdl_decode *d, const struct hdl_node *node)
{
	const struct hdl_node *kind = hdl_node_get(node, "kind");
	const char *api_version = member_text(node, "apiVersion");

	if (group_is(api_version, "networking.istio.io") || group_is(api_version, "gateway.networking.k8s.io"))
		hdl_decode_warning(d, (struct hdl_pos){ kind->line, kind->col }, "kind",
				   "%.60s of %.60s is not read by this version: the object is skipped", kind->text,
				   api_version);
}

static int refuse_version(struct hdl_decode *d, const struct hdl_node *node, const struct hdl_kind_schema *schema)
{
	const struct hdl_node *version = hdl_node_get(node, "apiVersion");
	struct hdl_pos pos = { version->line, version->col };
	struct hdl_buf known = { .limit_bytes = 256 };

	for (const char *const *v = schema->versions; *v; v++)
		hdl_buf_printf(&known, "%s%s", known.n ? ", " : "", *v);
	hdl_decode_error(d, pos, "apiVersion", "version %.60s of %s is not read; read are: %s", version->text,
			 schema->name, known.p ? known.p : "");
	hdl_buf_done(&known);
	return d->no_memory ? -ENOMEM : -EINVAL;
}

static void fill(struct hdl_resource *resource, const struct hdl_decode *d, struct hdl_metadata *metadata,
		 const struct hdl_node *node, const void *spec)
{
	resource->ns = namespace_of(&hdl_kind_schemas[resource->kind], metadata->ns.s);
	metadata->ns.s = *resource->ns ? resource->ns : NULL;
	resource->metadata = metadata;
	resource->name = metadata->name.s;
	resource->pos = (struct hdl_pos){ node->line, node->col };
	resource->labels = metadata->labels;
	resource->annotations = metadata->annotations;
	resource->file = d->where.file;
	resource->spec = spec;
}

static int decode_object(struct hdl_decode *d, const struct hdl_node *node, struct hdl_resource *resource)
{
	const struct hdl_kind_schema *schema = &hdl_kind_schemas[resource->kind];
	struct hdl_metadata *metadata = hdl_arena_alloc(d->arena, sizeof(*metadata));
	void *object = hdl_arena_alloc(d->arena, schema->message->size);

	if (!metadata || !object)
		return -ENOMEM;
	d->open = schema->open;
	/* also what is wrong inside metadata is said of the object */
	d->where.name = member_text(hdl_node_get(node, "metadata"), "name");
	d->where.ns = namespace_of(schema, member_text(hdl_node_get(node, "metadata"), "namespace"));
	decode_metadata(d, node, resource->kind, metadata);
	d->metadata = metadata;
	d->where.name = metadata->name.s;
	d->where.ns = namespace_of(schema, metadata->ns.s);
	hdl_decode_message(d, schema->message, node, object);
	if (resource->kind == HDL_KIND_CONFIG_MAP && hdl_mesh_is_map(node, d->where.name) &&
	    hdl_mesh_decode_map(d, node, object) < 0)
		return -ENOMEM;
	if (d->no_memory)
		return -ENOMEM;
	if (d->errors)
		return -EINVAL;
	fill(resource, d, metadata, node, object);
	return 0;
}

int hdl_model_decode(struct hdl_arena *arena, const struct hdl_source *source, const struct hdl_node *node,
		     struct hdl_resource **ret_resource, struct hdl_diags *diags)
{
	struct hdl_decode d = { .arena = arena, .diags = diags, .where.file = source->file };
	struct hdl_resource *resource;
	const char *api_version;
	enum hdl_kind kind;
	int r = node->kind == HDL_NODE_MAP ? find_kind(node, &kind, &api_version) : -EINVAL;

	if (r == 1) {
		report_skipped(&d, node);
		return d.no_memory ? -ENOMEM : 1;
	}
	if (r < 0)
		return refuse_shape(&d, node);
	d.where.kind = hdl_kind_schemas[kind].name;
	if (!version_is_read(&hdl_kind_schemas[kind], api_version)) {
		const struct hdl_node *metadata = hdl_node_get(node, "metadata");

		d.where.name = member_text(metadata, "name");
		d.where.ns = namespace_of(&hdl_kind_schemas[kind], member_text(metadata, "namespace"));
		return refuse_version(&d, node, &hdl_kind_schemas[kind]);
	}
	resource = hdl_arena_alloc(arena, sizeof(*resource));
	if (!resource)
		return -ENOMEM;
	resource->kind = kind;
	resource->document = source->document;
	resource->order = (uint64_t)source->document << 32 | source->item;
	resource->api_version = hdl_arena_strdup(arena, api_version);
	if (source->file && !source->stays)
		d.where.file = hdl_arena_strdup(arena, source->file);
	if (!resource->api_version || (source->file && !d.where.file))
		return -ENOMEM;
	r = decode_object(&d, node, resource);
	if (r == 0)
		*ret_resource = resource;
	return r;
}
