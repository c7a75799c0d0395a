"""One `parley serve` process."""

import re
import resource
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

from . import binary, tokens
from .address import Address

LISTENING = re.compile(r"^Listening on (\S+):(\d+)$")
LISTENERS = {
    # In the order in which they are announced: the variables that place each, the first wins, and the default.
    "front_door": ("PARLEY_PORT", "PORT", "8000"),
    "gateway_rest": ("GATEWAY_PORT", "3000"),
    "gateway_sockets": ("WEBSOCKET_PORT", "3500"),
    "channel_server": ("CHANNEL_PORT", "3001"),
    "backends_api": ("BACKENDS_API_PORT", "8080"),
    "backends_proxy": ("BACKENDS_PROXY_PORT", "9090"),
    "disposable_chat": ("DISPOSABLE_CHAT_PORT", "SERVER_PORT", "off"),
}
DEFAULTS = {
    "HOST": "127.0.0.1",
    "JWT_SECRET": tokens.SECRET,
    "RELAY": "open",
    "PARLEY_PORT": "0",
    "GATEWAY_PORT": "off",
    "WEBSOCKET_PORT": "off",
    "CHANNEL_PORT": "0",
    "BACKENDS_API_PORT": "off",
    "BACKENDS_PROXY_PORT": "off",
    "DISPOSABLE_CHAT_PORT": "0",
}
START_DEADLINE = 20
STOP_DEADLINE = 15


class Server:
    """A running server. `settings` become environment variables; None leaves a default out."""

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        tls: ssl.SSLContext | None = None,
        open_files: int | None = None,
        **settings: str | int | None,
    ):
        merged = {name: str(value) for name, value in (DEFAULTS | settings).items() if value is not None}
        self.settings = merged
        self.directory = directory
        self.tls = tls
        self.ends_uncleanly = False
        self.was_told_to_end = False
        self.addresses: dict[str, Address] = {}
        self.stdout: list[str] = []
        self._stdout_grew = threading.Condition()
        self._stderr_path = directory / f"stderr-{time.monotonic_ns()}.txt"
        with self._stderr_path.open("wb") as stderr:
            self.process = subprocess.Popen(
                [binary.find(), "serve", *arguments],
                cwd=directory,
                env=binary.environment(directory, merged),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                preexec_fn=_limit_open_files(open_files) if open_files else None,
            )
        self._reader = threading.Thread(target=self._read_stdout, daemon=True)
        self._reader.start()

    # Starting

    def wait_until_listening(self) -> "Server":
        expected = [name for name in LISTENERS if self._is_on(name)]
        found = self._wait_for_lines(LISTENING, len(expected), START_DEADLINE)
        for name, match in zip(expected, found, strict=True):
            host = "127.0.0.1" if match[1] == "*" else match[1]
            self.addresses[name] = Address(host, int(match[2]), self.tls)
        return self

    def _is_on(self, listener: str) -> bool:
        *variables, default = LISTENERS[listener]
        return next((self.settings[name] for name in variables if name in self.settings), default) != "off"

    def _read_stdout(self) -> None:
        for line in self.process.stdout:
            with self._stdout_grew:
                self.stdout.append(line.rstrip("\n"))
                self._stdout_grew.notify_all()
        with self._stdout_grew:
            self._stdout_grew.notify_all()

    def _wait_for_lines(self, pattern: re.Pattern, count: int, deadline: float) -> list[re.Match]:
        def matches() -> list[re.Match]:
            return [match for line in self.stdout if (match := pattern.match(line))]

        with self._stdout_grew:
            self._stdout_grew.wait_for(lambda: len(matches()) >= count or self.has_ended, deadline)
            found = matches()
        if len(found) < count:
            self.ends_uncleanly = True
            state = f"ended with {self.process.poll()}" if self.has_ended else "is still running"
            raise AssertionError(
                f"{len(found)} of {count} listeners announced; the server {state}\n"
                f"stdout: {self.stdout}\nstderr: {self.stderr[-4000:]}"
            )
        return found[:count]

    # Where it listens

    @property
    def front_door(self) -> Address:
        return self.addresses["front_door"]

    @property
    def channel_server(self) -> Address:
        return self.addresses["channel_server"]

    @property
    def disposable_chat(self) -> Address:
        return self.addresses["disposable_chat"]

    # What it said

    @property
    def stderr(self) -> str:
        return self._stderr_path.read_text(errors="replace") if self._stderr_path.exists() else ""

    @property
    def said(self) -> str:
        return "\n".join(self.stdout) + "\n" + self.stderr

    # Ending

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def terminate(self) -> None:
        self.was_told_to_end = True
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """As `kill -9`: the test expects the unclean end."""
        self.ends_uncleanly = True
        self.process.kill()
        self.process.wait(STOP_DEADLINE)

    def exit_code(self, within: float = STOP_DEADLINE) -> int:
        return self.process.wait(within)

    def stop(self) -> None:
        """Ends the process by its id and says what was wrong with its life."""
        if not self.has_ended and not self.was_told_to_end:  # a second SIGTERM would cut the first one's end short
            self.terminate()
        try:
            code = self.exit_code()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = f"none within {STOP_DEADLINE} s of SIGTERM"
        self._reader.join(5)
        crashed = [mark for mark in binary.CRASH_MARKS if mark in self.stderr]
        assert not crashed, f"the server crashed ({crashed[0]}):\n{self.stderr[-4000:]}"
        assert self.ends_uncleanly or code == 0, f"exit code {code}:\n{self.stderr[-4000:]}"


def _limit_open_files(soft: int):
    def limit() -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    return limit


def own_address() -> str | None:
    """An address of this machine that is not loopback, if it has one. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        found = probe.getsockname()[0]
    return None if found.startswith("127.") or found == "0.0.0.0" else found
