"""Fixtures: server processes, rooms, and the running of coroutine tests."""

import inspect
import os
import resource
import ssl

import pytest

from . import cleanup
from .disk import Disk
from .fixture import Fixture
from .process import Process
from .server import Server

EVENT_LOOPS = (1, 2)


def pytest_configure(config):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A test on a shared server is `fast`; a `slow` one has to be asked for."""
    for item in items:
        if not item.get_closest_marker("slow"):
            if "event_loops" in item.fixturenames:
                item.add_marker(pytest.mark.fast)
        elif os.environ.get("PARLEY_SLOW_TESTS") != "1":
            item.add_marker(pytest.mark.skip(reason="takes minutes; PARLEY_SLOW_TESTS=1 runs it"))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs `async def` tests."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    cleanup.run(test, {name: pyfuncitem.funcargs[name] for name in names})
    return True


def pytest_generate_tests(metafunc):
    """A shared server runs with each number of event loops in `EVENT_LOOPS` of the test's module."""
    if "event_loops" in metafunc.fixturenames:
        loops = getattr(metafunc.module, "EVENT_LOOPS", EVENT_LOOPS)
        metafunc.parametrize("event_loops", loops, indirect=True, scope="module", ids=lambda n: f"loops={n}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure carries what the servers of the test wrote to stderr."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for server in _servers:
            report.sections.append((f"stderr of process {server.process.pid}", server.stderr[-8000:]))


_servers: list[Process] = []


@pytest.fixture(scope="module")
def event_loops(request) -> int:
    """How many event loops a shared server has."""
    return request.param


@pytest.fixture(scope="module")
def server_settings(request) -> dict:
    """What the module adds to the environment of its shared server; a module may have its own fixture instead."""
    return getattr(request.module, "SERVER_SETTINGS", {})


@pytest.fixture(scope="module")
def shared_server(event_loops, server_settings, tmp_path_factory):
    """One server for the tests of a module; `SERVER_SETTINGS` there adds to its environment."""
    server = Server(tmp_path_factory.mktemp("parley"), PARLEY_EVENT_LOOPS=event_loops, **server_settings)
    _servers.append(server)
    try:
        yield server.wait_until_listening()
    finally:
        server.stop()
        _servers.remove(server)


def _shared_fixture(profile: str):
    """One `socketio-fixture` of a profile for the tests of a module."""

    @pytest.fixture(scope="module", name=f"fixture_{profile.lower()}")
    def shared_fixture(event_loops, tmp_path_factory):
        started = Fixture(tmp_path_factory.mktemp("fixture"), profile, loops=event_loops)
        _servers.append(started)
        try:
            yield started
        finally:
            started.stop()
            _servers.remove(started)

    return shared_fixture


fixture_p, fixture_c, fixture_x, fixture_b = map(_shared_fixture, "PCXB")


@pytest.fixture
def socketio_fixture(tmp_path):
    """Starts fixtures of the test's own: `socketio_fixture("X", loops=1)`."""
    started: list[Fixture] = []

    def start(profile: str, *flags: str, **options) -> Fixture:
        new = Fixture(tmp_path, profile, *flags, **options)
        started.append(new)
        _servers.append(new)
        return new

    yield start
    cleanup.close_sockets()
    try:
        _stop_all(started)
    finally:
        for one in started:
            _servers.remove(one)


@pytest.fixture
def server(tmp_path):
    """Starts servers of the test's own: `server("--flag", VARIABLE="value", tls=context)`."""
    started: list[Server] = []

    def start(
        *arguments: str, tls: ssl.SSLContext | None = None, open_files: int | None = None, **settings
    ) -> Server:
        settings = {"PARLEY_EVENT_LOOPS": 2} | settings
        new = Server(tmp_path, *arguments, tls=tls, open_files=open_files, **settings)
        started.append(new)
        _servers.append(new)
        return new.wait_until_listening()

    yield start
    cleanup.close_sockets()
    try:
        _stop_all(started)
    finally:
        for one in started:
            _servers.remove(one)


def _stop_all(servers: list[Process]) -> None:
    complaints = []
    for server in servers:
        try:
            server.stop()
        except AssertionError as complaint:
            complaints.append(str(complaint))
    assert not complaints, "\n\n".join(complaints)


@pytest.fixture(autouse=True)
def _sockets_are_closed():
    yield
    cleanup.close_sockets()


@pytest.fixture
def room() -> str:
    """A room that no other test uses; it fits every dialect's rules."""
    return f"room-{os.urandom(6).hex()}"


@pytest.fixture
def disk(tmp_path):
    made = Disk(tmp_path / "disk")
    yield made
    made.unmount()
