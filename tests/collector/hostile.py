"""Inputs that once stopped the pipeline and others of their kind: what is sent, and what the Collector answers."""

from __future__ import annotations

import gzip
import json
import math
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.collector import wire as w

__all__ = ["CASES", "GOOD", "Hostile", "Request"]

#: A service that sends correct data all the time.
GOOD = "good"
MIB = 1 << 20
_LONG = 20_000
_NAN, _INF = math.nan, math.inf
_TRACE = 7


@dataclass(frozen=True)
class Request:
    """A request to the OTLP receiver.

    Attributes:
        body: The body before compression.
        signal: ``metrics`` or ``traces``.
        kind: The content type.
        encoding: The value of Content-Encoding; ``gzip`` and ``deflate`` compress the body.
        method: The HTTP method.
    """

    body: bytes
    signal: str = "metrics"
    kind: str = "application/x-protobuf"
    encoding: str = ""
    method: str = "POST"

    @property
    def wire(self) -> bytes:
        """The body after compression."""
        compress: Mapping[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}
        return compress.get(self.encoding, bytes)(self.body)


@dataclass(frozen=True)
class Hostile:
    """A hostile input.

    Attributes:
        name: What is wrong with it.
        make: Return the requests.
        answers: The allowed HTTP statuses.
        reason: The reason that a counter of the guards has for it; empty if no counter has it.
        counter: That counter, without its prefix.
        rpc: The allowed status codes over gRPC; empty if it cannot be sent so.
        gone: A text that must not be on the page.
    """

    name: str
    make: Callable[[], Iterator[Request]]
    answers: frozenset[int] = frozenset({200})
    reason: str = ""
    counter: str = "refused_points"
    rpc: frozenset[str] = field(default=frozenset({"OK"}))
    gone: str = ""


#: A request or its body, or a function that returns one: large bodies are not built before they are needed.
Given = Request | bytes | Callable[[], Request | bytes]
CASES: list[Hostile] = []
_BAD = frozenset({400})
_INVALID = frozenset({"INVALID_ARGUMENT"})


def _case(name: str, *requests: Given, signal: str = "metrics", **more: Any) -> None:
    def make() -> Iterator[Request]:
        for one in requests:
            body = one() if callable(one) else one
            yield body if isinstance(body, Request) else Request(body, signal)

    CASES.append(Hostile(name, make, **more))


def _refused(name: str, reason: str, metric: bytes | Callable[[], bytes], **more: Any) -> None:
    """Add a metric that is refused, beside the rest of its request, which is not."""

    def body() -> bytes:
        return w.metrics("bad", metric() if callable(metric) else metric)

    _case(name, body, reason=reason, **more)


def _body(
    name: str, reason: str, body: bytes | Callable[[], bytes], signal: str = "metrics", **more: Any
) -> None:
    """Add a body that is refused as a whole."""
    more = {"answers": _BAD, "rpc": _INVALID, "counter": "refused_bodies"} | more
    _case(name, body, signal=signal, reason=reason, **more)


def _gauge(labels: w.Labels = (), name: w.Text = "bad.gauge", **more: Any) -> bytes:
    return w.metric(name, w.gauge(w.number(1.0, labels)), **more)


def _span(content: bytes = b"", name: w.Text = "bad") -> bytes:
    return w.traces("bad", w.span(name, content, _TRACE))


def _attribute(value: bytes, at: int) -> bytes:
    return w.message(at, w.message(1, "k") + w.message(2, value))


