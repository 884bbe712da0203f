"""Nothing is measured for nobody: each instrument is read by a rule, a panel or an endpoint, or says why not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from tests.mixin.expressions import names_in

from signalscope import binaries, contract, derived
from signalscope.config import Config
from signalscope.contract import Instrument
from signalscope.contract._table import BUILT_IN
from signalscope.derived import groups
from signalscope.derived._expressions import Series
from signalscope.fastapi.monitoring._binding import keys
from signalscope.fastapi.monitoring._business import BusinessDashboard
from signalscope.fastapi.monitoring._capacity import CapacityPlanning
from signalscope.fastapi.monitoring._enhanced import EnhancedMetrics
from signalscope.fastapi.monitoring._performance import PerformanceSummary
from signalscope.mixin.alerts import alerts


def _of_rules() -> Iterator[str]:
    for path in (binaries.ROOT / "rules").glob("*.yaml"):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                yield from names_in(rule["expr"])


def _of_panels() -> Iterator[str]:
    """Names in the dashboards: their variables make the expressions unreadable for a parser, so by the text."""
    known = {name for one in contract.instruments() for name in one.series_names}
    # The demo has those of every user, and one of instruments that other tests may have added to the contract.
    for path in (binaries.ROOT / "deploy" / "demo" / "dashboards").glob("*.json"):
        board = json.loads(path.read_text(encoding="utf-8"))
        for expression in _expressions(board):
            yield from known & set(re.findall(r"[\w:]+", expression))


def _expressions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("expr"), str):
            yield node["expr"]
        for value in node.values():
            yield from _expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _expressions(value)


def _unread(instruments: list[Instrument], read: set[str]) -> list[str]:
    return [one.name for one in instruments if not read & set(one.series_names) and not one.unused]


def test_every_instrument_is_read() -> None:
    """By a recording rule or an alert, or by a panel; the monitoring API reads what is recorded."""
    assert _unread(list(BUILT_IN), {*_of_rules(), *_of_panels()}) == []


def test_one_that_says_why_not_is_really_unread() -> None:
    """The reason does not outlive itself."""
    read = {*_of_rules(), *_of_panels()}
    assert [one.name for one in contract.instruments() if one.unused and read & set(one.series_names)] == []


def test_one_that_nobody_reads_is_found() -> None:
    """The check can fail: without the rules and panels nothing is read."""
    assert "signal_service.greeks.options" in _unread(list(contract.instruments()), set())


#: The answers of /monitoring.
_ANSWERS = (EnhancedMetrics, PerformanceSummary, BusinessDashboard, CapacityPlanning)


def _keys_read() -> set[str]:
    """Keys of the derived series that somebody reads: a rule, an alert, an answer, a panel or a runbook."""
    config = Config()
    read = {key for group in groups(config) for rule in group.rules for key in rule.reads - {rule.key}}
    read |= {key for alert in alerts(config) for key in alert.reads}
    for answer in _ANSWERS:
        for key in keys(answer):
            read.add(key)
            if not derived.get(key).name:  # it is asked of Prometheus in the text of its expression
                read |= {node.key for node in derived.get(key).nodes(config) if isinstance(node, Series)}
    shown = [
        *(binaries.ROOT / "dashboards").glob("*.json"),
        *(binaries.ROOT / "docs" / "runbooks").glob("*.md"),
    ]
    words = {word for path in shown for word in re.findall(r"[\w:]+", path.read_text(encoding="utf-8"))}
    return read | {row.key for row in derived.all_series() if row.name in words}


def _unread_series(read: set[str]) -> list[str]:
    return [row.key for row in derived.all_series() if row.key not in read and not row.read_outside]


def test_every_derived_series_is_read() -> None:
    """By a rule, an alert, a panel, a runbook, a KPI or an endpoint; or the row says who reads it outside."""
    assert _unread_series(_keys_read()) == []


def test_a_series_that_says_who_reads_it_outside_is_not_read_here() -> None:
    """The excuse does not outlive itself."""
    read = _keys_read()
    assert [row.key for row in derived.all_series() if row.read_outside and row.key in read] == []


def test_a_derived_series_that_nobody_reads_is_found() -> None:
    """The check can fail: what only an answer reads is unread without the answers."""
    assert "MEMORY_BYTES" in _unread_series(_keys_read() - {"MEMORY_BYTES"})
