"""Socket.IO 5 packet by packet: grammar, payloads, binary, who may say what when. Acceptance 3, 4, 8, 9, 10, 11."""

import asyncio
import json
import re
import time

import pytest
from websockets.exceptions import ConnectionClosed

from support.engineio import Engine, SessionEnded
from support.sio import CONNECT, EVENT, TRANSPORTS, Connection, Member, member, members

CONNECT_TIMEOUT = 1.0
TOLERANCE = 0.4
RESERVED = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]


@pytest.fixture
def engine(fixture_x) -> Engine:
    """No recovery; a namespace has to be joined within a second."""
    return Engine(fixture_x.a)


@pytest.fixture(params=TRANSPORTS)
def transport(request) -> str:
    return request.param


async def says(connection: Connection, *packets) -> None:
    """Packets as they are. A connection that the server ends meanwhile is the caller's business."""
    try:
        await connection.session.sends(*packets)
    except (ConnectionClosed, SessionEnded):
        pass
    except AssertionError as refusal:  # a POST whose first packets already ended the session
        assert "400" in str(refusal)


async def closes(connection: Connection, *packets) -> None:
    """The whole connection ends, and no packet says why."""
    await says(connection, *packets)
    assert await connection.session.ends() == []


async def closes_for(engine: Engine, *packets, transport: str = "websocket") -> None:
    """For a socket in `/` and in `/custom`."""
    alice = await member(engine, transport=transport)
    await alice.connection.joins("/custom")
    await closes(alice.connection, *packets)


async def is_ignored(engine: Engine, *packets, transport: str = "websocket") -> None:
    alice = await member(engine, transport=transport)
    await says(alice.connection, *packets)
    await alice.expects_only()


async def replies(session, packet: str, *expected) -> None:
    await session.sends(packet)
    await session.expects(*expected)


# CONNECT


async def test_connect_is_answered_with_a_socket_id(engine, transport):
    connection = await Connection.open(engine, transport)
    await connection.session.sends("40")
    packet = await connection.session.receives()
    assert re.fullmatch(r'40\{"sid":"[A-Za-z0-9_-]{20}"\}', packet), packet
    assert json.loads(packet[2:])["sid"] != connection.session.sid


@pytest.mark.parametrize("packet", ["40/custom", "40/custom,", "40/custom,{}", '40/custom,{"token":"123"}'])
async def test_a_namespace_may_end_with_a_comma_or_with_the_packet(engine, transport, packet):
    connection = await Connection.open(engine, transport)
    await connection.session.sends(packet)
    answer = await connection.session.receives()
    assert re.fullmatch(r'40/custom,\{"sid":"[A-Za-z0-9_-]{20}"\}', answer), answer


@pytest.mark.parametrize("packet", ["40", "40{}", "40/", "40/,", "40/,{}", '40{"a":[1,{"b":null}]}'])
async def test_the_main_namespace_may_be_named(engine, packet):
    connection = await Connection.open(engine)
    await connection.session.sends(packet)
    assert (await connection.session.receives()).startswith('40{"sid":"')


async def test_every_namespace_has_its_own_socket_id(engine):
    connection = await Connection.open(engine)
    ids = {(await connection.joins(name)).id for name in ("/", "/custom", "/mw")}
    assert len(ids | {connection.session.sid}) == 4


@pytest.mark.parametrize(
    "name", ["/x", "/custom?token=abc", "/custom/", "/Custom", "/ü", "/a b", "/__proto__", "/dyn-"]
)
async def test_an_unknown_namespace_is_refused_byte_for_byte(engine, transport, name):
    connection = await Connection.open(engine, transport)
    await replies(connection.session, f"40{name}", f'44{name},{{"message":"Invalid namespace"}}')
    await replies(connection.session, f"40{name},", f'44{name},{{"message":"Invalid namespace"}}')
    await connection.joins()


async def test_a_refusal_does_not_touch_other_namespaces(engine, transport):
    alice = await member(engine, transport=transport)
    assert await alice.connection.is_refused("/x") == {"message": "Invalid namespace"}
    assert await alice.connection.is_refused("/mw", {"fail": True}) == {"message": "nope"}
    assert await alice.ask("echo", 1) == 1


async def test_there_is_no_implicit_namespace(engine):
    connection = await Connection.open(engine)
    await closes(connection, '42["back","x"]')


