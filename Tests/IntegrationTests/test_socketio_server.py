"""What the server does with sockets: rooms, broadcasts, acks, middlewares, namespaces, ends. Acceptance 12-14."""

import asyncio
import json
import time

import pytest
from websockets.exceptions import ConnectionClosed

from support.engineio import Engine, SessionEnded, probe
from support.raw import TEXT, RawWebSocket
from support.sio import CONNECT, EVENT, TRANSPORTS, Connection, Member, member, members

IO, SOCKET = {"via": "io"}, {"via": "socket"}
TIMED_OUT = "operation has timed out"


@pytest.fixture
def engine(fixture_x) -> Engine:
    return Engine(fixture_x.a)


@pytest.fixture(params=TRANSPORTS)
def transport(request) -> str:
    return request.param


async def departure(watcher: Member, gone: Member) -> dict:
    """What the fixture noted about a socket that is going."""
    async with asyncio.timeout(10):
        while True:
            noted = await watcher.ask("reason-of", gone.id)
            if noted and not noted["reason"].startswith("pending:"):
                return noted
            await asyncio.sleep(0.005)


# Rooms and broadcasts


async def test_a_room_gets_what_is_said_to_it_and_nobody_else_does(engine, room):
    alice, bob, carol = await members(engine, 3)
    await alice.orders("join", room)
    await bob.orders("join", room)
    await carol.orders("bcast", IO | {"rooms": [room]}, "news", 1, {"two": 3})
    for one in (alice, bob):
        await one.expects_only(["news", 1, {"two": 3}])
    await carol.expects_only()


async def test_everybody_gets_what_is_said_to_no_room(engine):
    """In their own namespace, the sender too."""
    sockets = await members(engine, 3, "/dyn-12121")
    for socket in sockets:
        await socket.expects(["nsp", "/dyn-12121"])
    await sockets[0].orders("bcast", IO, "news")
    for socket in sockets:
        await socket.expects_only(["news"])


async def test_a_socket_says_it_to_everybody_but_itself(engine, room):
    alice, bob, carol = await members(engine, 3, "/dyn-12122", {"join": room})
    for socket in (alice, bob, carol):
        await socket.expects(["nsp", "/dyn-12122"])
    await alice.orders("bcast", SOCKET, "all")
    await alice.orders("bcast", SOCKET | {"rooms": [room]}, "room")
    for socket in (bob, carol):
        await socket.expects_only(["all"], ["room"])
    await alice.expects_only()


async def test_the_union_of_rooms_is_served_once_each(engine, room):
    one, two = f"{room}-1", f"{room}-2"
    alice = await member(engine, auth={"join": one})
    bob = await member(engine, auth={"join": [one, two]})
    carol = await member(engine, auth={"join": two})
    dave = await member(engine)
    await dave.orders("bcast", IO | {"rooms": [one, two, one, f"{room}-nobody"]}, "news")
    for socket in (alice, bob, carol):
        await socket.expects_only(["news"])
    await dave.expects_only()


async def test_excepted_rooms_get_nothing(engine, room):
    muted = f"{room}-muted"
    alice = await member(engine, auth={"join": room})
    bob = await member(engine, auth={"join": [room, muted]})
    carol = await member(engine, auth={"join": room})
    await carol.orders("bcast", IO | {"rooms": [room], "except": [muted, carol.id, "nobody"]}, "news")
    await alice.expects_only(["news"])
    await bob.expects_only()
    await carol.expects_only()


async def test_everybody_but_a_room(engine, room):
    alice, bob = await members(engine, 2, "/dyn-12123")
    for socket in (alice, bob):
        await socket.expects(["nsp", "/dyn-12123"])
    await alice.orders("join", room)
    await bob.orders("bcast", IO | {"except": [room]}, "news")
    await alice.expects_only()
    await bob.expects_only(["news"])


async def test_a_socket_is_in_the_room_of_its_id(engine, transport):
    alice, bob = await members(engine, 2, transport=transport)
    await alice.orders("bcast", IO | {"rooms": [bob.id]}, "private", "x")
    await bob.expects_only(["private", "x"])
    await alice.expects_only()


async def test_an_unknown_room_is_nobody(engine, room):
    alice = await member(engine)
    for via in (IO, SOCKET):
        await alice.orders("bcast", via | {"rooms": [room]}, "news")
    await alice.expects_only()


