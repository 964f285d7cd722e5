/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of Node, Secret and ConfigMap as the API server has them, and reading of their contents. */
#include "model/check.h"

#include <string.h>
#include "model/names.h"

#define CONTENT_BYTES_MAX (1u << 20) /* of a Secret or ConfigMap, as in Kubernetes */
#define CONTENT_KEYS_MAX 1000        /* bounds the comparison of keys */

/* ---- Node ---- */

static void check_prefix(struct hdl_decode *d, const struct hdl_text *text, const char *field)
{
	if (text->s && *text->s && !hdl_name_is_subnet(text->s))
		hdl_decode_error(d, text->pos, field, "\"%.100s\" is not an address prefix such as 10.244.1.0/24",
				 text->s);
}

void hdl_check_node(struct hdl_decode *d, void *object)
{
	const struct hdl_kube_node *node = object;

	check_prefix(d, &node->pod_cidr, "podCIDR");
	for (size_t i = 0; i < node->pod_cidrs.n; i++)
		check_prefix(d, &node->pod_cidrs.at[i], "podCIDRs");
}

void hdl_check_node_address(struct hdl_decode *d, void *object)
{
	const struct hdl_node_address *address = object;
	bool ip = address->type.s && (!strcmp(address->type.s, "InternalIP") || !strcmp(address->type.s, "ExternalIP"));

	if (ip && address->address.s && !hdl_name_is_ip(address->address.s))
		hdl_decode_error(d, address->address.pos, "address", "\"%.100s\" is not an address",
				 address->address.s);
}

struct hdl_locality_names hdl_node_locality(const struct hdl_kvs *labels)
{
	const char *region = hdl_kvs_get(labels, "topology.kubernetes.io/region");
	const char *zone = hdl_kvs_get(labels, "topology.kubernetes.io/zone");
	const char *subzone = hdl_kvs_get(labels, "topology.istio.io/subzone");

	/* the names before Kubernetes 1.17 */
	if (!region)
		region = hdl_kvs_get(labels, "failure-domain.beta.kubernetes.io/region");
	if (!zone)
		zone = hdl_kvs_get(labels, "failure-domain.beta.kubernetes.io/zone");
	return (struct hdl_locality_names){ region ? region : "", zone ? zone : "", subzone ? subzone : "" };
}

/* ---- contents ---- */

static bool is_content_key(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > 253 || !strcmp(s, ".") || !strncmp(s, "..", 2))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= 'A' && s[i] <= 'Z') && !(s[i] >= '0' && s[i] <= '9') &&
		    !strchr("-_.", s[i]))
			return false;
	return true;
}

static void check_key(struct hdl_decode *d, struct hdl_pos pos, const char *key, const char *field)
{
	if (key && !is_content_key(key))
		hdl_decode_error(d, pos, field, "\"%.100s\" is not a key: letters, digits, '-', '_' and '.'", key);
}

/* Checks the keys; returns the bytes of all values. */
static size_t check_texts(struct hdl_decode *d, const struct hdl_kvs *texts, const char *field)
{
	size_t bytes = 0;

	for (size_t i = 0; i < texts->n; i++) {
		check_key(d, texts->at[i].pos, texts->at[i].key, field);
		bytes += texts->at[i].value ? strlen(texts->at[i].value) : 0;
	}
	return bytes;
}

static size_t check_bytes(struct hdl_decode *d, const struct hdl_kbytes_list *list, const char *field)
{
	size_t bytes = 0;

	for (size_t i = 0; i < list->n; i++) {
		check_key(d, list->at[i].pos, list->at[i].key, field);
		bytes += list->at[i].n;
	}
	return bytes;
}

static void check_contents(struct hdl_decode *d, struct hdl_pos pos, size_t keys, size_t bytes)
{
	if (bytes > CONTENT_BYTES_MAX)
		hdl_decode_error(d, pos, NULL, "holds %zu bytes, at most %u are allowed", bytes, CONTENT_BYTES_MAX);
	if (keys > CONTENT_KEYS_MAX)
		hdl_decode_error(d, pos, NULL, "has %zu keys, at most %d are allowed", keys, CONTENT_KEYS_MAX);
}

static struct hdl_str find(const struct hdl_kvs *texts, const struct hdl_kbytes_list *list, const char *key)
{
	const char *text = hdl_kvs_get(texts, key);

	for (size_t i = 0; i < list->n && !text; i++)
		if (!strcmp(list->at[i].key, key))
			return (struct hdl_str){ (const char *)list->at[i].at, list->at[i].n };
	return hdl_str_of(text);
}

struct hdl_str hdl_secret_get(const struct hdl_secret *secret, const char *key)
{
	return find(&secret->string_data, &secret->data, key);
}

struct hdl_str hdl_config_map_get(const struct hdl_config_map *config_map, const char *key)
{
	return find(&config_map->data, &config_map->binary_data, key);
}

void hdl_check_secret(struct hdl_decode *d, void *object)
{
	static const char *const tls[] = { "tls.crt", "tls.key" };
	const struct hdl_secret *secret = object;
	size_t bytes = check_bytes(d, &secret->data, "data") + check_texts(d, &secret->string_data, "stringData");

	check_contents(d, secret->pos, secret->data.n + secret->string_data.n, bytes);
	if (!hdl_decode_clean(d) || !secret->type.s || strcmp(secret->type.s, "kubernetes.io/tls"))
		return;
	for (size_t i = 0; i < sizeof(tls) / sizeof(tls[0]); i++)
		if (!hdl_secret_get(secret, tls[i]).p)
			hdl_decode_error(d, secret->pos, "data", "needs %s for type kubernetes.io/tls", tls[i]);
}

void hdl_check_config_map(struct hdl_decode *d, void *object)
{
	const struct hdl_config_map *map = object;
	size_t bytes = check_texts(d, &map->data, "data") + check_bytes(d, &map->binary_data, "binaryData");

	check_contents(d, map->pos, map->data.n + map->binary_data.n, bytes);
	for (size_t i = 0; i < map->binary_data.n && hdl_decode_clean(d); i++)
		if (hdl_kvs_get(&map->data, map->binary_data.at[i].key))
			hdl_decode_error(d, map->binary_data.at[i].pos, "binaryData",
					 "the key \"%.100s\" is in data too", map->binary_data.at[i].key);
}
