"""Session chat over its socket: tokens, snapshots, rooms."""

import asyncio
import json
import re
import time
from datetime import datetime, timezone

import pytest

from support import http, tokens
from support.dialects import SessionChat
from support.raw import BINARY, CLOSE, TEXT, RawWebSocket, close_frame, frame
from support.tokens import signed, token


@pytest.fixture
def chat(shared_server) -> SessionChat:
    return SessionChat(shared_server.front_door)


# Tokens


async def test_the_first_frame_is_the_snapshot_of_a_fresh_room(chat, room):
    """Session chat, acceptance 3."""
    alice = await chat.connect("alice", room)
    await alice.expects('{"messages":[],"connectedUsers":["alice"]}')


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_tokens_of_every_shared_secret_algorithm_connect(chat, room, algorithm):
    """Session chat, acceptance 4, first half."""
    alice = await chat.connect_with(signed({"userId": "alice", "roomId": room}, algorithm=algorithm))
    await alice.sees(users=["alice"])


ALICE = {"userId": "alice", "roomId": "den"}
REFUSED_TOKENS = {
    "empty": lambda: "",
    "no token at all": lambda: "garbage",
    "alg none": lambda: signed(ALICE, algorithm="none"),
    "alg none with a signature": lambda: signed(ALICE, algorithm="none", digest="HS256"),
    "asymmetric alg with an HMAC": lambda: signed(ALICE, algorithm="RS256", digest="HS256"),
    "unknown alg": lambda: signed(ALICE, algorithm="HS1024", digest="HS256"),
    "digest of another alg": lambda: signed(ALICE, algorithm="HS512", digest="HS256"),
    "another secret": lambda: signed(ALICE, secret="another secret"),
    "expired a second ago": lambda: token("alice", "den", exp=int(time.time()) - 1),
    "not valid yet": lambda: token("alice", "den", nbf=int(time.time()) + 60),
    "no roomId": lambda: signed({"userId": "alice"}),
    "no userId": lambda: signed({"roomId": "den"}),
    "empty roomId": lambda: token("alice", ""),
    "empty userId": lambda: token("", "den"),
    "roomId no string": lambda: signed({"userId": "alice", "roomId": 5}),
    "userId null": lambda: signed({"userId": None, "roomId": "den"}),
    "userId of 257 units": lambda: token("a" * 257, "den"),
    "roomId of 258 units": lambda: token("alice", "😀" * 129),
    "two parts": lambda: token("alice", "den").rpartition(".")[0],
    "four parts": lambda: token("alice", "den") + ".x",
    "tampered claims": lambda: token("alice", "den")[:40] + "A" + token("alice", "den")[41:],
    "no JSON inside": lambda: "bm8.anNvbg.aGVyZQ",
}


@pytest.mark.parametrize("case", REFUSED_TOKENS)
def test_a_bad_token_is_answered_401_without_an_upgrade(chat, case):
    """Session chat, acceptance 4, second half; error table row 1."""
    answer = http.upgrade(chat.address, chat.path_with(REFUSED_TOKENS[case]()))
    assert answer.status == 401
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["connection"].lower() == "close"
    assert answer.body


def test_no_token_is_answered_401(chat):
    """Session chat, acceptance 4: no token."""
    assert http.upgrade(chat.address, "/").status == 401


async def test_ids_of_256_units_connect(chat, room):
    """Session chat, Token: at most 256 UTF-16 units."""
    name = "😀" * 128
    alice = await chat.connect(name, room)
    await alice.sees(users=[name])


async def test_the_host_claim_must_equal_the_host_header(chat, room):
    """Session chat, acceptance 5; error table row 1."""
    alice = await chat.connect_with(token("alice", room, host=chat.address.authority))
    await alice.sees(users=["alice"])
    wrong = token("bob", room, host=f"elsewhere.test:{chat.address.port}")
    assert http.upgrade(chat.address, chat.path_with(wrong)).status == 401


