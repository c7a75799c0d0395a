"""The fixtures of the integration tests, which live beside this folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "IntegrationTests"))

pytest_plugins = ["support.plugin"]
