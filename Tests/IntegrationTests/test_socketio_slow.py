"""Clients that read more slowly than they are sent to: honest ones get everything, others end and are told why."""

import asyncio
import time

import pytest

from support.engineio import PYTHON, UNKNOWN_SESSION, Engine, is_refusal
from support.freezer import Freezer
from support.sio import TRANSPORTS, Member, member

pytestmark = pytest.mark.alone

EVENT_LOOPS = (2,)
STALL = 5
"""Seconds that a client with too much waiting may take nothing."""


@pytest.fixture
def small(fixture_x) -> Engine:
    """10 000 bytes a message, so that 80 000 may wait for a client."""
    return Engine(fixture_x.a)


@pytest.fixture
def quick(fixture_x) -> Engine:
    """Pings every 400 ms, and waits 300 ms for the pong."""
    return Engine(fixture_x.b)


async def burst(watcher: Member, alice: Member, count: int, size: int) -> None:
    await watcher.orders("burst", alice.id, count, size)


async def expects_bursts(alice: Member, bursts: int, count: int, size: int) -> None:
    for _ in range(bursts):
        for number in range(count):
            data = (await alice.hears_event()).data
            assert (data[0], data[1], len(data[2])) == ("burst", number, size)


@pytest.mark.parametrize(
    "transport, count, size", [("polling", 10, 300_000), ("polling", 10, 900_000), ("websocket", 10, 900_000)]
)
async def test_an_honest_burst_arrives(quick, transport, count, size):
    alice, watcher = await member(quick, transport=transport), await member(quick)
    await burst(watcher, alice, count, size)
    await expects_bursts(alice, 1, count, size)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_reader_that_makes_progress_is_not_slow(small, transport):
    """Four times what may wait, over a link that passes it on for longer than the stall time."""
    freezer = await Freezer.before(small.address)
    alice, watcher = await member(Engine(freezer.address), transport=transport), await member(small)
    freezer.delay = 0.2
    began = time.monotonic()
    for _ in range(8):
        await burst(watcher, alice, 5, 9000)
    await expects_bursts(alice, 8, 5, 9000)
    if transport == "polling":
        assert time.monotonic() - began > STALL, "too fast to show anything"


async def test_a_client_that_stops_polling_is_told_why_when_it_comes_back(small):
    alice, watcher = await member(small, transport="polling"), await member(small)
    await burst(watcher, alice, 10, 9000)
    began = time.monotonic()
    while (noted := await watcher.ask("reason-of", alice.id)) is None:
        assert time.monotonic() - began < 3 * STALL
        await asyncio.sleep(0.05)
    assert noted["reason"] == "slow consumer"
    assert time.monotonic() - began > STALL - 1
    assert (await alice.session.get()).text == "1slow consumer"
    is_refusal(await alice.session.get(), UNKNOWN_SESSION)


async def test_a_thousand_events_over_a_slow_link_take_few_polls(quick):
    freezer = await Freezer.before(quick.address)
    alice, watcher = await member(Engine(freezer.address), transport="polling"), await member(quick)
    freezer.delay = 0.025
    await burst(watcher, alice, 1000, 10)
    polls, heard = 0, 0
    while heard < 1000:
        packets = await alice.session.poll()
        polls += 1
        heard += sum(packet.startswith("42") for packet in packets)
    assert polls <= 5


async def test_heartbeats_pass_what_waits(quick):
    """Bodies of 16 packets at 100 ms each take ten times as long as a pong may."""
    freezer = await Freezer.before(quick.address)
    alice = await member(Engine(freezer.address), transport="polling", headers=PYTHON)
    watcher = await member(quick)
    freezer.delay = 0.05
    await burst(watcher, alice, 1000, 10)
    await expects_bursts(alice, 1, 1000, 10)
