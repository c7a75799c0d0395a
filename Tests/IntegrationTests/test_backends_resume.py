"""Session backends: WebSockets that stay open while their backend is replaced."""

import asyncio
import hashlib
import json
import os
import re
import signal
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect as websocket
from websockets.exceptions import ConnectionClosed

from support import DEADLINE, http
from support.backends import PROGRAM, SETTINGS, Backends, configuration, processes_of
from support.http import Connection
from support.official import Browser
from support.server import Server

SERVICES = {
    "-/resumed": {"command": PROGRAM, "resume": True},
    "-/small": {"command": PROGRAM, "resume": {"buffer_bytes": 1000, "wait": 2}},
    "-/slow": {"command": PROGRAM, "resume": True, "env": {"START_DELAY": "1.5", "LINGERS": "1"}},
    "-/plain": {"command": PROGRAM},
    "-/hesitant": {"command": PROGRAM, "resume": True, "env": {"RESUME_DELAY": "1"}},
}


@pytest.fixture(scope="module", params=["own port", "front door"])
def server(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("resume")
    settings = SETTINGS | {"BACKENDS_MODE": "dev"}
    if request.param == "front door":
        settings |= {"BACKENDS_PROXY_PORT": "off"}
    server = Server(directory, "--config", configuration(directory, services=SERVICES), **settings).wait_until_listening()
    if request.param == "front door":
        server.addresses["backends_proxy"] = server.front_door
    yield server
    server.stop()


def api(server: Server, service: str = "resumed") -> Backends:
    return Backends(server, service=service)


def open_session(connected: dict, **options):
    url = connected["url"].replace("http:", "ws:") + "session"
    return websocket(url, max_size=None, **options)


async def hears(socket) -> str:
    return await asyncio.wait_for(socket.recv(), DEADLINE)


async def greeting(socket) -> dict:
    return json.loads(await hears(socket))


async def closing(socket) -> tuple[int | None, str | None]:
    with pytest.raises(ConnectionClosed):
        while True:
            await hears(socket)
    return socket.close_code, socket.close_reason


def in_thread(function, *arguments, **options):
    return asyncio.to_thread(function, *arguments, **options)


async def test_a_socket_outlives_a_backend_that_is_killed(server):
    """Nobody connects anew: the backend is started again, and what was said meanwhile comes in order."""
    connected = api(server).connect(key="killed", user="ada")
    async with open_session(connected, subprotocols=["chat"]) as socket:
        first = await greeting(socket)
        assert (first["x-verified-resumed-from"], first["protocol"]) == (None, "chat")
        await socket.send("one")
        assert await hears(socket) == f"{first['backend']} one"
        os.kill(first["pid"], signal.SIGKILL)
        assert (await in_thread(api(server).states, first["backend"]))[-1]["status"] == "terminated"
        for number in range(100):
            await socket.send(f"message {number}")
        blob = os.urandom(100_000)
        await socket.send(blob)
        second = await greeting(socket)
        assert second["backend"] != first["backend"] and second["pid"] != first["pid"]
        assert second["x-verified-resumed-from"] == first["backend"]
        assert (second["x-verified-username"], second["protocol"]) == ("ada", "chat")
        heard = await hears(socket)
        if heard == f"{second['backend']} one":  # killed before it had said how far it had read
            heard = await hears(socket)
        assert heard == f"{second['backend']} message 0"
        for number in range(1, 100):
            assert await hears(socket) == f"{second['backend']} message {number}"
        assert await hears(socket) == f"{second['backend']} 100000 {hashlib.sha256(blob).hexdigest()}"
        # Whoever connects now finds the backend that is there.
        again = await in_thread(api(server).connect, key="killed")
        assert (again["backend_id"], again["spawned"]) == (second["backend"], False)


def test_a_page_notices_nothing(server):
    """In Chromium."""
    browser = Browser(is_strict=False)
    try:
        connected = api(server).connect(key="page", user="ada")
        told = browser.plays("goes on while its backend is replaced", connected["url"].replace("http:", "ws:") + "session")
    finally:
        browser.ends()
    greetings = told["greetings"]
    for first, second in zip(greetings, greetings[1:]):
        assert first["backend"] == second["x-verified-resumed-from"] != second["backend"]
        assert second["x-verified-username"] == "ada"
    assert (told["answer"], told["closed"]) == (f"{greetings[-1]['backend']} still here", None)


async def test_all_sockets_of_a_backend_go_to_one_successor(server):
    connected = api(server).connect(key="many")
    sockets = [await open_session(connected) for _ in range(50)]
    first = [await greeting(socket) for socket in sockets]
    await sockets[0].send("die")
    second = [await greeting(socket) for socket in sockets]
    assert {entry["backend"] for entry in first} == {connected["backend_id"]}
    assert len({entry["backend"] for entry in second}) == 1
    for socket in sockets:
        await socket.close()


async def test_a_socket_outlives_its_backend_several_times(server):
    async with open_session(api(server).connect(key="again")) as socket:
        seen = [(await greeting(socket))["backend"]]
        for _ in range(3):
            # With no question on its way, which could be left unread behind the word, and have it said again.
            await asyncio.wait_for(await socket.ping(), DEADLINE)
            await socket.send("die")
            seen.append((await greeting(socket))["backend"])
            await socket.send("after")
            assert await hears(socket) == f"{seen[-1]} after"
        assert len(set(seen)) == 4


async def test_what_a_killed_backend_had_not_read_is_said_to_the_next(server):
    """Sent before anybody can know that it is gone, into the buffers of a process that reads no more."""
    for attempt in range(8):
        async with open_session(api(server).connect(key=f"unread {attempt}")) as socket:
            first = await greeting(socket)
            await socket.send("read")
            assert await hears(socket) == f"{first['backend']} read"
            # Behind the question that shows what was read.
            await asyncio.wait_for(await socket.ping(), DEADLINE)
            os.kill(first["pid"], signal.SIGSTOP if attempt % 2 else signal.SIGKILL)
            for number in range(5):
                await socket.send(f"unread {number}")
            if attempt % 2:
                await socket.ping()
                os.kill(first["pid"], signal.SIGKILL)
            second = (await greeting(socket))["backend"]
            for number in range(5):
                assert await hears(socket) == f"{second} unread {number}"


async def test_what_is_said_to_a_backend_at_its_end_goes_to_the_one_that_is_connected_next(server):
    """Terminated through the API, so that nothing starts by itself; the old one takes its time, and so does the new one."""
    backends = api(server, "slow")
    async with open_session(backends.connect(key="deployed")) as socket:
        first = await greeting(socket)
        assert (await in_thread(backends.terminate, first["backend"])).status == 200
        assert (await in_thread(backends.status, first["backend"]))["status"] == "terminating"
        await socket.send("for the next")
        await in_thread(backends.states, first["backend"])
        # Answered without any backend.
        await asyncio.wait_for(await socket.ping(), DEADLINE)
        await socket.send("and this")
        again = await in_thread(backends.connect, key="deployed")
        second = await greeting(socket)
        assert again["spawned"] and second["backend"] == again["backend_id"] != first["backend"]
        assert await hears(socket) == f"{second['backend']} for the next"
        assert await hears(socket) == f"{second['backend']} and this"


async def test_a_backend_that_says_that_it_goes_away_is_followed_by_another(server):
    async with open_session(api(server).connect(key="away")) as socket:
        first = await greeting(socket)
        await socket.send("go away")
        assert (await greeting(socket))["x-verified-resumed-from"] == first["backend"]


@pytest.mark.parametrize("word, code", [("close this", 1001), ("drop this", 1006)])
async def test_a_backend_that_lives_may_close_a_socket(server, word, code):
    connected = api(server).connect(key="lives")
    async with open_session(connected) as socket:
        await greeting(socket)
        await socket.send(word)
        assert (await closing(socket))[0] == (code if code != 1006 else None) or socket.close_code == code
    assert (await in_thread(api(server).status, connected["backend_id"]))["status"] == "ready"


async def test_more_than_is_kept_closes_the_socket_and_says_so(server):
    backends = api(server, "small")
    async with open_session(backends.connect(key="overflow")) as socket:
        first = await greeting(socket)
        await in_thread(backends.terminate, first["backend"], True)
        await in_thread(backends.states, first["backend"])
        for _ in range(3):
            await socket.send("x" * 400)
        assert await closing(socket) == (1013, "Too much was sent while the backend restarted")


async def test_a_socket_that_nobody_takes_over_is_closed_in_time(server):
    backends = api(server, "small")
    async with open_session(backends.connect(key="alone")) as socket:
        first = await greeting(socket)
        await in_thread(backends.terminate, first["backend"], True)
        assert await closing(socket) == (1012, "Service restart")


def disappears(server: Server, client) -> None:
    """Has the server find the end of the client and the agreement of the backend in the same moment."""
    time.sleep(0.2)
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(1.2)
    client()
    server.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("service", ["plain", "resumed"])
def test_a_client_may_go_in_the_moment_in_which_the_backend_agrees(server, service):
    backends = api(server, service)
    connected = backends.ready(backends.connect(key="moment"))
    connection = raw_session(backends, connected, "?delay=1")
    disappears(server, connection.socket.close)
    assert backends.status(connected["backend_id"])["status"] == "ready"


async def test_a_client_may_go_in_the_moment_in_which_the_next_backend_agrees(server):
    backends = api(server, "hesitant")
    socket = await open_session(backends.connect(key="next moment"))
    first = await greeting(socket)
    os.kill(first["pid"], signal.SIGKILL)
    await in_thread(backends.states, first["backend"])
    second = await in_thread(backends.connect, key="next moment")
    await in_thread(backends.states, second["backend_id"], "ready")
    await in_thread(disappears, server, lambda: socket.transport.get_extra_info("socket").shutdown(2))
    socket.transport.abort()
    assert (await in_thread(backends.status, second["backend_id"]))["status"] == "ready"


async def test_nobody_comes_back_whose_access_was_taken_back_meanwhile(server):
    backends = api(server)
    async with open_session(backends.connect(key="revoked", user="ada")) as hers:
        first = await greeting(hers)
        await in_thread(backends.terminate, first["backend"], True)
        await in_thread(backends.states, first["backend"])
        body = {"backend_id": first["backend"], "user": "ada"}
        assert (await in_thread(backends.ask, "POST", "/ctrl/b/revoke", body)).status == 200
        await in_thread(backends.connect, key="revoked", user="bob")
        await closing(hers)


def raw_session(backends: Backends, connected: dict, query: str = "") -> Connection:
    """A handshake that is on its way."""
    connection = Connection(backends.proxy)
    fields = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "A" * 22 + "=="}
    connection.send(http.head("GET", urlsplit(connected["url"]).path + "session" + query, backends.proxy, fields))
    return connection


