/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: example texts for regular expressions: bounded, and within the room that there is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plan/preview.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t room = size ? (size_t)data[0] + 1 : 1;
	char *regex = malloc(size > 1 ? size - 1 : 1), *text = malloc(room);

	if (!regex || !text)
		abort();
	/* of exactly its size, so that a byte too far is seen */
	if (size > 1)
		memcpy(regex, data + 1, size - 1);
	if (hdl_preview_sample((struct hdl_str){ regex, size ? size - 1 : 0 }, text, room) && strlen(text) >= room)
		abort();
	free(regex);
	free(text);
	return 0;
}
