"""Decorated callables survive pickle, cloudpickle and dill, into another process, and are measured there."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from signalscope import arg, instrument_greeks
from signalscope.testing import capture

_PROGRAM = """
import asyncio, functools, importlib, pickle, sys
from signalscope import arg, instrument_cache, instrument_dependency, instrument_greeks, instrument_query
from signalscope import instrument_queue, instrument_signal, instrument_task, result

scale = 2

def helper(x):
    return x / scale

@instrument_greeks(calculation_type="delta", vectorized=lambda x: False)
def function(x: float = 1.0) -> float:
    "Return a delta."
    return helper(x)

@instrument_greeks(calculation_type="delta")
async def coroutine(x):
    return helper(x)

@instrument_task
def generator(x):
    yield helper(x)

@instrument_task
async def async_generator(x):
    yield helper(x)

def closure(by):
    @instrument_signal(signal_type=arg("x"), emitted=result())
    def inner(x, depth=0):
        return inner(x, 1) if depth == 0 else x / by
    return inner

class Book:
    @instrument_dependency(service_name="books", operation=lambda self: "method")
    def method(self, x):
        return helper(x)

    @instrument_task
    @classmethod
    def of_class(cls, x):
        return helper(x)

    @staticmethod
    @instrument_cache(cache_type="books", hit=lambda result: True)
    def static(x):
        return helper(x)

    @instrument_query(table="books")
    async def later(self, x):
        return helper(x)

    @property
    @instrument_task
    def half(self):
        return helper(1)

@instrument_task
class Made:
    def __init__(self, x):
        self.x = x

class Called:
    def __call__(self, x):
        return helper(x)

called = instrument_task(Called())
partial = instrument_task(functools.partial(helper, 1))
half = instrument_greeks(calculation_type="delta")(lambda x: x / 2)
put = instrument_queue(queue_type="book", step="put")(lambda x: x / 2)

CASES = {
    "function": lambda: function, "coroutine": lambda: coroutine, "generator": lambda: generator,
    "async generator": lambda: async_generator, "lambda": lambda: half, "put": lambda: put,
    "closure": lambda: closure(2), "method": lambda: Book().method, "class method": lambda: Book.of_class,
    "static method": lambda: Book.static, "coroutine method": lambda: Book().later,
    "property": lambda: Book, "class": lambda: Made, "object": lambda: called, "partial": lambda: partial,
    "in a list": lambda: [function, half],
}
if __name__ == "__main__":
    pickler = importlib.import_module(sys.argv[1])
    # dill takes globals along only with `recurse`, which does not end for a closure that calls itself.
    options = lambda case: {"recurse": case != "closure"} if sys.argv[1] == "dill" else {}
    pickled = {case: pickler.dumps(CASES[case](), **options(case)) for case in sys.argv[2:]}
    sys.stdout.buffer.write(pickle.dumps(pickled))
"""
_LOADER = """
import asyncio, importlib, inspect, pickle, sys
from signalscope.testing import capture

pickler = importlib.import_module(sys.argv[1])
if pickler is pickle:
    import program
    for name in ("function", "coroutine", "generator", "async_generator", "Book", "Made", "Called", "called",
                 "partial", "helper"):
        setattr(sys.modules["__main__"], name, getattr(program, name))
NAMES = ("greeks_calculation", "background_task", "signal_generation", "external_service_duration",
         "cache_operation", "database_query")

async def all_of(items):
    return [item async for item in items]

def result_of(case, loaded):
    if case == "property":
        return loaded().half
    value = loaded() if case == "partial" else loaded(1)
    if inspect.isasyncgen(value):
        return asyncio.run(all_of(value))[0]
    if inspect.isgenerator(value):
        return list(value)[0]
    if inspect.iscoroutine(value):
        return asyncio.run(value)
    return value.x / 2 if case == "class" else value

for case, data in pickle.load(sys.stdin.buffer).items():
    with capture() as captured:
        loaded = pickler.loads(data)
        loaded = loaded[1] if case == "in a list" else loaded
        value = result_of(case, loaded)
        counted = sum(captured.count(f"signal_service_{name}_seconds") for name in NAMES)
        counted += captured.value("signal_service_queue_items_total") or 0
        errors = captured.value("signalscope_internal_errors_total")
        name = loaded.__name__ + " " + loaded.__doc__ if case == "function" else ""
        print(case, value, counted, errors, name, sep="|")
"""
_CASES = [
    "function", "coroutine", "generator", "async generator", "lambda", "put", "closure", "method", "class method",
    "static method", "coroutine method", "property", "class", "object", "partial", "in a list",
]  # fmt: skip


@pytest.mark.parametrize("pickler", ["pickle", "cloudpickle", "dill"])
def test_they_work_in_another_process(tmp_path: Path, pickler: str) -> None:
    """The started program is pickled, and another program loads it: by value, or with pickle by name."""
    pytest.importorskip(pickler)
    (tmp_path / "program.py").write_text(_PROGRAM, encoding="utf-8")
    (tmp_path / "loader.py").write_text(_LOADER, encoding="utf-8")
    nameless = {"lambda", "put", "closure", "in a list"}  # pickle needs a name, with a decorator or without
    cases = [case for case in _CASES if pickler != "pickle" or case not in nameless]

    def run(file: str, *arguments: str, given: bytes = b"") -> bytes:
        command = [sys.executable, str(tmp_path / file), pickler, *arguments]
        done = subprocess.run(command, input=given, capture_output=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    lines = run("loader.py", given=run("program.py", *cases)).decode().splitlines()
    by_case = {case: rest for case, *rest in (line.split("|") for line in lines)}
    assert list(by_case) == cases
    for case, (value, counted, errors, name) in by_case.items():
        calls = 2 if case == "closure" else 1
        is_measured = not (pickler == "pickle" and case in {"object", "partial"})
        assert (case, value, errors) == (case, "0.5", "None")
        assert (case, float(counted)) == (case, calls if is_measured else 0)
        assert name == ("function Return a delta." if case == "function" else "")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle_works(protocol: int) -> None:
    """The protocols 0 and 1 cannot pickle most objects with slots; decorated functions have to survive them too."""
    cloudpickle = pytest.importorskip("cloudpickle")
    half = instrument_greeks(calculation_type="delta", model_type=arg("model"))(lambda model: 0.5)
    loaded = pickle.loads(cloudpickle.dumps(half, protocol=protocol))
    with capture() as captured:
        assert loaded("black_scholes") == 0.5
        labels = {"calculation_type": "delta", "model_type": "black_scholes"}
        assert captured.count("signal_service_greeks_calculation_seconds", **labels) == 1
