"""Helpers that run promtool's tests with the committed rules that they need."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path
from typing import Any

import yaml
from tests.mixin.expressions import names_in, selectors

from signalscope import binaries

__all__ = ["needed", "run"]

ROOT = binaries.ROOT


@functools.cache
def _rules() -> dict[str, list[dict[str, Any]]]:
    """Return all committed rules by the name of their series or alert."""
    rules_by_name: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((ROOT / "rules").glob("*.yaml")):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                rules_by_name.setdefault(rule.get("alert") or rule["record"], []).append(rule)
    return rules_by_name


def needed(names: set[str]) -> list[dict[str, Any]]:
    """Return the committed rules of alerts and series, with all rules that they read, in order of evaluation."""
    rules = _rules()
    order: list[str] = []

    def visit(name: str, path: tuple[str, ...] = ()) -> None:
        if name in order or name in path or name not in rules:
            return
        for rule in rules[name]:
            for read in sorted(names_in(rule["expr"])):
                visit(read, (*path, name))
        order.append(name)

    for name in sorted(names):
        visit(name)
    # Rules of all SLOs have the same names: if SLOs are selected, keep only those.
    asked = {
        matcher.value
        for name in names
        for rule in rules[name]
        for one in selectors(rule["expr"])
        for matcher in one.matchers.matchers
        if matcher.name == "sloth_slo"
    }
    return [
        rule
        for name in order
        for rule in rules[name]
        if not asked or rule.get("labels", {}).get("sloth_slo") in {None, *asked}
    ]


def run(tmp_path: Path, content: dict[str, Any], names: set[str]) -> None:
    """Run promtool with only the necessary rules; with all rules it takes minutes."""
    group = {"name": "needed", "rules": needed(names)}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [group]}), encoding="utf-8")
    (tmp_path / "test.yaml").write_text(
        yaml.safe_dump(content | {"rule_files": ["rules.yaml"]}), encoding="utf-8"
    )
    done = subprocess.run(
        [binaries.find("promtool"), "test", "rules", "test.yaml"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
