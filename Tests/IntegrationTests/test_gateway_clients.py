"""Event gateway: Socket.IO clients that others wrote, as their users would use them. Acceptance 7, 8."""

import asyncio
import queue

import pytest
import socketio
from socketio.exceptions import ConnectionError as Refused

from support import DEADLINE, gateway
from support.gateway import BAD_TOKEN, TOKEN_REQUIRED, bearer, is_now, masked
from support.official import Node

SERVER_SETTINGS = gateway.SETTINGS
EVENT_LOOPS = (2,)
LISTENERS = ["gateway", "sockets", "front_door"]
TRANSPORTS = {"websocket": ["websocket"], "polling": ["polling"], "upgrade": ["polling", "websocket"]}
ALIASES = ["/socket.io/", "/socket.io", "/ws", "/ws/"]
PLACES = ["auth", "query", "header"]
IS_REFUSED = {"wrong": ({"token": "wrong"}, BAD_TOKEN), "none": ({}, TOKEN_REQUIRED)}


@pytest.fixture
def token(shared_server) -> str:
    return gateway.acquire(shared_server.gateway)


@pytest.fixture(params=LISTENERS)
def listener(request, shared_server):
    return getattr(shared_server, request.param)


@pytest.fixture(params=TRANSPORTS)
def transports(request) -> list[str]:
    return TRANSPORTS[request.param]


# python-socketio, asyncio


class AsyncListener:
    """Keeps every event of a client, in order."""

    def __init__(self, client: socketio.AsyncClient, namespace: str = "/"):
        self.events: asyncio.Queue = asyncio.Queue()
        client.on("*", lambda event, *arguments: self.events.put_nowait((event, arguments)), namespace=namespace)

    async def expects(self, name: str):
        event, (data,) = await asyncio.wait_for(self.events.get(), DEADLINE)
        assert event == name, (event, data)
        return data


def arguments_for(token: str, place: str) -> tuple[str, dict]:
    """What is put behind the URL, and the options, so that the token is in this place."""
    if place == "query":
        return f"?token={token}", {}
    return "", {"auth": {"token": token}} if place == "auth" else {"headers": bearer(token)}


@pytest.mark.parametrize("place", PLACES)
async def test_asyncio_connects_and_speaks(shared_server, token, listener, transports, place):
    """Acceptance 7: websocket only, polling only, polling then upgrade; via `auth`, via `?token=`."""
    client = socketio.AsyncClient(reconnection=False)
    heard = AsyncListener(client)
    query, options = arguments_for(token, place)
    await client.connect(listener.http(query), transports=transports, **options)
    try:
        assert (await heard.expects("connected"))["socketId"] == client.get_sid()
        assert client.transport() == transports[-1]
        await client.emit("echo", {"message": "grüße"})
        assert (await heard.expects("echo_response"))["received"] == {"message": "grüße"}
        await client.emit("info")
        information = await heard.expects("info_response")
        assert information["websocket"]["transport"] == transports[-1]
        assert information["session"]["sessionToken"] == masked(token)
        gateway.emit(shared_server.gateway, "news", {"n": 1}, session=token)
        assert await heard.expects("news") == {"n": 1}
    finally:
        await client.disconnect()


@pytest.mark.parametrize("namespace", ALIASES)
async def test_asyncio_may_take_a_path_for_a_namespace(token, listener, transports, namespace):
    """Acceptance 7: the URL ending in /socket.io/."""
    client = socketio.AsyncClient(reconnection=False)
    heard = AsyncListener(client, namespace)
    await client.connect(listener.http(), transports=transports, auth={"token": token}, namespaces=[namespace])
    try:
        await heard.expects("connected")
        await client.emit("ping", namespace=namespace)
        assert is_now((await heard.expects("pong"))["timestamp"])
    finally:
        await client.disconnect()


