/* SPDX-License-Identifier: Apache-2.0 */
/* What a change would do: rules B.2 (which rule takes a request), B.5 and C (weights), C.3 (hash tables), by example. */
#include "unit/unit.h"
#include "lb/maglev.h"
#include "lb/ring.h"
#include "model/store.h"
#include "plan/preview.h"
#include "route/table.h"
#include "xlate/xlate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOC(kind, name, spec)                                                             \
	"---\napiVersion: networking.istio.io/v1\nkind: " kind "\nmetadata: {name: " name \
	", namespace: d}\nspec: " spec "\n"
#define SERVICES                                                                                      \
	"apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: d}\n"                        \
	"spec: {clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], ports: [{name: http, port: 80}]}\n---\n" \
	"apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: d}\n"                         \
	"spec: {clusterIP: 10.0.0.2, clusterIPs: [10.0.0.2], ports: [{name: tcp, port: 81}]}\n---\n"  \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: cl, namespace: d, labels: {app: cl}}\n"          \
	"status: {podIP: 10.1.0.9, podIPs: [{ip: 10.1.0.9}]}\n" DOC(                                  \
		"DestinationRule", "web",                                                             \
		"{host: web, subsets: [{name: a, labels: {v: a}}, {name: b, labels: {v: b}}]}")       \
		DOC("DestinationRule", "db",                                                          \
		    "{host: db, subsets: [{name: a, labels: {v: a}}, {name: b, labels: {v: b}}]}")
#define DOC_IN(ns, kind, name, spec)                                                                         \
	"---\napiVersion: networking.istio.io/v1\nkind: " kind "\nmetadata: {name: " name ", namespace: " ns \
	"}\nspec: " spec "\n"
#define POD_IN(ns, name, address)                                                   \
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: " name ", namespace: " ns \
	", labels: {app: x}}\nstatus: {podIP: " address ", podIPs: [{ip: " address "}]}\n"
#define TO(host, subset, weight) "{destination: {host: " host ", subset: " subset "}, weight: " #weight "}"
#define VS(rules) DOC("VirtualService", "web", "{hosts: [web], http: [" rules "]}")
#define TCP(rules) DOC("VirtualService", "db", "{hosts: [db], tcp: [" rules "]}")
#define ROUTE(list) "{route: [" list "]}"
#define MATCH(match, list) "{match: [" match "], route: [" list "]}"

struct side {
	struct hdl_resource_store *store;
	struct hdl_resource_list *list;
	struct hdl_snapshot *snapshot;
	struct hdl_diags diags;
};

static void side_make(struct side *side, const char *text)
{
	*side = (struct side){ .store = hdl_resource_store_new() };
	assert_int_equal(hdl_resource_store_put(side->store, "f.yaml", hdl_str_of(text)), 0);
	assert_int_equal(hdl_resource_store_commit(side->store, &side->list), 0);
	hdl_resource_store_diags(side->store, &side->diags);
	if (side->diags.errors)
		fail_msg("%s: %s", side->diags.at[0].field, side->diags.at[0].message);
	assert_int_equal(hdl_xlate(side->list->at, side->list->n, NULL, &side->diags, &side->snapshot), 0);
	assert_int_equal(hdl_route_compile(side->snapshot), 0);
}

static void side_done(struct side *side)
{
	hdl_snapshot_unref(side->snapshot);
	hdl_resource_list_unref(side->list);
	hdl_resource_store_free(side->store);
	hdl_diags_done(&side->diags);
}

