"""What a peer may not do before it has spoken a single message, on every listener."""

import asyncio

import pytest

from support import http
from support.dialects import EVERYWHERE, Relay, at
from support.http import Connection, head
from support.raw import CONTINUATION, TEXT, RawWebSocket, frame

LISTENERS = ["front_door", "channel_server", "disposable_chat"]


@pytest.fixture(params=LISTENERS)
def address(request, shared_server):
    return getattr(shared_server, request.param)


def answer_to(address, request: str | bytes) -> http.Answer:
    connection = Connection(address)
    connection.send(request)
    return connection.answer()


def assert_refused(address, request: str | bytes, status: int) -> None:
    """The request is answered with this status, and the connection ends."""
    connection = Connection(address)
    try:
        connection.send(request)
    except OSError:
        pass  # refused before all of it was sent
    assert connection.answer().status == status
    assert connection.is_closed()


# Sizes (decision 4)


@pytest.mark.parametrize("headers", [{}, http.upgrade_headers()], ids=["plain", "upgrade"])
def test_a_header_block_over_16_kib_is_431(address, headers):
    """Decision 4."""
    fields = headers | {f"X-{n}": "x" * 1000 for n in range(17)}
    assert_refused(address, head("GET", "/health", address, fields), 431)


def test_one_header_over_16_kib_is_431(address):
    """Decision 4: also without an end of line."""
    connection = Connection(address)
    try:
        connection.send(b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000)
    except OSError:
        pass
    assert connection.answer().status == 431


def test_more_than_a_hundred_headers_are_431(address):
    """Decision 4: Host and 100 others."""
    assert_refused(address, head("GET", "/health", address, {f"X-{n}": "1" for n in range(100)}), 431)


def test_a_request_line_over_8_kib_is_414(address):
    """Decision 4."""
    assert_refused(address, head("GET", "/health?" + "x" * 8192, address), 414)


def test_what_is_just_within_the_limits_is_served(address):
    """Decision 4."""
    assert answer_to(address, head("GET", "/health", address, {f"X-{n}": "1" for n in range(99)})).status == 200
    assert answer_to(address, head("GET", "/health", address, {"X": "x" * 15_000})).status == 200
    assert answer_to(address, head("GET", "/health?" + "x" * 8000, address)).status == 200


# Ambiguity (decision 4)

