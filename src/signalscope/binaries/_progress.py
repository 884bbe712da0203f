"""The progress of the builds for the demo, in a file that the demo reads."""

from __future__ import annotations

import json
import math
import threading
import time
from pathlib import Path
from typing import Any

from ._projects import projects_for_demo

#: By project, built after those before it: seconds on two idle cores, and the packages to compile.
TYPICAL = {"otelcol-demo": (145.0, 1304), "prometheus": (60.0, 176), "alertmanager": (15.0, 102)}
#: The measured pace counts from this part of a build on; before it, the typical time is all that is known.
_LEAST_DONE = 0.05
#: Large packages come late: in measured builds a quarter of the packages took an eighth of the time.
_LATE = 1.5


class Progress:
    """The state of each part, and an estimate of the seconds until it is ready.

    Args:
        path: The file to write.
        lacking: The names of the projects that are missing, in the order of their builds.
    """

    def __init__(self, path: Path, lacking: list[str]) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._compiled = dict.fromkeys(lacking, 0)
        self._parts: dict[str, dict[str, Any]] = {name: {"state": "waiting"} for name in lacking}
        self._written = 0.0
        self._write()

    def begin(self, name: str) -> None:
        """Record that the work on a part begins."""
        self._set(name, state="building")

    def hear(self, name: str, line: str) -> None:
        """Count a compiled package; ``go build -v`` prints a line for each."""
        with self._lock:
            if not line.startswith("go: "):
                self._compiled[name] += 1
            self._write(least_seconds=1.0)

    def ready(self, name: str) -> None:
        """Record that a part can start."""
        self._set(name, state="ready")

    def fail(self, name: str, reason: str) -> None:
        """Record why a part cannot be had."""
        self._set(name, state="failed", reason=reason)

    def end(self, reason: str) -> None:
        """Record for each part that is not ready why it cannot be had."""
        for name, part in self._parts.items():
            if part["state"] in ("waiting", "building"):
                self.fail(name, reason)

    def _set(self, name: str, **state: Any) -> None:
        with self._lock:
            self._parts[name] = state
            self._write()

    def _write(self, least_seconds: float = 0.0) -> None:
        now = time.monotonic()
        if now - self._written < least_seconds:
            return
        self._written = now
        content = {name: part | self._estimate(name) for name, part in self._parts.items()}
        partial = self._path.with_name(f".{self._path.name}")
        partial.write_text(json.dumps(content), encoding="utf-8")
        partial.replace(self._path)  # in one step: a reader must not see half a file

    def _estimate(self, name: str) -> dict[str, Any]:
        """Return the part that is done, and the seconds left at the pace of all builds so far."""
        if self._parts[name]["state"] not in ("waiting", "building"):
            return {}
        counted = [other for other, part in self._parts.items() if part["state"] != "failed"]
        done = sum(TYPICAL[other][0] * self._done(other) for other in counted)
        every = sum(TYPICAL[other][0] for other in counted)
        pace = (time.monotonic() - self._begun) / done if done > _LEAST_DONE * every else 1.0
        left = 0.0
        for other in self._parts:  # in the order of their builds
            left += TYPICAL[other][0] * (1 - self._done(other)) * pace
            if other == name:
                break
        return {"done": round(self._done(name), 2), "seconds_left": round(left)}

    def _done(self, name: str) -> float:
        if self._parts[name]["state"] in ("ready", "failed"):
            return 1.0
        return min(0.95, math.pow(self._compiled[name] / TYPICAL[name][1], _LATE))  # the linker comes last


def titles() -> dict[str, str]:
    """Return the name of each part for people, by the name of its project."""
    names = ("Collector", "Prometheus", "Alertmanager")
    return {project.name: name for project, name in zip(projects_for_demo(), names, strict=True)}
