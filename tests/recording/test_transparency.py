"""A decorated callable behaves as without the decorator: results, exceptions, signatures, kinds, identity."""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import math
import operator
import pickle
import types
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any, NamedTuple

import cachetools
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, validate_call
from tests.recording.conftest import Recorded
from tests.waiting import eventually_async

from fastapi import Depends, FastAPI
from signalscope.decorators import instrument_greeks

decorate: Callable[[Any], Any] = instrument_greeks(calculation_type="delta", check=False)


def plain(a: int, b: int = 2, *rest: int, c: int = 3, **more: int) -> tuple[Any, ...]:
    """Has every kind of parameter."""
    return a, b, rest, c, more


def positional_only(a: int, /, b: int) -> tuple[int, int]:
    """Has a parameter without a name for callers."""
    return a, b


def keyword_only(*, self: int, args: int, kwargs: int) -> tuple[int, int, int]:
    """Has the parameter names that a careless wrapper uses itself."""
    return self, args, kwargs


def failing(a: Any) -> Any:
    """Raises always."""
    raise LookupError(a)


def generating(n: int) -> Iterator[int]:
    """Yields."""
    yield from range(n)


async def awaiting(a: int) -> int:
    """Awaits."""
    await asyncio.sleep(0)
    return a


async def both(n: int) -> AsyncIterator[int]:
    """Yields and awaits."""
    for step in range(n):
        await asyncio.sleep(0)
        yield step


class Adding:
    """A callable object."""

    def __init__(self) -> None:
        self.state = 5

    def __call__(self, a: int) -> int:
        """Adds."""
        return a + self.state

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Adding) and other.state == self.state

    def __hash__(self) -> int:
        return self.state


class AwaitedCallable:
    """An object whose call is a coroutine."""

    async def __call__(self, a: int) -> int:
        """Return the argument."""
        return a


@functools.lru_cache
def cached(a: int) -> int:
    """Has a cache in front."""
    return a


@functools.singledispatch
def dispatched(a: Any) -> str:
    """Dispatches by type."""
    return f"any {a}"


@dispatched.register
def _of_int(a: int) -> str:
    return f"int {a}"


@types.coroutine
def old_style(a: int) -> Any:
    """A generator that can be awaited."""
    yield
    return a


CALLABLES: dict[str, Any] = {
    "plain": plain,
    "positional-only": positional_only,
    "keyword-only": keyword_only,
    "failing": failing,
    "generator": generating,
    "coroutine": awaiting,
    "async generator": both,
    "object": Adding(),
    "awaited object": AwaitedCallable(),
    "partial": functools.partial(plain, 1, c=9),
    "partial of a coroutine": functools.partial(awaiting, 4),
    "lru_cache": cached,
    "singledispatch": dispatched,
    "builtin": len,
    "builtin without a signature": max,
    "C function": math.hypot,
    "bound builtin method": [3, 1, 2].count,
    "bound method": Adding().__call__,
    "class": complex,
    "named tuple": NamedTuple("Pair", [("a", int), ("b", int)]),
    "lambda": lambda *a: a,
    "coroutine of a generator": old_style,
    "decorated before": decorate(plain),
}
WRAPPED = {name: decorate(function) for name, function in CALLABLES.items()}

arguments = st.lists(
    st.one_of(st.integers(-2, 4), st.just("text"), st.lists(st.integers(), max_size=3)), max_size=3
)
keywords = st.dictionaries(
    st.sampled_from(["a", "b", "c", "self", "args", "kwargs", "x"]), st.integers(0, 4), max_size=3
)


@pytest.mark.parametrize("name", CALLABLES)
@given(arguments, keywords)
@settings(max_examples=40, deadline=None)
def test_a_call_does_what_it_did(name: str, args: list[Any], kwargs: dict[str, int]) -> None:
    """Right and wrong arguments have the same result or the same exception, with the same message."""
    expected = _done(CALLABLES[name], copy.deepcopy(args), kwargs)
    assert _done(WRAPPED[name], args, kwargs) == expected


def _done(call: Any, args: list[Any], kwargs: dict[str, int]) -> tuple[str, Any]:
    """Return the result of a call, at once or after its generator is exhausted or its coroutine awaited."""
    try:
        got = call(*args, **kwargs)
    except Exception as error:  # both must raise the same, and both now
        return f"at once {type(error).__name__}", str(error)
    try:
        if inspect.iscoroutine(got) or inspect.isasyncgen(got) or inspect.isawaitable(got):
            got = asyncio.run(_awaited(got))
        elif inspect.isgenerator(got):
            got = list(got)
    except Exception as error:  # both must raise the same
        return type(error).__name__, str(error)
    return "returned", got


async def _awaited(got: Any) -> Any:
    return [item async for item in got] if inspect.isasyncgen(got) else await got


