"""Print every half minute which tests take long, so that a run is never silent for minutes."""

from __future__ import annotations

import threading
import time

import pytest

__all__ = ["Progress"]

_EVERY = 30.0
_LONG = 20.0


class Progress:
    """A plugin that prints the tests that have run for a while.

    Args:
        config: The configuration of the process that prints; with pytest-xdist it gets the reports of every worker.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._started = time.monotonic()
        self._running: dict[str, float] = {}
        self._ended = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._print, name="progress", daemon=True)

    def pytest_sessionstart(self) -> None:
        """Start printing."""
        self._thread.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Record the start of a test."""
        self._running[nodeid] = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Record the end of a test."""
        self._running.pop(nodeid, None)
        self._ended += 1

    def pytest_sessionfinish(self) -> None:
        """Stop printing."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _print(self) -> None:
        while not self._over.wait(_EVERY):
            now = time.monotonic()
            running = [
                f"{nodeid} ({now - begun:.0f} s)"
                for nodeid, begun in list(self._running.items())
                if now - begun > _LONG
            ]
            reporter = self._config.pluginmanager.getplugin("terminalreporter")
            if running and reporter is not None:
                line = f"[{now - self._started:4.0f} s] {self._ended} tests have ended; running: {', '.join(running)}"
                reporter.write(f"\n{line}\n", flush=True)
