"""Disposable chat, on the front door and on a port of its own."""

import asyncio
import re
from urllib.parse import quote

import pytest

from support import http
from support.dialects import DisposableChat
from support.raw import BINARY, PING, TEXT

UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
LISTENERS = ["front_door", "disposable_chat"]


@pytest.fixture(params=LISTENERS)
def chat(request, shared_server) -> DisposableChat:
    return DisposableChat(getattr(shared_server, request.param))


# The handshake

BAD_QUERIES = {
    "no parameters": "",
    "no name": "?room=room-A",
    "no room": "?name=Zoe",
    "name of 2": "?name=ab&room=room-A",
    "name of 2 after trimming": "?name=%20%20ab%20&room=room-A",
    "name of 31": f"?name={'n' * 31}&room=room-A",
    "name of 32 units": f"?name={quote('😀' * 16)}&room=room-A",
    "room of 2": "?name=Zoe&room=ab",
    "room of 31": f"?name=Zoe&room={'r' * 31}",
    "room with a blank": "?name=Zoe&room=a%20b!",
    "room with an umlaut": "?name=Zoe&room=z%C3%BCrich",
    "room with a newline": "?name=Zoe&room=ab%0Acd",
    "first name counts": "?name=ab&name=good&room=room-A",
}


@pytest.mark.parametrize("case", BAD_QUERIES)
def test_bad_parameters_are_400_with_the_rules(chat, case):
    """Disposable chat, acceptance 1; error table row 1."""
    answer = http.upgrade(chat.address, "/ws" + BAD_QUERIES[case])
    assert answer.status == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert all(word in answer.text for word in ("name", "room", "3", "30"))


GOOD_QUERIES = {
    "of the spec": "?name=Zo%C3%AB%20K&room=room-A_1",
    "shortest": "?name=abc&room=abc",
    "longest": f"?name={'n' * 30}&room={'r' * 30}",
    "30 units": f"?name={quote('😀' * 15)}&room=room-A",
    "first value counts": "?name=good&name=ab&room=room-A&room=x",
    "trimmed": "?name=%20abc%20&room=%20room-A%20",
    "other parameters": "?x=1&name=abc&room=room-A&y=2",
}


@pytest.mark.parametrize("case", GOOD_QUERIES)
def test_good_parameters_upgrade(chat, case):
    """Disposable chat, acceptance 1."""
    assert http.upgrade(chat.address, "/ws" + GOOD_QUERIES[case]).status == 101


def test_a_plain_get_is_not_upgraded_and_parameters_are_checked_first(chat):
    """Disposable chat, Connection: order of checks; error table row 2."""
    assert http.fetch(chat.address, "/ws?name=ab&room=room-A").status == 400
    answer = http.fetch(chat.address, "/ws?name=Zoe&room=room-A", headers={"Origin": "http://bad.test"})
    assert answer.status in (400, 405, 426)
    if answer.status == 426:
        assert answer.headers["upgrade"].lower() == "websocket"


def test_a_post_is_refused(chat):
    """Disposable chat, error table row 2."""
    answer = http.fetch(chat.address, "/ws?name=Zoe&room=room-A", method="POST", headers=http.upgrade_headers())
    assert answer.status in (400, 405, 426)


def test_its_own_port_has_health_and_nothing_else(shared_server):
    """Disposable chat, acceptance 2."""
    address = shared_server.disposable_chat
    health = http.fetch(address, "/health")
    assert (health.status, health.body) == (200, b"")
    for path in ("/other", "/", "/ws/", "/ws/x", "/channels", "/api/login", "/metrics", "/relay/topic"):
        assert http.fetch(address, path).status == 404, path
        assert http.upgrade(address, path).status == 404, path


