"""Engine.IO 4: who is let in, the polling transport, the packets. Acceptance 1, 2, 3, 5."""

import asyncio
import json
import re

import pytest
from websockets.exceptions import ConnectionClosed

from support import http
from support.engineio import (
    BAD_METHOD,
    BAD_REQUEST,
    CAP,
    FORBIDDEN,
    MESSAGES,
    SEPARATOR,
    UNKNOWN_SESSION,
    UNKNOWN_TRANSPORT,
    UNSUPPORTED,
    Engine,
    Http,
    Polling,
    is_refusal,
)
from support.raw import BINARY, CONTINUATION, PING, PONG, TEXT, RawWebSocket
from support.sio import TRANSPORTS, Connection, member

LIMIT = 1_000_000
SMALL_LIMIT = 10_000  # of profile X, server A
OPEN_KEYS = ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]


@pytest.fixture
def engine(fixture_b) -> Engine:
    """Every option at its default."""
    return Engine(fixture_b.address)


@pytest.fixture
def small(fixture_x) -> Engine:
    """With a policy, a low limit, and a namespace that has to be joined within a second."""
    return Engine(fixture_x.a)


@pytest.fixture
def bare(fixture_p) -> Engine:
    """Engine.IO without Socket.IO: it echoes. It pings every 300 ms."""
    return Engine(fixture_p.address, "/engine.io/")


async def joined(engine: Engine) -> Polling:
    """A polling session in namespace `/` whose answer has been read."""
    return (await member(engine, transport="polling")).session


# Row by row


@pytest.mark.parametrize(
    "query",
    [
        "EIO=4",
        "EIO=4&transport=",
        "EIO=4&transport=tube",
        "EIO=4&transport=constructor",
        "EIO=4&transport=__proto__",
        "EIO=4&transport=Polling",
        "EIO=4&transport=webtransport",
        "EIO=4&transport=polling&transport=tube",
        "",
    ],
)
async def test_a_missing_or_unknown_transport_is_refused(engine, query):
    is_refusal(await engine.fetch(target=f"/socket.io/?{query}"), UNKNOWN_TRANSPORT)
    is_refused_upgrade(await engine.upgrade(target=f"/socket.io/?{query}"), UNKNOWN_TRANSPORT)


async def test_a_request_without_a_query_is_refused(engine):
    is_refusal(await engine.fetch(target="/socket.io/"), UNKNOWN_TRANSPORT)


@pytest.mark.parametrize("value", ["http://a.example\x01", "http://a\x7f.example"])
async def test_an_origin_with_illegal_characters_is_refused(engine, value):
    answer = await engine.fetch(transport="polling", headers={"Origin": value})
    assert answer.status == 400
    answer = await engine.upgrade(transport="websocket", headers={"Origin": value})
    assert answer.status == 400


@pytest.mark.parametrize("sid", ["nope", "AAAAAAAAAAAAAAAAAAAA", "__proto__", "constructor", "%00", "a" * 5000])
async def test_an_unknown_session_is_refused(engine, sid):
    for method in ("GET", "POST"):
        target = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
        is_refusal(await engine.fetch(method, target, body=b"6" if method == "POST" else b""), UNKNOWN_SESSION)
    is_refused_upgrade(
        await engine.upgrade(target=f"/socket.io/?EIO=4&transport=websocket&sid={sid}"), UNKNOWN_SESSION
    )


async def test_a_session_is_asked_for_with_its_own_transport(engine):
    polling = await joined(engine)
    is_refusal(await engine.fetch(transport="websocket", sid=polling.sid), BAD_REQUEST)
    socket = await engine.websocket()
    is_refusal(await engine.fetch(transport="polling", sid=socket.sid), BAD_REQUEST)
    is_refusal(await engine.fetch("POST", transport="polling", sid=socket.sid, body=b"6"), BAD_REQUEST)
    await polling.is_alive()
    await socket.is_alive()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_a_session_begins_with_get(engine, method):
    body = b"40" if method in ("POST", "PUT", "PATCH") else b""
    is_refusal(await engine.fetch(method, transport="polling", body=body), BAD_METHOD)


