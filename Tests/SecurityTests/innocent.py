"""A client that does nothing wrong: it says a few bytes and hears them again, a hundred times a second.

    innocent.py HOST PORT

Ends when its standard input does, but not before its two hundredth echo, and prints how long each echo took, in milliseconds, one a line.
"""

import os
import select
import socket
import sys
import time

PAUSE = 0.01
PATIENCE = 30
MINIMUM = 200


def main() -> None:
    host, port = sys.argv[1], int(sys.argv[2])
    connection = socket.create_connection((host, port), timeout=PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(
        f"GET /relay HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    print("ready", flush=True)
    times = []
    mask = b"\0\0\0\0"
    is_over = False
    while not is_over or len(times) < MINIMUM:
        if is_over:
            time.sleep(PAUSE)
        else:
            is_over = bool(select.select([sys.stdin], [], [], PAUSE)[0])
        text = os.urandom(8).hex().encode()
        begun = time.monotonic()
        connection.sendall(bytes([0x81, 0x80 | len(text)]) + mask + text)
        heard = b""
        while len(heard) < len(text) + 2:
            piece = connection.recv(4096)
            assert piece, "the connection ended"
            heard += piece
        assert heard[2:] == text
        times.append((time.monotonic() - begun) * 1000)
    print("\n".join(f"{each:.3f}" for each in times))


main()