static void print_preview(const struct hdl_preview *preview, struct hdl_buf *buf)
{
	hdl_buf_adds(buf, "");
	for (size_t i = 0; i < preview->objects.n; i++) {
		const struct hdl_object_change *change = &preview->objects.at[i];

		hdl_buf_printf(buf, "%c%s/%s ",
			       !change->before ? '+' :
			       !change->after  ? '-' :
						 '~',
			       hdl_kind_name((change->after ? change->after : change->before)->kind),
			       (change->after ? change->after : change->before)->name);
	}
	for (size_t i = 0; i < preview->route_count; i++) {
		const struct hdl_preview_route *row = &preview->route[i];

		hdl_buf_printf(buf, "| %s %s%s", row->request.method, row->request.authority, row->request.path);
		for (size_t k = 0; k < row->request.header_count; k++)
			hdl_buf_printf(buf, " %s:%s", row->request.header[k].name, row->request.header[k].value);
		if (*row->request.client)
			hdl_buf_printf(buf, " from %s", row->request.client);
		hdl_buf_printf(buf, " %llu/%llu %s", (unsigned long long)row->moved.part,
			       (unsigned long long)row->moved.whole, row->endpoints_text);
	}
	for (size_t i = 0; i < preview->port_count; i++) {
		const struct hdl_preview_port *row = &preview->port[i];

		hdl_buf_printf(buf, "| port %u %s-%s ", (row->after ? row->after : row->before)->port,
			       !row->before                       ? "none" :
			       row->before->label == HDL_LABEL_L4 ? "l4" :
								    "request",
			       !row->after                       ? "none" :
			       row->after->label == HDL_LABEL_L4 ? "l4" :
								   "request");
		if (*row->client)
			hdl_buf_printf(buf, "from %s ", row->client);
		if (*row->address)
			hdl_buf_printf(buf, "to %s ", row->address);
		hdl_buf_printf(buf, "%llu/%llu %s", (unsigned long long)row->moved.part,
			       (unsigned long long)row->moved.whole, row->endpoints_text);
	}
	if (preview->no_example)
		hdl_buf_printf(buf, "| %zu without example ", preview->no_example);
}

#define HOST "web.d.svc.cluster.local"
#define MESH(how)                                                                                              \
	"---\napiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: m, namespace: d}\n" \
	"spec: {meshConfig: {pathNormalization: {normalization: " how "}}}\n"
#define SLICE(service, first, second)                                                                           \
	"---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s, namespace: d, labels: " \
	"{kubernetes.io/service-name: " service                                                                 \
	"}}\naddressType: IPv4\nports: [{name: http, port: 80}, {name: tcp, port: 80}]\n"                       \
	"endpoints: [{addresses: [10.1.1." first "]}, {addresses: [10.1.1." second "]}]\n"
#define OWN_VS(ns, subset)                                                                                    \
	DOC_IN(ns, "VirtualService", "own",                                                                   \
	       "{hosts: [" HOST "], exportTo: ['.'], http: [{timeout: 5s, route: [{destination: {host: " HOST \
	       ", subset: " subset "}}]}]}")
#define SIDECAR(host) DOC_IN("e", "Sidecar", "s", "{egress: [{hosts: ['" host "']}]}")
#define FOR_CL(subset)             \
	DOC("VirtualService", "a", \
	    "{hosts: [web], http: [" MATCH("{sourceLabels: {app: cl}}", TO("web", subset, 1)) "]}")
#define SECOND(subset) DOC("VirtualService", "z", "{hosts: [web], http: [" ROUTE(TO("web", subset, 1)) "]}")
#define TIMED(list) "{timeout: 5s, route: [" list "]}"

