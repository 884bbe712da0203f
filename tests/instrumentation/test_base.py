"""The base of the instrumentors, tested with a library that is made for the test."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import wrapt
from opentelemetry.instrumentation.dependencies import DependencyConflictError
from opentelemetry.instrumentation.utils import suppress_instrumentation

from signalscope import instrument_greeks
from signalscope.instrumentation._base._instrumentor import Library, LibraryInstrumentor
from signalscope.instrumentation.aiobreaker import AiobreakerInstrumentor
from signalscope.instrumentation.pybreaker import PybreakerInstrumentor
from signalscope.testing import Captured, capture

PRICING = """
def delta(s, k=100.0):
    return 0.5 if s >= k else gamma(s)
def gamma(s):
    return 0.25
async def vega(s):
    return gamma(s)
def failing(s):
    raise LookupError(s)
class Option:
    @staticmethod
    def rho(s):
        return s
    @classmethod
    def theta(cls, s):
        return cls, s
    def price(self, s):
        return s
class American(Option):
    pass
"""
USING = "from zs_lib.pricing import delta\nimport zs_lib.pricing\n"


class Instrumentor(LibraryInstrumentor):
    """Instrumentor of the test's library."""

    library = Library(
        name="zs_lib", title="zs_lib", kind="greeks", supports=(), tested=None, measures=(), spans="", unit="",
        not_measured=(),
    )  # fmt: skip

    def hooks(self) -> Mapping[str, Callable[[ModuleType], None]]:
        """Return the hook of the one module."""
        return {"zs_lib.pricing": self._pricing}

    def _pricing(self, module: Any) -> None:
        for name in ("delta", "gamma", "vega", "failing", "missing"):
            self.measure(module, name, instrument_greeks(calculation_type="delta", span=self.span))
        for name in ("rho", "theta", "price"):
            self.measure(module.Option, name, instrument_greeks(calculation_type="price", check=False))
        self.measure(module.American, "rho", instrument_greeks(calculation_type="price", check=False))


