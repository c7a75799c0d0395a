"""Cross-origin headers and the cookie of load balancers. Acceptance 17."""

import re

import pytest

from support.engineio import BAD_REQUEST, UNKNOWN_SESSION, UNKNOWN_TRANSPORT, Engine, is_refusal
from support.sio import TRANSPORTS, Connection

ALLOWED = "http://allowed.example"
OTHER = "http://other.example"


@pytest.fixture
def strict(fixture_x) -> Engine:
    """One origin, with credentials, and a cookie."""
    return Engine(fixture_x.a)


@pytest.fixture
def off(fixture_x) -> Engine:
    return Engine(fixture_x.b)


@pytest.fixture
def open_to_all(fixture_p) -> Engine:
    return Engine(fixture_p.address)


def cors_of(answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


def varies_by(answer) -> set[str]:
    return {name.strip().lower() for name in answer.headers.get("vary", "").split(",")} - {""}


def is_allowed(answer) -> None:
    assert cors_of(answer) == {
        "access-control-allow-origin": ALLOWED,
        "access-control-allow-credentials": "true",
    }
    assert "origin" in varies_by(answer)


@pytest.mark.parametrize("origin", [ALLOWED, OTHER, None])
async def test_one_origin_is_named_whoever_asks(strict, origin):
    """That string always, not the request's."""
    headers = {} if origin is None else {"Origin": origin}
    session = await strict.polling(headers=headers)
    is_allowed(session.opening)
    is_allowed(await session.post("40"))
    is_allowed(await session.get())


async def test_errors_have_the_headers_too(strict):
    headers = {"Origin": ALLOWED}
    for query, code in (
        ({"transport": "tube"}, UNKNOWN_TRANSPORT),
        ({"transport": "polling", "sid": "nope"}, UNKNOWN_SESSION),
        ({"transport": "websocket"}, BAD_REQUEST),
    ):
        answer = await strict.fetch(headers=headers, **query)
        is_refusal(answer, code)
        is_allowed(answer)
    refused = await strict.fetch(transport="polling", headers=headers | {"x-deny": "no"})
    assert refused.status == 403
    is_allowed(refused)


async def test_every_answer_of_a_session_has_the_headers(strict):
    session = await strict.polling()
    too_large = await session.post("6" + "x" * 10_000)
    assert too_large.status == 413
    is_allowed(too_large)
    bad = await session.post("9")
    assert bad.status == 400
    is_allowed(bad)


async def test_a_preflight_is_answered_with_204(strict):
    answer = await strict.fetch(
        "OPTIONS",
        transport="polling",
        headers={
            "Origin": ALLOWED,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,x-custom",
        },
    )
    assert (answer.status, answer.body) == (204, b"")
    assert cors_of(answer) == {
        "access-control-allow-origin": ALLOWED,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE",
        "access-control-allow-headers": "content-type,x-custom",
    }
    assert varies_by(answer) >= {"origin", "access-control-request-headers"}


async def test_a_preflight_of_a_live_session_does_not_touch_it(strict):
    session = await strict.polling()
    await Connection(session).joins()
    answer = await strict.fetch("OPTIONS", session.target(), {"Origin": ALLOWED})
    assert answer.status == 204
    assert "access-control-allow-headers" not in cors_of(answer)
    await session.is_alive()


@pytest.mark.parametrize("query", ["transport=tube", "transport=polling&sid=nope", ""])
async def test_a_preflight_is_answered_before_anything_is_checked(strict, query):
    answer = await strict.fetch("OPTIONS", f"/socket.io/?EIO=4&{query}", {"Origin": ALLOWED})
    assert answer.status == 204


async def test_any_origin_is_a_star(open_to_all):
    for headers in ({}, {"Origin": OTHER}):
        answer = await open_to_all.fetch(transport="polling", headers=headers)
        assert cors_of(answer) == {"access-control-allow-origin": "*"}
        assert "origin" not in varies_by(answer)
    preflight = await open_to_all.fetch(
        "OPTIONS", transport="polling", headers={"Origin": OTHER, "Access-Control-Request-Headers": "x-a"}
    )
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert preflight.headers["access-control-allow-headers"] == "x-a"


async def test_without_the_option_there_is_no_header_anywhere(off):
    headers = {"Origin": ALLOWED, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-a"}
    session = await off.polling(headers=headers)
    for answer in (
        session.opening,
        await session.post("40"),
        await session.get(),
        await session.post("9"),
        await off.fetch(transport="tube", headers=headers),
        await off.fetch("OPTIONS", transport="polling", headers=headers),
    ):
        assert cors_of(answer) == {}
        assert "vary" not in answer.headers or "origin" not in varies_by(answer)


async def test_without_the_option_a_preflight_is_as_any_method(off):
    answer = await off.fetch("OPTIONS", transport="polling", headers={"Origin": ALLOWED})
    assert answer.status == 400


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_cors_keeps_no_websocket_out(strict, transport):
    """Whoever wants that sets an allow-list for upgrades, or a policy."""
    session = await strict.session(transport, headers={"Origin": OTHER})
    await session.sends("40")
    assert (await session.receives()).startswith("40{")


# The cookie


async def test_the_first_polling_answer_has_a_cookie_and_no_other(strict):
    session = await strict.polling()
    cookie = session.opening.headers["set-cookie"]
    name, *attributes = [part.strip() for part in cookie.split(";")]
    assert name == f"io={session.sid}"
    assert sorted(attribute.lower() for attribute in attributes) == ["httponly", "path=/", "samesite=lax"]
    assert re.fullmatch(r"io=[\w-]{20}; Path=/; HttpOnly; SameSite=Lax", cookie)
    assert "set-cookie" not in (await session.post("40")).headers
    assert "set-cookie" not in (await session.get()).headers


async def test_a_websocket_has_no_cookie(strict):
    answer = await strict.upgrade(transport="websocket")
    assert answer.status == 101
    assert "set-cookie" not in answer.headers


async def test_a_refusal_has_no_cookie(strict):
    assert "set-cookie" not in (await strict.fetch(transport="tube")).headers


async def test_the_cookie_authenticates_nobody(strict):
    """The session is named by `sid` alone."""
    session = await strict.polling()
    answer = await strict.fetch("POST", transport="polling", headers={"Cookie": f"io={session.sid}"}, body=b"40")
    assert answer.status == 400
