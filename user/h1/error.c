/* SPDX-License-Identifier: Apache-2.0 */
/* Status, label and details of each reason to refuse a message. */
#include "h1/error.h"

static const struct {
	unsigned int status;
	const char *label, *details;
} errors[HDL_H1_E_COUNT] = { [HDL_H1_E_NONE] = { 0, "none", "" },
#define X(id, status, label, details) [HDL_H1_E_##id] = { status, label, details },
			     HDL_H1_ERRORS(X)
#undef X
};

static unsigned int index_of(int error)
{
	unsigned int i = error < 0 ? 0u - (unsigned int)error : (unsigned int)error;

	return i < HDL_H1_E_COUNT ? i : HDL_H1_E_NONE;
}

unsigned int hdl_h1_error_status(int error)
{
	return errors[index_of(error)].status;
}

const char *hdl_h1_error_label(int error)
{
	return errors[index_of(error)].label;
}

const char *hdl_h1_error_details(int error)
{
	return errors[index_of(error)].details;
}
