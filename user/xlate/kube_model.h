/* SPDX-License-Identifier: Apache-2.0 */
/* The typed Kubernetes resources beside the map records, two of which have the same names (heddle/abi_lb.h). */
#ifndef HDL_XLATE_KUBE_MODEL_H
#define HDL_XLATE_KUBE_MODEL_H

#include "heddle/abi_lb.h"

/* The translator is the only place that sees both; here the resources are hdl_kube_service and hdl_kube_endpoint. */
#define hdl_service hdl_kube_service
#define hdl_endpoint hdl_kube_endpoint
#include "model/kube.h"
#include "model/resource.h"
#undef hdl_service
#undef hdl_endpoint

#endif
