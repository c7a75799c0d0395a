"""Session backends with Node, by the documented calls of the JavaScript libraries."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from support.backends import SETTINGS, UP, configuration
from support.server import Server

SCRIPT = Path(__file__).parent / "node" / "jamsocket.mjs"


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> dict:
    """What the script has found."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    directory = tmp_path_factory.mktemp("backends")
    settings = SETTINGS | {"BACKENDS_MODE": "dev", "HOST": None}
    server = Server(directory, "--config", configuration(directory), **settings).wait_until_listening()
    try:
        port = str(server.addresses["backends_api"].port)
        result = subprocess.run([node, str(SCRIPT), port], capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)
    finally:
        server.stop()


def test_connect_is_valid_and_keys_are_kept(said):
    """Acceptance 1."""
    assert said["keylessDiffer"] and said["sameKey"] and said["tokensDiffer"]
    assert said["spawned"] == [True, False] and said["ofTwelve"] == [1, 1]


def test_errors_have_their_codes(said):
    """Acceptance 2 and 3."""
    assert (said["unheld"], said["unknown"]) == (409, 404)


def test_states_reach_the_browser_library(said):
    """Acceptance 4."""
    assert said["seen"] == [*UP, "terminating", "terminated"] == said["stream"]
    assert said["end"] == ["terminated", "external", "soft", False] and said["late"] == "terminated"


def test_the_url_leads_to_the_backend(said):
    assert said["page"] == 200
