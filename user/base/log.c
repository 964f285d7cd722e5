/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines on stderr: built on the stack, written at once, with control characters escaped against forged lines. */
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/jsonw.h"

#define MESSAGE_MAX 2048
#define LINE_MAX_BYTES (4 * MESSAGE_MAX + 256) /* every byte may become \xNN */

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static char process_name[32] = "heddle";
/* atomic: NodeConfig may change the level while workers log */
static _Atomic int current_level = HDL_LOG_INFO;
static _Atomic bool as_json;
static _Atomic unsigned long lost_lines; /* since the last one that got through */

void hdl_log_setup(const char *process, enum hdl_log_level level, bool json)
{
	snprintf(process_name, sizeof(process_name), "%s", process);
	atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
	atomic_store_explicit(&as_json, json, memory_order_relaxed);
}

int hdl_log_level_parse(const char *name, enum hdl_log_level *ret)
{
	for (int i = 0; i <= HDL_LOG_DEBUG; i++) {
		if (name && strcmp(name, level_names[i]) == 0) {
			*ret = (enum hdl_log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool hdl_log_enabled(enum hdl_log_level level)
{
	return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

static void print_time(char *text, size_t size)
{
	struct timespec now = { 0 };
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, size - n, ".%06ldZ", now.tv_nsec / 1000);
}

/*
 * Never waits for whoever reads stderr: a pipe takes PIPE_BUF bytes at once when poll() says so. A reader that stands
 * costs lines, which are counted, not service.
 */
static bool write_line(const char *line, size_t n)
{
	while (n > 0) {
		struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };
		ssize_t written;

		if (poll(&room, 1, 0) <= 0 || !(room.revents & (POLLOUT | POLLERR)))
			return false;
		written = write(STDERR_FILENO, line, n < PIPE_BUF ? n : PIPE_BUF);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		line += written;
		n -= (size_t)written;
	}
	return true;
}

static size_t escape(char *out, const char *message)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)message; *p; p++) {
		if (*p >= 0x20 && *p != 0x7f) {
			out[n++] = (char)*p;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[*p >> 4];
		out[n++] = hex[*p & 15];
	}
	return n;
}

static void log_text(enum hdl_log_level level, const char *time, const char *message)
{
	char line[LINE_MAX_BYTES];
	size_t n;

	n = (size_t)snprintf(line, 256, "%s %s %s ", time, level_names[level], process_name);
	n += escape(line + n, message);
	line[n++] = '\n';
	if (!write_line(line, n))
		atomic_fetch_add(&lost_lines, 1);
}

/* False when memory is out: the text form needs none. */
static bool log_json(enum hdl_log_level level, const char *time, const char *message)
{
	struct hdl_buf buf = { 0 };
	struct hdl_jsonw w;
	bool written = false;

	hdl_jsonw_init(&w, &buf, false);
	hdl_jsonw_object(&w);
	hdl_jsonw_kstr(&w, "time", time);
	hdl_jsonw_kstr(&w, "level", level_names[level]);
	hdl_jsonw_kstr(&w, "process", process_name);
	hdl_jsonw_kstr(&w, "msg", message);
	hdl_jsonw_object_end(&w);
	hdl_buf_adds(&buf, "\n");
	if (!buf.failed) {
		if (!write_line(buf.p, buf.n))
			atomic_fetch_add(&lost_lines, 1);
		written = true;
	}
	hdl_buf_done(&buf);
	return written;
}

static void log_message(enum hdl_log_level level, const char *message)
{
	char time[40];

	print_time(time, sizeof(time));
	if (!atomic_load_explicit(&as_json, memory_order_relaxed) || !log_json(level, time, message))
		log_text(level, time, message);
}

/* Before the next line that can be written. */
static void report_lost(void)
{
	struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };
	unsigned long n;
	char message[80];

	if (atomic_load_explicit(&lost_lines, memory_order_relaxed) == 0 || poll(&room, 1, 0) <= 0 ||
	    !(room.revents & POLLOUT))
		return;
	n = atomic_exchange(&lost_lines, 0);
	if (n == 0)
		return;
	snprintf(message, sizeof(message), "%lu lines of this log were lost: nobody read stderr", n);
	log_message(HDL_LOG_WARN, message);
}

void hdl_log(enum hdl_log_level level, const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	int saved_errno = errno; /* callers log first and return -errno afterwards */
	va_list ap;
	int n;

	if (!hdl_log_enabled(level))
		return;
	va_start(ap, fmt);
	n = vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	if (n < 0)
		snprintf(message, sizeof(message), "unprintable message: %.100s", fmt);
	else if ((size_t)n >= sizeof(message))
		memcpy(message + sizeof(message) - 4, "...", 4);
	report_lost();
	log_message(level, message);
	errno = saved_errno;
}
