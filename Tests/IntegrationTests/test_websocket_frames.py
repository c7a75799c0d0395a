"""Frames, good and bad, on every dialect. A bad one ends its own connection and no other."""

import pytest

from support.dialects import EVERYWHERE, at
from support.raw import CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame, frame

EVENT_LOOPS = (2,)
PROTOCOL, UTF8, TOO_BIG = {1002}, {1007}, {1009}

MALFORMED = {
    "unmasked text": (frame(TEXT, "hi", masked=False), PROTOCOL),
    "unmasked ping": (frame(PING, masked=False), PROTOCOL),
    "unmasked close": (frame(CLOSE, b"\x03\xe8", masked=False), PROTOCOL),
    "RSV1 without an extension": (frame(TEXT, "hi", rsv=0b100), PROTOCOL),
    "RSV2": (frame(TEXT, "hi", rsv=0b010), PROTOCOL),
    "RSV3": (frame(TEXT, "hi", rsv=0b001), PROTOCOL),
    "RSV1 on a ping": (frame(PING, rsv=0b100), PROTOCOL),
    **{f"reserved opcode {code:#x}": (frame(code, "hi"), PROTOCOL) for code in (*range(3, 8), *range(0xB, 0x10))},
    "ping over 125 bytes": (frame(PING, b"x" * 126), PROTOCOL),
    "pong over 125 bytes": (frame(PONG, b"x" * 70_000), PROTOCOL),
    "close over 125 bytes": (close_frame(1000, "x" * 124), PROTOCOL),
    "fragmented ping": (frame(PING, fin=False), PROTOCOL),
    "fragmented close": (frame(CLOSE, fin=False), PROTOCOL),
    "continuation of nothing": (frame(CONTINUATION, "hi"), PROTOCOL),
    "unfinished continuation of nothing": (frame(CONTINUATION, "hi", fin=False), PROTOCOL),
    "text inside a text": (frame(TEXT, "a", fin=False) + frame(TEXT, "b"), PROTOCOL),
    "text after a finished continuation": (
        frame(TEXT, "{", fin=False) + frame(CONTINUATION, "}") + frame(CONTINUATION, "x"),
        PROTOCOL,
    ),
    "16-bit length for 5 bytes": (frame(TEXT, "hello", length_bits=16), PROTOCOL),
    "64-bit length for 5 bytes": (frame(TEXT, "hello", length_bits=64), PROTOCOL),
    "64-bit length for 300 bytes": (frame(TEXT, "x" * 300, length_bits=64), PROTOCOL),
    "negative length": (frame(TEXT, length_bits=64, declared=1 << 63), PROTOCOL | TOO_BIG),
    "length of an exbibyte": (frame(TEXT, length_bits=64, declared=1 << 60), TOO_BIG),
    "length of a gibibyte": (frame(TEXT, length_bits=64, declared=1 << 30), TOO_BIG),
    "close with one byte": (frame(CLOSE, b"\x03"), PROTOCOL),
    **{
        f"close code {code}": (close_frame(code), PROTOCOL)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
    },
    "close reason that is not UTF-8": (close_frame(1000, b"\xff"), UTF8 | PROTOCOL),
    "invalid UTF-8": (frame(TEXT, b"\xff"), UTF8),
    "truncated UTF-8": (frame(TEXT, b"abc\xe2\x82"), UTF8),
    "overlong UTF-8": (frame(TEXT, b"\xc0\xaf"), UTF8),
    "a surrogate in UTF-8": (frame(TEXT, b"\xed\xa0\x80"), UTF8),
    "beyond Unicode in UTF-8": (frame(TEXT, b"\xf4\x90\x80\x80"), UTF8),
    "invalid UTF-8 in a later fragment": (frame(TEXT, "ok", fin=False) + frame(CONTINUATION, b"\xff"), UTF8),
    "UTF-8 that stays open at the end": (
        frame(TEXT, b"\xe2\x82", fin=False) + frame(CONTINUATION, b""),
        UTF8,
    ),
}


@pytest.fixture(params=EVERYWHERE)
def dialect(request, shared_server):
    return at(shared_server, request.param)


@pytest.mark.parametrize("case", MALFORMED)
async def test_a_malformed_frame_closes_only_its_sender(dialect, room, case):
    """RFC 6455 §5 and §7.4: every kind, on every dialect, each with the right code."""
    data, codes = MALFORMED[case]
    (witness,) = await dialect.together(room, "witness")
    offender = dialect.raw("offender", room)
    assert offender.answers_ping()
    offender.send(data)
    assert offender.close_code() in codes
    await witness.says("marker")
    await witness.hears("marker")


