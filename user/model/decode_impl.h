/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the decoder share. */
#ifndef HDL_MODEL_DECODE_IMPL_H
#define HDL_MODEL_DECODE_IMPL_H

#include "model/decode.h"

/* decode.c */
struct hdl_pos hdl_decode_pos_of(const struct hdl_node *node);
void hdl_decode_out_of_memory(struct hdl_decode *d);

/* decode_scalar.c: each reports what is wrong with the value. */
/* "a list": for messages. */
const char *hdl_decode_kind_of(const struct hdl_node *node);
/* NULL after an error. */
const char *hdl_decode_text_of(struct hdl_decode *d, const struct hdl_node *node);
void hdl_decode_string(struct hdl_decode *d, const struct hdl_node *node, struct hdl_text *ret);
/* Characters, not bytes, as Kubernetes counts. */
void hdl_decode_check_length(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_text *text);
void hdl_decode_bool(struct hdl_decode *d, const struct hdl_node *node, struct hdl_opt_bool *ret);
bool hdl_decode_int_value(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
			  int64_t *ret);
void hdl_decode_int(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
		    struct hdl_opt_int *ret);
void hdl_decode_double(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
		       struct hdl_opt_double *ret);
void hdl_decode_duration(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
			 struct hdl_opt_duration *ret);
void hdl_decode_time(struct hdl_decode *d, const struct hdl_node *node, struct hdl_opt_time *ret);
void hdl_decode_enum(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
		     struct hdl_opt_enum *ret);
void hdl_decode_int_or_string(struct hdl_decode *d, const struct hdl_field *field, const struct hdl_node *node,
			      struct hdl_opt_int_or_string *ret);
/* "region/zone/subzone" or a map of the three; into three texts in a row. */
void hdl_decode_locality(struct hdl_decode *d, const struct hdl_node *node, struct hdl_text *ret);

#endif