ORIGINS = [
    # ACCEPTED_ORIGIN, then Origin -> status
    ("http://ok.test", {"http://ok.test": 101, "http://bad.test": 403, "null": 403, None: 403, "https://ok.test": 403}),
    (
        "ok.test",
        {
            "https://ok.test": 101,
            "http://OK.test": 101,
            "https://ok.test.evil": 403,
            "https://evil-ok.test": 403,
            "https://ok.test@evil.test": 403,
            None: 403,
        },
    ),
    ("ok.test:5173", {"http://ok.test:5173": 101, "http://ok.test": 403, "http://ok.test:5174": 403}),
    ("http://one.test, two.test", {"http://one.test": 101, "https://two.test": 101, "http://three.test": 403}),
    ("*", {"http://any.test": 101, "null": 101, None: 101}),
    ("", {None: 101, "http://any.test": 403}),
    (None, {None: 101, "http://any.test": 403, "null": 403}),
]


@pytest.mark.parametrize("accepted, cases", ORIGINS, ids=[str(accepted) for accepted, _ in ORIGINS])
def test_origins_are_admitted_as_configured(server, accepted, cases):
    """Disposable chat, acceptance 3; error table row 3."""
    started = server(ACCEPTED_ORIGIN=accepted)
    for listener in LISTENERS:
        for origin, status in cases.items():
            address = getattr(started, listener)
            answer = http.upgrade(address, "/ws?name=Zoe&room=room-A", Origin=origin)
            assert answer.status == status, f"{origin} at the {listener}"
            if status == 403:
                assert answer.headers["content-type"].startswith("text/plain")


# Joining and leaving


async def test_the_joiner_is_welcomed_and_then_registered(chat, room):
    """Disposable chat, acceptance 4."""
    zoe = await chat.connect("Zoë K", room)
    welcome = await zoe.receives_json()
    assert list(welcome) == ["type", "data"] and welcome["type"] == "welcome"
    (client,) = welcome["data"]["room"]["activeClients"]
    assert welcome["data"] == {"room": {"name": room, "activeClients": [{"id": client["id"], "name": "Zoë K"}]}}
    assert re.fullmatch(UUID4, client["id"])
    registered = await zoe.expects_info("Zoë K", "registered")
    assert registered == client


async def test_names_are_trimmed(chat, room):
    """Disposable chat, Connection: trimmed of white space."""
    zoe = await chat.connect("  Zoe ", room)
    assert (await zoe.receives_json())["data"]["room"]["activeClients"][0]["name"] == "Zoe"


async def test_a_second_client_is_announced_and_sees_both(chat, room):
    """Disposable chat, acceptance 5."""
    alice = await chat.join("alice", room)
    bob = await chat.join("bob", room)
    assert bob.greeting["data"]["room"]["activeClients"] == [alice.client, bob.client]
    await alice.expects_info(bob, "registered")
    await bob.says("marker")
    for member in (alice, bob):
        await member.expects_chat(bob, "marker")


async def test_a_client_that_leaves_is_announced_once(chat, room):
    """Disposable chat, acceptance 10: close."""
    alice, bob, carol = await chat.together(room, "alice", "bob", "carol")
    await bob.leaves()
    await alice.says("marker")
    for member in (alice, carol):
        await member.expects_info(bob, "unregistered")
        await member.expects_chat(alice, "marker")
    dave = await chat.join("dave", room)
    assert dave.greeting["data"]["room"]["activeClients"] == [alice.client, carol.client, dave.client]


async def test_a_killed_connection_is_announced_once(chat, room):
    """Disposable chat, acceptance 10: a killed TCP connection."""
    alice = await chat.join("alice", room)
    chat.raw("bob", room).reset()
    await alice.expects_info("bob", "registered")
    await alice.expects_info("bob", "unregistered")
    await alice.says("marker")
    await alice.expects_chat(alice, "marker")


async def test_clients_of_one_name_both_work(chat, room):
    """Disposable chat, acceptance 19."""
    first, second = await chat.together(room, "alice", "alice")
    assert first.id != second.id
    await first.says("one")
    await second.says("two")
    for member in (first, second):
        texts = [await member.receives_json() for _ in range(2)]
        assert {message["data"]["client"]["id"]: message["data"]["text"] for message in texts} == {
            first.id: "one",
            second.id: "two",
        }


async def test_nothing_remains_of_a_room_that_everybody_left(chat, room):
    """Disposable chat, Lifecycle: when the last client leaves, nothing remains."""
    alice = await chat.join("alice", room)
    await alice.says("gone")
    await alice.expects_chat(alice, "gone")
    await alice.leaves()
    bob = await chat.join("bob", room)
    assert bob.greeting["data"]["room"]["activeClients"] == [bob.client]
    await bob.says("marker")
    await bob.expects_chat(bob, "marker")


