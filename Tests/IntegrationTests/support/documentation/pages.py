"""Pages, and the blocks of code in them.

A block is fenced and names its language. What a reader need not see stands in a comment in the line before it:

    <!-- test: with="alice lobby" input="hello" prints="[alice]: hello" -->
"""

import os
import re
import shlex
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ..binary import REPOSITORY

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*)\s*$")
MARK = re.compile(r"^<!-- test: (.*) -->$")
LISTED = re.compile(r"^\s*(?:[-*]|\d+\.) ")


@dataclass
class Block:
    page: str
    line: int
    language: str
    text: str
    marks: dict[str, str] = field(default_factory=dict)
    before: str = ""
    """The last line above the block that says something."""

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


@cache
def pages() -> dict[str, str]:
    """Every page of documentation by its path in the repository."""
    found = {}
    for folder, folders, files in os.walk(REPOSITORY):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "node_modules", "__pycache__")))
        for path in (Path(folder, name) for name in sorted(files) if name.endswith(".md")):
            found[str(path.relative_to(REPOSITORY))] = path.read_text()
    return found


def blocks() -> list[Block]:
    return [block for page, text in pages().items() for block in blocks_of(page, text)]


def blocks_of(page: str, text: str) -> list[Block]:
    found: list[Block] = []
    opened: Block | None = None
    indent = 0
    marks: dict[str, str] = {}
    said, last = "", ""
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if opened:
            if fence and not fence["language"]:
                opened.text = "".join(text[indent:] + "\n" for text in opened.text.splitlines())
                found.append(opened)
                opened = None
            else:
                opened.text += line + "\n"
        elif fence:
            opened = Block(page, number, fence["language"], "", marks, said)
            indent, marks = len(fence["indent"]), {}
        elif mark := MARK.match(line):
            marks = dict(word.partition("=")[::2] for word in shlex.split(mark[1]))
        elif line.startswith("    ") and not last.strip() and not LISTED.match(said):
            found.append(Block(page, number, "indented", line[4:] + "\n"))
            said = line
        elif line.strip():
            assert not marks, f"{page}:{number}: a test comment stands right before its block"
            said = line
        last = line
    assert opened is None, f"{page}: the block of line {opened.line} does not end"
    return found
