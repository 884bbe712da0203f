"""Query and draw every panel of every dashboard while the demo runs with faults."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.browser import Browser
from tests.collector import wire as w
from tests.dashboards.later import comes_later
from tests.dashboards.promql import filled
from tests.e2e.conftest import SPAN_KINDS
from tests.waiting import eventually, put

import signalscope.demo.service.instruments  # noqa: F401  # the thresholds family, an extension of the contract
from signalscope.config import Config
from signalscope.demo.faults import find
from signalscope.demo.stack._stack import Stack
from signalscope.mixin.dashboards import files
from signalscope.mixin.generate import HEADER

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.needs("collector", "prometheus", "alertmanager"),
    pytest.mark.timeout(600),
]

BOARDS = {name: json.loads(text) for name, text in files(Config(), HEADER).items()}
_FAULTS = ("ticker-failing", "greeks-nan", "queue-flood", "subscription-surge")
#: Pixels of a row of the grid with its gap, and more than enough for the alerts above the grid.
_ROW, _ABOVE = 38, 1500


#: Panels about the trace backend, which this stack does not have; tests/chaos has one.
_OF_BACKEND = {"How full are the export queues?"}


def _is_empty(panel: dict[str, Any]) -> bool:
    """Return True for a panel that has no data in this stack."""
    return comes_later(panel) or panel["title"] in _OF_BACKEND


def _panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        if panel["type"] != "row":
            yield panel


def _results(stack: Stack, expression: str) -> int:
    """Return the number of series in a range query of the last minutes.

    Raises:
        AssertionError: Prometheus refuses the query.
    """
    now = time.time()
    query = urllib.parse.urlencode({"query": expression, "start": now - 240, "end": now, "step": 10})
    try:
        with urllib.request.urlopen(
            f"{stack.url('prometheus')}/api/v1/query_range?{query}", timeout=20
        ) as answer:
            return len(json.load(answer)["data"]["result"])
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{expression}: {error.read().decode()}") from None


def _empty(stack: Stack) -> list[str]:
    """Return the panels without data that should have some."""
    return [
        f"{name}: {panel['title']}"
        for name, board in BOARDS.items()
        for panel in _panels(board)
        if not _is_empty(panel)
        and not sum(_results(stack, filled(target["expr"], reach="4m")) for target in panel["targets"])
    ]


def _exceed_limits(stack: Stack) -> None:
    """Send what the Collector refuses, what it cuts, and more kinds of spans than its limit."""
    negative = w.metric("wordy.negative", w.total(w.number(-1.0)), description="d" * 1_000)
    spans = (w.span(f"kind {number}", trace=number + 1) for number in range(SPAN_KINDS + 1))
    for signal, body in (("metrics", w.metrics("wordy", negative)), ("traces", w.traces("wordy", *spans))):
        url, kind = f"{stack.url('otlp_http')}/v1/{signal}", {"Content-Type": "application/x-protobuf"}
        httpx.post(url, content=body, headers=kind, timeout=30).raise_for_status()


@pytest.fixture(scope="module")
def troubled(stack: Stack) -> Iterator[Stack]:
    """The stack with faults of every kind, once an alert fires."""
    _exceed_limits(stack)

    def switch(on: bool) -> None:
        for fault in _FAULTS:
            base = stack.url("service") if find(fault).where == "service" else stack.control
            put(f"{base}/demo/faults/{fault}", {"on": on})

    switch(True)
    eventually(
        lambda: stack.query('ALERTS{alertstate="firing", alertname!="Watchdog"}'), 120, "an alert that fires"
    )
    yield stack
    switch(False)


def test_every_panel_has_data_while_there_are_faults(troubled: Stack) -> None:
    """No query is refused; no panel is empty, except those about days and about a trace backend."""
    try:
        eventually(lambda: not _empty(troubled), 150, "data in every panel", every=2)
    except AssertionError:
        assert _empty(troubled) == []


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("name", BOARDS)
def test_the_console_draws_every_dashboard(troubled: Stack, browser: Browser, name: str) -> None:
    """In a browser, the page has no complaint, and the same panels have data."""
    board = BOARDS[name]
    del browser.complaints[:]
    browser.open(f"{troubled.url('console')}/d/{board['uid']}?from=now-5m&to=now&refresh=5s")
    expected = {str(panel["id"]): panel["title"] for panel in _panels(board) if not _is_empty(panel)}

    def missing() -> list[str]:
        states = browser.run(
            "Object.fromEntries([...document.querySelectorAll('.panel')].map(p => "
            "[p.dataset.panel, p.dataset.state]))"
        )
        return [
            f"{title}: {states.get(number)}"
            for number, title in expected.items()
            if states.get(number) != "data"
        ]

    try:
        eventually(lambda: not missing(), 60, "data in every panel")
    except AssertionError:
        assert missing() == []
    assert browser.complaints == []


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all dashboards, higher than the highest one: the console queries only what is in view."""
    profile: Path = tmp_path_factory.mktemp("browser")
    places = [panel["gridPos"] for board in BOARDS.values() for panel in board["panels"]]
    rows = max(place["y"] + place["h"] for place in places)
    with Browser(profile, 1500, rows * _ROW + _ABOVE) as running:
        yield running
