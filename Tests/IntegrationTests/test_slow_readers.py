"""A member that does not read. Nobody ever waits for it."""

import pytest

from support import metrics
from support.dialects import ChannelServer, DisposableChat, Relay, SessionChat
from support.raw import CLOSE, TEXT, RawWebSocket

BACKLOG = 65536
CJK = "話"


def asleep(dialect, room: str) -> RawWebSocket:
    """A member that has joined and reads nothing more; little of what it is sent fits into its kernel."""
    return dialect.raw("sleeper", room, small_buffers=True)


def end_of(sleeper: RawWebSocket) -> int | None:
    """Reads what is left. The code of the close frame, or None when the connection just ended."""
    try:
        for _ in range(100_000):
            frame = sleeper.read_frame()
            if frame.opcode == CLOSE:
                return frame.close_code
    except OSError:
        return None
    raise AssertionError("the connection does not end")


@pytest.mark.parametrize("listener", ["front_door", "disposable_chat"])
async def test_a_sleeping_chatter_is_dropped_and_the_reading_one_gets_all(server, room, listener):
    """Disposable chat, acceptance 17; error table row 7."""
    chat = DisposableChat(getattr(server(), listener))
    alice, bob = await chat.together(room, "alice", "bob")
    sleeper = asleep(chat, room)
    for member in (alice, bob):
        await member.expects_info("sleeper", "registered")
    events: dict = {alice: [], bob: []}
    texts = [f"{number} ".ljust(300, CJK) for number in range(5000)]
    for start in range(0, len(texts), 50):
        for text in texts[start : start + 50]:
            await alice.says(text)
        for member in (alice, bob):
            events[member] += await read_chats(member, 50)
    for member in (alice, bob):
        assert [data["text"] for data in events[member] if "text" in data] == texts
        left = [data for data in events[member] if data.get("action") == "unregistered"]
        if not left:
            left = [(await member.receives_json())["data"]]
        assert [data["client"]["name"] for data in left] == ["sleeper"]
    assert end_of(sleeper) in (1008, None)
    await alice.says("marker")
    for member in (alice, bob):
        await member.expects_chat(alice, "marker")


async def read_chats(member, count: int) -> list[dict]:
    """The data of all messages up to the `count`-th chat."""
    events, chats = [], 0
    while chats < count:
        events.append((await member.receives_json())["data"])
        chats += "text" in events[-1]
        assert len(events) <= count + 2
    return events


@pytest.mark.parametrize("listener, root", [("channel_server", "/"), ("front_door", "/channels")])
async def test_a_sleeping_member_of_a_channel_is_closed_and_the_publisher_is_not(server, room, listener, root):
    """Channel server, Lifecycle: 1008 `Slow consumer`; publishing is not held up."""
    started = server(PARLEY_BACKLOG_BYTES=BACKLOG)
    channels = ChannelServer(getattr(started, listener), root)
    alice, bob = await channels.together(room, "alice", "bob")
    sleeper = asleep(channels, room)
    data = "x" * 8000
    for _ in range(500):
        await alice.publishes(data)
        await alice.expects_message(data)
        await alice.expects_success()
        await bob.expects_message(data)
    await one_slow_consumer(started)
    assert end_of(sleeper) in (1008, None)
    await bob.answers_ping()


async def one_slow_consumer(started) -> None:
    await metrics.becomes(started.front_door, lambda m: m.total("parley_slow_consumer_closes_total") == 1)
    await metrics.becomes(started.front_door, lambda m: m.total("parley_backlog_bytes") == 0)


async def test_a_sleeping_subscriber_of_the_relay_is_closed(server, room):
    """Decision 5; docs/architecture.md §3.8."""
    started = server(PARLEY_BACKLOG_BYTES=BACKLOG)
    relay = Relay(started.front_door)
    alice, bob = await relay.together(room, "alice", "bob")
    sleeper = asleep(relay, room)
    assert sleeper.answers_ping()
    for number in range(500):
        message = f"{number} ".ljust(8000, "x")
        await alice.says(message)
        for member in (alice, bob):
            await member.expects(message)
    await one_slow_consumer(started)
    assert end_of(sleeper) in (1008, None)


async def test_a_sleeping_member_of_session_chat_wakes_up_to_the_last_state(server, room):
    """Session chat, Server -> client: snapshots may be merged, the last state is always delivered."""
    chat = SessionChat(server().front_door)
    alice, bob = await chat.together(room, "alice", "bob")
    sleeper = asleep(chat, room)
    for member in (alice, bob):
        await member.sees(users=["alice", "bob", "sleeper"])
    for number in range(200):
        last = f"{number} ".ljust(1000, "x")
        await alice.says(last)
        for member in (alice, bob):
            assert (await member.sees())["messages"][-1]["msg"] == last
    snapshots = 0
    while snapshots <= 200:
        snapshots += 1
        if chat.member.text_of(None, sleeper.next(TEXT).payload) == last:
            break
    assert snapshots < 200, "nothing was merged for a member that did not read"
    sleeper.says("good morning")
    await bob.hears("good morning")


async def test_one_that_reads_again_in_time_misses_nothing(server, room):
    """Decision 5: what fits into the backlog is delivered, in order."""
    relay = Relay(server().front_door)
    (alice,) = await relay.together(room, "alice")
    sleeper = asleep(relay, room)
    sleeper.says("good night")
    assert sleeper.next(TEXT).payload == b"good night"
    await alice.expects("good night")
    texts = [f"{number} ".ljust(1000, "x") for number in range(500)]
    for text in texts:
        await alice.says(text)
        await alice.expects(text)
    for text in texts:
        assert sleeper.next(TEXT).payload.decode() == text
    assert sleeper.answers_ping()


async def test_one_that_never_reads_its_own_answers_is_closed(server, room):
    """Decision 5: replies go into the same bounded backlog."""
    started = server(PARLEY_BACKLOG_BYTES=BACKLOG)
    channels = ChannelServer(started.channel_server)
    (alice,) = await channels.together(room, "alice")
    sleeper = asleep(channels, room)
    ping = '{"type":"ping","data":"%s"}' % ("x" * 8000)
    try:
        for _ in range(2000):
            sleeper.says(ping)
    except OSError:
        pass  # the connection was ended, or the server stopped to read it: both bound what it holds
    await alice.answers_ping()
    await metrics.becomes(started.front_door, lambda m: m.total("parley_backlog_bytes") <= BACKLOG)
