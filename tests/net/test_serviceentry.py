#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# ServiceEntries are services (specification A.10, D.1): by their addresses at layer 4, by Host where requests are read,
# with routes and subsets of their own.
from scene import Lab, Report, destination_rule, families, pods_of, statuses, to, virtual_service


def entry(name, host, addresses, protocol, endpoints, resolution="STATIC", port=80):
    lines = [f"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: demo}}",
             f"spec:\n  hosts: ['{host}']\n  resolution: {resolution}",
             f"  ports: [{{number: {port}, name: main, protocol: {protocol}, targetPort: 9080}}]"]
    if addresses:
        lines.append("  addresses: [" + ", ".join(f"'{a}'" for a in addresses) + "]")
    if endpoints:
        lines.append("  endpoints:\n" + "\n".join(
            f"  - {{address: '{address}', labels: {{release: {release}}}}}" for address, release in endpoints))
    return "\n".join(lines) + "\n"


lab = Lab()
report = Report(lab)
client = lab.pod("client", app="client")
pods = {release: lab.pod(f"legacy-{release}", app="legacy") for release in ("a", "b")}
for pod in pods.values():
    pod.serve()
web = lab.pod("web", app="web")
web.serve()
lab.service("web", 2, {"app": "web"}, port=80, target_port=9080)
both = [(address, release) for release, pod in pods.items() for address in (pod.ip, pod.ip6)]
# subsets are by the labels of the entries, which the pods do not have
lab.write("legacy", "---\n".join([
    entry("legacy", "legacy.example", [lab.vip(1), lab.vip6(1)], "HTTP", both),
    destination_rule("legacy.example", subsets=()).replace("name: legacy.example,", "name: legacy,") +
    "  subsets:\n  - {name: a, labels: {release: a}}\n  - {name: b, labels: {release: b}}\n",
    virtual_service("legacy.example", f"- match: [{{uri: {{prefix: /b}}}}]\n  route: [{to('legacy.example', 'b')}]\n"
                    f"- route: [{to('legacy.example', 'a')}]", name="legacy")]))
lab.write("db", entry("db", "db.example", [lab.vip(3), lab.vip6(3)], "TCP", both, port=5432))
lab.write("wild", entry("wild", "*.wild.example", [], "HTTP", both[:2]))
lab.write("unresolved", entry("unresolved", "dns.example", [lab.vip(4), lab.vip6(4)], "HTTP", [], "DNS"))
lab.write("unresolved-vs", virtual_service("dns.example", f"- timeout: 3s\n  route: [{to('dns.example')}]", name="dns"))
# two entries for one host: port 80 has the endpoints of both, port 81 is the second one's
shared = entry("shared-1", "shared.example", [lab.vip(5), lab.vip6(5)], "HTTP", both[:2])
second = entry("shared-2", "shared.example", [], "HTTP", both[2:]).replace(
    "  ports: [", "  ports: [{number: 81, name: other, protocol: HTTP, targetPort: 9080}, ")
lab.write("shared", shared + "---\n" + second)
lab.write_cluster(httpDefault="request")
lab.start()
ask = client.client().ask

for family, vip in families(lab, 1):
    target = {"host": vip, "port": 80, "authority": "legacy.example"}
    answer = ask(**target, path="/", n=20)
    report.check(f"{family}: by address, the rest goes to subset a",
                 set(statuses(answer)) == {200} and set(pods_of(answer)) == {"legacy-a"}, answer["results"][-1])
    answer = ask(**target, path="/b", n=20)
    report.check(f"{family}: by address, a prefix goes to subset b",
                 set(statuses(answer)) == {200} and set(pods_of(answer)) == {"legacy-b"}, answer["results"][-1])
for family, vip in families(lab, 2):
    target = {"host": vip, "port": 80}
    answer = ask(**target, authority="legacy.example", path="/b")
    report.check(f"{family}: by Host, at the address of another service", pods_of(answer) == ["legacy-b"], answer["results"][-1])
    answer = ask(**target, authority="x.wild.example", path="/")
    report.check(f"{family}: a wildcard host", pods_of(answer) == ["legacy-a"], answer["results"][-1])
    answer = ask(**target, authority="web.demo.svc.cluster.local", path="/")
    report.check(f"{family}: the service itself is as it was", pods_of(answer) == ["web"], answer["results"][-1])
for family, vip in families(lab, 3):
    seen = set()
    for _ in range(30):
        answer = ask(host=vip, port=5432, authority="whatever.example", path="/")
        seen |= set(pods_of(answer)) if statuses(answer) == [200] else {str(answer)}
    report.check(f"{family}: TCP at layer 4, to all endpoints", seen == {"legacy-a", "legacy-b"}, seen)
for family, vip in families(lab, 4):
    answer = ask(host=vip, port=80, authority="dns.example", path="/")
    report.check(f"{family}: a name that is not resolved has no endpoint", statuses(answer) == [503], answer["results"][-1])
for family, vip in families(lab, 5):
    seen = set()
    for _ in range(20):
        seen |= set(pods_of(ask(host=vip, port=80, authority="shared.example", path="/", n=2)))
    report.check(f"{family}: a port of two entries has the endpoints of both", seen == {"legacy-a", "legacy-b"}, seen)
    answer = ask(host=vip, port=81, authority="shared.example", path="/", n=20)
    report.check(f"{family}: a port of the second entry, at the address of the first",
                 set(statuses(answer)) == {200} and set(pods_of(answer)) == {"legacy-b"}, answer["results"][-1])
report.done()