@pytest.mark.parametrize("name", CALLABLES)
def test_it_is_of_the_same_kind(name: str) -> None:
    """`inspect` sees the same kind of function, signature, name, documentation and annotations."""
    before, after = CALLABLES[name], WRAPPED[name]
    for question in (
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
        inspect.isclass,
        asyncio.iscoroutinefunction,
        callable,
    ):
        assert question(after) == question(before), question.__name__
    assert _signature(after) == _signature(before)
    for attribute in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__"):
        assert getattr(after, attribute, None) == getattr(before, attribute, None), attribute


def _signature(call: Any) -> Any:
    try:
        return inspect.signature(call)
    except ValueError as error:
        return type(error)


@decorate
def at_module_level(a: int) -> int:
    """Return the argument; pickle finds this function by its name."""
    return a


def test_functions_survive_pickling_and_copying() -> None:
    """They are pickled by name, as all functions are; a copy of a function is the same function."""
    assert pickle.loads(pickle.dumps(at_module_level)) is at_module_level
    assert copy.copy(at_module_level) is at_module_level
    assert copy.deepcopy(at_module_level) is at_module_level


def test_callable_objects_survive_pickling_and_copying(recorded: Recorded) -> None:
    """They are pickled with their state; copies are independent and still measured."""
    before = decorate(Adding())
    assert before == Adding()
    assert before.state == 5
    assert repr(decorate(functools.partial(max, 1))) == repr(functools.partial(max, 1))
    copied = copy.copy(before)
    copied.state = 7
    assert (before(1), copied(1)) == (6, 8)
    deep = copy.deepcopy(before)
    deep.state = 8
    assert (before(1), deep(1)) == (6, 9)
    assert pickle.loads(pickle.dumps(before))(1) == 6
    assert sum(recorded.counts("signal_service.greeks.calculation").values()) == 4


def test_methods_of_every_kind(recorded: Recorded) -> None:
    """Above or below `classmethod` and `staticmethod`; properties; inheritance; `super`."""

    class Base:
        @decorate
        def method(self, a: int) -> tuple[Any, int]:
            return type(self).__name__, a

        @decorate
        @classmethod
        def outside(cls, a: int) -> tuple[str, int]:
            return cls.__name__, a

        @classmethod
        @decorate
        def inside(cls, a: int) -> tuple[str, int]:
            return cls.__name__, a

        @decorate
        @staticmethod
        def static(a: int) -> int:
            return a

        @decorate  # type: ignore[prop-decorator]  # the decorator accepts properties
        @property
        def prop(self) -> str:
            """Return the value."""
            return type(self).__name__

        builtin = decorate(len)
        partial = decorate(functools.partial(plain, 1))

        @decorate
        async def coroutine(self) -> str:
            return type(self).__name__

    class Derived(Base):
        @decorate
        def method(self, a: int) -> tuple[Any, int]:
            return super().method(a + 1)  # type: ignore[no-any-return]  # `decorate` is typed loosely here

    one: Any = Derived()
    assert one.method(1) == ("Derived", 2)
    assert Derived.method(one, 1) == ("Derived", 2)
    assert one.outside(3) == Derived.outside(3) == ("Derived", 3)
    assert one.inside(3) == Derived.inside(3) == ("Derived", 3)
    assert one.static(4) == Base.static(4) == 4
    assert one.prop == "Derived"
    assert Base.prop.__doc__ == "Return the value."
    assert one.builtin([1, 2]) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Python 3.13 warns about every partial in a class
        assert one.partial(5) == (1, 5, (), 3, {})
    assert asyncio.run(one.coroutine()) == "Derived"
    assert inspect.ismethod(one.method)
    assert sum(recorded.counts("signal_service.greeks.calculation").values()) == 14


def test_a_partial_in_a_class_warns_where_it_would_undecorated(recorded: Recorded) -> None:
    """Python 3.13 warns about a partial that is read from an instance, at the user's line; others do not."""

    class Undecorated:
        partial = functools.partial(plain, 1)

    class Decorated:
        partial = decorate(Undecorated.__dict__["partial"])

    seen = []
    for owner in (Undecorated, Decorated):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert owner().partial(5) == owner.partial(5) == (1, 5, (), 3, {})
        seen.append(
            [(warning.category, str(warning.message), warning.filename, warning.lineno) for warning in caught]
        )
    assert seen[0] == seen[1]
    assert sum(recorded.counts("signal_service.greeks.calculation").values()) == 2


class _Meta(type):
    def __call__(cls, strike: float) -> Any:
        return super().__call__(strike, rate=0.0)


