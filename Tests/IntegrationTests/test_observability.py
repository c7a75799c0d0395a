"""Metrics and logs: what they show, and what they must not."""

import asyncio
import json
import re
import unicodedata
from urllib.parse import quote

import pytest

from support import http, metrics, tokens
from support.dialects import EVERYWHERE, ON_THE_FRONT_DOOR, DisposableChat, Relay, SessionChat, at
from support.raw import frame

SERIES = [
    "parley_connections",
    "parley_subscriptions",
    "parley_publications_total",
    "parley_deliveries_total",
    "parley_received_bytes_total",
    "parley_sent_bytes_total",
    "parley_backlog_bytes",
    "parley_slow_consumer_closes_total",
    "parley_handshake_failures_total",
]


@pytest.fixture
def address(shared_server):
    return shared_server.front_door


def has_series(found: metrics.Metrics, name: str) -> bool:
    """A series of this name, or of a histogram or summary of this name."""
    return any(candidate == name or candidate.startswith(name + "_") for candidate in found.names)


async def test_the_promised_series_are_there(address, room):
    """docs/architecture.md §9; every name that dashboards rely on."""
    for place in ON_THE_FRONT_DOOR:
        dialect, _, options = place.values[0]
        (member,) = await dialect(address, **options).together(room, "alice")
        await member.says("hi")
        await member.hears("hi")
    assert http.upgrade(address, "/?token=garbage").status == 401
    found = await metrics.becomes(address, lambda found: found.total("parley_handshake_failures_total") > 0)
    missing = [name for name in SERIES if name not in found.names]
    assert not missing
    assert has_series(found, "parley_loop_lag_seconds")


