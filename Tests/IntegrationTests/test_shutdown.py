"""The end of a server, wanted and unwanted."""

import asyncio
import time

import pytest

from support import http
from support.dialects import EVERYWHERE, ON_THE_FRONT_DOOR, ChannelServer, DisposableChat, Relay, SessionChat, at
from support.http import Connection
from support.raw import RawWebSocket
from support.server import LISTENERS


@pytest.fixture(params=EVERYWHERE)
def place(request):
    return request.param


@pytest.mark.parametrize("loops", [1, 2])
async def test_sigterm_tells_everybody_and_exits_cleanly(server, room, place, loops):
    """Session chat, acceptance 20; disposable chat, Lifecycle; channel server, Lifecycle; decision 6."""
    started = server(PARLEY_EVENT_LOOPS=loops)
    dialect = at(started, place)
    members = await dialect.together(room, "alice", "bob", "carol")
    started.terminate()
    for member in members:
        await member.is_closed(dialect.shutdown_code, after_anything=True)
    assert await asyncio.to_thread(started.exit_code) == 0


async def test_session_chat_says_why(server, room):
    """Session chat, decision (shutdown): 1001 `Server shutting down`."""
    started = server()
    alice = await SessionChat(started.front_door).join("alice", room)
    started.terminate()
    await alice.is_closed(1001, "Server shutting down", after_anything=True)


async def test_what_was_said_before_sigterm_arrives_before_the_end(server, room):
    """docs/architecture.md §9: shutdown drains."""
    started = server()
    relay = Relay(started.front_door)
    alice, bob = await relay.together(room, "alice", "bob")
    for number in range(500):
        await alice.sends(str(number))
    for number in range(500):
        await alice.expects(str(number))
    started.terminate()
    for number in range(500):
        await bob.expects(str(number))
    await bob.is_closed(1001)


def test_sigterm_without_connections_exits_at_once(server):
    """docs/architecture.md §9: exit 0 within the grace period."""
    started = server()
    started.terminate()
    assert started.exit_code(within=5) == 0


def test_connections_without_a_request_do_not_hold_up_the_end(server):
    """docs/architecture.md §9: a kept-alive or silent HTTP connection is closed."""
    started = server()
    kept, silent = Connection(started.front_door), Connection(started.front_door)
    assert kept.request("GET", "/health").status == 200
    started.terminate()
    assert kept.is_closed()
    assert started.exit_code(within=12) == 0
    assert silent.is_closed()


@pytest.mark.parametrize("place", ON_THE_FRONT_DOOR)
def test_members_that_never_answer_do_not_hold_up_the_end(server, room, place):
    """Session chat: wait up to 10 s; disposable chat: exit 0 within 10 s; decision 4: linger 5 s."""
    started = server()
    deaf = at(started, place).raw("deaf", room)
    started.terminate()
    assert started.exit_code(within=12) == 0
    assert deaf.close_code() == at(started, place).shutdown_code


@pytest.fixture
def draining(server, room):
    """A server after SIGTERM whose end a member holds up: it does not answer the close frame."""
    started = server()
    holdout = Relay(started.front_door).raw("", room)
    assert holdout.answers_ping()
    started.terminate()
    assert holdout.close_code() == 1001
    return started


def test_readiness_is_false_within_100_ms_and_stays_so(server, room):
    """Decision 12."""
    started = server()
    holdout = Relay(started.front_door).raw("", room)
    probe = Connection(started.front_door)
    assert probe.request("GET", "/readyz").status == 200
    started.terminate()
    time.sleep(0.1)  # the spec's own figure
    for _ in range(20):
        assert not is_ready(started)
        time.sleep(0.02)
    assert holdout.close_code() == 1001


def is_ready(started) -> bool:
    try:
        return http.fetch(started.front_door, "/readyz").status == 200
    except OSError:
        return False


@pytest.mark.parametrize("other", EVERYWHERE)
def test_new_upgrades_are_503_with_retry_after_while_draining(draining, room, other):
    """Decision 12."""
    dialect = at(draining, other)
    answer = http.upgrade(dialect.address, dialect.path("late", room))
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0


def test_an_upgrade_on_an_old_connection_is_refused_while_draining(server, room):
    """Decision 12: on a connection that was accepted before."""
    started = server()
    relay = Relay(started.front_door)
    old = RawWebSocket(started.front_door)
    assert old.request("GET", "/health").status == 200
    holdout = relay.raw("", room)
    started.terminate()
    assert holdout.close_code() == 1001
    try:
        answer = old.request("GET", relay.path("", room), http.upgrade_headers())
    except OSError:
        return  # the connection was closed: refused as well
    assert answer.status == 503


def test_a_second_sigterm_ends_at_once(draining):
    """A second SIGTERM does not wait for anybody."""
    draining.ends_uncleanly = True  # which code it exits with is its own business
    draining.terminate()
    draining.exit_code(within=2)


async def test_leaves_are_announced_before_the_end(server, room):
    """Disposable chat, decision: SIGTERM closes with 1001; nobody hears anything wrong before it."""
    started = server()
    alice, bob = await DisposableChat(started.front_door).together(room, "alice", "bob")
    started.terminate()
    for member in (alice, bob):
        frame = await member.closing(after_anything=True)
        assert frame is not None and frame.code == 1001


@pytest.mark.parametrize("listener", ["front_door", "channel_server", "disposable_chat"])
async def test_after_kill_9_a_new_server_takes_the_port_at_once(server, room, listener):
    """A crash leaves nothing that stops the next start, though connections were open."""
    first = server()
    relay = Relay(first.front_door)
    members = await relay.together(room, "alice", "bob")
    await ChannelServer(first.channel_server).join("alice", room)
    await DisposableChat(first.disposable_chat).join("alice", room)
    first.kill()
    for member in members:
        assert await member.closing() is None
    second = server(**{LISTENERS[listener][0]: getattr(first, listener).port})
    assert getattr(second, listener).port == getattr(first, listener).port
    assert http.fetch(getattr(second, listener), "/health").status == 200


async def test_after_sigterm_a_new_server_takes_the_port_at_once(server, room):
    """A restart on the same port, as every deployment does it."""
    first = server()
    alice = await Relay(first.front_door).join("alice", room)
    first.terminate()
    await alice.is_closed(1001)
    assert await asyncio.to_thread(first.exit_code) == 0
    second = server(PARLEY_PORT=first.front_door.port)
    await Relay(second.front_door).together(room, "alice", "bob")
