"""A console in which a person types: the program runs in a pseudo-terminal."""

import os
import pty
import re
import select
import subprocess
import time

from . import shapes
from .workshop import PATIENCE, Workshop

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[=>78]|\r")


class Terminal:
    def __init__(self, workshop: Workshop):
        self.workshop = workshop
        self.shown = ""

    def plays(self, text: str) -> None:
        """`$ command`, then lines that it prints, and lines behind `> ` that are typed once everything above them was seen."""
        command, *lines = text.splitlines()
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            ["bash", "-c", "exec " + self.workshop.here(command.removeprefix("$ "))],
            cwd=self.workshop.directory,
            env=self.workshop.environment | {"TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            for line in lines:
                if line.startswith("> "):
                    os.write(ours, line.removeprefix("> ").encode() + b"\r")
                else:
                    self._sees(ours, self.workshop.here(line))
        finally:
            process.kill()
            process.wait()
            os.close(ours)

    def _sees(self, terminal: int, line: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while shapes.lacks(line, self.shown):
            ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
            assert ready, shapes.lacks(line, self.shown)
            self.shown += _CONTROL.sub("", os.read(terminal, 4096).decode(errors="replace"))
