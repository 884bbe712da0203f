"""Panels about days and weeks (forecasts, exhaustion, growth), with a real Prometheus with days of data."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dashboards.later import LATER, comes_later
from tests.dashboards.promql import filled
from tests.ports import free_port

from signalscope import binaries, derived
from signalscope.config import Config
from signalscope.demo.stack._processes import Part, answers, wait_until
from signalscope.mixin.dashboards import files
from signalscope.mixin.generate import HEADER

pytestmark = [pytest.mark.needs("prometheus", "promtool"), pytest.mark.timeout(120)]

_DAYS = 3
_STEP = 300
#: Values of labels that expressions select; other labels have any value.
_LABELS = {"job": "signal-service", "horizon": "48h", "resource": "cpu", "period": "1d"}


def _history(now: float) -> Iterator[str]:
    """Yield the series of the last days as OpenMetrics, with an interval of five minutes."""
    for key in LATER:
        one = derived.get(key)
        yield f"# TYPE {one.name} gauge"
        for resource in ("cpu", "load") if "resource" in one.labels else ("",):
            known = {**_LABELS, "resource": resource}
            labels = ",".join(f'{label}="{known.get(label, "some")}"' for label in one.labels)
            for at in range(int(now - _DAYS * 86_400), int(now), _STEP):
                yield f"{one.name}{{{labels}}} {0.5 + (at % 3600) / 10_000} {at}"
    yield "# EOF"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Prometheus with three days of these series."""
    folder: Path = tmp_path_factory.mktemp("history")
    (folder / "history.txt").write_text("\n".join(_history(time.time())) + "\n", encoding="utf-8")
    (folder / "prometheus.yml").write_text("{}", encoding="utf-8")
    backfill = ("tsdb", "create-blocks-from", "openmetrics", folder / "history.txt", folder / "data")
    subprocess.run([binaries.find("promtool"), *backfill], check=True, capture_output=True)
    port = free_port()
    command: list[str | Path] = [
        binaries.find("prometheus"), f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    part = Part("prometheus", command, folder / "log")
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/-/ready"), "Prometheus", 30, [part])
        yield f"http://127.0.0.1:{port}"
    finally:
        part.stop()


def _later() -> list[tuple[str, str]]:
    return [
        (f"{name}: {panel['title']}", target["expr"])
        for name, text in files(Config(), HEADER).items()
        for panel in json.loads(text)["panels"]
        if panel["type"] != "row" and comes_later(panel)
        for target in panel["targets"]
    ]


def test_they_have_data_once_there_is_history(prometheus: str) -> None:
    """Every expression of every panel that the short run of the demo may leave empty."""
    expressions = _later()
    assert expressions
    now = time.time()
    for where, expression in expressions:
        query = {"query": filled(expression), "start": now - 7200, "end": now, "step": 300}
        with urllib.request.urlopen(
            f"{prometheus}/api/v1/query_range?{urllib.parse.urlencode(query)}"
        ) as answer:
            assert json.load(answer)["data"]["result"], where


def test_forecasts_are_shown_at_their_time(prometheus: str) -> None:
    """A range up to 48 hours from now shows each forecast at the time that it is for."""
    (forecast,) = (
        target["expr"]
        for panel in json.loads(files(Config(), HEADER)["capacity.json"])["panels"]
        if panel["title"] == "Does the load follow the forecast?"
        for target in panel["targets"]
        if target["legendFormat"] == "forecast"
    )
    now = time.time()
    query = {"query": filled(forecast), "start": now, "end": now + 48 * 3600, "step": 3600}
    with urllib.request.urlopen(f"{prometheus}/api/v1/query_range?{urllib.parse.urlencode(query)}") as answer:
        (series,) = json.load(answer)["data"]["result"]
    assert float(series["values"][-1][0]) > now + 46 * 3600
