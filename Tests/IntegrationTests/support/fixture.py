"""One `socketio-fixture` process: the namespaces and handlers of a profile, see Conformance."""

import json
import os
import re
import signal
from pathlib import Path

import pytest

from . import DEADLINE, binary
from .address import Address
from .process import Process

STATISTICS = re.compile(r'^\{.*"sessions".*\}$')


def find() -> str:
    """`SOCKETIO_FIXTURE`, else the newest build in this repository."""
    if named := os.environ.get("SOCKETIO_FIXTURE"):
        return str(Path(named).resolve())
    builds = [binary.REPOSITORY / ".build" / kind / "socketio-fixture" for kind in ("release", "debug")]
    builds = [build for build in builds if build.is_file()]
    if not builds:
        pytest.fail("no socketio-fixture: run `swift build`, or set SOCKETIO_FIXTURE", pytrace=False)
    return str(max(builds, key=lambda build: build.stat().st_mtime))


class Fixture(Process):
    """A running fixture. Profile X has two servers, `a` and `b`, the others have one, `address`."""

    def __init__(self, directory: Path, profile: str, *flags: str, loops: int = 2, port: int = 0):
        listeners = 2 if profile == "X" else 1
        self.profile = profile
        command = [find(), "--profile", profile, "--port", str(port), "--loops", str(loops), *flags]
        super().__init__(directory, command, {})
        try:
            self.addresses = [Address(match[1], int(match[2])) for match in self.waits_for_listeners(listeners)]
        except AssertionError:
            self.kill()
            raise

    @property
    def address(self) -> Address:
        (only,) = self.addresses
        return only

    @property
    def a(self) -> Address:
        return self.addresses[0]

    @property
    def b(self) -> Address:
        return self.addresses[1]

    def statistics(self) -> dict[str, int]:
        """What there is at this moment: sessions, sockets, connections, pendingPolls."""
        told = sum(1 for line in self.stdout if STATISTICS.match(line))
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self._wait_for_lines(STATISTICS, told + 1, DEADLINE)[-1][0])

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))
