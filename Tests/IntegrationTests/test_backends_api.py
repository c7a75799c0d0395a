"""Session backends: the API of the JavaScript library, the older one, and Plane's."""

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support import binary, http
from support.backends import JSON, PROGRAM, SETTINGS, UP, Backends, configuration
from support.server import Server

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
RUNNING_SETTINGS = SETTINGS | {"BACKENDS_MODE": "dev"}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("backends")


@pytest.fixture(scope="module")
def started(directory):
    """Starts servers for the tests of this module."""
    servers: list[Server] = []

    def start(settings: dict | None = None, **changes) -> Server:
        file = configuration(directory, **changes)
        server = Server(directory, "--config", file, **(RUNNING_SETTINGS | (settings or {})))
        servers.append(server)
        return server.wait_until_listening()

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def backends(started) -> Backends:
    return Backends(started())


# Connect


def test_the_answer_has_what_the_library_demands(backends):
    """Acceptance 1."""
    answer = backends.ask("POST", "/v2/service/-/-/connect", {})
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    connected = answer.json
    assert all(isinstance(connected[name], str) for name in ("backend_id", "status", "token", "url", "status_url"))
    assert connected["spawned"] is True and connected["status"] == "scheduled"
    assert re.fullmatch("[a-z0-9]{14}", connected["backend_id"])
    assert TOKEN.fullmatch(connected["token"]) and TOKEN.fullmatch(connected["secret_token"])
    assert connected["url"] == f"http://127.0.0.1:{backends.proxy.port}/{connected['token']}/"
    assert connected["status_url"].endswith(f":{backends.api.port}/v2/backend/{connected['backend_id']}/status")
    assert connected["ready_url"] == ""


def test_a_key_has_one_backend(backends):
    first, second = (backends.connect(key="one") for _ in range(2))
    assert first["backend_id"] == second["backend_id"]
    assert (first["spawned"], second["spawned"]) == (True, False)
    assert first["token"] != second["token"]


@pytest.mark.parametrize("key", [None, "", "absent"])
def test_without_a_key_there_are_always_new_ones(backends, key):
    request = {} if key == "absent" else {"key": key}
    assert backends.connect(request)["backend_id"] != backends.connect(request)["backend_id"]


