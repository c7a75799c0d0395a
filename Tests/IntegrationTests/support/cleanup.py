"""Sockets that a test opened are closed when it ends, however it ends."""

import asyncio
from collections.abc import Awaitable, Callable

_sockets: list[Callable[[], None]] = []
_clients: list[Callable[[], Awaitable]] = []


def at_end(close: Callable[[], None]) -> None:
    _sockets.append(close)


def at_end_of_coroutine(close: Callable[[], Awaitable]) -> None:
    _clients.append(close)


def run(test: Callable[..., Awaitable], arguments: dict) -> None:
    """Runs a coroutine test in an event loop of its own."""

    async def body() -> None:
        _clients.clear()
        try:
            await test(**arguments)
        finally:
            close_sockets()
            await asyncio.gather(*(close() for close in _clients), return_exceptions=True)
            _clients.clear()

    asyncio.run(body())


def close_sockets() -> None:
    while _sockets:
        try:
            _sockets.pop()()
        except OSError:
            pass
