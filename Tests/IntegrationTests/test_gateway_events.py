"""Event gateway: every event of the table, on every port, over every protocol."""

import json
import re
import time

import pytest

from support import gateway, http
from support.gateway import NATIVE_WAYS, ONE_OF_EACH, SOCKET_IO_WAYS, WAYS, Native, is_now, masked, name_of
from support.socket_io import NOTHING

SERVER_SETTINGS = gateway.SETTINGS
NATIVE = "native-websocket"


@pytest.fixture
def token(shared_server) -> str:
    return gateway.acquire(shared_server.gateway)


every_way = pytest.mark.parametrize("way", WAYS, ids=name_of)


@every_way
async def test_the_first_event_is_connected(shared_server, token, way):
    """Client -> server table, row 1."""
    client = await way.connect(shared_server, token)
    keys = ["message", "socketId", "isLoggedIn"] + (["protocol"] if way.is_native else [])
    assert list(client.greeting) == keys
    assert isinstance(client.greeting["message"], str) and client.greeting["message"]
    assert client.greeting["isLoggedIn"] is False
    if way.is_native:
        assert client.greeting["protocol"] == NATIVE
        assert "websocket" in client.greeting["message"].lower()


@pytest.mark.parametrize("way", NATIVE_WAYS, ids=name_of)
async def test_a_native_socket_id_has_its_time_and_nine_characters(shared_server, token, way):
    """`socketId`: `ws-<epoch ms>-<9 base-36 characters>`."""
    ids = [(await way.connect(shared_server, token)).greeting["socketId"] for _ in range(3)]
    assert len(set(ids)) == 3
    for socket_id in ids:
        match = re.fullmatch(r"ws-(\d{13})-([0-9a-z]{9})", socket_id)
        assert match, socket_id
        assert abs(int(match[1]) / 1000 - time.time()) < 5