def test_the_host_claim_is_compared_without_regard_to_case(chat, room):
    """Session chat, Token: compare case-insensitively."""
    path = chat.path_with(token("alice", room, host="Chat.Example.TEST:8000"))
    raw = RawWebSocket.open(chat.address, path, headers={"Host": "chat.example.test:8000"})
    assert raw.next(TEXT)


async def test_the_host_claim_is_not_compared_when_switched_off(server, room):
    """Session chat, configuration: SESSION_CHECK_HOST."""
    chat = SessionChat(server(SESSION_CHECK_HOST="false").front_door)
    alice = await chat.connect_with(token("alice", room, host="elsewhere.test:1"))
    await alice.sees(users=["alice"])


async def test_other_parameters_beside_the_token_are_ignored(chat, room):
    """Session chat, acceptance 6."""
    alice = await chat.member.open(chat.address, f"/?x=1&token={token('alice', room)}&y=2")
    await alice.sees(users=["alice"])


async def test_the_first_token_counts_and_is_percent_decoded(chat, room):
    """Session chat, Connection: first `token`, percent-decoded."""
    encoded = token("alice", room).replace(".", "%2E")
    alice = await chat.member.open(chat.address, f"/?token={encoded}&token=garbage")
    await alice.sees(users=["alice"])
    assert http.upgrade(chat.address, f"/?token=garbage&token={token('bob', room)}").status == 401


async def test_any_path_serves_session_chat(chat, room):
    """Session chat, Connection: any path works."""
    alice = await chat.member.open(chat.address, f"/some/where?token={token('alice', room)}")
    await alice.sees(users=["alice"])


async def test_the_prefixed_secret_wins(server, room):
    """Session chat, configuration: SESSION_CHAT_JWT_SECRET over JWT_SECRET."""
    chat = SessionChat(server(JWT_SECRET="the bare one", SESSION_CHAT_JWT_SECRET=tokens.SECRET).front_door)
    alice = await chat.connect("alice", room)
    await alice.sees(users=["alice"])


async def test_a_socket_is_closed_when_its_token_expires(chat, room):
    """Session chat, issuing API: 1008 `Token expired`."""
    alice = await chat.connect_with(token("alice", room, exp=int(time.time()) + 2))
    await alice.sees(users=["alice"])
    await alice.is_closed(1008, "Token expired")


# Snapshots


async def test_a_join_is_seen_by_all_in_join_order(chat, room):
    """Session chat, acceptance 7."""
    alice = await chat.join("alice", room)
    bob = await chat.connect("bob", room)
    await bob.sees(users=["alice", "bob"], messages=[])
    await alice.sees(users=["alice", "bob"], messages=[])


