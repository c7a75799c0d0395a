#!/usr/bin/env python3
"""Session backends beside other proxies: what the proxy costs, how fast connect is, how soon a backend is there.

  backends.py --parley PATH [--rounds 3] [--secs 3] [--only echo,get] [--check]

The proxy has a core of its own; load generator and backend (floor.c) share the other. CPU figures are the proxy's user and
system time, from the kernel's accounting. Workloads and their limits:

  echo       100 WebSocket connections, a message of 20 bytes in flight each: at most 2.2 times the CPU of splice.c, which moves
             bytes and looks at none
  get        GET over 64 connections with wrk: at most twice the CPU of nginx for a request
  connect    connects to a key that is held, with wrk: at most 200 us of CPU, which is 5000 a second on a core
  start      from connect until `ready`, less what the backend takes to listen when it is started by itself: at most 100 ms

PATH is a release build of `parley`. Needed: gcc, python3, nginx, wrk.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from bench import compiled, cores, free_port, pinned, start, stop

LIMITS = {"echo": ("splice", 2.2), "get": ("nginx", 2.0), "connect": (None, 200.0), "start": (None, 100.0)}
UNITS = {"echo": "CPU us/message", "get": "CPU us/request", "connect": "CPU us/connect", "start": "ms beyond its own"}
CONNECT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"key":"bench"}'
"""


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--parley", metavar="PATH", required=True)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--secs", type=float, default=3)
    p.add_argument("--only", metavar="LOAD,...", default=",".join(LIMITS))
    p.add_argument("--check", action="store_true")
    return p.parse_args()


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Parley:
    """A server whose default service is a backend that runs already, or that it starts."""

    def __init__(self, o, folder, service, core):
        self.api, self.proxy = free_port(), free_port()
        config = os.path.join(folder, "parley.yaml")
        with open(config, "w") as f:
            json.dump({"backends": {"services": {"default": service}}}, f)
        off = ("PARLEY_PORT", "GATEWAY_PORT", "WEBSOCKET_PORT", "CHANNEL_PORT", "DISPOSABLE_CHAT_PORT")
        env = dict(os.environ, **{name: "off" for name in off}, HOST="127.0.0.1", SESSION_CHAT="off", BACKENDS_MODE="dev",
                   BACKENDS_API_PORT=str(self.api), BACKENDS_PROXY_PORT=str(self.proxy), PARLEY_EVENT_LOOPS="1",
                   BACKENDS_STATE_DIR=os.path.join(folder, "state"), PARLEY_LOG_LEVEL="warning")
        command = [os.path.abspath(o.parley), "serve", "--config", config]
        self.process = start(command, self.proxy, env, core, os.path.join(folder, "parley.log"))
        self.pid = self.process.pid

    def connect(self, request):
        url = f"http://127.0.0.1:{self.api}/v2/service/-/-/connect"
        asked = urllib.request.Request(url, json.dumps(request).encode(), {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(asked))

    def ready(self, request):
        connected = self.connect(request)
        with urllib.request.urlopen(connected["status_url"] + "/stream") as stream:
            for line in stream:
                if line.startswith(b"data: ") and json.loads(line[6:])["status"] == "ready":
                    return connected
        sys.exit("backends.py: the backend did not get ready")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            stop(self.process)


def wrk(url, secs, core, script=None):
    """How many requests were answered."""
    command = ["wrk", "-t1", "-c64", f"-d{max(1, round(secs))}s", *(["-s", script] if script else []), url]
    said = subprocess.run(command, capture_output=True, text=True, preexec_fn=pinned(core), check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"backends.py: wrk: {said}")
    return int(next(line for line in said.splitlines() if "requests in" in line).split()[0])


def cpu_per_request(pid, url, o, core, script=None):
    wrk(url, 1, core, script)
    before = cpu_seconds(pid)
    count = wrk(url, o.secs, core, script)
    return (cpu_seconds(pid) - before) * 1e6 / count


def echo(o, folder, tools, backend, server_core, client_core):
    def load(port, path, pid):
        command = [tools["loadgen"], "--mode", "echo", "--conns", "100", "--payload", "20", "--path", path, "--port",
                   str(port), "--pid", str(pid), "--secs", str(o.secs), "--warmup", "1"]
        done = subprocess.run(command, capture_output=True, text=True, preexec_fn=pinned(client_core), timeout=120)
        return json.loads(done.stdout)["cpu_s_per_M"]

    port = free_port()
    splice = start([tools["splice"], str(port), str(backend)], port, None, server_core, os.path.join(folder, "splice.log"))
    least = load(port, "/echo", splice.pid)
    stop(splice)
    parley = Parley(o, folder, {"external": f"127.0.0.1:{backend}"}, server_core)
    token = parley.ready({"key": "bench"})["token"]
    ours = load(parley.proxy, f"/{token}/echo", parley.pid)
    parley.stop()
    return {"splice": least, "parley": ours}


def get(o, folder, tools, backend, server_core, client_core):
    port, config = free_port(), os.path.join(folder, "nginx.conf")
    with open(config, "w") as f:
        f.write(f"""
            daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
            events {{ worker_connections 1024; }}
            http {{
                access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
                uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
                upstream backend {{ server 127.0.0.1:{backend}; keepalive 64; }}
                server {{
                    listen 127.0.0.1:{port};
                    location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
                        proxy_set_header X-Forwarded-For $remote_addr; }}
                }}
            }}""")
    nginx = start([tools["nginx"], "-c", config, "-p", folder], port, None, server_core, os.path.join(folder, "nginx.out"))
    theirs = cpu_per_request(nginx.pid, f"http://127.0.0.1:{port}/", o, client_core)
    stop(nginx)
    parley = Parley(o, folder, {"external": f"127.0.0.1:{backend}"}, server_core)
    token = parley.ready({"key": "bench"})["token"]
    ours = cpu_per_request(parley.pid, f"http://127.0.0.1:{parley.proxy}/{token}/", o, client_core)
    parley.stop()
    return {"nginx": theirs, "parley": ours}


def connect(o, folder, tools, backend, server_core, client_core):
    script = os.path.join(folder, "connect.lua")
    with open(script, "w") as f:
        f.write(CONNECT)
    parley = Parley(o, folder, {"external": f"127.0.0.1:{backend}"}, server_core)
    parley.ready({"key": "bench"})
    url = f"http://127.0.0.1:{parley.api}/v2/service/-/-/connect"
    ours = cpu_per_request(parley.pid, url, o, client_core, script)
    parley.stop()
    return {"parley": ours}


def cold_start(o, folder, tools, backend, server_core, client_core):
    def alone():
        port = free_port()
        begun = time.monotonic()
        process = subprocess.Popen([tools["floor"], str(port)], stderr=subprocess.DEVNULL, start_new_session=True,
                                   preexec_fn=pinned(client_core))
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/").close()
                break
            except OSError:
                time.sleep(0.001)
        took = time.monotonic() - begun
        stop(process)
        return took

    parley = Parley(o, folder, {"command": ["/bin/sh", "-c", f"exec {tools['floor']} $PORT"]}, server_core)
    times = []
    for _ in range(10):
        begun = time.monotonic()
        parley.ready({})
        times.append(time.monotonic() - begun)
    parley.stop()
    return {"parley": (statistics.median(times) - statistics.median(alone() for _ in range(10))) * 1000}


def main():
    o = options()
    server_core, client_core = cores()
    tools = {"nginx": shutil.which("nginx") or "/usr/sbin/nginx"}
    for name in ("wrk", tools["nginx"]):
        if not shutil.which(name):
            sys.exit(f"backends.py: {name} is not installed")
    loads = {"echo": echo, "get": get, "connect": connect, "start": cold_start}
    runs = {load: [] for load in o.only.split(",")}
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        for name in ("loadgen", "floor", "splice"):
            tools[name] = compiled(folder, name)
        port = free_port()
        backend = start([tools["floor"], str(port)], port, None, client_core, os.path.join(folder, "backend.log"))
        try:
            for number in range(o.rounds):
                for load in runs:
                    runs[load].append(loads[load](o, folder, tools, port, server_core, client_core))
                print(f"round {number + 1} of {o.rounds} done", file=sys.stderr)
        finally:
            stop(backend)
    wrong = []
    for load, rounds in runs.items():
        reference, limit = LIMITS[load]
        figures = {row: statistics.median(one[row] for one in rounds) for row in rounds[0]}
        shown = "".join(f"{row:>10} {figure:8.2f}" for row, figure in figures.items())
        value = statistics.median(one["parley"] / (one[reference] if reference else 1) for one in rounds)
        text = f"{load} parley / {reference or 'absolute'} = {value:.2f} (at most {limit:g})"
        print(f"{load:<8} {UNITS[load]:<18}{shown}\n   {text}" + ("" if value <= limit else "   BEYOND"))
        if value > limit:
            wrong.append(text)
    if o.check:
        print("all within limits" if not wrong else "NOT within limits: " + "; ".join(wrong))
        sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