async def test_nothing_leaks_into_other_namespaces(engine, room):
    alice = await member(engine, auth={"join": room})
    custom = await alice.connection.joins("/custom", {"join": room})
    await alice.orders("bcast", IO | {"rooms": [room]}, "main")
    await custom.orders("bcast", IO | {"rooms": [room]}, "custom")
    await custom.orders("bcast", IO | {"rooms": [alice.id]}, "stray")
    await alice.expects_only(["main"])
    await custom.expects_only(["custom"])


async def test_joining_and_leaving_are_idempotent(engine, room):
    alice, bob = await members(engine, 2)
    for _ in range(2):
        await alice.orders("join", [room, room])
    assert await alice.ask("rooms") == [room]
    await bob.orders("bcast", IO | {"rooms": [room]}, "once")
    await alice.expects_only(["once"])
    for _ in range(2):
        await alice.orders("leave", room)
    assert await alice.ask("rooms") == []
    await bob.orders("bcast", IO | {"rooms": [room]}, "never")
    await alice.expects_only()


async def test_rooms_given_at_the_connection_are_there_at_once(engine, room):
    alice = await member(engine, auth={"join": [f"{room}-b", f"{room}-a"]})
    assert await alice.ask("rooms") == [f"{room}-a", f"{room}-b"]


@pytest.mark.parametrize("name", ["", " ", "ü€😀", "a,b", "/", "__proto__", "x" * 3000])
async def test_any_text_may_be_the_name_of_a_room(engine, name):
    alice, bob = await members(engine, 2)
    await alice.orders("join", name)
    await bob.orders("bcast", IO | {"rooms": [name]}, "news")
    await alice.expects_only(["news"])
    await alice.orders("leave", name)


async def test_a_broadcast_carries_binary(engine, room):
    listeners = [await member(engine, auth={"join": room}, transport=transport) for transport in TRANSPORTS]
    sender = await member(engine)
    await sender.orders("bcast", IO | {"rooms": [room]}, "blob", {"data": b"\x00\x01"}, b"")
    for listener in listeners:
        await listener.expects_only(["blob", {"data": b"\x00\x01"}, b""])


async def test_a_hundred_broadcasts_arrive_in_order_over_both_transports(engine, room):
    listeners = [await member(engine, auth={"join": room}, transport=transport) for transport in TRANSPORTS]
    listeners[0].session.keeps_polling()
    sender = await member(engine)
    for number in range(100):
        await sender.emits("bcast", IO | {"rooms": [room], "local": number % 2 == 0}, "n", number)
    for listener in listeners:
        assert [(await listener.hears())[1] for _ in range(100)] == list(range(100))


async def test_the_room_of_a_socket_that_left_is_empty(engine, room):
    alice, bob = await members(engine, 2, auth={"join": room})
    await alice.disconnects()
    await departure(bob, alice)
    assert [one["id"] for one in await bob.ask("fetch", room)] == [bob.id]
    await bob.orders("bcast", SOCKET | {"rooms": [room, alice.id]}, "news")
    await (await alice.connection.joins()).expects_only()


# Volatile


async def test_volatile_is_lost_without_a_held_get(engine):
    alice, bob = await member(engine, transport="polling"), await member(engine)
    await bob.orders("bcast", IO | {"rooms": [alice.id], "volatile": True}, "lost")
    await alice.expects_only()


async def test_volatile_arrives_with_a_held_get(engine):
    alice, bob = await member(engine, transport="polling"), await member(engine)
    held = await alice.session.hold()
    await bob.orders("bcast", IO | {"rooms": [alice.id], "volatile": True}, "found", 1)
    assert await held.packets() == ['42["found",1]']


async def test_only_the_first_volatile_finds_the_held_get(engine):
    alice, bob = await member(engine, transport="polling"), await member(engine)
    held = await alice.session.hold()
    for number in range(3):
        await bob.orders("bcast", IO | {"rooms": [alice.id], "volatile": True}, "n", number)
    heard = await held.packets()
    assert heard[0] == '42["n",0]' and len(heard) <= 3
    if len(heard) == 1:
        await alice.expects_only()


async def test_volatile_arrives_over_an_idle_websocket(engine):
    alice, bob = await members(engine, 2)
    await bob.orders("bcast", IO | {"rooms": [alice.id], "volatile": True}, "found", b"\x01")
    await alice.expects_only(["found", b"\x01"])


