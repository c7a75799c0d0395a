"""Engine.IO 3 and Socket.IO 2, for clients that are old. Acceptance 16."""

import json

import pytest

from support.engineio import UNSUPPORTED, Engine, Polling3, Socket, is_refusal, upgraded, utf16_length
from support.raw import BINARY, TEXT, RawWebSocket
from support.sio import TRANSPORTS, member

LIMIT = 10_000
PLACEHOLDER = '{"_placeholder":true,"num":0}'


@pytest.fixture
def engine(fixture_x) -> Engine:
    return Engine(fixture_x.a, protocol=3)


@pytest.fixture(params=TRANSPORTS)
def transport(request) -> str:
    return request.param


async def joined(engine: Engine, transport: str = "polling", **query) -> "Polling3 | OldSocket":
    """A session whose implicit namespace has been announced."""
    session = await (engine.polling(**query) if transport == "polling" else OldSocket.begin(engine, **query))
    await session.expects("40")
    return session


class OldSocket(Socket):
    """Binary frames begin with the type of their packet."""

    @classmethod
    async def begin(cls, engine: Engine, **query) -> "OldSocket":
        socket = await cls.open(engine.address, engine.target(transport="websocket", **query))
        socket.engine = engine
        await socket.handshakes(pongs=False)
        return socket

    async def sends(self, *packets) -> None:
        await super().sends(*(b"\x04" + one if isinstance(one, bytes) else one for one in packets))

    async def receives(self):
        packet = await super().receives()
        if isinstance(packet, bytes):
            assert packet[:1] == b"\x04", packet[:20]
            return packet[1:]
        return packet


async def replies(session, packet: str, *expected) -> None:
    await session.sends(packet)
    await session.expects(*expected)


# The handshake


@pytest.mark.parametrize("query", ["EIO=3&", ""])
async def test_it_is_refused_unless_it_is_allowed(fixture_x, query):
    engine = Engine(fixture_x.b)
    is_refusal(await engine.fetch(target=f"/socket.io/?{query}transport=polling"), UNSUPPORTED)
    answer = await engine.upgrade(target=f"/socket.io/?{query}transport=websocket")
    assert (answer.status, answer.text) == (400, "Unsupported protocol version")


@pytest.mark.parametrize("query", ["EIO=3&", "", "EIO=2&"])
async def test_the_handshake_is_prefixed_by_its_length(engine, query):
    answer = await engine.fetch(target=f"/socket.io/?{query}transport=polling&b64=1")
    assert answer.status == 200, answer
    length, _, rest = answer.text.partition(":")
    opening = rest[: int(length)]
    assert opening[0] == "0"
    handshake = json.loads(opening[1:])
    assert {"sid", "upgrades", "pingInterval", "pingTimeout"} <= set(handshake)
    assert handshake["upgrades"] == ["websocket"]
    assert rest[int(length) :] in ("", "2:40")
    Polling3(engine, answer, {})


async def test_the_main_namespace_is_joined_unasked(engine, transport):
    session = await joined(engine, transport)
    await replies(session, '42["back","x"]', '42["back","x"]')


async def test_a_session_of_protocol_4_beside_it_is_asked_first(fixture_x):
    session = await Engine(fixture_x.a).polling()
    await session.sends("40")
    assert (await session.receives()).startswith('40{"sid"')


# Polling


@pytest.mark.parametrize("text", ["x", "ä€", "😀", "a" * 500, "😀ä" * 100])
async def test_lengths_count_utf_16_units(engine, text):
    session = await joined(engine, b64="1")
    packet = f'42["back","{text}"]'
    answer = await session.post(f"{utf16_length(packet)}:{packet}")
    assert (answer.status, answer.body) == (200, b"ok")
    assert (await session.get()).text == f"{utf16_length(packet)}:{packet}"


async def test_several_packets_make_one_body(engine):
    session = await joined(engine, b64="1")
    await session.sends('42["back","😀"]', '42["back","b"]')
    assert await session.poll() == ['42["back","😀"]', '42["back","b"]']


