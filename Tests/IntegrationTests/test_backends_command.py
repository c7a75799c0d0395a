"""`parley backends`, and what `parley serve --dev` offers."""

import json
import subprocess
import threading
from pathlib import Path

import pytest
from websockets.sync.client import connect as websocket

from support import binary
from support.backends import PROGRAM, SETTINGS, Backends, configuration
from support.server import Server


@pytest.fixture(scope="module")
def backends(tmp_path_factory):
    directory = tmp_path_factory.mktemp("backends")
    settings = SETTINGS | {"BACKENDS_MODE": "production", "BACKENDS_CTRL_TOKEN": "control"}
    changes = {"services": {"acme/board": {"command": PROGRAM}}, "accounts": {"acme": {"tokens": ["right"]}}}
    server = Server(directory, "--config", configuration(directory, **changes), **settings).wait_until_listening()
    yield Backends(server, "right", "acme", "board")
    server.stop()


def parley(backends: Backends, tmp_path: Path, *arguments: str, token: str = "right") -> subprocess.CompletedProcess:
    return binary.run(tmp_path, "backends", *arguments, "--url", backends.api.http(), PARLEY_TOKEN=token)


def test_backends_are_listed_shown_and_ended(backends, tmp_path):
    spawned = {"key": "listed", "spawn": {"executable": {"env": {"SAYS": "good morning"}}}}
    connected = backends.ready(backends.connect(spawned))
    id = connected["backend_id"]
    listed = parley(backends, tmp_path, "list", "--account", "acme")
    assert listed.returncode == 0
    (line,) = [line for line in listed.stdout.splitlines() if line.startswith(id)]
    assert line.split()[1] == "ready" and line.split()[3:] == ["acme/board", "listed"]
    assert json.loads(parley(backends, tmp_path, "info", id).stdout)["key"] == "listed"
    output = []
    following = threading.Thread(target=lambda: output.append(parley(backends, tmp_path, "logs", id)))
    following.start()
    ended = parley(backends, tmp_path, "terminate", "--hard", id)
    assert ended.returncode == 0, ended.said
    following.join()
    assert output[0].stdout == "good morning\n"
    again = parley(backends, tmp_path, "terminate", id)
    assert again.returncode == 1 and "ended already" in again.stderr


def test_errors_say_what_to_do(backends, tmp_path):
    refused = parley(backends, tmp_path, "list", "--account", "acme", token="wrong")
    assert refused.returncode == 1 and "401" in refused.stderr and "--token" in refused.stderr
    unknown = parley(backends, tmp_path, "info", "nobody")
    assert unknown.returncode == 1 and "No such backend" in unknown.stderr
    nowhere = binary.run(tmp_path, "backends", "list", "--url", "http://127.0.0.1:1")
    assert nowhere.returncode == 1 and "--url" in nowhere.stderr


def test_a_server_is_drained(backends, tmp_path):
    drained = parley(backends, tmp_path, "drain", token="control")
    assert drained.returncode == 0 and "takes no new backends" in drained.stdout
    assert "draining already" in parley(backends, tmp_path, "drain", token="control").stdout
    assert backends.connect(status=503)["error"]["code"] == "NoCapacity"


def test_a_command_is_all_that_dev_mode_needs(tmp_path):
    server = Server(
        tmp_path, "--dev", "--backend-command", " ".join(PROGRAM), **SETTINGS, BACKENDS_STATE_DIR=str(tmp_path / "state")
    ).wait_until_listening()
    try:
        backends = Backends(server)
        assert backends.fetch(backends.connect(key="k"), "env").json["SESSION_BACKEND_KEY"] == "k"
        assert any("/v2/service/-/-/connect" in line for line in server.stdout)
    finally:
        server.stop()


def test_dev_mode_offers_a_whiteboard(tmp_path):
    if not (Path(binary.find()).parent / "whiteboard").exists():
        pytest.skip("no whiteboard beside the program: swift build --product whiteboard")
    server = Server(tmp_path, "--dev", **SETTINGS, BACKENDS_STATE_DIR=str(tmp_path / "state")).wait_until_listening()
    try:
        backends = Backends(server)
        connected = backends.connect(key="drawing")
        assert "<canvas>" in backends.fetch(connected).text
        url = connected["url"].replace("http", "ws", 1) + "socket"
        with websocket(url) as alice:
            alice.send('{"line":1}')
            alice.ping().wait(5)
            with websocket(url) as bob:
                assert bob.recv(5) == '{"line":1}'
                bob.send('{"line":2}')
                assert alice.recv(5) == '{"line":2}'
    finally:
        server.stop()
