"""The issuing API of session chat."""

import re
import time

import pytest

from support import http, tokens
from support.address import Address, free_port
from support.dialects import SessionChat
from support.raw import RawWebSocket


@pytest.fixture
def address(shared_server) -> Address:
    return shared_server.front_door


def login(address: Address, user: str = "alice") -> dict[str, str]:
    """The bearer header of a fresh login."""
    answer = http.fetch(address, "/api/login", method="POST", body={"userId": user})
    assert answer.status == 200
    return {"Authorization": f"Bearer {answer.json['token']}"}


def create_room(address: Address, bearer: dict[str, str]) -> str:
    answer = http.fetch(address, "/api/rooms", method="POST", headers=bearer)
    assert answer.status == 200
    return answer.json["roomId"]


async def test_login_then_room_then_lookup_then_connect(address):
    """Session chat, acceptance 17, first half."""
    bearer = login(address)
    room = create_room(address, bearer)
    found = http.fetch(address, f"/api/rooms/{room}", headers=bearer).json
    assert list(found) == ["host", "token"] and found["host"] == address.authority
    alice = await SessionChat(address).connect_with(found["token"])
    await alice.sees(users=["alice"], messages=[])


def test_login_issues_a_token_with_the_user_only(address):
    """Session chat, issuing API row 1."""
    answer = http.fetch(address, "/api/login", method="POST", body={"userId": "alice"})
    assert answer.headers["content-type"].startswith("application/json")
    claims = tokens.claims(answer.json["token"])
    assert claims["userId"] == "alice" and "roomId" not in claims


def test_a_session_token_names_user_room_and_host(address):
    """Session chat, issuing API row 3."""
    bearer = login(address)
    room = create_room(address, bearer)
    claims = tokens.claims(http.fetch(address, f"/api/rooms/{room}", headers=bearer).json["token"])
    assert (claims["userId"], claims["roomId"], claims["host"]) == ("alice", room, address.authority)


def test_room_ids_are_random_base_36(address):
    """Session chat, issuing API row 2."""
    bearer = login(address)
    rooms = {create_room(address, bearer) for _ in range(20)}
    assert len(rooms) == 20
    assert all(re.fullmatch(r"[0-9a-z]{8,16}", room) for room in rooms)


def test_an_unknown_room_gives_nulls(address):
    """Session chat, acceptance 17; issuing API row 4."""
    answer = http.fetch(address, "/api/rooms/nowhere", headers=login(address))
    assert (answer.status, answer.json) == (200, {"host": None, "token": None})


BAD_BEARERS = {
    "missing": lambda good: None,
    "other scheme": lambda good: good.replace("Bearer", "Basic"),
    "three parts": lambda good: good + " x",
    "no scheme": lambda good: good.split(" ")[1],
    "garbage": lambda good: "Bearer garbage",
    "another secret": lambda good: "Bearer " + tokens.signed({"userId": "alice"}, secret="other"),
    "alg none": lambda good: "Bearer " + tokens.signed({"userId": "alice"}, algorithm="none"),
    "expired": lambda good: "Bearer " + tokens.signed({"userId": "alice", "exp": int(time.time()) - 1}),
}


@pytest.mark.parametrize("method, path", [("POST", "/api/rooms"), ("GET", "/api/rooms/any")])
@pytest.mark.parametrize("case", BAD_BEARERS)
def test_a_missing_or_bad_bearer_is_401(address, case, method, path):
    """Session chat, acceptance 17; issuing API row 5."""
    bearer = BAD_BEARERS[case](login(address)["Authorization"])
    answer = http.fetch(address, path, method=method, headers={"Authorization": bearer} if bearer else {})
    assert (answer.status, answer.text) == (401, "Unauthorized")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("scheme", ["bearer ", "BEARER ", "Bearer   "])
def test_the_scheme_is_written_in_any_case_with_any_number_of_spaces(address, scheme):
    """RFC 9110 §11.1, §11.4."""
    bearer = login(address)["Authorization"].replace("Bearer ", scheme)
    assert http.fetch(address, "/api/rooms", method="POST", headers={"Authorization": bearer}).status == 200


def test_a_login_token_does_not_open_a_socket(address):
    """Session chat, Token: a login token has no roomId."""
    token = login(address)["Authorization"].split(" ")[1]
    assert http.upgrade(address, f"/?token={token}").status == 401


