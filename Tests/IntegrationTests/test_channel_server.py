"""Channel server over its socket, on a port of its own and under `/channels` on the front door."""

import asyncio
import json
import re
import time

import pytest

from support import http, metrics
from support.dialects import ChannelServer
from support.raw import CONTINUATION, PING, PONG, TEXT

PLACES = {"own-port": ("channel_server", "/"), "front-door": ("front_door", "/channels")}
SENDER = r"[A-Za-z0-9_-]{21}"


def at(server, place: str) -> ChannelServer:
    listener, root = PLACES[place]
    return ChannelServer(getattr(server, listener), root)


@pytest.fixture(params=PLACES)
def channels(request, shared_server) -> ChannelServer:
    return at(shared_server, request.param)


@pytest.fixture(params=PLACES)
def place(request) -> str:
    return request.param


# The handshake


def test_any_path_is_accepted_on_its_own_port(shared_server):
    """Channel server, Connection: any path on a dedicated port."""
    for path in ("/", "/prod", "/a/b?x=1", "/channels"):
        assert http.upgrade(shared_server.channel_server, path).status == 101, path


def test_plain_http_gets_health_or_426(shared_server):
    """Channel server, Connection: `GET /health` 200; another plain request 426."""
    assert http.fetch(shared_server.channel_server, "/health").status == 200
    answer = http.fetch(shared_server.channel_server, "/other")
    assert answer.status == 426
    assert answer.headers["upgrade"].lower() == "websocket"


async def test_the_path_on_the_shared_port_is_configurable(server, room):
    """Channel server, configuration: CHANNEL_PATH."""
    channels = ChannelServer(server(CHANNEL_PATH="/live").front_door, "/live")
    alice = await channels.join("alice", room)
    await alice.answers_ping()


# ping


async def test_pong_carries_the_data_byte_for_byte(channels):
    """Channel server, acceptance 1."""
    alice = await channels.connect("alice", "")
    data = '{"n":12345678901234567890,"a":[1.0,null]}'
    await alice.sends('{"type":"ping","data":' + data + "}")
    await alice.expects('{"type":"pong","data":' + data + "}")
    await alice.sends('{"type":"ping"}')
    await alice.expects('{"type":"pong"}')


RAW_DATA = [
    "1.0", "1e5", "-0", "123456789012345678901234567890", '"\\u00e9\\/"', '{"b":1,"a":2,"b":3}', "null", "false", "0",
    '""', "[]", '{"a": [1,  2]}', '"ünï ✓ 😀"',
]  # fmt: skip


@pytest.mark.parametrize("data", RAW_DATA, ids=range(len(RAW_DATA)))
async def test_data_is_spliced_not_re_encoded(channels, room, data):
    """Channel server, Server -> client: `data` passes through unchanged, in pong and message."""
    alice = await channels.join("alice", room)
    await alice.sends('{"data":' + data + ',"x":{"data":1},"type":"ping"}')
    await alice.expects('{"type":"pong","data":' + data + "}")
    await alice.sends('{"type":"publish","data":' + data + "}")
    message = await alice.receives()
    assert re.fullmatch(r'\{"type":"message","senderId":"' + SENDER + '","data":' + re.escape(data) + r"\}", message)


# join


async def test_join_is_answered_with_exactly_join_success(channels, room):
    """Channel server, acceptance 3."""
    alice = await channels.connect("alice", room)
    await alice.sends({"type": "join", "channelId": room})
    await alice.expects('{"type":"joinSuccess"}')


BAD_CHANNELS = [{}, {"channelId": 5}, {"channelId": ""}, {"channelId": None}, {"channelId": "x" * 1025}]
BAD_CHANNELS += [{"channelId": ["x"]}, {"channelId": "ü" * 513}]


@pytest.mark.parametrize("fields", BAD_CHANNELS, ids=range(len(BAD_CHANNELS)))
async def test_an_invalid_channel_fails_and_the_present_one_stays(channels, room, fields):
    """Channel server, acceptance 4, first half."""
    alice, bob = await channels.together(room, "alice", "bob")
    await alice.sends({"type": "join"} | fields)
    await alice.expects('{"type":"joinFailure"}')
    await alice.publishes("still here")
    for member in (alice, bob):
        await member.expects_message("still here")


