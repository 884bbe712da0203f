"""The cases of the table that one process with a configured SDK can measure."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

import numpy as np
import prometheus_client
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from benchmarks.measure import medians, rounds_of
from benchmarks.report import Result
from benchmarks.subjects import ATTRIBUTES, ByHand, Calculator, delta, delta_async, drive
from signalscope import contract, recording
from signalscope.decorators import instrument_greeks
from signalscope.demo.service import engine

__all__ = ["collection", "configured"]

BUCKETS = contract.GREEKS_BUCKETS

_ARGUMENTS = (100.0, 105.0, 0.25)
_CONSTANT: dict[str, Any] = {"calculation_type": "delta", "model_type": "black_scholes"}


class _Discard(SpanExporter):
    """An exporter that discards spans; both sides of a comparison have the same cost for it."""

    def export(self, spans: Any) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def set_up() -> tuple[InMemoryMetricReader, trace.Tracer, trace.Tracer, metrics.Meter]:
    """Configure an SDK with one reader, and two tracers: one samples no trace, the other every trace."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    sampled = TracerProvider(shutdown_on_exit=False)
    sampled.add_span_processor(SimpleSpanProcessor(_Discard()))
    trace.set_tracer_provider(sampled)
    recording.initialise(provider, [reader])
    dropping = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    return (
        reader,
        dropping.get_tracer("by_hand"),
        sampled.get_tracer("by_hand"),
        provider.get_meter("by_hand"),
    )


def configured(rounds: int) -> Iterator[Result]:  # in one function, every case stands beside its baseline
    """Measure all forms of `@instrument_greeks`, compared with the same by hand."""
    reader, dropping, sampling, meter = set_up()
    by_hand, by_hand_sampled = ByHand(dropping, meter), ByHand(sampling, meter)
    calculator = Calculator()
    observed = prometheus_client.Histogram(
        "by_hand_seconds", "By hand.", list(ATTRIBUTES), buckets=contract.GREEKS_BUCKETS
    ).labels(*ATTRIBUTES.values())

    def with_prometheus(spot: float, strike: float, expiry: float) -> float:
        begun = time.perf_counter()
        result = delta(spot, strike, expiry)
        observed.observe(time.perf_counter() - begun)
        return result

    class Decorated(Calculator):
        delta = instrument_greeks(**_CONSTANT)(Calculator.delta)

    decorated = Decorated()
    plain = instrument_greeks(**_CONSTANT)(delta)
    unchecked = instrument_greeks(**_CONSTANT, check=False)(delta)
    coroutine = instrument_greeks(**_CONSTANT)(delta_async)
    of_arguments = instrument_greeks(
        calculation_type=lambda strike: "delta" if strike else "gamma",
        model_type=lambda expiry: "black_scholes" if expiry else "black",
    )(delta)
    hand, hand_sampled = by_hand.function(delta), by_hand_sampled.function(delta)
    hand_method, hand_async = by_hand.function(calculator.delta), by_hand.coroutine(delta_async)
    unsampled = dropping.start_span("request")
    recorded = sampling.start_span("request")

    def under(span: trace.Span, call: Callable[..., object]) -> Callable[[], object]:
        def run() -> object:
            with trace.use_span(span):
                for _ in repeat(None, 50):
                    call(*_ARGUMENTS)
            return None

        return run

    times = medians(
        rounds_of(
            {
                "bare": lambda: delta(*_ARGUMENTS),
                "plain": lambda: plain(*_ARGUMENTS),
                "unchecked": lambda: unchecked(*_ARGUMENTS),
                "of_arguments": lambda: of_arguments(*_ARGUMENTS),
                "hand": lambda: hand(*_ARGUMENTS),
                "prometheus": lambda: with_prometheus(*_ARGUMENTS),
                "bare_method": lambda: calculator.delta(*_ARGUMENTS),
                "method": lambda: decorated.delta(*_ARGUMENTS),
                "hand_method": lambda: hand_method(*_ARGUMENTS),
                "bare_async": lambda: drive(delta_async(*_ARGUMENTS)),
                "async": lambda: drive(coroutine(*_ARGUMENTS)),
                "hand_async": lambda: drive(hand_async(*_ARGUMENTS)),
                "bare_under": under(unsampled, delta),
                "plain_unsampled": under(unsampled, plain),
                "hand_unsampled": under(unsampled, hand),
                "plain_sampled": under(recorded, plain),
                "hand_sampled": under(recorded, hand_sampled),
            },
            rounds,
            between=reader.get_metrics_data,
        )
    )
    for name in [name for name in times if name.endswith(("_under", "sampled"))]:
        times[name] /= 50
    added = {name: value - times["bare"] for name, value in times.items()}
    for name in ("method", "hand_method"):
        added[name] = times[name] - times["bare_method"]
    for name in ("async", "hand_async"):
        added[name] = times[name] - times["bare_async"]
    for name in ("plain_unsampled", "hand_unsampled", "plain_sampled", "hand_sampled"):
        added[name] = times[name] - times["bare_under"]

    def against(case: str, ours: str, theirs: str, baseline: str, target: float) -> Result:
        ratio = added[ours] / added[theirs]
        return Result(case, added[ours], baseline, ratio, target, ratio <= target)

    yield against("plain function, no current span", "plain", "hand", "by hand, sampled out", 0.05)
    yield against(
        "plain function, current span not sampled", "plain_unsampled", "hand_unsampled", "by hand", 0.05
    )
    yield against("plain function", "plain", "prometheus", "prometheus_client observe by hand", 1.0)
    yield against("method", "method", "hand_method", "by hand, sampled out", 0.08)
    yield against("async function", "async", "hand_async", "by hand, sampled out", 0.08)
    yield against("span sampled and recorded", "plain_sampled", "hand_sampled", "by hand, sampled", 0.5)
    yield against("two attributes from arguments", "of_arguments", "hand", "by hand, sampled out", 0.10)
    check = added["plain"] - added["unchecked"]
    yield Result("result check of a scalar", check, "300 ns", check / 300, 1.0, check <= 300)
    yield Result("by hand, sampled out", added["hand"], "-", note="baseline")
    yield Result("by hand, sampled", added["hand_sampled"], "-", note="baseline")
    yield Result("prometheus_client observe by hand", added["prometheus"], "-", note="baseline")
    yield from _arrays(rounds)
    yield from _threads(plain)


