# SPDX-License-Identifier: Apache-2.0
"""One routing job, said four times: as Istio resources, for HAProxy, for nginx, and as requests with what must come.

10 virtual hosts, 20 routes, one of them by a header, one by a regular expression, one a 90/10 split; time-out of
15 s, 2 retries, ejection after 5 consecutive failures for 30 s, X-Request-Id and X-Forwarded-For, connections to
the origins kept. Origins: web-v1, web-v2, api-1, api-2.
"""
import json

HOSTS = 10
DOMAIN = "bench.example"
ORIGIN_PORT = 9080
ORIGINS = ("web-v1", "web-v2", "api-1", "api-2")
CANARY_HOST, REGEX_HOST, SPLIT_HOST = 0, 1, 2
REGEX = "^/items/[0-9]+/reviews$"


def host_name(i):
    return f"shop{i}.{DOMAIN}"


def requests():
    """(host, path, header or "", origins that may answer), one for each route."""
    web, api = ("web-v1", "web-v2"), ("api-1", "api-2")
    for i in range(HOSTS):
        if i == CANARY_HOST:
            yield host_name(i), "/cart", "x-canary: 1", ("web-v2",)
            yield host_name(i), "/cart", "", ("web-v1",)
        elif i == REGEX_HOST:
            yield host_name(i), "/items/4711/reviews", "", api
            yield host_name(i), "/items/4711/reviews/2", "", web
        else:
            yield host_name(i), f"/api/v1/orders/{i}", "", api
            yield host_name(i), f"/index{i}.html", "", web


def write_requests(path):
    with open(path, "w", encoding="ascii") as f:
        f.writelines(f"{host} {target} {header}\n" for host, target, header, _ in requests())


# ---- Heddle ----

def pods(addresses):
    for name in ORIGINS:
        app, _, version = name.partition("-")
        yield {"apiVersion": "v1", "kind": "Pod",
               "metadata": {"name": name, "namespace": "bench", "labels": {"app": app, "version": version}},
               "spec": {"nodeName": "node-a"},
               "status": {"phase": "Running", "podIP": addresses[name], "podIPs": [{"ip": addresses[name]}],
                          "conditions": [{"type": "Ready", "status": "True"}]}}


def service(app, vip, addresses):
    port = {"name": "http", "port": ORIGIN_PORT, "protocol": "TCP"}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": {"name": app, "namespace": "bench"},
           "spec": {"type": "ClusterIP", "clusterIP": vip, "clusterIPs": [vip], "selector": {"app": app},
                    "ports": [{**port, "targetPort": ORIGIN_PORT}]}}
    yield {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
           "metadata": {"name": app, "namespace": "bench", "labels": {"kubernetes.io/service-name": app}},
           "ports": [port],
           "endpoints": [{"addresses": [addresses[name]], "nodeName": "node-a", "conditions": {"ready": True},
                          "targetRef": {"kind": "Pod", "name": name, "namespace": "bench"}}
                         for name in ORIGINS if name.startswith(app)]}


def istio(kind, name, spec):
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": name, "namespace": "bench"},
            "spec": spec}


def rule(destinations, match=None):
    """destinations: (host, subset or None, weight or None)."""
    route = []
    for host, subset, weight in destinations:
        route.append({"destination": {"host": host, **({"subset": subset} if subset else {})},
                      **({"weight": weight} if weight is not None else {})})
    return {**({"match": [match]} if match else {}), "route": route, "timeout": "15s",
            "retries": {"attempts": 2, "retryOn": "connect-failure,reset,gateway-error"}}


def rules(i):
    web, api = [("web", None, None)], [("api", None, None)]
    if i == CANARY_HOST:
        return [rule([("web", "v2", None)], {"headers": {"x-canary": {"exact": "1"}}}), rule([("web", "v1", None)])]
    if i == REGEX_HOST:
        return [rule(api, {"uri": {"regex": REGEX}}), rule(web)]
    first = rule(api, {"uri": {"prefix": "/api/"}})
    return [first, rule([("web", "v1", 90), ("web", "v2", 10)] if i == SPLIT_HOST else web)]


def heddle(addresses, vips, port):
    outliers = {"outlierDetection": {"consecutive5xxErrors": 5, "interval": "10s", "baseEjectionTime": "30s"}}
    documents = list(pods(addresses))
    for app in ("web", "api"):
        documents += service(app, vips[app], addresses)
        subsets = {"subsets": [{"name": v, "labels": {"version": v}} for v in ("v1", "v2")]} if app == "web" else {}
        documents.append(istio("DestinationRule", app, {"host": app, "trafficPolicy": outliers, **subsets}))
    documents.append(istio("Gateway", "public", {"selector": {"istio": "ingressgateway"}, "servers": [
        {"port": {"number": port, "name": "http", "protocol": "HTTP"}, "hosts": [f"*.{DOMAIN}"]}]}))
    for i in range(HOSTS):
        documents.append(istio("VirtualService", f"shop{i}", {"hosts": [host_name(i)], "gateways": ["public"],
                                                               "http": rules(i)}))
    return "\n---\n".join(json.dumps(d) for d in documents) + "\n"


