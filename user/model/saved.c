/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the state file, to bytes and back. */
#include "model/saved.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"

/* Byte order and word size are the machine's: another machine takes it for damaged. */
#define MAGIC "heddle state 1\n"
#define BYTE_ORDER_MARK 0x01020304u

enum record_type { PAST = 1, BASE, BASE_END, NOW };

struct record_head {
	uint32_t type, bytes;
	uint64_t hash; /* of the payload, seeded with type and bytes */
};

static uint64_t record_hash(const struct record_head *head, const char *payload)
{
	return hdl_hash64(payload, head->bytes, (uint64_t)head->type << 32 | head->bytes);
}

/* ---- writing ---- */

static void put_u32(struct hdl_buf *buf, uint32_t value)
{
	hdl_buf_add(buf, &value, sizeof(value));
}

static void put_u64(struct hdl_buf *buf, uint64_t value)
{
	hdl_buf_add(buf, &value, sizeof(value));
}

/* NULL and "" are told apart. */
static void put_text(struct hdl_buf *buf, const char *text, size_t n)
{
	put_u32(buf, text ? (uint32_t)n : UINT32_MAX);
	if (text) {
		hdl_buf_add(buf, text, n);
		hdl_buf_add(buf, "", 1);
	}
}

static void put_string(struct hdl_buf *buf, const char *text)
{
	put_text(buf, text, text ? strlen(text) : 0);
}

static void put_version(struct hdl_buf *buf, const struct hdl_version *version)
{
	put_text(buf, version->text, version->bytes);
	put_string(buf, version->file);
	put_u32(buf, version->line);
	put_u32(buf, version->document);
}

static size_t begin(struct hdl_buf *buf, enum record_type type)
{
	struct record_head head = { .type = type };
	size_t at = buf->n;

	hdl_buf_add(buf, &head, sizeof(head));
	return at;
}

static void end(struct hdl_buf *buf, size_t at)
{
	struct record_head head;
	size_t bytes = buf->n - at - sizeof(head);

	if (buf->failed)
		return;
	if (bytes > UINT32_MAX) {
		buf->failed = true;
		return;
	}
	memcpy(&head, buf->p + at, sizeof(head));
	head.bytes = (uint32_t)bytes;
	head.hash = record_hash(&head, buf->p + at + sizeof(head));
	memcpy(buf->p + at, &head, sizeof(head));
}

static void put_meta(struct hdl_buf *buf, const struct hdl_epoch_meta *meta)
{
	put_u64(buf, meta->epoch);
	put_u64(buf, meta->wall_ns);
	put_u64(buf, meta->rolled_back_to);
	put_u32(buf, meta->start);
	put_string(buf, meta->refused);
	put_u64(buf, meta->added);
	put_u64(buf, meta->changed);
	put_u64(buf, meta->removed);
}

static void put_change(struct hdl_buf *buf, const struct hdl_epoch_change *change, bool with_before)
{
	static const struct hdl_version none;

	put_u32(buf, change->what);
	put_string(buf, change->kind);
	put_string(buf, change->group);
	put_string(buf, change->ns);
	put_string(buf, change->name);
	put_version(buf, with_before ? &change->before : &none);
	put_version(buf, &change->after);
}

void hdl_saved_write_head(struct hdl_buf *buf)
{
	hdl_buf_add(buf, MAGIC, sizeof(MAGIC) - 1);
	put_u32(buf, BYTE_ORDER_MARK);
}

void hdl_saved_write_past(struct hdl_buf *buf, const struct hdl_epoch_record *record)
{
	size_t at = begin(buf, PAST);

	put_meta(buf, &record->meta);
	put_u32(buf, record->cut);
	put_u64(buf, record->n);
	for (size_t i = 0; i < record->n; i++)
		put_change(buf, &record->change[i], true);
	end(buf, at);
}

void hdl_saved_write_base(struct hdl_buf *buf, const struct hdl_saved_object *objects, size_t n)
{
	size_t at = begin(buf, BASE);

	put_u64(buf, n);
	for (size_t i = 0; i < n; i++) {
		put_string(buf, objects[i].kind);
		put_string(buf, objects[i].group);
		put_string(buf, objects[i].ns);
		put_string(buf, objects[i].name);
		put_version(buf, &objects[i].version);
	}
	end(buf, at);
}

