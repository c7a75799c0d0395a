"""A WebSocket client that can do everything wrong."""

import base64
import hashlib
import os
import struct
from dataclasses import dataclass

from .address import Address
from .http import Answer, Connection, head, upgrade_headers

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


@dataclass
class Frame:
    opcode: int
    payload: bytes
    fin: bool = True
    rsv: int = 0

    @property
    def close_code(self) -> int | None:
        return struct.unpack("!H", self.payload[:2])[0] if len(self.payload) >= 2 else None


def frame(
    opcode: int,
    payload: bytes | str = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    length_bits: int | None = None,
    declared: int | None = None,
) -> bytes:
    """One frame, as RFC 6455 or not.

    `length_bits` (7, 16 or 64) forces the form of the length; `declared` announces another length
    than the payload has.
    """
    if isinstance(payload, str):
        payload = payload.encode()
    length = len(payload) if declared is None else declared
    length_bits = length_bits or (7 if length < 126 else 16 if length < 65536 else 64)
    mask_bit = 0x80 if masked else 0
    start = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if length_bits == 7:
        start += bytes([mask_bit | length])
    elif length_bits == 16:
        start += bytes([mask_bit | 126]) + struct.pack("!H", length)
    else:
        start += bytes([mask_bit | 127]) + struct.pack("!Q", length)
    if not masked:
        return start + payload
    key = os.urandom(4)
    return start + key + _masked(payload, key)


def close_frame(code: int | None = 1000, reason: bytes | str = b"") -> bytes:
    if isinstance(reason, str):
        reason = reason.encode()
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


class RawWebSocket(Connection):
    """Connected and past the handshake. It answers nothing by itself: no pong, no close."""

    answer_to_handshake: Answer

    @classmethod
    def open(cls, address: Address, path: str, *, headers: dict[str, str] | None = None, **options) -> "RawWebSocket":
        raw = cls(address, **options)
        raw.shake_hands(path, headers)
        return raw

    def shake_hands(self, path: str, headers: dict[str, str] | None = None) -> None:
        fields = upgrade_headers() | (headers or {})
        self.answer_to_handshake = self.request("GET", path, fields)
        self.check_handshake(fields["Sec-WebSocket-Key"])

    def check_handshake(self, key: str) -> None:
        answer = self.answer_to_handshake
        assert answer.status == 101, f"{answer.status} {answer.body[:200]!r}"
        assert answer.headers["upgrade"].lower() == "websocket"
        assert "upgrade" in answer.headers["connection"].lower()
        assert answer.headers["sec-websocket-accept"] == accept_value(key)

    def send_frame(self, opcode: int, payload: bytes | str = b"", **options) -> None:
        self.send(frame(opcode, payload, **options))

    def says(self, text: str) -> None:
        self.send_frame(TEXT, text)

    def read_frame(self) -> Frame:
        first, second = self.read(2)
        length = second & 0x7F
        assert not second & 0x80, "the server masked a frame"
        if length == 126:
            (length,) = struct.unpack("!H", self.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.read(8))
        return Frame(first & 0x0F, self.read(length), bool(first & 0x80), first >> 4 & 0x07)

    def next(self, opcode: int, limit: int = 20_000) -> Frame:
        """The next frame with this opcode; others before it are skipped, a close frame is not."""
        for _ in range(limit):
            found = self.read_frame()
            if found.opcode == opcode:
                return found
            assert found.opcode != CLOSE, f"closed with {found.close_code} {found.payload[2:]!r}"
        raise AssertionError(f"no frame of opcode {opcode} among {limit}")

    def close_code(self) -> int | None:
        """The code of the close frame that the server sends."""
        return self.next(CLOSE).close_code

    def is_ended(self) -> bool:
        """Whether the server sends a close frame, or ends the connection without one."""
        try:
            self.next(CLOSE)
        except ConnectionError:
            pass
        except TimeoutError:
            return False
        return True

    def answers_ping(self) -> bool:
        """Whether the connection is alive: everything sent before has been handled then."""
        payload = os.urandom(8)
        self.send_frame(PING, payload)
        return any(self.next(PONG).payload == payload for _ in range(1000))


def accept_value(key: str) -> str:
    digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    return base64.b64encode(digest).decode()


def handshake(address: Address, path: str, key: str = "dGhlIHNhbXBsZSBub25jZQ==") -> bytes:
    return head("GET", path, address, upgrade_headers(Sec_WebSocket_Key=key))


def _masked(payload: bytes, key: bytes) -> bytes:
    if not payload:
        return b""
    repeated = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(len(payload))
