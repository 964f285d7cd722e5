/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP status codes and the reason phrases that Envoy writes. */
#ifndef HDL_HTTP_STATUS_H
#define HDL_HTTP_STATUS_H

#include "base/str.h"

/* "OK"; "Unknown" for a code without a registered phrase. */
struct hdl_str hdl_http_status_reason(unsigned int status);

#endif
