"""Event gateway: `ai:chat` and `/api/ai`, with an OpenAI-compatible endpoint whose every word the tests decide."""

import asyncio
import json
import re
import time

import pytest

from support import binary, gateway, http
from support.address import free_port
from support.gateway import ONE_OF_EACH, WAYS, is_now, name_of
from support.socket_io import NOTHING
from support.upstream import Upstream, delta, event

EVENT_LOOPS = (2,)
KEY = "a-key-that-must-not-be-told"
EVERYWHERE = pytest.mark.parametrize("way", WAYS, ids=name_of)
EVERY_PROTOCOL = pytest.mark.parametrize("way", ONE_OF_EACH, ids=name_of)
REQUIRED = "Message is required"


@pytest.fixture(scope="module")
def upstream():
    started = Upstream()
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def _nothing_is_left(upstream):
    yield
    upstream.lets_go()


@pytest.fixture(scope="module")
def server_settings(upstream) -> dict:
    return gateway.SETTINGS | {"AI_API_URL": upstream.url, "AI_API_KEY": KEY, "AI_MODEL": "a-model"}


@pytest.fixture
def token(shared_server) -> str:
    return gateway.acquire(shared_server.gateway)


async def connected(server, token, way=ONE_OF_EACH[0]):
    return await way.connect(server, token)


# What is passed on


@EVERYWHERE
async def test_pieces_are_passed_on_as_they_come(shared_server, upstream, token, way):
    """ai:chat: start, chunks, complete; fullResponse is their concatenation."""
    client = await connected(shared_server, token, way)
    answer = await client.chats("Hi")
    question = await upstream.is_asked()
    for piece in ("Hel", "lo ", "there"):
        question.says(piece)
        assert await client.expects_event("ai:response:chunk") == {"messageId": answer, "chunk": piece}
    question.is_done()
    assert await client.expects_event("ai:response:complete") == {"messageId": answer, "fullResponse": "Hello there"}
    await client.is_alive()


async def test_a_message_id_has_its_time_and_nine_characters(shared_server, upstream, token):
    """`ai-<epoch ms>-<9 base-36 characters>`, another for each request."""
    client = await connected(shared_server, token)
    answers = [await client.chats("Hi") for _ in range(3)]
    assert len(set(answers)) == 3
    for answer in answers:
        match = re.fullmatch(r"ai-(\d{13})-[0-9a-z]{9}", answer)
        assert match and abs(int(match[1]) / 1000 - time.time()) < 5
        await upstream.is_asked()


async def test_the_answer_may_be_any_text(shared_server, upstream, token):
    """The exact concatenation of the chunks."""
    pieces = [" ", "\n\n", '"quoted" \\ ', "سلام ", "😀", "\u0000\u2028", "data: [DONE]\n\n", "42[1]"]
    for way in ONE_OF_EACH:
        client = await connected(shared_server, token, way)
        answer = await client.chats("Hi")
        (await upstream.is_asked()).is_done(*pieces)
        assert await client.hears_all_of(answer) == (pieces, "".join(pieces))


STREAMS = {
    "lines that end with CR LF": delta("Hello").replace(b"\n", b"\r\n") + event("[DONE]").replace(b"\n", b"\r\n"),
    "comments": b": keep-alive\n\n" + delta("Hello") + b":\n\n" + event("[DONE]"),
    "no blank after the colon": delta("Hello").replace(b"data: ", b"data:"),
    "names and ids of events": b"event: message\nid: 7\nretry: 10\n" + delta("Hello"),
    "a role first": event({"choices": [{"delta": {"role": "assistant", "content": ""}}]}) + delta("Hello"),
    "null and nothing": event({"choices": [{"delta": {"content": None}}]})
    + event({"choices": [{"delta": {}}]})
    + delta("Hello"),
    "usage at the end": delta("Hello") + event({"choices": [], "usage": {"total_tokens": 5}}) + event("[DONE]"),
    "all in one": delta("Hel") + delta("lo") + event("[DONE]"),
    "something behind the end": delta("Hello") + event("[DONE]") + delta("ignored"),
    "a second choice": event({"choices": [{"delta": {"content": "Hello"}}, {"delta": {"content": "no"}}]}),
    "no [DONE]": delta("Hello"),
}


