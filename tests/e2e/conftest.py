"""The whole local stack, started as `signalscope demo` starts it, on free ports.

The tests of a stack share it and run in order. Panels need minutes of data, which earlier tests wait for anyway.
The last tests break the stack.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ports import free_ports

from signalscope import binaries
from signalscope.demo.stack._stack import Stack

#: The Collector's limit of kinds of spans for a service in this stack; so few that a test can exceed it cheaply.
SPAN_KINDS = 200
_ORDER = (
    "test_alerts.py",
    "test_monitoring_api.py",
    "test_pipeline.py",
    "test_dashboards.py",
    "test_counts.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests of this folder, and keep them at the places that they have together."""
    places = [place for place, item in enumerate(items) if item.path.parent == Path(__file__).parent]
    ordered = sorted(
        (items[place] for place in places),
        key=lambda item: _ORDER.index(item.path.name) if item.path.name in _ORDER else 0,
    )
    for place, item in zip(places, ordered, strict=True):
        items[place] = item


@pytest.fixture(scope="session")
def stats_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file for the service's own counts, written when it stops."""
    return tmp_path_factory.mktemp("service") / "stats.json"


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's generated files, with the lower limit."""
    folder = tmp_path_factory.mktemp("generated") / "demo"
    shutil.copytree(binaries.ROOT / "deploy" / "demo", folder)
    limits = folder / "deploy" / "collector" / "limits.yaml"
    text = limits.read_text(encoding="utf-8")
    lower = re.sub(r"(?m)^( +span_kinds:) \d+$", rf"\1 {SPAN_KINDS}", text)
    assert lower != text
    limits.write_text(lower, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def stack(stats_file: Path, generated: Path) -> Iterator[Stack]:
    """The running stack, with data in Prometheus and every trace exported."""
    kept, os.environ["TRACE_SAMPLING_PERCENT"] = os.environ.get("TRACE_SAMPLING_PERCENT"), "100"
    try:
        with Stack(
            free_ports(),
            load=25,
            say=print,
            generated=generated,
            environment={"SIGNALSCOPE_DEMO_STATS_FILE": str(stats_file), "SIGNALSCOPE_HASH_SALT": "test"},
        ) as running:
            running.wait_for_data()
            yield running
    finally:
        if kept is None:
            del os.environ["TRACE_SAMPLING_PERCENT"]
        else:
            os.environ["TRACE_SAMPLING_PERCENT"] = kept
