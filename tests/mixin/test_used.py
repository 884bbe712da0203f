"""Use of instruments and series: a rule, panel or endpoint reads each one, or its row has a reason."""

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
    """Yield metric names in dashboards by text search: variables make the expressions invalid for a parser."""
    known = {name for one in contract.instruments() for name in one.series_names}
    # The dashboards of the demo include one for instruments that were added to the contract.
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
    """A rule, alert or panel reads each built-in instrument; the monitoring API reads recorded series."""
    assert _unread(list(BUILT_IN), {*_of_rules(), *_of_panels()}) == []


def test_an_instrument_with_a_reason_is_unread() -> None:
    """An instrument with a reason for not being read is in fact not read."""
    read = {*_of_rules(), *_of_panels()}
    assert [one.name for one in contract.instruments() if one.unused and read & set(one.series_names)] == []


def test_an_unread_instrument_is_found() -> None:
    """The check fails without rules and panels."""
    assert "signal_service.greeks.options" in _unread(list(contract.instruments()), set())


#: The response models of /monitoring.
_ANSWERS = (EnhancedMetrics, PerformanceSummary, BusinessDashboard, CapacityPlanning)


def _keys_read() -> set[str]:
    """Return the keys of derived series that a rule, alert, response, panel or runbook reads."""
    config = Config()
    read = {key for group in groups(config) for rule in group.rules for key in rule.reads - {rule.key}}
    read |= {key for alert in alerts(config) for key in alert.reads}
    for answer in _ANSWERS:
        for key in keys(answer):
            read.add(key)
            if not derived.get(key).name:  # not recorded: the query contains its expression
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
    """A rule, alert, panel, runbook, KPI or endpoint reads each series, or its row names an external reader."""
    assert _unread_series(_keys_read()) == []


def test_a_series_with_an_external_reader_is_unread_here() -> None:
    """A series with an external reader is in fact not read here."""
    read = _keys_read()
    assert [row.key for row in derived.all_series() if row.read_outside and row.key in read] == []


def test_an_unread_derived_series_is_found() -> None:
    """The check fails for a series that is removed from the read keys."""
    assert "MEMORY_BYTES" in _unread_series(_keys_read() - {"MEMORY_BYTES"})
