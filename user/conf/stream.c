/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a file into YAML documents, and parses all of them. */
#include "conf/yaml.h"

#include <errno.h>
#include <string.h>

void hdl_yaml_stream_init(struct hdl_yaml_stream *stream, struct hdl_str text)
{
	/* A byte order mark says nothing in UTF-8; past the first document libyaml would not take it. */
	if (hdl_str_starts(text, HDL_STR("\xef\xbb\xbf"))) {
		text.p += 3;
		text.n -= 3;
	}
	*stream = (struct hdl_yaml_stream){ .rest = text, .next_line = 1 };
}

/* Bytes of the first line with its line end (LF, CRLF or CR). */
static size_t line_length(struct hdl_str s)
{
	size_t i = 0;

	while (i < s.n && s.p[i] != '\n' && s.p[i] != '\r')
		i++;
	if (i < s.n)
		i += s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n' ? 2 : 1;
	return i;
}

static bool is_marker(struct hdl_str line, const char *marker)
{
	return line.n >= 3 && memcmp(line.p, marker, 3) == 0 && (line.n == 3 || strchr(" \t\r\n", line.p[3]));
}

/* Blank, comment or directive: may stand before the "---" of the document that it belongs to. */
static bool is_preamble(struct hdl_str line)
{
	line = hdl_str_trim(line);
	return line.n == 0 || line.p[0] == '\r' || line.p[0] == '\n' || line.p[0] == '#' || line.p[0] == '%';
}

bool hdl_yaml_stream_next(struct hdl_yaml_stream *stream, struct hdl_yaml_chunk *ret)
{
	struct hdl_str rest = stream->rest;
	bool begun = false;
	size_t used = 0;
	uint32_t lines = 0;

	if (rest.n == 0)
		return false;
	if (stream->next_index == HDL_YAML_MAX_DOCUMENTS) /* hdl_yaml_parse_document() refuses the rest */
		used = rest.n;
	while (used < rest.n) {
		struct hdl_str line = { rest.p + used, rest.n - used };

		line.n = line_length(line);
		if (is_marker(line, "---") && begun)
			break;
		used += line.n;
		lines++;
		if (is_marker(line, "..."))
			break;
		begun = begun || !is_preamble(line);
	}
	*ret = (struct hdl_yaml_chunk){ { rest.p, used }, stream->next_index++, stream->next_line };
	stream->rest = (struct hdl_str){ rest.p + used, rest.n - used };
	stream->next_line += lines;
	return true;
}

int hdl_yaml_parse(struct hdl_arena *arena, const char *file, struct hdl_str text, hdl_yaml_document_fn *each,
		   void *data)
{
	struct hdl_yaml_stream stream;
	struct hdl_yaml_chunk chunk;

	if (text.n > HDL_YAML_MAX_FILE_BYTES)
		return -EFBIG;
	hdl_yaml_stream_init(&stream, text);
	while (hdl_yaml_stream_next(&stream, &chunk)) {
		struct hdl_yaml_document document = { .file = file, .chunk = &chunk };
		struct hdl_yaml_error error;
		int r = hdl_yaml_parse_document(arena, &chunk, &document.root, &error);

		if (r == -EBADMSG)
			document.error = &error;
		else if (r < 0)
			return r;
		else if (!document.root)
			continue;
		r = each(data, &document);
		if (r)
			return r;
	}
	return 0;
}
