"""Sessions that poll need no connection: many of them leave room for everybody else."""

import asyncio
import time

import pytest

from support import gateway, metrics
from support.dialects import Relay
from support.engineio import UNKNOWN_SESSION, Engine, Http, has_code, is_refusal

PER_ADDRESS = 20
LIMIT = 2_000_000
"""Bytes that may wait in the whole process."""
FIRST_POLL = 5
"""Seconds that a session may take until its first poll."""


@pytest.fixture
def flooded(server):
    return server(
        PARLEY_MAX_CONNECTIONS=10,
        PARLEY_MAX_POLLING_SESSIONS_PER_ADDRESS=PER_ADDRESS,
        GATEWAY="on",
        JWT_SECRET="x" * 32,
        RELAY="open",
    )


async def handshakes(engine: Engine, count: int) -> None:
    """Sessions that nobody means to use, over one connection."""
    connection = await Http.open(engine.address)
    for _ in range(count):
        answer = await connection.request("GET", engine.target(transport="polling"))
        assert answer.status == 200, answer


def polling(server) -> float:
    return metrics.read(server.front_door).total("parley_connections", dialect="socket-io")


async def test_handshakes_take_no_place_from_others(flooded, room):
    engine = Engine(flooded.front_door)
    honest = await engine.polling()
    held = await honest.hold()
    await handshakes(engine, 10 * PER_ADDRESS)
    assert polling(flooded) <= PER_ADDRESS
    relay = Relay(flooded.front_door)
    members = [await relay.join(f"{number}", room) for number in range(10)]
    assert len(members) == 10
    # Who came first and polls has lost nothing, and who comes now is let in.
    await honest.sends("6")
    assert not held.connection.reader.at_eof()
    newcomer = await engine.polling()
    await newcomer.is_alive()


async def test_a_session_that_never_polls_is_over_after_seconds(flooded):
    engine = Engine(flooded.front_door)
    used, unused = await engine.polling(), await engine.polling()
    held = await used.hold()
    began = time.monotonic()
    while not has_code(answer := await unused.post("6"), UNKNOWN_SESSION):
        assert answer.status == 200
        assert time.monotonic() - began < FIRST_POLL + 3
        await asyncio.sleep(0.1)
    assert time.monotonic() - began > FIRST_POLL - 1
    is_refusal(await unused.get(), UNKNOWN_SESSION)
    await used.is_alive()
    held.drop()


async def test_sessions_in_use_are_bounded_and_refusals_counted(flooded):
    engine = Engine(flooded.front_door)
    sessions = [await engine.polling() for _ in range(PER_ADDRESS)]
    for session in sessions:
        await session.hold()
    refused = await engine.fetch("GET", engine.target(transport="polling"))
    assert refused.status == 429
    assert "PARLEY_MAX_POLLING_SESSIONS_PER_ADDRESS" in refused.text
    assert refused.headers["retry-after"] == "5"
    read = metrics.read(flooded.front_door)
    assert read.total("parley_handshake_failures_total", reason="polling_address_limit") == 1
    # A WebSocket is no such session, and an upgrade ends one.
    await engine.websocket()
    await sessions[0].leaves()
    await engine.polling()


async def test_what_waits_for_polls_counts_in_the_limit_of_the_process(server):
    """Answers into sessions that nobody polls: the fullest go first, and are told why."""
    started = server(**gateway.SETTINGS, PARLEY_PROCESS_BACKLOG_BYTES=LIMIT)
    engine = Engine(started.gateway)
    token = gateway.acquire(started.gateway)
    sessions = [await engine.polling() for _ in range(8)]
    small = sessions[0]
    for session in sessions:
        await session.sends('40{"token":"%s"}' % token)
        assert (await session.poll())[0].startswith("40")
    await small.sends('42["echo","kept"]')
    text = "x" * 17_000
    over = 2 * LIMIT // len(text) // 7
    for _ in range(over):
        for session in sessions[1:]:
            await session.post(f'42["echo","{text}"]')
            assert metrics.read(started.front_door).total("parley_backlog_bytes") < 1.5 * LIMIT
    ended = 0
    for session in sessions[1:]:
        last = (await session.get()).text
        ended += last == "1slow consumer"
    assert ended > 0
    assert metrics.read(started.front_door).total("parley_slow_consumer_closes_total") >= ended
    assert any("kept" in packet for packet in await small.poll())


async def test_bodies_that_are_not_complete_count_in_the_limit_of_the_process(server):
    started = server(**gateway.SETTINGS, PARLEY_PROCESS_BACKLOG_BYTES=LIMIT)
    engine = Engine(started.gateway)
    posts = []
    for _ in range(2 * LIMIT // 500_000):
        session = await engine.polling()
        connection = await Http.open(engine.address)
        head = f"POST {session.target()} HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n"
        connection.send(head + "4" + "x" * 500_000)
        posts.append(connection)
        assert metrics.read(started.front_door).total("parley_backlog_bytes") < 1.5 * LIMIT
    refused = [connection for connection in posts if await is_refused(connection)]
    assert refused and len(refused) < len(posts)


async def is_refused(connection: Http) -> bool:
    try:
        return (await connection.answer(within=0.5)).status == 503
    except TimeoutError:
        return False