static const struct {
	const char *name, *before, *after, *expected;
} rows[] = {
	{ "nothing", VS(ROUTE(TO("web", "a", 1))), VS(ROUTE(TO("web", "a", 1))), "" },
	{ "a comment is nothing", VS(ROUTE(TO("web", "a", 1))), "# x\n" VS(ROUTE(TO("web", "a", 1))), "" },
	{ "requests: a tenth moves", VS(TIMED(TO("web", "a", 90) "," TO("web", "b", 10))),
	  VS(TIMED(TO("web", "a", 80) "," TO("web", "b", 20))), "~VirtualService/web | GET " HOST "/ 1/10 " },
	{ "weights that do not sum to 100", VS(TIMED(TO("web", "a", 1) "," TO("web", "b", 2))),
	  VS(TIMED(TO("web", "a", 3) "," TO("web", "b", 4))), "~VirtualService/web | GET " HOST "/ 2/21 " },
	{ "no request moves, but the timeout is another", VS("{timeout: 5s, route: [" TO("web", "a", 1) "]}"),
	  VS("{timeout: 6s, route: [" TO("web", "a", 1) "]}"), "~VirtualService/web | GET " HOST "/ 0/1 " },
	{ "only the rule that changed",
	  VS(MATCH("{uri: {prefix: /x}}", TO("web", "a", 1)) "," ROUTE(TO("web", "a", 1))),
	  VS(MATCH("{uri: {prefix: /x}}", TO("web", "b", 1)) "," ROUTE(TO("web", "a", 1))),
	  "~VirtualService/web | GET " HOST "/x 1/1 " },
	{ "all conditions of a block",
	  VS(MATCH(
		  "{uri: {regex: '/a[0-9]+'}, method: {exact: PUT}, headers: {x-u: {prefix: bo}}, queryParams: {q: {exact: z}}}",
		  TO("web", "a", 1)) "," ROUTE(TO("web", "a", 1))),
	  VS(MATCH(
		  "{uri: {regex: '/a[0-9]+'}, method: {exact: PUT}, headers: {x-u: {prefix: bo}}, queryParams: {q: {exact: z}}}",
		  TO("web", "b", 1)) "," ROUTE(TO("web", "a", 1))),
	  "~VirtualService/web | PUT " HOST "/a0?q=z x-u:bo 1/1 " },
	{ "by source", VS(MATCH("{sourceLabels: {app: cl}}", TO("web", "a", 1)) "," TIMED(TO("web", "a", 1))),
	  VS(MATCH("{sourceLabels: {app: cl}}", TO("web", "b", 1)) "," TIMED(TO("web", "a", 1))),
	  "~VirtualService/web | GET " HOST "/ from d/cl 1/1 " },
	{ "a source that no pod is",
	  VS(MATCH("{sourceLabels: {app: x}}", TO("web", "a", 1)) "," TIMED(TO("web", "a", 1))),
	  VS(MATCH("{sourceLabels: {app: x}}", TO("web", "b", 1)) "," TIMED(TO("web", "a", 1))),
	  "~VirtualService/web | GET " HOST "/ from any pod labelled app=x 1/1 " },
	{ "a rule less: its requests fall to 404", VS(TIMED(TO("web", "a", 1))),
	  VS(MATCH("{uri: {exact: /only}}", TO("web", "a", 1))),
	  "~VirtualService/web | GET " HOST "/only 0/1 | GET " HOST "/ 1/1 " },
	{ "connections: a fifth moves", TCP(ROUTE(TO("db", "a", 100) "," TO("db", "b", 0))),
	  TCP(ROUTE(TO("db", "a", 80) "," TO("db", "b", 20))), "~VirtualService/db | port 81 l4-l4 1/5 " },
	{ "an object that goes", TCP(ROUTE(TO("db", "a", 1))), "", "-VirtualService/db | port 81 l4-l4 1/1 " },
	{ "a port that is read now", VS("{route: [{destination: {host: web}}]}"),
	  VS("{timeout: 5s, route: [{destination: {host: web}}]}"),
	  "~VirtualService/web | GET " HOST "/ 0/1 | port 80 l4-request 0/1 " },
	{ "behind an exact path that its own prefix has",
	  VS(MATCH("{uri: {exact: /}}", TO("web", "a", 1)) "," MATCH("{uri: {prefix: /}}", TO("web", "a", 1))),
	  VS(MATCH("{uri: {exact: /}}", TO("web", "a", 1)) "," MATCH("{uri: {prefix: /}}", TO("web", "b", 1))),
	  "~VirtualService/web | GET " HOST "/example 1/1 " },
	{ "behind a rule for requests without a header",
	  VS(MATCH("{withoutHeaders: {x-c: {exact: 'y'}}}", TO("web", "a", 1)) "," ROUTE(TO("web", "a", 1))),
	  VS(MATCH("{withoutHeaders: {x-c: {exact: 'y'}}}", TO("web", "a", 1)) "," ROUTE(TO("web", "b", 1))),
	  "~VirtualService/web | GET " HOST "/ x-c:y 1/1 " },
	{ "behind a rule for a method",
	  VS(MATCH("{method: {exact: GET}}", TO("web", "a", 1)) "," ROUTE(TO("web", "a", 1))),
	  VS(MATCH("{method: {exact: GET}}", TO("web", "a", 1)) "," ROUTE(TO("web", "b", 1))),
	  "~VirtualService/web | POST " HOST "/ 1/1 " },
	{ "no request has a blank in its query",
	  VS(MATCH("{queryParams: {q: {exact: 'a b'}}}", TO("web", "a", 1)) "," ROUTE(TO("web", "a", 1))),
	  VS(MATCH("{queryParams: {q: {exact: 'a b'}}}", TO("web", "b", 1)) "," ROUTE(TO("web", "a", 1))),
	  "~VirtualService/web | 2 without example " },
	{ "behind one without conditions nothing is missed",
	  VS(TIMED(TO("web", "a", 1)) "," MATCH("{uri: {exact: /x}}", TO("web", "a", 1))),
	  VS(TIMED(TO("web", "a", 1)) "," MATCH("{uri: {exact: /x}}", TO("web", "b", 1))), "~VirtualService/web " },
	{ "paths are normalised as the mesh says",
	  MESH("MERGE_SLASHES") VS(MATCH("{uri: {exact: //x}}", TO("web", "a", 1)) "," TIMED(TO("web", "a", 1))),
	  MESH("MERGE_SLASHES") VS(MATCH("{uri: {exact: //x}}", TO("web", "b", 1)) "," TIMED(TO("web", "a", 1))),
	  "~VirtualService/web " },
	{ "and else not", VS(MATCH("{uri: {exact: //x}}", TO("web", "a", 1)) "," TIMED(TO("web", "a", 1))),
	  VS(MATCH("{uri: {exact: //x}}", TO("web", "b", 1)) "," TIMED(TO("web", "a", 1))),
	  "~VirtualService/web | GET " HOST "//x 1/1 " },
	{ "one endpoint of two is another",
	  VS("{timeout: 5s, route: [{destination: {host: web}}]}") SLICE("web", "1", "2"),
	  VS("{timeout: 5s, route: [{destination: {host: web}}]}") SLICE("web", "1", "3"),
	  "~EndpointSlice/s | GET " HOST "/ 1/2 endpoints of outbound|80||" HOST
	  ": 2 before, 2 after; -10.1.1.2:80 +10.1.1.3:80\n" },
	{ "where nobody reads requests there is no row for them", SLICE("web", "1", "2"), SLICE("web", "1", "3"),
	  "~EndpointSlice/s | port 80 l4-l4 1/2 endpoints of outbound|80||" HOST
	  ": 2 before, 2 after; -10.1.1.2:80 +10.1.1.3:80\n" },
	{ "the same in another order", VS("{timeout: 5s, route: [{destination: {host: web}}]}") SLICE("web", "1", "2"),
	  VS("{timeout: 5s, route: [{destination: {host: web}}]}") SLICE("web", "2", "1"), "~EndpointSlice/s " },
	{ "an endpoint of connections goes, and half of a split",
	  TCP("{route: [{destination: {host: db}, weight: 100}]}") SLICE("db", "1", "2"),
	  TCP("{route: [{destination: {host: db}, weight: 50}, " TO("db", "a", 50) "]}") SLICE("db", "1", "3"),
	  "~VirtualService/db ~EndpointSlice/s | port 81 l4-l4 3/4 endpoints of outbound|81||db.d.svc.cluster.local: "
	  "2 before, 2 after; -10.1.1.2:80 +10.1.1.3:80\n" },
	/* A.4, A.7: what some clients see otherwise than others */
	{ "a rule that one namespace alone has", POD_IN("e", "p", "10.1.0.8") OWN_VS("e", "a"),
	  POD_IN("e", "p", "10.1.0.8") OWN_VS("e", "b"), "~VirtualService/own | GET " HOST "/ from e/p 1/1 " },
	{ "and no pod of it is known", OWN_VS("e", "a"), OWN_VS("e", "b"),
	  "~VirtualService/own | GET " HOST "/ from any pod of e 1/1 " },
	{ "what all have changes: clients with a rule of their own are not told of",
	  OWN_VS("e", "a") VS(TIMED(TO("web", "a", 1))), OWN_VS("e", "a") VS(TIMED(TO("web", "b", 1))),
	  "~VirtualService/web | GET " HOST "/ 1/1 " },
	{ "a Sidecar that hides a service", POD_IN("e", "p", "10.1.0.8") VS(TIMED(TO("web", "a", 1))) SIDECAR("d/*"),
	  POD_IN("e", "p", "10.1.0.8") VS(TIMED(TO("web", "a", 1))) SIDECAR("d/db.d.svc.cluster.local"),
	  "~Sidecar/s | GET " HOST "/ from e/p 1/1 | port 80 request-l4 from e/p 1/1 " },
	/* A.4: a VirtualService of which no rule is for the client does not have the host */
	{ "who is left to the second VirtualService", FOR_CL("a") SECOND("a"), FOR_CL("a") SECOND("b"),
	  "~VirtualService/z | GET " HOST "/ from no pod 1/1 " },
	{ "and a pod that is", POD_IN("d", "p", "10.1.0.8") FOR_CL("a") SECOND("a"),
	  POD_IN("d", "p", "10.1.0.8") FOR_CL("a") SECOND("b"), "~VirtualService/z | GET " HOST "/ from d/p 1/1 " },
	/* B.2: the first rule that matches */
	{ "the order of two rules that overlap",
	  VS(MATCH("{headers: {x-u: {exact: bob}}}", TO("web", "a", 1)) "," MATCH("{uri: {prefix: /x}}",
										  TO("web", "b", 1))),
	  VS(MATCH("{uri: {prefix: /x}}", TO("web", "b", 1)) "," MATCH("{headers: {x-u: {exact: bob}}}",
								       TO("web", "a", 1))),
	  "~VirtualService/web | GET " HOST "/x x-u:bob 1/1 " },
	{ "of two paths and two values of one header",
	  VS(MATCH("{uri: {prefix: /x}, headers: {x-u: {regex: 'b.b'}}}", TO("web", "a", 1)) "," MATCH(
		  "{uri: {prefix: /x/y}, headers: {x-u: {prefix: bo}}}", TO("web", "b", 1))),
	  VS(MATCH("{uri: {prefix: /x/y}, headers: {x-u: {prefix: bo}}}", TO("web", "b", 1)) "," MATCH(
		  "{uri: {prefix: /x}, headers: {x-u: {regex: 'b.b'}}}", TO("web", "a", 1))),
	  "~VirtualService/web " },
	{ "the same with a value that meets both",
	  VS(MATCH("{uri: {prefix: /x}, headers: {x-u: {regex: 'b.b'}}}", TO("web", "a", 1)) "," MATCH(
		  "{uri: {prefix: /x/y}, headers: {x-u: {exact: bob}}}", TO("web", "b", 1))),
	  VS(MATCH("{uri: {prefix: /x/y}, headers: {x-u: {exact: bob}}}", TO("web", "b", 1)) "," MATCH(
		  "{uri: {prefix: /x}, headers: {x-u: {regex: 'b.b'}}}", TO("web", "a", 1))),
	  "~VirtualService/web | GET " HOST "/x/y x-u:bob 1/1 | 1 without example " },
	{ "two methods exclude each other",
	  VS(MATCH("{method: {exact: PUT}}", TO("web", "a", 1)) "," MATCH("{method: {exact: POST}, uri: {prefix: /x}}",
									  TO("web", "b", 1))),
	  VS(MATCH("{method: {exact: POST}, uri: {prefix: /x}}", TO("web", "b", 1)) "," MATCH("{method: {exact: PUT}}",
											      TO("web", "a", 1))),
	  "~VirtualService/web " },
	{ "what changes for each alone is not said once more for both",
	  VS(MATCH("{headers: {x-u: {exact: bob}}}", TO("web", "a", 1)) "," MATCH("{uri: {prefix: /x}}",
										  TO("web", "b", 1))),
	  VS(MATCH("{headers: {x-u: {exact: bob}}}", TO("web", "b", 1)) "," MATCH("{uri: {prefix: /x}}",
										  TO("web", "b", 1))),
	  "~VirtualService/web | GET " HOST "/ x-u:bob 1/1 " },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(rows); i++) {
		char *a = NULL, *b = NULL;
		struct side before, after;
		struct hdl_preview *preview;
		struct hdl_buf seen = { 0 };

		assert_true(asprintf(&a, "%s%s", SERVICES, rows[i].before) > 0);
		assert_true(asprintf(&b, "%s%s", SERVICES, rows[i].after) > 0);
		side_make(&before, a);
		side_make(&after, b);
		assert_int_equal(
			hdl_preview_make(&(struct hdl_preview_side){ before.list->at, before.list->n, before.snapshot },
					 &(struct hdl_preview_side){ after.list->at, after.list->n, after.snapshot },
					 &preview),
			0);
		print_preview(preview, &seen);
		if (strcmp(seen.p, rows[i].expected) != 0)
			fail_msg("%s:\n  %s\nexpected\n  %s", rows[i].name, seen.p, rows[i].expected);
		assert_int_equal(hdl_preview_is_empty(preview), rows[i].expected[0] == '\0');
		hdl_preview_free(preview);
		hdl_buf_done(&seen);
		side_done(&before);
		side_done(&after);
		free(a);
		free(b);
	}
}

