"""Claims that two variants of the rules record the same values; promtool checks them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.derived.scenario import SECONDS, promtool

from signalscope.config import Config
from signalscope.derived import groups

#: The files of rules that need no days of history.
FILES = ("recordings", "slos")
#: Seconds between evaluations. Few evaluations are fast; the value must be below the lookback of five minutes.
_EVALUATION = 180


def judge(folder: Path, configs: Iterable[Config], inputs: list[Any], claims: list[Any], *keys: str) -> None:
    """Check claims about the rules of several jobs with promtool.

    Args:
        folder: The folder for the files of the test.
        configs: The configuration of each job.
        inputs: The input series.
        claims: The claims.
        keys: The keys of the rows whose rules are included; all by default.
    """
    # One group for each job: promtool evaluates groups in any order, which moves values by one evaluation.
    content = [
        {
            "name": config.selectors.job,
            "rules": [
                {"record": rule.record, "expr": rule.expr, "labels": dict(rule.labels)}
                for group in groups(config, *FILES)
                for rule in group.rules
                if not keys or rule.key in keys
            ],
        }
        for config in configs
    ]
    path = folder / "rules.yaml"
    path.write_text(json.dumps({"groups": content}), encoding="utf-8")
    promtool(folder, path, inputs, claims, evaluation=_EVALUATION)


def empty(expr: str) -> dict[str, Any]:
    """Claim that an expression has no series."""
    return {"expr": expr, "eval_time": f"{SECONDS}s", "exp_samples": []}


def same(left: str, right: str, tolerance: float = 1e-9) -> Iterator[dict[str, Any]]:
    """Claim that two expressions have the same series and values; labels of job, scope and bucket may differ."""
    on = "ignoring (job, le, cluster, sloth_id, sloth_service)"
    yield empty(f"({left}) unless {on} ({right})")
    yield empty(f"({right}) unless {on} ({left})")
    yield empty(f"abs(({left}) - {on} ({right})) > {on} {tolerance} * (abs({right}) + 1e-6)")


def present(expr: str) -> dict[str, Any]:
    """Claim that an expression has series."""
    sample = {"labels": "{}", "value": 1}
    return {"expr": f"count({expr}) > bool 0", "eval_time": f"{SECONDS}s", "exp_samples": [sample]}
