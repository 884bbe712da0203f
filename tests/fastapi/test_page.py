"""The HTML page of an answer: sections that fold, tables, short names of processes and reasons."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

from signalscope.fastapi.monitoring._answer import Provenance
from signalscope.fastapi.monitoring._page import page

_BREAKERS: list[dict[str, Any]] = [
    {"service_name": "ticker", "state": "open", "calls": {"failure": 36.5, "success": 2.0}},
    {"service_name": "alert", "state": "closed", "calls": {"success": 1234567.0}},
]
_UUID = "08d3a52d-adf3-44ac-a0b4-6f1b34fa17b2"


class _Answer(BaseModel):
    circuit_breakers: list[dict[str, Any]] = _BREAKERS
    latency: dict[str, dict[str, float | None]]
    cpu_by_process: dict[str, float]
    provenance: dict[str, Provenance] = {}


def _page(latency: float | None, **provenance: Provenance) -> str:
    return page(
        "Overview",
        _Answer(
            latency={"api": {"now": latency, "highest": 2.0}},
            cpu_by_process={_UUID: 0.5},
            provenance={key.replace("__", "."): value for key, value in provenance.items()},
        ),
    )


def _origin(reason: str | None = None) -> Provenance:
    return Provenance(
        source="process", series="s", unit="seconds", window_seconds=60, meaning="It.", reason=reason
    )


def test_records_become_a_table() -> None:
    """Circuit breakers are rows; nested counts are columns, and a count that one of them lacks stays empty."""
    text = _page(1.0)
    columns = re.findall(r'<th scope="col">([^<]+)</th>', text.partition("<h2>latency")[0])
    assert columns == ["service name", "state", "calls failure", "calls success"]
    assert "<td>ticker</td><td>open</td><td>36.5</td><td>2</td>" in text
    assert "<td>alert</td><td>closed</td><td></td><td>1,234,567</td>" in text


def test_only_the_first_section_is_open() -> None:
    """The page fits on a screen."""
    assert re.findall(r"<details( open)?><summary><h2>([^<]+)</h2>", _page(1.0)) == [
        (" open", "circuit breakers"), ("", "latency"), ("", "cpu by process"),
    ]  # fmt: skip


def test_a_folded_section_says_what_it_lacks() -> None:
    """The summary has the number of missing values, and the row the reason."""
    text = _page(None, latency__api__now=_origin("no requests yet"), latency__api__highest=_origin())
    assert '<h2>latency</h2><span class="note">1 without a value</span>' in text
    assert text.count("no value: no requests yet") == 1
    assert "without a value" not in _page(1.0, latency__api__now=_origin())


def test_a_process_has_a_short_name() -> None:
    """A UUID is cut to its first eight digits."""
    assert '<th scope="row">08d3a52d</th>' in _page(1.0)
    assert _UUID not in _page(1.0)