def test_twelve_at_once_get_one_backend(backends):
    results = []
    threads = [threading.Thread(target=lambda: results.append(backends.connect(key="twelve"))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 12 and len({result["backend_id"] for result in results}) == 1
    assert sum(result["spawned"] for result in results) == 1


def test_a_key_has_128_characters_at_most(backends):
    key = "ключ🔑" * 25 + "abc"
    assert len(key) == 128
    assert backends.connect(key=key)["backend_id"] == backends.connect(key=key)["backend_id"]
    assert "128" in backends.connect(key=key + "x", status=400)["error"]["message"]


def test_who_may_not_spawn_gets_what_there_is(backends):
    """Acceptance 2."""
    refused = backends.connect(key="unheld", spawn=False, status=409)
    assert refused["error"]["code"] == "KeyUnheldNoSpawnConfig" and refused["error"]["status"] == 409
    held = backends.connect(key="held", spawn=True)
    assert backends.connect(key="held", spawn=False)["backend_id"] == held["backend_id"]
    assert backends.connect(spawn=False, status=409)["error"]["code"] == "KeyUnheldNoSpawnConfig"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"spawn":null,"user":null,"auth":null,"unknown":[1]}'])
def test_every_field_is_optional(backends, body):
    assert backends.ask("POST", "/v2/service/-/-/connect", body).status == 200


@pytest.mark.parametrize(
    "body, code, named",
    [
        (b"{", "InvalidJson", "JSON"),
        (b"[]", "InvalidJson", "JSON"),
        (b'{"key":"\xff"}', "InvalidJson", "JSON"),
        (b'{"key":1}', "InvalidRequest", "key"),
        (b'{"key":"a\\u0000b"}', "InvalidRequest", "key"),
        (b'{"spawn":"yes"}', "InvalidRequest", "spawn"),
        (b'{"spawn":{"max_idle_seconds":-1}}', "InvalidRequest", "spawn.max_idle_seconds"),
        (b'{"spawn":{"lifetime_limit_seconds":1.5}}', "InvalidRequest", "spawn.lifetime_limit_seconds"),
        (b'{"spawn":{"executable":{"env":{"A":1}}}}', "InvalidRequest", "spawn.executable.env.A"),
        (b'{"spawn":{"executable":{"env":{"A=B":"1"}}}}', "InvalidRequest", "env"),
        (b'{"spawn":{"executable":{"mount":"../up"}}}', "InvalidRequest", "mount"),
        (b'{"spawn":{"executable":{"mount":"/etc"}}}', "InvalidRequest", "mount"),
        (b'{"spawn":{"executable":{"resource_limits":{"cpu_period_percent":256}}}}', "InvalidRequest", "cpu_period"),
        (b'{"spawn":{"cluster":"elsewhere"}}', "InvalidRequest", "cluster"),
        (b'{"user":{}}', "InvalidRequest", "user"),
        (b'{"user":"a\\u000ab"}', "InvalidRequest", "user"),
        (b'{"auth":"x"}', "InvalidRequest", "auth"),
        (json.dumps({"auth": {"x": "y" * 9000}}).encode(), "InvalidRequest", "auth"),
        (json.dumps({"user": "y" * 1025}).encode(), "InvalidRequest", "user"),
        (json.dumps({"spawn": {"executable": {"env": {f"N{n}": "" for n in range(129)}}}}).encode(), "InvalidRequest", "env"),
    ],
)
def test_what_is_wrong_is_named(backends, body, code, named):
    answer = backends.ask("POST", "/v2/service/-/-/connect", body)
    assert (answer.status, answer.headers["content-type"]) == (400, "application/json")
    error = answer.json["error"]
    assert error["code"] == code and named in error["message"] and error["id"]


@pytest.mark.parametrize(
    "path",
    ["/v2/service/a%2Fb/c", "/v2/service/a/b%2Fc", "/v2/service/a/b/c%2Fd", "/v2/service/a/b%00", "/v2/service/a%00/b",
     "/v2/service/a/b/%00", "/v2/service/a/b/%FF", "/v2/service/%zz/b", "/v2/service/plane%3Aa/b"],
)  # fmt: skip
def test_no_service_goes_by_the_name_of_another(backends, path):
    answer = backends.ask("POST", f"{path}/connect", b'{"key":"k"}')
    assert answer.status == 400 and answer.json["error"]["code"] == "InvalidRequest"


def test_the_first_api_names_services_by_the_same_rules(backends):
    def spawn(service, environment):
        body = json.dumps({"lock": "k", "service_environment": environment}).encode()
        return backends.ask("POST", f"/v1/user/a/service/{service}/spawn", body)

    assert spawn("b", "c/d").status == 400 and spawn("b%2Fc", "d").status == 400 and spawn("b", "c\0").status == 400
    names = [spawn("b", environment).json["backend_id"] for environment in ["c", "d", "", "c"]]
    assert names[0] == names[3] and len(set(names)) == 3


def test_a_body_has_two_mebibytes_at_most(backends):
    answer = backends.ask("POST", "/v2/service/-/-/connect", b" " * (2 << 20) + b"{}")
    assert answer.status == 413


def test_preflight_requests_are_answered(backends):
    answer = backends.ask("OPTIONS", "/v2/anything", headers={"Origin": "https://app.example"})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, "*")


def test_a_stray_brace_in_the_query_is_nothing(backends):
    """The browser library appends one."""
    connected = backends.connect()
    answer = http.fetch(backends.api, f"/v2/backend/{connected['backend_id']}/status?abc}}")
    assert answer.status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost.evil.example", "null", "http://127.0.0.1.evil.example"])
def test_pages_of_others_start_nothing_in_dev_mode(backends, origin):
    """A simple request needs no preflight: without this any page could run programs on the developer's machine."""
    for path in ("/v2/service/-/-/connect", "/user/-/service/-/spawn", "/ctrl/connect"):
        headers = {"Origin": origin, "Content-Type": "text/plain"}
        assert http.fetch(backends.api, path, method="POST", headers=headers, body=b"{}").status in (401, 403)


@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://127.0.0.1", "http://[::1]:3000"])
def test_pages_of_this_machine_may(backends, origin):
    assert backends.ask("POST", "/v2/service/-/-/connect", {}, {"Origin": origin}).status == 200


READABLE = (
    "/v2/backend/{id}/status", "/v2/backend/{id}/status/stream", "/v2/backend/{id}", "/v2/backend/{id}/logs/stream",
    "/v2/account/-/backends", "/v1/backend/{id}/status", "/backend/{id}/logs", "/user/-/backends", "/ctrl/b",
    "/ctrl/b/{id}/logs/stream", "/ctrl/c/localhost/state", "/pub/b/{id}/status", "/pub/b/{id}/status-stream", "/auth",
)


@pytest.mark.parametrize("path", READABLE)
@pytest.mark.parametrize("lie", [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "evil.example:8080"}, {"Host": "localhost.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
])
def test_pages_of_others_read_nothing_in_dev_mode(backends, path, lie):
    """A page whose name leads to this machine is of the same origin as the API, and only its Host tells (DNS rebinding)."""
    backend = backends.connect(key="read")["backend_id"]
    fields = {"Host": backends.api.authority} | lie
    connection = http.Connection(backends.api)
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    connection.send(f"GET {path.format(id=backend)} HTTP/1.1\r\n{lines}\r\n")
    answer = connection.answer()
    assert answer.status in (401, 403) and backend not in answer.body.decode()


# States


