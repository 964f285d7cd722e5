/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the message types. */
#include "http/message.h"

struct hdl_str hdl_http_version_text(enum hdl_http_version version)
{
	switch (version) {
	case HDL_HTTP_1_0:
		return HDL_STR("HTTP/1.0");
	case HDL_HTTP_2:
		return HDL_STR("HTTP/2");
	default:
		return HDL_STR("HTTP/1.1");
	}
}