class _Classes:
    """Return classes that `inspect.signature` reads in different ways."""

    class Init:
        def __init__(self, spot: float, *, rate: float = 0.0) -> None: ...

    class New:
        def __new__(cls, spot: float, /) -> Any:
            return super().__new__(cls)

    class OfMetaclass(metaclass=_Meta):
        def __init__(self, strike: float, *, rate: float) -> None: ...

    class Model(BaseModel):
        size: int

    class Empty: ...


@pytest.mark.parametrize(
    "kind",
    [
        _Classes.Init,
        _Classes.New,
        _Classes.OfMetaclass,
        _Classes.Model,
        _Classes.Empty,
        type,
        dict,
        ValueError,
    ],
    ids=lambda kind: str(kind.__name__),
)
def test_a_class_keeps_its_signature(kind: Any) -> None:
    """This holds on every interpreter; a class without a signature has none when it is decorated."""
    assert _signature(decorate(kind)) == _signature(kind)


def test_registering_with_a_decorated_dispatcher(recorded: Recorded) -> None:
    """`functools.singledispatch` keeps its registry, and accepts decorated implementations."""

    @decorate
    @functools.singledispatch
    def describe(a: Any) -> str:
        return "any"

    @describe.register  # type: ignore[untyped-decorator]  # `decorate` is typed loosely here
    @decorate
    def _of_text(a: str) -> str:
        return "text"

    assert (describe(1), describe("x")) == ("any", "text")
    assert sum(recorded.counts("signal_service.greeks.calculation").values()) == 3


def test_pydantic_validates_through_it() -> None:
    """`validate_call` on either side sees the annotations."""

    @decorate
    @validate_call
    def inside(a: int) -> int:
        return a

    @validate_call
    @decorate
    def outside(a: int) -> int:
        return a

    assert inside("3") == outside("4") - 1 == 3


class Order(BaseModel):
    """Return the parameters of the endpoint."""

    size: int


@decorate
def sync_dependency(q: int = 1) -> int:
    """Runs in a thread."""
    return q


@decorate
async def async_dependency(q: int = 1) -> int:
    """Runs in the loop."""
    return q + 1


ENTERED: list[str] = []


@decorate
def yielding_dependency(q: int = 1) -> Iterator[int]:
    """Run after the answer."""
    ENTERED.append("in")
    yield q + 2
    ENTERED.append("out")


@decorate
async def endpoint(
    item: str,
    order: Order,
    one: Annotated[int, Depends(sync_dependency)],
    and_other: Annotated[int, Depends(async_dependency)],
    also: Annotated[int, Depends(yielding_dependency)],
) -> dict[str, Any]:
    """Return the arguments."""
    return {"item": item, "size": order.size, "given": [one, and_other, also]}


async def test_fastapi_takes_it_as_dependency_and_endpoint() -> None:
    """Plain, asynchronous and yielding dependencies and an object work, with parameters from path, query and body."""
    app = FastAPI()
    app.post("/{item}")(endpoint)
    app.get("/object")(decorate(Adding()))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.post("/x?q=5", json={"size": 3})
        assert answer.json() == {"item": "x", "size": 3, "given": [5, 6, 7]}
        assert ENTERED == ["in", "out"]
        assert (await client.post("/x?q=word", json={"size": 3})).status_code == 422
        assert (await client.get("/object?a=4")).json() == 9


@pytest.mark.parametrize(
    "what",
    [5, "delta", functools.partialmethod(plain, 1), functools.singledispatchmethod(plain)],
    ids=["number", "text", "partialmethod", "singledispatchmethod"],
)
def test_what_cannot_be_called_is_refused(what: Any) -> None:
    """The error is raised at decoration, not at the first call, and says what to decorate instead."""
    with pytest.raises(TypeError, match=r"not callable.*; put the decorator on the function itself"):
        decorate(what)


def test_wrong_arguments_are_refused_when_the_call_is_made(recorded: Recorded) -> None:
    """The error is raised at the call, not at the first `await` or step; nothing is measured."""

    class Pricer:
        @decorate
        async def delta(self, spot: float, /, *, rate: float) -> float:
            return spot

        @classmethod
        @decorate
        async def chain(cls, *spots: float, rate: float = 0.0, **more: float) -> AsyncIterator[float]:
            for spot in spots:
                yield spot + rate

    for call in (Pricer().delta, Pricer.delta, decorate(functools.partial(Pricer().delta, 1.0))):
        with pytest.raises(TypeError, match=r"Pricer.delta\(\) (missing \d required|takes)"):
            call()
    with pytest.raises(TypeError, match=r"chain\(\) got multiple values for argument 'cls'"):
        Pricer.chain(1.0, cls=2.0)
    assert asyncio.run(Pricer().delta(1.0, rate=0.5)) == 1.0
    assert recorded.counts("signal_service.greeks.calculation") == {
        ("delta", "false", "other", "1", "success"): 1
    }


