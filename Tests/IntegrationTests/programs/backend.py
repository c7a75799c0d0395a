"""A session backend: HTTP and WebSocket, says what it was sent and what it was given. Run by the server under test."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys

from aiohttp import WSMsgType, web

MAXIMUM_BODY = 64 << 20


async def report(request: web.Request) -> web.StreamResponse:
    """Everything about the request, as the backend sees it."""
    body = await request.read()
    return web.json_response(
        {
            "method": request.method,
            "target": request.raw_path,
            "headers": [[name.decode("latin-1"), value.decode("utf-8", "replace")] for name, value in request.raw_headers],
            "length": len(body),
            "digest": hashlib.sha256(body).hexdigest(),
            "pid": os.getpid(),
        }
    )


async def environment(request: web.Request) -> web.Response:
    return web.json_response(dict(os.environ))


async def echo(request: web.Request) -> web.StreamResponse:
    """Sends each piece of the body back as it comes."""
    response = web.StreamResponse()
    await response.prepare(request)
    async for piece in request.content.iter_any():
        await response.write(piece)
    return response


async def ticks(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for number in range(int(request.query.get("count", "3"))):
        await response.write(f"data: {number}\n\n".encode())
        await asyncio.sleep(float(request.query.get("pause", "0.05")))
    return response


async def cookies(request: web.Request) -> web.Response:
    response = web.Response(text="cookies")
    response.headers.add("Set-Cookie", "a=1; Path=/")
    response.headers.add("Set-Cookie", "b=2; Path=/")
    return response


async def open_to_one(request: web.Request) -> web.Response:
    return web.Response(headers={"Access-Control-Allow-Origin": "https://one.example"})


async def redirect(request: web.Request) -> web.Response:
    raise web.HTTPFound("elsewhere?x=1")


async def breaks_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"half")
    os._exit(7)


async def dies(request: web.Request) -> web.Response:
    os._exit(9)


async def ends(request: web.Request) -> web.Response:
    code = int(request.query.get("code", "0"))
    asyncio.get_running_loop().call_later(0.05, os._exit, code)
    return web.Response(text="bye")


async def talks(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=("second", "chat"), max_msg_size=0, autoping=False)
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT and message.data == "close":
            await socket.close(code=4001, message=b"as you wish")
        elif message.type == WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type == WSMsgType.BINARY:
            await socket.send_bytes(message.data)
        elif message.type == WSMsgType.PING:
            await socket.pong(message.data)
    return socket


async def sits(request: web.Request) -> web.WebSocketResponse:
    """Says who it is, then everything back under its id."""
    delay = os.environ.get("RESUME_DELAY") if "x-verified-resumed-from" in request.headers else request.query.get("delay")
    await asyncio.sleep(float(delay or 0))
    socket = web.WebSocketResponse(protocols=("chat",), max_msg_size=0)
    await socket.prepare(request)
    me = os.environ["SESSION_BACKEND_ID"]
    known = {name: request.headers.get(name) for name in ("x-verified-resumed-from", "x-verified-username")}
    await socket.send_json({"backend": me, "pid": os.getpid(), "protocol": socket.ws_protocol} | known)
    async for message in socket:
        if message.type == WSMsgType.BINARY:
            await socket.send_str(f"{me} {len(message.data)} {hashlib.sha256(message.data).hexdigest()}")
        elif message.data == "die":
            os._exit(3)
        elif message.data.startswith("say "):
            print(message.data[4:], flush=True)
        elif message.data == "go away":
            await socket.close(code=1001)
            os._exit(0)
        elif message.data == "close this":
            await socket.close(code=1001)
        elif message.data == "drop this":
            request.transport.abort()
        else:
            await socket.send_str(f"{me} {message.data}")
    return socket


async def raw(request: web.Request) -> web.StreamResponse:
    """Another protocol than WebSocket: says hello, then everything back in capitals."""
    transport = request.transport
    transport.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\nhello\n")
    received: asyncio.Queue[bytes | None] = asyncio.Queue()

    class Shouting(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            transport.write(data.upper())

        def connection_lost(self, error) -> None:
            received.put_nowait(None)

    transport.set_protocol(Shouting())
    await received.get()
    return web.Response()


async def pours(request: web.Request) -> web.StreamResponse:
    """Another protocol: so many bytes, and the end."""
    request.transport.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: pour\r\n\r\n")
    request.transport.write(bytes(int(request.query["bytes"])))
    request.transport.close()
    return web.Response()


def main() -> None:
    if os.environ.get("SAYS"):
        print(os.environ["SAYS"], flush=True)
    if os.environ.get("EXITS"):
        sys.exit(int(os.environ["EXITS"]))
    if os.environ.get("FORKS"):
        for session in (False, True):
            subprocess.Popen(["sleep", "1000"], start_new_session=session)
    if os.environ.get("IGNORES_TERM"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.environ.get("FLOODS"):
        subprocess.Popen(["sh", "-c", "yes 0123456789012345678901234567890123456789"])
    if os.environ.get("NEVER_LISTENS"):
        signal.pause()
    app = web.Application(client_max_size=MAXIMUM_BODY)
    routes = {
        "/env": environment, "/ticks": ticks, "/cookies": cookies, "/cors": open_to_one, "/redirect": redirect,
        "/breaks-off": breaks_off, "/dies": dies, "/ends": ends, "/ws": talks, "/raw": raw, "/pours": pours,
        "/session": sits,
    }
    for path, handler in routes.items():
        app.router.add_get(path, handler)
    app.router.add_route("*", "/echo", echo)
    app.router.add_route("*", "/{rest:.*}", report)

    async def start() -> None:
        await asyncio.sleep(float(os.environ.get("START_DELAY", "0")))
        runner = web.AppRunner(app, handle_signals=not os.environ.get("IGNORES_TERM"), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", int(os.environ["PORT"])).start()
        stopped = asyncio.Event()
        if not os.environ.get("IGNORES_TERM"):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        await stopped.wait()
        await asyncio.sleep(float(os.environ.get("LINGERS", "0")))
        os._exit(0)

    asyncio.run(start())


if __name__ == "__main__":
    main()
