# SPDX-License-Identifier: Apache-2.0
"""An independent model of consistent hashing (specification C.3): xxHash64, ring, Maglev table. Hosts: list of (key, weight)."""
import bisect
import math
from fractions import Fraction

M = (1 << 64) - 1
P1, P2, P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P4, P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def rotated(x, n):
    return (x << n | x >> (64 - n)) & M


def one_round(acc, word):
    return rotated((acc + word * P2) & M, 31) * P1 & M


def xxh64(data, seed=0):
    data = data.encode() if isinstance(data, str) else data
    at, n = 0, len(data)
    if n >= 32:
        lanes = [(seed + P1 + P2) & M, (seed + P2) & M, seed, (seed - P1) & M]
        while at + 32 <= n:
            for i in range(4):
                lanes[i] = one_round(lanes[i], int.from_bytes(data[at + 8 * i:at + 8 * i + 8], "little"))
            at += 32
        h = sum(rotated(lane, r) for lane, r in zip(lanes, (1, 7, 12, 18))) & M
        for lane in lanes:
            h = ((h ^ one_round(0, lane)) * P1 + P4) & M
    else:
        h = (seed + P5) & M
    h = (h + n) & M
    while at + 8 <= n:
        h = (rotated(h ^ one_round(0, int.from_bytes(data[at:at + 8], "little")), 27) * P1 + P4) & M
        at += 8
    if at + 4 <= n:
        h = (rotated(h ^ int.from_bytes(data[at:at + 4], "little") * P1 & M, 23) * P2 + P3) & M
        at += 4
    for byte in data[at:]:
        h = rotated(h ^ byte * P5 & M, 11) * P1 & M
    h = (h ^ h >> 33) * P2 & M
    h = (h ^ h >> 29) * P3 & M
    return h ^ h >> 32


def ring(hosts, minimum=1024, maximum=8388608):
    """Sorted (hash, key)."""
    total = sum(w for _, w in hosts)
    least = min(Fraction(w, total) for _, w in hosts)
    scale = min(math.ceil(least * minimum) / least, Fraction(maximum))
    entries, current, target = [], 0, Fraction(0)
    for key, weight in hosts:
        target += scale * Fraction(weight, total)
        k = 0
        while current < target:
            entries.append((xxh64(f"{key}_{k}"), key))
            current, k = current + 1, k + 1
    return sorted(entries)


def ring_pick(entries, source):
    at = bisect.bisect_left(entries, (xxh64(source), ""))
    return entries[at % len(entries)][1]


def maglev(hosts, size=65537):
    """The table: key at each index."""
    hosts = sorted(hosts)
    most = max(w for _, w in hosts)
    state = [[key, w, xxh64(key) % size, xxh64(key, 1) % (size - 1) + 1, 0, 0] for key, w in hosts]
    table, filled, iteration = [None] * size, 0, 0
    while filled < size:
        iteration += 1
        for s in state:
            if filled == size or iteration * s[1] < s[5]:
                continue
            s[5] += most
            while True:
                at = (s[2] + s[3] * s[4]) % size
                s[4] += 1
                if table[at] is None:
                    break
            table[at] = s[0]
            filled += 1
    return table


def maglev_pick(table, source):
    return table[xxh64(source) % len(table)]


def check_vectors():
    """Published values, and picks that were observed with Envoy: raises when the model is not what it says."""
    hosts = [(f"10.0.0.{i}:8080", 1) for i in (1, 2, 3)]
    names = ("foo", "user-1", "user-2", "user-3", "user-4", "user-5", "alice", "bob")
    last = "".join(ring_pick(ring(hosts), n)[7] for n in names)
    table = maglev(hosts)
    if ([xxh64(t) for t in ("", "a", "abc")] != [0xef46db3751d8e999, 0xd24ec4f1a98c6e5b, 0x44bc2cf5ad770999] or
            xxh64("a-string-longer-than-thirty-two-bytes!!") != 0xc60e7a3dc0afc7e9 or last != "12311333" or
            "".join(maglev_pick(table, n)[7] for n in names) != "32123323" or
            "".join(k[7] for k in maglev([(f"10.0.0.{i}:8080", w) for i, w in ((1, 1), (2, 2), (3, 5))], 11)) != "23123133332"):
        raise RuntimeError("the model of consistent hashing is wrong")
