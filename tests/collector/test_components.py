"""The unit tests of the Collector's own components, in Go."""

from __future__ import annotations

import os
import subprocess

import pytest

from signalscope import binaries

pytestmark = pytest.mark.needs("go")
FOLDER = binaries.ROOT / "collector" / "components" / "guard"


@pytest.mark.parametrize("command", ["gofmt -l .", "go vet ./...", "go test ./..."])
def test_components(command: str) -> None:
    """They are formatted, have no mistakes that vet finds, and their tests pass."""
    local = {**os.environ, "GOTOOLCHAIN": "local"}
    done = subprocess.run(command.split(), cwd=FOLDER, env=local, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert command.startswith("go ") or not done.stdout
