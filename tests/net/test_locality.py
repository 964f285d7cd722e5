#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Endpoints in the place of the node come first, others take over for ejected ones, and distribute keeps its shares
# (specification C.4), with real traffic.
from scene import Lab, Report, binomial_band, families, pods_of, statuses


def entry(n, name, protocol, policy, port):
    """A ServiceEntry whose endpoints, the pods near and far, are in two zones, and its DestinationRule."""
    endpoints = "\n".join(f"  - {{address: '{address}', locality: r/{zone}}}" for pod, zone in ((near, "z1"), (far, "z2"))
                          for address in (pod.ip, pod.ip6))
    return (f"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: demo}}\n"
            f"spec:\n  hosts: [{name}.example]\n  resolution: STATIC\n  addresses: ['{lab.vip(n)}', '{lab.vip6(n)}']\n"
            f"  ports: [{{number: {port}, name: main, protocol: {protocol}, targetPort: 9080}}]\n  endpoints:\n{endpoints}\n"
            f"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
            f"metadata: {{name: {name}, namespace: demo}}\nspec:\n  host: {name}.example\n  trafficPolicy: {policy}\n")


OUTLIER = "{outlierDetection: {consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 60s, maxEjectionPercent: 100}}"
SHARES = "{loadBalancer: {localityLbSetting: {distribute: [{from: r/z1/*, to: {r/z1/*: 80, r/z2/*: 20}}]}}}"

lab = Lab()
report = Report(lab)
client = lab.pod("client", app="client")
near, far = lab.pod("near", app="x"), lab.pod("far", app="x")
for pod in (near, far):
    pod.serve()
lab.write("first", entry(1, "first", "HTTP", OUTLIER, 80))
lab.write("shares", entry(2, "shares", "HTTP", SHARES, 80))
lab.write("tcp", entry(3, "tcp", "TCP", OUTLIER, 5432))
lab.write_cluster(locality={"region": "r", "zone": "z1"})
lab.start()
ask = client.client().ask

for family, vip in families(lab, 2):
    # a port whose rules read no requests stays at layer 4: shares are of connections
    answer = ask(host=vip, port=80, authority="shares.example", path="/", n=1000, keep=False)
    low, high = binomial_band(1000, 0.2)
    count = pods_of(answer).count("far")
    report.check(f"{family}: 80 to 20", low <= count <= high and set(statuses(answer)) == {200}, f"{count} not in {low}..{high}")
for family, vip in families(lab, 3):
    seen = {tuple(pods_of(ask(host=vip, port=5432, authority="tcp.example", path="/"))) for _ in range(20)}
    report.check(f"{family}: at layer 4 the zone of the node", seen == {("near",)}, seen)
for family, vip in families(lab, 1):
    answer = ask(host=vip, port=80, authority="first.example", path="/", n=100)
    report.check(f"{family}: the zone of the node first", set(pods_of(answer)) == {"near"}, answer["results"][-1])
near.behave(status=500)
target = {"host": lab.vip(1), "port": 80, "authority": "first.example", "path": "/"}
for _ in range(10):  # each of the two addresses of the pod is an endpoint
    ask(**target, n=4)
near.behave()
for family, vip in families(lab, 1):
    answer = ask(**{**target, "host": vip}, n=100)
    report.check(f"{family}: when all of it is ejected, the other zone", set(pods_of(answer)) == {"far"} and
                 set(statuses(answer)) == {200}, answer["results"][-1])
report.done()
