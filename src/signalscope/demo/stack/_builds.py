"""Build the missing binaries beside the running demo, and start each part when it is ready."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from signalscope import binaries
from signalscope.binaries import BinaryError
from signalscope.demo.stack._processes import PartError
from signalscope.demo.stack._stack import Stack

#: `make demo` starts the builds before Python is complete; it passes on the process id and the file of the progress.
ADOPTED = "SIGNALSCOPE_DEMO_BUILDS"
_CHANGES = {
    "collector": "The service sends its metrics and traces to it. Nothing restarts, and no count is lost.",
    "prometheus": "Dashboards and alerts appear on this page, which then shows the whole service.",
    "alertmanager": "Alerts are grouped and sent to receivers.",
}
_SAY_SECONDS = 30.0


class Builds:
    """The process that builds what is missing; a context manager that ends it.

    Args:
        folder: The folder for its log and progress, unless `make demo` has started it already.
    """

    def __init__(self, folder: Path) -> None:
        pid, _, path = os.environ.pop(ADOPTED, "").partition(":")
        self._process: subprocess.Popen[bytes] | None = None
        self._path = Path(path) if pid else folder / "builds.json"
        if pid:
            self._pid = int(pid)
            return
        with (folder / "builds.log").open("wb") as log:
            command = [sys.executable, str(Path(binaries.__file__).parent), "--demo", str(self._path)]
            self._process = subprocess.Popen(  # noqa: S603  # this Python and a path of this package
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._pid = self._process.pid

    def __enter__(self) -> Builds:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGTERM)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)
        for path in (self._path, self._path.with_suffix(".log")):
            path.unlink(missing_ok=True)

    def read(self) -> dict[str, dict[str, Any]]:
        """Return the progress of each missing part by the name of its project."""
        with contextlib.suppress(OSError, ValueError):
            progress: dict[str, dict[str, Any]] = json.loads(self._path.read_text(encoding="utf-8"))
            return progress
        return {}


class Joining:
    """Start each part of the stack when its binary is there; a failure is said once, and the rest goes on.

    Args:
        stack: The running stack without its servers.
        builds: The builds of what is missing.
        say: Called with each line of progress.
    """

    def __init__(self, stack: Stack, builds: Builds, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._builds = builds
        self._say = say
        titles = dict(
            zip(("collector", "prometheus", "alertmanager"), binaries.titles().items(), strict=True)
        )
        #: By part: the name of its project, and its name for people.
        self._open = titles
        self._said = 0.0
        self.failed: dict[str, str] = {}

    def is_done(self) -> bool:
        """Return True if no part can join any more, and data has arrived if it can."""
        can_have_data = {"collector", "prometheus"} <= self._stack.parts.keys()
        return not self._open and (self._stack.has_data or not can_have_data)

    def step(self) -> None:
        """Start what is ready, and show in the console what is missing."""
        progress = self._builds.read()
        for name in ("collector", "alertmanager", "prometheus"):  # Prometheus reads from the Collector
            waits = name == "prometheus" and "collector" in self._open
            if name in self._open and not waits:
                self._join(name, progress.get(self._open[name][0], {}))
        self._stack.show_data()
        self._tell(progress)

    def _join(self, name: str, state: dict[str, Any]) -> None:
        title = self._open[name][1]
        if state.get("state") == "failed":
            self._give_up(name, f"{title} cannot run: {state['reason']}")
            return
        if state.get("state", "ready") != "ready":
            return
        try:
            path = binaries.find("signalscope-otelcol" if name == "collector" else name)
            self._stack.join(name)
        except BinaryError:
            return  # no progress yet: the builds have just started
        except PartError as error:
            self._stack.failed.add(name)
            self._give_up(name, str(error))
            return
        del self._open[name]
        source = "the cache" if path.is_relative_to(binaries.cache()) else f"PATH ({path})"
        self._say(f"{title} has joined, from {source}")

    def _give_up(self, name: str, reason: str) -> None:
        del self._open[name]
        self.failed[name] = reason
        self._say(f"{reason}\nThe other parts run on.")

    def _tell(self, progress: dict[str, dict[str, Any]]) -> None:
        """Show in the console, and now and then in the terminal, which parts are missing."""
        shown = [
            {"name": title, "text": _text(project, progress), "change": _CHANGES[name]}
            for name, (project, title) in self._open.items()
        ] + [
            {"name": name.capitalize(), "text": reason.splitlines()[0], "change": ""}
            for name, reason in self.failed.items()
        ]
        if not self._open and not self._stack.has_data and not self.failed:
            shown = [{"name": "Data", "text": "on its way through the Collector to Prometheus", "change": ""}]
        if shown != self._stack.building:
            self._stack.building = shown
            self._stack.tell_console()
            if self._open and time.monotonic() - self._said > _SAY_SECONDS:
                self._said = time.monotonic()
                lines = [f"{part['name']}: {part['text']}" for part in shown[: len(self._open)]]
                self._say("; ".join(lines))


def _text(project: str, progress: dict[str, dict[str, Any]]) -> str:
    """Return the progress of a part in words; all times are estimates."""
    if not progress:
        return "waits for the builds to begin"
    state = progress.get(project)
    if state is None or state["state"] == "ready":
        return "starting"
    seconds = state["seconds_left"]
    left = f"about {max(10, round(seconds, -1))} s" if seconds < 90 else f"about {round(seconds / 60)} min"
    if state["state"] == "waiting":
        return f"waits for the builds before it; ready in {left} (estimate)"
    return f"{100 * state['done']:.0f} % built; ready in {left} (estimate)"
