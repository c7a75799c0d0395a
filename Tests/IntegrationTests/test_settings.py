"""Settings as they are found in the world: files of other systems, environments of other programs, and slips."""

import socket

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
