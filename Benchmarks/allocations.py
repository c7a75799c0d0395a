#!/usr/bin/env python3
"""How often Parley asks malloc for memory when a publication is delivered.

  allocations.py --parley PATH [--receivers 1000] [--publications 100] [--check]

One connection publishes to a topic of the relay that has so many receivers, one publication after the other, and once more
with a tenth of the receivers. What one receiver more costs is the slope between the two; the rest is the publication's own.
--check ends with status 1 when a delivery allocates anything, or a publication more than PER_PUBLICATION.

PATH is a release build of `parley`: a debug build allocates for calls that the optimiser makes plain. Needed: gcc, python3,
glibc.
"""
import argparse
import mmap
import os
import resource
import selectors
import socket
import struct
import subprocess
import sys
import tempfile

from bench import HERE, cores, free_port, start, stop

PER_DELIVERY = 0.01
PER_PUBLICATION = 100
WARM_UP = 50


def connect(port):
    """A WebSocket in the topic."""
    s = socket.create_connection(("127.0.0.1", port), 10)
    s.sendall(b"GET /relay/allocations HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = s.recv(1)
        if not piece:
            sys.exit(f"allocations.py: the handshake was answered with {head!r}")
        head += piece
    if b" 101 " not in head:
        sys.exit(f"allocations.py: the handshake was answered with {head!r}")
    return s


def publish(speaker, everybody):
    """Says 20 bytes and waits until they are with everybody."""
    payload = b"a publication of 20b"
    speaker.sendall(bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload)
    waiting = {s: 2 + len(payload) for s in everybody}
    with selectors.DefaultSelector() as ready:
        for s in everybody:
            ready.register(s, selectors.EVENT_READ)
        while waiting:
            found = ready.select(10)
            if not found:
                sys.exit(f"allocations.py: {len(waiting)} of {len(everybody)} never heard a publication")
            for key, _ in found:
                s = key.fileobj
                waiting[s] -= len(s.recv(waiting[s]))
                if not waiting[s]:
                    del waiting[s]
                    ready.unregister(s)


def measured(o, folder, counter, receivers):
    """Allocations a publication."""
    path, port = os.path.join(folder, "count"), free_port()
    with open(path, "wb") as f:
        f.write(bytes(mmap.PAGESIZE))
    off = ("GATEWAY_PORT", "WEBSOCKET_PORT", "CHANNEL_PORT", "BACKENDS_API_PORT", "BACKENDS_PROXY_PORT",
           "DISPOSABLE_CHAT_PORT")
    env = dict(os.environ, **{name: "off" for name in off}, PARLEY_PORT=str(port), HOST="127.0.0.1", RELAY="open",
               SESSION_CHAT="off", PARLEY_EVENT_LOOPS="1", LD_PRELOAD=counter, ALLOCATIONS=path)
    server = start([os.path.abspath(o.parley), "serve"], port, env, cores()[0], os.path.join(folder, "log"))
    try:
        with open(path, "r+b") as f, mmap.mmap(f.fileno(), mmap.PAGESIZE) as shared:
            def count():
                return struct.unpack_from("l", shared)[0]

            sockets = [connect(port) for _ in range(receivers)]
            for _ in range(WARM_UP):
                publish(sockets[0], sockets)
            before = count()
            if not before:
                sys.exit("allocations.py: nothing was counted; the server must use the malloc of glibc")
            for _ in range(o.publications):
                publish(sockets[0], sockets)
            return (count() - before) / o.publications
    finally:
        stop(server)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--parley", metavar="PATH", required=True)
    p.add_argument("--receivers", type=int, default=1000)
    p.add_argument("--publications", type=int, default=100)
    p.add_argument("--check", action="store_true")
    o = p.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    with tempfile.TemporaryDirectory() as folder:
        counter = os.path.join(folder, "allocations.so")
        source = os.path.join(HERE, "allocations.c")
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", counter, source], check=True)
        few = max(1, o.receivers // 10)
        with_few, with_many = measured(o, folder, counter, few), measured(o, folder, counter, o.receivers)
    delivery = (with_many - with_few) / (o.receivers - few)
    publication = with_few - delivery * few
    print(f"allocations: {delivery:.4f} a delivery, {publication:.1f} a publication")
    if o.check and (delivery > PER_DELIVERY or publication > PER_PUBLICATION):
        sys.exit(f"allocations.py: at most {PER_DELIVERY} a delivery and {PER_PUBLICATION} a publication")


if __name__ == "__main__":
    main()
