"""Requests without end, and answers that nobody reads."""

import select

import pytest

from attacks import crowd, drained, pour
from support import backends, http
from support.raw import CONTINUATION, TEXT, frame, handshake
from watch import MEBIBYTE, watching

PIPELINED = 9000
TARGETS = {
    "refused by Engine.IO": ("front_door", "/?EIO"),
    "refused at once": ("front_door", "/relay/x"),
    "opens sessions": ("front_door", "/socket.io/?EIO=4&transport=polling"),
    "made in a task": ("front_door", "/healthz"),
    "no session's URL": ("backends_proxy", "/nobody/x"),
    "the proxy's root": ("backends_proxy", "/"),
}


def all_listeners(server, tmp_path, **settings):
    return server(
        "--config",
        backends.configuration(tmp_path),
        GATEWAY_PORT="0",
        BACKENDS_API_PORT="0",
        BACKENDS_PROXY_PORT="0",
        **settings,
    )


@pytest.mark.parametrize("target", TARGETS)
def test_pipelined_requests_are_a_loop_and_not_a_stack(server, tmp_path, target):
    listener, path = TARGETS[target]
    started = all_listeners(server, tmp_path)
    address = started.addresses[listener]
    requests = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * PIPELINED
    with watching(started) as watch:
        for _ in range(3):
            with crowd(address, 1) as (connection,):
                pour([connection], requests, seconds=5, limit=len(requests))
                drained(connection, seconds=3)
    watch.says_that(growth=100 * MEBIBYTE, p99=200)


def test_a_session_of_a_backend_answers_pipelined_requests(server, tmp_path):
    started = all_listeners(server, tmp_path, BACKENDS_MODE="dev")
    connected = backends.Backends(started).connect()
    address = started.addresses["backends_proxy"]
    path = connected["url"].split("/", 3)[3]
    requests = f"GET /{path} HTTP/1.1\r\nHost: {address.authority}\r\n\r\n".encode() * PIPELINED
    with watching(started) as watch:
        for _ in range(3):
            with crowd(address, 1) as (connection,):
                pour([connection], requests, seconds=5, limit=len(requests))
                drained(connection, seconds=3)
    watch.says_that(growth=100 * MEBIBYTE, p99=200)


@pytest.mark.parametrize(
    "target", [("backends_proxy", "/"), ("front_door", "/?EIO=4"), ("front_door", "/metrics")], ids=lambda t: t[1]
)
def test_answers_that_nobody_reads_stop_the_reading_of_requests(server, tmp_path, target):
    listener, path = target
    started = all_listeners(server, tmp_path)
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with watching(started) as watch, crowd(started.addresses[listener], 20) as connections:
        pour(connections, request * 1000, seconds=6, limit=400 * MEBIBYTE)
        waiting = http.fetch(started.front_door, "/metrics").text
        assert 'parley_waiting_bytes{kind="http"}' in waiting
    watch.says_that(growth=60 * MEBIBYTE, p99=200)


def test_a_client_that_takes_nothing_is_let_go(server):
    started = server(PARLEY_FRAME_TIMEOUT="1")
    request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    with crowd(started.front_door, 1) as (connection,):
        pour([connection], request * 1000, seconds=10, limit=64 * MEBIBYTE)
        # Nothing is read, all the while; a connection that was reset says so nevertheless.
        poller = select.poll()
        poller.register(connection, 0)
        assert poller.poll(20_000), "the connection is still there"


HEAPS = {
    "messages": frame(TEXT, b"x") * (256 * 1024 // 7),
    "fragments": (frame(TEXT, fin=False) + frame(CONTINUATION, b"x", fin=False) * 999 + frame(CONTINUATION)) * (256 // 7),
}


@pytest.mark.parametrize("kind, p99", [("messages", 50), ("fragments", 200)])
def test_small_frames_in_heaps_keep_nobody_waiting(server, kind, p99):
    """A hundred connections say 256 KiB of them each, at once."""
    started, heap = server(), HEAPS[kind]
    opening = handshake(started.front_door, "/relay")
    with crowd(started.front_door, 100, opening) as connections:
        for connection in connections:
            while b"\r\n\r\n" not in connection.recv(4096, 2):  # MSG_PEEK
                pass
            connection.recv(4096)
        with watching(started) as watch:
            pour(connections, heap, seconds=20, limit=100 * len(heap))
            for _ in range(3):
                http.fetch(started.front_door, "/metrics")
    watch.says_that(growth=200 * MEBIBYTE, p99=p99)
