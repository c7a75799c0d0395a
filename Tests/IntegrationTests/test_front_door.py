"""What the front door answers, and how its HTTP behaves."""

import json

import pytest

from support import http, tokens
from support.dialects import EVERYWHERE, DisposableChat, SessionChat, at
from support.http import Connection, head, upgrade_headers
from support.raw import PONG, TEXT, RawWebSocket, frame, handshake


@pytest.fixture
def address(shared_server):
    return shared_server.front_door


@pytest.fixture(params=["front_door", "channel_server", "disposable_chat"])
def listener(request, shared_server):
    return getattr(shared_server, request.param)


@pytest.fixture(params=EVERYWHERE)
def dialect(request, shared_server):
    return at(shared_server, request.param)


# Paths


def test_health_says_ok(address):
    """Session chat, Connection: `GET /health`; decision 1."""
    answer = http.fetch(address, "/health")
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_answered(address, path):
    """docs/architecture.md §5: `/healthz`, `/readyz`."""
    assert http.fetch(address, path).status == 200


def test_every_listener_has_health(listener):
    """Channel server and disposable chat, Connection: `GET /health`."""
    assert http.fetch(listener, "/health").status == 200
    assert http.fetch(listener, "/health?ready=1").status == 200


def test_an_unknown_path_is_404_and_says_what_there_is(address):
    """Decision 15: 426 only where a WebSocket is spoken."""
    answer = http.fetch(address, "/no/such/path")
    assert answer.status == 404 and "/relay/{topic}" in answer.text
    assert http.fetch(address, "/api/nothing").status == 404
    answer = http.fetch(address, "/")
    assert answer.status == 426 and answer.headers["upgrade"].lower() == "websocket"


def test_a_known_path_with_another_method_is_refused(address):
    """RFC 9110 §15.5.6."""
    assert http.fetch(address, "/health", method="DELETE").status == 405
    assert http.fetch(address, "/api/login").status == 405


def test_name_and_room_mean_disposable_chat_even_beside_a_token(address, room):
    """Decision 1."""
    token = tokens.token("alice", room)
    raw = RawWebSocket.open(address, f"/ws?name=Zoe&room={room}&token={token}")
    assert json.loads(raw.next(TEXT).payload)["type"] == "welcome"


def test_the_relay_comes_before_session_chat(address, room):
    """Decision 1: the order of routing."""
    raw = RawWebSocket.open(address, f"/relay/{room}?token={tokens.token('alice', room)}")
    raw.says("verbatim")
    assert raw.next(TEXT).payload == b"verbatim"
    raw = RawWebSocket.open(address, f"/channels?token={tokens.token('alice', room)}")
    raw.says('{"type":"ping"}')
    assert raw.next(TEXT).payload == b'{"type":"pong"}'


def test_plain_socket_io_without_a_version_is_an_unknown_transport(address):
    """Decision 1."""
    answer = http.fetch(address, "/socket.io/")
    assert answer.status == 400
    assert "Transport unknown" in answer.text


async def test_dialects_stay_on_the_front_door_when_their_ports_are_off(server, room):
    """Decision 2."""
    started = server(CHANNEL_PORT="off", DISPOSABLE_CHAT_PORT="off")
    assert list(started.addresses) == ["front_door"]
    await DisposableChat(started.front_door).join("alice", room)
    assert http.upgrade(started.front_door, "/channels").status == 101


# HTTP/1.1


def test_plain_requests_and_then_an_upgrade_share_a_connection(dialect, room):
    """RFC 9112 §9.3: a connection is kept alive, and a handshake may come later on it."""
    raw = RawWebSocket(dialect.address)
    for _ in range(3):
        assert raw.request("GET", "/health").status == 200
    raw.shake_hands(dialect.path("alice", room))
    assert raw.answers_ping()


def test_pipelined_requests_are_answered_in_order(listener):
    """RFC 9112 §9.3.2."""
    connection = Connection(listener)
    known, unknown = head("GET", "/health", listener), head("GET", "/no/such/path", listener)
    connection.send(known + unknown + known + known + unknown)
    statuses = [connection.answer().status for _ in range(5)]
    assert [status == 200 for status in statuses] == [True, False, True, True, False]


def test_pipelined_api_calls_are_answered_in_order(address):
    """RFC 9112 §9.3.2: also when one takes longer than the next."""
    connection = Connection(address)
    bodies = [json.dumps({"userId": f"user{n}"}).encode() for n in range(5)]
    connection.send(b"".join(head("POST", "/api/login", address, {}, body) + body for body in bodies))
    users = [tokens.claims(connection.answer().json["token"])["userId"] for _ in range(5)]
    assert users == [f"user{n}" for n in range(5)]


def test_an_upgrade_may_be_pipelined_behind_a_plain_request(address, room):
    """RFC 9112 §9.3.2."""
    raw = RawWebSocket(address)
    key = upgrade_headers()["Sec-WebSocket-Key"]
    raw.send(head("GET", "/health", address) + handshake(address, f"/relay/{room}", key))
    assert raw.answer().status == 200
    raw.answer_to_handshake = raw.answer()
    raw.check_handshake(key)
    assert raw.answers_ping()