async def test_a_message_reaches_all_with_author_and_time(chat, room):
    """Session chat, acceptance 8."""
    alice, bob = await chat.together(room, "alice", "bob")
    await alice.says("Hello, world!")
    for member in (alice, bob):
        snapshot = await member.sees(users=["alice", "bob"], messages=["Hello, world!"])
        message = snapshot["messages"][-1]
        assert list(message) == ["userId", "msg", "ts"] and message["userId"] == "alice"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message["ts"])
        said = datetime.strptime(message["ts"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
        assert abs((datetime.now(timezone.utc) - said).total_seconds()) < 2


async def test_every_event_yields_exactly_one_snapshot_in_the_same_order(chat, room):
    """Session chat, Server -> client: one snapshot for each event, the same order for all."""
    members = await chat.together(room, "alice", "bob", "carol")
    for number in range(10):
        await members[number % 3].says(f"line {number}")
        for member in members:
            await member.sees(messages=[f"line {n}" for n in range(number + 1)])


async def test_members_that_speak_at_once_see_one_order(chat, room):
    """Session chat, Server -> client: the same order for all."""
    members = await chat.together(room, "alice", "bob", "carol")
    await asyncio.gather(*(member.says(f"{member.name} {n}") for n in range(10) for member in members))
    last = [await read_until_count(member, 30) for member in members]
    assert last[0] == last[1] == last[2]
    for name in ("alice", "bob", "carol"):
        assert [text for text in last[0] if text.startswith(name)] == [f"{name} {n}" for n in range(10)]


async def read_until_count(member, count: int) -> list[str]:
    for _ in range(count):
        texts = [message["msg"] for message in (await member.sees())["messages"]]
        if len(texts) == count:
            return texts
    raise AssertionError(f"{member.name} never saw {count} messages")


async def test_a_busy_room_merges_snapshots_and_leaves_out_no_message(chat, room):
    """docs/session-chat.md, Order and delivery: what comes in one turn is told at once when it is much."""
    alice, bob = await chat.together(room, "alice", "bob")
    speaker = chat.raw("carol", room)
    for member in (alice, bob):
        await member.sees(users=["alice", "bob", "carol"])
    texts = [f"{number} ".ljust(400, "x") for number in range(150)]
    speaker.send(b"".join(frame(TEXT, text) for text in texts))

    async def sees_all(member):
        seen, snapshots = [], 0
        while len(seen) < len(texts):
            shown = [message["msg"] for message in (await member.sees())["messages"]]
            new = shown[shown.index(seen[-1]) + 1 :] if seen and seen[-1] in shown else shown
            assert new and len(shown) <= 100
            seen += new
            snapshots += 1
        assert seen == texts
        assert snapshots < len(texts), "nothing was merged"

    await asyncio.gather(sees_all(alice), sees_all(bob))


async def test_who_speaks_and_leaves_in_a_busy_room_sees_its_last_words(server, room):
    """docs/session-chat.md, Order and delivery: who goes has seen what was said before."""
    raw = SessionChat(server(PARLEY_EVENT_LOOPS=1).front_door).raw("alice", room)
    texts = [f"{number} ".ljust(1000, "x") for number in range(100)]
    raw.send(b"".join(frame(TEXT, text) for text in texts) + close_frame(1000))
    last = None
    while (received := raw.read_frame()).opcode == TEXT:
        last = received
    assert json.loads(last.payload)["messages"][-1]["msg"] == texts[-1]
    assert received.opcode == CLOSE


async def test_a_leave_yields_one_snapshot_and_keeps_the_history(chat, room):
    """Session chat, acceptance 9."""
    alice, bob = await chat.together(room, "alice", "bob")
    await bob.says("bye")
    await alice.sees(messages=["bye"])
    await bob.leaves()
    await alice.sees(users=["alice"], messages=["bye"])
    await alice.says("marker")
    await alice.sees(users=["alice"], messages=["bye", "marker"])


async def test_a_vanished_member_leaves_like_any_other(chat, room):
    """Session chat, Server -> client (2), for a TCP connection that is reset."""
    alice, bob = await chat.together(room, "alice", "bob")
    bob.vanishes()
    await alice.sees(users=["alice"])


async def test_a_returning_member_finds_the_earlier_messages(chat, room):
    """Session chat, acceptance 10."""
    alice, bob = await chat.together(room, "alice", "bob")
    await alice.says("one")
    await bob.sees(messages=["one"])
    await bob.leaves()
    await alice.sees(messages=["one"])
    await alice.sees(users=["alice"])
    bob = await chat.connect("bob", room)
    await bob.sees(users=["alice", "bob"], messages=["one"])


async def test_messages_survive_everybody_leaving(chat, room):
    """Session chat, Rooms and lifecycle."""
    alice = await chat.join("alice", room)
    await alice.says("still here")
    await alice.sees(messages=["still here"])
    await alice.leaves()
    bob = await chat.connect("bob", room)
    await bob.hears("still here")


async def test_other_rooms_see_nothing(chat, room):
    """Session chat, acceptance 15."""
    alice, bob = await chat.together(room, "alice", "bob")
    carol = await chat.join("carol", room.upper())
    await alice.says("for this room")
    await bob.sees(messages=["for this room"])
    await carol.says("marker")
    await carol.sees(users=["carol"], messages=["marker"])


async def test_one_user_may_be_in_several_rooms(chat, room):
    """Session chat, Rooms and lifecycle."""
    await chat.join("alice", room)
    elsewhere = await chat.connect("alice", room + "-2")
    await elsewhere.sees(users=["alice"])


@pytest.mark.parametrize(
    "text",
    ["two\nlines\r\n", "😀 ünï", 'say "hi" \\ / \b\t', '{"a":1}', "", "  ", "\u2028\u2029\x00\x7f", "</script>"],
    ids=["lines", "emoji", "quotes", "json", "empty", "blank", "controls", "markup"],
)
async def test_text_comes_back_unchanged(chat, room, text):
    """Session chat, acceptance 16; Client -> server: verbatim, empty is accepted."""
    alice, bob = await chat.together(room, "alice", "bob")
    await alice.says(text)
    await alice.sees(messages=[text])
    await bob.sees(messages=[text])


async def test_a_binary_frame_is_read_as_text(chat, room):
    """Session chat, Client -> server."""
    alice = await chat.join("alice", room)
    await alice.sends("grüße".encode())
    await alice.sees(messages=["grüße"])


# Refusals and limits


async def test_a_second_connection_of_a_user_is_refused_and_the_first_stays(chat, room):
    """Session chat, acceptance 11; error table row 4."""
    alice, bob = await chat.together(room, "alice", "bob")
    second = await chat.connect("alice", room)
    await second.is_closed(1008, "Duplicate user")
    await bob.says("marker")
    for member in (alice, bob):
        await member.sees(users=["alice", "bob"], messages=["marker"])
    await alice.says("and I may post")
    await bob.sees(messages=["marker", "and I may post"])


async def test_a_second_connection_replaces_the_first_when_so_configured(server, room):
    """Session chat, decision: DUPLICATE_USER=replace."""
    chat = SessionChat(server(DUPLICATE_USER="replace").front_door)
    alice, bob = await chat.together(room, "alice", "bob")
    second = await chat.connect("alice", room)
    await alice.is_closed(1008, "Replaced by a new connection")
    await second.sees(users=["alice", "bob"])
    await bob.sees(users=["alice", "bob"])
    await second.says("marker")
    await bob.sees(users=["alice", "bob"], messages=["marker"])


@pytest.mark.parametrize("unit, size", [("a", 1), ("ü", 1), ("😀", 2)], ids=["ascii", "umlaut", "emoji"])
async def test_a_thousand_units_are_accepted_and_one_more_is_dropped(chat, room, unit, size):
    """Session chat, acceptance 12; error table row 5."""
    alice, bob = await chat.together(room, "alice", "bob")
    await alice.says(unit * (1000 // size))
    await bob.sees(messages=[unit * (1000 // size)])
    await alice.sees()
    await alice.says(unit * (1000 // size) + "x")
    await alice.says("marker")
    for member in (alice, bob):
        await member.sees(messages=[unit * (1000 // size), "marker"])


async def test_the_newest_hundred_messages_are_kept(chat, room):
    """Session chat, acceptance 13."""
    alice = await chat.join("alice", room)
    for number in range(101):
        await alice.says(str(number))
        await alice.hears(str(number))
    bob = await chat.connect("bob", room)
    await bob.sees(messages=[str(number) for number in range(1, 101)])


async def test_the_hundred_and_first_user_is_refused_and_nobody_notices(chat, room):
    """Session chat, acceptance 14; error table row 3."""
    names = [f"user{n:03}" for n in range(100)]
    members = [await chat.connect(name, room) for name in names]
    for number, member in enumerate(members):
        for count in range(number + 1, 101):
            await member.sees(users=names[:count])
    late = await chat.connect("late", room)
    await late.is_closed(1008, "Room is full")
    await members[0].says("marker")
    for member in members:
        await member.sees(users=names, messages=["marker"])
    await members[50].leaves()
    await members[0].sees()
    late = await chat.connect("late", room)
    await late.sees(messages=["marker"])


def test_a_message_over_the_frame_limit_closes_1009(chat, room):
    """Session chat, error table row 6."""
    raw = chat.raw("alice", room)
    raw.send_frame(TEXT, "a" * 65536)
    assert raw.answers_ping()
    raw.send_frame(TEXT, "a" * 65537)
    assert raw.close_code() == 1009


def test_the_frame_limit_bounds_the_fragments_added_up(chat, room):
    """Decision 7."""
    raw = chat.raw("alice", room)
    raw.send_frame(TEXT, "a" * 40_000, fin=False)
    raw.send_frame(0, "a" * 40_000)
    assert raw.close_code() == 1009


def test_binary_that_is_not_utf8_closes_1007(chat, room):
    """Session chat, error table row 7."""
    raw = chat.raw("alice", room)
    raw.send_frame(BINARY, b"\xff\xfe")
    assert raw.close_code() == 1007


async def test_the_limits_are_configurable(server, room):
    """Session chat, configuration: MAX_USERS_PER_ROOM, HISTORY_LIMIT, MAX_MESSAGE_LENGTH, MAX_FRAME_BYTES."""
    limits = {"MAX_USERS_PER_ROOM": 2, "HISTORY_LIMIT": 2, "MAX_MESSAGE_LENGTH": 5, "MAX_FRAME_BYTES": 100}
    chat = SessionChat(server(**limits).front_door)
    alice, bob = await chat.together(room, "alice", "bob")
    carol = await chat.connect("carol", room)
    await carol.is_closed(1008, "Room is full")
    await alice.says("123456")
    for text in ("one", "two", "12345"):
        await alice.says(text)
        await alice.hears(text)
    for kept in (["one"], ["one", "two"], ["two", "12345"]):
        await bob.sees(messages=kept)
    await alice.says("x" * 101)
    await alice.is_closed(1009)


async def test_a_full_history_refuses_when_so_configured(server, room):
    """Session chat, decision: HISTORY_FULL=refuse."""
    chat = SessionChat(server(HISTORY_LIMIT=2, HISTORY_FULL="refuse").front_door)
    alice = await chat.join("alice", room)
    for text in ("one", "two", "three"):
        await alice.says(text)
    await alice.sees(messages=["one"])
    await alice.sees(messages=["one", "two"])
    await chat.connect("bob", room)
    await alice.sees(users=["alice", "bob"], messages=["one", "two"])


async def test_a_room_over_the_process_limit_is_refused_503(server, room):
    """Session chat, acceptance 18; error table row 2."""
    started = server(ROOMS_PER_PROCESS=1)
    chat = SessionChat(started.front_door)
    alice = await chat.join("alice", room)
    assert http.upgrade(chat.address, chat.path("bob", room + "-2")).status == 503
    bob = await chat.connect("bob", room)
    await bob.sees(users=["alice", "bob"])
    await alice.sees(users=["alice", "bob"])
    login = await http.request(chat.address, "/api/login", method="POST", body={"userId": "carol"})
    bearer = {"Authorization": f"Bearer {login.json['token']}"}
    assert (await http.request(chat.address, "/api/rooms", method="POST", headers=bearer)).status == 503


async def test_an_empty_room_forgets_after_the_idle_timeout(server, room):
    """Session chat, acceptance 19."""
    chat = SessionChat(server(ROOM_IDLE_TIMEOUT=1).front_door)
    alice = await chat.join("alice", room)
    await alice.says("gone soon")
    await alice.hears("gone soon")
    await alice.leaves()
    alice = await chat.connect("alice", room)
    await alice.sees(messages=["gone soon"])
    await alice.leaves()
    await asyncio.sleep(2)  # the spec's own timeout
    alice = await chat.connect("alice", room)
    await alice.sees(messages=[])


async def test_an_idle_process_ends_when_so_configured(server, room):
    """Session chat, decision: IDLE_TIMEOUT_ENABLED, PROCESS_IDLE_TIMEOUT."""
    started = server(IDLE_TIMEOUT_ENABLED="true", PROCESS_IDLE_TIMEOUT=1, ROOM_IDLE_TIMEOUT=1)
    alice = await SessionChat(started.front_door).join("alice", room)
    await asyncio.sleep(2)
    await alice.says("a connection keeps it alive")
    await alice.sees(messages=["a connection keeps it alive"])
    await alice.leaves()
    assert await asyncio.to_thread(started.exit_code) == 0