#define HASHED(table, addresses)                                                                               \
	SERVICES DOC("DestinationRule", "z",                                                                   \
		     "{host: web, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-u, " table \
		     "}}}}") "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"                     \
			     "metadata: {name: w, namespace: d, labels: {kubernetes.io/service-name: web}}\n"  \
			     "addressType: IPv4\nports: [{name: http, port: 80}]\nendpoints: [" addresses "]\n"
#define MAGLEV "maglev: {tableSize: 211}"
#define RING "ringHash: {minimumRingSize: 64}"
#define TWO "{addresses: [10.1.0.1]}, {addresses: [10.1.0.2]}"
#define THREE TWO ", {addresses: [10.1.0.3]}"

static struct hdl_preview *hash_preview(struct side *before, const char *was, struct side *after, const char *is)
{
	struct hdl_preview *preview;

	side_make(before, was);
	side_make(after, is);
	assert_int_equal(
		hdl_preview_make(&(struct hdl_preview_side){ before->list->at, before->list->n, before->snapshot },
				 &(struct hdl_preview_side){ after->list->at, after->list->n, after->snapshot },
				 &preview),
		0);
	assert_int_equal(preview->hash_count, 1);
	assert_int_equal(preview->hash[0].family, HDL_FAMILY_V4);
	return preview;
}

