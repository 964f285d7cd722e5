#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
# Gateway API: real requests through a Gateway with HTTPRoutes, and from pods through routes of Services (F.2 to F.7).
# not in VMs: nothing here depends on the kernel, and processors emulated for an hour are dear
import json
import re
import subprocess
import time
from scene import PYTHON, Lab, Report, binomial_band, families, pods_of, statuses, wait_for
from lab import HERE, Client

GROUP = "gateway.networking.k8s.io"


def route(name, parents, rules, ns="demo", hostnames="", kind="HTTPRoute"):
    """YAML of a route; rules: lines of the list under rules:."""
    indented = "\n".join("  " + line for line in rules.strip("\n").split("\n"))
    return (f"---\napiVersion: {GROUP}/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {ns}, generation: 4}}\n"
            f"spec:\n  parentRefs: {parents}\n{hostnames}  rules:\n{indented}\n")


def backend(name, weight=None, **more):
    fields = {"name": name, "port": 9080, **({"weight": weight} if weight is not None else {}), **more}
    return json.dumps(fields)


def curl(url, *arguments):
    """Status and headers (lower case) of the answer that curl gets, redirects not followed."""
    text = subprocess.run(["curl", "-sS", "-i", "--max-time", "10", *arguments, url], capture_output=True,
                          check=True).stdout.decode("latin1")
    lines = text.split("\r\n\r\n")[0].split("\r\n")
    return int(lines[0].split()[1]), {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}


lab = Lab()
report = Report(lab)
client, stranger = lab.pod("client", app="client"), lab.pod("stranger", ns="other", app="client")
servers = {}
for name in ("echo-v1", "echo-v2", "copy"):
    servers[name] = lab.pod(name, app=name)
    servers[name].serve()
lab.service("echo", 1, {"app": "echo-v1"})
lab.service("echo-v2", 2, {"app": "echo-v2"})
lab.service("copy", 3, {"app": "copy"})
lab.service("empty", 4, {"app": "nothing"})
port = 18100 + lab.number
gateway = f"""apiVersion: {GROUP}/v1
kind: GatewayClass
metadata: {{name: heddle}}
spec: {{controllerName: heddle.io/gateway-controller}}
---
apiVersion: {GROUP}/v1
kind: Gateway
metadata: {{name: public, namespace: demo, generation: 2}}
spec:
  gatewayClassName: heddle
  listeners:
  - {{name: all, port: {port}, protocol: HTTP}}
  - {{name: shop, port: {port}, protocol: HTTP, hostname: "*.shop.test", allowedRoutes: {{namespaces: {{from: All}}}}}}
  - {{name: tcp, port: {port + 200}, protocol: TCP}}
"""
main = route("main", "[{name: public, sectionName: all}]", f"""
- backendRefs: [{backend("echo")}]
- matches: [{{path: {{value: /v2}}}}, {{path: {{type: Exact, value: /exact}}}}, {{path: {{value: /}}, headers: [{{name: Version, value: two}}]}}]
  backendRefs: [{backend("echo-v2")}]
- matches: [{{path: {{value: /split}}}}]
  backendRefs: [{backend("echo", 70)}, {backend("echo-v2", 30)}, {backend("copy", 0)}]
- matches: [{{path: {{value: /gone}}}}]
  backendRefs: [{backend("missing")}]
- matches: [{{path: {{value: /half}}}}]
  backendRefs: [{backend("echo")}, {backend("missing")}]
- matches: [{{path: {{value: /none}}}}]
- matches: [{{path: {{value: /empty}}}}]
  backendRefs: [{backend("empty")}]
- matches: [{{path: {{value: /foo}}}}]
  filters: [{{type: URLRewrite, urlRewrite: {{hostname: inside.test, path: {{type: ReplacePrefixMatch, replacePrefixMatch: /xyz}}}}}}]
  backendRefs: [{backend("echo")}]
- matches: [{{path: {{value: /strip/}}}}]
  filters: [{{type: URLRewrite, urlRewrite: {{path: {{type: ReplacePrefixMatch, replacePrefixMatch: /}}}}}}]
  backendRefs: [{backend("echo")}]
- matches: [{{path: {{value: /full}}}}]
  filters: [{{type: URLRewrite, urlRewrite: {{path: {{type: ReplaceFullPath, replaceFullPath: /whole}}}}}}]
  backendRefs: [{backend("echo")}]
- matches: [{{path: {{value: /mirror}}}}]
  filters:
  - {{type: RequestMirror, requestMirror: {{backendRef: {backend("copy")}}}}}
  - {{type: RequestHeaderModifier, requestHeaderModifier: {{set: [{{name: x-set, value: "100%"}}], remove: [x-gone]}}}}
  backendRefs: [{backend("echo")}]
- matches: [{{path: {{value: /backend-header}}}}]
  backendRefs:
  - {backend("echo", filters=[{"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "x-from", "value": "one"}]}}])}
  - {backend("echo-v2", filters=[{"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "x-from", "value": "two"}]}}])}
- matches: [{{path: {{value: /slow}}}}]
  timeouts: {{request: 300ms}}
  backendRefs: [{backend("echo")}]
- matches: [{{path: {{value: /retry}}}}]
  retry: {{codes: [503], attempts: 2, backoff: 1ms}}
  backendRefs: [{backend("echo")}]
- matches: [{{path: {{value: /ext}}}}]
  filters: [{{type: ExtensionRef, extensionRef: {{group: example.com, kind: Auth, name: a}}}}]
  backendRefs: [{backend("echo")}]
""") + "".join(
    route(f"redirect-{n}", "[{name: public, sectionName: all}]", f"""
- matches: [{{path: {{value: /redirect-{n}}}}}]
  filters: [{{type: RequestRedirect, requestRedirect: {text}}}]
""") for n, text in enumerate((
        "{hostname: other.test}", "{scheme: https, statusCode: 301}", "{port: 8083, statusCode: 307}",
        "{scheme: https, port: 443, path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}, statusCode: 308}",
        "{hostname: other.test, port: 80, path: {type: ReplaceFullPath, replaceFullPath: /}, statusCode: 303}")))