@pytest.mark.parametrize("channel", ["x" * 1024, "ünï ✓", " ", "a/b?c#d", "\u0000", "😀" * 256], ids=range(6))
async def test_unusual_channels_join(channels, channel):
    """Channel server, acceptance 4, second half."""
    alice = await channels.join("alice", channel)
    await alice.publishes("hi")
    await alice.expects_message("hi")


async def test_channels_are_case_sensitive(channels, room):
    """Channel server, join: ids are case-sensitive."""
    alice = await channels.join("alice", room)
    bob = await channels.join("bob", room.upper())
    await alice.publishes("for this channel")
    await alice.expects_message("for this channel")
    await bob.answers_ping()


async def test_a_second_join_moves_the_connection(channels, room):
    """Channel server, acceptance 7."""
    x, y = f"{room}-x", f"{room}-y"
    alice, bob = await channels.together(x, "alice", "bob")
    carol = await channels.join("carol", y)
    await alice.joins(y)
    await alice.publishes("to y")
    await carol.expects_message("to y")
    await alice.expects_message("to y")
    await alice.expects_success()
    await bob.publishes("to x")
    await bob.expects_message("to x")
    await bob.expects_success()
    await alice.answers_ping()
    await bob.answers_ping()


async def test_sender_ids_are_made_at_each_join(channels, room):
    """Channel server, acceptance 6."""
    alice, bob = await channels.together(room, "alice", "bob")
    senders = []
    for _ in range(2):
        await alice.publishes("from alice")
        senders.append(await bob.expects_message("from alice"))
    assert senders[0] == senders[1] and re.fullmatch(SENDER, senders[0])
    await bob.publishes("from bob")
    assert await bob.expects_message("from bob") != senders[0]
    await bob.expects_success()
    await alice.hears("from bob")
    await alice.joins(room)
    await alice.publishes("again")
    assert await bob.expects_message("again") not in senders
    await bob.answers_ping()


async def test_a_reconnected_member_is_new_and_must_join(channels, room):
    """Channel server, acceptance 8."""
    alice, bob = await channels.together(room, "alice", "bob")
    await alice.publishes("one")
    old = await bob.expects_message("one")
    await alice.leaves()
    alice = await channels.connect("alice", room)
    await alice.publishes("too early")
    assert (await alice.receives_json())["type"] == "publishFailure"
    await alice.joins(room)
    await alice.publishes("two")
    assert await bob.expects_message("two") != old


# publish


async def test_publish_before_join_fails_and_the_connection_stays(channels):
    """Channel server, acceptance 2."""
    alice = await channels.connect("alice", "")
    await alice.publishes(1)
    failure = await alice.receives_json()
    assert list(failure) == ["type", "data"] and failure["type"] == "publishFailure"
    assert isinstance(failure["data"], str) and failure["data"]
    await alice.answers_ping()


async def test_a_publish_reaches_its_channel_and_the_publisher_before_success(channels, room):
    """Channel server, acceptance 5, first half."""
    alice, bob = await channels.together(f"{room}-x", "alice", "bob")
    carol = await channels.join("carol", f"{room}-y")
    await alice.publishes({"hi": 1})
    await bob.expects_message({"hi": 1})
    await alice.expects_message({"hi": 1})
    await alice.expects_success()
    await carol.answers_ping()


async def test_without_echo_the_publisher_gets_only_success(server, room, place):
    """Channel server, acceptance 5, second half: CHANNEL_ECHO=false."""
    alice, bob = await at(server(CHANNEL_ECHO="false"), place).together(room, "alice", "bob")
    await alice.publishes({"hi": 1})
    await bob.expects_message({"hi": 1})
    await alice.expects_success()
    await alice.answers_ping()


async def test_a_thousand_publishes_arrive_in_order(channels, room):
    """Channel server, acceptance 9."""
    alice, bob = await channels.together(room, "alice", "bob")
    for number in range(1000):
        await alice.publishes(number)
    for number in range(1000):
        await bob.expects_message(number)
        await alice.expects_message(number)
        await alice.expects_success()
    await alice.answers_ping()


async def test_all_members_see_one_order(channels, room):
    """Channel server, publish: the same order for all members."""
    members = await channels.together(room, "alice", "bob", "carol")
    await asyncio.gather(*(member.publishes(f"{member.name} {n}") for n in range(50) for member in members))
    seen = [[await next_text(member) for _ in range(150)] for member in members]
    assert seen[0] == seen[1] == seen[2]


