/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which blocks of DestinationRules are in force for a port and a subset, sentence by sentence of specification A.7, and
 * what meshConfig fills in (A.7, D.5).
 */
#include "unit/unit.h"
#include "unit/xlate/load.h"

#define SERVICE                                                                                     \
	"apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: a}\n"                        \
	"spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}, {name: http-2, port: 90}]}\n"  \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: c, namespace: a}\n"                   \
	"spec: {clusterIP: 10.0.0.2, sessionAffinity: ClientIP, ports: [{name: http, port: 80}],\n" \
	"  sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}}\n---\n"
#define RULE(name, spec)                                                                                        \
	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " name ", namespace: a}\n" \
	"spec: {host: s, " spec "}\n---\n"
#define MESH(config)                                                                                      \
	"apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: o, namespace: a}\n" \
	"spec: {meshConfig: {" config "}}\n---\n"
#define NODE(spec) "apiVersion: heddle.io/v1alpha1\nkind: NodeConfig\nmetadata: {name: n}\nspec: {" spec "}\n---\n"

#define S 1000000000ull

static const struct hdl_ir_cluster *cluster(const struct load *l, const char *name)
{
	const struct hdl_ir_cluster *c = hdl_snapshot_find_cluster(l->snapshot, name);

	if (!c)
		fail_msg("no cluster %s", name);
	return c;
}

#define TOP                                                                                                                \
	"trafficPolicy: {loadBalancer: {simple: RANDOM}, connectionPool: {tcp: {connectTimeout: 3s, maxConnections: 7}}, " \
	"outlierDetection: {consecutive5xxErrors: 9}"
#define SUBSET "subsets: [{name: v1, labels: {v: '1'}"

