"""Session backends: what the proxy makes of every byte of a message (RFC 9110, RFC 9112)."""

import re

import pytest

from support.backends import SETTINGS, Backends, configuration
from support.http import Connection
from support.raw_backend import RawBackend
from support.server import Server

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(scope="module")
def raw():
    backend = RawBackend()
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def backends(raw, tmp_path_factory):
    directory = tmp_path_factory.mktemp("bytes")
    settings = SETTINGS | {"BACKENDS_MODE": "dev"}
    file = configuration(directory, services={"default": raw.service})
    server = Server(directory, "--config", file, **settings).wait_until_listening()
    yield Backends(server)
    server.stop()


@pytest.fixture
def exchange(backends, raw):
    """One request, and its answer. Returns what the backend saw, and what the client got."""
    connected = backends.connect(key="raw")
    backends.states(connected["backend_id"], "ready")

    def run(fields: bytes = b"", answer: bytes = OK, version: str = "1.1", connection: Connection | None = None, method: str = "GET"):
        connection = connection or Connection(backends.proxy)
        raw.answers.put(answer)
        line = f"{method} /{connected['token']}/x HTTP/{version}\r\nHost: {backends.proxy.authority}\r\n".encode()
        connection.send(line + fields + b"\r\n")
        return raw.request(), connection

    run.token = connected["token"]
    return run


def fields_of(head: bytes) -> list[tuple[bytes, bytes]]:
    return [tuple(line.split(b": ", 1)) for line in head.split(b"\r\n")[1:]]


LATIN = [b"caf\xe9", b"\xff\xfe", "caf\u00e9 \u20ac".encode(), b"\xc3", b"\xed\xa0\x80", "\ufffd".encode(), "\uf7e9".encode(), bytes(range(0x80, 0x100))]


@pytest.mark.parametrize("value", LATIN)
def test_bytes_of_fields_pass_to_the_backend_as_they_came(exchange, value):
    head, connection = exchange(b"X-Mine: " + value + b"\r\n")
    assert (b"X-Mine", value) in fields_of(head)
    assert connection.answer().status == 200


@pytest.mark.parametrize("value", LATIN)
def test_bytes_of_fields_pass_to_the_client_as_they_came(exchange, value):
    _, connection = exchange(answer=b"HTTP/1.1 200 OK\r\nX-Mine: " + value + b"\r\nContent-Length: 2\r\n\r\nok")
    head = connection._until(b"\r\n\r\n")
    assert (b"X-Mine", value) in fields_of(head)
    assert connection.read(2) == b"ok"


