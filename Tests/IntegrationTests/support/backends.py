"""The API of session backends, as its clients use it."""

import json
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from . import DEADLINE, http
from .address import Address
from .http import Answer, Connection
from .server import Server

PROGRAM = [sys.executable, str(Path(__file__).parent.parent / "programs" / "backend.py")]
UP = ["scheduled", "loading", "starting", "waiting", "ready"]
SETTINGS = {"BACKENDS_API_PORT": "0", "BACKENDS_PROXY_PORT": "0"}
JSON = {"Content-Type": "application/json"}


def configuration(directory: Path, **changes) -> str:
    """A configuration file with the backend as its default service. Returns the path."""
    backends = {"services": {"default": {"command": PROGRAM}}} | changes
    path = directory / f"parley-{time.monotonic_ns()}.yaml"
    path.write_text(json.dumps({"backends": backends}))
    return str(path)


class Backends:
    """A server's API, spoken to as the JavaScript library does."""

    def __init__(self, server: Server, token: str | None = None, account: str = "-", service: str = "-"):
        self.server = server
        self.api: Address = server.addresses["backends_api"]
        self.proxy: Address = server.addresses["backends_proxy"]
        self.token = token
        self.account, self.service = account, service

    def ask(self, method: str, path: str, body=None, headers: dict | None = None, **options) -> Answer:
        fields = dict(headers or {})
        if self.token:
            fields["Authorization"] = f"Bearer {self.token}"
        data = b""
        if body is not None:
            fields |= JSON
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        # the library appends a bare word to every URL
        return http.fetch(self.api, f"{path}?abcdef", method=method, headers=fields, body=data, **options)

    def connect(self, request: dict | None = None, status: int = 200, **fields) -> dict:
        request = (request or {}) | fields
        answer = self.ask("POST", f"/v2/service/{self.account}/{self.service}/connect", request)
        assert answer.status == status, f"{answer.status} {answer.body[:300]!r}"
        return answer.json

    def spawn(self, **environment: str) -> dict:
        """A fresh backend with that environment."""
        return self.connect({"spawn": {"executable": {"env": environment}}})

    def status(self, backend: str) -> dict:
        answer = self.ask("GET", f"/v2/backend/{backend}/status")
        assert answer.status == 200, f"{answer.status} {answer.body[:300]!r}"
        return answer.json

    def states(self, backend: str, until: str = "terminated") -> list[dict]:
        """What the stream says, up to a state."""
        return self.stream(backend, until)[0]

    def stream(self, backend: str, until: str = "terminated") -> tuple[list[dict], bytes]:
        """The states, and the raw bytes of the stream."""
        connection = Connection(self.api)
        connection.send(http.head("GET", f"/v2/backend/{backend}/status/stream?abcdef", self.api))
        assert connection.head_of_answer().status == 200
        raw, states, end = b"", [], time.monotonic() + DEADLINE * 4
        for piece in connection.chunks():
            raw += piece
            assert time.monotonic() < end, f"no {until}: {raw!r}"
            states = [json.loads(line[6:]) for line in raw.decode().splitlines() if line.startswith("data: ")]
            if states and states[-1]["status"] == until and until != "terminated":
                break
        return states, raw

    def terminate(self, backend: str, hard: bool | None = None) -> Answer:
        body = {} if hard is None else {"hard": hard}
        return self.ask("POST", f"/v2/backend/{backend}/terminate", body)

    def ready(self, connected: dict) -> dict:
        """Waits until it is."""
        assert self.states(connected["backend_id"], "ready")[-1]["status"] == "ready"
        return connected

    def fetch(self, connected: dict | str, path: str = "", *, method: str = "GET", headers=None, body=b"") -> Answer:
        """Through the proxy. `path` comes behind the slash of the URL."""
        url = connected if isinstance(connected, str) else connected["url"]
        parts = urlsplit(url)
        address = Address("127.0.0.1", parts.port)
        return http.fetch(address, parts.path + path, method=method, headers=headers, body=body)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def processes_of(backend: str) -> list[int]:
    """Whoever has the id of a backend in the environment."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or not is_alive(int(entry)):
            continue
        try:
            environment = Path(f"/proc/{entry}/environ").read_bytes()
        except OSError:
            continue
        if f"SESSION_BACKEND_ID={backend}".encode() in environment.split(b"\0"):
            found.append(int(entry))
    return found
