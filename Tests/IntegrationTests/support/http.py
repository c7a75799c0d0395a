"""HTTP over a bare socket: any bytes out, one parsed answer at a time in."""

import asyncio
import base64
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from . import DEADLINE, cleanup
from .address import Address


@dataclass
class Answer:
    version: str
    status: int
    headers: dict[str, str]
    """Names in lower case; repeated ones joined with a comma."""
    body: bytes

    @classmethod
    def of_head(cls, head: bytes) -> "Answer":
        """From the lines before the body."""
        lines = head.decode("latin-1").split("\r\n")
        version, status, *_ = lines[0].split(" ", 2)
        headers: dict[str, str] = {}
        for line in filter(None, lines[1:]):
            name, _, value = line.partition(":")
            name, value = name.strip().lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return cls(version, int(status), headers, b"")

    def has_body(self, to: str) -> bool:
        return to != "HEAD" and self.status >= 200 and self.status not in (204, 304)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class Connection:
    """One TCP (or TLS) connection to the server."""

    def __init__(self, address: Address, **options):
        self.address = address
        self.socket = address.socket(**options)
        self.unread = b""
        cleanup.at_end(self.socket.close)

    def send(self, data: bytes | str) -> None:
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def drip(self, data: bytes | str) -> None:
        """One byte for each write."""
        for byte in data.encode() if isinstance(data, str) else data:
            self.socket.sendall(bytes([byte]))

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        self.send(head(method, path, self.address, headers, body) + body)
        return self.answer(to=method)

    def head_of_answer(self) -> Answer:
        """The next answer without its body."""
        return Answer.of_head(self._until(b"\r\n\r\n"))

    def chunks(self) -> Iterator[bytes]:
        """The body of a chunked answer, piece by piece as it comes."""
        while size := int(self._until(b"\r\n").split(b";")[0], 16):
            yield self.read(size)
            self.read(2)
        self._until(b"\r\n")

    def answer(self, *, to: str = "GET") -> Answer:
        """The next answer; `to` is the request's method, because an answer to HEAD has no body."""
        answer = Answer.of_head(self._until(b"\r\n\r\n"))
        if answer.has_body(to):
            answer.body = self._body(answer.headers)
        return answer

    def is_closed(self, within: float = DEADLINE) -> bool:
        """Whether the server ends the connection; what it still sends is put aside."""
        self.socket.settimeout(within)
        try:
            while data := self.socket.recv(65536):
                self.unread += data
            return True
        except TimeoutError:
            return False
        except OSError:
            return True
        finally:
            self.socket.settimeout(DEADLINE)

    def reset(self) -> None:
        """Ends the connection with RST, as a crashed peer does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()

    def read(self, count: int) -> bytes:
        while len(self.unread) < count:
            self._more()
        data, self.unread = self.unread[:count], self.unread[count:]
        return data

    def _until(self, mark: bytes) -> bytes:
        while mark not in self.unread:
            self._more()
        data, _, self.unread = self.unread.partition(mark)
        return data

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError(f"the server closed the connection after {self.unread[:200]!r}")
        self.unread += data

    def _body(self, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return self.read(int(headers["content-length"]))
        if "chunked" in headers.get("transfer-encoding", ""):
            return b"".join(self.chunks())
        self.is_closed()
        body, self.unread = self.unread, b""
        return body


def head(
    method: str, path: str, address: Address, headers: dict[str, str] | None = None, body: bytes = b""
) -> bytes:
    fields = {"Host": address.authority} | (headers or {})
    if body and not {"content-length", "transfer-encoding"} & {name.lower() for name in fields}:
        fields["Content-Length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()


def upgrade_headers(**changes: str | None) -> dict[str, str]:
    """The headers of a good WebSocket handshake; `Sec_WebSocket_Key=None` leaves that one out."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in headers.items() if value is not None}


def fetch(
    address: Address,
    path: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes | dict = b"",
    **options,
) -> Answer:
    """One request on a connection of its own. A dictionary is sent as JSON."""
    headers = dict(headers or {})
    if isinstance(body, dict):
        body = json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/json")
    connection = Connection(address, **options)
    try:
        return connection.request(method, path, headers, body)
    finally:
        connection.socket.close()


async def request(address: Address, path: str, **options) -> Answer:
    """`fetch` beside a running event loop."""
    return await asyncio.to_thread(fetch, address, path, **options)


def upgrade(address: Address, path: str, **changes: str | None) -> Answer:
    """The answer to a WebSocket handshake, whatever it is. The connection is dropped at once."""
    return fetch(address, path, headers=upgrade_headers(**changes))
