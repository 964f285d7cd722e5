/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The examples of the two articles (examples/seed and what is quoted here): nothing of level Warning or worse about
 * those that are right, and the finding that the articles themselves name about those that they call wrong.
 */
#include "unit/analyze/analysis.h"

#define SEED "examples/seed/"

/* Two pods of each version, which is what the articles take for granted. */
static void add_service(struct hdl_buf *buf, const char *ns, const char *name, const char *port_name, int port)
{
	hdl_buf_printf(buf,
		       "apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: %s}\n"
		       "spec: {selector: {app: %s}, ports: [{name: %s, port: %d}]}\n---\n",
		       name, ns, name, port_name, port);
	for (int i = 0; i < 6; i++)
		hdl_buf_printf(buf,
			       "apiVersion: v1\nkind: Pod\n"
			       "metadata: {name: %s-%d, namespace: %s, labels: {app: %s, version: v%d}}\n---\n",
			       name, i, ns, name, i % 3 + 1);
}

static char *registry(void)
{
	struct hdl_buf buf = { 0 };

	add_service(&buf, "default", "reviews", "http", 9080);
	add_service(&buf, "default", "ratings", "http", 9080);
	add_service(&buf, "bookinfo", "reviews", "http", 9080);
	add_service(&buf, "bookinfo", "ratings", "http", 9080);
	add_service(&buf, "bookinfo", "redis", "tcp", 6379);
	add_service(&buf, "commerce", "inventory", "http", 8080);
	add_service(&buf, "commerce", "orders", "http", 8080);
	add_service(&buf, "commerce", "search", "http", 8080);
	add_service(&buf, "commerce", "shop-api", "http", 8080);
	add_service(&buf, "commerce", "shop-api-canary", "http", 8080);
	assert_false(buf.failed);
	return buf.p;
}

/* What an example takes for granted, and the examples that the files do not hold. */
#define SUBSETS(name, ns, host)                                                                                \
	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " name ", namespace: " ns \
	"}\nspec:\n  host: " host "\n  subsets:\n  - {name: v1, labels: {version: v1}}\n"                      \
	"  - {name: v2, labels: {version: v2}}\n"

static const char locality[] = "apiVersion: networking.istio.io/v1\n"
			       "kind: DestinationRule\n"
			       "metadata: {name: search-locality, namespace: commerce}\n"
			       "spec:\n"
			       "  host: search.commerce.svc.cluster.local\n"
			       "  trafficPolicy:\n"
			       "    loadBalancer:\n"
			       "      simple: LEAST_REQUEST\n"
			       "      localityLbSetting:\n"
			       "        enabled: true\n"
			       "        failoverPriority:\n"
			       "        - \"topology.kubernetes.io/zone\"\n"
			       "        - \"topology.kubernetes.io/region\"\n";
static const char outlier[] = "    outlierDetection:\n"
			      "      consecutive5xxErrors: 5\n"
			      "      interval: 10s\n"
			      "      baseEjectionTime: 30s\n";
static const char entry[] = "apiVersion: networking.istio.io/v1\n"
			    "kind: ServiceEntry\n"
			    "metadata: {name: external-payment-gateway, namespace: payments}\n"
			    "spec:\n"
			    "  hosts: [api.pgprovider.example]\n"
			    "  location: MESH_EXTERNAL\n"
			    "  ports: [{number: 443, name: https, protocol: TLS}]\n"
			    "  resolution: DNS\n"
			    "---\n";
static const char entry_rule[] = "apiVersion: networking.istio.io/v1\n"
				 "kind: VirtualService\n"
				 "metadata: {name: external-payment-gateway, namespace: payments}\n"
				 "spec:\n"
				 "  hosts: [api.pgprovider.example]\n"
				 "  tls:\n"
				 "  - match: [{sniHosts: [api.pgprovider.example]}]\n"
				 "    route: [{destination: {host: api.pgprovider.example}}]\n";
static const char registry_only[] = "apiVersion: install.istio.io/v1alpha1\n"
				    "kind: IstioOperator\n"
				    "spec:\n"
				    "  meshConfig:\n"
				    "    outboundTrafficPolicy:\n"
				    "      mode: REGISTRY_ONLY\n"
				    "---\n";

struct example {
	const char *name;
	const char *files[3]; /* below examples/seed */
	const char *texts[3];
	const char *code; /* of the finding; NULL: none of level Warning or worse */
};

