"""Much at once from one client: it is all dealt with, and holds nobody else up."""

import asyncio
import time

import pytest

from support.engineio import SEPARATOR, Engine, Http
from support.sio import member

EVENT_LOOPS = (1,)
"""Where everybody is on the same loop."""
PACKETS = 20_000


@pytest.fixture
def engine(fixture_b) -> Engine:
    return Engine(fixture_b.address)


async def roundtrips(bystander, until: asyncio.Task) -> list[float]:
    """How long each answer takes to somebody else."""
    times = []
    while not until.done():
        asked = time.monotonic()
        await bystander.session.sends('42["echo","x"]')
        await bystander.session.expects('42["echo","x"]')
        times.append(time.monotonic() - asked)
    return times


@pytest.mark.parametrize("packet", ["6", "3", '42["echo",1]', '42["nobody"]'])
async def test_a_body_of_very_many_packets_leaves_the_others_their_turn(engine, packet):
    alice, bystander = await member(engine, transport="polling"), await member(engine)
    posting = asyncio.create_task(alice.session.post(SEPARATOR.join([packet] * PACKETS)))
    times = await roundtrips(bystander, posting)
    assert (await posting).body == b"ok"
    assert len(times) > 3, "the others had no turn at all"


@pytest.mark.parametrize("count", [15, 16, 17, 31, 32, 33, 64, 1000])
async def test_a_connection_goes_on_behind_any_number_of_requests_at_once(engine, count):
    """However they fill the share of a turn: the request after them is answered as well."""
    connection = await Http.open(engine.address)
    head = f"GET {engine.target(transport='none')} HTTP/1.1\r\nHost: x\r\n\r\n"
    connection.send(head * count)
    for _ in range(count):
        assert (await connection.answer()).status == 400
    connection.send(head)
    assert (await connection.answer()).status == 400


async def test_packets_of_a_body_keep_their_order_over_many_turns(engine):
    alice = await member(engine, transport="polling")
    texts = [f'42["echo",{number}]' for number in range(2000)]
    await alice.session.sends(*texts)
    for text in texts:
        assert await alice.session.receives() == text


async def test_a_broken_packet_behind_many_ends_the_session_behind_them(engine):
    alice = await member(engine, transport="polling")
    answer = await alice.session.post(SEPARATOR.join(["6"] * 1000 + ["x"] + ["6"] * 1000))
    assert (answer.status, answer.body) == (400, b"")
    await alice.session.is_dead()


async def test_a_goodbye_among_many_packets_ends_the_session_there(engine):
    alice = await member(engine, transport="polling")
    answer = await alice.session.post(SEPARATOR.join(["6"] * 1000 + ["1"] + ["x"] * 1000))
    assert answer.body == b"ok"
    assert await alice.session.poll() == ["6"]
    await alice.session.is_dead()


async def test_a_second_post_beside_one_of_many_packets_is_an_overlap_or_follows_it(engine):
    """Its packets never come between those of the first."""
    alice = await member(engine, transport="polling")
    texts = [f'42["echo",{number}]' for number in range(3000)]
    first = asyncio.create_task(alice.session.post(SEPARATOR.join(texts)))
    await asyncio.sleep(0)
    second = await alice.session.post('42["echo","second"]')
    first = await first
    if second.status == 200:
        assert first.body == b"ok"
        heard = [await alice.session.receives() for _ in range(3001)]
        assert heard.index('42["echo","second"]') in (0, 3000)
    else:
        assert second.status == 400
        await alice.session.is_dead()