# ---- nginx ----

def nginx_upstream(name, addresses, servers):
    lines = "".join(f"        server {addresses[s]}:{ORIGIN_PORT} weight={w} max_fails=5 fail_timeout=30s;\n"
                    for s, w in servers)
    return f"    upstream {name} {{\n{lines}        keepalive 64;\n        keepalive_requests 100000000;\n    }}\n"


def nginx_server(i, listen):
    def location(match, upstream):
        return f"        location {match} {{ proxy_pass http://{upstream}; }}\n"
    if i == CANARY_HOST:
        body = location("/", "$canary")
    elif i == REGEX_HOST:
        body = location(f"~ {REGEX}", "api") + location("/", "web")
    else:
        body = location("/api/", "api") + location("/", "web_split" if i == SPLIT_HOST else "web")
    return f"    server {{\n        listen {listen};\n        server_name {host_name(i)};\n{body}    }}\n"


def nginx(addresses, listen, directory):
    one = [(name, ((name, 1),)) for name in ORIGINS[:2]]
    groups = one + [("web", (("web-v1", 1), ("web-v2", 1))), ("web_split", (("web-v1", 9), ("web-v2", 1))),
                    ("api", (("api-1", 1), ("api-2", 1)))]
    temporary = "".join(f"    {kind}_temp_path {directory}/{kind};\n"
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""worker_processes 1;
worker_rlimit_nofile 8192;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log warn;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    server_tokens off;
    tcp_nodelay on;
    keepalive_timeout 3600s;
    keepalive_requests 100000000;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Request-Id $request_id;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_connect_timeout 5s;
    proxy_read_timeout 15s;
    proxy_next_upstream error timeout http_502 http_503 http_504;
    proxy_next_upstream_tries 3;
{temporary}    map $http_x_canary $canary {{ 1 web-v2; default web-v1; }}
{"".join(nginx_upstream(name, addresses, servers) for name, servers in groups)}\
    server {{ listen {listen} default_server; return 404; }}
{"".join(nginx_server(i, listen) for i in range(HOSTS))}}}
"""


# ---- HAProxy ----

def haproxy_backend(name, addresses, servers):
    lines = "".join(f"    server {s} {addresses[s]}:{ORIGIN_PORT} weight {w}\n" for s, w in servers)
    return f"backend {name}\n    balance roundrobin\n{lines}"


def haproxy_rules(i):
    if i == CANARY_HOST:
        return f"    use_backend web-v2 if h{i} {{ req.hdr(x-canary) -m str 1 }}\n    use_backend web-v1 if h{i}\n"
    if i == REGEX_HOST:
        return f"    use_backend api if h{i} {{ path_reg {REGEX} }}\n    use_backend web if h{i}\n"
    rest = "web_split" if i == SPLIT_HOST else "web"
    return f"    use_backend api if h{i} {{ path_beg /api/ }}\n    use_backend {rest} if h{i}\n"


def haproxy(addresses, listen):
    groups = [("web-v1", (("web-v1", 1),)), ("web-v2", (("web-v2", 1),)), ("web", (("web-v1", 1), ("web-v2", 1))),
              ("web_split", (("web-v1", 90), ("web-v2", 10))), ("api", (("api-1", 1), ("api-2", 1)))]
    return f"""global
    nbthread 1
    maxconn 2048
defaults
    mode http
    timeout connect 5s
    timeout client 3600s
    timeout server 15s
    timeout http-keep-alive 3600s
    retries 2
    retry-on conn-failure empty-response 502 503 504
    option redispatch 1
    option forwardfor
    http-reuse always
    unique-id-format %[uuid()]
    unique-id-header X-Request-Id
    default-server check inter 60s observe layer7 error-limit 5 on-error mark-down pool-purge-delay 1h pool-max-conn -1
frontend public
    bind {listen}
{"".join(f"    acl h{i} req.hdr(host) -i {host_name(i)}" + chr(10) for i in range(HOSTS))}\
{"".join(haproxy_rules(i) for i in range(HOSTS))}\
    http-request return status 404 if !{{ hdr_end(host) -i .{DOMAIN} }}
{"".join(haproxy_backend(name, addresses, servers) for name, servers in groups)}"""
