"""One process of the server under test: its lines, its end. A crash fails the test."""

import re
import resource
import signal
import subprocess
import threading
import time
from pathlib import Path

from . import binary

LISTENING = re.compile(r"^Listening on (\S+):(\d+)$")
START_DEADLINE = 20
STOP_DEADLINE = 15


class Process:
    """A running program. `settings` are its environment variables."""

    def __init__(
        self, directory: Path, command: list[str], settings: dict[str, str], *, open_files: int | None = None
    ):
        self.directory = directory
        self.ends_uncleanly = False
        self.was_told_to_end = False
        self.stdout: list[str] = []
        self._stdout_grew = threading.Condition()
        self._stderr_path = directory / f"stderr-{time.monotonic_ns()}.txt"
        with self._stderr_path.open("wb") as stderr:
            self.process = subprocess.Popen(
                command,
                cwd=directory,
                env=binary.environment(directory, settings),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                preexec_fn=_limit_open_files(open_files) if open_files else None,
            )
        self._reader = threading.Thread(target=self._read_stdout, daemon=True)
        self._reader.start()

    # Starting

    def waits_for_listeners(self, count: int) -> list[re.Match]:
        """The host and the port of each listener that it announces."""
        return self._wait_for_lines(LISTENING, count, START_DEADLINE)

    def waits_for(self, pattern: str) -> None:
        """A line of its output that begins like this regular expression."""
        self._wait_for_lines(re.compile(pattern), 1, START_DEADLINE)

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
                f"{len(found)} of {count} lines like {pattern.pattern!r}; the server {state}\n"
                f"stdout: {self.stdout}\nstderr: {self.stderr[-4000:]}"
            )
        return found[:count]

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
