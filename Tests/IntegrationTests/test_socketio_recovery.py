"""Connection state recovery: what a client missed it gets, once, in order, and before its `connect`. Acceptance 15."""

import asyncio
import re

import pytest
from websockets.exceptions import ConnectionClosed

from support.engineio import PYTHON, Engine, Polling, SessionEnded, upgraded
from support.freezer import Freezer
from support.sio import CONNECT, EVENT, NOTHING, TRANSPORTS, Connection, Member, member, members

IO, SOCKET = {"via": "io"}, {"via": "socket"}


@pytest.fixture
def engine(fixture_x) -> Engine:
    return Engine(fixture_x.b)


@pytest.fixture(params=TRANSPORTS)
def transport(request) -> str:
    return request.param


async def has_an_offset(member: Member) -> str:
    """A first event, so that the client has an offset to come back with."""
    await member.emits("back", "first")
    await member.expects(["back", "first"])
    return member.offset


async def noticed(watcher: Member, gone: Member) -> str:
    """The server knows that the socket is gone. Returns the reason."""
    async with asyncio.timeout(10):
        while not (noted := await watcher.ask("reason-of", gone.id)) or noted["reason"].startswith("pending:"):
            await asyncio.sleep(0.005)
    return noted["reason"]


async def lost(member: Member, watcher: Member) -> None:
    """The transport ends and the server has noticed it."""
    if isinstance(member.session, Polling):
        await member.session.vanishes()
    else:
        member.session.vanishes()
    await noticed(watcher, member)


async def comes_back(
    engine: Engine, gone: Member, transport: str = "websocket", options=None, **changes
) -> tuple[Member, list]:
    """A new connection with the pid and the offset of an old one. Returns what came before the answer, too."""
    connection = await Connection.open(engine, transport, **(options or {}))
    auth = {"pid": gone.pid, "offset": gone.offset} | changes
    auth = {name: value for name, value in auth.items() if value is not NOTHING}
    back = await connection.joins(gone.namespace, auth)
    missed = []
    while back.early:
        missed.append(await back.hears())
    return back, missed


def is_recovered(back: Member, gone: Member) -> None:
    assert (back.id, back.pid) == (gone.id, gone.pid)


def is_fresh(back: Member, gone: Member) -> None:
    assert back.id != gone.id and back.pid != gone.pid


# pid and offset


async def test_connect_is_answered_with_a_pid(engine, transport):
    connection = await Connection.open(engine, transport)
    ids = set()
    for name in ("/", "/custom"):
        socket = await connection.joins(name)
        assert re.fullmatch(r"[A-Za-z0-9_-]{20}", socket.pid), socket.pid
        ids |= {socket.id, socket.pid}
    assert len(ids) == 4


async def test_a_connect_answer_has_sid_and_pid_and_nothing_else(engine):
    connection = await Connection.open(engine)
    await connection.session.sends("40")
    packet = await connection.session.receives()
    assert re.fullmatch(r'40\{"sid":"[\w-]{20}","pid":"[\w-]{20}"\}', packet), packet


async def test_plain_events_end_with_an_offset_of_their_own(engine, transport):
    alice = await member(engine, transport=transport)
    await alice.emits("many", 50)
    await alice.emits("back")
    await alice.emits("bcast", IO | {"rooms": [alice.id]}, "x", {"a": b"1"})
    offsets = []
    for length in [3] * 50 + [2, 3]:
        data = (await alice.hears_event()).data
        assert len(data) == length and isinstance(data[-1], str)
        offsets.append(data[-1])
    assert len(set(offsets)) == len(offsets)


async def test_a_broadcast_has_one_offset_for_all(engine, room):
    sockets = await members(engine, 3, auth={"join": room})
    await sockets[0].orders("bcast", IO | {"rooms": [room]}, "news")
    offsets = set()
    for socket in sockets:
        (name, offset) = (await socket.hears_event()).data
        offsets.add(offset)
    assert len(offsets) == 1


async def test_acks_and_events_with_an_ack_have_no_offset(engine):
    alice = await member(engine)
    assert await alice.asks("echo", "x") == ["x"]
    await alice.connection.says(EVENT, "/", ["emit-timeout", 5000, "question"], 7)
    question = await alice.hears_event()
    assert question.data == ["question"]
    await alice.acknowledges(question)


