"""Reads what `/metrics` says."""

import asyncio
import re
import time

from . import DEADLINE, http
from .address import Address

SERIES = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    def __init__(self, text: str):
        self.series: list[tuple[str, dict[str, str], float]] = []
        for line in filter(None, text.splitlines()):
            if line.startswith("#"):
                continue
            match = SERIES.match(line)
            assert match, f"not a line of the Prometheus text format: {line!r}"
            self.series.append((match[1], dict(LABEL.findall(match[2] or "")), float(match[3])))

    @property
    def names(self) -> set[str]:
        return {name for name, _, _ in self.series}

    def labels(self, name: str) -> list[dict[str, str]]:
        return [labels for found, labels, _ in self.series if found == name]

    def total(self, name: str, **labels: str) -> float:
        """The sum of the series of this name that carry these labels."""
        return sum(
            value for found, carried, value in self.series if found == name and labels.items() <= carried.items()
        )


def read(address: Address) -> Metrics:
    return Metrics(http.fetch(address, "/metrics").text)


async def becomes(address: Address, condition) -> Metrics:
    """Reads until `condition(metrics)` holds. Shards report by themselves, so a value may lag by a moment."""
    end = time.monotonic() + DEADLINE
    while True:
        metrics = await asyncio.to_thread(read, address)
        if condition(metrics):
            return metrics
        assert time.monotonic() < end, "the metrics never got there"
        await asyncio.sleep(0.05)
