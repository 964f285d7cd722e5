/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the privileged half share: a network namespace that stands for the host, and the ip command. */
#ifndef HDL_TESTS_BPF_DP_NET_H
#define HDL_TESTS_BPF_DP_NET_H

#include "unit/unit.h"

#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include "tests/bpf/kernel.h"
#include "base/err.h"

static inline __attribute__((unused, format(printf, 1, 2))) void run(const char *format, ...)
{
	char command[512];
	va_list ap;
	int status;

	va_start(ap, format);
	vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	status = system(command);
	if (status != 0)
		fail_msg("%s: status %d", command, status);
}

/* Whether the output of a command contains text. */
static inline __attribute__((unused)) bool shows(const char *command, const char *text)
{
	FILE *pipe = popen(command, "r");
	char line[1024];
	bool found = false;

	assert_non_null(pipe);
	while (fgets(line, sizeof(line), pipe))
		found = found || strstr(line, text);
	pclose(pipe);
	return found;
}

/* A namespace of its own for each test: links, rules and routes of the machine stay out of it. */
static inline __attribute__((unused)) int fresh_host(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) != 0)
		return -1;
	run("ip link set lo up");
	return 0;
}

#endif
