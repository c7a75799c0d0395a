"""Engine.IO sessions over bare HTTP and over WebSocket, packet by packet."""

import asyncio
import base64
import contextlib
import gzip
import json
import socket
import time
import zlib
from collections import deque
from collections.abc import AsyncIterator
from typing import Self
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed

from . import DEADLINE, cleanup, http
from .address import Address
from .client import Client
from .http import Answer

SEPARATOR = "\x1e"
CAP = 16
"""Packets in one poll body, at most, for clients that may be python-socketio."""
PYTHON = {"User-Agent": "python-requests/2.32.3"}
UNKNOWN_TRANSPORT, UNKNOWN_SESSION, BAD_METHOD, BAD_REQUEST, FORBIDDEN, UNSUPPORTED = range(6)
MESSAGES = {
    UNKNOWN_TRANSPORT: "Transport unknown",
    UNKNOWN_SESSION: "Session ID unknown",
    BAD_METHOD: "Bad handshake method",
    BAD_REQUEST: "Bad request",
    FORBIDDEN: "Forbidden",
    UNSUPPORTED: "Unsupported protocol version",
}

Packet = str | bytes
"""As on a WebSocket: text begins with the type, binary is the payload of a message."""


class SessionEnded(ConnectionError):
    """The server closed the session."""


def is_refusal(answer: Answer, code: int, message: str | None = None, status: int = 400) -> None:
    """The answer is exactly this error: status, content type, JSON."""
    assert answer.status == status, f"{answer.status} {answer.body[:200]!r}"
    assert answer.headers["content-type"] == "application/json"
    expected = '{"code":%d,"message":"%s"}' % (code, message or MESSAGES[code])
    assert answer.text == expected
    assert int(answer.headers["content-length"]) == len(expected)


def has_code(answer: Answer, code: int) -> bool:
    return answer.status >= 400 and answer.body.startswith(b'{"code":%d,' % code)


class Engine:
    """An Engine.IO server: where it is, and what to say there."""

    def __init__(self, address: Address, path: str = "/socket.io/", *, protocol: int | None = 4):
        self.address = address
        self.path = path
        self.protocol = protocol

    def target(self, **query: str | int) -> str:
        version = {} if self.protocol is None else {"EIO": self.protocol}
        return f"{self.path}?{urlencode(version | query)}"

    async def fetch(self, method: str = "GET", target: str | None = None, headers=None, body=b"", **query) -> Answer:
        """One request on a connection of its own."""
        connection = await Http.open(self.address)
        try:
            return await connection.request(method, target or self.target(**query), headers, body)
        finally:
            connection.drop()

    async def upgrade(self, target: str | None = None, headers=None, **query) -> Answer:
        """The answer to a WebSocket handshake, whatever it is. The connection is dropped at once."""
        return await self.fetch("GET", target or self.target(**query), http.upgrade_headers() | (headers or {}))

    async def polling(self, *, headers=None, **query) -> "Polling":
        """A new session over polling."""
        kind = Polling if self.protocol == 4 else Polling3
        answer = await self.fetch("GET", self.target(transport="polling", **query), headers)
        return kind(self, answer, headers or {})

    async def websocket(self, *, pongs: bool = True, headers=None, **query) -> "Socket":
        """A new session over WebSocket."""
        target = self.target(transport="websocket", **query)
        socket = await Socket.open(self.address, target, additional_headers=headers)
        await socket.handshakes(pongs=pongs)
        return socket

    async def session(self, transport: str, **query) -> "Polling | Socket":
        return await (self.polling(**query) if transport == "polling" else self.websocket(**query))