static const struct example examples[] = {
	{ .name = "match conditions",
	  .files = { "advanced-routing/destinationrule.yaml", "advanced-routing/virtualservice-match.yaml" } },
	{ .name = "weighted split",
	  .files = { "advanced-routing/destinationrule.yaml", "advanced-routing/virtualservice-split.yaml" } },
	{ .name = "canary by header",
	  .files = { "advanced-routing/destinationrule.yaml", "advanced-routing/virtualservice-header-canary.yaml" } },
	/* right for the article it is of; the other one counts one try more: Info */
	{ .name = "retries and timeout",
	  .files = { "advanced-routing/destinationrule.yaml", "advanced-routing/retries-timeouts.yaml" } },
	{ .name = "fault for everybody",
	  .files = { "advanced-routing/fault-injection.yaml" },
	  .texts = { SUBSETS("ratings", "default", "ratings") },
	  .code = "HDL0012" },
	{ .name = "subsets and split", .files = { "in-practice/reviews-split.yaml" } },
	{ .name = "header, path and method",
	  .files = { "in-practice/reviews-routing.yaml" },
	  .texts = { SUBSETS("reviews", "bookinfo", "reviews.bookinfo.svc.cluster.local") } },
	{ .name = "AND",
	  .files = { "in-practice/reviews-and.yaml" },
	  .texts = { SUBSETS("reviews", "bookinfo", "reviews") } },
	{ .name = "OR",
	  .files = { "in-practice/reviews-or.yaml" },
	  .texts = { SUBSETS("reviews", "bookinfo", "reviews") } },
	{ .name = "mirror", .files = { "in-practice/orders-mirror.yaml", "in-practice/orders-subsets.yaml" } },
	{ .name = "fault for tests",
	  .files = { "in-practice/ratings-fault.yaml", "in-practice/ratings-subsets.yaml" } },
	{ .name = "derived numbers",
	  .files = { "in-practice/inventory-resilience.yaml", "in-practice/inventory-cb.yaml" } },
	{ .name = "TCP split", .files = { "redis-split.yaml" } },
	{ .name = "two VirtualServices for one host",
	  .files = { "in-practice/reviews-split.yaml", "in-practice/reviews-routing.yaml" },
	  .code = "IST0109" },
	{ .name = "locality with outlierDetection", .texts = { locality, outlier } },
	{ .name = "locality without outlierDetection", .texts = { locality }, .code = "HDL0007" },
	{ .name = "external host", .texts = { entry, entry_rule } },
	{ .name = "external host, registered", .texts = { registry_only, entry, entry_rule } },
	{ .name = "external host, not registered", .texts = { registry_only, entry_rule }, .code = "HDL0015" },
};

static void put_example(struct found *found, const struct example *example)
{
	struct hdl_buf text = { 0 };
	char path[300];

	for (size_t i = 0; i < 3 && example->files[i]; i++) {
		char *content;

		snprintf(path, sizeof(path), SEED "%s", example->files[i]);
		content = read_text(path);
		if (!content)
			fail_msg("%s cannot be read", path);
		found_put(found, path, content);
		free(content);
	}
	hdl_buf_adds(&text, "");
	for (size_t i = 0; i < 3 && example->texts[i]; i++)
		hdl_buf_adds(&text, example->texts[i]);
	found_put(found, "text.yaml", text.p);
	hdl_buf_done(&text);
}

static void check_example(const struct example *example, const char *services)
{
	struct hdl_buf buf = { 0 };
	struct found found;
	bool bad = false;

	found_begin(&found);
	/* TLS rules and the like that the translator cannot carry out yet are right all the same */
	hdl_resource_store_set_check(found.store, NULL);
	found_put(&found, "registry.yaml", services);
	put_example(&found, example);
	found_end(&found, NULL);
	for (size_t i = 0; i < found.n; i++) {
		bad = bad || found.at[i].level != HDL_AN_INFO;
		hdl_an_print_text(&found.at[i], false, &buf);
	}
	if (example->code ? !found_count(&found, example->code) : bad)
		fail_msg("%s: expected %s, found:\n%s", example->name, example->code ? example->code : "nothing",
			 buf.p ? buf.p : "(nothing)");
	hdl_buf_done(&buf);
	found_done(&found);
}

static void test_examples(void **state)
{
	char *services = registry();

	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(examples); i++)
		check_example(&examples[i], services);
	free(services);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