@pytest.mark.parametrize("payload", ["[]", '["a"]', '"text"', "null", "true", "{", "{}{}", '{"a":1}x', " "])
async def test_connect_with_anything_but_an_object_closes(engine, payload):
    connection = await Connection.open(engine)
    await closes(connection, f"40{payload}")
    connection = await Connection.open(engine)
    await closes(connection, f"40/custom,{payload}")


async def test_a_second_connect_closes(engine, transport):
    await closes_for(engine, "40", transport=transport)
    await closes_for(engine, "40/custom,{}", transport=transport)


@pytest.mark.parametrize(
    "packet",
    ['42["back"]', "43[]", "431[]", "41", '451-["back",{"_placeholder":true,"num":0}]', '44{"message":"x"}', "46"],
)
async def test_anything_before_connect_closes(engine, transport, packet):
    connection = await Connection.open(engine, transport)
    await closes(connection, packet)


async def test_a_binary_message_before_connect_closes(engine, transport):
    await closes(await Connection.open(engine, transport), b"\x01")


@pytest.mark.parametrize("packet", ['42/custom,["back"]', "43/custom,1[]", "41/custom,", "42/x,[\"back\"]", "41/x,"])
async def test_data_for_a_namespace_that_is_not_joined_closes(engine, transport, packet):
    alice = await member(engine, transport=transport)
    await closes(alice.connection, packet)


@pytest.mark.parametrize("packet", ['42/mw,["back"]', "43/mw,1[]", "41/mw,"])
async def test_data_for_a_namespace_whose_middleware_is_running_closes(engine, transport, packet):
    alice = await member(engine, transport=transport)
    await says(alice.connection, '40/mw,{"delay":5000}')
    await closes(alice.connection, packet)


async def test_data_behind_a_refused_connect_closes(engine):
    alice = await member(engine)
    await alice.connection.is_refused("/x")
    await closes(alice.connection, '42/x,["back"]')


async def test_a_connect_while_one_is_pending_replaces_it(engine, transport):
    """A client that gave up and tried again gets one answer, for its second attempt."""
    alice = await member(engine, transport=transport)
    await says(alice.connection, '40/mw,{"delay":300,"join":"first"}')
    await says(alice.connection, '40/mw,{"delay":400,"join":"second"}')
    second = Member(alice.connection, "/mw")
    second.id, second.pid = (await second.hears_packet(CONNECT)).data["sid"], None
    assert await second.ask("rooms") == ["second"]
    assert [one["id"] for one in await second.ask("fetch", "second")] == [second.id]
    assert await second.ask("fetch", "first") == []
    await second.expects_only()


async def test_a_pending_connect_that_was_replaced_leaves_no_answer_behind(engine):
    alice = await member(engine)
    await says(alice.connection, '40/mw,{"delay":100,"fail":true}', "40/mw,{}")
    mallory = Member(alice.connection, "/mw")
    mallory.id, mallory.pid = (await mallory.hears_packet(CONNECT)).data["sid"], None
    await asyncio.sleep(0.2)
    await mallory.expects_only()


async def test_joining_nothing_in_time_closes(engine, transport):
    connection = await Connection.open(engine, transport)
    begun = time.monotonic()
    if transport == "polling":
        connection.session.keeps_polling()
    assert await connection.session.ends() == []
    assert CONNECT_TIMEOUT - 0.05 < time.monotonic() - begun < CONNECT_TIMEOUT + TOLERANCE


async def test_a_refusal_does_not_stop_the_connect_timeout(engine):
    connection = await Connection.open(engine)
    begun = time.monotonic()
    await connection.is_refused("/x")
    await connection.ends()
    assert CONNECT_TIMEOUT - 0.05 < time.monotonic() - begun < CONNECT_TIMEOUT + TOLERANCE


async def test_leaving_all_namespaces_does_not_close(engine, transport):
    alice = await member(engine, transport=transport)
    await alice.disconnects()
    await asyncio.sleep(CONNECT_TIMEOUT + TOLERANCE)
    assert await (await alice.connection.joins()).ask("echo", 1) == 1


# DISCONNECT


async def test_disconnect_is_not_answered_and_the_namespace_may_be_joined_again(engine, transport):
    alice = await member(engine, transport=transport)
    other = await alice.connection.joins("/custom")
    await alice.disconnects()
    again = await alice.connection.joins()
    assert again.id != alice.id
    await again.expects_only()
    await other.expects_only()


