"""Socket.IO 5 over an Engine.IO session of either transport: namespaces, events, acknowledgements, binary."""

import json
from collections import deque
from dataclasses import dataclass
from typing import Self

from .engineio import Engine, Packet, Polling, Session, Socket

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)
TRANSPORTS = ("polling", "websocket")


class Nothing:
    """The absence of a payload, which is not null."""

    def __repr__(self) -> str:
        return "Nothing"


NOTHING = Nothing()


@dataclass
class Heard:
    """A packet with its attachments put back in."""

    type: int
    namespace: str
    id: int | None
    data: object


def encoded(type: int, namespace: str, data=NOTHING, id: int | None = None) -> list[Packet]:
    """The Engine.IO packets of one Socket.IO packet."""
    attachments: list[bytes] = []
    payload = "" if data is NOTHING else json.dumps(_without_bytes(data, attachments), ensure_ascii=False)
    if attachments:
        type = {EVENT: BINARY_EVENT, ACK: BINARY_ACK}[type]
    count = f"{len(attachments)}-" if attachments else ""
    where = "" if namespace == "/" else f"{namespace},"
    return [f"4{type}{count}{where}{'' if id is None else id}{payload}", *attachments]


def _without_bytes(value, attachments: list[bytes]):
    if isinstance(value, bytes):
        attachments.append(value)
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(value, (list, tuple)):
        return [_without_bytes(element, attachments) for element in value]
    if isinstance(value, dict):
        return {key: _without_bytes(element, attachments) for key, element in value.items()}
    return value


def _with_bytes(value, attachments: list[bytes]):
    if isinstance(value, list):
        return [_with_bytes(element, attachments) for element in value]
    if isinstance(value, dict):
        if value.get("_placeholder") is True:
            return attachments[value["num"]]
        return {key: _with_bytes(element, attachments) for key, element in value.items()}
    return value


class Connection:
    """A session whose messages are Socket.IO packets; each namespace on it has a `Member`."""

    def __init__(self, session: Polling | Socket):
        self.session = session
        self._unread: dict[str, deque[Heard]] = {}

    @classmethod
    async def open(cls, engine: Engine, transport: str = "websocket", **options) -> Self:
        return cls(await engine.session(transport, **options))

    async def says(self, type: int, namespace: str, data=NOTHING, id: int | None = None) -> None:
        await self.session.sends(*encoded(type, namespace, data, id))

    async def hears(self, namespace: str) -> Heard:
        """The next packet of the namespace; those of others wait for their turn."""
        queue = self._unread.setdefault(namespace, deque())
        while not queue:
            heard = await self._next()
            self._unread.setdefault(heard.namespace, deque()).append(heard)
        return queue.popleft()

    async def _next(self) -> Heard:
        packet = await self.session.receives()
        assert isinstance(packet, str), f"an attachment that nothing announced: {packet[:80]!r}"
        assert packet[0] == "4", f"not a message: {packet[:80]!r}"
        type, rest, count = int(packet[1]), packet[2:], 0
        if type in (BINARY_EVENT, BINARY_ACK):
            digits, _, rest = rest.partition("-")
            count = int(digits)
            assert count, "a binary packet without attachments"
        namespace = "/"
        if rest.startswith("/"):
            namespace, _, rest = rest.partition(",")
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        payload = rest[len(digits) :]
        data = json.loads(payload) if payload else NOTHING
        attachments = [await self.session.receives() for _ in range(count)]
        assert all(isinstance(one, bytes) for one in attachments), "text where an attachment was owed"
        plain = EVENT if type == BINARY_EVENT else ACK if type == BINARY_ACK else type
        return Heard(plain, namespace, int(digits) if digits else None, _with_bytes(data, attachments))

    async def joins(self, namespace: str = "/", auth=NOTHING) -> "Member":
        """CONNECT, which is accepted. Events that come before the answer are kept."""
        member = Member(self, namespace)
        await self.says(CONNECT, namespace, auth)
        heard = await member.hears_packet(CONNECT)
        assert set(heard.data) - {"pid"} == {"sid"}, heard
        member.id, member.pid = heard.data["sid"], heard.data.get("pid")
        return member

    async def is_refused(self, namespace: str, auth=NOTHING):
        """CONNECT, which is not. Returns the data of the answer."""
        await self.says(CONNECT, namespace, auth)
        heard = await self.hears(namespace)
        assert heard.type == CONNECT_ERROR, heard
        return heard.data

    async def ends(self) -> None:
        """The server ends the whole connection."""
        await self.session.ends()

    async def leaves(self) -> None:
        """As `socket.disconnect()` of the last namespace does: the transport is closed."""
        await self.session.leaves()


