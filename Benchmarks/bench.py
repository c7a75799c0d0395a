#!/usr/bin/env python3
"""Side-by-side benchmark of realtime servers on one machine: ratios, not absolute figures.

The server under test runs on one core, the load generator (loadgen.c) on another. Within a round every server meets the
same workload, one after the other; figures are medians over the rounds. CPU figures are the server's user + system time
per delivered message, from the kernel's accounting, which a busy machine disturbs least. Rows:

  floor           floor.c: the least a single-threaded epoll server can do
  ws              Node's ws (Debian: node-ws)
  parley          the relay, /relay/{topic}
  parley-channel  the channel server, /channels
  parley-chat     session chat, /?token=..., 100 users in a room; what it is told counts once for each user, in whatever snapshot
  parley-sio      Socket.IO over WebSocket: socketio-fixture --profile B, from beside `parley`
  parley-polling  the same over long-polling, with polling.py as the client

  bench.py --parley PATH [--rounds 5] [--secs 3] [--only fan1,echo20] [--tls] [--check] [--json FILE]
           [--peer NAME='COMMAND {port}'[,PROTO]]

PATH is a release build of `parley`; it is started as `PATH serve` with one event loop and every listener but the front
door off. --peer adds another server (PROTO: ws by default; see loadgen.c). --check compares with LIMITS below and exits 1
beyond them, or when a figure is missing. --tls runs the same over TLS, with fewer idle connections, without floor (it
speaks no TLS) and without limits; needs openssl, and its headers to compile loadgen (Debian: libssl-dev).
"""
import argparse
import base64
import hashlib
import hmac
import json
import os
import resource
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SECRET = "benchmark-secret-of-some-length-0123456789"
USERS_PER_ROOM = 100
IDLE, IDLE_TLS = 10000, 2000
LOADS = {
    "fan1": "--mode fanout --conns 1000 --payload 20 --window 1",
    "fan16": "--mode fanout --conns 1000 --payload 20 --window 16",
    "rooms": "--mode rooms --conns 1000 --rooms 100 --rate 5",
    "echo20": "--mode echo --conns 100 --payload 20",
    "echo1k": "--mode echo --conns 100 --payload 1024",
    "chat": "--mode rooms --conns 100 --rooms 1 --rate 1 --together",
    "chat16": "--mode fanout --conns 100 --window 16",
    "idle": "--mode idle --conns {idle} --hold 1.5",
    "polling": "--conns 100",
}
# rows that are not in every workload
ONLY_IN = {
    "parley": set(LOADS) - {"polling"}, "parley-channel": {"fan16", "idle"}, "parley-chat": {"chat", "chat16", "idle"},
    "parley-sio": {"fan1", "fan16", "echo20", "idle"},
    "parley-polling": {"polling"},
}


def is_in(row, load):
    return load in ONLY_IN.get(row, set(LOADS) - {"polling", "chat", "chat16"})


