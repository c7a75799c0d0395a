"""The program's commands, its configuration, and how it refuses."""

import asyncio
import re
import socket
import subprocess

import pytest

from support import binary, http, tokens
from support.address import Address, free_port
from support.client import Client
from support.dialects import DisposableChat, Relay, SessionChat
from support.server import DEFAULTS, Server

COMMANDS = ["serve", "token", "check-config", "healthcheck", "connect", "version"]


@pytest.fixture
def parley(tmp_path):
    """Runs a command to its end: `parley("token", "--user", "alice", JWT_SECRET="x")`."""

    def run(*arguments: str, stdin: str = "", **settings) -> subprocess.CompletedProcess:
        settings = {name: str(value) for name, value in settings.items() if value is not None}
        return binary.run(tmp_path, *arguments, stdin=stdin, **settings)

    return run


@pytest.fixture
def refused(parley):
    """Runs `parley serve`, which must end with exit 1 before it listens. Returns what it said."""

    def serve(*arguments: str, **settings) -> str:
        result = parley("serve", *arguments, **(DEFAULTS | settings))
        assert result.returncode == 1, result.said
        assert "Listening on" not in result.stdout
        return result.said

    return serve


# Commands


def test_version_is_a_number(parley):
    """`parley version`."""
    result = parley("version")
    assert result.returncode == 0
    assert re.search(r"\d+\.\d+\.\d+", result.stdout)


def test_help_lists_the_commands(parley):
    """`parley --help`."""
    result = parley("--help")
    assert result.returncode == 0
    missing = [command for command in COMMANDS if command not in result.stdout]
    assert not missing


def test_help_of_serve_lists_a_flag_for_every_listener(parley):
    """`parley serve --help`; decision 11."""
    result = parley("serve", "--help")
    assert result.returncode == 0
    flags = ["--config", "--dev", "--host", "--port", "--channel-port"]
    flags += ["--disposable-chat-port", "--tls-certificate", "--tls-key", "--log-level"]
    missing = [flag for flag in flags if flag not in result.stdout]
    assert not missing


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(parley, command):
    """`parley COMMAND --help`."""
    result = parley(command, "--help")
    assert result.returncode == 0 and "USAGE" in result.stdout.upper()


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["serve", "--nonsense"], ["serve", "--port"], ["token", "--user"], ["connect"], ["serve", "extra"]],
    ids=" ".join,
)
def test_usage_errors_exit_2(parley, arguments):
    """docs/architecture.md §7: exit codes."""
    result = parley(*arguments, JWT_SECRET=tokens.SECRET)
    assert result.returncode == 2
    assert result.stderr


async def test_a_printed_token_opens_its_room(server, parley):
    """`parley token --user alice --room lobby`."""
    result = parley("token", "--user", "alice", "--room", "lobby", JWT_SECRET=tokens.SECRET)
    assert result.returncode == 0
    token = result.stdout.strip()
    claims = tokens.claims(token)
    assert (claims["userId"], claims["roomId"]) == ("alice", "lobby")
    alice = await SessionChat(server().front_door).connect_with(token)
    await alice.sees(users=["alice"])


def test_a_token_needs_the_secret(parley):
    """`parley token` without JWT_SECRET."""
    result = parley("token", "--user", "alice", "--room", "lobby")
    assert result.returncode == 1
    assert "JWT_SECRET" in result.stderr and result.stdout.strip() == ""


def test_healthcheck_tells_a_living_server_from_none(server, parley):
    """`parley healthcheck --url`: exit 0 and 1."""
    started = server()
    assert parley("healthcheck", "--url", started.front_door.http()).returncode == 0
    assert parley("healthcheck", "--url", f"http://127.0.0.1:{free_port()}").returncode == 1


def test_healthcheck_finds_the_server_by_its_settings(server, parley):
    """`parley healthcheck` beside a server, with the same environment."""
    port = server().front_door.port
    assert parley("healthcheck", PARLEY_PORT=port).returncode == 0
    assert parley("healthcheck", PARLEY_PORT=free_port()).returncode == 1