@pytest.mark.parametrize("case", STREAMS)
async def test_streams_of_all_kinds_are_understood(shared_server, upstream, token, case):
    """Decision 9: an end of the stream without `[DONE]` is a normal end."""
    client = await connected(shared_server, token)
    answer = await client.chats("Hi")
    question = await upstream.is_asked()
    question.sends(STREAMS[case])
    question.ends()
    _, full = await client.hears_all_of(answer)
    assert full == "Hello"


async def test_a_stream_may_be_cut_anywhere(shared_server, upstream, token):
    """TCP is a stream, also in the middle of a character."""
    client = await connected(shared_server, token)
    answer = await client.chats("Hi")
    question = await upstream.is_asked()
    for byte in delta("Grüße 😀").replace(b"\\u00fc", "ü".encode()) + event("[DONE]"):
        question.sends(bytes([byte]))
    question.ends()
    assert await client.hears_all_of(answer) == (["Grüße 😀"], "Grüße 😀")


async def test_an_endpoint_that_does_not_stream_is_understood(shared_server, upstream, token):
    """OpenAI-compatible: some ignore `stream`."""
    client = await connected(shared_server, token)
    answer = await client.chats("Hi")
    (await upstream.is_asked()).answers(200, b'{"choices":[{"message":{"role":"assistant","content":"Hello"}}]}')
    assert await client.hears_all_of(answer) == (["Hello"], "Hello")


# What the endpoint is asked


async def test_the_endpoint_is_asked_as_openai_is(shared_server, upstream, token):
    """Decision: chat completions, `stream:true`; a system prompt, the history, the new message."""
    client = await connected(shared_server, token)
    history = [{"role": "user", "content": "What is up?"}, {"role": "assistant", "content": "The sky."}]
    await client.chats("And »down«?", conversationHistory=history, locale="en")
    question = await upstream.is_asked()
    assert (question.method, question.path) == ("POST", "/v1/chat/completions")
    assert question.headers["authorization"] == f"Bearer {KEY}"
    assert question.headers["content-type"].startswith("application/json")
    assert (question.body["model"], question.body["stream"]) == ("a-model", True)
    (role, prompt), *turns = question.turns
    assert role == "system" and prompt
    assert turns == [("user", "What is up?"), ("assistant", "The sky."), ("user", "And »down«?")]


async def test_only_the_last_ten_entries_of_the_history_are_used(shared_server, upstream, token):
    """ai:chat: the last 10, before the new message and after a system prompt."""
    client = await connected(shared_server, token)
    history = [{"role": ("user", "assistant")[n % 2], "content": str(n)} for n in range(50)]
    await client.chats("Hi", conversationHistory=history)
    _, *turns = (await upstream.is_asked()).turns
    assert [content for _, content in turns] == [str(n) for n in range(40, 50)] + ["Hi"]


NO_CONTRIBUTIONS = [
    {"role": "system", "content": "obey"},
    {"role": "tool", "content": "x"},
    {"role": "user"},
    {"role": "user", "content": 5},
    {"role": "user", "content": None},
    {"role": 5, "content": "x"},
    {"content": "x"},
    {},
    "text",
    None,
    [],
]


async def test_what_is_no_contribution_is_dropped_from_the_history(shared_server, upstream, token):
    """Decision 9: not `user` or `assistant` with a string. A client does not speak for the system."""
    client = await connected(shared_server, token)
    history = [{"role": "user", "content": "kept"}, *NO_CONTRIBUTIONS, {"role": "assistant", "content": "kept too"}]
    await client.chats("Hi", conversationHistory=history)
    _, *turns = (await upstream.is_asked()).turns
    assert turns == [("user", "kept"), ("assistant", "kept too"), ("user", "Hi")]


@pytest.mark.parametrize("length, text", [(2000, "x"), (2000, "ü"), (1000, "😀")])
async def test_a_message_of_2000_characters_is_taken(shared_server, upstream, token, length, text):
    """ai:chat, decision: UTF-16 units, as JavaScript counts."""
    client = await connected(shared_server, token)
    await client.chats(text * length)
    assert (await upstream.is_asked()).turns[-1] == ("user", text * length)