async def test_data_behind_a_disconnect_closes(engine, transport):
    await closes_for(engine, "41", '42["back"]', transport=transport)
    await closes_for(engine, "41/custom,", '42/custom,["back"]', transport=transport)
    await closes_for(engine, "41", "41", transport=transport)


@pytest.mark.parametrize("payload", ["{}", "[]", '"x"', "null", '{"reason":"none"}'])
async def test_disconnect_with_a_payload_closes(engine, payload):
    await closes_for(engine, f"41{payload}")
    await closes_for(engine, f"41/custom,{payload}")


# EVENT, ACK, and what a client may not send


async def test_a_connect_error_from_a_client_closes(engine, transport):
    await closes_for(engine, '44{"message":"x"}', transport=transport)
    await closes_for(engine, "44", transport=transport)


@pytest.mark.parametrize(
    "payload",
    ["{}", '{"a":"b"}', '"text"', "null", "1", "true", "[]", "[null]", "[true]", "[{}]", "[[]]", '[["back"]]', "[1.5"],
)
async def test_an_event_that_is_not_a_named_array_closes(engine, payload):
    if payload == "1":  # an acknowledgement id without a payload, which may be tolerated
        return
    await closes_for(engine, f"42{payload}")


@pytest.mark.parametrize("name", RESERVED)
async def test_reserved_names_close(engine, transport, name):
    await closes_for(engine, f'42["{name}"]', transport=transport)


@pytest.mark.parametrize("name", ["connection", "error", "ping", "pong", "message", "", "__proto__", "toString"])
async def test_other_names_are_ordinary(engine, transport, name):
    await is_ignored(engine, f'42["{name}","x"]', transport=transport)


@pytest.mark.parametrize("payload", ["[1]", "[0,2]", "[-1]", "[1.5]"])
async def test_a_number_may_be_a_name(engine, payload):
    await is_ignored(engine, f"42{payload}")


async def test_an_event_that_nobody_handles_is_not_acknowledged(engine, transport):
    await is_ignored(engine, '427["nobody"]', '42["nobody",{"a":1}]', transport=transport)


@pytest.mark.parametrize("payload", ["", "7", "{}", '7{"a":1}', '7"x"', "7null", "7[", "7[1]]"])
async def test_an_ack_that_is_not_an_array_closes(engine, payload):
    await closes_for(engine, f"43{payload}")


async def test_an_ack_that_nobody_waits_for_is_ignored(engine, transport):
    await is_ignored(engine, "430[]", "4399[1,2]", "439007199254740991[]", transport=transport)


async def test_a_second_ack_is_ignored(engine, transport):
    alice = await member(engine, transport=transport)
    await alice.connection.says(EVENT, "/", ["emit-timeout", 5000, "question"], 7)
    question = await alice.hears_event()
    assert question.data == ["question"]
    await alice.acknowledges(question, "first")
    await alice.acknowledges(question, "second")
    heard = await alice.connection.hears("/")
    assert (heard.id, heard.data) == (7, [{"err": None, "value": "first"}])
    await alice.expects_only()


@pytest.mark.parametrize(
    "packet",
    [
        "4",
        "47",
        "47[]",
        "49",
        "4x",
        "4-1",
        '4["back"]',
        '42["back"',
        '42["back"]]',
        '42["back"] x',
        '42["back"][]',
        "42['back']",
        '42["back",]',
        '42["back",01]',
        '42["back",NaN]',
        '42["back","\n"]',
        '42/custom["back"]',
        '42 ["back"]',
        '42-1["back"]',
        '421.5["back"]',
    ],
)
async def test_a_packet_outside_the_grammar_closes(engine, packet):
    if packet == '42 ["back"]':  # whitespace before a JSON value is JSON's
        return
    await closes_for(engine, packet)


async def test_a_parse_error_ends_all_namespaces_of_the_connection_and_no_other(engine):
    alice, bob = await members(engine, 2)
    custom = await alice.connection.joins("/custom")
    await closes(alice.connection, "42{}")
    for gone in (alice, custom):
        watcher = bob if gone is alice else await bob.connection.joins("/custom")
        while await watcher.ask("reason-of", gone.id) is None:
            await asyncio.sleep(0.01)
    await bob.expects_only()


