"""Session backends: requests and sockets on their way through the proxy."""

import asyncio
import hashlib
import json
import os
import time
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect as websocket
from websockets.exceptions import ConnectionClosed, InvalidStatus

from support import http
from support.address import Address
from support.backends import SETTINGS, Backends, configuration
from support.http import Connection
from support.raw import TEXT, frame, handshake
from support.server import Server

CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "*",
    "access-control-allow-headers": "*, Authorization",
}


@pytest.fixture(scope="module", params=["own port", "front door"])
def backends(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("backends")
    settings = SETTINGS | {"BACKENDS_MODE": "dev"}
    if request.param == "front door":
        settings |= {"BACKENDS_PROXY_PORT": "off"}
    server = Server(directory, "--config", configuration(directory), **settings).wait_until_listening()
    if request.param == "front door":
        server.addresses["backends_proxy"] = server.front_door
    yield Backends(server)
    server.stop()


@pytest.fixture(scope="module")
def connected(backends) -> dict:
    return backends.ready(backends.connect(key="proxy", user="alice", auth={"role": "editor"}))


def prefix(connected: dict) -> str:
    """The path of the URL, without the slash at its end."""
    return urlsplit(connected["url"]).path.rstrip("/")


def headers_of(seen: dict) -> dict[str, str]:
    return {name.lower(): value for name, value in seen["headers"]}


# Requests


@pytest.mark.parametrize("path, seen", [
    ("", "/"), ("/", "/"), ("?x", "/?x"), ("/a/b?x=1&y=%20", "/a/b?x=1&y=%20"), ("//double/%2e%2e/%zz", "//double/%2e%2e/%zz"),
])
def test_the_token_is_taken_off_and_the_rest_is_left_alone(backends, connected, path, seen):
    """Acceptance 5."""
    answer = http.fetch(backends.proxy, prefix(connected) + path)
    assert (answer.status, answer.json["target"]) == (200, seen)
    assert headers_of(answer.json)["x-verified-path"] == prefix(connected) + path.split("?")[0]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods_pass(backends, connected, method):
    assert backends.fetch(connected, "m", method=method).json["method"] == method


def test_a_header_block_may_have_64_kib_where_backends_have_ports_of_their_own(backends, connected):
    """On the front door it is 16 KiB as for all."""
    is_own = backends.proxy is not backends.server.front_door
    fields = {f"X-{number}": "v" * 6000 for number in range(10)}
    answer = http.fetch(backends.proxy, prefix(connected) + "/", headers=fields)
    assert answer.status == (200 if is_own else 431)
    if is_own:
        assert headers_of(answer.json)["x-9"] == "v" * 6000
    too_many = fields | {"X-10": "v" * 6000}
    assert http.fetch(backends.proxy, prefix(connected) + "/", headers=too_many).status == 431
    assert http.fetch(backends.api, "/v2/backend/nobody/status", headers=fields).status == 404


def test_head_has_no_body(backends, connected):
    connection = Connection(backends.proxy)
    for _ in range(2):
        answer = connection.request("HEAD", prefix(connected) + "/h")
        assert answer.status == 200 and int(answer.headers["content-length"]) > 0
    assert connection.request("GET", prefix(connected) + "/g").json["method"] == "GET"


def test_a_mebibyte_passes_both_ways(backends, connected):
    body = os.urandom(1 << 20)
    seen = backends.fetch(connected, "up", method="POST", body=body).json
    assert (seen["length"], seen["digest"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert backends.fetch(connected, "echo", method="POST", body=body).body == body


def test_a_chunked_body_passes(backends, connected):
    connection = Connection(backends.proxy)
    connection.send(http.head("POST", prefix(connected) + "/c", backends.proxy, {"Transfer-Encoding": "chunked"}))
    for piece in (b"one", b"two", b"three"):
        connection.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    connection.send(b"0\r\n\r\n")
    seen = connection.answer().json
    assert (seen["length"], seen["digest"]) == (11, hashlib.sha256(b"onetwothree").hexdigest())


def test_a_body_streams_both_ways_at_once(backends, connected):
    """A piece comes back before the next is sent."""
    connection = Connection(backends.proxy)
    connection.send(http.head("POST", prefix(connected) + "/echo", backends.proxy, {"Transfer-Encoding": "chunked"}))
    pieces = None
    for word in (b"first", b"second", b"third"):
        connection.send(f"{len(word):x}\r\n".encode() + word + b"\r\n")
        if pieces is None:
            assert connection.head_of_answer().status == 200
            pieces = connection.chunks()
        assert next(pieces) == word
    connection.send(b"0\r\n\r\n")
    assert list(pieces) == []


def test_events_come_as_they_are_sent(backends, connected):
    connection = Connection(backends.proxy)
    connection.send(http.head("GET", prefix(connected) + "/ticks?count=3&pause=0.3", backends.proxy))
    assert connection.head_of_answer().headers["content-type"] == "text/event-stream"
    times = [time.monotonic() for _ in connection.chunks()]
    assert len(times) == 3 and times[2] - times[0] > 0.4


def test_several_requests_on_one_connection(backends, connected):
    connection = Connection(backends.proxy)
    for number in range(50):
        assert connection.request("GET", f"{prefix(connected)}/{number}").json["target"] == f"/{number}"
    connection.send(b"".join(http.head("GET", f"{prefix(connected)}/{n}", backends.proxy) for n in range(5)))
    assert [connection.answer().json["target"] for _ in range(5)] == [f"/{n}" for n in range(5)]


def test_a_connection_may_be_used_for_others_in_between(backends, connected):
    connection = Connection(backends.proxy)
    assert connection.request("GET", prefix(connected) + "/a").status == 200
    assert connection.request("GET", prefix(connected)[:-3] + "xyz/").status == 410
    assert connection.request("GET", prefix(connected) + "/b").json["target"] == "/b"


def test_redirects_and_repeated_cookies_stay(backends, connected):
    answer = backends.fetch(connected, "redirect")
    assert (answer.status, answer.headers["location"]) == (302, "elsewhere?x=1")
    connection = Connection(backends.proxy)
    connection.send(http.head("GET", prefix(connected) + "/cookies", backends.proxy))
    head = connection._until(b"\r\n\r\n").decode()
    assert [line for line in head.split("\r\n") if line.lower().startswith("set-cookie")] == [
        "Set-Cookie: a=1; Path=/",
        "Set-Cookie: b=2; Path=/",
    ]


def test_http_1_0_clients_get_an_end(backends, connected):
    connection = Connection(backends.proxy)
    connection.send(f"GET {prefix(connected)}/ticks?pause=0 HTTP/1.0\r\nHost: {backends.proxy.authority}\r\n\r\n")
    answer = connection.head_of_answer()
    assert "transfer-encoding" not in answer.headers
    assert connection.is_closed() and connection.unread == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"


def test_connect_and_http_2_are_not_tunnelled(backends, connected):
    assert http.fetch(backends.proxy, prefix(connected) + "/x", method="CONNECT").status in (400, 501)
    seen = backends.fetch(connected, "x", headers={"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "x"}).json
    assert not {"upgrade", "http2-settings"} & headers_of(seen).keys()


def test_a_client_may_wait_for_a_continue(backends, connected):
    connection = Connection(backends.proxy)
    connection.send(
        http.head("POST", prefix(connected) + "/x", backends.proxy, {"Expect": "100-continue", "Content-Length": "3"})
    )
    assert connection.head_of_answer().status == 100
    connection.send(b"abc")
    assert connection.answer().json["length"] == 3


# Headers


def test_the_backend_hears_who_it_is(backends, connected):
    """Acceptance 6."""
    bob = backends.connect(key="proxy", user="боб", auth={"имя": "Боб", "n": [1, None]})
    for connection, user, auth in ((connected, "alice", {"role": "editor"}), (bob, "боб", {"имя": "Боб", "n": [1, None]})):
        seen = headers_of(backends.fetch(connection, "who").json)
        assert seen["x-verified-username"] == user
        assert json.loads(seen["x-verified-user-data"]) == auth and seen["x-verified-user-data"].isascii()
        assert seen["x-verified-backend"] == connection["backend_id"]
        assert seen["x-verified-secret"] == connection["secret_token"]
    nobody = backends.connect(key="proxy")
    seen = headers_of(backends.fetch(nobody, "who").json)
    assert "x-verified-username" not in seen and seen["x-verified-user-data"] == "{}"


def test_forged_headers_vanish(backends, connected):
    forged = {
        "X-Verified-Username": "mallory", "x-VERIFIED-anything": "1", "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Proto": "https", "X-Mine": "kept", "Connection": "X-Dropped", "X-Dropped": "1",
    }
    answer = backends.fetch(connected, "forged", headers=forged).json
    seen = headers_of(answer)
    assert seen["x-verified-username"] == "alice" and "x-verified-anything" not in seen
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert seen["x-mine"] == "kept" and "x-dropped" not in seen
    assert seen["host"] == urlsplit(connected["url"]).netloc
    assert len([name for name, _ in answer["headers"] if name.lower() == "x-verified-username"]) == 1


def test_pages_of_other_origins_may_read_what_says_nothing_of_them(backends, connected):
    plain = backends.fetch(connected, "plain")
    assert CORS.items() <= plain.headers.items()
    assert plain.headers["x-plane-backend-id"] == connected["backend_id"] and plain.headers["server"] == "parley"
    own = backends.fetch(connected, "cors")
    assert own.headers["access-control-allow-origin"] == "https://one.example"
    assert "access-control-allow-methods" not in own.headers


def test_a_body_cannot_be_passed_off_as_a_request(backends, connected):
    """Whatever Connection names, the length of a message stays."""
    smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\nx-verified-username: mallory\r\n\r\n".encode()
    fields = {"Connection": "content-length", "Content-Length": str(len(smuggled))}
    connection = Connection(backends.proxy)
    connection.send(http.head("POST", prefix(connected) + "/outer", backends.proxy, fields) + smuggled)
    seen = connection.answer().json
    assert (seen["target"], seen["length"]) == ("/outer", len(smuggled))
    assert connection.request("GET", prefix(connected) + "/next").json["target"] == "/next"
    fields = {"Connection": "Upgrade", "Upgrade": "websocket", "Transfer-Encoding": "chunked"}
    connection = Connection(backends.proxy)
    connection.send(http.head("POST", prefix(connected) + "/outer", backends.proxy, fields))
    connection.send(f"{len(smuggled):x}\r\n".encode() + smuggled + b"\r\n0\r\n\r\n")
    assert connection.answer().status == 400


def test_a_client_of_1_0_need_not_name_a_host(backends, connected):
    """RFC 9112 §3.2; the backend, which is spoken to in 1.1, hears one."""
    connection = Connection(backends.proxy)
    connection.send(f"GET {prefix(connected)}/old HTTP/1.0\r\n\r\n")
    answer = connection.answer()
    assert (answer.status, answer.json["target"]) == (200, "/old")
    headers = headers_of(answer.json)
    assert headers["host"].startswith("127.0.0.1:") and "x-forwarded-host" not in headers


# No way through


def test_unknown_tokens_are_gone(backends, connected):
    """Acceptance 7."""
    path = prefix(connected)[: -len(connected["token"])] + "A" * 43
    answer = http.fetch(backends.proxy, path + "/x")
    assert (answer.status, answer.body) == (410, b"") and CORS.items() <= answer.headers.items()
    assert http.upgrade(backends.proxy, path + "/ws").status == 410


def test_the_root_is_nothing(backends, connected):
    path = prefix(connected)[: -len(connected["token"])]
    answer = http.fetch(backends.proxy, path)
    assert answer.status == 400 and CORS.items() <= answer.headers.items()
    assert http.fetch(backends.proxy, path + "ready").status == 200


def test_a_request_right_after_connect_waits_for_the_backend(backends):
    """Acceptance 5."""
    connected = backends.spawn(START_DELAY="1.5")
    assert backends.fetch(connected, "early", method="POST", body=b"body").json["length"] == 4


def test_refusals_have_a_sentence(backends, connected):
    for path, fields, status in (
        (prefix(connected)[: -len(connected["token"])], {}, 400),
        (prefix(connected) + "/x", {"Transfer-Encoding": "chunked", "Connection": "Upgrade", "Upgrade": "x"}, 400),
    ):
        answer = http.fetch(backends.proxy, path, headers=fields)
        assert answer.status == status and answer.text.startswith("Expected ") and answer.text.endswith("\n")


async def test_a_websocket_right_after_connect_waits_for_the_backend(backends):
    connected = await asyncio.to_thread(backends.spawn, START_DELAY="1.5")
    async with websocket(url_of(backends, connected, "ws")) as socket:
        await socket.send("early")
        assert await socket.recv() == "early"


def test_a_held_request_hears_that_the_backend_has_ended(backends):
    connected = backends.spawn(NEVER_LISTENS="1")
    connection = Connection(backends.proxy)
    connection.send(http.head("GET", prefix(connected) + "/", backends.proxy))
    backends.states(connected["backend_id"], "waiting")
    backends.terminate(connected["backend_id"], hard=True)
    assert connection.answer().status == 410


def test_requests_that_are_given_up_make_room_for_others(backends):
    """A thousand may be held for a backend that starts."""
    connected = backends.spawn(START_DELAY="3")
    for _ in range(5):
        held = [Connection(backends.proxy) for _ in range(250)]
        for connection in held:
            connection.send(http.head("GET", prefix(connected) + "/", backends.proxy))
        for connection in held:
            connection.reset()
    assert backends.fetch(connected, "after").status == 200


def test_garbage_behind_a_request_is_no_part_of_its_answer(backends, connected):
    connection = Connection(backends.proxy)
    connection.send(http.head("POST", prefix(connected) + "/echo", backends.proxy, {"Transfer-Encoding": "chunked"}))
    connection.send(b"5\r\nhello\r\n")
    assert connection.head_of_answer().status == 200
    assert next(connection.chunks()) == b"hello"
    connection.send(b"garbage\r\n\r\n")
    assert connection.is_closed()
    assert b"HTTP/1.1" not in connection.unread


def test_a_backend_that_dies_before_it_answers_is_a_bad_gateway(backends):
    connected = backends.ready(backends.connect())
    answer = backends.fetch(connected, "dies")
    assert answer.status == 502 and CORS.items() <= answer.headers.items()


def test_an_answer_that_breaks_off_does_not_look_whole(backends):
    connected = backends.ready(backends.connect())
    connection = Connection(backends.proxy)
    connection.send(http.head("GET", prefix(connected) + "/breaks-off", backends.proxy))
    assert connection.head_of_answer().headers["content-length"] == "1000"
    assert connection.read(4) == b"half"
    assert connection.is_closed() and connection.unread == b""


def test_a_client_that_goes_leaves_nothing_behind(backends, connected):
    for number in range(20):
        connection = Connection(backends.proxy)
        connection.send(http.head("GET", prefix(connected) + "/ticks?count=1000", backends.proxy))
        connection.head_of_answer()
        connection.reset() if number % 2 else connection.socket.close()
    assert backends.fetch(connected, "after").status == 200


# WebSocket and others


def url_of(backends: Backends, connected: dict, path: str) -> str:
    return backends.proxy.ws(f"{prefix(connected)}/{path}")


async def test_a_websocket_is_passed_through(backends, connected):
    """Acceptance 7."""
    async with websocket(url_of(backends, connected, "ws"), subprotocols=["first", "second"], max_size=None) as socket:
        assert socket.subprotocol == "second"
        for message in ("text", b"\x00binary", "x" * 200_000, os.urandom(200_000)):
            await socket.send(message)
            assert await socket.recv() == message
        await asyncio.wait_for(await socket.ping(), 5)
        await socket.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as you wish")


def test_a_frame_right_behind_the_handshake_is_passed_on(backends, connected):
    """In the same segment: whoever does not wait for the answer loses nothing."""
    connection = Connection(backends.proxy)
    connection.send(handshake(backends.proxy, prefix(connected) + "/ws") + frame(TEXT, b"hello"))
    assert connection.head_of_answer().status == 101
    while len(connection.unread) < 7:
        connection.unread += connection.socket.recv(4096)
    assert connection.unread == frame(TEXT, b"hello", masked=False)


async def test_many_websockets_at_once(backends, connected):
    async def one(number: int) -> None:
        async with websocket(url_of(backends, connected, "ws")) as socket:
            for count in range(20):
                await socket.send(f"{number} {count}")
                assert await socket.recv() == f"{number} {count}"

    await asyncio.gather(*map(one, range(30)))


async def test_a_refused_upgrade_keeps_its_answer(backends, connected):
    with pytest.raises(InvalidStatus) as refused:
        await websocket(url_of(backends, connected, "not-a-socket"))
    assert refused.value.response.status_code == 200 and json.loads(refused.value.response.body)["target"] == "/not-a-socket"


def test_any_other_protocol_passes_too(backends, connected):
    connection = Connection(backends.proxy)
    fields = {"Connection": "keep-alive, Upgrade", "Upgrade": "shout"}
    connection.send(http.head("GET", prefix(connected) + "/raw", backends.proxy, fields))
    answer = connection.head_of_answer()
    assert (answer.status, answer.headers["upgrade"]) == (101, "shout")
    assert connection.read(6) == b"hello\n"
    connection.send("quietly")
    assert connection.read(7) == b"QUIETLY"


@pytest.mark.slow
def test_a_tunnel_ends_behind_its_last_byte_however_slowly_that_is_read(backends, connected):
    """At a few kilobytes a second, for longer than one that reads nothing is waited for."""
    connection = Connection(Address(backends.proxy.host, backends.proxy.port), small_buffers=True)
    total = 1 << 18
    fields = {"Connection": "Upgrade", "Upgrade": "pour"}
    connection.send(http.head("GET", prefix(connected) + f"/pours?bytes={total}", backends.proxy, fields))
    assert connection.head_of_answer().status == 101
    for _ in range(120):
        connection.read(1000)
        time.sleep(0.1)
    assert connection.read(total - 120_000) == bytes(total - 120_000)
    assert connection.is_closed()


async def test_sockets_end_with_their_backend(backends):
    connected = await asyncio.to_thread(lambda: backends.ready(backends.connect()))
    async with websocket(url_of(backends, connected, "ws")) as socket:
        await socket.send("x")
        await socket.recv()
        await asyncio.to_thread(backends.terminate, connected["backend_id"], True)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 10)


async def test_revocation_closes_open_sockets(backends):
    """Decision 14."""
    alice, bob = [
        await asyncio.to_thread(lambda user=user: backends.ready(backends.connect(key="revoke", user=user)))
        for user in ("alice", "bob")
    ]
    async with websocket(url_of(backends, alice, "ws")) as hers, websocket(url_of(backends, bob, "ws")) as his:
        body = {"backend_id": alice["backend_id"], "user": "alice"}
        assert (await asyncio.to_thread(backends.ask, "POST", "/ctrl/b/revoke", body)).status == 200
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(hers.recv(), 10)
        await his.send("still here")
        assert await his.recv() == "still here"


def test_a_slow_reader_does_not_fill_the_memory(backends, connected):
    """The backend is read as fast as the client reads."""
    connection = Connection(Address(backends.proxy.host, backends.proxy.port), small_buffers=True)
    connection.send(http.head("POST", prefix(connected) + "/echo", backends.proxy, {"Transfer-Encoding": "chunked"}))
    piece = bytes(1 << 16)
    connection.socket.settimeout(1)
    sent = 0
    try:
        while sent < 256 << 20:
            connection.send(b"10000\r\n" + piece + b"\r\n")
            sent += len(piece)
    except TimeoutError:
        pass
    assert sent < 64 << 20, f"{sent >> 20} MiB were taken from a client that reads nothing"
    assert backends.fetch(connected, "others").status == 200
