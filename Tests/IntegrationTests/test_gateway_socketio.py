"""Event gateway over Socket.IO, packet by packet: who is let in, namespaces, framing, limits, the end."""

import asyncio
import base64
import json
import re

import pytest
from websockets.exceptions import ConnectionClosed

from support import gateway, http
from support.client import Client
from support.gateway import BAD_TOKEN, SOCKET_IO_WAYS, TOKEN_REQUIRED, OverPolling, OverWebSocket, bearer, name_of
from support.raw import TEXT, RawWebSocket
from support.socket_io import NOTHING, SEPARATOR, target

SERVER_SETTINGS = gateway.SETTINGS
LISTENERS = ["gateway", "sockets", "front_door"]
ALIASES = ["/socket.io/", "/socket.io", "/ws", "/ws/"]


@pytest.fixture
def token(shared_server) -> str:
    return gateway.acquire(shared_server.gateway)


@pytest.fixture(params=SOCKET_IO_WAYS, ids=name_of)
def way(request):
    return request.param


async def opened(way, server, **options):
    """A connection that has joined nothing."""
    return await way.kind.open(getattr(server, way.listener), way.path, **options)


# Who is let in


async def test_the_token_is_in_the_connect_packet(shared_server, token, way):
    """Authentication, Socket.IO: `auth.token`."""
    client = await opened(way, shared_server)
    await client.joins({"token": token, "other": [1, {"x": None}]})
    assert (await client.expects_event("connected"))["socketId"] == client.sid


async def test_the_token_may_be_in_the_query(shared_server, token, way):
    """Authentication, Socket.IO: else the handshake query `token`."""
    for auth in (NOTHING, {}, {"other": 1}):
        client = await opened(way, shared_server, query={"token": token})
        await client.joins(auth)
        await client.expects_event("connected")


async def test_the_token_may_be_in_the_header(shared_server, token, way):
    """Authentication, decision: Socket.IO also accepts the Bearer header, last."""
    for scheme in ("Bearer", "bearer"):
        client = await opened(way, shared_server, additional_headers={"Authorization": f"{scheme} {token}"})
        await client.joins()
        await client.expects_event("connected")


async def test_auth_wins_over_query_and_query_over_header(shared_server, token, way):
    """Authentication, Socket.IO: the order."""
    client = await opened(way, shared_server, query={"token": "bad"}, additional_headers=bearer("bad"))
    await client.joins({"token": token})
    client = await opened(way, shared_server, query={"token": token}, additional_headers=bearer("bad"))
    await client.joins()
    client = await opened(way, shared_server, query={"token": token}, additional_headers=bearer(token))
    await client.is_refused(BAD_TOKEN, {"token": "bad"})
    client = await opened(way, shared_server, query={"token": "bad"}, additional_headers=bearer(token))
    await client.is_refused(BAD_TOKEN)


async def test_without_a_token_it_is_refused(shared_server, token, way):
    """Authentication; acceptance 8. A cookie is none, nor is another scheme."""
    for headers in ({}, {"Cookie": f"token={token}"}, {"Authorization": token}, {"Authorization": f"Basic {token}"}):
        client = await opened(way, shared_server, additional_headers=headers)
        for auth in (NOTHING, {}, {"Token": token}, {"token": None}, {"token": ""}):
            await client.is_refused(TOKEN_REQUIRED, auth)


@pytest.mark.parametrize("bad", ["x", "A" * 43, "a" * 4000, "\u0000", "😀", "*"], ids=range(6))
async def test_a_wrong_token_is_refused(shared_server, way, bad):
    """Acceptance 8."""
    client = await opened(way, shared_server)
    await client.is_refused(BAD_TOKEN, {"token": bad})


@pytest.mark.parametrize("odd", [5, True, ["x"], {"token": "x"}], ids=["number", "true", "list", "object"])
async def test_a_token_that_is_no_text_is_refused(shared_server, way, odd):
    """Acceptance 8: the message contains "token"."""
    client = await opened(way, shared_server)
    await client.asks_to_join({"token": odd})
    packet = await client.receives_packet()
    assert packet.startswith('44{"message":') and "token" in packet


async def test_who_was_refused_may_try_again(shared_server, token, way):
    """Authentication: the transport stays open."""
    client = await opened(way, shared_server)
    await client.is_refused(TOKEN_REQUIRED)
    await client.is_refused(BAD_TOKEN, {"token": "bad"})
    await client.joins({"token": token})
    await client.expects_event("connected")
    await client.is_alive()


