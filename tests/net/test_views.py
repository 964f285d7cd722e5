#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# What clients of one namespace see (specification A.1, A.4, A.7, D.2): exportTo, rules of the client's namespace, Sidecars,
# REGISTRY_ONLY, and names without a dot.
from scene import Lab, Report, destination_rule, pods_of, statuses, to, virtual_service, wait_for

FQDN = "reviews.demo.svc.cluster.local"


def only(rule, where):
    """The rule with exportTo."""
    return rule.replace("spec:\n", f"spec:\n  exportTo: [{where}]\n", 1)


def sidecar(ns, hosts, policy=""):
    return (f"apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: s, namespace: {ns}}}\n"
            f"spec: {{egress: [{{hosts: [{hosts}]}}]{policy}}}\n")


lab = Lab()
report = Report(lab)
pods = [lab.pod(f"reviews-{v}", app="reviews", version=v) for v in ("v1", "v2")]
pods.append(lab.pod("mine", ns="blue", app="mine"))
pods.append(lab.pod("other", app="other"))
clients = {ns: lab.pod(f"client-{ns}", ns=ns, app="client") for ns in ("demo", "blue", "green")}
clients["picky"] = lab.pod("picky", ns="blue", app="picky")
for pod in pods:
    pod.serve()
lab.service("reviews", 1, {"app": "reviews"})
lab.service("reviews", 2, {"app": "mine"}, ns="blue")  # the same short name
lab.service("other", 3, {"app": "other"})
lab.service("hub", 4, {"app": "other"})  # whose requests are read from the beginning
lab.write("rules", destination_rule("reviews") + "---\n" +
          virtual_service("reviews", f"- route: [{to('reviews', 'v1')}]\n  timeout: 9s") + "---\n" +
          virtual_service("hub", f"- route: [{to('hub')}]\n  timeout: 9s"))
lab.start()
asks = {ns: pod.client().ask for ns, pod in clients.items()}


def check(what, ns, wanted, host=FQDN, status=200, n=1, connections=False):
    """Through both families, to the address of service n. connections: one for each request."""
    for family, vip in (("IPv4", lab.vip(n)), ("IPv6", lab.vip6(n))):
        answer = asks[ns](host=vip, port=9080, authority=host, path="/", n=24 if connections else 8, keep=not connections)
        report.check(f"{family}: {what}: client in {ns}", set(statuses(answer)) == {status} and
                     (status != 200 or set(pods_of(answer)) == wanted), answer["results"][-1])


def refused(what, ns, n):
    """connect() fails at once: for these clients no service has the address."""
    for family, vip in (("IPv4", lab.vip(n)), ("IPv6", lab.vip6(n))):
        answer = asks[ns](host=vip, port=9080, authority=FQDN, path="/", n=2)
        report.check(f"{family}: {what}: client in {ns} is refused", all("PermissionError" in str(r[3]) for r in answer["results"]),
                     answer["results"][-1])


for ns in clients:
    check("a rule for all", ns, {"reviews-v1"})
check("a bare name is of the client's namespace", "demo", {"reviews-v1"}, "reviews", n=4)
check("a bare name is of the client's namespace", "blue", {"mine"}, "reviews:9080", n=4)
check("a bare name that is none there: the service dialled", "green", {"other"}, "reviews", n=4)

lab.write("private", only(virtual_service(FQDN, f"- route: [{to(FQDN, 'v2')}]", ns="blue", name="private"), '"."'))
lab.reload()
check("a private rule", "blue", {"reviews-v2"})
check("a private rule of others", "green", {"reviews-v1"})
check("a private rule of others", "demo", {"reviews-v1"})
lab.write("private", only(virtual_service(FQDN, f"- route: [{to(FQDN, 'v2')}]", ns="demo", name="private"), "green"))
lab.reload()
check("a rule exported to another namespace", "green", {"reviews-v2"})
check("a rule exported to another namespace", "blue", {"reviews-v1"})
rows = lab.ctl_json("proxy-config", "routes", "--from", "green")
report.check("proxy-config shows what green has of its own", [(r["from"], r["virtual_service"]) for r in rows] == [("green", "private.demo")], rows)
report.check("and that blue has nothing", lab.ctl_json("proxy-config", "routes", "--from", "blue") == [])
lab.remove("private")

