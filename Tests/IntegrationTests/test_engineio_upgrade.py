"""From polling to WebSocket, with everything that may go on meanwhile. Acceptance 6."""

import asyncio
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from support.engineio import BAD_REQUEST, Engine, Polling, SessionEnded, Socket, is_refusal, probe, upgraded
from support.raw import TEXT, RawWebSocket, close_frame, frame
from support.sio import Connection, Member, member, members

PROMPTLY = 0.150 + 0.120
"""How long a GET may be held during an upgrade, with what a busy machine may add."""
UPGRADE_TIMEOUT = 0.5  # profile X, server B
TOLERANCE = 0.2


@pytest.fixture
def engine(fixture_b) -> Engine:
    """Every option at its default."""
    return Engine(fixture_b.address)


@pytest.fixture
def quick(fixture_x) -> Engine:
    """Pings every 400 ms, waits 300 ms for the pong and 500 ms for an upgrade."""
    return Engine(fixture_x.b)


async def joined(engine: Engine) -> Polling:
    return (await member(engine, transport="polling")).session


async def echoes(session: Polling | Socket, text: str) -> None:
    """The session works in both directions."""
    await session.sends(f'42["echo","{text}"]')
    await session.expects(f'42["echo","{text}"]')


async def is_turned_away(session: Polling) -> None:
    """A further WebSocket for this session is refused, or closed at once."""
    try:
        socket = await probe(session, first=None)
    except InvalidStatus:
        return
    await socket.closing()


# The handshake of the upgrade


async def test_a_probe_is_answered_and_the_session_moves(engine):
    session = await joined(engine)
    socket = await probe(session)
    await socket.sends("5")
    socket.pumps()
    await echoes(socket, "moved")


async def test_a_session_moves_before_it_has_polled(engine):
    """What was queued for the first GET comes over the WebSocket."""
    session = await engine.polling()
    await session.sends("40")
    socket = await upgraded(session)
    assert (await socket.receives()).startswith('40{"sid":')
    await echoes(socket, "moved")


async def test_a_session_moves_before_it_has_said_anything(engine):
    socket = await upgraded(await engine.polling())
    await socket.sends("40")
    assert (await socket.receives()).startswith('40{"sid":')


async def test_a_session_without_socketio_moves(fixture_p):
    session = (await Engine(fixture_p.address, "/engine.io/").polling()).keeps_polling()
    await session.sends("4before", b"before")
    socket = await upgraded(session)
    await socket.sends("4after", b"\x04after")
    await socket.expects("4before", b"before", "4after", b"\x04after")


async def test_nothing_but_the_answer_is_sent_on_a_probe(engine):
    """Packets go to the polls until the client says `5`."""
    session = await joined(engine)
    socket = await probe(session)
    await session.sends('42["echo","a"]')
    assert await session.poll() == ['42["echo","a"]']
    await session.sends('42["echo","b"]')
    await socket.sends("5")
    socket.pumps()
    await socket.expects('42["echo","b"]')


async def test_frames_behind_the_upgrade_packet_are_traffic_of_the_session(engine):
    session = await joined(engine)
    socket = await asyncio.to_thread(
        RawWebSocket.open, engine.address, engine.target(transport="websocket", sid=session.sid)
    )
    socket.says("2probe")
    assert (await asyncio.to_thread(socket.next, TEXT)).payload == b"3probe"
    socket.send(frame(TEXT, "5") + frame(TEXT, '42["echo","one"]') + frame(TEXT, '42["echo","two"]'))
    for text in (b"one", b"two"):
        assert (await asyncio.to_thread(socket.next, TEXT)).payload == b'42["echo","%s"]' % text


async def test_the_whole_upgrade_in_one_write_is_understood(engine):
    """Nobody does this; the frames are in order, and that is all that counts."""
    session = await joined(engine)
    socket = await asyncio.to_thread(
        RawWebSocket.open, engine.address, engine.target(transport="websocket", sid=session.sid)
    )
    socket.send(frame(TEXT, "2probe") + frame(TEXT, "5") + frame(TEXT, '42["echo","one"]'))
    for expected in (b"3probe", b'42["echo","one"]'):
        assert (await asyncio.to_thread(socket.next, TEXT)).payload == expected


async def test_what_is_queued_is_flushed_in_order(quick):
    alice, bob = await member(quick, transport="polling"), await member(quick)
    socket = await probe(alice.session)
    for number in range(50):
        await bob.orders("bcast", {"via": "io", "rooms": [alice.id]}, "n", number)
    await socket.sends("5")
    socket.pumps()
    alice.connection.session = socket
    assert [(await alice.hears())[1] for _ in range(50)] == list(range(50))


