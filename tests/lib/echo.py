# SPDX-License-Identifier: Apache-2.0
"""echo.py NAME PORT BEHAVIOUR SEEN READY_FD: HTTP/1.1 server that reports what it saw and misbehaves on command.

The behaviour comes from the file BEHAVIOUR (JSON) and, per request, from headers x-do-KEY: VALUE:
  status     answer with this status
  delay_s    wait before the answer
  close      1: close instead of answering; reset: 1: the same with a TCP reset
  stall_s    wait between headers and body
  cut        1: close in the middle of the body
  chunked    1: chunked answer with a trailer
  size       bytes of the body (the echo otherwise)
"""
import asyncio
import json
import os
import socket
import struct
import sys

NAME, PORT, BEHAVIOUR, SEEN, READY_FD = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])
KEYS = ("status", "delay_s", "close", "reset", "stall_s", "cut", "chunked", "size")
seen = open(SEEN, "a", buffering=1, encoding="utf-8")
cached = {"stamp": None, "value": {}}


def behaviour(headers):
    stamp = os.stat(BEHAVIOUR)
    stamp = (stamp.st_ino, stamp.st_mtime_ns)
    if stamp != cached["stamp"]:
        with open(BEHAVIOUR, encoding="ascii") as f:
            cached.update(stamp=stamp, value=json.load(f))
    do = dict(cached["value"])
    do.update({key: float(headers["x-do-" + key]) for key in KEYS if "x-do-" + key in headers})
    return do


async def read_body(reader, headers):
    """Returns (body bytes, trailer fields)."""
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"])), []
    if headers.get("transfer-encoding") != "chunked":
        return b"", []
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if size == 0:
            break
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    trailers = []
    while (line := (await reader.readuntil(b"\r\n"))[:-2]):
        name, value = line.decode("latin1").split(":", 1)
        trailers.append([name, value.strip()])
    return body, trailers


def reset(writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def answer(writer, method, do, record, last):
    text = json.dumps(record).encode()
    if do.get("size"):
        text = b"x" * int(do["size"])
    head = f"HTTP/1.1 {int(do.get('status') or 200)} Spoken\r\ncontent-type: application/json\r\nx-pod: {NAME}\r\n"
    head += "connection: close\r\n" if last else ""
    if do.get("chunked"):
        writer.write(head.encode() + b"transfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n")
        for i in range(0, len(text), 100):
            piece = text[i:i + 100]
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        writer.write(b"0\r\nx-sum: 1\r\n\r\n")
        return
    writer.write(head.encode() + f"content-length: {len(text)}\r\n\r\n".encode())
    if do.get("stall_s"):
        await writer.drain()
        await asyncio.sleep(do["stall_s"])
    if method != "HEAD":
        writer.write(text[:len(text) // 2] if do.get("cut") else text)
    await writer.drain()


async def serve(reader, writer):
    peer = writer.get_extra_info("peername")[0]
    try:
        while True:
            lines = (await reader.readuntil(b"\r\n\r\n"))[:-4].decode("latin1").split("\r\n")
            method, path, _ = lines[0].split(" ", 2)
            fields = [[name, value.strip()] for name, value in (line.split(":", 1) for line in lines[1:])]
            headers = {name.lower(): value for name, value in fields}
            if headers.get("expect") == "100-continue":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body, trailers = await read_body(reader, headers)
            do = behaviour(headers)
            record = {"pod": NAME, "method": method, "path": path, "headers": fields, "body": len(body),
                      "trailers": trailers, "peer": peer}
            seen.write(json.dumps(record) + "\n")
            if do.get("delay_s"):
                await asyncio.sleep(do["delay_s"])
            if do.get("reset"):
                return reset(writer)
            if do.get("close"):
                return
            last = headers.get("connection", "").lower() == "close"
            await answer(writer, method, do, record, last)
            if do.get("cut") or last:
                return
    except (asyncio.IncompleteReadError, ConnectionError, ValueError):
        pass
    finally:
        writer.close()


async def main():
    servers = [await asyncio.start_server(serve, host=[address], port=PORT, backlog=1024, limit=1 << 20)
               for address in ("0.0.0.0", "::")]
    os.write(READY_FD, b"R")
    await asyncio.gather(*(server.serve_forever() for server in servers))

asyncio.run(main())
