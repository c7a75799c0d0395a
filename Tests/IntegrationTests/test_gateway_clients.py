"""Event gateway: python-socketio, as a user would use it."""

import asyncio

import pytest
import socketio

from support import gateway

SERVER_SETTINGS = gateway.SETTINGS
PORTS = ["gateway", "sockets", "front_door"]
TRANSPORTS = [["websocket"], ["polling"], ["polling", "websocket"]]
DEADLINE = 10


@pytest.fixture
def token(shared_server) -> str:
    return gateway.acquire(shared_server.gateway)


def url(shared_server, port: str) -> str:
    address = getattr(shared_server, port)
    return f"http://{address.host}:{address.port}"


class Listener:
    """Keeps every event of a client, in order."""

    def __init__(self, client):
        self.events = asyncio.Queue()
        client.on("*", lambda event, *arguments: self.events.put_nowait((event, arguments)))

    async def expects(self, name: str):
        event, arguments = await asyncio.wait_for(self.events.get(), DEADLINE)
        assert event == name
        return arguments[0]


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("transports", TRANSPORTS, ids=["websocket", "polling", "upgrade"])
@pytest.mark.parametrize("place", ["auth", "query", "header"])
async def test_a_client_connects_and_speaks(shared_server, token, port, transports, place):
    """Acceptance 7."""
    client = socketio.AsyncClient(reconnection=False)
    heard = Listener(client)
    base = url(shared_server, port)
    if place == "auth":
        await client.connect(base, auth={"token": token}, transports=transports)
    elif place == "query":
        await client.connect(f"{base}?token={token}", transports=transports)
    else:
        await client.connect(base, headers={"Authorization": f"Bearer {token}"}, transports=transports)
    try:
        assert (await heard.expects("connected"))["socketId"] == client.get_sid()
        await client.emit("echo", {"message": "hi"})
        assert (await heard.expects("echo_response"))["received"] == {"message": "hi"}
        await client.emit("info")
        information = await heard.expects("info_response")
        assert information["websocket"]["transport"] == transports[-1]
    finally:
        await client.disconnect()


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("namespace", ["/socket.io/", "/socket.io", "/ws", "/ws/"])
async def test_a_path_taken_for_a_namespace_works_all_the_same(shared_server, token, port, namespace):
    """Acceptance 7: the URL ending in /socket.io/."""
    client = socketio.AsyncClient(reconnection=False)
    answers = asyncio.Queue()
    client.on("pong", answers.put, namespace=namespace)
    await client.connect(url(shared_server, port), auth={"token": token}, namespaces=[namespace])
    try:
        await client.emit("ping", namespace=namespace)
        assert list(await asyncio.wait_for(answers.get(), DEADLINE)) == ["timestamp"]
    finally:
        await client.disconnect()


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("transports", TRANSPORTS, ids=["websocket", "polling", "upgrade"])
async def test_any_path_will_do(shared_server, token, port, transports):
    """Acceptance 7: path "/ws"."""
    client = socketio.AsyncClient(reconnection=False)
    heard = Listener(client)
    await client.connect(url(shared_server, port), socketio_path="/ws", auth={"token": token}, transports=transports)
    try:
        await heard.expects("connected")
    finally:
        await client.disconnect()


@pytest.mark.parametrize("auth, words", [({"token": "wrong"}, gateway.BAD_TOKEN), (None, gateway.TOKEN_REQUIRED)])
async def test_a_refused_client_is_told_why(shared_server, auth, words):
    """Acceptance 8."""
    client = socketio.AsyncClient(reconnection=False)
    errors = asyncio.Queue()
    client.on("connect_error", errors.put)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(url(shared_server, "gateway"), auth=auth)
    assert (await asyncio.wait_for(errors.get(), DEADLINE))["message"] == words


def test_the_synchronous_client_works_too(shared_server, token):
    with socketio.SimpleClient() as client:
        client.connect(url(shared_server, "sockets"), auth={"token": token})
        assert client.receive(DEADLINE)[0] == "connected"
        client.emit("echo", "hi")
        assert client.receive(DEADLINE)[1]["received"] == "hi"
