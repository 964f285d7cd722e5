// SPDX-License-Identifier: Apache-2.0
// The C face of RE2: the only C++ file of the product, because RE2 is the semantics that Istio users write.
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>

#include <re2/re2.h>

extern "C" {
#include "re/re.h"
}

struct hdl_re {
	RE2 re;

	hdl_re(re2::StringPiece pattern, const RE2::Options &options) : re(pattern, options)
	{
	}
};

static int compile(struct hdl_str pattern, struct hdl_re **ret, struct hdl_err *err)
{
	RE2::Options options;
	options.set_log_errors(false); // the caller reports; RE2 would write to stderr
	options.set_max_mem(HDL_RE_MEMORY_BYTES_MAX);
	struct hdl_re *re = new (std::nothrow) hdl_re(re2::StringPiece(pattern.p, pattern.n), options);
	if (!re)
		return hdl_err_set(err, -ENOMEM, "out of memory");
	if (!re->re.ok()) {
		int r = re->re.error_code() == RE2::ErrorPatternTooLarge ? -E2BIG : -EINVAL;
		r = hdl_err_set(err, r, "invalid regular expression: %s", re->re.error().c_str());
		delete re;
		return r;
	}
	*ret = re;
	return 0;
}

extern "C" int hdl_re_compile(struct hdl_str pattern, struct hdl_re **ret, struct hdl_err *err)
{
	if (pattern.n > HDL_RE_PATTERN_BYTES_MAX)
		return hdl_err_set(err, -E2BIG, "regular expression of %zu bytes is longer than %d", pattern.n,
				   HDL_RE_PATTERN_BYTES_MAX);
	// No exception may cross into C. RE2 throws nothing itself, but its containers do when memory is out.
	try {
		return compile(pattern, ret, err);
	} catch (const std::bad_alloc &) {
		return hdl_err_set(err, -ENOMEM, "out of memory");
	}
}

extern "C" bool hdl_re_full_match(const struct hdl_re *re, struct hdl_str text)
{
	// RE2 counts a null pointer as the empty text, as hdl_str does.
	try {
		return RE2::FullMatchN(re2::StringPiece(text.p, text.n), re->re, nullptr, 0);
	} catch (const std::bad_alloc &) {
		return false; // the automaton's cache could not grow; a request that cannot be decided does not match
	}
}

// A program has 8 bytes an instruction (static_assert in RE2's prog.h); the rest is the objects around it.
extern "C" size_t hdl_re_bytes(const struct hdl_re *re)
{
	return sizeof(*re) + 512 + 8 * static_cast<size_t>(re->re.ProgramSize());
}

extern "C" struct hdl_re *hdl_re_free(struct hdl_re *re)
{
	delete re;
	return nullptr;
}
