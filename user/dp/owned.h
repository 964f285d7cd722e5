/* SPDX-License-Identifier: Apache-2.0 */
/* Small helpers around BPF objects: whose program is it, and the last words of libbpf. */
#ifndef HDL_DP_OWNED_H
#define HDL_DP_OWNED_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

/* Sends what libbpf prints to our log (level debug) and keeps the first warnings since the last call. */
void hdl_dp_libbpf_listen(void);
/* The kept warnings in one line, "" if there were none. Valid until the next hdl_dp_libbpf_listen(). */
const char *hdl_dp_libbpf_said(void);

/* Id of a map by descriptor; 0 on failure. */
uint32_t hdl_dp_map_id(int map_fd);
/* While maps are replaced: a program that uses the former map counts as one that uses this one. */
void hdl_dp_map_stands_for(int map_fd, int former_fd);
/* Whether the program with this id uses the map with that id. */
bool hdl_dp_program_uses(uint32_t program_id, uint32_t map_id);
/* Name of a program by id, "" on failure. */
void hdl_dp_program_name(uint32_t program_id, char name[16]);

#endif
