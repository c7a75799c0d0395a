"""Event gateway: its REST API, what its ports say of themselves, CORS, the API documentation."""

import base64
import json
import re

import pytest

from support import gateway, http
from support.gateway import bearer, is_now, seconds_from_now
from support.http import Connection

PASSWORD = "only-the-tests-know"
SERVER_SETTINGS = gateway.SETTINGS | {"SWAGGER_PASSWORD": PASSWORD}
THIRTY_DAYS = 30 * 24 * 3600
ORIGINS = ["http://localhost:5173", "http://localhost:8100"]
STRANGER = "http://evil.example"
LISTENERS = ["gateway", "sockets", "front_door"]
NO_TOKEN = {"success": False, "error": "No token provided"}
BAD_SESSION = {"success": False, "error": "Invalid or expired session"}


@pytest.fixture(params=["gateway", "front_door"])
def api(request, shared_server):
    """Where the REST API is."""
    return getattr(shared_server, request.param)


@pytest.fixture
def token(shared_server) -> str:
    return gateway.acquire(shared_server.gateway)


def is_json(answer: http.Answer, status: int, keys: list[str]) -> dict:
    """The body, after checking all but its values."""
    assert answer.status == status, answer
    assert answer.headers["content-type"].split(";")[0] == "application/json"
    assert list(answer.json) == keys, answer.json
    return answer.json


def session_of(answer: http.Answer) -> dict:
    assert is_json(answer, 200, ["success", "data"])["success"] is True
    assert list(answer.json["data"]) == ["token", "userId", "isLoggedIn", "expiresAt"]
    return answer.json["data"]


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


# POST /api/auth/acquire-session


@pytest.mark.parametrize("body", [b"", b"{}", b'{"platform":"web"}', b"null", b"[]", b"{", b"\xff", b'{"platform":5}'])
def test_a_session_needs_nothing(api, body):
    """REST: body not needed. Acceptance 1."""
    answer = gateway.post(api, "/api/auth/acquire-session", body)
    assert is_json(answer, 200, ["success", "data"])["success"] is True
    assert list(answer.json["data"]) == ["token", "expiresAt"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", answer.json["data"]["token"])
    assert abs(seconds_from_now(answer.json["data"]["expiresAt"]) - THIRTY_DAYS) < 10


def test_tokens_are_not_alike(api):
    """Authentication: 32 random bytes in base64url."""
    tokens = [gateway.acquire(api) for _ in range(50)]
    assert len(set(tokens)) == 50
    assert len({token[:6] for token in tokens}) == len({token[-6:] for token in tokens}) == 50
    for token in tokens:
        assert len(base64.urlsafe_b64decode(token + "=")) == 32


def test_the_validity_is_configurable(server):
    """Configuration: SESSION_TTL."""
    started = server(**gateway.SETTINGS, SESSION_TTL=3600)
    data = gateway.post(started.gateway, "/api/auth/acquire-session").json["data"]
    assert abs(seconds_from_now(data["expiresAt"]) - 3600) < 10


def test_metadata_is_kept_beside_a_session(server, tmp_path):
    """REST: user agent, forwarded IP and platform are kept as metadata."""
    started = server("--data-dir", str(tmp_path / "data"), **gateway.SETTINGS)
    headers = {"User-Agent": "a test/1.0", "X-Forwarded-For": "203.0.113.7, 10.0.0.1"}
    gateway.post(started.gateway, "/api/auth/acquire-session", {"platform": "a toaster"}, **headers)
    kept = b"".join(file.read_bytes() for file in (tmp_path / "data").iterdir())
    for part in (b"a test/1.0", b"203.0.113.7", b"a toaster"):
        assert part in kept


# GET /api/auth/session


@pytest.mark.parametrize("place", ["header", "lower-case scheme", "query", "cookie", "a cookie among others"])
def test_a_session_is_shown_to_who_has_its_token(api, token, place):
    """Acceptance 1."""
    path, headers = "/api/auth/session", {}
    match place:
        case "header":
            headers = bearer(token)
        case "lower-case scheme":
            headers = {"Authorization": f"bearer {token}"}
        case "query":
            path += f"?token={token}"
        case "cookie":
            headers = {"Cookie": f"token={token}"}
        case _:
            headers = {"Cookie": f"a=1; xtoken=no; token={token}; b=2"}
    data = session_of(http.fetch(api, path, headers=headers))
    assert (data["token"], data["userId"], data["isLoggedIn"]) == (token, None, False)
    assert abs(seconds_from_now(data["expiresAt"]) - THIRTY_DAYS) < 60


def test_query_wins_over_header_and_header_over_cookie(api, token):
    """REST: body or query `token` > Bearer header > cookie `token`."""
    other = gateway.acquire(api)
    both = bearer(token) | {"Cookie": f"token={other}"}
    assert session_of(http.fetch(api, f"/api/auth/session?token={other}", headers=bearer(token)))["token"] == other
    assert session_of(http.fetch(api, "/api/auth/session", headers=both))["token"] == token
    bad = http.fetch(api, "/api/auth/session?token=bad", headers=both)
    assert (bad.status, bad.json) == (401, BAD_SESSION)


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}, {"Cookie": "other=x"}], ids=range(4)
)
def test_without_a_token_there_is_no_session(api, headers):
    """REST; decision 1: 401."""
    answer = http.fetch(api, "/api/auth/session", headers=headers)
    is_json(answer, 401, ["success", "error"])
    assert answer.json == NO_TOKEN