def test_cached_properties_and_kinds_of_properties(recorded: Recorded) -> None:
    """A cached property is calculated and measured once; a property keeps its class."""

    class Kind(property):
        pass

    class Option:
        @decorate  # type: ignore[prop-decorator]  # the decorator accepts properties
        @functools.cached_property
        def cached(self) -> list[int]:
            return []

        @functools.cached_property
        @decorate
        def other(self) -> list[int]:
            return []

        own: Any = decorate(Kind(lambda self: 7))

    one = Option()
    assert one.cached is one.cached
    assert one.other is one.other
    assert one.own == 7
    assert type(Option.__dict__["own"]) is Kind
    assert sum(recorded.counts("signal_service.greeks.calculation").values()) == 3


def test_what_descriptors_give_to_objects_is_called(recorded: Recorded) -> None:
    """An unusual descriptor may reject a direct call, and may return an object for its class too."""

    class Doubling:
        def __init__(self, call: Callable[[Any, float], float]) -> None:
            self.call, self.name = call, ""

        def __set_name__(self, owner: type, name: str) -> None:
            self.name = name

        def __get__(self, instance: object, owner: type | None = None) -> Any:
            return self.name if instance is None else lambda spot: 2 * self.call(instance, spot)

        def __call__(self, *args: object) -> None:
            raise TypeError("not to be called")

    class Pricer:
        def __init__(self) -> None:
            self.cache: cachetools.LRUCache[Any, float] = cachetools.LRUCache(4)
            self.calculated = 0

        @decorate
        @cachetools.cachedmethod(operator.attrgetter("cache"))
        def price(self, spot: float) -> float:
            self.calculated += 1
            return spot

        @decorate
        @Doubling
        def delta(self, spot: float) -> float:
            return spot

    one, other = Pricer(), Pricer()
    assert [one.price(1.0), one.price(1.0), other.price(2.0), one.delta(0.25)] == [1.0, 1.0, 2.0, 0.5]
    assert (one.calculated, len(one.cache), str(Pricer.delta)) == (1, 1, "delta")
    assert sum(recorded.counts("signal_service.greeks.calculation").values()) == 4


def test_a_bound_method_s_arguments_are_the_call_s(recorded: Recorded) -> None:
    """Arguments do not include `self`, which was passed when the method was bound."""

    class Pricer:
        def price(self, model: str, options: int = 3) -> float:
            return 0.5

        @classmethod
        def shared(cls, model: str, options: int = 3) -> float:
            return 0.5

    measure: Any = instrument_greeks(
        calculation_type="price", model_type=lambda model: model, batch_size=lambda options: options
    )
    for bound in (Pricer().price, Pricer.shared):
        call = measure(bound)
        call("black", 50)
        call(model="heston")
    assert recorded.counts("signal_service.greeks.calculation") == {
        ("price", "false", "black", "11-100", "success"): 2,
        ("price", "false", "heston", "2-10", "success"): 2,
    }


def test_an_argument_is_found_however_it_is_given(recorded: Recorded) -> None:
    """A positional-only parameter never has a keyword's value; a missing argument is `other`, and counted."""

    @instrument_greeks(calculation_type="price", model_type=lambda model: model)
    def price(model: str = "black", /, **more: str) -> float:
        return 0.5

    def with_session(call: Callable[..., float]) -> Callable[..., float]:
        @functools.wraps(call)
        def inner(*args: Any) -> float:
            return call("session", *args)

        return inner

    @instrument_greeks(calculation_type="rho", model_type=lambda model: model)
    @with_session
    def rho(session: str, model: str) -> float:
        return 0.5

    price(model="heston")
    rho("heston")
    assert recorded.counts("signal_service.greeks.calculation") == {
        ("price", "false", "black", "1", "success"): 1,
        ("rho", "false", "other", "1", "success"): 1,
    }
    assert recorded.counts("signalscope.internal.errors") == {("decorators.greeks.attributes",): 1}


@pytest.mark.parametrize("what", [len, math.hypot, complex], ids=["builtin", "C function", "class"])
def test_builtins_survive_pickling(what: Any) -> None:
    """They are pickled as the builtins themselves."""
    assert pickle.loads(pickle.dumps(decorate(what))) is what


async def test_an_abandoned_asynchronous_generator_is_closed_once() -> None:
    """The event loop closes only the outer generator, which closes the inner one."""
    complaints: list[Any] = []
    closed: list[int] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))

    @decorate
    async def abandoned() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            closed.append(1)

    kept: Any = abandoned()
    assert await kept.__anext__() == 1
    async for value in abandoned():
        assert value == 1
        break
    await eventually_async(lambda: closed, "the one that was broken off")
    await asyncio.get_running_loop().shutdown_asyncgens()
    assert closed == [1, 1]
    assert complaints == []