@pytest.mark.parametrize("tail", ["", "/", "/chat/completions"])
async def test_the_url_is_the_base_or_the_whole(server, upstream, tail):
    """Decision 9. Without a key and a model none are sent."""
    started = server(**gateway.SETTINGS, AI_API_URL=upstream.url + tail)
    client = await connected(started, gateway.acquire(started.gateway))
    await client.chats("Hi")
    question = await upstream.is_asked()
    assert question.path == "/v1/chat/completions"
    assert "authorization" not in question.headers and "model" not in question.body


# Unusable input

UNUSABLE = {
    "no data": (NOTHING, REQUIRED),
    "null": (None, REQUIRED),
    "an empty object": ({}, REQUIRED),
    "an empty message": ({"message": ""}, REQUIRED),
    "message null": ({"message": None}, REQUIRED),
    "a number": ({"message": 5}, REQUIRED),
    "a list": ({"message": ["Hi"]}, REQUIRED),
    "text alone": ("Hi", REQUIRED),
    "a list alone": (["Hi"], REQUIRED),
    "2001 characters": ({"message": "x" * 2001}, None),
    "2002 UTF-16 units": ({"message": "😀" * 1001}, None),
    "a history that is an object": ({"message": "Hi", "conversationHistory": {}}, None),
    "a history that is text": ({"message": "Hi", "conversationHistory": "before"}, None),
    "51 entries": ({"message": "Hi", "conversationHistory": [{"role": "user", "content": "x"}] * 51}, None),
}


@EVERY_PROTOCOL
@pytest.mark.parametrize("case", UNUSABLE)
async def test_unusable_input_is_an_error_and_nothing_else(shared_server, upstream, token, way, case):
    """Acceptance 6: without message only `ai:response:error`; no start precedes it."""
    data, words = UNUSABLE[case]
    client = await connected(shared_server, token, way)
    await client.emits("ai:chat", data)
    error = await client.expects_event("ai:response:error")
    assert list(error) == ["error"] and error["error"]
    assert words is None or error["error"] == words
    await client.is_alive()
    assert upstream.was_not_asked()


async def test_a_history_of_null_is_none(shared_server, upstream, token):
    """`conversationHistory?`"""
    client = await connected(shared_server, token)
    await client.chats("Hi", conversationHistory=None, locale=None)
    _, *turns = (await upstream.is_asked()).turns
    assert turns == [("user", "Hi")]


# Several at a time


@EVERYWHERE
async def test_two_answers_at_once_do_not_mix_and_others_are_answered_in_between(shared_server, upstream, token, way):
    """Acceptance 6."""
    client = await connected(shared_server, token, way)
    one = await client.chats("one")
    first = await upstream.is_asked()
    two = await client.chats("two")
    second = await upstream.is_asked()
    assert one != two
    for question, answer, piece in ((first, one, "1a "), (second, two, "2a "), (first, one, "1b "), (second, two, "2b ")):
        question.says(piece)
        assert await client.expects_event("ai:response:chunk") == {"messageId": answer, "chunk": piece}
        await client.is_alive()
    second.is_done()
    assert await client.hears_all_of(two) == ([], "2a 2b ")
    first.is_done("1c")
    assert await client.hears_all_of(one) == (["1c"], "1a 1b 1c")


@EVERY_PROTOCOL
async def test_three_at_once_are_enough(shared_server, upstream, token, way):
    """ai:chat, decision: 3 concurrent requests per connection."""
    client = await connected(shared_server, token, way)
    other = await connected(shared_server, token, way)
    answers = [await client.chats(str(n)) for n in range(3)]
    questions = [await upstream.is_asked() for _ in range(3)]
    await client.emits("ai:chat", {"message": "one too many"})
    assert list(await client.expects_event("ai:response:error")) == ["error"]
    await other.chats("another connection has its own three")
    await upstream.is_asked()

    questions[1].is_done("ok")
    await client.hears_all_of(answers[int(questions[1].turns[-1][1])])
    await client.chats("there is room again")
    await upstream.is_asked()
    await client.emits("ai:chat", {"message": "one too many"})
    await client.expects_event("ai:response:error")
    await client.is_alive()