@pytest.fixture
def instrumentor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instrumentor]:
    """Return the instrumentor; its library can be imported, and is not imported yet."""
    package = tmp_path / "zs_lib"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "pricing.py").write_text(PRICING, encoding="utf-8")
    (tmp_path / "zs_using.py").write_text(USING, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    instrumentor = Instrumentor()
    yield instrumentor
    if instrumentor.active:
        instrumentor.uninstrument()
    for name in [name for name in sys.modules if name.startswith("zs_")]:
        del sys.modules[name]


@pytest.fixture
def captured() -> Iterator[Captured]:
    """Return the recorded metrics."""
    with capture() as captured:
        yield captured


def _count(captured: Captured) -> int:
    return captured.count("signal_service_greeks_calculation_seconds")


def test_nothing_is_imported_until_the_program_does(instrumentor: Instrumentor) -> None:
    """Instrumenting does not import the library."""
    instrumentor.instrument()
    assert not [name for name in sys.modules if name.startswith("zs_")]


def test_names_imported_later_are_measured(instrumentor: Instrumentor, captured: Captured) -> None:
    """A module that does `from library import delta` gets the measured function."""
    instrumentor.instrument()
    using = importlib.import_module("zs_using")
    assert using.delta(120.0) == 0.5
    assert _count(captured) == 1


def test_names_imported_earlier_are_measured_too(instrumentor: Instrumentor, captured: Captured) -> None:
    """`uninstrument` restores the same object in every module."""
    using = importlib.import_module("zs_using")
    original, method = using.delta, using.zs_lib.pricing.Option.__dict__["rho"]
    instrumentor.instrument()
    assert using.delta is using.zs_lib.pricing.delta is not original
    using.delta(120.0)
    assert _count(captured) == 1
    assert "rho" in vars(using.zs_lib.pricing.American)
    instrumentor.uninstrument()
    assert using.delta is using.zs_lib.pricing.delta is original
    assert using.zs_lib.pricing.Option.__dict__["rho"] is method
    assert "rho" not in vars(using.zs_lib.pricing.American)
    using.delta(120.0)
    assert _count(captured) == 1


def test_uninstrumented_before_the_import(instrumentor: Instrumentor) -> None:
    """A hook that is left over does nothing."""
    instrumentor.instrument()
    instrumentor.uninstrument()
    using = importlib.import_module("zs_using")
    assert not hasattr(using.delta, "__wrapped__")


def test_instrumenting_twice_counts_once(
    instrumentor: Instrumentor, captured: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    """A call counts once after two `instrument`, also with an `uninstrument` between them."""
    using = importlib.import_module("zs_using")
    with caplog.at_level(logging.ERROR):
        instrumentor.instrument()
        instrumentor.instrument()
        instrumentor.uninstrument()
        instrumentor.instrument()
    using.delta(120.0)
    assert _count(captured) == 1


def test_nested_calls_count_once(instrumentor: Instrumentor, captured: Captured) -> None:
    """A calculation inside another one, or inside a decorated calculation, is not counted."""
    using = importlib.import_module("zs_using")
    instrumentor.instrument()
    using.delta(80.0)  # calls gamma
    assert _count(captured) == 1

    @instrument_greeks(calculation_type="chain")
    def chain(spots: list[float]) -> list[float]:
        return [using.delta(spot) for spot in spots]

    chain([80.0, 120.0, 130.0])
    assert captured.count("signal_service_greeks_calculation_seconds", calculation_type="chain") == 1
    assert _count(captured) == 2
    using.delta(80.0)
    assert _count(captured) == 3


async def test_what_a_generator_calls_is_a_part_of_it(instrumentor: Instrumentor, captured: Captured) -> None:
    """Calls in each step of a decorated generator are not counted; calls of its consumer between steps are."""
    using = importlib.import_module("zs_using")
    instrumentor.instrument()

    @instrument_greeks(calculation_type="chain")
    def chain() -> Generator[float, float, str]:
        spot = yield using.delta(80.0)
        try:
            yield using.delta(spot)
        except LookupError:
            yield using.delta(spot)
        finally:
            using.delta(spot)
        return "done"

    @instrument_greeks(calculation_type="chain")
    async def streamed() -> AsyncGenerator[float, None]:
        for spot in (80.0, 120.0):
            yield await asyncio.to_thread(using.delta, spot)

    steps = chain()
    next(steps)
    using.delta(90.0)
    steps.send(120.0)
    steps.throw(LookupError)
    with pytest.raises(StopIteration, match="done"):
        next(steps)
    assert captured.count("signal_service_greeks_calculation_seconds", calculation_type="chain") == 1
    assert _count(captured) == 2
    closed = chain()
    next(closed)
    closed.close()
    async for _ in streamed():
        using.delta(90.0)
    assert captured.count("signal_service_greeks_calculation_seconds", calculation_type="chain") == 3
    assert _count(captured) == 6


async def test_natures_signatures_and_results_are_kept(
    instrumentor: Instrumentor, captured: Captured
) -> None:
    """Coroutine functions, static methods and class methods keep their kind; exceptions are raised unchanged."""
    instrumentor.instrument()
    pricing = importlib.import_module("zs_lib.pricing")
    assert inspect.iscoroutinefunction(pricing.vega)
    assert await pricing.vega(1.0) == 0.25
    assert str(inspect.signature(pricing.delta)) == "(s, k=100.0)"
    assert pricing.Option.rho(3) == pricing.Option().rho(3) == pricing.American.rho(3) == 3
    assert pricing.American.theta(3) == (pricing.American, 3)
    assert pricing.Option().price(4) == 4
    with pytest.raises(LookupError):
        pricing.failing(1)
    assert _count(captured) == 7
    assert captured.count("signal_service_greeks_calculation_seconds", outcome="error") == 1


def test_suppression(instrumentor: Instrumentor, captured: Captured) -> None:
    """Inside OpenTelemetry's `suppress_instrumentation` nothing is measured."""
    instrumentor.instrument()
    pricing = importlib.import_module("zs_lib.pricing")
    with suppress_instrumentation():
        pricing.delta(120.0)
    assert _count(captured) == 0


def test_request_and_response_hooks(instrumentor: Instrumentor, captured: Captured) -> None:
    """Hooks get the span of the call; their exceptions do not change the call."""

    def request(span: Any, args: Any, kwargs: Any) -> None:
        span.set_attribute("spot", args[0])

    def response(span: Any, result: Any) -> None:
        span.set_attribute("delta", result)
        raise ValueError

    instrumentor.instrument(request_hook=request, response_hook=response)
    pricing = importlib.import_module("zs_lib.pricing")
    with captured.tracer.start_as_current_span("request"):
        assert pricing.delta(120.0) == 0.5
    assert pricing.delta(120.0) == 0.5
    span, _ = captured.spans()
    assert dict(span.attributes or {}).items() >= {"spot": 120.0, "delta": 0.5}.items()


def test_spans_can_be_left_out(
    instrumentor: Instrumentor,
    captured: Captured,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The variable switches spans off; the default is a child of a recording span; a wrong value is logged."""
    for mode, spans in (("never", 1), ("auto", 2), ("sometimes", 2)):
        monkeypatch.setenv("SIGNALSCOPE_LIBRARY_SPANS", mode)
        instrumentor.instrument()
        pricing = importlib.import_module("zs_lib.pricing")
        before = len(captured.spans())
        with captured.tracer.start_as_current_span("request"):
            pricing.delta(120.0)
        assert len(captured.spans()) - before == spans
        instrumentor.uninstrument()
    allowed = "use one of auto, always, never [SS403]"
    assert f"SIGNALSCOPE_LIBRARY_SPANS='sometimes' is not allowed; {allowed}" in caplog.text


def test_a_later_wrapper_stays_after_uninstrument(instrumentor: Instrumentor, captured: Captured) -> None:
    """If another instrumentor patches later and stays, its wrapper calls the original after `uninstrument`."""
    pricing = importlib.import_module("zs_lib.pricing")
    original = pricing.delta
    instrumentor.instrument()
    calls = []

    def theirs(wrapped: Any, _: Any, args: Any, kwargs: Any) -> Any:
        calls.append(args)
        return wrapped(*args, **kwargs)

    wrapt.wrap_function_wrapper(pricing, "delta", theirs)
    pricing.delta(120.0)
    assert (len(calls), _count(captured)) == (1, 1)
    instrumentor.uninstrument()
    pricing.delta(120.0)
    assert (len(calls), _count(captured)) == (2, 1)
    assert pricing.delta.__wrapped__ is original
    instrumentor.instrument()
    pricing.delta(120.0)
    assert (len(calls), _count(captured)) == (3, 2)


def test_a_hook_that_fails_does_not_fail_the_import(
    instrumentor: Instrumentor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The program's import succeeds, and the log names the module that is not instrumented."""

    def failing(_: Any) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(instrumentor, "_pricing", failing)
    instrumentor.instrument()
    using = importlib.import_module("zs_using")
    assert using.delta(120.0) == 0.5
    assert "instrumentation of zs_lib.pricing failed" in caplog.text


def test_an_instrumentor_that_fails_raises_nothing(
    instrumentor: Instrumentor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception would stop the next instrumentors under the launcher of another distribution."""

    def failing() -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(instrumentor, "begin", failing)
    instrumentor.instrument()
    assert not instrumentor.active
    assert [record.getMessage() for record in caplog.records] == [
        "signalscope: instrumentation of zs_lib failed; it is not measured: RuntimeError: no such luck [SS402]"
    ]


def test_a_library_that_is_missing_is_skipped_quietly_and_one_that_is_too_old_with_a_line(
    instrumentor: Instrumentor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The library is skipped; with the argument, the exception of official instrumentors is raised."""
    wrapt = metadata.version("wrapt")
    too_old = (
        f"signalscope: X is not measured: wrapt {wrapt} is installed, and wrapt >= 99 is supported [SS406]"
    )
    for requirement, lines in (("zs-not-there >= 1", []), ("wrapt >= 99", [too_old])):
        caplog.clear()
        library = Library(
            name="x", title="X", kind="greeks", supports=(requirement,), measures=(), unit="", not_measured=()
        )
        monkeypatch.setattr(Instrumentor, "library", library)
        with caplog.at_level(logging.WARNING):
            instrumentor.instrument(skip_dep_check=True)
        assert not instrumentor.active
        assert [record.getMessage() for record in caplog.records] == lines
        with pytest.raises(DependencyConflictError):
            instrumentor.instrument(raise_exception_on_conflict=True)


def test_an_instrumentor_that_is_derived_from_another_has_an_instance_of_its_own() -> None:
    """After pybreaker's instrumentor, aiobreaker's is not the same object, so that both libraries are measured."""
    one, other = PybreakerInstrumentor(), AiobreakerInstrumentor()
    assert type(one) is PybreakerInstrumentor
    assert type(other) is AiobreakerInstrumentor
    assert AiobreakerInstrumentor() is other
