"""`/@connections` and `/connections`: the API that API Gateway users call from outside."""

import asyncio
import re
import time
from datetime import datetime
from urllib.parse import quote

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support import http
from support.address import Address
from support.dialects import ChannelServer
from support.server import own_address

TOKEN = "an-admin-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SERVER_SETTINGS = {"CHANNEL_MANAGEMENT_AUTH": "token", "CHANNEL_MANAGEMENT_TOKEN": TOKEN}
LISTENERS = ["channel_server", "front_door"]
ISO_8601 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"


@pytest.fixture(params=LISTENERS)
def api(request, shared_server) -> Address:
    return getattr(shared_server, request.param)


@pytest.fixture
def channels(shared_server) -> ChannelServer:
    return ChannelServer(shared_server.channel_server)


def assert_gone(answer: http.Answer) -> None:
    assert_error(answer, 410, "GoneException")


def assert_error(answer: http.Answer, status: int, kind: str) -> None:
    assert answer.status == status
    assert answer.headers["x-amzn-errortype"] == kind
    assert answer.headers["x-amzn-requestid"]
    assert answer.headers["content-type"].startswith("application/json")
    assert list(answer.json) == ["message"]


async def call(api: Address, method: str, connection: str, body: bytes = b"", headers=None) -> http.Answer:
    headers = BEARER if headers is None else headers
    return await http.request(api, f"/@connections/{connection}", method=method, headers=headers, body=body)


# With a token


async def test_get_shows_who_is_connected(api, channels):
    """Channel server, acceptance 16: GET shows three fields; unjoined connections too."""
    alice = await channels.connect("alice", "", user_agent_header="a test")
    answer = await call(api, "GET", await alice.connection_id())
    assert answer.status == 200 and answer.headers["content-type"].startswith("application/json")
    assert set(answer.json) == {"connectedAt", "identity", "lastActiveAt"}
    assert answer.json["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "a test"}
    for moment in (answer.json["connectedAt"], answer.json["lastActiveAt"]):
        assert re.fullmatch(ISO_8601, moment)
        assert abs(datetime.fromisoformat(moment).timestamp() - time.time()) < 10


@pytest.mark.parametrize("body", ["hello", '{"any": "thing" }', "ünï ✓\n", "x" * 131072], ids=range(4))
async def test_post_delivers_the_body_verbatim(api, channels, room, body):
    """Channel server, acceptance 16: POST; one text frame."""
    alice = await channels.join("alice", room)
    answer = await call(api, "POST", await alice.connection_id(), body.encode())
    assert (answer.status, answer.body) == (200, b"")
    await alice.expects(body)


async def test_delete_closes_with_1000_and_then_all_three_are_gone(api, channels, room):
    """Channel server, acceptance 16: DELETE, then 410."""
    alice = await channels.join("alice", room)
    identity = await alice.connection_id()
    answer = await call(api, "DELETE", identity)
    assert (answer.status, answer.body) == (204, b"")
    await alice.is_closed(1000)
    for method, body in (("GET", b""), ("POST", b"hello"), ("DELETE", b"")):
        assert_gone(await call(api, method, identity, body))


@pytest.mark.parametrize("identity", ["AAAAAAAAAAAAAAAA", "L0SM9cOFvHcCIhw%3D", "x", quote("ünï")])
@pytest.mark.parametrize("method, body", [("GET", b""), ("POST", b"hello"), ("DELETE", b"")])
async def test_a_connection_that_never_existed_is_gone(api, identity, method, body):
    """Channel server, Management API: 410."""
    assert_gone(await call(api, method, identity, body))


async def test_a_connection_that_left_is_gone(api, channels):
    """Channel server, Management API: 410 when closed."""
    alice = await channels.connect("alice", "")
    identity = await alice.connection_id()
    await alice.leaves()
    assert_gone(await call(api, "GET", identity))


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"}],
    ids=["none", "wrong", "no scheme", "other scheme"],
)
async def test_no_or_a_wrong_token_is_403(api, channels, headers):
    """Channel server, acceptance 16: 403."""
    alice = await channels.connect("alice", "")
    identity = await alice.connection_id()
    for method, body in (("GET", b""), ("POST", b"hello"), ("DELETE", b"")):
        assert_error(await call(api, method, identity, body, headers), 403, "ForbiddenException")
    await alice.answers_ping()