# Bodies: size, nesting, number of messages, encoding.
_TOO_LARGE: dict[str, Any] = {
    "answers": frozenset({413}),
    "rpc": frozenset({"RESOURCE_EXHAUSTED"}),
    "counter": "refused_bodies",
}
_case(
    "a label value of 17 MiB, 17 kB compressed",
    lambda: Request(w.metrics("bad", _gauge({"k": "x" * 17 * MIB})), encoding="gzip"),
    reason="body_size",
    **_TOO_LARGE,
)
_case(
    "a body of 5 MiB without compression",
    lambda: Request(w.metrics("bad", _gauge({"k": "x" * 5 * MIB}))),
    reason="body_size",
    **_TOO_LARGE | {"answers": frozenset({413, 0})},
)
_case(
    "a bomb of 200 MiB in deflate",
    lambda: Request(bytes(200 * MIB), encoding="deflate"),
    reason="body_size",
    **_TOO_LARGE | {"rpc": frozenset()},
)
_body(
    "a span's attribute nested 200,000 deep",
    "nesting",
    lambda: _span(_attribute(w.nested(200_000), 9)),
    "traces",
)
_body("a span's attribute nested 33 deep", "nesting", lambda: _span(_attribute(w.nested(33), 9)), "traces")
_case("a span's attribute nested 32 deep", lambda: _span(_attribute(w.nested(32), 9)), signal="traces")
_body(
    "a point's attribute nested 200,000 deep",
    "nesting",
    lambda: w.metrics("bad", w.metric("bad.nested", w.gauge(_attribute(w.nested(200_000), 7) + w.number(1)))),
)
_body(
    "a resource's attribute nested 100,000 deep",
    "nesting",
    lambda: (
        w.metrics("bad", _gauge(), more=()) + w.message(1, w.message(1, _attribute(w.nested(100_000), 1)))
    ),
)
_body(
    "a scope's attribute nested 100 deep",
    "nesting",
    lambda: w.message(1, w.resource("bad") + w.message(2, w.message(1, _attribute(w.nested(100), 3)))),
)
_body(
    "an exemplar's attribute nested 100 deep",
    "nesting",
    lambda: w.metrics(
        "bad", w.metric("bad.x", w.total(w.number(1) + w.message(5, _attribute(w.nested(100), 7))))
    ),
)
_body(
    "an event's attribute nested 100 deep",
    "nesting",
    lambda: _span(w.message(11, _attribute(w.nested(100), 3))),
    "traces",
)
_case(
    "JSON nested 100,000 deep",
    lambda: Request(
        b'{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":'
        + b'{"arrayValue":{"values":[' * 100_000,
        "traces",
        "application/json",
    ),
    answers=_BAD,
    reason="nesting",
    counter="refused_bodies",
    rpc=frozenset(),
)
_case(
    "JSON of opening brackets only",
    lambda: Request(b"[" * MIB, "metrics", "application/json"),
    answers=_BAD,
    reason="nesting",
    counter="refused_bodies",
    rpc=frozenset(),
)
_case(
    "a negative count in JSON",
    Request(
        json.dumps(
            {
                "resourceMetrics": [
                    {
                        "scopeMetrics": [
                            {"metrics": [{"name": "", "histogram": {"dataPoints": [{"bucketCounts": [-1]}]}}]}
                        ]
                    }
                ]
            }
        ).encode(),
        "metrics",
        "application/json",
    ),
    answers=_BAD,
    rpc=frozenset(),
)
_case(
    "invalid UTF-8 in JSON",
    Request(b'{"resourceMetrics":[{"schemaUrl":"\xff"}]}', "metrics", "application/json"),
    answers=_BAD,
    reason="malformed",
    counter="refused_bodies",
    rpc=frozenset(),
)
_case(
    "JSON that ends early",
    Request(b'{"resourceMetrics":[{', "metrics", "application/json"),
    answers=_BAD,
    rpc=frozenset(),
)
_case(
    "JSON with numbers for texts",
    Request(
        json.dumps(
            {
                "resourceMetrics": [
                    {
                        "scopeMetrics": [
                            {
                                "metrics": [
                                    {"name": 5, "gauge": {"dataPoints": [{"asInt": "x", "timeUnixNano": -1}]}}
                                ]
                            }
                        ]
                    }
                ]
            }
        ).encode(),
        "metrics",
        "application/json",
    ),
    answers=frozenset({200, 400}),
    rpc=frozenset(),
)
_body("two million empty resources", "messages", lambda: b"\x0a\x00" * 2_000_000)
_body(
    "a million empty points",
    "messages",
    lambda: w.metrics("bad", w.metric("bad.empty", w.message(5, b"\x0a\x00" * 1_000_000))),
)
_body(
    "a million empty spans",
    "messages",
    lambda: w.message(1, w.resource("bad") + w.message(2, b"\x12\x00" * 1_000_000)),
    "traces",
)
_body("a length beyond the end", "malformed", b"\x0a\xff\xff\xff\x7f")
_body("random bytes", "malformed", bytes(range(255, 0, -1)))
_body("groups of protobuf", "malformed", b"\x0b" * 1000)
_case(
    "a gzip header, then nothing",
    Request(b"\x1f\x8b\x08", encoding="x-broken-gzip"),
    answers=_BAD,
    rpc=frozenset(),
)
_case("an unknown encoding", Request(b"x", encoding="lzma"), answers=_BAD, rpc=frozenset())
_case("GET instead of POST", Request(b"", method="GET"), answers=frozenset({405}), rpc=frozenset())
_case("an unknown content type", Request(b"x", kind="text/html"), answers=frozenset({415}), rpc=frozenset())
_case("an empty body", b"")

