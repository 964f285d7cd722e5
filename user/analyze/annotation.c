/* SPDX-License-Identifier: Apache-2.0 */
/* Annotations of Istio on Namespaces, Services and Pods (IST0107, IST0108, IST0125, IST0135). */
#include "analyze/an.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

enum { ON_ANY = 1, ON_POD = 2, ON_SERVICE = 4, ON_NAMESPACE = 8, ON_OTHERS = 16, DEPRECATED = 32 };

/* By name, for bsearch. What it may be on, for the message: in the order of Istio's list. */
static const struct annotation {
	const char *name;
	unsigned int on;
	const char *others; /* kinds of ON_OTHERS */
} annotations[] = {
	{ "alpha.istio.io/canonical-serviceaccounts", ON_SERVICE | DEPRECATED, NULL },
	{ "alpha.istio.io/identity", ON_POD | DEPRECATED, NULL },
	{ "alpha.istio.io/kubernetes-serviceaccounts", ON_SERVICE | DEPRECATED, NULL },
	{ "ambient.istio.io/bypass-inbound-capture", ON_POD, NULL },
	{ "ambient.istio.io/dns-capture", ON_POD, NULL },
	{ "ambient.istio.io/redirection", ON_POD, NULL },
	{ "ambient.istio.io/waypoint-inbound-binding", ON_OTHERS, "GatewayClass, Gateway" },
	{ "galley.istio.io/analyze-suppress", ON_ANY, NULL },
	{ "gateway.istio.io/controller-version", ON_OTHERS, "Gateway" },
	{ "gateway.istio.io/name-override", ON_OTHERS, "Gateway" },
	{ "gateway.istio.io/service-account", ON_OTHERS, "Gateway" },
	{ "gateway.istio.io/tls-terminate-mode", ON_OTHERS, "Gateway" },
	{ "inject.istio.io/templates", ON_POD, NULL },
	{ "install.operator.istio.io/chart-owner", ON_ANY, NULL },
	{ "install.operator.istio.io/owner-generation", ON_ANY, NULL },
	{ "install.operator.istio.io/version", ON_ANY, NULL },
	{ "istio.io/autoRegistrationGroup", ON_OTHERS, "WorkloadEntry" },
	{ "istio.io/connect-strategy", ON_OTHERS, "ServiceEntry" },
	{ "istio.io/connectedAt", ON_OTHERS, "WorkloadEntry" },
	{ "istio.io/disconnectedAt", ON_OTHERS, "WorkloadEntry" },
	{ "istio.io/dry-run", ON_OTHERS, "AuthorizationPolicy" },
	{ "istio.io/reroute-virtual-interfaces", ON_POD, NULL },
	{ "istio.io/rev", ON_POD, NULL },
	{ "istio.io/workloadController", ON_OTHERS, "WorkloadEntry" },
	{ "kubernetes.io/ingress.class", ON_OTHERS, "Ingress" },
	{ "networking.istio.io/address-type", ON_OTHERS, "Gateway" },
	{ "networking.istio.io/exportTo", ON_SERVICE, NULL },
	{ "networking.istio.io/service-type", ON_OTHERS, "Gateway" },
	{ "networking.istio.io/traffic-distribution", ON_SERVICE | ON_NAMESPACE, NULL },
	{ "prometheus.istio.io/merge-metrics", ON_POD, NULL },
	{ "proxy.istio.io/config", ON_POD, NULL },
	{ "proxy.istio.io/overrides", ON_POD, NULL },
	{ "readiness.status.sidecar.istio.io/applicationPorts", ON_POD, NULL },
	{ "readiness.status.sidecar.istio.io/failureThreshold", ON_POD, NULL },
	{ "readiness.status.sidecar.istio.io/initialDelaySeconds", ON_POD, NULL },
	{ "readiness.status.sidecar.istio.io/periodSeconds", ON_POD, NULL },
	{ "sidecar.istio.io/agentLogLevel", ON_POD, NULL },
	{ "sidecar.istio.io/bootstrapOverride", ON_POD, NULL },
	{ "sidecar.istio.io/componentLogLevel", ON_POD, NULL },
	{ "sidecar.istio.io/controlPlaneAuthPolicy", ON_POD | DEPRECATED, NULL },
	{ "sidecar.istio.io/discoveryAddress", ON_POD | DEPRECATED, NULL },
	{ "sidecar.istio.io/enableCoreDump", ON_POD, NULL },
	{ "sidecar.istio.io/extraStatTags", ON_POD, NULL },
	{ "sidecar.istio.io/inject", ON_POD | DEPRECATED, NULL },
	{ "sidecar.istio.io/interceptionMode", ON_POD, NULL },
	{ "sidecar.istio.io/logLevel", ON_POD, NULL },
	{ "sidecar.istio.io/nativeSidecar", ON_POD, NULL },
	{ "sidecar.istio.io/proxyCPU", ON_POD, NULL },
	{ "sidecar.istio.io/proxyCPULimit", ON_POD, NULL },
	{ "sidecar.istio.io/proxyImage", ON_POD, NULL },
	{ "sidecar.istio.io/proxyImageType", ON_POD, NULL },
	{ "sidecar.istio.io/proxyMemory", ON_POD, NULL },
	{ "sidecar.istio.io/proxyMemoryLimit", ON_POD, NULL },
	{ "sidecar.istio.io/rewriteAppHTTPProbers", ON_POD, NULL },
	{ "sidecar.istio.io/statsCompression", ON_POD, NULL },
	{ "sidecar.istio.io/statsEvictionInterval", ON_POD, NULL },
	{ "sidecar.istio.io/statsHistogramBuckets", ON_POD, NULL },
	{ "sidecar.istio.io/statsInclusionPrefixes", ON_POD | DEPRECATED, NULL },
	{ "sidecar.istio.io/statsInclusionRegexps", ON_POD | DEPRECATED, NULL },
	{ "sidecar.istio.io/statsInclusionSuffixes", ON_POD | DEPRECATED, NULL },
	{ "sidecar.istio.io/status", ON_POD, NULL },
	{ "sidecar.istio.io/userVolume", ON_POD, NULL },
	{ "sidecar.istio.io/userVolumeMount", ON_POD, NULL },
	{ "status.sidecar.istio.io/port", ON_POD, NULL },
	{ "topology.istio.io/controlPlaneClusters", ON_NAMESPACE, NULL },
	{ "traffic.istio.io/nodeSelector", ON_SERVICE, NULL },
	{ "traffic.sidecar.istio.io/excludeInboundPorts", ON_POD, NULL },
	{ "traffic.sidecar.istio.io/excludeInterfaces", ON_POD, NULL },
	{ "traffic.sidecar.istio.io/excludeOutboundIPRanges", ON_POD, NULL },
	{ "traffic.sidecar.istio.io/excludeOutboundPorts", ON_POD, NULL },
	{ "traffic.sidecar.istio.io/includeInboundPorts", ON_POD, NULL },
	{ "traffic.sidecar.istio.io/includeOutboundIPRanges", ON_POD, NULL },
	{ "traffic.sidecar.istio.io/includeOutboundPorts", ON_POD, NULL },
	{ "traffic.sidecar.istio.io/kubevirtInterfaces", ON_POD | DEPRECATED, NULL },
};

