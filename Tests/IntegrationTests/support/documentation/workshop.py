"""Where the blocks of a page are run: a directory, a server of this page's own, and the commands that pages name.

Pages speak of the default ports. Here each of them stands for a free one, in what is run and in what must come.
"""

import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from .. import binary, tokens
from ..node import DEBIAN_MODULES
from ..server import Server

PORTS = ("8000", "3000", "3500", "3001", "8080", "9090", "9000", "8090")
VARIABLES = {
    "PARLEY_PORT": "8000",
    "GATEWAY_PORT": "3000",
    "WEBSOCKET_PORT": "3500",
    "CHANNEL_PORT": "3001",
    "BACKENDS_API_PORT": "8080",
    "BACKENDS_PROXY_PORT": "9090",
}
_PORT = re.compile(rf"((?<=[\w\]*]):|--[a-z-]*port[ =]|[A-Z_]*PORT=|\bport )({'|'.join(PORTS)})\b")
ADMIN_TOKEN = "a-token-only-the-tests-know"
PATIENCE = 40


class Workshop:
    def __init__(self, directory: Path):
        self.directory = directory
        self.ports = dict(zip(PORTS, _quiet_ports(len(PORTS))))
        self.server: Server | None = None
        self._specification: str | None = None
        self._makes_commands(directory / "bin")
        self._lends_packages(directory / "node_modules")

    # What pages say, here

    def here(self, text: str) -> str:
        """The text with the ports of this workshop, and the program under test."""
        lines = text.splitlines(keepends=True)
        text = "".join(
            line if "check-config" in line else _PORT.sub(lambda match: match[1] + self.ports[match[2]], line) for line in lines
        )
        return text.replace(".build/release/parley", "parley")

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    # The server

    def serves(self, specification: str = "--dev") -> Server:
        """The server that a block speaks to: flags and `NAME=value` as on a command line. It stays until another is asked for."""
        if self._specification != specification:
            self.stops_serving()
            words = shlex.split(self.here(specification))
            settings = {name: value for name, found, value in (word.partition("=") for word in words) if found and name.isupper()}
            flags = [word for word in words if word.partition("=")[0] not in settings]
            places = {name: self.ports[port] for name, port in VARIABLES.items()}
            unset = {"RELAY": None, "DISPOSABLE_CHAT_PORT": None} | {"GATEWAY_ADMIN_TOKEN": ADMIN_TOKEN}
            self.server = Server(self.directory, *flags, **(places | unset | settings))
            self._specification = specification
            self.server.wait_until_listening()
        return self.server

    def stops_serving(self) -> None:
        server, self.server, self._specification = self.server, None, None
        if server:
            server.stop()

    # Commands

    def runs(self, script: str, given: str = "") -> tuple[int, str]:
        """Status, and all that was said, of a script of shell. A `parley serve` in it listens before the next line runs."""
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(given, PATIENCE)
            return process.returncode, said
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise AssertionError(f"did not end within {PATIENCE} s: {script}") from None

    def ends_servers(self) -> str:
        """Ends what `parley serve` has started in scripts, and returns what it had logged."""
        pids, logged = self.directory / "serve.pids", self.directory / "serve.err"
        for pid in map(int, pids.read_text().split() if pids.exists() else ()):
            _ends(pid)
        pids.unlink(missing_ok=True)
        said = ""
        for file in (self.directory / "serve.out", logged):
            said += file.read_text() if file.exists() else ""
            file.unlink(missing_ok=True)
        crashed = [mark for mark in binary.CRASH_MARKS if mark in said]
        assert not crashed, f"the server crashed:\n{said[-4000:]}"
        return said

    @property
    def environment(self) -> dict[str, str]:
        return binary.environment(
            self.directory,
            {
                "PATH": f"{self.directory / 'bin'}:{os.environ['PATH']}",
                "NODE_PATH": os.environ.get("NODE_PATH", DEBIAN_MODULES),
                "JWT_SECRET": tokens.SECRET,
                "GATEWAY_ADMIN_TOKEN": ADMIN_TOKEN,
                "PYTHONUNBUFFERED": "1",
                "PLACES": " ".join(f"{name}={self.ports[port]}" for name, port in VARIABLES.items()),
            },
        )

    def _makes_commands(self, folder: Path) -> None:
        commands = {
            "parley": PARLEY.format(program=shlex.quote(binary.find())),
            "make": f"exec {shutil.which('make')} --no-print-directory -n -C {shlex.quote(str(binary.REPOSITORY))} \"$@\"",
            "swift": SWIFT.format(root=shlex.quote(str(binary.REPOSITORY))),
            "python3": f'exec {shlex.quote(sys.executable)} "$@"',
        }
        for name, text in commands.items():
            path = self.write(folder.relative_to(self.directory) / name, f"#!/usr/bin/env bash\n{text}\n")
            path.chmod(0o755)

    def _lends_packages(self, folder: Path) -> None:
        """`socket.io-client` as npm would install it, made of the official bundle, which believes itself in a browser."""
        bundle = binary.REPOSITORY / ".tools/clients/socket.io.min.js"
        shim = Path(__file__).parents[2] / "node/xmlhttprequest.mjs"
        if bundle.is_file():
            package = folder.relative_to(self.directory) / "socket.io-client"
            self.write(package / "package.json", '{"name": "socket.io-client", "exports": "./index.mjs"}')
            self.write(package / "index.mjs", SOCKET_IO_CLIENT.format(bundle=bundle, shim=shim))


def _quiet_ports(count: int) -> list[str]:
    """Ports that are free and stay it: below those that the kernel gives to whoever asks for any."""
    found: list[str] = []
    for port in random.sample(range(21000, 32000), 1000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(str(port))
        if len(found) == count:
            return found
    raise AssertionError("no free ports between 21000 and 32000")


def _ends(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            assert time.monotonic() < deadline, f"process {pid} did not end within {PATIENCE} s of SIGTERM"
            time.sleep(0.02)
    except (ProcessLookupError, FileNotFoundError):
        pass


PARLEY = """\
# The program under test. `serve` goes into the background when it listens.
program={program}
case ${{1:-}} in serve | healthcheck | backends)
    export HOST=${{HOST-127.0.0.1}}
    for place in $PLACES; do [[ -v ${{place%%=*}} ]] || export "${{place?}}"; done ;;
esac
[[ ${{1:-}} == serve ]] || exec "$program" "$@"
: >serve.out
(exec -a parley "$program" "$@") >serve.out 2>serve.err </dev/null &
echo $! >>serve.pids
said='^Listening on'
[[ " $* " != *" --dev "* ]] || said=Ctrl-C  # the end of the guide
until grep -q "$said" serve.out; do
    kill -0 $! 2>/dev/null || {{ cat serve.err >&2; exit 1; }}
    sleep 0.02
done"""

SWIFT = """\
# Says whether there is such a program; the build has shown that it compiles.
[[ $1 == run ]] || {{ echo "swift $1 is not run here"; exit 2; }}
shift
[[ $1 != -c ]] || shift 2
grep -q "name: \\"$1\\"" {root}/Package.swift {root}/Fuzz/Package.swift || {{ echo "no program $1"; exit 2; }}"""

SOCKET_IO_CLIENT = """\
import {{ createRequire }} from "node:module";
import {{ XMLHttpRequest, FileReader }} from "{shim}";
const require = createRequire(import.meta.url);
Object.assign(globalThis, {{ XMLHttpRequest, FileReader, WebSocket: require("ws").WebSocket }});
const {{ io, Manager, Socket }} = require("{bundle}");
export {{ io, Manager, Socket }};
"""