@pytest.mark.parametrize("path", ["/ws", "ws", "/ws/", "/any/path"])
async def test_asyncio_may_use_another_path(token, listener, transports, path):
    """Acceptance 7: `path:"/ws"`."""
    client = socketio.AsyncClient(reconnection=False)
    heard = AsyncListener(client)
    await client.connect(listener.http(), socketio_path=path, auth={"token": token}, transports=transports)
    try:
        await heard.expects("connected")
        assert client.transport() == transports[-1]
        await client.emit("ping")  # python-socketio may forget to say goodbye while its first POST is on the way
        assert is_now((await heard.expects("pong"))["timestamp"])
    finally:
        await client.disconnect()


@pytest.mark.parametrize("case", IS_REFUSED)
async def test_asyncio_is_told_why_it_is_refused(listener, transports, case):
    """Acceptance 8."""
    auth, words = IS_REFUSED[case]
    client = socketio.AsyncClient(reconnection=False)
    told: asyncio.Queue = asyncio.Queue()
    client.on("connect_error", told.put)
    with pytest.raises(Refused):
        await client.connect(listener.http(), transports=transports, auth=auth)
    assert await asyncio.wait_for(told.get(), DEADLINE) == {"message": words}


async def test_asyncio_is_disconnected_by_a_logout(shared_server, token, listener, transports):
    """Acceptance 12."""
    client = socketio.AsyncClient(reconnection=False)
    heard, gone = AsyncListener(client), asyncio.Event()
    client.on("disconnect", lambda *_: gone.set())
    await client.connect(listener.http(), transports=transports, auth={"token": token})
    await heard.expects("connected")
    gateway.logout(shared_server.gateway, token)
    await asyncio.wait_for(gone.wait(), DEADLINE)
    await client.disconnect()


# python-socketio, threads


class SyncListener:
    def __init__(self, client: socketio.Client):
        self.events: queue.Queue = queue.Queue()
        client.on("*", lambda event, *arguments: self.events.put((event, arguments)))

    def expects(self, name: str):
        event, (data,) = self.events.get(timeout=DEADLINE)
        assert event == name, (event, data)
        return data


@pytest.fixture
def sync_client():
    client = socketio.Client(reconnection=False)
    yield client
    client.disconnect()


@pytest.mark.parametrize("place", PLACES)
def test_threads_connect_and_speak(shared_server, token, listener, transports, place, sync_client):
    """Acceptance 7."""
    heard = SyncListener(sync_client)
    query, options = arguments_for(token, place)
    sync_client.connect(listener.http(query), transports=transports, **options)
    assert heard.expects("connected")["socketId"] == sync_client.get_sid()
    assert sync_client.transport() == transports[-1]
    for number in range(20):
        sync_client.emit("echo", number)
    assert [heard.expects("echo_response")["received"] for _ in range(20)] == list(range(20))
    gateway.emit(shared_server.gateway, "news", {"n": 1}, session=token)
    assert heard.expects("news") == {"n": 1}


@pytest.mark.parametrize("case", IS_REFUSED)
def test_threads_are_told_why_they_are_refused(listener, transports, case, sync_client):
    """Acceptance 8."""
    auth, words = IS_REFUSED[case]
    told: queue.Queue = queue.Queue()
    sync_client.on("connect_error", told.put)
    with pytest.raises(Refused):
        sync_client.connect(listener.http(), transports=transports, auth=auth)
    assert told.get(timeout=DEADLINE) == {"message": words}


def test_the_simple_client_works_with_another_path_and_an_alias(token, listener, transports):
    """Acceptance 7."""
    with socketio.SimpleClient() as client:
        client.connect(listener.http(), auth={"token": token}, transports=transports, namespace="/ws", socketio_path="ws")
        assert client.receive(DEADLINE)[0] == "connected"
        client.emit("echo", "hi")
        assert client.receive(DEADLINE)[1]["received"] == "hi"