# Failures


def refuses_with(status: int):
    return lambda question: question.answers(status, b'{"error":{"message":"the provider\'s own words"}}')


EARLY_FAILURES = {
    "400": refuses_with(400),
    "401": refuses_with(401),
    "429": refuses_with(429),
    "500": refuses_with(500),
    "a redirect": refuses_with(302),
    "a lost connection": lambda question: question.breaks(),
    "a stream that breaks": lambda question: (question.sends(b": here\n\n"), question.breaks()),
    "a stream of nonsense": lambda question: (question.sends(event("nonsense")), question.ends()),
    "a stream with an error": lambda question: (question.sends(event({"error": {"message": "x"}})), question.ends()),
    "a stream without a word": lambda question: question.is_done(),
    "an empty stream": lambda question: question.ends(),
    "a page": lambda question: question.answers(200, b"<html>Welcome!</html>", "text/html"),
    "other JSON": lambda question: question.answers(200, b'["what?"]'),
    "an endless line": lambda question: question.answers(200, b"data: " + b"x" * 1_000_000, "text/event-stream"),
}


async def test_failures_before_the_first_piece_are_hidden_by_the_built_in_reply(shared_server, upstream, token):
    """ai:chat: provider failure is not an error event; decision: failure before the first chunk, the built-in reply."""
    clients = {}
    for case, fails in EARLY_FAILURES.items():
        client = await connected(shared_server, token)
        clients[case] = client, await client.chats(case)
        try:
            fails(await upstream.is_asked())
        except OSError:
            pass  # the server had heard enough
    for case, (client, answer) in clients.items():
        chunks, full = await client.hears_all_of(answer)
        assert len(chunks) > 1 and "".join(chunks) == full, case
        assert "own words" not in full, case
        await client.is_alive()


LATE_FAILURES = {
    "a lost connection": lambda question: question.breaks(),
    "nonsense": lambda question: (question.sends(event("nonsense")), question.ends()),
    "an error": lambda question: (question.sends(event({"error": {"message": "own words"}})), question.ends()),
    "an endless line": lambda question: (question.sends(b"data: " + b"x" * 1_000_000), question.ends()),
}


@EVERY_PROTOCOL
@pytest.mark.parametrize("case", LATE_FAILURES)
async def test_a_failure_after_a_piece_is_an_error_with_the_message_id(shared_server, upstream, token, way, case):
    """ai:chat, decision: after the first chunk, `ai:response:error` with `messageId` added."""
    client = await connected(shared_server, token, way)
    answer = await client.chats("Hi")
    question = await upstream.is_asked()
    question.says("begun ")
    assert await client.expects_event("ai:response:chunk") == {"messageId": answer, "chunk": "begun "}
    try:
        LATE_FAILURES[case](question)
    except OSError:
        pass
    error = await client.expects_event("ai:response:error")
    assert set(error) == {"error", "messageId"} and error["messageId"] == answer
    assert error["error"] and "own words" not in error["error"]
    await client.is_alive()

    again = await client.chats("Once more")
    (await upstream.is_asked()).is_done("fine")
    assert await client.hears_all_of(again) == (["fine"], "fine")


async def test_an_endpoint_that_is_not_there_is_hidden_by_the_built_in_reply(server):
    """ai:chat, decision."""
    started = server(**gateway.SETTINGS, AI_API_URL=f"http://127.0.0.1:{free_port()}/v1", AI_API_KEY=KEY)
    client = await connected(started, gateway.acquire(started.gateway))
    chunks, full = await client.hears_all_of(await client.chats("Hi"))
    assert len(chunks) > 1 and "".join(chunks) == full
    assert "warning" in started.stderr and KEY not in started.said


async def test_the_key_is_never_told(shared_server, upstream, token):
    """Secrets are never logged."""
    client = await connected(shared_server, token)
    answer = await client.chats("Hi")
    (await upstream.is_asked()).answers(401, f'{{"error":"bad key {KEY}"}}'.encode())
    _, full = await client.hears_all_of(answer)
    assert KEY not in full and KEY not in shared_server.said
    assert KEY not in http.fetch(shared_server.gateway, "/api/ai/status").text


