"""Import paths of the previous release: each works for one more release, with a warning at the import."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import signalscope.demo.stack
from signalscope._moved import MOVED

#: Every public module of the previous release.
BEFORE = (
    "signalscope", "signalscope.breakers", "signalscope.cli", "signalscope.console", "signalscope.console.app",
    "signalscope.console.serve", "signalscope.contract", "signalscope.decorators",
    "signalscope.decorators.breaker", "signalscope.decorators.business", "signalscope.decorators.cache",
    "signalscope.decorators.dependency", "signalscope.decorators.greeks", "signalscope.decorators.queue",
    "signalscope.decorators.signal", "signalscope.decorators.task", "signalscope.demo",
    "signalscope.demo.accuracy", "signalscope.demo.background", "signalscope.demo.binaries",
    "signalscope.demo.caches", "signalscope.demo.calculations", "signalscope.demo.chains",
    "signalscope.demo.checks", "signalscope.demo.clients", "signalscope.demo.counts",
    "signalscope.demo.dependencies", "signalscope.demo.engine", "signalscope.demo.faults",
    "signalscope.demo.history", "signalscope.demo.instruments", "signalscope.demo.load",
    "signalscope.demo.market", "signalscope.demo.ports", "signalscope.demo.redis_store",
    "signalscope.demo.routes", "signalscope.demo.run", "signalscope.demo.runtime", "signalscope.demo.service",
    "signalscope.demo.session", "signalscope.demo.signals", "signalscope.demo.stack", "signalscope.demo.state",
    "signalscope.demo.subscriptions", "signalscope.demo.switches", "signalscope.demo.tasks",
    "signalscope.demo.thresholds", "signalscope.demo.tiers", "signalscope.demo.workqueue", "signalscope.distro",
    "signalscope.fastapi", "signalscope.fastapi.health", "signalscope.fastapi.summaries",
    "signalscope.fastapi.values", "signalscope.insight", "signalscope.insight.business",
    "signalscope.insight.capacity", "signalscope.insight.cost", "signalscope.insight.performance",
    "signalscope.insight.vector", "signalscope.instrumentation", "signalscope.instrumentation.aiobreaker",
    "signalscope.instrumentation.aiocache", "signalscope.instrumentation.aiohttp_client",
    "signalscope.instrumentation.arq", "signalscope.instrumentation.asyncpg",
    "signalscope.instrumentation.blackscholes", "signalscope.instrumentation.cachetools",
    "signalscope.instrumentation.cashews", "signalscope.instrumentation.celery",
    "signalscope.instrumentation.circuitbreaker", "signalscope.instrumentation.dogpile_cache",
    "signalscope.instrumentation.fastapi", "signalscope.instrumentation.httpx",
    "signalscope.instrumentation.mibian", "signalscope.instrumentation.purgatory",
    "signalscope.instrumentation.py_vollib", "signalscope.instrumentation.py_vollib_vectorized",
    "signalscope.instrumentation.pybreaker", "signalscope.instrumentation.quantlib",
    "signalscope.instrumentation.queues", "signalscope.instrumentation.redis",
    "signalscope.instrumentation.requests", "signalscope.instrumentation.sqlalchemy",
    "signalscope.instrumentation.targets", "signalscope.instrumentation.vollib", "signalscope.mixin",
    "signalscope.mixin.alertmanager", "signalscope.mixin.alerts", "signalscope.mixin.alerts.capacity",
    "signalscope.mixin.alerts.dependencies", "signalscope.mixin.alerts.greeks",
    "signalscope.mixin.alerts.named", "signalscope.mixin.alerts.predictive", "signalscope.mixin.alerts.queue",
    "signalscope.mixin.alerts.resources", "signalscope.mixin.alerts.slos", "signalscope.mixin.alerts.telemetry",
    "signalscope.mixin.alerts.unusual", "signalscope.mixin.alerts.watchdog", "signalscope.mixin.autoscaling",
    "signalscope.mixin.calendar", "signalscope.mixin.config", "signalscope.mixin.dashboards",
    "signalscope.mixin.dashboards.capacity", "signalscope.mixin.dashboards.cost",
    "signalscope.mixin.dashboards.developer", "signalscope.mixin.dashboards.executive",
    "signalscope.mixin.dashboards.experience", "signalscope.mixin.dashboards.extended",
    "signalscope.mixin.dashboards.operations", "signalscope.mixin.dashboards.revenue",
    "signalscope.mixin.dashboards.telemetry", "signalscope.mixin.generate", "signalscope.mixin.insight",
    "signalscope.mixin.pacing", "signalscope.mixin.recordings", "signalscope.mixin.recordings.anomaly",
    "signalscope.mixin.recordings.api", "signalscope.mixin.recordings.business",
    "signalscope.mixin.recordings.cache", "signalscope.mixin.recordings.dependencies",
    "signalscope.mixin.recordings.forecast", "signalscope.mixin.recordings.greeks",
    "signalscope.mixin.recordings.kpis", "signalscope.mixin.recordings.predictive",
    "signalscope.mixin.recordings.queue", "signalscope.mixin.recordings.resources",
    "signalscope.mixin.recordings.scaling", "signalscope.mixin.recordings.signals", "signalscope.mixin.rules",
    "signalscope.mixin.runbooks", "signalscope.mixin.series", "signalscope.mixin.servers",
    "signalscope.mixin.slos", "signalscope.recording", "signalscope.testing",
)  # fmt: skip

_IMPORT_ALL = r"""
import json, sys, warnings
warned = {}
for name in sys.stdin.read().split():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(compile("\n\nimport " + name, "importer of " + name, "exec"), {})
        except Exception as error:
            warned[name] = repr(error)
            continue
    warned[name] = [
        [warning.category.__name__, str(warning.message), warning.filename, warning.lineno]
        for warning in caught if " has moved to " in str(warning.message)
    ]
