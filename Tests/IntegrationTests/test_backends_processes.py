"""Session backends: processes that behave, that do not, and what is left of them: nothing."""

import asyncio
import os
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from websockets.asyncio.client import connect as websocket

from support import http
from support.backends import SETTINGS, UP, Backends, configuration, processes_of
from support.http import Connection
from support.server import Server

pytestmark = pytest.mark.alone

DEV = SETTINGS | {"BACKENDS_MODE": "dev", "BACKENDS_SOFT_GRACE": "1", "BACKENDS_STARTUP_TIMEOUT": "3"}


@pytest.fixture
def start(tmp_path):
    servers: list[Server] = []

    def start_one(settings: dict | None = None, **changes) -> Backends:
        file = configuration(tmp_path, **changes)
        servers.append(Server(tmp_path, "--config", file, **(DEV | {"BACKENDS_STATE_DIR": str(tmp_path / "state")} | (settings or {}))))
        server = servers[-1].wait_until_listening()
        server.addresses.setdefault("backends_proxy", server.front_door)
        return Backends(server)

    yield start_one
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def backends(tmp_path_factory):
    directory = tmp_path_factory.mktemp("backends")
    server = Server(directory, "--config", configuration(directory), **DEV).wait_until_listening()
    yield Backends(server)
    server.stop()