# Acknowledgements


@pytest.mark.parametrize("id", [0, 1, 12, 9007199254740991])
async def test_ack_ids_are_echoed_exactly(engine, transport, id):
    alice = await member(engine, transport=transport)
    await replies(alice.session, f'42{id}["echo","x",1]', f'43{id}["x",1]')
    await alice.connection.joins("/custom")
    await replies(alice.session, f'42/custom,{id}["echo"]', f"43/custom,{id}[]")


async def test_an_ack_without_arguments_is_an_empty_array(engine, transport):
    alice = await member(engine, transport=transport)
    await replies(alice.session, '425["join","x"]', "435[]")


async def test_an_ack_with_binary_is_a_binary_ack(engine, transport):
    alice = await member(engine, transport=transport)
    await alice.session.sends('451-12["echo",{"_placeholder":true,"num":0}]', b"\x01\x02\x03\x04")
    await alice.session.expects('461-12[{"_placeholder":true,"num":0}]', b"\x01\x02\x03\x04")


async def test_a_client_may_acknowledge_with_binary(engine, transport):
    alice = await member(engine, transport=transport)
    await alice.connection.says(EVENT, "/", ["emit-timeout", 5000, "question"], 7)
    await alice.acknowledges(await alice.hears_event(), {"raw": b"\x00\xff"})
    heard = await alice.connection.hears("/")
    assert (heard.id, heard.data) == (7, [{"err": None, "value": {"raw": b"\x00\xff"}}])


# Middlewares


async def test_the_error_of_a_middleware_is_byte_exact(engine, transport):
    connection = await Connection.open(engine, transport)
    await replies(
        connection.session,
        '40/mw,{"fail":true,"message":"denied","data":{"code":42}}',
        '44/mw,{"message":"denied","data":{"code":42}}',
    )


@pytest.mark.parametrize("data", ["null", "0", "false", '""', "[]", '"text"', '{"b":1,"a":[null]}'])
async def test_the_data_of_an_error_is_passed_on_as_it_is(engine, data):
    connection = await Connection.open(engine)
    await replies(
        connection.session, f'40/mw,{{"fail":true,"data":{data}}}', f'44/mw,{{"message":"nope","data":{data}}}'
    )


async def test_an_error_without_data_has_none(engine, transport):
    connection = await Connection.open(engine, transport)
    await replies(connection.session, '40/mw,{"fail":true}', '44/mw,{"message":"nope"}')
    await replies(
        connection.session,
        '40/mw,{"fail":true,"message":"ä \\"quoted\\"\\n"}',
        '44/mw,{"message":"ä \\"quoted\\"\\n"}',
    )


async def test_a_refused_namespace_may_be_tried_again(engine):
    connection = await Connection.open(engine)
    await connection.is_refused("/mw", {"fail": True})
    assert await (await connection.joins("/mw")).ask("echo", 1) == 1


# JSON


@pytest.mark.parametrize(
    "text",
    [
        '{"b":1,"a":2,"10":3,"2":4,"":5}',
        "9007199254740991",
        "-9007199254740991",
        "[0,-1,0.1,1.5,-2.25]",
        '["",null,true,false,[],{}]',
        '"\\"\\\\/\\b\\f\\n\\r\\t\\u0001"',
        '"ä€😀\u2028\u2029"',
        '{"_placeholder":true,"num":0}',
        '{"_placeholder":false}',
        '[{"a":{"b":{"c":[{"d":[[[1]]]}]}}}]',
    ],
)
async def test_json_comes_back_as_it_was(engine, transport, text):
    alice = await member(engine, transport=transport)
    await alice.session.sends(f'42["back",{text}]')
    packet = await alice.session.receives()
    assert packet.startswith('42["back",') and packet.endswith("]")
    returned = packet.removeprefix('42["back",')[:-1]
    assert json.loads(returned) == json.loads(text)
    assert list_of_keys(json.loads(returned)) == list_of_keys(json.loads(text))
    if "\\" not in text:
        assert returned == text


def list_of_keys(value) -> list:
    if isinstance(value, dict):
        return [(key, list_of_keys(element)) for key, element in value.items()]
    return [list_of_keys(element) for element in value] if isinstance(value, list) else []


