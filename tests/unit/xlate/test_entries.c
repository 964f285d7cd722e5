/* SPDX-License-Identifier: Apache-2.0 */
/* Several ServiceEntries for one host (specification A.10, D.1). */
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "unit/unit.h"
#include "unit/xlate/load.h"

#define ENTRY(name, ns, spec)                                                                                    \
	"---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: " name ", namespace: " ns \
	"}\nspec: {" spec "}\n"
#define STATIC(ports, ip) "hosts: [h.io], resolution: STATIC, ports: [" ports "], endpoints: [{address: 10.2.0." ip "}]"
#define AT(address, ports, ip) "addresses: [" address "], " STATIC(ports, ip)
#define HTTP(n) "{number: " n ", name: http-" n ", protocol: HTTP}"
#define TO(n, target) "{number: " n ", name: http, protocol: HTTP, targetPort: " target "}"
#define TCP(n) "{number: " n ", name: tcp-" n ", protocol: TCP}"
#define NONE(ports) "hosts: [h.io], resolution: NONE, ports: [" ports "]"
#define DNS(ports, ip) "hosts: [h.io], resolution: DNS, ports: [" ports "], endpoints: [{address: 10.2.0." ip "}]"
#define OTHER(host, address, ports)                                                       \
	"hosts: [" host "], addresses: [" address "], resolution: STATIC, ports: [" ports \
	"], endpoints: [{address: 10.3.0.1}]"

static const struct {
	const char *text;
	const char *wanted; /* "addresses | port protocol endpoints..., ..." of h.io */
	const char *says;   /* part of a diagnostic; NULL: no warning */
} cases[] = {
	{ ENTRY("a", "n", STATIC(HTTP("80"), "1")), "| 80 HTTP 10.2.0.1:80", NULL },
	/* ports of all; each is the oldest's, whatever the namespace */
	{ ENTRY("a", "n", STATIC(HTTP("80"), "1")) ENTRY("b", "n", STATIC(HTTP("81"), "2")),
	  "| 80 HTTP 10.2.0.1:80 | 81 HTTP 10.2.0.2:81", NULL },
	{ ENTRY("a", "n", STATIC(HTTP("80"), "1")) ENTRY("b", "m", STATIC(HTTP("81"), "2")),
	  "| 80 HTTP 10.2.0.1:80 | 81 HTTP 10.2.0.2:81", NULL },
	{ ENTRY("a", "n", STATIC(HTTP("80"), "1")) ENTRY("b", "n", STATIC(TCP("81"), "2"))
		  ENTRY("c", "n", STATIC(TCP("82") ", " TCP("81"), "3")),
	  "| 80 HTTP 10.2.0.1:80 | 81 TCP 10.2.0.2:81 10.2.0.3:81 | 82 TCP 10.2.0.3:82", NULL },
	/* endpoints of all with the same resolution, by the port of their own entry; one that both have once */
	{ ENTRY("a", "n", STATIC(HTTP("80"), "1")) ENTRY("b", "n", STATIC(HTTP("80"), "2")),
	  "| 80 HTTP 10.2.0.1:80 10.2.0.2:80", NULL },
	{ ENTRY("a", "n", STATIC(HTTP("80"), "1")) ENTRY("b", "n", STATIC(TO("80", "8080"), "2")),
	  "| 80 HTTP 10.2.0.1:80 10.2.0.2:8080", NULL },
	{ ENTRY("a", "n", STATIC(HTTP("80"), "1")) ENTRY("b", "n", STATIC(HTTP("80"), "1")), "| 80 HTTP 10.2.0.1:80",
	  NULL },
	{ ENTRY("a", "n", STATIC(HTTP("80"), "1")) ENTRY("b", "n", STATIC(TCP("80"), "2")),
	  "| 80 HTTP 10.2.0.1:80 10.2.0.2:80",
	  "already that of ServiceEntry n/a at test.yaml:2, whose protocol counts" },
	{ ENTRY("a", "n", STATIC(HTTP("80"), "1")) ENTRY("b", "n", DNS(HTTP("80"), "2")), "| 80 HTTP 10.2.0.1:80",
	  "port 80 of h.io is already that of ServiceEntry n/a at test.yaml:2, with another resolution" },
	{ ENTRY("a", "n", STATIC(HTTP("80"), "1")) ENTRY("b", "n", DNS(HTTP("80") ", " HTTP("81"), "2")),
	  "| 80 HTTP 10.2.0.1:80 | 81 HTTP 10.2.0.2:81", "with another resolution" },
	/* a port with resolution NONE beside one with endpoints */
	{ ENTRY("a", "n", STATIC(HTTP("80"), "1")) ENTRY("b", "n", NONE(TCP("81"))),
	  "| 80 HTTP 10.2.0.1:80 | 81 TCP passthrough", NULL },
	{ ENTRY("a", "n", NONE(TCP("81"))) ENTRY("b", "n", STATIC(HTTP("80") ", " TCP("81"), "1")),
	  "| 81 TCP passthrough | 80 HTTP 10.2.0.1:80", "with another resolution" },
	/* addresses of all */
	{ ENTRY("a", "n", AT("10.9.0.1", HTTP("80"), "1")) ENTRY("b", "n", AT("10.9.0.2", HTTP("81"), "2")),
	  "10.9.0.1 10.9.0.2 | 80 HTTP 10.2.0.1:80 | 81 HTTP 10.2.0.2:81", NULL },
	{ ENTRY("a", "n", AT("10.9.0.1", HTTP("80"), "1")) ENTRY("b", "n", AT("10.9.0.1", HTTP("80"), "2")),
	  "10.9.0.1 | 80 HTTP 10.2.0.1:80 10.2.0.2:80", NULL },
	/* what another service has at an address stays with it */
	{ ENTRY("a", "n", AT("10.9.0.1", HTTP("80"), "1")) ENTRY("x", "n", OTHER("x.io", "10.9.0.1", TCP("81")))
		  ENTRY("b", "n", STATIC(HTTP("81"), "2")),
	  "10.9.0.1 | 80 HTTP 10.2.0.1:80", "port 81 does not become one of h.io: ServiceEntry n/x" },
	{ ENTRY("a", "n", STATIC(HTTP("80"), "1")) ENTRY("x", "n", OTHER("x.io", "10.9.0.1", TCP("80")))
		  ENTRY("b", "n", AT("10.9.0.1", HTTP("81"), "2")),
	  "| 80 HTTP 10.2.0.1:80 | 81 HTTP 10.2.0.2:81",
	  "address 10.9.0.1 does not become one of h.io: ServiceEntry n/x" },
	{ ENTRY("x", "n", OTHER("x.io", "10.9.0.1", TCP("81"))) ENTRY("a", "n", STATIC(HTTP("80"), "1"))
		  ENTRY("b", "n", AT("10.9.0.1", HTTP("81"), "2")),
	  "| 80 HTTP 10.2.0.1:80 | 81 HTTP 10.2.0.2:81",
	  "address 10.9.0.1 with port 81 is already that of ServiceEntry n/x" },
	/* those for other clients are apart, and a Kubernetes service has its name alone */
	{ ENTRY("a", "n", STATIC(HTTP("80"), "1")) ENTRY("b", "n", "exportTo: [\".\"], " STATIC(HTTP("81"), "2")),
	  "| 80 HTTP 10.2.0.1:80",
	  "h.io is already a host of ServiceEntry n/a at test.yaml:2, which keeps it, as it is" },
	{ ENTRY("a", "n", "exportTo: [m, \".\"], " STATIC(HTTP("80"), "1"))
		  ENTRY("b", "n", "exportTo: [n, m], " STATIC(HTTP("81"), "2")),
	  "| 80 HTTP 10.2.0.1:80 | 81 HTTP 10.2.0.2:81", NULL },
};