static void effective(void **state)
{
	static const struct {
		const char *sentence, *text, *cluster;
		enum hdl_policy policy;
		uint64_t connect_s;
		uint32_t consecutive; /* 0: no outlierDetection */
		uint32_t max_connections;
	} cases[] = {
		{ "the top level", RULE("r", TOP "}"), "outbound|80||s.a.svc.cluster.local", HDL_POLICY_RANDOM, 3, 9,
		  7 },
		{ "a port-level entry replaces all blocks, those it lacks too",
		  RULE("r", TOP ", portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: ROUND_ROBIN}}]}"),
		  "outbound|80||s.a.svc.cluster.local", HDL_POLICY_ROUND_ROBIN, 10, 0, 0 },
		{ "an entry for another port does not",
		  RULE("r", TOP ", portLevelSettings: [{port: {number: 90}, loadBalancer: {simple: ROUND_ROBIN}}]}"),
		  "outbound|80||s.a.svc.cluster.local", HDL_POLICY_RANDOM, 3, 9, 7 },
		{ "a subset without a policy has that of the destination", RULE("r", TOP "}, " SUBSET "}]"),
		  "outbound|80|v1|s.a.svc.cluster.local", HDL_POLICY_RANDOM, 3, 9, 7 },
		{ "a block of the subset replaces the whole block, never field by field",
		  RULE("r",
		       TOP "}, " SUBSET
			   ", trafficPolicy: {connectionPool: {tcp: {maxConnections: 5}}, outlierDetection: {}}}]"),
		  "outbound|80|v1|s.a.svc.cluster.local", HDL_POLICY_RANDOM, 10, 5, 5 },
		{ "blocks that the subset does not set stay",
		  RULE("r", TOP "}, " SUBSET ", trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}]"),
		  "outbound|80|v1|s.a.svc.cluster.local", HDL_POLICY_ROUND_ROBIN, 3, 9, 7 },
		{ "the subset starts from the port level of the destination",
		  RULE("r", TOP
		       ", portLevelSettings: [{port: {number: 80}, outlierDetection: {consecutive5xxErrors: 4}}]}, " SUBSET
		       ", trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}]"),
		  "outbound|80|v1|s.a.svc.cluster.local", HDL_POLICY_ROUND_ROBIN, 10, 4, 0 },
		{ "the port level of a subset replaces all blocks",
		  RULE("r",
		       TOP "}, " SUBSET ", trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}, portLevelSettings: "
			   "[{port: {number: 80}, connectionPool: {tcp: {connectTimeout: 2s}}}]}}]"),
		  "outbound|80|v1|s.a.svc.cluster.local", HDL_POLICY_LEAST_REQUEST, 2, 0, 0 },
		{ "and is not for other ports",
		  RULE("r",
		       TOP "}, " SUBSET ", trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}, portLevelSettings: "
			   "[{port: {number: 80}, connectionPool: {tcp: {connectTimeout: 2s}}}]}}]"),
		  "outbound|90|v1|s.a.svc.cluster.local", HDL_POLICY_ROUND_ROBIN, 3, 9, 7 },
		{ "of several rules the first policy counts, and all subsets",
		  RULE("r", SUBSET "}]") RULE("t", TOP "}")
			  RULE("u", "trafficPolicy: {loadBalancer: {simple: PASSTHROUGH}}"),
		  "outbound|80|v1|s.a.svc.cluster.local", HDL_POLICY_RANDOM, 3, 9, 7 },
		{ "a duplicate subset: the first is kept",
		  RULE("r", SUBSET ", trafficPolicy: {loadBalancer: {simple: RANDOM}}}]")
			  RULE("t", SUBSET ", trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}]"),
		  "outbound|80|v1|s.a.svc.cluster.local", HDL_POLICY_RANDOM, 10, 0, 0 },
		{ "the mesh fills blocks that are not there",
		  MESH("connectTimeout: 4s, defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: 6}}, "
		       "outlierDetection: {consecutive5xxErrors: 8}}")
			  RULE("r", "trafficPolicy: {loadBalancer: {simple: RANDOM}}"),
		  "outbound|80||s.a.svc.cluster.local", HDL_POLICY_RANDOM, 4, 8, 6 },
		{ "and not those that are",
		  MESH("connectTimeout: 4s, defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: 6}}, "
		       "outlierDetection: {consecutive5xxErrors: 8}}") RULE("r", TOP "}"),
		  "outbound|80||s.a.svc.cluster.local", HDL_POLICY_RANDOM, 3, 9, 7 },
		{ "also where there is no rule", MESH("defaultTrafficPolicy: {outlierDetection: {}}"),
		  "outbound|80||s.a.svc.cluster.local", HDL_POLICY_LEAST_REQUEST, 10, 5, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hdl_buf text = { 0 };
		const struct hdl_ir_cluster *c;
		struct load l;

		hdl_buf_printf(&text, SERVICE "%s", cases[i].text);
		load(&l, text.p);
		if (l.diags.errors)
			fail_msg("%s: %s", cases[i].sentence, l.diags.at[0].message);
		c = cluster(&l, cases[i].cluster);
		if (c->policy != cases[i].policy || c->connect_timeout_ns != cases[i].connect_s * S ||
		    c->outlier.enabled != (cases[i].consecutive != 0) ||
		    c->outlier.consecutive_5xx != cases[i].consecutive ||
		    c->pool.max_connections != cases[i].max_connections)
			fail_msg("%s: policy %d connect %llu outlier %u connections %u", cases[i].sentence, c->policy,
				 (unsigned long long)(c->connect_timeout_ns / S), c->outlier.consecutive_5xx,
				 c->pool.max_connections);
		load_done(&l);
		hdl_buf_done(&text);
	}
}

/* C.5: every field of connectionPool is there. */
static void pool_fields(void **state)
{
	const struct hdl_ir_cluster *c;
	struct load l;

	(void)state;
	load(&l,
	     SERVICE RULE("r", "trafficPolicy: {connectionPool: {tcp: {maxConnections: 1, maxConnectionDuration: 2s, "
			       "idleTimeout: 3s, tcpKeepalive: {probes: 4, time: 5s, interval: 1500ms}}, http: "
			       "{http1MaxPendingRequests: 6, http2MaxRequests: 7, maxRetries: 8, "
			       "maxRequestsPerConnection: 9, maxConcurrentStreams: 10}}}"));
	c = cluster(&l, "outbound|80||s.a.svc.cluster.local");
	assert_int_equal(c->pool.max_connections, 1);
	assert_int_equal(c->pool.max_connection_duration_ns, 2 * S);
	assert_int_equal(c->idle_timeout_ns, 3 * S);
	assert_true(c->keepalive.on);
	assert_int_equal(c->keepalive.probes, 4);
	assert_int_equal(c->keepalive.time_s, 5);
	assert_int_equal(c->keepalive.interval_s, 2); /* whole seconds */
	assert_int_equal(c->pool.max_pending_requests, 6);
	assert_int_equal(c->pool.max_requests, 7);
	assert_int_equal(c->pool.max_retries, 8);
	assert_int_equal(c->max_requests_per_connection, 9);
	assert_int_equal(c->pool.max_concurrent_streams, 10);
	/* D.4: affinity of the Service, with its time */
	c = cluster(&l, "outbound|80||c.a.svc.cluster.local");
	assert_int_equal(c->policy, HDL_POLICY_MAGLEV);
	assert_int_equal(c->affinity_timeout_s, 60);
	assert_false(c->keepalive.on);
	load_done(&l);
}

/* D.5: what NodeConfig does not say, meshConfig does. */
static void mesh_and_node(void **state)
{
	static const char mesh[] = MESH("rootNamespace: root, accessLogFile: /tmp/mesh, accessLogEncoding: JSON, "
					"tcpKeepalive: {time: 20s}");
	struct hdl_buf text = { 0 };
	struct load l;

	(void)state;
	hdl_buf_printf(&text, SERVICE "%s", mesh);
	load(&l, text.p);
	assert_string_equal(l.snapshot->node.root_namespace, "root");
	assert_string_equal(l.snapshot->node.access_log_path, "/tmp/mesh");
	assert_true(l.snapshot->node.access_log_json);
	assert_int_equal(cluster(&l, "outbound|80||s.a.svc.cluster.local")->keepalive.time_s, 20);
	load_done(&l);
	hdl_buf_adds(&text, NODE("rootNamespace: own, accessLog: {path: /tmp/own}"));
	load(&l, text.p);
	assert_string_equal(l.snapshot->node.root_namespace, "own");
	assert_string_equal(l.snapshot->node.access_log_path, "/tmp/own");
	assert_false(l.snapshot->node.access_log_json);
	load_done(&l);
	hdl_buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(effective),
		cmocka_unit_test(pool_fields),
		cmocka_unit_test(mesh_and_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