async def test_insignificant_whitespace_is_read_and_not_written(engine):
    alice = await member(engine)
    await replies(alice.session, '42[ "back" , { "a" : [ 1 , 2 ] } ]', '42["back",{"a":[1,2]}]')


@pytest.mark.parametrize("number", ["1e3", "1E-2", "1.0", "-0", "123456789.125", "1e300", "12345678901234567890"])
async def test_numbers_keep_their_value(engine, number):
    alice = await member(engine)
    await alice.session.sends(f'42["back",{number}]')
    assert float((await alice.hears())[1]) == float(number)


@pytest.mark.parametrize("escape", ["\\ud800", "\\udc00", "\\ud800x", "\\udc00\\ud800"])
async def test_unpaired_surrogates_harm_nothing(engine, escape):
    alice = await member(engine)
    await alice.session.sends(f'42["back","a{escape}b"]')
    text = (await alice.hears())[1]
    assert text[0] == "a" and text[-1] == "b"


async def test_paired_surrogate_escapes_are_one_character(engine):
    alice = await member(engine)
    await alice.session.sends('42["back","\\ud83d\\ude00"]')
    await alice.expects(["back", "😀"])


@pytest.mark.parametrize("depth", [100, 4000])
async def test_deep_nesting_harms_only_its_sender(engine, depth):
    alice, bob = await members(engine, 2)
    await says(alice.connection, f'42["back",{"[" * depth}{"]" * depth}]')
    try:
        await alice.hears()
    except (ConnectionClosed, SessionEnded):
        assert depth > 100
    await bob.expects_only()


