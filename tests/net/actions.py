# SPDX-License-Identifier: Apache-2.0
"""Rules that act in the mesh and at a Gateway alike: curl through both, over IPv4 and IPv6."""
import json

from scene import Lab, Report, destination_rule, sh, wait_for

MESH_HOST, GATEWAY_HOST = "reviews.demo.svc.cluster.local", "shop.example.com"


class Actions:
    """Two versions of reviews, a client pod, and rules for both ways in."""

    def __init__(self, rules, more=""):
        self.lab = Lab()
        self.report = Report(self.lab)
        self.client = self.lab.pod("client", app="client")
        self.pods = [self.lab.pod(f"reviews-{v}", app="reviews", version=v) for v in ("v1", "v2")]
        for pod in self.pods:
            pod.serve()
        self.lab.service("reviews", 1, {"app": "reviews"})
        self.port = 18000 + self.lab.number
        self.write(rules, more)
        self.lab.start()

    def write(self, rules, more=""):
        indented = "\n".join("  " + line for line in rules.strip("\n").split("\n"))
        self.lab.write("actions", destination_rule("reviews") + f"""---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: public, namespace: demo}}
spec:
  servers: [{{port: {{number: {self.port}, name: http, protocol: HTTP}}, hosts: ["{GATEWAY_HOST}"]}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: reviews, namespace: demo}}
spec:
  hosts: [reviews, {GATEWAY_HOST}]
  gateways: [mesh, public]
  http:
{indented}
{more}""")

    def ways(self):
        """(name, function that runs curl there, host and port as the client writes them)."""
        for family, vip, local in (("IPv4", self.lab.vip(1), "127.0.0.1"), ("IPv6", f"[{self.lab.vip6(1)}]", "[::1]")):
            yield f"mesh {family}", self._curl(self.client, MESH_HOST, 9080, vip), f"{MESH_HOST}:9080"
            yield f"gateway {family}", self._curl(None, GATEWAY_HOST, self.port, local), f"{GATEWAY_HOST}:{self.port}"

    def logged(self, text, n):
        """The lines of the access log with text; waits until there are n of them."""
        found = []

        def enough():
            found[:] = [line for line in self.lab.access_lines() if text in line]
            return len(found) >= n

        wait_for(enough, f"{n} lines with {text} in the access log")
        return found

    @staticmethod
    def _curl(pod, host, port, address):
        def ask(path, *options):
            argv = ["curl", "-sS", "-i", "--path-as-is", "--max-time", "10", "--connect-to", f"{host}:{port}:{address}:{port}", *options,
                    f"http://{host}:{port}{path}"]
            return Answer(pod.output(argv)[1] if pod else sh(argv))

        return ask


class Answer:
    """What curl -i printed: status, header lines as lists by lower-case name, body; `seen` is what the server saw."""

    def __init__(self, text):
        head, _, self.body = text.replace("\r\n", "\n").partition("\n\n")
        lines = head.split("\n")
        self.text, self.status, self.headers = text, int(lines[0].split(" ")[1]), {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers.setdefault(name.lower(), []).append(value.strip())
        try:
            self.seen = json.loads(self.body)
        except ValueError:
            self.seen = {"path": None, "pod": None, "headers": []}

    def header(self, name):
        """The only value of a header; None when there is none."""
        values = self.headers.get(name, [])
        return values[0] if len(values) == 1 else values or None

    def sent(self, name):
        """Values with which the endpoint saw a header."""
        return [value for key, value in self.seen["headers"] if key.lower() == name]

    def __str__(self):
        return repr(self.text)
