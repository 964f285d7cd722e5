/* SPDX-License-Identifier: Apache-2.0 */
/* Route, per-try and gRPC timeouts. */
#include "policy/timeout.h"

#include <errno.h>

int hdl_grpc_timeout_parse(struct hdl_str text, uint64_t *ret_ns)
{
	static const struct {
		char unit;
		uint64_t ns;
	} units[] = { { 'H', 3600000000000 }, { 'M', 60000000000 }, { 'S', 1000000000 },
		      { 'm', 1000000 },       { 'u', 1000 },        { 'n', 1 } };
	uint64_t n;

	if (text.n < 2 || text.n > 9)
		return -EINVAL;
	if (hdl_str_u64((struct hdl_str){ text.p, text.n - 1 }, 99999999, &n) < 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (units[i].unit == text.p[text.n - 1]) {
			*ret_ns = n * units[i].ns;
			return 0;
		}
	}
	return -EINVAL;
}

struct hdl_timeouts hdl_timeouts_of(const struct hdl_ir_http_route *route, struct hdl_str grpc_timeout)
{
	struct hdl_timeouts t = { route->timeout_ns, route->retry.per_try_timeout_ns };
	uint64_t asked;

	if (grpc_timeout.n && hdl_grpc_timeout_parse(grpc_timeout, &asked) == 0 && asked > 0 &&
	    (t.global_ns == 0 || asked < t.global_ns))
		t.global_ns = asked;
	if (t.global_ns && t.per_try_ns >= t.global_ns)
		t.per_try_ns = 0;
	return t;
}

uint64_t hdl_timeouts_expected_ms(const struct hdl_timeouts *timeouts, uint64_t elapsed_ns)
{
	uint64_t ns = timeouts->per_try_ns ? timeouts->per_try_ns : timeouts->global_ns, left;

	elapsed_ns -= elapsed_ns % 1000000; /* whole milliseconds, as Envoy counts */
	if (ns == 0)
		return 0;
	if (timeouts->global_ns) {
		left = elapsed_ns < timeouts->global_ns ? timeouts->global_ns - elapsed_ns : 0;
		if (left < ns)
			ns = left;
	}
	/* 0 would read as "no timeout". */
	return ns < 1000000 ? 1 : ns / 1000000;
}

size_t hdl_grpc_timeout_capped(const struct hdl_timeouts *timeouts, struct hdl_str grpc_timeout,
			       char text[static HDL_GRPC_TIMEOUT_BYTES])
{
	uint64_t asked, value = timeouts->global_ns / 1000000;
	char unit = 'm', digits[8];
	size_t n = 0, at = 0;

	if (hdl_grpc_timeout_parse(grpc_timeout, &asked) < 0 || timeouts->global_ns == 0)
		return 0;
	if (asked > 0 && asked <= timeouts->global_ns) /* 0 = none, as Envoy reads it */
		return 0;
	if (value > 99999999) {
		value /= 1000;
		unit = 'S';
	}
	if (value > 99999999)
		return 0;
	do
		digits[n++] = (char)('0' + value % 10);
	while (value /= 10);
	while (n > 0)
		text[at++] = digits[--n];
	text[at++] = unit;
	return at;
}
