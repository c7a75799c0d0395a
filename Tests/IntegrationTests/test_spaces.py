"""Dialects that share a space: what one says, the others hear in their own words.

What a channel server client publishes is JSON. A string is read out by the chats, and is on the relay as it was
sent: in quotes.
"""

import json

import pytest

from support import http, tokens
from support.dialects import ChannelServer, DisposableChat, Relay, SessionChat

CONFIGURATION = """\
spaces:
  lobby: [session-chat, disposable-chat, channel-server, relay]
"""


class Lobby:
    """The four dialects of one server, all in one room."""

    def __init__(self, started, room: str):
        self.room = room
        self.session_chat = SessionChat(started.front_door)
        self.disposable_chat = DisposableChat(started.front_door)
        self.channels = ChannelServer(started.channel_server)
        self.relay = Relay(started.front_door)

    async def everybody(self) -> dict:
        members = {
            "session-chat": await self.session_chat.join("sally", self.room),
            "disposable-chat": await self.disposable_chat.join("disraeli", self.room),
            "channel-server": await self.channels.join("", self.room),
            "relay": await self.relay.join("", self.room),
        }
        # Joins of others may still be on their way; from here on, everybody has heard this one.
        await members["relay"].says("everybody is here")
        for member in members.values():
            await member.hears("everybody is here")
        return members


@pytest.fixture(params=[1, 2], ids=["loops=1", "loops=2"])
def lobby(request, server, tmp_path, room) -> Lobby:
    configuration = tmp_path / "parley.yaml"
    configuration.write_text(CONFIGURATION)
    return Lobby(server("--config", str(configuration), PARLEY_EVENT_LOOPS=request.param), room)


@pytest.mark.parametrize("speaker", ["session-chat", "disposable-chat", "channel-server", "relay"])
async def test_what_one_says_is_heard_by_all_in_their_own_words(lobby, speaker):
    """docs/architecture.md §6: text."""
    members = await lobby.everybody()
    await members[speaker].says("grüße 😀")
    for listener, member in members.items():
        as_sent = (speaker, listener) == ("channel-server", "relay")
        await member.hears(json.dumps("grüße 😀", ensure_ascii=False) if as_sent else "grüße 😀")


async def test_all_dialects_hear_one_order(lobby):
    """docs/architecture.md §3: a topic has one order, whoever speaks."""
    members = await lobby.everybody()
    for number in range(20):
        for member in members.values():
            await member.says(f"{member.__class__.__name__} {number}")
    heard = {}
    for dialect, member in members.items():
        heard[dialect] = []
        for _ in range(1000):
            if len(heard[dialect]) == 80:
                break
            text = (member.text_of(await member.receives()) or "").strip('"')
            if text and text[-1].isdigit() and text not in heard[dialect]:
                heard[dialect].append(text)
    assert len(heard["relay"]) == 80
    assert all(texts == heard["relay"] for texts in heard.values())


async def test_a_chatter_is_the_author_elsewhere(lobby):
    """docs/architecture.md §6: a publication carries its sender."""
    members = await lobby.everybody()
    await members["disposable-chat"].says("who said this?")
    for _ in range(20):
        snapshot = await members["session-chat"].receives_json()
        if snapshot["messages"] and snapshot["messages"][-1]["msg"] == "who said this?":
            break
    assert snapshot["messages"][-1]["userId"] == "disraeli"
    await members["session-chat"].says("and this?")
    for _ in range(20):
        message = await members["disposable-chat"].receives_json()
        if message["type"] == "chat" and message["data"]["text"] == "and this?":
            break
    assert message["data"]["client"]["name"] == "sally"


async def test_json_is_heard_as_its_text(lobby):
    """docs/architecture.md §6: json, raw bytes, never re-encoded."""
    members = await lobby.everybody()
    await members["channel-server"].sends('{"type":"publish","data":{"n": 1.0}}')
    for dialect in ("session-chat", "disposable-chat", "relay"):
        await members[dialect].hears('{"n": 1.0}')


async def test_presence_is_shared(lobby):
    """docs/architecture.md §6: members of all dialects appear in the presence of all."""
    sally = await lobby.session_chat.connect("sally", lobby.room)
    await sally.sees(users=["sally"])
    disraeli = await lobby.disposable_chat.connect("disraeli", lobby.room)
    welcome = await disraeli.receives_json()
    assert [client["name"] for client in welcome["data"]["room"]["activeClients"]] == ["sally", "disraeli"]
    await disraeli.expects_info("disraeli", "registered")
    await sally.sees(users=["sally", "disraeli"])
    await sally.leaves()
    await disraeli.expects_info("sally", "unregistered")
    sally = await lobby.session_chat.connect("sally", lobby.room)
    await sally.sees(users=["disraeli", "sally"])
    await disraeli.expects_info("sally", "registered")
    await disraeli.leaves()
    await sally.sees(users=["sally"])


async def test_by_default_dialects_are_apart(server, room):
    """docs/architecture.md §1: by default each dialect has its own space."""
    apart = Lobby(server(), room)
    sally = await apart.session_chat.connect("sally", room)
    await sally.sees(users=["sally"])
    disraeli = await apart.disposable_chat.join("disraeli", room)
    channel = await apart.channels.join("", room)
    (relay,) = await apart.relay.together(room, "")
    await relay.says("only here")
    await relay.expects("only here")
    await disraeli.says("only there")
    await disraeli.expects_chat(disraeli, "only there")
    await channel.answers_ping()
    await sally.says("marker")
    await sally.sees(users=["sally"], messages=["marker"])


def test_a_shared_space_admits_as_each_dialect_does(lobby):
    """Session chat, Token: sharing a space opens no door."""
    address = lobby.session_chat.address
    wrong = tokens.signed({"userId": "sally", "roomId": lobby.room}, secret="other")
    assert http.upgrade(address, f"/?token={wrong}").status == 401
    assert http.upgrade(address, f"/ws?name=ab&room={lobby.room}").status == 400
