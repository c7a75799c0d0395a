"""What targets stand on: a program that takes a part of Parley takes no more than it needs."""

import json
import re
import subprocess
from functools import cache

import pytest

from support.binary import REPOSITORY

NIO = {"NIOCore", "NIOPosix", "NIOHTTP1", "NIOSSL", "Logging"}
"""What a server of its own needs."""


@cache
def manifest() -> dict:
    """Package.swift, as the package manager has read it."""
    dumped = subprocess.run(["swift", "package", "dump-package"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return json.loads(dumped.stdout)


@cache
def targets() -> dict[str, tuple[set[str], set[str]]]:
    """The targets of each, and its products of other packages."""
    found = {}
    for target in manifest()["targets"]:
        own, others = set(), set()
        for dependency in target["dependencies"]:
            if "product" in dependency:
                others.add(dependency["product"][0])
            else:
                own.add(dependency.get("byName", dependency.get("target"))[0])
        found[target["name"]] = own, others
    return found


def closure(name: str) -> tuple[set[str], set[str]]:
    """All that a target stands on, by whatever way."""
    seen, others, todo = set(), set(), [name]
    while todo:
        target = todo.pop()
        if target not in seen:
            seen.add(target)
            own, products = targets()[target]
            others |= products
            todo += own
    return seen, others


@pytest.mark.fast
@pytest.mark.parametrize("name", ["ParleyTransport", "ParleySocketIO"])
def test_a_program_has_sockets_without_router_processes_and_database(name):
    own, others = closure(name)
    assert others <= NIO
    assert not own & {"ParleyHTTP", "ParleyBackends", "ParleySQLite", "ParleyJWT", "ParleyAI", "ParleyServer", "ParleyGateway"}


@pytest.mark.fast
def test_the_test_kit_is_light():
    own, others = closure("ParleyTesting")
    assert others <= NIO
    assert not own & {"ParleyTransport", "ParleyBackends", "ParleySQLite", "ParleyServer"}


@pytest.mark.fast
@pytest.mark.parametrize(
    "product, name",
    [("Hummingbird", "ParleyHTTP"), ("Subprocess", "ParleyBackends"), ("GRDB", "ParleySQLite"), ("JWTKit", "ParleyJWT")],
)
def test_a_heavy_dependency_stands_below_one_target(product, name):
    """Others have it through that one, or name its types in what they add to it."""
    below = {target for target, (_, others) in targets().items() if product in others and not target.endswith(("Tests", "Testing"))}
    assert name in below
    for target in below - {name}:
        assert name in closure(target)[0]


@pytest.mark.fast
def test_products_name_the_targets_that_they_are_called_after():
    for product in manifest()["products"]:
        assert product["name"] in product["targets"]
    of_socketio = next(product for product in manifest()["products"] if product["name"] == "ParleySocketIO")
    assert of_socketio["targets"] == ["ParleySocketIO"]


@pytest.mark.fast
def test_arrows_between_targets_point_up_in_the_manifest():
    """Each target comes behind all that it stands on, tests aside."""
    order = [target["name"] for target in manifest()["targets"]]
    for name, (own, _) in targets().items():
        if not name.endswith("Tests"):
            assert all(order.index(other) < order.index(name) for other in own), name


@pytest.mark.fast
def test_targets_import_what_they_depend_on():
    names = set(targets())
    for target, (own, _) in targets().items():
        folder = REPOSITORY / "Sources" / target
        for file in sorted(folder.rglob("*.swift")) if folder.is_dir() else []:
            imported = set(re.findall(r"^(?:\w+ )?import (\w+)$", file.read_text(), re.MULTILINE)) & names
            assert imported <= own, file


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_package_of_somebody_else_builds_with_socketio_alone(tmp_path):
    example = REPOSITORY / "Examples" / "socketio-alone"
    run = subprocess.run(["swift", "run", "--package-path", example, "--scratch-path", tmp_path], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-4000:]
    assert run.stdout.startswith("Listening on 127.0.0.1:")
    built = {path.name.removesuffix(".build") for path in (tmp_path / "debug").glob("*.build")}
    assert "ParleySocketIO" in built
    assert not built & {"Hummingbird", "Subprocess", "GRDB", "JWTKit", "ParleyServer", "ParleyHTTP", "ParleyBackends"}
