/* SPDX-License-Identifier: Apache-2.0 */
/* Building blocks of the typed resources: values that know whether they were given and where. */
#ifndef HDL_MODEL_VALUE_H
#define HDL_MODEL_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Place in the file of the resource, 1-based; line 0: the value was not in the file. */
struct hdl_pos {
	uint32_t line, col;
};

/* s is a NUL-terminated arena string without NUL inside, NULL when the field is absent ("" is present). */
struct hdl_text {
	const char *s;
	struct hdl_pos pos;
};

struct hdl_opt_bool {
	bool has, value;
	struct hdl_pos pos;
};

struct hdl_opt_int {
	bool has;
	int64_t value; /* within the range of the field's table entry */
	struct hdl_pos pos;
};

struct hdl_opt_double {
	bool has;
	double value; /* finite */
	struct hdl_pos pos;
};

struct hdl_opt_duration {
	bool has;
	int64_t ns;
	struct hdl_pos pos;
};

struct hdl_opt_time {
	bool has;
	int64_t unix_ns;
	struct hdl_pos pos;
};

struct hdl_opt_enum {
	bool has;
	int value; /* of the enum named beside the field; 0 when absent */
	struct hdl_pos pos;
};

/* IntOrString of Kubernetes: s is NULL when it is a number. */
struct hdl_opt_int_or_string {
	bool has;
	int64_t number;
	const char *s;
	struct hdl_pos pos;
};

/* Elements in the order of the file. All of these have one layout, so that a table can fill any of them. */
#define HDL_ARRAY_OF(type) \
	struct {           \
		type *at;  \
		size_t n;  \
	}

struct hdl_texts {
	struct hdl_text *at;
	size_t n;
};

/* One pair of a map<string, string>; keys are unique. */
struct hdl_kv {
	struct hdl_pos pos; /* of the key */
	const char *key, *value;
};

struct hdl_kvs {
	struct hdl_kv *at;
	size_t n;
};

/* One pair of a map<string, integer>. */
struct hdl_kint {
	struct hdl_pos pos;
	const char *key;
	int64_t value;
};

/* One pair of a map<string, bytes>; at is not NUL-terminated. */
struct hdl_kbytes {
	struct hdl_pos pos;
	const char *key;
	const unsigned char *at;
	size_t n;
};

struct hdl_kbytes_list {
	struct hdl_kbytes *at;
	size_t n;
};

/* Value of a key, or NULL. */
const char *hdl_kvs_get(const struct hdl_kvs *kvs, const char *key);

#endif