/* The share of slots with another owner, counted here by hand. */
static void test_hash(void **state)
{
	static const char *const keys[] = { "10.1.0.1:80", "10.1.0.2:80", "10.1.0.3:80" };
	uint32_t a[211], b[211];
	uint64_t moved = 0;
	struct side before, after;
	struct hdl_preview *preview;

	(void)state;
	assert_int_equal(hdl_maglev_build(keys, NULL, 3, 211, a), 0);
	assert_int_equal(hdl_maglev_build(keys, NULL, 2, 211, b), 0);
	for (size_t i = 0; i < 211; i++)
		moved += a[i] != b[i];
	preview = hash_preview(&before, HASHED(MAGLEV, THREE), &after, HASHED(MAGLEV, TWO));
	/* 211 is a prime: in lowest terms already */
	assert_int_equal(preview->hash[0].moved.part, moved);
	assert_int_equal(preview->hash[0].moved.whole, 211);
	assert_true(moved >= 60 && moved < 211);
	hdl_preview_free(preview);
	side_done(&before);
	side_done(&after);
}

/* Who has the hash: the first entry that is not below it, else the first of all. */
static uint32_t owner_of(const struct hdl_ring_entry *ring, uint32_t n, uint64_t hash)
{
	for (uint32_t i = 0; i < n; i++)
		if (ring[i].hash >= hash)
			return ring[i].endpoint;
	return ring[0].endpoint;
}