class Member:
    """A socket in one namespace."""

    id: str
    pid: str | None
    _ids = 0

    def __init__(self, connection: Connection, namespace: str):
        self.connection = connection
        self.namespace = namespace
        self.early: deque[Heard] = deque()
        """Events that came before they were asked for."""
        self.offset: str | None = None

    @property
    def session(self) -> Session:
        return self.connection.session

    # What goes out

    async def emits(self, event, *arguments) -> None:
        await self.connection.says(EVENT, self.namespace, [event, *arguments])

    async def asks(self, event, *arguments) -> list:
        """Emits with an acknowledgement and returns what it is called with. Events that come first are kept."""
        Member._ids += 1
        id = Member._ids
        await self.connection.says(EVENT, self.namespace, [event, *arguments], id)
        heard = await self.hears_packet(ACK)
        assert heard.id == id, heard
        return heard.data

    async def ask(self, event, *arguments):
        """`asks` for the only value that the acknowledgement has."""
        (answer,) = await self.asks(event, *arguments)
        return answer

    async def orders(self, event, *arguments) -> None:
        """`asks` for what is answered with nothing."""
        assert await self.asks(event, *arguments) == []

    async def acknowledges(self, heard: Heard, *arguments) -> None:
        await self.connection.says(ACK, self.namespace, list(arguments), heard.id)

    async def disconnects(self) -> None:
        await self.connection.says(DISCONNECT, self.namespace)

    # What comes in

    async def hears_packet(self, type: int) -> Heard:
        """The next packet of a type; events before it are kept, anything else must not come."""
        while True:
            heard = await self.connection.hears(self.namespace)
            if heard.type == type:
                return heard
            assert heard.type == EVENT, f"{heard} instead of a packet of type {type}"
            self.early.append(heard)

    async def hears_event(self) -> Heard:
        """The next event, with its acknowledgement id."""
        if self.early:
            return self.early.popleft()
        heard = await self.connection.hears(self.namespace)
        assert heard.type == EVENT, heard
        return heard

    async def hears(self) -> list:
        """Name and arguments of the next event. With recovery the offset is taken off."""
        heard = await self.hears_event()
        data = heard.data
        if self.pid and heard.id is None and isinstance(data[-1], str) and len(data) > 1:
            self.offset = data.pop()
        return data

    async def expects(self, *events: list) -> None:
        for event in events:
            assert await self.hears() == event

    async def expects_only(self, *events: list) -> None:
        """These events have come, and no other: whatever the server sent before this is here before the marker."""
        await self.emits("back", "marker")
        await self.expects(*events, ["back", "marker"])

    async def is_disconnected(self) -> None:
        """The server sends DISCONNECT."""
        heard = await self.hears_packet(DISCONNECT)
        assert heard.data is NOTHING, heard


async def member(engine: Engine, namespace: str = "/", auth=NOTHING, transport: str = "websocket", **query) -> Member:
    """A socket on a connection of its own."""
    connection = await Connection.open(engine, transport, **query)
    return await connection.joins(namespace, auth)


async def members(engine: Engine, count: int, namespace: str = "/", auth=NOTHING, **options) -> list[Member]:
    return [await member(engine, namespace, auth, **options) for _ in range(count)]