static int by_name(const void *key, const void *at)
{
	return strcmp(key, ((const struct annotation *)at)->name);
}

/* The part before the slash ends with istio.io; parents and the like are Istio's own business. */
static bool is_istio(const char *name)
{
	size_t n = strcspn(name, "/");

	if (strcmp(name, "kubernetes.io/ingress.class") == 0)
		return true;
	return n >= 8 && strncmp(name + n - 8, "istio.io", 8) == 0 && strncmp(name, "internal.", 9) != 0;
}

static unsigned int place_of(const struct hdl_resource *res)
{
	return res->kind == HDL_KIND_POD ? ON_POD : res->kind == HDL_KIND_SERVICE ? ON_SERVICE : ON_NAMESPACE;
}

static const char *places_of(struct an *an, const struct annotation *annotation)
{
	if (annotation->others)
		return annotation->others;
	return an_printf(an, "%s%s%s%s", annotation->on & ON_SERVICE ? "Service" : "",
			 annotation->on & ON_NAMESPACE ? annotation->on & ON_SERVICE ? ", Namespace" : "Namespace" : "",
			 annotation->on & ON_POD ? "Pod" : "", "");
}

/* ---- values ---- */

static bool is_port(const char *s, size_t n)
{
	unsigned long value = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9' || value > 65535)
			return false;
		value = value * 10 + (unsigned long)(s[i] - '0');
	}
	return n && value <= 65535;
}

