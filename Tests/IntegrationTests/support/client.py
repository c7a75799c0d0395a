"""A well-behaved WebSocket client with the verbs that the tests speak."""

import asyncio
import json
import ssl
from typing import Self

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from . import DEADLINE, cleanup
from .address import Address


class Client:
    """A connection made with the `websockets` library. It answers pings and close frames."""

    def __init__(self, socket, name: str = "", room: str = ""):
        self.socket = socket
        self.name = name
        self.room = room

    @classmethod
    async def open(cls, address: Address, path: str, name: str = "", room: str = "", **options) -> Self:
        options = {"compression": None, "ping_interval": None, "max_queue": None} | options
        socket = await connect(
            address.ws(path),
            proxy=None,
            ssl=address.tls if isinstance(address.tls, ssl.SSLContext) else None,
            max_size=None,
            open_timeout=DEADLINE,
            close_timeout=2,
            **options,
        )
        cleanup.at_end_of_coroutine(socket.close)
        return cls(socket, name, room)

    # What goes out

    async def sends(self, message: str | bytes | list | dict) -> None:
        """A message verbatim; a list or dictionary as JSON."""
        if isinstance(message, (list, dict)):
            message = json.dumps(message, ensure_ascii=False)
        await self.socket.send(message)

    async def sends_fragments(self, *fragments: str | bytes) -> None:
        await self.socket.send(fragments)

    async def leaves(self) -> None:
        await self.socket.close()

    def vanishes(self) -> None:
        """The TCP connection ends without a close frame."""
        self.socket.transport.abort()

    # What comes in

    async def receives(self) -> str | bytes:
        """The next message."""
        async with asyncio.timeout(DEADLINE):
            return await self.socket.recv()

    async def receives_json(self):
        message = await self.receives()
        assert isinstance(message, str), f"a binary message: {message[:80]!r}"
        return json.loads(message)

    async def expects(self, expected):
        """The next message is this one: text verbatim, anything else compared as JSON."""
        if isinstance(expected, (str, bytes)):
            assert await self.receives() == expected
        else:
            assert await self.receives_json() == expected

    async def is_closed(self, code: int, reason: str | None = None, *, after_anything: bool = False) -> None:
        """The next thing is the server's close frame. `after_anything`: messages may come before it."""
        frame = await self.closing(after_anything=after_anything)
        assert frame is not None, "the connection ended without a close frame"
        assert frame.code == code, f"closed with {frame.code} {frame.reason!r}"
        if reason is not None:
            assert frame.reason == reason

    async def closing(self, *, after_anything: bool = False):
        """The server's close frame, or None when the connection ended without one."""
        for _ in range(100_000):
            try:
                message = await self.receives()
            except ConnectionClosed as closed:
                return closed.rcvd
            assert after_anything, f"a message instead of the end: {message[:200]!r}"
        raise AssertionError("the connection does not end")