@pytest.mark.parametrize("case", ["unmasked text", "reserved opcode 0x3", "16-bit length for 5 bytes"])
def test_a_malformed_frame_may_arrive_byte_by_byte(dialect, room, case):
    """TCP is a stream: a fault is found wherever the reads end."""
    data, codes = MALFORMED[case]
    offender = dialect.raw("offender", room)
    for byte in data[:-1]:
        offender.send(bytes([byte]))
    try:
        offender.send(data[-1:])
    except OSError:
        pass  # it was found before the last byte
    assert offender.close_code() in codes


def test_after_a_violation_the_connection_ends(dialect, room):
    """RFC 6455 §7.1.7; decision 4: at most 5 s after the close frame."""
    offender = dialect.raw("offender", room)
    offender.send_frame(3, "hi")
    assert offender.close_code() == 1002
    assert offender.is_closed(within=8)


def test_a_ping_is_answered_with_its_payload(dialect, room):
    """RFC 6455 §5.5.3."""
    raw = dialect.raw("alice", room)
    for payload in (b"", b"hello", b"\xff" * 125):
        raw.send_frame(PING, payload)
        assert raw.next(PONG).payload == payload


def test_pongs_nobody_asked_for_are_ignored(dialect, room):
    """RFC 6455 §5.5.3."""
    raw = dialect.raw("alice", room)
    raw.send_frame(PONG, b"unasked")
    assert raw.answers_ping()


async def test_fragments_with_control_frames_between_make_one_message(dialect, room):
    """RFC 6455 §5.4; a character may be cut by a fragment's end."""
    (witness,) = await dialect.together(room, "witness")
    raw = dialect.raw("alice", room)
    message = dialect.wire("grüße 😀").encode()
    first, *middle, last = (message[n : n + 1] for n in range(len(message)))
    raw.send_frame(TEXT, first, fin=False)
    for fragment in middle:
        raw.send_frame(CONTINUATION, fragment, fin=False)
        raw.send_frame(PING, b"between")
    raw.send_frame(CONTINUATION, b"", fin=False)
    raw.send_frame(CONTINUATION, last)
    await witness.hears("grüße 😀")
    assert raw.next(PONG).payload == b"between"


async def test_a_frame_may_arrive_byte_by_byte(dialect, room):
    """TCP is a stream."""
    (witness,) = await dialect.together(room, "witness")
    raw = dialect.raw("alice", room)
    raw.drip(frame(TEXT, dialect.wire("one byte at a time")))
    await witness.hears("one byte at a time")


async def test_many_frames_may_arrive_in_one_packet(dialect, room):
    """TCP is a stream."""
    (witness,) = await dialect.together(room, "witness")
    raw = dialect.raw("alice", room)
    raw.send(b"".join(frame(TEXT, dialect.wire(f"line {n}")) for n in range(50)))
    for number in range(50):
        await witness.hears(f"line {number}")


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
def test_a_close_frame_is_answered_with_its_code(dialect, room, code):
    """RFC 6455 §5.5.1, §7.4: the codes that an endpoint may send."""
    raw = dialect.raw("alice", room)
    raw.send(close_frame(code, "bye"))
    assert raw.close_code() == code
    assert raw.is_closed()


def test_an_empty_close_frame_is_answered(dialect, room):
    """RFC 6455 §5.5.1."""
    raw = dialect.raw("alice", room)
    raw.send(close_frame(None))
    assert raw.close_code() in (None, 1000)
    assert raw.is_closed()


def test_what_follows_a_close_frame_is_ignored(dialect, room):
    """RFC 6455 §5.5.1: no data after a close frame."""
    raw = dialect.raw("alice", room)
    raw.send(close_frame(1000) + frame(3, "no matter what") + frame(TEXT, "x", masked=False))
    assert raw.close_code() == 1000


async def test_a_reset_in_the_middle_of_a_frame_harms_nobody(dialect, room):
    """RFC 6455 §7.1.7."""
    (witness,) = await dialect.together(room, "witness")
    raw = dialect.raw("offender", room)
    raw.send(frame(TEXT, "x" * 1000)[:100])
    raw.reset()
    await witness.says("marker")
    await witness.hears("marker")