def test_a_burst_over_polling_arrives_in_bodies_that_python_takes(shared_server, token, sync_client):
    """Field notes: python-socketio takes at most 16 packets per poll body."""
    heard = SyncListener(sync_client)
    sync_client.connect(shared_server.gateway.http(), transports=["polling"], auth={"token": token})
    heard.expects("connected")
    for number in range(40):
        gateway.emit(shared_server.gateway, "news", number, session=token)
    assert [heard.expects("news") for _ in range(40)] == list(range(40))


# The official client


@pytest.fixture(scope="module")
def node():
    player = Node("gateway.mjs")
    yield player
    player.ends()


OFFICIAL = {
    "auth": ("", {"auth": {"token": "{token}"}}),
    "query in the URL": ("?token={token}", {}),
    "query option": ("", {"query": {"token": "{token}"}}),
    "the URL of a guide": ("/socket.io/", {"auth": {"token": "{token}"}}),
    "without the slash": ("/socket.io", {"auth": {"token": "{token}"}}),
    "path and namespace": ("/ws", {"auth": {"token": "{token}"}, "path": "/ws"}),
    "path": ("", {"auth": {"token": "{token}"}, "path": "/ws"}),
    "path without a slash at its end": ("", {"auth": {"token": "{token}"}, "path": "/ws", "addTrailingSlash": False}),
    "any path": ("", {"auth": {"token": "{token}"}, "path": "/some/where"}),
}


def filled(value, token: str):
    if isinstance(value, dict):
        return {name: filled(member, token) for name, member in value.items()}
    return value.replace("{token}", token) if isinstance(value, str) else value


@pytest.mark.parametrize("case", OFFICIAL)
def test_the_official_client_connects_and_speaks(node, token, listener, transports, case):
    """Acceptance 7, with every event of the table."""
    path, options = filled(OFFICIAL[case][0], token), filled(OFFICIAL[case][1], token)
    told = node.plays("speaks", listener.http(path), transports=transports, **options)
    assert told["greeting"] == told["greeting"] | {"socketId": told["id"], "isLoggedIn": False}
    assert told["namespace"] == (path.split("?")[0] or "/")
    assert is_now(told["ping"]["timestamp"])
    assert told["echo"]["received"] == {"message": "grüße"}
    assert told["status"]["connection"]["rooms"] == [told["id"], f"session:{masked(token)}"]
    assert told["info"]["websocket"]["transport"] == transports[-1]
    assert told["message"]["data"] == {"content": "x"}
    assert told["error"] == {"error": "Unknown event type: nonsense"}


def test_the_official_client_asks_the_assistant(node, shared_server, token, transports):
    """Acceptance 6."""
    told = node.plays("chats", shared_server.sockets.http(), transports=transports, auth={"token": token})
    complete = told["complete"]
    assert complete["messageId"].startswith("ai-") and complete["fullResponse"] == "".join(told["chunks"])


@pytest.mark.parametrize("case", IS_REFUSED)
@pytest.mark.parametrize("path", ["", "/socket.io/"])
def test_the_official_client_is_told_why_it_is_refused(node, listener, transports, case, path):
    """Acceptance 8; the client stops by itself."""
    auth, words = IS_REFUSED[case]
    told = node.plays("is refused", listener.http(path), transports=transports, auth=auth)
    assert told == {"message": words, "isActive": False}


def test_the_official_client_is_told_of_namespaces_that_are_not_there(node, token, listener, transports):
    """Detection, decision."""
    told = node.plays("is refused", listener.http("/other"), transports=transports, auth={"token": token})
    assert told == {"message": "Invalid namespace", "isActive": False}


@pytest.mark.parametrize("path", ["", "/ws"])
def test_the_official_client_is_disconnected_by_a_logout(node, shared_server, token, listener, transports, path):
    """Acceptance 12: a disconnect by the server, after which it does not come back."""
    logout = shared_server.gateway.http(f"/api/auth/logout?token={token}")
    told = node.plays("logs out", listener.http(path), transports=transports, auth={"token": token}, logout=logout)
    assert told == {"reason": "io server disconnect", "isActive": False}
