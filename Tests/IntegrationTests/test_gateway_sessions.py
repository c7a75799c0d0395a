"""Event gateway: sessions, who may change them, and what that does to live connections."""

import subprocess
import time

import pytest

from support import binary, gateway, http
from support.gateway import NATIVE_WAYS, ONE_OF_EACH, SOCKET_IO_WAYS, WAYS, name_of
from support.raw import RawWebSocket

SERVER_SETTINGS = gateway.SETTINGS
THIRTY_DAYS = 30 * 24 * 3600
PORTS = ["gateway", "front_door"]


@pytest.fixture
def token(shared_server) -> str:
    return gateway.acquire(shared_server.gateway)


# REST


@pytest.mark.parametrize("port", PORTS)
def test_a_session_is_anonymous_and_lasts_thirty_days(shared_server, port):
    """Acceptance 1."""
    answer = gateway.post(getattr(shared_server, port), "/api/auth/acquire-session")
    assert (answer.status, list(answer.json)) == (200, ["success", "data"])
    assert list(answer.json["data"]) == ["token", "expiresAt"]
    assert len(answer.json["data"]["token"]) == 43
    assert abs(gateway.seconds_from_now(answer.json["data"]["expiresAt"]) - THIRTY_DAYS) < 10


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("place", ["header", "query", "cookie"])
def test_a_session_is_shown_to_its_bearer(shared_server, token, port, place):
    """Acceptance 1."""
    path, headers = "/api/auth/session", {}
    if place == "header":
        headers = gateway.bearer(token)
    elif place == "query":
        path += f"?token={token}"
    else:
        headers = {"Cookie": f"other=1; token={token}"}
    answer = http.fetch(getattr(shared_server, port), path, headers=headers)
    data = answer.json["data"]
    assert list(data) == ["token", "userId", "isLoggedIn", "expiresAt"]
    assert (data["token"], data["userId"], data["isLoggedIn"]) == (token, None, False)


@pytest.mark.parametrize(
    "headers, error",
    [({}, "No token provided"), (gateway.bearer("wrong"), "Invalid or expired session")],
    ids=["none", "wrong"],
)
def test_without_a_good_token_there_is_no_session(shared_server, headers, error):
    """REST, decision 1: 401."""
    answer = http.fetch(shared_server.gateway, "/api/auth/session", headers=headers)
    assert (answer.status, answer.json) == (401, {"success": False, "error": error})


def test_logout_takes_unknown_tokens_but_not_none(shared_server):
    assert gateway.post(shared_server.gateway, "/api/auth/logout", **gateway.bearer("unknown")).status == 200
    answer = gateway.post(shared_server.gateway, "/api/auth/logout")
    assert (answer.status, answer.json["success"]) == (400, False)


def test_a_logout_ends_a_handshake_that_is_under_way(shared_server, token):
    """The token is checked at the head of the request, and the connection opened at its end."""
    socket = RawWebSocket(shared_server.sockets)
    socket.send(http.head("GET", f"/?token={token}", shared_server.sockets, http.upgrade_headers() | {"Content-Length": "1"}))
    # as a rule the token is checked by then; if not, it is refused
    time.sleep(0.3)
    gateway.logout(shared_server.gateway, token)
    socket.send(b"x")
    if socket.answer().status == 101:
        assert socket.close_code() == 1008


@pytest.mark.parametrize("path", ["/api/auth/link", "/api/emit"])
def test_admin_routes_want_the_admin_token(shared_server, token, path):
    """Settled 10."""
    body = {"token": token, "userId": "u", "event": "e", "session": token}
    assert gateway.post(shared_server.gateway, path, body, **gateway.bearer("wrong")).status == 401
    assert gateway.post(shared_server.gateway, path, body).status == 401
    assert gateway.as_admin(shared_server.gateway, path, b"{").status == 400
    assert gateway.as_admin(shared_server.gateway, path, {}).status == 400
    unknown = {"token": "unknown", "userId": "u", "event": "e", "session": "unknown"}
    assert gateway.as_admin(shared_server.gateway, path, unknown).status == 404


