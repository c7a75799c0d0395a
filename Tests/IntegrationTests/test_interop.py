"""Two clients of different make in one room: Python's `websockets` and Node's `ws`, both as they come."""

import pytest

from support.client import Client
from support.dialects import EVERYWHERE, at
from support.node import NodeClient

AS_IT_COMES = {"compression": "deflate", "ping_interval": 20}


@pytest.fixture(params=EVERYWHERE)
def dialect(request, shared_server):
    return at(shared_server, request.param)


async def enter(dialect, room: str) -> tuple[Client, NodeClient]:
    """Both are in the room, and each has heard the other say so."""
    python = await dialect.connect("python", room, **AS_IT_COMES)
    node = await NodeClient.open(dialect.address, dialect.path("node", room))
    if dialect.name == "channel-server":
        await python.joins(room)
        await node.sends('{"type":"join","channelId":"%s"}' % room)
        assert await node.receives() == '{"type":"joinSuccess"}'
    # Node speaks first: whoever has heard itself is in the room.
    await node.sends(dialect.wire("node is here"))
    await hears(dialect, node, "node is here")
    await python.hears("node is here")
    await python.says("python is here")
    await hears(dialect, node, "python is here")
    await python.hears("python is here")
    return python, node


async def hears(dialect, node: NodeClient, text: str) -> None:
    for _ in range(1000):
        if dialect.member.text_of(None, await node.receives()) == text:
            return
    raise AssertionError(f"node never heard {text!r}")


@pytest.mark.parametrize("text", ["hello", "ünï ✓ 😀", "x" * 200], ids=["ascii", "unicode", "longer"])
async def test_python_and_node_hear_each_other(dialect, room, text):
    """docs/architecture.md §9: real clients."""
    python, node = await enter(dialect, room)
    await python.says(text)
    await hears(dialect, node, text)
    await node.sends(dialect.wire(text + "!"))
    await python.hears(text + "!")
    await hears(dialect, node, text + "!")


async def test_a_hundred_messages_arrive_in_order_on_both(dialect, room):
    """docs/architecture.md §3: the order of a topic is everybody's."""
    python, node = await enter(dialect, room)
    for number in range(100):
        await (python.says(f"line {number}") if number % 2 else node.sends(dialect.wire(f"line {number}")))
        await python.hears(f"line {number}")
        await hears(dialect, node, f"line {number}")


async def test_both_close_handshakes_are_clean(dialect, room):
    """RFC 6455 §7.1.2."""
    python, node = await enter(dialect, room)
    await node.leaves()
    await python.leaves()
    assert python.socket.close_code == 1000


async def test_both_are_told_of_the_shutdown(server, room):
    """Session chat, acceptance 20, seen by two clients."""
    started = server()
    dialect = at(started, EVERYWHERE[0].values[0])
    python, node = await enter(dialect, room)
    started.terminate()
    await python.is_closed(1001, "Server shutting down", after_anything=True)
    for _ in range(10):
        event = await node._event()
        if event["event"] == "close":
            break
    assert (event["code"], event["reason"]) == (1001, "Server shutting down")