@pytest.mark.parametrize("way", SOCKET_IO_WAYS, ids=name_of)
async def test_a_socket_io_id_is_that_of_the_connect_answer(shared_server, token, way):
    """`socketId`: 20 characters, not the Engine.IO sid, equal to the `sid` of the CONNECT answer."""
    client = await way.connect(shared_server, token)
    assert client.greeting["socketId"] == client.sid != client.handshake["sid"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{20}", client.sid)


@every_way
@pytest.mark.parametrize("data", [NOTHING, {}, None], ids=["no data", "an object", "null"])
async def test_ping_is_answered_with_the_time(shared_server, token, way, data):
    """Table, `ping`."""
    client = await way.connect(shared_server, token)
    answer = await client.asks("ping", data)
    assert list(answer) == ["timestamp"]
    assert is_now(answer["timestamp"])


@every_way
async def test_status_tells_of_server_and_connection(shared_server, token, way):
    """Table, `status`; decision: the session token is masked, in the rooms as well."""
    client = await way.connect(shared_server, token)
    answer = await client.asks("status", {})
    assert list(answer) == ["server", "connection"]

    server = answer["server"]
    assert list(server) == ["name", "version", "status", "timestamp"]
    assert server["name"] == "Realtime Session Server"
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", server["version"])
    assert server["status"] == "running" and is_now(server["timestamp"])

    connection = answer["connection"]
    last = "protocol" if way.is_native else "rooms"
    assert list(connection) == ["socketId", "sessionToken", "userId", "isLoggedIn", last]
    assert connection["socketId"] == client.greeting["socketId"]
    assert connection["sessionToken"] == masked(token)
    assert connection["userId"] is None and connection["isLoggedIn"] is False
    if way.is_native:
        assert connection["protocol"] == NATIVE
    else:
        assert connection["rooms"] == [client.sid, f"session:{masked(token)}"]


ECHOED = {
    "a string": "Hello World",
    "the documented object": {"message": "Hello World"},
    "an empty string": "",
    "an empty object": {},
    "zero": 0,
    "false": False,
    "null": None,
    "a number": 12345678901.5,
    "the largest exact integer": 2**53 - 1,
    "an array": [1, "two", {"three": [None]}],
    "unicode": {"grüße": "✓ 😀 \u0000 \u2028"},
    "text that looks like an event": '42["ping"]',
    "keys in their order": {"z": 1, "a": {"y": 2, "b": 3}},
}


@every_way
@pytest.mark.parametrize("case", ECHOED)
async def test_echo_returns_what_was_sent(shared_server, token, way, case):
    """Table, `echo`; acceptance 4."""
    client = await way.connect(shared_server, token)
    answer = await client.asks("echo", ECHOED[case])
    assert list(answer) == ["received", "timestamp", "socketId"]
    assert json.dumps(answer["received"]) == json.dumps(ECHOED[case])
    assert is_now(answer["timestamp"])
    assert answer["socketId"] == client.greeting["socketId"]


@every_way
async def test_echo_without_data_returns_null(shared_server, token, way):
    """Decision 9."""
    client = await way.connect(shared_server, token)
    answer = await client.asks("echo")
    assert list(answer) == ["received", "timestamp", "socketId"] and answer["received"] is None


@every_way
async def test_info_describes_server_connection_and_session(shared_server, token, way):
    """Table, `info`."""
    client = await way.connect(shared_server, token)
    answer = await client.asks("info", {})
    assert list(answer) == ["server", "websocket", "session", "timestamp"]
    assert is_now(answer["timestamp"])

    server = answer["server"]
    assert list(server) == ["name", "version", "description", "features"]
    assert server["name"] == "Realtime Session Server" and server["description"]
    features = {"rest": True, "websocket": True, "authentication": True, "realtime": True}
    assert server["features"] == features | ({"protocol": NATIVE} if way.is_native else {})
    assert list(server["features"])[:4] == list(features)

    websocket = answer["websocket"]
    if way.is_native:
        assert list(websocket.items()) == [("connected", True), ("protocol", NATIVE)]
    else:
        assert list(websocket) == ["connected", "transport", "protocol", "activeConnections"]
        assert websocket["connected"] is True and websocket["protocol"] == 4
        assert websocket["transport"] == way.kind.protocol
        assert websocket["activeConnections"] >= 1

    session = {"authenticated": False, "userId": "anonymous", "sessionToken": masked(token)}
    assert list(answer["session"].items()) == list(session.items())


@every_way
@pytest.mark.parametrize("data", [{"content": "hello"}, "hello", None], ids=["an object", "a string", "null"])
async def test_message_is_confirmed_to_its_sender_and_reaches_nobody_else(shared_server, token, way, data):
    """Table, `message`."""
    client = await way.connect(shared_server, token)
    others = [await other.connect(shared_server, token) for other in ONE_OF_EACH]
    answer = await client.asks("message", data)
    assert list(answer) == ["success", "message", "data", "timestamp"]
    assert answer["success"] is True and answer["message"] == "Message received successfully"
    assert answer["data"] == data and is_now(answer["timestamp"])
    for other in others:
        await other.is_alive()


@every_way
async def test_the_built_in_assistant_answers_word_by_word(shared_server, token, way):
    """ai:chat; acceptance 6, without an `AI_API_URL`."""
    client = await way.connect(shared_server, token)
    message_id = await client.chats("Hello, AI!", conversationHistory=[], locale="en")
    match = re.fullmatch(r"ai-(\d{13})-[0-9a-z]{9}", message_id)
    assert match and abs(int(match[1]) / 1000 - time.time()) < 5
    chunks, full = await client.hears_all_of(message_id)
    assert len(chunks) > 1 and "".join(chunks) == full
    assert all(len(chunk.split()) <= 1 for chunk in chunks)
    await client.is_alive()


@every_way
@pytest.mark.parametrize("event", ["nonsense", "Ping", "", "ai:response:start", "connected"])
async def test_an_unknown_event_is_an_error_and_the_connection_lives(shared_server, token, way, event):
    """Table, last row; decision: Socket.IO answers unknown events with the same `error`."""
    client = await way.connect(shared_server, token)
    await client.emits(event, {"x": 1})
    assert await client.expects_event("error") == {"error": f"Unknown event type: {event}"}
    await client.is_alive()


@every_way
async def test_answers_come_in_the_order_of_the_questions(shared_server, token, way):
    """Each reply goes to the sender; nothing overtakes."""
    client = await way.connect(shared_server, token)
    count = 20 if way.kind.protocol == "polling" else 300
    for number in range(count):
        await client.emits("echo", number)
    for number in range(count):
        assert (await client.expects_event("echo_response"))["received"] == number


@every_way
async def test_no_answer_contains_the_token(shared_server, token, way):
    """Decision: masked, always."""
    client = await way.connect(shared_server, token)
    for event in ("status", "info"):
        assert token not in json.dumps(await client.asks(event))
    assert token not in json.dumps(client.greeting)


@every_way
async def test_a_linked_session_is_logged_in_everywhere(shared_server, token, way):
    """Acceptance 13."""
    gateway.link(shared_server.gateway, token, "alice")
    client = await way.connect(shared_server, token)
    assert client.greeting["isLoggedIn"] is True
    connection = (await client.asks("status"))["connection"]
    assert (connection["userId"], connection["isLoggedIn"]) == ("alice", True)
    if not way.is_native:
        assert connection["rooms"] == [client.sid, f"session:{masked(token)}", "user:alice"]
    session = {"authenticated": True, "userId": "alice", "sessionToken": masked(token)}
    assert (await client.asks("info"))["session"] == session


async def test_the_servers_name_is_configurable(server):
    """Configuration: GATEWAY_NAME."""
    started = server(**SERVER_SETTINGS, GATEWAY_NAME="Ours & yours")
    token = gateway.acquire(started.gateway)
    for way in ONE_OF_EACH:
        client = await way.connect(started, token)
        for event in ("status", "info"):
            assert (await client.asks(event))["server"]["name"] == "Ours & yours"


async def test_active_connections_are_those_of_both_protocols(server):
    """Decision 9: `activeConnections` counts both protocols on this node."""
    started = server(**SERVER_SETTINGS)
    token = gateway.acquire(started.gateway)
    clients = await gateway.open_all(started, token)
    for client in clients:
        if not isinstance(client, Native):
            assert (await client.asks("info"))["websocket"]["activeConnections"] == len(clients)


async def test_the_version_is_the_same_everywhere(shared_server, token):
    """Server names and versions: ours."""
    client = await ONE_OF_EACH[0].connect(shared_server, token)
    said = {(await client.asks(event))["server"]["version"] for event in ("status", "info")}
    said.add(http.fetch(shared_server.gateway, "/").json["version"])
    said.add(http.fetch(shared_server.sockets, "/").json["version"])
    assert len(said) == 1
