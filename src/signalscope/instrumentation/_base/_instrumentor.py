"""The base of the instrumentors: each instrumentor patches one library, after the program has imported it.

A subclass declares its `Library`, and a method for each module that it patches:

    class ExampleInstrumentor(LibraryInstrumentor):
        library = Library(name="example", supports=("example >= 1, < 3",), ...)

        @on_import("example.pricing")
        def _pricing(self, module):
            self.measure(module, "delta", instrument_greeks(calculation_type="delta"))

The base checks the installed version and registers import hooks. It replaces functions also in modules that imported
them by name, and undoes the patches. It respects suppression, and calls request and response hooks.
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
from signalscope.instrumentation._base._import_hooks import Hook, log_failure, when_imported
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
    """Return a decorator for a method that is called with each of these modules after its import."""

    def mark(method: _Hook) -> _Hook:
        vars(method)["hooked_modules"] = modules
        return method

    return mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """One integrated library.

    Args:
        name: The name of the instrumentor's entry point, as in ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS``.
        title: The usual name of the library; empty if it is the same.
        kind: greeks, cache, queue, breaker, dependency, task, database, api or any.
        supports: Requirements on its distributions, such as ``vollib >= 1.0.7, < 2``. One of them must be met; the
            standard library has none.
        tested: The oldest and the newest version that the tests run with.
        measures: OpenTelemetry names of the recorded metrics, as in the contract.
        spans: A sentence about the spans.
        unit: The definition of one calculation, operation, item or call.
        not_measured: Parts that are not measured, one sentence each.
        delegated: The official instrumentor that makes the spans; empty if there is none.
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
    """Base of the instrumentors, each for one library.

    `instrument` takes these arguments, in addition to those of every OpenTelemetry instrumentor:

    * ``request_hook(span, args, kwargs)``: called before a measured call that has a recording span;
    * ``response_hook(span, result)``: called after the call, unless the call raised;
    * ``span``: ``auto`` (the default: a child span when the current span is recording), ``always`` or ``never``.

    Attributes:
        library: The description of the library.
        patches: The patches of this instrumentor.
        cleanup: Further callbacks of `uninstrument`.
        options: The arguments of `instrument`.
    """

    library: ClassVar[Library]
    patches: Patches
    cleanup: ExitStack
    options: Mapping[str, Any]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._instance = None  # otherwise a class gets the instance of an instrumentor that it is derived from

    def __init__(self) -> None:
        super().__init__()
        # Each class has one instance, and each call of the class calls the constructor again.
        if not hasattr(self, "patches"):
            self.patches = Patches()
            self.cleanup = ExitStack()
            self.options = {}
            self.create()

    def create(self) -> None:
        """Create the state of the instance; it is called once."""

    def hooks(self) -> Mapping[str, Hook]:
        """Return the hook for each full name of a module; by default these are the methods marked by `on_import`."""
        return {
            module: getattr(self, name)
            for name in dir(type(self))
            for module in getattr(getattr(type(self), name, None), "hooked_modules", ())
        }

    def begin(self) -> None:
        """Start further parts that are not patches; `instrument` calls it."""

    def end(self) -> None:
        """Stop the parts that `begin` has started; `uninstrument` calls it."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return the supported versions as requirements; one of them must be met."""
        return self.library.supports

    def conflict(self) -> DependencyConflict | None:
        """Return the reason why the library is not instrumented (missing, wrong version); None if there is none."""
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

        The version is checked even with ``skip_dep_check``. The launcher sets this argument after it has checked the
        requirements of the whole distribution, but not the requirements of this library.

        Args:
            **kwargs: The hooks and ``span`` (see the class), or ``raise_exception_on_conflict``.

        Raises:
            DependencyConflictError: The library is missing or its version is not supported, and
                ``raise_exception_on_conflict=True``.
        """
        conflict, title = self.conflict(), self.library.title
        if conflict is None:
            try:
                return super().instrument(**{**kwargs, "skip_dep_check": True})
            except Exception as error:  # must not reach the program or stop the next instrumentors
                log_failure(title, error, "instrumentation")
        elif kwargs.get("raise_exception_on_conflict"):
            raise DependencyConflictError(conflict)
        elif conflict.found:
            _logger.warning(
                "signalscope: %s is not measured: %s is installed, and %s is supported [SS406]",
                title,
                conflict.found,
                " or ".join(self.library.supports),
            )
        else:
            _logger.info("signalscope: %s is not instrumented: %s", title, conflict)
        return None

    def measure(
        self, owner: Any, name: str, decorator: Method, *, nested: bool = False, over: bool = False
    ) -> None:
        """Patch a function of a module, or a method of a class.

        Args:
            owner: The module or class; None if this version of the library does not have it.
            name: The attribute; it may be missing.
            decorator: A decorator of `signalscope.decorators`.
            nested: True to measure calls inside a measured calculation too.
            over: True to patch the attribute even if another instrumentor has patched it.
        """

        def make(original: Any, is_undone: IsUndone) -> Any:
            hooked = with_hooks(original, self.options.get("request_hook"), self.options.get("response_hook"))

            def use_original() -> bool:
                return is_undone() or (not nested and inside()) or is_instrumentation_suppressed()

            return either(original, decorator(hooked), otherwise=use_original)

        self.patches.add(owner, name, make, over=over)

    def replace(self, owner: Any, name: str, make: Callable[[Any, IsUndone], Any]) -> None:
        """Patch a method of a class, or a function of a module, with a replacement that calls the original itself.

        Args:
            owner: The class or module.
            name: The attribute; it may be missing.
            make: Returns the replacement. Its arguments are the original, and a function that returns True if the
                patch has been undone. The original of a method takes the object as its first argument.
        """
        self.patches.add(owner, name, lambda original, is_undone: make(taking_self(original), is_undone))

    def intercept(
        self, owner: Any, name: str, around: Method, *, unless: Callable[[IsUndone], bool] = is_suppressed
    ) -> None:
        """Patch a method of a class, or a function of a module, with a call of another function.

        Args:
            owner: The class or module.
            name: The attribute; it may be missing.
            around: Called with the original, the object of a method, and the arguments of the call. If it is a
                coroutine function, the replacement is a coroutine function too.
            unless: Returns True for a call that goes directly to the original.
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
        """Patch a method of a class with a call of the original inside of a context manager.

        Args:
            owner: The class.
            name: The method; it may be missing.
            context: Called with the arguments of the call. It yields a list that the result is appended to.
            is_async: True if the method is a coroutine function.
            unless: Returns True for a call that goes directly to the original.
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
            act: The function; its exceptions are counted and not raised.
        """

        def init(original: Method, created: Any, /, *args: Any, **kwargs: Any) -> None:
            original(created, *args, **kwargs)
            self.safely(act, created)

        self.intercept(cls, "__init__", init, unless=only_if_undone)

    def safely(self, act: Callable[..., object], *args: Any) -> None:
        """Call a function; count its exception and do not raise it."""
        try:
            act(*args)
        except Exception:  # must not reach the caller
            internal_error(f"instrumentation.{type(self).__module__.rpartition('.')[2]}")

    @property
    def span(self) -> Any:
        """The `span` argument of `instrument`, else SIGNALSCOPE_LIBRARY_SPANS, else ``auto``."""
        mode = self.options.get("span") or os.environ.get(_SPANS) or "auto"
        if mode in _MODES:
            return mode
        _logger.error(
            "signalscope: %s=%r is not allowed; use one of %s [SS403]", _SPANS, mode, ", ".join(_MODES)
        )
        return "auto"

    def _instrument(self, **kwargs: Any) -> None:
        self.options = kwargs
        nesting.on = nesting.on or self.library.kind != "api"  # a request is not a part of another call
        self.begin()
        for name, hook in self.hooks().items():
            when_imported(name, self._while_instrumented(hook, kwargs))

    def _uninstrument(self, **kwargs: Any) -> None:
        self.options = {}
        self.patches.undo()
        self.cleanup.close()
        self.end()

    def _while_instrumented(self, hook: Hook, options: Mapping[str, Any]) -> Hook:
        """Return a hook that does nothing after the library was uninstrumented or instrumented again."""

        def call(module: ModuleType) -> None:
            if self.options is options:
                try:
                    hook(module)
                finally:
                    self.patches.spread(module)

        return call