async def test_a_logged_out_token_is_refused(shared_server, token, way):
    """Acceptance 2, over Socket.IO."""
    gateway.logout(shared_server.gateway, token)
    client = await opened(way, shared_server)
    await client.is_refused(BAD_TOKEN, {"token": token})


async def test_a_token_that_ends_between_transport_and_connect_is_refused(shared_server, token, way):
    """Authentication: checked on connect."""
    client = await opened(way, shared_server, query={"token": token})
    gateway.logout(shared_server.gateway, token)
    await client.is_refused(BAD_TOKEN)


async def test_events_before_connect_reach_nobody(shared_server, token, way):
    """Socket.IO specification §2.4: data before CONNECT closes."""
    client = await opened(way, shared_server, query={"token": token})
    try:
        await client.emits("status")
    except AssertionError:
        pass  # the POST itself is refused
    await client.is_closed()


@pytest.mark.parametrize("listener", LISTENERS)
async def test_the_origin_is_not_checked(shared_server, token, listener):
    """CORS, decision: the token protects."""
    address = getattr(shared_server, listener)
    client = await OverWebSocket.open(address, origin="http://evil.example")
    await client.joins({"token": token})


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("listener", LISTENERS)
async def test_who_joins_nothing_is_closed_after_45_seconds(shared_server, listener):
    """Authentication: with no namespace joined it is closed after 45 s."""
    client = await OverWebSocket.open(getattr(shared_server, listener))
    await client.is_refused(TOKEN_REQUIRED)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while not client.client.socket.close_code:
        try:
            await client.receives_packet()
        except TimeoutError:
            await client.client.socket.ping()
        except ConnectionClosed:
            break
    assert 43 < loop.time() - begun < 48


# Namespaces


@pytest.mark.parametrize("alias", ALIASES)
async def test_a_path_taken_for_a_namespace_means_the_main_one(shared_server, token, way, alias):
    """Detection, decision: aliases of `/`; packets are answered in the namespace that the client used."""
    client = await opened(way, shared_server)
    await client.is_refused(BAD_TOKEN, {"token": "bad"}, alias)
    await client.is_refused(TOKEN_REQUIRED, namespace=alias)
    await client.joins({"token": token}, alias)
    assert (await client.expects_event("connected"))["socketId"] == client.sid
    assert (await client.asks("echo", "hi"))["received"] == "hi"
    await client.emits("nonsense")
    assert await client.expects_event("error") == {"error": "Unknown event type: nonsense"}


async def test_alias_and_main_may_be_joined_together(shared_server, token, way):
    """Detection, decision."""
    client = await opened(way, shared_server)
    main = await client.joins({"token": token})
    await client.expects_event("connected")
    other = await client.joins({"token": token}, "/ws")
    await client.expects_event("connected")
    assert main != other
    await client.leaves()
    client.namespace = "/"
    await client.is_alive()


async def test_who_is_in_an_alias_gets_events_and_the_end_there(shared_server, token, way):
    """`POST /api/emit`, logout: in the namespace that the client used."""
    client = await opened(way, shared_server)
    await client.joins({"token": token}, "/socket.io/")
    await client.expects_event("connected")
    gateway.emit(shared_server.gateway, "news", 7, session=token)
    assert await client.expects_event("news") == 7
    gateway.logout(shared_server.gateway, token)
    await client.is_ended()


@pytest.mark.parametrize("name", ["/other", "/socket.iox", "/ws/x", "/socket.io//", "/Ws", "/admin"])
async def test_any_other_namespace_is_invalid(shared_server, token, way, name):
    """Detection, decision: `{"message":"Invalid namespace"}`, with a good token too."""
    client = await opened(way, shared_server, query={"token": token})
    await client.is_refused("Invalid namespace", {"token": token}, name)
    await client.joins({"token": token})


async def test_the_configured_path_is_an_alias_too(server):
    """WEBSOCKET_PATH: clients with `path` and clients that take it for a namespace."""
    started = server(**SERVER_SETTINGS, WEBSOCKET_PATH="/live")
    token = gateway.acquire(started.gateway)
    for listener in LISTENERS:
        client = await OverWebSocket.open(getattr(started, listener), "/live/")
        await client.joins({"token": token}, "/live/")
        await client.expects_event("connected")
        await client.is_alive()


