/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: syntax and overlap of host names; two of them are parted by a line end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check(const char *s)
{
	size_t n = strlen(s);
	bool host = hdl_name_is_host(s, false), wildcard = hdl_name_is_host(s, true);

	require(!host || (wildcard && n <= 255 && !strchr(s, '*')));
	require(!wildcard || (n > 0 && n <= 255 && !strchr(s, '/') && !strchr(s, ' ')));
	require(!hdl_name_is_namespace(s) || (hdl_name_is_label(s) && hdl_name_is_subdomain(s)));
	require(!hdl_name_is_label(s) || hdl_name_is_label_value(s));
	require(!hdl_name_is_label_key(s) || n <= 253 + 1 + 63);
	require(!hdl_name_is_ip(s) || hdl_name_is_subnet(s));
	require(hdl_name_distance(s, s, 3) == 0 || n > 64);
	require(!wildcard || hdl_name_hosts_overlap(s, s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *a = malloc(size + 1), *b;

	if (!a)
		abort();
	if (size)
		memcpy(a, data, size);
	a[size] = '\0';
	b = strchr(a, '\n');
	if (b)
		*b++ = '\0';
	check(a);
	if (b) {
		check(b);
		require(hdl_name_hosts_overlap(a, b) == hdl_name_hosts_overlap(b, a));
		require(hdl_name_distance(a, b, 3) == hdl_name_distance(b, a, 3));
		/* a name below the suffix of a wildcard is covered by it */
		if (a[0] == '*' && a[1] == '.' && hdl_name_is_host(a, true) && hdl_name_is_host(b, false) &&
		    strlen(b) > strlen(a) && !strcmp(b + strlen(b) - strlen(a + 1), a + 1))
			require(hdl_name_hosts_overlap(a, b));
	}
	free(a);
	return 0;
}