# workload, figure, row, compared with (None: an absolute figure), at most
LIMITS = [
    ("fan1", "cpu_s_per_M", "parley", "floor", 1.20),
    ("fan1", "cpu_s_per_M", "parley", "ws", 0.80),
    ("fan16", "cpu_s_per_M", "parley", "floor", 1.20),
    ("fan16", "cpu_s_per_M", "parley", "ws", 0.08),
    ("fan16", "cpu_s_per_M", "parley-channel", "parley", 1.25),
    ("fan16", "cpu_s_per_M", "parley-sio", "parley", 1.15),
    ("rooms", "cpu_s_per_M", "parley", "floor", 1.30),
    ("echo20", "cpu_s_per_M", "parley", "floor", 1.50),
    ("echo20", "cpu_s_per_M", "parley", "ws", 0.85),
    ("echo20", "cpu_s_per_M", "parley-sio", "parley", 1.60),
    ("chat", "cpu_s_per_M", "parley-chat", "parley", 3.0),
    ("chat16", "cpu_s_per_M", "parley-chat", "parley", 4.0),
    ("idle", "hs_cpu_us", "parley", "floor", 4.0),
    ("idle", "hs_cpu_us", "parley", "ws", 0.8),
    ("idle", "rss_per_conn_b", "parley", None, 6144),
    ("idle", "rss_per_conn_b", "parley-channel", None, 8192),
    ("idle", "rss_per_conn_b", "parley-chat", None, 8192),
    ("idle", "rss_per_conn_b", "parley-sio", None, 10240),
    ("idle", "rss_kept_mib", "parley", None, 15),
    ("idle", "rss_kept_mib", "parley-channel", None, 15),
    ("idle", "rss_kept_mib", "parley-chat", None, 15),
]
COLUMNS = [
    ("cpu_s_per_M", "CPU us/msg"), ("p50_us", "p50 us"), ("p99_us", "p99 us"), ("hs_cpu_us", "handshake us"),
    ("rss_per_conn_b", "RSS/conn B"), ("rss_kept_mib", "kept MiB"), ("lost", "lost"),
]


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--parley", metavar="PATH")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--secs", type=float, default=3, help="measured seconds of each run")
    p.add_argument("--only", metavar="LOAD,...", help="workloads: " + ", ".join(LOADS))
    p.add_argument("--rows", metavar="ROW,...", help="rows, by name")
    p.add_argument("--idle", type=int, metavar="N", help=f"idle connections ({IDLE}; over TLS {IDLE_TLS})")
    p.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND[,PROTO]")
    p.add_argument("--loops", default="1", help="event loops of parley (PARLEY_EVENT_LOOPS)")
    p.add_argument("--tls", action="store_true")
    p.add_argument("--json", metavar="FILE", help="write every run there")
    p.add_argument("--check", action="store_true")
    o = p.parse_args()
    o.loads = o.only.split(",") if o.only else list(LOADS)
    for load in o.loads:
        if load not in LOADS:
            p.error(f"no workload {load}: there are {', '.join(LOADS)}")
    if o.parley and not os.access(o.parley, os.X_OK):
        p.error(f"{o.parley} is not an executable")
    o.idle = o.idle or (IDLE_TLS if o.tls else IDLE)
    return o


# ---------------------------------------------------------------- tools


def cores():
    """The core of the server and the core of the load generator."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        sys.exit("bench.py: needs two cores, one for the server and one for the load generator")
    return usable[0], usable[1]


def pinned(core):
    return lambda: os.sched_setaffinity(0, {core})


def compiled(folder, name, *flags):
    out = os.path.join(folder, name)
    command = ["gcc", "-O3", "-march=native", "-o", out, os.path.join(HERE, name + ".c"), *flags]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit("bench.py: gcc is not installed")
    if done.returncode:
        missing = "; for --tls install OpenSSL's headers (Debian: libssl-dev)" if "openssl/" in done.stderr else ""
        sys.exit(f"{done.stderr[-2000:]}bench.py: {name}.c does not compile{missing}")
    return out


def certificate(folder):
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, stderr=subprocess.DEVNULL)
    return cert, key


def tokens(folder, count):
    """A file with a session token (HS256) a line, USERS_PER_ROOM users to a room."""
    def base64url(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    head = base64url(b'{"alg":"HS256","typ":"JWT"}')
    path = os.path.join(folder, "tokens")
    with open(path, "wb") as f:
        for i in range(count):
            room, user = divmod(i, USERS_PER_ROOM)
            claims = json.dumps({"userId": f"u{user}", "roomId": f"bench-{room}"}, separators=(",", ":")).encode()
            signed = head + b"." + base64url(claims)
            f.write(signed + b"." + base64url(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()) + b"\n")
    return path


def node_ws():
    """Node's environment when it has ws, else None."""
    env = dict(os.environ)
    env["NODE_PATH"] = ":".join(filter(None, [env.get("NODE_PATH"), "/usr/share/nodejs"]))
    if shutil.which("node") and subprocess.run(
            ["node", "-e", "require(process.env.WS_DIR || 'ws')"], env=env, stderr=subprocess.DEVNULL).returncode == 0:
        return env
    print("bench.py: no row ws: node and its package ws are needed (Debian: node-ws)", file=sys.stderr)
    return None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(command, port, env, core, log):
    with open(log, "wb") as said:
        p = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
                             preexec_fn=pinned(core))
    for _ in range(400):
        if p.poll() is not None:
            with open(log, errors="replace") as said:
                print(said.read()[-2000:], file=sys.stderr)
            sys.exit(f"bench.py: {command[0]} ended with {p.returncode} before it listened")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return p
        except OSError:
            time.sleep(0.05)
    stop(p)
    sys.exit(f"bench.py: {command[0]} did not listen on {port}")


