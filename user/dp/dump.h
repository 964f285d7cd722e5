/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of the maps, decoded: a canonical text of what is in force, and single maps as JSON. */
#ifndef HDL_DP_DUMP_H
#define HDL_DP_DUMP_H

#include "base/buf.h"
#include "base/jsonw.h"
#include "dp/publish.h"

/*
 * What a program at the epoch in force reads, by service address and by cluster name, without ids, offsets and epochs:
 * the same configuration gives the same text whatever was published before. publisher gives the names.
 */
void hdl_dp_dump(const struct hdl_dp_maps *maps, const struct hdl_publisher *publisher, struct hdl_buf *buf);

/*
 * One map for `heddlectl maps NAME`: writes the members name, epoch, truncated and entries of an object that the caller
 * has opened. Records that are not in use are left out; offset entries are passed over and at most limit are written.
 * publisher may be NULL (no names then). 0, -ENOENT (no such map), -ENOMEM, or errno of the kernel.
 */
int hdl_dp_dump_map(const struct hdl_dp_maps *maps, const struct hdl_publisher *publisher, const char *name,
		    uint64_t offset, uint64_t limit, struct hdl_jsonw *w);
/* Name of the i-th map that can be dumped; NULL past the end. */
const char *hdl_dp_dump_name(unsigned int i);

#endif
