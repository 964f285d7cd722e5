#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# A root VirtualService and its delegates in the mesh and at a Gateway; a delegate changes, goes and comes (A.4, H 5).
# not in VMs: nothing here depends on the kernel, and processors emulated for an hour are dear
from actions import Actions

RULES = """
- match: [{uri: {prefix: /a}}]
  delegate: {name: team, namespace: team}
  headers: {request: {set: {x-from: root}}}
- match: [{uri: {prefix: /private}}]
  delegate: {name: private, namespace: team}
- match: [{uri: {prefix: /missing}}]
  delegate: {name: missing, namespace: team}
- route: [{destination: {host: reviews, subset: v1}}]
"""
TEAM = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: team, namespace: team}
spec:
  http:
  - match: [{uri: {prefix: /a/b}}]
    rewrite: {uri: /rewritten}
    route: [{destination: {host: reviews.demo.svc.cluster.local, subset: %s}}]
  - match: [{uri: {prefix: /c}}]
    directResponse: {status: 418}
  - match: [{headers: {x-team: {exact: "1"}}}]
    headers: {request: {set: {x-from: team}}}
    route: [{destination: {host: reviews.demo.svc.cluster.local, subset: v2}}]
"""
PRIVATE = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: private, namespace: team}
spec:
  exportTo: ["."]
  http: [{directResponse: {status: 418}}]
"""

a = Actions(RULES, "---\n" + PRIVATE)
check = a.report.check
a.lab.write("team", TEAM % "v2")
a.lab.reload()
for way, curl, host in a.ways():
    answer = curl("/a/b/c")
    check(f"{way}: the narrower rule of the delegate", answer.seen["pod"] == "reviews-v2" and answer.seen["path"] == "/rewritten/c" and
          answer.sent("x-from") == ["root"], answer)
    answer = curl("/a/x", "-H", "x-team: 1")
    check(f"{way}: condition of the delegate within that of the root", answer.seen["pod"] == "reviews-v2" and answer.sent("x-from") == ["team"], answer)
    check(f"{way}: outside of the root's prefix", curl("/b", "-H", "x-team: 1").seen["pod"] == "reviews-v1")
    check(f"{way}: what conflicts with the root is dropped", curl("/c").seen["pod"] == "reviews-v1")
    check(f"{way}: so is a delegate that is not exported, and one that is not there",
          curl("/private").seen["pod"] == "reviews-v1" and curl("/missing").seen["pod"] == "reviews-v1")
log = a.lab.log_tail(20000)
for text in ("VirtualService team/private is not exported to this namespace", "VirtualService team/missing does not exist",
             "has nothing in common with those of VirtualService demo/reviews"):
    check(f"said: {text}", text in log)
curl = next(a.ways())[1]
a.lab.write("team", TEAM % "v1")
a.lab.reload()
check("a changed delegate", curl("/a/b/c").seen["pod"] == "reviews-v1" and curl("/a/b/c").seen["path"] == "/rewritten/c")
a.lab.remove("team")
a.lab.reload()
check("without the delegate the entry is gone", curl("/a/b/c").seen["path"] == "/a/b/c")
routes = a.lab.ctl("proxy-config", "routes")
check("proxy-config routes has the root's rules", "demo/reviews" in routes or "reviews" in routes, routes)
a.report.done()
