"""Much at once from one client: it is all dealt with, and holds nobody else up."""

import pytest

from support.engineio import Engine, Http

EVENT_LOOPS = (1,)
"""Where everybody is on the same loop."""


@pytest.fixture
def engine(fixture_b) -> Engine:
    return Engine(fixture_b.address)


@pytest.mark.parametrize("count", [15, 16, 17, 31, 32, 33, 64, 1000])
async def test_a_connection_goes_on_behind_any_number_of_requests_at_once(engine, count):
    """However they fill the share of a turn: the request after them is answered as well."""
    connection = await Http.open(engine.address)
    head = f"GET {engine.target(transport='none')} HTTP/1.1\r\nHost: x\r\n\r\n"
    connection.send(head * count)
    for _ in range(count):
        assert (await connection.answer()).status == 400
    connection.send(head)
    assert (await connection.answer()).status == 400
