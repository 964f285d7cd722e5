#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A second opinion on who gets a connection: specification C.1 to C.7 written down anew, in fractions and plain loops.

usage: model.py < CASES        lines of JSON from test_model.c: what went in, and what the decision core made of it

Nothing here follows the C code. What depends on random bits is judged by exact probabilities: a count that the model
would see less often than once in 10^9 runs is an error.
"""
import json
import math
import sys
from fractions import Fraction

RARE = 1e-9
M64 = (1 << 64) - 1
P1, P2, P3, P4, P5 = (11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579,
                      2870177450012600261)


def rotl(x, r):
    return ((x << r) | (x >> (64 - r))) & M64


def xxh64(data, seed=0):
    """XXH64 after its published description."""
    def lane(acc, word):
        return rotl((acc + word * P2) & M64, 31) * P1 & M64
    at, n = 0, len(data)
    if n >= 32:
        acc = [(seed + P1 + P2) & M64, (seed + P2) & M64, seed, (seed - P1) & M64]
        while at + 32 <= n:
            for k in range(4):
                acc[k] = lane(acc[k], int.from_bytes(data[at:at + 8], "little"))
                at += 8
        h = sum(rotl(a, r) for a, r in zip(acc, (1, 7, 12, 18))) & M64
        for a in acc:
            h = ((h ^ lane(0, a)) * P1 + P4) & M64
    else:
        h = (seed + P5) & M64
    h = (h + n) & M64
    while at + 8 <= n:
        h = (rotl(h ^ lane(0, int.from_bytes(data[at:at + 8], "little")), 27) * P1 + P4) & M64
        at += 8
    if at + 4 <= n:
        h = (rotl(h ^ int.from_bytes(data[at:at + 4], "little") * P1 & M64, 23) * P2 + P3) & M64
        at += 4
    for byte in data[at:]:
        h = rotl(h ^ byte * P5 & M64, 11) * P1 & M64
    for shift, factor in ((33, P2), (29, P3), (32, 1)):
        h = (h ^ h >> shift) * factor & M64
    return h


def expect(what, got, wanted, case):
    if got != wanted:
        sys.exit(f"model: {what}: the core says {got}, the model {wanted}\n{json.dumps(case)[:4000]}")


def binomial_is_rare(n, p, k):
    """Whether k hits of n, each with probability p, are out of all likelihood."""
    if p in (0, 1):
        return k != n * p
    p = float(p)
    def term(i):
        return math.exp(math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) +
                        i * math.log(p) + (n - i) * math.log1p(-p))
    tail = range(k, n + 1) if k > n * p else range(0, k + 1)
    return sum(term(i) for i in tail) < RARE


def judge_shares(shares, picks, case):
    """shares: probability of each endpoint; what has none was not to be picked."""
    for one in set(picks) - {e for e, p in shares.items() if p}:
        sys.exit(f"model: {one} was picked\n{json.dumps(case)[:4000]}")
    for one, p in shares.items():
        k = sum(1 for pick in picks if pick == one)
        if binomial_is_rare(len(picks), p, k):
            sys.exit(f"model: {one} was picked {k} times of {len(picks)}, with a share of {float(p):.4f}\n"
                     f"{json.dumps(case)[:4000]}")


# --- C.1: order of turns ---------------------------------------------------------------------------------------------

def edf(weights):
    """One round, of the sum of the weights without what they have in common: earliest deadline first."""
    common = math.gcd(*weights)
    entries = [[Fraction(1, w), i, i] for i, w in enumerate(weights)]  # deadline, order of insertion, who
    order, inserted = [], len(weights)
    for _ in range(sum(weights) // common):
        entry = min(entries)
        order.append(entry[2])
        entry[0] += Fraction(1, weights[entry[2]])
        entry[1], inserted = inserted, inserted + 1
    return order


def turns(case):
    expect("order of turns", case["order"], edf(case["weights"]), case)


# --- C.3: rings and tables -------------------------------------------------------------------------------------------

def ring_of(keys, weights, minimum, maximum):
    # in floating point, as the specification's examples were made: another rounding is another ring
    shares = [w / sum(weights) for w in weights]
    scale = min(math.ceil(min(shares) * minimum) / min(shares), maximum)
    entries, target, current = [], 0.0, 0
    for host, (key, share) in enumerate(zip(keys, shares)):
        target += scale * share
        k = 0
        while current < target:
            entries.append((xxh64(f"{key}_{k}".encode()), host))
            k += 1
            current += 1
    return sorted(entries)


def ring(case):
    wanted = ring_of(case["keys"], case["weights"], case["minimum"], case["maximum"])
    expect("ring", [tuple(e) for e in case["ring"]], wanted, case)
    out = set(case["out"])
    for h, got in case["picks"]:
        after = [host for value, host in wanted if value >= h] + [host for _, host in wanted]
        expect(f"owner of {h}", got, next((host for host in after if host not in out), None), case)


def maglev_of(keys, weights, size):
    order = sorted(range(len(keys)), key=lambda i: keys[i].encode())
    offset = [xxh64(keys[i].encode()) % size for i in order]
    skip = [xxh64(keys[i].encode(), 1) % (size - 1) + 1 for i in order]
    table, following, target = [None] * size, [0] * len(order), [0] * len(order)
    left, iteration = size, 0
    while left:
        iteration += 1
        for n, host in enumerate(order):
            if not left:
                break
            if iteration * weights[host] < target[n]:
                continue
            target[n] += max(weights)
            at = (offset[n] + skip[n] * following[n]) % size
            while table[at] is not None:
                following[n] += 1
                at = (offset[n] + skip[n] * following[n]) % size
            table[at] = host
            following[n] += 1
            left -= 1
    return table


def maglev(case):
    wanted = maglev_of(case["keys"], case["weights"], case["size"])
    expect("table", case["table"], wanted, case)
    healthy = set(range(len(case["keys"]))) - set(case["out"])
    for h, got in case["picks"]:
        owner = wanted[h % case["size"]]
        if owner in healthy:
            expect(f"owner of {h}", got, owner, case)
        elif (got in healthy) != bool(healthy):
            sys.exit(f"model: {h} went to {got}\n{json.dumps(case)[:4000]}")


# --- C.1 and C.4: picks without a hash -------------------------------------------------------------------------------

def candidates(case):
    """Those that may be chosen: all in panic, which needs a share of healthy ones below the threshold and too little."""
    n, out = case["n"], set(case["out"])
    healthy = n - len(out)
    if math.floor(Fraction(140 * healthy, n)) < 100 and Fraction(100 * healthy, n) < case["threshold"]:
        out = set()
    return [e for e in range(n) if e not in out]


def pick(case):
    able = candidates(case)
    picks = case["picks"]
    if not able:
        expect("picks", picks, [None] * len(picks), case)
    elif case["policy"] == "random":
        judge_shares({e: Fraction(1, len(able)) for e in able}, picks, case)
    elif case["policy"] == "round_robin":
        order = edf(case["weights"])
        at = case["turn"] % len(order)
        for got in picks:
            while order[at] not in able:
                at = (at + 1) % len(order)
            expect("turn", got, order[at], case)
            at = (at + 1) % len(order)
    elif len(set(case["weights"])) == 1:
        active, shares = case["active"], dict.fromkeys(able, 0)
        for a in able:
            for b in able:
                shares[b if active[b] < active[a] else a] += Fraction(1, len(able) ** 2)
        judge_shares(shares, picks, case)
    else:  # nothing is in flight: by weight
        total = sum(case["weights"][e] for e in able)
        judge_shares({e: Fraction(case["weights"][e], total) for e in able}, picks, case)


# --- C.4: priorities and localities ----------------------------------------------------------------------------------

def first_above(parts, draw):
    reached = 0
    for i, part in enumerate(parts):
        reached += part
        if draw < reached:
            return i
    return None


def group(case):
    groups, draw = case["groups"], case["draw"]
    total, healthy = [g["total"] for g in groups], [g["total"] - g["unhealthy"] for g in groups]
    health = [min(100, math.floor(Fraction(140 * h, t))) if t else 0 for h, t in zip(healthy, total)]

    def below(h, t):
        return t and Fraction(100 * h, t) < case["threshold"]
    if case["shares"]:
        all_healthy, all_of_them = sum(healthy), sum(total)
        panic = bool(all_of_them) and Fraction(140 * all_healthy, all_of_them) < 100 and below(all_healthy, all_of_them)
        parts = total if panic else [g["weight"] * h for g, h in zip(groups, health)]
        chosen = first_above(parts, draw % sum(parts)) if sum(parts) else None
    else:
        normal = min(100, sum(health))
        panicked = [normal < 100 and below(h, t) for h, t in zip(healthy, total)]
        if normal < 100 and sum(total) and all(p for p, t in zip(panicked, total) if t):
            chosen = first_above(total, draw % sum(total))
        elif normal == 0:
            chosen = 0
        else:
            left, load = 100, []
            for h in health:
                load.append(min(left, h * 100 // normal))
                left -= load[-1]
            load[next(i for i, part in enumerate(load) if part)] += left
            chosen = first_above(load, draw % 100)
        panic = bool(panicked[chosen])
        if not panic and healthy[chosen] == 0:
            chosen = None
    expect("group", case["chosen"], chosen, case)
    if chosen is not None:
        expect("panic", case["panic"], int(panic), case)


# --- C.7: outlier detection ------------------------------------------------------------------------------------------

class Host:
    def __init__(self):
        self.errors = {"5xx": 0, "gateway": 0, "local": 0}
        self.until, self.multiplier, self.returned = None, 0, 0


class Detector:
    """One cluster: hosts, rules, and a clock that sweeps at the multiples of the interval."""

    def __init__(self, rules):
        self.rules, self.hosts, self.swept = rules, [Host() for _ in range(rules["hosts"])], None

    def sweep(self, now):
        interval = self.rules["interval"]
        at = now // interval * interval if self.swept is None else self.swept + interval
        while at <= now:
            for host in self.hosts:
                if host.until is not None and host.until <= at:
                    host.until, host.returned = None, at
                    host.errors = dict.fromkeys(host.errors, 0)
                elif host.until is None and host.multiplier and at - host.returned >= interval:
                    host.multiplier -= 1
            self.swept = at
            at += interval

    def fails(self, host, kind, now):
        host.errors[kind] += 1
        if host.errors[kind] != self.rules[kind] or host.until is not None:
            return 0
        host.errors[kind] = 0
        ejected = sum(1 for h in self.hosts if h.until is not None)
        if Fraction(100 * (ejected + 1), len(self.hosts)) > self.rules["percent"]:
            return 2
        base, longest = self.rules["base"], max(300 * 10**9, self.rules["base"])
        if host.multiplier * base < longest + base:
            host.multiplier += 1
        end = now + min(base * host.multiplier, longest)
        host.until = -(-end // self.rules["interval"]) * self.rules["interval"]
        return 1

    def status(self, host, code, now):
        if code < 500:
            host.errors["5xx"] = host.errors["gateway"] = 0
            return 0
        first = self.fails(host, "5xx", now)
        second = 0
        if code in (502, 503, 504):
            second = self.fails(host, "gateway", now)
        else:
            host.errors["gateway"] = 0
        return 1 if 1 in (first, second) else first or second

    def event(self, host, what, code, now):
        split = self.rules["split"]
        if what == "response":
            return self.status(host, code, now)
        if what in ("connected", "connected_tcp"):
            if split:
                host.errors["local"] = 0
            elif what == "connected_tcp":
                self.status(host, 200, now)
            return 0
        if split:
            return self.fails(host, "local", now)
        return self.status(host, 504 if what == "timeout" else 503, now)


def outlier(case):
    detector = Detector(case["rules"])
    for now, index, what, code, result, until, errors, ejected in case["events"]:
        detector.sweep(now)
        host = detector.hosts[index]
        wanted = detector.event(host, what, code, now)
        expect(f"{what} {code} at {now}", [result, until, errors, ejected],
               [wanted, host.until or 0, list(host.errors.values()),
                sum(1 for h in detector.hosts if h.until is not None)], case)


KINDS = {"turns": turns, "ring": ring, "maglev": maglev, "pick": pick, "group": group, "outlier": outlier}


def main():
    counts = dict.fromkeys(KINDS, 0)
    for line in sys.stdin:
        case = json.loads(line)
        KINDS[case["kind"]](case)
        counts[case["kind"]] += len(case.get("picks", case.get("events", [0])))
    if not all(counts.values()):
        sys.exit(f"model: nothing to judge of some kind: {counts}")
    print("model:", ", ".join(f"{n} {kind}" for kind, n in counts.items()))


if __name__ == "__main__":
    main()