class Http:
    """One HTTP connection beside a running event loop: any bytes out, one parsed answer at a time in."""

    def __init__(self, address: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.address = address
        self.reader = reader
        self.writer = writer
        self.is_usable = True
        cleanup.at_end(self.drop)

    @classmethod
    async def open(cls, address: Address, **options) -> Self:
        plain = address.socket(**options)
        plain.setblocking(False)
        limit = 2048 if options.get("small_buffers") else 1 << 20
        return cls(address, *await asyncio.open_connection(sock=plain, limit=limit))

    def send(self, data: bytes | str) -> None:
        self.writer.write(data.encode() if isinstance(data, str) else data)

    def ask(self, method: str, target: str, headers=None, body: bytes | str = b"") -> None:
        """Sends a request and does not wait for its answer."""
        body = body.encode() if isinstance(body, str) else body
        fields = dict(headers or {})
        if method == "POST" and not {"content-length", "transfer-encoding"} & {name.lower() for name in fields}:
            fields["Content-Length"] = str(len(body))
        self.send(http.head(method, target, self.address, fields, body) + body)

    async def request(self, method: str, target: str, headers=None, body: bytes | str = b"") -> Answer:
        self.ask(method, target, headers, body)
        return await self.answer(to=method)

    async def answer(self, *, to: str = "GET", within: float = DEADLINE) -> Answer:
        self.is_usable = False
        try:
            async with asyncio.timeout(within):
                answer = Answer.of_head(await self.reader.readuntil(b"\r\n\r\n"))
                if answer.has_body(to):
                    answer.body = await self._body(answer.headers)
        except asyncio.IncompleteReadError as end:
            raise ConnectionError(f"the server closed the connection after {end.partial[:200]!r}") from None
        self.is_usable = "close" not in answer.headers.get("connection", "").lower()
        return answer

    async def _body(self, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        if "chunked" in headers.get("transfer-encoding", ""):
            body = b""
            while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
                body += await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readuntil(b"\r\n")
            return body
        return await self.reader.read()

    async def is_closed(self, within: float = DEADLINE) -> bool:
        """Whether the server ends the connection; what it still sends is thrown away."""
        try:
            async with asyncio.timeout(within):
                while await self.reader.read(65536):
                    pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    def drop(self) -> None:
        """Ends the connection as a client does that goes away."""
        self.is_usable = False
        with contextlib.suppress(RuntimeError):  # its event loop may have ended
            self.writer.transport.abort()

    def reset(self) -> None:
        """Ends the connection with RST, as a crashed peer does."""
        plain = self.writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.drop()


class Session:
    """What a client hears, over either transport."""

    engine: Engine
    handshake: dict
    faults: list[str]
    _owed = 0

    @property
    def sid(self) -> str:
        return self.handshake["sid"]

    def _opened(self, packet: Packet) -> None:
        assert isinstance(packet, str) and packet[0] == "0", f"not an open packet: {packet!r}"
        self.handshake = json.loads(packet[1:])
        self.faults = []

    def _watch(self, packet: Packet) -> None:
        """Attachments follow their header at once: not even a ping may come between."""
        if isinstance(packet, bytes):
            self._owed = max(self._owed - 1, 0)
            return
        if self._owed:
            self.faults.append(f"{packet[:80]!r} while {self._owed} attachments were owed")
        if packet[:2] in ("45", "46"):
            count = packet[2:].split("-")[0]
            self._owed = int(count) if count.isdecimal() else 0


class Polling(Session):
    """A session over polling. Polls only when it is told to, unless it `keeps_polling`."""

    CONTENT_TYPE = "text/plain; charset=UTF-8"

    def __init__(self, engine: Engine, opening: Answer, headers: dict[str, str]):
        self.engine = engine
        self.opening = opening
        self.headers = headers
        self.answers_pings = True
        self._unread: deque[Packet] = deque()
        self._connections: list[Http] = []
        self._pump: asyncio.Task | None = None
        self._is_pausing = False
        self._has_ended = False
        self._arrived = asyncio.Condition()
        packets = self.packets_of(opening)
        self._opened(packets[0])
        self._unread.extend(packets[1:])
        cleanup.at_end_of_coroutine(self._is_given_up)

    async def _is_given_up(self) -> None:
        """Whatever became of it: the server need not wait for this client when it ends."""
        answer = await self.engine.fetch("POST", self.target(), body=self.joined("1"))
        while answer.status == 200:  # a server that is closing it waits until all is fetched
            answer = await self.engine.fetch("GET", self.target())

    # The wire format

    def joined(self, *packets: Packet) -> str:
        return SEPARATOR.join(
            packet if isinstance(packet, str) else "b" + base64.b64encode(packet).decode() for packet in packets
        )

    def split(self, body: bytes) -> list[Packet]:
        assert body, "an empty body is no answer to a poll"
        texts = body.decode().split(SEPARATOR)
        assert "" not in texts, f"an empty packet in {body!r}"
        if self.headers == PYTHON:
            assert len(texts) <= CAP, f"{len(texts)} packets in one body"
        return [base64.b64decode(text[1:], validate=True) if text[0] == "b" else text for text in texts]

    def packets_of(self, answer: Answer) -> list[Packet]:
        """The packets of a poll's answer, which must be a good one."""
        assert answer.status == 200, f"{answer.status} {answer.body[:200]!r}"
        assert answer.headers["content-type"] == self.CONTENT_TYPE
        assert answer.headers["cache-control"] == "no-store"
        assert int(answer.headers["content-length"]) == len(answer.body)
        body = answer.body
        match answer.headers.get("content-encoding"):
            case "gzip":
                body = gzip.decompress(body)
            case "deflate":
                body = zlib.decompress(body)
        return self.split(body)

    # Requests

    def target(self, **query) -> str:
        return self.engine.target(transport="polling", sid=self.sid, **query)

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Http]:
        """A kept-alive connection that no other request is using."""
        connection = None
        while self._connections and (connection is None or not connection.is_usable):
            connection = self._connections.pop()
        if connection is None or not connection.is_usable:
            connection = await Http.open(self.engine.address)
        yield connection
        if connection.is_usable:
            self._connections.append(connection)

    async def get(self, headers=None, **query) -> Answer:
        async with self.connection() as connection:
            return await connection.request("GET", self.target(**query), self.headers | (headers or {}))

    async def post(self, body: bytes | str, headers=None) -> Answer:
        async with self.connection() as connection:
            headers = {"Content-Type": "text/plain;charset=UTF-8"} | self.headers | (headers or {})
            return await connection.request("POST", self.target(), headers, body)

    async def hold(self, headers=None) -> "Held":
        """A GET that the server keeps."""
        connection = await Http.open(self.engine.address)
        connection.ask("GET", self.target(), self.headers | (headers or {}))
        for _ in range(2):  # whatever reaches the session later than this finds the GET there
            await self.sends("6")
        return Held(self, connection)

    # Packets

    async def sends(self, *packets: Packet) -> None:
        """One POST, and it is accepted."""
        answer = await self.post(self.joined(*packets))
        if has_code(answer, UNKNOWN_SESSION):
            raise SessionEnded("the session is gone")
        assert (answer.status, answer.body) == (200, b"ok"), f"{answer.status} {answer.body[:200]!r}"

    async def poll(self) -> list[Packet]:
        """All packets of one answer, whatever they are."""
        return self.packets_of(await self.get())

    async def receives(self) -> Packet:
        """The next packet; pings are answered."""
        while not self._unread:
            if self._has_ended:
                raise SessionEnded("the server sent a close packet")
            if self._pump:
                await self._pumped()
            else:
                await self._take(await self.get())
        assert not self.faults, self.faults
        return self._unread.popleft()

    async def expects(self, *packets: Packet) -> None:
        for packet in packets:
            assert await self.receives() == packet

    async def _take(self, answer: Answer) -> None:
        if has_code(answer, UNKNOWN_SESSION):
            raise SessionEnded("the session is gone")
        for packet in self.packets_of(answer):
            self._watch(packet)
            if packet == "2" and self.answers_pings:
                await self.sends("3")
            elif isinstance(packet, str) and packet.startswith("1"):
                self._has_ended = True
                return
            elif packet != "6":
                self._unread.append(packet)

    def keeps_polling(self) -> Self:
        """From now on there is always a GET, as with a real client."""
        self._pump = asyncio.create_task(self._poll_on())
        cleanup.at_end_of_coroutine(self.stops_polling)
        return self

    async def stops_polling(self) -> None:
        """The connection of the GET that is held ends with it."""
        if self._pump:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
            self._pump = None

    async def pauses(self) -> None:
        """The GET that is held is waited for, and there is no other: how a client prepares for its upgrade."""
        if self._pump:
            self._is_pausing = True
            async with asyncio.timeout(DEADLINE):
                await self._pump
            self._pump = None

    async def _poll_on(self) -> None:
        connection = await Http.open(self.engine.address)
        try:
            while not self._is_pausing and not self._has_ended:
                if not connection.is_usable:
                    connection = await Http.open(self.engine.address)
                connection.ask("GET", self.target(), self.headers)
                await self._take(await connection.answer(within=60))
                async with self._arrived:
                    self._arrived.notify_all()
        finally:
            connection.drop()
            async with self._arrived:
                self._arrived.notify_all()

    async def _pumped(self) -> None:
        async with asyncio.timeout(DEADLINE), self._arrived:
            await self._arrived.wait_for(lambda: self._unread or self._pump.done())
        if not self._unread:
            await self._pump

    # Life and death

    async def is_alive(self) -> None:
        await self.sends("6")

    async def is_dead(self) -> None:
        """The sid means nothing any more: not even a close packet is owed."""
        is_refusal(await self.get(), UNKNOWN_SESSION)
        is_refusal(await self.post("6"), UNKNOWN_SESSION)

    async def becomes_dead(self, within: float = DEADLINE) -> None:
        """The server finds out by itself. A GET would disturb it, so this asks by POST."""
        end = time.monotonic() + within
        while not has_code(answer := await self.post("6"), UNKNOWN_SESSION):
            assert answer.status == 200, f"{answer.status} {answer.body[:200]!r}"
            assert time.monotonic() < end, "the session does not die"
            await asyncio.sleep(0.01)

    async def ends(self) -> list[Packet]:
        """The server closes the session and says so at most by a close packet. Returns what came before it."""
        packets = []
        with contextlib.suppress(SessionEnded):
            while True:
                packets.append(await self.receives())
        await self.stops_polling()
        await self.becomes_dead()
        return packets

    async def leaves(self) -> None:
        """As a client closes: with a packet. A GET that was on its way meanwhile is still answered."""
        await self.sends("1")
        if not self._pump:
            answer = await self.get()
            assert answer.body == b"6" or has_code(answer, UNKNOWN_SESSION), answer

    async def vanishes(self) -> None:
        """The held GET is dropped, which is how the server learns of it."""
        if self._pump:
            await self.stops_polling()
        else:
            (await self.hold()).drop()


class Held:
    """A GET that waits for its answer."""

    def __init__(self, session: Polling, connection: Http):
        self.session = session
        self.connection = connection

    async def answer(self, within: float = DEADLINE) -> Answer:
        return await self.connection.answer(within=within)

    async def packets(self, within: float = DEADLINE) -> list[Packet]:
        return self.session.packets_of(await self.answer(within))

    def drop(self) -> None:
        self.connection.drop()

    def reset(self) -> None:
        self.connection.reset()


class Socket(Client, Session):
    """A session, or a probe, over WebSocket. It reads all the time, and answers pings when told to."""

    _pump: asyncio.Task | None = None

    async def handshakes(self, *, pongs: bool = True) -> None:
        self._opened(await super().receives())
        self.pumps(pongs=pongs)

    def pumps(self, *, pongs: bool = True) -> None:
        """From now on everything is read as it arrives."""
        self.answers_pings = pongs
        self._unread: asyncio.Queue[Packet | ConnectionClosed] = asyncio.Queue()
        self._pump = asyncio.create_task(self._read_on())
        cleanup.at_end_of_coroutine(self._stop_reading)

    async def _read_on(self) -> None:
        try:
            while True:
                packet = await self.socket.recv()
                self._watch(packet)
                if packet == "2" and self.answers_pings:
                    await self.socket.send("3")
                else:
                    self._unread.put_nowait(packet)
        except ConnectionClosed as closed:
            self._unread.put_nowait(closed)

    async def _stop_reading(self) -> None:
        self._pump.cancel()

    async def sends(self, *packets: Packet) -> None:
        for packet in packets:
            await self.socket.send(packet)

    async def receives(self) -> Packet:
        if self._pump is None:
            return await super().receives()
        async with asyncio.timeout(DEADLINE):
            packet = await self._unread.get()
        assert not self.faults, self.faults
        if isinstance(packet, ConnectionClosed):
            self._unread.put_nowait(packet)
            raise packet
        return packet

    async def expects(self, *packets: Packet) -> None:
        for packet in packets:
            assert await self.receives() == packet

    async def ends(self) -> list[Packet]:
        """The server closes the connection. Returns what came before that."""
        packets = []
        with contextlib.suppress(ConnectionClosed):
            while True:
                packets.append(await self.receives())
        return packets

    async def is_alive(self) -> None:
        """For sessions that are sent nothing else."""
        async with asyncio.timeout(DEADLINE):
            await (await self.socket.ping())


async def probe(session: Polling, first: str | None = "2probe") -> Socket:
    """A second transport for a polling session: opened, and with `first` sent and answered."""
    target = session.engine.target(transport="websocket", sid=session.sid)
    socket = await Socket.open(session.engine.address, target)
    socket.engine, socket.handshake, socket.faults = session.engine, session.handshake, []
    if first is not None:
        await socket.sends(first)
        if first == "2probe":
            await socket.expects("3probe")
    return socket


async def upgraded(session: Polling) -> Socket:
    """The whole upgrade as the JavaScript client does it. What came over polling meanwhile is read first."""
    socket = await probe(session)
    await session.pauses()
    await socket.sends("5")
    socket.pumps(pongs=session.answers_pings)
    for packet in session._unread:  # nothing has been read from the socket so far
        socket._unread.put_nowait(packet)
    session._unread.clear()
    return socket


class Polling3(Polling):
    """Protocol 3: length-prefixed packets."""

    def joined(self, *packets: Packet) -> str:
        texts = (
            packet if isinstance(packet, str) else "b4" + base64.b64encode(packet).decode() for packet in packets
        )
        return "".join(f"{utf16_length(text)}:{text}" for text in texts)

    def packets_of(self, answer: Answer) -> list[Packet]:
        assert answer.status == 200, f"{answer.status} {answer.body[:200]!r}"
        assert int(answer.headers["content-length"]) == len(answer.body)
        if answer.headers["content-type"] == "application/octet-stream":
            return self.split_binary(answer.body)
        assert answer.headers["content-type"] == self.CONTENT_TYPE
        return self.split(answer.body)

    def split(self, body: bytes) -> list[Packet]:
        units, packets = body.decode().encode("utf-16-le"), []
        while units:
            length, colon, rest = units.partition(":".encode("utf-16-le"))
            assert colon, f"no length in {body!r}"
            size = 2 * int(length.decode("utf-16-le"))
            assert len(rest) >= size, f"a length beyond the end in {body!r}"
            text, units = rest[:size].decode("utf-16-le"), rest[size:]
            packets.append(base64.b64decode(text[2:], validate=True) if text.startswith("b4") else text)
        return packets

    @staticmethod
    def split_binary(body: bytes) -> list[Packet]:
        packets = []
        while body:
            kind, (digits, _, rest) = body[0], body[1:].partition(b"\xff")
            assert all(digit <= 9 for digit in digits), f"a length of {digits!r}"
            size = int("".join(map(str, digits)))
            payload, body = rest[:size], rest[size:]
            assert len(payload) == size
            if kind == 0:
                packets.append(payload.decode())
            else:
                assert kind == 1 and payload[0] == 4, payload[:20]
                packets.append(payload[1:])
        return packets

    @staticmethod
    def joined_binary(*packets: Packet) -> bytes:
        body = b""
        for packet in packets:
            payload = packet.encode() if isinstance(packet, str) else b"\x04" + packet
            digits = bytes(int(digit) for digit in str(len(payload)))
            body += bytes([isinstance(packet, bytes)]) + digits + b"\xff" + payload
        return body


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
