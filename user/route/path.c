/* SPDX-License-Identifier: Apache-2.0 */
/* The path by which routes are asked (specification B.1). */
#include "http/path.h"
#include "route/table.h"

int hdl_route_path(const struct hdl_ir_node *node, struct hdl_str path, struct hdl_str *ret)
{
	static const enum hdl_http_normalization of[] = {
		[HDL_IR_NORMALIZE_BASE] = HDL_HTTP_NORMALIZE_BASE,
		[HDL_IR_NORMALIZE_NONE] = HDL_HTTP_NORMALIZE_NONE,
		[HDL_IR_NORMALIZE_MERGE_SLASHES] = HDL_HTTP_NORMALIZE_MERGE_SLASHES,
		[HDL_IR_NORMALIZE_DECODE_AND_MERGE_SLASHES] = HDL_HTTP_NORMALIZE_DECODE_AND_MERGE_SLASHES,
	};

	return hdl_http_path_normalize_as(path, of[node->path_normalization], ret);
}
