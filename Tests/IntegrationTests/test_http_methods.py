"""Which methods the HTTP APIs take where, on every listener: 405 with `Allow`, 404 in the API's own form, HEAD, OPTIONS."""

import pytest

from support import backends as sessions
from support import gateway, http, metrics
from support.server import Server

GET, POST = ("GET", "HEAD"), ("POST",)
# Paths of each API, and the methods that they take beside OPTIONS.
ISSUING = {"/api/login": POST, "/api/rooms": POST, "/api/rooms/x": GET}
REST = {"/api/auth/acquire-session": POST, "/api/auth/session": GET, "/api/auth/logout": POST, "/api/auth/link": POST,
        "/api/emit": POST, "/api/ai/chat": POST, "/api/ai/status": GET, "/websocket-info": GET, "/api-docs": GET,
        "/api-docs/json": GET}  # fmt: skip
OWN_REST = {"/": GET, "/health": GET, "/health/db": GET}
OBSERVABILITY = {"/healthz": GET, "/readyz": GET, "/metrics": GET, "/health": GET}
MANAGEMENT = {"/@connections/x": ("GET", "HEAD", "POST", "DELETE"), "/connections": GET}
BACKENDS = {"/v2/service/-/-/connect": POST, "/v2/backend/x": GET, "/v2/backend/x/status": GET, "/v2/backend/x/terminate": POST,
            "/v1/backend/x/status": GET, "/pub/health": GET, "/ctrl/connect": POST, "/ctrl/status": GET}  # fmt: skip
# Places for WebSocket alone.
SOCKETS = {"/relay": (), "/relay/x": (), "/ws": (), "/channels": (), "/events": ()}
WHERE = {
    "front_door": [ISSUING, REST, OBSERVABILITY, MANAGEMENT, BACKENDS],
    "channel_server": [MANAGEMENT, {"/health": GET}],
    "gateway": [REST, OWN_REST],
    "disposable_chat": [{"/health": GET}],
    "backends_api": [BACKENDS],
}
ROUTES = [
    pytest.param(listener, path, methods, id=f"{listener}{path}")
    for listener, apis in WHERE.items()
    for api in apis
    for path, methods in api.items()
]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


@pytest.fixture(scope="module")
def started(tmp_path_factory) -> Server:
    directory = tmp_path_factory.mktemp("parley")
    file = sessions.configuration(directory)
    server = Server(directory, "--config", file, PARLEY_EVENT_LOOPS=2, **gateway.SETTINGS | sessions.SETTINGS)
    try:
        yield server.wait_until_listening()
    finally:
        server.stop()


def is_in_form(path: str, answer: http.Answer) -> bool:
    """Whether an error is told as the API of that path tells its errors."""
    kind = answer.headers.get("content-type", "")
    if path.startswith(("/@connections", "/connections")):
        return answer.headers["x-amzn-errortype"].endswith("Exception") and list(answer.json) == ["message"]
    if path in REST:
        return list(answer.json) == ["success", "error"] and answer.json["success"] is False
    if path.startswith(("/v1", "/v2")):
        return set(answer.json["error"]) == {"message", "status", "code", "id"}
    if path.startswith(("/ctrl", "/pub")):
        return set(answer.json) == {"id", "kind", "message"}
    if path in ISSUING:
        return list(answer.json) == ["error"]
    return kind.startswith("text/plain") or list(answer.json) == ["success", "error"]


@pytest.mark.parametrize("listener, path, methods", ROUTES)
def test_another_method_is_405_and_allow_names_those_there_are(started, listener, path, methods):
    """RFC 9110 §15.5.6, §10.2.1."""
    address = getattr(started, listener, None) or started.addresses[listener]
    for method in METHODS:
        answer = http.fetch(address, path, method=method)
        if method in methods:
            assert answer.status != 405, method
            continue
        assert answer.status == 405, method
        assert answer.headers["allow"].split(", ") == [*methods, "OPTIONS"], method
        assert method == "HEAD" or is_in_form(path, answer), answer


@pytest.mark.parametrize("listener, path, methods", ROUTES)
def test_options_is_204_and_empty(started, listener, path, methods):
    """RFC 9110 §9.3.7."""
    address = getattr(started, listener, None) or started.addresses[listener]
    answer = http.fetch(address, path, method="OPTIONS")
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize("path", SOCKETS)
def test_a_place_for_websocket_alone_takes_get(started, path):
    """RFC 6455 §4.1: a handshake is a GET."""
    for method in ("POST", "PUT", "DELETE"):
        answer = http.fetch(started.front_door, path, method=method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET"), method


@pytest.mark.parametrize(
    "listener, path",
    [("front_door", "/api/nothing"), ("front_door", "/nothing"), ("front_door", "/v2/nothing"), ("front_door", "/ctrl/nothing"),
     ("gateway", "/nothing"), ("gateway", "/api/auth/nothing"), ("disposable_chat", "/nothing"), ("backends_api", "/nothing"),
     ("backends_api", "/pub/nothing")],
)  # fmt: skip
@pytest.mark.parametrize("method", METHODS)
def test_where_there_is_nothing_it_is_404_by_any_method(started, listener, path, method):
    address = getattr(started, listener, None) or started.addresses[listener]
    answer = http.fetch(address, path, method=method)
    assert answer.status == 404
    if method == "HEAD":
        return
    if listener == "gateway":
        assert answer.json == {"success": False, "error": "Not found"}
    elif listener == "backends_api" or path.startswith(("/v2", "/ctrl")):
        assert "error" in answer.json or answer.json["kind"] == "NotFound"
    elif path.startswith("/api/"):
        assert list(answer.json) == ["error"]
    else:
        assert answer.headers["content-type"].startswith("text/plain")


def test_head_says_what_get_says(started):
    """RFC 9110 §9.3.2."""
    for path in ("/healthz", "/readyz", "/health", "/websocket-info", "/api/ai/status"):
        head, get = (http.fetch(started.front_door, path, method=method) for method in ("HEAD", "GET"))
        assert (head.status, head.body) == (get.status, b""), path
        assert head.headers["content-length"] == get.headers["content-length"], path


def test_refusals_are_counted(started):
    before = metrics.read(started.front_door)
    http.fetch(started.front_door, "/healthz", method="DELETE")
    http.fetch(started.front_door, "/nothing/at/all")
    http.fetch(started.front_door, "/")
    after = metrics.read(started.front_door)
    for reason in ("wrong_method", "not_found", "no_upgrade"):
        name = "parley_handshake_failures_total"
        assert after.total(name, reason=reason) == before.total(name, reason=reason) + 1, reason