def test_states_come_in_order_once_each(backends):
    """Acceptance 3."""
    connected = backends.connect()
    early = backends.states(connected["backend_id"], "ready")
    late, raw = backends.stream(connected["backend_id"], "ready")
    assert [state["status"] for state in early] == UP
    assert late == early
    assert all(line == b"" or line.startswith(b"data: ") for line in raw.split(b"\n"))
    assert all(set(state) == {"status", "time"} for state in early)
    assert all(before["time"] < after["time"] for before, after in zip(early, early[1:]))
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", state["time"]) for state in early)


def test_each_event_is_one_write(backends):
    """Clients split each piece that they read on line ends."""
    connected = backends.ready(backends.connect())
    connection = http.Connection(backends.api)
    connection.send(http.head("GET", f"/v2/backend/{connected['backend_id']}/status/stream", backends.api))
    assert connection.head_of_answer().headers["content-type"] == "text/event-stream"
    pieces = connection.chunks()
    for _ in UP:
        assert re.fullmatch(rb"(data: \{[^\n]+\}\n\n)+", next(pieces))


@pytest.mark.slow
def test_twenty_silent_seconds_bring_empty_lines_only(backends):
    connected = backends.ready(backends.connect())
    connection = http.Connection(backends.api)
    connection.socket.settimeout(30)
    connection.send(http.head("GET", f"/v2/backend/{connected['backend_id']}/status/stream", backends.api))
    connection.head_of_answer()
    pieces = connection.chunks()
    for _ in UP:
        next(pieces)
    assert next(pieces) == b"\n"


def test_nobody_knows_an_unknown_backend(backends):
    for path in ("status", "status/stream", "terminate"):
        method = "POST" if path == "terminate" else "GET"
        answer = backends.ask(method, f"/v2/backend/abcdefghijklmn/{path}")
        assert (answer.status, answer.json["error"]["code"]) == (404, "BackendNotFound")


# The end


def test_a_soft_stop_is_told_and_the_end_too(backends):
    """Acceptance 8 and 9."""
    connected = backends.ready(backends.connect(key="soft"))
    assert backends.terminate(connected["backend_id"]).json == {"status": "ok"}
    states = backends.states(connected["backend_id"])
    assert [state["status"] for state in states] == [*UP, "terminating", "terminated"]
    assert states[-2]["termination_reason"] == "external" and "termination_kind" not in states[-2]
    assert (states[-1]["termination_reason"], states[-1]["termination_kind"]) == ("external", "soft")
    assert states[-1]["exit_error"] is False
    assert backends.status(connected["backend_id"]) == states[-1]
    assert backends.fetch(connected).status == 410
    again = backends.terminate(connected["backend_id"])
    assert (again.status, again.json["error"]["code"]) == (409, "BackendNotRunning")
    after = backends.connect(key="soft")
    assert after["spawned"] and after["backend_id"] != connected["backend_id"]


def test_a_hard_stop_ends_one_that_does_not_listen(backends):
    connected = backends.ready(backends.spawn(IGNORES_TERM="1"))
    begun = time.monotonic()
    backends.terminate(connected["backend_id"], hard=True)
    states = backends.states(connected["backend_id"])
    assert time.monotonic() - begun < 2
    assert [state["status"] for state in states[-2:]] == ["hard-terminating", "terminated"]
    assert (states[-1]["termination_kind"], states[-1]["exit_error"]) == ("hard", True)


@pytest.mark.parametrize("code", [0, 3])
def test_one_that_ends_by_itself_has_no_reason(backends, code):
    connected = backends.ready(backends.connect())
    backends.fetch(connected, f"ends?code={code}")
    last = backends.states(connected["backend_id"])[-1]
    assert last["exit_error"] is (code != 0)
    assert "termination_reason" not in last and "termination_kind" not in last


def test_one_that_cannot_be_started_ends_in_error(started):
    backends = Backends(started(services={"default": {"command": ["/no/such/program"]}}))
    connected = backends.connect()
    states = backends.states(connected["backend_id"])
    assert [state["status"] for state in states] == ["scheduled", "loading", "terminated"]
    assert states[-1]["exit_error"] is True


def test_fencing_tokens_grow(backends):
    tokens = []
    for _ in range(2):
        connected = backends.ready(backends.connect(key="fenced"))
        tokens.append(int(backends.fetch(connected, "env").json["SESSION_BACKEND_FENCING_TOKEN"]))
        backends.terminate(connected["backend_id"], hard=True)
        backends.states(connected["backend_id"])
    assert tokens[0] < tokens[1]


