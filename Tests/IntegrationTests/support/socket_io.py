"""Socket.IO 5 over Engine.IO 4, packet by packet: over WebSocket and over long-polling."""

import asyncio
import json
from typing import Self
from urllib.parse import urlencode

from . import DEADLINE, cleanup, http
from .address import Address
from .client import Client

SEPARATOR = "\x1e"
OPEN_KEYS = ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]


class Nothing:
    """The absence of data, which is not null."""


NOTHING = Nothing()


class SocketIOClient:
    """What both transports share. Pings are answered; everything else is handed on."""

    handshake: dict
    """What the open packet says."""
    namespace = "/"
    sid: str
    """The socket id in the namespace."""

    async def sends_packet(self, packet: str) -> None:
        raise NotImplementedError

    async def _next_packet(self) -> str:
        raise NotImplementedError

    async def receives_packet(self) -> str:
        """The next Engine.IO packet that is no ping."""
        while True:
            packet = await self._next_packet()
            if packet != "2":
                return packet
            await self.sends_packet("3")

    async def expects_packet(self, packet: str) -> None:
        assert await self.receives_packet() == packet

    # Socket.IO

    def prefix(self, namespace: str | None = None) -> str:
        """What stands between the packet's type and its payload."""
        namespace = self.namespace if namespace is None else namespace
        return "" if namespace == "/" else f"{namespace},"

    async def asks_to_join(self, auth=NOTHING, namespace: str = "/") -> None:
        payload = "" if auth is NOTHING else json.dumps(auth)
        await self.sends_packet(f"40{self.prefix(namespace)}{payload}")

    async def joins(self, auth=NOTHING, namespace: str = "/") -> str:
        """Joins the namespace. Returns the socket id."""
        await self.asks_to_join(auth, namespace)
        packet = await self.receives_packet()
        start = f"40{self.prefix(namespace)}"
        assert packet.startswith(start + "{"), packet
        answer = json.loads(packet.removeprefix(start))
        assert list(answer) == ["sid"], answer
        self.namespace, self.sid = namespace, answer["sid"]
        return self.sid

    async def is_refused(self, message: str, auth=NOTHING, namespace: str = "/") -> None:
        """The answer to CONNECT is a CONNECT_ERROR with exactly this message."""
        await self.asks_to_join(auth, namespace)
        await self.expects_packet(f'44{self.prefix(namespace)}{{"message":"{message}"}}')

    async def emits(self, event: str, data=NOTHING) -> None:
        arguments = [event] if data is NOTHING else [event, data]
        await self.sends_packet(f"42{self.prefix()}{json.dumps(arguments, ensure_ascii=False)}")

    async def next_event(self) -> tuple[str, object]:
        packet = await self.receives_packet()
        start = f"42{self.prefix()}"
        assert packet.startswith(start + "["), packet
        event, data = json.loads(packet.removeprefix(start))
        return event, data

    async def is_ended(self) -> None:
        """The server disconnects the socket, and closes the transport."""
        for _ in range(100_000):
            packet = await self.receives_packet()
            if packet == f"41{self.prefix()}":
                return await self.is_closed()
            assert packet.startswith("42"), packet
        raise AssertionError("the connection does not end")

    async def is_closed(self) -> None:
        """The transport ends."""
        raise NotImplementedError

    async def leaves(self) -> None:
        await self.sends_packet(f"41{self.prefix()}")


def target(path: str, transport: str, query: dict | None = None, version: str = "4") -> str:
    return f"{path}?{urlencode({'EIO': version, 'transport': transport} | (query or {}))}"


class WebSocketClient(SocketIOClient):
    def __init__(self, client: Client):
        self.client = client

    @classmethod
    async def open(cls, address: Address, path: str = "/socket.io/", query: dict | None = None, **options) -> Self:
        client = await Client.open(address, target(path, "websocket", query), **options)
        self = cls(client)
        packet = await client.receives()
        assert packet[0] == "0", packet
        self.handshake = json.loads(packet[1:])
        return self

    async def sends_packet(self, packet: str) -> None:
        await self.client.sends(packet)

    async def _next_packet(self) -> str:
        packet = await self.client.receives()
        assert isinstance(packet, str), packet
        return packet

    async def is_closed(self) -> None:
        """The transport ends, with or without packets before it."""
        await self.client.closing(after_anything=True)

    def vanishes(self) -> None:
        self.client.vanishes()


class PollingClient(SocketIOClient):
    """Polls only when asked for a packet, so that no request is left hanging at the end of a test."""

    def __init__(self, address: Address, path: str, query: dict | None, headers: dict | None):
        self.address, self.path, self.query, self.headers = address, path, query or {}, headers or {}
        self.received: list[str] = []

    @classmethod
    async def open(
        cls,
        address: Address,
        path: str = "/socket.io/",
        query: dict | None = None,
        additional_headers: dict | None = None,
    ) -> Self:
        self = cls(address, path, query, additional_headers)
        answer = await self.gets()
        assert answer.status == 200, answer
        (packet,) = answer.text.split(SEPARATOR)
        assert packet[0] == "0", packet
        self.handshake = json.loads(packet[1:])
        self.query = self.query | {"sid": self.handshake["sid"]}
        cleanup.at_end_of_coroutine(self.closes)
        return self

    @property
    def target(self) -> str:
        return target(self.path, "polling", self.query)

    async def gets(self) -> http.Answer:
        return await http.request(self.address, self.target, headers=self.headers)

    async def posts(self, body: str | bytes) -> http.Answer:
        body = body.encode() if isinstance(body, str) else body
        return await http.request(self.address, self.target, method="POST", headers=self.headers, body=body)

    async def sends_packet(self, packet: str) -> None:
        answer = await self.posts(packet)
        assert (answer.status, answer.text) == (200, "ok"), answer

    async def _next_packet(self) -> str:
        if not self.received:
            answer = await self.gets()
            assert answer.status == 200, answer
            self.received = answer.text.split(SEPARATOR)
        return self.received.pop(0)

    async def is_closed(self) -> None:
        """The session ends: with a packet `1`, or it is unknown already."""
        for _ in range(100):
            answer = await self.gets()
            if answer.status != 200 or "1" in answer.text.split(SEPARATOR):
                return
        raise AssertionError("the session does not end")

    async def closes(self) -> None:
        async with asyncio.timeout(DEADLINE):
            await self.posts("1")
