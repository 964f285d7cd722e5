#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# HTTP/1.1 on the wire: framing, smuggling shapes, limits, vanishing peers (specification B.1, B.11, J 1-4).
import json
from scene import Lab, PYTHON, Report, families, statuses, to, virtual_service, wait_for

lab = Lab()
report = Report(lab)
client, server = lab.pod("client"), lab.pod("web", app="web")
server.serve()
lab.service("web", 1, {"app": "web"})
lab.write("web", virtual_service("web", f"- timeout: 20s\n  retries: {{attempts: 0}}\n  route: [{to('web')}]"))
lab.start()
ask = client.client().ask
# name, bytes, status
REFUSED = [
    ("two Content-Lengths", "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd", 400),
    ("two equal Content-Lengths", "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", 400),
    ("Content-Length with Transfer-Encoding", "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("bare LF", "GET / HTTP/1.1\nHost: web\n\n", 400),
    ("obs-fold", "GET / HTTP/1.1\r\nHost: web\r\nX-A: b\r\n c\r\n\r\n", 400),
    ("NUL in a value", "GET / HTTP/1.1\r\nHost: web\r\nX-A: b\0c\r\n\r\n", 400),
    ("space before colon", "GET / HTTP/1.1\r\nHost : web\r\n\r\n", 400),
    ("two Hosts", "GET / HTTP/1.1\r\nHost: web\r\nHost: web\r\n\r\n", 400),
    ("no Host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", 400),
    ("two blanks in the request line", "GET  / HTTP/1.1\r\nHost: web\r\n\r\n", 400),
    ("unknown method", "FROB / HTTP/1.1\r\nHost: web\r\n\r\n", 400),
    ("%00 in the path", "GET /a%00 HTTP/1.1\r\nHost: web\r\n\r\n", 400),
    ("not HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ("unknown transfer coding", "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ("bad chunk size", "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n", 400),
    ("header block over 60 KiB", "GET / HTTP/1.1\r\nHost: web\r\nX-A: " + "a" * 62000 + "\r\n\r\n", 431),
    ("101 headers", "GET / HTTP/1.1\r\nHost: web\r\n" + "".join(f"X-{i}: 1\r\n" for i in range(101)) + "\r\n", 431),
]
for family, vip in families(lab, 1)[:2]:
    target = {"host": vip, "port": 9080, "authority": "web.demo"}
    for name, raw, status in REFUSED:
        before = len(server.seen())
        result = ask(host=vip, port=9080, raw=raw, timeout=5)["results"][0]
        report.check(f"{family}: refused: {name}", result[0] == status, result)
        report.check(f"{family}: {name}: nothing reached the server as a request of its own", len(server.seen()) - before <= (name == "bad chunk size"))
    answer = ask(**target, method="HEAD")
    report.check(f"{family}: HEAD has no body", statuses(answer) == [200] and answer["last"]["body"] == "", answer)
    answer = ask(**target, headers=[["x-do-chunked", "1"]], n=3)
    report.check(f"{family}: chunked answer with trailer", statuses(answer) == [200] * 3 and answer["last"]["trailers"] == [["x-sum", "1"]], answer["last"])
    chunked = "POST /chunks HTTP/1.1\r\nHost: web.demo\r\nTransfer-Encoding: chunked\r\nTrailer: x-end\r\n\r\n5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nx-end: yes\r\n\r\n"
    answer = ask(host=vip, port=9080, raw=chunked, n=2)
    record = json.loads(answer["last"]["body"])
    report.check(f"{family}: chunked request with trailer arrives whole", (record["body"], record["trailers"]) == (11, [["x-end", "yes"]]), record)
    answer = ask(**target, headers=[["Expect", "100-continue"]], method="POST", body="z" * 1000)
    report.check(f"{family}: Expect: 100-continue", statuses(answer) == [200] and json.loads(answer["last"]["body"])["body"] == 1000, answer)
    answer = ask(**target, n=40, pipeline=8)
    report.check(f"{family}: eight requests in flight on one connection", statuses(answer) == [200] * 40, answer["results"][-1])
    answer = ask(host=vip, port=9080, raw="GET /old HTTP/1.0\r\nHost: web.demo\r\n\r\n")
    report.check(f"{family}: HTTP/1.0", statuses(answer) == [200], answer)
    answer = ask(**target, headers=[["x-do-size", "3000000"]], keep_body=10**7)
    report.check(f"{family}: body of 3 MB", len(answer["last"]["body"]) == 3000000)
    answer = ask(**target, method="POST", body="w" * 3000000)
    report.check(f"{family}: request body of 3 MB", json.loads(answer["last"]["body"])["body"] == 3000000, answer["results"])
    answer = ask(**target, headers=[["x-do-cut", "1"], ["x-do-size", "5000"]], timeout=5)
    report.check(f"{family}: upstream closing mid-body cuts the answer, no clean end", statuses(answer) == [0], answer["results"])
    seen = dict((k.lower(), v) for k, v in json.loads(ask(**target, headers=[["Connection", "x-hop"], ["x-hop", "1"], ["x-envoy-max-retries", "9"]])["last"]["body"])["headers"])
    report.check(f"{family}: hop-by-hop and steering headers are taken out", "x-hop" not in seen and "x-envoy-max-retries" not in seen, seen)
    report.check(f"{family}: request id, x-forwarded-for and -proto are there",
                 len(seen.get("x-request-id", "")) == 36 and seen.get("x-forwarded-proto") == "http" and seen.get("x-forwarded-for"), seen)

VANISH = """
import socket, sys
for i in range(50):
    s = socket.create_connection((sys.argv[1], 9080))
    s.sendall(b"POST /vanish HTTP/1.1\\r\\nHost: web\\r\\nContent-Length: 100000\\r\\n\\r\\n" + b"a" * 5000)
    s.close()
    s = socket.create_connection((sys.argv[1], 9080))
    s.sendall(b"GET /vanish HTTP/1.1\\r\\nHost: web\\r\\nx-do-size: 5000000\\r\\n\\r\\n")
    s.recv(10)
    s.close()
"""
client.output([PYTHON, "-c", VANISH, lab.vip(1)])
report.check("clients that vanish mid-body leave it working", statuses(ask(host=lab.vip(1), port=9080, authority="web.demo", n=20)) == [200] * 20)
wait_for(lambda: any("/vanish" in line and '" 0 DC ' in line for line in lab.access_lines()), "a DC line in the log")
report.check("logged as DC", True)
report.done()