async def test_queued_attachments_follow_their_header_across_the_upgrade(quick):
    alice = await member(quick, transport="polling")
    socket = await probe(alice.session)
    await alice.emits("back", b"one", {"x": b"two"}, "three")
    await socket.sends("5")
    socket.pumps()
    alice.connection.session = socket
    await alice.expects(["back", b"one", {"x": b"two"}, "three"])


async def test_a_client_may_upgrade_without_a_probe(engine):
    """As those do that do not poll meanwhile."""
    session = await joined(engine)
    await session.sends('42["echo","queued"]')
    socket = await probe(session, first="5")
    socket.pumps()
    await socket.expects('42["echo","queued"]')
    await echoes(socket, "moved")
    is_refusal(await session.get(), BAD_REQUEST)


async def test_every_probe_is_answered(engine):
    session = await joined(engine)
    socket = await probe(session)
    for _ in range(3):
        await socket.sends("2probe")
        await socket.expects("3probe")
    await echoes(session, "still polling")
    await socket.sends("5")
    socket.pumps()
    await echoes(socket, "moved")


# Polls during the upgrade


async def test_every_get_is_released_during_the_upgrade(engine):
    session = await joined(engine)
    held = await session.hold()
    socket = await probe(session)
    probed = time.monotonic()
    assert await held.packets() == ["6"]
    assert 0.09 < time.monotonic() - probed < PROMPTLY
    for _ in range(10):
        asked = time.monotonic()
        assert await session.poll() == ["6"]
        assert time.monotonic() - asked < PROMPTLY
    await socket.sends("5")
    socket.pumps()
    await echoes(socket, "moved")


async def test_a_get_that_arrives_after_the_probe_is_released_with_what_there_is(engine):
    session = await joined(engine)
    socket = await probe(session)
    await session.sends('42["echo","queued"]')
    assert await session.poll() == ['42["echo","queued"]']
    assert await session.poll() == ["6"]
    await socket.sends("5")
    socket.pumps()
    await echoes(socket, "moved")


async def test_a_get_that_is_held_when_the_upgrade_packet_comes_is_answered(engine):
    """A client that does not wait for its last GET gets it answered nevertheless, and the session goes on."""
    session = await joined(engine)
    socket = await probe(session)
    asking = asyncio.create_task(session.get())
    await socket.sends("5")
    socket.pumps()
    answer = await asking
    assert answer.status in (200, 400), answer
    await echoes(socket, "moved")


async def test_after_the_upgrade_polling_is_a_bad_request(engine):
    session = await joined(engine)
    socket = await upgraded(session)
    await echoes(socket, "moved")
    is_refusal(await session.get(), BAD_REQUEST)
    is_refusal(await session.post("6"), BAD_REQUEST)
    await echoes(socket, "still there")


async def test_posts_are_accepted_until_the_upgrade_packet(engine):
    session = await joined(engine)
    socket = await probe(session)
    await session.sends('42["echo","by POST"]')
    await socket.sends("5")
    socket.pumps()
    await socket.expects('42["echo","by POST"]')


# Order, exactly once


@pytest.mark.parametrize("batch", range(2))
async def test_a_thousand_events_during_fifty_upgrades_arrive_once_and_in_order(quick, batch):
    speaker = await member(quick)
    listeners = await members(quick, 25, transport="polling")
    finished = asyncio.Event()

    async def speaks() -> int:
        number = 0
        while number < 20 or not finished.is_set():
            await speaker.emits("bcast", {"via": "socket"}, "n", number)
            number += 1
            await asyncio.sleep(0.002)
        await speaker.orders("bcast", {"via": "socket"}, "n", -1)
        return number

    async def moves(listener: Member, pause: float) -> None:
        listener.session.keeps_polling()
        await asyncio.sleep(pause)  # so that they move at different moments
        listener.connection.session = await upgraded(listener.session)

    speaking = asyncio.create_task(speaks())
    await asyncio.gather(*(moves(listener, index * 0.004) for index, listener in enumerate(listeners)))
    finished.set()
    expected = [*range(await speaking), -1]
    for listener in listeners:
        assert isinstance(listener.session, Socket)
        assert [(await listener.hears())[1] for _ in expected] == expected
        await listener.expects_only()


async def test_upgrades_while_binary_is_broadcast_keep_attachments_together(quick):
    speaker = await member(quick)
    listeners = await members(quick, 10, transport="polling")

    async def speaks() -> None:
        for number in range(60):
            await speaker.emits("bcast", {"via": "socket"}, "n", number, bytes([number]), b"")
            await asyncio.sleep(0.001)

    async def moves(listener: Member) -> None:
        listener.session.keeps_polling()
        await asyncio.sleep(0.02)
        listener.connection.session = await upgraded(listener.session)

    await asyncio.gather(speaks(), *map(moves, listeners))
    for listener in listeners:
        for number in range(60):
            await listener.expects(["n", number, bytes([number]), b""])


