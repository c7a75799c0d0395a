"""Socket.IO with options that change its wire: the msgpack parser and permessage-deflate."""

import asyncio

import pytest
import socketio
import websockets

DEADLINE = 10


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], ["polling", "websocket"]], ids="+".join)
async def test_the_msgpack_parser_carries_everything_inline(socketio_fixture, transports):
    """socketio.md §2.5."""
    fixture = socketio_fixture("X", "--msgpack", loops=2)
    client = socketio.AsyncClient(serializer="msgpack", reconnection=False)
    await client.connect(fixture.a.http(), transports=transports)
    try:
        values = [1, -1.5, "ä", None, True, b"\x00\xff", {"a": [b"x", {"b": 2}]}]
        assert list(await asyncio.wait_for(client.call("echo", tuple(values)), DEADLINE)) == values
    finally:
        await client.disconnect()


async def test_messages_are_compressed_where_that_was_agreed_on(socketio_fixture):
    """socketio.md §1.6, §1.10: perMessageDeflate, threshold 1024."""
    fixture = socketio_fixture("X", "--compress", loops=1)
    url = f"ws://{fixture.a.host}:{fixture.a.port}/socket.io/?EIO=4&transport=websocket"
    async with websockets.connect(url, compression="deflate") as client:
        assert "permessage-deflate" in client.response.headers["Sec-WebSocket-Extensions"]
        assert (await client.recv()).startswith("0{")
        await client.send("40")
        await client.recv()
        text = "x" * 5000
        await client.send(f'42["back","{text}"]')
        assert await client.recv() == f'42["back","{text}"]'
    async with websockets.connect(url, compression=None) as client:
        assert "Sec-WebSocket-Extensions" not in client.response.headers


async def test_without_the_option_nothing_is_compressed(fixture_x):
    url = f"ws://{fixture_x.a.host}:{fixture_x.a.port}/socket.io/?EIO=4&transport=websocket"
    async with websockets.connect(url, compression="deflate") as client:
        assert "Sec-WebSocket-Extensions" not in client.response.headers
