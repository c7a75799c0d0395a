"""Disposable chat: a name and a room in the query, `{"text":…}` in, typed messages out."""

import json
from urllib.parse import urlencode

from .dialect import Dialect, Member


class DisposableChatMember(Member):
    greeting: dict
    id: str

    @property
    def client(self) -> dict:
        """As the server describes this member to others."""
        return {"id": self.id, "name": self.name}

    async def says(self, text: str) -> None:
        await self.sends({"text": text})

    async def expects_chat(self, sender: "DisposableChatMember", text: str) -> None:
        data = {"room": {"name": self.room}, "client": sender.client, "text": text}
        await self.expects({"type": "chat", "data": data})

    async def expects_info(self, client: "DisposableChatMember | str", action: str) -> dict:
        """The next message says that this member (or somebody of this name) came or went."""
        message = await self.receives_json()
        assert list(message) == ["type", "data"] and message["type"] == "info", message
        assert message["data"]["room"] == {"name": self.room}
        assert message["data"]["action"] == action
        if isinstance(client, str):
            assert message["data"]["client"]["name"] == client
        else:
            assert message["data"]["client"] == client.client
        return message["data"]["client"]

    async def expects_error(self) -> str:
        message = await self.receives_json()
        assert message["type"] == "error", message
        assert list(message["data"]) == ["text"] and message["data"]["text"]
        return message["data"]["text"]

    def text_of(self, message: str | bytes) -> str | None:
        message = json.loads(message)
        return message["data"]["text"] if message["type"] == "chat" else None


class DisposableChat(Dialect):
    name = "disposable-chat"
    member = DisposableChatMember

    def path(self, name: str, room: str) -> str:
        return f"/ws?{urlencode({'name': name, 'room': room})}"

    async def join(self, name: str, room: str, **options) -> DisposableChatMember:
        member = await self.connect(name, room, **options)
        return await self.greet(member)

    async def greet(self, member: DisposableChatMember) -> DisposableChatMember:
        """Reads the welcome and the member's own registration."""
        member.greeting = await member.receives_json()
        assert member.greeting["type"] == "welcome", member.greeting
        client = await member.expects_info(member.name, "registered")
        member.id = client["id"]
        return member

    async def skip_join_notice(self, member: DisposableChatMember) -> None:
        assert (await member.receives_json())["data"]["action"] == "registered"

    def wire(self, text: str) -> str:
        return json.dumps({"text": text}, ensure_ascii=False)