async def test_connect_sends_lines_and_prints_messages(server, room, tmp_path):
    """`parley connect URL` without a terminal."""
    relay = Relay(server().front_door)
    (alice,) = await relay.together(room, "alice")
    process = await asyncio.create_subprocess_exec(
        binary.find(),
        "connect",
        relay.address.ws(relay.path("", room)),
        cwd=tmp_path,
        env=binary.environment(tmp_path, {}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        process.stdin.write("from stdin ünï\n".encode())
        await alice.expects("from stdin ünï")
        await alice.says("from alice")
        async with asyncio.timeout(10):
            assert await process.stdout.readline() == "from stdin ünï\n".encode()
            assert await process.stdout.readline() == b"from alice\n"
            process.stdin.close()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_connect_to_nobody_exits_1(parley):
    """`parley connect URL` when nothing listens, or the server refuses."""
    result = parley("connect", f"ws://127.0.0.1:{free_port()}/relay")
    assert result.returncode == 1 and result.stderr


# serve --dev


async def test_dev_prints_an_address_for_every_dialect_that_works_as_it_stands(server):
    """docs/architecture.md §7: `parley serve --dev`."""
    started = server("--dev", JWT_SECRET=None, RELAY=None)
    urls = await dev_urls(started)
    chat = await Client.open(*split(urls["session-chat"]))
    assert (await chat.receives_json())["messages"] == []
    disposable = await Client.open(*split(urls["disposable-chat"]))
    assert (await disposable.receives_json())["type"] == "welcome"
    channel = await Client.open(*split(urls["channel-server"]))
    await channel.sends('{"type":"ping"}')
    await channel.expects('{"type":"pong"}')
    relay = await Client.open(*split(urls["relay"]))
    await relay.sends("hello")
    await relay.expects("hello")


URL = re.compile(r"wss?://[^\s\"'<>]+")


async def dev_urls(started: Server) -> dict[str, str]:
    """The first address for each dialect, told apart by what is in it."""
    marks = {"session-chat": "/?token=", "disposable-chat": "/ws?", "channel-server": "/channels", "relay": "/relay"}
    found = {}
    for _ in range(100):
        urls = URL.findall(started.said)
        found = {name: next((url for url in urls if mark in url), None) for name, mark in marks.items()}
        if all(found.values()):
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"no address for {[name for name, url in found.items() if not url]} in:\n{started.said}")


def split(url: str) -> tuple[Address, str]:
    """`localhost` and the wildcard stand for this machine."""
    match = re.fullmatch(r"ws://([^/]+):(\d+)(/.*)", url)
    assert match, url
    return Address("127.0.0.1", int(match[2])), match[3]


def test_dev_makes_another_secret_for_every_run(server):
    """docs/architecture.md §7: a secret for this run."""
    first, second = (server("--dev", JWT_SECRET=None) for _ in range(2))
    url = asyncio.run(dev_urls(first))["session-chat"]
    address, path = split(url)
    assert http.upgrade(address, path).status == 101
    assert http.upgrade(second.front_door, path).status == 401


# What is announced


def test_every_listener_is_announced_front_door_first(server):
    """Decision 11: with HOST the line reads `Listening on HOST:PORT`."""
    started = server()
    lines = [line for line in started.stdout if line.startswith("Listening on ")]
    order = ("front_door", "channel_server", "disposable_chat")
    assert lines == [f"Listening on 127.0.0.1:{started.addresses[name].port}" for name in order]


@pytest.mark.parametrize("variable", ["PORT", "PARLEY_PORT"])
def test_a_named_port_is_announced_with_a_star(server, variable):
    """Session chat, acceptance 2, second half."""
    port = free_port()
    started = server(**{"PARLEY_PORT": None, "HOST": None, "DISPOSABLE_CHAT_PORT": "off", variable: port})
    assert f"Listening on *:{port}" in started.stdout
    assert http.fetch(started.front_door, "/health").status == 200


def test_the_default_port_is_8000(server):
    """Session chat, acceptance 2, first half."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", 8000))
        except OSError:
            pytest.skip("something else on this machine uses port 8000")
    started = server(PARLEY_PORT=None, HOST=None, CHANNEL_PORT="off", DISPOSABLE_CHAT_PORT=None)
    assert started.stdout[0] == "Listening on *:8000"


def test_parley_port_wins_over_port(server):
    """docs/architecture.md §7: `PARLEY_PORT`, else `PORT`; `DISPOSABLE_CHAT_PORT`, else `SERVER_PORT`."""
    ports = {name: free_port() for name in ("PARLEY_PORT", "PORT", "DISPOSABLE_CHAT_PORT", "SERVER_PORT")}
    started = server(**ports)
    assert started.front_door.port == ports["PARLEY_PORT"]
    assert started.disposable_chat.port == ports["DISPOSABLE_CHAT_PORT"]


def test_listeners_can_be_switched_off(server):
    """docs/architecture.md §7: `off`."""
    started = server(PARLEY_PORT="off", DISPOSABLE_CHAT_PORT=None)
    assert list(started.addresses) == ["channel_server"]
    assert http.upgrade(started.channel_server, "/").status == 101


# Precedence


async def test_flags_win_over_the_environment_and_that_over_dotenv(server, tmp_path, room):
    """docs/architecture.md §7: flags > environment > `.env` > defaults."""
    dotenv, variable, flag = (free_port() for _ in range(3))
    (tmp_path / ".env").write_text(f"PARLEY_PORT={dotenv}\nCHANNEL_PORT={dotenv}\nMAX_TEXT_LENGTH=5\n")
    started = server("--port", str(flag), PARLEY_PORT=variable, CHANNEL_PORT=variable)
    assert started.front_door.port == flag
    assert started.channel_server.port == variable
    alice = await DisposableChat(started.front_door).join("alice", room)
    await alice.says("123456")
    await alice.expects_error()


def test_every_listener_has_a_flag(server):
    """Decision 11."""
    front, channel, disposable = (free_port() for _ in range(3))
    flags = {"--port": front, "--channel-port": channel, "--disposable-chat-port": disposable, "--host": "127.0.0.1"}
    started = server(*(str(part) for pair in flags.items() for part in pair), HOST="192.0.2.1")
    assert [address.port for address in started.addresses.values()] == [front, channel, disposable]


# What is refused


@pytest.mark.parametrize("secret", [None, ""])
def test_without_a_secret_nothing_starts(refused, secret):
    """Session chat, acceptance 1 and last row of the error table; decision 3."""
    said = refused(JWT_SECRET=secret)
    assert "JWT_SECRET" in said and "--dev" in said


INVALID = {
    "PARLEY_PORT": "65536",
    "CHANNEL_PORT": "nonsense",
    "DISPOSABLE_CHAT_PORT": "-1",
    "PARLEY_EVENT_LOOPS": "many",
    "PARLEY_HEADER_TIMEOUT": "soon",
    "PARLEY_FRAME_TIMEOUT": "-1",
    "PARLEY_BACKLOG_BYTES": "lots",
    "PARLEY_MAX_CONNECTIONS": "x",
    "MAX_FRAME_BYTES": "x",
    "MAX_USERS_PER_ROOM": "-5",
    "HISTORY_LIMIT": "1.5",
    "HISTORY_FULL": "sometimes",
    "DUPLICATE_USER": "perhaps",
    "SESSION_CHECK_HOST": "maybe",
    "TOKEN_TTL": "a day",
    "PING_PERIOD": "x",
    "MAX_TEXT_LENGTH": "x",
    "CHANNEL_IDLE_TIMEOUT": "x",
    "CHANNEL_ECHO": "x",
    "CHANNEL_MANAGEMENT_AUTH": "x",
    "RELAY": "x",
}


@pytest.mark.parametrize("variable", INVALID)
def test_an_invalid_value_is_refused_by_name_and_source(refused, variable):
    """Decision 11: exit 1, key and source named."""
    said = refused(**{variable: INVALID[variable]})
    assert variable in said
    assert "environment" in said.lower()


def test_an_invalid_flag_value_names_the_flag(parley):
    """Decision 11: the source may be a flag."""
    result = parley("serve", "--port", "65536", **DEFAULTS)
    assert result.returncode in (1, 2)
    assert "port" in result.stderr and "65536" in result.stderr


def test_an_invalid_value_in_dotenv_names_the_file(refused, tmp_path):
    """Decision 11: the source may be `.env`."""
    (tmp_path / ".env").write_text("TOKEN_TTL=nonsense\n")
    said = refused()
    assert "TOKEN_TTL" in said and ".env" in said


CREDENTIALS = [("token", "CHANNEL_MANAGEMENT_TOKEN"), ("sigv4", "CHANNEL_ACCESS_KEY_ID")]


@pytest.mark.parametrize("mode, variable", CREDENTIALS)
def test_a_management_mode_without_its_credentials_is_refused(refused, mode, variable):
    """Style §8: validate on start and name both keys."""
    said = refused(CHANNEL_MANAGEMENT_AUTH=mode)
    assert "CHANNEL_MANAGEMENT_AUTH" in said and variable in said


def test_a_pong_wait_below_the_ping_period_is_refused(refused):
    """Style §8: numbers that depend on each other."""
    said = refused(PING_PERIOD=60, PONG_WAIT=54)
    assert "PING_PERIOD" in said and "PONG_WAIT" in said


@pytest.mark.parametrize("variable", ["PARLEY_PORT", "PORT", "CHANNEL_PORT", "DISPOSABLE_CHAT_PORT", "SERVER_PORT"])
def test_a_taken_port_is_refused_with_its_number_and_setting(refused, variable):
    """docs/architecture.md §5; disposable chat, configuration: SERVER_PORT."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        without = {"PORT": {"PARLEY_PORT": None}, "SERVER_PORT": {"DISPOSABLE_CHAT_PORT": None}}.get(variable, {})
        said = refused(**without, **{variable: port})
    assert str(port) in said and variable in said


def test_two_listeners_on_one_port_are_refused_by_both_names(refused):
    """docs/architecture.md §7: several front doors may not share a port."""
    port = free_port()
    said = refused(PARLEY_PORT=port, CHANNEL_PORT=port)
    assert "PARLEY_PORT" in said and "CHANNEL_PORT" in said


def test_an_address_that_is_not_ours_is_refused(refused):
    """docs/architecture.md §7: `HOST`."""
    said = refused(HOST="192.0.2.1")
    assert "192.0.2.1" in said


# The file


def test_an_unknown_key_is_refused_with_the_nearest_name(refused, tmp_path):
    """docs/architecture.md §7: unknown keys in the file."""
    (tmp_path / "parley.yaml").write_text("spacess:\n  lobby: [session-chat]\n")
    said = refused("--config", "parley.yaml")
    assert "spacess" in said and re.search(r"\bspaces\b", said) and "parley.yaml" in said


def test_an_unknown_dialect_in_a_space_is_refused(refused, tmp_path):
    """Decision 11: key, value and source."""
    (tmp_path / "parley.yaml").write_text("spaces:\n  lobby: [session-chatt]\n")
    said = refused("--config", "parley.yaml")
    assert "session-chatt" in said and "spaces" in said and "parley.yaml" in said


def test_a_dialect_in_two_spaces_is_refused(refused, tmp_path):
    """docs/architecture.md §1: a topic belongs to a space."""
    (tmp_path / "parley.yaml").write_text("spaces:\n  lobby: [relay]\n  den: [relay]\n")
    said = refused("--config", "parley.yaml")
    assert "relay" in said and "lobby" in said and "den" in said


@pytest.mark.parametrize("text", ["spaces: [", "\t- nonsense: {", None], ids=["unclosed", "tab", "no file"])
def test_an_unreadable_file_is_refused_by_name(refused, tmp_path, text):
    """Decision 11: `--config FILE`."""
    if text is not None:
        (tmp_path / "parley.yaml").write_text(text)
    assert "parley.yaml" in refused("--config", "parley.yaml")


# check-config


def test_check_config_shows_value_and_source_and_masks_secrets(parley, tmp_path):
    """docs/architecture.md §7: `parley check-config`."""
    (tmp_path / ".env").write_text("MAX_TEXT_LENGTH=123\n")
    settings = DEFAULTS | {"CHANNEL_MANAGEMENT_AUTH": "token", "CHANNEL_MANAGEMENT_TOKEN": "never-to-be-seen"}
    result = parley("check-config", **(settings | {"CHANNEL_IDLE_TIMEOUT": "77"}))
    assert result.returncode == 0, result.said

    def line_of(key: str) -> str:
        return next(line for line in result.stdout.splitlines() if re.search(rf"\b{key}\b", line))

    assert "77" in line_of("CHANNEL_IDLE_TIMEOUT") and "environment" in line_of("CHANNEL_IDLE_TIMEOUT").lower()
    assert "123" in line_of("MAX_TEXT_LENGTH") and ".env" in line_of("MAX_TEXT_LENGTH")
    assert "7200" in line_of("CHANNEL_MAX_LIFETIME") and "default" in line_of("CHANNEL_MAX_LIFETIME").lower()
    assert line_of("JWT_SECRET") and line_of("CHANNEL_MANAGEMENT_TOKEN")
    assert tokens.SECRET not in result.said and "never-to-be-seen" not in result.said


def test_check_config_exits_1_on_what_serve_would_refuse(parley):
    """docs/architecture.md §7: `parley check-config`."""
    result = parley("check-config", **(DEFAULTS | {"CHANNEL_IDLE_TIMEOUT": "x"}))
    assert result.returncode == 1
    assert "CHANNEL_IDLE_TIMEOUT" in result.said


def test_a_refusal_never_prints_a_secret(refused):
    """Style §8: secrets are never logged, not even when something else is wrong."""
    assert tokens.SECRET not in refused(CHANNEL_IDLE_TIMEOUT="x")
