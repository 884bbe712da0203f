"""A forked child starts at zero and never hangs, whatever the parent's threads were doing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(str(_HERE.parents[1] / each) for each in (".", "src")),
}


@pytest.mark.parametrize(("script", "forks"), [("fork_storm.py", 2000), ("fork_storm_sdk.py", 1000)])
def test_thousands_of_forks_while_threads_record_and_collect(script: str, forks: int) -> None:
    """Every child counts its own calls exactly; through the whole SDK, its exporters included, as well."""
    run = subprocess.run(
        [sys.executable, str(_HERE / script), str(forks)],
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (run.returncode, run.stdout.strip()) == (0, str(forks)), run.stderr