async def test_binary_in_a_text_body_is_base64(engine):
    session = await joined(engine, b64="1")
    header = f'451-["back",{PLACEHOLDER}]'
    answer = await session.post(f"{len(header)}:{header}10:b4AQIDBA==")
    assert answer.status == 200
    assert (await session.get()).text == f"{len(header)}:{header}10:b4AQIDBA=="


async def test_binary_in_a_binary_body_has_no_base64(engine):
    session = await joined(engine)
    header = f'451-["back",{PLACEHOLDER}]'
    body = session.joined_binary(header, b"\x01\x02\x03\x04", '42["back","ä"]')
    answer = await session.post(body, headers={"Content-Type": "application/octet-stream"})
    assert (answer.status, answer.body) == (200, b"ok")
    await session.expects(header, b"\x01\x02\x03\x04", '42["back","ä"]')


async def test_text_in_a_binary_body_is_counted_in_bytes(engine):
    session = await joined(engine)
    packet = '42["back","ä€😀"]'
    assert session.joined_binary(packet)[1:4] == bytes([2, 2, 0xFF])
    answer = await session.post(
        session.joined_binary(packet), headers={"Content-Type": "application/octet-stream"}
    )
    assert answer.status == 200
    await session.expects(packet)


@pytest.mark.parametrize(
    "body",
    ["x", "2", ":", "3:40", "-1:40", "0:", "1e1:4", "2:4", "99999999999999999999:4", "1:9", "2:b!", "5:b4!!!"],
)
async def test_a_malformed_body_ends_the_session(engine, body):
    session = await joined(engine)
    answer = await session.post(body)
    assert answer.status in (200, 400)
    await session.ends()


@pytest.mark.parametrize(
    "body", [b"\x00", b"\x00\xff", b"\x02\x01\xff4", b"\x00\x05\xff42", b"\x00\x0a\xff4", b"\x01\x01\xff\x09", b"\xff"]
)
async def test_a_malformed_binary_body_ends_the_session(engine, body):
    session = await joined(engine)
    answer = await session.post(body, headers={"Content-Type": "application/octet-stream"})
    assert answer.status in (200, 400)
    await session.ends()


async def test_a_binary_length_without_an_end_ends_the_session(engine):
    session = await joined(engine)
    body = b"\x00" + b"\x09" * 5000
    answer = await session.post(body, headers={"Content-Type": "application/octet-stream"})
    assert answer.status in (200, 400)
    await session.ends()


async def test_jsonp_is_not_spoken(engine):
    """And does no harm: either it is refused, or the answer is no script."""
    answer = await engine.fetch(transport="polling", j="0")
    assert not answer.text.startswith("___eio")
    if answer.status == 200:
        Polling3(engine, answer, {})


# Heartbeat


async def test_the_client_pings_and_the_server_answers(engine, transport):
    session = await joined(engine, transport)
    for _ in range(3):
        await replies(session, "2", "3")


async def test_a_pong_from_the_client_harms_nothing(engine, transport):
    session = await joined(engine, transport)
    await session.sends("6")
    await replies(session, '42["back","alive"]', '42["back","alive"]')


# WebSocket


def test_binary_frames_begin_with_byte_4(engine):
    socket = RawWebSocket.open(engine.address, engine.target(transport="websocket"))
    assert socket.next(TEXT).payload.startswith(b"0{")
    assert socket.next(TEXT).payload == b"40"
    header = f'451-["back",{PLACEHOLDER}]'
    socket.says(header)
    socket.send_frame(BINARY, b"\x04\x01\x02\x03\x04")
    assert socket.next(TEXT).payload == header.encode()
    assert socket.next(BINARY).payload == b"\x04\x01\x02\x03\x04"


@pytest.mark.parametrize("payload", [b"", b"\x09\x01", b"\x01"])
def test_binary_frames_of_no_type_close(engine, payload):
    socket = RawWebSocket.open(engine.address, engine.target(transport="websocket"))
    assert socket.next(TEXT).payload.startswith(b"0{")
    socket.send_frame(BINARY, payload)
    assert socket.is_ended()


async def test_an_upgrade_works_as_in_protocol_4(engine):
    session = await joined(engine)
    socket = await upgraded(session)
    await socket.sends('42["back","moved"]')
    await socket.expects('42["back","moved"]')
    await socket.sends("2")
    await socket.expects("3")


