"""Channel server: `join`, `publish` and `ping` as JSON."""

import json

from ..address import Address
from ..raw import RawWebSocket
from .dialect import Dialect, Member


class ChannelServerMember(Member):
    async def joins(self, channel: str) -> None:
        await self.sends({"type": "join", "channelId": channel})
        await self.expects('{"type":"joinSuccess"}')
        self.room = channel

    async def publishes(self, data) -> None:
        await self.sends({"type": "publish", "data": data})

    async def expects_message(self, data) -> str:
        """The next message carries exactly this. Returns who sent it."""
        message = await self.receives_json()
        assert list(message) == ["type", "senderId", "data"] and message["type"] == "message", message
        assert message["data"] == data and type(message["data"]) is type(data)
        return message["senderId"]

    async def expects_success(self) -> None:
        await self.expects('{"type":"publishSuccess"}')

    async def answers_ping(self) -> None:
        """Whatever the server owed this member before has arrived: the next message is the pong."""
        await self.sends({"type": "ping", "data": "still there?"})
        await self.expects({"type": "pong", "data": "still there?"})

    async def connection_id(self) -> str:
        """The server tells it only in its answer to a bad message."""
        await self.sends("what is my id?")
        return (await self.receives_json())["connectionId"]

    async def says(self, text: str) -> None:
        await self.publishes(text)

    def text_of(self, message: str | bytes) -> str | None:
        message = json.loads(message)
        return message["data"] if message.get("type") == "message" else None


class ChannelServer(Dialect):
    name = "channel-server"
    shutdown_code = 1012
    member = ChannelServerMember

    def __init__(self, address: Address, root: str = "/"):
        super().__init__(address)
        self.root = root

    def path(self, name: str, room: str) -> str:
        return self.root

    async def join(self, name: str, room: str, **options) -> ChannelServerMember:
        member = await self.connect(name, room, **options)
        await member.joins(room)
        return member

    def raw(self, name: str, room: str, **options) -> RawWebSocket:
        raw = super().raw(name, room, **options)
        raw.says(json.dumps({"type": "join", "channelId": room}))
        assert raw.read_frame().payload == b'{"type":"joinSuccess"}'
        return raw

    def wire(self, text: str) -> str:
        return json.dumps({"type": "publish", "data": text}, ensure_ascii=False)
