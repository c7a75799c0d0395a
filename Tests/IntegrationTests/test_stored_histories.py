"""Rooms of session chat with a data directory: what anybody has seen in them is there after any end of the server."""

import json
import subprocess

import pytest

from support import binary, tokens
from support.dialects import SessionChat


@pytest.fixture
def started(server, tmp_path):
    def start(**settings):
        return server("--data-dir", str(tmp_path / "data"), **settings)

    return start


def texts(message: str) -> list[str]:
    return [entry["msg"] for entry in json.loads(message)["messages"]]


async def test_what_somebody_has_seen_survives_a_kill(started, room):
    seen = 0
    for _ in range(3):
        server = started(PARLEY_EVENT_LOOPS=2)
        chat = SessionChat(server.front_door)
        alice = await chat.connect("alice", room)
        found = texts(await alice.receives())
        assert len(found) >= seen and found == [str(number) for number in range(len(found))]
        # What was under way at the end may be there or not; all that was seen is.
        said = len(found)
        for number in range(said, said + 12):
            await alice.says(str(number))
        seen = said
        while seen < said + 7:
            seen = len(texts(await alice.receives()))
        server.kill()


async def test_a_stop_in_good_order_keeps_everything(started, room):
    server = started()
    alice = await SessionChat(server.front_door).join("alice", room)
    await alice.says("one")
    await alice.sees(messages=["one"])
    before = (await SessionChat(server.front_door).join("bob", room)).greeting["messages"]
    server.stop()
    again = await SessionChat(started().front_door).join("carol", room)
    assert again.greeting == {"messages": before, "connectedUsers": ["carol"]}


async def test_the_limit_of_the_history_holds_over_all_lives(started, room):
    for life in range(2):
        server = started(SESSION_CHAT_HISTORY_LIMIT=5)
        alice = await SessionChat(server.front_door).join("alice", room)
        for number in range(4):
            await alice.says(f"{life}.{number}")
            await alice.receives()
        server.kill()
    carol = await SessionChat(started(SESSION_CHAT_HISTORY_LIMIT=5).front_door).join("carol", room)
    assert [entry["msg"] for entry in carol.greeting["messages"]] == ["0.3", "1.0", "1.1", "1.2", "1.3"]


async def test_a_full_disk_holds_what_is_said_until_there_is_room(disk, server, room):
    started = server("--data-dir", str(disk.path / "data"))
    chat = SessionChat(started.front_door)
    alice = await chat.join("alice", room)
    await alice.says("before")
    await alice.sees(messages=["before"])
    disk.fill()
    written = 1
    while "The store of histories is in trouble" not in started.stderr:
        await alice.says("x" * 1000)
        written += 1
        assert written < 5000
    # Other rooms do not need the disk to be entered.
    await chat.join("bob", room + "-other")
    disk.empty()
    while texts(await alice.receives()).count("x" * 1000) < min(written - 1, 100):
        pass
    await alice.says("after")
    while texts(await alice.receives())[-1] != "after":
        pass
    assert started.stderr.count("The store of histories is in trouble") == 1
    assert started.stderr.count("The store of histories works again") == 1


async def test_a_second_server_on_the_same_directory_is_told_who_has_it(started, tmp_path):
    first = started()
    settings = {"JWT_SECRET": tokens.SECRET, "PARLEY_PORT": "0", "HOST": "127.0.0.1", "BACKENDS": "off"}
    second = subprocess.run(
        [binary.find(), "serve", "--data-dir", str(tmp_path / "data")],
        env=binary.environment(tmp_path, settings),
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert second.returncode == 1
    assert f"has the rooms of another server: process {first.process.pid} on" in second.stderr
    assert "SESSION_CHAT=off" in second.stderr
