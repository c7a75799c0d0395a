"""Sockets as the system sees them: when there are no more of them, and when a peer goes without a word."""

import os
import time
from pathlib import Path

import pytest

from support import DEADLINE, http, metrics
from support.address import Address


def processor_seconds(started) -> float:
    fields = Path(f"/proc/{started.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def becomes(condition, within: float = DEADLINE) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_a_server_without_descriptors_rests_says_so_once_and_goes_on(server):
    """docs/operations.md: accept(2) and EMFILE."""
    started = server(PARLEY_HEADER_TIMEOUT="60", PARLEY_EVENT_LOOPS="1", open_files=64, PARLEY_LOG_LEVEL="info")
    # The server raises the soft limit to the hard one: it is lowered from outside, as an operator would.
    import resource

    resource.prlimit(started.process.pid, resource.RLIMIT_NOFILE, (64, 64))
    held = [started.front_door.socket() for _ in range(100)]
    assert becomes(lambda: "No connection can be accepted" in started.stderr)
    before, begun = processor_seconds(started), time.monotonic()
    assert not becomes(lambda: False, within=2)
    assert (processor_seconds(started) - before) / (time.monotonic() - begun) < 0.2
    for one in held:
        one.close()
    assert becomes(lambda: http.fetch(started.front_door, "/healthz").status == 200)
    assert becomes(lambda: "accepted again" in started.stderr)
    assert started.stderr.count("No connection can be accepted") == 1
    assert metrics.read(started.front_door).total("parley_accept_failures_total") > 1


def keep_alive_of(address: Address, client) -> tuple[str, int] | None:
    """The kind of timer that the server's end of a connection has, and in how many hundredths of a second it is due."""
    peer = client.getsockname()[1]
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            local, remote = (int(fields[place].rpartition(":")[2], 16) for place in (1, 2))
            if (local, remote) == (address.port, peer):
                kind, _, due = fields[5].partition(":")
                return kind, int(due, 16)
    return None


@pytest.mark.parametrize("seconds, due", [(None, 6000), (20, 1000), (0, None)])
def test_a_peer_that_vanishes_is_asked_for(server, seconds, due):
    """PARLEY_TCP_KEEPALIVE: half of it until the first probe. Timer 2 is that of keep-alive (proc_net_tcp.txt)."""
    started = server(PARLEY_TCP_KEEPALIVE=seconds)
    client = started.front_door.socket()
    assert becomes(lambda: keep_alive_of(started.front_door, client) is not None)
    kind, left = keep_alive_of(started.front_door, client)
    if due is None:
        assert kind == "00"
    else:
        assert kind == "02" and due / 2 < left <= due
