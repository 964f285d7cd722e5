#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Redirects and fixed answers as specification B.3 has them, in the mesh and at a Gateway.
# not in VMs: nothing here depends on the kernel, and processors emulated for an hour are dear
from actions import Actions
from scene import wait_for

RULES = """
- match: [{uri: {prefix: /https}}]
  redirect: {scheme: https, port: 443}
- match: [{uri: {prefix: /port}}]
  redirect: {port: 8443, redirectCode: 302}
- match: [{uri: {prefix: /own}}]
  redirect: {derivePort: FROM_REQUEST_PORT, authority: o.example}
- match: [{uri: {prefix: /old}}]
  redirect: {prefixRewrite: /new, redirectCode: 308}
- match: [{uri: {prefix: /whole}}]
  redirect: {uri: "/page?x=1", authority: o.example, redirectCode: 307}
- match: [{uri: {prefix: /answer}}]
  directResponse: {status: 418, body: {string: "short and stout\\n"}}
  headers: {response: {set: {content-type: text/x-tea, x-added: "%RESPONSE_CODE%"}}}
- match: [{uri: {prefix: /bytes}}]
  directResponse: {status: 200, body: {bytes: "aGVkZGxl"}}
- match: [{uri: {prefix: /empty}}]
  directResponse: {status: 403}
- match: [{uri: {prefix: /found}}]
  directResponse: {status: 303}
- route: [{destination: {host: reviews, subset: v1}}]
"""

a = Actions(RULES)
for way, curl, host in a.ways():
    name, port = host.split(":")
    cases = [
        ("scheme, default port: the Host keeps its own", "/https/x?q=1", [], 301, f"https://{host}/https/x?q=1"),
        ("a Host without port has none afterwards", "/https/x", ["-H", f"Host: {name}"], 301, f"https://{name}/https/x"),
        ("port", "/port", [], 302, f"http://{name}:8443/port"),
        ("port of the request", "/own", [], 301, f"http://o.example:{port}/own"),
        ("prefixRewrite keeps the rest and the query", "/old/x?q", [], 308, f"http://{host}/new/x?q"),
        ("uri with a query drops the other", "/whole/x?q=2", [], 307, "http://o.example/page?x=1"),
        ("x-forwarded-proto is the scheme", "/old", ["-H", "x-forwarded-proto: https"], 308, f"https://{host}/new"),
        ("directResponse 303 leads back", "/found?q", [], 303, f"http://{host}/found?q"),
    ]
    for what, path, options, status, location in cases:
        answer = curl(path, *options)
        a.report.check(f"{way}: {what}", answer.status == status and answer.header("location") == location and
                       answer.body == "" and answer.header("content-length") == "0" and answer.header("server") == "heddle", answer)
    answer = curl("/answer")
    a.report.check(f"{way}: status, body and the rule's headers", answer.status == 418 and answer.body == "short and stout\n" and
                   answer.header("content-type") == "text/x-tea" and answer.header("x-added") == "418", answer)
    answer = curl("/answer", "--head")
    a.report.check(f"{way}: HEAD has the length and no body", answer.header("content-length") == "16" and answer.body == "", answer)
    a.report.check(f"{way}: bytes", curl("/bytes").body == "heddle" and curl("/bytes").header("content-type") == "text/plain")
    answer = curl("/empty")
    a.report.check(f"{way}: without body", answer.status == 403 and answer.body == "" and answer.header("content-type") is None, answer)
    a.report.check(f"{way}: the last rule routes", curl("/else").seen["pod"] == "reviews-v1")
a.report.check("no endpoint was asked but for the last rule", {s["path"] for p in a.pods for s in p.seen()} == {"/else"})
lines = a.logged('"GET /answer HTTP', 4)
a.report.check("log: flag -, details direct_response", len(lines) == 4 and all(' 418 - direct_response - ' in line for line in lines), lines)
metrics = a.lab.metrics()
a.report.check("counters", metrics["heddle_redirects_total"] == 28 and metrics["heddle_direct_responses_total"] == 24,
               {k: v for k, v in metrics.items() if "redirects" in k or "direct_resp" in k})
# without a worker a service is not laid open that the last rule keeps requests away from
a.write("- match: [{uri: {prefix: /ok}}]\n  route: [{destination: {host: reviews, subset: v1}}]\n- directResponse: {status: 403}")
a.lab.reload()
curl = next(a.ways())[1]
a.report.check("the last rule answers", curl("/ok").status == 200 and curl("/x").status == 403)
a.lab.kill_all()


def refused(vip):
    status, out = a.client.output(["curl", "-sS", "-o", "/dev/null", "-w", "%{errormsg}", "--max-time", "5", f"http://{vip}:9080/x"])
    return status == 7 and "Failed to connect" in out


for vip in (a.lab.vip(1), f"[{a.lab.vip6(1)}]"):
    wait_for(lambda v=vip: refused(v), f"connections to {vip} are refused", 15)
    a.report.check(f"{vip}: refused while no worker lives", refused(vip))
a.report.done()
