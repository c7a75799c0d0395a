"""Names decide who is who. They are the same when they are the same bytes; halves of surrogate pairs are no names."""

import json
from urllib.parse import quote

import pytest

from support import backends, gateway, http
from support.client import Client
from support.dialects import ChannelServer, Relay
from support.tokens import signed, token

# One text for people, and for a `==` of Unicode; two names.
PAIRS = [("caf\u00e9", "cafe\u0301"), ("\u00c5", "\u212b"), ("K", "\u212a"), ("\u1e69", "s\u0307\u0323")]
pairs = pytest.mark.parametrize("one, other", PAIRS, ids=["accent", "angstrom", "kelvin", "two marks"])
LONE = ['"\\ud800"', '"\\udc00"', '"a\\ud800b"', '"\\udc00\\ud800"', '"\\ud800\\u0041"', '"\\ud800\\\\udc00"']


# Tokens and topics


@pairs
async def test_a_token_opens_the_topic_of_its_spelling_alone(server, one, other):
    relay = Relay(server(RELAY="jwt").front_door)
    alice = token("alice", one)
    await Client.open(relay.address, f"/relay/{quote(one)}?token={alice}")
    assert http.upgrade(relay.address, f"/relay/{quote(other)}?token={alice}").status == 401


@pytest.mark.parametrize("claim", ["userId", "roomId"])
def test_a_token_with_half_of_a_surrogate_pair_is_none(server, claim):
    address = server(RELAY="jwt").front_door
    bad = signed({"userId": "alice", "roomId": "r"} | {claim: "\ud800"})
    assert http.upgrade(address, f"/?token={bad}").status == 401


@pairs
async def test_users_of_two_spellings_are_two_in_a_room(server, one, other):
    address = server().front_door
    first = await Client.open(address, f"/?token={token(one, 'room')}")
    await first.receives_json()
    second = await Client.open(address, f"/?token={token(other, 'room')}")
    assert (await second.receives_json())["connectedUsers"] == [one, other]


@pytest.mark.parametrize("name", LONE)
def test_the_issuer_gives_no_token_for_half_of_a_pair(server, name):
    address = server().front_door
    answer = http.fetch(address, "/api/login", method="POST", body=f'{{"userId":{name}}}'.encode())
    assert answer.status == 400
    assert http.fetch(address, "/api/login", method="POST", body=b'{"userId":"\xff"}').status == 400
    whole = http.fetch(address, "/api/login", method="POST", body=b'{"userId":"\\ud83d\\ude00"}')
    assert whole.status == 200


# Channels


@pairs
async def test_channels_of_two_spellings_are_two(server, one, other):
    channels = ChannelServer(server().channel_server)
    alice, bob = await channels.join("alice", one), await channels.join("bob", other)
    await alice.publishes("hello")
    await alice.expects_message("hello")
    await alice.expects_success()
    await bob.answers_ping()


@pytest.mark.parametrize("name", LONE)
async def test_nobody_joins_half_of_a_pair(server, name):
    client = await Client.open(server().channel_server, "/")
    await client.sends(f'{{"type":"join","channelId":{name}}}')
    assert (await client.receives_json())["type"] == "joinFailure"


# The gateway


@pytest.mark.parametrize("field", ["event", "session", "user"])
def test_nothing_is_emitted_by_half_of_a_pair(server, field):
    address = server(**gateway.SETTINGS).gateway
    body = {"event": "e"} | {field: "LONE"}
    answer = gateway.as_admin(address, "/api/emit", json.dumps(body).replace('"LONE"', '"\\ud800"').encode())
    assert answer.status == 400


@pairs
async def test_an_event_reaches_the_user_of_its_spelling_and_says_how_many(server, one, other):
    started = server(**gateway.SETTINGS)
    session = gateway.acquire(started.gateway)
    gateway.as_admin(started.gateway, "/api/auth/link", {"token": session, "userId": one})
    clients = await gateway.open_all(started, session, gateway.ONE_OF_EACH)
    gateway.acquire(started.gateway)
    everybody = {"event": "e", "data": 1}
    for to, count in (({"user": one}, 3), ({"user": other}, 0), ({"session": session}, 3), ({}, 3)):
        answer = gateway.as_admin(started.gateway, "/api/emit", everybody | to)
        assert answer.json == {"success": True, "message": "Event sent", "connections": count}
    for client in clients:
        for _ in range(3):
            assert await client.expects_event("e") == 1
        await client.is_alive()


# Session backends


@pairs
def test_keys_of_two_spellings_have_two_backends(server, tmp_path, one, other):
    found = backends.Backends(
        server("--config", backends.configuration(tmp_path), **backends.SETTINGS, BACKENDS_MODE="dev", PARLEY_PORT="off")
    )
    first = found.connect(key=one)
    second = found.connect(key=other)
    assert first["backend_id"] != second["backend_id"] and second["spawned"]
    assert found.connect(key=one)["backend_id"] == first["backend_id"]


@pytest.mark.parametrize("field", ["key", "user"])
def test_no_backend_is_asked_for_by_half_of_a_pair(server, tmp_path, field):
    found = backends.Backends(
        server("--config", backends.configuration(tmp_path), **backends.SETTINGS, BACKENDS_MODE="dev", PARLEY_PORT="off")
    )
    for name in LONE:
        answer = found.ask("POST", "/v2/service/-/-/connect", f'{{"{field}":{name}}}'.encode())
        assert answer.status == 400, name
