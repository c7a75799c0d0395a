"""The server's pings: 400 ms apart, 300 ms to answer. Acceptance 7."""

import asyncio
import os
import time
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

from support.engineio import Engine, Polling, SessionEnded, Socket
from support.sio import TRANSPORTS, Connection, Member, member

EVENT_LOOPS = (2,)
INTERVAL = 0.4
TIMEOUT = 0.3
EARLY = 0.02
LATE = 0.12 if os.getloadavg()[0] < (os.cpu_count() or 1) else 0.5
"""How far from its moment a thing may happen; the acceptance list allows 120 ms on an idle machine."""


@pytest.fixture
def engine(fixture_x) -> Engine:
    return Engine(fixture_x.b)


def is_about(passed: float, expected: float) -> None:
    assert expected - EARLY < passed < expected + LATE, f"{passed * 1000:.0f} ms instead of {expected * 1000:.0f}"


class Watch:
    """What has passed since the last look."""

    def __init__(self):
        self.last = time.monotonic()

    def lap(self) -> float:
        now = time.monotonic()
        passed, self.last = now - self.last, now
        return passed


async def opened(engine: Engine, transport: str) -> tuple[Polling | Socket, Watch]:
    """A session that answers pings only when it is told to."""
    if transport == "websocket":
        session = await engine.websocket(pongs=False)
    else:
        session = await engine.polling()
        session.answers_pings = False
        session.keeps_polling()
    return session, Watch()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_ping_comes_an_interval_after_the_handshake_and_after_each_pong(engine, transport):
    session, watch = await opened(engine, transport)
    await session.expects("2")
    is_about(watch.lap(), INTERVAL)
    for _ in range(2):
        await session.sends("3")
        watch.lap()
        await session.expects("2")
        is_about(watch.lap(), INTERVAL)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_interval_begins_with_the_pong_and_not_with_the_ping(engine, transport):
    """Not a fixed rate."""
    session, watch = await opened(engine, transport)
    await session.expects("2")
    await asyncio.sleep(0.2)
    await session.sends("3")
    watch.lap()
    await session.expects("2")
    is_about(watch.lap(), INTERVAL)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_silence_ends_the_session_when_the_pong_is_overdue(engine, transport):
    session, watch = await opened(engine, transport)
    await session.expects("2")
    watch.lap()
    if transport == "websocket":
        assert await session.ends() == []
    else:
        with pytest.raises(SessionEnded):
            await session.receives()
    is_about(watch.lap(), TIMEOUT)
    if transport == "polling":
        await session.is_dead()


async def test_an_abandoned_polling_session_ends(engine):
    """Nobody polls: the ping waits in the queue, and counts as sent."""
    session = await engine.polling()
    await asyncio.sleep(INTERVAL + TIMEOUT + LATE)
    await session.is_dead()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_other_traffic_does_not_postpone_the_timeout(engine, transport):
    session, _ = await opened(engine, transport)
    alice = await Connection(session).joins()
    while (packet := await session.receives()) != "2":
        assert packet.startswith("4"), packet
    watch = Watch()
    echoed = 0
    with suppress(ConnectionClosed, SessionEnded):
        while watch.last + 2 > time.monotonic():
            await alice.emits("back", "traffic")
            packet = await session.receives()
            assert packet.startswith('42["back"'), packet
            echoed += 1
            await asyncio.sleep(0.01)
    is_about(watch.lap(), TIMEOUT)
    assert echoed > 5


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_other_traffic_does_not_postpone_the_ping(engine, transport):
    session, watch = await opened(engine, transport)
    alice = await Connection(session).joins()
    while True:
        await alice.emits("back", "traffic")
        packet = await session.receives()
        if packet == "2":
            break
        assert packet.startswith('42["back"'), packet
        await asyncio.sleep(0.01)
    is_about(watch.lap(), INTERVAL)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_unsolicited_pong_restarts_the_interval(engine, transport):
    session, watch = await opened(engine, transport)
    for _ in range(2):
        await asyncio.sleep(0.25)
        await session.sends("3")
        watch.lap()
    await session.expects("2")
    is_about(watch.lap(), INTERVAL)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("packet", ["6", '42["back","x"]'])
async def test_only_a_pong_counts_as_one(engine, transport, packet):
    session, _ = await opened(engine, transport)
    alice = await Connection(session).joins()
    while await session.receives() != "2":
        pass
    watch = Watch()
    for _ in range(2):
        await asyncio.sleep(TIMEOUT / 3)
        with suppress(ConnectionClosed):
            await session.sends(packet)
    await asyncio.wait_for(ended(alice), 2)
    is_about(watch.lap(), TIMEOUT)


async def ended(member: Member) -> None:
    try:
        while True:
            await member.session.receives()
    except (ConnectionClosed, SessionEnded):
        pass


async def test_a_pong_with_a_payload_counts(engine):
    session, watch = await opened(engine, "websocket")
    await session.expects("2")
    await session.sends("3probe")
    watch.lap()
    await session.expects("2")
    is_about(watch.lap(), INTERVAL)


async def test_a_ping_is_an_ordinary_packet_of_a_poll_body(engine):
    alice = await member(engine, transport="polling")
    await asyncio.sleep(INTERVAL + 0.1)
    await alice.session.sends('42["back","x"]')
    packets = await alice.session.poll()
    assert packets[0] == "2"
    assert packets[1].startswith('42["back","x"'), packets
    await alice.session.sends("3")


async def test_a_ping_does_not_split_attachments(engine):
    """Groups of header and attachments are being written all the time while pings are due."""
    alice = await member(engine)
    end = time.monotonic() + 3 * INTERVAL
    while time.monotonic() < end:
        for _ in range(20):
            await alice.emits("back", b"x" * 1000, b"y", {"z": b""})
        for _ in range(20):
            assert await alice.hears() == ["back", b"x" * 1000, b"y", {"z": b""}]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_socket_hears_ping_timeout_as_its_reason(engine, transport):
    session, _ = await opened(engine, transport)
    alice, bob = await Connection(session).joins(), await member(engine)
    await ended(alice)
    while (departure := await bob.ask("reason-of", alice.id)) is None or departure["reason"].startswith("pending"):
        await asyncio.sleep(0.01)
    assert departure["reason"] == "ping timeout"


async def test_a_hundred_sessions_are_pinged_and_live(engine):
    sessions = [await engine.websocket() for _ in range(100)]
    for session in sessions:
        await session.sends("40")
    await asyncio.sleep(3 * (INTERVAL + TIMEOUT))
    for session in sessions:
        await session.sends('42["back","alive"]')
    for session in sessions:
        assert (await session.receives()).startswith('40{"sid"')
        assert (await session.receives()).startswith('42["back","alive"')


async def test_a_half_uploaded_message_does_not_count_as_a_pong(engine):
    """A POST that never ends keeps no session alive."""
    session, _ = await opened(engine, "polling")
    async with session.connection() as connection:
        connection.ask("POST", session.target(), {"Content-Length": "1000"})
        connection.send("4" * 10)
        with suppress(SessionEnded):
            await session.expects("2")
            watch = Watch()
            await session.receives()
        is_about(watch.lap(), TIMEOUT)
        connection.drop()
