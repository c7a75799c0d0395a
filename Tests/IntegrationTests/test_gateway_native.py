"""Event gateway, natively: the handshake, frames, limits, the end."""

import asyncio
import json
from urllib.parse import urlencode

import pytest

from support import gateway, http
from support.gateway import BAD_TOKEN, NATIVE_WAYS, TOKEN_REQUIRED, Native, bearer, name_of
from support.raw import BINARY, CONTINUATION, PING, TEXT, RawWebSocket, frame, handshake

SERVER_SETTINGS = gateway.SETTINGS
ACCEPTING = [
    ("sockets", "/"), ("sockets", "/ws"), ("sockets", "/any"), ("sockets", "/a/b/c"), ("gateway", "/ws"),
    ("front_door", "/events"), ("front_door", "/ws"),
]  # fmt: skip


@pytest.fixture
def token(shared_server) -> str:
    return gateway.acquire(shared_server.gateway)


@pytest.fixture(params=ACCEPTING, ids=lambda place: f"{place[0]}{place[1]}")
def place(request, shared_server):
    """Address and path."""
    listener, path = request.param
    return getattr(shared_server, listener), path


@pytest.fixture(params=NATIVE_WAYS, ids=name_of)
def way(request):
    return request.param


def raw_on(way, server, token: str, **options) -> RawWebSocket:
    """A raw connection that has read its greeting."""
    raw = RawWebSocket.open(getattr(server, way.listener), f"{way.path}?token={token}", **options)
    assert json.loads(raw.next(TEXT).payload)["event"] == "connected"
    return raw


# Authentication


async def test_a_token_in_the_query_opens_the_connection(place, token):
    """Acceptance 2, second half."""
    address, path = place
    client = await Native.open(address, f"{path}?token={token}")
    await client.expects_event("connected")
    await client.is_alive()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_token_in_the_header_opens_the_connection(place, token, scheme):
    """Acceptance 2, second half; decision: the scheme in any case."""
    address, path = place
    client = await Native.open(address, path, additional_headers={"Authorization": f"{scheme} {token}"})
    await client.expects_event("connected")
    await client.is_alive()


def refusal(address, path: str, **headers) -> tuple[int, str, str]:
    answer = http.upgrade(address, path, **headers)
    return answer.status, answer.headers["content-type"].split(";")[0], answer.text


# Without a token, `/ws` of the front door is not the gateway's (decision 1).
ALWAYS_THE_GATEWAYS = [place for place in ACCEPTING if place != ("front_door", "/ws")]


@pytest.mark.parametrize("listener, path", ALWAYS_THE_GATEWAYS)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic {token}"}, {"Authorization": "{token}"}])
def test_without_a_token_there_is_no_connection(shared_server, token, listener, path, headers):
    """Acceptance 2: 401, text/plain; decision: Bearer only."""
    headers = {name: value.format(token=token) for name, value in headers.items()}
    assert refusal(getattr(shared_server, listener), path, **headers) == (401, "text/plain", TOKEN_REQUIRED)


def test_a_cookie_is_no_token(shared_server, token):
    """Authentication, native: the query, else the header."""
    headers = {"Cookie": f"token={token}"}
    assert refusal(shared_server.sockets, "/", **headers) == (401, "text/plain", TOKEN_REQUIRED)


BAD_TOKENS = ["x", "A" * 43, "A" * 42, "A" * 44, "%00", "ü", "*", "a" * 4000]


@pytest.mark.parametrize("bad", BAD_TOKENS, ids=range(len(BAD_TOKENS)))
def test_a_wrong_token_is_refused(place, bad):
    """Acceptance 2."""
    address, path = place
    assert refusal(address, f"{path}?{urlencode({'token': bad})}") == (401, "text/plain", BAD_TOKEN)


def test_a_wrong_token_in_the_header_is_refused(place):
    """Acceptance 2."""
    address, path = place
    assert refusal(address, path, **bearer("A" * 43)) == (401, "text/plain", BAD_TOKEN)


def test_a_logged_out_token_is_refused(place, shared_server, token):
    """Acceptance 2."""
    address, path = place
    gateway.logout(shared_server.gateway, token)
    assert refusal(address, f"{path}?token={token}") == (401, "text/plain", BAD_TOKEN)
    assert refusal(address, path, **bearer(token)) == (401, "text/plain", BAD_TOKEN)


