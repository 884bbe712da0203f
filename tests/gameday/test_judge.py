"""The verdicts, the table and the reports."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from signalscope.cli._errors import UserError
from signalscope.demo.gameday import _report, _table
from signalscope.demo.gameday._judge import judge
from signalscope.demo.gameday._model import AlertTimes, Collateral, FalseAlarm, Report, Result, Run
from signalscope.demo.gameday._targets import Targets

TARGETS = Targets()


def _result(fault: str, fired: float | None, harm: float | None = None, paged: float | None = None) -> Result:
    at = AlertTimes(
        alert="A<1>", promised_seconds=60, fired_seconds=fired, paged_seconds=paged, receiver="page",
        resolved_seconds=None if fired is None else 90.0,
    )  # fmt: skip
    return Result(
        fault=fault, together_with=["other"], on=100.0, off=200.0, alerts=[at],
        collateral=[Collateral(alert="B", fired_seconds=70.0)],
        harm_seconds=harm, harm="chain: status 503" if harm is not None else "no user was harmed in 100 s",
    )  # fmt: skip


def _report_of(*runs: list[Result], alarms: tuple[str, ...] = (), left: tuple[str, ...] = ()) -> Report:
    return Report(
        runs=[
            Run(
                started=90.0 + number, version="0.1", cores=2, results=results, state="complete",
                faults=[*(result.fault for result in results), *left],
                false_alarms=[FalseAlarm(alert=name, labels={}, fired=150.0, faults_on=[]) for name in alarms],
            )
            for number, results in enumerate(runs)
        ]
    )  # fmt: skip


def test_all_targets_are_met() -> None:
    """Promises, the median of the faults that harm users, false alarms, and that all was run."""
    report = _report_of(
        [_result("quick", 10.0, harm=5.0), _result("harmless", 59.0)], [_result("quick", 40.0, harm=5.0)]
    )
    checks = judge(report, TARGETS)
    assert [check.is_met for check in checks] == [True] * 4
    assert [check.value for check in checks] == [
        "3 of 3 alerts fired in time; runs: 2", "25 s, of 1 faults", "none", "yes",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("report", "missed"),
    [
        (_report_of([_result("a", None)]), 0),
        (_report_of([_result("a", 62.0)]), 0),
        (_report_of([_result("a", 31.0, harm=1.0)]), 1),
        (_report_of([_result("a", 10.0)], alarms=("HighMemoryUsage",)), 2),
        (_report_of([_result("a", 10.0)], left=("b",)), 3),
    ],
)
def test_each_target_can_be_missed(report: Report, missed: int) -> None:
    """One missed target does not change the others; without harm the median is not judged."""
    assert [number for number, check in enumerate(judge(report, TARGETS)) if check.is_met is False] == [
        missed
    ]


def test_a_harmful_fault_without_an_alert_counts_as_never_detected() -> None:
    """It does not disappear from the median."""
    checks = judge(_report_of([_result("a", None, harm=1.0)]), TARGETS)
    assert (checks[1].value, checks[1].is_met) == ("inf s, of 1 faults", False)


def test_runs_merge_once(tmp_path: Path) -> None:
    """A report that is merged twice has each run once, in the order of their start; JSON gives the same report."""
    one, other = _report_of([_result("a", 10.0)], [_result("a", 20.0)]), _report_of([_result("a", 10.0)])
    other.merge(one)
    other.merge(one)
    assert other == one
    _report.write(one, TARGETS, tmp_path / "g.html")
    assert Report.read(tmp_path / "g.json") == one
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["g.html", "g.json"]


@pytest.mark.parametrize("text", ["", "{", '{"runs": 1}', json.dumps({"runs": [{"started": "x"}]})])
def test_a_file_that_is_not_a_report_is_one_line(tmp_path: Path, text: str) -> None:
    """The error names the file and what to give."""
    path = tmp_path / "g.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"g.json: it is not a report of a game day .* \[SS760\]$") as error:
        Report.read(path)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match=r"No such file or directory; .* \[SS760\]$"):
        Report.read(tmp_path / "missing.json")


def test_the_page_loads_nothing_and_shows_every_number() -> None:
    """Well-formed charts with a text for each mark; no script, style sheet, font or picture from elsewhere."""
    report = _report_of([_result("a", 12.0, harm=34.0, paged=15.0)], alarms=("HighMemoryUsage",))
    page = _report.page(report, TARGETS)
    assert not re.search(r"https?:|<script|<link|<img|@import|url\(", page)
    charts = re.findall(r"<svg viewBox=.*?</svg></div>", page)
    assert len(charts) == 2
    texts = set()
    for chart in charts:
        root = ET.fromstring(chart.removesuffix("</div>"))
        texts |= {element.text for element in root.iter("title")}
    assert texts == {
        "promised: 60 s", "A<1> fires after 12 s (promised: 60 s)", "notified after 15 s",
        "users harmed after 34 s: chain: status 503", "a on for 100 s", "the last alert ended after 90 s",
        "HighMemoryUsage",
    }  # fmt: skip
    assert "<td>A&lt;1&gt;</td>" in page
    assert "A<1>" not in page


def test_a_report_without_results_is_a_page() -> None:
    """An interrupted run may have none."""
    assert "No fault was measured." in _report.page(_report_of([], left=("a",)), TARGETS)


def test_the_table_is_written_between_its_marks(tmp_path: Path) -> None:
    """Text before and after stays, and a second run replaces the first; medians of the runs."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{_table.BEGIN}old\n{_table.END}\nafter\n", encoding="utf-8")
    report = _report_of([_result("a", 10.0, harm=50.0, paged=12.0)], [_result("a", None)])
    _table.write(report, TARGETS, page)
    once = page.read_text(encoding="utf-8")
    _table.write(report, TARGETS, page)
    assert page.read_text(encoding="utf-8") == once
    assert once.startswith("before\n")
    assert once.endswith("\nafter\n")
    assert "old" not in once
    assert "| a | 1 of 2 | 10 | 12 | 50 | 38 | 90 |" in once
    page.write_text("no marks", encoding="utf-8")
    with pytest.raises(UserError, match=r"the page needs the lines .* \[SS764\]$"):
        _table.write(report, TARGETS, page)
