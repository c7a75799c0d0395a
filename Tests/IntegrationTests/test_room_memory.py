"""Rooms without number: what was said in those that nobody is in is bounded, and the longest empty go first."""

import resource

from support import http, metrics
from support.dialects import SessionChat

BOUND = 1 << 20


async def visit(chat: SessionChat, room: str, texts: list[str]) -> list[str]:
    """What a visitor finds; leaves `texts` behind."""
    visitor = await chat.join("alice", room)
    found = [message["msg"] for message in visitor.greeting["messages"]]
    for number, text in enumerate(texts):
        await visitor.says(text)
        await visitor.sees(messages=found + texts[: number + 1])
    await visitor.leaves()
    return found


def login(address) -> dict[str, str]:
    token = http.fetch(address, "/api/login", method="POST", body={"userId": "alice"}).json["token"]
    return {"Authorization": f"Bearer {token}"}


async def test_rooms_that_nobody_is_in_have_a_bound(server):
    started = server(PARLEY_HISTORY_BYTES=BOUND)
    chat = SessionChat(started.front_door)
    bearer = login(started.front_door)
    rooms = [http.fetch(started.front_door, "/api/rooms", method="POST", headers=bearer).json["roomId"] for _ in range(60)]
    texts = ["€" * 1000] * 10
    for room in rooms:
        await visit(chat, room, texts)
        assert metrics.read(started.front_door).total("parley_history_bytes") <= BOUND + 40_000
    await metrics.becomes(started.front_door, lambda m: m.total("parley_history_bytes") <= BOUND)
    now = metrics.read(started.front_door)
    assert 10 < now.total("parley_topics") < 40
    assert now.total("parley_topics") + now.total("parley_evicted_topics_total") == 60
    assert await visit(chat, rooms[0], []) == []
    assert await visit(chat, rooms[-1], []) == texts


def resident_bytes(server) -> int:
    with open(f"/proc/{server.process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


async def test_memory_stays_where_it_is_however_many_rooms_are_made(server):
    started = server(PARLEY_HISTORY_BYTES=BOUND, PARLEY_EVENT_LOOPS=1)
    chat = SessionChat(started.front_door)
    bearer = login(started.front_door)
    texts = ["€" * 1000] * 20

    async def rooms(count: int) -> int:
        for _ in range(count):
            answer = http.fetch(started.front_door, "/api/rooms", method="POST", headers=bearer)
            await visit(chat, answer.json["roomId"], texts)
        return resident_bytes(started)

    before = await rooms(60)
    # 120 rooms at 60 kB would be 7 MB.
    assert await rooms(120) - before < 4 << 20


async def test_an_empty_room_keeps_what_was_said_as_it_was(server, room):
    chat = SessionChat(server().front_door)
    texts = ["hello", "", "ünï ✓", '{"a":1}', "two\nlines", "😀" * 500]
    await visit(chat, room, texts)
    assert await visit(chat, room, ["again"]) == texts
    assert await visit(chat, room, []) == texts + ["again"]