# Names and attributes.
_refused("an empty name", "name", _gauge(name=""))
_refused("a name of 20,000 bytes", "name", _gauge(name="n" * _LONG), gone="nnnnnnnnnn")
_refused("a name of invalid UTF-8", "name", _gauge(name=b"bad.\xff\xfe"))
_refused("a name of dots", "name", _gauge(name="..."))
_refused("65 attributes", "attributes", lambda: _gauge({f"k{number}": "v" for number in range(65)}))
_refused("10,000 attributes", "attributes", lambda: _gauge({f"k{number}": "v" for number in range(10_000)}))
_refused("an attribute's name of 20,000 bytes", "attribute_name", _gauge({"k" * _LONG: "v"}))
_refused("an attribute without a name", "attribute_name", _gauge({"": "v"}))
_refused("an attribute's value of 20,000 bytes", "attribute_value", _gauge({"k": "x" * _LONG}))
_refused(
    "a list of 20,000 bytes as a value",
    "attribute_value",
    lambda: w.metric(
        "bad.list",
        w.gauge(_attribute(w.message(5, w.message(1, w.message(1, "x")) * 5_000), 7) + w.number(1)),
    ),
)
_refused("invalid UTF-8 in an attribute's value", "invalid_utf8", _gauge({"k": b"\xff"}))
_refused("invalid UTF-8 in an attribute's name", "invalid_utf8", _gauge({b"\xff": "v"}))
_refused("a unit of 20,000 bytes", "unit", _gauge(unit="u" * _LONG))
_refused("invalid UTF-8 in a unit", "unit", _gauge(unit=b"\xff"))
_case(
    "a description of 20,000 bytes",
    w.metrics("bad", _gauge(name="bad.described", description="d" * _LONG)),
    reason="metric",
    counter="cut_texts",
    gone="d" * 600,
)
_case(
    "invalid UTF-8 in a description",
    w.metrics("bad", _gauge(name="bad.utf8", description=b"a\xff\xfe")),
    reason="metric",
    counter="cut_texts",
)
_case(
    "quotes, line ends and NUL in texts",
    w.metrics("bad", _gauge({"k": 'a"\n\\\r\x00# {}'}, name='bad."\n# EOF', description='"\n# EOF\n\\\x00')),
)
_refused(
    "a histogram with the attribute le",
    "reserved_label",
    w.metric("bad.le", w.histogram(w.bucketed([1.0], [1, 1], {"le": "1"}))),
)
_refused(
    "a summary with the attribute quantile",
    "reserved_label",
    w.metric("bad.q", w.summary((0.5, 1.0), values={"quantile": "1"})),
)
_refused("the attribute __name__", "reserved_label", _gauge({"__name__": "up"}))
_refused("the attributes job and instance", "reserved_label", _gauge({"job": GOOD, "instance": "one"}))
_refused("two attributes of one label", "duplicate_label", _gauge({"a.b": "1", "a_b": "2"}))
_refused("an attribute twice", "duplicate_label", lambda: _gauge([("k", "1"), ("k", "2")]))
_refused("an attribute of underscores", "reserved_label", _gauge({"日本": "1"}))
_refused("a metric up", "reserved_name", _gauge(name="up"))
_refused("a metric of the scrape", "reserved_name", _gauge(name="scrape_samples_scraped"))
_refused("the exporter's target_info", "reserved_name", _gauge(name="target.info"))
_refused("a counter target_info", "type_conflict", w.metric("target.info", w.total(w.number(1.0))))