def stop(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


# ---------------------------------------------------------------- rows


class Row:
    def __init__(self, command, environment=None, proto="ws", extra=()):
        self.command, self.environment, self.proto, self.extra = command, environment, proto, list(extra)


def parley_environment(o, cert, key):
    def environment(port):
        off = ("GATEWAY_PORT", "WEBSOCKET_PORT", "CHANNEL_PORT", "BACKENDS_API_PORT", "BACKENDS_PROXY_PORT",
               "DISPOSABLE_CHAT_PORT")
        env = dict(os.environ, **{name: "off" for name in off})
        env.update(PARLEY_PORT=str(port), HOST="127.0.0.1", RELAY="open", JWT_SECRET=SECRET, PARLEY_EVENT_LOOPS=o.loops)
        if cert:
            env.update(PARLEY_TLS_CERTIFICATE=cert, PARLEY_TLS_KEY=key)
        return env
    return environment


def rows(o, folder):
    cert, key = certificate(folder) if o.tls else (None, None)
    found = {}
    if not o.tls:
        floor = compiled(folder, "floor")
        found["floor"] = Row(lambda port: [floor, str(port)])
    node = node_ws()
    if node:
        script = [os.path.join(HERE, "node_ws.js")]
        found["ws"] = Row(lambda port: ["node", *script, str(port), *([cert, key] if cert else [])], lambda port: node)
    if o.parley:
        serve, env = (lambda port: [os.path.abspath(o.parley), "serve"]), parley_environment(o, cert, key)
        found["parley"] = Row(serve, env, "relay")
        found["parley-channel"] = Row(serve, env, "channels", ["--path", "/channels"])
        found["parley-chat"] = Row(serve, env, "chat", ["--tokens", tokens(folder, max(o.idle, USERS_PER_ROOM))])
        fixture = os.path.join(os.path.dirname(os.path.abspath(o.parley)), "socketio-fixture")
        if not o.tls and os.access(fixture, os.X_OK):
            def serve_fixture(port):
                return [fixture, "--profile", "B", "--port", str(port), "--loops", o.loops]
            found["parley-sio"] = Row(serve_fixture, None, "sio")
            found["parley-polling"] = Row(serve_fixture, None, "polling")
        elif not o.tls:
            print(f"bench.py: no rows parley-sio and parley-polling: there is no {fixture}", file=sys.stderr)
    for spec in o.peer:
        name, rest = spec.split("=", 1)
        command, _, proto = rest.rpartition(",") if "," in rest else (rest, "", "ws")
        found[name] = Row((lambda c: lambda port: shlex.split(c.replace("{port}", str(port))))(command), None, proto)
    if o.rows:
        for name in o.rows.split(","):
            if name not in found:
                sys.exit(f"bench.py: no row {name}: there are {', '.join(found)}")
        found = {name: row for name, row in found.items() if name in o.rows.split(",")}
    return found


def run(o, name, row, load, folder, loadgen, server_core, client_core):
    """One workload against one server: loadgen's figures, or None."""
    port, log = free_port(), os.path.join(folder, "server.log")
    server = start(row.command(port), port, row.environment(port) if row.environment else None, server_core, log)
    try:
        generator = [loadgen] if row.proto != "polling" else [sys.executable, os.path.join(HERE, "polling.py")]
        proto = ["--proto", row.proto, "--timeout", "60"] if row.proto != "polling" else []
        command = [*generator, *LOADS[load].format(idle=o.idle).split(), *proto, *row.extra, "--port", str(port),
                   "--pid", str(server.pid), "--secs", str(o.secs), "--warmup", "1", "--label", name]
        done = subprocess.run(command + (["--tls"] if o.tls else []), capture_output=True, text=True, timeout=150,
                              preexec_fn=pinned(client_core))
        if done.stdout.startswith("{"):
            if done.returncode:
                print(f"{load} {name}: {done.stderr.strip()[-300:] or 'messages were lost'}", file=sys.stderr)
            return json.loads(done.stdout)
        print(f"{load} {name}: {done.stderr.strip()[-300:]}", file=sys.stderr)
    except subprocess.TimeoutExpired:
        print(f"{load} {name}: the load generator did not end", file=sys.stderr)
    finally:
        stop(server)
    return None


# ---------------------------------------------------------------- report


def report(o, names, runs):
    """Prints the table, returns what is wrong."""
    def median(load, name, figure):
        values = [r[figure] for r in runs if r["load"] == load and r["row"] == name and r.get(figure) is not None]
        return statistics.median(values) if values else None

    def ratio(load, name, reference, figure):
        """The median of the ratios within each round: a machine that slows down for a while does so for both."""
        def of(row):
            return {r["round"]: r[figure] for r in runs if r["load"] == load and r["row"] == row and r.get(figure)}
        mine, base = of(name), of(reference)
        ratios = [mine[r] / base[r] for r in mine if r in base]
        return statistics.median(ratios) if ratios else None

    wrong = []
    print("%-8s %-15s" % ("load", "row") + "".join("%14s" % title for _, title in COLUMNS))
    for load in o.loads:
        for name in names:
            if not is_in(name, load):
                continue
            figures = [median(load, name, figure) for figure, _ in COLUMNS]
            print("%-8s %-15s" % (load, name) + "".join("%14s" % ("-" if f is None else f"{f:.2f}") for f in figures))
            if name.startswith("parley") and sum(r["load"] == load and r["row"] == name for r in runs) < o.rounds:
                wrong.append(f"{load} {name}: a run failed")
            if name.startswith("parley") and any(
                    r.get("lost") or r["errors"] for r in runs if r["load"] == load and r["row"] == name):
                wrong.append(f"{load} {name}: messages lost or wrong")
        if o.tls:
            continue
        for _, figure, name, reference, limit in [entry for entry in LIMITS if entry[0] == load]:
            if name not in names or (reference and reference not in names):
                continue
            value = ratio(load, name, reference, figure) if reference else median(load, name, figure)
            if value is None:
                wrong.append(f"{load} {name} {figure}: no figure")
                continue
            text = f"{load} {name} {figure} / {reference or 'absolute'} = {value:.2f} (at most {limit})"
            print("   " + text + ("" if value <= limit else "   BEYOND"))
            if value > limit:
                wrong.append(text)
    return wrong


def main():
    o = options()
    server_core, client_core = cores()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < o.idle + 100:
        o.idle = hard - 100
        print(f"bench.py: {o.idle} idle connections, for the limit of open files is {hard}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        loadgen = compiled(folder, "loadgen", *(["-DTLS", "-lssl", "-lcrypto"] if o.tls else []))
        servers, runs = rows(o, folder), []
        for r in range(o.rounds):
            for load in o.loads:
                for name, row in servers.items():
                    if is_in(name, load):
                        figures = run(o, name, row, load, folder, loadgen, server_core, client_core)
                        if figures:
                            runs.append(dict(figures, load=load, row=name, round=r))
            print(f"round {r + 1} of {o.rounds} done", file=sys.stderr)
    if o.json:
        with open(o.json, "w") as f:
            json.dump(runs, f)
    wrong = report(o, list(servers), runs)
    if o.check:
        print("all within limits" if not wrong else "NOT within limits: " + "; ".join(wrong))
        sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