def test_a_bare_authorization_is_no_token(api, token):
    """Authentication, decision: Bearer only."""
    answer = http.fetch(api, "/api/auth/session", headers={"Authorization": token})
    assert (answer.status, answer.json) == (401, NO_TOKEN)


@pytest.mark.parametrize("bad", ["x", "A" * 43, "a" * 4000, "%00", "'%20OR%201=1", "%FF"], ids=range(6))
def test_a_wrong_token_is_401(api, bad):
    """REST; decision 1."""
    answer = http.fetch(api, f"/api/auth/session?token={bad}")
    is_json(answer, 401, ["success", "error"])
    assert answer.json == BAD_SESSION


def test_the_case_of_a_token_matters(api, token):
    """A token is what it is."""
    assert gateway.look_up(api, token.swapcase()).status == 401
    assert gateway.look_up(api, token[:-1]).status == 401
    assert gateway.look_up(api, token).status == 200


# POST /api/auth/logout


@pytest.mark.parametrize("place", ["body", "query", "header", "cookie"])
def test_logout_deletes_the_session(api, token, place):
    """REST; the token as for the session."""
    path, headers, body = "/api/auth/logout", {}, b""
    match place:
        case "body":
            body = {"token": token}
        case "query":
            path += f"?token={token}"
        case "header":
            headers = bearer(token)
        case _:
            headers = {"Cookie": f"token={token}"}
    other = gateway.acquire(api)
    answer = gateway.post(api, path, body, **headers)
    assert is_json(answer, 200, ["success", "message"])["success"] is True
    assert gateway.look_up(api, token).json == BAD_SESSION
    assert gateway.look_up(api, other).status == 200
    assert gateway.post(api, path, body, **headers).status == 200


def test_the_body_wins_over_the_header(api, token):
    """REST: body or query `token` > Bearer header."""
    other = gateway.acquire(api)
    assert gateway.post(api, "/api/auth/logout", {"token": other}, **bearer(token)).status == 200
    assert gateway.look_up(api, token).status == 200
    assert gateway.look_up(api, other).status == 401


def test_logout_takes_unknown_tokens_but_not_none(api):
    """REST: unknown tokens succeed too; decision 10: without a token 400."""
    answer = gateway.post(api, "/api/auth/logout", {"token": "unknown"})
    assert is_json(answer, 200, ["success", "message"])["success"] is True
    answer = gateway.post(api, "/api/auth/logout")
    assert (answer.status, answer.json["success"]) == (400, False)


# POST /api/auth/link, POST /api/emit

ADMIN_ROUTES = ["/api/auth/link", "/api/emit"]
BAD_BODIES = {
    "/api/auth/link": [{}, {"token": "?"}, {"userId": "u"}, {"token": "?", "userId": 5}, {"token": "?", "userId": ""}],
    "/api/emit": [{}, {"session": "?"}, {"event": "", "session": "?"}, {"event": 5, "session": "?"}, {"event": "e", "session": 5}],
}  # fmt: skip


