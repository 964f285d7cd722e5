/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of the maps, decoded: a canonical text of what is in force. */
#ifndef HDL_DP_DUMP_H
#define HDL_DP_DUMP_H

#include "base/buf.h"
#include "dp/publish.h"

/*
 * What a program at the epoch in force reads, by service address and by cluster name, without ids, offsets and epochs:
 * the same configuration gives the same text whatever was published before. publisher gives the names.
 */
void hdl_dp_dump(const struct hdl_dp_maps *maps, const struct hdl_publisher *publisher, struct hdl_buf *buf);

#endif
