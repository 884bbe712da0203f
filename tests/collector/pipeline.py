"""A real Collector and Prometheus, and a good client beside the hostile ones, whose counts must be exact."""

from __future__ import annotations

import http.client
import json
import re
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc  # type: ignore[import-untyped]  # it has no type hints
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from tests.collector import wire as w
from tests.collector.conftest import Collector, running
from tests.collector.hostile import GOOD, Request
from tests.ports import free_port
from tests.waiting import DEADLINE, eventually, get

from signalscope import binaries
from signalscope.demo.stack._processes import Part, answers, wait_until

__all__ = ["Pipeline", "started"]

_METHODS = {
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
}
_BOUNDS = (0.1, 1.0)


@dataclass
class Pipeline:
    """The Collector, Prometheus, and how much the good client has sent."""

    collector: Collector
    prometheus: Part
    url: str
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, request: Request) -> int:
        """Send a request over HTTP and return the status; 0 if the Collector closed the connection."""
        connection = http.client.HTTPConnection(
            urllib.parse.urlsplit(self.collector.http).netloc, timeout=DEADLINE
        )
        headers = {"Content-Type": request.kind}
        if request.encoding:
            headers["Content-Encoding"] = request.encoding.removeprefix("x-broken-")
        try:
            connection.request(request.method, f"/v1/{request.signal}", request.wire, headers)
            return connection.getresponse().status
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            return 0
        finally:
            connection.close()

    def call(self, request: Request) -> str:
        """Send a request over gRPC and return the name of the status code."""
        with grpc.insecure_channel(self.collector.grpc) as channel:
            export = channel.unary_unary(_METHODS[request.signal], request_serializer=bytes)
            compression = (
                grpc.Compression.Gzip if request.encoding == "gzip" else grpc.Compression.NoCompression
            )
            try:
                export(request.body, timeout=DEADLINE, compression=compression)
            except grpc.RpcError as error:
                return str(error.code().name)
            return "OK"

    def good(self) -> int:
        """Send what the good service counts: one more call and its span. Return the number of calls."""
        with self.lock:
            number = self.sent + 1
            metrics = w.metrics(
                GOOD,
                w.metric(
                    "good.calls", w.total(w.number(float(number), {"side": "buy"})), description="Calls."
                ),
                w.metric("good", w.histogram(w.bucketed(_BOUNDS, [number, 0, 0])), "s", "Duration."),
                w.metric("good.level", w.gauge(w.number(float(number))), description="Level."),
            )
            spans = w.traces(GOOD, w.span("good", trace=10_000 + number))
            for body, signal in ((metrics, "metrics"), (spans, "traces")):
                # As SDKs do: again, when the Collector asks for it.
                eventually(lambda b=body, s=signal: self.send(Request(b, s)) == 200, DEADLINE, "good data")  # type: ignore[misc]
            self.sent = number
            return number

    def value(self, query: str) -> float | None:
        """Return the only value of an instant query; None without one."""
        (series, *more) = get(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': query})}")["data"][
            "result"
        ] or [None]
        assert not more, query
        return None if series is None else float(series["value"][1])

    def check(self, seconds: float = DEADLINE) -> None:
        """Check that both processes run, the page is valid, and Prometheus has what the good service counted."""
        number = self.good()
        page = self.collector.scrape()
        families = {one.name: one for one in text_string_to_metric_families(page)}  # type: ignore[no-untyped-call]  # it has no type hints
        assert families["good_calls"].type == "counter"
        assert families["good_seconds"].type == "histogram"
        assert families["good_level"].type == "gauge"
        for query in (
            f'good_calls_total{{job="{GOOD}", instance="one", side="buy"}}',
            f'good_seconds_bucket{{job="{GOOD}", instance="one", le="0.1"}}',
            f'good_seconds_count{{job="{GOOD}", instance="one"}}',
            f'good_level{{job="{GOOD}", instance="one"}}',
        ):
            eventually(lambda q=query: self.value(q) == number, seconds, f"{query} == {number}")  # type: ignore[misc]
        self.collector.part.check()
        self.prometheus.check()
        target = get(f"{self.url}/api/v1/targets")["data"]["activeTargets"][0]
        assert target["lastError"] == ""

    def counters(self) -> Mapping[tuple[str, str, str], float]:
        """Return the counters of the guards: name without prefix, reason and offender."""
        with urllib.request.urlopen(self.collector.telemetry, timeout=5) as answer:
            text = answer.read().decode()
        lines = re.findall(r"(?m)^signalscope_collector_(\w+)_total\{(.*)\} (\S+)$", text)
        return {
            (name, dict(re.findall(r'(\w+)="(.*?)"', labels)).get("reason", ""), labels): float(value)
            for name, labels, value in lines
        }

    def counted(self, counter: str, reason: str) -> float:
        """Return how often a guard has counted a reason."""
        return sum(
            value for (name, why, _), value in self.counters().items() if (name, why) == (counter, reason)
        )


@contextmanager
def started(folder: Path, interval: str = "500ms", **variables: str) -> Iterator[Pipeline]:
    """Start both, with the committed configuration of the Collector; end them afterwards."""
    port = free_port()
    with running(folder, **variables) as collector:
        config = {
            "global": {"scrape_interval": interval, "scrape_timeout": interval},
            "scrape_configs": [
                {
                    "job_name": "otel-collector",
                    "honor_labels": True,
                    "static_configs": [{"targets": [urllib.parse.urlsplit(collector.page).netloc]}],
                }
            ],
        }
        path = folder / "prometheus.yml"
        path.write_text(json.dumps(config), encoding="utf-8")
        command: list[str | Path] = [
            binaries.find("prometheus"),
            f"--config.file={path}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--enable-feature=exemplar-storage",
        ]
        prometheus = Part("prometheus", command, folder / "prometheus.log")
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: answers(f"{url}/-/ready"), "Prometheus", DEADLINE, [prometheus])
            yield Pipeline(collector, prometheus, url)
        finally:
            prometheus.stop()
