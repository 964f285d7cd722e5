/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: level filter, text and JSON form, no forged lines, one write each, errno kept. */
#include "unit/unit.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char captured[1 << 20];
static int saved_stderr, memory_fd;

static void begin_capture(void)
{
	fflush(stderr);
	saved_stderr = dup(STDERR_FILENO);
	memory_fd = memfd_create("log", 0);
	assert_true(saved_stderr >= 0 && memory_fd >= 0);
	/* a memfd has no atomic file position as a file on disk has one; appending is atomic on both */
	assert_int_equal(fcntl(memory_fd, F_SETFL, O_APPEND), 0);
	dup2(memory_fd, STDERR_FILENO);
}

static const char *end_capture(void)
{
	ssize_t n;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	n = pread(memory_fd, captured, sizeof(captured) - 1, 0);
	close(memory_fd);
	assert_true(n >= 0);
	captured[n] = '\0';
	return captured;
}

static void assert_ends(const char *line, const char *tail)
{
	assert_true(strlen(line) >= strlen(tail));
	assert_string_equal(line + strlen(line) - strlen(tail), tail);
}

static void test_levels(void **state)
{
	enum hdl_log_level level = HDL_LOG_WARN;

	(void)state;
	assert_int_equal(hdl_log_level_parse("debug", &level), 0);
	assert_int_equal(level, HDL_LOG_DEBUG);
	assert_int_equal(hdl_log_level_parse("error", &level), 0);
	assert_int_equal(level, HDL_LOG_ERROR);
	assert_int_equal(hdl_log_level_parse("INFO", &level), -EINVAL);
	assert_int_equal(hdl_log_level_parse("", &level), -EINVAL);
	assert_int_equal(hdl_log_level_parse(NULL, &level), -EINVAL);
	assert_int_equal(level, HDL_LOG_ERROR);

	hdl_log_setup("worker", HDL_LOG_WARN, false);
	assert_true(hdl_log_enabled(HDL_LOG_ERROR) && hdl_log_enabled(HDL_LOG_WARN));
	assert_false(hdl_log_enabled(HDL_LOG_INFO));
	begin_capture();
	hdl_log_info("not %s", "seen");
	hdl_log_debug("not seen");
	assert_string_equal(end_capture(), "");
}

static void test_text(void **state)
{
	int year, month, day, hour, minute, second, n = 0;

	(void)state;
	hdl_log_setup("keeper", HDL_LOG_INFO, false);
	begin_capture();
	errno = ENOENT;
	hdl_log_info("loaded %d files", 3);
	assert_int_equal(errno, ENOENT);
	end_capture();
	assert_int_equal(sscanf(captured, "%4d-%2d-%2dT%2d:%2d:%2d.%*6dZ%n", &year, &month, &day, &hour, &minute,
				&second, &n),
			 6);
	assert_int_equal(n, 27);
	assert_string_equal(captured + n, " info keeper loaded 3 files\n");
}

static void test_no_forged_lines(void **state)
{
	(void)state;
	hdl_log_setup("worker", HDL_LOG_INFO, false);
	begin_capture();
	hdl_log_error("path %s", "/a\n2024 error keeper \x1b[31m\x7f");
	assert_ends(end_capture(), " error worker path /a\\x0a2024 error keeper \\x1b[31m\\x7f\n");
	assert_ptr_equal(strchr(captured, '\n'), captured + strlen(captured) - 1);
}

static void test_json(void **state)
{
	(void)state;
	hdl_log_setup("worker", HDL_LOG_INFO, true);
	begin_capture();
	hdl_log_warn("a \"b\"\n\xff");
	end_capture();
	assert_memory_equal(captured, "{\"time\":\"", 9);
	assert_ends(captured,
		    "Z\",\"level\":\"warn\",\"process\":\"worker\",\"msg\":\"a \\\"b\\\"\\n\xef\xbf\xbd\"}\n");
}

static void test_long_message_is_cut(void **state)
{
	char longer[10000];

	(void)state;
	memset(longer, '\n', sizeof(longer) - 1); /* the worst case of escaping */
	longer[sizeof(longer) - 1] = '\0';
	hdl_log_setup("a process name longer than the space that it has", HDL_LOG_INFO, false);
	begin_capture();
	hdl_log_error("%s", longer);
	assert_ends(end_capture(), "\\x0a\\x0a...\n");
	assert_true(strlen(captured) < 8600);
}

static void *log_many(void *argument)
{
	for (int i = 0; i < 500; i++)
		hdl_log_info("%s %d", (const char *)argument, i);
	return NULL;
}

static void test_threads_do_not_mix_lines(void **state)
{
	pthread_t threads[4];
	int lines = 0;

	(void)state;
	hdl_log_setup("worker", HDL_LOG_INFO, false);
	begin_capture();
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_many, (void *)"thread message"), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	end_capture();
	for (char *line = captured, *end; *line; line = end + 1, lines++) {
		end = strchr(line, '\n');
		assert_non_null(end);
		assert_memory_equal(line + 27, " info worker thread message ", 28);
	}
	assert_int_equal(lines, 2000);
}

/* A pipe that nobody reads costs lines, and says how many once it is read again. */
static void test_full_pipe_does_not_wait(void **state)
{
	int saved = dup(STDERR_FILENO), fds[2];
	ssize_t n, total = 0;

	(void)state;
	hdl_log_setup("worker", HDL_LOG_INFO, false);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	/* blocking, as the pipe of a supervisor is */
	assert_int_equal(fcntl(fds[1], F_SETFL, 0), 0);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 8192) >= 8192);
	dup2(fds[1], STDERR_FILENO);
	for (int i = 0; i < 2000; i++)
		hdl_log_info("line %d", i);
	while ((n = read(fds[0], captured, sizeof(captured))) > 0)
		total += n;
	hdl_log_info("after");
	n = read(fds[0], captured, sizeof(captured) - 1);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[0]);
	close(fds[1]);
	assert_true(total > 0 && n > 0);
	captured[n] = '\0';
	assert_non_null(strstr(captured, " warn worker "));
	assert_non_null(strstr(captured, " lines of this log were lost: nobody read stderr\n"));
	assert_ends(captured, " info worker after\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_no_forged_lines),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_long_message_is_cut),
		cmocka_unit_test(test_threads_do_not_mix_lines),
		cmocka_unit_test(test_full_pipe_does_not_wait),
	};

	return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
