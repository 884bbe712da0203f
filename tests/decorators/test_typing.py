"""Decorating keeps a function's type: checked by mypy, which `make test` runs over this file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import assert_type

import pytest

from signalscope import instrument_cache, instrument_greeks, instrument_queue, instrument_task


@instrument_greeks
def delta(spot: float, *, strike: float = 1.0) -> float:
    """A plain function, decorated bare."""
    return spot / strike


@instrument_task(task_type="tick")
async def tick(count: int) -> list[int]:
    """A coroutine function, decorated with arguments."""
    return [count]


@instrument_queue(queue_type="work")
def drain() -> Iterator[str]:
    """A generator function."""
    yield "job"


@instrument_task
async def stream() -> AsyncIterator[bytes]:
    """An asynchronous generator function."""
    yield b"chunk"


class Prices:
    """Methods."""

    @instrument_cache(cache_type="prices")
    def get(self, symbol: str) -> float | None:
        """A method."""
        return {"A": 1.0}.get(symbol)

    @staticmethod
    @instrument_greeks(calculation_type="price")
    def flat(spot: float) -> float:
        """A static method."""
        return spot


async def test_types_are_those_of_the_functions() -> None:
    """A type checker and the interpreter see the same results, parameters and kinds of functions."""
    assert_type(delta(2.0, strike=4.0), float)
    assert_type(await tick(3), list[int])
    assert_type(drain(), Iterator[str])
    assert_type(stream(), AsyncIterator[bytes])
    assert_type(Prices().get("A"), float | None)
    plain: Callable[[float], float] = Prices.flat
    assert plain(2.0) == 2.0
    assert [chunk async for chunk in stream()] == [b"chunk"]
    with pytest.raises(TypeError, match="spot"):
        delta()  # type: ignore[call-arg]  # the mistake that a type checker must see
