"""A Docker Engine API on a Unix socket, whose containers are plain processes."""

import json
import os
import re
import signal
import socketserver
import struct
import subprocess
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from .address import free_port


class Container:
    def __init__(self, name: str, settings: dict, program: list[str]):
        self.id, self.name, self.settings, self.program = f"{id(self):064x}", name, settings, program
        self.port = free_port()
        self.process: subprocess.Popen | None = None

    def starts(self) -> None:
        environment = dict(entry.split("=", 1) for entry in self.settings["Env"])
        assert environment["PORT"] == "8080"
        self.process = subprocess.Popen(
            self.program,
            env=os.environ | environment | {"PORT": str(self.port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def exit_code(self) -> int:
        code = self.process.wait()
        return 128 - code if code < 0 else code


class Engine:
    """Has the images in `programs`; those in `registry` can be pulled."""

    def __init__(
        self,
        directory: Path,
        programs: dict[str, list[str]],
        registry: dict[str, list[str]] | None = None,
        lacks_init_at: str | None = None,
    ):
        """`lacks_init_at`: "create" or "start", where an engine without an init program says so."""
        self.lacks_init_at = lacks_init_at
        self.socket = str(directory / "docker.sock")
        self.images, self.registry = dict(programs), registry or {}
        self.containers: dict[str, Container] = {}
        self.pulled: list[str] = []
        engine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def address_string(self) -> str:
                return "unix"

            def log_message(self, *_) -> None:
                pass

            def _answers(self, status: int, body=None) -> None:
                data = b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _handle(self) -> None:
                # As the real ones do, whose HTTP server looks at it.
                if not re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", self.headers.get("Host", "")):
                    return self._answers(400)
                parts = urlsplit(self.path)
                path = re.sub(r"^/v1\.\d+", "", parts.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length)) if length else None
                try:
                    engine._serve(self, self.command, path, query, body)
                except LookupError as missing:
                    self._answers(404, {"message": f"no such thing: {missing}"})
                except BrokenPipeError:
                    pass

            do_GET = do_POST = do_DELETE = _handle

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        self._server = Server(self.socket, Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _serve(self, handler, method: str, path: str, query: dict, body) -> None:
        match method, path.strip("/").split("/"):
            case "GET", ["images", *name, "json"]:
                self.images["/".join(name)]
                handler._answers(200, {})
            case "POST", ["images", "create"]:
                self._pulls(handler, query["fromImage"])
            case "GET", ["containers", "json"]:
                handler._answers(200, [
                    {"Id": one.id, "Names": [f"/{one.name}"], "Labels": one.settings["Labels"]}
                    for one in self.containers.values()
                ])
            case "POST", ["containers", "create"]:
                if self.lacks_init_at == "create" and body["HostConfig"]["Init"]:
                    handler._answers(500, {"message": "container create: container-init binary not found on the host: stat /x"})
                    return
                container = Container(query["name"], body, self.images[body["Image"]])
                self.containers[container.name] = container
                handler._answers(201, {"Id": container.id})
            case "POST", ["containers", name, "start"]:
                if self.lacks_init_at == "start" and self.containers[name].settings["HostConfig"]["Init"]:
                    handler._answers(500, {"message": 'exec: "docker-init": executable file not found in $PATH'})
                    return
                self.containers[name].starts()
                handler._answers(204)
            case "GET", ["containers", name, "json"]:
                binding = {"HostIp": "127.0.0.1", "HostPort": str(self.containers[name].port)}
                handler._answers(200, {"NetworkSettings": {"Ports": {"8080/tcp": [binding]}}})
            case "POST", ["containers", name, "wait"]:
                handler._answers(200, {"StatusCode": self.containers[name].exit_code()})
            case "POST", ["containers", name, "kill"]:
                self.containers[name].process.send_signal(getattr(signal, query["signal"]))
                handler._answers(204)
            case "GET", ["containers", name, "logs"]:
                self._follows(handler, self.containers[name])
            case "GET", ["containers", name, "stats"]:
                self.containers[name]
                handler._answers(200, {
                    "memory_stats": {"usage": 1000, "limit": 5000},
                    "cpu_stats": {"cpu_usage": {"total_usage": 7}, "system_cpu_usage": 70},
                })
            case "DELETE", ["containers", name]:
                found = next(one for one in self.containers.values() if name in (one.name, one.id))
                if found.process and found.process.poll() is None:
                    found.process.kill()
                del self.containers[found.name]
                handler._answers(204)
            case _:
                raise LookupError(path)

    def _pulls(self, handler, image: str) -> None:
        steps = [{"status": "Pulling"}]
        name = image.removesuffix(":latest")
        if name in self.registry:
            self.images[name] = self.registry[name]
            self.pulled.append(image)
        else:
            steps.append({"error": f"manifest for {image} not found"})
        data = "".join(json.dumps(step) + "\r\n" for step in steps).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def _follows(self, handler, container: Container) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        for line in container.process.stdout:
            handler.wfile.write(struct.pack(">BxxxL", 1, len(line)) + line)
            handler.wfile.flush()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        for container in self.containers.values():
            if container.process and container.process.poll() is None:
                container.process.kill()