def test_the_command_line_gets_what_it_reads_of_a_service(production):
    """`jamsocket service info` formats times, and looks at the first environment's cluster."""
    backends = Backends(production, "right", "acme", "board")
    connected = backends.connect(key="spawned")
    shown = backends.ask("GET", "/v2/service/acme/board").json
    assert (shown["name"], shown["account_name"], shown["image_name"]) == ("board", "acme", "acme/board")
    assert shown["created_at"].endswith("Z") and shown["last_spawned_at"] >= shown["created_at"]
    assert shown["last_image_digest"] is None and shown["last_image_upload_time"] is None
    default, staging = shown["environments"]
    assert default["name"] == "default" and default["cluster"] and default["last_spawned_at"]
    assert staging["name"] == "staging" and staging["last_spawned_at"] is None
    assert backends.ask("GET", "/v2/service/acme/board/images").json == {"images": []}
    assert backends.ask("GET", "/v2/service/acme/nothing").status == 404
    backends.terminate(connected["backend_id"], hard=True)
    backends.states(connected["backend_id"])


@pytest.mark.parametrize("method, path", [
    ("POST", "/v2/account/acme/service"), ("POST", "/v2/service/acme/board/delete"), ("POST", "/v2/service/acme/board/update"),
    ("POST", "/v2/service/acme/board/staging/update"), ("GET", "/service/acme/board/image-name"), ("POST", "/cli-login"),
    ("POST", "/cli-login/token/complete"), ("POST", "/user-session/id/delete"), ("POST", "/v1/user/acme/service/board"),
])
def test_what_is_done_in_the_configuration_file_says_so(production, method, path):
    answer = Backends(production, "right", "acme", "board").ask(method, path, {} if method == "POST" else None)
    error = answer.json["error"]
    assert (answer.status, error["code"]) == (501, "NotImplemented") and "configuration file" in error["message"]


def test_a_cluster_without_a_name_goes_by_the_address_of_its_proxy(backends):
    for host in ("localhost", "127.0.0.1", "[::1]"):
        backends.connect({"spawn": {"cluster": f"{host}:{backends.proxy.port}"}})
    backends.connect({"spawn": {"cluster": "localhost"}})
    backends.connect({"spawn": {"cluster": f"localhost:{backends.api.port}"}}, status=400)
    backends.connect({"spawn": {"cluster": "elsewhere"}}, status=400)


# The older API


def test_the_older_api_spawns_and_kills(backends):
    """Acceptance 12."""
    for prefix in ("", "/v1"):
        request = {"lock": f"old{prefix}", "env": {"MINE": "1"}, "grace_period_seconds": 60}
        spawned = backends.ask("POST", f"{prefix}/user/-/service/-/spawn", request).json
        assert spawned["name"] == spawned["backend_id"] and spawned["spawned"] is True
        assert spawned["status"] == "Loading"
        assert spawned["status_url"].endswith(f"/backend/{spawned['name']}/status")
        backends.states(spawned["name"], "ready")
        status = backends.ask("GET", f"{prefix}/backend/{spawned['name']}/status").json
        assert (status["state"], status["backend"]) == ("Ready", spawned["name"])
        assert backends.fetch(spawned["url"], "env").json["MINE"] == "1"
        assert backends.ask("POST", f"{prefix}/backend/{spawned['name']}/terminate").status == 200
        assert backends.states(spawned["name"])[-1]["termination_kind"] == "hard"
        stream = backends.ask("GET", f"{prefix}/backend/{spawned['name']}/status/stream").text
        names = [json.loads(line[6:])["state"] for line in stream.splitlines() if line]
        assert names == ["Loading", "Starting", "Ready", "Terminated"]
        assert backends.ask("GET", f"{prefix}/backend/{spawned['name']}").json["id"] == spawned["name"]
        assert backends.ask("GET", f"{prefix}/backend/{spawned['name']}/logs").status == 200
        assert backends.ask("GET", f"{prefix}/user/-/services").json == {"services": ["default"]}
        assert backends.ask("GET", f"{prefix}/user/-/service/-").json["name"] == "-"
        assert "running_backends" in backends.ask("GET", f"{prefix}/user/-/backends").json


# Plane


def ctrl(backends: Backends, path: str, body=None, method: str = "POST", **headers) -> http.Answer:
    return backends.ask(method, f"/ctrl/{path}", body, headers)


@pytest.fixture(scope="module")
def plane(started) -> Backends:
    return Backends(started(executables={"image": PROGRAM}))


def spawn_config(**changes) -> dict:
    return {"executable": {"image": "image", "pull_policy": "Always"}} | changes


def test_plane_clients_connect(plane):
    """Acceptance 13."""
    request = {"key": {"name": "k", "namespace": "n", "tag": "t"}, "spawn_config": spawn_config(), "user": "alice"}
    connected = ctrl(plane, "connect", request).json
    assert connected["spawned"] is True and connected["subdomain"] is None and connected["drone"].startswith("dr-")
    assert connected["status_url"].endswith(f"/pub/b/{connected['backend_id']}/status")
    assert plane.fetch(connected).status == 200
    status = http.fetch(plane.api, f"/pub/b/{connected['backend_id']}/status").json
    assert status["status"] == "ready" and abs(status["time"] / 1000 - time.time()) < 60
    held = ctrl(plane, "connect", request | {"key": {"name": "k", "namespace": "n", "tag": "other"}})
    assert (held.status, held.json["kind"]) == (409, "KeyHeld")
    unheld = ctrl(plane, "connect", {"key": {"name": "nobody"}})
    assert (unheld.status, unheld.json["kind"]) == (409, "KeyUnheldNoSpawnConfig")