async def test_volatile_to_several_reaches_those_who_can_take_it(engine, room):
    ready = await member(engine, auth={"join": room})
    away = await member(engine, auth={"join": room}, transport="polling")
    await ready.orders("bcast", IO | {"rooms": [room], "volatile": True}, "news")
    await ready.expects_only(["news"])
    await away.expects_only()


# Acknowledgements


async def asked(member: Member, *event) -> int:
    """Emits with an acknowledgement that is waited for later."""
    Member._ids += 1
    await member.connection.says(EVENT, member.namespace, list(event), Member._ids)
    return Member._ids


async def answered(member: Member, id: int):
    while True:
        heard = await member.connection.hears(member.namespace)
        if heard.id == id and heard.type != EVENT:
            return heard.data[0]
        member.early.append(heard)


async def test_the_server_asks_and_is_answered(engine, transport):
    alice = await member(engine, transport=transport)
    id = await asked(alice, "emit-timeout", 5000, "question")
    question = await alice.hears_event()
    assert question.data == ["question"]
    await alice.acknowledges(question, {"n": 42}, "ignored")
    assert await answered(alice, id) == {"err": None, "value": {"n": 42}}


async def test_an_empty_answer_has_no_value(engine):
    alice = await member(engine)
    id = await asked(alice, "emit-timeout", 5000, "question")
    await alice.acknowledges(await alice.hears_event())
    assert await answered(alice, id) == {"err": None, "value": None}


async def test_an_answer_that_does_not_come_is_an_error_and_a_late_one_is_ignored(engine, transport):
    alice = await member(engine, transport=transport)
    begun = time.monotonic()
    id = await asked(alice, "emit-timeout", 100, "question")
    question = await alice.hears_event()
    assert await answered(alice, id) == {"err": TIMED_OUT, "value": None}
    assert 0.09 < time.monotonic() - begun < 0.6
    await alice.acknowledges(question, "late")
    await alice.expects_only()


async def test_questions_are_told_apart(engine):
    alice = await member(engine)
    ids = [await asked(alice, "emit-timeout", 5000, "question") for _ in range(3)]
    assert len(set(ids)) == 3
    for number, id in enumerate(ids):  # a socket's events are handled one at a time, so is the asking
        await alice.acknowledges(await alice.hears_event(), number)
        assert await answered(alice, id) == {"err": None, "value": number}


async def test_an_answer_of_another_namespace_is_none(engine):
    alice = await member(engine)
    custom = await alice.connection.joins("/custom")
    id = await asked(alice, "emit-timeout", 200, "question")
    question = await alice.hears_event()
    await custom.acknowledges(question, "not yours")
    assert (await answered(alice, id))["err"] == TIMED_OUT


async def test_all_answers_to_a_broadcast_are_collected(engine, room):
    sockets = [await member(engine, auth={"join": room}, transport=transport) for transport in TRANSPORTS * 2]
    asker = await member(engine)
    id = await asked(asker, "bcast-ack", IO | {"rooms": [room]}, 5000, "question")
    for number, socket in enumerate(sockets):
        question = await socket.hears_event()
        assert question.data == ["question"]
        await socket.acknowledges(question, number, "ignored")
    answer = await answered(asker, id)
    assert answer["err"] is None
    assert sorted(answer["responses"]) == [0, 1, 2, 3]


async def test_the_answers_to_a_broadcast_may_be_binary(engine, room):
    alice, bob = await member(engine, auth={"join": room}), await member(engine)
    id = await asked(bob, "bcast-ack", IO | {"rooms": [room]}, 5000, "question")
    await alice.acknowledges(await alice.hears_event(), b"\x00\x01")
    assert await answered(bob, id) == {"err": None, "responses": [b"\x00\x01"]}


async def test_a_broadcast_that_not_all_answer_yields_the_error_and_what_there_is(engine, room):
    quick, silent, asker = await members(engine, 3)
    for socket in (quick, silent):
        await socket.orders("join", room)
    begun = time.monotonic()
    id = await asked(asker, "bcast-ack", IO | {"rooms": [room]}, 200, "question")
    await quick.acknowledges(await quick.hears_event(), "here")
    question = await silent.hears_event()
    assert await answered(asker, id) == {"err": TIMED_OUT, "responses": ["here"]}
    assert 0.19 < time.monotonic() - begun < 0.8
    await silent.acknowledges(question, "late")
    await silent.expects_only()
    await asker.expects_only()


