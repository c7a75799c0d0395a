"""Where the log goes may be slow, full or gone: the server serves on, and ends as it should."""

import asyncio
import fcntl
import json
import os
import pty
import signal
import subprocess
from contextlib import contextmanager

import pytest

from support import DEADLINE, binary, http, metrics
from support.address import Address, free_port
from support.server import DEFAULTS


@contextmanager
def serving(directory, *, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, before=None, **settings):
    """A server whose words go where the test wants them; it says on its port when it is there."""
    port = free_port()
    environment = DEFAULTS | {
        "PARLEY_PORT": str(port), "CHANNEL_PORT": "off", "DISPOSABLE_CHAT_PORT": "off", "PARLEY_LOG_LEVEL": "trace",
        "PARLEY_SHUTDOWN_GRACE": "0",
    } | settings  # fmt: skip
    process = subprocess.Popen(
        [binary.find(), "serve"], cwd=directory, env=binary.environment(directory, environment),
        stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, preexec_fn=before,
    )  # fmt: skip
    address = Address("127.0.0.1", port)
    try:
        answered = asyncio.run(becomes_ready(process, address))
        assert answered, f"not ready; exit status {process.poll()}"
        yield process, address
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


async def becomes_ready(process, address) -> bool:
    deadline = asyncio.get_running_loop().time() + DEADLINE
    while process.poll() is None and asyncio.get_running_loop().time() < deadline:
        try:
            if http.fetch(address, "/readyz").status == 200:
                return True
        except OSError:
            await asyncio.sleep(0.02)
    return False


def makes_it_log(address, times: int) -> None:
    """Each refused handshake is a line at `debug`."""
    for _ in range(times):
        assert http.upgrade(address, "/?token=garbage").status == 401


def ends_well(process, how=signal.SIGTERM) -> None:
    process.send_signal(how)
    assert process.wait(DEADLINE) == 0


def full_disk():
    return open("/dev/full", "wb", buffering=0)


def pipe_without_reader():
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "wb", buffering=0)


def stalled_pipe(*, blocking: bool):
    """Nobody reads; nearly full, so that few lines fill it."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    if not blocking:
        os.set_blocking(writer, False)
    sink = os.fdopen(writer, "wb", buffering=0)
    sink.reader = reader
    return sink


SINKS = {
    "full disk": full_disk,
    "pipe without a reader": pipe_without_reader,
    "blocking pipe that nobody reads": lambda: stalled_pipe(blocking=True),
    "non-blocking pipe that nobody reads": lambda: stalled_pipe(blocking=False),
}


@pytest.fixture(params=SINKS)
def sink(request):
    with SINKS[request.param]() as made:
        yield made
        if hasattr(made, "reader"):
            os.close(made.reader)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_dead_or_stalled_log_ends_nothing_and_stops_nothing(tmp_path, sink, how):
    """docs/operations.md, Logs."""
    with serving(tmp_path, stderr=sink) as (process, address):
        makes_it_log(address, 100)
        assert http.fetch(address, "/healthz").status == 200
        ends_well(process, how)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_stream_that_is_not_open_is_no_trouble(tmp_path, stream):
    """`>&-`: what is opened next must not be written to as if it were the log."""
    descriptor = {"stdout": 1, "stderr": 2}[stream]
    with serving(tmp_path, before=lambda: os.close(descriptor)) as (process, address):
        makes_it_log(address, 20)
        assert os.readlink(f"/proc/{process.pid}/fd/{descriptor}") == "/dev/null"
        ends_well(process)


def test_nobody_has_to_take_the_listening_lines(tmp_path, sink):
    """stdout is of the same kind."""
    with serving(tmp_path, stdout=sink) as (process, address):
        assert http.fetch(address, "/healthz").status == 200
        ends_well(process)


def test_lines_that_were_lost_are_counted(tmp_path):
    """parley_log_lines_dropped_total."""
    with full_disk() as disk, serving(tmp_path, stderr=disk) as (process, address):
        makes_it_log(address, 10)
        found = asyncio.run(metrics.becomes(address, lambda m: m.total("parley_log_lines_dropped_total") >= 10))
        assert "parley_log_lines_suppressed_total" in found.names
        ends_well(process)


def test_lines_beyond_the_bound_are_counted_and_said_where_they_are_missing(tmp_path):
    """The buffer is 1 MiB; a long path is a long line."""
    sink = stalled_pipe(blocking=True)
    with serving(tmp_path, stderr=sink, PARLEY_LOG_FORMAT="json") as (process, address):
        sink.close()
        while metrics.read(address).total("parley_log_lines_dropped_total") == 0:
            connection = http.Connection(address)
            for _ in range(200):
                assert connection.request("GET", "/" + "x" * 900).status >= 400
        process.send_signal(signal.SIGTERM)
        with os.fdopen(sink.reader, "rb") as reader:
            lines = [json.loads(line) for line in reader.read().splitlines()]
        assert process.wait(DEADLINE) == 0
        assert sum(line.get("lines", 0) for line in lines) > 0
        assert any("Stopping" in line["message"] for line in lines)


def test_a_file_at_its_size_limit_is_a_full_disk(tmp_path):
    """SIGXFSZ would end the process."""

    def limit():
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

    with (tmp_path / "log").open("wb") as log, serving(tmp_path, stderr=log, before=limit) as (process, address):
        makes_it_log(address, 50)
        ends_well(process)
    assert (tmp_path / "log").stat().st_size <= 1024


def test_the_terminal_that_goes_away_ends_the_server_in_good_order(tmp_path):
    """SIGHUP, and a stderr that says EIO from then on."""
    ours, theirs = pty.openpty()
    with serving(tmp_path, stderr=theirs, stdout=theirs, before=os.setsid) as (process, address):
        os.close(theirs)
        os.close(ours)
        makes_it_log(address, 5)
        ends_well(process, signal.SIGHUP)


def test_nohup_is_respected(tmp_path):
    """Whoever started it with SIGHUP ignored wants it to stay."""
    with serving(tmp_path, before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as (process, address):
        process.send_signal(signal.SIGHUP)
        makes_it_log(address, 5)
        assert process.poll() is None
        ends_well(process)


def test_what_is_buffered_is_written_before_the_end(tmp_path):
    """The last line is the farewell."""
    with (tmp_path / "log").open("wb") as log, serving(tmp_path, stderr=log) as (process, _):
        ends_well(process)
    assert "Stopping" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("arguments", [["token", "--user", "alice"], ["check-config"], ["version"]])
def test_a_command_that_cannot_write_its_result_fails(tmp_path, arguments):
    """stdout on a full disk, and closed by its reader."""
    for make, complains in ((full_disk, True), (pipe_without_reader, False)):
        with make() as sink:
            result = subprocess.run(
                [binary.find(), *arguments], cwd=tmp_path, env=binary.environment(tmp_path, {"JWT_SECRET": "s" * 32}),
                stdout=sink, stderr=subprocess.PIPE, timeout=DEADLINE,
            )  # fmt: skip
        assert result.returncode == 1
        assert (b"No space left" in result.stderr) == complains