@pytest.mark.parametrize("path", ADMIN_ROUTES)
def test_admin_routes_answer_with_a_message(api, token, path):
    """REST: `{success, message?}`; an emit adds how many connections it reached."""
    body = {"token": token, "userId": "u", "event": "e", "data": 1, "session": token}
    names = ["success", "message"] + (["connections"] if path == "/api/emit" else [])
    assert is_json(gateway.as_admin(api, path, body), 200, names)["success"] is True


@pytest.mark.parametrize("path", ADMIN_ROUTES)
@pytest.mark.parametrize(
    "headers",
    [{}, bearer("wrong"), bearer(gateway.ADMIN_TOKEN + "x"), {"Authorization": gateway.ADMIN_TOKEN}, basic("a", "b")],
    ids=["none", "wrong", "longer", "no scheme", "basic"],
)
def test_admin_routes_want_the_admin_token(api, token, path, headers):
    """Decision 10: 401, whatever the body; a session's token is none."""
    body = {"token": token, "userId": "u", "event": "e", "session": token}
    for given in (body, b"{", b""):
        answer = gateway.post(api, path, given, **headers)
        assert is_json(answer, 401, ["success", "error"])["success"] is False
    assert gateway.post(api, path, body, **bearer(token)).status == 401
    assert gateway.post(api, f"{path}?token={gateway.ADMIN_TOKEN}", body).status == 401
    assert session_of(gateway.look_up(api, token))["isLoggedIn"] is False


@pytest.mark.parametrize("path", ADMIN_ROUTES)
def test_a_bad_body_is_400(api, token, path):
    """Decision 10."""
    bodies = [{name: token if value == "?" else value for name, value in body.items()} for body in BAD_BODIES[path]]
    for body in [b"", b"{", b"null", b"[]", b"\xff", *bodies]:
        answer = gateway.as_admin(api, path, body)
        assert is_json(answer, 400, ["success", "error"])["success"] is False, body


@pytest.mark.parametrize("path", ADMIN_ROUTES)
def test_an_unknown_session_is_404(api, path):
    """Decision 10."""
    body = {"token": "unknown", "userId": "u", "event": "e", "session": "unknown"}
    assert is_json(gateway.as_admin(api, path, body), 404, ["success", "error"])["success"] is False


def test_a_user_who_is_not_there_may_be_told(api):
    """POST /api/emit: reaches whoever is connected."""
    assert gateway.as_admin(api, "/api/emit", {"event": "e", "user": "nobody"}).status == 200


@pytest.mark.parametrize("path", ADMIN_ROUTES)
@pytest.mark.parametrize("admin_token", [None, ""])
def test_without_an_admin_token_there_are_no_admin_routes(server, path, admin_token):
    """REST, decision; decision 10: 404."""
    started = server(GATEWAY_PORT="0", WEBSOCKET_PORT="0", GATEWAY_ADMIN_TOKEN=admin_token)
    token = gateway.acquire(started.gateway)
    body = {"token": token, "userId": "u", "event": "e", "session": token}
    for headers in ({}, bearer(""), {"Authorization": "Bearer "}, bearer(token), bearer("undefined")):
        for address in (started.gateway, started.front_door):
            answer = gateway.post(address, path, body, **headers)
            assert is_json(answer, 404, ["success", "error"])["success"] is False


def test_a_linked_session_shows_its_user(api, token):
    """REST, decision: sets isLoggedIn and userId. Acceptance 13."""
    for user in ("alice", "user:7/ü 😀", "bob"):
        gateway.link(api, token, user)
        data = session_of(gateway.look_up(api, token))
        assert (data["userId"], data["isLoggedIn"]) == (user, True)


# What the main port says of itself


def test_the_root_says_what_it_is(shared_server):
    """REST: `GET /`."""
    answer = http.fetch(shared_server.gateway, "/")
    body = is_json(answer, 200, ["message", "version", "status", "features"])
    assert body["message"] and body["version"] and body["status"] == "running"
    assert list(body["features"].items()) == [("rest", True), ("websocket", True), ("sessionAcquisition", True)]


def test_health_is_told(shared_server):
    """REST: `GET /health`, `/health/db`."""
    body = is_json(http.fetch(shared_server.gateway, "/health"), 200, ["status", "timestamp"])
    assert body["status"] == "healthy" and is_now(body["timestamp"])
    assert http.fetch(shared_server.gateway, "/health/db").status == 200