def descriptors(server: Server) -> int:
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def children(server: Server) -> list[str]:
    """Children of the server, the dead ones included."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            name, fields = open(f"/proc/{entry}/stat").read().rsplit(")", 1)
        except (OSError, ValueError):
            continue
        if fields.split()[1] == str(server.process.pid):
            found.append(f"{name}) {fields.split()[0]}")
    return found


def test_a_backend_gets_its_names(backends):
    """Acceptance 11."""
    forged = {"SESSION_BACKEND_ID": "forged", "PORT": "1", "MINE": "1"}
    first = backends.ready(backends.connect({"key": "names", "spawn": {"executable": {"env": forged}}}))
    second = backends.ready(backends.connect())
    seen, other = (backends.fetch(one, "env").json for one in (first, second))
    assert seen["SESSION_BACKEND_ID"] == first["backend_id"] and seen["SESSION_BACKEND_KEY"] == "names"
    assert seen["MINE"] == "1" and int(seen["SESSION_BACKEND_FENCING_TOKEN"]) > 1_700_000_000_000
    assert seen["PORT"] != other["PORT"] and other["SESSION_BACKEND_KEY"].startswith("lk-")
    assert "JWT_SECRET" not in seen and "PATH" in seen


@pytest.mark.parametrize("port, prefix", [("0", ""), ("off", "/b")])
def test_one_with_a_static_token_is_told_where_its_paths_begin(start, port, prefix):
    """Spec §7.1: it makes links of its own."""
    program = ["sh", "-c", "echo $SESSION_BACKEND_STATIC_TOKEN $SESSION_BACKEND_BASE_PATH"]
    backends = start({"BACKENDS_PROXY_PORT": port}, services={"default": {"command": program, "use_static_token": True}})
    connected = backends.connect()
    backends.states(connected["backend_id"])
    told = backends.ask("GET", f"/v2/backend/{connected['backend_id']}/logs/stream").text
    assert told == f"data: {connected['token']} {prefix}/{connected['token']}/\n\n"
    assert connected["url"].endswith(f"{prefix}/{connected['token']}/")


def test_one_that_ignores_term_is_killed_after_its_grace(backends):
    """Acceptance 8."""
    connected = backends.ready(backends.spawn(IGNORES_TERM="1"))
    backends.terminate(connected["backend_id"])
    states = backends.states(connected["backend_id"])
    assert [state["status"] for state in states[-2:]] == ["terminating", "terminated"]
    assert (states[-1]["termination_kind"], states[-1]["exit_error"]) == ("soft", True)


def test_one_that_never_listens_is_killed(backends):
    """Acceptance 10."""
    connected = backends.spawn(NEVER_LISTENS="1")
    states = backends.states(connected["backend_id"])
    assert [state["status"] for state in states] == ["scheduled", "loading", "starting", "waiting", "hard-terminating", "terminated"]
    assert states[-1]["termination_reason"] == "startuptimeout"


def test_one_that_listens_late_becomes_ready(backends):
    connected = backends.spawn(START_DELAY="2")
    assert [state["status"] for state in backends.states(connected["backend_id"], "ready")] == UP


def test_one_that_forks_leaves_nobody(backends):
    connected = backends.ready(backends.spawn(FORKS="1"))
    assert len(processes_of(connected["backend_id"])) == 3
    backends.terminate(connected["backend_id"])
    backends.states(connected["backend_id"])
    assert processes_of(connected["backend_id"]) == []


def test_one_that_floods_its_output_disturbs_nobody(backends):
    noisy = backends.ready(backends.spawn(FLOODS="1"))
    quiet = backends.ready(backends.connect())
    for number in range(20):
        assert backends.fetch(quiet, str(number)).status == 200
        assert backends.fetch(noisy, str(number)).status == 200
    memory = int(open(f"/proc/{backends.server.process.pid}/statm").read().split()[1]) * 4096
    assert memory < 400 << 20
    backends.terminate(noisy["backend_id"], hard=True)
    backends.states(noisy["backend_id"])


def test_one_that_ends_at_once_is_told(backends):
    states = backends.states(backends.spawn(EXITS="4")["backend_id"])
    assert states[-1]["exit_error"] is True and "termination_reason" not in states[-1]


def test_an_idle_one_is_swept(backends):
    """Acceptance 10."""
    connected = backends.connect(spawn={"max_idle_seconds": 3})
    last = backends.states(connected["backend_id"])[-1]
    assert (last["termination_reason"], last["termination_kind"]) == ("swept", "soft")


async def test_a_connected_one_is_not_swept_until_it_is_idle(backends):
    connected = await asyncio.to_thread(lambda: backends.ready(backends.connect(spawn={"max_idle_seconds": 2})))
    url = backends.proxy.ws(f"/{connected['token']}/ws")
    async with websocket(url) as held:
        for _ in range(8):
            await asyncio.sleep(0.5)
            await held.send("x")
            assert await held.recv() == "x"
        assert backends.status(connected["backend_id"])["status"] == "ready"
    states = await asyncio.to_thread(backends.states, connected["backend_id"])
    assert states[-1]["termination_reason"] == "swept"


def test_a_long_download_keeps_one_busy(backends):
    connected = backends.ready(backends.connect(spawn={"max_idle_seconds": 2}))
    answer = backends.fetch(connected, "ticks?count=10&pause=0.5")
    assert answer.text.count("data:") == 10
    assert backends.states(connected["backend_id"])[-1]["termination_reason"] == "swept"


async def test_a_lifetime_ends_a_connected_one(backends):
    connected = await asyncio.to_thread(lambda: backends.ready(backends.connect(spawn={"lifetime_limit_seconds": 3})))
    async with websocket(backends.proxy.ws(f"/{connected['token']}/ws")):
        states = await asyncio.to_thread(backends.states, connected["backend_id"])
    assert states[-1]["termination_reason"] == "swept"


def settles_at(server: Server, descriptors_before: int) -> None:
    """Connections that wait for their next request close after a few seconds."""
    end = time.monotonic() + 10
    while descriptors(server) > descriptors_before + 3 and time.monotonic() < end:
        time.sleep(0.05)
    assert descriptors(server) <= descriptors_before + 3
    assert children(server) == []


@pytest.mark.timeout(180)
def test_two_hundred_that_end_by_themselves_leave_nothing_behind(start):
    """Acceptance 14."""
    backends = start(services={"default": {"command": ["sh", "-c", "exit 0"]}})
    backends.states(backends.connect()["backend_id"])
    before = descriptors(backends.server)
    for _ in range(200):
        backends.states(backends.connect(key="one after the other")["backend_id"])
    settles_at(backends.server, before)


@pytest.mark.timeout(180)
def test_two_hundred_that_are_used_and_ended_leave_nothing_behind(start):
    """Acceptance 14: ten at a time, each serves a request, half of them are killed."""
    program = Path(__file__).parent / "programs" / "tiny_backend.py"
    backends = start(services={"default": {"command": [sys.executable, "-S", "-E", str(program)]}})

    def live(number: int) -> tuple[str, int]:
        connected = backends.connect()
        port = int(backends.fetch(connected).text)
        assert backends.terminate(connected["backend_id"], hard=number % 2 == 0).status == 200
        assert backends.states(connected["backend_id"])[-1]["status"] == "terminated"
        return connected["backend_id"], port

    live(0)
    before = descriptors(backends.server)
    with ThreadPoolExecutor(10) as pool:
        lives = list(pool.map(live, range(200)))
    settles_at(backends.server, before)
    assert not any(processes_of(backend) for backend, _ in lives)
    assert len({port for _, port in lives}) == 200
    for _, port in lives:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)


def test_what_ended_is_known_after_a_restart(start, tmp_path):
    data = {"PARLEY_DATA_DIR": str(tmp_path / "data")}
    first = start(data)
    connected = first.ready(first.connect(key="kept"))
    token = int(first.fetch(connected, "env").json["SESSION_BACKEND_FENCING_TOKEN"])
    first.fetch(connected, "ends?code=3")
    first.states(connected["backend_id"])
    stopped = first.ready(first.connect(key="stopped"))["backend_id"]
    first.server.stop()

    second = start(data)
    status = second.status(connected["backend_id"])
    assert (status["status"], status["exit_error"]) == ("terminated", True) and "termination_reason" not in status
    assert [state["status"] for state in second.states(connected["backend_id"])] == [*UP, "terminated"]
    shown = second.ask("GET", f"/v2/backend/{connected['backend_id']}").json
    assert shown["key"] == "kept" and shown["statuses"][-1]["exit_code"] == 3
    assert second.status(stopped)["termination_reason"] == "external"
    assert http.fetch(second.proxy, f"/{connected['token']}/").status == 410
    again = second.connect(key="kept")
    assert again["spawned"] and int(second.fetch(again, "env").json["SESSION_BACKEND_FENCING_TOKEN"]) > token


def test_what_was_running_when_a_server_was_killed_is_known_by_its_key(start, tmp_path):
    data = {"PARLEY_DATA_DIR": str(tmp_path / "data")}
    first = start(data)
    first.server.ends_uncleanly = True
    id = first.ready(first.connect(key="cut off"))["backend_id"]
    first.server.process.send_signal(signal.SIGKILL)
    first.server.process.wait()

    second = start(data)
    assert second.status(id)["termination_reason"] == "keyexpired"
    assert second.ask("GET", f"/v2/backend/{id}").json["key"] == "cut off"


def test_a_server_that_is_killed_leaves_no_orphan(start):
    """Acceptance 14."""
    first = start()
    first.server.ends_uncleanly = True
    spawned = [first.ready(first.spawn(FORKS="1")), first.ready(first.spawn(IGNORES_TERM="1")), first.spawn(NEVER_LISTENS="1")]
    first.states(spawned[2]["backend_id"], "waiting")
    connection = Connection(first.proxy)
    connection.send(http.head("GET", f"/{spawned[0]['token']}/ticks?count=1000", first.proxy))
    connection.head_of_answer()
    first.server.process.send_signal(signal.SIGKILL)
    first.server.process.wait()
    assert all(processes_of(one["backend_id"]) for one in spawned)
    second = start()
    assert not any(processes_of(one["backend_id"]) for one in spawned)
    for one in spawned:
        status = second.status(one["backend_id"])
        assert (status["termination_reason"], status["termination_kind"]) == ("keyexpired", "hard")
    assert second.fetch(second.ready(second.connect())).status == 200


def test_a_server_leaves_the_backends_of_another_alone(start):
    first, second = start(), start()
    connected = first.ready(first.connect())
    third = start()
    assert first.fetch(connected).status == 200
    assert second.server.process.poll() is None and third.server.process.poll() is None


def test_a_server_that_stops_takes_its_backends_with_it(start):
    backends = start()
    connected = [backends.ready(backends.connect()), backends.ready(backends.spawn(IGNORES_TERM="1"))]
    backends.server.stop()
    assert not any(processes_of(one["backend_id"]) for one in connected)


def test_a_server_with_a_backend_is_not_idle(start):
    backends = start({"IDLE_TIMEOUT_ENABLED": "true", "PROCESS_IDLE_TIMEOUT": "1"})
    connected = backends.connect({"spawn": {"max_idle_seconds": 3}})
    assert backends.states(connected["backend_id"])[-1]["termination_reason"] == "swept"
    assert backends.server.exit_code() == 0


def test_a_mount_stays(start, tmp_path):
    base = tmp_path / "mounts"
    backends = start({"BACKENDS_MOUNT_BASE": str(base)})
    connected = backends.ready(backends.connect(key="ключ/1", spawn={"executable": {"mount": True}}))
    directory = backends.fetch(connected, "env").json["SESSION_BACKEND_DATA_DIR"]
    assert directory.startswith(str(base)) and os.path.isdir(directory)
    open(f"{directory}/kept", "w").close()
    backends.terminate(connected["backend_id"], hard=True)
    backends.states(connected["backend_id"])
    again = backends.ready(backends.connect(key="ключ/1", spawn={"executable": {"mount": True}}))
    assert backends.fetch(again, "env").json["SESSION_BACKEND_DATA_DIR"] == directory
    assert os.listdir(directory) == ["kept"]


def test_a_long_key_has_a_mount_too(start, tmp_path):
    backends = start({"BACKENDS_MOUNT_BASE": str(tmp_path / "mounts")})
    key = "漢" * 128
    connected = backends.ready(backends.connect(key=key, spawn={"executable": {"mount": True}}))
    assert os.path.isdir(backends.fetch(connected, "env").json["SESSION_BACKEND_DATA_DIR"])


def test_a_server_that_was_stopped_for_a_while_keeps_its_backends(start):
    backends = start()
    connected = backends.ready(backends.connect(key="kept"))
    backends.server.process.send_signal(signal.SIGSTOP)
    time.sleep(1)
    backends.server.process.send_signal(signal.SIGCONT)
    assert backends.connect(key="kept")["backend_id"] == connected["backend_id"]
    assert backends.fetch(connected).status == 200


def test_memory_is_limited(start):
    """Upstream an OOM kill looks like this: no reason."""
    backends = start(services={"default": {"command": ["sh", "-c", "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done"]}})
    limits = {"resource_limits": {"memory_limit_bytes": 64 << 20}}
    last = backends.states(backends.connect(spawn={"executable": limits})["backend_id"])[-1]
    assert last["exit_error"] is True and "termination_reason" not in last