def test_plane_clients_resume_a_stream(plane):
    connected = ctrl(plane, "connect", {"spawn_config": spawn_config()}).json
    path = f"/pub/b/{connected['backend_id']}/status-stream"
    plane.states(connected["backend_id"], "ready")
    assert ctrl(plane, f"b/{connected['backend_id']}/hard-terminate").json is None
    plane.states(connected["backend_id"])
    events = http.fetch(plane.api, path, headers={"Last-Event-ID": "waiting"}).text.strip().split("\n\n")
    assert [event.split("\n")[1] for event in events] == ["id: ready", "id: hard-terminating", "id: terminated"]
    assert http.fetch(plane.api, path, headers={"Last-Event-ID": "terminated"}).status == 204
    assert ctrl(plane, f"b/{connected['backend_id']}/soft-terminate").status == 200


def test_plane_clients_revoke_a_users_tokens(plane):
    key = {"name": "revoked"}
    alice, bob = (
        ctrl(plane, "connect", {"key": key, "spawn_config": spawn_config(), "user": user}).json for user in ("alice", "bob")
    )
    assert plane.fetch(alice).status == plane.fetch(bob).status == 200
    for _ in range(2):
        revoked = ctrl(plane, "b/revoke", {"backend_id": alice["backend_id"], "user": "alice"})
        assert revoked.status == 200 and isinstance(revoked.json, str)
    assert (plane.fetch(alice).status, plane.fetch(bob).status) == (410, 200)


def test_a_static_token_is_everybodys_and_keeps_its_path(plane):
    key = {"name": "static"}
    first, second = (
        ctrl(plane, "connect", {"key": key, "spawn_config": spawn_config(use_static_token=True), "user": "u"}).json
        for _ in range(2)
    )
    assert first["token"] == second["token"] and first["token"].startswith("s.") and len(first["token"]) == 45
    assert first["secret_token"] is None
    seen = plane.fetch(first, "a/b?c").json
    assert seen["target"] == f"/{first['token']}/a/b?c"
    names = {name.lower(): value for name, value in seen["headers"]}
    assert "x-verified-username" not in names and "x-verified-user-data" not in names
    assert names["x-verified-secret"] == ""


@pytest.mark.parametrize(
    "body, content_type, status",
    [(b"{", JSON["Content-Type"], 400), (b"{}", "text/plain", 415), (b'{"key":1}', JSON["Content-Type"], 422)],
)
def test_plane_errors_are_flat(plane, body, content_type, status):
    answer = http.fetch(
        plane.api, "/ctrl/connect", method="POST", headers={"Content-Type": content_type}, body=body
    )
    assert answer.status == status and set(answer.json) == {"id", "kind", "message"}


@pytest.mark.parametrize("path", ["/ctrl/nothing", "/pub/nothing", "/ctrl/c/localhost/nothing", "/pub", "/ctrl/b/unknown/soft"])
def test_what_is_not_there_is_flat_too(plane, path):
    answer = plane.ask("GET", path)
    assert answer.status == 404 and set(answer.json) == {"id", "kind", "message"} and answer.json["kind"] == "NotFound"


def test_other_clusters_are_elsewhere(plane):
    connected = ctrl(plane, "connect", {"spawn_config": spawn_config()}).json
    backend = connected["backend_id"]
    for cluster, status in (("elsewhere", 404), ("localhost%3A1", 404), ("localhost", 200)):
        assert plane.ask("GET", f"/pub/c/{cluster}/b/{backend}/status").status == status
        assert ctrl(plane, f"c/{cluster}/state", method="GET").status == status
        assert ctrl(plane, f"c/{cluster}/b/revoke", {"backend_id": backend, "user": "u"}).status == status
        terminated = ctrl(plane, f"c/{cluster}/b/{backend}/soft-terminate")
        assert terminated.status == status and (status == 200 or terminated.json["kind"] == "NotFound")
    (drone,) = ctrl(plane, "c/localhost/state", method="GET").json["drones"]
    assert ctrl(plane, f"c/elsewhere/d/{drone['node']['name']['Drone']}/drain").status == 404
    assert drone["node"]["controller"].startswith("co-") and len(drone["node"]["controller"]) == 17


def test_a_backend_that_was_there_has_no_drone(plane):
    request = {"key": {"name": "reused"}, "spawn_config": spawn_config()}
    first, second = (ctrl(plane, "connect", request).json for _ in range(2))
    assert first["drone"].startswith("dr-") and second["drone"] is None and not second["spawned"]


