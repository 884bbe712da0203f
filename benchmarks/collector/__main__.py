"""Measure the Collector's CPU time for a data point and for its page; write the table in docs/collector.md.

The same binary runs with the shipped configuration and with a bare one, an OTLP receiver and the Prometheus exporter.
Both get the same bodies over HTTP, in turns. A body is answered when its points are on the page.

Usage: python -m benchmarks.collector [--processes N] [--rounds N]
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import yaml

from benchmarks.collector.streams import STREAMS, body
from benchmarks.report import machine, write_measured
from signalscope import binaries
from signalscope.demo.stack._processes import Part, answers, free_port, wait_until

_DOCS = binaries.ROOT / "docs" / "collector.md"
_SHIPPED = (
    binaries.ROOT / "collector" / "config.yaml",
    binaries.ROOT / "deploy" / "collector" / "limits.yaml",
)
_TARGET = 1.5
#: Exports that warm up caches, before the first one that counts.
_WARM = 3


@dataclass
class _Collector:
    """A running Collector, and the CPU time of each round."""

    part: Part
    url: str
    page: str
    seconds: list[float] = field(default_factory=list)

    def cpu(self) -> float:
        times = psutil.Process(self.part.pid).cpu_times()
        return float(times.user + times.system)

    def send(self, bodies: list[bytes]) -> float:
        """Return the CPU time of a round of exports."""
        before = self.cpu()
        for content in bodies:
            headers = {"Content-Type": "application/x-protobuf"}
            httpx.post(self.url, content=content, headers=headers, timeout=60).raise_for_status()
        return self.cpu() - before

    def scrape(self) -> tuple[float, int, int]:
        """Return the CPU time of a page, its bytes, and its series."""
        before = self.cpu()
        page = httpx.get(self.page, timeout=60).raise_for_status().content
        return self.cpu() - before, len(page), sum(not line.startswith(b"#") for line in page.splitlines())


def _bare() -> dict[str, object]:
    exporter = yaml.safe_load(_SHIPPED[0].read_text(encoding="utf-8"))["exporters"]["prometheus"]
    exporter.pop("middlewares", None)  # the guards are part of what is measured
    return {
        "extensions": {"health_check": {"endpoint": "${env:HEALTH_ENDPOINT}"}},
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": "${env:OTLP_HTTP_ENDPOINT}"}}}},
        "exporters": {"prometheus": exporter},
        "service": {
            "extensions": ["health_check"],
            "telemetry": {"logs": {"level": "warn"}, "metrics": {"level": "none"}},
            "pipelines": {"metrics": {"receivers": ["otlp"], "exporters": ["prometheus"]}},
        },
    }


@contextlib.contextmanager
def _running(name: str, configs: list[Path], folder: Path) -> Iterator[_Collector]:
    names = ("OTLP_GRPC_ENDPOINT", "OTLP_HTTP_ENDPOINT", "PROMETHEUS_ENDPOINT", "HEALTH_ENDPOINT")
    addresses = {name: f"127.0.0.1:{free_port()}" for name in names}
    command = [binaries.find("signalscope-otelcol"), *(f"--config={path}" for path in configs)]
    environment = {**addresses, "TELEMETRY_PORT": str(free_port()), "GOMAXPROCS": "1"}
    part = Part(name, command, folder / f"{name}.log", environment)
    try:
        wait_until(lambda: answers(f"http://{addresses['HEALTH_ENDPOINT']}"), name, 60, [part])
        yield _Collector(
            part,
            f"http://{addresses['OTLP_HTTP_ENDPOINT']}/v1/metrics",
            f"http://{addresses['PROMETHEUS_ENDPOINT']}/metrics",
        )
    finally:
        part.stop()


def _measure(stream: str, processes: int, rounds: int, folder: Path) -> list[str]:
    """Return the rows of the tables about a stream: the points, and the page."""
    config = folder / "bare.yaml"
    config.write_text(yaml.safe_dump(_bare()), encoding="utf-8")
    with _running("bare", [config], folder) as bare, _running("shipped", [*_SHIPPED], folder) as shipped:
        points = 0
        for turn in range(_WARM + rounds):
            made = [body(stream, process, turn) for process in range(processes)]
            points = sum(number for _, number in made)
            for one in (bare, shipped) if turn % 2 else (shipped, bare):
                seconds = one.send([content for content, _ in made])
                if turn >= _WARM:
                    one.seconds.append(seconds)
            _say(f"{stream}: round {turn + 1} of {_WARM + rounds}")
        cost = {one.part.name: sum(one.seconds) / rounds / points for one in (bare, shipped)}
        ratios = [ours / theirs for ours, theirs in zip(shipped.seconds, bare.seconds, strict=True)]
        ratio = cost["shipped"] / cost["bare"]
        spread = statistics.quantiles(ratios, n=4)
        pages = {one.part.name: [one.scrape() for _ in range(5)] for one in (bare, shipped)}
    (plain, plain_bytes, _), (ours, ours_bytes, series) = (
        (statistics.median(page[0] for page in pages[name]), *pages[name][-1][1:])
        for name in ("bare", "shipped")
    )
    return [
        f"| {stream} | {1e6 * cost['bare']:.2f} µs | {1e6 * cost['shipped']:.2f} µs | **{ratio:.2f}** "
        f"({spread[0]:.2f} to {spread[2]:.2f}) | {1 / cost['shipped']:,.0f} |",
        f"| {stream} | {series:,} | {1e6 * plain / series:.1f} µs | {1e6 * ours / series:.1f} µs "
        f"| {plain_bytes / 1e6:.2f} MB | {ours_bytes / 1e6:.2f} MB |",
    ]


def main() -> int:
    """Measure, print and write the tables."""
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.collector", description=summary)
    parser.add_argument("--processes", type=int, default=40, help="processes that export (40)")
    parser.add_argument("--rounds", type=int, default=25, help="exports of each process that count (25)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="signalscope-collector-") as folder:
        rows = [_measure(stream, options.processes, options.rounds, Path(folder)) for stream in STREAMS]
    text = "\n".join(
        (
            "",
            f"{options.processes} processes, {options.rounds} exports of each in turns, over HTTP without "
            f"compression, to one binary on one core (`GOMAXPROCS=1`); {machine()['cpu']}.",
            "",
            f"| stream | bare, a point | shipped, a point | ratio (middle half); target {_TARGET:g} | points/s |",
            "| --- | --- | --- | --- | --- |",
            *(row[0] for row in rows),
            "",
            "| page of | series | bare, a series | shipped, a series | bare | shipped |",
            "| --- | --- | --- | --- | --- | --- |",
            *(row[1] for row in rows),
            "",
        )
    )
    print(text)
    write_measured(_DOCS, "python -m benchmarks.collector", text + "\n")
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
