"""Event gateway: `ai:chat` with an OpenAI-compatible endpoint that the tests are."""

import asyncio
import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support import gateway, http
from support.gateway import ONE_OF_EACH, name_of

DEADLINE = 10


class Upstream:
    """A chat completions endpoint. `script` says what each request is answered with, in order."""

    def __init__(self):
        self.requests: queue.Queue = queue.Queue()
        self.script: list = []
        self.gone = threading.Event()
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                upstream.requests.put((self.path, dict(self.headers), body))
                steps = upstream.script.pop(0)
                if isinstance(steps, int):
                    self.send_response(steps)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                try:
                    for step in steps:
                        if isinstance(step, threading.Event):
                            while not step.wait(0.05):
                                self.wfile.write(b": waiting\n\n")
                                self.wfile.flush()
                        else:
                            self.wfile.write(step)
                            self.wfile.flush()
                except OSError:
                    upstream.gone.set()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def delta(text: str) -> bytes:
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}}]})}\n\n".encode()


DONE = b"data: [DONE]\n\n"


@pytest.fixture
def upstream():
    started = Upstream()
    yield started
    started.stop()


@pytest.fixture
def started(server, upstream):
    return server(**gateway.SETTINGS, AI_API_URL=upstream.url, AI_API_KEY="key", AI_MODEL="model")


every_protocol = pytest.mark.parametrize("way", ONE_OF_EACH, ids=name_of)


@every_protocol
async def test_the_endpoints_pieces_are_passed_on(started, upstream, way):
    """ai:chat: start, chunks, complete; fullResponse is their concatenation."""
    upstream.script = [[delta("Hel"), delta("lo "), delta("there"), DONE]]
    client = await way.connect(started, gateway.acquire(started.gateway))
    answer = await client.chats("Hi", conversationHistory=[{"role": "user", "content": "before"}])
    assert await client.hears_all_of(answer) == (["Hel", "lo ", "there"], "Hello there")
    path, headers, body = upstream.requests.get(timeout=DEADLINE)
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer key"
    assert (body["model"], body["stream"]) == ("model", True)
    assert [turn["role"] for turn in body["messages"]] == ["system", "user", "user"]
    assert [turn["content"] for turn in body["messages"][1:]] == ["before", "Hi"]


async def test_only_the_last_ten_entries_of_the_history_are_used(started, upstream):
    upstream.script = [[delta("ok"), DONE]]
    client = await ONE_OF_EACH[0].connect(started, gateway.acquire(started.gateway))
    history = [{"role": "user", "content": str(n)} for n in range(20)]
    history += [{"role": "system", "content": "obey"}, {"role": "assistant", "content": 5}, "text"]
    await client.hears_all_of(await client.chats("Hi", conversationHistory=history))
    _, _, body = upstream.requests.get(timeout=DEADLINE)
    assert [turn["content"] for turn in body["messages"][1:]] == [str(n) for n in range(10, 20)] + ["Hi"]


async def test_an_end_without_done_is_a_normal_end(started, upstream):
    upstream.script = [[delta("all")]]
    client = await ONE_OF_EACH[0].connect(started, gateway.acquire(started.gateway))
    assert await client.hears_all_of(await client.chats("Hi")) == (["all"], "all")


@pytest.mark.parametrize("failure", [500, 401, [b"data: nonsense\n\n"], [DONE]], ids=["500", "401", "nonsense", "empty"])
async def test_a_failure_before_the_first_piece_gives_the_built_in_reply(started, upstream, failure):
    upstream.script = [failure]
    client = await ONE_OF_EACH[0].connect(started, gateway.acquire(started.gateway))
    chunks, full = await client.hears_all_of(await client.chats("Hi"))
    assert "".join(chunks) == full and len(chunks) > 3


async def test_a_failure_after_a_piece_is_an_error_with_the_message_id(started, upstream):
    upstream.script = [[delta("begun "), b"data: nonsense\n\n"]]
    client = await ONE_OF_EACH[0].connect(started, gateway.acquire(started.gateway))
    answer = await client.chats("Hi")
    assert await client.expects_event("ai:response:chunk") == {"messageId": answer, "chunk": "begun "}
    error = await client.expects_event("ai:response:error")
    assert (list(error), error["messageId"]) == (["error", "messageId"], answer)
    await client.is_alive()


@every_protocol
async def test_other_events_are_answered_meanwhile_and_two_answers_do_not_mix(started, upstream, way):
    """Acceptance 6."""
    first, second = threading.Event(), threading.Event()
    upstream.script = [[delta("one "), first, delta("1"), DONE], [delta("two "), second, delta("2"), DONE]]
    client = await way.connect(started, gateway.acquire(started.gateway))
    one = await client.chats("first")
    assert await client.expects_event("ai:response:chunk") == {"messageId": one, "chunk": "one "}
    two = await client.chats("second")
    assert await client.expects_event("ai:response:chunk") == {"messageId": two, "chunk": "two "}
    await client.is_alive()
    second.set()
    assert await client.hears_all_of(two) == (["2"], "two 2")
    first.set()
    assert await client.hears_all_of(one) == (["1"], "one 1")


async def test_a_fourth_question_at_a_time_is_an_error(started, upstream):
    ends = threading.Event()
    upstream.script = [[ends, delta("x"), DONE]] * 3
    client = await ONE_OF_EACH[0].connect(started, gateway.acquire(started.gateway))
    for _ in range(3):
        await client.chats("Hi")
    await client.emits("ai:chat", {"message": "one too many"})
    assert list(await client.expects_event("ai:response:error")) == ["error"]
    ends.set()


@every_protocol
async def test_the_request_ends_with_its_client(started, upstream, way):
    """Closing the connection cancels the upstream request."""
    upstream.script = [[delta("begun"), threading.Event()]]
    token = gateway.acquire(started.gateway)
    client = await way.connect(started, token)
    await client.chats("Hi")
    await client.expects_event("ai:response:chunk")
    gateway.logout(started.gateway, token)
    assert await asyncio.to_thread(upstream.gone.wait, DEADLINE)


@every_protocol
@pytest.mark.parametrize(
    "data", [None, {}, {"message": ""}, {"message": 5}, "text", {"message": "x" * 2001}, {"message": "x", "conversationHistory": {}},
             {"message": "x", "conversationHistory": [0] * 51}],
    ids=["null", "empty", "blank", "number", "text", "long", "history", "long-history"],
)
async def test_unusable_input_is_an_error_and_nothing_else(started, way, data):
    client = await way.connect(started, gateway.acquire(started.gateway))
    await client.emits("ai:chat", data)
    assert list(await client.expects_event("ai:response:error")) == ["error"]
    await client.is_alive()


def test_the_ai_answers_rest_as_a_whole(started, upstream):
    upstream.script = [[delta("Hello "), delta("there"), DONE]]
    answer = gateway.post(started.gateway, "/api/ai/chat", {"message": "Hi"})
    assert list(answer.json) == ["success", "response", "timestamp"]
    assert answer.json["response"] == "Hello there"
    answer = gateway.post(started.gateway, "/api/ai/chat", {})
    assert (answer.status, answer.json) == (400, {"success": False, "error": "Message is required"})
    status = http.fetch(started.gateway, "/api/ai/status").json
    assert list(status) == ["success", "status", "provider", "timestamp"]
