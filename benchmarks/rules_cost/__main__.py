"""Measure the CPU time of the whole rule set; write the table in docs/rules-cost.md.

A real Prometheus on one core scrapes simulated instances, first without rules, then with them. The difference of its
CPU time is the cost of the rules: wall-clock time would include other work of the machine.

Usage: python -m benchmarks.rules_cost [--instances N] [--scrape SECONDS] [--minutes M]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import yaml

from benchmarks.report import machine, write_measured
from benchmarks.rules_cost.exporter import Exporter, series_per_instance
from signalscope import binaries
from signalscope.demo.stack._processes import Part, answers, free_port, wait_until

_DOCS = binaries.ROOT / "docs" / "rules-cost.md"
_TARGET = 0.10


class _Prometheus:
    """Prometheus on one core; a reload loads or removes the rules."""

    def __init__(self, folder: Path, exporter: Exporter, instances: int, scrape: int) -> None:
        self._folder, self._scrape = folder, scrape
        self.url = f"http://127.0.0.1:{free_port()}"
        targets = [
            {
                "targets": [f"127.0.0.1:{exporter.port}"],
                "labels": {"instance": f"i-{n:04d}", "__metrics_path__": f"/{n}"},
            }
            for n in range(instances)
        ]  # fmt: skip
        (folder / "targets.json").write_text(json.dumps(targets), encoding="utf-8")
        self.rules(on=False, reload=False)
        os.environ["GOMAXPROCS"] = "1"
        self.part = Part(
            "prometheus",
            [
                binaries.find("prometheus"), f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}", "--web.enable-lifecycle",
                f"--web.listen-address={self.url.removeprefix('http://')}",
            ],
            folder / "prometheus.log",
        )  # fmt: skip
        wait_until(lambda: answers(f"{self.url}/-/ready"), "Prometheus", 60, [self.part])

    def rules(self, *, on: bool, reload: bool = True) -> None:
        """Load the rules, or remove these."""
        config = {
            "global": {"scrape_interval": f"{self._scrape}s", "scrape_timeout": f"{self._scrape}s"},
            "rule_files": [str(binaries.ROOT / "rules" / "*.yaml")] if on else [],
            "scrape_configs": [
                {"job_name": "signal-service", "file_sd_configs": [{"files": ["targets.json"]}]},
                {
                    "job_name": "prometheus",
                    "static_configs": [{"targets": [self.url.removeprefix("http://")]}],
                },
            ],
        }
        (self._folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        if reload:
            urllib.request.urlopen(f"{self.url}/-/reload", b"", timeout=60).close()  # noqa: S310  # a server of this process

    def cpu(self, seconds: float) -> float:
        """Return the CPU-seconds for each second over some time."""
        process = psutil.Process(self.part.pid)
        before, begun = sum(process.cpu_times()[:2]), time.monotonic()
        time.sleep(seconds)
        self.part.check()
        return (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - begun)

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Return the result of an instant query."""
        body = urllib.parse.urlencode({"query": expr}).encode()
        with urllib.request.urlopen(f"{self.url}/api/v1/query", body, timeout=60) as answer:  # noqa: S310  # a server of this process
            series: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return series


def main() -> int:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rules_cost", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--instances", type=int, default=1_000, help="simulated instances (1000)")
    parser.add_argument("--scrape", type=int, default=15, help="seconds between scrapes (15)")
    parser.add_argument("--minutes", type=float, default=5, help="minutes of each measurement (5)")
    options = parser.parse_args()
    exporter = Exporter()
    folder = Path(tempfile.mkdtemp(prefix="signalscope-rules-"))
    prometheus = _Prometheus(folder, exporter, options.instances, options.scrape)
    try:
        _say("loading five minutes of data")
        time.sleep(300)
        _say("measuring without rules")
        without = prometheus.cpu(options.minutes * 60)
        prometheus.rules(on=True)
        _say("measuring with rules")
        time.sleep(60)
        within = prometheus.cpu(options.minutes * 60)
        lines = list(_report(prometheus, options, without, within))
    finally:
        prometheus.part.stop()
        exporter.close()
        shutil.rmtree(folder, ignore_errors=True)
    text = "\n".join(lines) + "\n"
    print(text)
    write_measured(_DOCS, "python -m benchmarks.rules_cost", text)
    return 0


def _report(
    prometheus: _Prometheus, options: argparse.Namespace, without: float, within: float
) -> Iterator[str]:
    up = float(prometheus.query('count(up{job="signal-service"} == 1)')[0]["value"][1])
    failed = prometheus.query("sum(prometheus_rule_evaluation_failures_total)")
    skipped = prometheus.query("sum(prometheus_rule_group_iterations_missed_total)")
    missed = float(skipped[0]["value"][1]) if skipped else 0.0
    if missed:
        _say("evaluations were missed: the machine was too busy, and the cost is more than what was measured")
    cost = within - without
    yield ""
    yield (
        f"{up:.0f} instances of {series_per_instance()} series each, scraped every {options.scrape} s; one core "
        f"(`GOMAXPROCS=1`); {machine()['cpu']}."
    )
    yield ""
    yield "| | CPU-seconds a second |"
    yield "| --- | --- |"
    yield f"| scraping and storing | {without:.3f} |"
    yield f"| with every rule | {within:.3f} |"
    yield f"| **the rules** | **{cost:.3f}** ({100 * cost:.1f} % of a core; target {100 * _TARGET:.0f} %: {'met' if cost < _TARGET and not missed else 'not met'}) |"  # noqa: E501  # a row
    yield ""
    wrong = float(failed[0]["value"][1]) if failed else 0.0
    yield f"Evaluations that failed: {wrong:.0f}; that were missed: {missed:.0f}."
    yield ""
    yield "| group | interval | last duration (wall clock) | of its interval |"
    yield "| --- | --- | --- | --- |"
    durations = {
        series["metric"]["rule_group"]: float(series["value"][1])
        for series in prometheus.query("prometheus_rule_group_last_duration_seconds")
    }
    rows = []
    for series in prometheus.query("prometheus_rule_group_interval_seconds"):
        name, interval = series["metric"]["rule_group"], float(series["value"][1])
        rows.append((durations[name] / interval, name.rpartition(";")[2], interval, durations[name]))
    for share, name, interval, duration in sorted(rows, reverse=True)[:12]:
        yield f"| {name} | {interval:.0f} s | {1_000 * duration:.1f} ms | {100 * share:.2f} % |"
    yield f"| all {len(rows)} groups | | | {100 * sum(row[0] for row in rows):.1f} % |"
    yield ""


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