def test_the_query_wins_even_when_it_is_the_bad_one(place, token):
    """Authentication, native."""
    address, path = place
    assert refusal(address, f"{path}?token=bad", **bearer(token)) == (401, "text/plain", BAD_TOKEN)
    assert http.upgrade(address, f"{path}?token={token}", **bearer("bad")).status == 101


def test_the_origin_is_not_checked(place, token):
    """CORS, decision: the token protects."""
    address, path = place
    assert http.upgrade(address, f"{path}?token={token}", Origin="http://evil.test").status == 101


# Paths


@pytest.mark.parametrize("path", ["/", "/any", "/wsx", "/ws/x", "/api/auth/session"])
def test_on_the_main_port_native_is_on_its_path_alone(shared_server, token, path):
    """Detection, decision: a native upgrade elsewhere is 404."""
    assert http.upgrade(shared_server.gateway, f"{path}?token={token}").status == 404


async def test_the_path_is_configurable(server):
    """Configuration: WEBSOCKET_PATH."""
    started = server(**SERVER_SETTINGS, WEBSOCKET_PATH="/live")
    token = gateway.acquire(started.gateway)
    client = await Native.open(started.gateway, f"/live?token={token}")
    await client.expects_event("connected")
    assert http.upgrade(started.gateway, f"/ws?token={token}").status == 404
    assert "/live" in json.dumps(http.fetch(started.sockets, "/").json["usage"])


def test_disposable_chat_keeps_its_path_beside_a_token(shared_server, token, room):
    """Decision 1: `name` and `room` mean disposable chat."""
    raw = RawWebSocket.open(shared_server.front_door, f"/ws?name=Zoe&room={room}&token={token}")
    assert json.loads(raw.next(TEXT).payload)["type"] == "welcome"


def test_no_subprotocol_is_chosen(place, token):
    """The original chooses none."""
    address, path = place
    answer = http.upgrade(address, f"{path}?token={token}", Sec_WebSocket_Protocol="chat")
    assert answer.status == 101 and "sec-websocket-protocol" not in answer.headers


@pytest.mark.parametrize("change, status", [({"Sec_WebSocket_Version": "8"}, 426), ({"Sec_WebSocket_Key": "x"}, 400)])
def test_a_bad_handshake_is_refused(place, token, change, status):
    """RFC 6455 §4.2."""
    address, path = place
    assert http.upgrade(address, f"{path}?token={token}", **change).status == status


def test_the_handshake_may_arrive_byte_by_byte_and_a_frame_with_it(shared_server, token, way):
    """TCP is a stream."""
    raw = RawWebSocket(getattr(shared_server, way.listener))
    request = handshake(raw.address, f"{way.path}?token={token}")
    raw.drip(request[:-3])
    raw.send(request[-3:] + frame(TEXT, '{"event":"ping"}'))
    assert raw.answer().status == 101
    assert [json.loads(raw.next(TEXT).payload)["event"] for _ in range(2)] == ["connected", "pong"]


# Messages

UNREADABLE = ["{", "null", "", "hello", '{"event":"ping"}x', "[" * 10_000, '{"event":"ping",}', "{'event':'ping'}"]


@pytest.mark.parametrize("text", UNREADABLE, ids=range(len(UNREADABLE)))
async def test_what_is_no_json_or_null_fails_and_the_connection_lives(shared_server, token, way, text):
    """Acceptance 5."""
    client = await way.connect(shared_server, token)
    await client.sends(text)
    await client.expects('{"event":"error","data":{"error":"Failed to process message"}}')
    await client.is_alive()


@pytest.mark.parametrize("text", ["{}", '{"data":{"event":"ping"}}', '{"Event":"ping"}'])
async def test_without_an_event_the_type_is_undefined(shared_server, token, way, text):
    """Client -> server: `Unknown event type: undefined`."""
    client = await way.connect(shared_server, token)
    await client.sends(text)
    await client.expects('{"event":"error","data":{"error":"Unknown event type: undefined"}}')
    await client.is_alive()


