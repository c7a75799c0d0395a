#!/usr/bin/env python3
"""Load over Engine.IO long-polling, as loadgen.c cannot make: members of one room who poll, one of whom speaks.

  polling.py --port N --pid SERVER [--conns 100] [--secs 3] [--warmup 1] [--label NAME]

Each member has two connections, one for its polls and one for its posts. The speaker sends a message when everybody has
the one before. Prints one JSON line: the server's CPU microseconds per delivered message (cpu_s_per_M) and latencies, as
loadgen does. The server is socketio-fixture --profile B.
"""
import argparse
import json
import os
import re
import selectors
import socket
import statistics
import sys
import time

BASE = "/socket.io/?EIO=4&transport=polling"


class Channel:
    """One keep-alive connection: a request at a time."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, method, target, body=b""):
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)

    def feed(self):
        """The body of a complete answer, or None."""
        data = self.socket.recv(1 << 16)
        if not data:
            sys.exit("polling.py: the server closed a connection")
        self.buffer += data
        return self.take()

    def take(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self.buffer[:end].decode("latin-1")
        if not head.startswith("HTTP/1.1 200"):
            sys.exit(f"polling.py: {head.splitlines()[0]}")
        length = int(re.search(r"(?i)content-length: *(\d+)", head).group(1))
        if len(self.buffer) < end + 4 + length:
            return None
        body = self.buffer[end + 4:end + 4 + length]
        self.buffer = self.buffer[end + 4 + length:]
        return body

    def ask(self, method, target, body=b""):
        self.send(method, target, body)
        while (answer := self.feed()) is None:
            pass
        return answer


class Member:
    def __init__(self, port):
        self.polls, self.posts = Channel(port), Channel(port)
        hello = json.loads(self.polls.ask("GET", BASE)[1:])
        self.target = f"{BASE}&sid={hello['sid']}"
        self.posts.ask("POST", self.target, b"40")
        self.polls.ask("GET", self.target)
        self.posts.ask("POST", self.target, b'42["join","bench"]')
        while b"joined" not in self.polls.ask("GET", self.target):
            pass
        self.polls.send("GET", self.target)


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--port", type=int, required=True)
    p.add_argument("--pid", type=int, required=True)
    p.add_argument("--conns", type=int, default=100)
    p.add_argument("--secs", type=float, default=3)
    p.add_argument("--warmup", type=float, default=1)
    p.add_argument("--label", default="polling")
    o = p.parse_args()
    members = [Member(o.port) for _ in range(o.conns)]
    selector = selectors.DefaultSelector()
    for member in members:
        selector.register(member.polls.socket, selectors.EVENT_READ, member)
    latencies, delivered, number = [], 0, 0
    begun = time.monotonic()
    measuring_from = begun + o.warmup
    cpu = None
    while (now := time.monotonic()) < measuring_from + o.secs:
        if cpu is None and now >= measuring_from:
            cpu, started, delivered, latencies = cpu_seconds(o.pid), now, 0, []
        number += 1
        sent = time.monotonic()
        members[0].posts.ask("POST", members[0].target, b'42["msg","~%08x"]' % number)
        waiting = o.conns
        while waiting:
            ready = selector.select(10)
            if not ready:
                sys.exit("polling.py: a message did not arrive")
            for key, _ in ready:
                member = key.data
                body = member.polls.feed()
                while body is not None:
                    if b"~%08x" % number in body:
                        waiting -= 1
                        delivered += 1
                        latencies.append(time.monotonic() - sent)
                    if b"2" in body.split(b"\x1e"):
                        member.posts.ask("POST", member.target, b"3")
                    member.polls.send("GET", member.target)
                    body = member.polls.take()
    used = cpu_seconds(o.pid) - cpu
    latencies.sort()
    print(json.dumps({
        "label": o.label, "mode": "polling", "proto": "sio-polling", "conns": o.conns, "delivered": delivered,
        "per_s": delivered / (time.monotonic() - started), "cpu_s_per_M": used / delivered * 1e6,
        "p50_us": statistics.median(latencies) * 1e6, "p99_us": latencies[int(len(latencies) * 0.99)] * 1e6,
        "lost": 0, "errors": 0,
    }))


if __name__ == "__main__":
    main()
