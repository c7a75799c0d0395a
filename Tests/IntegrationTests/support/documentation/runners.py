"""How a block is run, by its language. A runner raises an AssertionError that says where page and program differ.

Marks that all of them know: `skip="why it cannot be run"`, `server="flags and NAME=value"` of the server that it speaks to,
`after="commands"` to run before, `stands-for="shown=command"`: what the command prints takes the place of a value shown. The others stand with the runner that knows them.
"""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from .. import binary, tokens
from . import shapes
from .compiler import typechecks
from .pages import Block
from .terminal import Terminal
from .workshop import Workshop

_SPEAKS_TO_A_SERVER = re.compile(r"localhost:|127\.0\.0\.1:|parley (?:backends|healthcheck)")
_SERVES = re.compile(r"^(?:\$ )?(?:[A-Z_]+=\S* )*parley serve\b", re.MULTILINE)
ANNOUNCED = "until grep -qs Listening program.out; do kill -0 $! || { cat program.out; exit 1; }; sleep 0.02; done"
_TRANSCRIPT = re.compile(r"^\[[\w.-]+\]\(([^)]+)\):$")


def run(block: Block, workshop: Workshop) -> None:
    assert block.language != "indented", "fence the block, and name its language"
    assert block.language in RUNNERS, f"expected a language of {sorted(RUNNERS)}, got {block.language!r}"
    if "server" in block.marks:
        workshop.serves(block.marks["server"])
    elif _SERVES.search(block.text) or "program" in block.marks:
        workshop.stops_serving()  # the block starts its own, on the same ports
    elif _SPEAKS_TO_A_SERVER.search(block.text + " ".join(block.marks.values())) and block.language not in ("swift", "yaml"):
        workshop.serves()
    if after := block.marks.get("after"):
        _succeeds(workshop, after)
    if replacement := block.marks.get("stands-for"):
        shown, _, command = replacement.partition("=")
        block = replace(block, text=block.text.replace(shown, _succeeds(workshop, command).strip()))
    RUNNERS[block.language](block, workshop)


def _succeeds(workshop: Workshop, script: str, given: str = "") -> str:
    status, said = workshop.runs(workshop.here(script), given)
    assert status == 0, f"status {status}:\n{said}"
    return said


def _prints(block: Block, workshop: Workshop, said: str) -> None:
    """`prints="…"`: lines that must be among what was said."""
    expected = workshop.here(block.marks.get("prints", ""))
    complaint = expected and shapes.lacks(expected, said)
    assert not complaint, complaint


# Shell


def sh(block: Block, workshop: Workshop) -> None:
    """A script that succeeds. `input="…"` is its standard input."""
    try:
        said = _succeeds(workshop, block.text, block.marks.get("input", ""))
    finally:
        logged = workshop.ends_servers()
    _prints(block, workshop, said + logged)


def console(block: Block, workshop: Workshop) -> None:
    """Commands behind `$ `, each with what it prints. `terminal=yes`: lines behind `> ` are typed."""
    if "terminal" in block.marks:
        return Terminal(workshop).plays(block.text)
    try:
        for command, shown in conversation(block.text):
            _, said = workshop.runs(workshop.here(command))
            complaint = shapes.differs(workshop.here(shown), said)
            assert not complaint, f"$ {command}\n{complaint}"
    finally:
        workshop.ends_servers()


def conversation(text: str) -> list[tuple[str, str]]:
    """Each command of a console, and what the page shows below it."""
    found: list[tuple[str, str]] = []
    continued = False
    for line in text.splitlines():
        if continued or line.startswith("$ "):
            command = line.removeprefix("$ ")
            found.append((command, "")) if not continued else found.append((found.pop()[0] + "\n" + command, ""))
            continued = line.endswith("\\")
        else:
            assert found, "a console begins with a command behind `$ `"
            found[-1] = (found[-1][0], found[-1][1] + line + "\n")
    return found


# Programs


def python(block: Block, workshop: Workshop) -> None:
    """`with="…"`: its arguments, for a shell; `input="…"`: its standard input; `program="…"`: what runs beside it."""
    _program(block, workshop, "client.py", "python3")


