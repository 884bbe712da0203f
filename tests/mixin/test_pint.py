"""Offline checks of pint on the generated rules; each remaining finding has a reason."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from signalscope import binaries

#: Findings that are intended, by check and rule; None stands for all rules.
_ON_PURPOSE = {
    # Groups run in parallel at different intervals; series of another group are one interval old.
    ("rule/dependency", None),
    # Endpoints and queues are selected with regular expressions of users, which may be simple or match anything.
    ("promql/regexp", "GreeksCalculationSystemFailure"),
    ("promql/regexp", "job_queue_type_priority:signal_service_queue_size:sum"),
    ("promql/regexp", "job_queue_type:signal_service_queue_fill:ratio"),
    # The watchdog always fires.
    ("alerts/comparison", "Watchdog"),
}


def _problems(tmp_path: Path, *rules: Path) -> list[dict[str, Any]]:
    report = tmp_path / "report.json"
    done = subprocess.run(
        [
            binaries.find("pint"), "--no-color", "--offline", "lint",
            "--min-severity=info", f"--json={report}", *rules,
        ],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert report.exists(), done.stdout + done.stderr
    problems: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))
    return problems


def _rule_of(problem: dict[str, Any]) -> str:
    """Return the name of the rule that contains the first line of a problem."""
    lines = Path(problem["path"]).read_text(encoding="utf-8").splitlines()[: problem["lines"][0]]
    for line in reversed(lines):
        key, _, name = line.strip().removeprefix("- ").partition(": ")
        if key in {"alert", "record"}:
            return name
    return ""


@pytest.mark.needs("pint")
def test_pint_finds_nothing_that_has_no_reason(tmp_path: Path) -> None:
    """All offline checks pass for all rules, including those of severity info."""
    rules = sorted((binaries.ROOT / "rules").glob("*.yaml"))
    assert len(rules) >= 4
    unexplained = []
    for problem in _problems(tmp_path, *rules):
        check, rule = problem["reporter"], _rule_of(problem)
        if not {(check, None), (check, rule)} & _ON_PURPOSE:
            unexplained.append(f"{rule}: {check}: {problem['problem']}")
    assert unexplained == []


@pytest.mark.needs("pint")
def test_pint_would_find_a_mistake(tmp_path: Path) -> None:
    """A wrong template label is found."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "groups:\n- name: a\n  rules:\n  - alert: Wrong\n    expr: sum(http_requests_total) by (job) > 0\n"
        "    annotations:\n      summary: '{{ $labels.instance }} is wrong'\n",
        encoding="utf-8",
    )
    assert "alerts/template" in {problem["reporter"] for problem in _problems(tmp_path, rules)}