@pytest.mark.parametrize("kind", ["[", '{"a":'])
async def test_nesting_that_does_not_end_harms_only_its_sender(engine, kind):
    alice, bob = await members(engine, 2)
    await closes(alice.connection, '42["back",' + kind * (9000 // len(kind)))
    await bob.expects_only()


# Binary


async def test_binary_is_echoed_over_polling(engine):
    """The bytes of acceptance 4."""
    session = (await member(engine, transport="polling")).session
    await session.sends('451-["back",{"_placeholder":true,"num":0}]', b"\x01\x02\x03\x04")
    assert (await session.get()).text == '451-["back",{"_placeholder":true,"num":0}]\x1ebAQIDBA=='


async def test_binary_is_echoed_over_websocket(engine):
    socket = (await member(engine)).session
    await socket.sends('451-["back",{"_placeholder":true,"num":0}]', b"\x01\x02\x03\x04")
    await socket.expects('451-["back",{"_placeholder":true,"num":0}]', b"\x01\x02\x03\x04")


async def test_binary_of_other_namespaces_names_them(engine, transport):
    custom = await (await Connection.open(engine, transport)).joins("/custom")
    await custom.session.sends('451-/custom,["back",{"_placeholder":true,"num":0}]', b"\x01")
    await custom.session.expects('451-/custom,["back",{"_placeholder":true,"num":0}]', b"\x01")


async def test_attachments_are_numbered_depth_first(engine, transport):
    alice = await member(engine, transport=transport)
    header = (
        '453-["back",{"b":{"_placeholder":true,"num":2},"a":[{"_placeholder":true,"num":0},1]},'
        '{"_placeholder":true,"num":1}]'
    )
    await alice.session.sends(header, b"a", b"last", b"b")
    await alice.session.expects(
        '453-["back",{"b":{"_placeholder":true,"num":0},"a":[{"_placeholder":true,"num":1},1]},'
        '{"_placeholder":true,"num":2}]',
        b"b",
        b"a",
        b"last",
    )


@pytest.mark.parametrize("count", [1, 2, 10])
async def test_empty_attachments_and_as_many_as_allowed_are_legal(engine, transport, count):
    alice = await member(engine, transport=transport)
    await alice.emits("back", *[b""] * count)
    await alice.expects(["back", *[b""] * count])


async def test_a_binary_packet_without_attachments_is_plain_data(engine, transport):
    alice = await member(engine, transport=transport)
    await replies(alice.session, '450-["back","plain"]', '42["back","plain"]')
    await replies(alice.session, '450-3["echo","plain"]', '433["plain"]')


async def test_placeholders_in_plain_events_are_plain_data(engine, transport):
    alice = await member(engine, transport=transport)
    await replies(
        alice.session, '42["back",{"_placeholder":true,"num":5}]', '42["back",{"_placeholder":true,"num":5}]'
    )


@pytest.mark.parametrize("num", ["1", "-1", "0.5", '"0"', "null", "true", "[0]", "{}", "1e9", "99999999999999999999"])
async def test_a_placeholder_out_of_range_closes(engine, num):
    await closes_for(engine, f'451-["back",{{"_placeholder":true,"num":{num}}}]', b"\x01")


async def test_a_placeholder_without_a_number_closes(engine):
    await closes_for(engine, '451-["back",{"_placeholder":true}]', b"\x01")


@pytest.mark.parametrize("text", ['42["back"]', "41", '451-["back",{"_placeholder":true,"num":0}]', "40/custom,"])
async def test_text_while_attachments_are_owed_closes(engine, transport, text):
    await closes_for(engine, '451-["back",{"_placeholder":true,"num":0}]', text, transport=transport)


async def test_binary_that_nothing_announced_closes(engine, transport):
    await closes_for(engine, b"\x01", transport=transport)


async def test_one_attachment_too_many_closes(engine, transport):
    alice = await member(engine, transport=transport)
    await says(alice.connection, '451-["back",{"_placeholder":true,"num":0}]', b"\x01", b"\x02")
    packets = await alice.session.ends()
    assert packets in ([], ['451-["back",{"_placeholder":true,"num":0}]', b"\x01"])


async def test_more_attachments_than_allowed_close_before_any_is_sent(engine, transport):
    placeholders = ",".join(f'{{"_placeholder":true,"num":{number}}}' for number in range(11))
    await closes_for(engine, f'4511-["back",{placeholders}]', transport=transport)
    await closes_for(engine, '45999999999999999999999-["back"]', transport=transport)


@pytest.mark.parametrize(
    "count", ["", "-", "x-", "+1-", "1e0-", " 1-", "1.0-", "0x1-", "-1-", "1", "1 -", "¹-", "１-"]
)
async def test_a_count_of_attachments_is_plain_digits_and_a_dash(engine, count):
    await closes_for(engine, f'45{count}["back",{{"_placeholder":true,"num":0}}]', b"\x01")


async def test_a_heartbeat_may_come_between_attachments(fixture_x):
    """It is no Socket.IO packet."""
    alice = await member(Engine(fixture_x.b))
    await alice.session.sends('452-["back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', b"one")
    await alice.session.sends("3")
    await alice.session.sends(b"two")
    assert (await alice.hears())[:3] == ["back", b"one", b"two"]


async def test_attachments_may_come_in_posts_of_their_own(engine):
    alice = await member(engine, transport="polling")
    for packet in ('452-["back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', b"one", b"two"):
        await alice.session.sends(packet)
    await alice.expects(["back", b"one", b"two"])


async def test_half_an_event_is_forgotten_with_its_connection(engine):
    alice, bob = await members(engine, 2)
    await alice.session.sends('452-["bcast",{"via":"io"},"x",{"_placeholder":true,"num":0}]', b"one")
    await alice.session.leaves()
    await bob.expects_only()


async def test_300_mixed_broadcasts_never_split_a_group(engine):
    """Ten senders at once, plain and binary, to listeners over both transports; `Session` watches every packet."""
    senders = await members(engine, 10)
    listeners = [await member(engine, auth={"join": "listeners"}, transport=transport) for transport in TRANSPORTS * 3]
    for listener in listeners:
        if hasattr(listener.session, "keeps_polling"):
            listener.session.keeps_polling()

    async def sends(index: int, sender: Member) -> None:
        for number in range(30):
            blobs = [bytes([index, number, part]) * 50 for part in range(number % 4)]
            await sender.emits("bcast", {"via": "io", "rooms": ["listeners"]}, "mixed", index, number, *blobs)
            await asyncio.sleep(0)

    await asyncio.gather(*(sends(index, sender) for index, sender in enumerate(senders)))
    for listener in listeners:
        heard = [await listener.hears() for _ in range(300)]
        for index in range(10):
            assert [event[2] for event in heard if event[1] == index] == list(range(30))
        for _, index, number, *blobs in heard:
            assert blobs == [bytes([index, number, part]) * 50 for part in range(number % 4)]
        assert not listener.session.faults
        await listener.expects_only()
