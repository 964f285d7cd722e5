/* SPDX-License-Identifier: Apache-2.0 */
/* Finds libxdp and its functions. */
#include "dp/libxdp.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include "base/log.h"

#define LIBRARY "libxdp.so.1"

static struct hdl_libxdp functions;
static bool looked, found, without;

/* What it has to say about ways that do not work is no news: the caller tries the next, and says which one it took. */
static int quiet(int level, const char *format, va_list arguments)
{
	char line[256];

	(void)level;
	vsnprintf(line, sizeof(line), format, arguments);
	line[strcspn(line, "\n")] = '\0';
	hdl_log_debug("libxdp: %s", line);
	return 0;
}

static bool look(void *library)
{
	static const struct {
		const char *name;
		size_t at;
	} names[] = {
		{ "xdp_program__from_bpf_obj", offsetof(struct hdl_libxdp, from_bpf_obj) },
		{ "xdp_program__attach", offsetof(struct hdl_libxdp, attach) },
		{ "xdp_program__detach", offsetof(struct hdl_libxdp, detach) },
		{ "xdp_program__close", offsetof(struct hdl_libxdp, close) },
		{ "xdp_program__id", offsetof(struct hdl_libxdp, id) },
		{ "xdp_multiprog__get_from_ifindex", offsetof(struct hdl_libxdp, get_from_ifindex) },
		{ "xdp_multiprog__next_prog", offsetof(struct hdl_libxdp, next_prog) },
		{ "xdp_multiprog__close", offsetof(struct hdl_libxdp, multiprog_close) },
		{ "xdp_multiprog__is_legacy", offsetof(struct hdl_libxdp, is_legacy) },
		{ "xdp_multiprog__attach_mode", offsetof(struct hdl_libxdp, attach_mode) },
		{ "libxdp_get_error", offsetof(struct hdl_libxdp, get_error) },
	};
	int (*(*set_print)(int (*print)(int, const char *, va_list)))(int, const char *, va_list);
	void *function;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		function = dlsym(library, names[i].name);
		if (!function)
			return false;
		memcpy((char *)&functions + names[i].at, &function, sizeof(function));
	}
	function = dlsym(library, "libxdp_set_print");
	if (function) {
		memcpy(&set_print, &function, sizeof(function));
		set_print(quiet);
	}
	return true;
}

const struct hdl_libxdp *hdl_libxdp(void)
{
	void *library;

	if (!looked) {
		looked = true;
		library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
		found = library && look(library);
		if (!found)
			hdl_log_debug(LIBRARY " cannot be used: %s", library ? "it is another version" : dlerror());
	}
	return found && !without ? &functions : NULL;
}

void hdl_libxdp_without(bool none)
{
	without = none;
}
