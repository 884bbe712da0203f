"""OTLP messages as bytes, also such that no SDK would write: invalid UTF-8, deep nesting, wrong lengths.

Numbers are the fields of opentelemetry-proto 1.x.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterable, Mapping, Sequence

Text = str | bytes
Labels = Mapping[Text, "Text | int | float | bytes"] | Sequence[tuple[Text, "Text | int | float"]]
CUMULATIVE = 2


def varint(number: int) -> bytes:
    """Return an unsigned number in base 128; a negative one as its two's complement of 64 bits."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def message(number: int, content: Text) -> bytes:
    """Return a field with a message, text or bytes."""
    data = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(data)) + data


def integer(number: int, value: int) -> bytes:
    """Return a field with a varint."""
    return varint(number << 3) + varint(value)


def fixed(number: int, value: int) -> bytes:
    """Return a field with an unsigned integer of 64 bits."""
    return varint(number << 3 | 1) + struct.pack("<Q", value & (1 << 64) - 1)


def double(number: int, value: float) -> bytes:
    """Return a field with a float."""
    return varint(number << 3 | 1) + struct.pack("<d", value)


def attribute(key: Text, value: Text | int | float, field: int = 7) -> bytes:
    """Return an attribute as a field; a metric point has them at 7, a span at 9, a resource at 1."""
    if isinstance(value, (str, bytes)):
        inner = message(1, value)
    elif isinstance(value, int):
        inner = integer(3, value)
    else:
        inner = double(4, value)
    return message(field, message(1, key) + message(2, inner))


def labels(values: Labels, field: int = 7) -> bytes:
    """Return attributes as fields; a sequence of pairs may have a key twice."""
    pairs: Iterable[tuple[Text, Text | int | float]] = (
        values.items() if isinstance(values, Mapping) else values
    )
    return b"".join(attribute(key, value, field) for key, value in pairs)


def number(value: float, values: Labels = (), at: int | None = None) -> bytes:
    """Return a point of a gauge or sum."""
    now = time.time_ns() if at is None else at
    return labels(values) + fixed(2, max(now - 10**9, 0)) + fixed(3, now) + double(4, value)


def bucketed(
    bounds: Sequence[float],
    counts: Sequence[int],
    values: Labels = (),
    count: int | None = None,
    total: float = 1.0,
) -> bytes:
    """Return a point of a histogram; its count is the sum of the buckets if it is not given."""
    now = time.time_ns()
    return (
        labels(values, 9)
        + fixed(2, now - 10**9)
        + fixed(3, now)
        + fixed(4, sum(counts) if count is None else count)
        + double(5, total)
        + message(6, struct.pack(f"<{len(counts)}Q", *counts))
        + message(7, struct.pack(f"<{len(bounds)}d", *bounds))
    )


def gauge(*points: bytes) -> bytes:
    """Return the data of a gauge."""
    return message(5, b"".join(message(1, point) for point in points))


def total(*points: bytes, monotonic: bool = True, temporality: int = CUMULATIVE) -> bytes:
    """Return the data of a sum."""
    data = b"".join(message(1, point) for point in points)
    return message(7, data + integer(2, temporality) + integer(3, monotonic))


def histogram(*points: bytes, temporality: int = CUMULATIVE) -> bytes:
    """Return the data of a histogram."""
    return message(9, b"".join(message(1, point) for point in points) + integer(2, temporality))


def exponential(
    scale: int, offset: int, counts: Sequence[int], count: int | None = None, temporality: int = CUMULATIVE
) -> bytes:
    """Return the data of an exponential histogram with one point."""
    now = time.time_ns()
    zigzag = (offset << 1) ^ (offset >> 31)
    packed = b"".join(varint(one) for one in counts)
    point = (
        fixed(2, now - 10**9)
        + fixed(3, now)
        + fixed(4, sum(counts) if count is None else count)
        + double(5, 1.0)
        + integer(6, (scale << 1) ^ (scale >> 31))
        + message(8, integer(1, zigzag) + message(2, packed))
    )
    return message(10, message(1, point) + integer(2, temporality))


def summary(*quantiles: tuple[float, float], values: Labels = (), count: int = 1) -> bytes:
    """Return the data of a summary with one point."""
    now = time.time_ns()
    data = b"".join(message(6, double(1, quantile) + double(2, value)) for quantile, value in quantiles)
    point = labels(values) + fixed(2, now - 10**9) + fixed(3, now) + fixed(4, count) + double(5, 1.0) + data
    return message(11, message(1, point))


def metric(name: Text, data: bytes, unit: Text = "", description: Text = "") -> bytes:
    """Return a metric."""
    return message(1, name) + message(2, description) + message(3, unit) + data


def metrics(service: Text, *sent: bytes, instance: Text = "one", more: Labels = ()) -> bytes:
    """Return a request with metrics of one service."""
    scope = b"".join(message(2, one) for one in sent)
    return message(1, resource(service, instance, more) + message(2, scope))


def traces(service: Text, *sent: bytes, instance: Text = "one", more: Labels = ()) -> bytes:
    """Return a request with spans of one service."""
    scope = b"".join(message(2, one) for one in sent)
    return message(1, resource(service, instance, more) + message(2, scope))


def resource(service: Text, instance: Text = "one", more: Labels = ()) -> bytes:
    """Return the resource of a service as a field."""
    known = labels({"service.name": service, "service.instance.id": instance}, 1)
    return message(1, known + labels(more, 1))


def span(name: Text, content: bytes = b"", trace: int = 1) -> bytes:
    """Return a span; its attributes have the field number 9."""
    now = time.time_ns()
    ids = message(1, trace.to_bytes(16, "big")) + message(2, trace.to_bytes(8, "big"))
    return ids + message(5, name) + integer(6, 2) + fixed(7, max(now - 10**7, 0)) + fixed(8, now) + content


def nested(depth: int) -> bytes:
    """Return an attribute value: lists within lists."""
    # Built from the inside with the lengths first: a loop over `message` would copy the whole each time.
    lengths, inner = [], 0
    for _ in range(depth):
        lengths.append(inner)
        body = 1 + len(varint(inner)) + inner  # the list's field `values`
        inner = 1 + len(varint(body)) + body  # the value's field `array_value`
    out = bytearray()
    for inner in reversed(lengths):
        body = 1 + len(varint(inner)) + inner
        out += b"\x2a" + varint(body) + b"\x0a" + varint(inner)
    return bytes(out)