static void say_endpoints(const struct hdl_ir_cluster *c, struct hdl_buf *buf)
{
	char text[HDL_ADDR_TEXT_MAX];

	if (c->policy == HDL_POLICY_PASSTHROUGH)
		hdl_buf_adds(buf, " passthrough");
	for (size_t i = 0; i < c->endpoint_count; i++)
		hdl_buf_printf(buf, " %s:%u", hdl_addr_print(&c->endpoints[i].address[HDL_FAMILY_V4], text),
			       c->endpoints[i].port);
}

static void say(const struct hdl_snapshot *snapshot, const char *host, struct hdl_buf *buf)
{
	char text[HDL_ADDR_TEXT_MAX];

	for (size_t s = 0; s < snapshot->service_count; s++) {
		const struct hdl_ir_service *service = snapshot->services[s];

		if (strcmp(service->fqdn, host) != 0)
			continue;
		for (size_t i = 0; i < service->address_count; i++)
			hdl_buf_printf(buf, "%s ", hdl_addr_print(&service->addresses[i], text));
		for (size_t i = 0; i < service->port_count; i++) {
			const struct hdl_ir_service_port *port = &service->ports[i];

			hdl_buf_printf(buf, "%s| %u %s", i ? " " : "", port->port,
				       port->protocol == HDL_IR_HTTP ? "HTTP" : "TCP");
			say_endpoints(port->cluster, buf);
		}
	}
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < HDL_ARRAY_SIZE(cases); i++) {
		struct hdl_buf got = { 0 };
		bool said = false;
		struct load l;

		load(&l, cases[i].text);
		say(l.snapshot, "h.io", &got);
		for (size_t d = 0; d < l.diags.n; d++) {
			const struct hdl_diag *diag = &l.diags.at[d];

			if (diag->severity == HDL_INFO || strstr(diag->message, "is empty: port"))
				continue;
			if (cases[i].says && strstr(diag->message, cases[i].says))
				said = true;
			else if (!cases[i].says)
				print_error("case %zu: %s\n", i, diag->message);
		}
		if (strcmp(got.p, cases[i].wanted) != 0 || said != (cases[i].says != NULL))
			print_error("case %zu: %s, not %s\n%s", i, got.p, cases[i].wanted, cases[i].text);
		assert_string_equal(got.p, cases[i].wanted);
		assert_int_equal(said, cases[i].says != NULL);
		hdl_buf_done(&got);
		load_done(&l);
	}
}

/* An entry that has not got its name has no address either: it is free for others. */
static void test_shadowed(void **state)
{
	struct hdl_buf got = { 0 };
	struct load l;

	(void)state;
	load(&l, ENTRY("a", "n", STATIC(HTTP("80"), "1"))
			 ENTRY("b", "n", "exportTo: [\".\"], " AT("10.9.0.1", HTTP("80"), "2"))
				 ENTRY("x", "n", OTHER("x.io", "10.9.0.1", HTTP("80"))));
	say(l.snapshot, "x.io", &got);
	assert_string_equal(got.p, "10.9.0.1 | 80 HTTP 10.3.0.1:80");
	hdl_buf_done(&got);
	load_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_shadowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
