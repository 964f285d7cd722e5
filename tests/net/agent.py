# SPDX-License-Identifier: Apache-2.0
"""A client that stays: reads one question in JSON from each line of standard input, prints one answer.

{"do": "tcp", "host", "port", "n"[, "bind"][, "keep"]}   n connections, with "keep" not closed: for each the server's name or
                                                         the error's; "keep" needs no answer of the server
{"do": "udp", "host", "port", "n"[, "each"][, "unconnected"][, "bind"]}   n sockets that send "each" datagrams one after the
                                                         other: for each datagram [name or error, sender's host, port]
{"do": "send", "host", "port", "n"}                      n datagrams over the agent's one unconnected socket of the family
{"do": "connect", "host", "port"}                       connects that socket and says who answers; without host: it is not
                                                         connected any more (AF_UNSPEC)
{"do": "drop"[, "n"]}   closes the n oldest kept connections; without n all of them
{"do": "say"}           one exchange over each kept connection: names or errors
"""
import ctypes
import json
import socket
import struct
import sys

sys.path.insert(0, sys.path[0])
from peer import read_line  # noqa: E402

kept, open_sockets = [], {}


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def open_socket(question, kind):
    s = socket.socket(family_of(question["host"]), kind)
    s.settimeout(question.get("timeout", 5))
    if "bind" in question:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        address = question["bind"] if isinstance(question["bind"], list) else [question["bind"], 0]
        s.bind(tuple(address))
    return s


def exchange(s):
    s.sendall(b"x\n")
    line = read_line(s).decode()
    return line.split()[0] if line else "closed"


def tcp(question):
    found = []
    for _ in range(question.get("n", 1)):
        s = open_socket(question, socket.SOCK_STREAM)
        try:
            s.connect((question["host"], question["port"]))
            found.append("" if question.get("keep") == "silent" else exchange(s))
            if question.get("keep"):
                kept.append(s)
                continue
        except OSError as e:
            found.append(type(e).__name__)
        s.close()
    return found


def udp(question):
    found = []
    for _ in range(question.get("n", 1)):
        with open_socket(question, socket.SOCK_DGRAM) as s:
            target = (question["host"], question["port"])
            try:
                if not question.get("unconnected"):
                    s.connect(target)
                for i in range(question.get("each", 1)):
                    data = b"%d" % i + b" " * 20
                    s.sendto(data, target) if question.get("unconnected") else s.send(data)
                    answer, sender = s.recvfrom(2000)
                    found.append([answer.decode().split()[0], sender[0], sender[1]])
            except OSError as e:
                found.append([type(e).__name__, "", 0])
    return found


def send(question):
    family = family_of(question["host"])
    if family not in open_sockets:
        open_sockets[family] = open_socket(question, socket.SOCK_DGRAM)
    s, found = open_sockets[family], []
    for i in range(question.get("n", 1)):
        try:
            s.sendto(b"%d" % i + b" " * 20, (question["host"], question["port"]))
            answer, sender = s.recvfrom(2000)
            found.append([answer.decode().split()[0], sender[0], sender[1]])
        except OSError as e:
            found.append([type(e).__name__, "", 0])
    return found


def connect(question):
    s = open_sockets.setdefault(socket.AF_INET, socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    s.settimeout(5)
    if "host" not in question:
        return ctypes.CDLL(None).connect(s.fileno(), struct.pack("H14x", socket.AF_UNSPEC), 16)
    s.connect((question["host"], question["port"]))
    s.send(b"x" * 20)
    return s.recv(2000).decode().split()[0], s.getpeername()


def say(_):
    found = []
    for s in kept:
        try:
            found.append(exchange(s))
        except OSError as e:
            found.append(type(e).__name__)
    return found


def drop(question):
    n = question.get("n", len(kept))
    for s in kept[:n]:
        s.close()
    del kept[:n]
    return n


for text in sys.stdin:
    asked = json.loads(text)
    print(json.dumps({"tcp": tcp, "udp": udp, "send": send, "connect": connect, "say": say, "drop": drop}[asked["do"]](asked)), flush=True)
