"""What pint finds in the generated rules without a Prometheus: nothing that has no reason."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from signalscope import binaries

#: Checks that complain about what is so on purpose: of all rules, or of one.
_ON_PURPOSE = {
    # Groups run side by side and at intervals of their own; what they read of each other is one interval old.
    ("rule/dependency", None),
    # Endpoints and queues are chosen by regular expressions of the user's, which may be simple or match anything.
    ("promql/regexp", "GreeksCalculationSystemFailure"),
    ("promql/regexp", "job_queue_type_priority:signal_service_queue_size:sum"),
    ("promql/regexp", "job_queue_type:signal_service_queue_fill:ratio"),
    # It always fires.
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
    """The name of the rule that a problem's first line is in."""
    lines = Path(problem["path"]).read_text(encoding="utf-8").splitlines()[: problem["lines"][0]]
    for line in reversed(lines):
        key, _, name = line.strip().removeprefix("- ").partition(": ")
        if key in {"alert", "record"}:
            return name
    return ""


@pytest.mark.needs("pint")
def test_pint_finds_nothing_that_has_no_reason(tmp_path: Path) -> None:
    """Every offline check, of every rule, down to hints."""
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
    """A sum before the rate, and a template that names a label that is not there."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "groups:\n- name: a\n  rules:\n  - alert: Wrong\n    expr: sum(http_requests_total) by (job) > 0\n"
        "    annotations:\n      summary: '{{ $labels.instance }} is wrong'\n",
        encoding="utf-8",
    )
    assert "alerts/template" in {problem["reporter"] for problem in _problems(tmp_path, rules)}