def test_bytes_of_bodies_are_no_fields(exchange):
    body = b"\r\n\r\nX: caf\xe9\r\n\r\n\xff"
    _, connection = exchange(answer=b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert connection.answer().body == body


def test_an_interim_response_comes_before_the_final_one(exchange):
    _, connection = exchange(answer=b"HTTP/1.1 103 Early Hints\r\nLink: caf\xe9\r\n\r\n" + OK)
    early = connection._until(b"\r\n\r\n")
    assert early.startswith(b"HTTP/1.1 103 ") and (b"Link", b"caf\xe9") in fields_of(early)
    assert connection.answer().body == b"ok"


def test_clients_of_http_1_0_get_no_interim_response(exchange):
    """RFC 9110 §15.2."""
    _, connection = exchange(answer=b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK, version="1.0")
    answer = connection.answer()
    assert (answer.status, answer.body) == (200, b"ok")


def test_http_1_0_goes_on_when_it_says_so(exchange):
    """RFC 9112 §9.3."""
    connection = None
    for _ in range(3):
        _, connection = exchange(b"Connection: keep-alive\r\n", version="1.0", connection=connection)
        answer = connection.answer()
        assert answer.headers["connection"] == "keep-alive" and answer.body == b"ok"
    _, connection = exchange(version="1.0", connection=connection)
    assert connection.answer().headers["connection"] == "close" and connection.is_closed()


def test_http_1_0_ends_where_no_length_is_known(exchange):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    _, connection = exchange(b"Connection: keep-alive\r\n", answer=chunked, version="1.0")
    answer = connection.head_of_answer()
    assert answer.headers["connection"] == "close" and "transfer-encoding" not in answer.headers
    assert connection.is_closed() and connection.unread == b"ok"


def test_an_expectation_of_http_1_0_is_none(exchange):
    """RFC 9110 §10.1.1."""
    head, _ = exchange(b"Expect: 100-continue\r\n", version="1.0")
    assert b"expect" not in head.lower()


def test_the_proxy_says_that_it_is_on_the_way(exchange):
    """RFC 9110 §7.6.3."""
    assert (b"via", b"1.1 parley") in fields_of(exchange()[0])
    assert (b"via", b"1.0 parley") in fields_of(exchange(version="1.0")[0])
    assert (b"via", b"1.1 other, 1.1 parley") in fields_of(exchange(b"Via: 1.1 other\r\n")[0])


def test_an_answer_without_a_date_gets_one(exchange):
    """RFC 9110 §6.6.1."""
    _, connection = exchange()
    assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", connection.answer().headers["date"])
    _, connection = exchange(answer=b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n")
    assert connection.answer().headers["date"] == "Thu, 01 Jan 1970 00:00:00 GMT"


HOPS = (
    b"Connection: keep-alive, X-Mine, close-not\r\nX-Mine: 1\r\nclose-not: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers, gzip\r\n"
    b"Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic x\r\nProxy-Authenticate: Basic\r\nTrailer: X\r\nUpgrade: h2c\r\n"
)
HOP_NAMES = {
    b"connection", b"x-mine", b"close-not", b"keep-alive", b"te", b"proxy-connection", b"proxy-authorization",
    b"proxy-authenticate", b"trailer", b"upgrade",
}


def test_fields_of_a_connection_stay_on_it(exchange):
    """RFC 9110 §7.6.1, in both directions."""
    head, _ = exchange(HOPS + b"X-Kept: 1\r\n")
    names = {name.lower() for name, _ in fields_of(head)}
    assert b"x-kept" in names and not HOP_NAMES & names
    _, connection = exchange(answer=b"HTTP/1.1 200 OK\r\n" + HOPS + b"X-Kept: 1\r\nContent-Length: 2\r\n\r\nok")
    names = {name.lower() for name, _ in fields_of(connection._until(b"\r\n\r\n"))}
    assert b"x-kept" in names and not HOP_NAMES & names


@pytest.mark.parametrize("offer", [b"h2c", b"TLS/1.2", b"TLS/1.0, HTTP/1.1"])
def test_offers_that_are_no_business_of_a_backend_are_not_made(exchange, offer):
    head, connection = exchange(b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\nUpgrade: " + offer + b"\r\n")
    assert not {b"upgrade", b"http2-settings", b"connection"} & {name.lower() for name, _ in fields_of(head)}
    assert connection.answer().body == b"ok"


def test_a_trailer_says_nothing_of_the_message(exchange):
    """RFC 9110 §6.5.1."""
    trailers = b"X-Sum: 1\r\nSet-Cookie: a=1\r\nCache-Control: no-store\r\nKeep-Alive: 5\r\nX-Plus: 2\r\n"
    _, connection = exchange(answer=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n" + trailers + b"\r\n")
    connection.head_of_answer()
    assert connection._until(b"0\r\n") == b"2\r\nok\r\n"
    assert connection._until(b"\r\n\r\n") == b"X-Sum: 1\r\nX-Plus: 2"


SPELLINGS = [
    "X-Verified-Username", "X_Verified_Username", "x_verified-username", "X-VERIFIED.USERNAME", "X_Verified_Anything", "X_Forwarded_For",
    "X-Forwarded_Proto", "Forwarded", "FORWARDED", "X-Real-IP", "X_Real_Ip", "X-Forwarded-Host", "X-Forwarded-Port", "Proxy", "Content_Length",
    "Transfer_Encoding",
]


@pytest.mark.parametrize("name", SPELLINGS)
def test_no_spelling_of_our_fields_passes(exchange, name):
    head, connection = exchange(name.encode() + b": mallory\r\n")
    assert b"mallory" not in head
    assert connection.answer().status == 200
