"""One harness for each dialect, with shared verbs.

`connect` opens a connection and reads nothing, `join` also reads the greeting, `together` brings
several members into a room and reads every notice of that. A member `says` a text, `hears` a text
that anybody said, and everything else is in the dialect's own words.
"""

import pytest

from .channel_server import ChannelServer
from .disposable_chat import DisposableChat
from .relay import Relay
from .session_chat import SessionChat

EVERYWHERE = [
    pytest.param((SessionChat, "front_door", {}), id="session-chat"),
    pytest.param((DisposableChat, "front_door", {}), id="disposable-chat"),
    pytest.param((DisposableChat, "disposable_chat", {}), id="disposable-chat-own-port"),
    pytest.param((ChannelServer, "front_door", {"root": "/channels"}), id="channel-server"),
    pytest.param((ChannelServer, "channel_server", {}), id="channel-server-own-port"),
    pytest.param((Relay, "front_door", {}), id="relay"),
]
ON_THE_FRONT_DOOR = [place for place in EVERYWHERE if place.values[0][1] == "front_door"]


def at(server, place):
    """The harness for one of the places above."""
    harness, listener, options = place
    return harness(getattr(server, listener), **options)


__all__ = ["ChannelServer", "DisposableChat", "EVERYWHERE", "ON_THE_FRONT_DOOR", "Relay", "SessionChat", "at"]
