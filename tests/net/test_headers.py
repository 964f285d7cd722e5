#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Header operations of routes and destinations, and values with commands (specification B.5, checklist H 21).
# not in VMs: nothing here depends on the kernel, and processors emulated for an hour are dear
from actions import Actions
from scene import wait_for

RULES = """
- match: [{uri: {prefix: /ops}}]
  headers:
    request: {remove: [X-Out], set: {x-set: new}, add: {x-set: more, accept: text/x}}
    response: {remove: [x-pod, server], set: {x-answer: "1"}, add: {x-answer: "2"}}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{uri: {prefix: /single}}]
  headers: {request: {set: {x-level: route}, add: {x-level: added}}, response: {set: {x-level: route}}}
  route:
  - destination: {host: reviews, subset: v1}
    headers: {request: {set: {x-level: destination}}, response: {set: {x-level: destination}}}
- match: [{uri: {prefix: /several}}]
  headers: {request: {set: {x-level: route}}, response: {set: {x-level: route}}}
  route:
  - destination: {host: reviews, subset: v1}
    weight: 100
    headers: {request: {set: {x-level: destination, x-only: "1"}}, response: {set: {x-level: destination, x-only: "1"}}}
  - destination: {host: reviews, subset: v2}
    weight: 0
- match: [{uri: {prefix: /commands}}]
  headers:
    request:
      set:
        x-remote: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"
        x-local-port: "%DOWNSTREAM_LOCAL_PORT%"
        x-path: "%REQ(:path)%"
        x-cut: "%REQ(x-long):5%"
        x-instead: "%REQ(x-none?x-long):3%"
        x-time: "%START_TIME(%Y)%"
        x-percent: "100%%"
        x-nothing: "%REQ(x-none)%"
        x-protocol: "<%PROTOCOL%>"
        x-route: "%ROUTE_NAME%"
    response:
      set: {x-cluster: "%UPSTREAM_CLUSTER%", x-host: "%UPSTREAM_HOST%", x-code: "%RESPONSE_CODE%", x-type: "%RESP(content-type)%",
            x-node: "%HOSTNAME%", x-name: "%REQUESTED_SERVER_NAME%"}
  name: commands
  rewrite: {uri: /rewritten}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{uri: {prefix: /nobody}}]
  headers: {response: {set: {x-flags: "%RESPONSE_FLAGS%", x-code: "%RESPONSE_CODE%"}}}
  route: [{destination: {host: reviews, subset: v9}}]
- match: [{uri: {prefix: /host}}]
  headers: {request: {set: {Host: other.example}}}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{uri: {prefix: /mirrored}}]
  headers: {request: {set: {x-set: new}}}
  mirror: {host: reviews, subset: v2}
  route: [{destination: {host: reviews, subset: v1}}]
- route: [{destination: {host: reviews, subset: v1}}]
"""

a = Actions(RULES)
check = a.report.check
for way, curl, host in a.ways():
    port = host.split(":")[1]
    answer = curl("/ops", "-H", "x-out: 1", "-H", "X-OUT: 2", "-H", "x-set: old", "-H", "accept: a/b")
    check(f"{way}: removed", answer.sent("x-out") == [] and answer.header("x-pod") is None, answer)
    check(f"{way}: set, then added on a line of its own", answer.sent("x-set") == ["new", "more"], answer)
    check(f"{way}: single-value headers are joined", answer.sent("accept") == ["a/b,text/x"], answer)
    check(f"{way}: the answer's too", answer.headers.get("x-answer") == ["1", "2"], answer)
    answer = curl("/single")
    check(f"{way}: one destination: its set wins, adds come last", answer.sent("x-level") == ["destination", "added"] and
          answer.header("x-level") == "destination", answer)
    answer = curl("/several")
    check(f"{way}: several: the route's set wins", answer.sent("x-level") == ["route"] and answer.header("x-level") == "route" and
          answer.sent("x-only") == ["1"] and answer.header("x-only") == "1", answer)
    answer = curl("/commands/x?q=1", "-H", "x-long: abcdefgh")
    remote = a.client.ip if way == "mesh IPv4" else a.client.ip6 if way == "mesh IPv6" else "127.0.0.1" if way == "gateway IPv4" else "::1"
    wanted = {"x-remote": [remote], "x-local-port": [port], "x-path": ["/commands/x?q=1"], "x-cut": ["abcde"], "x-instead": ["abc"],
              "x-percent": ["100%"], "x-nothing": [], "x-protocol": ["<HTTP/1.1>"], "x-route": ["commands"]}
    check(f"{way}: commands in request headers", all(answer.sent(k) == v for k, v in wanted.items()) and
          len(answer.sent("x-time")[0]) == 4 and answer.seen["path"] == "/rewritten/x?q=1", answer)
    check(f"{way}: commands in response headers", answer.header("x-cluster") == "outbound|9080|v1|reviews.demo.svc.cluster.local;" and
          answer.header("x-host").endswith(":9080") and answer.header("x-code") == "200" and
          answer.header("x-type") == "application/json" and answer.header("x-node") == "node-a" and answer.header("x-name") is None, answer)
    answer = curl("/nobody")
    check(f"{way}: an answer of the proxy has them", answer.status == 503 and answer.header("x-flags") == "NC" and
          answer.header("x-code") == "503", answer)
    answer = curl("/host")
    check(f"{way}: Host", answer.sent("host") == ["other.example"] and answer.sent("x-envoy-original-host") == [host], answer)
    curl(f"/mirrored/{way.replace(' ', '')}")


def mirrored():
    return [s for s in a.pods[1].seen() if s["path"].startswith("/mirrored")]


wait_for(lambda: len(mirrored()) >= 4, "four copies")
copies = mirrored()
check("mirrors see the changed request", len(copies) == 4 and all(["x-set", "new"] in s["headers"] for s in copies), copies)
check("nothing was left out", a.lab.metrics()['heddle_limit_hits_total{limit="header_values"}'] == 0)
rules = RULES.replace("x-set: new}, add", 'x-set: "%NOTHING%"}, add')
a.write(rules)
try:
    a.lab.reload()
    said = ""
except RuntimeError as error:
    said = str(error)
answer = next(a.ways())[1]("/ops")
check("an unknown command is refused, and the rules before stay in force", answer.sent("x-set") == ["new", "more"], answer)
check("the message names it and what there is", "%NOTHING% is no command that can be used here; there are: REQ, RESP" in said, said)
a.report.done()
