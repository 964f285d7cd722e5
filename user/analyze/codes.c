/* SPDX-License-Identifier: Apache-2.0 */
/* The table of messages: code, level, wording, and what the documentation says of each. */
#include "analyze/analyze.h"

#define E HDL_AN_ERROR
#define W HDL_AN_WARNING
#define I HDL_AN_INFO

#define IST(number, name, level, analyzer, format, about, remedy)          \
	{                                                                  \
		"IST" number, name, level, analyzer, format, about, remedy \
	}
/* Heddle's own are worded where they are found. */
#define HDL(number, name, level, analyzer, about, remedy)                \
	{                                                                \
		"HDL" number, name, level, analyzer, "%s", about, remedy \
	}

const struct hdl_an_code hdl_an_codes[HDL_AN_TYPES] = {
	[HDL_AN_DEPRECATED] = IST("0002", "Deprecated", W, "deprecation.DeprecationAnalyzer", "Deprecated: %s",
				  "a deprecated field is used", "use the field that the message names"),
	[HDL_AN_REFERENCE_NOT_FOUND] =
		IST("0101", "ReferencedResourceNotFound", E, "virtualservice.DestinationHostAnalyzer",
		    "Referenced %s not found: %q",
		    "a host, a port of a host, a mirror host, a subset, a Gateway, a selector or a credential is "
		    "referred to and is not there",
		    "correct the name, or add the object"),
	[HDL_AN_NAMESPACE_NOT_INJECTED] = IST(
		"0102", "NamespaceNotInjected", I, "injection.Analyzer", "%s",
		"never: traffic of every pod of the node is taken over, so nothing is injected", "nothing is needed"),
	[HDL_AN_SCHEMA_ERROR] = IST("0106", "SchemaValidationError", E, "schema.ValidationAnalyzer",
				    "Schema validation error: %s", "a document is refused, or is no YAML",
				    "correct the field at that line; the last accepted version stays in force"),
	[HDL_AN_MISPLACED_ANNOTATION] = IST("0107", "MisplacedAnnotation", W, "annotations.K8sAnalyzer",
					    "Misplaced annotation: %s can only be applied to %s",
					    "an annotation of Istio is on a kind of object for which it has no meaning",
					    "move it to an object of that kind"),
	[HDL_AN_UNKNOWN_ANNOTATION] =
		IST("0108", "UnknownAnnotation", W, "annotations.K8sAnalyzer", "Unknown annotation: %s",
		    "an annotation under istio.io is none of Istio's", "correct its name, or remove it"),
	[HDL_AN_MESH_HOST_CONFLICT] =
		IST("0109", "ConflictingMeshGatewayVirtualServiceHosts", E,
		    "virtualservice.ConflictingMeshGatewayHostsAnalyzer",
		    "The VirtualServices %s associated with mesh gateway define the same host %s which can lead to "
		    "undefined behavior. This can be fixed by merging the conflicting VirtualServices into a single "
		    "resource.",
		    "several VirtualServices that the same clients see name one host for the mesh: only the first "
		    "is in force",
		    "merge them into one"),
	[HDL_AN_SIDECAR_CONFLICT] =
		IST("0110", "ConflictingSidecarWorkloadSelectors", E, "sidecar.SelectorAnalyzer",
		    "The Sidecars %s in namespace %q select the same workload pod %q, which can lead to undefined "
		    "behavior.",
		    "several Sidecars select one pod", "let each pod be selected by one"),
	[HDL_AN_SIDECARS_WITHOUT_SELECTOR] =
		IST("0111", "MultipleSidecarsWithoutWorkloadSelectors", E, "sidecar.DefaultSelectorAnalyzer",
		    "The Sidecars %s in namespace %q have no workload selector, which can lead to undefined behavior.",
		    "a namespace has several Sidecars for all of its pods", "keep one"),
	[HDL_AN_PORT_REQUIRED] = IST(
		"0112", "VirtualServiceDestinationPortSelectorRequired", E, "virtualservice.DestinationHostAnalyzer",
		"This VirtualService routes to a service %q that exposes multiple ports %s. Specifying a port in "
		"the destination is required to disambiguate.",
		"a destination without port leads to a service with several ports", "add destination.port.number"),
	[HDL_AN_PORT_NAME] =
		IST("0118", "PortNameIsNotUnderNamingConvention", I, "service.PortNameAnalyzer",
		    "Port name %s (port: %d, targetPort: %s) doesn't follow the naming convention of Istio port.",
		    "neither name nor appProtocol of a service port says its protocol, so that it is detected",
		    "begin the name with the protocol, as in http-web, or set appProtocol"),
	[HDL_AN_INVALID_ANNOTATION] =
		IST("0125", "InvalidAnnotation", W, "annotations.K8sAnalyzer", "Invalid annotation %s: %s",
		    "the value of an annotation is not understood", "correct the value"),
	[HDL_AN_NO_WORKLOADS] = IST("0127", "NoMatchingWorkloadsFound", W, "serviceentry.WorkloadSelectorAnalyzer",
				    "No matching workloads for this resource with the following labels: %s",
				    "the workloadSelector of a ServiceEntry selects neither a pod nor a WorkloadEntry",
				    "correct the labels"),
	[HDL_AN_UNVERIFIED_TLS] = IST(
		"0128", "NoServerCertificateVerificationDestinationLevel", W, "destinationrule.CaCertificateAnalyzer",
		"DestinationRule %s in namespace %s has TLS mode set to %s but no caCertificates are set to "
		"validate server identity for host: %s",
		"TLS to a service does not check whose certificate it is shown", "set caCertificates"),
	[HDL_AN_UNVERIFIED_TLS_PORT] =
		IST("0129", "NoServerCertificateVerificationPortLevel", W, "destinationrule.CaCertificateAnalyzer",
		    "DestinationRule %s in namespace %s has TLS mode set to %s but no caCertificates are set to "
		    "validate server identity for host: %s at port %s",
		    "the same for one port", "set caCertificates"),
	[HDL_AN_UNREACHABLE_RULE] = IST("0130", "VirtualServiceUnreachableRule", W, "schema.ValidationAnalyzer",
					"VirtualService rule %s not used (%s).",
					"a rule follows one without matches, or repeats only matches of earlier rules",
					"put the rule without matches last, and remove doubles"),
	[HDL_AN_INEFFECTIVE_MATCH] =
		IST("0131", "VirtualServiceIneffectiveMatch", I, "schema.ValidationAnalyzer",
		    "VirtualService rule %s match %s is not used (duplicate/overlapping match in rule %s).",
		    "a match repeats one of an earlier rule, or its prefix begins with that of an earlier one",
		    "put the more specific match first"),
	[HDL_AN_HOST_NOT_IN_GATEWAY] =
		IST("0132", "VirtualServiceHostNotFoundInGateway", W, "virtualservice.GatewayAnalyzer",
		    "one or more host %s defined in VirtualService %s not found in Gateway %s.",
		    "no server of the Gateway accepts any host of the VirtualService",
		    "add the host to a server of the Gateway"),
	[HDL_AN_SCHEMA_WARNING] =
		IST("0133", "SchemaWarning", W, "schema.ValidationAnalyzer", "Schema validation warning: %s",
		    "the validation has a warning", "do what the message says"),
	[HDL_AN_ADDRESSES_REQUIRED] =
		IST("0134", "ServiceEntryAddressesRequired", W, "serviceentry.Analyzer",
		    "ServiceEntry addresses are required for this protocol.",
		    "a ServiceEntry has a port of TCP, and no addresses by which its traffic could be told apart",
		    "add addresses"),
	[HDL_AN_DEPRECATED_ANNOTATION] =
		IST("0135", "DeprecatedAnnotation", I, "annotations.K8sAnalyzer",
		    "Annotation %q has been deprecated%s and may not work in future Istio versions.",
		    "an annotation is deprecated", "use what replaces it"),
	[HDL_AN_DUPLICATE_CERTIFICATE] =
		IST("0138", "GatewayDuplicateCertificate", W, "gateway.CertificateAnalyzer",
		    "Duplicate certificate in multiple gateways %s may cause 404s if clients re-use HTTP2 "
		    "connections.",
		    "Gateways of the same workload show one certificate: a browser may send requests for one host "
		    "over a connection that was made for the other",
		    "put the servers into one Gateway, or use certificates of their own"),
	[HDL_AN_SUBSET_WITHOUT_EFFECT] =
		IST("0140", "IngressRouteRulesNotAffected", W, "virtualservice.DestinationHostAnalyzer",
		    "Subset in virtual service %s has no effect on ingress gateway %s requests",
		    "a VirtualService of a gateway routes to a host without subset while another one routes the host "
		    "itself to subsets: requests of the gateway do not meet the second",
		    "name the subset in the VirtualService of the gateway"),
	[HDL_AN_GATEWAY_CONFLICT] = IST(
		"0145", "ConflictingGateways", E, "gateway.ConflictingGatewayAnalyzer",
		"Conflict with gateways %s (workload selector %s, port %s, hosts %s).",
		"Gateways of the same workload accept one host on one port: only the first does", "merge the servers"),
	[HDL_AN_EXTERNAL_NAME_PORT] =
		IST("0150", "ExternalNameServiceTypeInvalidPortName", W, "service.PortNameAnalyzer",
		    "Port name for ExternalName service is invalid. Proxy may prevent tcp named ports and unmatched "
		    "traffic for ports serving TCP protocol from being forwarded correctly",
		    "a port of an ExternalName service is named tcp or not by its protocol",
		    "name the port by its protocol"),
	[HDL_AN_INVALID_CREDENTIAL] =
		IST("0161", "InvalidGatewayCredential", E, "gateway.SecretAnalyzer",
		    "The credential referenced by the Gateway %s in namespace %s is invalid, which can cause the "
		    "traffic not to work as expected.",
		    "the Secret of a server lacks tls.crt or tls.key, or they are no PEM", "correct the Secret"),
	[HDL_AN_GATEWAY_PORT] =
		IST("0162", "GatewayPortNotDefinedOnService", W, "gateway.IngressGatewayPortAnalyzer",
		    "The gateway is listening on a target port (port %d) that is not defined in the Service associated "
		    "with its workload instances (Pod selector %s). If you need to access the gateway port through the "
		    "gateway Service, it will not be available.",
		    "no Service of the gateway's pods leads to a port of the Gateway", "add the port to the Service"),
	[HDL_AN_INTERNAL_GATEWAY] =
		IST("0165", "ReferencedInternalGateway", W, "virtualservice.GatewayAnalyzer",
		    "Gateway reference in VirtualService %s is to an implementation-generated internal Gateway: %s.",
		    "a VirtualService names a Gateway that Istio made from one of the Gateway API",
		    "use an HTTPRoute with parentRefs"),
	[HDL_AN_NEGATIVE_CONDITION] =
		IST("0171", "NegativeConditionStatus", W, "conditions.ConditionAnalyzer",
		    "A condition with a negative status is present: type=%s, reason=%s, message=%s.",
		    "a condition in the status of an object is False", "do what its message says"),
	[HDL_AN_EMPTY_SUBSET] =
		IST("0173", "DestinationRuleSubsetNotSelectPods", E, "destinationrule.SubsetSelectPodAnalyzer",
		    "The Subset %s defined in the DestinationRule does not select any pods. Which may lead to 503 UH "
		    "(NoHealthyUpstream).",
		    "no pod of the service has the labels of the subset; without pods in the files it is always so",
		    "correct the labels of the subset or of the pods"),
	[HDL_AN_UNKNOWN_RULE_HOST] =
		IST("0174", "UnknownDestinationRuleHost", W, "destinationrule.SubsetSelectPodAnalyzer",
		    "The host %s defined in the DestinationRule does not match any services in the mesh.",
		    "a DestinationRule is about a host that nobody knows", "correct the host, or add the service"),
	[HDL_AN_ENTRY_PROTOCOLS] = IST(
		"0177", "ConflictingServiceEntryProtocol", W, "serviceentry.ConflictingServiceEntryProtocolAnalyzer",
		"Multiple ServiceEntries (%s) define the same host %q and port %d with conflicting protocols (%s).",
		"ServiceEntries that the same clients see give one port of a host different protocols",
		"agree on one protocol"),

	[HDL_AN_RETRY_AMPLIFICATION] = HDL(
		"0001", "RetryAmplification", W, "heddle.ChainAnalyzer",
		"several hops of a chain of calls retry: the tries multiply. Reported at the end of a chain of known "
		"calls on which at least two rules ask for retries, with the product of the worst case, such as 9x or "
		"27x; a hop whose rule says nothing counts with the default of the mesh",
		"retry at one place of the chain, preferably the outermost, and give the inner ones attempts: 0"),
	[HDL_AN_OUTER_TIMEOUT] =
		HDL("0002", "OuterTimeoutShorter", W, "heddle.ChainAnalyzer",
		    "a caller gives up sooner than the service which it waits for: that one works on for nobody, and a "
		    "retry of the caller doubles the work. Tries are counted: without a timeout of its own a rule may "
		    "take perTryTimeout x (attempts + 1)",
		    "let deadlines shrink from the outside inward"),
	[HDL_AN_TIMEOUT_BELOW_TRIES] =
		HDL("0003", "TimeoutBelowTries", W, "heddle.RetryAnalyzer",
		    "the timeout of a rule is shorter than perTryTimeout x (attempts + 1). A warning when the last try "
		    "cannot begin at all, Info when it begins and is cut short",
		    "raise the timeout, or lower attempts or perTryTimeout"),
	[HDL_AN_NO_CATCH_ALL] =
		HDL("0004", "NoCatchAll", W, "heddle.RuleAnalyzer",
		    "every http rule of a VirtualService for the mesh has conditions: a request that meets none gets "
		    "404 with the flag NR. Info for VirtualServices of gateways only, where that may be meant",
		    "end with a rule without match"),
	[HDL_AN_COVERED_RULE] =
		HDL("0005", "CoveredRule", W, "heddle.RuleAnalyzer",
		    "every match of a rule is covered by a wider one of an earlier rule, such as a shorter prefix, so "
		    "that the rule is never used. Not reported where IST0130 says so",
		    "put the more specific rule first"),
	[HDL_AN_SCATTERED_HOST] =
		HDL("0006", "ScatteredHost", W, "heddle.RuleAnalyzer",
		    "several VirtualServices of one gateway name the same host: their rules are joined in the order in "
		    "which the objects were made, which nothing in the files shows. For the mesh see IST0109",
		    "keep one VirtualService for each host"),
	[HDL_AN_LOCALITY_WITHOUT_OUTLIER] =
		HDL("0007", "LocalityWithoutOutlierDetection", W, "heddle.DestinationRuleAnalyzer",
		    "failover between localities is asked for, and nothing tells when endpoints are unhealthy, so that "
		    "it never happens",
		    "add outlierDetection beside the loadBalancer"),
	[HDL_AN_EJECTS_ALL] =
		HDL("0008", "EveryEndpointMayBeEjected", W, "heddle.DestinationRuleAnalyzer",
		    "maxEjectionPercent is 100, without minHealthPercent, and the service has at most 10 endpoints, or "
		    "the files do not show how many: a partial failure becomes a full one",
		    "maxEjectionPercent: 50 or lower, and minHealthPercent as a safety net"),
	[HDL_AN_EAGER_EJECTION] =
		HDL("0009", "EagerEjection", W, "heddle.DestinationRuleAnalyzer",
		    "one or two errors in a row eject an endpoint, as they come after every deployment",
		    "consecutive5xxErrors: 3 or more"),
	[HDL_AN_UNSAFE_RETRY] =
		HDL("0010", "UnsafeRetry", W, "heddle.RetryAnalyzer",
		    "a rule for POST or PATCH retries on conditions under which the first try may have taken effect, "
		    "and does not ask for an idempotency key",
		    "attempts: 0, or retryOn: connect-failure,refused-stream,reset-before-request"),
	[HDL_AN_NEEDLESS_REGEX] =
		HDL("0011", "NeedlessRegex", I, "heddle.RuleAnalyzer",
		    "a regular expression says what a prefix or an exact value says, at a higher cost for each request",
		    "use the prefix or the exact value that the message names"),
	[HDL_AN_GLOBAL_FAULT] =
		HDL("0012", "GlobalFault", W, "heddle.HttpAnalyzer",
		    "faults are injected into requests that no header marks as tests",
		    "give every match of the rule a condition on a header, and add a rule without fault behind it"),
	[HDL_AN_MIRRORED_WRITES] =
		HDL("0013", "MirroredWrites", W, "heddle.HttpAnalyzer",
		    "copies of requests that write are sent to a service that writes as well. A warning when the rule "
		    "matches POST, PUT, PATCH or DELETE, Info when it matches every method; neither when the mirror's "
		    "Service has the annotation heddle.io/mirror-safe: \"true\"",
		    "mirror reads only, or let the mirror ignore writes and say so by the annotation"),
	[HDL_AN_WEIGHTS] =
		HDL("0014", "Weights", W, "heddle.HttpAnalyzer",
		    "the weights of a rule do not sum to 100: shares are weight / sum, which is seldom what was meant",
		    "let the weights sum to 100"),
	[HDL_AN_UNREGISTERED_HOST] = HDL(
		"0015", "UnregisteredHost", W, "heddle.RegistryAnalyzer",
		"under REGISTRY_ONLY a host outside the cluster is called that no ServiceEntry registers: HTTP gets "
		"502, everything else is closed",
		"add a ServiceEntry"),
	[HDL_AN_NOT_ENFORCED] =
		HDL("0016", "NotEnforced", I, "schema.ValidationAnalyzer",
		    "a field or a kind is accepted and has no effect in this version of Heddle", "do not rely on it"),
	[HDL_AN_LIMIT] = HDL("0017", "Limit", I, "heddle.RuleAnalyzer",
			     "an analyzer met a limit, so that something may be wrong which is not reported",
			     "split the object"),
	[HDL_AN_PRIORITY_ORDER] =
		HDL("0018", "FailoverPriorityOrder", I, "heddle.DestinationRuleAnalyzer",
		    "failoverPriority names the zone before the region. Labels count as a prefix that grows from the "
		    "front of the list, so an endpoint of another zone in the same region has the lowest priority",
		    "name the region first"),
	[HDL_AN_EJECTS_NONE] =
		HDL("0019", "NothingIsEjected", I, "heddle.DestinationRuleAnalyzer",
		    "maxEjectionPercent allows less than one of the endpoints that there are, so that none is ejected",
		    "raise maxEjectionPercent to 100 / number of endpoints or more"),
	[HDL_AN_TIMED_FAULT] =
		HDL("0020", "TimeoutBesideDelay", I, "heddle.HttpAnalyzer",
		    "the delay of a fault is longer than the timeout of the same rule. The timeout begins behind the "
		    "delay, so that it does not cut it",
		    "put the delay on the other side of the hop that has the timeout"),
};

