// SPDX-License-Identifier: Apache-2.0
// The C face of RE2: the only C++ file of the product, because RE2 is the semantics that Istio users write.
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
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

extern "C" int hdl_re_check_rewrite(const struct hdl_re *re, struct hdl_str rewrite, struct hdl_err *err)
{
	try {
		std::string error;
		if (re->re.CheckRewriteString(re2::StringPiece(rewrite.p, rewrite.n), &error))
			return 0;
		return hdl_err_set(err, -EINVAL, "%s", error.c_str());
	} catch (const std::bad_alloc &) {
		return hdl_err_set(err, -ENOMEM, "out of memory");
	}
}

namespace
{
// The caller's memory; RE2's own replacing makes strings.
struct output {
	char *p;
	size_t room, n;
	bool full;

	void put(const char *s, size_t bytes)
	{
		full = full || bytes > room - n;
		if (full || bytes == 0)
			return;
		std::memcpy(p + n, s, bytes);
		n += bytes;
	}
};

const int groups_max = 10;

void put_rewrite(output &out, struct hdl_str rewrite, const re2::StringPiece *groups, int n)
{
	for (size_t i = 0; i < rewrite.n; i++) {
		char c = rewrite.p[i];
		if (c != '\\' || i + 1 == rewrite.n) {
			out.put(&rewrite.p[i], 1);
			continue;
		}
		c = rewrite.p[++i];
		if (c >= '0' && c <= '9' && c - '0' < n)
			out.put(groups[c - '0'].data(), groups[c - '0'].size());
		else if (c == '\\')
			out.put(&rewrite.p[i], 1);
	}
}

// As RE2::GlobalReplace: an empty match right behind another one does not count.
void replace_all(const RE2 &re, struct hdl_str text, struct hdl_str rewrite, output &out)
{
	const re2::StringPiece all(text.p, text.n);
	re2::StringPiece groups[groups_max];
	const int n = re.NumberOfCapturingGroups() + 1 < groups_max ? re.NumberOfCapturingGroups() + 1 : groups_max;
	size_t at = 0, last_end = text.n + 1;

	while (at <= text.n && !out.full && re.Match(all, at, text.n, RE2::UNANCHORED, groups, n)) {
		size_t begin = static_cast<size_t>(groups[0].data() - text.p), end = begin + groups[0].size();

		out.put(text.p + at, begin - at);
		at = end;
		if (begin != last_end || end != begin) {
			put_rewrite(out, rewrite, groups, n);
			last_end = end;
			continue;
		}
		// one character further, not into the middle of one
		do {
			if (at < text.n)
				out.put(text.p + at, 1);
			at++;
		} while (at < text.n && (static_cast<unsigned char>(text.p[at]) & 0xc0) == 0x80);
	}
	if (at < text.n)
		out.put(text.p + at, text.n - at);
}
} // namespace

extern "C" long hdl_re_replace_all(const struct hdl_re *re, struct hdl_str text, struct hdl_str rewrite, char *buf,
				   size_t room)
{
	output out = { buf, room, 0, false };

	if (text.n == 0)
		text.p = ""; // for the differences of pointers
	try {
		replace_all(re->re, text, rewrite, out);
	} catch (const std::bad_alloc &) {
		out.n = 0;
		out.put(text.p, text.n);
	}
	return out.full ? -ENOSPC : static_cast<long>(out.n);
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