@pytest.mark.parametrize("path", ["/api/auth/link", "/api/emit"])
def test_without_an_admin_token_there_are_no_admin_routes(server, path):
    """Settled 10."""
    started = server(GATEWAY_PORT="0", WEBSOCKET_PORT="0")
    assert gateway.post(started.gateway, path, {"token": "x", "userId": "y"}, **gateway.bearer("")).status == 404


# Live connections


@pytest.mark.parametrize("way", WAYS, ids=name_of)
async def test_a_logout_ends_the_connections_of_its_session(shared_server, token, way):
    """Acceptance 12."""
    other = await way.connect(shared_server, gateway.acquire(shared_server.gateway))
    client = await way.connect(shared_server, token)
    gateway.logout(shared_server.gateway, token)
    await client.is_ended()
    await other.is_alive()


@pytest.mark.parametrize("way", ONE_OF_EACH, ids=name_of)
async def test_the_end_of_a_session_ends_its_connections(server, way):
    """Authentication, decision: expiry."""
    started = server(**SERVER_SETTINGS, SESSION_TTL="2")
    client = await way.connect(started, gateway.acquire(started.gateway))
    await client.is_alive()
    await client.is_ended()


@pytest.mark.parametrize("way", WAYS, ids=name_of)
async def test_a_linked_session_has_a_user(shared_server, token, way):
    """Acceptance 13."""
    gateway.link(shared_server.gateway, token, "user-7")
    client = await way.connect(shared_server, token)
    assert client.greeting["isLoggedIn"] is True
    info = await client.asks("info")
    assert (info["session"]["userId"], info["session"]["authenticated"]) == ("user-7", True)


@pytest.mark.parametrize("to", ["session", "user"])
async def test_an_event_reaches_both_protocols_and_nobody_else(shared_server, token, to, room):
    """POST /api/emit."""
    gateway.link(shared_server.gateway, token, room)
    clients = await gateway.open_all(shared_server, token)
    other = await NATIVE_WAYS[0].connect(shared_server, gateway.acquire(shared_server.gateway))
    gateway.emit(shared_server.gateway, "news", {"n": 1.0}, **{to: token if to == "session" else room})
    for client in clients:
        assert await client.expects_event("news") == {"n": 1.0}
    await other.is_alive()


async def test_an_event_may_be_for_everybody(server):
    """POST /api/emit without a session or user."""
    started = server(**SERVER_SETTINGS)
    clients = [await way.connect(started, gateway.acquire(started.gateway)) for way in ONE_OF_EACH]
    gateway.emit(started.gateway, "news", "all")
    for client in clients:
        assert await client.expects_event("news") == "all"


# Restarts


def test_sessions_survive_a_restart_with_a_data_directory(server, tmp_path):
    """design §4; --data-dir."""
    data = str(tmp_path / "data")
    first = server("--data-dir", data, **SERVER_SETTINGS)
    token, gone = gateway.acquire(first.gateway), gateway.acquire(first.gateway)
    gateway.link(first.gateway, token, "alice")
    gateway.logout(first.gateway, gone)
    first.stop()
    second = server("--data-dir", data, **SERVER_SETTINGS)
    answer = gateway.look_up(second.gateway, token)
    assert (answer.status, answer.json["data"]["userId"]) == (200, "alice")
    assert gateway.look_up(second.gateway, gone).status == 401
    assert token.encode() not in b"".join(file.read_bytes() for file in (tmp_path / "data").iterdir())


def test_a_data_directory_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    ended = subprocess.run(
        [binary.find(), "serve", "--dev", "--port", "0", "--data-dir", str(tmp_path / "file" / "data")],
        env=binary.environment(tmp_path, {"GATEWAY_PORT": "off", "WEBSOCKET_PORT": "off", "CHANNEL_PORT": "off"}),
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert ended.returncode == 1
    assert "PARLEY_DATA_DIR" in ended.stderr or "data" in ended.stderr


@pytest.mark.parametrize("way", SOCKET_IO_WAYS[:1], ids=name_of)
async def test_a_wrong_token_is_a_connect_error_in_known_words(shared_server, way):
    """Acceptance 8."""
    client = await way.kind.open(getattr(shared_server, way.listener), way.path)
    await client.is_refused(gateway.BAD_TOKEN, {"token": "wrong"})
    await client.is_refused(gateway.TOKEN_REQUIRED)