async def test_head_does_not_begin_a_session(engine):
    answer = await engine.fetch("HEAD", transport="polling")
    assert (answer.status, answer.headers["content-type"]) == (400, "application/json")


async def test_a_websocket_session_needs_an_upgrade_request(engine):
    is_refusal(await engine.fetch(transport="websocket"), BAD_REQUEST)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_policy_refuses_with_its_own_text(small, transport):
    if transport == "polling":
        answer = await small.fetch(transport=transport, headers={"x-deny": "not today"})
        is_refusal(answer, FORBIDDEN, "not today", status=403)
    else:
        answer = await small.upgrade(transport=transport, headers={"x-deny": "not today"})
        is_refused_upgrade(answer, FORBIDDEN, "not today", statuses=(400, 403))


async def test_the_policy_is_asked_for_new_sessions_only(small):
    session = (await member(small, transport="polling")).session
    answer = await session.post("6", headers={"x-deny": "not today"})
    assert (answer.status, answer.body) == (200, b"ok")


@pytest.mark.parametrize("query", ["EIO=3", "EIO=5", "EIO=", "EIO=four", "EIO=4&EIO=3", "x=1"])
async def test_other_protocols_are_refused(engine, query):
    is_refusal(await engine.fetch(target=f"/socket.io/?{query}&transport=polling"), UNSUPPORTED)
    is_refused_upgrade(await engine.upgrade(target=f"/socket.io/?{query}&transport=websocket"), UNSUPPORTED)


async def test_polling_with_an_upgrade_header_is_refused(engine):
    is_refused_upgrade(await engine.upgrade(transport="polling"), BAD_REQUEST)
    session = await joined(engine)
    is_refused_upgrade(await engine.upgrade(transport="polling", sid=session.sid), BAD_REQUEST)
    await session.is_alive()


@pytest.mark.parametrize(
    "method, query, code",
    [
        ("POST", "EIO=3&transport=tube&sid=nope", UNKNOWN_TRANSPORT),
        ("POST", "EIO=3&transport=polling&sid=nope", UNKNOWN_SESSION),
        ("GET", "EIO=3&transport=websocket&sid=nope", UNKNOWN_SESSION),
        ("POST", "EIO=3&transport=websocket", BAD_METHOD),
        ("GET", "EIO=3&transport=websocket", BAD_REQUEST),
    ],
)
async def test_the_checks_come_in_their_order(engine, method, query, code):
    is_refusal(await engine.fetch(method, f"/socket.io/?{query}", body=b"6" if method == "POST" else b""), code)


async def test_no_refusal_harms_a_session(engine):
    session = await joined(engine)
    for method in ("PUT", "DELETE", "PATCH"):
        answer = await engine.fetch(method, transport="polling", sid=session.sid)
        assert 400 <= answer.status < 500
    for query in ("transport=websocket", "transport=tube"):
        assert (await engine.fetch(target=f"/socket.io/?EIO=4&{query}&sid={session.sid}")).status == 400
    await session.is_alive()
    await session.sends('42["echo","still here"]')
    await session.expects('42["echo","still here"]')


def is_refused_upgrade(answer: http.Answer, code: int, message: str | None = None, statuses=(400,)) -> None:
    """No 101, and the message as text."""
    assert answer.status in statuses, f"{answer.status} {answer.body[:200]!r}"
    assert answer.text == (message or MESSAGES[code])
    assert "close" in answer.headers["connection"].lower()


# Routing


async def begins(engine: Engine, target: str) -> Polling:
    """This request begins a session."""
    return Polling(engine, await engine.fetch(target=target), {})


@pytest.mark.parametrize("path", ["/socket.io/", "/socket.io/default/", "/socket.io/a/b%20c"])
async def test_everything_below_the_path_belongs_to_engineio(engine, path):
    await begins(engine, f"{path}?EIO=4&transport=polling")


@pytest.mark.parametrize("path", ["/socket.iox/", "/socket.io", "/", "/other/socket.io/", "/Socket.io/"])
async def test_other_paths_do_not(engine, path):
    answer = await engine.fetch(target=f"{path}?EIO=4&transport=polling")
    assert not answer.text.startswith("0{")
    assert answer.status != 200


