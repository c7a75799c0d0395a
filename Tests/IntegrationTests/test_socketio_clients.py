"""Clients that others wrote: python-socketio, and the official one in Node and in a browser. Acceptance 19."""

import asyncio
import threading
import time

import pytest
import socketio
from socketio.exceptions import ConnectionError as Refused

from support.official import Browser, Node, Player

EVENT_LOOPS = (2,)
PATHS = {
    "polling": ["polling"],
    "websocket": ["websocket"],
    "upgrade": ["polling", "websocket"],
}
BLOB = bytes(range(256))
VALUES = [1, "ä€😀", None, {"a": [1, {"b": None}]}, BLOB, {"c": [BLOB, b""]}, "x" * 600_000, b"y" * 600_000]


# The official client


@pytest.fixture(scope="module")
def node():
    player = Node()
    yield player
    player.ends()


@pytest.fixture(scope="module")
def browser():
    """It does not care for origins, so that it can talk to servers without CORS."""
    player = Browser(is_strict=False)
    yield player
    player.ends()


@pytest.fixture(scope="module")
def strict_browser():
    player = Browser(is_strict=True)
    yield player
    player.ends()


@pytest.fixture(params=["node", "browser"])
def player(request) -> Player:
    return request.getfixturevalue(request.param)


@pytest.fixture(params=PATHS)
def transports(request) -> list[str]:
    return PATHS[request.param]


def test_the_official_client_upgrades(fixture_c, player):
    player.plays("starts with polling and goes over to websocket", fixture_c.address.http())


@pytest.mark.parametrize("only", ["polling", "websocket"])
def test_the_official_client_keeps_to_one_transport(fixture_c, player, only):
    player.plays("keeps to its only transport", fixture_c.address.http(), transports=[only])


@pytest.mark.parametrize(
    "scenario",
    [
        "echoes with acknowledgements, before and after an upgrade",
        "sends and receives binary",
        "uses two namespaces on one connection",
        "hears why it is refused",
        "answers the server",
        "hears text of all kinds in order",
        "shows its handshake",
        "echoes 600 kilobytes",
        "keeps a thousand events in order while it goes over to websocket",
        "is recovered",
    ],
)
def test_the_official_client(fixture_c, player, transports, scenario):
    player.plays(scenario, fixture_c.address.http(), transports=transports)


def test_the_official_client_lives_on_heartbeats(fixture_c, node):
    node.plays("lives on heartbeats", fixture_c.address.http(), transports=["polling", "websocket"])


def test_the_official_client_hears_what_it_missed_before_it_is_connected(fixture_x, player, transports):
    player.plays("hears what it missed before it is connected", fixture_x.b.http(), transports=transports)


@pytest.mark.parametrize(
    "scenario", ["is told by the server to go", "hears the data of an error", "gets bursts over polling"]
)
def test_the_official_client_on_the_other_server(fixture_x, player, transports, scenario):
    player.plays(scenario, fixture_x.a.http(), transports=transports)


@pytest.mark.parametrize("scenario", ["is told by the server to go", "gets bursts over polling"])
def test_a_browser_on_a_page_of_the_allowed_origin_is_let_in(fixture_x, strict_browser, scenario):
    """With credentials, preflights and all that the browser itself checks."""
    strict_browser.plays(scenario, fixture_x.a.http(), transports=["polling", "websocket"], withCredentials=True)


def test_a_browser_with_a_header_of_its_own_needs_a_preflight(fixture_x, strict_browser):
    strict_browser.plays(
        "gets bursts over polling", fixture_x.a.http(), transports=["polling"], extraHeaders={"x-custom": "1"}
    )


def test_a_browser_may_not_poll_a_server_without_cors(fixture_x, strict_browser):
    assert strict_browser.plays("is not let in", fixture_x.b.http(), transports=["polling"]) == "xhr poll error"


# python-socketio


class Waiting:
    """The events that a client has heard, for a test that waits for them in another thread or task."""

    def __init__(self, client):
        self.heard: list[tuple] = []
        self._grew = threading.Condition()
        client.on("*", self._hears)

    def _hears(self, name, *arguments) -> None:
        with self._grew:
            self.heard.append((name, *arguments))
            self._grew.notify_all()

    def wait_for(self, count: int) -> list[tuple]:
        with self._grew:
            assert self._grew.wait_for(lambda: len(self.heard) >= count, 10), self.heard
            return self.heard


def says_goodbye(client: socketio.Client) -> None:
    """While a POST is on its way the client would forget to send its close packet, and leave a session behind."""
    time.sleep(0.05)
    client.disconnect()


@pytest.fixture
def sync_client():
    client = socketio.Client(reconnection=False)
    yield client
    says_goodbye(client)


async def connected(address, transports, **options) -> socketio.AsyncClient:
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(address.http(), transports=transports, wait_timeout=10, **options)
    return client


def test_sync_connects_with_auth_and_headers(fixture_c, sync_client, transports):
    sync_client.connect(
        fixture_c.address.http("?user=alice"),
        transports=transports,
        auth={"token": "123"},
        headers={"x-custom": "value"},
    )
    assert sync_client.transport() == transports[-1]
    handshake = sync_client.call("getHandshake")
    assert handshake["auth"] == {"token": "123"}
    assert handshake["query"]["user"] == "alice"
    assert {name.lower(): value for name, value in handshake["headers"].items()}["x-custom"] == "value"


def test_sync_echoes_acknowledgements_binary_and_600_kilobytes(fixture_c, sync_client, transports):
    sync_client.connect(fixture_c.address.http(), transports=transports)
    for value in VALUES:
        assert sync_client.call("echo", value) == value