# Chat


async def test_a_chat_reaches_all_exactly_once(chat, room):
    """Disposable chat, acceptance 6."""
    alice, bob = await chat.together(room, "alice", "bob")
    await alice.says("hi")
    await alice.says("marker")
    for member in (alice, bob):
        await member.expects_chat(alice, "hi")
        await member.expects_chat(alice, "marker")


@pytest.mark.parametrize("text", [" ", "<b> & </b>", '"\\\n\t', "😀 ünï ✓", "\u2028", "null", '{"text":"x"}'])
async def test_text_comes_back_unchanged(chat, room, text):
    """Disposable chat, Client -> server: not trimmed; semantic JSON equality."""
    alice, bob = await chat.together(room, "alice", "bob")
    await alice.says(text)
    for member in (alice, bob):
        await member.expects_chat(alice, text)


async def test_keys_come_in_the_order_of_the_table(chat, room):
    """Disposable chat, Server -> client: keys in this order."""
    alice = await chat.join("alice", room)
    await alice.says("hi")
    message = await alice.receives_json()
    assert list(message) == ["type", "data"]
    assert list(message["data"]) == ["room", "client", "text"]
    assert list(message["data"]["client"]) == ["id", "name"]


async def test_binary_frames_and_other_keys_are_welcome(chat, room):
    """Disposable chat, Client -> server: text or binary; other keys are ignored."""
    alice = await chat.join("alice", room)
    await alice.sends(b'{"x":{"text":"no"},"text":"yes","y":[1]}')
    await alice.expects_chat(alice, "yes")


UNUSABLE = [
    '{"text":""}', "{}", "[]", "nonsense", '{"text":5}', '{"text":null}', '{"Text":"x"}', '"text"', "", "null",
    '{"text":"x"', '{"text":"x"} x', '["text","x"]', '{"text":["x"]}', "[" * 4000, '{"text":"\\ud800"',
]  # fmt: skip


@pytest.mark.parametrize("message", UNUSABLE, ids=range(len(UNUSABLE)))
async def test_an_unusable_message_is_an_error_for_its_sender_only(chat, room, message):
    """Disposable chat, acceptance 7; error table row 4."""
    alice, bob = await chat.together(room, "alice", "bob")
    await alice.sends(message)
    assert await alice.expects_error() == "text must not be empty"
    await alice.says("marker")
    for member in (alice, bob):
        await member.expects_chat(alice, "marker")