async def test_the_last_value_of_a_repeated_parameter_wins(engine):
    await begins(engine, "/socket.io/?EIO=3&transport=tube&EIO=4&transport=polling")


async def test_a_cache_buster_and_other_parameters_change_nothing(engine):
    session = await engine.polling(t="Oabc123", b64="1", j="0", user="alice")
    assert session.opening.headers["content-type"] == "text/plain; charset=UTF-8"
    await session.sends("40")
    assert (await session.get(t="Oabc124", j="1")).text.startswith('40{"sid":')


# The handshake


async def test_the_polling_handshake_has_exactly_five_keys(engine):
    session = await engine.polling()
    assert list(session.handshake) == OPEN_KEYS
    assert session.handshake | {"sid": ""} == {
        "sid": "",
        "upgrades": ["websocket"],
        "pingInterval": 25000,
        "pingTimeout": 20000,
        "maxPayload": LIMIT,
    }
    assert SEPARATOR not in session.opening.text
    assert not re.search(r"\d\.\d", session.opening.text.partition("upgrades")[2]), "numbers are integers"


async def test_the_websocket_handshake_offers_no_upgrades(engine):
    socket = await engine.websocket()
    assert list(socket.handshake) == OPEN_KEYS
    assert socket.handshake["upgrades"] == []
    assert socket.socket.subprotocol is None


async def test_the_handshake_tells_the_options(small):
    assert (await small.polling()).handshake["maxPayload"] == SMALL_LIMIT


async def test_no_extension_is_negotiated_by_default(engine):
    header = {"Sec-WebSocket-Extensions": "permessage-deflate", "Sec-WebSocket-Protocol": "chat"}
    answer = await engine.upgrade(transport="websocket", headers=header)
    assert answer.status == 101
    assert "sec-websocket-extensions" not in answer.headers
    assert "sec-websocket-protocol" not in answer.headers


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_session_ids_are_long_and_differ(engine, transport):
    sids = [(await engine.session(transport)).sid for _ in range(20)]
    assert len(set(sids)) == 20
    for sid in sids:
        assert re.fullmatch(r"[A-Za-z0-9_-]{20}", sid), sid


async def test_no_cookie_by_default(engine):
    assert "set-cookie" not in (await engine.polling()).opening.headers


# GET


async def test_a_get_waits_until_there_is_something(engine):
    session = await joined(engine)
    held = await session.hold()
    await session.sends('42["echo","a"]')
    assert await held.packets() == ['42["echo","a"]']


async def test_what_is_queued_comes_as_one_body(engine):
    session = await engine.polling()
    await session.sends("40")
    assert re.fullmatch(r'40\{"sid":"[A-Za-z0-9_-]{20}"\}', (await session.get()).text)
    await session.sends('42["echo","ä€😀"]', '42["echo","b"]')
    answer = await session.get()
    assert answer.text == SEPARATOR.join(['42["echo","ä€😀"]', '42["echo","b"]'])
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("agent", ["python-requests/2.32.3", "Python/3.12 aiohttp/3.9.5"])
async def test_a_poll_body_for_python_socketio_has_at_most_16_packets(fixture_x, agent):
    alice = await member(Engine(fixture_x.a), transport="polling", headers={"User-Agent": agent})
    await alice.emits("many", 100)
    numbers, bodies = [], 0
    while len(numbers) < 100:
        packets = await alice.session.poll()
        assert len(packets) <= CAP
        numbers += [json.loads(packet[2:])[1] for packet in packets if packet != "6"]
        bodies += 1
    assert numbers == list(range(100))
    assert bodies <= 20, "and no fewer than needed"