/* Of a ring it is the arcs: counted here from one end to the next, whichever ring it is of. */
static void test_ring(void **state)
{
	static const char *const keys[] = { "10.1.0.1:80", "10.1.0.2:80", "10.1.0.3:80" };
	struct hdl_ring_entry a[128], b[128], ends[257] = { 0 };
	struct hdl_preview *preview;
	struct side before, after;
	uint32_t na, nb, n = 0;
	double moved = 0, told;

	(void)state;
	assert_int_equal(hdl_ring_build(keys, NULL, 3, 64, HDL_RING_MAX, a, &na), 0);
	assert_int_equal(hdl_ring_build(keys, NULL, 2, 64, HDL_RING_MAX, b, &nb), 0);
	for (uint32_t i = 0; i < na; i++)
		ends[n++].hash = a[i].hash;
	for (uint32_t i = 0; i < nb; i++) {
		bool both = false;

		for (uint32_t k = 0; k < na; k++)
			both = both || a[k].hash == b[i].hash;
		if (!both)
			ends[n++].hash = b[i].hash;
	}
	ends[n++].hash = UINT64_MAX;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t end = ends[i].hash, from = 0;

		for (uint32_t k = 0; k < n; k++)
			if (ends[k].hash < end && ends[k].hash > from)
				from = ends[k].hash;
		if (owner_of(a, na, end) != owner_of(b, nb, end))
			moved += (double)(end - from);
	}
	preview = hash_preview(&before, HASHED(RING, THREE), &after, HASHED(RING, TWO));
	told = (double)preview->hash[0].moved.part / (double)preview->hash[0].moved.whole;
	assert_true(told - moved / 0x1p64 < 1e-9 && moved / 0x1p64 - told < 1e-9);
	assert_true(told > 0.2 && told < 0.6);
	hdl_preview_free(preview);
	side_done(&before);
	side_done(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_hash),
					    cmocka_unit_test(test_ring) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