static bool is_cidr(const char *s, size_t n)
{
	const char *slash = memchr(s, '/', n);
	size_t address = slash ? (size_t)(slash - s) : n;
	struct hdl_addr parsed;
	uint64_t bits;

	if (hdl_addr_parse((struct hdl_str){ s, address }, &parsed) < 0)
		return false;
	return !slash || hdl_str_u64((struct hdl_str){ slash + 1, n - address - 1 }, 128, &bits) == 0;
}

/* What is wrong with the value; NULL: nothing that is known. */
static const char *problem_of(struct an *an, const char *name, const char *value)
{
	bool ranges = strstr(name, "IPRanges") != NULL;
	bool ports = !ranges && strncmp(name, "traffic.sidecar.istio.io/", 25) == 0 && strstr(name, "Ports");

	if ((!ranges && !ports) || strcmp(value, "*") == 0)
		return NULL;
	for (const char *p = value; *p;) {
		size_t n = strcspn(p, ","), blank = strspn(p, " ");

		if (!(ranges ? is_cidr(p + blank, n - blank) : is_port(p + blank, n - blank)))
			return an_printf(an, "\"%.*s\" is no %s", (int)(n > 100 ? 100 : n), p,
					 ranges ? "address range" : "port");
		p += n + (p[n] == ',');
	}
	return NULL;
}

static void check(struct an *an, const struct hdl_resource *res, const struct hdl_kv *kv)
{
	const struct annotation *annotation = bsearch(
		kv->key, annotations, sizeof(annotations) / sizeof(annotations[0]), sizeof(annotations[0]), by_name);
	bool inject = strcmp(kv->key, "sidecar.istio.io/inject") == 0;
	const char *problem;

	if (!annotation) {
		an_report(an, HDL_AN_UNKNOWN_ANNOTATION, res, kv->pos, kv->key);
		return;
	}
	if ((annotation->on & DEPRECATED) && !(inject && hdl_kvs_get(&res->labels, kv->key)))
		an_report(an, HDL_AN_DEPRECATED_ANNOTATION, res, kv->pos, kv->key,
			  inject ? " in favor of the \"sidecar.istio.io/inject\" label" : "");
	if (annotation->on & ON_ANY)
		return;
	if (!(annotation->on & place_of(res))) {
		an_report(an, HDL_AN_MISPLACED_ANNOTATION, res, kv->pos, kv->key, places_of(an, annotation));
		return;
	}
	problem = problem_of(an, kv->key, kv->value);
	if (problem)
		an_report(an, HDL_AN_INVALID_ANNOTATION, res, kv->pos, kv->key, problem);
}

void an_annotations(struct an *an)
{
	static const enum hdl_kind kinds[] = { HDL_KIND_NAMESPACE, HDL_KIND_SERVICE, HDL_KIND_POD };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (size_t k = 0; k < an->kind[kinds[i]].n && !an->no_memory; k++) {
			const struct hdl_resource *res = an->kind[kinds[i]].at[k];

			for (size_t m = 0; m < res->annotations.n; m++)
				if (is_istio(res->annotations.at[m].key))
					check(an, res, &res->annotations.at[m]);
		}
}
