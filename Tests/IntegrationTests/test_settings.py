"""Settings as they are found in the world: files of other systems, environments of other programs, and slips."""

import socket
import threading

import pytest

from support import binary, http, tokens
from support.address import free_port
from support.server import DEFAULTS


@pytest.fixture
def parley(tmp_path):
    """Runs a command to its end."""

    def run(*arguments: str, **settings):
        settings = {name: str(value) for name, value in settings.items() if value is not None}
        return binary.run(tmp_path, *arguments, **settings)

    return run


@pytest.fixture
def mistakes(parley):
    """What `parley serve` finds wrong, one line each; `check-config` finds the same."""

    def serve(*arguments: str, **settings) -> list[str]:
        merged = DEFAULTS | settings
        result = parley("serve", *arguments, **merged)
        assert result.returncode == 1 and "Listening" not in result.stdout, result.said
        lines = result.stderr.splitlines()
        assert all(line.startswith("parley: ") for line in lines), lines
        return [line.removeprefix("parley: ") for line in lines]

    return serve


# .env


@pytest.mark.parametrize(
    "text",
    [
        "JWT_SECRET={}\r\nMAX_TEXT_LENGTH=5\r\n",
        "\ufeffJWT_SECRET={}\nMAX_TEXT_LENGTH=5\n",
        "export JWT_SECRET='{}'\nexport MAX_TEXT_LENGTH=5 # few\n",
        'JWT_SECRET="{}"\nMAX_TEXT_LENGTH="5"\n',
        "SECRET={}\nJWT_SECRET=${{SECRET}}\nMAX_TEXT_LENGTH=${{LENGTH:-5}}\n",
    ],
)
def test_a_dotenv_file_is_read_as_elsewhere(server, tmp_path, text):
    """docs/configuration.md, .env."""
    (tmp_path / ".env").write_bytes(text.format(tokens.SECRET).encode())
    started = server(JWT_SECRET=None, MAX_TEXT_LENGTH=None)
    assert http.upgrade(started.front_door, f"/?token={tokens.token('alice', 'room')}").status == 101


def test_a_dotenv_file_that_cannot_be_read_is_refused_with_its_lines(mistakes, tmp_path):
    """File and line number."""
    (tmp_path / ".env").write_text("A=1\nB='never closed\nC=${NOWHERE}\nD\n")
    assert [line.partition(": ")[0] for line in mistakes()] == [".env, line 2", ".env, line 3"]


def test_a_dotenv_file_of_another_encoding_is_refused(mistakes, tmp_path):
    """As PowerShell writes it."""
    (tmp_path / ".env").write_text("A=1\n", encoding="utf-16")
    (line,) = mistakes()
    assert ".env, line 1" in line and "UTF-8" in line


def test_a_default_port_gives_way_to_the_front_door(parley):
    """Where an event gateway was deployed before: docs/configuration.md, Listeners."""
    result = parley("check-config", JWT_SECRET=tokens.SECRET, PORT=3000, WEBSOCKET_PORT=3500)
    assert result.returncode == 0, result.said
    assert "GATEWAY_PORT has only its default, 3000" in result.stderr
    result = parley("check-config", JWT_SECRET=tokens.SECRET, PORT=3000, GATEWAY_PORT=3000)
    assert result.returncode == 1 and "PORT and GATEWAY_PORT are both 3000" in result.stderr


# The environment of others


def test_what_is_meant_for_others_is_ignored_and_said(server):
    """Kubernetes' service links, and variables of other programs."""
    links = {f"{name}_PORT": "tcp://10.3.2.1:80" for name in ("PARLEY", "SERVER", "BACKEND", "SESSION_CHAT")}
    port = free_port()
    started = server(**links, PORT=port, DEBUG="socket.io*", HOST="x86_64-conda-linux-gnu")
    assert started.front_door.port == port
    for name in [*links, "DEBUG", "HOST"]:
        assert f"{name} is '" in started.stderr and "ignored" in started.stderr


# Mistakes


def test_all_mistakes_are_reported_at_once(mistakes, tmp_path):
    """Each names its key and its source."""
    (tmp_path / ".env").write_text("TOKEN_TTL=a day\n")
    (tmp_path / "parley.yaml").write_text("log_levle: info\nhistory_limit: -1\n")
    found = mistakes("--config", "parley.yaml", "--log-format", "xml", CHANNEL_ECHO="x", PARLEY_PORT="x", RELAY="y")
    for words in [
        ("parley.yaml, line 1", "'log_levle'", "'parley_log_level'"),
        ("HISTORY_LIMIT is '-1', from parley.yaml",),
        ("TOKEN_TTL is 'a day', from .env",),
        ("PARLEY_LOG_FORMAT is 'xml', from the command line", "text, json"),
        ("CHANNEL_ECHO is 'x', from the environment", "true or false"),
        ("PARLEY_PORT is 'x'",),
        ("RELAY is 'y'", "off, open, jwt"),
    ]:
        assert sum(all(word in line for word in words) for line in found) == 1, (words, found)
    assert len(found) == 7


