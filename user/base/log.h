/* SPDX-License-Identifier: Apache-2.0 */
/* Log of the daemon: logfmt-like text or JSON lines on stderr. Thread-safe: one write(2) per line. */
#ifndef HDL_BASE_LOG_H
#define HDL_BASE_LOG_H

#include <stdbool.h>

enum hdl_log_level { HDL_LOG_ERROR, HDL_LOG_WARN, HDL_LOG_INFO, HDL_LOG_DEBUG };

/* process: "keeper", "worker", ...: printed on each line. */
void hdl_log_setup(const char *process, enum hdl_log_level level, bool json);
/* 0, or -EINVAL for an unknown name (error, warn, info, debug). */
int hdl_log_level_parse(const char *name, enum hdl_log_level *ret);
bool hdl_log_enabled(enum hdl_log_level level);
void hdl_log(enum hdl_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define hdl_log_error(...) hdl_log(HDL_LOG_ERROR, __VA_ARGS__)
#define hdl_log_warn(...) hdl_log(HDL_LOG_WARN, __VA_ARGS__)
#define hdl_log_info(...) hdl_log(HDL_LOG_INFO, __VA_ARGS__)
#define hdl_log_debug(...)                                   \
	do {                                                 \
		if (hdl_log_enabled(HDL_LOG_DEBUG))          \
			hdl_log(HDL_LOG_DEBUG, __VA_ARGS__); \
	} while (0)

#endif
