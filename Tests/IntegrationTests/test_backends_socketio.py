"""A Socket.IO server as a session backend: long-polling and WebSocket through the proxy. Acceptance 14."""

from urllib.parse import urlsplit

import pytest
import socketio

from support import fixture
from support.backends import SETTINGS, Backends, configuration
from support.server import Server


@pytest.fixture(scope="module")
def backends(tmp_path_factory):
    directory = tmp_path_factory.mktemp("backends")
    command = ["/bin/sh", "-c", f"exec {fixture.find()} --profile B --port $PORT"]
    file = configuration(directory, services={"default": {"command": command}})
    server = Server(directory, "--config", file, **SETTINGS, BACKENDS_MODE="dev").wait_until_listening()
    yield Backends(server)
    server.stop()


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], ["polling", "websocket"]], ids="+".join)
async def test_events_pass_both_ways(backends, transports):
    connected = backends.connect(key="socket.io")
    parts = urlsplit(connected["url"])
    clients, heard = [], []
    for _ in range(2):
        client = socketio.AsyncSimpleClient()
        await client.connect(
            f"{parts.scheme}://{parts.netloc}", socketio_path=f"{parts.path}socket.io", transports=transports, wait_timeout=20
        )
        await client.emit("join", "room")
        assert (await client.receive(10))[0] == "joined"
        clients.append(client)
    await clients[0].emit("msg", {"text": "hello", "bytes": b"\x00\x01"})
    for client in clients:
        heard.append(await client.receive(10))
    assert heard == [["msg", {"text": "hello", "bytes": b"\x00\x01"}]] * 2
    assert all(client.transport == transports[-1] for client in clients)
    for client in clients:
        await client.disconnect()
