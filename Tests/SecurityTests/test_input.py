"""Messages that grow when they are inflated, and messages that never end."""

import json
import time
import zlib

import pytest

from attacks import crowd, pour
from support import gateway, http, metrics
from support.raw import BINARY, CONTINUATION, PING, TEXT, RawWebSocket, frame, handshake
from watch import MEBIBYTE, watching

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n"


def deflated(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize("path", ["/relay/inflated", "/relay"])
def test_small_frames_that_become_mebibytes_fill_nothing(server, path):
    started = server(RELAY_COMPRESSION="on")
    bomb = frame(BINARY, deflated(bytes(MEBIBYTE)), rsv=4)
    assert len(bomb) < 1200
    opening = handshake(started.front_door, path).replace(b"\r\n\r\n", b"\r\n" + DEFLATE.encode() + b"\r\n")
    with watching(started) as watch, crowd(started.front_door, 10, opening) as connections:
        pour(connections, bomb * 100, seconds=8, limit=4 * MEBIBYTE)
        metrics.read(started.front_door)
    watch.says_that(growth=300 * MEBIBYTE, p99=200)


def ended_within(raw: RawWebSocket, seconds: float, each: bytes, pause: float) -> float:
    """Sends `each` again and again, until the server closes the connection. Returns after how many seconds."""
    begun = time.monotonic()
    raw.socket.settimeout(pause)
    while time.monotonic() - begun < seconds:
        try:
            raw.send(each)
            if raw.socket.recv(4096)[:1] in (b"", b"\x88"):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - begun


def test_pings_are_no_progress_of_an_unfinished_message(server):
    started = server(PARLEY_FRAME_TIMEOUT="1")
    raw = RawWebSocket.open(started.front_door, "/relay/x")
    raw.send_frame(TEXT, b"begun", fin=False)
    assert ended_within(raw, 10, frame(PING, b"x"), pause=0.2) < 5


def test_a_byte_now_and_then_is_no_progress(server):
    started = server(PARLEY_FRAME_TIMEOUT="1")
    raw = RawWebSocket.open(started.front_door, "/relay/x")
    raw.send(frame(BINARY, bytes(20_000))[:14])
    assert ended_within(raw, 10, b"\0", pause=0.2) < 5


def test_a_kibibyte_in_time_is_progress(server):
    started = server(PARLEY_FRAME_TIMEOUT="1")
    raw = RawWebSocket.open(started.front_door, "/relay/x")
    whole = frame(BINARY, bytes(10 * 1100), masked=True)
    for start in range(0, len(whole), 1100):
        raw.send(whole[start : start + 1100])
        time.sleep(0.4)
    assert len(raw.next(BINARY).payload) == 11_000


def test_empty_fragments_are_no_progress(server):
    started = server(PARLEY_FRAME_TIMEOUT="1")
    raw = RawWebSocket.open(started.front_door, "/relay")
    raw.send_frame(TEXT, b"begun", fin=False)
    assert ended_within(raw, 10, frame(CONTINUATION, b"", fin=False), pause=0.2) < 5


@pytest.mark.parametrize("path", ["/nothing/here", "/healthz", "/api/login"])
def test_a_body_without_a_taker_is_refused_at_its_head(server, path):
    started = server()
    connection = http.Connection(started.front_door)
    connection.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 16777216\r\n\r\n")
    answer = connection.answer(to="POST")
    assert answer.status in (404, 405, 413)
    assert answer.headers["connection"] == "close"


def test_a_dripping_body_is_cut_off(server):
    started = server(PARLEY_FRAME_TIMEOUT="1")
    connection = http.Connection(started.front_door)
    connection.send("POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n")
    begun = time.monotonic()
    connection.socket.settimeout(0.2)
    while time.monotonic() - begun < 10:
        try:
            connection.send("x")
            if connection.socket.recv(4096):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    assert time.monotonic() - begun < 5


def test_unfinished_messages_of_many_count_and_go(server):
    """Each connection holds back the end of a message of the greatest size."""
    started = server(PARLEY_PROCESS_BACKLOG_BYTES=str(64 * MEBIBYTE))
    opening = handshake(started.front_door, "/relay")
    begun = frame(BINARY, b"", declared=16 * MEBIBYTE, length_bits=64) + bytes(8 * MEBIBYTE)
    with watching(started) as watch, crowd(started.front_door, 30, opening) as connections:
        for connection in connections:
            pour([connection], begun, seconds=5, limit=len(begun))
        seen = metrics.read(started.front_door)
        assert seen.total("parley_waiting_bytes", kind="input") <= 64 * MEBIBYTE
        assert seen.total("parley_closes_total", reason="overloaded") > 0
    watch.says_that(growth=250 * MEBIBYTE, p99=200)


ATTACHMENTS = '4510-["echo",' + ",".join(f'{{"_placeholder":true,"num":{n}}}' for n in range(10)) + "]"


def test_attachments_of_unfinished_packets_count_and_go(server):
    """Each client of Socket.IO holds back the last attachment of a packet."""
    started = server(**gateway.SETTINGS, PARLEY_PROCESS_BACKLOG_BYTES=str(64 * MEBIBYTE))
    join = frame(TEXT, f'40{{"token":"{gateway.acquire(started.gateway)}"}}'.encode())
    begun = frame(TEXT, ATTACHMENTS.encode()) + frame(BINARY, bytes(900_000)) * 9
    opening = handshake(started.gateway, "/socket.io/?EIO=4&transport=websocket")
    with watching(started) as watch, crowd(started.gateway, 30, opening) as connections:
        for connection in connections:
            connection.sendall(join)
            heard = b""
            while b'40{"sid"' not in heard:
                heard += connection.recv(4096)
            pour([connection], begun, seconds=5, limit=len(begun))
        seen = metrics.read(started.front_door)
        assert 0 < seen.total("parley_waiting_bytes", kind="input") <= 64 * MEBIBYTE
        assert seen.total("parley_closes_total", reason="overloaded") > 0
    watch.says_that(growth=250 * MEBIBYTE, p99=200)


def test_attachments_have_to_go_on_arriving(server):
    """Heartbeats do not keep a packet waiting for ever."""
    started = server(**gateway.SETTINGS, PARLEY_FRAME_TIMEOUT="1")
    raw = RawWebSocket.open(started.gateway, "/socket.io/?EIO=4&transport=websocket")
    raw.says(f'40{{"token":"{gateway.acquire(started.gateway)}"}}')
    while not raw.next(TEXT).payload.startswith(b"40"):
        pass
    raw.says(ATTACHMENTS)
    assert 0.5 < ended_within(raw, 10, frame(PING, b"x"), pause=0.2) < 8


def test_small_attachments_are_no_progress_over_polling(server):
    started = server(**gateway.SETTINGS, PARLEY_FRAME_TIMEOUT="1")
    path = "/socket.io/?EIO=4&transport=polling"
    path += "&sid=" + json.loads(http.fetch(started.gateway, path).text[1:])["sid"]
    for body in (f'40{{"token":"{gateway.acquire(started.gateway)}"}}', ATTACHMENTS):
        assert http.fetch(started.gateway, path, method="POST", body=body.encode()).status == 200
    begun = time.monotonic()
    while http.fetch(started.gateway, path, method="POST", body=b"bAAAA").status == 200:
        assert time.monotonic() - begun < 5
        time.sleep(0.4)
    assert time.monotonic() - begun > 0.5