def test_a_draining_node_takes_nothing_new(started):
    plane = Backends(started(executables={"image": PROGRAM}))
    state = ctrl(plane, "c/localhost/state", method="GET").json
    (drone,) = state["drones"]
    name = drone["node"]["name"]["Drone"]
    assert drone["ready"] and not drone["draining"]
    assert [ctrl(plane, f"c/localhost/d/{name}/drain").json["updated"] for _ in range(2)] == [True, False]
    answer = ctrl(plane, "connect", {"spawn_config": spawn_config()})
    assert (answer.status, answer.json["kind"]) == (500, "NoDroneAvailable")
    assert plane.connect(status=503)["error"]["code"] == "NoCapacity"
    refused = plane.ask("POST", "/v2/service/-/-/connect", {})
    assert int(refused.headers["retry-after"]) > 0
    assert [ctrl(plane, f"c/localhost/d/{name}/undrain").json["updated"] for _ in range(2)] == [True, False]
    assert ctrl(plane, "connect", {"spawn_config": spawn_config()}).json["spawned"] is True
    assert ctrl(plane, "drain").json == {"nodes": [{"name": name, "updated": True}]}
    assert ctrl(plane, "undrain").json == {"nodes": [{"name": name, "updated": True}]}


def test_too_many_spawns_are_told_when_to_come_again(started):
    backends = Backends(started({"BACKENDS_SPAWNS_PER_MINUTE": "2"}))
    for _ in range(2):
        backends.connect()
    answer = backends.ask("POST", "/v2/service/-/-/connect", {})
    assert (answer.status, answer.json["error"]["code"]) == (429, "RateLimited")
    assert 1 <= int(answer.headers["retry-after"]) <= 61


# Production


@pytest.fixture(scope="module")
def production(started) -> Server:
    services = {"acme/board": {"command": PROGRAM}, "acme/board/staging": {"command": PROGRAM, "env": {"WHERE": "staging"}}}
    return started(
        {"BACKENDS_MODE": "production"}, services=services, accounts={"acme": {"tokens": ["right"]}, "other": {"tokens": ["others"]}}
    )


@pytest.mark.parametrize("token, account, service, status, code", [
    (None, "acme", "board", 401, "Unauthorized"),
    ("wrong", "acme", "board", 401, "Unauthorized"),
    ("others", "acme", "board", 403, "Forbidden"),
    ("right", "acme", "nothing", 404, "ServiceNotFound"),
])
def test_accounts_have_tokens_and_services(production, token, account, service, status, code):
    """Acceptance 12."""
    refused = Backends(production, token, account, service).connect(status=status)["error"]
    assert (refused["code"], refused["status"]) == (code, status)


def test_owners_see_their_backends(production):
    backends = Backends(production, "right", "acme", "board")
    connected = backends.ready(backends.connect(key="mine"))
    assert connected["ready_url"] == f"http://127.0.0.1:{backends.api.port}/ready/{connected['backend_id']}/{connected['token']}/"
    (listed,) = backends.ask("GET", "/v2/account/acme/backends").json["running_backends"]
    assert (listed["id"], listed["service_name"], listed["key"]) == (connected["backend_id"], "board", "mine")
    # the command line formats its time
    assert listed["status"]["status"] == "ready" and listed["status"]["time"].endswith("Z")
    shown = backends.ask("GET", f"/v2/backend/{connected['backend_id']}").json
    assert [state["status"] for state in shown["statuses"]] == UP and shown["account_name"] == "acme"
    others = Backends(production, "others", "other")
    assert others.ask("GET", f"/v2/backend/{connected['backend_id']}").status == 403
    assert others.terminate(connected["backend_id"]).status == 403
    assert backends.ask("GET", "/auth").json == {"status": "ok", "accounts": ["acme"], "is_admin": False}
    assert Backends(production).ask("GET", "/auth").status == 401
    assert backends.ask("GET", "/v2/account/acme/services").json == {"services": ["board"]}
    dry = backends.ask("POST", "/service/acme/board/terminate-backends", {"dry_run": True}).json
    assert (dry["backend_count"], dry["terminated_count"]) == (1, 0)
    done = backends.ask("POST", "/service/acme/board/terminate-backends", {"hard": True}).json
    assert (done["terminated_count"], done["is_complete"]) == (1, True)
    backends.states(connected["backend_id"])
    last = backends.ask("GET", f"/v2/backend/{connected['backend_id']}").json["statuses"][-1]
    assert (last["exit_code"], last["last_status"]) == (137, "hard-terminating")


def test_environments_are_services_of_their_own(production):
    backends = Backends(production, "right", "acme", "board/staging")
    connected = backends.ready(backends.connect(key="mine"))
    assert backends.fetch(connected, "env").json["WHERE"] == "staging"
    assert Backends(production, "right", "acme", "board").connect(key="mine")["backend_id"] != connected["backend_id"]


