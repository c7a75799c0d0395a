"""One `parley serve` process."""

import socket
import ssl
from pathlib import Path

from . import binary, tokens
from .address import Address
from .process import Process

LISTENERS = {
    # In the order in which they are announced: the variables that place each, the first wins, and the default.
    "front_door": ("PARLEY_PORT", "PORT", "8000"),
    "gateway": ("GATEWAY_PORT", "3000"),
    "sockets": ("WEBSOCKET_PORT", "3500"),
    "channel_server": ("CHANNEL_PORT", "3001"),
    "backends_api": ("BACKENDS_API_PORT", "8080"),
    "backends_proxy": ("BACKENDS_PROXY_PORT", "9090"),
    "disposable_chat": ("DISPOSABLE_CHAT_PORT", "SERVER_PORT", "off"),
}
DEFAULTS = {
    "HOST": "127.0.0.1",
    "JWT_SECRET": tokens.SECRET,
    "RELAY": "open",
    "PARLEY_PORT": "0",
    "GATEWAY_PORT": "off",
    "WEBSOCKET_PORT": "off",
    "CHANNEL_PORT": "0",
    "BACKENDS_API_PORT": "off",
    "BACKENDS_PROXY_PORT": "off",
    "DISPOSABLE_CHAT_PORT": "0",
}


class Server(Process):
    """A running server. `settings` become environment variables; None leaves a default out."""

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        tls: ssl.SSLContext | None = None,
        open_files: int | None = None,
        **settings: str | int | None,
    ):
        merged = {name: str(value) for name, value in (DEFAULTS | settings).items() if value is not None}
        self.settings = merged
        self.tls = tls
        self.addresses: dict[str, Address] = {}
        super().__init__(directory, [binary.find(), "serve", *arguments], merged, open_files=open_files)

    # Starting

    def wait_until_listening(self) -> "Server":
        expected = [name for name in LISTENERS if self._is_on(name)]
        found = self.waits_for_listeners(len(expected))
        for name, match in zip(expected, found, strict=True):
            host = "127.0.0.1" if match[1] == "*" else match[1]
            self.addresses[name] = Address(host, int(match[2]), self.tls)
        return self

    def _is_on(self, listener: str) -> bool:
        *variables, default = LISTENERS[listener]
        return next((self.settings[name] for name in variables if name in self.settings), default) != "off"

    # Where it listens

    @property
    def front_door(self) -> Address:
        return self.addresses["front_door"]

    @property
    def gateway(self) -> Address:
        """The event gateway's main port: REST, Socket.IO, native on `WEBSOCKET_PATH`."""
        return self.addresses["gateway"]

    @property
    def sockets(self) -> Address:
        """The event gateway's port for both protocols, told apart by the request."""
        return self.addresses["sockets"]

    @property
    def channel_server(self) -> Address:
        return self.addresses["channel_server"]

    @property
    def disposable_chat(self) -> Address:
        return self.addresses["disposable_chat"]


def own_address() -> str | None:
    """An address of this machine that is not loopback, if it has one. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        found = probe.getsockname()[0]
    return None if found.startswith("127.") or found == "0.0.0.0" else found
