"""The base of the instrumentors: each patches one library, when the program imports it and never before.

A subclass declares its `Library`, and a method for each module that it patches:

    class ExampleInstrumentor(LibraryInstrumentor):
        library = Library(name="example", supports=("example >= 1, < 3",), ...)

        @on_import("example.pricing")
        def _pricing(self, module):
            self.measure(module, "delta", instrument_greeks(calculation_type="delta"))

The base does the rest: it checks the installed version, registers import hooks, replaces names that other modules
hold, undoes the patches, respects suppression, and calls request and response hooks.
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar, TypeVar

from opentelemetry.instrumentation.dependencies import (
    DependencyConflict,
    DependencyConflictError,
    get_dependency_conflicts,
)
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]  # it is typed, mypy cannot see it
    BaseInstrumentor,
)

from signalscope.decorators._nesting import inside, nesting
from signalscope.decorators._wrap import either
from signalscope.instrumentation._base._call_hooks import with_hooks
from signalscope.instrumentation._base._import_hooks import Hook, when_imported
from signalscope.instrumentation._base._patches import Patches, taking_self
from signalscope.instrumentation._base._suppression import (
    IsUndone,
    is_instrumentation_suppressed,
    is_suppressed,
    only_if_undone,
)
from signalscope.recording import internal_error

_logger = logging.getLogger("signalscope")
_SPANS = "SIGNALSCOPE_LIBRARY_SPANS"
_MODES = ("auto", "always", "never")
Method = Callable[..., Any]
_Hook = TypeVar("_Hook", bound=Callable[..., None])


def on_import(*modules: str) -> Callable[[_Hook], _Hook]:
    """Return a decorator: the method is called with each of these modules when the program has imported it."""

    def mark(method: _Hook) -> _Hook:
        vars(method)["hooked_modules"] = modules
        return method

    return mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """One integrated library.

    Args:
        name: The name of the instrumentor's entry point: what ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`` takes.
        title: The usual name of the library; empty if it is the same.
        kind: greeks, cache, queue, breaker, dependency, task, database, api or any.
        supports: Requirements on its distributions, such as ``vollib >= 1.0.7, < 2``. One that is installed and
            matches is enough; a part of the standard library has none.
        tested: The oldest and the newest version that the tests run with.
        measures: OpenTelemetry names of the metrics it records, as in the contract.
        spans: The spans it makes, in a sentence.
        unit: What counts as one calculation, operation, item or call, in a sentence.
        not_measured: Parts that are not measured, one sentence each.
        delegated: The official instrumentor that makes the spans, where there is one.
        notes: Further notes, one sentence each.
    """

    name: str
    title: str = ""
    kind: str
    supports: tuple[str, ...]
    tested: tuple[str, str] | None = None
    measures: tuple[str, ...]
    spans: str = "None."
    unit: str
    not_measured: tuple[str, ...]
    delegated: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", self.title or self.name)


class LibraryInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # see above
    """Instruments one library.

    `instrument` takes, besides what every instrumentor takes:

    * ``request_hook(span, args, kwargs)``: called before a measured call that has a recording span;
    * ``response_hook(span, result)``: called after it, unless it raised;
    * ``span``: ``auto`` (the default: a child span when the current span is recording), ``always`` or ``never``.

    Attributes:
        library: Its description.
        patches: Its patches.
        cleanup: What else `uninstrument` undoes.
        options: The arguments of `instrument`.
    """

    library: ClassVar[Library]
    patches: Patches
    cleanup: ExitStack
    options: Mapping[str, Any]

    def __init__(self) -> None:
        super().__init__()
        # Each class has one instance, and its constructor is called each time.
        if not hasattr(self, "patches"):
            self.patches = Patches()
            self.cleanup = ExitStack()
            self.options = {}
            self.create()

    def create(self) -> None:
        """Create the state of the instance; called once."""

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hook of each module, by its full name: by default the methods that `on_import` marks."""
        return {
            module: getattr(self, name)
            for name in dir(type(self))
            for module in getattr(getattr(type(self), name, None), "hooked_modules", ())
        }

    def begin(self) -> None:
        """Start parts other than patches; called by `instrument`."""

    def end(self) -> None:
        """Stop those parts; called by `uninstrument`."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return the supported versions; one of them is enough."""
        return self.library.supports

    def conflict(self) -> DependencyConflict | None:
        """Return the reason why the installed library cannot be instrumented; None if it can."""
        conflicts = [get_dependency_conflicts([requirement]) for requirement in self.library.supports]
        if not conflicts or None in conflicts:
            return None
        installed = [conflict for conflict in conflicts if conflict is not None and conflict.found]
        return (installed or conflicts)[0]

    @property
    def active(self) -> bool:
        """True while the library is instrumented."""
        return bool(self.is_instrumented_by_opentelemetry)

    def instrument(self, **kwargs: Any) -> Any:
        """Instrument the library; do nothing if it is not installed or its version is not supported.

        The version is checked even with ``skip_dep_check``: the launcher sets that after it has checked the
        requirements of the whole distribution, and not those of this library.

        Raises:
            DependencyConflictError: With ``raise_exception_on_conflict=True``, if nothing is done.
        """
        conflict = self.conflict()
        if conflict is None:
            try:
                return super().instrument(**{**kwargs, "skip_dep_check": True})
            except Exception:  # must reach neither the program nor the instrumentors after this one
                _logger.exception(
                    "signalscope: instrumenting %s failed; going on without it", self.library.title
                )
            internal_error("instrumentation")
            return None
        if kwargs.get("raise_exception_on_conflict"):
            raise DependencyConflictError(conflict)
        _logger.info("signalscope: %s is not instrumented: %s", self.library.title, conflict)
        return None

    def measure(
        self, owner: Any, name: str, decorator: Method, *, nested: bool = False, over: bool = False
    ) -> None:
        """Patch a function of a module, or a method of a class.

        Args:
            owner: The module or class; None if this version of the library does not have it.
            name: The attribute; it may be missing.
            decorator: A decorator of `signalscope.decorators`.
            nested: Whether calls inside a measured calculation are measured too.
            over: Whether to patch it even if another instrumentor has.
        """

        def make(original: Any, is_undone: IsUndone) -> Any:
            hooked = with_hooks(original, self.options.get("request_hook"), self.options.get("response_hook"))

            def use_original() -> bool:
                return is_undone() or (not nested and inside()) or is_instrumentation_suppressed()

            return either(original, decorator(hooked), otherwise=use_original)

        self.patches.add(owner, name, make, over=over)

    def replace(self, owner: Any, name: str, make: Callable[[Any, IsUndone], Any]) -> None:
        """Patch a method of a class, or a function of a module, with one that calls the original itself.

        Args:
            owner: The class or module.
            name: The attribute; it may be missing.
            make: Makes the replacement from the original, which takes a method's object as its first argument, and
                from a function that returns True if the patch has been undone.
        """
        self.patches.add(owner, name, lambda original, is_undone: make(taking_self(original), is_undone))

    def intercept(
        self, owner: Any, name: str, around: Method, *, unless: Callable[[IsUndone], bool] = is_suppressed
    ) -> None:
        """Patch a method of a class, or a function of a module, with one that calls a function around it.

        Args:
            owner: The class or module.
            name: The attribute; it may be missing.
            around: Called with the original and the arguments of the call, in which a method's object is the first.
                A coroutine function makes the replacement one too.
            unless: Returns True for a call that goes straight to the original.
        """

        def make(original: Method, is_undone: IsUndone) -> Method:
            if inspect.iscoroutinefunction(around):

                @functools.wraps(original)
                async def awaited(*args: Any, **kwargs: Any) -> Any:
                    if unless(is_undone):
                        return await original(*args, **kwargs)
                    return await around(original, *args, **kwargs)

                return awaited

            @functools.wraps(original)
            def called(*args: Any, **kwargs: Any) -> Any:
                return original(*args, **kwargs) if unless(is_undone) else around(original, *args, **kwargs)

            return called

        self.replace(owner, name, make)

    def surround(
        self,
        owner: Any,
        name: str,
        context: Callable[..., AbstractContextManager[list[Any]]],
        *,
        is_async: bool,
        unless: Callable[[IsUndone], bool],
    ) -> None:
        """Patch a method of a class with one that calls the original inside of a context manager.

        Args:
            owner: The class.
            name: The method; it may be missing.
            context: Called with the arguments of the call; the result is appended to the list that it gives.
            is_async: True if the method is a coroutine function.
            unless: Returns True for a call that goes straight to the original.
        """

        def call(original: Method, /, *args: Any, **kwargs: Any) -> Any:
            with context(*args, **kwargs) as results:
                result = original(*args, **kwargs)
                results.append(result)
            return result

        async def await_call(original: Method, /, *args: Any, **kwargs: Any) -> Any:
            with context(*args, **kwargs) as results:
                result = await original(*args, **kwargs)
                results.append(result)
            return result

        self.intercept(owner, name, await_call if is_async else call, unless=unless)

    def on_created(self, cls: type, act: Callable[[Any], object]) -> None:
        """Call a function with each new object of a class, after its constructor.

        Args:
            cls: The class.
            act: The function; what it raises is counted.
        """

        def init(original: Method, created: Any, /, *args: Any, **kwargs: Any) -> None:
            original(created, *args, **kwargs)
            self.safely(act, created)

        self.intercept(cls, "__init__", init, unless=only_if_undone)

    def safely(self, act: Callable[..., object], *args: Any) -> None:
        """Call a function; an exception is counted, and does not reach the program."""
        try:
            act(*args)
        except Exception:  # must not reach the caller
            internal_error(f"instrumentation.{type(self).__module__.rpartition('.')[2]}")

    @property
    def span(self) -> Any:
        """When measured calls have spans: the argument of `instrument`, else SIGNALSCOPE_LIBRARY_SPANS, else auto."""
        mode = self.options.get("span") or os.environ.get(_SPANS) or "auto"
        if mode in _MODES:
            return mode
        _logger.error("signalscope: %s=%r is not allowed; allowed: %s", _SPANS, mode, ", ".join(_MODES))
        return "auto"

    def _instrument(self, **kwargs: Any) -> None:
        self.options = kwargs
        nesting.on = nesting.on or self.library.kind != "api"  # requests are not parts of other calls
        self.begin()
        for name, hook in self.hooks().items():
            when_imported(name, self._while_instrumented(hook, kwargs))

    def _uninstrument(self, **kwargs: Any) -> None:
        self.options = {}
        self.patches.undo()
        self.cleanup.close()
        self.end()

    def _while_instrumented(self, hook: Hook, options: Mapping[str, Any]) -> Hook:
        """Return a hook that does nothing once the library has been uninstrumented, or instrumented again."""

        def call(module: ModuleType) -> None:
            if self.options is options:
                try:
                    hook(module)
                finally:
                    self.patches.spread(module)

        return call
