/* SPDX-License-Identifier: Apache-2.0 */
/* Syntax of the names in resources (specification A.1, A.3). */
#ifndef HDL_MODEL_NAMES_H
#define HDL_MODEL_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Letters, digits and '-', 1..63, begins and ends with a letter or digit; upper case too, as Istio has it. */
bool hdl_name_is_label(const char *s);
/* Name of a Kubernetes object: labels joined by dots, lower case, at most 253. */
bool hdl_name_is_namespace(const char *s); /* a label in lower case, as Kubernetes has them */
bool hdl_name_is_subdomain(const char *s);
/*
 * Host of a rule: labels joined by dots, at most 255, a final dot allowed, the last label not all digits. wildcard: the
 * first label may be "*" or begin with it.
 */
bool hdl_name_is_host(const char *s, bool wildcard);
bool hdl_name_is_ip(const char *s);
bool hdl_name_is_subnet(const char *s);       /* an address, or address/bits */
bool hdl_name_is_trust_domain(const char *s); /* labels joined by dots, a final dot allowed */
bool hdl_name_is_locality(const char *s);     /* region, region/zone or region/zone/subzone */
bool hdl_name_is_label_key(const char *s);    /* [prefix/]name of a Kubernetes label */
bool hdl_name_is_label_value(const char *s);  /* may be empty */
bool hdl_name_is_token(const char *s);        /* header name, RFC 9110 section 5.6.2 */
/* The hosts are equal, or one is a wildcard that covers the other (A.1). */
bool hdl_name_hosts_overlap(const char *a, const char *b);
/* Edits that turn a into b, without case, at most limit + 1; a swap of neighbours is one. */
size_t hdl_name_distance(const char *a, const char *b, size_t limit);

#endif