async def test_volatile_events_repeat_the_newest_offset(engine):
    """A client takes the last string for its offset; it must not be led astray."""
    alice = await member(engine)
    offset = await has_an_offset(alice)
    await alice.orders("bcast", IO | {"rooms": [alice.id], "volatile": True}, "passing", "text")
    name, text, repeated = (await alice.hears_event()).data
    assert (name, text) == ("passing", "text")
    assert repeated == offset
    alice.offset = repeated
    watcher = await member(engine)
    await lost(alice, watcher)
    await watcher.orders("bcast", IO | {"rooms": [alice.id]}, "missed")
    back, missed = await comes_back(engine, alice)
    is_recovered(back, alice)
    assert missed == [["missed"]]


async def test_without_recovery_there_is_neither(fixture_x):
    alice = await member(Engine(fixture_x.a))
    assert alice.pid is None
    await alice.session.sends('42["back","x"]')
    await alice.session.expects('42["back","x"]')
    again = await member(Engine(fixture_x.a), auth={"pid": alice.id, "offset": "x"})
    assert again.id != alice.id


# Recovery


@pytest.mark.parametrize("then", TRANSPORTS)
async def test_rooms_data_and_ids_are_back(engine, transport, then, room):
    alice, watcher = await member(engine, transport=transport), await member(engine)
    await alice.orders("join", [f"{room}-1", f"{room}-2"])
    await alice.orders("leave", f"{room}-2")
    await alice.orders("set-data", {"name": "alice", "n": [1, 2]})
    await has_an_offset(alice)
    await lost(alice, watcher)
    assert await watcher.ask("fetch", alice.id) == []
    back, missed = await comes_back(engine, alice, then)
    is_recovered(back, alice)
    assert missed == []
    info = await back.ask("info")
    assert (info["recovered"], info["id"]) == (True, alice.id)
    assert await back.ask("rooms") == [f"{room}-1"]
    assert await watcher.ask("fetch", f"{room}-1") == [
        {"id": alice.id, "rooms": sorted([alice.id, f"{room}-1"]), "data": {"name": "alice", "n": [1, 2]}}
    ]


async def test_a_first_connection_is_not_recovered(engine):
    assert (await (await member(engine)).ask("info"))["recovered"] is False


@pytest.mark.parametrize("then", TRANSPORTS)
async def test_missed_events_come_in_order_and_before_connect(engine, then, room):
    """Those to a room, to everyone and to itself; not those to other rooms, not excepted ones, not volatile ones."""
    alice, bob = await members(engine, 2)
    await alice.orders("join", [room, f"{room}-too"])
    await has_an_offset(alice)
    await lost(alice, bob)
    for options, name, *rest in [
        (IO | {"rooms": [room]}, "room", 1),
        (IO | {"rooms": [f"{room}-other"]}, "other room"),
        (SOCKET | {"rooms": [alice.id]}, "own", {"a": None}),
        (IO | {"rooms": [room], "except": [alice.id]}, "excepted by id"),
        (IO | {"rooms": [room], "except": [f"{room}-too"]}, "excepted by room"),
        (IO | {"rooms": [room, f"{room}-too"]}, "both rooms"),
        (IO | {"rooms": [room], "volatile": True}, "volatile"),
        (IO | {"rooms": [bob.id]}, "somebody else's"),
        (IO | {"rooms": [room]}, "blob", b"\x00\x01", {"b": b""}),
        (IO | {"rooms": [room], "local": True}, "local"),
        (IO | {"rooms": [room]}, "last", "a string"),
    ]:
        await bob.orders("bcast", options, name, *rest)
    back, missed = await comes_back(engine, alice, then)
    is_recovered(back, alice)
    assert missed == [
        ["room", 1],
        ["own", {"a": None}],
        ["both rooms"],
        ["blob", b"\x00\x01", {"b": b""}],
        ["local"],
        ["last", "a string"],
    ]
    await back.expects_only()


async def test_what_is_said_to_everyone_is_replayed(engine):
    alice, bob = await members(engine, 2, "/dyn-70")
    for socket in (alice, bob):
        await socket.expects(["nsp", "/dyn-70"])
    await lost(alice, bob)
    await bob.orders("bcast", IO, "all", 1)
    await bob.orders("bcast", SOCKET, "all but bob", 2)
    back, missed = await comes_back(engine, alice)
    is_recovered(back, alice)
    assert missed == [["all", 1], ["all but bob", 2]]
    await back.expects(["nsp", "/dyn-70"])  # the connection handler runs always
    await back.expects_only()


