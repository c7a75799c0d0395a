"""Relay: every message to everybody on the topic, verbatim."""

import os

from .dialect import Dialect, Member


class RelayMember(Member):
    async def says(self, text: str) -> None:
        await self.sends(text)

    def text_of(self, message: str | bytes) -> str | None:
        return message if isinstance(message, str) else message.decode()


class Relay(Dialect):
    name = "relay"
    member = RelayMember

    def path(self, name: str, room: str) -> str:
        return f"/relay/{room}"

    async def join(self, name: str, room: str, **options) -> RelayMember:
        """There is no greeting: a member knows that it is subscribed when it hears itself, as in `together`."""
        return await self.connect(name, room, **options)

    async def together(self, room: str, *names: str) -> list[RelayMember]:
        """Each member, when it has joined, is heard by those before it."""
        members = []
        for name in names:
            members.append(await self.join(name, room))
            marker = f"{name} is here {os.urandom(4).hex()}"
            await members[-1].says(marker)
            for member in members:
                await member.expects(marker)
        return members