def test_last_words_reach_the_next_backend(server):
    """Said, with a goodbye, by a client that is gone before there is one."""
    backends = api(server)
    connected = backends.connect(key="last words")
    client = raw_session(backends, connected)
    assert client.head_of_answer().status == 101
    backends.terminate(connected["backend_id"], hard=True)
    backends.states(connected["backend_id"])
    text, mask = b"say farewell", bytes(4)
    client.send(bytes([0x81, 0x80 | len(text)]) + mask + text + b"\x88\x82" + mask + (1001).to_bytes(2, "big"))
    client.socket.close()
    second = backends.connect(key="last words")
    logs = Connection(backends.api)
    logs.send(http.head("GET", f"/v2/backend/{second['backend_id']}/logs/stream", backends.api))
    logs.head_of_answer()
    assert next(logs.chunks()) == b"data: farewell\n\n"


async def test_a_socket_that_was_idle_through_many_restarts_loses_nothing(server):
    backends = api(server)
    async with open_session(backends.connect(key="idle")) as socket:
        for _ in range(7):
            me = (await greeting(socket))["backend"]
            await in_thread(backends.terminate, me, True)
            await in_thread(backends.states, me)
            await socket.send("still here")
            await in_thread(backends.connect, key="idle")
            me = await greeting(socket)
            assert await hears(socket) == f"{me['backend']} still here"
            await in_thread(backends.terminate, me["backend"], True)
            await in_thread(backends.states, me["backend"])
            await in_thread(backends.connect, key="idle")