async def test_a_broadcast_to_nobody_is_answered_at_once(engine, room):
    alice = await member(engine)
    begun = time.monotonic()
    answer = await alice.ask("bcast-ack", IO | {"rooms": [room]}, 8000, "question")
    assert answer == {"err": None, "responses": []}
    assert time.monotonic() - begun < 2


async def test_a_recipient_that_answers_twice_counts_once(engine, room):
    twice, other, asker = await members(engine, 3)
    for socket in (twice, other):
        await socket.orders("join", room)
    id = await asked(asker, "bcast-ack", IO | {"rooms": [room]}, 5000, "question")
    question = await twice.hears_event()
    for text in ("first", "second"):
        await twice.acknowledges(question, text)
    await twice.expects_only()
    await other.acknowledges(await other.hears_event(), "third")
    assert sorted((await answered(asker, id))["responses"]) == ["first", "third"]


# Per-socket order, event middlewares


async def test_events_are_handled_in_the_order_of_their_arrival(engine, transport):
    alice = await member(engine, transport=transport)
    if transport == "polling":
        alice.session.keeps_polling()
    for number in range(200):
        await alice.emits("back", number)
    assert [(await alice.hears())[1] for _ in range(200)] == list(range(200))


async def test_an_event_that_a_middleware_rejects_vanishes(engine, transport):
    alice = await member(engine, transport=transport)
    await alice.emits("blocked", "x")
    await alice.connection.says(EVENT, "/", ["blocked"], 99)
    await alice.expects_only()
    assert await alice.ask("echo", "alive") == "alive"


# Connection middlewares


async def test_namespaces_are_connected_at_the_same_time(engine):
    connection = await Connection.open(engine)
    await connection.says(CONNECT, "/mw", {"delay": 400})
    begun = time.monotonic()
    main = await connection.joins()
    assert time.monotonic() - begun < 0.35
    await main.expects_only()
    assert (await connection.hears("/mw")).type == CONNECT


async def test_a_connection_that_dies_in_a_middleware_leaves_nothing(engine, room):
    watcher = await member(engine, "/mw")
    dying = await Connection.open(engine)
    await dying.says(CONNECT, "/mw", {"delay": 200, "join": room})
    dying.session.vanishes()
    await asyncio.sleep(0.4)
    assert await watcher.ask("fetch", room) == []
    await watcher.expects_only()


async def test_middlewares_run_for_each_connection(engine):
    connection = await Connection.open(engine)
    assert await connection.is_refused("/mw", {"fail": True, "message": "one"}) == {"message": "one"}
    socket = await connection.joins("/mw")
    await socket.disconnects()
    assert await connection.is_refused("/mw", {"fail": True, "message": "two"}) == {"message": "two"}


# Handshake


async def test_the_handshake_is_told(engine, transport):
    before = time.time() * 1000
    headers = {"X-Custom": "value", "Origin": "http://o.example"}
    session = await engine.session(transport, user="älice", headers=headers)
    alice = await Connection(session).joins("/", {"token": "123", "nested": {"a": [1]}})
    info = await alice.ask("info")
    assert info["id"] == alice.id
    assert (info["nsp"], info["recovered"], info["transport"]) == ("/", False, transport)
    assert info["auth"] == {"token": "123", "nested": {"a": [1]}}
    assert info["query"]["user"] == "älice"
    assert (info["query"]["EIO"], info["query"]["transport"]) == ("4", transport)
    assert info["url"].startswith("/socket.io/?EIO=4")
    assert info["address"] == "127.0.0.1"
    assert (info["secure"], info["xdomain"]) == (False, True)
    assert before - 1000 < info["issued"] < time.time() * 1000 + 1000
    assert isinstance(info["time"], str)
    headers = {name.lower(): value for name, value in info["headers"].items()}
    assert headers["x-custom"] == "value"
    assert headers["host"] == engine.address.authority


async def test_without_auth_and_origin_there_is_none(engine):
    info = await (await member(engine)).ask("info")
    assert (info["auth"], info["xdomain"]) == ({}, False)


async def test_every_namespace_has_the_auth_of_its_own_connect(engine):
    connection = await Connection.open(engine)
    main, custom = await connection.joins("/", {"a": 1}), await connection.joins("/custom", {"b": 2})
    assert ((await main.ask("info"))["auth"], (await custom.ask("info"))["auth"]) == ({"a": 1}, {"b": 2})
    assert (await custom.ask("info"))["nsp"] == "/custom"