AMBIGUOUS = {
    "two hosts": "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "the same host twice": "GET /health HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
    "length and chunks": (
        "POST /api/login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "a folded header": "GET /health HTTP/1.1\r\nHost: a\r\nX-Folded: one\r\n two\r\n\r\n",
    "a folded header with a tab": "GET /health HTTP/1.1\r\nHost: a\r\nX-Folded: one\r\n\ttwo\r\n\r\n",
    "two lengths": "POST /api/login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a negative length": "POST /api/login HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
    "a blank before the colon": "GET /health HTTP/1.1\r\nHost : a\r\n\r\n",
    "no method": "/health\r\n\r\n",
    "no HTTP": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a blank in the path": "GET /hea lth HTTP/1.1\r\nHost: a\r\n\r\n",
    "a header without a colon": "GET /health HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n",
    "a NUL in a header": "GET /health HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_an_ambiguous_request_is_400_and_the_connection_ends(address, case):
    """Decision 4; RFC 9112 §3.2, §5.2, §6.3."""
    assert_refused(address, AMBIGUOUS[case].encode("latin-1"), 400)


def test_an_ambiguous_request_on_a_kept_connection_smuggles_nothing(address):
    """RFC 9112 §6.3: nothing after an ambiguous request is read as a request."""
    connection = Connection(address)
    assert connection.request("GET", "/health").status == 200
    connection.send(AMBIGUOUS["length and chunks"] + "GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
    assert connection.answer().status == 400
    assert connection.is_closed()
    assert b"HTTP/1.1 200" not in connection.unread


# Time (decision 4)


@pytest.mark.parametrize("listener", LISTENERS)
def test_a_header_that_does_not_come_to_an_end_closes_the_connection(server, listener):
    """Decision 4: PARLEY_HEADER_TIMEOUT."""
    address = getattr(server(PARLEY_HEADER_TIMEOUT=1), listener)
    silent, partial = Connection(address), Connection(address)
    partial.send(b"GET /health HTTP/1.1\r\nHost: x\r\nX: ")
    assert partial.is_closed(within=4)
    assert partial.unread == b"" or partial.unread.startswith(b"HTTP/1.1 408")
    assert silent.is_closed(within=4)
    assert http.fetch(address, "/health").status == 200


async def test_a_header_that_drips_is_no_progress(server):
    """Decision 4: the deadline is for the whole head."""
    address = server(PARLEY_HEADER_TIMEOUT=1).front_door
    connection = Connection(address)
    connection.send(b"GET /health HTTP/1.1\r\n")
    for _ in range(20):  # 4 s
        try:
            connection.send(b"X: 1\r\n")
        except OSError:
            return
        await asyncio.sleep(0.2)
    assert connection.is_closed(within=1)


def test_an_unfinished_body_closes_the_connection(server):
    """Decision 4: PARLEY_FRAME_TIMEOUT, HTTP body."""
    address = server(PARLEY_FRAME_TIMEOUT=1).front_door
    connection = Connection(address)
    connection.send(head("POST", "/api/login", address, {"Content-Length": "100"}) + b'{"userId":')
    assert connection.is_closed(within=4)


@pytest.mark.parametrize("place", EVERYWHERE)
def test_an_unfinished_frame_or_message_closes_the_connection(server, room, place):
    """Decision 4: PARLEY_FRAME_TIMEOUT, frame and message; a connection that is only silent stays."""
    dialect = at(server(PARLEY_FRAME_TIMEOUT=1), place)
    unfinished = {
        "inside a frame's head": b"\x81",
        "inside a frame's payload": frame(TEXT, "hello")[:-1],
        "between fragments": frame(TEXT, "hel", fin=False) + frame(CONTINUATION, "lo", fin=False),
    }
    silent = dialect.raw("silent", room)
    connections = {}
    for number, (case, data) in enumerate(unfinished.items()):
        connections[case] = dialect.raw(f"user{number}", room)
        connections[case].send(data)
    for case, connection in connections.items():
        assert connection.is_ended(), case
    assert silent.answers_ping()


# Connections


def test_connections_over_the_process_limit_are_503(server, room):
    """docs/architecture.md §9: PARLEY_MAX_CONNECTIONS."""
    relay = Relay(server(PARLEY_MAX_CONNECTIONS=3).front_door)
    members = [relay.raw("", room) for _ in range(3)]
    assert attempt(relay, room).status == 503
    members[0].reset()
    assert_gets_in(relay, room)
    assert members[1].answers_ping()


def test_connections_over_the_address_limit_are_refused(server, room):
    """docs/architecture.md §9: PARLEY_MAX_CONNECTIONS_PER_ADDRESS."""
    relay = Relay(server(PARLEY_MAX_CONNECTIONS_PER_ADDRESS=3).front_door)
    members = [relay.raw("", room) for _ in range(3)]
    assert attempt(relay, room).status in (429, 503)
    members[0].reset()
    assert_gets_in(relay, room)
    assert members[1].answers_ping()


def attempt(relay: Relay, room: str) -> http.Answer:
    return http.upgrade(relay.address, relay.path("", room))


def assert_gets_in(relay: Relay, room: str) -> None:
    """The place of a connection that ended is free: at once, or as soon as its end has been noticed."""
    for _ in range(100):
        if attempt(relay, room).status == 101:
            return
    raise AssertionError("the place stays taken")


def test_a_limit_never_lets_more_in_at_once(server, room):
    """docs/architecture.md §9: handshakes in flight count."""
    relay = Relay(server(PARLEY_MAX_CONNECTIONS=5).front_door)
    connections = [RawWebSocket(relay.address) for _ in range(5)]
    for connection in connections:
        connection.send(head("GET", relay.path("", room), relay.address, http.upgrade_headers()))
    assert [connection.answer().status for connection in connections] == [101] * 5
    assert attempt(relay, room).status == 503