def _arrays(rounds: int) -> Iterator[Result]:
    """Measure the check of a result of 10,000 elements, compared with the calculation of one."""
    spots = np.linspace(50.0, 150.0, 10_000)

    def deltas() -> np.ndarray[Any, Any]:
        return engine.delta(True, spots, 100.0, 0.25, 0.03, 0.2)

    result = deltas()

    def known() -> np.ndarray[Any, Any]:
        return result

    options: dict[str, Any] = {**_CONSTANT, "vectorized": True}
    unchecked, checked = instrument_greeks(**options, check=False)(known), instrument_greeks(**options)(known)
    times = medians(
        rounds_of({"deltas": deltas, "unchecked": unchecked, "checked": checked}, max(10, rounds // 2))
    )
    check = times["checked"] - times["unchecked"]
    ratio = check / times["deltas"]
    yield Result("result check of 10,000 elements", check, "their calculation", ratio, 0.05, ratio <= 0.05)


def _threads(call: Callable[..., object]) -> Iterator[Result]:
    """Measure eight threads at once, compared with one: calls for each second of processor time."""

    def rate(threads: int, calls: int = 40_000) -> float:
        def work() -> None:
            for _ in repeat(None, calls):
                call(*_ARGUMENTS)

        workers = [threading.Thread(target=work) for _ in range(threads)]
        begun = time.process_time()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return threads * calls / (time.process_time() - begun)

    rates = [(rate(1), rate(8)) for _ in range(9)]
    ratio = sorted(eight / one for one, eight in rates)[len(rates) // 2]
    yield Result("8 threads: calls per core", None, "1 thread", ratio, 0.9, ratio >= 0.9, "at least")


def collection(series: int = 10_000, rounds: int = 15) -> Iterator[Result]:
    """Measure a collection of many histogram series, each with a new measurement, and without new ones."""
    attributes = tuple(contract.Attribute(key, "A key.", cap=2 * series) for key in ("a", "b", "c"))
    contract.extend(
        contract.Instrument(
            "benchmarks.many", contract.Kind.HISTOGRAM, "s", "Many.", "benchmarks", attributes, BUCKETS
        )
    )
    ours_reader, sdk_reader = (InMemoryMetricReader(**_limit(2 * series)) for _ in range(2))
    provider = MeterProvider([ours_reader], shutdown_on_exit=False)
    recording.initialise(provider, [ours_reader])
    sdk = MeterProvider([sdk_reader], shutdown_on_exit=False).get_meter("by_hand")
    histogram = sdk.create_histogram("many", explicit_bucket_boundaries_advisory=BUCKETS)
    instrument = recording.get_instrument("benchmarks.many")
    keys = [(f"a-{number}", "b", "c") for number in range(series)]
    bound = [instrument.series(*key) for key in keys]
    sets = [dict(zip("abc", key, strict=True)) for key in keys]

    def both() -> None:
        for one, own in zip(bound, sets, strict=True):
            one.record(0.001)
            histogram.record(0.001, own)

    def timed(reader: InMemoryMetricReader) -> float:
        gc.collect()
        begun = time.process_time_ns()
        reader.get_metrics_data()
        return time.process_time_ns() - begun

    gc.disable()
    times: dict[str, list[float]] = {"ours": [], "sdk": [], "ours_idle": [], "sdk_idle": []}
    for _ in range(rounds):
        both()
        for name, reader in (("ours", ours_reader), ("sdk", sdk_reader)):
            times[name].append(timed(reader))
            times[f"{name}_idle"].append(timed(reader))
    gc.enable()
    times_ns = medians(times)
    for case, name in (("all with a new value", ""), ("none with a new value", "_idle")):
        ratio = times_ns[f"ours{name}"] / times_ns[f"sdk{name}"]
        yield Result(
            f"collection of {series:,} series, {case}",
            times_ns[f"ours{name}"],
            f"SDK, {times_ns[f'sdk{name}'] / 1e6:.1f} ms",
            ratio,
            0.5,
            ratio <= 0.5,
        )


def _limit(series: int) -> dict[str, Any]:
    """Return the reader's option that sets the cardinality limit of an instrument, if the SDK has limits."""
    try:
        InMemoryMetricReader(cardinality_limits={Histogram: series})
    except TypeError:
        return {}
    return {"cardinality_limits": {Histogram: series}}