def js(block: Block, workshop: Workshop) -> None:
    """As Python. `file=NAME` keeps it for later blocks instead of running it."""
    name = block.marks.get("file", "client.cjs" if "require(" in block.text else "client.mjs")
    node = shutil.which("node") or pytest.skip("node is not installed")
    if "socket.io-client" in block.text and not (workshop.directory / "node_modules/socket.io-client").exists():
        pytest.skip("no JavaScript client: scripts/fetch-test-clients")
    if "file" in block.marks:
        subprocess.run([node, "--check", workshop.write(name, block.text)], check=True)
    else:
        _program(block, workshop, name, "node")


def _program(block: Block, workshop: Workshop, name: str, interpreter: str) -> None:
    workshop.write(name, workshop.here(block.text))
    script = f"{interpreter} {name} {block.marks.get('with', '')}"
    if beside := block.marks.get("program"):
        program = Path(binary.find()).parent / beside
        if not program.exists():
            pytest.skip(f"{beside} is not built")
        script = f"PORT={workshop.ports['3000']} {program} >program.out 2>&1 & trap 'kill $!' EXIT\n{ANNOUNCED}\n{script}"
    said = _succeeds(workshop, script, block.marks.get("input", ""))
    _prints(block, workshop, said)


# What goes over the wire


def json_text(block: Block, workshop: Workshop) -> None:
    """One value, or one a line. `answer="command"`: each line is in what the command prints; `keys="command"`: its keys are those."""
    for line in [block.text] if block.text.count("\n{") == 0 else block.text.splitlines():
        json.loads(line)
    if command := block.marks.get("answer"):
        said = _succeeds(workshop, command)
        complaint = shapes.lacks(workshop.here(block.text), said)
        assert not complaint, complaint
    if command := block.marks.get("keys"):
        answer = json.loads(_succeeds(workshop, command))
        assert list(answer) == list(json.loads(block.text))


def http(block: Block, workshop: Workshop) -> None:
    """A request, which is answered with `status=101`, or another. `port=…` is the listener, 8000 unless it says otherwise."""
    server = workshop.serves(block.marks.get("server", "--dev"))
    address = server.channel_server if block.marks.get("port") == "3001" else server.front_door
    request = re.sub(r"eyJ[\w.-]*…", tokens.token("alice", "lobby"), block.text)
    with address.socket() as socket:
        socket.sendall(request.rstrip("\n").replace("\n", "\r\n").encode() + b"\r\n\r\n")
        answer = socket.recv(4096).decode(errors="replace")
    status = block.marks.get("status", "101")
    assert answer.startswith(f"HTTP/1.1 {status} "), answer


def text(block: Block, workshop: Workshop) -> None:
    """A transcript of the repository, word for word; else `of="command"`, what the command prints, or logs. `tree=yes`: see below."""
    if "tree" in block.marks:
        return _tree(block.text)
    if transcript := _TRANSCRIPT.match(block.before):
        path = (binary.REPOSITORY / block.page).parent / transcript[1]
        assert block.text.strip() == path.read_text().strip(), f"the page shows another text than {transcript[1]}"
    else:
        assert "of" in block.marks, 'expected a link to a transcript before the block, or of="command"'
        workshop.stops_serving()
        try:
            _, said = workshop.runs(workshop.here(block.marks["of"]))
        finally:
            said += workshop.ends_servers()
        complaint = shapes.lacks(workshop.here(block.text), said)
        assert not complaint, complaint


def _tree(shown: str) -> None:
    """Folders and files at the beginning of lines are there, those that are indented in the folder above them, and no other folder."""
    listed: set[Path] = set()
    folder = binary.REPOSITORY
    for line in shown.splitlines():
        names = re.match(r" *((?:[\w.-]+(?:/|\.\w+)?  )*[\w.-]+/?)(?=  |$)", line)
        if not names or line.strip().startswith("--"):
            continue
        if line.startswith("   "):
            continue  # goes on about the line before
        within = folder if line.startswith(" ") else binary.REPOSITORY
        for name in names[1].split():
            assert (within / name).exists(), f"there is no {within.relative_to(binary.REPOSITORY) / name}"
            listed.add(within / name.rstrip("/"))
        if not line.startswith(" ") and names[1].endswith("/"):
            folder = binary.REPOSITORY / names[1]
    there = {path for path in (binary.REPOSITORY / "Sources").iterdir() if path.is_dir()}
    assert not there - listed, f"not in the tree: {sorted(path.name for path in there - listed)}"


# Files