GOOD_BEARERS = [f"bearer {TOKEN}", f"BEARER {TOKEN}", f"Bearer  {TOKEN}", f"bEARER     {TOKEN}", f"Bearer {TOKEN} \t"]
BAD_BEARERS = [f"Bearer\t{TOKEN}", f"Bearer{TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN},", f"Token {TOKEN}", "Bearer", "Bearer "]


@pytest.mark.parametrize("field, status", [(field, 200) for field in GOOD_BEARERS] + [(field, 403) for field in BAD_BEARERS])
async def test_the_scheme_is_written_in_any_case_with_any_number_of_spaces(api, channels, field, status):
    """RFC 9110 §11.1, §11.4."""
    alice = await channels.connect("alice", "")
    answer = await call(api, "GET", await alice.connection_id(), headers={"Authorization": field})
    assert answer.status == status
    answer = await http.request(api, "/connections?channelId=x", headers={"Authorization": field})
    assert answer.status == status


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_another_method_is_405_and_allow_names_those_there_are(api, method):
    """RFC 9110 §15.5.6; the code travels as in the other errors."""
    for path, allow in (("/@connections/x", "GET, HEAD, POST, DELETE, OPTIONS"), ("/connections", "GET, HEAD, OPTIONS")):
        answer = await http.request(api, path, method=method, headers=BEARER)
        assert_error(answer, 405, "MethodNotAllowedException")
        assert answer.headers["allow"] == allow
    assert_error(await http.request(api, "/connections", method="POST", headers=BEARER, body=b"x"), 405, "MethodNotAllowedException")


async def test_head_is_get_without_a_body_and_options_names_the_methods(api, channels):
    """RFC 9110 §9.3.2, §9.3.7."""
    alice = await channels.connect("alice", "")
    identity = await alice.connection_id()
    head, get = await call(api, "HEAD", identity), await call(api, "GET", identity)
    assert (head.status, head.body) == (200, b"") and head.headers["content-length"] == get.headers["content-length"]
    answer = await call(api, "OPTIONS", identity)
    assert (answer.status, answer.headers["allow"]) == (204, "GET, HEAD, POST, DELETE, OPTIONS")


@pytest.mark.parametrize("size", [131073, (1 << 20) + 1, 8 << 20])
async def test_a_body_over_the_limit_is_413(api, channels, size):
    """Channel server, acceptance 16: 131073 bytes."""
    alice = await channels.connect("alice", "")
    answer = await call(api, "POST", await alice.connection_id(), b"x" * size)
    assert_error(answer, 413, "PayloadTooLargeException")
    await alice.answers_ping()


@pytest.mark.parametrize("body", [b"", b"\xff\xfe"], ids=["empty", "no UTF-8"])
async def test_an_unusable_body_is_400(api, channels, body):
    """Channel server, Management API: decision on bodies."""
    alice = await channels.connect("alice", "")
    answer = await call(api, "POST", await alice.connection_id(), body, BEARER | {"Content-Length": str(len(body))})
    assert answer.status == 400
    await alice.answers_ping()


async def test_stage_prefixes_and_percent_encoding_are_understood(api, channels):
    """Channel server, acceptance 16: `/prod/%40connections/…`; encoded ids."""
    alice = await channels.connect("alice", "")
    identity = await alice.connection_id()
    encoded = "".join(f"%{ord(character):02X}" for character in identity)
    for path in (f"/prod/%40connections/{identity}", f"/@connections/{encoded}", f"/%40connections/{encoded}"):
        answer = await http.request(api, path, method="POST", headers=BEARER, body=path.encode())
        assert answer.status == 200, path
        await alice.expects(path)


