/* SPDX-License-Identifier: Apache-2.0 */
/* Programs without which the data plane does less, but works: what a kernel refuses of them is left out. */
#ifndef HDL_DP_OPTIONAL_H
#define HDL_DP_OPTIONAL_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stddef.h>

#define HDL_OPTIONAL_GROUPS 3

/* One bit for each group of programs that go together. */
typedef unsigned int hdl_optional_set;

/* The group of the program that libbpf said the kernel refused; 0 = none of them: it is needed. */
hdl_optional_set hdl_optional_refused(const char *libbpf_said);
/* Leaves the programs of these groups out of an object that is not loaded yet. */
void hdl_optional_leave_out(struct bpf_object *object, hdl_optional_set groups);
/* What is not there, for a person: "packet path; edge by XDP". */
void hdl_optional_describe(hdl_optional_set groups, char *ret, size_t size);

#endif
