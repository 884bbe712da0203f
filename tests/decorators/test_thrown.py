"""An exception that the consumer throws into a decorated generator is not an error of the generator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import pytest

from fastapi import Depends, FastAPI, HTTPException
from signalscope import instrument_dependency, instrument_greeks
from signalscope.decorators import _nesting
from signalscope.testing import Captured

SECONDS = "signal_service_external_service_duration_seconds"
ERRORS = "signal_service_dependency_errors_total"


def _plain() -> Iterator[int]:
    yield 1


def _cleans_up() -> Iterator[int]:
    try:
        yield 1
    finally:
        _cleaned.append(1)


def _raises_again() -> Iterator[int]:
    try:
        yield 1
    except ValueError:
        _cleaned.append(2)
        raise


def _raises_the_same() -> Iterator[int]:
    try:
        yield 1
    except ValueError as error:
        _cleaned.append(3)
        raise error  # noqa: TRY201  # as some programs do


def _delegates() -> Iterator[int]:
    yield from _raises_the_same()


def _fails_at_once() -> Iterator[int]:
    raise KeyError("no connection")
    yield 1


def _fails_in_cleanup() -> Iterator[int]:
    try:
        yield 1
    finally:
        raise KeyError("rollback")


def _translates() -> Iterator[int]:
    try:
        yield from _plain()
    except ValueError as error:
        raise KeyError("another") from error


_cleaned: list[int] = []
_PASS = [_plain, _cleans_up, _raises_again, _raises_the_same, _delegates]
_FAIL = [_fails_at_once, _fails_in_cleanup, _translates]


def _async(function: Callable[[], Iterator[int]]) -> Callable[[], AsyncIterator[int]]:
    async def generator() -> AsyncIterator[int]:
        steps: Any = function()
        value = next(steps)
        try:
            yield value
        except BaseException as error:
            steps.throw(error)
            raise
        next(steps, None)

    return generator


def _consumers(values: Any) -> Iterator[None]:
    """Throw from another generator, whose frames are in the traceback of the exception too."""
    with values():
        yield
        raise ValueError("the consumer")


@pytest.mark.parametrize("is_nested", [False, True])
@pytest.mark.parametrize("function", [*_PASS, *_FAIL])
async def test_only_own_errors_count(
    captured: Captured, function: Any, is_nested: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends as if the consumer had closed it; an error of its own, also in its cleanup, is an error."""
    monkeypatch.setattr(_nesting.nesting, "on", is_nested)
    own = function in _FAIL
    decorate = instrument_dependency(service_name="database")
    error = KeyError if own else ValueError
    with pytest.raises(error):
        list(_consumers(contextmanager(decorate(function))))
    with pytest.raises(error):
        async with asynccontextmanager(decorate(_async(function)))():
            raise ValueError("the consumer")
    outcomes = [p.labels["outcome"] for p in captured.points(SECONDS) for _ in range(p.count or 0)]
    assert outcomes == ["error" if own else "cancelled"] * 2
    assert sum(p.value for p in captured.points(ERRORS)) == (2 if own else 0)


def test_a_throw_without_a_traceback(captured: Captured) -> None:
    """A new exception has no traceback of the consumer."""
    values: Any = instrument_greeks(calculation_type="delta")(_plain)()
    next(values)
    with pytest.raises(ValueError, match="new"):
        values.throw(ValueError("new"))
    assert captured.count("signal_service_greeks_calculation_seconds", outcome="cancelled") == 1


@pytest.mark.parametrize("function", [_cleans_up, _async(_cleans_up)])
@pytest.mark.parametrize("path", ["/?number=text", "/?number=404", "/?number=500"])
async def test_an_endpoint_that_fails_is_not_an_error_of_its_dependency(
    captured: Captured, function: Any, path: str
) -> None:
    """FastAPI throws a 422, a 404 and an unhandled exception into the dependency."""
    app = FastAPI()
    dependency = instrument_dependency(service_name="database")(function)

    @app.get("/")
    def endpoint(number: int, value: int = Depends(dependency)) -> int:
        raise HTTPException(number) if number != 500 else ValueError(value)

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        assert (await client.get(path)).status_code >= 400
    assert captured.count(SECONDS, outcome="error") == 0
    assert captured.count(SECONDS) == 1
    assert sum(p.value for p in captured.points(ERRORS)) == 0
