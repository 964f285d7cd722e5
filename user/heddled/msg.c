/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding and checking of the messages between keeper and worker process. */
#include "heddled/msg.h"

#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "heddled/options.h"

struct shape {
	const char *name;
	enum hdl_msg_side side;
	uint32_t bytes;
	unsigned int fds_min, fds_max;
};

static bool find_shape(uint32_t type, struct shape *ret)
{
	switch (type) {
#define SHAPE(number, name_, side_, body, min, max)                                                                  \
	case number:                                                                                                 \
		*ret = (struct shape){ #name_, HDL_MSG_##side_, (uint32_t)sizeof(struct hdl_msg_##body), min, max }; \
		return true;
		HDL_MSGS(SHAPE)
#undef SHAPE
	default:
		return false;
	}
}

const char *hdl_msg_name(uint32_t type)
{
	struct shape shape;

	return find_shape(type, &shape) ? shape.name : NULL;
}

static bool text_ok(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static unsigned int bits(uint32_t mask)
{
	return (unsigned int)__builtin_popcount(mask);
}

static const char *check_hello(const struct hdl_msg_hello *hello)
{
	if (hello->mode > HDL_MODE_PROXY || hello->log_level > HDL_LOG_DEBUG)
		return "mode or log level out of range";
	if (hello->worker_count == 0 || hello->worker_count > HDL_WORKERS_MAX)
		return "number of workers out of range";
	return text_ok(hello->access_log, sizeof(hello->access_log)) && text_ok(hello->bpffs, sizeof(hello->bpffs)) ?
		       NULL :
		       "path without end";
}

static const char *check_file(const struct hdl_msg *msg)
{
	const struct hdl_msg_config_file *file = &msg->config_file;
	unsigned int expected = file->error || file->same || file->gone ? 0 : 1;

	if (!text_ok(file->path, sizeof(file->path)) || file->path[0] == '\0')
		return "path without end or empty";
	if (file->kind > HDL_MSG_FILE_NODE || file->error < 0 || file->same > 1 || file->gone > 1)
		return "value out of range";
	return msg->fd_count == expected ? NULL : "number of descriptors";
}

static const char *check_present(const struct hdl_msg *msg, uint32_t present, unsigned int most)
{
	if (most < 32 && present >> most)
		return "unknown descriptor";
	return msg->fd_count == bits(present) ? NULL : "number of descriptors";
}

static const char *check_listeners(const struct hdl_msg *msg)
{
	if (msg->listeners.worker >= HDL_WORKERS_MAX)
		return "worker out of range";
	return check_present(msg, msg->listeners.present, HDL_FAMILIES);
}

static const char *check_access_log(const struct hdl_msg *msg)
{
	if (!text_ok(msg->access_log.path, sizeof(msg->access_log.path)))
		return "path without end";
	if (msg->type == HDL_MSG_ACCESS_LOG_PATH)
		return msg->access_log.error == 0 ? NULL : "value out of range";
	if (msg->access_log.error < 0 || (msg->access_log.error && msg->fd_count))
		return "value out of range";
	return NULL;
}

static const char *check_gateway(const struct hdl_msg *msg)
{
	const struct hdl_msg_gateway *gateway = &msg->gateway;

	if (gateway->port == 0 || gateway->error < 0)
		return "value out of range";
	if (msg->type != HDL_MSG_GATEWAY_SOCKET)
		return gateway->worker == 0 && gateway->error == 0 ? NULL : "value out of range";
	if (gateway->worker >= HDL_WORKERS_MAX)
		return "worker out of range";
	return msg->fd_count == (gateway->error ? 0 : 1) ? NULL : "number of descriptors";
}

static const char *check_setup(const struct hdl_msg_setup *setup)
{
	if (setup->packet_mask == 0 || setup->packet_mark == 0 || (setup->packet_mark & ~setup->packet_mask))
		return "mark outside its mask";
	/* 0, 253 to 255 are the kernel's own tables */
	if (setup->route_table == 0 || (setup->route_table >= 253 && setup->route_table <= 255))
		return "routing table of the system";
	if (setup->capacity_services > 1u << 24 || setup->capacity_endpoints > 1u << 24 ||
	    setup->capacity_flows > 1u << 26)
		return "capacity over the limit";
	if (setup->sockmap > 1)
		return "value out of range";
	return setup->drain_timeout_ms <= 3600 * 1000 ? NULL : "drain time over an hour";
}

static const char *check_pods(const struct hdl_msg_pods *pods)
{
	if (pods->count > HDL_MSG_PODS_MAX || pods->more > 1 || pods->first > HDL_MSG_POD_ADDRESSES_MAX ||
	    pods->first + pods->count > HDL_MSG_POD_ADDRESSES_MAX)
		return "too many addresses";
	for (uint32_t i = 0; i < pods->count; i++)
		if (hdl_addr_is_zero(&pods->address[i]))
			return "empty address";
	return NULL;
}

static const char *check_interfaces(const struct hdl_msg_interfaces *interfaces)
{
	if (interfaces->count > HDL_MSG_PATTERNS_MAX)
		return "too many patterns";
	if (interfaces->punt > 1 || interfaces->redirect > 1 || interfaces->packet_path > HDL_MSG_PACKETS_OFF)
		return "no such value";
	for (uint32_t i = 0; i < interfaces->count; i++)
		if (!text_ok(interfaces->pattern[i], HDL_MSG_NAME_MAX) || interfaces->pattern[i][0] == '\0')
			return "pattern without end or empty";
	return NULL;
}

static const char *check_edge(const struct hdl_msg_edge *edge)
{
	if (edge->count > HDL_MSG_EDGES_MAX || edge->xdp > HDL_MSG_XDP_OFF)
		return "no such value";
	if (edge->port_first < 1024 || edge->port_last < edge->port_first)
		return "source ports out of range";
	for (uint32_t i = 0; i < edge->count; i++)
		if (!text_ok(edge->name[i], HDL_MSG_EDGE_NAME_MAX) || edge->name[i][0] == '\0')
			return "name without end or empty";
	return NULL;
}

static const char *check_text(const struct hdl_msg_text *text)
{
	if (text->kind > HDL_MSG_TEXT_HOOK || text->in_force > 1)
		return "value out of range";
	return text_ok(text->name, sizeof(text->name)) && text_ok(text->detail, sizeof(text->detail)) ?
		       NULL :
		       "text without end";
}

static const char *check_failed(const struct hdl_msg_failed *failed)
{
	if (failed->status != 1 && failed->status != 3)
		return "exit status out of range";
	return text_ok(failed->text, sizeof(failed->text)) ? NULL : "text without end";
}

/* NULL, or what is wrong with the content. */
static const char *check(const struct hdl_msg *msg)
{
	switch (msg->type) {
	case HDL_MSG_HELLO:
		return check_hello(&msg->hello);
	case HDL_MSG_CONFIG_FILE:
		return check_file(msg);
	case HDL_MSG_MAPS:
		return check_present(msg, msg->maps.present, HDL_MSG_MAP_FDS);
	case HDL_MSG_LISTENERS:
		return check_listeners(msg);
	case HDL_MSG_ADMIN:
		return check_present(msg, msg->admin.present, 2);
	case HDL_MSG_STATE:
		return check_present(msg, msg->state.present, 2);
	case HDL_MSG_CONFIG_BEGIN:
		return msg->config_mark.partial > 1 ? "value out of range" : NULL;
	case HDL_MSG_ACCESS_LOG:
	case HDL_MSG_ACCESS_LOG_PATH:
		return check_access_log(msg);
	case HDL_MSG_POD:
	case HDL_MSG_POD_GONE:
		return msg->pod.netns_cookie ? NULL : "no cookie";
	case HDL_MSG_GATEWAY_SOCKET:
	case HDL_MSG_GATEWAY_LISTEN:
	case HDL_MSG_GATEWAY_CLOSE:
		return check_gateway(msg);
	case HDL_MSG_TEXT:
		return check_text(&msg->text);
	case HDL_MSG_SETUP:
		return check_setup(&msg->setup);
	case HDL_MSG_PODS:
		return check_pods(&msg->pods);
	case HDL_MSG_INTERFACES:
		return check_interfaces(&msg->interfaces);
	case HDL_MSG_EDGE:
		return check_edge(&msg->edge);
	case HDL_MSG_FAILED:
		return check_failed(&msg->failed);
	default:
		return NULL;
	}
}

static int check_all(const struct hdl_msg *msg, const struct shape *shape, enum hdl_msg_side side, int code,
		     struct hdl_err *err)
{
	const char *wrong;

	if (shape->side != side)
		return hdl_err_set(err, code, "message %s goes the other way", shape->name);
	if (msg->fd_count < shape->fds_min || msg->fd_count > shape->fds_max)
		return hdl_err_set(err, code, "message %s with %u descriptors", shape->name, msg->fd_count);
	wrong = check(msg);
	if (wrong)
		return hdl_err_set(err, code, "message %s: %s", shape->name, wrong);
	return 0;
}

int hdl_msg_encode(const struct hdl_msg *msg, enum hdl_msg_side to, void *wire, size_t size, struct hdl_err *err)
{
	struct hdl_msg_header header = { .version = HDL_MSG_VERSION, .type = (uint16_t)msg->type };
	struct shape shape;
	int r;

	if (!find_shape(msg->type, &shape))
		return hdl_err_set(err, -EINVAL, "unknown message %u", msg->type);
	r = check_all(msg, &shape, to, -EINVAL, err);
	if (r < 0)
		return r;
	if (sizeof(header) + shape.bytes > size)
		return hdl_err_set(err, -EINVAL, "message %s does not fit the buffer", shape.name);
	header.body_bytes = shape.bytes;
	memcpy(wire, &header, sizeof(header));
	memcpy((char *)wire + sizeof(header), &msg->nothing, shape.bytes);
	return (int)(sizeof(header) + shape.bytes);
}

int hdl_msg_decode(const void *wire, size_t n, const int *fds, unsigned int fd_count, enum hdl_msg_side at,
		   struct hdl_msg *ret, struct hdl_err *err)
{
	struct hdl_msg_header header;
	struct hdl_msg msg = { 0 };
	struct shape shape;
	int r;

	if (n < sizeof(header))
		return hdl_err_set(err, -EPROTO, "message of %zu bytes", n);
	memcpy(&header, wire, sizeof(header));
	if (header.version != HDL_MSG_VERSION)
		return hdl_err_set(err, -EPROTO, "message of version %u, expected %u", header.version, HDL_MSG_VERSION);
	if (!find_shape(header.type, &shape))
		return hdl_err_set(err, -EPROTO, "unknown message %u", header.type);
	if (header.body_bytes != shape.bytes || n != sizeof(header) + shape.bytes)
		return hdl_err_set(err, -EPROTO, "message %s of %zu bytes, expected %zu", shape.name, n,
				   sizeof(header) + shape.bytes);
	if (fd_count > HDL_MSG_FDS_MAX)
		return hdl_err_set(err, -EPROTO, "message %s with %u descriptors", shape.name, fd_count);
	msg.type = header.type;
	msg.fd_count = fd_count;
	for (unsigned int i = 0; i < fd_count; i++)
		msg.fd[i] = fds[i];
	memcpy(&msg.nothing, (const char *)wire + sizeof(header), shape.bytes);
	r = check_all(&msg, &shape, at, -EPROTO, err);
	if (r == 0)
		*ret = msg;
	return r;
}

int hdl_msg_set_text(char *field, size_t size, const char *text)
{
	size_t n = strlen(text);

	if (n >= size)
		return -ENAMETOOLONG;
	memset(field, 0, size);
	memcpy(field, text, n);
	return 0;
}
