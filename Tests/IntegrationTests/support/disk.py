"""A disk that can be full."""

import os
import subprocess

import pytest


class Disk:
    """A small file system of its own, which can be filled and emptied."""

    def __init__(self, path):
        self.path = path
        path.mkdir()
        if os.geteuid() != 0:
            pytest.skip("mounting needs root")
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(path)], capture_output=True, text=True
        )
        if mounted.returncode != 0:
            pytest.skip(f"nothing can be mounted here: {mounted.stderr}")

    def fill(self):
        with open(self.path / "filler", "ab", buffering=0) as filler:
            for size in (65536, 4096, 512, 1):
                try:
                    while True:
                        filler.write(b"x" * size)
                except OSError:
                    pass

    def empty(self):
        (self.path / "filler").unlink()

    def unmount(self):
        subprocess.run(["umount", "-l", str(self.path)], check=False)