shop = route("shop", "[{name: public, namespace: demo, sectionName: shop}]", f"- matches: [{{path: {{value: /here}}}}]\n"
             f"  backendRefs: [{backend('echo', namespace='demo')}]\n", ns="other", hostnames="  hostnames: [a.shop.test]\n")
grant = f"""---
apiVersion: {GROUP}/v1beta1
kind: ReferenceGrant
metadata: {{name: others, namespace: demo}}
spec: {{from: [{{group: {GROUP}, kind: HTTPRoute, namespace: other}}], to: [{{group: "", kind: Service}}]}}
"""
lab.write("gateway", gateway)
lab.write("routes", main[4:])
lab.write("shop", shop[4:])
lab.write_cluster()
lab.start()
process = subprocess.Popen([PYTHON, f"{HERE}/client.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
lab.processes.append(process)
outside = Client(process)

CASES = [
    ("the catch-all of a route", "/", [], ["echo-v1"]),
    ("a prefix", "/v2", [], ["echo-v2"]),
    ("a prefix with elements behind it", "/v2/x?q=1", [], ["echo-v2"]),
    ("a prefix is of whole elements", "/v2example", [], ["echo-v1"]),
    ("exact", "/exact", [], ["echo-v2"]),
    ("exact is not a prefix", "/exact/", [], ["echo-v1"]),
    ("a header", "/x", [["version", "two"]], ["echo-v2"]),
    ("a header with another value", "/x", [["version", "three"]], ["echo-v1"]),
]
for family, address in (("IPv4", "127.0.0.1"), ("IPv6", "::1")):
    target = {"host": address, "port": port, "authority": "any.test"}
    literal = f"[{address}]" if ":" in address else address
    for name, path, headers, expected in CASES:
        answer = outside.ask(**target, path=path, headers=headers, n=3)
        report.check(f"{family}: {name}", set(pods_of(answer)) == set(expected), answer)
    n = 1000
    pods = pods_of(outside.ask(**target, path="/split", n=n))
    low, high = binomial_band(n, 0.3)
    report.check(f"{family}: weights 70/30/0", low <= pods.count("echo-v2") <= high and "copy" not in pods, pods.count("echo-v2"))
    for path, wanted in (("/gone", {500}), ("/none", {500}), ("/ext", {500}), ("/empty", {503})):
        answer = outside.ask(**target, path=path, n=5)
        report.check(f"{family}: {path} answers {wanted}", set(statuses(answer)) == wanted, answer)
    got = statuses(outside.ask(**target, path="/half", n=100))
    report.check(f"{family}: half of the backends missing: both 200 and 500", set(got) == {200, 500}, got)
    for path, wanted, host in (("/foo/bar?q=1", "/xyz/bar?q=1", "inside.test"), ("/foo", "/xyz", "inside.test"), ("/foo/", "/xyz/", "inside.test"),
                               ("/strip/bar", "/bar", "any.test"), ("/strip", "/", "any.test"), ("/full/x?q=1", "/whole?q=1", "any.test")):
        seen = json.loads(outside.ask(**target, path=path)["last"]["body"])
        got = {k.lower(): v for k, v in seen["headers"]}
        report.check(f"{family}: {path} goes on as {wanted}", (seen["path"], got["host"]) == (wanted, host), seen)
    before = len(servers["copy"].seen())
    seen = json.loads(outside.ask(**target, path="/mirror/1", headers=[["x-gone", "1"]], n=10)["last"]["body"])
    got = {k.lower(): v for k, v in seen["headers"]}
    report.check(f"{family}: header set literally and removed", got.get("x-set") == "100%" and "x-gone" not in got, got)
    wait_for(lambda: len(servers["copy"].seen()) >= before + 10, "the copies")
    copies = servers["copy"].seen()[before:]
    report.check(f"{family}: every request is mirrored once", len(copies) == 10, len(copies))
    answers = [outside.ask(**target, path="/backend-header") for _ in range(20)]
    report.check(f"{family}: headers of the chosen backend alone", all(
        dict(a["last"]["headers"])["x-from"] == {"echo-v1": "one", "echo-v2": "two"}[pods_of(a)[0]] for a in answers))
    answer = outside.ask(**target, path="/slow", headers=[["x-do-delay_s", "2"]])
    report.check(f"{family}: timeouts.request: 504", statuses(answer) == [504], answer)
    before = len(servers["echo-v1"].seen())
    answer = outside.ask(**target, path="/retry", headers=[["x-do-status", "503"]])
    tries = len(servers["echo-v1"].seen()) - before
    report.check(f"{family}: retry attempts 2 are 3 tries", statuses(answer) == [503] and tries == 3, tries)
    base = f"http://h.test:{port}"
    for n, (status, location) in enumerate((
            (302, f"http://other.test:{port}/redirect-0/x?q=1"), (301, "https://h.test/redirect-1/x?q=1"),
            (307, "http://h.test:8083/redirect-2/x?q=1"), (308, "https://h.test/new/x?q=1"), (303, "http://other.test/?q=1"))):
        got = curl(f"{base}/redirect-{n}/x?q=1", "--resolve", f"h.test:{port}:{literal}")
        report.check(f"{family}: redirect to {location}", (got[0], got[1].get("location")) == (status, location), got)
    # the route of the other namespace needs a grant; requests for the listener's hosts are its alone
    for host, path, wanted in (("a.shop.test", "/here", 200 if family == "IPv6" else 500), ("a.shop.test", "/", 404),
                               ("b.shop.test", "/", 404), ("shop.test", "/", 200)):
        answer = outside.ask(host=address, port=port, authority=host, path=path)
        report.check(f"{family}: {host}{path}: {wanted}", statuses(answer) == [wanted], answer)
    if family == "IPv4":
        time.sleep(1.1)  # times of conditions are in seconds
        lab.write("grant", grant[4:])
        lab.ctl("reload")

# ---- statuses ----


def condition(status, kind):
    return {c["type"]: (c["status"], c["reason"], c["observedGeneration"], c["lastTransitionTime"]) for c in status["conditions"]}[kind]


def statuses_of(*arguments):
    items = json.loads(lab.ctl("config", "status", *arguments, "-o", "json"))["items"]
    return {i["kind"] + "/" + i["metadata"]["name"]: i["status"] for i in items}


found = statuses_of()
public = found["Gateway/public"]
listeners = {one["name"]: one for one in public["listeners"]}
report.check("GatewayClass Accepted", condition(found["GatewayClass/heddle"], "Accepted")[:2] == ("True", "Accepted"))
report.check("Gateway Accepted and Programmed", condition(public, "Accepted")[:3] == ("True", "Accepted", 2) and
             condition(public, "Programmed")[0] == "True", public)
report.check("attachedRoutes", [listeners[n]["attachedRoutes"] for n in ("all", "shop", "tcp")] == [6, 1, 0], listeners)
report.check("what is not served is not Programmed", condition(listeners["tcp"], "Accepted")[0] == "True" and
             condition(listeners["tcp"], "Programmed")[:2] == ("False", "Invalid"), listeners["tcp"])
parent = found["HTTPRoute/main"]["parents"][0]
report.check("HTTPRoute main: ResolvedRefs BackendNotFound", condition(parent, "ResolvedRefs")[:3] == ("False", "BackendNotFound", 4) and
             condition(parent, "Accepted")[0] == "True" and condition(parent, "PartiallyInvalid")[0] == "True", parent)
accepted, resolved = (condition(found["HTTPRoute/shop"]["parents"][0], kind) for kind in ("Accepted", "ResolvedRefs"))
report.check("HTTPRoute shop: ResolvedRefs since the grant", resolved[:2] == ("True", "ResolvedRefs") and accepted[3] < resolved[3],
             (accepted, resolved))
lab.remove("grant")
lab.ctl("reload")
again = condition(statuses_of("httproute/shop", "-n", "other")["HTTPRoute/shop"]["parents"][0], "ResolvedRefs")
report.check("without the grant: RefNotPermitted", again[:2] == ("False", "RefNotPermitted"), again)
report.check("and 500 again", statuses(outside.ask(host="127.0.0.1", port=port, authority="a.shop.test", path="/here")) == [500])
kept = condition(statuses_of("httproute/shop")["HTTPRoute/shop"]["parents"][0], "Accepted")
report.check("the time of a condition that did not change stays", kept == accepted, (kept, accepted))
report.check("text output", "RefNotPermitted" in lab.ctl("config", "status"))

alone = json.loads(lab.ctl("--run-dir", "/nonexistent", "config", "status", "-f", lab.conf, "-o", "json"))


def without_times(items):
    return json.dumps([{**i, "status": json.loads(re.sub(r'"lastTransitionTime": "[^"]*"', '"lastTransitionTime": ""', json.dumps(i["status"])))}
                       for i in items], sort_keys=True)


of_daemon = json.loads(lab.ctl("config", "status", "-o", "json"))
report.check("the same from files alone", without_times(alone["items"]) == without_times(of_daemon["items"]), alone)
report.check("YAML", "- apiVersion: gateway.networking.k8s.io/v1\n  kind: GatewayClass\n" in lab.ctl("config", "status", "gatewayclasses", "-o", "yaml"))
report.check("one object by name", list(statuses_of("httproute/main", "-n", "demo")) == ["HTTPRoute/main"] and not statuses_of("httproute/main", "-n", "other"))

# ---- routes of Services ----
producer = route("producer", '[{group: "", kind: Service, name: echo}]', f"""
- matches: [{{path: {{value: /v2}}}}]
  backendRefs: [{backend("echo-v2")}]
- matches: [{{path: {{value: /v1}}}}]
  filters: [{{type: ResponseHeaderModifier, responseHeaderModifier: {{set: [{{name: x-by, value: producer}}]}}}}]
  backendRefs: [{backend("echo")}]
- matches: [{{path: {{value: /moved}}}}]
  filters: [{{type: RequestRedirect, requestRedirect: {{hostname: other.test, path: {{type: ReplacePrefixMatch, replacePrefixMatch: /}}}}}}]
""")
consumer = route("consumer", '[{group: "", kind: Service, name: echo, namespace: demo, port: 9080}]', f"""
- backendRefs: [{backend("copy", namespace="demo")}]
""", ns="other")
lab.write("mesh", (producer + consumer)[4:])
lab.write("grant", grant[4:])
lab.ctl("reload")
near, far = client.client(), stranger.client()
for family, address in families(lab, 1)[:2]:
    target = {"host": address, "port": 9080, "authority": "echo.demo"}
    report.check(f"mesh {family}: route to another service", pods_of(near.ask(**target, path="/v2/x")) == ["echo-v2"])
    answer = near.ask(**target, path="/v1")
    report.check(f"mesh {family}: backend of the same service, header set", pods_of(answer) == ["echo-v1"] and
                 dict(answer["last"]["headers"]).get("x-by") == "producer", answer)
    report.check(f"mesh {family}: no rule: 404", statuses(near.ask(**target, path="/v2example")) == [404])
    answer = near.ask(**target, path="/moved")
    report.check(f"mesh {family}: redirect", dict(answer["last"]["headers"]).get("location") == "http://other.test:9080/", answer)
    report.check(f"mesh {family}: clients of the consumer's namespace get its route alone",
                 set(pods_of(far.ask(**target, path="/v2", n=5))) == {"copy"})
    pod = servers["echo-v1"].ip6 if ":" in address else servers["echo-v1"].ip
    answer = near.ask(host=pod, port=9080, authority="echo.demo", path="/v1")
    report.check(f"mesh {family}: traffic to the pod itself is left alone", "x-by" not in dict(answer["last"]["headers"]), answer)
lab.remove("mesh")
lab.ctl("reload")
report.check("without routes: plain service", pods_of(client.client().ask(host=lab.vip(1), port=9080, authority="echo", path="/v2")) == ["echo-v1"])
lab.remove("gateway")
wait_for(lambda: outside.ask(host="127.0.0.1", port=port, authority="any.test")["results"][0][0] == 0, "the listener's end", 5)
report.check("a removed Gateway closes its port", True)
report.done()