void hdl_saved_write_base_end(struct hdl_buf *buf, uint64_t epoch, uint64_t rolled_back_to, uint64_t files)
{
	size_t at = begin(buf, BASE_END);

	put_u64(buf, epoch);
	put_u64(buf, rolled_back_to);
	put_u64(buf, files);
	end(buf, at);
}

void hdl_saved_write_now(struct hdl_buf *buf, const struct hdl_epoch_meta *meta, uint64_t files,
			 const struct hdl_epoch_change *change, size_t n)
{
	size_t at = begin(buf, NOW);

	put_meta(buf, meta);
	put_u64(buf, files);
	put_u64(buf, n);
	for (size_t i = 0; i < n; i++)
		put_change(buf, &change[i], false);
	end(buf, at);
}

/* ---- reading ---- */

struct cursor {
	const char *p, *end;
	bool bad;
};

static void take(struct cursor *c, void *to, size_t n)
{
	memset(to, 0, n);
	if (c->bad || (size_t)(c->end - c->p) < n) {
		c->bad = true;
		return;
	}
	memcpy(to, c->p, n);
	c->p += n;
}

static uint32_t take_u32(struct cursor *c)
{
	uint32_t value;

	take(c, &value, sizeof(value));
	return value;
}

static uint64_t take_u64(struct cursor *c)
{
	uint64_t value;

	take(c, &value, sizeof(value));
	return value;
}

static const char *take_text(struct cursor *c, size_t *ret_n)
{
	uint32_t n = take_u32(c);
	const char *text = c->p;

	*ret_n = 0;
	if (c->bad || n == UINT32_MAX)
		return NULL;
	if ((size_t)(c->end - c->p) <= n || text[n] != '\0' || memchr(text, '\0', n)) {
		c->bad = true;
		return NULL;
	}
	c->p += n + 1;
	*ret_n = n;
	return text;
}

/* A string that must be there. */
static const char *take_string(struct cursor *c)
{
	size_t n;
	const char *text = take_text(c, &n);

	c->bad |= !text;
	return text;
}

static void take_version(struct cursor *c, struct hdl_version *ret)
{
	size_t n;

	ret->text = take_text(c, &ret->bytes);
	ret->file = take_text(c, &n);
	ret->line = take_u32(c);
	ret->document = take_u32(c);
	c->bad |= ret->text && !ret->file;
}

static void take_meta(struct cursor *c, struct hdl_epoch_meta *ret)
{
	size_t n;

	ret->epoch = take_u64(c);
	ret->wall_ns = take_u64(c);
	ret->rolled_back_to = take_u64(c);
	ret->start = take_u32(c);
	ret->refused = take_text(c, &n);
	ret->added = take_u64(c);
	ret->changed = take_u64(c);
	ret->removed = take_u64(c);
}

static void take_change(struct cursor *c, struct hdl_epoch_change *ret)
{
	uint32_t what = take_u32(c);

	c->bad |= what >= HDL_CHANGES;
	ret->what = (enum hdl_change)what;
	ret->kind = take_string(c);
	ret->group = take_string(c);
	ret->ns = take_string(c);
	ret->name = take_string(c);
	take_version(c, &ret->before);
	take_version(c, &ret->after);
}

/* An element takes at least this, so a count that is larger than the rest of the record is a lie. */
#define CHANGE_BYTES_MIN 32

static struct hdl_epoch_change *take_changes(struct cursor *c, size_t *ret_n, bool *ret_no_memory)
{
	uint64_t n = take_u64(c);
	struct hdl_epoch_change *change;

	if (c->bad || n > (size_t)(c->end - c->p) / CHANGE_BYTES_MIN) {
		c->bad = true;
		return NULL;
	}
	change = calloc(n + 1, sizeof(*change));
	*ret_no_memory = !change;
	for (uint64_t i = 0; change && i < n && !c->bad; i++)
		take_change(c, &change[i]);
	*ret_n = n;
	return change;
}

/* ---- the objects ---- */