print(json.dumps(warned))
"""


def test_every_import_path_of_the_release_before_works() -> None:
    """A moved module warns with its new path, at the line of the import; other modules do not warn."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL],
        input=" ".join(BEFORE),
        capture_output=True,
        text=True,
        check=True,
    )
    warned = json.loads(done.stdout)
    assert set(warned) == set(BEFORE)
    wrong = {name: got for name, got in warned.items() if got != _expected(name)}
    assert not wrong


def _expected(name: str) -> list[list[str | int]]:
    """Return the warnings of an import: category, text, file and line."""
    if name not in MOVED:
        return []
    text = f"{name} has moved to {MOVED[name]}; the next release removes the old name [SS800]"
    return [["DeprecationWarning", text, f"importer of {name}", 3]]


def test_old_modules_are_the_new_ones() -> None:
    """Both names have the same object, so a setting made through one applies to the other."""
    code = "import {0}, {1}, sys; assert sys.modules['{0}'] is sys.modules['{1}']"
    for old in ("signalscope.distro", "signalscope.fastapi.values", "signalscope.demo.binaries"):
        command = [sys.executable, "-W", "ignore", "-c", code.format(old, MOVED[old])]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0, old


def test_the_stack_can_be_imported_from_its_old_module() -> None:
    """The module became a package."""
    assert signalscope.demo.stack.__all__ == ["Stack"]
    assert callable(signalscope.demo.stack.Stack)


@pytest.mark.parametrize("old", ["signalscope.demo.load", "signalscope.demo.dependencies"])
def test_an_old_module_can_be_run(old: str) -> None:
    """`python -m` runs it, with a warning that Python shows by default."""
    done = subprocess.run([sys.executable, "-m", old, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert f"usage: python -m {MOVED[old]}" in done.stdout
    assert f"DeprecationWarning: {old} has moved to {MOVED[old]}" in done.stderr