@pytest.mark.parametrize("text", ["[]", "5", '"ping"', "true", '{"event":5}', '{"event":null}', '{"event":["ping"]}'])
async def test_json_of_another_shape_is_an_error_and_the_connection_lives(shared_server, token, way, text):
    """Acceptance 5."""
    client = await way.connect(shared_server, token)
    await client.sends(text)
    assert list(await client.expects_event("error")) == ["error"]
    await client.is_alive()


async def test_an_unknown_event_is_named(shared_server, token, way):
    """Acceptance 5, byte for byte."""
    client = await way.connect(shared_server, token)
    await client.sends('{"event":"x"}')
    await client.expects('{"event":"error","data":{"error":"Unknown event type: x"}}')


async def test_a_long_unknown_event_does_no_harm(shared_server, token, way):
    """Nothing that a peer sends can harm more than its connection."""
    client = await way.connect(shared_server, token)
    await client.emits('"\\' + "ü" * 100_000)
    assert "Unknown event type" in (await client.expects_event("error"))["error"]
    await client.is_alive()


async def test_other_keys_and_blanks_do_not_matter(shared_server, token, way):
    """Framing: JSON."""
    client = await way.connect(shared_server, token)
    await client.sends(' {\n "x": {"event": "info"}, "data": "hi", "event": "echo" } ')
    assert (await client.expects_event("echo_response"))["received"] == "hi"


async def test_a_binary_frame_is_read_as_text(shared_server, token, way):
    """Framing: binary frames are read as UTF-8."""
    client = await way.connect(shared_server, token)
    await client.sends('{"event":"echo","data":"ü ✓"}'.encode())
    assert (await client.expects_event("echo_response"))["received"] == "ü ✓"


async def test_a_message_may_come_in_fragments(shared_server, token, way):
    """RFC 6455 §5.4."""
    client = await way.connect(shared_server, token)
    await client.sends_fragments('{"event":"ec', 'ho","data":', '"in three"}')
    assert (await client.expects_event("echo_response"))["received"] == "in three"


def test_a_ping_frame_is_answered(shared_server, token, way):
    """RFC 6455 §5.5.2: beside the event of that name."""
    raw = raw_on(way, shared_server, token)
    assert raw.answers_ping()


# Limits


def echo_of(size: int) -> str:
    """An `echo` of exactly this many bytes."""
    message = '{"event":"echo","data":"%s"}'
    return message % ("x" * (size - len(message) + 2))


async def test_a_message_of_a_million_bytes_works_and_one_more_closes_1009(shared_server, token, way):
    """Lifecycle and limits: 1,000,000 bytes a message."""
    client = await way.connect(shared_server, token)
    await client.sends(echo_of(1_000_000))
    assert len((await client.expects_event("echo_response"))["received"]) > 999_900
    await client.sends(echo_of(1_000_001))
    await client.is_closed(1009)


async def test_the_limit_is_that_of_all_fragments(shared_server, token, way):
    """Lifecycle and limits: a message, not a frame."""
    client = await way.connect(shared_server, token)
    text = echo_of(1_000_001)
    await client.sends_fragments(*(text[start : start + 200_000] for start in range(0, len(text), 200_000)))
    await client.is_closed(1009)