static struct hdl_object_id id_of(const void *base, uint32_t i)
{
	const struct hdl_saved_object *object = &((const struct hdl_saved *)base)->object[i];

	return hdl_named_id(object->kind, object->group, object->ns, object->name);
}

struct hdl_saved_object *hdl_saved_find(const struct hdl_saved *saved, const char *kind, const char *group,
					const char *ns, const char *name)
{
	int64_t i = hdl_index_find(&saved->index, hdl_named_id(kind, group, ns, name), id_of, saved);

	return i < 0 ? NULL : &saved->object[i];
}

static int set_object(struct hdl_saved *saved, const struct hdl_saved_object *object)
{
	struct hdl_saved_object *known = hdl_saved_find(saved, object->kind, object->group, object->ns, object->name);
	int r;

	if (known) {
		*known = *object;
		return 0;
	}
	if (saved->n == saved->capacity) {
		size_t capacity = saved->capacity ? saved->capacity * 2 : 256;
		struct hdl_saved_object *more = reallocarray(saved->object, capacity, sizeof(*more));

		if (!more)
			return -ENOMEM;
		saved->object = more;
		saved->capacity = capacity;
	}
	r = hdl_index_reserve(&saved->index, saved->n + 1, id_of, saved);
	if (r < 0)
		return r;
	saved->object[saved->n] = *object;
	hdl_index_add(&saved->index, (uint32_t)saved->n++, id_of, saved);
	return 0;
}

void hdl_saved_done(struct hdl_saved *saved)
{
	free(saved->object);
	hdl_index_done(&saved->index);
	*saved = (struct hdl_saved){ 0 };
}

static int by_place(const void *a, const void *b)
{
	const struct hdl_yaml_chunk *x = a, *y = b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return x->first_line < y->first_line ? -1 : x->first_line > y->first_line;
}

