"""Node's `ws` as a second client that owes nothing to Python."""

import asyncio
import base64
import json
import os
import shutil
from pathlib import Path

import pytest

from . import DEADLINE, cleanup
from .address import Address

SCRIPTS = Path(__file__).resolve().parents[1] / "node"
DEBIAN_MODULES = "/usr/share/nodejs"


class NodeClient:
    """A Node process with one connection. What it is told it sends, what it receives it tells."""

    def __init__(self, process: asyncio.subprocess.Process):
        self.process = process

    @classmethod
    async def open(cls, address: Address, path: str) -> "NodeClient":
        node = shutil.which("node")
        if node is None:
            pytest.skip("node is not installed")
        process = await asyncio.create_subprocess_exec(
            node,
            str(SCRIPTS / "chatter.mjs"),
            address.ws(path),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"NODE_PATH": os.environ.get("NODE_PATH", DEBIAN_MODULES)},
            limit=16 << 20,
        )
        client = cls(process)
        cleanup.at_end_of_coroutine(client.ends)
        await client._expects_event("open")
        return client

    async def sends(self, message: str | bytes) -> None:
        kind = {"text": message} if isinstance(message, str) else {"binary": base64.b64encode(message).decode()}
        await self._tells(kind)

    async def receives(self) -> str | bytes:
        event = await self._event()
        assert event["event"] == "message", event
        return event["text"] if "text" in event else base64.b64decode(event["binary"])

    async def receives_json(self):
        return json.loads(await self.receives())

    async def leaves(self) -> None:
        await self._tells({"close": 1000})
        await self._expects_event("close")

    async def is_closed(self, code: int) -> None:
        event = await self._expects_event("close")
        assert event["code"] == code

    async def ends(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def _tells(self, order: dict) -> None:
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        await self.process.stdin.drain()

    async def _event(self) -> dict:
        async with asyncio.timeout(DEADLINE):
            line = await self.process.stdout.readline()
        assert line, "the Node client ended; its stderr says why"
        return json.loads(line)

    async def _expects_event(self, name: str) -> dict:
        event = await self._event()
        assert event["event"] == name, event
        return event
