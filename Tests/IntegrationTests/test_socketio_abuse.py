"""What one client does to others, and to the server, if it can: nothing."""

import asyncio

import pytest

from support.engineio import Engine
from support.sio import Connection, member, members

PLACEHOLDER = '{"_placeholder":true,"num":0}'


@pytest.fixture
def engine(fixture_x) -> Engine:
    return Engine(fixture_x.a)


async def test_an_attachment_is_not_multiplied(engine):
    alice, bob = await members(engine, 2)
    placeholders = ",".join([PLACEHOLDER] * 4400)
    await alice.session.sends(f'451-["back",{placeholders}]', bytes(100_000))
    await alice.connection.ends()
    assert await bob.ask("echo", 1) == 1


async def test_an_attachment_may_be_used_as_often_as_there_may_be_attachments(engine):
    alice = await member(engine)
    placeholders = ",".join([PLACEHOLDER] * 10)
    await alice.session.sends(f'451-["back",{placeholders}]', b"abc")
    await alice.expects(["back", *[b"abc"] * 10])


@pytest.mark.parametrize("text", [b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf"])
async def test_a_post_that_is_no_utf8_ends_its_own_session_only(engine, text):
    alice = await member(engine, transport="polling")
    bob = await member(engine)
    answer = await alice.session.post(b'42["to",{"rooms":[]},"' + text + b'"]')
    assert answer.status == 400
    await alice.session.is_dead()
    assert await bob.ask("echo", "unharmed") == "unharmed"


async def test_connects_that_replace_each_other_are_bounded(fixture_x):
    connection = await Connection.open(Engine(fixture_x.b), "polling")
    packet = '40/mw,{"delay":20000}'
    answer = await connection.session.post("\x1e".join([packet] * 40_000))
    assert answer.status in (200, 400)
    await connection.session.ends()


async def test_a_connect_that_is_replaced_does_not_hold_up_the_next(engine):
    connection = await Connection.open(engine)
    await connection.session.sends('40/mw,{"delay":60000,"token":"sesame"}', '40/mw,{"token":"sesame"}')
    async with asyncio.timeout(10):
        heard = await connection.hears("/mw")
    assert heard.type in (0, 4)


async def test_a_connect_for_an_unknown_name_costs_little(fixture_x):
    engine = Engine(fixture_x.b)
    watcher = await member(engine)
    connection = await Connection.open(engine, "polling")
    flood = "\x1e".join(f"40/x{number}" for number in range(20_000))
    posted = asyncio.create_task(connection.session.post(flood))
    async with asyncio.timeout(10):
        assert await watcher.ask("echo", 1) == 1
        await posted


@pytest.mark.parametrize("listener", ["polling", "websocket"])
async def test_a_message_as_large_as_may_be_sent_arrives(fixture_b, listener):
    """In base64 it is longer than `maximumQueuedBytes`."""
    engine = Engine(fixture_b.address)
    alice, bob = await member(engine), await member(engine, transport=listener)
    for one in (alice, bob):
        await one.emits("join", "a room")
        await one.expects(["joined"])
    blob = bytes(900_000)
    await alice.emits("msg", blob)
    await bob.expects(["msg", blob])


@pytest.mark.parametrize("number", range(8))
async def test_a_client_that_is_kicked_is_told_where_sockets_can_be_recovered(fixture_x, number):
    """Otherwise it would come back by itself. The namespace's home may be another event loop than the client's."""
    alice = await member(Engine(fixture_x.b))
    await alice.emits("kick", True)
    await alice.is_disconnected()
    await alice.connection.ends()