async def test_what_a_backend_does_not_read_is_no_gap(server):
    """More than is kept goes into the buffers of a process that hangs, and is killed: nothing is left out in silence."""
    backends = api(server, "small")
    async with open_session(backends.connect(key="gap")) as socket:
        first = await greeting(socket)
        await asyncio.wait_for(await socket.ping(), DEADLINE)
        os.kill(first["pid"], signal.SIGSTOP)
        for number in range(100):
            await socket.send(f"{number} " + "x" * 100)
        os.kill(first["pid"], signal.SIGKILL)
        assert await closing(socket) == (1013, "Too much was sent while the backend restarted")


@pytest.mark.parametrize("length", [2**63 - 1, 2**63 - 14, 2**62])
def test_a_length_without_end_harms_nobody(server, length):
    backends = api(server)
    connected = backends.ready(backends.connect(key="endless"))
    client = raw_session(backends, connected)
    assert client.head_of_answer().status == 101
    client.send(b"\x82\xff" + length.to_bytes(8, "big") + bytes(4) + b"and more")
    client.socket.close()
    assert backends.status(connected["backend_id"])["status"] == "ready"


def memory_of(server: Server) -> int:
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024


@pytest.mark.parametrize("flood", ["messages", "pings while there is no backend", "a long message to one that hangs"])
def test_no_client_fills_the_memory(server, flood):
    backends = api(server, "slow" if "hangs" in flood else "resumed")
    connected = backends.ready(backends.connect(key=flood))
    connection = raw_session(backends, connected)
    assert connection.head_of_answer().status == 101
    mask = bytes(4)
    binary = b"\x82\xff" + (65000).to_bytes(8, "big") + mask + bytes(65000)
    piece = binary
    if "pings" in flood:
        backends.terminate(connected["backend_id"], hard=True)
        backends.states(connected["backend_id"])
        piece = (b"\x89\xfd" + mask + bytes(125)) * 1000
    elif "hangs" in flood:
        connection.send(b"\x82\xff" + (1 << 40).to_bytes(8, "big") + mask + bytes(2 << 20))
        pid = processes_of(connected["backend_id"])[0]
        os.kill(pid, signal.SIGSTOP)
        backends.terminate(connected["backend_id"])
        piece = bytes(65000)
    before = memory_of(server)
    connection.socket.settimeout(1)
    total = 0
    try:
        while total < 400 << 20:
            connection.send(piece)
            total += len(piece)
    except TimeoutError:
        pass
    grown = memory_of(server) - before
    connection.socket.close()
    if "hangs" in flood:
        os.kill(pid, signal.SIGKILL)
    assert grown < 64 << 20, f"{grown >> 20} MiB after {total >> 20}"


