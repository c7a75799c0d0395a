"""A session backend of bare sockets, whose every byte the test decides."""

import queue
import socket
import threading

from . import DEADLINE


class RawBackend:
    """Answers each request with the next of `answers`, and keeps what it was sent."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.answers: "queue.Queue[bytes]" = queue.Queue()
        self.requests: "queue.Queue[bytes]" = queue.Queue()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    @property
    def service(self) -> dict:
        return {"external": f"127.0.0.1:{self.port}"}

    def request(self) -> bytes:
        """The next head that came, as it came."""
        return self.requests.get(timeout=DEADLINE)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        unread = b""
        with connection:
            while True:
                while b"\r\n\r\n" not in unread:
                    try:
                        data = connection.recv(65536)
                    except OSError:
                        return
                    if not data:
                        return
                    unread += data
                head, _, unread = unread.partition(b"\r\n\r\n")
                if head.startswith(b"HEAD / HTTP/1.1\r\nHost: localhost"):
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    continue
                self.requests.put(head)
                try:
                    connection.sendall(self.answers.get(timeout=DEADLINE))
                except (OSError, queue.Empty):
                    return