# Framing


async def test_more_arguments_are_ignored(shared_server, token, way):
    """Framing: D is the first argument, more are ignored."""
    client = await way.connect(shared_server, token)
    await client.sends_packet('42["echo","first",{"second":2},3]')
    assert (await client.expects_event("echo_response"))["received"] == "first"


async def test_acknowledgements_are_never_given(shared_server, token, way):
    """Framing, fact."""
    client = await way.connect(shared_server, token)
    await client.sends_packet('427["echo","x"]')
    assert (await client.expects_event("echo_response"))["received"] == "x"
    await client.sends_packet('428["nonsense"]')
    await client.expects_event("error")
    await client.is_alive()


async def test_stray_acknowledgements_do_no_harm(shared_server, token, way):
    """Nothing that a peer sends can harm more than its connection."""
    client = await way.connect(shared_server, token)
    await client.sends_packet("437[]")
    await client.is_alive()


async def test_data_arrives_as_it_was_written(shared_server, token, way):
    """`echo`: D, whatever was sent."""
    client = await way.connect(shared_server, token)
    await client.sends_packet('42["echo", {"n" : 12345678901234567890, "d":1.0,"s":"\\u00e9" } ]')
    packet = await client.receives_packet()
    assert '12345678901234567890' in packet and "1.0" in packet


BINARY = {
    "alone": ('{"_placeholder":true,"num":0}', [b"\x00\xff"]),
    "empty": ('{"_placeholder":true,"num":0}', [b""]),
    "in an object": ('{"a":1,"b":{"c":{"_placeholder":true,"num":0}}}', [b"c"]),
    "in a list, twice": ('[{"_placeholder":true,"num":0},"x",{"_placeholder":true,"num":1}]', [b"one", b"two"]),
    "large": ('{"file":{"_placeholder":true,"num":0}}', [bytes(range(256)) * 256]),
}


async def sends_binary(client, packet: str, attachments: list[bytes]) -> None:
    if isinstance(client, gateway.OverPolling):
        encoded = [packet] + ["b" + base64.b64encode(data).decode() for data in attachments]
        return await client.sends_packet("\x1e".join(encoded))
    await client.sends_packet(packet)
    for data in attachments:
        await client.client.sends(data)


async def receives_attachment(client) -> bytes:
    if isinstance(client, gateway.OverPolling):
        packet = await client.receives_packet()
        assert packet[0] == "b", packet
        return base64.b64decode(packet[1:])
    data = await client.client.receives()
    assert isinstance(data, bytes), data
    return data


@pytest.mark.parametrize("data, attachments", BINARY.values(), ids=BINARY)
@pytest.mark.parametrize("event, answer, member", [("echo", "echo_response", "received"), ("message", "message_received", "data")])
@pytest.mark.parametrize("way", [SOCKET_IO_WAYS[0], SOCKET_IO_WAYS[4]], ids=name_of)
async def test_binary_comes_back_as_binary(shared_server, token, way, event, answer, member, data, attachments):
    """`echo`: D, whatever was sent."""
    client = await way.connect(shared_server, token)
    await sends_binary(client, f'45{len(attachments)}-["{event}",{data}]', attachments)
    packet = await client.receives_packet()
    start = f"45{len(attachments)}-"
    assert packet.startswith(start), packet
    name, payload = json.loads(packet.removeprefix(start))
    assert (name, payload[member]) == (answer, json.loads(data))
    assert [await receives_attachment(client) for _ in attachments] == attachments
    await client.is_alive()


@pytest.mark.parametrize(
    "event, data, answer, error",
    [
        ("ai:chat", '{"_placeholder":true,"num":0}', "ai:response:error", "Message is required"),
        ("ai:chat", '{"message":{"_placeholder":true,"num":0}}', "ai:response:error", "Message is required"),
        ("nothing", '{"_placeholder":true,"num":0}', "error", "Unknown event type: nothing"),
    ],
)
@pytest.mark.parametrize("way", [SOCKET_IO_WAYS[0], SOCKET_IO_WAYS[4]], ids=name_of)
async def test_binary_is_refused_where_it_means_nothing(shared_server, token, way, event, data, answer, error):
    client = await way.connect(shared_server, token)
    await sends_binary(client, f'451-["{event}",{data}]', [b"\x00"])
    assert await client.expects_event(answer) == {"error": error}


