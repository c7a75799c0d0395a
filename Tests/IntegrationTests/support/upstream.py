"""An AI endpoint with OpenAI's chat completions, whose every word the test decides."""

import asyncio
import json
import queue
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import DEADLINE


def delta(text: str) -> bytes:
    """An event of the stream with a piece of the answer."""
    return event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})


def event(data: dict | str) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    return f"data: {text}\n\n".encode()


class Question:
    """One request that the endpoint has received, and the answer to it, said step by step.

    The answer is chunked, so that an end (`ends`) and a break (`breaks`) are different things.
    """

    def __init__(self, handler: BaseHTTPRequestHandler):
        self._socket = handler.connection
        self._is_answered = threading.Event()
        self._has_begun = False
        self.method, self.path = handler.command, handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body = json.loads(handler.rfile.read(int(self.headers["content-length"])))

    @property
    def turns(self) -> list[tuple[str, str]]:
        """Role and content of each message."""
        assert all(set(turn) == {"role", "content"} for turn in self.body["messages"])
        return [(turn["role"], turn["content"]) for turn in self.body["messages"]]

    # The answer

    def sends(self, data: bytes) -> None:
        """Part of an event stream, cut wherever the test likes."""
        if not self._has_begun:
            self._has_begun = True
            self._write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            )
        if data:
            self._write(b"%x\r\n%s\r\n" % (len(data), data))

    def says(self, *pieces: str) -> None:
        for piece in pieces:
            self.sends(delta(piece))

    def is_done(self, *pieces: str) -> None:
        """The usual end."""
        self.says(*pieces)
        self.sends(event("[DONE]"))
        self.ends()

    def ends(self) -> None:
        """The stream is over, with `[DONE]` or without."""
        self.sends(b"")
        self._write(b"0\r\n\r\n")
        self._is_answered.set()

    def breaks(self) -> None:
        """The connection is lost."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._is_answered.set()

    def answers(self, status: int, body: bytes = b"", kind: str = "application/json") -> None:
        """The whole answer at once."""
        head = f"HTTP/1.1 {status} Whatever\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        self._write(f"{head}Connection: close\r\n\r\n".encode() + body)
        self._is_answered.set()

    async def is_given_up(self) -> None:
        """The server ends the connection while the answer is still owed."""
        assert await asyncio.to_thread(self._reads_the_end), "the request goes on"
        self._is_answered.set()

    def goes_on(self) -> bool:
        """Whether the server still waits for more."""
        self._socket.settimeout(0.05)
        try:
            return self._socket.recv(1) != b""
        except TimeoutError:
            return True
        except OSError:
            return False
        finally:
            self._socket.settimeout(DEADLINE)

    def _reads_the_end(self) -> bool:
        self._socket.settimeout(DEADLINE)
        try:
            return self._socket.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    def _write(self, data: bytes) -> None:
        self._socket.sendall(data)

    # The handler's thread

    def is_being_answered(self) -> None:
        self._is_answered.wait(120)

    def is_over(self) -> None:
        self._is_answered.set()


class Upstream:
    """The endpoint. It is asked, and the test answers."""

    def __init__(self):
        self._questions: queue.Queue[Question] = queue.Queue()
        self._open: list[Question] = []
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                question = Question(self)
                upstream._open.append(question)
                upstream._questions.put(question)
                question.is_being_answered()

            def log_message(self, *_) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """What AI_API_URL is set to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    async def is_asked(self) -> Question:
        """The next request; not one that an earlier test has left behind, and that was given up since."""
        while True:
            question = await asyncio.to_thread(self._questions.get, timeout=DEADLINE)
            if question.goes_on():
                return question

    def was_not_asked(self) -> bool:
        return self._questions.empty()

    def lets_go(self) -> None:
        """Nothing is owed any more: the next test begins afresh."""
        while self._open:
            self._open.pop().is_over()
        while not self._questions.empty():
            self._questions.get()

    def stop(self) -> None:
        self.lets_go()
        self._server.shutdown()
        self._server.server_close()
