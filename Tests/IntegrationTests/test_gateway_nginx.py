"""Event gateway: behind nginx, with the file that is shipped."""

import asyncio
import re
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
import socketio
import websockets

from support import gateway, http
from support.address import Address
from test_tls import make_identity

DEPLOY = Path(__file__).parents[2] / "deploy"
SHIPPED = DEPLOY / "nginx" / "ws.example.com.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(not NGINX, reason="nginx is not installed")
DEADLINE = 10


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Proxy:
    """nginx with the shipped file; only domain, ports, addresses and paths are changed."""

    def __init__(self, directory: Path, upstream: int):
        self.identity = make_identity(directory, "proxy")
        self.port = free_port()
        site = SHIPPED.read_text()
        for pattern, replacement in [
            (r"listen \[::\]:.*;", ""),
            (r"listen 80;", f"listen 127.0.0.1:{free_port()};"),
            (r"listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
            (r"server_name .*;", "server_name 127.0.0.1;"),
            (r"/etc/letsencrypt/.*/fullchain.pem", str(self.identity.certificate)),
            (r"/etc/letsencrypt/.*/privkey.pem", str(self.identity.key)),
            (r"/var/log/nginx", str(directory)),
            (r"127\.0\.0\.1:3500", f"127.0.0.1:{upstream}"),
        ]:
            site, count = re.subn(pattern, replacement, site)
            assert count, f"the shipped file has no {pattern}"
        temporary = "".join(f"{name}_temp_path {directory}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (directory / "site.conf").write_text(site)
        (directory / "nginx.conf").write_text(
            f"daemon off; pid {directory}/pid; error_log {directory}/error.log; events {{}} http {{ {temporary} include {directory}/site.conf; }}"
        )
        self.process = subprocess.Popen(
            [NGINX, "-e", str(directory / "error.log"), "-c", str(directory / "nginx.conf")], stderr=subprocess.DEVNULL
        )
        self.tls = ssl.create_default_context(cafile=self.identity.certificate)

    async def is_listening(self) -> None:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                return writer.close()
            except OSError:
                assert self.process.poll() is None, "nginx ended"
                await asyncio.sleep(0.05)
        raise AssertionError("nginx does not listen")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def started(server):
    return server(**gateway.SETTINGS, DISABLE_CORS="true")


@pytest.fixture
def proxy(started, tmp_path_factory):
    running = Proxy(tmp_path_factory.mktemp("nginx"), started.sockets.port)
    yield running
    running.stop()


async def test_native_websocket_passes(started, proxy):
    """Acceptance 14."""
    await proxy.is_listening()
    token = gateway.acquire(started.gateway)
    async with websockets.connect(f"wss://127.0.0.1:{proxy.port}/?token={token}", ssl=proxy.tls) as client:
        assert '"connected"' in await asyncio.wait_for(client.recv(), DEADLINE)
        await client.send('{"event":"ping"}')
        assert '"pong"' in await asyncio.wait_for(client.recv(), DEADLINE)


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], ["polling", "websocket"]], ids=lambda names: "+".join(names))
async def test_socket_io_passes(started, proxy, transports):
    """Acceptance 14."""
    await proxy.is_listening()
    client = socketio.AsyncClient(reconnection=False, ssl_verify=False)
    heard = asyncio.Queue()
    client.on("*", lambda event, *arguments: heard.put_nowait((event, arguments)))
    await client.connect(
        f"https://127.0.0.1:{proxy.port}", auth={"token": gateway.acquire(started.gateway)}, transports=transports
    )
    try:
        assert (await asyncio.wait_for(heard.get(), DEADLINE))[0] == "connected"
        await client.emit("info")
        _, (information,) = await asyncio.wait_for(heard.get(), DEADLINE)
        assert information["websocket"]["transport"] == transports[-1]
    finally:
        await client.disconnect()


@pytest.mark.parametrize("is_up", [True, False], ids=["answered", "upstream away"])
async def test_no_token_is_logged(started, tmp_path, is_up):
    """Tokens travel in queries; a proxy that logs them gives them to whoever reads its logs."""
    proxy = Proxy(tmp_path, started.sockets.port if is_up else free_port())
    try:
        await proxy.is_listening()
        secret = "a-token-that-nobody-may-read"
        answer = await http.request(
            Address("127.0.0.1", proxy.port, proxy.tls),
            f"/?token={secret}",
            headers={"Referer": f"https://ws.example.com/?token={secret}"},
        )
        assert answer.status == (200 if is_up else 502)
    finally:
        proxy.stop()
    logs = "".join(path.read_text() for path in tmp_path.glob("*.log"))
    assert '"GET / HTTP/1.1"' in logs and secret not in logs


def test_the_other_proxies_log_no_query_either():
    """Apache's `%r` and Caddy's `uri` have it, and their `Referer`."""
    apache = (DEPLOY / "apache" / "ws.example.com.conf").read_text()
    assert "%r" not in apache and "%q" not in apache and "{Referer}" not in apache and "combined" not in apache
    assert apache.count("CustomLog") == apache.count("<VirtualHost") and "ErrorLogFormat" in apache
    caddy = (DEPLOY / "caddy" / "Caddyfile").read_text()
    assert "request>uri regexp" in caddy and "Referer delete" in caddy and caddy.count("import without_queries") == 2


@pytest.mark.slow
@pytest.mark.timeout(500)
async def test_who_is_idle_for_six_minutes_is_still_connected(started, proxy):
    """Acceptance 14."""
    await proxy.is_listening()
    native = await websockets.connect(
        f"wss://127.0.0.1:{proxy.port}/?token={gateway.acquire(started.gateway)}", ssl=proxy.tls, ping_interval=None
    )
    client = socketio.AsyncClient(reconnection=False, ssl_verify=False)
    await client.connect(f"https://127.0.0.1:{proxy.port}", auth={"token": gateway.acquire(started.gateway)})
    await native.recv()
    await asyncio.sleep(360)
    await native.send('{"event":"ping"}')
    assert '"pong"' in await asyncio.wait_for(native.recv(), DEADLINE)
    assert client.connected
    await native.close()
    await client.disconnect()
