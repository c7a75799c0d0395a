"""A data directory on a disk that is full: who has a session keeps it, and everybody is told that it will pass."""

import sqlite3
import time
from contextlib import closing

import pytest

from support import gateway, http
from support.gateway import ONE_OF_EACH

TRY_AGAIN = "The session store does not answer: try again"


@pytest.fixture
def started(disk, server):
    return server("--data-dir", str(disk.path / "data"), **gateway.SETTINGS)


def age(disk, milliseconds: int) -> None:
    """As if every session had last been used that long ago."""
    with closing(sqlite3.connect(disk.path / "data" / "parley.sqlite")) as database, database:
        database.execute("UPDATE gateway_sessions SET last_activity_at = last_activity_at - ?", (milliseconds,))


def fill_up(disk, started) -> http.Answer:
    """The journal's room is used up, too: the answer to the first session that could not be made."""
    disk.fill()
    for _ in range(3000):
        answer = gateway.post(started.gateway, "/api/auth/acquire-session")
        if answer.status != 200:
            return answer
    pytest.fail("the disk does not become full")


async def test_a_full_disk_logs_nobody_out(disk, started):
    token = gateway.acquire(started.gateway)
    age(disk, 120_000)
    refused = fill_up(disk, started)
    assert (refused.status, refused.json) == (503, {"success": False, "error": TRY_AGAIN})
    assert refused.headers["retry-after"] == "5"
    for _ in range(3):
        assert gateway.look_up(started.gateway, token).status == 200
    for way in ONE_OF_EACH:
        client = await way.connect(started, token)
        await client.is_alive()

    answer = http.fetch(started.gateway, "/health/db")
    assert answer.status == 503
    assert (answer.json["status"], answer.json["error"]) == ("unhealthy", "full")
    # Nobody is logged out who could not be.
    answer = gateway.post(started.gateway, "/api/auth/logout", **gateway.bearer(token))
    assert (answer.status, answer.json["error"]) == (503, TRY_AGAIN)

    disk.empty()
    assert http.fetch(started.gateway, "/health/db").status == 200
    gateway.acquire(started.gateway)
    assert gateway.look_up(started.gateway, token).status == 200
    begun = started.stderr.count("The session store is in trouble")
    ended = started.stderr.count("The session store works again")
    assert (begun, ended) == (1, 1), started.stderr


async def test_the_last_use_is_written_when_there_is_room_again(disk, started):
    token = gateway.acquire(started.gateway)
    age(disk, 600_000)
    fill_up(disk, started)
    assert gateway.look_up(started.gateway, token).status == 200
    disk.empty()
    started.stop()
    with closing(sqlite3.connect(disk.path / "data" / "parley.sqlite")) as database:
        (last,) = database.execute("SELECT max(last_activity_at) FROM gateway_sessions").fetchone()
    assert abs(last / 1000 - time.time()) < 60
