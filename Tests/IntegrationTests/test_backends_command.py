"""`parley backends`, and what `parley serve --dev` offers."""

import json
import subprocess
import threading
from pathlib import Path

import pytest
from websockets.sync.client import connect as websocket

from support import binary, http, metrics
from support.backends import PROGRAM, SETTINGS, UP, Backends, configuration
from support.http import Connection
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


@pytest.mark.parametrize("token, speaker", [("right", ["--account", "acme"]), ("control", [])])
def test_backends_are_listed_shown_and_ended(backends, tmp_path, token, speaker):
    """By an account and by the operator."""
    spawned = {"key": f"listed {token}", "spawn": {"executable": {"env": {"SAYS": "good morning"}}}}
    id = backends.ready(backends.connect(spawned))["backend_id"]

    def run(*arguments):
        return parley(backends, tmp_path, *arguments, *speaker, token=token)

    listed = run("list")
    assert listed.returncode == 0, listed.stderr
    (line,) = [line for line in listed.stdout.splitlines() if line.startswith(id)]
    assert line.split()[1] == "ready" and line.split()[3:] == ["acme/board", "listed", token]
    assert json.loads(run("info", id).stdout)["key"] == f"listed {token}"
    output = []
    following = threading.Thread(target=lambda: output.append(run("logs", id)))
    following.start()
    ended = run("terminate", "--hard", id)
    assert ended.returncode == 0, ended.said
    following.join()
    assert output[0].stdout == "good morning\n"
    assert backends.states(id)[-1]["termination_kind"] == "hard"


def test_the_operator_sees_everybodys_and_where_they_are(backends):
    id = backends.ready(backends.connect(key="seen"))["backend_id"]
    headers = {"Authorization": "Bearer control"}

    def ask(path: str, **options):
        return http.fetch(backends.api, path, headers=headers, **options)

    entry = {"id": id, "account_name": "acme", "service_name": "board", "key": "seen", "status": "ready", "connections": 0}
    (found,) = [backend for backend in ask("/ctrl/b").json["backends"] if backend["id"] == id]
    assert entry.items() <= found.items() and found["node"].startswith("dr-")
    assert ask("/ctrl/b?account=other").json == {"backends": []}
    shown = ask(f"/ctrl/b/{id}").json
    assert [state["status"] for state in shown["statuses"]] == UP and shown["node"] == found["node"]
    assert ask("/ctrl/b/nobody").status == 404
    for path in ("/ctrl/b", f"/ctrl/b/{id}", f"/ctrl/b/{id}/logs/stream", f"/ctrl/b/{id}/metrics/stream"):
        assert http.fetch(backends.api, path, headers={"Authorization": "Bearer right"}).status == 401, path


def test_the_operator_follows_what_a_backend_uses(backends):
    id = backends.ready(backends.connect(key="measured"))["backend_id"]
    connection = Connection(backends.api)
    fields = {"Authorization": "Bearer control"}
    connection.send(http.head("GET", f"/ctrl/b/{id}/metrics/stream", backends.api, fields))
    assert connection.head_of_answer().status == 200
    first = next(connection.chunks()).decode()
    assert first.startswith("data: ") and json.loads(first[6:])["backend_id"] == id


def test_metrics_count_backends(backends):
    connected = backends.ready(backends.connect(key="counted"))
    before = metrics.read(backends.server.front_door)
    assert before.total("parley_backends", status="ready") >= 1 and before.total("parley_backends_spawned_total") >= 1
    assert backends.fetch(connected).status == 200
    backends.terminate(connected["backend_id"], hard=True)
    backends.states(connected["backend_id"])
    after = metrics.read(backends.server.front_door)
    ended = [page.total("parley_backends_ended_total", reason="external") for page in (before, after)]
    assert ended[1] == ended[0] + 1
    assert "parley_backend_connections" in after.names


def test_errors_say_what_to_do(backends, tmp_path):
    refused = parley(backends, tmp_path, "list", "--account", "acme", token="wrong")
    assert refused.returncode == 1 and "401" in refused.stderr and "a token of the account acme" in refused.stderr
    refused = parley(backends, tmp_path, "list", token="wrong")
    assert refused.returncode == 1 and "BACKENDS_CTRL_TOKEN" in refused.stderr
    unknown = parley(backends, tmp_path, "info", "nobody", token="control")
    assert unknown.returncode == 1 and "No such backend" in unknown.stderr
    again = parley(backends, tmp_path, "terminate", "nobody", "--account", "acme")
    assert again.returncode == 1 and "No such backend" in again.stderr
    nowhere = binary.run(tmp_path, "backends", "list", "--url", "http://127.0.0.1:1")
    assert nowhere.returncode == 1 and "--url" in nowhere.stderr


def test_a_server_is_drained(backends, tmp_path):
    drained = parley(backends, tmp_path, "drain", token="control")
    assert drained.returncode == 0 and "takes no new backends" in drained.stdout
    assert "draining already" in parley(backends, tmp_path, "drain", token="control").stdout
    assert parley(backends, tmp_path, "drain", "--account", "acme").returncode == 1
    assert backends.connect(status=503)["error"]["code"] == "NoCapacity"
    assert "takes new backends again" in parley(backends, tmp_path, "undrain", token="control").stdout
    assert "was not draining" in parley(backends, tmp_path, "undrain", token="control").stdout
    assert backends.connect()["spawned"]


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
        assert backends.terminate(connected["backend_id"]).status == 200
        assert backends.states(connected["backend_id"])[-1]["exit_error"] is False
        logs = backends.ask("GET", f"/v2/backend/{connected['backend_id']}/logs/stream").text
        assert logs.startswith("data: A whiteboard for drawing on ")
    finally:
        server.stop()
