"""Session chat: a signed token in, bare text out, a snapshot of the room back."""

import json

from .. import tokens
from .dialect import Dialect, Member


class SessionChatMember(Member):
    greeting: dict

    async def says(self, text: str) -> None:
        await self.sends(text)

    async def sees(self, *, users: list[str] | None = None, messages: list[str] | None = None) -> dict:
        """The next message is a snapshot with exactly these users and these texts."""
        snapshot = await self.receives_json()
        assert list(snapshot) == ["messages", "connectedUsers"]
        if users is not None:
            assert snapshot["connectedUsers"] == users
        if messages is not None:
            assert [message["msg"] for message in snapshot["messages"]] == messages
        return snapshot

    def text_of(self, message: str | bytes) -> str | None:
        messages = json.loads(message)["messages"]
        return messages[-1]["msg"] if messages else None


class SessionChat(Dialect):
    name = "session-chat"
    member = SessionChatMember

    def path(self, name: str, room: str) -> str:
        return self.path_with(tokens.token(name, room))

    def path_with(self, token: str) -> str:
        return f"/?token={token}"

    async def connect_with(self, token: str) -> SessionChatMember:
        return await SessionChatMember.open(self.address, self.path_with(token))

    async def join(self, name: str, room: str, **options) -> SessionChatMember:
        member = await self.connect(name, room, **options)
        member.greeting = await member.sees()
        assert name in member.greeting["connectedUsers"]
        return member

    async def skip_join_notice(self, member: SessionChatMember) -> None:
        await member.sees()