# What goes wrong


@pytest.mark.parametrize("first", ["2", "3probe", "2wrong", "4hello", "40", "6", "1", "", "x", b"2probe"])
async def test_any_other_first_frame_closes_the_probe_and_nothing_else(engine, first):
    session = await joined(engine)
    socket = await probe(session, first=None)
    await socket.sends(first)
    await socket.closing()
    await echoes(session, "unharmed")
    await echoes(await upgraded(session), "moved at the second attempt")


@pytest.mark.parametrize("second", ["4hello", '42["echo","too early"]', "2", "1", b"x"])
async def test_any_frame_but_the_upgrade_packet_behind_the_probe_closes_it_and_nothing_else(engine, second):
    session = await joined(engine)
    socket = await probe(session)
    await socket.sends(second)
    await socket.closing()
    await echoes(session, "unharmed")
    await echoes(await upgraded(session), "moved at the second attempt")


@pytest.mark.parametrize("first", [None, "2probe"])
@pytest.mark.parametrize("how", ["vanishes", "leaves"])
async def test_a_dropped_probe_harms_nothing(engine, first, how):
    session = await joined(engine)
    socket = await probe(session, first)
    if how == "vanishes":
        socket.vanishes()
    else:
        await socket.leaves()
    await echoes(session, "unharmed")
    await echoes(await moved_in_the_end(session), "moved at the second attempt")


@pytest.mark.parametrize("first", [None, "2probe"])
async def test_a_probe_that_says_goodbye_is_let_go(engine, first):
    """The server answers the close frame and is the one that ends the connection, as RFC 6455 has it."""
    session = await joined(engine)
    socket = await asyncio.to_thread(
        RawWebSocket.open, engine.address, engine.target(transport="websocket", sid=session.sid)
    )
    if first:
        socket.says(first)
        assert (await asyncio.to_thread(socket.next, TEXT)).payload == b"3probe"
    socket.send(close_frame(1000))
    assert await asyncio.to_thread(socket.close_code) == 1000
    assert await asyncio.to_thread(socket.is_closed, 2)
    await echoes(session, "unharmed")


async def moved_in_the_end(session: Polling) -> Socket:
    """The server may still think that the first attempt is going on."""
    while True:
        try:
            return await upgraded(session)
        except (ConnectionClosed, InvalidStatus):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("first", [None, "2probe"])
async def test_an_abandoned_probe_is_closed_after_the_upgrade_timeout(quick, first):
    session = await joined(quick)
    begun = time.monotonic()
    socket = await probe(session, first)
    session.keeps_polling()
    await socket.closing()
    assert UPGRADE_TIMEOUT - 0.05 < time.monotonic() - begun < UPGRADE_TIMEOUT + TOLERANCE
    await session.sends('42["back","unharmed"]')
    packet = await session.receives()
    assert packet.startswith('42["back","unharmed"'), packet
    socket = await upgraded(session)
    await socket.sends('42["back","moved"]')
    assert (await socket.receives()).startswith('42["back","moved"')


async def test_gets_are_held_again_when_a_probe_was_given_up(engine):
    session = await joined(engine)
    (await probe(session)).vanishes()
    while True:  # until the server has noticed
        connection_was_released = asyncio.create_task(session.get())
        done, _ = await asyncio.wait([connection_was_released], timeout=0.4)
        if not done:
            break
        assert session.packets_of(connection_was_released.result()) == ["6"]
    await session.sends('42["echo","waited for"]')
    assert session.packets_of(await connection_was_released) == ['42["echo","waited for"]']


async def test_a_second_websocket_during_an_upgrade_is_turned_away(engine):
    session = await joined(engine)
    socket = await probe(session)
    await is_turned_away(session)
    await socket.sends("5")
    socket.pumps()
    await echoes(socket, "moved")


async def test_a_second_websocket_after_an_upgrade_is_turned_away(engine):
    session = await joined(engine)
    socket = await upgraded(session)
    await is_turned_away(session)
    await echoes(socket, "unharmed")


async def test_a_websocket_for_a_session_that_is_one_is_turned_away(engine):
    alice = await member(engine)
    session = alice.session
    session.engine = engine
    await is_turned_away(session)
    await echoes(session, "unharmed")


@pytest.mark.parametrize("first", [None, "2probe"])
@pytest.mark.parametrize("end", ["close packet", "bad packet", "kick"])
async def test_a_probe_ends_with_its_session(fixture_x, first, end):
    alice = await member(Engine(fixture_x.a), transport="polling")
    socket = await probe(alice.session, first)
    if end == "close packet":
        await alice.session.sends("1")
    elif end == "bad packet":
        assert (await alice.session.post("9")).status == 400
    else:
        await alice.emits("kick", True)
        if first:
            # The goodbye would go over the WebSocket; a poll that fetches it leaves nothing to upgrade for.
            await alice.is_disconnected()
    await socket.closing()
    await alice.session.ends()


