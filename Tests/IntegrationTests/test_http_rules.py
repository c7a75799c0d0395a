"""What RFC 9110 and 9112 ask of a server, on every listener; and answers that must not be lost, whatever follows."""

import re
import socket

import pytest

from support import http, tokens
from support.http import Connection

LISTENERS = ["front_door", "channel_server", "disposable_chat", "gateway", "sockets", "backends_api", "backends_proxy"]
DATE = re.compile(r"^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
# A path that each listener answers with a body, whatever its status.
PATHS = {"gateway": "/health", "sockets": "/", "backends_api": "/v2/auth", "backends_proxy": "/nobody"}


SERVER_SETTINGS = {
    "GATEWAY_PORT": "0",
    "WEBSOCKET_PORT": "0",
    "BACKENDS_API_PORT": "0",
    "BACKENDS_PROXY_PORT": "0",
}


@pytest.fixture(params=LISTENERS)
def listener(request, shared_server):
    return request.param, shared_server.addresses[request.param]


def path_of(name: str) -> str:
    return PATHS.get(name, "/health")


def ask(address, text: str | bytes, count: int = 1, methods: str = "GET") -> list[http.Answer]:
    connection = Connection(address)
    connection.send(text)
    return [connection.answer(to=methods) for _ in range(count)]


def request(path: str, *fields: str, method: str = "GET", version: str = "1.1", host: str = "Host: x") -> str:
    return "\r\n".join([f"{method} {path} HTTP/{version}", *filter(None, [host]), *fields, "", ""])


# Every answer


def test_every_answer_has_a_date(listener):
    """RFC 9110 §6.6.1; refusals of the connection, too."""
    name, address = listener
    for text in (request(path_of(name)), request("/a b"), request("/", host="")):
        (answer,) = ask(address, text)
        assert DATE.match(answer.headers.get("date", "")), (answer.status, answer.headers)


def test_an_answer_to_head_has_no_body(listener):
    """RFC 9110 §9.3.2: what follows on the connection is the next answer."""
    name, address = listener
    connection = Connection(address)
    connection.send(request(path_of(name), method="HEAD") + request(path_of(name)))
    first, second = connection.answer(to="HEAD"), connection.answer()
    assert first.status == second.status or first.status in (404, 405)
    assert second.version.startswith("HTTP/1.1")


def test_a_refusal_of_head_has_no_body(listener):
    name, address = listener
    connection = Connection(address)
    connection.send(request("/", "Expect: tea", method="HEAD"))
    assert connection.answer(to="HEAD").status == 417
    assert connection.is_closed()
    assert connection.unread == b""


def test_a_client_of_1_0_is_told_that_its_connection_is_kept(listener):
    """RFC 9112 §9.3."""
    name, address = listener
    (kept,) = ask(address, request(path_of(name), "Connection: keep-alive", version="1.0"))
    assert kept.headers.get("connection", "").lower() in ("keep-alive", "close")
    connection = Connection(address)
    connection.send(request(path_of(name), version="1.0"))
    connection.answer()
    assert connection.is_closed()


# Every request

TARGETS = {
    "a whole URL": ("http://x{path}", True),
    "a whole URL of another scheme": ("ftp://x{path}", False),
    "neither": ("x", False),
    "an asterisk for GET": ("*", False),
    "a fragment": ("{path}#part", False),
}


@pytest.mark.parametrize("case", TARGETS)
def test_a_target_is_a_path_or_a_whole_url(listener, case):
    """RFC 9112 §3.2."""
    name, address = listener
    target, is_good = TARGETS[case]
    (plain,) = ask(address, request(path_of(name)))
    (answer,) = ask(address, request(target.format(path=path_of(name))))
    assert answer.status == (plain.status if is_good else 400)


MALFORMED = {
    "a host with a blank": (request("/", host="Host: a b"), 400),
    "a host with a path": (request("/", host="Host: a/b"), 400),
    "a host with a user": (request("/", host="Host: u@a"), 400),
    "no host": (request("/", host=""), 400),
    "chunks in 1.0": (request("/", "Transfer-Encoding: chunked", method="POST", version="1.0") + "0\r\n\r\n", 400),
    "another coding": (request("/", "Transfer-Encoding: gzip, chunked", method="POST") + "0\r\n\r\n", 501),
    "an unknown method": (request("/", method="BREW"), 501),
    "another expectation": (request("/", "Expect: tea"), 417),
    "CONNECT": (request("a:443", method="CONNECT"), 501),
    "another version": (request("/", version="2.0"), 505),
    "lines that end with LF alone": (request("/").replace("\r\n", "\n"), 400),
    "a field that ends with LF alone": ("GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_request_is_refused(listener, case):
    text, status = MALFORMED[case]
    (answer,) = ask(listener[1], text)
    assert answer.status == status, answer.body
    assert answer.headers["connection"].lower() == "close"


@pytest.mark.parametrize("version", ["1.2", "1.9"])
@pytest.mark.parametrize("dripping", [False, True])
def test_a_higher_minor_version_is_read_as_1_1(listener, version, dripping):
    """RFC 9110 §2.5."""
    name, address = listener
    (plain,) = ask(address, request(path_of(name)))
    connection = Connection(address)
    for _ in range(2):
        text = request(path_of(name), version=version)
        if dripping:
            connection.drip(text)
        else:
            connection.send(text)
        answer = connection.answer()
        assert (answer.version, answer.status) == ("HTTP/1.1", plain.status)


def test_a_client_of_1_0_need_not_name_a_host(listener):
    """RFC 9112 §3.2: clients of 1.1 must."""
    name, address = listener
    (plain,) = ask(address, request(path_of(name)))
    (answer,) = ask(address, request(path_of(name), version="1.0", host=""))
    assert answer.status == plain.status


@pytest.mark.parametrize("blank", [" ", "\t", "  \t "])
def test_blanks_behind_a_value_are_no_part_of_it(shared_server, room, blank):
    """RFC 9110 §5.5."""
    fields = {name: value + blank for name, value in http.upgrade_headers().items()} | {"Host": f"x{blank}"}
    connection = Connection(shared_server.front_door)
    assert connection.request("GET", f"/relay/{room}", fields).status == 101


@pytest.mark.parametrize(
    "path", ["/relay/{room}", "/ws?name=alice&room={room}", "/channels", "/?token={token}", "/relay"]
)
def test_a_handshake_may_name_its_whole_url(shared_server, room, path):
    """RFC 9112 §3.2.2: servers must accept the absolute form."""
    path = path.format(room=room, token=tokens.token("alice", room))
    target = f"http://{shared_server.front_door.authority}{path}"
    assert Connection(shared_server.front_door).request("GET", target, http.upgrade_headers()).status == 101


@pytest.mark.parametrize("name", ["Sec-WebSocket-Key", "Sec-WebSocket-Version", "Origin"])
def test_a_handshake_has_each_of_its_fields_once(shared_server, room, name):
    """RFC 6455 §11.3."""
    fields = http.upgrade_headers(Origin="http://a.test")
    lines = [f"{key}: {value}" for key, value in fields.items()] + [f"{name}: {fields[name]}"]
    (answer,) = ask(shared_server.front_door, request(f"/relay/{room}", *lines))
    assert answer.status == 400


# An offer to upgrade that nobody takes up


@pytest.mark.parametrize("protocol", ["h2c", "TLS/1.2", "foo", "h2c, foo", "HTTP/3"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_offer_to_upgrade_is_not_heard(listener, protocol, method):
    """RFC 9110 §7.8: answered as if it were not there, and the connection goes on."""
    name, address = listener
    if name == "backends_proxy":
        pytest.skip("an upgrade goes on to the backend, if there is one")
    offer = ["Connection: Upgrade, HTTP2-Settings", f"Upgrade: {protocol}", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"]
    body = "" if method == "GET" else "{}"
    length = [] if method == "GET" else ["Content-Length: 2"]
    (plain,) = ask(address, request(path_of(name), *length, method=method) + body)
    connection = Connection(address)
    connection.send(request(path_of(name), *length, *offer, method=method) + body)
    first = connection.answer()
    assert first.status == plain.status
    if first.headers.get("connection", "").lower() == "close":
        return
    for _ in range(2):
        assert connection.request("GET", path_of(name)).status == ask(address, request(path_of(name)))[0].status


def test_requests_behind_an_offer_in_one_segment_are_answered(shared_server):
    offer = ["Connection: Upgrade", "Upgrade: h2c"]
    text = request("/health", *offer) + request("/healthz") + request("/health", *offer) + request("/readyz")
    assert [answer.status for answer in ask(shared_server.front_door, text, 4)] == [200] * 4


@pytest.mark.parametrize(
    "field",
    ["Upgrade:", "Upgrade: ,", "Upgrade: foo", "Upgrade:\r\nConnection: upgrade", "Upgrade: foo\r\nProxy-Connection: upgrade"],
)
def test_whatever_follows_an_odd_offer_is_answered(listener, field):
    """In the same segment, and begun in it."""
    name, address = listener
    if name == "backends_proxy" and "Connection: upgrade" in field:
        pytest.skip("an upgrade goes on to the backend, if there is one")
    first, second = request(path_of(name), field), request(path_of(name))
    for pieces in ([first + second], [first + second[:7], second[7:]]):
        connection = Connection(address)
        connection.send(pieces[0])
        statuses = [connection.answer().status]
        for piece in pieces[1:]:
            connection.send(piece)
        statuses.append(connection.answer().status)
        assert statuses[0] == statuses[1]


WEBSOCKET = [
    ("front_door", "/"),
    ("front_door", "/relay"),
    ("front_door", "/relay/x"),
    ("front_door", "/channels"),
    ("front_door", "/events"),
    ("front_door", "/ws?name=alice&room=abcd"),
    ("front_door", "/ws?token=x"),
    ("channel_server", "/"),
    ("channel_server", "/any/path"),
    ("disposable_chat", "/ws?name=alice&room=abcd"),
    ("gateway", "/ws"),
    ("gateway", "/ws?token=x"),
]


@pytest.mark.parametrize("listener_name, path", WEBSOCKET)
def test_where_websocket_is_spoken_a_plain_request_is_426(shared_server, listener_name, path):
    address = shared_server.addresses[listener_name]
    for fields in ({}, {"Connection": "Upgrade", "Upgrade": "h2c"}):
        answer = http.fetch(address, path, headers=fields)
        assert (answer.status, answer.headers["upgrade"]) == (426, "websocket")
    assert http.fetch(address, path, method="HEAD").status == 426


def test_the_gateway_speaks_websocket_where_it_is_told_to(server):
    address = server(GATEWAY_PORT=0, WEBSOCKET_PATH="/native").addresses["gateway"]
    assert http.fetch(address, "/native").status == 426
    assert http.fetch(address, "/ws").status == 404


# Bodies that nobody reads

AT_THE_HEAD = [
    ("front_door", "POST", "/api/login", 413),
    ("front_door", "POST", "/api/login/", 413),
    ("front_door", "POST", "/api/rooms", 413),
    ("front_door", "POST", "/api/auth/acquire-session", 413),
    ("front_door", "POST", "/api/emit", 404),
    ("front_door", "POST", "/api/auth/link", 404),
    ("front_door", "POST", "/nothing", 404),
    ("front_door", "POST", "/healthz", 405),
    ("front_door", "GET", "/healthz", 413),
    ("front_door", "GET", "/metrics", 413),
    ("front_door", "GET", "/relay/x", 426),
    ("front_door", "POST", "/@connections/x", 413),
    ("front_door", "GET", "/@connections/x", 413),
    ("front_door", "DELETE", "/@connections/x", 413),
    ("front_door", "POST", "/v2/backend/x/terminate", 413),
    ("front_door", "GET", "/socket.io/?EIO=4&transport=polling", 200),
    ("front_door", "POST", "/socket.io/?EIO=4&transport=polling&sid=x", 400),
    ("channel_server", "GET", "/health", 413),
    ("channel_server", "POST", "/@connections/x", 413),
    ("disposable_chat", "GET", "/health", 413),
    ("gateway", "GET", "/health", 413),
    ("gateway", "POST", "/api/auth/logout", 413),
    ("gateway", "POST", "/api/ai/chat", 413),
    ("gateway", "POST", "/api/emit/", 404),
    ("gateway", "POST", "/@connections/x", 404),
    ("sockets", "POST", "/", 200),
    ("backends_api", "GET", "/v2/auth", 404),
    ("backends_api", "POST", "/v2/backend/x/terminate", 413),
    ("backends_proxy", "POST", "/nobody", 410),
]


@pytest.mark.parametrize("listener_name, method, path, status", AT_THE_HEAD)
def test_a_body_larger_than_its_route_takes_is_refused_at_its_head(shared_server, listener_name, method, path, status):
    """Decision 4: nothing of it is waited for."""
    connection = Connection(shared_server.addresses[listener_name])
    connection.send(request(path, "Content-Length: 1000000", method=method))
    answer = connection.answer(to=method)
    assert answer.status == status and "close" in answer.headers["connection"].lower()


def test_a_handshake_has_no_body(shared_server, room):
    connection = Connection(shared_server.front_door)
    fields = http.upgrade_headers() | {"Content-Length": "1000000"}
    assert connection.request("GET", f"/relay/{room}", fields).status == 413


# Answers that were made are sent


FOLLOWERS = {
    "garbage": b"\x00\x01\x02 nonsense\r\n\r\n",
    "a broken request": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "a line end": b"\r\n",
    "half a request": b"GET /hea",
    "the rest of a longer body": b"more than was announced",
}


@pytest.mark.parametrize("follower", FOLLOWERS)
@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/health", "/readyz"])
def test_whatever_follows_a_request_its_answer_comes_first(shared_server, path, follower):
    connection = Connection(shared_server.front_door)
    connection.send(request(path).encode() + FOLLOWERS[follower])
    assert connection.answer().status == 200


@pytest.mark.parametrize("follower", FOLLOWERS)
def test_whatever_follows_a_spawn_its_answer_comes_first(shared_server, follower):
    body = '{"key": "lost"}'
    text = request(
        "/v2/service/-/-/connect",
        "Authorization: Bearer x",
        f"Content-Length: {len(body)}",
        "Content-Type: application/json",
        method="POST",
    )
    connection = Connection(shared_server.addresses["backends_api"])
    connection.send((text + body).encode() + FOLLOWERS[follower])
    assert connection.answer(to="POST").status < 500


def test_behind_a_broken_request_nothing_is_answered_and_the_end_comes(shared_server):
    connection = Connection(shared_server.front_door)
    connection.send(request("/health").encode() + FOLLOWERS["a broken request"] + request("/healthz").encode())
    assert [connection.answer().status, connection.answer().status] == [200, 400]
    assert connection.is_closed()
    assert b"HTTP" not in connection.unread


def test_behind_close_everything_is_ignored(shared_server):
    connection = Connection(shared_server.front_door)
    connection.send(request("/healthz", "Connection: close").encode() + request("/health").encode() + b"garbage")
    assert connection.answer().status == 200
    assert connection.is_closed()
    assert b"HTTP" not in connection.unread


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/health", "/readyz", "/socket.io/?EIO=4&transport=polling"])
def test_a_client_that_has_said_all_gets_its_answers(shared_server, path):
    """A half-closed connection: request, then FIN."""
    connection = Connection(shared_server.front_door)
    connection.send(request(path) + request("/health"))
    connection.socket.shutdown(socket.SHUT_WR)
    assert [connection.answer().status, connection.answer().status] == [200, 200]
    assert connection.is_closed()


def test_a_gateway_client_that_has_said_all_gets_its_answer(shared_server):
    connection = Connection(shared_server.gateway)
    connection.send(request("/api/auth/acquire-session", "Content-Length: 2", method="POST") + "{}")
    connection.socket.shutdown(socket.SHUT_WR)
    assert connection.answer(to="POST").status == 200


def test_a_thousand_requests_in_one_segment_get_a_thousand_answers_in_order(shared_server):
    paths = ["/healthz", "/health", "/nothing", "/relay/x"]
    text = "".join(request(paths[number % 3]) for number in range(1000))
    connection = Connection(shared_server.front_door)
    connection.send(text)
    statuses = [connection.answer().status for _ in range(1000)]
    assert statuses == [[200, 200, 404][number % 3] for number in range(1000)]


def test_an_unknown_path_is_404_with_a_hint_and_a_place_for_websocket_426(shared_server):
    for path in ("/nothing", "/nothing/here?x=y"):
        answer = http.fetch(shared_server.front_door, path)
        assert answer.status == 404
        assert "/relay/{topic}" in answer.text
    for path in ("/", "/channels", "/relay/x"):
        assert http.fetch(shared_server.front_door, path).status == 426


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_an_asterisk_asks_about_the_server(shared_server, path):
    """RFC 9110 §9.3.7."""
    (answer,) = ask(shared_server.front_door, request("*", method="OPTIONS"), methods="OPTIONS")
    assert answer.status in (200, 204)