# Dynamic namespaces


async def test_a_pattern_makes_namespaces(engine, transport):
    connection = await Connection.open(engine, transport)
    for name in ("/dyn-1", "/dyn-007"):
        socket = await connection.joins(name)
        await socket.expects(["nsp", name])
        assert (await socket.ask("info"))["nsp"] == name


@pytest.mark.parametrize("name", ["/dyn-", "/dyn-x", "/xdyn-1", "/dyn-1x", "/dyn-1/", "/DYN-1"])
async def test_a_pattern_matches_the_whole_name(engine, name):
    connection = await Connection.open(engine)
    assert await connection.is_refused(name) == {"message": "Invalid namespace"}


async def test_a_predicate_decides_by_name_and_auth(engine):
    connection = await Connection.open(engine)
    for auth in ({"ok": False}, {}, {"ok": None}):
        assert await connection.is_refused("/fn-1", auth) == {"message": "Invalid namespace"}
    socket = await connection.joins("/fn-1", {"ok": True})
    assert await socket.ask("echo", 1) == 1
    assert await connection.is_refused("/other-1", {"ok": True}) == {"message": "Invalid namespace"}


async def test_children_of_a_pattern_are_apart(engine):
    one, two = await member(engine, "/dyn-31"), await member(engine, "/dyn-32")
    for socket in (one, two):
        await socket.hears()
    await one.orders("bcast", IO, "news")
    await one.expects_only(["news"])
    await two.expects_only()


async def test_an_empty_child_is_removed_where_that_is_asked_for(fixture_x):
    for address, remains in ((fixture_x.a, False), (fixture_x.b, True)):
        engine = Engine(address)
        watcher = await member(engine)
        assert await watcher.ask("ns-exists", "/dyn-77") is False
        first, second = await member(engine, "/dyn-77"), await member(engine, "/dyn-77")
        await first.disconnects()
        await departure(watcher, first)
        assert await watcher.ask("ns-exists", "/dyn-77") is True
        second.session.vanishes()
        await departure(watcher, second)
        if not remains:
            async with asyncio.timeout(5):
                while await watcher.ask("ns-exists", "/dyn-77"):
                    await asyncio.sleep(0.01)
        assert await watcher.ask("ns-exists", "/dyn-77") is remains
        again = await member(engine, "/dyn-77")
        assert (await again.hears())[:2] == ["nsp", "/dyn-77"]


async def test_a_refused_connect_leaves_no_empty_child(engine):
    watcher = await member(engine)
    await watcher.connection.is_refused("/fn-gone", {"ok": False})
    assert await watcher.ask("ns-exists", "/fn-gone") is False


async def test_a_child_that_is_left_and_joined_at_once_works(engine):
    """Removal and creation of the same namespace at the same time, again and again."""

    async def comes_and_goes(connection: Connection) -> None:
        for _ in range(20):
            socket = await connection.joins("/dyn-99")
            assert await socket.ask("echo", 1) == 1
            await socket.disconnects()
            connection._unread.clear()

    await asyncio.gather(*[comes_and_goes(await Connection.open(engine)) for _ in range(5)])


# Bulk operations


async def test_fetching_the_sockets_of_a_room(engine, room):
    alice, bob = await members(engine, 2, auth={"join": room})
    await alice.orders("set-data", {"name": "alice"})
    fetched = await bob.ask("fetch", room)
    assert [one["id"] for one in fetched] == sorted([alice.id, bob.id])
    by_id = {one["id"]: one for one in fetched}
    assert by_id[alice.id] == {"id": alice.id, "rooms": sorted([alice.id, room]), "data": {"name": "alice"}}
    assert by_id[bob.id]["rooms"] == sorted([bob.id, room])
    assert await bob.ask("fetch", f"{room}-nobody") == []
    assert [one["id"] for one in await bob.ask("fetch", alice.id)] == [alice.id]


async def test_sockets_are_sent_into_rooms_and_out_again(engine, room):
    target = f"{room}-target"
    alice, bob, carol = await members(engine, 3)
    for socket in (alice, bob):
        await socket.orders("join", room)
    await carol.orders("ctl", "join", room, [target, f"{target}-2"])
    await carol.orders("bcast", IO | {"rooms": [target]}, "news")
    for socket in (alice, bob):
        await socket.expects_only(["news"])
        assert await socket.ask("rooms") == sorted([room, target, f"{target}-2"])
    await carol.orders("ctl", "leave", room, target)
    await carol.orders("bcast", IO | {"rooms": [target]}, "never")
    for socket in (alice, bob):
        await socket.expects_only()
    await carol.orders("ctl", "leave", room, room)
    assert await carol.ask("fetch", room) == []


