/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of ServiceEntry and WorkloadEntry (specification A.10). */
#include "model/check.h"
#include "model/registry.h"
#include "model/schema.h"

#define ACCEPTED .support = HDL_ACCEPTED
#define REQUIRED .flags = HDL_FIELD_REQUIRED
#define MAX_UINT32 4294967295

/* ---- WorkloadEntry ---- */

static const struct hdl_field workload_fields[] = {
	HDL_STRING(struct hdl_workload_entry, address, "address",
		   "where it is: an IP address; with resolution DNS also a host name, with STATIC also unix:///path",
		   .max = 256),
	HDL_ARRAY_FIELD("ports", HDL_FIELD_INT_MAP, struct hdl_workload_entry, ports,
			"ports of the workload by the names of the service's ports, where they differ from targetPort",
			.min = 1, .max = 65535),
	HDL_STRING_MAP(struct hdl_workload_entry, labels, "labels", "labels that selectors and subsets look at",
		       .max = 256),
	HDL_STRING(struct hdl_workload_entry, network, "network",
		   "name of the network in which the address can be reached", ACCEPTED, .max = 2048),
	HDL_STRING(struct hdl_workload_entry, locality, "locality", "where it runs: region/zone/subzone", .max = 2048),
	HDL_INT(struct hdl_workload_entry, weight, "weight", 0, MAX_UINT32,
		"share of the traffic, relative to the other endpoints (1)"),
	HDL_STRING(struct hdl_workload_entry, service_account, "serviceAccount",
		   "identity of the workload, for mutual TLS", ACCEPTED, .max = 253),
};
/* One of a ServiceEntry: what it may be depends on the entry, so the entry checks it. */
static const struct hdl_message endpoint =
	HDL_MESSAGE_TABLE("WorkloadEntry", struct hdl_workload_entry, workload_fields, NULL);
static const struct hdl_message workload =
	HDL_MESSAGE_TABLE("WorkloadEntry", struct hdl_workload_entry, workload_fields, hdl_check_workload_entry);

static const struct hdl_field workload_object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &workload, "the workload", REQUIRED),
	HDL_ANY("status", "not read"),
};
const struct hdl_message hdl_schema_workload_entry =
	HDL_MESSAGE_TABLE("WorkloadEntry", struct hdl_workload_entry, workload_object_fields, NULL);

/* ---- ServiceEntry ---- */

static const struct hdl_field port_fields[] = {
	HDL_INT(struct hdl_se_port, number, "number", 1, 65535, "port that clients dial", REQUIRED),
	HDL_STRING(struct hdl_se_port, protocol, "protocol",
		   "HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS; without it the first bytes decide", .max = 256),
	HDL_STRING(struct hdl_se_port, name, "name", "name of the port, which endpoints refer to", REQUIRED,
		   .max = 256),
	HDL_INT(struct hdl_se_port, target_port, "targetPort", 1, 65535, "port of the endpoints (number)",
		.note = "With resolution NONE Istio heeds it only when told to"),
};
static const struct hdl_message port =
	HDL_MESSAGE_TABLE("ServicePort", struct hdl_se_port, port_fields, hdl_check_se_port);

static const struct hdl_field selector_fields[] = {
	HDL_STRING_MAP(struct hdl_se_workload_selector, labels, "labels", "labels that the workloads have",
		       .note = "Without labels every workload of the namespace is meant", .max = 256),
};
static const struct hdl_message selector =
	HDL_MESSAGE_TABLE("WorkloadSelector", struct hdl_se_workload_selector, selector_fields, hdl_check_se_selector);

static const struct hdl_enum_value location[] = {
	{ "MESH_EXTERNAL", HDL_SE_MESH_EXTERNAL },
	{ "MESH_INTERNAL", HDL_SE_MESH_INTERNAL },
	{ NULL, 0 },
};
static const struct hdl_enum_value resolution[] = {
	{ "NONE", HDL_SE_NONE },
	{ "STATIC", HDL_SE_STATIC },
	{ "DNS", HDL_SE_DNS },
	{ "DNS_ROUND_ROBIN", HDL_SE_DNS_ROUND_ROBIN },
	{ "DYNAMIC_DNS", HDL_SE_DYNAMIC_DNS },
	{ NULL, 0 },
};
static const struct hdl_field spec_fields[] = {
	HDL_STRINGS(struct hdl_service_entry, hosts, "hosts",
		    "names of the service; *.suffix stands for all names below a domain", REQUIRED, .max = 256,
		    .note = "Not completed by the namespace: a name without a dot stands for itself"),
	HDL_STRINGS(
		struct hdl_service_entry, addresses, "addresses",
		"virtual addresses of the service; with resolution NONE and STATIC also address/bits", .max = 256,
		.note = "With REGISTRY_ONLY an entry without any is reached at whatever address at its ports, and one of address/bits is not reached"),
	HDL_MESSAGES(struct hdl_service_entry, ports, "ports", &port, "ports of the service", .max = 256),
	HDL_ENUM(struct hdl_service_entry, location, "location", location,
		 "whether the endpoints belong to the mesh (MESH_EXTERNAL)"),
	HDL_ENUM(struct hdl_service_entry, resolution, "resolution", resolution,
		 "how the endpoints are found: the address that the client dialled (NONE), the list (STATIC) or names "
		 "to be resolved (DNS) (NONE)"),
	HDL_MESSAGES(struct hdl_service_entry, endpoints, "endpoints", &endpoint, "endpoints of the service",
		     .max = 4096),
	HDL_MESSAGE(struct hdl_service_entry, workload_selector, "workloadSelector", &selector,
		    "pods and WorkloadEntries of the namespace that are the endpoints"),
	HDL_STRINGS(struct hdl_service_entry, export_to, "exportTo", "namespaces that see the service", .max = 1000),
	HDL_STRINGS(struct hdl_service_entry, subject_alt_names, "subjectAltNames",
		    "names that the certificate of the endpoints may have", ACCEPTED),
};
static const struct hdl_message spec =
	HDL_MESSAGE_TABLE("ServiceEntry", struct hdl_service_entry, spec_fields, hdl_check_service_entry);

static const struct hdl_field status_address_fields[] = {
	HDL_STRING(struct hdl_se_status_address, value, "value", "address given to the service"),
	HDL_STRING(struct hdl_se_status_address, host, "host", "host that it is for"),
};
static const struct hdl_message status_address = {
	"ServiceEntryAddress", sizeof(struct hdl_se_status_address),
	status_address_fields, sizeof(status_address_fields) / sizeof(status_address_fields[0]),
	.open = true,
};
static const struct hdl_field status_fields[] = {
	HDL_MESSAGES(struct hdl_se_status, addresses, "addresses", &status_address,
		     "addresses that Istio gave to the service"),
};
static const struct hdl_message status = {
	"ServiceEntryStatus", sizeof(struct hdl_se_status),
	status_fields,        sizeof(status_fields) / sizeof(status_fields[0]),
	.open = true,
};

static const struct hdl_field object_fields[] = {
	HDL_OBJECT_FIELDS,
	HDL_INLINE("spec", &spec, "the service", REQUIRED),
	HDL_MESSAGE(struct hdl_service_entry, status, "status", &status, "written by Istio; only addresses is read"),
};
const struct hdl_message hdl_schema_service_entry =
	HDL_MESSAGE_TABLE("ServiceEntry", struct hdl_service_entry, object_fields, NULL);
