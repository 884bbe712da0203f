"""The whole local stack, started as `signalscope demo` starts it, on free ports."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ports import free_ports

from signalscope.demo.stack._stack import Stack


@pytest.fixture(scope="session")
def stats_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service writes its own counts when it stops."""
    return tmp_path_factory.mktemp("service") / "stats.json"


@pytest.fixture(scope="session")
def stack(stats_file: Path) -> Iterator[Stack]:
    """Everything running, with data flowing and every trace kept."""
    kept, os.environ["TRACE_SAMPLING_PERCENT"] = os.environ.get("TRACE_SAMPLING_PERCENT"), "100"
    try:
        with Stack(
            free_ports(),
            load=25,
            say=print,
            environment={"SIGNALSCOPE_DEMO_STATS_FILE": str(stats_file), "SIGNALSCOPE_HASH_SALT": "test"},
        ) as running:
            running.wait_for_data()
            yield running
    finally:
        if kept is None:
            del os.environ["TRACE_SAMPLING_PERCENT"]
        else:
            os.environ["TRACE_SAMPLING_PERCENT"] = kept
