"""What every dialect's harness offers."""

from ..address import Address
from ..client import Client
from ..raw import RawWebSocket


class Member(Client):
    """A client that is in a room."""

    async def says(self, text: str) -> None:
        raise NotImplementedError

    async def hears(self, text: str, *, limit: int = 20_000) -> None:
        """Reads until somebody says exactly this."""
        for _ in range(limit):
            if self.text_of(await self.receives()) == text:
                return
        raise AssertionError(f"{text!r} was not among {limit} messages")

    def text_of(self, message: str | bytes) -> str | None:
        """The text that somebody says with this message from the server, if it is such a message."""
        raise NotImplementedError


class Dialect:
    name: str
    """As in configuration and metrics."""
    shutdown_code = 1001
    member = Member

    def __init__(self, address: Address):
        self.address = address

    def path(self, name: str, room: str) -> str:
        raise NotImplementedError

    async def connect(self, name: str, room: str, **options) -> Member:
        return await self.member.open(self.address, self.path(name, room), name, room, **options)

    async def join(self, name: str, room: str, **options) -> Member:
        """Connects and waits until the server has let the member in."""
        raise NotImplementedError

    async def together(self, room: str, *names: str) -> list[Member]:
        """Members that joined one after another, each with nothing left to read."""
        members = []
        for name in names:
            members.append(await self.join(name, room))
            for earlier in members[:-1]:
                await self.skip_join_notice(earlier)
        return members

    async def skip_join_notice(self, member: Member) -> None:
        """Reads what a member is told when another one joins."""

    def raw(self, name: str, room: str, **options) -> RawWebSocket:
        """A raw connection past the handshake; anything the dialect needs to be in the room is sent."""
        return RawWebSocket.open(self.address, self.path(name, room), **options)

    def wire(self, text: str) -> str:
        """The message by which a client says this."""
        return text