def test_metrics_are_in_the_text_format(address):
    """The Prometheus exposition format, version 0.0.4."""
    answer = http.fetch(address, "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    typed = {line.split()[2] for line in answer.text.splitlines() if line.startswith("# TYPE ")}
    assert {name for name in SERIES if name not in typed} <= {"parley_handshake_failures_total"}


@pytest.mark.parametrize("place", EVERYWHERE)
async def test_connections_are_counted_by_dialect(shared_server, address, room, place):
    """parley_connections{dialect}."""
    dialect = at(shared_server, place)
    before = await settled_connections(address, dialect.name)
    members = await dialect.together(room, "alice", "bob")
    await metrics.becomes(address, lambda m: m.total("parley_connections", dialect=dialect.name) == before + 2)
    for member in members:
        await member.leaves()
    await metrics.becomes(address, lambda m: m.total("parley_connections", dialect=dialect.name) == before)


async def settled_connections(address, name: str) -> float:
    """Those of earlier tests are gone: nobody is connected."""
    found = await metrics.becomes(address, lambda m: m.total("parley_connections", dialect=name) == 0)
    return found.total("parley_connections", dialect=name)


@pytest.mark.parametrize("place", EVERYWHERE)
async def test_publications_deliveries_and_bytes_are_counted(shared_server, address, room, place):
    """parley_publications_total, parley_deliveries_total, parley_received_bytes_total, parley_sent_bytes_total."""
    dialect = at(shared_server, place)
    members = await dialect.together(room, "alice", "bob", "carol")
    before = metrics.read(address)
    for number in range(10):
        await members[0].says(f"line {number}")
    for member in members:
        await member.hears("line 9")

    def grew(found: metrics.Metrics, name: str, by: float) -> bool:
        return found.total(name) - before.total(name) >= by

    await metrics.becomes(
        address,
        lambda m: grew(m, "parley_publications_total", 10)
        and grew(m, "parley_deliveries_total", 30)
        and grew(m, "parley_received_bytes_total", 10 * len("line 0"))
        and grew(m, "parley_sent_bytes_total", 30 * len("line 0")),
    )


async def test_subscriptions_come_and_go(address, room):
    """parley_subscriptions."""
    relay = Relay(address)
    await metrics.becomes(address, lambda m: m.total("parley_subscriptions") == 0)
    alice, bob = await relay.together(room, "alice", "bob")
    await metrics.becomes(address, lambda m: m.total("parley_subscriptions") == 2)
    await alice.leaves()
    bob.vanishes()
    await metrics.becomes(address, lambda m: m.total("parley_subscriptions") == 0)


async def test_failed_handshakes_are_counted_by_reason(address):
    """parley_handshake_failures_total{reason}."""
    before = metrics.read(address).total("parley_handshake_failures_total")
    http.upgrade(address, "/?token=garbage")
    http.upgrade(address, "/ws?name=ab&room=ab")
    http.upgrade(address, "/channels", Sec_WebSocket_Version="8")
    found = await metrics.becomes(address, lambda m: m.total("parley_handshake_failures_total") >= before + 3)
    reasons = {labels["reason"] for labels in found.labels("parley_handshake_failures_total")}
    assert len(reasons) >= 2


async def test_no_topic_or_user_name_is_in_the_metrics(address, room):
    """Style §13: nothing from the peer in a label."""
    user = "a-user-with-a-striking-name"
    for place in ON_THE_FRONT_DOOR:
        dialect, _, options = place.values[0]
        (member,) = await dialect(address, **options).together(room, user)
        await member.says("a-striking-text")
        await member.hears("a-striking-text")
    http.upgrade(address, "/a-striking-path?token=a-striking-token")
    text = http.fetch(address, "/metrics").text
    for word in (room, user, "striking", "127.0.0.1"):
        assert word not in text


async def test_secrets_never_reach_the_logs(server, room):
    """Session chat, Token: never log the token itself; with --log-level trace."""
    admin = "an-admin-token-nobody-may-see"
    started = server(
        "--log-level", "trace", CHANNEL_MANAGEMENT_AUTH="token", CHANNEL_MANAGEMENT_TOKEN=admin, RELAY="jwt"
    )
    chat = SessionChat(started.front_door)
    good, bad = tokens.token("alice", room), tokens.signed({"userId": "alice", "roomId": room}, secret="other")
    alice = await chat.connect_with(good)
    await alice.sees(users=["alice"])
    assert http.upgrade(chat.address, chat.path_with(bad)).status == 401
    assert http.upgrade(chat.address, f"/relay/{room}?token={good}").status == 101
    assert http.upgrade(chat.address, f"/ws?name=Zoe&room=room-A&token={good}").status == 101
    assert http.fetch(chat.address, f"/no/such/path?token={good}").status >= 400
    http.fetch(chat.address, "/api/rooms", method="POST", headers={"Authorization": f"Bearer {good}"})
    login = http.fetch(chat.address, "/api/login", method="POST", body={"userId": "alice"}).json["token"]
    for address in (started.front_door, started.channel_server):
        http.fetch(address, "/@connections/AAAAAAAAAAAAAAAA", headers={"Authorization": f"Bearer {admin}"})
    await alice.leaves()
    started.terminate()
    assert await asyncio.to_thread(started.exit_code) == 0
    assert started.stderr.strip(), "nothing at all was logged at level trace"
    for secret in (good, bad, login, admin, tokens.SECRET):
        assert secret not in started.said
        assert secret.rpartition(".")[2] not in started.said


async def test_the_log_stays_quiet_about_what_peers_do(server, room):
    """Style §13: `info` and above only for what the operator must know."""
    started = server()
    chat = DisposableChat(started.front_door)
    alice, bob = await chat.together(room, "alice", "bob")
    lines = len(started.stderr.splitlines())
    for number in range(100):
        await alice.says(f"line {number}")
        await bob.hears(f"line {number}")
        chat.raw("offender", room).send(frame(3, "hi"))
    assert len(started.stderr.splitlines()) - lines < 50


async def test_listeners_of_dialects_do_not_show_metrics(shared_server):
    """docs/architecture.md §5: `/metrics` is on the front door."""
    for address in (shared_server.channel_server, shared_server.disposable_chat):
        assert http.fetch(address, "/metrics").status in (404, 426)


FORGED = "x\r\n2026-01-01T00:00:00.000Z error forged\x1b[31m\u2028\u0085level=error"


@pytest.mark.parametrize("form", ["text", "json"])
def test_nobody_can_forge_or_colour_a_line(server, form):
    """Line ends and control characters of peers, in paths, names and events."""
    started = server(PARLEY_LOG_LEVEL="trace", PARLEY_LOG_FORMAT=form, BACKENDS_API_PORT="off")
    forged = quote(FORGED)
    for path in (f"/{forged}", f"/socket.io/?EIO=4&transport={forged}", f"/relay/{forged}", f"/ws?name={forged}"):
        http.fetch(started.front_door, path)
        http.upgrade(started.front_door, path)
    started.terminate()
    assert started.exit_code() == 0
    lines = started.stderr.split("\n")[:-1]
    assert lines
    for line in lines:
        assert not [character for character in line if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp")]
        if form == "json":
            assert set(json.loads(line)) >= {"time", "level", "message"}
        else:
            assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z (trace|debug|info|notice|warning|error) ", line)


def test_numbers_are_numbers_in_json(server):
    """PARLEY_LOG_FORMAT=json."""
    started = server(PARLEY_LOG_LEVEL="debug", PARLEY_LOG_FORMAT="json")
    assert http.upgrade(started.front_door, "/?token=garbage").status == 401
    refused = [json.loads(line) for line in lines_of(started, "refused")]
    assert refused[0]["status"] == 401 and refused[0]["address"] == "127.0.0.1"


def lines_of(started, word: str) -> list[str]:
    """The lines with a word in them, of a log that is whole."""
    started.terminate()
    assert started.exit_code() == 0
    return [line for line in started.stderr.splitlines() if word in line]


def test_paths_are_logged_without_their_query(server):
    """At `debug`, with address, status and reason."""
    started = server(PARLEY_LOG_LEVEL="debug")
    assert http.fetch(started.front_door, "/nowhere/at/all?token=secret").status >= 400
    (line,) = lines_of(started, "/nowhere/at/all")
    assert "secret" not in line and "address=127.0.0.1" in line and "status=" in line


@pytest.mark.parametrize("listener, path", [("channel_server", "/"), ("disposable_chat", "/ws?name=alice&room=lobby"), ("front_door", "/relay/lobby")])
async def test_connections_are_logged_with_the_address_of_their_client(server, listener, path):
    """Not with that of the proxy that is trusted."""
    started = server(PARLEY_LOG_LEVEL="debug", PARLEY_TRUSTED_PROXIES="127.0.0.1", ACCEPTED_ORIGIN="*")
    assert http.upgrade(getattr(started, listener), path, **{"X-Forwarded-For": "203.0.113.9"}).status == 101
    (line,) = lines_of(started, "Connection opened")
    assert "address=203.0.113.9" in line


def test_refused_calls_do_not_fill_the_log(server):
    """What a stranger can repeat is for those who look for it."""
    started = server(BACKENDS_API_PORT="0", BACKENDS_MODE="production")
    connection = http.Connection(started.addresses["backends_api"])
    for _ in range(300):
        assert connection.request("POST", "/v2/service/a/b/connect", body=b"{}").status >= 400
    assert len(started.stderr.splitlines()) < 20


def test_every_series_is_there_from_the_start(server):
    """Zeros, so that a rate is known of the first of a kind."""
    found = metrics.read(server().front_door)
    dialects = {labels["dialect"] for labels in found.labels("parley_connections")}
    assert dialects == {"session-chat", "disposable-chat", "channel-server", "relay", "event-gateway", "socket-io"}
    reasons = {labels["reason"] for labels in found.labels("parley_handshake_failures_total")}
    assert {"no_upgrade", "bad_token", "not_found", "bad_request"} <= reasons
    assert found.labels("parley_closes_total")


@pytest.mark.parametrize("listener", ["front_door", "channel_server", "disposable_chat"])
def test_every_refusal_is_counted(server, listener):
    """426 and 404 of plain HTTP, too."""
    started = server()
    before = metrics.read(started.front_door).total("parley_handshake_failures_total")
    assert http.fetch(getattr(started, listener), "/nothing/here").status >= 400
    assert http.fetch(getattr(started, listener), "/", method="DELETE").status >= 400
    assert metrics.read(started.front_door).total("parley_handshake_failures_total") == before + 2


# What is said of connections at debug

GATEWAY = {"GATEWAY_PORT": "0", "WEBSOCKET_PORT": "0", "PARLEY_LOG_LEVEL": "debug", "PARLEY_LOG_FORMAT": "json"}


def said(started, message: str) -> list[dict]:
    """The lines of a log in JSON with that message."""
    return [line for line in map(json.loads, started.stderr.splitlines()) if line["message"] == message]


def polling(address) -> str:
    """The path of a new session that polls."""
    path = "/socket.io/?EIO=4&transport=polling"
    return f"{path}&sid={json.loads(http.fetch(address, path).text[1:])['sid']}"


@pytest.mark.parametrize(
    "packet, reason",
    [
        ('40{"token":"a-striking-token"}', "bad_token"),
        ("40", "bad_token"),
        ('40/nope,{"token":"a-striking-token"}', "not_found"),
    ],
)
def test_a_connect_that_is_refused_is_counted_and_said(server, packet, reason):
    started = server(**GATEWAY)
    before = metrics.read(started.front_door).total("parley_handshake_failures_total", reason=reason)
    session = polling(started.gateway)
    assert http.fetch(started.gateway, session, method="POST", body=packet.encode()).status == 200
    assert http.fetch(started.gateway, session).text.split("\x1e")[-1].startswith("44")
    assert metrics.read(started.front_door).total("parley_handshake_failures_total", reason=reason) == before + 1
    (line,) = said(started, "CONNECT refused")
    assert (line["reason"], line["path"], line["address"]) == (reason, "/socket.io/", "127.0.0.1")
    assert "a-striking-token" not in started.stderr


async def test_connections_of_the_gateway_are_said_to_begin_and_to_end(server):
    started = server(**GATEWAY)
    token = json.loads(http.fetch(started.gateway, "/api/auth/acquire-session", method="POST").text)["data"]["token"]
    paths = [f"/ws?token={token}", "/socket.io/?EIO=4&transport=websocket"]
    for path in paths:
        assert http.upgrade(started.gateway, path).status == 101
    session = polling(started.gateway)
    assert http.fetch(started.gateway, session, method="POST", body=b"1").status == 200
    http.fetch(started.gateway, session)

    async def ended() -> list[dict]:
        while len(found := said(started, "Connection ended")) < 3:
            await asyncio.sleep(0.02)
        return found

    over = await asyncio.wait_for(ended(), 10)
    opened = said(started, "Connection opened")
    assert {line["connection"] for line in opened} == {line["connection"] for line in over}
    assert {line["dialect"] for line in opened} == {"event-gateway", "socket-io"}
    assert all(line["address"] == "127.0.0.1" for line in opened) and all(line["seconds"] >= 0 for line in over)
    assert {line.get("transport") for line in opened} == {None, "websocket", "polling"}


@pytest.mark.parametrize(
    "path, dialect",
    [
        ("/?token=garbage", "session-chat"), ("/ws?name=ab&room=ab", "disposable-chat"), ("/events?token=x", "event-gateway"),
        ("/socket.io/?EIO=4&transport=websocket&sid=x", "socket-io"),
    ],
)  # fmt: skip
def test_a_handshake_that_is_refused_is_said_with_its_path_and_dialect(server, path, dialect):
    started = server(**GATEWAY)
    assert http.upgrade(started.front_door, path).status >= 400
    started.stop()  # lines are written behind the answers that they tell of
    line = [line for line in said(started, "Request refused") if "dialect" in line][-1]
    assert (line["path"], line["dialect"], line["address"]) == (path.split("?")[0], dialect, "127.0.0.1")


def test_the_backends_api_says_the_status_that_it_answers(server):
    started = server("--dev", HOST=None, BACKENDS_API_PORT="0", **GATEWAY)
    address = started.addresses["backends_api"]
    headers = {"Content-Type": "application/json"}
    answer = http.fetch(address, "/ctrl/connect", method="POST", headers=headers, body=b'{"key":{"name":1}}')
    (line,) = said(started, "A request to the backends' API was refused")
    assert line["status"] == answer.status == 422
