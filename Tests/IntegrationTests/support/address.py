"""Where a listener is."""

import contextlib
import socket
import ssl
from dataclasses import dataclass

from . import DEADLINE


@dataclass(frozen=True)
class Address:
    host: str
    port: int
    tls: ssl.SSLContext | None = None

    @property
    def authority(self) -> str:
        return f"{self.host}:{self.port}"

    def http(self, path: str = "") -> str:
        return f"{'https' if self.tls else 'http'}://{self.authority}{path}"

    def ws(self, path: str = "") -> str:
        return f"{'wss' if self.tls else 'ws'}://{self.authority}{path}"

    def socket(self, *, small_buffers: bool = False, source: str | None = None) -> socket.socket:
        """A connected blocking socket.

        With `small_buffers` the kernels hold a few dozen kilobytes between the two ends instead of
        megabytes, so that a peer that does not read is felt soon.
        """
        plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        plain.settimeout(DEADLINE)
        if small_buffers:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        if source:
            plain.bind((source, 0))
        plain.connect((self.host, self.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls:
            return self.tls.wrap_socket(plain, server_hostname=self.host)
        return plain


def free_port(count: int = 1) -> int:
    """A port that nothing listens on at this moment; the first of as many in a row."""
    while True:
        with contextlib.ExitStack() as probes:
            try:
                first = _bound(probes, 0)
                for further in range(first + 1, first + count):
                    _bound(probes, further)
            except (OSError, OverflowError):
                continue
            return first


def _bound(probes: contextlib.ExitStack, port: int) -> int:
    probe = probes.enter_context(socket.socket())
    probe.bind(("127.0.0.1", port))
    return probe.getsockname()[1]
