"""The program under test, and one-shot runs of its commands."""

import os
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]


def find() -> str:
    """`PARLEY_BINARY`, else the newest build of this repository."""
    if named := os.environ.get("PARLEY_BINARY"):
        return str(Path(named).resolve())
    builds = [REPOSITORY / ".build" / kind / "parley" for kind in ("release", "debug")]
    builds = [build for build in builds if build.is_file()]
    if not builds:
        pytest.fail("no parley binary: run `swift build`, or set PARLEY_BINARY", pytrace=False)
    return str(max(builds, key=lambda build: build.stat().st_mtime))


def environment(home: Path, settings: dict[str, str]) -> dict[str, str]:
    """A minimal environment: nothing of the caller's configuration leaks into the program."""
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TSAN_OPTIONS", "ASAN_OPTIONS")
    base = {name: os.environ[name] for name in kept if name in os.environ}
    return base | {"HOME": str(home), "LANG": "C.UTF-8", "NO_COLOR": "1"} | settings


def run(directory: Path, *arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess:
    """Runs `parley ARGUMENTS` to its end in `directory`. `.said` is stdout and stderr together."""
    result = subprocess.run(
        [find(), *arguments],
        cwd=directory,
        env=environment(directory, settings),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=20,
    )
    result.said = result.stdout + result.stderr
    crashed = [mark for mark in CRASH_MARKS if mark in result.stderr]
    assert not crashed, f"the program crashed ({crashed[0]}):\n{result.stderr[-4000:]}"
    return result


CRASH_MARKS = (
    "Fatal error",
    "Program crashed",
    "Precondition failed",
    "Assertion failed",
    "ThreadSanitizer",
    "AddressSanitizer",
    "UndefinedBehaviorSanitizer",
    "LEAKING PROMISE",
    "leaking promise",
)
