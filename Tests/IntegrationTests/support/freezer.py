"""A TCP proxy whose links can go deaf: what the server says stays away, and nobody is told."""

import asyncio
import contextlib
from typing import Self

from . import cleanup
from .address import Address


class Freezer:
    """Passes everything on to `target`, from `address`, until it is told otherwise."""

    address: Address

    def __init__(self, target: Address):
        self.target = target
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task] = []
        self.delay = 0.0
        """Seconds that everything takes, either way."""

    @classmethod
    async def before(cls, target: Address) -> Self:
        freezer = cls(target)
        freezer._server = await asyncio.start_server(freezer._serve, "127.0.0.1", 0)
        freezer.address = Address("127.0.0.1", freezer._server.sockets[0].getsockname()[1])
        cleanup.at_end(freezer.ends)
        return freezer

    def freezes(self) -> None:
        """Nothing more comes from the server; what goes there still arrives."""
        self._flows.clear()

    def thaws(self) -> None:
        self._flows.set()

    def cuts(self) -> None:
        """Every link ends, with whatever was on its way."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self.thaws()

    def ends(self) -> None:
        self._server.close()
        with contextlib.suppress(RuntimeError):  # the event loop may have ended
            self.cuts()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(self.target.host, self.target.port)
        self._writers += [writer, server_writer]
        self._tasks += [
            asyncio.ensure_future(self._pass(reader, server_writer, None)),
            asyncio.ensure_future(self._pass(server_reader, writer, self._flows)),
        ]

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, flows: asyncio.Event | None):
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await source.read(1 << 16):
                if self.delay:
                    await asyncio.sleep(self.delay)
                if flows:
                    await flows.wait()
                sink.write(data)
                await sink.drain()
            sink.write_eof()