async def test_a_goodbye_goes_over_the_websocket_of_an_upgrade_that_was_answered(fixture_x):
    alice = await member(Engine(fixture_x.a), transport="polling")
    socket = await probe(alice.session, "2probe")
    await alice.emits("kick", True)
    await socket.sends("5")
    assert await socket.receives() == "41"
    await socket.closing()
    await alice.session.ends()


async def test_a_websocket_for_a_session_that_ended_is_refused(engine):
    session = await joined(engine)
    await session.leaves()
    with pytest.raises(InvalidStatus) as refusal:
        await probe(session)
    assert refusal.value.response.status_code == 400
    assert refusal.value.response.body == b"Session ID unknown"


async def test_an_upgraded_session_ends_with_its_websocket(fixture_x):
    engine = Engine(fixture_x.a)
    alice, bob = await member(engine, transport="polling"), await member(engine)
    alice.connection.session = await upgraded(alice.session)
    await alice.orders("join", "a room")
    alice.session.vanishes()
    while (departure := await bob.ask("reason-of", alice.id)) is None or departure["reason"].startswith("pending"):
        await asyncio.sleep(0.01)
    assert departure == {"rooms": ["a room"], "reason": "transport close"}


async def test_the_server_ends_an_upgraded_session_over_its_websocket(fixture_x):
    alice = await member(Engine(fixture_x.a), transport="polling")
    alice.connection.session = await upgraded(alice.session)
    await alice.emits("kick", True)
    await alice.is_disconnected()
    await alice.connection.ends()


async def test_the_transport_is_the_new_one_after_the_upgrade(fixture_x):
    alice = await member(Engine(fixture_x.a), transport="polling")
    assert (await alice.ask("info"))["transport"] == "polling"
    alice.connection.session = await upgraded(alice.session)
    assert (await alice.ask("info"))["transport"] == "websocket"


# Heartbeats across the upgrade


async def test_a_ping_that_is_due_during_the_probe_stays_on_polling(quick):
    session = await joined(quick)
    socket = await probe(session)
    packets: list = []
    while "2" not in packets:
        packets += await session.poll()
        await asyncio.sleep(0.02)
    assert set(packets) == {"6", "2"}
    await session.sends("3")
    await socket.sends("5")
    assert await socket.receives() == "2", "the next ping, and nothing before it"


@pytest.mark.parametrize("pong_over", ["polling", "websocket"])
async def test_an_outstanding_ping_may_be_answered_on_either_transport(quick, pong_over):
    session = await joined(quick)
    session.answers_pings = False
    assert await session.poll() == ["2"]
    socket = await probe(session)
    if pong_over == "polling":
        await session.sends("3")
    await socket.sends("5")
    if pong_over == "websocket":
        await socket.sends("3")
    socket.pumps(pongs=False)
    for _ in range(3):  # longer than the first ping's timeout
        await socket.expects("2")
        await socket.sends("3")
    await socket.is_alive()


async def test_the_switch_alone_causes_no_timeout_and_goes_on_supervising(quick):
    """The pong is owed still: whether the old deadline or a new one counts, silence is noticed."""
    session = await joined(quick)
    session.answers_pings = False
    assert await session.poll() == ["2"]
    socket = await probe(session)
    await socket.sends("5")
    switched = time.monotonic()
    socket.pumps(pongs=False)
    await socket.ends()
    assert time.monotonic() - switched < 0.4 + 0.3 + TOLERANCE


async def test_pings_come_over_the_websocket_after_the_upgrade(quick):
    session = (await quick.polling()).keeps_polling()
    await session.sends("40")
    socket = await upgraded(session)
    socket.answers_pings = False
    packets = [await socket.receives() for _ in range(2)]
    assert packets[1] == "2", packets


async def test_many_sessions_upgrade_at_once(engine):
    sessions = [(await engine.polling()).keeps_polling() for _ in range(60)]

    async def moves(session: Polling) -> None:
        alice = await Connection(session).joins()
        alice.connection.session = await upgraded(session)
        await alice.emits("echo", alice.id)
        await alice.expects(["echo", alice.id])

    await asyncio.gather(*map(moves, sessions))


async def test_a_session_that_was_closed_meanwhile_does_not_come_back(engine):
    session = await joined(engine)
    socket = await probe(session)
    await session.leaves()
    try:
        await socket.sends("5")
        await socket.sends('42["echo","ghost"]')
    except ConnectionClosed:
        pass
    await socket.closing()
    await session.becomes_dead()
    with pytest.raises(SessionEnded):
        await session.receives()