@pytest.mark.parametrize(
    "settings, found",
    [
        ({"BACKENDS_PORT_RANGE": "9-1", "BACKENDS_API_PORT": "0"}, ["BACKENDS_PORT_RANGE is '9-1', from the environment"]),
        ({"PONG_WAIT": "1"}, ["PONG_WAIT is 1, from the environment, and PING_PERIOD is 54, from its default"]),
        ({"PARLEY_TLS_KEY": "k.pem"}, ["PARLEY_TLS_KEY, from the environment, is set and PARLEY_TLS_CERTIFICATE is not"]),
        ({"CHANNEL_MANAGEMENT_AUTH": "token"}, ["CHANNEL_MANAGEMENT_AUTH=token, from the environment"]),
        ({"RELAY": "jwt", "SESSION_CHAT": "off"}, ["RELAY=jwt, from the environment"]),
        ({"PARLEY_TRUSTED_PROXIES": "a, 10.0.0.1, b/9"}, ["PARLEY_TRUSTED_PROXIES names 'a', 'b/9', from the environment"]),
        ({"SWAGGER_UI_DIR": "/nope"}, ["SWAGGER_UI_DIR is '/nope', from the environment"]),
        ({"CHANNEL_MANAGEMENT_TOKEN": "a\nb"}, ["CHANNEL_MANAGEMENT_TOKEN, from the environment"]),
        ({"JWT_SECRET": None, "JWT_SECRET_FILE": "/nope"}, ["JWT_SECRET_FILE is '/nope', from the environment"]),
        ({"AI_API_URL": "ftp://x", "AI_API_KEY": "\u00e9"}, ["AI_API_URL", "AI_API_KEY, from the environment"]),
    ],
)
def test_a_mistake_says_where_it_comes_from_and_nothing_besides(mistakes, settings, found):
    lines = mistakes(**settings)
    assert len(lines) == len(found) and all(line.startswith(start) for line, start in zip(lines, found, strict=True)), lines


@pytest.mark.parametrize("text", [b"A=1\nB=\x00\n", b"A='open\n"])
def test_a_secret_that_may_stand_in_a_faulty_file_is_not_said_to_be_missing(mistakes, tmp_path, text):
    (tmp_path / ".env").write_bytes(text)
    (line,) = mistakes(JWT_SECRET=None)
    assert line.startswith(".env, line ")


def test_a_secret_that_may_stand_in_yaml_is_not_said_to_be_missing(mistakes, tmp_path):
    (tmp_path / "parley.yaml").write_text("a: [\n")
    (line,) = mistakes("--config", "parley.yaml", JWT_SECRET=None)
    assert "not YAML" in line


@pytest.mark.parametrize("relay, is_said", [("off", False), ("open", True)])
def test_what_dev_opens_is_said_as_it_is(server, relay, is_said):
    started = server("--dev", HOST="0.0.0.0", RELAY=relay)
    (line,) = [line for line in started.stderr.splitlines() if "--dev opens" in line]
    assert ("the relay" in line) == is_said


def test_every_taken_port_is_named_with_its_setting(mistakes):
    """Two at once."""
    with socket.socket() as one, socket.socket() as two:
        for holder in (one, two):
            holder.bind(("127.0.0.1", 0))
            holder.listen()
        ports = [holder.getsockname()[1] for holder in (one, two)]
        found = mistakes(PARLEY_PORT=ports[0], CHANNEL_PORT=ports[1])
    assert len(found) == 2
    for line, port, setting in zip(found, ports, ("PARLEY_PORT", "CHANNEL_PORT"), strict=True):
        assert f"127.0.0.1:{port}: the port is taken" in line and setting in line


@pytest.mark.parametrize(
    "host, words",
    [
        ("192.0.2.1", ("this machine has no such address", "HOST")),
        ("no-such-host.invalid", ("no address is known for that name", "HOST")),
        ("2001:db8::1", ("[2001:db8::1]:", "HOST")),
        ("http://localhost", ("HOST is 'http://localhost', from the environment", "without scheme and port")),
    ],
)
def test_an_address_that_cannot_be_bound_is_blamed_on_host(mistakes, host, words):
    """Not on the port."""
    for line in mistakes(HOST=host):
        assert all(word in line for word in words), line
        assert "errno" not in line and "another port" not in line