@pytest.mark.parametrize("then", TRANSPORTS)
async def test_a_socket_that_is_away_is_put_into_rooms_and_taken_out(engine, then, room):
    """What is done to a socket by others counts from then on, as if it were there."""
    alice, bob = await members(engine, 2)
    await alice.orders("join", [f"{room}-old"])
    await has_an_offset(alice)
    await lost(alice, bob)
    for step in [
        ("bcast", IO | {"rooms": [room]}, "before"),
        ("ctl", "join", alice.id, [room]),
        ("bcast", IO | {"rooms": [room]}, "in the new room"),
        ("bcast", IO | {"rooms": [f"{room}-old"]}, "in the old room"),
        ("ctl", "leave", f"{room}-old", [f"{room}-old"]),
        ("bcast", IO | {"rooms": [f"{room}-old"]}, "after"),
    ]:
        await bob.orders(*step)
    back, missed = await comes_back(engine, alice, then)
    is_recovered(back, alice)
    assert missed == [["in the new room"], ["in the old room"]]
    await bob.orders("bcast", IO | {"rooms": [room]}, "now")
    await bob.orders("bcast", IO | {"rooms": [f"{room}-old"]}, "not now")
    await back.expects_only(["now"])


@pytest.mark.parametrize("closes", [False, True])
async def test_a_socket_that_is_made_to_leave_while_it_is_away_is_fresh(engine, closes, room):
    alice, bob = await members(engine, 2)
    await alice.orders("join", [room])
    await has_an_offset(alice)
    await lost(alice, bob)
    await bob.orders("ctl", "disconnect", room, closes)
    await bob.orders("bcast", IO | {"rooms": [room]}, "not for her any more")
    back, missed = await comes_back(engine, alice)
    is_fresh(back, alice)
    assert missed == []
    assert (await back.ask("info"))["recovered"] is False


async def test_what_a_socket_said_to_the_others_is_not_replayed_to_it(engine):
    alice, bob = await members(engine, 2)
    await has_an_offset(alice)
    await alice.orders("bcast", SOCKET | {"rooms": [alice.id, bob.id]}, "not for me")
    await lost(alice, bob)
    back, missed = await comes_back(engine, alice)
    is_recovered(back, alice)
    assert missed == []
    await bob.expects_only(["not for me"])


async def test_events_that_were_sent_and_never_read_are_replayed(engine):
    """The client comes back with an older offset than the server has sent."""
    alice, bob = await members(engine, 2)
    await has_an_offset(alice)
    await alice.emits("many", 5)
    for _ in range(2):
        await alice.hears()
    await lost(alice, bob)
    back, missed = await comes_back(engine, alice)
    is_recovered(back, alice)
    assert missed == [["n", 2], ["n", 3], ["n", 4]]


async def test_replayed_events_carry_their_offsets(engine):
    alice, bob = await members(engine, 2)
    await has_an_offset(alice)
    await lost(alice, bob)
    for number in range(3):
        await bob.orders("bcast", IO | {"rooms": [alice.id]}, "n", number)
    first, missed = await comes_back(engine, alice)
    assert missed == [["n", 0], ["n", 1], ["n", 2]]
    assert first.offset != alice.offset
    await lost(first, bob)
    await bob.orders("bcast", IO | {"rooms": [alice.id]}, "n", 3)
    back, missed = await comes_back(engine, first)
    is_recovered(back, alice)
    assert missed == [["n", 3]]


async def test_an_offset_from_the_middle_of_a_replay_counts(engine):
    alice, bob = await members(engine, 2)
    await has_an_offset(alice)
    await lost(alice, bob)
    for number in range(4):
        await bob.orders("bcast", IO | {"rooms": [alice.id]}, "n", number)
    connection = await Connection.open(engine)
    await connection.says(CONNECT, "/", {"pid": alice.pid, "offset": alice.offset})
    offsets = []
    while (heard := await connection.hears("/")).type != CONNECT:
        offsets.append(heard.data[-1])
    assert len(offsets) == 4
    again = Member(connection, "/")
    again.id, again.pid, again.offset = heard.data["sid"], heard.data["pid"], offsets[1]
    await lost(again, bob)
    back, missed = await comes_back(engine, again)
    is_recovered(back, alice)
    assert missed == [["n", 2], ["n", 3]]