def test_the_database_may_be_checked(server, tmp_path):
    """REST: `/health/db`."""
    started = server("--data-dir", str(tmp_path / "data"), **gateway.SETTINGS)
    assert http.fetch(started.gateway, "/health/db").status == 200


def test_how_to_connect_is_told(api):
    """REST: `GET /websocket-info`: path, transports, protocols, lists of client and server events."""
    answer = http.fetch(api, "/websocket-info")
    assert answer.status == 200 and answer.headers["content-type"].startswith("application/json")
    body = answer.json
    assert body["path"].startswith("/socket.io") and set(body["transports"]) == {"websocket", "polling"}
    assert body["protocols"]
    for event in ("ping", "status", "echo", "info", "message", "ai:chat", "pong", "status_response", "error",
                  "ai:response:start", "ai:response:chunk", "ai:response:complete", "ai:response:error", "connected"):  # fmt: skip
        assert f'"{event}"' in answer.text


UNKNOWN = [("GET", "/nowhere"), ("GET", "/api"), ("GET", "/api/auth"), ("GET", "/api/auth/login"),
           ("POST", "/api/auth/register"), ("GET", "/../etc/passwd"), ("GET", "/health/x")]  # fmt: skip


@pytest.mark.parametrize("method, path", UNKNOWN)
def test_anything_else_is_404(shared_server, method, path):
    """REST, last row."""
    assert http.fetch(shared_server.gateway, path, method=method).status == 404


def test_otp_and_accounts_are_not_there(api):
    """REST: an OTP of any six characters must not be imitated; user accounts stay outside."""
    for path in ("/api/auth/register", "/api/auth/login", "/api/auth/otp/send", "/api/auth/otp/verify"):
        body = {"identifier": "a@b.example", "otp": "123456", "password": "x"}
        assert gateway.post(api, path, body).status in (404, 405, 426)


@pytest.mark.parametrize("path", ["/", "/nowhere", "/api/auth/session", "/api/emit", "/health", "/ws", "/api-docs"])
def test_options_is_204_and_empty(shared_server, path):
    """REST: `OPTIONS` anything; information JSON, decision: here too."""
    for listener in ("gateway", "sockets"):
        answer = http.fetch(getattr(shared_server, listener), path, method="OPTIONS")
        assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize("path", ["/api/auth/session", "/api/auth/acquire-session", "/api/emit", "/api/ai/chat", "/websocket-info"])
def test_options_is_204_on_the_front_door_too(shared_server, path):
    """The same API."""
    answer = http.fetch(shared_server.front_door, path, method="OPTIONS")
    assert (answer.status, answer.body) == (204, b"")


def test_head_is_get_without_a_body(shared_server):
    """RFC 9110 §9.3.2."""
    for address in (shared_server.gateway, shared_server.sockets):
        connection = Connection(address)
        head = connection.request("HEAD", "/health")
        get = connection.request("GET", "/health")
        assert head.status == get.status == 200
        assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize("path", ["/api/auth/acquire-session", "/api/ai/chat", "/api/emit"])
def test_a_body_that_is_too_large_is_refused(api, path):
    """Nothing that a peer sends can harm more than its connection."""
    answer = gateway.as_admin(api, path, b'{"message":"%s"}' % (b"x" * 300_000))
    assert is_json(answer, 413, ["success", "error"])["success"] is False
    assert gateway.as_admin(api, path, b'{"message":"%s"}' % (b"x" * 2_000_000)).status == 413
    assert http.fetch(api, "/websocket-info").status == 200


def test_calls_may_share_a_connection(api, token):
    """RFC 9112 §9.3: also after a failure."""
    connection = Connection(api)
    for _ in range(3):
        assert connection.request("GET", "/api/auth/session").status == 401
        assert connection.request("GET", "/api/auth/session", bearer(token)).status == 200
        assert connection.request("POST", "/api/ai/chat", {"Content-Length": "2"}, b"{}").status == 400


def test_the_front_door_keeps_the_rest_of_its_paths(shared_server):
    """Decision 1: `/health` there is session chat's."""
    assert http.fetch(shared_server.front_door, "/health").json == {"status": "ok"}