def yaml(block: Block, workshop: Workshop) -> None:
    """`parley check-config` accepts it. `file=NAME` keeps it for later blocks; `needs="NAME=value"`: settings that stand elsewhere."""
    name = block.marks.get("file", "page.yaml")
    workshop.write(name, block.text)
    _succeeds(workshop, f"{block.marks.get('needs', '')} parley check-config --config {name}")


def dotenv(block: Block, workshop: Workshop) -> None:
    """`parley check-config` finds each of its names in `.env`."""
    workshop.write(".env", block.text)
    try:
        said = _succeeds(workshop, "unset JWT_SECRET; parley check-config")
    finally:
        (workshop.directory / ".env").unlink()
    for name in re.findall(r"^([A-Z_]+)=", block.text, re.MULTILINE):
        assert re.search(rf"^{name} .*\.env$", said, re.MULTILINE), f"{name} does not come from .env:\n{said}"


def nginx(block: Block, workshop: Workshop) -> None:
    """What stands in `http`: nginx accepts it and passes a WebSocket to the server, but not its metrics."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin") or pytest.skip("nginx is not installed")
    _succeeds(workshop, "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout key.pem -out certificate.pem 2>&1")
    text = workshop.here(block.text)
    for pattern, replacement in [
        (r"/etc/ssl/\S+/fullchain\.pem", "certificate.pem"),
        (r"/etc/ssl/\S+/key\.pem", "key.pem"),
        (r"/var/log/nginx", str(workshop.directory)),
        (r"listen 443 ssl", f"listen 127.0.0.1:{workshop.ports['9000']} ssl"),
    ]:
        text, count = re.subn(pattern, replacement, text)
        assert count, f"the page has no {pattern}"
    temporary = "".join(f"{name}_temp_path {name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    workshop.write("nginx.conf", f"daemon off; pid nginx.pid; error_log stderr; events {{}} http {{ {temporary}\n{text}\n}}")
    command = f"{program} -p {workshop.directory} -e stderr -c nginx.conf"
    _succeeds(workshop, f"{command} -t")
    workshop.serves()
    said = _succeeds(
        workshop,
        f"{command} 2>nginx.err & trap 'kill $!; wait' EXIT\n"
        "until curl -skf https://localhost:9000/readyz >/dev/null; do kill -0 $!; sleep 0.02; done\n"
        "echo hello | parley connect -qk wss://localhost:9000/relay/lobby\n"
        "curl -sk -o /dev/null -w '%{http_code}\\n' https://localhost:9000/metrics",
    )
    assert said.splitlines()[-2:] == ["hello", "403"], said


def ini(block: Block, workshop: Workshop) -> None:
    """A unit of systemd, `same-as=` a file that is shipped. test_deploy has systemd look at that."""
    shipped = binary.REPOSITORY / block.marks["same-as"]
    assert block.text.strip() == shipped.read_text().strip(), f"the page shows another unit than {block.marks['same-as']}"


# Swift


def swift(block: Block, workshop: Workshop) -> None:
    """Compiles. `given="…"` stands before it, `end="…"` behind; `file=Package.swift`: a manifest, which is read."""
    if block.marks.get("file") == "Package.swift":
        return _manifest(block, workshop)
    complaint = typechecks(workshop.write("main.swift", block.text), block.marks.get("given", ""), block.marks.get("end", ""))
    assert not complaint, complaint


def _manifest(block: Block, workshop: Workshop) -> None:
    program = shutil.which("swift", path="/usr/bin:/opt/swift/usr/bin") or shutil.which("swift") or pytest.skip("swift is not installed")
    package = workshop.write("package/Package.swift", block.text).parent
    described = subprocess.run([program, "package", "dump-package"], cwd=package, capture_output=True, text=True)
    assert described.returncode == 0, described.stderr
    ours = (binary.REPOSITORY / "Package.swift").read_text()
    for target in json.loads(described.stdout)["targets"]:
        for dependency in target["dependencies"]:
            name = dependency.get("product", [""])[0]
            assert f'.library(name: "{name}"' in ours, f"Package.swift offers no product {name!r}"


RUNNERS = {
    "sh": sh, "console": console, "python": python, "js": js, "json": json_text, "http": http, "text": text, "yaml": yaml,
    "dotenv": dotenv, "nginx": nginx, "ini": ini, "swift": swift, "ts": js,
}