@pytest.mark.parametrize("headers", [{}, PYTHON], ids=["anybody", "python"])
async def test_many_missed_events_come_in_bodies_that_the_client_takes(engine, headers):
    """Every poll of the client is checked for the packets in its answer."""
    alice, bob = await member(engine, transport="polling", headers=headers), await member(engine)
    await has_an_offset(alice)
    await lost(alice, bob)
    for number in range(100):
        await bob.emits("bcast", IO | {"rooms": [alice.id]}, "n", number)
    await bob.orders("leave", "x")
    back, missed = await comes_back(engine, alice, "polling", {"headers": headers})
    is_recovered(back, alice)
    assert missed == [["n", number] for number in range(100)]


# Links that are dead and do not say so


async def behind_a_link(engine: Engine, transport: str) -> tuple[Freezer, Member]:
    """A client whose link can go deaf. One that polls does so all the time."""
    freezer = await Freezer.before(engine.address)
    alice = await member(Engine(freezer.address), transport=transport)
    if isinstance(alice.session, Polling):
        alice.session.keeps_polling()
    return freezer, alice


async def is_cut_off(freezer: Freezer, alice: Member, watcher: Member) -> None:
    freezer.cuts()
    if isinstance(alice.session, Polling):
        await alice.session.stops_polling()
    await noticed(watcher, alice)


@pytest.mark.parametrize("has_received", [False, True], ids=["nothing received", "something received"])
async def test_what_was_sent_over_a_dead_link_is_replayed(engine, transport, has_received, room):
    """A client without an offset has received nothing since it joined, and is told everything since then."""
    watcher = await member(engine)
    freezer, alice = await behind_a_link(engine, transport)
    await alice.orders("join", room)
    if has_received:
        await has_an_offset(alice)
    freezer.freezes()
    for number in range(5):
        await watcher.orders("bcast", IO | {"rooms": [room]}, "n", number)
    await is_cut_off(freezer, alice, watcher)
    await watcher.orders("bcast", IO | {"rooms": [room]}, "n", 5)
    back, missed = await comes_back(engine, alice, **({} if has_received else {"offset": NOTHING}))
    is_recovered(back, alice)
    assert missed == [["n", number] for number in range(6)]


async def test_a_replay_over_a_dead_link_is_repeated(engine, room):
    watcher = await member(engine)
    freezer, alice = await behind_a_link(engine, "websocket")
    await alice.orders("join", room)
    await is_cut_off(freezer, alice, watcher)
    await watcher.orders("bcast", IO | {"rooms": [room]}, "n", 0)
    # Comes back, and hears of the CONNECT and its replay as little as of anything else.
    connection = await Connection.open(Engine(freezer.address))
    freezer.freezes()
    await connection.says(CONNECT, "/", {"pid": alice.pid})
    while await watcher.ask("fetch", alice.id) == []:
        await asyncio.sleep(0.005)
    await is_cut_off(freezer, alice, watcher)
    await watcher.orders("bcast", IO | {"rooms": [room]}, "n", 1)
    back, missed = await comes_back(engine, alice, offset=NOTHING)
    is_recovered(back, alice)
    assert missed == [["n", 0], ["n", 1]]


async def test_more_than_the_log_holds_makes_a_fresh_socket(engine):
    """10 000 events are kept: who has missed more is not told that nothing is missing."""
    watcher = await member(engine)
    freezer, alice = await behind_a_link(engine, "websocket")
    await alice.orders("leave", "x")
    freezer.freezes()
    await watcher.orders("burst", alice.id, 20_000, 1)
    await is_cut_off(freezer, alice, watcher)
    back, missed = await comes_back(engine, alice, offset=NOTHING)
    is_fresh(back, alice)
    assert missed == []


async def test_it_works_again_and_again(engine, transport):
    alice, bob = await member(engine, transport=transport), await member(engine)
    await has_an_offset(alice)
    first = alice
    for number in range(4):
        await lost(alice, bob)
        await bob.orders("bcast", IO | {"rooms": [alice.id]}, "n", number)
        alice, missed = await comes_back(engine, alice, transport)
        is_recovered(alice, first)
        assert missed == [["n", number]]
        await bob.orders("bcast", IO | {"rooms": [alice.id]}, "live", number)
        await alice.expects(["live", number])


async def test_after_an_upgrade_recovery_works(engine):
    alice, bob = await member(engine, transport="polling"), await member(engine)
    alice.connection.session = await upgraded(alice.session)
    await has_an_offset(alice)
    await lost(alice, bob)
    await bob.orders("bcast", IO | {"rooms": [alice.id]}, "missed")
    back, missed = await comes_back(engine, alice)
    is_recovered(back, alice)
    assert missed == [["missed"]]