async def test_every_get_is_released_during_an_upgrade(engine):
    session = (await joined(engine)).keeps_polling()
    socket = await upgraded(session)
    await socket.sends('42["back","moved"]')
    await socket.expects('42["back","moved"]')


# Namespaces


async def joins(session, packet: str) -> None:
    """The answer ends with the comma or without it; old clients read both."""
    await session.sends(packet)
    assert (await session.receives()).removesuffix(",") == "40/custom"


async def test_another_namespace_is_joined_with_a_query_string(engine, transport):
    session = await joined(engine, transport)
    await joins(session, "40/custom?token=abc&n=1")
    await session.sends('42/custom,7["info"]')
    packet = await session.receives()
    assert packet.startswith("43/custom,7[{"), packet
    (info,) = json.loads(packet.removeprefix("43/custom,7"))
    assert info["id"] == f"/custom#{session.sid}"
    assert info["auth"] == {"token": "abc", "n": "1"}
    assert info["nsp"] == "/custom"


@pytest.mark.parametrize("packet", ["40/custom", "40/custom,"])
async def test_another_namespace_is_joined_without_a_query_string(engine, packet):
    session = await joined(engine)
    await joins(session, packet)
    await replies(session, '42/custom,["back","x"]', '42/custom,["back","x"]')


async def test_the_socket_id_is_that_of_the_session(engine, transport):
    session = await joined(engine, transport)
    await session.sends('421["info"]')
    packet = await session.receives()
    (info,) = json.loads(packet.removeprefix("431"))
    assert info["id"] == session.sid


async def test_an_unknown_namespace_is_an_error_that_is_text(engine, transport):
    session = await joined(engine, transport)
    await replies(session, "40/nope", '44/nope,"Invalid namespace"')
    await replies(session, '42["back","unharmed"]', '42["back","unharmed"]')


async def test_the_error_of_a_middleware_is_its_message_or_its_data(engine):
    session = await joined(engine)
    await replies(session, "40/mw?fail=1&message=denied", '44/mw,"denied"')
    await replies(session, "40/mw?fail=1&message=denied&data=more", '44/mw,"more"')


async def test_a_namespace_is_left(engine):
    session = await joined(engine)
    await joins(session, "40/custom")
    await session.sends("41/custom")
    await replies(session, '42["back","still here"]', '42["back","still here"]')


# Events


async def test_acks_work(engine, transport):
    session = await joined(engine, transport)
    await replies(session, '420["echo","x"]', '430["x"]')
    await session.sends(f'451-5["echo",{PLACEHOLDER}]', b"\x01")
    await session.expects(f"461-5[{PLACEHOLDER}]", b"\x01")


@pytest.mark.parametrize("b64", [{}, {"b64": "1"}])
async def test_a_broadcast_reaches_clients_of_both_protocols(fixture_x, engine, transport, b64, room):
    old = await joined(engine, transport, **b64)
    new = [await member(Engine(fixture_x.a), auth={"join": room}, transport=kind) for kind in TRANSPORTS]
    await replies(old, f'423["join","{room}"]', "433[]")
    await new[0].orders("bcast", {"via": "io", "rooms": [room]}, "news", "ä😀", b"\x00\x04")
    for one in new:
        await one.expects_only(["news", "ä😀", b"\x00\x04"])
    await old.expects(f'451-["news","ä😀",{PLACEHOLDER}]', b"\x00\x04")


async def test_the_server_disconnects_an_old_client(engine, transport):
    session = await joined(engine, transport)
    await session.sends('42["kick",true]')
    assert await session.ends() == ["41"]


async def test_an_old_client_leaves(engine, fixture_x):
    session = await joined(engine)
    watcher = await member(Engine(fixture_x.a))
    await session.sends("41")
    while (noted := await watcher.ask("reason-of", session.sid)) is None or noted["reason"].startswith("pending:"):
        pass
    assert noted["reason"] == "client namespace disconnect"


async def test_a_body_above_the_limit_is_too_large(engine):
    session = await joined(engine)
    assert (await session.post(b"x" * (LIMIT + 1))).status == 413
