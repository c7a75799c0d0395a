"""What can be reached by whom: `--dev`, pages of other origins, secrets, and a data directory of two servers."""

import re
import socket

import pytest

from support import backends, binary, gateway, http
from support.client import Client
from support.server import DEFAULTS, Server, own_address
from support.tokens import SECRET, token

LOCAL = ["http://localhost:5173", "https://127.0.0.1", "http://[::1]:8080"]
STRANGERS = ["http://evil.example", "http://localhost.evil.example", "null"]
EVERYTHING = {name: "0" for name in ("GATEWAY_PORT", "WEBSOCKET_PORT", "BACKENDS_API_PORT", "BACKENDS_PROXY_PORT")}


def cors_of(answer: http.Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-allow-")}


def named(origin: str) -> dict[str, str]:
    return {"access-control-allow-origin": origin, "access-control-allow-credentials": "true"}


# --dev


@pytest.fixture
def dev(server) -> Server:
    return server("--dev", HOST=None, JWT_SECRET=None, RELAY=None, **EVERYTHING)


def test_dev_is_for_this_machine(dev):
    for line in (line for line in dev.stdout if line.startswith("Listening on ")):
        assert line.startswith("Listening on 127.0.0.1:")
    elsewhere = own_address()
    for address in dev.addresses.values():
        with socket.create_connection(("127.0.0.1", address.port), timeout=5):
            pass
        if elsewhere:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((elsewhere, address.port), timeout=5)


def test_dev_with_a_host_is_for_whoever_reaches_it_and_says_so(server):
    started = server("--dev", HOST="0.0.0.0", JWT_SECRET=None, RELAY=None)
    assert re.search(r"warning.*--dev.*HOST=0\.0\.0\.0", started.stderr)


APIS = [
    ("front_door", "/api/login"), ("front_door", "/health"), ("front_door", "/api/auth/session"), ("front_door", "/metrics"),
    ("gateway", "/health"), ("gateway", "/socket.io/?EIO=4&transport=polling"), ("sockets", "/"), ("channel_server", "/health"),
]  # fmt: skip


@pytest.mark.parametrize("listener, path", APIS)
def test_under_dev_pages_of_this_machine_may_use_every_api(dev, listener, path):
    for origin in LOCAL:
        assert cors_of(http.fetch(getattr(dev, listener), path, headers={"Origin": origin})) == named(origin)
    for origin in STRANGERS:
        answer = http.fetch(getattr(dev, listener), path, headers={"Origin": origin})
        assert not cors_of(answer) and "origin" in answer.headers["vary"].lower()


@pytest.mark.parametrize("origin", LOCAL)
async def test_under_dev_pages_of_this_machine_may_connect_everywhere(dev, origin):
    session = gateway.acquire(dev.gateway)
    for listener, path in [
        ("front_door", "/ws?name=alice&room=lobby"), ("disposable_chat", "/ws?name=bobby&room=lobby"), ("front_door", "/channels"),
        ("channel_server", "/"), ("front_door", "/relay/lobby"), ("front_door", f"/events?token={session}"),
        ("sockets", f"/?token={session}"), ("gateway", "/socket.io/?EIO=4&transport=websocket"),
    ]:  # fmt: skip
        await Client.open(getattr(dev, listener), path, origin=origin)
    assert http.upgrade(dev.disposable_chat, "/ws?name=alice&room=lobby", Origin=STRANGERS[0]).status == 403


def test_under_dev_the_documentation_is_open(dev, server):
    for path in ("/api-docs", "/api-docs/json"):
        assert http.fetch(dev.gateway, path).status == 200
    assert http.fetch(server(**gateway.SETTINGS).gateway, "/api-docs").status == 404


# Pages of other origins


@pytest.mark.parametrize("listener, path", APIS)
def test_any_origin_has_no_credentials_anywhere(server, listener, path):
    started = server(**EVERYTHING, CORS_ORIGIN="*", ACCEPTED_ORIGIN="*")
    for headers in ({}, {"Origin": STRANGERS[0]}):
        answer = http.fetch(getattr(started, listener), path, headers=headers)
        assert cors_of(answer) == {"access-control-allow-origin": "*"}
    assert started.stderr.count("without cookies") == 1


@pytest.mark.parametrize("listener, path", APIS)
def test_a_named_origin_has_them_everywhere(server, listener, path):
    started = server(**EVERYTHING, CORS_ORIGIN="http://a.test, http://b.test/")
    for origin in ("http://a.test", "http://b.test"):
        assert cors_of(http.fetch(getattr(started, listener), path, headers={"Origin": origin})) == named(origin)
    for headers in ({}, {"Origin": STRANGERS[0]}):
        answer = http.fetch(getattr(started, listener), path, headers=headers)
        assert not cors_of(answer) and "origin" in answer.headers["vary"].lower()
    assert "without cookies" not in started.stderr


def test_pages_can_read_refusals_of_every_kind(server):
    started = server(**EVERYTHING, CORS_ORIGIN="http://a.test")
    headers = {"Origin": "http://a.test"}
    for listener, path, method, body, status in [
        ("front_door", "/api/login", "POST", b"x" * (17 << 10), 413),
        ("front_door", "/api/login", "POST", b"x" * (2 << 20), 413),
        ("front_door", "/api/login", "POST", b"no JSON", 400),
        ("front_door", "/api/rooms", "POST", b"", 401),
        ("front_door", "/api/nothing", "GET", b"", 404),
        ("front_door", "/relay/x", "GET", b"", 403),
        ("gateway", "/api/emit", "POST", b"x" * (2 << 20), 404),
        ("gateway", "/nothing", "GET", b"", 404),
    ]:
        connection = http.Connection(getattr(started, listener))
        try:
            connection.send(http.head(method, path, connection.address, headers, body) + body)
        except OSError:
            pass  # refused before all of it was there
        answer = connection.answer(to=method)
        if path != "/relay/x":
            assert answer.status == status, path
        if answer.status != 403:
            assert cors_of(answer) == named("http://a.test"), (path, answer)


# Secrets


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n\n"])
def test_a_secret_from_a_file_has_no_end_of_line(server, tmp_path, end):
    (tmp_path / "secret").write_bytes((SECRET + end).encode())
    started = server(JWT_SECRET=None, JWT_SECRET_FILE=str(tmp_path / "secret"))
    assert http.upgrade(started.front_door, f"/?token={token('alice', 'room')}").status == 101
    started = server(JWT_SECRET=SECRET + end)
    assert http.upgrade(started.front_door, f"/?token={token('alice', 'room')}").status == 101


KEY = "sk-a-key-only-the-tests-know"


@pytest.mark.parametrize("end", ["", "\n"])
async def test_a_key_that_no_header_can_have_is_refused_without_telling_it(tmp_path, end):
    settings = DEFAULTS | gateway.SETTINGS | {"AI_API_URL": "http://127.0.0.1:9/v1"}
    ended = binary.run(tmp_path, "serve", **settings, AI_API_KEY=f"{KEY}\nx{end}")
    assert ended.returncode == 1
    assert "AI_API_KEY" in ended.stderr and KEY not in ended.stderr + ended.stdout


async def test_a_key_with_a_line_end_is_used_without_it(server):
    started = server(**gateway.SETTINGS, AI_API_URL="http://127.0.0.1:9/v1", AI_API_KEY=KEY + "\r\n")
    client = await gateway.ONE_OF_EACH[0].connect(started, gateway.acquire(started.gateway))
    await client.hears_all_of(await client.chats("Hi"))
    assert KEY not in started.said
    assert re.search(r"The AI endpoint failed.*refused", started.stderr)


def test_a_secret_given_twice_names_both(tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    ended = binary.run(tmp_path, "serve", **DEFAULTS, JWT_SECRET_FILE=str(tmp_path / "secret"))
    assert ended.returncode == 1
    assert "JWT_SECRET (" in ended.stderr and "JWT_SECRET_FILE (" in ended.stderr and SECRET not in ended.stderr


def test_a_short_secret_is_refused_and_a_shorter_one_than_usual_warned_of(server, tmp_path):
    ended = binary.run(tmp_path, "serve", **(DEFAULTS | {"JWT_SECRET": "fifteen bytes.."}))
    assert ended.returncode == 1
    assert "JWT_SECRET" in ended.stderr and "16" in ended.stderr and "fifteen bytes" not in ended.stderr
    assert "JWT_SECRET has 16 bytes" in server(JWT_SECRET="sixteen bytes...").stderr
    assert "JWT_SECRET has" not in server(JWT_SECRET="x" * 32).stderr
    server("--dev", JWT_SECRET="x")


# A data directory


def test_a_data_directory_has_the_backends_of_one_server(server, tmp_path):
    data = str(tmp_path / "data")
    first = server("--data-dir", data, **gateway.SETTINGS, **backends.SETTINGS)
    settings = DEFAULTS | {"CHANNEL_PORT": "off", "DISPOSABLE_CHAT_PORT": "off"}
    ended = binary.run(tmp_path, "serve", "--data-dir", data, **settings)
    assert ended.returncode == 1
    for word in ("PARLEY_DATA_DIR", data, f"process {first.process.pid} on ", "since ", "BACKENDS=off"):
        assert word in ended.stderr, word
    second = server("--data-dir", data, **gateway.SETTINGS, BACKENDS="off", SESSION_CHAT="off")
    session = gateway.acquire(first.gateway)
    assert gateway.look_up(second.gateway, session).status == 200
    first.stop()
    server("--data-dir", data, **backends.SETTINGS)


# Who is on this machine

NOBODY = [
    {"X-Forwarded-For": "unknown"}, {"X-Forwarded-For": ""}, {"X-Forwarded-For": "8.8.8.8,"}, {"X-Forwarded-For": '"8.8.8.8"'},
    {"X-Forwarded-For": "localhost"}, {"X-Forwarded-For": "fe80::1%eth0"}, {"X-Forwarded-For": "unknown, 127.0.0.1"},
    {"Forwarded": "for=unknown"}, {"Forwarded": "for=_hidden"}, {"Forwarded": "proto=https"}, {"X-Real-IP": "unknown"},
    {"Via": "1.1 proxy"}, {"X-Forwarded-Proto": "https"}, {"X-Forwarded-For": "8.8.8.8"},
]  # fmt: skip
HERE = [{}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Real-IP": "::1"}]


def test_a_client_that_a_proxy_does_not_know_is_not_on_this_machine(server):
    """Neither the backends' API in dev mode nor the management of channels is for it."""
    settings = EVERYTHING | {"BACKENDS_PROXY_PORT": "0", "PARLEY_TRUSTED_PROXIES": "127.0.0.0/8", "CHANNEL_MANAGEMENT_AUTH": "none"}
    started = server("--dev", JWT_SECRET=None, **settings)
    for headers, refused in [(headers, True) for headers in NOBODY] + [(headers, False) for headers in HERE]:
        for path in ("/ctrl/b", "/v2/backend/x/status"):
            answer = http.fetch(started.addresses["backends_api"], path, headers=headers)
            assert (answer.status == 403) is refused, (headers, path, answer)
        assert (http.fetch(started.channel_server, "/@connections/x", headers=headers).status == 403) is refused, headers


@pytest.mark.parametrize("host", ["", None, "localhost:99999", "sub.localhost", "127.0.0.2", "localhost.", "evil.test", "0.0.0.0"])
def test_names_that_may_lead_here_are_not_this_machine(dev, host):
    address = dev.addresses["backends_api"]
    connection = http.Connection(address)
    field = "" if host is None else f"Host: {host}\r\n"
    connection.send(f"GET /ctrl/b HTTP/{'1.0' if host is None else '1.1'}\r\n{field}\r\n")
    assert connection.answer().status in (400, 403)
    if host:
        assert http.fetch(address, "/ctrl/b", headers={"Origin": f"http://{host}"}).status == 403


def test_no_token_is_in_the_log_wherever_it_was_asked_for(server):
    token = "aB3xQ9vN2mK7pL5wR8sD4fG6hJ1kZ0cXyUoIeAaBbCc"
    started = server(**EVERYTHING | {"BACKENDS_PROXY_PORT": "0"}, PARLEY_LOG_LEVEL="trace")
    for address in started.addresses.values():
        for path in (f"/{token}/", f"//{token}/x", f"/B/{token}/", f"/%3Ftoken={token}", f"/ws%3Ftoken={token}", f"/api/%253ftoken={token}", f"/?token={token}"):
            http.fetch(address, path)
    assert "Request refused" in started.stderr
    assert token[4:] not in started.stderr


# Both loopbacks


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="there is no ::1")
@pytest.mark.parametrize("arguments, host", [(["--dev"], None), (["--dev"], "localhost"), ([], "LOCALHOST")])
def test_localhost_is_either_loopback(server, arguments, host):
    """Clients of `localhost` try one of both, and some no other."""
    started = server(*arguments, HOST=host, **EVERYTHING)
    assert len([line for line in started.stdout if line.startswith("Listening on ")]) == len(started.addresses)
    for address in started.addresses.values():
        for loopback in ["127.0.0.1", "::1"]:
            with socket.create_connection((loopback, address.port), timeout=5):
                pass


@pytest.mark.skipif(not has_ipv6(), reason="there is no ::1")
def test_one_loopback_that_was_asked_for_is_one(server):
    started = server("--dev", HOST="127.0.0.1")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("::1", started.front_door.port), timeout=5)


@pytest.mark.skipif(not has_ipv6(), reason="there is no ::1")
def test_a_port_that_is_taken_at_the_other_loopback_is_named(tmp_path):
    with socket.socket(socket.AF_INET6) as taken:
        taken.bind(("::1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = {name: value for name, value in DEFAULTS.items() if name != "HOST"} | {"PARLEY_PORT": str(port)}
        result = binary.run(tmp_path, "serve", "--dev", **settings)
    assert result.returncode == 1 and f"[::1]:{port}: the port is taken" in result.stderr


# What backends keep


def test_a_mount_base_is_of_one_server(server, tmp_path):
    settings = EVERYTHING | {"BACKENDS_MOUNT_BASE": str(tmp_path / "kept")}
    first = server("--dev", HOST=None, **settings)
    merged = {name: value for name, value in (DEFAULTS | settings).items() if name != "HOST"}
    refused = binary.run(tmp_path, "serve", "--dev", **merged)
    assert refused.returncode == 1 and "BACKENDS_MOUNT_BASE" in refused.stderr
    assert re.search(r"process \d+ on ", refused.stderr)
    first.stop()
    server("--dev", HOST=None, **settings)