def test_an_unknown_environment_is_not_found(production):
    backends = Backends(production, "right", "acme", "board")
    for environment in ("live", "staging2", "staging/x"):
        answer = backends.ask("POST", f"/v2/service/acme/board/{environment}/connect", {})
        assert answer.status == 404
    old = backends.ask("POST", "/user/acme/service/board/spawn", {"service_environment": "live"})
    assert (old.status, old.json["error"]["code"]) == (404, "ServiceNotFound")
    usual = backends.ask("POST", "/v2/service/acme/board/default/connect", {"key": "same"}).json
    assert backends.connect(key="same")["backend_id"] == usual["backend_id"]


def test_a_person_can_open_the_ready_url(production):
    backends = Backends(production, "right", "acme", "board")
    connected = backends.ask(
        "POST", "/v2/service/acme/board/connect", {"spawn": {"executable": {"env": {"START_DELAY": "1"}}}}
    ).json
    path = connected["ready_url"].split(str(backends.api.port))[1]
    waiting = http.fetch(backends.api, path)
    assert waiting.status == 200 and "EventSource" in waiting.text
    backends.ready(connected)
    ready = http.fetch(backends.api, path)
    assert (ready.status, ready.headers["location"]) == (302, connected["url"])
    backends.terminate(connected["backend_id"], hard=True)
    backends.states(connected["backend_id"])
    assert http.fetch(backends.api, path).status == 410


def test_the_trusted_api_is_closed_in_production(production, started):
    assert http.fetch(Backends(production).api, "/ctrl/status").status == 401
    opened = Backends(started({"BACKENDS_MODE": "production", "BACKENDS_CTRL_TOKEN": "control"}))
    assert http.fetch(opened.api, "/ctrl/status", headers={"Authorization": "Bearer control"}).json["status"] == "ok"
    assert http.fetch(opened.api, "/ctrl/status", headers={"Authorization": "Bearer no"}).status == 401


# Output and use


def test_output_is_streamed_line_by_line(backends):
    connected = backends.ready(backends.spawn(SAYS="good morning"))
    connection = http.Connection(backends.api)
    connection.send(http.head("GET", f"/v2/backend/{connected['backend_id']}/logs/stream", backends.api))
    connection.head_of_answer()
    assert next(connection.chunks()) == b"data: good morning\n\n"


@pytest.mark.parametrize("path", ["/v2/backend/{id}/logs/stream", "/v2/backend/{id}/logs", "/backend/{id}/logs",
                                  "/ctrl/b/{id}/logs/stream", "/v2/backend/{id}/status/stream", "/v2/backend/{id}/metrics/stream",
                                  "/pub/b/{id}/status-stream"])  # fmt: skip
def test_a_stream_begins_before_anything_happens(backends, path):
    connected = backends.ready(backends.connect())
    connection = http.Connection(backends.api)
    connection.send(http.head("GET", path.format(id=connected["backend_id"]), backends.api))
    head = connection.head_of_answer()
    assert (head.status, head.headers["content-type"]) == (200, "text/event-stream")


def test_the_use_of_resources_is_streamed(backends):
    connected = backends.ready(backends.connect())
    connection = http.Connection(backends.api)
    connection.send(http.head("GET", f"/v2/backend/{connected['backend_id']}/metrics/stream", backends.api))
    connection.head_of_answer()
    use = json.loads(next(connection.chunks())[6:])
    assert use["backend_id"] == connected["backend_id"] and use["mem_used"] > 1 << 20
    # the command line shows the one as a share of the other: of all processors, idle or not
    assert 0 < use["cpu_used"] < use["sys_cpu"]


# The front door


def test_the_front_door_has_it_all_where_the_proxy_is_off(started):
    server = started({"BACKENDS_PROXY_PORT": "off"})
    connected = http.fetch(server.front_door, "/v2/service/-/-/connect", method="POST", body={}).json
    assert connected["url"] == f"http://127.0.0.1:{server.front_door.port}/b/{connected['token']}/"
    seen = http.fetch(server.front_door, f"/b/{connected['token']}/x").json
    assert seen["target"] == "/x"
    assert dict(map(tuple, seen["headers"]))["x-verified-path"] == f"/b/{connected['token']}/x"


# Who may use the trusted API