@pytest.mark.parametrize("event", ["ping", "status", "info"])
@pytest.mark.parametrize("way", [SOCKET_IO_WAYS[0], SOCKET_IO_WAYS[4]], ids=name_of)
async def test_binary_is_ignored_where_data_is(shared_server, token, way, event):
    client = await way.connect(shared_server, token)
    await sends_binary(client, f'451-["{event}",{{"_placeholder":true,"num":0}}]', [b"\x00"])
    await client.expects_event(gateway.REPLIES[event])


async def test_what_only_looks_like_binary_is_data(shared_server, token, way):
    client = await way.connect(shared_server, token)
    assert (await client.asks("echo", {"_placeholder": True, "num": 0}))["received"] == {"_placeholder": True, "num": 0}


@pytest.mark.parametrize("packet", ["42", "42[]", "42{}", '42["ping"', "42[5]", "4x", "42[null]", '42["connect"]', "48", "9"])
async def test_a_bad_packet_ends_only_its_sender(shared_server, token, way, packet):
    """Socket.IO specification §2.2."""
    witness, client = [await way.connect(shared_server, token) for _ in range(2)]
    try:
        await client.sends_packet(packet)
        await client.emits("ping")
    except Exception:
        pass
    await witness.is_alive()


async def test_several_packets_in_one_body_are_handled_in_order(shared_server, token):
    """Socket.IO specification §1.5."""
    for way in SOCKET_IO_WAYS[3:]:
        client = await way.connect(shared_server, token)
        await client.sends_packet(SEPARATOR.join(f'42["echo",{n}]' for n in range(10)))
        for number in range(10):
            assert (await client.expects_event("echo_response"))["received"] == number


# From polling to WebSocket


@pytest.mark.parametrize("path", ["/socket.io/", "/ws/", "/any"])
@pytest.mark.parametrize("listener", LISTENERS)
async def test_a_session_goes_over_to_websocket(shared_server, token, listener, path):
    """Socket.IO essentials: upgrade via `2probe`/`3probe`/`5`; `info` names the transport of the moment."""
    address = getattr(shared_server, listener)
    polling = await OverPolling.open(address, path)
    await polling.joins({"token": token})
    await polling.expects_event("connected")
    assert (await polling.asks("info"))["websocket"]["transport"] == "polling"

    socket = await Client.open(address, target(path, "websocket", {"sid": polling.handshake["sid"]}))
    await socket.sends("2probe")
    await socket.expects("3probe")
    await socket.sends("5")
    over = OverWebSocket(socket)
    over.namespace, over.sid = polling.namespace, polling.sid
    assert (await over.asks("info"))["websocket"]["transport"] == "websocket"
    assert (await over.asks("status"))["connection"]["socketId"] == polling.sid
    gateway.emit(shared_server.gateway, "news", {"n": 1}, session=token)
    assert await over.expects_event("news") == {"n": 1}
    gateway.logout(shared_server.gateway, token)
    await over.is_ended()


@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize("is_held", [True, False])
async def test_a_session_that_ends_while_it_goes_over_is_told(shared_server, token, listener, is_held):
    """Authentication: a disconnect by the server. After `3probe` clients do not poll any more: they send `5` and listen there."""
    address = getattr(shared_server, listener)
    polling = await OverPolling.open(address)
    await polling.joins({"token": token})
    await polling.expects_event("connected")
    held = asyncio.create_task(polling.gets()) if is_held else None
    socket = await Client.open(address, target("/socket.io/", "websocket", {"sid": polling.handshake["sid"]}))
    await socket.sends("2probe")
    await socket.expects("3probe")
    if held:
        assert (await held).text == "6"
    gateway.logout(shared_server.gateway, token)
    await socket.sends("5")
    await socket.expects("41")
    await socket.closing(after_anything=True)


# Events of a trusted back end


async def test_an_event_may_have_any_name_and_any_data(shared_server, token, way):
    """`POST /api/emit {event,data}`."""
    client = await way.connect(shared_server, token)
    for event, data in (("news", {"b": 1, "a": [None, "ü"]}), ("with space", "text"), ("ü:😀", 0), ("x", None), ("pong", [])):
        gateway.emit(shared_server.gateway, event, data, session=token)
        assert await client.expects_event(event) == data
    assert gateway.as_admin(shared_server.gateway, "/api/emit", {"event": "bare", "session": token}).status == 200
    packet = await client.receives_packet()
    assert packet in ('42["bare",null]', '42["bare"]')


