"""Nothing is measured for nobody: each instrument is read by a rule, a panel or an endpoint, or says why not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from tests.mixin.expressions import names_in

from signalscope import binaries, contract
from signalscope.contract import Instrument


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
    assert _unread(list(contract.instruments()), {*_of_rules(), *_of_panels()}) == []


def test_one_that_says_why_not_is_really_unread() -> None:
    """The reason does not outlive itself."""
    read = {*_of_rules(), *_of_panels()}
    assert [one.name for one in contract.instruments() if one.unused and read & set(one.series_names)] == []


def test_one_that_nobody_reads_is_found() -> None:
    """The check can fail: without the rules and panels nothing is read."""
    assert "signal_service.greeks.options" in _unread(list(contract.instruments()), set())