class Gate:
    """A program that is asked whether a request may pass."""

    def __init__(self):
        self.asked = []
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                gate.asked.append((self.command, dict(self.headers)))
                self.send_response(204 if self.headers.get("X-Pass") == "yes" else 403)
                self.end_headers()

            def log_message(self, *_) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def test_another_program_may_decide_who_uses_the_trusted_api(started):
    gate = Gate()
    url = f"http://127.0.0.1:{gate.server.server_address[1]}/gate"
    plane = Backends(started({"BACKENDS_MODE": "production", "BACKENDS_FORWARD_AUTH": url}, executables={"image": PROGRAM}))
    request = {"spawn_config": spawn_config()}
    assert ctrl(plane, "connect", request).status == 401
    assert ctrl(plane, "connect", request, **{"X-Pass": "yes"}).status == 200
    method, headers = gate.asked[-1]
    assert method == "POST" and headers["x-original-path"] == "/connect" and headers.get("Content-Length", "0") == "0"
    gate.server.shutdown()
    gate.server.server_close()
    assert ctrl(plane, "connect", request, **{"X-Pass": "yes"}).status == 502


# Names of hosts


def test_a_cluster_has_a_name(started):
    server = started({"BACKENDS_CLUSTER": "backends.example:9999", "BACKENDS_PUBLIC_API_URL": "https://api.example/"})
    backends = Backends(server)
    connected = backends.connect()
    assert connected["url"] == f"http://backends.example:9999/{connected['token']}/"
    assert connected["status_url"].startswith("https://api.example/v2/backend/")
    for host, status in [
        ("backends.example:9999", 200), ("a.backends.example:9999", 200), ("backends.example", 403), ("other.example:9999", 403),
        ("evilbackends.example:9999", 403), ("a.b.backends.example:9999", 403),
    ]:
        answer = http.fetch(backends.proxy, f"/{connected['token']}/", headers={"Host": host})
        assert answer.status == status, host
        assert status == 200 or "BACKENDS_CLUSTER" in answer.text
    connection = http.Connection(backends.proxy)
    connection.send(f"GET /{connected['token']}/ HTTP/1.0\r\n\r\n")
    answer = connection.answer()
    assert answer.status == 400 and "BACKENDS_CLUSTER" in answer.text


def test_without_a_port_in_its_name_a_cluster_speaks_tls(started):
    backends = Backends(started({"BACKENDS_CLUSTER": "backends.example", "BACKENDS_URL_STYLE": "subdomain"}))
    connected = backends.connect()
    assert connected["url"] == f"https://{connected['backend_id']}.backends.example/{connected['token']}/"
    path = f"/{connected['token']}/"
    assert http.fetch(backends.proxy, path, headers={"Host": f"{connected['backend_id']}.backends.example:443"}).status == 200
    other = backends.connect()["backend_id"]
    for host in (f"{other}.backends.example", "x.backends.example", "backends.example"):
        assert http.fetch(backends.proxy, path, headers={"Host": host}).status == 403


def test_a_backend_with_a_subdomain_answers_only_there(started):
    plane = Backends(started({"BACKENDS_CLUSTER": "backends.example:80"}, executables={"image": PROGRAM}))
    connected = ctrl(plane, "connect", {"spawn_config": spawn_config(subdomain="mine")}).json
    assert connected["url"] == f"http://mine.backends.example:80/{connected['token']}/"
    path = f"/{connected['token']}/"
    assert http.fetch(plane.proxy, path, headers={"Host": "mine.backends.example:80"}).status == 200
    assert http.fetch(plane.proxy, path, headers={"Host": "backends.example:80"}).status == 403
    other = ctrl(plane, "connect", {"spawn_config": spawn_config()}).json
    path = f"/{other['token']}/"
    for host, status in [
        ("mine.backends.example:80", 403), ("MINE.backends.example:80", 403), (f"{connected['backend_id']}.backends.example:80", 403),
        ("backends.example:80", 200), (f"{other['backend_id']}.backends.example:80", 200),
    ]:
        assert http.fetch(plane.proxy, path, headers={"Host": host}).status == status, host
    assert ctrl(plane, "connect", {"spawn_config": spawn_config(subdomain="-bad")}).status == 422


def test_the_root_may_lead_elsewhere(started):
    backends = Backends(started({"BACKENDS_ROOT_REDIRECT": "https://example.com/"}))
    answer = http.fetch(backends.proxy, "/")
    assert (answer.status, answer.headers["location"]) == (301, "https://example.com/")


@pytest.mark.parametrize(
    "changes, named",
    [
        ({"services": {"default": {"cwd": "/"}}}, "backends.services.default"),
        ({"services": {"default": {"command": []}}}, "backends.services.default.command"),
        ({"services": {"default": {"command": ["x"], "cmd": 1}}}, "cmd"),
        ({"services": {"nameless": {"command": ["x"]}}}, "account/service"),
        ({"services": {"default": {"command": ["x"], "max_idle": "soon"}}}, "max_idle"),
        ({"accounts": {"acme": {"token": "x"}}}, "backends.accounts.acme"),
        ({"soft_grase": 1}, "backends_soft_grace"),
        ({"port_range": "9-1"}, "BACKENDS_PORT_RANGE"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(directory, changes, named):
    result = binary.run(directory, "serve", "--dev", "--config", configuration(directory, **changes))
    assert result.returncode == 1 and named in result.stderr, result.stderr
