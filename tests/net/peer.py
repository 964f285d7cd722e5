# SPDX-License-Identifier: Apache-2.0
"""Plain TCP and UDP peers for tests of the packet path.

peer.py serve NAME PORT             TCP and UDP on all addresses: answers a line, or a datagram, with "NAME CLIENT BYTES"
peer.py ask tcp|udp HOST PORT N BYTES   N times: sends BYTES bytes, prints the answers (or the error's name) as JSON;
                                        after an answer by UDP comes the TTL with which it arrived
peer.py hold HOST PORT              one TCP connection: for every line on standard input one exchange, answer printed
"""
import json
import os
import socket
import sys
import threading


def read_line(connection):
    data = b""
    while not data.endswith(b"\n"):
        piece = connection.recv(65536)
        if not piece:
            break
        data += piece
    return data


def serve_connection(name, connection, client):
    with connection:
        while True:
            data = read_line(connection)
            if not data:
                return
            connection.sendall(f"{name} {client[0]} {len(data)}\n".encode())


def serve_tcp(name, listener):
    while True:
        connection, client = listener.accept()
        threading.Thread(target=serve_connection, args=(name, connection, client), daemon=True).start()


def serve(name, port):
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    datagrams.bind(("::", port))
    threading.Thread(target=serve_tcp, args=(name, listener), daemon=True).start()
    print("ready", flush=True)
    while True:
        data, client = datagrams.recvfrom(65536)
        # the answer is as large as the question
        datagrams.sendto(f"{name} {client[0]} {len(data)}".encode().ljust(len(data), b" "), client)


def answer_with_ttl(s):
    data, ancillary, _, _ = s.recvmsg(65536, 64)
    return data.decode().strip() + f" {int.from_bytes(ancillary[0][2], sys.byteorder)}"


def ask(kind, host, port, n, size):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    answers = []
    for _ in range(n):
        with socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            try:
                if kind == "udp" and family == socket.AF_INET:
                    s.setsockopt(socket.IPPROTO_IP, 12, 1)  # IP_RECVTTL
                elif kind == "udp":
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
                s.connect((host, port))
                s.sendall(b"x" * (size - 1) + b"\n")
                answers.append(read_line(s).decode().strip() if kind == "tcp" else answer_with_ttl(s))
            except OSError as e:
                answers.append(type(e).__name__)
    print(json.dumps(answers))


def hold(host, port):
    with socket.create_connection((host, port), 5) as s:
        for line in sys.stdin:
            s.sendall(line.encode())
            print(read_line(s).decode().strip(), flush=True)
        os._exit(0)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1] == "ask":
        ask(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6]))
    else:
        hold(sys.argv[2], int(sys.argv[3]))