@pytest.mark.parametrize("agent", [None, "node-XMLHttpRequest", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101"])
async def test_a_poll_body_for_others_has_what_fits(fixture_x, agent):
    """Up to `maxPayload`, which is 10 000 bytes here, in whole packets."""
    alice = await member(Engine(fixture_x.a), transport="polling", headers={"User-Agent": agent} if agent else {})
    await alice.emits("many", 2000)
    numbers, bodies = [], []
    while len(numbers) < 2000:
        answer = await alice.session.get()
        bodies.append(len(answer.body))
        packets = alice.session.packets_of(answer)
        numbers += [json.loads(packet[2:])[1] for packet in packets if packet not in ("2", "6")]
    assert numbers == list(range(2000))
    assert max(bodies) <= 10_000
    assert len(bodies) <= 5, bodies


async def test_a_get_that_arrives_behind_a_goodbye_is_answered_once(engine):
    """The two may be on different connections, and overtake each other."""
    session = await joined(engine)
    await session.sends("1")
    assert await session.poll() == ["6"]
    await session.is_dead()


async def test_a_post_behind_a_goodbye_finds_no_session(engine):
    session = await joined(engine)
    await session.sends("1")
    is_refusal(await session.post("6"), UNKNOWN_SESSION)
    assert await session.poll() == ["6"]


async def test_a_goodbye_on_its_way_with_a_get_is_heard_in_either_order(engine):
    for _ in range(50):
        session = await engine.polling()
        poll, goodbye = await asyncio.gather(session.get(), session.post("1"))
        assert (poll.status, poll.body) == (200, b"6")
        assert goodbye.body == b"ok"
        await session.is_dead()


async def test_a_second_get_ends_the_session(engine):
    session = await joined(engine)
    held = await session.hold()
    second = await session.get()
    assert (second.status, second.body) == (400, b"")
    assert await held.packets() == ["1"]
    await session.is_dead()


@pytest.mark.parametrize("how", ["drop", "reset"])
async def test_a_dropped_get_ends_the_session(engine, how):
    session = await joined(engine)
    held = await session.hold()
    getattr(held, how)()
    await session.becomes_dead()
    await session.is_dead()


async def test_a_get_after_an_answered_one_is_no_overlap(engine):
    """Both on one connection, the second sent before the first is answered: it waits its turn there."""
    session = await joined(engine)
    connection = await Http.open(engine.address)
    for _ in range(2):
        connection.ask("GET", session.target())
    await session.sends('42["echo","first"]')
    assert (await connection.answer()).text == '42["echo","first"]'
    await session.sends('42["echo","second"]')
    assert (await connection.answer()).text == '42["echo","second"]'


async def test_a_close_packet_releases_the_held_get(engine):
    session = await joined(engine)
    held = await session.hold()
    await session.sends("1")
    assert await held.packets() == ["6"]
    await session.is_dead()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_long_bodies_are_compressed_for_those_who_ask(engine, encoding):
    session = await joined(engine)
    text = "x" * 2000
    await session.sends(f'42["echo","{text}"]')
    answer = await session.get(headers={"Accept-Encoding": encoding})
    assert session.packets_of(answer) == [f'42["echo","{text}"]']
    assert answer.headers.get("content-encoding") in (encoding, None)


async def test_short_bodies_and_bodies_nobody_asked_to_compress_are_plain(engine):
    session = await joined(engine)
    for text, headers in (("x" * 500, {"Accept-Encoding": "gzip"}), ("x" * 5000, {}), ("x" * 5000, None)):
        await session.sends(f'42["echo","{text}"]')
        answer = await session.get(headers=headers)
        assert "content-encoding" not in answer.headers
        assert answer.text == f'42["echo","{text}"]'


async def test_a_refused_encoding_is_not_used(engine):
    session = await joined(engine)
    await session.sends(f'42["echo","{"x" * 5000}"]')
    answer = await session.get(headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert "content-encoding" not in answer.headers


# POST


@pytest.mark.parametrize("content_type", ["text/plain;charset=UTF-8", "application/json", "text/html", "x", ""])
async def test_a_post_of_any_type_is_text(engine, content_type):
    session = await joined(engine)
    answer = await session.post('42["echo","ü"]', headers={"Content-Type": content_type})
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-length"] == "2"
    await session.expects('42["echo","ü"]')


async def test_a_post_without_a_type_is_text(engine):
    session = await joined(engine)
    answer = await engine.fetch("POST", session.target(), body='42["echo","ü"]'.encode())
    assert (answer.status, answer.body) == (200, b"ok")
    await session.expects('42["echo","ü"]')


async def test_octet_streams_end_the_session(engine):
    session = await joined(engine)
    answer = await session.post(b"\x00\x01\xff4", headers={"Content-Type": "application/octet-stream"})
    assert answer.status == 400
    await session.is_dead()


async def test_chunked_posts_work(engine):
    session = await joined(engine)
    connection = await Http.open(engine.address)
    connection.ask("POST", session.target(), {"Transfer-Encoding": "chunked"})
    for chunk in ('42["ec', 'ho","', 'chunks"]'):
        connection.send(f"{len(chunk):x}\r\n{chunk}\r\n")
        await asyncio.sleep(0)
    connection.send("0\r\n\r\n")
    assert (await connection.answer(to="POST")).body == b"ok"
    await session.expects('42["echo","chunks"]')


async def test_a_character_cut_in_two_by_the_network_is_whole(engine):
    session = await joined(engine)
    body = '42["echo","😀"]'.encode()
    connection = await Http.open(engine.address)
    connection.ask("POST", session.target(), {"Content-Length": str(len(body))})
    connection.send(body[:12])
    await asyncio.sleep(0.02)  # so that the parts are two for the server
    connection.send(body[12:])
    assert (await connection.answer(to="POST")).body == b"ok"
    await session.expects('42["echo","😀"]')


async def test_a_second_post_while_one_is_received_ends_the_session(engine):
    session = await joined(engine)
    first = await Http.open(engine.address)
    first.ask("POST", session.target(), {"Content-Length": "100"})
    first.send('42["echo","')
    answer = await until_received(session)
    assert answer.status == 400
    await session.is_dead()


async def until_received(session: Polling) -> http.Answer:
    """POSTs until one of them meets the one that is on its way on another connection."""
    while (answer := await session.post("6")).status == 200:
        await asyncio.sleep(0.001)
    return answer


async def test_a_post_and_a_get_may_be_in_flight_together(engine):
    session = await joined(engine)
    held = await session.hold()
    post = await Http.open(engine.address)
    body = '42["echo","both"]'
    post.ask("POST", session.target(), {"Content-Length": str(len(body))})
    post.send(body[:7])
    await asyncio.sleep(0.02)  # so that the parts are two for the server
    post.send(body[7:])
    assert (await post.answer(to="POST")).body == b"ok"
    assert await held.packets() == [body]


async def test_a_client_that_vanishes_in_the_middle_of_a_body_ends_the_session(engine):
    session = await joined(engine)
    held = await session.hold()
    connection = await Http.open(engine.address)
    connection.ask("POST", session.target(), {"Content-Length": "100"})
    connection.send('42["echo","')
    await asyncio.sleep(0.05)  # else the server may see nothing but the end
    connection.drop()
    await held.answer()
    await session.is_dead()


async def test_exactly_the_limit_is_allowed(small):
    alice = await member(small, transport="polling")
    start, end = '42["back","', '"]'
    text = "é" * ((SMALL_LIMIT - len(start) - len(end)) // 2)
    body = f"{start}{text}{end}"
    body += " " * (SMALL_LIMIT - len(body.encode()))
    assert len(body.encode()) == SMALL_LIMIT
    await alice.session.sends(body)
    await alice.expects(["back", text])


async def test_one_byte_more_is_too_much(small):
    alice = await member(small, transport="polling")
    answer = await alice.session.post("6" + "é" * (SMALL_LIMIT // 2))
    assert (answer.status, answer.body) == (413, b"")
    await alice.session.is_alive()


async def test_a_declared_length_above_the_limit_is_answered_at_once(small):
    alice = await member(small, transport="polling")
    connection = await Http.open(small.address)
    connection.ask("POST", alice.session.target(), {"Content-Length": str(SMALL_LIMIT + 1)})
    answer = await connection.answer(to="POST")
    assert (answer.status, answer.body) == (413, b"")


async def test_an_undeclared_length_above_the_limit_is_too_much(small):
    alice = await member(small, transport="polling")
    connection = await Http.open(small.address)
    connection.ask("POST", alice.session.target(), {"Transfer-Encoding": "chunked"})
    for _ in range(11):
        connection.send(f"{1000:x}\r\n{'x' * 1000}\r\n")
    answer = await connection.answer(to="POST")
    assert (answer.status, answer.body) == (413, b"")


@pytest.mark.parametrize("body", ["9", "x", "hello", "", SEPARATOR, f"6{SEPARATOR}", "b!!!", "bA"])
async def test_a_malformed_body_is_refused_and_ends_the_session(engine, body):
    session = await joined(engine)
    answer = await session.post(body)
    assert answer.status == 400
    await session.is_dead()


@pytest.mark.parametrize("body", [b"\xff", b"4\xff\xfe", b'42["echo","\xc3"]', b"42[\"\xed\xa0\x80\"]"])
async def test_a_body_that_is_not_utf_8_harms_its_session_at_most(engine, body):
    session = await joined(engine)
    assert (await session.post(body)).status in (200, 400)
    await (await joined(engine)).is_alive()


async def test_packets_before_the_first_bad_one_count_and_those_behind_it_do_not(fixture_x):
    engine = Engine(fixture_x.b)
    alice, bob = await member(engine, transport="polling"), await member(engine)
    orders = [f'42["bcast",{{"via":"io","rooms":["{bob.id}"]}},"{name}"]' for name in ("before", "behind")]
    answer = await alice.session.post(SEPARATOR.join([orders[0], "9", orders[1]]))
    assert answer.status == 400
    await alice.session.is_dead()
    await bob.expects_only(["before"])


# Packets


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("packet", ["6", "5", "6with payload", "3", "3again"])
async def test_packets_without_meaning_are_ignored(engine, transport, packet):
    alice = await member(engine, transport=transport)
    await alice.session.sends(packet)
    await alice.emits("echo", "alive")
    await alice.expects(["echo", "alive"])


@pytest.mark.parametrize("packet", ["2", "2probe", "0", "7", "9", "a", "A", "é"])
async def test_packets_no_client_sends_close_a_websocket_session(engine, packet):
    socket = (await member(engine)).session
    await socket.sends(packet)
    await socket.closing(after_anything=True)


@pytest.mark.parametrize("packet", ["2", "2probe", "0"])
async def test_packets_no_client_sends_close_a_polling_session(engine, packet):
    session = await joined(engine)
    answer = await session.post(packet)
    assert answer.status in (200, 400)
    await session.is_dead()


async def test_an_empty_websocket_message_closes(engine):
    socket = (await member(engine)).session
    await socket.sends("")
    await socket.closing(after_anything=True)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_close_packet_closes(engine, transport):
    session = (await member(engine, transport=transport)).session
    if transport == "polling":
        await session.leaves()
        await session.is_dead()
    else:
        await session.sends("1")
        await session.closing(after_anything=True)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_text_and_binary_messages_are_echoed(bare, transport):
    session = await bare.session(transport)
    packets = ["4", "4hello", "4ä€😀", b"", b"\x04", bytes(range(256)), "4" + "x" * 70_000, b"y" * 70_000]
    for packet in packets:
        await session.sends(packet)
        await session.expects(packet)


async def test_binary_in_a_poll_body_is_base64_without_a_type(bare):
    session = await bare.polling()
    await session.sends("bAQIDBA==")
    answer = await session.get()
    while answer.text == "2":
        await session.sends("3")
        answer = await session.get()
    assert answer.text == "bAQIDBA=="


async def test_base64_without_padding_is_understood(bare):
    session = await bare.polling()
    await session.sends("bAQIDBA")
    await session.expects(b"\x01\x02\x03\x04")


async def test_several_packets_of_one_post_are_handled_in_order(bare):
    session = await bare.polling()
    packets = ["4one", b"two", "4three", b"\x1e", "4four"]
    await session.sends(*packets)
    await session.expects(*packets)


# WebSocket


def raw(engine: Engine) -> RawWebSocket:
    socket = RawWebSocket.open(engine.address, engine.target(transport="websocket"))
    assert socket.next(TEXT).payload.startswith(b"0{")
    return socket


def test_fragments_are_put_together(bare):
    socket = raw(bare)
    socket.send_frame(TEXT, "4he", fin=False)
    socket.send_frame(PING, b"between")
    socket.send_frame(CONTINUATION, "llo", fin=True)
    assert socket.next(PONG).payload == b"between"
    frames = [socket.next(TEXT).payload for _ in range(2)]
    assert b"4hello" in frames


def test_a_binary_frame_comes_back_without_a_prefix(bare):
    socket = raw(bare)
    socket.send_frame(BINARY, b"\x01\x02\x03\x04")
    frame = socket.next(BINARY)
    assert frame.payload == b"\x01\x02\x03\x04"


async def test_websocket_pings_are_no_heartbeat(bare):
    """They are answered, and the session ends nevertheless."""
    socket = await bare.websocket(pongs=False)
    answered = 0
    with pytest.raises(ConnectionClosed):
        async with asyncio.timeout(10):
            while True:
                await (await socket.socket.ping())
                answered += 1
                await asyncio.sleep(0.01)
    assert answered


async def test_a_message_of_exactly_the_limit_is_allowed_over_websocket(small):
    alice = await member(small)
    body = '42["back","x"]'.ljust(SMALL_LIMIT)
    await alice.session.sends(body)
    await alice.expects(["back", "x"])


@pytest.mark.parametrize("kind", ["text", "binary"])
async def test_a_message_above_the_limit_closes_with_1009(small, kind):
    alice = await member(small)
    await alice.session.sends("4" * (SMALL_LIMIT + 1) if kind == "text" else b"x" * (SMALL_LIMIT + 1))
    await alice.session.is_closed(1009, after_anything=True)


async def test_a_message_above_the_limit_in_fragments_closes_with_1009(small):
    alice = await member(small)
    await alice.session.sends_fragments("4" * 6000, "4" * 6000)
    await alice.session.is_closed(1009, after_anything=True)


# The server closes


async def test_the_server_closes_by_a_packet_in_the_held_get(small):
    """With a namespace left there is nothing to tell but the end."""
    alice = await member(small, transport="polling")
    await alice.disconnects()
    held = await alice.session.hold()
    await alice.session.sends('42["back","not joined any more"]')
    assert await held.packets() == ["1"]
    await alice.session.is_dead()


async def test_the_server_closes_by_a_packet_in_the_next_get(small):
    alice = await member(small, transport="polling")
    await alice.session.sends("44")
    assert await alice.session.poll() == ["1"]
    await alice.session.is_dead()


@pytest.mark.parametrize("is_held", [True, False])
async def test_the_close_packet_waits_until_everything_before_it_was_fetched(small, is_held):
    """The official client handles `1` at once and messages a moment later: in one body it would overtake the `41`."""
    alice = await member(small, transport="polling")
    held = await alice.session.hold() if is_held else None
    await alice.emits("kick", True)
    assert await (held.packets() if held else alice.session.poll()) == ["41"]
    assert await alice.session.poll() == ["1"]
    await alice.session.is_dead()


async def test_a_kept_alive_connection_serves_many_requests(engine):
    connection = await Http.open(engine.address)
    opening = await connection.request("GET", engine.target(transport="polling"))
    target = Polling(engine, opening, {}).target()
    for _ in range(50):
        assert (await connection.request("POST", target, body="6")).body == b"ok"
    assert (await connection.request("POST", target, body="40")).body == b"ok"
    assert (await connection.request("GET", target)).text.startswith("40{")


async def test_nothing_is_left_of_closed_sessions(socketio_fixture):
    started = socketio_fixture("B")
    engine = Engine(started.address)
    sessions = [await engine.session(transport) for transport in TRANSPORTS * 3]
    for session in sessions:
        await Connection(session).joins()
    assert started.statistics()["sessions"] == 6
    for session in sessions:
        await session.leaves()
        if isinstance(session, Polling):
            await session.is_dead()
    while (left := started.statistics())["sessions"]:
        await asyncio.sleep(0.01)
    assert left["sockets"] == left["pendingPolls"] == 0