def test_who_fetches_the_api_does_not_see_tokens_in_the_log(shared_server, token):
    """Secrets are never logged."""
    gateway.look_up(shared_server.gateway, token)
    http.fetch(shared_server.gateway, f"/api/auth/session?token={token}")
    http.fetch(shared_server.gateway, f"/nowhere?token={token}")
    assert token not in shared_server.said and gateway.ADMIN_TOKEN not in shared_server.said


# What the socket port says of itself

INFORMATION = ["message", "version", "status", "protocols", "usage"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/ws", "/socket.io/", "/socket.io", "/health", "/any/thing?x=1", "/api/auth/session", "/socket.iox"])
def test_any_request_to_the_socket_port_is_told_what_is_there(shared_server, method, path):
    """Information JSON; acceptance 9."""
    answer = http.fetch(shared_server.sockets, path, method=method)
    body = is_json(answer, 200, INFORMATION)
    assert body["message"] and body["version"] and body["status"] == "running"
    assert list(body["protocols"]) == ["socketio", "websocket"]
    socketio, websocket = body["protocols"].values()
    assert list(socketio) == ["path", "description", "transports"]
    assert (socketio["path"], socketio["transports"]) == ("/socket.io/", ["websocket", "polling"])
    assert list(websocket) == ["path", "description", "authentication"] and websocket["path"] == "/"
    assert list(body["usage"]) == ["socketio", "websocket"]


def test_the_usage_names_the_origin_of_the_request(shared_server):
    """Information JSON: both usage texts name the request's own origin plus `WEBSOCKET_PATH`."""
    for host in (shared_server.sockets.authority, "ws.example.com", "ws.example.com:8443"):
        usage = http.fetch(shared_server.sockets, "/", headers={"Host": host}).json["usage"]
        assert f"http://{host}" in usage["socketio"] and "/ws" in usage["socketio"]
        assert f"ws://{host}/ws" in usage["websocket"]


def test_the_usage_behind_a_proxy_names_what_the_client_asked(shared_server):
    """Information JSON: the request's own origin; Reverse proxies: X-Forwarded-Proto."""
    headers = {"Host": "ws.example.com", "X-Forwarded-Proto": "https"}
    usage = http.fetch(shared_server.sockets, "/", headers=headers).json["usage"]
    assert "https://ws.example.com" in usage["socketio"]
    assert "wss://ws.example.com/ws" in usage["websocket"]


def test_the_path_in_the_usage_is_configurable(server):
    """Information JSON, WEBSOCKET_PATH."""
    started = server(**gateway.SETTINGS, WEBSOCKET_PATH="/live", GATEWAY_NAME="Ours")
    body = http.fetch(started.sockets, "/").json
    assert body["message"] == "Ours" and all("/live" in text for text in body["usage"].values())


# Which requests are Socket.IO's

OPENING = "EIO=4&transport=polling"


@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize("path", ["/socket.io/", "/socket.io", "/socket.io/x/y", "/ws", "/ws/", "/", "/any", "/health"])
def test_a_version_in_the_query_means_socket_io_on_any_path(shared_server, listener, path):
    """Detection, decision; acceptance 9."""
    answer = http.fetch(getattr(shared_server, listener), f"{path}?{OPENING}")
    assert (answer.status, answer.text[0]) == (200, "0"), answer
    opening = json.loads(answer.text[1:])
    assert list(opening) == ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]
    assert opening["upgrades"] == ["websocket"]
    assert [opening[name] for name in list(opening)[2:]] == [25000, 20000, 1000000]


@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize("path", ["/socket.io/", "/ws"])
@pytest.mark.parametrize("version", ["3", "5", "x", ""])
def test_another_version_is_refused(shared_server, listener, path, version):
    """Socket.IO essentials; acceptance 9."""
    answer = http.fetch(getattr(shared_server, listener), f"{path}?EIO={version}&transport=polling")
    assert (answer.status, answer.body) == (400, b'{"code":5,"message":"Unsupported protocol version"}')


@pytest.mark.parametrize("listener", ["gateway", "front_door"])
@pytest.mark.parametrize("path", ["/socket.io/", "/socket.io/x", "/socket.io/?x=1"])
def test_socket_io_without_a_version_is_an_unknown_transport(shared_server, listener, path):
    """Detection, decision; on the front door decision 1."""
    answer = http.fetch(getattr(shared_server, listener), path)
    assert (answer.status, answer.body) == (400, b'{"code":0,"message":"Transport unknown"}')
    assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("listener", LISTENERS)