def test_files_of_tls_are_told_apart(mistakes, tmp_path):
    """Which one is wrong, and what it should be."""
    (tmp_path / "text").write_text("no certificate")
    missing = mistakes(PARLEY_TLS_CERTIFICATE="missing.pem", PARLEY_TLS_KEY="text")
    assert missing == ["TLS cannot be set up: PARLEY_TLS_CERTIFICATE=missing.pem cannot be read: No such file or directory."]
    (text,) = mistakes(PARLEY_TLS_CERTIFICATE="text", PARLEY_TLS_KEY="text")
    assert "PARLEY_TLS_CERTIFICATE=text is no certificate chain in PEM form" in text


def can_bind_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
            return True
    except OSError:
        return False


@pytest.mark.skipif(not can_bind_ipv6(), reason="this machine has no IPv6")
def test_ipv6_stands_in_brackets_wherever_it_becomes_a_url(tmp_path, parley):
    """The lines that announce listeners, the guide, and healthcheck."""
    from support.process import Process

    port = free_port()
    settings = {"HOST": "::1", "PARLEY_PORT": str(port), "GATEWAY_PORT": "off", "WEBSOCKET_PORT": "off"}
    settings |= {"CHANNEL_PORT": "off", "BACKENDS_API_PORT": "off", "BACKENDS_PROXY_PORT": "off"}
    process = Process(tmp_path, [binary.find(), "serve", "--dev"], settings)
    try:
        process.waits_for_listeners(1)
        assert f"Listening on [::1]:{port}" in process.stdout
        process.waits_for(rf".*ws://\[::1\]:{port}/")
        assert parley("healthcheck", **settings).returncode == 0
    finally:
        process.stop()


# check-config


def test_check_config_shows_what_dev_would_do(parley):
    """`check-config --dev`."""
    result = parley("check-config", "--dev")
    assert result.returncode == 0, result.said
    rows = {line.split()[0]: line for line in result.stdout.splitlines()}
    for name, value in [("HOST", "127.0.0.1"), ("RELAY", "open"), ("BACKENDS_MODE", "dev"), ("JWT_SECRET", "made")]:
        assert value in rows[name] and rows[name].endswith("--dev"), rows[name]
    assert parley("check-config").returncode == 1


def test_dev_listens_on_this_machine_alone(server):
    """docs/configuration.md, --dev."""
    started = server("--dev", HOST=None, JWT_SECRET=None, RELAY=None)
    assert f"Listening on 127.0.0.1:{started.front_door.port}" in started.stdout


# URLs, origins, and what is shown of values

BAD_URLS = ["http://127.0.0.1:99999/v1", "http://u:pw-secret@h:0/?k=k-secret", "ftp://u:pw-secret@h/"]


@pytest.mark.parametrize("url", BAD_URLS)
@pytest.mark.parametrize("name", ["AI_API_URL", "BACKENDS_FORWARD_AUTH", "BACKENDS_PUBLIC_API_URL", "BACKENDS_ROOT_REDIRECT"])
def test_a_url_that_would_end_the_process_later_ends_the_start(mistakes, name, url):
    """docs/configuration.md, URLs and origins."""
    (line,) = mistakes(**{name: url})
    assert line.startswith(f"{name} is '") and "from the environment: expected a URL" in line and "-secret" not in line


@pytest.mark.parametrize("url", BAD_URLS)
@pytest.mark.parametrize("command", [["healthcheck"], ["backends", "list"], ["backends", "info", "x"]])
def test_so_does_one_of_the_command_line(parley, command, url):
    result = parley(*command, "--url", url)
    assert result.returncode == 1, result.said
    assert result.stderr.startswith("parley: --url is '") and "-secret" not in result.said and len(result.stderr.splitlines()) == 1