async def next_text(member) -> str:
    for _ in range(1000):
        if (text := member.text_of(await member.receives())) is not None:
            return text
    raise AssertionError("no message among a thousand")


@pytest.mark.parametrize("data", [None, False, 0, "", [], {}], ids=repr)
async def test_empty_values_arrive_as_they_are(channels, room, data):
    """Channel server, acceptance 10, first half."""
    alice, bob = await channels.together(room, "alice", "bob")
    await alice.publishes(data)
    await bob.expects_message(data)


async def test_absent_data_arrives_as_null(channels, room):
    """Channel server, acceptance 10, second half."""
    alice, bob = await channels.together(room, "alice", "bob")
    await alice.sends('{"type":"publish"}')
    await bob.expects_message(None)


# Everything else

BAD_MESSAGES = ["hello", "[]", "{}", '{"type":"x"}', "", "null", '{"type":5}', '{"type":null}', '"ping"']
BAD_MESSAGES += ['{"type":"ping"', '{"type":"ping"}x', '{"type":"ping","data":}', '{"Type":"ping"}', "[" * 10_000]
BAD_MESSAGES += ['{"type":"ping","data":01}', "{'type':'ping'}"]


@pytest.mark.parametrize("message", BAD_MESSAGES, ids=range(len(BAD_MESSAGES)))
async def test_a_bad_message_is_answered_in_the_gateway_shape(channels, message):
    """Channel server, acceptance 11."""
    alice = await channels.connect("alice", "")
    await alice.sends(message)
    answer = await alice.receives_json()
    assert set(answer) == {"message", "connectionId", "requestId"}
    assert answer["message"] == "Bad request"
    assert re.fullmatch(r"[A-Za-z0-9_-]{16}", answer["connectionId"])
    assert answer["requestId"]
    await alice.answers_ping()


async def test_the_connection_id_stays_and_request_ids_differ(channels):
    """Channel server, anything else; Connection: ids."""
    alice = await channels.connect("alice", "")
    answers = []
    for _ in range(2):
        await alice.sends("hello")
        answers.append(await alice.receives_json())
    assert answers[0]["connectionId"] == answers[1]["connectionId"]
    assert answers[0]["requestId"] != answers[1]["requestId"]


# Limits


async def test_a_binary_frame_closes_1003(channels, room):
    """Channel server, acceptance 12: binary."""
    alice = await channels.join("alice", room)
    await alice.sends(b'{"type":"ping"}')
    await alice.is_closed(1003)


async def test_a_message_of_131072_bytes_works_and_one_more_closes_1009(channels, room):
    """Channel server, acceptance 12: the message limit."""
    alice, bob = await channels.together(room, "alice", "bob")
    await alice.sends(publish_of(131072))
    assert len((await bob.receives_json())["data"]) > 131000
    await alice.sends(publish_of(131073))
    await alice.is_closed(1009, after_anything=True)
    await bob.answers_ping()


def publish_of(size: int) -> str:
    """A publish of exactly this many bytes."""
    frame = '{"type":"publish","data":"%s"}'
    return frame % ("x" * (size - len(frame) + 2))


async def test_the_message_limit_counts_all_fragments(channels, room):
    """Channel server, acceptance 12: the limit is the message's."""
    alice = await channels.join("alice", room)
    text = publish_of(131073)
    await alice.sends_fragments(*(text[start : start + 32_000] for start in range(0, len(text), 32_000)))
    await alice.is_closed(1009)


async def test_forty_kilobytes_in_one_frame_work_by_default(channels, room):
    """Channel server, acceptance 12: no frame limit by default."""
    alice = await channels.join("alice", room)
    await alice.sends(publish_of(40_000))
    assert (await alice.receives_json())["type"] == "message"


def test_with_a_frame_limit_a_long_message_must_be_fragmented(server, room, place):
    """Channel server, acceptance 12: CHANNEL_MAX_FRAME_BYTES=32768."""
    channels = at(server(CHANNEL_MAX_FRAME_BYTES=32768), place)
    raw = channels.raw("alice", room)
    text = publish_of(40_000)
    raw.send_frame(TEXT, text[:20_000], fin=False)
    raw.send_frame(CONTINUATION, text[20_000:])
    assert json.loads(raw.next(TEXT).payload)["type"] == "message"
    raw.send_frame(TEXT, text)
    assert raw.next(TEXT).payload == b'{"type":"publishSuccess"}'
    assert raw.close_code() == 1009