const struct hdl_an_analyzer hdl_an_analyzers[] = {
	{ "annotations.K8sAnalyzer", "Checks for misplaced and invalid Istio annotations in Kubernetes resources" },
	{ "conditions.ConditionAnalyzer", "Checks for negative status conditions on resources" },
	{ "deprecation.DeprecationAnalyzer", "Checks for deprecated Istio types and fields" },
	{ "destinationrule.CaCertificateAnalyzer", "Checks if caCertificates is set when TLS mode is SIMPLE/MUTUAL" },
	{ "destinationrule.SubsetSelectPodAnalyzer", "Checks if pods are selected by subsets in destination rules." },
	{ "gateway.CertificateAnalyzer", "Checks a gateway certificate" },
	{ "gateway.ConflictingGatewayAnalyzer", "Checks a gateway's selector, port number and hosts" },
	{ "gateway.IngressGatewayPortAnalyzer",
	  "Checks a gateway's ports against the gateway's Kubernetes service ports" },
	{ "gateway.SecretAnalyzer", "Checks a gateway's referenced secrets for correctness" },
	{ "heddle.ChainAnalyzer", "Checks retries and timeouts along chains of calls" },
	{ "heddle.DestinationRuleAnalyzer", "Checks for settings of outlier detection and locality that do harm" },
	{ "heddle.HttpAnalyzer", "Checks faults, mirrors and weights of http rules" },
	{ "heddle.RegistryAnalyzer", "Checks for hosts that REGISTRY_ONLY blocks" },
	{ "heddle.RetryAnalyzer", "Checks the retries of a rule against its timeout and its methods" },
	{ "heddle.RuleAnalyzer", "Checks for rules that are missing, never used, or scattered" },
	{ "schema.ValidationAnalyzer", "Runs schema validation as an analyzer on every document" },
	{ "service.PortNameAnalyzer", "Checks the port names associated with each service" },
	{ "serviceentry.Analyzer", "Checks the validity of ServiceEntry" },
	{ "serviceentry.ConflictingServiceEntryProtocolAnalyzer",
	  "Checks if multiple ServiceEntries define the same host and port with different protocols" },
	{ "serviceentry.WorkloadSelectorAnalyzer", "Checks that selectors of ServiceEntries select something" },
	{ "sidecar.DefaultSelectorAnalyzer",
	  "Validates that there aren't multiple sidecar resources that have no selector" },
	{ "sidecar.SelectorAnalyzer",
	  "Validates that sidecars that define a workload selector match at least one pod, and that there aren't "
	  "multiple sidecar resources that select overlapping pods" },
	{ "virtualservice.ConflictingMeshGatewayHostsAnalyzer",
	  "Checks if multiple virtual services associated with the mesh gateway have conflicting hosts" },
	{ "virtualservice.DestinationHostAnalyzer",
	  "Checks the destination hosts associated with each virtual service" },
	{ "virtualservice.DestinationRuleAnalyzer",
	  "Checks the destination rules associated with each virtual service" },
	{ "virtualservice.GatewayAnalyzer", "Checks the gateways associated with each virtual service" },
	{ 0 },
};