def test_sync_hears_events_and_answers_them(fixture_c, sync_client, transports):
    waiting = Waiting(sync_client)
    sync_client.on("ack", lambda *_: (5, {"test": True}))
    sync_client.connect(fixture_c.address.http(), transports=transports)
    sync_client.emit("getbin")
    sync_client.emit("ack")
    names = {name: arguments for name, *arguments in waiting.wait_for(2)}
    assert names["takebin"][0] == b"asdfasdf"
    assert "got it" in names


def test_sync_uses_two_namespaces(fixture_c, sync_client, transports):
    sync_client.connect(fixture_c.address.http(), transports=transports, namespaces=["/", "/foo"])
    ids = [sync_client.call("getId", namespace=name) for name in ("/", "/foo")]
    assert ids == [sync_client.get_sid("/"), sync_client.get_sid("/foo")]
    assert ids[0] != ids[1]


@pytest.mark.parametrize("namespace, message", [("/no", "Auth failed (custom namespace)"), ("/x", "Invalid namespace")])
def test_sync_is_refused(fixture_c, sync_client, transports, namespace, message):
    told = []
    sync_client.on("connect_error", lambda data: told.append(data), namespace=namespace)
    with pytest.raises(Refused):
        sync_client.connect(fixture_c.address.http(), transports=transports, namespaces=[namespace], wait_timeout=10)
    assert told == [{"message": message}] or told == [message], told


def test_sync_gets_40_events_in_one_burst(fixture_x, sync_client, transports):
    """It refuses poll bodies of more than 16 packets."""
    waiting = Waiting(sync_client)
    sync_client.connect(fixture_x.a.http(), transports=transports)
    sync_client.emit("many", 40)
    assert waiting.wait_for(40) == [("n", number) for number in range(40)]
    assert sync_client.call("echo", "still here") == "still here"


def test_sync_is_disconnected_by_the_server(fixture_x, sync_client, transports):
    gone = threading.Event()
    sync_client.on("disconnect", lambda *_: gone.set())
    sync_client.connect(fixture_x.b.http(), transports=transports)
    # over polling the client never fetches the close packet, for which the server would wait half a minute
    sync_client.emit("kick", transports != ["polling"])
    assert gone.wait(10)


async def test_asyncio_connects_with_auth_and_headers(fixture_c, transports):
    client = await connected(fixture_c.address, transports, auth={"token": "123"}, headers={"x-custom": "value"})
    try:
        assert client.transport() == transports[-1]
        handshake = await client.call("getHandshake")
        assert handshake["auth"] == {"token": "123"}
        assert {name.lower(): value for name, value in handshake["headers"].items()}["x-custom"] == "value"
    finally:
        await client.disconnect()


async def test_asyncio_echoes_acknowledgements_binary_and_600_kilobytes(fixture_c, transports):
    client = await connected(fixture_c.address, transports)
    try:
        for value in VALUES:
            assert await client.call("echo", value) == value
    finally:
        await client.disconnect()


async def test_asyncio_uses_two_namespaces(fixture_c, transports):
    client = await connected(fixture_c.address, transports, namespaces=["/", "/foo"])
    try:
        ids = [await client.call("getId", namespace=name) for name in ("/", "/foo")]
        assert ids == [client.get_sid("/"), client.get_sid("/foo")]
    finally:
        await client.disconnect()


@pytest.mark.parametrize("namespace", ["/no", "/x"])
async def test_asyncio_is_refused(fixture_c, transports, namespace):
    with pytest.raises(Refused):
        await connected(fixture_c.address, transports, namespaces=[namespace])


async def test_asyncio_gets_40_events_in_one_burst(fixture_x, transports):
    numbers, all_there = [], asyncio.Event()
    client = socketio.AsyncClient(reconnection=False)

    async def hears(number):
        numbers.append(number)
        if len(numbers) == 40:
            all_there.set()

    client.on("n", hears)
    await client.connect(fixture_x.a.http(), transports=transports, wait_timeout=10)
    try:
        await client.emit("many", 40)
        async with asyncio.timeout(10):
            await all_there.wait()
        assert numbers == list(range(40))
    finally:
        await client.disconnect()


async def test_heartbeats_keep_all_of_them_alive_for_five_seconds(fixture_c):
    """Pings come every two seconds. Both kinds, over every path, at the same time."""
    ends: list[str] = []
    tasks, threads = [], []
    for name, transports in PATHS.items():
        client = await connected(fixture_c.address, transports)
        client.on("disconnect", lambda *_, name=name: ends.append(f"asyncio {name}"))
        tasks.append(client)
        other = socketio.Client(reconnection=False)
        await asyncio.to_thread(other.connect, fixture_c.address.http(), transports=transports)
        other.on("disconnect", lambda *_, name=name: ends.append(f"sync {name}"))
        threads.append(other)
    begun = time.monotonic()
    while time.monotonic() - begun < 5 and not ends:
        await asyncio.sleep(0.1)
    assert ends == []
    for client in tasks:
        assert await client.call("echo", "alive") == "alive"
        await client.disconnect()
    for client in threads:
        assert await asyncio.to_thread(client.call, "echo", "alive") == "alive"
        await asyncio.to_thread(says_goodbye, client)


async def test_a_python_client_does_not_mind_recovery(fixture_x, transports):
    """It sees the offset as one more argument, and nothing else."""
    client = socketio.AsyncClient(reconnection=False)
    heard: asyncio.Future = asyncio.get_running_loop().create_future()
    client.on("back", lambda *arguments: heard.set_result(arguments))
    await client.connect(fixture_x.b.http(), transports=transports, wait_timeout=10)
    try:
        await client.emit("back", "x")
        async with asyncio.timeout(10):
            text, offset = await heard
        assert text == "x" and isinstance(offset, str)
    finally:
        await client.disconnect()
