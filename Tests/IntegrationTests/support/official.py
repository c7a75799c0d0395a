"""The official JavaScript client of Socket.IO, in Node and in a browser. It plays scenarios of `node/scenarios.mjs`."""

import http.server
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from . import binary
from .node import DEBIAN_MODULES, SCRIPTS

CLIENT = binary.REPOSITORY / ".tools/clients/socket.io.min.js"
PATIENCE = 30
ALLOWED = "allowed.example"
"""The origin that server A of profile X names; the browser finds its page there."""


def need_client() -> Path:
    if not CLIENT.is_file():
        pytest.skip("no JavaScript client: scripts/fetch-test-clients")
    return CLIENT


class Player:
    """Plays scenarios, one at a time."""

    def plays(self, scenario: str, url: str, **options):
        """What the scenario returns."""
        result = self._plays({"scenario": scenario, "url": url, "options": options})
        assert "error" not in result, result["error"]
        return result["told"]

    def _plays(self, order: dict) -> dict:
        raise NotImplementedError


class Node(Player):
    def __init__(self, script: str = "official.mjs"):
        client, node = need_client(), shutil.which("node")
        if node is None:
            pytest.skip("node is not installed")
        self.process = subprocess.Popen(
            [node, str(SCRIPTS / script), str(client)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"NODE_PATH": os.environ.get("NODE_PATH", DEBIAN_MODULES)},
        )

    def _plays(self, order: dict) -> dict:
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the Node client ended; its stderr says why"
        return json.loads(line)

    def ends(self) -> None:
        self.process.kill()
        self.process.communicate()


class Browser(Player):
    """A headless Chromium on a page that asks for its orders. `is_strict`: the page's origin counts."""

    def __init__(self, *, is_strict: bool):
        client = need_client()
        chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        if chromium is None:
            pytest.skip("chromium is not installed")
        self.orders: queue.Queue[dict] = queue.Queue()
        self.results: queue.Queue[dict] = queue.Queue()
        self.pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler(client))
        self.pages.daemon_threads = True
        threading.Thread(target=self.pages.serve_forever, daemon=True).start()
        port = self.pages.server_address[1]
        self.profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        self.process = subprocess.Popen(
            [
                chromium,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--no-first-run",
                "--no-proxy-server",
                f"--user-data-dir={self.profile.name}",
                f"--host-resolver-rules=MAP {ALLOWED}:80 127.0.0.1:{port}, MAP other.example:80 127.0.0.1:{port}",
                *([] if is_strict else ["--disable-web-security"]),
                f"http://{ALLOWED}/",
            ],
            env=os.environ | {"HOME": self.profile.name},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _plays(self, order: dict) -> dict:
        self.orders.put(order)
        try:
            return self.results.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError(f"the browser says nothing; {self.process.poll()=}") from None

    def ends(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.pages.shutdown()
        self.pages.server_close()
        self.profile.cleanup()

    def _handler(self, client: Path):
        browser = self
        files = {
            "/": (SCRIPTS / "official.html", "text/html"),
            "/socket.io.min.js": (client, "text/javascript"),
            "/scenarios.mjs": (SCRIPTS / "scenarios.mjs", "text/javascript"),
        }

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/order":
                    try:
                        self._answers(200, "application/json", json.dumps(browser.orders.get(timeout=5)).encode())
                    except queue.Empty:
                        self._answers(204, "text/plain")
                elif self.path in files:
                    path, kind = files[self.path]
                    self._answers(200, kind, path.read_bytes())
                else:
                    self._answers(404, "text/plain")

            def do_POST(self) -> None:
                browser.results.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self._answers(204, "text/plain")

            def _answers(self, status: int, kind: str, body: bytes = b"") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                if status != 204:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_) -> None:
                pass

        return Handler
