"""A fuzzer of OTLP in protobuf and JSON: the page stays valid, and the counts of the good service exact.

It runs for SIGNALSCOPE_FUZZ_SECONDS (300 by default) from the seed SIGNALSCOPE_FUZZ_SEED (the time by default). The
seeds that have found something are in `KEPT`, and run each time. A failure names the seed of its batch.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.collector import wire as w
from tests.collector.hostile import Request
from tests.collector.pipeline import started

pytestmark = [pytest.mark.needs("collector", "prometheus"), pytest.mark.long, pytest.mark.timeout(3600)]

SECONDS = float(os.environ.get("SIGNALSCOPE_FUZZ_SECONDS", "300"))
SEED = int(os.environ.get("SIGNALSCOPE_FUZZ_SEED", str(int(time.time()))))
#: Requests between two checks.
_BATCH = 50
#: Seeds whose batch found a fault: answers of 500 to JSON that is not UTF-8 or has a negative count, a counter
#: target_info, and counts of 2**64 - 1.
KEPT = (1, 1796064405, 1796064624, 1796064813)

_NAMES: tuple[w.Text, ...] = (
    "bad.a", "bad_a", "bad.a.total", "bad_a_count", "bad.a_bucket", "bad.a.sum", "bad_a_created", "good.calls",
    "good_calls_total",
    "good.seconds", "good.level", "good", "good.count", "up", "target_info", "", ".", "_", "__", "9a",
    "a b", "日本", "é", b"\xff", "x" * 256, "signal_service.api.requests", "http.server.request.duration",
    "process.cpu.time", "traces.span.metrics.calls", "ALERTS", "scrape_x", "a\n# EOF", 'a"',
)  # fmt: skip
_KEYS: tuple[w.Text, ...] = (
    "k", "k.1", "k_1", "le", "quantile", "job", "instance", "__name__", "", ".", "_", "a\n", 'a"', "日本", b"\xff",
    "x" * 256, "http.route", "http.request.method", "user.id", "session.id", "collector.instance.id", "le.", "Le",
)  # fmt: skip
_VALUES: tuple[w.Text | int | float, ...] = (
    "v", "", "\n", '"', "\\", "\x00", "日本", b"\xff", "x" * 1025, 0, -1, 2**63 - 1, 0.5, float("nan"), float("inf"),
    "token=abc", "1.0", "+Inf",
)  # fmt: skip
_UNITS: tuple[w.Text, ...] = (
    "",
    "s",
    "1",
    "By",
    "ms",
    "{x}",
    "%",
    "s/s",
    "total",
    "count",
    "\n",
    b"\xff",
    "x" * 99,
)
_NUMBERS = (0.0, 1.0, -1.0, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf"))
_TIMES = (0, 1, 10**9, 4_102_444_800 * 10**9, 2**63 - 1, 2**64 - 1)


class Fuzzer:
    """Requests from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._pick: Callable[..., Any] = self._random.choice

    def request(self) -> Request:
        """Return the next request."""
        made = self._pick((self._metrics, self._metrics, self._metrics, self._spans, self._json))()
        if self._random.random() < 0.3:
            made = Request(self._mutated(made.body), made.signal, made.kind)
        encoding = self._pick(("", "", "gzip", "deflate"))
        return Request(made.body, made.signal, made.kind, encoding)

    def _mutated(self, body: bytes) -> bytes:
        data = bytearray(body)
        for _ in range(self._random.randint(1, 6)):
            at = self._random.randrange(len(data) + 1)
            change = self._random.randrange(5)
            if change == 0 and data:
                data[at % len(data)] = self._random.randrange(256)
            elif change == 1:
                data[at:at] = self._random.randbytes(self._random.randint(1, 9))
            elif change == 2:
                del data[at : at + self._random.randint(1, 9)]
            elif change == 3:
                data[at:at] = data[at : at + 40]
            else:
                data[at:at] = w.message(self._random.randint(1, 15), w.nested(self._random.randint(1, 60)))
        return bytes(data)

    def _labels(self) -> list[tuple[w.Text, w.Text | int | float]]:
        return [(self._pick(_KEYS), self._pick(_VALUES)) for _ in range(self._random.randrange(4))]

    def _point(self) -> bytes:
        at = self._pick((None, None, None, *_TIMES))
        return w.number(self._pick(_NUMBERS), self._labels(), at)

    def _data(self) -> bytes:
        few = self._random.randrange(4)
        points = [self._point() for _ in range(few)]
        kind = self._random.randrange(6)
        if kind == 0:
            return w.gauge(*points)
        if kind == 1:
            return w.total(
                *points, monotonic=self._pick((True, False)), temporality=self._random.randrange(4)
            )
        if kind == 2:
            bounds = [self._pick(_NUMBERS) for _ in range(few)]
            counts = [self._pick((0, 1, 2**63, 2**64 - 1)) for _ in range(self._random.randrange(5))]
            return w.histogram(
                w.bucketed(
                    bounds, counts, self._labels(), self._pick((0, 1, 2, 2**64 - 1)), self._pick(_NUMBERS)
                )
                + w.message(8, self._random.randbytes(few)),
                temporality=self._random.randrange(4),
            )
        if kind == 3:
            return w.histogram(w.bucketed(sorted((0.1, 1.0)), [1, 2, 3], self._labels()))
        if kind == 4:
            scale, offset = (
                self._pick((-11, -4, 0, 3, 20, 2**31 - 1)),
                self._pick((0, 5, -(2**31), 2**31 - 1, 2**29)),
            )
            return w.exponential(scale, offset, [1] * few, temporality=self._pick((1, 2)))
        pairs = [(self._pick((0.0, 0.5, 1.0, -1.0, float("nan"))), self._pick(_NUMBERS)) for _ in range(few)]
        return w.summary(*pairs, values=self._labels(), count=self._pick((0, 1, 2**64 - 1)))

    def _identity(self) -> dict[str, Any]:
        return {"instance": self._pick(("one", "", b"\xff", "x" * 300)), "more": self._labels()}

    def _metrics(self) -> Request:
        sent = [
            w.metric(self._pick(_NAMES), self._data(), self._pick(_UNITS), self._pick(_UNITS + _NAMES))
            for _ in range(self._random.randint(1, 4))
        ]
        return Request(
            w.metrics(self._pick(("bad", "bad", "", "x" * 300, b"\xff")), *sent, **self._identity())
        )

    def _spans(self) -> Request:
        def text(field: int) -> bytes:
            return w.message(field, self._pick(_NAMES))

        sent = [
            w.span(
                self._pick(_NAMES),
                w.labels(self._labels(), 9)
                + text(3)
                + w.message(11, text(2) + w.labels(self._labels(), 3) + w.fixed(1, self._pick(_TIMES)))
                + w.message(13, w.message(1, self._random.randbytes(16)) + text(3))
                + w.message(15, text(2) + w.integer(3, self._random.randrange(4)))
                + (w.fixed(8, self._pick(_TIMES)) if self._random.random() < 0.3 else b""),
                self._random.randint(0, 99),
            )
            for _ in range(self._random.randint(1, 4))
        ]
        return Request(w.traces("bad", *sent, **self._identity()), "traces")

    def _json(self) -> Request:
        def value(depth: int = 0) -> Any:
            if depth < 40 and self._random.random() < 0.3:
                return {"arrayValue": {"values": [value(depth + 1)]}}
            return {
                self._pick(("stringValue", "intValue", "boolValue", "x")): self._pick(
                    ("v", 5, None, True, [], {})
                )
            }

        def attributes() -> Any:
            return self._pick(([], None, 5, [{"key": self._pick(("k", "le", "", None)), "value": value()}]))

        point = {
            "attributes": attributes(),
            "timeUnixNano": self._pick(("0", 5, "x", None, "99999999999999999999")),
            "asDouble": self._pick((1, "NaN", "Infinity", "x", None)),
            "bucketCounts": self._pick(([], ["1", 2], None, [-1])),
            "explicitBounds": self._pick(([], [1], ["NaN"], None)),
        }
        data = {
            "dataPoints": [point],
            "aggregationTemporality": self._pick((1, 2, "x", None)),
            "isMonotonic": True,
        }
        kind = self._pick(("gauge", "sum", "histogram", "exponentialHistogram", "summary", "x"))
        metric = {"name": self._pick(("bad.json", "good.calls", "", None, 5)), kind: data}
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "bad"}}]}
        body = {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}
        return Request(json.dumps(body).encode(), "metrics", "application/json")


def test_no_request_of_the_fuzzer_hurts(tmp_path: Path) -> None:
    """Batches from the kept seeds, then from new ones until the time is over."""
    with started(tmp_path) as pipeline:
        pipeline.check()
        end, number = time.monotonic() + SECONDS, 0
        for seed in itertools.chain(KEPT, itertools.count(SEED)):
            if time.monotonic() > end:
                break
            fuzzer = Fuzzer(seed)
            try:
                for _ in range(_BATCH):
                    request = fuzzer.request()
                    status = pipeline.send(request)
                    assert status in {200, 400, 413, 503}, status
                    if not request.encoding and request.kind != "application/json":
                        assert pipeline.call(request) in {
                            "OK",
                            "INVALID_ARGUMENT",
                            "RESOURCE_EXHAUSTED",
                            "UNAVAILABLE",
                        }
                    number += 1
                pipeline.check()
            except Exception as error:
                raise AssertionError(f"seed {seed}; add it to KEPT") from error
        assert pipeline.value('min(min_over_time(up{job="otel-collector"}[1h]))') == 1
        print(f"{number} requests from seed {SEED}")
