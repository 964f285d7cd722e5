/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of the Gateway API's messages that a table entry cannot express. */
#ifndef HDL_MODEL_CHECK_GWAPI_H
#define HDL_MODEL_CHECK_GWAPI_H

#include "model/decode.h"
#include "model/gwapi.h"

/* Helpers: report what does not fit. field is the path below the message at hand. */
void hdl_check_gwapi_length(struct hdl_decode *d, const struct hdl_text *text, const char *field, size_t min,
			    size_t max);
/* A host name in lower case without port; wildcard: "*." may come first. */
void hdl_check_gwapi_hostname(struct hdl_decode *d, const struct hdl_text *text, const char *field, bool wildcard);
void hdl_check_gwapi_section(struct hdl_decode *d, const struct hdl_text *text, const char *field);
bool hdl_gwapi_same_text(const struct hdl_text *a, const struct hdl_text *b, const char *absent);

void hdl_check_gwapi_ref(struct hdl_decode *d, void *object);
void hdl_check_gwapi_requirement(struct hdl_decode *d, void *object);
void hdl_check_gwapi_selector(struct hdl_decode *d, void *object);
void hdl_check_gwapi_namespaces(struct hdl_decode *d, void *object);
void hdl_check_gwapi_class(struct hdl_decode *d, void *object);
void hdl_check_gwapi_listener_tls(struct hdl_decode *d, void *object);
void hdl_check_gwapi_listener(struct hdl_decode *d, void *object);
void hdl_check_gwapi_address(struct hdl_decode *d, void *object);
void hdl_check_gwapi_gateway(struct hdl_decode *d, void *object);
void hdl_check_gwapi_frontend(struct hdl_decode *d, void *object);
void hdl_check_gwapi_san(struct hdl_decode *d, void *object);
void hdl_check_gwapi_backend_validation(struct hdl_decode *d, void *object);
void hdl_check_gwapi_backend_tls(struct hdl_decode *d, void *object);

void hdl_check_gwapi_path_match(struct hdl_decode *d, void *object);
void hdl_check_gwapi_named_match(struct hdl_decode *d, void *object);
void hdl_check_gwapi_match(struct hdl_decode *d, void *object);
void hdl_check_gwapi_method_match(struct hdl_decode *d, void *object);
void hdl_check_gwapi_header(struct hdl_decode *d, void *object);
void hdl_check_gwapi_header_filter(struct hdl_decode *d, void *object);
void hdl_check_gwapi_fraction(struct hdl_decode *d, void *object);
void hdl_check_gwapi_mirror(struct hdl_decode *d, void *object);
void hdl_check_gwapi_path_modifier(struct hdl_decode *d, void *object);
void hdl_check_gwapi_redirect(struct hdl_decode *d, void *object);
void hdl_check_gwapi_rewrite(struct hdl_decode *d, void *object);
void hdl_check_gwapi_cors(struct hdl_decode *d, void *object);
void hdl_check_gwapi_filter(struct hdl_decode *d, void *object);
void hdl_check_gwapi_backend_ref(struct hdl_decode *d, void *object);
void hdl_check_gwapi_http_backend(struct hdl_decode *d, void *object);
void hdl_check_gwapi_timeouts(struct hdl_decode *d, void *object);
void hdl_check_gwapi_retry(struct hdl_decode *d, void *object);
void hdl_check_gwapi_session(struct hdl_decode *d, void *object);
void hdl_check_gwapi_http_rule(struct hdl_decode *d, void *object);
void hdl_check_gwapi_route(struct hdl_decode *d, void *object);
void hdl_check_gwapi_tls_route(struct hdl_decode *d, void *object);

#endif
