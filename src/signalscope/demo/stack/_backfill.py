"""Prometheus with backfilled data: samples from a file, and recording rules that are evaluated over past time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from signalscope import binaries
from signalscope.demo.stack._processes import Part, answers, free_port, wait_until
from signalscope.derived import Rule

__all__ = ["BackfillError", "Store"]

#: Length of a block. Longer blocks need more points than Prometheus allows in a range query.
_BLOCK = "162h"


class BackfillError(RuntimeError):
    """promtool cannot write blocks; the message has its output."""


class Store:
    """A Prometheus that scrapes nothing, with a temporary folder; a context manager that ends it.

    Args:
        begin: The first moment of the data, as Unix time.
        end: The last moment of the data, as Unix time.
        step: Seconds between evaluations of a rule.
        data: The folder of the data; None for a temporary one.

    Raises:
        BinaryError: Prometheus or promtool is missing.
        PartError: Prometheus does not start.
        BackfillError: promtool failed.
    """

    def __init__(self, begin: int, end: int, step: int, data: Path | None = None) -> None:
        self._begin, self._end, self._step = begin, end, step
        self._folder = Path(tempfile.mkdtemp(prefix="signalscope-insight-"))
        self._data = data or self._folder / "data"
        self._data.mkdir(parents=True, exist_ok=True)
        self._port = free_port()
        self._part: Part | None = None
        (self._folder / "prometheus.yml").write_text("global: {}\n", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def url(self) -> str:
        """The URL of Prometheus."""
        return f"http://127.0.0.1:{self._port}"

    def backfill(self, lines: Iterable[str]) -> None:
        """Add samples from lines of OpenMetrics."""
        text = self._folder / "samples.txt"
        with text.open("w", encoding="utf-8") as file:
            file.writelines(lines)
        block = f"--max-block-duration={_BLOCK}"
        self._promtool("tsdb", "create-blocks-from", block, "openmetrics", "-q", str(text), str(self._data))
        text.unlink()
        self._restart()

    def record(self, rules: Sequence[Rule], begin: int | None = None) -> None:
        """Evaluate rules over the whole period, or from a later moment; no rule reads the results of the others."""
        if self._part is None:
            self._restart()
        content = [{"record": rule.record, "expr": rule.expr, "labels": dict(rule.labels)} for rule in rules]
        file = self._folder / "rule.yaml"
        file.write_text(
            yaml.safe_dump({"groups": [{"name": "rule", "rules": content}]}, width=10_000), encoding="utf-8"
        )
        out = self._folder / "blocks"
        self._promtool(
            "tsdb", "create-blocks-from", f"--max-block-duration={_BLOCK}", "rules", "-q",
            f"--url={self.url}", f"--start={begin or self._begin}", f"--end={self._end}",
            f"--eval-interval={self._step}s", f"--output-dir={out}", str(file),
        )  # fmt: skip
        self._stop()
        for block in out.iterdir() if out.exists() else ():
            if (block / "meta.json").exists():
                shutil.move(str(block), self._data)
        self._restart()

    def range(self, expr: str) -> list[tuple[dict[str, str], dict[int, float]]]:
        """Run a range query over the whole period; return the labels and the values by Unix time of each series."""
        by_labels: dict[str, tuple[dict[str, str], dict[int, float]]] = {}
        span = 10_000 * self._step
        for begin in range(self._begin, self._end, span):
            end = min(begin + span - self._step, self._end)
            query = {"query": expr, "start": begin, "end": end, "step": self._step}
            for series in self._get("query_range", query):
                key = json.dumps(series["metric"], sort_keys=True)
                values = by_labels.setdefault(key, (series["metric"], {}))[1]
                values.update({int(at): float(value) for at, value in series["values"]})
        return list(by_labels.values())

    def _get(self, path: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        body = urllib.parse.urlencode(query).encode()
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}", body, timeout=300) as answer:  # noqa: S310  # the Prometheus that this class started
            series: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return series

    def _restart(self) -> None:
        self._stop()
        self._part = Part(
            "prometheus",
            [
                binaries.find("prometheus"), f"--config.file={self._folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._data}", "--storage.tsdb.retention.time=10y",
                f"--web.listen-address=127.0.0.1:{self._port}", "--query.timeout=10m",
                "--query.max-samples=200000000",
                # A sample is valid until the next sample, as at the usual interval of rules.
                f"--query.lookback-delta={max(300, self._step * 3 // 2)}s",
            ],
            self._folder / "prometheus.log",
        )  # fmt: skip
        wait_until(lambda: answers(f"{self.url}/-/ready"), "Prometheus", 60, [self._part])

    def _stop(self) -> None:
        if self._part is not None:
            self._part.stop()
            self._part = None

    def _promtool(self, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603  # the pinned promtool
            [binaries.find("promtool"), *arguments], capture_output=True, text=True, check=False,
            env={**os.environ, "TMPDIR": str(self._folder)},  # an interrupted promtool leaves files there
        )  # fmt: skip
        if done.returncode:
            raise BackfillError(
                f"promtool {arguments[1]} failed: {(done.stdout + done.stderr)[-2_000:].strip()} [SS747]"
            )
