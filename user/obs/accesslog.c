/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers access-log lines and writes them out without ever waiting for a reader. */
#include "obs/accesslog.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "obs/accessline.h"

struct hdl_accesslog {
	struct hdl_stats *stats;
	struct hdl_access_format *format;
	int fd;
	bool json;
	bool regular;     /* a file: write() does not wait for anybody */
	bool line_broken; /* the last write ended within a line */
	size_t n;
	struct hdl_access_stamp stamp;
	char buf[HDL_ACCESSLOG_BYTES_MAX];
};

struct hdl_accesslog *hdl_accesslog_new(struct hdl_stats *stats)
{
	struct hdl_accesslog *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	if (hdl_access_format_new("", &log->format, NULL) < 0) {
		free(log);
		return NULL;
	}
	log->stats = stats;
	log->fd = -1;
	return log;
}

void hdl_accesslog_free(struct hdl_accesslog *log)
{
	if (!log)
		return;
	hdl_accesslog_set_fd(log, -1);
	hdl_access_format_free(log->format);
	free(log);
}

void hdl_accesslog_set_fd(struct hdl_accesslog *log, int fd)
{
	struct stat st;

	if (log->fd >= 0) {
		hdl_accesslog_flush(log);
		close(log->fd);
	}
	log->fd = fd;
	log->n = 0;
	log->line_broken = false;
	log->regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

void hdl_accesslog_set_format(struct hdl_accesslog *log, struct hdl_access_format *format, bool json)
{
	log->json = json;
	if (!format && hdl_access_format_new("", &format, NULL) < 0)
		return; /* out of memory: the former format is better than none */
	hdl_access_format_free(log->format);
	log->format = format;
}

bool hdl_accesslog_is_on(const struct hdl_accesslog *log)
{
	return log->fd >= 0;
}

bool hdl_accesslog_pending(const struct hdl_accesslog *log)
{
	return log->n > 0;
}

static void lose_lines(struct hdl_accesslog *log, const char *p, size_t n)
{
	for (const char *end = p + n; p && p < end; p = memchr(p, '\n', (size_t)(end - p)), p = p ? p + 1 : NULL)
		hdl_stat_inc(&log->stats->access_log_lines_dropped);
}

/* How much may be written now: a pipe takes PIPE_BUF bytes at once when poll() says so. */
static size_t writable_bytes(const struct hdl_accesslog *log, size_t n)
{
	struct pollfd p = { .fd = log->fd, .events = POLLOUT };

	if (log->regular)
		return n;
	if (poll(&p, 1, 0) <= 0 || !(p.revents & (POLLOUT | POLLERR)))
		return 0;
	return n < PIPE_BUF ? n : PIPE_BUF;
}

void hdl_accesslog_flush(struct hdl_accesslog *log)
{
	size_t at = 0;

	while (log->fd >= 0 && at < log->n) {
		size_t n = writable_bytes(log, log->n - at);
		ssize_t written;

		if (n == 0)
			break;
		written = write(log->fd, log->buf + at, n);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno == EAGAIN)
			break;
		if (written <= 0) {
			/* A full disk must cost lines, not requests: drop what waits. */
			hdl_stat_inc(&log->stats->access_log_write_errors);
			lose_lines(log, log->buf + at, log->n - at);
			log->line_broken = at > 0 ? log->buf[at - 1] != '\n' : log->line_broken;
			at = log->n;
			break;
		}
		at += (size_t)written;
		log->line_broken = log->buf[at - 1] != '\n';
	}
	if (at > 0) {
		memmove(log->buf, log->buf + at, log->n - at);
		log->n -= at;
	}
}

void hdl_accesslog_write(struct hdl_accesslog *log, const struct hdl_access_record *record)
{
	size_t n;

	if (log->fd < 0)
		return;
	for (int attempt = 0; attempt < 2; attempt++) {
		char *p = log->buf + log->n;
		size_t room = sizeof(log->buf) - log->n;

		/* After a line that was cut by a write error the next one must begin on its own. */
		if (log->n == 0 && log->line_broken) {
			*p++ = '\n';
			room--;
		}
		n = log->json ? hdl_access_line_json(record, &log->stamp, p, room) :
				hdl_access_line_text(log->format, record, &log->stamp, p, room);
		if (n > 0) {
			log->line_broken = false;
			log->n = (size_t)(p - log->buf) + n;
			hdl_stat_inc(&log->stats->access_log_lines);
			if (log->n >= HDL_ACCESSLOG_FLUSH_BYTES)
				hdl_accesslog_flush(log);
			return;
		}
		if (log->n == 0)
			break;
		hdl_accesslog_flush(log);
	}
	if (log->n == 0)
		hdl_stat_inc(&log->stats->limit_access_log_line);
	hdl_stat_inc(&log->stats->access_log_lines_dropped);
}