MALFORMED = {
    "not masked": (frame(TEXT, "{}", masked=False), 1002),
    "a reserved bit": (frame(TEXT, "{}", rsv=0b010), 1002),
    "a continuation of nothing": (frame(CONTINUATION, "{}"), 1002),
    "a fragmented ping": (frame(PING, fin=False), 1002),
    "a long ping": (frame(PING, b"x" * 126), 1002),
    "text that is not UTF-8": (frame(TEXT, b'{"event":"\xff"}'), 1007),
    "a length of a gibibyte": (frame(TEXT, length_bits=64, declared=1 << 30), 1009),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_frame_closes_only_its_sender(shared_server, token, way, case):
    """RFC 6455 §5 and §7.4."""
    data, code = MALFORMED[case]
    witness, offender = (raw_on(way, shared_server, token) for _ in range(2))
    offender.send(data)
    assert offender.close_code() == code
    assert witness.answers_ping()


def test_binary_that_is_not_utf8_harms_nobody(shared_server, token, way):
    """Framing: binary frames are read as UTF-8."""
    raw = raw_on(way, shared_server, token)
    raw.send_frame(BINARY, b'{"event":"\xff"}')
    answer = raw.read_frame()
    assert answer.close_code == 1007 if answer.opcode != TEXT else b'"event":"error"' in answer.payload


async def test_too_many_events_are_an_error_and_then_the_end(server, way):
    """Lifecycle and limits: RATE_LIMIT_EVENTS."""
    started = server(**SERVER_SETTINGS, RATE_LIMIT_EVENTS=5)
    client = await way.connect(started, gateway.acquire(started.gateway))
    for _ in range(50):
        await client.emits("ping")
    pongs = 0
    while (received := await client.next_event())[0] == "pong":
        pongs += 1
    assert received == ("error", {"error": "Rate limit exceeded"})
    assert 5 <= pongs <= 15
    await client.is_closed(1008)


async def test_who_stays_below_the_rate_limit_is_not_disturbed(server, way):
    """Lifecycle and limits: RATE_LIMIT_EVENTS is per second and connection."""
    started = server(**SERVER_SETTINGS, RATE_LIMIT_EVENTS=5)
    token = gateway.acquire(started.gateway)
    first, second = [await way.connect(started, token) for _ in range(2)]
    for _ in range(2):
        for client in (first, second):
            for _ in range(4):
                await client.is_alive()
        await asyncio.sleep(1.1)  # the spec's own unit
    await first.is_alive()


async def test_by_default_there_is_no_rate_limit(shared_server, token, way):
    """Lifecycle and limits: 0 is off."""
    client = await way.connect(shared_server, token)
    for _ in range(500):
        await client.emits("ping")
    for _ in range(500):
        await client.expects_event("pong")


# The end


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_ping_comes_every_25_seconds_and_20_later_the_silent_are_dropped(shared_server, token):
    """Lifecycle and limits, decision."""
    raw = raw_on(NATIVE_WAYS[1], shared_server, token)
    assert not raw.is_closed(within=24)
    assert not raw.unread
    assert not raw.is_closed(within=3)
    assert raw.next(PING)
    assert not raw.is_closed(within=15)
    assert raw.is_closed(within=8)


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_who_answers_pings_stays(shared_server, token):
    """Lifecycle and limits, decision."""
    client = await NATIVE_WAYS[1].connect(shared_server, token)
    await asyncio.sleep(75)
    await client.is_alive()


async def test_sigterm_says_goodbye_with_1001_and_exits_cleanly(server):
    """Lifecycle and limits: SIGTERM."""
    started = server(**SERVER_SETTINGS)
    token = gateway.acquire(started.gateway)
    clients = await gateway.open_all(started, token, NATIVE_WAYS)
    started.terminate()
    for client in clients:
        await client.is_closed(1001)
    assert await asyncio.to_thread(started.exit_code) == 0


def test_new_upgrades_are_503_while_draining(server, way):
    """Decision 12."""
    started = server(**SERVER_SETTINGS)
    token = gateway.acquire(started.gateway)
    holdout = raw_on(NATIVE_WAYS[1], started, token)
    started.terminate()
    assert holdout.close_code() == 1001
    answer = http.upgrade(getattr(started, way.listener), f"{way.path}?token={token}")
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0


# Switching it off


def test_without_the_gateway_nothing_of_it_is_left(server):
    """docs/configuration.md: GATEWAY=off."""
    started = server(GATEWAY="off")
    # Session chat, which takes every path that nobody else does, has no use for it.
    assert http.upgrade(started.front_door, "/events").status == 401
    assert http.fetch(started.front_door, "/api/auth/acquire-session", method="POST").status in (404, 426)
    lines = [line for line in started.stdout if line.startswith("Listening on ")]
    assert len(lines) == 3


async def test_with_its_ports_off_the_gateway_is_on_the_front_door(server):
    """Decision 2."""
    started = server()
    assert "gateway" not in started.addresses and "sockets" not in started.addresses
    token = gateway.acquire(started.front_door)
    for way in gateway.WAYS:
        if way.listener == "front_door":
            await (await way.connect(started, token)).is_alive()
