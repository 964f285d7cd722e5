/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: what hdl_duration_parse accepts, hdl_duration_print writes so that it reads back as the same. */
#include <stdlib.h>

#include "base/duration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hdl_buf buf = { 0 };
	int64_t ns, again;

	if (hdl_duration_parse((struct hdl_str){ (const char *)data, size }, &ns) < 0)
		return 0;
	hdl_duration_print(&buf, ns);
	if (hdl_duration_parse((struct hdl_str){ buf.p, buf.n }, &again) < 0 || again != ns)
		abort();
	hdl_buf_done(&buf);
	return 0;
}