int hdl_saved_of_file(const struct hdl_saved *saved, const char *path, struct hdl_yaml_chunk **ret, size_t *ret_n)
{
	struct hdl_yaml_chunk *chunk;
	size_t n = 0;

	for (size_t i = 0; i < saved->n; i++)
		n += saved->object[i].version.text && strcmp(saved->object[i].version.file, path) == 0;
	chunk = calloc(n + 1, sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	*ret_n = 0;
	for (size_t i = 0; i < saved->n; i++) {
		const struct hdl_version *version = &saved->object[i].version;

		if (version->text && strcmp(version->file, path) == 0)
			chunk[(*ret_n)++] = (struct hdl_yaml_chunk){ { version->text, version->bytes },
								     version->document,
								     version->line };
	}
	if (n)
		qsort(chunk, n, sizeof(*chunk), by_place);
	*ret = chunk;
	return 0;
}

/* ---- records ---- */

struct reader {
	struct hdl_saved *saved;
	struct hdl_history *history;
	bool have_base;
};

static int read_past(struct reader *reader, struct cursor *c)
{
	struct hdl_epoch_meta meta;
	struct hdl_epoch_change *change;
	bool no_memory = false, cut;
	size_t n = 0;
	int r = 0;

	take_meta(c, &meta);
	cut = take_u32(c);
	change = take_changes(c, &n, &no_memory);
	if (no_memory)
		return -ENOMEM;
	if (!c->bad)
		r = hdl_history_add(reader->history, &meta, change, n, cut);
	free(change);
	return r;
}

static int read_base(struct reader *reader, struct cursor *c)
{
	uint64_t n = take_u64(c);
	int r = 0;

	for (uint64_t i = 0; i < n && !c->bad && r == 0; i++) {
		struct hdl_saved_object object = { .kind = take_string(c) };

		object.group = take_string(c);
		object.ns = take_string(c);
		object.name = take_string(c);
		take_version(c, &object.version);
		c->bad |= !object.version.text;
		if (!c->bad)
			r = set_object(reader->saved, &object);
	}
	return r;
}

static void read_base_end(struct reader *reader, struct cursor *c)
{
	reader->saved->epoch = take_u64(c);
	reader->saved->rolled_back_to = take_u64(c);
	reader->saved->files = take_u64(c);
	reader->have_base = !c->bad;
}

/* The versions before are what the objects were until here. */
static int apply_now(struct reader *reader, const struct hdl_epoch_meta *meta, struct hdl_epoch_change *change,
		     size_t n)
{
	int r;

	for (size_t i = 0; i < n; i++) {
		struct hdl_saved_object *known =
			hdl_saved_find(reader->saved, change[i].kind, change[i].group, change[i].ns, change[i].name);

		if (known)
			change[i].before = known->version;
	}
	r = hdl_history_add(reader->history, meta, change, n, false);
	for (size_t i = 0; r == 0 && i < n && !meta->refused; i++) {
		struct hdl_saved_object object = { change[i].kind, change[i].group, change[i].ns,
						   change[i].name, change[i].after, false };

		r = set_object(reader->saved, &object);
	}
	return r;
}

static int read_now(struct reader *reader, struct cursor *c)
{
	struct hdl_epoch_meta meta;
	struct hdl_epoch_change *change;
	bool no_memory = false;
	uint64_t files;
	size_t n = 0;
	int r = 0;

	take_meta(c, &meta);
	files = take_u64(c);
	change = take_changes(c, &n, &no_memory);
	if (no_memory)
		return -ENOMEM;
	if (!c->bad)
		r = apply_now(reader, &meta, change, n);
	if (!c->bad && r == 0 && !meta.refused) {
		reader->saved->epoch = meta.epoch;
		reader->saved->rolled_back_to = meta.rolled_back_to;
		reader->saved->files = files;
	}
	free(change);
	return r;
}

static int read_record(struct reader *reader, uint32_t type, struct cursor *c)
{
	int r = 0;

	switch (type) {
	case PAST:
		r = read_past(reader, c);
		break;
	case BASE:
		r = read_base(reader, c);
		break;
	case BASE_END:
		read_base_end(reader, c);
		break;
	case NOW:
		c->bad |= !reader->have_base;
		if (!c->bad)
			r = read_now(reader, c);
		break;
	default:
		c->bad = true;
		break;
	}
	return r;
}

/* 0, or why the record at *at is the end of what can be used. */
static const char *next_record(struct reader *reader, struct hdl_str file, size_t *at, int *ret_r)
{
	struct record_head head;
	struct cursor c;

	if (file.n - *at < sizeof(head))
		return "it ends within a record";
	memcpy(&head, file.p + *at, sizeof(head));
	if (head.bytes > file.n - *at - sizeof(head))
		return "it ends within a record";
	c = (struct cursor){ .p = file.p + *at + sizeof(head), .end = file.p + *at + sizeof(head) + head.bytes };
	if (record_hash(&head, c.p) != head.hash)
		return "a record is damaged";
	*ret_r = read_record(reader, head.type, &c);
	if (c.bad || (*ret_r == 0 && c.p != c.end))
		return "a record is not understood";
	*at += sizeof(head) + head.bytes;
	return NULL;
}

int hdl_saved_read(struct hdl_str file, struct hdl_saved *saved, struct hdl_history *history, struct hdl_err *err)
{
	struct reader reader = { .saved = saved, .history = history };
	size_t at = sizeof(MAGIC) - 1 + sizeof(uint32_t);
	const uint32_t mark = BYTE_ORDER_MARK;
	const char *why = NULL;
	int r = 0;

	if (file.n < at || memcmp(file.p, MAGIC, sizeof(MAGIC) - 1) != 0 ||
	    memcmp(file.p + sizeof(MAGIC) - 1, &mark, sizeof(mark)) != 0)
		return hdl_err_set(err, -EBADMSG, "it is of another version or machine, or not a state file");
	while (at < file.n && !why && r == 0)
		why = next_record(&reader, file, &at, &r);
	if (r == 0 && reader.have_base) {
		saved->good_bytes = at;
		return why ? hdl_err_set(err, 1, "%s after %zu bytes; what is behind is not used", why, at) : 0;
	}
	hdl_saved_done(saved);
	hdl_history_done(history);
	if (r < 0)
		return hdl_err_set(err, r, "%s", strerror(-r));
	return hdl_err_set(err, -EBADMSG, "%s", why ? why : "it ends too early");
}