async def test_middlewares_are_skipped(engine):
    alice, bob = await members(engine, 2, "/mw")
    await has_an_offset(alice)
    await lost(alice, bob)
    back, _ = await comes_back(engine, alice, fail=True)
    is_recovered(back, alice)


async def test_middlewares_are_not_skipped_for_those_who_are_not_recovered(engine):
    alice = await member(engine, "/mw")
    await has_an_offset(alice)
    connection = await Connection.open(engine)
    auth = {"pid": "x" * 20, "offset": alice.offset, "fail": True}
    assert await connection.is_refused("/mw", auth) == {"message": "nope"}


# Recoverable or not


async def test_a_ping_timeout_is_recoverable(engine):
    session = await engine.websocket(pongs=False)
    alice, bob = await Connection(session).joins(), await member(engine)
    await has_an_offset(alice)
    assert await noticed(bob, alice) == "ping timeout"
    await bob.orders("bcast", IO | {"rooms": [alice.id]}, "missed")
    back, missed = await comes_back(engine, alice)
    is_recovered(back, alice)
    assert missed == [["missed"]]


@pytest.mark.parametrize("how", ["close frame", "close packet"])
async def test_a_closed_transport_is_recoverable(engine, how):
    alice, bob = await members(engine, 2)
    await has_an_offset(alice)
    if how == "close frame":
        await alice.session.leaves()
    else:
        await alice.session.sends("1")
    await noticed(bob, alice)
    back, _ = await comes_back(engine, alice)
    is_recovered(back, alice)


async def test_a_forced_close_is_recoverable(engine):
    """A packet that makes sense, and that the state forbids."""
    alice, bob = await members(engine, 2)
    await has_an_offset(alice)
    await alice.session.sends('42/custom,["x"]')
    reason = await noticed(bob, alice)
    assert reason in ("forced close", "forced server close")
    back, _ = await comes_back(engine, alice)
    is_recovered(back, alice)


@pytest.mark.parametrize("how", ["by the client", "by the server", "by the server, and the connection"])
async def test_a_namespace_disconnect_is_final(engine, how):
    alice, bob = await members(engine, 2)
    await has_an_offset(alice)
    if how == "by the client":
        await alice.disconnects()
    else:
        await alice.emits("kick", how != "by the server")
    await noticed(bob, alice)
    back, missed = await comes_back(engine, alice)
    is_fresh(back, alice)
    assert missed == []
    assert (await back.ask("info"))["recovered"] is False


async def test_a_parse_error_is_final(engine):
    alice, bob = await members(engine, 2)
    await has_an_offset(alice)
    await alice.session.sends("9")
    assert await noticed(bob, alice) == "parse error"
    back, _ = await comes_back(engine, alice)
    is_fresh(back, alice)


@pytest.mark.parametrize(
    "changes",
    [
        {"pid": "unknown-unknown-unkn"},
        {"pid": ""},
        {"pid": 1},
        {"pid": None},
        {"pid": ["x"]},
        {"pid": NOTHING},
        {"offset": "unknown"},
        {"offset": ""},
        {"offset": 1},
        {"offset": {"a": "b"}},
    ],
    ids=str,
)
async def test_anything_else_than_a_known_pid_and_offset_gives_a_fresh_session(engine, changes):
    alice, bob = await members(engine, 2)
    await alice.orders("join", "room")
    await has_an_offset(alice)
    await lost(alice, bob)
    await bob.orders("bcast", IO | {"rooms": [alice.id]}, "missed")
    back, missed = await comes_back(engine, alice, **changes)
    is_fresh(back, alice)
    assert missed == []
    assert await back.ask("rooms") == []
    await back.expects_only()


async def test_a_pid_is_good_in_its_namespace_only(engine):
    alice, bob = await members(engine, 2)
    await has_an_offset(alice)
    await lost(alice, bob)
    alice.namespace = "/custom"
    back, _ = await comes_back(engine, alice)
    is_fresh(back, alice)


async def test_a_socket_id_is_no_pid(engine):
    alice, bob = await members(engine, 2)
    await has_an_offset(alice)
    await lost(alice, bob)
    back, _ = await comes_back(engine, alice, pid=alice.id)
    is_fresh(back, alice)


