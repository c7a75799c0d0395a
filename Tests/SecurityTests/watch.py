"""What a server is watched for while somebody attacks it: that it lives, its memory, and the client next to it."""

import contextlib
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from support import metrics

MEBIBYTE = 1 << 20


@dataclass
class Watch:
    """What was seen. Times in milliseconds, memory in bytes."""

    echoes: list[float] = field(default_factory=list)
    growth: int = 0

    @property
    def p99(self) -> float:
        return sorted(self.echoes)[int(len(self.echoes) * 0.99)]

    def says_that(self, *, growth: int, p99: float) -> None:
        """The process took at most `growth` bytes more at any time, and the innocent client waited at most `p99` ms."""
        assert self.growth <= growth, f"{self.growth / MEBIBYTE:.0f} MiB more, at most {growth / MEBIBYTE:.0f} expected"
        assert self.p99 <= p99, f"p99 of an echo {self.p99:.1f} ms, at most {p99} expected"


def memory(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"/proc/{pid}/status has no {name}")


@contextlib.contextmanager
def watching(server):
    """Watches `server` while the block runs, and asks for its metrics at the end."""
    pid = server.process.pid
    before = memory(pid, "VmRSS")
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
    address = server.front_door
    innocent = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("innocent.py")), address.host, str(address.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watch = Watch()
    try:
        assert innocent.stdout.readline() == "ready\n", innocent.stderr.read()
        yield watch
        printed, complaints = innocent.communicate(timeout=60)
    finally:
        innocent.kill()
        innocent.wait()
    assert innocent.returncode == 0, complaints
    watch.echoes = [float(line) for line in printed.split()]
    assert not server.has_ended, f"the server ended:\n{server.stderr[-4000:]}"
    watch.growth = memory(pid, "VmHWM") - before
    metrics.read(address)