@pytest.mark.parametrize(
    "body",
    [b"nonsense", b"", b"[]", b"{}", b'{"userId":""}', b'{"userId":5}', b'{"userId":"' + b"a" * 257 + b'"}', b"\xff"],
    ids=["no JSON", "empty", "array", "no userId", "empty userId", "number", "257 units", "no UTF-8"],
)
def test_an_unusable_login_is_400_with_an_error(address, body):
    """Session chat, issuing API: decision on validation."""
    answer = http.fetch(
        address, "/api/login", method="POST", body=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status == 400
    assert isinstance(answer.json["error"], str) and answer.json["error"]


def test_issued_tokens_expire_after_a_day(address):
    """Session chat, decision: TOKEN_TTL defaults to 86400."""
    claims = tokens.claims(login(address)["Authorization"].split(" ")[1])
    assert abs(claims["exp"] - time.time() - 86400) < 10


def test_token_ttl_zero_issues_tokens_without_end(server):
    """Session chat, decision: TOKEN_TTL=0."""
    claims = tokens.claims(login(server(TOKEN_TTL=0).front_door)["Authorization"].split(" ")[1])
    assert "exp" not in claims


async def test_an_issued_token_that_expires_closes_the_socket(server):
    """Session chat, decision: TOKEN_TTL and 1008 `Token expired`."""
    address = server(TOKEN_TTL=2).front_door
    bearer = login(address)
    room = create_room(address, bearer)
    found = http.fetch(address, f"/api/rooms/{room}", headers=bearer).json
    alice = await SessionChat(address).connect_with(found["token"])
    await alice.sees(users=["alice"])
    await alice.is_closed(1008, "Token expired")


def test_the_configured_session_server_is_what_lookup_names(server):
    """Session chat, issuing API: SESSION_SERVER_HOST, one stays for a room."""
    hosts = {"one.test:8000", "two.test:8000"}
    address = server(SESSION_SERVER_HOST=",".join(hosts)).front_door
    bearer = login(address)
    room = create_room(address, bearer)
    found = [http.fetch(address, f"/api/rooms/{room}", headers=bearer).json["host"] for _ in range(5)]
    assert len(set(found)) == 1 and found[0] in hosts


async def test_a_token_for_the_configured_host_is_accepted_under_that_host(server):
    """Session chat, Token: `host` against the Host header, through SESSION_SERVER_HOST."""
    address = server(SESSION_SERVER_HOST="chat.test:8000").front_door
    bearer = login(address)
    room = create_room(address, bearer)
    token = http.fetch(address, f"/api/rooms/{room}", headers=bearer).json["token"]
    RawWebSocket.open(address, f"/?token={token}", headers={"Host": "chat.test:8000"})
    assert http.upgrade(address, f"/?token={token}").status == 401


def test_the_api_is_off_when_the_issuer_is_disabled(server):
    """Session chat, decision: ISSUER_ENABLED=false."""
    address = server(ISSUER_ENABLED="false").front_door
    answer = http.fetch(address, "/api/login", method="POST", body={"userId": "alice"})
    assert answer.status in (403, 404, 426)
    assert b"token" not in answer.body


def test_options_is_answered_204(address):
    """Session chat, decision: CORS; none by default."""
    for path in ("/api/login", "/api/rooms", "/api/rooms/any"):
        answer = http.fetch(address, path, method="OPTIONS", headers={"Origin": "http://web.test"})
        assert answer.status == 204
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("variable", ["CORS_ORIGIN", "SESSION_CHAT_CORS_ORIGIN"])
def test_the_configured_origin_may_use_the_api(server, variable):
    """Session chat, decision: CORS_ORIGIN; decision 2 for the prefixed name."""
    address = server(**{variable: "http://web.test"}).front_door
    preflight = {
        "Origin": "http://web.test",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = http.fetch(address, "/api/rooms", method="OPTIONS", headers=preflight)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "http://web.test"
    assert "authorization" in answer.headers["access-control-allow-headers"].lower()
    body = {"userId": "alice"}
    answer = http.fetch(address, "/api/login", method="POST", body=body, headers={"Origin": "http://web.test"})
    assert answer.headers["access-control-allow-origin"] == "http://web.test"


def test_the_api_is_also_on_a_port_of_its_own(server):
    """Session chat, decision: BACKEND_PORT."""
    port = free_port()
    server(BACKEND_PORT=port, CHANNEL_PORT="off", DISPOSABLE_CHAT_PORT=None)
    bearer = login(Address("127.0.0.1", port))
    assert create_room(Address("127.0.0.1", port), bearer)