async def test_a_post_counts_as_activity(server, room):
    """Channel server, Management API: POST resets the idle timer."""
    started = server(CHANNEL_IDLE_TIMEOUT=1, **SERVER_SETTINGS)
    alice = await ChannelServer(started.channel_server).join("alice", room)
    identity = await alice.connection_id()
    for number in range(4):
        assert (await call(started.channel_server, "POST", identity, str(number).encode())).status == 200
        await alice.expects(str(number))
        await asyncio.sleep(0.5)
    await alice.answers_ping()


# Who is in a channel


async def rows(api: Address, channel: str) -> list[dict]:
    path = f"/connections?channelId={quote(channel, safe='')}"
    answer = await http.request(api, path, headers=BEARER)
    assert answer.status == 200
    assert set(answer.json) == {"items", "count"}
    assert answer.json["count"] == len(answer.json["items"])
    return answer.json["items"]


async def test_the_rows_of_a_channel_are_listed(shared_server, channels, room):
    """Channel server, Connections table: `GET /connections?channelId=`."""
    channel = f"{room} ✓/&"
    alice, bob = await channels.together(channel, "alice", "bob")
    await alice.publishes("hi")
    sender = await bob.expects_message("hi")
    await alice.expects_message("hi")
    await alice.expects_success()
    found = await rows(shared_server.front_door, channel)
    assert {row["connectionId"] for row in found} == {await alice.connection_id(), await bob.connection_id()}
    assert sender in {row["senderId"] for row in found}
    for row in found:
        assert set(row) == {"connectionId", "channelId", "senderId", "ttl"}
        assert row["channelId"] == channel
        assert abs(row["ttl"] - time.time() - 7320) < 30


async def test_a_row_is_there_only_while_joined(shared_server, channels, room):
    """Channel server, Connections table: a row exists only for joined connections, one for each."""
    alice = await channels.connect("alice", "")
    assert await rows(shared_server.front_door, room) == []
    await alice.joins(room)
    await alice.joins(room)
    assert len(await rows(shared_server.front_door, room)) == 1
    await alice.joins(room + "-2")
    assert await rows(shared_server.front_door, room) == []


async def test_the_row_of_a_vanished_member_disappears(shared_server, channels, room):
    """Channel server, acceptance 15, second half."""
    raw = channels.raw("bob", room)
    assert len(await rows(shared_server.front_door, room)) == 1
    raw.reset()
    for _ in range(100):
        if not await rows(shared_server.front_door, room):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the row stays")


def test_the_list_wants_the_admin_token(shared_server):
    """Channel server, Connections table: admin token."""
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = http.fetch(shared_server.front_door, "/connections?channelId=x", headers=headers)
        assert answer.status == 403


# Other ways to authenticate


async def test_the_api_is_off_by_default(server):
    """Channel server, Management API: `off` answers 403."""
    started = server()
    alice = await ChannelServer(started.channel_server).connect("alice", "")
    identity = await alice.connection_id()
    for listener in LISTENERS:
        assert (await call(getattr(started, listener), "GET", identity)).status == 403
    assert http.fetch(started.front_door, "/connections?channelId=x", headers=BEARER).status == 403


async def test_none_lets_loopback_callers_in_and_nobody_else(server):
    """Channel server, Management API: `none`."""
    started = server(CHANNEL_MANAGEMENT_AUTH="none")
    alice = await ChannelServer(started.channel_server).connect("alice", "")
    identity = await alice.connection_id()
    assert (await call(started.channel_server, "GET", identity, headers={})).status == 200
    own = f"localhost:{started.channel_server.port}"
    for headers in ({"Origin": "http://localhost:5173"}, {"Host": own}, {"Host": own, "Origin": f"http://{own}"}):
        assert (await call(started.channel_server, "POST", identity, b"hello", headers)).status == 200, headers
        await alice.expects("hello")
    # What a page can send from the browser of somebody who sits at this machine, and what it can make a name mean there.
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}):
        for method, body in (("GET", b""), ("POST", b"hello"), ("DELETE", b"")):
            assert_error(await call(started.channel_server, method, identity, body, headers), 403, "ForbiddenException")
    await alice.answers_ping()
    if (elsewhere := own_address()) is None:
        pytest.skip("this machine has only a loopback address: the second half was not tried")
    answer = await http.request(started.channel_server, f"/@connections/{identity}", source=elsewhere)
    assert answer.status == 403