# Types: the good service has good_calls_total, the histogram good_seconds, and the gauge good_level.
_refused("a gauge of the good counter's name", "type_conflict", _gauge(name="good.calls.total"))
_refused(
    "a counter of the good gauge's name",
    "type_conflict",
    w.metric("good_level", w.histogram(w.bucketed([1.0], [1, 1]))),
)
_refused("a gauge X_count beside a histogram X", "type_conflict", _gauge(name="good.seconds.count"))
_refused(
    "a gauge X_bucket beside a histogram X", "type_conflict", _gauge({"le": "1"}, name="good.seconds_bucket")
)
_refused(
    "a summary of the good histogram's name", "type_conflict", w.metric("good.seconds", w.summary((0.5, 1.0)))
)
_refused(
    "a gauge of a name of the contract", "type_conflict", _gauge(name="signal_service.api.requests_total")
)
_case(
    "a.b and a_b of one process",
    w.metrics("bad", _gauge(name="bad.x.y"), _gauge(name="bad.x_y")),
    reason="duplicate_series",
)
_case(
    "one metric of two scopes",
    w.metrics("bad", _gauge(name="bad.scoped")),
    w.message(
        1,
        w.resource("bad")
        + w.message(2, w.message(1, w.message(1, "other")) + w.message(2, _gauge(name="bad.scoped"))),
    ),
    reason="duplicate_series",
)

# Numbers.
_refused("a counter that is negative", "negative_counter", w.metric("bad.counter", w.total(w.number(-1.0))))
_refused("a counter that is NaN", "negative_counter", w.metric("bad.counter", w.total(w.number(_NAN))))
_refused(
    "bounds that descend",
    "inconsistent_buckets",
    w.metric("bad.h", w.histogram(w.bucketed([2.0, 1.0], [1, 1, 1]))),
)
_refused(
    "bounds that repeat",
    "inconsistent_buckets",
    w.metric("bad.h", w.histogram(w.bucketed([1.0, 1.0], [1, 1, 1]))),
)
_refused(
    "bounds that are NaN",
    "inconsistent_buckets",
    w.metric("bad.h", w.histogram(w.bucketed([_NAN, _NAN], [1, 1, 1]))),
)
_refused(
    "an explicit bound of +Inf",
    "inconsistent_buckets",
    w.metric("bad.h", w.histogram(w.bucketed([1, _INF], [1, 1, 1]))),
)
_refused(
    "more counts than bounds",
    "inconsistent_buckets",
    w.metric("bad.h", w.histogram(w.bucketed([1.0], [1] * 9))),
)
_refused(
    "a count that is not the sum",
    "inconsistent_buckets",
    w.metric("bad.h", w.histogram(w.bucketed([1.0], [5, 5], count=3))),
)
_refused(
    "counts beyond 64 bits",
    "inconsistent_buckets",
    w.metric("bad.h", w.histogram(w.bucketed([1.0], [(1 << 64) - 1, 2], count=1))),
)
_refused(
    "50,000 buckets",
    "buckets",
    lambda: w.metric("bad.h", w.histogram(w.bucketed(list(range(50_000)), [1] * 50_001))),
)
_refused(
    "an exponential histogram out of range",
    "inconsistent_buckets",
    w.metric("bad.e", w.exponential(20, 2**31 - 10, [1] * 5)),
)
_case(
    "differences of exponential histograms far apart",
    *(
        w.metrics("bad", w.metric("bad.far", w.exponential(20, offset, [1], temporality=1)))
        for offset in (-(2**30), 2**30)
    ),
)
_refused(
    "an exponential histogram of scale -2,000,000,000",
    "inconsistent_buckets",
    w.metric("bad.e", w.exponential(-2_000_000_000, 0, [1])),
)
_refused(
    "an exponential histogram of 100,000 buckets",
    "buckets",
    lambda: w.metric("bad.e", w.exponential(3, 0, [0] * 100_000)),
)
_refused(
    "quantiles of 7 and NaN", "inconsistent_quantiles", w.metric("bad.s", w.summary((7.0, 1.0), (_NAN, 1.0)))
)
_case("a metric without data", w.metrics("bad", w.metric("bad.nothing", b"")))
_refused("a point without a value", "no_data", w.metric("bad.nothing", w.gauge(w.fixed(3, 1))))
_refused("a sum without temporality", "temporality", w.metric("bad.t", w.total(w.number(1.0), temporality=0)))
_case(
    "times of 1970, 2100 and the end of 64 bits",
    *(
        w.metrics("bad", w.metric("bad.time", w.gauge(w.number(1.0, at=at))))
        for at in (0, 1, 4_102_444_800 * 10**9, 2**63 - 1, 2**64 - 1)
    ),
)
_case(
    "an exemplar of 2100 with many attributes",
    w.metrics(
        "bad",
        w.metric(
            "bad.exemplar",
            w.histogram(
                w.bucketed([1.0], [1, 1])
                + w.message(
                    8,
                    w.fixed(2, 2**63)
                    + w.double(3, _NAN)
                    + w.message(4, bytes(8))
                    + w.message(5, b"\xff" * 16)
                    + w.labels({f"k{number}": "x" * 500 for number in range(50)}),
                )
            ),
        ),
    ),
)
_case(
    "values NaN, +Inf and -0",
    w.metrics(
        "bad",
        w.metric(
            "bad.values",
            w.gauge(*(w.number(value, {"n": str(value)}) for value in (_NAN, _INF, -_INF, -0.0, 5e-324))),
        ),
    ),
)
_case(
    "buckets packed in half",
    w.metrics("bad", w.metric("bad.h", w.histogram(w.message(6, struct.pack("<Q", 1)[:5])))),
    answers=_BAD,
    rpc=_INVALID,
)

