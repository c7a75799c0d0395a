"""What attackers do with sockets: send without reading, send slowly, send much at once. Bounded in bytes and time."""

import contextlib
import select
import socket
import time
from collections.abc import Iterable

from support.address import Address


def pour(connections: Iterable[socket.socket], data: bytes, seconds: float, limit: int) -> int:
    """Sends `data` over and over on all connections, never reading, until nobody takes any more, or `seconds` or `limit`
    bytes are over. Returns how many bytes were taken."""
    connections = list(connections)
    for each in connections:
        each.setblocking(False)
    rest = {each: b"" for each in connections}
    open_ones, sent, end = set(connections), 0, time.monotonic() + seconds
    while open_ones and sent < limit and time.monotonic() < end:
        _, writable, _ = select.select([], open_ones, [], 1)
        if not writable:
            break  # the server holds back
        for each in writable:
            piece = rest[each] or data
            try:
                count = each.send(piece)
            except OSError:
                open_ones.discard(each)
                continue
            sent += count
            rest[each] = piece[count:]
    return sent


def drained(connection: socket.socket, seconds: float) -> int:
    """Reads until the server ends the connection, or `seconds` are over; returns how many bytes came."""
    connection.settimeout(1)
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            piece = connection.recv(1 << 20)
        except TimeoutError:
            return count
        except OSError:
            return count
        if not piece:
            return count
        count += len(piece)
    return count


@contextlib.contextmanager
def crowd(address: Address, count: int, opening: bytes = b""):
    """Connections that have sent `opening`."""
    with contextlib.ExitStack() as stack:
        connections = []
        for _ in range(count):
            connection = stack.enter_context(contextlib.closing(address.socket()))
            if opening:
                connection.sendall(opening)
            connections.append(connection)
        yield connections