def test_a_server_cannot_lead_the_command_line_elsewhere(parley):
    """Redirects, also to a port that is none."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def answer():
            client, _ = listener.accept()
            with client:
                client.recv(65536)
                client.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:99999/\r\nContent-Length: 0\r\n\r\n")

        for command in (["healthcheck"], ["backends", "list"]):
            thread = threading.Thread(target=answer)
            thread.start()
            result = parley(*command, "--url", url)
            thread.join()
            assert result.returncode == 1 and "302" in result.stderr, result.said


@pytest.mark.parametrize("command", [["healthcheck", "--timeout", "9223372036854775807"], ["token", "--user", "u", "--ttl", "9223372036854775807"]])
def test_numbers_of_the_command_line_have_bounds(parley, command):
    result = parley(*command, JWT_SECRET=tokens.SECRET)
    assert result.returncode == 2 and command[-2] in result.stderr, result.said


@pytest.mark.parametrize("value", ["null", "https://ok.test,null", "ok.test/x", "*.test", "https://a https://b", '"https://a.test"', "https://a.test/path", "https://a.test:99999"])
@pytest.mark.parametrize("name", ["CORS_ORIGIN", "SESSION_CHAT_CORS_ORIGIN", "GATEWAY_CORS_ORIGIN", "ACCEPTED_ORIGIN"])
def test_origins_that_no_page_or_every_page_has_are_refused(mistakes, name, value):
    (line,) = mistakes(**{name: value})
    assert line.startswith(f"{name} is '") and "expected origins" in line


def test_a_value_does_not_split_a_message(mistakes, tmp_path):
    """Each line is the program's own."""
    for settings in [
        {"PARLEY_DATA_DIR": "/proc/a\nFORGED"},
        {"PARLEY_TLS_CERTIFICATE": "/a\nFORGED", "PARLEY_TLS_KEY": "/b\r\nFORGED"},
        {"BACKENDS_PORT_RANGE": "a\nFORGED"},
        {"PARLEY_TRUSTED_PROXIES": "a\nFORGED"},
        {"SWAGGER_UI_DIR": "/a\nFORGED", "RELAY": "x\x1b[31m\nFORGED"},
    ]:
        for line in mistakes(**settings):
            assert not line.startswith("FORGED") and "\x1b" not in line
    (tmp_path / "a\nFORGED.yaml").write_text("x: [")
    assert all("FORGED" in line for line in mistakes("--config", "a\nFORGED.yaml"))


def test_urls_are_shown_without_what_they_keep_to_themselves(parley):
    url = "http://user:pw-secret@127.0.0.1:1/v1?key=k-secret"
    result = parley("check-config", JWT_SECRET=tokens.SECRET, AI_API_URL=url, BACKENDS_FORWARD_AUTH=url, BACKENDS_COMMAND=f"run {url}")
    assert result.returncode == 0 and "-secret" not in result.said, result.said
    assert result.stdout.count("http://********@127.0.0.1:1/v1?********") == 3
    for command in (["backends", "list"], ["healthcheck"], ["connect"]):
        place = [url] if command == ["connect"] else ["--url", url]
        result = parley(*command, *place)
        assert result.returncode != 0 and "-secret" not in result.said, result.said


@pytest.mark.parametrize("end", ["\r", " ", "\r\n"])
def test_line_ends_of_other_systems_are_no_part_of_values(server, end):
    """As `docker --env-file` leaves them."""
    settings = {"NODE_ENV": "production", "SWAGGER_PASSWORD": "x", "CORS_ORIGIN": "https://a.test", "WEBSOCKET_PATH": "/socket", "GATEWAY_PORT": "0"}
    started = server(**{name: value + end for name, value in settings.items()})
    assert http.fetch(started.gateway, "/api-docs").status == 404
    assert http.fetch(started.front_door, "/healthz", headers={"Origin": "https://a.test"}).headers["access-control-allow-origin"] == "https://a.test"


def test_the_token_of_the_command_line_may_have_a_line_end(parley, tmp_path, server):
    started = server(BACKENDS_API_PORT="0", BACKENDS_CTRL_TOKEN="a-token", BACKENDS_MODE="production")
    url = f"http://127.0.0.1:{started.addresses['backends_api'].port}"
    (tmp_path / "token").write_text(" a-token\r\n")
    for settings in ({"PARLEY_TOKEN": "a-token\n"}, {"PARLEY_TOKEN": " a-token\r\n"}, {"PARLEY_TOKEN_FILE": tmp_path / "token"}):
        assert parley("backends", "list", "--url", url, **settings).returncode == 0
    for token in ("a token-secret", "a\ntoken-secret", "t\u00f6ken-secret"):
        result = parley("backends", "list", "--url", url, PARLEY_TOKEN=token)
        assert result.returncode == 1 and result.stderr.startswith("parley: PARLEY_TOKEN has no token: ") and "-secret" not in result.said


def test_tokens_of_accounts_may_stand_in_a_file(server, mistakes, tmp_path):
    (tmp_path / "tokens").write_text("one-token\r\n two-token \n\n")
    file = "backends:\n  mode: production\n  accounts:\n    acme: {}\n"
    (tmp_path / "parley.yaml").write_text(file.format("{tokens_file: tokens}"))
    started = server("--config", "parley.yaml", BACKENDS_API_PORT="0")
    for token, status in [("one-token", 200), ("two-token", 200), ("other", 401)]:
        path = "/v2/account/acme/backends"
        assert http.fetch(started.addresses["backends_api"], path, headers={"Authorization": f"Bearer {token}"}).status == status
    for account in ["{tokens_file: nowhere}", "{tokens_file: tokens, tokens: [a]}", "{tokens_file: /dev/null}", "{tokens_file: .}", "{}"]:
        (tmp_path / "parley.yaml").write_text(file.format(account))
        (line,) = mistakes("--config", "parley.yaml")
        assert line.startswith("parley.yaml: backends.accounts.acme")
