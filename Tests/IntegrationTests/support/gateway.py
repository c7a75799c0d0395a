"""The event gateway: its sessions over REST, and a client for each way to reach its events."""

import re
import time
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from . import http
from .address import Address
from .client import Client
from .server import Server
from .socket_io import NOTHING, PollingClient, WebSocketClient

ADMIN_TOKEN = "an-admin-token-only-the-tests-know"
SETTINGS = {"GATEWAY_PORT": "0", "WEBSOCKET_PORT": "0", "GATEWAY_ADMIN_TOKEN": ADMIN_TOKEN}
REPLIES = {
    "ping": "pong",
    "status": "status_response",
    "echo": "echo_response",
    "info": "info_response",
    "message": "message_received",
}
TOKEN_REQUIRED = "Authentication token required"
BAD_TOKEN = "Invalid or expired session token"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


# Sessions


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def post(address: Address, path: str, body: dict | bytes = b"", **headers: str) -> http.Answer:
    return http.fetch(address, path, method="POST", body=body, headers=headers)


def as_admin(address: Address, path: str, body: dict | bytes) -> http.Answer:
    return post(address, path, body, **bearer(ADMIN_TOKEN))


def acquire(address: Address) -> str:
    """The token of a new session, in which nobody is logged in."""
    answer = post(address, "/api/auth/acquire-session")
    assert answer.status == 200, answer
    return answer.json["data"]["token"]


def link(address: Address, token: str, user: str) -> None:
    answer = as_admin(address, "/api/auth/link", {"token": token, "userId": user})
    assert (answer.status, answer.json["success"]) == (200, True), answer


def logout(address: Address, token: str) -> None:
    answer = post(address, "/api/auth/logout", **bearer(token))
    assert (answer.status, answer.json["success"]) == (200, True), answer


def emit(address: Address, event: str, data, **to: str) -> None:
    """`session=` or `user=` says to whom; neither: to everybody."""
    answer = as_admin(address, "/api/emit", {"event": event, "data": data} | to)
    assert (answer.status, answer.json["success"]) == (200, True), answer


def look_up(address: Address, token: str) -> http.Answer:
    return http.fetch(address, "/api/auth/session", headers=bearer(token))


def masked(token: str) -> str:
    return "***" + token[-4:]


def seconds_from_now(text: str) -> float:
    """How far this time is ahead, after checking its form."""
    assert TIME.fullmatch(text), f"not a time in UTC with milliseconds: {text!r}"
    return datetime.fromisoformat(text).timestamp() - time.time()


def is_now(text: str) -> bool:
    return abs(seconds_from_now(text)) < 5


# Clients


class Conversation:
    """What tests say and hear, whatever carries it."""

    greeting: dict
    """The data of `connected`."""

    async def expects_event(self, name: str):
        """The next event is this one. Returns its data."""
        event, data = await self.next_event()
        assert event == name, f"{event} {data}"
        return data

    async def asks(self, event: str, data=NOTHING):
        """Sends an event of the table. The next one to arrive must be its answer, whose data is returned."""
        await self.emits(event, data)
        return await self.expects_event(REPLIES[event])

    async def is_alive(self) -> None:
        """Whatever the server owed before has arrived: the next event is the pong."""
        assert list(await self.asks("ping")) == ["timestamp"]

    async def chats(self, message, **more) -> str:
        """Asks the assistant. Returns the messageId of the start, which is the next event."""
        await self.emits("ai:chat", {"message": message} | more)
        started = await self.expects_event("ai:response:start")
        assert list(started) == ["messageId"]
        return started["messageId"]

    async def hears_all_of(self, message_id: str) -> tuple[list[str], str]:
        """The chunks and the full response; nothing else may come in between."""
        chunks = []
        while True:
            event, data = await self.next_event()
            assert data["messageId"] == message_id
            if event == "ai:response:complete":
                assert list(data) == ["messageId", "fullResponse"]
                return chunks, data["fullResponse"]
            assert event == "ai:response:chunk", (event, data)
            assert list(data) == ["messageId", "chunk"]
            chunks.append(data["chunk"])


class Native(Conversation, Client):
    """`{"event":…,"data":…}` as text frames."""

    protocol = "native"

    async def emits(self, event: str, data=NOTHING) -> None:
        await self.sends({"event": event} if data is NOTHING else {"event": event, "data": data})

    async def next_event(self) -> tuple[str, object]:
        message = await self.receives_json()
        assert list(message) == ["event", "data"], message
        return message["event"], message["data"]

    async def is_ended(self) -> None:
        """Authentication: a logout or an expiry ends the live connections of the session."""
        await self.is_closed(1008, "Session ended", after_anything=True)


class OverWebSocket(Conversation, WebSocketClient):
    protocol = "websocket"


class OverPolling(Conversation, PollingClient):
    protocol = "polling"


@dataclass(frozen=True)
class Way:
    """One way to the events: a listener, a protocol, a path."""

    listener: str
    kind: type
    path: str

    @property
    def name(self) -> str:
        return f"{self.kind.protocol}-{self.listener}{'' if self.path == '/socket.io/' else self.path}"

    @property
    def is_native(self) -> bool:
        return self.kind is Native

    async def connect(self, server: Server, token: str) -> Native | OverWebSocket | OverPolling:
        """A client that has been greeted; its greeting is kept."""
        address = getattr(server, self.listener)
        if self.is_native:
            client = await Native.open(address, f"{self.path}?{urlencode({'token': token})}")
        else:
            client = await self.kind.open(address, self.path)
            await client.joins({"token": token})
        client.greeting = await client.expects_event("connected")
        return client


NATIVE_WAYS = [
    Way("gateway", Native, "/ws"),
    Way("sockets", Native, "/"),
    Way("front_door", Native, "/events"),
    Way("front_door", Native, "/ws"),
]
SOCKET_IO_WAYS = [
    Way(listener, kind, "/socket.io/")
    for kind in (OverWebSocket, OverPolling)
    for listener in ("gateway", "sockets", "front_door")
]
WAYS = NATIVE_WAYS + SOCKET_IO_WAYS
ONE_OF_EACH = [NATIVE_WAYS[1], SOCKET_IO_WAYS[0], SOCKET_IO_WAYS[4]]
"""Native, Socket.IO over WebSocket, Socket.IO over polling, not all on one port."""


def name_of(way: Way) -> str:
    return way.name


async def open_all(server: Server, token: str, ways: list[Way] = WAYS) -> list:
    return [await way.connect(server, token) for way in ways]