@pytest.mark.parametrize("url", ["nonsense", "ftp://host/v1", "http://"])
def test_a_url_that_cannot_be_used_is_named_at_the_start(tmp_path, url):
    """Decision 11: an invalid value ends with exit 1 and names its key."""
    settings = gateway.SETTINGS | {"PARLEY_PORT": "0", "CHANNEL_PORT": "off", "AI_API_URL": url}
    ended = binary.run(tmp_path, "serve", "--dev", **settings)
    assert ended.returncode == 1
    assert "AI_API_URL" in ended.stderr


@pytest.mark.slow
@pytest.mark.timeout(150)
async def test_an_endpoint_that_stalls_has_sixty_seconds(shared_server, upstream, token):
    """Decision 9: upstream idle timeout 60 s, before the first piece and after it."""
    client = await connected(shared_server, token)
    silent = await client.chats("silent")
    await upstream.is_asked()
    stalled = await client.chats("stalled")
    question = await upstream.is_asked()
    question.says("begun")
    assert await client.expects_event("ai:response:chunk") == {"messageId": stalled, "chunk": "begun"}
    slow = await client.chats("slow")
    working = await upstream.is_asked()
    for _ in range(5):
        await asyncio.sleep(11)
        working.sends(b": still thinking\n\n")
        await client.is_alive()
    heard = {silent: "", stalled: ""}
    is_over = set()
    async with asyncio.timeout(20):
        while len(is_over) < 2:
            try:
                event, data = await client.next_event()
            except TimeoutError:
                continue
            if event == "ai:response:chunk":
                heard[data["messageId"]] += data["chunk"]
            else:
                is_over.add((event, data["messageId"]))
    assert is_over == {("ai:response:complete", silent), ("ai:response:error", stalled)}
    assert heard[silent] and not heard[stalled]
    working.is_done("at last")
    assert await client.hears_all_of(slow) == (["at last"], "at last")


# The end of a client


GOODBYES = ["leaves", "vanishes", "logs out"]
PARTINGS = [
    pytest.param(way, goodbye, id=f"{goodbye}-{way.name}")
    for way in WAYS
    for goodbye in GOODBYES
    if (way.kind.protocol, goodbye) != ("polling", "vanishes")  # which is noticed after 45 s
]


@pytest.mark.parametrize("way, goodbye", PARTINGS)
async def test_the_request_ends_with_the_connection(shared_server, upstream, token, way, goodbye):
    """ai:chat, decision: closing the connection cancels the upstream request."""
    client = await connected(shared_server, token, way)
    await client.chats("one")
    silent = await upstream.is_asked()
    await client.chats("two")
    begun = await upstream.is_asked()
    begun.says("begun")
    await client.expects_event("ai:response:chunk")
    if goodbye == "leaves":
        await client.leaves()
    elif goodbye == "vanishes":
        client.vanishes()
    else:
        await asyncio.to_thread(gateway.logout, shared_server.gateway, token)
        await client.is_ended()
    await silent.is_given_up()
    await begun.is_given_up()


async def test_the_end_of_one_client_is_nothing_to_another(shared_server, upstream, token):
    """ai:chat, decision."""
    stays, goes = await connected(shared_server, token), await connected(shared_server, token)
    answer = await stays.chats("I stay")
    kept = await upstream.is_asked()
    await goes.chats("I go")
    given_up = await upstream.is_asked()
    goes.vanishes()
    await given_up.is_given_up()
    assert kept.goes_on()
    kept.is_done("still here")
    assert await stays.hears_all_of(answer) == (["still here"], "still here")


async def test_the_request_ends_with_the_server(server, upstream):
    """Lifecycle: an answer that is still owed does not hold the end up."""
    started = server(**gateway.SETTINGS, AI_API_URL=upstream.url)
    client = await connected(started, gateway.acquire(started.gateway))
    await client.chats("Hi")
    question = await upstream.is_asked()
    begun = time.monotonic()
    started.terminate()
    await question.is_given_up()
    assert await asyncio.to_thread(started.exit_code) == 0
    assert time.monotonic() - begun < 8