@pytest.mark.parametrize("close", [False, True])
async def test_the_sockets_of_a_room_are_disconnected(engine, room, transport, close):
    alice = await member(engine, auth={"join": room}, transport=transport)
    custom = await alice.connection.joins("/custom")
    bob, watcher = await members(engine, 2)
    await bob.orders("ctl", "disconnect", room, close)
    await alice.is_disconnected()
    assert await departure(bob, alice) == {"rooms": [room], "reason": "server namespace disconnect"}
    if close:
        await custom.is_disconnected()
        await alice.connection.ends()
    else:
        await custom.expects_only()
        assert await (await alice.connection.joins()).ask("rooms") == []


# How sockets end


async def test_a_kick_ends_the_socket_and_not_the_connection(engine, transport):
    alice, bob = await member(engine, auth={"join": "kicked"}, transport=transport), await member(engine)
    custom = await alice.connection.joins("/custom")
    await alice.emits("kick", False)
    await alice.is_disconnected()
    assert await departure(bob, alice) == {"rooms": ["kicked"], "reason": "server namespace disconnect"}
    await custom.expects_only()
    again = await alice.connection.joins()
    assert again.id != alice.id
    await again.expects_only()


async def test_a_kick_that_closes_ends_all_namespaces_first(engine, transport):
    alice, bob = await member(engine, transport=transport), await member(engine)
    custom = await alice.connection.joins("/custom")
    watcher = await bob.connection.joins("/custom")
    await custom.emits("kick", True)
    packets = await alice.session.ends()
    assert sorted(packets) == ["41", "41/custom,"]
    assert (await departure(bob, alice))["reason"] == "server namespace disconnect"
    assert (await departure(watcher, custom))["reason"] == "server namespace disconnect"


async def test_the_client_leaves_a_namespace(engine, transport):
    alice, bob = await member(engine, auth={"join": ["b", "a"]}, transport=transport), await member(engine)
    await alice.disconnects()
    assert await departure(bob, alice) == {"rooms": ["a", "b"], "reason": "client namespace disconnect"}


@pytest.mark.parametrize("how", ["leaves", "vanishes", "close packet"])
async def test_a_websocket_that_ends_is_a_transport_close(engine, how):
    alice, bob = await member(engine, auth={"join": "room"}), await member(engine)
    custom = await alice.connection.joins("/custom")
    watcher = await bob.connection.joins("/custom")
    if how == "close packet":
        await alice.session.sends("1")
    elif how == "leaves":
        await alice.session.leaves()
    else:
        alice.session.vanishes()
    assert await departure(bob, alice) == {"rooms": ["room"], "reason": "transport close"}
    assert (await departure(watcher, custom))["reason"] == "transport close"


async def test_a_close_packet_over_polling_is_a_transport_close(engine):
    alice, bob = await member(engine, transport="polling"), await member(engine)
    await alice.session.sends("1")
    assert (await departure(bob, alice))["reason"] == "transport close"


async def test_a_dropped_get_is_a_transport_error(engine):
    alice, bob = await member(engine, transport="polling"), await member(engine)
    (await alice.session.hold()).drop()
    assert (await departure(bob, alice))["reason"] == "transport error"


async def test_two_gets_at_once_are_a_transport_error(engine):
    alice, bob = await member(engine, transport="polling"), await member(engine)
    await alice.session.hold()
    await alice.session.get()
    assert (await departure(bob, alice))["reason"] in ("transport error", "forced close")


async def test_a_message_above_the_limit_is_a_transport_error(engine):
    alice, bob = await members(engine, 2)
    await alice.session.sends("4" * 10_001)
    assert (await departure(bob, alice))["reason"] == "transport error"


@pytest.mark.parametrize("packet", ["9", "x"])
async def test_a_bad_packet_is_a_parse_error(engine, transport, packet):
    alice, bob = await member(engine, transport=transport), await member(engine)
    if transport == "polling":
        await alice.session.post(packet)
    else:
        await alice.session.sends(packet)
    assert (await departure(bob, alice))["reason"] == "parse error"


