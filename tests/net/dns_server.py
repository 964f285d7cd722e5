# SPDX-License-Identifier: Apache-2.0
"""A resolver over UDP and TCP: any name has the address 192.0.2.N and 2001:db8::N. dns_server.py N."""
import socket
import struct
import sys
import threading

PORT = 53
A, AAAA = 1, 28


def question_end(message):
    at = 12
    while message[at]:
        at += 1 + message[at]
    return at + 5


def answer(name, message):
    end = question_end(message)
    kind = struct.unpack("!H", message[end - 4:end - 2])[0]
    data = {A: socket.inet_aton(f"192.0.2.{name}"), AAAA: socket.inet_pton(socket.AF_INET6, f"2001:db8::{name}")}.get(kind)
    flags = 0x8400 | (message[2] & 1) << 8 | 0x80
    head = message[:2] + struct.pack("!HHHHH", flags, 1, 1 if data else 0, 0, 0) + message[12:end]
    return head + (b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 1, len(data)) + data if data else b"")


def serve_tcp(name, listener):
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            try:
                while True:  # both families are asked for over one connection
                    size = struct.unpack("!H", connection.recv(2, socket.MSG_WAITALL))[0]
                    reply = answer(name, connection.recv(size, socket.MSG_WAITALL))
                    connection.sendall(struct.pack("!H", len(reply)) + reply)
            except (OSError, struct.error, IndexError):
                pass


def main(name):
    listener = socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True)
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    datagrams.bind(("::", PORT))
    threading.Thread(target=serve_tcp, args=(name, listener), daemon=True).start()
    print("ready", flush=True)
    while True:
        message, client = datagrams.recvfrom(4096)
        try:
            datagrams.sendto(answer(name, message), client)
        except (struct.error, IndexError):
            pass


main(sys.argv[1])