def test_a_transport_is_needed(shared_server, listener):
    """Socket.IO specification §1.2."""
    for transport in ("", "&transport=tube", "&transport=__proto__"):
        answer = http.fetch(getattr(shared_server, listener), f"/socket.io/?EIO=4{transport}")
        assert (answer.status, answer.body) == (400, b'{"code":0,"message":"Transport unknown"}')


# CORS

POLLING = f"/socket.io/?{OPENING}"
CROSS_ORIGIN = [
    ("gateway", "/"), ("gateway", "/health"), ("gateway", "/api/auth/session"), ("gateway", "/api/ai/status"),
    ("gateway", POLLING), ("gateway", "/socket.io/?EIO=3&transport=polling"), ("gateway", "/nowhere"),
    ("sockets", "/"), ("sockets", POLLING), ("front_door", "/api/ai/status"), ("front_door", "/api/auth/session"),
    ("front_door", POLLING),
]  # fmt: skip
every_place = pytest.mark.parametrize("listener, path", CROSS_ORIGIN)


def cors_of(answer: http.Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


def varies_by_origin(answer: http.Answer) -> bool:
    return "origin" in {name.strip().lower() for name in answer.headers.get("vary", "").split(",")}


@every_place
@pytest.mark.parametrize("origin", ORIGINS)
def test_a_listed_origin_is_echoed_alone(shared_server, listener, path, origin):
    """CORS, decision; acceptance 10: on REST, polling and information JSON."""
    answer = http.fetch(getattr(shared_server, listener), path, headers={"Origin": origin})
    assert cors_of(answer) == {"access-control-allow-origin": origin, "access-control-allow-credentials": "true"}
    assert varies_by_origin(answer)


@every_place
def test_an_unlisted_origin_is_not_echoed(shared_server, listener, path):
    """Acceptance 10."""
    for origin in (STRANGER, "null", "http://localhost:5173.evil.example", ",".join(ORIGINS)):
        answer = http.fetch(getattr(shared_server, listener), path, headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers
        assert varies_by_origin(answer)
    assert "access-control-allow-origin" not in http.fetch(getattr(shared_server, listener), path).headers


@pytest.mark.parametrize(
    "listener, path",
    [("gateway", "/api/auth/link"), ("gateway", "/anything"), ("sockets", "/"), ("front_door", "/api/emit")],
)
def test_a_preflight_names_what_is_allowed(shared_server, listener, path):
    """CORS: methods, headers, max age."""
    headers = {"Origin": ORIGINS[0], "Access-Control-Request-Method": "POST"}
    answer = http.fetch(getattr(shared_server, listener), path, method="OPTIONS", headers=headers)
    assert (answer.status, answer.body) == (204, b"")
    assert cors_of(answer) == {
        "access-control-allow-origin": ORIGINS[0],
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, POST, PUT, DELETE, PATCH, OPTIONS",
        "access-control-allow-headers": "Content-Type, Authorization, X-Requested-With",
        "access-control-max-age": "86400",
    }
    assert varies_by_origin(answer)
    stranger = http.fetch(getattr(shared_server, listener), path, method="OPTIONS", headers=headers | {"Origin": STRANGER})
    assert stranger.status == 204 and "access-control-allow-origin" not in stranger.headers


@pytest.mark.parametrize("listener", LISTENERS)
def test_a_preflight_for_polling_is_answered(shared_server, listener):
    """CORS: polling from browsers, whose POST is text/plain or carries headers of its own."""
    headers = {
        "Origin": ORIGINS[1],
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = http.fetch(getattr(shared_server, listener), POLLING, method="OPTIONS", headers=headers)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == ORIGINS[1]
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "authorization" in answer.headers["access-control-allow-headers"].lower()


def test_a_proxy_may_add_the_headers_instead(server):
    """CORS: DISABLE_CORS; acceptance 10."""
    started = server(**SERVER_SETTINGS, DISABLE_CORS="true")
    for listener, path in CROSS_ORIGIN:
        for method in ("GET", "OPTIONS"):
            answer = http.fetch(getattr(started, listener), path, method=method, headers={"Origin": ORIGINS[0]})
            assert not cors_of(answer), (listener, method, path)


@pytest.mark.parametrize(
    "settings, allowed",
    [
        ({"CORS_ORIGIN": "https://a.example,https://b.example"}, ["https://a.example", "https://b.example"]),
        ({"CORS_ORIGIN": " https://a.example , https://b.example "}, ["https://a.example", "https://b.example"]),
        ({"CORS_ORIGIN": "https://b.example", "GATEWAY_CORS_ORIGIN": "https://a.example"}, ["https://a.example"]),
    ],
    ids=["a list", "with blanks", "its own"],
)
def test_the_list_is_configurable(server, settings, allowed):
    """CORS; decision 2: GATEWAY_CORS_ORIGIN wins."""
    started = server(**gateway.SETTINGS, **settings)
    for listener, path in CROSS_ORIGIN:
        for origin in [*allowed, "https://b.example", *ORIGINS]:
            answer = http.fetch(getattr(started, listener), path, headers={"Origin": origin})
            expected = origin if origin in allowed else None
            assert answer.headers.get("access-control-allow-origin") == expected, (listener, path, origin)


def test_a_star_allows_everybody(server):
    """CORS, decision: `*` allowed. With credentials browsers refuse a bare `*`: then it has to be the origin."""
    started = server(**gateway.SETTINGS, CORS_ORIGIN="*")
    for listener, path in CROSS_ORIGIN:
        answer = http.fetch(getattr(started, listener), path, headers={"Origin": STRANGER})
        assert answer.headers["access-control-allow-origin"] in ("*", STRANGER), (listener, path)


# API documentation


@pytest.mark.parametrize("path", ["/api-docs", "/api-docs/json"])
def test_the_documentation_has_a_password(api, path):
    """REST; decision 10; acceptance 11."""
    for headers in ({}, basic("admin", "wrong"), basic("admin", ""), basic("root", PASSWORD), bearer(PASSWORD),
                    {"Authorization": "Basic"}, {"Authorization": "Basic !!!"}, basic("admin", PASSWORD + "x")):  # fmt: skip
        answer = http.fetch(api, path, headers=headers)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith('Basic realm="Swagger Documentation"')
        assert "openapi" not in answer.text
    assert http.fetch(api, path, headers=basic("admin", PASSWORD)).status == 200


def test_the_page_shows_the_document(api):
    """REST: Swagger UI, spec at `/api-docs/json`."""
    page = http.fetch(api, "/api-docs", headers=basic("admin", PASSWORD))
    assert page.headers["content-type"].startswith("text/html") and "<html" in page.text.lower()
    answer = http.fetch(api, "/api-docs/json", headers=basic("admin", PASSWORD))
    assert answer.headers["content-type"].startswith("application/json")
    document = answer.json
    assert document["openapi"].startswith("3.")
    assert document["info"]["title"] and document["info"]["version"]
    assert {
        "/api/auth/acquire-session", "/api/auth/session", "/api/auth/logout", "/api/auth/link", "/api/emit",
        "/api/ai/chat", "/api/ai/status", "/websocket-info",
    } <= set(document["paths"])  # fmt: skip


def test_user_and_password_are_configurable(server):
    """Configuration: SWAGGER_USERNAME, SWAGGER_PASSWORD; a colon belongs to the password (RFC 7617)."""
    started = server(**gateway.SETTINGS, SWAGGER_USERNAME="jörg", SWAGGER_PASSWORD="a:b ü")
    assert http.fetch(started.gateway, "/api-docs", headers=basic("jörg", "a:b ü")).status == 200
    assert http.fetch(started.gateway, "/api-docs", headers=basic("admin", "a:b ü")).status == 401


@pytest.mark.parametrize(
    "settings",
    [{"NODE_ENV": "production"}, {"SWAGGER_PASSWORD": ""}, {"SWAGGER_PASSWORD": None}],
    ids=["production", "no password", "none set"],
)
def test_there_may_be_no_documentation(server, settings):
    """REST; acceptance 11; configuration, decision: empty disables the docs."""
    started = server(**(SERVER_SETTINGS | settings))
    for address in (started.gateway, started.front_door):
        for path in ("/api-docs", "/api-docs/json"):
            for headers in ({}, basic("admin", PASSWORD), basic("admin", "")):
                answer = http.fetch(address, path, headers=headers)
                assert is_json(answer, 404, ["success", "error"])["success"] is False
                assert "www-authenticate" not in answer.headers