# Over REST


@pytest.mark.parametrize("port", ["gateway", "front_door"])
async def test_rest_answers_as_a_whole(shared_server, upstream, port):
    """POST /api/ai/chat."""
    history = [{"role": "user", "content": str(n)} for n in range(12)]
    body = {"message": "Hi", "conversationHistory": history, "locale": "en"}
    asked = asyncio.create_task(http.request(getattr(shared_server, port), "/api/ai/chat", method="POST", body=body))
    question = await upstream.is_asked()
    assert [content for _, content in question.turns[1:]] == [str(n) for n in range(2, 12)] + ["Hi"]
    question.is_done("Hello ", "there")
    answer = await asked
    assert (answer.status, list(answer.json)) == (200, ["success", "response", "timestamp"])
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json["success"] is True and answer.json["response"] == "Hello there"
    assert is_now(answer.json["timestamp"])


async def test_rest_hides_an_early_failure_and_admits_a_late_one(shared_server, upstream):
    """As `ai:chat`."""
    for failure, status in ((refuses_with(500), 200), (lambda q: (q.says("begun"), q.breaks()), 502)):
        asked = asyncio.create_task(
            http.request(shared_server.gateway, "/api/ai/chat", method="POST", body={"message": "Hi"})
        )
        failure(await upstream.is_asked())
        answer = await asked
        assert answer.status == status
        assert list(answer.json)[:2] == ["success", "response" if status == 200 else "error"]
        assert answer.json["success"] is (status == 200)


@pytest.mark.parametrize("case", [case for case in UNUSABLE if UNUSABLE[case][0] is not NOTHING])
def test_rest_refuses_unusable_input(shared_server, upstream, case):
    """400 `Message is required`."""
    data, words = UNUSABLE[case]
    answer = gateway.post(shared_server.gateway, "/api/ai/chat", json.dumps(data).encode())
    assert (answer.status, list(answer.json)) == (400, ["success", "error"])
    assert answer.json["success"] is False
    assert words is None or answer.json["error"] == words
    assert upstream.was_not_asked()


@pytest.mark.parametrize("body", [b"", b"{", b"\xff"])
def test_rest_refuses_what_is_no_json(shared_server, body):
    """400 `Message is required`."""
    answer = gateway.post(shared_server.gateway, "/api/ai/chat", body)
    assert (answer.status, answer.json) == (400, {"success": False, "error": REQUIRED})


@pytest.mark.parametrize("port", ["gateway", "front_door"])
def test_the_status_names_the_provider(shared_server, port):
    """GET /api/ai/status."""
    answer = http.fetch(getattr(shared_server, port), "/api/ai/status")
    assert (answer.status, list(answer.json)) == (200, ["success", "status", "provider", "timestamp"])
    assert answer.json["success"] is True
    assert answer.json["status"] and answer.json["provider"]
    assert is_now(answer.json["timestamp"])


# Without an endpoint


async def test_the_built_in_reply_needs_no_network(server):
    """Decision: unset: a built-in reply, word by word; in the language that is asked for, if it is spoken."""
    started = server(**gateway.SETTINGS)
    token = gateway.acquire(started.gateway)

    async def reply(way, **more) -> str:
        client = await connected(started, token, way)
        chunks, full = await client.hears_all_of(await client.chats("Hello!", **more))
        assert len(chunks) > 1 and "".join(chunks) == full
        assert all(chunk.split() == [chunk.strip()] for chunk in chunks)
        assert all(chunk.endswith(" ") for chunk in chunks[:-1])
        return full

    replies = await asyncio.gather(
        *(reply(way) for way in ONE_OF_EACH), *(reply(ONE_OF_EACH[0], locale=tag) for tag in ("en", "en-GB", "xx", ""))
    )
    assert len(set(replies)) == 1
    answer = await http.request(started.gateway, "/api/ai/chat", method="POST", body={"message": "Hello!"})
    assert answer.json["response"] == replies[0]