# the rule of the client's namespace is used alone: subset v1 is what it says there
lab.write("client-rule", destination_rule(FQDN, ns="blue", subsets=()).replace(f"name: {FQDN},", "name: r,") +
          "  subsets: [{name: v1, labels: {version: v2}}]\n")
lab.reload()
check("a DestinationRule of the client's namespace", "blue", {"reviews-v2"})
check("a DestinationRule of another client's namespace", "green", {"reviews-v1"})
lab.write("client-rule", destination_rule(FQDN, ns="green", subsets=()).replace(f"name: {FQDN},", "name: r,") +
          "  subsets: [{name: x, labels: {version: v2}}]\n")
lab.reload()
check("without the subset: no cluster", "green", None, status=503)
check("it has changed the namespace", "blue", {"reviews-v1"})
lab.remove("client-rule")

# workloadSelector: some pods of the namespace; the others have none of the host then, unless there is one for them, too
RULE = destination_rule(FQDN, ns="blue", subsets=()).replace(f"name: {FQDN},", "name: r,")
SELECTED = RULE + "  workloadSelector: {matchLabels: {app: picky}}\n  subsets: [{name: v1, labels: {version: v2}}]\n"
lab.write("client-rule", SELECTED)
lab.reload()
check("a DestinationRule for some pods", "picky", {"reviews-v2"})
check("a DestinationRule for others: no subset, no cluster", "blue", None, status=503)
rows = lab.ctl_json("proxy-config", "clusters", "--from", "blue")
report.check("proxy-config shows the clusters of these and of the others", {r["from"] for r in rows} == {"blue", "blue app=picky"}, rows)
check("a DestinationRule for pods of another namespace", "green", {"reviews-v1"})
lab.write("client-rule-2", RULE.replace("name: r,", "name: q,") + "  subsets: [{name: v1, labels: {version: v1}}]\n")
lab.reload()
check("a DestinationRule for some pods comes first", "picky", {"reviews-v2"})
check("the one for the others", "blue", {"reviews-v1"})
lab.write("client-rule", SELECTED.replace("app: picky", "app: nobody"))
lab.reload()
check("it has changed its pods", "picky", {"reviews-v1"})
lab.remove("client-rule")
lab.remove("client-rule-2")

lab.write("sidecar", sidecar("blue", '"./*"', ", outboundTrafficPolicy: {mode: ALLOW_ANY}"))
lab.reload()
check("a Sidecar hides the service: its rules do not act", "blue", {"reviews-v1", "reviews-v2"}, connections=True)
check("a Sidecar of others", "green", {"reviews-v1"})
check("what it shows", "blue", {"mine"}, "reviews.blue.svc.cluster.local", n=2)
lab.write("sidecar", sidecar("blue", '"./*"', ", outboundTrafficPolicy: {mode: REGISTRY_ONLY}"))
lab.reload()
refused("a Sidecar with REGISTRY_ONLY", "blue", 1)
refused("a Sidecar with REGISTRY_ONLY: layer 4 is not a way round", "blue", 3)
check("a Sidecar with REGISTRY_ONLY: what it shows", "blue", {"mine"}, "reviews.blue.svc.cluster.local", n=2)
check("a Sidecar with REGISTRY_ONLY of others", "green", {"reviews-v1"})
lab.remove("sidecar")

lab.write("mesh", "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: mesh, namespace: istio-system}\n"
          "spec: {meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}}\n")
lab.reload()
check("REGISTRY_ONLY: a known host", "green", {"reviews-v1"})
check("REGISTRY_ONLY: an unknown host", "green", None, "unknown.example", status=502)
wait_for(lambda: any(" 502 - direct_response " in line and "block_all" in line for line in lab.access_lines()),
         "block_all in the access log")
check("REGISTRY_ONLY: an address of the service", "green", {"reviews-v1"}, lab.vip(1))
lab.remove("mesh")
lab.reload()
check("ALLOW_ANY again: an unknown host is of the service dialled", "green", {"reviews-v1"}, "unknown.example")
lab.reload()
report.done()
