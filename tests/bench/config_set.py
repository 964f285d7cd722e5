# SPDX-License-Identifier: Apache-2.0
"""The configuration of a large cluster as YAML files: services, endpoints, pods, routes with two subsets."""
import os

NAMESPACES = 100
ENDPOINTS_EACH = 10
PORT = 8080
# name and number of the service port, by turns: most are HTTP, of different numbers; every fifth is plain TCP
PORTS = (("http", 80), ("http", 8080), ("http-web", 9080), ("grpc", 9090), ("tcp", 5432))

SERVICE = """apiVersion: v1
kind: Service
metadata:
  name: s{n}
  namespace: ns{ns}
  labels:
    app: s{n}
spec:
  type: ClusterIP
  clusterIP: {vip}
  clusterIPs:
  - {vip}
  selector:
    app: s{n}
  ports:
  - name: {port_name}
    port: {port}
    protocol: TCP
    targetPort: 8080
"""
SLICE = """apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: s{n}-x
  namespace: ns{ns}
  labels:
    kubernetes.io/service-name: s{n}
addressType: IPv4
ports:
- name: {port_name}
  port: 8080
  protocol: TCP
endpoints:
"""
ENDPOINT = """- addresses:
  - {ip}
  conditions:
    ready: true
    serving: true
    terminating: false
  nodeName: node-{node}
  zone: zone-{zone}
  targetRef:
    kind: Pod
    name: s{n}-{i}
    namespace: ns{ns}
"""
POD = """apiVersion: v1
kind: Pod
metadata:
  name: s{n}-{i}
  namespace: ns{ns}
  labels:
    app: s{n}
    version: {version}
spec:
  nodeName: node-{node}
  serviceAccountName: default
  containers:
  - name: app
    image: registry.example/s{n}:{version}
    ports:
    - containerPort: 8080
status:
  phase: Running
  podIP: {ip}
  podIPs:
  - ip: {ip}
  conditions:
  - type: Ready
    status: "True"
"""
RULE = """apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: s{n}
  namespace: ns{ns}
spec:
  host: s{n}
  trafficPolicy:
    outlierDetection:
      consecutive5xxErrors: 5
      interval: 10s
      baseEjectionTime: 30s
  subsets:
  - name: v1
    labels:
      version: v1
  - name: v2
    labels:
      version: v2
"""
ROUTE = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: s{n}
  namespace: ns{ns}
spec:
  hosts:
  - s{n}
  http:
  - name: testers
    match:
    - headers:
        x-tester:
          exact: "yes"
    - uri:
        prefix: /beta/
    route:
    - destination:
        host: s{n}
        subset: v2
    timeout: 5s
  - name: main
    route:
    - destination:
        host: s{n}
        subset: v1
      weight: {weight}
    - destination:
        host: s{n}
        subset: v2
      weight: {rest}
    timeout: 10s
    retries:
      attempts: 2
      perTryTimeout: 3s
      retryOn: 5xx
"""
def address(first, n):
    return ".".join(str(b) for b in ((first << 24) + 1 + n).to_bytes(4, "big"))


class ConfigSet:
    """services: how many; routes: for how many of them there are pods, subsets and a VirtualService."""

    def __init__(self, directory, services=10000, routes=2000, all_pods=False):
        self.directory, self.services, self.routes, self.all_pods = directory, services, routes, all_pods
        self.documents = self.bytes = 0

    def fill(self, n, **more):
        # HTTP ports for those with routes
        name, port = PORTS[n % (3 if n < self.routes else 5)]
        return {"n": n, "ns": n % NAMESPACES, "port_name": name, "port": port, "vip": address(11, n), **more}

    def endpoint_slice(self, n, ready=ENDPOINTS_EACH):
        """The slice of service n with so many endpoints."""
        fill = self.fill(n)
        return SLICE.format(**fill) + "".join(
            ENDPOINT.format(i=i, ip=address(10, n * ENDPOINTS_EACH + i), node=(n + i) % 50, zone=i % 3, **fill)
            for i in range(ready))

    def pods(self, n):
        fill = self.fill(n)
        return "---\n".join(
            POD.format(i=i, ip=address(10, n * ENDPOINTS_EACH + i), node=(n + i) % 50,
                       version="v2" if i % 5 == 4 else "v1", **fill) for i in range(ENDPOINTS_EACH))

    def route(self, n, weight=90):
        return ROUTE.format(weight=weight, rest=100 - weight, **self.fill(n))

    def write(self, name, documents):
        """By rename, as whoever keeps files of a running daemon must."""
        path = f"{self.directory}/{name}.yaml"
        text = "---\n".join(documents)
        with open(path + ".new", "w", encoding="ascii") as f:
            f.write(text)
        os.rename(path + ".new", path)
        return len(text)

    def write_all(self):
        """A file per namespace and kind; the first service of each has files of its own for what changes."""
        os.makedirs(self.directory, exist_ok=True)
        for ns in range(NAMESPACES):
            members = range(ns, self.services, NAMESPACES)
            routed = [n for n in members if n < self.routes]
            self.put(f"10-services-{ns}", [SERVICE.format(**self.fill(n)) for n in members])
            self.put(f"20-slices-{ns}", [self.endpoint_slice(n) for n in members if n >= NAMESPACES])
            self.put(f"30-pods-{ns}", [self.pods(n) for n in (members if self.all_pods else routed)], ENDPOINTS_EACH)
            self.put(f"40-rules-{ns}", [RULE.format(**self.fill(n)) for n in routed])
            self.put(f"50-routes-{ns}", [self.route(n) for n in routed if n >= NAMESPACES])
            for n in members[:1]:
                self.put(f"60-slice-{n}", [self.endpoint_slice(n)])
                if n in routed:
                    self.put(f"70-route-{n}", [self.route(n)])

    def put(self, name, documents, each=1):
        if documents:
            self.bytes += self.write(name, documents)
            self.documents += len(documents) * each
