"""Settings of the Collector's environment that cannot work are refused at the start, with the way out."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.collector.conftest import CONFIG, LIMITS

from signalscope import binaries

pytestmark = pytest.mark.needs("collector")


def _validate(**variables: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [
        binaries.find("signalscope-otelcol"),
        "validate",
        f"--config={CONFIG}",
        f"--config={LIMITS}",
    ]
    return subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"MEMORY_LIMIT_MIB": "100"}, "MEMORY_LIMIT_MIB=100 is too low"),
        ({"MEMORY_LIMIT_MIB": "abc"}, '"abc" in MEMORY_LIMIT_MIB or MEMORY_SPIKE_MIB is not a number of MiB'),
        ({"SIGNALSCOPE_PROFILE": "production"}, "SIGNALSCOPE_HASH_SALT has 0 characters"),
        (
            {"SIGNALSCOPE_PROFILE": "production", "SIGNALSCOPE_HASH_SALT": "short"},
            "SIGNALSCOPE_HASH_SALT has 5 characters",
        ),
        ({"SIGNALSCOPE_PROFILE": "prod"}, 'SIGNALSCOPE_PROFILE="prod" is unknown; use production or local'),
    ],
)
def test_a_setting_that_cannot_work_is_refused(variables: dict[str, str], message: str) -> None:
    """The message names the variable, its value and what is needed."""
    done = _validate(**variables)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr


@pytest.mark.parametrize(
    "variables", [{}, {"SIGNALSCOPE_PROFILE": "production", "SIGNALSCOPE_HASH_SALT": "0123456789abcdef"}]
)
def test_other_settings_are_accepted(variables: dict[str, str]) -> None:
    """The defaults, and a secret salt in production."""
    done = _validate(**variables)
    assert done.returncode == 0, done.stdout + done.stderr
