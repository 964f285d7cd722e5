/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the look-up tables of a snapshot, by service address and by pod address, when services and pods change. */
#ifndef HDL_IR_LOOKUP_H
#define HDL_IR_LOOKUP_H

#include "ir/pmap.h"
#include "ir/snapshot.h"

/* 0 or -ENOMEM. An address and port that another has is left to it. */
int hdl_ir_vips_add(struct hdl_ir_pmap_edit *vips, const struct hdl_ir_service *service);
/* What is another's stays. */
int hdl_ir_vips_remove(struct hdl_ir_pmap_edit *vips, const struct hdl_ir_service *service);
int hdl_ir_addresses_add(struct hdl_ir_pmap_edit *addresses, const struct hdl_ir_workload *workload);
int hdl_ir_addresses_remove(struct hdl_ir_pmap_edit *addresses, const struct hdl_ir_workload *workload);

#endif
