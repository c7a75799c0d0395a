"""Session backends in containers: an engine whose containers are processes, and podman where it can run any."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from support import http
from support.backends import PROGRAM, SETTINGS, UP, Backends, configuration
from support.docker import Engine
from support.http import Connection
from support.server import Server


@pytest.fixture
def engine(tmp_path, request):
    lacking = getattr(request, "param", None)
    started = Engine(tmp_path, {"board": PROGRAM}, registry={"remote": PROGRAM}, lacks_init_at=lacking)
    yield started
    started.stop()


@pytest.fixture
def start(tmp_path, engine):
    servers: list[Server] = []

    def start_one(settings: dict | None = None, **service) -> Backends:
        file = configuration(tmp_path, services={"default": {"image": "board"} | service})
        merged = SETTINGS | {"BACKENDS_MODE": "dev", "BACKENDS_DOCKER_SOCKET": engine.socket} | (settings or {})
        servers.append(Server(tmp_path, "--config", file, **merged))
        return Backends(servers[-1].wait_until_listening())

    yield start_one
    for server in servers:
        server.stop()


def test_a_container_is_a_backend_like_any(start, engine):
    backends = start()
    connected = backends.ready(backends.connect({"key": "k", "spawn": {"executable": {"env": {"SAYS": "hello\nagain"}}}}))
    seen = backends.fetch(connected, "env").json
    assert seen["SESSION_BACKEND_KEY"] == "k" and seen["SESSION_BACKEND_ID"] == connected["backend_id"]
    (container,) = engine.containers.values()
    assert container.settings["HostConfig"]["PortBindings"] == {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    connection = Connection(backends.api)
    connection.send(http.head("GET", f"/v2/backend/{connected['backend_id']}/logs/stream", backends.api))
    connection.head_of_answer()
    assert b"".join(piece for _, piece in zip(range(2), connection.chunks())) == b"data: hello\n\ndata: again\n\n"
    backends.terminate(connected["backend_id"])
    states = backends.states(connected["backend_id"])
    assert [state["status"] for state in states] == [*UP, "terminating", "terminated"]
    assert states[-1]["exit_error"] is False and engine.containers == {}


def test_an_exit_code_is_passed_on(start, engine):
    backends = start()
    connected = backends.ready(backends.connect())
    backends.fetch(connected, "ends?code=3")
    assert backends.states(connected["backend_id"])[-1]["exit_error"] is True
    shown = backends.ask("GET", f"/v2/backend/{connected['backend_id']}").json
    assert shown["statuses"][-1]["exit_code"] == 3


def test_limits_and_mounts_are_the_engines(start, engine, tmp_path):
    backends = start({"BACKENDS_MOUNT_BASE": str(tmp_path / "mounts")})
    limits = {"cpu_period_percent": 50, "memory_limit_bytes": 64 << 20, "cpu_time_limit": 9}
    backends.ready(backends.connect(key="m", spawn={"executable": {"mount": True, "resource_limits": limits}}))
    (container,) = engine.containers.values()
    host = container.settings["HostConfig"]
    assert (host["CpuPeriod"], host["CpuQuota"], host["Memory"]) == (100_000, 50_000, 64 << 20)
    assert host["Ulimits"] == [{"Name": "cpu", "Soft": 9, "Hard": 9}]
    (bind,) = host["Binds"]
    assert bind.startswith(str(tmp_path / "mounts")) and bind.endswith("/m:/plane-data")


@pytest.mark.parametrize(
    "service, pulled",
    [
        ({"image": "remote"}, ["remote:latest"]),
        ({"image": "board"}, []),
        ({"image": "remote", "pull_policy": "Always"}, ["remote:latest"]),
    ],
)
def test_images_are_pulled_as_the_policy_says(start, engine, service, pulled):
    backends = start(**service)
    backends.ready(backends.connect())
    assert engine.pulled == pulled


@pytest.mark.parametrize("service", [{"image": "remote", "pull_policy": "Never"}, {"image": "nowhere"}])
def test_an_image_that_cannot_be_had_ends_in_error(start, service):
    backends = start(**service)
    connected = backends.connect()
    states = backends.states(connected["backend_id"])
    assert [state["status"] for state in states] == ["scheduled", "loading", "terminated"] and states[-1]["exit_error"] is True
    said = backends.ask("GET", f"/v2/backend/{connected['backend_id']}/logs/stream").text
    assert service["image"] in said


def test_containers_of_a_server_that_was_killed_are_removed(start, engine):
    first = start()
    first.server.ends_uncleanly = True
    connected = first.ready(first.connect())
    first.server.process.send_signal(signal.SIGKILL)
    first.server.process.wait()
    assert len(engine.containers) == 1
    second = start()
    assert engine.containers == {}
    assert second.status(connected["backend_id"])["termination_reason"] == "keyexpired"


@pytest.mark.parametrize("engine", ["create", "start"], indirect=True)
def test_an_engine_without_an_init_program_does_without(start, engine):
    backends = start()
    for key in ("one", "two"):
        backends.ready(backends.connect(key=key))
    assert [one.settings["HostConfig"]["Init"] for one in engine.containers.values()] == [False, False]
    assert backends.server.said.count("no init program") == 1


def test_without_an_engine_images_cannot_be_run(tmp_path):
    file = configuration(tmp_path, services={"default": {"image": "board"}})
    server = Server(tmp_path, "--config", file, **SETTINGS, BACKENDS_MODE="dev").wait_until_listening()
    try:
        backends = Backends(server)
        assert backends.states(backends.connect()["backend_id"])[-1]["exit_error"] is True
    finally:
        server.stop()


# podman


@pytest.fixture
def podman(tmp_path):
    """Its service, and an image with a web server; skipped where it can run no container."""
    program, busybox = shutil.which("podman"), shutil.which("busybox")
    if program is None or busybox is None:
        pytest.skip("podman and a static busybox are needed (Debian: podman, busybox-static)")
    # podman bears no long paths
    short = tempfile.mkdtemp(prefix="podman-")
    # Its own limits may be above what this process may set.
    limits = tmp_path / "containers.conf"
    limits.write_text('[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n[engine]\ncgroup_manager = "cgroupfs"\n')
    environment = os.environ | {"CONTAINERS_CONF": str(limits)}
    storage = [program, "--root", f"{short}/root", "--runroot", f"{short}/run", "--storage-driver", "vfs"]
    tree = tmp_path / "tree"
    (tree / "bin").mkdir(parents=True)
    shutil.copy(busybox, tree / "bin" / "busybox")
    for name in ("sh", "httpd", "sleep", "echo", "mkdir", "cat"):
        (tree / "bin" / name).symlink_to("busybox")
    subprocess.run(["tar", "-C", str(tree), "-cf", str(tmp_path / "image.tar"), "."], check=True)
    script = """
        echo up
        mkdir /www
        echo $SESSION_BACKEND_KEY >/www/key
        cat /plane-data/number >/www/kept
        [ -d /plane-data ] && echo $SESSION_BACKEND_FENCING_TOKEN >/plane-data/number
        exec httpd -f -p $PORT -h /www
    """
    change = ["--change", "CMD " + json.dumps(["/bin/sh", "-c", script])]
    options = {"capture_output": True, "text": True, "timeout": 60, "env": environment}
    imported = subprocess.run([*storage, "import", *change, str(tmp_path / "image.tar"), "localhost/tiny"], **options)
    if imported.returncode:
        pytest.skip(f"podman cannot import an image: {imported.stderr.strip()[-200:]}")
    complaints = []
    for runtime in ("crun", "runc"):
        command = [*storage, "--runtime", runtime]
        tried = subprocess.run([*command, "run", "--rm", "localhost/tiny", "echo", "works"], **options)
        if tried.stdout.strip() == "works":
            break
        complaints.append(tried.stderr.strip()[-200:])
    else:
        pytest.skip(f"podman can run no container here: {'; '.join(complaints)}")
    socket = tmp_path / "podman.sock"
    service = subprocess.Popen([*command, "system", "service", "--time=0", f"unix://{socket}"], env=environment)
    end = time.monotonic() + 10
    while not socket.exists() and time.monotonic() < end:
        time.sleep(0.05)

    def inspect() -> list[dict]:
        """All containers, whether they run or not."""
        names = subprocess.run([*command, "ps", "--all", "--quiet"], check=True, **options).stdout.split()
        if not names:
            return []
        return json.loads(subprocess.run([*command, "inspect", *names], check=True, **options).stdout)

    yield {"socket": str(socket), "inspect": inspect}
    service.terminate()
    service.wait()
    shutil.rmtree(short, ignore_errors=True)


def test_podman_runs_backends(podman, tmp_path):
    """Output, keys, mounts and limits; ended softly and hard, and when the server is killed."""
    file = configuration(tmp_path, services={"default": {"image": "localhost/tiny", "pull_policy": "Never"}})
    settings = SETTINGS | {
        "BACKENDS_MODE": "dev", "BACKENDS_DOCKER_SOCKET": podman["socket"], "BACKENDS_MOUNT_BASE": str(tmp_path / "mounts"),
        "BACKENDS_SOFT_GRACE": "1",
    }
    server = Server(tmp_path, "--config", file, **settings).wait_until_listening()
    try:
        backends = Backends(server)
        limits = {"memory_limit_bytes": 64 << 20, "cpu_period_percent": 50}
        order = {"key": "drawing", "spawn": {"executable": {"mount": True, "resource_limits": limits}}}
        first = backends.ready(backends.connect(order))
        assert backends.fetch(first).status == 404 and backends.fetch(first, "key").text == "drawing\n"
        assert backends.fetch(first, "kept").text == ""
        (running,) = podman["inspect"]()
        assert running["HostConfig"]["Memory"] == 64 << 20
        # The server there does not listen to SIGTERM.
        backends.terminate(first["backend_id"])
        ended = backends.states(first["backend_id"])[-1]
        assert (ended["termination_kind"], ended["exit_error"]) == ("soft", True)
        logs = backends.ask("GET", f"/v2/backend/{first['backend_id']}/logs/stream").text
        assert "data: up\n" in logs
        second = backends.ready(backends.connect(order))
        assert int(backends.fetch(second, "kept").text) > 0
        backends.terminate(second["backend_id"], hard=True)
        assert backends.states(second["backend_id"])[-1]["termination_kind"] == "hard"
        assert podman["inspect"]() == []

        third = backends.ready(backends.connect())
        server.ends_uncleanly = True
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        assert len(podman["inspect"]()) == 1
        server = Server(tmp_path, "--config", file, **settings).wait_until_listening()
        assert podman["inspect"]() == []
        assert Backends(server).status(third["backend_id"])["termination_reason"] == "keyexpired"
    finally:
        server.stop()
