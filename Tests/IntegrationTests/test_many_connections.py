"""Two thousand connections at once."""

import asyncio

import pytest

from support import metrics
from support.dialects import ChannelServer, DisposableChat, Relay, SessionChat

COUNT = 2000
AT_ONCE = 100

pytestmark = [pytest.mark.alone, pytest.mark.timeout(120)]


async def all_of(coroutines) -> list:
    """Runs them a hundred at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(coroutine):
        async with gate:
            return await coroutine

    return await asyncio.gather(*(one(coroutine) for coroutine in coroutines))


@pytest.mark.parametrize(
    "harness, listener",
    [(Relay, "front_door"), (ChannelServer, "channel_server")],
    ids=["relay", "channel-server"],
)
async def test_two_thousand_members_of_one_room_all_hear_one_message(shared_server, room, harness, listener):
    """docs/architecture.md §3: fan-out."""
    dialect = harness(getattr(shared_server, listener))
    speaker, *_ = await dialect.together(room, "speaker")
    members = await all_of(dialect.join(f"user{n}", room) for n in range(COUNT))
    await metrics.becomes(shared_server.front_door, lambda m: m.total("parley_subscriptions") >= COUNT + 1)
    await speaker.says("to everybody")
    await all_of(member.hears("to everybody") for member in [speaker, *members])


async def test_twenty_full_rooms_of_session_chat_all_hear_their_own(shared_server, room):
    """Session chat: 100 users in a room, many rooms."""
    chat = SessionChat(shared_server.front_door)
    rooms = [f"{room}-{n}" for n in range(COUNT // 100)]
    members = await all_of(chat.connect(f"user{n}", name) for n in range(100) for name in rooms)
    speakers = members[: len(rooms)]
    await all_of(speaker.says(f"to {speaker.room}") for speaker in speakers)
    await all_of(member.hears(f"to {member.room}") for member in members)


async def test_two_hundred_members_of_a_disposable_room_all_meet(shared_server, room):
    """Disposable chat: every joiner is announced to everybody, once."""
    chat = DisposableChat(shared_server.disposable_chat)
    members = await all_of(chat.join(f"user{n}", room) for n in range(200))
    await members[0].says("marker")
    await all_of(member.hears("marker") for member in members)
    last = max(members, key=lambda member: len(member.greeting["data"]["room"]["activeClients"]))
    assert len(last.greeting["data"]["room"]["activeClients"]) == 200


async def test_two_thousand_that_vanish_at_once_are_forgotten(shared_server, room):
    """docs/architecture.md §9: nothing remains of those who left."""
    relay = Relay(shared_server.front_door)
    await metrics.becomes(shared_server.front_door, lambda m: m.total("parley_connections") == 0)
    members = await all_of(relay.join(f"user{n}", f"{room}-{n % 7}") for n in range(COUNT))
    for member in members:
        member.vanishes()
    for name in ("parley_connections", "parley_subscriptions", "parley_backlog_bytes"):
        await metrics.becomes(shared_server.front_door, lambda m, name=name: m.total(name) == 0)


async def test_the_open_file_limit_is_raised_to_what_is_allowed(server, room):
    """Disposable chat, Limits: the soft limit is raised to the hard one at start."""
    relay = Relay(server(open_files=128).front_door)
    speaker, *_ = await relay.together(room, "speaker")
    members = await all_of(relay.join(f"user{n}", room) for n in range(400))
    await members[-1].says("marker")
    await speaker.hears("marker")
