"""Relay: every message verbatim to everybody on the topic."""

import asyncio
import os

import pytest

from support import http
from support.dialects import Relay
from support.raw import BINARY, CONTINUATION, TEXT
from support.tokens import signed, token


@pytest.fixture
def relay(shared_server) -> Relay:
    return Relay(shared_server.front_door)


@pytest.mark.parametrize(
    "message", ["hello", "", "ünï ✓ 😀\n", b"", b"\x00\xff\xfe", os.urandom(70_000)], ids=range(6)
)
async def test_a_message_reaches_all_verbatim_and_the_sender_too(relay, room, message):
    """docs/architecture.md §5, relay: text stays text, binary stays binary."""
    alice, bob = await relay.together(room, "alice", "bob")
    await alice.sends(message)
    for member in (alice, bob):
        await member.expects(message)


async def test_without_echo_the_sender_is_left_out(relay, room):
    """docs/architecture.md §5, relay: `?echo=false`."""
    (bob,) = await relay.together(room, "bob")
    alice = await relay.member.open(relay.address, f"/relay/{room}?echo=false")
    await alice.sends("from alice")
    await bob.expects("from alice")
    await bob.sends("from bob")
    await alice.expects("from bob")
    await bob.expects("from bob")


async def test_without_a_topic_only_the_sender_hears_it(relay, room):
    """docs/architecture.md §5, relay: `/relay` echoes."""
    alice = await relay.member.open(relay.address, "/relay")
    bob = await relay.member.open(relay.address, "/relay")
    for message in ("hello", b"\x00\xff", ""):
        await alice.sends(message)
        await alice.expects(message)
    await bob.sends("marker")
    await bob.expects("marker")


async def test_other_topics_hear_nothing(relay, room):
    """docs/architecture.md §5, relay: a topic is a place of its own."""
    alice, bob = await relay.together(room, "alice", "bob")
    carol = await relay.join("carol", room.upper())
    await alice.sends("for this topic")
    await bob.expects("for this topic")
    await carol.sends("marker")
    await carol.expects("marker")


async def test_all_hear_one_order(relay, room):
    """docs/architecture.md §3: a topic has one order."""
    members = await relay.together(room, "alice", "bob", "carol")
    await asyncio.gather(*(member.sends(f"{member.name} {n}") for n in range(100) for member in members))
    heard = [[await member.receives() for _ in range(300)] for member in members]
    assert heard[0] == heard[1] == heard[2]
    for name in ("alice", "bob", "carol"):
        assert [text for text in heard[0] if text.startswith(name)] == [f"{name} {n}" for n in range(100)]


async def test_fragments_are_relayed_as_one_message(relay, room):
    """docs/architecture.md §5, relay: messages, not frames."""
    (bob,) = await relay.together(room, "bob")
    raw = relay.raw("alice", room)
    raw.send_frame(TEXT, "one ", fin=False)
    raw.send_frame(CONTINUATION, "", fin=False)
    raw.send_frame(CONTINUATION, "message")
    await bob.expects("one message")


async def test_a_member_that_left_hears_nothing_more_and_harms_nobody(relay, room):
    """docs/architecture.md §3: leaving ends the subscription."""
    alice, bob, carol = await relay.together(room, "alice", "bob", "carol")
    await bob.leaves()
    carol.vanishes()
    for number in range(3):
        await alice.sends(str(number))
        await alice.expects(str(number))


async def test_a_message_may_have_a_mebibyte_and_no_more(relay, room):
    """Decision 6: message 1 MiB."""
    alice, bob = await relay.together(room, "alice", "bob")
    largest = os.urandom(1 << 20)
    await alice.sends(largest)
    for member in (alice, bob):
        await member.expects(largest)
    await alice.sends(largest + b"x")
    await alice.is_closed(1009)
    await bob.sends("marker")
    await bob.expects("marker")


def test_invalid_utf8_in_text_closes_1007_and_passes_in_binary(relay, room):
    """RFC 6455 §8.1."""
    raw = relay.raw("alice", room)
    raw.send_frame(BINARY, b"\xff")
    assert raw.next(BINARY).payload == b"\xff"
    raw.send_frame(TEXT, b"\xff")
    assert raw.close_code() == 1007


def test_the_relay_is_off_by_default(server, room):
    """Decision 6: off unless RELAY says otherwise."""
    address = server(RELAY=None).front_door
    for path in (f"/relay/{room}", "/relay"):
        assert http.upgrade(address, path).status in (403, 404)


async def test_with_tokens_the_room_must_be_the_topic(server, room):
    """Decision 6: RELAY=jwt."""
    relay = Relay(server(RELAY="jwt").front_door)
    alice = await relay.member.open(relay.address, f"/relay/{room}?token={token('alice', room)}")
    bob = await relay.member.open(relay.address, f"/relay/{room}?token={token('bob', '*')}")
    await bob.sends("mine")
    await bob.expects("mine")
    await alice.sends("hello")
    await bob.expects("hello")
    refused = {
        "no token": f"/relay/{room}",
        "another room": f"/relay/{room}?token={token('alice', room + '-2')}",
        "another secret": f"/relay/{room}?token={signed({'userId': 'a', 'roomId': room}, secret='other')}",
        "alg none": f"/relay/{room}?token={signed({'userId': 'a', 'roomId': room}, algorithm='none')}",
    }
    for case, path in refused.items():
        assert http.upgrade(relay.address, path).status in (401, 403), case
