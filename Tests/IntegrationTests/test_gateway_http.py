"""Event gateway: what plain HTTP sees on each of its ports."""

import pytest

from support import gateway, http

SERVER_SETTINGS = gateway.SETTINGS | {"SWAGGER_PASSWORD": "secret"}
CREDENTIALS = {"Authorization": "Basic YWRtaW46c2VjcmV0"}
ORIGINS = ["http://localhost:5173", "http://localhost:8100"]


@pytest.mark.parametrize("path", ["/", "/ws", "/socket.io/", "/any/thing?x=1"])
def test_the_socket_port_describes_itself(shared_server, path):
    """Acceptance 9."""
    answer = http.fetch(shared_server.sockets, path)
    assert answer.status == 200
    information = answer.json
    assert list(information) == ["message", "version", "status", "protocols", "usage"]
    assert list(information["protocols"]["socketio"]) == ["path", "description", "transports"]
    assert list(information["protocols"]["websocket"]) == ["path", "description", "authentication"]
    origin = f"{shared_server.sockets.host}:{shared_server.sockets.port}"
    assert all(origin in text and "/ws" in text for text in information["usage"].values())


def test_any_method_is_answered_there(shared_server):
    assert http.fetch(shared_server.sockets, "/x", method="POST", body=b"{}").status == 200
    assert http.fetch(shared_server.sockets, "/x", method="OPTIONS").status == 204


@pytest.mark.parametrize("port", ["gateway", "sockets", "front_door"])
def test_long_polling_works_on_every_port(shared_server, port):
    """Acceptance 9."""
    answer = http.fetch(getattr(shared_server, port), "/socket.io/?EIO=4&transport=polling")
    assert (answer.status, answer.text[:8]) == (200, '0{"sid":')
    old = http.fetch(getattr(shared_server, port), "/socket.io/?EIO=3&transport=polling")
    assert (old.status, old.json) == (400, {"code": 5, "message": "Unsupported protocol version"})


@pytest.mark.parametrize("port", ["gateway", "front_door"])
def test_plain_socket_io_is_an_unknown_transport(shared_server, port):
    answer = http.fetch(getattr(shared_server, port), "/socket.io/")
    assert (answer.status, answer.body) == (400, b'{"code":0,"message":"Transport unknown"}')


def test_the_main_port_says_what_it_is(shared_server):
    """REST table."""
    welcome = http.fetch(shared_server.gateway, "/").json
    assert list(welcome) == ["message", "version", "status", "features"]
    assert welcome["features"] == {"rest": True, "websocket": True, "sessionAcquisition": True}
    health = http.fetch(shared_server.gateway, "/health").json
    assert (list(health), health["status"]) == (["status", "timestamp"], "healthy")
    assert http.fetch(shared_server.gateway, "/health/db").status == 200
    assert http.fetch(shared_server.gateway, "/websocket-info").status == 200
    nowhere = http.fetch(shared_server.gateway, "/nowhere")
    assert (nowhere.status, nowhere.json["success"]) == (404, False)


# CORS


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize(
    "port, path",
    [("gateway", "/api/ai/status"), ("gateway", "/socket.io/?EIO=4&transport=polling"), ("sockets", "/"),
     ("sockets", "/socket.io/?EIO=4&transport=polling"), ("front_door", "/api/ai/status"), ("gateway", "/nowhere")],
)
def test_listed_origins_are_echoed(shared_server, origin, port, path):
    """Acceptance 10."""
    answer = http.fetch(getattr(shared_server, port), path, headers={"Origin": origin})
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "Origin" in answer.headers["vary"]
    stranger = http.fetch(getattr(shared_server, port), path, headers={"Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers


@pytest.mark.parametrize("path", ["/api/auth/link", "/anything"])
def test_preflight_requests_are_answered(shared_server, path):
    headers = {"Origin": ORIGINS[0], "Access-Control-Request-Method": "POST"}
    answer = http.fetch(shared_server.gateway, path, method="OPTIONS", headers=headers)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-methods"] == "GET, POST, PUT, DELETE, PATCH, OPTIONS"
    assert answer.headers["access-control-allow-headers"] == "Content-Type, Authorization, X-Requested-With"
    assert answer.headers["access-control-max-age"] == "86400"


def test_cors_can_be_left_to_a_proxy(server):
    """Acceptance 10."""
    started = server(**SERVER_SETTINGS, DISABLE_CORS="true")
    for address in (started.gateway, started.sockets):
        for path in ("/api/ai/status", "/socket.io/?EIO=4&transport=polling"):
            answer = http.fetch(address, path, headers={"Origin": ORIGINS[0]})
            assert not [name for name in answer.headers if name.startswith("access-control")]


def test_own_origins_replace_the_defaults(server):
    started = server(**SERVER_SETTINGS, CORS_ORIGIN="http://a.example, http://b.example")
    for origin, allowed in [("http://b.example", True), (ORIGINS[0], False)]:
        answer = http.fetch(started.gateway, "/api/ai/status", headers={"Origin": origin})
        assert (answer.headers.get("access-control-allow-origin") == origin) is allowed


# API documentation


def test_the_documentation_has_a_password(shared_server):
    """Acceptance 11."""
    for path in ("/api-docs", "/api-docs/json"):
        answer = http.fetch(shared_server.gateway, path)
        assert answer.status == 401
        assert 'realm="Swagger Documentation"' in answer.headers["www-authenticate"]
        assert http.fetch(shared_server.gateway, path, headers=CREDENTIALS).status == 200
        wrong = {"Authorization": "Basic YWRtaW46d3Jvbmc="}
        assert http.fetch(shared_server.gateway, path, headers=wrong).status == 401


def test_the_document_lists_what_is_there(shared_server):
    document = http.fetch(shared_server.gateway, "/api-docs/json", headers=CREDENTIALS).json
    assert document["openapi"].startswith("3.1")
    assert {"/api/auth/acquire-session", "/api/auth/link", "/api/emit", "/api/ai/chat", "/health"} <= set(document["paths"])
    assert "ai:chat" in document["x-events"]["client"]


@pytest.mark.parametrize("settings", [{"NODE_ENV": "production"}, {"SWAGGER_PASSWORD": ""}], ids=["production", "no password"])
def test_the_documentation_can_be_off(server, settings):
    """Acceptance 11."""
    started = server(**(SERVER_SETTINGS | settings))
    answer = http.fetch(started.gateway, "/api-docs", headers=CREDENTIALS)
    assert (answer.status, answer.json["success"]) == (404, False)