def test_http_1_0_is_answered_and_closed(listener):
    """RFC 9112 §9.3: no keep-alive in HTTP/1.0."""
    connection = Connection(listener)
    connection.send(f"GET /health HTTP/1.0\r\nHost: {listener.authority}\r\n\r\n")
    assert connection.answer().status == 200
    assert connection.is_closed()


def test_connection_close_is_honoured(listener):
    """RFC 9112 §9.6."""
    connection = Connection(listener)
    answer = connection.request("GET", "/health", {"Connection": "close"})
    assert answer.status == 200
    assert connection.is_closed()


def test_head_has_no_body(address):
    """RFC 9110 §9.3.2."""
    connection = Connection(address)
    assert connection.request("HEAD", "/health").status == 200
    following = connection.request("GET", "/health")
    assert (following.status, following.json) == (200, {"status": "ok"})


def test_expect_continue_is_answered_before_the_body(address):
    """RFC 9110 §10.1.1."""
    connection = Connection(address)
    body = b'{"userId":"alice"}'
    connection.send(head("POST", "/api/login", address, {"Expect": "100-continue"}, body))
    assert connection.answer().status == 100
    connection.send(body)
    assert connection.answer().status == 200


def test_a_chunked_body_is_read(address):
    """RFC 9112 §7.1."""
    connection = Connection(address)
    chunks = b'8\r\n{"userId\r\na;x=y\r\n":"alice"}\r\n0\r\n\r\n'
    answer = connection.request("POST", "/api/login", {"Transfer-Encoding": "chunked"}, chunks)
    assert answer.status == 200


def test_a_request_may_arrive_byte_by_byte(listener):
    """TCP is a stream."""
    connection = Connection(listener)
    connection.drip(head("GET", "/health", listener))
    assert connection.answer().status == 200


# The WebSocket handshake


def test_the_handshake_may_arrive_byte_by_byte(dialect, room):
    """TCP is a stream."""
    raw = RawWebSocket(dialect.address)
    key = upgrade_headers()["Sec-WebSocket-Key"]
    raw.drip(handshake(dialect.address, dialect.path("alice", room), key))
    raw.answer_to_handshake = raw.answer()
    raw.check_handshake(key)
    assert raw.answers_ping()


def test_a_frame_may_come_in_the_same_packet_as_the_handshake(dialect, room):
    """TCP is a stream: nothing that follows the handshake is lost."""
    raw = RawWebSocket(dialect.address)
    raw.send(handshake(dialect.address, dialect.path("alice", room)) + frame(9, b"early"))
    assert raw.answer().status == 101
    assert raw.next(PONG).payload == b"early"


def test_the_handshake_does_not_care_for_case(dialect, room):
    """RFC 6455 §4.2.1: `Upgrade` and `Connection` are compared without regard to case, `Connection` is a list."""
    changes = {"Upgrade": "WebSocket", "Connection": "keep-alive, UPGRADE"}
    answer = http.upgrade(dialect.address, dialect.path("alice", room), **changes)
    assert answer.status == 101


def test_no_subprotocol_is_chosen(dialect, room):
    """All three specs, Connection: no subprotocol."""
    answer = http.upgrade(dialect.address, dialect.path("alice", room), Sec_WebSocket_Protocol="chat, superchat")
    assert answer.status == 101
    assert "sec-websocket-protocol" not in answer.headers


@pytest.mark.parametrize("version", ["8", "12", "14", "", "x", None])
def test_another_version_is_426_and_names_ours(dialect, room, version):
    """RFC 6455 §4.2.2."""
    answer = http.upgrade(dialect.address, dialect.path("alice", room), Sec_WebSocket_Version=version)
    assert answer.status == 426
    assert answer.headers["sec-websocket-version"] == "13"


BAD_KEYS = [None, "", "short", "A" * 24, "!" * 24, "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZSBsb25n"]


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_bad_key_is_400(dialect, room, key):
    """RFC 6455 §4.2.1: base64 of 16 bytes."""
    answer = http.upgrade(dialect.address, dialect.path("alice", room), Sec_WebSocket_Key=key)
    assert answer.status == 400


@pytest.mark.parametrize("upgrade", ["h2c", "tls/1.0"])
def test_another_upgrade_is_no_handshake(dialect, room, upgrade):
    """RFC 9110 §7.8: an upgrade that is not offered is ignored."""
    answer = http.upgrade(dialect.address, dialect.path("alice", room), Upgrade=upgrade)
    assert answer.status != 101


def test_only_get_upgrades(dialect, room):
    """RFC 6455 §4.1."""
    answer = http.fetch(
        dialect.address, dialect.path("alice", room), method="POST", headers=upgrade_headers() | {"Content-Length": "0"}
    )
    assert answer.status in (400, 404, 405, 426)


async def test_the_secret_is_not_needed_when_session_chat_is_off(server, room):
    """Decision 3: SESSION_CHAT=off."""
    started = server(JWT_SECRET=None, SESSION_CHAT="off")
    assert http.fetch(started.front_door, "/healthz").status == 200
    assert http.upgrade(started.front_door, SessionChat(started.front_door).path("alice", room)).status != 101
    await DisposableChat(started.front_door).join("alice", room)