@pytest.mark.parametrize("name", ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"])
async def test_a_reserved_name_is_not_sent(shared_server, token, way, name):
    """Socket.IO specification §2.2: clients close on it."""
    client = await way.connect(shared_server, token)
    answer = gateway.as_admin(shared_server.gateway, "/api/emit", {"event": name, "data": 1, "session": token})
    assert answer.status in (200, 400)
    await client.is_alive()


# Limits


async def test_too_many_events_are_an_error_and_then_the_end(server, way):
    """Lifecycle and limits: RATE_LIMIT_EVENTS."""
    started = server(**SERVER_SETTINGS, RATE_LIMIT_EVENTS=5)
    client = await way.connect(started, gateway.acquire(started.gateway))
    packets = ['42["ping"]'] * 50
    if way.kind.protocol == "polling":
        await client.posts(SEPARATOR.join(packets))
    else:
        for packet in packets:
            await client.sends_packet(packet)
    pongs = 0
    while (received := await client.next_event())[0] == "pong":
        pongs += 1
    assert received == ("error", {"error": "Rate limit exceeded"})
    assert 5 <= pongs <= 15
    await client.is_ended()


async def test_the_handshake_names_the_limits(shared_server, way):
    """Socket.IO essentials."""
    handshake = (await opened(way, shared_server)).handshake
    assert re.fullmatch(r"[A-Za-z0-9_-]{20}", handshake.pop("sid"))
    upgrades = ["websocket"] if way.kind.protocol == "polling" else []
    assert list(handshake.items()) == [
        ("upgrades", upgrades), ("pingInterval", 25000), ("pingTimeout", 20000), ("maxPayload", 1000000)
    ]  # fmt: skip


@pytest.mark.parametrize("listener", LISTENERS)
async def test_a_message_of_a_million_bytes_works_and_one_more_does_not(shared_server, token, listener):
    """Lifecycle and limits: 1,000,000 bytes a message."""

    def echo_of(size: int) -> str:
        return '42["echo","' + "x" * (size - 13) + '"]'

    client = await OverWebSocket.open(getattr(shared_server, listener))
    await client.joins({"token": token})
    await client.expects_event("connected")
    assert len(echo_of(1_000_000)) == 1_000_000
    await client.sends_packet(echo_of(1_000_000))
    assert len((await client.expects_event("echo_response"))["received"]) == 999_987
    await client.sends_packet(echo_of(1_000_001))
    await client.client.is_closed(1009)


@pytest.mark.parametrize("listener", LISTENERS)
async def test_a_post_that_is_too_large_is_refused_and_the_session_stays(shared_server, token, listener):
    """Socket.IO specification §1.5."""
    way = next(way for way in SOCKET_IO_WAYS[3:] if way.listener == listener)
    client = await way.connect(shared_server, token)
    assert (await client.posts('42["echo","' + "x" * 1_000_000 + '"]')).status == 413
    await client.is_alive()


# The end


async def test_sigterm_says_goodbye_and_exits_cleanly(server):
    """Lifecycle and limits: SIGTERM: Socket.IO disconnect, exit 0."""
    started = server(**SERVER_SETTINGS)
    token = gateway.acquire(started.gateway)
    clients = await gateway.open_all(started, token, SOCKET_IO_WAYS)
    held = [asyncio.create_task(client.receives_packet()) for client in clients]
    for client in clients:
        await client.emits("ping")
    assert all(packet.startswith('42["pong"') for packet in await asyncio.gather(*held))
    ends = [asyncio.create_task(client.is_closed()) for client in clients]
    await asyncio.sleep(0.2)  # the polls are on their way
    started.terminate()
    await asyncio.gather(*ends)
    assert await asyncio.to_thread(started.exit_code) == 0


@pytest.mark.parametrize("listener", LISTENERS)
def test_new_sessions_are_refused_while_draining(server, listener):
    """Decision 12: new upgrades get 503 with `Retry-After`."""
    started = server(**SERVER_SETTINGS)
    address = getattr(started, listener)
    holdout = RawWebSocket.open(started.sockets, f"/?token={gateway.acquire(started.gateway)}")
    assert b'"connected"' in holdout.next(TEXT).payload
    started.terminate()
    assert holdout.close_code() == 1001
    for path in (target("/socket.io/", "websocket"), target("/ws", "websocket")):
        answer = http.upgrade(address, path)
        assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