async def test_nothing_is_started_for_a_client_that_is_gone(server):
    backends = api(server)
    socket = await open_session(backends.connect(key="nobody"))
    first = await greeting(socket)
    socket.transport.abort()
    os.kill(first["pid"], signal.SIGKILL)
    await in_thread(backends.states, first["backend"])
    for _ in range(10):
        await in_thread(backends.connect, {"spawn": False}, 409, key="nobody")
        await asyncio.sleep(0.05)


async def test_large_messages_pass_whole(server):
    """Longer than what may be kept of them."""
    async with open_session(api(server, "small").connect(key="large")) as socket:
        me = (await greeting(socket))["backend"]
        blob = os.urandom(3_000_000)
        await socket.send(blob)
        assert await hears(socket) == f"{me} 3000000 {hashlib.sha256(blob).hexdigest()}"
        await socket.send(["in ", "three ", "fragments"])
        assert await hears(socket) == f"{me} in three fragments"


async def test_without_the_option_a_socket_ends_with_its_backend(server):
    async with open_session(api(server, "plain").connect(key="plain")) as socket:
        await greeting(socket)
        await socket.send("die")
        await closing(socket)
        assert socket.close_code in (None, 1006)


async def test_a_server_that_stops_says_so_to_those_who_wait(tmp_path):
    server = Server(
        tmp_path, "--config", configuration(tmp_path, services=SERVICES), **SETTINGS, BACKENDS_MODE="dev"
    ).wait_until_listening()
    backends = api(server)
    async with open_session(backends.connect(key="stop")) as held, open_session(backends.connect(key="live")) as live:
        first = await greeting(held)
        await greeting(live)
        await in_thread(backends.terminate, first["backend"], True)
        await in_thread(backends.states, first["backend"])
        stopping = asyncio.create_task(in_thread(server.stop))
        assert await closing(held) == (1001, "Server shutting down")
        assert await closing(live) == (1001, "Server shutting down")
        await stopping


@pytest.mark.parametrize("service, complaint", [
    ({"command": PROGRAM, "resume": "maybe"}, "resume: expected true, false or {buffer_bytes: …, wait: …}"),
    ({"command": PROGRAM, "resume": {"bytes": 1}}, "resume.bytes: expected buffer_bytes or wait"),
    ({"command": PROGRAM, "resume": {"buffer_bytes": -1}}, "resume.buffer_bytes: expected bytes from 0"),
    ({"external": "localhost:1", "resume": True}, "resume: does not go with external or use_static_token"),
])
def test_a_wrong_option_is_refused_at_start(tmp_path, service, complaint):
    server = Server(tmp_path, "--config", configuration(tmp_path, services={"a/b": service}), **SETTINGS)
    assert server.exit_code() == 1
    assert f"backends.services.a/b.{complaint}" in server.stderr