async def test_every_namespace_of_a_connection_recovers_by_itself(engine):
    alice, bob = await members(engine, 2)
    custom = await alice.connection.joins("/custom")
    watcher = await bob.connection.joins("/custom")
    for socket in (alice, custom):
        await has_an_offset(socket)
    await lost(alice, bob)
    await noticed(watcher, custom)
    await watcher.orders("bcast", IO | {"rooms": [custom.id]}, "missed")
    connection = await Connection.open(engine)
    for gone in (custom, alice):
        back = await connection.joins(gone.namespace, {"pid": gone.pid, "offset": gone.offset})
        is_recovered(back, gone)
        if gone is custom:
            await back.expects(["missed"])


# Where the reference is weak


async def test_a_client_that_never_heard_anything_recovers_without_an_offset(engine, room):
    alice, bob = await members(engine, 2)
    await alice.orders("join", room)
    await lost(alice, bob)
    await bob.orders("bcast", IO | {"rooms": [room]}, "missed", 1)
    back, missed = await comes_back(engine, alice, offset=NOTHING)
    is_recovered(back, alice)
    assert missed == [["missed", 1]]
    assert await back.ask("rooms") == [room]


@pytest.mark.parametrize("first", TRANSPORTS)
async def test_a_client_is_back_before_the_server_noticed_its_loss(engine, first, room):
    """The old transport is closed, the socket recovered."""
    alice, bob = await member(engine, transport=first), await member(engine)
    await alice.orders("join", room)
    await alice.orders("set-data", "data")
    await has_an_offset(alice)
    await bob.orders("bcast", IO | {"rooms": [room]}, "missed")
    back, missed = await comes_back(engine, alice)
    is_recovered(back, alice)
    assert missed == [["missed"]]
    assert await back.ask("rooms") == [room]
    assert (await back.ask("info"))["recovered"] is True
    await alice.session.ends()
    await bob.orders("bcast", IO | {"rooms": [room]}, "news")
    await back.expects_only(["news"])
    assert [one["id"] for one in await bob.ask("fetch", room)] == [alice.id]


async def test_one_pid_restored_by_two_at_once_is_one_socket(engine, room):
    for _ in range(5):
        alice, bob = await members(engine, 2)
        await alice.orders("join", room)
        await has_an_offset(alice)
        await lost(alice, bob)
        results = await asyncio.gather(
            *(comes_back(engine, alice) for _ in range(3)), return_exceptions=True
        )
        backs = [result[0] for result in results if isinstance(result, tuple)]
        assert backs, results
        assert [one["id"] for one in await bob.ask("fetch", alice.id)].count(alice.id) == 1
        alive = []
        await bob.orders("bcast", IO | {"rooms": [alice.id]}, "once")
        for back in backs:
            try:
                await back.expects_only(*([["once"]] if back.id == alice.id else []))
                alive.append(back.id)
            except (ConnectionClosed, SessionEnded):
                continue  # one of the others took it over
        assert alive.count(alice.id) == 1, alive
        await bob.orders("ctl", "disconnect", alice.id, True)


async def test_nothing_is_lost_or_doubled_while_a_client_comes_and_goes(engine, room):
    """It vanishes without warning while numbers are broadcast; what it hears all in all is every number once."""
    bob = await member(engine)
    alice = await member(engine, auth={"join": room})
    is_over = False

    async def speaks() -> int:
        number = 0
        while not is_over:
            await bob.emits("bcast", IO | {"rooms": [room]}, "n", number)
            number += 1
            await asyncio.sleep(0.001)
        await bob.orders("bcast", IO | {"rooms": [room]}, "n", number)
        return number

    speaking = asyncio.create_task(speaks())
    heard = [(await alice.hears())[1] for _ in range(20)]
    first = alice
    for round in range(15):
        alice.session.vanishes()
        if round % 3:
            await asyncio.sleep(0.005 * (round % 3))
        alice, missed = await comes_back(engine, alice, join=room)
        is_recovered(alice, first)
        heard += [number for _, number in missed]
        heard += [(await alice.hears())[1] for _ in range(10)]
    is_over = True
    last = await speaking
    while heard[-1] != last:
        heard.append((await alice.hears())[1])
    assert heard == list(range(last + 1))


async def test_recovery_is_per_socket_and_not_per_connection(engine):
    """A client that lost everything but kept an old pid in one namespace only."""
    alice, bob = await members(engine, 2)
    custom = await alice.connection.joins("/custom")
    await has_an_offset(alice)
    await lost(alice, bob)
    connection = await Connection.open(engine)
    fresh = await connection.joins("/custom")
    assert fresh.id != custom.id
    back = await connection.joins("/", {"pid": alice.pid, "offset": alice.offset})
    is_recovered(back, alice)
