/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the packet parser of the tc and XDP programs, which is the same source, on frames of any content. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "heddle/core/tables_user.h"
#include "bpf/lib/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

#define HDL_FUZZ_ALIGN 2

/* What was read lies within the frame, and where it is said to. */
static void check(const struct hdl_packet *packet, const uint8_t *frame, size_t size)
{
	__be16 ports[2];

	require(packet->family < HDL_FAMILIES && packet->kind <= HDL_PACKET_ERROR);
	require(packet->network >= ETH_HLEN && packet->transport >= packet->network + 20);
	/* of a later fragment over 64 KiB nothing behind the addresses is looked at */
	require(packet->transport <= size || (packet->kind == HDL_PACKET_LATER && packet->length == 0));
	require(packet->length == 0 || packet->network + packet->length <= size || packet->kind == HDL_PACKET_ERROR);
	if (packet->kind != HDL_PACKET_WHOLE && packet->kind != HDL_PACKET_FIRST)
		return;
	memcpy(ports, frame + packet->transport, sizeof(ports));
	require(packet->source_port == ports[0] && packet->destination_port == ports[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hdl_packet packet = { .family = 0 }, inner = { .family = 0 };
	struct hdl_cursor cursor;
	uint8_t *memory, *frame;
	int result;

	if (size == 0 || size > 65536)
		return 0;
	/* of the exact size: a byte too far is seen; IP headers lie at words, as in the kernel (NET_IP_ALIGN) */
	memory = malloc(size + HDL_FUZZ_ALIGN);
	if (!memory)
		abort();
	frame = memory + HDL_FUZZ_ALIGN;
	memcpy(frame, data, size);
	cursor = (struct hdl_cursor){ .at = frame, .end = frame + size };
	result = hdl_parse_head(&cursor, (__u32)size, &packet);
	if (result == HDL_PARSE_QUOTE) {
		result = hdl_parse_error(&cursor, &packet, &inner);
		require(result != 0 || (packet.kind == HDL_PACKET_ERROR && inner.transport + 4 <= size));
	} else if (result == 0) {
		check(&packet, frame, size);
	}
	require(result == 0 || result == HDL_PARSE_SHORT || result == HDL_PARSE_OTHER);
	free(memory);
	return 0;
}
