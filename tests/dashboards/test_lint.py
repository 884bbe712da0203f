"""The rules of grafana/dashboard-linter, which is not available through the module proxy."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from tests.dashboards.promql import ranges, selectors

import signalscope.demo.service.instruments  # noqa: F401  # the thresholds family, an extension of the contract
from signalscope import binaries
from signalscope.config import Config
from signalscope.mixin.dashboards import files

BOARDS = {name: json.loads(text) for name, text in files(Config(), "Generated.").items()}
_LINT = yaml.safe_load((binaries.ROOT / "dashboards" / ".lint").read_text(encoding="utf-8"))["exclusions"]
#: Units of Grafana (packages/grafana-data/src/valueFormats/categories.ts) that panels may use.
_UNITS = {
    "none", "short", "percent", "percentunit", "s", "bytes", "cps", "reqps", "dtdhms", "dtdurations",
    "currencyUSD", "dateTimeAsIso",
}  # fmt: skip

each_board = pytest.mark.parametrize("name", BOARDS)


def _panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def _excluded(rule: str, board: dict[str, Any], panel: dict[str, Any]) -> bool:
    entries = _LINT.get(rule, {}).get("entries")
    if rule in _LINT and entries is None:
        return True
    return any(
        entry.get("dashboard", board["title"]) == board["title"]
        and entry.get("panel", panel["title"]) == panel["title"]
        for entry in entries or ()
    )


@each_board
def test_variables(name: str) -> None:
    """Variables for data source, job, instance and tier follow the linter, and refresh with the time range."""
    board = BOARDS[name]
    datasource, *queried = board["templating"]["list"]
    assert (datasource["type"], datasource["name"], datasource["label"]) == (
        "datasource",
        "datasource",
        "Data source",
    )
    assert datasource["query"] == "prometheus"
    assert [variable["name"] for variable in queried] == ["job", "instance", "tier"]
    for variable in queried:
        assert variable["label"] == variable["name"].title()
        assert variable["type"] == "query"
        assert variable["datasource"]["uid"] == "${datasource}"
        assert variable["multi"]
        assert variable["allValue"] == ".+"
        assert variable["refresh"] == 2
        assert re.fullmatch(r"label_values\(([a-z_]+)(\{job=~\"\$job\"\})?, \w+\)", variable["query"])


@each_board
def test_dashboards_are_not_editable_and_renewed(name: str) -> None:
    """Generated dashboards are read-only and refresh; users can edit a copy."""
    assert BOARDS[name]["editable"] is False
    assert BOARDS[name]["refresh"] == "10s"


@each_board
def test_panels_have_a_question_a_description_a_unit_and_a_target(name: str) -> None:
    """Panels have a question as title, a description, a unit, a target and the selected data source."""
    for panel in _panels(BOARDS[name]):
        assert panel["title"].endswith("?"), panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"] in _UNITS, panel["title"]
        assert defaults["noValue"], panel["title"]
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
        for override in panel["fieldConfig"]["overrides"]:
            for setting in override["properties"]:
                assert setting["id"] != "unit" or setting["value"] in _UNITS, panel["title"]


@each_board
def test_rates_use_grafana_s_interval(name: str) -> None:
    """Rates use `$__rate_interval`, which covers two scrapes; increases use `$__range` or five minutes."""
    for panel in _panels(BOARDS[name]):
        for target in panel["targets"]:
            for function, window in ranges(target["expr"]):
                assert window in ("$__rate_interval", "$__range", "5m"), panel["title"]
                assert function in ("rate", "increase"), panel["title"]
                assert window == "$__rate_interval" or function == "increase", panel["title"]


@each_board
def test_counters_are_not_shown_as_they_are(name: str) -> None:
    """Counters are only shown as a rate or an increase."""
    for panel in _panels(BOARDS[name]):
        for target in panel["targets"]:
            for counter in re.findall(r"[\w:]+_total\b[^,)]*", target["expr"]):
                assert re.search(rf"(rate|increase)\({re.escape(counter)}", target["expr"]), panel["title"]


@each_board
@pytest.mark.parametrize("label", ["job", "instance"])
def test_selectors_have_job_and_instance(name: str, label: str) -> None:
    """The variables filter all panels, except those with an exclusion."""
    board = BOARDS[name]
    for panel in _panels(board):
        for target in panel["targets"]:
            for series, matchers in selectors(target["expr"]):
                if matchers.get(label) != f'=~"${label}"':
                    assert _excluded(f"target-{label}-rule", board, panel), (panel["title"], series)


def test_exclusions_are_needed() -> None:
    """Each exclusion has a reason and names an existing dashboard or panel."""
    boards = {board["title"] for board in BOARDS.values()}
    panels = {panel["title"] for board in BOARDS.values() for panel in _panels(board)}
    for rule in _LINT.values():
        assert rule["reason"]
        for entry in rule.get("entries", ()):
            assert entry.get("dashboard", next(iter(boards))) in boards
            assert entry.get("panel", next(iter(panels))) in panels