async def test_a_ping_from_the_client_is_a_transport_error(engine, transport):
    alice, bob = await member(engine, transport=transport), await member(engine)
    if transport == "polling":
        await alice.session.post("2")
    else:
        await alice.session.sends("2")
    assert (await departure(bob, alice))["reason"] == "transport error"


@pytest.mark.parametrize("packet", ['42["connect"]', "42{}", "40", '42/custom,["x"]', '44{"message":"x"}', "47"])
async def test_a_violation_is_a_forced_close(engine, transport, packet):
    """Or a parse error, when the packet is none."""
    alice, bob = await member(engine, transport=transport), await member(engine)
    await alice.session.sends(packet)
    reason = (await departure(bob, alice))["reason"]
    assert reason in ("forced close", "forced server close", "parse error")


async def test_the_end_of_the_server_is_one_for_its_sockets(socketio_fixture):
    """Transports are closed, and no socket is told to go away for good by a `41`."""
    started = socketio_fixture("X")
    alice, bob = [await member(Engine(started.a), transport=transport) for transport in TRANSPORTS]
    alice.session.keeps_polling()
    started.terminate()
    for socket in (alice, bob):
        packets = []
        try:
            while True:
                packets.append(await socket.session.receives())
        except (ConnectionClosed, SessionEnded, ConnectionError, OSError):
            pass
        assert packets == []
    assert await asyncio.to_thread(started.exit_code) == 0


async def test_events_behind_the_end_of_a_socket_are_dropped(engine, room):
    """The kick and what follows it are in one POST: the socket is gone when its turn comes."""
    alice, bob = await member(engine, transport="polling"), await member(engine, auth={"join": room})
    await alice.session.post('42["kick",false]\x1e42["bcast",{"via":"io","rooms":["%s"]},"ghost"]' % room)
    await departure(bob, alice)
    await bob.expects_only()


async def test_a_socket_that_is_leaving_still_has_its_rooms(engine):
    """`disconnecting` sees them, for every cause."""
    bob = await member(engine)
    for cause in ("leaves", "vanishes"):
        alice = await member(engine, auth={"join": ["z", "y", "x"]})
        if cause == "leaves":
            await alice.disconnects()
        else:
            alice.session.vanishes()
        assert (await departure(bob, alice))["rooms"] == ["x", "y", "z"]


async def test_a_session_may_hold_many_namespaces(engine):
    connection = await Connection.open(engine)
    sockets = [await connection.joins(f"/dyn-5{number}") for number in range(50)]
    for socket in reversed(sockets):
        assert (await socket.ask("info"))["nsp"] == socket.namespace


async def test_sockets_of_a_connection_that_is_upgrading_get_everything(engine, room):
    alice, bob = await member(engine, auth={"join": room}, transport="polling"), await member(engine)
    socket = await probe(alice.session)
    await bob.orders("bcast", IO | {"rooms": [room]}, "during")
    await socket.sends("5")
    socket.pumps()
    await socket.expects('42["during"]')


# Those who do not read


async def test_a_client_that_does_not_poll_is_dropped_when_too_much_waits(engine):
    """With a reason of its own; the others do not feel it."""
    asleep, bob, carol = await member(engine, transport="polling"), await member(engine), await member(engine)
    text = "x" * 9000
    for number in range(200):
        await bob.emits("bcast", SOCKET | {"rooms": [asleep.id, carol.id]}, "n", number, text)
    assert (await departure(bob, asleep))["reason"] == "slow consumer"
    await asleep.session.ends()
    await carol.expects_only(*(["n", number, text] for number in range(200)))


async def test_a_client_that_does_not_read_its_websocket_is_dropped_when_too_much_waits(engine):
    bob, carol = await members(engine, 2)
    asleep = await asyncio.to_thread(
        RawWebSocket.open, engine.address, engine.target(transport="websocket"), small_buffers=True
    )
    asleep.next(TEXT)
    asleep.says("40")
    id = json.loads(asleep.next(TEXT).payload[2:])["sid"]
    text = "x" * 9000
    for number in range(400):
        await bob.emits("bcast", SOCKET | {"rooms": [id, carol.id]}, "n", number, text)
    gone = Member(bob.connection, "/")
    gone.id = id
    assert (await departure(bob, gone))["reason"] == "slow consumer"
    await carol.expects_only(*(["n", number, text] for number in range(400)))