@pytest.mark.parametrize("unit, size", [("a", 1), ("話", 1), ("😀", 2)], ids=["ascii", "cjk", "emoji"])
async def test_three_hundred_units_are_delivered_and_one_more_is_an_error(chat, room, unit, size):
    """Disposable chat, acceptance 8; error table row 4."""
    alice, bob = await chat.together(room, "alice", "bob")
    longest = unit * (300 // size)
    await alice.says(longest + "x")
    assert await alice.expects_error() == "text must not exceed 300 characters"
    await alice.says(longest)
    for member in (alice, bob):
        await member.expects_chat(alice, longest)


async def test_a_frame_over_the_limit_closes_1009_and_is_a_leave(chat, room):
    """Disposable chat, acceptance 9; error table row 5."""
    alice, bob = await chat.together(room, "alice", "bob")
    await bob.sends("x" * 5000)
    await bob.is_closed(1009)
    await alice.expects_info(bob, "unregistered")


async def test_a_frame_at_the_limit_is_read(chat, room):
    """Disposable chat, Limits: 4096 bytes."""
    alice = await chat.join("alice", room)
    await alice.sends('{"text":"' + "x" * 4085 + '"}')
    await alice.expects_error()
    await alice.sends("x" * 4097)
    await alice.is_closed(1009)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_invalid_utf8_never_reaches_anybody(chat, room, opcode):
    """Disposable chat, error table row 6: 1007 in a text frame; in a binary one it is an unusable message."""
    alice = await chat.join("alice", room)
    raw = chat.raw("bob", room)
    await alice.expects_info("bob", "registered")
    raw.send_frame(opcode, b'{"text":"\xff"}')
    if opcode == TEXT:
        assert raw.close_code() == 1007
    raw.reset()
    await alice.expects_info("bob", "unregistered")


async def test_other_rooms_see_nothing(chat, room):
    """Disposable chat, acceptance 11."""
    alice = await chat.join("alice", room)
    bob = await chat.join("bob", room.capitalize())
    carol = await chat.join("carol", room[:-1])
    await alice.says("for this room")
    await alice.expects_chat(alice, "for this room")
    for other in (bob, carol):
        await other.says("marker")
        await other.expects_chat(other, "marker")


async def test_chats_of_one_sender_arrive_in_sending_order(chat, room):
    """Disposable chat, Server -> client: sending order, one total order on one server."""
    alice, bob, carol = await chat.together(room, "alice", "bob", "carol")
    await asyncio.gather(*(member.says(f"{member.name} {n}") for n in range(50) for member in (alice, bob)))
    seen = [[(await member.receives_json())["data"]["text"] for _ in range(100)] for member in (alice, bob, carol)]
    assert seen[0] == seen[1] == seen[2]
    for name in ("alice", "bob"):
        assert [text for text in seen[0] if text.startswith(name)] == [f"{name} {n}" for n in range(50)]


# Configuration


async def test_limits_are_configurable(server, room):
    """Disposable chat, configuration: MAX_TEXT_LENGTH, MAX_MESSAGE_BYTES."""
    chat = DisposableChat(server(MAX_TEXT_LENGTH=5, MAX_MESSAGE_BYTES=64).front_door)
    alice = await chat.join("alice", room)
    await alice.says("123456")
    assert "5" in await alice.expects_error()
    await alice.says("12345")
    await alice.expects_chat(alice, "12345")
    await alice.sends("x" * 65)
    await alice.is_closed(1009)


@pytest.mark.parametrize("listener", LISTENERS)
async def test_who_answers_pings_stays_and_who_does_not_is_dropped(server, room, listener):
    """Disposable chat, acceptance 18."""
    chat = DisposableChat(getattr(server(PING_PERIOD=1, PONG_WAIT=2), listener))
    alive = await chat.join("alive", room)
    mute = chat.raw("mute", room)
    await alive.expects_info("mute", "registered")
    async with asyncio.timeout(4):
        await alive.expects_info("mute", "unregistered")
    assert mute.next(PING)
    assert mute.close_code() == 1001
    await alive.says("marker")
    await alive.expects_chat(alive, "marker")


async def test_any_frame_counts_as_life(server, room):
    """Disposable chat, Lifecycle: any received frame counts as life."""
    chat = DisposableChat(server(PING_PERIOD=1, PONG_WAIT=2).front_door)
    alice = await chat.join("alice", room)
    talker = chat.raw("talker", room)
    await alice.expects_info("talker", "registered")
    for number in range(8):
        talker.says(chat.wire(str(number)))
        await alice.hears(str(number))
        await asyncio.sleep(0.5)  # twice the wait in all, without a single pong
    talker.says(chat.wire("marker"))
    await alice.hears("marker")


async def test_server_port_names_its_port(server, room):
    """Disposable chat, configuration: SERVER_PORT below DISPOSABLE_CHAT_PORT."""
    chat = DisposableChat(server(DISPOSABLE_CHAT_PORT=None, SERVER_PORT=0).disposable_chat)
    alice = await chat.join("alice", room)
    await alice.says("hi")
    await alice.expects_chat(alice, "hi")


def test_a_dotenv_file_is_read_below_the_real_environment(server, tmp_path):
    """Disposable chat, Configuration: `.env` in the working directory; real variables win."""
    (tmp_path / ".env").write_text("ACCEPTED_ORIGIN=http://ok.test\nMAX_TEXT_LENGTH=nonsense\n")
    address = server(MAX_TEXT_LENGTH=300).front_door
    assert http.upgrade(address, "/ws?name=Zoe&room=room-A", Origin="http://ok.test").status == 101
    assert http.upgrade(address, "/ws?name=Zoe&room=room-A").status == 403