async def test_a_silent_connection_is_closed_and_one_that_pings_stays(server, room, place):
    """Channel server, acceptance 13: CHANNEL_IDLE_TIMEOUT=1."""
    channels = at(server(CHANNEL_IDLE_TIMEOUT=1), place)
    silent = channels.raw("silent", room)
    pinging = channels.raw("pinging", room)
    lively = await channels.join("lively", room)
    started = time.monotonic()
    for _ in range(4):  # 2 s
        await lively.answers_ping()
        pinging.send_frame(PING)
        await asyncio.sleep(0.5)
    assert silent.close_code() == 1001
    assert pinging.answers_ping()
    await lively.answers_ping()
    assert time.monotonic() - started < 5


async def test_messages_to_a_connection_keep_it_open(server, room, place):
    """Channel server, Lifecycle: messages in either direction reset the idle timer."""
    channels = at(server(CHANNEL_IDLE_TIMEOUT=1), place)
    speaker, listener = await channels.together(room, "speaker", "listener")
    for number in range(4):
        await speaker.publishes(number)
        await listener.expects_message(number)
        await asyncio.sleep(0.5)
    await listener.answers_ping()


async def test_the_lifetime_ends_in_spite_of_activity(server, room, place):
    """Channel server, acceptance 13: CHANNEL_MAX_LIFETIME=2."""
    channels = at(server(CHANNEL_MAX_LIFETIME=2), place)
    alice = await channels.join("alice", room)
    joined = time.monotonic()
    stop = asyncio.create_task(ping_for(alice, 6))
    await alice.is_closed(1001, after_anything=True)
    assert 1.5 < time.monotonic() - joined < 4
    stop.cancel()


async def ping_for(member, seconds: float) -> None:
    for _ in range(int(seconds / 0.2)):
        await member.sends({"type": "ping"})
        await asyncio.sleep(0.2)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_no_protocol_ping_arrives_in_ninety_seconds(shared_server, room):
    """Channel server, acceptance 14, first half."""
    raw = at(shared_server, "own-port").raw("alice", room)
    assert not raw.is_closed(within=90)
    assert raw.unread == b""


def test_a_client_ping_is_ponged(channels, room):
    """Channel server, acceptance 14, second half."""
    raw = channels.raw("alice", room)
    raw.send_frame(PING, b"payload")
    assert raw.next(PONG).payload == b"payload"


def test_server_pings_can_be_switched_on(server, room, place):
    """Channel server, Lifecycle: CHANNEL_SERVER_PING."""
    raw = at(server(CHANNEL_SERVER_PING=1), place).raw("alice", room)
    assert raw.next(PING)


async def test_a_vanished_member_does_not_hold_up_the_publisher(channels, room):
    """Channel server, acceptance 15, first half. The row is in the management tests."""
    alice = await channels.join("alice", room)
    channels.raw("bob", room).reset()
    await alice.publishes("hi")
    await alice.expects_message("hi")
    await alice.expects_success()


async def test_a_connection_over_the_rate_limit_is_closed_1008(server, room, place):
    """Channel server, Lifecycle: CHANNEL_RATE_LIMIT exceeded for 2 s."""
    started = server(CHANNEL_RATE_LIMIT=5)
    channels = at(started, place)
    modest, greedy = await channels.together(room, "modest", "greedy")
    flood, began = asyncio.create_task(ping_fast(greedy)), time.monotonic()
    await greedy.is_closed(1008, after_anything=True)
    assert time.monotonic() - began >= 1.9
    flood.cancel()
    await modest.answers_ping()
    assert metrics.read(started.front_door).total("parley_closes_total", reason="too_many_requests") == 1


async def ping_fast(member) -> None:
    for _ in range(300):  # 6 s
        await member.sends({"type": "ping"})
        await asyncio.sleep(0.02)


def test_invalid_utf8_closes_1007(channels, room):
    """RFC 6455 §8.1."""
    raw = channels.raw("alice", room)
    raw.send_frame(TEXT, b'{"type":"ping","data":"\xff"}')
    assert raw.close_code() == 1007
