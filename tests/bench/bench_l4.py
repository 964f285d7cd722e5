# SPDX-License-Identifier: Apache-2.0
"""TCP between two pods, client and server on one core: a service address balanced at connect() against the pod itself.

Two pairs of pods: one under heddled (its cgroup programs and what it attaches to interfaces), one that it does not
know and that is in a cgroup without programs. The third path shows what the presence of heddled costs a connection
that goes to no service.
"""
import subprocess
from benchlib import Lab, checked, pinned, processors, program, read_ready

PORT = 7000
SECONDS_EACH = 1.0
PATHS = ("heddled, service", "heddled, pod address", "no heddled, pod address")
MODES = (("rr", "request-response", "exchanges/s"), ("crr", "connections", "connections/s"),
         ("bulk", "128 KiB there and back", "exchanges/s"))
EXPECTED = {("rr", PATHS[0]): ">= 0.99", ("crr", PATHS[0]): ">= 0.98", ("bulk", PATHS[0]): ">= 0.99"}
EXPECTED_TIME = {("rr", PATHS[0]): "<= 1.01"}


def pair_of_pods(lab, cpu):
    client, server = lab.pod("client", app="client"), lab.pod("server", app="server")
    read_ready(server.run(pinned(cpu, [program("tcp_rr"), "serve", str(PORT)]), stdout=subprocess.PIPE))
    return client, server


def target(lab, client, address):
    return f"/run/netns/{client.netns},{lab.cgroup},{address}:{PORT}"


def run(results, rounds):
    cpu, _ = processors()
    lab, plain = Lab(), Lab()
    try:
        client, server = pair_of_pods(lab, cpu)
        plain_client, plain_server = pair_of_pods(plain, cpu)
        lab.service("server", 1, {"app": "server"}, port=PORT, port_name="tcp")
        lab.start()
        targets = [target(lab, client, lab.vip(1)), target(lab, client, server.ip),
                   target(plain, plain_client, plain_server.ip)]
        rates, times = ({mode: {path: [] for path in PATHS} for mode, _, _ in MODES} for _ in range(2))
        for _ in range(rounds):
            for mode, _, _ in MODES:
                lines = checked(pinned(cpu, [program("tcp_rr"), mode, str(SECONDS_EACH), *targets])).splitlines()
                for path, line in zip(PATHS, lines):
                    rate, ns = line.split()
                    rates[mode][path].append(int(rate))
                    times[mode][path].append(int(ns))
        for mode, what, unit in MODES:
            for path in PATHS[:2]:
                results.row("l4", what, (path, rates[mode][path]), (PATHS[2], rates[mode][PATHS[2]]), unit,
                            EXPECTED.get((mode, path), ""))
                results.row("l4", what + ", median time", (path, times[mode][path]),
                            (PATHS[2], times[mode][PATHS[2]]), "ns", EXPECTED_TIME.get((mode, path), ""))
    finally:
        lab.close()
        plain.close()