def sdk(address: Address, path: str = "", **changes: str):
    """An AWS SDK pointed at the server."""
    credentials = {"aws_access_key_id": "AKIDTEST", "aws_secret_access_key": "a-secret-key"} | changes
    return boto3.session.Session(**credentials, region_name="eu-central-1").client(
        "apigatewaymanagementapi",
        endpoint_url=address.http(path),
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


@pytest.fixture(params=LISTENERS)
def signed_api(request, server):
    started = server(
        CHANNEL_MANAGEMENT_AUTH="sigv4",
        CHANNEL_ACCESS_KEY_ID="AKIDTEST",
        CHANNEL_SECRET_ACCESS_KEY="a-secret-key",
    )
    return started, getattr(started, request.param)


async def test_an_aws_sdk_posts_gets_and_deletes(signed_api, room):
    """Channel server, acceptance 17."""
    started, address = signed_api
    alice = await ChannelServer(started.channel_server).join("alice", room)
    identity = await alice.connection_id()
    client = sdk(address)
    await asyncio.to_thread(client.post_to_connection, ConnectionId=identity, Data="ünï ✓".encode())
    await alice.expects("ünï ✓")
    found = await asyncio.to_thread(client.get_connection, ConnectionId=identity)
    assert found["Identity"]["SourceIp"] == "127.0.0.1"
    assert isinstance(found["ConnectedAt"], datetime) and isinstance(found["LastActiveAt"], datetime)
    await asyncio.to_thread(client.delete_connection, ConnectionId=identity)
    await alice.is_closed(1000)
    for gone in (client.get_connection, client.delete_connection):
        with pytest.raises(client.exceptions.GoneException):
            await asyncio.to_thread(gone, ConnectionId=identity)
    with pytest.raises(client.exceptions.GoneException):
        await asyncio.to_thread(client.post_to_connection, ConnectionId=identity, Data=b"hello")


async def test_an_aws_sdk_may_use_a_stage_and_meets_its_typed_errors(signed_api):
    """Channel server, Management API: stage prefix, 413 as a typed exception, old ids with `=`."""
    started, address = signed_api
    alice = await ChannelServer(started.channel_server).connect("alice", "")
    client = sdk(address, "/prod")
    identity = await alice.connection_id()
    await asyncio.to_thread(client.post_to_connection, ConnectionId=identity, Data=b"hello")
    await alice.expects("hello")
    with pytest.raises(client.exceptions.GoneException):
        await asyncio.to_thread(client.get_connection, ConnectionId="L0SM9cOFvHcCIhw=")
    with pytest.raises(client.exceptions.PayloadTooLargeException):
        await asyncio.to_thread(client.post_to_connection, ConnectionId=identity, Data=b"x" * 131073)


@pytest.mark.parametrize("changes", [{"aws_secret_access_key": "wrong"}, {"aws_access_key_id": "AKIDWRONG"}], ids=str)
async def test_a_wrong_signature_is_403(signed_api, changes):
    """Channel server, Management API: 403 ForbiddenException."""
    started, address = signed_api
    alice = await ChannelServer(started.channel_server).connect("alice", "")
    identity = await alice.connection_id()
    client = sdk(address, **changes)
    with pytest.raises(ClientError) as refused:
        await asyncio.to_thread(client.post_to_connection, ConnectionId=identity, Data=b"hello")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert (await call(address, "GET", identity)).status == 403
    assert (await call(address, "GET", identity, headers={})).status == 403
    await alice.answers_ping()
