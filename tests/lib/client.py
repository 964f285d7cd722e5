# SPDX-License-Identifier: Apache-2.0
"""JSON lines in, JSON lines out: HTTP/1.1 requests over plain sockets from inside a pod.

Question: {host, port, n=1, method, path, headers: [[name, value]], body, authority, keep=true, timeout=10,
           raw (bytes to send as they are, latin1), bind (source address), pipeline=1}
Answer:   {results: [[status, x-pod, seconds, error]], last: {status, headers, body, trailers, peer}}
n counts requests; keep=false opens a connection for each. status 0 with an error text when there was no answer.
"""
import json
import socket
import sys
import time


class Connection:
    def __init__(self, question):
        host = question["host"]
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(question.get("timeout", 10))
        if question.get("bind"):
            self.socket.bind((question["bind"], 0))
        self.socket.connect((host, question["port"]))
        self.buffer = b""

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("connection closed by the peer")
        self.buffer += data

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def exactly(self, n):
        while len(self.buffer) < n:
            self.more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def fields(self):
        found = []
        while (line := self.line()):
            name, value = line.split(b":", 1)
            found.append([name.decode("latin1").lower(), value.strip().decode("latin1")])
        return found

    def rest(self):
        try:
            while True:
                self.more()
        except EOFError:
            data, self.buffer = self.buffer, b""
            return data

    def response(self, method):
        while True:
            status = int(self.line().split(b" ")[1])
            headers = self.fields()
            if status >= 200 or status == 101:
                break
        known = dict(headers)
        close, trailers = known.get("connection", "").lower() == "close", []
        if method == "HEAD" or status in (101, 204, 304):
            body = b""
        elif known.get("transfer-encoding") == "chunked":
            body = b""
            while (size := int(self.line().split(b";")[0], 16)):
                body += self.exactly(size)
                self.line()
            trailers = self.fields()
        elif "content-length" in known:
            body = self.exactly(int(known["content-length"]))
        else:
            body, close = self.rest(), True
        return {"status": status, "headers": headers, "body": body.decode("latin1"), "trailers": trailers,
                "peer": self.socket.getpeername()[:2]}, close


def request_bytes(question):
    if "raw" in question:
        return question["raw"].encode("latin1")
    body = question.get("body", "").encode("latin1")
    fields = [["Host", question.get("authority", question["host"])], *question.get("headers", [])]
    if body:
        fields.append(["Content-Length", str(len(body))])
    head = f"{question.get('method', 'GET')} {question.get('path', '/')} HTTP/1.1\r\n"
    return (head + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n").encode("latin1") + body


def run(question):
    results, last, connection = [], None, None
    raw, method, depth = request_bytes(question), question.get("method", "GET"), question.get("pipeline", 1)
    remaining = question.get("n", 1)
    while remaining > 0:
        batch = min(depth, remaining)
        start = time.monotonic()
        try:
            if connection is None:
                connection = Connection(question)
            connection.socket.sendall(raw * batch)
            for _ in range(batch):
                last, close = connection.response(method)
                results.append([last["status"], dict(last["headers"]).get("x-pod"), time.monotonic() - start, None])
                remaining -= 1
            if close or not question.get("keep", True):
                connection.socket.close()
                connection = None
        except (OSError, EOFError, ValueError) as error:
            results.append([0, None, time.monotonic() - start, f"{type(error).__name__}: {error}"])
            remaining -= 1
            if connection is not None:
                connection.socket.close()
            connection = None
    if connection is not None:
        connection.socket.close()
    if last is not None:
        last["body"] = last["body"][:question.get("keep_body", 4000)]
    return {"results": results, "last": last}


for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
