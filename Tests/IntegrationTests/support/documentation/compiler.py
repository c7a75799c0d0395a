"""Whether a piece of Swift from a page compiles against the modules of the newest build."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from ..binary import REPOSITORY


GIVEN = {
    "Socket": "let io = SocketIOServer()",
    "SocketIOListener": "let io = SocketIOServer()",
    "EventRouter": "let router = EventRouter()",
    "SessionChatClient": 'let token = ""',
    "SessionStoreConformance": "import ParleyHub; import Testing; func MyStore() -> any SessionStore { fatalError() }",
    "WebSocketConnection": "import NIOCore; func f(_ connection: inout WebSocketConnection, _ input: inout ByteBuffer, inflater: SharedInflater?) {",
}
"""What stands before the examples in comments of a file."""
END = {"WebSocketConnection": "}"}


def comments() -> list[tuple[str, str]]:
    """The examples in the documentation comments of our sources, by file and line."""
    found = []
    for path in sorted((REPOSITORY / "Sources").rglob("*.swift")):
        text = path.read_text()
        for match in re.finditer(r"^ */// ```swift\n(.*?)^ */// ```$", text, re.MULTILINE | re.DOTALL):
            code = re.sub(r"^ *///(?: |$)", "", match[1], flags=re.MULTILINE)
            found.append((f"{path.relative_to(REPOSITORY)}:{text.count(chr(10), 0, match.start()) + 1}", code))
    return found


def comment_typechecks(place: str, code: str, path: Path) -> str | None:
    """`…` alone in a line stands for other cases, elsewhere for a value."""
    file = Path(place.partition(":")[0])
    code = re.sub(r"^ *…$", "default: fatalError()", code, flags=re.MULTILINE).replace("…", "fatalError()")
    path.write_text(code)
    return typechecks(path, f"import {file.parts[1]}; {GIVEN.get(file.stem, '')}", END.get(file.stem, ""), may_warn=True)


def typechecks(path: Path, given: str = "", end: str = "", *, may_warn: bool = False) -> str | None:
    """What the compiler complains about. Imports come first, then what was `given`, then the piece and its `end`, as a program's top level."""
    text = path.read_text()
    imports = re.findall(r"^import \w+$", text, re.MULTILINE)
    body = re.sub(r"^import \w+$", "", text, flags=re.MULTILINE)
    path.write_text("\n".join([*imports, given, body, end]))
    compiler = shutil.which("swiftc") or pytest.skip("swiftc is not installed")
    checked = subprocess.run(
        [compiler, "-typecheck", "-swift-version", "6", *([] if may_warn else ["-warnings-as-errors"]), *_modules(), path], capture_output=True, text=True
    )
    return checked.stderr if checked.returncode else None


@cache
def _modules() -> list[str]:
    """Flags by which the compiler finds our modules, and the C modules that those of packages stand on."""
    build, checkouts = REPOSITORY / ".build/debug", REPOSITORY / ".build/checkouts"
    if not (build / "Modules").is_dir():
        pytest.skip("no modules of a debug build: make build")
    maps = {path.parents[1].name: path for path in checkouts.glob("*/Sources/*/include/module.modulemap")}
    maps |= {path.parent.name.removesuffix(".build"): path for path in build.glob("*.build/module.modulemap")}
    maps |= {path.parent.name: path for path in (REPOSITORY / "Sources").glob("*/module.modulemap")}
    includes = {path.parent for path in checkouts.glob("*/Sources/*/include/*.h")}
    toolchain = Path(shutil.which("swiftc")).resolve().parents[1]
    flags = [f"-I{build}/Modules", "-plugin-path", str(toolchain / "lib/swift/host/plugins/testing")]
    for path in maps.values():
        flags += ["-Xcc", f"-fmodule-map-file={path}"]
    for folder in sorted(includes):
        flags += ["-Xcc", f"-I{folder}"]
    return flags
