"""Event gateway: python-socketio, as a user would use it."""

import asyncio

import pytest
import socketio

from support import gateway
from support.official import Browser, Node

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


# The official JavaScript client


@pytest.fixture(scope="module")
def node():
    player = Node()
    yield player
    player.ends()


@pytest.fixture(scope="module")
def browser():
    player = Browser(is_strict=False)
    yield player
    player.ends()


@pytest.fixture(params=["node", "browser"])
def player(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize(
    "player, transports",
    [("browser", TRANSPORTS[2]), *(("node", transports) for transports in TRANSPORTS)],
    indirect=["player"],
    ids=["browser", "node-websocket", "node-polling", "node-upgrade"],
)
def test_the_official_client_goes_through_every_event(shared_server, token, player, port, transports):
    """The table of events; acceptance 3, 4, 6 and 7."""
    told = player.plays(
        "goes through the gateway's events", url(shared_server, port), auth={"token": token}, transports=transports
    )
    assert list(told["connected"]) == ["message", "socketId", "isLoggedIn"]
    assert told["connected"]["socketId"] == told["id"]
    assert list(told["ping"]) == ["timestamp"]
    assert list(told["status"]) == ["server", "connection"]
    assert list(told["status"]["connection"]) == ["socketId", "sessionToken", "userId", "isLoggedIn", "rooms"]
    assert list(told["echo"]) == ["received", "timestamp", "socketId"]
    assert told["echo"]["received"] == {"message": "hi", "content": "hi"}
    assert list(told["info"]) == ["server", "websocket", "session", "timestamp"]
    assert told["info"]["websocket"]["transport"] == transports[-1]
    assert list(told["message"]) == ["success", "message", "data", "timestamp"]
    ai = told["ai"]
    assert {piece["messageId"] for piece in ai["pieces"]} == {ai["started"]["messageId"]} == {ai["complete"]["messageId"]}
    assert "".join(piece["chunk"] for piece in ai["pieces"]) == ai["complete"]["fullResponse"]
    assert told["failed"] == {"error": "Message is required"}
    assert told["unknown"] == {"error": "Unknown event type: nothing of the kind"}


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("path", ["/socket.io/", "/ws"])
def test_the_official_client_may_have_a_path_in_its_url(shared_server, token, node, port, path):
    """Acceptance 7: a path in the URL is a namespace."""
    told = node.plays("goes through the gateway's events", url(shared_server, port) + path, auth={"token": token})
    assert told["connected"]["socketId"] == told["id"]


@pytest.mark.parametrize("auth, words", [({"token": "wrong"}, gateway.BAD_TOKEN), ({}, gateway.TOKEN_REQUIRED)])
def test_the_official_client_is_told_why_it_is_refused(shared_server, player, auth, words):
    """Acceptance 8."""
    assert player.plays("is not let in", url(shared_server, "gateway"), auth=auth) == words