# Identities.
_case(
    "a service's name of 20,000 bytes",
    w.metrics("s" * _LONG, _gauge(name="bad.s")),
    reason="identity_length",
    gone="s" * 300,
)
_case("a service's name of invalid UTF-8", w.metrics(b"bad\xff", _gauge(name="bad.s")), reason="invalid_utf8")
_case(
    "an instance of 20,000 bytes",
    w.metrics("bad", _gauge(name="bad.i"), instance="i" * _LONG),
    reason="identity_length",
    gone="i" * 300,
)
_case(
    "a resource that would spoil target_info",
    w.metrics(
        "bad",
        _gauge(name="bad.r"),
        more={
            "": "v",
            "..": "v",
            "__name__": "up",
            "日本": "v",
            "k": b"\xff",
            "l" * _LONG: "v",
            "m": "x" * _LONG,
        },
    ),
    reason="resource",
    counter="cut_texts",
    gone="x" * 1_100,
)
_case(
    "a resource of 10,000 attributes",
    lambda: w.metrics("bad", _gauge(name="bad.r2"), more={f"key{number}": "v" for number in range(10_000)}),
    reason="resource",
    counter="cut_texts",
    gone="key9999",
)
_case("no resource at all", w.message(1, w.message(2, w.message(2, _gauge(name="bad.none")))))

# Spans.
_case(
    "a span's name of 20,000 bytes",
    _span(name="s" * _LONG),
    signal="traces",
    reason="span",
    counter="cut_texts",
    gone="s" * 300,
)
_case(
    "invalid UTF-8 in a span",
    _span(w.labels({b"\xff": b"\xfe"}, 9) + w.message(3, b"\xff"), b"bad\xff"),
    signal="traces",
    reason="span",
    counter="cut_texts",
)
_case(
    "a span of 10,000 attributes and events",
    lambda: _span(
        w.labels({f"k{number}": "v" for number in range(10_000)}, 9)
        + w.message(11, w.message(2, "e")) * 10_000
        + w.message(13, w.message(1, bytes(16))) * 10_000
    ),
    signal="traces",
    reason="span",
    counter="cut_texts",
)
_case(
    "a span's attribute of 1 MiB",
    lambda: _span(w.labels({"k": "x" * MIB}, 9)),
    signal="traces",
    reason="span",
    counter="cut_texts",
)
_case(
    "a span that ends before it starts",
    lambda: _span(w.fixed(7, 2**63) + w.fixed(8, 1)),
    signal="traces",
    reason="span",
    counter="cut_texts",
)
_case("a span without ids and times", w.traces("bad", w.message(5, "bad")), signal="traces")
_case(
    "a trace id of five bytes",
    w.traces("bad", w.message(1, b"12345") + w.message(5, "bad")),
    signal="traces",
    answers=_BAD,
    rpc=_INVALID,
)
